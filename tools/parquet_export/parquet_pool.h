/**
 * A pool of byte strings, each held once and named by a code: 0, 1, 2 … in order of first sight.
 *
 * Rows hold codes, so a string that repeats costs four bytes a row, and merging several Arrow
 * dictionaries costs one look-up an entry rather than one a row. Codes and the bytes behind them
 * stay as they are until parquet_pool_reset(), which begins a new generation.
 */
#ifndef PARQUET_POOL_H
#define PARQUET_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/parquet_export/parquet_memory.h"

#define PARQUET_POOL_NONE UINT32_MAX

typedef struct parquet_entry {
    const uint8_t *data;
    uint32_t length;
    uint32_t hash;
} parquet_entry;

/** A reader's note on an entry: valid while `round` is the pool's own. */
typedef struct parquet_mark {
    uint32_t round;
    uint32_t local;
} parquet_mark;

typedef struct parquet_pool {
    parquet_entry *entries;
    parquet_mark *marks; /* beside the entries */
    uint32_t count;
    uint32_t capacity;
    uint64_t *slots;   /* by hash, open addressing: hash above code, so that others' entries are not
                        * looked at; a code of PARQUET_POOL_NONE is free */
    size_t slot_count; /* a power of two, or 0 */
    struct parquet_pool_block *blocks;
    size_t byte_count; /* of memory held */
    uint32_t round;
    uint64_t generation;
} parquet_pool;

/** The code of `data`, added when it is new. WEND_NOMEM also when there are 2^32 - 2 entries. */
WEND_MUST_USE wend_status parquet_pool_intern(parquet_pool *pool, const void *data, uint32_t length,
                                              uint32_t *code);
/** Begin a round: every mark made before is void. */
void parquet_pool_begin_round(parquet_pool *pool);
/** Forget all entries and give their memory back. */
void parquet_pool_reset(parquet_pool *pool);

/** Less than, equal to or greater than 0, by unsigned bytes, a prefix first. */
int parquet_entry_compare(const parquet_entry *a, const parquet_entry *b);

#endif
