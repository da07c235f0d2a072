"""What every scenario stands on: a broker behind a proxy, topics that are filled while others look, and ingestors.

A Stage has the one broker of a run of the program; a Run is one scenario once: its own folder, store, topics, seed, and
what it has started, which it ends. Nothing here judges: scenarios do, with produced.check().
"""
import itertools
import os
import random
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import kafka_broker
import kafka_proxy
import produced

PROGRAM = os.environ.get("WEND_TEST_PROGRAM", "build/release/wend")
BUILD = Path(os.environ.get("WEND_TEST_BUILD", "build/release"))
LAUNCHER = os.environ.get("WEND_TEST_LAUNCHER", "").split()  # before every ingestor, such as: build/tests/refuse_io_uring eperm
PATIENCE_S = 180  # of anything that should take a moment


class Driver:
    """A producer and administrator in a process of its own: tests/services/kafka_driver.c."""

    def __init__(self, address, **settings):
        words = [f"{name.replace('_', '.')}={value}" for name, value in settings.items()]
        self.process = subprocess.Popen([str(BUILD / "tests" / "kafka_driver"), address, *words], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.sent = 0
        self.counted = 0

    def ask(self, *words, patient=True):
        """Carry out a command; its answer without the word ok."""
        try:
            self.process.stdin.write("\t".join(str(word) for word in words) + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline().strip()
        except BrokenPipeError:
            answer = ""
        if not answer.startswith("ok") and patient:
            raise RuntimeError(f"kafka_driver: {' '.join(str(word) for word in words)}: {answer or 'it ended'}")
        return answer[3:]

    def send(self, topic, partition, message):
        if message.payload is None:
            self.process.stdin.write(f"T\t{topic}\t{partition}\t{message.key}\n")
        else:
            self.process.stdin.write(f"S\t{topic}\t{partition}\t{message.key}\t{message.payload}\n")
        self.sent += 1

    def flush(self, seconds=PATIENCE_S):
        """Wait until all that was sent is acknowledged."""
        acknowledged, failed, left, *why = self.ask("flush", int(seconds * 1000)).split(maxsplit=3)
        if int(acknowledged) != self.sent or int(failed) or int(left):
            raise RuntimeError(f"kafka_driver: of {self.sent} messages {acknowledged} are acknowledged, {failed} failed: {why}")

    def marks(self, topic):
        """(low, high) of each partition."""
        return [tuple(int(mark) for mark in pair.split(":")) for pair in self.ask("marks", topic).split()]

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        try:
            self.process.stdin.close()
        except BrokenPipeError:  # what was written for nobody
            pass


class Feed(threading.Thread):
    """Sends messages at a rate in the background; end() waits for the last acknowledgement."""

    def __init__(self, driver, topic, partitions, messages, rate, ledger):
        super().__init__(daemon=True)
        self.driver, self.topic, self.partitions, self.rate, self.ledger = driver, topic, partitions, rate, ledger
        self.messages, self.failure, self.stopping = messages, None, False
        self.start()

    def run(self):
        begun = time.monotonic()
        try:
            for number, message in enumerate(self.messages):
                if self.stopping:
                    break
                self.driver.send(self.topic, number % self.partitions, message)
                self.ledger.add(message)
                ahead = number / self.rate - (time.monotonic() - begun) if number % 16 == 0 else 0
                if ahead > 0:
                    self.driver.process.stdin.flush()
                    time.sleep(ahead)
            self.driver.flush()
        except (RuntimeError, OSError, ValueError) as failure:
            self.failure = failure

    def end(self):
        self.join()
        if self.failure is not None:
            raise self.failure

    def stop(self):
        self.stopping = True
        self.end()


class Ingestor:
    """A process of `wend ingest`, or several one after the other with the same words. No table: the words have --map."""

    def __init__(self, run, table, *words, store=None, preload=None, environment=None, launcher=None):
        self.run, self.words = run, ((table,) if table is not None else ()) + words
        self.launcher = launcher if launcher is not None else LAUNCHER
        self.store = store or run.store
        self.environment = dict(os.environ, **(environment or {}))
        if preload is not None:
            self.environment["LD_PRELOAD"] = str(preload)
        self.process, self.kills, self.starts = None, 0, 0
        self.write_elsewhere()
        run.ingestors.append(self)

    def write_elsewhere(self):
        """What it says from its next start on goes into new files."""
        self.said = self.run.folder / f"ingest-{next(self.run.file_numbers)}.err"
        self.numbers = self.said.with_suffix(".out")

    def start(self, *more):
        with open(self.said, "wb") as errors, open(self.numbers, "wb") as numbers:
            self.process = subprocess.Popen([*self.launcher, PROGRAM, "-d", str(self.store), "ingest", *self.words, *more, "--log", "text"], stdout=numbers, stderr=errors, env=self.environment)
        self.starts += 1
        return self

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """SIGKILL. False when it had ended before."""
        if not self.running:
            return False
        self.process.kill()
        self.process.wait()
        self.kills += 1
        return True

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, seconds=PATIENCE_S):
        """Its exit code; Inexact when it does not end in time."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise produced.Inexact(f"wend ingest did not end within {seconds} s: {self.words}; {self.words_said()}") from None

    def words_said(self):
        return self.said.read_text(errors="replace")[-2000:].strip()

    def drain(self):
        """SIGTERM: it commits what it has read and ends with 0."""
        self.signal(signal.SIGTERM)
        code = self.wait()
        if code not in (0, -signal.SIGTERM):  # the signal may come before it can be heard
            raise produced.Inexact(f"after SIGTERM exit {code}: {self.words_said()}")

    def must_end(self, code=0, seconds=PATIENCE_S):
        found = self.wait(seconds)
        if found != code:
            raise produced.Inexact(f"wend ingest ended with {found}, not {code}: {self.words_said()}")

    def finish(self, *more):
        """Read what is there to its end."""
        self.start("--until-caught-up", *more)
        self.must_end()

    def must_stop_loudly(self, *phrases, seconds=PATIENCE_S):
        """It ends by itself, not with 0, and says one of the phrases."""
        code = self.wait(seconds)
        said = self.words_said()
        if code == 0 or code < 0:
            raise produced.Inexact(f"wend ingest ended with {code} where it should have stopped: {said}")
        if phrases and not any(phrase in said for phrase in phrases):
            raise produced.Inexact(f"wend ingest stopped, but does not say why ({' or '.join(phrases)}): {said}")


class Run:
    """One scenario, once. It counts what it did, for the table of results."""

    def __init__(self, stage, name, seed, scale):
        self.stage, self.name, self.seed, self.scale = stage, name, seed, scale
        self.random = random.Random(f"{name}/{seed}")
        self.folder = Path(tempfile.mkdtemp(prefix=f"wend-{name}-"))
        self.store = self.folder / "store"
        self.ingestors, self.drivers, self.cleanups = [], [], []
        self.file_numbers = itertools.count()
        self.events = self.faults = 0

    # ---- topics ----

    @property
    def topic(self):
        return f"{self.name.replace('_', '-')}-{self.seed}"

    def driver(self, **settings):
        driver = Driver(self.stage.broker.address, **settings)
        self.drivers.append(driver)
        return driver

    def driver_to(self, settings):
        """A driver with all of a client's settings."""
        rest = {name: value for name, value in settings.items() if name != "bootstrap.servers"}
        driver = Driver(settings["bootstrap.servers"], **rest)
        self.drivers.append(driver)
        return driver

    def make_topic(self, partitions=3, name=None, **configuration):
        words = [f"{key.replace('_', '.')}={value}" for key, value in configuration.items()]
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                self.stage.administrator().ask("create", name or self.topic, partitions, *words)
                return
            except RuntimeError as failure:  # a broker that is starved of processors is fenced off for a while
                if "replication factor" not in str(failure) or time.monotonic() > deadline:
                    raise
                time.sleep(0.5)

    def fill(self, messages, ledger=None, topic=None, partitions=3, driver=None):
        """Send all of them, in turn to the partitions, and wait for the acknowledgements."""
        own = driver or self.driver()
        for number, message in enumerate(messages):
            own.send(topic or self.topic, number % partitions, message)
        own.flush()
        if ledger is not None:
            ledger.add_all(messages)
        if driver is None:
            own.close()

    def feed(self, messages, rate, ledger, topic=None, partitions=3, driver=None):
        return Feed(driver or self.driver(), topic or self.topic, partitions, messages, rate, ledger)

    # ---- tables and ingestors ----

    def make_table(self, name="events", unique=True, store=None):
        statement = self.folder / f"{name}.sql"
        statement.write_text(produced.statement(name, unique))
        produced.run(PROGRAM, store or self.store, "create", "-f", str(statement))

    def ingestor(self, *words, table="events", topic=None, brokers=None, commits=None, **more):
        """An ingestor of the run's topic. `commits`: its options for how often; by chance when None."""
        commits = commits or ("--commit-rows", str(self.random.choice([300, 2000, 10000, 50000])),
                              "--commit-interval", self.random.choice(["50ms", "100ms", "200ms", "500ms"]))
        topics = ("--topic", topic or self.topic) if table is not None else ()
        return Ingestor(self, table, "--brokers", brokers or self.stage.broker.address, *topics,
                        "-X", "reconnect.backoff.max.ms=300", *commits, *words, **more)

    def account(self, table="events"):
        return produced.status(PROGRAM, self.store, table)

    def wait_until(self, condition, what, seconds=PATIENCE_S):
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise produced.Inexact(f"waited {seconds} s in vain until {what}; " +
                                       " / ".join(ingestor.words_said() for ingestor in self.ingestors if ingestor.starts))
            time.sleep(0.05)

    def wait_until_taken(self, count, table="events"):
        def taken():
            over = self.account(table)["taken"] >= count
            if not over and not any(ingestor.running for ingestor in self.ingestors):
                if self.account(table)["taken"] < count:
                    raise produced.Inexact(f"no ingestor runs any more: {self.ingestors[-1].words_said()}")
            return over
        self.wait_until(taken, f"{table} has taken {count} messages")

    def check(self, ledger, tables=("events",), gap=0):
        self.events += ledger.taken
        return produced.check(PROGRAM, self.store, ledger, tables, gap)

    def taken_of(self, messages, partitions=1, table="events"):
        """What the table has taken, by its own word, of messages that fill() sent to a fresh topic."""
        positions = {source["partition"]: source["next"] for source in self.account(table)["sources"]}
        return [message for number, message in enumerate(messages)
                if number // partitions < positions.get(number % partitions, 0)]

    def check_prefix(self, messages, partitions=1, unique=True):
        """The table holds the beginning of each partition, and nothing else."""
        ledger = produced.Ledger(unique)
        ledger.add_all(self.taken_of(messages, partitions))
        return self.check(ledger)

    def pause_s(self, least, most):
        time.sleep(self.random.uniform(least, most))

    def fault(self, count=1):
        self.faults += count

    @property
    def kills(self):
        return sum(ingestor.kills for ingestor in self.ingestors)

    def end(self, keep=False):
        for ingestor in self.ingestors:
            if ingestor.running:
                ingestor.process.kill()
                ingestor.process.wait()
        for driver in self.drivers:
            driver.close()
        for cleanup in reversed(self.cleanups):
            cleanup()
        self.stage.proxy.reset()
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)


class Stage:
    """The broker, its proxy and an administrator of its topics."""

    def __init__(self):
        self.proxy = kafka_proxy.Proxy()
        self.broker = kafka_broker.Broker(proxy_port=self.proxy.port)
        self.proxy.target = self.broker.proxied
        self.hands = None
        self.secure = None

    def start(self):
        self.broker.start().wait_until_ready()
        return self

    def administrator(self):
        if self.hands is None or self.hands.process.poll() is not None:
            self.hands = Driver(self.broker.address)
        return self.hands

    def secure_broker(self):
        """A second broker that wants TLS and SCRAM, of a version that librdkafka can log in to."""
        if self.secure is None:
            self.secure = kafka_broker.Broker(secure=True, heap="256m", version=kafka_broker.SCRAM_VERSION)
            self.secure.start().wait_until_ready()
        return self.secure

    def heal(self):
        """The broker runs, whatever a scenario left."""
        self.broker.resume()
        if not self.broker.running:
            self.broker.start()
        self.broker.wait_until_ready()

    def end(self):
        if self.hands is not None:
            self.hands.close()
        self.proxy.close()
        self.broker.remove()
        if self.secure is not None:
            self.secure.remove()
