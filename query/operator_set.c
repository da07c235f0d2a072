/*
 * UNION ALL gives its inputs one after the other; INTERSECT and EXCEPT count how often each row
 * comes from either side. (UNION without ALL is a UNION ALL under a distinct Aggregate.)
 */
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/sql/ast.h"
#include "query/group_table.h"
#include "query/operators.h"

typedef struct set_operator {
    wendi_operator head;
    const wendi_plan *plan;
    uint32_t side; /* UNION ALL: the input being read */
    wendi_rows result;
    uint32_t next_row;
    bool done;
} set_operator;

static void set_close(wendi_operator *self)
{
    set_operator *set = (set_operator *)self;

    wendi_operator_close(self->inputs[0]);
    wendi_operator_close(self->inputs[1]);
    wendi_rows_free(&set->result);
    wendi_free(set);
}

static wend_status union_next(set_operator *set, wendi_batch *batch, wend_error *error)
{
    wend_status status = WEND_END;

    for (; set->side < 2; set->side++) {
        status = wendi_operator_next(set->head.inputs[set->side], batch, error);
        if (status != WEND_END) {
            break;
        }
    }
    return status;
}

/* counts[group] += rows of one input; grows with the groups. */
static wend_status count_side(set_operator *set, uint32_t side, wendi_group_table *table,
                              uint64_t **counts, uint32_t *capacity, wendi_vector *vectors,
                              uint32_t *groups, wend_error *error)
{
    wend_status status = WEND_OK;

    for (;;) {
        wendi_batch batch = {.columns = vectors};
        status = wendi_operator_next(set->head.inputs[side], &batch, error);
        if (status == WEND_END) {
            return WEND_OK;
        }
        WEND_TRY(status);
        wendi_selection all = {NULL, batch.row_count};
        WEND_TRY(wendi_group_table_assign(table, vectors, &all, groups, error));
        uint32_t count = wendi_group_table_count(table);
        if (count > *capacity) {
            uint32_t grown = count * 2;
            uint64_t *memory = wendi_realloc(*counts, (size_t)grown * 2 * sizeof **counts);
            if (memory == NULL) {
                return wendi_fail_nomem(error, "a set operation",
                                        (size_t)grown * 2 * sizeof **counts);
            }
            memset(memory + (size_t)*capacity * 2, 0,
                   (size_t)(grown - *capacity) * 2 * sizeof **counts);
            *counts = memory;
            *capacity = grown;
        }
        for (uint32_t i = 0; i < batch.row_count; i++) {
            (*counts)[(size_t)groups[i] * 2 + side]++;
        }
    }
cleanup:
    return status;
}

/* How often a row that stood `left` and `right` times is in the result. */
static uint64_t copies(const wendi_plan *plan, uint64_t left, uint64_t right)
{
    if (plan->set_kind == WENDI_SQL_SELECT_INTERSECT) {
        uint64_t both = left < right ? left : right;
        return plan->set_all ? both : both > 0;
    }
    return plan->set_all ? (left > right ? left - right : 0) : left > 0 && right == 0;
}

static wend_status emit(set_operator *set, const wendi_rows *keys, const uint64_t *counts,
                        wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_sort_key by[64];
    uint32_t *order = wendi_alloc((size_t)keys->row_count * sizeof *order);

    if (order == NULL) {
        return wendi_fail_nomem(error, "a set operation", (size_t)keys->row_count * sizeof *order);
    }
    for (uint32_t i = 0; i < keys->column_count; i++) {
        by[i] = (wendi_sort_key){i, false, false};
    }
    WEND_TRY(wendi_rows_sort(keys, by, keys->column_count, order, error));
    for (uint32_t i = 0; i < keys->row_count; i++) {
        uint64_t left = counts[(size_t)order[i] * 2];
        uint64_t right = counts[(size_t)order[i] * 2 + 1];
        for (uint64_t n = copies(set->plan, left, right); n > 0; n--) {
            WEND_TRY(wendi_rows_append_rows(&set->result, keys, &order[i], 1, false, error));
        }
    }
cleanup:
    wendi_free(order);
    return status;
}

static wend_status compute(set_operator *set, wend_error *error)
{
    wend_status status = WEND_OK;
    uint32_t columns = set->head.column_count;
    wendi_group_table *table = NULL;
    uint64_t *counts = NULL;
    uint32_t capacity = 0;
    wendi_rows keys = {0};
    wendi_type types[64];
    wendi_vector *vectors = wendi_alloc_zero(columns + 1, sizeof *vectors);
    uint32_t *groups = wendi_alloc(WENDI_PAGE_ROWS * sizeof *groups);

    if (vectors == NULL || groups == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "a set operation", WENDI_PAGE_ROWS * sizeof *groups));
    }
    for (uint32_t i = 0; i < columns; i++) {
        types[i] = set->head.columns[i].type;
    }
    WEND_TRY(wendi_group_table_open(set->head.context, types, columns, &table, error));
    WEND_TRY(count_side(set, 0, table, &counts, &capacity, vectors, groups, error));
    WEND_TRY(count_side(set, 1, table, &counts, &capacity, vectors, groups, error));
    WEND_TRY(wendi_rows_init(&keys, set->head.context, "a set operation", types, columns, error));
    WEND_TRY(wendi_rows_reserve(&keys, wendi_group_table_count(table), error));
    WEND_TRY(wendi_group_table_keys(table, &keys, 0, error));
    keys.row_count = wendi_group_table_count(table);
    WEND_TRY(emit(set, &keys, counts, error));
    set->done = true;
cleanup:
    wendi_rows_free(&keys);
    wendi_group_table_close(table);
    wendi_free(counts);
    wendi_free(vectors);
    wendi_free(groups);
    return status;
}

static wend_status set_next(wendi_operator *self, wendi_batch *batch, wend_error *error)
{
    wend_status status = WEND_OK;
    set_operator *set = (set_operator *)self;

    if (set->plan->set_kind == WENDI_SQL_SELECT_UNION) {
        return union_next(set, batch, error);
    }
    if (!set->done) {
        WEND_TRY(compute(set, error));
    }
    uint32_t left = set->result.row_count - set->next_row;
    if (left == 0) {
        return WEND_END;
    }
    batch->row_count = left < WENDI_BATCH_ROWS ? left : WENDI_BATCH_ROWS;
    batch->column_count = self->column_count;
    wendi_rows_view(&set->result, set->next_row, batch->row_count, batch->columns,
                    self->column_count);
    set->next_row += batch->row_count;
cleanup:
    return status;
}

static wend_status set_describe(const wendi_operator *self, wendi_buffer *out)
{
    const set_operator *set = (const set_operator *)self;
    const char *name = set->plan->set_kind == WENDI_SQL_SELECT_UNION       ? "union"
                       : set->plan->set_kind == WENDI_SQL_SELECT_INTERSECT ? "intersect"
                                                                           : "except";

    return wendi_buffer_printf(out, " %s%s", name, set->plan->set_all ? " all" : "");
}

static const wendi_operator_class set_class = {"Set", set_next, set_describe, set_close};

wend_status wendi_set_operator_open(wendi_query_context *context, wendi_arena *arena,
                                    const wendi_plan *plan, wendi_operator **operator_out,
                                    wend_error *error)
{
    wend_status status = WEND_OK;
    bool streams = plan->set_kind == WENDI_SQL_SELECT_UNION;
    wendi_type *types = wendi_arena_alloc(arena, (plan->column_count + 1) * sizeof *types);
    set_operator *set = wendi_alloc_zero(1, sizeof *set);

    *operator_out = NULL;
    if (set == NULL || types == NULL) {
        wendi_free(set);
        return wendi_fail_nomem(error, "a set operation", sizeof *set);
    }
    set->head = (wendi_operator){.class_of = &set_class,
                                 .context = context,
                                 .columns = plan->columns,
                                 .column_count = plan->column_count};
    set->plan = plan;
    for (uint32_t i = 0; i < plan->column_count; i++) {
        types[i] = plan->columns[i].type;
    }
    if (plan->column_count > 64) {
        WEND_TRY(wendi_fail(error, WEND_UNSUPPORTED, "set operations take at most 64 columns"));
    }
    WEND_TRY(wendi_rows_init(&set->result, context, "a set operation", types, plan->column_count,
                             error));
    for (uint32_t i = 0; i < 2; i++) {
        WEND_TRY(wendi_build(context, arena, plan->inputs[i], !streams, UINT64_MAX,
                             &set->head.inputs[i], error));
        set->head.input_count = i + 1;
    }
    *operator_out = &set->head;
    set = NULL;
cleanup:
    wendi_operator_close(set == NULL ? NULL : &set->head);
    return status;
}
