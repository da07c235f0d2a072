#!/usr/bin/env python3
"""Sessions, a funnel, paths and retention of real app events, against SQL in DuckDB that knows nothing of ours.

The program infers, creates and ingests $WEND_TEST_SHARED/data/mobile-app (30,943 events of 4,139 users); DuckDB
gets the same lines with their numbers, which is the order of arrival. Skips without the data or DuckDB.
"""

import datetime
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
import peers  # noqa: E402

peers.ensure(["duckdb", "pytz"])
import duckdb  # noqa: E402

ROOT = os.environ.get("WEND_TEST_SOURCE", os.path.join(HERE, "..", ".."))
DATA = os.path.join(os.environ.get("WEND_TEST_SHARED", os.path.join(ROOT, "..", "shared")), "data", "mobile-app.ndjson.zst")
PROGRAM = os.environ.get("WEND_TEST_PROGRAM", os.path.join(ROOT, "build", "dev", "wend"))
LINES = 30943

# Sessions by a gap of more than half an hour: s numbers a user's sessions.
SESSIONS = """
with gaps as (
    select *, coalesce(us - lag(us) over (partition by u order by us, line) > 1800000000, true) as fresh from events),
rows_of as (select *, sum(fresh::int) over (partition by u order by us, line) as s from gaps)
"""
# Each node of a session with its step, neighbours of equal name taken once.
NODES = SESSIONS + """,
before as (select *, lag(name) over (partition by u, s order by us, line) as name_before from rows_of),
steps as (select u, s, name, row_number() over (partition by u, s order by us, line) as step
          from before where name_before is null or name_before <> name),
lengths as (select u, s, max(step) as length from steps group by u, s),
cut as (select * from steps where step <= %(steps)d),
busy as (select step, name, row_number() over (partition by step order by count(*) desc, encode(name)) as rank
         from cut group by step, name),
shown as (select u, s, step, case when rank <= %(top)d then name else '(other)' end as node
          from cut join busy using (step, name)),
ends as (select u, s, least(length, %(steps)d) + 1 as step, case when length > %(steps)d then '(more)' else '(exit)' end as node
         from lengths),
whole as (select * from shown union all select * from ends)
"""

QUESTIONS = [
    ("sessions",
     "select user_pseudo_id, start_time, end_time, events, entry_node, exit_node, bounce, names from "
     "sessions(events, names => count(distinct event_name))",
     SESSIONS + """select u, min(us), max(us), count(*), arg_min(name, (us, line)), arg_max(name, (us, line)), count(*) = 1,
     count(distinct name) from rows_of group by u, s""", False),
    ("sessions that break at midnight in Berlin",
     "select count(*), sum(events), max(duration_s) from sessions(events, gap => '2 hours', split => 'day', tz => 'Europe/Berlin')",
     """with gaps as (select *, lag(us) over w as before, timezone('Europe/Berlin', ts)::date as day,
        lag(timezone('Europe/Berlin', ts)::date) over w as day_before from events window w as (partition by u order by us, line)),
     rows_of as (select *, sum((before is null or us - before > 7200000000 or day <> day_before)::int)
        over (partition by u order by us, line) as s from gaps)
     select count(*), sum(n)::bigint, max(took) from (select count(*) as n, (max(us) - min(us)) / 1e6 as took from rows_of group by u, s)""",
     True),
    ("paths", "select * from paths(events, steps => 6, top => 4)",
     NODES % {"steps": 6, "top": 4} + """select a.step, a.node, b.node, count(*) as n, count(distinct a.u)
     from whole a join whole b on a.u = b.u and a.s = b.s and b.step = a.step + 1
     group by 1, 2, 3 order by a.step, n desc, encode(a.node), encode(b.node)""", True),
    ("top paths", "select * from top_paths(events, steps => 4)",
     NODES % {"steps": 4, "top": 20} + """, strings as (select string_agg(node, ' > ' order by step) as path from whole group by u, s)
     select path, count(*) as n, count(*) / (select count(*) from strings) from strings group by path order by n desc, encode(path)""",
     True),
]
for period, days in (("day", 1), ("week", 7), ("month", None)):
    distance = "date_diff('month', cohort, bucket)" if days is None else "date_diff('day', cohort, bucket) // %d" % days
    QUESTIONS.append((
        "retention by %s" % period,
        "select cohort, size, period, users, again from retention(events, return_on => event_name = 'catalog', period => '%s', "
        "periods => 6, tz => 'America/New_York')" % period,
        """with local as (select *, date_trunc('%s', timezone('America/New_York', ts))::date as bucket,
            row_number() over (partition by u order by us, line) as nth from events),
        births as (select u, bucket as cohort from local where nth = 1),
        sizes as (select cohort, count(*) as size from births group by cohort),
        returns as (select distinct u, cohort, %s as k from local join births using (u) where nth > 1 and name = 'catalog'),
        counted as (select cohort, k, count(*) as users from returns group by cohort, k)
        select cohort, size, k, case when k = 0 then size else coalesce(users, 0) end, case when k = 0 then coalesce(users, 0) end
        from sizes cross join range(0, 7) as periods(k) left join counted using (cohort, k) order by cohort, k""" % (period, distance),
        True))

FUNNEL_STEPS = ["catalog", "cart", "payment_choice", "payment_done"]


def funnel_in_duckdb(names, within_us):
    """Greedy from each entry by as-of joins; steps are different events, so no row can serve two."""
    joins = ""
    times = "e1.us as t1"
    for step, name in list(enumerate(names, 1))[1:]:
        joins += (" asof left join (select u, us from events where name = '%s') e%d on e1.u = e%d.u and e%d.us >= e%d.us"
                  % (name, step, step, step, step - 1))
        times += ", case when e%d.us <= e1.us + %d then e%d.us end as t%d" % (step, within_us, step, step)
    level = " + ".join("(t%d is not null)::int" % (step + 1) for step in range(len(names)))
    steps = " union all ".join(
        """select %d, count(*) filter (where level >= %d),
           count(*) filter (where level = %d and not immature and level < %d), count(*) filter (where level = %d and immature),
           %s from users""" % (
            step, step, step, len(names), step,
            "null, null, null, null" if step == 1 else
            "min(t{0} - t{1}) / 1e6, quantile_cont((t{0} - t{1})::double, 0.5) / 1e6, avg(t{0} - t{1}) / 1e6, "
            "quantile_cont((t{0} - t{1})::double, 0.9) / 1e6".format(step, step - 1))
        for step in range(1, len(names) + 1))
    return """with entries as (select e1.u, %s from (select u, us from events where name = '%s') e1 %s),
    levels as (select *, %s as level from entries),
    best as (select u, max(level) as level from levels group by u),
    ranked as (select levels.*, row_number() over (partition by u order by t1) as nth, max(t1) over (partition by u) as newest
               from levels join best using (u, level)),
    users as (select *, level < %d and newest + %d >= (select max(us) from events) as immature from ranked where nth = 1)
    %s order by 1""" % (times, names[0], joins, level, len(names), within_us, steps)


for hours in (1, 24, 24 * 60):
    QUESTIONS.append((
        "a funnel within %d hours" % hours,
        "select step, users, dropped, immature, min_s, median_s, mean_s, p90_s from funnel(events, %s, within => interval '%d hours')" % (
            ", ".join("event_name = '%s'" % name for name in FUNNEL_STEPS), hours),
        funnel_in_duckdb(FUNNEL_STEPS, hours * 3600 * 1000000), True))


def run(store, *arguments):
    done = subprocess.run([PROGRAM, "-d", store, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        sys.exit("wend %s: %s" % (" ".join(arguments), done.stderr))
    return done.stdout


def plain(value):
    """Values of either side as comparable ones: times as microseconds, decimals as floats, dates as text."""
    if isinstance(value, str) and len(value) >= 19 and value[4] == "-" and value[10] in " T":
        moment = datetime.datetime.fromisoformat(value.replace("Z", "+00:00").replace("+00", "+00:00") if value.endswith(("Z", "+00")) else value)
        return (moment.replace(tzinfo=None) - datetime.datetime(1970, 1, 1)) // datetime.timedelta(microseconds=1)
    if isinstance(value, datetime.date):
        return value.isoformat()
    return value


def same(a, b):
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)
    return a == b


def compare(title, ours, theirs, ordered):
    if not ordered:
        ours, theirs = sorted(ours), sorted(theirs)
    for place, (a, b) in enumerate(zip(ours, theirs)):
        if len(a) != len(b) or not all(same(x, y) for x, y in zip(a, b)):
            print("%s, row %d:\n  wend   %s\n  duckdb %s" % (title, place, a, b))
            return False
    if len(ours) != len(theirs) or not ours:
        print("%s: %d rows, duckdb has %d" % (title, len(ours), len(theirs)))
        return False
    return True


def load_duckdb(path):
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    connection.execute("create table events (line bigint, u varchar, us bigint, name varchar)")
    connection.execute(
        "insert into events select row_number() over () - 1, user_pseudo_id, event_timestamp // 1000, event_name from "
        "read_json('%s', format='newline_delimited', columns={event_name: 'varchar', event_timestamp: 'bigint', user_pseudo_id: 'varchar'})" % path)
    connection.execute("alter table events add column ts timestamptz")
    connection.execute("update events set ts = make_timestamp(us)::timestamp at time zone 'UTC'")
    return connection


def main():
    if not os.path.exists(DATA):
        peers.skip("there is no %s" % DATA)
    if not os.path.exists(PROGRAM):
        peers.skip("%s is not built" % PROGRAM)
    folder = tempfile.mkdtemp(prefix="wend-behaviour-")
    try:
        store = os.path.join(folder, "store")
        ddl = os.path.join(folder, "events.sql")
        with open(ddl, "w", encoding="utf-8") as out:
            out.write(run(store, "infer", DATA, "--table", "events"))
        run(store, "create", "-f", ddl)
        run(store, "ingest", "events", "--file", DATA)
        connection = load_duckdb(DATA)
        assert connection.execute("select count(*) from events").fetchone()[0] == LINES
        agree = 0
        for title, ours, theirs, ordered in QUESTIONS:
            found = [tuple(plain(value) for value in json.loads(line).values())
                     for line in run(store, "sql", ours, "--format", "ndjson").splitlines()]
            expected = [tuple(plain(value) for value in row) for row in connection.execute(theirs).fetchall()]
            agree += compare(title, found, expected, ordered)
        print("%d of %d questions agree" % (agree, len(QUESTIONS)))
        return 0 if agree == len(QUESTIONS) else 1
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
