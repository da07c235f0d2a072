/* Function calls, whatever syntax they came in, and subqueries inside expressions. */
#include "engine/sql/reader.h"

static wend_status function_name(wendi_sql_reader *reader, const PgQuery__FuncCall *node,
                                 const char **name)
{
    for (size_t i = 0; i < node->n_funcname; i++) {
        if (node->funcname[i]->node_case != PG_QUERY__NODE__NODE_STRING) {
            return wendi_sql_refuse(reader, node->location, NULL,
                                    "this form of a function's name is not supported");
        }
    }
    if (node->n_funcname == 0 || node->n_funcname > 2 ||
        (node->n_funcname == 2 && strcmp(node->funcname[0]->string->sval, "pg_catalog") != 0)) {
        return wendi_sql_refuse(reader, node->location, "write the function's name alone",
                                "a function in a schema is not supported");
    }
    *name = node->funcname[node->n_funcname - 1]->string->sval;
    return WEND_OK;
}

/* Syntax of its own that has no plain function behind it in wend. */
static const char *foreign_syntax(const char *name)
{
    static const char *const names[][2] = {
        {"overlaps", "OVERLAPS"},
        {"is_normalized", "IS NORMALIZED"},
        {"normalize", "NORMALIZE"},
        {"xmlexists", "XMLEXISTS"},
        {"pg_collation_for", "COLLATION FOR"},
        {"similar_to_escape", "SIMILAR TO"},
        {"similar_escape", "SIMILAR TO"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i][0]) == 0) {
            return names[i][1];
        }
    }
    return NULL;
}

static wend_status refuse_call(wendi_sql_reader *reader, const PgQuery__FuncCall *node,
                               const char *name)
{
    if (node->over != NULL) {
        return wendi_sql_refuse(
            reader, node->location,
            "sessions(), paths() and retention() read users' rows in order; totals "
            "come from GROUP BY in a subquery",
            "window functions (OVER) are not supported");
    }
    if (node->func_variadic) {
        return wendi_sql_refuse(reader, node->location, "write the arguments one by one",
                                "VARIADIC is not supported");
    }
    if (node->funcformat == PG_QUERY__COERCION_FORM__COERCE_SQL_SYNTAX &&
        foreign_syntax(name) != NULL) {
        return wendi_sql_refuse(reader, node->location, NULL, "%s is not supported",
                                foreign_syntax(name));
    }
    return WEND_OK;
}

static wend_status convert_args(wendi_sql_reader *reader, PgQuery__Node *const *nodes, size_t count,
                                wendi_sql_expr *expr)
{
    wendi_sql_call *call = &expr->call;
    wendi_string *names = NULL;
    WENDI_SQL_PASS(wendi_sql_memory(reader, count, sizeof *call->args, &call->args));
    for (size_t i = 0; i < count; i++) {
        const PgQuery__Node *node = nodes[i];
        if (node->node_case == PG_QUERY__NODE__NODE_NAMED_ARG_EXPR) {
            if (names == NULL) {
                WENDI_SQL_PASS(wendi_sql_memory(reader, count, sizeof *names, &names));
            }
            WENDI_SQL_PASS(wendi_sql_copy(reader, node->named_arg_expr->name, &names[i]));
            node = node->named_arg_expr->arg;
        }
        WENDI_SQL_PASS(wendi_sql_convert_expr(reader, node, &call->args[i]));
    }
    call->arg_names = names;
    call->arg_count = (uint32_t)count;
    expr->args = call->args;
    expr->arg_count = call->arg_count;
    return WEND_OK;
}

/* Over the call's words, its arguments, and WITHIN GROUP (…) and FILTER (…) behind them. */
static void call_span(const wendi_sql_reader *reader, wendi_sql_expr *expr, int32_t location)
{
    int32_t first = wendi_sql_token_at(reader, location);
    int32_t last = first;
    while (wendi_sql_token_is(reader, last + 1, ".")) {
        last += 2;
    }
    expr->call.name_span = wendi_sql_token_span(reader, first, last);
    if (wendi_sql_token_is(reader, last + 1, "(")) {
        last = wendi_sql_token_skip(reader, last + 1) - 1;
    }
    if (wendi_sql_token_is(reader, last + 1, "within")) {
        last = wendi_sql_token_skip(reader, last + 3) - 1;
    }
    if (wendi_sql_token_is(reader, last + 1, "filter")) {
        last = wendi_sql_token_skip(reader, last + 2) - 1;
    }
    wendi_sql_span span = wendi_sql_token_span(reader, first, last);
    for (uint32_t i = 0; i < expr->arg_count; i++) {
        span = wendi_sql_span_union(
            span, expr->args[i]->span); /* AT TIME ZONE stands between its arguments */
    }
    wendi_sql_span_tokens(reader, span, &first, &last);
    expr->span = wendi_sql_token_span(reader, first, last);
}

wend_status wendi_sql_convert_call(wendi_sql_reader *reader, const PgQuery__FuncCall *node,
                                   const wendi_sql_expr **out)
{
    const char *name = NULL;
    wendi_sql_expr *expr = NULL;
    WENDI_SQL_PASS(function_name(reader, node, &name));
    WENDI_SQL_PASS(refuse_call(reader, node, name));
    WENDI_SQL_PASS(wendi_sql_new_expr(reader, WENDI_SQL_CALL, node->location, 0, &expr));
    wendi_sql_call *call = &expr->call;
    WENDI_SQL_PASS(wendi_sql_copy(reader, name, &call->name));
    call->star = node->agg_star;
    call->distinct = node->agg_distinct;
    call->within_group = node->agg_within_group;
    WENDI_SQL_PASS(convert_args(reader, node->args, node->n_args, expr));
    WENDI_SQL_PASS(
        wendi_sql_convert_order(reader, node->agg_order, node->n_agg_order, &call->order_by));
    call->order_count = (uint32_t)node->n_agg_order;
    if (node->agg_filter != NULL) {
        WENDI_SQL_PASS(wendi_sql_convert_expr(reader, node->agg_filter, &call->filter));
    }
    call_span(reader, expr, node->location);
    *out = expr;
    return WEND_OK;
}

wend_status wendi_sql_convert_special_call(wendi_sql_reader *reader, const char *name,
                                           PgQuery__Node *const *args, size_t arg_count,
                                           int32_t location, const wendi_sql_expr **out)
{
    wendi_sql_expr *expr = NULL;
    WENDI_SQL_PASS(wendi_sql_new_expr(reader, WENDI_SQL_CALL, location, 0, &expr));
    WENDI_SQL_PASS(wendi_sql_copy(reader, name, &expr->call.name));
    WENDI_SQL_PASS(convert_args(reader, args, arg_count, expr));
    call_span(reader, expr, location);
    *out = expr;
    return WEND_OK;
}

static const char *value_function_name(PgQuery__SQLValueFunctionOp op)
{
    switch (op) {
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_DATE:
        return "current_date";
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_TIMESTAMP:
        return "current_timestamp";
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIMESTAMP:
        return "localtimestamp";
    default:
        return NULL;
    }
}

wend_status wendi_sql_convert_value_function(wendi_sql_reader *reader,
                                             const PgQuery__SQLValueFunction *node,
                                             const wendi_sql_expr **out)
{
    const char *name = value_function_name(node->op);
    switch (node->op) {
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_USER:
        return wendi_sql_refuse(
            reader, node->location, "for a column of that name write \"user\" in double quotes",
            "bare user is SQL's name of the database's user, which wend does not have");
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_ROLE:
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_USER:
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_SESSION_USER:
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_CATALOG:
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_SCHEMA:
        return wendi_sql_refuse(reader, node->location,
                                "for a column of that name write it in double quotes",
                                "wend has no database users, roles or schemas");
    default:
        break;
    }
    if (name == NULL) {
        return wendi_sql_refuse(reader, node->location,
                                "write current_timestamp, or localtimestamp, without a precision",
                                "this form of the current time is not supported");
    }
    return wendi_sql_convert_special_call(reader, name, NULL, 0, node->location, out);
}

wend_status wendi_sql_convert_sublink(wendi_sql_reader *reader, const PgQuery__SubLink *node,
                                      const wendi_sql_expr **out)
{
    wendi_sql_expr *expr = NULL;
    bool in = node->sub_link_type == PG_QUERY__SUB_LINK_TYPE__ANY_SUBLINK && node->n_oper_name == 0;
    bool exists = node->sub_link_type == PG_QUERY__SUB_LINK_TYPE__EXISTS_SUBLINK;
    if (!in && !exists && node->sub_link_type != PG_QUERY__SUB_LINK_TYPE__EXPR_SUBLINK) {
        return wendi_sql_refuse(reader, node->location,
                                "write x IN (SELECT …), or compare with (SELECT min(…) …)",
                                "ANY, ALL and ARRAY over a subquery are not supported");
    }
    wendi_sql_expr_kind kind = in       ? WENDI_SQL_IN_SELECT
                               : exists ? WENDI_SQL_EXISTS
                                        : WENDI_SQL_SUBQUERY;
    WENDI_SQL_PASS(wendi_sql_new_expr(reader, kind, node->location, in ? 1 : 0, &expr));
    int32_t token = wendi_sql_token_at(reader, node->location);
    if (node->location < reader->shift && wendi_sql_token_is(reader, token + 1, "(")) {
        token++; /* brackets around brackets: the outermost are our own wrapper */
        expr->position = wendi_sql_place(reader, reader->tokens[token].start);
    }
    int32_t open = token;
    if (in) {
        WENDI_SQL_PASS(wendi_sql_convert_expr(reader, node->testexpr, &expr->args[0]));
        open = token + (wendi_sql_token_is(reader, token, "not") ? 2 : 1);
    } else if (exists) {
        open = token + 1;
    }
    int32_t close = wendi_sql_token_skip(reader, open) - 1;
    expr->span = wendi_sql_token_span(reader, token, close);
    if (in) {
        int32_t first = 0;
        int32_t last = 0;
        wendi_sql_span_tokens(reader, wendi_sql_span_union(expr->span, expr->args[0]->span), &first,
                              &last);
        expr->span = wendi_sql_token_span(reader, first, last);
    }
    wendi_sql_span inside = wendi_sql_token_span(reader, open + 1, close - 1);
    WENDI_SQL_PASS(
        wendi_sql_convert_select(reader, node->subselect->select_stmt, inside, &expr->select));
    *out = expr;
    return WEND_OK;
}
