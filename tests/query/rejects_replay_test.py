#!/usr/bin/env python3
"""`wend rejects --replay`: what was refused is stored once the rules allow it, as the row it would have been, once,
and the accounts say so; whatever is asked for (filters, dry runs) and whenever it is killed.

Standard library only.
"""
import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

WEND = os.environ.get("WEND_TEST_PROGRAM", "build/release/wend")
DONE, COULD_NOT, USED_WRONGLY = 0, 1, 2
DDL = """create table events (
    ts timestamptz not null, id text unique, country text not null, price numeric(10,2),
    source text options (path '$topic'), line bigint options (path '$offset'),
    cents bigint generated always as ((price * 100)::bigint) stored,
    constraint cheap check (price < 100), constraint known check (country in ('de', 'fr')))
    with (time_column = 'ts')"""


def wend(*words, stdin=None):
    return subprocess.run([WEND, *words], input=stdin, capture_output=True, text=True, timeout=120)


class Store:
    def __init__(self, folder, name, ddl=DDL):
        self.path = os.path.join(folder, name)
        self.run("create", ddl)

    def run(self, *words, **how):
        done = wend("-d", self.path, *words, **how)
        assert done.returncode == DONE, f"{words}: {done.stderr}"
        return done.stdout

    def ingest(self, file, *words):
        return self.run("ingest", "events", "--file", file, *words)

    def rows(self, columns="ts, id, country, price, source, line, cents, _rest"):
        text = self.run("sql", f"select {columns} from events", "--format", "ndjson")
        return sorted(text.splitlines())

    def rejects(self, *words):
        return [json.loads(line) for line in self.run("rejects", "events", "-f", "ndjson", *words).splitlines()]

    def replay(self, *words):
        return json.loads(self.run("rejects", "events", "--replay", "-f", "json", *words))

    def status(self):
        return json.loads(self.run("status", "events", "--reconcile", "--format", "json"))


def make_lines(count, seed):
    """Events good and bad: [line]; ids repeat now and then, among good ones and refused ones."""
    dice = random.Random(seed)
    lines = []
    for i in range(count):
        event = {"ts": f"2025-03-01T00:{i // 60 % 60:02}:{i % 60:02}Z", "id": f"e{dice.randrange(count)}",
                 "country": dice.choice(["de", "fr", "de", "fr", "xx", None]),
                 "price": dice.choice([1, 2.5, "7.25", 250, 99.99, None, "much"])}
        if dice.random() < 0.3:
            event["plan"] = dice.choice(["pro", {"name": "ümlaut \"q\"", "n": [1, 2]}])
        lines.append(dice.choice([json.dumps(event)] * 9 + [json.dumps(event)[:-2]]))
    return lines


class ReplayTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="wend-replay-")

    def tearDown(self):
        shutil.rmtree(self.folder)

    def file(self, name, lines):
        path = os.path.join(self.folder, name)
        with open(path, "w") as out:
            out.write("".join(line + "\n" for line in lines))
        return path

    def check_accounts(self, store, taken):
        status = store.status()
        self.assertTrue(status["reconciled"])
        self.assertEqual(status["taken"], taken)
        self.assertEqual(status["rejected"], len(store.rejects()))
        self.assertEqual(status["stored"], len(store.rows()))
        self.assertEqual(wend("-d", store.path, "verify", "events").returncode, DONE)
        return status

    def loosen(self, store):
        store.run("alter", "alter table events drop constraint cheap, drop constraint known, "
                           "alter column country drop not null, alter column price options (set on_error 'null')")

    def test_rows_are_those_of_a_table_that_had_the_rules_from_the_start(self):
        """Against a naive account of ids, since a replayed row comes behind those that came meanwhile."""
        for seed in range(4):
            lines = make_lines(400, seed)
            store = Store(self.folder, f"replayed{seed}")
            loose = Store(self.folder, f"loose{seed}")
            self.loosen(loose)
            parts = [self.file(f"part{seed}-{i}.ndjson", lines[i::4]) for i in range(4)]
            for part in parts:
                store.ingest(part)
                loose.ingest(part)
            before = store.status()
            renamed = parts[1] + ".1"
            os.rename(parts[1], renamed)
            self.loosen(store)
            tried = store.replay("--dry-run")
            self.assertEqual(store.status()["rejected"], before["rejected"])
            done = store.replay()
            self.assertEqual([done[key] for key in ("stored", "deduplicated", "rejected")],
                             [tried[key] for key in ("stored", "deduplicated", "rejected")])
            self.assertEqual(done["rejects"], before["rejected"])
            status = self.check_accounts(store, len(lines))
            self.assertEqual(status["stored"], before["stored"] + done["stored"])
            # All that is JSON is stored now, but for repeats: one row of each id, equal to one of its lines.
            candidates = {}
            for row in (json.loads(row) for row in loose.rows()):
                candidates[row["id"]] = row
            rows = [json.loads(row) for row in store.rows()]
            self.assertEqual(sorted(row["id"] for row in rows), sorted(candidates))
            by_place = {}
            for i, part in enumerate(parts):
                at = 0
                for line in lines[i::4]:
                    by_place[part, at] = line
                    at += len((line + "\n").encode())
            for row in rows:
                event = json.loads(by_place[row["source"], row["line"]])
                self.assertEqual(event["id"], row["id"])
                self.assertEqual(event["country"], row["country"])
                self.assertEqual(event.get("plan"), (row["_rest"] or {}).get("plan"))
            again = store.replay()
            self.assertEqual((again["stored"], again["deduplicated"], again["commits"]), (0, 0, 0))

    def test_filters(self):
        good = {"ts": "2025-03-01T00:00:00Z", "country": "de"}
        a = self.file("a.ndjson", [json.dumps({**good, "id": "a1", "price": 500}),
                                   json.dumps({**good, "id": "a2", "country": "xx"})])
        b = self.file("b.ndjson", [json.dumps({**good, "id": "b1", "price": 500})])
        store = Store(self.folder, "filters")
        store.ingest(a)
        store.ingest(b)
        self.assertEqual(len(store.rejects("--reason", "cheap")), 2)
        self.assertEqual(len(store.rejects("--reason", "cheap", "--source", a)), 1)
        self.loosen(store)
        done = store.replay("--reason", "cheap", "--source", a)
        self.assertEqual((done["stored"], done["not_chosen"]), (1, 2))
        self.assertEqual(sorted(json.loads(reject["raw"])["id"] for reject in store.rejects()), ["a2", "b1"])
        done = store.replay("--reason", "known")
        self.assertEqual((done["stored"], done["not_chosen"]), (1, 1))
        self.check_accounts(store, 3)
        self.assertEqual(store.replay()["stored"], 1)
        self.check_accounts(store, 3)

    def test_a_reason_of_today_takes_the_place_of_the_old_one(self):
        store = Store(self.folder, "reasons")
        store.ingest(self.file("r.ndjson", [json.dumps({"ts": "2025-03-01T00:00:00Z", "id": "r", "country": "xx",
                                                        "price": 500})]))
        self.assertIn("cheap", store.rejects()[0]["reason"])
        store.run("alter", "alter table events drop constraint cheap")
        self.assertEqual(store.replay()["rejected"], 1)
        self.assertIn("known", store.rejects()[0]["reason"])
        self.check_accounts(store, 1)

    def test_a_live_writer_refuses_it(self):
        store = Store(self.folder, "busy")
        good = json.dumps({"ts": "2025-03-01T00:00:00Z", "id": "r", "country": "de", "price": 1})
        path = self.file("busy.ndjson", [good])
        with subprocess.Popen([WEND, "-d", store.path, "ingest", "events", "--file", path, "--follow"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as live:
            deadline = time.monotonic() + 30
            while not store.rows() and time.monotonic() < deadline:
                time.sleep(0.05)
            refused = wend("-d", store.path, "rejects", "events", "--replay")
            live.send_signal(signal.SIGTERM)
        self.assertEqual(refused.returncode, COULD_NOT)
        self.assertIn("hint: ", refused.stderr)
        for words in (["--limit", "3"], ["--reasons"], ["-f", "ndjson"]):
            self.assertEqual(wend("-d", store.path, "rejects", "events", "--replay", *words).returncode, USED_WRONGLY)

    def test_killed_at_random(self):
        lines = [json.dumps({"ts": "2025-03-01T00:00:00Z", "id": f"k{i % 11600}", "country": "de", "price": 500 + i % 7,
                             "note": "x" * (i % 50)}) for i in range(12000)]
        origin = Store(self.folder, "origin")
        for part in range(5):
            origin.ingest(self.file(f"k{part}.ndjson", lines[part::5]))
        origin.run("alter", "alter table events drop constraint cheap")
        dice = random.Random(11)
        killed = 0
        for round_number in range(12):
            store = Store.__new__(Store)
            store.path = os.path.join(self.folder, "round")
            shutil.rmtree(store.path, ignore_errors=True)
            shutil.copytree(origin.path, store.path)
            with subprocess.Popen([WEND, "-d", store.path, "rejects", "events", "--replay"],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as replay:
                time.sleep(dice.uniform(0, 0.15))
                replay.kill()
                killed += replay.wait() != DONE
            status = self.check_accounts(store, len(lines))
            done = store.replay()
            self.assertEqual(done["stored"] + status["stored"], 11600)
            status = self.check_accounts(store, len(lines))
            self.assertEqual((status["stored"], status["deduplicated"], status["rejected"]), (11600, 400, 0))
            ids = store.rows("id")
            self.assertEqual(len(set(ids)), 11600)
        self.assertGreater(killed, 0)


if __name__ == "__main__":
    unittest.main()
