/*
 * Types guessed from values: what each kind of value gives, that parts put together say what the whole says, and
 * that the ALTER TABLE text is one that the schema takes and that leads to the values.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "engine/expr/table_ddl.h"
#include "ingest/value_guess.h"

enum { PADDED_BYTES = 256 };

/* Values as JSON, blanks between them; scanners may read beyond a value, so each is padded. */
static wendi_value_guess guess_of(const char *values)
{
    wendi_value_guess guess = {0};
    wendi_buffer scratch = {0};
    while (*values != '\0') {
        char padded[PADDED_BYTES] = {0};
        size_t length = strcspn(values, " ");
        assert_true(length < PADDED_BYTES - 64);
        memcpy(padded, values, length);
        assert_int_equal(wendi_value_guess_add(&guess, padded, padded + length, &scratch), WEND_OK);
        values += length + (values[length] == ' ');
    }
    wendi_buffer_free(&scratch);
    return guess;
}

static const struct {
    const char *key;
    const char *values;
    const char *type;
} CASES[] = {
    {"n", "1 2 -9223372036854775808 9223372036854775807", "bigint"},
    {"n", "1 9223372036854775808", "text"},
    {"n", "1.5 2", "double precision"},
    {"n", "1e3", "double precision"},
    {"price", "1.5 2", "numeric(18,2)"},
    {"price", "1.555 2", "numeric(18,4)"},
    {"price", "1.55555", "double precision"},
    {"created_at", "1718000000 1718000001", "timestamptz"},
    {"created_at", "1718000000 5", "bigint"},
    {"b", "true false null", "boolean"},
    {"b", "true 1", "text"},
    {"s", "\"x\" \"y\"", "text"},
    {"s", "\"x\" 1", "text"},
    {"when", "\"2024-05-01T10:00:00Z\"", "timestamptz"},
    {"when", "\"2024-05-01T10:00:00\"", "timestamptz"},
    {"when", "\"2024-05-01\"", "date"},
    {"when", "\"2024-05-01\" \"soon\"", "text"},
    {"id", "\"7f5be3ad-2b31-4a3e-9f57-17f1f34f0001\"", "uuid"},
    {"id", "\"\\u0037f5be3ad-2b31-4a3e-9f57-17f1f34f0001\"", "uuid"},
    {"ip", "\"10.0.0.1\" \"::1\"", "inet"},
    {"version", "\"10.0.0.1\"", "text"},
    {"o", "{}", "jsonb"},
    {"a", "[1]", "jsonb"},
    {"a", "[1] 1", "jsonb"},
    {"z", "null", "jsonb"},
};

static void each_kind_of_value_has_its_type(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        wendi_arena arena = {0};
        wendi_value_guess guess = guess_of(CASES[i].values);
        const char *type = wendi_value_guess_type(&guess, wendi_string_of(CASES[i].key), &arena).type;
        if (strcmp(type, CASES[i].type) != 0) {
            fail_msg("%s: %s gave %s, not %s", CASES[i].key, CASES[i].values, type, CASES[i].type);
        }
        wendi_arena_free(&arena);
    }
}

static void parts_together_say_what_the_whole_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        for (size_t j = 0; j < sizeof CASES / sizeof CASES[0]; j++) {
            char both[2 * PADDED_BYTES];
            snprintf(both, sizeof both, "%s %s", CASES[i].values, CASES[j].values);
            wendi_value_guess whole = guess_of(both);
            wendi_value_guess merged = guess_of(CASES[i].values);
            wendi_value_guess other = guess_of(CASES[j].values);
            wendi_value_guess_merge(&merged, &other);
            assert_memory_equal(&merged, &whole, sizeof whole);
        }
    }
}

static void kinds_that_were_not_looked_at_widen_the_type(void **state)
{
    wendi_arena arena = {0};
    wendi_value_guess guess = guess_of("\"2024-05-01\"");
    (void)state;
    wendi_value_guess_widen(&guess, WENDI_VALUE_STRING | WENDI_VALUE_NULL);
    assert_string_equal(wendi_value_guess_type(&guess, wendi_string_of("d"), &arena).type, "date");
    wendi_value_guess_widen(&guess, WENDI_VALUE_NUMBER);
    assert_string_equal(wendi_value_guess_type(&guess, wendi_string_of("d"), &arena).type, "text");
    wendi_value_guess_widen(&guess, WENDI_VALUE_OBJECT);
    assert_string_equal(wendi_value_guess_type(&guess, wendi_string_of("d"), &arena).type, "jsonb");
    wendi_arena_free(&arena);
}

static void an_example_is_cut_between_characters(void **state)
{
    char text[PADDED_BYTES] = "\"";
    wendi_value_guess guess;
    (void)state;
    while (strlen(text) < 100) {
        strcat(text, "é");
    }
    strcat(text, "\"");
    guess = guess_of(text);
    assert_int_equal(guess.example_bytes, 47);
    assert_int_equal(strlen(guess.example), 47);
    guess = guess_of("null 5 6");
    assert_string_equal(guess.example, "5");
}

/* The statement is carried out on a schema, and the new column's path is the one that was asked for. */
static void check_ddl(const char *path, const char *values, const char *expected, const char *type)
{
    wendi_schema *schema = NULL;
    wendi_schema *altered = NULL;
    wendi_buffer text = {0};
    wendi_buffer back = {0};
    wend_error error;
    wendi_value_guess guess = guess_of(values);
    assert_int_equal(wendi_schema_parse("CREATE TABLE \"my events\" (ts timestamptz NOT NULL, \"a.b\" text, taken text)",
                                        &schema, &error),
                     WEND_OK);
    assert_int_equal(wendi_value_guess_ddl(&guess, wendi_string_of(path), wendi_string_of("my events"), schema, &text),
                     WEND_OK);
    assert_int_equal(wendi_buffer_u8(&text, '\0'), WEND_OK);
    if (expected != NULL) {
        assert_string_equal((const char *)text.data, expected);
    }
    if (wendi_schema_alter(schema, (const char *)text.data, &altered, &error) != WEND_OK) {
        fail_msg("%s: %s", (const char *)text.data, error.message);
    }
    const wendi_column *column = &altered->columns[schema->column_count];
    assert_int_equal(column->path_count, 1);
    assert_int_equal(wendi_path_write(&column->paths[0], &back), WEND_OK);
    assert_int_equal(back.length, strlen(path));
    assert_memory_equal(back.data, path, back.length);
    char name[64];
    assert_string_equal(wendi_type_name(column->type, name), type);
    wendi_buffer_free(&text);
    wendi_buffer_free(&back);
    wendi_schema_free(schema);
    wendi_schema_free(altered);
}

static void the_statement_is_taken_and_leads_to_the_values(void **state)
{
    (void)state;
    check_ddl("$.plan", "\"pro\"", "ALTER TABLE \"my events\" ADD COLUMN plan text;", "text");
    check_ddl("$.geo.city", "\"x\"", "ALTER TABLE \"my events\" ADD COLUMN \"geo.city\" text;", "text");
    check_ddl("$.taken", "1", NULL, "bigint");
    check_ddl("$.a.b", "1", "ALTER TABLE \"my events\" ADD COLUMN \"a.b_2\" bigint OPTIONS (path '$.a.b');", "bigint");
    check_ddl("$.\"a.b\"", "1", NULL, "bigint");
    check_ddl("$.\"it's \\\"so\\\"\".x", "true", NULL, "boolean");
    check_ddl("$.\"\"", "[]", NULL, "jsonb");
    check_ddl("$.created_at", "1718000000123", NULL, "timestamptz");
    check_ddl("$.seen.at", "\"2024-05-01T10:00:00\"", NULL, "timestamptz");
    check_ddl("$.logged", "\"10/Oct/2000:13:55:36\"", NULL, "text");
    check_ddl("$.a_very_long_name_of_an_object.and_another_one_that_is_long_too.x_y_z", "1.25", NULL, "double precision");
    check_ddl("$.ééééééééééééééééééééééééééééééééééééééééééééééééééééé", "1.25", NULL, "double precision");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_value_has_its_type),
        cmocka_unit_test(parts_together_say_what_the_whole_says),
        cmocka_unit_test(kinds_that_were_not_looked_at_widen_the_type),
        cmocka_unit_test(an_example_is_cut_between_characters),
        cmocka_unit_test(the_statement_is_taken_and_leads_to_the_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
