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
                const uint##bits##_t differs = (uint##bits##_t)(0 - (word & 1)); /* no branch */  \
                values[row + i] = common ^ ((dense[taken] ^ common) & differs);                   \
                taken += word & 1;                                                                \
            }                                                                                     \
        }                                                                                         \
        return taken;                                                                             \
    }
DEFINE_EXPAND_MASKED(64)
DEFINE_EXPAND_MASKED(32)
#endif

/* ---- bit strings ------------------------------------------------------------------------------ */

/* Number `index` of a string whose words are all readable. */
KERNEL_INLINE uint64_t string_number(const uint8_t *string, size_t index, unsigned width)
{
    const size_t bit = index * width;
    const unsigned shift = (unsigned)(bit % 8);
    uint64_t word;
    memcpy(&word, string + bit / 8, 8);
    word >>= shift;
    if (shift + width > 64) {
        word |= (uint64_t)string[bit / 8 + 8] << (64 - shift);
    }
    return word & low_bits(width);
}

#if defined(KERNEL_AVX512) || defined(KERNEL_AVX2)
/*
 * Eight numbers begin at a byte, and four of at most 25 bits stand within 16 bytes: a shuffle brings each number's
 * bytes into a lane of 32 bits, which a shift and a mask finish.
 */
enum { EIGHT_WIDTH_MAX = 25 };

typedef struct eight_plan {
    __m256i bytes;
    __m256i shifts;
    __m256i mask;
    size_t half; /* where the second four begin */
    size_t step; /* bytes of eight */
} eight_plan;

KERNEL_INLINE eight_plan plan_eight(unsigned width)
{
    _Alignas(32) uint8_t bytes[32];
    _Alignas(32) uint32_t shifts[8];
    for (unsigned i = 0; i < 8; i++) {
        const unsigned bit = i % 4 * width + (i < 4 ? 0 : 4 * width % 8);
        for (unsigned k = 0; k < 4; k++) {
            bytes[i * 4 + k] = (uint8_t)(bit / 8 + k);
        }
        shifts[i] = bit % 8;
    }
    return (eight_plan){.bytes = _mm256_load_si256((const __m256i *)bytes),
                        .shifts = _mm256_load_si256((const __m256i *)shifts),
                        .mask = _mm256_set1_epi32((int32_t)low_bits(width)),
                        .half = 4 * width / 8,
                        .step = width};
}

KERNEL_INLINE __m256i unpack_eight(const eight_plan *plan, const uint8_t *at)
{
    const __m128i low = _mm_loadu_si128((const __m128i *)at);
    const __m128i high = _mm_loadu_si128((const __m128i *)(at + plan->half));
    __m256i numbers = _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
    numbers = _mm256_shuffle_epi8(numbers, plan->bytes);
    return _mm256_and_si256(_mm256_srlv_epi32(numbers, plan->shifts), plan->mask);
}

KERNEL_INLINE void store_eight_u32(uint32_t *values, __m256i numbers, uint32_t base)
{
    numbers = _mm256_add_epi32(numbers, _mm256_set1_epi32((int32_t)base));
    _mm256_storeu_si256((__m256i *)values, numbers);
}

KERNEL_INLINE void store_eight_u64(uint64_t *values, __m256i numbers, uint64_t base)
{
    const __m256i bases = _mm256_set1_epi64x((int64_t)base);
    const __m256i low = _mm256_cvtepu32_epi64(_mm256_castsi256_si128(numbers));
    const __m256i high = _mm256_cvtepu32_epi64(_mm256_extracti128_si256(numbers, 1));
    _mm256_storeu_si256((__m256i *)values, _mm256_add_epi64(low, bases));
    _mm256_storeu_si256((__m256i *)(values + 4), _mm256_add_epi64(high, bases));
}

#define UNPACK_EIGHTS(bits)                                                                       \
    if (width <= EIGHT_WIDTH_MAX) {                                                               \
        const eight_plan plan = plan_eight(width);                                                \
        for (size_t i = 0; i < count; i += 8) {                                                   \
            store_eight_u##bits(values + i, unpack_eight(&plan, string + i / 8 * plan.step), base); \
        }                                                                                         \
        return;                                                                                   \
    }
#else
#define UNPACK_EIGHTS(bits)
#endif

#define DEFINE_UNPACK_STRING(bits)                                                                \
    static void unpack_string_u##bits(const uint8_t *string, size_t count, unsigned width,        \
                                      uint##bits##_t base, uint##bits##_t *values)                \
    {                                                                                             \
        UNPACK_EIGHTS(bits)                                                                       \
        for (size_t i = 0; i < count; i++) {                                                      \
            values[i] = base + (uint##bits##_t)string_number(string, i, width);                   \
        }                                                                                         \
    }
DEFINE_UNPACK_STRING(64)
DEFINE_UNPACK_STRING(32)

/* ---- upper parts ------------------------------------------------------------------------------ */

/* The rows set one by one: with eight lanes of 64 bits this is faster than whole registers. */
#define DEFINE_ADD_MASKED(bits)                                                                   \
    static void add_masked_u##bits(const uint64_t *bitmap, const uint##bits##_t *dense,           \
                                   size_t count, unsigned shift, uint##bits##_t *values)          \
    {                                                                                             \
        size_t taken = 0;                                                                         \
        for (size_t row = 0; row < count; row += 64) {                                            \
            const size_t left = count - row;                                                      \
            for (uint64_t word = bitmap[row / 64] & low_bits(left < 64 ? (unsigned)left : 64);    \
                 word != 0; word &= word - 1) {                                                   \
                const uint64_t upper = (uint64_t)dense[taken++] << shift;                         \
                values[row + (unsigned)__builtin_ctzll(word)] += (uint##bits##_t)upper;           \
            }                                                                                     \
        }                                                                                         \
    }
DEFINE_ADD_MASKED(64)

#if defined(KERNEL_AVX512)
static void add_masked_u32(const uint64_t *bitmap, const uint32_t *dense, size_t count, unsigned shift,
                           uint32_t *values)
{
    const __m128i by = _mm_cvtsi32_si128((int)shift);
    size_t taken = 0;
    for (size_t row = 0; row < count; row += 16) {
        const size_t left = count - row;
        const __mmask16 rows = (__mmask16)low_bits(left < 16 ? (unsigned)left : 16);
        const __mmask16 set = (__mmask16)(bitmap[row / 64] >> (row % 64)) & rows;
        const __m512i next = _mm512_sll_epi32(expand_32(set, dense + taken), by);
        const __m512i sum = _mm512_add_epi32(_mm512_maskz_loadu_epi32(set, values + row), next);
        _mm512_mask_storeu_epi32(values + row, set, sum);
        taken += (size_t)__builtin_popcount(set);
    }
}
#else
DEFINE_ADD_MASKED(32)
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
