/**
 * Blocks of messages on their way from the thread that reads the source to the one that decodes.
 *
 * A fixed number of blocks go round: taken empty by the reader, filled, taken by the decoder, and given back. When all are
 * full the reader waits, which is the back-pressure on the source. One reader, one decoder.
 */
#ifndef WENDI_INGEST_BLOCK_QUEUE_H
#define WENDI_INGEST_BLOCK_QUEUE_H

#include <pthread.h>

#include "ingest/message.h"

enum { WENDI_QUEUE_BLOCKS = 4 };

/** A block and where the source's partitions stood behind it. */
typedef struct wendi_queued_block {
    wendi_message_block block;
    wendi_source_partition *partitions; /* a copy; the strings are the source's */
    uint32_t partition_count;
    uint32_t partition_capacity;
} wendi_queued_block;

typedef struct wendi_block_queue {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    wendi_queued_block blocks[WENDI_QUEUE_BLOCKS];
    uint64_t filled;  /* blocks ever filled, taken and given back; filled - given_back <= WENDI_QUEUE_BLOCKS */
    uint64_t taken;
    uint64_t given_back;
    bool ended;          /* the reader fills no more */
    bool abandoned;      /* the decoder takes no more */
    wend_status outcome; /* how the source ended */
    wend_error error;
} wendi_block_queue;

wend_status wendi_block_queue_init(wendi_block_queue *queue, wend_error *error);
void wendi_block_queue_free(wendi_block_queue *queue);

/** Reader: an empty block, waiting for one; NULL when the decoder takes no more. */
wendi_queued_block *wendi_block_queue_empty(wendi_block_queue *queue);
/** Reader: the block of the last wendi_block_queue_empty() is filled. */
void wendi_block_queue_push(wendi_block_queue *queue);
/** Reader: nothing more comes; `error` is copied. */
void wendi_block_queue_end(wendi_block_queue *queue, wend_status outcome, const wend_error *error);

/** Decoder: the oldest filled block, waiting at most `timeout_ms`; NULL: none in time, or *ended. */
wendi_queued_block *wendi_block_queue_take(wendi_block_queue *queue, int64_t timeout_ms, bool *ended);
/** Decoder: the block of the last take is empty again. */
void wendi_block_queue_give_back(wendi_block_queue *queue);
/** Decoder: take no more; wakes the reader. */
void wendi_block_queue_abandon(wendi_block_queue *queue);
/** Bytes of messages that wait. */
size_t wendi_block_queue_bytes(wendi_block_queue *queue);

#endif
