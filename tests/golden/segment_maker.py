"""Whole segments made by chance; see segment_encoder.py for their streams. Written from docs/FORMAT.md alone.

    data = Maker(rng, features).segment(uuid, columns, row_groups, user, time)

columns: tuples (id, name, kind, precision, scale); row_groups: [[values of column 0, …], …] with values in the forms of
segment_decoder and rows in the promised order; user, time: indexes of columns or None. features: the bits that may
be made use of. What stands in a file twice agrees; everything the document leaves to the writer is left to `rng`.
"""

import array
import collections
import math
import struct

import zstandard

from segment_checks import as_bytes, first_bytes, greatest_cut, order_of_double, user_hash
from segment_decoder import (BYTES16_KINDS, DOUBLE_KINDS, FEATURE_FIRST_BYTES, FEATURE_PATCHED, FEATURE_PREDICTED, FEATURE_UUID4,
                             INTEGER_KINDS, KINDS, LAYOUTS, NONE, PAGE_ROWS, PLACE_FOOTER, PLACE_INDEX, TEXT_KINDS, Column, double_bits)
from segment_dictionaries import FEATURE_FORMS, FEATURE_UNORDERED, PLACE_BLOCK, PLACE_DICTIONARY, xxh3
from segment_encoder import Streams, bitmap, padded, size_of
from segment_predictions import NO_COLUMN, PLACE_PREDICTION, STEPS_MOST
from segment_streams import MASK64, VECTOR_VALUES

KIND_NUMBERS = {name: number for number, name in KINDS.items()}
LAYOUT_NUMBERS = {layout[0]: number for number, layout in LAYOUTS.items()}


def compressed(raw, rng):
    """zstd where that is shorter, or as they are: a reader tells by the size."""
    packed = zstandard.ZstdCompressor(level=rng.choice((1, 3, 12)), write_content_size=True).compress(raw)
    return raw if len(packed) >= len(raw) or rng.random() < 0.2 else packed


def varint(number):
    data = b""
    while number >= 0x80:
        data += bytes([number & 0x7F | 0x80])
        number >>= 7
    return data + bytes([number])


def float_of(value):
    return array.array("f", [value])[0]


def value_bits(kind, value):
    """What bounds and predictions take for the value of a number: 64 bits."""
    return double_bits(value) if kind in DOUBLE_KINDS else int(value) & MASK64


# Dictionaries --------------------------------------------------------------------------------------

def front_form(entries, _ordered):
    shared, suffixes, before = [], [], b""
    for entry in entries:
        same = next((i for i, (a, b) in enumerate(zip(before, entry)) if a != b), min(len(before), len(entry)))
        shared.append(same)
        suffixes.append(entry[same:])
        before = entry
    return b"".join(map(varint, shared)) + b"".join(varint(len(suffix)) for suffix in suffixes) + b"".join(suffixes)


def digits_behind_prefix(entries, digits):
    """The longest prefix of all behind which nothing but some of `digits` stands; None where there is none."""
    prefix = entries[0].rstrip(digits)
    rests = [entry[len(prefix):] for entry in entries]
    if len(prefix) > 255 or not all(entry.startswith(prefix) for entry in entries):
        return None
    if not all(rest and not rest.strip(digits) for rest in rests):
        return None
    return prefix, rests


def hexadecimal_form(entries, _ordered):
    for upper, digits in enumerate((b"0123456789abcdef", b"0123456789ABCDEF")):
        found = digits_behind_prefix(entries, digits)
        if found and len(set(map(len, found[1]))) == 1 and len(found[1][0]) <= 255:
            prefix, rests = found
            texts = "".join((rest + b"0" * (len(rest) % 2)).decode() for rest in rests)
            return b"\x01" + struct.pack("<BBB", len(prefix), len(rests[0]), upper) + prefix + bytes.fromhex(texts)
    return None


def decimal_form(entries, ordered):
    found = digits_behind_prefix(entries, b"0123456789")
    if not found:
        return None
    prefix, rests = found
    numbers = list(map(int, rests))
    lengths = set(map(len, rests))
    if all(len(rest) == 1 or rest[:1] != b"0" for rest in rests):
        digits = 0
    elif len(lengths) == 1 and lengths <= set(range(1, 19)):
        digits = lengths.pop()
    else:
        return None
    if max(numbers) >= 2 ** 63:
        return None
    if ordered:
        numbers = numbers[:1] + [after - before for before, after in zip(numbers, numbers[1:])]
        if min(numbers) < 0:
            return None
    size = max(1, max(map(size_of, numbers)))
    planes = zip(*(number.to_bytes(size, "little") for number in numbers))
    return b"\x02" + struct.pack("<BBB", len(prefix), digits, size) + prefix + b"".join(map(bytes, planes))


class MadeDictionary:
    """entries, codes (of the chunk's values), ordered; encode() gives the part."""

    def __init__(self, maker, values, is_user):
        rng = self.rng = maker.rng
        self.features = maker.features
        distinct = {as_bytes(value) for value in values if value is not None}
        occurring = len(distinct)
        if is_user:
            self.ordered = False
            entries = sorted(distinct, key=lambda entry: (xxh3(entry), entry))
        else:
            if rng.random() < 0.2:
                distinct |= {b"never %d" % i for i in range(rng.randrange(4))}
            self.ordered = FEATURE_UNORDERED not in self.features or rng.random() < 0.5
            entries = sorted(distinct)
            if not self.ordered:
                rng.shuffle(entries)
        self.entries = [None] + entries
        self.unused = len(entries) > occurring
        code_of = {entry: code for code, entry in enumerate(self.entries)}
        self.codes = [code_of[None if value is None else as_bytes(value)] for value in values]

    def encode(self, seed):
        rng = self.rng
        with_forms = FEATURE_FORMS in self.features and rng.random() < 0.8
        entries = self.entries[1:]
        cuts = [0] * min(len(entries), 1)
        if len(entries) > 1:
            cuts = sorted({0} | {rng.randrange(1, len(entries)) for _ in range(rng.choice((0, 0, 1, 4)))})
        index, blocks = b"", b""
        for number, (begin, end) in enumerate(zip(cuts, cuts[1:] + [len(entries)])):
            block = entries[begin:end]
            raw = self._raw(block, with_forms)
            stored = compressed(raw, rng)
            strings = sum(map(len, block))
            index += struct.pack("<IIIIQ", begin + 1, len(stored), len(raw), strings, xxh3(stored, seed(PLACE_BLOCK + number)))
            blocks += stored
        return self._head(len(cuts), with_forms, seed, index) + blocks

    def _head(self, blocks, with_forms, seed, index):
        strings = sum(map(len, self.entries[1:]))
        head = struct.pack("<IIQIII28x", len(self.entries), blocks, strings, *seed.ids, self.ordered | with_forms << 1)
        return struct.pack("<Q", xxh3(head + index, seed(PLACE_DICTIONARY))) + head + index

    def _raw(self, block, with_forms):
        if not with_forms:
            return front_form(block, self.ordered)
        forms = [b"\0" + front_form(block, self.ordered), hexadecimal_form(block, self.ordered), decimal_form(block, self.ordered)]
        fitting = [form for form in forms if form is not None]
        return self.rng.choice(fitting[-2:])


# Predictions ---------------------------------------------------------------------------------------

class MadePrediction:
    """Of a chunk from other chunks with dictionaries. numbers: m of each row; residuals(begin, end)."""

    def __init__(self, maker, chunk, determinants, base, numbers):
        rng = self.rng = maker.rng
        self.determinants, self.base, self.numbers = determinants, base, numbers
        self.row_before = bool(determinants) and rng.random() < 0.4
        self.keys = [0] * len(numbers)
        self.key_count = 1
        for determinant in determinants:
            entries, codes = determinant.codes()
            if self.row_before:
                codes = [0] + codes[:-1]
                for at in range(0, len(codes), PAGE_ROWS):
                    for row in range(at, min(at + PAGE_ROWS, len(codes)), VECTOR_VALUES):
                        codes[row] = 0
            self.keys = [key * entries + code for key, code in zip(self.keys, codes)]
            self.key_count *= entries
        counts = collections.defaultdict(collections.Counter)
        for key, number in zip(self.keys, numbers):
            counts[key][number] += 1
        self.map = [counts[key].most_common(1)[0][0] if key in counts else 0 for key in range(self.key_count)]
        left = collections.Counter(number for key, number in zip(self.keys, numbers) if self.map[key] != number)
        self.list = [number for number, _ in left.most_common(rng.choice((0, 1, 5, 300)))]
        rng.shuffle(self.list)

    def residuals(self, begin, end):
        places = {number: i + 1 for i, number in enumerate(self.list)}
        found = []
        for key, number in zip(self.keys[begin:end], self.numbers[begin:end]):
            if self.map[key] == number and self.rng.random() < 0.99:
                found.append(0)
            else:
                found.append(places.get(number, len(self.list) + number + 1))
        return found

    def encode(self, seed):
        content = self.map + self.list
        size = max(1, max(map(size_of, content)))
        raw = b"".join(number.to_bytes(size, "little") for number in content)
        stored = compressed(raw, self.rng)
        ids = [determinant.column.id for determinant in self.determinants] + [NO_COLUMN] * 2
        head = struct.pack("<IIBBBBIIIqII16x", *seed.ids, len(self.determinants), self.row_before, size, 0, *ids[:2], len(self.map),
                           self.base, len(self.list), len(stored))
        data = head + stored
        data += bytes(-(len(data) + 8) % 64)
        return struct.pack("<Q", xxh3(data, seed(PLACE_PREDICTION))) + data


# Chunks and pages ----------------------------------------------------------------------------------

class Seed:
    """seed(page) of one chunk."""

    def __init__(self, uuid, row_group, column_id):
        self.uuid = uuid
        self.ids = (column_id, row_group)

    def __call__(self, page):
        column_id, row_group = self.ids
        return xxh3(self.uuid + struct.pack("<III", row_group, column_id, page))


class MadeChunk:
    def __init__(self, maker, column, values, is_user):
        self.maker, self.rng, self.column, self.values, self.is_user = maker, maker.rng, column, values, is_user
        self.dictionary = self.prediction = None
        self.steps = 0
        self.bounded = column.index == maker.time or self.rng.random() < 0.8
        if column.kind in TEXT_KINDS and (is_user or self.rng.random() < 0.7):
            self.dictionary = MadeDictionary(maker, values, is_user)

    def predict(self, chunks):
        """By chance, from chunks that were through this before, so that nothing looks at itself in the end."""
        if self.is_user or self.rng.random() < 0.4 or self.column.kind in BYTES16_KINDS or not self.values:
            return
        able = [chunk for chunk in chunks if chunk.steps < STEPS_MOST and 0 < chunk.codes()[0] <= 1 << 18]
        determinants = self.rng.sample(able, min(len(able), self.rng.choice((0, 1, 1, 1, 2))))
        if math.prod(chunk.codes()[0] for chunk in determinants) > 1 << 18:
            return
        if self.dictionary:
            base, numbers = 0, self.dictionary.codes
        elif self.column.kind in TEXT_KINDS:
            return
        else:
            base, numbers = self._numbers()
        if numbers is not None:
            self.steps = 1 + max((chunk.steps for chunk in determinants), default=0)
            self.prediction = MadePrediction(self.maker, self, determinants, base, numbers)

    def codes(self):
        """(how many codes, the code of each row) for predictions from this chunk; (0, []) where it has none."""
        if self.dictionary:
            return len(self.dictionary.entries), self.dictionary.codes
        present = [value for value in self.values if value is not None]
        if self.column.kind not in INTEGER_KINDS or not self.bounded or not present:
            return 0, []
        least = min(present)
        return int(max(present)) - least + 2, [0 if value is None else value - least + 1 for value in self.values]

    def _numbers(self):
        """base and m of each row; m is None where values lie too far apart."""
        bits = [None if value is None else value_bits(self.column.kind, value) for value in self.values]
        present = [one for one in bits if one is not None]
        for base in self.rng.sample([min(present, default=0), (min((one ^ 1 << 63 for one in present), default=0)) ^ 1 << 63], 2):
            if all((one - base & MASK64) < 1 << 63 for one in present):
                return base - (base >> 63 << 64), [0 if one is None else (one - base & MASK64) + 1 for one in bits]
        return 0, None

    # Pages

    def page(self, number, begin, end):
        """A page's bytes behind its checksum."""
        values = self.values[begin:end]
        present = [value for value in values if value is not None]
        kind = self.column.kind
        nulls, exponent, flag, stored = 0, 0, 0, len(values)
        if self.prediction and self.rng.random() < 0.8:
            layout, flag = "PREDICTED", int(self.dictionary is not None)
            payload = self.maker.streams.encode(self.prediction.residuals(begin, end), 32 if self.dictionary else 64)
        elif self.dictionary:
            layout, payload = "CODES", self.maker.streams.encode(self.dictionary.codes[begin:end], 32)
        elif not present:
            layout, payload, nulls, stored = "NULL", b"", 2, 0
        else:
            layout, payload, exponent = self._values(present)
            flag = int(kind == "real")
            stored = len(present)
            if stored < len(values):
                nulls = 1
                payload = bitmap([i for i, value in enumerate(values) if value is None], (len(values) + 63) // 64 * 8) + payload
        column_id, row_group = self.column.id, self.row_group
        data = struct.pack("<IIIBBBBIII28x", len(payload), len(values), stored, LAYOUT_NUMBERS[layout], nulls, exponent, flag,
                           column_id, row_group, number) + payload
        return data + bytes(-(len(data) + 8) % 64)

    def _values(self, present):
        """(layout, payload, exponent) of values that are not null."""
        kind, streams = self.column.kind, self.maker.streams
        if kind in INTEGER_KINDS:
            return "INTEGER", streams.encode([int(value) & MASK64 for value in present]), 0
        if kind in TEXT_KINDS:
            return "STRINGS", self._strings(list(map(as_bytes, present))), 0
        if kind in BYTES16_KINDS:
            return (*self._bytes16(present), 0)
        if self.rng.random() < 0.6:
            return self._decimal(present)
        if kind == "real":
            return "FLOAT", streams.encode([struct.unpack("<I", struct.pack("<f", value))[0] for value in present]), 0
        return "DOUBLE", streams.encode(list(map(double_bits, present))), 0

    def _bytes16(self, present):
        pairs = [struct.unpack(">QQ", value) for value in present]
        layouts = ["RAW16", "SPLIT16"]
        if FEATURE_UUID4 in self.maker.features and all(x >> 12 & 15 == 4 and y >> 62 == 2 for x, y in pairs) and self.column.kind == "uuid":
            layouts += ["UUID4"] * 4
        layout = self.rng.choice(layouts)
        if layout == "RAW16":
            return layout, b"".join(present)
        if layout == "UUID4":
            pairs = [((x >> 16) << 12 | x & 0xFFF, y & (1 << 62) - 1) for x, y in pairs]
        return layout, b"".join(self.maker.streams.encode(list(numbers)) for numbers in zip(*pairs))

    def _decimal(self, present):
        exponent = self.rng.choice((0, 1, 2, 2, 3, 15))
        numbers, exceptions = [], []
        for place, value in enumerate(present):
            number = round(value * 10 ** exponent) if math.isfinite(value) and abs(value) < 2 ** 62 / 10 ** exponent else 0
            back = float(number) / float(10 ** exponent)
            if self.column.kind == "real":
                back = float_of(back)
            if double_bits(back) != double_bits(value):
                exceptions.append(place)
                number = self.rng.choice(numbers or [0])
            numbers.append(number)
        payload = self.maker.streams.encode([number & MASK64 for number in numbers])
        payload += padded(struct.pack("<II%dH" % len(exceptions), len(exceptions), 0, *exceptions), 8)
        return "DECIMAL", payload + b"".join(struct.pack("<d", present[place]) for place in exceptions), exponent

    def _strings(self, present):
        cuts = sorted({0} | {self.rng.randrange(len(present)) for _ in range(self.rng.choice((0, 1, 5)))})
        blocks = [compressed(b"".join(present[a:b]), self.rng) for a, b in zip(cuts, cuts[1:] + [len(present)])]
        heads = b"".join(struct.pack("<II", first, len(block)) for first, block in zip(cuts, blocks))
        return self.maker.streams.encode(list(map(len, present)), 32) + struct.pack("<II", len(blocks), 0) + heads + b"".join(blocks)

    def statistics(self, begin, end):
        """An index entry's flags, least, greatest and mask: some of what may be said."""
        present = [value for value in self.values[begin:end] if value is not None]
        kind, flags, least, greatest, mask = self.column.kind, 0, 0, 0, 0
        if self.rng.random() < 0.2:
            return 0, 0, 0, 0
        if self.dictionary:
            codes = self.dictionary.codes[begin:end]
            flags = 2
            if present:
                flags, least, greatest = 3, min(filter(None, codes)), max(codes)
            if len(self.dictionary.entries) <= 64 and self.rng.random() < 0.7:
                flags, mask = flags | 4, sum(1 << code for code in set(codes))
        elif present and kind in INTEGER_KINDS | DOUBLE_KINDS:
            key = order_of_double if kind in DOUBLE_KINDS else int
            flags, least, greatest = 1, value_bits(kind, min(present, key=key)), value_bits(kind, max(present, key=key))
        elif present and FEATURE_FIRST_BYTES in self.maker.features and kind != "jsonb":
            firsts = list(map(first_bytes, present))
            flags, least, greatest = 9, min(firsts), max(firsts)
        return flags, least, greatest, mask

    def bounds(self, name):
        """The end of a chunk's record: flags, places of strings, prediction's bytes, numbers."""
        flags = 8 if self.dictionary and self.dictionary.ordered else 0
        present = [value for value in self.values if value is not None]
        kind, strings, numbers = self.column.kind, [(0, 0), (0, 0)], [0, 0]
        if self.dictionary and self.dictionary.unused:
            present = []
        if present and self.bounded:
            if kind in INTEGER_KINDS | DOUBLE_KINDS:
                key = order_of_double if kind in DOUBLE_KINDS else int
                flags, numbers = flags | 1, [value_bits(kind, end(present, key=key)) for end in (min, max)]
            else:
                least, greatest = (end(map(as_bytes, present)) for end in (min, max))
                if greatest_cut(greatest) is not None:
                    flags, strings = flags | 1, [name(least[:64]), name(greatest_cut(greatest))]
        return flags, strings, numbers


# The file ------------------------------------------------------------------------------------------

class Maker:
    def __init__(self, rng, features):
        self.rng, self.features = rng, features
        self.streams = Streams(rng, FEATURE_PATCHED in features)
        self.names = b""

    def name(self, data):
        """(place, length) among the names."""
        place = self.names.find(data)
        if place < 0:
            place = len(self.names)
            self.names += data
        return place, len(data)

    def segment(self, uuid, columns, row_groups, user, time):
        self.uuid, self.user, self.time = uuid, user, time
        self.columns = [column_of(i, column) for i, column in enumerate(columns)]
        self.feature_bits = sum(1 << bit for bit in self.features)
        head = struct.pack("<8sII16sQQQ", b"WENDSEG\n", 1, 64, uuid, self.feature_bits, 0, 0)
        self.data = head + struct.pack("<Q", xxh3(head))
        groups, chunks = b"", b""
        for number, content in enumerate(row_groups):
            group, records = self._row_group(number, content)
            groups += group
            chunks += records
        footer = self._footer(columns, row_groups, groups, chunks)
        seed = Seed(uuid, NONE, NONE)(PLACE_FOOTER)
        place = len(self.data)
        length = place + len(footer) + 64
        length += -length % 4096
        trailer = struct.pack("<QIIQQ16s", place, len(footer), 1, xxh3(footer, seed), length, uuid)
        trailer += struct.pack("<Q8s", xxh3(trailer), b"WENDEND\n")
        return (self.data + footer).ljust(length - 64, b"\0") + trailer

    def _row_group(self, number, content):
        chunks = [MadeChunk(self, column, values, column.index == self.user) for column, values in zip(self.columns, content)]
        through = []
        for chunk in self.rng.sample(chunks, len(chunks)):
            if FEATURE_PREDICTED in self.features:
                chunk.predict(through)
            through.append(chunk)
        rows = len(content[0])
        index, records = b"", b""
        for chunk in chunks:
            record, entries = self._chunk(number, chunk, rows)
            records += record
            index += entries
        index = padded(index, 64)
        place = len(self.data)
        self.data += index
        checksum = xxh3(index, Seed(self.uuid, number, NONE)(PLACE_INDEX))
        return struct.pack("<QIIQ", place, len(index), rows, checksum) + self._summary([content]), records

    def _chunk(self, number, chunk, rows):
        chunk.row_group = number
        seed = Seed(self.uuid, number, chunk.column.id)
        place, entries = len(self.data), b""
        for page, begin in enumerate(range(0, rows, PAGE_ROWS)):
            end = min(begin + PAGE_ROWS, rows)
            data = chunk.page(page, begin, end)
            data = struct.pack("<Q", xxh3(data, seed(page))) + data
            nulls = chunk.values[begin:end].count(None)
            flags, least, greatest, mask = chunk.statistics(begin, end)
            entries += struct.pack("<QIIB7xQQQ", len(self.data), len(data), nulls, flags, least, greatest, mask)
            self.data += data
        pages_bytes = len(self.data) - place
        dictionary = padded(chunk.dictionary.encode(seed), 64) if chunk.dictionary else b""
        prediction = chunk.prediction.encode(seed) if chunk.prediction else b""
        self.data += dictionary + prediction
        flags, strings, numbers = chunk.bounds(self.name)
        count = len(chunk.dictionary.entries) if chunk.dictionary else 0
        record = struct.pack("<QQQIII", place, pages_bytes, len(dictionary), count, chunk.values.count(None), flags)
        return record + struct.pack("<IIIIIQQ", *strings[0], *strings[1], len(prediction), *numbers), entries

    def _summary(self, groups):
        """Times, hashes and rows without a user of some row groups."""
        times = [value for content in groups for value in content[self.time] if value is not None] if self.time is not None else []
        rows = sum(len(content[0]) for content in groups)
        users = [value for content in groups for value in content[self.user]] if self.user is not None else [None] * rows
        hashes = [user_hash(self.columns[self.user], value) for value in set(users) - {None}]
        return struct.pack("<qqQQQ", *((min(times), max(times)) if times else (2 ** 63 - 1, -2 ** 63)),
                           *((min(hashes), max(hashes)) if hashes else (MASK64, 0)), users.count(None))

    def _footer(self, columns, row_groups, groups, chunks):
        place, length = self.name(b"made by chance")
        origin = struct.pack("<IIiIqq", place, length, 3, 0, 10, 20)
        records = b"".join(struct.pack("<IBBBBIIII", column.id, KIND_NUMBERS[column.kind], column.precision, column.scale, 0, 0,
                                       *self.name(column.name.encode()), 0) for column in self.columns)
        fixed = struct.pack("<8sIIIIIIQ", b"WENDFOOT", 1, len(columns), len(row_groups), 1, NONE if self.user is None else self.user,
                            NONE if self.time is None else self.time, sum(len(content[0]) for content in row_groups))
        fixed += self._summary(row_groups) + struct.pack("<QQ16sI12x", self.feature_bits, 0, self.uuid, len(self.names))
        return fixed + records + groups + chunks + origin + self.names


def column_of(index, column):
    column_id, name, kind, precision, scale = column
    fields = (column_id, KIND_NUMBERS[kind], precision, scale, 0, 0, 0, len(name.encode()), 0)
    return Column(index, fields, name.encode())
