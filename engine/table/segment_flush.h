/**
 * From a builder full of rows to a segment file under its final name that no commit names yet.
 */
#ifndef WENDI_TABLE_SEGMENT_FLUSH_H
#define WENDI_TABLE_SEGMENT_FLUSH_H

#include "engine/column/builder.h"
#include "engine/table/commit_log.h"

/**
 * Sort, encode, write, sync and name the segment; `entry` is filled but for the commit numbers and
 * ordinal. The builder has at least one row. After a failure no file is left but in tmp/. Any
 * thread.
 */
wend_status wendi_segment_flush(wendi_io *io, const char *folder, const wendi_row_builder *builder,
                                int zstd_level, wendi_segment_entry *entry, wend_error *error);

#endif
