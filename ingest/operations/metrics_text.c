/*
 * The exposition format as https://prometheus.io/docs/instrumenting/exposition_formats/ has it: all
 * samples of a metric stand together behind its HELP and TYPE, label values escape \, " and
 * newline.
 */
#include "ingest/operations/metrics_text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "ingest/operations/run_numbers.h"

typedef struct page {
    wendi_buffer *out;
    const wendi_run_view *views;
    uint32_t count;
} page;

typedef struct label {
    const char *name; /* NULL: none */
    const char *value;
} label;

static wend_status put_label(wendi_buffer *out, bool first, const label *of)
{
    wend_status status = WEND_OK;
    WEND_TRY(wendi_buffer_printf(out, "%s%s=\"", first ? "{" : ",", of->name));
    for (const char *at = of->value; *at != '\0'; at++) {
        if (*at == '\n') {
            WEND_TRY(wendi_buffer_append(out, "\\n", 2));
            continue;
        }
        if (*at == '\\' || *at == '"') {
            WEND_TRY(wendi_buffer_u8(out, '\\'));
        }
        WEND_TRY(wendi_buffer_u8(out, (uint8_t)*at));
    }
    WEND_TRY(wendi_buffer_u8(out, '"'));
cleanup:
    return status;
}

static wend_status put_head(wendi_buffer *out, const char *metric, const char *type,
                            const char *help)
{
    return wendi_buffer_printf(out, "# HELP %s %s\n# TYPE %s %s\n", metric, help, metric, type);
}

/* One sample; whole numbers without a point, so that counters read exactly up to 2^53. */
static wend_status put_sample(wendi_buffer *out, const char *metric, const label *labels,
                              uint32_t label_count, double value)
{
    wend_status status = WEND_OK;
    WEND_TRY(wendi_buffer_append(out, metric, strlen(metric)));
    for (uint32_t i = 0; i < label_count; i++) {
        WEND_TRY(put_label(out, i == 0, &labels[i]));
    }
    if (label_count != 0) {
        WEND_TRY(wendi_buffer_u8(out, '}'));
    }
    if (value == floor(value) && fabs(value) < 9e15) {
        WEND_TRY(wendi_buffer_printf(out, " %lld\n", (long long)value));
    } else {
        WEND_TRY(wendi_buffer_printf(out, " %.17g\n", value));
    }
cleanup:
    return status;
}

static wend_status put_numbers(const page *of)
{
    wend_status status = WEND_OK;
    for (uint32_t n = 0; n < wendi_run_number_count; n++) {
        const wendi_run_number *number = &wendi_run_numbers[n];
        bool headed = false;
        for (uint32_t i = 0; i < of->count && number->metric != NULL; i++) {
            const wendi_run_view *view = &of->views[i];
            double value = wendi_run_number_value(number, view);
            bool absent =
                (number->kafka && !view->kafka_known) || (number->zero_unset && value == 0);
            if (absent) {
                continue;
            }
            if (!headed) {
                WEND_TRY(put_head(of->out, number->metric, number->counter ? "counter" : "gauge",
                                  number->help));
                headed = true;
            }
            label table = {"table", view->table};
            WEND_TRY(put_sample(of->out, number->metric, &table, 1, value));
        }
    }
cleanup:
    return status;
}

static wend_status put_reasons(const page *of)
{
    static const char metric[] = "wend_ingest_rejects_by_reason_total";
    wend_status status = WEND_OK;
    WEND_TRY(put_head(of->out, metric, "counter", "Events refused, by reason."));
    for (uint32_t i = 0; i < of->count; i++) {
        const wendi_ingest_stats *stats = &of->views[i].stats;
        for (uint32_t r = 0; r < stats->reason_count; r++) {
            label labels[] = {{"table", of->views[i].table}, {"reason", stats->reasons[r].text}};
            WEND_TRY(put_sample(of->out, metric, labels, 2, (double)stats->reasons[r].count));
        }
    }
cleanup:
    return status;
}

static wend_status put_memory(const page *of)
{
    static const char metric[] = "wend_ingest_memory_bytes";
    wend_status status = WEND_OK;
    WEND_TRY(put_head(of->out, metric, "gauge",
                      "Memory by use: blocks read, batches under way, the window of keys."));
    for (uint32_t i = 0; i < of->count; i++) {
        const wendi_ingest_memory *memory = &of->views[i].stats.memory;
        const struct {
            const char *use;
            size_t bytes;
        } uses[] = {{"blocks", memory->blocks},
                    {"batches", memory->batches},
                    {"unique_window", memory->unique_window}};
        for (size_t u = 0; u < sizeof uses / sizeof uses[0]; u++) {
            label labels[] = {{"table", of->views[i].table}, {"use", uses[u].use}};
            WEND_TRY(put_sample(of->out, metric, labels, 2, (double)uses[u].bytes));
        }
    }
cleanup:
    return status;
}

/* ---- partitions -------------------------------------------------------------------------------
 */

typedef struct partition_metric {
    const char *metric;
    const char *type;
    const char *help;
    double (*value)(const wendi_ingest_partition *partition); /* below 0: unknown, left out */
} partition_metric;

static double next_of(const wendi_ingest_partition *partition)
{
    return (double)partition->next;
}
static double committed_of(const wendi_ingest_partition *partition)
{
    return (double)partition->committed_next;
}
static double end_of(const wendi_ingest_partition *partition)
{
    return (double)partition->end;
}
static double lag_of(const wendi_ingest_partition *partition)
{
    return (double)wendi_run_partition_lag(partition);
}
static double gap_of(const wendi_ingest_partition *partition)
{
    return (double)partition->gap;
}

static wend_status put_partitions(const page *of)
{
    static const partition_metric metrics[] = {
        {"wend_ingest_partition_next", "gauge",
         "Position behind the last message taken: a Kafka offset, or a byte of a file.", next_of},
        {"wend_ingest_partition_committed", "gauge", "Position behind the last message committed.",
         committed_of},
        {"wend_ingest_partition_end", "gauge", "Where the partition or file ends now.", end_of},
        {"wend_ingest_partition_lag", "gauge", "Messages, or bytes of a file, that wait.", lag_of},
        {"wend_ingest_partition_gap_messages", "gauge",
         "Messages that were gone before they could be read, and accepted as lost.", gap_of}};
    wend_status status = WEND_OK;
    for (size_t m = 0; m < sizeof metrics / sizeof metrics[0]; m++) {
        WEND_TRY(put_head(of->out, metrics[m].metric, metrics[m].type, metrics[m].help));
        for (uint32_t i = 0; i < of->count; i++) {
            const wendi_ingest_stats *stats = &of->views[i].stats;
            for (uint32_t p = 0; p < stats->partition_count; p++) {
                const wendi_ingest_partition *partition = &stats->partitions[p];
                char number[16];
                snprintf(number, sizeof number, "%d", partition->partition);
                label labels[] = {{"table", of->views[i].table},
                                  {"topic", partition->topic},
                                  {"partition", number}};
                double value = metrics[m].value(partition);
                if (value >= 0) {
                    WEND_TRY(put_sample(of->out, metrics[m].metric, labels, 3, value));
                }
            }
        }
    }
cleanup:
    return status;
}

/* ---- the page ---------------------------------------------------------------------------------
 */

static wend_status put_infos(const page *of)
{
    wend_status status = WEND_OK;
    label version = {"version", WEND_VERSION};
    WEND_TRY(put_head(of->out, "wend_build_info", "gauge", "The program's version."));
    WEND_TRY(put_sample(of->out, "wend_build_info", &version, 1, 1));
    WEND_TRY(put_head(of->out, "wend_ingest_io_backend_info", "gauge",
                      "How files are written: io_uring or posix."));
    for (uint32_t i = 0; i < of->count; i++) {
        const char *backend = of->views[i].stats.io_backend;
        label labels[] = {{"table", of->views[i].table}, {"backend", backend}};
        if (backend != NULL) {
            WEND_TRY(put_sample(of->out, "wend_ingest_io_backend_info", labels, 2, 1));
        }
    }
    WEND_TRY(
        put_head(of->out, "wend_ingest_up", "gauge",
                 "1 while the table's pipeline runs, 0 before it has opened and once it ended."));
    for (uint32_t i = 0; i < of->count; i++) {
        wendi_run_phase phase = of->views[i].phase;
        label table = {"table", of->views[i].table};
        bool up = phase == WENDI_RUN_READING || phase == WENDI_RUN_DRAINING;
        WEND_TRY(put_sample(of->out, "wend_ingest_up", &table, 1, up));
    }
cleanup:
    return status;
}

wend_status wendi_metrics_text(wendi_run_board *board, wendi_buffer *out)
{
    wendi_arena arena = {0};
    uint32_t count = wendi_run_board_count(board);
    wendi_run_view *views = wendi_arena_alloc_zero(&arena, (count + 1) * sizeof *views);
    page of = {out, views, count};
    wend_status status = views != NULL ? WEND_OK : WEND_NOMEM;
    for (uint32_t i = 0; status == WEND_OK && i < count; i++) {
        status = wendi_run_board_read(board, i, &arena, &views[i]);
    }
    WEND_TRY(status);
    WEND_TRY(put_infos(&of));
    WEND_TRY(put_numbers(&of));
    WEND_TRY(put_reasons(&of));
    WEND_TRY(put_memory(&of));
    WEND_TRY(put_partitions(&of));
cleanup:
    wendi_arena_free(&arena);
    return status;
}
