/**
 * The thread that asks a source for blocks and queues them.
 */
#ifndef WENDI_INGEST_SOURCE_READER_H
#define WENDI_INGEST_SOURCE_READER_H

#include <stdatomic.h>

#include "ingest/block_queue.h"

typedef struct wendi_source_reader {
    pthread_t thread;
    wendi_source *source; /* only this thread calls it while it runs */
    wendi_block_queue *queue;
    atomic_int *stop; /* may be NULL */
    uint64_t message_count_max;
    /* What the table has committed, for the source to pass on: set by announce(). */
    pthread_mutex_t lock;
    wendi_source_partition *committed;
    uint32_t committed_count;
    uint32_t committed_capacity;
    bool to_announce;
} wendi_source_reader;

wend_status wendi_source_reader_start(wendi_source_reader *reader, wendi_source *source, wendi_block_queue *queue,
                                      atomic_int *stop, uint64_t message_count_max, wend_error *error);
/** Have the source told, between two of its blocks, what was committed. Advisory: left out when memory is refused. */
void wendi_source_reader_announce(wendi_source_reader *reader, const wendi_source_partition *partitions, uint32_t count);
/** Waits for the thread, which ends when the queue is abandoned or the source has ended. What was announced last is told. */
void wendi_source_reader_join(wendi_source_reader *reader);

#endif
