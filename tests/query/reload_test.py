#!/usr/bin/env python3
"""Loading the same events again adds nothing, though the window of UNIQUE is much smaller than the file: with the
program, before and after compaction, in other batches, in another order, and mixed with events that are new."""
import json
import os
import random
import shutil
import subprocess
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.environ.get("WEND_TEST_SOURCE", os.path.join(HERE, "..", ".."))
PROGRAM = os.environ.get("WEND_TEST_PROGRAM", os.path.join(ROOT, "build", "dev", "wend"))
EVENTS = 24000
WINDOW = 2500
TABLES = {  # name: what the statement of the generated clickstream has more or otherwise
    "kept": ("", "UNIQUE"),
    "hashed": ("event_id = 'hash', ", "UNIQUE"),
    "whole": ("unique_rows = true, ", ""),
}
ANSWERS = ("select count(*), count(distinct user_id), min(ts), max(ts), sum(price), sum(quantity) from %s",
           "select event_type, count(*), count(distinct page) from %s group by event_type order by event_type",
           "select count(*), sum(events) from sessions(%s, gap => '30 min')",
           "select * from funnel(%s, event_type = 'view_item', event_type = 'purchase', within => interval '1 day')")


def run(*words, stdin=None):
    return subprocess.run([PROGRAM, *words], input=stdin, capture_output=True, check=False)


class Reload(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.store = tempfile.mkdtemp(prefix="wend-reload-")
        lines = cls.must("produce", "-n", str(EVENTS), "-s", "11").splitlines(keepends=True)
        cls.lines = lines
        cls.first = cls.write("first.ndjson", lines[:EVENTS * 2 // 3])
        cls.whole = cls.write("whole.ndjson", lines)
        shuffled = list(lines)
        random.Random(3).shuffle(shuffled)
        cls.shuffled = cls.write("shuffled.ndjson", shuffled)
        cls.ddl = cls.must("produce", "--ddl").decode()

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.store)

    @classmethod
    def must(cls, *words, stdin=None):
        done = run("-d", cls.store, *words, stdin=stdin)
        assert done.returncode == 0, (words, done.returncode, done.stderr)
        return done.stdout

    @classmethod
    def write(cls, name, lines):
        path = os.path.join(cls.store, name)
        with open(path, "wb") as file:
            file.write(b"".join(lines))
        return path

    def create(self, name, options, unique, window=WINDOW):
        ddl = self.ddl.replace("TABLE events", "TABLE " + name).replace(" UNIQUE", " " + unique)
        self.must("create", ddl.replace("WITH (", "WITH (%sunique_window = %d, " % (options, window)))

    def load(self, table, path, rows, *more):
        stats = json.loads(self.must("ingest", table, "--file", path, "--commit-rows", str(rows), "--stats", "json", *more))
        self.assertEqual(stats["taken"], stats["stored"] + stats["rejected"] + stats["deduplicated"])
        return stats

    def answers(self, table):
        return [self.must("sql", "--format", "csv", text % table) for text in ANSWERS]

    def events(self, lines):
        """Good lines, and how many of them are different events."""
        good = []
        for line in lines:
            try:
                good.append(json.loads(line))
            except ValueError:
                pass
        return len(good), len({event["event_id"] for event in good})

    def check_reload(self, table, path, rows, good):
        before = self.answers(table)
        stats = self.load(table, path, rows, "--reload")
        self.assertEqual((stats["stored"], stats["segments"]), (0, 0))
        self.assertEqual(stats["deduplicated"], good)
        self.assertGreater(stats["repeats_merged"], good // 2)
        self.assertEqual(self.answers(table), before)
        self.must("status", table, "--reconcile")

    def test_loading_again_adds_nothing(self):
        good, distinct = self.events(self.lines)
        first_good, first_distinct = self.events(self.lines[:EVENTS * 2 // 3])
        for name, (options, unique) in TABLES.items():
            with self.subTest(name):
                self.create(name, options, unique)
                stats = self.load(name, self.first, 3000)
                self.assertEqual(stats["stored"], first_distinct)
                self.assertLessEqual(stats["unique_keys"], WINDOW + 4096)
                self.check_reload(name, self.first, 3000, first_good)
                stats = self.load(name, self.whole, 5000, "--reload")  # a third of it is new
                self.assertEqual(stats["stored"], distinct - first_distinct)
                self.check_reload(name, self.shuffled, 4000, good)
                self.must("compact", name)
                self.check_reload(name, self.whole, EVENTS, good)
                self.check_reload(name, self.shuffled, 2000, good)
                self.must("verify", name)

    def test_little_memory_is_enough(self):
        good, distinct = self.events(self.lines)
        self.create("small", "", "UNIQUE")
        self.assertEqual(self.load("small", self.shuffled, EVENTS, "--memory-limit", "64MiB")["stored"], distinct)
        self.create("other", "", "UNIQUE", window=100)
        self.load("other", self.whole, 2000, "--memory-limit", "64MiB")
        self.check_reload("other", self.whole, 6000, good)

    def test_without_ids_only_the_window_knows(self):
        _, distinct = self.events(self.lines)
        self.create("dropped", "event_id = 'drop', ", "UNIQUE")
        self.load("dropped", self.whole, 3000)
        stats = self.load("dropped", self.whole, 3000, "--reload")
        self.assertGreater(stats["stored"], distinct - 2 * WINDOW)
        self.assertEqual(stats["repeats_merged"], 0)
        self.must("status", "dropped", "--reconcile")


if __name__ == "__main__":
    unittest.main()
