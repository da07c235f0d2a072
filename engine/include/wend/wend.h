/**
 * wend: a clickstream engine as a library.
 *
 * A store is a folder, a table a folder in it. Programs create tables by SQL DDL, append JSON lines
 * or Arrow batches, commit them together with positions of their own source, and query them with
 * SQL; answers are Arrow C streams (wend/arrow.h), which any Arrow library takes.
 *
 * Everywhere: a call returns a status and fills `error` (may be NULL) when it fails. Strings are
 * NUL-terminated UTF-8 unless a length stands beside them. Handles that a call gives through
 * `…_out` are closed by the function of the same family; close and free functions accept NULL, and
 * `*…_out` is NULL after a failure. Nothing is printed, no signal handler is set, no thread lives
 * longer than the handle that it works for.
 */
#ifndef WEND_WEND_H
#define WEND_WEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wend/arrow.h"
#include "wend/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** "0.1.0". */
WEND_API const char *wend_version(void);

/* ---- stores and tables ------------------------------------------------------------------------- */

typedef struct wend_store wend_store;

/**
 * Open the store in folder `path`, made when it is missing and `create` is set (else WEND_NOT_FOUND).
 * Takes no lock. Threads: a store may be used by many threads at once. Tables that were asked stay open, with what
 * was loaded of them (WEND_CACHE_BYTES of the environment limits it), so keep the store open between queries.
 */
WEND_API WEND_MUST_USE wend_status wend_store_open(const char *path, bool create, wend_store **store_out,
                                                   wend_error *error);
/** Queries and writers of the store must be closed before. */
WEND_API void wend_store_close(wend_store *store);

/**
 * Run a CREATE TABLE statement. WEND_EXISTS when the table is there and neither `if_not_exists` nor
 * IF NOT EXISTS was said; WEND_INVALID with the byte position of what is wrong.
 */
WEND_API WEND_MUST_USE wend_status wend_create_table(wend_store *store, const char *ddl, bool if_not_exists,
                                                     wend_error *error);
/** Remove a table and its files. WEND_BUSY while somebody writes to it. */
WEND_API WEND_MUST_USE wend_status wend_drop_table(wend_store *store, const char *table, wend_error *error);

/** A list of strings, freed by wend_strings_free(). */
typedef struct wend_strings {
    char **items;
    size_t count;
} wend_strings;
WEND_API void wend_strings_free(wend_strings *strings);

/** Names of the store's tables, sorted. */
WEND_API WEND_MUST_USE wend_status wend_list_tables(wend_store *store, wend_strings *names, wend_error *error);
/** The CREATE TABLE text that gives exactly this table, as one item. */
WEND_API WEND_MUST_USE wend_status wend_describe_table(wend_store *store, const char *table, wend_strings *ddl,
                                                       wend_error *error);

/* ---- queries ----------------------------------------------------------------------------------- */

/** Fill with wend_query_options_init(), then change. Borrowed for the call. */
typedef struct wend_query_options {
    uint32_t thread_count;  /* 0: as many as this process may use */
    const char *time_zone;  /* NULL: UTC */
    uint64_t memory_bytes;  /* limit of what the query holds; 0: none */
    bool skip_corrupt;      /* leave damaged pages out and say so in a note, instead of failing */
} wend_query_options;

WEND_API void wend_query_options_init(wend_query_options *options);

typedef struct wend_query wend_query;

/**
 * Plan `sql`: one SELECT or EXPLAIN. It sees each table as of one commit, the newest at this call.
 * `options` may be NULL. Threads: one thread at a time per query, but for wend_query_cancel().
 */
WEND_API WEND_MUST_USE wend_status wend_query_open(wend_store *store, const char *sql,
                                                   const wend_query_options *options, wend_query **query_out,
                                                   wend_error *error);
/**
 * The result, once a query: an Arrow stream of struct arrays of at most 65,536 rows. The stream
 * borrows the query: release it before wend_query_close(). A failing get_next returns an errno
 * (ENOMEM, EIO for damage and the system, EINVAL, ECANCELED) and wend_query_error() has the record.
 */
WEND_API WEND_MUST_USE wend_status wend_query_stream(wend_query *query, struct ArrowArrayStream *stream_out,
                                                     wend_error *error);
/** What went wrong in the stream last; status WEND_OK when nothing did. Borrowed from the query. */
WEND_API const wend_error *wend_query_error(const wend_query *query);
/** Sentences about the result, such as rows left out; complete once the stream has ended. */
WEND_API size_t wend_query_note_count(const wend_query *query);
WEND_API const char *wend_query_note(const wend_query *query, size_t index);
/** The most memory the query held so far. */
WEND_API uint64_t wend_query_peak_bytes(const wend_query *query);
/** Ask the query to stop with WEND_CANCELLED soon. From any thread or a signal handler. */
WEND_API void wend_query_cancel(wend_query *query);
WEND_API void wend_query_close(wend_query *query);

/* ---- appending --------------------------------------------------------------------------------- */

/**
 * The one writer of a table. Rows are kept in memory until they are flushed to segments, which
 * nobody sees until wend_writer_commit(). Threads: one at a time.
 */
typedef struct wend_writer wend_writer;

/** What became of appended rows since the writer was opened: taken is the sum of the others. */
typedef struct wend_writer_counts {
    int64_t taken;
    int64_t stored;
    int64_t rejected;
    int64_t deduplicated;
} wend_writer_counts;

/**
 * Take the table's lock: WEND_BUSY names the holder. `source` names where the caller's rows come from
 * ("orders-loader"); its position is kept in the table with every commit.
 */
WEND_API WEND_MUST_USE wend_status wend_writer_open(wend_store *store, const char *table, const char *source,
                                                    wend_writer **writer_out, wend_error *error);
/** The position given to the last commit of this source, or 0: where the caller goes on after a crash. */
WEND_API int64_t wend_writer_position(const wend_writer *writer);
/**
 * Append JSON objects, one a line, complete lines only. Lines that are refused (by the parser, a
 * column's type, NOT NULL, a CHECK) are kept as rejects with their reason, exactly as `wend ingest`
 * does; they do not fail the call.
 */
WEND_API WEND_MUST_USE wend_status wend_writer_append_json(wend_writer *writer, const char *lines, size_t length,
                                                           wend_error *error);
/**
 * Append the rows (at most 65,536) of an Arrow struct array whose fields are named like columns of the
 * table; columns without a field get their default or null, generated columns are computed. A field has
 * the Arrow type that wend_query_stream() gives for its column, a narrower whole number or float, or
 * text (utf8, large utf8, dictionary-encoded) that is parsed as the column's type. A field without a
 * column, or a value that does not fit, fails the call with WEND_INVALID and nothing of the
 * batch is taken. Rows that break NOT NULL or a CHECK are rejected and counted. `schema` and `array`
 * stay the caller's.
 */
WEND_API WEND_MUST_USE wend_status wend_writer_append_arrow(wend_writer *writer, const struct ArrowSchema *schema,
                                                            const struct ArrowArray *array, wend_error *error);
/**
 * Write what was appended and publish it, atomically with `position` (not below the last one).
 * After a failure close the writer, open it again and go on at wend_writer_position().
 */
WEND_API WEND_MUST_USE wend_status wend_writer_commit(wend_writer *writer, int64_t position, wend_error *error);
WEND_API wend_writer_counts wend_writer_counts_now(const wend_writer *writer);
/** What was not committed is dropped. */
WEND_API void wend_writer_close(wend_writer *writer);

/* ---- care -------------------------------------------------------------------------------------- */

/** One finding of wend_verify_table(). */
typedef struct wend_finding {
    const char *path;    /* file, within the store */
    const char *message; /* place and what is wrong */
} wend_finding;

/**
 * Read every byte of the table's files and check all checksums and bounds. `report` is called for
 * each finding (its strings live for the call); WEND_CORRUPT when there was any, WEND_OK when none.
 */
WEND_API WEND_MUST_USE wend_status wend_verify_table(wend_store *store, const char *table,
                                                     void (*report)(void *context, const wend_finding *finding),
                                                     void *context, wend_error *error);

/** Numbers of a table as of its newest commit. */
typedef struct wend_table_status {
    uint64_t version;
    int64_t commit_us;
    uint64_t row_count;
    uint64_t segment_count;
    uint64_t segment_bytes;
    uint64_t reject_row_count;
    int64_t time_min_us; /* of the time column; min > max when there is none */
    int64_t time_max_us;
    uint64_t null_user_rows;
    uint64_t source_count;
    /** By level: as ingest wrote them, merged in part, finished (a whole window of time, or a share of its users). */
    uint64_t level_segments[3];
    uint64_t level_bytes[3];
} wend_table_status;
WEND_API WEND_MUST_USE wend_status wend_table_status_of(wend_store *store, const char *table,
                                                        wend_table_status *status_out, wend_error *error);

/** What wend_compact_table() is to do. Fill it with wend_compact_options_init() and change what you want. */
typedef struct wend_compact_options {
    uint64_t target_bytes; /* a file of a window becomes about so large; 0: 1 GiB */
    uint64_t memory_bytes; /* about the most that is used; 0: 1 GiB. At least 64 MiB */
    int level;             /* of zstd, 1 to 19; 0: 12 */
    bool all;              /* rewrite finished files, too, that little news would go into */
    bool dry_run;          /* report what would be done, do nothing */
} wend_compact_options;
WEND_API void wend_compact_options_init(wend_compact_options *options);

/** A step that was committed (dry run: would be, with estimated bytes and 0 seconds). */
typedef struct wend_compact_step {
    uint64_t row_count;
    uint64_t files_before;
    uint64_t bytes_before;
    uint64_t files_after;
    uint64_t bytes_after;
    bool partial; /* merged many files into fewer; further steps merge those */
    double seconds;
} wend_compact_step;

/**
 * Merge the table's segments into files of whole windows of time, a commit a step. No answer changes. `report` (may be
 * NULL) is called for every step; no call: there was nothing to do.
 *
 * Returns: WEND_BUSY while an ingestor or another compaction writes the table (the message names it); WEND_INVALID an
 *          option is out of range; WEND_IO (also a full disk), WEND_NOMEM, WEND_CORRUPT: the step that failed changed
 *          nothing, steps before it stay.
 */
WEND_API WEND_MUST_USE wend_status wend_compact_table(wend_store *store, const char *table,
                                                      const wend_compact_options *options,
                                                      void (*report)(void *context, const wend_compact_step *step),
                                                      void *context, wend_error *error);

/** One source partition's account: taken = stored + rejected + deduplicated + tombstones. */
typedef struct wend_source_status {
    const char *topic;
    const char *shown;
    int32_t partition;
    int64_t next;
    int64_t taken, stored, rejected, deduplicated, tombstones, gap;
} wend_source_status;
/** Calls `each` for every source partition in order; its strings live for the call. */
WEND_API WEND_MUST_USE wend_status wend_table_sources(wend_store *store, const char *table,
                                                      void (*each)(void *context, const wend_source_status *source),
                                                      void *context, wend_error *error);

#ifdef __cplusplus
}
#endif

#endif
