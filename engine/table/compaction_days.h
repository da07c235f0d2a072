/** How many rows lie on which day: what a plan of compaction is made from. */
#ifndef WENDI_TABLE_COMPACTION_DAYS_H
#define WENDI_TABLE_COMPACTION_DAYS_H

#include "engine/table/table.h"

typedef struct wendi_day {
    int64_t day; /* since 1970-01-01 UTC */
    uint64_t rows;
    double bytes;
} wendi_day;

/** Days that have rows, rising. Zero-filled is a valid empty one. */
typedef struct wendi_days {
    wendi_buffer buffer; /* wendi_day each */
    uint32_t last;       /* the day added to last */
} wendi_days;

static inline wendi_day *wendi_days_list(const wendi_days *days)
{
    return (wendi_day *)(void *)days->buffer.data;
}
static inline uint32_t wendi_days_count(const wendi_days *days)
{
    return (uint32_t)(days->buffer.length / sizeof(wendi_day));
}
wend_status wendi_days_add(wendi_days *days, int64_t day, uint64_t rows, double bytes);
void wendi_days_free(wendi_days *days);
int64_t wendi_day_of(int64_t time_us);

/**
 * Count the rows of segment `index`: from its entry when they lie on one day, else from its times.
 * Rows without a time count for the segment's last day, those of a segment without any for day 0.
 */
wend_status wendi_days_count_segment(wendi_days *days, wendi_snapshot *snapshot, uint32_t index,
                                     wend_error *error);

#endif
