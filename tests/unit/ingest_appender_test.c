/*
 * Rows that a program hands in again after their keys have left the window: they are not stored, and
 * the accounts say so at once and in the table, however the rows were cut into flushes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "engine/table/table_state.h"
#include "ingest/appender.h"
#include "tests/support/table_fixture.h"

enum { ROWS = 900 };

static wend_error error;

static void must(wend_status status)
{
    if (status != WEND_OK) {
        fail_msg("%s: %s (%s)", wend_status_name(status), error.message, error.hint);
    }
}

/* Lines of rows from..to-1, then a commit. */
static void append(wendi_appender *appender, int from, int to)
{
    char line[160];
    for (int i = from; i < to; i++) {
        int length = snprintf(line, sizeof line,
                              "{\"id\":%d,\"user_id\":\"u%d\",\"ts\":\"2025-03-01T%02d:%02d:00Z\"}\n", i,
                              i % 7, i / 60, i % 60);
        must(wendi_appender_json(appender, line, (size_t)length, &error));
    }
    must(wendi_appender_commit(appender, wendi_appender_position(appender) + 1, &error));
}

static void check_counts(wendi_appender *appender, int64_t taken, int64_t stored)
{
    wendi_appender_counts counts = wendi_appender_counts_now(appender);
    assert_int_equal(counts.taken, taken);
    assert_int_equal(counts.stored, stored);
    assert_int_equal(counts.deduplicated, taken - stored);
    assert_int_equal(counts.rejected, 0);
}

static void check_table(wendi_table *table, int64_t taken, int64_t stored)
{
    wendi_snapshot *snapshot;
    uint64_t rows = 0;
    must(wendi_table_snapshot(table, &snapshot, &error));
    const wendi_table_state *state = wendi_snapshot_state(snapshot);
    for (uint32_t i = 0; i < state->segment_count; i++) {
        rows += state->segments[i].row_count;
    }
    assert_int_equal(rows, stored);
    assert_int_equal(state->source_count, 1);
    assert_int_equal(state->sources[0].taken, taken);
    assert_int_equal(state->sources[0].stored, stored);
    assert_int_equal(state->sources[0].deduplicated, taken - stored);
    wendi_snapshot_release(snapshot);
}

static void old_rows_that_come_again_are_accounted_for(void **state)
{
    static const uint32_t flush_rows[] = {0, 100};
    (void)state;
    for (int round = 0; round < 2; round++) {
        wendi_appender_options options = {.flush_rows = flush_rows[round]};
        wendi_appender *appender = NULL;
        wendi_table *table = NULL;
        char store[64];
        fixture_folder_make(store);
        fixture_create(store, "CREATE TABLE t (id bigint UNIQUE, user_id text, ts timestamptz NOT NULL) "
                              "WITH (user_column = 'user_id', time_column = 'ts', unique_window = 50)");
        must(wendi_table_open(store, wendi_string_of("t"), &table, &error));
        must(wendi_appender_open(table, "program", &options, &appender, &error));
        for (int from = 0; from < ROWS; from += 300) {
            append(appender, from, from + 300);
        }
        check_counts(appender, ROWS, ROWS);
        append(appender, 0, ROWS);
        check_counts(appender, 2 * ROWS, ROWS);
        append(appender, 450, ROWS + 50);
        check_counts(appender, 3 * ROWS - 400, ROWS + 50);
        check_table(table, 3 * ROWS - 400, ROWS + 50);
        wendi_appender_close(appender);
        must(wendi_appender_open(table, "program", &options, &appender, &error));
        append(appender, 0, ROWS + 50);
        check_counts(appender, ROWS + 50, 0);
        check_table(table, 4 * ROWS - 350, ROWS + 50);
        wendi_appender_close(appender);
        wendi_table_close(table);
        fixture_verify(store);
        fixture_folder_remove(store);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(old_rows_that_come_again_are_accounted_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
