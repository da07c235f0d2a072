/*
 * Kernels of patched and masked streams and of packed UUIDs, of every table, against what they mean, said a value at
 * a time: all widths, all lengths around a register's, and not a byte beyond what they may touch.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "tests/kernel/kernel_cases.h"

enum { ROOM_BYTES = 4 * KERNEL_LONGEST * 8, STRING_SLACK = 32 };

static kernel_room values_room;
static kernel_room dense_room;
static kernel_room bits_room;

static int open_rooms(void **state)
{
    (void)state;
    values_room = kernel_room_new(ROOM_BYTES);
    dense_room = kernel_room_new(ROOM_BYTES);
    bits_room = kernel_room_new(ROOM_BYTES);
    return 0;
}

static int close_rooms(void **state)
{
    (void)state;
    kernel_room_free(&values_room);
    kernel_room_free(&dense_room);
    kernel_room_free(&bits_room);
    return 0;
}

static uint64_t number_at(const uint8_t *string, size_t index, unsigned width)
{
    uint64_t value = 0;
    for (unsigned bit = 0; bit < width; bit++) {
        const size_t at = index * width + bit;
        value |= (uint64_t)(string[at / 8] >> (at % 8) & 1) << bit;
    }
    return value;
}

#define CHECK_STRING(bits)                                                                        \
    do {                                                                                          \
        uint##bits##_t *out = kernel_room_end(&values_room, (count + 7) / 8 * 8 * sizeof *out);   \
        table->unpack_string_u##bits(string, count, width, (uint##bits##_t)base, out);            \
        for (size_t i = 0; i < count; i++) {                                                      \
            assert_true(out[i] == (uint##bits##_t)(base + number_at(string, i, width)));          \
        }                                                                                         \
    } while (0)

static void bit_strings_unpack_at_every_width(void **state)
{
    (void)state;
    const wendi_kernels *table;
    uint64_t seed = 5;
    for (unsigned index = 0; (table = wendi_kernels_at(index)) != NULL; index++) {
        for (unsigned width = 0; width <= 64; width++) {
            for (size_t l = 0; l < KERNEL_LENGTHS; l++) {
                const size_t count = kernel_lengths[l];
                const size_t bytes = (count * width + 7) / 8;
                const uint64_t base = kernel_random(&seed);
                uint8_t *string = kernel_room_end(&bits_room, bytes + STRING_SLACK);
                for (size_t i = 0; i < bytes + STRING_SLACK; i++) {
                    string[i] = (uint8_t)kernel_random(&seed);
                }
                CHECK_STRING(64);
                CHECK_STRING(32);
            }
        }
    }
}

/* A bitmap for `count` rows with about share / 8 of them set, and anything beyond. */
static uint64_t *random_bitmap(size_t count, unsigned share, uint64_t *seed)
{
    const size_t words = (count + 63) / 64;
    uint64_t *bitmap = kernel_room_end(&bits_room, words * sizeof *bitmap);
    for (size_t i = 0; i < words; i++) {
        bitmap[i] = share == 8 ? UINT64_MAX : 0;
        for (unsigned bit = 0; bit < 64 && share < 8; bit++) {
            bitmap[i] |= (uint64_t)(kernel_random(seed) % 8 < share) << bit;
        }
    }
    return bitmap;
}

static bool is_set(const uint64_t *bitmap, size_t row)
{
    return (bitmap[row / 64] >> (row % 64) & 1) != 0;
}

static size_t rows_set(const uint64_t *bitmap, size_t count)
{
    size_t set = 0;
    for (size_t row = 0; row < count; row++) {
        set += is_set(bitmap, row);
    }
    return set;
}

#define CHECK_EXPAND(bits)                                                                        \
    do {                                                                                          \
        uint##bits##_t *out = kernel_room_end(&values_room, count * sizeof *out);                 \
        uint##bits##_t *dense = kernel_room_end(&dense_room, (set + 1) * sizeof *dense);          \
        const uint##bits##_t common = (uint##bits##_t)kernel_random(&seed);                       \
        size_t taken = 0;                                                                         \
        for (size_t i = 0; i <= set; i++) {                                                       \
            dense[i] = (uint##bits##_t)kernel_random(&seed);                                      \
        }                                                                                         \
        assert_int_equal(table->expand_masked_u##bits(bitmap, dense, count, common, out), set);   \
        for (size_t row = 0; row < count; row++) {                                                \
            assert_true(out[row] == (is_set(bitmap, row) ? dense[taken] : common));               \
            taken += is_set(bitmap, row);                                                         \
        }                                                                                         \
    } while (0)

#define CHECK_ADD(bits)                                                                           \
    do {                                                                                          \
        uint##bits##_t *out = kernel_room_end(&values_room, count * sizeof *out);                 \
        uint##bits##_t *dense = kernel_room_end(&dense_room, set * sizeof *dense);                \
        uint##bits##_t *before = malloc(count * sizeof *before);                                  \
        const unsigned shift = (unsigned)(kernel_random(&seed) % (bits));                         \
        size_t taken = 0;                                                                         \
        assert_non_null(before);                                                                  \
        for (size_t i = 0; i < set; i++) {                                                        \
            dense[i] = (uint##bits##_t)kernel_random(&seed);                                      \
        }                                                                                         \
        for (size_t row = 0; row < count; row++) {                                                \
            before[row] = out[row] = (uint##bits##_t)kernel_random(&seed);                        \
        }                                                                                         \
        table->add_masked_u##bits(bitmap, dense, count, shift, out);                              \
        for (size_t row = 0; row < count; row++) {                                                \
            const uint##bits##_t added =                                                          \
                is_set(bitmap, row) ? (uint##bits##_t)((uint64_t)dense[taken++] << shift) : 0;    \
            assert_true(out[row] == (uint##bits##_t)(before[row] + added));                       \
        }                                                                                         \
        free(before);                                                                             \
    } while (0)

static void dense_values_go_where_bits_are_set(void **state)
{
    (void)state;
    const wendi_kernels *table;
    uint64_t seed = 6;
    for (unsigned index = 0; (table = wendi_kernels_at(index)) != NULL; index++) {
        for (unsigned share = 0; share <= 8; share++) {
            for (size_t l = 0; l < KERNEL_LENGTHS; l++) {
                const size_t count = kernel_lengths[l];
                const uint64_t *bitmap = random_bitmap(count, share, &seed);
                const size_t set = rows_set(bitmap, count);
                CHECK_EXPAND(64);
                CHECK_EXPAND(32);
                CHECK_ADD(64);
                CHECK_ADD(32);
            }
        }
    }
}

#define CHECK_WRAP(bits)                                                                          \
    do {                                                                                          \
        uint##bits##_t *out = kernel_room_end(&values_room, count * sizeof *out);                 \
        uint##bits##_t *before = kernel_room_end(&dense_room, count * sizeof *before);            \
        const uint##bits##_t mask = (uint##bits##_t)(UINT64_MAX >> kernel_random(&seed) % 64);    \
        const uint##bits##_t factor = l % 2 == 0 ? 1 : (uint##bits##_t)kernel_random(&seed);      \
        const uint##bits##_t base = (uint##bits##_t)kernel_random(&seed);                         \
        for (size_t i = 0; i < count; i++) {                                                      \
            before[i] = out[i] = (uint##bits##_t)kernel_random(&seed);                            \
        }                                                                                         \
        table->wrap_multiply_add_u##bits(out, count, mask, factor, base);                         \
        for (size_t i = 0; i < count; i++) {                                                      \
            assert_true(out[i] == (uint##bits##_t)(base + (before[i] & mask) * factor));          \
        }                                                                                         \
    } while (0)

static void sums_wrap_at_every_width(void **state)
{
    (void)state;
    const wendi_kernels *table;
    uint64_t seed = 7;
    for (unsigned index = 0; (table = wendi_kernels_at(index)) != NULL; index++) {
        for (size_t l = 0; l < KERNEL_LENGTHS; l++) {
            const size_t count = kernel_lengths[l];
            for (unsigned round = 0; round < 20; round++) {
                CHECK_WRAP(64);
                CHECK_WRAP(32);
            }
        }
    }
}

static void packed_uuids_join(void **state)
{
    (void)state;
    const wendi_kernels *table;
    uint64_t seed = 8;
    for (unsigned index = 0; (table = wendi_kernels_at(index)) != NULL; index++) {
        for (size_t l = 0; l < KERNEL_LENGTHS; l++) {
            const size_t count = kernel_lengths[l];
            uint64_t *high = kernel_room_end(&dense_room, count * sizeof *high);
            uint64_t *low = kernel_room_end(&bits_room, count * sizeof *low);
            uint8_t *out = kernel_room_end(&values_room, count * 16);
            for (size_t i = 0; i < count; i++) {
                high[i] = kernel_random(&seed); /* with bits above the 60 and 62, as damage may have */
                low[i] = kernel_random(&seed);
            }
            table->join_uuid4(high, low, count, (uint64_t *)out);
            for (size_t i = 0; i < count; i++) {
                uint64_t x = 0;
                uint64_t y = 0;
                for (size_t k = 0; k < 8; k++) {
                    x = x << 8 | out[i * 16 + k];
                    y = y << 8 | out[i * 16 + 8 + k];
                }
                assert_int_equal(x >> 12 & 15, 4);
                assert_int_equal(y >> 62, 2);
                assert_true((x >> 16 << 12 | (x & 0xfff)) == (high[i] & UINT64_MAX >> 4));
                assert_true((y & UINT64_MAX >> 2) == (low[i] & UINT64_MAX >> 2));
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bit_strings_unpack_at_every_width),
        cmocka_unit_test(dense_values_go_where_bits_are_set),
        cmocka_unit_test(sums_wrap_at_every_width),
        cmocka_unit_test(packed_uuids_join),
    };
    return cmocka_run_group_tests(tests, open_rooms, close_rooms);
}
