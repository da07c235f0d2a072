#!/usr/bin/env python3
"""Does `wend export` give PyArrow and DuckDB the rows that `wend sql` shows, in no more bytes than DuckDB needs?

Real streams ($WEND_TEST_SHARED/data; left out, saying so, where they are not) and a generated clickstream of
EXPORT_EVENTS (200,000; the acceptance run takes 1,000,000) events with a generated column. `select *` as CSV is
read back with the types that the DDL promises, by a parser that is not ours, and compared with what both
readers find in the Parquet: every column, null for null, row for row in the same order. Then --where, --sql,
--partition-by and the codecs, and the size beside DuckDB's own zstd Parquet of the same rows in the same order.
"""

import datetime
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
import peers  # noqa: E402

peers.ensure(["duckdb", "pyarrow", "pytz"])
import duckdb  # noqa: E402
import pyarrow as pa  # noqa: E402
import pyarrow.compute as pc  # noqa: E402
import pyarrow.csv as pa_csv  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402

ROOT = os.environ.get("WEND_TEST_SOURCE", os.path.join(HERE, "..", ".."))
DATA = os.path.join(os.environ.get("WEND_TEST_SHARED", os.path.join(ROOT, "..", "shared")), "data")
PROGRAM = os.environ.get("WEND_TEST_PROGRAM", os.path.join(ROOT, "build", "dev", "wend"))
EVENTS = int(os.environ.get("EXPORT_EVENTS", "200000"))
STREAMS = ["github-events", "mobile-app", "nginx-plus", "usagov-clicks", "wikipedia-edits"]

MOMENT = pa.timestamp("us", "UTC")
# What a column of each type of the DDL must be in Parquet, as PyArrow reads it, and the type it is compared as.
TYPES = {
    "text": (pa.string(), pa.string()), "inet": (pa.string(), pa.string()), "jsonb": (None, pa.string()),
    "uuid": (None, pa.string()), "boolean": (pa.bool_(), pa.bool_()), "smallint": (pa.int16(), pa.int16()),
    "integer": (pa.int32(), pa.int32()), "bigint": (pa.int64(), pa.int64()), "real": (pa.float32(), pa.float32()),
    "double precision": (pa.float64(), pa.float64()), "date": (pa.date32(), pa.date32()), "timestamptz": (MOMENT, MOMENT),
}
COLUMN = re.compile(r'^    (?:"((?:[^"]|"")+)"|([a-z_][a-z_0-9]*)) ([a-z]+(?: precision)?(?:\(\d+,\s*\d+\))?)', re.M)


def wend(store, *words, text=True):
    done = subprocess.run([PROGRAM, "-d", store, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        sys.exit("wend %s: exit %d: %s" % (" ".join(words)[:300], done.returncode, done.stderr.decode()))
    return done.stdout.decode() if text else done.stdout


def columns_of(store, table):
    """Names and types as the DDL has them: {name: (type in Parquet or None, type to compare as)}."""
    columns = {}
    ddl = wend(store, "describe", table)
    for quoted, plain, kind in COLUMN.findall(ddl):
        found = re.match(r"numeric\((\d+),\s*(\d+)\)", kind)
        decimal = pa.decimal128(int(found.group(1)), int(found.group(2))) if found else None
        columns[quoted.replace('""', '"') or plain] = (decimal, decimal) if found else TYPES[kind]
    if "rest = 'keep'" in ddl: # an export takes it, though * does not
        columns["_rest"] = TYPES["jsonb"]
    return columns


def shown(store, sql, columns):
    """What `wend sql` shows, as an Arrow table. An empty field is null, "" is a text."""
    text = wend(store, "sql", sql, "--format", "csv", text=False)
    kinds = {name: pa.string() if kind == MOMENT else kind for name, (_, kind) in columns.items()}
    table = pa_csv.read_csv(
        pa.py_buffer(text), parse_options=pa_csv.ParseOptions(newlines_in_values=True),
        convert_options=pa_csv.ConvertOptions(column_types=kinds, null_values=[""], strings_can_be_null=True,
                                              quoted_strings_can_be_null=False, true_values=["true"], false_values=["false"]))
    for place, (name, (_, kind)) in enumerate(columns.items()):
        if kind == MOMENT:
            moments = pc.cast(pc.replace_substring_regex(table[name], r"\+00$", "Z"), MOMENT)
            table = table.set_column(place, name, moments)
    assert table.column_names == list(columns), table.column_names
    return table


# Both readers -----------------------------------------------------------------------------------

def plain(column, kind):
    """UUIDs as their usual text, JSON as its text, everything else as it is; one chunk."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if pa.types.is_fixed_size_binary(array.type):
        numbers = ["%s-%s-%s-%s-%s" % (h[:8], h[8:12], h[12:16], h[16:20], h[20:]) if h else None
                   for h in (value.hex() if value is not None else None for value in array.to_pylist())]
        return pa.array(numbers, kind)
    return array if array.type == kind else array.cast(kind)


def compare(what, expected, found, columns):
    assert found.column_names == list(columns), (what, found.column_names)
    assert found.num_rows == expected.num_rows, (what, found.num_rows, expected.num_rows)
    for name, (_, kind) in columns.items():
        ours, theirs = expected[name].combine_chunks(), plain(found[name], kind)
        if not ours.equals(theirs):
            for row, (a, b) in enumerate(zip(ours.to_pylist(), theirs.to_pylist())):
                if a != b:
                    sys.exit("%s: column %s, row %d: sql shows %r, the file holds %r" % (what, name, row, a, b))
            sys.exit("%s: column %s differs" % (what, name))


def check_readers(what, path, expected, columns):
    found = pq.read_table(path, page_checksum_verification=True)
    for name, (kind, _) in columns.items():
        assert kind is None or found.schema.field(name).type == kind, (what, name, found.schema.field(name).type, kind)
    compare(what + " by PyArrow", expected, found, columns)
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    kinds = dict(connection.sql("select column_name, column_type from (describe select * from read_parquet('%s'))" % path).fetchall())
    columns_text = ", ".join(('"%s"::varchar as "%s"' if kinds[name] in ("UUID", "JSON") else '"%s" as "%s"')
                             % (name.replace('"', '""'), name.replace('"', '""')) for name in columns)
    compare(what + " by DuckDB", expected,
            connection.sql("select %s from read_parquet('%s')" % (columns_text, path)).to_arrow_table(), columns)
    connection.close()


def check_size(what, path, folder):
    theirs = os.path.join(folder, "theirs.parquet")
    duckdb.sql("copy (select * from read_parquet('%s')) to '%s' (format parquet, compression zstd)" % (path, theirs))
    ours_bytes, their_bytes = os.path.getsize(path), os.path.getsize(theirs)
    os.remove(theirs)
    print("%s: %d bytes, DuckDB %d (%+.1f %%)" % (what, ours_bytes, their_bytes, 100.0 * ours_bytes / their_bytes - 100))
    assert ours_bytes <= their_bytes, what


def check_table(store, table, folder):
    """The whole table, and the file's size. Returns the rows and the columns."""
    path = os.path.join(folder, table + ".parquet")
    said = wend(store, "export", table, "-o", path)
    columns = columns_of(store, table)
    rows = shown(store, "select *%s from %s" % (", _rest" if "_rest" in columns else "", table), columns)
    assert said.startswith("%d rows, 1 file, %d bytes" % (rows.num_rows, os.path.getsize(path))), said
    check_readers(table, path, rows, columns)
    check_size("%s, %d rows" % (table, rows.num_rows), path, folder)
    return rows, columns


# The generated stream ---------------------------------------------------------------------------

def make_events(store, folder):
    ddl = wend(store, "produce", "--ddl").replace(
        "    language text\n", "    language text,\n    event_date date GENERATED ALWAYS AS (ts::date) STORED\n")
    assert "event_date" in ddl
    wend(store, "create", ddl)
    lines = os.path.join(folder, "events.ndjson")
    with open(lines, "wb") as file:
        subprocess.run([PROGRAM, "produce", "--events", str(EVENTS), "--seed", "7"], stdout=file, check=True)
    # Several commits, so that several segments are exported into one file.
    wend(store, "ingest", "events", "--file", lines, "--commit-rows", str(EVENTS * 2 // 5))
    os.remove(lines)


def check_where(store, rows, columns, folder):
    path = os.path.join(folder, "where.parquet")
    wend(store, "export", "events", "-o", path, "--where", "country = 'DE' and (price > 20 or price is null)")
    price = pc.or_kleene(pc.greater(rows["price"], pa.scalar(20)), pc.is_null(rows["price"]))
    chosen = rows.filter(pc.and_kleene(pc.equal(rows["country"], "DE"), price))
    assert 0 < chosen.num_rows < rows.num_rows
    check_readers("--where", path, chosen, columns)
    for codec in ("snappy", "none"):
        other = os.path.join(folder, codec + ".parquet")
        wend(store, "export", "events", "-o", other, "--where", "country = 'DE' and (price > 20 or price is null)",
             "--compression", codec)
        used = {pq.ParquetFile(other).metadata.row_group(0).column(i).compression for i in range(len(columns))}
        assert used <= {"SNAPPY", "UNCOMPRESSED"} and ("SNAPPY" in used) == (codec == "snappy"), used
        check_readers(codec, other, chosen, columns)
    wend(store, "export", "events", "-o", path, "--where", "false")
    check_readers("no rows", path, rows.slice(0, 0), columns)


def check_sql(store, folder):
    """Results of queries, with types that no table has: sums, averages, durations."""
    path = os.path.join(folder, "sql.parquet")
    sql = ("select event_type, country, count(*) as n, sum(price) as revenue, min(ts) as first_ts, count(distinct user_id) as users, "
           "max(event_date) as last_day, avg(quantity::double precision) as mean from events group by 1, 2")
    sums = pa.decimal128(38, 2)
    columns = {"event_type": TYPES["text"], "country": TYPES["text"], "n": TYPES["bigint"], "revenue": (sums, sums),
               "first_ts": TYPES["timestamptz"], "users": TYPES["bigint"], "last_day": TYPES["date"], "mean": TYPES["double precision"]}
    wend(store, "export", "--sql", sql, "-o", path)
    check_readers("--sql", path, shown(store, sql, columns), columns)
    sql = "select * from sessions(events, revenue => sum(price))"
    columns = {"user_id": TYPES["text"], "start_time": TYPES["timestamptz"], "end_time": TYPES["timestamptz"],
               "duration_s": TYPES["double precision"], "events": TYPES["bigint"], "entry_node": TYPES["text"],
               "exit_node": TYPES["text"], "bounce": TYPES["boolean"], "revenue": (sums, sums)}
    wend(store, "export", "--sql", sql, "-o", path)
    check_readers("sessions", path, shown(store, sql, columns), columns)


def check_partitions(store, rows, columns, folder):
    """Each row in the folder of its day and kind, in its order; the readers put the two columns back."""
    out = os.path.join(folder, "hive")
    wend(store, "export", "events", "-o", out, "--partition-by", "event_date,event_type")
    rest = {name: kind for name, kind in columns.items() if name not in ("event_date", "event_type")}
    seen = 0
    for path in sorted(glob.glob(os.path.join(out, "*", "*", "*.parquet"))):
        day, kind = re.search(r"event_date=([^/]+)/event_type=([^/]+)/", path).groups()
        chosen = rows.filter(pc.and_(pc.equal(rows["event_date"], pa.scalar(datetime.date.fromisoformat(day))),
                                     pc.equal(rows["event_type"], kind))).select(list(rest))
        file = pq.ParquetFile(path).read()
        compare("event_date=%s/event_type=%s" % (day, kind), chosen, file, rest)
        seen += file.num_rows
    assert seen == rows.num_rows, (seen, rows.num_rows)
    counted = duckdb.sql("select event_date::date, event_type, count(*), sum(price) from read_parquet('%s/*/*/*.parquet', "
                         "hive_partitioning = true) group by all order by all" % out).fetchall()
    expected = rows.group_by(["event_date", "event_type"]).aggregate([([], "count_all"), ("price", "sum")]).sort_by(
        [("event_date", "ascending"), ("event_type", "ascending")])
    assert counted == [tuple(row.values()) for row in expected.select(
        ["event_date", "event_type", "count_all", "price_sum"]).to_pylist()], "DuckDB over the folders"
    print("--partition-by: %d rows in %d folders" % (seen, len(counted)))


def main():
    folder = tempfile.mkdtemp(prefix="wend-export-")
    try:
        store = os.path.join(folder, "store")
        for stream in STREAMS:
            path = os.path.join(DATA, stream + ".ndjson.zst")
            if not os.path.exists(path):
                print("left out: %s is not there" % path)
                continue
            table = stream.replace("-", "_")
            wend(store, "create", wend(store, "infer", path, "--table", table))
            wend(store, "ingest", table, "--file", path)
            check_table(store, table, folder)
        make_events(store, folder)
        rows, columns = check_table(store, "events", folder)
        check_where(store, rows, columns, folder)
        check_sql(store, folder)
        check_partitions(store, rows, columns, folder)
        return 0
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
