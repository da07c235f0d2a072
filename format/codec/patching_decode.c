/*
 * Patched codecs, decoding: check all arrays once at open, then reach any vector by its offsets.
 *
 * Arithmetic is modulo 2^64, or 2^32 for 32-bit lanes, in which wrong content gives wrong values and
 * nothing worse; who uses values as indices checks their range.
 */
#include "format/codec/bit_string.h"
#include "format/codec/packing.h"
#include "format/codec/patching.h"

enum { FIXED_BYTES = 24 };

static uint32_t upper_count(const wendi_stream *stream, uint32_t vector)
{
    return wendi_load_u16(stream->patch.upper_counts + (size_t)vector * 2);
}

/* Read the fixed part and the arrays; their content is not yet looked at. */
static const char *read_arrays(wendi_patching patching, wendi_stream *stream, wendi_reader *body, uint32_t vectors)
{
    stream->reference = wendi_reader_u64(body);
    stream->patch.divisor = wendi_reader_u64(body);
    stream->patch.base_bytes = wendi_reader_u8(body);
    const uint8_t quotient_bits = wendi_reader_u8(body);
    const uint32_t zero = wendi_reader_u32(body);
    const uint16_t zeros = wendi_reader_u16(body);
    stream->patch.quotient_mask = wendi_low_bits(patching.rises ? quotient_bits : 64);
    if (!wendi_stream_holds(stream, stream->reference) || !wendi_stream_holds(stream, stream->patch.divisor) ||
        stream->patch.divisor == 0 || stream->patch.base_bytes > 8 || zero != 0 || zeros != 0 ||
        (patching.rises ? quotient_bits == 0 || quotient_bits > 64 : quotient_bits != 0)) {
        return "patched stream with impossible parameters";
    }
    stream->patch.widths = wendi_reader_bytes(body, vectors);
    stream->patch.upper_bits = wendi_reader_bytes(body, vectors);
    stream->patch.upper_counts = wendi_reader_bytes(body, (size_t)vectors * 2);
    stream->patch.bases = wendi_reader_bytes(body, (size_t)vectors * stream->patch.base_bytes);
    return body->failed ? "patched stream cut short" : NULL;
}

/* The vector's widths go together, and its upper parts have places within it. */
static const char *check_vector(const wendi_stream *stream, uint32_t v)
{
    const unsigned width = stream->patch.widths[v];
    const unsigned upper_bits = stream->patch.upper_bits[v];
    const uint32_t count = upper_count(stream, v);
    const uint32_t rows = wendi_stream_vector_rows(stream, v);
    if (width > 64 || width + upper_bits > 64 || (stream->lane_bytes == 4 && width > 32)) {
        return "packed width beyond its values";
    }
    if (count > rows || (count == 0) != (upper_bits == 0)) {
        return "impossible number of upper parts";
    }
    return NULL;
}

static const char *check_places(const uint8_t *places, uint32_t count, uint32_t rows)
{
    if (wendi_patch_is_list(count, rows)) {
        uint32_t least = 0;
        for (uint32_t i = 0; i < count; i++) {
            const uint32_t position = wendi_load_u16(places + (size_t)i * 2);
            if (position < least || position >= rows) {
                return "upper part outside its vector";
            }
            least = position + 1;
        }
        return NULL;
    }
    uint32_t found = 0;
    for (uint32_t i = 0; i < (rows + 7) / 8; i++) {
        found += (uint32_t)__builtin_popcount(places[i]);
    }
    if (rows % 8 != 0 && places[rows / 8] >> (rows % 8) != 0) {
        return "upper part outside its vector";
    }
    return found == count ? NULL : "upper parts do not fit their bitmap";
}

/* Check the upper parts of vector `v`, which the reader is at, and move past them. */
static const char *read_uppers(const wendi_stream *stream, uint32_t v, wendi_reader *body)
{
    const uint32_t count = upper_count(stream, v);
    const uint32_t rows = wendi_stream_vector_rows(stream, v);
    const unsigned bits = stream->patch.upper_bits[v];
    if (count == 0) {
        return NULL;
    }
    const uint8_t *places = wendi_reader_bytes(body, wendi_patch_list_bytes(count, rows));
    const uint8_t *uppers = wendi_reader_bytes(body, wendi_bit_string_bytes(count, bits));
    if (body->failed) {
        return "upper parts cut short";
    }
    const char *fault = check_places(places, count, rows);
    if (fault == NULL && !wendi_bit_string_ends_clean(uppers, count, bits)) {
        fault = "bits behind the upper parts are not zero";
    }
    return fault;
}

/* Fill upper_at and packed_at, checking every vector, and move the reader past all of them. */
static const char *place_vectors(wendi_stream *stream, wendi_reader *body, const uint8_t *begin, uint32_t vectors)
{
    uint32_t packed = 0;
    const char *fault = NULL;
    stream->patch.uppers = body->at;
    stream->patch.end = body->end;
    for (uint32_t v = 0; v < vectors && fault == NULL; v++) {
        stream->patch.packed_at[v] = packed;
        stream->patch.upper_at[v] = (uint32_t)(body->at - stream->patch.uppers);
        fault = check_vector(stream, v);
        if (fault == NULL) {
            fault = read_uppers(stream, v, body);
            packed += (uint32_t)wendi_packed_bytes(wendi_stream_vector_rows(stream, v), stream->patch.widths[v]);
        }
    }
    if (fault != NULL) {
        return fault;
    }
    const size_t padding_bytes = (8 - (size_t)(body->at - begin) % 8) % 8;
    const uint8_t *padding = wendi_reader_bytes(body, padding_bytes);
    for (size_t i = 0; padding != NULL && i < padding_bytes; i++) {
        if (padding[i] != 0) {
            return "padding of a patched stream is not zero";
        }
    }
    stream->patch.packed = wendi_reader_bytes(body, packed);
    return body->failed ? "packed vectors cut short" : NULL;
}

/* The upper part at the first place of vector `v`, 0 where there is none. */
static uint64_t first_upper(const wendi_stream *stream, uint32_t v)
{
    const uint32_t count = upper_count(stream, v);
    const uint32_t rows = wendi_stream_vector_rows(stream, v);
    const uint8_t *places = stream->patch.uppers + stream->patch.upper_at[v];
    if (count == 0 || (wendi_patch_is_list(count, rows) ? wendi_load_u16(places) != 0 : (places[0] & 1) == 0)) {
        return 0;
    }
    return wendi_bit_string_get(places + wendi_patch_list_bytes(count, rows), stream->patch.end, 0,
                                stream->patch.upper_bits[v]);
}

/* What stands in the packed vectors where no number does; of PATCHED_DELTA, where each begins. */
static const char *check_packed(wendi_patching patching, const wendi_stream *stream, uint32_t vectors)
{
    const uint32_t last = vectors - 1;
    const size_t bytes = stream->patch.base_bytes;
    if (wendi_stream_vector_rows(stream, last) < WENDI_VECTOR_ROWS &&
        !wendi_bit_string_ends_clean(stream->patch.packed + stream->patch.packed_at[last],
                                     wendi_stream_vector_rows(stream, last), stream->patch.widths[last])) {
        return "bits behind the last packed number are not zero";
    }
    for (uint32_t v = 0; patching.rises && v < vectors; v++) {
        if ((wendi_load_bytes(stream->patch.bases + v * bytes, (unsigned)bytes) & ~stream->patch.quotient_mask) != 0) {
            return "a base beyond the bits of quotients";
        }
        if (first_upper(stream, v) != 0 ||
            !wendi_packed_first_is_zero(stream->patch.packed + stream->patch.packed_at[v], stream->patch.widths[v])) {
            return "the first step of a vector is not zero";
        }
    }
    return NULL;
}

wend_status wendi_patching_open(wendi_patching patching, wendi_stream *stream, wendi_reader *body,
                                wendi_arena *arena, const char **reason)
{
    const uint32_t vectors = (stream->count + WENDI_VECTOR_ROWS - 1) / WENDI_VECTOR_ROWS;
    const uint8_t *begin = body->at;
    *reason = read_arrays(patching, stream, body, vectors);
    if (*reason != NULL) {
        return WEND_CORRUPT;
    }
    stream->patch.packed_at = wendi_arena_alloc(arena, vectors * sizeof(uint32_t));
    stream->patch.upper_at = wendi_arena_alloc(arena, vectors * sizeof(uint32_t));
    if (stream->patch.packed_at == NULL || stream->patch.upper_at == NULL) {
        return WEND_NOMEM;
    }
    *reason = place_vectors(stream, body, begin, vectors);
    if (*reason == NULL) {
        *reason = check_packed(patching, stream, vectors);
    }
    return *reason == NULL ? WEND_OK : WEND_CORRUPT;
}

enum { STRING_BYTES_MAX = WENDI_VECTOR_ROWS * 8, STRING_SLACK = 32 /* kernels read so far behind a string */ };

/* The string at `bytes`, copied where the body ends too soon behind it for kernels to read whole words. */
static const uint8_t *readable(const wendi_stream *stream, const uint8_t *bytes, size_t string_bytes, uint8_t *copy)
{
    if ((size_t)(stream->patch.end - bytes) >= string_bytes + STRING_SLACK) {
        return bytes;
    }
    memcpy(copy, bytes, string_bytes);
    memset(copy + string_bytes, 0, STRING_SLACK);
    return copy;
}

/* In 32-bit lanes an upper part that is shifted out of them counts for nothing. */
#define DEFINE_DECODE_VECTOR(bits)                                                                                   \
    static void unpack_vector_u##bits(const wendi_stream *stream, uint32_t v, uint##bits##_t base,                   \
                                      uint##bits##_t *values)                                                        \
    {                                                                                                                \
        uint8_t copy[STRING_BYTES_MAX + STRING_SLACK];                                                               \
        const uint32_t rows = wendi_stream_vector_rows(stream, v);                                                             \
        const unsigned width = stream->patch.widths[v];                                                              \
        const uint8_t *packed = stream->patch.packed + stream->patch.packed_at[v];                                   \
        if (rows == WENDI_VECTOR_ROWS) {                                                                             \
            wendi_kernels_get()->unpack_u##bits(packed, width, base, values);                                        \
        } else {                                                                                                     \
            packed = readable(stream, packed, wendi_bit_string_bytes(rows, width), copy);                            \
            wendi_kernels_get()->unpack_string_u##bits(packed, rows, width, base, values);                           \
        }                                                                                                            \
    }                                                                                                                \
    static void add_uppers_u##bits(const wendi_stream *stream, uint32_t v, uint##bits##_t *values)                   \
    {                                                                                                                \
        uint8_t copy[STRING_BYTES_MAX + STRING_SLACK];                                                               \
        uint##bits##_t uppers[WENDI_VECTOR_ROWS];                                                                    \
        uint64_t bitmap[WENDI_VECTOR_ROWS / 64] = {0};                                                               \
        const uint32_t count = upper_count(stream, v);                                                               \
        const uint32_t rows = wendi_stream_vector_rows(stream, v);                                                             \
        const unsigned width = stream->patch.widths[v];                                                              \
        const uint8_t *places = stream->patch.uppers + stream->patch.upper_at[v];                                    \
        const uint8_t *string = places + wendi_patch_list_bytes(count, rows);                                        \
        if (count == 0 || width >= (bits)) {                                                                         \
            return;                                                                                                  \
        }                                                                                                            \
        string = readable(stream, string, wendi_bit_string_bytes(count, stream->patch.upper_bits[v]), copy);         \
        wendi_kernels_get()->unpack_string_u##bits(string, count, stream->patch.upper_bits[v], 0, uppers);           \
        if (wendi_patch_is_list(count, rows)) {                                                                      \
            for (uint32_t i = 0; i < count; i++) {                                                                   \
                values[wendi_load_u16(places + (size_t)i * 2)] += uppers[i] << width;                                \
            }                                                                                                        \
        } else {                                                                                                     \
            memcpy(bitmap, places, (rows + 7) / 8);                                                                  \
            wendi_kernels_get()->add_masked_u##bits(bitmap, uppers, rows, width, values);                            \
        }                                                                                                            \
    }                                                                                                                \
    static void decode_vector_u##bits(wendi_patching patching, const wendi_stream *stream, uint32_t v,               \
                                      uint##bits##_t *values)                                                        \
    {                                                                                                                \
        const wendi_kernels *kernels = wendi_kernels_get();                                                          \
        const uint32_t rows = wendi_stream_vector_rows(stream, v);                                                             \
        const uint##bits##_t divisor = (uint##bits##_t)stream->patch.divisor;                                        \
        const uint##bits##_t reference = (uint##bits##_t)stream->reference;                                          \
        const uint##bits##_t base =                                                                                  \
            (uint##bits##_t)wendi_load_bytes(stream->patch.bases + (size_t)v * stream->patch.base_bytes,                       \
                                 stream->patch.base_bytes);                                                          \
        unpack_vector_u##bits(stream, v, patching.rises ? 0 : base, values);                                         \
        add_uppers_u##bits(stream, v, values);                                                                       \
        if (patching.rises) {                                                                                        \
            values[0] = 0; /* The first number is no rise. */                                                        \
            kernels->prefix_sum_u##bits(values, rows, base, 1);                                                      \
            kernels->wrap_multiply_add_u##bits(values, rows, (uint##bits##_t)stream->patch.quotient_mask, divisor,   \
                                               reference);                                                           \
        } else if (divisor != 1 || reference != 0) {                                                                 \
            kernels->multiply_add_u##bits(values, rows, divisor, reference);                                         \
        }                                                                                                            \
    }
DEFINE_DECODE_VECTOR(64)
DEFINE_DECODE_VECTOR(32)

void wendi_patching_decode(wendi_patching patching, const wendi_stream *stream, uint32_t first, uint32_t count,
                           void *values)
{
    const uint32_t begin = first / WENDI_VECTOR_ROWS;
    const uint32_t end = (first + count + WENDI_VECTOR_ROWS - 1) / WENDI_VECTOR_ROWS;
    for (uint32_t v = begin; v < end; v++) {
        const size_t at = (size_t)(v - begin) * WENDI_VECTOR_ROWS;
        if (stream->lane_bytes == 4) {
            decode_vector_u32(patching, stream, v, (uint32_t *)values + at);
        } else {
            decode_vector_u64(patching, stream, v, (uint64_t *)values + at);
        }
    }
}

bool wendi_patching_bounds(wendi_patching patching, const wendi_stream *stream, uint32_t vector, int64_t *min,
                           int64_t *max)
{
    if (patching.rises) {
        return false;
    }
    const unsigned bits = (unsigned)stream->patch.widths[vector] + stream->patch.upper_bits[vector];
    const uint64_t base = wendi_load_bytes(stream->patch.bases + (size_t)vector * stream->patch.base_bytes,
                               stream->patch.base_bytes);
    return wendi_quotient_bounds(base, wendi_low_bits(bits), stream->patch.divisor, stream->reference, min, max);
}
