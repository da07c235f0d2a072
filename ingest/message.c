/* The reusable block of messages that sources fill. */
#include "ingest/message.h"

#include <string.h>

#include "engine/base/alloc.h"

enum { SPACE_BYTES = 1 << 16 };

wend_status wendi_message_block_init(wendi_message_block *block, wend_error *error)
{
    memset(block, 0, sizeof *block);
    wendi_arena_init(&block->arena, 1 << 18);
    block->messages = wendi_alloc(WENDI_MESSAGE_BLOCK_MAX * sizeof *block->messages);
    if (block->messages == NULL) {
        return wendi_fail_nomem(error, "a block of messages", WENDI_MESSAGE_BLOCK_MAX * sizeof *block->messages);
    }
    return WEND_OK;
}

void wendi_message_block_reset(wendi_message_block *block)
{
    wendi_arena_reset(&block->arena);
    block->count = 0;
    block->payload_bytes = 0;
    block->space = NULL;
    block->space_bytes = 0;
}

void wendi_message_block_free(wendi_message_block *block)
{
    wendi_arena_free(&block->arena);
    wendi_free(block->messages);
    memset(block, 0, sizeof *block);
}

char *wendi_message_block_space(wendi_message_block *block, size_t length)
{
    if (length + WENDI_MESSAGE_PADDING > block->space_bytes) {
        size_t bytes = length + WENDI_MESSAGE_PADDING < SPACE_BYTES ? SPACE_BYTES : length + WENDI_MESSAGE_PADDING;
        char *more = wendi_arena_alloc(&block->arena, bytes);
        if (more == NULL) {
            return NULL;
        }
        memset(more + bytes - WENDI_MESSAGE_PADDING, 0, WENDI_MESSAGE_PADDING);
        block->space = more;
        block->space_bytes = bytes;
    }
    char *space = block->space;
    block->space += length;
    block->space_bytes -= length;
    return space;
}
