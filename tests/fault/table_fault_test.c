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

#include "engine/base/alloc.h"
#include "engine/io/fault_io.h"
#include "engine/table/commit_log.h"
#include "engine/table/requests.h"
#include "engine/table/table_state.h"
#include "tests/support/table_fixture.h"

enum { BASE_ROWS = 180, STEPS = 3, STEP_ROWS = 40 };

static char base[64];
static wendi_io *inner;

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

static wend_status work(wendi_io *io, const char *store, uint32_t *done, wend_error *error)
{
    wendi_table *table = NULL;
    wendi_table_writer *writer = NULL;
    wend_status status = WEND_OK;
    WEND_TRY(wendi_table_open_io(io, store, wendi_string_of("t"), &table, error));
    WEND_TRY(wendi_table_writer_open(table, NULL, &writer, error));
    for (*done = steps_of(wendi_table_writer_state(writer), wendi_table_writer_schema(writer));
         *done < STEPS; (*done)++) {
        WEND_TRY(take_step(writer, *done, error));
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
static void recover(const char *store, uint32_t acknowledged)
{
    wendi_table *table = NULL;
    wendi_snapshot *snapshot = NULL;
    wend_error error = {0};
    uint32_t done = 0;
    if (wendi_table_open_io(inner, store, wendi_string_of("t"), &table, &error) != WEND_OK ||
        wendi_table_snapshot(table, &snapshot, &error) != WEND_OK) {
        fail_msg("does not open any more: %s", error.message);
    }
    uint32_t steps = steps_of(wendi_snapshot_state(snapshot), wendi_snapshot_schema(snapshot));
    if (steps < acknowledged || steps > acknowledged + 1) {
        fail_msg("holds %u steps, %u were acknowledged", steps, acknowledged);
    }
    check_content(snapshot, steps);
    wendi_snapshot_release(snapshot);
    wendi_table_close(table);
    fixture_verify(store);
    if (work(inner, store, &done, &error) != WEND_OK || done != STEPS) {
        fail_msg("the next writer cannot go on: %s", error.message);
    }
    fixture_verify(store);
    assert_int_equal(wendi_table_open_io(inner, store, wendi_string_of("t"), &table, &error),
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
    assert_int_equal(wendi_log_load(inner, wendi_table_folder(table), &state, NULL), WEND_OK);
    assert_int_equal(wendi_log_checkpoint(inner, wendi_table_folder(table), &state, 0, NULL),
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
    char store[80];
    (void)unused;
    fixture_folder_make(base);
    snprintf(store, sizeof store, "%s/base", base);
    assert_int_equal(wendi_io_open("posix", &inner, NULL), WEND_OK);
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
    assert_int_equal(wendi_request_leave(inner, wendi_table_folder(table), "alter",
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
    uint32_t done = 0;
    const char *store = fresh_store();
    wendi_fault_plan plan = wendi_fault_plan_none();
    assert_int_equal(wendi_fault_io_open(inner, NULL, &plan, &io, NULL), WEND_OK);
    assert_int_equal(work(io, store, &done, NULL), WEND_OK);
    int64_t operations = wendi_fault_io_operations(io);
    wendi_io_close(io);
    recover(store, STEPS);
    return operations;
}

static void fail_each(wendi_fault_plan plan)
{
    int64_t operations = count_operations();
    assert_true(operations > 60);
    for (int64_t at = 0; at < operations; at++) {
        wendi_io *io;
        uint32_t done = 0;
        wend_error error = {0};
        const char *store = fresh_store();
        plan.fail_at = at;
        plan.seed = (uint64_t)at;
        assert_int_equal(wendi_fault_io_open(inner, NULL, &plan, &io, NULL), WEND_OK);
        wend_status status = work(io, store, &done, &error);
        wendi_io_close(io);
        if (status == WEND_OK) { /* what failed did not matter, and then nothing is missing */
            assert_int_equal(done, STEPS);
        } else if (status == WEND_CORRUPT || error.message[0] == '\0') {
            fail_msg("operation %lld: %s: %s", (long long)at, wend_status_name(status),
                     error.message);
        }
        recover(store, done);
    }
}

static void every_operation_may_fail(void **state)
{
    (void)state;
    fail_each((wendi_fault_plan){.power_lost_at = -1});
}

static void and_all_after_it(void **state)
{
    (void)state;
    fail_each((wendi_fault_plan){
        .power_lost_at = -1, .fail_after_too = true, .torn = true, .error_code = ENOSPC});
}

static void or_only_its_answer_may_be_lost(void **state)
{
    (void)state;
    fail_each((wendi_fault_plan){.power_lost_at = -1, .carried_out = true});
}

static void transfers_may_be_short(void **state)
{
    (void)state;
    fail_each((wendi_fault_plan){.power_lost_at = -1, .short_transfers = true, .torn = true});
}

static void power_may_fail_at_any_operation(void **state)
{
    int64_t operations = count_operations();
    char after[80];
    (void)state;
    snprintf(after, sizeof after, "%s/after", base);
    for (int64_t at = 0; at < operations; at++) {
        wendi_io *io;
        uint32_t done = 0;
        const char *store = fresh_store();
        wendi_fault_plan plan = {.fail_at = -1, .power_lost_at = at, .seed = (uint64_t)at};
        assert_int_equal(wendi_fault_io_open(inner, store, &plan, &io, NULL), WEND_OK);
        (void)work(io, store, &done, NULL);
        for (uint64_t seed = 0; seed < 3; seed++) {
            wend_error error = {0};
            fixture_shell("rm -rf '%s'", after);
            if (wendi_fault_io_power_loss(io, after, seed * 1000 + (uint64_t)at, &error) !=
                WEND_OK) {
                fail_msg("%s", error.message);
            }
            recover(after, done);
        }
        wendi_io_close(io);
    }
}

static void memory_may_be_refused_at_every_call(void **state)
{
    (void)state;
    for (int64_t calls = 0;; calls += calls < 200 ? 1 : 3) {
        uint32_t done = 0;
        wend_error error = {0};
        const char *store = fresh_store();
        wendi_alloc_refuse_at(calls);
        wend_status status = work(inner, store, &done, &error);
        wendi_alloc_refuse_at(-1);
        if (status != WEND_OK && status != WEND_NOMEM && status != WEND_IO) {
            fail_msg("call %lld: %s: %s", (long long)calls, wend_status_name(status),
                     error.message);
        }
        recover(store, done);
        if (status == WEND_OK) {
            assert_true(calls > 100);
            return;
        }
    }
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
