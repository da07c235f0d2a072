#!/usr/bin/env python3
"""Users of every type: is a user one user, whatever the column that names them?

The rows of each table are the same but for the type of the user column, its equal spellings (-0 and 0, 1 and
1.00, addresses and UUIDs in either case) among them. Plain SQL says how many users and rows there are; sessions,
funnels and paths by user must count as many, on one thread and on two, from one segment and from several; and a
filter on one user, which is answered through the order by hash, must find as many rows as one that hides the
column behind an expression.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.environ.get("WEND_TEST_SOURCE", os.path.join(HERE, "..", ".."))
PROGRAM = os.environ.get("WEND_TEST_PROGRAM", os.path.join(ROOT, "build", "dev", "wend"))
ROWS, USERS = 9000, 40


def zero(i):
    return -0.0 if i % 3 == 0 else 0.0


# type: (value of row i in user number u, one user as SQL writes it, a filter on the column that does not prune)
TYPES = {
    "text": (lambda u, i: "user %d" % u, "'user 7'", "who || '' = 'user 7'"),
    "varchar(20)": (lambda u, i: "ü%d" % u, "'ü7'", "who || '' = 'ü7'"),
    "smallint": (lambda u, i: u - 9, "5", "who + 0 = 5"),
    "integer": (lambda u, i: u * 1000003 if i % 2 else float(u * 1000003), "5000015", "who + 0 = 5000015"),
    "bigint": (lambda u, i: u * 2**57, str(5 * 2**57), "who - %d = 0" % (5 * 2**57)),
    "numeric(9,2)": (lambda u, i: u / 4 if i % 2 else "%.2f" % (u / 4), "1.250", "who * 4 = 5"),
    "real": (lambda u, i: zero(i) if u == 3 else u / 4, "0", "who * 2 = 0 and who < 0.1 and who > -0.1"),
    "double precision": (lambda u, i: zero(i) if u == 3 else u / 3, "0", "who * 2 = 0"),
    "uuid": (lambda u, i: ("00112233-4455-6677-8899-aabbccddee%02x" % u).upper() if i % 2 else
             "00112233-4455-6677-8899-aabbccddee%02x" % u, "'00112233-4455-6677-8899-AABBCCDDEE07'",
             "who::text = '00112233-4455-6677-8899-aabbccddee07'"),
    "inet": (lambda u, i: "10.0.0.%d" % u if u % 2 else ("2001:DB8::%x" if i % 2 else "2001:db8:0::%x") % (u + 1),
             "'10.0.0.7'", "who::text = '10.0.0.7'"),
    "date": (lambda u, i: "2026-01-%02d" % (u % 28 + 1), "'2026-01-07'", "who::text = '2026-01-07'"),
    "timestamptz": (lambda u, i: ("2026-01-01T00:00:%02dZ" if i % 2 else "2026-01-01T01:00:%02d+01:00") % u,
                    "'2026-01-01 02:00:07+02'", "who - interval '1 second' = timestamptz '2026-01-01 00:00:06+00'"),
    "boolean": (lambda u, i: u % 2 == 0 if i % 2 else str(u % 2 == 0).lower(), "true", "not not who"),
}


def wend(store, *words):
    done = subprocess.run([PROGRAM, "-d", store, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        sys.exit("wend %s: exit %d: %s" % (" ".join(words), done.returncode, done.stderr))
    return done.stdout


def ask(store, sql, threads="1"):
    return [tuple(json.loads(line).values()) for line in
            wend(store, "sql", sql, "--format", "ndjson", "--threads", threads).splitlines()]


def check(store, kind, value, one, unpruned):
    users, rows = ask(store, "select count(distinct who) as u, count(who) as n from t")[0]
    assert rows == ROWS - ROWS // 100 and 1 < users <= USERS, (kind, users, rows)
    wanted = ask(store, "select count(*) as n from t where " + unpruned)[0][0]
    assert 0 < wanted < rows, (kind, wanted)
    for threads in ("1", "2"):
        for condition in ("who = " + one, "who in (%s)" % one, "who between %s and %s" % (one, one)) if kind != "boolean" else ("who",):
            found = ask(store, "select count(*) as n from t where " + condition, threads)[0][0]
            assert found == wanted, "%s: %s finds %d rows of %d" % (kind, condition, found, wanted)
        sessions = ask(store, "select count(distinct who) as u, count(*) as n, sum(events) as r from sessions(t, gap => '3000 days')", threads)[0]
        assert sessions == (users, users, rows), "%s: %d users with %d rows, sessions have %s" % (kind, users, rows, sessions)
        steps = ask(store, "select users from funnel(t, n >= 0, n >= 0, within => interval '3000 days')", threads)
        assert steps == [(users,), (users,)], "%s: %d users, the funnel has %s" % (kind, users, steps)
        paths = ask(store, "select sum(sessions) as n from top_paths(t, node => 'x', per => 'user')", threads)[0][0]
        assert paths == users, "%s: %d users, %d paths" % (kind, users, paths)
        size = ask(store, "select sum(size) as n from retention(t, periods => 1) where period = 0", threads)[0][0]
        assert size == users, "%s: %d users, cohorts of %d" % (kind, users, size)


def main():
    folder = tempfile.mkdtemp(prefix="wend-users-")
    try:
        for number, (kind, (value, one, unpruned)) in enumerate(TYPES.items()):
            lines = os.path.join(folder, "rows.ndjson")
            with open(lines, "w", encoding="utf-8") as file:
                for i in range(ROWS):
                    who = None if i % 100 == 99 else value(i * 7 % USERS, i)
                    file.write(json.dumps({"who": who, "n": i, "ts": "2026-01-%02dT%02d:00:00Z" % (i % 28 + 1, i % 24)}) + "\n")
            for commit_rows in ("1048576", "4096"):
                store = os.path.join(folder, "%d-%s" % (number, commit_rows))
                wend(store, "create", "create table t (who %s, n integer, ts timestamptz not null) with (user_column = 'who', "
                     "time_column = 'ts')" % kind)
                taken = json.loads(wend(store, "ingest", "t", "--file", lines, "--commit-rows", commit_rows))
                assert taken["stored"] == ROWS, (kind, taken)
                wend(store, "verify", "t")
                check(store, kind, value, one, unpruned)
            print("%s: as many users everywhere" % kind)
        return 0
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
