/* Columns that segments do not have, since they came later: default, null, or computed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "engine/table/table_change.h"
#include "tests/support/query_fixture.h"

static const char ddl[] = "create table t (u text, ts timestamptz not null, n integer)"
                          " with (user_column='u', time_column='ts')";
static const char *const cells[] = {"a", "2025-01-01T00:00:00Z", "1",
                                    "b", "2025-01-02T00:00:00Z", "2",
                                    "a", "2025-01-03T00:00:00Z", NULL};

static void expect(const query_fixture *fixture, const char *sql, const char *answer)
{
    for (uint32_t threads = 1; threads <= 2; threads++) {
        wendi_buffer got = {0};
        query_fixture_run(fixture, sql, threads, &got);
        assert_string_equal((const char *)got.data, answer);
        wendi_buffer_free(&got);
    }
}

static void alter(const query_fixture *fixture, const char *sql)
{
    wend_error error = {0};
    wendi_table *table = NULL;
    char request[64];

    assert_int_equal(wendi_table_open(fixture->store, wendi_string_of("t"), &table, &error),
                     WEND_OK);
    if (wendi_table_alter(table, sql, true, request, &error) != WEND_OK) {
        fail_msg("%s %s", error.message, error.hint);
    }
    wendi_table_close(table);
}

static void later_columns_read_as_they_are_declared(void **unused)
{
    query_fixture fixture;
    (void)unused;

    query_fixture_open(&fixture);
    query_fixture_table(&fixture, ddl, cells, 9, 2, 1);
    alter(&fixture, "alter table t add column plain text");
    alter(&fixture, "alter table t add column source text default 'web'");
    alter(&fixture, "alter table t add column factor integer default 10");
    alter(&fixture, "alter table t add column twice integer generated always as (n * 2) stored");
    alter(
        &fixture,
        "alter table t add column label text generated always as (u || '-' || twice::text) stored");

    expect(&fixture, "select n, plain, source, factor, twice, label from t order by n",
           "1|∅|web|10|2|a-2\n2|∅|web|10|4|b-4\n∅|∅|web|10|∅|∅\n");
    /* Computed from columns that the statement itself does not read. */
    expect(&fixture, "select label from t order by 1", "a-2\nb-4\n∅\n");
    expect(&fixture, "select count(*) from t where source = 'web' and factor between 5 and 15",
           "3\n");
    expect(&fixture, "select count(*) from t where source = 'app' or plain is not null", "0\n");
    expect(&fixture, "select count(*) from t where source = 'app'", "0\n");
    expect(&fixture, "select count(*) from t where plain is null", "3\n");
    expect(&fixture, "select n from t where label = 'b-4'", "2\n");
    expect(&fixture, "select source, sum(factor * n), count(label) from t group by source",
           "web|30|2\n");
    expect(&fixture, "select min(factor), max(source), min(twice), min(plain) from t",
           "10|web|2|∅\n");
    query_fixture_close(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(later_columns_read_as_they_are_declared)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
