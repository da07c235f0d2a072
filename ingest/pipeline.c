/*
 * The ingestor: one thread reads, this one decodes and commits, one flushes.
 *
 * Two batches take turns: while one is flushed the other fills. Everything that the writer does but flush happens
 * on this thread, in order: deduplication of the rows as they arrive, commits in the order of the batches.
 * Invariants: at most one flush is under way, and it is the batch that is not filling; a batch's
 * partitions say where the source stood behind its last message, so positions and rows are committed together.
 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/clock.h"
#include "ingest/flush_worker.h"
#include "ingest/ingest.h"
#include "ingest/intake.h"
#include "ingest/source_reader.h"

enum {
    COMMIT_INTERVAL_MS = 5000,
    PROGRESS_INTERVAL_MS = 500,
    REQUEST_INTERVAL_MS = 250,
    COLUMN_BYTES = 17, /* a value and its null byte, at most */
    BATCH_SHARE = 4,   /* a batch may take a quarter of the memory limit, and so may the window of keys */
    PATH_BYTES = 4096
};
static const size_t memory_limit_default = (size_t)1 << 30;
static const size_t memory_limit_min = (size_t)64 << 20;

typedef struct pipeline {
    const wendi_ingest_options *options;
    wendi_table *table;
    wendi_table_writer *writer;
    wendi_source *source;
    wendi_string cluster_id;
    wendi_intake *intake;
    wendi_intake_batch batches[2];
    uint32_t filling; /* index of the batch that rows go to */
    bool flushing;    /* the other one is with the worker */
    wendi_block_queue queue;
    wendi_source_reader reader;
    wendi_flush_worker worker;
    wendi_arena arena; /* of one commit */
    wendi_ingest_stats stats;
    size_t batch_bytes_max;
    int64_t interval_us;
    int64_t begin_us;
    int64_t batch_begin_us; /* when the filling batch got its first block */
    bool batch_begun;
    int64_t requests_us; /* when requests were looked for */
    int64_t progress_us; /* when progress was told last, and what the numbers were */
    uint64_t progress_taken;
    uint64_t progress_bytes;
} pipeline;

static wendi_intake_batch *filling(pipeline *self)
{
    return &self->batches[self->filling];
}

/* ---- numbers ---------------------------------------------------------------------------------- */

static int64_t lag_of(const wendi_intake_batch *batch)
{
    int64_t lag = 0;
    for (uint32_t i = 0; i < batch->partition_count; i++) {
        const wendi_source_partition *partition = &batch->partitions[i];
        if (partition->end < 0) {
            return -1;
        }
        lag += partition->end > partition->next ? partition->end - partition->next : 0;
    }
    return lag;
}

static void update_stats(pipeline *self)
{
    wendi_ingest_stats *stats = &self->stats;
    wendi_unique_report unique = wendi_table_writer_unique_report(self->writer);
    wendi_intake_stats(self->intake, stats);
    stats->elapsed_us = wendi_clock_monotonic_us() - self->begin_us;
    stats->unique_keys = unique.keys;
    stats->memory.unique_window = unique.memory_bytes;
    stats->memory.blocks = wendi_block_queue_bytes(&self->queue);
    stats->memory.batches = wendi_intake_batch_bytes(&self->batches[0]) + wendi_intake_batch_bytes(&self->batches[1]);
    if (filling(self)->partition_count != 0) {
        stats->lag = lag_of(filling(self));
    }
}

static void set_rates(wendi_ingest_stats *stats, uint64_t taken, uint64_t bytes, int64_t us)
{
    double seconds = us > 0 ? (double)us / 1e6 : 1;
    stats->events_per_s = (double)taken / seconds;
    stats->bytes_per_s = (double)bytes / seconds;
}

static void tell_progress(pipeline *self)
{
    const wendi_ingest_options *options = self->options;
    int64_t now = wendi_clock_monotonic_us();
    int64_t interval_ms = options->progress_interval_ms != 0 ? options->progress_interval_ms : PROGRESS_INTERVAL_MS;
    if (options->progress == NULL || now - self->progress_us < interval_ms * 1000) {
        return;
    }
    update_stats(self);
    set_rates(&self->stats, self->stats.taken - self->progress_taken, self->stats.payload_bytes - self->progress_bytes,
              now - self->progress_us);
    self->progress_us = now;
    self->progress_taken = self->stats.taken;
    self->progress_bytes = self->stats.payload_bytes;
    options->progress(options->progress_context, &self->stats);
}

/* ---- committing ------------------------------------------------------------------------------- */

/* Publish a batch whose rows are in `segment` (NULL: it had none), and make it empty. */
static wend_status commit_batch(pipeline *self, wendi_intake_batch *batch, wendi_pending_segment *segment, wend_error *error)
{
    wendi_source_state *sources = NULL;
    uint32_t source_count = 0;
    wend_status status = WEND_OK;
    wendi_arena_reset(&self->arena);
    WEND_TRY(wendi_intake_sources(wendi_table_writer_state(self->writer), batch, &self->arena, &sources, &source_count, error));
    WEND_REQUIRE(source_count != 0 || (segment == NULL && batch->reject_count == 0));
    if (source_count != 0) {
        wendi_reject_block rejects = {batch->rejects.data, batch->rejects.length, batch->reject_count};
        wendi_commit_request request = {.segments = &segment,
                                        .segment_count = segment != NULL ? 1 : 0,
                                        .sources = sources,
                                        .source_count = source_count,
                                        .rejects = batch->reject_count != 0 ? &rejects : NULL,
                                        .cluster_id = self->cluster_id};
        WEND_TRY(wendi_table_writer_commit(self->writer, &request, error));
        self->stats.commit_count++;
        self->stats.segment_count += segment != NULL;
        for (uint32_t i = 0; i < batch->account_count; i++) {
            self->stats.taken_committed += (uint64_t)batch->accounts[i].taken;
        }
        wendi_source_reader_announce(&self->reader, batch->partitions, batch->partition_count);
    }
    wendi_intake_batch_reset(batch);
    if (wendi_intake_batch_bytes(batch) > self->batch_bytes_max / 2) { /* tables of many strings outlive a reset */
        wendi_row_builder_free(&batch->builder);
    }
cleanup:
    return status;
}

/* Wait for the flush under way, if any, and commit what it wrote. */
static wend_status finish_flush(pipeline *self, wend_error *error)
{
    wendi_pending_segment *segment;
    if (!self->flushing) {
        return WEND_OK;
    }
    self->flushing = false;
    wend_status status = wendi_flush_worker_wait(&self->worker, &segment, error);
    return status == WEND_OK ? commit_batch(self, &self->batches[1 - self->filling], segment, error) : status;
}

/* Send the filling batch to be flushed and fill the other one, once that is free. */
static wend_status turn_over(pipeline *self, wend_error *error)
{
    wend_status status = WEND_OK;
    WEND_TRY(finish_flush(self, error));
    WEND_TRY(wendi_intake_batch_ready(self->intake, &self->batches[1 - self->filling], error));
    wendi_flush_worker_begin(&self->worker, &filling(self)->builder);
    self->flushing = true;
    self->filling = 1 - self->filling;
    self->batch_begun = false;
    if (self->batches[1 - self->filling].partition_count != 0) { /* for the lag, until the next block comes */
        WEND_TRY(wendi_intake_batch_stand(filling(self), self->batches[1 - self->filling].partitions,
                                          self->batches[1 - self->filling].partition_count, error));
    }
cleanup:
    return status;
}

/* Everything decoded is committed. */
static wend_status drain(pipeline *self, wend_error *error)
{
    wend_status status = WEND_OK;
    if (self->batch_begun) {
        WEND_TRY(turn_over(self, error));
    }
    WEND_TRY(finish_flush(self, error));
cleanup:
    return status;
}

/* ---- requests --------------------------------------------------------------------------------- */

/* Whether some command left a request; only a look at names, since it is asked four times a second. */
static bool requests_wait(const pipeline *self)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/requests", wendi_table_folder(self->table));
    DIR *folder = opendir(path);
    bool found = false;
    if (folder != NULL) {
        for (struct dirent *entry = readdir(folder); entry != NULL && !found; entry = readdir(folder)) {
            const char *suffix = strrchr(entry->d_name, '.');
            found = suffix != NULL && strcmp(suffix, ".request") == 0;
        }
        closedir(folder);
    }
    return found;
}

static uint32_t header_columns(const wendi_schema *schema)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < schema->column_count; i++) {
        count += schema->columns[i].origin == WENDI_ORIGIN_HEADER;
    }
    return count;
}

/* The source was opened for a table without header columns, so that it reads none: nulls would be wrong. */
static wend_status check_headers(const pipeline *self, uint32_t before, wend_error *error)
{
    if (before != 0 || self->cluster_id.length == 0 || header_columns(wendi_table_writer_schema(self->writer)) == 0) {
        return WEND_OK;
    }
    wendi_fail(error, WEND_CONFLICT, "the table has got a column of message headers, which this run does not read");
    wendi_error_hint(error, "all that was read is committed: start the ingest again");
    return WEND_CONFLICT;
}

/* Requests may change the schema, so they are carried out when no row waits under the old one. */
static wend_status serve_requests(pipeline *self, wend_error *error)
{
    int64_t now = wendi_clock_monotonic_us();
    bool schema_changed = false;
    wend_status status = WEND_OK;
    if (now - self->requests_us < REQUEST_INTERVAL_MS * 1000) {
        return WEND_OK;
    }
    self->requests_us = now;
    if (!requests_wait(self)) {
        return WEND_OK;
    }
    WEND_TRY(drain(self, error));
    uint32_t headers_before = header_columns(wendi_table_writer_schema(self->writer));
    WEND_TRY(wendi_table_writer_requests(self->writer, &schema_changed, error));
    if (schema_changed) {
        self->stats.schema_changes++;
        WEND_TRY(check_headers(self, headers_before, error));
        for (uint32_t i = 0; i < 2; i++) {
            wendi_intake_batch_free(&self->batches[i]);
        }
        WEND_TRY(wendi_intake_reopen(self->intake, error));
        WEND_TRY(wendi_intake_batch_ready(self->intake, filling(self), error));
    }
cleanup:
    return status;
}

/* ---- the loop --------------------------------------------------------------------------------- */

static wend_status take_block(pipeline *self, const wendi_queued_block *block, wend_error *error)
{
    wend_status status = WEND_OK;
    const wendi_row_builder *builder = &filling(self)->builder;
    bool any = builder->row_count != 0 || filling(self)->reject_count != 0;
    bool full = builder->row_capacity - builder->row_count < block->block.count ||
                (any && wendi_intake_batch_bytes(filling(self)) >= self->batch_bytes_max);
    if (full) {
        WEND_TRY(turn_over(self, error));
    }
    if (!self->batch_begun) {
        self->batch_begun = true;
        self->batch_begin_us = wendi_clock_monotonic_us();
    }
    WEND_TRY(wendi_intake_messages(self->intake, filling(self), block->block.messages, block->block.count, block->partitions,
                                   block->partition_count, error));
    WEND_TRY(wendi_intake_batch_stand(filling(self), block->partitions, block->partition_count, error));
cleanup:
    return status;
}

/* How long the next block may be waited for: until the batch is due, and never long. */
static int64_t wait_ms(const pipeline *self)
{
    int64_t longest_ms = 100;
    if (!self->batch_begun) {
        return longest_ms;
    }
    int64_t left_ms = (self->batch_begin_us + self->interval_us - wendi_clock_monotonic_us()) / 1000;
    return left_ms < 0 ? 0 : left_ms < longest_ms ? left_ms : longest_ms;
}

static wend_status run(pipeline *self, wend_error *error)
{
    wend_status status = WEND_OK;
    for (bool ended = false; !ended;) {
        wendi_queued_block *block = wendi_block_queue_take(&self->queue, wait_ms(self), &ended);
        if (block != NULL) {
            status = take_block(self, block, error);
            wendi_block_queue_give_back(&self->queue);
            WEND_TRY(status);
        }
        if (self->flushing && wendi_flush_worker_is_done(&self->worker)) {
            WEND_TRY(finish_flush(self, error));
        }
        if (self->batch_begun && wendi_clock_monotonic_us() - self->batch_begin_us >= self->interval_us) {
            WEND_TRY(turn_over(self, error));
        }
        WEND_TRY(serve_requests(self, error));
        tell_progress(self);
    }
    WEND_TRY(drain(self, error)); /* also when the source failed: what it gave before that is good */
    status = self->queue.outcome;
    if (status != WEND_OK && error != NULL) {
        *error = self->queue.error;
    }
cleanup:
    return status;
}

/* ---- setting up ------------------------------------------------------------------------------- */

/* Rows that a batch's arrays are made for: they take address space at once, memory only as they fill. */
static uint32_t choose_row_capacity(pipeline *self, size_t memory_limit)
{
    const wendi_ingest_options *options = self->options;
    size_t columns = wendi_table_writer_schema(self->writer)->column_count;
    size_t by_memory = memory_limit / BATCH_SHARE / (columns * COLUMN_BYTES + sizeof(uint32_t));
    size_t rows = options->commit_rows != 0 ? options->commit_rows : WENDI_ROW_GROUP_ROWS_MAX;
    rows = rows < by_memory * 2 ? rows : by_memory * 2; /* most values are narrower than the widest */
    rows = rows < WENDI_MESSAGE_BLOCK_MAX ? WENDI_MESSAGE_BLOCK_MAX : rows;
    return rows < WENDI_ROW_GROUP_ROWS_MAX ? (uint32_t)rows : WENDI_ROW_GROUP_ROWS_MAX;
}

static wend_status open_writer(pipeline *self, size_t memory_limit, wend_error *error)
{
    const wendi_ingest_options *options = self->options;
    bool schema_changed = false;
    wendi_writer_options writer_options = {.zstd_level = options->zstd_level,
                                           .unique_window_bytes = options->unique_window_bytes != 0
                                                                      ? options->unique_window_bytes
                                                                      : memory_limit / BATCH_SHARE};
    wend_status status = WEND_OK;
    WEND_TRY(wendi_table_writer_open(self->table, &writer_options, &self->writer, error));
    WEND_TRY(wendi_table_writer_requests(self->writer, &schema_changed, error)); /* left while nobody wrote */
    WEND_TRY(wendi_intake_open(self->writer, choose_row_capacity(self, memory_limit), &self->intake, error));
    WEND_TRY(wendi_intake_batch_ready(self->intake, filling(self), error));
cleanup:
    return status;
}

static wend_status run_threads(pipeline *self, wend_error *error)
{
    bool worker_started = false;
    bool reader_started = false;
    wend_status status = wendi_block_queue_init(&self->queue, error);
    if (status != WEND_OK) {
        return status;
    }
    WEND_TRY(wendi_flush_worker_start(&self->worker, self->writer, error));
    worker_started = true;
    WEND_TRY(wendi_source_reader_start(&self->reader, self->source, &self->queue, self->options->stop,
                                       self->options->message_count_max, error));
    reader_started = true;
    status = run(self, error);
    update_stats(self);
cleanup:
    if (reader_started) {
        wendi_block_queue_abandon(&self->queue);
        wendi_source_reader_join(&self->reader);
    }
    if (worker_started) {
        wendi_flush_worker_stop(&self->worker);
    }
    wendi_block_queue_free(&self->queue);
    return status;
}

static wend_status check_options(const wendi_ingest_options *options, wend_error *error)
{
    if (options->memory_limit_bytes != 0 && options->memory_limit_bytes < memory_limit_min) {
        return wendi_fail(error, WEND_INVALID, "a memory limit of %zu bytes is too small: ingest needs at least %zu",
                          options->memory_limit_bytes, memory_limit_min);
    }
    if (options->commit_rows > WENDI_ROW_GROUP_ROWS_MAX) {
        return wendi_fail(error, WEND_INVALID, "a commit may have at most %d rows", WENDI_ROW_GROUP_ROWS_MAX);
    }
    return WEND_OK;
}

wend_status wendi_ingest_run(wendi_table *table, wendi_source_opener open_source, void *context,
                             const wendi_ingest_options *options, wendi_ingest_stats *stats, wend_error *error)
{
    static const wendi_ingest_options defaults;
    wend_status status = WEND_OK;
    pipeline *self = wendi_alloc_zero(1, sizeof *self);
    if (self == NULL) {
        return wendi_fail_nomem(error, "ingest", sizeof *self);
    }
    self->options = options != NULL ? options : &defaults;
    self->table = table;
    self->begin_us = wendi_clock_monotonic_us();
    self->progress_us = self->begin_us;
    self->stats.lag = -1;
    self->stats.io_backend = wendi_table_io_name(table);
    WEND_TRY(check_options(self->options, error));
    size_t memory_limit = self->options->memory_limit_bytes != 0 ? self->options->memory_limit_bytes : memory_limit_default;
    uint32_t interval_ms = self->options->commit_interval_ms != 0 ? self->options->commit_interval_ms : COMMIT_INTERVAL_MS;
    self->interval_us = (int64_t)interval_ms * 1000;
    self->batch_bytes_max = memory_limit / BATCH_SHARE;
    WEND_TRY(open_writer(self, memory_limit, error));
    WEND_TRY(open_source(context, wendi_table_writer_state(self->writer), &self->source, &self->cluster_id, error));
    WEND_TRY(run_threads(self, error));
cleanup:
    set_rates(&self->stats, self->stats.taken, self->stats.payload_bytes, wendi_clock_monotonic_us() - self->begin_us);
    if (stats != NULL) {
        *stats = self->stats;
    }
    for (uint32_t i = 0; i < 2; i++) {
        wendi_intake_batch_free(&self->batches[i]);
    }
    wendi_intake_close(self->intake);
    if (self->source != NULL) {
        self->source->close(self->source);
    }
    wendi_table_writer_close(self->writer);
    wendi_arena_free(&self->arena);
    wendi_free(self);
    return status;
}
