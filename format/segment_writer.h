/**
 * Writing a segment: row groups of sorted vectors in, bytes strictly forward out.
 *
 *   open -> row_group* -> finish -> close
 *
 * No files, threads, clocks or globals: the sink takes the bytes, the caller gives uuid and origins,
 * so equal input (and memory of predictions) gives equal bytes. docs/FORMAT.md, part 1, says what is written. After any failure
 * only close() is meaningful and what the sink took is rubbish.
 */
#ifndef WENDI_FORMAT_SEGMENT_WRITER_H
#define WENDI_FORMAT_SEGMENT_WRITER_H

#include "engine/base/bytes.h"
#include "engine/column/schema.h" /* WENDI_NO_COLUMN */
#include "engine/column/vector.h"

/** Where the bytes go. Called with pieces of some 1 MiB (the last one smaller), in order, never twice. */
typedef struct wendi_segment_sink {
    void *context;
    wend_status (*write)(void *context, const void *bytes, size_t length, wend_error *error);
} wendi_segment_sink;

/** A column of the segment; also what a reader tells about it. */
typedef struct wendi_segment_column {
    uint32_t id; /* table-wide */
    wendi_type type;
    wendi_string name;
} wendi_segment_column;

/** Which part of a source the rows came from: offsets from <= offset < to. Kept for people and repair. */
typedef struct wendi_segment_origin {
    wendi_string source; /* topic or file */
    int32_t partition;
    int64_t from;
    int64_t to;
} wendi_segment_origin;

typedef struct wendi_segment_writer_options {
    uint8_t uuid[16];
    const wendi_segment_column *columns; /* ids are distinct, types are storable ones */
    uint32_t column_count;
    uint32_t apart_count; /* so many of the last columns tell how rows came here: no column is predicted from them */
    uint32_t user_column; /* index into columns, or WENDI_NO_COLUMN */
    uint32_t time_column; /* a timestamptz, or WENDI_NO_COLUMN */
    int zstd_level;       /* for strings; 0: 1 */
    /* Borrowed until close(), or NULL: what is predicted from what in segments of the same columns before
       (format/prediction.h). It saves looking for it. */
    struct wendi_prediction_memory *predictions;
    const wendi_segment_origin *origins;
    uint32_t origin_count;
} wendi_segment_writer_options;

/** What the commit log keeps of a finished segment; the fields of wendi_segment_entry have the same meaning. */
typedef struct wendi_segment_summary {
    uint64_t file_bytes; /* a multiple of 4096 */
    uint64_t footer_offset;
    uint64_t footer_checksum;
    uint64_t row_count;
    int64_t time_min; /* of non-null times; min > max when there is none */
    int64_t time_max;
    uint64_t user_hash_min; /* of non-null users; min > max when there is none */
    uint64_t user_hash_max;
    uint64_t null_user_rows; /* all rows without a user column */
} wendi_segment_summary;

typedef struct wendi_segment_writer wendi_segment_writer;

/** Copies all it needs of `options` and `sink`. Writes the header. */
wend_status wendi_segment_writer_open(const wendi_segment_sink *sink, const wendi_segment_writer_options *options,
                                      wendi_segment_writer **writer_out, wend_error *error);

/**
 * Encode and write one row group of 1..WENDI_ROW_GROUP_ROWS_MAX rows.
 *
 * `columns` has column_count vectors in the order of the options, all of `row_count` rows in the one
 * sort order: (user is null, user hash, user, time, ...); hashes rise from row group to row group too.
 * A user never spans two row groups unless nothing else stands in the first's end and the second's begin.
 * - Strings: DICTIONARY (unused entries are fine and are left out; entries that do not rise bytewise,
 *   dictionary->ordered, are sorted here unless the rows are stored in order of appearance), CONSTANT, or FLAT (interned here when values repeat enough). The user column: a DICTIONARY whose
 *   entries rise by (wendi_value_hash, bytes) with ordered = false, or FLAT, or CONSTANT.
 * - Others: FLAT with nulls as in vector.h, or CONSTANT.
 * The vectors are only read and may go when the call returns.
 *
 * Returns: WEND_OK; WEND_NOMEM; the sink's status; WEND_INVALID for a string longer than 1 GiB.
 * Cost:    memory of a few bytes a row of one column plus its used dictionary entries.
 */
wend_status wendi_segment_writer_row_group(wendi_segment_writer *writer, const wendi_vector *columns, uint32_t row_count,
                                           wend_error *error);

/** Write footer and trailer and say what to put into the commit. A segment without row groups is valid. */
wend_status wendi_segment_writer_finish(wendi_segment_writer *writer, wendi_segment_summary *summary, wend_error *error);
void wendi_segment_writer_close(wendi_segment_writer *writer); /* accepts NULL */

#endif
