/*
 * Queries when things go wrong: damaged bytes, a limit of memory, a request to stop, and memory
 * refused at every single allocation. The answer is the right one or an error, never another
 * answer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "tests/support/query_fixture.h"

enum { ROWS = 4000, COLUMNS = 4 };

static const char ddl[] = "create table t (u text, ts timestamptz not null, k text, v bigint)"
                          " with (user_column='u', time_column='ts')";

static void make_table(query_fixture *fixture)
{
    wendi_arena arena = {0};
    const char **cells = wendi_alloc(ROWS * COLUMNS * sizeof(const char *));

    for (uint32_t i = 0; i < ROWS; i++) {
        cells[i * COLUMNS] = wendi_arena_printf(&arena, "user%u", i % 77);
        cells[i * COLUMNS + 1] =
            wendi_arena_printf(&arena, "2025-01-01T%02u:%02u:00Z", i / 60 % 24, i % 60);
        cells[i * COLUMNS + 2] = i % 11 == 0 ? NULL : wendi_arena_printf(&arena, "key%u", i % 13);
        cells[i * COLUMNS + 3] = wendi_arena_printf(&arena, "%u", i * 7919 % 1000);
    }
    query_fixture_open(fixture);
    query_fixture_table(fixture, ddl, cells, ROWS * COLUMNS, ROWS, 1);
    wendi_arena_free(&arena);
    wendi_free(cells);
}

/* Run a query to its end; the sum of its first column (bigint) is the answer. */
static wend_status run(wendi_query_context *context, const char *sql, int64_t *answer,
                       wend_error *error)
{
    wendi_query *query = NULL;
    wendi_batch batch;
    wend_status status = wendi_query_open(context, wendi_string_of(sql), &query, error);

    *answer = 0;
    while (status == WEND_OK) {
        status = wendi_query_next(query, &batch, error);
        for (uint32_t i = 0; status == WEND_OK && i < batch.row_count; i++) {
            *answer += batch.columns[0].i64[wendi_vector_index(&batch.columns[0], i)];
        }
    }
    wendi_query_close(query);
    return status == WEND_END ? WEND_OK : status;
}

static wend_status run_in(const query_fixture *fixture, const char *sql, bool skip_corrupt,
                          uint64_t memory_limit, int64_t *answer, uint32_t *notes,
                          wend_error *error)
{
    wendi_query_context context;

    memset(error, 0, sizeof *error);
    wend_status status = wendi_query_context_init(&context, error);
    if (status != WEND_OK) {
        return status;
    }
    context.store = fixture->store;
    context.skip_corrupt = skip_corrupt;
    context.memory.limit_bytes = memory_limit;
    status = run(&context, sql, answer, error);
    *notes = context.notes.count;
    assert_true(status != WEND_OK || context.memory.used_bytes == 0);
    wendi_query_context_free(&context);
    return status;
}

/* The one segment file of the table. */
static void segment_path(const query_fixture *fixture, char *path, size_t size)
{
    char folder[128];
    snprintf(folder, sizeof folder, "%s/t/seg", fixture->store);
    DIR *entries = opendir(folder);
    assert_non_null(entries);
    path[0] = '\0';
    for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
        if (strstr(entry->d_name, ".wseg") != NULL) {
            assert_true(snprintf(path, size, "%s/%s", folder, entry->d_name) < (int)size);
        }
    }
    closedir(entries);
    assert_true(path[0] != '\0');
}

static void flip(const char *path, long at)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    fseek(file, at, SEEK_SET);
    int byte = fgetc(file);
    fseek(file, at, SEEK_SET);
    fputc(byte ^ 0x40, file);
    fclose(file);
}

static long file_bytes(const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    long bytes = ftell(file);
    fclose(file);
    return bytes;
}

static void damaged_bytes_are_an_error_or_left_out(void **unused)
{
    static const char sql[] = "select count(*) from t where v >= 0 group by k";
    query_fixture fixture;
    wend_error error;
    int64_t right = 0, answer = 0;
    uint32_t notes = 0, failures = 0, unread = 0;
    char path[256];
    (void)unused;

    make_table(&fixture);
    assert_int_equal(run_in(&fixture, sql, false, 0, &right, &notes, &error), WEND_OK);
    assert_int_equal(right, ROWS);
    segment_path(&fixture, path, sizeof path);
    long bytes = file_bytes(path);
    for (long at = 0; at < bytes; at += 61) {
        flip(path, at);
        wend_status status = run_in(&fixture, sql, false, 0, &answer, &notes, &error);
        if (status == WEND_OK) {
            assert_int_equal(answer, right); /* a byte that this query does not read */
            unread++;
        } else {
            assert_int_equal(status, WEND_CORRUPT);
            assert_non_null(strstr(error.message, ".wseg"));
            failures++;
            status = run_in(&fixture, sql, true, 0, &answer, &notes, &error);
            if (status == WEND_OK) {
                assert_true(answer < right);
                assert_true(notes > 0);
            } else {
                assert_int_equal(status, WEND_CORRUPT);
            }
        }
        flip(path, at);
    }
    assert_true(failures > 10);
    assert_true(unread > 10);
    assert_int_equal(run_in(&fixture, sql, false, 0, &answer, &notes, &error), WEND_OK);
    assert_int_equal(answer, right);
    query_fixture_close(&fixture);
}

static void memory_has_a_limit(void **unused)
{
    query_fixture fixture;
    wend_error error;
    int64_t answer = 0;
    uint32_t notes = 0;
    (void)unused;

    make_table(&fixture);
    assert_int_equal(run_in(&fixture, "select v, u, ts, k from t order by v, u, ts", false, 20000,
                            &answer, &notes, &error),
                     WEND_NOMEM);
    assert_non_null(strstr(error.message, "limit of 20000 bytes"));
    assert_true(error.hint[0] != '\0');
    assert_int_equal(run_in(&fixture, "select v, u, ts, k from t order by v, u, ts", false,
                            64 << 20, &answer, &notes, &error),
                     WEND_OK);
    query_fixture_close(&fixture);
}

static void a_query_can_be_stopped(void **unused)
{
    query_fixture fixture;
    wendi_query_context context;
    wend_error error = {0};
    _Atomic int cancelled = 1;
    int64_t answer = 0;
    (void)unused;

    make_table(&fixture);
    assert_int_equal(wendi_query_context_init(&context, &error), WEND_OK);
    context.store = fixture.store;
    context.cancelled = &cancelled;
    assert_int_equal(
        run(&context, "select count(*) from t where v > 3 group by k", &answer, &error),
        WEND_CANCELLED);
    wendi_query_context_free(&context);
    query_fixture_close(&fixture);
}

static void every_refused_allocation_is_an_error(void **unused)
{
    static const char *const queries[] = {
        "select count(*), k, count(distinct u) from t where v > 100 group by k order by 2 limit 3",
        "with a as (select v, k from t where k like 'key1%') select v from a union select 5 order by 1",
        "select v from t where v in (select max(v) from t) and u <> 'x'",
    };
    query_fixture fixture;
    wend_error error;
    (void)unused;

    make_table(&fixture);
    for (size_t q = 0; q < sizeof queries / sizeof queries[0]; q++) {
        int64_t right = 0, answer = 0;
        uint32_t notes = 0;
        bool done = false;
        assert_int_equal(run_in(&fixture, queries[q], false, 0, &right, &notes, &error), WEND_OK);
        for (int64_t calls = 0; !done && calls < 20000; calls += calls < 400 ? 1 : 7) {
            wendi_alloc_refuse_at(calls);
            wend_status status = run_in(&fixture, queries[q], false, 0, &answer, &notes, &error);
            wendi_alloc_refuse_at(-1);
            if (status == WEND_OK) {
                assert_int_equal(answer, right);
                done = true;
            } else {
                assert_int_equal(status, WEND_NOMEM);
            }
        }
        assert_true(done);
    }
    query_fixture_close(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damaged_bytes_are_an_error_or_left_out),
        cmocka_unit_test(memory_has_a_limit),
        cmocka_unit_test(a_query_can_be_stopped),
        cmocka_unit_test(every_refused_allocation_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
