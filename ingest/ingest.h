/**
 * Ingest: messages of a source become rows of a table, exactly once.
 *
 *   source thread -> blocks -> decode, rules, deduplication -> full builder -> flush thread -> commit
 *
 * One commit names the new segments, the rejects and the positions that every source partition has
 * reached, so a process that is killed anywhere goes on from its last commit and neither loses nor
 * repeats an event. For every partition, at every commit:
 * taken = stored + rejected + deduplicated + tombstones.
 *
 * Order: a partition's messages keep their order whatever the threads do, since blocks are decoded
 * in the order in which the source gave them, and commits follow each other in that order.
 * Memory: the two batches take a quarter of `memory_limit_bytes` each and so does the window of unique keys; the
 * last quarter is for blocks in flight and for encoding a segment, which small limits may overstep by some 50 MiB. A
 * source that is faster waits (it is not asked for more).
 */
#ifndef WENDI_INGEST_INGEST_H
#define WENDI_INGEST_INGEST_H

#include <stdatomic.h>

#include "engine/table/table.h"
#include "ingest/file_source.h"
#include "ingest/json_decoder.h"
#include "ingest/message.h"

enum { WENDI_INGEST_REASONS_MAX = 64, WENDI_INGEST_REASON_BYTES = 128 };

/** Rows refused for one reason: the kind and, where it has one, the column or rule. */
typedef struct wendi_ingest_reason {
    char text[WENDI_INGEST_REASON_BYTES]; /* such as "null in column ts, which is NOT NULL" */
    uint64_t count;
} wendi_ingest_reason;

/** Numbers of one run so far. Counts reach what is decoded; *_committed what a commit has made lasting. */
typedef struct wendi_ingest_stats {
    int64_t elapsed_us;
    uint64_t taken; /* messages: stored + rejected + deduplicated + tombstones */
    uint64_t stored;
    uint64_t rejected;
    uint64_t deduplicated;
    uint64_t tombstones;
    uint64_t payload_bytes;
    uint64_t taken_committed;
    uint64_t commit_count;
    uint64_t segment_count;
    int64_t lag;          /* messages (Kafka) or bytes (files) known to wait; -1 unknown */
    double events_per_s;  /* over the last progress interval; over the whole run once it has ended */
    double bytes_per_s;
    size_t memory_bytes;  /* blocks, builders, rejects and the deduplication window */
    uint64_t unique_keys; /* in the deduplication window */
    uint64_t coerced;     /* values taken in another JSON type than the column's, such as "12" for an integer */
    uint64_t nulled;      /* values of a wrong type in columns with on_error 'null' */
    uint64_t time_cut;    /* times finer than a microsecond */
    uint64_t unknown_values; /* values under keys that no column takes */
    uint32_t reason_count;   /* most frequent first */
    wendi_ingest_reason reasons[WENDI_INGEST_REASONS_MAX]; /* the last one sums up what did not fit */
    uint32_t unknown_key_count;
    wendi_unknown_key unknown_keys[WENDI_UNKNOWN_KEYS_SHOWN]; /* most frequent first */
} wendi_ingest_stats;

/** Zero-filled is a valid choice. */
typedef struct wendi_ingest_options {
    uint32_t commit_rows;        /* flush and commit at so many rows; 0: 1,048,576, the most there may be */
    uint32_t commit_interval_ms; /* and at the latest after this time; 0: 5 s */
    size_t memory_limit_bytes;   /* 0: 1 GiB; at least 64 MiB */
    int zstd_level;              /* 0: the table's default for fresh segments */
    size_t unique_window_bytes;  /* 0: a quarter of the memory limit */
    uint64_t message_count_max;  /* stop after about so many messages (at a block's end); 0: no limit */
    atomic_int *stop;            /* non-zero: drain, commit, return WEND_OK. May be set by a signal handler */
    /** Called from wendi_ingest_run()'s own thread; `stats` lives for the call. NULL: not at all. */
    void (*progress)(void *context, const wendi_ingest_stats *stats);
    void *progress_context;
    uint32_t progress_interval_ms; /* 0: 500 */
} wendi_ingest_options;

/**
 * Makes the source, given where the table stands (the writer's state, read under the table's lock).
 * `cluster_id`, when set, goes into every commit, so that another cluster's offsets are refused.
 */
typedef wend_status (*wendi_source_opener)(void *context, const wendi_table_state *state, wendi_source **source_out,
                                           wendi_string *cluster_id, wend_error *error);

/**
 * Take the table's lock, open the source, and ingest until the source ends (WEND_END of next()), `stop`
 * is set or something fails. What was decoded is committed before returning WEND_OK; after a failure the
 * last commit stands and the rest will be read again.
 *
 * Returns: WEND_OK; WEND_BUSY another writer; WEND_FENCED another writer took over; what the source,
 *          the table and the rules report. `stats` (may be NULL) is filled whatever is returned.
 */
wend_status wendi_ingest_run(wendi_table *table, wendi_source_opener open_source, void *context,
                             const wendi_ingest_options *options, wendi_ingest_stats *stats, wend_error *error);

/** Ingest files or standard input into `table` of the store; positions come from the table. */
wend_status wendi_ingest_files(const char *store, const char *table, const wendi_file_source_options *files,
                               const wendi_ingest_options *options, wendi_ingest_stats *stats, wend_error *error);

#endif
