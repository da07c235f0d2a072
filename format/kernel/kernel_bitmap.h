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

#define DEFINE_BITMAP_ROWS(bits)                                                                  \
    static size_t bitmap_rows_u##bits(const uint64_t *bitmap, size_t word_count,                  \
                                      uint##bits##_t first, uint##bits##_t *rows)                 \
    {                                                                                             \
        size_t found = 0;                                                                         \
        for (size_t i = 0; i < word_count; i++) {                                                 \
            const uint##bits##_t base = (uint##bits##_t)(first + i * 64);                         \
            for (uint64_t word = bitmap[i]; word != 0; word &= word - 1) {                        \
                rows[found++] = (uint##bits##_t)(base + (unsigned)__builtin_ctzll(word));         \
            }                                                                                     \
        }                                                                                         \
        return found;                                                                             \
    }
DEFINE_BITMAP_ROWS(16)
DEFINE_BITMAP_ROWS(32)

enum { HISTOGRAM_TABLES = 4 };

/* Equal codes in a row would wait for each other's count: neighbours count in tables of their own. */
static void histogram_u8(const uint8_t *codes, size_t count, const uint64_t *bitmap, unsigned code_count,
                         uint32_t *counts)
{
    uint32_t tables[HISTOGRAM_TABLES][256] = {{0}};
    for (size_t row = 0; row < count; row += 64) {
        const size_t rows = count - row < 64 ? count - row : 64;
        const uint64_t word = bitmap == NULL ? ~(uint64_t)0 : bitmap[row / 64];
        if (word != ~(uint64_t)0) {
            for (uint64_t left = word; left != 0; left &= left - 1) {
                const size_t i = (size_t)__builtin_ctzll(left);
                tables[i % HISTOGRAM_TABLES][codes[row + i]]++;
            }
            continue;
        }
        for (size_t i = 0; i < rows; i++) {
            tables[i % HISTOGRAM_TABLES][codes[row + i]]++;
        }
    }
    for (unsigned c = 0; c < code_count; c++) {
        for (unsigned t = 0; t < HISTOGRAM_TABLES; t++) {
            counts[c] += tables[t][c];
        }
    }
}
