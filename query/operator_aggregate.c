/*
 * GROUP BY: every worker groups its own morsels, the groups are merged at the end. Unless the
 * reader does not care, groups come ordered by their keys, so that no layout or thread count shows.
 */
#include <string.h>

#include "engine/base/alloc.h"
#include "query/group_table.h"
#include "query/operators.h"

enum { HISTOGRAM_CODES_MAX = 4096, HISTOGRAMS = 4, NO_OUTPUT = 0xffffffffu };
#define COUNTED_ROWS_MAX (UINT32_MAX - WENDI_ROW_GROUP_ROWS_MAX) /* a row group more has room */

/** One worker's groups. */
typedef struct aggregate_worker {
    wendi_group_table *table;       /* NULL without keys: everything is group 0 */
    wendi_aggregate_state **states; /* one an aggregate */
    uint32_t *groups;               /* by row of a batch */
    uint32_t *indices;              /* rows that pass a FILTER clause */
    uint32_t *histogram;            /* HISTOGRAMS * HISTOGRAM_CODES_MAX, zero between batches */
    wendi_dictionary *counted;      /* whose codes `histogram` counts; a reference */
    uint32_t counted_rows;
} aggregate_worker;

typedef struct aggregate_operator {
    wendi_operator head;
    const wendi_plan *plan;
    wendi_pipe *pipe;
    uint32_t
        *arg_outputs; /* by aggregate: which output of the pipe is its argument, or NO_OUTPUT */
    uint32_t *filter_outputs; /* likewise its FILTER */
    aggregate_worker *workers;
    uint32_t worker_count;
    bool only_counts; /* every aggregate is count(*) without FILTER */
    bool order_free;
    wendi_rows result;
    wendi_rows sorted;
    bool done;
    uint32_t next_row;
} aggregate_operator;

static void worker_free(aggregate_worker *worker, uint32_t aggregate_count)
{
    for (uint32_t i = 0; worker->states != NULL && i < aggregate_count; i++) {
        wendi_aggregate_state_close(worker->states[i]);
    }
    wendi_free(worker->states);
    wendi_group_table_close(worker->table);
    wendi_free(worker->groups);
    wendi_free(worker->indices);
    wendi_free(worker->histogram);
    wendi_dictionary_release(worker->counted);
    memset(worker, 0, sizeof *worker);
}

static void aggregate_close(wendi_operator *self)
{
    aggregate_operator *aggregate = (aggregate_operator *)self;

    for (uint32_t i = 0; aggregate->workers != NULL && i < aggregate->worker_count; i++) {
        worker_free(&aggregate->workers[i], aggregate->plan->aggregate_count);
    }
    wendi_free(aggregate->workers);
    wendi_rows_free(&aggregate->sorted);
    wendi_rows_free(&aggregate->result);
    wendi_pipe_close(aggregate->pipe);
    wendi_free(aggregate);
}

static wend_status worker_init(aggregate_operator *aggregate, aggregate_worker *worker,
                               wend_error *error)
{
    wend_status status = WEND_OK;
    const wendi_plan *plan = aggregate->plan;
    wendi_type types[64];

    worker->states = wendi_alloc_zero(plan->aggregate_count + 1, sizeof(wendi_aggregate_state *));
    worker->groups = wendi_alloc_aligned(64, WENDI_PAGE_ROWS * sizeof(uint32_t));
    worker->indices = wendi_alloc_aligned(64, WENDI_PAGE_ROWS * sizeof(uint32_t));
    worker->histogram = wendi_alloc_zero(HISTOGRAMS * HISTOGRAM_CODES_MAX, sizeof(uint32_t));
    if (worker->states == NULL || worker->groups == NULL || worker->indices == NULL ||
        worker->histogram == NULL) {
        return wendi_fail_nomem(error, "aggregation", WENDI_PAGE_ROWS * sizeof(uint32_t));
    }
    for (uint32_t i = 0; i < plan->key_count; i++) {
        types[i] = plan->keys[i]->type;
    }
    if (plan->key_count > 0) {
        WEND_TRY(wendi_group_table_open(aggregate->head.context, types, plan->key_count,
                                        &worker->table, error));
    }
    for (uint32_t i = 0; i < plan->aggregate_count; i++) {
        WEND_TRY(wendi_aggregate_state_open(aggregate->head.context, &plan->aggregates[i],
                                            &worker->states[i], error));
        WEND_TRY(wendi_aggregate_state_grow(worker->states[i], plan->key_count == 0, error));
    }
cleanup:
    return status;
}

/* ---- counting by one dictionary column ---- */

/* Turn what the histograms counted into groups. */
static wend_status flush_histogram(aggregate_operator *aggregate, aggregate_worker *worker,
                                   wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_vector key = {.form = WENDI_FORM_DICTIONARY, .dictionary = worker->counted};

    if (worker->counted == NULL || worker->counted_rows == 0) {
        return WEND_OK;
    }
    for (uint32_t code = 0; code < worker->counted->entry_count; code++) {
        uint64_t count = 0;
        uint32_t group = 0;
        for (uint32_t h = 0; h < HISTOGRAMS; h++) {
            count += worker->histogram[h * HISTOGRAM_CODES_MAX + code];
            worker->histogram[h * HISTOGRAM_CODES_MAX + code] = 0;
        }
        if (count == 0) {
            continue;
        }
        WEND_TRY(wendi_group_table_code(worker->table, &key, code, &group, error));
        for (uint32_t i = 0; i < aggregate->plan->aggregate_count; i++) {
            WEND_TRY(wendi_aggregate_state_grow(worker->states[i],
                                                wendi_group_table_count(worker->table), error));
            wendi_aggregate_state_count(worker->states[i], group, count);
        }
    }
    worker->counted_rows = 0;
cleanup:
    return status;
}

/* Neighbouring rows often have one code: four histograms keep their increments from waiting for
 * each other. */
static void count_codes(uint32_t *histogram, const uint32_t *codes, uint32_t count)
{
    uint32_t i = 0;

    for (; i + HISTOGRAMS <= count; i += HISTOGRAMS) {
        histogram[codes[i]]++;
        histogram[HISTOGRAM_CODES_MAX + codes[i + 1]]++;
        histogram[2 * HISTOGRAM_CODES_MAX + codes[i + 2]]++;
        histogram[3 * HISTOGRAM_CODES_MAX + codes[i + 3]]++;
    }
    for (; i < count; i++) {
        histogram[codes[i]]++;
    }
}

/* Counts belong to this dictionary's codes from here on. */
static wend_status count_by(aggregate_operator *aggregate, aggregate_worker *worker,
                            wendi_dictionary *dictionary, wend_error *error)
{
    wend_status status = WEND_OK;

    /* A 32-bit count must not overflow: beyond this many rows start anew. */
    if (worker->counted != dictionary || worker->counted_rows > COUNTED_ROWS_MAX) {
        WEND_TRY(flush_histogram(aggregate, worker, error));
    }
    if (worker->counted != dictionary) {
        wendi_dictionary_release(worker->counted);
        worker->counted = wendi_dictionary_acquire(dictionary);
    }
cleanup:
    return status;
}

/* What a range of rows was counted to without being read. */
static wend_status take_counts(void *context, uint32_t worker_index,
                               const wendi_scan_counts *counts, wend_error *error)
{
    wend_status status = WEND_OK;
    aggregate_operator *aggregate = context;
    aggregate_worker *worker = &aggregate->workers[worker_index];

    if (worker->table == NULL) {
        for (uint32_t i = 0; i < aggregate->plan->aggregate_count; i++) {
            wendi_aggregate_state_count(worker->states[i], 0, counts->row_count);
        }
        return WEND_OK;
    }
    WEND_TRY(count_by(aggregate, worker, counts->dictionary, error));
    for (uint32_t code = 0; code < counts->dictionary->entry_count; code++) {
        worker->histogram[code] += counts->codes[code];
    }
    worker->counted_rows += (uint32_t)counts->row_count;
cleanup:
    return status;
}

static bool fits_histogram(const aggregate_operator *aggregate, const wendi_vector *keys)
{
    return aggregate->only_counts && aggregate->plan->key_count == 1 &&
           keys[0].form == WENDI_FORM_DICTIONARY &&
           keys[0].dictionary->entry_count <= HISTOGRAM_CODES_MAX;
}

static wend_status count_batch(aggregate_operator *aggregate, aggregate_worker *worker,
                               const wendi_vector *key, const wendi_selection *selection,
                               wend_error *error)
{
    wend_status status = WEND_OK;

    WEND_TRY(count_by(aggregate, worker, key->dictionary, error));
    worker->counted_rows += selection->count;
    if (selection->indices == NULL) {
        count_codes(worker->histogram, key->codes, selection->count);
    } else {
        for (uint32_t i = 0; i < selection->count; i++) {
            worker->histogram[key->codes[selection->indices[i]]]++;
        }
    }
cleanup:
    return status;
}

/* ---- a batch in general ---- */

/* Rows of the selection for which the FILTER is true. */
static void apply_filter(const wendi_vector *filter, const wendi_selection *selection,
                         uint32_t *indices, wendi_selection *passed)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < selection->count; i++) {
        uint32_t row = selection->indices != NULL ? selection->indices[i] : i;
        uint32_t at = wendi_vector_index(filter, row);
        bool pass = (filter->nulls == NULL || filter->nulls[at] == 0) && filter->i64[at] != 0;
        indices[count] = row;
        count += pass;
    }
    *passed = (wendi_selection){indices, count};
}

static wend_status take(void *context, uint32_t worker_index, uint64_t place,
                        const wendi_batch *outputs, const wendi_selection *selection,
                        wend_error *error)
{
    wend_status status = WEND_OK;
    aggregate_operator *aggregate = context;
    aggregate_worker *worker = &aggregate->workers[worker_index];
    const uint32_t *groups = NULL;
    (void)place;

    if (worker->table != NULL) {
        if (fits_histogram(aggregate, outputs->columns)) {
            return count_batch(aggregate, worker, &outputs->columns[0], selection, error);
        }
        WEND_TRY(wendi_group_table_assign(worker->table, outputs->columns, selection,
                                          worker->groups, error));
        groups = worker->groups;
    }
    for (uint32_t i = 0; i < aggregate->plan->aggregate_count; i++) {
        uint32_t arg = aggregate->arg_outputs[i];
        uint32_t filter = aggregate->filter_outputs[i];
        wendi_selection passed = *selection;
        if (worker->table != NULL) {
            WEND_TRY(wendi_aggregate_state_grow(worker->states[i],
                                                wendi_group_table_count(worker->table), error));
        }
        if (filter != NO_OUTPUT) {
            apply_filter(&outputs->columns[filter], selection, worker->indices, &passed);
        }
        WEND_TRY(wendi_aggregate_state_update(worker->states[i], groups, &passed,
                                              arg == NO_OUTPUT ? NULL : &outputs->columns[arg],
                                              error));
    }
cleanup:
    return status;
}

/* ---- results ---- */

static wend_status merge_worker(aggregate_operator *aggregate, aggregate_worker *into,
                                aggregate_worker *from, wend_error *error)
{
    wend_status status = WEND_OK;
    uint32_t count = from->table == NULL ? 1 : wendi_group_table_count(from->table);
    uint32_t *map = wendi_alloc_zero(count, sizeof *map);

    if (map == NULL) {
        return wendi_fail_nomem(error, "aggregation", count * sizeof *map);
    }
    if (from->table != NULL) {
        WEND_TRY(wendi_group_table_merge(into->table, from->table, map, error));
    }
    for (uint32_t i = 0; i < aggregate->plan->aggregate_count; i++) {
        uint32_t groups = into->table == NULL ? 1 : wendi_group_table_count(into->table);
        WEND_TRY(wendi_aggregate_state_grow(into->states[i], groups, error));
        WEND_TRY(wendi_aggregate_state_merge(into->states[i], from->states[i], map, count, error));
    }
    worker_free(from, aggregate->plan->aggregate_count);
cleanup:
    wendi_free(map);
    return status;
}

static wend_status write_result(aggregate_operator *aggregate, wend_error *error)
{
    wend_status status = WEND_OK;
    const wendi_plan *plan = aggregate->plan;
    aggregate_worker *all = &aggregate->workers[0];
    uint32_t count = all->table == NULL ? 1 : wendi_group_table_count(all->table);

    WEND_TRY(wendi_rows_reserve(&aggregate->result, count, error));
    if (all->table != NULL) {
        WEND_TRY(wendi_group_table_keys(all->table, &aggregate->result, 0, error));
    }
    for (uint32_t i = 0; i < plan->aggregate_count; i++) {
        WEND_TRY(wendi_aggregate_state_finish(all->states[i], count, &aggregate->result,
                                              plan->key_count + i, error));
    }
    aggregate->result.row_count = count;
    worker_free(all, plan->aggregate_count);
cleanup:
    return status;
}

/* By all keys, rising, nulls last. */
static wend_status sort_groups(aggregate_operator *aggregate, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_sort_key keys[64];
    wendi_rows *rows = &aggregate->result;
    wendi_type *types = wendi_alloc((aggregate->head.column_count + 1) * sizeof *types);
    uint32_t *order = wendi_alloc((size_t)rows->row_count * sizeof *order);

    if (types == NULL || order == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "GROUP BY", (size_t)rows->row_count * sizeof *order));
    }
    for (uint32_t i = 0; i < aggregate->plan->key_count; i++) {
        keys[i] = (wendi_sort_key){i, false, false};
    }
    for (uint32_t i = 0; i < aggregate->head.column_count; i++) {
        types[i] = aggregate->head.columns[i].type;
    }
    WEND_TRY(wendi_rows_sort(rows, keys, aggregate->plan->key_count, order, error));
    WEND_TRY(wendi_rows_init(&aggregate->sorted, aggregate->head.context, "GROUP BY", types,
                             aggregate->head.column_count, error));
    WEND_TRY(wendi_rows_append_rows(&aggregate->sorted, rows, order, rows->row_count, true, error));
cleanup:
    wendi_free(types);
    wendi_free(order);
    return status;
}

/* The least or greatest value of a plain column, as a row group's statistics say it. */
static bool extreme_from_metadata(const aggregate_operator *aggregate, uint32_t index,
                                  wendi_value *value, bool *any)
{
    const wendi_aggregate *one = &aggregate->plan->aggregates[index];
    wendi_scan *scan = wendi_pipe_scan(aggregate->pipe);
    wendi_value least, greatest;

    if ((one->kind != WENDI_AGGREGATE_MIN && one->kind != WENDI_AGGREGATE_MAX) ||
        one->filter != NULL) {
        return false;
    }
    const wendi_expr *arg = wendi_pipe_output(aggregate->pipe, aggregate->arg_outputs[index]);
    if (arg->kind != WENDI_EXPR_COLUMN ||
        !wendi_scan_min_max(scan, arg->slot, &least, &greatest, any)) {
        return false;
    }
    if (*any) {
        *value = one->kind == WENDI_AGGREGATE_MIN ? least : greatest;
    }
    return true;
}

/* One value into group 0 of a min() or max(). */
static wend_status take_value(aggregate_operator *aggregate, uint32_t index,
                              const wendi_value *value, wend_error *error)
{
    wendi_b16 bits = value->b16;
    wendi_selection one = {NULL, 1};
    wendi_vector vector = {
        .type = value->type, .form = WENDI_FORM_CONSTANT, .row_count = 1, .b16 = &bits};

    return wendi_aggregate_state_update(aggregate->workers[0].states[index], NULL, &one, &vector,
                                        error);
}

/*
 * Without filter and keys, count(*), min and max of plain columns are in the footers. *done says
 * whether all aggregates could be answered so; nothing has been counted when not.
 */
static wend_status answer_from_metadata(aggregate_operator *aggregate, bool *done,
                                        wend_error *error)
{
    wend_status status = WEND_OK;
    const wendi_plan *plan = aggregate->plan;
    const wendi_scan *scan = wendi_pipe_scan(aggregate->pipe);
    wendi_value value;
    bool any = false;

    *done = false;
    if (scan == NULL || wendi_pipe_filtered(aggregate->pipe) || plan->key_count > 0) {
        return WEND_OK;
    }
    for (uint32_t i = 0; i < plan->aggregate_count; i++) {
        bool rows = plan->aggregates[i].kind == WENDI_AGGREGATE_COUNT_ROWS &&
                    plan->aggregates[i].filter == NULL;
        if (!rows && !extreme_from_metadata(aggregate, i, &value, &any)) {
            return WEND_OK;
        }
    }
    for (uint32_t i = 0; i < plan->aggregate_count; i++) {
        if (plan->aggregates[i].kind == WENDI_AGGREGATE_COUNT_ROWS) {
            wendi_aggregate_state_count(aggregate->workers[0].states[i], 0,
                                        wendi_scan_row_count(scan));
        } else if (extreme_from_metadata(aggregate, i, &value, &any) && any) {
            WEND_TRY(take_value(aggregate, i, &value, error));
        }
    }
    *done = true;
cleanup:
    return status;
}

/* Read all rows, or where only their number is asked for, at most by one text column, count them where they lie. */
static wend_status take_all(aggregate_operator *aggregate, wend_error *error)
{
    const wendi_plan *plan = aggregate->plan;
    const wendi_expr *key = plan->key_count == 1 ? wendi_pipe_output(aggregate->pipe, 0) : NULL;
    const bool counted = key != NULL && key->kind == WENDI_EXPR_COLUMN &&
                         wendi_type_physical(key->type) == WENDI_PHYSICAL_STRING;

    if (aggregate->only_counts && (plan->key_count == 0 || counted)) {
        return wendi_pipe_run_counting(aggregate->pipe, counted ? 0 : UINT32_MAX, take_counts, take,
                                       aggregate, error);
    }
    return wendi_pipe_run(aggregate->pipe, take, aggregate, error);
}

static wend_status aggregate_all(aggregate_operator *aggregate, wend_error *error)
{
    wend_status status = WEND_OK;
    bool answered = false;

    for (uint32_t i = 0; i < aggregate->worker_count; i++) {
        WEND_TRY(worker_init(aggregate, &aggregate->workers[i], error));
    }
    WEND_TRY(answer_from_metadata(aggregate, &answered, error));
    if (!answered) {
        WEND_TRY(take_all(aggregate, error));
    }
    for (uint32_t i = 0; i < aggregate->worker_count; i++) {
        WEND_TRY(flush_histogram(aggregate, &aggregate->workers[i], error));
    }
    for (uint32_t i = 1; i < aggregate->worker_count; i++) {
        WEND_TRY(merge_worker(aggregate, &aggregate->workers[0], &aggregate->workers[i], error));
    }
    WEND_TRY(write_result(aggregate, error));
    if (!aggregate->order_free && aggregate->plan->key_count > 0) {
        WEND_TRY(sort_groups(aggregate, error));
    }
    aggregate->done = true;
cleanup:
    return status;
}

static wend_status aggregate_next(wendi_operator *self, wendi_batch *batch, wend_error *error)
{
    wend_status status = WEND_OK;
    aggregate_operator *aggregate = (aggregate_operator *)self;

    if (!aggregate->done) {
        WEND_TRY(aggregate_all(aggregate, error));
    }
    const wendi_rows *rows =
        aggregate->sorted.column_count > 0 ? &aggregate->sorted : &aggregate->result;
    uint32_t left = rows->row_count - aggregate->next_row;
    if (left == 0) {
        return WEND_END;
    }
    batch->row_count = left < WENDI_BATCH_ROWS ? left : WENDI_BATCH_ROWS;
    batch->column_count = self->column_count;
    wendi_rows_view(rows, aggregate->next_row, batch->row_count, batch->columns,
                    self->column_count);
    aggregate->next_row += batch->row_count;
cleanup:
    return status;
}

static wend_status aggregate_describe(const wendi_operator *self, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    const aggregate_operator *aggregate = (const aggregate_operator *)self;

    WEND_TRY(wendi_buffer_printf(out, ":"));
    for (uint32_t i = 0; i < aggregate->plan->aggregate_count; i++) {
        const wendi_aggregate *one = &aggregate->plan->aggregates[i];
        WEND_TRY(wendi_buffer_printf(out, " %s(%s)%s", one->name,
                                     one->arg == NULL ? "*"
                                     : one->distinct  ? "distinct …"
                                                      : "…",
                                     one->filter == NULL ? "" : " filter"));
    }
    if (aggregate->plan->key_count > 0) {
        WEND_TRY(wendi_buffer_printf(out, " by %u key%s", aggregate->plan->key_count,
                                     aggregate->plan->key_count == 1 ? "" : "s"));
    }
cleanup:
    return status;
}

static const wendi_operator_class aggregate_class = {"Aggregate", aggregate_next,
                                                     aggregate_describe, aggregate_close};

/* The pipe's outputs: keys, then arguments and filters as they come. */
static wend_status list_outputs(aggregate_operator *aggregate, wendi_arena *arena,
                                const wendi_expr ***outputs_out, uint32_t *count_out,
                                wend_error *error)
{
    const wendi_plan *plan = aggregate->plan;
    uint32_t room = plan->key_count + 2 * plan->aggregate_count + 1;
    const wendi_expr **outputs = wendi_arena_alloc(arena, room * sizeof(const wendi_expr *));
    uint32_t count = plan->key_count;

    aggregate->arg_outputs = wendi_arena_alloc(arena, room * sizeof *aggregate->arg_outputs);
    aggregate->filter_outputs = wendi_arena_alloc(arena, room * sizeof *aggregate->filter_outputs);
    if (outputs == NULL || aggregate->arg_outputs == NULL || aggregate->filter_outputs == NULL) {
        return wendi_fail_nomem(error, "aggregation", room * sizeof(const wendi_expr *));
    }
    memcpy(outputs, plan->keys, plan->key_count * sizeof(const wendi_expr *));
    aggregate->only_counts = true;
    for (uint32_t i = 0; i < plan->aggregate_count; i++) {
        const wendi_aggregate *one = &plan->aggregates[i];
        aggregate->arg_outputs[i] = aggregate->filter_outputs[i] = NO_OUTPUT;
        if (one->arg != NULL) {
            aggregate->arg_outputs[i] = count;
            outputs[count++] = one->arg;
        }
        if (one->filter != NULL) {
            aggregate->filter_outputs[i] = count;
            outputs[count++] = one->filter;
        }
        aggregate->only_counts &= one->kind == WENDI_AGGREGATE_COUNT_ROWS && one->filter == NULL;
    }
    *outputs_out = outputs;
    *count_out = count;
    return WEND_OK;
}

wend_status wendi_aggregate_operator_open(wendi_query_context *context, wendi_arena *arena,
                                          const wendi_plan *plan, bool order_free,
                                          wendi_operator **operator_out, wend_error *error)
{
    wend_status status = WEND_OK;
    const wendi_expr **outputs = NULL;
    uint32_t output_count = 0;
    wendi_type *types = wendi_arena_alloc(arena, (plan->column_count + 1) * sizeof *types);
    aggregate_operator *aggregate = wendi_alloc_zero(1, sizeof *aggregate);

    *operator_out = NULL;
    if (aggregate == NULL || types == NULL) {
        wendi_free(aggregate);
        return wendi_fail_nomem(error, "aggregation", sizeof *aggregate);
    }
    aggregate->head = (wendi_operator){.class_of = &aggregate_class,
                                       .context = context,
                                       .columns = plan->columns,
                                       .column_count = plan->column_count};
    aggregate->plan = plan;
    aggregate->order_free = order_free;
    for (uint32_t i = 0; i < plan->column_count; i++) {
        types[i] = plan->columns[i].type;
    }
    WEND_TRY(
        wendi_rows_init(&aggregate->result, context, "GROUP BY", types, plan->column_count, error));
    WEND_TRY(list_outputs(aggregate, arena, &outputs, &output_count, error));
    WEND_TRY(wendi_pipe_open(context, arena, plan->inputs[0], outputs, output_count, true,
                             &aggregate->pipe, error));
    aggregate->worker_count = wendi_pipe_workers(aggregate->pipe);
    aggregate->workers = wendi_alloc_zero(aggregate->worker_count, sizeof *aggregate->workers);
    if (aggregate->workers == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "aggregation",
                                  aggregate->worker_count * sizeof *aggregate->workers));
    }
    aggregate->head.inputs[0] = wendi_pipe_source(aggregate->pipe);
    aggregate->head.input_count = 1;
    *operator_out = &aggregate->head;
    aggregate = NULL;
cleanup:
    wendi_operator_close(aggregate == NULL ? NULL : &aggregate->head);
    return status;
}
