#!/usr/bin/env python3
"""Drift: keys that nobody announced. They are kept in _rest and named as candidates with a type; a column for one of
them can be added while events flow, whatever is killed meanwhile: each event's value is in the column or in _rest.

Standard library only.
"""
import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest

WEND = os.environ.get("WEND_TEST_PROGRAM", "build/release/wend")
DONE, USED_WRONGLY = 0, 2
DDL = "create table events (ts timestamptz options (format 'epoch_s') not null, n bigint unique) with (time_column = 'ts')"


def wend(*words):
    return subprocess.run([WEND, *words], capture_output=True, text=True, timeout=120)


class DriftTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="wend-drift-")
        self.store = os.path.join(self.folder, "store")
        self.run_wend("create", DDL)

    def tearDown(self):
        shutil.rmtree(self.folder)

    def run_wend(self, *words):
        done = wend("-d", self.store, *words)
        self.assertEqual(done.returncode, DONE, f"{words}: {done.stderr}")
        return done.stdout

    def file(self, events):
        path = os.path.join(self.folder, "events.ndjson")
        with open(path, "w") as out:
            out.write("".join(json.dumps(event) + "\n" for event in events))
        return path

    def candidates(self, *words):
        return [json.loads(line) for line in self.run_wend("candidates", "events", "-f", "json", *words).splitlines()]

    def test_candidates_become_columns(self):
        events = [{"ts": 1700000000 + i, "n": i, "plan": "pro", "geo": {"city": "Köln", "lat": 50.94 + i}, "ip": "10.0.0.1",
                   "session": f"7f5be3ad-2b31-4a3e-9f57-{i:012x}", "tags": ["a", i], "odd key": True} for i in range(200)]
        for event in events[::4]:
            event["seen_at"] = "2024-05-01T10:00:00Z"
            event["mixed"] = 1
        for event in events[1::4]:
            event["mixed"] = "one"
        file = self.file(events)
        self.run_wend("ingest", "events", "--file", file)
        found = {candidate["path"]: candidate for candidate in self.candidates()}
        self.assertEqual({path: (each["type"], each["count"]) for path, each in found.items()},
                         {"$.plan": ("text", 200), "$.geo.city": ("text", 200), "$.geo.lat": ("double precision", 200),
                          "$.ip": ("inet", 200), "$.session": ("uuid", 200), "$.tags": ("jsonb", 200),
                          "$.\"odd key\"": ("boolean", 200), "$.seen_at": ("timestamptz", 50), "$.mixed": ("text", 100)})
        self.assertEqual(found["$.plan"]["example"], '"pro"')
        self.assertEqual(found["$.plan"]["rows"], 200)
        for statement in self.run_wend("candidates", "events", "-f", "sql").splitlines():
            self.run_wend("alter", statement)
        self.assertEqual(self.candidates(), [])
        again = self.file([{**event, "n": event["n"] + 1000} for event in events])
        self.run_wend("ingest", "events", "--file", again)
        rows = [json.loads(row) for row in self.run_wend(
            "sql", "select n, plan, \"geo.city\", \"geo.lat\", ip, session, tags, \"odd key\", mixed, _rest from events "
            "where n >= 1000 order by n", "-f", "ndjson").splitlines()]
        self.assertEqual(len(rows), 200)
        for row, event in zip(rows, events):
            self.assertIsNone(row["_rest"])
            self.assertEqual([row["plan"], row["geo.city"], row["geo.lat"], row["ip"], row["session"], row["tags"],
                              row["odd key"], row["mixed"]],
                             [event["plan"], "Köln", event["geo"]["lat"], event["ip"], event["session"], event["tags"], True,
                              None if "mixed" not in event else str(event["mixed"])])

    def is_at_work(self, ingestor):
        try:
            with open(os.path.join(self.store, "events", "tmp", "live"), encoding="utf-8") as status:
                return f"pid {ingestor.pid}" in status.read().splitlines()
        except FileNotFoundError:
            return False

    def test_a_table_without_rest_says_so(self):
        self.run_wend("create", "create table bare (ts timestamptz not null) with (time_column = 'ts', rest = 'drop')")
        refused = wend("-d", self.store, "candidates", "bare")
        self.assertEqual(refused.returncode, USED_WRONGLY)
        self.assertIn("hint: ", refused.stderr)

    def test_columns_added_while_events_flow_and_ingestors_die(self):
        path = os.path.join(self.folder, "flow.ndjson")
        open(path, "w").close()
        dice = random.Random(5)
        total, columns = 0, [f"k{i}" for i in range(6)]
        altered = threading.Event()

        def flow(): # until all columns are there, and some more
            nonlocal total
            with open(path, "a") as out:
                last = None
                while total != last:
                    if last is None and altered.is_set():
                        last = (total // 500 + 10) * 500
                    n = total
                    event = {"ts": 1700000000 + n, "n": n, **{key: f"{key}-{n}" for key in columns if (n + len(key)) % 3}}
                    out.write(json.dumps(event) + "\n")
                    total += 1
                    if n % 500 == 499:
                        out.flush()
                        time.sleep(0.02)

        def start():
            return subprocess.Popen([WEND, "-d", self.store, "ingest", "events", "--file", path, "--follow",
                                     "--commit-interval", "100ms", "--commit-rows", "3000"],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def alter():
            for key in columns:
                time.sleep(dice.uniform(0.05, 0.4))
                while wend("-d", self.store, "alter",
                           f"alter table events add column if not exists {key} text").returncode != DONE:
                    time.sleep(0.02) # its ingestor died before it answered
            altered.set()

        threads = [threading.Thread(target=flow), threading.Thread(target=alter)]
        for thread in threads:
            thread.start()
        live = start()
        kills = 0
        while any(thread.is_alive() for thread in threads):
            time.sleep(dice.uniform(0.1, 0.5))
            live.kill()
            live.wait()
            kills += 1
            live = start()
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            stored = self.run_wend("sql", "select count(*) from events", "-f", "csv").split()[-1]
            if stored == str(total) and self.is_at_work(live): # the last one may have nothing to do, and no handler yet
                break
            time.sleep(0.1)
        live.send_signal(signal.SIGTERM)
        self.assertEqual(live.wait(), DONE)
        self.assertGreater(kills, 2)
        rows = [json.loads(row) for row in self.run_wend(
            "sql", f"select n, {', '.join(columns)}, _rest from events order by n", "-f", "ndjson").splitlines()]
        self.assertEqual([row["n"] for row in rows], list(range(total)))
        in_column = dict.fromkeys(columns, 0)
        for row in rows:
            n, rest = row["n"], row["_rest"] or {}
            for key in columns:
                sent = f"{key}-{n}" if (n + len(key)) % 3 else None
                self.assertFalse(row[key] is not None and key in rest, row)
                self.assertEqual(row[key] if row[key] is not None else rest.get(key), sent, row)
                in_column[key] += row[key] is not None
        self.assertTrue(all(in_column.values()), in_column)
        status = json.loads(self.run_wend("status", "events", "--reconcile", "--format", "json"))
        self.assertTrue(status["reconciled"])
        self.assertEqual(wend("-d", self.store, "verify", "events").returncode, DONE)


if __name__ == "__main__":
    unittest.main()
