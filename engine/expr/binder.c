/** The walk over the syntax tree: literals, names, boolean logic; everything else goes to its own file. */
#include "engine/expr/binder.h"

#include <assert.h>
#include <string.h>

#include "engine/expr/binder_internal.h"
#include "engine/expr/numeric.h"
#include "engine/expr/table_ddl.h"

wend_status wendi_binder_nomem(const wendi_binder *binder)
{
    return wendi_fail_nomem(binder->error, "an expression", sizeof(wendi_expr));
}

/** The value of a tree without columns, if it has one: an error is left for whoever evaluates it. */
static wend_status fold(wendi_binder *binder, wendi_expr *expr, const wendi_expr **expr_out)
{
    wend_status status = WEND_OK;
    wendi_value value;

    *expr_out = expr;
    if (binder->evaluator == NULL) {
        status = wendi_evaluator_open(&binder->evaluator, binder->error);
        if (status != WEND_OK) {
            return status;
        }
    }
    status = wendi_evaluate_constant(binder->evaluator, expr, &value, NULL);
    if (status == WEND_OK) {
        wendi_expr *constant = wendi_expr_constant_at(binder->arena, &value, expr->position);
        if (constant == NULL) {
            return wendi_binder_nomem(binder);
        }
        constant->flags = expr->flags & (WENDI_EXPR_NOW | WENDI_EXPR_SESSION);
        *expr_out = constant;
    }
    wendi_evaluator_forget(binder->evaluator);
    return status == WEND_NOMEM ? wendi_binder_nomem(binder) : WEND_OK;
}

wend_status wendi_binder_finish(wendi_binder *binder, wendi_expr *expr, const wendi_expr **expr_out)
{
    *expr_out = expr;
    if (expr == NULL) {
        return wendi_binder_nomem(binder);
    }
    if (expr->single_slot != WENDI_EXPR_NO_SLOT || expr->kind == WENDI_EXPR_CONSTANT) {
        return WEND_OK;
    }
    return fold(binder, expr, expr_out);
}

static wend_status bind_constant(wendi_binder *binder, const wendi_value *value, uint8_t flags, int32_t position,
                                 const wendi_expr **expr_out)
{
    wendi_expr *constant = wendi_expr_constant_at(binder->arena, value, position);

    *expr_out = constant;
    if (constant == NULL) {
        return wendi_binder_nomem(binder);
    }
    constant->flags |= flags;
    return WEND_OK;
}

static wend_status bind_number(wendi_binder *binder, const wendi_sql_expr *node, const wendi_expr **expr_out)
{
    wendi_int128 number;
    uint32_t scale;

    if (!wendi_numeric_from_text(node->text.data, node->text.length, &number, &scale)) {
        wend_status status = wendi_fail_at(binder->error, WEND_INVALID, node->position, "numeric overflow: %.*s has more than 38 digits",
                                           (int)(node->text.length > 80 ? 80 : node->text.length), node->text.data);
        wendi_error_hint(binder->error, "write it as double precision: '…'::double precision");
        return status;
    }
    uint32_t digits = wendi_numeric_digits(number);
    wendi_value value = {.type = wendi_numeric_type(digits < scale ? scale : digits, scale)};
    if (wendi_type_physical(value.type) == WENDI_PHYSICAL_B16) {
        value.i128 = number;
    } else {
        value.i64 = (int64_t)number;
    }
    return bind_constant(binder, &value, 0, node->position, expr_out);
}

static wend_status bind_literal(wendi_binder *binder, const wendi_sql_expr *node, const wendi_expr **expr_out)
{
    wendi_value value = {.null = false};

    switch (node->kind) {
    case WENDI_SQL_NULL:
        value.null = true;
        return bind_constant(binder, &value, WENDI_EXPR_UNKNOWN, node->position, expr_out);
    case WENDI_SQL_BOOLEAN:
        value.type = wendi_type_of(WENDI_TYPE_BOOLEAN);
        value.i64 = node->boolean;
        return bind_constant(binder, &value, 0, node->position, expr_out);
    case WENDI_SQL_INTEGER:
        value.type = wendi_type_of(node->integer == (int32_t)node->integer ? WENDI_TYPE_INTEGER : WENDI_TYPE_BIGINT);
        value.i64 = node->integer;
        return bind_constant(binder, &value, 0, node->position, expr_out);
    case WENDI_SQL_STRING:
        value.type = wendi_type_of(WENDI_TYPE_TEXT);
        value.string = node->text;
        return bind_constant(binder, &value, WENDI_EXPR_UNKNOWN, node->position, expr_out);
    default:
        return bind_number(binder, node, expr_out);
    }
}

static wend_status bind_column(wendi_binder *binder, const wendi_sql_expr *node, const wendi_expr **expr_out)
{
    wend_status status = WEND_OK;
    uint32_t slot;
    wendi_type type;

    if (binder->scope == NULL || binder->scope->column == NULL) {
        return wendi_fail_at(binder->error, WEND_INVALID, node->position, "no column can be used here: %.*s",
                             (int)node->text.length, node->text.data);
    }
    WEND_TRY(binder->scope->column(binder->scope->context, node->qualifier, node->text, node->position, &slot, &type,
                                   binder->error));
    wendi_expr *column = wendi_expr_node(binder->arena, WENDI_EXPR_COLUMN, type, node->position, NULL, 0);
    if (column == NULL) {
        return wendi_binder_nomem(binder);
    }
    column->slot = column->single_slot = slot;
    *expr_out = column;
cleanup:
    return status;
}

static wend_status require_boolean(wendi_binder *binder, const char *what, const wendi_expr **expr)
{
    char name[40];
    wendi_type boolean = wendi_type_of(WENDI_TYPE_BOOLEAN);

    if (wendi_is_unknown(*expr)) {
        return wendi_binder_cast(binder, *expr, boolean, WENDI_CAST_IMPLICIT, (*expr)->position, expr);
    }
    if ((*expr)->type.kind == WENDI_TYPE_BOOLEAN) {
        return WEND_OK;
    }
    return wendi_fail_at(binder->error, WEND_INVALID, (*expr)->position,
                         "argument of %s must be type boolean, not type %s", what, wendi_type_name((*expr)->type, name));
}

wend_status wendi_binder_boolean(wendi_binder *binder, const wendi_sql_expr *node, const char *what,
                                 const wendi_expr **expr_out)
{
    wend_status status = wendi_binder_expr(binder, node, expr_out);
    return status != WEND_OK ? status : require_boolean(binder, what, expr_out);
}

static wend_status bind_and_or(wendi_binder *binder, const wendi_sql_expr *node, const wendi_expr **expr_out)
{
    bool is_and = node->kind == WENDI_SQL_AND;
    const wendi_expr **args = wendi_arena_alloc(binder->arena, (node->arg_count + 1) * sizeof(*args));
    wend_status status = WEND_OK;

    if (args == NULL) {
        return wendi_binder_nomem(binder);
    }
    for (uint32_t i = 0; i < node->arg_count; i++) {
        WEND_TRY(wendi_binder_boolean(binder, node->args[i], is_and ? "AND" : "OR", &args[i]));
    }
    WEND_TRY(wendi_binder_finish(binder,
                                 wendi_expr_node(binder->arena, is_and ? WENDI_EXPR_AND : WENDI_EXPR_OR,
                                                 wendi_type_of(WENDI_TYPE_BOOLEAN), node->position, args, node->arg_count),
                                 expr_out));
cleanup:
    return status;
}

static const char *opposite(const char *op)
{
    static const char *const pairs[][2] = {{"=", "<>"}, {"<>", "="}, {"<", ">="}, {">=", "<"}, {">", "<="}, {"<=", ">"}};

    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        if (strcmp(op, pairs[i][0]) == 0) {
            return pairs[i][1];
        }
    }
    return NULL;
}

wend_status wendi_binder_not(wendi_binder *binder, const wendi_expr *expr, int32_t position,
                             const wendi_expr **expr_out)
{
    wendi_type boolean = wendi_type_of(WENDI_TYPE_BOOLEAN);

    if (expr->kind == WENDI_EXPR_CALL && expr->function->select != NULL) { /* a comparison turns round, null stays null */
        return wendi_binder_finish(binder,
                                   wendi_expr_call(binder->arena,
                                                   wendi_compare_function(opposite(expr->function->name), expr->args[0]->type),
                                                   boolean, position, binder->session, expr->args, expr->arg_count),
                                   expr_out);
    }
    if (expr->kind == WENDI_EXPR_IS_NULL || expr->kind == WENDI_EXPR_IS_BOOLEAN || expr->kind == WENDI_EXPR_IN ||
        expr->kind == WENDI_EXPR_IS_DISTINCT) {
        wendi_expr *copy = wendi_arena_alloc(binder->arena, sizeof *copy);
        if (copy == NULL) {
            return wendi_binder_nomem(binder);
        }
        *copy = *expr;
        copy->negated = !expr->negated;
        *expr_out = copy;
        return WEND_OK;
    }
    return wendi_binder_finish(binder, wendi_expr_node(binder->arena, WENDI_EXPR_NOT, boolean, position, &expr, 1),
                               expr_out);
}

static wend_status bind_is(wendi_binder *binder, const wendi_sql_expr *node, const wendi_expr **expr_out)
{
    bool null_test = node->is == WENDI_SQL_IS_NULL || node->is == WENDI_SQL_IS_UNKNOWN;
    wend_status status = WEND_OK;
    const wendi_expr *arg;

    WEND_TRY(wendi_binder_expr(binder, node->args[0], &arg));
    if (node->is != WENDI_SQL_IS_NULL) {
        const char *what = node->is == WENDI_SQL_IS_TRUE    ? "IS TRUE"
                           : node->is == WENDI_SQL_IS_FALSE ? "IS FALSE"
                                                            : "IS UNKNOWN";
        WEND_TRY(require_boolean(binder, what, &arg));
    }
    wendi_expr *test = wendi_expr_node(binder->arena, null_test ? WENDI_EXPR_IS_NULL : WENDI_EXPR_IS_BOOLEAN,
                                       wendi_type_of(WENDI_TYPE_BOOLEAN), node->position, &arg, 1);
    if (test != NULL) {
        test->negated = node->negated;
        test->constant = (wendi_value){.type = wendi_type_of(WENDI_TYPE_BOOLEAN)};
        test->constant.i64 = node->is == WENDI_SQL_IS_TRUE;
    }
    WEND_TRY(wendi_binder_finish(binder, test, expr_out));
cleanup:
    return status;
}

static wend_status bind_distinct(wendi_binder *binder, const wendi_sql_expr *node, const wendi_expr **expr_out)
{
    wend_status status = WEND_OK;
    const wendi_expr *args[2];

    WEND_TRY(wendi_binder_expr(binder, node->args[0], &args[0]));
    WEND_TRY(wendi_binder_expr(binder, node->args[1], &args[1]));
    WEND_TRY(wendi_binder_compare_operands(binder, "IS DISTINCT FROM", &args[0], &args[1], node->position));
    wendi_expr *test = wendi_expr_node(binder->arena, WENDI_EXPR_IS_DISTINCT, wendi_type_of(WENDI_TYPE_BOOLEAN),
                                       node->position, args, 2);
    if (test != NULL) {
        test->negated = node->negated;
        test->function = wendi_compare_function("=", args[0]->type);
        test->session = binder->session;
    }
    WEND_TRY(wendi_binder_finish(binder, test, expr_out));
cleanup:
    return status;
}

static wend_status bind_like(wendi_binder *binder, const wendi_sql_expr *node, const wendi_expr **expr_out)
{
    wend_status status = WEND_OK;
    const wendi_expr *args[3];

    assert(node->arg_count == 2 || node->arg_count == 3);
    for (uint32_t i = 0; i < node->arg_count; i++) {
        WEND_TRY(wendi_binder_expr(binder, node->args[i], &args[i]));
    }
    WEND_TRY(wendi_binder_apply(binder, node->flag ? "~~*" : "~~", args, node->arg_count, node->position, expr_out));
    if (node->negated) {
        WEND_TRY(wendi_binder_not(binder, *expr_out, node->position, expr_out));
    }
cleanup:
    return status;
}

static wend_status bind_cast_node(wendi_binder *binder, const wendi_sql_expr *node, const wendi_expr **expr_out)
{
    wend_status status = WEND_OK;
    const wendi_expr *arg;
    wendi_type type;

    WEND_TRY(wendi_binder_expr(binder, node->args[0], &arg));
    WEND_TRY(wendi_type_from_sql(&node->type, false, &type, binder->error));
    WEND_TRY(wendi_binder_cast(binder, arg, type, WENDI_CAST_EXPLICIT, node->position, expr_out));
cleanup:
    return status;
}

static wend_status bind_plain(wendi_binder *binder, const wendi_sql_expr *node, const wendi_expr **expr_out)
{
    wend_status status = WEND_OK;
    const wendi_expr *arg;

    switch ((wendi_sql_expr_kind)node->kind) {
    case WENDI_SQL_NULL:
    case WENDI_SQL_BOOLEAN:
    case WENDI_SQL_INTEGER:
    case WENDI_SQL_NUMBER:
    case WENDI_SQL_STRING:
        return bind_literal(binder, node, expr_out);
    case WENDI_SQL_COLUMN:
        return bind_column(binder, node, expr_out);
    case WENDI_SQL_UNARY:
        return wendi_binder_unary(binder, node, expr_out);
    case WENDI_SQL_BINARY:
        return wendi_binder_binary(binder, node, expr_out);
    case WENDI_SQL_AND:
    case WENDI_SQL_OR:
        return bind_and_or(binder, node, expr_out);
    case WENDI_SQL_NOT:
        WEND_TRY(wendi_binder_boolean(binder, node->args[0], "NOT", &arg));
        return wendi_binder_not(binder, arg, node->position, expr_out);
    case WENDI_SQL_IS:
        return bind_is(binder, node, expr_out);
    case WENDI_SQL_DISTINCT:
        return bind_distinct(binder, node, expr_out);
    case WENDI_SQL_IN:
        return wendi_binder_in(binder, node, expr_out);
    case WENDI_SQL_BETWEEN:
        return wendi_binder_between(binder, node, expr_out);
    case WENDI_SQL_LIKE:
        return bind_like(binder, node, expr_out);
    case WENDI_SQL_CASE:
        return wendi_binder_case(binder, node, expr_out);
    case WENDI_SQL_CAST:
        return bind_cast_node(binder, node, expr_out);
    case WENDI_SQL_CALL:
        return wendi_binder_call(binder, node, expr_out);
    case WENDI_SQL_STAR:
        return wendi_fail_at(binder->error, WEND_INVALID, node->position, "* cannot be used in an expression");
    case WENDI_SQL_SUBQUERY:
    case WENDI_SQL_EXISTS:
    case WENDI_SQL_IN_SELECT:
        break;
    }
    status = wendi_fail_at(binder->error, WEND_UNSUPPORTED, node->position, "a subquery cannot be used here");
cleanup:
    return status;
}

wend_status wendi_binder_expr(wendi_binder *binder, const wendi_sql_expr *node, const wendi_expr **expr_out)
{
    *expr_out = NULL;
    if (binder->scope != NULL && binder->scope->hook != NULL) {
        wend_status status = binder->scope->hook(binder->scope, node, binder->arena, expr_out, binder->error);
        if (status != WEND_OK || *expr_out != NULL) {
            return status;
        }
    }
    return bind_plain(binder, node, expr_out);
}

/** A literal that met no type at the top is text. */
static wend_status settle(wendi_binder *binder, const wendi_expr **expr)
{
    if ((*expr)->type.kind != WENDI_TYPE_NULL && wendi_is_unknown(*expr)) {
        return wendi_binder_cast(binder, *expr, wendi_type_of(WENDI_TYPE_TEXT), WENDI_CAST_IMPLICIT, (*expr)->position, expr);
    }
    return WEND_OK;
}

static wendi_binder binder_over(const wendi_scope *scope, const wendi_session *session, wendi_arena *arena,
                                wend_error *error)
{
    assert(session != NULL && session->zone != NULL);
    return (wendi_binder){.scope = scope, .session = session, .arena = arena, .error = error};
}

wend_status wendi_bind(const wendi_sql_expr *node, const wendi_scope *scope, wendi_arena *arena,
                       const wendi_expr **expr_out, wend_error *error)
{
    wendi_binder binder = binder_over(scope, scope->session, arena, error);
    wend_status status = wendi_binder_expr(&binder, node, expr_out);

    if (status == WEND_OK) {
        status = settle(&binder, expr_out);
    }
    wendi_evaluator_close(binder.evaluator);
    if (status != WEND_OK) {
        *expr_out = NULL;
    }
    return status;
}

wend_status wendi_bind_condition(const wendi_sql_expr *node, const wendi_scope *scope, const char *clause,
                                 wendi_arena *arena, const wendi_expr **expr_out, wend_error *error)
{
    wendi_binder binder = binder_over(scope, scope->session, arena, error);
    wend_status status = wendi_binder_boolean(&binder, node, clause, expr_out);

    wendi_evaluator_close(binder.evaluator);
    if (status != WEND_OK) {
        *expr_out = NULL;
    }
    return status;
}

wend_status wendi_bind_cast(const wendi_expr *expr, wendi_type type, wendi_cast_kind kind,
                            const wendi_session *session, wendi_arena *arena, const wendi_expr **expr_out,
                            wend_error *error)
{
    wendi_binder binder = binder_over(NULL, session, arena, error);
    wend_status status = wendi_binder_cast(&binder, expr, type, kind, expr->position, expr_out);

    wendi_evaluator_close(binder.evaluator);
    return status;
}

wend_status wendi_bind_common(const wendi_expr **a, const wendi_expr **b, const char *what,
                              const wendi_session *session, wendi_arena *arena, wend_error *error)
{
    wendi_binder binder = binder_over(NULL, session, arena, error);
    const wendi_expr *args[2] = {*a, *b};
    wendi_type type;
    wend_status status = wendi_binder_unify(&binder, args, 2, what, &type);

    *a = args[0];
    *b = args[1];
    wendi_evaluator_close(binder.evaluator);
    return status;
}

wend_status wendi_bind_compare(const char *operator_name, const wendi_expr *a, const wendi_expr *b,
                               const wendi_session *session, wendi_arena *arena, const wendi_expr **expr_out,
                               wend_error *error)
{
    wendi_binder binder = binder_over(NULL, session, arena, error);
    wend_status status = wendi_binder_compare(&binder, operator_name, a, b, a->position, expr_out);

    wendi_evaluator_close(binder.evaluator);
    return status;
}
