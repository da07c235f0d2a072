/* Taking rows in: one loop a function and physical type. */
#include "query/aggregate_internal.h"

#include <math.h>
#include <string.h>

#include "engine/base/alloc.h"

/* Walk the selected rows that are not null: `row` of the batch, `at` in the vector's arrays,
 * `group`. */
#define EACH_ROW(...)                                                                              \
    for (uint32_t i_ = 0; i_ < selection->count; i_++) {                                           \
        uint32_t row = selection->indices != NULL ? selection->indices[i_] : i_;                   \
        uint32_t at = constant ? 0 : row;                                                          \
        if (nulls != NULL && nulls[at] != 0) {                                                     \
            continue;                                                                              \
        }                                                                                          \
        uint32_t group = groups != NULL ? groups[row] : 0;                                         \
        __VA_ARGS__                                                                                \
    }

static void count_rows(wendi_aggregate_state *state, const uint32_t *groups,
                       const wendi_selection *selection)
{
    if (groups == NULL) {
        state->counts[0] += selection->count;
    } else if (selection->indices == NULL) {
        for (uint32_t i = 0; i < selection->count; i++) {
            state->counts[groups[i]]++;
        }
    } else {
        for (uint32_t i = 0; i < selection->count; i++) {
            state->counts[groups[selection->indices[i]]]++;
        }
    }
}

static void count_values(wendi_aggregate_state *state, const uint32_t *groups,
                         const wendi_selection *selection, const wendi_vector *arg)
{
    const uint8_t *nulls = arg->nulls;
    bool constant = arg->form == WENDI_FORM_CONSTANT;

    if (arg->form == WENDI_FORM_DICTIONARY) {
        for (uint32_t i = 0; i < selection->count; i++) {
            uint32_t row = selection->indices != NULL ? selection->indices[i] : i;
            state->counts[groups != NULL ? groups[row] : 0] += arg->codes[row] != 0;
        }
    } else if (nulls == NULL) {
        count_rows(state, groups, selection);
    } else {
        EACH_ROW({ state->counts[group]++; })
    }
}

/* A whole vector into one group: a 64-bit partial sum where it cannot overflow. */
static wend_status sum_flat(wendi_aggregate_state *state, const wendi_vector *arg, uint32_t count)
{
    wendi_int128 total = 0;

    for (uint32_t i = 0; i < count; i++) {
        total += arg->i64[i];
    }
    state->counts[0] += count;
    return __builtin_add_overflow(state->sums[0], total, &state->sums[0]) ? WEND_INVALID : WEND_OK;
}

/* The same with nulls, whose places hold any value. */
static wend_status sum_present(wendi_aggregate_state *state, const wendi_vector *arg,
                               const wendi_selection *selection)
{
    wendi_int128 total = 0;
    int64_t count = 0;

    for (uint32_t i = 0; i < selection->count; i++) {
        uint32_t at = selection->indices != NULL ? selection->indices[i] : i;
        bool present = arg->nulls == NULL || arg->nulls[at] == 0;
        total += arg->i64[at] & -(int64_t)present;
        count += present;
    }
    state->counts[0] += count;
    return __builtin_add_overflow(state->sums[0], total, &state->sums[0]) ? WEND_INVALID : WEND_OK;
}

static wend_status sum_whole(wendi_aggregate_state *state, const uint32_t *groups,
                             const wendi_selection *selection, const wendi_vector *arg,
                             wend_error *error)
{
    const uint8_t *nulls = arg->nulls;
    bool constant = arg->form == WENDI_FORM_CONSTANT;
    bool overflow = false;

    if (state->physical == WENDI_PHYSICAL_B16) {
        EACH_ROW({
            wendi_int128 value;
            memcpy(&value, &arg->b16[at], sizeof value);
            overflow |= __builtin_add_overflow(state->sums[group], value, &state->sums[group]);
            state->counts[group]++;
        })
    } else if (groups == NULL && selection->indices == NULL && !constant && nulls == NULL) {
        overflow = sum_flat(state, arg, selection->count) != WEND_OK;
    } else if (groups == NULL && !constant) {
        overflow = sum_present(state, arg, selection) != WEND_OK;
    } else {
        EACH_ROW({
            overflow |= __builtin_add_overflow(state->sums[group], (wendi_int128)arg->i64[at],
                                               &state->sums[group]);
            state->counts[group]++;
        })
    }
    return overflow ? wendi_fail(error, WEND_INVALID, "numeric value out of range in sum()")
                    : WEND_OK;
}

static wend_status sum_doubles(wendi_aggregate_state *state, const uint32_t *groups,
                               const wendi_selection *selection, const wendi_vector *arg,
                               wend_error *error)
{
    const uint8_t *nulls = arg->nulls;
    bool constant = arg->form == WENDI_FORM_CONSTANT;

    EACH_ROW({
        if (wendi_exact_sum_add(&state->exact[group], arg->f64[at]) != WEND_OK) {
            return wendi_fail_nomem(error, "aggregation", sizeof(wendi_exact_sum));
        }
        state->counts[group]++;
    })
    return WEND_OK;
}

/* x * x = high + low exactly; both go into the exact sum. */
static wend_status sum_squares(wendi_aggregate_state *state, const uint32_t *groups,
                               const wendi_selection *selection, const wendi_vector *arg,
                               wend_error *error)
{
    const uint8_t *nulls = arg->nulls;
    bool constant = arg->form == WENDI_FORM_CONSTANT;

    EACH_ROW({
        double value = arg->f64[at];
        double high = value * value;
        double low = isfinite(high) ? fma(value, value, -high) : 0.0;
        if (wendi_exact_sum_add(&state->squares[group], high) != WEND_OK ||
            wendi_exact_sum_add(&state->squares[group], low) != WEND_OK) {
            return wendi_fail_nomem(error, "aggregation", sizeof(wendi_exact_sum));
        }
    })
    return sum_doubles(state, groups, selection, arg, error);
}

wend_status wendi_aggregate_keep_string(wendi_aggregate_state *state, uint32_t group,
                                        wendi_string text, wend_error *error)
{
    kept_string *kept = &state->strings[group];

    if (text.length > kept->capacity || kept->data == NULL) {
        uint32_t capacity = 16;
        while (capacity < text.length) {
            capacity *= 2;
        }
        size_t before = state->arena.used_bytes;
        kept->data = wendi_arena_alloc(&state->arena, capacity);
        if (kept->data == NULL) {
            return wendi_fail_nomem(error, "aggregation", capacity);
        }
        kept->capacity = capacity;
        uint64_t more = state->arena.used_bytes - before;
        wend_status status = wendi_query_reserve(state->context, more, "aggregation", error);
        if (status != WEND_OK) {
            return status;
        }
        state->reserved_bytes += more;
    }
    if (text.length > 0) {
        memcpy(kept->data, text.data, text.length);
    }
    kept->length = text.length;
    return WEND_OK;
}

static wend_status extreme_strings(wendi_aggregate_state *state, const uint32_t *groups,
                                   const wendi_selection *selection, const wendi_vector *arg,
                                   wend_error *error)
{
    wend_status status = WEND_OK;
    int want = state->aggregate->kind == WENDI_AGGREGATE_MIN ? -1 : 1;

    for (uint32_t i = 0; i < selection->count; i++) {
        uint32_t row = selection->indices != NULL ? selection->indices[i] : i;
        if (wendi_vector_is_null(arg, row)) {
            continue;
        }
        uint32_t group = groups != NULL ? groups[row] : 0;
        wendi_string text = wendi_vector_string(arg, row);
        const kept_string *kept = &state->strings[group];
        int order = state->counts[group] == 0
                        ? want
                        : wendi_string_compare(text, (wendi_string){kept->data, kept->length});
        if ((order < 0 && want < 0) || (order > 0 && want > 0)) {
            WEND_TRY(wendi_aggregate_keep_string(state, group, text, error));
        }
        state->counts[group] = 1;
    }
cleanup:
    return status;
}

static void extreme_whole(wendi_aggregate_state *state, const uint32_t *groups,
                          const wendi_selection *selection, const wendi_vector *arg)
{
    const uint8_t *nulls = arg->nulls;
    bool constant = arg->form == WENDI_FORM_CONSTANT;
    /* false < true, so AND is the least and OR the greatest. */
    bool least = state->aggregate->kind == WENDI_AGGREGATE_MIN ||
                 state->aggregate->kind == WENDI_AGGREGATE_BOOL_AND;

    EACH_ROW({
        int64_t value = arg->i64[at];
        int64_t best = (int64_t)state->values[group].word[0];
        if (state->counts[group] == 0 || (least ? value < best : value > best)) {
            state->values[group].word[0] = (uint64_t)value;
        }
        state->counts[group] = 1;
    })
}

static void extreme_general(wendi_aggregate_state *state, const uint32_t *groups,
                            const wendi_selection *selection, const wendi_vector *arg)
{
    const uint8_t *nulls = arg->nulls;
    bool constant = arg->form == WENDI_FORM_CONSTANT;
    int want = state->aggregate->kind == WENDI_AGGREGATE_MIN ? -1 : 1;
    wendi_value value = {.type = arg->type};
    wendi_value best = {.type = arg->type};

    EACH_ROW({
        if (state->physical == WENDI_PHYSICAL_F64) {
            value.f64 = arg->f64[at];
        } else {
            value.b16 = arg->b16[at];
        }
        best.b16 = state->values[group];
        if (state->counts[group] == 0 || wendi_value_compare(&value, &best) * want > 0) {
            state->values[group] = (wendi_b16){
                {value.b16.word[0], state->physical == WENDI_PHYSICAL_F64 ? 0 : value.b16.word[1]}};
        }
        state->counts[group] = 1;
    })
}

wend_status wendi_aggregate_update_plain(wendi_aggregate_state *state, const uint32_t *groups,
                                         const wendi_selection *selection, const wendi_vector *arg,
                                         wend_error *error)
{
    switch (state->aggregate->kind) {
    case WENDI_AGGREGATE_COUNT_ROWS:
        count_rows(state, groups, selection);
        return WEND_OK;
    case WENDI_AGGREGATE_COUNT:
        count_values(state, groups, selection, arg);
        return WEND_OK;
    case WENDI_AGGREGATE_SUM:
    case WENDI_AGGREGATE_AVG:
        return state->physical == WENDI_PHYSICAL_F64
                   ? sum_doubles(state, groups, selection, arg, error)
                   : sum_whole(state, groups, selection, arg, error);
    case WENDI_AGGREGATE_VAR_SAMP:
    case WENDI_AGGREGATE_VAR_POP:
    case WENDI_AGGREGATE_STDDEV_SAMP:
    case WENDI_AGGREGATE_STDDEV_POP:
        return sum_squares(state, groups, selection, arg, error);
    default:
        break;
    }
    if (state->physical == WENDI_PHYSICAL_STRING) {
        return extreme_strings(state, groups, selection, arg, error);
    }
    if (state->physical == WENDI_PHYSICAL_I64) {
        extreme_whole(state, groups, selection, arg);
    } else {
        extreme_general(state, groups, selection, arg);
    }
    return WEND_OK;
}
