"""ClickHouse's MergeTree by the package chdb: each column stored in every way that may pay, the best of them kept.

A column's ways are type and codec: Nullable or a default that stands for null, LowCardinality, and before
ZSTD the codecs Delta, DoubleDelta, T64, GCD, FPC and ALP where its type takes them. They are tried side by
side in a table with the real sorting key, and weighed as system.parts_columns has them, marks included.
What is quoted is one whole table of the best ways, sorted, written wide and merged to one part.
"""

import json
import os

import size_rows

MEMORY_BYTES = 3 << 30
TRIAL_ROWS = 1 << 19
LEVELS = (3, 12)  # of ZSTD; ways are chosen at the last
COMPACT_BYTES = 16 << 20  # plain rows smaller than this are tried as a compact part too
SETTINGS = {
    "max_memory_usage": MEMORY_BYTES, "max_threads": 1, "max_insert_threads": 1, "max_block_size": 65536,
    "min_insert_block_size_rows": 1 << 20, "min_insert_block_size_bytes": 1 << 30, "max_insert_block_size": 1 << 20,
    "allow_suspicious_low_cardinality_types": 1, "allow_suspicious_codecs": 1, "enable_alp_codec": 1,
    "low_cardinality_max_dictionary_size": 1 << 22, "low_cardinality_use_single_dictionary_for_part": 1,
    "optimize_on_insert": 1, "output_format_parquet_string_as_string": 1,
    "output_format_parquet_compression_method": "lz4",
}
WIDE = "min_bytes_for_wide_part = 0, min_rows_for_wide_part = 0"
COMPACT = "min_bytes_for_wide_part = 1000000000000, min_rows_for_wide_part = 1000000000000"
LARGE_BLOCKS = (WIDE + ", index_granularity = 65536, index_granularity_bytes = 1073741824, "
                "min_compress_block_size = 4194304, max_compress_block_size = 4194304")


class ClickHouse:
    def __init__(self, folder):
        from chdb import session
        self.session = session.Session(folder)
        self.taken = {}
        self.version = self.rows_of("select version()")[0][0]
        known = {name for name, in self.rows_of("select name from system.settings")}
        for name, value in SETTINGS.items():
            if name in known:  # another version may lack one
                self.run("set %s = %s" % (name, repr(value) if isinstance(value, str) else value))
        self.session.query("create database if not exists sizes engine = Atomic")

    def run(self, text):
        self.session.query(text)

    def rows_of(self, text):
        answer = self.session.query(text, "JSONCompact")
        return json.loads(str(answer))["data"]

    def takes(self, stored):
        """Whether this type takes this codec."""
        if stored not in self.taken:
            try:
                self.run("create table sizes.probe (value %s) engine = MergeTree order by tuple()" % stored)
                self.run("drop table sizes.probe")
                self.taken[stored] = True
            except RuntimeError:
                self.taken[stored] = False
        return self.taken[stored]

    def close(self):
        self.session.close()


# ---- ways to store a column ----

def value_text(column):
    """The column's value, from plain rows, as the type that ways_of() gives it."""
    key = column.key
    if column.kind == "timestamptz":
        return {1000000: "toDateTime(intDiv({k}, 1000000), 'UTC')" if fits_datetime(column) else
                         "fromUnixTimestamp64Second(intDiv({k}, 1000000), 'UTC')",
                1000: "fromUnixTimestamp64Milli(intDiv({k}, 1000), 'UTC')",
                1: "fromUnixTimestamp64Micro({k}, 'UTC')"}[column.tick_us].format(k=key)
    if column.kind == "uuid":
        return "toUUID(%s)" % key
    if column.kind == "inet":
        return ("toIPv4(%s)" if column.is_ipv4 else "toIPv6(%s)") % key
    return key


def fits_datetime(column):
    """Whole seconds since 1970 in 32 bits; the end is in 2106."""
    return column.tick_us == 1000000 and (column.least is None or column.least >= 0)


def plain_text(column, way):
    """The plain value again, from the column as it is stored."""
    kind, default = way[0], way[2]
    key = column.key
    inner = key if default is None else "nullIf(%s, %s)" % (key, default)
    if column.kind == "timestamptz":
        unit = {1000000: "toUnixTimestamp64Second(%s)", 1000: "toUnixTimestamp64Milli(%s)",
                1: "toUnixTimestamp64Micro(%s)"}[column.tick_us]
        unit = unit if "DateTime64" in kind else "toUnixTimestamp(%s)"
        return "toInt64(%s) * %d" % (unit % inner, column.tick_us)
    if column.kind in ("uuid", "inet") and kind.find("String") < 0:
        return "toString(%s)" % inner
    return inner


def base_type(column):
    if column.kind == "numeric":
        return "Decimal(%d, %d)" % column.digits
    if column.kind == "timestamptz":
        return "DateTime('UTC')" if fits_datetime(column) else \
            "DateTime64(%d, 'UTC')" % {1000000: 0, 1000: 3, 1: 6}[column.tick_us]
    return {"boolean": "Bool", "smallint": "Int16", "integer": "Int32", "bigint": "Int64", "real": "Float32",
            "double precision": "Float64", "date": "Date32", "uuid": "UUID",
            "inet": "IPv4" if column.is_ipv4 else "IPv6"}.get(column.kind, "String")


def codec_text(way, level):
    return way[1].replace("ZSTD", "ZSTD(%d)" % level)


def ways_of(column):
    """[(type, codec, default that stands for null, expression)]: every way worth a trial."""
    zstd = "ZSTD"
    base, value = base_type(column), value_text(column)
    before = {"Bool": ["T64"], "UUID": [], "String": [], "IPv4": ["Delta", "T64"], "IPv6": [],
              "Float32": ["Gorilla", "FPC", "ALP"], "Float64": ["Gorilla", "FPC", "ALP"]}.get(
                  base, ["Delta", "DoubleDelta", "T64", "GCD, Delta"])
    codecs = [zstd] + ["%s, %s" % (codec, zstd) for codec in before]
    if base == "UUID":
        codecs.append("NONE")
    if column.nulls == 0:
        ways = [(base, codec, None, value) for codec in codecs]
    else:
        ways = [("Nullable(%s)" % base, codec, None, value) for codec in codecs]
    default = {"VARCHAR": "''"}.get(column.plain_type, "0")
    if column.nulls and not column.has_default and column.kind not in ("uuid", "inet", "timestamptz"):
        ways += [(base, codec, default, "ifNull(%s, %s)" % (value, default)) for codec in codecs]
    if column.kind in ("text", "varchar", "jsonb", "inet", "bigint", "integer", "smallint", "double precision"):
        inner = "String" if column.kind == "inet" else base
        value = column.key if column.kind == "inet" else value
        if column.nulls:
            inner = "Nullable(%s)" % inner
        ways.append(("LowCardinality(%s)" % inner, zstd, None, value))
        if column.kind == "inet":
            ways.append((inner, zstd, None, value))
    return ways


# ---- tables ----

def key_columns(order, columns):
    by_name = {column.name: column for column in columns}
    names = [name[5:] if name.startswith("hash:") else name for name in order]
    return [by_name[name] for name in dict.fromkeys(names)]


def table_text(name, members, order, settings):
    return "create table sizes.%s (%s) engine = MergeTree order by (%s) settings %s" % (
        name, ", ".join(members), order, settings + ", allow_nullable_key = 1")


def column_sizes(house, table):
    return {name: int(size) for name, size in house.rows_of(
        "select column, sum(column_data_compressed_bytes + column_marks_bytes) from system.parts_columns "
        "where database = 'sizes' and table = '%s' and active group by column" % table)}


def try_column(house, plain, column, keys, order, settings):
    """The way that keeps the column smallest, of all tried side by side in one table of the real order."""
    members, values = [], []
    for key in keys:
        kind = base_type(key)
        members.append("%s %s codec(NONE)" % (key.key, "Nullable(%s)" % kind if key.nulls else kind))
        values.append(value_text(key))
    usable = []
    for way in ways_of(column):
        stored = "%s codec(%s)" % (way[0], codec_text(way, LEVELS[-1]))
        if house.takes(stored):
            members.append("w%d %s" % (len(usable), stored))
            values.append(way[3])
            usable.append(way)
    house.run(table_text("trial", members, order, settings))
    house.run("insert into sizes.trial select %s from file('%s', Parquet) limit %d" % (", ".join(values), plain, TRIAL_ROWS))
    house.run("optimize table sizes.trial final")
    sizes = column_sizes(house, "trial")
    house.run("drop table sizes.trial")
    return min((sizes["w%d" % place], place, way) for place, way in enumerate(usable))[2]


def store_table(house, plain, columns, ways, level, order, settings):
    """One table of the ways chosen: {"bytes", "rows", "columns": {name: (bytes, what)}}, left for reading back."""
    house.run("drop table if exists sizes.rows sync")
    kinds = ["%s codec(%s)" % (way[0], codec_text(way, level)) for way in ways]
    house.run(table_text("rows", ["%s %s" % (column.key, kind) for column, kind in zip(columns, kinds)], order, settings))
    house.run("insert into sizes.rows select %s from file('%s', Parquet)" % (", ".join(way[3] for way in ways), plain))
    house.run("optimize table sizes.rows final")
    parts, rows, size = house.rows_of("select count(), sum(rows), sum(bytes_on_disk) from system.parts "
                                      "where database = 'sizes' and table = 'rows' and active")[0]
    if int(parts) != 1:
        raise RuntimeError("ClickHouse kept %s parts" % parts)
    sizes = column_sizes(house, "rows")
    return {"bytes": int(size), "rows": int(rows),
            "columns": {column.name: (sizes[column.key], kind) for column, kind in zip(columns, kinds)}}


def read_back(house, columns, ways, path):
    """The table's rows as plain rows."""
    if os.path.exists(path):
        os.remove(path)
    values = ", ".join("%s as p%d" % (plain_text(column, way), column.place) for column, way in zip(columns, ways))
    names = ", ".join("p%d as %s" % (column.place, column.key) for column in columns)
    house.run("insert into function file('%s', Parquet) select %s from (select %s from sizes.rows)" % (path, names, values))


def measure(house, dataset, columns, plain, verify):
    """One measurement for each order, level and kind of part; verify(who, path) checks what was read back."""
    measured = []
    readable = plain + ".back.parquet"
    for number, names in enumerate(dataset.orders):
        order = size_rows.order_text(names, columns, "cityHash64(%s)")
        keys = key_columns(names, columns)

        def keep(level, parts, settings, ways):
            sizes = store_table(house, plain, columns, ways, level, order, settings)
            read_back(house, columns, ways, readable)
            verify("ClickHouse", readable)
            os.remove(readable)
            measured.append({"store": "ClickHouse ZSTD(%d)%s" % (level, parts and ", " + parts), "level": level,
                             "parts": parts, "order": size_rows.order_label(names), "alike": number == 0, **sizes})

        ways = [try_column(house, plain, column, keys, order, WIDE) for column in columns]
        for level in LEVELS:
            keep(level, "", WIDE, ways)
        if os.path.getsize(plain) < COMPACT_BYTES:
            keep(LEVELS[-1], "compact", COMPACT, ways)
        ways = [try_column(house, plain, column, keys, order, LARGE_BLOCKS) for column in columns]
        keep(LEVELS[-1], "large blocks", LARGE_BLOCKS, ways)
    house.run("drop table if exists sizes.rows sync")
    return measured
