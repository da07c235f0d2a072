/**
 * Ingest: messages of a source become rows of a table, exactly once.
 *
 *   source thread -> blocks -> workers: decode, rules, keys -> in the blocks' order: deduplication, accounts
 *                                       full batch -> a worker: sort, encode, write -> in order: commit
 *
 * One commit names the new segments, the rejects and the positions that every source partition has
 * reached, so a process that is killed anywhere goes on from its last commit and neither loses nor
 * repeats an event. For every partition, at every commit:
 * taken = stored + rejected + deduplicated + tombstones.
 *
 * Threads: one reads the source; `worker_count` workers do all else, each whatever is due: a batch to flush, a
 * block to decode. One worker does the same work as many, one thing after the other.
 * Order: blocks are decoded in any order, but settled (deduplicated, counted, given their place among the rows) in
 * the order in which the source gave them, and commits follow each other in that order; so the table that comes
 * out does not depend on the number of workers.
 * Memory: blocks, batches and the window of unique keys share `memory_limit_bytes`; ingest/pipeline.c says how. A
 * source that is faster waits (it is not asked for more), and loses nothing.
 * Several tables: wendi_ingest_run() may run for several at once, each on a thread of its caller's; who runs them
 * divides the memory and the workers.
 */
#ifndef WENDI_INGEST_INGEST_H
#define WENDI_INGEST_INGEST_H

#include <stdatomic.h>

#include "engine/table/table.h"
#include "ingest/file_source.h"
#include "ingest/json_decoder.h"
#include "ingest/message.h"

enum { WENDI_INGEST_REASONS_MAX = 64, WENDI_INGEST_REASON_BYTES = 128, WENDI_INGEST_WORKERS_MAX = 64 };

/** Rows refused for one reason: the kind and, where it has one, the column or rule. */
typedef struct wendi_ingest_reason {
    char text[WENDI_INGEST_REASON_BYTES]; /* such as "null in column ts, which is NOT NULL" */
    uint64_t count;
} wendi_ingest_reason;

/** What a run holds in memory, in bytes. */
typedef struct wendi_ingest_memory {
    size_t blocks;        /* messages read and not yet decoded */
    size_t batches;       /* rows and strings that wait for their commit, and what flushes need */
    size_t unique_window; /* keys of the deduplication window */
    size_t limit;         /* what all of these may come to */
} wendi_ingest_memory;

/** One partition as the run sees it now. Strings are the source's. */
typedef struct wendi_ingest_partition {
    const char *topic;
    const char *shown;
    int32_t partition;
    int64_t next;           /* behind the last message taken */
    int64_t committed_next; /* behind the last message committed; -1: nothing of it was yet */
    int64_t end;            /* as wendi_source_partition.end */
    int64_t gap;
} wendi_ingest_partition;

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
    wendi_ingest_memory memory;
    uint64_t unique_keys;     /* in the deduplication window */
    uint64_t unique_keys_max; /* that fit into it */
    int64_t unique_since_us;  /* time of the oldest commit whose keys it holds; 0: it is empty */
    uint64_t repeats_merged;  /* of deduplicated: found in segments that had left the window */
    int64_t committed_us;     /* wall time of the last commit; 0: none in this run */
    int64_t commit_latency_us; /* of the last commit: from its batch's end to its publication */
    uint64_t source_waits;    /* times that a worker waited for others while the source could be read */
    uint32_t worker_count;
    const wendi_ingest_partition *partitions; /* live for the call that shows them */
    uint32_t partition_count;
    uint64_t coerced;     /* values taken in another JSON type than the column's, such as "12" for an integer */
    uint64_t nulled;      /* values of a wrong type in columns with on_error 'null' */
    uint64_t time_cut;    /* times finer than a microsecond */
    uint64_t unknown_values; /* values under keys that no column takes */
    uint32_t reason_count;   /* most frequent first */
    wendi_ingest_reason reasons[WENDI_INGEST_REASONS_MAX]; /* the last one sums up what did not fit */
    uint32_t unknown_key_count;
    wendi_unknown_key unknown_keys[WENDI_UNKNOWN_KEYS_SHOWN]; /* most frequent first */
    uint64_t schema_changes; /* requests of ALTER TABLE carried out by this run */
    const char *io_backend;  /* wendi_table_io_name(); static */
} wendi_ingest_stats;

/** Zero-filled is a valid choice. */
typedef struct wendi_ingest_options {
    uint32_t commit_rows;        /* flush and commit at so many rows; 0: 262,144; at most 1,048,576 */
    uint32_t commit_interval_ms; /* and at the latest after this time; 0: 5 s */
    size_t memory_limit_bytes;   /* 0: a quarter of the machine, at most 4 GiB; at least 64 MB */
    uint32_t worker_count;       /* 0: as many as the process may use processors; at most 64 */
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
