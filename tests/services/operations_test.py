#!/usr/bin/env python3
"""What an ingestor tells while it runs, and how it ends: metrics, live status, log, service manager, several tables.

Against `wend mock-broker`, so that it needs no Java; standard library only.
"""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

WEND = os.environ.get("WEND_TEST_PROGRAM", "build/release/wend")
SOURCE = os.environ.get("WEND_TEST_SOURCE", os.path.join(os.path.dirname(__file__), "..", ".."))
TOPICS = ("clickstream_raw", "user_events", "transactions")
EVENTS = 20000
WAIT_S = 60


def wend(*words, env=None):
    return subprocess.run([WEND, *words], capture_output=True, text=True, timeout=120, env={**os.environ, **(env or {})})


def until(what, condition):
    """The first true value of condition(); fails when it does not come."""
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {WAIT_S} s")


SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)')


def parse_exposition(text):
    """{(metric, frozenset of labels): value}; refuses what the format does not allow."""
    samples, types, helped, closed, current = {}, {}, set(), set(), None
    assert text.endswith("\n"), "the last line does not end"
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            name = line.split(" ", 3)[2]
            assert name not in helped and len(line.split(" ", 3)) == 4, line
            helped.add(name)
            continue
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in types and kind in ("counter", "gauge"), line
            assert (kind == "counter") == name.endswith("_total"), f"{name} is a {kind}"
            if current is not None:
                closed.add(current)
            types[name], current = kind, name
            continue
        match = SAMPLE.fullmatch(line)
        assert match, f"no sample: {line}"
        name, labels, value = match.groups()
        assert name == current and name not in closed, f"{name} stands apart from its TYPE"
        found, at = {}, 0
        while labels and at < len(labels):
            label = LABEL.match(labels, at)
            assert label, f"no labels: {labels}"
            assert label[1] not in found
            found[label[1]] = re.sub(r'\\(.)', lambda m: "\n" if m[1] == "n" else m[1], label[2])
            at = label.end()
        key = (name, frozenset(found.items()))
        assert key not in samples, f"twice: {line}"
        samples[key] = float(value)
        assert types[name] == "gauge" or samples[key] >= 0
    assert helped >= set(types)
    return samples


class Metrics:
    def __init__(self, url):
        with urllib.request.urlopen(url, timeout=10) as answer:
            assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            self.samples = parse_exposition(answer.read().decode())

    def get(self, name, **labels):
        return self.samples.get((name, frozenset(labels.items())))

    def sum(self, name, **labels):
        wanted = set(labels.items())
        return sum(value for (n, have), value in self.samples.items() if n == name and wanted <= have)


class Run:
    """A `wend ingest` under way, its log read by a file."""

    def __init__(self, store, *words, env=None):
        self.log_path = tempfile.mktemp(prefix="wend-log-")
        self.out_path = self.log_path + ".out"
        with open(self.log_path, "w") as log, open(self.out_path, "w") as out:
            self.process = subprocess.Popen([WEND, "-d", store, "ingest", *words, "--log", "json"], stdout=out, stderr=log,
                                            env={**os.environ, **(env or {})})

    def lines(self):
        with open(self.log_path) as log:
            return [json.loads(line) for line in log.read().split("\n")[:-1] if line.startswith("{")]

    def said(self, what, table=None, **fields):
        return [line for line in self.lines() if line["what"] == what and (table is None or line.get("table") == table)
                and all(line.get(name) == value for name, value in fields.items())]

    def wait_ready(self, tables=1):
        return until("ready", lambda: len(self.said("ready")) >= tables or self.process.poll() is not None)

    def url(self):
        return until("the address of the metrics", lambda: self.said("metrics"))[0]["text"]

    def end(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(WAIT_S)
        with open(self.out_path) as out:
            text = out.read()
        self.numbers = json.loads(text) if text else None
        return code

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for path in (self.log_path, self.out_path):
            if os.path.exists(path):
                os.remove(path)


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="wend-operations-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.store = os.path.join(self.folder, "store")

    def broker(self, partitions=2):
        words = [word for topic in TOPICS for word in ("--topic", f"{topic}:{partitions}")]
        process = subprocess.Popen([WEND, "mock-broker", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

        def stop():
            process.stdin.close()
            process.wait()
            process.stdout.close()

        self.addCleanup(stop)
        return process.stdout.readline().strip()

    def produce(self, brokers, *words, events=EVENTS, seed=5):
        summary = os.path.join(self.folder, "summary.json")
        made = wend("produce", "--brokers", brokers, "--events", str(events), "--seed", str(seed), "--summary", summary, *words)
        self.assertEqual(made.returncode, 0, made.stderr)
        with open(summary) as file:
            return json.load(file)

    def create(self, topic, store=None):
        ddl = wend("produce", "--shop", "--ddl", "--topic", topic).stdout
        path = os.path.join(self.folder, topic + ".sql")
        with open(path, "w") as file:
            file.write(ddl)
        made = wend("-d", store or self.store, "create", "-f", path)
        self.assertEqual(made.returncode, 0, made.stderr)

    def run_ingest(self, *words, env=None):
        run = Run(self.store, *words, env=env)
        self.addCleanup(run.kill)
        return run

    def sql(self, text):
        got = wend("-d", self.store, "sql", "--format", "json", text)
        self.assertEqual(got.returncode, 0, got.stderr)
        return json.loads(got.stdout)

    def status(self, table):
        got = wend("-d", self.store, "status", table, "--format", "json")
        self.assertIn(got.returncode, (0, 3), got.stderr)
        return json.loads(got.stdout)

    def maps(self):
        return [word for topic in TOPICS for word in ("--map", f"{topic}={topic}")]


class SeveralTables(Case):
    def test_three_topics_into_three_tables(self):
        brokers = self.broker()
        made = self.produce(brokers, "--shop")
        for topic in TOPICS:
            self.create(topic)
        run = self.run_ingest("--brokers", brokers, *self.maps(), "--until-caught-up", "--memory-limit", "600MiB", "--workers", "3")
        self.assertEqual(run.process.wait(WAIT_S), 0)
        run.end()
        self.assertEqual([table["table"] for table in run.numbers["tables"]], list(TOPICS))
        for table in run.numbers["tables"]:
            self.assertEqual(table["status"], "ok")
            self.assertEqual(table["taken"], made["topics"][table["table"]])
            self.assertEqual(table["taken_committed"], table["taken"])
            self.assertEqual(self.status(table["table"])["rows"], table["stored"])
        self.assertEqual(run.numbers["taken"], made["lines"])
        self.assertEqual(run.numbers["stored"], made["whole"])
        again = self.run_ingest("--brokers", brokers, *self.maps(), "--until-caught-up")
        again.process.wait(WAIT_S)
        again.end()
        self.assertEqual(again.numbers["taken"], 0, "each table has its own positions")

    def test_three_topics_into_one_table(self):
        """With the statement that docs/OPERATIONS.md shows."""
        brokers = self.broker()
        made = self.produce(brokers, "--shop")
        with open(os.path.join(SOURCE, "docs", "OPERATIONS.md"), encoding="utf-8") as file:
            statement = re.search(r"```sql\n(CREATE TABLE shop .*?)```", file.read(), re.S)[1]
        path = os.path.join(self.folder, "shop.sql")
        with open(path, "w", encoding="utf-8") as file:
            file.write(statement)
        self.assertEqual(wend("-d", self.store, "create", "-f", path).returncode, 0)
        run = self.run_ingest("--brokers", brokers, *[f"--map={topic}=shop" for topic in TOPICS], "--until-caught-up")
        self.assertEqual(run.process.wait(WAIT_S), 0)
        run.end()
        self.assertEqual((run.numbers["taken"], run.numbers["stored"]), (made["lines"], made["whole"]))
        counts = {row["source"]: row["n"] for row in self.sql("select source, count(*) n from shop group by 1")}
        self.assertEqual(set(counts), set(TOPICS))
        self.assertEqual((counts["user_events"], counts["transactions"]),
                         (made["topics"]["user_events"], made["topics"]["transactions"]))
        self.assertEqual(self.sql("select count(*) n from shop where id is null or ts is null or what is null")[0]["n"], 0)

    def test_options_of_kafka_reach_it(self):
        brokers = self.broker()
        made = self.produce(brokers, "--shop")["topics"]["user_events"]
        from_kafka = ["--brokers", brokers, "--topic", "user_events"]

        def run(table, *words):
            ran = wend("-d", self.store, "ingest", table, *from_kafka, *words)
            self.assertEqual(ran.returncode, 0, ran.stderr)
            return json.loads(ran.stdout)

        self.create("user_events")
        self.assertEqual(run("user_events", "--until", "2020-01-01T00:00:00Z")["taken"], 0)
        soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3))
        self.assertEqual(run("user_events", "--until", soon)["stored"], made, "it ends by itself once the time has come")
        shutil.rmtree(self.store)
        self.create("user_events")
        unframed = run("user_events", "--framing", "confluent-json", "--until-caught-up")
        self.assertEqual((unframed["rejected"], unframed["stored"]), (made, 0), "nothing of it is framed")
        shutil.rmtree(self.store)
        self.create("user_events")
        self.assertEqual(run("user_events", "--group", "shards", "--until-caught-up")["stored"], made)

    def test_the_queue_of_kafka_is_bounded_by_the_memory_limit(self):
        self.create("clickstream_raw")
        self.create("user_events")
        one = ["clickstream_raw", "--topic", "t"]
        two = ["--map", "t=clickstream_raw", "--map", "t=user_events"]
        for words, limit, kib in ((one, "100MB", 48829), (one, "4GB", 524289), (two, "400MB", 97657), (two, "4GB", 262145)):
            run = self.run_ingest(*words, "--brokers", "127.0.0.1:1", "--memory-limit", limit, "-X", "debug=conf")

            def told():
                with open(run.log_path, errors="replace") as log:
                    return re.findall(r"queued\.max\.messages\.kbytes = (\d+)\n", log.read())

            self.assertEqual(until("its settings", told)[0], str(kib), (words, limit))
            run.kill()

    def test_a_table_that_fails_takes_no_others_work_along(self):
        brokers = self.broker()
        for topic in TOPICS:
            self.create(topic)
        run = self.run_ingest("--brokers", brokers, *self.maps(), "--commit-interval", "2s")
        run.wait_ready(3)
        shutil.rmtree(os.path.join(self.store, "user_events", "seg"))
        shutil.rmtree(os.path.join(self.store, "user_events", "tmp"))
        made = self.produce(brokers, "--shop")
        self.assertEqual(run.process.wait(WAIT_S), 1)
        run.end()
        outcome = {table["table"]: table for table in run.numbers["tables"]}
        self.assertNotEqual(outcome["user_events"]["status"], "ok")
        self.assertTrue(run.said("failed", "user_events"))
        with open(run.log_path) as log:
            self.assertIn("wend: table user_events: ", log.read())
        for topic in ("clickstream_raw", "transactions"):
            self.assertEqual(outcome[topic]["status"], "ok")
            self.assertEqual(outcome[topic]["taken_committed"], outcome[topic]["taken"])
            self.assertLessEqual(outcome[topic]["taken"], made["topics"][topic])
            self.assertTrue(self.status(topic)["reconciled"])

    def test_what_cannot_be(self):
        self.create("transactions")
        for words, wanted in ((["--map", "a"], "TOPIC=TABLE"), (["--map", "a="], "TOPIC=TABLE"), (["--map", "=b"], "TOPIC=TABLE"),
                              (["transactions", "--map", "a=b"], "one argument too many"), ([], "usage"),
                              (["--map", "a=b", "--topic", "c", "--brokers", "127.0.0.1:1"], "map them all"),
                              (["--map", "a=b", "--map", "a=b", "--brokers", "127.0.0.1:1"], "twice"),
                              (["--map", "a=b", "--map", "c=d", "--brokers", "127.0.0.1:1", "--memory-limit", "100MiB"], "too small"),
                              (["transactions", "--file", "x", "--until", "2026-01-01"], "--until is for Kafka"),
                              (["transactions", "--file", "x", "--framing", "confluent-json"], "--framing is for Kafka"),
                              (["transactions", "--file", "x", "--group", "g"], "--group is for Kafka"),
                              (["transactions", "--brokers", "b", "--topic", "t", "--until", "soon"], "--until soon"),
                              (["transactions", "--brokers", "b", "--topic", "t", "--framing", "avro"], "confluent-json"),
                              (["transactions", "--brokers", "b", "--topic", "t", "--log", "xml"], "text, json or none"),
                              (["transactions", "--file", "/dev/null", "--metrics", "here"], "address")):
            got = wend("-d", self.store, "ingest", *words)
            self.assertEqual(got.returncode, 2, (words, got.stderr))
            self.assertIn(wanted, got.stderr, words)


class Telling(Case):
    def start(self, *words, env=None, events=EVENTS):
        self.brokers = self.broker()
        self.create("clickstream_raw")
        self.made = self.produce(self.brokers, "--topic", "clickstream_raw", events=events)
        run = self.run_ingest("clickstream_raw", "--brokers", self.brokers, "--topic", "clickstream_raw", "--commit-interval", "1s",
                              *words, env=env)
        run.wait_ready()
        return run

    def test_metrics(self):
        run = self.start("--metrics", "0")
        url = run.url()
        labels = {"table": "clickstream_raw"}

        def committed():
            page = Metrics(url)
            return page if page.get("wend_ingest_committed_events_total", **labels) == EVENTS else None

        page = until("everything committed", committed)
        self.assertEqual(page.get("wend_ingest_events_total", **labels), EVENTS)
        self.assertEqual(page.get("wend_ingest_stored_events_total", **labels), self.made["whole"])
        self.assertEqual(page.get("wend_ingest_rejected_events_total", **labels), self.made["truncated"])
        self.assertEqual(page.sum("wend_ingest_rejects_by_reason_total", **labels), self.made["truncated"])
        self.assertEqual(page.get("wend_ingest_deduplicated_events_total", **labels), self.made["duplicates"])
        self.assertEqual(page.get("wend_ingest_payload_bytes_total", **labels), self.made["bytes"] - self.made["lines"])
        self.assertEqual(page.get("wend_ingest_unique_keys", **labels), self.made["whole"])
        self.assertEqual(page.get("wend_ingest_up", **labels), 1)
        self.assertGreater(page.sum("wend_ingest_memory_bytes", **labels), 0)
        self.assertEqual(page.get("wend_ingest_kafka_brokers_down", **labels), 0)
        self.assertEqual(page.sum("wend_ingest_io_backend_info", **labels), 1)
        partitions = [dict(have)["partition"] for (name, have) in page.samples if name == "wend_ingest_partition_next"]
        self.assertEqual(sorted(partitions), ["0", "1"])
        self.assertEqual(page.sum("wend_ingest_partition_next", topic="clickstream_raw"), EVENTS)
        self.assertEqual(page.sum("wend_ingest_partition_committed", topic="clickstream_raw"), EVENTS)
        self.assertEqual(page.sum("wend_ingest_partition_lag"), 0)
        base = url[:-len("/metrics")]
        with urllib.request.urlopen(base + "/healthz", timeout=10) as answer:
            self.assertEqual(answer.read(), b"ok\n")
        for request, code in ((base + "/", 404), (urllib.request.Request(url, data=b"x" * 100000, method="POST"), 405)):
            with self.assertRaises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(request, timeout=10)
            self.assertEqual(refused.exception.code, code)
            refused.exception.close()
        taken = wend("-d", self.store, "ingest", "clickstream_raw", "--brokers", self.brokers, "--topic", "clickstream_raw",
                     "--metrics", base[len("http://"):])
        self.assertEqual(taken.returncode, 1)
        self.assertIn("cannot serve metrics", taken.stderr)
        self.assertEqual(run.end(), 0)

    def test_live_status(self):
        run = self.start()
        live = until("the live status", lambda: (self.status("clickstream_raw")["ingestor"] or {}).get("taken_committed") == EVENTS
                     and self.status("clickstream_raw")["ingestor"])
        self.assertEqual((live["pid"], live["phase"], live["stale"], live["stuck"]), (run.process.pid, "reading", False, False))
        self.assertEqual((live["stored"], live["rejected"]), (self.made["whole"], self.made["truncated"]))
        self.assertEqual(sum(live["reasons"].values()), self.made["truncated"])
        self.assertEqual(sum(partition["next"] for partition in live["partitions"]), EVENTS)
        self.assertEqual((live["lag"], live["kafka"]["brokers_down"], live["io"] in ("io_uring", "posix")), (0, False, True))
        self.assertGreater(live["memory_limit"], 0)
        self.assertGreaterEqual(live["workers"], 1)
        text = wend("-d", self.store, "status", "clickstream_raw").stdout
        self.assertIn(f"ingestor: pid {run.process.pid} on ", text)
        self.assertIn("brokers answer", text)
        second = wend("-d", self.store, "ingest", "clickstream_raw", "--stdin", "--source", "x")
        self.assertEqual(second.returncode, 1)
        self.assertEqual(self.status("clickstream_raw")["ingestor"]["pid"], run.process.pid, "who was refused says nothing")
        self.assertEqual(wend("-d", self.store, "verify", "clickstream_raw").returncode, 0)
        run.process.kill()
        run.process.wait()
        self.assertTrue(self.status("clickstream_raw")["ingestor"]["stale"])
        self.assertIn("ingestor: GONE", wend("-d", self.store, "status", "clickstream_raw").stdout)
        after = self.run_ingest("clickstream_raw", "--brokers", self.brokers, "--topic", "clickstream_raw")
        after.wait_ready()
        until("the next one's", lambda: self.status("clickstream_raw")["ingestor"]["pid"] == after.process.pid)
        self.assertEqual(after.end(), 0)
        self.assertIsNone(self.status("clickstream_raw")["ingestor"])
        self.assertEqual(os.listdir(os.path.join(self.store, "clickstream_raw", "tmp")), [])

    def test_log(self):
        run = self.start("-X", "client.id=se-cret")
        until("a commit", lambda: run.said("commit"))
        altered = wend("-d", self.store, "alter", "alter table clickstream_raw add column app_version text")
        self.assertEqual(altered.returncode, 0, altered.stderr)
        until("the new column", lambda: run.said("alter", "clickstream_raw"))
        self.assertEqual(run.end(), 0)
        lines = run.lines()
        self.assertEqual(lines[0]["what"], "start")
        self.assertEqual(lines[-1]["what"], "end")
        self.assertEqual(lines[-1]["taken"], EVENTS)
        self.assertEqual(sum(line["taken"] for line in run.said("commit")), EVENTS)
        self.assertEqual(run.said("rejects")[-1]["rejected_in_all"], self.made["truncated"])
        self.assertTrue(run.said("drain"))
        self.assertEqual(run.said("ready")[0]["partitions"] in (0, 2), True)
        for line in lines:
            self.assertRegex(line["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
            self.assertIn(line["level"], ("info", "warning", "error"))
            self.assertNotIn("se-cret", json.dumps(line))

    def test_a_broker_that_goes_and_comes_is_told(self):
        """A broker is a process; killed, it is gone for good, which the run outlives."""
        self.create("transactions")
        process = subprocess.Popen([WEND, "mock-broker", "--topic", "transactions:1"], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True)
        brokers = process.stdout.readline().strip()
        run = self.run_ingest("transactions", "--brokers", brokers, "--topic", "transactions", "--metrics", "0")
        run.wait_ready()
        url = run.url()
        self.assertEqual(run.said("kafka"), [])
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()
        until("the log", lambda: run.said("kafka", "transactions", brokers_down=1))
        until("the status", lambda: ((self.status("transactions")["ingestor"] or {}).get("kafka") or {}).get("brokers_down"))
        self.assertEqual(Metrics(url).get("wend_ingest_kafka_brokers_down", table="transactions"), 1)
        with urllib.request.urlopen(url.replace("/metrics", "/healthz"), timeout=10) as answer:
            self.assertEqual(answer.status, 200, "a broker that is gone is no reason to be started anew")
        self.assertIn("NO BROKER ANSWERS", wend("-d", self.store, "status", "transactions").stdout)
        self.assertEqual(run.end(), 0)

    def test_text_log_and_quiet(self):
        self.create("transactions")
        clicks = os.path.join(self.folder, "lines")
        with open(clicks, "w") as file:
            file.write(wend("produce", "--shop", "--topic", "transactions", "--events", "3000").stdout)
        got = wend("-d", self.store, "ingest", "transactions", "--file", clicks, "--log", "text")
        self.assertEqual(got.returncode, 0)
        for line in got.stderr.splitlines():
            self.assertRegex(line, r"^\d{4}-\d\d-\d\dT[\d:.]+Z (info|warning) (transactions )?[a-z]+: .")
        self.assertIn(" end: ", got.stderr)
        got = wend("-d", self.store, "ingest", "transactions", "--file", clicks)
        self.assertEqual((got.returncode, got.stderr), (0, ""), "a run with an end is quiet")
        for words, log in (([], True), (["-q"], False), (["--log", "none"], False)):
            run = subprocess.Popen([WEND, "-d", self.store, "ingest", "transactions", "--file", clicks, "--follow", *words],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            until("a live ingestor", lambda: self.status("transactions")["ingestor"])
            run.terminate()
            self.assertEqual((run.communicate(timeout=WAIT_S)[1] != ""), log, words)
        got = wend("-d", self.store, "ingest", "transactions", "--file", clicks, "--log", "text", env={"JOURNAL_STREAM": "1:2"})
        self.assertTrue(all(line.startswith("<6>") for line in got.stderr.splitlines()), got.stderr)


class Service(Case):
    def listen(self, abstract):
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(listener.close)
        name = f"@wend-test-{os.getpid()}" if abstract else os.path.join(self.folder, "notify")
        listener.bind("\0" + name[1:] if abstract else name)
        listener.settimeout(WAIT_S)
        return listener, name

    def serve(self, abstract, *words, env=None):
        listener, name = self.listen(abstract)
        self.create("clickstream_raw")
        path = os.path.join(self.folder, "lines")
        with open(path, "w") as file:
            file.write(wend("produce", "--events", "1000").stdout)
        run = self.run_ingest("clickstream_raw", "--file", path, "--follow", *words, env={"NOTIFY_SOCKET": name, **(env or {})})
        return listener, run

    def test_ready_fed_stopping(self):
        for abstract in (False, True):
            with self.subTest(abstract=abstract):
                shutil.rmtree(self.store, ignore_errors=True)
                listener, run = self.serve(abstract, env={"WATCHDOG_USEC": "1000000"})
                heard = []
                while not ("READY=1" in heard and heard.count("WATCHDOG=1") >= 3):
                    heard.append(listener.recv(4096).decode())
                self.assertEqual(run.end(), 0)
                listener.settimeout(0.1)
                try:
                    while True:
                        heard.append(listener.recv(4096).decode())
                except TimeoutError:
                    pass
                self.assertEqual(heard.count("READY=1"), 1)
                self.assertEqual(heard.count("STOPPING=1"), 1)
                self.assertLess(heard.index("READY=1"), heard.index("STOPPING=1"))
                self.assertTrue(any(text.startswith("STATUS=") and "events taken" in text for text in heard), heard)

    def test_watchdog_only_if_asked(self):
        for env in ({}, {"WATCHDOG_USEC": "200000", "WATCHDOG_PID": "1"}):
            shutil.rmtree(self.store, ignore_errors=True)
            if os.path.exists(os.path.join(self.folder, "notify")):
                os.remove(os.path.join(self.folder, "notify"))
            listener, run = self.serve(False, env=env)
            heard = [listener.recv(4096).decode()]
            while "READY=1" not in heard:
                heard.append(listener.recv(4096).decode())
            time.sleep(1)
            run.end()
            listener.settimeout(0.1)
            try:
                while True:
                    heard.append(listener.recv(4096).decode())
            except TimeoutError:
                pass
            self.assertNotIn("WATCHDOG=1", heard)

    def test_nobody_listens(self):
        self.create("transactions")
        empty = os.path.join(self.folder, "empty")
        open(empty, "w").close()
        for name in ("/nowhere/at/all", "@nobody-" + str(os.getpid()), "relative", "@", "/" + "x" * 200):
            got = wend("-d", self.store, "ingest", "transactions", "--file", empty, "-q", env={"NOTIFY_SOCKET": name})
            self.assertEqual((got.returncode, got.stderr), (0, ""), name)

    def test_signals(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            shutil.rmtree(self.store, ignore_errors=True)
            self.create("clickstream_raw")
            path = os.path.join(self.folder, "lines")
            with open(path, "w") as file:
                file.write(wend("produce", "--events", "1000", "--clean").stdout)
            run = self.run_ingest("clickstream_raw", "--file", path, "--follow", "--commit-interval", "1h")
            run.wait_ready()
            until("all read", lambda: (self.status("clickstream_raw")["ingestor"] or {}).get("taken") == 1000)
            self.assertEqual(self.status("clickstream_raw")["rows"], 0)
            self.assertEqual(run.end(number), 0)
            self.assertEqual(self.status("clickstream_raw")["rows"], 1000)

    def test_a_second_signal_ends_at_once(self):
        self.create("clickstream_raw")  # a broker that is not there is waited for
        run = self.run_ingest("clickstream_raw", "--brokers", "127.0.0.1:1", "--topic", "t")
        time.sleep(0.5)
        run.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        self.assertIsNone(run.process.poll())
        run.process.send_signal(signal.SIGTERM)
        self.assertEqual(run.process.wait(WAIT_S), -signal.SIGTERM)

    def test_unit(self):
        if shutil.which("systemd-analyze") is None:
            self.skipTest("no systemd-analyze here")
        with open(os.path.join(SOURCE, "packaging", "wend@.service"), encoding="utf-8") as file:
            text = file.read()
        self.assertIn("ExecStart=/usr/bin/wend ingest %i $WEND_OPTIONS", text)
        path = os.path.join(self.folder, "wend@.service")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace("/usr/bin/wend", os.path.abspath(WEND)))
        got = subprocess.run(["systemd-analyze", "verify", "--man=no", path.replace("@", "@events")
                              if os.path.exists(path.replace("@", "@events")) else path], capture_output=True, text=True)
        ours = [line for line in (got.stdout + got.stderr).splitlines() if "wend@" in line]
        self.assertEqual(ours, [], got.stderr)


if __name__ == "__main__":
    if not os.path.exists(WEND):
        print(f"{WEND} is not there: skipped")
        sys.exit(77)
    unittest.main(verbosity=2)
