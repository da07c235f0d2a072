"""Predictions of segment files, decoded as docs/FORMAT.md says; see segment_decoder.py, which this is a part of.

A prediction guesses a row's number m from the codes of other columns; m is a code where the column has a
dictionary, else 0 for null and value − base + 1 for others. Codes of an integer column count from its least value.
"""

from segment_dictionaries import decompress, xxh3
from segment_streams import MASK64, VECTOR_VALUES, Cursor, require, require_zero

PLACE_PREDICTION = 0xC0000000
MAP_ENTRIES_MOST = 1 << 21
LIST_ENTRIES_MOST = 65535
NO_COLUMN = 0xFFFFFFFF
STEPS_MOST = 4
M_MOST = 1 << 63


class Prediction:
    """determinants: the chunks it looks at; row_before; base; map and exceptions: lists of m."""

    def __init__(self, segment, chunk, data):
        self.chunk = chunk
        self.what = "the prediction of %s in row group %d" % (chunk.column.name, chunk.row_group.number)
        place = (chunk.row_group.number, chunk.column.id)
        cursor = Cursor(data, self.what)
        (checksum, column_id, row_group, count, row_before, size, zero, first, second, map_entries, self.base,
         list_entries, stored_bytes, reserved) = cursor.unpack("QIIBBBBIIIqII16s")
        require(xxh3(data[8:], segment.seed(*place, PLACE_PREDICTION)) == checksum, "checksum of %s", self.what)
        require(zero == 0, "a reserved field of %s is not zero", self.what)
        require_zero(reserved, "a reserved field of " + self.what)
        require((row_group, column_id) == place, "%s says that it is column %d in row group %d", self.what, column_id, row_group)
        require(count <= 2 and row_before <= 1 and 1 <= size <= 8, "%s has %d determinants, flag %d, numbers of %d bytes",
                self.what, count, row_before, size)
        require(count > 0 or row_before == 0, "%s looks at the row before of nothing", self.what)
        require(chunk.entries == 0 or self.base == 0, "%s has a base beside a dictionary", self.what)
        require(map_entries <= MAP_ENTRIES_MOST and list_entries <= LIST_ENTRIES_MOST, "%s has %d and %d entries",
                self.what, map_entries, list_entries)
        self.row_before = row_before == 1
        self.determinants = self._determinants(segment, (first, second), count)
        keys = 1
        for determinant in self.determinants:
            keys *= segment.code_count(determinant)
        require(map_entries == keys, "%s has %d entries for %d keys", self.what, map_entries, keys)
        stored = cursor.take(stored_bytes)
        cursor.align(64)
        cursor.end()
        raw = decompress(stored, (map_entries + list_entries) * size, self.what)
        numbers = [int.from_bytes(raw[at:at + size], "little") for at in range(0, len(raw), size)]
        self.map, self.exceptions = numbers[:map_entries], numbers[map_entries:]

    def _determinants(self, segment, ids, count):
        require(all((one == NO_COLUMN) == (i >= count) for i, one in enumerate(ids)), "%s names other columns than it has", self.what)
        chunks = {chunk.column.id: chunk for chunk in self.chunk.row_group.chunks}
        found = []
        for column_id in ids[:count]:
            require(column_id in chunks and column_id != self.chunk.column.id, "%s looks at column %d", self.what, column_id)
            require(segment.code_count(chunks[column_id]) > 0, "%s looks at column %d, which has no codes", self.what, column_id)
            found.append(chunks[column_id])
        require(len(set(found)) == count, "%s looks at one column twice", self.what)
        require(self.chunk.column is not segment.user_column, "the user column is predicted")
        return found

    def steps(self, segment, so_far=1):
        """The longest way from column to determinant to determinant; refused where it is too long."""
        require(so_far <= STEPS_MOST, "%s goes on for more than %d steps", self.what, STEPS_MOST)
        for determinant in self.determinants:
            prediction = segment.prediction(determinant)
            if prediction is not None:
                prediction.steps(segment, so_far + 1)

    def keys(self, segment, page, rows):
        """The key of each row of a page."""
        keys = [0] * rows
        for determinant in self.determinants:
            codes = segment.codes(determinant, page)
            if self.row_before:
                codes = [0] + codes[:-1]
                codes[::VECTOR_VALUES] = [0] * len(range(0, rows, VECTOR_VALUES))
            keys = [key * segment.code_count(determinant) + code for key, code in zip(keys, codes)]
        return keys

    def numbers(self, keys, residuals):
        """m of each row."""
        exceptions, known = self.exceptions, len(self.exceptions)
        numbers = []
        for key, residual in zip(keys, residuals):
            if residual == 0:
                numbers.append(self.map[key])
            elif residual <= known:
                numbers.append(exceptions[residual - 1])
            else:
                numbers.append(residual - known - 1)
        require(max(numbers, default=0) <= M_MOST, "a number of %s is too large", self.what)
        return numbers

    def bits_of(self, numbers):
        """Numbers of a column without a dictionary -> the values' 64 bits, None for null."""
        before = self.base - 1
        return [None if m == 0 else (before + m) & MASK64 for m in numbers]
