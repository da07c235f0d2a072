#!/usr/bin/env python3
"""Does what the Parquet exporter writes read back equal, by two readers that are not ours?

Random tables of every Arrow type that is mapped (seeded; WEND_TEST_SEED for others) go through the
exporter with random limits, and come back through PyArrow and DuckDB. Their metadata is decoded by
the specification: page offsets, checksums, and that every statistic bounds the values it speaks of.
"""

import decimal
import math
import os
import random
import shutil
import struct
import sys
import tempfile
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import peers

peers.ensure(["duckdb", "pyarrow"])
import parquet_module

parquet_module.preload_sanitizer()

import duckdb
import parquet_metadata
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

SEED = int(os.environ.get("WEND_TEST_SEED", "20260101"))
TABLES = int(os.environ.get("WEND_TEST_TABLES", "60"))
WORDS = ["", "a", "page_view", "purchase", "é", "日本語", "a\x00b", "x" * 64, "y" * 65, "ü" * 40,
         "\U0010ffff" * 20, "z" * 300, "%/=:", "NULL", "__HIVE_DEFAULT_PARTITION__", "\ud7ff" * 30]


# Values ------------------------------------------------------------------------------------------

def integers(bits, signed):
    low = -(1 << (bits - 1)) if signed else 0
    high = (1 << (bits - 1)) - 1 if signed else (1 << bits) - 1

    def make(rng, count):
        style = rng.randrange(4)
        if style == 0:
            return [rng.choice([low, high, 0, 1, high - 1, low + 1]) for _ in range(count)]
        if style == 1:
            base = rng.randrange(low, high // 2 + 1)
            step = rng.randrange(0, 5)
            return [min(base + i * step, high) for i in range(count)]
        if style == 2:
            few = [rng.randint(low, high) for _ in range(rng.randint(1, 300))]
            return [rng.choice(few) for _ in range(count)]
        return [rng.randint(low, high) for _ in range(count)]
    return make


def floats(single):
    def make(rng, count):
        special = [0.0, -0.0, 1.5, -1.5, math.inf, -math.inf, math.nan, 5e-324 if not single else 1e-45]
        if rng.random() < 0.1:
            return [math.nan] * count
        if rng.random() < 0.5:
            values = [rng.choice(special) for _ in range(count)]
        else:
            values = [rng.gauss(0, 1e6) for _ in range(count)]
        return [struct.unpack("f", struct.pack("f", v))[0] for v in values] if single else values
    return make


def decimals(precision, scale):
    def make(rng, count):
        most = 10 ** precision - 1
        few = [rng.randint(-most, most) for _ in range(5)] + [0, most, -most, 1, -1]
        pick = (lambda: rng.choice(few)) if rng.random() < 0.5 else (lambda: rng.randint(-most, most))
        with decimal.localcontext() as context:
            context.prec = 50
            return [decimal.Decimal(pick()).scaleb(-scale) for _ in range(count)]
    return make


def texts(rng, count):
    style = rng.randrange(4)
    if style == 0:
        return [rng.choice(WORDS) for _ in range(count)]
    if style == 1:
        return ["user_%08d" % rng.randrange(max(count // 3, 1)) for _ in range(count)]
    if style == 2:
        return ["%032x" % rng.getrandbits(128) for _ in range(count)]
    return ["https://example.org/%s?q=%d" % (rng.choice(WORDS[1:5]), i // 3) for i in range(count)]


def binaries(rng, count):
    tails = [b"", b"\xff" * 70, b"\xff" * 63 + b"a" * 9, b"\x00", b"k" * 100]
    return [rng.choice(tails) if rng.random() < 0.5 else rng.randbytes(rng.randrange(90))
            for _ in range(count)]


def fixed(width):
    def make(rng, count):
        few = [rng.randbytes(width) for _ in range(4)]
        return [rng.choice(few) if rng.random() < 0.7 else rng.randbytes(width) for _ in range(count)]
    return make


def intervals(rng, count):
    def one():
        return pa.MonthDayNano([rng.choice([0, 1, -1, 14, 2**31 - 1, -2**31]),
                                rng.choice([0, 3, -40]),
                                rng.choice([0, 1, -1, 3600 * 10**9, -90 * 10**9, 1500000000,
                                            2**63 - 1, -2**63, 61 * 10**9 + 5000])])
    return [one() for _ in range(count)]


def interval_text(value):
    sign, size = (-1 if value.months < 0 else 1), abs(value.months)
    parts = [(sign * (size // 12), "years"), (sign * (size % 12), "months"), (value.days, "days")]
    sign, size = (-1 if value.nanoseconds < 0 else 1), abs(value.nanoseconds)
    minutes, rest = divmod(size, 60 * 10**9)
    parts += [(sign * (minutes // 60), "hours"), (sign * (minutes % 60), "minutes")]
    words = ["%d %s" % part for part in parts if part[0]]
    if rest:
        fraction = ("%09d" % (rest % 10**9)).rstrip("0")
        words.append("%s%d%s%s seconds" % ("-" if sign < 0 else "", rest // 10**9, "." if fraction else "", fraction))
    return " ".join(words) or "0 seconds"


MICROS = 10**6
# Python's datetime, through which DuckDB answers, covers the years 1 to 9999.
FIRST_US, LAST_US = -62135596800 * MICROS, 253402300799 * MICROS


def ticks(low, high):
    def make(rng, count):
        if rng.random() < 0.5:
            base = rng.randint(low, high)
            return [max(low, min(high, base + rng.randint(0, 10**4) * i)) for i in range(count)]
        return [rng.choice([low, high, (low + high) // 2, (low + high) // 2 + 1]) if rng.random() < 0.3 else rng.randint(low, high)
                for _ in range(count)]
    return make


class Kind:
    """A type: how to make values, and what is expected to come back (as which Arrow type)."""

    def __init__(self, name, arrow, make, back=None, convert=None):
        self.name = name
        self.arrow = arrow
        self.make = make
        self.back = back or arrow
        self.convert = convert or (lambda value: value)


def kinds():
    found = [
        Kind("bool", pa.bool_(), lambda rng, n: [rng.random() < 0.5 for _ in range(n)]),
        Kind("float", pa.float32(), floats(True)),
        Kind("double", pa.float64(), floats(False)),
        Kind("text", pa.utf8(), texts),
        Kind("large_text", pa.large_utf8(), texts, pa.utf8()),
        Kind("binary", pa.binary(), binaries),
        Kind("large_binary", pa.large_binary(), binaries, pa.binary()),
        Kind("fixed5", pa.binary(5), fixed(5)),
        Kind("fixed16", pa.binary(16), fixed(16)),
        Kind("fixed100", pa.binary(100), fixed(100)),
        Kind("interval", pa.month_day_nano_interval(), intervals, pa.utf8(), interval_text),
        Kind("date32", pa.date32(), ticks(-719162, 2932896)),
        Kind("time_s", pa.time32("s"), ticks(0, 86399), pa.time32("ms"), lambda v: v * 1000),
        Kind("time_ms", pa.time32("ms"), ticks(0, 86399999)),
        Kind("time_us", pa.time64("us"), ticks(0, 86399999999)),
        Kind("ts_us_utc", pa.timestamp("us", "UTC"), ticks(FIRST_US, LAST_US)),
        Kind("ts_us", pa.timestamp("us"), ticks(FIRST_US, LAST_US)),
        Kind("ts_zone", pa.timestamp("us", "Asia/Kolkata"), ticks(0, LAST_US // 2), pa.timestamp("us", "UTC")),
        Kind("ts_ms", pa.timestamp("ms"), ticks(FIRST_US // 1000, LAST_US // 1000)),
        Kind("ts_ms_utc", pa.timestamp("ms", "UTC"), ticks(FIRST_US // 1000, LAST_US // 1000)),
        Kind("ts_s", pa.timestamp("s"), ticks(FIRST_US // MICROS, LAST_US // MICROS), pa.timestamp("ms"),
             lambda v: v * 1000),
        Kind("ts_ns", pa.timestamp("ns"), ticks(-2**62, 2**62)),
        Kind("duration", pa.duration("us"), integers(64, True), pa.int64()),
    ]
    for bits in (8, 16, 32, 64):
        found.append(Kind("int%d" % bits, getattr(pa, "int%d" % bits)(), integers(bits, True)))
        found.append(Kind("uint%d" % bits, getattr(pa, "uint%d" % bits)(), integers(bits, False)))
    for precision, scale in ((1, 0), (9, 2), (10, 0), (18, 18), (19, 4), (38, 10), (38, 38)):
        found.append(Kind("decimal%d_%d" % (precision, scale), pa.decimal128(precision, scale),
                          decimals(precision, scale)))
    return found


class Column:
    """One random column: its Arrow chunks as exported, and the rows expected back."""

    def __init__(self, rng, kind, row_count, cuts, is_nullable, style):
        null_rate = rng.choice([0.05, 0.5, 0.95, 1.0]) if is_nullable and rng.random() < 0.8 else 0
        values = kind.make(rng, row_count)
        values = [None if rng.random() < null_rate else value for value in values]
        back = [None if value is None else kind.convert(value) for value in values]
        self.kind = kind
        self.expected = pa.array(back, type=kind.back)
        self.is_nullable = is_nullable
        array = pa.array(values, type=kind.arrow)
        pieces = [array.slice(start, end - start) for start, end in zip(cuts, cuts[1:])]
        if style == "shared":        # one dictionary object under all batches
            pieces = self.share(rng, array, cuts)
        elif style == "each":        # another dictionary in every batch
            pieces = [piece.dictionary_encode() for piece in pieces]
        elif style == "offset":      # arrays that begin in the middle of their buffers
            pad = pa.array([None, None, None], type=kind.arrow)
            pieces = [pa.concat_arrays([pad, piece]).slice(3) for piece in pieces]
        self.pieces = pieces

    @staticmethod
    def share(rng, array, cuts):
        encoded = array.dictionary_encode()
        index = rng.choice([pa.int32(), pa.uint32(), pa.int64()])
        if len(encoded.dictionary) < 100:
            index = rng.choice([index, pa.int8(), pa.uint8(), pa.int16(), pa.uint16()])
        # Unused entries around the used ones, and a null entry.
        padding = pa.array([None], type=array.type)
        dictionary = pa.concat_arrays([padding, encoded.dictionary, encoded.dictionary.slice(0, 1)])
        codes = pc.add(encoded.indices, 1).cast(index)
        if rng.random() < 0.5:
            codes = codes.fill_null(0)  # a null by way of the dictionary's null entry
        return [pa.DictionaryArray.from_arrays(codes.slice(start, end - start), dictionary)
                for start, end in zip(cuts, cuts[1:])]


DICTIONARY_KINDS = {"text", "large_text", "binary", "int32", "int64", "double", "date32", "fixed16", "bool",
                    "decimal19_4", "ts_us_utc"}


def random_table(rng, row_count):
    cuts = sorted({0, row_count} | {rng.randint(0, row_count) for _ in range(rng.randrange(6))})
    if len(cuts) == 1:
        cuts = [0, 0]
    columns = {}
    for kind in rng.sample(kinds(), rng.randint(1, 12)):
        style = rng.choice(["plain", "offset", "shared", "each"])
        if style in ("shared", "each") and kind.name not in DICTIONARY_KINDS:
            style = "plain"
        columns["%s %s" % (kind.name, style)] = Column(rng, kind, row_count, cuts, rng.random() < 0.8, style)
    fields, batches = [], []
    for i in range(len(cuts) - 1):
        arrays = [column.pieces[i] for column in columns.values()]
        fields = [pa.field(name, array.type, nullable=column.is_nullable)
                  for (name, column), array in zip(columns.items(), arrays)]
        batches.append(pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields)))
    return columns, pa.RecordBatchReader.from_batches(pa.schema(fields), batches)


# Comparisons -------------------------------------------------------------------------------------

def bits_of(value):
    """Floats by their bits, so that NaN equals NaN and -0 is not +0."""
    return struct.pack("<d", value) if isinstance(value, float) and not math.isnan(value) else repr(value)


def same(found, expected):
    return len(found) == len(expected) and all(map(lambda a, b: bits_of(a) == bits_of(b), found, expected))


def check_pyarrow(path, columns):
    table = pq.read_table(path, page_checksum_verification=True)
    assert table.column_names == list(columns)
    for name, column in columns.items():
        field = table.schema.field(name)
        assert field.type == column.kind.back, (name, field.type, column.kind.back)
        assert field.nullable == column.is_nullable, name
        found = table[name].combine_chunks()
        if pa.types.is_floating(found.type):
            assert same(found.to_pylist(), column.expected.to_pylist()), name
        else:
            assert found.equals(column.expected), name


def check_duckdb(path, columns):
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'").fetchall()
    for name, column in columns.items():
        source = "read_parquet('%s')" % path
        found = connection.sql('select "%s" as c from %s' % (name, source)).to_arrow_table()["c"].combine_chunks()
        expected = column.expected if found.type == column.expected.type else column.expected.cast(found.type)
        if pa.types.is_floating(found.type):
            assert same(found.to_pylist(), expected.to_pylist()), name
        else:
            assert found.equals(expected), (name, found.type, found.diff(expected))
        # A predicate that statistics may answer must agree with the values.
        present = [v for v in expected.to_pylist() if v is not None] if column.kind.name in PROBED else []
        if present:
            probe = sorted(present)[len(present) // 2]
            counted = connection.execute('select count(*) from %s where "%s" >= ?' % (source, name),
                                         [probe]).fetchall()[0][0]
            assert counted == sum(v >= probe for v in present), name
    connection.close()


PROBED = {"text", "int64", "date32", "decimal19_4", "uint64"}

ORDERED = {  # how a statistic's bytes are read, by physical type and logical type
    "int8": "<i", "int16": "<i", "int32": "<i", "int64": "<q", "uint8": "<I", "uint16": "<I",
    "uint32": "<I", "uint64": "<Q", "float": "<f", "double": "<d", "date32": "<i", "ts_us": "<q",
    "ts_us_utc": "<q", "ts_ms": "<q", "ts_ns": "<q", "ts_s": "<q", "duration": "<q", "bool": "<?",
    "time_ms": "<i", "time_s": "<i", "time_us": "<q",
}


def keys_of(column):
    """Values as statistics order them, None for null, and how to read a statistic; or None."""
    name = column.kind.name
    if name in ORDERED:
        array = column.expected
        if not pa.types.is_floating(array.type) and not pa.types.is_integer(array.type) and name != "bool":
            array = array.cast(pa.int32() if array.type.bit_width == 32 else pa.int64())
        return array.to_pylist(), lambda data: struct.unpack(ORDERED[name], data)[0]
    if name.startswith("decimal"):
        scale = column.kind.arrow.scale
        with decimal.localcontext() as context:
            context.prec = 50
            values = [None if v is None else int(v.scaleb(scale)) for v in column.expected.to_pylist()]
        order = "big" if column.kind.arrow.precision > 18 else "little"
        return values, lambda data: int.from_bytes(data, order, signed=True)
    if name in ("text", "large_text", "interval"):
        return [None if v is None else v.encode() for v in column.expected.to_pylist()], bytes
    if name in ("binary", "large_binary", "fixed5", "fixed16"):
        return column.expected.to_pylist(), bytes
    return None


def check_bounds(values, low, high, what):
    present = [v for v in values if v is not None and v == v]
    assert present, what
    assert low <= min(present) and high >= max(present), (what, low, min(present), high, max(present))
    if isinstance(low, float) and low == 0:
        assert math.copysign(1, low) < 0 and (high != 0 or math.copysign(1, high) > 0), what


def check_statistics(chunk, column, values, read, what):
    statistics = chunk.meta[12]
    assert statistics[3] == sum(v is None for v in values), what
    present = [v for v in values if v is not None and v == v]
    if column.kind.name in ("float", "double"):
        assert statistics[9] == sum(v is not None and v != v for v in values), what
    if not present:
        assert 5 not in statistics and 6 not in statistics, what
        return
    check_bounds(values, read(statistics[6]), read(statistics[5]), what)
    if isinstance(present[0], bytes):
        assert statistics[8] == (statistics[6] == min(present)), what
        assert statistics[7] == (statistics[5] == max(present)), what
        if column.kind.name in ("text", "large_text"):
            statistics[5].decode(), statistics[6].decode()
            assert len(statistics[5]) <= 68 or max(present).startswith("\U0010ffff".encode() * 15), what
    elif present[0] != 0:
        assert statistics[7] is True and statistics[8] is True, what
        assert read(statistics[6]) == min(present) and read(statistics[5]) == max(present), what


def check_page_index(chunk, column, values, read, what):
    pages = [page for page in chunk.pages if not page.is_dictionary]
    locations = chunk.offset_index[1]
    assert [(l[1], l[2]) for l in locations] == [(p.offset, p.size) for p in pages], what
    first = 0
    spans = []
    for page, location in zip(pages, locations):
        assert location[3] == first, what
        spans.append(values[first:first + page.value_count])
        first += page.value_count
    assert first == len(values), what
    all_nan = any(any(v is not None for v in span) and not any(v is not None and v == v for v in span)
                  for span in spans)
    assert (chunk.column_index is None) == all_nan, what
    if all_nan:
        return
    index = chunk.column_index
    assert index[1] == [all(v is None for v in span) for span in spans], what
    assert index[5] == [sum(v is None for v in span) for span in spans], what
    bounds = []
    for span, is_null, low, high in zip(spans, index[1], index[2], index[3]):
        if is_null:
            assert low == b"" and high == b"", what
        else:
            bounds.append((read(low), read(high)))
            check_bounds(span, read(low), read(high), what)
    rises = all(a[0] <= b[0] and a[1] <= b[1] for a, b in zip(bounds, bounds[1:]))
    falls = all(a[0] >= b[0] and a[1] >= b[1] for a, b in zip(bounds, bounds[1:]))
    assert index[4] == (1 if rises else 2 if falls else 0), (what, index[4], bounds)


def check_metadata(path, columns, options):
    file = parquet_metadata.File(path)
    assert sum(file.row_group_rows) == file.row_count
    assert all(rows <= options["row_group_rows"] for rows in file.row_group_rows)
    for position, (name, column) in enumerate(columns.items()):
        read = keys_of(column)
        first = 0
        for group, rows in zip(file.row_groups, file.row_group_rows):
            chunk = group[position]
            assert all(page.checksum_holds for page in chunk.pages), name
            assert all(page.value_count <= options["page_rows"] for page in chunk.pages if not page.is_dictionary)
            if read is not None:
                values = read[0][first:first + rows]
                check_statistics(chunk, column, values, read[1], (path, name))
                check_page_index(chunk, column, values, read[1], (path, name))
            first += rows
        assert first == file.row_count


# Tests -------------------------------------------------------------------------------------------

def test_random_tables(folder):
    for number in range(TABLES):
        rng = random.Random("%d/%d" % (SEED, number))
        row_count = rng.choice([0, 1, 2, 8, 9, 100, 1000, 4096, 4097, 9000])
        columns, reader = random_table(rng, row_count)
        options = {
            "compression": rng.choice(["zstd", "snappy", "none"]),
            "zstd_level": rng.choice([1, 3, 9]),
            "row_group_rows": rng.choice([1 << 20, 5000, 1000, 37]),
            "row_group_bytes": rng.choice([1 << 27, 1 << 16]),
            "page_rows": rng.choice([131072, 1000, 100, 7]),
            "page_bytes": rng.choice([1 << 20, 1 << 10]),
        }
        path = os.path.join(folder, "random-%d.parquet" % number)
        try:
            stats = parquet_module.export(reader, path, **options)
            assert stats.row_count == row_count and stats.file_count == 1
            assert stats.byte_count == os.path.getsize(path)
            check_pyarrow(path, columns)
            check_metadata(path, columns, options)
            if row_count <= 4096:
                check_duckdb(path, columns)
        except BaseException:
            print("table %d of seed %d: %s" % (number, SEED, options))
            raise
        os.remove(path)
    print("%d random tables read back equal" % TABLES)


def test_extension_types(folder):
    ids = [uuid.UUID(int=random.Random(SEED).getrandbits(128)) for _ in range(50)] + [None]
    documents = ['{"a": %d}' % (i % 3) for i in range(50)] + [None]
    table = pa.table({
        "id": pa.ExtensionArray.from_storage(pa.uuid(), pa.array([u and u.bytes for u in ids], pa.binary(16))),
        "document": pa.ExtensionArray.from_storage(pa.json_(), pa.array(documents)),
        "nothing": pa.nulls(51),
    })
    path = os.path.join(folder, "extension.parquet")
    parquet_module.export(table, path)
    schema = pq.ParquetFile(path).schema
    assert schema.column(0).logical_type.type == "UUID" and schema.column(1).logical_type.type == "JSON"
    rows = duckdb.execute("select id, document, nothing from '%s'" % path).fetchall()
    assert [row[0] for row in rows] == ids and [row[1] for row in rows] == documents
    assert all(row[2] is None for row in rows)
    types = [row[1] for row in duckdb.execute("describe select * from '%s'" % path).fetchall()]
    assert types[:2] == ["UUID", "JSON"], types
    read = pq.read_table(path)
    assert [str(v) for v in ids if v] == [str(v if isinstance(v, uuid.UUID) else uuid.UUID(bytes=v))
                                          for v in read["id"].to_pylist() if v is not None]


def test_merged_dictionaries(folder):
    """Batches that reuse, change and drop dictionaries, at addresses that the allocator reuses."""
    rng = random.Random(SEED)
    expected = []

    def batches():
        for number in range(200):
            if number % 7 == 3:
                values = [None] * rng.randint(0, 5)  # no code is looked at
            else:
                values = [rng.choice("abcdefgh") * rng.randint(1, 3) + str(number % 5) for _ in range(20)]
            expected.extend(values)
            yield pa.record_batch([pa.array(values, pa.utf8()).dictionary_encode()], names=["s"])

    schema = pa.schema([pa.field("s", pa.dictionary(pa.int32(), pa.utf8()))])
    path = os.path.join(folder, "merged.parquet")
    parquet_module.export(pa.RecordBatchReader.from_batches(schema, batches()), path, row_group_rows=333)
    assert pq.read_table(path)["s"].to_pylist() == expected
    file = parquet_metadata.File(path)
    for group, first in zip(file.row_groups, range(0, len(expected), 333)):
        used = {v for v in expected[first:first + 333] if v is not None}
        dictionary = [page for page in group[0].pages if page.is_dictionary]
        if len(used) * 3 < len(expected[first:first + 333]):
            assert dictionary and dictionary[0].value_count == len(used), "only used entries, each once"


def sessions_like(row_count, seed=SEED):
    rng = random.Random(seed)
    start = 1767225600 * MICROS
    users = sorted("user_%05d" % (rng.random() ** 2 * 2000) for _ in range(row_count))
    return pa.table({
        "user_id": users,
        "ts": pa.array([start + i * 1000003 + rng.randrange(10**6) for i in range(row_count)], pa.timestamp("us", "UTC")),
        "event_type": [rng.choice(["page_view", "click", "purchase"]) for _ in range(row_count)],
        "price": pa.array([decimal.Decimal(rng.randrange(50000)).scaleb(-2) for _ in range(row_count)], pa.decimal128(12, 2)),
        "seq": pa.array(range(row_count), pa.int64()),
        "flag": pa.array([rng.random() < 0.1 for _ in range(row_count)]),
    })


def test_size(folder):
    """Not larger than DuckDB's own, of the same rows in the same order."""
    table = sessions_like(200000)
    connection = duckdb.connect()
    connection.register("rows_in_order", table)
    theirs = os.path.join(folder, "theirs.parquet")
    connection.execute("copy rows_in_order to '%s' (format parquet, compression zstd)" % theirs).fetchall()
    ours = os.path.join(folder, "ours.parquet")
    parquet_module.export(table, ours)
    assert pq.read_table(ours).equals(table)
    assert os.path.getsize(ours) <= os.path.getsize(theirs), (os.path.getsize(ours), os.path.getsize(theirs))
    print("bytes of 200,000 rows: %d, DuckDB %d" % (os.path.getsize(ours), os.path.getsize(theirs)))


def test_shared_streams(folder):
    """The real streams: every column equal, and not larger than DuckDB's."""
    shared = os.path.join(os.environ.get("WEND_TEST_SHARED", os.path.join(peers.source_root(), "..", "shared")), "data")
    if not os.path.isdir(shared):
        print("skipped: no real streams at %s" % shared)
        return
    connection = duckdb.connect()
    for name in sorted(os.listdir(shared)):
        if not name.endswith(".ndjson.zst"):
            continue
        source = "read_json('%s', format='newline_delimited', ignore_errors=true, maximum_object_size=50000000)" % \
            os.path.join(shared, name)
        described = connection.execute("describe select * from %s" % source).fetchall()
        wanted = ", ".join('to_json("%s")::varchar as "%s"' % (row[0], row[0])
                           if any(c in row[1] for c in "([") or row[1] == "JSON" else '"%s"' % row[0]
                           for row in described)
        table = connection.sql("select %s from %s" % (wanted, source)).to_arrow_table()
        ours = os.path.join(folder, name + ".ours")
        theirs = os.path.join(folder, name + ".theirs")
        parquet_module.export(table, ours)
        read = pq.read_table(ours)
        for column in table.column_names:
            assert read[column].cast(table[column].type).equals(table[column]), (name, column)
        connection.register("rows_in_order", table)
        connection.execute("copy rows_in_order to '%s' (format parquet, compression zstd)" % theirs).fetchall()
        differing = connection.execute(
            "select count(*) from (select * from read_parquet('%s') except all select * from rows_in_order)" % ours).fetchall()[0][0]
        assert differing == 0, (name, differing)
        assert os.path.getsize(ours) <= os.path.getsize(theirs), name
        print("%s: %d rows, %d bytes, DuckDB %d" % (name, table.num_rows, os.path.getsize(ours), os.path.getsize(theirs)))


def main():
    folder = tempfile.mkdtemp(prefix="wend-parquet-")
    try:
        for name, test in sorted(globals().items()):
            if name.startswith("test_"):
                test(folder)
                print("ok " + name)
    finally:
        shutil.rmtree(folder)


main()
