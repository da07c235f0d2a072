/*
 * One store asked by many threads while a writer commits: every answer is that of some commit,
 * later ones of later commits, and nothing is opened anew for each query.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wend/wend.h"

enum { THREADS = 4, QUERIES = 25, COMMITS = 10, ROWS = 200 };

static char folder[64];
static _Atomic int failures;

static wend_status commit_rows(wend_store *store, int number, wend_error *error)
{
    char line[128];
    wend_writer *writer = NULL;
    wend_status status = wend_writer_open(store, "t", "s", &writer, error);
    for (int i = 0; status == WEND_OK && i < ROWS; i++) {
        int length = snprintf(line, sizeof line,
                              "{\"u\":\"u%d\",\"ts\":\"2026-01-01T00:%02d:%02dZ\",\"n\":%d}\n",
                              i % 17, number, i % 60, number * ROWS + i);
        status = wend_writer_append_json(writer, line, (size_t)length, error);
    }
    if (status == WEND_OK) {
        status = wend_writer_commit(writer, number + 1, error);
    }
    wend_writer_close(writer);
    return status;
}

/* The one number that a query gives, or -1. */
static int64_t number_of(wend_store *store, const char *sql)
{
    wend_query *query = NULL;
    struct ArrowArrayStream stream;
    struct ArrowArray array;
    wend_error error;
    int64_t number = -1;
    if (wend_query_open(store, sql, NULL, &query, &error) != WEND_OK) {
        return -1;
    }
    if (wend_query_stream(query, &stream, &error) == WEND_OK) {
        if (stream.get_next(&stream, &array) == 0 && array.release != NULL) {
            number = ((const int64_t *)array.children[0]->buffers[1])[0];
            array.release(&array);
        }
        stream.release(&stream);
    }
    wend_query_close(query);
    return number;
}

static void *ask(void *of)
{
    int64_t last = 0;
    for (int i = 0; i < QUERIES; i++) {
        int64_t all = number_of(of, "SELECT count(*) FROM t");
        int64_t one = number_of(of, "SELECT count(*) FROM t WHERE u = 'u3'");
        if (all < last || all % ROWS != 0 || one < all / ROWS * 12 || one > COMMITS * 12) {
            atomic_fetch_add(&failures, 1);
        }
        last = all;
    }
    return NULL;
}

static void a_store_is_for_all_threads(void **unused)
{
    (void)unused;
    pthread_t threads[THREADS];
    wend_store *store = NULL;
    wend_error error = {.message = ""};
    snprintf(folder, sizeof folder, "/tmp/wend-api-XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_int_equal(wend_store_open(folder, true, &store, &error), WEND_OK);
    assert_int_equal(
        wend_create_table(store,
                          "CREATE TABLE t (u text, ts timestamptz NOT NULL, n bigint) WITH "
                          "(user_column = 'u', time_column = 'ts')",
                          false, &error),
        WEND_OK);
    assert_int_equal(commit_rows(store, 0, &error), WEND_OK);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, ask, store), 0);
    }
    for (int i = 1; i < COMMITS; i++) {
        assert_int_equal(commit_rows(store, i, &error), WEND_OK);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(failures, 0);
    assert_int_equal(number_of(store, "SELECT count(*) FROM t"), COMMITS * ROWS);
    assert_int_equal(number_of(store, "SELECT sum(n)::bigint FROM t"),
                     (int64_t)COMMITS * ROWS * (COMMITS * ROWS - 1) / 2);
    assert_int_equal(wend_drop_table(store, "t", &error), WEND_OK);
    assert_int_equal(number_of(store, "SELECT count(*) FROM t"), -1);
    wend_store_close(store);
    char command[96];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_store_is_for_all_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
