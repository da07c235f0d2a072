/*
 * Reading the source, which is a role and not a thread: a worker that finds nothing else due takes it, has the source
 * fill the text that is the worker's own, and gives it up. The text is small enough to stay in a cache, and most often
 * the same worker decodes it at once.
 *
 * Invariants: one worker reads at a time; a text that was read waits in `read` until its block is handed out, and
 * nobody reads meanwhile, so that blocks are handed out in the order in which they were read. What the block needs
 * beside its text, where the source's partitions stand behind it, is written into the place that it will have.
 */
#include "engine/base/alloc.h"
#include "engine/base/clock.h"
#include "ingest/pipeline.h"

enum { NEXT_TIMEOUT_MS = 100 }; /* so long a stop or a pause may have to wait */

/* ---- what the source is told ------------------------------------------------------------------ */

void wendi_pipeline_announce(wendi_pipeline *self, const wendi_source_partition *partitions, uint32_t count)
{
    wendi_partition_list *list = &self->to_announce;
    if (count > list->capacity) {
        wendi_source_partition *more = wendi_realloc(list->each, count * sizeof *more);
        if (more == NULL) {
            return; /* advisory */
        }
        list->each = more;
        list->capacity = count;
    }
    if (count != 0) {
        memcpy(list->each, partitions, count * sizeof *partitions);
    }
    list->count = count;
}

/* Held: what is to be told becomes the reading worker's. */
static void take_announcement(wendi_pipeline *self)
{
    wendi_partition_list told = self->announcing;
    self->announcing = self->to_announce;
    self->to_announce = told;
    self->to_announce.count = 0;
}

static void tell_committed(wendi_pipeline *self)
{
    wendi_source *source = self->source;
    if (self->announcing.count != 0 && source->committed != NULL) {
        source->committed(source, self->announcing.each, self->announcing.count);
    }
}

void wendi_pipeline_tell_last(wendi_pipeline *self)
{
    take_announcement(self);
    tell_committed(self);
}

/* ---- reading ---------------------------------------------------------------------------------- */

/* The block's own copy of the positions that belong to it. */
static wend_status copy_partitions(wendi_source *source, wendi_pipeline_block *block, wend_error *error)
{
    uint32_t count;
    const wendi_source_partition *partitions = source->partitions(source, &count);
    if (count > block->partition_capacity) {
        wendi_source_partition *more = wendi_realloc(block->partitions, count * sizeof *more);
        if (more == NULL) {
            return wendi_fail_nomem(error, "positions", count * sizeof *more);
        }
        block->partitions = more;
        block->partition_capacity = count;
    }
    if (count != 0) {
        memcpy(block->partitions, partitions, count * sizeof *partitions);
    }
    block->partition_count = count;
    return WEND_OK;
}

static bool told_to_stop(const wendi_pipeline *self)
{
    const wendi_ingest_options *options = self->options;
    return (options->stop != NULL && atomic_load(options->stop) != 0) ||
           (options->message_count_max != 0 && self->read_messages >= options->message_count_max);
}

/* Held: nothing more comes. Who waits sees whether all is done. */
static void end_source(wendi_pipeline *self, wend_status outcome, const wend_error *error)
{
    self->ended = true;
    self->outcome = outcome == WEND_END ? WEND_OK : outcome;
    self->source_error = *error;
    pthread_cond_broadcast(&self->work);
}

/* Held: no longer than until the batch is due, which this worker may be the only one to flush. */
static int choose_timeout_ms(wendi_pipeline *self)
{
    int64_t left_us = wendi_pipeline_batch_left_us(self, wendi_clock_monotonic_us());
    return left_us < NEXT_TIMEOUT_MS * 1000 ? (int)((left_us + 999) / 1000) : NEXT_TIMEOUT_MS;
}

bool wendi_pipeline_may_read(const wendi_pipeline *self)
{
    return !self->reading && self->read == NULL && !self->ended && !self->paused &&
           self->handed - self->settled < self->block_count;
}

void wendi_pipeline_note_wait(wendi_pipeline *self)
{
    bool in_the_way = self->read != NULL || self->handed - self->settled == self->block_count;
    if (in_the_way && !self->paused && !self->held_back) {
        self->held_back = true;
        self->source_waits++;
    }
}

void wendi_pipeline_read(wendi_pipeline_worker *worker)
{
    wendi_pipeline *self = worker->pipeline;
    wendi_message_block *text = worker->text;
    wendi_pipeline_block *block = wendi_pipeline_block_at(self, self->handed);
    wend_error error = {.status = WEND_OK, .position = -1};
    if (told_to_stop(self)) {
        end_source(self, WEND_OK, &error);
        return;
    }
    int timeout_ms = choose_timeout_ms(self);
    take_announcement(self);
    self->reading = true;
    self->held_back = false;
    pthread_mutex_unlock(&self->lock);
    tell_committed(self);
    wend_status status = self->source->next(self->source, text, timeout_ms, &error);
    bool good = status == WEND_OK || status == WEND_END; /* at the end, too: positions may have moved */
    if (good) {
        wend_status copied = copy_partitions(self->source, block, &error);
        status = copied != WEND_OK ? copied : status;
        good = copied == WEND_OK;
    }
    pthread_mutex_lock(&self->lock);
    self->reading = false;
    if (good) {
        self->read_messages += text->count;
        block->text_bytes = text->count != 0 ? text->arena.used_bytes : 0;
        self->read = text;
        worker->text = self->spare;
        self->spare = NULL;
    }
    if (status != WEND_OK) {
        end_source(self, status, &error);
    }
}

bool wendi_pipeline_is_drained(const wendi_pipeline *self)
{
    return self->ended && self->read == NULL && self->settled == self->handed;
}

size_t wendi_pipeline_text_bytes(wendi_pipeline *self)
{
    uint64_t end = self->handed + (self->read != NULL);
    size_t bytes = 0;
    for (uint64_t i = self->settled; i < end; i++) {
        bytes += wendi_pipeline_block_at(self, i)->text_bytes;
    }
    return bytes;
}
