/*
 * Flushes that join with old segments while file operations fail, answers get lost, power goes or
 * memory is refused. Whatever happened, the table has every row once, and the next writer goes on
 * from where it stands to the same end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/io/fault_io.h"
#include "engine/table/table_state.h"
#include "tests/support/table_fixture.h"

/* Step s brings rows 40 s + 10 .. 40 s + 49: ten of an old commit, twenty new ones, ten of the next
 * old commit. */
enum { STEPS = 3, OLD_COMMITS = STEPS + 1, OLD_ROWS = 20, STEP_NEW = 20, LATE_ROWS = 30 };

static const char ddl[] =
    "CREATE TABLE t (id bigint UNIQUE, user_id text, ts timestamptz NOT NULL, page text, amount "
    "numeric(12,2)) WITH (user_column='user_id', time_column='ts', unique_window = 30)";

static char base[64];
static wendi_io *inner;

static wend_status commit(wendi_table_writer *writer, wendi_pending_segment *pending, int64_t next,
                          int64_t stored, wend_error *error)
{
    wendi_string topic = wendi_string_of("s");
    wendi_source_state source = {
        .topic = topic, .shown = topic, .next = next, .taken = stored, .stored = stored};
    wendi_commit_request request = {
        .segments = &pending, .segment_count = 1, .sources = &source, .source_count = 1};
    return wendi_table_writer_commit(writer, &request, error);
}

/* Take in, flush and commit rows from..to-1, of which `repeats` are in old segments. */
static wend_status store_rows(wendi_table_writer *writer, int64_t from, int64_t to,
                              uint32_t repeats, int64_t next, wend_error *error)
{
    wendi_row_builder builder = {0};
    wendi_pending_segment *pending = NULL;
    uint8_t keep[STEPS * 40];
    uint32_t duplicates = 0;
    wend_status status = WEND_OK;
    if (fixture_fill(&builder, wendi_table_writer_schema(writer), from, to) != WEND_OK) {
        WEND_TRY(wendi_fail_nomem(error, "rows", 0));
    }
    memset(keep, 1, sizeof keep);
    WEND_TRY(fixture_unique(writer, &builder, 0, keep, &duplicates, error));
    assert_int_equal(duplicates, 0);
    WEND_TRY(wendi_table_writer_flush(writer, &builder, &pending, error));
    uint32_t count = 0;
    const wendi_segment_repeats *found = wendi_pending_segment_repeats(pending, &count);
    assert_int_equal(count, repeats != 0);
    assert_true(repeats == 0 || found[0].row_count == repeats);
    WEND_TRY(commit(writer, pending, next, to - from - (int64_t)repeats, error));
cleanup:
    if (builder.columns != NULL) {
        wendi_row_builder_free(&builder);
    }
    return status;
}

static int64_t committed(wendi_snapshot *snapshot)
{
    const wendi_source_state *source =
        wendi_state_source(wendi_snapshot_state(snapshot), wendi_string_of("s"), 0);
    return source == NULL ? 0 : source->next;
}

/* Old rows, and then rows that push them out of the window. */
static void make_base(const char *store)
{
    wendi_table *table = NULL;
    wendi_table_writer *writer = NULL;
    wend_error error = {0};
    fixture_create(store, ddl);
    assert_int_equal(wendi_table_open_io(inner, store, wendi_string_of("t"), &table, &error),
                     WEND_OK);
    assert_int_equal(wendi_table_writer_open(table, NULL, &writer, &error), WEND_OK);
    for (int64_t i = 0; i < OLD_COMMITS; i++) {
        assert_int_equal(store_rows(writer, 40 * i, 40 * i + OLD_ROWS, 0, 0, &error), WEND_OK);
    }
    assert_int_equal(store_rows(writer, 1000, 1000 + LATE_ROWS, 0, 0, &error), WEND_OK);
    wendi_table_writer_close(writer);
    wendi_table_close(table);
}

/* From where the table stands to the end. */
static wend_status work(wendi_io *io, const char *store, int64_t *acknowledged, wend_error *error)
{
    wendi_table *table = NULL;
    wendi_table_writer *writer = NULL;
    wend_status status = WEND_OK;
    WEND_TRY(wendi_table_open_io(io, store, wendi_string_of("t"), &table, error));
    WEND_TRY(wendi_table_writer_open(table, NULL, &writer, error));
    *acknowledged = committed(wendi_table_writer_snapshot(writer));
    while (*acknowledged < STEPS) {
        int64_t from = 40 * *acknowledged + 10;
        WEND_TRY(store_rows(writer, from, from + 40, 20, *acknowledged + 1, error));
        (*acknowledged)++;
    }
cleanup:
    wendi_table_writer_close(writer);
    wendi_table_close(table);
    return status;
}

/* The table has the old rows and those of whole steps, each once. */
static void check_rows(const char *store, int64_t acknowledged)
{
    wendi_table *table = NULL;
    wendi_snapshot *snapshot = NULL;
    uint64_t count = 0;
    int64_t sum = 0;
    int64_t expected = LATE_ROWS * 1000 + LATE_ROWS * (LATE_ROWS - 1) / 2;
    wend_error error = {0};
    assert_int_equal(wendi_table_open_io(inner, store, wendi_string_of("t"), &table, &error),
                     WEND_OK);
    assert_int_equal(wendi_table_snapshot(table, &snapshot, &error), WEND_OK);
    assert_int_equal(fixture_read(snapshot, &count, &sum, &error), WEND_OK);
    int64_t there = committed(snapshot);
    assert_true(there >= acknowledged && there <= acknowledged + 1);
    for (int64_t i = 0; i < OLD_COMMITS + there; i++) {
        int64_t first = i < OLD_COMMITS ? 40 * i : 40 * (i - OLD_COMMITS) + 20;
        expected += 20 * first + 190;
    }
    assert_int_equal(count, OLD_COMMITS * OLD_ROWS + LATE_ROWS + there * STEP_NEW);
    assert_int_equal(sum, expected);
    wendi_snapshot_release(snapshot);
    wendi_table_close(table);
}

static void recover(const char *store, int64_t acknowledged)
{
    wend_error error = {0};
    fixture_verify(store);
    check_rows(store, acknowledged);
    if (work(inner, store, &acknowledged, &error) != WEND_OK || acknowledged != STEPS) {
        fail_msg("the next writer cannot go on: %s", error.message);
    }
    check_rows(store, STEPS);
    fixture_verify(store);
}

static const char *fresh_store(void)
{
    static char store[80];
    snprintf(store, sizeof store, "%s/work", base);
    fixture_shell("rm -rf '%s' && cp -r '%s/base' '%s'", store, base, store);
    return store;
}

static int begin_group(void **state)
{
    char store[80];
    (void)state;
    fixture_folder_make(base);
    snprintf(store, sizeof store, "%s/base", base);
    assert_int_equal(wendi_io_open("posix", &inner, NULL), WEND_OK);
    make_base(store);
    return 0;
}

static int end_group(void **state)
{
    (void)state;
    wendi_io_close(inner);
    fixture_folder_remove(base);
    return 0;
}

static int64_t count_operations(void)
{
    wendi_io *io;
    int64_t acknowledged = 0;
    const char *store = fresh_store();
    wendi_fault_plan plan = wendi_fault_plan_none();
    assert_int_equal(wendi_fault_io_open(inner, NULL, &plan, &io, NULL), WEND_OK);
    assert_int_equal(work(io, store, &acknowledged, NULL), WEND_OK);
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
        int64_t acknowledged = 0;
        wend_error error = {0};
        const char *store = fresh_store();
        plan.fail_at = at;
        plan.seed = (uint64_t)at;
        assert_int_equal(wendi_fault_io_open(inner, NULL, &plan, &io, NULL), WEND_OK);
        wend_status status = work(io, store, &acknowledged, &error);
        wendi_io_close(io);
        assert_int_not_equal(status, WEND_CORRUPT);
        recover(store, acknowledged);
    }
}

static void every_operation_may_fail(void **state)
{
    wendi_fault_plan plan = wendi_fault_plan_none();
    (void)state;
    plan.torn = true;
    plan.fail_after_too = true;
    fail_each(plan);
}

static void only_the_answer_may_be_lost(void **state)
{
    wendi_fault_plan plan = wendi_fault_plan_none();
    (void)state;
    plan.carried_out = true;
    fail_each(plan);
}

static void power_may_fail_at_any_operation(void **state)
{
    char after[80];
    (void)state;
    snprintf(after, sizeof after, "%s/after", base);
    int64_t operations = count_operations();
    for (int64_t at = 0; at <= operations; at++) {
        wendi_io *io;
        int64_t acknowledged = 0;
        wend_error error = {0};
        const char *store = fresh_store();
        wendi_fault_plan plan = {.fail_at = -1, .power_lost_at = at, .seed = (uint64_t)at};
        assert_int_equal(wendi_fault_io_open(inner, store, &plan, &io, NULL), WEND_OK);
        (void)work(io, store, &acknowledged, NULL);
        fixture_shell("rm -rf '%s'", after);
        if (wendi_fault_io_power_loss(io, after, (uint64_t)at, &error) != WEND_OK) {
            fail_msg("%s", error.message);
        }
        recover(after, acknowledged);
        wendi_io_close(io);
    }
}

static void memory_may_be_refused_at_every_call(void **state)
{
    (void)state;
    for (int64_t calls = 0;; calls += 1 + calls / 40) {
        int64_t acknowledged = 0;
        wend_error error = {0};
        const char *store = fresh_store();
        wendi_alloc_refuse_at(calls);
        wend_status status = work(inner, store, &acknowledged, &error);
        wendi_alloc_refuse_at(-1);
        if (status != WEND_OK && status != WEND_NOMEM && status != WEND_IO) {
            fail_msg("call %lld: %s: %s", (long long)calls, wend_status_name(status),
                     error.message);
        }
        recover(store, acknowledged);
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
        cmocka_unit_test(only_the_answer_may_be_lost),
        cmocka_unit_test(power_may_fail_at_any_operation),
        cmocka_unit_test(memory_may_be_refused_at_every_call),
    };
    return cmocka_run_group_tests(tests, begin_group, end_group);
}
