/**
 * A run over one table or several, and all that tells of it: a thread with a pipeline for each
 * table, and on the caller's thread the board's readers (progress, log, live status, service
 * manager).
 *
 * Tables share nothing but the limits: each has its consumer, positions and commits. Memory,
 * workers and librdkafka's queue are divided evenly. When a table fails, the others are asked to
 * stop, and commit what they have read.
 */
#ifndef WENDI_TABLE_RUNS_H
#define WENDI_TABLE_RUNS_H

#include "ingest/ingest_kafka.h"
#include "ingest/operations/run_board.h"
#include "ingest/operations/run_log.h"

/** A table and where its messages come from: files or Kafka. */
typedef struct wendi_table_run {
    const char *table;
    const wendi_file_source_options *files;  /* one of these two, */
    const wendi_kafka_source_options *kafka; /* the other is NULL */
} wendi_table_run;

/** Zero-filled is a valid choice. Borrowed for the call. */
typedef struct wendi_operations {
    wendi_ingest_options ingest; /* limits are for all tables together; progress is not used */
    const char *metrics_address; /* see metrics_server.h; NULL: none */
    bool no_live_status;
    bool notify_service;
    wendi_log_sink log; /* NULL: none */
    void *log_context;
    /** From the caller's thread, every `ingest.progress_interval_ms`. */
    void (*progress)(void *context, wendi_run_board *board);
    void *progress_context;
} wendi_operations;

/**
 * Run until every table's source has ended, `ingest.stop` is set or one fails. `board` has one
 * entry for each of the runs; when the call returns, every one of them is DONE or FAILED, with its
 * numbers.
 *
 * Returns: WEND_OK; WEND_INVALID a limit that cannot be divided so often; else the first failure,
 * its message beginning with the table's name when there are several.
 */
wend_status wendi_table_runs(const char *store, const wendi_table_run *runs, uint32_t run_count,
                             const wendi_operations *operations, wendi_run_board *board,
                             wend_error *error) WEND_MUST_USE;

#endif
