/* Names: what an unnamed output column is called, and how a name is written so that it is read
 * back. */
#include "engine/sql/reader.h"

/* How sure a name is: a cast or CASE keeps the name of what is inside only when that is a real
 * name. */
typedef enum strength { NO_NAME, WEAK_NAME, REAL_NAME } strength;

/* PostgreSQL names a cast after the type's internal name. */
static wendi_string internal_type_name(wendi_string name)
{
    static const char *const pairs[][2] = {
        {"boolean", "bool"}, {"smallint", "int2"}, {"integer", "int4"},
        {"bigint", "int8"},  {"real", "float4"},   {"double precision", "float8"},
        {"char", "bpchar"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (wendi_string_equal(name, wendi_string_of(pairs[i][0]))) {
            return wendi_string_of(pairs[i][1]);
        }
    }
    return name;
}

static strength name_of(const wendi_sql_expr *expr, wendi_string *name)
{
    strength inner = NO_NAME;
    switch ((wendi_sql_expr_kind)expr->kind) {
    case WENDI_SQL_COLUMN:
        *name = expr->text;
        return REAL_NAME;
    case WENDI_SQL_CALL:
        *name = expr->call.name;
        return REAL_NAME;
    case WENDI_SQL_EXISTS:
        *name = wendi_string_of("exists");
        return REAL_NAME;
    case WENDI_SQL_CAST:
        inner = name_of(expr->args[0], name);
        if (inner != REAL_NAME) {
            *name = internal_type_name(expr->type.name);
            inner = WEAK_NAME;
        }
        return inner;
    case WENDI_SQL_CASE:
        inner = expr->case_of.otherwise != NULL ? name_of(expr->case_of.otherwise, name) : NO_NAME;
        if (inner != REAL_NAME) {
            *name = wendi_string_of("case");
            inner = WEAK_NAME;
        }
        return inner;
    case WENDI_SQL_SUBQUERY:
        if (expr->select->target_count > 0 && expr->select->targets[0].name.length > 0) {
            *name = expr->select->targets[0].name;
            return REAL_NAME;
        }
        return NO_NAME;
    default:
        return NO_NAME;
    }
}

wendi_string wendi_sql_column_name(const wendi_sql_expr *expr)
{
    wendi_string name = wendi_string_of("?column?");
    if (name_of(expr, &name) == NO_NAME) {
        return wendi_string_of("?column?");
    }
    return name;
}

/* Would the grammar take the bare word for a name? Words the scanner does not know as keywords
 * always are. */
static bool is_bare_name(wendi_string name, bool function)
{
    char text[64];
    if (name.length == 0 || name.length >= sizeof text ||
        (name.data[0] >= '0' && name.data[0] <= '9') || name.data[0] == '$') {
        return false;
    }
    for (uint32_t i = 0; i < name.length; i++) {
        char c = name.data[i];
        if (!((c >= 'a' && c <= 'z') || c == '_' || (c >= '0' && c <= '9'))) {
            return false;
        }
        text[i] = c;
    }
    text[name.length] = '\0';
    return wendi_sql_is_free_word(text, function);
}

wend_status wendi_sql_print_quoted(wendi_string name, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    WEND_TRY(wendi_buffer_u8(out, '"'));
    for (uint32_t i = 0; i < name.length; i++) {
        if (name.data[i] == '"') {
            WEND_TRY(wendi_buffer_u8(out, '"'));
        }
        WEND_TRY(wendi_buffer_u8(out, (uint8_t)name.data[i]));
    }
    WEND_TRY(wendi_buffer_u8(out, '"'));
cleanup:
    return status;
}

wend_status wendi_sql_print_name(wendi_string name, wendi_buffer *out)
{
    return is_bare_name(name, false) ? wendi_buffer_append(out, name.data, name.length)
                                     : wendi_sql_print_quoted(name, out);
}

wend_status wendi_sql_print_function_name(wendi_string name, wendi_buffer *out)
{
    return is_bare_name(name, true) ? wendi_buffer_append(out, name.data, name.length)
                                    : wendi_sql_print_quoted(name, out);
}

wend_status wendi_sql_print_string(wendi_string text, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    WEND_TRY(wendi_buffer_u8(out, '\''));
    for (uint32_t i = 0; i < text.length; i++) {
        if (text.data[i] == '\'') {
            WEND_TRY(wendi_buffer_u8(out, '\''));
        }
        WEND_TRY(wendi_buffer_u8(out, (uint8_t)text.data[i]));
    }
    WEND_TRY(wendi_buffer_u8(out, '\''));
cleanup:
    return status;
}
