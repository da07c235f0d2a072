#!/usr/bin/env python3
"""DuckDB beside wend: the same questions asked of the same rows, by turns in one run.

    duckdb_peer.py --wend PROGRAM --bench-rollup PROGRAM --events FILE [--runs N] [--threads N]
                   [--json FILE] [--work DIR] [--store DIR]

--store names a store that holds the events already; else they are loaded first. ingest_peer.py times loads.

wend's rows are exported as Parquet and loaded into a DuckDB table, so that both hold the same
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


# ---- the table ----

def create_store(options, store):
    shutil.rmtree(store, ignore_errors=True)
    ddl = os.path.join(options.work, "events.sql")
    with open(ddl, "wb") as file:
        subprocess.run([options.wend, "produce", "--ddl"], stdout=file, check=True)
    subprocess.run([options.wend, "-d", store, "create", "-f", ddl], check=True,
                   stdout=subprocess.DEVNULL)


def load_store(options, store):
    create_store(options, store)
    subprocess.run([options.wend, "-d", store, "ingest", "events", "--quiet", "--stats", "json", "--file", options.events],
                   check=True, stdout=subprocess.DEVNULL)


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
            load_store(options, store)
        wrong = compare_queries(options, store)
    finally:
        shutil.rmtree(options.work, ignore_errors=True)
    if wrong:
        sys.exit("duckdb_peer: answers differ: " + ", ".join(wrong))


if __name__ == "__main__":
    main()
