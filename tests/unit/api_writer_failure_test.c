/*
 * A commit that failed must not be followed by one that "succeeds" without its rows: whoever goes on
 * with a writer after a failure is told so, and a writer opened anew stands where the table does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wend/wend.h"

#define OK(call)                                                                                   \
    do {                                                                                           \
        wend_error error;                                                                          \
        if ((call) != WEND_OK) {                                                                   \
            fail_msg("%s: %s %s", #call, error.message, error.hint);                               \
        }                                                                                          \
    } while (0)

static char folder[64];
static const char lines[] = "{\"u\":\"ann\",\"ts\":\"2025-01-31T10:00:00Z\"}\n"
                            "{\"u\":\"bob\",\"ts\":\"2025-01-31T10:00:01Z\"}\n"
                            "not json\n";

static int make_folder(void **unused)
{
    (void)unused;
    snprintf(folder, sizeof folder, "/tmp/wend-writer-XXXXXX");
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **unused)
{
    char command[96];
    (void)unused;
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static int64_t count_rows(wend_store *store)
{
    wend_query *query = NULL;
    struct ArrowArrayStream stream;
    struct ArrowArray array;

    OK(wend_query_open(store, "select count(*) from t", NULL, &query, &error));
    OK(wend_query_stream(query, &stream, &error));
    assert_int_equal(stream.get_next(&stream, &array), 0);
    int64_t count = ((const int64_t *)array.children[0]->buffers[1])[0];
    array.release(&array);
    stream.release(&stream);
    wend_query_close(query);
    return count;
}

/* Put a table's folder out of its place, or back: what fails is what needs that folder. */
static void move(const char *name, const char *from, const char *to)
{
    char before[256];
    char after[256];
    snprintf(before, sizeof before, "%s/t/%s%s", folder, name, from);
    snprintf(after, sizeof after, "%s/t/%s%s", folder, name, to);
    assert_int_equal(rename(before, after), 0);
}

static void fail_then_go_on(const char *broken)
{
    wend_store *store = NULL;
    wend_writer *writer = NULL;
    wend_error fault;

    OK(wend_store_open(folder, true, &store, &error));
    OK(wend_create_table(store,
                         "CREATE TABLE t (u text, ts timestamptz NOT NULL) WITH (user_column = 'u', "
                         "time_column = 'ts')",
                         false, &error));
    OK(wend_writer_open(store, "t", "loader", &writer, &error));
    OK(wend_writer_append_json(writer, lines, strlen(lines), &error));
    move(broken, "", ".away");
    assert_int_not_equal(wend_writer_commit(writer, 3, &fault), WEND_OK);
    move(broken, ".away", "");

    /* The trouble is over, but this writer may have lost its rows: it says so from now on. */
    assert_int_equal(wend_writer_position(writer), 0);
    assert_int_equal(wend_writer_commit(writer, 3, &fault), WEND_CONFLICT);
    assert_non_null(strstr(fault.message, "failed"));
    assert_int_equal(wend_writer_append_json(writer, lines, strlen(lines), &fault), WEND_CONFLICT);
    wend_writer_close(writer);
    assert_int_equal(count_rows(store), 0);

    OK(wend_writer_open(store, "t", "loader", &writer, &error));
    assert_int_equal(wend_writer_position(writer), 0);
    OK(wend_writer_append_json(writer, lines, strlen(lines), &error));
    OK(wend_writer_commit(writer, 3, &error));
    assert_int_equal(wend_writer_position(writer), 3);
    wend_writer_close(writer);
    assert_int_equal(count_rows(store), 2);
    OK(wend_drop_table(store, "t", &error));
    wend_store_close(store);
}

static void test_rejects_could_not_be_written(void **unused)
{
    (void)unused;
    fail_then_go_on("rejects");
}

static void test_segment_could_not_be_written(void **unused)
{
    (void)unused;
    fail_then_go_on("seg");
}

static void test_record_could_not_be_written(void **unused)
{
    (void)unused;
    fail_then_go_on("log");
}

/* Asking for a position that lies behind changes nothing, so the writer goes on. */
static void test_position_behind_is_no_failure(void **unused)
{
    wend_store *store = NULL;
    wend_writer *writer = NULL;
    wend_error fault;
    (void)unused;

    OK(wend_store_open(folder, true, &store, &error));
    OK(wend_create_table(store, "CREATE TABLE p (u text)", false, &error));
    OK(wend_writer_open(store, "p", "loader", &writer, &error));
    OK(wend_writer_append_json(writer, "{\"u\":\"ann\"}\n", 12, &error));
    OK(wend_writer_commit(writer, 5, &error));
    assert_int_equal(wend_writer_commit(writer, 4, &fault), WEND_CONFLICT);
    OK(wend_writer_append_json(writer, "{\"u\":\"bob\"}\n", 12, &error));
    OK(wend_writer_commit(writer, 6, &error));
    wend_writer_close(writer);
    wend_store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rejects_could_not_be_written),
        cmocka_unit_test(test_segment_could_not_be_written),
        cmocka_unit_test(test_record_could_not_be_written),
        cmocka_unit_test(test_position_behind_is_no_failure),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
