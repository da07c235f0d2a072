/*
 * ORDER BY: rows are kept by workers, each of which throws away what cannot be among the first
 * `limit` as soon as it has gathered enough, and are sorted once at the end.
 */
#include <string.h>

#include "engine/base/alloc.h"
#include "query/index_sort.h"
#include "query/operators.h"

enum { PRUNE_ROWS_MIN = 16384 };

/* ---- comparing ---- */

typedef struct sort_order {
    const wendi_rows *rows;
    const wendi_sort_key *keys;
    uint32_t key_count;
} sort_order;

static int compare_column(const wendi_rows *rows, const wendi_sort_key *key, uint32_t a, uint32_t b)
{
    const wendi_rows_column *column = &rows->columns[key->column];
    int order;

    if (column->has_nulls && (column->nulls[a] != 0 || column->nulls[b] != 0)) {
        if (column->nulls[a] != 0 && column->nulls[b] != 0) {
            return 0;
        }
        return (column->nulls[a] != 0) == key->nulls_first ? -1 : 1;
    }
    if (column->physical == WENDI_PHYSICAL_I64) {
        order = (column->i64[a] > column->i64[b]) - (column->i64[a] < column->i64[b]);
    } else if (column->physical == WENDI_PHYSICAL_STRING && column->type.kind == WENDI_TYPE_TEXT) {
        order = wendi_string_compare(column->strings[a], column->strings[b]);
    } else {
        wendi_value x = wendi_rows_value(rows, a, key->column);
        wendi_value y = wendi_rows_value(rows, b, key->column);
        order = wendi_value_compare(&x, &y);
    }
    return key->descending ? -order : order;
}

static int compare_rows(const void *context, uint32_t a, uint32_t b)
{
    const sort_order *order = context;
    int result = 0;

    for (uint32_t i = 0; i < order->key_count && result == 0; i++) {
        result = compare_column(order->rows, &order->keys[i], a, b);
    }
    return result;
}

wend_status wendi_rows_sort(const wendi_rows *rows, const wendi_sort_key *keys, uint32_t key_count,
                            uint32_t *order, wend_error *error)
{
    sort_order by = {rows, keys, key_count};

    for (uint32_t i = 0; i < rows->row_count; i++) {
        order[i] = i;
    }
    return wendi_index_sort(order, rows->row_count, compare_rows, &by, error);
}

/* ---- the operator ---- */

/** The worst first key that may still be among the first `limit`, once a worker has pruned. */
typedef struct sort_bound {
    bool known;
    int64_t worst;
    uint32_t indices[WENDI_PAGE_ROWS]; /* rows of a batch that are not beyond it */
} sort_bound;

typedef struct sort_operator {
    wendi_operator head;
    wendi_pipe *pipe;
    wendi_rows *kept;    /* by worker */
    sort_bound **bounds; /* by worker; NULL until it has pruned */
    uint32_t worker_count;
    const wendi_type *types; /* of the input's columns */
    uint32_t input_count;
    const wendi_sort_key *keys;
    uint32_t key_count;
    uint64_t limit;
    bool done;
    wendi_rows sorted; /* in order; strings borrowed from `kept` */
    uint32_t next_row;
} sort_operator;

static void sort_close(wendi_operator *self)
{
    sort_operator *sort = (sort_operator *)self;

    wendi_rows_free(&sort->sorted);
    for (uint32_t i = 0; sort->kept != NULL && i < sort->worker_count; i++) {
        wendi_rows_free(&sort->kept[i]);
    }
    for (uint32_t i = 0; sort->bounds != NULL && i < sort->worker_count; i++) {
        wendi_free(sort->bounds[i]);
    }
    wendi_free(sort->bounds);
    wendi_free(sort->kept);
    wendi_pipe_close(sort->pipe);
    wendi_free(sort);
}

/* Keep only the first `limit` rows of what a worker has. */
static wend_status prune(sort_operator *sort, wendi_rows *rows, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_rows kept = {0};
    uint32_t *order = wendi_alloc((size_t)rows->row_count * sizeof *order);

    if (order == NULL) {
        return wendi_fail_nomem(error, "ORDER BY", (size_t)rows->row_count * sizeof *order);
    }
    WEND_TRY(wendi_rows_sort(rows, sort->keys, sort->key_count, order, error));
    WEND_TRY(wendi_rows_init(&kept, sort->head.context, "ORDER BY", sort->types, sort->input_count,
                             error));
    uint32_t count = rows->row_count < sort->limit ? rows->row_count : (uint32_t)sort->limit;
    WEND_TRY(wendi_rows_append_rows(&kept, rows, order, count, false, error));
    wendi_rows_free(rows);
    *rows = kept;
    memset(&kept, 0, sizeof kept);
cleanup:
    wendi_rows_free(&kept);
    wendi_free(order);
    return status;
}

/* Remember the last row that was kept, where its first key is a plain integer. */
static wend_status set_bound(sort_operator *sort, uint32_t worker, wend_error *error)
{
    const wendi_rows *rows = &sort->kept[worker];
    const wendi_rows_column *column = &rows->columns[sort->keys[0].column];

    if (column->physical != WENDI_PHYSICAL_I64 || rows->row_count < sort->limit) {
        return WEND_OK;
    }
    if (sort->bounds[worker] == NULL) {
        sort->bounds[worker] = wendi_alloc(sizeof(sort_bound));
        if (sort->bounds[worker] == NULL) {
            return wendi_fail_nomem(error, "ORDER BY", sizeof(sort_bound));
        }
    }
    sort->bounds[worker]->known = column->nulls[rows->row_count - 1] == 0;
    sort->bounds[worker]->worst = column->i64[rows->row_count - 1];
    return WEND_OK;
}

/* Leave out rows that are beyond the bound; nulls stay, ties too. */
static void apply_bound(const sort_operator *sort, sort_bound *bound, const wendi_vector *key,
                        wendi_selection *selection)
{
    bool descending = sort->keys[0].descending;
    uint32_t count = 0;

    if (key->form != WENDI_FORM_FLAT) {
        return;
    }
    for (uint32_t i = 0; i < selection->count; i++) {
        uint32_t row = selection->indices != NULL ? selection->indices[i] : i;
        bool within = descending ? key->i64[row] >= bound->worst : key->i64[row] <= bound->worst;
        bound->indices[count] = row;
        count += within || (key->nulls != NULL && key->nulls[row] != 0);
    }
    *selection = (wendi_selection){bound->indices, count};
}

static wend_status take(void *context, uint32_t worker, uint64_t place, const wendi_batch *outputs,
                        const wendi_selection *selection, wend_error *error)
{
    wend_status status = WEND_OK;
    sort_operator *sort = context;
    wendi_rows *rows = &sort->kept[worker];
    wendi_selection wanted = *selection;
    (void)place; /* Ties are broken by values, not by where rows came from. */

    if (sort->limit == 0) {
        return WEND_OK;
    }
    if (sort->bounds[worker] != NULL && sort->bounds[worker]->known) {
        apply_bound(sort, sort->bounds[worker], &outputs->columns[sort->keys[0].column], &wanted);
    }
    WEND_TRY(wendi_rows_append(rows, outputs->columns, wanted.indices, wanted.count, error));
    if (sort->limit < UINT32_MAX && rows->row_count >= PRUNE_ROWS_MIN &&
        rows->row_count / 2 >= sort->limit) {
        WEND_TRY(prune(sort, rows, error));
        WEND_TRY(set_bound(sort, worker, error));
    }
cleanup:
    return status;
}

static wend_status sort_all(sort_operator *sort, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_rows merged = {0};
    wendi_rows *all = &sort->kept[0];
    uint32_t *order = NULL;

    WEND_TRY(wendi_pipe_run(sort->pipe, take, sort, error));
    for (uint32_t i = 1; i < sort->worker_count; i++) {
        WEND_TRY(wendi_rows_append_rows(all, &sort->kept[i], NULL, sort->kept[i].row_count, true,
                                        error));
    }
    order = wendi_alloc((size_t)all->row_count * sizeof *order);
    if (order == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "ORDER BY", (size_t)all->row_count * sizeof *order));
    }
    WEND_TRY(wendi_rows_sort(all, sort->keys, sort->key_count, order, error));
    WEND_TRY(wendi_rows_init(&merged, sort->head.context, "ORDER BY", sort->types,
                             sort->input_count, error));
    uint32_t count = all->row_count < sort->limit ? all->row_count : (uint32_t)sort->limit;
    WEND_TRY(wendi_rows_append_rows(&merged, all, order, count, true, error));
    sort->sorted = merged;
    memset(&merged, 0, sizeof merged);
    sort->done = true;
cleanup:
    wendi_rows_free(&merged);
    wendi_free(order);
    return status;
}

static wend_status sort_next(wendi_operator *self, wendi_batch *batch, wend_error *error)
{
    wend_status status = WEND_OK;
    sort_operator *sort = (sort_operator *)self;

    if (!sort->done) {
        WEND_TRY(sort_all(sort, error));
    }
    uint32_t left = sort->sorted.row_count - sort->next_row;
    if (left == 0) {
        return WEND_END;
    }
    batch->row_count = left < WENDI_PAGE_ROWS ? left : WENDI_PAGE_ROWS;
    batch->column_count = self->column_count;
    wendi_rows_view(&sort->sorted, sort->next_row, batch->row_count, batch->columns,
                    self->column_count);
    sort->next_row += batch->row_count;
cleanup:
    return status;
}

static wend_status sort_describe(const wendi_operator *self, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    const sort_operator *sort = (const sort_operator *)self;

    WEND_TRY(wendi_buffer_printf(out, " by"));
    for (uint32_t i = 0; i < sort->key_count; i++) {
        const wendi_sort_key *key = &sort->keys[i];
        WEND_TRY(wendi_buffer_printf(out, "%s %u%s%s", i == 0 ? "" : ",", key->column + 1,
                                     key->descending ? " desc" : "",
                                     key->nulls_first == key->descending ? ""
                                     : key->nulls_first                  ? " nulls first"
                                                                         : " nulls last"));
    }
    if (sort->limit != UINT64_MAX) {
        WEND_TRY(wendi_buffer_printf(out, ", first %llu", (unsigned long long)sort->limit));
    }
cleanup:
    return status;
}

static const wendi_operator_class sort_class = {"Sort", sort_next, sort_describe, sort_close};

wend_status wendi_sort_operator_open(wendi_query_context *context, wendi_arena *arena,
                                     const wendi_plan *plan, uint64_t row_limit,
                                     wendi_operator **operator_out, wend_error *error)
{
    wend_status status = WEND_OK;
    const wendi_plan *input = plan->inputs[0];
    const wendi_expr **identity =
        wendi_arena_alloc(arena, (input->column_count + 1) * sizeof(const wendi_expr *));
    wendi_type *types = wendi_arena_alloc(arena, (input->column_count + 1) * sizeof *types);
    sort_operator *sort = wendi_alloc_zero(1, sizeof *sort);

    *operator_out = NULL;
    if (sort == NULL || identity == NULL || types == NULL) {
        wendi_free(sort);
        return wendi_fail_nomem(error, "ORDER BY", sizeof *sort);
    }
    sort->head = (wendi_operator){.class_of = &sort_class,
                                  .context = context,
                                  .columns = plan->columns,
                                  .column_count = plan->column_count};
    sort->types = types;
    sort->input_count = input->column_count;
    sort->keys = plan->sort_keys;
    sort->key_count = plan->sort_key_count;
    sort->limit = row_limit;
    for (uint32_t i = 0; i < input->column_count; i++) {
        types[i] = input->columns[i].type;
        identity[i] = wendi_expr_column(arena, i, types[i]);
        if (identity[i] == NULL) {
            WEND_TRY(wendi_fail_nomem(error, "ORDER BY", sizeof(wendi_expr)));
        }
    }
    WEND_TRY(wendi_pipe_open(context, arena, input, identity, input->column_count, true,
                             &sort->pipe, error));
    sort->worker_count = wendi_pipe_workers(sort->pipe);
    sort->kept = wendi_alloc_zero(sort->worker_count, sizeof *sort->kept);
    sort->bounds = wendi_alloc_zero(sort->worker_count, sizeof(sort_bound *));
    if (sort->kept == NULL || sort->bounds == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "ORDER BY", sort->worker_count * sizeof *sort->kept));
    }
    for (uint32_t i = 0; i < sort->worker_count; i++) {
        WEND_TRY(wendi_rows_init(&sort->kept[i], context, "ORDER BY", types, input->column_count,
                                 error));
    }
    sort->head.inputs[0] = wendi_pipe_source(sort->pipe);
    sort->head.input_count = 1;
    *operator_out = &sort->head;
    sort = NULL;
cleanup:
    wendi_operator_close(sort == NULL ? NULL : &sort->head);
    return status;
}
