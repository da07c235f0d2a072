/* The calls of wend/ingest.h: options and numbers across the library's border. */
#include "wend/ingest.h"

#include <string.h>

#include "engine/api/api_internal.h"
#include "engine/base/alloc.h"
#include "ingest/ingest_kafka.h"

struct wend_ingest {
    const char *store;
    char *table;
    wend_ingest_options options;
    wendi_kafka_properties properties;
    bool kafka;
    atomic_int stop;
    void (*progress)(void *context, const wend_ingest_stats *stats);
    void *progress_context;
    wendi_ingest_stats numbers;
    wend_ingest_stats shown;
    wend_ingest_count reasons[WENDI_INGEST_REASONS_MAX];
    wend_ingest_count unknown_keys[WENDI_UNKNOWN_KEYS_SHOWN];
    char io_backend[16];
};

static wend_status check_source(const wend_ingest_options *options, bool *kafka, wend_error *error)
{
    bool files = options->file_count != 0 || options->standard_input;
    *kafka = options->topic_count != 0;
    if (files == *kafka) {
        wendi_fail(error, WEND_INVALID, files ? "both files and Kafka topics were named" : "nothing to ingest was named");
        wendi_error_hint(error, "name files (--file), standard input (--stdin) or topics (--brokers, --topic)");
        return WEND_INVALID;
    }
    if (options->file_count != 0 && options->standard_input) {
        return wendi_fail(error, WEND_INVALID, "both files and standard input were named");
    }
    return WEND_OK;
}

static wend_status read_properties(const wend_ingest_options *options, wendi_kafka_properties *properties, wend_error *error)
{
    wend_status status = WEND_OK;
    if (options->properties_file != NULL) {
        WEND_TRY(wendi_kafka_properties_read(properties, options->properties_file, error));
    }
    for (size_t i = 0; i < options->property_count; i++) {
        WEND_TRY(wendi_kafka_properties_add(properties, options->properties[i], error));
    }
cleanup:
    return status;
}

wend_status wend_ingest_open(wend_store *store, const char *table, const wend_ingest_options *options, wend_ingest **ingest_out,
                             wend_error *error)
{
    wend_status status = WEND_OK;
    wend_ingest *ingest = NULL;
    WEND_TRY(wendi_api_argument(ingest_out, "ingest_out", error));
    *ingest_out = NULL;
    WEND_TRY(wendi_api_argument(store, "store", error));
    WEND_TRY(wendi_api_argument(table, "table", error));
    WEND_TRY(wendi_api_argument(options, "options", error));
    ingest = wendi_alloc_zero(1, sizeof *ingest);
    if (ingest == NULL || (ingest->table = wendi_strdup(table)) == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "an ingest", sizeof *ingest));
    }
    ingest->store = store->path;
    ingest->options = *options;
    WEND_TRY(check_source(options, &ingest->kafka, error));
    WEND_TRY(read_properties(options, &ingest->properties, error));
    *ingest_out = ingest;
    ingest = NULL;
cleanup:
    wend_ingest_close(ingest);
    return status;
}

static void show(wend_ingest *ingest, const wendi_ingest_stats *numbers)
{
    for (uint32_t i = 0; i < numbers->reason_count; i++) {
        ingest->reasons[i] = (wend_ingest_count){numbers->reasons[i].text, numbers->reasons[i].count};
    }
    for (uint32_t i = 0; i < numbers->unknown_key_count; i++) {
        ingest->unknown_keys[i] = (wend_ingest_count){numbers->unknown_keys[i].path, numbers->unknown_keys[i].count};
    }
    ingest->shown = (wend_ingest_stats){.elapsed_us = numbers->elapsed_us,
                                        .taken = numbers->taken,
                                        .stored = numbers->stored,
                                        .rejected = numbers->rejected,
                                        .deduplicated = numbers->deduplicated,
                                        .tombstones = numbers->tombstones,
                                        .payload_bytes = numbers->payload_bytes,
                                        .taken_committed = numbers->taken_committed,
                                        .commit_count = numbers->commit_count,
                                        .segment_count = numbers->segment_count,
                                        .lag = numbers->lag,
                                        .events_per_s = numbers->events_per_s,
                                        .bytes_per_s = numbers->bytes_per_s,
                                        .memory_bytes = numbers->memory.blocks + numbers->memory.batches + numbers->memory.unique_window,
                                        .unique_keys = numbers->unique_keys,
                                        .coerced = numbers->coerced,
                                        .nulled = numbers->nulled,
                                        .time_cut = numbers->time_cut,
                                        .unknown_values = numbers->unknown_values,
                                        .reasons = ingest->reasons,
                                        .reason_count = numbers->reason_count,
                                        .unknown_keys = ingest->unknown_keys,
                                        .unknown_key_count = numbers->unknown_key_count,
                                        .io_backend = ingest->io_backend};
}

static void forward_progress(void *context, const wendi_ingest_stats *numbers)
{
    wend_ingest *ingest = context;
    show(ingest, numbers);
    ingest->progress(ingest->progress_context, &ingest->shown);
}

static wend_status run_files(wend_ingest *ingest, const wendi_ingest_options *options, wend_error *error)
{
    const wend_ingest_options *given = &ingest->options;
    wendi_file_source_options files = {.paths = given->files,
                                       .path_count = (uint32_t)given->file_count,
                                       .use_stdin = given->standard_input,
                                       .source_name = given->source_name,
                                       .follow = given->follow,
                                       .reload = given->reload};
    return wendi_ingest_files(ingest->store, ingest->table, &files, options, &ingest->numbers, error);
}

static wend_status run_kafka(wend_ingest *ingest, const wendi_ingest_options *options, wend_error *error)
{
    const wend_ingest_options *given = &ingest->options;
    wendi_kafka_source_options kafka = {.brokers = given->brokers,
                                        .topics = given->topics,
                                        .topic_count = (uint32_t)given->topic_count,
                                        .partitions = given->partitions,
                                        .partition_count = (uint32_t)given->partition_count,
                                        .properties = &ingest->properties,
                                        .from = (wendi_kafka_from)given->from,
                                        .from_us = given->from_us,
                                        .until_caught_up = given->until_caught_up,
                                        .accept_gap = given->accept_gap,
                                        .follow_growth = given->partitions == NULL};
    return wendi_ingest_kafka(ingest->store, ingest->table, &kafka, options, &ingest->numbers, error);
}

wend_status wend_ingest_run(wend_ingest *ingest, void (*progress)(void *context, const wend_ingest_stats *stats), void *context,
                            wend_error *error)
{
    const wend_ingest_options *given = &ingest->options;
    wendi_io *io = NULL;
    ingest->progress = progress;
    ingest->progress_context = context;
    if (wendi_io_open(NULL, &io, NULL) == WEND_OK) {
        strncpy(ingest->io_backend, wendi_io_backend_name(io), sizeof ingest->io_backend - 1);
        wendi_io_close(io);
    }
    wendi_ingest_options options = {.commit_rows = (uint32_t)given->commit_rows,
                                    .commit_interval_ms = (uint32_t)given->commit_interval_ms,
                                    .memory_limit_bytes = (size_t)given->memory_limit_bytes,
                                    .message_count_max = (uint64_t)given->message_count_max,
                                    .stop = &ingest->stop,
                                    .progress = progress == NULL ? NULL : forward_progress,
                                    .progress_context = ingest,
                                    .progress_interval_ms = (uint32_t)given->progress_interval_ms};
    wend_status status = ingest->kafka ? run_kafka(ingest, &options, error) : run_files(ingest, &options, error);
    show(ingest, &ingest->numbers);
    return status;
}

void wend_ingest_stop(wend_ingest *ingest)
{
    atomic_store(&ingest->stop, 1);
}

const wend_ingest_stats *wend_ingest_result(const wend_ingest *ingest)
{
    return &ingest->shown;
}

void wend_ingest_close(wend_ingest *ingest)
{
    if (ingest != NULL) {
        wendi_kafka_properties_free(&ingest->properties);
        wendi_free(ingest->table);
        wendi_free(ingest);
    }
}
