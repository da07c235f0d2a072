/* From logical plans to operators. */
#include "query/operators.h"

wend_status wendi_build(wendi_query_context *context, wendi_arena *arena, const wendi_plan *plan,
                        bool order_free, uint64_t row_limit, wendi_operator **operator_out,
                        wend_error *error)
{
    switch (plan->kind) {
    case WENDI_PLAN_ROWS:
        return wendi_rows_operator_open(context, arena, plan, operator_out, error);
    case WENDI_PLAN_FUNCTION:
        *operator_out = plan->function->operator_of;
        plan->function->operator_of = NULL; /* The reader owns it now. */
        return WEND_OK;
    case WENDI_PLAN_AGGREGATE:
        return wendi_aggregate_operator_open(context, arena, plan, order_free, operator_out, error);
    case WENDI_PLAN_SORT:
        return wendi_sort_operator_open(context, arena, plan, row_limit, operator_out, error);
    case WENDI_PLAN_LIMIT:
        return wendi_limit_operator_open(context, arena, plan, operator_out, error);
    case WENDI_PLAN_SET:
        return wendi_set_operator_open(context, arena, plan, operator_out, error);
    case WENDI_PLAN_SCAN:
    case WENDI_PLAN_PROJECT:
    case WENDI_PLAN_FILTER:
        break;
    }
    return wendi_project_operator_open(context, arena, plan, operator_out, error);
}

wend_status wendi_plan_build(wendi_query_context *context, wendi_arena *arena,
                             const wendi_plan *plan, wendi_operator **operator_out,
                             wend_error *error)
{
    return wendi_build(context, arena, plan, false, UINT64_MAX, operator_out, error);
}
