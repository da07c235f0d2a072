/*
 * The pipeline's life, the thread that watches it, and its numbers.
 *
 * `worker_count` workers do the work (pipeline_worker.c), reading the source included, and the caller's thread watches:
 * it closes batches that have become old, carries out requests, tells progress, and sees when all is done.
 *
 * Memory, out of memory_limit_bytes: a quarter for the window of unique keys; half for rows, of which there are at
 * most as many batches as workers, each with its rows' arrays and strings in one half of its share and what flushing
 * it takes in the other; what is left is for one text of messages a worker and one more, and for what waits to be
 * settled, at most 16 * worker_count blocks. A batch that reaches its share is closed early. Large limits do not make
 * batches larger than commit_rows. The program itself and what a worker's decoding and encoding take however small its
 * batch is (some 20 MB) come on top.
 *
 * Invariants: batches are opened, settled, flushed and committed in one order; a commit holds whole blocks only, and
 * the positions behind the last of them; after a failure nothing more is committed, and the rest is read again.
 */
#include <string.h>
#include <time.h>

#include "engine/base/alloc.h"
#include "engine/base/clock.h"
#include "engine/base/thread_pool.h"
#include "ingest/memory_share.h"
#include "ingest/pipeline.h"

enum {
    COMMIT_INTERVAL_MS = 5000,
    PROGRESS_INTERVAL_MS = 500,
    WATCH_INTERVAL_MS = 100,
    STALL_US = 30 * 1000000, /* who waits so long for a commit makes no progress that could be told */
    WINDOW_SHARE = 4,
    ROWS_SHARE = 2,
    FLUSH_SHARE = 2, /* a batch's share is for its rows, and again as much for flushing them */
    BLOCKS_SHARE = 8,
    BLOCK_BYTES = 1 << 20, /* of a file's block, with most of its lines rejected */
    WORKERS_MAX = 64
};
static const size_t memory_limit_min = 64000000;

/* ---- numbers ---------------------------------------------------------------------------------- */

static int64_t lag_of(const wendi_ingest_partition *partitions, uint32_t count)
{
    int64_t lag = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (partitions[i].end < 0) {
            return -1;
        }
        lag += partitions[i].end > partitions[i].next ? partitions[i].end - partitions[i].next : 0;
    }
    return lag;
}

static void copy_positions(wendi_pipeline *self)
{
    if (self->position_count > self->shown_capacity) {
        wendi_ingest_partition *more = wendi_realloc(self->shown, self->position_count * sizeof *more);
        self->shown_capacity = more != NULL ? self->position_count : self->shown_capacity;
        self->shown = more != NULL ? more : self->shown;
    }
    uint32_t count = self->position_count < self->shown_capacity ? self->position_count : self->shown_capacity;
    if (count != 0) {
        memcpy(self->shown, self->positions, count * sizeof *self->shown);
        self->stats.lag = lag_of(self->shown, count);
    }
    self->stats.partitions = self->shown;
    self->stats.partition_count = count;
}

static void update_stats(wendi_pipeline *self)
{
    wendi_ingest_stats *stats = &self->stats;
    wendi_unique_report unique = wendi_table_writer_unique_report(self->writer);
    stats->elapsed_us = wendi_clock_monotonic_us() - self->begin_us;
    stats->unique_keys = unique.keys;
    stats->unique_keys_max = unique.keys_max;
    stats->unique_since_us = unique.oldest_us;
    stats->repeats_merged = unique.repeats_merged;
    stats->memory.unique_window = unique.memory_bytes;
    stats->memory.limit = self->memory_limit;
    stats->worker_count = self->worker_count;
    pthread_mutex_lock(&self->lock);
    stats->memory.blocks = wendi_pipeline_text_bytes(self);
    stats->memory.batches = wendi_pipeline_batch_bytes(self);
    stats->source_waits = self->source_waits;
    stats->taken_committed = self->taken_committed;
    stats->commit_count = self->commit_count;
    stats->segment_count = self->segment_count;
    stats->committed_us = self->committed_us;
    stats->commit_latency_us = self->commit_latency_us;
    pthread_mutex_unlock(&self->lock);
    pthread_mutex_lock(&self->settling_lock);
    wendi_intake_stats_of(&self->totals, self->intakes, self->worker_count, stats);
    copy_positions(self);
    pthread_mutex_unlock(&self->settling_lock);
}

static void set_rates(wendi_ingest_stats *stats, uint64_t taken, uint64_t bytes, int64_t us)
{
    double seconds = us > 0 ? (double)us / 1e6 : 1;
    stats->events_per_s = (double)taken / seconds;
    stats->bytes_per_s = (double)bytes / seconds;
}

/* A batch has been waiting for its commit so long that some disk or lock must hang: silence is the honest word. */
static bool is_stalled(wendi_pipeline *self, int64_t now_us)
{
    pthread_mutex_lock(&self->lock);
    const wendi_pipeline_batch *oldest = wendi_pipeline_batch_at(self, self->committed);
    bool stalled = self->committed < self->opened && oldest->phase != WENDI_BATCH_FILLING &&
                   now_us - oldest->closed_us > STALL_US;
    pthread_mutex_unlock(&self->lock);
    return stalled;
}

static void tell_progress(wendi_pipeline *self)
{
    const wendi_ingest_options *options = self->options;
    int64_t now = wendi_clock_monotonic_us();
    int64_t interval_ms = options->progress_interval_ms != 0 ? options->progress_interval_ms : PROGRESS_INTERVAL_MS;
    if (options->progress == NULL || now - self->progress_us < interval_ms * 1000 || is_stalled(self, now)) {
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

/* ---- watching --------------------------------------------------------------------------------- */

void wendi_pipeline_fail(wendi_pipeline *self, wend_status status, const wend_error *error)
{
    if (!self->failed) {
        self->failed = true;
        self->status = status;
        self->error = *error;
    }
    pthread_cond_broadcast(&self->work);
    pthread_cond_broadcast(&self->told);
}

/* Held: until something happens, or the batch is due, and never long. */
static void wait_for_news(wendi_pipeline *self)
{
    int64_t due_us = wendi_pipeline_batch_left_us(self, wendi_clock_monotonic_us());
    int64_t left_us = due_us < WATCH_INTERVAL_MS * 1000 ? due_us : WATCH_INTERVAL_MS * 1000;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + left_us * 1000;
    until.tv_sec += (time_t)(ns / 1000000000);
    until.tv_nsec = (long)(ns % 1000000000);
    pthread_cond_timedwait(&self->told, &self->lock, &until);
}

bool wendi_pipeline_drain(wendi_pipeline *self)
{
    pthread_mutex_lock(&self->lock);
    wendi_pipeline_close_batch(self); /* nothing is handed out now: it has what it will have */
    while (!self->failed && !wendi_pipeline_line_is_empty(self)) {
        wait_for_news(self);
        pthread_mutex_unlock(&self->lock);
        tell_progress(self);
        pthread_mutex_lock(&self->lock);
    }
    bool drained = !self->failed;
    pthread_mutex_unlock(&self->lock);
    return drained;
}

/* Held: how the run ended, the workers' failure before the source's. */
static wend_status outcome(const wendi_pipeline *self, wend_error *error)
{
    wend_status status = self->failed ? self->status : self->outcome;
    if (status != WEND_OK && error != NULL) {
        *error = self->failed ? self->error : self->source_error;
    }
    return status;
}

static wend_status watch(wendi_pipeline *self, wend_error *error)
{
    bool ended = false;
    wend_status status = WEND_OK;
    while (!ended) {
        tell_progress(self);
        WEND_TRY(wendi_pipeline_serve_requests(self, error));
        pthread_mutex_lock(&self->lock);
        if (wendi_pipeline_batch_left_us(self, wendi_clock_monotonic_us()) == 0) { /* all workers may be at work, or wait */
            wendi_pipeline_close_batch(self);
        }
        ended = self->failed || wendi_pipeline_is_drained(self);
        if (!ended) {
            wait_for_news(self);
        }
        pthread_mutex_unlock(&self->lock);
    }
    (void)wendi_pipeline_drain(self); /* also when the source failed: what it gave before that is good */
    pthread_mutex_lock(&self->lock);
    status = outcome(self, error);
    pthread_mutex_unlock(&self->lock);
cleanup:
    return status;
}

/* ---- setting up ------------------------------------------------------------------------------- */

static wend_status check_options(const wendi_ingest_options *options, wend_error *error)
{
    if (options->memory_limit_bytes != 0 && options->memory_limit_bytes < memory_limit_min) {
        return wendi_fail(error, WEND_INVALID, "a memory limit of %zu bytes is too small: ingest needs at least %zu",
                          options->memory_limit_bytes, memory_limit_min);
    }
    if (options->commit_rows > WENDI_ROW_GROUP_ROWS_MAX) {
        return wendi_fail(error, WEND_INVALID, "a commit may have at most %d rows", WENDI_ROW_GROUP_ROWS_MAX);
    }
    if (options->worker_count > WENDI_INGEST_WORKERS_MAX) {
        return wendi_fail(error, WEND_INVALID, "ingest may have at most %d workers", WENDI_INGEST_WORKERS_MAX);
    }
    return WEND_OK;
}

static void choose_sizes(wendi_pipeline *self)
{
    const wendi_ingest_options *options = self->options;
    uint32_t processors = wendi_cpu_count();
    uint32_t interval_ms = options->commit_interval_ms != 0 ? options->commit_interval_ms : COMMIT_INTERVAL_MS;
    processors = processors < WENDI_INGEST_WORKERS_MAX ? processors : WENDI_INGEST_WORKERS_MAX;
    self->worker_count = options->worker_count != 0 ? options->worker_count : processors;
    self->memory_limit = options->memory_limit_bytes != 0 ? options->memory_limit_bytes : wendi_memory_share();
    self->memory_limit = self->memory_limit < memory_limit_min ? memory_limit_min : self->memory_limit;
    self->batch_bytes_max = self->memory_limit / ROWS_SHARE / FLUSH_SHARE / self->worker_count;
    self->interval_us = (int64_t)interval_ms * 1000;
    self->line_length = self->worker_count + 2; /* so that rows are free for more while commits wait in line */
}

static wend_status open_writer(wendi_pipeline *self, wend_error *error)
{
    const wendi_ingest_options *options = self->options;
    bool schema_changed = false;
    wendi_writer_options writer_options = {.zstd_level = options->zstd_level,
                                           .unique_window_bytes = options->unique_window_bytes != 0
                                                                      ? options->unique_window_bytes
                                                                      : self->memory_limit / WINDOW_SHARE,
                                           .flush_memory_bytes = self->batch_bytes_max * self->worker_count};
    wend_status status = WEND_OK;
    WEND_TRY(wendi_table_writer_open(self->table, &writer_options, &self->writer, error));
    WEND_TRY(wendi_table_writer_requests(self->writer, &schema_changed, error)); /* left while nobody wrote */
    self->row_capacity = wendi_pipeline_row_capacity(self);
cleanup:
    return status;
}

/*
 * Where others use the processors too, a worker may be kept waiting in the midst of a block: the others go on meanwhile.
 * A block that waits to be settled takes little, unless most of it was rejected.
 */
static uint32_t choose_block_count(const wendi_pipeline *self)
{
    size_t wanted = 16 * (size_t)self->worker_count;
    size_t least = 2 * (size_t)self->worker_count;
    size_t by_memory = self->memory_limit / BLOCKS_SHARE / BLOCK_BYTES;
    return (uint32_t)(by_memory < least ? least : by_memory < wanted ? by_memory : wanted);
}

static wend_status open_workers(wendi_pipeline *self, wend_error *error)
{
    wend_status status = WEND_OK;
    self->block_count = choose_block_count(self);
    self->workers = wendi_alloc_zero(self->worker_count, sizeof *self->workers);
    self->intakes = wendi_alloc_zero(self->worker_count, sizeof *self->intakes);
    self->rows = wendi_alloc_zero(self->worker_count, sizeof *self->rows);
    self->line = wendi_alloc_zero(self->line_length, sizeof *self->line);
    self->blocks = wendi_alloc_zero(self->block_count, sizeof *self->blocks);
    self->texts = wendi_alloc_zero(self->worker_count + 1, sizeof *self->texts);
    if (self->workers == NULL || self->intakes == NULL || self->rows == NULL || self->line == NULL ||
        self->blocks == NULL || self->texts == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "ingest", self->block_count * sizeof *self->blocks));
    }
    for (uint32_t i = 0; i <= self->worker_count; i++) {
        WEND_TRY(wendi_message_block_init(&self->texts[i], error));
    }
    self->spare = &self->texts[self->worker_count];
    for (uint32_t i = 0; i < self->worker_count; i++) {
        WEND_TRY(wendi_intake_open(self->writer, self->row_capacity, &self->intakes[i], error));
        self->workers[i] =
            (wendi_pipeline_worker){.pipeline = self, .index = i, .intake = self->intakes[i], .text = &self->texts[i]};
    }
cleanup:
    return status;
}

static wend_status run_threads(wendi_pipeline *self, wend_error *error)
{
    wend_status status = WEND_OK;
    WEND_TRY(wendi_pipeline_start_workers(self, error));
    status = watch(self, error);
cleanup:
    wendi_pipeline_stop_workers(self);
    wendi_pipeline_tell_last(self);
    update_stats(self);
    return status;
}

static void init_locks(wendi_pipeline *self)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&self->lock, NULL);
    pthread_mutex_init(&self->settling_lock, NULL);
    pthread_cond_init(&self->work, NULL);
    pthread_cond_init(&self->told, &attributes);
    pthread_condattr_destroy(&attributes);
}

static void close_pipeline(wendi_pipeline *self)
{
    wendi_pipeline_free_rows(self);
    for (uint32_t i = 0; i < self->line_length && self->line != NULL; i++) {
        wendi_intake_batch_free(&self->line[i].record);
    }
    for (uint32_t i = 0; i < self->block_count && self->blocks != NULL; i++) {
        wendi_intake_block_free(&self->blocks[i].decoded);
        wendi_free(self->blocks[i].partitions);
    }
    for (uint32_t i = 0; i <= self->worker_count && self->texts != NULL; i++) {
        wendi_message_block_free(&self->texts[i]);
    }
    for (uint32_t i = 0; i < self->worker_count && self->intakes != NULL; i++) {
        wendi_intake_close(self->intakes[i]);
    }
    if (self->source != NULL) {
        self->source->close(self->source);
    }
    wendi_table_writer_close(self->writer);
    wendi_arena_free(&self->arena);
    wendi_free(self->to_announce.each);
    wendi_free(self->announcing.each);
    wendi_free(self->texts);
    wendi_free(self->blocks);
    wendi_free(self->line);
    wendi_free(self->rows);
    wendi_free(self->intakes);
    wendi_free(self->workers);
    wendi_free(self->positions);
    wendi_free(self->shown);
    pthread_cond_destroy(&self->told);
    pthread_cond_destroy(&self->work);
    pthread_mutex_destroy(&self->settling_lock);
    pthread_mutex_destroy(&self->lock);
    wendi_free(self);
}

wend_status wendi_ingest_run(wendi_table *table, wendi_source_opener open_source, void *context,
                             const wendi_ingest_options *options, wendi_ingest_stats *stats, wend_error *error)
{
    static const wendi_ingest_options defaults;
    wend_status status = WEND_OK;
    wendi_pipeline *self = wendi_alloc_zero(1, sizeof *self);
    if (self == NULL) {
        return wendi_fail_nomem(error, "ingest", sizeof *self);
    }
    init_locks(self);
    self->options = options != NULL ? options : &defaults;
    self->table = table;
    self->begin_us = wendi_clock_monotonic_us();
    self->progress_us = self->begin_us;
    self->stats.lag = -1;
    self->stats.io_backend = wendi_table_io_name(table);
    WEND_TRY(check_options(self->options, error));
    choose_sizes(self);
    WEND_TRY(open_writer(self, error));
    WEND_TRY(open_source(context, wendi_table_writer_state(self->writer), &self->source, &self->cluster_id, error));
    wendi_pipeline_ask_for_headers(self);
    WEND_TRY(open_workers(self, error));
    WEND_TRY(run_threads(self, error));
cleanup:
    set_rates(&self->stats, self->stats.taken, self->stats.payload_bytes, wendi_clock_monotonic_us() - self->begin_us);
    if (stats != NULL) {
        *stats = self->stats;
        stats->partitions = NULL; /* they go with the source */
        stats->partition_count = 0;
    }
    close_pipeline(self);
    return status;
}
