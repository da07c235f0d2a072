/* CONSTANT: every value is the same. Body: the value, 8 bytes. */
#include "format/codec/codec.h"

static size_t size(const wendi_stream_input *input)
{
    return input->min == input->max ? 8 : SIZE_MAX;
}

static wend_status encode(const wendi_stream_input *input, wendi_buffer *out)
{
    return wendi_buffer_u64(out, (uint64_t)input->min);
}

static wend_status open_body(wendi_stream *stream, wendi_reader *body, wendi_arena *arena, const char **reason)
{
    (void)arena;
    stream->reference = wendi_reader_u64(body);
    if (body->failed) {
        *reason = "constant without its value";
        return WEND_CORRUPT;
    }
    if (!wendi_stream_holds(stream, stream->reference)) {
        *reason = "constant beyond 32 bits";
        return WEND_CORRUPT;
    }
    return WEND_OK;
}

static void decode(const wendi_stream *stream, uint32_t first, uint32_t count, void *values)
{
    (void)first;
    if (stream->lane_bytes == 4) {
        wendi_kernels_get()->fill_u32(values, count, (uint32_t)stream->reference);
    } else {
        wendi_kernels_get()->fill_u64(values, count, stream->reference);
    }
}

static bool bounds(const wendi_stream *stream, uint32_t vector, int64_t *min, int64_t *max)
{
    (void)vector;
    *min = *max = (int64_t)stream->reference;
    return true;
}

const wendi_codec wendi_codec_constant = {
    .id = WENDI_CODEC_CONSTANT, .nestable = true, .penalty_percent = 0, .name = "constant",
    .size = size, .encode = encode, .open = open_body, .decode = decode, .bounds = bounds,
};
