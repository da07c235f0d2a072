/*
 * The public API by itself: rows go in as JSON, come out as Arrow, go into a second table as Arrow
 * and come out equal; positions survive; wrong use is an error with a sentence.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wend/wend.h"

static char folder[64];

#define OK(call)                                                                                   \
    do {                                                                                           \
        wend_error error;                                                                          \
        if ((call) != WEND_OK) {                                                                   \
            fail_msg("%s: %s %s", #call, error.message, error.hint);                               \
        }                                                                                          \
    } while (0)

static const char columns_ddl[] = "u text, ts timestamptz NOT NULL, b boolean, s smallint, i "
                                  "integer, l bigint, f real, d double precision,"
                                  " n numeric(12,2), id uuid, ip inet, day date, doc jsonb, big "
                                  "boolean GENERATED ALWAYS AS (n > 10) STORED"
                                  ") WITH (user_column = 'u', time_column = 'ts')";
static const char lines[] =
    "{\"u\":\"ann\",\"ts\":\"2025-01-31T10:00:00.25Z\",\"b\":true,\"s\":-7,\"i\":70000,\"l\":-"
    "9007199254740993,\"f\":1.5,"
    "\"d\":0.1,\"n\":12.34,\"id\":\"00112233-4455-6677-8899-aabbccddeeff\",\"ip\":\"10.1.2.3\","
    "\"day\":\"2024-02-29\","
    "\"doc\":{\"k\":[1,2]}}\n"
    "{\"u\":null,\"ts\":\"1969-12-31T23:59:59.999999Z\",\"n\":-0.01,\"ip\":\"2001:db8::1\"}\n"
    "{\"u\":\"\\u00e4\",\"ts\":\"2025-02-01T00:00:00Z\",\"b\":false,\"n\":10.00}\n"
    "{\"u\":\"no time\"}\n"
    "not json\n";

static int make_folder(void **unused)
{
    (void)unused;
    snprintf(folder, sizeof folder, "/tmp/wend-api-XXXXXX");
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **unused)
{
    char command[96];
    (void)unused;
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static void create(wend_store *store, const char *name)
{
    char ddl[1024];
    snprintf(ddl, sizeof ddl, "CREATE TABLE %s (%s", name, columns_ddl);
    OK(wend_create_table(store, ddl, false, &error));
}

/* The one text that a query gives. */
static void answer(wend_store *store, const char *sql, char *text, size_t size)
{
    wend_query *query = NULL;
    struct ArrowArrayStream stream;
    struct ArrowArray array;

    OK(wend_query_open(store, sql, NULL, &query, &error));
    OK(wend_query_stream(query, &stream, &error));
    assert_int_equal(stream.get_next(&stream, &array), 0);
    assert_non_null(array.release);
    const int32_t *offsets = array.children[0]->buffers[1];
    snprintf(text, size, "%.*s", (int)(offsets[1] - offsets[0]),
             (const char *)array.children[0]->buffers[2] + offsets[0]);
    array.release(&array);
    stream.release(&stream);
    wend_query_close(query);
}

static void expect(wend_store *store, const char *sql, const char *expected)
{
    char text[256];
    answer(store, sql, text, sizeof text);
    assert_string_equal(text, expected);
}

static void append_json(wend_store *store)
{
    wend_writer *writer = NULL;

    OK(wend_writer_open(store, "a", "test", &writer, &error));
    assert_int_equal(wend_writer_position(writer), 0);
    OK(wend_writer_append_json(writer, lines, strlen(lines), &error));
    OK(wend_writer_commit(writer, 5, &error));
    wend_writer_counts counts = wend_writer_counts_now(writer);
    assert_int_equal(counts.taken, 5);
    assert_int_equal(counts.stored, 3);
    assert_int_equal(counts.rejected, 2);
    wend_writer_close(writer);
    OK(wend_writer_open(store, "a", "test", &writer, &error));
    assert_int_equal(wend_writer_position(writer), 5);
    wend_writer_close(writer);
}

static void append_arrow(wend_store *store)
{
    static const char sql[] = "SELECT u, ts, b, s, i, l, f, d, n, id, ip, day, doc FROM a";
    wend_writer *writer = NULL;
    wend_query *query = NULL;
    struct ArrowArrayStream stream;
    struct ArrowSchema schema;
    struct ArrowArray array;

    OK(wend_writer_open(store, "b", "copy", &writer, &error));
    OK(wend_query_open(store, sql, NULL, &query, &error));
    OK(wend_query_stream(query, &stream, &error));
    assert_int_equal(stream.get_schema(&stream, &schema), 0);
    while (stream.get_next(&stream, &array) == 0 && array.release != NULL) {
        OK(wend_writer_append_arrow(writer, &schema, &array, &error));
        array.release(&array);
    }
    assert_int_equal(wend_query_error(query)->status, WEND_OK);
    OK(wend_writer_commit(writer, 1, &error));
    assert_int_equal(wend_writer_counts_now(writer).stored, 3);
    schema.release(&schema);
    stream.release(&stream);
    wend_query_close(query);
    wend_writer_close(writer);
}

static void rows_survive_json_and_arrow(void **unused)
{
    wend_store *store = NULL;
    wend_table_status status;
    (void)unused;

    OK(wend_store_open(folder, true, &store, &error));
    create(store, "a");
    create(store, "b");
    append_json(store);
    append_arrow(store);
    /* Both directions empty: the tables hold the same rows, in every column. */
    expect(store, "SELECT count(*)::text FROM (SELECT * FROM a EXCEPT ALL SELECT * FROM b) t", "0");
    expect(store, "SELECT count(*)::text FROM (SELECT * FROM b EXCEPT ALL SELECT * FROM a) t", "0");
    expect(store,
           "SELECT l::text || ' ' || n::text || ' ' || id::text || ' ' || big::text FROM b WHERE u "
           "= 'ann'",
           "-9007199254740993 12.34 00112233-4455-6677-8899-aabbccddeeff true");
    expect(store, "SELECT ip::text || ' ' || big::text FROM b WHERE u IS NULL",
           "2001:db8::1 false");
    OK(wend_table_status_of(store, "a", &status, &error));
    assert_int_equal(status.row_count, 3);
    assert_int_equal(status.reject_row_count, 2);
    assert_int_equal(status.null_user_rows, 1);
    OK(wend_verify_table(store, "a", NULL, NULL, &error));
    wend_store_close(store);
}

static void wrong_use_is_an_error(void **unused)
{
    wend_store *store = NULL;
    wend_query *query = NULL;
    wend_writer *writer = NULL;
    wend_writer *second = NULL;
    wend_error error;
    struct ArrowArrayStream stream;
    struct ArrowArrayStream again;
    (void)unused;

    assert_int_equal(wend_store_open("/nonexistent/wend", false, &store, &error), WEND_NOT_FOUND);
    assert_null(store);
    assert_int_equal(wend_store_open(NULL, false, &store, &error), WEND_INVALID);
    assert_int_equal(wend_store_open(folder, false, &store, NULL), WEND_OK);
    assert_int_equal(wend_create_table(store, "CREATE TABLE a (x integer)", false, &error),
                     WEND_EXISTS);
    assert_int_equal(wend_create_table(store, "CREATE TABLE a (x integer)", true, &error), WEND_OK);
    assert_int_equal(wend_create_table(store, "SELECT 1", false, &error), WEND_INVALID);
    assert_int_equal(wend_query_open(store, "SELECT nosuch FROM a", NULL, &query, &error),
                     WEND_NOT_FOUND);
    assert_int_equal(error.position, 7);
    assert_null(query);
    assert_int_equal(wend_query_open(store, "SELECT 1",
                                     &(wend_query_options){.time_zone = "Mars/Base"}, &query,
                                     &error),
                     WEND_INVALID);
    assert_int_equal(wend_writer_open(store, "nosuch", "x", &writer, &error), WEND_NOT_FOUND);
    assert_int_equal(wend_writer_open(store, "a", "x", &writer, &error), WEND_OK);
    assert_int_equal(wend_writer_open(store, "a", "x", &second, &error), WEND_BUSY);
    assert_null(second);
    wend_writer_close(writer);
    assert_int_equal(wend_query_open(store, "SELECT 1", NULL, &query, &error), WEND_OK);
    assert_int_equal(wend_query_stream(query, &stream, &error), WEND_OK);
    assert_int_equal(wend_query_stream(query, &again, &error), WEND_INVALID);
    wend_query_cancel(query);
    struct ArrowArray array;
    assert_int_not_equal(stream.get_next(&stream, &array), 0);
    assert_int_equal(wend_query_error(query)->status, WEND_CANCELLED);
    stream.release(&stream);
    wend_query_close(query);
    wend_store_close(store);
}

/* A batch that does not fit is refused as a whole. */
static void batches_are_taken_as_a_whole(void **unused)
{
    static const int32_t numbers[] = {1, 2, 3};
    static const int32_t offsets[] = {0, 20, 30, 50};
    static const char texts[] = "2025-01-01T00:00:00Znot a time2025-01-01T00:00:00Z";
    struct ArrowSchema i = {.format = "i", .name = "i"}, ts = {.format = "u", .name = "ts"};
    struct ArrowSchema *fields[] = {&i, &ts};
    struct ArrowSchema schema = {.format = "+s", .name = "", .n_children = 2, .children = fields};
    const void *i_buffers[] = {NULL, numbers}, *ts_buffers[] = {NULL, offsets, texts};
    struct ArrowArray i_array = {.length = 3, .n_buffers = 2, .buffers = i_buffers};
    struct ArrowArray ts_array = {.length = 3, .n_buffers = 3, .buffers = ts_buffers};
    struct ArrowArray *arrays[] = {&i_array, &ts_array};
    const void *no_buffers[] = {NULL};
    struct ArrowArray array = {
        .length = 3, .n_buffers = 1, .buffers = no_buffers, .n_children = 2, .children = arrays};
    wend_store *store = NULL;
    wend_writer *writer = NULL;
    wend_error error;
    (void)unused;

    assert_int_equal(wend_store_open(folder, false, &store, &error), WEND_OK);
    assert_int_equal(wend_writer_open(store, "a", "typed", &writer, &error), WEND_OK);
    assert_int_equal(wend_writer_append_arrow(writer, &schema, &array, &error), WEND_INVALID);
    assert_non_null(strstr(error.message, "row 1, column \"ts\""));
    assert_int_equal(wend_writer_counts_now(writer).taken, 0);
    array.length = 1;
    array.offset = 2; /* only the last row */
    assert_int_equal(wend_writer_append_arrow(writer, &schema, &array, &error), WEND_OK);
    i.name = "nosuch";
    assert_int_equal(wend_writer_append_arrow(writer, &schema, &array, &error), WEND_INVALID);
    i.name = "u";
    assert_int_equal(wend_writer_append_arrow(writer, &schema, &array, &error),
                     WEND_INVALID); /* int into text */
    assert_int_equal(wend_writer_commit(writer, 1, &error), WEND_OK);
    wend_writer_close(writer);
    expect(store, "SELECT i::text FROM a WHERE ts = '2025-01-01T00:00:00Z'", "3");
    wend_store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_survive_json_and_arrow),
        cmocka_unit_test(wrong_use_is_an_error),
        cmocka_unit_test(batches_are_taken_as_a_whole),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
