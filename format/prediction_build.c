/*
 * Building a prediction over all rows of a row group: for every key the number that most of its rows have
 * (one pass of Boyer and Moore's majority vote), then what remains of each row.
 *
 * Keys of two determinants make a grid, most of which no row has. Such places, and with them the grid's
 * regularity that compression lives on, are filled with what the row's first determinant alone says if that
 * never differs, else with what the second says.
 */
#include "format/prediction.h"

#include <stdlib.h>

#include "engine/base/alloc.h"

enum { LIST_COUNT_MIN = 3 };

/** What a key's rows voted for so far: number and votes stand together, as every row looks at both. */
typedef struct ballot {
    uint64_t number;
    int64_t votes; /* 0: nobody voted, or they cancelled out */
} ballot;

typedef struct ballots {
    ballot *at;
    uint32_t room;
} ballots;

struct wendi_prediction_builder {
    ballots keys;
    ballots second; /* two determinants: by the second alone */
    uint64_t *map;
    uint32_t map_room;
    uint64_t *list;
    uint32_t *counts; /* by code, of exceptions; then ranks */
    uint32_t code_room;
    void *residuals; /* int64_t; uint32_t of text */
    uint32_t *exceptions; /* rows that are not as predicted */
    uint32_t exception_count;
    wendi_prediction_built built;
};

wend_status wendi_prediction_builder_new(wendi_prediction_builder **builder_out)
{
    wendi_prediction_builder *builder = wendi_alloc_zero(1, sizeof *builder);
    *builder_out = builder;
    if (builder == NULL) {
        return WEND_NOMEM;
    }
    builder->residuals = wendi_alloc((size_t)WENDI_ROW_GROUP_ROWS_MAX * sizeof(int64_t));
    builder->list = wendi_alloc(WENDI_PREDICTION_LIST_MAX * sizeof *builder->list);
    builder->exceptions = wendi_alloc(((size_t)WENDI_ROW_GROUP_ROWS_MAX + 1) * sizeof *builder->exceptions);
    if (builder->residuals == NULL || builder->list == NULL || builder->exceptions == NULL) {
        wendi_prediction_builder_free(builder);
        *builder_out = NULL;
        return WEND_NOMEM;
    }
    return WEND_OK;
}

void wendi_prediction_builder_free(wendi_prediction_builder *builder)
{
    if (builder == NULL) {
        return;
    }
    wendi_free(builder->keys.at);
    wendi_free(builder->second.at);
    wendi_free(builder->map);
    wendi_free(builder->exceptions);
    wendi_free(builder->list);
    wendi_free(builder->counts);
    wendi_free(builder->residuals);
    wendi_free(builder);
}

static wend_status open_ballots(ballots *votes, uint32_t count)
{
    if (count > votes->room) {
        wendi_free(votes->at);
        votes->room = 0;
        votes->at = wendi_alloc((size_t)count * sizeof *votes->at);
        if (votes->at == NULL) {
            return WEND_NOMEM;
        }
        votes->room = count;
    }
    memset(votes->at, 0, (size_t)count * sizeof *votes->at);
    return WEND_OK;
}

/*
 * `votes` votes for a number: for the one that leads, or against it, and when they outweigh it they lead. Rows agree
 * and differ at random, so it is all arithmetic: compilers make branches of anything else.
 */
static inline ballot cast(ballot of, uint64_t number, int64_t votes)
{
    const int64_t against = -(int64_t)(of.number != number);
    const int64_t sum = of.votes + ((votes ^ against) - against);
    const uint64_t outweighed = (uint64_t)-(int64_t)(of.votes < votes);
    of.number ^= (of.number ^ number) & outweighed;
    of.votes = sum < 0 ? -sum : sum;
    return of;
}

/** What the passes over the rows share. */
typedef struct build {
    wendi_prediction_builder *builder;
    const wendi_prediction_column *target;
    const wendi_prediction_rule *rule;
    const uint32_t *codes[WENDI_PREDICTION_DETERMINANTS_MAX];
    uint32_t entries[WENDI_PREDICTION_DETERMINANTS_MAX]; /* 1 where there is no determinant */
    uint32_t row_count;
} build;

/* Keys of `count` rows, a vector's: the determinant's own codes where they are, else in `space`. */
static const uint32_t *keys_at(const build *work, uint32_t first, uint32_t count, uint32_t *space)
{
    const uint32_t lag = work->rule->row_before; /* the vector's first row has none before it: key 0 */
    if (work->codes[0] == NULL) {
        memset(space, 0, count * sizeof *space);
        return space;
    }
    const uint32_t *codes = work->codes[0] + first;
    if (work->codes[1] == NULL && lag == 0) {
        return codes;
    }
    space[0] = 0;
    if (work->codes[1] == NULL) {
        memcpy(space + 1, codes, (count - 1) * sizeof *space);
    } else {
        wendi_kernels_get()->pair_keys_u32(codes, work->codes[1] + first, work->entries[1], count - lag, space + lag);
    }
    return space;
}

static void numbers_at(const build *work, uint32_t first, uint32_t count, uint64_t *numbers)
{
    const wendi_prediction_column *target = work->target;
    if (target->codes != NULL) {
        wendi_kernels_get()->widen_u32(target->codes + first, count, numbers);
        return;
    }
    const uint64_t below = (uint64_t)target->base - 1;
    for (uint32_t i = 0; i < count; i++) {
        numbers[i] = (uint64_t)target->values[first + i] - below;
    }
    for (uint32_t i = 0; i < count && target->nulls != NULL; i++) {
        numbers[i] &= (uint64_t)(target->nulls[first + i] != 0) - 1;
    }
}

static uint32_t vector_rows(const build *work, uint32_t first)
{
    return work->row_count - first < WENDI_VECTOR_ROWS ? work->row_count - first : WENDI_VECTOR_ROWS;
}

/* Keys stay for many rows, as users do, and rows agree: a ballot is put down when another is taken up. */
static void vote_by_runs(ballot *at, const uint32_t *keys, const uint64_t *numbers, uint32_t count)
{
    uint32_t key = keys[0];
    ballot held = at[key];
    for (uint32_t i = 0; i < count; i++) {
        if (keys[i] != key) {
            at[key] = held;
            key = keys[i];
            held = at[key];
        } else if (numbers[i] == held.number) {
            held.votes++;
            continue;
        }
        held = cast(held, numbers[i], 1);
    }
    at[key] = held;
}

/* Keys jump about: no row waits for the one before. */
static void vote_by_rows(ballot *at, const uint32_t *keys, const uint64_t *numbers, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        at[keys[i]] = cast(at[keys[i]], numbers[i], 1);
    }
}

static void vote(const build *work)
{
    uint32_t space[WENDI_VECTOR_ROWS];
    uint64_t numbers[WENDI_VECTOR_ROWS];
    ballot *at = work->builder->keys.at;
    for (uint32_t first = 0; first < work->row_count; first += WENDI_VECTOR_ROWS) {
        const uint32_t count = vector_rows(work, first);
        const uint32_t *keys = keys_at(work, first, count, space);
        numbers_at(work, first, count, numbers);
        if (wendi_kernels_get()->changes_u32(keys, count) < count / 4) {
            vote_by_runs(at, keys, numbers, count);
        } else {
            vote_by_rows(at, keys, numbers, count);
        }
    }
}

/* Does every key of the grid's row that has votes say the same? Then *number is it. */
static bool row_is_constant(const ballot *row, uint32_t count, uint64_t *number)
{
    bool any = false;
    for (uint32_t i = 0; i < count; i++) {
        if (row[i].votes == 0) {
            continue;
        }
        if (any && row[i].number != *number) {
            return false;
        }
        *number = row[i].number;
        any = true;
    }
    return any;
}

/* The second determinant alone says what the grid's places that have it agree on, by their votes. */
static void fill_grid(const build *work)
{
    const uint32_t seconds = work->entries[1];
    ballot *second = work->builder->second.at;
    ballot *end = work->builder->keys.at + (size_t)work->entries[0] * seconds;
    for (ballot *row = work->builder->keys.at; row < end; row += seconds) {
        for (uint32_t i = 0; i < seconds; i++) {
            if (row[i].votes != 0) {
                second[i] = cast(second[i], row[i].number, row[i].votes);
            }
        }
    }
    for (ballot *row = work->builder->keys.at; row < end; row += seconds) {
        uint64_t number = 0;
        bool constant = row_is_constant(row, seconds, &number);
        for (uint32_t i = 0; i < seconds; i++) {
            if (row[i].votes == 0) {
                row[i].number = constant ? number : second[i].number;
            }
        }
    }
}

/* What the keys say, without the votes. */
static wend_status take_map(wendi_prediction_builder *builder, uint32_t count)
{
    if (count > builder->map_room) {
        wendi_free(builder->map);
        builder->map_room = 0;
        builder->map = wendi_alloc((size_t)count * sizeof *builder->map);
        if (builder->map == NULL) {
            return WEND_NOMEM;
        }
        builder->map_room = count;
    }
    for (uint32_t key = 0; key < count; key++) {
        builder->map[key] = builder->keys.at[key].number;
    }
    return WEND_OK;
}

static wend_status reserve_codes(wendi_prediction_builder *builder, uint32_t count)
{
    if (count > builder->code_room) {
        wendi_free(builder->counts);
        builder->code_room = 0;
        builder->counts = wendi_alloc((size_t)count * sizeof *builder->counts);
        if (builder->counts == NULL) {
            return WEND_NOMEM;
        }
        builder->code_room = count;
    }
    memset(builder->counts, 0, (size_t)count * sizeof *builder->counts);
    return WEND_OK;
}

/*
 * Residuals of a vector without a list: 0 or number + 1; rows that have one are added to the exceptions. What is none is
 * written over by the next, so that no branch waits.
 */
#define TAKE_RESIDUALS(type, number)                                                               \
    do {                                                                                           \
        type *residuals = (type *)builder->residuals + first;                                      \
        for (uint32_t i = 0; i < count; i++) {                                                     \
            const bool predicted = builder->map[keys[i]] == (number);                              \
            residuals[i] = (type)(((number) + 1) & ((type)predicted - 1));                         \
            builder->exceptions[found] = first + i;                                                \
            found += !predicted;                                                                   \
        }                                                                                          \
    } while (0)

static void take_residuals(const build *work)
{
    wendi_prediction_builder *builder = work->builder;
    uint32_t space[WENDI_VECTOR_ROWS];
    uint64_t numbers[WENDI_VECTOR_ROWS];
    uint32_t found = 0;
    for (uint32_t first = 0; first < work->row_count; first += WENDI_VECTOR_ROWS) {
        const uint32_t count = vector_rows(work, first);
        const uint32_t *keys = keys_at(work, first, count, space);
        if (work->target->codes != NULL) {
            const uint32_t *codes = work->target->codes + first;
            TAKE_RESIDUALS(uint32_t, codes[i]);
        } else {
            numbers_at(work, first, count, numbers);
            TAKE_RESIDUALS(uint64_t, numbers[i]);
        }
    }
    builder->exception_count = found;
}

int wendi_prediction_by_number(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

/*
 * Frequent exceptions first, the list's order: sorted by (-count, code), both in one number. `counts` becomes
 * the rank of each code plus 1, 0 for those that are not listed.
 */
static void rank_exceptions(const build *work)
{
    wendi_prediction_builder *builder = work->builder;
    uint32_t *residuals = builder->residuals;
    uint32_t listed = 0;
    for (uint32_t i = 0; i < builder->exception_count; i++) {
        builder->counts[residuals[builder->exceptions[i]] - 1]++;
    }
    for (uint32_t code = 0; code < work->target->code_count; code++) {
        if (builder->counts[code] >= LIST_COUNT_MIN && listed < WENDI_PREDICTION_LIST_MAX) {
            builder->list[listed++] = (uint64_t)(UINT32_MAX - builder->counts[code]) << 32 | code;
        }
    }
    qsort(builder->list, listed, sizeof *builder->list, wendi_prediction_by_number);
    memset(builder->counts, 0, work->target->code_count * sizeof *builder->counts);
    for (uint32_t i = 0; i < listed; i++) {
        builder->list[i] &= UINT32_MAX;
        builder->counts[builder->list[i]] = i + 1;
    }
    for (uint32_t i = 0; i < builder->exception_count; i++) {
        uint32_t *residual = &residuals[builder->exceptions[i]];
        uint32_t rank = builder->counts[*residual - 1];
        *residual = rank != 0 ? rank : *residual + listed;
    }
    builder->built.list_count = listed;
}

wend_status wendi_prediction_build(wendi_prediction_builder *builder, const wendi_prediction_column *columns,
                                   uint32_t column, const wendi_prediction_rule *rule, uint32_t row_count,
                                   const wendi_prediction_built **built_out)
{
    wend_status status = WEND_OK;
    build work = {.builder = builder, .target = &columns[column], .rule = rule, .row_count = row_count,
                  .entries = {1, 1}};
    for (uint32_t d = 0; d < rule->determinant_count; d++) {
        const wendi_prediction_column *determinant = &columns[rule->determinants[d]];
        work.codes[d] = determinant->codes != NULL ? determinant->codes : determinant->own_codes;
        work.entries[d] = columns[rule->determinants[d]].code_count;
    }
    uint32_t map_count = work.entries[0] * work.entries[1];
    WEND_TRY(open_ballots(&builder->keys, map_count));
    WEND_TRY(open_ballots(&builder->second, work.entries[1]));
    WEND_TRY(reserve_codes(builder, work.target->code_count + 1));
    vote(&work);
    if (rule->determinant_count == 2) {
        fill_grid(&work);
    }
    WEND_TRY(take_map(builder, map_count));
    builder->built = (wendi_prediction_built){.map = builder->map, .map_count = map_count,
                                              .list = builder->list};
    take_residuals(&work);
    if (work.target->codes != NULL) {
        rank_exceptions(&work);
        builder->built.code_residuals = builder->residuals;
    } else {
        builder->built.residuals = builder->residuals;
    }
    *built_out = &builder->built;
cleanup:
    return status;
}
