#!/usr/bin/env python3
"""SQL against DuckDB, or against PostgreSQL's documented answers, on the same rows.

tests/query/statements/*.sql hold one statement a line; lines that begin with "--" are remarks.

    statement                 DuckDB must give the same rows
    statement => a|b / c|d    these rows are right (postgres.sql) or these words are in the error
                              (errors.sql)
    statement <=> other       DuckDB is asked `other`, which says the same in its words

Rows are compared in order when the statement ends in an ORDER BY of its own, else as multisets.
Doubles are compared to 1 part in 10^9; exact types exactly, and as numbers, so 1.50 equals 1.5.
Every statement runs on 1, 2 and 4 threads and on three layouts of the rows in segments, and the
answers of wend must be the same text each time (rows of statements without ORDER BY sorted first).
"""

import datetime
import decimal
import json
import os
import random
import re
import subprocess
import sys
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import peers  # noqa: E402

peers.ensure(["duckdb", "pytz"])
import duckdb  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
SHELL = os.environ.get("WEND_TEST_QUERY_SHELL") or os.path.join(
    os.environ.get("WEND_TEST_BUILD", os.path.join(HERE, "..", "..", "build", "dev")), "tests", "query_shell"
)
ROW_COUNT = 3000
LAYOUTS = [(1, ROW_COUNT), (2, 700), (4, 211)]  # threads, rows a segment

EVENTS_DDL = """create table events (id integer not null, event_id uuid, user_id text, ts timestamptz not null,
 event_type text, page text, price numeric(12,2), quantity integer, score double precision, rating real,
 small smallint, big bigint, is_new boolean, day date, ip inet, country text,
 is_expensive boolean generated always as (price > 500) stored)
 with (user_column='user_id', time_column='ts', event_column='event_type')"""
EVENTS_DUCKDB = """create table events (id integer, event_id uuid, user_id varchar, ts timestamptz,
 event_type varchar, page varchar, price decimal(12,2), quantity integer, score double, rating float,
 small smallint, big bigint, is_new boolean, day date, ip varchar, country varchar, is_expensive boolean)"""
NUMS_DDL = "create table nums (n integer, label text)"
NUMS = [(1, "one"), (2, "two"), (3, "three"), (None, "none"), (5, "five"), (5, None), (-4, "minus")]


def make_events():
    """Rows with ties, nulls, repeats and skew; the same on every machine."""
    rng = random.Random(20240301)
    start = datetime.datetime(2024, 3, 1, tzinfo=datetime.timezone.utc)
    types = ["page_view"] * 8 + ["login", "search", "add_to_cart", "add_to_cart", "purchase", "purchase", "refund", "Error"]
    rows = []
    for number in range(ROW_COUNT):
        moment = start + datetime.timedelta(seconds=rng.randrange(25 * 86400), microseconds=rng.choice([0, 0, 500000, 123456]))
        price = None if rng.random() < 0.3 else decimal.Decimal(rng.choice([100, 1250, rng.randrange(100000)])) / 100
        rows.append((
            number,
            None if rng.random() < 0.02 else str(uuid.UUID(int=rng.getrandbits(128), version=4)),
            None if rng.random() < 0.03 else "u%d" % min(int(rng.expovariate(0.12)), 60),
            moment,
            rng.choice(types),
            rng.choice(["/", "/cart", "/search", "/product/%d" % rng.randrange(120), "/häuser/%d" % rng.randrange(3)]),
            price,
            rng.choice([1, 1, 1, 2, 3, None]),
            None if rng.random() < 0.1 else rng.choice([0.1, 0.25, 0.5, rng.random()]),
            rng.choice([None, 1.0, 2.5, 4.0, 4.5]),
            rng.randrange(-5, 6),
            rng.choice([1, -1]) * rng.choice([rng.randrange(10), 2**62 + rng.randrange(3), rng.randrange(2**40)]),
            rng.choice([True, False, None]),
            None if rng.random() < 0.05 else moment.date(),
            rng.choice([None, "10.0.0.%d" % rng.randrange(4), "2001:db8::%d" % rng.randrange(1, 4)]),
            rng.choice(["DE", "DE", "FR", "US", "IN", "", None]),
        ))
    return rows


def cell_text(value):
    if value is None:
        return "\x1e"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    return str(value)


class Shell:
    """One query_shell process with both tables in a given layout."""

    def __init__(self, events, threads, segment_rows):
        self.process = subprocess.Popen([SHELL, str(threads)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.load(EVENTS_DDL, [row + (None,) for row in events], segment_rows)
        self.load(NUMS_DDL, NUMS, 3)

    def send(self, text):
        self.process.stdin.write(text.encode() + b"\0")
        self.process.stdin.flush()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("query_shell ended with %s" % self.process.wait())
        return json.loads(line)

    def load(self, ddl, rows, segment_rows):
        self.send("D" + ddl)
        self.send("R%d\n" % segment_rows + "".join(cell_text(cell) + "\x1f" for row in rows for cell in row))
        self.answer()

    def query(self, sql):
        self.send("Q" + sql)
        return self.answer()

    def close(self):
        self.process.stdin.close()
        return self.process.wait()


INTERVAL = re.compile(r"(?:(-?\d+) years?)? ?(?:(-?\d+) mons?)? ?(?:(-?\d+) days?)? ?(?:(-?)(\d+):(\d+):(\d+(?:\.\d+)?))?$")


def parse_interval(text):
    years, months, days, sign, hours, minutes, seconds = INTERVAL.match(text).groups()
    total = datetime.timedelta(days=int(days or 0) + 30 * (int(months or 0) + 12 * int(years or 0)))
    clock = datetime.timedelta(hours=int(hours or 0), minutes=int(minutes or 0), seconds=float(seconds or 0))
    return total - clock if sign == "-" else total + clock


def parse_time(text):
    text = re.sub(r"([+-]\d\d)$", r"\1:00", text)
    value = datetime.datetime.fromisoformat(text)
    return value.astimezone(datetime.timezone.utc).replace(tzinfo=None) if value.tzinfo else value


def from_wend(text, type_name):
    if text is None:
        return None
    base = type_name.split("(")[0]
    if base in ("smallint", "integer", "bigint"):
        return decimal.Decimal(text)
    if base == "numeric":
        return decimal.Decimal(text)
    if base in ("real", "double precision"):
        return float(text)
    if base == "boolean":
        return text in ("true", "t")
    if base == "date":
        return datetime.datetime.fromisoformat(text)
    if base.startswith("timestamp"):
        return parse_time(text)
    if base == "interval":
        return parse_interval(text)
    return text


def from_duckdb(value):
    if isinstance(value, bool) or value is None or isinstance(value, (str, float)):
        return value
    if isinstance(value, (int, decimal.Decimal)):
        return decimal.Decimal(value)
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.timezone.utc).replace(tzinfo=None) if value.tzinfo else value
    if isinstance(value, datetime.date):
        return datetime.datetime(value.year, value.month, value.day)
    if isinstance(value, datetime.timedelta):
        return value
    return str(value)


def equal(a, b):
    if a is None or b is None:
        return a is b
    if isinstance(a, bool) != isinstance(b, bool):
        return False
    if isinstance(a, (float, decimal.Decimal)) and isinstance(b, (float, decimal.Decimal)):
        if isinstance(a, float) or isinstance(b, float):
            x, y = float(a), float(b)
            return x == y or (x != x and y != y) or abs(x - y) <= 1e-9 * max(abs(x), abs(y), 1e-300) or abs(x - y) < 1e-12
        return a == b
    return a == b


def sort_key(row):
    """For multisets: floats rounded, so that equal-enough rows stand at equal places."""
    key = []
    for value in row:
        if isinstance(value, (float, decimal.Decimal)) and not isinstance(value, bool):
            key.append((1, "%020.6f" % float(value)))
        else:
            key.append((0, "") if value is None else (1, str(value)))
    return key


def is_ordered(statement):
    """Whether an ORDER BY stands outside of all parentheses."""
    depth, outer = 0, []
    for char in statement:
        depth += (char == "(") - (char == ")")
        if depth == 0:
            outer.append(char)
    return "order by" in "".join(outer)


def same_rows(statement, ours, theirs):
    if len(ours) != len(theirs):
        return "%d rows, expected %d" % (len(ours), len(theirs))
    if not is_ordered(statement):
        ours, theirs = sorted(ours, key=sort_key), sorted(theirs, key=sort_key)
    for number, (a, b) in enumerate(zip(ours, theirs)):
        if len(a) != len(b) or not all(equal(x, y) for x, y in zip(a, b)):
            return "row %d is %s, expected %s" % (number, a, b)
    return None


def compare_with_duckdb(connection, statement, other, answer):
    if "error" in answer:
        return "wend: " + answer["error"]
    types = [column["type"] for column in answer["columns"]]
    ours = [tuple(from_wend(cell, kind) for cell, kind in zip(row, types)) for row in answer["rows"]]
    try:
        theirs = [tuple(map(from_duckdb, row)) for row in connection.execute(other or statement).fetchall()]
    except duckdb.Error as fault:
        return "DuckDB: %s" % fault
    return same_rows(statement, ours, theirs)


def compare_with_text(expected, answer):
    if "error" in answer:
        return "wend: " + answer["error"]
    rows = "" if not answer["rows"] else " / ".join(
        "|".join("∅" if cell is None else cell for cell in row) for row in answer["rows"])
    return None if rows.strip() == expected.strip() else "%s, expected %s" % (rows, expected)


def compare_error(expected, answer):
    said = answer.get("error") or answer.get("late_error")
    if said is None:
        return "was not refused"
    return None if expected.strip() in said + " " + answer.get("hint", "") else "%s, expected words: %s" % (said, expected)


def statements():
    folder = os.path.join(HERE, "statements")
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                line = line.rstrip("\n")
                if line and not line.startswith("--"):
                    yield name, number, line


def check(connection, name, line, answer):
    if name == "postgres.sql":
        statement, expected = line.rsplit(" =>", 1)
        return statement, compare_with_text(expected, answer(statement))
    if name == "errors.sql":
        statement, expected = line.rsplit(" =>", 1)
        return statement, compare_error(expected, answer(statement))
    statement, _, other = line.partition(" <=> ")
    return statement, compare_with_duckdb(connection, statement, other, answer(statement))


def invariant_form(statement, answer):
    if "rows" in answer and not is_ordered(statement):
        answer = dict(answer, rows=sorted(answer["rows"], key=str))
    answer.pop("notes", None)
    return re.sub(r"[^ ]*/wend-query-\w+", "STORE", json.dumps(answer))


def main():
    if not os.path.exists(SHELL):
        print("no query_shell at " + SHELL)
        return 1
    events = make_events()
    connection = duckdb.connect()
    for setting in ("set timezone='UTC'", "set integer_division=true", "set default_null_order='postgres'"):
        connection.execute(setting)
    connection.execute(EVENTS_DUCKDB)
    connection.executemany("insert into events values (%s)" % ",".join("?" * 17),
                           [row + (None if row[6] is None else row[6] > 500,) for row in events])
    connection.execute("create table nums (n integer, label varchar)")
    connection.executemany("insert into nums values (?, ?)", NUMS)
    shells = [Shell(events, threads, rows) for threads, rows in LAYOUTS]
    failed = count = 0
    only = sys.argv[1] if len(sys.argv) > 1 else ""
    for name, number, line in statements():
        if only not in line and only not in name:
            continue
        count += 1
        statement, fault = check(connection, name, line, shells[0].query)
        if fault is None:
            forms = [invariant_form(statement, shell.query(statement)) for shell in shells]
            if len(set(forms)) != 1:
                fault = "the answer depends on threads or layout:\n    " + "\n    ".join(form[:400] for form in forms)
        if fault is not None:
            failed += 1
            print("%s:%d: %s\n    %s" % (name, number, statement, fault))
    ended = [shell.close() for shell in shells]
    print("%d statements, %d failed, DuckDB %s" % (count, failed, duckdb.__version__))
    return 1 if failed or any(ended) else 0


if __name__ == "__main__":
    sys.exit(main())
