/* The live status as text and as JSON. Old words are never shown without saying that they are old.
 */
#include "tools/cli/live_text.h"

#include <string.h>

#include "engine/base/clock.h"
#include "tools/cli/ingest_report.h"
#include "tools/cli/result_print.h"

enum { PARTITIONS_SHOWN = 32, DURATION_BYTES = 32 };

/* "850 ms", "12.3 s", "14 min", "5.2 h", "3.1 days" */
static const char *duration(int64_t us, char text[DURATION_BYTES])
{
    double seconds = (double)(us > 0 ? us : 0) / 1e6;
    if (seconds < 1) {
        snprintf(text, DURATION_BYTES, "%.0f ms", seconds * 1e3);
    } else if (seconds < 120) {
        snprintf(text, DURATION_BYTES, "%.1f s", seconds);
    } else if (seconds < 7200) {
        snprintf(text, DURATION_BYTES, "%.0f min", seconds / 60);
    } else if (seconds < 172800) {
        snprintf(text, DURATION_BYTES, "%.1f h", seconds / 3600);
    } else {
        snprintf(text, DURATION_BYTES, "%.1f days", seconds / 86400);
    }
    return text;
}

static void print_shown(const char *text)
{
    wendi_buffer out = {0};
    if (cli_append_shown((wendi_string){text, (uint32_t)strlen(text)}, &out) == WEND_OK) {
        printf("%.*s", (int)out.length, (const char *)out.data);
    }
    wendi_buffer_free(&out);
}

static void print_head(const wend_live *live, int64_t now_us)
{
    char age[DURATION_BYTES];
    char since[32];
    cli_time_text(live->started_us, since);
    printf("ingestor: ");
    if (live->stale) {
        printf("GONE: nothing was heard of it for %s, and these are its last words\n  it was ",
               duration(live->age_us, age));
    } else if (live->stuck) {
        printf("STUCK: for %s it has neither got on nor said that there is nothing to do\n  it is ",
               duration(now_us - live->updated_us, age));
    }
    printf("pid %lld on ", (long long)live->pid);
    print_shown(live->host);
    printf(", %s since %s, %u worker%s, through %s\n", live->phase, since, live->stats.worker_count,
           live->stats.worker_count == 1 ? "" : "s", live->stats.io_backend);
}

static void print_partitions(const wend_ingest_stats *stats)
{
    if (stats->lag >= 0) {
        printf("  %lld behind\n", (long long)stats->lag);
    }
    for (size_t i = 0; i < stats->partition_count && i < PARTITIONS_SHOWN; i++) {
        const wend_ingest_partition *partition = &stats->partitions[i];
        printf("    ");
        print_shown(partition->shown);
        printf(" at %lld", (long long)partition->next);
        if (partition->committed_next >= 0 && partition->committed_next != partition->next) {
            printf(", committed to %lld", (long long)partition->committed_next);
        }
        if (partition->end >= 0) {
            int64_t lag = partition->end - partition->next;
            printf(", %lld behind", (long long)(lag > 0 ? lag : 0));
        }
        if (partition->gap != 0) {
            printf(", %lld never seen (accepted gap)", (long long)partition->gap);
        }
        putchar('\n');
    }
    if (stats->partition_count > PARTITIONS_SHOWN) {
        printf("    and %zu more: see --format json\n", stats->partition_count - PARTITIONS_SHOWN);
    }
}

static void print_commits(const wend_ingest_stats *stats, int64_t now_us)
{
    char age[DURATION_BYTES];
    char latency[DURATION_BYTES];
    if (stats->committed_us == 0) {
        printf("  %llu commits by this run\n", (unsigned long long)stats->commit_count);
        return;
    }
    printf("  last commit %s ago, which took %s; %llu commits, %llu segments by this run\n",
           duration(now_us - stats->committed_us, age), duration(stats->commit_latency_us, latency),
           (unsigned long long)stats->commit_count, (unsigned long long)stats->segment_count);
}

static void print_memory(const wend_ingest_stats *stats, int64_t now_us)
{
    char covers[DURATION_BYTES];
    const double mebibyte = 1 << 20;
    printf("  memory %.1f of %.0f MiB: blocks %.1f, batches %.1f, window of keys %.1f; the source "
           "waited %llu times\n",
           (double)stats->memory_bytes / mebibyte, (double)stats->memory_limit / mebibyte,
           (double)stats->memory_blocks / mebibyte, (double)stats->memory_batches / mebibyte,
           (double)stats->memory_window / mebibyte, (unsigned long long)stats->source_waits);
    if (stats->unique_keys_max != 0) {
        printf("  repeats are known by %llu keys of at most %llu",
               (unsigned long long)stats->unique_keys, (unsigned long long)stats->unique_keys_max);
        if (stats->unique_since_us != 0) {
            printf(", of the last %s", duration(now_us - stats->unique_since_us, covers));
        }
        printf("; %llu older ones were found at flushes\n",
               (unsigned long long)stats->repeats_merged);
    }
}

static void print_kafka(const wend_ingest_kafka *kafka)
{
    printf("  Kafka: %s, %llu retries",
           kafka->brokers_down ? "NO BROKER ANSWERS" : "brokers answer",
           (unsigned long long)kafka->retries);
    if (kafka->assigned_partitions != 0 || kafka->waiting_partitions != 0) {
        printf(", %u partitions assigned, %u claimed, %u waited for", kafka->assigned_partitions,
               kafka->claimed_partitions, kafka->waiting_partitions);
    }
    if (kafka->unread_partitions != 0) {
        printf(", %u new partitions are not read", kafka->unread_partitions);
    }
    if (kafka->missing_partitions != 0) {
        printf(", the topics of %u partitions are gone", kafka->missing_partitions);
    }
    if (kafka->last_fault[0] != '\0') {
        printf("; last fault: ");
        print_shown(kafka->last_fault);
    }
    putchar('\n');
}

void cli_live_text(const wend_live *live)
{
    const wend_ingest_stats *stats = &live->stats;
    int64_t now_us = wendi_clock_wall_us();
    print_head(live, now_us);
    printf("  %.0f events/s, %.1f MB/s; this run: %llu taken = %llu stored + %llu rejected + %llu "
           "deduplicated + %llu tombstones\n",
           stats->events_per_s, stats->bytes_per_s / 1e6, (unsigned long long)stats->taken,
           (unsigned long long)stats->stored, (unsigned long long)stats->rejected,
           (unsigned long long)stats->deduplicated, (unsigned long long)stats->tombstones);
    print_partitions(stats);
    print_commits(stats, now_us);
    print_memory(stats, now_us);
    if (stats->kafka != NULL) {
        print_kafka(stats->kafka);
    }
    for (size_t i = 0; i < stats->reason_count; i++) {
        printf("%s%12llu  ", i == 0 ? "  rejected because:\n" : "",
               (unsigned long long)stats->reasons[i].count);
        print_shown(stats->reasons[i].text);
        putchar('\n');
    }
    if (live->metrics[0] != '\0') {
        printf("  metrics at %s\n", live->metrics);
    }
}

/* ---- JSON -------------------------------------------------------------------------------------
 */

static wend_status append_member(wendi_buffer *out, const char *name, const char *text)
{
    wend_status status = wendi_buffer_printf(out, "\"%s\":", name);
    status = status == WEND_OK ? cli_json_string(text, strlen(text), out) : status;
    return status == WEND_OK ? wendi_buffer_u8(out, ',') : status;
}

static wend_status append_partitions(wendi_buffer *out, const wend_ingest_stats *stats)
{
    wend_status status = wendi_buffer_printf(out, ",\"partitions\":[");
    for (size_t i = 0; status == WEND_OK && i < stats->partition_count; i++) {
        const wend_ingest_partition *partition = &stats->partitions[i];
        status = wendi_buffer_printf(out, "%s{", i > 0 ? "," : "");
        status = status == WEND_OK ? append_member(out, "topic", partition->topic) : status;
        status = status == WEND_OK ? append_member(out, "shown", partition->shown) : status;
        status = status == WEND_OK
                     ? wendi_buffer_printf(out,
                                           "\"partition\":%d,\"next\":%lld,\"committed\":%lld,"
                                           "\"end\":%lld,\"gap\":%lld}",
                                           partition->partition, (long long)partition->next,
                                           (long long)partition->committed_next,
                                           (long long)partition->end, (long long)partition->gap)
                     : status;
    }
    return status == WEND_OK ? wendi_buffer_u8(out, ']') : status;
}

static wend_status append_kafka(wendi_buffer *out, const wend_ingest_kafka *kafka)
{
    wend_status status;
    if (kafka == NULL) {
        return wendi_buffer_printf(out, ",\"kafka\":null");
    }
    status = wendi_buffer_printf(out, ",\"kafka\":{");
    status = status == WEND_OK ? append_member(out, "last_fault", kafka->last_fault) : status;
    return status == WEND_OK
               ? wendi_buffer_printf(
                     out,
                     "\"brokers_down\":%s,\"retries\":%llu,\"verified\":%llu,"
                     "\"unverified\":%llu,\"unread_partitions\":%u,"
                     "\"missing_partitions\":%u,\"assigned_partitions\":%u,"
                     "\"claimed_partitions\":%u,\"waiting_partitions\":%u}",
                     kafka->brokers_down ? "true" : "false", (unsigned long long)kafka->retries,
                     (unsigned long long)kafka->verified, (unsigned long long)kafka->unverified,
                     kafka->unread_partitions, kafka->missing_partitions,
                     kafka->assigned_partitions, kafka->claimed_partitions,
                     kafka->waiting_partitions)
               : status;
}

static wend_status append_live(wendi_buffer *out, const wend_live *live)
{
    char since[32];
    char updated[32];
    wend_status status;
    cli_time_text(live->started_us, since);
    cli_time_text(live->updated_us, updated);
    status = wendi_buffer_printf(out, ",\"ingestor\":{\"pid\":%lld,", (long long)live->pid);
    status = status == WEND_OK ? append_member(out, "host", live->host) : status;
    status = status == WEND_OK ? append_member(out, "version", live->version) : status;
    status = status == WEND_OK ? append_member(out, "metrics", live->metrics) : status;
    status =
        status == WEND_OK
            ? wendi_buffer_printf(out,
                                  "\"stale\":%s,\"stuck\":%s,\"age_s\":%.3f,\"phase\":\"%s\","
                                  "\"since\":\"%s\",\"updated\":\"%s\",",
                                  live->stale ? "true" : "false", live->stuck ? "true" : "false",
                                  (double)live->age_us / 1e6, live->phase, since, updated)
            : status;
    status = status == WEND_OK ? cli_append_ingest_numbers(&live->stats, out) : status;
    status = status == WEND_OK ? append_partitions(out, &live->stats) : status;
    status = status == WEND_OK ? append_kafka(out, live->stats.kafka) : status;
    return status == WEND_OK ? wendi_buffer_u8(out, '}') : status;
}

void cli_live_json(const wend_live *live)
{
    wendi_buffer out = {0};
    if (live != NULL && append_live(&out, live) == WEND_OK) {
        printf("%.*s", (int)out.length, (const char *)out.data);
    } else {
        printf(",\"ingestor\":null");
    }
    wendi_buffer_free(&out);
}
