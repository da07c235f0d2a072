/*
 * Kernels that look at or turn whole values: bounds, doubles, pairs, nulls. Part of kernel_body.h.
 */
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

static void min_max_present_i64(const int64_t *values, const uint8_t *nulls, size_t count, int64_t *min, int64_t *max)
{
    int64_t least = INT64_MAX;
    int64_t greatest = INT64_MIN;
    for (size_t i = 0; i < count; i++) {
        const int64_t null = -(int64_t)(nulls[i] != 0);
        const int64_t low = (values[i] & ~null) | (INT64_MAX & null);
        const int64_t high = (values[i] & ~null) | (INT64_MIN & null);
        least = low < least ? low : least;
        greatest = high > greatest ? high : greatest;
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

#define DEFINE_CHANGES(bits)                                                                      \
    static size_t changes_u##bits(const uint##bits##_t *values, size_t count)                     \
    {                                                                                             \
        size_t changes = 0;                                                                       \
        for (size_t i = 1; i < count; i++) {                                                      \
            changes += values[i] != values[i - 1];                                                \
        }                                                                                         \
        return changes;                                                                           \
    }
DEFINE_CHANGES(64)
DEFINE_CHANGES(32)

static void widen_u32(const uint32_t *values, size_t count, uint64_t *wide)
{
    for (size_t i = 0; i < count; i++) {
        wide[i] = values[i];
    }
}

static void add_lane_u32(const uint32_t *values, size_t count, unsigned shift, uint64_t *words)
{
    for (size_t i = 0; i < count; i++) {
        words[i] |= (uint64_t)values[i] << shift;
    }
}

static void take_lane_u32(const uint64_t *words, size_t count, unsigned shift, unsigned width, uint32_t *values)
{
    const uint64_t mask = (UINT64_C(1) << width) - 1;
    for (size_t i = 0; i < count; i++) {
        values[i] = (uint32_t)(words[i] >> shift & mask);
    }
}

/*
 * The nearest double of an integer, rounded once. Sets that convert 64-bit integers do it themselves;
 * the others put the halves behind the exponents of 2^84 and 2^52, so that (2^84 + high * 2^32) and
 * (2^52 + low) are exact doubles, and what the sum of them rounds to is the answer.
 */
KERNEL_INLINE double double_of(int64_t integer)
{
#if defined(KERNEL_AVX512) || defined(__aarch64__)
    return (double)integer;
#else
    const uint64_t low_bits_of = ((uint64_t)integer & UINT32_MAX) | UINT64_C(0x4330000000000000);
    const uint64_t high_bits_of = ((uint64_t)integer >> 32) ^ UINT64_C(0x4530000080000000);
    double low;
    double high;
    memcpy(&low, &low_bits_of, sizeof low);
    memcpy(&high, &high_bits_of, sizeof high);
    return (high - 0x1.00000801p84) + low; /* less 2^84, 2^63 for the sign and 2^52 */
#endif
}

static void decimal_f64(const int64_t *integers, size_t count, double divisor, double *doubles)
{
    for (size_t i = 0; i < count; i++) {
        doubles[i] = double_of(integers[i]) / divisor;
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

#if defined(KERNEL_AVX512)
/* 64 rows a step: eight registers each take the next dense values at their rows in one instruction. */
static size_t expand_nulls_u64(const uint8_t *bitmap, const uint64_t *dense, size_t count, uint8_t *nulls,
                               uint64_t *values)
{
    size_t taken = 0;
    for (size_t row = 0; row < count; row += 64) {
        const unsigned rows = count - row < 64 ? (unsigned)(count - row) : 64;
        const uint64_t all = low_bits(rows);
        uint64_t word = 0;
        memcpy(&word, bitmap + row / 8, (rows + 7) / 8);
        _mm512_mask_storeu_epi8(nulls + row, all, _mm512_maskz_set1_epi8(word, 1));
        word = ~word & all;
        for (unsigned i = 0; i < rows; i += 8) {
            const __mmask8 set = (__mmask8)(word >> i);
            const __m512i next = expand_64(set, dense + taken);
            _mm512_mask_storeu_epi64(values + row + i, (__mmask8)(all >> i), next);
            taken += (size_t)__builtin_popcount(set);
        }
    }
    return taken;
}
#else
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
#endif
