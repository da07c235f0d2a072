/*
 * FOR, PFOR, DELTA and PDELTA: what packing.h does, by its two choices. An entry of the registry has no place
 * for a choice, so each codec is a set of functions that hand theirs on.
 */
#include "format/codec/packing.h"

#define PACKED(NAME, ID, PENALTY_PERCENT, PENALTY_ROWS, ...)                                      \
    static const wendi_packing NAME##_packing = __VA_ARGS__;                                      \
    static size_t NAME##_size(const wendi_stream_input *input)                                    \
    {                                                                                             \
        return wendi_packing_size(NAME##_packing, input);                                         \
    }                                                                                             \
    static wend_status NAME##_encode(const wendi_stream_input *input, wendi_buffer *out)          \
    {                                                                                             \
        return wendi_packing_encode(NAME##_packing, input, out);                                  \
    }                                                                                             \
    static wend_status NAME##_open(wendi_stream *stream, wendi_reader *body, wendi_arena *arena,  \
                                   const char **reason)                                           \
    {                                                                                             \
        return wendi_packing_open(NAME##_packing, stream, body, arena, reason);                   \
    }                                                                                             \
    static void NAME##_decode(const wendi_stream *stream, uint32_t first, uint32_t count,         \
                              void *values)                                                       \
    {                                                                                             \
        wendi_packing_decode(NAME##_packing, stream, first, count, values);                       \
    }                                                                                             \
    static bool NAME##_bounds(const wendi_stream *stream, uint32_t vector, int64_t *min,          \
                              int64_t *max)                                                       \
    {                                                                                             \
        return wendi_packing_bounds(NAME##_packing, stream, vector, min, max);                    \
    }                                                                                             \
    const wendi_codec wendi_codec_##NAME = {                                                      \
        .id = ID, .nestable = true, .penalty_percent = PENALTY_PERCENT,                           \
        .penalty_rows = PENALTY_ROWS, .name = #NAME,                                              \
        .size = NAME##_size, .encode = NAME##_encode, .open = NAME##_open,                        \
        .decode = NAME##_decode, .bounds = NAME##_bounds}

PACKED(for, WENDI_CODEC_FOR, 2, 0, {.steps = false, .patched = false});
PACKED(pfor, WENDI_CODEC_PFOR, 3, 32, {.steps = false, .patched = true});
PACKED(delta, WENDI_CODEC_DELTA, 4, 32, {.steps = true, .patched = false});
PACKED(pdelta, WENDI_CODEC_PDELTA, 5, 24, {.steps = true, .patched = true});
