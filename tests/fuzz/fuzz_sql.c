/*
 * Any bytes as SQL: nothing crashes, errors point into the text, and what is accepted prints as SQL
 * that is accepted again and prints the same. The first byte chooses: whole text, expression, or
 * DDL.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/status.h"
#include "engine/expr/table_ddl.h"
#include "engine/sql/sql.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require_place(const wend_error *error, size_t length)
{
    wendi_buffer out = {0};
    char *text = calloc(1, length + 1);
    WEND_REQUIRE(error->position >= -1 && error->position <= (int32_t)length);
    WEND_REQUIRE(error->message[0] != '\0');
    memset(text, 'x', length);
    WEND_REQUIRE(wendi_sql_underline(text, error->position, &out) == WEND_OK);
    wendi_buffer_free(&out);
    free(text);
}

static void print_all(const wendi_sql_statement *statements, uint32_t count, wendi_buffer *out)
{
    for (uint32_t i = 0; i < count; i++) {
        WEND_REQUIRE(wendi_sql_print_statement(&statements[i], out) == WEND_OK);
        WEND_REQUIRE(wendi_buffer_u8(out, ';') == WEND_OK);
    }
}

static void try_statements(const char *text, size_t length)
{
    wendi_arena arena = {0};
    wend_error error = {.position = -1};
    const wendi_sql_statement *statements = NULL;
    uint32_t count = 0;
    wendi_buffer printed = {0};
    wendi_buffer twice = {0};
    if (wendi_sql_parse(text, length, &arena, &statements, &count, &error) != WEND_OK) {
        require_place(&error, length);
    } else {
        print_all(statements, count, &printed);
        /* Brackets that are printed may pass the bound on depth; nothing else may go wrong. */
        if (wendi_sql_parse((const char *)printed.data, printed.length, &arena, &statements, &count,
                            &error) == WEND_OK) {
            print_all(statements, count, &twice);
            WEND_REQUIRE(
                printed.length == twice.length &&
                (printed.length == 0 || memcmp(printed.data, twice.data, printed.length) == 0));
        } else {
            WEND_REQUIRE(strstr(error.message, "nested too deeply") != NULL);
        }
    }
    wendi_buffer_free(&printed);
    wendi_buffer_free(&twice);
    wendi_arena_free(&arena);
}

static void try_expression(const char *text, size_t length)
{
    wendi_arena arena = {0};
    wend_error error = {.position = -1};
    const wendi_sql_expr *expr = NULL;
    const wendi_sql_expr *again = NULL;
    if (wendi_sql_parse_expression(text, length, &arena, &expr, &error) != WEND_OK) {
        require_place(&error, length);
    } else {
        size_t slice = (size_t)(expr->span.end - expr->span.start);
        WEND_REQUIRE(expr->span.start >= 0 && (size_t)expr->span.end <= length);
        WEND_REQUIRE(wendi_sql_parse_expression(text + expr->span.start, slice, &arena, &again,
                                                &error) == WEND_OK);
        WEND_REQUIRE(wendi_sql_expr_equal(expr, again));
    }
    wendi_arena_free(&arena);
}

static void try_ddl(const char *text, size_t length)
{
    wend_error error = {.position = -1};
    wendi_schema *schema = NULL;
    wendi_schema *again = NULL;
    if (wendi_schema_parse(text, &schema, &error) != WEND_OK) {
        require_place(&error, length);
        return;
    }
    if (wendi_schema_parse(schema->ddl.data, &again, &error) == WEND_OK) {
        WEND_REQUIRE(wendi_string_equal(schema->ddl, again->ddl));
    } else {
        WEND_REQUIRE(strstr(error.message, "nested too deeply") != NULL);
    }
    wendi_schema_free(again);
    wendi_schema_free(schema);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > 65536) {
        return 0;
    }
    char *text = calloc(1, size);
    memcpy(text, data + 1, size - 1);
    switch (data[0]) {
    case 'e':
        try_expression(text, size - 1);
        break;
    case 'd':
        if (strlen(text) == size - 1) {
            try_ddl(text, size - 1);
        }
        break;
    default:
        try_statements(text, size - 1);
        break;
    }
    free(text);
    return 0;
}
