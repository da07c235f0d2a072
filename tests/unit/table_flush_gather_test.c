/* Codes of many columns in row order, against one look-up after another: any widths, strips with dead slots between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "engine/table/flush_gather.h"
#include "tests/support/segment_fixture.h"

enum { SLOTS = 5000, LANES = 40, STRIPS = 6 };

static uint32_t codes[LANES][SLOTS];
static uint32_t ordered[LANES][SLOTS];
static uint32_t rows[SLOTS];
static uint64_t words[SLOTS];

/* Slots that live, in strips; all of them for a builder without strips. Returns how many rows there are. */
static uint32_t make_rows(wendi_row_builder *builder, wendi_row_strip *strips, bool whole, uint64_t *seed)
{
    uint32_t count = 0;
    uint32_t at = 0;
    if (whole) {
        builder->row_count = 1 + (uint32_t)random_below(seed, SLOTS);
        for (; count < builder->row_count; count++) {
            rows[count] = count;
        }
        return count;
    }
    builder->strips = strips;
    for (uint32_t s = 0; s < STRIPS; s++) {
        strips[s].first = at + (uint32_t)random_below(seed, 100);
        strips[s].count = 1 + (uint32_t)random_below(seed, SLOTS / STRIPS - 100);
        at = strips[s].first + strips[s].count;
        for (uint32_t i = strips[s].first; i < at; i++) {
            rows[count++] = i;
        }
    }
    builder->strip_count = STRIPS;
    builder->row_count = count;
    return count;
}

static void shuffle(uint32_t count, uint64_t *seed)
{
    for (uint32_t i = count; i > 1; i--) {
        const uint32_t other = (uint32_t)random_below(seed, i);
        const uint32_t row = rows[other];
        rows[other] = rows[i - 1];
        rows[i - 1] = row;
    }
}

static void check(uint32_t lane_count, bool whole, uint64_t *seed)
{
    wendi_row_strip strips[STRIPS] = {{0}};
    wendi_row_builder builder = {.row_capacity = SLOTS};
    wendi_code_lane lanes[LANES];
    uint32_t count = make_rows(&builder, strips, whole, seed);
    shuffle(count, seed);
    count -= (uint32_t)random_below(seed, count); /* some were left out */
    for (uint32_t c = 0; c < lane_count; c++) {
        const uint32_t most = (uint32_t)(UINT64_C(1) << random_below(seed, 33)) - (uint32_t)random_below(seed, 2);
        for (uint32_t i = 0; i < SLOTS; i++) {
            codes[c][i] = most == 0 ? 0 : (uint32_t)random_below(seed, most);
        }
        lanes[c] = (wendi_code_lane){.codes = codes[c], .code_count = most, .ordered = ordered[c]};
    }
    wendi_row_order order = {.rows = rows, .row_count = count};
    wendi_gather_codes(&builder, &order, lanes, lane_count, words);
    for (uint32_t c = 0; c < lane_count; c++) {
        for (uint32_t i = 0; i < count; i++) {
            assert_int_equal(ordered[c][i], codes[c][rows[i]]);
        }
    }
}

static void every_lane_is_in_row_order(void **state)
{
    uint64_t seed = 31;
    (void)state;
    for (uint32_t lane_count = 0; lane_count <= LANES; lane_count++) {
        check(lane_count, true, &seed);
        check(lane_count, false, &seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_lane_is_in_row_order)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
