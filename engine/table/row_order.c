/*
 * Ordering rows by ranks: each distinct user is hashed and ranked once, rows are dealt to their
 * user by a counting sort, and each user's few rows are put in time order. Rows mostly arrive in
 * time order, so insertion does it; a long or unruly run is merged instead.
 */
#include "engine/table/row_order.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"

enum { INSERTION_RUN_MAX = 32 };

typedef struct ranked_user {
    uint64_t hash;
    uint32_t code; /* interner code, or any row that has the user */
} ranked_user;

typedef struct order_keys { /* what rows of one user are compared by */
    const int64_t *time;
    const uint8_t *time_nulls;
    const wendi_column_builder *order;
    const uint32_t *partitions;
} order_keys;

static int compare_keys(const order_keys *keys, uint32_t a, uint32_t b)
{
    if (keys->time != NULL) {
        if (keys->time_nulls[a] != keys->time_nulls[b]) {
            return keys->time_nulls[a] ? 1 : -1;
        }
        if (keys->time[a] != keys->time[b]) {
            return keys->time[a] < keys->time[b] ? -1 : 1;
        }
    }
    if (keys->order != NULL) {
        wendi_value left = wendi_column_builder_value(keys->order, a);
        wendi_value right = wendi_column_builder_value(keys->order, b);
        if (left.null != right.null) {
            return left.null ? 1 : -1;
        }
        int order = left.null ? 0 : wendi_value_compare(&left, &right);
        if (order != 0) {
            return order;
        }
    }
    return (keys->partitions[a] > keys->partitions[b]) -
           (keys->partitions[a] < keys->partitions[b]);
}

static void insertion_sort(const order_keys *keys, uint32_t *rows, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        uint32_t row = rows[i];
        uint32_t at = i;
        while (at > 0 && compare_keys(keys, rows[at - 1], row) > 0) {
            rows[at] = rows[at - 1];
            at--;
        }
        rows[at] = row;
    }
}

/* Bottom-up merge sort with a shortcut for neighbours that are in order already. */
static void merge_sort(const order_keys *keys, uint32_t *rows, uint32_t count, uint32_t *scratch)
{
    for (uint32_t begin = 0; begin < count; begin += INSERTION_RUN_MAX) {
        uint32_t length = count - begin < INSERTION_RUN_MAX ? count - begin : INSERTION_RUN_MAX;
        insertion_sort(keys, rows + begin, length);
    }
    for (uint32_t width = INSERTION_RUN_MAX; width < count; width *= 2) {
        for (uint32_t begin = 0; begin + width < count; begin += 2 * width) {
            uint32_t middle = begin + width;
            uint32_t end = count - middle < width ? count : middle + width;
            if (compare_keys(keys, rows[middle - 1], rows[middle]) <= 0) {
                continue;
            }
            memcpy(scratch, rows + begin, width * sizeof *rows);
            uint32_t left = 0;
            uint32_t right = middle;
            uint32_t out = begin;
            while (left < width && right < end) {
                bool take_left = compare_keys(keys, scratch[left], rows[right]) <= 0;
                rows[out++] = take_left ? scratch[left++] : rows[right++];
            }
            memcpy(rows + out, scratch + left, (width - left) * sizeof *rows);
        }
    }
}

static int compare_hashes(const ranked_user *a, const ranked_user *b)
{
    return (a->hash > b->hash) - (a->hash < b->hash);
}

static int compare_users(const void *left, const void *right, void *context)
{
    const wendi_column_builder *column = context;
    const ranked_user *a = left;
    const ranked_user *b = right;
    int order = compare_hashes(a, b);
    if (order != 0) {
        return order;
    }
    if (column->physical == WENDI_PHYSICAL_STRING) {
        return wendi_string_compare(wendi_interner_at(&column->interner, a->code),
                                    wendi_interner_at(&column->interner, b->code));
    }
    wendi_value left_value = wendi_column_builder_value(column, a->code);
    wendi_value right_value = wendi_column_builder_value(column, b->code);
    return wendi_value_compare(&left_value, &right_value);
}

/* Distinct users of a text column are its interner's entries; mark those that rows use. */
static wend_status rank_text(const wendi_row_builder *builder, const wendi_column_builder *column,
                             wendi_row_order *order, uint32_t *ranks, wend_error *error)
{
    uint32_t codes = column->interner.entry_count > 0 ? column->interner.entry_count : 1;
    wend_status status = WEND_OK;
    ranked_user *users = wendi_alloc((size_t)codes * sizeof *users);
    order->user_rank = wendi_alloc_zero(codes, sizeof *order->user_rank);
    order->user_codes = wendi_alloc((size_t)codes * sizeof *order->user_codes);
    if (users == NULL || order->user_rank == NULL || order->user_codes == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "ranking users", (size_t)codes * sizeof *users));
    }
    uint32_t count = 0;
    for (uint32_t row = 0; row < builder->row_count; row++) {
        uint32_t code = column->codes[row];
        if (code != 0 && order->user_rank[code] == 0) {
            wendi_value value = wendi_column_builder_value(column, row);
            order->user_rank[code] = 1;
            users[count++] = (ranked_user){wendi_value_hash(&value), code};
        }
    }
    qsort_r(users, count, sizeof *users, compare_users, (void *)(uintptr_t)column);
    for (uint32_t i = 0; i < count; i++) {
        order->user_rank[users[i].code] = i + 1;
        order->user_codes[i + 1] = users[i].code;
    }
    order->user_count = count;
    for (uint32_t row = 0; row < builder->row_count; row++) {
        uint32_t code = column->codes[row];
        ranks[row] = code == 0 ? count + 1 : order->user_rank[code];
    }
cleanup:
    wendi_free(users);
    return status;
}

/* Distinct users of other types: sort one entry a row and number the groups. */
static wend_status rank_values(const wendi_row_builder *builder, const wendi_column_builder *column,
                               wendi_row_order *order, uint32_t *ranks, wend_error *error)
{
    ranked_user *users = wendi_alloc((size_t)builder->row_count * sizeof *users);
    if (users == NULL) {
        return wendi_fail_nomem(error, "ranking users", (size_t)builder->row_count * sizeof *users);
    }
    uint32_t count = 0;
    for (uint32_t row = 0; row < builder->row_count; row++) {
        if (!column->nulls[row]) {
            wendi_value value = wendi_column_builder_value(column, row);
            users[count++] = (ranked_user){wendi_value_hash(&value), row};
        }
    }
    qsort_r(users, count, sizeof *users, compare_users, (void *)(uintptr_t)column);
    uint32_t rank = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (i == 0 || compare_users(&users[i - 1], &users[i], (void *)(uintptr_t)column) != 0) {
            rank++;
        }
        ranks[users[i].code] = rank;
    }
    for (uint32_t row = 0; row < builder->row_count; row++) {
        if (column->nulls[row]) {
            ranks[row] = rank + 1;
        }
    }
    order->user_count = rank;
    wendi_free(users);
    return WEND_OK;
}

/* A stable counting sort of the rows by rank 1..user_count+1; `starts` gets where each rank begins.
 */
static void deal_rows(const uint32_t *ranks, uint32_t row_count, uint32_t rank_max,
                      uint32_t *starts, uint32_t *rows)
{
    memset(starts, 0, ((size_t)rank_max + 2) * sizeof *starts);
    for (uint32_t row = 0; row < row_count; row++) {
        starts[ranks[row] + 1]++;
    }
    for (uint32_t rank = 1; rank <= rank_max + 1; rank++) {
        starts[rank] += starts[rank - 1];
    }
    for (uint32_t row = 0; row < row_count; row++) {
        rows[starts[ranks[row]]++] = row;
    }
    memmove(starts + 1, starts,
            ((size_t)rank_max + 1) * sizeof *starts); /* each start had moved to its end */
    starts[0] = 0;
}

static void sort_runs(const order_keys *keys, wendi_row_order *order, const uint32_t *starts,
                      uint32_t *scratch)
{
    for (uint32_t rank = 1; rank <= order->user_count + 1; rank++) {
        uint32_t begin = starts[rank];
        uint32_t end = rank == order->user_count + 1 ? order->row_count : starts[rank + 1];
        if (end - begin <= INSERTION_RUN_MAX) {
            insertion_sort(keys, order->rows + begin, end - begin);
        } else {
            merge_sort(keys, order->rows + begin, end - begin, scratch);
        }
    }
}

wend_status wendi_row_order_make(const wendi_row_builder *builder, wendi_row_order *order,
                                 wend_error *error)
{
    const wendi_schema *schema = builder->schema;
    wend_status status = WEND_OK;
    uint32_t *ranks = NULL;
    uint32_t *starts = NULL;

    memset(order, 0, sizeof *order);
    order->row_count = builder->row_count;
    order->rows = wendi_alloc((size_t)builder->row_count * sizeof *order->rows);
    ranks = wendi_alloc((size_t)builder->row_count * sizeof *ranks);
    if (order->rows == NULL || ranks == NULL) {
        WEND_TRY(
            wendi_fail_nomem(error, "sorting rows", (size_t)builder->row_count * sizeof *ranks));
    }
    if (schema->user_column == WENDI_NO_COLUMN) {
        for (uint32_t row = 0; row < builder->row_count; row++) {
            ranks[row] = 1;
        }
    } else {
        const wendi_column_builder *user = &builder->columns[schema->user_column];
        WEND_TRY(user->physical == WENDI_PHYSICAL_STRING
                     ? rank_text(builder, user, order, ranks, error)
                     : rank_values(builder, user, order, ranks, error));
    }
    size_t start_count = (size_t)order->user_count + 4;
    starts = wendi_alloc(start_count * sizeof *starts);
    if (starts == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "sorting rows", start_count * sizeof *starts));
    }
    deal_rows(ranks, builder->row_count, order->user_count + 1, starts, order->rows);
    const wendi_column_builder *time =
        schema->time_column == WENDI_NO_COLUMN ? NULL : &builder->columns[schema->time_column];
    order_keys keys = {.time = time == NULL ? NULL : time->i64,
                       .time_nulls = time == NULL ? NULL : time->nulls,
                       .order = schema->order_column == WENDI_NO_COLUMN
                                    ? NULL
                                    : &builder->columns[schema->order_column],
                       .partitions = builder->partitions};
    sort_runs(&keys, order, starts,
              ranks); /* the ranks have done their work: their memory serves merging */
cleanup:
    wendi_free(ranks);
    wendi_free(starts);
    if (status != WEND_OK) {
        wendi_row_order_free(order);
    }
    return status;
}

/* Users of a text column that have rows are numbered anew, in the order they had. */
static void renumber_users(const wendi_column_builder *column, wendi_row_order *order)
{
    uint32_t count = 0;
    uint32_t before = 0;
    for (uint32_t i = 0; i < order->row_count; i++) { /* one run a user, and nulls last */
        uint32_t code = column->codes[order->rows[i]];
        if (code != 0 && code != before) {
            order->user_codes[++count] = code;
            before = code;
        }
    }
    memset(order->user_rank, 0, column->interner.entry_count * sizeof *order->user_rank);
    for (uint32_t rank = 1; rank <= count; rank++) {
        order->user_rank[order->user_codes[rank]] = rank;
    }
    order->user_count = count;
}

void wendi_row_order_drop(const wendi_row_builder *builder, wendi_row_order *order,
                          const uint8_t *drop)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < order->row_count; i++) {
        order->rows[kept] = order->rows[i];
        kept += drop[i] == 0;
    }
    order->row_count = kept;
    if (order->user_codes != NULL) {
        renumber_users(&builder->columns[builder->schema->user_column], order);
    }
}

void wendi_row_order_free(wendi_row_order *order)
{
    wendi_free(order->rows);
    wendi_free(order->user_rank);
    wendi_free(order->user_codes);
    memset(order, 0, sizeof *order);
}
