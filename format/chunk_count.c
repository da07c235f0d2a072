/*
 * Counting the rows of each code of a small dictionary: histograms over pages as they are packed, whole runs and
 * common values at once, and decoded codes for the rest. Filters are chunk_filter.c.
 */
#include "format/segment.h"

#include <assert.h>

enum { HISTOGRAM_VECTORS = 16, TABLES = 4 };

uint32_t wendi_chunk_code_count(const wendi_chunk *chunk)
{
    return chunk->entry->dictionary_entries;
}

bool wendi_chunk_is_predicted(const wendi_chunk *chunk)
{
    return chunk->entry->prediction_bytes != 0;
}

static uint32_t rows_set(const uint64_t *bitmap, uint32_t from, uint32_t to)
{
    uint32_t count = 0;
    if (from % 64 == 0) {
        count = (uint32_t)wendi_kernels_get()->bitmap_count(bitmap + from / 64, (to - from) / 64);
        from += (to - from) / 64 * 64;
    }
    while (from < to) {
        const uint32_t bit = from % 64;
        const uint32_t some = to - from < 64 - bit ? to - from : 64 - bit;
        const uint64_t mask = some == 64 ? UINT64_MAX : ((uint64_t)1 << some) - 1;
        count += (uint32_t)__builtin_popcountll(bitmap[from / 64] >> bit & mask);
        from += some;
    }
    return count;
}

static bool count_runs(const wendi_stream *stream, uint32_t first, uint32_t row_count, const uint64_t *bitmap,
                       uint32_t code_count, uint32_t *counts)
{
    const uint32_t *codes = stream->runs.values;
    uint32_t row = first;
    for (uint32_t run = wendi_stream_find_run(stream, first); row < first + row_count; run++) {
        const uint32_t end = stream->runs.ends[run] < first + row_count ? stream->runs.ends[run] : first + row_count;
        if (codes[run] >= code_count) {
            return false;
        }
        counts[codes[run]] += bitmap == NULL ? end - row : rows_set(bitmap, row - first, end - first);
        row = end;
    }
    return true;
}

/* Can the vectors of these rows be unpacked into bytes? */
static bool fits_bytes(const wendi_stream *stream, uint32_t first, uint32_t row_count)
{
    if (stream->codec->id != WENDI_CODEC_FOR || stream->pack.divisor != 1) {
        return false;
    }
    for (uint32_t v = first / WENDI_VECTOR_ROWS; v * WENDI_VECTOR_ROWS < first + row_count; v++) {
        int64_t min;
        int64_t max;
        if (stream->pack.widths[v] > 8 || !stream->codec->bounds(stream, v, &min, &max) || min < 0 ||
            max > UINT8_MAX) {
            return false;
        }
    }
    return true;
}

static void count_packed(const wendi_stream *stream, uint32_t first, uint32_t row_count, const uint64_t *bitmap,
                         uint32_t code_count, uint32_t *counts)
{
    _Alignas(64) uint8_t codes[HISTOGRAM_VECTORS * WENDI_VECTOR_ROWS];
    for (uint32_t row = 0; row < row_count; row += sizeof codes) {
        const uint32_t rows = row_count - row < sizeof codes ? row_count - row : (uint32_t)sizeof codes;
        for (uint32_t i = 0; i < rows; i += WENDI_VECTOR_ROWS) {
            const uint32_t v = (first + row + i) / WENDI_VECTOR_ROWS;
            int64_t min;
            int64_t max;
            (void)stream->codec->bounds(stream, v, &min, &max);
            wendi_unpack_numbers_u8(stream, v, (uint8_t)min, codes + i);
        }
        wendi_kernels_get()->histogram_u8(codes, rows, bitmap == NULL ? NULL : bitmap + row / 64, code_count, counts);
    }
}

/* Neighbours often have the same code: several tables keep one count from waiting for the other. */
static void count_decoded(const uint32_t *codes, uint32_t row_count, const uint64_t *bitmap, uint32_t *counts)
{
    uint32_t tables[TABLES][WENDI_COUNT_CODES_MAX] = {{0}};
    if (bitmap == NULL) {
        uint32_t i = 0;
        for (; i + TABLES <= row_count; i += TABLES) {
            tables[0][codes[i]]++;
            tables[1][codes[i + 1]]++;
            tables[2][codes[i + 2]]++;
            tables[3][codes[i + 3]]++;
        }
        for (; i < row_count; i++) {
            tables[0][codes[i]]++;
        }
    } else {
        for (uint32_t w = 0; w < (row_count + 63) / 64; w++) {
            for (uint64_t left = bitmap[w]; left != 0; left &= left - 1) {
                const uint32_t row = w * 64 + (uint32_t)__builtin_ctzll(left);
                tables[row % TABLES][codes[row]]++;
            }
        }
    }
    for (uint32_t c = 0; c < WENDI_COUNT_CODES_MAX; c++) {
        const uint32_t total = tables[0][c] + tables[1][c] + tables[2][c] + tables[3][c];
        if (total != 0) { /* then the code is one of those that `counts` has */
            counts[c] += total;
        }
    }
}

/* One common value and its exceptions, of all rows; false: a code that the dictionary does not have. */
static bool count_masked(const wendi_stream *stream, uint32_t first, uint32_t row_count, uint32_t code_count,
                         uint32_t *counts)
{
    const uint32_t *codes =
        (const uint32_t *)stream->masked.values + stream->masked.exception_at[first / WENDI_VECTOR_ROWS];
    const uint32_t exceptions = rows_set(stream->masked.bitmap + first / 64, 0, row_count);
    if ((uint32_t)stream->reference >= code_count ||
        wendi_kernels_get()->max_u32(codes, exceptions) >= code_count) {
        return false;
    }
    counts[(uint32_t)stream->reference] += row_count - exceptions;
    count_decoded(codes, exceptions, NULL, counts);
    return true;
}

static wend_status count_read(wendi_chunk *chunk, uint32_t first_row, uint32_t row_count, const uint64_t *bitmap,
                              uint32_t *counts, wend_error *error)
{
    uint32_t begin = 0;
    uint32_t end = row_count;
    const uint32_t *codes;
    if (bitmap != NULL && !wendi_bitmap_span(bitmap, row_count, &begin, &end)) {
        return WEND_OK;
    }
    wend_status status = wendi_chunk_read_codes(chunk, first_row + begin, end - begin, &codes, error);
    if (status == WEND_OK) {
        count_decoded(codes, end - begin, bitmap == NULL ? NULL : bitmap + begin / 64, counts);
    }
    return status;
}

wend_status wendi_chunk_count_codes(wendi_chunk *chunk, uint32_t first_row, uint32_t row_count,
                                    const uint64_t *bitmap, uint32_t *counts, wend_error *error)
{
    const uint32_t code_count = chunk->entry->dictionary_entries;
    const uint32_t in_page = first_row % WENDI_PAGE_ROWS;
    uint64_t before = 0;
    uint64_t after = 0;
    bool held = true;
    assert(first_row % WENDI_VECTOR_ROWS == 0 && row_count >= 1 && in_page + row_count <= WENDI_PAGE_ROWS &&
           first_row + row_count <= chunk->row_count && code_count != 0 && code_count <= WENDI_COUNT_CODES_MAX);
    wend_status status = wendi_chunk_load_page(chunk, first_row / WENDI_PAGE_ROWS, error);
    if (status != WEND_OK) {
        return status;
    }
    const wendi_stream *stream = &chunk->page.streams[0];
    const uint32_t rows = bitmap == NULL ? row_count : rows_set(bitmap, 0, row_count);
    if (chunk->page.layout == WENDI_LAYOUT_CODES && stream->codec->id == WENDI_CODEC_CONSTANT) {
        held = (uint32_t)stream->reference < code_count;
        counts[held ? (uint32_t)stream->reference : 0] += rows;
    } else if (chunk->page.layout == WENDI_LAYOUT_CODES && stream->codec->id == WENDI_CODEC_RLE) {
        held = count_runs(stream, in_page, row_count, bitmap, code_count, counts);
    } else if (chunk->page.layout == WENDI_LAYOUT_CODES && stream->codec->id == WENDI_CODEC_MASKED &&
               bitmap == NULL) {
        held = count_masked(stream, in_page, row_count, code_count, counts);
    } else if (chunk->page.layout == WENDI_LAYOUT_CODES && fits_bytes(stream, in_page, row_count)) {
        for (uint32_t c = 0; c < code_count; c++) {
            before += counts[c];
        }
        count_packed(stream, in_page, row_count, bitmap, code_count, counts);
        for (uint32_t c = 0; c < code_count; c++) {
            after += counts[c];
        }
        held = after - before == rows; /* codes that the dictionary does not have are not counted */
    } else {
        return count_read(chunk, first_row, row_count, bitmap, counts, error);
    }
    return held ? WEND_OK : wendi_chunk_damage(chunk, "code beyond the dictionary", error);
}
