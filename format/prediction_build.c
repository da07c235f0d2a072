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

/** Votes for a number at each of `count` keys. */
typedef struct ballot {
    uint64_t *numbers;
    uint32_t *votes; /* 0: nobody voted, or they cancelled out */
    uint32_t room;
} ballot;

struct wendi_prediction_builder {
    ballot keys;
    ballot second;  /* two determinants: by the second alone */
    uint64_t *list;
    uint32_t *counts; /* by code, of exceptions; then ranks */
    uint32_t code_room;
    int64_t *residuals;
    wendi_prediction_built built;
};

wend_status wendi_prediction_builder_new(wendi_prediction_builder **builder_out)
{
    wendi_prediction_builder *builder = wendi_alloc_zero(1, sizeof *builder);
    *builder_out = builder;
    if (builder == NULL) {
        return WEND_NOMEM;
    }
    builder->residuals = wendi_alloc((size_t)WENDI_ROW_GROUP_ROWS_MAX * sizeof *builder->residuals);
    builder->list = wendi_alloc(WENDI_PREDICTION_LIST_MAX * sizeof *builder->list);
    if (builder->residuals == NULL || builder->list == NULL) {
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
    wendi_free(builder->keys.numbers);
    wendi_free(builder->keys.votes);
    wendi_free(builder->second.numbers);
    wendi_free(builder->second.votes);
    wendi_free(builder->list);
    wendi_free(builder->counts);
    wendi_free(builder->residuals);
    wendi_free(builder);
}

static wend_status open_ballot(ballot *votes, uint32_t count)
{
    if (count > votes->room) {
        wendi_free(votes->numbers);
        wendi_free(votes->votes);
        votes->room = 0;
        votes->numbers = wendi_alloc((size_t)count * sizeof *votes->numbers);
        votes->votes = wendi_alloc((size_t)count * sizeof *votes->votes);
        if (votes->numbers == NULL || votes->votes == NULL) {
            return WEND_NOMEM;
        }
        votes->room = count;
    }
    memset(votes->numbers, 0, (size_t)count * sizeof *votes->numbers);
    memset(votes->votes, 0, (size_t)count * sizeof *votes->votes);
    return WEND_OK;
}

static inline void cast(ballot *votes, uint32_t key, uint64_t number)
{
    if (votes->votes[key] == 0) {
        votes->numbers[key] = number;
        votes->votes[key] = 1;
    } else {
        votes->votes[key] += votes->numbers[key] == number ? 1u : UINT32_MAX;
    }
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

static void keys_at(const build *work, uint32_t first, uint32_t count, uint32_t *keys)
{
    if (work->codes[0] == NULL) {
        memset(keys, 0, count * sizeof *keys);
        return;
    }
    wendi_prediction_keys(work->rule, work->codes[0] + first, work->codes[1] == NULL ? NULL : work->codes[1] + first,
                          work->entries[1], count, keys);
}

static void vote(const build *work)
{
    uint32_t keys[WENDI_VECTOR_ROWS];
    for (uint32_t first = 0; first < work->row_count; first += WENDI_VECTOR_ROWS) {
        uint32_t count = work->row_count - first < WENDI_VECTOR_ROWS ? work->row_count - first : WENDI_VECTOR_ROWS;
        keys_at(work, first, count, keys);
        for (uint32_t i = 0; i < count; i++) {
            uint64_t number = wendi_prediction_number(work->target, first + i);
            cast(&work->builder->keys, keys[i], number);
            if (work->codes[1] != NULL) {
                cast(&work->builder->second, keys[i] % work->entries[1], number);
            }
        }
    }
}

/* Does every key of the grid's row `row` that has votes say the same? Then *number is it. */
static bool row_is_constant(const build *work, uint32_t row, uint64_t *number)
{
    const ballot *keys = &work->builder->keys;
    bool any = false;
    for (uint32_t i = row * work->entries[1]; i < (row + 1) * work->entries[1]; i++) {
        if (keys->votes[i] == 0) {
            continue;
        }
        if (any && keys->numbers[i] != *number) {
            return false;
        }
        *number = keys->numbers[i];
        any = true;
    }
    return any;
}

static void fill_grid(const build *work)
{
    ballot *keys = &work->builder->keys;
    for (uint32_t row = 0; row < work->entries[0]; row++) {
        uint64_t number = 0;
        bool constant = row_is_constant(work, row, &number);
        uint32_t begin = row * work->entries[1];
        for (uint32_t second = 0; second < work->entries[1]; second++) {
            if (keys->votes[begin + second] == 0) {
                keys->numbers[begin + second] = constant ? number : work->builder->second.numbers[second];
            }
        }
    }
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

/* Residuals without a list: 0 or number + 1. Exceptions of text are counted by code. */
static void take_residuals(const build *work)
{
    wendi_prediction_builder *builder = work->builder;
    uint32_t keys[WENDI_VECTOR_ROWS];
    for (uint32_t first = 0; first < work->row_count; first += WENDI_VECTOR_ROWS) {
        uint32_t count = work->row_count - first < WENDI_VECTOR_ROWS ? work->row_count - first : WENDI_VECTOR_ROWS;
        keys_at(work, first, count, keys);
        for (uint32_t i = 0; i < count; i++) {
            uint64_t number = wendi_prediction_number(work->target, first + i);
            bool predicted = builder->keys.numbers[keys[i]] == number;
            builder->residuals[first + i] = predicted ? 0 : (int64_t)(number + 1);
            if (work->target->codes != NULL) {
                builder->counts[number] += !predicted;
            }
        }
    }
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
    uint32_t listed = 0;
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
    for (uint32_t row = 0; row < work->row_count; row++) {
        int64_t residual = builder->residuals[row];
        if (residual != 0) {
            uint32_t rank = builder->counts[residual - 1];
            builder->residuals[row] = rank != 0 ? (int64_t)rank : residual + listed;
        }
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
    WEND_TRY(open_ballot(&builder->keys, map_count));
    WEND_TRY(open_ballot(&builder->second, work.entries[1]));
    WEND_TRY(reserve_codes(builder, work.target->code_count + 1));
    builder->built = (wendi_prediction_built){.map = builder->keys.numbers, .map_count = map_count,
                                              .list = builder->list, .residuals = builder->residuals};
    vote(&work);
    if (rule->determinant_count == 2) {
        fill_grid(&work);
    }
    take_residuals(&work);
    if (work.target->codes != NULL) {
        rank_exceptions(&work);
    }
    *built_out = &builder->built;
cleanup:
    return status;
}
