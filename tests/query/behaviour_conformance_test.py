#!/usr/bin/env python3
"""Cases with known answers from other engines' tests, asked in our words.

FUNNELS, PATTERNS and the retention part say which of our options mean what an engine's mode means. A case that no
option reproduces is listed by its id, with the sentence of docs/SEMANTICS.md that decides it; that
sentence must stand there, and the case must still differ, so that the lists cannot grow stale.

The cases are read from $WEND_TEST_SHARED/conformance; without them the test skips.
"""

import datetime
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.environ.get("WEND_TEST_SOURCE", os.path.join(HERE, "..", ".."))
CASES = os.path.join(os.environ.get("WEND_TEST_SHARED", os.path.join(ROOT, "..", "shared")), "conformance")
SHELL = os.environ.get("WEND_TEST_QUERY_SHELL") or os.path.join(
    os.environ.get("WEND_TEST_BUILD", os.path.join(ROOT, "build", "dev")), "tests", "query_shell"
)
EPOCH = datetime.datetime(2020, 1, 1)
STEPS_MAX = 7

TIES = "Only loose funnels without excludes, and `any`, take rows of equal time either way round; everything else follows row order."
NO_MINIMUM = "No option demands a least time between two steps."
ATTEMPTS_ARE_LOOSE = "Attempts are loose: with any other ordering they are refused."
OPEN_ATTEMPT = "While an attempt is open, further rows of step 1 open nothing."
NEEDS_STEPS = "A funnel has at least one step, and every step is a predicate."


def repeats(steps):
    """A row that repeats any step of the chain so far, or the one to come, ends it."""
    return ", ".join(
        "exclude_%d => %s" % (i, " or ".join("s%d" % j for j in range(1, i + 2))) for i in range(1, steps)
    )


def repeats_at_once(steps):
    """A row that repeats the step just reached, or the one to come, ends the chain."""
    return ", ".join("exclude_%d => s%d or s%d" % (i, i, i + 1) for i in range(1, steps))


def only_repeats(steps):
    """Nothing but repeats of a step may lie before the next one."""
    return ", ".join("exclude_%d => not s%d" % (i, i) for i in range(1, steps))


# (engine, modes): (options, by how much the engine's window is shorter than ours, in the cases' unit).
FUNNELS = {
    ("clickhouse",): ("reuse_rows => true", 0),
    ("clickhouse", "strict_increase"): ("strict_increase => true", 0),
    ("clickhouse", "strict_once"): ("", 0),
    ("clickhouse", "strict_once", "strict_increase"): ("strict_increase => true", 0),
    ("clickhouse", "strict_deduplication"): (repeats, 0),
    ("clickhouse", "strict_once", "strict_deduplication"): (repeats, 0),
    ("clickhouse", "strict_order"): (only_repeats, 0),
    ("clickhouse", "strict_deduplication", "strict_order"): ("ordering => 'adjacent'", 0),
    ("pinot",): ("", 1),
    ("pinot", "strict_increase"): ("strict_increase => true", 1),
    ("pinot", "strict_deduplication"): (repeats_at_once, 1),
    ("pinot", "strict_order"): ("ordering => 'sequence'", 1),
    ("pinot", "strict_order", "keep_all"): ("ordering => 'adjacent'", 1),
    ("pinot", "strict_order", "maxStepDuration=10"): ("ordering => 'sequence', step_gap => interval '10 us'", 1),
    ("pinot", "strict_order", "keep_all", "maxStepDuration=10"): ("ordering => 'adjacent', step_gap => interval '10 us'", 1),
    ("doris", "default"): ("", 0),
    ("doris", "increase"): ("strict_increase => true", 0),
    ("doris", "fixed"): ("ordering => 'sequence'", 0),
    ("posthog", "ordered"): ("", 0),
}
FUNNELS_DECIDED = {
    # Pinot sorts rows of equal time by what they match.
    "pinot-maxstep-sckf-strict_deduplication-u1": TIES,
    "pinot-maxstep-sckf-strict_order-u1": TIES,
    "pinot-maxstep-skf-strict_order+keep_all-u1": TIES,
    "pinot-maxstep-skf-strict_order+keep_all-msd10-u1": TIES,
}

PATTERNS_DECIDED = {
    # ClickHouse counts matches that begin at any row.
    "ch-222-39": OPEN_ATTEMPT,
    "ch-222-40": OPEN_ATTEMPT,
}


class Shell:
    def __init__(self):
        self.process = subprocess.Popen([SHELL, "2"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.answers = {}

    def tell(self, message):
        self.process.stdin.write(message.encode() + b"\0")
        self.process.stdin.flush()

    def table(self, ddl, rows):
        self.tell("D" + ddl)
        self.tell("R211\n" + "".join(str(cell) + "\x1f" for row in rows for cell in row))
        self.process.stdout.readline()

    def ask(self, sql):
        """Rows of text."""
        if sql not in self.answers:
            self.tell("Q" + sql)
            answer = json.loads(self.process.stdout.readline())
            assert "error" not in answer, (sql, answer)
            self.answers[sql] = answer["rows"]
        return self.answers[sql]


def load(name):
    with open(os.path.join(CASES, name), encoding="utf-8") as file:
        return json.load(file)


def moment(number):
    """The cases' whole numbers as microseconds: some of them are too large for seconds."""
    return (EPOCH + datetime.timedelta(microseconds=number)).isoformat(sep=" ") + "+00"


def store_events(shell, table, cases):
    columns = ", ".join("s%d boolean" % (i + 1) for i in range(STEPS_MAX))
    rows = [
        [case["id"], moment(event["ts"])] + [str(i + 1 in event["match"]).lower() for i in range(STEPS_MAX)]
        for case in cases for event in case["events"]
    ]
    shell.table("create table %s (u text, ts timestamptz not null, %s) with (user_column='u', time_column='ts')" % (table, columns), rows)


class Tally:
    def __init__(self):
        self.agree = 0
        self.decided = 0
        self.faults = []

    def judge(self, case, found, expected, sentence):
        if sentence is None:
            self.agree += found == expected
            if found != expected:
                self.faults.append("%s: found %s, expected %s" % (case, found, expected))
        else:
            self.decided += 1
            if found == expected:
                self.faults.append("%s: listed as differing, and does not" % case)


def funnels(shell, tally):
    cases = [case for case in load("funnel_cases.json") if case["status"] == "ok"]
    store_events(shell, "funnels", cases)
    for case in cases:
        options, shorter = FUNNELS[(case["engine"], *case["modes"])]
        options = options(case["steps"]) if callable(options) else options
        steps = ", ".join("s%d" % (i + 1) for i in range(case["steps"]))
        rows = shell.ask("select u, level from funnel_users(funnels, %s, within => interval '%d us'%s)" % (
            steps, max(0, case["window"] - shorter), ", " + options if options else ""))
        level = dict(rows).get(case["id"], "0")
        tally.judge(case["id"], int(level), case["expected"], FUNNELS_DECIDED.get(case["id"]))


# ---- patterns ----

def translate(case):
    """(function's arguments, what makes a match) for a pattern, or the sentence that decides against it."""
    parts = re.findall(r"\(\?(\d+)\)|\(\?t(<=|<|>=|>|==)(\d+)\)|(\.\*)|(\.)", case["pattern"])
    steps = ["true" if any_row else "s" + number for number, compare, _, stars, any_row in parts if not compare and not stars]
    compares = {compare: int(value) for _, compare, value, _, _ in parts if compare}
    if not steps:
        return NEEDS_STEPS
    if any(compare in (">", ">=", "==") for compare in compares):
        return NO_MINIMUM
    # Rows that match no condition do not stand in the way of a pattern.
    relevant = "filter => " + " or ".join("s%d" % (i + 1) for i in range(case["conditions"])) if steps != ["true"] else None
    options = [relevant] if relevant else []
    if compares:
        (compare, value), = compares.items()
        options.append("step_gap => interval '%d us'" % (value - (compare == "<")))
    elif len(steps) > 1:
        if case["function"] == "sequenceCount":
            return ATTEMPTS_ARE_LOOSE
        options.append("ordering => 'adjacent'")
    if case["function"] == "sequenceCount":
        options.append("count => 'attempts'")
    return steps, options


def patterns(shell, tally):
    cases = [case for case in load("sequence_cases.json") if case["status"] == "ok"]
    store_events(shell, "patterns", cases)
    for case in cases:
        meaning = translate(case)
        if isinstance(meaning, str):
            tally.decided += 1
            continue
        steps, options = meaning
        rows = shell.ask("select u, level from funnel_users(patterns, %s, within => interval '1 day', %s)" % (
            ", ".join(steps), ", ".join(options) or "ordering => 'loose'"))
        complete = sum(1 for user, level in rows if user == case["id"] and int(level) == len(steps))
        found = complete if case["function"] == "sequenceCount" else min(complete, 1)
        tally.judge(case["id"], found, case["expected"], PATTERNS_DECIDED.get(case["id"]))


# ---- retention ----

def retention(shell, tally):
    """Their conditions are days, ours are the periods that lie as far from the first day."""
    for number, case in enumerate(load("retention_cases.json")):
        days = case.get("user_days")
        if days is None: # the first n users of each day
            days = {}
            for day, count in case["active_users_per_day"].items():
                for user in range(count):
                    days.setdefault(str(user), []).append(day)
        expected = case.get("expected_sums") or [sum(row[i] for row in case["expected"].values()) for i in range(len(case["conditions"]))]
        table = "visits_%d" % number
        shell.table("create table %s (u text, ts timestamptz not null) with (user_column='u', time_column='ts')" % table,
                    [[user, day + " 10:00:00+00"] for user, own in days.items() for day in own])
        first = datetime.date.fromisoformat(case["conditions"][0])
        rows = dict(shell.ask("select period, users from retention(%s, period => 'day', periods => 7) where cohort = '%s'" % (table, first)))
        found = [int(rows[str((datetime.date.fromisoformat(day) - first).days)]) for day in case["conditions"]]
        tally.judge(case["id"], found, expected, None)


def main():
    if not os.path.isdir(CASES):
        print("skipped: there is no folder %s" % CASES)
        return 77
    with open(os.path.join(ROOT, "docs", "SEMANTICS.md"), encoding="utf-8") as file:
        page = " ".join(file.read().split())
    tally = Tally()
    for sentence in (TIES, NO_MINIMUM, ATTEMPTS_ARE_LOOSE, OPEN_ATTEMPT, NEEDS_STEPS):
        if sentence not in page:
            tally.faults.append("docs/SEMANTICS.md does not say: " + sentence)
    shell = Shell()
    funnels(shell, tally)
    patterns(shell, tally)
    retention(shell, tally)
    print("%d cases agree, %d are decided otherwise by docs/SEMANTICS.md" % (tally.agree, tally.decided))
    for fault in tally.faults:
        print(fault)
    return 1 if tally.faults else 0


if __name__ == "__main__":
    sys.exit(main())
