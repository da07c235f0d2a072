"""A second decoder of segment files (`.wseg`), written from docs/FORMAT.md, part 1, and from nothing else.

    segment = Segment("….wseg")         the whole file is read; header, trailer, footer and indexes are checked
    segment.columns, .row_groups        what the footer says; row_group.chunks[i].pages are the index's entries
    segment.rows("user_id")             every row of a column, in order, as Python values
    segment.verify()                    decodes all, and checks all that the file says twice

Values: None for null; bool; int for smallint, integer, bigint, date (days) and timestamptz (µs); numeric(p, s) as
the int value × 10^s; float; str for text and jsonb; 16 bytes for uuid and inet (IPv4 as ::ffff:a.b.c.d).

The file is refused with Damage, or with Unsupported where it needs what this reader does not know. To be a witness
for the document comes first: this is slow, keeps everything in memory, and shares no line with the engine. A page
layout is one function in LAYOUTS, a codec of integers one in segment_streams.CODECS, a form of a dictionary's blocks
one in segment_dictionaries.FORMS; a feature bit is a line in FEATURES. Needs the packages xxhash and zstandard.
"""

import array
import itertools
import math
import struct

from segment_dictionaries import Dictionary, decompress, text_of, xxh3
from segment_predictions import Prediction
from segment_streams import (CODECS, CODECS_PATCHED, Cursor, Unsupported, decode_stream, require, require_rising, require_zero,
                             signed)

VERSION = 1
HEADER_BYTES = 64
TRAILER_BYTES = 64
FOOTER_FIXED_BYTES = 128
FILE_ALIGN = 4096
PART_ALIGN = 64
ROW_GROUP_ROWS_MOST = 1048576
PAGE_ROWS = 65536
NONE = 0xFFFFFFFF

# Places that are no page's number; they only serve as seeds.
PLACE_INDEX = 0xFFFFFFFE
PLACE_FOOTER = 0xFFFFFFFD

KINDS = {1: "boolean", 2: "smallint", 3: "integer", 4: "bigint", 5: "real", 6: "double precision", 7: "numeric",
         8: "text", 9: "uuid", 10: "inet", 11: "date", 12: "timestamptz", 13: "jsonb"}
INTEGER_KINDS = {"boolean", "smallint", "integer", "bigint", "numeric", "date", "timestamptz"}
DOUBLE_KINDS = {"real", "double precision"}
BYTES16_KINDS = {"uuid", "inet"}
TEXT_KINDS = {"text", "jsonb"}
INTEGER_BITS = {"smallint": 16, "integer": 32, "date": 32, "bigint": 64, "numeric": 64, "timestamptz": 64}

# Incompatible features that are known: bit number -> what the file may contain.
FEATURES = {
    0: "patched and masked streams",
    1: "pages of UUIDs of version 4",
    2: "predictions",
    3: "forms of dictionary blocks",
    4: "dictionaries in any order",
    5: "first bytes as bounds of pages",
}
FEATURE_PATCHED = 0
FEATURE_UUID4 = 1
FEATURE_PREDICTED = 2
FEATURE_FIRST_BYTES = 5

# Chunk flags.
CHUNK_BOUNDS = 1
CHUNK_ORDERED = 8
# Index entry flags.
PAGE_BOUNDS = 1
PAGE_BOUNDS_ARE_CODES = 2
PAGE_MASK = 4
PAGE_BOUNDS_ARE_FIRST_BYTES = 8
PAGE_FLAGS = PAGE_BOUNDS | PAGE_BOUNDS_ARE_CODES | PAGE_MASK | PAGE_BOUNDS_ARE_FIRST_BYTES


def is_float(value):
    """Whether a double is also a real."""
    return math.isnan(value) or array.array("f", [value])[0] == value


def require_features(bits):
    for bit in range(64):
        if bits >> bit & 1 and bit not in FEATURES:
            raise Unsupported("the segment needs feature bit %d, which this reader does not know" % bit)


def doubles_of(bits):
    """64-bit patterns -> floats, NaN's bits kept."""
    return list(struct.unpack("<%dd" % len(bits), struct.pack("<%dQ" % len(bits), *bits)))


def double_bits(value):
    return struct.unpack("<Q", struct.pack("<d", value))[0]


# What the footer says ------------------------------------------------------------------------------

class Column:
    """index, id, kind (a name of KINDS), precision, scale, length_most (characters; 0: none), name."""

    def __init__(self, index, fields, names):
        self.index = index
        self.id, kind, self.precision, self.scale, zero8, self.length_most, place, length, zero32 = fields
        require(zero8 == 0 and zero32 == 0, "reserved fields of column %d are not zero", index)
        require(kind in KINDS, "column %d is of kind %d", index, kind)
        self.kind = KINDS[kind]
        self.name = text_of(name_at(names, place, length))
        if self.kind == "numeric":
            require(1 <= self.precision <= 18 and self.scale <= self.precision, "numeric(%d, %d)", self.precision, self.scale)

    def __repr__(self):
        return "Column(%d, %r, %s)" % (self.id, self.name, self.kind)


class Summary:
    """Of a segment or a row group: times and user hashes, (least, greatest) or None; rows without a user."""

    def __init__(self, fields):
        least_time, greatest_time, least_hash, greatest_hash, self.rows_without_user = fields
        self.times = (least_time, greatest_time) if least_time <= greatest_time else None
        self.user_hashes = (least_hash, greatest_hash) if least_hash <= greatest_hash else None


class RowGroup:
    def __init__(self, number, fields):
        self.number = number
        self.index_offset, self.index_bytes, self.rows, self.index_checksum = fields[:4]
        self.summary = Summary(fields[4:])
        self.chunks = []
        require(self.rows <= ROW_GROUP_ROWS_MOST, "row group %d has %d rows", number, self.rows)

    def page_rows(self):
        """Rows of each page of any column."""
        return [min(PAGE_ROWS, self.rows - at) for at in range(0, self.rows, PAGE_ROWS)]


class Chunk:
    """A column in a row group. least, greatest: bytes of strings and 16-byte values, else the 64 bits; None: not known."""

    def __init__(self, column, row_group, fields, names):
        self.column = column
        self.row_group = row_group
        (self.offset, self.pages_bytes, self.dictionary_bytes, self.entries, self.null_rows, self.flags,
         least_place, least_length, greatest_place, greatest_length, self.prediction_bytes, least, greatest) = fields
        self.pages = []
        require(self.flags & ~(CHUNK_BOUNDS | CHUNK_ORDERED) == 0, "flags 0x%x of a chunk", self.flags)
        require(self.null_rows <= row_group.rows, "a chunk with more nulls than rows")
        require((self.dictionary_bytes == 0) == (self.entries == 0), "a dictionary without bytes or without entries")
        require(self.entries == 0 or column.kind in TEXT_KINDS, "a dictionary of a column that is no text")
        require(self.entries != 0 or not self.flags & CHUNK_ORDERED, "no dictionary, but it is ordered")
        require(self.prediction_bytes == 0 or column.kind not in BYTES16_KINDS, "a prediction of a column of %s", column.kind)
        self.dictionary_ordered = bool(self.flags & CHUNK_ORDERED)
        self.least = self.greatest = None
        if self.flags & CHUNK_BOUNDS:
            if column.kind in BYTES16_KINDS | TEXT_KINDS:
                self.least = name_at(names, least_place, least_length)
                self.greatest = name_at(names, greatest_place, greatest_length)
                if column.kind in BYTES16_KINDS:
                    require(len(self.least) == 16 and len(self.greatest) == 16, "bounds of %s are not 16 bytes", column.kind)
            else:
                self.least, self.greatest = least, greatest


class Origin:
    """The rows were taken from offsets first ≤ o < end of a partition."""

    def __init__(self, fields, names):
        place, length, self.partition, zero, self.first, self.end = fields
        require(zero == 0, "a reserved field of an origin is not zero")
        self.source = text_of(name_at(names, place, length))


class PageEntry:
    def __init__(self, number, rows, fields):
        self.number = number
        self.rows = rows
        self.offset, self.bytes, self.null_rows, self.flags, reserved, self.least, self.greatest, self.mask = fields
        require_zero(reserved, "a reserved field of an index entry")
        require(self.flags & ~PAGE_FLAGS == 0, "flags 0x%x of a page", self.flags)
        require(self.null_rows <= rows, "a page with more nulls than rows")


def name_at(names, place, length):
    require(place + length <= len(names), "a name at %d of %d bytes lies beyond the names", place, length)
    return bytes(names[place:place + length])


# Layouts -------------------------------------------------------------------------------------------
# Each takes (payload, page): a cursor behind the null bitmap, and the page's header; it gives page.values values
# in the forms of the module's head, texts as str.

def layout_null(_payload, _page):
    return []


def layout_integer(payload, page):
    return integers_of(list(map(signed, page.stream(payload, page.values))), page.chunk.column)


def integers_of(values, column):
    """Numbers as Python's values of the column's type; refused out of its range."""
    if column.kind == "boolean":
        require(all(0 <= value <= 1 for value in values), "a boolean that is neither 0 nor 1")
        return list(map(bool, values))
    limit = 1 << (INTEGER_BITS[column.kind] - 1)
    require(all(-limit <= value < limit for value in values), "a number out of the range of %s", column.kind)
    return values


def layout_codes(payload, page):
    codes = page.stream(payload, page.rows)
    require(max(codes, default=0) < page.chunk.entries, "a code beyond the dictionary")
    page.codes = codes
    require(codes.count(0) == page.null_rows, "nulls of a page of codes are not as its index entry says")
    return list(map(page.dictionary.texts.__getitem__, codes))


def layout_predicted(payload, page):
    page.segment.require_feature(FEATURE_PREDICTED, page.what)
    prediction = page.segment.prediction(page.chunk)
    require(prediction is not None, "%s is predicted by nothing", page.what)
    residuals = page.stream(payload, page.rows)
    numbers = prediction.numbers(prediction.keys(page.segment, page.number, page.rows), residuals)
    require(numbers.count(0) == page.null_rows, "nulls of %s are not as its index entry says", page.what)
    if page.dictionary is not None:
        require(max(numbers, default=0) < page.chunk.entries, "a code beyond the dictionary")
        page.codes = numbers
        return list(map(page.dictionary.texts.__getitem__, numbers))
    bits = prediction.bits_of(numbers)
    present = [value for value in bits if value is not None]
    if page.chunk.column.kind in DOUBLE_KINDS:
        present = doubles_of(present)
        require(page.chunk.column.kind != "real" or all(map(is_float, present)), "a real that is no float")
    else:
        present = integers_of(list(map(signed, present)), page.chunk.column)
    following = iter(present)
    return [None if value is None else next(following) for value in bits]


def layout_double(payload, page):
    require(page.real == 0, "doubles that are real")
    return doubles_of(page.stream(payload, page.values))


def layout_float(payload, page):
    require(page.real == 1, "floats that are not real")
    bits = page.stream(payload, page.values)
    require(max(bits, default=0) < 1 << 32, "a float of more than 32 bits")
    return list(struct.unpack("<%df" % len(bits), struct.pack("<%dI" % len(bits), *bits)))


def layout_decimal(payload, page):
    require(page.exponent <= 15, "exponent %d", page.exponent)
    scale = float(10 ** page.exponent)
    values = [float(signed(number)) / scale for number in page.stream(payload, page.values)]
    if page.real:
        values = array.array("f", values).tolist()
    exceptions, zero = payload.unpack("II")
    require(zero == 0, "a reserved field of DECIMAL is not zero")
    positions = payload.numbers("H", exceptions)
    require_rising(positions, page.values, "DECIMAL")
    payload.align(8)
    for position, value in zip(positions, payload.numbers("d", exceptions)):
        require(not page.real or is_float(value), "an exception that is no float")
        values[position] = value
    return values


def layout_raw16(payload, page):
    data = bytes(payload.take(16 * page.values))
    return [data[at:at + 16] for at in range(0, len(data), 16)]


def layout_split16(payload, page):
    high = page.stream(payload, page.values)
    low = page.stream(payload, page.values)
    return [struct.pack(">QQ", a, b) for a, b in zip(high, low)]


def layout_uuid4(payload, page):
    page.segment.require_feature(FEATURE_UUID4, page.what)
    high = page.stream(payload, page.values)
    low = page.stream(payload, page.values)
    require(max(high, default=0) < 1 << 60 and max(low, default=0) < 1 << 62, "bits where a UUID of version 4 has its own")
    return [struct.pack(">QQ", a >> 12 << 16 | 0x4000 | a & 0xFFF, b | 1 << 63) for a, b in zip(high, low)]


def layout_strings(payload, page):
    lengths = page.stream(payload, page.values)
    blocks, zero = payload.unpack("II")
    require(zero == 0, "a reserved field of STRINGS is not zero")
    require(blocks <= page.values, "%d blocks for %d values", blocks, page.values)
    heads = [payload.unpack("II") for _ in range(blocks)]
    firsts = [first for first, _ in heads] + [page.values]
    require(firsts[0] == 0 and all(a < b for a, b in zip(firsts, firsts[1:])), "blocks do not begin with rising values")
    values = []
    for number, (first, stored_bytes) in enumerate(heads):
        stored = payload.take(stored_bytes)
        ends = list(itertools.accumulate(lengths[first:firsts[number + 1]], initial=0))
        raw = decompress(stored, ends[-1], "block %d of strings" % number)
        values += [text_of(raw[a:b]) for a, b in zip(ends, ends[1:])]
    return values


# number: (name, kinds of columns, function)
LAYOUTS = {
    0: ("NULL", set(KINDS.values()), layout_null),
    1: ("INTEGER", INTEGER_KINDS, layout_integer),
    2: ("CODES", TEXT_KINDS, layout_codes),
    3: ("DOUBLE", {"double precision"}, layout_double),
    4: ("FLOAT", {"real"}, layout_float),
    5: ("DECIMAL", DOUBLE_KINDS, layout_decimal),
    6: ("RAW16", BYTES16_KINDS, layout_raw16),
    7: ("SPLIT16", BYTES16_KINDS, layout_split16),
    8: ("STRINGS", TEXT_KINDS, layout_strings),
    9: ("PREDICTED", INTEGER_KINDS | DOUBLE_KINDS | TEXT_KINDS, layout_predicted),
    10: ("UUID4", {"uuid"}, layout_uuid4),
}
# Layouts that store one number a row, nulls included.
ROW_LAYOUTS = {"CODES", "PREDICTED"}


class Page:
    """A page's header, and its rows: values with None in the nulls' places. codecs: names of its streams' codecs."""

    def __init__(self, segment, chunk, entry, dictionary):
        self.segment = segment
        self.chunk = chunk
        self.number = entry.number
        self.dictionary = dictionary
        self.codecs = []
        self.codes = None
        self.what = "page %d of %s in row group %d" % (entry.number, chunk.column.name, chunk.row_group.number)
        place = (chunk.row_group.number, chunk.column.id, entry.number)
        cursor = Cursor(segment.part(entry.offset, entry.bytes), self.what)
        (checksum, payload_bytes, self.rows, self.values, layout, self.nulls, self.exponent, self.real,
         column_id, row_group, page, reserved) = cursor.unpack("QIIIBBBBIII28s")
        require(xxh3(cursor.data[8:], segment.seed(*place)) == checksum, "checksum of %s", self.what)
        require_zero(reserved, "a reserved field of " + self.what)
        require((row_group, column_id, page) == place, "%s says that it is another", self.what)
        payload = Cursor(cursor.take(payload_bytes), "the payload of " + self.what)
        cursor.align(PART_ALIGN)
        cursor.end()
        require(self.rows == entry.rows, "%s has %d rows, not %d", self.what, self.rows, entry.rows)
        self.null_rows = entry.null_rows
        require(layout in LAYOUTS, "layout %d of %s is not known", layout, self.what)
        self.layout, kinds, function = LAYOUTS[layout]
        require(chunk.column.kind in kinds, "%s is %s, its column %s", self.what, self.layout, chunk.column.kind)
        fitting = self.layout in ROW_LAYOUTS if dictionary is not None else self.layout != "CODES"
        require(fitting, "%s is %s beside its dictionary", self.what, self.layout)
        require(self.layout == "DECIMAL" or self.exponent == 0, "%s has an exponent", self.what)
        real = dictionary is not None if self.layout == "PREDICTED" else chunk.column.kind == "real" and self.layout != "NULL"
        require(self.real == real, "byte 23 of %s is %d", self.what, self.real)
        null_places = self._nulls(payload)
        values = function(payload, self)
        payload.end()
        self.rows_values = values if null_places is None else self._spread(values, null_places)

    def _nulls(self, payload):
        """Bits of the null bitmap as one int, or None where values already stand row by row."""
        if self.layout in ROW_LAYOUTS:
            require(self.nulls == 0 and self.values == self.rows, "%s has a bitmap, or not a number a row", self.what)
            return None
        require(self.values == self.rows - self.null_rows, "%s has %d values, not as its index entry says", self.what, self.values)
        require((self.nulls == 2) == (self.layout == "NULL"), "%s is %s with nulls %d", self.what, self.layout, self.nulls)
        if self.nulls == 2:
            require(self.values == 0, "%s has values and is all null", self.what)
            return (1 << self.rows) - 1
        if self.nulls == 0:
            require(self.values == self.rows, "%s has nulls and no bitmap", self.what)
            return None
        require(self.nulls == 1, "nulls %d of %s", self.nulls, self.what)
        bitmap = int.from_bytes(payload.take((self.rows + 63) // 64 * 8), "little")
        require(bitmap >> self.rows == 0, "bits behind the bitmap of %s are not zero", self.what)
        require(bitmap.bit_count() == self.null_rows, "the bitmap of %s is not of %d nulls", self.what, self.null_rows)
        return bitmap

    def _spread(self, values, bitmap):
        bits = bin(bitmap | 1 << self.rows)[:2:-1]
        following = iter(values)
        return [None if bit == "1" else next(following) for bit in bits]

    def stream(self, payload, count):
        values = decode_stream(payload, self.segment.codecs, self.codecs)
        require(len(values) == count, "a stream of %s has %d values, not %d", self.what, len(values), count)
        return values


# The file ------------------------------------------------------------------------------------------

class Segment:
    def __init__(self, path=None, data=None):
        if data is None:
            with open(path, "rb") as file:
                data = file.read()
        self.data = memoryview(data)
        self._dictionaries = {}
        self._predictions = {}
        self._codes = {}
        require(len(data) >= HEADER_BYTES + FOOTER_FIXED_BYTES + TRAILER_BYTES, "a file of %d bytes", len(data))
        self._read_header(self.part(0, HEADER_BYTES))
        footer_at, footer_bytes = self._read_trailer(self.part(len(data) - TRAILER_BYTES, TRAILER_BYTES))
        self._read_footer(Cursor(self.part(footer_at, footer_bytes), "the footer"))
        self._require_places(footer_at)
        for row_group in self.row_groups:
            self._read_index(row_group)

    def part(self, offset, size):
        require(offset + size <= len(self.data), "bytes %d to %d are not in the file", offset, offset + size)
        return self.data[offset:offset + size]

    def require_feature(self, bit, what):
        """Called where something is met that came with a feature."""
        require(self.incompatible >> bit & 1, "%s needs feature bit %d (%s), which is not set", what, bit, FEATURES[bit])

    def seed(self, row_group, column_id, page):
        return xxh3(self.uuid + struct.pack("<III", row_group, column_id, page))

    def _read_header(self, header):
        magic, version, size, self.uuid, incompatible, self.compatible, reserved, checksum = struct.unpack("<8sII16sQQQQ", header)
        require(magic == b"WENDSEG\n", "this is no segment")
        require(xxh3(header[:56]) == checksum, "checksum of the header")
        if version != VERSION:
            raise Unsupported("version %d of segments" % version)
        require_features(incompatible)
        self.incompatible = incompatible
        self.codecs = CODECS_PATCHED if incompatible >> FEATURE_PATCHED & 1 else CODECS
        require(size == HEADER_BYTES, "a header of %d bytes", size)
        require(reserved == 0, "a reserved field of the header is not zero")

    def _read_trailer(self, trailer):
        footer_at, footer_bytes, version, self.footer_checksum, length, uuid, checksum, magic = struct.unpack("<QIIQQ16sQ8s", trailer)
        require(magic == b"WENDEND\n", "the file does not end as a segment")
        require(xxh3(trailer[:48]) == checksum, "checksum of the trailer")
        require(version == VERSION and uuid == self.uuid, "the trailer is of another segment than the header")
        require(length == len(self.data), "the file has %d bytes, its trailer says %d", len(self.data), length)
        require(length % FILE_ALIGN == 0, "the file's %d bytes are no multiple of %d", length, FILE_ALIGN)
        require(footer_at % PART_ALIGN == 0, "the footer begins at %d", footer_at)
        gap = length - TRAILER_BYTES - (footer_at + footer_bytes)
        require(0 <= gap < FILE_ALIGN, "the footer ends %d bytes before the trailer", gap)
        require_zero(self.part(footer_at + footer_bytes, gap), "padding behind the footer")
        return footer_at, footer_bytes

    def _read_footer(self, cursor):
        require(xxh3(cursor.data, self.seed(NONE, NONE, PLACE_FOOTER)) == self.footer_checksum, "checksum of the footer")
        magic, version, columns, row_groups, origins, user, time, self.row_count = cursor.unpack("8sIIIIIIQ")
        self.summary = Summary(cursor.unpack("qqQQQ"))
        incompatible, compatible, uuid, names_bytes, reserved = cursor.unpack("QQ16sI12s")
        require(magic == b"WENDFOOT" and version == VERSION and uuid == self.uuid, "the footer is of another segment")
        require_features(incompatible)
        require(incompatible == self.incompatible and compatible == self.compatible, "features of header and footer differ")
        require_zero(reserved, "a reserved field of the footer")
        chunks = columns * row_groups
        arrays = 24 * columns + 64 * row_groups + 72 * chunks + 32 * origins
        require(FOOTER_FIXED_BYTES + arrays + names_bytes == len(cursor.data), "the footer's arrays are not its bytes")
        names = cursor.data[len(cursor.data) - names_bytes:]
        self.columns = [Column(i, cursor.unpack("IBBBBIIII"), names) for i in range(columns)]
        self.row_groups = [RowGroup(i, cursor.unpack("QIIQqqQQQ")) for i in range(row_groups)]
        for row_group in self.row_groups:
            row_group.chunks = [Chunk(column, row_group, cursor.unpack("QQQIIIIIIIIQQ"), names) for column in self.columns]
        self.origins = [Origin(cursor.unpack("IIiIqq"), names) for _ in range(origins)]
        self.user_column = self._column_at(user)
        self.time_column = self._column_at(time)
        require(len({column.id for column in self.columns}) == columns, "two columns have one id")
        require(sum(row_group.rows for row_group in self.row_groups) == self.row_count, "row groups do not have the segment's rows")

    def _column_at(self, index):
        require(index == NONE or index < len(self.columns), "there is no column %d", index)
        return None if index == NONE else self.columns[index]

    def _require_places(self, footer_at):
        """The parts follow on each other without gaps, from the header to the footer."""
        at = HEADER_BYTES
        for row_group in self.row_groups:
            for chunk in row_group.chunks:
                require(chunk.offset == at, "%s in row group %d is out of place", chunk.column.name, row_group.number)
                for size in (chunk.pages_bytes, chunk.dictionary_bytes, chunk.prediction_bytes):
                    require(size % PART_ALIGN == 0, "a part of %s has %d bytes", chunk.column.name, size)
                    at += size
            require(row_group.index_offset == at, "the index of row group %d is not behind its chunks", row_group.number)
            at += row_group.index_bytes
        require(at == footer_at, "the footer is not behind the last row group")

    def _read_index(self, row_group):
        data = self.part(row_group.index_offset, row_group.index_bytes)
        seed = self.seed(row_group.number, NONE, PLACE_INDEX)
        require(xxh3(data, seed) == row_group.index_checksum, "checksum of the index of row group %d", row_group.number)
        cursor = Cursor(data, "the index of row group %d" % row_group.number)
        for chunk in row_group.chunks:
            at = chunk.offset
            for number, rows in enumerate(row_group.page_rows()):
                entry = PageEntry(number, rows, cursor.unpack("QIIB7sQQQ"))
                placed = entry.offset == at and entry.bytes % PART_ALIGN == 0
                require(placed, "page %d of %s is not behind the one before", number, chunk.column.name)
                at += entry.bytes
                chunk.pages.append(entry)
            require(at == chunk.offset + chunk.pages_bytes, "pages of %s are not its chunk's bytes", chunk.column.name)
            nulls = sum(entry.null_rows for entry in chunk.pages)
            require(nulls == chunk.null_rows, "nulls of %s are not its pages'", chunk.column.name)
        cursor.align(PART_ALIGN)
        cursor.end()

    # Content

    def column(self, name):
        """A column by its name, or as it is."""
        if isinstance(name, Column):
            return name
        return next(column for column in self.columns if column.name == name)

    def dictionary(self, chunk):
        """The dictionary of a chunk, or None; decoded once."""
        if chunk.entries == 0:
            return None
        if chunk not in self._dictionaries:
            data = self.part(chunk.offset + chunk.pages_bytes, chunk.dictionary_bytes)
            self._dictionaries[chunk] = Dictionary(self, chunk, data)
        return self._dictionaries[chunk]

    def prediction(self, chunk):
        """The prediction of a chunk, or None; decoded once."""
        if chunk.prediction_bytes == 0:
            return None
        if chunk not in self._predictions:
            self.require_feature(FEATURE_PREDICTED, "a prediction of %s" % chunk.column.name)
            data = self.part(chunk.offset + chunk.pages_bytes + chunk.dictionary_bytes, chunk.prediction_bytes)
            self._predictions[chunk] = Prediction(self, chunk, data)
            self._predictions[chunk].steps(self)
        return self._predictions[chunk]

    def page(self, chunk, number):
        return Page(self, chunk, chunk.pages[number], self.dictionary(chunk))

    def pages(self, chunk):
        """Every page of a chunk, decoded."""
        return (self.page(chunk, number) for number in range(len(chunk.pages)))

    def code_count(self, chunk):
        """How many codes a chunk's rows can have, the one of null included; 0: it has none."""
        if chunk.entries or chunk.column.kind not in INTEGER_KINDS or chunk.least is None:
            return chunk.entries
        return max(0, signed(chunk.greatest) - signed(chunk.least) + 2)

    def codes(self, chunk, number):
        """The codes of a page's rows, by the dictionary or from the least value; kept for what is predicted from them."""
        if (chunk, number) not in self._codes:
            page = self.page(chunk, number)
            codes = page.codes
            if codes is None:
                before = signed(chunk.least) - 1
                codes = [0 if value is None else int(value) - before for value in page.rows_values]
                require(0 <= min(codes) and max(codes) < self.code_count(chunk), "a value of %s is beyond its bounds", page.what)
            self._codes[chunk, number] = codes
        return self._codes[chunk, number]

    def chunk_rows(self, chunk):
        return list(itertools.chain.from_iterable(page.rows_values for page in self.pages(chunk)))

    def rows(self, column):
        """Every row of a column, by name or Column, in the segment's order."""
        index = self.column(column).index
        return list(itertools.chain.from_iterable(self.chunk_rows(row_group.chunks[index]) for row_group in self.row_groups))
