/* DELTA: steps from value to value above each vector's least step. Body and loops in packing.h. */
#include "format/codec/packing.h"

static const wendi_packing packing = {.steps = true, .patched = false};

static size_t size(const wendi_stream_input *input)
{
    return wendi_packing_size(packing, input);
}

static wend_status encode(const wendi_stream_input *input, wendi_buffer *out)
{
    return wendi_packing_encode(packing, input, out);
}

static wend_status open_body(wendi_stream *stream, wendi_reader *body, wendi_arena *arena, const char **reason)
{
    return wendi_packing_open(packing, stream, body, arena, reason);
}

static void decode(const wendi_stream *stream, uint32_t first, uint32_t count, void *values)
{
    wendi_packing_decode(packing, stream, first, count, values);
}

static bool bounds(const wendi_stream *stream, uint32_t vector, int64_t *min, int64_t *max)
{
    (void)stream;
    (void)vector;
    (void)min;
    (void)max;
    return false;
}

const wendi_codec wendi_codec_delta = {
    .id = WENDI_CODEC_DELTA, .nestable = true, .penalty_percent = 8, .name = "delta",
    .size = size, .encode = encode, .open = open_body, .decode = decode, .bounds = bounds,
};
