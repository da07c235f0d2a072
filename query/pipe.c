/* Peeling plans into pipes, and running them. */
#include "query/pipe.h"

#include <assert.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "query/operators.h"

struct wendi_pipe {
    wendi_query_context *context;
    wendi_operator *source;
    wendi_scan_operator *scan; /* the source when it is a scan */
    const wendi_expr *filter;  /* over an operator's columns; a scan has its own */
    bool filtered;
    const wendi_expr **outputs; /* over the source's columns */
    uint32_t output_count;
    wendi_evaluator *evaluator; /* over an operator */
    wendi_vector *source_vectors;
    wendi_vector *vectors;       /* output_count for each worker */
    uint32_t *indices;           /* over an operator: what passes */
    wendi_scan_reader **readers; /* by worker */
    uint32_t worker_count;
};

typedef struct pipe_peel {
    const wendi_plan *plan;
    const wendi_expr *filter;
    const wendi_expr **outputs;
    uint32_t output_count;
} pipe_peel;

static wend_status nomem(wend_error *error)
{
    return wendi_fail_nomem(error, "a pipe", sizeof(wendi_pipe));
}

/* Move down through projections and filters. */
static wend_status peel(pipe_peel *at, wendi_arena *arena, wend_error *error)
{
    for (;;) {
        const wendi_plan *plan = at->plan;
        if (plan->kind == WENDI_PLAN_FILTER) {
            /* What lies deeper was written first and may guard what lies above. */
            at->filter = wendi_expr_and(arena, plan->predicate, at->filter);
            if (at->filter == NULL) {
                return nomem(error);
            }
        } else if (plan->kind == WENDI_PLAN_PROJECT) {
            for (uint32_t i = 0; i < at->output_count; i++) {
                at->outputs[i] = wendi_plan_substitute(at->outputs[i], plan->exprs, arena);
                if (at->outputs[i] == NULL) {
                    return nomem(error);
                }
            }
            if (at->filter != NULL) {
                at->filter = wendi_plan_substitute(at->filter, plan->exprs, arena);
                if (at->filter == NULL) {
                    return nomem(error);
                }
            }
        } else {
            return WEND_OK;
        }
        at->plan = plan->inputs[0];
    }
}

/* Give each column that is used a slot of the scan and point the expressions at it. */
static wend_status open_scan(wendi_pipe *pipe, wendi_arena *arena, const pipe_peel *at,
                             wend_error *error)
{
    wend_status status = WEND_OK;
    uint32_t count = at->plan->column_count;
    uint8_t *used = wendi_arena_alloc_zero(arena, count + 1);
    uint32_t *slots = wendi_arena_alloc(arena, (count + 1) * sizeof *slots);
    uint32_t *columns = wendi_arena_alloc(arena, (count + 1) * sizeof *columns);
    uint32_t column_count = 0;
    const wendi_expr *filter = NULL;

    if (used == NULL || slots == NULL || columns == NULL) {
        return nomem(error);
    }
    for (uint32_t i = 0; i < at->output_count; i++) {
        wendi_expr_slots(at->outputs[i], used, count);
    }
    if (at->filter != NULL) {
        wendi_expr_slots(at->filter, used, count);
    }
    for (uint32_t i = 0; i < count; i++) {
        slots[i] = used[i] ? column_count : (uint32_t)WENDI_EXPR_NO_SLOT;
        if (used[i]) {
            columns[column_count++] = i;
        }
    }
    for (uint32_t i = 0; i < at->output_count; i++) {
        WEND_TRY(wendi_expr_remap(at->outputs[i], slots, count, arena, &pipe->outputs[i], error));
    }
    if (at->filter != NULL) {
        WEND_TRY(wendi_expr_remap(at->filter, slots, count, arena, &filter, error));
    }
    pipe->filtered = filter != NULL;
    WEND_TRY(wendi_scan_operator_open(pipe->context, arena, at->plan, columns, column_count, filter,
                                      &pipe->scan, error));
    pipe->source = &pipe->scan->head;
cleanup:
    return status;
}

static wend_status open_operator(wendi_pipe *pipe, wendi_arena *arena, const pipe_peel *at,
                                 bool order_free, wend_error *error)
{
    wend_status status = WEND_OK;

    WEND_TRY(
        wendi_build(pipe->context, arena, at->plan, order_free, UINT64_MAX, &pipe->source, error));
    memcpy(pipe->outputs, at->outputs, at->output_count * sizeof(const wendi_expr *));
    pipe->filter = at->filter;
    pipe->filtered = at->filter != NULL;
    pipe->source_vectors =
        wendi_alloc_zero(pipe->source->column_count + 1, sizeof *pipe->source_vectors);
    pipe->indices = wendi_alloc_aligned(64, WENDI_PAGE_ROWS * sizeof(uint32_t) + 64);
    if (pipe->source_vectors == NULL || pipe->indices == NULL) {
        return nomem(error);
    }
    WEND_TRY(wendi_evaluator_open(&pipe->evaluator, error));
cleanup:
    return status;
}

wend_status wendi_pipe_open(wendi_query_context *context, wendi_arena *arena,
                            const wendi_plan *plan, const wendi_expr *const *outputs,
                            uint32_t output_count, bool order_free, wendi_pipe **pipe_out,
                            wend_error *error)
{
    wend_status status = WEND_OK;
    pipe_peel at = {.plan = plan, .output_count = output_count};
    wendi_pipe *pipe = wendi_alloc_zero(1, sizeof *pipe);

    *pipe_out = NULL;
    if (pipe == NULL) {
        return nomem(error);
    }
    pipe->context = context;
    pipe->output_count = output_count;
    pipe->outputs = wendi_arena_alloc_zero(arena, (output_count + 1) * sizeof(const wendi_expr *));
    at.outputs = wendi_arena_alloc(arena, (output_count + 1) * sizeof(const wendi_expr *));
    if (pipe->outputs == NULL || at.outputs == NULL) {
        WEND_TRY(nomem(error));
    }
    memcpy(at.outputs, outputs, output_count * sizeof(const wendi_expr *));
    WEND_TRY(peel(&at, arena, error));
    if (at.plan->kind == WENDI_PLAN_SCAN) {
        WEND_TRY(open_scan(pipe, arena, &at, error));
        pipe->worker_count = wendi_thread_pool_workers(context->pool);
    } else {
        WEND_TRY(open_operator(pipe, arena, &at, order_free, error));
        pipe->worker_count = 1;
    }
    pipe->vectors =
        wendi_alloc_zero((size_t)(output_count + 1) * pipe->worker_count, sizeof *pipe->vectors);
    pipe->readers = wendi_alloc_zero(pipe->worker_count, sizeof(wendi_scan_reader *));
    if (pipe->vectors == NULL || pipe->readers == NULL) {
        WEND_TRY(nomem(error));
    }
    *pipe_out = pipe;
    pipe = NULL;
cleanup:
    wendi_pipe_close(pipe);
    return status;
}

void wendi_pipe_close(wendi_pipe *pipe)
{
    if (pipe == NULL) {
        return;
    }
    for (uint32_t i = 0; pipe->readers != NULL && i < pipe->worker_count; i++) {
        wendi_scan_reader_close(pipe->readers[i]);
    }
    wendi_free(pipe->readers);
    wendi_evaluator_close(pipe->evaluator);
    wendi_operator_close(pipe->source);
    wendi_free(pipe->source_vectors);
    wendi_free(pipe->vectors);
    wendi_free(pipe->indices);
    wendi_free(pipe);
}

uint32_t wendi_pipe_workers(const wendi_pipe *pipe)
{
    return pipe->worker_count;
}

static wend_status evaluate_outputs(const wendi_pipe *pipe, wendi_evaluator *evaluator,
                                    const wendi_batch *batch, const wendi_selection *selection,
                                    wendi_vector *vectors, wend_error *error)
{
    wend_status status = WEND_OK;

    for (uint32_t i = 0; i < pipe->output_count; i++) {
        const wendi_expr *expr = pipe->outputs[i];
        if (expr->kind == WENDI_EXPR_COLUMN) {
            vectors[i] = batch->columns[expr->slot];
        } else {
            WEND_TRY(wendi_evaluate(evaluator, expr, batch, selection, &vectors[i], error));
        }
    }
cleanup:
    return status;
}

/* ---- pulling ---- */

static wend_status pull_operator(wendi_pipe *pipe, wendi_batch *outputs, wendi_selection *selection,
                                 wend_error *error)
{
    wend_status status = WEND_OK;

    for (;;) {
        wendi_batch batch = {.columns = pipe->source_vectors};
        wendi_evaluator_reset(pipe->evaluator);
        WEND_TRY(wendi_operator_next(pipe->source, &batch, error));
        *selection = (wendi_selection){NULL, batch.row_count};
        if (pipe->filter != NULL) {
            WEND_TRY(wendi_evaluate_filter(pipe->evaluator, pipe->filter, &batch, NULL,
                                           pipe->indices, &selection->count, error));
            selection->indices = pipe->indices;
            if (selection->count == 0) {
                continue;
            }
        }
        WEND_TRY(evaluate_outputs(pipe, pipe->evaluator, &batch, selection, pipe->vectors, error));
        *outputs = (wendi_batch){batch.row_count, pipe->output_count, pipe->vectors};
        return WEND_OK;
    }
cleanup:
    return status;
}

wend_status wendi_pipe_next(wendi_pipe *pipe, wendi_batch *outputs, wendi_selection *selection,
                            wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_batch batch = {0};

    if (pipe->scan == NULL) {
        return pull_operator(pipe, outputs, selection, error);
    }
    WEND_TRY(wendi_scan_operator_pull(pipe->scan, &batch, selection, error));
    pipe->source->rows_out += selection->count;
    wendi_evaluator *evaluator = wendi_scan_reader_evaluator(pipe->scan->reader);
    WEND_TRY(evaluate_outputs(pipe, evaluator, &batch, selection, pipe->vectors, error));
    *outputs = (wendi_batch){batch.row_count, pipe->output_count, pipe->vectors};
cleanup:
    return status;
}

/* ---- running ---- */

typedef struct pipe_run {
    wendi_pipe *pipe;
    wendi_pipe_sink sink;
    void *context;
    wendi_pipe_counter counter; /* NULL: everything is read */
    uint32_t counted_slot;      /* of the scan, or WENDI_EXPR_NO_SLOT */
} pipe_run;

/* The unit that the worker's reader has started, as counts if it can be counted; *done says so. */
static wend_status count_unit(const pipe_run *run, uint32_t worker, bool *done, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_scan_counts counts;

    WEND_TRY(wendi_scan_reader_count(run->pipe->readers[worker], run->counted_slot, &counts, done, error));
    if (*done && counts.row_count > 0) {
        WEND_TRY(run->counter(run->context, worker, &counts, error));
    }
cleanup:
    return status;
}

static wend_status run_unit(void *context, uint32_t worker, uint32_t task, wend_error *error)
{
    wend_status status = WEND_OK;
    pipe_run *run = context;
    wendi_pipe *pipe = run->pipe;
    wendi_batch batch = {0};
    wendi_selection selection;
    uint32_t first_row = 0;
    uint32_t unit_count = 0;
    const wendi_scan_unit *units = wendi_scan_units(pipe->scan->scan, &unit_count);
    wendi_vector *vectors = pipe->vectors + (size_t)worker * (pipe->output_count + 1);

    assert(task < unit_count && worker < pipe->worker_count);
    if (pipe->readers[worker] == NULL) {
        WEND_TRY(wendi_scan_reader_open(pipe->scan->scan, &pipe->readers[worker], error));
    }
    wendi_scan_reader *reader = pipe->readers[worker];
    WEND_TRY(wendi_scan_reader_start(reader, &units[task], error));
    if (run->counter != NULL) {
        bool done = false;
        WEND_TRY(count_unit(run, worker, &done, error));
        if (done) {
            return WEND_OK;
        }
    }
    for (;;) {
        status = wendi_scan_reader_next(reader, &batch, &selection, &first_row, error);
        if (status == WEND_END) {
            return WEND_OK;
        }
        WEND_TRY(status);
        WEND_TRY(evaluate_outputs(pipe, wendi_scan_reader_evaluator(reader), &batch, &selection,
                                  vectors, error));
        wendi_batch outputs = {batch.row_count, pipe->output_count, vectors};
        WEND_TRY(run->sink(run->context, worker, (uint64_t)task << 32 | first_row, &outputs,
                           &selection, error));
    }
cleanup:
    return status;
}

static wend_status run_scan(pipe_run *run, wend_error *error)
{
    wendi_pipe *pipe = run->pipe;
    uint32_t unit_count = 0;

    wendi_scan_units(pipe->scan->scan, &unit_count);
    wend_status status = wendi_thread_pool_run(pipe->context->pool, unit_count, run_unit, run, error);
    pipe->source->rows_out = wendi_scan_counters(pipe->scan->scan)->rows_passed;
    return status;
}

wend_status wendi_pipe_run_counting(wendi_pipe *pipe, uint32_t output, wendi_pipe_counter counter,
                                    wendi_pipe_sink sink, void *context, wend_error *error)
{
    pipe_run run = {pipe, sink, context, counter, WENDI_EXPR_NO_SLOT};

    if (output != UINT32_MAX) {
        assert(pipe->outputs[output]->kind == WENDI_EXPR_COLUMN);
        run.counted_slot = pipe->outputs[output]->slot;
    }
    return pipe->scan != NULL ? run_scan(&run, error) : wendi_pipe_run(pipe, sink, context, error);
}

wend_status wendi_pipe_run(wendi_pipe *pipe, wendi_pipe_sink sink, void *context, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_batch outputs = {0};
    wendi_selection selection;
    uint64_t place = 0;

    if (pipe->scan != NULL) {
        pipe_run run = {pipe, sink, context, NULL, WENDI_EXPR_NO_SLOT};
        return run_scan(&run, error);
    }
    for (;;) {
        status = pull_operator(pipe, &outputs, &selection, error);
        if (status == WEND_END) {
            return WEND_OK;
        }
        WEND_TRY(status);
        WEND_TRY(sink(context, 0, place, &outputs, &selection, error));
        place += outputs.row_count;
    }
cleanup:
    return status;
}

/* ---- asking ---- */

bool wendi_pipe_has_dictionary(wendi_pipe *pipe, uint32_t output)
{
    const wendi_expr *expr = pipe->outputs[output];

    if (expr->kind != WENDI_EXPR_COLUMN ||
        wendi_type_physical(expr->type) != WENDI_PHYSICAL_STRING) {
        return false;
    }
    return pipe->scan != NULL && wendi_scan_has_dictionary(pipe->scan->scan, expr->slot);
}

wend_status wendi_pipe_dictionary(wendi_pipe *pipe, uint32_t output,
                                  wendi_dictionary **dictionary_out, wend_error *error)
{
    assert(pipe->scan != NULL && pipe->outputs[output]->kind == WENDI_EXPR_COLUMN);
    return wendi_scan_reader_dictionary(pipe->scan->reader, pipe->outputs[output]->slot,
                                        dictionary_out, error);
}

wendi_operator *wendi_pipe_source(wendi_pipe *pipe)
{
    return pipe->source;
}

wendi_scan *wendi_pipe_scan(wendi_pipe *pipe)
{
    return pipe->scan == NULL ? NULL : pipe->scan->scan;
}

const wendi_expr *wendi_pipe_output(const wendi_pipe *pipe, uint32_t output)
{
    return pipe->outputs[output];
}

bool wendi_pipe_filtered(const wendi_pipe *pipe)
{
    return pipe->filtered;
}
