/*
 * Commits with key files while file operations fail, answers get lost, power goes or memory is
 * refused. Whatever happened, a new writer knows exactly the rows that were committed: their ids
 * are repeats, and those of rows that were not are new. The table verifies clean.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "engine/table/table_state.h"
#include "tests/support/store_faults.h"
#include "tests/support/table_fixture.h"

enum { STEPS = 4, STEP_ROWS = 20 };

/* The window holds two commits, so that files are joined and dropped. */
static const char ddl[] =
    "CREATE TABLE t (id bigint UNIQUE, user_id text, ts timestamptz NOT NULL, page text, amount "
    "numeric(12,2)) WITH (user_column='user_id', time_column='ts', event_id='drop', unique_window "
    "= 45)";

static wend_status work(wendi_io *io, const char *store, int64_t *acknowledged, wend_error *error);
static void recover(const char *store, int64_t acknowledged);
static store_faults faults = {.work = work, .recover = recover, .operations_min = 60, .calls_min = 100};

/* Rows from..to-1, those that are new; `*kept` says how many. */
static wend_status take(wendi_table_writer *writer, int64_t from, int64_t to,
                        wendi_row_builder *builder, uint32_t *kept, wend_error *error)
{
    uint8_t keep[STEPS * STEP_ROWS];
    uint32_t duplicates = 0;
    wend_status status = fixture_fill(builder, wendi_table_writer_schema(writer), from, to);
    if (status != WEND_OK) {
        return wendi_fail_nomem(error, "rows", 0);
    }
    memset(keep, 1, sizeof keep);
    status = fixture_unique(writer, builder, 0, keep, &duplicates, error);
    if (status == WEND_OK) {
        wendi_row_builder_keep(builder, 0, keep);
        *kept = builder->row_count;
    }
    return status;
}

static wend_status commit(wendi_table_writer *writer, wendi_pending_segment *pending, int64_t next,
                          wend_error *error)
{
    wendi_string topic = wendi_string_of("s");
    wendi_source_state source = {
        .topic = topic, .shown = topic, .next = next, .taken = next, .stored = next};
    wendi_commit_request request = {
        .segments = &pending, .segment_count = 1, .sources = &source, .source_count = 1};
    return wendi_table_writer_commit(writer, &request, error);
}

static int64_t committed(const wendi_table_writer *writer)
{
    const wendi_source_state *source =
        wendi_state_source(wendi_table_writer_state(writer), wendi_string_of("s"), 0);
    return source == NULL ? 0 : source->next;
}

/* From where the table stands to the end; rows of the next step are taken in before a step is
 * committed. */
static wend_status work(wendi_io *io, const char *store, int64_t *acknowledged, wend_error *error)
{
    wendi_table *table = NULL;
    wendi_table_writer *writer = NULL;
    wendi_row_builder builders[2] = {0};
    uint32_t kept = 0;
    wend_status status = WEND_OK;
    WEND_TRY(wendi_table_open_io(io, store, wendi_string_of("t"), &table, error));
    WEND_TRY(wendi_table_writer_open(table, NULL, &writer, error));
    *acknowledged = committed(writer);
    for (int64_t at = *acknowledged; at < STEPS * STEP_ROWS; at += STEP_ROWS) {
        wendi_pending_segment *pending = NULL;
        wendi_row_builder *builder = &builders[at / STEP_ROWS % 2];
        wendi_row_builder *next = &builders[1 - at / STEP_ROWS % 2];
        if (builder->columns == NULL) {
            WEND_TRY(take(writer, at, at + STEP_ROWS, builder, &kept, error));
            assert_int_equal(kept, STEP_ROWS);
        }
        if (at + STEP_ROWS < STEPS * STEP_ROWS) {
            WEND_TRY(take(writer, at + STEP_ROWS, at + 2 * STEP_ROWS, next, &kept, error));
            assert_int_equal(kept, STEP_ROWS);
        }
        WEND_TRY(wendi_table_writer_flush(writer, builder, &pending, error));
        wendi_row_builder_free(builder);
        *builder = (wendi_row_builder){0};
        WEND_TRY(commit(writer, pending, at + STEP_ROWS, error));
        *acknowledged = at + STEP_ROWS;
    }
cleanup:
    for (int i = 0; i < 2; i++) {
        if (builders[i].columns != NULL) {
            wendi_row_builder_free(&builders[i]);
        }
    }
    wendi_table_writer_close(writer);
    wendi_table_close(table);
    return status;
}

/* A new writer over good files: of the window's last two steps it knows what was committed, and
 * nothing else. */
static void check_known(const char *store, int64_t acknowledged)
{
    wendi_table *table = NULL;
    wendi_table_writer *writer = NULL;
    wendi_row_builder builder = {0};
    uint32_t kept = 0;
    wend_error error = {0};
    if (wendi_table_open_io(faults.inner, store, wendi_string_of("t"), &table, &error) != WEND_OK ||
        wendi_table_writer_open(table, NULL, &writer, &error) != WEND_OK) {
        fail_msg("does not open any more: %s", error.message);
    }
    int64_t there = committed(writer);
    assert_true(there >= acknowledged && there <= acknowledged + STEP_ROWS);
    int64_t held = there < 2 * STEP_ROWS ? there : 2 * STEP_ROWS;
    assert_int_equal(wendi_table_writer_unique_report(writer).keys, held);
    assert_int_equal(take(writer, there - held, STEPS * STEP_ROWS, &builder, &kept, &error),
                     WEND_OK);
    assert_int_equal(kept, STEPS * STEP_ROWS - there);
    wendi_row_builder_free(&builder);
    wendi_table_writer_close(writer);
    wendi_table_close(table);
}

static void recover(const char *store, int64_t acknowledged)
{
    wend_error error = {0};
    fixture_verify(store);
    check_known(store, acknowledged);
    if (work(faults.inner, store, &acknowledged, &error) != WEND_OK || acknowledged != STEPS * STEP_ROWS) {
        fail_msg("the next writer cannot go on: %s", error.message);
    }
    check_known(store, acknowledged);
    fixture_verify(store);
}

static int begin_group(void **state)
{
    (void)state;
    store_faults_begin(&faults);
    fixture_create(store_faults_base(&faults), ddl);
    return 0;
}

static int end_group(void **state)
{
    (void)state;
    store_faults_end(&faults);
    return 0;
}

static void every_operation_may_fail(void **state)
{
    wendi_fault_plan plan = wendi_fault_plan_none();
    (void)state;
    plan.torn = true;
    plan.fail_after_too = true;
    store_faults_fail_each(&faults, plan);
}

static void only_the_answer_may_be_lost(void **state)
{
    wendi_fault_plan plan = wendi_fault_plan_none();
    (void)state;
    plan.carried_out = true;
    store_faults_fail_each(&faults, plan);
}

static void power_may_fail_at_any_operation(void **state)
{
    (void)state;
    store_faults_lose_power(&faults, 1);
}

static void memory_may_be_refused_at_every_call(void **state)
{
    (void)state;
    store_faults_refuse_memory(&faults, 100, 5);
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
