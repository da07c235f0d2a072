/*
 * Filters on pages as they are encoded: rows by sets of dictionary codes.
 *
 * Statistics decide whole pages, bounds whole vectors. What is left of FOR pages is unpacked into lanes no wider than
 * its numbers and compared there, above the vector's least value; runs, common values and their exceptions are
 * judged once each. Everything else is decoded a vector at a time. The bitmap only ever loses rows, and a vector
 * that has none left is passed over. Integers and nulls: chunk_range.c; counting codes: chunk_count.c.
 */
#include "format/segment.h"

#include <assert.h>

#include "format/codec/bit_string.h"

enum { WORDS = WENDI_VECTOR_ROWS / 64 };

wendi_code_set wendi_code_set_between(uint32_t least, uint32_t most)
{
    return (wendi_code_set){
        .least = least, .most = most, .interval = true, .members = least > most ? 0 : most - least + 1};
}

wendi_code_set wendi_code_set_of(const uint64_t *words, uint32_t count)
{
    wendi_code_set set = {.words = words, .count = count, .least = 1, .most = 0};
    for (uint32_t w = 0; w < (count + 63) / 64; w++) {
        if (words[w] == 0) {
            continue;
        }
        if (set.members == 0) {
            set.least = w * 64 + (uint32_t)__builtin_ctzll(words[w]);
        }
        set.most = w * 64 + 63 - (uint32_t)__builtin_clzll(words[w]);
        set.members += (uint32_t)__builtin_popcountll(words[w]);
    }
    set.interval = set.members == 0 || set.most - set.least + 1 == set.members;
    return set;
}

static bool has_code(const wendi_code_set *set, uint32_t code)
{
    return code >= set->least && code <= set->most &&
           (set->interval || (set->words[code / 64] >> (code % 64) & 1) != 0);
}

/* Bit i: code from + i is in the set. */
static uint64_t bits_from(const wendi_code_set *set, uint64_t from)
{
    if (set->interval) {
        uint64_t bits = 0;
        if (set->least <= set->most && set->least <= from + 63 && set->most >= from) {
            bits = set->most >= from + 63 ? UINT64_MAX : ((uint64_t)2 << (set->most - from)) - 1;
            bits &= set->least <= from ? UINT64_MAX : UINT64_MAX << (set->least - from);
        }
        return bits;
    }
    const uint64_t words = ((uint64_t)set->count + 63) / 64;
    const uint64_t at = from / 64;
    const unsigned shift = (unsigned)(from % 64);
    uint64_t bits = at < words ? set->words[at] >> shift : 0;
    return bits | (shift != 0 && at + 1 < words ? set->words[at + 1] << (64 - shift) : 0);
}

typedef enum verdict { VERDICT_NONE, VERDICT_ALL, VERDICT_SOME } verdict;

static verdict judge_codes(const wendi_code_set *set, uint32_t min, uint32_t max)
{
    if (set->least > set->most || max < set->least || min > set->most) {
        return VERDICT_NONE;
    }
    return (set->interval && min >= set->least && max <= set->most) || (min == max && has_code(set, min))
               ? VERDICT_ALL
               : VERDICT_SOME;
}

static verdict judge_page_of_codes(const wendi_chunk *chunk, uint32_t page, const wendi_code_set *set)
{
    wendi_zone zone;
    wendi_chunk_page_zone(chunk, page, &zone);
    const verdict null = has_code(set, 0) ? VERDICT_ALL : VERDICT_NONE;
    if (zone.null_count == zone.row_count) {
        return null;
    }
    if (zone.has_code_mask) {
        const uint64_t wanted = bits_from(set, 0);
        return (zone.code_mask & wanted) == 0    ? VERDICT_NONE
               : (zone.code_mask & ~wanted) == 0 ? VERDICT_ALL
                                                 : VERDICT_SOME;
    }
    if (!zone.has_codes) {
        return VERDICT_SOME;
    }
    const verdict value = judge_codes(set, zone.code_min, zone.code_max);
    return zone.null_count == 0 || value == null ? value : VERDICT_SOME;
}

bool wendi_bitmap_is_empty(const uint64_t *words, uint32_t rows)
{
    uint64_t any = 0;
    for (uint32_t w = 0; w < (rows + 63) / 64; w++) {
        any |= words[w];
    }
    return any == 0;
}

void wendi_bitmap_clear(uint64_t *bitmap, uint32_t from, uint32_t to)
{
    while (from < to) {
        const uint32_t bit = from % 64;
        const uint32_t some = to - from < 64 - bit ? to - from : 64 - bit;
        bitmap[from / 64] &= ~(wendi_low_bits(some) << bit);
        from += some;
    }
}

static void fill_rows(uint64_t *bitmap, uint32_t from, uint32_t to)
{
    while (from < to) {
        const uint32_t bit = from % 64;
        const uint32_t some = to - from < 64 - bit ? to - from : 64 - bit;
        bitmap[from / 64] |= wendi_low_bits(some) << bit;
        from += some;
    }
}

bool wendi_bitmap_span(const uint64_t *bitmap, uint32_t row_count, uint32_t *begin, uint32_t *end)
{
    *begin = *end = 0;
    for (uint32_t row = 0; row < row_count; row += WENDI_VECTOR_ROWS) {
        const uint32_t rows = row_count - row < WENDI_VECTOR_ROWS ? row_count - row : WENDI_VECTOR_ROWS;
        if (!wendi_bitmap_is_empty(bitmap + row / 64, rows)) {
            *begin = *end == 0 ? row : *begin;
            *end = row + rows;
        }
    }
    return *end != 0;
}

static void select_u32(const uint32_t *codes, uint32_t count, const wendi_code_set *set, uint64_t *out)
{
    if (set->interval) {
        wendi_kernels_get()->select_range_u32(codes, count, set->least, set->most, out);
    } else {
        wendi_kernels_get()->select_set_u32(codes, count, set->words, set->count, out);
    }
}

/* ---- numbers of packed vectors, in lanes no wider than they are ---- */

#define DEFINE_UNPACK(bits)                                                                                         \
    static void unpack_numbers_u##bits(const wendi_stream *stream, uint32_t v, uint##bits##_t base,                 \
                                       uint##bits##_t *numbers)                                                     \
    {                                                                                                               \
        const unsigned width = stream->pack.widths[v];                                                              \
        const uint8_t *packed = stream->pack.packed + stream->pack.packed_at[v];                                    \
        const uint32_t rows = stream->count - v * WENDI_VECTOR_ROWS;                                                \
        if (rows >= WENDI_VECTOR_ROWS) {                                                                            \
            wendi_kernels_get()->unpack_u##bits(packed, width, base, numbers);                                      \
            return;                                                                                                 \
        }                                                                                                           \
        const uint8_t *end = packed + wendi_bit_string_bytes(rows, width);                                          \
        for (uint32_t i = 0; i < rows; i++) {                                                                       \
            numbers[i] = (uint##bits##_t)(base + wendi_bit_string_get(packed, end, i, width));                      \
        }                                                                                                           \
    }
DEFINE_UNPACK(8)
DEFINE_UNPACK(16)
DEFINE_UNPACK(32)

void wendi_unpack_numbers_u8(const wendi_stream *stream, uint32_t vector, uint8_t base, uint8_t *numbers)
{
    unpack_numbers_u8(stream, vector, base, numbers);
}

void wendi_select_numbers(const wendi_stream *stream, uint32_t vector, uint32_t rows, uint32_t low, uint32_t high,
                          uint64_t *bitmap)
{
    const wendi_kernels *kernels = wendi_kernels_get();
    const unsigned width = stream->pack.widths[vector];
    _Alignas(64) union {
        uint8_t u8[WENDI_VECTOR_ROWS];
        uint16_t u16[WENDI_VECTOR_ROWS];
        uint32_t u32[WENDI_VECTOR_ROWS];
    } numbers;
    assert(width <= 32);
    if (width <= 8) {
        unpack_numbers_u8(stream, vector, 0, numbers.u8);
        kernels->select_range_u8(numbers.u8, rows, (uint8_t)low, (uint8_t)high, bitmap);
    } else if (width <= 16) {
        unpack_numbers_u16(stream, vector, 0, numbers.u16);
        kernels->select_range_u16(numbers.u16, rows, (uint16_t)low, (uint16_t)high, bitmap);
    } else {
        unpack_numbers_u32(stream, vector, 0, numbers.u32);
        kernels->select_range_u32(numbers.u32, rows, low, high, bitmap);
    }
}

/* The same by a set of codes, where number 0 means code `least`; widths up to 8. */
static void select_narrow(const wendi_stream *stream, uint32_t v, uint32_t rows, uint32_t least,
                          const wendi_code_set *set, uint64_t *out)
{
    const uint32_t numbers = (uint32_t)1 << stream->pack.widths[v];
    _Alignas(64) uint8_t codes[WENDI_VECTOR_ROWS];
    uint64_t words[4] = {0};
    for (uint32_t i = 0; i * 64 < numbers; i++) {
        words[i] = bits_from(set, (uint64_t)least + i * 64);
    }
    unpack_numbers_u8(stream, v, 0, codes);
    wendi_kernels_get()->select_set_u8(codes, rows, words, numbers, out);
}

/* ---- codes ---- */

static void select_decoded(const wendi_stream *stream, uint32_t first, uint32_t rows, const wendi_code_set *set,
                           uint64_t *out)
{
    _Alignas(64) uint32_t codes[WENDI_VECTOR_ROWS];
    wendi_stream_decode(stream, first, rows, codes);
    select_u32(codes, rows, set, out);
}

/* A FOR vector of codes, of which some may pass: min and max are its bounds. */
static void select_packed(const wendi_stream *stream, uint32_t v, uint32_t rows, uint32_t min, uint32_t max,
                          const wendi_code_set *set, uint64_t *out)
{
    const unsigned width = stream->pack.widths[v];
    if (stream->pack.divisor == 1 && set->interval) {
        const uint32_t low = set->least > min ? set->least - min : 0;
        const uint32_t high = set->most < max ? set->most - min : max - min;
        wendi_select_numbers(stream, v, rows, low, high, out);
    } else if (stream->pack.divisor == 1 && width <= 8) {
        select_narrow(stream, v, rows, min, set, out);
    } else if (stream->pack.divisor == 1 && max <= UINT16_MAX) {
        _Alignas(64) uint16_t codes[WENDI_VECTOR_ROWS];
        unpack_numbers_u16(stream, v, (uint16_t)min, codes);
        wendi_kernels_get()->select_set_u16(codes, rows, set->words, set->count, out);
    } else {
        select_decoded(stream, v * WENDI_VECTOR_ROWS, rows, set, out);
    }
}

static void select_masked(const wendi_stream *stream, uint32_t v, uint32_t rows, const wendi_code_set *set,
                          uint64_t *out)
{
    const wendi_kernels *kernels = wendi_kernels_get();
    const uint64_t *mask = stream->masked.bitmap + (size_t)v * WORDS;
    const uint32_t words = (rows + 63) / 64;
    const uint32_t exceptions = (uint32_t)kernels->bitmap_count(mask, words);
    uint64_t dense[WORDS + 1] = {0};
    if (exceptions > 0) {
        select_u32((const uint32_t *)stream->masked.values + stream->masked.exception_at[v], exceptions, set, dense);
    }
    kernels->bitmap_spread(mask, dense, words, out);
    for (uint32_t w = 0; has_code(set, (uint32_t)stream->reference) && w < words; w++) {
        out[w] |= ~mask[w];
    }
}

static void select_sparse(const wendi_stream *stream, uint32_t v, const wendi_code_set *set, uint64_t *out)
{
    const uint32_t begin = v * WENDI_VECTOR_ROWS;
    uint32_t low = 0;
    uint32_t high = stream->sparse.count;
    while (low < high) { /* the first exception of the vector */
        const uint32_t middle = low + (high - low) / 2;
        if (wendi_load_u16(stream->sparse.positions + (size_t)middle * 2) >= begin) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    memset(out, has_code(set, (uint32_t)stream->reference) ? 0xff : 0, WORDS * sizeof *out);
    for (; low < stream->sparse.count; low++) {
        const uint32_t at = wendi_load_u16(stream->sparse.positions + (size_t)low * 2) - begin;
        if (at >= WENDI_VECTOR_ROWS) {
            break;
        }
        const uint64_t hit = has_code(set, ((const uint32_t *)stream->sparse.values)[low]);
        out[at / 64] = (out[at / 64] & ~((uint64_t)1 << (at % 64))) | hit << (at % 64);
    }
}

uint32_t wendi_stream_find_run(const wendi_stream *stream, uint32_t row)
{
    uint32_t low = 0;
    uint32_t high = stream->runs.run_count - 1;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (stream->runs.ends[middle] > row) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

/* Rows first + 0.. of a stream that the run has, as rows of the bitmap. */
static uint32_t run_begin(const wendi_stream *stream, uint32_t run, uint32_t first)
{
    const uint32_t begin = run == 0 ? 0 : stream->runs.ends[run - 1];
    return begin > first ? begin - first : 0;
}

/*
 * Up to 1024 runs from `run` on are judged like rows, then those that pass, or those that do not, whichever are fewer,
 * are written as rows. Returns the row behind them.
 */
static uint32_t select_some_runs(const wendi_stream *stream, uint32_t first, uint32_t count, uint32_t run,
                                 uint32_t runs, const wendi_code_set *set, uint64_t *out)
{
    uint64_t hits[WORDS];
    const uint32_t begin = run_begin(stream, run, first);
    const uint32_t behind = stream->runs.ends[run + runs - 1] - first;
    const uint32_t end = behind < count ? behind : count;
    select_u32((const uint32_t *)stream->runs.values + run, runs, set, hits);
    const bool mostly = wendi_kernels_get()->bitmap_count(hits, (runs + 63) / 64) > runs / 2;
    if (mostly) {
        fill_rows(out, begin, end);
    }
    for (uint32_t w = 0; w < (runs + 63) / 64; w++) {
        const uint64_t known = runs - w * 64 >= 64 ? UINT64_MAX : wendi_low_bits(runs - w * 64);
        for (uint64_t left = mostly ? ~hits[w] & known : hits[w]; left != 0; left &= left - 1) {
            const uint32_t at = run + w * 64 + (uint32_t)__builtin_ctzll(left);
            const uint32_t from = run_begin(stream, at, first);
            const uint32_t to = stream->runs.ends[at] - first < end ? stream->runs.ends[at] - first : end;
            if (mostly) {
                wendi_bitmap_clear(out, from, to);
            } else {
                fill_rows(out, from, to);
            }
        }
    }
    return end;
}

static void select_runs(const wendi_stream *stream, uint32_t first, uint32_t count, const wendi_code_set *set,
                        uint64_t *bitmap)
{
    uint64_t out[WENDI_PAGE_ROWS / 64];
    const size_t words = ((size_t)count + 63) / 64;
    uint32_t run = wendi_stream_find_run(stream, first);
    memset(out, 0, words * sizeof *out);
    for (uint32_t row = 0; row < count;) {
        const uint32_t left = stream->runs.run_count - run;
        const uint32_t likely = (count - row) / 4 + 16; /* runs may go on far behind the rows asked for */
        uint32_t runs = left < WENDI_VECTOR_ROWS ? left : WENDI_VECTOR_ROWS;
        runs = runs < likely ? runs : likely;
        row = select_some_runs(stream, first, count, run, runs, set, out);
        run += runs;
    }
    wendi_kernels_get()->bitmap_and(bitmap, out, words);
}

/* Rows of vector `v` that pass, in whatever way is the cheapest for it. */
static void judge_vector(const wendi_stream *stream, uint32_t v, uint32_t rows, const wendi_code_set *set,
                         uint64_t *out)
{
    int64_t min;
    int64_t max;
    if (stream->codec->id == WENDI_CODEC_MASKED) {
        select_masked(stream, v, rows, set, out);
    } else if (stream->codec->id == WENDI_CODEC_SPARSE) {
        select_sparse(stream, v, set, out);
    } else if (!stream->codec->bounds(stream, v, &min, &max) || min < 0 || max > UINT32_MAX) {
        select_decoded(stream, v * WENDI_VECTOR_ROWS, rows, set, out);
    } else {
        const verdict decided = judge_codes(set, (uint32_t)min, (uint32_t)max);
        if (decided != VERDICT_SOME) {
            memset(out, decided == VERDICT_ALL ? 0xff : 0, WORDS * sizeof *out);
        } else if (stream->codec->id == WENDI_CODEC_FOR) {
            select_packed(stream, v, rows, (uint32_t)min, (uint32_t)max, set, out);
        } else {
            select_decoded(stream, v * WENDI_VECTOR_ROWS, rows, set, out);
        }
    }
}

static void select_vectors(const wendi_stream *stream, uint32_t first, uint32_t row_count, const wendi_code_set *set,
                           uint64_t *bitmap)
{
    for (uint32_t row = 0; row < row_count; row += WENDI_VECTOR_ROWS) {
        const uint32_t rows = row_count - row < WENDI_VECTOR_ROWS ? row_count - row : WENDI_VECTOR_ROWS;
        uint64_t out[WORDS];
        if (wendi_bitmap_is_empty(bitmap + row / 64, rows)) {
            continue;
        }
        judge_vector(stream, (first + row) / WENDI_VECTOR_ROWS, rows, set, out);
        for (uint32_t w = 0; w < (rows + 63) / 64; w++) {
            bitmap[row / 64 + w] &= out[w];
        }
    }
}

static wend_status select_predicted(wendi_chunk *chunk, uint32_t first_row, uint32_t row_count,
                                    const wendi_code_set *set, uint64_t *bitmap, wend_error *error)
{
    uint32_t begin;
    uint32_t end;
    const uint32_t *codes;
    if (!wendi_bitmap_span(bitmap, row_count, &begin, &end)) {
        return WEND_OK;
    }
    wend_status status = wendi_chunk_read_codes(chunk, first_row + begin, end - begin, &codes, error);
    for (uint32_t row = begin; status == WEND_OK && row < end; row += WENDI_VECTOR_ROWS) {
        const uint32_t rows = end - row < WENDI_VECTOR_ROWS ? end - row : WENDI_VECTOR_ROWS;
        uint64_t out[WORDS];
        select_u32(codes + (row - begin), rows, set, out);
        wendi_kernels_get()->bitmap_and(bitmap + row / 64, out, (rows + 63) / 64);
    }
    return status;
}

wend_status wendi_chunk_select_codes(wendi_chunk *chunk, uint32_t first_row, uint32_t row_count,
                                     const wendi_code_set *set, uint64_t *bitmap, wend_error *error)
{
    const uint32_t in_page = first_row % WENDI_PAGE_ROWS;
    assert(first_row % WENDI_VECTOR_ROWS == 0 && row_count >= 1 && in_page + row_count <= WENDI_PAGE_ROWS &&
           first_row + row_count <= chunk->row_count && wendi_chunk_has_dictionary(chunk));
    verdict decided = judge_page_of_codes(chunk, first_row / WENDI_PAGE_ROWS, set);
    if (decided == VERDICT_SOME) {
        wend_status status = wendi_chunk_load_page(chunk, first_row / WENDI_PAGE_ROWS, error);
        if (status != WEND_OK) {
            return status;
        }
        const wendi_stream *stream = &chunk->page.streams[0];
        if (chunk->page.layout == WENDI_LAYOUT_PREDICTED) {
            return select_predicted(chunk, first_row, row_count, set, bitmap, error);
        }
        if (stream->codec->id == WENDI_CODEC_CONSTANT) {
            decided = has_code(set, (uint32_t)stream->reference) ? VERDICT_ALL : VERDICT_NONE;
        } else if (stream->codec->id == WENDI_CODEC_RLE) {
            select_runs(stream, in_page, row_count, set, bitmap);
        } else {
            select_vectors(stream, in_page, row_count, set, bitmap);
        }
    }
    if (decided == VERDICT_NONE) {
        wendi_bitmap_clear(bitmap, 0, row_count);
    }
    return WEND_OK;
}
