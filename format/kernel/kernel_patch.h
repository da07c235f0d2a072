/*
 * Kernels of the patched and masked codecs, and of packed UUIDs. Part of kernel_body.h.
 */
#define DEFINE_PATCH_LOOPS(bits)                                                                  \
    static void wrap_multiply_add_u##bits(uint##bits##_t *values, size_t count,                   \
                                          uint##bits##_t mask, uint##bits##_t factor,             \
                                          uint##bits##_t base)                                    \
    {                                                                                             \
        if (factor == 1) { /* A multiplication of 64-bit lanes takes several instructions. */     \
            for (size_t i = 0; i < count; i++) {                                                  \
                values[i] = base + (values[i] & mask);                                            \
            }                                                                                     \
            return;                                                                               \
        }                                                                                         \
        for (size_t i = 0; i < count; i++) {                                                      \
            values[i] = base + (values[i] & mask) * factor;                                       \
        }                                                                                         \
    }
DEFINE_PATCH_LOOPS(64)
DEFINE_PATCH_LOOPS(32)

#if defined(KERNEL_AVX512)
/* A register of rows takes the next values of `dense` at the rows whose bits are set, in one instruction. */
#define DEFINE_EXPAND_MASKED(bits, lanes)                                                         \
    static size_t expand_masked_u##bits(const uint64_t *bitmap, const uint##bits##_t *dense,      \
                                        size_t count, uint##bits##_t common,                      \
                                        uint##bits##_t *values)                                   \
    {                                                                                             \
        const __m512i others = _mm512_set1_epi##bits((int##bits##_t)common);                      \
        size_t taken = 0;                                                                         \
        for (size_t row = 0; row < count; row += lanes) {                                         \
            const size_t left = count - row;                                                      \
            const __mmask##lanes rows = (__mmask##lanes)low_bits(left < lanes ? (unsigned)left : lanes); \
            const __mmask##lanes set = (__mmask##lanes)(bitmap[row / 64] >> (row % 64)) & rows;   \
            const __m512i next = _mm512_mask_expandloadu_epi##bits(others, set, dense + taken);   \
            _mm512_mask_storeu_epi##bits(values + row, rows, next);                               \
            taken += (size_t)__builtin_popcount(set);                                             \
        }                                                                                         \
        return taken;                                                                             \
    }
DEFINE_EXPAND_MASKED(64, 8)
DEFINE_EXPAND_MASKED(32, 16)
#else
#define DEFINE_EXPAND_MASKED(bits)                                                                \
    static size_t expand_masked_u##bits(const uint64_t *bitmap, const uint##bits##_t *dense,      \
                                        size_t count, uint##bits##_t common,                      \
                                        uint##bits##_t *values)                                   \
    {                                                                                             \
        size_t taken = 0;                                                                         \
        for (size_t row = 0; row < count; row += 64) {                                            \
            const size_t rows = count - row < 64 ? count - row : 64;                              \
            uint64_t word = bitmap[row / 64];                                                     \
            for (size_t i = 0; i < rows; i++, word >>= 1) {                                       \
                const uint##bits##_t next = dense[taken];                                         \
                values[row + i] = (word & 1) != 0 ? next : common;                                \
                taken += word & 1;                                                                \
            }                                                                                     \
        }                                                                                         \
        return taken;                                                                             \
    }
DEFINE_EXPAND_MASKED(64)
DEFINE_EXPAND_MASKED(32)
#endif

static void join_uuid4(const uint64_t *restrict high, const uint64_t *restrict low, size_t count,
                       uint64_t *restrict pairs)
{
    for (size_t i = 0; i < count; i++) {
        const uint64_t x = (high[i] >> 12 << 16) | UINT64_C(0x4000) | (high[i] & 0xfff);
        const uint64_t y = (low[i] & low_bits(62)) | UINT64_C(1) << 63;
        pairs[2 * i] = __builtin_bswap64(x);
        pairs[2 * i + 1] = __builtin_bswap64(y);
    }
}
