/*
 * The text of all kernels; included once by each table_<isa>.c, which is compiled with that set's
 * flags. Plain loops over fixed lanes, so that the compiler finds the vectors; see kernels.h for what
 * each one means and for the packed layout.
 *
 * Packing works on whole 64-bit words whatever the lane's width: a shift moves all lanes of a word at
 * once, and a mask repeated over the lanes drops what came in from the neighbours.
 */
#include <string.h>

#include "format/kernel/kernels.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "packed words are little-endian");

#define ROW_WORDS 16 /* 64-bit words of a row: 1024 bits */
#define KERNEL_INLINE static inline __attribute__((always_inline))

KERNEL_INLINE uint64_t low_bits(unsigned count)
{
    return count >= 64 ? ~(uint64_t)0 : ((uint64_t)1 << count) - 1;
}

/* `mask` of one lane, in every lane of a word. */
KERNEL_INLINE uint64_t repeat_lanes(uint64_t mask, unsigned lane_bits)
{
    switch (lane_bits) {
    case 8:
        return mask * UINT64_C(0x0101010101010101);
    case 16:
        return mask * UINT64_C(0x0001000100010001);
    case 32:
        return mask * UINT64_C(0x0000000100000001);
    default:
        return mask;
    }
}

KERNEL_INLINE void unpack_lanes(const uint64_t *restrict packed, unsigned width, unsigned lane_bits,
                                uint64_t *restrict values)
{
    const uint64_t mask = repeat_lanes(low_bits(width), lane_bits);
    for (unsigned row = 0; row < lane_bits; row++) {
        const unsigned position = row * width;
        const unsigned shift = position % lane_bits;
        const uint64_t *from = packed + (size_t)(position / lane_bits) * ROW_WORDS;
        uint64_t *to = values + (size_t)row * ROW_WORDS;
        if (shift + width <= lane_bits) {
            for (unsigned i = 0; i < ROW_WORDS; i++) {
                to[i] = from[i] >> shift & mask;
            }
        } else {
            const unsigned rest = lane_bits - shift;
            const uint64_t low = repeat_lanes(low_bits(rest), lane_bits);
            const uint64_t high = mask & ~low;
            for (unsigned i = 0; i < ROW_WORDS; i++) {
                to[i] = (from[i] >> shift & low) | (from[i + ROW_WORDS] << rest & high);
            }
        }
    }
}

KERNEL_INLINE void pack_lanes(const uint64_t *restrict values, unsigned width, unsigned lane_bits,
                              uint64_t *restrict packed)
{
    memset(packed, 0, (size_t)width * 128);
    for (unsigned row = 0; row < lane_bits; row++) {
        const unsigned position = row * width;
        const unsigned shift = position % lane_bits;
        const uint64_t *from = values + (size_t)row * ROW_WORDS;
        uint64_t *to = packed + (size_t)(position / lane_bits) * ROW_WORDS;
        if (shift + width <= lane_bits) {
            for (unsigned i = 0; i < ROW_WORDS; i++) {
                to[i] |= from[i] << shift;
            }
        } else {
            const unsigned rest = lane_bits - shift;
            const uint64_t low = repeat_lanes(low_bits(rest), lane_bits);
            const uint64_t high = repeat_lanes(low_bits(width - rest), lane_bits);
            for (unsigned i = 0; i < ROW_WORDS; i++) {
                to[i] |= (from[i] & low) << shift;
                to[i + ROW_WORDS] |= from[i] >> rest & high;
            }
        }
    }
}

#define DEFINE_NARROW(bits)                                                                       \
    static void pack_##bits(const uint64_t *restrict values, unsigned width, void *packed)        \
    {                                                                                             \
        union {                                                                                   \
            uint##bits##_t lanes[WENDI_KERNEL_VALUES];                                            \
            uint64_t words[(bits) * ROW_WORDS];                                                   \
        } narrow;                                                                                 \
        for (unsigned i = 0; i < WENDI_KERNEL_VALUES; i++) {                                      \
            narrow.lanes[i] = (uint##bits##_t)values[i];                                          \
        }                                                                                         \
        pack_lanes(narrow.words, width, bits, packed);                                            \
    }

#define DEFINE_WIDEN(bits, out)                                                                   \
    static void unpack_##bits##_to_u##out(const void *packed, unsigned width, uint##out##_t base, \
                                          uint##out##_t *restrict values)                         \
    {                                                                                             \
        union {                                                                                   \
            uint##bits##_t lanes[WENDI_KERNEL_VALUES];                                            \
            uint64_t words[(bits) * ROW_WORDS];                                                   \
        } narrow;                                                                                 \
        unpack_lanes(packed, width, bits, narrow.words);                                          \
        for (unsigned i = 0; i < WENDI_KERNEL_VALUES; i++) {                                      \
            values[i] = base + narrow.lanes[i];                                                   \
        }                                                                                         \
    }

DEFINE_NARROW(8)
DEFINE_NARROW(16)
DEFINE_NARROW(32)
DEFINE_WIDEN(8, 32)
DEFINE_WIDEN(16, 32)
DEFINE_WIDEN(32, 32)
DEFINE_WIDEN(8, 64)
DEFINE_WIDEN(16, 64)
DEFINE_WIDEN(32, 64)

static void pack_u64(const uint64_t *values, unsigned width, void *packed)
{
    if (width == 0) {
        return;
    }
    if (width <= 8) {
        pack_8(values, width, packed);
    } else if (width <= 16) {
        pack_16(values, width, packed);
    } else if (width <= 32) {
        pack_32(values, width, packed);
    } else {
        pack_lanes(values, width, 64, packed);
    }
}

#define DEFINE_FILL(bits)                                                                         \
    static void fill_u##bits(uint##bits##_t *values, size_t count, uint##bits##_t value)          \
    {                                                                                             \
        for (size_t i = 0; i < count; i++) {                                                      \
            values[i] = value;                                                                    \
        }                                                                                         \
    }
DEFINE_FILL(64)
DEFINE_FILL(32)

static void unpack_u64(const void *packed, unsigned width, uint64_t base, uint64_t *values)
{
    if (width == 0) {
        fill_u64(values, WENDI_KERNEL_VALUES, base);
    } else if (width <= 8) {
        unpack_8_to_u64(packed, width, base, values);
    } else if (width <= 16) {
        unpack_16_to_u64(packed, width, base, values);
    } else if (width <= 32) {
        unpack_32_to_u64(packed, width, base, values);
    } else {
        unpack_lanes(packed, width, 64, values);
        for (unsigned i = 0; i < WENDI_KERNEL_VALUES; i++) {
            values[i] += base;
        }
    }
}

static void unpack_u32(const void *packed, unsigned width, uint32_t base, uint32_t *values)
{
    if (width == 0) {
        fill_u32(values, WENDI_KERNEL_VALUES, base);
    } else if (width <= 8) {
        unpack_8_to_u32(packed, width, base, values);
    } else if (width <= 16) {
        unpack_16_to_u32(packed, width, base, values);
    } else {
        unpack_32_to_u32(packed, width, base, values);
    }
}

#define DEFINE_VALUE_LOOPS(bits)                                                                  \
    static void multiply_add_u##bits(uint##bits##_t *values, size_t count, uint##bits##_t factor, \
                                     uint##bits##_t base)                                         \
    {                                                                                             \
        for (size_t i = 0; i < count; i++) {                                                      \
            values[i] = base + values[i] * factor;                                                \
        }                                                                                         \
    }                                                                                             \
    static void unzigzag_u##bits(uint##bits##_t *values, size_t count)                            \
    {                                                                                             \
        for (size_t i = 0; i < count; i++) {                                                      \
            values[i] = (values[i] >> 1) ^ (0 - (values[i] & 1));                                 \
        }                                                                                         \
    }                                                                                             \
    static void prefix_sum_u##bits(uint##bits##_t *values, size_t count, uint##bits##_t start)    \
    {                                                                                             \
        uint##bits##_t sum = start;                                                               \
        for (size_t i = 0; i < count; i++) {                                                      \
            sum += values[i];                                                                     \
            values[i] = sum;                                                                      \
        }                                                                                         \
    }                                                                                             \
    static void expand_runs_u##bits(const uint##bits##_t *run_values, const uint32_t *ends,       \
                                    uint32_t run, uint32_t from, uint32_t to,                     \
                                    uint##bits##_t *values)                                       \
    {                                                                                             \
        uint32_t row = from;                                                                      \
        for (; row < to; run++) {                                                                 \
            const uint32_t end = ends[run] < to ? ends[run] : to;                                 \
            const uint##bits##_t value = run_values[run];                                         \
            for (; row < end; row++) {                                                            \
                values[row - from] = value;                                                       \
            }                                                                                     \
        }                                                                                         \
    }
DEFINE_VALUE_LOOPS(64)
DEFINE_VALUE_LOOPS(32)

static void min_max_i64(const int64_t *values, size_t count, int64_t *min, int64_t *max)
{
    int64_t least = values[0];
    int64_t greatest = values[0];
    for (size_t i = 1; i < count; i++) {
        least = values[i] < least ? values[i] : least;
        greatest = values[i] > greatest ? values[i] : greatest;
    }
    *min = least;
    *max = greatest;
}

static uint32_t max_u32(const uint32_t *values, size_t count)
{
    uint32_t greatest = 0;
    for (size_t i = 0; i < count; i++) {
        greatest = values[i] > greatest ? values[i] : greatest;
    }
    return greatest;
}

static size_t changes_u64(const uint64_t *values, size_t count)
{
    size_t changes = 0;
    for (size_t i = 1; i < count; i++) {
        changes += values[i] != values[i - 1];
    }
    return changes;
}

static void decimal_f64(const int64_t *integers, size_t count, double divisor, double *doubles)
{
    for (size_t i = 0; i < count; i++) {
        doubles[i] = (double)integers[i] / divisor;
    }
}

static void float_bits_f64(const uint64_t *bits, size_t count, double *doubles)
{
    for (size_t i = 0; i < count; i++) {
        const uint32_t half = (uint32_t)bits[i];
        float value;
        memcpy(&value, &half, sizeof value);
        doubles[i] = (double)value;
    }
}

static void join_b16(const uint64_t *restrict high, const uint64_t *restrict low, size_t count,
                     uint64_t *restrict pairs)
{
    for (size_t i = 0; i < count; i++) {
        pairs[2 * i] = __builtin_bswap64(high[i]);
        pairs[2 * i + 1] = __builtin_bswap64(low[i]);
    }
}

static size_t expand_nulls_u64(const uint8_t *bitmap, const uint64_t *dense, size_t count, uint8_t *nulls,
                               uint64_t *values)
{
    size_t taken = 0;
    for (size_t i = 0; i < count; i++) {
        const uint8_t null = bitmap[i / 8] >> (i % 8) & 1;
        nulls[i] = null;
        values[i] = dense[taken] & ((uint64_t)null - 1);
        taken += 1 - (size_t)null;
    }
    return taken;
}

#define WENDI_KERNEL_TABLE(symbol, isa)                                                           \
    const wendi_kernels symbol = {                                                                \
        .name = isa,                                                                              \
        .pack_u64 = pack_u64,                                                                     \
        .unpack_u64 = unpack_u64,                                                                 \
        .unpack_u32 = unpack_u32,                                                                 \
        .multiply_add_u64 = multiply_add_u64,                                                     \
        .multiply_add_u32 = multiply_add_u32,                                                     \
        .unzigzag_u64 = unzigzag_u64,                                                             \
        .unzigzag_u32 = unzigzag_u32,                                                             \
        .prefix_sum_u64 = prefix_sum_u64,                                                         \
        .prefix_sum_u32 = prefix_sum_u32,                                                         \
        .fill_u64 = fill_u64,                                                                     \
        .fill_u32 = fill_u32,                                                                     \
        .expand_runs_u64 = expand_runs_u64,                                                       \
        .expand_runs_u32 = expand_runs_u32,                                                       \
        .min_max_i64 = min_max_i64,                                                               \
        .max_u32 = max_u32,                                                                       \
        .changes_u64 = changes_u64,                                                               \
        .decimal_f64 = decimal_f64,                                                               \
        .float_bits_f64 = float_bits_f64,                                                         \
        .join_b16 = join_b16,                                                                     \
        .expand_nulls_u64 = expand_nulls_u64,                                                     \
    }
