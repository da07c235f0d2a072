/** IN, BETWEEN and CASE: several operands that must agree on one type. */
#include <stdlib.h>
#include <string.h>

#include "engine/expr/binder_internal.h"

static int compare_values(const void *a, const void *b)
{
    return wendi_value_compare(a, b);
}

/** The constants of args[1..] as a sorted list of args[0]'s type; false when one is no constant. */
static bool constant_list(wendi_arena *arena, const wendi_expr **args, uint32_t count, wendi_expr *in)
{
    wendi_value *list = wendi_arena_alloc(arena, count * sizeof *list);
    uint32_t kept = 0;

    if (list == NULL) {
        return false;
    }
    for (uint32_t i = 1; i < count; i++) {
        const wendi_value *value = wendi_expr_value(args[i]);
        if (value == NULL) {
            return false;
        }
        if (value->null) {
            in->list_null = true;
        } else {
            list[kept] = *value;
            list[kept++].type = args[0]->type;
        }
    }
    qsort(list, kept, sizeof *list, compare_values);
    uint32_t distinct = 0;
    for (uint32_t i = 0; i < kept; i++) {
        if (distinct == 0 || wendi_value_compare(&list[distinct - 1], &list[i]) != 0) {
            list[distinct++] = list[i];
        }
    }
    in->list = list;
    in->list_count = distinct;
    return true;
}

/** x = a OR x = b …, for a list with something else than constants in it. */
static wend_status in_as_or(wendi_binder *binder, const wendi_expr **args, uint32_t count, int32_t position,
                            const wendi_expr **expr_out)
{
    const wendi_expr **equal = wendi_arena_alloc(binder->arena, count * sizeof(*equal));
    wend_status status = WEND_OK;

    if (equal == NULL) {
        return wendi_binder_nomem(binder);
    }
    for (uint32_t i = 1; i < count; i++) {
        WEND_TRY(wendi_binder_compare(binder, "=", args[0], args[i], position, &equal[i - 1]));
    }
    if (count == 2) {
        *expr_out = equal[0];
        return WEND_OK;
    }
    WEND_TRY(wendi_binder_finish(binder,
                                 wendi_expr_node(binder->arena, WENDI_EXPR_OR, wendi_type_of(WENDI_TYPE_BOOLEAN), position,
                                                 equal, count - 1),
                                 expr_out));
cleanup:
    return status;
}

/** Integers of all widths are held alike: then nothing needs a cast. */
static bool all_integers(const wendi_expr **args, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!wendi_type_is_integer(args[i]->type) && args[i]->type.kind != WENDI_TYPE_NULL) {
            return false;
        }
    }
    return wendi_type_is_integer(args[0]->type);
}

wend_status wendi_binder_in(wendi_binder *binder, const wendi_sql_expr *node, const wendi_expr **expr_out)
{
    const wendi_expr **args = wendi_arena_alloc(binder->arena, node->arg_count * sizeof(*args));
    wend_status status = WEND_OK;
    wendi_type type;

    if (args == NULL) {
        return wendi_binder_nomem(binder);
    }
    for (uint32_t i = 0; i < node->arg_count; i++) {
        WEND_TRY(wendi_binder_expr(binder, node->args[i], &args[i]));
    }
    for (uint32_t i = 1; i < node->arg_count; i++) {
        WEND_TRY(wendi_binder_hash_operand(binder, "=", args[0], &args[i], node->position));
    }
    if (!all_integers(args, node->arg_count)) {
        WEND_TRY(wendi_binder_unify(binder, args, node->arg_count, "IN", &type));
    }
    if (args[0]->type.kind == WENDI_TYPE_JSONB) {
        return wendi_binder_compare(binder, "=", args[0], args[1], node->position, expr_out); /* says why not */
    }
    wendi_expr *in = wendi_expr_node(binder->arena, WENDI_EXPR_IN, wendi_type_of(WENDI_TYPE_BOOLEAN), node->position, args, 1);
    if (in == NULL) {
        return wendi_binder_nomem(binder);
    }
    if (node->arg_count > 2 && constant_list(binder->arena, args, node->arg_count, in)) {
        WEND_TRY(wendi_binder_finish(binder, in, expr_out));
    } else {
        WEND_TRY(in_as_or(binder, args, node->arg_count, node->position, expr_out));
    }
    if (node->negated) {
        WEND_TRY(wendi_binder_not(binder, *expr_out, node->position, expr_out));
    }
cleanup:
    return status;
}

/** a >= low AND a <= high; negated: a < low OR a > high. */
static wend_status between(wendi_binder *binder, const wendi_expr *value, const wendi_expr *low, const wendi_expr *high,
                           bool negated, int32_t position, const wendi_expr **expr_out)
{
    wend_status status = WEND_OK;
    const wendi_expr *pair[2];

    WEND_TRY(wendi_binder_compare(binder, negated ? "<" : ">=", value, low, position, &pair[0]));
    WEND_TRY(wendi_binder_compare(binder, negated ? ">" : "<=", value, high, position, &pair[1]));
    WEND_TRY(wendi_binder_finish(binder,
                                 wendi_expr_node(binder->arena, negated ? WENDI_EXPR_OR : WENDI_EXPR_AND,
                                                 wendi_type_of(WENDI_TYPE_BOOLEAN), position, pair, 2),
                                 expr_out));
cleanup:
    return status;
}

wend_status wendi_binder_between(wendi_binder *binder, const wendi_sql_expr *node, const wendi_expr **expr_out)
{
    wend_status status = WEND_OK;
    const wendi_expr *args[3];
    const wendi_expr *either[2];

    for (int i = 0; i < 3; i++) {
        WEND_TRY(wendi_binder_expr(binder, node->args[i], &args[i]));
    }
    if (!node->flag) {
        return between(binder, args[0], args[1], args[2], node->negated, node->position, expr_out);
    }
    WEND_TRY(between(binder, args[0], args[1], args[2], node->negated, node->position, &either[0]));
    WEND_TRY(between(binder, args[0], args[2], args[1], node->negated, node->position, &either[1]));
    WEND_TRY(wendi_binder_finish(binder,
                                 wendi_expr_node(binder->arena, node->negated ? WENDI_EXPR_AND : WENDI_EXPR_OR,
                                                 wendi_type_of(WENDI_TYPE_BOOLEAN), node->position, either, 2),
                                 expr_out));
cleanup:
    return status;
}

wend_status wendi_binder_case(wendi_binder *binder, const wendi_sql_expr *node, const wendi_expr **expr_out)
{
    const wendi_sql_case *of = &node->case_of;
    uint32_t count = of->when_count * 2 + 1;
    const wendi_expr **args = wendi_arena_alloc(binder->arena, (count + 1) * sizeof(*args));
    const wendi_expr *operand = NULL;
    wend_status status = WEND_OK;
    wendi_type type;

    if (args == NULL) {
        return wendi_binder_nomem(binder);
    }
    if (of->operand != NULL) {
        WEND_TRY(wendi_binder_expr(binder, of->operand, &operand));
    }
    for (uint32_t i = 0; i < of->when_count; i++) {
        if (operand == NULL) {
            WEND_TRY(wendi_binder_boolean(binder, of->conditions[i], "CASE/WHEN", &args[2 * i]));
        } else {
            const wendi_expr *value;
            WEND_TRY(wendi_binder_expr(binder, of->conditions[i], &value));
            WEND_TRY(wendi_binder_compare(binder, "=", operand, value, of->conditions[i]->position, &args[2 * i]));
        }
        WEND_TRY(wendi_binder_expr(binder, of->results[i], &args[2 * i + 1]));
    }
    if (of->otherwise != NULL) {
        WEND_TRY(wendi_binder_expr(binder, of->otherwise, &args[count - 1]));
    } else {
        const wendi_value null = {.null = true};
        wendi_expr *constant = wendi_expr_constant_at(binder->arena, &null, node->position);
        if (constant == NULL) {
            return wendi_binder_nomem(binder);
        }
        constant->flags |= WENDI_EXPR_UNKNOWN;
        args[count - 1] = constant;
    }
    /* Results stand at 1, 3, 5, … and the last place: gather them, unify, put them back. */
    uint32_t result_count = of->when_count + 1;
    const wendi_expr **results = wendi_arena_alloc(binder->arena, result_count * sizeof(*results));
    if (results == NULL) {
        return wendi_binder_nomem(binder);
    }
    for (uint32_t i = 0; i < of->when_count; i++) {
        results[i] = args[2 * i + 1];
    }
    results[result_count - 1] = args[count - 1];
    WEND_TRY(wendi_binder_unify(binder, results, result_count, "CASE", &type));
    for (uint32_t i = 0; i < of->when_count; i++) {
        args[2 * i + 1] = results[i];
    }
    args[count - 1] = results[result_count - 1];
    WEND_TRY(wendi_binder_finish(
        binder, wendi_expr_node(binder->arena, WENDI_EXPR_CASE, type, node->position, args, count), expr_out));
cleanup:
    return status;
}
