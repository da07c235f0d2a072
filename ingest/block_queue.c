/* A ring under the pipeline's lock: blocks hold thousands of messages, so nothing finer is needed. */
#include "ingest/block_queue.h"

#include "engine/base/alloc.h"

wend_status wendi_block_queue_init(wendi_block_queue *queue, uint32_t block_count, pthread_mutex_t *lock,
                                   pthread_cond_t *arrived, wend_error *error)
{
    *queue = (wendi_block_queue){.lock = lock, .arrived = arrived};
    queue->blocks = wendi_alloc_zero(block_count, sizeof *queue->blocks);
    if (queue->blocks == NULL) {
        return wendi_fail_nomem(error, "blocks of messages", block_count * sizeof *queue->blocks);
    }
    pthread_cond_init(&queue->room, NULL);
    queue->block_count = block_count;
    for (uint32_t i = 0; i < block_count; i++) {
        wend_status status = wendi_message_block_init(&queue->blocks[i].block, error);
        if (status != WEND_OK) {
            wendi_block_queue_free(queue);
            return status;
        }
    }
    return WEND_OK;
}

void wendi_block_queue_free(wendi_block_queue *queue)
{
    if (queue->blocks == NULL) {
        return;
    }
    for (uint32_t i = 0; i < queue->block_count; i++) {
        wendi_message_block_free(&queue->blocks[i].block);
        wendi_free(queue->blocks[i].partitions);
    }
    wendi_free(queue->blocks);
    queue->blocks = NULL;
    pthread_cond_destroy(&queue->room);
}

wendi_queued_block *wendi_block_queue_empty(wendi_block_queue *queue)
{
    pthread_mutex_lock(queue->lock);
    queue->waits += queue->filled - queue->settled == queue->block_count;
    while (queue->filled - queue->settled == queue->block_count && !queue->abandoned) {
        pthread_cond_wait(&queue->room, queue->lock);
    }
    wendi_queued_block *block = queue->abandoned ? NULL : wendi_block_queue_at(queue, queue->filled);
    pthread_mutex_unlock(queue->lock);
    return block;
}

void wendi_block_queue_push(wendi_block_queue *queue)
{
    pthread_mutex_lock(queue->lock);
    queue->filled++;
    pthread_cond_broadcast(queue->arrived);
    pthread_mutex_unlock(queue->lock);
}

void wendi_block_queue_end(wendi_block_queue *queue, wend_status outcome, const wend_error *error)
{
    pthread_mutex_lock(queue->lock);
    queue->ended = true;
    queue->outcome = outcome;
    queue->error = *error;
    pthread_cond_broadcast(queue->arrived);
    pthread_mutex_unlock(queue->lock);
}

wendi_queued_block *wendi_block_queue_at(wendi_block_queue *queue, uint64_t number)
{
    return &queue->blocks[number % queue->block_count];
}

wendi_queued_block *wendi_block_queue_next(wendi_block_queue *queue)
{
    return queue->handed < queue->filled ? wendi_block_queue_at(queue, queue->handed) : NULL;
}

void wendi_block_queue_settle(wendi_block_queue *queue)
{
    queue->settled++;
    pthread_cond_signal(&queue->room);
}

bool wendi_block_queue_is_drained(const wendi_block_queue *queue)
{
    return queue->ended && queue->settled == queue->filled;
}

void wendi_block_queue_abandon(wendi_block_queue *queue)
{
    queue->abandoned = true;
    pthread_cond_broadcast(&queue->room);
}

size_t wendi_block_queue_bytes(const wendi_block_queue *queue)
{
    size_t bytes = 0;
    for (uint64_t i = queue->settled; i < queue->filled; i++) {
        bytes += queue->blocks[i % queue->block_count].block.arena.used_bytes;
    }
    return bytes;
}
