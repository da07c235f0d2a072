/* One statement from text to its last row. */
#include "query/query.h"

#include <string.h>

#include "engine/base/alloc.h"
#include "engine/sql/sql.h"
#include "query/explain.h"
#include "query/plan.h"

struct wendi_query {
    wendi_query_context *context;
    wendi_arena arena;
    wendi_planner planner;
    wendi_operator *root;
    wendi_vector *vectors;
    wend_status ended; /* what next() answers for ever once it did not give rows */
};

static wend_status plan_statement(wendi_query *query, const wendi_sql_statement *statement,
                                  wend_error *error)
{
    wend_status status = WEND_OK;
    const wendi_plan *plan = NULL;

    if (statement->kind != WENDI_SQL_STATEMENT_SELECT &&
        statement->kind != WENDI_SQL_STATEMENT_EXPLAIN) {
        wendi_fail_at(error, WEND_INVALID, statement->span.start,
                      "a query must be a SELECT or EXPLAIN");
        wendi_error_hint(
            error, "CREATE, ALTER and DROP have commands of their own: see wend create --help.");
        return WEND_INVALID;
    }
    query->planner =
        (wendi_planner){.context = query->context, .arena = &query->arena, .text = statement->text};
    WEND_TRY(wendi_plan_select(&query->planner, statement->select, NULL, &plan, error));
    WEND_TRY(wendi_plan_build(query->context, &query->arena, plan, &query->root, error));
    if (statement->kind == WENDI_SQL_STATEMENT_EXPLAIN) {
        wendi_operator *root = query->root;
        query->root = NULL;
        WEND_TRY(wendi_explain_open(query->context, root, statement->analyze, &query->root, error));
    }
cleanup:
    return status;
}

wend_status wendi_query_open(wendi_query_context *context, wendi_string sql,
                             wendi_query **query_out, wend_error *error)
{
    wend_status status = WEND_OK;
    const wendi_sql_statement *statement = NULL;
    wendi_query *query = wendi_alloc_zero(1, sizeof *query);

    *query_out = NULL;
    if (query == NULL) {
        return wendi_fail_nomem(error, "a query", sizeof *query);
    }
    query->context = context;
    WEND_TRY(wendi_sql_parse_one(sql.data, sql.length, &query->arena, &statement, error));
    WEND_TRY(plan_statement(query, statement, error));
    query->vectors = wendi_alloc_zero(query->root->column_count + 1, sizeof *query->vectors);
    if (query->vectors == NULL) {
        WEND_TRY(
            wendi_fail_nomem(error, "a query", query->root->column_count * sizeof *query->vectors));
    }
    *query_out = query;
    query = NULL;
cleanup:
    wendi_query_close(query);
    return status;
}

void wendi_query_close(wendi_query *query)
{
    if (query == NULL) {
        return;
    }
    wendi_operator_close(query->root);
    wendi_planner_free(&query->planner);
    wendi_free(query->vectors);
    wendi_arena_free(&query->arena);
    wendi_free(query);
}

const wendi_output_column *wendi_query_columns(const wendi_query *query, uint32_t *count)
{
    *count = query->root->column_count;
    return query->root->columns;
}

wend_status wendi_query_next(wendi_query *query, wendi_batch *batch, wend_error *error)
{
    if (query->ended == WEND_END) {
        return WEND_END;
    }
    *batch = (wendi_batch){.columns = query->vectors};
    query->ended = wendi_operator_next(query->root, batch, error);
    return query->ended;
}
