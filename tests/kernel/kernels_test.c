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

enum { VALUES = WENDI_KERNEL_VALUES, ROOM_BYTES = 4 * KERNEL_LONGEST * 8 };

static kernel_room input_room;
static kernel_room output_room;
static kernel_room packed_room;

static int open_rooms(void **state)
{
    (void)state;
    input_room = kernel_room_new(ROOM_BYTES);
    output_room = kernel_room_new(ROOM_BYTES);
    packed_room = kernel_room_new(ROOM_BYTES);
    return 0;
}

static int close_rooms(void **state)
{
    (void)state;
    kernel_room_free(&input_room);
    kernel_room_free(&output_room);
    kernel_room_free(&packed_room);
    return 0;
}

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

/* Values of unpack_*() of one width, in place of which nothing beyond may be written. */
#define CHECK_UNPACK(bits)                                                                        \
    do {                                                                                          \
        uint##bits##_t *out = kernel_room_end(&output_room, sizeof *out * VALUES);                \
        table->unpack_u##bits(packed, width, (uint##bits##_t)base, out);                          \
        for (unsigned i = 0; i < VALUES; i++) {                                                   \
            assert_true(out[i] == (uint##bits##_t)(base + values[i]));                            \
        }                                                                                         \
    } while (0)

#define CHECK_STEPS(bits)                                                                         \
    do {                                                                                          \
        uint##bits##_t *out = kernel_room_end(&output_room, sizeof *out * VALUES);                \
        uint##bits##_t sum = (uint##bits##_t)first;                                               \
        table->unpack_steps_u##bits(packed, width, (uint##bits##_t)base, (uint##bits##_t)first,   \
                                    (uint##bits##_t)factor, out);                                 \
        for (unsigned i = 0; i < VALUES; i++) {                                                   \
            sum += i == 0 ? 0 : (uint##bits##_t)((base + values[i]) * factor);                    \
            assert_true(out[i] == sum);                                                           \
        }                                                                                         \
    } while (0)

static void check_width(const wendi_kernels *table, unsigned width, const uint64_t *values, uint64_t *seed)
{
    const uint64_t base = kernel_random(seed);
    const uint64_t first = kernel_random(seed);
    const uint64_t factor = width % 3 == 0 ? 1 : width % 3 == 1 ? 1000 : kernel_random(seed);
    /* Pages align streams to 8 only. */
    for (size_t beside = 0; beside < 64; beside += 8) {
        uint8_t *packed = (uint8_t *)kernel_room_end(&packed_room, (size_t)width * 128) - beside;
        memset(packed, 0xee, (size_t)width * 128 + beside);
        table->pack_u64(values, width, packed);
        for (size_t i = 0; i < beside; i++) {
            assert_int_equal(packed[width * 128 + i], 0xee);
        }
        for (unsigned i = 0; i < VALUES; i++) {
            assert_true(bit_by_bit(packed, width, i) == values[i]);
        }
        CHECK_UNPACK(64);
        CHECK_STEPS(64);
        if (width <= 32) {
            CHECK_UNPACK(32);
            CHECK_STEPS(32);
        }
        if (width <= 16) {
            CHECK_UNPACK(16);
        }
        if (width <= 8) {
            CHECK_UNPACK(8);
        }
    }
}

static void packing_holds_at_every_width(void **state)
{
    (void)state;
    const wendi_kernels *table;
    uint64_t seed = 1;
    for (unsigned index = 0; (table = wendi_kernels_at(index)) != NULL; index++) {
        for (unsigned width = 0; width <= 64; width++) {
            uint64_t *values = kernel_room_end(&input_room, VALUES * sizeof *values);
            for (unsigned shape = 0; shape < 2; shape++) { /* random, and all bits set */
                for (unsigned i = 0; i < VALUES; i++) {
                    values[i] = (shape == 0 ? kernel_random(&seed) : UINT64_MAX) & mask_of(width);
                }
                check_width(table, width, values, &seed);
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

/* Apply a kernel of a table and of scalar to copies of n values and compare. */
#define SAME(type, call)                                                                          \
    do {                                                                                          \
        type *mine = kernel_room_end(&output_room, n * sizeof(type));                             \
        type *theirs = kernel_room_end(&packed_room, n * sizeof(type));                           \
        memcpy(mine, input, n * sizeof(type));                                                    \
        memcpy(theirs, input, n * sizeof(type));                                                  \
        const wendi_kernels *kernels = table;                                                     \
        type *values = mine;                                                                      \
        call;                                                                                     \
        kernels = &wendi_kernels_scalar;                                                          \
        values = theirs;                                                                          \
        call;                                                                                     \
        assert_memory_equal(mine, theirs, n * sizeof(type));                                      \
    } while (0)

static void loops_equal_scalar(void **state)
{
    (void)state;
    const wendi_kernels *table;
    for (unsigned index = 1; (table = wendi_kernels_at(index)) != NULL; index++) {
        for (unsigned l = 0; l < KERNEL_LENGTHS; l++) {
            size_t n = kernel_lengths[l];
            uint64_t *input = kernel_room_end(&input_room, n * sizeof *input);
            const int64_t *integers = (const int64_t *)input;
            int64_t bounds[2][2];
            fill_random(input, n, l);
            SAME(uint64_t, kernels->multiply_add_u64(values, n, 1000, UINT64_C(1) << 63));
            SAME(uint32_t, kernels->multiply_add_u32(values, n, 7, 99));
            SAME(uint64_t, kernels->unzigzag_u64(values, n));
            SAME(uint32_t, kernels->unzigzag_u32(values, n));
            SAME(uint64_t, kernels->prefix_sum_u64(values, n, 17, 1));
            SAME(uint32_t, kernels->prefix_sum_u32(values, n, 17, 1));
            SAME(uint64_t, kernels->prefix_sum_u64(values, n, 17, UINT64_C(0xfedcba9876543211)));
            SAME(uint32_t, kernels->prefix_sum_u32(values, n, 17, 1000));
            SAME(uint64_t, kernels->fill_u64(values, n, 9));
            SAME(uint32_t, kernels->fill_u32(values, n, 9));
            SAME(uint64_t, kernels->decimal_f64((const int64_t *)values, n, 1000.0, (double *)values));
            SAME(uint64_t, kernels->float_bits_f64(values, n, (double *)values));
            table->min_max_i64(integers, n, &bounds[0][0], &bounds[0][1]);
            wendi_kernels_scalar.min_max_i64(integers, n, &bounds[1][0], &bounds[1][1]);
            assert_memory_equal(bounds[0], bounds[1], sizeof bounds[0]);
            const uint32_t *half = (const uint32_t *)input + n;
            assert_int_equal(table->max_u32(half, n), wendi_kernels_scalar.max_u32(half, n));
            assert_int_equal(table->changes_u64(input, n), wendi_kernels_scalar.changes_u64(input, n));
        }
    }
}

/* Rounded once, whatever the machine converts with: also where 64 bits do not fit a double. */
static void decimals_round_once(void **state)
{
    (void)state;
    static const double divisors[] = {1, 10, 100, 1000, 1e10};
    const wendi_kernels *table;
    int64_t integers[VALUES];
    double doubles[VALUES];
    uint64_t seed = 6;
    for (unsigned i = 0; i < VALUES; i++) {
        integers[i] = (int64_t)kernel_random(&seed) >> (i % 64);
    }
    integers[0] = INT64_MIN;
    integers[1] = INT64_MAX;
    integers[2] = (INT64_C(1) << 53) + 1;
    integers[3] = -(INT64_C(1) << 53) - 1;
    integers[4] = 0;
    for (unsigned index = 0; (table = wendi_kernels_at(index)) != NULL; index++) {
        for (size_t d = 0; d < sizeof divisors / sizeof *divisors; d++) {
            table->decimal_f64(integers, VALUES, divisors[d], doubles);
            for (unsigned i = 0; i < VALUES; i++) {
                const double expected = (double)integers[i] / divisors[d];
                assert_memory_equal(&doubles[i], &expected, sizeof expected);
            }
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

/* Rows from..to-1 into memory that ends with them. */
static void check_runs(const wendi_kernels *table, const uint64_t *run_values, const uint32_t *run_codes,
                       const uint32_t *ends, uint32_t from, uint32_t to)
{
    uint64_t *rows = kernel_room_end(&output_room, (to - from) * sizeof *rows);
    uint32_t *codes = kernel_room_end(&packed_room, (to - from) * sizeof *codes);
    uint32_t run = 0;
    while (ends[run] <= from) {
        run++;
    }
    table->expand_runs_u64(run_values, ends, run, from, to, rows);
    table->expand_runs_u32(run_codes, ends, run, from, to, codes);
    for (uint32_t row = from; row < to; row++) {
        run += row >= ends[run];
        assert_true(rows[row - from] == run_values[run] && codes[row - from] == run_codes[run]);
    }
}

static void runs_expand_equally(void **state)
{
    (void)state;
    enum { RUNS = 300 };
    static uint64_t run_values[RUNS];
    static uint32_t run_codes[RUNS];
    static uint32_t ends[RUNS];
    static const uint32_t longest[] = {1, 3, 40, 100};
    const wendi_kernels *table;
    uint64_t seed = 4;
    for (size_t shape = 0; shape < sizeof longest / sizeof *longest; shape++) {
        uint32_t end = 0;
        for (unsigned r = 0; r < RUNS; r++) {
            end += 1 + (uint32_t)(kernel_random(&seed) % longest[shape]);
            ends[r] = end;
            run_values[r] = kernel_random(&seed);
            run_codes[r] = (uint32_t)run_values[r];
        }
        for (unsigned index = 0; (table = wendi_kernels_at(index)) != NULL; index++) {
            for (uint32_t from = 0; from < end; from += 1 + from / 3) {
                for (uint32_t to = from + 1; to <= end; to += 1 + (to - from) / 2) {
                    check_runs(table, run_values, run_codes, ends, from, to);
                }
                check_runs(table, run_values, run_codes, ends, from, end);
            }
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
    bool runs = forced == NULL || forced[0] == '\0';
    assert_non_null(table);
    for (unsigned index = 0; wendi_kernels_at(index) != NULL; index++) {
        runs = runs || strcmp(forced, wendi_kernels_at(index)->name) == 0;
    }
    if (forced != NULL && forced[0] != '\0') {
        assert_string_equal(table->name, runs ? forced : "scalar");
    }
    assert_int_equal(wendi_kernels_check(NULL) == WEND_OK, runs);
    assert_string_equal(wendi_kernels_at(0)->name, "scalar");
}

static void what_cannot_be_had_is_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"avx1024", "AVX2", " scalar", "best"};
    const char *before = getenv("WEND_ISA");
    char kept[64] = "";
    wend_error error;
    if (before != NULL) {
        strncpy(kept, before, sizeof kept - 1);
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_int_equal(setenv("WEND_ISA", names[i], 1), 0);
        assert_int_equal(wendi_kernels_check(&error), WEND_INVALID);
        assert_int_equal(error.status, WEND_INVALID);
        assert_non_null(strstr(error.message, names[i]));
        assert_non_null(strstr(error.hint, "scalar"));
    }
    for (unsigned index = 0; wendi_kernels_at(index) != NULL; index++) {
        assert_int_equal(setenv("WEND_ISA", wendi_kernels_at(index)->name, 1), 0);
        assert_int_equal(wendi_kernels_check(&error), WEND_OK);
    }
    assert_int_equal(before == NULL ? unsetenv("WEND_ISA") : setenv("WEND_ISA", kept, 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalar_means_what_it_says), cmocka_unit_test(packing_holds_at_every_width),
        cmocka_unit_test(loops_equal_scalar),        cmocka_unit_test(decimals_round_once),
        cmocka_unit_test(runs_expand_equally),       cmocka_unit_test(nulls_expand_equally),
        cmocka_unit_test(pairs_join_equally),        cmocka_unit_test(the_choice_can_be_forced),
        cmocka_unit_test(what_cannot_be_had_is_refused),
    };
    return cmocka_run_group_tests(tests, open_rooms, close_rooms);
}
