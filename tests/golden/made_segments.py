"""Rows made by chance, a segment of them by segment_maker.py, and a way for it into a table of the program.

A table of TABLE has COLUMNS; segment(rng, row_count, features) gives what commit(folder of the table, name, bytes)
adds to it, by part 2 of docs/FORMAT.md.
"""

import glob
import os
import struct
import uuid

from segment_dictionaries import xxh3
from segment_maker import Maker, float_of

COLUMNS = [("who", "text", 0, 0), ("at", "timestamptz", 0, 0), ("flag", "boolean", 0, 0), ("small", "smallint", 0, 0),
                ("whole", "integer", 0, 0), ("big", "bigint", 0, 0), ("price", "numeric", 12, 2), ("ratio", "double precision", 0, 0),
                ("score", "real", 0, 0), ("id", "uuid", 0, 0), ("ip", "inet", 0, 0), ("day", "date", 0, 0), ("a", "text", 0, 0),
                ("b", "text", 0, 0), ("c", "text", 0, 0), ("d", "text", 0, 0), ("extra", "jsonb", 0, 0)]
TABLE = ("create table made (who text, at timestamptz not null, flag boolean, small smallint, whole integer, big bigint, "
              "price numeric(12,2), ratio double precision, score real, id uuid, ip inet, day date, a text, b text, c text, d text, "
              "extra jsonb) with (user_column='who', time_column='at')")
BITS = {"smallint": 15, "integer": 31, "bigint": 63}


def column_values(rng, kind, count):
    """Values of one kind and one style, so that pages differ."""
    style = rng.randrange(4)
    bits = BITS.get(kind)
    days = 20000 if kind == "date" else 20000 * 86400 * 10 ** 6
    few = ["P%d" % rng.randrange(4000) for _ in range(rng.choice((3, 60, 900)))]

    def one(i):
        if kind == "boolean":
            return rng.random() < (0.5, 0.01, 0.99, 1)[style]
        if kind == "numeric":
            return (rng.randrange(-10 ** 11, 10 ** 11), 1999, rng.randrange(100), i * 25)[style]
        if bits:
            return (rng.randrange(-2 ** bits, 2 ** bits), i % 7, rng.choice((0, 0, 0, 2 ** bits - 1)), -3 * (i // 11))[style]
        if kind in ("date", "timestamptz"):
            return (rng.randrange(days), i, days - i // 40, rng.choice((0, 3, days)))[style]
        if kind == "double precision":
            return (rng.random(), rng.randrange(1000) / 100, rng.choice((-0.0, 0.0, 1e300, 5e-324)), i / 2)[style]
        if kind == "real":
            return float_of((rng.random(), rng.randrange(1000) / 100, rng.choice((-0.0, 3.4e38, 1e-45)), i / 2)[style])
        if kind == "uuid":
            return uuid.UUID(int=rng.getrandbits(128), version=4 if style else None).bytes
        if kind == "inet":
            return bytes(10) + b"\xff\xff" + rng.randbytes(4) if style else rng.randbytes(16)
        if kind == "text":
            return (rng.choice(few), "s_%08x" % (i // 5 * 2654435761 % 2 ** 32), rng.choice(("", "ä", "x" * 70, "y" * 300)),
                    "n%05d" % rng.randrange(9999))[style]
        return rng.choice(('{"a": 1}', "[]", '"x"', "3.50", '{"b": [true, null]}'))
    nulls = 0 if kind == "timestamptz" else rng.choice((0, 0, 0.1, 0.9, 1))
    return [None if rng.random() < nulls else one(i) for i in range(count)]


def rows_of(rng, columns, count):
    """Rows in the promised order; columns that are functions of others, but for a few rows, are among them."""
    content = [column_values(rng, kind, count) for _, _, kind, _, _ in columns]
    names = [name for _, name, _, _, _ in columns]
    for target, source in (("b", "a"), ("price", "a"), ("score", "c"), ("d", "b")):
        own, looked_at = content[names.index(target)], content[names.index(source)]
        guess = dict(zip(looked_at, own))
        content[names.index(target)] = [mine if rng.random() < 0.02 else guess[key] for mine, key in zip(own, looked_at)]
    users = {user: xxh3(user.encode()) for user in set(content[0]) - {None}}
    rows = zip(*content)
    return sorted(rows, key=lambda row: (row[0] is None, users.get(row[0], 0), row[0] or "", row[1]))


def commit(table, name, data):
    """Put a segment into a table's folder and a commit that adds it into its log, as part 2 of the document says."""
    with open(os.path.join(table, "seg", str(name) + ".wseg"), "wb") as file:
        file.write(data)
    last = max(glob.glob(os.path.join(table, "log", "*.commit")))
    with open(last, "rb") as file:
        before = file.read()
    version = int(os.path.basename(last).split(".")[0]) + 1
    footer, footer_checksum = struct.unpack_from("<Q8xQ", data, len(data) - 64)
    rows_and_summary = bytes(data[footer + 32:footer + 80])
    record = b"UWENDLOG" + struct.pack("<IIQ", 1, 1, version) + before[-8:] + before[32:40] + uuid.uuid4().bytes
    record += struct.pack("<qIII", 1767225600000000 + version, 0, 2, 112)
    record += name.bytes + struct.pack("<QQQ", len(data), footer, footer_checksum) + rows_and_summary
    record += struct.pack("<QQII", version, version, 0, 0)
    with open(os.path.join(table, "log", "%020d.commit" % version), "wb") as file:
        file.write(record + struct.pack("<Q", xxh3(record, version)))


def segment(rng, row_count, features):
    """(name, bytes, rows) of a segment made by chance."""
    columns = [(number, *column) for number, column in enumerate(COLUMNS, 1)]
    rows = rows_of(rng, columns, row_count)
    cut = rng.choice((0, 0, len(rows) // 3)) if len(rows) < 60000 else 0
    groups = [[list(column) for column in zip(*part)] for part in (rows[:cut], rows[cut:]) if part]
    name = uuid.UUID(int=rng.getrandbits(128), version=4)
    return name, Maker(rng, features).segment(name.bytes, columns, groups, 0, 1), rows
