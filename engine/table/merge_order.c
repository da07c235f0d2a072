/*
 * Merging by runs. A heap over the sources gives the next user; its runs, mostly a few rows each
 * and seldom overlapping in time, are merged by a second heap that takes rows from the earliest run
 * while they stand before the next one's, so that disjoint runs cost one comparison a row.
 *
 * Keys are decoded as the heads of runs move on, never a whole run: one of millions of rows needs
 * no more memory than one of three.
 */
#include "engine/table/merge_order.h"

#include <string.h>

#include "engine/base/alloc.h"
#include "engine/column/vector_value.h"

/* Rows of a source that take part only in part are read all the same: this bounds them. */
enum { READ_ROWS_FACTOR = 4 };

typedef struct merge_part { /* a run of the current user, at its next row */
    uint32_t source;
    uint32_t row;
    uint32_t end;
    bool timeless;
    int64_t time;
} merge_part;

struct wendi_merge_order {
    wendi_merge_source *sources;
    uint32_t source_count;
    uint32_t *heap; /* sources with runs left, least user first */
    uint32_t heap_count;
    uint32_t *taken; /* sources of the current user */
    uint32_t taken_count;
    merge_part *parts; /* its rows that are left, a heap */
    uint32_t part_count;
    uint64_t part_rows; /* rows in all parts */
    bool null_user;
    bool text_user;
    wendi_string user; /* borrowed from a source that is open while parts are left */
    bool has_time;
    bool has_order;
    uint32_t time_position;
    uint32_t order_position;
    uint64_t read_rows; /* of the row group under way, unwanted ones between them included */
};

/* ---- the heap of sources ---- */

static bool source_less(const wendi_merge_order *order, uint32_t a, uint32_t b)
{
    const wendi_merge_source *left = &order->sources[a];
    const wendi_merge_source *right = &order->sources[b];
    if (left->null_user != right->null_user) {
        return right->null_user;
    }
    if (left->hash != right->hash) {
        return left->hash < right->hash;
    }
    return a < b;
}

static void sift_source_down(wendi_merge_order *order, uint32_t at)
{
    uint32_t moved = order->heap[at];
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= order->heap_count) {
            break;
        }
        if (child + 1 < order->heap_count &&
            source_less(order, order->heap[child + 1], order->heap[child])) {
            child++;
        }
        if (!source_less(order, order->heap[child], moved)) {
            break;
        }
        order->heap[at] = order->heap[child];
        at = child;
    }
    order->heap[at] = moved;
}

static void push_source(wendi_merge_order *order, uint32_t source)
{
    uint32_t at = order->heap_count++;
    while (at > 0 && source_less(order, source, order->heap[(at - 1) / 2])) {
        order->heap[at] = order->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    order->heap[at] = source;
}

static uint32_t pop_source(wendi_merge_order *order)
{
    uint32_t source = order->heap[0];
    order->heap[0] = order->heap[--order->heap_count];
    if (order->heap_count > 0) {
        sift_source_down(order, 0);
    }
    return source;
}

/* Make the heap's first source an open one: until then its hash was only a bound. */
static wend_status open_first(wendi_merge_order *order, wend_error *error)
{
    while (order->heap_count > 0 && order->sources[order->heap[0]].file == NULL) {
        wendi_merge_source *source = &order->sources[order->heap[0]];
        wend_status status = wendi_merge_source_open(source, error);
        if (status != WEND_OK) {
            return status;
        }
        if (!wendi_merge_source_has_run(source)) {
            wendi_merge_source_close(source);
            pop_source(order);
        } else {
            sift_source_down(order, 0);
        }
    }
    return WEND_OK;
}

/* ---- the next user ---- */

/* Of the taken sources, whose users' hashes are equal, keep those with the least user: but for
 * collisions of the hash that is all. The others go back. */
static wend_status keep_least_user(wendi_merge_order *order, wend_error *error)
{
    wendi_value least = {.null = true};
    uint32_t kept = 0;
    for (uint32_t i = 0; i < order->taken_count; i++) {
        wendi_merge_source *source = &order->sources[order->taken[i]];
        wendi_value user;
        wend_status status = wendi_merge_source_user(source, &user, error);
        if (status != WEND_OK) {
            return status;
        }
        int compared = i == 0 ? -1 : wendi_value_compare(&user, &least);
        if (compared < 0) { /* all kept so far have a greater one */
            for (uint32_t k = 0; k < kept; k++) {
                push_source(order, order->taken[k]);
            }
            kept = 0;
            least = user;
        }
        if (compared <= 0) {
            order->taken[kept++] = order->taken[i];
        } else {
            push_source(order, order->taken[i]);
        }
    }
    order->taken_count = kept;
    order->user = least.string;
    return WEND_OK;
}

static wend_status load_time(wendi_merge_order *order, merge_part *part, wend_error *error)
{
    wendi_merge_source *source = &order->sources[part->source];
    wendi_key_window *times = &source->times;
    if (!order->has_time) {
        return WEND_OK;
    }
    if (!wendi_key_window_holds(times, part->row)) {
        wend_status status =
            wendi_key_window_move(source, times, order->time_position, part->row, error);
        if (status != WEND_OK) {
            return status;
        }
    }
    uint32_t index = wendi_key_window_index(times, part->row);
    part->timeless = times->vector.nulls != NULL && times->vector.nulls[index] != 0;
    part->time = times->vector.i64[index];
    return WEND_OK;
}

/* Take all sources whose next run is the least user's; list the rows of it that take part. */
static wend_status take_user(wendi_merge_order *order, wend_error *error)
{
    const wendi_merge_source *first = &order->sources[order->heap[0]];
    uint64_t hash = first->hash;
    wend_status status = WEND_OK;
    order->null_user = first->null_user;
    order->taken_count = 0;
    do {
        order->taken[order->taken_count++] = pop_source(order);
        WEND_TRY(open_first(order, error));
        first = order->heap_count > 0 ? &order->sources[order->heap[0]] : NULL;
    } while (first != NULL && first->null_user == order->null_user &&
             (order->null_user || first->hash == hash));
    if (!order->null_user) {
        WEND_TRY(keep_least_user(order, error));
    }
    order->part_count = 0;
    order->part_rows = 0;
    for (uint32_t i = 0; i < order->taken_count; i++) {
        merge_part part = {.source = order->taken[i]};
        wendi_merge_source *source = &order->sources[part.source];
        WEND_TRY(wendi_merge_source_rows(source, &part.row, &part.end, error));
        if (part.row < part.end) {
            WEND_TRY(load_time(order, &part, error));
            order->parts[order->part_count++] = part;
            order->part_rows += part.end - part.row;
        }
    }
cleanup:
    return status;
}

/* The current user is done: its sources go on to their next runs. */
static void leave_user(wendi_merge_order *order)
{
    for (uint32_t i = 0; i < order->taken_count; i++) {
        wendi_merge_source *source = &order->sources[order->taken[i]];
        wendi_merge_source_step(source);
        if (wendi_merge_source_has_run(source)) {
            push_source(order, order->taken[i]);
        }
    }
    order->taken_count = 0;
}

/* ---- the rows of one user ---- */

static wend_status order_value(wendi_merge_order *order, const merge_part *part, wendi_value *value,
                               wend_error *error)
{
    wendi_merge_source *source = &order->sources[part->source];
    wendi_key_window *orders = &source->orders;
    if (!wendi_key_window_holds(orders, part->row)) {
        wend_status status =
            wendi_key_window_move(source, orders, order->order_position, part->row, error);
        if (status != WEND_OK) {
            return status;
        }
    }
    *value = wendi_vector_value(&orders->vector, part->row - orders->first);
    return WEND_OK;
}

static wend_status order_less(wendi_merge_order *order, const merge_part *a, const merge_part *b,
                              bool *less, wend_error *error)
{
    wendi_value left;
    wendi_value right;
    wend_status status = WEND_OK;
    WEND_TRY(order_value(order, a, &left, error));
    WEND_TRY(order_value(order, b, &right, error));
    int compared = left.null || right.null ? (int)left.null - (int)right.null
                                           : wendi_value_compare(&left, &right);
    *less = compared < 0 || (compared == 0 && a->source < b->source);
cleanup:
    return status;
}

static inline wend_status part_less(wendi_merge_order *order, const merge_part *a,
                                    const merge_part *b, bool *less, wend_error *error)
{
    if (a->timeless != b->timeless) {
        *less = b->timeless;
    } else if (a->time != b->time && !a->timeless) {
        *less = a->time < b->time;
    } else if (order->has_order) {
        return order_less(order, a, b, less, error);
    } else {
        *less = a->source < b->source;
    }
    return WEND_OK;
}

static wend_status sift_part_down(wendi_merge_order *order, uint32_t at, wend_error *error)
{
    wend_status status = WEND_OK;
    merge_part *parts = order->parts;
    merge_part moved = parts[at];
    for (;;) {
        uint32_t child = 2 * at + 1;
        bool less = false;
        if (child >= order->part_count) {
            break;
        }
        if (child + 1 < order->part_count) {
            WEND_TRY(part_less(order, &parts[child + 1], &parts[child], &less, error));
            child += less;
        }
        WEND_TRY(part_less(order, &parts[child], &moved, &less, error));
        if (!less) {
            break;
        }
        parts[at] = parts[child];
        at = child;
    }
cleanup:
    parts[at] = moved;
    return status;
}

static wend_status make_part_heap(wendi_merge_order *order, wend_error *error)
{
    for (uint32_t at = order->part_count / 2; at-- > 0;) {
        wend_status status = sift_part_down(order, at, error);
        if (status != WEND_OK) {
            return status;
        }
    }
    return WEND_OK;
}

/* Count what lies between the rows of the source used so far and these. */
static void use_rows(wendi_merge_order *order, uint32_t index, uint32_t begin, uint32_t end)
{
    wendi_merge_source *source = &order->sources[index];
    if (source->used_end == 0) {
        source->used_first = begin;
        source->used_end = begin;
    }
    order->read_rows += end - source->used_end;
    source->used_end = end;
}

static void put_rows(wendi_merge_rows *rows, uint32_t source, uint32_t begin, uint32_t end,
                     uint32_t user)
{
    for (uint32_t row = begin; row < end; row++) {
        rows->sources[rows->count] = source;
        rows->rows[rows->count] = row;
        rows->users[rows->count++] = user;
    }
}

/* Take rows of the first part until the second's next one stands before its own, at most `room`. */
static wend_status take_part(wendi_merge_order *order, uint32_t room, uint32_t *begin,
                             wend_error *error)
{
    merge_part *first = &order->parts[0];
    const merge_part *second = NULL;
    wend_status status = WEND_OK;
    bool less = true;
    *begin = first->row;
    if (order->part_count > 1) {
        second = &order->parts[1];
        if (order->part_count > 2) {
            WEND_TRY(part_less(order, &order->parts[2], &order->parts[1], &less, error));
            second = &order->parts[less ? 2 : 1];
        }
        less = true;
    }
    if (second == NULL) {
        first->row += first->end - first->row < room ? first->end - first->row : room;
        return first->row < first->end ? load_time(order, first, error) : WEND_OK;
    }
    while (less && room > 0) {
        first->row++;
        room--;
        if (first->row == first->end) {
            break;
        }
        WEND_TRY(load_time(order, first, error));
        WEND_TRY(part_less(order, first, second, &less, error));
    }
cleanup:
    return status;
}

/* As many rows of the current user as there is room for. */
static wend_status put_user(wendi_merge_order *order, wendi_merge_rows *rows, uint32_t user,
                            wend_error *error)
{
    wend_status status = WEND_OK;
    while (order->part_count > 0 && rows->count < rows->capacity) {
        uint32_t source = order->parts[0].source;
        uint32_t begin;
        WEND_TRY(take_part(order, rows->capacity - rows->count, &begin, error));
        uint32_t end = order->parts[0].row;
        use_rows(order, source, begin, end);
        put_rows(rows, source, begin, end, user);
        order->part_rows -= end - begin;
        if (end == order->parts[0].end) {
            order->parts[0] = order->parts[--order->part_count];
        }
        if (order->part_count > 1) {
            WEND_TRY(sift_part_down(order, 0, error));
        }
    }
cleanup:
    return status;
}

/* ---- row groups ---- */

wend_status wendi_merge_order_open(wendi_merge_source *sources, uint32_t source_count,
                                   wendi_merge_order **order_out, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_merge_order *order = wendi_alloc_zero(1, sizeof *order);
    *order_out = NULL;
    if (order == NULL) {
        return wendi_fail_nomem(error, "a merge", sizeof *order);
    }
    order->sources = sources;
    order->source_count = source_count;
    order->heap = wendi_alloc(((size_t)source_count + 1) * sizeof *order->heap);
    order->taken = wendi_alloc(((size_t)source_count + 1) * sizeof *order->taken);
    order->parts = wendi_alloc(((size_t)source_count + 1) * sizeof *order->parts);
    if (order->heap == NULL || order->taken == NULL || order->parts == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "a merge", source_count * sizeof *order->parts));
    }
    if (source_count > 0) {
        const wendi_schema *schema = sources[0].scope->absent->schema;
        order->has_time = schema->time_column != WENDI_NO_COLUMN;
        order->time_position = schema->time_column;
        order->has_order = schema->order_column != WENDI_NO_COLUMN;
        order->order_position = schema->order_column;
        order->text_user =
            schema->user_column != WENDI_NO_COLUMN &&
            wendi_type_physical(schema->columns[schema->user_column].type) == WENDI_PHYSICAL_STRING;
    }
    for (uint32_t i = 0; i < source_count; i++) {
        push_source(order, i);
    }
    *order_out = order;
    order = NULL;
cleanup:
    wendi_merge_order_close(order);
    return status;
}

void wendi_merge_order_close(wendi_merge_order *order)
{
    if (order != NULL) {
        wendi_free(order->heap);
        wendi_free(order->taken);
        wendi_free(order->parts);
        wendi_free(order);
    }
}

wend_status wendi_merge_rows_init(wendi_merge_rows *rows, uint32_t capacity, wend_error *error)
{
    *rows =
        (wendi_merge_rows){.capacity = capacity,
                           .sources = wendi_alloc(capacity * sizeof *rows->sources),
                           .rows = wendi_alloc(capacity * sizeof *rows->rows),
                           .users = wendi_alloc_aligned(64, capacity * sizeof *rows->users + 64)};
    if (rows->sources == NULL || rows->rows == NULL || rows->users == NULL) {
        wendi_merge_rows_free(rows);
        return wendi_fail_nomem(error, "the order of rows", capacity * 3 * sizeof *rows->rows);
    }
    return WEND_OK;
}

void wendi_merge_rows_free(wendi_merge_rows *rows)
{
    wendi_free(rows->sources);
    wendi_free(rows->rows);
    wendi_free(rows->users);
    wendi_buffer_free(&rows->user_offsets);
    wendi_buffer_free(&rows->user_bytes);
    memset(rows, 0, sizeof *rows);
}

/* Give the current user its number in this row group. */
static wend_status number_user(const wendi_merge_order *order, wendi_merge_rows *rows,
                               uint32_t *number, wend_error *error)
{
    wend_status status = WEND_OK;
    *number = 0;
    if (order->null_user) {
        return WEND_OK;
    }
    *number = ++rows->user_count;
    if (order->text_user) {
        status = wendi_buffer_append(&rows->user_bytes, order->user.data, order->user.length);
        uint32_t end = (uint32_t)rows->user_bytes.length;
        if (status == WEND_OK) {
            status = wendi_buffer_append(&rows->user_offsets, &end, sizeof end);
        }
    }
    return status == WEND_OK ? WEND_OK : wendi_fail_nomem(error, "users", rows->user_bytes.length);
}

static wend_status begin_rows(wendi_merge_order *order, wendi_merge_rows *rows,
                              void (*closed)(void *context, uint32_t source), void *context,
                              wend_error *error)
{
    static const uint32_t zero[2] = {0, 0}; /* null has no bytes, and entry 1 begins at 0 */
    rows->count = 0;
    rows->user_count = 0;
    rows->user_bytes.length = 0;
    rows->user_offsets.length = 0;
    order->read_rows = 0;
    for (uint32_t i = 0; i < order->source_count; i++) {
        wendi_merge_source *source = &order->sources[i];
        source->used_end = 0;
        bool done = source->file != NULL && !wendi_merge_source_has_run(source);
        if (done) {
            if (closed != NULL) {
                closed(context, i);
            }
            wendi_merge_source_close(source);
        }
    }
    return wendi_buffer_append(&rows->user_offsets, zero, sizeof zero) == WEND_OK
               ? WEND_OK
               : wendi_fail_nomem(error, "users", sizeof zero);
}

wend_status wendi_merge_order_next(wendi_merge_order *order, wendi_merge_rows *rows,
                                   void (*closed)(void *context, uint32_t source), void *context,
                                   wend_error *error)
{
    uint64_t read_max = (uint64_t)READ_ROWS_FACTOR * rows->capacity;
    wend_status status = WEND_OK;
    WEND_TRY(begin_rows(order, rows, closed, context, error));
    while (rows->count < rows->capacity && order->read_rows < read_max) {
        if (order->part_count == 0) {
            WEND_TRY(open_first(order, error));
            if (order->heap_count == 0) {
                break;
            }
            WEND_TRY(take_user(order, error));
            WEND_TRY(make_part_heap(order, error));
        }
        uint64_t room = rows->capacity - rows->count;
        if (order->part_rows > room && order->part_rows <= rows->capacity) {
            break; /* the user fits into the next row group as a whole */
        }
        if (order->part_count > 0) {
            uint32_t number;
            WEND_TRY(number_user(order, rows, &number, error));
            WEND_TRY(put_user(order, rows, number, error));
        }
        if (order->part_count == 0) {
            leave_user(order);
        }
    }
    status = rows->count == 0 ? WEND_END : WEND_OK;
cleanup:
    return status;
}
