/**
 * Replay of rejects: messages that were refused go through today's decoder, rules and deduplication again, once
 * the schema was mended or the cause is gone.
 *
 * What is accepted now is stored and is no reject any more; what is refused again stays one, with the reason of
 * today. A commit drops the reject files that it replayed, adds the rows, writes what is left of the rejects into a
 * new file and moves the accounts of their sources (docs/FORMAT.md, action 8): so a replay that is killed
 * anywhere has replayed whole files or nothing of them, and no reject is ever stored twice. Rows that are stored
 * arrive now: behind all that is in the table, in the order in which they were refused.
 *
 * A file of which nothing is accepted and whose reasons have not changed is left alone.
 */
#ifndef WENDI_INGEST_REPLAY_H
#define WENDI_INGEST_REPLAY_H

#include <stdatomic.h>

#include "engine/table/table.h"
#include "ingest/ingest.h"

/** Zero-filled: all rejects of the table. */
typedef struct wendi_replay_options {
    wendi_string reason; /* only rejects whose reason holds this text */
    wendi_string source; /* only those of this topic, or of the file that was called so */
    bool dry_run;        /* do it all but the commits */
    bool unframe;        /* take a schema registry's five bytes off messages that begin with them */
    size_t unique_window_bytes;
    atomic_int *stop;    /* non-zero: end after the commit under way, with WEND_OK. May be NULL */
} wendi_replay_options;

/** rejects = not_chosen + stored + deduplicated + rejected + those not reached when it was stopped. */
typedef struct wendi_replay_stats {
    uint64_t rejects; /* in the table before */
    uint64_t not_chosen;
    uint64_t stored;
    uint64_t deduplicated;
    uint64_t rejected; /* again */
    uint64_t commit_count;
    uint32_t reason_count; /* most frequent first: why they were refused again */
    wendi_ingest_reason reasons[WENDI_INGEST_REASONS_MAX];
} wendi_replay_stats;

/**
 * Take the table's lock and replay. `stats` is filled whatever is returned, with what is committed (dry run: would be).
 * Memory: one reject file as text, and up to a million rows.
 * Returns: WEND_BUSY a writer lives; WEND_CORRUPT a reject file is damaged, or names a source that the log does not
 *          know: nothing of the file is replayed; WEND_FENCED, WEND_IO, WEND_NOMEM.
 */
wend_status wendi_replay_run(wendi_table *table, const wendi_replay_options *options, wendi_replay_stats *stats,
                             wend_error *error);

#endif
