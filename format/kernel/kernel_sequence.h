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
    }                                                                                             \
    static void prefix_sum_u##bits(uint##bits##_t *values, size_t count, uint##bits##_t start,    \
                                   uint##bits##_t factor)                                         \
    {                                                                                             \
        uint##bits##_t sum = start;                                                               \
        for (size_t i = 0; i < count; i++) {                                                      \
            sum += values[i] * factor;                                                            \
            values[i] = sum;                                                                      \
        }                                                                                         \
    }                                                                                             \
    static void unpack_steps_u##bits(const void *packed, unsigned width, uint##bits##_t step,     \
                                     uint##bits##_t first, uint##bits##_t factor,                 \
                                     uint##bits##_t *values)                                      \
    {                                                                                             \
        unpack_u##bits(packed, width, step, values);                                              \
        values[0] = 0; /* the first number is no step */                                          \
        prefix_sum_u##bits(values, WENDI_KERNEL_VALUES, first, factor);                           \
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

