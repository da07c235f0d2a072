/* A bump allocator over a chain of blocks, newest first. */
#include "engine/base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/alloc.h"

enum { ARENA_ALIGNMENT = 16, ARENA_BLOCK_BYTES_MAX = 1 << 20, ARENA_BLOCK_BYTES_DEFAULT = 4096 };

struct wendi_arena_block {
    wendi_arena_block *older;
    size_t bytes; /* payload, after this header */
};

static char *payload(wendi_arena_block *block)
{
    return (char *)block + ARENA_ALIGNMENT;
}

_Static_assert(sizeof(wendi_arena_block) <= ARENA_ALIGNMENT, "the header fits before the payload");

void wendi_arena_init(wendi_arena *arena, size_t first_block_bytes)
{
    memset(arena, 0, sizeof *arena);
    arena->block_bytes = first_block_bytes;
}

static wendi_arena_block *add_block(wendi_arena *arena, size_t at_least)
{
    size_t bytes = arena->block_bytes != 0 ? arena->block_bytes : ARENA_BLOCK_BYTES_DEFAULT;
    if (bytes < at_least) {
        bytes = at_least;
    }
    wendi_arena_block *block = wendi_alloc_aligned(ARENA_ALIGNMENT, bytes + ARENA_ALIGNMENT);
    if (block == NULL) {
        return NULL;
    }
    block->bytes = bytes;
    block->older = arena->blocks;
    arena->blocks = block;
    arena->next = payload(block);
    arena->end = arena->next + bytes;
    arena->used_bytes += bytes;
    arena->block_bytes = bytes * 2 < ARENA_BLOCK_BYTES_MAX ? bytes * 2 : ARENA_BLOCK_BYTES_MAX;
    return block;
}

void *wendi_arena_alloc(wendi_arena *arena, size_t bytes)
{
    if (bytes > SIZE_MAX - 2 * ARENA_ALIGNMENT) {
        return NULL;
    }
    size_t rounded = (bytes + ARENA_ALIGNMENT - 1) & ~(size_t)(ARENA_ALIGNMENT - 1);
    if (rounded > (size_t)(arena->end - arena->next) && add_block(arena, rounded) == NULL) {
        return NULL;
    }
    char *memory = arena->next;
    if (memory == NULL) { /* a request for nothing from an empty arena */
        return add_block(arena, ARENA_ALIGNMENT) == NULL ? NULL : arena->next;
    }
    arena->next += rounded;
    return memory;
}

void *wendi_arena_alloc_zero(wendi_arena *arena, size_t bytes)
{
    void *memory = wendi_arena_alloc(arena, bytes);
    return memory == NULL ? NULL : memset(memory, 0, bytes);
}

char *wendi_arena_copy(wendi_arena *arena, const char *text, size_t length)
{
    char *copy = wendi_arena_alloc(arena, length + 1);
    if (copy != NULL) {
        if (length != 0) {
            memcpy(copy, text, length);
        }
        copy[length] = '\0';
    }
    return copy;
}

char *wendi_arena_printf(wendi_arena *arena, const char *format, ...)
{
    va_list arguments;
    va_list again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = length < 0 ? NULL : wendi_arena_alloc(arena, (size_t)length + 1);
    if (text != NULL) {
        vsnprintf(text, (size_t)length + 1, format, again);
    }
    va_end(again);
    return text;
}

void wendi_arena_reset(wendi_arena *arena)
{
    wendi_arena_block *keep = NULL;
    wendi_arena_block *block = arena->blocks;
    while (block != NULL) {
        wendi_arena_block *older = block->older;
        if (keep == NULL || block->bytes > keep->bytes) {
            wendi_free(keep);
            keep = block;
        } else {
            wendi_free(block);
        }
        block = older;
    }
    arena->blocks = keep;
    arena->next = NULL;
    arena->end = NULL;
    arena->used_bytes = 0;
    if (keep != NULL) {
        keep->older = NULL;
        arena->next = payload(keep);
        arena->end = arena->next + keep->bytes;
        arena->used_bytes = keep->bytes;
    }
}

void wendi_arena_free(wendi_arena *arena)
{
    while (arena->blocks != NULL) {
        wendi_arena_block *older = arena->blocks->older;
        wendi_free(arena->blocks);
        arena->blocks = older;
    }
    arena->next = NULL;
    arena->end = NULL;
    arena->used_bytes = 0;
}
