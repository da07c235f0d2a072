/* What a scan does not read: the counters say it, and the answers stay right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>

#include "engine/base/alloc.h"
#include "tests/support/query_fixture.h"

enum { ROWS = 200000, COLUMNS = 3, USERS = 500, SEGMENT_ROWS = 100000 };

static query_fixture fixture;

static int make(void **unused)
{
    static const char ddl[] = "create table t (u text, ts timestamptz not null, n integer)"
                              " with (user_column='u', time_column='ts')";
    wendi_arena arena = {0};
    const char **cells = wendi_alloc(ROWS * COLUMNS * sizeof(const char *));
    (void)unused;

    for (uint32_t i = 0; i < ROWS; i++) {
        cells[i * COLUMNS] = wendi_arena_printf(&arena, "user %u", i % USERS);
        cells[i * COLUMNS + 1] =
            wendi_arena_printf(&arena, "2025-01-%02uT%02u:%02u:%02uZ", 1 + i / 10000,
                               i % 10000 / 3600, i % 3600 / 60, i % 60);
        cells[i * COLUMNS + 2] = wendi_arena_printf(&arena, "%u", i);
    }
    query_fixture_open(&fixture);
    query_fixture_table(&fixture, ddl, cells, ROWS * COLUMNS, SEGMENT_ROWS, 1);
    wendi_arena_free(&arena);
    wendi_free(cells);
    return 0;
}

static int drop(void **unused)
{
    (void)unused;
    query_fixture_close(&fixture);
    return 0;
}

/* The one bigint of the answer, and the counters of the scans that gave it. */
static int64_t answer(const char *sql, wendi_query_counters *counters)
{
    wendi_query_context context;
    wendi_query *query = NULL;
    wendi_batch batch;
    wend_error error = {0};

    assert_int_equal(wendi_query_context_init(&context, &error), WEND_OK);
    context.store = fixture.store;
    if (wendi_query_open(&context, wendi_string_of(sql), &query, &error) != WEND_OK ||
        wendi_query_next(query, &batch, &error) != WEND_OK) {
        fail_msg("%s", error.message);
    }
    int64_t value = batch.columns[0].i64[0];
    wendi_query_close(query);
    *counters = context.counters;
    wendi_query_context_free(&context);
    return value;
}

static void times_skip_segments_unopened(void **unused)
{
    wendi_query_counters counters;
    (void)unused;

    assert_int_equal(answer("select count(*) from t where ts < '2025-01-03' and n >= 0", &counters),
                     20000);
    assert_int_equal(counters.segments_total, 2);
    assert_int_equal(counters.segments_skipped, 1);
    assert_int_equal(answer("select count(*) from t where ts < '2020-01-01' and n >= 0", &counters),
                     0);
    assert_int_equal(counters.segments_skipped, 2);
    assert_int_equal(counters.rows_scanned, 0);
}

static void statistics_skip_what_cannot_match(void **unused)
{
    wendi_query_counters counters;
    (void)unused;

    assert_int_equal(answer("select count(*) from t where n > 150000 and n < 150002", &counters),
                     1);
    assert_int_equal(counters.segments_skipped + counters.row_groups_skipped, 1);
    assert_int_equal(answer("select count(*) from t where n > 999999999", &counters), 0);
    assert_int_equal(counters.rows_scanned, 0);
    assert_int_equal(answer("select count(*) from t where u = 'nobody'", &counters), 0);
    assert_int_equal(counters.rows_scanned, 0);
}

static void one_user_costs_one_users_rows(void **unused)
{
    wendi_query_counters counters;
    (void)unused;

    assert_int_equal(answer("select count(*) from t where u = 'user 77'", &counters), ROWS / USERS);
    assert_int_equal(counters.rows_scanned, ROWS / USERS);
    assert_int_equal(counters.rows_passed, ROWS / USERS);
    assert_int_equal(
        answer("select sum(n) from (select n from t where u = 'user 77' and n < 1000) x",
               &counters),
        77 + 577);
}

static void footers_answer_alone(void **unused)
{
    wendi_query_counters counters;
    (void)unused;

    assert_int_equal(answer("select count(*) from t", &counters), ROWS);
    assert_int_equal(counters.rows_scanned, 0);
    assert_int_equal(answer("select max(n)::bigint from t", &counters), ROWS - 1);
    assert_int_equal(counters.rows_scanned, 0);
    assert_int_equal(answer("select min(n)::bigint + count(*) from t", &counters), ROWS);
    assert_int_equal(counters.rows_scanned, 0);
    assert_int_equal(answer("select max(n + 1)::bigint from t", &counters), ROWS);
    assert_int_equal(counters.rows_scanned, ROWS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_skip_segments_unopened),
        cmocka_unit_test(statistics_skip_what_cannot_match),
        cmocka_unit_test(one_user_costs_one_users_rows),
        cmocka_unit_test(footers_answer_alone),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
