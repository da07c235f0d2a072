/*
 * SPARSE: one common value and the few rows that differ.
 * Body: common value u64, exception count u32, 0 u32, positions u16 each (rising), padding to 8,
 * stream of the exceptions' values.
 */
#include "format/codec/codec.h"

static size_t positions_bytes(uint32_t count)
{
    return ((size_t)count * 2 + 7) / 8 * 8;
}

static size_t size(const wendi_stream_input *input)
{
    size_t values;
    if (input->exceptions == NULL || input->exception_positions == NULL) {
        return SIZE_MAX;
    }
    wendi_codec_choose(input->exceptions, (wendi_codec_wish){0}, &values);
    return 16 + positions_bytes(input->exceptions->count) + WENDI_STREAM_HEADER_BYTES + (values + 7) / 8 * 8;
}

static wend_status encode(const wendi_stream_input *input, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    uint32_t count = input->exceptions->count;
    WEND_TRY(wendi_buffer_u64(out, (uint64_t)input->common));
    WEND_TRY(wendi_buffer_u32(out, count));
    WEND_TRY(wendi_buffer_u32(out, 0));
    size_t begin = out->length;
    WEND_TRY(wendi_buffer_append_zero(out, positions_bytes(count)));
    for (uint32_t i = 0; i < count; i++) {
        wendi_store_u16(out->data + begin + (size_t)i * 2, input->exception_positions[i]);
    }
    WEND_TRY(wendi_stream_encode(input->exceptions, (wendi_codec_wish){0}, out, NULL));
cleanup:
    return status;
}

static bool positions_hold(const uint8_t *positions, uint32_t count, uint32_t rows)
{
    uint32_t least = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t position = wendi_load_u16(positions + (size_t)i * 2);
        if (position < least || position >= rows) {
            return false;
        }
        least = position + 1;
    }
    for (size_t i = (size_t)count * 2; i < positions_bytes(count); i++) {
        if (positions[i] != 0) {
            return false;
        }
    }
    return true;
}

static wend_status open_body(wendi_stream *stream, wendi_reader *body, wendi_arena *arena, const char **reason)
{
    wend_status status = WEND_OK;
    wendi_stream values;
    stream->reference = wendi_reader_u64(body);
    uint32_t count = wendi_reader_u32(body);
    uint32_t zero = wendi_reader_u32(body);
    if (body->failed || zero != 0 || count == 0 || count > stream->count ||
        !wendi_stream_holds(stream, stream->reference)) {
        *reason = "impossible common value or number of exceptions";
        return WEND_CORRUPT;
    }
    const uint8_t *positions = wendi_reader_bytes(body, positions_bytes(count));
    if (body->failed || !positions_hold(positions, count, stream->count)) {
        *reason = "positions of exceptions do not rise within the page";
        return WEND_CORRUPT;
    }
    WEND_TRY(wendi_stream_open(&values, body, count, stream->lane_bytes, true, arena, reason));
    stream->newer = stream->newer || values.newer;
    size_t room = ((size_t)count + WENDI_VECTOR_ROWS - 1) / WENDI_VECTOR_ROWS * WENDI_VECTOR_ROWS;
    void *decoded = wendi_arena_alloc(arena, room * stream->lane_bytes);
    if (decoded == NULL) {
        return WEND_NOMEM;
    }
    wendi_stream_decode(&values, 0, count, decoded);
    stream->sparse.count = count;
    stream->sparse.positions = positions;
    stream->sparse.values = decoded;
cleanup:
    return status;
}

/* The first exception at or behind `row`. */
static uint32_t find_exception(const wendi_stream *stream, uint32_t row)
{
    uint32_t low = 0;
    uint32_t high = stream->sparse.count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (wendi_load_u16(stream->sparse.positions + (size_t)middle * 2) >= row) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

static void decode(const wendi_stream *stream, uint32_t first, uint32_t count, void *values)
{
    uint32_t i = find_exception(stream, first);
    uint32_t end = find_exception(stream, first + count);
    if (stream->lane_bytes == 4) {
        wendi_kernels_get()->fill_u32(values, count, (uint32_t)stream->reference);
    } else {
        wendi_kernels_get()->fill_u64(values, count, stream->reference);
    }
    for (; i < end; i++) {
        uint32_t at = wendi_load_u16(stream->sparse.positions + (size_t)i * 2) - first;
        if (stream->lane_bytes == 4) {
            ((uint32_t *)values)[at] = ((const uint32_t *)stream->sparse.values)[i];
        } else {
            ((uint64_t *)values)[at] = ((const uint64_t *)stream->sparse.values)[i];
        }
    }
}

static bool bounds(const wendi_stream *stream, uint32_t vector, int64_t *min, int64_t *max)
{
    uint32_t first = vector * WENDI_VECTOR_ROWS;
    uint32_t end = find_exception(stream, first + WENDI_VECTOR_ROWS);
    *min = *max = stream->lane_bytes == 4 ? (int64_t)(uint32_t)stream->reference : (int64_t)stream->reference;
    for (uint32_t i = find_exception(stream, first); i < end; i++) {
        int64_t value = stream->lane_bytes == 4 ? (int64_t)((const uint32_t *)stream->sparse.values)[i]
                                                : ((const int64_t *)stream->sparse.values)[i];
        *min = value < *min ? value : *min;
        *max = value > *max ? value : *max;
    }
    return true;
}

const wendi_codec wendi_codec_sparse = {
    .id = WENDI_CODEC_SPARSE, .nestable = false, .penalty_percent = 2, .name = "sparse",
    .size = size, .encode = encode, .open = open_body, .decode = decode, .bounds = bounds,
};
