/* What an Arrow consumer sees of a result: formats, nulls, values, and one dictionary a row group.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "tests/support/query_fixture.h"

typedef struct opened {
    wendi_query_context context;
    struct ArrowArrayStream stream;
} opened;

static void open_stream(const query_fixture *fixture, const char *sql, opened *to)
{
    wend_error error = {0};
    wendi_query *query = NULL;

    assert_int_equal(wendi_query_context_init(&to->context, &error), WEND_OK);
    to->context.store = fixture->store;
    if (wendi_query_open(&to->context, wendi_string_of(sql), &query, &error) != WEND_OK) {
        fail_msg("%s", error.message);
    }
    assert_int_equal(wendi_query_export(query, NULL, NULL, NULL, &to->stream, &error), WEND_OK);
}

static void close_stream(opened *from)
{
    from->stream.release(&from->stream);
    assert_null(from->stream.release);
    wendi_query_context_free(&from->context);
}

static void every_type_has_its_format(void **unused)
{
    static const char sql[] =
        "select true, 1::smallint, 1, 1::bigint, 1.5::real, 1.5::double precision, "
        "1.5::numeric(10,2), 'x',"
        " '00112233-4455-6677-8899-aabbccddeeff'::uuid, '10.0.0.1'::inet, date '2024-01-01',"
        " timestamptz '2024-01-01 00:00:00+00', timestamp '2024-01-01 00:00:00', interval '1 month "
        "2 days 3 seconds',"
        " '{\"a\":1}'::jsonb, null::integer";
    static const char *const formats[] = {"b",      "s",   "i",    "l", "f",   "g",
                                          "d:10,2", "u",   "w:16", "u", "tdD", "tsu:UTC",
                                          "tsu:",   "tin", "u",    "i"};
    query_fixture fixture;
    opened result;
    struct ArrowSchema schema;
    struct ArrowArray array;
    (void)unused;

    query_fixture_open(&fixture);
    open_stream(&fixture, sql, &result);
    assert_int_equal(result.stream.get_schema(&result.stream, &schema), 0);
    assert_int_equal(schema.n_children, 16);
    for (int i = 0; i < 16; i++) {
        assert_string_equal(schema.children[i]->format, formats[i]);
        assert_null(schema.children[i]->dictionary);
    }
    assert_non_null(schema.children[8]->metadata);
    assert_non_null(schema.children[14]->metadata);
    assert_int_equal(result.stream.get_next(&result.stream, &array), 0);
    assert_int_equal(array.length, 1);
    assert_int_equal(((const uint8_t *)array.children[0]->buffers[1])[0], 1);
    assert_int_equal(((const int16_t *)array.children[1]->buffers[1])[0], 1);
    assert_int_equal(((const int32_t *)array.children[2]->buffers[1])[0], 1);
    assert_true(((const float *)array.children[4]->buffers[1])[0] == 1.5F);
    assert_int_equal(((const int64_t *)array.children[6]->buffers[1])[0], 150);
    assert_memory_equal(array.children[8]->buffers[1],
                        "\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff", 16);
    assert_memory_equal(array.children[9]->buffers[2], "10.0.0.1", 8);
    assert_int_equal(((const int32_t *)array.children[10]->buffers[1])[0], 19723);
    assert_int_equal(((const int64_t *)array.children[11]->buffers[1])[0],
                     INT64_C(19723) * 86400000000);
    assert_int_equal(((const int32_t *)array.children[13]->buffers[1])[0], 1);
    assert_int_equal(((const int32_t *)array.children[13]->buffers[1])[1], 2);
    assert_int_equal(((const int64_t *)array.children[13]->buffers[1])[1], INT64_C(3000000000));
    assert_int_equal(array.children[15]->null_count, 1);
    assert_int_equal(((const uint8_t *)array.children[15]->buffers[0])[0] & 1, 0);
    array.release(&array);
    assert_int_equal(result.stream.get_next(&result.stream, &array), 0);
    assert_null(array.release); /* the end */
    schema.release(&schema);
    close_stream(&result);
    query_fixture_close(&fixture);
}

enum { ROWS = 150000, COLUMNS = 3 };

/* Row r of the table as it was written; rows without a user come last and by time. */
static void make_cells(const char **cells, wendi_arena *arena)
{
    for (uint32_t i = 0; i < ROWS; i++) {
        cells[i * COLUMNS] = NULL;
        cells[i * COLUMNS + 1] =
            wendi_arena_printf(arena, "2025-01-01T%02u:%02u:%02u.%03uZ", i / 3600000 % 24,
                               i / 60000 % 60, i / 1000 % 60, i % 1000);
        cells[i * COLUMNS + 2] =
            i % 5 == 0 ? NULL : wendi_arena_printf(arena, "page %u", i * 7919 % 400);
    }
}

static void dictionaries_are_shared_by_a_row_group(void **unused)
{
    static const char ddl[] = "create table t (u text, ts timestamptz not null, page text)"
                              " with (user_column='u', time_column='ts')";
    query_fixture fixture;
    opened result;
    struct ArrowSchema schema;
    struct ArrowArray arrays[4];
    wendi_arena arena = {0};
    const char **cells = wendi_alloc(ROWS * COLUMNS * sizeof(const char *));
    int count = 0;
    uint32_t row = 0;
    (void)unused;

    make_cells(cells, &arena);
    query_fixture_open(&fixture);
    query_fixture_table(&fixture, ddl, cells, ROWS * COLUMNS, ROWS, 1);
    open_stream(&fixture, "select page, ts from t", &result);
    assert_int_equal(result.stream.get_schema(&result.stream, &schema), 0);
    assert_string_equal(schema.children[0]->format, "I");
    assert_string_equal(schema.children[0]->dictionary->format, "u");
    for (; count < 4; count++) {
        assert_int_equal(result.stream.get_next(&result.stream, &arrays[count]), 0);
        if (arrays[count].release == NULL) {
            break;
        }
        assert_true(arrays[count].length <= 65536);
    }
    assert_int_equal(count, 3);
    close_stream(&result); /* Arrays outlive their stream. */
    const void *offsets_of_all = arrays[0].children[0]->dictionary->buffers[1];
    const void *bytes_of_all = arrays[0].children[0]->dictionary->buffers[2];
    for (int i = 0; i < count; i++) {
        const struct ArrowArray *page = arrays[i].children[0];
        const struct ArrowArray *words = page->dictionary;
        assert_ptr_equal(words->buffers[1], offsets_of_all);
        assert_ptr_equal(words->buffers[2], bytes_of_all);
        assert_int_equal(words->null_count, 0);
        for (int64_t r = 0; r < page->length; r++, row++) {
            const char *expected = cells[row * COLUMNS + 2];
            bool valid = (((const uint8_t *)page->buffers[0])[r / 8] >> r % 8 & 1) != 0;
            assert_int_equal(valid, expected != NULL);
            if (valid) {
                uint32_t index = ((const uint32_t *)page->buffers[1])[r];
                const int32_t *offsets = words->buffers[1];
                assert_true(index < words->length);
                assert_int_equal(offsets[index + 1] - offsets[index], strlen(expected));
                assert_memory_equal((const char *)words->buffers[2] + offsets[index], expected,
                                    strlen(expected));
            }
        }
        arrays[i].release(&arrays[i]);
    }
    assert_int_equal(row, ROWS);
    schema.release(&schema);
    query_fixture_close(&fixture);
    wendi_arena_free(&arena);
    wendi_free(cells);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_has_its_format),
        cmocka_unit_test(dictionaries_are_shared_by_a_row_group),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
