/* The reusable block of messages that sources fill. */
#include "ingest/message.h"

#include <string.h>

#include "engine/base/alloc.h"

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
}

void wendi_message_block_free(wendi_message_block *block)
{
    wendi_arena_free(&block->arena);
    wendi_free(block->messages);
    memset(block, 0, sizeof *block);
}

char *wendi_message_block_space(wendi_message_block *block, size_t length)
{
    char *space = wendi_arena_alloc(&block->arena, length + WENDI_MESSAGE_PADDING);
    if (space != NULL) {
        memset(space + length, 0, WENDI_MESSAGE_PADDING);
    }
    return space;
}
