/**
 * The one writer of a table: lock, epoch, flush (sort, encode, write a segment) and commit.
 *
 *   open -> { flush* (any thread) -> commit }* -> close
 *
 * flush() makes a segment file that nobody sees; commit() publishes any number of them together
 * with the source positions they bring the table to. A crash between leaves an unreferenced file,
 * swept later.
 */
#ifndef WENDI_TABLE_WRITER_H
#define WENDI_TABLE_WRITER_H

#include "engine/column/builder.h"
#include "engine/table/table.h"

typedef struct wendi_table_writer wendi_table_writer;

typedef struct wendi_writer_options {
    int zstd_level;             /* 0: the default of L0 */
    size_t unique_window_bytes; /* memory for the deduplication window; 0: default */
    bool takes_no_rows;         /* no window is kept: for writers that only merge */
    size_t flush_memory_bytes;  /* that flushes may leave for the next one, at most; 0: all that they needed */
} wendi_writer_options;

/** Takes the lock (WEND_BUSY names the holder), recovers, raises the epoch with an empty commit. */
wend_status wendi_table_writer_open(wendi_table *table, const wendi_writer_options *options,
                                    wendi_table_writer **writer_out, wend_error *error);
/** Releases the lock. Pending segments that were not committed are removed. */
void wendi_table_writer_close(wendi_table_writer *writer);

/** The schema rows must have now. It changes only inside wendi_table_writer_requests() and alter();
 * any thread may ask meanwhile commits are made. */
const wendi_schema *wendi_table_writer_schema(const wendi_table_writer *writer);
/** The state after the last commit; valid until the next commit. */
const wendi_table_state *wendi_table_writer_state(const wendi_table_writer *writer);

/** The snapshot after the last commit; borrowed until the next. */
wendi_snapshot *wendi_table_writer_snapshot(wendi_table_writer *writer);

/** A segment file that is written and synced but not committed. */
typedef struct wendi_pending_segment wendi_pending_segment;

/**
 * Sort the builder's rows by (user hash, user, time, order column, partition, arrival), leave out
 * those that repeat a row of a segment whose keys have left the window (see unique() below),
 * encode and write the others as one segment. The builder is only read. May run on any thread,
 * several at once, each with its own builder, and beside unique() and commit(). An empty
 * builder gives *pending_out = NULL. When every row was a repeat there is no file, but a pending
 * segment of no rows: it is committed like others, so that its keys leave the window.
 */
wend_status wendi_table_writer_flush(wendi_table_writer *writer, wendi_row_builder *builder,
                                     wendi_pending_segment **pending_out, wend_error *error);

/** Memory that flushes have left for the next one. Any thread. */
size_t wendi_table_writer_flush_bytes(wendi_table_writer *writer);

/** Rows that a flush left out since the table has them. */
typedef struct wendi_segment_repeats {
    uint32_t partition; /* the ordinal in builder->partitions[] */
    uint32_t row_count; /* at least 1 */
} wendi_segment_repeats;
/**
 * The rows left out of a pending segment, by rising partition; borrowed until it is committed.
 * Before the commit that takes the segment these must go from `stored` to `deduplicated` in the
 * accounts of their sources. NULL and *count = 0: none (nearly always).
 */
const wendi_segment_repeats *wendi_pending_segment_repeats(const wendi_pending_segment *pending,
                                                           uint32_t *count);
/** Rows in the segment; 0: all were repeats, and no file is added by the commit. */
uint64_t wendi_pending_segment_rows(const wendi_pending_segment *pending);

/** Rejected rows of this commit, already rendered: one JSON object a line (see docs/FORMAT.md). */
typedef struct wendi_reject_block {
    const void *ndjson;
    size_t length;
    uint64_t row_count;
} wendi_reject_block;

typedef struct wendi_commit_request {
    wendi_pending_segment **segments; /* in arrival order; taken over, also on failure */
    uint32_t segment_count;
    const wendi_source_state
        *sources; /* new absolute values of every source partition that moved or whose rejects were replayed */
    uint32_t source_count;
    const wendi_reject_block *rejects; /* may be NULL */
    const uint8_t (*dropped_rejects)[16]; /* reject files of the state that were replayed: they go */
    uint32_t dropped_reject_count;
    wendi_string cluster_id; /* empty: none; WEND_CONFLICT when it differs from the table's */
} wendi_commit_request;

/**
 * Publish. Checks that no source moves backwards; WEND_FENCED when another writer took over. After
 * a failure with WEND_IO nothing was published, or it was and the next open finds it: close and
 * open again to know.
 */
wend_status wendi_table_writer_commit(wendi_table_writer *writer,
                                      const wendi_commit_request *request, wend_error *error);

/**
 * Publish that merged segments stand for others: `added` (files under their final names; commit
 * range and level set, the ordinal is given here) come, those named by `dropped` go, in one commit.
 * WEND_CONFLICT when one of these is no longer there; else as wendi_table_writer_commit(). After any
 * failure the added files are a sweep's to remove, since the commit may be there nevertheless.
 */
wend_status wendi_table_writer_replace(wendi_table_writer *writer,
                                       const uint8_t (*dropped)[16], uint32_t dropped_count,
                                       wendi_segment_entry *added, uint32_t added_count,
                                       wend_error *error);

/**
 * Carry out the requests that other commands left (alter); call between commits.
 * `*schema_changed` tells the caller to make new builders from wendi_table_writer_schema(); the
 * schema that the old ones name lives until the next call of this function.
 */
wend_status wendi_table_writer_requests(wendi_table_writer *writer, bool *schema_changed,
                                        wend_error *error);

/**
 * Carry out one ALTER TABLE now. No accepted row may be waiting for its commit. After ADD COLUMN with
 * unique_rows the window is read anew, since whole rows have one more value.
 */
wend_status wendi_table_writer_alter(wendi_table_writer *writer, wendi_string sql,
                                     wend_error *error);

/* ---- deduplication by the schema's UNIQUE rules ---- */

/**
 * Deduplicate `count` rows by their keys (row_key.h): keep[i] becomes 0 for a row one of
 * whose keys is in the window or belongs to an earlier row; *duplicate_count of them. The keys of
 * kept rows enter the window at once. `keep` comes in with 0 for rows already refused; their keys
 * are not looked at. Does nothing without UNIQUE.
 *
 * Order:   one thread at a time, in the order of arrival. `batch` is the builder that will be given
 *          to flush() with these rows (or any rows: it only says which keys go with which flush; it
 *          is never looked into). All rows of a batch are taken before the first of the next batch,
 *          and batches are committed in the order in which they were taken. Once a batch was
 *          flushed the same builder may serve as a new one.
 * Threads: flush(), commit() and unique_report() may run meanwhile.
 * Failure: as after an abandoned batch only wendi_table_writer_close() is meaningful.
 * Cost:    some 20 ns a key, more than half of it waiting for memory.
 */
wend_status wendi_table_writer_unique(wendi_table_writer *writer, const wendi_row_builder *batch,
                                      const wendi_hash128 *keys, uint32_t count, uint8_t *keep,
                                      uint32_t *duplicate_count, wend_error *error);

typedef struct wendi_unique_report {
    uint64_t keys;     /* in the window now, also of rows that are not committed */
    uint64_t keys_max; /* of committed rows that it may hold; 0: no window */
    uint64_t memory_bytes;
    uint64_t oldest_commit;  /* whose keys the window still holds; 0: of none */
    int64_t oldest_us;       /* wall time of that commit; 0: none, or its record is gone */
    uint64_t repeats_merged; /* rows that flushes left out since the writer was opened, committed */
} wendi_unique_report;
/** Any thread. */
wendi_unique_report wendi_table_writer_unique_report(wendi_table_writer *writer);

#endif
