/* What changed on the board becomes lines. Each table's last told numbers are kept here. */
#include "ingest/operations/run_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/clock.h"

enum {
    COMMIT_INTERVAL_US = 1000000,
    FAULT_INTERVAL_US = 1000000,
    REJECT_INTERVAL_US = 10000000,
    TEXT_BYTES = 2048,
    POSITIONS_SHOWN = 8
};

/* What was told of a table last. */
typedef struct told {
    wendi_run_phase phase;
    bool stuck;
    int64_t commit_at_us; /* monotonic; likewise below */
    int64_t fault_at_us;
    int64_t reject_at_us;
    uint64_t commits, segments, taken, stored, rejected, deduplicated, schema_changes, retries;
    uint64_t rejects_told;
    int64_t gap;
    bool brokers_down;
    uint32_t unread_partitions;
    char fault[sizeof((wendi_kafka_source_state *)0)->last_error];
} told;

struct wendi_run_log {
    wendi_log_sink sink;
    void *context;
    uint32_t count;
    char text[TEXT_BYTES];
    told tables[];
};

wend_status wendi_run_log_open(uint32_t table_count, wendi_log_sink sink, void *context,
                               wendi_run_log **log_out, wend_error *error)
{
    size_t bytes = sizeof(wendi_run_log) + table_count * sizeof(told);
    wendi_run_log *log = wendi_alloc_zero(1, bytes);
    *log_out = log;
    if (log == NULL) {
        return wendi_fail_nomem(error, "the log", bytes);
    }
    log->sink = sink;
    log->context = context;
    log->count = table_count;
    return WEND_OK;
}

void wendi_run_log_close(wendi_run_log *log)
{
    wendi_free(log);
}

void wendi_run_log_line(wendi_run_log *log, const wendi_log_line *line)
{
    if (log->sink != NULL) {
        log->sink(log->context, line);
    }
}

void wendi_run_log_say(wendi_run_log *log, wendi_log_level level, const char *table,
                       const char *what, const char *text)
{
    wendi_log_line line = {.time_us = wendi_clock_wall_us(),
                           .level = level,
                           .table = table,
                           .what = what,
                           .text = text};
    wendi_run_log_line(log, &line);
}

static wendi_log_line line_of(const wendi_run_log *log, const wendi_run_view *view,
                              wendi_log_level level, const char *what)
{
    return (wendi_log_line){.time_us = wendi_clock_wall_us(),
                            .level = level,
                            .table = view->table,
                            .what = what,
                            .text = log->text};
}

static void add_number(wendi_log_line *line, const char *name, int64_t number)
{
    line->fields[line->field_count++] = (wendi_log_field){.name = name, .number = number};
}

static void add_text(wendi_log_line *line, const char *name, const char *text)
{
    line->fields[line->field_count++] = (wendi_log_field){.name = name, .text = text};
}

/* ---- phases -----------------------------------------------------------------------------------
 */

static void tell_ready(wendi_run_log *log, const wendi_run_view *view)
{
    const wendi_ingest_stats *stats = &view->stats;
    wendi_log_line line = line_of(log, view, WENDI_LOG_INFO, "ready");
    size_t at = 0;
    at += (size_t)snprintf(log->text, TEXT_BYTES, "open, and reading%s",
                           stats->partition_count == 0 ? "" : " on at ");
    for (uint32_t i = 0; i < stats->partition_count && i < POSITIONS_SHOWN && at < TEXT_BYTES;
         i++) {
        const wendi_ingest_partition *partition = &stats->partitions[i];
        at += (size_t)snprintf(log->text + at, TEXT_BYTES - at, "%s%s %" PRId64, i == 0 ? "" : ", ",
                               partition->shown, partition->next);
    }
    if (stats->partition_count > POSITIONS_SHOWN && at < TEXT_BYTES) {
        snprintf(log->text + at, TEXT_BYTES - at, " and %u more",
                 stats->partition_count - POSITIONS_SHOWN);
    }
    add_number(&line, "partitions", stats->partition_count);
    add_number(&line, "lag", stats->lag);
    add_number(&line, "workers", stats->worker_count);
    add_number(&line, "memory_limit", (int64_t)stats->memory.limit);
    add_number(&line, "unique_keys", (int64_t)stats->unique_keys);
    add_text(&line, "io", stats->io_backend != NULL ? stats->io_backend : "");
    wendi_run_log_line(log, &line);
}

static void tell_end(wendi_run_log *log, const wendi_run_view *view)
{
    const wendi_ingest_stats *stats = &view->stats;
    bool failed = view->phase == WENDI_RUN_FAILED;
    wendi_log_line line =
        line_of(log, view, failed ? WENDI_LOG_ERROR : WENDI_LOG_INFO, failed ? "failed" : "end");
    snprintf(log->text, TEXT_BYTES,
             "%s%s%" PRIu64 " taken = %" PRIu64 " stored + %" PRIu64 " rejected + %" PRIu64
             " deduplicated + %" PRIu64 " tombstones; %" PRIu64 " of them committed",
             view->message, failed ? "; " : "", stats->taken, stats->stored, stats->rejected,
             stats->deduplicated, stats->tombstones, stats->taken_committed);
    add_number(&line, "taken", (int64_t)stats->taken);
    add_number(&line, "stored", (int64_t)stats->stored);
    add_number(&line, "rejected", (int64_t)stats->rejected);
    add_number(&line, "deduplicated", (int64_t)stats->deduplicated);
    add_number(&line, "tombstones", (int64_t)stats->tombstones);
    add_number(&line, "committed", (int64_t)stats->taken_committed);
    add_number(&line, "commits", (int64_t)stats->commit_count);
    if (failed) {
        add_text(&line, "status", wend_status_name(view->outcome));
    }
    wendi_run_log_line(log, &line);
}

static void look_at_phase(wendi_run_log *log, told *last, const wendi_run_view *view, bool gets_on)
{
    bool read = view->phase >= WENDI_RUN_READING && view->updated_us != 0;
    if (read && last->phase == WENDI_RUN_OPENING && view->phase != WENDI_RUN_FAILED) {
        tell_ready(log, view);
    }
    if (gets_on == last->stuck) {
        last->stuck = !gets_on;
        wendi_run_log_say(log, gets_on ? WENDI_LOG_INFO : WENDI_LOG_ERROR, view->table, "stuck",
                          gets_on
                              ? "it gets on again"
                              : "the pipeline neither gets on nor says that it has nothing to do");
    }
    last->phase = view->phase;
}

/* ---- commits, rejects -------------------------------------------------------------------------
 */

static void look_at_commits(wendi_run_log *log, told *last, const wendi_run_view *view,
                            int64_t now_us)
{
    const wendi_ingest_stats *stats = &view->stats;
    bool over = view->phase >= WENDI_RUN_DONE;
    if (stats->commit_count == last->commits ||
        (!over && now_us - last->commit_at_us < COMMIT_INTERVAL_US)) {
        return;
    }
    wendi_log_line line = line_of(log, view, WENDI_LOG_INFO, "commit");
    snprintf(log->text, TEXT_BYTES,
             "%" PRIu64 " more; since the last line %" PRIu64 " taken, %" PRIu64 " stored, %" PRIu64
             " rejected, %" PRIu64 " deduplicated; %.0f events/s",
             stats->commit_count - last->commits, stats->taken - last->taken,
             stats->stored - last->stored, stats->rejected - last->rejected,
             stats->deduplicated - last->deduplicated, view->events_per_s);
    add_number(&line, "commits", (int64_t)(stats->commit_count - last->commits));
    add_number(&line, "segments", (int64_t)(stats->segment_count - last->segments));
    add_number(&line, "taken", (int64_t)(stats->taken - last->taken));
    add_number(&line, "stored", (int64_t)(stats->stored - last->stored));
    add_number(&line, "rejected", (int64_t)(stats->rejected - last->rejected));
    add_number(&line, "deduplicated", (int64_t)(stats->deduplicated - last->deduplicated));
    add_number(&line, "latency_us", stats->commit_latency_us);
    add_number(&line, "lag", stats->lag);
    add_number(
        &line, "memory_bytes",
        (int64_t)(stats->memory.blocks + stats->memory.batches + stats->memory.unique_window));
    last->commit_at_us = now_us;
    last->commits = stats->commit_count;
    last->segments = stats->segment_count;
    last->taken = stats->taken;
    last->stored = stats->stored;
    last->rejected = stats->rejected;
    last->deduplicated = stats->deduplicated;
    wendi_run_log_line(log, &line);
}

static void look_at_rejects(wendi_run_log *log, told *last, const wendi_run_view *view,
                            int64_t now_us)
{
    const wendi_ingest_stats *stats = &view->stats;
    bool first = last->rejects_told == 0;
    bool over = view->phase >= WENDI_RUN_DONE;
    if (stats->rejected == last->rejects_told || stats->reason_count == 0 ||
        (!first && !over && now_us - last->reject_at_us < REJECT_INTERVAL_US)) {
        return;
    }
    wendi_log_line line = line_of(log, view, WENDI_LOG_WARNING, "rejects");
    size_t at = (size_t)snprintf(log->text, TEXT_BYTES, "%" PRIu64 " more; so far",
                                 stats->rejected - last->rejects_told);
    for (uint32_t i = 0; i < stats->reason_count && i < 3 && at < TEXT_BYTES; i++) {
        at += (size_t)snprintf(log->text + at, TEXT_BYTES - at, "%s %" PRIu64 " %s",
                               i == 0 ? "" : ",", stats->reasons[i].count, stats->reasons[i].text);
    }
    add_number(&line, "rejected", (int64_t)(stats->rejected - last->rejects_told));
    add_number(&line, "rejected_in_all", (int64_t)stats->rejected);
    add_text(&line, "reason", stats->reasons[0].text);
    add_number(&line, "reason_count", (int64_t)stats->reasons[0].count);
    last->reject_at_us = now_us;
    last->rejects_told = stats->rejected;
    wendi_run_log_line(log, &line);
}

/* ---- Kafka, schema ----------------------------------------------------------------------------
 */

static void tell_kafka(wendi_run_log *log, const wendi_run_view *view, wendi_log_level level,
                       const char *sentence)
{
    wendi_log_line line = line_of(log, view, level, "kafka");
    const char *fault = view->kafka.last_error;
    snprintf(log->text, TEXT_BYTES, "%s%s%s", sentence, fault[0] != '\0' ? ": " : "", fault);
    add_number(&line, "brokers_down", view->kafka.brokers_down);
    add_number(&line, "retries", (int64_t)view->kafka.retry_count);
    add_text(&line, "fault", fault);
    wendi_run_log_line(log, &line);
}

static void look_at_kafka(wendi_run_log *log, told *last, const wendi_run_view *view,
                          int64_t now_us)
{
    const wendi_kafka_source_state *kafka = &view->kafka;
    bool down = kafka->brokers_down != 0;
    if (!view->kafka_known) {
        return;
    }
    if (down != last->brokers_down) {
        tell_kafka(log, view, down ? WENDI_LOG_WARNING : WENDI_LOG_INFO,
                   down ? "no broker answers" : "brokers answer again; the last fault was");
        last->brokers_down = down;
        snprintf(last->fault, sizeof last->fault, "%s", kafka->last_error);
    } else if ((strcmp(kafka->last_error, last->fault) != 0 ||
                kafka->retry_count != last->retries) &&
               now_us - last->fault_at_us >= FAULT_INTERVAL_US) {
        tell_kafka(log, view, WENDI_LOG_WARNING,
                   kafka->retry_count != last->retries ? "a partition is read again after a fault"
                                                       : "a fault");
        last->fault_at_us = now_us;
        last->retries = kafka->retry_count;
        snprintf(last->fault, sizeof last->fault, "%s", kafka->last_error);
    }
    if (kafka->unread_partition_count > last->unread_partitions) {
        tell_kafka(log, view, WENDI_LOG_WARNING,
                   "partitions have appeared that this run does not read");
    }
    last->unread_partitions = kafka->unread_partition_count;
}

static void look_at_gaps(wendi_run_log *log, told *last, const wendi_run_view *view)
{
    const wendi_ingest_stats *stats = &view->stats;
    int64_t gap = 0;
    for (uint32_t i = 0; i < stats->partition_count; i++) {
        gap += stats->partitions[i].gap;
    }
    if (gap > last->gap) {
        wendi_log_line line = line_of(log, view, WENDI_LOG_WARNING, "gap");
        snprintf(log->text, TEXT_BYTES,
                 "%" PRId64
                 " messages were gone before they could be read: accepted, and on record",
                 gap);
        add_number(&line, "gap", gap);
        wendi_run_log_line(log, &line);
    }
    last->gap = gap > last->gap ? gap : last->gap;
}

static void look_at_schema(wendi_run_log *log, told *last, const wendi_run_view *view)
{
    if (view->stats.schema_changes != last->schema_changes) {
        wendi_run_log_say(log, WENDI_LOG_INFO, view->table, "alter",
                          "the table's columns were changed as somebody asked");
        last->schema_changes = view->stats.schema_changes;
    }
}

void wendi_run_log_look(wendi_run_log *log, uint32_t table, const wendi_run_view *view,
                        bool gets_on)
{
    told *last = &log->tables[table];
    int64_t now_us = wendi_clock_monotonic_us();
    bool ended = last->phase >= WENDI_RUN_DONE;
    if (log->sink == NULL || ended) {
        return;
    }
    look_at_phase(log, last, view, gets_on);
    look_at_kafka(log, last, view, now_us);
    look_at_gaps(log, last, view);
    look_at_schema(log, last, view);
    look_at_commits(log, last, view, now_us);
    look_at_rejects(log, last, view, now_us);
    if (view->phase >= WENDI_RUN_DONE) {
        tell_end(log, view);
    }
}
