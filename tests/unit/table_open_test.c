/*
 * Tables that stay open: what one query loaded the next one finds, within the limits of memory and
 * of descriptors; new commits, dropped tables and tables made anew are seen; any number of threads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <pthread.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/table/open_tables.h"
#include "engine/table/table_handle.h"
#include "tests/support/table_fixture.h"

enum { SEGMENTS = 6, SEGMENT_EVENTS = 500 };

static char store[64];

#define OK(call)                                                                                   \
    do {                                                                                           \
        wend_error error = {.message = ""};                                                        \
        if ((call) != WEND_OK) {                                                                   \
            fail_msg("%s: %s", #call, error.message);                                              \
        }                                                                                          \
    } while (0)

/* Commits of one segment each, behind what is there. */
static void add_segments(uint32_t count, int64_t from)
{
    wendi_table *table = NULL;
    wendi_table_writer *writer = NULL;
    OK(wendi_table_open(store, wendi_string_of("t"), &table, &error));
    OK(wendi_table_writer_open(table, NULL, &writer, &error));
    for (uint32_t i = 0; i < count; i++, from += SEGMENT_EVENTS) {
        OK(fixture_commit(writer, from, from + SEGMENT_EVENTS, 0, &error));
    }
    wendi_table_writer_close(writer);
    wendi_table_close(table);
}

static int make_store(void **unused)
{
    (void)unused;
    fixture_folder_make(store);
    fixture_create(store, TABLE_FIXTURE_DDL);
    add_segments(SEGMENTS, 0);
    return 0;
}

static int remove_store(void **unused)
{
    (void)unused;
    fixture_folder_remove(store);
    return 0;
}

static wendi_open_tables *open_with(uint64_t memory_bytes, uint32_t files)
{
    wendi_segment_cache_limits limits = {memory_bytes, files};
    wendi_open_tables *tables = NULL;
    OK(wendi_open_tables_new(store, &limits, &tables, &error));
    return tables;
}

/* Read all, as a query does; how many rows there were. */
static uint64_t read_once(wendi_open_tables *tables, wendi_table_counters *counters)
{
    wendi_open_table *table = NULL;
    wendi_snapshot *snapshot = NULL;
    uint64_t count = 0;
    int64_t sum = 0;
    OK(wendi_open_tables_acquire(tables, wendi_string_of("t"), &table, &snapshot, &error));
    OK(fixture_read(snapshot, &count, &sum, &error));
    assert_true(sum == (int64_t)(count * (count - 1) / 2));
    if (counters != NULL) {
        *counters = wendi_table_counters_now(snapshot->table);
    }
    wendi_snapshot_release(snapshot);
    wendi_open_tables_release(tables, table);
    return count;
}

static void what_was_loaded_is_found_again(void **unused)
{
    wendi_table_counters first, second, third;
    (void)unused;
    wendi_open_tables *tables = open_with(UINT64_C(64) << 20, 0);
    assert_int_equal(read_once(tables, &first), SEGMENTS * SEGMENT_EVENTS);
    (void)read_once(tables, &second);
    (void)read_once(tables, &third);
    assert_int_equal(first.segments_opened, SEGMENTS);
    assert_int_equal(third.segments_opened, SEGMENTS);
    /* Footers, indexes and dictionaries are read once, pages twice, then nothing. */
    assert_true(second.bytes_read > first.bytes_read);
    assert_true(second.bytes_read < 2 * first.bytes_read);
    assert_int_equal(third.bytes_read, second.bytes_read);
    wendi_segment_cache_use use = wendi_open_tables_use(tables);
    assert_int_equal(use.segments, SEGMENTS);
    assert_true(use.memory_bytes > 0 && use.memory_bytes <= use.memory_limit_bytes);
    wendi_open_tables_free(tables);
}

static void new_commits_are_seen(void **unused)
{
    (void)unused;
    wendi_table_counters before, after;
    wendi_open_tables *tables = open_with(UINT64_C(64) << 20, 0);
    wendi_open_table *table = NULL;
    wendi_snapshot *pinned = NULL;
    uint64_t count = 0;
    int64_t sum = 0;
    (void)read_once(tables, &before);
    OK(wendi_open_tables_acquire(tables, wendi_string_of("t"), &table, &pinned, &error));
    add_segments(1, SEGMENTS * SEGMENT_EVENTS);
    assert_int_equal(read_once(tables, &after), (SEGMENTS + 1) * SEGMENT_EVENTS);
    assert_int_equal(after.segments_opened, before.segments_opened + 1);
    OK(fixture_read(pinned, &count, &sum, &error)); /* what was pinned stays what it was */
    assert_int_equal(count, SEGMENTS * SEGMENT_EVENTS);
    wendi_snapshot_release(pinned);
    wendi_open_tables_release(tables, table);
    wendi_open_tables_free(tables);
}

static void a_table_made_anew_is_another(void **unused)
{
    (void)unused;
    wend_error refusal = {.message = ""};
    wendi_open_table *table = NULL;
    wendi_snapshot *snapshot = NULL;
    wendi_open_tables *tables = open_with(UINT64_C(64) << 20, 0);
    (void)read_once(tables, NULL);
    for (uint32_t segments = 1; segments <= SEGMENTS + 2; segments += SEGMENTS / 2) {
        /* with fewer, as many and more commits than the one before */
        OK(wendi_table_drop(store, wendi_string_of("t"), &error));
        fixture_create(store, TABLE_FIXTURE_DDL);
        add_segments(segments, 0);
        assert_int_equal(read_once(tables, NULL), segments * SEGMENT_EVENTS);
        assert_int_equal(read_once(tables, NULL), segments * SEGMENT_EVENTS);
    }
    OK(wendi_table_drop(store, wendi_string_of("t"), &error));
    assert_int_equal(
        wendi_open_tables_acquire(tables, wendi_string_of("t"), &table, &snapshot, &refusal),
        WEND_NOT_FOUND);
    assert_non_null(strstr(refusal.message, "there is no table t"));
    assert_null(table);
    assert_null(snapshot);
    assert_int_equal(wendi_open_tables_use(tables).segments, 0);
    fixture_create(store, TABLE_FIXTURE_DDL);
    add_segments(SEGMENTS, 0);
    assert_int_equal(read_once(tables, NULL), SEGMENTS * SEGMENT_EVENTS);
    wendi_open_tables_free(tables);
}

static void memory_keeps_to_its_limit(void **unused)
{
    (void)unused;
    wendi_open_tables *tables = open_with(UINT64_C(64) << 20, 0);
    for (int i = 0; i < 3; i++) {
        (void)read_once(tables, NULL);
    }
    uint64_t all = wendi_open_tables_use(tables).memory_bytes;
    wendi_open_tables_free(tables);
    for (uint64_t part = 1; part <= 16; part *= 2) {
        tables = open_with(all / part, 0);
        for (int i = 0; i < 6; i++) {
            assert_int_equal(read_once(tables, NULL), SEGMENTS * SEGMENT_EVENTS);
            assert_true(wendi_open_tables_use(tables).memory_bytes <= all / part);
        }
        wendi_open_tables_free(tables);
    }
    tables = open_with(1, 0);
    (void)read_once(tables, NULL);
    assert_int_equal(wendi_open_tables_use(tables).segments, 0);
    assert_int_equal(wendi_open_tables_use(tables).memory_bytes, 0);
    wendi_open_tables_free(tables);
}

/* Room that stale pages take is given to those that are read now. */
static void what_is_not_used_makes_room(void **unused)
{
    (void)unused;
    wendi_table_counters before, after;
    wendi_open_tables *tables = open_with(UINT64_C(64) << 20, 0);
    for (int i = 0; i < 3; i++) {
        (void)read_once(tables, NULL);
    }
    uint64_t all = wendi_open_tables_use(tables).memory_bytes;
    wendi_open_tables_free(tables);
    tables = open_with(all + all / 4, 0);
    for (int i = 0; i < 3; i++) {
        (void)read_once(tables, &before);
    }
    OK(wendi_table_drop(store, wendi_string_of("t"), &error));
    fixture_create(store, TABLE_FIXTURE_DDL);
    add_segments(SEGMENTS, 0); /* other segments of the same size */
    for (int i = 0; i < 40; i++) {
        (void)read_once(tables, &before);
    }
    (void)read_once(tables, &after);
    assert_int_equal(after.bytes_read, before.bytes_read);
    wendi_open_tables_free(tables);
}

static void descriptors_keep_to_their_limit(void **unused)
{
    (void)unused;
    wendi_open_tables *tables = open_with(1, 2);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(read_once(tables, NULL), SEGMENTS * SEGMENT_EVENTS);
        assert_true(wendi_open_tables_use(tables).files <= 2);
    }
    wendi_open_tables_free(tables);
    tables = open_with(UINT64_C(64) << 20, 2);
    assert_int_equal(read_once(tables, NULL), SEGMENTS * SEGMENT_EVENTS);
    assert_int_equal(wendi_open_tables_use(tables).files, 2);
    assert_int_equal(wendi_open_tables_use(tables).segments, SEGMENTS);
    wendi_open_tables_free(tables);
}

static void a_file_that_went_is_damage(void **unused)
{
    (void)unused;
    wend_error refusal = {.message = ""};
    wendi_open_table *table = NULL;
    wendi_snapshot *snapshot = NULL;
    wendi_segment *segment = NULL;
    uint64_t count = 0;
    int64_t sum = 0;
    wendi_open_tables *tables = open_with(UINT64_C(64) << 20, 1);
    OK(wendi_open_tables_acquire(tables, wendi_string_of("t"), &table, &snapshot, &error));
    for (uint32_t i = 0; i < SEGMENTS; i++) {
        OK(wendi_snapshot_segment(snapshot, i, &segment, &error));
    }
    fixture_shell("cp -r %s/t/seg %s/aside && rm %s/t/seg/*", store, store, store);
    assert_int_equal(fixture_read(snapshot, &count, &sum, &refusal), WEND_CORRUPT);
    assert_non_null(strstr(refusal.message, "is named by the log but missing"));
    fixture_shell(
        "for f in %s/aside/*; do cp $f %s/t/seg/; echo more >> %s/t/seg/$(basename $f); done",
        store, store, store);
    assert_int_equal(fixture_read(snapshot, &count, &sum, &refusal), WEND_CORRUPT);
    assert_non_null(strstr(refusal.message, "that were committed"));
    fixture_shell("cp %s/aside/* %s/t/seg/ && rm -r %s/aside", store, store, store);
    OK(fixture_read(snapshot, &count, &sum, &error));
    wendi_snapshot_release(snapshot);
    wendi_open_tables_release(tables, table);
    wendi_open_tables_free(tables);
}

static void *read_often(void *of)
{
    for (int i = 0; i < 12; i++) {
        (void)read_once(of, NULL);
    }
    return NULL;
}

static void threads_share_what_is_open(void **unused)
{
    (void)unused;
    static const uint64_t memory[] = {1, UINT64_C(200) << 10, UINT64_C(64) << 20};
    for (uint32_t m = 0; m < 3; m++) {
        pthread_t threads[4];
        wendi_open_tables *tables = open_with(memory[m], 3);
        for (uint32_t i = 0; i < 4; i++) {
            assert_int_equal(pthread_create(&threads[i], NULL, read_often, tables), 0);
        }
        add_segments(1, (SEGMENTS + m) * SEGMENT_EVENTS);
        for (uint32_t i = 0; i < 4; i++) {
            pthread_join(threads[i], NULL);
        }
        assert_int_equal(read_once(tables, NULL), (SEGMENTS + m + 1) * SEGMENT_EVENTS);
        wendi_open_tables_free(tables);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_loaded_is_found_again, make_store, remove_store),
        cmocka_unit_test_setup_teardown(new_commits_are_seen, make_store, remove_store),
        cmocka_unit_test_setup_teardown(a_table_made_anew_is_another, make_store, remove_store),
        cmocka_unit_test_setup_teardown(memory_keeps_to_its_limit, make_store, remove_store),
        cmocka_unit_test_setup_teardown(what_is_not_used_makes_room, make_store, remove_store),
        cmocka_unit_test_setup_teardown(descriptors_keep_to_their_limit, make_store, remove_store),
        cmocka_unit_test_setup_teardown(a_file_that_went_is_damage, make_store, remove_store),
        cmocka_unit_test_setup_teardown(threads_share_what_is_open, make_store, remove_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
