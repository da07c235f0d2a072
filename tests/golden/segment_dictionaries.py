"""Dictionaries of segment files, decoded as docs/FORMAT.md says; see segment_decoder.py, which this is a part of.

A block's form is one function in FORMS. Needs the packages xxhash and zstandard.
"""

import itertools

import xxhash
import zstandard

from segment_streams import Cursor, Damage, require, require_zero

HEADER_BYTES = 64
BLOCK_STRINGS_MOST = 1 << 20
ALIGN = 64
PLACE_DICTIONARY = 0x80000000
PLACE_BLOCK = 0x80000001
ORDERED = 1
WITH_FORMS = 2
FEATURE_FORMS = 3
FEATURE_UNORDERED = 4
DECIMAL_DIGITS_MOST = 18

DECOMPRESSOR = zstandard.ZstdDecompressor()


def xxh3(data, seed=0):
    return xxhash.xxh3_64_intdigest(data, seed)


def decompress(stored, raw_bytes, what):
    """A block's raw bytes: they are stored as they are, or as one zstd frame that says its content's size."""
    if len(stored) == raw_bytes:
        return bytes(stored)
    require(raw_bytes <= 40000 * len(stored) + 1024, "%s claims %d bytes from %d", what, raw_bytes, len(stored))
    try:
        require(zstandard.frame_content_size(stored) == raw_bytes, "%s is not a frame of %d bytes", what, raw_bytes)
        raw = DECOMPRESSOR.decompress(stored, max_output_size=raw_bytes, allow_extra_data=False)
    except zstandard.ZstdError as fault:
        raise Damage("%s: %s" % (what, fault)) from None
    require(len(raw) == raw_bytes, "%s has %d bytes, not %d", what, len(raw), raw_bytes)
    return raw


def text_of(data):
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as fault:
        raise Damage("a text is not UTF-8: %s" % fault) from None


class Dictionary:
    """entries[0] is None, the others are bytes; texts are the same as str."""

    def __init__(self, segment, chunk, data):
        place = (chunk.row_group.number, chunk.column.id)
        cursor = Cursor(data, "the dictionary of %s" % chunk.column.name)
        checksum, entries, blocks, total, column_id, row_group, flags, reserved = cursor.unpack("QIIQIII28s")
        require(blocks <= len(data) // 24, "a dictionary of %d blocks in %d bytes", blocks, len(data))
        index_end = HEADER_BYTES + 24 * blocks
        require(index_end <= len(data), "a dictionary's index is beyond its end")
        require(xxh3(data[8:index_end], segment.seed(*place, PLACE_DICTIONARY)) == checksum, "checksum of %s", cursor.what)
        require_zero(reserved, "a reserved field of a dictionary")
        require((row_group, column_id) == place, "%s says that it is column %d in row group %d", cursor.what, column_id, row_group)
        require(flags & ~(ORDERED | WITH_FORMS) == 0, "flags %d of a dictionary", flags)
        self.ordered = bool(flags & ORDERED)
        require(self.ordered == chunk.dictionary_ordered, "%s and its chunk differ about its order", cursor.what)
        if flags & WITH_FORMS:
            segment.require_feature(FEATURE_FORMS, cursor.what)
        require(entries == chunk.entries, "%s has %d entries, its chunk says %d", cursor.what, entries, chunk.entries)
        require(total < 2 ** 32 - 64, "%s holds %d bytes", cursor.what, total)
        index = [cursor.unpack("IIIIQ") for _ in range(blocks)]
        self.forms_seen = set()
        self.forms = FORMS if flags & WITH_FORMS else None
        self._read_blocks(segment, place, cursor, index, entries, total)
        self._require_order(segment, chunk)
        self.texts = [None] + [text_of(entry) for entry in self.entries[1:]]

    def _read_blocks(self, segment, place, cursor, index, entries, total):
        firsts = [block[0] for block in index] + [entries]
        require(firsts[0] == 1, "%s does not begin with entry 1", cursor.what)
        require(sum(block[3] for block in index) == total, "blocks of %s do not hold its %d bytes", cursor.what, total)
        self.entries = [None]
        for number, (first, stored_bytes, raw_bytes, string_bytes, checksum) in enumerate(index):
            count = firsts[number + 1] - first
            require(count >= 1, "block %d of %s has no entries", number, cursor.what)
            stored = cursor.take(stored_bytes)
            require(xxh3(stored, segment.seed(*place, PLACE_BLOCK + number)) == checksum,
                    "checksum of block %d of %s", number, cursor.what)
            require(count == 1 or string_bytes <= BLOCK_STRINGS_MOST, "block %d of %s holds %d bytes", number, cursor.what, string_bytes)
            what = "block %d of %s" % (number, cursor.what)
            self.entries += self._strings(Cursor(decompress(stored, raw_bytes, what), what), count, string_bytes)
        cursor.align(ALIGN)
        cursor.end()

    def _strings(self, raw, count, string_bytes):
        """The entries of one block."""
        form = 0
        if self.forms is not None:
            form = raw.one("B")
            require(form in self.forms, "form %d of %s is not known", form, raw.what)
        self.forms_seen.add(FORMS[form][0])
        strings = FORMS[form][1](raw, count, string_bytes, self.ordered)
        raw.end()
        return strings

    def _require_order(self, segment, chunk):
        entries = self.entries[1:]
        if self.ordered or chunk.column is segment.user_column:
            keys = entries if self.ordered else [(xxh3(entry), entry) for entry in entries]
            require(all(a < b for a, b in zip(keys, keys[1:])), "entries of a dictionary do not rise")
        else:
            segment.require_feature(FEATURE_UNORDERED, "the dictionary of %s" % chunk.column.name)
            require(len(set(entries)) == len(entries), "two entries of a dictionary are equal")


def varints(cursor, count):
    values = []
    for _ in range(count):
        value = shift = 0
        while True:
            byte = cursor.one("B")
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
            require(shift < 35, "a varint of more than 5 bytes")
        values.append(value)
    return values


# Forms ---------------------------------------------------------------------------------------------
# Each takes (raw bytes behind the form, number of entries, bytes of all strings, whether the dictionary is ordered).

def front_coded(cursor, count, string_bytes, _ordered):
    """What each entry shares with the one before, and the rest."""
    require(count <= len(cursor.data) // 2, "%d entries in %d bytes", count, len(cursor.data))
    shared = varints(cursor, count)
    following = varints(cursor, count)
    require(shared[0] == 0, "the first entry of a block shares with none")
    require(sum(shared) + sum(following) == string_bytes, "strings of a block are not %d bytes", string_bytes)
    strings, before = [], b""
    for prefix, suffix in zip(shared, following):
        require(prefix <= len(before), "an entry shares more than there is")
        before = before[:prefix] + bytes(cursor.take(suffix))
        strings.append(before)
    return strings


def hexadecimal(cursor, count, string_bytes, _ordered):
    """One prefix and d hexadecimal digits behind it."""
    prefix_bytes, digits, upper = cursor.unpack("BBB")
    require(digits >= 1 and upper <= 1, "%d digits, case %d", digits, upper)
    require((prefix_bytes + digits) * count == string_bytes, "strings of a block are not %d bytes", string_bytes)
    prefix = bytes(cursor.take(prefix_bytes))
    size = (digits + 1) // 2
    data = bytes(cursor.take(size * count)).hex()
    texts = [data[at:at + 2 * size] for at in range(0, len(data), 2 * size)]
    require(digits % 2 == 0 or all(text[-1] == "0" for text in texts), "bits behind an odd digit are not zero")
    texts = [text[:digits].upper() if upper else text[:digits] for text in texts]
    return [prefix + text.encode() for text in texts]


def decimal(cursor, count, string_bytes, ordered):
    """One prefix and a decimal number behind it; bytes of the same weight stand together."""
    prefix_bytes, digits, size = cursor.unpack("BBB")
    require(digits <= DECIMAL_DIGITS_MOST and 1 <= size <= 8, "%d digits, numbers of %d bytes", digits, size)
    prefix = bytes(cursor.take(prefix_bytes))
    planes = [bytes(cursor.take(count)) for _ in range(size)]
    numbers = [int.from_bytes(number, "little") for number in zip(*planes)]
    if ordered:
        numbers = list(itertools.accumulate(numbers))
    limit = 10 ** digits if digits else 1 << 63
    require(max(numbers) < min(limit, 1 << 63), "a number is too large")
    strings = [prefix + b"%0*d" % (digits, number) for number in numbers]
    require(sum(map(len, strings)) == string_bytes, "strings of a block are not %d bytes", string_bytes)
    return strings


FORMS = {
    0: ("FRONT", front_coded),
    1: ("HEXADECIMAL", hexadecimal),
    2: ("DECIMAL", decimal),
}


