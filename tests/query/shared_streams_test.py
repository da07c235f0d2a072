#!/usr/bin/env python3
"""Are real streams stored as they are? Each is inferred, created and loaded as it comes; nothing is edited.

What must be stored is worked out here, by Python's JSON parser from the lines themselves and the
statement that `wend infer` wrote: every column of every row, as multisets. Numbers are compared by the
text they were written with, jsonb as values with the order of its keys, times in microseconds. Lines
that must be refused are compared with `wend rejects`, byte for byte. The streams lie in
$WEND_TEST_SHARED/data; without them, or without zstd to read them, the test skips.
"""

import base64
import collections
import datetime
import decimal
import ipaddress
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.environ.get("WEND_TEST_SOURCE", os.path.join(HERE, "..", ".."))
DATA = os.path.join(os.environ.get("WEND_TEST_SHARED", os.path.join(ROOT, "..", "shared")), "data")
PROGRAM = os.environ.get("WEND_TEST_PROGRAM", os.path.join(ROOT, "build", "dev", "wend"))

# Lines, and of them: stored, refused, repeated; with UNIQUE off as infer leaves it.
STREAMS = {
    "usagov-clicks": (120000, 116833, 3167, 0),
    "mobile-app": (30943, 30943, 0, 0),
    "wikipedia-edits": (39244, 39244, 0, 0),
    "github-events": (800, 800, 0, 0),
    "nginx-plus": (500, 500, 0, 0),
}
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
TICKS = {"epoch_s": 1000000, "epoch_ms": 1000, "epoch_us": 1}
MISSING = object()


class Number(str):
    """A number as it is written: no digit is lost on the way through this test."""


def parse(text):
    return json.loads(text, parse_int=Number, parse_float=Number)


def wend(store, *words):
    done = subprocess.run([PROGRAM, "-d", store, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        sys.exit("wend %s: exit %d: %s" % (" ".join(words)[:300], done.returncode, done.stderr.decode()))
    return done.stdout


# The statement ----------------------------------------------------------------------------------

COLUMN = re.compile(r'^    (?:"((?:[^"]|"")+)"|(\w+)) ([a-z]+(?: precision)?(?:\(\d+,\d+\))?)(.*)$')


class Column:
    def __init__(self, name, kind, rest):
        self.name = name
        self.path = name.split(".")
        self.kind = kind
        self.required = "NOT NULL" in rest
        found = re.search(r"format '([^']+)'", rest)
        self.format = found.group(1) if found else "iso"
        unknown = re.sub(r"OPTIONS \(format '[^']+'\)|NOT NULL|UNIQUE|,|\s", "", rest)
        assert unknown == "", "%s says %r, which this test does not know" % (name, unknown)


def columns_of(statement):
    columns = []
    for line in statement.split("(\n", 1)[1].split("\n) WITH (")[0].splitlines():
        line = line.split(" -- ")[0]
        found = COLUMN.match(line)
        assert found, line
        columns.append(Column((found.group(1) or found.group(2)).replace('""', '"'), found.group(3), found.group(4)))
    return columns


# Values -----------------------------------------------------------------------------------------

def look_up(event, path):
    for key in path:
        if not isinstance(event, dict) or key not in event:
            return None
        event = event[key]
    return event


def micros(moment):
    return (moment - EPOCH) // datetime.timedelta(microseconds=1)


def instant(text):
    """An RFC 3339 time with any fraction: what is finer than a microsecond is cut."""
    found = re.match(r"^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d(?::?\d\d)?)$", text)
    assert found, text
    zone = "+00:00" if found.group(4) == "Z" else found.group(4)
    zone = zone + ":00" if len(zone) == 3 else zone if ":" in zone else zone[:3] + ":" + zone[3:]
    whole = datetime.datetime.fromisoformat(found.group(1) + "T" + found.group(2) + zone)
    return micros(whole) + int(((found.group(3) or "") + "000000")[:6])


def as_text(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    assert isinstance(value, str), value
    return str(value)


def as_integer(value):
    number = decimal.Decimal(value)
    assert number == int(number), value
    return int(number)


def expected_value(column, event):
    """What the column must hold for this line, in a form that stored_value() gives too."""
    value = look_up(event, column.path)
    if value is None:
        return None
    if column.kind == "jsonb":
        return json.dumps(spelt(value))
    if column.kind == "timestamptz":
        if column.format == "iso":
            return instant(value)
        if column.format == "epoch_ns":
            return int(value) // 1000
        return int(decimal.Decimal(value) * TICKS[column.format])
    return {
        "text": as_text,
        "bigint": as_integer,
        "boolean": lambda flag: flag,
        "double precision": float,
        "inet": lambda address: str(ipaddress.ip_address(address)),
        "uuid": str.lower,
        "date": str,
    }[column.kind](value) if not column.kind.startswith("numeric") else decimal.Decimal(value)


def spelt(value):
    """Tells 1 from 1.0 and from "1", and keeps the order of keys."""
    if isinstance(value, Number):
        return ["number", str(value)]
    if isinstance(value, dict):
        return ["object", [[key, spelt(inner)] for key, inner in value.items()]]
    if isinstance(value, list):
        return ["array", [spelt(inner) for inner in value]]
    return ["plain", value]


def stored_value(column, value):
    if value is None:
        return None
    if column.kind == "jsonb":
        return json.dumps(spelt(value))
    if column.kind == "timestamptz":
        return instant(value)
    if column.kind == "bigint":
        return int(value)
    if column.kind == "double precision":
        return float(value)
    if column.kind.startswith("numeric"):
        return decimal.Decimal(value)
    assert isinstance(value, bool if column.kind == "boolean" else str) and not isinstance(value, Number), (column.name, value)
    return value


# The test ---------------------------------------------------------------------------------------

def lines_of(path):
    done = subprocess.run(["zstd", "-dcq", path], stdout=subprocess.PIPE, check=True)
    return [line for line in done.stdout.split(b"\n") if line.strip()]


class Truth:
    """Rows and refusals as the statement says, decided here."""

    def __init__(self, lines, columns, unique_rows):
        self.rows, self.refused, self.broken, self.without, self.repeated = collections.Counter(), collections.Counter(), 0, 0, 0
        seen = set()
        for line in lines:
            try:
                event = parse(line.decode("utf-8"))
                assert isinstance(event, dict)
            except (ValueError, AssertionError):
                self.refused[line] += 1
                self.broken += 1
                continue
            row = tuple(expected_value(column, event) for column in columns)
            if any(column.required and value is None for column, value in zip(columns, row)):
                self.refused[line] += 1
                self.without += 1
            elif unique_rows and row in seen:
                self.repeated += 1
            else:
                seen.add(row)
                self.rows[row] += 1


def check_rows(store, table, columns, truth):
    found = collections.Counter()
    for line in wend(store, "sql", "select * from %s" % table, "--format", "ndjson").splitlines():
        stored = parse(line)
        assert list(stored) == [column.name for column in columns], list(stored)
        found[tuple(stored_value(column, stored[column.name]) for column in columns)] += 1
    if found != truth.rows:
        lost, made_up = truth.rows - found, found - truth.rows
        for row in list(lost)[:2]:
            print("%s: not stored, or not like that: %s" % (table, row))
        for row in list(made_up)[:2]:
            print("%s: stored, but never in the stream: %s" % (table, row))
        sys.exit("%s: %d rows differ" % (table, sum(lost.values()) + sum(made_up.values())))


def check_rejects(store, table, truth):
    kept = collections.Counter()
    for line in wend(store, "rejects", table, "--format", "ndjson").splitlines():
        reject = json.loads(line)
        assert reject["reason"], reject
        kept[reject["raw"].encode() if "raw" in reject else base64.b64decode(reject["raw_base64"])] += 1
    assert kept == truth.refused, "%s: %d lines are kept as refused, %d should be" % (
        table, sum(kept.values()), sum(truth.refused.values()))
    counted = sum(int(line.split()[0]) for line in wend(store, "rejects", table, "--reasons").splitlines())
    assert counted == sum(kept.values()), table


def check_stream(store, table, statement, path, unique_rows, wanted):
    line_count, stored, rejected, repeated = wanted
    lines = lines_of(path)
    columns = columns_of(statement)
    with open(os.path.join(store, "..", table + ".sql"), "w", encoding="utf-8") as file:
        file.write(statement)
    wend(store, "create", "-f", file.name)
    numbers = json.loads(wend(store, "ingest", table, "--file", path))
    assert (numbers["taken"], numbers["stored"], numbers["rejected"], numbers["deduplicated"]) == wanted, (table, numbers)
    assert stored + rejected + repeated == line_count == len(lines), table
    truth = Truth(lines, columns, unique_rows)
    assert (sum(truth.rows.values()), truth.broken + truth.without, truth.repeated) == (stored, rejected, repeated), table
    check_rows(store, table, columns, truth)
    check_rejects(store, table, truth)
    status = json.loads(wend(store, "status", table, "--reconcile", "--format", "json"))
    assert status["reconciled"] and status["taken"] == line_count and status["rows"] == stored, status
    wend(store, "verify", table)
    again = json.loads(wend(store, "ingest", table, "--file", path))
    assert again["taken"] == 0 and again["stored"] == 0, "%s was loaded a second time: %s" % (table, again)
    print("%s: %d lines = %d stored + %d rejected + %d deduplicated; %d columns of every row as they came" % (
        table, line_count, stored, rejected, repeated, len(columns)))
    return truth


def main():
    if not os.path.isdir(DATA):
        print("skipped: no real streams at %s; WEND_TEST_SHARED says where they are" % DATA)
        return 77
    if shutil.which("zstd") is None:
        print("skipped: the program zstd, which reads the streams, is not installed")
        return 77
    folder = tempfile.mkdtemp(prefix="wend-streams-")
    try:
        store = os.path.join(folder, "store")
        os.mkdir(store)
        for stream, wanted in STREAMS.items():
            path = os.path.join(DATA, stream + ".ndjson.zst")
            table = stream.replace("-", "_")
            statement = wend(store, "infer", path, "--table", table).decode()
            check_stream(store, table, statement, path, False, wanted)
            if stream == "usagov-clicks":
                unique = statement.replace("CREATE TABLE usagov_clicks", "CREATE TABLE clicks").replace(
                    ") WITH (\n", ") WITH (\n    unique_rows = true,\n")
                truth = check_stream(store, "clicks", unique, path, True, (120000, 112036, 3167, 4797))
                assert (truth.broken, truth.without) == (1, 3166)
        return 0
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
