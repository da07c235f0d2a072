/*
 * Subqueries inside expressions. None is correlated, so each is run while the outer query is
 * planned and becomes a constant: filters on it are pushed down and prune like any other.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/expr/expr_node.h"
#include "query/plan_internal.h"

enum { LIST_ROWS_MAX = 4 << 20 };

wend_status wendi_plan_run(wendi_planner *planner, const wendi_plan *plan, uint64_t row_max,
                           wendi_rows *rows, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_operator *operator_of = NULL;
    wendi_batch batch = {0};
    wendi_type *types = wendi_arena_alloc(planner->arena, plan->column_count * sizeof *types);
    wendi_vector *vectors = wendi_arena_alloc(planner->arena, plan->column_count * sizeof *vectors);

    if (types == NULL || vectors == NULL) {
        return wendi_fail_nomem(error, "a subquery", plan->column_count * sizeof *vectors);
    }
    for (uint32_t i = 0; i < plan->column_count; i++) {
        types[i] = plan->columns[i].type;
    }
    WEND_TRY(
        wendi_rows_init(rows, planner->context, "a subquery", types, plan->column_count, error));
    WEND_TRY(wendi_plan_build(planner->context, planner->arena, plan, &operator_of, error));
    for (;;) {
        batch.columns = vectors;
        status = wendi_operator_next(operator_of, &batch, error);
        if (status == WEND_END) {
            status = WEND_OK;
            break;
        }
        WEND_TRY(status);
        if (rows->row_count + (uint64_t)batch.row_count > row_max) {
            WEND_TRY(wendi_fail(error, WEND_INVALID, "a subquery gives more than %llu rows",
                                (unsigned long long)row_max));
        }
        WEND_TRY(wendi_rows_append(rows, batch.columns, NULL, batch.row_count, error));
    }
cleanup:
    wendi_operator_close(operator_of);
    return status;
}

static wend_status constant(const wendi_value *value, int32_t position, wendi_arena *arena,
                            const wendi_expr **expr_out, wend_error *error)
{
    *expr_out = wendi_expr_constant_at(arena, value, position);
    return *expr_out == NULL ? wendi_fail_nomem(error, "a plan", sizeof(wendi_expr)) : WEND_OK;
}

static wend_status one_column(const wendi_plan *plan, const wendi_sql_expr *node, wend_error *error)
{
    if (plan->column_count != 1) {
        return wendi_fail_at(error, WEND_INVALID, node->position,
                             "subquery must return only one column");
    }
    return WEND_OK;
}

/* At most `rows` rows of the plan: more are never computed. */
static wend_status limited(const wendi_plan *plan, uint64_t rows, wendi_arena *arena,
                           const wendi_plan **plan_out, wend_error *error)
{
    wendi_plan *limit = wendi_plan_new(arena, WENDI_PLAN_LIMIT, plan, plan->column_count);

    if (limit == NULL) {
        return wendi_fail_nomem(error, "a plan", sizeof *limit);
    }
    limit->limit = rows;
    *plan_out = limit;
    return WEND_OK;
}

static wend_status scalar(const wendi_plan_scope *scope, const wendi_sql_expr *node,
                          const wendi_plan *plan, wendi_arena *arena, const wendi_expr **expr_out,
                          wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_rows rows = {0};
    wendi_value value = {.type = plan->columns[0].type, .null = true};

    WEND_TRY(one_column(plan, node, error));
    WEND_TRY(limited(plan, 2, arena, &plan, error));
    WEND_TRY(wendi_plan_run(scope->planner, plan, 2, &rows, error));
    if (rows.row_count > 1) {
        WEND_TRY(wendi_fail_at(error, WEND_INVALID, node->position,
                               "more than one row returned by a subquery used as an expression"));
    }
    if (rows.row_count == 1) {
        value = wendi_rows_value(&rows, 0, 0);
    }
    WEND_TRY(constant(&value, node->position, arena, expr_out, error));
cleanup:
    wendi_rows_free(&rows);
    return status;
}

static wend_status exists(const wendi_plan_scope *scope, const wendi_sql_expr *node,
                          const wendi_plan *plan, wendi_arena *arena, const wendi_expr **expr_out,
                          wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_rows rows = {0};
    wendi_value value = {.type = wendi_type_of(WENDI_TYPE_BOOLEAN)};

    WEND_TRY(limited(plan, 1, arena, &plan, error));
    WEND_TRY(wendi_plan_run(scope->planner, plan, 1, &rows, error));
    value.i64 = rows.row_count > 0;
    WEND_TRY(constant(&value, node->position, arena, expr_out, error));
cleanup:
    wendi_rows_free(&rows);
    return status;
}

static int compare_values(const void *a, const void *b)
{
    return wendi_value_compare(a, b);
}

/* Sorted values without repeats and nulls, strings copied. */
static wend_status list_of(const wendi_rows *rows, wendi_arena *arena, wendi_expr *in,
                           wend_error *error)
{
    wendi_value *list = wendi_arena_alloc(arena, ((size_t)rows->row_count + 1) * sizeof *list);
    uint32_t count = 0;
    uint32_t kept = 0;

    if (list == NULL) {
        return wendi_fail_nomem(error, "a subquery's values", rows->row_count * sizeof *list);
    }
    for (uint32_t i = 0; i < rows->row_count; i++) {
        wendi_value value = wendi_rows_value(rows, i, 0);
        if (value.null) {
            in->list_null = true;
            continue;
        }
        if (wendi_type_physical(value.type) == WENDI_PHYSICAL_STRING) {
            value.string.data = wendi_arena_copy(arena, value.string.data, value.string.length);
            if (value.string.data == NULL) {
                return wendi_fail_nomem(error, "a subquery's values", value.string.length);
            }
        }
        list[count++] = value;
    }
    qsort(list, count, sizeof *list, compare_values);
    for (uint32_t i = 0; i < count; i++) {
        if (kept == 0 || wendi_value_compare(&list[kept - 1], &list[i]) != 0) {
            list[kept++] = list[i];
        }
    }
    in->list = list;
    in->list_count = kept;
    return WEND_OK;
}

/* The subquery's column as the type it is compared in. */
static wend_status project_cast(const wendi_plan_scope *scope, const wendi_plan *plan,
                                wendi_type type, wendi_arena *arena, const wendi_plan **plan_out,
                                wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_plan *project = wendi_plan_new(arena, WENDI_PLAN_PROJECT, plan, 1);
    const wendi_expr **exprs = wendi_arena_alloc(arena, sizeof *exprs);
    const wendi_expr *column = wendi_expr_column(arena, 0, plan->columns[0].type);

    if (project == NULL || exprs == NULL || column == NULL) {
        return wendi_fail_nomem(error, "a plan", sizeof *project);
    }
    WEND_TRY(wendi_bind_cast(column, type, WENDI_CAST_EXPLICIT, scope->scope.session, arena,
                             &exprs[0], error));
    project->exprs = exprs;
    project->columns[0] = (wendi_output_column){.name = plan->columns[0].name, .type = type};
    *plan_out = project;
cleanup:
    return status;
}

static wend_status in_list(const wendi_plan_scope *scope, const wendi_sql_expr *node,
                           const wendi_plan *plan, wendi_arena *arena, const wendi_expr **expr_out,
                           wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_rows rows = {0};
    const wendi_expr *arg = NULL;
    wendi_type type;
    wendi_value empty = {.type = wendi_type_of(WENDI_TYPE_BOOLEAN), .i64 = node->negated};

    WEND_TRY(one_column(plan, node, error));
    WEND_TRY(wendi_bind(node->args[0], &scope->scope, arena, &arg, error));
    if (!wendi_type_common(arg->type, plan->columns[0].type, &type)) {
        char left[64], right[64];
        WEND_TRY(wendi_fail_at(error, WEND_INVALID, node->position,
                               "operator does not exist: %s = %s", wendi_type_name(arg->type, left),
                               wendi_type_name(plan->columns[0].type, right)));
    }
    WEND_TRY(
        wendi_bind_cast(arg, type, WENDI_CAST_EXPLICIT, scope->scope.session, arena, &arg, error));
    WEND_TRY(project_cast(scope, plan, type, arena, &plan, error));
    WEND_TRY(wendi_plan_run(scope->planner, plan, LIST_ROWS_MAX, &rows, error));
    if (rows.row_count == 0) {
        WEND_TRY(constant(&empty, node->position, arena, expr_out, error));
        goto cleanup;
    }
    wendi_expr *in = wendi_expr_node(arena, WENDI_EXPR_IN, wendi_type_of(WENDI_TYPE_BOOLEAN),
                                     node->position, &arg, 1);
    if (in == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "a plan", sizeof *in));
    }
    in->negated = node->negated;
    WEND_TRY(list_of(&rows, arena, in, error));
    *expr_out = in;
cleanup:
    wendi_rows_free(&rows);
    return status;
}

wend_status wendi_plan_subquery(const wendi_plan_scope *scope, const wendi_sql_expr *node,
                                wendi_arena *arena, const wendi_expr **expr_out, wend_error *error)
{
    wend_status status = WEND_OK;
    const wendi_plan *plan = NULL;
    bool in_set = scope->planner->in_set;

    scope->planner->in_set = false;
    WEND_TRY(wendi_plan_select(scope->planner, node->select, scope->ctes, &plan, error));
    scope->planner->in_set = in_set;
    if (node->kind == WENDI_SQL_EXISTS) {
        return exists(scope, node, plan, arena, expr_out, error);
    }
    return node->kind == WENDI_SQL_SUBQUERY ? scalar(scope, node, plan, arena, expr_out, error)
                                            : in_list(scope, node, plan, arena, expr_out, error);
cleanup:
    return status;
}
