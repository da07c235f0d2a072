/* Ordered-set functions: all values with their groups, sorted at the end. */
#include "query/aggregate_internal.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "query/index_sort.h"

wend_status wendi_aggregate_collect(wendi_aggregate_state *state, const uint32_t *groups,
                                    const wendi_selection *selection, const wendi_vector *arg,
                                    wend_error *error)
{
    wend_status status = WEND_OK;

    WEND_TRY(wendi_aggregate_scratch(state, error));
    uint32_t *indices = state->group_ids;
    uint32_t count = wendi_aggregate_present(selection, arg, indices);
    uint32_t base = state->collected.row_count;
    if (base + count > state->collected_capacity) {
        uint32_t capacity = state->collected_capacity * 2;
        capacity = capacity < base + count ? base + count : capacity;
        void *memory = state->collected_groups;
        WEND_TRY(wendi_aggregate_take(state, &memory, sizeof(uint32_t), state->collected_capacity,
                                      capacity, error));
        state->collected_groups = memory;
        state->collected_capacity = capacity;
    }
    WEND_TRY(wendi_rows_append(&state->collected, arg, indices, count, error));
    for (uint32_t i = 0; i < count; i++) {
        state->collected_groups[base + i] = groups != NULL ? groups[indices[i]] : 0;
    }
cleanup:
    return status;
}

wend_status wendi_aggregate_collect_merge(wendi_aggregate_state *state,
                                          const wendi_aggregate_state *other, const uint32_t *map,
                                          wend_error *error)
{
    wend_status status = WEND_OK;
    uint32_t base = state->collected.row_count;
    uint32_t count = other->collected.row_count;

    if (count == 0) {
        return WEND_OK;
    }
    if (base + count > state->collected_capacity) {
        void *memory = state->collected_groups;
        WEND_TRY(wendi_aggregate_take(state, &memory, sizeof(uint32_t), state->collected_capacity,
                                      base + count, error));
        state->collected_groups = memory;
        state->collected_capacity = base + count;
    }
    WEND_TRY(
        wendi_rows_append_rows(&state->collected, &other->collected, NULL, count, false, error));
    for (uint32_t i = 0; i < count; i++) {
        state->collected_groups[base + i] = map[other->collected_groups[i]];
    }
cleanup:
    return status;
}

static int compare_collected(const void *context, uint32_t a, uint32_t b)
{
    const wendi_aggregate_state *state = context;
    uint32_t group_a = state->collected_groups[a];
    uint32_t group_b = state->collected_groups[b];

    if (group_a != group_b) {
        return group_a < group_b ? -1 : 1;
    }
    wendi_value x = wendi_rows_value(&state->collected, a, 0);
    wendi_value y = wendi_rows_value(&state->collected, b, 0);
    int order = wendi_value_compare(&x, &y);
    return state->aggregate->descending ? -order : order;
}

/* The most frequent value; of equals the first in order. */
static uint32_t mode_of(const wendi_aggregate_state *state, const uint32_t *sorted, uint32_t count)
{
    uint32_t best = 0;
    uint32_t best_length = 0;

    for (uint32_t begin = 0; begin < count;) {
        uint32_t end = begin + 1;
        while (end < count && compare_collected(state, sorted[begin], sorted[end]) == 0) {
            end++;
        }
        if (end - begin > best_length) {
            best = begin;
            best_length = end - begin;
        }
        begin = end;
    }
    return sorted[best];
}

static wendi_value ordered_result(const wendi_aggregate_state *state, const uint32_t *sorted,
                                  uint32_t count)
{
    const wendi_aggregate *aggregate = state->aggregate;
    wendi_value value = {.type = aggregate->type, .null = true};

    if (count == 0) {
        return value;
    }
    if (aggregate->kind == WENDI_AGGREGATE_MODE) {
        return wendi_rows_value(&state->collected, mode_of(state, sorted, count), 0);
    }
    if (aggregate->kind == WENDI_AGGREGATE_PERCENTILE_DISC) {
        double place = ceil(aggregate->fraction * (double)count);
        uint32_t index = place < 1.0 ? 0 : (uint32_t)place - 1;
        return wendi_rows_value(&state->collected, sorted[index < count ? index : count - 1], 0);
    }
    double place = aggregate->fraction * (double)(count - 1);
    uint32_t low = (uint32_t)floor(place);
    uint32_t high = (uint32_t)ceil(place);
    double a = state->collected.columns[0].f64[sorted[low]];
    double b = state->collected.columns[0].f64[sorted[high]];
    value.null = false;
    value.f64 = low == high ? a : a + (b - a) * (place - (double)low);
    return value;
}

wend_status wendi_aggregate_collect_finish(wendi_aggregate_state *state, uint32_t group_count,
                                           wendi_rows *rows, uint32_t column, wend_error *error)
{
    wend_status status = WEND_OK;
    uint32_t count = state->collected.row_count;
    uint32_t *sorted = wendi_alloc((size_t)count * sizeof *sorted);
    uint32_t begin = 0;

    if (sorted == NULL) {
        return wendi_fail_nomem(error, "aggregation", (size_t)count * sizeof *sorted);
    }
    for (uint32_t i = 0; i < count; i++) {
        sorted[i] = i;
    }
    WEND_TRY(wendi_index_sort(sorted, count, compare_collected, state, error));
    for (uint32_t group = 0; group < group_count; group++) {
        uint32_t end = begin;
        while (end < count && state->collected_groups[sorted[end]] == group) {
            end++;
        }
        wendi_value value = ordered_result(state, sorted + begin, end - begin);
        value.type = state->aggregate->type;
        WEND_TRY(wendi_rows_set(rows, group, column, &value, error));
        begin = end;
    }
cleanup:
    wendi_free(sorted);
    return status;
}
