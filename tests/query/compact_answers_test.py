#!/usr/bin/env python3
"""Does compaction change an answer? The same table is asked before and after, byte for byte.

Generated events in some fifty commits, once as they are and once with times cut to minutes so that rows tie:
the questions of determinism_test.py and of bench/rollups.sql, the table compacted in one go, with small files
(windows, ranges of users), with little memory, and again after more commits. Then the streams of
$WEND_TEST_SHARED/data, every row of them. And what surrounds it: what UNIQUE remembers, dry runs, a busy
table, being killed, what status and verify say.
"""

import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.environ.get("WEND_TEST_SOURCE", os.path.join(HERE, "..", ".."))
PROGRAM = os.environ.get("WEND_TEST_PROGRAM", os.path.join(ROOT, "build", "dev", "wend"))
DATA = os.path.join(os.environ.get("WEND_TEST_SHARED", os.path.join(ROOT, "..", "shared")), "data")
EVENTS = int(os.environ.get("COMPACT_EVENTS", "40000"))
SEED = "31"


def determinism():
    spec = importlib.util.spec_from_file_location("determinism_test", os.path.join(HERE, "determinism_test.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rollups():
    """The statements of bench/rollups.sql as wend is asked them; a number of users stands for theirs."""
    with open(os.path.join(ROOT, "bench", "rollups.sql"), encoding="utf-8") as file:
        text = file.read()
    found = []
    for part in re.split(r"^-- query: ", text, flags=re.M)[1:]:
        body = part.split("\n", 1)[1]
        if "-- wend:" in body:
            body = body.split("-- wend:\n", 1)[1]
        body = body.split("-- duckdb:")[0]
        statement = "\n".join(line for line in body.splitlines() if not line.startswith("--")).strip()
        if statement and ":" + "user" not in statement and "$" not in statement:
            found.append(statement)
    assert len(found) >= 12, "bench/rollups.sql is read wrongly"
    return found


QUESTIONS = determinism().QUESTIONS + rollups()


def run(store, *words):
    return subprocess.run([PROGRAM, "-d", store, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)


def wend(store, *words):
    done = run(store, *words)
    if done.returncode != 0:
        sys.exit("wend %s: exit %d: %s" % (" ".join(words)[:300], done.returncode, done.stderr.decode()))
    return done.stdout


def compact(store, table, *words):
    """The steps that were committed; the table must verify."""
    told = json.loads(wend(store, "compact", table, "--format", "json", *words))
    assert told["done"] and told["table"] == table, told
    wend(store, "verify", table)
    return told["steps"]


def status(store, table):
    return json.loads(wend(store, "status", table, "--format", "json"))


def answers(store, questions):
    return {question: wend(store, "sql", question, "--format", "ndjson", "--threads", "2") for question in questions}


def same(what, before, after):
    for question, answer in after.items():
        if answer != before[question]:
            a, b = before[question].split(b"\n"), answer.split(b"\n")
            row = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)) - 1)
            sys.exit("%s: %s\n  before, row %d of %d: %s\n  after, row %d of %d: %s" % (
                what, question, row, len(a), a[row].decode(), row, len(b), b[row].decode()))


def copy(store, name):
    target = os.path.join(os.path.dirname(store), name)
    shutil.copytree(store, target)
    return target


def ingest(store, table, path, *words):
    return json.loads(wend(store, "ingest", table, "--file", path, "--commit-interval", "1h", *words))


def lines_of(kind):
    made = subprocess.run([PROGRAM, "produce", "--events", str(EVENTS), "--seed", SEED], stdout=subprocess.PIPE, check=True).stdout
    return determinism().cut_to_minutes(made) if kind == "with ties" else made


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)
    return path


def check_generated(folder, kind):
    place = os.path.join(folder, kind.replace(" ", "-"))
    os.mkdir(place)
    each = lines_of(kind).splitlines(keepends=True)
    whole = write(os.path.join(place, "whole.ndjson"), b"".join(each))
    half = write(os.path.join(place, "half.ndjson"), b"".join(each[:len(each) // 2]))
    rest = write(os.path.join(place, "rest.ndjson"), b"".join(each[len(each) // 2:]))
    ddl = subprocess.run([PROGRAM, "produce", "--ddl"], stdout=subprocess.PIPE, check=True).stdout.decode()
    plain = os.path.join(place, "plain")
    wend(plain, "create", ddl)
    loaded = ingest(plain, "events", whole, "--commit-rows", "4000")
    assert loaded["segments"] > EVENTS // 10000, loaded
    before = answers(plain, QUESTIONS)

    once = copy(plain, "once")
    steps = compact(once, "events")
    assert sum(step["rows"] for step in steps) == loaded["stored"], steps
    after = status(once, "events")
    assert after["segments"] == 1 and after["segments_by_level"][0] == 0, after
    assert after["reconciled"] and after["rows"] == loaded["stored"], after
    assert after["segment_bytes"] < status(plain, "events")["segment_bytes"], "denser than what ingest wrote"
    same("%s, in one go" % kind, before, answers(once, QUESTIONS))
    assert compact(once, "events") == [], "a second time there is nothing to do"

    small = copy(plain, "small")
    compact(small, "events", "--target-size", "100KiB")
    assert status(small, "events")["segments"] > 4, "windows, and ranges of users in them"
    same("%s, in small files" % kind, before, answers(small, QUESTIONS))

    little = copy(plain, "little")
    compact(little, "events", "--memory-limit", "64MiB", "--level", "1")
    same("%s, in little memory" % kind, before, answers(little, QUESTIONS))

    grown = os.path.join(place, "grown")
    wend(grown, "create", ddl)
    first = ingest(grown, "events", half, "--commit-rows", "4000")
    compact(grown, "events", "--target-size", "1MiB")
    second = ingest(grown, "events", rest, "--commit-rows", "4000")
    # Repeats of events that were merged long ago are known: the window of UNIQUE is what it was.
    assert first["deduplicated"] + second["deduplicated"] == loaded["deduplicated"], (first, second, loaded)
    assert first["stored"] + second["stored"] == loaded["stored"]
    same("%s, grown" % kind, before, answers(grown, QUESTIONS))
    compact(grown, "events")
    same("%s, grown and compacted" % kind, before, answers(grown, QUESTIONS))
    compact(grown, "events", "--all")
    same("%s, grown and compacted, all of it" % kind, before, answers(grown, QUESTIONS))
    again = ingest(grown, "events", whole, "--reload")
    assert again["stored"] == 0, ("reloading what is there adds nothing", again)
    print("%s: %d questions, six ways: the same bytes" % (kind, len(QUESTIONS)))
    return plain


def check_surroundings(plain):
    """Dry runs, a busy table, being killed at any moment."""
    files = sorted(os.listdir(os.path.join(plain, "events", "log")))
    dry = json.loads(wend(plain, "compact", "events", "--dry-run", "--format", "json"))
    assert dry["dry_run"] and len(dry["steps"]) == 1 and dry["steps"][0]["files_after"] == 1, dry
    assert b"would become" in wend(plain, "compact", "events", "-n")
    assert sorted(os.listdir(os.path.join(plain, "events", "log"))) == files, "a dry run changes nothing"
    for words in (["--level", "40"], ["--memory-limit", "1MiB"], ["--target-size", "5"]):
        assert run(plain, "compact", "events", *words).returncode != 0, words
    assert run(plain, "compact", "nothing").returncode == 1

    busy = copy(plain, "busy")
    writer = subprocess.Popen([PROGRAM, "-d", busy, "ingest", "events", "--stdin"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)
    lock = os.path.join(busy, "events", "LOCK")
    while not os.path.exists(lock) or not open(lock, "rb").read().strip():
        time.sleep(0.05)
    refused = run(busy, "compact", "events")
    assert refused.returncode == 1 and str(writer.pid).encode() in refused.stderr, refused
    writer.stdin.close()
    assert writer.wait(60) == 0

    questions = QUESTIONS[:1] + QUESTIONS[15:16] + ["select * from events order by event_id limit 5000"]
    before = answers(plain, questions)
    took = time.monotonic()
    compact(copy(plain, "timed"), "events", "--target-size", "100KiB")
    took = time.monotonic() - took
    merged = 0
    for i in range(8):
        store = copy(plain, "killed-%d" % i)
        victim = subprocess.Popen([PROGRAM, "-d", store, "compact", "events", "--target-size", "100KiB"], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
        time.sleep(took * (i + 0.5) / 8)
        victim.send_signal(signal.SIGKILL)
        victim.wait()
        wend(store, "verify", "events")
        merged += status(store, "events")["segments_by_level"][0] == 0
        same("killed", before, answers(store, questions))
        compact(store, "events")
        same("killed, then compacted", before, answers(store, questions))
        shutil.rmtree(store)
    print("busy, killed (%d of 8 too late), dry: as it should be" % merged)


def check_policies(folder):
    """Where the id is hashed or not stored its keys lie in files of their own; what no column takes is a column."""
    path = write(os.path.join(folder, "policies.ndjson"),
                 subprocess.run([PROGRAM, "produce", "--events", "20000", "--seed", SEED], stdout=subprocess.PIPE, check=True).stdout)
    ddl = subprocess.run([PROGRAM, "produce", "--ddl"], stdout=subprocess.PIPE, check=True).stdout.decode()
    for policy in ("hash", "drop"):
        store = os.path.join(folder, policy)
        wend(store, "create", ddl.replace("rest='drop'", "rest='keep', event_id='%s'" % policy))
        loaded = ingest(store, "events", path, "--commit-rows", "2000")
        questions = ["select * from top_paths(events, node => page, steps => 5) limit 500", "select count(*), sum(price) from events"]
        before = answers(store, questions)
        rows = sorted(wend(store, "sql", "select * from events", "--format", "ndjson").split(b"\n"))
        assert compact(store, "events") != []
        same(policy, before, answers(store, questions))
        assert sorted(wend(store, "sql", "select * from events", "--format", "ndjson").split(b"\n")) == rows, policy
        again = ingest(store, "events", path, "--reload")
        assert again["stored"] == 0 and again["deduplicated"] == loaded["stored"] + loaded["deduplicated"], again
    print("ids hashed and dropped, leftovers kept: the same rows, and repeats are known")


def check_shared(folder):
    if not os.path.isdir(DATA) or shutil.which("zstd") is None:
        print("without %s and zstd the real streams are left out" % DATA)
        return
    for name in sorted(os.listdir(DATA)):
        if not name.endswith(".ndjson.zst"):
            continue
        path = os.path.join(DATA, name)
        store = os.path.join(folder, name)
        wend(store, "create", wend(store, "infer", path, "--table", "t").decode())
        loaded = ingest(store, "t", path, "--commit-rows", "3000")
        rows = sorted(wend(store, "sql", "select * from t", "--format", "ndjson").split(b"\n"))
        bytes_before = status(store, "t")["segment_bytes"]
        words = [] if loaded["segments"] > 1 else ["--all"]
        steps = compact(store, "t", *words)
        assert steps != [], name
        if sorted(wend(store, "sql", "select * from t", "--format", "ndjson").split(b"\n")) != rows:
            sys.exit("%s: other rows after compaction" % name)
        after = status(store, "t")
        assert after["rows"] == loaded["stored"] and after["segments_by_level"][0] == 0, after
        print("%s: %d rows in %d segments of %d bytes, then %d of %d: the same rows" % (
            name, after["rows"], loaded["segments"], bytes_before, after["segments"], after["segment_bytes"]))


def main():
    folder = tempfile.mkdtemp(prefix="wend-compact-")
    try:
        plain = check_generated(folder, "as generated")
        check_surroundings(plain)
        check_generated(folder, "with ties")
        check_policies(folder)
        check_shared(folder)
        return 0
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
