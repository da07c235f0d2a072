/* Opening a row group for a merge, its runs of users within the scope, and decoding keys ahead. */
#include "engine/table/merge_source.h"

#include <string.h>

#include "engine/base/alloc.h"
#include "engine/column/vector_value.h"

enum { KEY_ROWS = 2048 };

static wend_status read_bytes(void *context, uint64_t offset, void *buffer, size_t length,
                              wend_error *error)
{
    return wendi_file_read_at(context, offset, buffer, length, error);
}

wend_status wendi_merge_source_look(wendi_merge_source *source, wend_error *error)
{
    char path[WENDI_PATH_BYTES];
    const wendi_segment_entry *entry = source->entry;
    wend_status status = WEND_OK;
    memcpy(source->name, "seg/", 4);
    wendi_uuid_text(entry->uuid, source->name + 4);
    memcpy(source->name + 4 + WENDI_UUID_TEXT_BYTES - 1, ".wseg", 6);
    WEND_TRY(
        wendi_table_uuid_path(path, source->scope->folder, "seg", entry->uuid, ".wseg", error));
    status = wendi_file_open(source->scope->io, path, &source->file, error);
    if (status == WEND_NOT_FOUND) {
        status = wendi_fail(error, WEND_CORRUPT, "%s is named by the log but missing", path);
    }
    WEND_TRY(status);
    wendi_segment_source bytes = {source->file, source->name, wendi_file_bytes(source->file),
                                  read_bytes};
    wendi_segment_expected expected = {.file_bytes = entry->file_bytes,
                                       .footer_offset = entry->footer_offset,
                                       .footer_checksum = entry->footer_checksum};
    memcpy(expected.uuid, entry->uuid, WENDI_UUID_BYTES);
    WEND_TRY(wendi_segment_open(&bytes, &expected, &source->segment, error));
cleanup:
    return status;
}

static wend_status open_runs(wendi_merge_source *source, wend_error *error)
{
    const wendi_merge_scope *scope = source->scope;
    uint32_t user = wendi_segment_user_column(source->segment);
    wend_status status = WEND_OK;
    WEND_TRY(wendi_segment_user_runs(source->segment, source->row_group, &source->runs, error));
    WEND_TRY(wendi_segment_user_hashes(source->segment, source->row_group, &source->hashes, error));
    source->run = wendi_user_runs_lower_bound(source->runs, source->hashes, scope->hash_begin);
    source->run_end =
        scope->hash_last == UINT64_MAX
            ? source->runs->run_count
            : wendi_user_runs_lower_bound(source->runs, source->hashes, scope->hash_last + 1);
    if (user != WENDI_NO_COLUMN &&
        wendi_type_physical(wendi_segment_column_at(source->segment, user)->type) ==
            WENDI_PHYSICAL_STRING) {
        uint32_t position = scope->absent->schema->user_column;
        wendi_chunk *chunk;
        WEND_TRY(wendi_segment_columns_chunk(&source->keys, position, &chunk, error));
        WEND_TRY(wendi_chunk_dictionary(chunk, &source->users, error));
    }
    source->run--; /* wraps at 0 and back */
    wendi_merge_source_step(source);
cleanup:
    return status;
}

wend_status wendi_merge_source_open(wendi_merge_source *source, wend_error *error)
{
    const wendi_absent_columns *absent = source->scope->absent;
    wend_status status = WEND_OK;
    WEND_TRY(wendi_merge_source_look(source, error));
    WEND_TRY(wendi_segment_columns_open(absent, source->segment, source->row_group,
                                        &source->columns, error));
    WEND_TRY(wendi_segment_columns_open(absent, source->segment, source->row_group, &source->keys,
                                        error));
    uint32_t commits = wendi_segment_find_column(source->segment, WENDI_COMMIT_COLUMN_ID);
    if (commits != WENDI_NO_COLUMN) {
        WEND_TRY(
            wendi_chunk_open(source->segment, source->row_group, commits, &source->commits, error));
    }
    WEND_TRY(open_runs(source, error));
cleanup:
    if (status != WEND_OK) {
        wendi_merge_source_close(source);
    }
    return status;
}

void wendi_merge_source_close(wendi_merge_source *source)
{
    wendi_segment_columns_close(&source->columns);
    wendi_segment_columns_close(&source->keys);
    wendi_chunk_close(source->commits);
    wendi_segment_close(source->segment);
    wendi_file_abandon(source->file);
    source->commits = NULL;
    source->segment = NULL;
    source->file = NULL;
    source->runs = NULL;
    source->hashes = NULL;
    source->users = NULL;
    source->run = source->run_end = 0;
    source->times = source->orders = source->user_values = (wendi_key_window){.end = 0};
}

void wendi_merge_source_step(wendi_merge_source *source)
{
    source->run++;
    if (source->run < source->run_end) {
        source->null_user = source->runs->null_run && source->run + 1 == source->runs->run_count;
        source->hash = source->hashes[source->run];
    }
}

wend_status wendi_key_window_move(wendi_merge_source *source, wendi_key_window *window,
                                  uint32_t position, uint32_t row, wend_error *error)
{
    uint32_t first = row / WENDI_VECTOR_ROWS * WENDI_VECTOR_ROWS;
    uint32_t page_end = (first / WENDI_PAGE_ROWS + 1) * WENDI_PAGE_ROWS;
    uint32_t end = first + KEY_ROWS < page_end ? first + KEY_ROWS : page_end;
    end = end < source->row_count ? end : source->row_count;
    window->end = window->first = 0;
    wend_status status = wendi_segment_columns_read(&source->keys, position, first, end - first,
                                                    &window->vector, error);
    if (status == WEND_OK) {
        window->first = first;
        window->end = end;
        window->mask = window->vector.form == WENDI_FORM_CONSTANT ? 0 : UINT32_MAX;
    }
    return status;
}

wend_status wendi_merge_source_user(wendi_merge_source *source, wendi_value *user,
                                    wend_error *error)
{
    uint32_t position = source->scope->absent->schema->user_column;
    if (source->users != NULL) {
        *user = (wendi_value){.type = wendi_type_of(WENDI_TYPE_TEXT),
                              .string = wendi_dictionary_at(source->users, source->run + 1)};
        return WEND_OK;
    }
    uint32_t row = source->runs->first_row[source->run];
    if (!wendi_key_window_holds(&source->user_values, row)) {
        wend_status status =
            wendi_key_window_move(source, &source->user_values, position, row, error);
        if (status != WEND_OK) {
            return status;
        }
    }
    *user = wendi_vector_value(&source->user_values.vector, row - source->user_values.first);
    return WEND_OK;
}

/* ---- the rows of a run within the scope's times ---- */

/* Does the row stand before `time`? Rows without a time stand behind all. */
static wend_status stands_before(wendi_merge_source *source, uint32_t row, int64_t time,
                                 bool *before, wend_error *error)
{
    wendi_key_window *times = &source->times;
    if (!wendi_key_window_holds(times, row)) {
        wend_status status = wendi_key_window_move(
            source, times, source->scope->absent->schema->time_column, row, error);
        if (status != WEND_OK) {
            return status;
        }
    }
    uint32_t index = wendi_key_window_index(times, row);
    bool null = times->vector.nulls != NULL && times->vector.nulls[index] != 0;
    *before = !null && times->vector.i64[index] < time;
    return WEND_OK;
}

/* The first row of begin..end-1 that does not stand before `time`. */
static wend_status find_time(wendi_merge_source *source, uint32_t begin, uint32_t end, int64_t time,
                             uint32_t *row, wend_error *error)
{
    while (begin < end) {
        uint32_t middle = begin + (end - begin) / 2;
        bool before = false;
        wend_status status = stands_before(source, middle, time, &before, error);
        if (status != WEND_OK) {
            return status;
        }
        if (before) {
            begin = middle + 1;
        } else {
            end = middle;
        }
    }
    *row = begin;
    return WEND_OK;
}

/* The first row of begin..end-1 without a time. */
static wend_status find_timeless(wendi_merge_source *source, uint32_t begin, uint32_t end,
                                 uint32_t *row, wend_error *error)
{
    uint32_t last = end;
    wend_status status = find_time(source, begin, end, INT64_MAX, &last, error);
    while (status == WEND_OK && last < end) { /* of equals to the greatest time there are few */
        status =
            wendi_key_window_holds(&source->times, last)
                ? WEND_OK
                : wendi_key_window_move(source, &source->times,
                                        source->scope->absent->schema->time_column, last, error);
        uint32_t index = wendi_key_window_index(&source->times, last);
        if (status == WEND_OK && wendi_vector_is_null(&source->times.vector, index)) {
            break;
        }
        last++;
    }
    *row = last;
    return status;
}

wend_status wendi_merge_source_rows(wendi_merge_source *source, uint32_t *begin, uint32_t *end,
                                    wend_error *error)
{
    const wendi_merge_scope *scope = source->scope;
    uint32_t run_end = source->runs->first_row[source->run + 1];
    wend_status status = WEND_OK;
    *begin = source->runs->first_row[source->run];
    *end = run_end;
    if (!source->narrowed) {
        return WEND_OK;
    }
    if (scope->time_begin != INT64_MIN) {
        WEND_TRY(find_time(source, *begin, run_end, scope->time_begin, begin, error));
    }
    if (!source->takes_timeless) {
        WEND_TRY(scope->time_end == INT64_MAX
                     ? find_timeless(source, *begin, run_end, end, error)
                     : find_time(source, *begin, run_end, scope->time_end, end, error));
    } else if (scope->time_end != INT64_MAX) {
        /* The segment's last time lies in the scope, so nothing lies between it and the timeless.
         */
        uint32_t timed_end;
        uint32_t timeless;
        WEND_TRY(find_time(source, *begin, run_end, scope->time_end, &timed_end, error));
        WEND_TRY(find_timeless(source, *begin, run_end, &timeless, error));
        if (timed_end != timeless) {
            WEND_TRY(wendi_fail(error, WEND_CORRUPT, "%s holds later times than the log says",
                                source->name));
        }
    }
cleanup:
    return status;
}
