"""Reading Parquet's metadata by the specification alone, for tests that look where libraries do not.

thrift(bytes, at) -> (dict of field id -> value, end) decodes any struct of the compact protocol;
File(path) gives the footer, and each chunk's pages and page index, all as such dicts.
"""

import struct
import zlib


def _varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def _zigzag(data, at):
    value, at = _varint(data, at)
    return (value >> 1) ^ -(value & 1), at


def _value(data, at, kind):
    if kind in (1, 2):
        return data[at] == 1, at + 1
    if kind == 3:
        return struct.unpack_from("b", data, at)[0], at + 1
    if kind in (4, 5, 6):
        return _zigzag(data, at)
    if kind == 7:
        return struct.unpack_from("<d", data, at)[0], at + 8
    if kind == 8:
        length, at = _varint(data, at)
        assert at + length <= len(data)
        return bytes(data[at:at + length]), at + length
    if kind == 9:
        head = data[at]
        at += 1
        count = head >> 4
        if count == 15:
            count, at = _varint(data, at)
        items = []
        for _ in range(count):
            item, at = _value(data, at, head & 15)
            items.append(item)
        return items, at
    assert kind == 12, kind
    return thrift(data, at)


def thrift(data, at=0):
    fields = {}
    last = 0
    while True:
        head = data[at]
        at += 1
        if head == 0:
            return fields, at
        kind = head & 15
        if head >> 4:
            last += head >> 4
        else:
            last, at = _zigzag(data, at)
        if kind in (1, 2):
            fields[last] = kind == 1
        else:
            fields[last], at = _value(data, at, kind)


class Page:
    """A page of a chunk: its header's fields, where it is, and whether its checksum holds."""

    def __init__(self, data, at):
        self.offset = at
        self.header, body = thrift(data, at)
        self.size = body - at + self.header[3]
        self.body = data[body:body + self.header[3]]
        self.is_dictionary = self.header[1] == 2
        self.checksum_holds = None
        if 4 in self.header:
            self.checksum_holds = zlib.crc32(self.body) == self.header[4] & 0xFFFFFFFF
        self.value_count = self.header[7 if self.is_dictionary else 5][1]


class Chunk:
    """A column chunk: ColumnMetaData as `meta`, and both indexes (None where there is none)."""

    def __init__(self, data, fields):
        self.meta = fields[3]
        self.offset_index = None
        self.column_index = None
        if 4 in fields:
            self.offset_index, end = thrift(data, fields[4])
            assert end - fields[4] == fields[5]
        if 6 in fields:
            self.column_index, end = thrift(data, fields[6])
            assert end - fields[6] == fields[7]
        start = self.meta.get(11, self.meta[9])
        self.pages = []
        at = start
        while at < start + self.meta[7]:
            self.pages.append(Page(data, at))
            at += self.pages[-1].size
        assert at == start + self.meta[7]


class File:
    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = file.read()
        assert self.data[:4] == b"PAR1" and self.data[-4:] == b"PAR1"
        length = struct.unpack("<I", self.data[-8:-4])[0]
        self.footer, end = thrift(self.data[-8 - length:-8])
        assert end == length
        self.row_count = self.footer[3]
        self.schema = self.footer[2]
        self.row_groups = [[Chunk(self.data, chunk) for chunk in group[1]] for group in self.footer[4]]
        self.row_group_rows = [group[3] for group in self.footer[4]]
