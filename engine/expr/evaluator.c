/**
 * The evaluator's life, its scratch memory, and the dispatch of a node to the file that computes it.
 */
#include "engine/expr/evaluator.h"

#include <assert.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/column/vector_value.h"
#include "engine/expr/evaluator_internal.h"

enum { SCRATCH_ALIGNMENT = 64, SCRATCH_PADDING = 64, SCRATCH_LEAST = 8192 };

static const wendi_b16 zero_value[2];
static const uint8_t one_null[64] = {1};

wend_status wendi_evaluator_open(wendi_evaluator **evaluator_out, wend_error *error)
{
    wendi_evaluator *evaluator = wendi_alloc_zero(1, sizeof *evaluator);

    *evaluator_out = evaluator;
    if (evaluator == NULL) {
        return wendi_fail_nomem(error, "an evaluator", sizeof *evaluator);
    }
    wendi_arena_init(&evaluator->strings, 4096);
    return WEND_OK;
}

void wendi_evaluator_reset(wendi_evaluator *evaluator)
{
    for (uint32_t i = 0; i < evaluator->buffer_count; i++) {
        evaluator->buffers[i].references = 0;
        evaluator->buffers[i].held = false;
    }
    for (uint32_t i = 0; i < evaluator->retired_count; i++) {
        wendi_memo_free(evaluator->retired[i]);
    }
    evaluator->retired_count = 0;
    for (uint32_t i = evaluator->memo_count; i-- > 0;) {
        if (!evaluator->memos[i]->owns_reference) { /* its dictionary may change from now on */
            wendi_memo_free(evaluator->memos[i]);
            evaluator->memos[i] = evaluator->memos[--evaluator->memo_count];
        }
    }
    wendi_arena_reset(&evaluator->strings);
}

void wendi_evaluator_forget(wendi_evaluator *evaluator)
{
    wendi_evaluator_reset(evaluator);
    for (uint32_t i = 0; i < evaluator->memo_count; i++) {
        wendi_memo_free(evaluator->memos[i]);
    }
    evaluator->memo_count = 0;
}

void wendi_evaluator_close(wendi_evaluator *evaluator)
{
    if (evaluator == NULL) {
        return;
    }
    wendi_evaluator_forget(evaluator);
    for (uint32_t i = 0; i < evaluator->pattern_count; i++) {
        regfree(&evaluator->patterns[i]->regex);
        wendi_free(evaluator->patterns[i]->text);
        wendi_free(evaluator->patterns[i]);
    }
    for (uint32_t i = 0; i < evaluator->buffer_count; i++) {
        wendi_free(evaluator->buffers[i].data);
    }
    wendi_free(evaluator->buffers);
    wendi_free(evaluator->retired);
    wendi_free(evaluator->stand_ins);
    wendi_arena_free(&evaluator->strings);
    wendi_free(evaluator);
}

bool wendi_evaluator_set_transient(wendi_evaluator *evaluator, bool transient)
{
    bool before = evaluator->transient;

    evaluator->transient = transient;
    return before;
}

static wend_status new_buffer(const wendi_frame *frame, size_t bytes, int32_t *buffer)
{
    wendi_evaluator *evaluator = frame->evaluator;
    size_t rounded = SCRATCH_LEAST;

    while (rounded < bytes) {
        rounded *= 2;
    }
    if (evaluator->buffer_count == evaluator->buffer_capacity) {
        uint32_t capacity = evaluator->buffer_capacity == 0 ? 16 : evaluator->buffer_capacity * 2;
        wendi_scratch *more = wendi_realloc(evaluator->buffers, capacity * sizeof *more);
        if (more == NULL) {
            return wendi_fail_nomem(frame->error, "evaluation buffers", capacity * sizeof *more);
        }
        evaluator->buffers = more;
        evaluator->buffer_capacity = capacity;
    }
    void *data = wendi_alloc_aligned(SCRATCH_ALIGNMENT, rounded + SCRATCH_PADDING);
    if (data == NULL) {
        return wendi_fail_nomem(frame->error, "an evaluation buffer", rounded + SCRATCH_PADDING);
    }
    evaluator->buffers[evaluator->buffer_count] = (wendi_scratch){.data = data, .bytes = rounded};
    *buffer = (int32_t)evaluator->buffer_count++;
    return WEND_OK;
}

wend_status wendi_scratch_acquire(const wendi_frame *frame, size_t bytes, int32_t *buffer, void **data)
{
    wendi_evaluator *evaluator = frame->evaluator;
    int32_t best = WENDI_NO_BUFFER;

    for (uint32_t i = 0; i < evaluator->buffer_count; i++) {
        const wendi_scratch *scratch = &evaluator->buffers[i];
        if (scratch->references == 0 && scratch->bytes >= bytes &&
            (best < 0 || scratch->bytes < evaluator->buffers[best].bytes)) {
            best = (int32_t)i;
        }
    }
    if (best < 0) {
        wend_status status = new_buffer(frame, bytes, &best);
        if (status != WEND_OK) {
            *buffer = WENDI_NO_BUFFER;
            *data = NULL;
            return status;
        }
    }
    evaluator->buffers[best].references = 1;
    *buffer = best;
    *data = evaluator->buffers[best].data;
    return WEND_OK;
}

void wendi_scratch_release(wendi_evaluator *evaluator, int32_t buffer)
{
    if (buffer != WENDI_NO_BUFFER) {
        assert(evaluator->buffers[buffer].references > 0);
        evaluator->buffers[buffer].references--;
    }
}

void wendi_operand_release(wendi_evaluator *evaluator, wendi_operand *operand)
{
    wendi_scratch_release(evaluator, operand->data_buffer);
    wendi_scratch_release(evaluator, operand->null_buffer);
    operand->data_buffer = operand->null_buffer = WENDI_NO_BUFFER;
}

size_t wendi_physical_bytes(wendi_type type)
{
    wendi_physical physical = wendi_type_physical(type);
    return physical == WENDI_PHYSICAL_B16      ? sizeof(wendi_b16)
           : physical == WENDI_PHYSICAL_STRING ? sizeof(wendi_string)
                                               : sizeof(int64_t);
}

wend_status wendi_operand_new(const wendi_frame *frame, wendi_type type, uint32_t row_count, wendi_operand *operand,
                              void **data)
{
    *operand = (wendi_operand){.data_buffer = WENDI_NO_BUFFER, .null_buffer = WENDI_NO_BUFFER};
    operand->vector = (wendi_vector){.type = type, .form = WENDI_FORM_FLAT, .row_count = row_count};
    wend_status status =
        wendi_scratch_acquire(frame, row_count * wendi_physical_bytes(type), &operand->data_buffer, data);
    operand->vector.data = *data;
    return status;
}

wend_status wendi_operand_add_nulls(const wendi_frame *frame, wendi_operand *operand, uint8_t **nulls)
{
    void *data;
    wend_status status = wendi_scratch_acquire(frame, operand->vector.row_count, &operand->null_buffer, &data);

    *nulls = data;
    if (status == WEND_OK) {
        memset(data, 0, operand->vector.row_count);
        operand->vector.nulls = *nulls;
    }
    return status;
}

wendi_vector wendi_constant_vector(const wendi_value *value, uint32_t row_count)
{
    wendi_vector vector = {.type = value->type, .form = WENDI_FORM_CONSTANT, .row_count = row_count};

    if (value->null) {
        vector.nulls = one_null;
        vector.data = zero_value;
    } else {
        vector.data = &value->b16; /* all members of the union start here */
    }
    return vector;
}

/** What stands for "no row asked": any well-formed vector will do. */
static wendi_operand nothing(wendi_type type, uint32_t row_count)
{
    return (wendi_operand){
        .vector = {.type = type, .form = WENDI_FORM_CONSTANT, .row_count = row_count, .nulls = one_null, .data = zero_value},
        .data_buffer = WENDI_NO_BUFFER,
        .null_buffer = WENDI_NO_BUFFER};
}

wend_status wendi_compute(const wendi_frame *frame, const wendi_expr *expr, const wendi_selection *rows,
                          wendi_operand *out)
{
    *out = nothing(expr->type, frame->batch->row_count);
    if (rows->count == 0) {
        return WEND_OK;
    }
    if (wendi_by_dictionary(frame, expr, rows)) {
        return wendi_compute_by_dictionary(frame, expr, rows, out);
    }
    switch ((wendi_expr_kind)expr->kind) {
    case WENDI_EXPR_CONSTANT:
        out->vector = wendi_constant_vector(&expr->constant, frame->batch->row_count);
        return WEND_OK;
    case WENDI_EXPR_COLUMN:
        assert(expr->slot < frame->batch->column_count);
        out->vector = frame->batch->columns[expr->slot];
        return WEND_OK;
    case WENDI_EXPR_CALL:
        return wendi_compute_call(frame, expr, rows, out);
    case WENDI_EXPR_IN:
        return wendi_compute_in(frame, expr, rows, out);
    case WENDI_EXPR_CASE:
    case WENDI_EXPR_COALESCE:
        return wendi_compute_choice(frame, expr, rows, out);
    case WENDI_EXPR_AND:
    case WENDI_EXPR_OR:
    case WENDI_EXPR_NOT:
    case WENDI_EXPR_IS_NULL:
    case WENDI_EXPR_IS_BOOLEAN:
    case WENDI_EXPR_IS_DISTINCT:
        break;
    }
    return wendi_compute_logic(frame, expr, rows, out);
}

/** After a failure: operands on the way are gone, only what was handed out before stays. */
static void drop_unheld(wendi_evaluator *evaluator)
{
    for (uint32_t i = 0; i < evaluator->buffer_count; i++) {
        if (!evaluator->buffers[i].held) {
            evaluator->buffers[i].references = 0;
        }
    }
}

static void hold(wendi_evaluator *evaluator, int32_t buffer)
{
    if (buffer != WENDI_NO_BUFFER) {
        evaluator->buffers[buffer].held = true;
    }
}

wend_status wendi_evaluate(wendi_evaluator *evaluator, const wendi_expr *expr, const wendi_batch *batch,
                           const wendi_selection *selection, wendi_vector *out, wend_error *error)
{
    wendi_frame frame = {evaluator, batch, error};
    wendi_selection all = {NULL, batch->row_count};
    wendi_operand operand;

    assert(batch->row_count <= WENDI_PAGE_ROWS);
    wend_status status = wendi_compute(&frame, expr, selection == NULL ? &all : selection, &operand);
    if (status != WEND_OK) {
        drop_unheld(evaluator);
        return status;
    }
    hold(evaluator, operand.data_buffer);
    hold(evaluator, operand.null_buffer);
    *out = operand.vector;
    out->type = expr->type;
    return WEND_OK;
}

wend_status wendi_evaluate_filter(wendi_evaluator *evaluator, const wendi_expr *predicate, const wendi_batch *batch,
                                  const wendi_selection *selection, uint32_t *indices_out, uint32_t *count_out,
                                  wend_error *error)
{
    wendi_frame frame = {evaluator, batch, error};
    wendi_selection all = {NULL, batch->row_count};

    assert(batch->row_count <= WENDI_PAGE_ROWS);
    *count_out = 0;
    wend_status status =
        wendi_filter_rows(&frame, predicate, selection == NULL ? &all : selection, indices_out, count_out);
    if (status != WEND_OK) {
        drop_unheld(evaluator);
    }
    return status;
}

wend_status wendi_evaluator_widen(wendi_evaluator *evaluator, wendi_vector *vector, const uint32_t *failed,
                                  uint32_t row_count, wend_error *error)
{
    wendi_frame frame = {evaluator, NULL, error};
    size_t width = vector->form == WENDI_FORM_DICTIONARY ? sizeof(uint32_t) : wendi_physical_bytes(vector->type);
    bool dictionary = vector->form == WENDI_FORM_DICTIONARY;
    int32_t buffers[2] = {WENDI_NO_BUFFER, WENDI_NO_BUFFER};
    wend_status status = WEND_OK;
    void *nulls_data = NULL;
    void *data;

    assert(vector->form != WENDI_FORM_CONSTANT);
    WEND_TRY(wendi_scratch_acquire(&frame, row_count * width, &buffers[0], &data));
    hold(evaluator, buffers[0]);
    if (!dictionary) {
        WEND_TRY(wendi_scratch_acquire(&frame, row_count, &buffers[1], &nulls_data));
        hold(evaluator, buffers[1]);
    }
    uint8_t *nulls = nulls_data;
    for (uint32_t row = 0; row < row_count; row++) {
        bool null = failed[row] != 0xffffffffu; /* such a row may hold anything: it is not looked at */
        if (null) {
            memset((char *)data + row * width, 0, width);
        } else {
            memcpy((char *)data + row * width, (const char *)vector->data + row * width, width);
        }
        if (!dictionary) {
            nulls[row] = null || (vector->nulls != NULL && vector->nulls[row] != 0);
        }
    }
    vector->data = data;
    vector->nulls = nulls;
cleanup:
    return status;
}

wend_status wendi_evaluate_constant(wendi_evaluator *evaluator, const wendi_expr *expr, wendi_value *value,
                                    wend_error *error)
{
    wendi_batch batch = {.row_count = 1};
    wendi_vector vector;
    wend_status status = wendi_evaluate(evaluator, expr, &batch, NULL, &vector, error);

    memset(value, 0, sizeof *value);
    if (status != WEND_OK) {
        return status;
    }
    *value = wendi_vector_value(&vector, 0);
    value->type = expr->type;
    return WEND_OK;
}
