#!/usr/bin/env python3
"""Ingest from a real Kafka broker: rate and cost beside a consumer that only touches the messages, how fresh a
table is, and how evenly ingest goes for minutes.

    kafka_bench.py --build DIR [--part rate|freshness|steady …] [--json FILE] [--work DIR]

rate       events produced once (lz4, 4 partitions), then read by turns by kafka_touch, which does nothing with
           them, and by `wend ingest --until-caught-up` into a new table: each its own process, with what the
           kernel says of its processor time (all threads) and peak memory
freshness  events produced at 50,000 a second, committed every second; a poller opens snapshots. For every event
           that was stored: from the producer's time stamp to the end of the first query that could see it
steady     a producer at a steady rate for --minutes; rate, lag and memory each second as a table of numbers
           and a page of curves in --results. Without --rate: half of what both processors would bear with
           producer and broker on them, by what `rate` measured

Needs Java and Maven's packages of Kafka; ends with 77 where they cannot be had, with 1 when messages are
missing. A promise that is missed is told, and ends nothing.
"""

import argparse
import bisect
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
sys.path[:0] = [HERE, os.path.join(ROOT, "bench"), os.path.join(ROOT, "tests", "services")]
import kafka_broker  # noqa: E402
import steady_graph  # noqa: E402
from measured_process import Promises, append_records, cpu_seconds_of, finish, run_measured  # noqa: E402

SKIPPED = 77
PARTITIONS = 4
PARTS = ["rate", "freshness", "steady"]
FRESH_RATE, FRESH_GOAL_S = 50000, 2.0
RETAINED_BYTES = 512 << 20  # of each partition, where the producer goes on for minutes


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.path.join(ROOT, "build", "release"))
    parser.add_argument("--part", action="append", choices=PARTS, help="only this; may be given several times")
    parser.add_argument("--events", type=int, default=2000000, help="of rate")
    parser.add_argument("--runs", type=int, default=5, help="of rate")
    parser.add_argument("--seconds", type=int, default=30, help="of freshness")
    parser.add_argument("--minutes", type=float, default=10, help="of steady")
    parser.add_argument("--rate", type=int, help="events a second of steady")
    parser.add_argument("--json")
    parser.add_argument("--work")
    parser.add_argument("--results", default=os.path.join(ROOT, "bench", "results"))
    return parser.parse_args()


class Broker(kafka_broker.Broker):
    """Compiled as a broker is where it serves, and keeping no more than a disk can hold."""

    def __init__(self, folder):
        super().__init__(folder=folder)
        with open(self.config, "a", encoding="ascii") as file:
            file.write("log.retention.bytes=%d\nlog.segment.bytes=67108864\n" % RETAINED_BYTES)
        self.start().wait_until_ready()

    def java(self, *words):
        return [word for word in super().java(*words) if "TieredStopAtLevel" not in word]


class Bench:
    def __init__(self, options):
        self.options = options
        self.wend = os.path.join(options.build, "wend")
        self.records = []
        self.cpu_us = {}  # of one event: produce, broker, ingest
        self.promises = Promises("kafka_bench")

    def program(self, name):
        return os.path.join(self.options.build, "bench", name)

    def produce_command(self, broker, topic, *words):
        return [self.wend, "produce", "--brokers", broker.address, "--topic", topic, "--partitions", str(PARTITIONS),
                "-X", "compression.codec=lz4", *words]

    def make_topic(self, broker, topic):
        """A topic with one message, so that an ingestor can begin before the producer does."""
        subprocess.run(self.produce_command(broker, topic, "--events", "1", "--clean"), check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def make_store(self, more_columns=""):
        store = os.path.join(self.options.work, "store")
        shutil.rmtree(store, ignore_errors=True)
        ddl = subprocess.run([self.wend, "produce", "--ddl"], check=True, stdout=subprocess.PIPE, text=True).stdout
        columns, options = ddl.rsplit("\n)", 1)
        path = os.path.join(self.options.work, "events.sql")
        with open(path, "w", encoding="utf-8") as file:
            file.write(columns + more_columns + "\n)" + options)
        subprocess.run([self.wend, "-d", store, "create", "-f", path], check=True, stdout=subprocess.DEVNULL)
        return store

    def query(self, store, sql):
        return subprocess.run([self.wend, "-d", store, "sql", sql, "--format", "csv"], check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout.splitlines()[1:]


def must(held, what):
    if not held:
        sys.exit("kafka_bench: " + what)


def stop_and_finish(process, begin):
    process.send_signal(signal.SIGTERM)
    cost = finish(process, begin)
    must(process.returncode == 0, "%s ended with %d" % (process.args[0], process.returncode))
    return cost


# ---- rate ----

def measure_touch(bench, broker):
    text, cost = run_measured([bench.program("kafka_touch"), broker.address, "rate"])
    answer = json.loads(text)
    must(answer["messages"] == bench.options.events, "kafka_touch saw %d messages" % answer["messages"])
    return answer["elapsed_s"], cost


def measure_ingest(bench, broker):
    store = bench.make_store()
    text, cost = run_measured([bench.wend, "-d", store, "ingest", "events", "--quiet", "--stats", "json", "--brokers",
                               broker.address, "--topic", "rate", "--until-caught-up"])
    stats = json.loads(text)
    must(stats["taken_committed"] == bench.options.events, "wend committed %d messages" % stats["taken_committed"])
    return stats["elapsed_s"], cost


def rate_part(bench, broker):
    options = bench.options
    broker_cpu = cpu_seconds_of(broker.process.pid)
    _, produced = run_measured(bench.produce_command(broker, "rate", "--events", str(options.events), "--seed", "1"),
                               stderr=subprocess.DEVNULL)
    stored_cpu = cpu_seconds_of(broker.process.pid) - broker_cpu
    sides = {"touch": measure_touch, "wend": measure_ingest}
    runs = {side: [] for side in sides}
    for run in range(options.runs + 1):
        for side in sides if run % 2 == 0 else reversed(sides):
            broker_cpu = cpu_seconds_of(broker.process.pid)
            elapsed_s, cost = sides[side](bench, broker)
            if run > 0:  # the first of each warms up
                runs[side].append({"elapsed_s": elapsed_s, "cpu_s": cost.cpu_s, "peak_rss_bytes": cost.peak_rss_bytes,
                                   "broker_cpu_s": cpu_seconds_of(broker.process.pid) - broker_cpu})
    show_rate(bench, runs, {"cpu_s": produced.cpu_s, "wall_s": produced.wall_s, "broker_cpu_s": stored_cpu})


def show_rate(bench, runs, produced):
    events = bench.options.events
    median = {side: {key: statistics.median(run[key] for run in taken) for key in taken[0]} for side, taken in runs.items()}
    print("\n### From a Kafka %s broker on the same %d processors: %d events, lz4, %d partitions, %d runs by turns, "
          "load %.1f\n" % (kafka_broker.VERSION, len(os.sched_getaffinity(0)), events, PARTITIONS, bench.options.runs,
                          os.getloadavg()[0]))
    print("| | M events/s | least–most | client CPU per event | least–most | broker CPU per event | processors busy | peak memory |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    for side, name in (("touch", "a consumer that only touches them"), ("wend", "wend ingest, committed and synced")):
        rates = [events / run["elapsed_s"] / 1e6 for run in runs[side]]
        costs = [run["cpu_s"] / events * 1e6 for run in runs[side]]
        busy = [(run["cpu_s"] + run["broker_cpu_s"]) / run["elapsed_s"] for run in runs[side]]
        print("| %s | %.2f | %.2f–%.2f | %.2f µs | %.2f–%.2f µs | %.2f µs | %.1f | %d MiB |" % (
            name, events / median[side]["elapsed_s"] / 1e6, min(rates), max(rates), statistics.median(costs), min(costs),
            max(costs), median[side]["broker_cpu_s"] / events * 1e6, statistics.median(busy), max(run["peak_rss_bytes"] for run in runs[side]) >> 20))
    print("| wend produce | %.2f | | %.2f µs | | %.2f µs | | |" % (
        events / produced["wall_s"] / 1e6, produced["cpu_s"] / events * 1e6, produced["broker_cpu_s"] / events * 1e6))
    share = median["touch"]["elapsed_s"] / median["wend"]["elapsed_s"]
    cost_us = median["wend"]["cpu_s"] / events * 1e6
    peak = max(run["peak_rss_bytes"] for run in runs["wend"])
    bench.promises.add("rate to that of the touching consumer", "%.0f %%" % (100 * share), "≥ 65 %", share >= 0.65)
    bench.promises.add("client CPU per event", "%.2f µs" % cost_us, "≤ 1.50 µs", cost_us <= 1.5)
    bench.promises.add("peak memory", "%d MiB" % (peak >> 20), "≤ 2048 MiB", peak <= 2 << 30)
    bench.cpu_us = {"produce": produced["cpu_s"] / events * 1e6, "ingest": cost_us,
                    "broker": (produced["broker_cpu_s"] + median["wend"]["broker_cpu_s"]) / events * 1e6}
    bench.records.append({"kind": "kafka rate", "events": events, "produce": produced, "runs": runs})


# ---- freshness ----

ORIGIN_COLUMNS = """,
    from_partition integer OPTIONS (path '$partition'),
    from_offset bigint OPTIONS (path '$offset'),
    produced timestamptz OPTIONS (path '$timestamp')"""


def read_polls(text):
    """partition -> ([next positions, rising], [when a query had seen them])."""
    seen = {}
    for line in text.splitlines():
        seen_us, _, _, *places = line.split("\t")
        for place in places:
            partition, following = map(int, place.split(":"))
            nexts, times = seen.setdefault(partition, ([], []))
            if not nexts or following > nexts[-1]:
                nexts.append(following)
                times.append(int(seen_us))
    return seen


def ages(bench, store, seen, since_s):
    """Seconds from production to being seen, of every row produced since then."""
    found = []
    for line in bench.query(store, "select from_partition, from_offset, cast(extract(epoch from produced) * 1000 as bigint) "
                                   "from events"):
        partition, offset, produced_ms = map(int, line.split(","))
        if produced_ms / 1e3 < since_s:
            continue  # what made the topic
        nexts, times = seen.get(partition, ([], []))
        place = bisect.bisect_right(nexts, offset)
        must(place < len(nexts), "the poller never saw offset %d of partition %d" % (offset, partition))
        found.append(times[place] / 1e6 - produced_ms / 1e3)
    return sorted(found)


def freshness_part(bench, broker):
    bench.make_topic(broker, "fresh")
    store = bench.make_store(ORIGIN_COLUMNS)
    begin = time.monotonic()
    ingest = subprocess.Popen([bench.wend, "-d", store, "ingest", "events", "--quiet", "--stats", "json", "--brokers",
                               broker.address, "--topic", "fresh", "--commit-interval", "1s"],
                              stdout=subprocess.PIPE)
    poll = subprocess.Popen([bench.program("freshness_poll"), store, "events", "produced"], stdout=subprocess.PIPE, text=True)
    try:
        time.sleep(2)
        must(ingest.poll() is None and poll.poll() is None, "the ingestor or the poller ended at once")
        poll_reader, since_s = Reader(poll), time.time()
        _, produced = run_measured(bench.produce_command(
            broker, "fresh", "--rate", str(FRESH_RATE), "--events", str(FRESH_RATE * bench.options.seconds)),
            stderr=subprocess.DEVNULL)
        time.sleep(4)
        cost = stop_and_finish(ingest, begin)
        time.sleep(0.5)
        stop_and_finish(poll, begin)
        stats = json.loads(ingest.stdout.read())
        show_freshness(bench, ages(bench, store, read_polls(poll_reader.text()), since_s), stats, cost, produced)
    finally:
        for process in (ingest, poll):
            if process.returncode is None:
                process.kill()
                process.wait()


class Reader:
    """Takes a program's output while it runs, so that a pipe does not hold it up."""

    def __init__(self, process):
        import threading
        self.parts = []
        self.thread = threading.Thread(target=lambda: self.parts.extend(process.stdout))
        self.thread.start()

    def text(self):
        self.thread.join()
        return "".join(self.parts)


def show_freshness(bench, found, stats, cost, produced):
    sent = FRESH_RATE * bench.options.seconds + 1
    must(stats["taken_committed"] == sent, "wend committed %d of %d messages" % (stats["taken_committed"], sent))
    must(len(found) == stats["stored"] - 1, "%d rows of %d were found" % (len(found), stats["stored"] - 1))
    p50, p99 = (steady_graph.at_share(found, share) for share in (0.5, 0.99))
    within = bisect.bisect_right(found, FRESH_GOAL_S) / len(found)
    print("\n### Freshness: %d events a second for %d s, --commit-interval 1s, load %.1f\n"
          % (FRESH_RATE, bench.options.seconds, os.getloadavg()[0]))
    print("From the producer's time stamp to the end of the first query that could see the event; %d events, %d commits.\n"
          % (len(found), stats["commits"]))
    print("| half | 99 %% | all | within %.0f s | client CPU per event | producer CPU per event |\n|--:|--:|--:|--:|--:|--:|"
          % FRESH_GOAL_S)
    print("| %.2f s | %.2f s | %.2f s | %.2f %% | %.2f µs | %.2f µs |" % (
        p50, p99, found[-1], 100 * within, cost.cpu_s / sent * 1e6, produced.cpu_s / sent * 1e6))
    bench.promises.add("99 % of events can be queried within", "%.2f s" % p99, "≤ %.2f s" % FRESH_GOAL_S, p99 <= FRESH_GOAL_S)
    bench.records.append({"kind": "kafka freshness", "events": len(found), "p50_s": p50, "p99_s": p99, "max_s": found[-1],
                          "within": within, "commits": stats["commits"], "cpu_s": cost.cpu_s})


# ---- steady ----

def steady_rate(bench):
    """Half of what the processors would bear with producer, broker and ingestor on them."""
    if bench.options.rate:
        return bench.options.rate
    must(bench.cpu_us, "--part steady needs --rate, or --part rate before it")
    most = len(os.sched_getaffinity(0)) * 1e6 / sum(bench.cpu_us.values())
    return int(most / 2 // 1000 * 1000)


def steady_part(bench, broker):
    rate, seconds = steady_rate(bench), int(bench.options.minutes * 60)
    bench.make_topic(broker, "steady")
    store = bench.make_store()
    os.makedirs(bench.options.results, exist_ok=True)
    stem = os.path.join(bench.options.results, "kafka-steady-" + time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()))
    begin = time.monotonic()
    with open(stem + ".tsv", "w", encoding="ascii") as out:
        follow = subprocess.Popen([bench.program("kafka_follow"), store, "events", broker.address, "steady", "5000"], stdout=out)
    try:
        time.sleep(1)
        produce_begin_s = time.monotonic() - begin
        _, produced = run_measured(bench.produce_command(
            broker, "steady", "--rate", str(rate), "--events", str(rate * seconds)), stderr=subprocess.DEVNULL)
        until_s = time.monotonic() - begin
        time.sleep(10)
        must(follow.poll() is None, "kafka_follow ended early")
        cost = stop_and_finish(follow, begin)
    finally:
        if follow.returncode is None:
            follow.kill()
            follow.wait()
    show_steady(bench, stem, rate, seconds, steady_graph.read_samples(stem + ".tsv", until_s - 1), produced, cost)
    must(until_s - produce_begin_s < seconds + 5, "the producer could not keep %d events a second" % rate)


def last_taken(path):
    with open(path, encoding="ascii") as file:
        names = file.readline().split()
        row = dict(zip(names, file.readlines()[-1].split()))
    return int(row["taken"]), int(row["taken_committed"])


def show_steady(bench, stem, rate, seconds, samples, produced, cost):
    title = "wend ingest from Kafka at %s events a second for %s minutes" % (format(rate, ","), "%g" % (seconds / 60))
    numbers = steady_graph.write_page(stem + ".html", title, samples)
    taken, committed = last_taken(stem + ".tsv")
    must(taken == committed == rate * seconds + 1, "%d were produced, %d taken, %d committed" % (rate * seconds + 1, taken, committed))
    growth = numbers["rss_late"] / numbers["rss_before"] - 1
    print("\n### Steady: %d events a second for %g minutes, producer and broker on the same %d processors, load %.1f\n"
          % (rate, seconds / 60, len(os.sched_getaffinity(0)), os.getloadavg()[0]))
    print("| events/s, mean | least–most | variation | stalled seconds | lag, median | 99 % | most | memory, most | without the window, fourth fifth | last fifth "
          "| client CPU per event | producer |\n|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    print("| %.0f k | %.0f–%.0f k | %.1f %% | %d | %d | %d | %d | %d MiB | %d MiB | %d MiB | %.2f µs | %.2f µs |" % (
        numbers["rate_mean"] / 1e3, numbers["rate_least"] / 1e3, numbers["rate_most"] / 1e3, 100 * numbers["rate_variation"],
        numbers["stalled_seconds"], numbers["lag_median"], numbers["lag_p99"], numbers["lag_most"],
        numbers["rss_most"] / 1048576, numbers["rss_before"] / 1048576, numbers["rss_late"] / 1048576,
        numbers["cpu_us_per_event"], produced.cpu_s / (rate * seconds) * 1e6))
    print("\nCurves: %s.html, numbers: %s.tsv" % (os.path.relpath(stem, ROOT), os.path.relpath(stem, ROOT)))
    bench.promises.add("stalled seconds at %d k events/s" % (rate // 1000), "%d" % numbers["stalled_seconds"], "0",
                       numbers["stalled_seconds"] == 0)
    bench.promises.add("memory without the window of keys, last fifth of the time to the fourth", "%+.1f %%" % (100 * growth), "≤ +5 %", growth <= 0.05)
    bench.promises.add("peak memory of it", "%d MiB" % (cost.peak_rss_bytes >> 20), "≤ 2048 MiB", cost.peak_rss_bytes <= 2 << 30)
    bench.records.append({"kind": "kafka steady", "rate": rate, "seconds": seconds, "tsv": stem + ".tsv", **numbers})


def main():
    options = arguments()
    options.work = tempfile.mkdtemp(prefix="wend-kafka-bench-", dir=options.work)
    bench = Bench(options)
    broker = None
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        folder = os.path.join(options.work, "broker")
        os.makedirs(folder)
        broker = Broker(folder)
        for part in options.part or PARTS:
            {"rate": rate_part, "freshness": freshness_part, "steady": steady_part}[part](bench, broker)
            sys.stdout.flush()
    except kafka_broker.Skipped as reason:
        print("\nKafka is left out: %s" % reason)
        sys.exit(SKIPPED)
    finally:
        if broker is not None:
            broker.remove()
        shutil.rmtree(options.work, ignore_errors=True)
        bench.promises.show()
        append_records(options.json, bench.records + bench.promises.records())


if __name__ == "__main__":
    main()
