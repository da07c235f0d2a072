/*
 * A replay of rejects while things fail: every file operation in turn (error, torn write, lost answer, all that
 * follow too) and power loss at any moment. Whatever happened, the accounts of the table hold, what is stored and
 * what is still a reject are all that was taken, and a second replay comes to the same end as one that nothing
 * disturbed: no reject is lost and none is stored twice.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "engine/table/table_change.h"
#include "engine/table/table_state.h"
#include "ingest/appender.h"
#include "ingest/rejects.h"
#include "ingest/replay.h"
#include "tests/support/store_faults.h"
#include "tests/support/table_fixture.h"

/* Of the lines of a commit some are good, some dear (refused by the CHECK that goes), every fifth of these
 * twice, some no JSON. */
enum { COMMITS = 3, LINES = 40, GOOD = 20, DEAR = 10, TWICE = 2, BROKEN = 8 };

static wend_status work(wendi_io *io, const char *store, int64_t *acknowledged, wend_error *error);
static void recover(const char *store, int64_t acknowledged);
static store_faults faults = {.work = work, .recover = recover, .operations_min = 30, .calls_min = 100};

typedef struct expectation {
    int64_t stored;
    int64_t rejected;
    int64_t deduplicated;
} expectation;

static const expectation BEFORE = {COMMITS * GOOD, COMMITS *(DEAR + TWICE + BROKEN), 0};
static const expectation AFTER = {COMMITS * (GOOD + DEAR), COMMITS *BROKEN, COMMITS *TWICE};

static void append(wendi_appender *appender, int64_t id, const char *format)
{
    char line[128];
    snprintf(line, sizeof line, format, (long long)id, (long long)(1700000000 + id));
    assert_int_equal(wendi_appender_json(appender, line, strlen(line), NULL), WEND_OK);
}

static void append_commit(wendi_appender *appender, int64_t commit)
{
    static const char good[] = "{\"id\":%lld,\"ts\":%lld,\"price\":1}\n";
    static const char dear[] = "{\"id\":%lld,\"ts\":%lld,\"price\":500}\n";
    static const char broken[] = "{\"id\":%lld,\"ts\":%lld,\n";
    for (int64_t i = 0; i < GOOD; i++) {
        append(appender, commit * 1000 + i, good);
    }
    for (int64_t i = 0; i < DEAR; i++) {
        append(appender, commit * 1000 + 100 + i, dear);
        if (i % (DEAR / TWICE) == 0) {
            append(appender, commit * 1000 + 100 + i, dear);
        }
        if (i < BROKEN) {
            append(appender, i, broken);
        }
    }
    assert_int_equal(wendi_appender_commit(appender, commit + 1, NULL), WEND_OK);
}

static int begin_group(void **unused)
{
    wendi_table *table;
    wendi_appender *appender;
    char request[64];
    (void)unused;
    store_faults_begin(&faults);
    const char *store = store_faults_base(&faults);
    fixture_create(store, "CREATE TABLE t (id bigint UNIQUE, ts timestamptz OPTIONS (format 'epoch_s') NOT NULL, "
                          "price integer, CONSTRAINT cheap CHECK (price < 100)) WITH (time_column = 'ts')");
    assert_int_equal(wendi_table_open(store, wendi_string_of("t"), &table, NULL), WEND_OK);
    assert_int_equal(wendi_appender_open(table, "s", NULL, &appender, NULL), WEND_OK);
    for (int64_t commit = 0; commit < COMMITS; commit++) {
        append_commit(appender, commit);
    }
    wendi_appender_close(appender);
    assert_int_equal(wendi_table_alter(table, "ALTER TABLE t DROP CONSTRAINT cheap", true, request, NULL), WEND_OK);
    wendi_table_close(table);
    return 0;
}

static int end_group(void **unused)
{
    (void)unused;
    store_faults_end(&faults);
    return 0;
}

static wend_status replay(wendi_io *io, const char *store, wendi_replay_stats *stats, wend_error *error)
{
    wendi_table *table = NULL;
    wendi_replay_options options = {.dry_run = false};
    wend_status status = WEND_OK;
    WEND_TRY(wendi_table_open_io(io, store, wendi_string_of("t"), &table, error));
    WEND_TRY(wendi_replay_run(table, &options, stats, error));
cleanup:
    wendi_table_close(table);
    return status;
}

static wend_status work(wendi_io *io, const char *store, int64_t *acknowledged, wend_error *error)
{
    wendi_replay_stats stats;
    wend_status status = replay(io, store, &stats, error);
    *acknowledged = status == WEND_OK;
    return status;
}

static wend_status count_line(void *context, const wendi_reject_row *row)
{
    (void)row;
    ++*(int64_t *)context;
    return WEND_OK;
}

/* The accounts, the rows and the lines of rejects say the same; which of the two is it? */
static bool check_whole(const char *store)
{
    wendi_table *table;
    wendi_snapshot *snapshot;
    int64_t rows = 0;
    int64_t lines = 0;
    wend_error error = {0};
    if (wendi_table_open_io(faults.inner, store, wendi_string_of("t"), &table, &error) != WEND_OK ||
        wendi_table_snapshot(table, &snapshot, &error) != WEND_OK ||
        wendi_rejects_read(table, count_line, &lines, &error) != WEND_OK) {
        fail_msg("does not open any more: %s", error.message);
    }
    const wendi_table_state *state = wendi_snapshot_state(snapshot);
    const wendi_source_state *source = &state->sources[0];
    for (uint32_t i = 0; i < state->segment_count; i++) {
        rows += (int64_t)state->segments[i].row_count;
    }
    assert_int_equal(state->source_count, 1);
    assert_int_equal(source->taken, COMMITS * LINES);
    assert_int_equal(source->next, COMMITS);
    assert_int_equal(source->taken, source->stored + source->rejected + source->deduplicated + source->tombstones);
    assert_int_equal(rows, source->stored);
    assert_int_equal(lines, source->rejected);
    bool done = source->stored != BEFORE.stored;
    const expectation *expected = done ? &AFTER : &BEFORE;
    assert_int_equal(source->stored, expected->stored);
    assert_int_equal(source->rejected, expected->rejected);
    assert_int_equal(source->deduplicated, expected->deduplicated);
    wendi_snapshot_release(snapshot);
    wendi_table_close(table);
    fixture_verify(store);
    return done;
}

/* With good file access: what is there is whole, and a second replay brings it to the end. */
static void recover(const char *store, int64_t acknowledged)
{
    wendi_replay_stats stats;
    wend_error error = {0};
    bool done = check_whole(store);
    assert_true(done || acknowledged == 0);
    if (replay(faults.inner, store, &stats, &error) != WEND_OK) {
        fail_msg("the second replay: %s", error.message);
    }
    assert_int_equal(stats.stored, done ? 0 : COMMITS * DEAR);
    assert_int_equal(stats.deduplicated, done ? 0 : COMMITS * TWICE);
    assert_int_equal(stats.rejected, COMMITS * BROKEN);
    assert_true(check_whole(store));
}

static void every_operation_may_fail(void **unused)
{
    (void)unused;
    store_faults_fail_each(&faults, (wendi_fault_plan){.power_lost_at = -1});
}

static void the_disk_may_be_full_from_then_on(void **unused)
{
    (void)unused;
    store_faults_fail_each(&faults, (wendi_fault_plan){.power_lost_at = -1,
                                                       .fail_after_too = true,
                                                       .torn = true,
                                                       .error_code = ENOSPC});
}

static void only_the_answer_may_be_lost(void **unused)
{
    (void)unused;
    store_faults_fail_each(&faults, (wendi_fault_plan){.power_lost_at = -1, .carried_out = true});
}

static void power_may_be_lost_at_any_moment(void **unused)
{
    (void)unused;
    store_faults_lose_power(&faults, 1);
}

static void memory_may_be_refused_at_any_call(void **unused)
{
    (void)unused;
    store_faults_refuse_memory(&faults, 100, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operation_may_fail),
        cmocka_unit_test(the_disk_may_be_full_from_then_on),
        cmocka_unit_test(only_the_answer_may_be_lost),
        cmocka_unit_test(power_may_be_lost_at_any_moment),
        cmocka_unit_test(memory_may_be_refused_at_any_call),
    };
    return cmocka_run_group_tests(tests, begin_group, end_group);
}
