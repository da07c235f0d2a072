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

#include "engine/base/alloc.h"
#include "engine/io/fault_io.h"
#include "engine/table/compaction.h"
#include "tests/support/table_fixture.h"

enum { COMMITS = 6, COMMIT_ROWS = 30, ROWS = COMMITS * COMMIT_ROWS };

static char base[64];
static wendi_io *inner;

/* Two files a step, so that one may be there when the other fails. */
static const wendi_compaction_options options = {
    .target_file_bytes = 16 * 1024, .window_rows_min = 10, .row_group_rows = 70};

static wend_status work(wendi_io *io, const char *store, wend_error *error)
{
    wendi_writer_options writes = {.takes_no_rows = true};
    wendi_table *table = NULL;
    wendi_table_writer *writer = NULL;
    wend_status status = WEND_OK;
    WEND_TRY(wendi_table_open_io(io, store, wendi_string_of("t"), &table, error));
    WEND_TRY(wendi_table_writer_open(table, &writes, &writer, error));
    WEND_TRY(wendi_table_writer_compact(writer, &options, NULL, NULL, error));
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
    if (wendi_table_open_io(inner, store, wendi_string_of("t"), &table, &error) != WEND_OK ||
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

static void recover(const char *store, bool acknowledged)
{
    bool merged;
    wend_error error = {0};
    check_content(store, &merged);
    if (acknowledged && !merged) {
        fail_msg("was told to be merged and is not");
    }
    if (work(inner, store, &error) != WEND_OK) {
        fail_msg("the next compaction cannot go on: %s", error.message);
    }
    check_content(store, &merged);
    assert_true(merged);
}

static int begin_group(void **unused)
{
    wendi_table *table;
    wendi_table_writer *writer;
    char store[80];
    (void)unused;
    fixture_folder_make(base);
    snprintf(store, sizeof store, "%s/base", base);
    assert_int_equal(wendi_io_open("posix", &inner, NULL), WEND_OK);
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
    wendi_io_close(inner);
    fixture_folder_remove(base);
    return 0;
}

static const char *fresh_store(void)
{
    static char store[80];
    snprintf(store, sizeof store, "%s/work", base);
    fixture_shell("rm -rf '%s' && cp -r '%s/base' '%s'", store, base, store);
    return store;
}

static int64_t count_operations(void)
{
    wendi_io *io;
    const char *store = fresh_store();
    wendi_fault_plan plan = wendi_fault_plan_none();
    assert_int_equal(wendi_fault_io_open(inner, NULL, &plan, &io, NULL), WEND_OK);
    assert_int_equal(work(io, store, NULL), WEND_OK);
    int64_t operations = wendi_fault_io_operations(io);
    wendi_io_close(io);
    recover(store, true);
    return operations;
}

/* Files under seg/ beyond those that the log names. */
static uint32_t count_leftovers(const char *store)
{
    char path[128];
    wendi_arena arena = {0};
    wendi_io_entry *entries;
    uint32_t count;
    snprintf(path, sizeof path, "%s/t/seg", store);
    assert_int_equal(wendi_io_list(inner, path, &arena, &entries, &count, NULL), WEND_OK);
    wendi_arena_free(&arena);
    return count - COMMITS;
}

static void fail_each(wendi_fault_plan plan, bool tidy)
{
    int64_t operations = count_operations();
    assert_true(operations > 40);
    for (int64_t at = 0; at < operations; at++) {
        wendi_io *io;
        wend_error error = {0};
        bool merged;
        const char *store = fresh_store();
        plan.fail_at = at;
        plan.seed = (uint64_t)at;
        assert_int_equal(wendi_fault_io_open(inner, NULL, &plan, &io, NULL), WEND_OK);
        wend_status status = work(io, store, &error);
        wendi_io_close(io);
        if (status != WEND_OK && error.message[0] == '\0') {
            fail_msg("operation %lld: no message", (long long)at);
        }
        check_content(store, &merged);
        if (tidy && status == WEND_IO && !merged) { /* at most what was being published then */
            assert_true(count_leftovers(store) <= 2);
        }
        recover(store, status == WEND_OK);
    }
}

static void every_operation_may_fail(void **state)
{
    (void)state;
    fail_each((wendi_fault_plan){.power_lost_at = -1}, true);
}

static void the_disk_may_be_full_from_then_on(void **state)
{
    (void)state;
    fail_each(
        (wendi_fault_plan){
            .power_lost_at = -1, .fail_after_too = true, .torn = true, .error_code = ENOSPC},
        false);
}

static void only_the_answer_may_be_lost(void **state)
{
    (void)state;
    fail_each((wendi_fault_plan){.power_lost_at = -1, .carried_out = true}, false);
}

static void power_may_fail_at_any_operation(void **state)
{
    int64_t operations = count_operations();
    char after[80];
    (void)state;
    snprintf(after, sizeof after, "%s/after", base);
    for (int64_t at = 0; at < operations; at++) {
        wendi_io *io;
        const char *store = fresh_store();
        wendi_fault_plan plan = {.fail_at = -1, .power_lost_at = at, .seed = (uint64_t)at};
        assert_int_equal(wendi_fault_io_open(inner, store, &plan, &io, NULL), WEND_OK);
        wend_status status = work(io, store, NULL);
        for (uint64_t seed = 0; seed < 2; seed++) {
            wend_error error = {0};
            fixture_shell("rm -rf '%s'", after);
            if (wendi_fault_io_power_loss(io, after, seed * 1000 + (uint64_t)at, &error) !=
                WEND_OK) {
                fail_msg("%s", error.message);
            }
            recover(after, status == WEND_OK);
        }
        wendi_io_close(io);
    }
}

static void memory_may_be_refused_at_every_call(void **state)
{
    (void)state;
    for (int64_t calls = 0;; calls += calls < 400 ? 1 : 5) {
        wend_error error = {0};
        const char *store = fresh_store();
        wendi_alloc_refuse_at(calls);
        wend_status status = work(inner, store, &error);
        wendi_alloc_refuse_at(-1);
        if (status != WEND_OK && status != WEND_NOMEM && status != WEND_IO) {
            fail_msg("call %lld: %s: %s", (long long)calls, wend_status_name(status),
                     error.message);
        }
        recover(store, status == WEND_OK);
        if (status == WEND_OK) {
            assert_true(calls > 300);
            return;
        }
    }
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
