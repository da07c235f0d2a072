"""Scenarios in which processes die and connections break, and nothing may be lost or doubled for it."""
import time

import produced


def messages_of(run, name="e", count=None, clean=False):
    return produced.Generator(name, run.seed, clean=clean).take(count or run.scale)


def begin(run, share=0.4, partitions=3, unique=None, seconds=2.5):
    """A table, a topic that is filled by a share, and a feed of the rest that takes about so long."""
    unique = run.random.random() < 0.6 if unique is None else unique
    ledger = produced.Ledger(unique)
    run.make_table(unique=unique)
    run.make_topic(partitions)
    messages = messages_of(run)
    first = int(len(messages) * share)
    run.fill(messages[:first], ledger, partitions=partitions)
    feed = run.feed(messages[first:], (len(messages) - first) / seconds, ledger, partitions=partitions)
    return ledger, feed


def file_access(run):
    """Half of the ingestors write by plain calls."""
    return {"WEND_IO": "posix"} if run.random.random() < 0.5 else {}


def kill_ingestor(run):
    """SIGKILL at random moments, again and again, while messages come in."""
    ledger, feed = begin(run)
    while feed.is_alive() or run.kills < 5:
        ingestor = run.ingestor(environment=file_access(run)).start()
        run.pause_s(0.02, 0.7)
        if not ingestor.kill():
            raise produced.Inexact(f"wend ingest ended by itself ({ingestor.process.returncode}): {ingestor.words_said()}")
        if run.random.random() < 0.2:
            between(run)
    feed.end()
    run.ingestor().finish()
    run.check(ledger)


def between(run):
    """After a kill the table is whole, and holds what its accounts say."""
    account = run.account()
    if account["reconciled"] is not True or account["rows"] != account["stored"]:
        raise produced.Inexact(f"after a kill the accounts do not add up: {account}")


def kill_broker(run):
    """SIGKILL of the broker while an ingestor runs, which has to get over it."""
    ledger, feed = begin(run, seconds=4)
    ingestor = run.ingestor(environment=file_access(run)).start()
    run.wait_until_taken(1)  # one that starts just then may give up, with status 1: see kill_both
    for _ in range(2):
        run.pause_s(0.1, 1.2)
        run.stage.broker.kill()
        run.fault()
        run.pause_s(0, 1)
        run.stage.heal()
    feed.end()
    run.wait_until_taken(ledger.taken)
    ingestor.drain()
    run.check(ledger)


def kill_both(run):
    """SIGKILL of both; ingestors that find no broker may give up, but only by saying so."""
    ledger, feed = begin(run, seconds=4)
    broker_back = time.monotonic() + 1e9
    begun = time.monotonic()
    while feed.is_alive() or run.kills < 4 or run.faults < 2:
        ingestor = run.ingestor("-X", "socket.connection.setup.timeout.ms=1500", environment=file_access(run)).start()
        run.pause_s(0.05, 0.8)
        if run.faults < 2 and time.monotonic() - begun > run.random.uniform(0, 1) + 3 * run.faults:
            run.stage.broker.kill()
            run.fault()
            broker_back = time.monotonic() + run.random.uniform(0, 0.8)
        if not ingestor.kill() and run.stage.broker.running and ingestor.process.returncode == 0:
            raise produced.Inexact("wend ingest ended with 0 though nobody asked it to")
        if not run.stage.broker.running and time.monotonic() > broker_back:
            run.stage.heal()
    run.stage.heal()
    feed.end()
    run.ingestor().finish()
    run.check(ledger)


def pause_broker(run):
    """SIGSTOP of the broker: a network that says nothing; the ingestor waits, and drains when asked."""
    ledger, feed = begin(run)
    ingestor = run.ingestor().start()
    for _ in range(3):
        run.pause_s(0.1, 0.5)
        run.stage.broker.pause()
        run.fault()
        run.pause_s(0.1, 1.0)
        run.stage.broker.resume()
    feed.end()
    run.wait_until_taken(ledger.taken)
    ingestor.drain()
    run.check(ledger)


def cut_in_fetch(run):
    """Connections that end in the middle of an answer to Fetch, that stall, that are refused, that are slow."""
    ledger, feed = begin(run)
    proxy = run.stage.proxy
    ingestor = run.ingestor(brokers=proxy.address, environment=file_access(run)).start()
    while feed.is_alive():
        run.pause_s(0.05, 0.3)
        kind = run.random.choice(["fetch", "fetch", "all", "stall", "refuse", "slow"])
        if kind == "fetch":
            proxy.cut_in_fetch(run.random.randrange(1, 4))
        elif kind == "all":
            proxy.cut()
        elif kind == "slow":
            proxy.delay_s = run.random.uniform(0.001, 0.05)
        else:
            proxy.stall() if kind == "stall" else proxy.refuse()
            run.pause_s(0.05, 0.6)
            proxy.go_on()
    proxy.go_on()
    feed.end()
    run.wait_until_taken(ledger.taken)
    ingestor.drain()
    run.fault(proxy.cuts)
    run.check(ledger)


def corrupt_batch(run):
    """Damaged record batches, a few times: read again, never skipped."""
    ledger, feed = begin(run)
    proxy = run.stage.proxy
    ingestor = run.ingestor(brokers=proxy.address).start()
    while feed.is_alive() or proxy.corrupted == 0:
        run.pause_s(0.1, 0.4)
        proxy.corrupt(run.random.randrange(1, 3))
        if not feed.is_alive() and run.account()["taken"] == ledger.taken:
            break
        if not ingestor.running:
            raise produced.Inexact(f"it stopped over damage that had gone: {ingestor.words_said()}")
    proxy.go_on()
    feed.end()
    run.wait_until_taken(ledger.taken)
    ingestor.drain()
    run.fault(proxy.corrupted)
    run.check(ledger)


def corrupt_for_good(run):
    """Damage that does not go away: the ingestor stops and says so; what it took is exact, the rest comes later."""
    ledger = produced.Ledger()
    run.make_table()
    run.make_topic(1)
    messages = messages_of(run)
    half = len(messages) // 2
    run.fill(messages[:half], ledger, partitions=1)
    run.ingestor().finish()
    run.fill(messages[half:], ledger, partitions=1)
    proxy = run.stage.proxy
    proxy.corrupt(None)
    stopping = run.ingestor(brokers=proxy.address).start()
    stopping.must_stop_loudly("cannot be read", "CRC", "corrupt", seconds=60)
    run.fault(proxy.corrupted)
    proxy.go_on()
    run.check_prefix(messages)
    run.ingestor(brokers=proxy.address).finish()
    run.check(ledger)


def secure(run):
    """TLS and SCRAM, with kills; the password comes from the environment."""
    broker = run.stage.secure_broker()
    settings = broker.secure_settings()
    properties = run.folder / "kafka.properties"
    properties.write_text("".join(f"{name}={value}\n" for name, value in settings.items() if name != "sasl.password") +
                          "sasl.password=${WEND_TEST_KAFKA_PASSWORD}\n")
    ledger = produced.Ledger()
    run.make_table()
    driver = run.driver_to(settings)
    driver.ask("create", run.topic, 3)
    messages = messages_of(run)
    run.fill(messages[: len(messages) // 2], ledger, driver=driver)
    secret = {"WEND_TEST_KAFKA_PASSWORD": settings["sasl.password"]}
    words = ("-F", str(properties))
    feed = run.feed(messages[len(messages) // 2:], len(messages) / 4, ledger, driver=driver)
    while feed.is_alive():
        ingestor = run.ingestor(*words, brokers=settings["bootstrap.servers"], environment=secret).start()
        run.pause_s(0.1, 0.7)
        ingestor.kill()
    feed.end()
    wrong = run.ingestor(*words, brokers=settings["bootstrap.servers"], environment={"WEND_TEST_KAFKA_PASSWORD": "guessed"})
    wrong.start("--until-caught-up").must_stop_loudly("uthenticat", seconds=60)
    run.ingestor(*words, brokers=settings["bootstrap.servers"], environment=secret).finish()
    run.check(ledger)
    if any(settings["sasl.password"] in ingestor.words_said() for ingestor in run.ingestors):
        raise produced.Inexact("the password was printed")


SCENARIOS = [kill_ingestor, kill_broker, kill_both, pause_broker, cut_in_fetch, corrupt_batch, corrupt_for_good, secure]
