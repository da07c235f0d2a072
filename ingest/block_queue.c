/* A ring under one lock: blocks hold thousands of messages, so nothing finer is needed. */
#include "ingest/block_queue.h"

#include <time.h>

#include "engine/base/alloc.h"

static int init_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    int code = pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
    return code;
}

wend_status wendi_block_queue_init(wendi_block_queue *queue, wend_error *error)
{
    memset(queue, 0, sizeof *queue);
    pthread_mutex_init(&queue->lock, NULL);
    init_condition(&queue->changed);
    for (uint32_t i = 0; i < WENDI_QUEUE_BLOCKS; i++) {
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
    for (uint32_t i = 0; i < WENDI_QUEUE_BLOCKS; i++) {
        wendi_message_block_free(&queue->blocks[i].block);
        wendi_free(queue->blocks[i].partitions);
        queue->blocks[i].partitions = NULL;
    }
    pthread_cond_destroy(&queue->changed);
    pthread_mutex_destroy(&queue->lock);
}

wendi_queued_block *wendi_block_queue_empty(wendi_block_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    while (queue->filled - queue->given_back == WENDI_QUEUE_BLOCKS && !queue->abandoned) {
        pthread_cond_wait(&queue->changed, &queue->lock);
    }
    wendi_queued_block *block = queue->abandoned ? NULL : &queue->blocks[queue->filled % WENDI_QUEUE_BLOCKS];
    pthread_mutex_unlock(&queue->lock);
    return block;
}

void wendi_block_queue_push(wendi_block_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->filled++;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
}

void wendi_block_queue_end(wendi_block_queue *queue, wend_status outcome, const wend_error *error)
{
    pthread_mutex_lock(&queue->lock);
    queue->ended = true;
    queue->outcome = outcome;
    queue->error = *error;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
}

wendi_queued_block *wendi_block_queue_take(wendi_block_queue *queue, int64_t timeout_ms, bool *ended)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + (timeout_ms % 1000) * 1000000;
    until.tv_sec += (time_t)(timeout_ms / 1000 + ns / 1000000000);
    until.tv_nsec = (long)(ns % 1000000000);
    pthread_mutex_lock(&queue->lock);
    int waited = 0;
    while (queue->filled == queue->taken && !queue->ended && waited == 0) {
        waited = pthread_cond_timedwait(&queue->changed, &queue->lock, &until);
    }
    bool any = queue->filled != queue->taken;
    wendi_queued_block *block = any ? &queue->blocks[queue->taken++ % WENDI_QUEUE_BLOCKS] : NULL;
    *ended = !any && queue->ended;
    pthread_mutex_unlock(&queue->lock);
    return block;
}

void wendi_block_queue_give_back(wendi_block_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->given_back++;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
}

void wendi_block_queue_abandon(wendi_block_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->abandoned = true;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
}

size_t wendi_block_queue_bytes(wendi_block_queue *queue)
{
    size_t bytes = 0;
    pthread_mutex_lock(&queue->lock);
    for (uint64_t i = queue->given_back; i < queue->filled; i++) {
        bytes += queue->blocks[i % WENDI_QUEUE_BLOCKS].block.arena.used_bytes;
    }
    pthread_mutex_unlock(&queue->lock);
    return bytes;
}
