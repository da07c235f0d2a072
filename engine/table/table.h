/**
 * A table on disk: opening, snapshots and what a commit says. Reading side; see writer.h for the
 * other.
 *
 * A store is a folder, a table a folder in it (DESIGN: docs/ARCHITECTURE.md, bytes:
 * docs/FORMAT.md). Readers take no lock. A snapshot pins one commit's view and is immutable and
 * shareable by threads.
 */
#ifndef WENDI_TABLE_TABLE_H
#define WENDI_TABLE_TABLE_H

#include "engine/column/schema.h"
#include "engine/io/io.h"
typedef struct wendi_segment wendi_segment; /* format/segment_reader.h */

typedef struct wendi_table wendi_table;
typedef struct wendi_snapshot wendi_snapshot;

/** Where reading of one source partition stands, and what became of what was read: part of the
 * table's state. */
typedef struct wendi_source_state {
    wendi_string topic; /* as wendi_source_partition.topic in ingest/message.h */
    int32_t partition;
    int32_t leader_epoch;
    int64_t next;
    uint64_t fingerprint;
    wendi_string shown;
    /* Reconciliation: taken = stored + rejected + deduplicated + tombstones (+ gap, never taken).
     */
    int64_t taken;
    int64_t stored;
    int64_t rejected;
    int64_t deduplicated;
    int64_t tombstones;
    int64_t gap;
} wendi_source_state;

/** What the state says of a live segment; enough to prune without opening it. */
typedef struct wendi_segment_entry {
    uint8_t uuid[16];
    uint64_t file_bytes;
    uint64_t footer_offset;
    uint64_t footer_checksum;
    uint64_t row_count;
    int64_t time_min; /* of non-null times; min > max when there is none */
    int64_t time_max;
    uint64_t user_hash_min; /* of non-null users; min > max when there is none */
    uint64_t user_hash_max;
    uint64_t null_user_rows;
    uint64_t commit_first; /* commits whose rows it holds; equal for L0 */
    uint64_t commit_last;
    uint32_t ordinal; /* among the segments of its commit: arrival order */
    uint32_t level;   /* 0: written by ingest; 1: merged; 2: merged, and a window's whole share */
} wendi_segment_entry;

typedef struct wendi_reject_entry {
    uint8_t uuid[16];
    uint64_t file_bytes;
    uint64_t checksum; /* xxh3-64 of the whole file */
    uint64_t row_count;
    uint64_t commit;
} wendi_reject_entry;

/** A file with the keys of the rows of some commits: where segments do not have the UNIQUE column. */
typedef struct wendi_key_entry {
    uint8_t uuid[16];
    uint64_t file_bytes;
    uint64_t checksum; /* xxh3-64 of the whole file */
    uint64_t key_count;
    uint64_t commit_first;
    uint64_t commit_last;
} wendi_key_entry;

/** The table as of one commit. Borrowed from the snapshot; arrays in commit order, segments by their
 * last commit: of two that hold rows of one user and time, the one with the earlier arrivals stands
 * first (docs/decisions/compaction-keeps-arrival.md). */
typedef struct wendi_table_state {
    uint64_t version;        /* number of the newest commit */
    uint64_t epoch;          /* writer epoch */
    int64_t commit_us;       /* its time */
    wendi_string cluster_id; /* Kafka cluster; empty until one was seen */
    wendi_segment_entry *segments;
    uint32_t segment_count;
    wendi_source_state *sources;
    uint32_t source_count;
    wendi_reject_entry *rejects;
    uint32_t reject_count;
    wendi_key_entry *key_files; /* by rising commits */
    uint32_t key_file_count;
} wendi_table_state;

/** Open `table` of the store at `store`; WEND_NOT_FOUND lists what there is. Reads the log. */
wend_status wendi_table_open(const char *store, wendi_string table, wendi_table **table_out,
                             wend_error *error);
/** The same over an `io` of the caller's, which outlives the table: tests put faults below it. */
wend_status wendi_table_open_io(wendi_io *io, const char *store, wendi_string table,
                                wendi_table **table_out, wend_error *error);
void wendi_table_close(wendi_table *table);
const char *wendi_table_folder(const wendi_table *table);
const char *wendi_table_io_name(const wendi_table *table); /* "io_uring" or "posix" */

/** Create a table from its DDL (schema is borrowed). WEND_EXISTS when it is there. */
wend_status wendi_table_create(const char *store, const wendi_schema *schema, wend_error *error);
wend_status wendi_table_create_io(wendi_io *io, const char *store, const wendi_schema *schema,
                                  wend_error *error);
/** Remove a table and its files. WEND_BUSY while a writer lives. */
wend_status wendi_table_drop(const char *store, wendi_string table, wend_error *error);
wend_status wendi_table_drop_io(wendi_io *io, const char *store, wendi_string table,
                                wend_error *error);
/** Names of the store's tables in `arena`, sorted. */
wend_status wendi_table_list(const char *store, wendi_arena *arena, wendi_string **names,
                             uint32_t *count, wend_error *error);
wend_status wendi_table_list_io(wendi_io *io, const char *store, wendi_arena *arena,
                                wendi_string **names, uint32_t *count, wend_error *error);

/** The newest commit's snapshot (re-reads the log's end); one reference for the caller. */
wend_status wendi_table_snapshot(wendi_table *table, wendi_snapshot **snapshot_out,
                                 wend_error *error);
wendi_snapshot *wendi_snapshot_acquire(wendi_snapshot *snapshot);
void wendi_snapshot_release(wendi_snapshot *snapshot);
/** The schema that queries see and segments have: wendi_schema_reading() of the table's. */
const wendi_schema *wendi_snapshot_schema(const wendi_snapshot *snapshot);
/** The schema that rows have when they arrive: what the table's statement says. */
const wendi_schema *wendi_snapshot_arrival_schema(const wendi_snapshot *snapshot);
const wendi_table_state *wendi_snapshot_state(const wendi_snapshot *snapshot);
/**
 * The opened segment of state->segments[index], opened at first use and shared by all threads;
 * valid while the snapshot is held. `*segments_opened` counters are in wendi_table_counters().
 * WEND_CONFLICT: the snapshot is older than 15 minutes and the segment was merged away since: take
 * a new one. A file that is missing though the newest commit names it is WEND_CORRUPT.
 */
wend_status wendi_snapshot_segment(wendi_snapshot *snapshot, uint32_t index,
                                   wendi_segment **segment_out, wend_error *error);

typedef struct wendi_table_counters {
    uint64_t segments_opened;
    uint64_t bytes_read;
    uint64_t reads;
} wendi_table_counters;
wendi_table_counters wendi_table_counters_now(const wendi_table *table);

#endif
