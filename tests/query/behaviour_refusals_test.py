#!/usr/bin/env python3
"""What the behavioural functions refuse, by name and at its place: no option is ever ignored."""

import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SHELL = os.environ.get("WEND_TEST_QUERY_SHELL") or os.path.join(
    os.environ.get("WEND_TEST_BUILD", os.path.join(HERE, "..", "..", "build", "dev")), "tests", "query_shell"
)
EVENTS = "create table events (u text, ts timestamptz not null, kind text, n integer) with (user_column='u', time_column='ts', event_column='kind')"
CLICKS = "create table clicks (ts timestamptz not null, kind text) with (time_column='ts')"
HOUR = "within => interval '1 hour'"

# A call, words that the error must have, and what stands at its position (None: not asked).
REFUSED = [
    ("funnel(events, kind = 'a')", "needs within", None),
    ("funnel(events, %s)" % HOUR, "1 to 256 steps", None),
    ("funnel(events, kind, %s)" % HOUR, "boolean", None),
    ("funnel(events, kind = 'a', %s, speed => 3)" % HOUR, 'no option "speed"', "3"),
    ("funnel(events, kind = 'a', %s, ordering => 'lose')" % HOUR, "ordering cannot be 'lose'", "'lose'"),
    ("funnel(events, kind = 'a', within => interval '1 month')", "has no months", "interval"),
    ("funnel(events, kind = 'a', within => interval '-1 hour')", "not negative", "interval"),
    ("funnel(events, kind = 'a', %s, step_gap => n)" % HOUR, "", "n)"),
    ("funnel(events, kind = 'a', kind = 'b', %s, ordering => 'any', exclude => n = 1)" % HOUR, "both ordering => 'any' and exclude", None),
    ("funnel(events, kind = 'a', kind = 'b', %s, ordering => 'any', exclude_1 => n = 1)" % HOUR, "both ordering => 'any' and exclude", None),
    ("funnel(events, kind = 'a', kind = 'b', %s, ordering => 'any', step_gap => '1 min')" % HOUR, "both ordering => 'any' and step_gap", None),
    ("funnel(events, kind = 'a', kind = 'b', %s, ordering => 'any', strict_increase => true)" % HOUR, "both ordering => 'any' and strict_increase", None),
    ("funnel(events, kind = 'a', n = 1, kind = 'b', %s, ordering => 'any', optional_2 => true)" % HOUR, "both ordering => 'any' and optional steps", None),
    ("funnel(events, kind = 'a', kind = 'b', %s, reuse_rows => true, strict_increase => true)" % HOUR, "both reuse_rows and strict_increase", None),
    ("funnel(events, kind = 'a', kind = 'b', %s, count => 'attempts', ordering => 'sequence')" % HOUR, "count => 'attempts'", None),
    ("funnel(events, kind = 'a', kind = 'b', %s, session_gap => '1 min')" % HOUR, "session_gap says nothing without count => 'sessions'", "'1 min'"),
    ("funnel(events, kind = 'a', kind = 'b', %s, optional_1 => true)" % HOUR, "optional_1 does not fit", "true"),
    ("funnel(events, kind = 'a', kind = 'b', %s, optional_2 => true)" % HOUR, "optional_2 does not fit", "true"),
    ("funnel(events, kind = 'a', kind = 'b', %s, exclude_2 => n = 1)" % HOUR, "exclude_2 does not fit", None),
    ("funnel(events, kind = 'a', kind = 'b', %s, name_3 => 'x')" % HOUR, "name_3 does not fit", "'x'"),
    ("funnel(events, kind = 'a', kind = 'b', %s, name_1 => n)" % HOUR, "quoted text", "n)"),
    ("funnel_users(events, kind = 'a', %s, by => kind)" % HOUR, "no by", None),
    ("funnel(nothing, kind = 'a', %s)" % HOUR, "nothing", "nothing"),
    ("funnel(events, color = 'a', %s)" % HOUR, "color", "color"),
    ("funnel(events, kind = 'a', %s, tz => 'Europe/Nowhere')" % HOUR, "Nowhere", "'Europe/Nowhere'"),
    ("funnel(events, kind = 'a', %s, since => 'soon')" % HOUR, "", "'soon'"),
    ("funnel(clicks, kind = 'a', %s)" % HOUR, "user column", None),
    ("sessions(events, kind = 'a')", "takes no argument without a name", "= 'a'"),
    ("sessions(events, gap => n)", "", "n)"),
    ("sessions(events, split => 'week')", "split cannot be 'week'", "'week'"),
    ("sessions(events, total => n + 1)", 'no option "total"', None),
    ("sessions(events, as_off => '2024-01-01')", 'no option "as_off"', None),
    ("sessions(clicks)", "user column", None),
    ("paths(events, steps => 0)", "steps must lie between 1 and 64", "0"),
    ("paths(events, steps => 65)", "steps must lie between 1 and 64", "65"),
    ("paths(events, top => 0)", "top must lie between", "0"),
    ("paths(events, per => 'user', gap => '1 min')", 'no option "gap"', "'1 min'"),
    ("paths(clicks)", "", None),
    ("top_paths(events, kind)", "takes no argument without a name", "kind"),
    ("retention(events, period => 'year')", "period cannot be 'year'", "'year'"),
    ("retention(events, periods => -1)", "periods must lie between 0 and 1000", None),
    ("retention(events, mode => 'after')", "mode cannot be 'after'", "'after'"),
    ("retention(events, birth => n)", "boolean", "n)"),
    ("retention()", "wants the name of a table", None),
]


def main():
    shell = subprocess.Popen([SHELL], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def tell(message):
        shell.stdin.write(message.encode() + b"\0")
        shell.stdin.flush()

    for ddl, cells in ((EVENTS, ["u", "2024-01-01 00:00:00+00", "a", "1"]), (CLICKS, ["2024-01-01 00:00:00+00", "a"])):
        tell("D" + ddl)
        tell("R1\n" + "".join(cell + "\x1f" for cell in cells))
        shell.stdout.readline()
    faults = 0
    for call, words, place in REFUSED:
        sql = "select * from " + call
        tell("Q" + sql)
        answer = json.loads(shell.stdout.readline())
        error = answer.get("error", "")
        at = sql[answer["position"]:] if answer.get("position", -1) >= 0 else ""
        if not error or words not in error or (place is not None and not at.startswith(place)):
            faults += 1
            print("%s\n  %s\n  at: %s" % (sql, answer, at))
    shell.stdin.close()
    ended = shell.wait()
    print("%d calls, %d faults" % (len(REFUSED), faults))
    return 1 if faults or ended != 0 else 0


if __name__ == "__main__":
    sys.exit(main())
