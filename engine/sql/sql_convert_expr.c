/* Expressions, from the library's nodes to ours. Recursion is bounded by wendi_sql_descend(); all
   memory is the arena's, so a failure half-way needs no cleaning up. */
#include "engine/sql/reader.h"

wend_status wendi_sql_descend(wendi_sql_reader *reader, int32_t location)
{
    if (++reader->depth > WENDI_SQL_DEPTH_MAX) {
        wendi_fail_at(reader->error, WEND_INVALID, wendi_sql_place(reader, location),
                      "nested too deeply: at most %d levels", WENDI_SQL_DEPTH_MAX);
        wendi_error_hint(reader->error,
                         "split the expression; a list of values is shorter as x IN (…)");
        return WEND_INVALID;
    }
    return WEND_OK;
}

void wendi_sql_ascend(wendi_sql_reader *reader)
{
    reader->depth--;
}

wend_status wendi_sql_memory(wendi_sql_reader *reader, size_t count, size_t bytes_each, void *out)
{
    void *memory = wendi_arena_alloc_zero(reader->arena, count * bytes_each);
    memcpy(out, &memory, sizeof memory);
    return memory == NULL ? wendi_fail_nomem(reader->error, "a syntax tree", count * bytes_each)
                          : WEND_OK;
}

wend_status wendi_sql_copy(wendi_sql_reader *reader, const char *text, wendi_string *out)
{
    size_t length = strlen(text);
    char *copy = wendi_arena_copy(reader->arena, text, length);
    *out = (wendi_string){copy, (uint32_t)length};
    return copy == NULL ? wendi_fail_nomem(reader->error, "a syntax tree", length) : WEND_OK;
}

wend_status wendi_sql_new_expr(wendi_sql_reader *reader, wendi_sql_expr_kind kind, int32_t location,
                               uint32_t arg_count, wendi_sql_expr **out)
{
    wendi_sql_expr *expr = NULL;
    WENDI_SQL_PASS(wendi_sql_memory(reader, 1, sizeof *expr, &expr));
    expr->kind = (uint8_t)kind;
    expr->position = wendi_sql_place(reader, location);
    expr->span = (wendi_sql_span){-1, -1};
    expr->arg_count = arg_count;
    if (arg_count > 0) {
        WENDI_SQL_PASS(wendi_sql_memory(reader, arg_count, sizeof *expr->args, &expr->args));
    }
    *out = expr;
    return WEND_OK;
}

/*
 * The span of a node that reaches over its arguments and perhaps over tokens `first`..`last` of its
 * own; then the brackets between are paired.
 */
static void span_over(const wendi_sql_reader *reader, wendi_sql_expr *expr, int32_t first,
                      int32_t last)
{
    wendi_sql_span span = wendi_sql_token_span(reader, first, last);
    for (uint32_t i = 0; i < expr->arg_count; i++) {
        span = wendi_sql_span_union(span, expr->args[i]->span);
    }
    wendi_sql_span_tokens(reader, span, &first, &last);
    expr->span = wendi_sql_token_span(reader, first, last);
    if (expr->position < 0) {
        expr->position = expr->span.start;
    }
}

/* A list of `count` nodes as an array of expressions. */
static wend_status convert_list(wendi_sql_reader *reader, PgQuery__Node *const *nodes,
                                size_t count, const wendi_sql_expr ***out)
{
    const wendi_sql_expr **items = NULL;
    WENDI_SQL_PASS(wendi_sql_memory(reader, count, sizeof *items, &items));
    for (size_t i = 0; i < count; i++) {
        WENDI_SQL_PASS(wendi_sql_convert_expr(reader, nodes[i], &items[i]));
    }
    *out = items;
    return WEND_OK;
}

/* The name of an operator; OPERATOR(schema.op) is refused. */
static wend_status operator_name(wendi_sql_reader *reader, const PgQuery__AExpr *node,
                                 const char **name)
{
    if (node->n_name != 1 || node->name[0]->node_case != PG_QUERY__NODE__NODE_STRING) {
        return wendi_sql_refuse(reader, node->location, "write the operator alone",
                                "an operator with a schema is not supported");
    }
    *name = node->name[0]->string->sval;
    return WEND_OK;
}

static wend_status convert_operator(wendi_sql_reader *reader, const PgQuery__AExpr *node,
                                    const wendi_sql_expr **out)
{
    const char *name = NULL;
    wendi_sql_expr *expr = NULL;
    bool unary = node->lexpr == NULL;
    WENDI_SQL_PASS(operator_name(reader, node, &name));
    if (strcmp(name, "==") == 0) {
        return wendi_sql_refuse(reader, node->location, "write =", "there is no operator ==");
    }
    if (strcmp(name, "&&") == 0 || strcmp(name, "!") == 0) {
        return wendi_sql_refuse(reader, node->location, *name == '&' ? "write AND" : "write NOT",
                                "there is no operator %s", name);
    }
    if (unary && strcmp(name, "-") != 0 && strcmp(name, "+") != 0 && strcmp(name, "~") != 0) {
        return wendi_sql_refuse(reader, node->location,
                                "write the function, such as abs(x) or sqrt(x)",
                                "the operator %s in front of a value is not supported", name);
    }
    WENDI_SQL_PASS(wendi_sql_new_expr(reader, unary ? WENDI_SQL_UNARY : WENDI_SQL_BINARY,
                                      node->location, unary ? 1 : 2, &expr));
    WENDI_SQL_PASS(wendi_sql_copy(reader, name, &expr->op));
    if (!unary) {
        WENDI_SQL_PASS(wendi_sql_convert_expr(reader, node->lexpr, &expr->args[0]));
    }
    WENDI_SQL_PASS(wendi_sql_convert_expr(reader, node->rexpr, &expr->args[unary ? 0 : 1]));
    int32_t token = wendi_sql_token_at(reader, node->location);
    span_over(reader, expr, unary ? token : WENDI_SQL_NO_TOKEN, token);
    *out = expr;
    return WEND_OK;
}

static wend_status convert_distinct(wendi_sql_reader *reader, const PgQuery__AExpr *node,
                                    const wendi_sql_expr **out)
{
    wendi_sql_expr *expr = NULL;
    WENDI_SQL_PASS(wendi_sql_new_expr(reader, WENDI_SQL_DISTINCT, node->location, 2, &expr));
    expr->negated = node->kind == PG_QUERY__A__EXPR__KIND__AEXPR_NOT_DISTINCT;
    WENDI_SQL_PASS(wendi_sql_convert_expr(reader, node->lexpr, &expr->args[0]));
    WENDI_SQL_PASS(wendi_sql_convert_expr(reader, node->rexpr, &expr->args[1]));
    span_over(reader, expr, WENDI_SQL_NO_TOKEN, WENDI_SQL_NO_TOKEN);
    *out = expr;
    return WEND_OK;
}

/* x [NOT] IN (a, b) and x [NOT] BETWEEN a AND b: the right side is a list. */
static wend_status convert_list_test(wendi_sql_reader *reader, const PgQuery__AExpr *node,
                                     const wendi_sql_expr **out)
{
    wendi_sql_expr *expr = NULL;
    bool in = node->kind == PG_QUERY__A__EXPR__KIND__AEXPR_IN;
    if (node->rexpr == NULL || node->rexpr->node_case != PG_QUERY__NODE__NODE_LIST) {
        return wendi_sql_refuse(reader, node->location, NULL, "this form of %s is not supported",
                                in ? "IN" : "BETWEEN");
    }
    const PgQuery__List *list = node->rexpr->list;
    uint32_t count = (uint32_t)list->n_items;
    WENDI_SQL_PASS(wendi_sql_new_expr(reader, in ? WENDI_SQL_IN : WENDI_SQL_BETWEEN, node->location,
                                      count + 1, &expr));
    WENDI_SQL_PASS(wendi_sql_convert_expr(reader, node->lexpr, &expr->args[0]));
    for (uint32_t i = 0; i < count; i++) {
        WENDI_SQL_PASS(wendi_sql_convert_expr(reader, list->items[i], &expr->args[i + 1]));
    }
    int32_t token = wendi_sql_token_at(reader, node->location);
    int32_t last = WENDI_SQL_NO_TOKEN;
    if (in) {
        const char *name = NULL;
        WENDI_SQL_PASS(operator_name(reader, node, &name));
        expr->negated = strcmp(name, "<>") == 0;
        last = wendi_sql_token_skip(reader,
                                    token + (wendi_sql_token_is(reader, token, "not") ? 2 : 1)) -
               1;
    } else {
        expr->negated = node->kind == PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN ||
                        node->kind == PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN_SYM;
        expr->flag = node->kind == PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN_SYM ||
                     node->kind == PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN_SYM;
    }
    span_over(reader, expr, last < 0 ? WENDI_SQL_NO_TOKEN : token, last);
    *out = expr;
    return WEND_OK;
}

/* PostgreSQL writes LIKE … ESCAPE c as LIKE like_escape(…, c). */
static const PgQuery__FuncCall *escape_call(const PgQuery__Node *node)
{
    if (node == NULL || node->node_case != PG_QUERY__NODE__NODE_FUNC_CALL ||
        node->func_call->n_funcname != 2 || node->func_call->n_args != 2) {
        return NULL;
    }
    const PgQuery__Node *name = node->func_call->funcname[1];
    bool found = name->node_case == PG_QUERY__NODE__NODE_STRING &&
                 strcmp(name->string->sval, "like_escape") == 0;
    return found ? node->func_call : NULL;
}

static wend_status convert_like(wendi_sql_reader *reader, const PgQuery__AExpr *node,
                                const wendi_sql_expr **out)
{
    const char *name = NULL;
    wendi_sql_expr *expr = NULL;
    const PgQuery__FuncCall *escape = escape_call(node->rexpr);
    WENDI_SQL_PASS(operator_name(reader, node, &name));
    WENDI_SQL_PASS(
        wendi_sql_new_expr(reader, WENDI_SQL_LIKE, node->location, escape != NULL ? 3 : 2, &expr));
    expr->flag = node->kind == PG_QUERY__A__EXPR__KIND__AEXPR_ILIKE;
    expr->negated = name[0] == '!';
    WENDI_SQL_PASS(wendi_sql_convert_expr(reader, node->lexpr, &expr->args[0]));
    WENDI_SQL_PASS(wendi_sql_convert_expr(reader, escape != NULL ? escape->args[0] : node->rexpr,
                                          &expr->args[1]));
    if (escape != NULL) {
        WENDI_SQL_PASS(wendi_sql_convert_expr(reader, escape->args[1], &expr->args[2]));
    }
    span_over(reader, expr, WENDI_SQL_NO_TOKEN, WENDI_SQL_NO_TOKEN);
    *out = expr;
    return WEND_OK;
}

static wend_status convert_a_expr(wendi_sql_reader *reader, const PgQuery__AExpr *node,
                                  const wendi_sql_expr **out)
{
    PgQuery__Node *args[2] = {node->lexpr, node->rexpr};
    switch (node->kind) {
    case PG_QUERY__A__EXPR__KIND__AEXPR_OP:
        return convert_operator(reader, node, out);
    case PG_QUERY__A__EXPR__KIND__AEXPR_DISTINCT:
    case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_DISTINCT:
        return convert_distinct(reader, node, out);
    case PG_QUERY__A__EXPR__KIND__AEXPR_NULLIF:
        return wendi_sql_convert_special_call(reader, "nullif", args, 2, node->location, out);
    case PG_QUERY__A__EXPR__KIND__AEXPR_IN:
    case PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN:
    case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN:
    case PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN_SYM:
    case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN_SYM:
        return convert_list_test(reader, node, out);
    case PG_QUERY__A__EXPR__KIND__AEXPR_LIKE:
    case PG_QUERY__A__EXPR__KIND__AEXPR_ILIKE:
        return convert_like(reader, node, out);
    case PG_QUERY__A__EXPR__KIND__AEXPR_SIMILAR:
        return wendi_sql_refuse(reader, node->location,
                                "write LIKE, or a regular expression: x ~ '…'",
                                "SIMILAR TO is not supported");
    case PG_QUERY__A__EXPR__KIND__AEXPR_OP_ANY:
    case PG_QUERY__A__EXPR__KIND__AEXPR_OP_ALL:
    default:
        return wendi_sql_refuse(reader, node->location, "write x IN (…) or x NOT IN (…)",
                                "ANY and ALL over arrays are not supported");
    }
}

/* AND and OR with their like-named arguments spliced in, so that a conjunction is one node however
 * it was bracketed. */
static wend_status convert_and_or(wendi_sql_reader *reader, const PgQuery__BoolExpr *node,
                                  wendi_sql_expr_kind kind, const wendi_sql_expr **out)
{
    const wendi_sql_expr **items = NULL;
    wendi_sql_expr *expr = NULL;
    uint32_t count = 0;
    uint32_t next = 0;
    WENDI_SQL_PASS(convert_list(reader, node->args, node->n_args, &items));
    for (size_t i = 0; i < node->n_args; i++) {
        count += items[i]->kind == kind ? items[i]->arg_count : 1;
    }
    WENDI_SQL_PASS(wendi_sql_new_expr(reader, kind, node->location, count, &expr));
    wendi_sql_span span = {-1, -1};
    for (size_t i = 0; i < node->n_args; i++) {
        bool splice = items[i]->kind == kind;
        for (uint32_t k = 0; k < (splice ? items[i]->arg_count : 1); k++) {
            expr->args[next++] = splice ? items[i]->args[k] : items[i];
        }
        span = wendi_sql_span_union(span, items[i]->span);
    }
    int32_t first = 0;
    int32_t last = 0;
    wendi_sql_span_tokens(reader, span, &first, &last);
    span_over(reader, expr, first, last);
    *out = expr;
    return WEND_OK;
}

static wend_status convert_bool(wendi_sql_reader *reader, const PgQuery__BoolExpr *node,
                                const wendi_sql_expr **out)
{
    const wendi_sql_expr *inner = NULL;
    wendi_sql_expr *expr = NULL;
    if (node->boolop != PG_QUERY__BOOL_EXPR_TYPE__NOT_EXPR) {
        bool conjunction = node->boolop == PG_QUERY__BOOL_EXPR_TYPE__AND_EXPR;
        return convert_and_or(reader, node, conjunction ? WENDI_SQL_AND : WENDI_SQL_OR, out);
    }
    int32_t token = wendi_sql_token_at(reader, node->location);
    WENDI_SQL_PASS(wendi_sql_convert_expr(reader, node->args[0], &inner));
    if (inner->kind == WENDI_SQL_IN_SELECT && !inner->negated) {
        /* x NOT IN (select …) is NOT (x IN (select …)) to PostgreSQL. */
        WENDI_SQL_PASS(wendi_sql_new_expr(reader, WENDI_SQL_IN_SELECT, node->location, 1, &expr));
        expr->args[0] = inner->args[0];
        expr->select = inner->select;
        expr->negated = true;
        int32_t first = 0;
        int32_t last = 0;
        wendi_sql_span_tokens(reader, inner->span, &first, &last);
        span_over(reader, expr, token < first ? token : first, last);
    } else {
        WENDI_SQL_PASS(wendi_sql_new_expr(reader, WENDI_SQL_NOT, node->location, 1, &expr));
        expr->args[0] = inner;
        span_over(reader, expr, token, token);
    }
    *out = expr;
    return WEND_OK;
}

/* x IS [NOT] NULL | TRUE | FALSE | UNKNOWN, x ISNULL, x NOTNULL */
static wend_status convert_is(wendi_sql_reader *reader, const PgQuery__Node *argument,
                              int32_t location, wendi_sql_is is, bool negated,
                              const wendi_sql_expr **out)
{
    wendi_sql_expr *expr = NULL;
    WENDI_SQL_PASS(wendi_sql_new_expr(reader, WENDI_SQL_IS, location, 1, &expr));
    expr->is = (uint8_t)is;
    expr->negated = negated;
    WENDI_SQL_PASS(wendi_sql_convert_expr(reader, argument, &expr->args[0]));
    int32_t first = wendi_sql_token_at(reader, location);
    int32_t last = first;
    if (wendi_sql_token_is(reader, first, "is")) {
        last = first + (wendi_sql_token_is(reader, first + 1, "not") ? 2 : 1);
    }
    span_over(reader, expr, first, last);
    *out = expr;
    return WEND_OK;
}

static wend_status convert_boolean_test(wendi_sql_reader *reader, const PgQuery__BooleanTest *node,
                                        const wendi_sql_expr **out)
{
    wendi_sql_is is = WENDI_SQL_IS_UNKNOWN;
    bool negated = node->booltesttype == PG_QUERY__BOOL_TEST_TYPE__IS_NOT_TRUE ||
                   node->booltesttype == PG_QUERY__BOOL_TEST_TYPE__IS_NOT_FALSE ||
                   node->booltesttype == PG_QUERY__BOOL_TEST_TYPE__IS_NOT_UNKNOWN;
    if (node->booltesttype == PG_QUERY__BOOL_TEST_TYPE__IS_TRUE ||
        node->booltesttype == PG_QUERY__BOOL_TEST_TYPE__IS_NOT_TRUE) {
        is = WENDI_SQL_IS_TRUE;
    } else if (node->booltesttype == PG_QUERY__BOOL_TEST_TYPE__IS_FALSE ||
               node->booltesttype == PG_QUERY__BOOL_TEST_TYPE__IS_NOT_FALSE) {
        is = WENDI_SQL_IS_FALSE;
    }
    return convert_is(reader, node->arg, node->location, is, negated, out);
}

static wend_status convert_case(wendi_sql_reader *reader, const PgQuery__CaseExpr *node,
                                const wendi_sql_expr **out)
{
    wendi_sql_expr *expr = NULL;
    WENDI_SQL_PASS(wendi_sql_new_expr(reader, WENDI_SQL_CASE, node->location, 0, &expr));
    wendi_sql_case *made = &expr->case_of;
    made->when_count = (uint32_t)node->n_args;
    WENDI_SQL_PASS(
        wendi_sql_memory(reader, node->n_args, sizeof *made->conditions, &made->conditions));
    WENDI_SQL_PASS(wendi_sql_memory(reader, node->n_args, sizeof *made->results, &made->results));
    if (node->arg != NULL) {
        WENDI_SQL_PASS(wendi_sql_convert_expr(reader, node->arg, &made->operand));
    }
    for (size_t i = 0; i < node->n_args; i++) {
        const PgQuery__CaseWhen *when = node->args[i]->case_when;
        WENDI_SQL_PASS(wendi_sql_convert_expr(reader, when->expr, &made->conditions[i]));
        WENDI_SQL_PASS(wendi_sql_convert_expr(reader, when->result, &made->results[i]));
    }
    if (node->defresult != NULL) {
        WENDI_SQL_PASS(wendi_sql_convert_expr(reader, node->defresult, &made->otherwise));
    }
    int32_t token = wendi_sql_token_at(reader, node->location);
    span_over(reader, expr, token, wendi_sql_token_skip(reader, token) - 1);
    *out = expr;
    return WEND_OK;
}

static wend_status convert_cast(wendi_sql_reader *reader, const PgQuery__TypeCast *node,
                                const wendi_sql_expr **out)
{
    wendi_sql_expr *expr = NULL;
    int32_t location = node->location >= 0 ? node->location : node->type_name->location;
    WENDI_SQL_PASS(wendi_sql_new_expr(reader, WENDI_SQL_CAST, location, 1, &expr));
    WENDI_SQL_PASS(wendi_sql_convert_expr(reader, node->arg, &expr->args[0]));
    WENDI_SQL_PASS(wendi_sql_convert_type(reader, node->type_name, &expr->type));
    int32_t first = wendi_sql_token_at(reader, location);
    int32_t last = first;
    if (wendi_sql_token_is(reader, first, "cast")) {
        last = wendi_sql_token_skip(reader, first + 1) - 1;
    } else {
        int32_t ignored = 0;
        wendi_sql_span_tokens(reader, expr->type.span, &ignored, &last);
    }
    span_over(reader, expr, first, last);
    *out = expr;
    return WEND_OK;
}

static wend_status convert_column(wendi_sql_reader *reader, const PgQuery__ColumnRef *node,
                                  const wendi_sql_expr **out)
{
    wendi_sql_expr *expr = NULL;
    if (node->n_fields > 2) {
        return wendi_sql_refuse(reader, node->location,
                                "a column is named c or t.c; one whose name holds dots is written "
                                "in double quotes: \"geo.country\"",
                                "a name of more than two parts is not supported");
    }
    WENDI_SQL_PASS(wendi_sql_new_expr(reader, WENDI_SQL_COLUMN, node->location, 0, &expr));
    for (size_t i = 0; i < node->n_fields; i++) {
        bool last = i + 1 == node->n_fields;
        if (last && node->fields[i]->node_case == PG_QUERY__NODE__NODE_A_STAR) {
            expr->kind = WENDI_SQL_STAR;
        } else {
            WENDI_SQL_PASS(wendi_sql_copy(reader, node->fields[i]->string->sval,
                                          last ? &expr->text : &expr->qualifier));
        }
    }
    int32_t first = wendi_sql_token_at(reader, node->location);
    span_over(reader, expr, first, first + (node->n_fields == 2 ? 2 : 0));
    *out = expr;
    return WEND_OK;
}

static wend_status refuse_expr(wendi_sql_reader *reader, const PgQuery__Node *node)
{
    int32_t location = wendi_sql_first_location(&node->base);
    switch (node->node_case) {
    case PG_QUERY__NODE__NODE_PARAM_REF:
        return wendi_sql_refuse(reader, location, "write the value itself",
                                "parameters such as $1 are not supported");
    case PG_QUERY__NODE__NODE_A_ARRAY_EXPR:
        return wendi_sql_refuse(reader, location, "a list of values is written x IN (a, b)",
                                "arrays are not supported");
    case PG_QUERY__NODE__NODE_A_INDIRECTION:
        return wendi_sql_refuse(reader, location,
                                "an element of jsonb is x -> 0, a member x -> 'key' or x ->> 'key'",
                                "subscripts and field selection are not supported");
    case PG_QUERY__NODE__NODE_ROW_EXPR:
        return wendi_sql_refuse(reader, location, "name the columns one by one",
                                "rows such as (a, b) are not supported as a value");
    case PG_QUERY__NODE__NODE_COLLATE_CLAUSE:
        return wendi_sql_refuse(reader, node->collate_clause->location,
                                "text compares by its bytes; use lower(x) to ignore case",
                                "COLLATE is not supported");
    case PG_QUERY__NODE__NODE_SET_TO_DEFAULT:
        return wendi_sql_refuse(reader, location, NULL, "DEFAULT is not a value here");
    default:
        return wendi_sql_refuse(reader, location, NULL, "this kind of expression is not supported");
    }
}

static wend_status convert_node(wendi_sql_reader *reader, const PgQuery__Node *node,
                                const wendi_sql_expr **out)
{
    switch (node->node_case) {
    case PG_QUERY__NODE__NODE_A_CONST:
        return wendi_sql_convert_constant(reader, node->a_const, out);
    case PG_QUERY__NODE__NODE_COLUMN_REF:
        return convert_column(reader, node->column_ref, out);
    case PG_QUERY__NODE__NODE_A_EXPR:
        return convert_a_expr(reader, node->a_expr, out);
    case PG_QUERY__NODE__NODE_BOOL_EXPR:
        return convert_bool(reader, node->bool_expr, out);
    case PG_QUERY__NODE__NODE_NULL_TEST:
        return convert_is(
            reader, node->null_test->arg, node->null_test->location, WENDI_SQL_IS_NULL,
            node->null_test->nulltesttype == PG_QUERY__NULL_TEST_TYPE__IS_NOT_NULL, out);
    case PG_QUERY__NODE__NODE_BOOLEAN_TEST:
        return convert_boolean_test(reader, node->boolean_test, out);
    case PG_QUERY__NODE__NODE_CASE_EXPR:
        return convert_case(reader, node->case_expr, out);
    case PG_QUERY__NODE__NODE_TYPE_CAST:
        return convert_cast(reader, node->type_cast, out);
    case PG_QUERY__NODE__NODE_FUNC_CALL:
        return wendi_sql_convert_call(reader, node->func_call, out);
    case PG_QUERY__NODE__NODE_COALESCE_EXPR:
        return wendi_sql_convert_special_call(reader, "coalesce", node->coalesce_expr->args,
                                              node->coalesce_expr->n_args,
                                              node->coalesce_expr->location, out);
    case PG_QUERY__NODE__NODE_MIN_MAX_EXPR:
        return wendi_sql_convert_special_call(
            reader,
            node->min_max_expr->op == PG_QUERY__MIN_MAX_OP__IS_GREATEST ? "greatest" : "least",
            node->min_max_expr->args, node->min_max_expr->n_args, node->min_max_expr->location,
            out);
    case PG_QUERY__NODE__NODE_GROUPING_FUNC:
        return wendi_sql_convert_special_call(reader, "grouping", node->grouping_func->args,
                                              node->grouping_func->n_args,
                                              node->grouping_func->location, out);
    case PG_QUERY__NODE__NODE_SQLVALUE_FUNCTION:
        return wendi_sql_convert_value_function(reader, node->sqlvalue_function, out);
    case PG_QUERY__NODE__NODE_SUB_LINK:
        return wendi_sql_convert_sublink(reader, node->sub_link, out);
    default:
        return refuse_expr(reader, node);
    }
}

wend_status wendi_sql_convert_expr(wendi_sql_reader *reader, const PgQuery__Node *node,
                                   const wendi_sql_expr **out)
{
    if (node == NULL) {
        return wendi_sql_refuse(reader, -1, NULL, "an expression is missing");
    }
    WENDI_SQL_PASS(wendi_sql_descend(
        reader, reader->depth < WENDI_SQL_DEPTH_MAX ? -1 : wendi_sql_first_location(&node->base)));
    wend_status status = convert_node(reader, node, out);
    wendi_sql_ascend(reader);
    return status;
}
