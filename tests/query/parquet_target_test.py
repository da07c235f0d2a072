#!/usr/bin/env python3
"""What does an export leave on disk: after success, beside other things, and after every failure?

Replacement as a whole, refusal to replace what is not ours, Hive folders as other readers see them,
limits of files and memory, and that a failing write, a cancelled export and a killed one leave the
target as it was.
"""

import errno
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import peers

peers.ensure(["duckdb", "pyarrow"])
import parquet_module

parquet_module.preload_sanitizer()

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from parquet_module import ExportError, export

NULL_FOLDER = "__HIVE_DEFAULT_PARTITION__"


def numbers(count, first=0):
    return pa.table({"n": pa.array(range(first, first + count), pa.int64()),
                     "text": ["row %d" % i for i in range(first, first + count)]})


def tree(folder):
    """Every file below, as relative path -> bytes."""
    found = {}
    for here, _folders, files in os.walk(folder):
        for name in files:
            path = os.path.join(here, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, folder)] = file.read()
    return found


def expect_error(status, words, *arguments, **settings):
    try:
        export(*arguments, **settings)
    except ExportError as error:
        assert error.status == status, error
        assert words in error.message, error
        return error
    raise AssertionError("no error where %s was due" % status)


def test_file_is_replaced(folder):
    path = os.path.join(folder, "out.parquet")
    export(numbers(10), path)
    os.chmod(path, 0o640)
    export(numbers(20, 5), path)
    assert pq.read_table(path).equals(numbers(20, 5))
    assert os.stat(path).st_mode & 0o777 == 0o640, "the mode of what was replaced is kept"
    assert os.listdir(folder) == ["out.parquet"]
    link = os.path.join(folder, "link.parquet")
    os.symlink("out.parquet", link)
    export(numbers(3), link)
    assert os.path.islink(link) and pq.read_table(path).num_rows == 3, "a link is followed, not replaced"


def test_directory_of_parts(folder):
    out = os.path.join(folder, "events")
    stats = export(numbers(100000), out + "/", file_bytes=1, row_group_rows=30000)
    assert sorted(os.listdir(out)) == ["_wend_export"] + ["part-%05d.parquet" % i for i in range(4)]
    assert stats.file_count == 4 and stats.row_group_count == 4 and stats.row_count == 100000
    assert stats.byte_count == sum(len(data) for name, data in tree(out).items() if name != "_wend_export")
    assert ds.dataset(out).to_table().sort_by("n").equals(numbers(100000))
    # A new export replaces all of it; nothing of the old one stays.
    export(numbers(7), out)
    assert sorted(os.listdir(out)) == ["_wend_export", "part-00000.parquet"]
    assert ds.dataset(out).to_table().equals(numbers(7))
    assert os.listdir(folder) == ["events"], "no temporary is left"
    os.makedirs(os.path.join(folder, "empty"))
    export(numbers(7), os.path.join(folder, "empty"))
    assert ds.dataset(os.path.join(folder, "empty")).to_table().num_rows == 7


def test_foreign_directory_is_refused(folder):
    out = os.path.join(folder, "events")
    export(numbers(5), out + "/")
    before = tree(out)
    for name in ("notes.txt", "part-00007.parquet", "a=1/part-00000.parquet", "sub/part-00000.parquet", ".hidden"):
        path = os.path.join(out, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write("mine")
        error = expect_error("invalid", "which no export wrote", numbers(9), out)
        assert name.split("/")[0] in error.message and error.hint
        assert tree(out) == {**before, name: b"mine"}
        os.remove(path)
        if "/" in name:
            os.rmdir(os.path.dirname(path))
    os.remove(os.path.join(out, "_wend_export"))
    expect_error("invalid", "part-00000.parquet", numbers(9), out)
    assert os.listdir(folder) == ["events"]


def test_wrong_targets(folder):
    expect_error("not_found", "cannot write into", numbers(1), os.path.join(folder, "no", "such", "x.parquet"))
    expect_error("invalid", "no file or directory", numbers(1), "")
    expect_error("invalid", "cannot be replaced", numbers(1), "/")
    expect_error("invalid", "not a regular file", numbers(1), "/dev/null")
    path = os.path.join(folder, "plain.parquet")
    export(numbers(1), path)
    expect_error("invalid", "is a file", numbers(1), path, target="directory")
    expect_error("invalid", "is a file", numbers(1), path, partition_by=["text"])
    expect_error("invalid", "cannot be partitioned", numbers(1), path, partition_by=["text"], target="file")
    expect_error("invalid", "makes several files", numbers(1), path, file_bytes=1000)
    expect_error("invalid", "zstd level", numbers(1), path, zstd_level=99)
    expect_error("invalid", "rows of a row group", numbers(1), path, row_group_rows=0)
    os.symlink("nowhere", os.path.join(folder, "dangling"))
    expect_error("invalid", "link to nothing", numbers(1), os.path.join(folder, "dangling"))
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    expect_error("invalid", 'two columns are named "a"', twice, path)
    nested = pa.table({"list": [[1, 2]]})
    expect_error("unsupported", '"list"', nested, path)
    holes = pa.record_batch([pa.array([1, None, 3])], schema=pa.schema([pa.field("x", pa.int64(), nullable=False)]))
    expect_error("invalid", 'column "x" is declared without nulls and has one in row 1',
                 pa.RecordBatchReader.from_batches(holes.schema, [holes]), path)
    assert pq.read_table(path).equals(numbers(1)), "after all that, the file is what it was"
    assert sorted(os.listdir(folder)) == ["dangling", "plain.parquet"]


def partitioned_rows(count):
    rng = random.Random(7)
    kinds = ["page_view", "click", "", None, "a/b", "x=y", "50%", "tab\there", "ünïcode", "sp ace", 'q"uote']
    return pa.table({
        "event_date": pa.array([rng.choice([0, 19000, 20000, None]) for _ in range(count)], pa.int32()).cast(pa.date32()),
        "event_type": pa.array([rng.choice(kinds) for _ in range(count)]).dictionary_encode(),
        "n": pa.array(range(count), pa.int64()),
        "user_id": ["user %d" % (i % 97) for i in range(count)],
    })


def test_partitions(folder):
    out = os.path.join(folder, "hive")
    table = partitioned_rows(20000)
    stats = export(table, out, partition_by=["event_date", "event_type"], row_group_rows=300)
    rows = table.to_pylist()
    wanted = {}
    for row in rows:
        kind = row["event_type"] or None  # Hive cannot tell an empty text from null
        wanted.setdefault((row["event_date"], kind), []).append((row["n"], row["user_id"]))
    assert stats.partition_count == len(wanted) and stats.row_count == 20000
    assert stats.empty_as_null_row_count == sum(row["event_type"] == "" for row in rows)
    found = {}
    for name in tree(out):
        if name == "_wend_export":
            continue
        levels = [part.split("=", 1) for part in os.path.dirname(name).split("/")]
        assert [level[0] for level in levels] == ["event_date", "event_type"]
        key = tuple(None if level[1] == NULL_FOLDER else urllib.parse.unquote(level[1]) for level in levels)
        read = pq.ParquetFile(os.path.join(out, name)).read()
        assert read.column_names == ["n", "user_id"], "partition columns are left out of the files"
        found[key] = list(zip(read["n"].to_pylist(), read["user_id"].to_pylist()))
    assert found == {(str(day) if day else None, kind): values for (day, kind), values in wanted.items()}, \
        "every row in its folder, in its order"
    # As DuckDB and PyArrow see it.
    counted = duckdb.sql("select event_date::varchar, event_type, count(*), sum(n) from read_parquet('%s/**/*.parquet', "
                         "hive_partitioning = true) group by all" % out).fetchall()
    assert sorted(map(repr, counted)) == sorted(
        repr((str(day) if day else None, kind, len(values), sum(v[0] for v in values)))
        for (day, kind), values in wanted.items())
    assert ds.dataset(out, partitioning="hive").count_rows() == 20000
    # Replaced as a whole by a differently partitioned export.
    export(table.slice(0, 100), out, partition_by=["event_type"])
    assert ds.dataset(out, partitioning="hive").count_rows() == 100
    assert os.listdir(folder) == ["hive"]


def test_partition_errors(folder):
    out = os.path.join(folder, "hive")
    error = expect_error("not_found", '"no_such", "nor this"; the columns are n, text', numbers(1), out,
                         partition_by=["no_such", "n", "nor this"])
    assert error.status == "not_found"
    expect_error("invalid", "named twice", numbers(1), out, partition_by=["n", "n"])
    expect_error("invalid", "nothing is left", numbers(1), out, partition_by=["n", "text"])
    expect_error("unsupported", "more than 10 folders", numbers(1000), out, partition_by=["n"], partition_count_max=10)
    expect_error("unsupported", "a folder name of", pa.table({"a": ["x" * 300], "b": [1]}), out, partition_by=["a"])
    expect_error("unsupported", "holds bytes", pa.table({"a": [b"x"], "b": [1]}), out, partition_by=["a"])
    assert os.listdir(folder) == []


def test_partition_values_of_every_type(folder):
    import datetime
    import decimal
    import uuid
    moment = datetime.datetime(1969, 12, 31, 23, 59, 58, 250000, tzinfo=datetime.timezone.utc)
    columns = {
        "b=true": pa.array([True]), "i=-5": pa.array([-5], pa.int16()), "u=4294967295": pa.array([2**32 - 1], pa.uint32()),
        "L=18446744073709551615": pa.array([2**64 - 1], pa.uint64()), "f=0.1": pa.array([0.1], pa.float32()),
        "g=1e+300": pa.array([1e300]), "d=-0.05": pa.array([decimal.Decimal("-0.05")], pa.decimal128(12, 2)),
        "D=-12345678901234567890.5": pa.array([decimal.Decimal("-12345678901234567890.5")], pa.decimal128(21, 1)),
        "t=1969-12-31 23%3A59%3A58.25": pa.array([moment], pa.timestamp("us", "UTC")),
        "y=0001-01-01": pa.array([datetime.date(1, 1, 1)]), "z=2024-02-29": pa.array([datetime.date(2024, 2, 29)]),
        "h=01%3A02%3A03": pa.array([datetime.time(1, 2, 3)], pa.time64("us")),
        "id=00112233-4455-6677-8899-aabbccddeeff": pa.ExtensionArray.from_storage(
            pa.uuid(), pa.array([uuid.UUID("00112233-4455-6677-8899-aabbccddeeff").bytes], pa.binary(16))),
    }
    table = pa.table({**{name.split("=")[0]: column for name, column in columns.items()}, "rest": [1]})
    out = os.path.join(folder, "typed")
    export(table, out, partition_by=[name.split("=")[0] for name in columns])
    assert [name for name in tree(out) if name != "_wend_export"] == ["/".join(columns) + "/part-00000.parquet"]


def test_many_partitions_within_memory(folder):
    """Thousands of folders through one descriptor and a small buffer."""
    count = 60000
    table = pa.table({"p": pa.array([i % 3000 for i in range(count)], pa.int32()),
                      "text": ["%032d" % i for i in range(count)]})
    out = os.path.join(folder, "many")
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, limits[1]))
    try:
        stats = export(table, out, partition_by=["p"], row_group_bytes=1 << 16, buffer_bytes=1 << 21)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert stats.partition_count == 3000 and stats.row_group_count > 3000, "the buffer made it flush early"
    counted = duckdb.sql("select count(*), count(distinct p), sum(case when text::bigint %% 3000 = p then 1 end) from "
                         "read_parquet('%s/**/*.parquet', hive_partitioning = true)" % out).fetchall()
    assert counted == [(count, 3000, count)], counted


def test_empty(folder):
    for settings, count in (({}, 1), ({"partition_by": ["n"]}, 0)):
        out = os.path.join(folder, "empty-%d" % count)
        stats = export(numbers(0), out + "/", **settings)
        assert stats.file_count == count and stats.row_count == 0
    read = pq.read_table(os.path.join(folder, "empty-1", "part-00000.parquet"))
    assert read.num_rows == 0 and read.schema.equals(numbers(0).schema)


def test_failures_leave_the_target(folder):
    path = os.path.join(folder, "kept.parquet")
    out = os.path.join(folder, "kept")
    export(numbers(10), path)
    export(numbers(10), out + "/")
    before = tree(folder)
    noise = pa.table({"x": [os.urandom(64) for _ in range(50000)], "p": [i % 3 for i in range(50000)]})

    # The disk fills: a limit on file sizes stands in for it, at many places of the file.
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    for limit in (0, 2, 3000, 100000, 1000000):
        for target, settings in ((path, {}), (out, {}), (out, {"partition_by": ["p"]})):
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limits[1]))
            try:
                expect_error("io", os.strerror(errno.EFBIG), noise, target, row_group_rows=4000, **settings)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            assert tree(folder) == before, (limit, target)

    # The stream fails half-way.
    def broken():
        yield noise.slice(0, 20000).combine_chunks().to_batches()[0]
        raise ValueError("the query failed")
    for target in (path, out):
        reader = pa.RecordBatchReader.from_batches(noise.schema, broken())
        expect_error("invalid", "the query failed", reader, target)
        assert tree(folder) == before

    # The caller cancels.
    def slowly():
        for start in range(0, 50000, 1000):
            time.sleep(0.03)
            yield noise.slice(start, 1000).combine_chunks().to_batches()[0]
    seen = []
    for target in (path, out):
        reader = pa.RecordBatchReader.from_batches(noise.schema, slowly())
        expect_error("cancelled", "cancelled", reader, target,
                     on_progress=lambda stats: seen.append(stats.row_count) or int(len(seen) % 3 == 0))
        assert tree(folder) == before
    assert seen[0] < seen[1] < seen[2] < 50000

    # Another export holds the target.
    def nested(target):
        batch = numbers(1).to_batches()[0]
        yield batch
        error = expect_error("busy", "another export is writing", numbers(2), target)
        assert error.hint
        yield batch
    for target in (path, out):
        assert export(pa.RecordBatchReader.from_batches(numbers(0).schema, nested(target)), target).row_count == 2
    assert sorted(os.listdir(folder)) == ["kept", "kept.parquet"]


VICTIM = """
import sys, time
sys.path.insert(0, %r)
import pyarrow as pa, parquet_module
batch = pa.table({"n": list(range(5000)), "p": [i %% 5 for i in range(5000)]}).to_batches()[0]
def rows():
    for i in range(1000):
        yield batch
        if i == 20:
            print("under way", flush=True)
        if i > 20:
            time.sleep(0.05)
parquet_module.export(pa.RecordBatchReader.from_batches(batch.schema, rows()), sys.argv[1], row_group_rows=10000,
                      partition_by=sys.argv[2:])
"""


def test_killed_export(folder):
    """A killed export leaves the target as it was, and the next one clears up after it."""
    support = os.path.join(peers.source_root(), "tests", "support")
    for target, by in (("file.parquet", []), ("plain/", []), ("hive/", ["p"])):
        path = os.path.join(folder, target)
        table = pa.table({"n": [1], "p": [2]})
        export(table, path, partition_by=by)
        before = tree(folder)
        victim = subprocess.Popen([sys.executable, "-c", VICTIM % support, path, *by], stdout=subprocess.PIPE)
        assert victim.stdout.readline() == b"under way\n"
        victim.kill()
        victim.wait()
        after = tree(folder)
        assert {name: data for name, data in after.items() if not name.startswith(".")} == before
        assert any(name.startswith(".") for name in after), "the kill came while it was writing"
        export(table, path, partition_by=by)
        assert set(tree(folder)) == set(before), "the leftover is gone"


def main():
    for name, test in sorted(globals().items()):
        if name.startswith("test_"):
            folder = tempfile.mkdtemp(prefix="wend-target-")
            try:
                test(folder)
                print("ok " + name)
            finally:
                shutil.rmtree(folder)


main()
