/** What `wend ingest` says of its run: the line of progress, the numbers at the end, the log. */
#ifndef WEND_CLI_INGEST_REPORT_H
#define WEND_CLI_INGEST_REPORT_H

#include "engine/base/bytes.h"
#include "tools/cli/command.h"
#include "wend/ingest.h"

/** A line of progress that is written over; `context` is a bool: positions are messages, not bytes.
 */
void cli_ingest_progress(void *context, const wend_ingest_stats *stats);
/** The numbers at the end, of each table and their sums. */
void cli_ingest_numbers(const wend_ingest *ingest, bool json);

/** How log lines look. */
typedef enum cli_log_format { CLI_LOG_NONE, CLI_LOG_TEXT, CLI_LOG_JSON } cli_log_format;
/** Write a line to standard error; `context` is a cli_log_format. */
void cli_ingest_log(void *context, const wend_log_line *line);

/** Append the members of a JSON object, without braces, for a run's numbers; `status` shares them.
 */
wend_status cli_append_ingest_numbers(const wend_ingest_stats *stats, wendi_buffer *out);
/** RFC 3339 in UTC, to the millisecond; "" for 0. */
void cli_time_text(int64_t us, char text[32]);

#endif
