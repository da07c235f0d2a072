/*
 * Filters on pages as they are encoded: rows by intervals of integers, and by being null.
 *
 * Packed vectors are compared as the numbers they hold, so an interval of values becomes one of quotients above the
 * vector's least value; runs are judged once each. Pages with nulls among their values and predicted ones are decoded
 * from the first to the last vector that still has rows. chunk_filter.c has the rest.
 */
#include "format/segment.h"

#include <assert.h>

enum { WORDS = WENDI_VECTOR_ROWS / 64 };

typedef struct interval {
    int64_t low;
    int64_t high;
} interval;

static void select_runs(const wendi_stream *stream, uint32_t first, uint32_t count, interval wanted, uint64_t *bitmap)
{
    const int64_t *values = stream->runs.values;
    uint32_t row = first;
    for (uint32_t run = wendi_stream_find_run(stream, first); row < first + count; run++) {
        const uint32_t end = stream->runs.ends[run] < first + count ? stream->runs.ends[run] : first + count;
        if (values[run] < wanted.low || values[run] > wanted.high) {
            wendi_bitmap_clear(bitmap, row - first, end - first);
        }
        row = end;
    }
}

/* A FOR vector between min and max, whose quotients are at most 32 bits wide. */
static void select_packed(const wendi_stream *stream, uint32_t v, uint32_t rows, int64_t min, interval wanted,
                          uint64_t *out)
{
    const uint64_t divisor = stream->pack.divisor;
    const uint64_t greatest = ((uint64_t)1 << stream->pack.widths[v]) - 1;
    const uint64_t above = wanted.low > min ? (uint64_t)wanted.low - (uint64_t)min : 0;
    const uint64_t low = above / divisor + (above % divisor != 0);
    uint64_t high = ((uint64_t)wanted.high - (uint64_t)min) / divisor;
    high = high < greatest ? high : greatest;
    if (low > high) {
        memset(out, 0, WORDS * sizeof *out);
        return;
    }
    wendi_select_numbers(stream, v, rows, (uint32_t)low, (uint32_t)high, out);
}

static void select_vector(const wendi_stream *stream, uint32_t v, uint32_t rows, interval wanted, uint64_t *bitmap)
{
    uint64_t out[WORDS];
    int64_t min;
    int64_t max;
    const bool bounded = stream->codec->bounds(stream, v, &min, &max);
    if (bounded && (max < wanted.low || min > wanted.high)) {
        wendi_bitmap_clear(bitmap, 0, rows);
        return;
    }
    if (bounded && min >= wanted.low && max <= wanted.high) {
        return;
    }
    if (bounded && stream->codec->id == WENDI_CODEC_FOR && stream->pack.widths[v] <= 32) {
        select_packed(stream, v, rows, min, wanted, out);
    } else {
        _Alignas(64) int64_t values[WENDI_VECTOR_ROWS];
        wendi_stream_decode(stream, v * WENDI_VECTOR_ROWS, rows, values);
        wendi_kernels_get()->select_range_i64(values, rows, wanted.low, wanted.high, out);
    }
    wendi_kernels_get()->bitmap_and(bitmap, out, (rows + 63) / 64);
}

/* A byte a row, 1: null; NULL: none is. */
static void keep_nulls(const uint8_t *nulls, uint32_t rows, bool null, uint64_t *bitmap)
{
    uint64_t out[WORDS];
    if (nulls != NULL) {
        wendi_kernels_get()->select_range_u8(nulls, rows, null, null, out);
        wendi_kernels_get()->bitmap_and(bitmap, out, (rows + 63) / 64);
    } else if (null) {
        wendi_bitmap_clear(bitmap, 0, rows);
    }
}

/* Through decoded values: `wanted` NULL asks for nulls, or for what is not. */
static wend_status select_decoded(wendi_chunk *chunk, uint32_t first_row, uint32_t row_count, const interval *wanted,
                                  bool null, uint64_t *bitmap, wend_error *error)
{
    wendi_vector vector;
    uint32_t begin;
    uint32_t end;
    if (!wendi_bitmap_span(bitmap, row_count, &begin, &end)) {
        return WEND_OK;
    }
    wend_status status = wendi_chunk_read(chunk, first_row + begin, end - begin, &vector, error);
    if (status != WEND_OK) {
        return status;
    }
    if (vector.form == WENDI_FORM_CONSTANT) {
        const bool is_null = vector.nulls != NULL && vector.nulls[0] != 0;
        const bool pass = wanted == NULL ? is_null == null
                                         : !is_null && vector.i64[0] >= wanted->low && vector.i64[0] <= wanted->high;
        wendi_bitmap_clear(bitmap, 0, pass ? 0 : row_count);
        return WEND_OK;
    }
    for (uint32_t row = begin; row < end; row += WENDI_VECTOR_ROWS) {
        const uint32_t rows = end - row < WENDI_VECTOR_ROWS ? end - row : WENDI_VECTOR_ROWS;
        keep_nulls(vector.nulls == NULL ? NULL : vector.nulls + (row - begin), rows, null, bitmap + row / 64);
        if (wanted != NULL) {
            uint64_t out[WORDS];
            wendi_kernels_get()->select_range_i64(vector.i64 + (row - begin), rows, wanted->low, wanted->high, out);
            wendi_kernels_get()->bitmap_and(bitmap + row / 64, out, (rows + 63) / 64);
        }
    }
    return WEND_OK;
}

static void check_rows(const wendi_chunk *chunk, uint32_t first_row, uint32_t row_count)
{
    (void)chunk;
    (void)first_row;
    (void)row_count;
    assert(first_row % WENDI_VECTOR_ROWS == 0 && row_count >= 1 &&
           first_row % WENDI_PAGE_ROWS + row_count <= WENDI_PAGE_ROWS && first_row + row_count <= chunk->row_count);
}

wend_status wendi_chunk_select_range(wendi_chunk *chunk, uint32_t first_row, uint32_t row_count, int64_t low,
                                     int64_t high, uint64_t *bitmap, wend_error *error)
{
    const interval wanted = {low, high};
    const uint32_t in_page = first_row % WENDI_PAGE_ROWS;
    wendi_zone zone;
    check_rows(chunk, first_row, row_count);
    assert(wendi_type_physical(chunk->segment->footer.columns[chunk->column].type) == WENDI_PHYSICAL_I64);
    wendi_chunk_page_zone(chunk, first_row / WENDI_PAGE_ROWS, &zone);
    if (low > high || zone.null_count == zone.row_count ||
        (zone.has_min_max && (zone.max.i64 < low || zone.min.i64 > high))) {
        wendi_bitmap_clear(bitmap, 0, row_count);
        return WEND_OK;
    }
    if (zone.has_min_max && zone.null_count == 0 && zone.min.i64 >= low && zone.max.i64 <= high) {
        return WEND_OK;
    }
    wend_status status = wendi_chunk_load_page(chunk, first_row / WENDI_PAGE_ROWS, error);
    if (status != WEND_OK) {
        return status;
    }
    const wendi_stream *stream = &chunk->page.streams[0];
    if (chunk->page.layout != WENDI_LAYOUT_INTEGER || chunk->page.null_form != WENDI_NULLS_NONE) {
        return select_decoded(chunk, first_row, row_count, &wanted, false, bitmap, error);
    }
    if (stream->codec->id == WENDI_CODEC_RLE) {
        select_runs(stream, in_page, row_count, wanted, bitmap);
        return WEND_OK;
    }
    for (uint32_t row = 0; row < row_count; row += WENDI_VECTOR_ROWS) {
        const uint32_t rows = row_count - row < WENDI_VECTOR_ROWS ? row_count - row : WENDI_VECTOR_ROWS;
        if (!wendi_bitmap_is_empty(bitmap + row / 64, rows)) {
            select_vector(stream, (in_page + row) / WENDI_VECTOR_ROWS, rows, wanted, bitmap + row / 64);
        }
    }
    return WEND_OK;
}

wend_status wendi_chunk_select_null(wendi_chunk *chunk, uint32_t first_row, uint32_t row_count, bool null,
                                    uint64_t *bitmap, wend_error *error)
{
    const uint32_t page = first_row / WENDI_PAGE_ROWS;
    wendi_zone zone;
    check_rows(chunk, first_row, row_count);
    if (wendi_chunk_has_dictionary(chunk)) {
        const wendi_code_set set = null ? wendi_code_set_between(0, 0) : wendi_code_set_between(1, UINT32_MAX);
        return wendi_chunk_select_codes(chunk, first_row, row_count, &set, bitmap, error);
    }
    wendi_chunk_page_zone(chunk, page, &zone);
    if (zone.null_count == 0 || zone.null_count == zone.row_count) {
        wendi_bitmap_clear(bitmap, 0, (zone.null_count != 0) == null ? 0 : row_count);
        return WEND_OK;
    }
    wend_status status = wendi_chunk_load_page(chunk, page, error);
    if (status != WEND_OK) {
        return status;
    }
    if (chunk->page.null_form != WENDI_NULLS_BITMAP) {
        return select_decoded(chunk, first_row, row_count, NULL, null, bitmap, error);
    }
    const uint8_t *nulls = chunk->page.null_bitmap + first_row % WENDI_PAGE_ROWS / 8;
    for (uint32_t w = 0; w < (row_count + 63) / 64; w++) {
        const uint64_t word = wendi_load_u64(nulls + (size_t)w * 8);
        bitmap[w] &= null ? word : ~word;
    }
    return WEND_OK;
}
