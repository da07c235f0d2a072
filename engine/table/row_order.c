/*
 * Ordering rows by ranks: each distinct user is hashed and ranked once, rows are dealt to their
 * user by a counting sort, and each user's few rows are put in time order. Rows mostly arrive in
 * time order, so insertion does it; a long or unruly run is merged instead.
 */
#include "engine/table/row_order.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/table/flush_gather.h"

enum { INSERTION_RUN_MAX = 32, INSERTION_BUCKET_MAX = 16 };

typedef struct wendi_ranked_user {
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

/*
 * Rows mostly are in order: then one look at the times, which stand beside each other as rows do, is all there is to do.
 * `times` are those of `rows`, or all 0 where that does not tell.
 */
static void insertion_sort(const order_keys *keys, uint32_t *rows, int64_t *times, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        const int64_t time = times[i];
        if (times[i - 1] < time) {
            continue;
        }
        const uint32_t row = rows[i];
        uint32_t at = i;
        while (at > 0 && (times[at - 1] > time || (times[at - 1] == time && compare_keys(keys, rows[at - 1], row) > 0))) {
            rows[at] = rows[at - 1];
            times[at] = times[at - 1];
            at--;
        }
        rows[at] = row;
        times[at] = time;
    }
}

/* Bottom-up merge sort with a shortcut for neighbours that are in order already; `times` serve the first step only. */
static void merge_sort(const order_keys *keys, uint32_t *rows, int64_t *times, uint32_t count, uint32_t *scratch)
{
    for (uint32_t begin = 0; begin < count; begin += INSERTION_RUN_MAX) {
        uint32_t length = count - begin < INSERTION_RUN_MAX ? count - begin : INSERTION_RUN_MAX;
        insertion_sort(keys, rows + begin, times + begin, length);
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

/* ---- ordering users ---- */

static void sort_bucket(ranked_user *users, uint32_t count, const wendi_column_builder *column)
{
    if (count > INSERTION_BUCKET_MAX) {
        qsort_r(users, count, sizeof *users, compare_users, (void *)(uintptr_t)column);
        return;
    }
    for (uint32_t i = 1; i < count; i++) {
        const ranked_user user = users[i];
        uint32_t at = i;
        for (; at > 0 && users[at - 1].hash >= user.hash &&
               compare_users(&users[at - 1], &user, (void *)(uintptr_t)column) > 0;
             at--) {
            users[at] = users[at - 1];
        }
        users[at] = user;
    }
}

/*
 * Hashes spread evenly: dealt by their first bits into about as many buckets as there are users, they are all but
 * sorted. `space` is as long as `users`, `starts` one longer.
 */
static void sort_users(ranked_user *users, uint32_t count, ranked_user *space, uint32_t *starts,
                       const wendi_column_builder *column)
{
    if (count < 2) {
        return;
    }
    const unsigned shift = 33 + (unsigned)__builtin_clz(count); /* 2^(64 - shift) buckets are at most `count` */
    const uint32_t buckets = UINT32_C(1) << (64 - shift);
    memset(starts, 0, (buckets + 1) * sizeof *starts);
    for (uint32_t i = 0; i < count; i++) {
        starts[users[i].hash >> shift]++;
    }
    for (uint32_t b = 0, sum = 0; b < buckets; b++) {
        const uint32_t here = starts[b];
        starts[b] = sum;
        sum += here;
    }
    for (uint32_t i = 0; i < count; i++) {
        space[starts[users[i].hash >> shift]++] = users[i];
    }
    for (uint32_t b = 0, begin = 0; b < buckets; b++) { /* a start has moved to its bucket's end */
        sort_bucket(space + begin, starts[b] - begin, column);
        begin = starts[b];
    }
    memcpy(users, space, count * sizeof *users);
}

/* ---- memory ---- */

/* An array with room for `count` elements in place of `memory`, whose content is gone; NULL: none, and freed. */
static void *grown(void *memory, uint32_t *capacity, size_t count, size_t each)
{
    if (memory != NULL && count <= *capacity) {
        return memory;
    }
    wendi_free(memory);
    memory = wendi_alloc(count * each);
    *capacity = memory != NULL ? (uint32_t)count : 0;
    return memory;
}

static wend_status refused(size_t count, size_t each, wend_error *error)
{
    return wendi_fail_nomem(error, "sorting rows", count * each);
}

static wend_status need_codes(wendi_row_order *order, uint32_t count, wend_error *error)
{
    uint32_t capacity = order->capacity.codes;
    order->user_rank = grown(order->user_rank, &order->capacity.codes, count, sizeof *order->user_rank);
    order->user_codes = grown(order->user_codes, &capacity, count, sizeof *order->user_codes);
    order->capacity.codes = order->capacity.codes < capacity ? order->capacity.codes : capacity;
    return order->user_rank != NULL && order->user_codes != NULL ? WEND_OK : refused(count, sizeof(uint32_t), error);
}

static wend_status need_starts(wendi_row_order *order, size_t count, wend_error *error)
{
    order->scratch.starts = grown(order->scratch.starts, &order->capacity.starts, count, sizeof(uint32_t));
    return order->scratch.starts != NULL ? WEND_OK : refused(count, sizeof(uint32_t), error);
}

/* For `count` users, and what sorting them takes. */
static wend_status need_users(wendi_row_order *order, uint32_t count, wend_error *error)
{
    const size_t all = 2 * (size_t)count;
    order->scratch.users = grown(order->scratch.users, &order->capacity.users, all, sizeof(ranked_user));
    return order->scratch.users != NULL ? need_starts(order, (size_t)count + 1, error)
                                        : refused(all, sizeof(ranked_user), error);
}

static wend_status need_rows(wendi_row_order *order, uint32_t slots, wend_error *error)
{
    order->rows = grown(order->rows, &order->capacity.rows, slots, sizeof *order->rows);
    order->scratch.ranks = grown(order->scratch.ranks, &order->capacity.ranks, slots, sizeof(uint32_t));
    order->scratch.times = grown(order->scratch.times, &order->capacity.times, slots, sizeof(int64_t));
    return order->rows != NULL && order->scratch.ranks != NULL && order->scratch.times != NULL
               ? WEND_OK
               : refused(slots, sizeof(int64_t), error);
}

/* ---- ranking users ---- */

#define FOR_ROWS(row, builder_strips)                                                              \
    for (uint32_t strip_ = 0; strip_ < (builder_strips)->count; strip_++)                          \
        for (uint32_t row = (builder_strips)->strips[strip_].first,                                \
                      end_ = row + (builder_strips)->strips[strip_].count;                         \
             row < end_; row++)

typedef struct live_rows { /* of a builder, in the order of arrival */
    const wendi_row_strip *strips;
    uint32_t count;
    wendi_row_strip whole;
} live_rows;

static void find_live(const wendi_row_builder *builder, live_rows *live)
{
    live->strips = wendi_row_builder_strips(builder, &live->whole, &live->count);
}

/* Distinct users of a text column are its interner's entries; mark those that rows use. */
static wend_status rank_text(const live_rows *live, const wendi_column_builder *column,
                             wendi_row_order *order, wend_error *error)
{
    uint32_t codes = column->interner.entry_count > 0 ? column->interner.entry_count : 1;
    uint32_t *ranks = order->scratch.ranks;
    wend_status status = WEND_OK;
    WEND_TRY(need_codes(order, codes, error));
    WEND_TRY(need_users(order, codes, error));
    ranked_user *users = order->scratch.users;
    uint32_t *user_rank = order->user_rank;
    uint32_t count = 0;
    memset(user_rank, 0, codes * sizeof *user_rank);
    FOR_ROWS(row, live)
    {
        uint32_t code = column->codes[row];
        if (code != 0 && user_rank[code] == 0) {
            wendi_value value = wendi_column_builder_value(column, row);
            user_rank[code] = 1;
            users[count++] = (ranked_user){wendi_value_hash(&value), code};
        }
    }
    sort_users(users, count, users + count, order->scratch.starts, column);
    for (uint32_t i = 0; i < count; i++) {
        user_rank[users[i].code] = i + 1;
        order->user_codes[i + 1] = users[i].code;
    }
    order->user_count = count;
    order->text_users = true;
    FOR_ROWS(row, live)
    {
        uint32_t code = column->codes[row];
        ranks[row] = code == 0 ? count + 1 : user_rank[code];
    }
cleanup:
    return status;
}

/* Distinct users of other types: sort one entry a row and number the groups. */
static wend_status rank_values(const live_rows *live, const wendi_column_builder *column,
                               wendi_row_order *order, wend_error *error)
{
    uint32_t *ranks = order->scratch.ranks;
    wend_status status = need_users(order, order->row_count, error);
    if (status != WEND_OK) {
        return status;
    }
    ranked_user *users = order->scratch.users;
    uint32_t count = 0;
    FOR_ROWS(row, live)
    {
        if (!column->nulls[row]) {
            wendi_value value = wendi_column_builder_value(column, row);
            users[count++] = (ranked_user){wendi_value_hash(&value), row};
        }
    }
    sort_users(users, count, users + count, order->scratch.starts, column);
    uint32_t rank = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (i == 0 || compare_users(&users[i - 1], &users[i], (void *)(uintptr_t)column) != 0) {
            rank++;
        }
        ranks[users[i].code] = rank;
    }
    FOR_ROWS(row, live)
    {
        if (column->nulls[row]) {
            ranks[row] = rank + 1;
        }
    }
    order->user_count = rank;
    return WEND_OK;
}

/* ---- dealing rows ---- */

/* A stable counting sort of the rows by rank 1..user_count+1; `starts` gets where each rank begins.
 */
static void deal_rows(const live_rows *live, const uint32_t *ranks, uint32_t rank_max,
                      uint32_t *starts, uint32_t *rows)
{
    memset(starts, 0, ((size_t)rank_max + 2) * sizeof *starts);
    FOR_ROWS(row, live)
    {
        starts[ranks[row] + 1]++;
    }
    for (uint32_t rank = 1; rank <= rank_max + 1; rank++) {
        starts[rank] += starts[rank - 1];
    }
    FOR_ROWS(row, live)
    {
        rows[starts[ranks[row]]++] = row;
    }
    memmove(starts + 1, starts,
            ((size_t)rank_max + 1) * sizeof *starts); /* each start had moved to its end */
    starts[0] = 0;
}

static bool any_null(const live_rows *live, const uint8_t *nulls)
{
    for (uint32_t i = 0; i < live->count; i++) {
        if (memchr(nulls + live->strips[i].first, 1, live->strips[i].count) != NULL) {
            return true;
        }
    }
    return false;
}

/* Times in the order that rows were dealt in; zeros, which leave it all to the other keys, where some are null. */
static void take_times(const live_rows *live, const order_keys *keys, const wendi_row_order *order)
{
    int64_t *times = order->scratch.times;
    if (keys->time == NULL || any_null(live, keys->time_nulls)) {
        memset(times, 0, order->row_count * sizeof *times);
    } else {
        WENDI_GATHER(times, keys->time, order->rows, order->row_count);
    }
}

static void sort_runs(const order_keys *keys, wendi_row_order *order, const uint32_t *starts,
                      uint32_t *scratch)
{
    int64_t *times = order->scratch.times;
    for (uint32_t rank = 1; rank <= order->user_count + 1; rank++) {
        uint32_t begin = starts[rank];
        uint32_t end = rank == order->user_count + 1 ? order->row_count : starts[rank + 1];
        if (end - begin <= INSERTION_RUN_MAX) {
            insertion_sort(keys, order->rows + begin, times + begin, end - begin);
        } else {
            merge_sort(keys, order->rows + begin, times + begin, end - begin, scratch);
        }
    }
}

static wend_status rank_rows(const wendi_row_builder *builder, const live_rows *live,
                             wendi_row_order *order, wend_error *error)
{
    uint32_t user_column = builder->schema->user_column;
    if (user_column != WENDI_NO_COLUMN) {
        const wendi_column_builder *user = &builder->columns[user_column];
        return user->physical == WENDI_PHYSICAL_STRING ? rank_text(live, user, order, error)
                                                       : rank_values(live, user, order, error);
    }
    FOR_ROWS(row, live)
    {
        order->scratch.ranks[row] = 1;
    }
    return WEND_OK;
}

wend_status wendi_row_order_make(const wendi_row_builder *builder, wendi_row_order *order,
                                 wend_error *error)
{
    const wendi_schema *schema = builder->schema;
    live_rows live;
    wend_status status = WEND_OK;

    find_live(builder, &live);
    order->row_count = builder->row_count;
    order->user_count = 0;
    order->text_users = false;
    WEND_TRY(need_rows(order, builder->row_capacity, error));
    WEND_TRY(rank_rows(builder, &live, order, error));
    WEND_TRY(need_starts(order, (size_t)order->user_count + 4, error));
    deal_rows(&live, order->scratch.ranks, order->user_count + 1, order->scratch.starts, order->rows);
    const wendi_column_builder *time =
        schema->time_column == WENDI_NO_COLUMN ? NULL : &builder->columns[schema->time_column];
    order_keys keys = {.time = time == NULL ? NULL : time->i64,
                       .time_nulls = time == NULL ? NULL : time->nulls,
                       .order = schema->order_column == WENDI_NO_COLUMN
                                    ? NULL
                                    : &builder->columns[schema->order_column],
                       .partitions = builder->partitions};
    take_times(&live, &keys, order);
    /* The ranks have done their work: their memory, no smaller than the rows', serves merging. */
    sort_runs(&keys, order, order->scratch.starts, order->scratch.ranks);
cleanup:
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
    if (order->text_users) {
        renumber_users(&builder->columns[builder->schema->user_column], order);
    }
}

size_t wendi_row_order_bytes(const wendi_row_order *order)
{
    const size_t each = sizeof(uint32_t);
    return order->capacity.rows * each + order->capacity.codes * 2 * each +
           order->capacity.ranks * each + order->capacity.starts * each +
           order->capacity.times * sizeof(int64_t) + order->capacity.users * sizeof(ranked_user);
}

void wendi_row_order_free(wendi_row_order *order)
{
    wendi_free(order->rows);
    wendi_free(order->user_rank);
    wendi_free(order->user_codes);
    wendi_free(order->scratch.ranks);
    wendi_free(order->scratch.starts);
    wendi_free(order->scratch.times);
    wendi_free(order->scratch.users);
    memset(order, 0, sizeof *order);
}
