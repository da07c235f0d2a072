/**
 * What the four packed codecs share: vectors of 1024 quotients packed at a width of their own.
 *
 * A codec differs in two choices only: whether the packed numbers are offsets above the vector's least
 * quotient or steps from the quotient before, and whether a vector may keep its widest numbers apart
 * as exceptions so that the others are packed narrower.
 */
#ifndef WENDI_FORMAT_CODEC_PACKING_H
#define WENDI_FORMAT_CODEC_PACKING_H

#include "format/codec/codec.h"

typedef struct wendi_packing {
    bool steps;
    bool patched;
} wendi_packing;

size_t wendi_packing_size(wendi_packing packing, const wendi_stream_input *input);
wend_status wendi_packing_encode(wendi_packing packing, const wendi_stream_input *input, wendi_buffer *out);
wend_status wendi_packing_open(wendi_packing packing, wendi_stream *stream, wendi_reader *body, wendi_arena *arena,
                               const char **reason);
void wendi_packing_decode(wendi_packing packing, const wendi_stream *stream, uint32_t first, uint32_t count,
                          void *values);
/** The vector's least value and what its width can reach; false but for plain offsets. */
bool wendi_packing_bounds(wendi_packing packing, const wendi_stream *stream, uint32_t vector, int64_t *min,
                          int64_t *max);

/** Bytes of `count` numbers of `width` bits: whole vectors in lanes, the rest as one plain bit string. */
static inline size_t wendi_packed_bytes(uint32_t count, unsigned width)
{
    return ((size_t)count * width + 7) / 8;
}

/** Pack a vector's numbers, 1024 with zeros behind the last of `count`, each below 2^width; returns the place behind. */
uint8_t *wendi_pack_vector(const uint64_t *numbers, uint32_t count, unsigned width, uint8_t *out);
/** Bounds of the values whose quotients are base to base + reach; false where they would wrap. */
bool wendi_quotient_bounds(uint64_t base, uint64_t reach, uint64_t divisor, uint64_t reference, int64_t *min,
                           int64_t *max);

#endif
