/**
 * From a builder full of rows to a segment file under its final name that no commit names yet.
 */
#ifndef WENDI_TABLE_SEGMENT_FLUSH_H
#define WENDI_TABLE_SEGMENT_FLUSH_H

#include "engine/column/builder.h"
#include "engine/table/commit_log.h"
#include "engine/table/flush_scratch.h"
#include "engine/table/row_order.h"

/**
 * Asked once between sorting and writing: drop[i], which comes zeroed, becomes 1 for a row that is
 * not to be stored, i being its place in order->rows; *drop_count says of how many. Both are only
 * read. On the flushing thread.
 */
typedef struct wendi_flush_filter {
    wend_status (*drop)(void *context, const wendi_row_builder *builder,
                        const wendi_row_order *order, uint8_t *drop, uint32_t *drop_count,
                        wend_error *error);
    void *context;
} wendi_flush_filter;

/**
 * Sort, encode, write, sync and name the segment; `entry` is filled but for the commit numbers and
 * ordinal. The builder has at least one row. After a failure no file is left but in tmp/. Any
 * thread. `filter` may be NULL. When it drops all rows no file is made and entry->row_count is 0.
 * Memory of the batch's size is taken from `shelf` and put back there.
 */
wend_status wendi_segment_flush(wendi_io *io, const char *folder, const wendi_row_builder *builder,
                                const wendi_flush_filter *filter, wendi_flush_shelf *shelf,
                                int zstd_level, wendi_segment_entry *entry, wend_error *error);

#endif
