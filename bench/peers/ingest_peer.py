#!/usr/bin/env python3
"""From a file of events to committed storage: wend beside DuckDB and ClickHouse, by turns in one run.

    ingest_peer.py --wend PROGRAM --events FILE [--runs N] [--only SIDE …] [--json FILE] [--work DIR]

Every load is a process of its own on a store of its own, the file lies in the page cache, and the sides take
turns, so that what else the machine does falls on all of them. Processor time (user and system, all threads)
and peak memory are what the kernel says when the process ends; of the peers what Python and the engine's
start took is taken off. Rows are counted after every load, and a wrong number ends the run.

The peers load as they do it best: every column's type given, nothing deduplicated. DuckDB passes over lines
that are cut short (a row of nulls each). ClickHouse, whose parallel reader cannot, gets a copy of the file
without them. wend rejects them with their reason, drops repeats, sorts, and syncs what it commits.

The times of the sides differ; what is promised are the ratios. Ends with 77 where the
packages cannot be had, with 1 when a load lost rows. A promise that is missed is told, and ends nothing.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
sys.path[:0] = [HERE, os.path.join(ROOT, "bench"), os.path.join(ROOT, "tests", "support")]
import peers  # noqa: E402
from measured_process import Promises, append_records, folder_bytes, run_measured  # noqa: E402

THREADS = 2
CODED = ["event_type", "page", "referrer", "product_id", "currency", "payment_method", "user_agent", "os", "device",
         "browser", "country", "city", "language"]  # LowCardinality in ClickHouse's table, plain while it parses
# name -> (DuckDB's type, ClickHouse's type)
COLUMNS = {
    "event_id": ("UUID", "UUID"), "session_id": ("VARCHAR", "String"), "user_id": ("VARCHAR", "String"),
    "ts": ("TIMESTAMP", "DateTime64(3, 'UTC')"), "event_type": ("VARCHAR", "String"), "page": ("VARCHAR", "String"),
    "referrer": ("VARCHAR", "String"), "product_id": ("VARCHAR", "String"),
    "price": ("DECIMAL(12,2)", "Decimal(12, 2)"), "quantity": ("SMALLINT", "Int16"), "currency": ("VARCHAR", "String"),
    "payment_method": ("VARCHAR", "String"), "ip": ("VARCHAR", "IPv4"), "user_agent": ("VARCHAR", "String"),
    "os": ("VARCHAR", "String"), "device": ("VARCHAR", "String"), "browser": ("VARCHAR", "String"),
    "country": ("VARCHAR", "String"), "city": ("VARCHAR", "String"), "language": ("VARCHAR", "String"),
}
# side -> (what it is called, kind: ours, unsorted, sorted or parse)
SIDES = {
    "wend-1": ("wend, 1 worker: sorted, deduplicated, synced", "ours"),
    "wend-2": ("wend, 2 workers", "ours"),
    "duckdb-1": ("DuckDB, 1 thread", "unsorted"),
    "duckdb-2": ("DuckDB, 2 threads, order not kept", "unsorted"),
    "duckdb-sorted": ("DuckDB, sorted by user and time", "sorted"),
    "duckdb-parse": ("DuckDB, parsed only", "parse"),
    "clickhouse": ("ClickHouse, in the order of arrival", "unsorted"),
    "clickhouse-sorted": ("ClickHouse, sorted by user and time, merged", "sorted"),
}


# ---- one load of a peer, in its own process ----

class Start:
    """What the process had used when the engine was ready."""

    def __init__(self):
        self.wall, self.cpu = time.monotonic(), time.process_time()

    def answer(self, begun, **members):
        print(json.dumps({"start_wall_s": self.wall - begun, "start_cpu_s": self.cpu, **members}))


def duckdb_source(events):
    columns = ", ".join("%s: '%s'" % (name, kinds[0]) for name, kinds in COLUMNS.items())
    return "read_json('%s', format='newline_delimited', ignore_errors=true, columns={%s})" % (events, columns)


def load_duckdb(side, events, folder, begun):
    import duckdb
    database = os.path.join(folder, "events.duckdb")
    connection = duckdb.connect(database, config={"threads": "1" if side == "duckdb-1" else str(THREADS)})
    connection.execute("set preserve_insertion_order = false")
    start = Start()
    source = duckdb_source(events)
    if side == "duckdb-parse":
        counts = connection.execute("select %s from %s" % (", ".join("count(%s)" % name for name in COLUMNS), source))
        start.answer(begun, rows=counts.fetchone()[0], bytes=0, version=duckdb.__version__)
        return
    order = " order by user_id, ts" if side == "duckdb-sorted" else ""
    connection.execute("create table events as select * from %s%s" % (source, order))
    connection.execute("checkpoint")
    rows = connection.execute("select count(event_id) from events").fetchone()[0]
    connection.close()
    start.answer(begun, rows=rows, bytes=os.path.getsize(database), version=duckdb.__version__)


def load_clickhouse(side, events, folder, begun):
    from chdb import session
    house = session.Session(folder)
    house.query("create database loads engine = Atomic")
    house.query("set date_time_input_format = 'best_effort', input_format_null_as_default = 1, max_threads = %d, "
                "input_format_skip_unknown_fields = 1, min_insert_block_size_rows = 1048576, "
                "min_insert_block_size_bytes = 1073741824, max_insert_block_size = 1048576" % THREADS)
    start = Start()
    kinds = ["%s LowCardinality(%s)" % (name, kind) if name in CODED else "%s %s" % (name, kind)
             for name, (_, kind) in COLUMNS.items()]
    order = "(user_id, ts)" if side == "clickhouse-sorted" else "tuple()"
    house.query("create table loads.events (%s) engine = MergeTree order by %s" % (", ".join(kinds), order))
    parsed = ", ".join("%s %s" % (name, kind) for name, (_, kind) in COLUMNS.items())
    house.query("insert into loads.events select * from file('%s', 'JSONEachRow', '%s')"
                % (events, parsed.replace("'", "\\'")))
    if side == "clickhouse-sorted":  # which without this setting may do nothing and not say so
        house.query("optimize table loads.events final settings optimize_throw_if_noop = 1")
    rows, parts, size, version = json.loads(str(house.query(
        "select sum(rows), count(), sum(bytes_on_disk), version() from system.parts "
        "where database = 'loads' and active", "JSONCompact")))["data"][0]
    house.close()
    if side == "clickhouse-sorted" and int(parts) != 1:
        sys.exit("ingest_peer: ClickHouse has not merged its %s parts" % parts)
    start.answer(begun, rows=int(rows), bytes=int(size), version=version)


# ---- turns ----

def arguments():
    parser = argparse.ArgumentParser(description="ingest of a file: wend beside its peers")
    parser.add_argument("--wend", default=os.path.join(ROOT, "build", "release", "wend"))
    parser.add_argument("--events")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", action="append", choices=list(SIDES))
    parser.add_argument("--json")
    parser.add_argument("--work")
    parser.add_argument("--load", nargs=3, metavar=("SIDE", "FILE", "FOLDER"), help=argparse.SUPPRESS)
    return parser.parse_args()


class Events:
    """The file, and a copy without the lines that are cut short."""

    def __init__(self, options):
        self.path = options.events or os.path.join(options.work, "events.ndjson")
        self.whole = os.path.join(options.work, "whole.ndjson")
        if not options.events:
            with open(self.path, "wb") as file:
                subprocess.run([options.wend, "produce", "--events", "2000000", "--seed", "1"], stdout=file, check=True)
        self.lines = self.good = 0
        with open(self.path, "rb") as file, open(self.whole, "wb") as whole:
            for line in file:
                self.lines += 1
                if line.endswith(b"}\n") and line.count(b"{") == line.count(b"}"):  # no text has braces
                    self.good += 1
                    whole.write(line)

    def warm(self):
        for path in (self.path, self.whole):
            with open(path, "rb") as file:
                while file.read(1 << 22):
                    pass


def must_hold(side, found, expected):
    if found != expected:
        sys.exit("ingest_peer: %s has %d rows of %d" % (side, found, expected))


def load_ours(options, side, events, folder):
    ddl = os.path.join(options.work, "events.sql")
    with open(ddl, "wb") as file:
        subprocess.run([options.wend, "produce", "--ddl"], stdout=file, check=True)
    subprocess.run([options.wend, "-d", folder, "create", "-f", ddl], check=True, stdout=subprocess.DEVNULL)
    workers = ["--workers", side[-1]] if options.takes_workers else []
    text, cost = run_measured([options.wend, "-d", folder, "ingest", "events", "--quiet", "--stats", "json",
                               *workers, "--file", events.path])
    stats = json.loads(text)
    must_hold(side, stats["taken_committed"], events.lines)
    must_hold(side, stats["stored"] + stats["deduplicated"], events.good)
    return {"wall_s": cost.wall_s, "cpu_s": cost.cpu_s, "peak_rss_bytes": cost.peak_rss_bytes, "rows": stats["stored"],
            "bytes": folder_bytes(os.path.join(folder, "events", "seg"))}


def load_theirs(options, side, events, folder):
    file = events.whole if side.startswith("clickhouse") else events.path
    text, cost = run_measured([sys.executable, os.path.abspath(__file__), "--load", side, file, folder])
    answer = json.loads(text.splitlines()[-1])
    must_hold(side, answer["rows"], events.good)
    return {"wall_s": cost.wall_s - answer["start_wall_s"], "cpu_s": cost.cpu_s - answer["start_cpu_s"],
            "peak_rss_bytes": cost.peak_rss_bytes, "rows": answer["rows"], "bytes": answer["bytes"], "version": answer["version"]}


def take_turns(options, events):
    """side -> its loads. Each round begins with another side."""
    sides = [side for side in SIDES if not options.only or side in options.only]
    if not options.takes_workers and "wend-2" in sides:
        sides.remove("wend-2")
    loads = {side: [] for side in sides}
    for run in range(options.runs + 1):
        turn = run % len(sides)
        for side in sides[turn:] + sides[:turn]:
            folder = os.path.join(options.work, "load")
            shutil.rmtree(folder, ignore_errors=True)
            os.makedirs(folder)
            events.warm()
            load = (load_ours if side.startswith("wend") else load_theirs)(options, side, events, folder)
            if run > 0:  # the first round warms up
                loads[side].append(load)
    return loads


# ---- what came out ----

def judge(medians, events):
    """The promises whose sides were measured."""
    def cpu(kind):
        times = [load["cpu_s"] for side, load in medians.items() if SIDES[side][1] == kind]
        return min(times) if times else None

    promises = Promises("ingest_peer")
    one = medians.get("wend-1")
    if one is None:
        return promises
    per_million = one["cpu_s"] / events.lines * 1e6
    promises.add("processor seconds per million events", "%.2f s" % per_million, "≤ 0.70 s", per_million <= 0.70)
    for kind, what, least in (("unsorted", "events per CPU-second, to the best peer's unsorted load", 3.5),
                              ("sorted", "to the best peer's sorted load", 5.5),
                              ("parse", "to DuckDB's parsing alone", 1.0)):
        if cpu(kind) is not None:
            ratio = cpu(kind) / one["cpu_s"]
            promises.add(what, "%.2f×" % ratio, "≥ %.1f×" % least, ratio >= least)
    if "wend-2" in medians:
        gain = one["wall_s"] / medians["wend-2"]["wall_s"]
        promises.add("two workers to one, events per second of wall time", "%.2f×" % gain, "≥ 1.8×", gain >= 1.8)
    peak = max(load["peak_rss_bytes"] for side, load in medians.items() if side.startswith("wend"))
    promises.add("peak memory", "%d MiB" % (peak >> 20), "≤ 1024 MiB", peak <= 1 << 30)
    return promises


def report(options, loads, events):
    versions = {side.split("-")[0]: runs[0]["version"] for side, runs in loads.items() if "version" in runs[0]}
    print("\n### Ingest of %d events from a file, by turns, %d runs each, %d processors, load %.1f%s\n"
          % (events.lines, options.runs, len(os.sched_getaffinity(0)), os.getloadavg()[0],
             "".join(", %s %s" % item for item in sorted(versions.items()))))
    print("| side | CPU per M events | least–most | M events per CPU-second | M events/s | peak memory | bytes/event |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    medians = {}
    for side, runs in loads.items():
        median = medians[side] = {key: statistics.median(run[key] for run in runs) for key in ("wall_s", "cpu_s", "bytes")}
        median["peak_rss_bytes"] = max(run["peak_rss_bytes"] for run in runs)
        times = [run["cpu_s"] / events.lines * 1e6 for run in runs]
        print("| %s | %.2f s | %.2f–%.2f s | %.2f | %.2f | %d MiB | %s |"
              % (SIDES[side][0], statistics.median(times), min(times), max(times), events.lines / median["cpu_s"] / 1e6,
                 events.lines / median["wall_s"] / 1e6, median["peak_rss_bytes"] >> 20,
                 "%.1f" % (median["bytes"] / runs[0]["rows"]) if median["bytes"] else ""))
    promises = judge(medians, events)
    promises.show()
    append_records(options.json, [{"kind": "load", "side": side, "events": events.lines, "runs": runs}
                                  for side, runs in loads.items()] + promises.records())


def main():
    begun = time.monotonic()
    options = arguments()
    if options.load:
        side, events, folder = options.load
        (load_clickhouse if side.startswith("clickhouse") else load_duckdb)(side, events, folder, begun)
        return
    wanted = [{"duckdb": "duckdb", "clickhouse": "chdb", "wend": None}[side.split("-")[0]] for side in options.only or SIDES]
    peers.ensure(sorted({package for package in wanted if package}))
    told = subprocess.run([options.wend, "help", "ingest"], check=True, stdout=subprocess.PIPE, text=True).stdout
    options.takes_workers = "--workers" in told
    options.work = tempfile.mkdtemp(prefix="wend-load-", dir=options.work)
    try:
        events = Events(options)
        report(options, take_turns(options, events), events)
    finally:
        shutil.rmtree(options.work, ignore_errors=True)


if __name__ == "__main__":
    main()
