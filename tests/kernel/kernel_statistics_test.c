/* Kernels that statistics are taken with, of every table, against what they mean, said a value at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "tests/kernel/kernel_cases.h"

static kernel_room values_room;
static kernel_room output_room;

static int open_rooms(void **state)
{
    (void)state;
    values_room = kernel_room_new((size_t)KERNEL_LONGEST * 8);
    output_room = kernel_room_new((size_t)KERNEL_LONGEST * 8);
    return 0;
}

static int close_rooms(void **state)
{
    (void)state;
    kernel_room_free(&values_room);
    kernel_room_free(&output_room);
    return 0;
}

static uint64_t *random_values(size_t count, unsigned width, uint64_t *seed)
{
    uint64_t *values = kernel_room_end(&values_room, count * sizeof *values);
    for (size_t i = 0; i < count; i++) {
        values[i] = width == 0 ? 0 : kernel_random(seed) >> (64 - width) >> (kernel_random(seed) % 2 * (width / 2));
    }
    return values;
}

static unsigned width_of(uint64_t value)
{
    unsigned width = 0;
    for (; value != 0; value >>= 1) {
        width++;
    }
    return width;
}

static void check_widths(const wendi_kernels *table, const uint64_t *values, size_t count, uint64_t with)
{
    uint16_t expected[3][65] = {{0}};
    uint16_t counts[3][65] = {{0}};
    for (size_t i = 0; i < count; i++) {
        expected[0][width_of(values[i] - with)]++;
    }
    for (size_t i = 1; i < count; i++) {
        const uint64_t step = values[i] - values[i - 1];
        expected[1][width_of(step >> 63 != 0 ? ~(step << 1) : step << 1)]++;
        expected[2][width_of(step & with)]++;
    }
    table->offset_widths_u64(values, count, with, counts[0]);
    table->step_widths_u64(values, count, counts[1]);
    table->rise_widths_u64(values, count, with, counts[2]);
    assert_memory_equal(counts, expected, sizeof counts);
}

static void check_bounds(const wendi_kernels *table, const uint64_t *values, size_t count)
{
    uint64_t least = values[0];
    uint64_t greatest = values[0];
    int64_t step_least = INT64_MAX;
    int64_t step_greatest = INT64_MIN;
    uint64_t min;
    uint64_t max;
    int64_t step_min;
    int64_t step_max;
    size_t equal = 0;
    for (size_t i = 0; i < count; i++) {
        least = values[i] < least ? values[i] : least;
        greatest = values[i] > greatest ? values[i] : greatest;
        equal += values[i] == values[count / 2];
        if (i > 0) {
            const int64_t step = (int64_t)(values[i] - values[i - 1]);
            step_least = step < step_least ? step : step_least;
            step_greatest = step > step_greatest ? step : step_greatest;
        }
    }
    table->step_bounds_u64(values, count, &min, &max, &step_min, &step_max);
    assert_true(min == least && max == greatest && step_min == step_least && step_max == step_greatest);
    assert_int_equal(table->equal_u64(values, count, values[count / 2]), equal);
}

static void numbers_are_counted(void **state)
{
    (void)state;
    const wendi_kernels *table;
    uint64_t seed = 15;
    for (unsigned index = 0; (table = wendi_kernels_at(index)) != NULL; index++) {
        for (unsigned width = 0; width <= 64; width++) {
            for (size_t l = 0; l < KERNEL_LENGTHS; l++) {
                const size_t count = kernel_lengths[l] > WENDI_KERNEL_VALUES ? WENDI_KERNEL_VALUES : kernel_lengths[l];
                const uint64_t *values = random_values(count, width, &seed);
                const uint64_t with = width == 0 ? 0 : UINT64_MAX >> (64 - width);
                check_widths(table, values, count, with);
                check_bounds(table, values, count);
            }
        }
    }
}

static void runs_are_collected(void **state)
{
    (void)state;
    const wendi_kernels *table;
    uint64_t seed = 17;
    for (unsigned index = 0; (table = wendi_kernels_at(index)) != NULL; index++) {
        for (unsigned round = 0; round < 400; round++) {
            const size_t count = kernel_lengths[round % KERNEL_LENGTHS];
            const uint64_t often = 1 + kernel_random(&seed) % 60;
            uint64_t *values = kernel_room_end(&values_room, count * sizeof *values);
            static uint64_t run_values[KERNEL_LONGEST];
            uint64_t *ends = kernel_room_end(&output_room, count * sizeof *ends);
            for (size_t i = 0; i < count; i++) {
                values[i] = i == 0 || kernel_random(&seed) % often == 0 ? kernel_random(&seed) % 3 : values[i - 1];
            }
            const size_t runs = table->collect_runs_u64(values, count, run_values, ends);
            size_t run = 0;
            for (size_t i = 0; i < count; i++) {
                assert_true(run < runs && values[i] == run_values[run]);
                if (i + 1 == count || values[i + 1] != values[i]) {
                    assert_int_equal(ends[run], i + 1);
                    run++;
                }
            }
            assert_int_equal(run, runs);
        }
    }
}

/* Codes: narrow numbers, often the same as the one before, often 0. */
static uint32_t *random_codes(size_t count, uint64_t most, uint64_t *seed)
{
    uint32_t *codes = kernel_room_end(&values_room, count * sizeof *codes);
    for (size_t i = 0; i < count; i++) {
        codes[i] = i > 0 && kernel_random(seed) % 4 != 0 ? codes[i - 1] : (uint32_t)(kernel_random(seed) % most);
    }
    return codes;
}

static void check_codes(const wendi_kernels *table, const uint32_t *codes, size_t count, bool few)
{
    static uint64_t run_values[KERNEL_LONGEST];
    uint64_t *out = kernel_room_end(&output_room, count * sizeof *out);
    size_t changes = 0;
    uint32_t nulls = 0;
    uint32_t low = UINT32_MAX;
    uint32_t high = 0;
    uint64_t mask = 0;
    for (size_t i = 0; i < count; i++) {
        changes += i > 0 && codes[i] != codes[i - 1];
        nulls += codes[i] == 0;
        low = codes[i] != 0 && codes[i] < low ? codes[i] : low;
        high = codes[i] > high ? codes[i] : high;
        mask |= few ? UINT64_C(1) << codes[i] : 0;
    }
    assert_int_equal(table->changes_u32(codes, count), changes);
    assert_true(!few || table->code_mask_u32(codes, count) == mask);
    table->widen_u32(codes, count, out);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(out[i], codes[i]);
    }
    assert_int_equal(table->collect_runs_u32(codes, count, run_values, out), changes + 1);
    for (size_t i = 0, run = 0; i < count; i++) {
        run += i == out[run];
        assert_int_equal(run_values[run], codes[i]);
    }
    uint32_t zeros;
    uint32_t least;
    uint32_t greatest;
    table->code_bounds_u32(codes, count, &zeros, &least, &greatest);
    assert_true(zeros == nulls && greatest == high && (high == 0 || least == low));
}

static void codes_are_told(void **state)
{
    (void)state;
    const wendi_kernels *table;
    uint64_t seed = 18;
    for (unsigned index = 0; (table = wendi_kernels_at(index)) != NULL; index++) {
        for (unsigned round = 0; round < 400; round++) {
            const uint64_t most = round % 3 == 0 ? 64 : round % 3 == 1 ? 1 + round : UINT64_C(1) << 32;
            const size_t count = kernel_lengths[round % KERNEL_LENGTHS];
            check_codes(table, random_codes(count, most, &seed), count, most <= 64);
        }
    }
}

/* Numbers of 1 to 32 bits, as many as fit into a word, and out of it again. */
static void lanes_share_words(void **state)
{
    (void)state;
    enum { LANES = 64 };
    const wendi_kernels *table;
    static uint32_t numbers[LANES][KERNEL_LONGEST];
    uint64_t seed = 19;
    for (unsigned index = 0; (table = wendi_kernels_at(index)) != NULL; index++) {
        for (unsigned round = 0; round < 100; round++) {
            const size_t count = kernel_lengths[round % KERNEL_LENGTHS];
            uint64_t *words = kernel_room_end(&values_room, count * sizeof *words);
            uint32_t *taken = kernel_room_end(&output_room, count * sizeof *taken);
            unsigned widths[LANES];
            unsigned shifts[LANES];
            unsigned lanes = 0;
            for (unsigned used = 0; used < 64; used += widths[lanes++]) {
                const unsigned width = 1 + (unsigned)(kernel_random(&seed) % 32);
                widths[lanes] = width < 64 - used ? width : 64 - used;
                shifts[lanes] = used;
                for (size_t i = 0; i < count; i++) {
                    numbers[lanes][i] = (uint32_t)(kernel_random(&seed) >> (64 - widths[lanes]));
                }
                if (used == 0) {
                    table->widen_u32(numbers[lanes], count, words);
                } else {
                    table->add_lane_u32(numbers[lanes], count, used, words);
                }
            }
            for (unsigned lane = 0; lane < lanes; lane++) {
                table->take_lane_u32(words, count, shifts[lane], widths[lane], taken);
                assert_memory_equal(taken, numbers[lane], count * sizeof *taken);
            }
        }
    }
}

static void nulls_have_no_bounds(void **state)
{
    (void)state;
    const wendi_kernels *table;
    uint64_t seed = 20;
    for (unsigned index = 0; (table = wendi_kernels_at(index)) != NULL; index++) {
        for (unsigned round = 0; round < 200; round++) {
            const size_t count = kernel_lengths[round % KERNEL_LENGTHS];
            const int64_t *values = (const int64_t *)random_values(count, 64, &seed);
            uint8_t *nulls = kernel_room_end(&output_room, count);
            int64_t least = INT64_MAX;
            int64_t greatest = INT64_MIN;
            int64_t min;
            int64_t max;
            for (size_t i = 0; i < count; i++) {
                nulls[i] = kernel_random(&seed) % 10 < round % 11;
                least = nulls[i] == 0 && values[i] < least ? values[i] : least;
                greatest = nulls[i] == 0 && values[i] > greatest ? values[i] : greatest;
            }
            table->min_max_present_i64(values, nulls, count, &min, &max);
            assert_true(min == least && max == greatest);
        }
    }
}

static uint64_t inverse_of(uint64_t odd)
{
    uint64_t inverse = 1;
    for (unsigned bit = 1; bit < 64; bit++) { /* one bit of the product at a time */
        if ((odd * inverse >> bit & 1) != 0) {
            inverse |= UINT64_C(1) << bit;
        }
    }
    return inverse;
}

static void multiples_are_told_and_divided(void **state)
{
    (void)state;
    const wendi_kernels *table;
    uint64_t seed = 16;
    for (unsigned index = 0; (table = wendi_kernels_at(index)) != NULL; index++) {
        for (unsigned round = 0; round < 300; round++) {
            const size_t count = kernel_lengths[round % KERNEL_LENGTHS];
            const unsigned shift = (unsigned)(kernel_random(&seed) % 40) * (round % 2);
            const uint64_t odd = round % 5 == 0 ? 1 : kernel_random(&seed) >> (41 + kernel_random(&seed) % 22) | 1;
            const uint64_t divisor = odd << shift;
            const uint64_t base = kernel_random(&seed);
            uint64_t *values = random_values(count, 64, &seed);
            uint64_t *out = kernel_room_end(&output_room, count * sizeof *out);
            for (size_t i = 0; i < count; i++) {
                values[i] = base + values[i] / divisor * divisor;
            }
            const uint64_t inverse = inverse_of(odd);
            assert_true(odd * inverse == 1);
            assert_int_equal(
                table->indivisible_u64(values, count, base, inverse, shift, UINT64_MAX / divisor), count);
            table->divide_exactly_u64(values, count, base, inverse, shift, out);
            for (size_t i = 0; i < count; i++) {
                assert_true(out[i] == (values[i] - base) / divisor);
            }
            const size_t wrong = kernel_random(&seed) % count;
            values[wrong]++;
            const bool still = (values[wrong] - base) % divisor == 0;
            assert_int_equal(table->indivisible_u64(values, count, base, inverse, shift, UINT64_MAX / divisor),
                             still ? count : wrong);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_counted),
        cmocka_unit_test(runs_are_collected), cmocka_unit_test(codes_are_told),
        cmocka_unit_test(lanes_share_words), cmocka_unit_test(nulls_have_no_bounds),
        cmocka_unit_test(multiples_are_told_and_divided),
    };
    return cmocka_run_group_tests(tests, open_rooms, close_rooms);
}
