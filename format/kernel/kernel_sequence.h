/*
 * Kernels over sequences in which a value depends on the one before: steps, sums, runs. Part of
 * kernel_body.h, behind kernel_pack.h.
 */

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
    }
DEFINE_VALUE_LOOPS(64)
DEFINE_VALUE_LOOPS(32)

/* ---- sums ------------------------------------------------------------------------------------ */

/*
 * Sums run within a register, log2(lanes) shifts and additions, and registers are chained by one
 * addition: the last sum, in all lanes. SUM_LANES lanes a step; sum_lanes_*() gives the sums of one
 * register, last_lane_*() its last lane in all lanes.
 */
#if defined(KERNEL_AVX512)
typedef __m512i sum_register;
enum { SUM_LANES_64 = 8, SUM_LANES_32 = 16 };

KERNEL_INLINE __m512i sum_lanes_64(__m512i v)
{
    const __m512i zero = _mm512_setzero_si512();
    v = _mm512_add_epi64(v, _mm512_alignr_epi64(v, zero, 7));
    v = _mm512_add_epi64(v, _mm512_alignr_epi64(v, zero, 6));
    return _mm512_add_epi64(v, _mm512_alignr_epi64(v, zero, 4));
}

KERNEL_INLINE __m512i last_lane_64(__m512i v)
{
    return _mm512_permutexvar_epi64(_mm512_set1_epi64(7), v);
}

KERNEL_INLINE __m512i sum_lanes_32(__m512i v)
{
    const __m512i zero = _mm512_setzero_si512();
    v = _mm512_add_epi32(v, _mm512_alignr_epi32(v, zero, 15));
    v = _mm512_add_epi32(v, _mm512_alignr_epi32(v, zero, 14));
    v = _mm512_add_epi32(v, _mm512_alignr_epi32(v, zero, 12));
    return _mm512_add_epi32(v, _mm512_alignr_epi32(v, zero, 8));
}

KERNEL_INLINE __m512i last_lane_32(__m512i v)
{
    return _mm512_permutexvar_epi32(_mm512_set1_epi32(15), v);
}
#elif defined(KERNEL_AVX2)
typedef __m256i sum_register;
enum { SUM_LANES_64 = 4, SUM_LANES_32 = 8 };

KERNEL_INLINE __m256i sum_lanes_64(__m256i v)
{
    v = _mm256_add_epi64(v, _mm256_slli_si256(v, 8));
    const __m256i half = _mm256_permute4x64_epi64(v, 0x55); /* the sum of the low half */
    return _mm256_add_epi64(v, _mm256_blend_epi32(_mm256_setzero_si256(), half, 0xf0));
}

KERNEL_INLINE __m256i last_lane_64(__m256i v)
{
    return _mm256_permute4x64_epi64(v, 0xff);
}

KERNEL_INLINE __m256i sum_lanes_32(__m256i v)
{
    v = _mm256_add_epi32(v, _mm256_slli_si256(v, 4));
    v = _mm256_add_epi32(v, _mm256_slli_si256(v, 8));
    const __m256i half = _mm256_permutevar8x32_epi32(v, _mm256_set1_epi32(3));
    return _mm256_add_epi32(v, _mm256_blend_epi32(_mm256_setzero_si256(), half, 0xf0));
}

KERNEL_INLINE __m256i last_lane_32(__m256i v)
{
    return _mm256_permutevar8x32_epi32(v, _mm256_set1_epi32(7));
}
#endif

/*
 * values[i] = start + the sum of values[0..i] * factor + (i + 1) * added, for a whole number of
 * registers; returns the last. `narrow`: values and factor are below 2^32, for which AVX2 has a
 * product and for 64 bits it has not.
 */
#if defined(KERNEL_AVX512) || defined(KERNEL_AVX2)
KERNEL_INLINE lanes_u64 scale_64(lanes_u64 v, lanes_u64 factor, bool narrow)
{
#if defined(KERNEL_AVX2)
    if (narrow) {
        return (lanes_u64)_mm256_mul_epu32((__m256i)v, (__m256i)factor);
    }
#endif
    (void)narrow;
    return v * factor;
}

KERNEL_INLINE lanes_u32 scale_32(lanes_u32 v, lanes_u32 factor, bool narrow)
{
    (void)narrow;
    return v * factor;
}

#define DEFINE_SUM_REGISTERS(bits)                                                                \
    KERNEL_INLINE uint##bits##_t sum_registers_u##bits(                                           \
        uint##bits##_t *values, size_t registers, uint##bits##_t start, uint##bits##_t factor,    \
        uint##bits##_t added, bool scaled, bool narrow)                                           \
    {                                                                                             \
        const lanes_u##bits factors = (lanes_u##bits){0} + factor;                                \
        lanes_u##bits carry = (lanes_u##bits){0} + start;                                         \
        for (lanes_u##bits *at = (lanes_u##bits *)values; registers > 0; registers--, at++) {     \
            lanes_u##bits v = *at;                                                                \
            if (scaled) {                                                                         \
                v = scale_##bits(v, factors, narrow) + added;                                     \
            }                                                                                     \
            const sum_register sums = sum_lanes_##bits((sum_register)v);                          \
            *at = (lanes_u##bits)sums + carry;                                                    \
            carry += (lanes_u##bits)last_lane_##bits(sums);                                       \
        }                                                                                         \
        return carry[0];                                                                          \
    }
#else
enum { SUM_LANES_64 = 1, SUM_LANES_32 = 1 };
#define DEFINE_SUM_REGISTERS(bits)                                                                \
    KERNEL_INLINE uint##bits##_t sum_registers_u##bits(                                           \
        uint##bits##_t *values, size_t registers, uint##bits##_t start, uint##bits##_t factor,    \
        uint##bits##_t added, bool scaled, bool narrow)                                           \
    {                                                                                             \
        (void)narrow;                                                                             \
        for (size_t i = 0; i < registers; i++) {                                                  \
            start += scaled ? values[i] * factor + added : values[i];                             \
            values[i] = start;                                                                    \
        }                                                                                         \
        return start;                                                                             \
    }
#endif
DEFINE_SUM_REGISTERS(64)
DEFINE_SUM_REGISTERS(32)

#define DEFINE_SUMS(bits)                                                                         \
    static void prefix_sum_u##bits(uint##bits##_t *values, size_t count, uint##bits##_t start,    \
                                   uint##bits##_t factor)                                         \
    {                                                                                             \
        const size_t registers = count / SUM_LANES_##bits;                                        \
        const size_t tail = count % SUM_LANES_##bits;                                             \
        uint##bits##_t sum =                                                                      \
            factor == 1 ? sum_registers_u##bits(values, registers, start, 1, 0, false, false)     \
                        : sum_registers_u##bits(values, registers, start, factor, 0, true, false);\
        for (size_t i = count - tail; i < count; i++) {                                           \
            sum += values[i] * factor;                                                            \
            values[i] = sum;                                                                      \
        }                                                                                         \
    }                                                                                             \
    static void unpack_steps_u##bits(const void *packed, unsigned width, uint##bits##_t step,     \
                                     uint##bits##_t first, uint##bits##_t factor,                 \
                                     uint##bits##_t *values)                                      \
    {                                                                                             \
        const size_t registers = WENDI_KERNEL_VALUES / SUM_LANES_##bits;                          \
        const uint##bits##_t added = step * factor;                                               \
        unpack_u##bits(packed, width, 0, values);                                                 \
        values[0] = 0; /* the first number is no step */                                          \
        first -= added;                                                                           \
        if (width <= 32 && factor <= UINT32_MAX) {                                                \
            (void)sum_registers_u##bits(values, registers, first, factor, added, true, true);     \
        } else {                                                                                  \
            (void)sum_registers_u##bits(values, registers, first, factor, added, true, false);    \
        }                                                                                         \
    }
DEFINE_SUMS(64)
DEFINE_SUMS(32)

/* ---- runs ------------------------------------------------------------------------------------ */

enum { RUN_STEP_BYTES = 128 };

/*
 * A run is written in steps of RUN_STEP_BYTES, beyond its end, where the next run writes over it: a
 * short run then takes no branch on its length. Near the end of the output runs are written exactly.
 */
#define DEFINE_EXPAND_RUNS(bits)                                                                  \
    static void expand_runs_u##bits(const uint##bits##_t *run_values, const uint32_t *ends,       \
                                    uint32_t run, uint32_t from, uint32_t to,                     \
                                    uint##bits##_t *values)                                       \
    {                                                                                             \
        const uint32_t step = RUN_STEP_BYTES * 8 / (bits);                                        \
        uint32_t row = from;                                                                      \
        for (; row < to; run++) {                                                                 \
            const uint32_t end = ends[run] < to ? ends[run] : to;                                 \
            const uint##bits##_t value = run_values[run];                                         \
            if (to - end < step) {                                                                \
                for (; row < end; row++) {                                                        \
                    values[row - from] = value;                                                   \
                }                                                                                 \
                continue;                                                                         \
            }                                                                                     \
            const lanes_u##bits lanes = (lanes_u##bits){0} + value;                               \
            do {                                                                                  \
                lanes_u##bits *at = (lanes_u##bits *)(values + (row - from));                     \
                for (unsigned i = 0; i < RUN_STEP_BYTES / sizeof lanes; i++) {                    \
                    at[i] = lanes;                                                                \
                }                                                                                 \
                row += step;                                                                      \
            } while (row < end);                                                                  \
            row = end;                                                                            \
        }                                                                                         \
    }
DEFINE_EXPAND_RUNS(64)
DEFINE_EXPAND_RUNS(32)
