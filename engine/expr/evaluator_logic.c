/**
 * AND, OR, NOT and the IS tests, in three-valued logic, as columns of values. A row that one operand
 * has decided is not shown to the next, which is what guards it.
 */
#include <string.h>

#include "engine/expr/evaluator_internal.h"

/** AND is decided by a false operand, OR by a true one; what stays undecided is null if any operand was. */
static wend_status compute_and_or(const wendi_frame *frame, const wendi_expr *expr, const wendi_selection *rows,
                                  wendi_operand *out)
{
    const int64_t decides = expr->kind == WENDI_EXPR_OR;
    wend_status status = WEND_OK;
    int32_t buffer = WENDI_NO_BUFFER;
    int64_t *values;
    uint8_t *nulls;
    uint32_t *open;
    void *data;

    WEND_TRY(wendi_operand_new(frame, expr->type, frame->batch->row_count, out, &data));
    values = data;
    WEND_TRY(wendi_operand_add_nulls(frame, out, &nulls));
    WEND_TRY(wendi_scratch_acquire(frame, rows->count * sizeof *open, &buffer, &data));
    open = data;
    for (uint32_t k = 0; k < rows->count; k++) {
        open[k] = wendi_row_at(rows, k);
        values[open[k]] = !decides;
    }
    wendi_selection left = {open, rows->count};
    for (uint32_t i = 0; i < expr->arg_count && left.count > 0; i++) {
        wendi_operand arg;
        uint32_t count = 0;
        WEND_TRY(wendi_compute(frame, expr->args[i], &left, &arg));
        for (uint32_t k = 0; k < left.count; k++) {
            uint32_t row = open[k];
            if (wendi_vector_is_null(&arg.vector, row)) {
                nulls[row] = 1;
                values[row] = 0;
                open[count++] = row;
            } else if (arg.vector.i64[wendi_vector_index(&arg.vector, row)] == decides) {
                nulls[row] = 0;
                values[row] = decides;
            } else {
                open[count++] = row;
            }
        }
        left.count = count;
        wendi_operand_release(frame->evaluator, &arg);
    }
cleanup:
    wendi_scratch_release(frame->evaluator, buffer);
    return status;
}

/** What a one-operand test makes of a row: of its value, or of its being null. */
static int64_t judge(const wendi_expr *expr, bool null, int64_t value)
{
    if (expr->kind == WENDI_EXPR_IS_NULL) {
        return null != expr->negated;
    }
    return (!null && (value != 0) == (expr->constant.i64 != 0)) != expr->negated;
}

static wend_status compute_test(const wendi_frame *frame, const wendi_expr *expr, const wendi_selection *rows,
                                wendi_operand *out)
{
    wend_status status = WEND_OK;
    wendi_operand arg;
    uint8_t *nulls = NULL;
    void *data;

    WEND_TRY(wendi_compute(frame, expr->args[0], rows, &arg));
    WEND_TRY(wendi_operand_new(frame, expr->type, frame->batch->row_count, out, &data));
    int64_t *values = data;
    bool is_null = expr->kind == WENDI_EXPR_IS_NULL; /* of any type: only the nulls may be looked at */
    for (uint32_t k = 0; k < rows->count; k++) {
        uint32_t row = wendi_row_at(rows, k);
        bool null = wendi_vector_is_null(&arg.vector, row);
        int64_t value = is_null ? 0 : arg.vector.i64[wendi_vector_index(&arg.vector, row)];
        if (expr->kind != WENDI_EXPR_NOT) {
            values[row] = judge(expr, null, value);
        } else {
            values[row] = !null && value == 0;
            if (null && nulls == NULL) {
                WEND_TRY(wendi_operand_add_nulls(frame, out, &nulls));
            }
            if (null) {
                nulls[row] = 1;
            }
        }
    }
    wendi_operand_release(frame->evaluator, &arg);
cleanup:
    return status;
}

/** Not equal, or one null and the other not: never null itself. */
static wend_status compute_distinct(const wendi_frame *frame, const wendi_expr *expr, const wendi_selection *rows,
                                    wendi_operand *out)
{
    wend_status status = WEND_OK;
    wendi_operand args[2];
    wendi_operand equal;
    void *data;

    WEND_TRY(wendi_compute(frame, expr->args[0], rows, &args[0]));
    WEND_TRY(wendi_compute(frame, expr->args[1], rows, &args[1]));
    WEND_TRY(wendi_run_function(frame, expr, expr->function, args, 2, rows, &equal));
    WEND_TRY(wendi_operand_new(frame, expr->type, frame->batch->row_count, out, &data));
    int64_t *values = data;
    for (uint32_t k = 0; k < rows->count; k++) {
        uint32_t row = wendi_row_at(rows, k);
        bool a_null = wendi_vector_is_null(&args[0].vector, row);
        bool b_null = wendi_vector_is_null(&args[1].vector, row);
        bool distinct = a_null != b_null ||
                        (!a_null && equal.vector.i64[wendi_vector_index(&equal.vector, row)] == 0);
        values[row] = distinct != expr->negated;
    }
    wendi_operand_release(frame->evaluator, &equal);
    wendi_operand_release(frame->evaluator, &args[0]);
    wendi_operand_release(frame->evaluator, &args[1]);
cleanup:
    return status;
}

wend_status wendi_compute_logic(const wendi_frame *frame, const wendi_expr *expr, const wendi_selection *rows,
                                wendi_operand *out)
{
    switch (expr->kind) {
    case WENDI_EXPR_AND:
    case WENDI_EXPR_OR:
        return compute_and_or(frame, expr, rows, out);
    case WENDI_EXPR_IS_DISTINCT:
        return compute_distinct(frame, expr, rows, out);
    default:
        return compute_test(frame, expr, rows, out);
    }
}
