/**
 * The only door to the heap. Tests close it at the n-th call with wendi_alloc_refuse_at().
 *
 * All functions are thread safe. Sizes are bytes; a size of 0 is asked for as 1, so that NULL
 * always means refused. Memory from any of them is freed with wendi_free(), which accepts NULL.
 */
#ifndef WENDI_BASE_ALLOC_H
#define WENDI_BASE_ALLOC_H

#include <stddef.h>
#include <stdint.h>

void *wendi_alloc(size_t bytes) __attribute__((malloc));
void *wendi_alloc_zero(size_t count, size_t bytes_each) __attribute__((malloc));
void *wendi_realloc(void *memory, size_t bytes);
/** `alignment` is a power of two of at least sizeof(void *). Not for wendi_realloc(). */
void *wendi_alloc_aligned(size_t alignment, size_t bytes) __attribute__((malloc));
/**
 * Memory of many megabytes for a table that is looked up all over, aligned to 64: where the kernel can, it comes in huge
 * pages. Not for arrays of which little may be used: the kernel clears a huge page as a whole. Not for wendi_realloc().
 */
void *wendi_alloc_large(size_t bytes) __attribute__((malloc));
/** A copy of a NUL-terminated string. */
char *wendi_strdup(const char *text) __attribute__((malloc));
void wendi_free(void *memory);
/** Give freed memory that the heap keeps for later back to the system, where it can be asked for that. */
void wendi_alloc_trim(void);

/** Test only: refuse the call after `calls` more have passed, and every later one until reset with -1. */
void wendi_alloc_refuse_at(int64_t calls);

#endif
