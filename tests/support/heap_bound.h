/**
 * A bound on what a decoder may allocate, for fuzz targets: hostile bytes must not ask for more
 * memory than files of their size can mean.
 *
 * Counts through the sanitizer's allocation hooks, so libraries below (zstd) are counted too;
 * without AddressSanitizer nothing is counted and nothing fails. One thread at a time.
 */
#ifndef WENDI_TESTS_HEAP_BOUND_H
#define WENDI_TESTS_HEAP_BOUND_H

#include <stddef.h>
#include <stdint.h>

/** From now on: end the process when more than `bytes` are held that were not held before. */
void heap_bound_begin(size_t bytes);
/** No bound any more; gives the most bytes that were held in between. */
size_t heap_bound_end(void);

/**
 * What reading `size` stored bytes may hold: a constant for buffers of a page's size, and for every
 * stored byte the 40,000 raw ones that the format allows, each of which may be an entry with a
 * place of 4 bytes.
 */
static inline size_t heap_bound_of(size_t size)
{
    return ((size_t)64 << 20) + size * 40000 * 5;
}

#endif
