#!/usr/bin/env python3
"""Run the Kafka source's tests against a real Apache Kafka broker, fetched as Maven packages.

Exits 77 and says why when Java or Maven is missing or the packages cannot be had. The broker gets
free loopback ports and a folder of its own, is started again whenever a test kills it, and ends
with this script. WEND_TEST_KAFKA_VERSION chooses another version.
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


def main():
    program = Path(os.environ.get("WEND_TEST_BUILD", "build/dev")) / "tests" / "services_kafka_broker_test"
    if not program.exists():
        print(f"{program} is not built", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="wend-kafka-") as folder:
        try:
            broker = kafka_broker.Broker(folder)
        except kafka_broker.Skipped as why:
            print(f"skipped: {why}")
            return 77
        keeper = Keeper(broker)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        try:
            broker.wait_until_ready()
            environment = dict(os.environ, WEND_TEST_BROKERS=broker.address, WEND_TEST_BROKER_PID=f"{folder}/pid",
                               WEND_TEST_BROKER_DATA=f"{folder}/data")
            done = subprocess.run([str(program), *sys.argv[1:]], env=environment, timeout=300, check=False)
            if done.returncode not in (0, 77):
                print(broker.log_end(), file=sys.stderr)
            return done.returncode
        finally:
            keeper.stop()


if __name__ == "__main__":
    sys.exit(main())
