/* FROM: a table, a common table expression, a subquery, a table function, or nothing. */
#include <stdio.h>
#include <string.h>

#include "query/plan_internal.h"
#include "query/table_function.h"

static wend_status nomem(wend_error *error)
{
    return wendi_fail_nomem(error, "a plan", sizeof(wendi_plan));
}

static wend_status scan_table(wendi_planner *planner, const wendi_sql_from *from,
                              const wendi_plan **plan_out, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_snapshot *snapshot = NULL;

    status = wendi_query_snapshot(planner->context, from->name, &snapshot, error);
    if (status == WEND_NOT_FOUND && error != NULL) {
        error->position = from->span.start;
    }
    WEND_TRY(status);
    const wendi_schema *schema = wendi_snapshot_schema(snapshot);
    wendi_plan *plan = wendi_plan_new(planner->arena, WENDI_PLAN_SCAN, NULL, schema->column_count);
    if (plan == NULL) {
        return nomem(error);
    }
    plan->snapshot = snapshot;
    plan->table = from->name;
    for (uint32_t i = 0; i < schema->column_count; i++) {
        plan->columns[i] = (wendi_output_column){.name = schema->columns[i].name,
                                                 .type = schema->columns[i].type,
                                                 .hidden = i == schema->rest_column};
    }
    *plan_out = plan;
cleanup:
    return status;
}

/* New names for the first columns: AS t(a, b), WITH t(a, b). */
static wend_status rename_columns(wendi_planner *planner, const wendi_string *names,
                                  uint32_t name_count, int32_t position, const wendi_plan **plan,
                                  wend_error *error)
{
    if (name_count == 0) {
        return WEND_OK;
    }
    uint32_t shown = (*plan)->column_count;
    while (shown > 0 && (*plan)->columns[shown - 1].hidden) { /* hidden ones stand last */
        shown--;
    }
    if (name_count > shown) {
        return wendi_fail_at(error, WEND_INVALID, position,
                             "%u column names were given for %u columns", name_count, shown);
    }
    wendi_plan *renamed = wendi_arena_alloc(planner->arena, sizeof *renamed);
    wendi_output_column *columns =
        wendi_arena_alloc(planner->arena, (*plan)->column_count * sizeof *columns);
    if (renamed == NULL || columns == NULL) {
        return nomem(error);
    }
    *renamed = **plan;
    memcpy(columns, (*plan)->columns, (*plan)->column_count * sizeof *columns);
    for (uint32_t i = 0; i < name_count; i++) {
        columns[i].name = names[i];
    }
    renamed->columns = columns;
    *plan = renamed;
    return WEND_OK;
}

static wend_status unknown_function(const wendi_planner *planner, const wendi_sql_call *call,
                                    int32_t position, wend_error *error)
{
    char names[256] = "";
    size_t length = 0;

    for (uint32_t i = 0; i < planner->context->function_count && length < sizeof names - 64; i++) {
        int written = snprintf(names + length, sizeof names - length, "%s%s", i == 0 ? "" : ", ",
                               planner->context->functions[i]->name);
        length += written > 0 ? (size_t)written : 0;
    }
    wendi_fail_at(error, WEND_NOT_FOUND, position, "table function %.*s() does not exist",
                  (int)call->name.length, call->name.data);
    if (length > 0) {
        wendi_error_hint(error, "There are: %s.", names);
    }
    return WEND_NOT_FOUND;
}

static wend_status bind_function(wendi_planner *planner, const wendi_sql_from *from,
                                 const wendi_plan **plan_out, wend_error *error)
{
    wend_status status = WEND_OK;
    const wendi_sql_call *call = &from->call->call;
    wendi_table_call bound = {.call = call,
                              .context = planner->context,
                              .arena = planner->arena,
                              .position = from->call->position,
                              .text = planner->text};
    const wendi_table_function *function = wendi_table_function_find(planner->context, call->name);

    if (function == NULL) {
        return unknown_function(planner, call, from->call->position, error);
    }
    /* Each operator has a cell of its own, so that the pointer in the plan stays valid. */
    wendi_function_cell *cell = wendi_arena_alloc_zero(planner->arena, sizeof *cell);
    if (cell == NULL) {
        return nomem(error);
    }
    cell->next = planner->functions;
    planner->functions = cell;
    WEND_TRY(function->bind(&bound, &cell->operator_of, error));
    wendi_plan *plan =
        wendi_plan_new(planner->arena, WENDI_PLAN_FUNCTION, NULL, cell->operator_of->column_count);
    if (plan == NULL) {
        return nomem(error);
    }
    plan->function = cell;
    memcpy(plan->columns, cell->operator_of->columns, plan->column_count * sizeof *plan->columns);
    *plan_out = plan;
cleanup:
    return status;
}

static wend_status cte_or_table(wendi_planner *planner, const wendi_sql_from *from,
                                const wendi_plan_cte *ctes, const wendi_plan **plan_out,
                                wend_error *error)
{
    wend_status status = WEND_OK;

    for (const wendi_plan_cte *cte = ctes; cte != NULL; cte = cte->next) {
        if (!wendi_string_equal(cte->with->name, from->name)) {
            continue;
        }
        WEND_TRY(wendi_plan_select(planner, cte->with->select, cte->next, plan_out, error));
        return rename_columns(planner, cte->with->column_names, cte->with->column_name_count,
                              cte->with->span.start, plan_out, error);
    }
    WEND_TRY(scan_table(planner, from, plan_out, error));
cleanup:
    return status;
}

/* One row without columns. */
static wend_status no_from(wendi_planner *planner, const wendi_plan **plan_out, wend_error *error)
{
    wendi_plan *plan = wendi_plan_new(planner->arena, WENDI_PLAN_ROWS, NULL, 0);

    if (plan == NULL) {
        return nomem(error);
    }
    plan->row_count = 1;
    *plan_out = plan;
    return WEND_OK;
}

wend_status wendi_plan_from(wendi_planner *planner, const wendi_sql_from *from,
                            const wendi_plan_cte *ctes, const wendi_plan **plan_out,
                            wendi_string *qualifier, wend_error *error)
{
    wend_status status = WEND_OK;

    *qualifier = (wendi_string){"", 0};
    if (from == NULL) {
        return no_from(planner, plan_out, error);
    }
    switch ((wendi_sql_from_kind)from->kind) {
    case WENDI_SQL_FROM_TABLE:
        WEND_TRY(cte_or_table(planner, from, ctes, plan_out, error));
        break;
    case WENDI_SQL_FROM_SELECT:
        WEND_TRY(wendi_plan_select(planner, from->select, ctes, plan_out, error));
        break;
    case WENDI_SQL_FROM_CALL:
        WEND_TRY(bind_function(planner, from, plan_out, error));
        break;
    }
    *qualifier = from->alias.length > 0 ? from->alias : from->name;
    WEND_TRY(rename_columns(planner, from->column_aliases, from->column_alias_count,
                            from->span.start, plan_out, error));
cleanup:
    return status;
}
