/*
 * The kernels of predictions against what kernels.h says of them, on every table, at every length, in memory that
 * ends where nobody may read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/kernel/kernel_cases.h"

enum { MAP = 700, LIST = 90 };

static kernel_room rooms[6];

static int open_rooms(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) {
        rooms[i] = kernel_room_new(KERNEL_LONGEST * sizeof(uint64_t));
    }
    return 0;
}

static int close_rooms(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) {
        kernel_room_free(&rooms[i]);
    }
    return 0;
}

/* Mostly as predicted, some from the list, some beyond it, among them the greatest of all. */
static uint64_t any_residual(uint64_t *seed, uint32_t list_count, uint64_t greatest)
{
    switch (kernel_random(seed) % 8) {
    case 0:
        return list_count == 0 ? 0 : 1 + kernel_random(seed) % list_count;
    case 1:
        return list_count + 1 + kernel_random(seed) % 5000;
    case 2:
        return kernel_random(seed) % 3 == 0 ? greatest : list_count + 1;
    default:
        return 0;
    }
}

#define DEFINE_CASE(bits)                                                                         \
    static void predict_##bits(const wendi_kernels *table, size_t count, uint32_t list_count, uint64_t *seed) \
    {                                                                                             \
        uint##bits##_t *map = kernel_room_end(&rooms[0], MAP * sizeof *map);                      \
        uint##bits##_t *list = kernel_room_end(&rooms[1], list_count * sizeof *list);             \
        uint32_t *keys = kernel_room_end(&rooms[2], count * sizeof *keys);                        \
        uint##bits##_t *residuals = kernel_room_end(&rooms[3], count * sizeof *residuals);        \
        uint##bits##_t *numbers = kernel_room_end(&rooms[4], count * sizeof *numbers);            \
        for (size_t i = 0; i < MAP; i++) {                                                        \
            map[i] = (uint##bits##_t)kernel_random(seed);                                         \
        }                                                                                         \
        for (size_t i = 0; i < list_count; i++) {                                                 \
            list[i] = (uint##bits##_t)kernel_random(seed);                                        \
        }                                                                                         \
        for (size_t i = 0; i < count; i++) {                                                      \
            keys[i] = (uint32_t)(kernel_random(seed) % MAP);                                      \
            residuals[i] = (uint##bits##_t)any_residual(seed, list_count, UINT##bits##_MAX);      \
        }                                                                                         \
        table->predict_u##bits(map, keys, residuals, list, list_count, count, numbers);           \
        for (size_t i = 0; i < count; i++) {                                                      \
            uint##bits##_t residual = residuals[i];                                               \
            uint##bits##_t expected = (uint##bits##_t)(residual - list_count - 1);                \
            expected = residual == 0 ? map[keys[i]] : residual <= list_count ? list[residual - 1] : expected; \
            assert_true(numbers[i] == expected);                                                  \
        }                                                                                         \
    }
DEFINE_CASE(32)
DEFINE_CASE(64)

static void numbers_come_from_map_list_or_residual(void **state)
{
    (void)state;
    const wendi_kernels *table;
    uint64_t seed = 1;
    for (unsigned index = 0; (table = wendi_kernels_at(index)) != NULL; index++) {
        for (size_t l = 0; l < KERNEL_LENGTHS; l++) {
            for (uint32_t listed = 0; listed <= LIST; listed += LIST / 2) {
                predict_32(table, kernel_lengths[l], listed, &seed);
                predict_64(table, kernel_lengths[l], listed, &seed);
            }
        }
    }
}

static void keys_and_codes(void **state)
{
    (void)state;
    const wendi_kernels *table;
    uint64_t seed = 2;
    for (unsigned index = 0; (table = wendi_kernels_at(index)) != NULL; index++) {
        for (size_t l = 0; l < KERNEL_LENGTHS; l++) {
            const size_t count = kernel_lengths[l];
            const uint64_t least = kernel_random(&seed);
            uint32_t *first = kernel_room_end(&rooms[0], count * sizeof *first);
            uint32_t *second = kernel_room_end(&rooms[1], count * sizeof *second);
            uint32_t *keys = kernel_room_end(&rooms[2], count * sizeof *keys);
            uint64_t *values = kernel_room_end(&rooms[3], count * sizeof *values);
            uint64_t greatest = 0;
            for (size_t i = 0; i < count; i++) {
                first[i] = (uint32_t)kernel_random(&seed);
                second[i] = (uint32_t)kernel_random(&seed);
                values[i] = least + (l % 2 == 0 ? kernel_random(&seed) % 1000 : kernel_random(&seed));
                greatest = values[i] - least > greatest ? values[i] - least : greatest;
            }
            table->pair_keys_u32(first, second, 4711, count, keys);
            for (size_t i = 0; i < count; i++) {
                assert_true(keys[i] == (uint32_t)(first[i] * UINT32_C(4711) + second[i]));
            }
            assert_true(table->offset_codes_u32(values, least, count, keys) == greatest);
            for (size_t i = 0; i < count; i++) {
                assert_true(keys[i] == (uint32_t)(values[i] - least) + 1);
            }
        }
    }
}

static void number_zero_is_null(void **state)
{
    (void)state;
    const wendi_kernels *table;
    uint64_t seed = 3;
    for (unsigned index = 0; (table = wendi_kernels_at(index)) != NULL; index++) {
        for (size_t l = 0; l < KERNEL_LENGTHS; l++) {
            const size_t count = kernel_lengths[l];
            const uint64_t base = kernel_random(&seed);
            uint64_t *numbers = kernel_room_end(&rooms[0], count * sizeof *numbers);
            uint64_t *before = kernel_room_end(&rooms[1], count * sizeof *before);
            uint8_t *nulls = kernel_room_end(&rooms[2], count);
            bool any = false;
            for (size_t i = 0; i < count; i++) {
                before[i] = numbers[i] = l % 3 == 0 || kernel_random(&seed) % 4 != 0 ? kernel_random(&seed) | 1 : 0;
                any = any || before[i] == 0;
            }
            assert_int_equal(table->numbers_to_values_u64(numbers, base, count, nulls), any);
            for (size_t i = 0; i < count; i++) {
                assert_int_equal(nulls[i], before[i] == 0);
                assert_true(numbers[i] == (before[i] == 0 ? 0 : base + before[i] - 1));
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_come_from_map_list_or_residual),
        cmocka_unit_test(keys_and_codes),
        cmocka_unit_test(number_zero_is_null),
    };
    return cmocka_run_group_tests(tests, open_rooms, close_rooms);
}
