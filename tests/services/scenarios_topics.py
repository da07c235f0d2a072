"""Scenarios in which the topic is not what the ingestor left: cut off, made anew, grown, or with transactions in it."""
import signal
import time

import produced
from scenarios_kills import messages_of

CREATED_AGAIN = ("deleted and created again", "no longer exists", "lost messages")


def cut_off(run, keep):
    """Delete all but the newest messages of the topic's one partition: by request, or by its retention."""
    administrator = run.stage.administrator()
    if run.random.random() < 0.6:
        high = administrator.marks(run.topic)[0][1]
        administrator.ask("trim", run.topic, 0, high - keep)
    else:
        administrator.ask("alter", run.topic, "retention.ms=300")
        run.wait_until(lambda: (lambda low, high: low == high)(*administrator.marks(run.topic)[0]), "the retention has cut")
        administrator.ask("alter", run.topic, "retention.ms=86400000")
    run.fault()


def retention_gap(run):
    """Messages that the broker deleted before they were read: told, refused, and on demand recorded as a gap."""
    run.make_table()
    run.make_topic(1)
    messages = messages_of(run)
    third = len(messages) // 3
    run.fill(messages[:third], partitions=1)
    run.ingestor().finish()
    run.fill(messages[third : 2 * third], partitions=1)
    cut_off(run, keep=run.random.randrange(1, third))
    run.fill(messages[2 * third :], partitions=1)
    low = run.stage.administrator().marks(run.topic)[0][0]
    for _ in range(2):  # it stays refused
        run.ingestor().start().must_stop_loudly("are gone")
    if run.account()["taken"] != third:
        raise produced.Inexact("a refused start has taken messages")
    run.ingestor("--accept-gap").finish()
    run.ingestor().finish()  # once accepted it is no trouble any more
    ledger = produced.Ledger()
    ledger.add_all(messages[:third] + messages[low:])
    run.check(ledger, gap=low - third)


def retention_overtakes(run):
    """The same under a running ingestor, that was stopped for a while: it takes what it has, and stops at the gap."""
    run.make_table()
    run.make_topic(1)
    messages = messages_of(run)
    half = len(messages) // 2
    run.fill(messages[:half], partitions=1)
    # A small queue, so that it has not fetched everything already.
    slow = run.ingestor("-X", "queued.min.messages=100", "-X", "fetch.message.max.bytes=20000", commits=("--commit-interval", "50ms"))
    slow.start()
    run.wait_until(lambda: run.account()["taken"] > 0, "something is taken")
    slow.signal(signal.SIGSTOP)
    run.fill(messages[half:], partitions=1)
    cut_off(run, keep=run.random.randrange(1, half // 2))
    slow.signal(signal.SIGCONT)
    slow.must_stop_loudly("are gone")
    taken = run.account()["taken"]
    low = run.stage.administrator().marks(run.topic)[0][0]
    late = produced.Generator("late", run.seed).take(10)
    run.fill(late, partitions=1)
    run.ingestor("--accept-gap").finish()
    ledger = produced.Ledger()
    ledger.add_all(messages[:taken] + messages[low:] + late)
    run.check(ledger, gap=low - taken)


def recreate(run, count, partitions=2):
    """Delete the topic, make it anew, and fill it with `count` other messages."""
    administrator = run.stage.administrator()
    administrator.ask("delete", run.topic)
    run.pause_s(0, 0.5)
    run.make_topic(partitions)
    run.fill(messages_of(run, "new", count), partitions=partitions)
    run.fault()


def recreated_while_stopped(run, count_of):
    run.make_table()
    run.make_topic(2)
    messages = messages_of(run, "old")
    run.fill(messages, partitions=2)
    run.ingestor().finish()
    recreate(run, count_of(len(messages)))
    for more in ((), ("--until-caught-up",), ("--accept-gap",)):  # nor does it help to insist
        run.ingestor().start(*more).must_stop_loudly(*CREATED_AGAIN)
    run.check_prefix(messages, 2)


def recreated_while_running(run, count_of):
    run.make_table()
    run.make_topic(2)
    messages = messages_of(run, "old")
    run.fill(messages, partitions=2)
    ingestor = run.ingestor(commits=("--commit-interval", "50ms")).start()
    caught_up = run.random.random() < 0.7
    run.wait_until(lambda: run.account()["taken"] >= (len(messages) if caught_up else 1), "it reads")
    recreate(run, count_of(len(messages)))
    ingestor.must_stop_loudly(*CREATED_AGAIN)
    run.ingestor().start().must_stop_loudly(*CREATED_AGAIN)
    run.check_prefix(messages, 2)


def recreated_fewer_stopped(run):
    """The topic is deleted and made anew with fewer messages than were read, while no ingestor runs."""
    recreated_while_stopped(run, lambda count: count // run.random.choice([3, 10, 1000]))


def recreated_more_stopped(run):
    """... with as many messages, or more: the offset lies within the new topic."""
    recreated_while_stopped(run, lambda count: count * run.random.choice([4, 5, 8]) // 4)


def recreated_fewer_running(run):
    """The topic is deleted and made anew with fewer messages under a running ingestor."""
    recreated_while_running(run, lambda count: count // run.random.choice([3, 10, 1000]))


def recreated_more_running(run):
    """... with as many messages, or more, under a running ingestor."""
    recreated_while_running(run, lambda count: count * run.random.choice([4, 5, 8]) // 4)


def recreated_unseen(run):
    """... while the network says nothing, so that no connection breaks and no answer tells of it."""
    run.make_table()
    run.make_topic(2)
    messages = messages_of(run, "old")
    run.fill(messages, partitions=2)
    proxy = run.stage.proxy
    ingestor = run.ingestor(brokers=proxy.address, commits=("--commit-interval", "50ms")).start()
    run.wait_until_taken(len(messages))
    run.pause_s(0, 0.2)
    if run.random.random() < 0.5:
        proxy.stall()
    else:
        ingestor.signal(signal.SIGSTOP)
    recreate(run, len(messages) * run.random.choice([4, 6]) // 4)
    proxy.go_on()
    ingestor.signal(signal.SIGCONT)
    run.pause_s(0, 1)
    run.fill(messages_of(run, "newer", 100), partitions=2)  # with as many messages as before it shows in the next one
    ingestor.must_stop_loudly(*CREATED_AGAIN)
    run.check_prefix(messages, 2)


def transactions(run):
    """Aborted transactions are absent; open ones, and what follows them, are hidden until they are committed."""
    ledger = produced.Ledger()
    run.make_table()
    run.make_topic(2)
    writer = run.driver(transactional_id=f"tx-{run.topic}", message_timeout_ms=50000)
    good, bad = produced.Generator("good", run.seed), produced.Generator("bad", run.seed)
    batch = max(run.scale // 40, 10)
    ingestor = run.ingestor().start()
    for number in range(40):
        aborted = run.random.random() < 0.4
        messages = (bad if aborted else good).take(run.random.randrange(1, 2 * batch))
        writer.ask("begin")
        run.fill(messages, partitions=2, driver=writer)
        writer.ask("abort" if aborted else "commit")
        run.fault(aborted)
        if not aborted:
            ledger.add_all(messages)
        if run.random.random() < 0.15:
            ingestor.kill()
            ingestor = run.ingestor(environment={"WEND_IO": "posix"} if number % 2 else {}).start()
    run.wait_until_taken(ledger.taken)
    messages, later = good.take(batch), produced.Generator("plain", run.seed).take(batch)
    writer.ask("begin")
    run.fill(messages, partitions=2, driver=writer)
    run.fill(later, partitions=2)
    time.sleep(0.5)
    ingestor.drain()
    run.ingestor().finish()  # what an open transaction hides is for the next run
    run.check(ledger)
    ingestor = run.ingestor().start()
    writer.ask("commit")
    ledger.add_all(messages + later)
    run.wait_until_taken(ledger.taken)
    ingestor.drain()
    run.events -= run.events
    run.check(ledger)


def growth(run):
    """Partitions are added while an ingestor runs, and while none does; all of them are read from their beginning."""
    ledger = produced.Ledger()
    run.make_table()
    run.make_topic(1)
    administrator = run.stage.administrator()
    parts = [messages_of(run, f"p{k}", run.scale // 4) for k in range(4)]
    ingestor = run.ingestor("-X", "topic.metadata.refresh.interval.ms=500").start()
    run.fill(parts[0], ledger, partitions=1)
    administrator.ask("grow", run.topic, 3)
    run.fault()
    run.fill(parts[1], ledger, partitions=3)
    run.wait_until_taken(ledger.taken)
    if run.random.random() < 0.5:
        ingestor.kill()
    else:
        ingestor.drain()
    administrator.ask("grow", run.topic, 4)
    run.fault()
    run.fill(parts[2], ledger, partitions=4)
    ingestor = run.ingestor("-X", "topic.metadata.refresh.interval.ms=500").start()
    administrator.ask("grow", run.topic, 6)
    run.fault()
    run.fill(parts[3], ledger, partitions=6)
    run.wait_until_taken(ledger.taken)
    ingestor.drain()
    run.check(ledger)


def mapped(run):
    """One process, three topics, two tables (two of the topics share one), killed at random: each table is exact."""
    maps = {"a": "events", "b": "orders", "c": "events"}
    ledgers = {"events": produced.Ledger(), "orders": produced.Ledger(unique=False)}
    words, feeds = (), []
    for table, ledger in ledgers.items():
        run.make_table(table, ledger.unique)
    for name, table in maps.items():
        topic = f"{run.topic}-{name}"
        run.make_topic(2, topic)
        words += ("--map", f"{topic}={table}")
        feeds.append(run.feed(messages_of(run, name, run.scale // 3), run.scale / 9, ledgers[table], topic, 2))
    while any(feed.is_alive() for feed in feeds) or run.kills < 4:
        ingestor = run.ingestor(*words, table=None).start()
        run.pause_s(0.1, 0.9)
        if not ingestor.kill():
            raise produced.Inexact(f"wend ingest ended by itself: {ingestor.words_said()}")
    for feed in feeds:
        feed.end()
    run.ingestor(*words, table=None).finish()
    for table, ledger in ledgers.items():
        run.check(ledger, (table,))


SCENARIOS = [mapped, retention_gap, retention_overtakes, recreated_fewer_stopped, recreated_more_stopped, recreated_fewer_running,
             recreated_more_running, recreated_unseen, transactions, growth]
