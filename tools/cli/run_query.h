/** Running one SQL text and showing what it gives: shared by every command that asks a question. */
#ifndef WEND_CLI_RUN_QUERY_H
#define WEND_CLI_RUN_QUERY_H

#include "tools/cli/result_print.h"

typedef struct cli_query_options { /* option targets of query commands */
    const char *format;
    const char *zone;
    int64_t threads;
    int64_t memory_bytes;
    bool skip_corrupt;
    bool timing;
} cli_query_options;

extern cli_query_options cli_query;

/** Their entries for an option table. */
#define CLI_QUERY_OPTIONS                                                                          \
    {"format", 'f',                                                                                \
     CLI_TEXT, &cli_query.format,                                                                  \
     "FORMAT", "table, csv, json, ndjson or markdown (default: table on a terminal, else csv)"},   \
        {"tz",     0,                                                                              \
         CLI_TEXT, &cli_query.zone,                                                                \
         "ZONE",   "time zone of results and of times without one (default: UTC)"},                \
        {"threads", 0, CLI_INTEGER, &cli_query.threads, "N", "threads (default: all processors)"}, \
        {"memory-limit",          0,       CLI_INTEGER,                                            \
         &cli_query.memory_bytes, "BYTES", "most memory a query may hold, such as 2GiB"},          \
        {"skip-corrupt",          0,    CLI_FLAG,                                                  \
         &cli_query.skip_corrupt, NULL, "leave damaged pages out and say so, instead of failing"}, \
    {                                                                                              \
        "timing", 0, CLI_FLAG, &cli_query.timing, NULL, "say how long it took"                     \
    }

/** Ctrl-C came since the query was opened. */
bool cli_query_interrupted(void);
/** What nulls of tables are shown as in the next runs; NULL: "null". */
extern const char *cli_null_text;
/** Plan, run, print to `out` with notes on standard error; gives the exit code. */
int cli_run_query(wend_store *store, const char *sql, FILE *out);
/** The result's stream and query, for callers that read it themselves; EXIT_DONE or told. */
int cli_open_query(wend_store *store, const char *sql, wend_query **query,
                   struct ArrowArrayStream *stream);
/** Notes on standard error, then close. A failed stream's error is told; gives the exit code. */
int cli_close_query(wend_query *query, struct ArrowArrayStream *stream, const char *sql,
                    int exit_code);

#endif
