#!/usr/bin/env python3
"""Is everything there that no column takes? Real streams are loaded into tables that declare only some of
their columns; what must be in `_rest`, row by row, is worked out here by Python's JSON parser.

Columns are a part of those that `wend infer` finds, another part for each seed. Rows are told by the byte at which
their line begins ($offset). Numbers are compared as they are written, jsonb as values, and of objects that
columns lie in the order of the keys too. The streams lie in $WEND_TEST_SHARED/data; without
them, or without zstd to read them, the test skips.
"""

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

import shared_streams_test as streams

SEED = int(os.environ.get("REST_SEED", "7"))
ROUNDS = int(os.environ.get("REST_ROUNDS", "2"))
LEAF = None


def quoted(name):
    return '"%s"' % name.replace('"', '""')


def narrow_statement(store, path, name, generator):
    """Some of the columns that infer names, and the tree of their paths."""
    statement = streams.wend(store, "infer", path, "--table", name).decode()
    tree, lines = {}, ["    line bigint OPTIONS (path '$offset')"]
    for line in statement.split("(\n", 1)[1].split("\n) WITH (")[0].splitlines():
        line = line.split(" -- ")[0].rstrip().rstrip(",")
        column = streams.columns_of("(\n%s\n) WITH (" % line)[0]
        if generator.random() < 0.4:
            lines.append(line.replace(" UNIQUE", ""))
            node = tree
            for key in column.path[:-1]:
                node = node.setdefault(key, {})
            node[column.path[-1]] = LEAF
    return "CREATE TABLE %s (\n%s\n)" % (name, ",\n".join(lines)), tree


def left_over(event, tree):
    """What of an object no path of the tree takes."""
    rest = {}
    for key, value in event.items():
        if key not in tree:
            rest[key] = value
        elif tree[key] is not LEAF and isinstance(value, dict):
            below = left_over(value, tree[key])
            if below:
                rest[key] = below
        elif tree[key] is not LEAF:
            rest[key] = value
    return rest


def check_order(rest, tree, line):
    keys = [key.encode() for key in rest]
    assert keys == sorted(keys), (line, keys)
    for key, value in rest.items():
        if tree.get(key) is not LEAF and isinstance(value, dict) and key in tree:
            check_order(value, tree[key], line)


def lines_by_offset(path):
    at = 0
    with open(path, "rb") as lines:
        for line in lines:
            yield at, line
            at += len(line)


def check_stream(folder, name, path, seed):
    generator = random.Random(seed)
    store = os.path.join(folder, "%s-%d" % (name, seed))
    table = name.replace("-", "_")
    statement, tree = narrow_statement(store, path, table, generator)
    streams.wend(store, "create", statement)
    streams.wend(store, "ingest", table, "--file", path, "-q")
    streams.wend(store, "verify", table)
    stored = {}
    answer = streams.wend(store, "sql", "--format", "ndjson", "select line, _rest from %s" % table)
    for row in answer.decode().split("\n")[:-1]:
        row = streams.parse(row)
        stored[int(row["line"])] = row["_rest"]
    counts = {}
    for at, line in lines_by_offset(path):
        if at not in stored:
            continue
        expected = left_over(streams.parse(line), tree)
        found = stored.pop(at)
        if found is None:
            found = {}
        else:
            check_order(found, tree, line)
        if found != expected:
            sys.exit("%s at byte %d: _rest is\n%s\nand must be\n%s" % (name, at, json.dumps(found), json.dumps(expected)))
        for key, value in expected.items():
            counts[key] = counts.get(key, 0) + (value is not None)
    assert not stored, "%d rows are of no line" % len(stored)
    assert counts, "%s: nothing was left over" % name
    for key in sorted(counts)[:5]:
        sql = "select count(*) from %s where _rest->>'%s' is not null" % (table, key.replace("'", "''"))
        found = int(streams.wend(store, "sql", "--format", "csv", sql).split()[-1])
        assert found == counts[key], (name, key, found, counts[key])
    shutil.rmtree(store)
    return len(counts)


def main():
    if shutil.which("zstd") is None or not os.path.isdir(streams.DATA):
        print("skipped: needs zstd and the streams in %s" % streams.DATA)
        return 77
    folder = tempfile.mkdtemp(prefix="wend-rest-")
    try:
        for name in streams.STREAMS:
            path = os.path.join(folder, name + ".ndjson")
            with open(path, "wb") as out:
                subprocess.run(["zstd", "-dcq", os.path.join(streams.DATA, name + ".ndjson.zst")], stdout=out, check=True)
            for seed in range(SEED, SEED + ROUNDS):
                print("%s: %d keys left over, every row as it must be" % (name, check_stream(folder, name, path, seed)))
    finally:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
