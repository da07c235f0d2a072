/**
 * Calling kernels: arguments, nulls, constants and outputs are handled here once for all functions.
 *
 * A strict function's null rows come out as null with the value 0. Kernels that may raise or read
 * strings get a selection without them; those flagged TOTAL run over everything, which vectorises.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine/expr/evaluator_internal.h"

enum { INLINE_ARGS = 8 };

wend_status wendi_call_fail(const wendi_call *call, const char *format, ...)
{
    char message[256];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return wendi_fail_at(call->error, WEND_INVALID, call->node->position, "%s", message);
}

wend_status wendi_call_check_time(const wendi_call *call, int64_t us)
{
    if (us < WENDI_TIMESTAMP_LEAST || us > WENDI_TIMESTAMP_GREATEST) {
        return wendi_call_fail(call, "timestamp out of range");
    }
    return WEND_OK;
}

char *wendi_call_bytes(const wendi_call *call, size_t bytes)
{
    char *memory = wendi_arena_alloc(&call->evaluator->strings, bytes + 1);

    if (memory == NULL) {
        wendi_fail_nomem(call->error, "a string", bytes);
    }
    return memory;
}

wend_status wendi_call_string(const wendi_call *call, uint32_t row, const char *text, size_t length)
{
    char *copy = wendi_call_bytes(call, length);

    if (copy == NULL) {
        return WEND_NOMEM;
    }
    memcpy(copy, text, length);
    call->out.strings[row] = (wendi_string){copy, (uint32_t)length};
    return WEND_OK;
}

/** nulls |= the nulls of `vector` at the selected rows; were there any? */
static bool merge_nulls(const wendi_vector *vector, const wendi_selection *rows, uint8_t *nulls)
{
    uint8_t any = 0;

    if (vector->form == WENDI_FORM_DICTIONARY) {
        for (uint32_t k = 0; k < rows->count; k++) {
            uint32_t row = wendi_row_at(rows, k);
            uint8_t null = vector->codes[row] == 0;
            nulls[row] |= null;
            any |= null;
        }
    } else if (vector->nulls != NULL && rows->indices == NULL) {
        for (uint32_t row = 0; row < rows->count; row++) {
            nulls[row] |= vector->nulls[row];
            any |= vector->nulls[row];
        }
    } else if (vector->nulls != NULL) {
        for (uint32_t k = 0; k < rows->count; k++) {
            uint32_t row = rows->indices[k];
            nulls[row] |= vector->nulls[row];
            any |= vector->nulls[row];
        }
    }
    return any != 0;
}

static bool may_hold_nulls(const wendi_vector *vector)
{
    return vector->form != WENDI_FORM_CONSTANT &&
           (vector->nulls != NULL || vector->form == WENDI_FORM_DICTIONARY);
}

/** The selected rows that are not null, in a scratch array. */
static wend_status live_rows(const wendi_frame *frame, const wendi_selection *rows, const uint8_t *nulls,
                             wendi_selection *live, int32_t *buffer)
{
    void *data;
    wend_status status = wendi_scratch_acquire(frame, rows->count * sizeof(uint32_t), buffer, &data);
    uint32_t *indices = data;
    uint32_t count = 0;

    if (status != WEND_OK) {
        return status;
    }
    for (uint32_t k = 0; k < rows->count; k++) {
        uint32_t row = wendi_row_at(rows, k);
        indices[count] = row;
        count += nulls[row] == 0;
    }
    *live = (wendi_selection){indices, count};
    return WEND_OK;
}

/** Null rows have the value 0, whatever the kernel left there. */
static void clear_null_values(wendi_operand *out, void *data, const uint8_t *nulls, const wendi_selection *rows)
{
    size_t width = wendi_physical_bytes(out->vector.type);

    if (rows->indices == NULL && width == sizeof(int64_t)) {
        int64_t *values = data;
        for (uint32_t row = 0; row < rows->count; row++) {
            values[row] &= (int64_t)nulls[row] - 1;
        }
        return;
    }
    for (uint32_t k = 0; k < rows->count; k++) {
        uint32_t row = wendi_row_at(rows, k);
        if (nulls[row]) {
            memset((char *)data + row * width, 0, width);
        }
    }
}

static void make_constant(wendi_operand *out, uint32_t row_count)
{
    out->vector.form = WENDI_FORM_CONSTANT;
    out->vector.row_count = row_count;
}

wend_status wendi_run_function(const wendi_frame *frame, const wendi_expr *expr, const wendi_function *function,
                               const wendi_operand *args, uint32_t arg_count, const wendi_selection *rows,
                               wendi_operand *out)
{
    wendi_vector vectors[INLINE_ARGS];
    wendi_vector *all = arg_count <= INLINE_ARGS
                            ? vectors
                            : wendi_arena_alloc(&frame->evaluator->strings, arg_count * sizeof *all);
    const wendi_selection one = {NULL, 1};
    uint32_t row_count = frame->batch->row_count;
    bool strict = (function->flags & WENDI_FUNCTION_NULLS) == 0;
    bool constant = true;
    bool nullable = false;
    wend_status status = WEND_OK;
    int32_t live_buffer = WENDI_NO_BUFFER;
    uint8_t *nulls = NULL;
    void *data;

    *out = (wendi_operand){.data_buffer = WENDI_NO_BUFFER, .null_buffer = WENDI_NO_BUFFER};
    if (all == NULL) {
        return wendi_fail_nomem(frame->error, "arguments", arg_count * sizeof *all);
    }
    for (uint32_t i = 0; i < arg_count; i++) {
        all[i] = args[i].vector;
        constant = constant && all[i].form == WENDI_FORM_CONSTANT;
        nullable = nullable || may_hold_nulls(&all[i]);
        if (strict && all[i].form == WENDI_FORM_CONSTANT && wendi_vector_is_null(&all[i], 0)) {
            const wendi_value null = {.type = function == expr->function ? expr->type : wendi_type_of(WENDI_TYPE_BOOLEAN),
                                      .null = true};
            out->vector = wendi_constant_vector(&null, row_count);
            return WEND_OK;
        }
    }
    if (constant) {
        rows = &one;
        row_count = 1;
    }
    wendi_call call = {.evaluator = frame->evaluator, .node = expr, .args = all, .arg_count = arg_count, .rows = *rows,
                       .error = frame->error};
    wendi_type type = expr->kind == WENDI_EXPR_CALL ? expr->type : wendi_type_of(WENDI_TYPE_BOOLEAN);
    WEND_TRY(wendi_operand_new(frame, type, row_count, out, &data));
    bool writes_nulls = (function->flags & (WENDI_FUNCTION_NULLS | WENDI_FUNCTION_MAY_NULL)) != 0;
    bool any = false;
    if (writes_nulls || (strict && nullable)) {
        WEND_TRY(wendi_operand_add_nulls(frame, out, &nulls));
    }
    for (uint32_t i = 0; strict && nullable && i < arg_count; i++) {
        any = (may_hold_nulls(&all[i]) && merge_nulls(&all[i], rows, nulls)) || any;
    }
    if (any && (function->flags & WENDI_FUNCTION_TOTAL) == 0) {
        WEND_TRY(live_rows(frame, rows, nulls, &call.rows, &live_buffer));
    }
    call.out.data = data;
    call.nulls = nulls;
    if (call.rows.count > 0) {
        WEND_TRY(function->kernel(&call));
    }
    if (any || writes_nulls) {
        clear_null_values(out, data, nulls, rows);
    } else {
        out->vector.nulls = NULL;
    }
    if (constant) {
        make_constant(out, frame->batch->row_count);
    }
cleanup:
    wendi_scratch_release(frame->evaluator, live_buffer);
    return status;
}

wend_status wendi_compute_call(const wendi_frame *frame, const wendi_expr *expr, const wendi_selection *rows,
                               wendi_operand *out)
{
    wendi_operand inline_args[INLINE_ARGS];
    wendi_operand *args = expr->arg_count <= INLINE_ARGS
                              ? inline_args
                              : wendi_arena_alloc(&frame->evaluator->strings, expr->arg_count * sizeof *args);
    wend_status status = WEND_OK;

    if (args == NULL) {
        return wendi_fail_nomem(frame->error, "arguments", expr->arg_count * sizeof *args);
    }
    for (uint32_t i = 0; i < expr->arg_count; i++) {
        status = wendi_compute(frame, expr->args[i], rows, &args[i]);
        if (status != WEND_OK) {
            return status; /* the top level drops what is unfinished */
        }
    }
    status = wendi_run_function(frame, expr, expr->function, args, expr->arg_count, rows, out);
    for (uint32_t i = 0; status == WEND_OK && i < expr->arg_count; i++) {
        wendi_operand_release(frame->evaluator, &args[i]);
    }
    return status;
}
