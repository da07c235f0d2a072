"""Streams of integers made by chance: whatever docs/FORMAT.md lets a writer do, not what wend's writer would choose.

Streams(rng, patched).encode(values): codec, divisor, widths, bases, where exceptions lie, and what else there is to
choose, is taken by `rng` among all that can hold the values. So a reader that believes in its own writer's habits,
and not in the document, is found out. patched: feature bit 0 may be made use of. Written from the document alone.
"""

import itertools
import math
import struct

from segment_streams import LANE_TYPES, MASK64, VECTOR_VALUES


def padded(data, size):
    return data + bytes(-len(data) % size)


def size_of(number):
    """Bytes that an unsigned number needs."""
    return (number.bit_length() + 7) // 8


# Vectors ------------------------------------------------------------------------------------------

def pack_short(numbers, width):
    string = sum(number << (i * width) for i, number in enumerate(numbers))
    return string.to_bytes((len(numbers) * width + 7) // 8, "little")


def pack_vector(numbers, width):
    if len(numbers) < VECTOR_VALUES:
        return pack_short(numbers, width)
    lane_bits = next(size for size in LANE_TYPES if width <= size)
    lanes = VECTOR_VALUES // lane_bits
    word_bytes = lane_bits // 8
    strings = [pack_short(numbers[lane::lanes], width) for lane in range(lanes)]
    return b"".join(string[k * word_bytes:(k + 1) * word_bytes] for k in range(width) for string in strings)


def bitmap(positions, size):
    return sum(1 << position for position in positions).to_bytes(size, "little")


def cut(values):
    return [values[at:at + VECTOR_VALUES] for at in range(0, len(values), VECTOR_VALUES)]


def rising(values):
    """Cuts values where one differs from the one before: [(value, run length)]."""
    return [(value, len(list(run))) for value, run in itertools.groupby(values)]


class Streams:
    """encode(values) -> the bytes of a stream, its codec and all in it by chance.

    bits_most: 32 where the values are codes or lengths, which are never packed wider than that.
    """

    def __init__(self, rng, patched):
        self.rng = rng
        self.simple = [self.packed_for, self.packed_pfor, self.packed_delta, self.packed_pdelta]
        if patched:
            self.simple += [self.patched, self.patched_delta]
        self.outer = [self.rle, self.sparse] + ([self.masked] if patched else [])

    def encode(self, values, bits_most=64, nested=False):
        self.bits_most = bits_most
        candidates = list(self.simple)
        if len(set(values)) == 1:
            candidates += [self.constant] * 3
        if not nested and values:
            candidates += self.outer
        codec, body = self.rng.choice(candidates)(values)
        return padded(struct.pack("<BBHIII", codec, 0, 0, len(values), len(body), 0) + body, 8)

    def constant(self, values):
        return 1, struct.pack("<Q", values[0])

    def quotients(self, values):
        """A reference, a divisor, and what is left."""
        reference = min(values, default=0)
        divisor = math.gcd(*(value - reference for value in values)) or 1
        if self.rng.random() < 0.4:
            divisor = 1
        return reference, divisor, [(value - reference) // divisor for value in values]

    def wider(self, bits):
        """A width that suffices, mostly the least."""
        return bits if self.rng.random() < 0.8 or bits >= self.bits_most else self.rng.randint(bits, self.bits_most)

    def bytes_for(self, numbers):
        least = max(map(size_of, numbers), default=0)
        return least if self.rng.random() < 0.8 else self.rng.randint(least, 8)

    def take_exceptions(self, vector):
        """Some numbers go among the exceptions: (what stays, positions, exceptions)."""
        positions = sorted(self.rng.sample(range(len(vector)), self.rng.choice((0, 1, 3, len(vector) // 7)) % len(vector)))
        largest = max(range(len(vector)), key=vector.__getitem__)
        if self.rng.random() < 0.7:
            positions = sorted({*positions, largest})
        stays = list(vector)
        for position in positions:
            stays[position] = 0
        return stays, positions, [vector[position] for position in positions]

    def body(self, head, vectors, bases, step_reference=0, step_bases=None, patched=False):
        reference, divisor = head
        base_bytes = self.bytes_for(bases)
        step_bytes = self.bytes_for(step_bases) if step_bases is not None else 0
        exceptions = [self.take_exceptions(vector) if patched else (vector, [], []) for vector in vectors]
        vectors = [stays for stays, _, _ in exceptions]
        values = [value for _, _, these in exceptions for value in these]
        exception_bytes = self.bytes_for(values) if patched else 0
        widths = [self.wider(max(vector).bit_length()) for vector in vectors]
        body = struct.pack("<QQqBBBBI", reference, divisor, step_reference, base_bytes, step_bytes, exception_bytes, 0, len(values))
        body += bytes(widths)
        body += b"".join(base.to_bytes(base_bytes, "little") for base in bases)
        body += b"".join(base.to_bytes(step_bytes, "little") for base in step_bases or ())
        if patched:
            body += b"".join(struct.pack("<H", len(positions)) for _, positions, _ in exceptions)
            body += b"".join(struct.pack("<H", position) for _, positions, _ in exceptions for position in positions)
            body += b"".join(value.to_bytes(exception_bytes, "little") for value in values)
        return padded(body, 8) + b"".join(map(pack_vector, vectors, widths))

    def packed_for(self, values, codec=2):
        reference, divisor, quotients = self.quotients(values)
        vectors = cut(quotients)
        bases = [self.rng.choice((min(vector), min(vector), 0)) for vector in vectors]
        vectors = [[quotient - base for quotient in vector] for vector, base in zip(vectors, bases)]
        return codec, self.body((reference, divisor), vectors, bases, patched=codec == 3)

    def packed_pfor(self, values):
        return self.packed_for(values, codec=3)

    def packed_delta(self, values):
        reference, divisor, quotients = self.quotients(values)
        vectors = cut(quotients)
        steps = [[after - before for before, after in itertools.pairwise(vector)] for vector in vectors]
        least = [min(these, default=0) for these in steps]
        step_reference = max(min(least, default=0), -2 ** 63)
        step_bases = [step - step_reference for step in least]
        if any(abs(step) >= 2 ** 63 for these in steps for step in these):
            # Steps this wide only hold mod 2^64, so all of them are taken so, from nothing.
            step_reference, least, step_bases = 0, [0] * len(vectors), [0] * len(vectors)
        numbers = [[0] + [(step - base) & MASK64 for step in these] for these, base in zip(steps, least)]
        return 4, self.body((reference, divisor), numbers, [vector[0] for vector in vectors], step_reference, step_bases)

    def packed_pdelta(self, values):
        reference, divisor, quotients = self.quotients(values)
        vectors = cut(quotients)
        numbers = []
        for vector in vectors:
            steps = [(after - before + 2 ** 63) % 2 ** 64 - 2 ** 63 for before, after in itertools.pairwise(vector)]
            numbers.append([0] + [(step << 1 ^ step >> 63) & MASK64 for step in steps])
        return 5, self.body((reference, divisor), numbers, [vector[0] for vector in vectors], patched=True)

    def rle(self, values):
        runs = rising(values)
        if self.rng.random() < 0.3 and runs[0][1] > 1:
            runs = [(runs[0][0], 1), (runs[0][0], runs[0][1] - 1)] + runs[1:]
        body = struct.pack("<II", len(runs), 0) + self.encode([value for value, _ in runs], self.bits_most, nested=True)
        return 6, body + self.encode([length for _, length in runs], 32, nested=True)

    def common(self, values):
        """A value that is common enough, and where another stands (sometimes the same one)."""
        value = self.rng.choice(values)
        positions = [i for i, one in enumerate(values) if one != value or self.rng.random() < 0.01]
        return value, positions or [self.rng.randrange(len(values))]

    def sparse(self, values):
        value, positions = self.common(values)
        body = padded(struct.pack("<QII%dH" % len(positions), value, len(positions), 0, *positions), 8)
        return 7, body + self.encode([values[position] for position in positions], self.bits_most, nested=True)

    def masked(self, values):
        value, positions = self.common(values)
        body = struct.pack("<QII", value, len(positions), 0) + bitmap(positions, (len(values) + 63) // 64 * 8)
        return 10, body + self.encode([values[position] for position in positions], self.bits_most, nested=True)

    def upper_parts(self, vector, bits):
        """How a vector may be cut: (w, h, positions of upper parts, upper parts, lower parts)."""
        if not bits:
            return 0, 0, [], [], vector
        width = self.rng.randint(0, bits)
        positions = [i for i, number in enumerate(vector) if number >> width]
        if not positions:
            return width, 0, [], [], vector
        high = [vector[position] >> width for position in positions]
        least = max(high).bit_length()
        return width, self.rng.choice((least, least, 64 - width)), positions, high, [number & (1 << width) - 1 for number in vector]

    def patched_body(self, head, total_bits, vectors, bases):
        base_bytes = self.bytes_for(bases)
        cuts = [self.upper_parts(vector, max(vector).bit_length()) for vector in vectors]
        body = struct.pack("<QQBB6x", *head, base_bytes, total_bits)
        body += bytes(one[0] for one in cuts) + bytes(one[1] for one in cuts)
        body += b"".join(struct.pack("<H", len(one[2])) for one in cuts)
        body += b"".join(base.to_bytes(base_bytes, "little") for base in bases)
        for (_, bits, positions, high, lower) in cuts:
            if positions:
                map_bytes = (len(lower) + 7) // 8
                listed = 2 * len(positions) < map_bytes
                body += struct.pack("<%dH" % len(positions), *positions) if listed else bitmap(positions, map_bytes)
                body += pack_short(high, bits)
        return padded(body, 8) + b"".join(pack_vector(one[4], one[0]) for one in cuts)

    def patched(self, values):
        reference, divisor, quotients = self.quotients(values)
        vectors = cut(quotients)
        bases = [self.rng.choice((min(vector), 0)) for vector in vectors]
        vectors = [[quotient - base for quotient in vector] for vector, base in zip(vectors, bases)]
        return 8, self.patched_body((reference, divisor), 0, vectors, bases)

    def patched_delta(self, values):
        reference, divisor, quotients = self.quotients(values)
        total_bits = max(1, self.wider(max(quotients, default=0).bit_length()))
        vectors = cut(quotients)
        mask = (1 << total_bits) - 1
        numbers = [[0] + [(after - before) & mask for before, after in itertools.pairwise(vector)] for vector in vectors]
        return 9, self.patched_body((reference, divisor), total_bits, numbers, [vector[0] for vector in vectors])
