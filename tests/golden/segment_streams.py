"""Streams of integers in segment files, decoded as docs/FORMAT.md says and from nothing else.

decode_stream(cursor) -> list of integers of 64 bits, 0 … 2^64 − 1. A codec is one function in CODECS; what it must
not trust, it takes through Cursor, which refuses to go beyond its bytes.

Everything here raises Damage, and nothing else, on bytes that do not hold.
"""

import array
import itertools
import struct
import sys

MASK64 = (1 << 64) - 1
STREAM_VALUES_MOST = 65536
VECTOR_VALUES = 1024
LANE_TYPES = {8: "B", 16: "H", 32: "I", 64: "Q"}


class Damage(Exception):
    """The bytes are not a segment that this reader accepts."""


class Unsupported(Damage):
    """The segment says that it needs something this reader does not know."""


def require(holds, message, *words):
    if not holds:
        raise Damage(message % words if words else message)


def require_zero(data, what):
    if bytes(data).count(0) != len(data):
        raise Damage("%s is not zero" % what)


class Cursor:
    """Reads forward in some bytes; knows their place in the file only to say it."""

    def __init__(self, data, what):
        self.data = memoryview(data)
        self.what = what
        self.at = 0

    def take(self, count):
        if count < 0 or count > len(self.data) - self.at:
            raise Damage("%s ends too early: %d bytes at %d of %d" % (self.what, count, self.at, len(self.data)))
        part = self.data[self.at:self.at + count]
        self.at += count
        return part

    def unpack(self, form):
        return struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))

    def one(self, form):
        return self.unpack(form)[0]

    def numbers(self, form, count):
        """`count` numbers of one struct letter; the length is checked before anything is made."""
        return struct.unpack("<%d%s" % (count, form), self.take(count * struct.calcsize("<" + form)))

    def sized_numbers(self, size, count):
        """`count` unsigned numbers of `size` bytes each (0 bytes: zeros)."""
        data = bytes(self.take(size * count))
        return [int.from_bytes(data[i * size:(i + 1) * size], "little") for i in range(count)]

    def align(self, size):
        require_zero(self.take(-self.at % size), "padding of " + self.what)

    def end(self):
        require(self.at == len(self.data), "%s has %d bytes left over", self.what, len(self.data) - self.at)


def signed(value):
    return value - (1 << 64) if value >> 63 else value


# Vectors ------------------------------------------------------------------------------------------

def unpack_full(data, width):
    """1,024 numbers of `width` bits from 128 × width bytes: lanes side by side, word by word."""
    lane_bits = next(size for size in (8, 16, 32, 64) if width <= size)
    lanes = VECTOR_VALUES // lane_bits
    words = array.array(LANE_TYPES[lane_bits])
    words.frombytes(data)
    if sys.byteorder == "big":
        words.byteswap()
    if width == lane_bits:
        return words.tolist()
    numbers = [0] * VECTOR_VALUES
    mask = (1 << width) - 1
    shifts = range(0, lane_bits * width, width)
    for lane in range(lanes):
        word_bytes = words[lane::lanes]
        if sys.byteorder == "big":
            word_bytes.byteswap()
        string = int.from_bytes(word_bytes.tobytes(), "little")
        numbers[lane::lanes] = [(string >> shift) & mask for shift in shifts]
    return numbers


def unpack_short(data, width, count):
    """Fewer than 1,024 numbers: one string of bits."""
    string = int.from_bytes(data, "little")
    require(string >> (count * width) == 0, "bits behind a vector's last number are not zero")
    mask = (1 << width) - 1
    return [(string >> shift) & mask for shift in range(0, count * width, width)]


def unpack_vector(cursor, width, count):
    if width == 0:
        return [0] * count
    if count == VECTOR_VALUES:
        return unpack_full(cursor.take(128 * width), width)
    return unpack_short(cursor.take((count * width + 7) // 8), width, count)


# Codecs -------------------------------------------------------------------------------------------

def decode_constant(body, count, _inner):
    return [body.one("Q")] * count


class Packed:
    """The head that FOR, PFOR, DELTA and PDELTA have in common; then the vectors, one after another."""

    def __init__(self, body, count, steps, patched):
        self.body = body
        self.counts = [min(VECTOR_VALUES, count - at) for at in range(0, count, VECTOR_VALUES)]
        vectors = len(self.counts)
        self.reference, self.divisor, self.step_reference = body.unpack("QQq")
        base_size, step_size, exception_size, zero, exceptions = body.unpack("BBBBI")
        require(self.divisor >= 1, "a stream's divisor is 0")
        require(zero == 0, "reserved byte of %s is not zero", body.what)
        require(base_size <= 8 and step_size <= 8 and exception_size <= 8, "a base of more than 8 bytes")
        require(steps or (step_size == 0 and self.step_reference == 0), "steps in a stream that has none")
        require(patched or (exception_size == 0 and exceptions == 0), "exceptions in a stream that has none")
        self.widths = body.take(vectors).tolist()
        require(not self.widths or max(self.widths) <= 64, "a width of more than 64 bits")
        self.bases = body.sized_numbers(base_size, vectors)
        self.step_bases = body.sized_numbers(step_size, vectors)
        self.patches = [()] * vectors
        if patched:
            per_vector = body.numbers("H", vectors)
            require(sum(per_vector) == exceptions, "exceptions of vectors are not all exceptions")
            positions = body.numbers("H", exceptions)
            values = body.sized_numbers(exception_size, exceptions)
            ends = list(itertools.accumulate(per_vector, initial=0))
            self.patches = [list(zip(positions[a:b], values[a:b])) for a, b in zip(ends, ends[1:])]
        body.align(8)

    def vectors(self):
        """For each vector: its numbers with exceptions in place, its base, its step base."""
        for index, count in enumerate(self.counts):
            numbers = unpack_vector(self.body, self.widths[index], count)
            last = -1
            for position, value in self.patches[index]:
                require(last < position < count, "positions of exceptions do not rise within their vector")
                numbers[position] = value
                last = position
            yield numbers, self.bases[index], self.step_bases[index]

    def values(self, quotients):
        reference, divisor = self.reference, self.divisor
        if divisor == 1:
            return [(reference + quotient) & MASK64 for quotient in quotients]
        return [(reference + divisor * quotient) & MASK64 for quotient in quotients]


def decode_for(body, count, _inner, patched=False):
    packed = Packed(body, count, steps=False, patched=patched)
    values = []
    for numbers, base, _ in packed.vectors():
        values += packed.values([base + number for number in numbers])
    return values


def decode_pfor(body, count, inner):
    return decode_for(body, count, inner, patched=True)


def decode_delta(body, count, _inner):
    packed = Packed(body, count, steps=True, patched=False)
    values = []
    for numbers, base, step_base in packed.vectors():
        require(numbers[0] == 0, "the first step of a vector is not 0")
        step = packed.step_reference + step_base
        steps = [base] + [step + number for number in numbers[1:]]
        values += packed.values(itertools.accumulate(steps))
    return values


def decode_pdelta(body, count, _inner):
    packed = Packed(body, count, steps=False, patched=True)
    values = []
    for numbers, base, _ in packed.vectors():
        require(numbers[0] == 0, "the first step of a vector is not 0")
        steps = [base] + [(number >> 1) ^ -(number & 1) for number in numbers[1:]]
        values += packed.values(itertools.accumulate(steps))
    return values


def decode_rle(body, count, inner):
    runs, zero = body.unpack("II")
    require(zero == 0, "reserved field of RLE is not zero")
    values = decode_stream(body, inner)
    body.align(8)
    lengths = decode_stream(body, inner)
    require(len(values) == runs and len(lengths) == runs, "RLE has %d runs, %d values and %d lengths", runs, len(values), len(lengths))
    require(all(lengths) and sum(lengths) == count, "lengths of runs are not those of %d values", count)
    return list(itertools.chain.from_iterable(map(itertools.repeat, values, lengths)))


def decode_sparse(body, count, inner):
    common, exceptions, zero = body.unpack("QII")
    require(zero == 0, "reserved field of SPARSE is not zero")
    positions = body.numbers("H", exceptions)
    require_rising(positions, count, "SPARSE")
    body.align(8)
    values = decode_stream(body, inner)
    require(len(values) == exceptions, "SPARSE has %d exceptions for %d positions", len(values), exceptions)
    result = [common] * count
    for position, value in zip(positions, values):
        result[position] = value
    return result


def require_rising(positions, count, what):
    require(all(map(int.__lt__, positions, positions[1:])), "positions of %s do not rise", what)
    require(not positions or positions[-1] < count, "a position of %s is beyond its values", what)


class Patched:
    """The head of PATCHED and PATCHED_DELTA: a vector's numbers are w bits each, and upper parts of h bits for the few that need more."""

    def __init__(self, body, count, delta):
        self.body = body
        self.counts = [min(VECTOR_VALUES, count - at) for at in range(0, count, VECTOR_VALUES)]
        vectors = len(self.counts)
        self.reference, self.divisor, base_size, self.total_bits, zeros = body.unpack("QQBB6s")
        require_zero(zeros, "a reserved field of " + body.what)
        require(self.divisor >= 1, "a stream's divisor is 0")
        require(base_size <= 8, "a base of %d bytes", base_size)
        require(1 <= self.total_bits <= 64 if delta else self.total_bits == 0, "quotients of %d bits", self.total_bits)
        self.widths = body.take(vectors).tolist()
        upper_widths = body.take(vectors).tolist()
        upper_counts = body.numbers("H", vectors)
        self.bases = body.sized_numbers(base_size, vectors)
        require(all(w + h <= 64 for w, h in zip(self.widths, upper_widths)), "numbers of more than 64 bits")
        require(all((h == 0) == (x == 0) for h, x in zip(upper_widths, upper_counts)), "upper parts without bits, or bits without parts")
        self.uppers = [self._upper_parts(*one) for one in zip(self.counts, upper_counts, upper_widths)]
        body.align(8)

    def _upper_parts(self, rows, count, width):
        """Of one vector: pairs of a position and what stands above its number's bits."""
        require(count <= rows, "%d upper parts in %d rows", count, rows)
        if count == 0:
            return ()
        bitmap_bytes = (rows + 7) // 8
        if 2 * count < bitmap_bytes:
            positions = self.body.numbers("H", count)
            require_rising(positions, rows, "upper parts")
        else:
            positions = bit_positions(self.body.take(bitmap_bytes), rows)
            require(len(positions) == count, "%d bits are set for %d upper parts", len(positions), count)
        return list(zip(positions, unpack_short(self.body.take((count * width + 7) // 8), width, count)))

    def vectors(self):
        for count, width, base, uppers in zip(self.counts, self.widths, self.bases, self.uppers):
            numbers = unpack_vector(self.body, width, count)
            for position, upper in uppers:
                numbers[position] += upper << width
            yield numbers, base

    def values(self, quotients):
        return [(self.reference + self.divisor * quotient) & MASK64 for quotient in quotients]


def bit_positions(data, count):
    """Positions of set bits, lowest bit of the first byte first; none may lie at `count` or beyond."""
    bits = int.from_bytes(data, "little")
    require(bits >> count == 0, "a bit is set beyond the last of %d", count)
    return [position for position, bit in enumerate(bin(bits)[:1:-1]) if bit == "1"]


def decode_patched(body, count, _inner):
    packed = Patched(body, count, delta=False)
    values = []
    for numbers, base in packed.vectors():
        values += packed.values([(base + number) & MASK64 for number in numbers])
    return values


def decode_patched_delta(body, count, _inner):
    packed = Patched(body, count, delta=True)
    mask = (1 << packed.total_bits) - 1
    values = []
    for numbers, base in packed.vectors():
        require(numbers[0] == 0, "the first step of a vector is not 0")
        require(base <= mask, "a base of more than %d bits", packed.total_bits)
        values += packed.values([total & mask for total in itertools.accumulate([base] + numbers[1:])])
    return values


def decode_masked(body, count, inner):
    common, exceptions, zero = body.unpack("QII")
    require(zero == 0, "a reserved field of MASKED is not zero")
    positions = bit_positions(body.take((count + 63) // 64 * 8), count)
    require(1 <= exceptions == len(positions), "%d exceptions of MASKED, %d bits", exceptions, len(positions))
    values = decode_stream(body, inner)
    require(len(values) == exceptions, "MASKED has %d exceptions for %d bits", len(values), exceptions)
    result = [common] * count
    for position, value in zip(positions, values):
        result[position] = value
    return result


# number: (name, function of (body, count of values, what streams inside may be))
SIMPLE = {
    1: ("CONSTANT", decode_constant),
    2: ("FOR", decode_for),
    3: ("PFOR", decode_pfor),
    4: ("DELTA", decode_delta),
    5: ("PDELTA", decode_pdelta),
}
CODECS = {
    **SIMPLE,
    6: ("RLE", decode_rle),
    7: ("SPARSE", decode_sparse),
}
# With feature bit 0 there are more of both: those that hold no other stream, and all.
SIMPLE_PATCHED = {
    **SIMPLE,
    8: ("PATCHED", decode_patched),
    9: ("PATCHED_DELTA", decode_patched_delta),
}
CODECS_PATCHED = {
    **CODECS,
    **SIMPLE_PATCHED,
    10: ("MASKED", decode_masked),
}


def decode_stream(cursor, codecs, seen=None):
    """Decode the stream at the cursor and leave it behind the stream's padding.

    codecs: the table of codecs allowed here; seen: a list that is told the codecs' names.
    """
    require(cursor.at % 8 == 0, "a stream does not begin at a multiple of 8")
    codec, zero8, zero16, count, body_bytes, zero32 = cursor.unpack("BBHIII")
    require(zero8 == 0 and zero16 == 0 and zero32 == 0, "reserved fields of a stream are not zero")
    require(count <= STREAM_VALUES_MOST, "a stream of %d values", count)
    require(codec in codecs, "codec %d of a stream is not known here", codec)
    name, function = codecs[codec]
    if seen is not None:
        seen.append(name)
    body = Cursor(cursor.take(body_bytes), "the body of a %s stream" % name)
    values = function(body, count, SIMPLE_PATCHED if 8 in codecs else SIMPLE)
    body.end()
    cursor.align(8)
    require(len(values) == count, "a %s stream has %d values, not %d", name, len(values), count)
    return values
