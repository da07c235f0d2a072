/*
 * Every table of kernels against the plain meaning and against scalar, bit for bit: all widths, all
 * lengths around a vector's, inputs at every alignment that pages can have.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "format/kernel/kernels.h"
#include "tests/kernel/kernel_cases.h"

enum { VALUES = WENDI_KERNEL_VALUES, PACKED = 64 * 128 };

static uint64_t mask_of(unsigned width)
{
    return width == 64 ? UINT64_MAX : (UINT64_C(1) << width) - 1;
}

/* The layout as docs/FORMAT.md tells it, bit by bit. */
static uint64_t bit_by_bit(const uint8_t *packed, unsigned width, unsigned i)
{
    unsigned lane_bits = width <= 8 ? 8 : width <= 16 ? 16 : width <= 32 ? 32 : 64;
    unsigned lanes = 1024 / lane_bits;
    uint64_t value = 0;
    for (unsigned bit = 0; bit < width; bit++) {
        unsigned position = i / lanes * width + bit;
        unsigned word = position / lane_bits * lanes + i % lanes;
        unsigned in_file = word * lane_bits + position % lane_bits;
        value |= (uint64_t)(packed[in_file / 8] >> (in_file % 8) & 1) << bit;
    }
    return value;
}

static void packing_holds_at_every_width(void **state)
{
    (void)state;
    _Alignas(64) uint64_t values[VALUES];
    _Alignas(64) uint8_t room[PACKED + 192];
    _Alignas(64) uint64_t wide[VALUES + 1];
    _Alignas(64) uint32_t narrow[VALUES + 1];
    const wendi_kernels *table;
    uint64_t seed = 1;
    for (unsigned index = 0; (table = wendi_kernels_at(index)) != NULL; index++) {
        for (unsigned width = 0; width <= 64; width++) {
            uint8_t *packed = room + 8 * (width % 8); /* pages align streams to 8 only */
            for (unsigned i = 0; i < VALUES; i++) {
                values[i] = kernel_random(&seed) & mask_of(width);
            }
            memset(packed, 0xee, (size_t)width * 128 + 1);
            table->pack_u64(values, width, packed);
            assert_int_equal(packed[width * 128], 0xee);
            for (unsigned i = 0; i < VALUES; i++) {
                assert_true(bit_by_bit(packed, width, i) == values[i]);
            }
            uint64_t base = kernel_random(&seed);
            wide[VALUES] = 5;
            table->unpack_u64(packed, width, base, wide);
            assert_true(wide[VALUES] == 5);
            for (unsigned i = 0; i < VALUES; i++) {
                assert_true(wide[i] == base + values[i]);
            }
            narrow[VALUES] = 5;
            if (width <= 32) {
                table->unpack_u32(packed, width, (uint32_t)base, narrow);
            }
            assert_true(narrow[VALUES] == 5);
            for (unsigned i = 0; i < VALUES && width <= 32; i++) {
                assert_true(narrow[i] == (uint32_t)(base + values[i]));
            }
        }
    }
}

static void fill_random(uint64_t *values, size_t count, uint64_t seed)
{
    for (size_t i = 0; i < count; i++) {
        values[i] = kernel_random(&seed) >> (kernel_random(&seed) % 64);
    }
}

/* Apply a kernel of a table and of scalar to copies and compare. */
#define SAME(type, call)                                                                          \
    do {                                                                                          \
        static _Alignas(64) type mine[KERNEL_LONGEST + 1], theirs[KERNEL_LONGEST + 1];                          \
        memcpy(mine, input, sizeof mine);                                                         \
        memcpy(theirs, input, sizeof theirs);                                                     \
        const wendi_kernels *kernels = table;                                                     \
        type *values = mine;                                                                      \
        call;                                                                                     \
        kernels = &wendi_kernels_scalar;                                                          \
        values = theirs;                                                                          \
        call;                                                                                     \
        assert_memory_equal(mine, theirs, sizeof mine);                                           \
    } while (0)

static void loops_equal_scalar(void **state)
{
    (void)state;
    static _Alignas(64) uint64_t input[KERNEL_LONGEST + 1];
    const wendi_kernels *table;
    for (unsigned index = 1; (table = wendi_kernels_at(index)) != NULL; index++) {
        for (unsigned l = 0; l < KERNEL_LENGTHS; l++) {
            size_t n = kernel_lengths[l];
            fill_random(input, KERNEL_LONGEST + 1, l);
            SAME(uint64_t, kernels->multiply_add_u64(values, n, 1000, UINT64_C(1) << 63));
            SAME(uint32_t, kernels->multiply_add_u32(values, n, 7, 99));
            SAME(uint64_t, kernels->unzigzag_u64(values, n));
            SAME(uint32_t, kernels->unzigzag_u32(values, n));
            SAME(uint64_t, kernels->prefix_sum_u64(values, n, 17, 1000));
            SAME(uint32_t, kernels->prefix_sum_u32(values, n, 17, 1000));
            SAME(uint64_t, kernels->fill_u64(values, n, 9));
            SAME(uint32_t, kernels->fill_u32(values, n, 9));
            SAME(uint64_t, kernels->decimal_f64((const int64_t *)values, n, 1000.0, (double *)values));
            SAME(uint64_t, kernels->float_bits_f64(values, n, (double *)values));
            SAME(uint64_t, kernels->min_max_i64((const int64_t *)input, n, (int64_t *)values, (int64_t *)values + 1));
            assert_int_equal(table->max_u32((const uint32_t *)input, n),
                             wendi_kernels_scalar.max_u32((const uint32_t *)input, n));
            assert_int_equal(table->changes_u64(input, n), wendi_kernels_scalar.changes_u64(input, n));
        }
    }
}

static void scalar_means_what_it_says(void **state)
{
    (void)state;
    uint64_t values[4] = {1, 2, 3, 4};
    wendi_kernels_scalar.prefix_sum_u64(values, 4, 10, 1);
    assert_int_equal(values[3], 20);
    wendi_kernels_scalar.unzigzag_u64(values, 1); /* 11 */
    assert_true(values[0] == (uint64_t)-6);
    int64_t min;
    int64_t max;
    wendi_kernels_scalar.min_max_i64((const int64_t[]){3, -9, 4}, 3, &min, &max);
    assert_true(min == -9 && max == 4);
    assert_int_equal(wendi_kernels_scalar.changes_u64((const uint64_t[]){1, 1, 2, 1}, 4), 2);
}

static void runs_expand_equally(void **state)
{
    (void)state;
    enum { RUNS = 400 };
    static uint64_t run_values[RUNS];
    static uint32_t run_codes[RUNS];
    static uint32_t ends[RUNS];
    static uint64_t rows[2 * KERNEL_LONGEST * 8];
    static uint32_t codes[2 * KERNEL_LONGEST * 8];
    const wendi_kernels *table;
    uint64_t seed = 4;
    uint32_t end = 0;
    for (unsigned r = 0; r < RUNS; r++) {
        end += 1 + (uint32_t)(kernel_random(&seed) % 60);
        ends[r] = end;
        run_values[r] = kernel_random(&seed);
        run_codes[r] = (uint32_t)run_values[r];
    }
    for (unsigned index = 0; (table = wendi_kernels_at(index)) != NULL; index++) {
        for (uint32_t from = 0; from < end; from += 1 + from / 3) {
            uint32_t run = 0;
            uint32_t to = from + (end - from) / 2 + 1;
            while (ends[run] <= from) {
                run++;
            }
            rows[to - from] = 77;
            codes[to - from] = 77;
            table->expand_runs_u64(run_values, ends, run, from, to, rows);
            table->expand_runs_u32(run_codes, ends, run, from, to, codes);
            for (uint32_t row = from; row < to; row++) {
                run += row >= ends[run];
                assert_true(rows[row - from] == run_values[run] && codes[row - from] == run_codes[run]);
            }
            assert_true(rows[to - from] == 77 && codes[to - from] == 77);
        }
    }
}

static void nulls_expand_equally(void **state)
{
    (void)state;
    static uint8_t bitmap[KERNEL_LONGEST / 8 + 2];
    static uint64_t dense[KERNEL_LONGEST + 1];
    static uint64_t rows[KERNEL_LONGEST + 1];
    static uint8_t nulls[KERNEL_LONGEST + 1];
    const wendi_kernels *table;
    uint64_t seed = 8;
    for (unsigned index = 0; (table = wendi_kernels_at(index)) != NULL; index++) {
        for (unsigned l = 0; l < KERNEL_LENGTHS; l++) {
            size_t taken = 0;
            fill_random(dense, KERNEL_LONGEST + 1, l);
            for (size_t i = 0; i < sizeof bitmap; i++) {
                bitmap[i] = (uint8_t)kernel_random(&seed);
            }
            rows[kernel_lengths[l]] = 3;
            size_t count = table->expand_nulls_u64(bitmap, dense, kernel_lengths[l], nulls, rows);
            for (size_t i = 0; i < kernel_lengths[l]; i++) {
                bool null = bitmap[i / 8] >> (i % 8) & 1;
                assert_int_equal(nulls[i], null);
                assert_true(rows[i] == (null ? 0 : dense[taken]));
                taken += !null;
            }
            assert_int_equal(count, taken);
            assert_true(rows[kernel_lengths[l]] == 3);
        }
    }
}

static void pairs_join_equally(void **state)
{
    (void)state;
    static uint64_t high[KERNEL_LONGEST + 1];
    static uint64_t low[KERNEL_LONGEST + 1];
    static uint64_t pairs[2 * KERNEL_LONGEST + 2];
    const wendi_kernels *table;
    fill_random(high, KERNEL_LONGEST + 1, 1);
    fill_random(low, KERNEL_LONGEST + 1, 2);
    for (unsigned index = 0; (table = wendi_kernels_at(index)) != NULL; index++) {
        for (unsigned l = 0; l < KERNEL_LENGTHS; l++) {
            table->join_b16(high, low, kernel_lengths[l], pairs);
            for (size_t i = 0; i < kernel_lengths[l]; i++) {
                assert_true(pairs[2 * i] == __builtin_bswap64(high[i]) && pairs[2 * i + 1] == __builtin_bswap64(low[i]));
            }
        }
    }
}

static void the_choice_can_be_forced(void **state)
{
    (void)state;
    const char *forced = getenv("WEND_ISA");
    const wendi_kernels *table = wendi_kernels_get();
    assert_non_null(table);
    if (forced != NULL && strcmp(forced, "scalar") == 0) {
        assert_string_equal(table->name, "scalar");
    }
    assert_string_equal(wendi_kernels_at(0)->name, "scalar");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalar_means_what_it_says), cmocka_unit_test(packing_holds_at_every_width),
        cmocka_unit_test(loops_equal_scalar),        cmocka_unit_test(runs_expand_equally),
        cmocka_unit_test(nulls_expand_equally),      cmocka_unit_test(pairs_join_equally),
        cmocka_unit_test(the_choice_can_be_forced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
