/* Numbers of a run for people and programs: on a terminal one line that is written over, else log
 * lines. */
#include "tools/cli/ingest_report.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "tools/cli/result_print.h"

void cli_time_text(int64_t us, char text[32])
{
    time_t seconds = (time_t)(us / 1000000);
    struct tm parts;
    text[0] = '\0';
    if (us > 0 && gmtime_r(&seconds, &parts) != NULL) {
        size_t length = strftime(text, 32, "%Y-%m-%dT%H:%M:%S", &parts);
        snprintf(text + length, 32 - length, ".%03dZ", (int)(us / 1000 % 1000));
    }
}

/* ---- progress ---------------------------------------------------------------------------------
 */

static void print_rate(char *text, size_t capacity, double rate)
{
    if (rate >= 1e6) {
        snprintf(text, capacity, "%.2f M", rate / 1e6);
    } else if (rate >= 1e3) {
        snprintf(text, capacity, "%.1f k", rate / 1e3);
    } else {
        snprintf(text, capacity, "%.0f ", rate);
    }
}

/* A line that wraps could not be written over: it is cut at the terminal's edge. */
static int line_columns(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1 : 79;
}

void cli_ingest_progress(void *context, const wend_ingest_stats *stats)
{
    const bool *messages = context;
    char rate[32];
    char lag[48] = "";
    char line[320];
    print_rate(rate, sizeof rate, stats->events_per_s);
    if (stats->lag >= 0) {
        snprintf(lag, sizeof lag, *messages ? ", %lld behind" : ", %lld bytes left",
                 (long long)stats->lag);
    }
    snprintf(line, sizeof line,
             "%llu events, %sevents/s, %.1f MB/s%s, %llu rejected, %llu repeated, %llu commits%s",
             (unsigned long long)stats->taken, rate, stats->bytes_per_s / 1e6, lag,
             (unsigned long long)stats->rejected, (unsigned long long)stats->deduplicated,
             (unsigned long long)stats->commit_count,
             stats->kafka != NULL && stats->kafka->brokers_down ? "; NO BROKER ANSWERS" : "");
    fprintf(stderr, "\r\033[K%.*s", line_columns(), line);
    fflush(stderr);
}

/* ---- the end, as text -------------------------------------------------------------------------
 */

static void print_counts(const char *title, const wend_ingest_count *counts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        printf("%s%12llu  %s\n", i == 0 ? title : "", (unsigned long long)counts[i].count,
               counts[i].text);
    }
}

static void print_keys(const wend_ingest_key *keys, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        printf("%s%12llu  %-28s %-18s %s\n", i == 0 ? "keys without a column:\n" : "",
               (unsigned long long)keys[i].count, keys[i].path, keys[i].type, keys[i].example);
    }
}

static void print_text(const wend_ingest_stats *stats)
{
    double seconds = (double)stats->elapsed_us / 1e6;
    printf("%llu taken = %llu stored + %llu rejected + %llu deduplicated + %llu tombstones\n",
           (unsigned long long)stats->taken, (unsigned long long)stats->stored,
           (unsigned long long)stats->rejected, (unsigned long long)stats->deduplicated,
           (unsigned long long)stats->tombstones);
    printf("%.1f MB in %.2f s: %.0f events/s, %.1f MB/s; %llu commits, %llu segments, through %s\n",
           (double)stats->payload_bytes / 1e6, seconds, stats->events_per_s,
           stats->bytes_per_s / 1e6, (unsigned long long)stats->commit_count,
           (unsigned long long)stats->segment_count, stats->io_backend);
    if (stats->memory_limit != 0) {
        printf("%u worker%s; memory limit %.0f MiB, of which the window of keys took %.1f MiB\n",
               stats->worker_count, stats->worker_count == 1 ? "" : "s",
               (double)stats->memory_limit / (1 << 20), (double)stats->memory_window / (1 << 20));
    }
    if (stats->taken_committed < stats->taken) {
        printf("only the first %llu of them were committed; the next run takes the others again\n",
               (unsigned long long)stats->taken_committed);
    }
    print_counts("rejected because:\n", stats->reasons, stats->reason_count);
    print_keys(stats->unknown_keys, stats->unknown_key_count);
}

/* ---- the end, as JSON -------------------------------------------------------------------------
 */

static wend_status append_string(wendi_buffer *out, const char *before, const char *text)
{
    wend_status status = wendi_buffer_append(out, before, strlen(before));
    return status == WEND_OK ? cli_json_string(text, strlen(text), out) : status;
}

static wend_status append_counts(wendi_buffer *out, const char *name,
                                 const wend_ingest_count *counts, size_t count)
{
    wend_status status = wendi_buffer_printf(out, ",\"%s\":{", name);
    for (size_t i = 0; status == WEND_OK && i < count; i++) {
        status = append_string(out, i > 0 ? "," : "", counts[i].text);
        status = status == WEND_OK
                     ? wendi_buffer_printf(out, ":%llu", (unsigned long long)counts[i].count)
                     : status;
    }
    return status == WEND_OK ? wendi_buffer_u8(out, '}') : status;
}

static wend_status append_keys(wendi_buffer *out, const wend_ingest_key *keys, size_t count)
{
    wend_status status = wendi_buffer_printf(out, ",\"unknown_keys\":{");
    for (size_t i = 0; status == WEND_OK && i < count; i++) {
        status = append_string(out, i > 0 ? "," : "", keys[i].path);
        status = status == WEND_OK ? wendi_buffer_printf(out, ":{\"count\":%llu",
                                                         (unsigned long long)keys[i].count)
                                   : status;
        status = status == WEND_OK ? append_string(out, ",\"type\":", keys[i].type) : status;
        status = status == WEND_OK ? append_string(out, ",\"example\":", keys[i].example) : status;
        status = status == WEND_OK ? wendi_buffer_u8(out, '}') : status;
    }
    return status == WEND_OK ? wendi_buffer_u8(out, '}') : status;
}

static wend_status append_totals(const wend_ingest_stats *stats, wendi_buffer *out)
{
    const struct {
        const char *name;
        uint64_t value;
    } numbers[] = {{"taken", stats->taken},
                   {"taken_committed", stats->taken_committed},
                   {"stored", stats->stored},
                   {"rejected", stats->rejected},
                   {"deduplicated", stats->deduplicated},
                   {"repeats_merged", stats->repeats_merged},
                   {"tombstones", stats->tombstones},
                   {"bytes", stats->payload_bytes},
                   {"commits", stats->commit_count},
                   {"segments", stats->segment_count},
                   {"memory_bytes", stats->memory_bytes},
                   {"memory_blocks", stats->memory_blocks},
                   {"memory_batches", stats->memory_batches},
                   {"memory_window", stats->memory_window},
                   {"memory_limit", stats->memory_limit},
                   {"unique_keys", stats->unique_keys},
                   {"unique_keys_max", stats->unique_keys_max},
                   {"source_waits", stats->source_waits},
                   {"workers", stats->worker_count},
                   {"coerced", stats->coerced},
                   {"nulled", stats->nulled},
                   {"time_cut", stats->time_cut},
                   {"unknown_values", stats->unknown_values},
                   {"schema_changes", stats->schema_changes}};
    wend_status status = WEND_OK;
    for (size_t i = 0; status == WEND_OK && i < sizeof numbers / sizeof numbers[0]; i++) {
        status = wendi_buffer_printf(out, "%s\"%s\":%llu", i > 0 ? "," : "", numbers[i].name,
                                     (unsigned long long)numbers[i].value);
    }
    return status;
}

static wend_status append_time(wendi_buffer *out, const char *name, int64_t us)
{
    char text[32];
    cli_time_text(us, text);
    return us > 0 ? wendi_buffer_printf(out, ",\"%s\":\"%s\"", name, text)
                  : wendi_buffer_printf(out, ",\"%s\":null", name);
}

wend_status cli_append_ingest_numbers(const wend_ingest_stats *stats, wendi_buffer *out)
{
    wend_status status = append_totals(stats, out);
    status = status == WEND_OK
                 ? wendi_buffer_printf(out,
                                       ",\"elapsed_s\":%.6f,\"events_per_s\":%.1f,"
                                       "\"bytes_per_s\":%.1f,\"commit_latency_s\":%.6f",
                                       (double)stats->elapsed_us / 1e6, stats->events_per_s,
                                       stats->bytes_per_s, (double)stats->commit_latency_us / 1e6)
                 : status;
    if (status == WEND_OK && stats->lag >= 0) {
        status = wendi_buffer_printf(out, ",\"lag\":%lld", (long long)stats->lag);
    } else if (status == WEND_OK) {
        status = wendi_buffer_printf(out, ",\"lag\":null");
    }
    status = status == WEND_OK ? append_time(out, "last_commit", stats->committed_us) : status;
    status = status == WEND_OK ? append_time(out, "window_since", stats->unique_since_us) : status;
    status = status == WEND_OK ? append_string(out, ",\"io\":", stats->io_backend) : status;
    status = status == WEND_OK ? append_counts(out, "reasons", stats->reasons, stats->reason_count)
                               : status;
    return status == WEND_OK ? append_keys(out, stats->unknown_keys, stats->unknown_key_count)
                             : status;
}

static wend_status append_outcome(const wend_ingest_outcome *outcome, wendi_buffer *out)
{
    wend_status status = append_string(out, "{\"table\":", outcome->table);
    status = status == WEND_OK
                 ? append_string(out, ",\"status\":", wend_status_name(outcome->status))
                 : status;
    status = status == WEND_OK ? append_string(out, ",\"message\":", outcome->message) : status;
    status = status == WEND_OK ? wendi_buffer_u8(out, ',') : status;
    status = status == WEND_OK ? cli_append_ingest_numbers(&outcome->stats, out) : status;
    return status == WEND_OK ? wendi_buffer_u8(out, '}') : status;
}

static void print_json(const wend_ingest *ingest, const wend_ingest_outcome *outcomes, size_t count)
{
    wendi_buffer out = {0};
    wend_status status = wendi_buffer_u8(&out, '{');
    status =
        status == WEND_OK ? cli_append_ingest_numbers(wend_ingest_result(ingest), &out) : status;
    for (size_t i = 0; status == WEND_OK && count > 1 && i < count; i++) {
        status = wendi_buffer_printf(&out, "%s", i == 0 ? ",\"tables\":[" : ",");
        status = status == WEND_OK ? append_outcome(&outcomes[i], &out) : status;
    }
    if (status == WEND_OK) {
        printf("%.*s%s}\n", (int)out.length, (const char *)out.data, count > 1 ? "]" : "");
    }
    wendi_buffer_free(&out);
}

void cli_ingest_numbers(const wend_ingest *ingest, bool json)
{
    size_t count;
    const wend_ingest_outcome *outcomes = wend_ingest_outcomes(ingest, &count);
    if (json) {
        print_json(ingest, outcomes, count);
        return;
    }
    for (size_t i = 0; count > 1 && i < count; i++) {
        printf("%s: %s%s%s\n", outcomes[i].table, wend_status_name(outcomes[i].status),
               outcomes[i].message[0] != '\0' ? ": " : "", outcomes[i].message);
        print_text(&outcomes[i].stats);
    }
    if (count > 1) {
        puts("together:");
    }
    print_text(wend_ingest_result(ingest));
}

/* ---- the log ----------------------------------------------------------------------------------
 */

static wend_status append_json_line(const wend_log_line *line, const char *level, const char *time,
                                    wendi_buffer *out)
{
    wend_status status = wendi_buffer_printf(out, "{\"time\":\"%s\",\"level\":\"%s\"", time, level);
    if (status == WEND_OK && line->table != NULL) {
        status = append_string(out, ",\"table\":", line->table);
    }
    status = status == WEND_OK ? append_string(out, ",\"what\":", line->what) : status;
    status = status == WEND_OK ? append_string(out, ",\"text\":", line->text) : status;
    for (size_t i = 0; status == WEND_OK && i < line->field_count; i++) {
        const wend_log_field *field = &line->fields[i];
        status = append_string(out, ",", field->name);
        status = status != WEND_OK ? status
                 : field->text != NULL
                     ? append_string(out, ":", field->text)
                     : wendi_buffer_printf(out, ":%lld", (long long)field->number);
    }
    return status == WEND_OK ? wendi_buffer_append(out, "}\n", 2) : status;
}

/* systemd's journal takes the level from a number in angle brackets before the line. */
static wend_status append_text_line(const wend_log_line *line, const char *level, const char *time,
                                    wendi_buffer *out)
{
    static const int priorities[] = {6, 4, 3};
    wend_status status = WEND_OK;
    if (getenv("JOURNAL_STREAM") != NULL) {
        status = wendi_buffer_printf(out, "<%d>", priorities[line->level]);
    }
    status = status == WEND_OK ? wendi_buffer_printf(out, "%s %s %s%s%s: ", time, level,
                                                     line->table != NULL ? line->table : "",
                                                     line->table != NULL ? " " : "", line->what)
                               : status;
    wendi_string text = {line->text, (uint32_t)strlen(line->text)};
    status = status == WEND_OK ? cli_append_shown(text, out) : status;
    return status == WEND_OK ? wendi_buffer_u8(out, '\n') : status;
}

void cli_ingest_log(void *context, const wend_log_line *line)
{
    static const char *const levels[] = {"info", "warning", "error"};
    const cli_log_format *format = context;
    wendi_buffer out = {0};
    char time[32];
    cli_time_text(line->time_us, time);
    wend_status status = *format == CLI_LOG_JSON
                             ? append_json_line(line, levels[line->level], time, &out)
                             : append_text_line(line, levels[line->level], time, &out);
    if (status == WEND_OK) {
        fwrite(out.data, 1, out.length, stderr); /* one call, so that lines stay whole */
    }
    wendi_buffer_free(&out);
}
