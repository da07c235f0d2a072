/*
 * Kernels that turn a condition on codes or values into a bitmap. Part of kernel_body.h.
 *
 * Each judges 64 rows into a word. Where the set of instructions has no comparison into bits, a byte
 * a row is made first, which compilers turn into vectors, and the bytes' low bits are gathered.
 */

/* Bit i of the result is the low bit of byte i of eight. */
KERNEL_INLINE uint64_t gather_eight(uint64_t bytes)
{
    return (bytes & UINT64_C(0x0101010101010101)) * UINT64_C(0x0102040810204080) >> 56;
}

KERNEL_INLINE uint64_t gather_flags(const uint8_t *flags)
{
    uint64_t word = 0;
    for (unsigned i = 0; i < 8; i++) {
        uint64_t bytes;
        memcpy(&bytes, flags + (size_t)i * 8, 8);
        word |= gather_eight(bytes) << (8 * i);
    }
    return word;
}

/* Byte i of the result is 0xff where bit i of eight is set. */
KERNEL_INLINE uint64_t spread_eight(uint64_t eight)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t bits = eight * ones & UINT64_C(0x8040201008040201);
    /* A byte that is not zero carries into its high bit. */
    return (((bits + ones * 0x7f) | bits) >> 7 & ones) * 0xff;
}

/* ---- 64 rows within a range ------------------------------------------------------------------ */

#if defined(KERNEL_AVX512)
KERNEL_INLINE uint64_t in_range_u8(const uint8_t *at, uint8_t low, uint8_t span)
{
    const __m512i above = _mm512_sub_epi8(_mm512_loadu_si512(at), _mm512_set1_epi8((char)low));
    return _mm512_cmple_epu8_mask(above, _mm512_set1_epi8((char)span));
}

KERNEL_INLINE uint64_t in_range_u16(const uint16_t *at, uint16_t low, uint16_t span)
{
    uint64_t word = 0;
    for (unsigned i = 0; i < 64; i += 32) {
        const __m512i above = _mm512_sub_epi16(_mm512_loadu_si512(at + i), _mm512_set1_epi16((short)low));
        word |= (uint64_t)_mm512_cmple_epu16_mask(above, _mm512_set1_epi16((short)span)) << i;
    }
    return word;
}

KERNEL_INLINE uint64_t in_range_u32(const uint32_t *at, uint32_t low, uint32_t span)
{
    uint64_t word = 0;
    for (unsigned i = 0; i < 64; i += 16) {
        const __m512i above = _mm512_sub_epi32(_mm512_loadu_si512(at + i), _mm512_set1_epi32((int)low));
        word |= (uint64_t)_mm512_cmple_epu32_mask(above, _mm512_set1_epi32((int)span)) << i;
    }
    return word;
}

KERNEL_INLINE uint64_t in_range_u64(const uint64_t *at, uint64_t low, uint64_t span)
{
    uint64_t word = 0;
    for (unsigned i = 0; i < 64; i += 8) {
        const __m512i above = _mm512_sub_epi64(_mm512_loadu_si512(at + i), _mm512_set1_epi64((long long)low));
        word |= (uint64_t)_mm512_cmple_epu64_mask(above, _mm512_set1_epi64((long long)span)) << i;
    }
    return word;
}
#elif defined(KERNEL_AVX2)
/* 0xff where the lane of v, as unsigned, is at most that of `most`. */
KERNEL_INLINE __m256i at_most_8(__m256i v, __m256i most)
{
    return _mm256_cmpeq_epi8(_mm256_min_epu8(v, most), v);
}

KERNEL_INLINE __m256i at_most_16(__m256i v, __m256i most)
{
    return _mm256_cmpeq_epi16(_mm256_min_epu16(v, most), v);
}

KERNEL_INLINE __m256i at_most_32(__m256i v, __m256i most)
{
    return _mm256_cmpeq_epi32(_mm256_min_epu32(v, most), v);
}

KERNEL_INLINE uint64_t in_range_u8(const uint8_t *at, uint8_t low, uint8_t span)
{
    uint64_t word = 0;
    for (unsigned i = 0; i < 64; i += 32) {
        const __m256i v = _mm256_loadu_si256((const void *)(at + i));
        const __m256i flags =
            at_most_8(_mm256_sub_epi8(v, _mm256_set1_epi8((char)low)), _mm256_set1_epi8((char)span));
        word |= (uint64_t)(uint32_t)_mm256_movemask_epi8(flags) << i;
    }
    return word;
}

KERNEL_INLINE uint64_t in_range_u16(const uint16_t *at, uint16_t low, uint16_t span)
{
    const __m256i lows = _mm256_set1_epi16((short)low);
    const __m256i spans = _mm256_set1_epi16((short)span);
    uint64_t word = 0;
    for (unsigned i = 0; i < 64; i += 32) {
        const __m256i a = _mm256_loadu_si256((const void *)(at + i));
        const __m256i b = _mm256_loadu_si256((const void *)(at + i + 16));
        const __m256i flags = _mm256_packs_epi16(at_most_16(_mm256_sub_epi16(a, lows), spans),
                                                 at_most_16(_mm256_sub_epi16(b, lows), spans));
        /* Packing works within halves: their quarters stand as 0 2 1 3. */
        word |= (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_permute4x64_epi64(flags, 0xd8)) << i;
    }
    return word;
}

KERNEL_INLINE uint64_t in_range_u32(const uint32_t *at, uint32_t low, uint32_t span)
{
    uint64_t word = 0;
    for (unsigned i = 0; i < 64; i += 8) {
        const __m256i v = _mm256_loadu_si256((const void *)(at + i));
        const __m256i flags =
            at_most_32(_mm256_sub_epi32(v, _mm256_set1_epi32((int)low)), _mm256_set1_epi32((int)span));
        word |= (uint64_t)(uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(flags)) << i;
    }
    return word;
}

KERNEL_INLINE uint64_t in_range_u64(const uint64_t *at, uint64_t low, uint64_t span)
{
    const uint64_t sign = (uint64_t)1 << 63; /* there is no unsigned comparison: both sides move */
    const __m256i shift = _mm256_set1_epi64x((long long)(low ^ sign));
    const __m256i most = _mm256_set1_epi64x((long long)(span ^ sign));
    uint64_t outside = 0;
    for (unsigned i = 0; i < 64; i += 4) {
        const __m256i v = _mm256_sub_epi64(_mm256_loadu_si256((const void *)(at + i)), shift);
        const __m256i flags = _mm256_cmpgt_epi64(v, most);
        outside |= (uint64_t)(uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(flags)) << i;
    }
    return ~outside;
}
#else
#define DEFINE_IN_RANGE(bits)                                                                     \
    KERNEL_INLINE uint64_t in_range_u##bits(const uint##bits##_t *at, uint##bits##_t low,         \
                                            uint##bits##_t span)                                  \
    {                                                                                             \
        _Alignas(64) uint8_t flags[64];                                                           \
        for (unsigned i = 0; i < 64; i++) {                                                       \
            flags[i] = (uint##bits##_t)(at[i] - low) <= span;                                     \
        }                                                                                         \
        return gather_flags(flags);                                                               \
    }
DEFINE_IN_RANGE(8)
DEFINE_IN_RANGE(16)
DEFINE_IN_RANGE(32)
DEFINE_IN_RANGE(64)
#endif

/* ---- 64 codes within a set ------------------------------------------------------------------- */

/* A set of codes of 8 bits, as the kernels look it up. */
typedef struct byte_set {
    uint64_t bits[4];  /* none at or beyond set_count */
    bool small;        /* nothing beyond code 15 */
    uint64_t flags[2]; /* a byte a code below 16: 0xff when it is in the set */
} byte_set;

KERNEL_INLINE byte_set byte_set_of(const uint64_t *set, uint32_t set_count)
{
    const uint32_t known = set_count < 256 ? set_count : 256;
    byte_set made = {.small = false};
    for (uint32_t i = 0; i < 4; i++) {
        made.bits[i] = i * 64 >= known ? 0 : set[i] & low_bits(known - i * 64);
    }
    made.small = (made.bits[0] >> 16 | made.bits[1] | made.bits[2] | made.bits[3]) == 0;
    made.flags[0] = spread_eight(made.bits[0] & 0xff);
    made.flags[1] = spread_eight(made.bits[0] >> 8 & 0xff);
    return made;
}

/*
 * With at most 16 codes a shuffle looks the flag up; codes from 16 on are moved to where a shuffle
 * gives zero. Else two shuffles fetch the set's byte of a code, one the bit within it.
 */
#if defined(KERNEL_AVX512) || defined(KERNEL_AVX2)
/* Through registers: a load would wait for the two stores before it. */
KERNEL_INLINE __m128i both_words(const uint64_t *words)
{
    return _mm_set_epi64x((long long)words[1], (long long)words[0]);
}
#endif

#if defined(KERNEL_AVX512)
KERNEL_INLINE uint64_t in_small_set_u8(const uint8_t *at, const byte_set *set)
{
    const __m512i flags = _mm512_broadcast_i32x4(both_words(set->flags));
    const __m512i place = _mm512_adds_epu8(_mm512_loadu_si512(at), _mm512_set1_epi8(0x70));
    return (uint64_t)_mm512_movepi8_mask(_mm512_shuffle_epi8(flags, place));
}

KERNEL_INLINE uint64_t in_set_u8(const uint8_t *at, const byte_set *set)
{
    const __m512i first = _mm512_broadcast_i32x4(both_words(set->bits));
    const __m512i second = _mm512_broadcast_i32x4(both_words(set->bits + 2));
    const __m512i bits = _mm512_set1_epi64((long long)UINT64_C(0x8040201008040201));
    const __m512i codes = _mm512_loadu_si512(at);
    const __m512i place = _mm512_and_si512(_mm512_srli_epi16(codes, 3), _mm512_set1_epi8(15));
    const __m512i byte = _mm512_mask_shuffle_epi8(_mm512_shuffle_epi8(first, place),
                                                  _mm512_movepi8_mask(codes), second, place);
    const __m512i bit = _mm512_shuffle_epi8(bits, _mm512_and_si512(codes, _mm512_set1_epi8(7)));
    return (uint64_t)_mm512_test_epi8_mask(byte, bit);
}
#elif defined(KERNEL_AVX2)
KERNEL_INLINE uint64_t in_small_set_u8(const uint8_t *at, const byte_set *set)
{
    const __m256i flags = _mm256_broadcastsi128_si256(both_words(set->flags));
    uint64_t word = 0;
    for (unsigned i = 0; i < 64; i += 32) {
        const __m256i codes = _mm256_loadu_si256((const void *)(at + i));
        const __m256i place = _mm256_adds_epu8(codes, _mm256_set1_epi8(0x70));
        word |= (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_shuffle_epi8(flags, place)) << i;
    }
    return word;
}

KERNEL_INLINE uint64_t in_set_u8(const uint8_t *at, const byte_set *set)
{
    const __m256i first = _mm256_broadcastsi128_si256(both_words(set->bits));
    const __m256i second = _mm256_broadcastsi128_si256(both_words(set->bits + 2));
    const __m256i bits = _mm256_set1_epi64x((long long)UINT64_C(0x8040201008040201));
    uint64_t word = 0;
    for (unsigned i = 0; i < 64; i += 32) {
        const __m256i codes = _mm256_loadu_si256((const void *)(at + i));
        const __m256i place = _mm256_and_si256(_mm256_srli_epi16(codes, 3), _mm256_set1_epi8(15));
        const __m256i byte = _mm256_blendv_epi8(_mm256_shuffle_epi8(first, place),
                                                _mm256_shuffle_epi8(second, place), codes);
        const __m256i bit = _mm256_shuffle_epi8(bits, _mm256_and_si256(codes, _mm256_set1_epi8(7)));
        const __m256i flags = _mm256_cmpeq_epi8(_mm256_and_si256(byte, bit), bit);
        word |= (uint64_t)(uint32_t)_mm256_movemask_epi8(flags) << i;
    }
    return word;
}
#else
KERNEL_INLINE uint64_t in_set_u8(const uint8_t *at, const byte_set *set)
{
    uint64_t word = 0;
    for (unsigned i = 0; i < 64; i++) {
        word |= (set->bits[at[i] / 64] >> (at[i] % 64) & 1) << i;
    }
    return word;
}

KERNEL_INLINE uint64_t in_small_set_u8(const uint8_t *at, const byte_set *set)
{
    return in_set_u8(at, set);
}
#endif

#if defined(KERNEL_AVX512)
/* 64 words of 16 bits in two registers hold a set of 1,024 codes. */
KERNEL_INLINE uint64_t in_register_set_u16(const uint16_t *at, const __m512i *words, uint32_t set_count)
{
    uint64_t word = 0;
    for (unsigned i = 0; i < 64; i += 32) {
        const __m512i codes = _mm512_loadu_si512(at + i);
        const __m512i held = _mm512_permutex2var_epi16(words[0], _mm512_srli_epi16(codes, 4), words[1]);
        const __m512i bit = _mm512_sllv_epi16(_mm512_set1_epi16(1), _mm512_and_si512(codes, _mm512_set1_epi16(15)));
        const __mmask32 known = _mm512_cmplt_epu16_mask(codes, _mm512_set1_epi16((short)set_count));
        word |= (uint64_t)_mm512_mask_test_epi16_mask(known, held, bit) << i;
    }
    return word;
}

/* 16 words of 32 bits in one register hold a set of 512 codes. */
KERNEL_INLINE uint64_t in_register_set_u32(const uint32_t *at, __m512i set, uint32_t set_count)
{
    uint64_t word = 0;
    for (unsigned i = 0; i < 64; i += 16) {
        const __m512i codes = _mm512_loadu_si512(at + i);
        const __m512i held = _mm512_permutexvar_epi32(_mm512_srli_epi32(codes, 5), set);
        const __m512i bit = _mm512_rolv_epi32(_mm512_set1_epi32(1), codes);
        const __mmask16 known = _mm512_cmplt_epu32_mask(codes, _mm512_set1_epi32((int)set_count));
        word |= (uint64_t)_mm512_mask_test_epi32_mask(known, held, bit) << i;
    }
    return word;
}
#elif defined(KERNEL_AVX2)
/* 8 words of 32 bits in one register hold a set of 256 codes. */
KERNEL_INLINE uint64_t in_register_set_u32(const uint32_t *at, __m256i set, uint32_t set_count)
{
    uint64_t word = 0;
    for (unsigned i = 0; i < 64; i += 8) {
        const __m256i codes = _mm256_loadu_si256((const void *)(at + i));
        const __m256i held = _mm256_permutevar8x32_epi32(set, _mm256_srli_epi32(codes, 5));
        const __m256i place = _mm256_sub_epi32(_mm256_set1_epi32(31), _mm256_and_si256(codes, _mm256_set1_epi32(31)));
        const __m256i flags = _mm256_and_si256(_mm256_sllv_epi32(held, place),
                                               at_most_32(codes, _mm256_set1_epi32((int)(set_count - 1))));
        word |= (uint64_t)(uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(flags)) << i;
    }
    return word;
}
#endif

/* Wider codes fetch the half word that holds their bit; codes beyond the set fetch nothing. */
#if defined(KERNEL_AVX512)
KERNEL_INLINE uint64_t in_gathered_set(__m512i codes, const uint64_t *set, uint32_t set_count)
{
    const __mmask16 known = _mm512_cmplt_epu32_mask(codes, _mm512_set1_epi32((int)set_count));
    const __m512i held = _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), known, _mm512_srli_epi32(codes, 5),
                                                     set, 4);
    const __m512i bit = _mm512_rolv_epi32(_mm512_set1_epi32(1), codes);
    return _mm512_test_epi32_mask(held, bit);
}

KERNEL_INLINE uint64_t in_wide_set_u32(const uint32_t *at, const uint64_t *set, uint32_t set_count)
{
    uint64_t word = 0;
    for (unsigned i = 0; i < 64; i += 16) {
        word |= in_gathered_set(_mm512_loadu_si512(at + i), set, set_count) << i;
    }
    return word;
}

KERNEL_INLINE uint64_t in_wide_set_u16(const uint16_t *at, const uint64_t *set, uint32_t set_count)
{
    uint64_t word = 0;
    for (unsigned i = 0; i < 64; i += 16) {
        const __m512i codes = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const void *)(at + i)));
        word |= in_gathered_set(codes, set, set_count) << i;
    }
    return word;
}
#elif defined(KERNEL_AVX2)
KERNEL_INLINE uint64_t in_gathered_set(__m256i codes, const uint64_t *set, uint32_t set_count)
{
    const __m256i known = at_most_32(codes, _mm256_set1_epi32((int)(set_count - 1)));
    const __m256i held = _mm256_mask_i32gather_epi32(_mm256_setzero_si256(), (const int *)(const void *)set,
                                                     _mm256_srli_epi32(codes, 5), known, 4);
    const __m256i place = _mm256_sub_epi32(_mm256_set1_epi32(31), _mm256_and_si256(codes, _mm256_set1_epi32(31)));
    const __m256i flags = _mm256_sllv_epi32(held, place); /* its bit, moved to the sign */
    return (uint64_t)(uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(flags));
}

KERNEL_INLINE uint64_t in_wide_set_u32(const uint32_t *at, const uint64_t *set, uint32_t set_count)
{
    uint64_t word = 0;
    for (unsigned i = 0; i < 64; i += 8) {
        word |= in_gathered_set(_mm256_loadu_si256((const void *)(at + i)), set, set_count) << i;
    }
    return word;
}

KERNEL_INLINE uint64_t in_wide_set_u16(const uint16_t *at, const uint64_t *set, uint32_t set_count)
{
    uint64_t word = 0;
    for (unsigned i = 0; i < 64; i += 8) {
        const __m256i codes = _mm256_cvtepu16_epi32(_mm_loadu_si128((const void *)(at + i)));
        word |= in_gathered_set(codes, set, set_count) << i;
    }
    return word;
}
#else
#define DEFINE_IN_WIDE_SET(bits)                                                                  \
    KERNEL_INLINE uint64_t in_wide_set_u##bits(const uint##bits##_t *at, const uint64_t *set,     \
                                               uint32_t set_count)                                \
    {                                                                                             \
        uint64_t word = 0;                                                                        \
        for (unsigned i = 0; i < 64; i++) {                                                       \
            const uint32_t code = at[i];                                                          \
            const uint64_t known = code < set_count;                                              \
            word |= (set[known != 0 ? code / 64 : 0] >> (code % 64) & known) << i;                \
        }                                                                                         \
        return word;                                                                              \
    }
DEFINE_IN_WIDE_SET(16)
DEFINE_IN_WIDE_SET(32)
#endif

/* ---- whole bitmaps --------------------------------------------------------------------------- */

/*
 * The words of a bitmap, each what `judge` says of the 64 rows at `at`. The last rows are judged
 * among zeros, which do not count.
 */
#define JUDGE_ROWS(type, judge)                                                                   \
    do {                                                                                          \
        const type *at = values;                                                                  \
        const size_t words = count / 64;                                                          \
        const unsigned left = (unsigned)(count % 64);                                             \
        for (size_t w = 0; w < words; w++, at += 64) {                                            \
            bitmap[w] = (judge);                                                                  \
        }                                                                                         \
        if (left > 0) {                                                                           \
            type rest[64] = {0};                                                                  \
            memcpy(rest, at, left * sizeof *at);                                                  \
            at = rest;                                                                            \
            bitmap[words] = (judge) & low_bits(left);                                             \
        }                                                                                         \
    } while (0)

static void select_none(size_t count, uint64_t *bitmap)
{
    memset(bitmap, 0, (count + 63) / 64 * 8);
}

#define DEFINE_SELECT_RANGE(name, type, bits)                                                     \
    static void select_range_##name(const type *values, size_t count, type low, type high,        \
                                    uint64_t *bitmap)                                             \
    {                                                                                             \
        if (low > high) {                                                                         \
            select_none(count, bitmap);                                                           \
            return;                                                                               \
        }                                                                                         \
        const uint##bits##_t from = (uint##bits##_t)low;                                          \
        const uint##bits##_t span = (uint##bits##_t)((uint##bits##_t)high - from);                \
        JUDGE_ROWS(type, in_range_u##bits((const uint##bits##_t *)at, from, span));               \
    }
DEFINE_SELECT_RANGE(u8, uint8_t, 8)
DEFINE_SELECT_RANGE(u16, uint16_t, 16)
DEFINE_SELECT_RANGE(u32, uint32_t, 32)
DEFINE_SELECT_RANGE(i64, int64_t, 64)

static void select_set_u8(const uint8_t *values, size_t count, const uint64_t *set, uint32_t set_count,
                          uint64_t *bitmap)
{
    const byte_set bytes = byte_set_of(set, set_count);
    if (bytes.small) {
        JUDGE_ROWS(uint8_t, in_small_set_u8(at, &bytes));
    } else {
        JUDGE_ROWS(uint8_t, in_set_u8(at, &bytes));
    }
}

static void select_set_u16(const uint16_t *values, size_t count, const uint64_t *set, uint32_t set_count,
                           uint64_t *bitmap)
{
    if (set_count == 0) {
        select_none(count, bitmap);
        return;
    }
#if defined(KERNEL_AVX512)
    if (set_count <= 1024) {
        __m512i held[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
        memcpy(held, set, (set_count + 63) / 64 * 8);
        JUDGE_ROWS(uint16_t, in_register_set_u16(at, held, set_count));
        return;
    }
#endif
    JUDGE_ROWS(uint16_t, in_wide_set_u16(at, set, set_count));
}

static void select_set_u32(const uint32_t *values, size_t count, const uint64_t *set, uint32_t set_count,
                           uint64_t *bitmap)
{
    if (set_count == 0) {
        select_none(count, bitmap);
        return;
    }
#if defined(KERNEL_AVX512)
    if (set_count <= 512) {
        __m512i held = _mm512_setzero_si512();
        memcpy(&held, set, (set_count + 63) / 64 * 8);
        JUDGE_ROWS(uint32_t, in_register_set_u32(at, held, set_count));
        return;
    }
#elif defined(KERNEL_AVX2)
    if (set_count <= 256) {
        __m256i held = _mm256_setzero_si256();
        memcpy(&held, set, (set_count + 63) / 64 * 8);
        JUDGE_ROWS(uint32_t, in_register_set_u32(at, held, set_count));
        return;
    }
#endif
    JUDGE_ROWS(uint32_t, in_wide_set_u32(at, set, set_count));
}
