"""A real Apache Kafka broker for tests: fetched as Maven packages, on free loopback ports, in a folder of its own.

One process is broker and controller (KRaft). Each listener has a name and a port:

    DIRECT   plain text
    PROXIED  plain text; advertised as the port of a proxy, when one is given: see kafka_proxy.py
    SECURE   TLS and SCRAM with a throw-away certificate, when `secure` is asked for

start, stop, kill (-9), pause (SIGSTOP) and resume act on that one process; the folder, and so all that was
acknowledged, stays until remove(). WEND_TEST_KAFKA_VERSION chooses another version. Skipped() is raised when
Java or Maven is missing or the packages cannot be had.
"""
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

VERSION = os.environ.get("WEND_TEST_KAFKA_VERSION", "4.3.1")
# librdkafka before 2.6.1 repeats its nonce in SCRAM's last message, which brokers from 4.0 on refuse.
SCRAM_VERSION = "3.9.1"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "wend-test"
USER, PASSWORD = "wend", "loopback-only"
STORE_PASSWORD = "throw-away"
POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>wend</groupId><artifactId>test-broker</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>%s</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
"""
# The two session lines let a broker that was killed come back in seconds: otherwise its old session
# has to run out first.
PROPERTIES = """process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=DIRECT://127.0.0.1:{direct},PROXIED://127.0.0.1:{proxied},CONTROLLER://127.0.0.1:{controller}{secure_listener}
advertised.listeners=DIRECT://127.0.0.1:{direct},PROXIED://127.0.0.1:{advertised}{secure_listener}
listener.security.protocol.map=DIRECT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL
inter.broker.listener.name=DIRECT
controller.listener.names=CONTROLLER
log.dirs={folder}/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
auto.create.topics.enable=false
log.retention.check.interval.ms=1000
log.initial.task.delay.ms=500
file.delete.delay.ms=1000
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=200
"""
SECURE_PROPERTIES = """sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.secure.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.secure.ssl.keystore.location={folder}/broker.p12
listener.name.secure.ssl.keystore.type=PKCS12
listener.name.secure.ssl.keystore.password={password}
"""


class Skipped(Exception):
    """What the tests need cannot be had here; says what and why."""


def fetch_packages(version=VERSION):
    """The folder with Kafka's jars, fetched once for all."""
    for tool in ("java", "mvn"):
        if shutil.which(tool) is None:
            raise Skipped(f"{tool} is not installed")
    cache = CACHE / f"kafka-{version}"
    libs = cache / "libs"
    if (cache / "complete").exists():
        return libs
    shutil.rmtree(cache, ignore_errors=True)
    cache.mkdir(parents=True)
    (cache / "pom.xml").write_text(POM % version)
    command = ["mvn", "-q", "-B", "dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={libs}"]
    try:
        done = subprocess.run(command, cwd=cache, capture_output=True, text=True, timeout=300, check=False)
    except subprocess.TimeoutExpired:
        raise Skipped("Maven did not fetch Kafka's packages within five minutes") from None
    if done.returncode != 0:
        raise Skipped(f"Maven could not fetch Kafka {version}: {(done.stdout + done.stderr).strip()[:400]}")
    (cache / "complete").touch()
    return libs


def free_ports(count):
    holders = [socket.socket() for _ in range(count)]
    for holder in holders:
        holder.bind(("127.0.0.1", 0))
    ports = [holder.getsockname()[1] for holder in holders]
    for holder in holders:
        holder.close()
    return ports


def make_certificates(folder):
    """ca.pem, which clients trust, and broker.p12 with a certificate for 127.0.0.1 that it has signed."""
    if shutil.which("keytool") is None:
        raise Skipped("keytool is not installed")

    def keytool(*words, given=None):
        store = ["-keystore", str(folder / words[0]), "-storetype", "PKCS12", "-storepass", STORE_PASSWORD]
        done = subprocess.run(["keytool", *words[1:], *store], input=given, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"keytool {words}: {done.stdout}{done.stderr}")
        return done.stdout

    key = ["-genkeypair", "-keyalg", "EC", "-groupname", "secp256r1", "-validity", "30"]
    keytool("ca.p12", *key, "-alias", "ca", "-dname", "CN=wend test", "-ext", "bc:c")
    authority = keytool("ca.p12", "-exportcert", "-rfc", "-alias", "ca")
    (folder / "ca.pem").write_text(authority)
    keytool("broker.p12", *key, "-alias", "broker", "-dname", "CN=127.0.0.1")
    request = keytool("broker.p12", "-certreq", "-alias", "broker")
    signed = keytool("ca.p12", "-gencert", "-rfc", "-alias", "ca", "-ext", "san=ip:127.0.0.1,dns:localhost", given=request)
    keytool("broker.p12", "-importcert", "-noprompt", "-alias", "ca", given=authority)
    keytool("broker.p12", "-importcert", "-noprompt", "-alias", "broker", given=signed + authority)


class Broker:
    """A broker that runs from start() to stop() or kill()."""

    def __init__(self, folder=None, proxy_port=None, secure=False, heap="512m", version=VERSION):
        self.libs = fetch_packages(version)
        self.folder = Path(folder if folder is not None else tempfile.mkdtemp(prefix="wend-kafka-"))
        self.direct, self.proxied, self.secured, controller = free_ports(4)
        self.address = f"127.0.0.1:{self.direct}"
        self.heap, self.process = heap, None
        self.config = self.folder / "server.properties"
        text = PROPERTIES.format(direct=self.direct, proxied=self.proxied, advertised=proxy_port or self.proxied,
                                 controller=controller, folder=self.folder,
                                 secure_listener=f",SECURE://127.0.0.1:{self.secured}" if secure else "")
        if secure:
            make_certificates(self.folder)
            text += SECURE_PROPERTIES.format(folder=self.folder, password=STORE_PASSWORD)
        self.config.write_text(text)
        self.format(secure)

    def java(self, *arguments):
        return ["java", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-XX:TieredStopAtLevel=1", f"-Xmx{self.heap}",
                "-cp", f"{self.libs}/*", *arguments]

    def format(self, secure):
        scram = ["--add-scram", f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]"] if secure else []
        cluster = "wendTestCluster" + "%07d" % (os.getpid() % 10000000)  # 22 characters of base64
        command = self.java("kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(self.config), *scram)
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{command}: {done.stdout}{done.stderr}")

    def start(self):
        with open(self.folder / "broker.log", "ab") as log:
            self.process = subprocess.Popen(self.java("kafka.Kafka", str(self.config)), stdout=log, stderr=log)
        return self

    def wait_until_ready(self, seconds=180):
        """Ready is when the direct port accepts; the driver's first question waits for the rest."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.direct), 0.2).close()
                return self
            except OSError:
                time.sleep(0.05)
        raise RuntimeError(f"the broker did not start: {self.log_end()}")

    def log_end(self, size=3000):
        log = self.folder / "broker.log"
        return log.read_text(errors="replace")[-size:] if log.exists() else ""

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        if self.running:
            self.process.send_signal(number)

    def kill(self):
        self.signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """A clean end; what is paused is woken first."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()

    def pause(self):
        self.signal(signal.SIGSTOP)

    def resume(self):
        self.signal(signal.SIGCONT)

    def remove(self):
        if self.process is not None:
            self.signal(signal.SIGCONT)
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def secure_settings(self):
        """What a client of librdkafka needs for the SECURE listener."""
        return {"bootstrap.servers": f"127.0.0.1:{self.secured}", "security.protocol": "SASL_SSL",
                "sasl.mechanisms": "SCRAM-SHA-512", "sasl.username": USER, "sasl.password": PASSWORD,
                "ssl.ca.location": str(self.folder / "ca.pem")}
