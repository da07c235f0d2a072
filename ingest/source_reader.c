/* Asking, copying where the partitions stand, queueing. */
#include "ingest/source_reader.h"

#include "engine/base/alloc.h"

enum { NEXT_TIMEOUT_MS = 100 };

static void tell_committed(wendi_source_reader *reader)
{
    pthread_mutex_lock(&reader->lock);
    if (reader->to_announce && reader->source->committed != NULL) {
        reader->source->committed(reader->source, reader->committed, reader->committed_count);
    }
    reader->to_announce = false;
    pthread_mutex_unlock(&reader->lock);
}

/* The block's own copy of the positions that belong to it. */
static wend_status copy_partitions(wendi_source_reader *reader, wendi_queued_block *block, wend_error *error)
{
    uint32_t count;
    const wendi_source_partition *partitions = reader->source->partitions(reader->source, &count);
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
    block->remaining_bytes = reader->source->remaining_bytes != NULL ? reader->source->remaining_bytes(reader->source) : -1;
    return WEND_OK;
}

static bool told_to_stop(const wendi_source_reader *reader, uint64_t message_count)
{
    return (reader->stop != NULL && atomic_load(reader->stop) != 0) ||
           (reader->message_count_max != 0 && message_count >= reader->message_count_max);
}

static void *serve(void *context)
{
    wendi_source_reader *reader = context;
    wend_error error = {.status = WEND_OK, .position = -1};
    wend_status status = WEND_OK;
    uint64_t message_count = 0;
    while (status == WEND_OK && !told_to_stop(reader, message_count)) {
        wendi_queued_block *block = wendi_block_queue_empty(reader->queue);
        if (block == NULL) {
            break;
        }
        tell_committed(reader);
        wendi_message_block_reset(&block->block);
        status = reader->source->next(reader->source, &block->block, NEXT_TIMEOUT_MS, &error);
        if (status == WEND_OK || status == WEND_END) {
            wend_status copied = copy_partitions(reader, block, &error);
            status = copied != WEND_OK ? copied : status;
        }
        if (status == WEND_OK || status == WEND_END) { /* at the end, too: positions may have moved */
            message_count += block->block.count;
            wendi_block_queue_push(reader->queue);
        }
    }
    wendi_block_queue_end(reader->queue, status == WEND_END ? WEND_OK : status, &error);
    return NULL;
}

wend_status wendi_source_reader_start(wendi_source_reader *reader, wendi_source *source, wendi_block_queue *queue,
                                      atomic_int *stop, uint64_t message_count_max, wend_error *error)
{
    memset(reader, 0, sizeof *reader);
    reader->source = source;
    reader->queue = queue;
    reader->stop = stop;
    reader->message_count_max = message_count_max;
    pthread_mutex_init(&reader->lock, NULL);
    int code = pthread_create(&reader->thread, NULL, serve, reader);
    if (code != 0) {
        pthread_mutex_destroy(&reader->lock);
        return wendi_fail(error, WEND_IO, "cannot start a thread: %s", strerror(code));
    }
    return WEND_OK;
}

void wendi_source_reader_announce(wendi_source_reader *reader, const wendi_source_partition *partitions, uint32_t count)
{
    pthread_mutex_lock(&reader->lock);
    if (count > reader->committed_capacity) {
        wendi_source_partition *more = wendi_realloc(reader->committed, count * sizeof *more);
        reader->committed_capacity = more != NULL ? count : reader->committed_capacity;
        reader->committed = more != NULL ? more : reader->committed;
    }
    if (count != 0 && count <= reader->committed_capacity) {
        memcpy(reader->committed, partitions, count * sizeof *partitions);
        reader->committed_count = count;
        reader->to_announce = true;
    }
    pthread_mutex_unlock(&reader->lock);
}

void wendi_source_reader_join(wendi_source_reader *reader)
{
    pthread_join(reader->thread, NULL);
    tell_committed(reader);
    wendi_free(reader->committed);
    pthread_mutex_destroy(&reader->lock);
}
