/**
 * Filters: the rows for which a condition is true, without a boolean column between where that can
 * be. AND narrows the rows operand by operand; OR shows each operand only rows that none has taken.
 */
#include <assert.h>
#include <string.h>

#include "engine/expr/evaluator_internal.h"

static uint32_t copy_rows(const wendi_selection *rows, uint32_t *indices_out)
{
    for (uint32_t k = 0; k < rows->count; k++) {
        indices_out[k] = wendi_row_at(rows, k);
    }
    return rows->count;
}

static uint32_t select_true(const wendi_vector *vector, const wendi_selection *rows, uint32_t *indices_out)
{
    uint32_t count = 0;

    if (vector->form == WENDI_FORM_CONSTANT) {
        bool yes = !wendi_vector_is_null(vector, 0) && vector->i64[0] != 0;
        return yes ? copy_rows(rows, indices_out) : 0;
    }
    /* The value of a null row is 0, so nulls need no look. */
    for (uint32_t k = 0; k < rows->count; k++) {
        uint32_t row = wendi_row_at(rows, k);
        indices_out[count] = row;
        count += vector->i64[row] != 0;
    }
    return count;
}

static wend_status filter_and(const wendi_frame *frame, const wendi_expr *expr, const wendi_selection *rows,
                              uint32_t *indices_out, uint32_t *count_out)
{
    wendi_selection left = *rows;

    for (uint32_t i = 0; i < expr->arg_count && left.count > 0; i++) {
        uint32_t count;
        wend_status status = wendi_filter_rows(frame, expr->args[i], &left, indices_out, &count);
        if (status != WEND_OK) {
            return status;
        }
        left = (wendi_selection){indices_out, count};
    }
    *count_out = left.count;
    return WEND_OK;
}

/** Keep in `open` the rows without a mark; their number is returned. */
static uint32_t keep_unmarked(uint32_t *open, uint32_t open_count, const uint8_t *marks)
{
    uint32_t count = 0;

    for (uint32_t k = 0; k < open_count; k++) {
        uint32_t row = open[k];
        open[count] = row;
        count += marks[row] == 0;
    }
    return count;
}

static wend_status filter_or(const wendi_frame *frame, const wendi_expr *expr, const wendi_selection *rows,
                             uint32_t *indices_out, uint32_t *count_out)
{
    int32_t buffers[3] = {WENDI_NO_BUFFER, WENDI_NO_BUFFER, WENDI_NO_BUFFER};
    wend_status status = WEND_OK;
    void *marks_data;
    void *open_data;
    void *hits_data;

    WEND_TRY(wendi_scratch_acquire(frame, frame->batch->row_count, &buffers[0], &marks_data));
    WEND_TRY(wendi_scratch_acquire(frame, rows->count * sizeof(uint32_t), &buffers[1], &open_data));
    WEND_TRY(wendi_scratch_acquire(frame, rows->count * sizeof(uint32_t), &buffers[2], &hits_data));
    uint8_t *marks = memset(marks_data, 0, frame->batch->row_count);
    wendi_selection open = {open_data, copy_rows(rows, open_data)};
    uint32_t *hits = hits_data;
    for (uint32_t i = 0; i < expr->arg_count && open.count > 0; i++) {
        uint32_t hit_count;
        WEND_TRY(wendi_filter_rows(frame, expr->args[i], &open, hits, &hit_count));
        for (uint32_t k = 0; k < hit_count; k++) {
            marks[hits[k]] = 1;
        }
        open.count = keep_unmarked(open_data, open.count, marks);
    }
    uint32_t count = 0;
    for (uint32_t k = 0; k < rows->count; k++) {
        uint32_t row = wendi_row_at(rows, k);
        indices_out[count] = row;
        count += marks[row];
    }
    *count_out = count;
cleanup:
    for (int i = 0; i < 3; i++) {
        wendi_scratch_release(frame->evaluator, buffers[i]);
    }
    return status;
}

/** A comparison whose function can select by itself. */
static wend_status filter_call(const wendi_frame *frame, const wendi_expr *expr, const wendi_selection *rows,
                               uint32_t *indices_out, uint32_t *count_out)
{
    wendi_operand args[2];
    wend_status status = WEND_OK;

    assert(expr->arg_count == 2);
    WEND_TRY(wendi_compute(frame, expr->args[0], rows, &args[0]));
    WEND_TRY(wendi_compute(frame, expr->args[1], rows, &args[1]));
    wendi_vector vectors[2] = {args[0].vector, args[1].vector};
    wendi_call call = {.evaluator = frame->evaluator, .node = expr, .args = vectors, .arg_count = 2, .rows = *rows};
    *count_out = expr->function->select(&call, indices_out);
    wendi_operand_release(frame->evaluator, &args[0]);
    wendi_operand_release(frame->evaluator, &args[1]);
cleanup:
    return status;
}

wend_status wendi_filter_rows(const wendi_frame *frame, const wendi_expr *expr, const wendi_selection *rows,
                              uint32_t *indices_out, uint32_t *count_out)
{
    wendi_operand value;

    *count_out = 0;
    if (rows->count == 0) {
        return WEND_OK;
    }
    if (wendi_by_dictionary(frame, expr, rows)) {
        return wendi_filter_by_dictionary(frame, expr, rows, indices_out, count_out);
    }
    if (expr->kind == WENDI_EXPR_AND) {
        return filter_and(frame, expr, rows, indices_out, count_out);
    }
    if (expr->kind == WENDI_EXPR_OR) {
        return filter_or(frame, expr, rows, indices_out, count_out);
    }
    if (expr->kind == WENDI_EXPR_CALL && expr->function->select != NULL) {
        return filter_call(frame, expr, rows, indices_out, count_out);
    }
    wend_status status = wendi_compute(frame, expr, rows, &value);
    if (status == WEND_OK) {
        *count_out = select_true(&value.vector, rows, indices_out);
        wendi_operand_release(frame->evaluator, &value);
    }
    return status;
}
