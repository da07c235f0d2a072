/**
 * The step from messages to accepted rows, shared by the pipeline and the appender: decode, GENERATED and
 * CHECK, deduplication, rejects, and the accounts by which every message is answered for.
 *
 * A batch collects what one commit will hold (or several flushes of it). One thread at a time per intake.
 */
#ifndef WENDI_INGEST_INTAKE_H
#define WENDI_INGEST_INTAKE_H

#include "engine/table/writer.h"
#include "ingest/ingest.h"

/** What became of a partition's messages since the last commit: taken is the sum of the others. */
typedef struct wendi_intake_account {
    int64_t taken;
    int64_t stored;
    int64_t rejected;
    int64_t deduplicated;
    int64_t tombstones;
} wendi_intake_account;

typedef struct wendi_intake_batch {
    wendi_row_builder builder; /* of the intake's schema; no columns: not made yet */
    wendi_buffer rejects;      /* JSON lines */
    uint64_t reject_count;
    wendi_intake_account *accounts; /* per ordinal of partition */
    uint32_t account_count;
    wendi_source_partition *partitions; /* where they stood behind the last message; strings are the source's */
    uint32_t partition_count;
    uint32_t partition_capacity;
    bool moved; /* something is to be committed */
} wendi_intake_batch;

typedef struct wendi_intake wendi_intake;

/** `writer` is borrowed; its schema must stay until reopen(). `row_capacity`: of batches' builders. */
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
size_t wendi_intake_batch_bytes(const wendi_intake_batch *batch);

/**
 * Take `count` messages (at most WENDI_MESSAGE_BLOCK_MAX) into the batch, whose builder has room for so many
 * rows. message.partition indexes `origins`.
 */
wend_status wendi_intake_messages(wendi_intake *intake, wendi_intake_batch *batch, const wendi_message *messages,
                                  uint32_t count, const wendi_source_partition *origins, uint32_t origin_count,
                                  wend_error *error);
/**
 * Judge rows `first`.. of the builder that were appended typed, all of partition 0, the first of them standing at
 * `position`. Rejected ones are rendered as JSON.
 */
wend_status wendi_intake_rows(wendi_intake *intake, wendi_intake_batch *batch, uint32_t first, int64_t position,
                              const wendi_source_partition *origin, wend_error *error);

/** Fill in the counters that the intake keeps: decoding, reasons, unknown keys. */
void wendi_intake_stats(const wendi_intake *intake, wendi_ingest_stats *stats);

/**
 * The new states of all partitions of the batch that moved, for a commit: the writer's state plus the accounts.
 * In `arena`; strings are borrowed from the batch's partitions.
 */
wend_status wendi_intake_sources(const wendi_table_state *state, const wendi_intake_batch *batch, wendi_arena *arena,
                                 wendi_source_state **sources, uint32_t *count, wend_error *error);

#endif
