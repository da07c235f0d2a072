/* From the board's views to the public numbers: the one place where their fields are set side by side. */
#include "engine/api/ingest_numbers.h"

#include "engine/base/alloc.h"

static wend_status show_key(const wendi_unknown_key *from, wendi_arena *arena, wend_ingest_key *out)
{
    wendi_string last = {"", 0};
    wend_status status = WEND_OK;
    *out = (wend_ingest_key){.path = from->path, .count = from->count, .type = "", .example = from->guess.example};
    if (!from->cut && wendi_value_guess_present(&from->guess) + from->guess.nulls != 0) {
        status = wendi_value_guess_last_key(wendi_string_of(from->path), arena, &last);
        out->type = wendi_value_guess_type(&from->guess, last, arena).type;
    }
    return status;
}

static wend_status show_lists(const wendi_run_view *view, wendi_arena *arena, wend_ingest_stats *out)
{
    const wendi_ingest_stats *from = &view->stats;
    wend_ingest_partition *partitions = wendi_arena_alloc(arena, from->partition_count * sizeof *partitions);
    wend_ingest_count *reasons = wendi_arena_alloc(arena, from->reason_count * sizeof *reasons);
    wend_ingest_key *keys = wendi_arena_alloc(arena, from->unknown_key_count * sizeof *keys);
    if (partitions == NULL || reasons == NULL || keys == NULL) {
        return WEND_NOMEM;
    }
    for (uint32_t i = 0; i < from->partition_count; i++) {
        const wendi_ingest_partition *partition = &from->partitions[i];
        partitions[i] = (wend_ingest_partition){.topic = partition->topic,
                                                .shown = partition->shown,
                                                .partition = partition->partition,
                                                .next = partition->next,
                                                .committed_next = partition->committed_next,
                                                .end = partition->end,
                                                .gap = partition->gap};
    }
    for (uint32_t i = 0; i < from->reason_count; i++) {
        reasons[i] = (wend_ingest_count){from->reasons[i].text, from->reasons[i].count};
    }
    for (uint32_t i = 0; i < from->unknown_key_count; i++) {
        if (show_key(&from->unknown_keys[i], arena, &keys[i]) != WEND_OK) {
            return WEND_NOMEM;
        }
    }
    out->partitions = partitions;
    out->partition_count = from->partition_count;
    out->reasons = reasons;
    out->reason_count = from->reason_count;
    out->unknown_keys = keys;
    out->unknown_key_count = from->unknown_key_count;
    return WEND_OK;
}

static wend_status show_kafka(const wendi_run_view *view, wendi_arena *arena, wend_ingest_stats *out)
{
    wend_ingest_kafka *kafka = view->kafka_known ? wendi_arena_alloc(arena, sizeof *kafka) : NULL;
    if (kafka != NULL) {
        *kafka = (wend_ingest_kafka){.retries = view->kafka.retry_count,
                                     .verified = view->kafka.verified_count,
                                     .unverified = view->kafka.unverified_count,
                                     .brokers_down = view->kafka.brokers_down != 0,
                                     .unread_partitions = view->kafka.unread_partition_count,
                                     .missing_partitions = view->kafka.missing_partition_count,
                                     .assigned_partitions = view->kafka.assigned_count,
                                     .claimed_partitions = view->kafka.claimed_count,
                                     .waiting_partitions = view->kafka.waiting_count,
                                     .last_fault = view->kafka.last_error};
    }
    out->kafka = kafka;
    return kafka != NULL || !view->kafka_known ? WEND_OK : WEND_NOMEM;
}

wend_status wendi_numbers_show(const wendi_run_view *view, wendi_arena *arena, wend_ingest_stats *out)
{
    const wendi_ingest_stats *from = &view->stats;
    const wendi_ingest_memory *memory = &from->memory;
    wend_status status = WEND_OK;
    *out = (wend_ingest_stats){.elapsed_us = from->elapsed_us,
                               .taken = from->taken,
                               .stored = from->stored,
                               .rejected = from->rejected,
                               .deduplicated = from->deduplicated,
                               .tombstones = from->tombstones,
                               .payload_bytes = from->payload_bytes,
                               .taken_committed = from->taken_committed,
                               .commit_count = from->commit_count,
                               .segment_count = from->segment_count,
                               .lag = from->lag,
                               .events_per_s = view->events_per_s,
                               .bytes_per_s = view->bytes_per_s,
                               .memory_bytes = memory->blocks + memory->batches + memory->unique_window,
                               .memory_blocks = memory->blocks,
                               .memory_batches = memory->batches,
                               .memory_window = memory->unique_window,
                               .memory_limit = memory->limit,
                               .unique_keys = from->unique_keys,
                               .unique_keys_max = from->unique_keys_max,
                               .unique_since_us = from->unique_since_us,
                               .repeats_merged = from->repeats_merged,
                               .committed_us = from->committed_us,
                               .commit_latency_us = from->commit_latency_us,
                               .source_waits = from->source_waits,
                               .worker_count = from->worker_count,
                               .coerced = from->coerced,
                               .nulled = from->nulled,
                               .time_cut = from->time_cut,
                               .unknown_values = from->unknown_values,
                               .schema_changes = from->schema_changes,
                               .io_backend = from->io_backend != NULL ? from->io_backend : ""};
    WEND_TRY(show_lists(view, arena, out));
    WEND_TRY(show_kafka(view, arena, out));
cleanup:
    return status;
}

/* ---- sums ------------------------------------------------------------------------------------- */

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void add_counts(wend_ingest_stats *sum, const wend_ingest_stats *one)
{
    sum->elapsed_us = larger(sum->elapsed_us, one->elapsed_us);
    sum->taken += one->taken;
    sum->stored += one->stored;
    sum->rejected += one->rejected;
    sum->deduplicated += one->deduplicated;
    sum->tombstones += one->tombstones;
    sum->payload_bytes += one->payload_bytes;
    sum->taken_committed += one->taken_committed;
    sum->commit_count += one->commit_count;
    sum->segment_count += one->segment_count;
    sum->lag = sum->lag < 0 || one->lag < 0 ? -1 : sum->lag + one->lag;
    sum->events_per_s += one->events_per_s;
    sum->bytes_per_s += one->bytes_per_s;
    sum->memory_bytes += one->memory_bytes;
    sum->memory_blocks += one->memory_blocks;
    sum->memory_batches += one->memory_batches;
    sum->memory_window += one->memory_window;
    sum->memory_limit += one->memory_limit;
    sum->unique_keys += one->unique_keys;
    sum->unique_keys_max += one->unique_keys_max;
    sum->repeats_merged += one->repeats_merged;
    sum->committed_us = larger(sum->committed_us, one->committed_us);
    sum->commit_latency_us = larger(sum->commit_latency_us, one->commit_latency_us);
    sum->source_waits += one->source_waits;
    sum->worker_count += one->worker_count;
    sum->coerced += one->coerced;
    sum->nulled += one->nulled;
    sum->time_cut += one->time_cut;
    sum->unknown_values += one->unknown_values;
    sum->schema_changes += one->schema_changes;
    sum->io_backend = sum->io_backend[0] != '\0' ? sum->io_backend : one->io_backend;
}

/* Append `more` behind `count` items, each text with the table's name before it. */
static wend_status append_named(wend_ingest_count *to, size_t *count, const wend_ingest_count *more, size_t more_count,
                                const char *table, wendi_arena *arena)
{
    for (size_t i = 0; i < more_count; i++) {
        const char *text = wendi_arena_printf(arena, "%s: %s", table, more[i].text);
        if (text == NULL) {
            return WEND_NOMEM;
        }
        to[(*count)++] = (wend_ingest_count){text, more[i].count};
    }
    return WEND_OK;
}

static wend_status append_keys(wend_ingest_key *to, size_t *count, const wend_ingest_stats *from, const char *table,
                               wendi_arena *arena)
{
    for (size_t i = 0; i < from->unknown_key_count; i++) {
        wend_ingest_key *key = &to[(*count)++];
        *key = from->unknown_keys[i];
        key->path = wendi_arena_printf(arena, "%s: %s", table, from->unknown_keys[i].path);
        if (key->path == NULL) {
            return WEND_NOMEM;
        }
    }
    return WEND_OK;
}

wend_status wendi_numbers_sum(const wendi_run_view *views, uint32_t count, wendi_arena *arena, wend_ingest_stats *out)
{
    wend_status status = WEND_OK;
    size_t reasons = 0, keys = 0, partitions = 0;
    *out = (wend_ingest_stats){.io_backend = ""};
    wend_ingest_stats *each = wendi_arena_alloc(arena, count * sizeof *each);
    for (uint32_t i = 0; each != NULL && i < count; i++) {
        WEND_TRY(wendi_numbers_show(&views[i], arena, &each[i]));
        add_counts(out, &each[i]);
        reasons += each[i].reason_count;
        keys += each[i].unknown_key_count;
        partitions += each[i].partition_count;
    }
    wend_ingest_count *all_reasons = wendi_arena_alloc(arena, reasons * sizeof *all_reasons);
    wend_ingest_key *all_keys = wendi_arena_alloc(arena, keys * sizeof *all_keys);
    wend_ingest_partition *all_partitions = wendi_arena_alloc(arena, partitions * sizeof *all_partitions);
    if (each == NULL || all_reasons == NULL || all_keys == NULL || all_partitions == NULL) {
        return WEND_NOMEM;
    }
    out->reasons = all_reasons;
    out->unknown_keys = all_keys;
    out->partitions = all_partitions;
    for (uint32_t i = 0; i < count; i++) {
        WEND_TRY(append_named(all_reasons, &out->reason_count, each[i].reasons, each[i].reason_count, views[i].table, arena));
        WEND_TRY(append_keys(all_keys, &out->unknown_key_count, &each[i], views[i].table, arena));
        for (size_t p = 0; p < each[i].partition_count; p++) {
            all_partitions[out->partition_count++] = each[i].partitions[p];
        }
    }
cleanup:
    return status;
}
