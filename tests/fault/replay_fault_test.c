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

#include "engine/io/fault_io.h"
#include "engine/table/table_change.h"
#include "engine/table/table_state.h"
#include "ingest/appender.h"
#include "ingest/rejects.h"
#include "ingest/replay.h"
#include "tests/support/table_fixture.h"

/* Of the lines of a commit some are good, some dear (refused by the CHECK that goes), every fifth of these
 * twice, some no JSON. */
enum { COMMITS = 3, LINES = 40, GOOD = 20, DEAR = 10, TWICE = 2, BROKEN = 8 };

static char base[64];
static wendi_io *inner;

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
    char store[80];
    (void)unused;
    fixture_folder_make(base);
    snprintf(store, sizeof store, "%s/base", base);
    assert_int_equal(wendi_io_open("posix", &inner, NULL), WEND_OK);
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
    if (wendi_table_open_io(inner, store, wendi_string_of("t"), &table, &error) != WEND_OK ||
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
static void recover(const char *store, bool acknowledged)
{
    wendi_replay_stats stats;
    wend_error error = {0};
    bool done = check_whole(store);
    assert_true(done || !acknowledged);
    if (replay(inner, store, &stats, &error) != WEND_OK) {
        fail_msg("the second replay: %s", error.message);
    }
    assert_int_equal(stats.stored, done ? 0 : COMMITS * DEAR);
    assert_int_equal(stats.deduplicated, done ? 0 : COMMITS * TWICE);
    assert_int_equal(stats.rejected, COMMITS * BROKEN);
    assert_true(check_whole(store));
}

static int64_t count_operations(void)
{
    wendi_io *io;
    wendi_replay_stats stats;
    const char *store = fresh_store();
    wendi_fault_plan plan = wendi_fault_plan_none();
    assert_int_equal(wendi_fault_io_open(inner, NULL, &plan, &io, NULL), WEND_OK);
    assert_int_equal(replay(io, store, &stats, NULL), WEND_OK);
    assert_int_equal(stats.commit_count, 1);
    int64_t operations = wendi_fault_io_operations(io);
    wendi_io_close(io);
    recover(store, true);
    return operations;
}

static void every_operation_may_fail(void **unused)
{
    static const wendi_fault_plan plans[] = {{.error_code = EIO},
                                             {.error_code = ENOSPC, .fail_after_too = true},
                                             {.error_code = EIO, .torn = true, .fail_after_too = true},
                                             {.error_code = EIO, .carried_out = true}};
    int64_t operations = count_operations();
    (void)unused;
    for (size_t p = 0; p < sizeof plans / sizeof plans[0]; p++) {
        for (int64_t at = 0; at < operations; at++) {
            wendi_io *io;
            wendi_replay_stats stats;
            const char *store = fresh_store();
            wendi_fault_plan plan = plans[p];
            plan.fail_at = at;
            plan.power_lost_at = -1;
            assert_int_equal(wendi_fault_io_open(inner, NULL, &plan, &io, NULL), WEND_OK);
            bool acknowledged = replay(io, store, &stats, NULL) == WEND_OK;
            wendi_io_close(io);
            recover(store, acknowledged);
        }
    }
}

static void power_may_be_lost_at_any_moment(void **unused)
{
    char after[80];
    int64_t operations = count_operations();
    (void)unused;
    snprintf(after, sizeof after, "%s/after", base);
    for (int64_t at = 0; at <= operations; at++) {
        wendi_io *io;
        wendi_replay_stats stats;
        const char *store = fresh_store();
        wendi_fault_plan plan = wendi_fault_plan_none();
        plan.power_lost_at = at;
        plan.seed = (uint64_t)at + 1;
        assert_int_equal(wendi_fault_io_open(inner, store, &plan, &io, NULL), WEND_OK);
        bool acknowledged = replay(io, store, &stats, NULL) == WEND_OK;
        fixture_shell("rm -rf '%s'", after);
        assert_int_equal(wendi_fault_io_power_loss(io, after, (uint64_t)at * 7 + 3, NULL), WEND_OK);
        wendi_io_close(io);
        recover(after, acknowledged);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operation_may_fail),
        cmocka_unit_test(power_may_be_lost_at_any_moment),
    };
    return cmocka_run_group_tests(tests, begin_group, end_group);
}
