#!/usr/bin/env python3
"""A steady stream, an ingestor, and random faults of every kind, for as long as asked: in the end the table is exact.

    tests/services/soak_test.py --minutes 30 --rate 5000 --rss soak.tsv

Each few seconds something happens: processes are killed or stopped, connections cut, stalled, refused or slowed, batches
damaged, the disk fills up, the clock jumps, transactions are aborted, partitions and columns are added, the table is
compacted, a second ingestor tries, the lock is taken away. --rss FILE gets a line a second: seconds, process, its resident
KiB, messages produced. The ingestor's memory must not grow: what its later samples have more than its earlier ones is
told and bounded. Without arguments it runs for 20 seconds; CTest does that. Exit 77: Java, Maven or a driver is missing.
"""
import argparse
import collections
import csv
import random
import signal
import sys
import threading
import time
from pathlib import Path

import kafka_broker
import produced
from scenarios_machine import Clock, fill_disk, small_disk
from service_stage import BUILD, PROGRAM, Ingestor, Run, Stage

WINDOW_KEYS = 300000      # so that memory has its full size soon
SETTLING_S = 10           # after a start memory grows to its size: such samples say nothing
CHUNK = 500000            # rows that are compared at once
RSS_GROWTH_KIB = 40 << 10 # that the last third of the samples may have more than the first third
COMMITS = ("--commit-interval", "500ms", "--memory-limit", str(256 << 20))


class StreamLedger(produced.Ledger):
    """Counts what went in and keeps no rows: the generator can tell them again."""

    def __init__(self):
        super().__init__()
        self.row_count = 0

    def add(self, message):
        if message.kind == "repeat":
            self.taken += 1
            self.repeats += 1
        elif message.row is not None:
            self.taken += 1
            self.row_count += 1
        else:
            super().add(message)

    def accounts(self):
        return {**super().accounts(), "stored": self.row_count, "rows": self.row_count}


class Sampler(threading.Thread):
    """Once a second: the resident memory of the ingestor that runs."""

    def __init__(self, soak, path):
        super().__init__(daemon=True)
        self.soak, self.path, self.samples, self.stopping = soak, path, [], False
        self.start()

    def run(self):
        with open(self.path, "w", encoding="utf-8") if self.path else open("/dev/null", "w", encoding="utf-8") as out:
            out.write("seconds\tprocess\trss_kib\tproduced\n")
            while not self.stopping:
                time.sleep(1)
                process = self.soak.ingestor.process
                rss = rss_kib(process.pid) if process is not None and process.poll() is None else None
                if rss is None:
                    continue
                seconds = time.monotonic() - self.soak.begun
                self.samples.append((seconds, process.pid, rss))
                out.write(f"{seconds:.1f}\t{process.pid}\t{rss}\t{self.soak.ledger.taken}\n")
                out.flush()

    def settled(self):
        """Samples of processes that had run for a while."""
        first = {}
        for seconds, process, _ in self.samples:
            first.setdefault(process, seconds)
        return [(seconds, rss) for seconds, process, rss in self.samples if seconds - first[process] >= SETTLING_S]


def rss_kib(pid):
    try:
        for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    except OSError:
        pass
    return None


def slope_kib_an_hour(samples):
    """Of the straight line through the samples, by least squares."""
    mean_x = sum(x for x, _ in samples) / len(samples)
    mean_y = sum(y for _, y in samples) / len(samples)
    square = sum((x - mean_x) ** 2 for x, _ in samples)
    return 3600 * sum((x - mean_x) * (y - mean_y) for x, y in samples) / square if square else 0.0


class Soak:
    """The stream, the ingestor that is started again when it ends, and what befalls them."""

    def __init__(self, run, arguments):
        self.run, self.rate, self.end_at = run, arguments.rate, time.monotonic() + arguments.minutes * 60
        self.begun, self.random = time.monotonic(), run.random
        self.partitions, self.columns = 4, 0
        self.ledger, self.done = StreamLedger(), collections.Counter()
        self.transaction_rows = collections.Counter()
        self.ledger_lock = threading.Lock()
        self.own_disk = True
        try:
            small_disk(run, 4096)
        except kafka_broker.Skipped as why:
            self.own_disk = False
            run.store.mkdir(exist_ok=True)
            print(f"the disk does not fill up: {why}")
        statement = produced.statement().replace("time_column = 'ts'", f"time_column = 'ts', unique_window = {WINDOW_KEYS}")
        (run.folder / "events.sql").write_text(statement)
        produced.run(PROGRAM, run.store, "create", "-f", str(run.folder / "events.sql"))
        run.make_topic(self.partitions)
        self.clock, around = None, {}
        try:
            self.clock = Clock(run)
            around = {"preload": self.clock.library, "environment": self.clock.environment}
        except kafka_broker.Skipped as why:
            print(f"the clock does not jump: {why}")
        self.ingestor = Ingestor(run, "events", "--brokers", run.stage.proxy.address, "--topic", run.topic, *COMMITS,
                                 "-X", "reconnect.backoff.max.ms=300", "-X", "topic.metadata.refresh.interval.ms=2000",
                                 **around)
        self.transactions = run.driver(transactional_id=f"soak-{run.seed}", message_timeout_ms=50000)
        self.transaction_messages = produced.Generator("tx", run.seed, clean=True)
        self.feed = threading.Thread(target=self.produce, daemon=True)
        self.feed_failure = None

    # ---- the stream ----

    def produce(self):
        generator, driver = produced.Generator("soak", self.run.seed), self.run.driver()
        number, begun = 0, time.monotonic()
        try:
            while time.monotonic() < self.end_at:
                message = next(generator)
                driver.send(self.run.topic, number % self.partitions, message)
                with self.ledger_lock:
                    self.ledger.add(message)
                number += 1
                if number % 64 == 0:
                    driver.process.stdin.flush()
                    time.sleep(max(number / self.rate - (time.monotonic() - begun), 0))
            driver.flush(300)
        except (RuntimeError, OSError, ValueError) as failure:
            self.feed_failure = failure
        self.numbers = generator.next_number

    # ---- the ingestor ----

    def keep_running(self):
        """It may end only for a fault that says so, and then it has been started again."""
        if not self.ingestor.running:
            raise produced.Inexact(f"the ingestor ended by itself ({self.ingestor.process.returncode}): {self.ingestor.words_said()}")

    def start(self):
        self.ingestor.start()

    # ---- what happens ----

    def kill_ingestor(self):
        self.ingestor.kill()
        self.start()

    def drain_ingestor(self):
        self.ingestor.drain()
        self.start()

    def kill_broker(self):
        self.run.stage.broker.kill()
        self.run.pause_s(0, 1)
        self.run.stage.heal()

    def kill_both(self):
        self.run.stage.broker.kill()
        self.ingestor.kill()
        self.run.stage.heal()
        self.start()

    def pause_broker(self):
        self.run.stage.broker.pause()
        self.run.pause_s(0.1, 3)
        self.run.stage.broker.resume()

    def pause_ingestor(self):
        self.ingestor.signal(signal.SIGSTOP)
        self.run.pause_s(0.1, 3)
        self.ingestor.signal(signal.SIGCONT)

    def cut(self):
        if self.random.random() < 0.5:
            self.run.stage.proxy.cut()
        else:
            self.run.stage.proxy.cut_in_fetch(self.random.randrange(1, 4))

    def stall(self):
        self.run.stage.proxy.stall()
        self.run.pause_s(0.1, 4)
        self.run.stage.proxy.go_on()

    def refuse(self):
        self.run.stage.proxy.refuse()
        self.run.pause_s(0.1, 3)
        self.run.stage.proxy.go_on()

    def slow(self):
        self.run.stage.proxy.delay_s = self.random.uniform(0.005, 0.1)
        self.run.pause_s(0.5, 4)
        self.run.stage.proxy.go_on()

    def corrupt(self):
        self.run.stage.proxy.corrupt(self.random.randrange(1, 4))

    def jump(self):
        if self.clock is not None:
            self.clock.jump_to(self.random.choice([-1, 0, 1]) * self.random.choice([2, 600, 7200, 86400]))

    def second_ingestor(self):
        second = Ingestor(self.run, None, *self.ingestor.words).start()
        if second.wait() != 1 or "process" not in second.words_said():
            raise produced.Inexact(f"a second ingestor was not refused: {second.words_said()}")
        self.run.ingestors.remove(second)

    def take_over(self):
        sleeper = self.ingestor.process
        sleeper.send_signal(signal.SIGSTOP)
        taken = self.run.account()["taken"]
        (self.run.store / "events" / "LOCK").unlink()
        self.ingestor.write_elsewhere()
        self.ingestor.start()
        self.run.wait_until(lambda: self.run.account()["taken"] > taken or not self.feed.is_alive(), "the successor commits")
        sleeper.send_signal(signal.SIGCONT)
        if sleeper.wait(60) == 0:
            raise produced.Inexact("a fenced ingestor ended with 0")

    def fill_disk(self):
        if not self.own_disk:
            return
        fill_disk(self.run, self.random.choice([0, 50000]))
        self.ingestor.must_stop_loudly("No space left", "space")
        (self.run.store / "ballast").unlink()
        self.start()

    def transaction(self):
        aborted = self.random.random() < 0.5
        messages = self.transaction_messages.take(self.random.randrange(1, 500))
        self.transactions.ask("begin")
        self.run.fill(messages, partitions=self.partitions, driver=self.transactions)
        self.run.pause_s(0, 1)
        self.transactions.ask("abort" if aborted else "commit")
        if not aborted:
            with self.ledger_lock:
                self.ledger.add_all(messages)
            self.transaction_rows.update(message.row for message in messages)

    def grow(self):
        if self.partitions < 10:
            self.run.stage.administrator().ask("grow", self.run.topic, self.partitions + 1)
            self.partitions += 1

    def alter(self):
        if self.columns < 3:
            self.columns += 1
            name = ["page", "page_kind", "page_number"][self.columns - 1]
            produced.run(PROGRAM, self.run.store, "alter", f"ALTER TABLE events ADD COLUMN {name} text")

    def compact(self):
        self.ingestor.drain()
        produced.run(PROGRAM, self.run.store, "compact", "events", "--memory-limit", str(512 << 20))
        self.start()

    QUICK = ("kill_ingestor", "drain_ingestor", "pause_broker", "pause_ingestor", "cut", "stall", "refuse", "slow", "corrupt",
             "jump", "second_ingestor", "transaction", "grow", "alter")
    # These take long, and those that end the ingestor come seldom, so that its memory can be seen over some time.
    SELDOM = ("kill_broker", "kill_both", "take_over", "fill_disk", "compact")
    WEIGHTS = {"kill_ingestor": 0.3, "drain_ingestor": 0.2, "grow": 0.3, "alter": 0.3, "take_over": 0.2, "fill_disk": 0.2,
               "compact": 0.2, "kill_both": 0.2, "kill_broker": 0.5}

    def go(self):
        self.start()
        self.feed.start()
        names = self.QUICK + self.SELDOM
        # Each kind once, in any order, then by chance.
        first = self.random.sample(names, len(names))
        while time.monotonic() < self.end_at:
            self.run.pause_s(0.2, 5 if self.end_at - self.begun > 60 else 0.8)
            self.keep_running()
            name = first.pop() if first else self.random.choices(names, [self.WEIGHTS.get(name, 1) for name in names])[0]
            self.done[name] += 1
            try:
                getattr(self, name)()
            except Exception as failure:
                raise produced.Inexact(f"{name} after {time.monotonic() - self.begun:.0f} s: {failure}") from failure
        self.run.stage.proxy.go_on()
        self.run.stage.heal()
        self.feed.join()
        if self.feed_failure is not None:
            raise self.feed_failure

    def finish(self):
        self.keep_running()
        self.run.wait_until_taken(self.ledger.taken)
        self.ingestor.drain()
        self.run.wait_until_taken(self.ledger.taken)

    # ---- judgement ----

    def check(self):
        account = self.run.account()
        produced.run(PROGRAM, self.run.store, "verify", "events")
        if account["reconciled"] is not True:
            raise produced.Inexact(f"the accounts do not add up: {account}")
        for name, wanted in dict(self.ledger.accounts(), gap=0).items():
            if account[name] != wanted:
                raise produced.Inexact(f"status says {name} = {account[name]}, produced were {wanted}")
        produced.differ("rejected texts", produced.rejected_texts(PROGRAM, self.run.store), self.ledger.refused)
        self.check_rows("tx-", iter(sorted(self.transaction_rows, key=lambda row: row[2])), self.transaction_messages.next_number)
        again = produced.Generator("soak", self.run.seed)
        self.check_rows("soak-", (message.row for message in again if message.kind == "row"), self.numbers)

    def check_rows(self, prefix, wanted, numbers):
        """The rows of one generator, by number, against what it made: each once, with its user."""
        for begin in range(0, numbers, CHUNK):
            text = produced.run(PROGRAM, self.run.store, "sql", "--format", "csv",
                                f"select user_id, id, n from events where id like '{prefix}%' and n >= {begin} and "
                                f"n < {min(begin + CHUNK, numbers)} order by n")
            lines = csv.reader(text.splitlines())
            next(lines)
            for user, name, number in lines:
                row = next(wanted)
                if (user, name, int(number)) != row:
                    raise produced.Inexact(f"row {name} of {user} is stored where {row} was produced")


def judge_memory(samples, out):
    """Says how memory went; True when it did not grow."""
    if len(samples) < 30:
        out(f"memory: {len(samples)} samples, too few to judge")
        return True
    third = len(samples) // 3
    early = sum(rss for _, rss in samples[:third]) / third
    late = sum(rss for _, rss in samples[-third:]) / third
    peak = max(rss for _, rss in samples)
    out(f"memory: {early / 1024:.1f} MiB in the first third, {late / 1024:.1f} in the last, {peak / 1024:.1f} at most, "
        f"slope {slope_kib_an_hour(samples) / 1024:+.1f} MiB an hour")
    return late - early <= RSS_GROWTH_KIB


def soak(stage, arguments):
    run = Run(stage, "soak", arguments.seed, 0)
    keep, begun = True, time.monotonic()
    try:
        work = Soak(run, arguments)
        sampler = Sampler(work, arguments.rss)
        work.go()
        work.finish()
        sampler.stopping = True
        work.check()
        print(f"exact: {work.ledger.taken:,} messages, {work.ledger.row_count:,} rows, {run.kills} kills, "
              f"{sum(work.done.values())} faults in {time.monotonic() - begun:.0f} s: " +
              ", ".join(f"{name} {count}" for name, count in sorted(work.done.items())))
        keep = not judge_memory(sampler.settled(), print)
        return 1 if keep else 0
    finally:
        run.end(keep)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--minutes", type=float, default=1 / 3)
    parser.add_argument("--rate", type=float, default=4000, help="messages a second")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 20))
    parser.add_argument("--rss", help="a file for the samples of memory")
    return parser.parse_args()


def main():
    arguments = parse()
    for needed in (Path(PROGRAM), BUILD / "tests" / "kafka_driver"):
        if not needed.exists():
            print(f"skipped: {needed} is not built")
            return 77
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    print(f"seed {arguments.seed}, {arguments.minutes:g} minutes, {arguments.rate:g} messages a second", flush=True)
    try:
        stage = Stage()
    except kafka_broker.Skipped as why:
        print(f"skipped: {why}")
        return 77
    try:
        return soak(stage.start(), arguments)
    except kafka_broker.Skipped as why:
        print(f"skipped: {why}")
        return 77
    except produced.Inexact as fault:
        print(f"soak_test: seed {arguments.seed}: {fault}", file=sys.stderr)
        return 1
    finally:
        stage.end()


if __name__ == "__main__":
    sys.exit(main())
