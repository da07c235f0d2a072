/* The life of aggregate states: opening, growing, merging, results. */
#include "query/aggregate_internal.h"

#include <math.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/expr/numeric.h"

#if defined(__SIZEOF_FLOAT128__)
__extension__ typedef __float128 wide_float;
#else
typedef long double wide_float;
#endif

static bool is_variance(const wendi_aggregate *aggregate)
{
    return aggregate->kind >= WENDI_AGGREGATE_VAR_SAMP &&
           aggregate->kind <= WENDI_AGGREGATE_STDDEV_POP;
}

static bool is_extreme(const wendi_aggregate *aggregate)
{
    return aggregate->kind >= WENDI_AGGREGATE_MIN && aggregate->kind <= WENDI_AGGREGATE_BOOL_OR;
}

wend_status wendi_aggregate_state_open(wendi_query_context *context,
                                       const wendi_aggregate *aggregate,
                                       wendi_aggregate_state **state_out, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_aggregate_state *state = wendi_alloc_zero(1, sizeof *state);

    *state_out = NULL;
    if (state == NULL) {
        return wendi_fail_nomem(error, "an aggregate", sizeof *state);
    }
    state->context = context;
    state->aggregate = aggregate;
    if (aggregate->arg != NULL) {
        wendi_type type = aggregate->arg->type;
        wendi_type pair[2] = {wendi_type_of(WENDI_TYPE_BIGINT), type};
        state->physical = (uint8_t)wendi_type_physical(type);
        if (aggregate->distinct) {
            bool alone = aggregate->kind == WENDI_AGGREGATE_COUNT; /* see uses_pairs() */
            WEND_TRY(wendi_group_table_open(context, alone ? &type : pair, alone ? 1 : 2,
                                            &state->distinct, error));
        }
        if (wendi_aggregate_is_ordered_set(aggregate)) {
            WEND_TRY(wendi_rows_init(&state->collected, context, aggregate->name, &type, 1, error));
        }
    }
    *state_out = state;
    state = NULL;
cleanup:
    wendi_aggregate_state_close(state);
    return status;
}

void wendi_aggregate_state_close(wendi_aggregate_state *state)
{
    if (state == NULL) {
        return;
    }
    for (uint32_t i = 0; i < state->group_count; i++) {
        if (state->exact != NULL) {
            wendi_exact_sum_free(&state->exact[i]);
        }
        if (state->squares != NULL) {
            wendi_exact_sum_free(&state->squares[i]);
        }
    }
    wendi_free(state->counts);
    wendi_free(state->sums);
    wendi_free(state->exact);
    wendi_free(state->squares);
    wendi_free(state->values);
    wendi_free(state->strings);
    wendi_arena_free(&state->arena);
    wendi_rows_free(&state->collected);
    wendi_free(state->collected_groups);
    wendi_group_table_close(state->distinct);
    wendi_free(state->pairs);
    wendi_free(state->group_keys);
    wendi_free(state->group_ids);
    wendi_query_unreserve(state->context, state->reserved_bytes);
    wendi_free(state);
}

wend_status wendi_aggregate_take(wendi_aggregate_state *state, void **array, size_t each,
                                 uint32_t old_capacity, uint32_t capacity, wend_error *error)
{
    size_t bytes = (size_t)capacity * each;
    size_t old_bytes = (size_t)old_capacity * each;
    wend_status status =
        wendi_query_reserve(state->context, bytes - old_bytes, "aggregation", error);

    if (status != WEND_OK) {
        return status;
    }
    state->reserved_bytes += bytes - old_bytes;
    /* Sums in 128 bits want their alignment, which a plain reallocation gives on the platforms
     * served. */
    char *grown = wendi_realloc(*array, bytes);
    if (grown == NULL) {
        return wendi_fail_nomem(error, "aggregation", bytes);
    }
    memset(grown + old_bytes, 0, bytes - old_bytes);
    *array = grown;
    return WEND_OK;
}

#define GROW(field)                                                                                \
    do {                                                                                           \
        void *memory_ = state->field;                                                              \
        WEND_TRY(wendi_aggregate_take(state, &memory_, sizeof *state->field,                       \
                                      state->group_capacity, capacity, error));                    \
        state->field = memory_;                                                                    \
    } while (0)

wend_status wendi_aggregate_state_grow(wendi_aggregate_state *state, uint32_t group_count,
                                       wend_error *error)
{
    wend_status status = WEND_OK;
    const wendi_aggregate *aggregate = state->aggregate;

    if (group_count > state->group_capacity) {
        uint32_t capacity = state->group_capacity * 2;
        capacity = capacity < group_count ? group_count : capacity;
        capacity = capacity < 64 ? 64 : capacity;
        bool sums =
            aggregate->kind == WENDI_AGGREGATE_SUM || aggregate->kind == WENDI_AGGREGATE_AVG;
        GROW(counts);
        if (sums && state->physical != WENDI_PHYSICAL_F64) {
            GROW(sums);
        }
        if ((sums && state->physical == WENDI_PHYSICAL_F64) || is_variance(aggregate)) {
            GROW(exact);
        }
        if (is_variance(aggregate)) {
            GROW(squares);
        }
        if (is_extreme(aggregate) && state->physical == WENDI_PHYSICAL_STRING) {
            GROW(strings);
        } else if (is_extreme(aggregate)) {
            GROW(values);
        }
        state->group_capacity = capacity;
    }
    state->group_count = group_count > state->group_count ? group_count : state->group_count;
cleanup:
    return status;
}

wend_status wendi_aggregate_state_update(wendi_aggregate_state *state, const uint32_t *groups,
                                         const wendi_selection *selection, const wendi_vector *arg,
                                         wend_error *error)
{
    if (wendi_aggregate_uses_pairs(state)) {
        return wendi_aggregate_pairs(state, groups, selection, arg, error);
    }
    if (state->distinct != NULL) {
        return wendi_aggregate_distinct(state, groups, selection, arg, error);
    }
    if (wendi_aggregate_is_ordered_set(state->aggregate)) {
        return wendi_aggregate_collect(state, groups, selection, arg, error);
    }
    return wendi_aggregate_update_plain(state, groups, selection, arg, error);
}

void wendi_aggregate_state_count(wendi_aggregate_state *state, uint32_t group, uint64_t count)
{
    state->counts[group] += (int64_t)count;
}

/* ---- merging ---- */

static wend_status out_of_range(wend_error *error)
{
    return wendi_fail(error, WEND_INVALID,
                      "numeric value out of range: a sum needs more than 38 digits");
}

static wend_status merge_value(wendi_aggregate_state *state, uint32_t to,
                               const wendi_aggregate_state *other, uint32_t from, wend_error *error)
{
    uint32_t row = 0;
    wendi_selection one = {&row, 1};
    wendi_vector vector = {
        .type = state->aggregate->arg->type, .form = WENDI_FORM_CONSTANT, .row_count = 1};
    wendi_string text;

    if (other->counts[from] == 0) {
        return WEND_OK;
    }
    if (other->strings != NULL) {
        text = (wendi_string){other->strings[from].data, other->strings[from].length};
        vector.strings = &text;
    } else {
        vector.data = &other->values[from];
    }
    return wendi_aggregate_update_plain(state, &to, &one, &vector, error);
}

static wend_status merge_group(wendi_aggregate_state *state, uint32_t to,
                               const wendi_aggregate_state *other, uint32_t from, wend_error *error)
{
    if (is_extreme(state->aggregate)) {
        return merge_value(state, to, other, from, error);
    }
    state->counts[to] += other->counts[from];
    if (state->sums != NULL &&
        __builtin_add_overflow(state->sums[to], other->sums[from], &state->sums[to])) {
        return out_of_range(error);
    }
    if (state->exact != NULL &&
        wendi_exact_sum_merge(&state->exact[to], &other->exact[from]) != WEND_OK) {
        return wendi_fail_nomem(error, "aggregation", 0);
    }
    if (state->squares != NULL &&
        wendi_exact_sum_merge(&state->squares[to], &other->squares[from]) != WEND_OK) {
        return wendi_fail_nomem(error, "aggregation", 0);
    }
    return WEND_OK;
}

wend_status wendi_aggregate_state_merge(wendi_aggregate_state *state, wendi_aggregate_state *other,
                                        const uint32_t *map, uint32_t other_group_count,
                                        wend_error *error)
{
    wend_status status = WEND_OK;

    if (wendi_aggregate_uses_pairs(state)) {
        return wendi_aggregate_pairs_merge(state, other, map, error);
    }
    if (state->distinct != NULL) {
        return wendi_aggregate_distinct_merge(state, other, map, error);
    }
    if (wendi_aggregate_is_ordered_set(state->aggregate)) {
        return wendi_aggregate_collect_merge(state, other, map, error);
    }
    for (uint32_t i = 0; i < other_group_count && i < other->group_count; i++) {
        WEND_TRY(merge_group(state, map[i], other, i, error));
    }
cleanup:
    return status;
}

/* ---- results ---- */

static void put_numeric(wendi_value *value, wendi_int128 number)
{
    if (wendi_type_physical(value->type) == WENDI_PHYSICAL_B16) {
        memcpy(&value->b16, &number, sizeof number);
    } else {
        value->i64 = (int64_t)number;
    }
}

static wend_status finish_sum(const wendi_aggregate_state *state, uint32_t group,
                              wendi_value *value, wend_error *error)
{
    wend_status status = WEND_OK;

    if (state->exact != NULL) {
        if (wendi_exact_sum_value(&state->exact[group], &value->f64, NULL) != WEND_OK) {
            return wendi_fail_nomem(error, "aggregation", 0);
        }
        if (value->type.kind == WENDI_TYPE_REAL) {
            value->f64 = (double)(float)value->f64;
        }
        return WEND_OK;
    }
    wendi_int128 sum = state->sums[group];
    if (value->type.kind == WENDI_TYPE_BIGINT) {
        if (sum > INT64_MAX || sum < INT64_MIN) {
            return wendi_fail(error, WEND_INVALID, "bigint out of range in sum()");
        }
        value->i64 = (int64_t)sum;
        return WEND_OK;
    }
    if (!wendi_numeric_fits(sum, WENDI_NUMERIC_PRECISION_MAX)) {
        WEND_TRY(out_of_range(error));
    }
    put_numeric(value, sum);
cleanup:
    return status;
}

static wend_status finish_avg(const wendi_aggregate_state *state, uint32_t group,
                              wendi_value *value, wend_error *error)
{
    int64_t count = state->counts[group];
    wendi_type type = state->aggregate->arg->type;

    if (state->exact != NULL) {
        if (wendi_exact_sum_value(&state->exact[group], &value->f64, NULL) != WEND_OK) {
            return wendi_fail_nomem(error, "aggregation", 0);
        }
        value->f64 /= (double)count;
        return WEND_OK;
    }
    uint32_t scale = type.kind == WENDI_TYPE_NUMERIC ? type.scale : 0;
    wendi_int128 mean = 0;
    if (!wendi_numeric_divide(state->sums[group], scale, count, 0, value->type.scale, &mean)) {
        return out_of_range(error);
    }
    put_numeric(value, mean);
    return WEND_OK;
}

/* (n * sum(x^2) - sum(x)^2) / (n * (n or n-1)), from exact sums in more than twice a double's
 * digits. */
static wend_status finish_variance(const wendi_aggregate_state *state, uint32_t group,
                                   wendi_value *value, wend_error *error)
{
    const wendi_aggregate *aggregate = state->aggregate;
    bool sample = aggregate->kind == WENDI_AGGREGATE_VAR_SAMP ||
                  aggregate->kind == WENDI_AGGREGATE_STDDEV_SAMP;
    bool root = aggregate->kind == WENDI_AGGREGATE_STDDEV_SAMP ||
                aggregate->kind == WENDI_AGGREGATE_STDDEV_POP;
    int64_t count = state->counts[group];
    double sum, sum_rest, square, square_rest;

    if (sample && count < 2) {
        value->null = true;
        return WEND_OK;
    }
    if (wendi_exact_sum_value(&state->exact[group], &sum, &sum_rest) != WEND_OK ||
        wendi_exact_sum_value(&state->squares[group], &square, &square_rest) != WEND_OK) {
        return wendi_fail_nomem(error, "aggregation", 0);
    }
    if (!isfinite(sum) || !isfinite(square)) {
        value->f64 = (double)NAN;
        return WEND_OK;
    }
    wide_float n = (wide_float)count;
    wide_float x = (wide_float)sum + (wide_float)sum_rest;
    wide_float xx = (wide_float)square + (wide_float)square_rest;
    wide_float top = n * xx - x * x;
    double variance = top <= 0 ? 0.0 : (double)(top / (n * (sample ? n - 1 : n)));
    value->f64 = root ? sqrt(variance) : variance;
    return WEND_OK;
}

static wend_status finish_group(const wendi_aggregate_state *state, uint32_t group,
                                wendi_value *value, wend_error *error)
{
    const wendi_aggregate *aggregate = state->aggregate;
    int64_t count = state->counts[group];

    if (aggregate->kind <= WENDI_AGGREGATE_COUNT) {
        value->i64 = count;
        return WEND_OK;
    }
    if (count == 0) {
        value->null = true;
        return WEND_OK;
    }
    if (aggregate->kind == WENDI_AGGREGATE_SUM) {
        return finish_sum(state, group, value, error);
    }
    if (aggregate->kind == WENDI_AGGREGATE_AVG) {
        return finish_avg(state, group, value, error);
    }
    if (is_variance(aggregate)) {
        return finish_variance(state, group, value, error);
    }
    if (state->strings != NULL) {
        value->string = (wendi_string){state->strings[group].data, state->strings[group].length};
    } else {
        memcpy(&value->b16, &state->values[group], sizeof value->b16);
    }
    return WEND_OK;
}

wend_status wendi_aggregate_state_finish(wendi_aggregate_state *state, uint32_t group_count,
                                         wendi_rows *rows, uint32_t column, wend_error *error)
{
    wend_status status = WEND_OK;

    WEND_TRY(wendi_aggregate_state_grow(state, group_count, error));
    if (wendi_aggregate_is_ordered_set(state->aggregate)) {
        return wendi_aggregate_collect_finish(state, group_count, rows, column, error);
    }
    if (wendi_aggregate_uses_pairs(state)) {
        wendi_aggregate_pairs_finish(state);
    } else if (state->distinct != NULL) {
        WEND_TRY(wendi_aggregate_distinct_finish(state, error));
    }
    for (uint32_t group = 0; group < group_count; group++) {
        wendi_value value = {.type = state->aggregate->type};
        WEND_TRY(finish_group(state, group, &value, error));
        WEND_TRY(wendi_rows_set(rows, group, column, &value, error));
    }
cleanup:
    return status;
}
