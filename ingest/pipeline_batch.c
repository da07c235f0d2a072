/*
 * Which block goes into which batch. Decided when the block is handed out, by what was handed out before: so a batch
 * always has a slot for every message it is given, and the same blocks make the same batches whoever decodes them
 * (but for the limits of bytes and time, which look at what has happened).
 */
#include "engine/base/alloc.h"
#include "engine/base/clock.h"
#include "ingest/pipeline.h"

/* A quarter of what a row group may have: rows and dictionaries stay nearer to the caches, and memory is saved. */
enum { COMMIT_ROWS = 262144 };

wendi_pipeline_batch *wendi_pipeline_batch_at(wendi_pipeline *self, uint64_t number)
{
    return &self->line[number % self->line_length];
}

wendi_pipeline_block *wendi_pipeline_block_at(wendi_pipeline *self, uint64_t number)
{
    return &self->blocks[number % self->block_count];
}

uint32_t wendi_pipeline_row_capacity(const wendi_pipeline *self)
{
    size_t rows = self->options->commit_rows != 0 ? self->options->commit_rows : COMMIT_ROWS;
    size_t by_memory = self->batch_bytes_max / wendi_row_builder_row_bytes(wendi_table_writer_schema(self->writer));
    rows = rows < by_memory ? rows : by_memory;
    return rows < WENDI_MESSAGE_BLOCK_MAX ? WENDI_MESSAGE_BLOCK_MAX : (uint32_t)rows;
}

/* ---- rows ------------------------------------------------------------------------------------- */

static void free_rows(wendi_pipeline *self, wendi_pipeline_rows *rows)
{
    for (uint32_t i = 0; i < self->worker_count && rows->lanes != NULL; i++) {
        wendi_row_builder_free(&rows->lanes[i]);
    }
    if (rows->builder.columns != NULL) {
        wendi_row_builder_free(&rows->builder);
    }
    wendi_free(rows->lanes);
    wendi_free(rows->lane_bytes);
    *rows = (wendi_pipeline_rows){0};
}

void wendi_pipeline_free_rows(wendi_pipeline *self)
{
    for (uint32_t i = 0; i < self->rows_made; i++) {
        free_rows(self, &self->rows[i]);
    }
    self->rows_made = 0;
    self->idle_rows = NULL;
}

static wend_status make_rows(wendi_pipeline *self, wendi_pipeline_rows *rows, wend_error *error)
{
    const wendi_schema *schema = wendi_table_writer_schema(self->writer);
    wend_status status = WEND_OK;
    WEND_TRY(wendi_row_builder_init(&rows->builder, schema, self->row_capacity, error));
    rows->lanes = wendi_alloc_zero(self->worker_count, sizeof *rows->lanes);
    rows->lane_bytes = wendi_alloc_zero(self->worker_count, sizeof *rows->lane_bytes);
    if (rows->lanes == NULL || rows->lane_bytes == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "a batch of rows", self->worker_count * sizeof *rows->lanes));
    }
    for (uint32_t i = 0; i < self->worker_count; i++) {
        WEND_TRY(wendi_row_builder_lane(&rows->builder, &rows->lanes[i], error));
    }
cleanup:
    if (status != WEND_OK) {
        free_rows(self, rows);
    }
    return status;
}

/* Idle rows, or new ones while there are fewer than workers: with more, all workers could only flush. */
static wendi_pipeline_rows *find_rows(wendi_pipeline *self)
{
    wendi_pipeline_rows *rows = self->idle_rows;
    wend_error error = {.status = WEND_OK, .position = -1};
    if (rows != NULL && rows->builder.columns != NULL) {
        self->idle_rows = rows->next_idle;
        return rows;
    }
    if (rows == NULL && self->rows_made == self->worker_count) {
        return NULL;
    }
    if (rows != NULL) {
        self->idle_rows = rows->next_idle;
    } else {
        rows = &self->rows[self->rows_made++];
    }
    wend_status status = make_rows(self, rows, &error);
    if (status != WEND_OK) {
        wendi_pipeline_fail(self, status, &error);
        return NULL;
    }
    return rows;
}

static size_t string_bytes(const wendi_pipeline *self, const wendi_pipeline_rows *rows)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < self->worker_count && rows->lane_bytes != NULL; i++) {
        bytes += rows->lane_bytes[i];
    }
    return bytes;
}

void wendi_pipeline_give_rows_back(wendi_pipeline *self, wendi_pipeline_batch *batch)
{
    wendi_pipeline_rows *rows = batch->rows;
    rows->slots_used = rows->slots_used > batch->slot_count ? rows->slots_used : batch->slot_count;
    if (string_bytes(self, rows) > self->batch_bytes_max / 2) { /* tables of many strings would outlive a reset */
        free_rows(self, rows);
    } else {
        memset(rows->lane_bytes, 0, self->worker_count * sizeof *rows->lane_bytes);
    }
    rows->next_idle = self->idle_rows;
    self->idle_rows = rows;
    batch->rows = NULL;
}

size_t wendi_pipeline_batch_bytes(wendi_pipeline *self)
{
    size_t bytes = wendi_table_writer_flush_bytes(self->writer);
    for (uint32_t i = 0; i < self->rows_made; i++) {
        const wendi_pipeline_rows *rows = &self->rows[i];
        if (rows->builder.columns != NULL) {
            bytes += rows->slots_used * wendi_row_builder_row_bytes(rows->builder.schema) + string_bytes(self, rows);
        }
    }
    for (uint64_t i = self->committed; i < self->opened; i++) {
        const wendi_pipeline_batch *batch = wendi_pipeline_batch_at(self, i);
        uint32_t more = batch->rows != NULL && batch->slot_count > batch->rows->slots_used
                            ? batch->slot_count - batch->rows->slots_used
                            : 0;
        bytes += more != 0 ? more * wendi_row_builder_row_bytes(batch->rows->builder.schema) : 0;
        bytes += batch->reject_bytes;
    }
    return bytes;
}

/* ---- batches ---------------------------------------------------------------------------------- */

static wendi_pipeline_batch *filling(wendi_pipeline *self)
{
    return self->filling ? wendi_pipeline_batch_at(self, self->opened - 1) : NULL;
}

void wendi_pipeline_close_batch(wendi_pipeline *self)
{
    wendi_pipeline_batch *batch = filling(self);
    if (batch == NULL) {
        return;
    }
    self->filling = false;
    batch->phase = WENDI_BATCH_CLOSED;
    batch->block_end = self->handed;
    batch->closed_us = wendi_clock_monotonic_us();
    pthread_cond_broadcast(&self->work);
}

int64_t wendi_pipeline_batch_left_us(wendi_pipeline *self, int64_t now_us)
{
    const wendi_pipeline_batch *batch = filling(self);
    if (batch == NULL) {
        return INT64_MAX;
    }
    int64_t left_us = batch->awaited ? 0 : batch->begin_us + self->interval_us - now_us;
    return left_us > 0 ? left_us : 0;
}

static bool has_room(const wendi_pipeline *self, const wendi_pipeline_batch *batch, uint32_t message_count)
{
    const wendi_row_builder *builder = &batch->rows->builder;
    size_t bytes = batch->slot_count * wendi_row_builder_row_bytes(builder->schema) + string_bytes(self, batch->rows) +
                   batch->reject_bytes;
    return builder->row_capacity - batch->slot_count >= message_count &&
           (batch->slot_count == 0 || bytes < self->batch_bytes_max);
}

void wendi_pipeline_close_full(wendi_pipeline *self)
{
    if (self->filling && ((self->read != NULL ? !has_room(self, filling(self), self->read->count) : self->ended) ||
                          wendi_pipeline_batch_left_us(self, wendi_clock_monotonic_us()) == 0)) {
        wendi_pipeline_close_batch(self);
    }
}

static wendi_pipeline_batch *open_batch(wendi_pipeline *self)
{
    if (self->opened - self->committed == self->line_length) {
        return NULL;
    }
    wendi_pipeline_rows *rows = find_rows(self);
    if (rows == NULL) {
        return NULL;
    }
    wendi_pipeline_batch *batch = wendi_pipeline_batch_at(self, self->opened++);
    wendi_intake_batch record = batch->record; /* was reset by its last commit */
    *batch = (wendi_pipeline_batch){
        .phase = WENDI_BATCH_FILLING,
        .record = record,
        .rows = rows,
        .begin_us = wendi_clock_monotonic_us()};
    self->filling = true;
    return batch;
}

bool wendi_pipeline_hand_out(wendi_pipeline_worker *worker, uint64_t *number, uint32_t *first_slot)
{
    wendi_pipeline *self = worker->pipeline;
    wendi_message_block *text = self->paused ? NULL : self->read;
    if (text == NULL) {
        return false;
    }
    wendi_pipeline_batch *batch = self->filling ? filling(self) : open_batch(self);
    if (batch == NULL || !has_room(self, batch, text->count)) {
        return false;
    }
    wendi_pipeline_block *block = wendi_pipeline_block_at(self, self->handed);
    *number = self->handed++;
    *first_slot = batch->slot_count;
    batch->slot_count += text->count;
    block->batch = self->opened - 1;
    block->is_decoded = false;
    self->spare = worker->text;
    worker->text = text;
    self->read = NULL;
    return true;
}

wendi_pipeline_batch *wendi_pipeline_take_flush(wendi_pipeline *self)
{
    wendi_pipeline_batch *batch = self->flushes < self->opened ? wendi_pipeline_batch_at(self, self->flushes) : NULL;
    if (batch == NULL || batch->phase != WENDI_BATCH_CLOSED || self->settled < batch->block_end) {
        return NULL;
    }
    batch->phase = WENDI_BATCH_FLUSHING;
    self->flushes++;
    return batch;
}
