/**
 * Parquet files out of an Arrow C stream: the whole contract of the exporter.
 *
 * The stream is the only input, so whatever yields one (a scan, a query, another library) can be
 * exported. docs/EXPORT.md says how types map, what lands on disk and what is promised about it.
 */
#ifndef PARQUET_EXPORT_H
#define PARQUET_EXPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wend/arrow.h"
#include "wend/status.h"

typedef enum parquet_compression {
    PARQUET_COMPRESSION_ZSTD = 0,
    PARQUET_COMPRESSION_SNAPPY,
    PARQUET_COMPRESSION_NONE
} parquet_compression;

typedef enum parquet_target {
    /* A directory when partitioned, when `output` ends in '/' or is one already; else a file. */
    PARQUET_TARGET_AUTO = 0,
    PARQUET_TARGET_FILE,
    PARQUET_TARGET_DIRECTORY
} parquet_target;

/** What was written so far; complete when parquet_export() returned WEND_OK. */
typedef struct parquet_export_stats {
    int64_t row_count;
    int64_t file_count;
    int64_t row_group_count;
    int64_t byte_count;      /* of all Parquet files, footers included */
    int64_t partition_count; /* Hive folders made; 0 when not partitioned */
    int64_t
        empty_as_null_row_count; /* rows whose empty partition text went to Hive's null folder */
} parquet_export_stats;

/**
 * Fill with parquet_export_options_init(), then change. All pointers are borrowed for the call.
 * A number that cannot be honoured is an error of parquet_export(), never adjusted silently.
 */
typedef struct parquet_export_options {
    const char *output;              /* required */
    parquet_target target;           /* AUTO */
    parquet_compression compression; /* ZSTD */
    int32_t zstd_level;              /* 3; 1 to 22 */
    int64_t row_group_rows;          /* 1,048,576; at least 1 */
    int64_t row_group_bytes;         /* 128 MiB buffered before encoding; at least 64 KiB */
    int64_t page_rows;               /* 131,072; at least 1 */
    int64_t page_bytes;              /* 1 MiB before compression; 1 KiB to 1 GiB */
    int64_t file_bytes;              /* directories: begin another part beyond this; 0: never */
    int64_t buffer_bytes;            /* 512 MiB: all partitions together */
    const char *const *partition_by; /* column names, outermost folder first */
    size_t partition_by_count;       /* 0: not partitioned */
    int64_t partition_count_max;     /* 20,000: more folders than this is an error */
    bool page_checksums;             /* true: a CRC-32 in every page header */
    /* Called a few times a second with what was done so far; not 0 ends the export with
     * WEND_CANCELLED. May be NULL. */
    int (*on_progress)(void *context, const parquet_export_stats *so_far);
    void *progress_context;
} parquet_export_options;

/** Set every field to the default named beside it; `output` becomes NULL. */
WEND_API void parquet_export_options_init(parquet_export_options *options);

/** "zstd", "snappy" or "none"; false (and `compression` untouched) for any other name. */
WEND_API bool parquet_compression_from_name(const char *name, parquet_compression *compression);

/**
 * Read `stream` to its end and write its rows, in order, as Parquet.
 *
 * The target appears, or is replaced, as a whole: everything is written and synced under a
 * temporary name beside it (".<name>.wend-tmp"), then renamed. After any failure the target is
 * what it was and the temporary is gone. A directory is replaced only when it is empty or an
 * earlier export wrote every file in it (its "_wend_export" lists them). Two exports to one
 * target at a time: the second gets WEND_BUSY.
 *
 * Ownership: `stream` stays the caller's, who releases it afterwards in every case. `options` is
 *            borrowed. `stats` and `error` may be NULL.
 * Threads:   any; one thread per stream. Calls on different targets do not meet.
 * Returns:   WEND_OK
 *            WEND_INVALID     an option, a column named twice, a null in a column said not to
 *                             have any, a target that is not ours to replace
 *            WEND_NOT_FOUND   a partition column does not exist (the message lists those that do),
 *                             or the folder to write in does not
 *            WEND_UNSUPPORTED an Arrow type without a mapping, more partitions than allowed
 *            WEND_CORRUPT     the stream breaks Arrow's own rules (an index outside its dictionary)
 *            WEND_BUSY, WEND_IO, WEND_NOMEM, WEND_CANCELLED
 *            a failure of the stream itself by its errno, with the stream's own message
 * Memory:    row_group_bytes buffered (buffer_bytes over all partitions) and what the last slice of
 *            4,096 rows added, the encoded pages of one column, and two batches of the stream.
 */
WEND_API WEND_MUST_USE wend_status parquet_export(struct ArrowArrayStream *stream,
                                                  const parquet_export_options *options,
                                                  parquet_export_stats *stats, wend_error *error);

#endif
