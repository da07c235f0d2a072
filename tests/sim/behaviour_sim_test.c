/*
 * The pure parts of the behavioural functions against the oracle that tries everything: chains,
 * attempts and sessions of random small histories with many ties, repeats and overlapping
 * predicates, under random options.
 *
 * WEND_TEST_SEED picks other histories, WEND_TEST_HISTORIES says how many. A failure prints the
 * history whole, so that it can be read beside docs/SEMANTICS.md.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/behaviour_oracle.h"

enum { ROWS_MAX = 12, CELLS = 2, EXCLUDE_FLAG = 5, EXCLUDE_AFTER_FLAG = 6, FLAG_WORDS = 2 };
enum { HISTORIES = 500000 };
#define US_PER_DAY (INT64_C(86400) * 1000000)

static uint64_t random_state;

static uint64_t random_next(void)
{
    uint64_t z = (random_state += UINT64_C(0x9e3779b97f4a7c15)); /* splitmix64 */
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint32_t below(uint32_t limit)
{
    return (uint32_t)(random_next() % limit);
}

static bool one_in(uint32_t n)
{
    return below(n) == 0;
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

/* ---- histories ---- */

typedef struct history {
    int64_t times[ROWS_MAX];
    uint64_t flags[ROWS_MAX * FLAG_WORDS];
    uint64_t cells[CELLS][ROWS_MAX];
    uint8_t nulls[CELLS][ROWS_MAX];
    const uint64_t *cell_view[CELLS];
    const uint8_t *null_view[CELLS];
    uint32_t rows[ROWS_MAX]; /* those that take part */
    uint32_t row_count;
    wendi_user_rows user;
} history;

static void set_flag(history *of, uint32_t row, uint32_t flag)
{
    of->flags[row * FLAG_WORDS + flag / 64] |= UINT64_C(1) << (flag % 64);
}

static void make_history(history *of, uint32_t step_count, uint32_t rows_most, int64_t step_us)
{
    uint32_t count = 1 + below(rows_most);
    uint32_t density = 1 + below(4); /* of matches */
    uint32_t spread = 1 + below(5);  /* of times: few means ties */
    int64_t time = (int64_t)below(7) * step_us - 3 * step_us;

    memset(of, 0, sizeof *of);
    for (uint32_t row = 0; row < count; row++) {
        time += (int64_t)below(spread) * step_us;
        of->times[row] = time;
        for (uint32_t step = 0; step < step_count; step++) {
            if (one_in(1 + density)) {
                set_flag(of, row, step);
            }
        }
        if (one_in(4)) {
            set_flag(of, row, EXCLUDE_FLAG);
        }
        for (uint32_t step = 0; step + 1 < step_count; step++) {
            if (one_in(5)) {
                set_flag(of, row, EXCLUDE_AFTER_FLAG + step);
            }
        }
        for (uint32_t cell = 0; cell < CELLS; cell++) {
            of->cells[cell][row] = below(3);
            of->nulls[cell][row] = one_in(4);
        }
        if (!one_in(8)) {
            of->rows[of->row_count++] = row; /* as a session's rows are some of a user's */
        }
    }
    for (uint32_t cell = 0; cell < CELLS; cell++) {
        of->cell_view[cell] = of->cells[cell];
        of->null_view[cell] = of->nulls[cell];
    }
    of->user = (wendi_user_rows){.row_count = count,
                                 .times = of->times,
                                 .flags = of->flags,
                                 .flag_words = FLAG_WORDS,
                                 .cells = of->cell_view,
                                 .nulls = of->null_view};
}

static void print_history(const history *of, uint32_t step_count)
{
    for (uint32_t i = 0; i < of->row_count; i++) {
        uint32_t row = of->rows[i];
        fprintf(stderr, "  row %u @%lld steps", row, (long long)of->times[row]);
        for (uint32_t step = 0; step < step_count; step++) {
            if (wendi_user_flag(&of->user, row, step)) {
                fprintf(stderr, " %u", step + 1);
            }
        }
        fprintf(stderr, wendi_user_flag(&of->user, row, EXCLUDE_FLAG) ? " excludes" : "");
        for (uint32_t step = 0; step + 1 < step_count; step++) {
            if (wendi_user_flag(&of->user, row, EXCLUDE_AFTER_FLAG + step)) {
                fprintf(stderr, " excludes_%u", step + 1);
            }
        }
        fprintf(stderr, "\n");
    }
}

/* ---- rules ---- */

/* What funnel() would accept, and nothing that it refuses. */
static void make_rule(wendi_funnel_rule *rule, bool attempts)
{
    memset(rule, 0, sizeof *rule);
    memset(rule->exclude_after, 0xff, sizeof rule->exclude_after);
    rule->exclude = WENDI_NO_FLAG;
    rule->step_count = 1 + below(5);
    rule->ordering = attempts ? WENDI_FUNNEL_LOOSE : (wendi_funnel_ordering)below(4);
    rule->within_us = below(14);
    rule->entry_first = one_in(4);
    rule->reuse_rows = one_in(3);
    rule->has_since = one_in(4);
    rule->since_us = (int64_t)below(8) - 2;
    rule->has_until = one_in(4);
    rule->until_us = (int64_t)below(14);
    rule->as_of_us = below(30);
    if (rule->ordering == WENDI_FUNNEL_ANY) {
        return;
    }
    rule->strict_increase = !rule->reuse_rows && one_in(3);
    rule->has_step_gap = one_in(3);
    rule->step_gap_us = below(7);
    if (one_in(4)) {
        rule->exclude = EXCLUDE_FLAG;
    }
    for (uint32_t step = 0; step + 1 < rule->step_count; step++) {
        if (one_in(8)) {
            rule->exclude_after[step] = EXCLUDE_AFTER_FLAG + step;
        }
        rule->has_exclude = rule->has_exclude || rule->exclude_after[step] != WENDI_NO_FLAG;
    }
    rule->has_exclude = rule->has_exclude || rule->exclude != WENDI_NO_FLAG;
    if (one_in(3)) {
        for (uint32_t step = 1; step + 1 < rule->step_count; step++) {
            rule->optional[step] = one_in(2);
            rule->has_optional = rule->has_optional || rule->optional[step];
        }
    }
}

static void print_rule(const wendi_funnel_rule *rule)
{
    static const char *const orderings[] = {"loose", "sequence", "adjacent", "any"};
    fprintf(stderr, "  %u steps, within %lld, %s%s%s%s", rule->step_count,
            (long long)rule->within_us, orderings[rule->ordering],
            rule->strict_increase ? ", strict_increase" : "",
            rule->reuse_rows ? ", reuse_rows" : "", rule->entry_first ? ", entry first" : "");
    if (rule->has_step_gap) {
        fprintf(stderr, ", step_gap %lld", (long long)rule->step_gap_us);
    }
    if (rule->has_since) {
        fprintf(stderr, ", since %lld", (long long)rule->since_us);
    }
    if (rule->has_until) {
        fprintf(stderr, ", until %lld", (long long)rule->until_us);
    }
    fprintf(stderr, ", as_of %lld%s", (long long)rule->as_of_us,
            rule->exclude != WENDI_NO_FLAG ? ", exclude" : "");
    for (uint32_t step = 0; step < rule->step_count; step++) {
        if (rule->exclude_after[step] != WENDI_NO_FLAG) {
            fprintf(stderr, ", exclude_%u", step + 1);
        }
        if (rule->optional[step]) {
            fprintf(stderr, ", optional_%u", step + 1);
        }
    }
    fprintf(stderr, "\n");
}

/* ---- chains ---- */

/* Rows that a chain does not hold may be left as they were: only those it says it holds are
 * compared. */
static uint32_t row_held(const wendi_funnel_rule *rule, const wendi_funnel_chain *chain,
                         uint32_t step)
{
    bool listed = chain->level > 0 && (step < chain->level || rule->has_optional);
    return listed ? chain->rows[step] : WENDI_NO_ROW;
}

static bool same_chain(const wendi_funnel_rule *rule, const wendi_funnel_chain *a,
                       const wendi_funnel_chain *b)
{
    bool same = a->level == b->level && a->immature == b->immature && a->excluded == b->excluded;
    for (uint32_t step = 0; step < rule->step_count; step++) {
        same = same && row_held(rule, a, step) == row_held(rule, b, step);
    }
    return same;
}

static void print_chain(const char *who, const wendi_funnel_rule *rule,
                        const wendi_funnel_chain *chain)
{
    fprintf(stderr, "  %s: level %u%s%s, rows", who, chain->level,
            chain->immature ? ", immature" : "", chain->excluded ? ", excluded" : "");
    for (uint32_t step = 0; step < rule->step_count; step++) {
        fprintf(stderr, " %d", (int)row_held(rule, chain, step));
    }
    fprintf(stderr, "\n");
}

static void chains_equal_the_oracle(void **state)
{
    wendi_funnel_scratch scratch = {0};
    uint64_t histories = setting("WEND_TEST_HISTORIES", HISTORIES);
    uint64_t levels[6] = {0};
    uint64_t excluded = 0;
    uint64_t immature = 0;
    (void)state;
    random_state = setting("WEND_TEST_SEED", 1);
    for (uint64_t i = 0; i < histories; i++) {
        wendi_funnel_rule rule;
        wendi_funnel_chain expected;
        wendi_funnel_chain found;
        wend_error error = {0};
        history of;
        make_rule(&rule, false);
        make_history(&of, rule.step_count, rule.ordering == WENDI_FUNNEL_ANY ? 7 : 10, 1);
        behaviour_oracle_funnel(&rule, &of.user, of.rows, of.row_count, &expected);
        assert_int_equal(
            wendi_funnel_match(&scratch, &rule, &of.user, of.rows, of.row_count, &found, &error),
            WEND_OK);
        if (!same_chain(&rule, &expected, &found)) {
            fprintf(stderr, "history %llu:\n", (unsigned long long)i);
            print_rule(&rule);
            print_history(&of, rule.step_count);
            print_chain("expected", &rule, &expected);
            print_chain("found", &rule, &found);
            fail();
        }
        levels[expected.level]++;
        excluded += expected.excluded;
        immature += expected.immature;
    }
    wendi_arena_free(&scratch.arena);
    if (histories >= HISTORIES) { /* the histories ask something */
        for (uint32_t level = 0; level <= 5; level++) {
            assert_true(levels[level] > 1000);
        }
        assert_true(excluded > 1000 && immature > 1000);
    }
}

/* ---- attempts ---- */

typedef struct attempts_found {
    wendi_funnel_chain chains[ROWS_MAX + 1];
    uint32_t count;
} attempts_found;

static wend_status take_attempt(void *context, const wendi_funnel_chain *chain, wend_error *error)
{
    attempts_found *found = context;
    (void)error;
    assert_true(found->count < ROWS_MAX);
    found->chains[found->count++] = *chain;
    return WEND_OK;
}

static void attempts_equal_the_oracle(void **state)
{
    uint64_t histories = setting("WEND_TEST_HISTORIES", HISTORIES);
    uint64_t several = 0;
    (void)state;
    random_state = setting("WEND_TEST_SEED", 2);
    for (uint64_t i = 0; i < histories; i++) {
        wendi_funnel_rule rule;
        wendi_funnel_chain expected[ROWS_MAX];
        attempts_found found = {.count = 0};
        wend_error error = {0};
        history of;
        make_rule(&rule, true);
        make_history(&of, rule.step_count, ROWS_MAX, 1);
        uint32_t count =
            behaviour_oracle_attempts(&rule, &of.user, of.rows, of.row_count, expected, ROWS_MAX);
        assert_int_equal(wendi_funnel_attempts(&rule, &of.user, of.rows, of.row_count, take_attempt,
                                               &found, &error),
                         WEND_OK);
        bool same = count == found.count;
        for (uint32_t a = 0; a < count && same; a++) {
            same = same_chain(&rule, &expected[a], &found.chains[a]);
        }
        if (!same) {
            fprintf(stderr, "history %llu:\n", (unsigned long long)i);
            print_rule(&rule);
            print_history(&of, rule.step_count);
            for (uint32_t a = 0; a < count; a++) {
                print_chain("expected", &rule, &expected[a]);
            }
            for (uint32_t a = 0; a < found.count; a++) {
                print_chain("found", &rule, &found.chains[a]);
            }
            fail();
        }
        several += count > 1;
    }
    if (histories >= HISTORIES) {
        assert_true(several > 1000);
    }
}

/* ---- sessions ---- */

static void sessions_equal_the_oracle(void **state)
{
    uint64_t histories = setting("WEND_TEST_HISTORIES", HISTORIES);
    (void)state;
    random_state = setting("WEND_TEST_SEED", 3);
    for (uint64_t i = 0; i < histories; i++) {
        wendi_session_rule rule = {.use_gap = !one_in(4),
                                   .key_cell = one_in(2) ? 0 : WENDI_NO_CELL,
                                   .value_cell = one_in(3) ? 1 : WENDI_NO_CELL,
                                   .day_zone = one_in(3) ? wendi_timezone_utc() : NULL};
        int64_t unit = one_in(2) ? WENDI_SESSION_GAP_US : US_PER_DAY / 4;
        uint32_t expected[ROWS_MAX];
        uint32_t found[ROWS_MAX];
        uint32_t scratch[ROWS_MAX];
        history of;
        rule.use_gap = rule.use_gap || rule.key_cell == WENDI_NO_CELL;
        rule.gap_us = unit * below(4) - (one_in(2) ? 1 : 0);
        rule.gap_us = rule.gap_us < 0 ? 0 : rule.gap_us;
        make_history(&of, 1, ROWS_MAX, unit);
        uint32_t count = behaviour_oracle_sessions(&rule, &of.user, expected);
        assert_int_equal(wendi_session_split(&rule, &of.user, found, scratch), count);
        assert_memory_equal(found, expected, of.user.row_count * sizeof *found);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chains_equal_the_oracle),
        cmocka_unit_test(attempts_equal_the_oracle),
        cmocka_unit_test(sessions_equal_the_oracle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
