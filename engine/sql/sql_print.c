/*
 * Expressions written back as SQL. Parentheses come from PostgreSQL's table of precedences; each
 * operand says the least precedence it may have there, anything lower is bracketed.
 */
#include "engine/sql/reader.h"

#include <inttypes.h>

/* Rising: what binds tighter is higher. */
typedef enum precedence {
    AT_ANY = 0,
    AT_OR,
    AT_AND,
    AT_NOT,
    AT_IS,
    AT_COMPARISON,
    AT_TEST, /* BETWEEN, IN, LIKE */
    AT_OPERATOR,
    AT_SUM,
    AT_PRODUCT,
    AT_POWER,
    AT_SIGN,
    AT_CAST,
    AT_PRIMARY
} precedence;

static precedence operator_precedence(wendi_string op)
{
    static const struct {
        const char *op;
        precedence at;
    } known[] = {{"=", AT_COMPARISON},  {"<>", AT_COMPARISON}, {"<", AT_COMPARISON},
                 {"<=", AT_COMPARISON}, {">", AT_COMPARISON},  {">=", AT_COMPARISON},
                 {"+", AT_SUM},         {"-", AT_SUM},         {"*", AT_PRODUCT},
                 {"/", AT_PRODUCT},     {"%", AT_PRODUCT},     {"^", AT_POWER}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (wendi_string_equal(op, wendi_string_of(known[i].op))) {
            return known[i].at;
        }
    }
    return AT_OPERATOR;
}

static bool is_string(wendi_string text, const char *word)
{
    return wendi_string_equal(text, wendi_string_of(word));
}

/* interval '1 hour' reads better than a cast, and these names may stand there. */
static bool is_typed_literal(const wendi_sql_expr *expr)
{
    const wendi_sql_type *type = &expr->type;
    return expr->args[0]->kind == WENDI_SQL_STRING && type->modifier_count == 0 && !type->array &&
           (is_string(type->name, "interval") || is_string(type->name, "date") ||
            is_string(type->name, "timestamptz") || is_string(type->name, "timestamp"));
}

static precedence precedence_of(const wendi_sql_expr *expr)
{
    switch ((wendi_sql_expr_kind)expr->kind) {
    case WENDI_SQL_INTEGER:
        return expr->integer < 0 ? AT_SIGN : AT_PRIMARY;
    case WENDI_SQL_NUMBER:
        return expr->text.length > 0 && expr->text.data[0] == '-' ? AT_SIGN : AT_PRIMARY;
    case WENDI_SQL_UNARY:
        return is_string(expr->op, "~") ? AT_OPERATOR : AT_SIGN;
    case WENDI_SQL_BINARY:
        return operator_precedence(expr->op);
    case WENDI_SQL_AND:
        return AT_AND;
    case WENDI_SQL_OR:
        return AT_OR;
    case WENDI_SQL_NOT:
        return AT_NOT;
    case WENDI_SQL_IS:
    case WENDI_SQL_DISTINCT:
        return AT_IS;
    case WENDI_SQL_IN:
    case WENDI_SQL_BETWEEN:
    case WENDI_SQL_LIKE:
    case WENDI_SQL_IN_SELECT:
        return AT_TEST;
    case WENDI_SQL_CAST:
        return is_typed_literal(expr) ? AT_PRIMARY : AT_CAST;
    default:
        return AT_PRIMARY;
    }
}

static wend_status print(const wendi_sql_expr *expr, precedence least, wendi_buffer *out);

static wend_status text(wendi_buffer *out, const char *words)
{
    return wendi_buffer_append(out, words, strlen(words));
}

static wend_status print_joined(const wendi_sql_expr **items, uint32_t count, const char *between,
                                precedence least, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0) {
            WEND_TRY(text(out, between));
        }
        WEND_TRY(print(items[i], least, out));
    }
cleanup:
    return status;
}

static wend_status print_binary(const wendi_sql_expr *expr, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    precedence own = operator_precedence(expr->op);
    precedence left = own == AT_COMPARISON ? (precedence)(own + 1) : own;
    WEND_TRY(print(expr->args[0], left, out));
    WEND_TRY(wendi_buffer_printf(out, " %.*s ", (int)expr->op.length, expr->op.data));
    WEND_TRY(print(expr->args[1], (precedence)(own + 1), out));
cleanup:
    return status;
}

static wend_status print_test(const wendi_sql_expr *expr, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    WEND_TRY(print(expr->args[0], AT_OPERATOR, out));
    WEND_TRY(text(out, expr->negated ? " not " : " "));
    switch ((wendi_sql_expr_kind)expr->kind) {
    case WENDI_SQL_IN:
        WEND_TRY(text(out, "in ("));
        WEND_TRY(print_joined(expr->args + 1, expr->arg_count - 1, ", ", AT_ANY, out));
        WEND_TRY(text(out, ")"));
        break;
    case WENDI_SQL_IN_SELECT:
        WEND_TRY(text(out, "in ("));
        WEND_TRY(wendi_sql_print_select(expr->select, out));
        WEND_TRY(text(out, ")"));
        break;
    case WENDI_SQL_BETWEEN:
        WEND_TRY(text(out, expr->flag ? "between symmetric " : "between "));
        WEND_TRY(print(expr->args[1], AT_OPERATOR, out));
        WEND_TRY(text(out, " and "));
        WEND_TRY(print(expr->args[2], AT_OPERATOR, out));
        break;
    default:
        WEND_TRY(text(out, expr->flag ? "ilike " : "like "));
        WEND_TRY(print(expr->args[1], AT_OPERATOR, out));
        if (expr->arg_count > 2) {
            WEND_TRY(text(out, " escape "));
            WEND_TRY(print(expr->args[2], AT_OPERATOR, out));
        }
        break;
    }
cleanup:
    return status;
}

static wend_status print_case(const wendi_sql_case *node, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    WEND_TRY(text(out, "case"));
    if (node->operand != NULL) {
        WEND_TRY(text(out, " "));
        WEND_TRY(print(node->operand, AT_ANY, out));
    }
    for (uint32_t i = 0; i < node->when_count; i++) {
        WEND_TRY(text(out, " when "));
        WEND_TRY(print(node->conditions[i], AT_ANY, out));
        WEND_TRY(text(out, " then "));
        WEND_TRY(print(node->results[i], AT_ANY, out));
    }
    if (node->otherwise != NULL) {
        WEND_TRY(text(out, " else "));
        WEND_TRY(print(node->otherwise, AT_ANY, out));
    }
    WEND_TRY(text(out, " end"));
cleanup:
    return status;
}

wend_status wendi_sql_print_type(const wendi_sql_type *type, wendi_buffer *out)
{
    static const char *const plain[] = {"boolean", "smallint",         "integer", "bigint",
                                        "real",    "double precision", "numeric", "varchar",
                                        "char",    "timestamp",        "time",    "interval"};
    wend_status status = WEND_OK;
    bool keyword = false;
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        keyword = keyword || is_string(type->name, plain[i]);
    }
    if (keyword) {
        WEND_TRY(wendi_buffer_append(out, type->name.data, type->name.length));
    } else {
        WEND_TRY(wendi_sql_print_name(type->name, out));
    }
    for (uint32_t i = 0; i < type->modifier_count; i++) {
        WEND_TRY(wendi_buffer_printf(out, "%s%" PRId32, i == 0 ? "(" : ",", type->modifiers[i]));
    }
    WEND_TRY(text(out, type->modifier_count > 0 ? ")" : ""));
    WEND_TRY(text(out, type->array ? "[]" : ""));
cleanup:
    return status;
}

static wend_status print_cast(const wendi_sql_expr *expr, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    if (is_typed_literal(expr)) {
        WEND_TRY(wendi_sql_print_type(&expr->type, out));
        WEND_TRY(text(out, " "));
        WEND_TRY(print(expr->args[0], AT_PRIMARY, out));
    } else {
        WEND_TRY(print(expr->args[0], AT_CAST, out));
        WEND_TRY(text(out, "::"));
        WEND_TRY(wendi_sql_print_type(&expr->type, out));
    }
cleanup:
    return status;
}

static wend_status print_unary(const wendi_sql_expr *expr, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    /* Nothing that begins with a sign may follow: --x is a comment, ~-x another operator. */
    WEND_TRY(wendi_buffer_append(out, expr->op.data, expr->op.length));
    WEND_TRY(print(expr->args[0], AT_CAST, out));
cleanup:
    return status;
}

static wend_status print_is(const wendi_sql_expr *expr, wendi_buffer *out)
{
    static const char *const words[] = {"null", "true", "false", "unknown"};
    wend_status status = WEND_OK;
    WEND_TRY(print(expr->args[0], AT_COMPARISON, out));
    if (expr->kind == WENDI_SQL_DISTINCT) {
        WEND_TRY(text(out, expr->negated ? " is not distinct from " : " is distinct from "));
        WEND_TRY(print(expr->args[1], AT_TEST, out));
    } else {
        WEND_TRY(
            wendi_buffer_printf(out, " is %s%s", expr->negated ? "not " : "", words[expr->is]));
    }
cleanup:
    return status;
}

static wend_status print_not(const wendi_sql_expr *expr, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    WEND_TRY(text(out, "not "));
    WEND_TRY(print(expr->args[0], AT_NOT, out));
cleanup:
    return status;
}

static wend_status print_column(const wendi_sql_expr *expr, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    if (expr->qualifier.length > 0) {
        WEND_TRY(wendi_sql_print_name(expr->qualifier, out));
        WEND_TRY(text(out, "."));
    }
    if (expr->kind == WENDI_SQL_STAR) {
        WEND_TRY(text(out, "*"));
    } else {
        WEND_TRY(wendi_sql_print_name(expr->text, out));
    }
cleanup:
    return status;
}

/* (select), exists (select) */
static wend_status print_subquery(const wendi_sql_expr *expr, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    WEND_TRY(text(out, expr->kind == WENDI_SQL_EXISTS ? "exists (" : "("));
    WEND_TRY(wendi_sql_print_select(expr->select, out));
    WEND_TRY(text(out, ")"));
cleanup:
    return status;
}

static wend_status print_bare(const wendi_sql_expr *expr, wendi_buffer *out)
{
    switch ((wendi_sql_expr_kind)expr->kind) {
    case WENDI_SQL_NULL:
        return text(out, "null");
    case WENDI_SQL_BOOLEAN:
        return text(out, expr->boolean ? "true" : "false");
    case WENDI_SQL_INTEGER:
        return wendi_buffer_printf(out, "%" PRId64, expr->integer);
    case WENDI_SQL_NUMBER:
        return wendi_buffer_append(out, expr->text.data, expr->text.length);
    case WENDI_SQL_STRING:
        return wendi_sql_print_string(expr->text, out);
    case WENDI_SQL_COLUMN:
    case WENDI_SQL_STAR:
        return print_column(expr, out);
    case WENDI_SQL_UNARY:
        return print_unary(expr, out);
    case WENDI_SQL_BINARY:
        return print_binary(expr, out);
    case WENDI_SQL_AND:
        return print_joined(expr->args, expr->arg_count, " and ", AT_NOT, out);
    case WENDI_SQL_OR:
        return print_joined(expr->args, expr->arg_count, " or ", AT_AND, out);
    case WENDI_SQL_NOT:
        return print_not(expr, out);
    case WENDI_SQL_IS:
    case WENDI_SQL_DISTINCT:
        return print_is(expr, out);
    case WENDI_SQL_IN:
    case WENDI_SQL_BETWEEN:
    case WENDI_SQL_LIKE:
    case WENDI_SQL_IN_SELECT:
        return print_test(expr, out);
    case WENDI_SQL_CASE:
        return print_case(&expr->case_of, out);
    case WENDI_SQL_CAST:
        return print_cast(expr, out);
    case WENDI_SQL_CALL:
        return wendi_sql_print_call(&expr->call, out);
    case WENDI_SQL_SUBQUERY:
    case WENDI_SQL_EXISTS:
        return print_subquery(expr, out);
    }
    return WEND_OK;
}

static wend_status print(const wendi_sql_expr *expr, precedence least, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    bool bracket = precedence_of(expr) < least;
    WEND_TRY(text(out, bracket ? "(" : ""));
    WEND_TRY(print_bare(expr, out));
    WEND_TRY(text(out, bracket ? ")" : ""));
cleanup:
    return status;
}

wend_status wendi_sql_print_expression(const wendi_sql_expr *expr, wendi_buffer *out)
{
    return print(expr, AT_ANY, out);
}

wend_status wendi_sql_print_operand(const wendi_sql_expr *expr, wendi_buffer *out)
{
    return print(expr, AT_OPERATOR, out);
}

const char *wendi_sql_expression_text(const wendi_sql_expr *expr, const char *source,
                                      wendi_arena *arena)
{
    wendi_buffer buffer = {0};
    const char *copy = NULL;
    if (source != NULL && expr->span.start >= 0 && (size_t)expr->span.end <= strlen(source)) {
        return wendi_arena_copy(arena, source + expr->span.start,
                                (size_t)(expr->span.end - expr->span.start));
    }
    if (wendi_sql_print_expression(expr, &buffer) == WEND_OK) {
        copy = wendi_arena_copy(arena, (const char *)buffer.data, buffer.length);
    }
    wendi_buffer_free(&buffer);
    return copy;
}
