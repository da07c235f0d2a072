/*
 * Compaction while things fail: every file operation in turn (error, a full disk from then on, torn
 * writes, a lost answer), power loss at any moment, memory refused at every call. Whatever
 * happened, the table holds all its rows, in the segments from before or in the merged ones,
 * verifies clean, and the next compaction brings it to its end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/table/compaction.h"
#include "tests/support/store_faults.h"
#include "tests/support/table_fixture.h"

enum { COMMITS = 6, COMMIT_ROWS = 30, ROWS = COMMITS * COMMIT_ROWS };

static wend_status work(wendi_io *io, const char *store, int64_t *acknowledged, wend_error *error);
static void recover(const char *store, int64_t acknowledged);
static store_faults faults = {.work = work, .recover = recover, .operations_min = 40, .calls_min = 300};

/* Two files a step, so that one may be there when the other fails. */
static const wendi_compaction_options options = {
    .target_file_bytes = 16 * 1024, .window_rows_min = 10, .row_group_rows = 70};

static wend_status work(wendi_io *io, const char *store, int64_t *acknowledged, wend_error *error)
{
    wendi_writer_options writes = {.takes_no_rows = true};
    wendi_table *table = NULL;
    wendi_table_writer *writer = NULL;
    wend_status status = WEND_OK;
    WEND_TRY(wendi_table_open_io(io, store, wendi_string_of("t"), &table, error));
    WEND_TRY(wendi_table_writer_open(table, &writes, &writer, error));
    WEND_TRY(wendi_table_writer_compact(writer, &options, NULL, NULL, error));
    *acknowledged = 1;
cleanup:
    wendi_table_writer_close(writer);
    wendi_table_close(table);
    return status;
}

/* All rows are there; *merged says in which segments. */
static void check_content(const char *store, bool *merged)
{
    wendi_table *table = NULL;
    wendi_snapshot *snapshot = NULL;
    uint64_t count = 0;
    int64_t sum = 0;
    wend_error error = {0};
    if (wendi_table_open_io(faults.inner, store, wendi_string_of("t"), &table, &error) != WEND_OK ||
        wendi_table_snapshot(table, &snapshot, &error) != WEND_OK ||
        fixture_read(snapshot, &count, &sum, &error) != WEND_OK) {
        fail_msg("cannot be read any more: %s", error.message);
    }
    const wendi_table_state *state = wendi_snapshot_state(snapshot);
    assert_int_equal(count, ROWS);
    assert_int_equal(sum, ROWS * (ROWS - 1) / 2);
    *merged = state->segments[0].level != WENDI_LEVEL_INGESTED;
    for (uint32_t i = 0; i < state->segment_count; i++) { /* all or nothing */
        assert_int_equal(state->segments[i].level != WENDI_LEVEL_INGESTED, *merged);
    }
    assert_true(*merged ? state->segment_count > 1 && state->segment_count < COMMITS
                        : state->segment_count == COMMITS);
    wendi_snapshot_release(snapshot);
    wendi_table_close(table);
    fixture_verify(store);
}

static void recover(const char *store, int64_t acknowledged)
{
    int64_t again = 0;
    bool merged;
    wend_error error = {0};
    check_content(store, &merged);
    if (acknowledged != 0 && !merged) {
        fail_msg("was told to be merged and is not");
    }
    if (work(faults.inner, store, &again, &error) != WEND_OK) {
        fail_msg("the next compaction cannot go on: %s", error.message);
    }
    check_content(store, &merged);
    assert_true(merged);
}

static int begin_group(void **unused)
{
    wendi_table *table;
    wendi_table_writer *writer;
    (void)unused;
    store_faults_begin(&faults);
    const char *store = store_faults_base(&faults);
    fixture_create(store, TABLE_FIXTURE_DDL);
    assert_int_equal(wendi_table_open(store, wendi_string_of("t"), &table, NULL), WEND_OK);
    assert_int_equal(wendi_table_writer_open(table, NULL, &writer, NULL), WEND_OK);
    for (int64_t i = 0; i < COMMITS; i++) {
        assert_int_equal(
            fixture_commit(writer, i * COMMIT_ROWS, (i + 1) * COMMIT_ROWS, i == 0, NULL), WEND_OK);
    }
    wendi_table_writer_close(writer);
    wendi_table_close(table);
    return 0;
}

static int end_group(void **unused)
{
    (void)unused;
    store_faults_end(&faults);
    return 0;
}

/* Files under seg/ beyond those that the log names. */
static uint32_t count_leftovers(const char *store)
{
    char path[128];
    wendi_arena arena = {0};
    wendi_io_entry *entries;
    uint32_t count;
    snprintf(path, sizeof path, "%s/t/seg", store);
    assert_int_equal(wendi_io_list(faults.inner, path, &arena, &entries, &count, NULL), WEND_OK);
    wendi_arena_free(&arena);
    return count - COMMITS;
}

/* A merge that failed leaves at most what was being published then. */
static void check_tidy(const char *store, wend_status status)
{
    bool merged;
    check_content(store, &merged);
    assert_true(status != WEND_IO || merged || count_leftovers(store) <= 2);
}

static void every_operation_may_fail(void **state)
{
    store_faults tidy = faults;
    (void)state;
    tidy.check = check_tidy;
    store_faults_fail_each(&tidy, (wendi_fault_plan){.power_lost_at = -1});
}

static void the_disk_may_be_full_from_then_on(void **state)
{
    (void)state;
    store_faults_fail_each(&faults, (wendi_fault_plan){.power_lost_at = -1,
                                                       .fail_after_too = true,
                                                       .torn = true,
                                                       .error_code = ENOSPC});
}

static void only_the_answer_may_be_lost(void **state)
{
    (void)state;
    store_faults_fail_each(&faults, (wendi_fault_plan){.power_lost_at = -1, .carried_out = true});
}

static void power_may_fail_at_any_operation(void **state)
{
    (void)state;
    store_faults_lose_power(&faults, 2);
}

static void memory_may_be_refused_at_every_call(void **state)
{
    (void)state;
    store_faults_refuse_memory(&faults, 400, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operation_may_fail),
        cmocka_unit_test(the_disk_may_be_full_from_then_on),
        cmocka_unit_test(only_the_answer_may_be_lost),
        cmocka_unit_test(power_may_fail_at_any_operation),
        cmocka_unit_test(memory_may_be_refused_at_every_call),
    };
    return cmocka_run_group_tests(tests, begin_group, end_group);
}
