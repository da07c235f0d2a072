/**
 * CASE and COALESCE: every row takes its value from one branch, and a branch is computed for the rows
 * that take it and no others.
 */
#include <string.h>

#include "engine/expr/evaluator_internal.h"

typedef struct choice {
    wendi_operand *out;
    void *values;
    uint8_t *nulls;
    uint32_t *open; /* rows that have no value yet */
    uint32_t open_count;
} choice;

static void put(const choice *into, const wendi_vector *from, uint32_t row)
{
    uint32_t index = wendi_vector_index(from, row);

    into->nulls[row] = wendi_vector_is_null(from, row);
    switch (wendi_type_physical(into->out->vector.type)) {
    case WENDI_PHYSICAL_I64:
        ((int64_t *)into->values)[row] = into->nulls[row] ? 0 : from->i64[index];
        break;
    case WENDI_PHYSICAL_F64:
        ((double *)into->values)[row] = into->nulls[row] ? 0.0 : from->f64[index];
        break;
    case WENDI_PHYSICAL_B16:
        ((wendi_b16 *)into->values)[row] = into->nulls[row] ? (wendi_b16){{0, 0}} : from->b16[index];
        break;
    case WENDI_PHYSICAL_STRING:
        ((wendi_string *)into->values)[row] =
            into->nulls[row] ? (wendi_string){"", 0} : wendi_vector_string(from, row);
        break;
    }
}

/** Compute `expr` for `rows` and put its values there. */
static wend_status take_branch(const wendi_frame *frame, const choice *into, const wendi_expr *expr,
                               const wendi_selection *rows)
{
    wendi_operand value;
    wend_status status = wendi_compute(frame, expr, rows, &value);

    if (status != WEND_OK) {
        return status;
    }
    for (uint32_t k = 0; k < rows->count; k++) {
        put(into, &value.vector, wendi_row_at(rows, k));
    }
    wendi_operand_release(frame->evaluator, &value);
    return WEND_OK;
}

/** Remove from the open rows those of `taken`; both rise. */
static void close_rows(choice *state, const uint32_t *taken, uint32_t taken_count)
{
    uint32_t kept = 0;
    uint32_t next = 0;

    for (uint32_t k = 0; k < state->open_count; k++) {
        if (next < taken_count && taken[next] == state->open[k]) {
            next++;
        } else {
            state->open[kept++] = state->open[k];
        }
    }
    state->open_count = kept;
}

static wend_status compute_case(const wendi_frame *frame, const wendi_expr *expr, choice *state, uint32_t *taken)
{
    wend_status status = WEND_OK;

    for (uint32_t i = 0; i + 1 < expr->arg_count && state->open_count > 0; i += 2) {
        wendi_selection open = {state->open, state->open_count};
        wendi_selection matched = {taken, 0};
        WEND_TRY(wendi_filter_rows(frame, expr->args[i], &open, taken, &matched.count));
        WEND_TRY(take_branch(frame, state, expr->args[i + 1], &matched));
        close_rows(state, taken, matched.count);
    }
    wendi_selection rest = {state->open, state->open_count};
    WEND_TRY(take_branch(frame, state, expr->args[expr->arg_count - 1], &rest));
cleanup:
    return status;
}

static wend_status compute_coalesce(const wendi_frame *frame, const wendi_expr *expr, choice *state)
{
    wend_status status = WEND_OK;

    for (uint32_t i = 0; i < expr->arg_count && state->open_count > 0; i++) {
        wendi_selection open = {state->open, state->open_count};
        uint32_t kept = 0;
        WEND_TRY(take_branch(frame, state, expr->args[i], &open));
        for (uint32_t k = 0; k < open.count; k++) {
            uint32_t row = state->open[k];
            state->open[kept] = row;
            kept += state->nulls[row];
        }
        state->open_count = kept;
    }
cleanup:
    return status;
}

wend_status wendi_compute_choice(const wendi_frame *frame, const wendi_expr *expr, const wendi_selection *rows,
                                 wendi_operand *out)
{
    choice state = {.out = out};
    int32_t open_buffer = WENDI_NO_BUFFER;
    int32_t taken_buffer = WENDI_NO_BUFFER;
    wend_status status = WEND_OK;
    void *open;
    void *taken;

    WEND_TRY(wendi_operand_new(frame, expr->type, frame->batch->row_count, out, &state.values));
    WEND_TRY(wendi_operand_add_nulls(frame, out, &state.nulls));
    WEND_TRY(wendi_scratch_acquire(frame, rows->count * sizeof(uint32_t), &open_buffer, &open));
    WEND_TRY(wendi_scratch_acquire(frame, rows->count * sizeof(uint32_t), &taken_buffer, &taken));
    state.open = open;
    state.open_count = rows->count;
    for (uint32_t k = 0; k < rows->count; k++) {
        state.open[k] = wendi_row_at(rows, k);
    }
    if (expr->kind == WENDI_EXPR_CASE) {
        WEND_TRY(compute_case(frame, expr, &state, taken));
    } else {
        WEND_TRY(compute_coalesce(frame, expr, &state));
    }
cleanup:
    wendi_scratch_release(frame->evaluator, open_buffer);
    wendi_scratch_release(frame->evaluator, taken_buffer);
    return status;
}
