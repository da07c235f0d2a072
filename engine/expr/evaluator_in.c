/**
 * IN over a list of constants, which the binder has sorted: a few are compared one by one, more are
 * searched. A row that matches none is null when the list held a null.
 */
#include <string.h>

#include "engine/column/vector_value.h"
#include "engine/expr/evaluator_internal.h"

enum { LINEAR_MAX = 8 };

static bool find_i64(const wendi_expr *expr, int64_t value)
{
    uint32_t low = 0;
    uint32_t high = expr->list_count;

    if (high <= LINEAR_MAX) {
        for (uint32_t i = 0; i < high; i++) {
            if (expr->list[i].i64 == value) {
                return true;
            }
        }
        return false;
    }
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (expr->list[middle].i64 < value) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < expr->list_count && expr->list[low].i64 == value;
}

static bool find_value(const wendi_expr *expr, const wendi_value *value)
{
    uint32_t low = 0;
    uint32_t high = expr->list_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = wendi_value_compare(&expr->list[middle], value);
        if (order == 0) {
            return true;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return false;
}

wend_status wendi_compute_in(const wendi_frame *frame, const wendi_expr *expr, const wendi_selection *rows,
                             wendi_operand *out)
{
    wend_status status = WEND_OK;
    wendi_operand arg;
    uint8_t *nulls;
    void *data;

    WEND_TRY(wendi_compute(frame, expr->args[0], rows, &arg));
    WEND_TRY(wendi_operand_new(frame, expr->type, frame->batch->row_count, out, &data));
    WEND_TRY(wendi_operand_add_nulls(frame, out, &nulls));
    int64_t *values = data;
    wendi_type type = expr->args[0]->type;
    bool integers = wendi_type_physical(type) == WENDI_PHYSICAL_I64;
    for (uint32_t k = 0; k < rows->count; k++) {
        uint32_t row = wendi_row_at(rows, k);
        bool null = wendi_vector_is_null(&arg.vector, row);
        bool found = false;
        if (!null && integers) {
            found = find_i64(expr, arg.vector.i64[wendi_vector_index(&arg.vector, row)]);
        } else if (!null) {
            wendi_value value = wendi_vector_value(&arg.vector, row);
            found = find_value(expr, &value);
        }
        nulls[row] = null || (!found && expr->list_null);
        values[row] = !nulls[row] && found != expr->negated;
    }
    wendi_operand_release(frame->evaluator, &arg);
cleanup:
    return status;
}
