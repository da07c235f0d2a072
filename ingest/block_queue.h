/**
 * Blocks of messages on their way from the thread that reads the source to the workers.
 *
 * A fixed number of blocks go round: taken empty by the reader, filled, handed out to a worker, and settled, in that
 * order and each in the order in which the source gave them; a block's number counts them from 0. When none is empty
 * the reader waits, which is the back-pressure on the source. One reader, any number of workers.
 *
 * The lock is the pipeline's, which guards all else that its threads share: "held" means that the caller has it.
 */
#ifndef WENDI_INGEST_BLOCK_QUEUE_H
#define WENDI_INGEST_BLOCK_QUEUE_H

#include <pthread.h>

#include "ingest/message.h"

/** A block and where the source's partitions stood behind it. */
typedef struct wendi_queued_block {
    wendi_message_block block;
    wendi_source_partition *partitions; /* a copy; the strings are the source's */
    uint32_t partition_count;
    uint32_t partition_capacity;
    int64_t remaining_bytes; /* that the source still had behind it; -1: not known */
} wendi_queued_block;

typedef struct wendi_block_queue {
    pthread_mutex_t *lock;
    pthread_cond_t *arrived; /* broadcast when a block came or the reader ended */
    pthread_cond_t room;     /* the reader waits for it */
    wendi_queued_block *blocks;
    uint32_t block_count;
    uint64_t filled; /* blocks ever filled, handed out and settled; filled - settled <= block_count */
    uint64_t handed;
    uint64_t settled;
    uint64_t waits;      /* times that the reader found no block empty */
    bool ended;          /* the reader fills no more */
    bool abandoned;      /* the workers take no more */
    wend_status outcome; /* how the source ended */
    wend_error error;
} wendi_block_queue;

wend_status wendi_block_queue_init(wendi_block_queue *queue, uint32_t block_count, pthread_mutex_t *lock,
                                   pthread_cond_t *arrived, wend_error *error);
/** Zero-filled is fine. */
void wendi_block_queue_free(wendi_block_queue *queue);

/** Reader: an empty block, waiting for one; NULL when the workers take no more. */
wendi_queued_block *wendi_block_queue_empty(wendi_block_queue *queue);
/** Reader: the block of the last wendi_block_queue_empty() is filled. */
void wendi_block_queue_push(wendi_block_queue *queue);
/** Reader: nothing more comes; `error` is copied. */
void wendi_block_queue_end(wendi_block_queue *queue, wend_status outcome, const wend_error *error);

/** Held: block `number`, which is filled and not settled. */
wendi_queued_block *wendi_block_queue_at(wendi_block_queue *queue, uint64_t number);
/** Held: the next block to be handed out, or NULL. Taking it is raising queue->handed. */
wendi_queued_block *wendi_block_queue_next(wendi_block_queue *queue);
/** Held: the oldest block is settled, and empty again. */
void wendi_block_queue_settle(wendi_block_queue *queue);
/** Held: everything that the source gave is settled, and nothing more comes. */
bool wendi_block_queue_is_drained(const wendi_block_queue *queue);
/** Held: the workers take no more; wakes the reader. */
void wendi_block_queue_abandon(wendi_block_queue *queue);
/** Held: bytes of messages that wait. */
size_t wendi_block_queue_bytes(const wendi_block_queue *queue);

#endif
