#!/usr/bin/env python3
"""Run the Kafka source's tests against a real Apache Kafka broker, fetched as Maven packages.

Exits 77 and says why when Java or Maven is missing or the packages cannot be had. The broker gets
free loopback ports and a folder of its own, is started again whenever a test kills it, and ends
with this script. WEND_TEST_KAFKA_VERSION chooses another version.
"""
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

VERSION = os.environ.get("WEND_TEST_KAFKA_VERSION", "4.3.1")
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "wend-test" / f"kafka-{VERSION}"
POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>wend</groupId><artifactId>test-broker</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>%s</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
"""
# The last two lines let a broker that was killed come back in seconds: otherwise its old session
# has to run out first.
PROPERTIES = """process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
log.dirs={folder}/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
log.retention.check.interval.ms=1000
broker.session.timeout.ms=1000
broker.heartbeat.interval.ms=200
"""


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def fetch_packages():
    libs = CACHE / "libs"
    if (CACHE / "complete").exists():
        return libs
    shutil.rmtree(CACHE, ignore_errors=True)
    CACHE.mkdir(parents=True)
    (CACHE / "pom.xml").write_text(POM % VERSION)
    command = ["mvn", "-q", "-B", "dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={libs}"]
    try:
        done = subprocess.run(command, cwd=CACHE, capture_output=True, text=True, timeout=300, check=False)
    except subprocess.TimeoutExpired:
        skip("Maven did not fetch Kafka's packages within five minutes")
    if done.returncode != 0:
        skip(f"Maven could not fetch Kafka {VERSION}: {(done.stdout + done.stderr).strip()[:400]}")
    (CACHE / "complete").touch()
    return libs


def free_ports(count):
    holders = [socket.socket() for _ in range(count)]
    for holder in holders:
        holder.bind(("127.0.0.1", 0))
    ports = [holder.getsockname()[1] for holder in holders]
    for holder in holders:
        holder.close()
    return ports


class Broker:
    """A broker that comes back whenever it ends, until stop() is called."""

    def __init__(self, libs, folder):
        self.port, controller = free_ports(2)
        self.folder = Path(folder)
        self.java = ["java", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Xmx512m", "-cp", f"{libs}/*"]
        self.config = self.folder / "server.properties"
        self.config.write_text(PROPERTIES.format(port=self.port, controller=controller, folder=folder))
        self.stopping = False
        self.process = None
        cluster = self.run("kafka.tools.StorageTool", "random-uuid").strip().splitlines()[-1]
        self.run("kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(self.config))
        self.start()
        self.keeper = threading.Thread(target=self.keep, daemon=True)
        self.keeper.start()

    def run(self, *arguments):
        done = subprocess.run([*self.java, *arguments], capture_output=True, text=True, timeout=60, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{arguments}: {done.stdout}{done.stderr}")
        return done.stdout

    def start(self):
        with open(self.folder / "broker.log", "ab") as log:
            self.process = subprocess.Popen([*self.java, "kafka.Kafka", str(self.config)], stdout=log, stderr=log)
        written = self.folder / "pid.new"
        written.write_text(f"{self.process.pid}\n")
        written.rename(self.folder / "pid")

    def keep(self):
        while not self.stopping:
            self.process.wait()
            if not self.stopping:
                self.start()

    def wait_until_ready(self, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.2).close()
                return True
            except OSError:
                time.sleep(0.1)
        return False

    def stop(self):
        self.stopping = True
        self.process.kill()
        self.process.wait()


def main():
    for tool in ("java", "mvn"):
        if shutil.which(tool) is None:
            skip(f"{tool} is not installed")
    program = Path(os.environ.get("WEND_TEST_BUILD", "build/dev")) / "tests" / "services_kafka_broker_test"
    if not program.exists():
        print(f"{program} is not built", file=sys.stderr)
        return 1
    libs = fetch_packages()
    with tempfile.TemporaryDirectory(prefix="wend-kafka-") as folder:
        broker = Broker(libs, folder)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        try:
            if not broker.wait_until_ready(30):
                print(Path(folder, "broker.log").read_text(errors="replace")[-4000:], file=sys.stderr)
                print("the broker did not start", file=sys.stderr)
                return 1
            environment = dict(os.environ, WEND_TEST_BROKERS=f"127.0.0.1:{broker.port}", WEND_TEST_BROKER_PID=f"{folder}/pid",
                               WEND_TEST_BROKER_DATA=f"{folder}/data")
            done = subprocess.run([str(program), *sys.argv[1:]], env=environment, timeout=300, check=False)
            if done.returncode not in (0, 77):
                print(Path(folder, "broker.log").read_text(errors="replace")[-3000:], file=sys.stderr)
            return done.returncode
        finally:
            broker.stop()


if __name__ == "__main__":
    sys.exit(main())
