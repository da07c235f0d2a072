/**
 * The log of a run: lines made of what changed on the board since the last look, so that how often
 * something happens and how often it is told are two things. Pipelines know nothing of it.
 *
 * Commits are told at most once a second and table, rejects and waiting at most every ten; changes
 * (faults, recoveries, columns added, gaps, phases) at once.
 */
#ifndef WENDI_RUN_LOG_H
#define WENDI_RUN_LOG_H

#include "ingest/operations/run_board.h"

enum { WENDI_LOG_FIELDS_MAX = 16 };

typedef enum wendi_log_level { WENDI_LOG_INFO, WENDI_LOG_WARNING, WENDI_LOG_ERROR } wendi_log_level;

typedef struct wendi_log_field {
    const char *name;
    const char *text; /* NULL: a number */
    int64_t number;
} wendi_log_field;

typedef struct wendi_log_line {
    int64_t time_us;
    wendi_log_level level;
    const char *table; /* NULL: the whole run */
    const char *what;
    const char *text;
    wendi_log_field fields[WENDI_LOG_FIELDS_MAX];
    uint32_t field_count;
} wendi_log_line;

typedef void (*wendi_log_sink)(void *context, const wendi_log_line *line);

typedef struct wendi_run_log wendi_run_log;

/** `sink` NULL: a log that keeps quiet. */
wend_status wendi_run_log_open(uint32_t table_count, wendi_log_sink sink, void *context,
                               wendi_run_log **log_out, wend_error *error) WEND_MUST_USE;
void wendi_run_log_close(wendi_run_log *log); /* accepts NULL */
/** Tell what is new in a table's view. */
void wendi_run_log_look(wendi_run_log *log, uint32_t table, const wendi_run_view *view,
                        bool gets_on);
/** A line of the caller's. */
void wendi_run_log_say(wendi_run_log *log, wendi_log_level level, const char *table,
                       const char *what, const char *text);
void wendi_run_log_line(wendi_run_log *log, const wendi_log_line *line);

#endif
