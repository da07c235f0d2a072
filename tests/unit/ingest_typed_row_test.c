/*
 * Rows of typed values as objects: what is written is read back exactly, whatever the values; and such rows, refused
 * and replayed, are stored as they were handed in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/column/value.h"
#include "engine/expr/table_ddl.h"
#include "engine/table/table_change.h"
#include "ingest/appender.h"
#include "ingest/replay.h"
#include "ingest/typed_row.h"
#include "tests/support/segment_fixture.h"
#include "tests/support/table_fixture.h"

enum { ROWS = 3000, PADDING = 64 };

/* Paths and formats of time that JSON would have to be written for. */
#define COLUMNS                                                                                                        \
    "ts timestamptz OPTIONS (path '$.when.at', format 'epoch_ms') NOT NULL, t text, j jsonb, b boolean, i bigint, "    \
    "s smallint, f double precision, r real, n numeric(18,4), d date, u uuid, a inet, "                                \
    "zoned timestamptz OPTIONS (format '%d/%b/%Y:%H:%M:%S', timezone 'Europe/Berlin'), topic text OPTIONS (path '$topic')"

static wendi_string make_text(uint64_t *random, wendi_arena *arena)
{
    static const char *const texts[] = {"", "a", "\"", "\\n", "\n", "{}", "null", "NaN", "ünï", "a\\\"b\tc", "[1,2]"};
    const char *text = texts[random_below(random, sizeof texts / sizeof texts[0])];
    return (wendi_string){wendi_arena_copy(arena, text, strlen(text)), (uint32_t)strlen(text)};
}

static double make_double(uint64_t *random)
{
    static const double odd[] = {0.0, -0.0, INFINITY, -INFINITY, NAN, 1e-308, 1.7976931348623157e308, 0.1};
    uint64_t which = random_below(random, 16);
    return which < 8 ? odd[which] : (double)(int64_t)random_next(random) / 1e7;
}

static wendi_value make_value(wendi_type type, uint64_t *random, wendi_arena *arena)
{
    static const char *const documents[] = {"{\"a\":[1,2.50,{\"b\":null}]}", "\"text \\u00e9\"", "17", "true", "[]"};
    wendi_value value = {.type = type};
    const char *reason;
    switch (type.kind) {
    case WENDI_TYPE_TEXT:
        value.string = make_text(random, arena);
        break;
    case WENDI_TYPE_JSONB:
        value.string = wendi_string_of(documents[random_below(random, 5)]);
        break;
    case WENDI_TYPE_BOOLEAN:
        value.i64 = (int64_t)random_below(random, 2);
        break;
    case WENDI_TYPE_SMALLINT:
        value.i64 = (int16_t)random_next(random);
        break;
    case WENDI_TYPE_DOUBLE:
        value.f64 = make_double(random);
        break;
    case WENDI_TYPE_REAL:
        value.f64 = (double)(float)make_double(random);
        break;
    case WENDI_TYPE_UUID:
        assert_int_equal(wendi_value_parse(type, wendi_string_of("7f5be3ad-2b31-4a3e-9f57-17f1f34f0001"),
                                           wendi_timezone_utc(), &value, &reason),
                         WEND_OK);
        break;
    case WENDI_TYPE_INET:
        assert_int_equal(wendi_value_parse(type, wendi_string_of(random_below(random, 2) == 0 ? "10.1.2.3" : "2001:db8::7"),
                                           wendi_timezone_utc(), &value, &reason),
                         WEND_OK);
        break;
    case WENDI_TYPE_NUMERIC:
        value.i64 = (int64_t)random_below(random, 2000000000) - 1000000000;
        break;
    case WENDI_TYPE_DATE:
        value.i64 = (int64_t)random_below(random, 40000) - 10000;
        break;
    default: /* times and integers */
        value.i64 = (int64_t)random_below(random, UINT64_C(4000000000000000)) - 1000000000000000;
        break;
    }
    return value;
}

static void fill_row(wendi_row_builder *builder, uint64_t *random, wendi_arena *arena)
{
    for (uint32_t c = 0; c < builder->column_count; c++) {
        const wendi_column *column = &builder->schema->columns[c];
        bool null = !column->not_null && random_below(random, 5) == 0;
        wendi_value value = null ? (wendi_value){.type = column->type, .null = true} : make_value(column->type, random, arena);
        assert_int_equal(wendi_row_builder_set(builder, c, &value), WEND_OK);
    }
    builder->row_count++;
}

static void check_equal(const wendi_row_builder *left, const wendi_row_builder *right, uint32_t row)
{
    for (uint32_t c = 0; c < left->column_count; c++) {
        wendi_value a = wendi_column_builder_value(&left->columns[c], row);
        wendi_value b = wendi_column_builder_value(&right->columns[c], row);
        wendi_buffer x = {0};
        wendi_buffer y = {0};
        assert_int_equal(a.null, b.null);
        assert_int_equal(wendi_value_format(&a, wendi_timezone_utc(), &x), WEND_OK);
        assert_int_equal(wendi_value_format(&b, wendi_timezone_utc(), &y), WEND_OK);
        assert_int_equal(x.length, y.length);
        if (x.length != 0) {
            assert_memory_equal(x.data, y.data, x.length);
        }
        wendi_buffer_free(&x);
        wendi_buffer_free(&y);
    }
}

static void what_is_written_is_read_back(void **state)
{
    wendi_schema *schema;
    wendi_row_builder written;
    wendi_row_builder read;
    wendi_arena arena = {0};
    uint64_t random = 4711;
    wend_error error;
    (void)state;
    assert_int_equal(wendi_schema_parse("CREATE TABLE t (" COLUMNS ") WITH (time_column = 'ts', rest = 'keep')", &schema, &error),
                     WEND_OK);
    assert_int_equal(wendi_row_builder_init(&written, schema, ROWS, NULL), WEND_OK);
    assert_int_equal(wendi_row_builder_init(&read, schema, ROWS, NULL), WEND_OK);
    for (uint32_t row = 0; row < ROWS; row++) {
        wendi_buffer text = {0};
        fill_row(&written, &random, &arena);
        assert_int_equal(wendi_typed_row_write(&written, row, &text), WEND_OK);
        wendi_string object = {(const char *)text.data, (uint32_t)text.length};
        assert_int_equal(wendi_buffer_append_zero(&text, PADDING), WEND_OK);
        object.data = (const char *)text.data;
        if (wendi_typed_row_read(object, &read, &arena, &error) != WEND_OK) {
            fail_msg("%.*s: %s", (int)object.length, object.data, error.message);
        }
        read.row_count++;
        check_equal(&written, &read, row);
        wendi_buffer_free(&text);
    }
    wendi_row_builder_free(&written);
    wendi_row_builder_free(&read);
    wendi_schema_free(schema);
    wendi_arena_free(&arena);
}

static void what_is_no_row_is_refused(void **state)
{
    static const char *const texts[] = {"", "{", "{}x", "[]", "{\"x\":1}", "{\"i\":\"one\"}", "{\"i\":1,}", "{\"i\" 1}"};
    wendi_schema *schema;
    wendi_row_builder builder;
    wendi_arena arena = {0};
    (void)state;
    assert_int_equal(wendi_schema_parse("CREATE TABLE t (i bigint default 7)", &schema, NULL), WEND_OK);
    assert_int_equal(wendi_row_builder_init(&builder, schema, ROWS, NULL), WEND_OK);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char padded[256] = {0};
        snprintf(padded, sizeof padded, "%s", texts[i]);
        wendi_string object = {padded, (uint32_t)strlen(padded)};
        assert_int_equal(wendi_typed_row_read(object, &builder, &arena, NULL), WEND_INVALID);
    }
    char empty[2 + PADDING] = "{}";
    assert_int_equal(wendi_typed_row_read((wendi_string){empty, 2}, &builder, &arena, NULL), WEND_OK);
    builder.row_count++;
    assert_int_equal(wendi_column_builder_value(&builder.columns[0], 0).i64, 7);
    wendi_row_builder_free(&builder);
    wendi_schema_free(schema);
    wendi_arena_free(&arena);
}

/* Two tables get the same typed rows; one refuses them all at first. Their segments are equal then. */
static void refused_rows_are_replayed_as_they_were(void **state)
{
    static const char *const ddl[] = {"CREATE TABLE t (" COLUMNS ", CONSTRAINT no CHECK (false)) WITH (time_column = 'ts')",
                                      "CREATE TABLE t (" COLUMNS ") WITH (time_column = 'ts')"};
    char base[64];
    char request[64];
    uint64_t checksums[2][2];
    (void)state;
    fixture_folder_make(base);
    for (int i = 0; i < 2; i++) {
        char store[80];
        wendi_table *table;
        wendi_appender *appender;
        wendi_row_builder *builder;
        wendi_snapshot *snapshot;
        wendi_arena arena = {0};
        uint64_t random = 99;
        snprintf(store, sizeof store, "%s/%d", base, i);
        fixture_create(store, ddl[i]);
        assert_int_equal(wendi_table_open(store, wendi_string_of("t"), &table, NULL), WEND_OK);
        assert_int_equal(wendi_appender_open(table, "program", NULL, &appender, NULL), WEND_OK);
        assert_int_equal(wendi_appender_rows(appender, ROWS, &builder, NULL), WEND_OK);
        for (int row = 0; row < ROWS; row++) {
            fill_row(builder, &random, &arena);
        }
        assert_int_equal(wendi_appender_settle(appender, NULL), WEND_OK);
        assert_int_equal(wendi_appender_counts_now(appender).rejected, i == 0 ? ROWS : 0);
        assert_int_equal(wendi_appender_commit(appender, 1, NULL), WEND_OK);
        wendi_appender_close(appender);
        if (i == 0) {
            wendi_replay_stats stats;
            wendi_replay_options options = {.dry_run = false};
            assert_int_equal(wendi_table_alter(table, "ALTER TABLE t DROP CONSTRAINT no", true, request, NULL), WEND_OK);
            assert_int_equal(wendi_replay_run(table, &options, &stats, NULL), WEND_OK);
            assert_int_equal(stats.stored, ROWS);
        }
        assert_int_equal(wendi_table_snapshot(table, &snapshot, NULL), WEND_OK);
        const wendi_table_state *now = wendi_snapshot_state(snapshot);
        assert_int_equal(now->segment_count, 1);
        assert_int_equal(now->reject_count, 0);
        assert_int_equal(now->sources[0].stored, ROWS);
        assert_int_equal(now->sources[0].rejected, 0);
        checksums[i][0] = now->segments[0].row_count;
        checksums[i][1] = now->segments[0].footer_offset; /* of equal pages: footers name their file */
        wendi_snapshot_release(snapshot);
        wendi_table_close(table);
        wendi_arena_free(&arena);
    }
    assert_memory_equal(checksums[0], checksums[1], sizeof checksums[0]);
    fixture_folder_remove(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(what_is_no_row_is_refused),
        cmocka_unit_test(refused_rows_are_replayed_as_they_were),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
