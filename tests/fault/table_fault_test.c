/*
 * A writer's whole life while things fail: every file operation in turn (error, torn write, lost
 * answer, all that follow too), power loss at any moment, memory refused at every call. Whatever
 * happened, the table opens afterwards at a commit that was asked for, not before one that was
 * acknowledged, verifies clean, and a new writer goes on from there to the same end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/table/commit_log.h"
#include "engine/table/requests.h"
#include "engine/table/table_state.h"
#include "tests/support/store_faults.h"
#include "tests/support/table_fixture.h"

enum { BASE_ROWS = 180, STEPS = 3, STEP_ROWS = 40 };

static wend_status work(wendi_io *io, const char *store, int64_t *done, wend_error *error);
static void recover(const char *store, int64_t acknowledged);
static store_faults faults = {.work = work, .recover = recover, .operations_min = 60, .calls_min = 100};

/*
 * The work: a commit that is also a checkpoint, an alter that was asked for,
 * and a commit after it. `*done` counts what was acknowledged. It can begin at any step: what the
 * table holds says which.
 */
static wend_status take_step(wendi_table_writer *writer, uint32_t step, wend_error *error)
{
    bool changed = false;
    int64_t from = BASE_ROWS + (step == 0 ? 0 : STEP_ROWS);
    return step == 1 ? wendi_table_writer_requests(writer, &changed, error)
                     : fixture_commit(writer, from, from + STEP_ROWS, step == 0 ? 2 : 0, error);
}

/* How many steps a state holds. */
static uint32_t steps_of(const wendi_table_state *state, const wendi_schema *schema)
{
    int64_t rows = wendi_state_source(state, wendi_string_of("s"), 0)->stored - BASE_ROWS;
    assert_true(rows == 0 || rows == STEP_ROWS || rows == 2 * STEP_ROWS);
    assert_true(schema->column_count == 5 || (schema->column_count == 6 && rows > 0));
    assert_true(schema->column_count == 6 || rows < 2 * STEP_ROWS); /* in this order only */
    return (uint32_t)(rows / STEP_ROWS) + (schema->column_count == 6 ? 1 : 0);
}

static wend_status work(wendi_io *io, const char *store, int64_t *done, wend_error *error)
{
    wendi_table *table = NULL;
    wendi_table_writer *writer = NULL;
    wend_status status = WEND_OK;
    WEND_TRY(wendi_table_open_io(io, store, wendi_string_of("t"), &table, error));
    WEND_TRY(wendi_table_writer_open(table, NULL, &writer, error));
    for (*done = steps_of(wendi_table_writer_state(writer), wendi_table_writer_schema(writer));
         *done < STEPS; (*done)++) {
        WEND_TRY(take_step(writer, (uint32_t)*done, error));
    }
cleanup:
    wendi_table_writer_close(writer);
    wendi_table_close(table);
    return status;
}

static void check_content(wendi_snapshot *snapshot, uint32_t steps)
{
    uint64_t count;
    int64_t sum;
    wend_error error;
    const wendi_table_state *state = wendi_snapshot_state(snapshot);
    int64_t rows = BASE_ROWS + (steps == 0 ? 0 : steps < 3 ? STEP_ROWS : 2 * STEP_ROWS);
    assert_int_equal(fixture_read(snapshot, &count, &sum, &error), WEND_OK);
    assert_int_equal(count, rows);
    assert_int_equal(sum, rows * (rows - 1) / 2);
    assert_int_equal(state->sources[0].next, rows);
    assert_int_equal(state->sources[0].rejected, steps == 0 ? 0 : 2);
    assert_int_equal(state->reject_count, steps == 0 ? 0 : 1);
}

/* With good file access: what the table holds is whole and what was acknowledged; then the work is
 * brought to its end. */
static void recover(const char *store, int64_t acknowledged)
{
    wendi_table *table = NULL;
    wendi_snapshot *snapshot = NULL;
    wend_error error = {0};
    int64_t done = 0;
    if (wendi_table_open_io(faults.inner, store, wendi_string_of("t"), &table, &error) != WEND_OK ||
        wendi_table_snapshot(table, &snapshot, &error) != WEND_OK) {
        fail_msg("does not open any more: %s", error.message);
    }
    uint32_t steps = steps_of(wendi_snapshot_state(snapshot), wendi_snapshot_schema(snapshot));
    if (steps < acknowledged || steps > acknowledged + 1) {
        fail_msg("holds %u steps, %lld were acknowledged", steps, (long long)acknowledged);
    }
    check_content(snapshot, steps);
    wendi_snapshot_release(snapshot);
    wendi_table_close(table);
    fixture_verify(store);
    if (work(faults.inner, store, &done, &error) != WEND_OK || done != STEPS) {
        fail_msg("the next writer cannot go on: %s", error.message);
    }
    fixture_verify(store);
    assert_int_equal(wendi_table_open_io(faults.inner, store, wendi_string_of("t"), &table, &error),
                     WEND_OK);
    assert_int_equal(wendi_table_snapshot(table, &snapshot, &error), WEND_OK);
    check_content(snapshot, STEPS);
    wendi_snapshot_release(snapshot);
    wendi_table_close(table);
}

/* As after the log's history time: a checkpoint, and the last commits alone. Fewer files make a
 * faster test. */
static void shorten_log(wendi_table *table)
{
    wendi_owned_state state;
    assert_int_equal(wendi_log_load(faults.inner, wendi_table_folder(table), &state, NULL), WEND_OK);
    assert_int_equal(wendi_log_checkpoint(faults.inner, wendi_table_folder(table), &state, 0, NULL),
                     WEND_OK);
    wendi_state_free(&state);
    fixture_shell(
        "cd '%s/log' && rm 000000000000000000[0-5]*.commit 0000000000000000006[01].commit",
        wendi_table_folder(table));
}

/*
 * The base: 62 commits, so that the work's first one is number 64 (its writer's epoch is one too)
 * and brings a checkpoint, and a request that waits.
 */
static int begin_group(void **unused)
{
    wendi_table *table;
    wendi_table_writer *writer;
    wendi_arena arena = {0};
    wendi_string name;
    (void)unused;
    store_faults_begin(&faults);
    const char *store = store_faults_base(&faults);
    fixture_create(store, TABLE_FIXTURE_DDL);
    assert_int_equal(wendi_table_open(store, wendi_string_of("t"), &table, NULL), WEND_OK);
    assert_int_equal(wendi_table_writer_open(table, NULL, &writer, NULL), WEND_OK);
    wendi_pending_segment *pending;
    assert_int_equal(fixture_flush(writer, 0, BASE_ROWS, &pending, NULL), WEND_OK);
    wendi_string topic = wendi_string_of("s");
    wendi_source_state source = {
        .topic = topic, .shown = topic, .next = BASE_ROWS, .taken = BASE_ROWS, .stored = BASE_ROWS};
    wendi_commit_request first = {
        .segments = &pending, .segment_count = 1, .sources = &source, .source_count = 1};
    assert_int_equal(wendi_table_writer_commit(writer, &first, NULL), WEND_OK);
    wendi_commit_request nothing = {0};
    while (wendi_table_writer_state(writer)->version < 62) {
        assert_int_equal(wendi_table_writer_commit(writer, &nothing, NULL), WEND_OK);
    }
    shorten_log(table);
    assert_int_equal(wendi_request_leave(faults.inner, wendi_table_folder(table), "alter",
                                         "ALTER TABLE t ADD COLUMN extra text", &arena, &name,
                                         NULL),
                     WEND_OK);
    wendi_table_writer_close(writer);
    wendi_table_close(table);
    wendi_arena_free(&arena);
    return 0;
}

static int end_group(void **unused)
{
    (void)unused;
    store_faults_end(&faults);
    return 0;
}

static void every_operation_may_fail(void **state)
{
    (void)state;
    store_faults_fail_each(&faults, (wendi_fault_plan){.power_lost_at = -1});
}

static void and_all_after_it(void **state)
{
    (void)state;
    store_faults_fail_each(&faults, (wendi_fault_plan){
        .power_lost_at = -1, .fail_after_too = true, .torn = true, .error_code = ENOSPC});
}

static void or_only_its_answer_may_be_lost(void **state)
{
    (void)state;
    store_faults_fail_each(&faults, (wendi_fault_plan){.power_lost_at = -1, .carried_out = true});
}

static void transfers_may_be_short(void **state)
{
    (void)state;
    store_faults_fail_each(&faults, (wendi_fault_plan){.power_lost_at = -1, .short_transfers = true, .torn = true});
}

static void power_may_fail_at_any_operation(void **state)
{
    (void)state;
    store_faults_lose_power(&faults, 3);
}

static void memory_may_be_refused_at_every_call(void **state)
{
    (void)state;
    store_faults_refuse_memory(&faults, 200, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operation_may_fail),
        cmocka_unit_test(and_all_after_it),
        cmocka_unit_test(or_only_its_answer_may_be_lost),
        cmocka_unit_test(transfers_may_be_short),
        cmocka_unit_test(power_may_fail_at_any_operation),
        cmocka_unit_test(memory_may_be_refused_at_every_call),
    };
    return cmocka_run_group_tests(tests, begin_group, end_group);
}
