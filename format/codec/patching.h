/**
 * What PATCHED and PATCHED_DELTA share: vectors of 1024 quotients packed at a width of their own, and
 * the bits above it apart, for the few numbers that have such.
 *
 * They differ in whether the numbers are offsets above the vector's least quotient or rises from the
 * quotient before, modulo 2^M. A rise is never negative: a step down is a large one, which only its
 * upper part pays for, so mostly rising sequences with falls among them pack to the width of their rises.
 */
#ifndef WENDI_FORMAT_CODEC_PATCHING_H
#define WENDI_FORMAT_CODEC_PATCHING_H

#include "format/codec/codec.h"

typedef struct wendi_patching {
    bool rises;
} wendi_patching;

size_t wendi_patching_size(wendi_patching patching, const wendi_stream_input *input);
wend_status wendi_patching_encode(wendi_patching patching, const wendi_stream_input *input, wendi_buffer *out);
wend_status wendi_patching_open(wendi_patching patching, wendi_stream *stream, wendi_reader *body,
                                wendi_arena *arena, const char **reason);
void wendi_patching_decode(wendi_patching patching, const wendi_stream *stream, uint32_t first, uint32_t count,
                           void *values);
/** The vector's base and what width and upper parts can reach; false for rises. */
bool wendi_patching_bounds(wendi_patching patching, const wendi_stream *stream, uint32_t vector, int64_t *min,
                           int64_t *max);

/** Bytes that say where `count` > 0 upper parts of a vector belong: a list of u16, or a bit a row. */
static inline size_t wendi_patch_list_bytes(uint32_t count, uint32_t rows)
{
    const size_t bitmap_bytes = ((size_t)rows + 7) / 8;
    return (size_t)count * 2 < bitmap_bytes ? (size_t)count * 2 : bitmap_bytes;
}
static inline bool wendi_patch_is_list(uint32_t count, uint32_t rows)
{
    return (size_t)count * 2 < ((size_t)rows + 7) / 8;
}

#endif
