/**
 * The rows of one folder on their way to its files: buffered by column, written as row groups,
 * rolled over to another file where a limit of bytes says so.
 */
#ifndef PARQUET_WRITER_H
#define PARQUET_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include "tools/parquet_export/parquet_file.h"
#include "tools/parquet_export/parquet_output.h"

/** What all writers of one export share. */
typedef struct parquet_writer_context {
    const parquet_export_options *options;
    parquet_stage **stages;         /* of the columns that files hold */
    const parquet_column **columns; /* beside the stages */
    size_t column_count;
    parquet_page_encoder encoder;
    parquet_output *output;
    parquet_export_stats *stats;
} parquet_writer_context;

typedef struct parquet_writer {
    char *folder; /* "", or "a=1/b=2" */
    int64_t part_count;
    parquet_file file; /* its path is NULL between parts */
    parquet_chunk *chunks;
    size_t row_count;      /* buffered */
    size_t buffered_bytes; /* memory that the buffered rows hold, pools aside */
    /* While a slice is shared out: how many of its rows come here, and where they are listed. */
    uint32_t slice_count;
    uint32_t slice_start;
} parquet_writer;

WEND_MUST_USE wend_status parquet_writer_open(parquet_writer *writer,
                                              const parquet_writer_context *context,
                                              const uint8_t *folder, size_t folder_length);
/** Append staged rows: all (`rows` is NULL) or those listed. */
WEND_MUST_USE wend_status parquet_writer_append(parquet_writer *writer,
                                                const parquet_writer_context *context,
                                                const uint32_t *rows, size_t count);
/** Write the buffered rows as a row group and give their memory back; nothing when there are none.
 */
WEND_MUST_USE wend_status parquet_writer_flush(parquet_writer *writer,
                                               parquet_writer_context *context, wend_error *error);
/** Flush and finish; a writer that never had a row makes a file without row groups. */
WEND_MUST_USE wend_status parquet_writer_finish(parquet_writer *writer,
                                                parquet_writer_context *context, wend_error *error);
void parquet_writer_close(parquet_writer *writer, const parquet_writer_context *context);

#endif
