/*
 * Encoding pages: the header, the null bitmap, and the layouts made of integer streams. Doubles and
 * strings have files of their own.
 */
#include "format/page.h"

#include "engine/base/alloc.h"
#include "engine/base/hash.h"

uint64_t wendi_place_seed(const wendi_place *place)
{
    uint8_t bytes[28];
    memcpy(bytes, place->uuid, 16);
    wendi_store_u32(bytes + 16, place->row_group);
    wendi_store_u32(bytes + 20, place->column_id);
    wendi_store_u32(bytes + 24, place->page);
    return wendi_hash64(bytes, sizeof bytes);
}

wend_status wendi_page_encoder_init(wendi_page_encoder *encoder)
{
    *encoder = (wendi_page_encoder){.zstd_level = 1};
    encoder->integers = wendi_alloc_aligned(64, WENDI_PAGE_ROWS * sizeof(int64_t));
    encoder->more_integers = wendi_alloc_aligned(64, WENDI_PAGE_ROWS * sizeof(int64_t));
    if (encoder->integers == NULL || encoder->more_integers == NULL ||
        wendi_stream_scratch_new(&encoder->scratch) != WEND_OK) {
        wendi_page_encoder_free(encoder);
        return WEND_NOMEM;
    }
    return WEND_OK;
}

void wendi_page_encoder_free(wendi_page_encoder *encoder)
{
    wendi_free(encoder->integers);
    wendi_free(encoder->more_integers);
    wendi_stream_scratch_free(encoder->scratch);
    *encoder = (wendi_page_encoder){.zstd_level = 1};
}

static wend_status append_bitmap(wendi_buffer *out, const uint8_t *nulls, uint32_t row_count)
{
    size_t begin = out->length;
    size_t bytes = ((size_t)row_count + 63) / 64 * 8;
    wend_status status = wendi_buffer_append_zero(out, bytes);
    if (status != WEND_OK) {
        return status;
    }
    for (uint32_t i = 0; i < row_count; i++) {
        uint8_t *at = &out->data[begin + i / 8];
        *at = (uint8_t)(*at | (nulls[i] != 0) << (i % 8));
    }
    return WEND_OK;
}

wend_status wendi_page_begin(wendi_page_encoder *encoder, wendi_page_rows rows)
{
    wend_status status = WEND_OK;
    encoder->begin = encoder->out->length;
    encoder->stream_number = 0;
    if (encoder->place.page == 0) {
        memset(encoder->codecs, 0, sizeof encoder->codecs);
    }
    WEND_REQUIRE(encoder->begin % WENDI_PAGE_ALIGNMENT == 0);
    WEND_REQUIRE(rows.row_count >= 1 && rows.row_count <= WENDI_PAGE_ROWS && rows.value_count <= rows.row_count);
    WEND_TRY(wendi_buffer_append_zero(encoder->out, WENDI_PAGE_HEADER_BYTES));
    if (rows.value_count != 0 && rows.value_count != rows.row_count) {
        WEND_TRY(append_bitmap(encoder->out, rows.nulls, rows.row_count));
    }
cleanup:
    return status;
}

wend_status wendi_page_finish(wendi_page_encoder *encoder, wendi_page_rows rows, wendi_page_layout layout,
                              uint8_t exponent, bool real)
{
    wendi_buffer *out = encoder->out;
    size_t payload = out->length - encoder->begin - WENDI_PAGE_HEADER_BYTES;
    size_t padding = (WENDI_PAGE_ALIGNMENT - out->length % WENDI_PAGE_ALIGNMENT) % WENDI_PAGE_ALIGNMENT;
    if (payload > UINT32_MAX - WENDI_PAGE_ALIGNMENT) {
        return WEND_INVALID;
    }
    wend_status status = wendi_buffer_append_zero(out, padding);
    if (status != WEND_OK) {
        return status;
    }
    uint8_t *header = out->data + encoder->begin;
    wendi_null_form nulls = rows.value_count == rows.row_count ? WENDI_NULLS_NONE
                            : rows.value_count == 0            ? WENDI_NULLS_ALL
                                                               : WENDI_NULLS_BITMAP;
    wendi_store_u32(header + 8, (uint32_t)payload);
    wendi_store_u32(header + 12, rows.row_count);
    wendi_store_u32(header + 16, rows.value_count);
    header[20] = (uint8_t)layout;
    header[21] = (uint8_t)nulls;
    header[22] = exponent;
    header[23] = real;
    wendi_store_u32(header + 24, encoder->place.column_id);
    wendi_store_u32(header + 28, encoder->place.row_group);
    wendi_store_u32(header + 32, encoder->place.page);
    wendi_store_u64(header, wendi_hash64_seed(header + 8, out->length - encoder->begin - 8,
                                              wendi_place_seed(&encoder->place)));
    return WEND_OK;
}

static wend_status append_stream(wendi_page_encoder *encoder, const wendi_stream_input *input)
{
    const wendi_codec *codec = NULL;
    uint8_t *before = &encoder->codecs[encoder->stream_number++];
    wendi_codec_wish wish = {.forced = encoder->forced_codec, .previous = *before,
                             .dense = wendi_is_dense(encoder->zstd_level)};
    wend_status status = wendi_stream_encode(input, wish, encoder->out, &codec);
    *before = status == WEND_OK ? codec->id : 0;
    return status;
}

wend_status wendi_page_stream(wendi_page_encoder *encoder, const int64_t *values, uint32_t count)
{
    return append_stream(encoder, wendi_stream_analyse(encoder->scratch, values, count));
}

wend_status wendi_page_encode_codes(wendi_page_encoder *encoder, uint32_t row_count, const uint32_t *codes,
                                    bool residuals)
{
    wend_status status = WEND_OK;
    wendi_page_rows rows = {.row_count = row_count, .value_count = row_count};
    WEND_TRY(wendi_page_begin(encoder, rows));
    WEND_TRY(append_stream(encoder, wendi_stream_analyse_codes(encoder->scratch, codes, row_count)));
    WEND_TRY(wendi_page_finish(encoder, rows, residuals ? WENDI_LAYOUT_PREDICTED : WENDI_LAYOUT_CODES, 0, residuals));
cleanup:
    return status;
}

wend_status wendi_page_encode_integers(wendi_page_encoder *encoder, wendi_page_rows rows, const int64_t *values,
                                       wendi_page_layout layout)
{
    wend_status status = WEND_OK;
    WEND_TRY(wendi_page_begin(encoder, rows));
    if (rows.value_count == 0) {
        layout = WENDI_LAYOUT_NULL;
    } else {
        WEND_TRY(wendi_page_stream(encoder, values, rows.value_count));
    }
    WEND_TRY(wendi_page_finish(encoder, rows, layout, 0, false));
cleanup:
    return status;
}

wend_status wendi_page_encode_residuals(wendi_page_encoder *encoder, uint32_t row_count, const int64_t *residuals,
                                        bool codes)
{
    wend_status status = WEND_OK;
    wendi_page_rows rows = {.row_count = row_count, .value_count = row_count};
    WEND_TRY(wendi_page_begin(encoder, rows));
    WEND_TRY(wendi_page_stream(encoder, residuals, row_count));
    WEND_TRY(wendi_page_finish(encoder, rows, WENDI_LAYOUT_PREDICTED, 0, codes));
cleanup:
    return status;
}

/* Spread over all of 64 bits and hardly ever twice in a row: no codec will gain anything. */
static bool is_random(const int64_t *values, uint32_t count)
{
    int64_t min;
    int64_t max;
    wendi_kernels_get()->min_max_i64(values, count, &min, &max);
    size_t changes = wendi_kernels_get()->changes_u64((const uint64_t *)values, count);
    return count > WENDI_VECTOR_ROWS && changes > count - count / 8 && (uint64_t)max - (uint64_t)min > UINT64_MAX / 8;
}

static bool is_uuid4(const wendi_b16 *values, uint32_t count)
{
    uint64_t other = 0; /* what is set in a version or variant where it should not be, or the reverse */
    for (uint32_t i = 0; i < count; i++) {
        other |= (__builtin_bswap64(values[i].word[0]) ^ UINT64_C(0x4000)) & UINT64_C(0xf000);
        other |= (__builtin_bswap64(values[i].word[1]) ^ UINT64_C(1) << 63) & UINT64_C(3) << 62;
    }
    return other == 0 && count > 0;
}

/* The two numbers of each value, without the six bits that all of UUID4 share. */
static void split_values(const wendi_b16 *values, uint32_t count, bool uuid4, int64_t *high, int64_t *low)
{
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t x = __builtin_bswap64(values[i].word[0]);
        const uint64_t y = __builtin_bswap64(values[i].word[1]);
        high[i] = (int64_t)(uuid4 ? x >> 16 << 12 | (x & 0xfff) : x);
        low[i] = (int64_t)(uuid4 ? y & UINT64_MAX >> 2 : y);
    }
}

/*
 * Two streams when they are smaller than the bytes themselves; random identifiers stay as they are. Those of version 4
 * take six bits less; what makes the one form's streams small makes the other's small, too, so only one is tried.
 */
wend_status wendi_page_encode_b16(wendi_page_encoder *encoder, wendi_page_rows rows, const wendi_b16 *values,
                                  bool uuid)
{
    wend_status status = WEND_OK;
    const bool uuid4 = uuid && is_uuid4(values, rows.value_count);
    wendi_page_layout layout = rows.value_count == 0 ? WENDI_LAYOUT_NULL
                               : uuid4               ? WENDI_LAYOUT_UUID4
                                                     : WENDI_LAYOUT_SPLIT16;
    size_t raw_bytes = (size_t)rows.value_count * sizeof *values;
    WEND_TRY(wendi_page_begin(encoder, rows));
    size_t begin = encoder->out->length;
    split_values(values, rows.value_count, uuid4, encoder->integers, encoder->more_integers);
    bool random = rows.value_count > 0 && !uuid4 && encoder->forced_codec == 0 &&
                  is_random(encoder->integers, rows.value_count) && is_random(encoder->more_integers, rows.value_count);
    if (rows.value_count > 0 && !random) {
        WEND_TRY(wendi_page_stream(encoder, encoder->integers, rows.value_count));
        WEND_TRY(wendi_page_stream(encoder, encoder->more_integers, rows.value_count));
    }
    bool gained = encoder->out->length - begin < raw_bytes - raw_bytes / 32;
    if (random || (encoder->forced_codec == 0 && !gained && raw_bytes > 0)) {
        encoder->out->length = begin;
        layout = WENDI_LAYOUT_RAW16;
        WEND_TRY(wendi_buffer_append(encoder->out, values, raw_bytes));
    }
    WEND_TRY(wendi_page_finish(encoder, rows, layout, 0, false));
cleanup:
    return status;
}
