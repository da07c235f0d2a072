"""Parquet by PyArrow, tuned: sorted, zstd-9, dictionaries of up to 64 MiB, a row group of 1,048,576 rows, and for each
column the encoding that made it smallest in a trial. Column sizes are those of the footer."""

import ipaddress
import os
import uuid

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

import size_rows

GROUP_ROWS = 1 << 20
TRIAL_GROUPS = 2
DICTIONARY_BYTES = 64 << 20
LEVEL = 9


def stored_value(column, array, way):
    """Plain values as the type that Parquet keeps."""
    if column.kind == "timestamptz":
        unit = "us" if column.tick_us == 1 else "ms"
        whole = array if unit == "us" else pc.cast(pc.divide(array, 1000), pa.int64())
        return pc.cast(whole, pa.timestamp(unit, "UTC"))
    if column.kind == "uuid" or (column.kind == "inet" and way == "bytes"):
        packed = {"uuid": lambda text: bytes.fromhex(text.replace("-", "")),
                  "inet": lambda text: ipaddress.ip_address(text).packed}[column.kind]
        width = 4 if column.is_ipv4 else 16
        values = [None if text is None else packed(text).rjust(width, b"\0") for text in array.to_pylist()]
        return pa.chunked_array([pa.array(values, pa.binary(width))])
    if column.kind == "inet" and way == "number":
        values = [None if text is None else int(ipaddress.ip_address(text)) for text in array.to_pylist()]
        return pa.chunked_array([pa.array(values, pa.uint32())])
    return array


def plain_value(column, array, way):
    """The other way round."""
    if column.kind == "timestamptz":
        whole = pc.cast(array, pa.int64())
        return whole if column.tick_us == 1 else pc.multiply(whole, 1000)
    if column.kind == "uuid":
        return texts(array, lambda value: str(uuid.UUID(bytes=value)))
    if column.kind == "inet" and way != "text":
        return texts(array, lambda value: str(ipaddress.ip_address(value)))
    return array


def texts(array, text_of):
    values = [None if value is None else text_of(value) for value in array.to_pylist()]
    return pa.chunked_array([pa.array(values, pa.string())])


def ways_of(column):
    """[(representation, encoding)]; the encoding DICTIONARY falls back to PLAIN beyond 64 MiB."""
    if column.kind == "uuid":
        return [("bytes", "PLAIN"), ("bytes", "DICTIONARY"), ("bytes", "BYTE_STREAM_SPLIT")]
    if column.kind == "boolean":
        return [("text", "PLAIN"), ("text", "RLE")]
    if column.plain_type == "VARCHAR":
        ways = [("text", code) for code in ("DICTIONARY", "PLAIN", "DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY")]
        if column.kind == "inet":
            way = "number" if column.is_ipv4 else "bytes"
            ways += [(way, code) for code in ("DICTIONARY", "PLAIN", "BYTE_STREAM_SPLIT")]
        return ways
    if column.kind in ("real", "double precision"):
        return [("text", code) for code in ("DICTIONARY", "PLAIN", "BYTE_STREAM_SPLIT")]
    return [("text", code) for code in ("DICTIONARY", "PLAIN", "DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT")]


def writer(path, schema, codes):
    dictionary = [key for key, code in codes.items() if code == "DICTIONARY"]
    return pq.ParquetWriter(
        path, schema, compression="zstd", compression_level=LEVEL, use_dictionary=dictionary or False,
        column_encoding={key: code for key, code in codes.items() if code != "DICTIONARY"},
        dictionary_pagesize_limit=DICTIONARY_BYTES, data_page_size=1 << 20, max_rows_per_page=1 << 20,
        store_decimal_as_integer=True, store_schema=False, version="2.6")


def column_sizes(path):
    sizes = {}
    metadata = pq.ParquetFile(path).metadata
    for group in range(metadata.num_row_groups):
        for place in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(place)
            sizes[chunk.path_in_schema] = sizes.get(chunk.path_in_schema, 0) + chunk.total_compressed_size
    return sizes


def try_column(path, ordered, column):
    """The way that makes the column smallest."""
    source = pq.ParquetFile(ordered)
    groups = list(range(min(source.num_row_groups, TRIAL_GROUPS)))
    plain = source.read_row_groups(groups, columns=[column.key])[column.key]
    best = None
    for way, code in ways_of(column):
        table = pa.table({column.key: stored_value(column, plain, way)})
        try:
            with writer(path, table.schema, {column.key: code}) as out:
                out.write_table(table, row_group_size=GROUP_ROWS)
        except (OSError, pa.ArrowException, NotImplementedError):
            continue  # this type does not take this encoding
        size = column_sizes(path)[column.key]
        if best is None or size < best[0]:
            best = (size, way, code)
    return best[1:]


def groups_of(path, columns, ways, change):
    """The file's row groups, each column changed by change(column, array, way)."""
    source = pq.ParquetFile(path)
    for group in range(source.num_row_groups):
        table = source.read_row_group(group)
        yield pa.table({column.key: change(column, table[column.key], way[0]) for column, way in zip(columns, ways)})


def write_groups(tables, open_writer):
    out = None
    for table in tables:
        out = out or open_writer(table.schema)
        out.write_table(table, row_group_size=GROUP_ROWS)
    out.close()


def measure(duck, dataset, columns, plain, verify):
    """One measurement for each order; verify(who, path) checks what was read back."""
    measured = []
    path, ordered, readable = (plain + ending for ending in (".tuned.parquet", ".ordered.parquet", ".back.parquet"))
    for number, names in enumerate(dataset.orders):
        order = "order by " + size_rows.order_text(names, columns, "hash(%s)")
        duck.execute("copy (select * from read_parquet('%s') %s) to '%s' (format parquet, row_group_size %d)"
                     % (plain, order, ordered, GROUP_ROWS))
        ways = [try_column(path, ordered, column) for column in columns]
        codes = {column.key: code for column, (_, code) in zip(columns, ways)}
        write_groups(groups_of(ordered, columns, ways, stored_value), lambda schema: writer(path, schema, codes))
        write_groups(groups_of(path, columns, ways, plain_value),
                     lambda schema: pq.ParquetWriter(readable, schema, compression="lz4"))
        verify("Parquet", readable)
        sizes = column_sizes(path)
        what = {column.key: code + ("" if way == "text" else " as " + way) for column, (way, code) in zip(columns, ways)}
        measured.append({"store": "Parquet tuned, zstd-%d" % LEVEL, "order": size_rows.order_label(names),
                         "alike": number == 0, "rows": pq.read_metadata(path).num_rows, "bytes": os.path.getsize(path),
                         "columns": {column.name: (sizes[column.key], what[column.key]) for column in columns}})
        for old in (path, ordered, readable):
            os.remove(old)
    return measured
