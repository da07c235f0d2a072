/**
 * Compaction: the rows of many segments merged into few, without changing any answer.
 *
 *   plan (which segments, which outputs) -> merge (one file a job) -> commit (drop inputs, add
 * outputs)
 *
 * The three steps are apart so that whoever runs them may do so as it likes: `wend compact` all at
 * once under the table's lock; a writer may merge on another thread and commit between two commits
 * of its own, because a plan names its inputs and the commit refuses when one of them has gone.
 *
 * What stays the same: every row, once; the order of rows (user is null, hash, user, time, order
 * column), ties in order of arrival; which of two segments came first, wherever that can be seen
 * (docs/decisions/compaction-keeps-arrival.md); the window of UNIQUE after a restart.
 */
#ifndef WENDI_TABLE_COMPACTION_H
#define WENDI_TABLE_COMPACTION_H

#include "engine/table/writer.h"

enum {
    WENDI_LEVEL_INGESTED = 0,
    WENDI_LEVEL_MERGED = 1,  /* merged in part, or the few rows of several windows */
    WENDI_LEVEL_FINISHED = 2 /* a whole window of time, or a hash range of one */
};

/** Zero-filled: the defaults. */
typedef struct wendi_compaction_options {
    uint64_t target_file_bytes; /* 0: 1 GiB */
    size_t memory_bytes;        /* about the most a merge uses; 0: 1 GiB, at least 128 MiB */
    int zstd_level;             /* 0: 12 */
    bool all;                   /* rewrite finished files too when they have little news */
    uint32_t window_rows_min;   /* smaller windows of fewer rows share a file; 0: 65,536 */
    uint32_t row_group_rows;    /* most rows of a row group; 0: 1,048,576 */
} wendi_compaction_options;

/** One output file: the inputs' rows with time_begin <= time < time_end and a hash in the range. */
typedef struct wendi_compaction_job {
    const wendi_segment_entry *const *inputs; /* in arrival order; of the plan's snapshot */
    uint32_t input_count;
    int64_t time_begin; /* INT64_MIN: from the beginning */
    int64_t time_end; /* INT64_MAX: to the end. Rows without a time go with their segment's last */
    uint64_t hash_begin;
    uint64_t hash_last; /* included. Rows without a user go with UINT64_MAX */
    uint32_t level;
    uint64_t estimated_rows;
    uint64_t estimated_bytes;
} wendi_compaction_job;

/** What one commit does: its jobs together read all rows of its inputs, which it drops. */
typedef struct wendi_compaction_step {
    const wendi_segment_entry **inputs; /* in arrival order */
    uint32_t input_count;
    uint32_t first_job;
    uint32_t job_count;
    uint64_t input_rows;
    uint64_t input_bytes;
} wendi_compaction_step;

/** Steps that do not depend on each other. None: there is nothing to do. */
typedef struct wendi_compaction_plan {
    wendi_arena arena; /* holds all of it */
    wendi_snapshot *snapshot;
    wendi_compaction_step *steps;
    uint32_t step_count;
    wendi_compaction_job *jobs;
    uint32_t job_count;
    uint64_t commit_floor; /* rows of older commits are no longer told apart by commit */
    bool partial; /* some steps only merge many inputs into fewer: plan again behind them */
} wendi_compaction_plan;

/**
 * Choose what to do with `snapshot` (a reference is taken). Reads of segments only the times of
 * those that straddle days. Same snapshot, same options: same plan.
 */
wend_status wendi_compaction_plan_make(wendi_snapshot *snapshot,
                                       const wendi_compaction_options *options,
                                       wendi_compaction_plan **plan_out, wend_error *error);
void wendi_compaction_plan_free(wendi_compaction_plan *plan); /* accepts NULL */

/**
 * Write the job's rows as one segment under its final name, which no commit names yet. `entry` is
 * complete but for the ordinal; row_count 0: no row fell into the job and there is no file. After a
 * failure nothing is left but what a sweep removes. Any thread; jobs may run side by side, each
 * with options->memory_bytes of its own.
 */
wend_status wendi_compaction_merge(const wendi_compaction_plan *plan, uint32_t job,
                                   const wendi_compaction_options *options,
                                   wendi_segment_entry *entry, wend_error *error);

/** What a step did. */
typedef struct wendi_compaction_result {
    const wendi_compaction_plan *plan;
    const wendi_compaction_step *step;
    const wendi_segment_entry *outputs;
    uint32_t output_count;
    double seconds; /* of merging and committing */
} wendi_compaction_result;

/** Merge the jobs of a step and commit it. */
wend_status wendi_table_writer_compact_step(wendi_table_writer *writer,
                                            const wendi_compaction_plan *plan, uint32_t step,
                                            const wendi_compaction_options *options,
                                            void (*report)(void *context,
                                                           const wendi_compaction_result *result),
                                            void *context, wend_error *error);
/**
 * Plan, merge and commit until nothing is left to do. `report` (may be NULL) is told of every step
 * after its commit. WEND_FENCED, WEND_IO … as wendi_table_writer_commit(): the steps reported are
 * committed, the one that failed left the table as it was.
 */
wend_status
wendi_table_writer_compact(wendi_table_writer *writer, const wendi_compaction_options *options,
                           void (*report)(void *context, const wendi_compaction_result *result),
                           void *context, wend_error *error);

#endif
