#!/usr/bin/env python3
"""The program as people and scripts meet it: every line of the surface that scripts rely on, forms of
options, formats, exit codes, signals, sources told apart, the prompt, help and manual pages.

Standard library only. The Kafka lines run against `wend mock-broker`.
"""
import csv
import gzip
import io
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

WEND = os.environ.get("WEND_TEST_PROGRAM", "build/release/wend")
EVENTS = 20000
DONE, COULD_NOT, USED_WRONGLY, DAMAGED = 0, 1, 2, 3


def wend(*words, stdin=None, env=None, cwd=None, text=True):
    return subprocess.run([WEND, *words], input=stdin, capture_output=True, text=text, cwd=cwd,
                          env={**os.environ, **(env or {})}, timeout=120)


class Place:
    """A folder with a generated file, its inferred statement and a store that holds it, made once."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="wend-cli-")
        self.clicks = self.path("clicks.ndjson")
        self.ddl = self.path("events.sql")
        self.store = self.path("store")
        lines = wend("produce", "--events", str(EVENTS), "--seed", "3", text=False)
        assert lines.returncode == DONE, lines.stderr
        with open(self.clicks, "wb") as file:
            file.write(lines.stdout)
        inferred = wend("infer", self.clicks, "--table", "events")
        assert inferred.returncode == DONE, inferred.stderr
        with open(self.ddl, "w") as file:
            file.write(inferred.stdout)
        self.make(self.store)
        self.loaded = json.loads(wend("-d", self.store, "ingest", "events", "--file", self.clicks).stdout)

    def path(self, name):
        return os.path.join(self.folder, name)

    def make(self, store):
        made = wend("-d", store, "create", "-f", self.ddl)
        assert made.returncode == DONE, made.stderr


class Case(unittest.TestCase):
    maxDiff = None

    def ok(self, *words, **options):
        ran = wend("-d", place.store, *words, **options)
        self.assertEqual(ran.returncode, DONE, f"{words}: {ran.stderr}")
        return ran.stdout

    def fails(self, code, *words, says=None, store=None, **options):
        ran = wend("-d", store or place.store, *words, **options)
        self.assertEqual(ran.returncode, code, f"{words}: {ran.stdout[:300]} {ran.stderr}")
        self.assertTrue("\nwend" in "\n" + ran.stderr or "usage" in ran.stderr, ran.stderr)
        if says is not None:
            self.assertIn(says, ran.stderr)
        return ran.stderr

    def fresh(self, name):
        store = place.path(name)
        place.make(store)
        return store

    def ingest(self, store, *words, **options):
        ran = wend("-d", store, "ingest", "events", *words, **options)
        self.assertEqual(ran.returncode, DONE, f"{words}: {ran.stderr}")
        return json.loads(ran.stdout)

    def account(self, store):
        ran = wend("-d", store, "status", "events", "--reconcile", "--format", "json")
        self.assertEqual(ran.returncode, DONE, ran.stderr)
        account = json.loads(ran.stdout)
        self.assertTrue(account["reconciled"])
        self.assertEqual(account["taken"], account["stored"] + account["rejected"] +
                         account["deduplicated"] + account["tombstones"])
        self.assertEqual(account["rows"], account["stored"])
        return account


class Surface(Case):
    """Each line that scripts rely on, as it is written down."""

    def test_produce_is_a_function_of_its_seed(self):
        first = wend("produce", "--events", "500", "--seed", "9").stdout
        self.assertEqual(first.count("\n"), 500)
        self.assertEqual(first, wend("produce", "--events", "500", "--seed", "9").stdout)
        self.assertNotEqual(first, wend("produce", "--events", "500", "--seed", "10").stdout)

    def test_create_takes_what_infer_and_produce_write(self):
        with open(place.ddl) as file:
            inferred = file.read()
        for name, ddl in (("a", inferred), ("b", wend("produce", "--ddl").stdout)):
            made = wend("-d", place.path("ddl-" + name), "create", ddl)  # begins with a comment: --
            self.assertEqual(made.returncode, DONE, made.stderr)

    def test_ingest_accounts_for_every_line(self):
        self.assertEqual(place.loaded["taken"], EVENTS)
        self.assertEqual(place.loaded["taken_committed"], EVENTS)
        self.assertEqual(place.loaded["rejected"], sum(place.loaded["reasons"].values()))
        self.assertGreater(place.loaded["rejected"], 0)
        account = self.account(place.store)
        self.assertEqual(account["taken"], EVENTS)
        self.assertEqual(account["sources"][0]["next"], os.path.getsize(place.clicks))

    def test_store_by_environment(self):
        ran = wend("tables", env={"WEND_DIR": place.store})
        self.assertEqual((ran.returncode, ran.stdout), (DONE, "events\n"))

    def test_sql_formats(self):
        sql = ("select 1 as a, null::text as b, '' as c, 'x,\"y\"' as d, true as e, "
               "1.50::numeric(6,2) as f, '日|本' as g, 0.1::double precision as h")
        values = [{"a": 1, "b": None, "c": "", "d": 'x,"y"', "e": True, "f": 1.5, "g": "日|本", "h": 0.1}]
        self.assertEqual(json.loads(self.ok("sql", sql, "--format", "json")), values)
        self.assertEqual([json.loads(line) for line in self.ok("sql", sql, "--format", "ndjson").splitlines()], values)
        text = self.ok("sql", sql, "--format=csv")
        self.assertEqual(text, self.ok("sql", sql))  # no terminal: CSV
        self.assertEqual(text.splitlines()[1], '1,,"","x,""y""",true,1.50,日|本,0.1')
        self.assertEqual(list(csv.reader(io.StringIO(text)))[0], list("abcdefgh"))
        markdown = self.ok("sql", sql, "-f", "markdown").splitlines()
        self.assertEqual(len(markdown), 3)
        self.assertIn("日\\|本", markdown[2])
        self.assertIn("| null |", markdown[2])
        table = self.ok("sql", sql, "-ftable").splitlines()
        self.assertEqual(table[-1], "(1 row)")
        self.assertIn("null", table[2])

    def test_a_row_of_ndjson_is_one_line(self):
        sql = "select e'{\"a\":\\r\\n [1,\\n \"x\\\\ny\"]}'::jsonb as j, 1 as n"
        lines = self.ok("sql", sql, "--format", "ndjson").splitlines()
        self.assertEqual([json.loads(line) for line in lines], [{"j": {"a": [1, "x\ny"]}, "n": 1}])

    def test_tables_align_numbers_right_and_wide_characters_too(self):
        lines = self.ok("sql", "--format", "table", "select '日本' as t, 5 as number union all "
                        "select 'x', 12345 order by 2").splitlines()
        self.assertEqual(lines[0], "t    | number")
        self.assertEqual(lines[2], "日本 |      5")
        self.assertEqual(lines[3], "x    |  12345")

    def test_a_terminal_is_not_steered_by_data(self):
        out = self.ok("sql", "select e'a\\x1b[31mb' as a, '\u009b' as b", "--format", "table")
        self.assertNotIn("\x1b", out)
        self.assertNotIn("\u009b", out)

    def test_empty_results(self):
        sql = "select user_id from events where false"
        self.assertEqual(json.loads(self.ok("sql", sql, "--format", "json")), [])
        self.assertEqual(self.ok("sql", sql, "--format", "ndjson"), "")
        self.assertEqual(self.ok("sql", sql, "--format", "csv"), "user_id\n")
        self.assertEqual(self.ok("sql", sql, "--format", "table"), "user_id\n-------\n(0 rows)\n")

    def test_sql_from_standard_input_and_file(self):
        self.assertEqual(self.ok("sql", stdin="select 1 as x"), "x\n1\n")
        with open(place.path("q.sql"), "w") as file:
            file.write("-- a comment; with a semicolon\nselect 2 as x;\n")
        self.assertEqual(self.ok("sql", "--file", place.path("q.sql")), "x\n2\n")

    def test_time_zone_of_results(self):
        out = self.ok("sql", "select '2026-01-01 00:00:00+00'::timestamptz as t", "--tz", "Asia/Kolkata")
        self.assertIn("2026-01-01 05:30:00+05:30", out)

    def test_sessions(self):
        row = json.loads(self.ok("sessions", "events", "--gap", "30m", "--format", "json"))[0]
        listed = self.ok("sessions", "events", "--gap", "30m", "--list", "--format", "ndjson").splitlines()
        self.assertEqual(row["sessions"], len(listed))
        split = json.loads(self.ok("sessions", "events", "--gap", "30m", "--by", "country", "--format", "json"))
        self.assertEqual(row["sessions"], sum(part["sessions"] for part in split))
        few = json.loads(self.ok("sessions", "events", "--by", "country", "--limit", "2", "--format", "json"))
        self.assertEqual(len(few), 2)

    def test_funnel(self):
        words = ["funnel", "events", "--step", "event_type = 'page_view'", "--step", "event_type = 'purchase'",
                 "--within", "1h", "--format", "json"]
        steps = json.loads(self.ok(*words))
        self.assertEqual([step["step"] for step in steps], [1, 2])
        self.assertGreater(steps[0]["users"], steps[1]["users"])
        self.assertAlmostEqual(steps[1]["of_first"], steps[1]["users"] / steps[0]["users"])
        split = json.loads(self.ok(*words, "--by", "country", "--where", "country in ('US', 'DE')",
                                   "--since", "2026-03-02", "--until", "2026-03-05", "--tz", "Europe/Berlin"))
        self.assertTrue({row["by"] for row in split} <= {"US", "DE"})

    def test_sugar_is_the_sql_it_shows(self):
        for words in (["sessions", "events", "--gap", "90s"],
                      ["funnel", "events", "--step", "event_type = 'search'", "--within", "1500ms"],
                      ["paths", "events", "--node", "page", "--steps", "5"],
                      ["top-paths", "events", "--node", "event_type", "--steps", "4", "--limit", "10"],
                      ["retention", "events", "--birth", "event_type = 'page_view'", "--return-on", "true",
                       "--period", "day", "--periods", "7"]):
            shown = self.ok(*words, "--explain")
            self.assertEqual(self.ok(*words), self.ok("sql", shown), words)

    def test_paths_and_retention(self):
        edges = json.loads(self.ok("paths", "events", "--node", "page", "--steps", "5", "--format", "json"))
        self.assertEqual({edge["step"] for edge in edges}, {1, 2, 3, 4, 5})
        rows = json.loads(self.ok("retention", "events", "--birth", "event_type = 'page_view'", "--return-on", "true",
                                  "--period", "day", "--periods", "7", "--format", "json"))
        self.assertTrue(all(row["period"] <= 7 for row in rows))
        self.assertEqual({row["users"] for row in rows if row["period"] == 0} & {0}, set())

    def test_care(self):
        self.assertIn("every byte", self.ok("verify", "events"))
        self.assertIn(f"{EVENTS} taken", self.ok("status", "events"))
        self.assertIn("clicks.ndjson", self.ok("status", "events", "--reconcile"))
        rejects = [json.loads(line) for line in self.ok("rejects", "events").splitlines()]
        self.assertEqual(len(rejects), place.loaded["rejected"])
        self.assertEqual(set(rejects[0]), {"topic", "partition", "offset", "path", "reason", "raw"})
        with open(place.clicks, "rb") as file:  # the place is where the line begins
            file.seek(rejects[0]["offset"])
            self.assertEqual(file.readline().decode().rstrip("\n"), rejects[0]["raw"])
        counted = self.ok("rejects", "events", "--reasons")
        self.assertEqual(sum(int(line.split()[0]) for line in counted.splitlines()), len(rejects))
        self.assertEqual(len(self.ok("rejects", "events", "--limit", "2").splitlines()), min(2, len(rejects)))
        self.assertIn("clicks.ndjson", self.ok("rejects", "events", "--limit", "1", "--format", "text"))
        self.assertIn("event_type", self.ok("inspect", "events"))
        json.loads(self.ok("inspect", "events", "--json"))

    def test_export(self):
        target = place.path("events.parquet")
        self.ok("export", "events", "-o", target, "--where", "country = 'DE'")
        with open(target, "rb") as file:
            data = file.read()
        self.assertEqual((data[:4], data[-4:]), (b"PAR1", b"PAR1"))
        folder = place.path("parts/")
        self.ok("export", "--sql", "select event_type, user_id from events", "-o", folder, "--partition-by", "event_type")
        self.assertIn("event_type=search", os.listdir(folder))

    def test_describe_gives_the_table_again(self):
        text = self.ok("describe", "events")
        store = place.path("described")
        self.assertEqual(wend("-d", store, "create", "-f", "-", stdin=text).returncode, DONE)
        self.assertEqual(wend("-d", store, "describe", "events").stdout, text)


class Mistakes(Case):
    def test_used_wrongly(self):
        for words, says in (
                (["nonsense"], "no command nonsense"),
                (["statsu", "events"], "did you mean status?"),
                (["sql", "select 1", "--formt", "csv"], "did you mean --format?"),
                (["sql", "select 1", "--format", "xml"], "formats are"),
                (["sql", "select 1", "--format"], "needs a value"),
                (["sql", "select 1", "--timing=yes"], "takes no value"),
                (["sql", "select 1", "--threads", "-1"], "whole number"),
                (["sql", "select 1", "--tz", "Mars/Base"], "Mars/Base"),
                (["sql", "selec 1"], "LINE 1: selec 1\n        ^"),
                (["sql", "select evnt from events"], "               ^"),
                (["sql", "select evnt_type from events"], 'do you mean "event_type"?'),
                (["sessions", "events", "--by", "Contry"], 'do you mean "country"?'),
                (["sql", "select 1\nfrom nowhere"], "LINE 2: from nowhere\n             ^"),
                (["sql", ""], "no statement"),
                (["sql", "drop table events"], "wend"),
                (["create", "create table x (a intt)"], "intt"),
                (["create", "create table x (a text"], "end of input"),
                (["create", "create table \"../x\" (a text)"], "cannot name a table"),
                (["alter", "events", "add", "column", "x", "nottype"], "nottype"),
                (["alter", "events", "add", "column", "page", "text"], "column of this name"),
                (["alter", "events"], "add column"),
                (["drop", "events"], "--yes"),
                (["funnel", "events"], "--step"),
                (["funnel", "events", "--step", "true"], "--within"),
                (["funnel", "events", "--step", "true", "--within", "1x"], "duration"),
                (["funnel", "events", "--step", "'日本' = evnt", "--within", "1h"],
                 "--step '日本' = evnt\n" + " " * 16 + "^"),
                (["sessions", "events", "--by", "countri"], "--by countri\n     ^"),
                (["retention", "events", "--period", "dayy"], "'day', 'week', 'month'"),
                (["retention", "events", "--since", "2026-99-01"], "2026-99-01"),
                (["paths", "events", "--steps", "0"], "between 1 and 64"),
                (["export", "events"], "-o"),
                (["export", "events", "-o", "x.parquet", "--compression", "lzma"], "lzma"),
                (["ingest", "events"], "nothing to ingest"),
                (["ingest", "events", "--file", "a", "--stdin"], "both"),
                (["ingest", "events", "--file", "a", "--from", "latest"], "--from is for Kafka"),
                (["ingest", "events", "--brokers", "b", "--topic", "t", "--follow"], "--follow"),
                (["ingest", "events", "--brokers", "b", "--topic", "t", "--from", "yesterday"], "yesterday"),
                (["ingest", "events", "--brokers", "b", "--topic", "t", "-X", "no.such=1"], "no.such"),
                (["ingest", "events", "words.ndjson"], "one argument too many"),
                (["status", "events", "--format", "xml"], "text or json")):
            with self.subTest(words=words):
                self.fails(USED_WRONGLY, *words, says=says)
        self.assertEqual(wend("sql", "select 1", env={"WEND_DIR": ""}).returncode, USED_WRONGLY)
        self.assertEqual(wend().returncode, USED_WRONGLY)
        self.assertEqual(subprocess.run([WEND, b"\xff\xfe"], capture_output=True).returncode, USED_WRONGLY)

    def test_could_not(self):
        for words, says in (
                (["status", "nope"], "there are: events"),
                (["funnel", "nope", "--step", "true", "--within", "1h"], "no table nope"),
                (["sessions", "nope"], "no table nope"),
                (["verify", "nope"], "no table nope"),
                (["rejects", "nope"], "no table nope"),
                (["inspect", "nope"], "no table nope"),
                (["drop", "nope", "--yes"], "no table nope"),
                (["create", "create table events (a text)"], "exists"),
                (["create", "-f", "/no/such.sql"], "/no/such.sql"),
                (["ingest", "events", "--file", "/no/such.ndjson"], "/no/such.ndjson"),
                (["infer", "/no/such.ndjson"], "/no/such.ndjson"),
                (["export", "events", "-o", "/no/such/x.parquet"], "/no/such")):
            with self.subTest(words=words):
                self.fails(COULD_NOT, *words, says=says)
        self.fails(COULD_NOT, "tables", store=place.path("no-store"), says="no store")
        self.assertFalse(os.path.exists(place.path("no-store")))

    def test_what_fails_before_it_begins_prints_no_numbers(self):
        self.assertEqual(wend("-d", place.store, "ingest", "nope", "--file", place.clicks).stdout, "")

    def test_output_that_cannot_be_written_is_a_failure(self):
        for words in (["sql", "select * from events"], ["status", "events"], ["rejects", "events"], ["help"],
                      ["infer", place.clicks], ["describe", "events"]):
            with open("/dev/full", "w") as full:
                ran = subprocess.run([WEND, "-d", place.store, *words], stdout=full, stderr=subprocess.PIPE, text=True)
            self.assertEqual(ran.returncode, COULD_NOT, words)
            self.assertIn("standard output", ran.stderr)

    def test_a_closed_pipe_ends_quietly(self):
        child = subprocess.Popen([WEND, "-d", place.store, "sql", "select * from events a"],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        child.stdout.readline()
        child.stdout.close()
        self.assertEqual(child.wait(60), -signal.SIGPIPE)
        with child.stderr:
            self.assertEqual(child.stderr.read(), b"")

    def test_damage(self):
        store = self.fresh("damaged")
        self.ingest(store, "--file", place.clicks)
        folder = os.path.join(store, "events", "seg")
        segment = os.path.join(folder, os.listdir(folder)[0])
        with open(segment, "r+b") as file:  # within the pages of event_id, the largest column
            file.seek(os.path.getsize(segment) // 2)
            byte = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte[0] ^ 0x55]))
        found = wend("-d", store, "verify", "events")
        self.assertEqual(found.returncode, DAMAGED)
        self.assertIn(os.path.basename(segment), found.stdout)
        column = re.search(r"column \d+ \((\w+)\)", found.stdout).group(1)
        ran = wend("-d", store, "sql", f"select {column} from events")
        self.assertEqual(ran.returncode, DAMAGED)
        self.assertIn("--skip-corrupt", ran.stderr)
        ran = wend("-d", store, "sql", f"select {column} from events", "--skip-corrupt")
        self.assertEqual(ran.returncode, DONE, ran.stderr)
        self.assertIn("left out as damaged", ran.stderr)
        self.assertEqual(wend("-d", store, "sql", "select count(*) from events").returncode, DONE)
        target = place.path("damaged.parquet")
        self.fails(DAMAGED, "export", "events", "-o", target, store=store)
        self.assertFalse(os.path.exists(target))
        self.assertEqual(wend("-d", store, "export", "events", "-o", target, "--skip-corrupt").returncode, DONE)

    def test_no_permission(self):
        if os.geteuid() == 0:
            self.skipTest("root may do all")
        store = self.fresh("locked")
        os.chmod(os.path.join(store, "events"), 0)
        self.fails(COULD_NOT, "status", "events", store=store, says="ermission")
        os.chmod(os.path.join(store, "events"), 0o755)


class Sources(Case):
    """Files and standard input: told apart by content, never loaded twice."""

    def setUp(self):
        with open(place.clicks, "rb") as file:
            self.lines = file.read().splitlines(keepends=True)

    def write(self, name, lines):
        path = place.path(name)
        with open(path, "wb") as file:
            file.writelines(lines)
        return path

    def test_repeated_renamed_grown_rotated(self):
        store = self.fresh("sources")
        log = self.write("app.log", self.lines[:8000])
        self.assertEqual(self.ingest(store, "--file", log)["taken"], 8000)
        self.assertEqual(self.ingest(store, "--file", log)["taken"], 0)
        with open(log, "ab") as file:  # grown
            file.writelines(self.lines[8000:9000])
        self.assertEqual(self.ingest(store, "--file", log)["taken"], 1000)
        os.rename(log, log + ".1")  # rotated: renamed, and another takes the name
        self.write("app.log", self.lines[9000:12000])
        self.assertEqual(self.ingest(store, "--file", log, log + ".1")["taken"], 3000)
        with open(log + ".1", "rb") as plain, gzip.open(log + ".1.gz", "wb") as packed:
            shutil.copyfileobj(plain, packed)
        self.assertEqual(self.ingest(store, "--file", log + ".1.gz")["taken"], 0)  # compressed: the same
        self.assertEqual(self.ingest(store, "--file", log, "--reload")["taken"], 3000)
        self.assertEqual(self.account(store)["taken"], 15000)

    def test_compressed(self):
        store = self.fresh("compressed")
        path = place.path("part.ndjson.gz")
        with gzip.open(path, "wb") as file:
            file.writelines(self.lines[:5000])
        self.assertEqual(self.ingest(store, "--file", path)["taken"], 5000)
        if shutil.which("zstd"):
            plain = self.write("other.ndjson", self.lines[5000:8000])
            subprocess.run(["zstd", "-q", "-f", plain], check=True)
            self.assertEqual(self.ingest(store, "--file", plain + ".zst")["taken"], 3000)

    def test_standard_input(self):
        store = self.fresh("piped")
        text = b"".join(self.lines[:2000]).decode()
        self.assertEqual(self.ingest(store, "--stdin", stdin=text)["taken"], 2000)
        self.assertEqual(self.ingest(store, "--stdin", stdin=text)["taken"], 2000)  # no name: new each time
        self.assertEqual(self.ingest(store, "--stdin", "--source", "s", stdin=text)["taken"], 2000)
        more = b"".join(self.lines[:3000]).decode()
        self.assertEqual(self.ingest(store, "--stdin", "--source", "s", stdin=more)["taken"], 1000)

    def test_sigterm_drains_and_commits(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            store = self.fresh(f"drained-{number}")
            child = subprocess.Popen([WEND, "-d", store, "ingest", "events", "--file", place.clicks, "--follow",
                                      "--commit-interval", "1h"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            time.sleep(1.5)
            self.assertIsNone(child.poll())
            child.send_signal(number)
            out, err = child.communicate(timeout=60)
            self.assertEqual(child.returncode, DONE, err)
            taken = json.loads(out)["taken"]
            self.assertGreater(taken, 0)
            self.assertEqual(self.account(store)["taken"], taken)
            self.assertEqual(self.ingest(store, "--file", place.clicks)["taken"], EVENTS - taken)

    def test_sigkill_loses_nothing(self):
        store = self.fresh("killed")
        child = subprocess.Popen([WEND, "-d", store, "ingest", "events", "--file", place.clicks, "--follow",
                                  "--commit-rows", "3000", "--commit-interval", "100ms"], stdout=subprocess.DEVNULL)
        time.sleep(0.4)
        child.kill()
        child.wait()
        self.ingest(store, "--file", place.clicks)
        self.assertEqual(self.account(store)["taken"], EVENTS)

    def test_alter_while_an_ingestor_runs(self):
        store = self.fresh("altered")
        path = self.write("live.ndjson", self.lines[:100])
        child = subprocess.Popen([WEND, "-d", store, "ingest", "events", "--file", path, "--follow",
                                  "--commit-interval", "200ms"], stdout=subprocess.PIPE, text=True)
        try:
            time.sleep(0.5)
            busy = wend("-d", store, "ingest", "events", "--file", place.clicks)
            self.assertEqual(busy.returncode, COULD_NOT, busy.stderr)
            self.assertEqual(wend("-d", store, "drop", "events", "--yes").returncode, COULD_NOT)
            altered = wend("-d", store, "alter", "events", "add", "column", "campaign", "text")
            self.assertEqual(altered.returncode, DONE, altered.stderr)
            with open(path, "ab") as file:
                file.write(b'{"ts":"2026-03-05T00:00:00Z","user_id":"z","campaign":"spring"}\n')
            deadline = time.time() + 30
            while time.time() < deadline:
                found = wend("-d", store, "sql", "select count(*) as n from events where campaign = 'spring'").stdout
                if found == "n\n1\n":
                    break
                time.sleep(0.2)
            self.assertEqual(found, "n\n1\n")
        finally:
            child.terminate()
            child.communicate(timeout=60)
        self.assertEqual(child.returncode, DONE)
        self.account(store)


class Kafka(Case):
    def test_topics(self):
        broker = subprocess.Popen([WEND, "mock-broker", "--topic", "clicks:3"], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)
        try:
            servers = broker.stdout.readline().strip()
            made = wend("produce", "--events", "5000", "--seed", "1", "--brokers", servers, "--topic", "clicks")
            self.assertEqual(made.returncode, DONE, made.stderr)
            store = self.fresh("kafka")
            self.assertEqual(self.ingest(store, "--brokers", servers, "--topic", "clicks", "--until-caught-up")["taken"], 5000)
            self.assertEqual(self.ingest(store, "--brokers", servers, "--topic", "clicks", "--until-caught-up")["taken"], 0)
            account = self.account(store)
            self.assertEqual(sum(source["taken"] for source in account["sources"]), 5000)
            store = self.fresh("kafka-part")
            with open(place.path("kafka.properties"), "w") as file:
                file.write("bootstrap.servers=${SERVERS}\nclient.id=cli-test\n")
            part = self.ingest(store, "-F", place.path("kafka.properties"), "-X", "fetch.wait.max.ms=20", "--topic", "clicks",
                               "--partitions", "1", "--from", "earliest", "--until-caught-up", env={"SERVERS": servers})
            self.assertTrue(0 < part["taken"] < 5000)
            store = self.fresh("kafka-latest")
            none = self.ingest(store, "--brokers", servers, "--topic", "clicks", "--from", "latest", "--until-caught-up")
            self.assertEqual(none["taken"], 0)
        finally:
            broker.stdin.close()
            broker.stdout.close()
            broker.wait(30)


class Demo(Case):
    def test_demo(self):
        for events in ("1000", "20000"):
            ran = wend("-d", place.path("demo-" + events), "demo", "--events", events)
            self.assertEqual(ran.returncode, DONE, ran.stdout + ran.stderr)
            self.assertIn(f"{events} produced = {events} accounted for", ran.stdout)
            self.assertNotIn("DOES NOT", ran.stdout)


class Pages(Case):
    def names(self):
        return re.findall(r"^  ([a-z][a-z-]*) +\S", wend("help").stdout, re.M)

    def test_help_three_ways(self):
        self.assertEqual(len(self.names()), 23)
        for name in self.names():
            page = wend("help", name)
            self.assertEqual(page.returncode, DONE)
            self.assertIn("exit status:", page.stdout)
            self.assertEqual(wend(name, "--help").stdout, page.stdout)
            for line in page.stdout.splitlines():
                example = line.startswith("  ") and "wend " in line
                usage = line.startswith("usage:")
                self.assertTrue(example or usage or len(line) <= 92, f"{name}: {line}")

    def test_examples_do_what_they_say(self):
        """Every example of every page runs, in a folder that has what examples speak of."""
        folder = place.path("examples")
        os.mkdir(folder)
        shutil.copytree(place.store, os.path.join(folder, "store"))
        shutil.copy(place.clicks, folder)
        shutil.copy(place.ddl, folder)
        with open(place.clicks, "rb") as plain, gzip.open(os.path.join(folder, "old.ndjson.gz"), "wb") as packed:
            packed.writelines(plain.readlines()[:50])
        os.makedirs(os.path.join(folder, "bin"))
        os.symlink(os.path.abspath(WEND), os.path.join(folder, "bin", "wend"))
        env = {**os.environ, "PATH": os.path.join(folder, "bin") + ":" + os.environ["PATH"]}
        count = 0
        for name in self.names():
            for line in wend("help", name).stdout.splitlines():
                if not re.match(r"  (\w.* \| )?wend ", line):
                    continue
                if "localhost:9092" in line or "wend demo" in line:
                    continue  # needs a broker; the demo has its own test
                ran = subprocess.run(["sh", "-c", line], cwd=folder, env=env, capture_output=True, text=True, timeout=120)
                self.assertEqual(ran.returncode, DONE, f"{line}\n{ran.stderr}")
                count += 1
        self.assertGreater(count, 24)

    def test_the_five_minutes_of_the_readme(self):
        source = os.environ.get("WEND_TEST_SOURCE", os.path.dirname(os.path.abspath(__file__)) + "/../..")
        with open(os.path.join(source, "README.md")) as file:
            block = file.read().split("## Five minutes")[1].split("```")[1].split("\n", 1)[1]
        folder = place.path("readme")
        os.makedirs(os.path.join(folder, "build/release"))
        os.symlink(os.path.abspath(WEND), os.path.join(folder, "build/release/wend"))
        ran = subprocess.run(["sh", "-e", "-c", block], cwd=folder, capture_output=True, text=True, timeout=120)
        self.assertEqual(ran.returncode, DONE, ran.stderr)
        self.assertGreater(block.count("wend -d store"), 6)
        self.assertTrue(os.path.exists(os.path.join(folder, "events.parquet")))

    def test_manual(self):
        pages = {"wend": wend("help", "--man").stdout}
        pages.update({name: wend("help", "--man", name).stdout for name in self.names()})
        for name, page in pages.items():
            for part in (".TH", ".SH NAME", ".SH EXIT STATUS"):
                self.assertIn(part, page, name)
            if shutil.which("mandoc"):
                lint = subprocess.run(["mandoc", "-T", "lint", "-W", "error"], input=page, capture_output=True, text=True)
                self.assertEqual(lint.returncode, 0, lint.stdout)
        for name in self.names():
            self.assertIn("wend\\-" + name.replace("-", "\\-"), pages["wend"])

    def test_completion(self):
        script = wend("help", "--completion").stdout

        def complete(*words):
            line = script + (f"\nCOMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}; _wend; "
                             "echo \"${COMPREPLY[@]}\"")
            return subprocess.run(["bash", "-c", line], capture_output=True,
                                  text=True).stdout.split()

        if not shutil.which("bash"):
            self.skipTest("no bash")
        self.assertEqual(complete("wend", "fun"), ["funnel"])
        self.assertEqual(complete("wend", "-d", "x", "ret"), ["retention"])
        self.assertIn("--within", complete("wend", "-d", "x", "funnel", "events", "--w"))


class Prompt(Case):
    def talk(self, *lines):
        home = tempfile.mkdtemp(dir=place.folder)
        try:
            child, terminal = pty.fork()
        except OSError as reason:  # a root without /dev/pts
            self.skipTest(f"no terminal to be had: {reason}")
        if child == 0:
            os.environ.update(HOME=home, TERM="xterm")
            os.execv(WEND, [WEND, "-d", place.store, "sql"])
        heard = b""

        def listen(until, seconds=20):
            nonlocal heard
            begin, deadline = len(heard), time.time() + seconds
            while until not in heard[begin:] and time.time() < deadline:
                if select.select([terminal], [], [], 0.1)[0]:
                    try:
                        heard += os.read(terminal, 65536)
                    except OSError:
                        return
        listen(b"wend> ")
        for line, answer in lines:
            time.sleep(0.2)  # the prompt is written before the terminal is made ready for it
            os.write(terminal, line)
            listen(answer)
        ended, state = os.waitpid(child, os.WNOHANG)
        for attempt in range(50):  # the last words mean to leave: said again when they came too early
            if ended != 0:
                break
            time.sleep(0.2)
            ended, state = os.waitpid(child, os.WNOHANG)
            if ended == 0 and attempt % 5 == 4:
                os.write(terminal, lines[-1][0])
        if ended == 0:
            os.kill(child, signal.SIGKILL)
            _, state = os.waitpid(child, 0)
        os.close(terminal)
        return heard.decode(errors="replace"), os.waitstatus_to_exitcode(state), home

    def test_prompt(self):
        heard, code, home = self.talk(
            (b"\\dt\n", b"wend> "), (b"select 40 + 2\n", b"-> "), (b"as answer; -- it's\n", b"wend> "),
            (b"select 'half", b"half"), (b"\x03", b"wend> "), (b"selec;\n", b"wend> "), (b"\\timing\n", b"wend> "),
            (b"\\format csv\n", b"wend> "), (b"select 7 as n;\n", b"wend> "), (b"\\d events\n", b"wend> "),
            (b"\\?\n", b"wend> "), (b"\\q\n", b"\n"))
        self.assertEqual(code, DONE)
        for part in ("events\r\n", "    42\r\n(1 row)", "syntax error", "timing is on", "n\r\n7\r\n", "CREATE TABLE events", "\\timing"):
            self.assertIn(part, heard)
        with open(os.path.join(home, ".wend_history")) as file:
            self.assertIn("answer", file.read())

    def test_end_of_input_leaves(self):
        _, code, _ = self.talk((b"\x04", b"\n"))
        self.assertEqual(code, DONE)


if __name__ == "__main__":
    if not os.path.exists(WEND):
        print(f"skipped: there is no program at {WEND}")
        sys.exit(77)
    place = Place()
    try:
        result = unittest.main(exit=False).result
    finally:
        shutil.rmtree(place.folder, ignore_errors=True)
    sys.exit(0 if result.wasSuccessful() else 1)
