/*
 * Commits, in the order of the batches, each by the worker that comes to find the oldest batch flushed. Decoding goes
 * on meanwhile: all that a commit needs is the batch's record, which is a few positions and the rejects.
 */
#include "engine/base/clock.h"
#include "ingest/pipeline.h"

bool wendi_pipeline_line_is_empty(const wendi_pipeline *self)
{
    return self->committed == self->opened && !self->committing;
}

/* Rows that the flush found in older segments were counted as stored, and are repeats. */
static void account_repeats(wendi_pipeline *self, wendi_pipeline_batch *batch)
{
    uint32_t count = 0;
    const wendi_segment_repeats *repeats =
        batch->segment != NULL ? wendi_pending_segment_repeats(batch->segment, &count) : NULL;
    if (count == 0) {
        return;
    }
    pthread_mutex_lock(&self->settling_lock);
    for (uint32_t i = 0; i < count; i++) {
        wendi_intake_account *account = &batch->record.accounts[repeats[i].partition];
        account->stored -= repeats[i].row_count;
        account->deduplicated += repeats[i].row_count;
        self->totals.sum.stored -= repeats[i].row_count;
        self->totals.sum.deduplicated += repeats[i].row_count;
    }
    pthread_mutex_unlock(&self->settling_lock);
}

static void note_committed(wendi_pipeline *self, const wendi_intake_batch *record)
{
    pthread_mutex_lock(&self->settling_lock);
    for (uint32_t i = 0; i < record->partition_count && i < self->position_count; i++) {
        self->positions[i].committed_next = record->partitions[i].next;
    }
    pthread_mutex_unlock(&self->settling_lock);
}

/* Publish the batch. *published is false when it had nothing to say. */
static wend_status commit(wendi_pipeline *self, wendi_pipeline_batch *batch, bool *published, wend_error *error)
{
    const wendi_intake_batch *record = &batch->record;
    wendi_source_state *sources = NULL;
    uint32_t source_count = 0;
    wend_status status = WEND_OK;
    *published = false;
    account_repeats(self, batch);
    wendi_arena_reset(&self->arena);
    WEND_TRY(wendi_intake_sources(wendi_table_writer_state(self->writer), record, &self->arena, &sources, &source_count, error));
    WEND_REQUIRE(source_count != 0 || (batch->segment == NULL && record->reject_count == 0));
    if (source_count != 0) {
        wendi_reject_block rejects = {record->rejects.data, record->rejects.length, record->reject_count};
        wendi_commit_request request = {.segments = &batch->segment,
                                        .segment_count = batch->segment != NULL ? 1 : 0,
                                        .sources = sources,
                                        .source_count = source_count,
                                        .rejects = record->reject_count != 0 ? &rejects : NULL,
                                        .cluster_id = self->cluster_id};
        WEND_TRY(wendi_table_writer_commit(self->writer, &request, error));
        *published = true;
        note_committed(self, record);
    }
cleanup:
    return status;
}

/* Held: count what commit() published, and have the source told. */
static void count_commit(wendi_pipeline *self, const wendi_pipeline_batch *batch, bool has_segment)
{
    self->commit_count++;
    self->segment_count += has_segment;
    for (uint32_t i = 0; i < batch->record.account_count; i++) {
        self->taken_committed += (uint64_t)batch->record.accounts[i].taken;
    }
    self->committed_us = wendi_clock_wall_us();
    self->commit_latency_us = wendi_clock_monotonic_us() - batch->closed_us;
    wendi_pipeline_announce(self, batch->record.partitions, batch->record.partition_count);
}

void wendi_pipeline_commit_line(wendi_pipeline *self)
{
    while (!self->failed && !self->committing && self->committed < self->opened) {
        wendi_pipeline_batch *batch = wendi_pipeline_batch_at(self, self->committed);
        wend_error error = {.status = WEND_OK, .position = -1};
        bool published;
        if (batch->phase != WENDI_BATCH_FLUSHED) {
            break;
        }
        bool has_segment = batch->segment != NULL && wendi_pending_segment_rows(batch->segment) != 0;
        self->committing = true;
        pthread_mutex_unlock(&self->lock);
        wend_status status = commit(self, batch, &published, &error);
        pthread_mutex_lock(&self->lock);
        self->committing = false;
        if (status != WEND_OK) {
            wendi_pipeline_fail(self, status, &error);
            break;
        }
        if (published) {
            count_commit(self, batch, has_segment);
        }
        if (batch->reject_bytes > self->batch_bytes_max / 4) {
            wendi_buffer_free(&batch->record.rejects);
        }
        wendi_intake_batch_reset(&batch->record);
        self->committed++;
        pthread_cond_broadcast(&self->work);
        pthread_cond_signal(&self->told);
    }
}
