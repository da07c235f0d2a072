/*
 * DISTINCT: each (group, value) is kept once and fed to the plain aggregate at the end. count()
 * does not need the values again, so they are numbered and pairs of numbers are kept, eight bytes
 * each; without groups there is nothing to keep but the values.
 */
#include "query/aggregate_internal.h"

#include <string.h>

#include "engine/base/alloc.h"

static const uint64_t PAIR_FREE = UINT64_MAX;
enum { PAIR_SLOTS_FIRST = 4096, PREFETCH_AHEAD = 24 };

uint32_t wendi_aggregate_present(const wendi_selection *selection, const wendi_vector *arg,
                                 uint32_t *indices)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < selection->count; i++) {
        uint32_t row = selection->indices != NULL ? selection->indices[i] : i;
        indices[count] = row;
        count += !wendi_vector_is_null(arg, row);
    }
    return count;
}

wend_status wendi_aggregate_scratch(wendi_aggregate_state *state, wend_error *error)
{
    wend_status status = WEND_OK;
    void *memory = NULL;

    if (state->group_keys == NULL) {
        WEND_TRY(
            wendi_aggregate_take(state, &memory, sizeof(int64_t), 0, WENDI_PAGE_ROWS + 8, error));
        state->group_keys = memory;
    }
    if (state->group_ids == NULL) {
        memory = NULL;
        WEND_TRY(
            wendi_aggregate_take(state, &memory, 2 * sizeof(uint32_t), 0, WENDI_PAGE_ROWS, error));
        state->group_ids = memory;
    }
cleanup:
    return status;
}

/* ---- pairs ---- */

static void place_pair(uint64_t *slots, uint32_t mask, uint64_t pair)
{
    uint32_t at = (uint32_t)wendi_mix64(pair) & mask;

    while (slots[at] != PAIR_FREE) {
        at = (at + 1) & mask;
    }
    slots[at] = pair;
}

/* Room for `more` pairs at a load of at most one half. */
static wend_status pair_room(wendi_aggregate_state *state, uint32_t more, wend_error *error)
{
    uint64_t wanted = ((uint64_t)state->pair_count + more) * 2;
    uint64_t slots = state->pair_slots == 0 ? PAIR_SLOTS_FIRST : state->pair_slots;

    while (slots < wanted) {
        slots *= 2;
    }
    if (slots == state->pair_slots) {
        return WEND_OK;
    }
    if (slots > UINT32_MAX) {
        return wendi_fail(error, WEND_NOMEM,
                          "count(distinct) over more than a billion pairs of group and value");
    }
    uint64_t bytes = (slots - state->pair_slots) * sizeof(uint64_t);
    wend_status status = wendi_query_reserve(state->context, bytes, "count(distinct)", error);
    if (status != WEND_OK) {
        return status;
    }
    state->reserved_bytes += bytes;
    uint64_t *grown = wendi_alloc((size_t)slots * sizeof *grown);
    if (grown == NULL) {
        return wendi_fail_nomem(error, "count(distinct)", (size_t)slots * sizeof *grown);
    }
    memset(grown, 0xff, (size_t)slots * sizeof *grown);
    for (uint32_t i = 0; i < state->pair_slots; i++) {
        if (state->pairs[i] != PAIR_FREE) {
            place_pair(grown, (uint32_t)slots - 1, state->pairs[i]);
        }
    }
    wendi_free(state->pairs);
    state->pairs = grown;
    state->pair_slots = (uint32_t)slots;
    return WEND_OK;
}

static void add_pair(wendi_aggregate_state *state, uint64_t pair)
{
    uint32_t mask = state->pair_slots - 1;
    uint32_t at = (uint32_t)wendi_mix64(pair) & mask;

    while (state->pairs[at] != PAIR_FREE && state->pairs[at] != pair) {
        at = (at + 1) & mask;
    }
    state->pair_count += state->pairs[at] == PAIR_FREE;
    state->pairs[at] = pair;
}

wend_status wendi_aggregate_pairs(wendi_aggregate_state *state, const uint32_t *groups,
                                  const wendi_selection *selection, const wendi_vector *arg,
                                  wend_error *error)
{
    wend_status status = WEND_OK;
    uint64_t previous = PAIR_FREE;

    WEND_TRY(wendi_aggregate_scratch(state, error));
    uint32_t *indices = state->group_ids;
    uint32_t *values = state->group_ids + WENDI_PAGE_ROWS;
    wendi_selection present = {indices, wendi_aggregate_present(selection, arg, indices)};
    WEND_TRY(wendi_group_table_assign(state->distinct, arg, &present, values, error));
    if (groups == NULL) {
        return WEND_OK; /* One group: the number of values is the answer. */
    }
    WEND_TRY(pair_room(state, present.count, error));
    uint64_t *pairs = (uint64_t *)(void *)state->group_keys;
    uint32_t count = 0;
    for (uint32_t i = 0; i < present.count; i++) {
        uint32_t row = indices[i];
        uint64_t pair = (uint64_t)groups[row] << 32 | values[row];
        pairs[count] = pair;
        count += pair != previous; /* Rows come by user: the same pair often follows itself. */
        previous = pair;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (i + PREFETCH_AHEAD < count) {
            __builtin_prefetch(
                &state->pairs[wendi_mix64(pairs[i + PREFETCH_AHEAD]) & (state->pair_slots - 1)], 1);
        }
        add_pair(state, pairs[i]);
    }
cleanup:
    return status;
}

wend_status wendi_aggregate_pairs_merge(wendi_aggregate_state *state,
                                        const wendi_aggregate_state *other, const uint32_t *map,
                                        wend_error *error)
{
    wend_status status = WEND_OK;
    uint32_t count = wendi_group_table_count(other->distinct);
    uint32_t *values = wendi_alloc((size_t)count * sizeof *values);

    if (values == NULL) {
        return wendi_fail_nomem(error, "count(distinct)", (size_t)count * sizeof *values);
    }
    WEND_TRY(wendi_group_table_merge(state->distinct, other->distinct, values, error));
    if (other->pair_count > 0) {
        WEND_TRY(pair_room(state, other->pair_count, error));
    }
    for (uint32_t i = 0; i < other->pair_slots; i++) {
        if (other->pairs[i] != PAIR_FREE) {
            uint64_t pair = other->pairs[i];
            add_pair(state, (uint64_t)map[pair >> 32] << 32 | values[pair & UINT32_MAX]);
        }
    }
cleanup:
    wendi_free(values);
    return status;
}

void wendi_aggregate_pairs_finish(wendi_aggregate_state *state)
{
    if (state->pair_slots == 0) {
        /* Either everything went to group 0 without pairs, or there were no rows at all. */
        if (state->group_count > 0) {
            state->counts[0] = wendi_group_table_count(state->distinct);
        }
        return;
    }
    for (uint32_t i = 0; i < state->pair_slots; i++) {
        if (state->pairs[i] != PAIR_FREE) {
            state->counts[state->pairs[i] >> 32]++;
        }
    }
}

/* ---- values of other functions ---- */

wend_status wendi_aggregate_distinct(wendi_aggregate_state *state, const uint32_t *groups,
                                     const wendi_selection *selection, const wendi_vector *arg,
                                     wend_error *error)
{
    wend_status status = WEND_OK;
    int64_t zero[8] = {0};
    wendi_vector keys[2] = {{.type = wendi_type_of(WENDI_TYPE_BIGINT), .row_count = arg->row_count},
                            *arg};

    WEND_TRY(wendi_aggregate_scratch(state, error));
    uint32_t *indices = state->group_ids;
    uint32_t *ids = state->group_ids + WENDI_PAGE_ROWS;
    wendi_selection present = {indices, wendi_aggregate_present(selection, arg, indices)};
    if (groups == NULL) {
        keys[0].form = WENDI_FORM_CONSTANT;
        keys[0].i64 = zero;
    } else {
        for (uint32_t i = 0; i < present.count; i++) {
            state->group_keys[indices[i]] = groups[indices[i]];
        }
        keys[0].i64 = state->group_keys;
    }
    WEND_TRY(wendi_group_table_assign(state->distinct, keys, &present, ids, error));
cleanup:
    return status;
}

/* All (group, value) pairs as rows. */
static wend_status distinct_rows(const wendi_aggregate_state *state, wendi_rows *rows,
                                 wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_type types[2] = {wendi_type_of(WENDI_TYPE_BIGINT), state->aggregate->arg->type};
    uint32_t count = wendi_group_table_count(state->distinct);

    WEND_TRY(wendi_rows_init(rows, state->context, "DISTINCT", types, 2, error));
    WEND_TRY(wendi_rows_reserve(rows, count, error));
    WEND_TRY(wendi_group_table_keys(state->distinct, rows, 0, error));
    rows->row_count = count;
cleanup:
    return status;
}

wend_status wendi_aggregate_distinct_merge(wendi_aggregate_state *state,
                                           const wendi_aggregate_state *other, const uint32_t *map,
                                           wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_rows rows = {0};
    wendi_vector vectors[2];

    WEND_TRY(wendi_aggregate_scratch(state, error));
    WEND_TRY(distinct_rows(other, &rows, error));
    for (uint32_t i = 0; i < rows.row_count; i++) {
        rows.columns[0].i64[i] = map[rows.columns[0].i64[i]];
    }
    for (uint32_t first = 0; first < rows.row_count; first += WENDI_PAGE_ROWS) {
        uint32_t count =
            rows.row_count - first < WENDI_PAGE_ROWS ? rows.row_count - first : WENDI_PAGE_ROWS;
        wendi_selection all = {NULL, count};
        wendi_rows_view(&rows, first, count, vectors, 2);
        WEND_TRY(wendi_group_table_assign(state->distinct, vectors, &all, state->group_ids, error));
    }
cleanup:
    wendi_rows_free(&rows);
    return status;
}

wend_status wendi_aggregate_distinct_finish(wendi_aggregate_state *state, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_rows rows = {0};
    wendi_vector vectors[2];

    WEND_TRY(wendi_aggregate_scratch(state, error));
    WEND_TRY(distinct_rows(state, &rows, error));
    for (uint32_t first = 0; first < rows.row_count; first += WENDI_PAGE_ROWS) {
        uint32_t count =
            rows.row_count - first < WENDI_PAGE_ROWS ? rows.row_count - first : WENDI_PAGE_ROWS;
        wendi_selection all = {NULL, count};
        wendi_rows_view(&rows, first, count, vectors, 2);
        for (uint32_t i = 0; i < count; i++) {
            state->group_ids[i] = (uint32_t)vectors[0].i64[i];
        }
        WEND_TRY(wendi_aggregate_update_plain(state, state->group_ids, &all, &vectors[1], error));
    }
cleanup:
    wendi_rows_free(&rows);
    return status;
}
