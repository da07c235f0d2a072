/**
 * The step from messages to accepted rows, shared by the pipeline, the appender and replay, in two halves:
 *
 *   decode: messages -> rows of a builder, GENERATED, CHECK, NOT NULL, keys      any thread, an intake of its own
 *   settle: deduplication, accounts, rejects, the rows' place in the batch       one thread, in the order of arrival
 *
 * What the first half leaves for the second is a *block*. wendi_intake_messages() and wendi_intake_rows() do both at
 * once for those who have one thread. A batch collects what one commit will hold (or several flushes of it).
 */
#ifndef WENDI_INGEST_INTAKE_H
#define WENDI_INGEST_INTAKE_H

#include "engine/table/writer.h"
#include "ingest/ingest.h"
#include "ingest/intake_reasons.h"

/** What became of a partition's messages since the last commit: taken is the sum of the others. */
typedef struct wendi_intake_account {
    int64_t taken;
    int64_t stored;
    int64_t rejected;
    int64_t deduplicated;
    int64_t tombstones;
} wendi_intake_account;

/** Accounts by ordinal of partition. Zero-filled is a valid empty one. */
typedef struct wendi_intake_accounts {
    wendi_intake_account *each;
    uint32_t count;
    uint32_t capacity;
} wendi_intake_accounts;

/** A decoded block until it is settled. Zero-filled is a valid empty one; its memory is used again. */
typedef struct wendi_intake_block {
    uint32_t first;     /* its rows are first..first+row_count-1 of the builder that they were decoded into */
    uint32_t row_count;
    bool typed;         /* all rows are of partition 0 */
    uint8_t *keep;      /* per row; 0: rules refused it */
    wendi_hash128 *keys; /* for wendi_table_writer_unique() */
    size_t key_capacity;
    wendi_buffer rejects; /* JSON lines */
    wendi_intake_accounts accounts; /* taken, rejected and tombstones */
    wendi_intake_reasons reasons;
    uint64_t payload_bytes;
} wendi_intake_block;

/** What was settled so far, and why rows were refused. */
typedef struct wendi_intake_totals {
    wendi_intake_account sum;
    uint64_t payload_bytes;
    wendi_intake_reasons reasons;
} wendi_intake_totals;

typedef struct wendi_intake_batch {
    wendi_row_builder builder; /* of the intake's schema; no columns: not made yet, or the rows stand elsewhere */
    wendi_buffer rejects;      /* JSON lines */
    uint64_t reject_count;
    wendi_intake_account *accounts; /* per ordinal of partition */
    uint32_t account_count;
    wendi_source_partition *partitions; /* where they stood behind the last message; strings are the source's */
    uint32_t partition_count;
    uint32_t partition_capacity;
} wendi_intake_batch;

typedef struct wendi_intake wendi_intake;

/** `writer` is borrowed; its schema must stay until reopen(). `row_capacity`: of batches' own builders. */
wend_status wendi_intake_open(wendi_table_writer *writer, uint32_t row_capacity, wendi_intake **intake_out,
                              wend_error *error);
void wendi_intake_close(wendi_intake *intake); /* accepts NULL */
/** The writer's schema has changed: new decoder and rules. Batches must be reset by wendi_intake_batch_free(). */
wend_status wendi_intake_reopen(wendi_intake *intake, wend_error *error);

/** Make the batch's builder if it has none. */
wend_status wendi_intake_batch_ready(wendi_intake *intake, wendi_intake_batch *batch, wend_error *error);
/** Forget rows, rejects and accounts, keep memory. */
void wendi_intake_batch_reset(wendi_intake_batch *batch);
void wendi_intake_batch_free(wendi_intake_batch *batch);
/** Copy where the partitions stand now. */
wend_status wendi_intake_batch_stand(wendi_intake_batch *batch, const wendi_source_partition *partitions, uint32_t count,
                                     wend_error *error);

/**
 * Decode `count` messages (at most WENDI_MESSAGE_BLOCK_MAX) into `builder`, which has room for so many rows, from
 * builder->row_count on. message.partition indexes `origins`. What `block` held before is forgotten; the rows that
 * rules refused are still in the builder, with keep 0. Nothing else is touched, so intakes on several threads may do
 * it at once, into lanes of one builder.
 */
wend_status wendi_intake_decode(wendi_intake *intake, wendi_row_builder *builder, const wendi_message *messages,
                                uint32_t count, const wendi_source_partition *origins, uint32_t origin_count,
                                wendi_intake_block *block, wend_error *error);
void wendi_intake_block_free(wendi_intake_block *block);

/**
 * Settle a block: its repeats are found, its accounts and rejects go into `batch` and `totals`, and the rows that
 * stay live in `builder`: as strips of `lane` where it has lanes, closed up where it has none. In the order of
 * arrival, one thread at a time.
 */
wend_status wendi_intake_settle(wendi_table_writer *writer, wendi_intake_block *block, wendi_intake_batch *batch,
                                wendi_row_builder *builder, uint32_t lane, wendi_intake_totals *totals, wend_error *error);

/** Both halves, on one thread, for the batch's own builder. */
wend_status wendi_intake_messages(wendi_intake *intake, wendi_intake_batch *batch, const wendi_message *messages,
                                  uint32_t count, const wendi_source_partition *origins, uint32_t origin_count,
                                  wend_error *error);
/**
 * Judge rows `first`.. of the batch's builder that were appended typed, all of partition 0, the first of them standing
 * at `position`. Rejected ones are rendered as JSON.
 */
wend_status wendi_intake_rows(wendi_intake *intake, wendi_intake_batch *batch, uint32_t first, int64_t position,
                              const wendi_source_partition *origin, wend_error *error);

/** Fill in the counters of what the intake itself settled, and those of its decoder. */
void wendi_intake_stats(wendi_intake *intake, wendi_ingest_stats *stats);
/** The same of `totals` and the decoders of `intake_count` intakes, whose threads may be at work. */
void wendi_intake_stats_of(const wendi_intake_totals *totals, wendi_intake *const *intakes, uint32_t intake_count,
                           wendi_ingest_stats *stats);

/**
 * The new states of all partitions of the batch that moved, for a commit: the writer's state plus the accounts.
 * In `arena`; strings are borrowed from the batch's partitions.
 */
wend_status wendi_intake_sources(const wendi_table_state *state, const wendi_intake_batch *batch, wendi_arena *arena,
                                 wendi_source_state **sources, uint32_t *count, wend_error *error);

#endif
