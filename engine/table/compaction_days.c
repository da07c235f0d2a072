/* Counting rows by day. Rows come in runs of users, so the day of the row before is tried first. */
#include "engine/table/compaction_days.h"

#include <string.h>

#include "engine/base/civil.h"
#include "format/segment_reader.h"

#define DAY_US (INT64_C(86400) * 1000000)

int64_t wendi_day_of(int64_t time_us)
{
    return wendi_floor_div(time_us, DAY_US);
}

void wendi_days_free(wendi_days *days)
{
    wendi_buffer_free(&days->buffer);
    days->last = 0;
}

wend_status wendi_days_add(wendi_days *days, int64_t day, uint64_t rows, double bytes)
{
    wendi_day *list = wendi_days_list(days);
    uint32_t count = wendi_days_count(days);
    uint32_t low = 0;
    uint32_t high = count;
    if (days->last < count && list[days->last].day == day) {
        low = days->last;
    } else {
        while (low < high) {
            uint32_t middle = low + (high - low) / 2;
            if (list[middle].day < day) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
    }
    if (low == count || list[low].day != day) {
        wendi_day fresh = {.day = day};
        if (wendi_buffer_append(&days->buffer, &fresh, sizeof fresh) != WEND_OK) {
            return WEND_NOMEM;
        }
        list = wendi_days_list(days);
        memmove(list + low + 1, list + low, (count - low) * sizeof *list);
        list[low] = fresh;
    }
    list[low].rows += rows;
    list[low].bytes += bytes;
    days->last = low;
    return WEND_OK;
}

static wend_status count_batch(wendi_days *days, const wendi_vector *times, int64_t last_day,
                               double row_bytes)
{
    uint32_t begin = 0;
    int64_t day = 0;
    for (uint32_t row = 0; row <= times->row_count; row++) {
        int64_t next = day;
        if (row < times->row_count) {
            next = wendi_vector_is_null(times, row)
                       ? last_day
                       : wendi_day_of(times->i64[wendi_vector_index(times, row)]);
        }
        if (row > begin && (row == times->row_count || next != day)) {
            wend_status status = wendi_days_add(days, day, row - begin, row_bytes * (row - begin));
            if (status != WEND_OK) {
                return status;
            }
            begin = row;
        }
        day = next;
    }
    return WEND_OK;
}

static wend_status count_times(wendi_days *days, wendi_segment *segment, uint32_t column,
                               const wendi_segment_entry *entry, wend_error *error)
{
    double row_bytes = (double)entry->file_bytes / (double)entry->row_count;
    wendi_chunk *chunk = NULL;
    wend_status status = WEND_OK;
    for (uint32_t group = 0; group < wendi_segment_row_group_count(segment); group++) {
        uint32_t rows = wendi_segment_row_group(segment, group)->row_count;
        WEND_TRY(wendi_chunk_open(segment, group, column, &chunk, error));
        for (uint32_t first = 0; first < rows; first += WENDI_BATCH_ROWS) {
            wendi_vector times;
            uint32_t count = rows - first < WENDI_BATCH_ROWS ? rows - first : WENDI_BATCH_ROWS;
            WEND_TRY(wendi_chunk_read(chunk, first, count, &times, error));
            if (count_batch(days, &times, wendi_day_of(entry->time_max), row_bytes) != WEND_OK) {
                WEND_TRY(wendi_fail_nomem(error, "a list of days", days->buffer.length));
            }
        }
        wendi_chunk_close(chunk);
        chunk = NULL;
    }
cleanup:
    wendi_chunk_close(chunk);
    return status;
}

wend_status wendi_days_count_segment(wendi_days *days, wendi_snapshot *snapshot, uint32_t index,
                                     wend_error *error)
{
    const wendi_segment_entry *entry = &wendi_snapshot_state(snapshot)->segments[index];
    const wendi_schema *schema = wendi_snapshot_schema(snapshot);
    bool timed = schema->time_column != WENDI_NO_COLUMN && entry->time_min <= entry->time_max;
    if (entry->row_count == 0) {
        return WEND_OK;
    }
    if (!timed || wendi_day_of(entry->time_min) == wendi_day_of(entry->time_max)) {
        return wendi_days_add(days, timed ? wendi_day_of(entry->time_max) : 0, entry->row_count,
                              (double)entry->file_bytes) == WEND_OK
                   ? WEND_OK
                   : wendi_fail_nomem(error, "a list of days", days->buffer.length);
    }
    wendi_segment *segment;
    wend_status status = wendi_snapshot_segment(snapshot, index, &segment, error);
    if (status != WEND_OK) {
        return status;
    }
    uint32_t column = wendi_segment_find_column(segment, schema->columns[schema->time_column].id);
    if (column == WENDI_NO_COLUMN) {
        return wendi_fail(error, WEND_CORRUPT, "a segment with times has no time column");
    }
    return count_times(days, segment, column, entry, error);
}
