/*
 * A worker does whatever is due: a closed batch is flushed before another block is decoded, since the rows' memory
 * and the commit wait for it; and the source is read when no block waits. What is decoded is settled in the order of
 * the blocks, by the worker that comes to find the oldest one decoded; the others go on decoding meanwhile.
 */
#include <string.h>

#include "engine/base/alloc.h"
#include "ingest/pipeline.h"

/* Under smaller limits what the heap would keep after a flush counts; above, to ask for it anew would cost more. */
static const size_t trimmed_limit = (size_t)512 << 20;

/* ---- settling --------------------------------------------------------------------------------- */

/* Where the partitions stand now, for those who watch; under the settling lock. */
static wend_status note_positions(wendi_pipeline *self, const wendi_pipeline_block *block, wend_error *error)
{
    if (block->partition_count > self->position_capacity) {
        wendi_ingest_partition *more = wendi_realloc(self->positions, block->partition_count * sizeof *more);
        if (more == NULL) {
            return wendi_fail_nomem(error, "positions", block->partition_count * sizeof *more);
        }
        self->positions = more;
        self->position_capacity = block->partition_count;
    }
    for (uint32_t i = 0; i < block->partition_count; i++) {
        const wendi_source_partition *partition = &block->partitions[i];
        int64_t committed = i < self->position_count ? self->positions[i].committed_next : -1;
        self->positions[i] = (wendi_ingest_partition){.topic = partition->topic,
                                                      .shown = partition->shown,
                                                      .partition = partition->partition,
                                                      .next = partition->next,
                                                      .committed_next = committed,
                                                      .end = partition->end,
                                                      .gap = partition->gap};
    }
    self->position_count = block->partition_count;
    return WEND_OK;
}

static wend_status settle(wendi_pipeline *self, wendi_pipeline_block *block, wendi_pipeline_batch *batch,
                          wend_error *error)
{
    wend_status status = WEND_OK;
    pthread_mutex_lock(&self->settling_lock);
    WEND_TRY(wendi_intake_settle(self->writer, &block->decoded, &batch->record, &batch->rows->builder, block->lane,
                                 &self->totals, error));
    WEND_TRY(wendi_intake_batch_stand(&batch->record, block->partitions, block->partition_count, error));
    WEND_TRY(note_positions(self, block, error));
cleanup:
    pthread_mutex_unlock(&self->settling_lock);
    return status;
}

static bool any_draining(const wendi_pipeline_block *block)
{
    bool any = false;
    for (uint32_t i = 0; i < block->partition_count; i++) {
        any |= block->partitions[i].draining;
    }
    return any;
}

/* Held: the oldest block is settled; its place is free for another one. */
static void count_settled(wendi_pipeline *self, wendi_pipeline_batch *batch)
{
    bool was_full = self->handed - self->settled == self->block_count;
    self->settled++;
    batch->reject_bytes = batch->record.rejects.length;
    if (batch->phase == WENDI_BATCH_CLOSED && self->settled == batch->block_end) {
        pthread_cond_broadcast(&self->work);
    } else if (was_full) {
        pthread_cond_signal(&self->work);
    }
}

/* Held, given up in between: settle blocks as long as the oldest one is decoded. */
static void settle_line(wendi_pipeline *self)
{
    while (!self->failed && !self->settling && self->settled < self->handed) {
        wendi_pipeline_block *block = wendi_pipeline_block_at(self, self->settled);
        if (!block->is_decoded) {
            break;
        }
        wend_error error = {.status = WEND_OK, .position = -1};
        wendi_pipeline_batch *batch = wendi_pipeline_batch_at(self, block->batch);
        self->settling = true;
        pthread_mutex_unlock(&self->lock);
        wend_status status = settle(self, block, batch, &error);
        pthread_mutex_lock(&self->lock);
        self->settling = false;
        if (status != WEND_OK) {
            wendi_pipeline_fail(self, status, &error);
            break;
        }
        batch->awaited |= any_draining(block);
        count_settled(self, batch);
    }
}

/* ---- jobs ------------------------------------------------------------------------------------- */

/* Held, given up in between: the block whose text is the worker's. */
static void decode(wendi_pipeline_worker *worker, uint64_t number, uint32_t first_slot)
{
    wendi_pipeline *self = worker->pipeline;
    const wendi_message_block *text = worker->text;
    wendi_pipeline_block *block = wendi_pipeline_block_at(self, number);
    wendi_pipeline_rows *rows = wendi_pipeline_batch_at(self, block->batch)->rows;
    wendi_row_builder *lane = &rows->lanes[worker->index];
    wend_error error = {.status = WEND_OK, .position = -1};
    block->lane = worker->index;
    if (wendi_pipeline_may_read(self)) {
        pthread_cond_signal(&self->work);
    }
    pthread_mutex_unlock(&self->lock);
    wendi_row_lane_begin(lane, first_slot, text->count);
    wend_status status = wendi_intake_decode(worker->intake, lane, text->messages, text->count, block->partitions,
                                             block->partition_count, &block->decoded, &error);
    size_t string_bytes = wendi_row_builder_string_bytes(lane);
    pthread_mutex_lock(&self->lock);
    if (status != WEND_OK) {
        wendi_pipeline_fail(self, status, &error);
        return;
    }
    rows->lane_bytes[worker->index] = string_bytes;
    block->is_decoded = true;
    settle_line(self);
}

/* Held, given up in between. */
static void flush(wendi_pipeline_worker *worker, wendi_pipeline_batch *batch)
{
    wendi_pipeline *self = worker->pipeline;
    wendi_pipeline_rows *rows = batch->rows;
    wend_error error = {.status = WEND_OK, .position = -1};
    wend_status status = WEND_OK;
    if (self->read != NULL || wendi_pipeline_may_read(self)) {
        pthread_cond_signal(&self->work); /* this worker would have done it next */
    }
    pthread_mutex_unlock(&self->lock);
    WEND_TRY(wendi_row_builder_unify(&rows->builder, rows->lanes, self->worker_count, &error));
    WEND_TRY(wendi_table_writer_flush(self->writer, &rows->builder, &batch->segment, &error));
    wendi_row_builder_reset(&rows->builder);
    if (self->memory_limit < trimmed_limit) {
        wendi_alloc_trim();
    }
cleanup:
    pthread_mutex_lock(&self->lock);
    if (status != WEND_OK) {
        wendi_pipeline_fail(self, status, &error);
        return;
    }
    wendi_pipeline_give_rows_back(self, batch);
    batch->phase = WENDI_BATCH_FLUSHED;
    pthread_cond_broadcast(&self->work); /* the rows are free, before the commit is done */
    wendi_pipeline_commit_line(self);
}

/* ---- threads ---------------------------------------------------------------------------------- */

static void *serve(void *context)
{
    wendi_pipeline_worker *worker = context;
    wendi_pipeline *self = worker->pipeline;
    uint64_t number;
    uint32_t first_slot;
    pthread_mutex_lock(&self->lock);
    while (!self->stopped && !self->failed) {
        wendi_pipeline_close_full(self);
        wendi_pipeline_batch *batch = wendi_pipeline_take_flush(self);
        if (batch != NULL) {
            flush(worker, batch);
        } else if (wendi_pipeline_hand_out(worker, &number, &first_slot)) {
            decode(worker, number, first_slot);
        } else if (wendi_pipeline_may_read(self)) {
            wendi_pipeline_read(worker);
        } else {
            wendi_pipeline_note_wait(self);
            if (wendi_pipeline_is_drained(self)) {
                pthread_cond_signal(&self->told);
            }
            pthread_cond_wait(&self->work, &self->lock);
        }
    }
    pthread_mutex_unlock(&self->lock);
    return NULL;
}

wend_status wendi_pipeline_start_workers(wendi_pipeline *self, wend_error *error)
{
    for (uint32_t i = 0; i < self->worker_count; i++) {
        int code = pthread_create(&self->workers[i].thread, NULL, serve, &self->workers[i]);
        if (code != 0) {
            return wendi_fail(error, WEND_IO, "cannot start a thread: %s", strerror(code));
        }
        self->workers[i].started = true;
    }
    return WEND_OK;
}

void wendi_pipeline_stop_workers(wendi_pipeline *self)
{
    pthread_mutex_lock(&self->lock);
    self->stopped = true;
    pthread_cond_broadcast(&self->work);
    pthread_mutex_unlock(&self->lock);
    for (uint32_t i = 0; i < self->worker_count; i++) {
        if (self->workers[i].started) {
            pthread_join(self->workers[i].thread, NULL);
        }
    }
}
