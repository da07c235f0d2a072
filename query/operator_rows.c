/* Constant rows (VALUES, no FROM) and LIMIT. */
#include <string.h>

#include "engine/base/alloc.h"
#include "query/operators.h"

/* ---- constants ---- */

typedef struct rows_operator {
    wendi_operator head;
    const wendi_plan *plan;
    wendi_rows rows;
    uint32_t next_row;
    bool done;
} rows_operator;

static void rows_close(wendi_operator *self)
{
    rows_operator *rows = (rows_operator *)self;

    wendi_rows_free(&rows->rows);
    wendi_free(rows);
}

static wend_status compute_rows(rows_operator *rows, wend_error *error)
{
    wend_status status = WEND_OK;
    const wendi_plan *plan = rows->plan;
    wendi_evaluator *evaluator = NULL;

    WEND_TRY(wendi_evaluator_open(&evaluator, error));
    WEND_TRY(wendi_rows_reserve(&rows->rows, plan->row_count, error));
    for (uint32_t row = 0; row < plan->row_count; row++) {
        for (uint32_t column = 0; column < plan->column_count; column++) {
            wendi_value value;
            const wendi_expr *expr = plan->exprs[row * plan->column_count + column];
            WEND_TRY(wendi_evaluate_constant(evaluator, expr, &value, error));
            WEND_TRY(wendi_rows_set(&rows->rows, row, column, &value, error));
        }
        wendi_evaluator_reset(evaluator);
    }
    rows->rows.row_count = plan->row_count;
    rows->done = true;
cleanup:
    wendi_evaluator_close(evaluator);
    return status;
}

static wend_status rows_next(wendi_operator *self, wendi_batch *batch, wend_error *error)
{
    wend_status status = WEND_OK;
    rows_operator *rows = (rows_operator *)self;

    if (!rows->done) {
        WEND_TRY(compute_rows(rows, error));
    }
    uint32_t left = rows->rows.row_count - rows->next_row;
    if (left == 0) {
        return WEND_END;
    }
    batch->row_count = left < WENDI_BATCH_ROWS ? left : WENDI_BATCH_ROWS;
    batch->column_count = self->column_count;
    wendi_rows_view(&rows->rows, rows->next_row, batch->row_count, batch->columns,
                    self->column_count);
    rows->next_row += batch->row_count;
cleanup:
    return status;
}

static const wendi_operator_class rows_class = {"Values", rows_next, NULL, rows_close};

wend_status wendi_rows_operator_open(wendi_query_context *context, wendi_arena *arena,
                                     const wendi_plan *plan, wendi_operator **operator_out,
                                     wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_type *types = wendi_arena_alloc(arena, (plan->column_count + 1) * sizeof *types);
    rows_operator *rows = wendi_alloc_zero(1, sizeof *rows);

    *operator_out = NULL;
    if (rows == NULL || types == NULL) {
        wendi_free(rows);
        return wendi_fail_nomem(error, "VALUES", sizeof *rows);
    }
    rows->head = (wendi_operator){.class_of = &rows_class,
                                  .context = context,
                                  .columns = plan->columns,
                                  .column_count = plan->column_count};
    rows->plan = plan;
    for (uint32_t i = 0; i < plan->column_count; i++) {
        types[i] = plan->columns[i].type;
    }
    WEND_TRY(wendi_rows_init(&rows->rows, context, "VALUES", types, plan->column_count, error));
    *operator_out = &rows->head;
    rows = NULL;
cleanup:
    wendi_operator_close(rows == NULL ? NULL : &rows->head);
    return status;
}

/* ---- LIMIT and OFFSET ---- */

typedef struct limit_operator {
    wendi_operator head;
    uint64_t offset; /* as written, for EXPLAIN */
    uint64_t limit;
    uint64_t skip; /* what is still to do */
    uint64_t left;
} limit_operator;

static void limit_close(wendi_operator *self)
{
    wendi_operator_close(self->inputs[0]);
    wendi_free(self);
}

/* A view of the vector without its first rows. */
static void advance(wendi_vector *vector, uint32_t rows)
{
    size_t each = vector->form == WENDI_FORM_DICTIONARY ? sizeof(uint32_t) : sizeof(int64_t);
    wendi_physical physical = wendi_type_physical(vector->type);

    vector->row_count -= rows;
    if (vector->form == WENDI_FORM_CONSTANT) {
        return;
    }
    if (vector->form == WENDI_FORM_FLAT &&
        (physical == WENDI_PHYSICAL_B16 || physical == WENDI_PHYSICAL_STRING)) {
        each = sizeof(wendi_b16);
    }
    vector->data = (const uint8_t *)vector->data + rows * each;
    vector->nulls = vector->nulls == NULL ? NULL : vector->nulls + rows;
}

static wend_status limit_next(wendi_operator *self, wendi_batch *batch, wend_error *error)
{
    wend_status status = WEND_OK;
    limit_operator *limit = (limit_operator *)self;

    while (limit->left > 0) {
        WEND_TRY(wendi_operator_next(self->inputs[0], batch, error));
        if (limit->skip >= batch->row_count) {
            limit->skip -= batch->row_count;
            continue;
        }
        uint32_t skip = (uint32_t)limit->skip;
        uint32_t count = batch->row_count - skip;
        count = count < limit->left ? count : (uint32_t)limit->left;
        for (uint32_t i = 0; i < batch->column_count; i++) {
            if (skip > 0) {
                advance(&batch->columns[i], skip);
            }
            batch->columns[i].row_count = count;
        }
        batch->row_count = count;
        limit->skip = 0;
        limit->left -= count;
        return WEND_OK;
    }
    status = WEND_END;
cleanup:
    return status;
}

static wend_status limit_describe(const wendi_operator *self, wendi_buffer *out)
{
    const limit_operator *limit = (const limit_operator *)self;

    if (limit->limit == UINT64_MAX) {
        return wendi_buffer_printf(out, " offset %llu", (unsigned long long)limit->offset);
    }
    return limit->offset == 0
               ? wendi_buffer_printf(out, " %llu", (unsigned long long)limit->limit)
               : wendi_buffer_printf(out, " %llu offset %llu", (unsigned long long)limit->limit,
                                     (unsigned long long)limit->offset);
}

static const wendi_operator_class limit_class = {"Limit", limit_next, limit_describe, limit_close};

wend_status wendi_limit_operator_open(wendi_query_context *context, wendi_arena *arena,
                                      const wendi_plan *plan, wendi_operator **operator_out,
                                      wend_error *error)
{
    wend_status status = WEND_OK;
    limit_operator *limit = wendi_alloc_zero(1, sizeof *limit);
    uint64_t wanted =
        plan->limit > UINT64_MAX - plan->offset ? UINT64_MAX : plan->limit + plan->offset;

    *operator_out = NULL;
    if (limit == NULL) {
        return wendi_fail_nomem(error, "LIMIT", sizeof *limit);
    }
    limit->head = (wendi_operator){.class_of = &limit_class, .context = context};
    limit->skip = plan->offset;
    limit->left = limit->limit = plan->limit;
    limit->offset = plan->offset;
    WEND_TRY(
        wendi_build(context, arena, plan->inputs[0], false, wanted, &limit->head.inputs[0], error));
    limit->head.input_count = 1;
    limit->head.columns = limit->head.inputs[0]->columns;
    limit->head.column_count = limit->head.inputs[0]->column_count;
    *operator_out = &limit->head;
    limit = NULL;
cleanup:
    wendi_operator_close(limit == NULL ? NULL : &limit->head);
    return status;
}
