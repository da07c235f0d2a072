#!/usr/bin/env python3
"""Do answers depend on nothing but the rows? The same events are loaded in different ways and asked the same.

  one      a file, one commit
  files    the same lines in seven files, one commit
  commits  commits of a few thousand rows: many segments
  posix    as commits, by plain file calls and on scalar loops
  broker   two partitions of a mock broker, keyed by user (the events without ties)

Some thirty questions, behavioural ones too, on one thread and on two: the bytes must be the same. There are two
streams: one as it is generated, and one whose times are cut to minutes, so that a user's rows tie and only their
arrival orders them; funnels, sessions, paths and exit pages then show whether that order was kept.
Rows of a plain SELECT without ORDER BY may come in any order, so those are asked in order.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.environ.get("WEND_TEST_SOURCE", os.path.join(HERE, "..", ".."))
PROGRAM = os.environ.get("WEND_TEST_PROGRAM", os.path.join(ROOT, "build", "dev", "wend"))
EVENTS = int(os.environ.get("DETERMINISM_EVENTS", "60000"))
SEED = "23"

STEPS = "event_type = 'product_view', event_type = 'add_to_cart', event_type = 'checkout', event_type = 'purchase'"
QUESTIONS = [
    "select count(*), count(user_id), count(distinct user_id), count(distinct event_id), min(ts), max(ts) from events",
    "select event_type, count(*), sum(price), avg(price), min(page), max(page) from events group by event_type",
    "select date_trunc('hour', ts) as hour, country, count(*), count(distinct user_id) from events group by 1, 2",
    "select avg(price::double precision * 1.1), sum(price::double precision / 3), stddev(price::double precision) from events",
    "select percentile_cont(0.5) within group (order by price), percentile_disc(0.9) within group (order by price), "
    "mode() within group (order by page) from events",
    "select page, count(*) as n from events group by page order by n desc limit 20",
    "select * from events order by event_id limit 200",
    "select * from events where user_id is null order by event_id",
    "select distinct country, city from events order by 1, 2",
    "select user_id, count(*) as n from events group by user_id having count(*) > 5 order by n desc limit 50",
    "select country, count(*) from events where page like '/p/%' and price between 10 and 50 group by country",
    "select os, browser, count(*) filter (where event_type = 'purchase') from events group by os, browser",
    "select event_type from events where event_type like 'p%' union select country from events",
    "select count(*) from events where user_id in (select user_id from events where event_type = 'purchase')",
    "with buyers as (select user_id, sum(price) as total from events where event_type = 'purchase' group by user_id) "
    "select count(*), sum(total), max(total) from buyers where total > (select avg(total) from buyers)",
    "select count(*), avg(duration_s), sum(events), count(*) filter (where bounce) from sessions(events)",
    "select * from sessions(events, revenue => sum(price), pages => count(distinct page)) order by user_id, start_time limit 3000",
    "select * from sessions(events, node => page, gap => '5 min', split => 'day', tz => 'Asia/Kolkata') order by user_id, start_time, end_time limit 3000",
    "select session, count(*) from (select entry_node as session from sessions(events, session_key => session_id, node => page)) s group by 1",
    "select * from funnel(events, %s, within => interval '1 hour')" % STEPS,
    "select * from funnel(events, %s, within => interval '2 hours', ordering => 'sequence', by => country)" % STEPS,
    "select * from funnel(events, %s, within => interval '2 hours', ordering => 'adjacent')" % STEPS,
    "select * from funnel(events, %s, within => interval '1 day', ordering => 'any')" % STEPS,
    "select * from funnel(events, %s, within => interval '1 day', strict_increase => true, exclude => event_type = 'remove_from_cart')" % STEPS,
    "select * from funnel(events, %s, within => interval '1 hour', count => 'attempts')" % STEPS,
    "select * from funnel(events, %s, within => interval '1 hour', count => 'sessions', optional_2 => true, by => device, at => 'last')" % STEPS,
    "select * from funnel_users(events, event_type = 'search', event_type = 'add_to_cart', within => interval '20 min')",
    "select * from paths(events, node => event_type, steps => 6, top => 4)",
    "select * from paths(events, node => page, steps => 3, top => 5, by => device)",
    "select * from top_paths(events, node => event_type, steps => 8) limit 500",
    "select * from top_paths(events, node => page, per => 'user', steps => 5, top => 1000) limit 500",
    "select * from top_paths(events, start_at => event_type = 'search', end_at => event_type = 'purchase', node => event_type) limit 200",
    "select * from retention(events, return_on => event_type = 'purchase', period => 'day', periods => 5)",
    "select * from retention(events, birth => event_type = 'search', buckets => 'rolling', mode => 'on_or_after', by => country)",
]


def wend(store, *words, **environment):
    done = subprocess.run([PROGRAM, "-d", store, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                          env={**os.environ, **environment})
    if done.returncode != 0:
        sys.exit("wend %s: exit %d: %s" % (" ".join(words), done.returncode, done.stderr.decode()))
    return done.stdout


def produce(*words):
    return subprocess.run([PROGRAM, "produce", "--events", str(EVENTS), "--seed", SEED, *words], stdout=subprocess.PIPE, check=True).stdout


def cut_to_minutes(lines):
    """Whole minutes: the rows of a minute tie, and stand as they arrive."""
    return re.sub(rb'("ts":"[0-9-]+T[0-9]+:[0-9]+):[0-9.]+Z"', rb'\1:00Z"', lines)


def write(folder, name, data):
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(data)
    return path


def load(store, *words, **environment):
    wend(store, "create", produce("--ddl").decode())
    return json.loads(wend(store, "ingest", "events", "--commit-interval", "1h", *words, **environment))


def load_from_broker(store):
    broker = subprocess.Popen([PROGRAM, "mock-broker", "--topic", "clicks:2"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        servers = broker.stdout.readline().strip()
        wend(store, "create", produce("--ddl").decode())
        ingest = subprocess.Popen([PROGRAM, "-d", store, "ingest", "events", "--brokers", servers, "--topic", "clicks",
                                   "--commit-rows", "9000", "--max-messages", str(EVENTS)],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        # The mock broker keeps 5 MiB a partition: the producer waits for what the table has committed.
        wend(store, "produce", "--events", str(EVENTS), "--seed", SEED, "--brokers", servers, "--topic", "clicks", "--partitions", "2",
             "--paced-by", "events")
        out, told = ingest.communicate(timeout=300)
        if ingest.returncode != 0:
            sys.exit("ingest from the broker: exit %d: %s" % (ingest.returncode, told.decode()))
        return json.loads(out)
    finally:
        broker.stdin.close()
        broker.stdout.close()
        broker.wait(30)


def answers(store):
    """Question -> the one answer on any number of threads."""
    found = {}
    for question in QUESTIONS:
        both = {wend(store, "sql", question, "--format", "ndjson", "--threads", threads) for threads in ("1", "2")}
        if len(both) != 1:
            sys.exit("%s: one thread and two answer differently:\n%s" % (store, question))
        found[question] = both.pop()
        assert found[question].count(b"\n") >= 1, "nothing is asked by " + question
    return found


def main():
    folder = tempfile.mkdtemp(prefix="wend-determinism-")
    try:
        generated = produce()
        for kind, lines in (("as generated", generated), ("with ties", cut_to_minutes(generated))):
            place = os.path.join(folder, kind.replace(" ", "-"))
            os.mkdir(place)
            whole = write(place, "whole.ndjson", lines)
            each = lines.splitlines(keepends=True)
            cuts = [len(each) * i // 7 for i in range(8)]
            parts = [write(place, "part-%d.ndjson" % (9 - i), b"".join(each[cuts[i]:cuts[i + 1]])) for i in range(7)]
            stores = {name: os.path.join(place, name) for name in ("one", "files", "commits", "posix", "broker")}
            numbers = {
                "one": load(stores["one"], "--file", whole),
                "files": load(stores["files"], "--file", *parts),
                "commits": load(stores["commits"], "--file", whole, "--commit-rows", "5000"),
                "posix": load(stores["posix"], "--file", *parts, "--commit-rows", "7000", WEND_IO="posix", WEND_ISA="scalar"),
            }
            if kind == "as generated":
                numbers["broker"] = load_from_broker(stores["broker"])
            counts = {(n["taken"], n["stored"], n["rejected"], n["deduplicated"]) for n in numbers.values()}
            assert len(counts) == 1, numbers
            assert numbers["one"]["segments"] == 1 and numbers["commits"]["segments"] > 2, numbers
            if kind == "with ties":
                ties = json.loads(wend(stores["one"], "sql", "select count(*) - count(distinct user_id || ts::text) as n from events "
                                       "where user_id is not null", "--format", "ndjson"))["n"]
                assert ties > EVENTS // 10, "there are ties to be kept in order"
            first = answers(stores["one"])
            for name in list(numbers)[1:]:
                for question, answer in answers(stores[name]).items():
                    if answer != first[question]:
                        a, b = first[question].split(b"\n"), answer.split(b"\n")
                        row = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)) - 1)
                        sys.exit("%s, %s: %s\n  row %d of %d: %s\n  row %d of %d: %s" % (
                            kind, name, question, row, len(a), a[row].decode(), row, len(b), b[row].decode()))
            print("%s: %d questions, %s: the same bytes" % (kind, len(QUESTIONS), ", ".join(numbers)))
        return 0
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
