/*
 * Packed codecs, decoding: check the arrays once at open, then reach any vector by its offset.
 *
 * Arithmetic is modulo 2^64, or 2^32 for 32-bit lanes, in which wrong content gives wrong values
 * and nothing worse; who uses values as indices checks their range.
 */
#include "format/codec/packing.h"

#include "format/codec/bit_string.h"

enum { FIXED_BYTES = 32 };

/* Read the fixed part; the pointers of `pack` are set, their content not yet looked at. */
static const char *read_arrays(wendi_packing packing, wendi_stream *stream, wendi_reader *body, uint32_t vectors,
                               const uint8_t **counts, uint32_t *exception_count)
{
    stream->reference = wendi_reader_u64(body);
    stream->pack.divisor = wendi_reader_u64(body);
    stream->pack.step_reference = wendi_reader_u64(body);
    stream->pack.base_bytes = wendi_reader_u8(body);
    stream->pack.step_bytes = wendi_reader_u8(body);
    stream->pack.exception_bytes = wendi_reader_u8(body);
    uint8_t zero = wendi_reader_u8(body);
    *exception_count = wendi_reader_u32(body);
    if (stream->pack.base_bytes > 8 || stream->pack.step_bytes > 8 || stream->pack.exception_bytes > 8 || zero != 0 ||
        stream->pack.divisor == 0 || !wendi_stream_holds(stream, stream->reference) ||
        !wendi_stream_holds(stream, stream->pack.divisor)) {
        return "packed stream with impossible parameters";
    }
    const bool steps = packing.steps && !packing.patched; /* those that begin from a step base */
    if ((!steps && (stream->pack.step_bytes != 0 || stream->pack.step_reference != 0)) ||
        (!packing.patched && stream->pack.exception_bytes != 0)) {
        return "packed stream with parameters of another codec";
    }
    if (*exception_count > stream->count || (!packing.patched && *exception_count != 0)) {
        return "packed stream with too many exceptions";
    }
    stream->pack.widths = wendi_reader_bytes(body, vectors);
    stream->pack.bases = wendi_reader_bytes(body, (size_t)vectors * stream->pack.base_bytes);
    stream->pack.steps = wendi_reader_bytes(body, (size_t)vectors * stream->pack.step_bytes);
    *counts = wendi_reader_bytes(body, packing.patched ? (size_t)vectors * 2 : 0);
    stream->pack.positions = wendi_reader_bytes(body, (size_t)*exception_count * 2);
    stream->pack.exceptions = wendi_reader_bytes(body, (size_t)*exception_count * stream->pack.exception_bytes);
    size_t fixed = FIXED_BYTES + (size_t)vectors * (1 + stream->pack.base_bytes + stream->pack.step_bytes) +
                   (packing.patched ? (size_t)vectors * 2 : 0) +
                   (size_t)*exception_count * (2 + stream->pack.exception_bytes);
    const uint8_t *padding = wendi_reader_bytes(body, (8 - fixed % 8) % 8);
    for (size_t i = 0; !body->failed && i < (8 - fixed % 8) % 8; i++) {
        if (padding[i] != 0) {
            return "padding of a packed stream is not zero";
        }
    }
    return body->failed ? "packed stream cut short" : NULL;
}

static const char *check_exceptions(const wendi_stream *stream, uint32_t vector)
{
    uint32_t rows = wendi_stream_vector_rows(stream, vector);
    uint32_t least = 0;
    for (uint32_t i = stream->pack.exception_at[vector]; i < stream->pack.exception_at[vector + 1]; i++) {
        uint32_t position = wendi_load_u16(stream->pack.positions + (size_t)i * 2);
        if (position < least || position >= rows) {
            return "exception outside its vector";
        }
        least = position + 1;
    }
    return NULL;
}

/* Fill packed_at and exception_at, checking widths, counts and positions. */
static const char *place_vectors(wendi_packing packing, wendi_stream *stream, uint32_t vectors, const uint8_t *counts,
                                 uint32_t exception_count)
{
    uint32_t packed = 0;
    uint32_t exceptions = 0;
    for (uint32_t v = 0; v < vectors; v++) {
        unsigned width = stream->pack.widths[v];
        if (width > 64 || (stream->lane_bytes == 4 && width > 32)) {
            return "packed width beyond its values";
        }
        stream->pack.packed_at[v] = packed;
        stream->pack.exception_at[v] = exceptions;
        packed += (uint32_t)wendi_packed_bytes(wendi_stream_vector_rows(stream, v), width);
        exceptions += packing.patched ? wendi_load_u16(counts + (size_t)v * 2) : 0;
        if (exceptions > exception_count) {
            return "exception counts do not add up";
        }
    }
    stream->pack.packed_at[vectors] = packed;
    stream->pack.exception_at[vectors] = exceptions;
    if (exceptions != exception_count) {
        return "exception counts do not add up";
    }
    for (uint32_t v = 0; v < vectors; v++) {
        const char *fault = check_exceptions(stream, v);
        if (fault != NULL) {
            return fault;
        }
    }
    return NULL;
}

/* What stands in the packed vectors where no number does, and the first of steps, which is none. */
static const char *check_packed(wendi_packing packing, const wendi_stream *stream, uint32_t vectors)
{
    const uint32_t last = vectors - 1;
    if (wendi_stream_vector_rows(stream, last) < WENDI_VECTOR_ROWS &&
        !wendi_bit_string_ends_clean(stream->pack.packed + stream->pack.packed_at[last], wendi_stream_vector_rows(stream, last),
                                     stream->pack.widths[last])) {
        return "bits behind the last packed number are not zero";
    }
    for (uint32_t v = 0; packing.steps && v < vectors; v++) {
        const uint32_t i = stream->pack.exception_at[v];
        const bool excepted = i < stream->pack.exception_at[v + 1] &&
                              wendi_load_u16(stream->pack.positions + (size_t)i * 2) == 0;
        const size_t bytes = stream->pack.exception_bytes;
        if (excepted ? wendi_load_bytes(stream->pack.exceptions + i * bytes, (unsigned)bytes) != 0
                     : !wendi_packed_first_is_zero(stream->pack.packed + stream->pack.packed_at[v],
                                                   stream->pack.widths[v])) {
            return "the first step of a vector is not zero";
        }
    }
    return NULL;
}

wend_status wendi_packing_open(wendi_packing packing, wendi_stream *stream, wendi_reader *body, wendi_arena *arena,
                               const char **reason)
{
    uint32_t vectors = (stream->count + WENDI_VECTOR_ROWS - 1) / WENDI_VECTOR_ROWS;
    const uint8_t *counts = NULL;
    uint32_t exception_count = 0;
    *reason = read_arrays(packing, stream, body, vectors, &counts, &exception_count);
    if (*reason != NULL) {
        return WEND_CORRUPT;
    }
    stream->pack.packed_at = wendi_arena_alloc(arena, (vectors + 1) * sizeof(uint32_t));
    stream->pack.exception_at = wendi_arena_alloc(arena, (vectors + 1) * sizeof(uint32_t));
    if (stream->pack.packed_at == NULL || stream->pack.exception_at == NULL) {
        return WEND_NOMEM;
    }
    *reason = place_vectors(packing, stream, vectors, counts, exception_count);
    if (*reason != NULL) {
        return WEND_CORRUPT;
    }
    stream->pack.packed = wendi_reader_bytes(body, stream->pack.packed_at[vectors]);
    *reason = body->failed ? "packed vectors cut short" : check_packed(packing, stream, vectors);
    return *reason == NULL ? WEND_OK : WEND_CORRUPT;
}

/*
 * How a vector is put together: a full one in one or two passes of kernels over values in L1, with
 * what is added to each, the divisor and the reference folded into as few additions as there can be.
 * One that is not full has its numbers in a plain bit string and takes the same way one by one.
 */
#define DEFINE_DECODE_VECTOR(bits)                                                                                  \
    static void unpack_vector_u##bits(const wendi_stream *stream, uint32_t v, uint##bits##_t added,                 \
                                      uint##bits##_t *values)                                                       \
    {                                                                                                               \
        const uint32_t rows = wendi_stream_vector_rows(stream, v);                                                             \
        const unsigned width = stream->pack.widths[v];                                                              \
        const uint8_t *packed = stream->pack.packed + stream->pack.packed_at[v];                                    \
        if (rows == WENDI_VECTOR_ROWS) {                                                                            \
            wendi_kernels_get()->unpack_u##bits(packed, width, added, values);                                      \
            return;                                                                                                 \
        }                                                                                                           \
        const uint8_t *end = packed + wendi_bit_string_bytes(rows, width);                                          \
        for (uint32_t i = 0; i < rows; i++) {                                                                       \
            values[i] = added + (uint##bits##_t)wendi_bit_string_get(packed, end, i, width);                        \
        }                                                                                                           \
    }                                                                                                               \
    static void put_exceptions_u##bits(const wendi_stream *stream, uint32_t v, uint##bits##_t added,                \
                                       uint##bits##_t *values)                                                      \
    {                                                                                                               \
        for (uint32_t i = stream->pack.exception_at[v]; i < stream->pack.exception_at[v + 1]; i++) {                \
            values[wendi_load_u16(stream->pack.positions + (size_t)i * 2)] = added + (uint##bits##_t)wendi_load_bytes(         \
                stream->pack.exceptions + (size_t)i * stream->pack.exception_bytes, stream->pack.exception_bytes);  \
        }                                                                                                           \
    }                                                                                                               \
    static void decode_offsets_u##bits(const wendi_stream *stream, uint32_t v, uint##bits##_t base,                 \
                                       uint##bits##_t *values)                                                      \
    {                                                                                                               \
        const uint##bits##_t divisor = (uint##bits##_t)stream->pack.divisor;                                        \
        const uint##bits##_t least = (uint##bits##_t)stream->reference + base * divisor;                            \
        const uint##bits##_t added = divisor == 1 ? least : 0;                                                      \
        unpack_vector_u##bits(stream, v, added, values);                                                            \
        put_exceptions_u##bits(stream, v, added, values);                                                           \
        if (divisor != 1) {                                                                                         \
            wendi_kernels_get()->multiply_add_u##bits(values, wendi_stream_vector_rows(stream, v), divisor, least);            \
        }                                                                                                           \
    }                                                                                                               \
    static void decode_steps_u##bits(const wendi_stream *stream, uint32_t v, uint##bits##_t base,                   \
                                     bool patched, uint##bits##_t *values)                                          \
    {                                                                                                               \
        const wendi_kernels *kernels = wendi_kernels_get();                                                         \
        const uint32_t rows = wendi_stream_vector_rows(stream, v);                                                             \
        const uint##bits##_t divisor = (uint##bits##_t)stream->pack.divisor;                                        \
        const uint##bits##_t first = (uint##bits##_t)stream->reference + base * divisor;                            \
        const uint##bits##_t step = patched ? 0 : (uint##bits##_t)(stream->pack.step_reference +                    \
            wendi_load_bytes(stream->pack.steps + (size_t)v * stream->pack.step_bytes, stream->pack.step_bytes));              \
        if (!patched && rows == WENDI_VECTOR_ROWS) {                                                                \
            kernels->unpack_steps_u##bits(stream->pack.packed + stream->pack.packed_at[v],                          \
                                          stream->pack.widths[v], step, first, divisor, values);                    \
            return;                                                                                                 \
        }                                                                                                           \
        unpack_vector_u##bits(stream, v, step, values);                                                             \
        if (patched) {                                                                                              \
            put_exceptions_u##bits(stream, v, 0, values);                                                           \
            kernels->unzigzag_u##bits(values, rows);                                                                \
        }                                                                                                           \
        values[0] = 0; /* The first number is no step. */                                                           \
        kernels->prefix_sum_u##bits(values, rows, first, divisor);                                                  \
    }                                                                                                               \
    static void decode_vector_u##bits(wendi_packing packing, const wendi_stream *stream, uint32_t v,                \
                                      uint##bits##_t *values)                                                       \
    {                                                                                                               \
        const uint##bits##_t base =                                                                                 \
            (uint##bits##_t)wendi_load_bytes(stream->pack.bases + (size_t)v * stream->pack.base_bytes,              \
                                             stream->pack.base_bytes);                                              \
        if (packing.steps) {                                                                                        \
            decode_steps_u##bits(stream, v, base, packing.patched, values);                                         \
        } else {                                                                                                    \
            decode_offsets_u##bits(stream, v, base, values);                                                        \
        }                                                                                                           \
    }
DEFINE_DECODE_VECTOR(64)
DEFINE_DECODE_VECTOR(32)

void wendi_packing_decode(wendi_packing packing, const wendi_stream *stream, uint32_t first, uint32_t count,
                          void *values)
{
    uint32_t begin = first / WENDI_VECTOR_ROWS;
    uint32_t end = (first + count + WENDI_VECTOR_ROWS - 1) / WENDI_VECTOR_ROWS;
    for (uint32_t v = begin; v < end; v++) {
        size_t at = (size_t)(v - begin) * WENDI_VECTOR_ROWS;
        if (stream->lane_bytes == 4) {
            decode_vector_u32(packing, stream, v, (uint32_t *)values + at);
        } else {
            decode_vector_u64(packing, stream, v, (uint64_t *)values + at);
        }
    }
}

bool wendi_quotient_bounds(uint64_t base, uint64_t reach, uint64_t divisor, uint64_t reference, int64_t *min,
                           int64_t *max)
{
    int64_t least;
    int64_t most;
    uint64_t low;
    uint64_t high;
    if (base > INT64_MAX || reach > INT64_MAX - base || __builtin_mul_overflow(base, divisor, &low) ||
        __builtin_mul_overflow(base + reach, divisor, &high) || low > INT64_MAX || high > INT64_MAX ||
        __builtin_add_overflow((int64_t)reference, (int64_t)low, &least) ||
        __builtin_add_overflow((int64_t)reference, (int64_t)high, &most)) {
        return false;
    }
    *min = least;
    *max = most;
    return true;
}

bool wendi_packing_bounds(wendi_packing packing, const wendi_stream *stream, uint32_t vector, int64_t *min,
                          int64_t *max)
{
    if (packing.steps || packing.patched) {
        return false;
    }
    unsigned width = stream->pack.widths[vector];
    uint64_t base = wendi_load_bytes(stream->pack.bases + (size_t)vector * stream->pack.base_bytes, stream->pack.base_bytes);
    uint64_t reach = width == 64 ? UINT64_MAX : ((uint64_t)1 << width) - 1;
    return wendi_quotient_bounds(base, reach, stream->pack.divisor, stream->reference, min, max);
}
