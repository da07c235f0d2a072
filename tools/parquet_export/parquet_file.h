/**
 * One Parquet file being written: forward only, footer last.
 *
 * The file is open only while bytes go into it, so that an export into thousands of partitions
 * needs one descriptor. Between row groups it is a path, a length and the footer gathered so far.
 */
#ifndef PARQUET_FILE_H
#define PARQUET_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "tools/parquet_export/parquet_metadata.h"

typedef struct parquet_file {
    char *path; /* owned; NULL: no file */
    int64_t length;
    int64_t row_count;
    size_t row_group_count;
    parquet_bytes row_groups; /* RowGroup elements */
} parquet_file;

/** A chunk with what it is encoded by. */
typedef struct parquet_file_column {
    const parquet_chunk *chunk;
    parquet_pool *pool;
} parquet_file_column;

/** Begin an empty file at `path`, which becomes the file's (also after a failure). */
WEND_MUST_USE wend_status parquet_file_begin(parquet_file *file, char *path, wend_error *error);

/** Encode and append the chunks, all of `row_count` rows, as one row group with its page index. */
WEND_MUST_USE wend_status parquet_file_append(parquet_file *file, parquet_page_encoder *encoder,
                                              const parquet_file_column *columns,
                                              size_t column_count, int64_t row_count,
                                              wend_error *error);

/** Write the footer and sync the file. Afterwards `file` is no file again, but for its length. */
WEND_MUST_USE wend_status parquet_file_finish(parquet_file *file,
                                              const parquet_column *const *columns,
                                              size_t column_count, wend_error *error);
/** Forget the file, whatever its state; the bytes on disk stay. */
void parquet_file_abandon(parquet_file *file);

#endif
