#!/usr/bin/env python3
"""DuckDB beside wend: the same file loaded and the same questions asked, by turns in one run.

    duckdb_peer.py --wend PROGRAM --bench-rollup PROGRAM --events FILE [--runs N] [--threads N]
                   [--json FILE] [--work DIR] [--store DIR]

--store names a store that holds the events already: only the questions are compared.

Ingest: each engine loads the NDJSON file in a process of its own; processor time and peak memory are
what the system counted for that process. wend validates, deduplicates, sorts and commits durably;
DuckDB's read_json with every column's type given and ignore_errors fills a table in arrival order.

Questions: wend's rows are exported as Parquet and loaded into a DuckDB table, so that both hold the same
rows in the same order, and ts becomes a TIMESTAMP there, which is DuckDB's fastest time type. Every
question of rollups.sql runs in both by turns; answers are compared before anything is timed. Times are
medians; the ratio is DuckDB's over wend's. Ends with 77 where DuckDB cannot be had, with 1 when answers
differ.
"""

import argparse
import csv
import decimal
import io
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "tests", "support"))
import peers  # noqa: E402

peers.ensure(["duckdb"])
import duckdb  # noqa: E402

QUERIES = os.path.join(HERE, "..", "rollups.sql")
COLUMNS = {
    "event_id": "UUID", "session_id": "VARCHAR", "user_id": "VARCHAR", "ts": "TIMESTAMP",
    "event_type": "VARCHAR", "page": "VARCHAR", "referrer": "VARCHAR", "product_id": "VARCHAR",
    "price": "DECIMAL(12,2)", "quantity": "SMALLINT", "currency": "VARCHAR",
    "payment_method": "VARCHAR", "ip": "VARCHAR", "user_agent": "VARCHAR", "os": "VARCHAR",
    "device": "VARCHAR", "browser": "VARCHAR", "country": "VARCHAR", "city": "VARCHAR",
    "language": "VARCHAR",
}


def arguments():
    parser = argparse.ArgumentParser(description="DuckDB beside wend")
    parser.add_argument("--wend", required=True)
    parser.add_argument("--bench-rollup", required=True)
    parser.add_argument("--events", required=True)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json")
    parser.add_argument("--work")
    parser.add_argument("--store")
    return parser.parse_args()


def read_queries():
    """[(name, wend's text, duckdb's text)] of rollups.sql."""
    queries = []
    side = None
    with open(QUERIES, encoding="utf-8") as file:
        for line in file:
            if line.startswith("-- query: "):
                queries.append([line[len("-- query: "):].strip(), "", ""])
                side = 0
            elif line.startswith("-- wend:"):
                side = 1
            elif line.startswith("-- duckdb:"):
                side = 2
            elif not line.startswith("--") and queries:
                if side in (0, 1):
                    queries[-1][1] += line
                if side in (0, 2):
                    queries[-1][2] += line
    return queries


def record(options, **members):
    if options.json:
        with open(options.json, "a", encoding="utf-8") as file:
            file.write(json.dumps({"kind": "peer", "peer": "duckdb", "version": duckdb.__version__,
                                   "threads": options.threads, **members}) + "\n")


# ---- ingest ----

def timed_child(work):
    """Run `work` in a forked process: (wall seconds, processor seconds, peak bytes)."""
    sys.stdout.flush()
    begin = time.monotonic()
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        except BaseException as fault:  # the child must not return into the parent's code
            print(fault, file=sys.stderr)
            os._exit(1)
    _, status, usage = os.wait4(child, 0)
    if status != 0:
        sys.exit("duckdb_peer: a load failed")
    return time.monotonic() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def load_wend(options, store):
    command = [options.wend, "-d", store, "ingest", "events", "--quiet", "--stats", "json",
               "--file", options.events]
    with open(os.path.join(options.work, "ingest.json"), "wb") as out:
        os.dup2(out.fileno(), 1)
        os.execv(options.wend, command)


def load_duckdb(options, database):
    connection = duckdb.connect(database, config={"threads": str(os.cpu_count())})
    columns = ", ".join("%s: '%s'" % item for item in COLUMNS.items())
    connection.execute(
        "create table events as select * from read_json('%s', format='newline_delimited', "
        "ignore_errors=true, columns={%s})" % (options.events.replace("'", "''"), columns))
    connection.execute("checkpoint")
    connection.close()


def create_store(options, store):
    shutil.rmtree(store, ignore_errors=True)
    ddl = os.path.join(options.work, "events.sql")
    with open(ddl, "wb") as file:
        subprocess.run([options.wend, "produce", "--ddl"], stdout=file, check=True)
    subprocess.run([options.wend, "-d", store, "create", "-f", ddl], check=True,
                   stdout=subprocess.DEVNULL)


def compare_ingest(options, store):
    database = os.path.join(options.work, "ingest.duckdb")
    with open(options.events, "rb") as file:
        lines = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 22), b""))
    times = {"wend": [], "duckdb": []}
    for run in range(max(3, options.runs // 2)):
        def ours():
            create_store(options, store)
            times["wend"].append(timed_child(lambda: load_wend(options, store)))

        def theirs():
            if os.path.exists(database):
                os.remove(database)
            times["duckdb"].append(timed_child(lambda: load_duckdb(options, database)))

        for turn in (ours, theirs) if run % 2 == 0 else (theirs, ours):
            turn()
    bytes_of = {"wend": folder_bytes(store), "duckdb": os.path.getsize(database)}
    os.remove(database)
    print("\n### Ingest of %d events from a file, wend beside DuckDB %s, %d threads at hand\n"
          % (lines, duckdb.__version__, os.cpu_count()))
    print("| engine | CPU per M events | wall per M events | M events/s | peak memory | bytes/event |")
    print("|---|--:|--:|--:|--:|--:|")
    medians = {}
    for engine, runs in times.items():
        wall = statistics.median(run[0] for run in runs)
        cpu = statistics.median(run[1] for run in runs)
        peak = max(run[2] for run in runs)
        medians[engine] = cpu
        print("| %s | %.2f s | %.2f s | %.3f | %d MiB | %.1f |"
              % (engine, cpu / lines * 1e6, wall / lines * 1e6, lines / wall / 1e6, peak >> 20,
                 bytes_of[engine] / lines))
        record(options, name="ingest", engine=engine, events=lines, wall_s=wall, cpu_s=cpu,
               peak_rss_bytes=peak, bytes=bytes_of[engine])
    print("\nDuckDB / wend in processor time: %.2f×" % (medians["duckdb"] / medians["wend"]))


def folder_bytes(folder):
    return sum(os.path.getsize(os.path.join(place, name))
               for place, _, names in os.walk(folder) for name in names)


# ---- questions ----

def plain(value):
    """A value's text without what differs in printing only: trailing zeros, zone of UTC, midnight."""
    if value is None or value == "":
        return ""
    text = str(value)
    if text.endswith("+00"):
        text = text[:-3]
    if text.endswith(" 00:00:00"):
        text = text[:-9]
    try:
        return str(round(decimal.Decimal(text), 9).normalize())
    except decimal.InvalidOperation:
        return text


def answer_of_wend(options, store, sql):
    done = subprocess.run([options.wend, "-d", store, "sql", sql, "--format", "csv"], check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return [tuple(map(plain, row)) for row in list(csv.reader(io.StringIO(done.stdout)))[1:]]


def answer_of_duckdb(connection, sql):
    rows = connection.execute("select columns(*)::varchar from (%s)" % sql).fetchall()
    return [tuple(map(plain, row)) for row in rows]


class Wend:
    """bench_rollup --serve."""

    def __init__(self, options, store):
        self.process = subprocess.Popen(
            [options.bench_rollup, store, "--queries", QUERIES, "--serve", "--threads",
             str(options.threads)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, name):
        self.process.stdin.write(name + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().split()
        if not answer:
            sys.exit("duckdb_peer: wend failed at " + name)
        return float(answer[0]), float(answer[1])

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def run_duckdb(connection, sql):
    wall, cpu = time.monotonic(), time.process_time()
    connection.execute(sql).fetchall()
    return time.monotonic() - wall, time.process_time() - cpu


def open_duckdb(options, store):
    parquet = os.path.join(options.work, "events.parquet")
    database = os.path.join(options.work, "query.duckdb")
    for old in (parquet, database):
        if os.path.exists(old):
            os.remove(old)
    subprocess.run([options.wend, "-d", store, "export", "events", "-o", parquet], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    connection = duckdb.connect(database, config={"threads": str(options.threads)})
    connection.execute("set timezone = 'UTC'")
    connection.execute("create table events as select * replace (ts::timestamp as ts) "
                       "from read_parquet('%s')" % parquet)
    connection.execute("checkpoint")
    os.remove(parquet)
    return connection, database


def compare_queries(options, store):
    connection, database = open_duckdb(options, store)
    rows = connection.execute("select count(*) from events").fetchone()[0]
    wend = Wend(options, store)
    ratios, wrong = [], []
    print("\n### Rollups over %d rows, wend beside DuckDB %s, %d thread%s each\n"
          % (rows, duckdb.__version__, options.threads, "" if options.threads == 1 else "s"))
    print("| question | wend | CPU | DuckDB | CPU | DuckDB / wend | answers |")
    print("|---|--:|--:|--:|--:|--:|---|")
    for name, ours, theirs in read_queries():
        same = sorted(answer_of_wend(options, store, ours)) == sorted(answer_of_duckdb(connection, theirs))
        times = {"wend": [], "duckdb": []}
        wend.run(name)
        run_duckdb(connection, theirs)
        for run in range(options.runs):
            for engine in ("wend", "duckdb") if run % 2 == 0 else ("duckdb", "wend"):
                times[engine].append(wend.run(name) if engine == "wend" else run_duckdb(connection, theirs))
        median = {engine: [statistics.median(run[i] for run in runs) for i in (0, 1)]
                  for engine, runs in times.items()}
        ratio = median["duckdb"][1] / max(median["wend"][1], 1e-7)
        ratios.append(ratio)
        if not same:
            wrong.append(name)
        print("| %s | %.2f ms | %.2f ms | %.2f ms | %.2f ms | %.2f× | %s |"
              % (name, median["wend"][0] * 1e3, median["wend"][1] * 1e3, median["duckdb"][0] * 1e3,
                 median["duckdb"][1] * 1e3, ratio, "same" if same else "**differ**"))
        sys.stdout.flush()
        record(options, name=name, rows=rows, wend_wall_s=median["wend"][0], wend_cpu_s=median["wend"][1],
               duckdb_wall_s=median["duckdb"][0], duckdb_cpu_s=median["duckdb"][1], ratio=ratio, same=same)
    wend.close()
    connection.close()
    os.remove(database)
    mean = statistics.geometric_mean(ratios)
    print("\nRatios are of processor time; their geometric mean is %.2f×." % mean)
    record(options, name="geometric mean", rows=rows, ratio=mean)
    return wrong


def main():
    options = arguments()
    options.work = tempfile.mkdtemp(prefix="wend-peer-", dir=options.work)
    store = options.store or os.path.join(options.work, "store")
    try:
        if options.store is None:
            compare_ingest(options, store)
        wrong = compare_queries(options, store)
    finally:
        shutil.rmtree(options.work, ignore_errors=True)
    if wrong:
        sys.exit("duckdb_peer: answers differ: " + ", ".join(wrong))


if __name__ == "__main__":
    main()
