/*
 * Kernels over bitmaps, and counts of codes. Part of kernel_body.h.
 */

static void bitmap_and(uint64_t *into, const uint64_t *other, size_t word_count)
{
    for (size_t i = 0; i < word_count; i++) {
        into[i] &= other[i];
    }
}

static void bitmap_or(uint64_t *into, const uint64_t *other, size_t word_count)
{
    for (size_t i = 0; i < word_count; i++) {
        into[i] |= other[i];
    }
}

static void bitmap_and_not(uint64_t *into, const uint64_t *other, size_t word_count)
{
    for (size_t i = 0; i < word_count; i++) {
        into[i] &= ~other[i];
    }
}

static size_t bitmap_count(const uint64_t *bitmap, size_t word_count)
{
    size_t rows = 0;
    for (size_t i = 0; i < word_count; i++) {
        rows += (size_t)__builtin_popcountll(bitmap[i]);
    }
    return rows;
}

/* The lowest bits of `dense` at the places of the bits of `mask`. */
KERNEL_INLINE uint64_t spread_word(uint64_t dense, uint64_t mask)
{
#if defined(__BMI2__)
    return _pdep_u64(dense, mask);
#else
    uint64_t bits = 0;
    for (uint64_t left = mask; left != 0; left &= left - 1) {
        bits |= (dense & 1) != 0 ? left & (~left + 1) : 0;
        dense >>= 1;
    }
    return bits;
#endif
}

static void bitmap_spread(const uint64_t *mask, const uint64_t *dense, size_t word_count, uint64_t *out)
{
    size_t taken = 0;
    for (size_t i = 0; i < word_count; i++) {
        const unsigned shift = (unsigned)(taken % 64);
        const uint64_t *at = dense + taken / 64;
        const uint64_t next = shift == 0 ? at[0] : at[0] >> shift | at[1] << (64 - shift);
        out[i] = spread_word(next, mask[i]);
        taken += (size_t)__builtin_popcountll(mask[i]);
    }
}

/* ---- rows of a bitmap ------------------------------------------------------------------------ */

/* The rows of a word, base + index, where rows may be written beyond their number up to 64. */
#define DEFINE_ROWS_ONE_BY_ONE(bits)                                                              \
    KERNEL_INLINE void rows_one_by_one_u##bits(uint64_t word, uint##bits##_t base,                \
                                               uint##bits##_t *rows)                              \
    {                                                                                             \
        for (; word != 0; word &= word - 1) {                                                     \
            *rows++ = (uint##bits##_t)(base + (unsigned)__builtin_ctzll(word));                   \
        }                                                                                         \
    }
DEFINE_ROWS_ONE_BY_ONE(16)
DEFINE_ROWS_ONE_BY_ONE(32)

#if defined(KERNEL_AVX512)
enum { ROWS_DENSE = 6 }; /* rows of a word from which on compressing all of it is cheaper */

KERNEL_INLINE __m512i rows_of_sixteen(unsigned mask, uint32_t base)
{
    const __m512i index = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    return _mm512_maskz_compress_epi32((__mmask16)mask, _mm512_add_epi32(index, _mm512_set1_epi32((int)base)));
}

KERNEL_INLINE void rows_of_word_u32(uint64_t word, uint32_t base, uint32_t *rows)
{
    for (unsigned i = 0; i < 64; i += 16) {
        const unsigned mask = (unsigned)(word >> i) & 0xffff;
        _mm512_storeu_si512(rows, rows_of_sixteen(mask, base + i));
        rows += __builtin_popcount(mask);
    }
}

KERNEL_INLINE void rows_of_word_u16(uint64_t word, uint16_t base, uint16_t *rows)
{
    for (unsigned i = 0; i < 64; i += 16) {
        const unsigned mask = (unsigned)(word >> i) & 0xffff;
        _mm256_storeu_si256((void *)rows, _mm512_cvtepi32_epi16(rows_of_sixteen(mask, (uint32_t)base + i)));
        rows += __builtin_popcount(mask);
    }
}
#elif defined(KERNEL_AVX2)
enum { ROWS_DENSE = 12 };

/* The indices of the bits set in eight, as bytes. */
KERNEL_INLINE __m128i rows_of_eight(unsigned mask)
{
    const uint64_t bytes = _pdep_u64(mask, UINT64_C(0x0101010101010101)) * 0xff;
    return _mm_cvtsi64_si128((long long)_pext_u64(UINT64_C(0x0706050403020100), bytes));
}

KERNEL_INLINE void rows_of_word_u32(uint64_t word, uint32_t base, uint32_t *rows)
{
    for (unsigned i = 0; i < 64; i += 8) {
        const unsigned mask = (unsigned)(word >> i) & 0xff;
        const __m256i index = _mm256_cvtepu8_epi32(rows_of_eight(mask));
        _mm256_storeu_si256((void *)rows, _mm256_add_epi32(index, _mm256_set1_epi32((int)(base + i))));
        rows += __builtin_popcount(mask);
    }
}

KERNEL_INLINE void rows_of_word_u16(uint64_t word, uint16_t base, uint16_t *rows)
{
    for (unsigned i = 0; i < 64; i += 8) {
        const unsigned mask = (unsigned)(word >> i) & 0xff;
        const __m128i index = _mm_cvtepu8_epi16(rows_of_eight(mask));
        _mm_storeu_si128((void *)rows, _mm_add_epi16(index, _mm_set1_epi16((short)(base + i))));
        rows += __builtin_popcount(mask);
    }
}
#else
enum { ROWS_DENSE = 65 }; /* never */
#define rows_of_word_u32 rows_one_by_one_u32
#define rows_of_word_u16 rows_one_by_one_u16
#endif

#define DEFINE_BITMAP_ROWS(bits)                                                                  \
    static size_t bitmap_rows_u##bits(const uint64_t *bitmap, size_t word_count,                  \
                                      uint##bits##_t first, uint##bits##_t *rows)                 \
    {                                                                                             \
        size_t found = 0;                                                                         \
        for (size_t i = 0; i < word_count; i++) {                                                 \
            const uint##bits##_t base = (uint##bits##_t)(first + i * 64);                         \
            const unsigned set = (unsigned)__builtin_popcountll(bitmap[i]);                       \
            if (set >= ROWS_DENSE) {                                                              \
                rows_of_word_u##bits(bitmap[i], base, rows + found);                              \
            } else {                                                                              \
                rows_one_by_one_u##bits(bitmap[i], base, rows + found);                           \
            }                                                                                     \
            found += set;                                                                         \
        }                                                                                         \
        return found;                                                                             \
    }
DEFINE_BITMAP_ROWS(16)
DEFINE_BITMAP_ROWS(32)

/* ---- counts of codes ------------------------------------------------------------------------- */

enum {
    HISTOGRAM_TABLES = 4,
    HISTOGRAM_ROWS = 32768,  /* so that a count fits in 16 bits */
    HISTOGRAM_COMPARED = 40, /* codes up to which comparing all rows with each is cheaper */
    HISTOGRAM_SPARSE = 12,   /* one row of so many: fewer are counted one by one */
    HISTOGRAM_BLOCK = 1024   /* rows compared at a time: a lane counts at most one a vector */
};

KERNEL_INLINE uint32_t sum_of_lanes(lanes_u8 lanes)
{
    uint32_t sum = 0;
    for (unsigned i = 0; i < KERNEL_VECTOR_BYTES; i++) {
        sum += lanes[i];
    }
    return sum;
}

/*
 * Few codes: compare a block with each and count the equal lanes, which needs neither a table nor
 * luck with the order of codes. Four codes at a time share the loads; `counts` has room for them.
 */
static void count_by_comparing(const uint8_t *codes, unsigned code_count, uint32_t *counts)
{
    for (unsigned code = 0; code < code_count; code += 4) {
        lanes_u8 equal[4] = {{0}};
        for (unsigned i = 0; i < HISTOGRAM_BLOCK; i += KERNEL_VECTOR_BYTES) {
            const lanes_u8 v = *(const lanes_u8 *)(codes + i);
            for (unsigned k = 0; k < 4; k++) {
                equal[k] -= (lanes_u8)(v == (uint8_t)(code + k));
            }
        }
        for (unsigned k = 0; k < 4; k++) {
            counts[code + k] += sum_of_lanes(equal[k]);
        }
    }
}

/* 64 codes, with 0xff for those whose bit in `word` is not set. */
#if defined(KERNEL_AVX512)
KERNEL_INLINE void codes_of_set(const uint8_t *codes, uint64_t word, uint8_t *to)
{
    const __m512i unset = _mm512_set1_epi8((char)0xff);
    _mm512_storeu_si512(to, _mm512_mask_blend_epi8(word, unset, _mm512_loadu_si512(codes)));
}
#elif defined(KERNEL_AVX2)
KERNEL_INLINE void codes_of_set(const uint8_t *codes, uint64_t word, uint8_t *to)
{
    const __m256i bit = _mm256_set1_epi64x((long long)UINT64_C(0x8040201008040201));
    const __m256i place = _mm256_set_epi64x(0x0303030303030303, 0x0202020202020202, 0x0101010101010101, 0);
    for (unsigned i = 0; i < 64; i += 32) {
        const __m256i bytes = _mm256_shuffle_epi8(_mm256_set1_epi32((int)(uint32_t)(word >> i)), place);
        const __m256i unset = _mm256_cmpeq_epi8(_mm256_and_si256(bytes, bit), _mm256_setzero_si256());
        const __m256i v = _mm256_loadu_si256((const void *)(codes + i));
        _mm256_storeu_si256((void *)(to + i), _mm256_or_si256(v, unset));
    }
}
#else
KERNEL_INLINE void codes_of_set(const uint8_t *codes, uint64_t word, uint8_t *to)
{
    for (unsigned i = 0; i < 64; i += 8) {
        uint64_t eight;
        memcpy(&eight, codes + i, 8);
        eight |= ~spread_eight(word >> i & 0xff);
        memcpy(to + i, &eight, 8);
    }
}
#endif

/* Rows that do not take part get code 255, which is not among few. */
static void histogram_few(const uint8_t *codes, size_t count, const uint64_t *bitmap, unsigned code_count,
                          uint32_t *counts)
{
    _Alignas(64) uint8_t block[HISTOGRAM_BLOCK];
    uint32_t found[HISTOGRAM_COMPARED + 4] = {0};
    for (size_t row = 0; row < count; row += HISTOGRAM_BLOCK) {
        const size_t rows = count - row < HISTOGRAM_BLOCK ? count - row : HISTOGRAM_BLOCK;
        const uint8_t *all = codes + row;
        if (rows < HISTOGRAM_BLOCK) {
            memset(block, 0xff, sizeof block);
            all = memcpy(block, all, rows);
        }
        if (bitmap != NULL) {
            for (size_t i = 0; i < rows; i += 64) {
                codes_of_set(all + i, bitmap[(row + i) / 64], block + i);
            }
            all = block;
        }
        count_by_comparing(all, code_count, found);
    }
    for (unsigned c = 0; c < code_count; c++) {
        counts[c] += found[c];
    }
}

/* Equal codes in a row would wait for each other's count: neighbours count in tables of their own. */
typedef uint16_t code_tables[HISTOGRAM_TABLES][256];

KERNEL_INLINE void count_sixty_four(const uint8_t *codes, code_tables tables)
{
    for (unsigned i = 0; i < 64; i += 8) {
        uint64_t eight;
        memcpy(&eight, codes + i, 8);
        for (unsigned k = 0; k < 8; k++) {
            tables[k % HISTOGRAM_TABLES][eight >> (8 * k) & 0xff]++;
        }
    }
}

static void histogram_many(const uint8_t *codes, size_t count, const uint64_t *bitmap, code_tables tables)
{
    for (size_t row = 0; row < count; row += 64) {
        const uint64_t all = low_bits(count - row < 64 ? (unsigned)(count - row) : 64);
        const uint64_t word = bitmap == NULL ? all : bitmap[row / 64];
        if (word == ~(uint64_t)0) {
            count_sixty_four(codes + row, tables);
            continue;
        }
        for (uint64_t left = word; left != 0; left &= left - 1) {
            const unsigned i = (unsigned)__builtin_ctzll(left);
            tables[i % HISTOGRAM_TABLES][codes[row + i]]++;
        }
    }
}

/* Few rows of many: it does not pay to look at the others. */
static void histogram_sparse(const uint8_t *codes, const uint64_t *bitmap, size_t word_count, unsigned code_count,
                             uint32_t *counts)
{
    for (size_t w = 0; w < word_count; w++) {
        for (uint64_t left = bitmap[w]; left != 0; left &= left - 1) {
            const unsigned code = codes[w * 64 + (unsigned)__builtin_ctzll(left)];
            if (code < code_count) {
                counts[code]++;
            }
        }
    }
}

static void histogram_u8(const uint8_t *codes, size_t count, const uint64_t *bitmap, unsigned code_count,
                         uint32_t *counts)
{
    if (bitmap != NULL && bitmap_count(bitmap, (count + 63) / 64) < count / HISTOGRAM_SPARSE) {
        histogram_sparse(codes, bitmap, (count + 63) / 64, code_count, counts);
        return;
    }
    if (code_count <= HISTOGRAM_COMPARED) {
        histogram_few(codes, count, bitmap, code_count, counts);
        return;
    }
    for (size_t row = 0; row < count; row += HISTOGRAM_ROWS) {
        const size_t rows = count - row < HISTOGRAM_ROWS ? count - row : HISTOGRAM_ROWS;
        code_tables tables = {{0}};
        histogram_many(codes + row, rows, bitmap == NULL ? NULL : bitmap + row / 64, tables);
        for (unsigned c = 0; c < code_count; c++) {
            counts[c] += (uint32_t)tables[0][c] + tables[1][c] + tables[2][c] + tables[3][c];
        }
    }
}
