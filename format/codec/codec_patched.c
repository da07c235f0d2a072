/*
 * PATCHED and PATCHED_DELTA: what patching.h does, by its one choice. An entry of the registry has no place for a
 * choice, so each codec is a set of functions that hand theirs on.
 */
#include "format/codec/patching.h"

#define PATCHED(NAME, ID, PENALTY_PERCENT, PENALTY_ROWS, RISES)                                   \
    static size_t NAME##_size(const wendi_stream_input *input)                                    \
    {                                                                                             \
        return wendi_patching_size((wendi_patching){RISES}, input);                               \
    }                                                                                             \
    static wend_status NAME##_encode(const wendi_stream_input *input, wendi_buffer *out)          \
    {                                                                                             \
        return wendi_patching_encode((wendi_patching){RISES}, input, out);                        \
    }                                                                                             \
    static wend_status NAME##_open(wendi_stream *stream, wendi_reader *body, wendi_arena *arena,  \
                                   const char **reason)                                           \
    {                                                                                             \
        return wendi_patching_open((wendi_patching){RISES}, stream, body, arena, reason);         \
    }                                                                                             \
    static void NAME##_decode(const wendi_stream *stream, uint32_t first, uint32_t count,         \
                              void *values)                                                       \
    {                                                                                             \
        wendi_patching_decode((wendi_patching){RISES}, stream, first, count, values);             \
    }                                                                                             \
    static bool NAME##_bounds(const wendi_stream *stream, uint32_t vector, int64_t *min,          \
                              int64_t *max)                                                       \
    {                                                                                             \
        return wendi_patching_bounds((wendi_patching){RISES}, stream, vector, min, max);          \
    }                                                                                             \
    const wendi_codec wendi_codec_##NAME = {                                                      \
        .id = ID, .nestable = true, .penalty_percent = PENALTY_PERCENT,                           \
        .penalty_rows = PENALTY_ROWS, .name = #NAME,                                              \
        .size = NAME##_size, .encode = NAME##_encode, .open = NAME##_open,                        \
        .decode = NAME##_decode, .bounds = NAME##_bounds}

PATCHED(patched, WENDI_CODEC_PATCHED, 3, 32, false);
PATCHED(patched_delta, WENDI_CODEC_PATCHED_DELTA, 4, 24, true);
