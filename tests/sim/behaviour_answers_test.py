#!/usr/bin/env python3
"""funnel, funnel_users, sessions, paths, top_paths and retention against the naive evaluator.

Random tables of small histories (ties, repeats, nulls, overlapping predicates, days on which clocks change) are
stored in three layouts of segments and asked on 1, 2 and 4 threads, in one slice of users or in many: the answers must be the same text
each time, and must be what tests/support/behaviour_naive.py finds by trying everything. Answers must also
add up as docs/SEMANTICS.md promises.

WEND_TEST_SEED picks other tables, WEND_TEST_TABLES says how many.
"""

import datetime
import json
import os
import random
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
import behaviour_naive as naive  # noqa: E402

SHELL = os.environ.get("WEND_TEST_QUERY_SHELL") or os.path.join(
    os.environ.get("WEND_TEST_BUILD", os.path.join(HERE, "..", "..", "build", "dev")), "tests", "query_shell"
)
SEED = int(os.environ.get("WEND_TEST_SEED", "1"))
TABLES = int(os.environ.get("WEND_TEST_TABLES", "12"))
USERS = 220
MINUTE_US = 60_000_000

COLUMNS = ["u", "ts", "kind", "page", "n", "k", "g", "seq"]
DDL = """create table events (u text, ts timestamptz not null, kind text, page text, n integer, k text, g text, seq integer)
 with (user_column='u', time_column='ts', event_column='kind'%s)"""

# What SQL says, and what it means: only true is true.
PREDICATES = [
    ("kind = 'a'", lambda row: row.kind == "a"),
    ("kind = 'b'", lambda row: row.kind == "b"),
    ("kind = 'c'", lambda row: row.kind == "c"),
    ("kind in ('a', 'b')", lambda row: row.kind in ("a", "b")),
    ("n > 2", lambda row: row.n is not None and row.n > 2),
    ("n <= 2", lambda row: row.n is not None and row.n <= 2),
    ("page = '/x' or kind = 'b'", lambda row: row.page == "/x" or row.kind == "b"),
    ("page is null", lambda row: row.page is None),
]
VALUES = [
    ("page", lambda row: row.page),
    ("kind", lambda row: row.kind),
    ("g", lambda row: row.g),
    ("coalesce(page, kind)", lambda row: row.page if row.page is not None else row.kind),
    ("upper(g)", lambda row: None if row.g is None else row.g.upper()),
]
AGGREGATES = [
    ("sum(n)", lambda rows: sum([r.n for r in rows if r.n is not None]) if any(r.n is not None for r in rows) else None),
    ("count(*) filter (where kind = 'a')", lambda rows: sum(1 for r in rows if r.kind == "a")),
    ("count(distinct page)", lambda rows: len({r.page for r in rows if r.page is not None})),
    ("max(kind)", lambda rows: max(r.kind for r in rows)),
    ("count(n)", lambda rows: sum(1 for r in rows if r.n is not None)),
]
# Around changes of clocks, and one zone where a midnight does not exist.
PLACES = [
    ("UTC", "2024-03-10"), ("Europe/Berlin", "2024-03-28"), ("America/New_York", "2024-11-01"),
    ("Asia/Kolkata", "2024-02-25"), ("America/Sao_Paulo", "2018-11-01"), ("Europe/Berlin", "2024-10-24"),
]


class Row:
    """One stored row. `order` sorts rows of equal time: the order column, nulls last, then arrival."""

    def __init__(self, time, arrival, ordered, **columns):
        self.time = time
        self.__dict__.update(columns)
        self.order = (columns["seq"] is None, columns["seq"] or 0, arrival) if ordered else arrival

    def cells(self):
        moment = naive.EPOCH + datetime.timedelta(microseconds=self.time)
        values = [self.u, moment.isoformat(sep=" ") + "+00", self.kind, self.page, self.n, self.k, self.g, self.seq]
        return ["\x1e" if value is None else str(value) for value in values]


def make_rows(rng, start, ordered):
    """Histories of 0 to 10 rows, users interleaved; some rows have no user."""
    rows = []
    unit = rng.choice([MINUTE_US, 20 * MINUTE_US, 5 * 60 * MINUTE_US, 20 * 60 * MINUTE_US])
    for user in range(USERS):
        time = start + rng.randrange(40) * unit
        name = None if user % 40 == 39 else "user-%d" % user
        for _ in range(rng.choice([1, 2, 3, 4, 5, 6, 7, 8, 9])):
            time += rng.choice([0, 0, 1, 1, 2, 3, 5, 30]) * unit
            rows.append([time, dict(
                u=name, kind=rng.choice("aabbc"), page=rng.choice([None, "/x", "/y", "/y", "/zä"]),
                n=rng.choice([None, 1, 2, 3, 4]), k=rng.choice([None, None, "s1", "s2"]),
                g=rng.choice([None, "de", "de", "fr"]), seq=rng.choice([None, 1, 2, 3]),
            )])
    rng.shuffle(rows)
    return [Row(time, arrival, ordered, **columns) for arrival, (time, columns) in enumerate(rows)]


# ---- asking ----

class Shell:
    def __init__(self, threads, segment_rows, slice_rows, ordered, rows):
        self.process = subprocess.Popen([SHELL, str(threads)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        env={**os.environ, "WEND_TEST_SLICE_ROWS": str(slice_rows)})
        self.tell("D" + DDL % (", order_column='seq'" if ordered else ""))
        self.tell("R%d\n" % segment_rows + "".join(cell + "\x1f" for row in rows for cell in row.cells()))
        self.process.stdout.readline()

    def tell(self, message):
        self.process.stdin.write(message.encode() + b"\0")
        self.process.stdin.flush()

    def ask(self, sql):
        self.tell("Q" + sql)
        return self.process.stdout.readline().decode()

    def close(self):
        self.process.stdin.close()
        assert self.process.wait() == 0, "the shell failed at its end"


def parse(text, kind):
    if text is None:
        return None
    if kind.startswith("timestamp"):
        moment = datetime.datetime.fromisoformat(text.replace("+00", "+00:00"))
        return (moment.replace(tzinfo=None) - naive.EPOCH) // datetime.timedelta(microseconds=1)
    if kind == "date":
        return datetime.date.fromisoformat(text)
    if kind == "boolean":
        return text == "true" or text == "t"
    if kind in ("bigint", "integer", "smallint"):
        return int(text)
    return float(text) if kind.startswith("double") else text


def same(found, expected):
    if isinstance(found, float) and isinstance(expected, (int, float)) and not isinstance(expected, bool):
        return abs(found - expected) <= 1e-9 * max(1.0, abs(expected))
    return found == expected and (found is None) == (expected is None)


def same_rows(found, expected):
    return len(found) == len(expected) and all(
        len(a) == len(b) and all(same(x, y) for x, y in zip(a, b)) for a, b in zip(found, expected)
    )


def sortable(row):
    return [(value is None, str(type(value)), value if value is not None else 0) for value in row]


# ---- questions: SQL and what the naive evaluator is to be given ----

class Question:
    """Collects `name => value` on one side and options on the other."""

    def __init__(self, rng, place):
        self.rng = rng
        self.zone = place[0]
        self.sql = ["events"]
        self.options = naive.Options(tz="UTC")

    def chance(self, probability):
        return self.rng.random() < probability

    def give(self, name, sql, value, option=None):
        self.sql.append("%s => %s" % (name, sql))
        self.options[option or name] = value

    def word(self, name, words, probability):
        if self.chance(probability):
            word = self.rng.choice(words)
            self.give(name, "'%s'" % word, word)

    def predicate(self, name, probability, option=None):
        if self.chance(probability):
            sql, meaning = self.rng.choice(PREDICATES)
            self.give(name, sql, meaning, option)

    def value(self, name, probability, option=None):
        if self.chance(probability):
            sql, meaning = self.rng.choice(VALUES)
            self.give(name, sql, meaning, option)

    def flag(self, name, probability):
        if self.chance(probability):
            value = self.chance(0.8)
            self.give(name, "true" if value else "false", value)

    def minutes(self, name, choices, probability=1.0):
        if self.chance(probability):
            minutes = self.rng.choice(choices)
            self.give(name, "interval '%d min'" % minutes, minutes * MINUTE_US)

    def common(self, rows):
        self.predicate("filter", 0.2)
        if self.chance(0.6):
            self.give("tz", "'%s'" % self.zone, self.zone)
        if self.chance(0.25):
            day = naive.local_day(self.rng.choice(rows).time, self.options.tz)
            start = naive.to_utc(datetime.datetime.combine(day, datetime.time()), self.options.tz)
            self.give("since", "'%s'" % day, start)
        if self.chance(0.25):
            time = self.rng.choice(rows).time
            moment = naive.EPOCH + datetime.timedelta(microseconds=time)
            self.give("until", "'%s+00'" % moment.isoformat(sep=" "), time)
        self.value("by", 0.3)

    def as_of(self, rows):
        self.options["as_of"] = max(row.time for row in rows)
        self.options["oldest"] = min(row.time for row in rows)
        if self.chance(0.3):
            time = self.rng.choice(rows).time
            moment = naive.EPOCH + datetime.timedelta(microseconds=time)
            self.give("as_of", "'%s+00'" % moment.isoformat(sep=" "), time)

    def session_options(self, gap):
        self.minutes(gap, [0, 1, 20, 30, 60, 300], 0.5)
        if self.chance(0.3):
            self.give("session_key", "k", lambda row: row.k)
        if self.chance(0.2):
            self.give("split", "'day'", "day")
        if self.chance(0.2):
            self.value("split_on", 1.0)

    def text(self, function):
        return "select * from %s(%s)" % (function, ", ".join(self.sql))


def funnel_question(rng, place, rows, listed):
    q = Question(rng, place)
    ordering = rng.choice(["loose", "loose", "sequence", "adjacent", "any", None])
    steps = [rng.choice(PREDICATES) for _ in range(rng.choice([1, 2, 2, 3]) if ordering == "any" else rng.choice([1, 2, 3, 3, 4]))]
    names = [sql for sql, _ in steps]
    q.sql += names
    q.options["steps"] = [meaning for _, meaning in steps]
    q.minutes("within", [0, 1, 2, 20, 60, 300, 3000, 30000])
    if ordering:
        q.give("ordering", "'%s'" % ordering, ordering)
    q.common(rows)
    if listed and q.options.by:
        q.sql = [part for part in q.sql if not part.startswith("by =>")]
        q.options["by"] = None
    q.as_of(rows)
    q.word("at", ["first", "last"], 0.5)
    count = rng.choice(["users", "users", "sessions", "attempts", None])
    if count == "attempts" and ordering in ("loose", None):
        q.give("count", "'attempts'", "attempts")
        return q, names
    q.word("entry", ["best", "first"], 0.4)
    if count == "sessions":
        q.give("count", "'sessions'", "sessions")
        q.session_options("session_gap")
    q.flag("reuse_rows", 0.25)
    if ordering == "any":
        return q, names
    if not q.options.reuse_rows:
        q.flag("strict_increase", 0.25)
    q.minutes("step_gap", [0, 1, 20, 60, 300], 0.25)
    q.predicate("exclude", 0.2)
    optional = set()
    for step in range(1, len(steps)):
        if q.chance(0.1):
            sql, meaning = rng.choice(PREDICATES)
            q.sql.append("exclude_%d => %s" % (step, sql))
            q.options.setdefault("exclude_after", {})[step - 1] = meaning
        if step + 1 < len(steps) and q.chance(0.2):
            q.sql.append("optional_%d => true" % (step + 1))
            optional.add(step)
        if q.chance(0.1):
            q.sql.append("name_%d => 'Step %d'" % (step, step))
            names[step - 1] = "Step %d" % step
    q.options["optional"] = optional
    return q, names


def sessions_question(rng, place, rows):
    q = Question(rng, place)
    q.common(rows)
    q.session_options("gap")
    q.options["node"] = lambda row: row.kind
    q.value("node", 0.5)
    q.predicate("view", 0.3)
    q.predicate("interaction", 0.3)
    q.options["aggregates"] = []
    for number, (sql, meaning) in enumerate(AGGREGATES):
        if q.chance(0.3):
            q.sql.append("total_%d => %s" % (number, sql))
            q.options["aggregates"].append(meaning)
    return q


def paths_question(rng, place, rows):
    q = Question(rng, place)
    q.common(rows)
    if q.chance(0.25):
        q.give("per", "'user'", "user")
    else:
        q.session_options("gap")
    q.options["node"] = lambda row: row.kind
    q.value("node", 0.6)
    if q.chance(0.5):
        steps = rng.randrange(1, 8)
        q.give("steps", str(steps), steps, "max_steps")
    if q.chance(0.5):
        top = rng.randrange(1, 4)
        q.give("top", str(top), top)
    q.predicate("start_at", 0.25)
    q.predicate("end_at", 0.25)
    q.flag("collapse", 0.4)
    return q


def retention_question(rng, place, rows):
    q = Question(rng, place)
    q.common(rows)
    q.as_of(rows)
    q.predicate("birth", 0.6)
    q.predicate("return_on", 0.6)
    q.word("period", ["day", "week", "month"], 0.8)
    q.word("buckets", ["calendar", "rolling"], 0.7)
    q.word("mode", ["on", "on_or_after"], 0.7)
    q.word("week_start", ["monday", "sunday"], 0.5)
    if q.chance(0.5):
        periods = rng.randrange(0, 10)
        q.give("periods", str(periods), periods)
    return q


# ---- what always holds ----

def check_funnel(found, q):
    """Every step's users went on, stopped or may still go on."""
    width = 1 if q.options.by else 0
    groups = {}
    for row in found:
        groups.setdefault(row[0] if width else None, []).append(row[width:])
    for rows in groups.values():
        rows = [row for step, row in enumerate(rows) if step not in (q.options.optional or ())]
        for row, after in zip(rows, rows[1:] + [None]):
            reached, dropped, immature = row[2], row[5], row[6]
            assert reached == (after[2] if after else 0) + dropped + immature or after is None, rows
            assert after is not None or dropped == immature == 0, rows


def check_paths(found, q, sessions_with_node):
    rows = [row[1:] if q.options.by else row for row in found]
    into = {}
    out = {}
    for step, source, target, sessions, _ in rows:
        out[step, source] = out.get((step, source), 0) + sessions
        into[step + 1, target] = into.get((step + 1, target), 0) + sessions
    for (step, node), sessions in out.items():
        assert step == 1 or into.get((step, node)) == sessions, (step, node)
    for (step, node), sessions in into.items():
        assert (step, node) in out or node in ("(exit)", "(end)", "(more)"), (step, node)
    assert sum(sessions for (step, _), sessions in out.items() if step == 1) == sessions_with_node


def ask_all(shells, sql):
    answers = [shell.ask(sql) for shell in shells]
    if any(answer != answers[0] for answer in answers):
        sys.exit("layouts or threads differ on\n  %s\n  %s" % (sql, "\n  ".join(answer[:2000] for answer in answers)))
    answer = json.loads(answers[0])
    if "error" in answer:
        sys.exit("%s\n  %s" % (sql, answer))
    kinds = [column["type"] for column in answer["columns"]]
    return [tuple(parse(text, kind) for text, kind in zip(row, kinds)) for row in answer["rows"]], answer


def compare(sql, found, expected, ordered, table):
    if not ordered:
        found = sorted(found, key=sortable)
        expected = sorted(expected, key=sortable)
    if same_rows(found, expected):
        return
    print("table %d (WEND_TEST_SEED=%d): %s" % (table, SEED, sql))
    for place in range(max(len(found), len(expected))):
        a = found[place] if place < len(found) else None
        b = expected[place] if place < len(expected) else None
        if a is None or b is None or not same_rows([a], [b]):
            print("  found    %s\n  expected %s" % (a, b))
            break
    sys.exit(1)


def run_table(table):
    rng = random.Random(SEED * 1000 + table)
    place = PLACES[table % len(PLACES)]
    ordered = table % 3 == 1
    start = naive.to_utc(datetime.datetime.fromisoformat(place[1]), place[0])
    rows = make_rows(rng, start, ordered)
    shells = [Shell(threads, size, slice_rows, ordered, rows) for threads, size, slice_rows in
              [(1, len(rows), len(rows)), (2, rng.randrange(200, 500), 100), (4, rng.randrange(17, 120), 20)]]
    without_user = sum(1 for row in rows if row.u is None)
    asked = 0
    for _ in range(10):
        q, names = funnel_question(rng, place, rows, False)
        sql = q.text("funnel")
        found, answer = ask_all(shells, sql)
        compare(sql, found, naive.funnel(rows, q.options, names), True, table)
        check_funnel(found, q)
        assert q.options.filter or not without_user or any(str(without_user) in note for note in answer["notes"]), answer["notes"]

        q, _ = funnel_question(rng, place, rows, True)
        sql = q.text("funnel_users")
        compare(sql, ask_all(shells, sql)[0], naive.funnel_users(rows, q.options), False, table)

        q = sessions_question(rng, place, rows)
        sql = q.text("sessions")
        compare(sql, ask_all(shells, sql)[0], naive.sessions(rows, q.options), False, table)

        q = paths_question(rng, place, rows)
        sql = q.text("paths")
        found, _ = ask_all(shells, sql)
        compare(sql, found, naive.paths(rows, q.options), True, table)
        sql = q.text("top_paths")
        whole, _ = ask_all(shells, sql)
        compare(sql, whole, naive.top_paths(rows, q.options), True, table)
        check_paths(found, q, sum(row[-2] for row in whole))

        q = retention_question(rng, place, rows)
        sql = q.text("retention")
        compare(sql, ask_all(shells, sql)[0], naive.retention(rows, q.options), True, table)
        asked += 6
    for shell in shells:
        shell.close()
    return asked * USERS


def main():
    if not os.path.exists(SHELL):
        print("skipped: %s is not built" % SHELL)
        return 77
    histories = sum(run_table(table) for table in range(TABLES))
    print("%d histories in %d tables agree" % (histories, TABLES))
    return 0


if __name__ == "__main__":
    sys.exit(main())
