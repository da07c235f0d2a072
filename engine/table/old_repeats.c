/*
 * From a flush and a table to the row groups that have to be joined: rows are narrowed to those
 * with the times of segments outside the window, segments to those with times and users of these
 * rows. What is left is joined one row group after the other.
 */
#include "engine/table/old_repeats.h"

#include <string.h>

#include "engine/base/alloc.h"
#include "engine/table/merge_source.h"
#include "engine/table/repeat_join.h"
#include "engine/table/row_key.h"

enum { TIME_BUCKETS = 1024 };

typedef struct search {
    const wendi_repeat_scope *scope;
    const wendi_row_order *order;
    wendi_repeat_rows rows;
    int64_t time_min;
    int64_t time_max;
    uint64_t buckets[TIME_BUCKETS / 64]; /* of equal spans of time from time_min to time_max: has a row */
    wendi_absent_columns absent;
} search;

/* ---- segments outside the window ---- */

/* Of a merged file whose oldest commit is the window's oldest, rows may not know their commit. */
static bool is_covered(const wendi_repeat_scope *scope, const wendi_segment_entry *entry)
{
    bool merged = entry->commit_first != entry->commit_last;
    return scope->covered_from != 0 && entry->commit_first >= scope->covered_from + merged;
}

/* The span of times of all segments outside the window; false: there is none. */
static bool span_outside(const wendi_repeat_scope *scope, int64_t *time_min, int64_t *time_max)
{
    bool any = false;
    *time_min = INT64_MAX;
    *time_max = INT64_MIN;
    for (uint32_t i = 0; i < scope->state->segment_count; i++) {
        const wendi_segment_entry *entry = &scope->state->segments[i];
        if (!is_covered(scope, entry)) {
            any = true;
            *time_min = entry->time_min < *time_min ? entry->time_min : *time_min;
            *time_max = entry->time_max > *time_max ? entry->time_max : *time_max;
        }
    }
    return any;
}

/* ---- rows that may be repeats ---- */

/* maybe[row] of the builder's rows; returns how many. */
static size_t mark_rows(const wendi_column_builder *time, const wendi_row_strip *strips,
                        uint32_t strip_count, int64_t time_min, int64_t time_max, uint8_t *maybe)
{
    size_t count = 0;
    for (uint32_t strip = 0; strip < strip_count; strip++) {
        uint32_t end = strips[strip].first + strips[strip].count;
        uint32_t marked = 0;
        for (uint32_t row = strips[strip].first; row < end; row++) {
            maybe[row] = (uint8_t)((time->nulls[row] == 0) & (time->i64[row] >= time_min) &
                                   (time->i64[row] <= time_max));
            marked += maybe[row];
        }
        count += marked;
    }
    return count;
}

static uint32_t bucket_of(const search *work, int64_t time)
{
    uint64_t span = (uint64_t)work->time_max - (uint64_t)work->time_min;
    uint64_t at = (uint64_t)time - (uint64_t)work->time_min;
    uint64_t width = span / TIME_BUCKETS + 1;
    return (uint32_t)(at / width);
}

/* Whether a row has another user than the one before it in the order. */
static bool other_user(const wendi_column_builder *user, uint32_t before, uint32_t row)
{
    if (user->physical == WENDI_PHYSICAL_STRING) {
        return user->codes[before] != user->codes[row];
    }
    if (user->nulls[before] != user->nulls[row]) {
        return true;
    }
    wendi_value left = wendi_column_builder_value(user, before);
    wendi_value right = wendi_column_builder_value(user, row);
    return !left.null && wendi_value_compare(&left, &right) != 0;
}

/* Copy the marked rows in their order, with their runs. */
static void take_rows(search *work, const uint8_t *maybe)
{
    wendi_repeat_rows *rows = &work->rows;
    const wendi_schema *schema = rows->schema;
    const wendi_column_builder *time = &rows->builder->columns[schema->time_column];
    const wendi_column_builder *user = schema->user_column == WENDI_NO_COLUMN
                                           ? NULL
                                           : &rows->builder->columns[schema->user_column];
    for (uint32_t place = 0; place < work->order->row_count; place++) {
        uint32_t row = work->order->rows[place];
        if (maybe[row] == 0) {
            continue;
        }
        uint32_t at = rows->count;
        if (at == 0 || (user != NULL && other_user(user, rows->rows[at - 1], row))) {
            bool none = user == NULL || wendi_column_builder_is_null(user, row);
            wendi_repeat_run run = {.hash = UINT64_MAX, .first = at};
            if (!none) {
                wendi_value value = wendi_column_builder_value(user, row);
                run.hash = wendi_value_hash(&value);
            }
            rows->null_run |= none;
            rows->runs[rows->run_count++] = run;
        }
        work->time_min = time->i64[row] < work->time_min ? time->i64[row] : work->time_min;
        work->time_max = time->i64[row] > work->time_max ? time->i64[row] : work->time_max;
        rows->times[at] = time->i64[row];
        rows->places[at] = place;
        rows->rows[at] = row;
        rows->count++;
    }
    rows->runs[rows->run_count] = (wendi_repeat_run){UINT64_MAX, rows->count};
}

static void fill_buckets(search *work)
{
    const wendi_repeat_rows *rows = &work->rows;
    for (uint32_t i = 0; i < rows->count; i++) {
        uint32_t bucket = bucket_of(work, rows->times[i]);
        work->buckets[bucket / 64] |= UINT64_C(1) << bucket % 64;
    }
}

/* Rows of the flush that the segments outside the window may hold; rows.count = 0: none. */
static wend_status choose_rows(search *work, const wendi_row_builder *builder, int64_t time_min,
                               int64_t time_max, wend_error *error)
{
    wendi_repeat_rows *rows = &work->rows;
    const wendi_column_builder *time = &builder->columns[builder->schema->time_column];
    wendi_row_strip whole;
    uint32_t strip_count;
    const wendi_row_strip *strips = wendi_row_builder_strips(builder, &whole, &strip_count);
    wend_status status = WEND_OK;
    uint8_t *maybe = wendi_alloc(builder->row_capacity);
    if (maybe == NULL) {
        return wendi_fail_nomem(error, "finding repeats", builder->row_capacity);
    }
    size_t count = mark_rows(time, strips, strip_count, time_min, time_max, maybe);
    if (count == 0) {
        goto cleanup;
    }
    rows->places = wendi_alloc(count * sizeof *rows->places);
    rows->rows = wendi_alloc(count * sizeof *rows->rows);
    rows->times = wendi_alloc(count * sizeof *rows->times);
    rows->runs = wendi_alloc((count + 1) * sizeof *rows->runs);
    rows->found = wendi_alloc_zero(rows->rules, count);
    if (rows->places == NULL || rows->rows == NULL || rows->times == NULL || rows->runs == NULL ||
        rows->found == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "finding repeats", count * sizeof *rows->runs));
    }
    take_rows(work, maybe);
    fill_buckets(work);
cleanup:
    wendi_free(maybe);
    return status;
}

/* ---- what has to be joined ---- */

static bool has_times(const search *work, int64_t time_min, int64_t time_max)
{
    int64_t low = time_min > work->time_min ? time_min : work->time_min;
    int64_t high = time_max < work->time_max ? time_max : work->time_max;
    if (low > high) {
        return false;
    }
    for (uint32_t bucket = bucket_of(work, low); bucket <= bucket_of(work, high); bucket++) {
        if ((work->buckets[bucket / 64] >> bucket % 64 & 1) != 0) {
            return true;
        }
    }
    return false;
}

/* The first run (that without a user left out) whose hash is >= `hash`. */
static uint32_t lower_run(const wendi_repeat_rows *rows, uint64_t hash)
{
    uint32_t low = 0;
    uint32_t high = rows->run_count - rows->null_run;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (rows->runs[middle].hash < hash) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/*
 * The runs that a segment or row group of these users may have rows of: *begin..*end-1. The one
 * without a user stands at the end and is taken in with whatever lies before it.
 */
static void choose_runs(const wendi_repeat_rows *rows, uint64_t hash_min, uint64_t hash_max,
                        uint64_t null_user_rows, uint32_t *begin, uint32_t *end)
{
    uint32_t users = rows->run_count - rows->null_run;
    *begin = hash_min > hash_max ? users : lower_run(rows, hash_min);
    *end = hash_min > hash_max ? users
           : hash_max == UINT64_MAX ? users
                                    : lower_run(rows, hash_max + 1);
    if (rows->null_run && null_user_rows != 0) {
        *begin = *begin == *end ? users : *begin;
        *end = rows->run_count;
    }
}

static uint64_t null_users_of(const search *work, uint64_t null_user_rows)
{
    return work->rows.schema->user_column == WENDI_NO_COLUMN ? 1 : null_user_rows;
}

static wend_status join_group(search *work, wendi_segment *segment, uint32_t group,
                              wend_error *error)
{
    const wendi_row_group_info *info = wendi_segment_row_group(segment, group);
    wendi_segment_columns columns = {.segment = NULL};
    uint32_t begin;
    uint32_t end;
    wend_status status = WEND_OK;
    choose_runs(&work->rows, info->user_hash_min, info->user_hash_max,
                null_users_of(work, info->null_user_rows), &begin, &end);
    if (begin == end || !has_times(work, info->time_min, info->time_max)) {
        return WEND_OK;
    }
    WEND_TRY(wendi_segment_columns_open(&work->absent, segment, group, &columns, error));
    WEND_TRY(wendi_repeat_join(&work->rows, begin, end, &columns, error));
cleanup:
    wendi_segment_columns_close(&columns);
    return status;
}

static wend_status join_segment(search *work, const wendi_segment_entry *entry, wend_error *error)
{
    wendi_merge_scope scope = {.io = work->scope->io, .folder = work->scope->folder};
    wendi_merge_source source = {.scope = &scope, .entry = entry};
    uint32_t begin;
    uint32_t end;
    wend_status status = WEND_OK;
    choose_runs(&work->rows, entry->user_hash_min, entry->user_hash_max,
                null_users_of(work, entry->null_user_rows), &begin, &end);
    if (begin == end || !has_times(work, entry->time_min, entry->time_max)) {
        return WEND_OK;
    }
    if (work->absent.schema == NULL) {
        WEND_TRY(wendi_absent_columns_open(work->scope->stored, &work->absent, error));
    }
    WEND_TRY(wendi_merge_source_look(&source, error));
    for (uint32_t group = 0; group < wendi_segment_row_group_count(source.segment); group++) {
        WEND_TRY(join_group(work, source.segment, group, error));
    }
cleanup:
    wendi_merge_source_close(&source);
    return status;
}

/* ---- what was found ---- */

static bool is_found(const wendi_repeat_rows *rows, uint32_t at)
{
    bool any = false;
    for (uint32_t rule = 0; rule < rows->rules; rule++) {
        any |= rows->found[(size_t)rule * rows->count + at] != 0;
    }
    return any;
}

static wend_status hand_over(const wendi_repeat_rows *rows, wendi_old_repeats *repeats,
                             wend_error *error)
{
    uint32_t count = 0;
    uint32_t *builder_rows = NULL;
    wendi_hash128 *keys = NULL;
    wend_status status = WEND_OK;
    for (uint32_t i = 0; i < rows->count; i++) {
        count += is_found(rows, i);
    }
    if (count == 0) {
        return WEND_OK;
    }
    size_t all = (size_t)count * rows->rules;
    repeats->rules = rows->rules;
    repeats->places = wendi_alloc(count * sizeof *repeats->places);
    repeats->keys = wendi_alloc(all * sizeof *repeats->keys);
    repeats->stored = wendi_alloc(all);
    builder_rows = wendi_alloc(count * sizeof *builder_rows);
    keys = wendi_alloc(all * sizeof *keys);
    if (repeats->places == NULL || repeats->keys == NULL || repeats->stored == NULL ||
        builder_rows == NULL || keys == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "finding repeats", all * sizeof *keys));
    }
    for (uint32_t i = 0; i < rows->count; i++) {
        if (is_found(rows, i)) {
            for (uint32_t rule = 0; rule < rows->rules; rule++) {
                repeats->stored[(size_t)repeats->count * rows->rules + rule] =
                    rows->found[(size_t)rule * rows->count + i];
            }
            repeats->places[repeats->count] = rows->places[i];
            builder_rows[repeats->count++] = rows->rows[i];
        }
    }
    WEND_TRY(wendi_repeat_window_keys(rows->builder, builder_rows, count, keys, error));
    for (uint32_t rule = 0; rule < rows->rules; rule++) {
        for (uint32_t i = 0; i < count; i++) {
            repeats->keys[(size_t)i * rows->rules + rule] = keys[(size_t)rule * count + i];
        }
    }
cleanup:
    wendi_free(builder_rows);
    wendi_free(keys);
    return status;
}

static void search_close(search *work)
{
    wendi_repeat_rows *rows = &work->rows;
    wendi_free(rows->places);
    wendi_free(rows->rows);
    wendi_free(rows->times);
    wendi_free(rows->runs);
    wendi_free(rows->found);
    wendi_free(rows->keys);
    wendi_key_index_free(&rows->index);
    wendi_absent_columns_close(&work->absent);
    wendi_free(work);
}

wend_status wendi_old_repeats_find(const wendi_repeat_scope *scope, const wendi_row_builder *builder,
                                   const wendi_row_order *order, wendi_old_repeats *repeats,
                                   wend_error *error)
{
    const wendi_schema *schema = builder->schema;
    int64_t time_min;
    int64_t time_max;
    wend_status status = WEND_OK;
    memset(repeats, 0, sizeof *repeats);
    if (wendi_row_key_rules(schema) == 0 || schema->time_column == WENDI_NO_COLUMN ||
        schema->event_id_policy == WENDI_EVENT_ID_DROP ||
        !span_outside(scope, &time_min, &time_max)) {
        return WEND_OK;
    }
    search *work = wendi_alloc_zero(1, sizeof *work);
    if (work == NULL) {
        return wendi_fail_nomem(error, "finding repeats", sizeof *work);
    }
    work->scope = scope;
    work->order = order;
    work->time_min = INT64_MAX;
    work->time_max = INT64_MIN;
    work->rows.builder = builder;
    work->rows.schema = schema;
    work->rows.rules = wendi_row_key_rules(schema);
    WEND_TRY(choose_rows(work, builder, time_min, time_max, error));
    for (uint32_t i = 0; work->rows.count != 0 && i < scope->state->segment_count; i++) {
        if (!is_covered(scope, &scope->state->segments[i])) {
            WEND_TRY(join_segment(work, &scope->state->segments[i], error));
        }
    }
    WEND_TRY(hand_over(&work->rows, repeats, error));
cleanup:
    search_close(work);
    if (status != WEND_OK) {
        wendi_old_repeats_free(repeats);
    }
    return status;
}

void wendi_old_repeats_free(wendi_old_repeats *repeats)
{
    wendi_free(repeats->places);
    wendi_free(repeats->keys);
    wendi_free(repeats->stored);
    memset(repeats, 0, sizeof *repeats);
}
