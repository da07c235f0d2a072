/** Printing a query's result in the formats of --format. */
#ifndef WEND_CLI_RESULT_PRINT_H
#define WEND_CLI_RESULT_PRINT_H

#include "engine/base/timezone.h"
#include "tools/cli/command.h"

typedef enum cli_format {
    CLI_FORMAT_TABLE,
    CLI_FORMAT_CSV,
    CLI_FORMAT_JSON,
    CLI_FORMAT_NDJSON,
    CLI_FORMAT_MARKDOWN
} cli_format;

/** By name; NULL: a table on a terminal, else CSV with a header. False (told on standard error) for
 * other names. */
bool cli_format_of(const char *name, cli_format *format);

typedef struct cli_print_options {
    cli_format format;
    const wendi_timezone *zone; /* timestamps are shown in it */
    FILE *out;
    bool row_count;        /* tables: "(3 rows)" at the end */
    const char *null_text; /* tables and Markdown: what null is shown as (NULL: "null") */
} cli_print_options;

/** Read the stream to its end and print it. Errors are told; gives the exit code. `rows` may be
 * NULL. */
int cli_print_stream(struct ArrowArrayStream *stream, const cli_print_options *options,
                     uint64_t *rows);
/** Columns that a text takes on a terminal, where control characters are shown as one dot. */
int cli_width(wendi_string text);
/** Append `text` with control characters made dots, so that it cannot steer a terminal. */
wend_status cli_append_shown(wendi_string text, wendi_buffer *out);
/** Append `text` as a JSON string with its quotes. */
wend_status cli_json_string(const char *text, size_t length, wendi_buffer *out);

#endif
