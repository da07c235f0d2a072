/*
 * Merging. A heap of sources gives the next user; when only one source has rows of it, which is the
 * common case, the consumer sees the source's own arrays. Else row places are merged two sources at
 * a time, earlier source first among equals, and the columns are gathered in that order.
 */
#include "query/behaviour/user_slice.h"

#include <string.h>

typedef struct wendi_slice_place {
    uint32_t source;
    uint32_t row;
} place;

void wendi_user_slice_init(wendi_user_slice *slice, const wendi_slice_layout *layout)
{
    memset(slice, 0, sizeof *slice);
    slice->layout = layout;
    wendi_arena_init(&slice->arena, 1 << 20);
}

void wendi_user_slice_free(wendi_user_slice *slice)
{
    wendi_arena_free(&slice->arena);
}

void wendi_user_slice_reset(wendi_user_slice *slice)
{
    wendi_arena_reset(&slice->arena);
    wendi_arena keep = slice->arena;
    const wendi_slice_layout *layout = slice->layout;
    memset(slice, 0, sizeof *slice);
    slice->arena = keep;
    slice->layout = layout;
}

static uint32_t stored_cells(const wendi_slice_layout *layout)
{
    return layout->cell_count + (layout->has_order ? 1u : 0u);
}

static void *room(wendi_user_slice *slice, size_t count, size_t each)
{
    return wendi_arena_alloc(&slice->arena, count * each + 64);
}

wend_status wendi_user_slice_source(wendi_user_slice *slice, uint32_t row_capacity,
                                    wendi_slice_source **source_out, wend_error *error)
{
    if (slice->source_count == slice->source_capacity) {
        uint32_t capacity = slice->source_capacity * 2 + 16;
        wendi_slice_source *sources = room(slice, capacity, sizeof *sources);
        if (sources == NULL) {
            return wendi_fail_nomem(error, "a slice of users", capacity * sizeof *sources);
        }
        if (slice->source_count != 0) {
            memcpy(sources, slice->sources, slice->source_count * sizeof *sources);
        }
        slice->sources = sources;
        slice->source_capacity = capacity;
    }
    uint32_t cells = stored_cells(slice->layout);
    wendi_slice_source source = {
        .row_capacity = row_capacity,
        .times = room(slice, row_capacity, sizeof(int64_t)),
        .flags = room(slice, (size_t)row_capacity * slice->layout->flag_words, sizeof(uint64_t)),
        .cells = room(slice, cells, sizeof(uint64_t *)),
        .nulls = room(slice, cells, sizeof(uint8_t *))};
    bool good = source.times != NULL && source.flags != NULL && source.cells != NULL &&
                source.nulls != NULL;
    for (uint32_t i = 0; good && i < cells; i++) {
        source.cells[i] = room(slice, row_capacity, sizeof(uint64_t));
        source.nulls[i] = room(slice, row_capacity, 1);
        good = source.cells[i] != NULL && source.nulls[i] != NULL;
    }
    if (!good) {
        return wendi_fail_nomem(error, "a slice of users", (size_t)row_capacity * sizeof(uint64_t));
    }
    slice->sources[slice->source_count] = source;
    *source_out = &slice->sources[slice->source_count++];
    return WEND_OK;
}

wend_status wendi_slice_source_run(wendi_user_slice *slice, wendi_slice_source *source,
                                   uint64_t hash, const wendi_value *user, wend_error *error)
{
    if (source->run_count == source->run_capacity) {
        uint32_t capacity = source->run_capacity * 2 + 64;
        uint32_t *rows = room(slice, capacity, sizeof *rows);
        uint64_t *hashes = room(slice, capacity, sizeof *hashes);
        wendi_value *users = room(slice, capacity, sizeof *users);
        if (rows == NULL || hashes == NULL || users == NULL) {
            return wendi_fail_nomem(error, "a slice of users", capacity * sizeof *users);
        }
        if (source->run_count != 0) {
            memcpy(rows, source->run_rows, source->run_count * sizeof *rows);
            memcpy(hashes, source->run_hashes, source->run_count * sizeof *hashes);
            memcpy(users, source->run_users, source->run_count * sizeof *users);
        }
        source->run_rows = rows;
        source->run_hashes = hashes;
        source->run_users = users;
        source->run_capacity = capacity;
    }
    wendi_value kept = *user;
    if (wendi_type_physical(kept.type) == WENDI_PHYSICAL_STRING) {
        kept.string.data = wendi_arena_copy(&slice->arena, user->string.data, user->string.length);
        if (kept.string.data == NULL) {
            return wendi_fail_nomem(error, "a user's name", user->string.length);
        }
    }
    source->run_rows[source->run_count] = source->row_count;
    source->run_hashes[source->run_count] = hash;
    source->run_users[source->run_count++] = kept;
    return WEND_OK;
}

/* ---- the heap of sources, by the user of their next run, then by their own order ---- */

static int compare_sources(const wendi_user_slice *slice, uint32_t a, uint32_t b)
{
    const wendi_slice_source *left = &slice->sources[a];
    const wendi_slice_source *right = &slice->sources[b];
    uint64_t left_hash = left->run_hashes[left->next_run];
    uint64_t right_hash = right->run_hashes[right->next_run];
    if (left_hash != right_hash) {
        return left_hash < right_hash ? -1 : 1;
    }
    int order =
        wendi_value_compare(&left->run_users[left->next_run], &right->run_users[right->next_run]);
    return order != 0 ? order : (a > b) - (a < b);
}

static void sift_down(wendi_user_slice *slice, uint32_t count, uint32_t at)
{
    for (;;) {
        uint32_t least = at;
        for (uint32_t child = 2 * at + 1; child <= 2 * at + 2 && child < count; child++) {
            if (compare_sources(slice, slice->heap[child], slice->heap[least]) < 0) {
                least = child;
            }
        }
        if (least == at) {
            return;
        }
        uint32_t moved = slice->heap[at];
        slice->heap[at] = slice->heap[least];
        slice->heap[least] = moved;
        at = least;
    }
}

/* Step the heap's first source to its next run, or out of the heap. */
static void step_first(wendi_user_slice *slice, uint32_t *heap_count)
{
    wendi_slice_source *source = &slice->sources[slice->heap[0]];
    if (++source->next_run == source->run_count) {
        slice->heap[0] = slice->heap[--*heap_count];
    }
    sift_down(slice, *heap_count, 0);
}

/* ---- rows of one user ---- */

static uint32_t run_end(const wendi_slice_source *source, uint32_t run)
{
    return run + 1 < source->run_count ? source->run_rows[run + 1] : source->row_count;
}

static void view_source(wendi_user_slice *slice, const wendi_slice_source *source, uint32_t run)
{
    uint32_t begin = source->run_rows[run];
    uint32_t words = slice->layout->flag_words;
    for (uint32_t i = 0; i < slice->layout->cell_count; i++) {
        slice->cell_view[i] = source->cells[i] + begin;
        slice->null_view[i] = source->nulls[i] + begin;
    }
    slice->rows = (wendi_user_rows){.user = source->run_users[run],
                                    .row_count = run_end(source, run) - begin,
                                    .times = source->times + begin,
                                    .flags = source->flags + (size_t)begin * words,
                                    .flag_words = words,
                                    .cells = slice->cell_view,
                                    .nulls = slice->null_view};
}

static int compare_order(const wendi_user_slice *slice, place a, place b)
{
    const wendi_slice_source *left = &slice->sources[a.source];
    const wendi_slice_source *right = &slice->sources[b.source];
    uint32_t cell = slice->layout->cell_count;
    bool left_null = left->nulls[cell][a.row] != 0;
    bool right_null = right->nulls[cell][b.row] != 0;
    if (left_null || right_null) {
        return (int)left_null - (int)right_null;
    }
    wendi_value x = {.type = slice->layout->order_type};
    wendi_value y = x;
    memcpy(&x.i64, &left->cells[cell][a.row], sizeof x.i64);
    memcpy(&y.i64, &right->cells[cell][b.row], sizeof y.i64);
    return wendi_value_compare(&x, &y);
}

static int compare_places(const wendi_user_slice *slice, place a, place b)
{
    int64_t left = slice->sources[a.source].times[a.row];
    int64_t right = slice->sources[b.source].times[b.row];
    if (left != right) {
        return left < right ? -1 : 1;
    }
    return slice->layout->has_order ? compare_order(slice, a, b) : 0;
}

static wend_status grow_places(wendi_user_slice *slice, uint32_t count, wend_error *error)
{
    if (count <= slice->place_capacity) {
        return WEND_OK;
    }
    uint32_t capacity = count + count / 2 + 256;
    slice->places = room(slice, capacity, sizeof(place));
    slice->places_scratch = room(slice, capacity, sizeof(place));
    if (slice->places == NULL || slice->places_scratch == NULL) {
        return wendi_fail_nomem(error, "merging a user's rows", capacity * sizeof(place));
    }
    slice->place_capacity = capacity;
    return WEND_OK;
}

/* Merge neighbouring parts [bounds[i], bounds[i+1]) until one is left. bounds has part_count + 1
 * elements. */
static void merge_places(wendi_user_slice *slice, uint32_t *bounds, uint32_t part_count)
{
    while (part_count > 1) {
        uint32_t out_parts = 0;
        for (uint32_t part = 0; part < part_count; part += 2) {
            uint32_t left = bounds[part];
            uint32_t middle = bounds[part + 1];
            uint32_t end = part + 2 <= part_count ? bounds[part + 2] : middle;
            uint32_t right = middle;
            uint32_t out = left;
            uint32_t begin = left;
            while (left < middle && right < end) {
                bool take_left =
                    compare_places(slice, slice->places[left], slice->places[right]) <= 0;
                slice->places_scratch[out++] =
                    take_left ? slice->places[left++] : slice->places[right++];
            }
            memcpy(slice->places_scratch + out, slice->places + left,
                   (middle - left) * sizeof(place));
            out += middle - left;
            memcpy(slice->places_scratch + out, slice->places + right,
                   (end - right) * sizeof(place));
            bounds[out_parts++] = begin;
            bounds[out_parts] = end;
        }
        place *swap = slice->places;
        slice->places = slice->places_scratch;
        slice->places_scratch = swap;
        part_count = out_parts;
    }
}

static wend_status grow_gathered(wendi_user_slice *slice, uint32_t count, wend_error *error)
{
    const wendi_slice_layout *layout = slice->layout;
    if (count <= slice->gathered_capacity) {
        return WEND_OK;
    }
    uint32_t capacity = count + count / 2 + 256;
    slice->gathered_times = room(slice, capacity, sizeof(int64_t));
    slice->gathered_flags = room(slice, (size_t)capacity * layout->flag_words, sizeof(uint64_t));
    slice->gathered_cells = room(slice, layout->cell_count, sizeof(uint64_t *));
    slice->gathered_nulls = room(slice, layout->cell_count, sizeof(uint8_t *));
    bool good = slice->gathered_times != NULL && slice->gathered_flags != NULL &&
                slice->gathered_cells != NULL && slice->gathered_nulls != NULL;
    for (uint32_t i = 0; good && i < layout->cell_count; i++) {
        slice->gathered_cells[i] = room(slice, capacity, sizeof(uint64_t));
        slice->gathered_nulls[i] = room(slice, capacity, 1);
        good = slice->gathered_cells[i] != NULL && slice->gathered_nulls[i] != NULL;
    }
    slice->gathered_capacity = good ? capacity : 0;
    return good ? WEND_OK
                : wendi_fail_nomem(error, "merging a user's rows", capacity * sizeof(uint64_t));
}

static void gather(wendi_user_slice *slice, const wendi_value *user, uint32_t count)
{
    uint32_t words = slice->layout->flag_words;
    for (uint32_t i = 0; i < count; i++) {
        const wendi_slice_source *source = &slice->sources[slice->places[i].source];
        uint32_t row = slice->places[i].row;
        slice->gathered_times[i] = source->times[row];
        memcpy(slice->gathered_flags + (size_t)i * words, source->flags + (size_t)row * words,
               words * sizeof(uint64_t));
        for (uint32_t c = 0; c < slice->layout->cell_count; c++) {
            slice->gathered_cells[c][i] = source->cells[c][row];
            slice->gathered_nulls[c][i] = source->nulls[c][row];
        }
    }
    for (uint32_t c = 0; c < slice->layout->cell_count; c++) {
        slice->cell_view[c] = slice->gathered_cells[c];
        slice->null_view[c] = slice->gathered_nulls[c];
    }
    slice->rows = (wendi_user_rows){.user = *user,
                                    .row_count = count,
                                    .times = slice->gathered_times,
                                    .flags = slice->gathered_flags,
                                    .flag_words = words,
                                    .cells = slice->cell_view,
                                    .nulls = slice->null_view};
}

/* List the rows of the taken sources' last runs as places, part by part, and merge the parts. */
static wend_status merge_runs(wendi_user_slice *slice, const uint32_t *taken, uint32_t part_count,
                              uint32_t *bounds, const wendi_value *user, wend_error *error)
{
    uint32_t count = 0;
    wend_status status = WEND_OK;
    for (uint32_t i = 0; i < part_count; i++) {
        const wendi_slice_source *source = &slice->sources[taken[i]];
        bounds[i] = count;
        count += run_end(source, source->next_run - 1) - source->run_rows[source->next_run - 1];
    }
    bounds[part_count] = count;
    WEND_TRY(grow_places(slice, count, error));
    for (uint32_t i = 0; i < part_count; i++) {
        const wendi_slice_source *source = &slice->sources[taken[i]];
        uint32_t begin = source->run_rows[source->next_run - 1];
        for (uint32_t at = bounds[i]; at < bounds[i + 1]; at++) {
            slice->places[at] = (place){taken[i], begin + at - bounds[i]};
        }
    }
    merge_places(slice, bounds, part_count);
    WEND_TRY(grow_gathered(slice, count, error));
    gather(slice, user, count);
cleanup:
    return status;
}

/* Take the next user's runs off the heap into slice->rows; `taken` and `bounds` are scratch. */
static wend_status next_user(wendi_user_slice *slice, uint32_t *heap_count, uint32_t *taken,
                             uint32_t *bounds, wend_error *error)
{
    const wendi_slice_source *first = &slice->sources[slice->heap[0]];
    uint64_t hash = first->run_hashes[first->next_run];
    wendi_value user = first->run_users[first->next_run];
    uint32_t part_count = 0;
    bool same = true;
    while (same) {
        taken[part_count++] = slice->heap[0];
        step_first(slice, heap_count);
        const wendi_slice_source *next = *heap_count > 0 ? &slice->sources[slice->heap[0]] : NULL;
        same = next != NULL && next->run_hashes[next->next_run] == hash &&
               wendi_value_compare(&next->run_users[next->next_run], &user) == 0;
    }
    if (part_count > 1) {
        return merge_runs(slice, taken, part_count, bounds, &user, error);
    }
    view_source(slice, first, first->next_run - 1);
    return WEND_OK;
}

wend_status wendi_user_slice_merge(wendi_user_slice *slice, wendi_user_consumer consume,
                                   void *context, uint32_t worker, uint32_t number,
                                   wend_error *error)
{
    uint32_t heap_count = 0;
    uint32_t *bounds = room(slice, slice->source_count + 2u, sizeof *bounds);
    uint32_t *taken = room(slice, slice->source_count + 1u, sizeof *taken);
    wend_status status = WEND_OK;
    slice->heap = room(slice, slice->source_count + 1u, sizeof *slice->heap);
    slice->cell_view = room(slice, slice->layout->cell_count, sizeof *slice->cell_view);
    slice->null_view = room(slice, slice->layout->cell_count, sizeof *slice->null_view);
    if (bounds == NULL || taken == NULL || slice->heap == NULL || slice->cell_view == NULL ||
        slice->null_view == NULL) {
        return wendi_fail_nomem(error, "merging users", slice->source_count * sizeof *bounds);
    }
    for (uint32_t i = 0; i < slice->source_count; i++) {
        if (slice->sources[i].run_count != 0) {
            slice->heap[heap_count++] = i;
        }
    }
    for (uint32_t at = heap_count; at-- > 0;) {
        sift_down(slice, heap_count, at);
    }
    while (status == WEND_OK && heap_count > 0) {
        status = next_user(slice, &heap_count, taken, bounds, error);
        if (status == WEND_OK) {
            status = consume(context, worker, number, &slice->rows, error);
        }
    }
    return status;
}
