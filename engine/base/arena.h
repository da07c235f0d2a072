/**
 * An arena: many small allocations with one lifetime, released together.
 *
 * One thread at a time. Blocks double from `first_block_bytes` to 1 MiB; a request larger than a
 * block gets a block of its own. Reset keeps the largest block for reuse, so a steady user of an
 * arena stops touching the heap.
 */
#ifndef WENDI_BASE_ARENA_H
#define WENDI_BASE_ARENA_H

#include <stddef.h>

typedef struct wendi_arena_block wendi_arena_block;

typedef struct wendi_arena {
    wendi_arena_block *blocks; /* newest first */
    char *next;                /* first free byte of the newest block */
    char *end;
    size_t block_bytes; /* size of the next block to ask for */
    size_t used_bytes;  /* sum of all blocks, for memory accounting */
} wendi_arena;

/** Zero-filled is a valid empty arena too; this sets the first block's size. Allocates nothing. */
void wendi_arena_init(wendi_arena *arena, size_t first_block_bytes);
/** Memory aligned to 16 that lives until reset or free; NULL when refused. */
void *wendi_arena_alloc(wendi_arena *arena, size_t bytes);
void *wendi_arena_alloc_zero(wendi_arena *arena, size_t bytes);
/** A NUL-terminated copy of `length` bytes. */
char *wendi_arena_copy(wendi_arena *arena, const char *text, size_t length);
/** A formatted NUL-terminated string. */
char *wendi_arena_printf(wendi_arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
void wendi_arena_reset(wendi_arena *arena);
void wendi_arena_free(wendi_arena *arena);

#endif
