/*
 * What is merged into what: plans over tables whose segments are entries of the log alone, since a
 * plan opens only segments that straddle days. Then what becomes of replaced files: how long they
 * stay, and what a reader hears that comes too late.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "engine/table/compaction.h"
#include "engine/table/table_handle.h"
#include "engine/table/table_state.h"
#include "engine/table/table_sweep.h"
#include "tests/support/table_fixture.h"

#define DAY_US (INT64_C(86400) * 1000000)
#define MIB (UINT64_C(1) << 20)
/* 2026-06-01, a Monday. */
#define JUNE (INT64_C(20605) * DAY_US)

static char store[64];
static wendi_table *table;
static wendi_table_writer *writer;
static wendi_compaction_plan *plan;
static wend_error error;

static void must(wend_status status)
{
    if (status != WEND_OK) {
        fail_msg("%s: %s (%s)", wend_status_name(status), error.message, error.hint);
    }
}

static void open_all(const char *ddl)
{
    fixture_folder_make(store);
    fixture_create(store, ddl);
    must(wendi_table_open(store, wendi_string_of("t"), &table, &error));
    must(wendi_table_writer_open(table, NULL, &writer, &error));
}

static int begin(void **state)
{
    (void)state;
    plan = NULL;
    open_all(TABLE_FIXTURE_DDL);
    return 0;
}

static int end(void **state)
{
    (void)state;
    wendi_compaction_plan_free(plan);
    wendi_table_writer_close(writer);
    wendi_table_close(table);
    fixture_folder_remove(store);
    return 0;
}

/* A segment of one commit on one day, with all hashes. */
static wendi_segment_entry entry_of(int64_t day, uint64_t rows, uint64_t bytes, uint32_t level)
{
    uint64_t version = wendi_table_writer_state(writer)->version + 1;
    wendi_segment_entry entry = {.file_bytes = bytes,
                                 .row_count = rows,
                                 .time_min = JUNE + day * DAY_US + 1000,
                                 .time_max = JUNE + (day + 1) * DAY_US - 1000,
                                 .user_hash_min = 5,
                                 .user_hash_max = UINT64_MAX - 5,
                                 .commit_first = version,
                                 .commit_last = version,
                                 .level = level};
    wendi_uuid_make(entry.uuid);
    return entry;
}

static void add(int64_t day, uint64_t rows, uint64_t bytes, uint32_t level)
{
    wendi_segment_entry entry = entry_of(day, rows, bytes, level);
    must(wendi_table_writer_replace(writer, NULL, 0, &entry, 1, &error));
}

static void make_plan(wendi_compaction_options options)
{
    wendi_compaction_plan_free(plan);
    must(wendi_compaction_plan_make(wendi_table_writer_snapshot(writer), &options, &plan, &error));
}

static void a_week_becomes_one_file(void **state)
{
    (void)state;
    for (int64_t i = 0; i < 100; i++) {
        add(i * 7 / 100, 100000, 2650000, WENDI_LEVEL_INGESTED);
    }
    make_plan((wendi_compaction_options){0});
    assert_int_equal(plan->step_count, 1);
    assert_int_equal(plan->job_count, 1);
    assert_int_equal(plan->jobs[0].input_count, 100);
    assert_int_equal(plan->jobs[0].level, WENDI_LEVEL_FINISHED);
    assert_int_equal(plan->jobs[0].hash_last, UINT64_MAX);
    assert_int_equal(plan->steps[0].input_rows, 10000000);
}

static void windows_are_the_largest_that_fit(void **state)
{
    (void)state;
    for (int64_t day = 0; day < 28; day++) {
        add(day, 4000000, 100 * MIB, WENDI_LEVEL_INGESTED);
    }
    wendi_compaction_options roomy = {.memory_bytes = (size_t)8 << 30};
    make_plan(roomy); /* 2.8 GB a month, 700 MB a week */
    assert_int_equal(plan->job_count, 4);
    assert_int_equal(plan->step_count, 4); /* nothing straddles weeks: a commit each */
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(plan->jobs[i].input_count, 7);
    }
    assert_true(plan->jobs[1].time_begin == JUNE + 7 * DAY_US);
    assert_true(plan->jobs[1].time_end == JUNE + 14 * DAY_US);
    roomy.target_file_bytes = 150 * MIB;
    make_plan(roomy);
    assert_int_equal(plan->job_count, 28);
    roomy.target_file_bytes = 30 * MIB; /* a day does not fit: four ranges of hashes each */
    make_plan(roomy);
    assert_int_equal(plan->job_count, 28 * 4);
    for (uint32_t i = 0; i < plan->job_count; i++) {
        const wendi_compaction_job *job = &plan->jobs[i];
        assert_true(i % 4 == 0 ? job->hash_begin == 0
                               : job->hash_begin == plan->jobs[i - 1].hash_last + 1);
        assert_true(i % 4 != 3 || job->hash_last == UINT64_MAX);
    }
    roomy.target_file_bytes = (uint64_t)8 << 30;
    make_plan(roomy);
    assert_int_equal(plan->job_count, 1);
}

static void a_window_is_a_tenth_of_the_retention_at_most(void **state)
{
    (void)state;
    end(NULL);
    plan = NULL;
    open_all("CREATE TABLE t (id bigint, user_id text, ts timestamptz NOT NULL) "
             "WITH (user_column='user_id', time_column='ts', retention='100 days')");
    for (int64_t day = 0; day < 14; day++) {
        add(day, 100000, 3 * MIB, WENDI_LEVEL_INGESTED);
    }
    make_plan((wendi_compaction_options){0});
    assert_int_equal(plan->job_count, 2);
}

static void too_many_inputs_are_merged_in_part(void **state)
{
    uint32_t inputs = 0;
    (void)state;
    for (int64_t i = 0; i < 700; i++) {
        add(i / 100, 100000, 2 * MIB, WENDI_LEVEL_INGESTED);
    }
    make_plan((wendi_compaction_options){.target_file_bytes = (uint64_t)8 << 30});
    assert_true(plan->partial && plan->step_count > 2 && plan->step_count < 20);
    for (uint32_t i = 0; i < plan->step_count; i++) {
        assert_int_equal(plan->steps[i].job_count, 1);
        assert_int_equal(plan->jobs[plan->steps[i].first_job].level, WENDI_LEVEL_MERGED);
        assert_true(plan->steps[i].input_bytes + plan->steps[i].input_count * MIB < 520 * MIB);
        inputs += plan->steps[i].input_count;
    }
    assert_int_equal(inputs, 700);
}

static void finished_files_stay_while_there_is_little_news(void **state)
{
    (void)state;
    add(0, 20000000, 500 * MIB, WENDI_LEVEL_FINISHED);
    make_plan((wendi_compaction_options){0});
    assert_int_equal(plan->step_count, 0);
    add(3, 1000, 1 * MIB, WENDI_LEVEL_INGESTED); /* late rows of June */
    add(32, 500000, 12 * MIB, WENDI_LEVEL_INGESTED);
    make_plan((wendi_compaction_options){.memory_bytes = (size_t)4 << 30});
    assert_int_equal(plan->job_count, 2);
    assert_int_equal(plan->jobs[0].level, WENDI_LEVEL_MERGED);
    assert_int_equal(plan->jobs[0].input_count, 1);
    assert_int_equal(plan->jobs[1].level, WENDI_LEVEL_FINISHED);
    make_plan((wendi_compaction_options){.memory_bytes = (size_t)4 << 30, .all = true});
    assert_int_equal(plan->job_count, 2);
    assert_int_equal(plan->jobs[0].input_count, 2);
    add(5, 4000000, 100 * MIB, WENDI_LEVEL_INGESTED); /* an eighth and more */
    make_plan((wendi_compaction_options){.memory_bytes = (size_t)4 << 30});
    assert_int_equal(plan->jobs[0].input_count, 3);
    assert_int_equal(plan->jobs[0].level, WENDI_LEVEL_FINISHED);
}

static void what_is_merged_already_is_left_alone(void **state)
{
    (void)state;
    add(0, 1000, 1 * MIB, WENDI_LEVEL_MERGED);
    make_plan((wendi_compaction_options){0});
    assert_int_equal(plan->step_count, 0);
    make_plan((wendi_compaction_options){.all = true});
    assert_int_equal(plan->step_count, 0);
    add(0, 1000, 1 * MIB, WENDI_LEVEL_INGESTED);
    make_plan((wendi_compaction_options){0});
    assert_int_equal(plan->job_count, 1);
    assert_int_equal(plan->jobs[0].input_count, 2);
}

/*
 * A file that would stay lies, by arrival, between two inputs with which it shares users and times:
 * their output would stand on one side of both. So it is taken in. With other users it may stay.
 */
static void nothing_stays_on_the_wrong_side(void **state)
{
    (void)state;
    for (int other = 0; other < 2; other++) {
        wendi_compaction_plan_free(plan);
        plan = NULL;
        end(NULL);
        open_all(TABLE_FIXTURE_DDL);
        wendi_segment_entry old = entry_of(0, 1000, MIB, WENDI_LEVEL_INGESTED);
        wendi_segment_entry middle = entry_of(0, 20000000, 500 * MIB, WENDI_LEVEL_FINISHED);
        old.user_hash_max = 1000;
        middle.user_hash_min = other ? 2000 : 900;
        must(wendi_table_writer_replace(writer, NULL, 0, &old, 1, &error));
        middle.commit_first = middle.commit_last = wendi_table_writer_state(writer)->version + 1;
        must(wendi_table_writer_replace(writer, NULL, 0, &middle, 1, &error));
        add(0, 1000, MIB, WENDI_LEVEL_INGESTED);
        make_plan((wendi_compaction_options){.memory_bytes = (size_t)4 << 30});
        assert_int_equal(plan->job_count, 1);
        assert_int_equal(plan->jobs[0].input_count, other ? 2 : 3);
    }
}

static void a_replaced_segment_must_still_be_there(void **state)
{
    (void)state;
    wendi_segment_entry gone = entry_of(0, 1, MIB, 0);
    wendi_segment_entry merged = entry_of(0, 1, MIB, 1);
    uint8_t dropped[1][16];
    memcpy(dropped[0], gone.uuid, 16);
    uint64_t version = wendi_table_writer_state(writer)->version;
    assert_int_equal(
        wendi_table_writer_replace(writer, (const uint8_t(*)[16])dropped, 1, &merged, 1, &error),
        WEND_CONFLICT);
    assert_int_equal(wendi_table_writer_state(writer)->version, version);
    add(0, 1, MIB, 0); /* and the writer goes on */
}

/* ---- what becomes of replaced files ---- */

static uint32_t count_files(void)
{
    char path[WENDI_PATH_BYTES];
    wendi_arena arena = {0};
    wendi_io_entry *entries;
    uint32_t count;
    must(wendi_table_path(path, wendi_table_folder(table), "seg", "", &error));
    must(wendi_io_list(table->io, path, &arena, &entries, &count, &error));
    wendi_arena_free(&arena);
    return count;
}

static void make_files_old(void)
{
    fixture_shell("find '%s' -name '*.wseg' -exec touch -d '3 days ago' {} +",
                  wendi_table_folder(table));
}

static void sweep(void)
{
    must(wendi_table_sweep(table->io, table->folder, wendi_table_writer_state(writer), &error));
}

/* As if that much time had passed since the newest commit: it is written again with an earlier one.
 */
static void age_newest_commit(int64_t by_us)
{
    char path[WENDI_PATH_BYTES];
    char name[64];
    wendi_arena arena = {0};
    wendi_record record;
    wendi_buffer bytes = {0};
    uint64_t checksum;
    uint64_t version = wendi_table_writer_state(writer)->version;
    must(wendi_log_read(table->io, table->folder, WENDI_RECORD_COMMIT, version, &arena, &record,
                        &checksum, &error));
    record.commit_us -= by_us;
    must(wendi_record_encode(&record, &bytes, &checksum));
    snprintf(name, sizeof name, "%020llu.commit", (unsigned long long)version);
    must(wendi_table_path(path, table->folder, "log", name, &error));
    must(wendi_io_unlink(table->io, path, &error));
    must(wendi_io_write_file(table->io, path, bytes.data, bytes.length, &error));
    wendi_buffer_free(&bytes);
    wendi_arena_free(&arena);
}

static void dropped_files_stay_for_their_readers(void **state)
{
    uint64_t rows;
    int64_t sum;
    wendi_snapshot *before;
    (void)state;
    for (int64_t i = 0; i < 5; i++) {
        must(fixture_commit(writer, i * 50, i * 50 + 50, 0, &error));
    }
    make_files_old(); /* their age says nothing: readers of the commit before may need them */
    must(wendi_table_snapshot(table, &before, &error));
    must(wendi_table_writer_compact(writer, NULL, NULL, NULL, &error));
    assert_int_equal(wendi_table_writer_state(writer)->segment_count, 1);
    sweep();
    assert_int_equal(count_files(), 6);
    must(fixture_read(before, &rows, &sum, &error));
    assert_int_equal(rows, 250);
    wendi_snapshot_release(before);
    age_newest_commit(WENDI_SWEEP_GRACE_US - 60 * 1000000);
    sweep();
    assert_int_equal(count_files(), 6);
    age_newest_commit(60 * 1000000);
    sweep();
    assert_int_equal(count_files(), 1);
    fixture_verify(store);
}

static void a_reader_that_comes_too_late_hears_so(void **state)
{
    wendi_table *other;
    wendi_snapshot *before;
    wendi_snapshot *after;
    wendi_segment *segment;
    uint64_t rows;
    int64_t sum;
    (void)state;
    must(fixture_commit(writer, 0, 50, 0, &error));
    must(fixture_commit(writer, 50, 100, 0, &error));
    must(wendi_table_open(store, wendi_string_of("t"), &other, &error));
    must(wendi_table_snapshot(other, &before, &error));
    must(wendi_table_writer_compact(writer, NULL, NULL, NULL, &error));
    fixture_shell("cd '%s/seg' && ls -t | tail -n +2 | xargs rm", wendi_table_folder(table));
    assert_int_equal(wendi_snapshot_segment(before, 0, &segment, &error), WEND_CONFLICT);
    must(wendi_table_snapshot(other, &after, &error));
    must(fixture_read(after, &rows, &sum, &error));
    assert_int_equal(rows, 100);
    wendi_snapshot_release(before);
    wendi_snapshot_release(after);
    wendi_table_close(other);
    /* A file that the newest commit names is damage when it is missing. */
    must(wendi_table_open(store, wendi_string_of("t"), &other, &error));
    must(wendi_table_snapshot(other, &after, &error));
    fixture_shell("rm '%s/seg'/*", wendi_table_folder(table));
    assert_int_equal(wendi_snapshot_segment(after, 0, &segment, &error), WEND_CORRUPT);
    wendi_snapshot_release(after);
    wendi_table_close(other);
}

#define WITH_TABLE(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_TABLE(a_week_becomes_one_file),
        WITH_TABLE(windows_are_the_largest_that_fit),
        WITH_TABLE(a_window_is_a_tenth_of_the_retention_at_most),
        WITH_TABLE(too_many_inputs_are_merged_in_part),
        WITH_TABLE(finished_files_stay_while_there_is_little_news),
        WITH_TABLE(what_is_merged_already_is_left_alone),
        WITH_TABLE(nothing_stays_on_the_wrong_side),
        WITH_TABLE(a_replaced_segment_must_still_be_there),
        WITH_TABLE(dropped_files_stay_for_their_readers),
        WITH_TABLE(a_reader_that_comes_too_late_hears_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
