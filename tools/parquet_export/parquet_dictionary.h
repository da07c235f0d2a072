/**
 * The dictionary of a column chunk: its distinct values in order, and for each value its place.
 *
 * Sorted, because neighbours that share a prefix compress better, and because the smallest place on
 * a page is then the page's smallest value: no string is compared a row.
 */
#ifndef PARQUET_DICTIONARY_H
#define PARQUET_DICTIONARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/parquet_export/parquet_chunk.h"
#include "tools/parquet_export/parquet_pool.h"

/** Readers hold a dictionary page in memory as a whole. */
#define PARQUET_DICTIONARY_BYTES_MAX ((size_t)64 << 20)

typedef struct parquet_dictionary {
    bool is_usable; /* false: it would not be smaller than the values; nothing below is set */
    uint32_t count;
    uint32_t *places;   /* of every value of the chunk */
    uint32_t *entries;  /* BYTE_ARRAY: the pool's codes, in order */
    parquet_bytes page; /* the distinct values as PLAIN */
} parquet_dictionary;

/**
 * Build the dictionary of `chunk` unless it cannot pay. `pool` is the column's (BYTE_ARRAY only);
 * a round of marks is begun on it. `plain_bytes` gets the size of all values as PLAIN.
 */
WEND_MUST_USE wend_status parquet_dictionary_build(parquet_dictionary *dictionary,
                                                   const parquet_chunk *chunk, parquet_pool *pool,
                                                   size_t *plain_bytes);
void parquet_dictionary_free(parquet_dictionary *dictionary);

#endif
