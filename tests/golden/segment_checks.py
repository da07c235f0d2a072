"""What a segment says about its own values, compared with them: bounds, masks, users, times, order.

verify(segment) decodes every part of the file and raises Damage at the first thing that does not agree. This is the
part of docs/FORMAT.md that skipping depends on: bounds that are wrong make no decoder fail, only answers.
"""

import itertools
import math
import struct

from segment_decoder import (BYTES16_KINDS, DOUBLE_KINDS, FEATURE_FIRST_BYTES, INTEGER_KINDS, PAGE_BOUNDS, PAGE_BOUNDS_ARE_CODES,
                             PAGE_BOUNDS_ARE_FIRST_BYTES, PAGE_MASK, TEXT_KINDS)
from segment_dictionaries import xxh3
from segment_streams import require, signed

BOUND_BYTES = 64
HASHED_KINDS = TEXT_KINDS | BYTES16_KINDS


def as_bytes(value):
    return value.encode("utf-8") if isinstance(value, str) else value


def order_of_double(value):
    """A key by which doubles are compared: NaN above all."""
    return (1, 0.0) if math.isnan(value) else (0, value)


def bound_value(column, bits):
    if column.kind in DOUBLE_KINDS:
        return struct.unpack("<d", struct.pack("<Q", bits))[0]
    return signed(bits)


def order(column):
    return order_of_double if column.kind in DOUBLE_KINDS else int


def require_bounds(least, values_least, values_greatest, greatest, exact, what):
    holds = (least, greatest) == (values_least, values_greatest) if exact else least <= values_least and values_greatest <= greatest
    require(holds, "bounds of %s are %r to %r, its values are from %r to %r", what, least, greatest, values_least, values_greatest)


def require_number_bounds(column, values, least, greatest, exact, what):
    """values are not null."""
    key = order(column)
    require(values, "%s has bounds and no values", what)
    keys = list(map(key, values))
    require_bounds(key(bound_value(column, least)), min(keys), max(keys), key(bound_value(column, greatest)), exact, what)


def greatest_cut(value):
    """The bound kept of the greatest string, or None where there is none."""
    if len(value) <= BOUND_BYTES:
        return value
    cut = value[:BOUND_BYTES].rstrip(b"\xff")
    return cut[:-1] + bytes([cut[-1] + 1]) if cut else None


def first_bytes(value):
    return int.from_bytes(as_bytes(value)[:8].ljust(8, b"\0"), "big")


def check_page(segment, chunk, entry, page, exact):
    column, what = chunk.column, page.what
    values = [value for value in page.rows_values if value is not None]
    require(entry.null_rows == page.rows - len(values), "%s does not have %d nulls", what, entry.null_rows)
    codes = [code for code in page.codes if code != 0] if page.codes is not None else None
    if entry.flags & PAGE_BOUNDS_ARE_CODES or entry.flags & PAGE_MASK:
        require(codes is not None, "statistics of %s are of codes, and there are none", what)
    if entry.flags & PAGE_MASK:
        require(chunk.entries <= 64, "%s has a mask for %d entries", what, chunk.entries)
        require(entry.mask == sum(1 << code for code in set(page.codes)), "the mask of %s is %x", what, entry.mask)
    if not entry.flags & PAGE_BOUNDS:
        require(entry.flags & PAGE_BOUNDS_ARE_FIRST_BYTES == 0, "%s has first bytes that are no bounds", what)
    elif entry.flags & PAGE_BOUNDS_ARE_CODES:
        require(codes, "%s has bounds of codes and only nulls", what)
        require_bounds(entry.least, min(codes), max(codes), entry.greatest, exact, what)
    elif entry.flags & PAGE_BOUNDS_ARE_FIRST_BYTES:
        segment.require_feature(FEATURE_FIRST_BYTES, what)
        require(column.kind in BYTES16_KINDS | TEXT_KINDS and codes is None, "%s has first bytes as bounds", what)
        firsts = list(map(first_bytes, values))
        require(firsts, "%s has bounds and no values", what)
        require_bounds(entry.least, min(firsts), max(firsts), entry.greatest, exact, what)
    else:
        require(column.kind in INTEGER_KINDS | DOUBLE_KINDS, "%s has numbers as bounds", what)
        require_number_bounds(column, values, entry.least, entry.greatest, exact, what)


def check_chunk(chunk, values, exact, what):
    """values: those of all its rows that are not null."""
    if chunk.least is None:
        return
    if chunk.column.kind in INTEGER_KINDS | DOUBLE_KINDS:
        require_number_bounds(chunk.column, values, chunk.least, chunk.greatest, exact, what)
        return
    require(values, "%s has bounds and no values", what)
    distinct = list(map(as_bytes, set(values)))
    least, greatest = min(distinct), max(distinct)
    require(len(chunk.least) <= BOUND_BYTES and len(chunk.greatest) <= BOUND_BYTES, "bounds of %s are too long", what)
    if exact:
        require_bounds(chunk.least, least[:BOUND_BYTES], greatest_cut(greatest), chunk.greatest, True, what)
    else:
        require_bounds(chunk.least, least, greatest, chunk.greatest, False, what)


def user_hash(column, user):
    """The hash that users are ordered by."""
    if column.kind in HASHED_KINDS:
        return xxh3(as_bytes(user))
    if column.kind in DOUBLE_KINDS:
        return xxh3(struct.pack("<d", user + 0.0))
    return xxh3(struct.pack("<q", user))


def check_summary(summary, times, hashes, rows_without_user, what):
    require(summary.times == ((min(times), max(times)) if times else None), "times of %s are not as it says", what)
    require(summary.user_hashes == ((min(hashes), max(hashes)) if hashes else None), "users of %s are not as it says", what)
    require(summary.rows_without_user == rows_without_user, "%s does not have %d rows without a user", what, summary.rows_without_user)


def check_order(hashes, users, times, what):
    """Users that are known come first, by hash; a user's rows by time where it is known."""
    ordered = zip(hashes, users, times)
    for before, after in itertools.pairwise(ordered):
        if before[0] is None:
            require(after[0] is None, "%s has a user behind rows without", what)
        else:
            require(after[0] is None or before[0] <= after[0], "users of %s are not ordered by hash", what)
        if before[1] == after[1] and None not in (before[2], after[2]):
            require(before[2] <= after[2], "rows of a user in %s are not ordered by time", what)


def verify(segment, ordered=True, exact=True):
    """Decode all and compare; returns the values of every column, by its index.

    exact: whether bounds must be met, as those of wend's writer are, and not only hold.
    ordered: whether users' rows are to be in the order of time, which is for whoever gives rows to a writer to see to.
    """
    columns = [[] for _ in segment.columns]
    all_times, all_hashes, all_users, without = [], [], [], 0
    for row_group in segment.row_groups:
        what = "row group %d" % row_group.number
        content = []
        for chunk in row_group.chunks:
            segment.dictionary(chunk)
            segment.prediction(chunk)
            values = []
            for entry, page in zip(chunk.pages, segment.pages(chunk)):
                check_page(segment, chunk, entry, page, exact)
                values += page.rows_values
            check_chunk(chunk, [value for value in values if value is not None], exact, "%s in %s" % (chunk.column.name, what))
            content.append(values)
            columns[chunk.column.index] += values
        users = content[segment.user_column.index] if segment.user_column else [None] * row_group.rows
        times = content[segment.time_column.index] if segment.time_column else [None] * row_group.rows
        hash_of = {user: user_hash(segment.user_column, user) for user in set(users) - {None}}
        hash_of[None] = None
        hashes = [hash_of[user] for user in users]
        all_hashes += hashes
        all_users += users
        all_times += times
        without += users.count(None)
        check_summary(row_group.summary, [time for time in times if time is not None], set(hashes) - {None}, users.count(None), what)
    check_summary(segment.summary, [time for time in all_times if time is not None], set(all_hashes) - {None}, without, "the segment")
    if ordered:
        check_order(all_hashes, all_users, all_times, "the segment")
    return columns
