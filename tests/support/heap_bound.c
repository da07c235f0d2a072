/* Counting the heap through the sanitizer's hooks; see heap_bound.h. */
#include "tests/support/heap_bound.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/* Weak: the sanitizer's runtime has them, other builds do not. */
__attribute__((weak)) int
__sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *, size_t),
                                          void (*on_free)(const volatile void *));
__attribute__((weak)) size_t __sanitizer_get_allocated_size(const volatile void *memory);

static bool counting;
static size_t bound;
static size_t held; /* may wrap below zero when what was held before is freed */
static size_t most;

static void on_malloc(const volatile void *memory, size_t bytes)
{
    (void)memory;
    if (!counting) {
        return;
    }
    held += bytes;
    most = (ptrdiff_t)held > (ptrdiff_t)most ? held : most;
    if ((ptrdiff_t)held > (ptrdiff_t)bound) {
        counting = false;
        fprintf(stderr,
                "heap bound: %zu bytes are held, %zu of them just asked for; allowed are %zu\n",
                held, bytes, bound);
        abort();
    }
}

static void on_free(const volatile void *memory)
{
    if (counting && memory != NULL) {
        held -= __sanitizer_get_allocated_size(memory);
    }
}

void heap_bound_begin(size_t bytes)
{
    static bool installed;
    if (!installed && __sanitizer_install_malloc_and_free_hooks != NULL &&
        __sanitizer_get_allocated_size != NULL) {
        installed = __sanitizer_install_malloc_and_free_hooks(on_malloc, on_free) != 0;
    }
    bound = bytes;
    held = 0;
    most = 0;
    counting = installed;
}

size_t heap_bound_end(void)
{
    counting = false;
    return most;
}
