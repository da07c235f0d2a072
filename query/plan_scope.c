/*
 * Names inside a SELECT: columns of FROM before grouping; group keys and aggregates behind it.
 */
#include <string.h>

#include "engine/sql/sql.h"
#include "query/name_hint.h"
#include "query/plan_internal.h"

static bool is_count(const wendi_sql_expr *node)
{
    return node->kind == WENDI_SQL_CALL &&
           wendi_string_equal(node->call.name, wendi_string_of("count"));
}

/* Two counts divided as integers nearly always give 0: say so, the answer stays SQL's. */
static wend_status hint_integer_division(const wendi_plan_scope *scope, const wendi_sql_expr *node,
                                         wend_error *error)
{
    if (node->kind != WENDI_SQL_BINARY || !wendi_string_equal(node->op, wendi_string_of("/")) ||
        !is_count(node->args[0]) || !is_count(node->args[1])) {
        return WEND_OK;
    }
    return wendi_query_note(
        scope->planner->context, error,
        "two counts were divided as integers, which cuts the fraction off; write "
        "count(*)::numeric / count(…) for a ratio");
}

static wend_status resolve_column(void *context, wendi_string qualifier, wendi_string name,
                                  int32_t position, uint32_t *slot, wendi_type *type,
                                  wend_error *error)
{
    const wendi_plan_scope *scope = context;
    const wendi_plan *from = scope->from;
    uint32_t found = UINT32_MAX;

    if (qualifier.length > 0 && !wendi_string_equal(qualifier, scope->qualifier)) {
        wendi_fail_at(error, WEND_NOT_FOUND, position,
                      "missing FROM-clause entry for table \"%.*s\"", (int)qualifier.length,
                      qualifier.data);
        wendi_error_hint(error,
                         "A subquery sees only its own FROM: wend has no correlated subqueries.");
        return WEND_NOT_FOUND;
    }
    for (uint32_t i = 0; from != NULL && i < from->column_count; i++) {
        if (!wendi_string_equal(from->columns[i].name, name)) {
            continue;
        }
        if (found != UINT32_MAX) {
            return wendi_fail_at(error, WEND_INVALID, position,
                                 "column reference \"%.*s\" is ambiguous", (int)name.length,
                                 name.data);
        }
        found = i;
    }
    if (found == UINT32_MAX && from != NULL && from->kind == WENDI_PLAN_SCAN) {
        wend_status status =
            wendi_name_dropped(wendi_snapshot_schema(from->snapshot), name, position, error);
        if (status != WEND_OK) {
            return status;
        }
    }
    if (found == UINT32_MAX) {
        wendi_fail_at(error, WEND_NOT_FOUND, position, "column \"%.*s\" does not exist",
                      (int)name.length, name.data);
        if (from == NULL) {
            wendi_error_hint(error, "There is no FROM; write text in single quotes.");
        }
        wendi_name_hint hint = {.wanted = name};
        for (uint32_t i = 0; from != NULL && i < from->column_count; i++) {
            wendi_name_hint_offer(&hint, from->columns[i].name);
        }
        wendi_name_hint_tell(&hint, error);
        return WEND_NOT_FOUND;
    }
    *slot = found;
    *type = from->columns[found].type;
    return WEND_OK;
}

bool wendi_plan_has_column(const wendi_plan *from, wendi_string name)
{
    for (uint32_t i = 0; from != NULL && i < from->column_count; i++) {
        if (wendi_string_equal(from->columns[i].name, name)) {
            return true;
        }
    }
    return false;
}

static wend_status refuse_aggregate(const wendi_plan_scope *scope, const wendi_sql_expr *node,
                                    wend_error *error)
{
    if (strcmp(scope->clause, "aggregate") == 0) {
        return wendi_fail_at(error, WEND_INVALID, node->position,
                             "aggregate function calls cannot be nested");
    }
    wendi_fail_at(error, WEND_INVALID, node->position, "aggregate functions are not allowed in %s",
                  scope->clause);
    if (strcmp(scope->clause, "WHERE") == 0) {
        wendi_error_hint(error, "Conditions on aggregates stand in HAVING.");
    }
    return WEND_INVALID;
}

static wend_status group_column(const wendi_plan_groups *groups, uint32_t index, wendi_arena *arena,
                                const wendi_expr **expr_out, wend_error *error)
{
    wendi_type type = index < groups->key_count
                          ? groups->keys[index]->type
                          : groups->aggregates[index - groups->key_count].type;

    *expr_out = wendi_expr_column(arena, index, type);
    return *expr_out == NULL ? wendi_fail_nomem(error, "a plan", sizeof(wendi_expr)) : WEND_OK;
}

static wend_status add_aggregate(wendi_plan_groups *groups, const wendi_sql_expr *node,
                                 wendi_arena *arena, const wendi_expr **expr_out, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_aggregate aggregate;
    wendi_plan_scope input = *groups->input;

    input.scope.context = &input;
    input.clause = "aggregate";
    WEND_TRY(wendi_aggregate_bind(node, &input.scope, arena, &aggregate, error));
    for (uint32_t i = 0; i < groups->aggregate_count; i++) {
        if (wendi_aggregate_equal(&groups->aggregates[i], &aggregate)) {
            return group_column(groups, groups->key_count + i, arena, expr_out, error);
        }
    }
    if (groups->aggregate_count == groups->aggregate_capacity) {
        uint32_t capacity = groups->aggregate_capacity == 0 ? 8 : groups->aggregate_capacity * 2;
        wendi_aggregate *grown = wendi_arena_alloc(arena, capacity * sizeof *grown);
        if (grown == NULL) {
            return wendi_fail_nomem(error, "a plan", capacity * sizeof *grown);
        }
        if (groups->aggregate_count > 0) {
            memcpy(grown, groups->aggregates, groups->aggregate_count * sizeof *grown);
        }
        groups->aggregates = grown;
        groups->aggregate_capacity = capacity;
    }
    groups->aggregates[groups->aggregate_count++] = aggregate;
    WEND_TRY(group_column(groups, groups->key_count + groups->aggregate_count - 1, arena, expr_out,
                          error));
cleanup:
    return status;
}

/* A node of an aggregated SELECT that is a group key as a whole. */
static wend_status match_key(const wendi_plan_groups *groups, const wendi_sql_expr *node,
                             wendi_arena *arena, const wendi_expr **expr_out, wend_error *error)
{
    wend_status status = WEND_OK;
    const wendi_expr *bound = NULL;

    for (uint32_t i = 0; i < groups->key_count; i++) {
        if (wendi_sql_expr_equal(node, groups->key_asts[i])) {
            return group_column(groups, i, arena, expr_out, error);
        }
    }
    if (node->kind != WENDI_SQL_COLUMN) {
        return WEND_OK;
    }
    /* t.c and c are one column. */
    WEND_TRY(wendi_bind(node, &groups->input->scope, arena, &bound, error));
    for (uint32_t i = 0; i < groups->key_count; i++) {
        if (wendi_expr_equal(bound, groups->keys[i])) {
            return group_column(groups, i, arena, expr_out, error);
        }
    }
    status = wendi_fail_at(
        error, WEND_INVALID, node->position,
        "column \"%.*s\" must appear in the GROUP BY clause or be used in an aggregate function",
        (int)node->text.length, node->text.data);
cleanup:
    return status;
}

static wend_status hook(const wendi_scope *bound_scope, const wendi_sql_expr *node,
                        wendi_arena *arena, const wendi_expr **expr_out, wend_error *error)
{
    wend_status status = WEND_OK;
    const wendi_plan_scope *scope = bound_scope->context;

    *expr_out = NULL;
    if (node->kind == WENDI_SQL_SUBQUERY || node->kind == WENDI_SQL_EXISTS ||
        node->kind == WENDI_SQL_IN_SELECT) {
        return wendi_plan_subquery(scope, node, arena, expr_out, error);
    }
    if (node->kind == WENDI_SQL_CALL && wendi_aggregate_named(node->call.name)) {
        return scope->groups == NULL ? refuse_aggregate(scope, node, error)
                                     : add_aggregate(scope->groups, node, arena, expr_out, error);
    }
    if (scope->groups != NULL) {
        WEND_TRY(hint_integer_division(scope, node, error));
        WEND_TRY(match_key(scope->groups, node, arena, expr_out, error));
    }
cleanup:
    return status;
}

void wendi_plan_scope_init(wendi_plan_scope *scope, wendi_planner *planner,
                           const wendi_plan_cte *ctes, const wendi_plan *from,
                           wendi_string qualifier, const char *clause)
{
    *scope = (wendi_plan_scope){.scope = {.context = scope,
                                          .column = resolve_column,
                                          .hook = hook,
                                          .session = &planner->context->session},
                                .planner = planner,
                                .ctes = ctes,
                                .from = from,
                                .qualifier = qualifier,
                                .clause = clause};
}

bool wendi_plan_has_aggregate(const wendi_sql_expr *expr)
{
    if (expr == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < expr->arg_count; i++) {
        if (wendi_plan_has_aggregate(expr->args[i])) {
            return true;
        }
    }
    if (expr->kind == WENDI_SQL_CASE) {
        const wendi_sql_case *c = &expr->case_of;
        for (uint32_t i = 0; i < c->when_count; i++) {
            if (wendi_plan_has_aggregate(c->conditions[i]) ||
                wendi_plan_has_aggregate(c->results[i])) {
                return true;
            }
        }
        return wendi_plan_has_aggregate(c->operand) || wendi_plan_has_aggregate(c->otherwise);
    }
    if (expr->kind != WENDI_SQL_CALL) {
        return false;
    }
    if (wendi_aggregate_named(expr->call.name)) {
        return true;
    }
    for (uint32_t i = 0; i < expr->call.arg_count; i++) {
        if (wendi_plan_has_aggregate(expr->call.args[i])) {
            return true;
        }
    }
    return false;
}
