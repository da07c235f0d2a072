#!/usr/bin/env python3
"""What queries see of a table that stores hashes of its ids, or no ids, and of what no column takes."""
import os
import shutil
import subprocess
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.environ.get("WEND_TEST_SOURCE", os.path.join(HERE, "..", ".."))
PROGRAM = os.environ.get("WEND_TEST_PROGRAM", os.path.join(ROOT, "build", "dev", "wend"))
IDS = ["018f6d8e-7c1a-4bb1-9d55-00000000000%d" % i for i in range(6)]
LINES = "".join('{"event_id":"%s","user_id":"u%d","ts":"2025-01-0%dT00:00:00Z","geo":{"city":"B","lat":%d},"v":"%d"}\n'
                % (event_id, i % 2, i + 1, i, i) for i, event_id in enumerate(IDS))
DDL = ('CREATE TABLE %s (event_id uuid UNIQUE, user_id text, ts timestamptz NOT NULL, "geo.city" text CHECK (event_id IS NOT NULL)) '
       "WITH (user_column = 'user_id', time_column = 'ts', event_id = '%s')")


class StoredIds(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.store = tempfile.mkdtemp(prefix="wend-ids-")
        for policy in "keep", "hash", "drop":
            cls.must("create", DDL % ("t_" + policy, policy))
            cls.must("ingest", "t_" + policy, "--stdin", "--source", "a", "-q", stdin=LINES)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.store)

    @classmethod
    def run_wend(cls, *words, stdin=None):
        return subprocess.run([PROGRAM, "-d", cls.store, *words], input=stdin, capture_output=True, text=True, check=False)

    @classmethod
    def must(cls, *words, stdin=None):
        done = cls.run_wend(*words, stdin=stdin)
        assert done.returncode == 0, (words, done.returncode, done.stderr)
        return done.stdout

    def sql(self, text):
        return self.must("sql", "--format", "csv", text).split("\n", 1)[1].strip()

    def refused(self, text, *parts):
        done = self.run_wend("sql", text)
        self.assertEqual(done.returncode, 2, done.stdout)
        for part in parts:
            self.assertIn(part, done.stderr)

    def test_a_hash_is_found_by_its_value(self):
        for asked in ("event_id = '%s'" % IDS[3], "'%s' = event_id" % IDS[3].upper(), "event_id = uuid '%s'" % IDS[3],
                      "event_id IN ('%s', '%s')" % (IDS[3], "00000000-0000-0000-0000-000000000000"),
                      "event_id = hash64('%s'::uuid)" % IDS[3], "NOT event_id <> '%s'" % IDS[3],
                      "event_id IS NOT DISTINCT FROM '%s'" % IDS[3]):
            self.assertEqual(self.sql("select ts from t_hash where " + asked), "2025-01-04 00:00:00+00", asked)
        self.assertEqual(self.sql("select count(*) from t_hash where event_id <> '%s'" % IDS[0]), "5")
        self.assertEqual(self.sql("select count(distinct event_id) from t_hash"), "6")
        self.assertEqual(self.sql("select event_id from t_hash order by ts"), self.sql("select hash64(event_id) from t_keep order by ts"))
        self.assertEqual(self.sql("select count(*) from t_hash where event_id = null"), "0")

    def test_a_hash_has_no_order(self):
        self.refused("select 1 from t_hash where event_id < '%s'" % IDS[0], "has no order", "event_id = 'hash'")
        self.refused("select 1 from t_hash where event_id between '%s' and '%s'" % (IDS[0], IDS[1]), "has no order")
        self.refused("select 1 from t_hash where event_id = 'nonsense'", "uuid")

    def test_a_dropped_id_is_missed_by_name(self):
        for text in ("select event_id from t_drop", "select t_drop.event_id from t_drop", "select 1 from t_drop where event_id is null",
                     "select count(distinct event_id) from t_drop", "select * from sessions(t_drop, filter => event_id is not null)"):
            self.refused(text, "is not stored", "event_id = 'drop'")
        self.assertEqual(self.sql("select * from t_drop order by ts limit 1"), "u0,2025-01-01 00:00:00+00,B")
        self.assertEqual(self.sql("select 1 as event_id from t_drop limit 1"), "1")

    def test_repeats_are_dropped_alike(self):
        for policy in "keep", "hash", "drop":
            table = "twice_" + policy
            self.must("create", DDL % (table, policy))
            self.must("ingest", table, "--stdin", "--source", "a", "-q", stdin=LINES)
            said = self.must("ingest", table, "--stdin", "--source", "b", "-q",
                             stdin=LINES + LINES.replace("018f6d8e", "018f6d8f").split("\n")[0])
            self.assertIn('"deduplicated":6', said)
            self.assertIn('"rows":7', self.must("status", table, "--format", "json"))
            self.must("verify", table)

    def test_what_is_left_over_is_named_to_be_seen(self):
        self.assertEqual(self.sql("select _rest->>'v', _rest->'geo'->>'lat' from t_keep where ts = '2025-01-03'"), "2,2")
        self.assertEqual(self.sql("select * from t_keep where event_id = '%s'" % IDS[1]), IDS[1] + ",u1,2025-01-02 00:00:00+00,B")
        self.refused("select _rest from (select * from t_keep) t", "does not exist")
        self.refused("select a from t_keep t(a, b, c, d, e)", "5 column names were given for 4 columns")

    def test_statements_come_back(self):
        for policy in "keep", "hash", "drop":
            text = self.must("describe", "t_" + policy)
            self.assertIn("rest = 'keep'", text)
            self.must("create", text.replace("t_" + policy, "again_" + policy))
            self.assertEqual(self.must("describe", "again_" + policy).replace("again_", "t_"), text)
            self.must("alter", "alter table again_%s add column v text generated always as (_rest->>'v') stored" % policy)
            self.must("ingest", "again_" + policy, "--stdin", "--source", "a", "-q", stdin=LINES)
            self.assertEqual(self.sql("select v from again_%s order by ts" % policy).split(), list("012345"))

    def test_an_added_column_has_its_past(self):
        self.must("create", "CREATE TABLE p (ts timestamptz NOT NULL)")
        self.must("ingest", "p", "--stdin", "--source", "a", "-q", stdin='{"ts":"2025-01-01T00:00:00Z","v":1}\n')
        self.must("alter", "alter table p add column v bigint generated always as ((_rest->>'v')::bigint) stored, add column w text")
        self.must("ingest", "p", "--stdin", "--source", "b", "-q",
                  stdin='{"ts":"2025-01-01T00:00:00Z","v":1}\n{"ts":"2025-01-02T00:00:00Z","v":2,"w":"x"}\n')
        self.assertEqual(self.sql("select v, w, _rest from p order by ts, v nulls first, w"),
                         '1,,"{""v"":1}"\n1,,"{""v"":1}"\n2,x,"{""v"":2}"')


if __name__ == "__main__":
    unittest.main()
