/* Plan nodes and substitution: what planning and building share. */
#include "query/plan.h"

#include <string.h>

#include "engine/expr/expr_node.h"

wendi_plan *wendi_plan_new(wendi_arena *arena, wendi_plan_kind kind, const wendi_plan *input,
                           uint32_t column_count)
{
    wendi_plan *plan = wendi_arena_alloc_zero(arena, sizeof *plan);

    if (plan == NULL) {
        return NULL;
    }
    plan->kind = kind;
    plan->inputs[0] = input;
    plan->column_count = column_count;
    plan->columns = wendi_arena_alloc_zero(arena, (column_count + 1) * sizeof *plan->columns);
    if (plan->columns == NULL) {
        return NULL;
    }
    if (input != NULL &&
        (kind == WENDI_PLAN_FILTER || kind == WENDI_PLAN_SORT || kind == WENDI_PLAN_LIMIT)) {
        memcpy(plan->columns, input->columns, column_count * sizeof *plan->columns);
    }
    return plan;
}

const wendi_expr *wendi_plan_substitute(const wendi_expr *expr,
                                        const wendi_expr *const *replacements, wendi_arena *arena)
{
    if (expr->kind == WENDI_EXPR_COLUMN) {
        return replacements[expr->slot];
    }
    if (expr->arg_count == 0) {
        return expr;
    }
    const wendi_expr **args =
        wendi_arena_alloc(arena, expr->arg_count * sizeof(const wendi_expr *));
    if (args == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < expr->arg_count; i++) {
        args[i] = wendi_plan_substitute(expr->args[i], replacements, arena);
        if (args[i] == NULL) {
            return NULL;
        }
    }
    wendi_expr *copy = wendi_expr_node(arena, (wendi_expr_kind)expr->kind, expr->type,
                                       expr->position, args, expr->arg_count);
    if (copy == NULL) {
        return NULL;
    }
    copy->flags |= expr->flags;
    copy->negated = expr->negated;
    copy->list_null = expr->list_null;
    copy->list_count = expr->list_count;
    copy->list = expr->list;
    copy->function = expr->function;
    copy->constant = expr->constant;
    copy->session = expr->session;
    return copy;
}
