/**
 * Inside of a table's writer: shared by writer.c (lock, records, flush, commit, requests) and
 * writer_unique.c (what it does for UNIQUE) only.
 */
#ifndef WENDI_TABLE_WRITER_STATE_H
#define WENDI_TABLE_WRITER_STATE_H

#include <pthread.h>

#include "engine/table/commit_keys.h"
#include "engine/table/segment_flush.h"
#include "engine/table/table_handle.h"
#include "engine/table/writer.h"

struct wendi_pending_segment {
    wendi_pending_segment *next;
    wendi_segment_entry entry; /* row_count 0: there is no file */
    uint64_t batch;            /* that its rows were taken in by the window; 0: by none */
    wendi_buffer repeats;      /* wendi_segment_repeats each */
};

/* Rows that the window took in and that are not flushed. Batches have rising numbers, from 1. */
typedef struct wendi_open_batch {
    struct wendi_open_batch *next; /* an older one */
    const wendi_row_builder *builder;
    uint64_t number;
} wendi_open_batch;

struct wendi_table_writer {
    wendi_table *table;
    wendi_io_lock *table_lock;
    wendi_snapshot *snapshot; /* of the newest commit; written under `lock` by the committing thread */
    wendi_snapshot
        *retired; /* keeps the schema that builders still name until the next requests() */
    wendi_unique_window *window; /* NULL without UNIQUE */
    const wendi_schema *schema; /* the snapshot's; changes only when a table is altered */
    uint32_t key_rules;
    wendi_writer_options options;
    uint8_t uuid[WENDI_UUID_BYTES];
    uint64_t epoch;
    bool failed; /* a publication ended in a failure: what the log holds is unknown until it is read
                    again */
    pthread_mutex_t lock; /* over what follows up to retired_keys, the window and `snapshot` */
    wendi_pending_segment *pending; /* flushed, not committed */
    wendi_open_batch *batches;      /* newest first */
    uint64_t batch_count;           /* so far */
    uint64_t repeats_merged;        /* so far */
    wendi_retired_keys retired_keys;
    wendi_flush_shelf shelf; /* memory of flushes, for the next one */
};

/** Make the window that the schema asks for out of what the table holds. */
wend_status wendi_writer_open_window(wendi_table_writer *writer, wend_error *error);
/** Forget the oldest batch of `builder`; its number, or 0 when there is none. Under the lock. */
uint64_t wendi_writer_end_batch(wendi_table_writer *writer, const wendi_row_builder *builder);

/** What leaves out repeats of rows that left the window: the context of wendi_writer_drop_repeats(). */
typedef struct wendi_repeat_filter {
    wendi_table_writer *writer;
    wendi_pending_segment *pending;
    wendi_snapshot *snapshot;
    uint64_t covered_from;
} wendi_repeat_filter;
/** As wendi_flush_filter.drop. */
wend_status wendi_writer_drop_repeats(void *context, const wendi_row_builder *builder,
                                      const wendi_row_order *order, uint8_t *drop,
                                      uint32_t *drop_count, wend_error *error);
/** The window's batches up to `batch` are commit `version`; so are the repeats that flushes found. */
wend_status wendi_writer_commit_window(wendi_table_writer *writer,
                                       const wendi_commit_request *request, uint64_t version,
                                       uint64_t batch, wend_error *error);

#endif
