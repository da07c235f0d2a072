"""Scenarios in which two ingestors share a topic by a consumer group, each with a table of its own."""
import signal

import produced
from scenarios_kills import messages_of

SHARDS = ("east", "west")
# A killed member is missed after its session; the default of 45 s would make every run that long.
SESSION = ("-X", "session.timeout.ms=1500", "-X", "heartbeat.interval.ms=200")


def begin_group(run, partitions, seconds):
    ledger = produced.Ledger(unique=False)
    for name in SHARDS:
        run.make_table(name, unique=False)
    run.make_topic(partitions)
    messages = messages_of(run)
    half = len(messages) // 2
    run.fill(messages[:half], ledger, partitions=partitions)
    feed = run.feed(messages[half:], half / seconds, ledger, partitions=partitions)
    ingestors = {name: run.ingestor("--group", run.topic, *SESSION, table=name) for name in SHARDS}
    return ledger, feed, ingestors


def taken_together(run):
    return sum(run.account(name)["taken"] for name in SHARDS)


def finish_group(run, ledger, ingestors):
    run.wait_until(lambda: taken_together(run) >= ledger.taken, f"both tables together have taken {ledger.taken} messages")
    for ingestor in ingestors.values():
        ingestor.drain()
    run.check(ledger, SHARDS)


def must_run(ingestors):
    for name, ingestor in ingestors.items():
        if not ingestor.running:
            raise produced.Inexact(f"the ingestor of {name} ended by itself ({ingestor.process.returncode}): {ingestor.words_said()}")


def rebalance(run):
    """Two ingestors of a group on two shards join, leave and are killed; every message is in one of the tables, once."""
    ledger, feed, ingestors = begin_group(run, partitions=5, seconds=5)
    for ingestor in ingestors.values():
        ingestor.start()
        run.pause_s(0, 0.5)
    while feed.is_alive():
        run.pause_s(0.2, 1.2)
        must_run(ingestors)
        ingestor = ingestors[run.random.choice(SHARDS)]
        if run.random.random() < 0.6:
            ingestor.kill()
        else:
            ingestor.drain()
        run.fault()
        run.pause_s(0, 2.0 if run.random.random() < 0.3 else 0.2)
        ingestor.start()
    feed.end()
    finish_group(run, ledger, ingestors)


def rebalance_paused(run):
    """One of the two is stopped so long that the group takes its partitions away; it wakes, and nothing is taken twice."""
    ledger, feed, ingestors = begin_group(run, partitions=4, seconds=5)
    for ingestor in ingestors.values():
        ingestor.start()
    while feed.is_alive():
        run.pause_s(0.2, 1.0)
        must_run(ingestors)
        sleeper = ingestors[run.random.choice(SHARDS)]
        sleeper.signal(signal.SIGSTOP)
        run.fault()
        run.pause_s(0.5, 3.0)
        sleeper.signal(signal.SIGCONT)
    feed.end()
    finish_group(run, ledger, ingestors)


SCENARIOS = [rebalance, rebalance_paused]
