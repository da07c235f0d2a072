/** Unary and binary operators: which types meet, what they are brought to, which kernel runs. */
#include <string.h>

#include "engine/expr/binder_internal.h"
#include "engine/expr/numeric.h"

static wend_status no_operator(const wendi_binder *binder, const char *op, const wendi_expr *a, const wendi_expr *b,
                               int32_t position)
{
    char a_name[40];
    char b_name[40];
    wend_status status =
        wendi_fail_at(binder->error, WEND_INVALID, position, "operator does not exist: %s %s %s",
                      a == NULL ? "" : wendi_type_name(wendi_is_unknown(a) ? wendi_type_of(WENDI_TYPE_NULL) : a->type, a_name),
                      op, wendi_type_name(wendi_is_unknown(b) ? wendi_type_of(WENDI_TYPE_NULL) : b->type, b_name));

    wendi_error_hint(binder->error, "no operator takes these types; cast one side, as in cast(x as %s)",
                     a == NULL || wendi_is_unknown(a) ? "integer" : wendi_type_name(a->type, a_name));
    return status;
}

/** A number written in the text has only the digits that its value needs. */
static wend_status narrow_constant(wendi_binder *binder, const wendi_expr **expr)
{
    const wendi_value *value = wendi_expr_value(*expr);

    if (value == NULL || value->null || !wendi_type_is_integer((*expr)->type)) {
        return WEND_OK;
    }
    wendi_value narrow = {.type = wendi_numeric_type(wendi_numeric_digits(value->i64), 0)};
    if (wendi_type_physical(narrow.type) == WENDI_PHYSICAL_B16) {
        narrow.i128 = value->i64;
    } else {
        narrow.i64 = value->i64;
    }
    wendi_expr *constant = wendi_expr_constant_at(binder->arena, &narrow, (*expr)->position);
    if (constant == NULL) {
        return wendi_binder_nomem(binder);
    }
    constant->flags |= (*expr)->flags;
    *expr = constant;
    return WEND_OK;
}

/** Unknown operands take the other's type. */
static wend_status adapt_unknown(wendi_binder *binder, const wendi_expr **a, const wendi_expr **b)
{
    wend_status status = WEND_OK;

    if (wendi_is_unknown(*a) && wendi_is_unknown(*b)) {
        wendi_type text = wendi_type_of(WENDI_TYPE_TEXT);
        WEND_TRY(wendi_binder_cast(binder, *a, text, WENDI_CAST_IMPLICIT, (*a)->position, a));
        WEND_TRY(wendi_binder_cast(binder, *b, text, WENDI_CAST_IMPLICIT, (*b)->position, b));
    } else if (wendi_is_unknown(*a) || wendi_is_unknown(*b)) {
        const wendi_expr **literal = wendi_is_unknown(*a) ? a : b;
        wendi_type type = wendi_is_unknown(*a) ? (*b)->type : (*a)->type;
        type.length_max = 0;
        if (type.kind == WENDI_TYPE_NUMERIC) { /* the literal keeps its own digits, which may be more */
            type.precision = type.scale = 0;
        }
        WEND_TRY(wendi_binder_cast(binder, *literal, type, WENDI_CAST_IMPLICIT, (*literal)->position, literal));
    }
cleanup:
    return status;
}

static bool is_float(wendi_type type)
{
    return type.kind == WENDI_TYPE_REAL || type.kind == WENDI_TYPE_DOUBLE;
}

/** Numbers meet for a comparison; integers of any width are held alike and need nothing. */
static wend_status number_operands(wendi_binder *binder, const wendi_expr **a, const wendi_expr **b)
{
    wend_status status = WEND_OK;
    wendi_type common = wendi_type_of(WENDI_TYPE_DOUBLE);

    if ((wendi_type_is_integer((*a)->type) && wendi_type_is_integer((*b)->type)) ||
        (is_float((*a)->type) && is_float((*b)->type))) {
        return WEND_OK;
    }
    if (!is_float((*a)->type) && !is_float((*b)->type)) {
        if (!wendi_type_is_integer((*a)->type) || !wendi_type_is_integer((*b)->type)) {
            WEND_TRY(narrow_constant(binder, a));
            WEND_TRY(narrow_constant(binder, b));
        }
        wendi_type_common((*a)->type, (*b)->type, &common);
        if (wendi_type_physical((*a)->type) == wendi_type_physical(common) && (*a)->type.scale == common.scale &&
            wendi_type_physical((*b)->type) == wendi_type_physical(common) && (*b)->type.scale == common.scale &&
            (*a)->type.kind == (*b)->type.kind) {
            return WEND_OK; /* the same scale held alike: nothing to bring together */
        }
    }
    WEND_TRY(wendi_binder_cast(binder, *a, common, WENDI_CAST_IMPLICIT, (*a)->position, a));
    WEND_TRY(wendi_binder_cast(binder, *b, common, WENDI_CAST_IMPLICIT, (*b)->position, b));
cleanup:
    return status;
}

wend_status wendi_binder_hash_operand(wendi_binder *binder, const char *op, const wendi_expr *hashed,
                                      const wendi_expr **other, int32_t position)
{
    wend_status status = WEND_OK;
    wendi_type original = wendi_type_of((wendi_type_kind)hashed->type.hash_of);
    bool literal = wendi_is_unknown(*other) && (*other)->type.kind != WENDI_TYPE_NULL;
    char name[40];

    if (hashed->type.hash_of == 0 || (!literal && (*other)->type.kind != original.kind)) {
        return WEND_OK;
    }
    if (strcmp(op, "=") != 0 && strcmp(op, "<>") != 0 && strcmp(op, "IS DISTINCT FROM") != 0) {
        wendi_fail_at(binder->error, WEND_INVALID, position, "a %s that is stored as a hash has no order: %s cannot be asked",
                      wendi_type_name(original, name), op);
        wendi_error_hint(binder->error, "the table has event_id = 'hash', which leaves = and <>");
        return WEND_INVALID;
    }
    if (literal) {
        WEND_TRY(wendi_binder_cast(binder, *other, original, WENDI_CAST_IMPLICIT, (*other)->position, other));
    }
    const wendi_value *value = wendi_expr_value(*other);
    if (value == NULL || !value->null) {
        WEND_TRY(wendi_binder_apply(binder, "hash64", other, 1, position, other));
    }
cleanup:
    return status;
}

wend_status wendi_binder_compare_operands(wendi_binder *binder, const char *op, const wendi_expr **a,
                                          const wendi_expr **b, int32_t position)
{
    wend_status status = WEND_OK;
    wendi_type common;

    WEND_TRY(wendi_binder_hash_operand(binder, op, *a, b, position));
    WEND_TRY(wendi_binder_hash_operand(binder, op, *b, a, position));
    WEND_TRY(adapt_unknown(binder, a, b));
    if ((*a)->type.kind == WENDI_TYPE_JSONB || (*b)->type.kind == WENDI_TYPE_JSONB) {
        status = wendi_fail_at(binder->error, WEND_UNSUPPORTED, position, "jsonb values cannot be compared");
        wendi_error_hint(binder->error, "compare the text of one value: column ->> 'key' = '…'");
        return status;
    }
    if (wendi_type_is_number((*a)->type) && wendi_type_is_number((*b)->type)) {
        return number_operands(binder, a, b);
    }
    if (!wendi_type_common((*a)->type, (*b)->type, &common)) {
        return no_operator(binder, op, *a, *b, position);
    }
    WEND_TRY(wendi_binder_cast(binder, *a, common, WENDI_CAST_IMPLICIT, (*a)->position, a));
    WEND_TRY(wendi_binder_cast(binder, *b, common, WENDI_CAST_IMPLICIT, (*b)->position, b));
cleanup:
    return status;
}

wend_status wendi_binder_compare(wendi_binder *binder, const char *op, const wendi_expr *a, const wendi_expr *b,
                                 int32_t position, const wendi_expr **expr_out)
{
    wend_status status = wendi_binder_compare_operands(binder, op, &a, &b, position);
    const wendi_expr *args[2] = {a, b};

    if (status != WEND_OK) {
        return status;
    }
    return wendi_binder_finish(binder,
                               wendi_expr_call(binder->arena, wendi_compare_function(op, a->type),
                                               wendi_type_of(WENDI_TYPE_BOOLEAN), position, binder->session, args, 2),
                               expr_out);
}

static wendi_type arithmetic_type(char op, wendi_type a, wendi_type b)
{
    if (is_float(a) || is_float(b)) {
        return wendi_type_of(a.kind == WENDI_TYPE_REAL && b.kind == WENDI_TYPE_REAL ? WENDI_TYPE_REAL : WENDI_TYPE_DOUBLE);
    }
    if (wendi_type_is_integer(a) && wendi_type_is_integer(b)) {
        return a.kind > b.kind ? a : b;
    }
    a = wendi_numeric_type_for(a);
    b = wendi_numeric_type_for(b);
    switch (op) {
    case '*':
        return wendi_numeric_multiply_type(a, b);
    case '/':
        return wendi_numeric_divide_type(a, b);
    case '%':
        return wendi_numeric_modulo_type(a, b);
    default:
        return wendi_numeric_add_type(a, b);
    }
}

static wend_status bind_numbers(wendi_binder *binder, char op, const wendi_expr *a, const wendi_expr *b,
                                int32_t position, const wendi_expr **expr_out)
{
    wend_status status = WEND_OK;
    const char name[2] = {op, '\0'};

    if (a->type.kind == WENDI_TYPE_NUMERIC || b->type.kind == WENDI_TYPE_NUMERIC) {
        if (!is_float(a->type) && !is_float(b->type)) {
            WEND_TRY(narrow_constant(binder, &a));
            WEND_TRY(narrow_constant(binder, &b));
        }
    }
    wendi_type type = arithmetic_type(op, a->type, b->type);
    const wendi_function *function = wendi_arithmetic_function(op, type);
    if (function == NULL) {
        return no_operator(binder, name, a, b, position);
    }
    if (!wendi_type_is_integer(type)) {
        /* Integers become numerics or doubles; numerics keep their own scale, the kernel reads it. */
        wendi_type a_type = is_float(type) ? wendi_type_of(WENDI_TYPE_DOUBLE) : wendi_numeric_type_for(a->type);
        wendi_type b_type = is_float(type) ? wendi_type_of(WENDI_TYPE_DOUBLE) : wendi_numeric_type_for(b->type);
        if (!is_float(a->type)) {
            WEND_TRY(wendi_binder_cast(binder, a, a_type, WENDI_CAST_IMPLICIT, position, &a));
        }
        if (!is_float(b->type)) {
            WEND_TRY(wendi_binder_cast(binder, b, b_type, WENDI_CAST_IMPLICIT, position, &b));
        }
    }
    const wendi_expr *args[2] = {a, b};
    WEND_TRY(wendi_binder_finish(
        binder, wendi_expr_call(binder->arena, function, type, position, binder->session, args, 2), expr_out));
cleanup:
    return status;
}

static bool is_time(wendi_type type)
{
    return type.kind == WENDI_TYPE_DATE || type.kind == WENDI_TYPE_TIMESTAMP || type.kind == WENDI_TYPE_TIMESTAMPTZ;
}

/** What a literal beside a time is: '1 day' an interval, else the other side's type where that has the operator. */
static wend_status adapt_time(wendi_binder *binder, char op, const wendi_expr **literal, wendi_type other)
{
    wendi_interval interval;

    if ((*literal)->constant.null || op == '+' ||
        wendi_parse_interval((*literal)->constant.string, &interval, NULL) == WEND_OK) {
        other = wendi_type_of(WENDI_TYPE_INTERVAL);
    }
    return wendi_binder_cast(binder, *literal, other, WENDI_CAST_IMPLICIT, (*literal)->position, literal);
}

static wend_status bind_arithmetic(wendi_binder *binder, char op, const wendi_expr *a, const wendi_expr *b,
                                   int32_t position, const wendi_expr **expr_out)
{
    const char name[2] = {op, '\0'};
    wend_status status = WEND_OK;
    wendi_type type;

    if (wendi_is_unknown(a) && wendi_is_unknown(b)) {
        return no_operator(binder, name, a, b, position);
    }
    if (wendi_is_unknown(a) && is_time(b->type)) {
        WEND_TRY(adapt_time(binder, op, &a, b->type));
    } else if (wendi_is_unknown(b) && is_time(a->type)) {
        WEND_TRY(adapt_time(binder, op, &b, a->type));
    } else if (wendi_is_unknown(a) || wendi_is_unknown(b)) {
        bool scaled = (a->type.kind == WENDI_TYPE_INTERVAL || b->type.kind == WENDI_TYPE_INTERVAL) && (op == '*' || op == '/');
        const wendi_expr **literal = wendi_is_unknown(a) ? &a : &b;
        if (scaled) {
            WEND_TRY(wendi_binder_cast(binder, *literal, wendi_type_of(WENDI_TYPE_DOUBLE), WENDI_CAST_IMPLICIT, position, literal));
        } else {
            WEND_TRY(adapt_unknown(binder, &a, &b));
        }
    }
    if (wendi_type_is_number(a->type) && wendi_type_is_number(b->type)) {
        return bind_numbers(binder, op, a, b, position, expr_out);
    }
    /* date against timestamp: the date rises first. */
    if (op == '-' && is_time(a->type) && is_time(b->type) && a->type.kind != b->type.kind) {
        wendi_type common;
        wendi_type_common(a->type, b->type, &common);
        WEND_TRY(wendi_binder_cast(binder, a, common, WENDI_CAST_IMPLICIT, position, &a));
        WEND_TRY(wendi_binder_cast(binder, b, common, WENDI_CAST_IMPLICIT, position, &b));
    }
    const wendi_function *function = wendi_time_operator(op, a->type, b->type, &type);
    if (function == NULL) {
        return no_operator(binder, name, a, b, position);
    }
    if (a->type.kind == WENDI_TYPE_INTERVAL && wendi_type_is_number(b->type)) {
        WEND_TRY(wendi_binder_cast(binder, b, wendi_type_of(WENDI_TYPE_DOUBLE), WENDI_CAST_IMPLICIT, position, &b));
    } else if (b->type.kind == WENDI_TYPE_INTERVAL && wendi_type_is_number(a->type)) {
        WEND_TRY(wendi_binder_cast(binder, a, wendi_type_of(WENDI_TYPE_DOUBLE), WENDI_CAST_IMPLICIT, position, &a));
    }
    const wendi_expr *args[2] = {a, b};
    WEND_TRY(wendi_binder_finish(
        binder, wendi_expr_call(binder->arena, function, type, position, binder->session, args, 2), expr_out));
cleanup:
    return status;
}

/** || joins text; one side may be anything. */
static wend_status bind_concatenation(wendi_binder *binder, const wendi_expr *a, const wendi_expr *b, int32_t position,
                                      const wendi_expr **expr_out)
{
    wend_status status = WEND_OK;
    wendi_type text = wendi_type_of(WENDI_TYPE_TEXT);
    bool any_text = wendi_is_unknown(a) || wendi_is_unknown(b) || a->type.kind == WENDI_TYPE_TEXT ||
                    b->type.kind == WENDI_TYPE_TEXT;

    if (!any_text || (wendi_is_unknown(a) && b->type.kind == WENDI_TYPE_JSONB) ||
        (wendi_is_unknown(b) && a->type.kind == WENDI_TYPE_JSONB)) {
        return no_operator(binder, "||", a, b, position);
    }
    WEND_TRY(wendi_binder_cast(binder, a, text, WENDI_CAST_EXPLICIT, position, &a));
    WEND_TRY(wendi_binder_cast(binder, b, text, WENDI_CAST_EXPLICIT, position, &b));
    const wendi_expr *args[2] = {a, b};
    WEND_TRY(wendi_binder_apply(binder, "||", args, 2, position, expr_out));
cleanup:
    return status;
}

static wend_status bind_pattern(wendi_binder *binder, wendi_string op, const wendi_expr *a, const wendi_expr *b,
                                int32_t position, const wendi_expr **expr_out)
{
    bool negated = op.data[0] == '!';
    bool ignore_case = op.data[op.length - 1] == '*';
    const wendi_expr *args[2] = {a, b};
    wend_status status = wendi_binder_apply(binder, ignore_case ? "~*" : "~", args, 2, position, expr_out);

    return status == WEND_OK && negated ? wendi_binder_not(binder, *expr_out, position, expr_out) : status;
}

wend_status wendi_binder_binary(wendi_binder *binder, const wendi_sql_expr *node, const wendi_expr **expr_out)
{
    static const char *const comparisons[] = {"=", "<>", "<", "<=", ">", ">="};
    wend_status status = WEND_OK;
    const wendi_expr *args[2];
    wendi_string op = node->op;

    WEND_TRY(wendi_binder_expr(binder, node->args[0], &args[0]));
    WEND_TRY(wendi_binder_expr(binder, node->args[1], &args[1]));
    for (size_t i = 0; i < sizeof comparisons / sizeof *comparisons; i++) {
        if (wendi_string_equal(op, wendi_string_of(comparisons[i]))) {
            return wendi_binder_compare(binder, comparisons[i], args[0], args[1], node->position, expr_out);
        }
    }
    if (op.length == 1 && strchr("+-*/%", op.data[0]) != NULL) {
        return bind_arithmetic(binder, op.data[0], args[0], args[1], node->position, expr_out);
    }
    if (wendi_string_equal(op, wendi_string_of("||"))) {
        return bind_concatenation(binder, args[0], args[1], node->position, expr_out);
    }
    if (wendi_string_equal(op, wendi_string_of("^"))) {
        return wendi_binder_apply(binder, "power", args, 2, node->position, expr_out);
    }
    if (wendi_string_equal(op, wendi_string_of("->")) || wendi_string_equal(op, wendi_string_of("->>"))) {
        return wendi_binder_apply(binder, op.length == 2 ? "->" : "->>", args, 2, node->position, expr_out);
    }
    if (op.length > 0 && op.data[op.data[0] == '!' && op.length > 1] == '~' && op.length <= 3) {
        return bind_pattern(binder, op, args[0], args[1], node->position, expr_out);
    }
    status = wendi_fail_at(binder->error, WEND_UNSUPPORTED, node->position, "operator %.*s is not supported",
                           (int)op.length, op.data);
    wendi_error_hint(binder->error, "operators: + - * / %% ^ || = <> < <= > >= ~ ~* !~ !~* -> ->>");
cleanup:
    return status;
}

wend_status wendi_binder_unary(wendi_binder *binder, const wendi_sql_expr *node, const wendi_expr **expr_out)
{
    wend_status status = WEND_OK;
    const wendi_expr *arg;
    char op = node->op.length == 1 ? node->op.data[0] : '\0';

    WEND_TRY(wendi_binder_expr(binder, node->args[0], &arg));
    if (op != '-' && op != '+') {
        return wendi_fail_at(binder->error, WEND_UNSUPPORTED, node->position, "operator %.*s is not supported",
                             (int)node->op.length, node->op.data);
    }
    if (wendi_is_unknown(arg)) {
        WEND_TRY(wendi_binder_cast(binder, arg, wendi_type_of(WENDI_TYPE_DOUBLE), WENDI_CAST_IMPLICIT, node->position, &arg));
    }
    bool interval = arg->type.kind == WENDI_TYPE_INTERVAL;
    if (!wendi_type_is_number(arg->type) && !interval) {
        return no_operator(binder, op == '-' ? "-" : "+", NULL, arg, node->position);
    }
    if (op == '+') {
        *expr_out = arg;
        return WEND_OK;
    }
    wendi_value zero = {.type = arg->type};
    if (arg->type.kind == WENDI_TYPE_DOUBLE || arg->type.kind == WENDI_TYPE_REAL) {
        zero.f64 = -0.0; /* so that -(0.0) is -0.0 */
    }
    const wendi_expr *left = wendi_expr_constant_at(binder->arena, &zero, node->position);
    if (left == NULL) {
        return wendi_binder_nomem(binder);
    }
    if (arg->type.kind != WENDI_TYPE_NUMERIC) {
        return bind_arithmetic(binder, '-', left, arg, node->position, expr_out);
    }
    /* Of the operand's own digits: a sum would have one more. */
    const wendi_expr *args[2] = {left, arg};
    WEND_TRY(wendi_binder_finish(binder,
                                 wendi_expr_call(binder->arena, wendi_arithmetic_function('-', arg->type), arg->type,
                                                 node->position, binder->session, args, 2),
                                 expr_out));
cleanup:
    return status;
}
