"""DuckDB's own file: the rows sorted as wend has them and in the other orders, the newest storage version, checkpointed."""

import os

import size_rows

TYPES = {"uuid": "UUID", "timestamptz": "TIMESTAMP_US"}
BLOCK_BYTES = (16384, 262144)


def value_text(column):
    if column.kind == "timestamptz":
        return "make_timestamp(%s) as %s" % (column.key, column.key)
    return "%s::%s as %s" % (column.key, TYPES.get(column.kind, column.plain_type), column.key)


def plain_text(column):
    if column.kind == "timestamptz":
        return "epoch_us(%s) as %s" % (column.key, column.key)
    return "%s::%s as %s" % (column.key, column.plain_type, column.key)


def measure(duck, dataset, columns, plain, verify):
    measured = []
    path = plain + ".duckdb"
    for number, names in enumerate(dataset.orders):
        order = "order by " + size_rows.order_text(names, columns, "hash(%s)")

        def store(kept, block_bytes, check=None):
            """The file's bytes with these columns of the rows."""
            duck.execute("attach '%s' as kept (block_size %d, storage_version 'latest')" % (path, block_bytes))
            duck.execute("create table kept.t as select %s from (select * from read_parquet('%s') %s)"
                         % (", ".join(map(value_text, kept)), plain, order))
            duck.execute("checkpoint kept")
            if check:
                duck.execute("create or replace temp view back as select %s from kept.t" % ", ".join(map(plain_text, kept)))
                check("DuckDB", "back")
                duck.execute("drop view back")
            duck.execute("detach kept")
            size = os.path.getsize(path)
            os.remove(path)
            return size

        size, block_bytes = min((store(columns, block_bytes, verify), block_bytes) for block_bytes in BLOCK_BYTES)
        others = [column for column in columns if column.name != dataset.event_id]
        measured.append({"store": "DuckDB file", "order": size_rows.order_label(names), "alike": number == 0, "bytes": size,
                         "rows": size_rows.checksum(duck, plain, columns)[0], "columns": {},
                         "bytes_without_id": store(others, block_bytes) if dataset.event_id else None})
    return measured
