#!/usr/bin/env python3
"""The thirteen rollups that wend is measured by, against SQL in DuckDB over the exported Parquet.

A clickstream of ROLLUP_EVENTS (200,000) generated events is ingested and exported; DuckDB reads the Parquet and
answers in its own words (window functions, joins), which know nothing of how wend works. Every column of every
answer must be equal: counts and sums exactly, doubles to 1 part in 10^9. Each question is asked on one thread and
on two, of a table in one segment and of one in many, and wend's answers must be the same bytes.
"""

import datetime
import decimal
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
PROGRAM = os.environ.get("WEND_TEST_PROGRAM", os.path.join(ROOT, "build", "dev", "wend"))
EVENTS = int(os.environ.get("ROLLUP_EVENTS", "200000"))
HALF_HOUR_US, HOUR_US = 1800 * 10**6, 3600 * 10**6

# Rows with a user, numbered within the user; s numbers the sessions of a user.
SESSIONS = """with rows_of as (select *, row_number() over w as place, us - lag(us) over w as pause from events
    where user_id is not null window w as (partition by user_id order by us, nth)),
 visits as (select *, count(*) filter (where pause is null or pause > %d)
            over (partition by user_id order by place) as s from rows_of)""" % HALF_HOUR_US


def top_paths(node, steps):
    """Session paths: neighbours of equal name once, at most `steps` nodes and how it ended."""
    return SESSIONS + """,
 named as (select user_id, s, place, {0} as node from visits where {0} is not null),
 turns as (select *, node is distinct from lag(node) over (partition by user_id, s order by place) as turn from named),
 numbered as (select user_id, s, node, row_number() over (partition by user_id, s order by place) as step from turns where turn),
 whole as (select user_id, s, string_agg(node, ' > ' order by step) filter (where step <= {1}) as nodes, max(step) as length
           from numbered group by user_id, s),
 named_paths as (select nodes || case when length > {1} then ' > (more)' else ' > (exit)' end as path from whole)
 select path, count(*) as n, count(*)::double / sum(count(*)) over () from named_paths group by path
 order by n desc, encode(path)""".format(node, steps)


FUNNEL = ["product_view", "add_to_cart", "checkout", "purchase"]


def funnel():
    """Each row knows when the next row of each kind is; a chain hops from one to the next."""
    following = ", ".join(
        "min(us) filter (where event_type = '%s') over later as at_%d" % (kind, step) for step, kind in enumerate(FUNNEL, 1))
    hops = "".join(
        " left join moments m%d on m%d.user_id = e.user_id and m%d.us = m%d.at_%d" % (step, step, step, step - 1, step)
        for step in range(2, len(FUNNEL)))
    times = "e.us as t1, " + ", ".join(
        "m%d.at_%d as t%d" % (step - 1, step, step) for step in range(2, len(FUNNEL) + 1))
    level = " + ".join("coalesce(t%d <= t1 + %d, false)::int" % (step, HOUR_US) for step in range(1, len(FUNNEL) + 1))
    steps = " union all ".join(
        """select {0} as step, '{1}' as kind, count(*) filter (where level >= {0}) as users,
           count(*) filter (where level = {0} and level < {2} and not open) as dropped,
           count(*) filter (where level = {0} and level < {2} and open) as immature, {3} from users""".format(
            step, kind, len(FUNNEL), "null::double as least_s, null::double as median_s, null::double as mean_s, null::double as p90_s"
            if step == 1 else
            """min(t{0} - t{1}) filter (where level >= {0}) / 1e6 as least_s,
               quantile_cont((t{0} - t{1})::double, 0.5) filter (where level >= {0}) / 1e6 as median_s,
               avg(t{0} - t{1}) filter (where level >= {0}) / 1e6 as mean_s,
               quantile_cont((t{0} - t{1})::double, 0.9) filter (where level >= {0}) / 1e6 as p90_s""".format(step, step - 1))
        for step, kind in enumerate(FUNNEL, 1))
    return """with following as (select user_id, us, {following} from events where user_id is not null
        window later as (partition by user_id order by us range between current row and unbounded following)),
     moments as (select distinct * from following),
     chains as (select e.user_id, {times} from (select distinct user_id, us, at_2 from moments where at_1 = us) e
                join moments m1 on m1.user_id = e.user_id and m1.us = e.us {hops}),
     leveled as (select *, {level} as level from chains),
     users as (select distinct on (user_id) *, level < {n} and max(t1) over (partition by user_id, level) + {hour} >= newest as open
               from leveled, (select max(us) as newest from events) order by user_id, level desc, t1)
     select step, users, users::double / max(users) over (), coalesce(users::double / lag(users) over (order by step), 1.0),
            dropped, immature, least_s, median_s, mean_s, p90_s from ({steps}) order by step""".format(
        following=following, times=times, hops=hops, level=level, n=len(FUNNEL), hour=HOUR_US, steps=steps)


RETENTION = """with days as (select distinct user_id, (ts at time zone 'UTC')::date as day from events where user_id is not null),
 places as (select user_id, (ts at time zone 'UTC')::date as day, row_number() over (partition by user_id order by us, nth) as place
            from events where user_id is not null),
 cohorts as (select user_id, day as cohort from places where place = 1),
 sizes as (select cohort, count(*) as size from cohorts group by cohort),
 back as (select cohort, day - cohort as k, count(distinct user_id) as users from places join cohorts using (user_id)
          where place > 1 group by all),
 ends as (select max(us) as newest, min(us) as oldest from events)
 select cohort, size, k, case when k = 0 then size else coalesce(users, 0) end as shown,
        case when k = 0 then coalesce(users, 0) end, shown::double / size,
        epoch_us((cohort + (k + 1)::integer)::timestamp) <= newest,
        cohort = (make_timestamp(oldest))::date
 from sizes cross join range(0, 8) as periods(k) left join back using (cohort, k) cross join ends order by cohort, k"""

# Name, wend's words, DuckDB's words. Both order their rows.
QUESTIONS = [
    ("q1 count", "select count(*) from events where event_type = 'purchase' and country = 'DE'",
     "select count(*) from events where event_type = 'purchase' and country = 'DE'"),
    ("q2 events and users by type and hour",
     "select event_type, date_trunc('hour', ts) as hour, count(*), count(distinct user_id) from events group by 1, 2 order by 1, 2",
     "select event_type, us - us % {0}, count(*), count(distinct user_id) from events group by 1, 2 order by 1, 2".format(HOUR_US)),
    ("q3 top pages", "select page, count(*) as n from events where page is not null group by page order by n desc, page limit 50",
     "select page, count(*) as n from events where page is not null group by page order by n desc, encode(page) limit 50"),
    ("q4 daily active users",
     "select ts::date as day, count(distinct user_id), count(*) filter (where user_id is null) from events group by day order by day",
     "select make_timestamp(us)::date as day, count(distinct user_id), count(*) filter (where user_id is null) from events "
     "group by day order by day"),
    ("q5 sessions",
     "select count(*), avg(duration_s), avg(events), count(*) filter (where bounce), min(start_time), max(end_time) from sessions(events)",
     SESSIONS + """ select count(*), avg(took / 1e6), avg(n), count(*) filter (where n = 1), min(first), max(last) from
     (select count(*) as n, max(us) - min(us) as took, min(us) as first, max(us) as last from visits group by user_id, s)"""),
    ("q5 each session",
     "select * from sessions(events, revenue => sum(price), buys => count(*) filter (where event_type = 'purchase')) order by 1, 2",
     SESSIONS + """ select user_id, min(us) as first, max(us), (max(us) - min(us)) / 1e6, count(*), arg_min(event_type, place),
     arg_max(event_type, place), count(*) = 1, sum(price), count(*) filter (where event_type = 'purchase')
     from visits group by user_id, s order by user_id, first"""),
    ("q6 funnel",
     "select step, users, of_first, of_previous, dropped, immature, min_s, median_s, mean_s, p90_s from funnel(events, %s, "
     "within => interval '1 hour')" % ", ".join("event_type = '%s'" % kind for kind in FUNNEL), funnel()),
    ("q7 paths by event type", "select * from top_paths(events, node => event_type, steps => 5, top => 1000)", top_paths("event_type", 5)),
    ("q7 paths by page", "select * from top_paths(events, node => page, steps => 3, top => 1000000)", top_paths("page", 3)),
    ("q8 retention by day", "select * from retention(events, period => 'day', periods => 7)", RETENTION),
    ("q9 conversion by country and device",
     """select country, device, count(*), count(*) filter (where buys > 0), avg(case when buys > 0 then 1.0::double precision else 0 end)
     from sessions(events, country => min(country), device => min(device), buys => count(*) filter (where event_type = 'purchase'))
     group by 1, 2 order by 1, 2""",
     SESSIONS + """, whole as (select min(country) as country, min(device) as device,
      count(*) filter (where event_type = 'purchase') as buys from visits group by user_id, s)
     select country, device, count(*), count(*) filter (where buys > 0), avg((buys > 0)::int::double) from whole group by 1, 2 order by 1, 2"""),
    ("q10 revenue by product",
     """select product_id, sum(price * quantity) as revenue, sum(quantity), count(*) from events where event_type = 'purchase'
     group by product_id order by revenue desc, product_id limit 100""",
     """select product_id, sum(price * quantity) as revenue, sum(quantity), count(*) from events where event_type = 'purchase'
     group by product_id order by revenue desc, product_id limit 100"""),
    ("q11 interest without conversion",
     """select product_id, views, buys, carts from (select product_id, count(*) filter (where event_type = 'product_view') as views,
     count(*) filter (where event_type = 'purchase') as buys, count(*) filter (where event_type = 'add_to_cart') as carts
     from events where product_id is not null group by product_id) p
     where views >= 20 and buys * 100 < views order by views desc, product_id limit 200""",
     """select product_id, count(*) filter (where event_type = 'product_view') as views,
     count(*) filter (where event_type = 'purchase') as buys, count(*) filter (where event_type = 'add_to_cart') as carts
     from events where product_id is not null group by product_id having views >= 20 and buys / views < 0.01
     order by views desc, product_id limit 200"""),
    ("q12 distinct ids", "select count(distinct event_id), count(event_id), min(event_id), max(event_id) from events",
     "select count(distinct event_id), count(event_id), min(event_id)::varchar, max(event_id)::varchar from events"),
    ("q13 one user's events", "select * from events where user_id = '{user}' order by ts, event_id",
     "select * exclude (us, nth) replace (event_id::varchar as event_id, us as ts) from events where user_id = '{user}' order by us, event_id"),
]


def wend(store, *words):
    done = subprocess.run([PROGRAM, "-d", store, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        sys.exit("wend %s: exit %d: %s" % (" ".join(words), done.returncode, done.stderr))
    return done.stdout


def plain(value):
    """Times as microseconds, dates as text."""
    if isinstance(value, str) and value.endswith("+00") and value[4:5] == "-" and value[10:11] == " ":
        moment = datetime.datetime.fromisoformat(value[:-3] + ("000000"[:26 - len(value[:-3])] if "." in value else ""))
        return (moment - datetime.datetime(1970, 1, 1)) // datetime.timedelta(microseconds=1)
    return value.isoformat() if isinstance(value, datetime.date) else value


def same(a, b):
    if a is None or b is None or isinstance(a, (str, bool)) or isinstance(b, (str, bool)):
        return type(a) is type(b) and a == b
    if isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)
    return decimal.Decimal(a) == decimal.Decimal(b)


def agree(title, ours, theirs):
    for place, (a, b) in enumerate(zip(ours, theirs)):
        if len(a) != len(b) or not all(map(same, a, b)):
            print("%s, row %d:\n  wend   %s\n  duckdb %s" % (title, place, a, b))
            return False
    if len(ours) != len(theirs) or not ours:
        print("%s: %d rows, duckdb has %d" % (title, len(ours), len(theirs)))
        return False
    print("%s: %d rows agree" % (title, len(ours)))
    return True


def make_stores(folder):
    """The same events in one segment and in many; DuckDB gets what the first exports."""
    lines, parquet = os.path.join(folder, "events.ndjson"), os.path.join(folder, "events.parquet")
    with open(lines, "wb") as file:
        subprocess.run([PROGRAM, "produce", "--events", str(EVENTS), "--seed", "11"], stdout=file, check=True)
    stores = [os.path.join(folder, "one"), os.path.join(folder, "many")]
    for store, commit_rows in zip(stores, ("1048576", str(EVENTS // 7))):
        wend(store, "create", wend(store, "produce", "--ddl"))
        wend(store, "ingest", "events", "--file", lines, "--commit-rows", commit_rows, "--commit-interval", "1h")
    os.remove(lines)
    wend(stores[0], "export", "events", "-o", parquet)
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    connection.execute("create table events as select *, epoch_us(ts) as us, file_row_number as nth from read_parquet('%s', "
                       "file_row_number = true)" % parquet)
    connection.execute("alter table events drop column file_row_number")
    return stores, connection


def main():
    folder = tempfile.mkdtemp(prefix="wend-rollups-")
    try:
        stores, connection = make_stores(folder)
        user = connection.execute("select user_id from events where user_id is not null group by 1 order by count(*) desc, 1 limit 1").fetchone()[0]
        right = 0
        for title, ours, theirs in QUESTIONS:
            ours, theirs = ours.replace("{user}", user), theirs.replace("{user}", user)
            answers = {wend(store, "sql", ours, "--format", "ndjson", "--threads", threads)
                       for store in stores for threads in ("1", "2")}
            if len(answers) != 1:
                print("%s: threads or segments change the answer" % title)
                continue
            found = [tuple(plain(value) for value in json.loads(line, parse_float=decimal.Decimal, object_pairs_hook=list_of_values))
                     for line in answers.pop().splitlines()]
            expected = [tuple(plain(value) for value in row) for row in connection.execute(theirs).fetchall()]
            right += agree(title, found, expected)
        print("%d of %d rollups agree" % (right, len(QUESTIONS)))
        return 0 if right == len(QUESTIONS) else 1
    finally:
        shutil.rmtree(folder)


def list_of_values(pairs):
    """Columns by place: two may have one name."""
    return [value for _, value in pairs]


if __name__ == "__main__":
    sys.exit(main())
