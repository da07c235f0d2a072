/*
 * Kernels of the patched and masked codecs and of packed UUIDs, of every table, against what they
 * mean, said a value at a time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "tests/kernel/kernel_cases.h"

enum { ROOM_BYTES = (KERNEL_LONGEST + 8) * 16, BEHIND_STRING = 32 };

static kernel_room bitmap_room;
static kernel_room dense_room;
static kernel_room output_room;

static int open_rooms(void **state)
{
    (void)state;
    bitmap_room = kernel_room_new(ROOM_BYTES);
    dense_room = kernel_room_new(ROOM_BYTES);
    output_room = kernel_room_new(ROOM_BYTES);
    return 0;
}

static int close_rooms(void **state)
{
    (void)state;
    kernel_room_free(&bitmap_room);
    kernel_room_free(&dense_room);
    kernel_room_free(&output_room);
    return 0;
}

/* The bits of `count` rows, one of `share` set, and some beyond, which kernels do not look at. */
static uint64_t *random_rows(size_t count, unsigned share, uint64_t *seed)
{
    const size_t words = (count + 63) / 64;
    uint64_t *bitmap = kernel_room_end(&bitmap_room, words * 8);
    memset(bitmap, 0, words * 8);
    for (size_t i = 0; i < words * 64; i++) {
        bitmap[i / 64] |= (uint64_t)(kernel_random(seed) % share == 0) << (i % 64);
    }
    return bitmap;
}

static size_t rows_set(const uint64_t *bitmap, size_t count)
{
    size_t rows = 0;
    for (size_t i = 0; i < count; i++) {
        rows += bitmap[i / 64] >> (i % 64) & 1;
    }
    return rows;
}

#define DEFINE_MASKED_TEST(bits)                                                                  \
    static void masked_u##bits(const wendi_kernels *table, size_t count, unsigned share, uint64_t *seed) \
    {                                                                                             \
        const uint64_t *bitmap = random_rows(count, share, seed);                                 \
        const size_t set = rows_set(bitmap, count);                                               \
        /* One value beyond the last may be read. */                                              \
        uint##bits##_t *dense = kernel_room_end(&dense_room, (set + 1) * sizeof *dense);          \
        uint##bits##_t *values = kernel_room_end(&output_room, count * sizeof *values);           \
        const unsigned shift = (unsigned)(kernel_random(seed) % (bits));                          \
        size_t taken = 0;                                                                         \
        for (size_t i = 0; i <= set; i++) {                                                       \
            dense[i] = (uint##bits##_t)kernel_random(seed);                                       \
        }                                                                                         \
        assert_int_equal(table->expand_masked_u##bits(bitmap, dense, count, 12345, values), set); \
        for (size_t i = 0; i < count; i++) {                                                      \
            const bool here = bitmap[i / 64] >> (i % 64) & 1;                                     \
            assert_true(values[i] == (here ? dense[taken] : 12345));                              \
            taken += here;                                                                        \
            values[i] = (uint##bits##_t)i;                                                        \
        }                                                                                         \
        table->add_masked_u##bits(bitmap, dense, count, shift, values);                           \
        taken = 0;                                                                                \
        for (size_t i = 0; i < count; i++) {                                                      \
            const bool here = bitmap[i / 64] >> (i % 64) & 1;                                     \
            const uint##bits##_t added = here ? (uint##bits##_t)(dense[taken] << shift) : 0;      \
            assert_true(values[i] == (uint##bits##_t)(i + added));                                \
            taken += here;                                                                        \
        }                                                                                         \
    }
DEFINE_MASKED_TEST(64)
DEFINE_MASKED_TEST(32)

static void masked_rows_take_dense_values(void **state)
{
    (void)state;
    const wendi_kernels *table;
    uint64_t seed = 31;
    for (unsigned index = 0; (table = wendi_kernels_at(index)) != NULL; index++) {
        for (unsigned l = 0; l < KERNEL_LENGTHS; l++) {
            for (unsigned share = 1; share <= 40; share += share < 4 ? 1 : 12) {
                masked_u64(table, kernel_lengths[l], share, &seed);
                masked_u32(table, kernel_lengths[l], share, &seed);
            }
        }
    }
}

#define DEFINE_WRAP_TEST(bits)                                                                    \
    static void wrap_u##bits(const wendi_kernels *table, size_t count, uint64_t *seed)            \
    {                                                                                             \
        static const uint##bits##_t factors[] = {1, 1000, (uint##bits##_t)-7};                    \
        for (unsigned f = 0; f < 3; f++) {                                                        \
            const uint##bits##_t mask = (uint##bits##_t)(kernel_random(seed) >> kernel_random(seed) % 64); \
            const uint##bits##_t base = (uint##bits##_t)kernel_random(seed);                      \
            uint##bits##_t *before = kernel_room_end(&dense_room, count * sizeof *before);        \
            uint##bits##_t *values = kernel_room_end(&output_room, count * sizeof *values);       \
            for (size_t i = 0; i < count; i++) {                                                  \
                values[i] = before[i] = (uint##bits##_t)kernel_random(seed);                      \
            }                                                                                     \
            table->wrap_multiply_add_u##bits(values, count, mask, factors[f], base);              \
            for (size_t i = 0; i < count; i++) {                                                  \
                assert_true(values[i] == (uint##bits##_t)(base + (before[i] & mask) * factors[f]));\
            }                                                                                     \
        }                                                                                         \
    }
DEFINE_WRAP_TEST(64)
DEFINE_WRAP_TEST(32)

static void wrapping_masks_before_it_scales(void **state)
{
    (void)state;
    const wendi_kernels *table;
    uint64_t seed = 32;
    for (unsigned index = 0; (table = wendi_kernels_at(index)) != NULL; index++) {
        for (unsigned l = 0; l < KERNEL_LENGTHS; l++) {
            wrap_u64(table, kernel_lengths[l], &seed);
            wrap_u32(table, kernel_lengths[l], &seed);
        }
    }
}

/* Number i of the string, bit by bit. */
static uint64_t string_number(const uint8_t *string, size_t i, unsigned width)
{
    uint64_t value = 0;
    for (unsigned bit = 0; bit < width; bit++) {
        const size_t at = i * width + bit;
        value |= (uint64_t)(string[at / 8] >> (at % 8) & 1) << bit;
    }
    return value;
}

static void check_string(const wendi_kernels *table, size_t count, unsigned width, uint64_t *seed)
{
    const size_t string_bytes = (count * width + 7) / 8 + BEHIND_STRING;
    const size_t room = (count + 7) / 8 * 8;
    const uint64_t base = kernel_random(seed);
    /* Strings begin at any byte. */
    uint8_t *string = kernel_room_end(&dense_room, string_bytes);
    uint64_t *wide = kernel_room_end(&output_room, room * sizeof *wide);
    uint32_t *narrow = kernel_room_end(&bitmap_room, room * sizeof *narrow);
    for (size_t i = 0; i < string_bytes; i++) {
        string[i] = (uint8_t)kernel_random(seed);
    }
    table->unpack_string_u64(string, count, width, base, wide);
    table->unpack_string_u32(string, count, width, (uint32_t)base, narrow);
    for (size_t i = 0; i < count; i++) {
        const uint64_t number = string_number(string, i, width);
        assert_true(wide[i] == base + number);
        assert_true(narrow[i] == (uint32_t)(base + number));
    }
}

static void bit_strings_unpack_at_every_width(void **state)
{
    (void)state;
    static const size_t counts[] = {1, 2, 7, 8, 9, 100, 1023};
    const wendi_kernels *table;
    uint64_t seed = 33;
    for (unsigned index = 0; (table = wendi_kernels_at(index)) != NULL; index++) {
        for (unsigned width = 0; width <= 64; width++) {
            for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
                check_string(table, counts[c], width, &seed);
            }
        }
    }
}

/* RFC 9562: version 4 in the high half of byte 6, variant 10 in the first two bits of byte 8. */
static void uuids_get_their_fixed_bits_back(void **state)
{
    (void)state;
    const wendi_kernels *table;
    uint64_t seed = 34;
    for (unsigned index = 0; (table = wendi_kernels_at(index)) != NULL; index++) {
        for (unsigned l = 0; l < KERNEL_LENGTHS; l++) {
            const size_t count = kernel_lengths[l];
            uint64_t *high = kernel_room_end(&bitmap_room, count * sizeof *high);
            uint64_t *low = kernel_room_end(&dense_room, count * sizeof *low);
            uint64_t *pairs = kernel_room_end(&output_room, 2 * count * sizeof *pairs);
            for (size_t i = 0; i < count; i++) {
                high[i] = kernel_random(&seed);
                low[i] = kernel_random(&seed);
            }
            table->join_uuid4(high, low, count, pairs);
            for (size_t i = 0; i < count; i++) {
                const uint64_t first = __builtin_bswap64(pairs[2 * i]);
                const uint64_t second = __builtin_bswap64(pairs[2 * i + 1]);
                assert_int_equal(first >> 12 & 15, 4);
                assert_int_equal(second >> 62, 2);
                assert_true((first >> 16 << 12 | (first & 0xfff)) == (high[i] & UINT64_MAX >> 4));
                assert_true((second & UINT64_MAX >> 2) == (low[i] & UINT64_MAX >> 2));
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(masked_rows_take_dense_values),
        cmocka_unit_test(wrapping_masks_before_it_scales),
        cmocka_unit_test(bit_strings_unpack_at_every_width),
        cmocka_unit_test(uuids_get_their_fixed_bits_back),
    };
    return cmocka_run_group_tests(tests, open_rooms, close_rooms);
}
