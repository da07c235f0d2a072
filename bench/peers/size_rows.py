"""The rows whose size is compared: made or read, stored by wend, given to its peers, and known again by a sum.

wend's rows leave it as Parquet (`wend export`) and are written once more as *plain* rows: columns named
c0, c1, …, text and jsonb and inet and uuid as text, times as microseconds, all else as it is. Peers load
plain rows and give plain rows back, so that one checksum serves all of them: the sum of a hash over each
row, which does not depend on their order. It is DuckDB's hash, whoever stored the rows.
"""

import json
import os
import re
import subprocess

COLUMN = re.compile(r'^    (?:"((?:[^"]|"")+)"|([a-z_][a-z_0-9]*)) ([a-z]+(?: precision)?(?:\(\d+(?:,\s*\d+)?\))?)', re.M)
# Segments of as many rows as ingest takes by itself, however slow the machine is today.
COMMIT_INTERVAL = "10min"


class Dataset:
    """What is measured: its lines, its table, and the orders in which a peer may keep it.

    orders: the first is like wend's own; a column behind "hash:" orders by a hash of its value.
    event_id: the column that identifies an event, without which sizes are told too; None without one.
    """

    def __init__(self, name, lines, orders, event_id=None):
        self.name = name
        self.table = re.sub(r"\W", "_", name)
        self.lines = lines
        self.orders = orders
        self.event_id = event_id


class Column:
    """A column as the DDL has it, and what of its values decides how a peer may store it."""

    def __init__(self, place, name, kind):
        self.place = place
        self.key = "c%d" % place
        self.name = name
        self.kind = kind.split("(")[0]
        self.digits = tuple(int(digits) for digits in re.findall(r"\d+", kind))
        self.nulls = 0
        self.least = None      # of numbers and times, as plain values
        self.has_default = True  # whether 0 or '' occurs, which else could stand for null
        self.tick_us = 1       # times are whole multiples of so many microseconds
        self.is_ipv4 = False

    @property
    def is_text(self):
        return self.kind in ("text", "varchar", "jsonb")

    @property
    def plain_type(self):
        """The type of plain rows, in DuckDB's words."""
        if self.kind == "numeric":
            return "DECIMAL(%d,%d)" % self.digits
        return {"boolean": "BOOLEAN", "smallint": "SMALLINT", "integer": "INTEGER", "bigint": "BIGINT",
                "real": "FLOAT", "double precision": "DOUBLE", "date": "DATE", "timestamptz": "BIGINT"}.get(self.kind, "VARCHAR")

    def study(self, duck, plain):
        """One pass over the column's plain values."""
        default = "''" if self.plain_type == "VARCHAR" else None if self.kind in ("boolean", "date") else "0"
        nulls, least, defaults, milli, second, six = duck.execute(
            "select count(*) - count({c}), min({c}), {d}, {m}, {s}, {v} from read_parquet('{f}')".format(
                c=self.key, f=plain,
                d="count(*) filter ({c} = {d})".format(c=self.key, d=default) if default else "1",
                m="count(*) filter ({c} % 1000 <> 0)".format(c=self.key) if self.kind == "timestamptz" else "1",
                s="count(*) filter ({c} % 1000000 <> 0)".format(c=self.key) if self.kind == "timestamptz" else "1",
                v="count(*) filter (contains({c}, ':'))".format(c=self.key) if self.kind == "inet" else "1")).fetchone()
        self.nulls, self.least, self.has_default = nulls, least, defaults > 0
        self.tick_us = 1000000 if second == 0 else 1000 if milli == 0 else 1
        self.is_ipv4 = self.kind == "inet" and six == 0


def run_wend(options, store, *words):
    done = subprocess.run([options.wend, "-d", store, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        raise RuntimeError("wend %s: exit %d: %s" % (" ".join(words)[:200], done.returncode, done.stderr.decode().strip()))
    return done.stdout.decode()


def can_compact(options):
    return subprocess.run([options.wend, "help", "compact"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          check=False).returncode == 0


def load_wend(options, dataset, store):
    """The table as ingest commits it, by the statement of `wend produce --ddl` or `wend infer`."""
    if dataset.name.startswith("generated"):
        statement = run_wend(options, store, "produce", "--ddl").replace("TABLE events", "TABLE " + dataset.table)
    else:
        statement = run_wend(options, store, "infer", dataset.lines, "--table", dataset.table)
    path = os.path.join(options.work, dataset.table + ".sql")
    with open(path, "w", encoding="utf-8") as file:
        file.write(statement)
    run_wend(options, store, "create", "-f", path)
    said = json.loads(run_wend(options, store, "ingest", dataset.table, "--quiet", "--stats", "json",
                               "--commit-interval", COMMIT_INTERVAL, "--file", dataset.lines))
    if said["unknown_values"] and "rest = 'drop'" not in statement.replace("rest='drop'", "rest = 'drop'"):
        raise RuntimeError("%s: %d values have no column; peers would not hold them" % (dataset.name, said["unknown_values"]))


def sizes_of_wend(options, dataset, store):
    """{"bytes", "rows", "columns": {name: (bytes, what)}} as `wend inspect --json` has them."""
    segments = json.loads(run_wend(options, store, "inspect", dataset.table, "--json"))
    columns, whats = {}, {}
    for group in (group for segment in segments for group in segment["row_groups"]):
        for column in group["columns"]:
            size = sum(column.get(part, 0) for part in ("page_bytes", "dictionary_bytes", "prediction_bytes"))
            columns[column["name"]] = columns.get(column["name"], 0) + size
            counts = whats.setdefault(column["name"], {})
            for page in column["pages"]:
                counts[page["encoding"]] = counts.get(page["encoding"], 0) + 1
    return {"bytes": sum(segment["bytes"] for segment in segments), "rows": sum(segment["rows"] for segment in segments),
            "columns": {name: (size, ", ".join(sorted(whats[name], key=lambda what: -whats[name][what])[:2]))
                        for name, size in columns.items()}}


def columns_of(options, dataset, store):
    found = COLUMN.findall(run_wend(options, store, "describe", dataset.table))
    return [Column(place, quoted.replace('""', '"') or bare, kind) for place, (quoted, bare, kind) in enumerate(found)]


def write_plain(options, duck, dataset, store, columns, plain):
    """Plain rows of what wend stored, in wend's order; the columns are studied on the way."""
    exported = plain + ".export"
    run_wend(options, store, "export", dataset.table, "-o", exported)
    values = ", ".join(
        ('epoch_us("{n}")' if column.kind == "timestamptz" else '"{n}"::{t}').format(
            n=column.name.replace('"', '""'), t=column.plain_type) + " as " + column.key for column in columns)
    duck.execute("copy (select %s from read_parquet('%s')) to '%s' (format parquet, compression zstd, row_group_size 1048576)"
                 % (values, exported, plain))
    os.remove(exported)


def checksum(duck, source, columns):
    """(rows, sum over rows of a hash of the row) of plain rows: a Parquet file or a relation's name."""
    source = "read_parquet('%s')" % source if source.endswith(".parquet") else source
    values = ", ".join("%s::%s" % (column.key, column.plain_type) for column in columns)
    rows, total = duck.execute("select count(*), sum(hash(%s)::hugeint) from %s" % (values, source)).fetchone()
    return rows, int(total or 0)


def order_text(order, columns, hash_text):
    """An ORDER BY list of a dataset's order; hash_text makes the hash of a column."""
    keys = {column.name: column.key for column in columns}
    return ", ".join(hash_text % keys[name[5:]] if name.startswith("hash:") else keys[name] for name in order)


def order_label(order):
    return ", ".join("hash(%s)" % name[5:] if name.startswith("hash:") else name for name in order)
