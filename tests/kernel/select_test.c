/*
 * Filters, bitmaps and counts of every table of kernels against the plain meaning, row by row: all
 * lengths around a word's and a vector's, ranges and sets at their edges, inputs that end where
 * nothing may be read and outputs that end where nothing may be written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "tests/kernel/kernel_cases.h"

static kernel_room input_room;
static kernel_room output_room;
static kernel_room more_room;

static int open_rooms(void **state)
{
    (void)state;
    input_room = kernel_room_new((KERNEL_LONGEST + 1) * 8);
    output_room = kernel_room_new((KERNEL_LONGEST + 64) * 8);
    more_room = kernel_room_new(65536);
    return 0;
}

static int close_rooms(void **state)
{
    (void)state;
    kernel_room_free(&input_room);
    kernel_room_free(&output_room);
    kernel_room_free(&more_room);
    return 0;
}

static size_t words_of(size_t count)
{
    return (count + 63) / 64;
}

/* A bitmap that ends at the guard, filled with what must not stay. */
static uint64_t *dirty_bitmap(size_t count)
{
    uint64_t *bitmap = kernel_room_end(&output_room, words_of(count) * 8);
    memset(bitmap, 0xa5, words_of(count) * 8);
    return bitmap;
}

static bool bit_of(const uint64_t *bitmap, size_t row)
{
    return bitmap[row / 64] >> (row % 64) & 1;
}

static void assert_no_rows_beyond(const uint64_t *bitmap, size_t count)
{
    if (count % 64 != 0) {
        assert_true(bitmap[count / 64] >> (count % 64) == 0);
    }
}

/* Values near the edges of their type and of the range, and any. */
#define DEFINE_RANGE_TEST(name, type)                                                             \
    static type draw_##name(uint64_t *seed, type low, type high)                                  \
    {                                                                                             \
        const type draw = (type)kernel_random(seed);                                              \
        const type near[8] = {low, high, (type)(low - 1), (type)(high + 1), 0, (type)-1, 1, draw};\
        return near[kernel_random(seed) % 8];                                                     \
    }                                                                                             \
    static void range_##name(const wendi_kernels *table, size_t count, uint64_t *seed)            \
    {                                                                                             \
        for (unsigned round = 0; round < 12; round++) {                                           \
            type *values = kernel_room_end(&input_room, count * sizeof *values);                  \
            uint64_t *bitmap = dirty_bitmap(count);                                               \
            const type low = round == 0 ? 0 : draw_##name(seed, 5, 100);                          \
            const type any = draw_##name(seed, low, 9);                                           \
            const type high = round == 0 ? (type)-1 : round == 1 ? low : any;                     \
            for (size_t i = 0; i < count; i++) {                                                  \
                values[i] = draw_##name(seed, low, high);                                         \
            }                                                                                     \
            table->select_range_##name(values, count, low, high, bitmap);                         \
            for (size_t i = 0; i < count; i++) {                                                  \
                assert_int_equal(bit_of(bitmap, i), values[i] >= low && values[i] <= high);       \
            }                                                                                     \
            assert_no_rows_beyond(bitmap, count);                                                 \
        }                                                                                         \
    }

DEFINE_RANGE_TEST(u8, uint8_t)
DEFINE_RANGE_TEST(u16, uint16_t)
DEFINE_RANGE_TEST(u32, uint32_t)

static int64_t draw_i64(uint64_t *seed, int64_t low, int64_t high)
{
    const int64_t draw = (int64_t)kernel_random(seed);
    const int64_t near[8] = {low,       high,      low == INT64_MIN ? low : low - 1, high == INT64_MAX ? high : high + 1,
                             INT64_MIN, INT64_MAX, 0,                                draw};
    return near[kernel_random(seed) % 8];
}

static void range_i64(const wendi_kernels *table, size_t count, uint64_t *seed)
{
    for (unsigned round = 0; round < 16; round++) {
        int64_t *values = kernel_room_end(&input_room, count * sizeof *values);
        uint64_t *bitmap = dirty_bitmap(count);
        const int64_t low = round == 0 ? INT64_MIN : draw_i64(seed, -5, 100);
        const int64_t high = round == 0 ? INT64_MAX : round == 1 ? low : draw_i64(seed, low, 9);
        for (size_t i = 0; i < count; i++) {
            values[i] = draw_i64(seed, low, high);
        }
        table->select_range_i64(values, count, low, high, bitmap);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(bit_of(bitmap, i), values[i] >= low && values[i] <= high);
        }
        assert_no_rows_beyond(bitmap, count);
    }
}

static void ranges_select_what_lies_in_them(void **state)
{
    (void)state;
    const wendi_kernels *table;
    uint64_t seed = 21;
    for (unsigned index = 0; (table = wendi_kernels_at(index)) != NULL; index++) {
        for (unsigned l = 0; l < KERNEL_LENGTHS; l++) {
            range_u8(table, kernel_lengths[l], &seed);
            range_u16(table, kernel_lengths[l], &seed);
            range_u32(table, kernel_lengths[l], &seed);
            range_i64(table, kernel_lengths[l], &seed);
        }
    }
}

/* A set that ends at the guard; its last word holds bits beyond set_count, which do not count. */
static uint64_t *random_set(uint32_t set_count, uint64_t *seed)
{
    const size_t words = (set_count + 63) / 64;
    uint64_t *set = kernel_room_end(&more_room, words * 8);
    const unsigned shape = (unsigned)(kernel_random(seed) % 3);
    for (size_t i = 0; i < words; i++) {
        const uint64_t draw = kernel_random(seed);
        set[i] = shape == 0 ? draw : shape == 1 ? draw & kernel_random(seed) & kernel_random(seed) : ~(uint64_t)0;
    }
    return set;
}

#define DEFINE_SET_TEST(bits)                                                                     \
    static void set_u##bits(const wendi_kernels *table, size_t count, uint32_t set_count, uint64_t *seed) \
    {                                                                                             \
        uint##bits##_t *codes = kernel_room_end(&input_room, count * sizeof *codes);              \
        const uint64_t *set = random_set(set_count, seed);                                        \
        uint64_t *bitmap = dirty_bitmap(count);                                                   \
        for (size_t i = 0; i < count; i++) {                                                      \
            const uint64_t draw = kernel_random(seed);                                            \
            codes[i] = (uint##bits##_t)(draw % 4 == 0 ? draw >> 8 : (draw >> 8) % (set_count + 3));\
        }                                                                                         \
        table->select_set_u##bits(codes, count, set, set_count, bitmap);                          \
        for (size_t i = 0; i < count; i++) {                                                      \
            assert_int_equal(bit_of(bitmap, i), codes[i] < set_count && bit_of(set, codes[i]));   \
        }                                                                                         \
        assert_no_rows_beyond(bitmap, count);                                                     \
    }
DEFINE_SET_TEST(8)
DEFINE_SET_TEST(16)
DEFINE_SET_TEST(32)

static void sets_select_their_codes(void **state)
{
    (void)state;
    static const uint32_t set_counts[] = {0,   1,   3,   14,  15,   16,   17,   31,   32,   33,    63,    64,   65,
                                          127, 128, 200, 255, 256,  257,  300,  512,  513,  1023,  1024,  1025, 4000,
                                          30000, 65535, 65536, 200000};
    const wendi_kernels *table;
    uint64_t seed = 22;
    for (unsigned index = 0; (table = wendi_kernels_at(index)) != NULL; index++) {
        for (size_t s = 0; s < sizeof set_counts / sizeof *set_counts; s++) {
            for (unsigned l = 0; l < KERNEL_LENGTHS; l++) {
                set_u8(table, kernel_lengths[l], set_counts[s], &seed);
                set_u16(table, kernel_lengths[l], set_counts[s], &seed);
                set_u32(table, kernel_lengths[l], set_counts[s], &seed);
            }
        }
    }
}

/* A bitmap of `count` rows that ends at the input's guard, `tenths` of them set. */
static uint64_t *random_bitmap(const kernel_room *room, size_t count, unsigned tenths, uint64_t *seed)
{
    uint64_t *bitmap = kernel_room_end(room, words_of(count) * 8);
    memset(bitmap, 0, words_of(count) * 8);
    for (size_t i = 0; i < count; i++) {
        bitmap[i / 64] |= (uint64_t)(kernel_random(seed) % 10 < tenths) << (i % 64);
    }
    return bitmap;
}

static void bitmaps_combine_word_by_word(void **state)
{
    (void)state;
    const wendi_kernels *table;
    uint64_t seed = 23;
    for (unsigned index = 0; (table = wendi_kernels_at(index)) != NULL; index++) {
        void (*const combine[3])(uint64_t *, const uint64_t *, size_t) = {table->bitmap_and, table->bitmap_or,
                                                                         table->bitmap_and_not};
        for (unsigned k = 0; k < 3; k++) {
            for (size_t words = 0; words <= 70; words++) {
                const uint64_t *other = random_bitmap(&input_room, words * 64, 5, &seed);
                const uint64_t *before = random_bitmap(&more_room, words * 64, 5, &seed);
                uint64_t *into = kernel_room_end(&output_room, words * 8);
                size_t rows = 0;
                memcpy(into, before, words * 8);
                combine[k](into, other, words);
                for (size_t i = 0; i < words; i++) {
                    const uint64_t all[3] = {before[i] & other[i], before[i] | other[i], before[i] & ~other[i]};
                    assert_true(into[i] == all[k]);
                    for (unsigned bit = 0; bit < 64; bit++) {
                        rows += into[i] >> bit & 1;
                    }
                }
                assert_int_equal(table->bitmap_count(into, words), rows);
            }
        }
    }
}

static void bitmaps_list_their_rows(void **state)
{
    (void)state;
    const wendi_kernels *table;
    uint64_t seed = 24;
    for (unsigned index = 0; (table = wendi_kernels_at(index)) != NULL; index++) {
        for (unsigned l = 0; l < KERNEL_LENGTHS; l++) {
            for (unsigned tenths = 0; tenths <= 10; tenths++) {
                const size_t count = kernel_lengths[l];
                const size_t words = words_of(count);
                const uint64_t *bitmap = random_bitmap(&input_room, count, tenths, &seed);
                const uint32_t first = (uint32_t)kernel_random(&seed);
                uint32_t *wide = kernel_room_end(&output_room, words * 64 * sizeof *wide);
                uint16_t *narrow = kernel_room_end(&more_room, words * 64 * sizeof *narrow);
                const size_t found = table->bitmap_rows_u32(bitmap, words, first, wide);
                assert_int_equal(table->bitmap_rows_u16(bitmap, words, 1000, narrow), found);
                size_t row = 0;
                for (size_t i = 0; i < count; i++) {
                    if (bit_of(bitmap, i)) {
                        assert_true(row < found && wide[row] == first + (uint32_t)i && narrow[row] == 1000 + i);
                        row++;
                    }
                }
                assert_int_equal(row, found);
            }
        }
    }
}

static void bits_spread_over_a_mask(void **state)
{
    uint64_t seed = 77;
    (void)state;
    for (unsigned t = 0; wendi_kernels_at(t) != NULL; t++) {
        const wendi_kernels *table = wendi_kernels_at(t);
        for (size_t words = 1; words < 20; words++) {
            for (unsigned tenths = 0; tenths <= 10; tenths++) {
                const uint64_t *mask = random_bitmap(&input_room, words * 64, tenths, &seed);
                const size_t set = table->bitmap_count(mask, words);
                const size_t dense_words = words_of(set) + 1;
                uint64_t *dense = kernel_room_end(&more_room, dense_words * sizeof *dense);
                uint64_t *out = kernel_room_end(&output_room, words * sizeof *out);
                for (size_t i = 0; i < dense_words; i++) {
                    dense[i] = kernel_random(&seed);
                }
                table->bitmap_spread(mask, dense, words, out);
                size_t taken = 0;
                for (size_t i = 0; i < words * 64; i++) {
                    const bool expected = bit_of(mask, i) && bit_of(dense, taken);
                    taken += bit_of(mask, i);
                    assert_int_equal(bit_of(out, i), expected);
                }
            }
        }
    }
}

static void check_histogram(const wendi_kernels *table, size_t count, unsigned code_count, unsigned tenths,
                            uint64_t *seed)
{
    uint8_t *codes = kernel_room_end(&input_room, count);
    const uint64_t *bitmap = tenths > 10 ? NULL : random_bitmap(&more_room, count, tenths, seed);
    uint32_t *counts = kernel_room_end(&output_room, code_count * sizeof *counts);
    uint32_t expected[256];
    for (unsigned c = 0; c < code_count; c++) {
        counts[c] = expected[c] = (uint32_t)kernel_random(seed) >> 8;
    }
    for (size_t i = 0; i < count; i++) {
        const uint64_t draw = kernel_random(seed);
        codes[i] = (uint8_t)(draw % 8 == 0 ? draw >> 8 : (draw >> 8) % (code_count + 1));
        if (codes[i] < code_count && (bitmap == NULL || bit_of(bitmap, i))) {
            expected[codes[i]]++;
        }
    }
    table->histogram_u8(codes, count, bitmap, code_count, counts);
    assert_memory_equal(counts, expected, code_count * sizeof *counts);
}

static void histograms_count_codes(void **state)
{
    (void)state;
    static const unsigned code_counts[] = {1, 2, 3, 4, 5, 14, 16, 39, 40, 41, 50, 200, 255, 256};
    const wendi_kernels *table;
    uint64_t seed = 25;
    for (unsigned index = 0; (table = wendi_kernels_at(index)) != NULL; index++) {
        for (size_t c = 0; c < sizeof code_counts / sizeof *code_counts; c++) {
            for (unsigned l = 0; l < KERNEL_LENGTHS; l++) {
                for (unsigned tenths = 0; tenths <= 11; tenths += tenths == 1 ? 4 : 1) {
                    check_histogram(table, kernel_lengths[l], code_counts[c], tenths, &seed);
                }
            }
        }
    }
}

/* More rows of one code than a lane of 8 or a count of 16 bits holds. */
static void long_histograms_do_not_wrap(void **state)
{
    (void)state;
    enum { ROWS = 300000 };
    uint8_t *codes = malloc(ROWS);
    const wendi_kernels *table;
    assert_non_null(codes);
    memset(codes, 7, ROWS);
    for (unsigned index = 0; (table = wendi_kernels_at(index)) != NULL; index++) {
        for (unsigned code_count = 8; code_count <= 256; code_count += 248) {
            uint32_t counts[256] = {0};
            table->histogram_u8(codes, ROWS, NULL, code_count, counts);
            assert_int_equal(counts[7], ROWS);
        }
    }
    free(codes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_select_what_lies_in_them), cmocka_unit_test(sets_select_their_codes),
        cmocka_unit_test(bitmaps_combine_word_by_word),    cmocka_unit_test(bitmaps_list_their_rows),
        cmocka_unit_test(bits_spread_over_a_mask),
        cmocka_unit_test(histograms_count_codes),          cmocka_unit_test(long_histograms_do_not_wrap),
    };
    return cmocka_run_group_tests(tests, open_rooms, close_rooms);
}
