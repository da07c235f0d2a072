/* Exact sums: no order and no division of the summands changes the answer, which is correctly
 * rounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "engine/base/hash.h"
#include "query/exact_sum.h"

enum { SUMMANDS = 24 };

static uint64_t next(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    return wendi_mix64(*state);
}

static double value_of(const wendi_exact_sum *sum, double *rest)
{
    double value = 0;
    assert_int_equal(wendi_exact_sum_value(sum, &value, rest), WEND_OK);
    return value;
}

static void assert_same_bits(double a, double b)
{
    assert_memory_equal(&a, &b, sizeof a);
}

/* Doubles of any exponent, repeats with the other sign among them. */
static double any_double(uint64_t *state, const double *before, uint32_t count)
{
    uint64_t kind = next(state) % 6;
    double mantissa = (double)(int64_t)next(state) / 9.3e18;

    if (kind == 0 && count > 0) {
        return -before[next(state) % count];
    }
    if (kind == 1) {
        return ldexp(mantissa, (int)(next(state) % 2090) - 1080);
    }
    return kind == 2 ? floor(mantissa * 1e6) / 100 : ldexp(mantissa, (int)(next(state) % 160) - 80);
}

static void order_and_division_do_not_matter(void **unused)
{
    uint64_t state = 7;
    (void)unused;

    for (int round = 0; round < 20000; round++) {
        double values[SUMMANDS];
        wendi_exact_sum forward = {0}, parts[3] = {{0}};
        uint32_t count = 1 + (uint32_t)(next(&state) % SUMMANDS);
        for (uint32_t i = 0; i < count; i++) {
            values[i] = any_double(&state, values, i);
            assert_int_equal(wendi_exact_sum_add(&forward, values[i]), WEND_OK);
        }
        for (uint32_t i = count; i-- > 0;) {
            assert_int_equal(wendi_exact_sum_add(&parts[next(&state) % 3], values[i]), WEND_OK);
        }
        assert_int_equal(wendi_exact_sum_merge(&parts[2], &parts[0]), WEND_OK);
        assert_int_equal(wendi_exact_sum_merge(&parts[2], &parts[1]), WEND_OK);
        assert_same_bits(value_of(&forward, NULL), value_of(&parts[2], NULL));
        wendi_exact_sum_free(&forward);
        for (int i = 0; i < 3; i++) {
            wendi_exact_sum_free(&parts[i]);
        }
    }
}

/* Multiples of 2^-40 that an integer can follow exactly. */
static void sums_are_correctly_rounded(void **unused)
{
    uint64_t state = 11;
    (void)unused;

    for (int round = 0; round < 20000; round++) {
        wendi_exact_sum sum = {0};
        wendi_int128 exact = 0;
        for (int i = 0; i < 50; i++) {
            int64_t number = (int64_t)next(&state) >> (11 + next(&state) % 50);
            exact += number;
            assert_int_equal(wendi_exact_sum_add(&sum, ldexp((double)number, -40)), WEND_OK);
        }
        double rest = 0;
        double value = value_of(&sum, &rest);
        /* The compiler's own conversion rounds to nearest even. */
        assert_same_bits(value, ldexp((double)exact, -40));
        wendi_int128 left = exact - (wendi_int128)ldexp(value, 40);
        assert_same_bits(rest, ldexp((double)left, -40));
        wendi_exact_sum_free(&sum);
    }
}

static void cancellation_leaves_what_is_left(void **unused)
{
    static const double values[] = {1e308, 1e308, 1.0, -1e308, 5e-324, -1e308};
    wendi_exact_sum sum = {0};
    (void)unused;

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        assert_int_equal(wendi_exact_sum_add(&sum, values[i]), WEND_OK);
    }
    double rest = 0;
    assert_same_bits(value_of(&sum, &rest), 1.0);
    assert_same_bits(rest, 5e-324);
    wendi_exact_sum_free(&sum);
}

static void ends_of_range(void **unused)
{
    wendi_exact_sum sum = {0};
    (void)unused;

    for (int i = 0; i < 3; i++) {
        assert_int_equal(wendi_exact_sum_add(&sum, 5e-324), WEND_OK);
    }
    assert_same_bits(value_of(&sum, NULL), 1.5e-323);
    assert_int_equal(wendi_exact_sum_add(&sum, 1.7976931348623157e308), WEND_OK);
    assert_int_equal(wendi_exact_sum_add(&sum, 1.7976931348623157e308), WEND_OK);
    assert_true(isinf(value_of(&sum, NULL)));
    assert_int_equal(wendi_exact_sum_add(&sum, -1.7976931348623157e308), WEND_OK);
    assert_same_bits(value_of(&sum, NULL), 1.7976931348623157e308);
    assert_int_equal(wendi_exact_sum_add(&sum, (double)INFINITY), WEND_OK);
    assert_true(isinf(value_of(&sum, NULL)));
    assert_int_equal(wendi_exact_sum_add(&sum, -(double)INFINITY), WEND_OK);
    assert_true(isnan(value_of(&sum, NULL)));
    wendi_exact_sum_free(&sum);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_and_division_do_not_matter),
        cmocka_unit_test(sums_are_correctly_rounded),
        cmocka_unit_test(cancellation_leaves_what_is_left),
        cmocka_unit_test(ends_of_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
