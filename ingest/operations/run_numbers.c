/* The table of run_numbers.h. Times are microseconds here and seconds among the metrics. */
#include "ingest/operations/run_numbers.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#define AT(field) offsetof(wendi_run_view, field)
#define STAT(field) offsetof(wendi_run_view, stats.field)
#define KAFKA(field) offsetof(wendi_run_view, kafka.field)
#define COUNTER(label, metric_name, help_text, where)                                              \
    {                                                                                              \
        .name = label, .metric = metric_name, .help = help_text, .counter = true, .scale = 1,      \
        .type = WENDI_NUMBER_U64, .offset = where                                                  \
    }
#define KAFKA_GAUGE(label, metric_name, help_text, field)                                          \
    {                                                                                              \
        .name = label, .metric = metric_name, .help = help_text, .kafka = true, .scale = 1,        \
        .type = WENDI_NUMBER_U32, .offset = KAFKA(field)                                           \
    }

const wendi_run_number wendi_run_numbers[] = {
    {.name = "started_us",
     .metric = "wend_ingest_start_time_seconds",
     .help = "When the run began, since 1970.",
     .type = WENDI_NUMBER_I64,
     .scale = 1e-6,
     .offset = AT(started_us)},
    {.name = "updated_us", .type = WENDI_NUMBER_I64, .scale = 1e-6, .offset = AT(updated_us)},
    {.name = "elapsed_us", .type = WENDI_NUMBER_I64, .scale = 1e-6, .offset = STAT(elapsed_us)},
    {.name = "events_per_s", .type = WENDI_NUMBER_REAL, .scale = 1, .offset = AT(events_per_s)},
    {.name = "bytes_per_s", .type = WENDI_NUMBER_REAL, .scale = 1, .offset = AT(bytes_per_s)},
    COUNTER("taken", "wend_ingest_events_total",
            "Messages taken: stored, rejected, deduplicated or tombstones.", STAT(taken)),
    COUNTER("stored", "wend_ingest_stored_events_total", "Events that became rows.", STAT(stored)),
    COUNTER("rejected", "wend_ingest_rejected_events_total",
            "Events that were refused and kept aside with a reason.", STAT(rejected)),
    COUNTER("deduplicated", "wend_ingest_deduplicated_events_total",
            "Events left out because their key is stored already.", STAT(deduplicated)),
    COUNTER("repeats_merged", "wend_ingest_deduplicated_old_events_total",
            "Of the deduplicated: found in segments behind the window.", STAT(repeats_merged)),
    COUNTER("tombstones", "wend_ingest_tombstones_total", "Messages without a payload.",
            STAT(tombstones)),
    COUNTER("payload_bytes", "wend_ingest_payload_bytes_total", "Bytes of the messages taken.",
            STAT(payload_bytes)),
    COUNTER("taken_committed", "wend_ingest_committed_events_total",
            "Messages taken whose fate is committed.", STAT(taken_committed)),
    COUNTER("commit_count", "wend_ingest_commits_total", "Commits.", STAT(commit_count)),
    COUNTER("segment_count", "wend_ingest_segments_total", "Segments written and committed.",
            STAT(segment_count)),
    {.name = "lag", .type = WENDI_NUMBER_I64, .scale = 1, .offset = STAT(lag)},
    {.name = "memory_blocks", .type = WENDI_NUMBER_SIZE, .scale = 1, .offset = STAT(memory.blocks)},
    {.name = "memory_batches",
     .type = WENDI_NUMBER_SIZE,
     .scale = 1,
     .offset = STAT(memory.batches)},
    {.name = "memory_window",
     .type = WENDI_NUMBER_SIZE,
     .scale = 1,
     .offset = STAT(memory.unique_window)},
    {.name = "memory_limit",
     .metric = "wend_ingest_memory_limit_bytes",
     .help = "What all uses of memory may come to.",
     .type = WENDI_NUMBER_SIZE,
     .scale = 1,
     .offset = STAT(memory.limit)},
    {.name = "unique_keys",
     .metric = "wend_ingest_unique_keys",
     .help = "Keys in the window of deduplication.",
     .type = WENDI_NUMBER_U64,
     .scale = 1,
     .offset = STAT(unique_keys)},
    {.name = "unique_keys_max",
     .metric = "wend_ingest_unique_keys_limit",
     .help = "Keys that fit into the window of deduplication.",
     .type = WENDI_NUMBER_U64,
     .scale = 1,
     .offset = STAT(unique_keys_max)},
    {.name = "unique_since_us",
     .metric = "wend_ingest_unique_oldest_commit_timestamp_seconds",
     .help = "Time of the oldest commit whose keys are in the window.",
     .zero_unset = true,
     .type = WENDI_NUMBER_I64,
     .scale = 1e-6,
     .offset = STAT(unique_since_us)},
    {.name = "committed_us",
     .metric = "wend_ingest_last_commit_timestamp_seconds",
     .help = "Time of the run's last commit.",
     .zero_unset = true,
     .type = WENDI_NUMBER_I64,
     .scale = 1e-6,
     .offset = STAT(committed_us)},
    {.name = "commit_latency_us",
     .metric = "wend_ingest_last_commit_latency_seconds",
     .help = "From the end of the last commit's batch to its publication.",
     .type = WENDI_NUMBER_I64,
     .scale = 1e-6,
     .offset = STAT(commit_latency_us)},
    COUNTER("source_waits", "wend_ingest_source_waits_total",
            "Times that reading had to wait for the workers.", STAT(source_waits)),
    {.name = "workers",
     .metric = "wend_ingest_workers",
     .help = "Threads that decode and encode.",
     .type = WENDI_NUMBER_U32,
     .scale = 1,
     .offset = STAT(worker_count)},
    COUNTER("coerced", "wend_ingest_coerced_values_total",
            "Values taken in another JSON type than the column's.", STAT(coerced)),
    COUNTER("nulled", "wend_ingest_nulled_values_total",
            "Values of a wrong type in columns that take null instead.", STAT(nulled)),
    COUNTER("time_cut", "wend_ingest_cut_times_total", "Times finer than a microsecond.",
            STAT(time_cut)),
    COUNTER("unknown_values", "wend_ingest_unknown_values_total",
            "Values under keys that no column takes.", STAT(unknown_values)),
    COUNTER("schema_changes", "wend_ingest_schema_changes_total",
            "Changes of the table's columns carried out by the run.", STAT(schema_changes)),
    {.name = "kafka_retries",
     .metric = "wend_ingest_kafka_retries_total",
     .help = "Partitions begun again after a fault.",
     .counter = true,
     .kafka = true,
     .type = WENDI_NUMBER_U64,
     .scale = 1,
     .offset = KAFKA(retry_count)},
    {.name = "kafka_verified",
     .metric = "wend_ingest_kafka_fingerprints_verified_total",
     .help = "Last messages taken that were read again and were the same.",
     .counter = true,
     .kafka = true,
     .type = WENDI_NUMBER_U64,
     .scale = 1,
     .offset = KAFKA(verified_count)},
    {.name = "kafka_unverified",
     .metric = "wend_ingest_kafka_fingerprints_gone_total",
     .help = "Last messages taken that are not there any more to be compared.",
     .counter = true,
     .kafka = true,
     .type = WENDI_NUMBER_U64,
     .scale = 1,
     .offset = KAFKA(unverified_count)},
    KAFKA_GAUGE("kafka_brokers_down", "wend_ingest_kafka_brokers_down",
                "1 while no broker answers.", brokers_down),
    KAFKA_GAUGE("kafka_unread_partitions", "wend_ingest_kafka_unread_partitions",
                "Partitions that have appeared and are not read.", unread_partition_count),
    KAFKA_GAUGE("kafka_missing_partitions", "wend_ingest_kafka_missing_partitions",
                "Partitions whose topic is gone now.", missing_partition_count),
    KAFKA_GAUGE("kafka_assigned_partitions", "wend_ingest_kafka_assigned_partitions",
                "Partitions that the consumer group wants this run to read.", assigned_count),
    KAFKA_GAUGE("kafka_claimed_partitions", "wend_ingest_kafka_claimed_partitions",
                "Partitions of a consumer group that this run may read.", claimed_count),
    KAFKA_GAUGE("kafka_waiting_partitions", "wend_ingest_kafka_waiting_partitions",
                "Assigned partitions that another process has not let go yet.", waiting_count),
};
const uint32_t wendi_run_number_count = sizeof wendi_run_numbers / sizeof wendi_run_numbers[0];

void wendi_run_number_print(const wendi_run_number *number, const wendi_run_view *view,
                            char text[32])
{
    const void *at = (const char *)view + number->offset;
    switch (number->type) {
    case WENDI_NUMBER_U64:
        snprintf(text, 32, "%" PRIu64, *(const uint64_t *)at);
        break;
    case WENDI_NUMBER_I64:
        snprintf(text, 32, "%" PRId64, *(const int64_t *)at);
        break;
    case WENDI_NUMBER_U32:
        snprintf(text, 32, "%" PRIu32, *(const uint32_t *)at);
        break;
    case WENDI_NUMBER_SIZE:
        snprintf(text, 32, "%zu", *(const size_t *)at);
        break;
    default:
        snprintf(text, 32, "%.17g", *(const double *)at);
        break;
    }
}

/* All of `text` is one number that the type takes. */
bool wendi_run_number_parse(const wendi_run_number *number, const char *text, wendi_run_view *view)
{
    void *at = (char *)view + number->offset;
    char *end = NULL;
    errno = 0;
    if (number->type == WENDI_NUMBER_REAL) {
        *(double *)at = strtod(text, &end);
    } else if (number->type == WENDI_NUMBER_I64) {
        *(int64_t *)at = strtoll(text, &end, 10);
    } else {
        unsigned long long value = text[0] == '-' ? (errno = ERANGE, 0) : strtoull(text, &end, 10);
        if (number->type == WENDI_NUMBER_U64) {
            *(uint64_t *)at = value;
        } else if (number->type == WENDI_NUMBER_SIZE) {
            *(size_t *)at = value;
        } else if (value <= UINT32_MAX) {
            *(uint32_t *)at = (uint32_t)value;
        } else {
            errno = ERANGE;
        }
    }
    return errno == 0 && end != NULL && end != text && *end == '\0';
}

double wendi_run_number_value(const wendi_run_number *number, const wendi_run_view *view)
{
    const void *at = (const char *)view + number->offset;
    double value = number->type == WENDI_NUMBER_U64    ? (double)*(const uint64_t *)at
                   : number->type == WENDI_NUMBER_I64  ? (double)*(const int64_t *)at
                   : number->type == WENDI_NUMBER_U32  ? (double)*(const uint32_t *)at
                   : number->type == WENDI_NUMBER_SIZE ? (double)*(const size_t *)at
                                                       : *(const double *)at;
    return value * number->scale;
}
