/* VALUES, UNION, INTERSECT and EXCEPT: rows of equal types. */
#include <string.h>

#include "query/plan_internal.h"

static wend_status nomem(wend_error *error)
{
    return wendi_fail_nomem(error, "a plan", sizeof(wendi_plan));
}

const wendi_expr *wendi_plan_column(wendi_arena *arena, const wendi_plan *plan, uint32_t index)
{
    return wendi_expr_column(arena, index, plan->columns[index].type);
}

wend_status wendi_plan_cast(wendi_planner *planner, const wendi_plan *input,
                            const wendi_type *types, const wendi_plan **plan_out, wend_error *error)
{
    wend_status status = WEND_OK;
    bool same = true;

    for (uint32_t i = 0; i < input->column_count; i++) {
        same = same && wendi_type_equal(input->columns[i].type, types[i]);
    }
    *plan_out = input;
    if (same) {
        return WEND_OK;
    }
    wendi_plan *project =
        wendi_plan_new(planner->arena, WENDI_PLAN_PROJECT, input, input->column_count);
    const wendi_expr **exprs =
        wendi_arena_alloc(planner->arena, input->column_count * sizeof(const wendi_expr *));
    if (project == NULL || exprs == NULL) {
        return nomem(error);
    }
    for (uint32_t i = 0; i < input->column_count; i++) {
        bool bare_null = input->columns[i].type.kind == WENDI_TYPE_NULL;
        wendi_value null = {.type = types[i], .null = true};
        const wendi_expr *column = bare_null ? wendi_expr_constant(planner->arena, &null)
                                             : wendi_plan_column(planner->arena, input, i);
        if (column == NULL) {
            return nomem(error);
        }
        WEND_TRY(wendi_bind_cast(column, types[i], WENDI_CAST_EXPLICIT, &planner->context->session,
                                 planner->arena, &exprs[i], error));
        project->columns[i] =
            (wendi_output_column){.name = input->columns[i].name, .type = types[i]};
    }
    project->exprs = exprs;
    *plan_out = project;
cleanup:
    return status;
}

static const char *set_name(uint8_t kind)
{
    return kind == WENDI_SQL_SELECT_UNION    ? "UNION"
           : kind == WENDI_SQL_SELECT_EXCEPT ? "EXCEPT"
                                             : "INTERSECT";
}

wend_status wendi_plan_set(wendi_planner *planner, const wendi_sql_select *select,
                           const wendi_plan_cte *ctes, const wendi_plan **plan_out,
                           wend_error *error)
{
    wend_status status = WEND_OK;
    const wendi_plan *left = NULL;
    const wendi_plan *right = NULL;

    bool in_set = planner->in_set;

    planner->in_set = true;
    WEND_TRY(wendi_plan_select(planner, select->left, ctes, &left, error));
    WEND_TRY(wendi_plan_select(planner, select->right, ctes, &right, error));
    planner->in_set = in_set;
    if (left->column_count != right->column_count) {
        return wendi_fail_at(error, WEND_INVALID, select->right->span.start,
                             "each %s query must have the same number of columns",
                             set_name(select->kind));
    }
    wendi_type *types = wendi_arena_alloc(planner->arena, (left->column_count + 1) * sizeof *types);
    wendi_plan *plan = wendi_plan_new(planner->arena, WENDI_PLAN_SET, NULL, left->column_count);
    if (types == NULL || plan == NULL) {
        return nomem(error);
    }
    for (uint32_t i = 0; i < left->column_count; i++) {
        if (!wendi_type_common(left->columns[i].type, right->columns[i].type, &types[i])) {
            char a[64], b[64];
            return wendi_fail_at(error, WEND_INVALID, select->right->span.start,
                                 "%s types %s and %s cannot be matched", set_name(select->kind),
                                 wendi_type_name(left->columns[i].type, a),
                                 wendi_type_name(right->columns[i].type, b));
        }
        if (types[i].kind == WENDI_TYPE_NULL && !in_set) {
            types[i] = wendi_type_of(WENDI_TYPE_TEXT);
        }
        plan->columns[i] = (wendi_output_column){.name = left->columns[i].name, .type = types[i]};
    }
    WEND_TRY(wendi_plan_cast(planner, left, types, &plan->inputs[0], error));
    WEND_TRY(wendi_plan_cast(planner, right, types, &plan->inputs[1], error));
    plan->set_kind = select->kind;
    plan->set_all = select->all;
    *plan_out = plan;
    if (select->kind == WENDI_SQL_SELECT_UNION && !select->all) {
        plan->set_all = true;
        WEND_TRY(wendi_plan_distinct(planner, plan, plan_out, error));
    }
cleanup:
    return status;
}

/* The type that all values of one column of VALUES are brought to. */
static wend_status values_type(const wendi_sql_select *select, const wendi_expr **exprs,
                               uint32_t column, wendi_type *type, wend_error *error)
{
    *type = exprs[column]->type;
    for (uint32_t row = 1; row < select->value_rows; row++) {
        const wendi_expr *expr = exprs[row * select->value_columns + column];
        wendi_type common;
        if (!wendi_type_common(*type, expr->type, &common)) {
            char a[64], b[64];
            return wendi_fail_at(error, WEND_INVALID, expr->position,
                                 "VALUES types %s and %s cannot be matched",
                                 wendi_type_name(*type, a), wendi_type_name(expr->type, b));
        }
        *type = common;
    }
    if (type->kind == WENDI_TYPE_NULL) {
        *type = wendi_type_of(WENDI_TYPE_TEXT);
    }
    return WEND_OK;
}

wend_status wendi_plan_values(wendi_planner *planner, const wendi_sql_select *select,
                              const wendi_plan_cte *ctes, const wendi_plan **plan_out,
                              wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_plan_scope scope;
    uint32_t count = select->value_rows * select->value_columns;
    wendi_plan *plan = wendi_plan_new(planner->arena, WENDI_PLAN_ROWS, NULL, select->value_columns);
    const wendi_expr **exprs =
        wendi_arena_alloc(planner->arena, (count + 1) * sizeof(const wendi_expr *));

    if (plan == NULL || exprs == NULL) {
        return nomem(error);
    }
    wendi_plan_scope_init(&scope, planner, ctes, NULL, (wendi_string){"", 0}, "VALUES");
    for (uint32_t i = 0; i < count; i++) {
        WEND_TRY(wendi_bind(select->values[i], &scope.scope, planner->arena, &exprs[i], error));
    }
    for (uint32_t column = 0; column < select->value_columns; column++) {
        wendi_type type;
        WEND_TRY(values_type(select, exprs, column, &type, error));
        for (uint32_t i = column; i < count; i += select->value_columns) {
            WEND_TRY(wendi_bind_cast(exprs[i], type, WENDI_CAST_EXPLICIT,
                                     &planner->context->session, planner->arena, &exprs[i], error));
        }
        const char *name = wendi_arena_printf(planner->arena, "column%u", column + 1);
        if (name == NULL) {
            return nomem(error);
        }
        plan->columns[column] = (wendi_output_column){.name = wendi_string_of(name), .type = type};
    }
    plan->exprs = exprs;
    plan->row_count = select->value_rows;
    *plan_out = plan;
cleanup:
    return status;
}
