/**
 * What one running query has in common: its session, threads, limits, notes and the tables it
 * reads.
 *
 * Made by the caller of wendi_query_open() (engine/api, tests) and outliving the query. Every part
 * may be used by all worker threads of the query at once.
 *
 * A query pins one snapshot of each table at the first mention, so that a table named twice is read
 * as of one commit.
 */
#ifndef WENDI_QUERY_CONTEXT_H
#define WENDI_QUERY_CONTEXT_H

#include <pthread.h>
#include <stdatomic.h>

#include "engine/base/arena.h"
#include "engine/base/thread_pool.h"
#include "engine/expr/expr.h"
#include "engine/table/open_tables.h"
#include "engine/table/table.h"

typedef struct wendi_table_function wendi_table_function; /* query/table_function.h */

/** Memory that operators hold across batches, against the query's limit. */
typedef struct wendi_query_memory {
    _Atomic uint64_t used_bytes;
    _Atomic uint64_t peak_bytes;
    uint64_t limit_bytes; /* 0: no limit */
} wendi_query_memory;

/** Sentences for the user beside the result: rows left out and why. */
typedef struct wendi_query_notes {
    pthread_mutex_t mutex;
    wendi_arena arena;
    wendi_string *texts; /* NUL-terminated too; in the order they were added */
    uint32_t count;
    uint32_t capacity;
} wendi_query_notes;

/** Counters of scans, for EXPLAIN ANALYZE and for tests. All threads add to them. */
typedef struct wendi_query_counters {
    _Atomic uint64_t segments_total, segments_skipped;
    _Atomic uint64_t
        segments_opened; /* whose rows may pass as far as the log knows: the rest was not touched */
    _Atomic uint64_t row_groups_total, row_groups_skipped;
    _Atomic uint64_t pages_total, pages_skipped;
    _Atomic uint64_t vectors_total, vectors_skipped;
    _Atomic uint64_t
        rows_scanned; /* rows whose filter was evaluated, or that were given without one */
    _Atomic uint64_t rows_passed;
    _Atomic uint64_t corrupt_pages, corrupt_rows; /* left out by skip_corrupt */
} wendi_query_counters;

typedef struct wendi_query_table {
    wendi_string name;
    wendi_open_table *open; /* of open_tables */
    wendi_table *table;     /* opened for this query alone */
    wendi_snapshot *snapshot;
} wendi_query_table;

typedef struct wendi_query_context {
    wendi_session session;        /* time zone and now() */
    wendi_thread_pool *pool;      /* NULL: one thread */
    bool skip_corrupt;            /* leave damaged pages out, with a note, instead of failing */
    const _Atomic int *cancelled; /* not 0: stop with WEND_CANCELLED; may be NULL */
    const wendi_table_function *const *functions; /* table functions that FROM may call */
    uint32_t function_count;
    wendi_query_memory memory;
    wendi_query_notes notes;
    wendi_query_counters counters;

    wendi_open_tables *open_tables; /* borrowed; the store's tables, which stay open; or NULL: */
    const char *store; /* borrowed; tables are opened for this query; NULL: only preset ones */
    wendi_query_table *tables; /* owned; see wendi_query_snapshot() */
    uint32_t table_count;
    uint32_t table_capacity;
} wendi_query_context;

/** Zone UTC, now from the clock, no limit, no pool, no store. */
wend_status wendi_query_context_init(wendi_query_context *context, wend_error *error);
/** Releases snapshots and notes. Queries over the context must be closed before. */
void wendi_query_context_free(wendi_query_context *context);

/**
 * The pinned snapshot of the store's table `name`, borrowed until the context is freed.
 * WEND_NOT_FOUND lists the tables there are. For binding only: one thread at a time.
 */
wend_status wendi_query_snapshot(wendi_query_context *context, wendi_string name,
                                 wendi_snapshot **snapshot_out, wend_error *error);

/** WEND_CANCELLED when the caller asked to stop; call at least once a batch. */
wend_status wendi_query_check(const wendi_query_context *context, wend_error *error);
/** Account for `bytes` more; WEND_NOMEM with what was asked and the limit when it is met. */
wend_status wendi_query_reserve(wendi_query_context *context, uint64_t bytes, const char *what,
                                wend_error *error);
void wendi_query_unreserve(wendi_query_context *context, uint64_t bytes);
/** Add a note; the same text twice is kept once. */
wend_status wendi_query_note(wendi_query_context *context, wend_error *error, const char *format,
                             ...) WEND_PRINTF(3, 4);

#endif
