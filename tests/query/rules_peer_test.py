#!/usr/bin/env python3
"""CHECK, NOT NULL and GENERATED at the door against another engine: SQLite judges the same rows by the same expressions,
chosen among those that mean the same there as in PostgreSQL (three-valued logic, comparisons, IN, BETWEEN, CASE,
coalesce over integers and texts).

Standard library only.
"""
import json
import os
import random
import shutil
import sqlite3
import subprocess
import tempfile
import unittest

WEND = os.environ.get("WEND_TEST_PROGRAM", "build/release/wend")
ROWS, ROUNDS, CHECKS = 300, 40, 3
INTEGERS, TEXTS = ("a", "b", "c"), ("s", "t")


def integer(dice, depth):
    if depth == 0 or dice.random() < 0.4:
        return dice.choice([*INTEGERS, str(dice.randrange(-5, 6))])
    left, right = integer(dice, depth - 1), integer(dice, depth - 1)
    return dice.choice([f"({left} + {right})", f"({left} - {right})", f"({left} * {right})", f"coalesce({left}, {right})",
                        f"(case when {truth(dice, depth - 1)} then {left} else {right} end)", f"abs({left})",
                        f"nullif({left}, {right})", f"length({text(dice, depth - 1)})"])


def text(dice, depth):
    if depth == 0 or dice.random() < 0.5:
        return dice.choice([*TEXTS, "'x'", "'yy'", "''"])
    left, right = text(dice, depth - 1), text(dice, depth - 1)
    return dice.choice([f"({left} || {right})", f"coalesce({left}, {right})", f"upper({left})", f"nullif({left}, {right})",
                        f"(case when {truth(dice, depth - 1)} then {left} else {right} end)"])


def truth(dice, depth):
    def compare(make):
        left, right, other = make(dice, depth - 1), make(dice, depth - 1), make(dice, depth - 1)
        return dice.choice([f"({left} {dice.choice(['=', '<>', '<', '<=', '>', '>='])} {right})",
                            f"({left} in ({right}, {other}))", f"({left} not in ({right}, {other}, null))",
                            f"({left} between {right} and {other})", f"({left} is null)", f"({left} is not null)"])
    if depth <= 1:
        return compare(dice.choice([integer, text])) if depth == 1 else f"({dice.choice(INTEGERS)} > 0)"
    left, right = truth(dice, depth - 1), truth(dice, depth - 1)
    return dice.choice([f"({left} and {right})", f"({left} or {right})", f"(not {left})", compare(integer), compare(text)])


class RulesTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="wend-rules-")

    def tearDown(self):
        shutil.rmtree(self.folder)

    def wend(self, store, *words):
        done = subprocess.run([WEND, "-d", store, *words], capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, f"{words}: {done.stderr}")
        return done.stdout

    def check_round(self, seed):
        dice = random.Random(seed)
        store = os.path.join(self.folder, f"store{seed}")
        checks = [truth(dice, 3) for _ in range(CHECKS)]
        number, words = integer(dice, 3), text(dice, 2)
        strict = dice.choice([*INTEGERS, *TEXTS, None])
        column = lambda name, kind: f"{name} {kind}{' not null' if name == strict else ''}"
        self.wend(store, "create", "create table r (n bigint, ts timestamptz not null default '2025-01-01 00:00:00+00', " +
                  ", ".join([column(name, "integer") for name in INTEGERS] + [column(name, "text") for name in TEXTS]) +
                  f", g bigint generated always as ({number}) stored, w text generated always as ({words}) stored, " +
                  ", ".join(f"constraint c{i} check ({check})" for i, check in enumerate(checks)) +
                  ") with (time_column = 'ts')")
        rows = []
        for n in range(ROWS):
            row = {"n": n}
            for name in INTEGERS:
                row[name] = dice.choice([None, *range(-6, 7)])
            for name in TEXTS:
                row[name] = dice.choice([None, "", "x", "X", "yy", "z"])
            rows.append(row)
        file = os.path.join(self.folder, "rows.ndjson")
        with open(file, "w") as out:
            for row in rows: # a key that is missing is as good as null
                out.write(json.dumps({k: v for k, v in row.items() if v is not None or dice.random() < 0.5}) + "\n")
        self.wend(store, "ingest", "r", "--file", file)
        peer = sqlite3.connect(":memory:")
        peer.execute("create table r (n integer, a integer, b integer, c integer, s text, t text)")
        peer.executemany("insert into r values (:n, :a, :b, :c, :s, :t)", rows)
        # SQLite's sub-expressions that are true or false are 1 or 0: a CHECK passes unless it is 0.
        passes = " and ".join(f"({check}) is not 0" for check in checks)
        if strict is not None:
            passes += f" and {strict} is not null"
        wanted = [list(row) for row in peer.execute(f"select n, {number}, {words} from r where {passes} order by n")]
        got = [[row["n"], row["g"], row["w"]] for row in map(json.loads, self.wend(
            store, "sql", "select n, g, w from r order by n", "-f", "ndjson").splitlines())]
        self.assertEqual(got, wanted, f"seed {seed}: {checks}, {number}, {words}, not null: {strict}")
        refused = self.wend(store, "rejects", "r", "-f", "ndjson").splitlines()
        self.assertEqual(len(refused), ROWS - len(wanted))
        self.assertEqual(sorted(json.loads(json.loads(line)["raw"])["n"] for line in refused),
                         sorted(set(range(ROWS)) - {row[0] for row in wanted}))
        return len(wanted)

    def test_random_rules(self):
        stored = [self.check_round(seed) for seed in range(ROUNDS)]
        self.assertGreater(sum(0 < count < ROWS for count in stored), ROUNDS // 3)


if __name__ == "__main__":
    unittest.main()
