/* Heap allocation with a gate that tests can close. */
#include "engine/base/alloc.h"

#include <features.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

enum { HUGE_PAGE_BYTES = 2 << 20, SMALL_ALIGNMENT = 64 };

static _Atomic int64_t calls_until_refusal = -1;

static bool refused(void)
{
    int64_t left = atomic_load_explicit(&calls_until_refusal, memory_order_relaxed);
    if (left < 0) {
        return false;
    }
    while (left > 0 && !atomic_compare_exchange_weak(&calls_until_refusal, &left, left - 1)) {
    }
    return left == 0;
}

void wendi_alloc_refuse_at(int64_t calls)
{
    atomic_store(&calls_until_refusal, calls);
}

void *wendi_alloc(size_t bytes)
{
    return refused() ? NULL : malloc(bytes != 0 ? bytes : 1);
}

void *wendi_alloc_zero(size_t count, size_t bytes_each)
{
    return refused() ? NULL : calloc(count != 0 ? count : 1, bytes_each != 0 ? bytes_each : 1);
}

void *wendi_realloc(void *memory, size_t bytes)
{
    return refused() ? NULL : realloc(memory, bytes != 0 ? bytes : 1);
}

void *wendi_alloc_aligned(size_t alignment, size_t bytes)
{
    if (refused()) {
        return NULL;
    }
    size_t rounded = (bytes + alignment - 1) & ~(alignment - 1);
    return rounded < bytes ? NULL : aligned_alloc(alignment, rounded != 0 ? rounded : alignment);
}

void *wendi_alloc_large(size_t bytes)
{
    if (bytes < HUGE_PAGE_BYTES) {
        return wendi_alloc_aligned(SMALL_ALIGNMENT, bytes);
    }
    void *memory = wendi_alloc_aligned(HUGE_PAGE_BYTES, bytes + HUGE_PAGE_BYTES - 1 - (bytes - 1) % HUGE_PAGE_BYTES);
    if (memory != NULL) { /* whole huge pages only: the rest is seldom used to its end */
        (void)madvise(memory, bytes / HUGE_PAGE_BYTES * HUGE_PAGE_BYTES, MADV_HUGEPAGE);
    }
    return memory;
}

char *wendi_strdup(const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = wendi_alloc(bytes);
    return copy == NULL ? NULL : memcpy(copy, text, bytes);
}

void wendi_free(void *memory)
{
    free(memory);
}

void wendi_alloc_trim(void)
{
#ifdef __GLIBC__
    (void)malloc_trim(0);
#endif
}
