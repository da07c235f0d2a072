#!/usr/bin/env python3
"""Run the tests of the Kafka source and of groups against a real Apache Kafka broker, fetched as Maven packages.

Exits 77 and says why when Java or Maven is missing or the packages cannot be had. The broker gets
free loopback ports and a folder of its own, is started again whenever a test kills it, and ends
with this script. WEND_TEST_KAFKA_VERSION chooses another version. Log-ins are tried at a second one, of a
version at which Debian's librdkafka can log in. A word chooses tests of the source by name.
"""
import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import kafka_broker


class Keeper:
    """Starts the broker again whenever it ends, until stop() is called; the file `pid` names its process."""

    def __init__(self, broker):
        self.broker, self.stopping = broker, False
        self.start()
        threading.Thread(target=self.keep, daemon=True).start()

    def start(self):
        self.broker.start()
        written = self.broker.folder / "pid.new"
        written.write_text(f"{self.broker.process.pid}\n")
        written.rename(self.broker.folder / "pid")

    def keep(self):
        while not self.stopping:
            self.broker.process.wait()
            if not self.stopping:
                self.start()

    def stop(self):
        self.stopping = True
        self.broker.kill()


def run_program(program, broker, words, **more):
    environment = dict(os.environ, WEND_TEST_BROKERS=broker.address, WEND_TEST_BROKER_PID=str(broker.folder / "pid"),
                       WEND_TEST_BROKER_DATA=str(broker.folder / "data"), **more)
    done = subprocess.run([str(program), *words], env=environment, timeout=400, check=False)
    if done.returncode not in (0, 77):
        print(broker.log_end(), file=sys.stderr)
    return done.returncode


def with_broker(work, **options):
    """Run `work` with a broker that comes back when it is killed; its code, or 77 when there can be none."""
    with tempfile.TemporaryDirectory(prefix="wend-kafka-") as folder:
        try:
            broker = kafka_broker.Broker(folder, **options)
        except kafka_broker.Skipped as why:
            print(f"skipped: {why}")
            return 77
        keeper = Keeper(broker)
        try:
            broker.wait_until_ready()
            return work(broker)
        finally:
            keeper.stop()


def main():
    folder = Path(os.environ.get("WEND_TEST_BUILD", "build/dev")) / "tests"
    topics, groups = folder / "services_kafka_broker_test", folder / "services_kafka_group_test"
    for program in (topics, groups):
        if not program.exists():
            print(f"{program} is not built", file=sys.stderr)
            return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))

    def plain(broker):
        code = run_program(topics, broker, sys.argv[1:])
        return code if code != 0 or len(sys.argv) > 1 else run_program(groups, broker, [])

    def secure(broker):
        return run_program(topics, broker, ["log_ins*"], WEND_TEST_SECURE_BROKERS=f"127.0.0.1:{broker.secured}",
                           WEND_TEST_SECURE_CA=str(broker.folder / "ca.pem"))

    code = with_broker(plain)
    if code == 0 and len(sys.argv) == 1:
        code = with_broker(secure, secure=True, version=kafka_broker.SCRAM_VERSION)
        code = 0 if code == 77 else code  # the rest has passed
    return code


if __name__ == "__main__":
    sys.exit(main())
