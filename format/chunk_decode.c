/*
 * From an open page to a vector: streams to dense values, dense values to rows with nulls, and the
 * forms that need no values (constants) at all.
 */
#include "format/segment.h"

#include <assert.h>

/** The rows asked for within the page, and the dense values that stand behind them. */
typedef struct decode_range {
    uint32_t first_row;
    uint32_t row_count;
    uint32_t aligned; /* first dense value to decode, a multiple of 1024 */
    uint32_t skip;    /* dense values before the first wanted one */
    uint32_t count;   /* dense values to decode from `aligned` on */
} decode_range;

static decode_range range_of(const wendi_page *page, uint32_t first_row, uint32_t row_count)
{
    decode_range range = {.first_row = first_row, .row_count = row_count, .aligned = first_row, .count = row_count};
    if (page->null_form == WENDI_NULLS_BITMAP) {
        uint32_t first = page->value_at[first_row / WENDI_VECTOR_ROWS];
        uint32_t end = page->value_at[(first_row + row_count + WENDI_VECTOR_ROWS - 1) / WENDI_VECTOR_ROWS];
        range.aligned = first / WENDI_VECTOR_ROWS * WENDI_VECTOR_ROWS;
        range.skip = first - range.aligned;
        range.count = end - range.aligned;
    }
    return range;
}

/* Sixteen-byte values in two streams. */
static bool is_split(const wendi_page *page)
{
    return page->layout == WENDI_LAYOUT_SPLIT16 || page->layout == WENDI_LAYOUT_UUID4;
}

/* A value that stands for every row of the page. */
static bool is_constant(const wendi_page *page)
{
    if (page->null_form == WENDI_NULLS_ALL) {
        return true;
    }
    if (page->null_form != WENDI_NULLS_NONE || page->layout == WENDI_LAYOUT_STRINGS ||
        page->layout == WENDI_LAYOUT_PREDICTED ||
        page->layout == WENDI_LAYOUT_RAW16 || page->exception_count != 0) {
        return false;
    }
    return page->streams[0].codec->id == WENDI_CODEC_CONSTANT &&
           (!is_split(page) || page->streams[1].codec->id == WENDI_CODEC_CONSTANT);
}

static void put_exceptions(const wendi_page *page, const decode_range *range, double *dense)
{
    for (uint32_t i = 0; i < page->exception_count; i++) {
        uint32_t at = wendi_load_u16(page->exception_positions + (size_t)i * 2);
        if (at >= range->aligned && at < range->aligned + range->count) {
            uint64_t bits = wendi_load_u64(page->exception_values + (size_t)i * 8);
            memcpy(&dense[at - range->aligned], &bits, sizeof bits);
        }
    }
}

static void decode_decimals(const wendi_page *page, const decode_range *range, uint64_t *dense)
{
    static const double powers[16] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                      1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    double *doubles = (double *)dense;
    wendi_kernels_get()->decimal_f64((const int64_t *)dense, range->count, powers[page->exponent], doubles);
    if (page->real) {
        for (uint32_t i = 0; i < range->count; i++) {
            doubles[i] = (double)(float)doubles[i];
        }
    }
    put_exceptions(page, range, doubles);
}

/* Eight-byte values of any layout that has them, densely. */
static void decode_dense(const wendi_page *page, const decode_range *range, uint64_t *dense)
{
    if (range->count == 0) {
        return;
    }
    wendi_stream_decode(&page->streams[0], range->aligned, range->count, dense);
    if (page->layout == WENDI_LAYOUT_DECIMAL) {
        decode_decimals(page, range, dense);
    } else if (page->layout == WENDI_LAYOUT_FLOAT) {
        wendi_kernels_get()->float_bits_f64(dense, range->count, (double *)dense);
    }
}

static void decode_u64(wendi_chunk *chunk, const decode_range *range, wendi_vector *vector)
{
    const wendi_page *page = &chunk->page;
    if (page->null_form == WENDI_NULLS_NONE) {
        decode_dense(page, range, chunk->values);
    } else {
        decode_dense(page, range, chunk->dense);
        chunk->dense[range->count] = 0;
        wendi_kernels_get()->expand_nulls_u64(page->null_bitmap + range->first_row / 8, chunk->dense + range->skip,
                                              range->row_count, chunk->nulls, chunk->values);
        vector->nulls = chunk->nulls;
    }
    vector->data = chunk->values;
}

/* Null flags of the rows, and where rows take their dense values from, for values wider than 8 bytes. */
static void spread_nulls(wendi_chunk *chunk, const decode_range *range)
{
    for (uint32_t i = 0; i < range->row_count; i++) {
        uint32_t row = range->first_row + i;
        chunk->nulls[i] = chunk->page.null_bitmap[row / 8] >> (row % 8) & 1;
    }
}

static void join_values(const wendi_page *page, const uint64_t *high, const uint64_t *low, uint32_t count,
                        wendi_b16 *values)
{
    const wendi_kernels *kernels = wendi_kernels_get();
    if (page->layout == WENDI_LAYOUT_UUID4) {
        kernels->join_uuid4(high, low, count, (uint64_t *)values);
    } else {
        kernels->join_b16(high, low, count, (uint64_t *)values);
    }
}

static void decode_b16(wendi_chunk *chunk, const decode_range *range, wendi_vector *vector)
{
    const wendi_page *page = &chunk->page;
    wendi_b16 *values = chunk->values;
    const bool nulls = page->null_form == WENDI_NULLS_BITMAP;
    uint32_t from = range->skip;
    if (is_split(page) && range->count > 0) {
        wendi_stream_decode(&page->streams[0], range->aligned, range->count, chunk->dense);
        wendi_stream_decode(&page->streams[1], range->aligned, range->count, chunk->more_dense);
    }
    vector->data = values;
    if (!nulls && page->layout == WENDI_LAYOUT_RAW16) {
        memcpy(values, page->raw + (size_t)range->first_row * 16, (size_t)range->row_count * 16);
        return;
    }
    if (!nulls) {
        join_values(page, chunk->dense, chunk->more_dense, range->row_count, values);
        return;
    }
    spread_nulls(chunk, range);
    vector->nulls = chunk->nulls;
    for (uint32_t i = 0; i < range->row_count; i++) {
        if (chunk->nulls[i] != 0) {
            values[i] = (wendi_b16){{0, 0}};
        } else if (page->layout == WENDI_LAYOUT_RAW16) {
            memcpy(&values[i], page->raw + ((size_t)range->aligned + from) * 16, 16);
            from++;
        } else {
            join_values(page, chunk->dense + from, chunk->more_dense + from, 1, &values[i]);
            from++;
        }
    }
}

static wend_status decode_codes(wendi_chunk *chunk, uint32_t first_row, uint32_t row_count, wendi_vector *vector,
                                wend_error *error)
{
    wend_status status = WEND_OK;
    const uint32_t *codes;
    WEND_TRY(wendi_chunk_dictionary(chunk, &vector->dictionary, error));
    WEND_TRY(wendi_chunk_read_codes(chunk, first_row, row_count, &codes, error));
    vector->form = WENDI_FORM_DICTIONARY;
    vector->codes = codes;
cleanup:
    return status;
}

static wend_status decode_predicted(wendi_chunk *chunk, uint32_t first_row, uint32_t row_count, wendi_vector *vector,
                                    wend_error *error)
{
    bool any_null = false;
    if (chunk->page.real) {
        return decode_codes(chunk, first_row, row_count, vector, error);
    }
    wend_status status =
        wendi_chunk_predicted_values(chunk, first_row, row_count, chunk->values, chunk->nulls, &any_null, error);
    vector->data = chunk->values;
    vector->nulls = any_null ? chunk->nulls : NULL;
    return status;
}

static wend_status decode_strings(wendi_chunk *chunk, const decode_range *range, wendi_vector *vector,
                                  wend_error *error)
{
    wendi_page *page = &chunk->page;
    wendi_string *strings = chunk->values;
    const char *reason = NULL;
    uint32_t from = range->aligned + range->skip;
    uint32_t count = range->count - range->skip;
    wend_status status = wendi_page_load_strings(page, from, count, &reason);
    if (status != WEND_OK) {
        return status == WEND_NOMEM ? wendi_fail_nomem(error, "a block of strings", 0)
                                    : wendi_chunk_damage(chunk, reason, error);
    }
    if (page->null_form == WENDI_NULLS_BITMAP) {
        spread_nulls(chunk, range);
        vector->nulls = chunk->nulls;
    }
    for (uint32_t i = 0; i < range->row_count; i++) {
        if (vector->nulls != NULL && vector->nulls[i] != 0) {
            strings[i] = (wendi_string){"", 0};
            continue;
        }
        uint64_t begin = page->string_at[from];
        strings[i] = (wendi_string){page->string_bytes + begin, (uint32_t)(page->string_at[from + 1] - begin)};
        from++;
    }
    vector->data = strings;
    return WEND_OK;
}

static wend_status constant_string(wendi_chunk *chunk, wendi_vector *vector, wend_error *error)
{
    wendi_dictionary *dictionary;
    uint32_t code = (uint32_t)chunk->page.streams[0].reference;
    wend_status status = wendi_chunk_dictionary(chunk, &dictionary, error);
    if (status != WEND_OK) {
        return status;
    }
    if (!wendi_chunk_codes_hold(chunk, &code, 1)) {
        return wendi_chunk_damage(chunk, "code beyond the dictionary", error);
    }
    chunk->constant_string = wendi_dictionary_at(dictionary, code);
    chunk->nulls[0] = code == 0;
    vector->nulls = code == 0 ? chunk->nulls : NULL;
    vector->strings = &chunk->constant_string;
    return WEND_OK;
}

static wend_status decode_constant(wendi_chunk *chunk, wendi_vector *vector, wend_error *error)
{
    const wendi_page *page = &chunk->page;
    decode_range one = {.row_count = 1, .count = 1};
    vector->form = WENDI_FORM_CONSTANT;
    if (page->null_form == WENDI_NULLS_ALL) {
        memset(chunk->values, 0, 16);
        chunk->constant_string = (wendi_string){"", 0};
        chunk->nulls[0] = 1;
        vector->nulls = chunk->nulls;
        vector->data = wendi_type_physical(vector->type) == WENDI_PHYSICAL_STRING ? (void *)&chunk->constant_string
                                                                                  : chunk->values;
        return WEND_OK;
    }
    if (page->layout == WENDI_LAYOUT_CODES) {
        return constant_string(chunk, vector, error);
    }
    if (is_split(page)) {
        decode_b16(chunk, &one, vector);
    } else {
        decode_u64(chunk, &one, vector);
    }
    return WEND_OK;
}

wend_status wendi_chunk_read(wendi_chunk *chunk, uint32_t first_row, uint32_t row_count, wendi_vector *vector,
                             wend_error *error)
{
    wend_status status = WEND_OK;
    uint32_t in_page = first_row % WENDI_PAGE_ROWS;
    assert(first_row % WENDI_VECTOR_ROWS == 0 && row_count >= 1 && in_page + row_count <= WENDI_PAGE_ROWS &&
           first_row + row_count <= chunk->row_count);
    chunk->codes_count = 0;
    *vector = (wendi_vector){.type = chunk->segment->footer.columns[chunk->column].type, .row_count = row_count};
    WEND_TRY(wendi_chunk_load_page(chunk, first_row / WENDI_PAGE_ROWS, error));
    WEND_TRY(wendi_chunk_reserve(chunk, row_count, error));
    if (is_constant(&chunk->page)) {
        return decode_constant(chunk, vector, error);
    }
    decode_range range = range_of(&chunk->page, in_page, row_count);
    switch (chunk->page.layout) {
    case WENDI_LAYOUT_CODES:
        return decode_codes(chunk, first_row, row_count, vector, error);
    case WENDI_LAYOUT_PREDICTED:
        return decode_predicted(chunk, first_row, row_count, vector, error);
    case WENDI_LAYOUT_STRINGS:
        return decode_strings(chunk, &range, vector, error);
    case WENDI_LAYOUT_RAW16:
    case WENDI_LAYOUT_SPLIT16:
    case WENDI_LAYOUT_UUID4:
        decode_b16(chunk, &range, vector);
        break;
    default:
        decode_u64(chunk, &range, vector);
    }
cleanup:
    return status;
}
