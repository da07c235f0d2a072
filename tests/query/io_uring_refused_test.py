#!/usr/bin/env python3
"""Where the kernel refuses io_uring (a seccomp filter, as in containers) everything goes by plain calls: the program's
whole way from events to answers, its numbers and its status say `posix`, and the tests of files, table and ingest
hold as they do otherwise.

Standard library only.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

BUILD = os.environ.get("WEND_TEST_BUILD", "build/release")
WEND = os.environ.get("WEND_TEST_PROGRAM", os.path.join(BUILD, "wend"))
LAUNCHER = os.path.join(BUILD, "tests", "refuse_io_uring")
DONE, SKIPPED = 0, 77
# What touches files; programs that are not built are named, not passed over.
PROGRAMS = ["unit_io_file_test", "unit_table_writer_test", "unit_table_open_test", "unit_table_keys_test",
            "unit_table_window_test", "unit_table_compact_test", "unit_ingest_file_source_test", "unit_api_library_test",
            "unit_ingest_typed_row_test", "fault_replay_fault_test", "sim_ingest_sim_test", "unit_query_open_test",
            "unit_query_scan_test", "services_kafka_columns_test"]


def refused(how, *command, **options):
    return subprocess.run([LAUNCHER, how, *command], capture_output=True, text=True, timeout=600,
                          env={**os.environ, "WEND_TEST_PROGRAM": os.path.abspath(WEND)}, **options)


class IoUringRefusedTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="wend-posix-")
        self.store = os.path.join(self.folder, "store")

    def tearDown(self):
        shutil.rmtree(self.folder)

    def wend(self, how, *words):
        done = refused(how, WEND, "-d", self.store, *words)
        self.assertEqual(done.returncode, DONE, f"{words}: {done.stderr}")
        return done.stdout

    def check_program(self, how):
        clicks = os.path.join(self.folder, "clicks.ndjson")
        ddl = os.path.join(self.folder, "events.sql")
        with open(clicks, "w") as out:
            out.write(self.wend(how, "produce", "--events", "20000", "--seed", "4"))
        with open(ddl, "w") as out:
            out.write(self.wend(how, "infer", clicks, "--table", "events"))
        self.wend(how, "create", "-f", ddl)
        numbers = json.loads(self.wend(how, "ingest", "events", "--file", clicks))
        self.assertEqual(numbers["io"], "posix")
        self.assertEqual(numbers["taken"], 20000)
        self.wend(how, "compact", "events")
        self.wend(how, "rejects", "events", "--replay")
        self.assertIn("every byte", self.wend(how, "verify", "events"))
        answer = self.wend(how, "sql", "select count(*) from events", "-f", "csv").split()[-1]
        self.assertEqual(answer, str(numbers["stored"]))
        self.wend(how, "export", "events", "-o", os.path.join(self.folder, "events.parquet"))
        status = json.loads(self.wend(how, "status", "events", "--reconcile", "--format", "json"))
        self.assertTrue(status["reconciled"])
        self.check_live(how, clicks)

    def check_live(self, how, clicks):
        """An ingestor that is at work shows in its status which calls it makes."""
        with subprocess.Popen([LAUNCHER, how, WEND, "-d", self.store, "ingest", "events", "--file", clicks, "--follow"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as live:
            try:
                deadline = time.monotonic() + 30
                shown = ""
                while "posix" not in shown and time.monotonic() < deadline:
                    time.sleep(0.2)
                    shown = self.wend(how, "status", "events")
            finally:
                live.send_signal(signal.SIGTERM)
        self.assertIn("posix", shown)
        self.assertNotIn("io_uring", shown)

    def test_the_program_where_it_is_not_permitted(self):
        self.check_program("eperm")

    def test_the_program_where_there_is_none(self):
        self.check_program("enosys")

    def test_the_filter_holds_and_is_seen(self):
        """Without it this machine may well have io_uring: then the same run says so."""
        self.wend("eperm", "create", "create table t (ts timestamptz not null) with (time_column = 'ts')")
        lines = os.path.join(self.folder, "one.ndjson")
        with open(lines, "w") as out:
            out.write('{"ts":"2025-01-01T00:00:00Z"}\n')
        numbers = json.loads(self.wend("eperm", "ingest", "t", "--file", lines))
        self.assertEqual(numbers["io"], "posix")
        free = subprocess.run([WEND, "-d", self.store, "ingest", "t", "--file", lines, "--reload"], capture_output=True,
                              text=True, timeout=120)
        print(f"without the filter: {json.loads(free.stdout)['io']}", file=sys.stderr)

    def test_programs_of_other_rooms(self):
        absent = [name for name in PROGRAMS if not os.path.exists(os.path.join(BUILD, "tests", name))]
        if absent:
            self.skipTest(f"not built: {', '.join(absent)}")
        for name in PROGRAMS:
            with self.subTest(name):
                done = refused("eperm", os.path.join(BUILD, "tests", name))
                self.assertIn(done.returncode, (DONE, SKIPPED), done.stdout[-2000:] + done.stderr[-2000:])


if __name__ == "__main__":
    if refused("eperm", "true").returncode == SKIPPED:
        print("skipped: this system takes no seccomp filter")
        sys.exit(SKIPPED)
    unittest.main()
