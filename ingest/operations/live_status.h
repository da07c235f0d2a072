/**
 * The live status: a small file in the table's tmp/ that an ingestor replaces once a second, and
 * that `wend status` reads. Why a file, and why there: docs/decisions/live-status-is-a-file.md.
 *
 * It is no part of the table. Nothing depends on it: it is written by a thread that no pipeline
 * waits for, not synced, removed at a good end, and swept like anything a crash leaves in tmp/.
 */
#ifndef WENDI_LIVE_STATUS_H
#define WENDI_LIVE_STATUS_H

#include "ingest/operations/run_board.h"

#define WENDI_LIVE_STATUS_NAME "tmp/live"

/** What an ingestor says of itself. Strings are in the arena that it was read into. */
typedef struct wendi_live_status {
    int64_t pid;
    const char *host;
    const char *pid_space; /* in which `pid` means something: the namespace's id */
    int64_t written_us;    /* wall time */
    int64_t interval_ms;   /* how often it is written */
    const char *metrics;   /* URL, "" none */
    const char *version;
    bool stuck; /* the pipeline holds messages and does not get on */
    wendi_run_view view;
} wendi_live_status;

/** Who we are: pid, host, namespace, version. Strings are in `arena`. WEND_NOMEM. */
wend_status wendi_live_status_self(wendi_arena *arena, wendi_live_status *live) WEND_MUST_USE;
/** As text, one value a line, last "end". */
wend_status wendi_live_status_encode(const wendi_live_status *live,
                                     wendi_buffer *out) WEND_MUST_USE;
/** WEND_CORRUPT: not what encode() writes, or cut short. */
wend_status wendi_live_status_decode(const char *text, size_t length, wendi_arena *arena,
                                     wendi_live_status *live, wend_error *error) WEND_MUST_USE;
/** Replace the file of the table whose folder this is: written beside it, renamed over it. */
wend_status wendi_live_status_write(const char *folder, const wendi_live_status *live,
                                    wend_error *error) WEND_MUST_USE;
/** Take it away, if it is this process's. */
void wendi_live_status_remove(const char *folder);
/** WEND_NOT_FOUND there is none; WEND_IO, WEND_CORRUPT. */
wend_status wendi_live_status_read(const char *folder, wendi_arena *arena, wendi_live_status *live,
                                   wend_error *error) WEND_MUST_USE;
/** Whether the writer is gone: its words are too old for its interval, or its process has ended. */
bool wendi_live_status_stale(const wendi_live_status *live, int64_t wall_us);

#endif
