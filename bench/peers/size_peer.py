#!/usr/bin/env python3
"""Bytes per event on disk: wend beside ClickHouse, tuned Parquet and DuckDB, the same rows in one run.

    size_peer.py --wend PROGRAM [--events FILE] [--only NAME …] [--json FILE] [--work DIR] [--compact-level N]

--events  a file of generated events (else `wend produce` makes a million)
--only    only these: generated, or a stream's name, several times if wanted
--compact-level  of `wend compact`; else its default, 12, for generated events and 19, the densest, for the streams

Beside the generated events each stream in $WEND_TEST_SHARED/data is measured, with the table that `wend
infer` writes for it; without the streams that part says so. Each store holds exactly wend's rows: they are
exported, loaded, read back, and compared by number and by a checksum that does not depend on their order,
before a size is quoted. wend is shown as ingest commits it (L0) and, where this build has the command,
after `wend compact`. The peers get what suits them best: several orders, and for each column the best type
and codec found by trial (see size_clickhouse.py, size_parquet.py). A peer whose package cannot be had is
left out, with a word. One thread each; about 3 GiB at most. Ends with 1 when rows differ.
"""

import argparse
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
sys.path[:0] = [HERE, os.path.join(ROOT, "tests", "support")]
import peers  # noqa: E402

try:
    peers.ensure(["duckdb", "pyarrow", "chdb"])
    HAVE_CLICKHOUSE = True
except SystemExit:
    peers.ensure(["duckdb", "pyarrow"])
    HAVE_CLICKHOUSE = False
import duckdb  # noqa: E402
import pyarrow  # noqa: E402

import size_clickhouse  # noqa: E402
import size_duckdb  # noqa: E402
import size_parquet  # noqa: E402
import size_rows  # noqa: E402

GENERATED_EVENTS = 1000000
GOAL_ALL, GOAL_WITHOUT_ID = 0.88, 0.76
# The orders in which peers may keep a stream; the first is what wend does with the same table.
STREAMS = {
    "github-events": ([["hash:actor.id", "actor.id", "created_at"], ["created_at", "id"], ["type", "actor.id", "created_at"]], "id"),
    "mobile-app": ([["hash:user_pseudo_id", "user_pseudo_id", "event_timestamp"], ["event_timestamp"],
                    ["event_name", "event_timestamp"]], None),
    "nginx-plus": ([["timestamp"]], None),
    "usagov-clicks": ([["t"], ["u", "g", "h", "t"], ["a", "cy", "t"], ["c", "gr", "cy", "a", "t"]], None),
    "wikipedia-edits": ([["hash:user", "user", "time"], ["time"], ["channel", "user", "time"], ["channel", "page", "time"]], None),
}
EVENTS_ORDERS = [["hash:user_id", "user_id", "ts"], ["country", "city", "user_agent", "user_id", "ts"]]


def arguments():
    parser = argparse.ArgumentParser(description="bytes per event: wend beside its peers")
    parser.add_argument("--wend", default=os.path.join(ROOT, "build", "release", "wend"))
    parser.add_argument("--events")
    parser.add_argument("--only", action="append")
    parser.add_argument("--json")
    parser.add_argument("--work")
    parser.add_argument("--compact-level", type=int)
    return parser.parse_args()


# ---- what to measure ----

def datasets(options):
    """Yields each Dataset with its lines at hand."""
    wanted = set(options.only or ["generated", *STREAMS])
    unknown = wanted - {"generated", *STREAMS}
    if unknown:
        sys.exit("size_peer: no stream is named " + ", ".join(sorted(unknown)))
    if "generated" in wanted:
        lines = options.events
        if lines is None:
            lines = os.path.join(options.work, "events.ndjson")
            with open(lines, "wb") as file:
                subprocess.run([options.wend, "produce", "--events", str(GENERATED_EVENTS), "--seed", "1"], stdout=file, check=True)
        yield size_rows.Dataset("generated", lines, EVENTS_ORDERS, "event_id")
    folder = os.path.join(os.environ.get("WEND_TEST_SHARED", os.path.join(ROOT, "..", "shared")), "data")
    for name, (orders, event_id) in STREAMS.items():
        if name in wanted:
            found = glob.glob(os.path.join(folder, name + ".ndjson*"))
            if found:
                yield size_rows.Dataset(name, found[0], orders, event_id)
            else:
                print("\n%s left out: not in %s; WEND_TEST_SHARED says where the streams are" % (name, folder))


def measure_wend(options, duck, dataset, folder):
    """wend's measurements, its columns, and its rows as plain rows with their checksum."""
    store = os.path.join(folder, "store")
    plain = os.path.join(folder, "rows.parquet")
    size_rows.load_wend(options, dataset, store)
    columns = size_rows.columns_of(options, dataset, store)
    size_rows.write_plain(options, duck, dataset, store, columns, plain)
    for column in columns:
        column.study(duck, plain)
    expected = size_rows.checksum(duck, plain, columns)
    stored = {"store": "wend L0", "order": size_rows.order_label(dataset.orders[0]), **size_rows.sizes_of_wend(options, dataset, store)}
    measured = [stored]
    if stored["rows"] != expected[0]:
        sys.exit("size_peer: %s: segments hold %d rows, export gave %d" % (dataset.name, stored["rows"], expected[0]))
    if size_rows.can_compact(options):
        level = options.compact_level or (12 if dataset.name.startswith("generated") else 19)
        size_rows.run_wend(options, store, "compact", dataset.table, "--level", str(level))
        again = os.path.join(folder, "again.parquet")
        size_rows.write_plain(options, duck, dataset, store, columns, again)
        agree(duck, "wend compacted", again, columns, expected)
        os.remove(again)
        measured.append({**stored, "store": "wend compacted, level %d" % level, **size_rows.sizes_of_wend(options, dataset, store)})
    shutil.rmtree(store)
    return measured, columns, plain, expected


def agree(duck, who, source, columns, expected):
    found = size_rows.checksum(duck, source, columns)
    if found != expected:
        for column in columns:
            sums = [size_rows.checksum(duck, rows, [column])[1] for rows in (source, agree.plain)] if agree.plain else [0, 0]
            if sums[0] != sums[1]:
                print("column %s (%s) differs" % (column.name, column.kind), file=sys.stderr)
        sys.exit("size_peer: %s holds other rows: %s, wend has %s" % (who, found, expected))


agree.plain = None


def measure(options, duck, house, dataset):
    folder = tempfile.mkdtemp(prefix=dataset.table + "-", dir=options.work)
    seconds = time.monotonic()
    try:
        measured, columns, plain, expected = measure_wend(options, duck, dataset, folder)
        agree.plain = plain

        def verify(who, source):
            agree(duck, who, source, columns, expected)

        measured += size_parquet.measure(duck, dataset, columns, plain, verify)
        if house:
            measured += size_clickhouse.measure(house, dataset, columns, plain, verify)
        measured += size_duckdb.measure(duck, dataset, columns, plain, verify)
        return measured, columns, expected, time.monotonic() - seconds
    finally:
        shutil.rmtree(folder)


# ---- what is told ----

def per_event(one, without=None):
    """Bytes an event, all of them or without a column."""
    if without and not one["columns"].get(without, (0,))[0]:
        return one.get("bytes_without_id") and one["bytes_without_id"] / one["rows"]
    return (one["bytes"] - (one["columns"][without][0] if without else 0)) / one["rows"]


def column_sum(one, columns):
    """Bytes of the table's own columns, without what a store adds."""
    return sum(one["columns"][column.name][0] for column in columns if one["columns"])


def number(value, digits=3):
    return "" if value is None else "%.*f" % (digits, value)


class Summary:
    """Of one dataset: which measurement stands for which engine."""

    def __init__(self, dataset, measured):
        def best(chosen):
            return min(chosen, key=lambda one: one["bytes"], default=None)

        ours = [one for one in measured if one["store"].startswith("wend")]
        theirs = [one for one in measured if not one["store"].startswith("wend")]
        house = [one for one in theirs if one["store"].startswith("ClickHouse")]
        self.dataset = dataset
        self.first, self.last = ours[0], ours[-1]
        self.clickhouse = best([one for one in house if one["level"] == 12 and not one["parts"] and one["alike"]])
        self.clickhouse_low = best([one for one in house if one["level"] == 3 and not one["parts"] and one["alike"]])
        self.parquet = best([one for one in theirs if one["store"].startswith("Parquet") and one["alike"]])
        self.alike = [one for one in theirs if one["alike"]]
        self.best_alike = best(self.alike)
        self.best = best(theirs)

    def ratio(self, peer, without=None):
        ours, theirs = per_event(self.last, without), peer and per_event(peer, without)
        return ours / theirs if ours and theirs else None


def tell_stores(summary, measured):
    dataset = summary.dataset
    head = " | without %s" % dataset.event_id if dataset.event_id else ""
    print("| store | rows in the order of | bytes an event%s | %s / this |" % (head, summary.last["store"]))
    print("|---|---|--:|--:|" + ("--:|" if head else ""))
    for one in sorted(measured, key=lambda one: (not one["store"].startswith("wend"), one["bytes"])):
        print("| %s | %s | %s%s | %s |" % (
            one["store"], one["order"], number(per_event(one)),
            " | " + number(per_event(one, dataset.event_id)) if head else "", number(summary.ratio(one), 2)))


def tell_columns(summary, columns):
    """Column by column: bytes an event of those sorted alike, and the smallest of any peer sorted alike."""
    stores = [summary.first] + ([summary.last] if summary.last is not summary.first else [])
    stores += [one for one in (summary.clickhouse, summary.clickhouse_low, summary.parquet) if one]
    print("\n| column | %s | best peer | %s − best | %s | ClickHouse ZSTD(12) | Parquet |" % (
        " | ".join(one["store"] for one in stores), summary.last["store"], summary.last["store"]))
    print("|---|" + "--:|" * (len(stores) + 2) + "---|---|---|")
    lines, sum_of_best = [], 0
    for column in columns:
        least = min(one["columns"][column.name][0] / one["rows"] for one in summary.alike if column_sum(one, columns))
        ours = summary.last["columns"][column.name][0] / summary.last["rows"]
        sum_of_best += least
        lines.append((ours, "| %s | %s | %s | %+.3f | %s |" % (
            column.name.replace("|", "\\|"), " | ".join(number(one["columns"][column.name][0] / one["rows"]) for one in stores),
            number(least), ours - least,
            " | ".join(one["columns"][column.name][1] if one else "" for one in (summary.last, summary.clickhouse, summary.parquet)))))
    for _, line in sorted(lines, key=lambda line: -line[0]):
        print(line)
    print("| *the rest* | %s | | | | | |" % " | ".join(number((one["bytes"] - column_sum(one, columns)) / one["rows"]) for one in stores))
    print("| **all** | %s | %s | %+.3f | | | |" % (" | ".join(number(per_event(one)) for one in stores), number(sum_of_best),
                                                 per_event(summary.last) - sum_of_best))


def tell_all(summaries):
    print("\n### Sizes in short\n\nBytes an event; ratios are of wend compacted. The goal for generated events is at most %.2f of ClickHouse ZSTD(12) "
          "sorted alike, %.2f without event_id; for each stream less than the best peer sorted alike.\n" % (GOAL_ALL, GOAL_WITHOUT_ID))
    print("| rows | wend L0 | wend compacted | ClickHouse ZSTD(12) | ratio | without id | best peer, sorted alike | ratio "
          "| best peer, any order | ratio |")
    print("|---|--:|--:|--:|--:|--:|---|--:|---|--:|")
    for one in summaries:
        compacted = one.last if one.last is not one.first else None
        house = one.clickhouse
        print("| %s | %s | %s | %s | %s | %s | %s: %s | %s | %s, by %s: %s | %s |" % (
            one.dataset.name, number(per_event(one.first)), number(compacted and per_event(compacted)),
            number(house and per_event(house)), number(house and one.ratio(house)),
            number(house and one.dataset.event_id and one.ratio(house, one.dataset.event_id)),
            one.best_alike["store"], number(per_event(one.best_alike)), number(one.ratio(one.best_alike)),
            one.best["store"], one.best["order"], number(per_event(one.best)), number(one.ratio(one.best))))


def record(options, summary, measured):
    if not options.json:
        return
    with open(options.json, "a", encoding="utf-8") as file:
        for one in measured:
            file.write(json.dumps({"kind": "size", "program": "size_peer", "dataset": summary.dataset.name, **one,
                                   "bytes_per_event": per_event(one),
                                   "bytes_per_event_without_id": per_event(one, summary.dataset.event_id)
                                   if summary.dataset.event_id else None}) + "\n")
        file.write(json.dumps({"kind": "size ratio", "program": "size_peer", "dataset": summary.dataset.name,
                               "wend": summary.last["store"], "best_alike": summary.best_alike["store"],
                               "best": summary.best["store"], "best_order": summary.best["order"],
                               "to_clickhouse_12": summary.clickhouse and summary.ratio(summary.clickhouse),
                               "to_clickhouse_12_without_id": summary.clickhouse and summary.dataset.event_id
                               and summary.ratio(summary.clickhouse, summary.dataset.event_id),
                               "to_best_alike": summary.ratio(summary.best_alike),
                               "to_best": summary.ratio(summary.best)}) + "\n")


def main():
    options = arguments()
    options.work = tempfile.mkdtemp(prefix="wend-sizes-", dir=options.work)
    try:
        duck = duckdb.connect(config={"threads": "1", "memory_limit": "2GB", "temp_directory": options.work})
        duck.execute("set timezone = 'UTC'")
        house = size_clickhouse.ClickHouse(os.path.join(options.work, "clickhouse")) if HAVE_CLICKHOUSE else None
        print("\n## Bytes per event on disk\n\nwend beside %sDuckDB %s and Parquet by PyArrow %s; the same rows in each." % (
            "ClickHouse %s, " % house.version if house else "", duckdb.__version__, pyarrow.__version__))
        if not house:
            print("ClickHouse (the package chdb) could not be had and is left out.")
        if not size_rows.can_compact(options):
            print("This build has no `wend compact`: wend is shown as ingest commits it.")
        summaries = []
        for dataset in datasets(options):
            measured, columns, expected, seconds = measure(options, duck, house, dataset)
            summary = Summary(dataset, measured)
            print("\n### %s: %d rows\n\nchecksum %x in every store; %.0f s\n" % (dataset.name, expected[0], expected[1], seconds))
            tell_stores(summary, measured)
            tell_columns(summary, columns)
            sys.stdout.flush()
            record(options, summary, measured)
            summaries.append(summary)
        if summaries:
            tell_all(summaries)
        if house:
            house.close()
    finally:
        shutil.rmtree(options.work, ignore_errors=True)


if __name__ == "__main__":
    main()
