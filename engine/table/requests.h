/**
 * The requests folder: how a command changes a table that a live writer holds.
 *
 * A command leaves requests/<time>-<uuid>.request (a line with the kind, then the text); the writer
 * carries requests out in order of their names between two commits, and leaves <same>.answer; the
 * command takes the answer away. Without a live writer the command takes the lock and does the work
 * itself, so nothing waits for a process that is gone.
 */
#ifndef WENDI_TABLE_REQUESTS_H
#define WENDI_TABLE_REQUESTS_H

#include "engine/table/commit_log.h"

typedef struct wendi_request {
    wendi_string name; /* of the file, without suffix */
    wendi_string kind; /* "alter" */
    wendi_string text; /* what is asked: the SQL text of an alter */
} wendi_request;

/** Leave a request; its name (NUL-terminated) is in `arena`. */
wend_status wendi_request_leave(wendi_io *io, const char *folder, const char *kind,
                                const char *text, wendi_arena *arena, wendi_string *name,
                                wend_error *error);
/** All requests waiting, oldest first, in `arena`. */
wend_status wendi_request_list(wendi_io *io, const char *folder, wendi_arena *arena,
                               wendi_request **requests, uint32_t *count, wend_error *error);
/** Writer: say how it ended (`outcome` is WEND_OK, or `why` is filled) and take the request away.
 */
wend_status wendi_request_answer(wendi_io *io, const char *folder, const wendi_request *request,
                                 wend_status outcome, const wend_error *why, wend_error *error);
/** Command: *answered says whether there is an answer; then *outcome and `why` are it, and it is
 * taken away. */
wend_status wendi_request_collect(wendi_io *io, const char *folder, wendi_string name,
                                  bool *answered, wend_status *outcome, wend_error *why,
                                  wend_error *error);
/** Command: take an unanswered request back; WEND_NOT_FOUND when the writer already has it. */
wend_status wendi_request_withdraw(wendi_io *io, const char *folder, wendi_string name,
                                   wend_error *error);

#endif
