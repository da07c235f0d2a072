/**
 * The rows of one column that wait for their row group to be encoded: a bit a row that says whether
 * it has a value, and the values of those that have, close together.
 */
#ifndef PARQUET_CHUNK_H
#define PARQUET_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/parquet_export/parquet_column.h"
#include "tools/parquet_export/parquet_stage.h"

typedef struct parquet_chunk {
    const parquet_column *column;
    size_t row_count;
    size_t value_count;
    parquet_bytes validity; /* empty as long as no row is null */
    parquet_bytes values;   /* value_count slots */
} parquet_chunk;

/** Append the staged rows that `rows` lists, or all of them when it is NULL. */
WEND_MUST_USE wend_status parquet_chunk_append(parquet_chunk *chunk, const parquet_stage *stage,
                                               const uint32_t *rows, size_t count);
/** Back to no rows, memory given back. */
void parquet_chunk_reset(parquet_chunk *chunk);
/** Memory held. */
size_t parquet_chunk_bytes(const parquet_chunk *chunk);

static inline bool parquet_chunk_is_valid(const parquet_chunk *chunk, size_t row)
{
    return chunk->validity.length == 0 || (chunk->validity.data[row >> 3] >> (row & 7) & 1) != 0;
}

/** The codes of a BYTE_ARRAY chunk's values. */
static inline const uint32_t *parquet_chunk_codes(const parquet_chunk *chunk)
{
    return (const uint32_t *)(const void *)chunk->values.data;
}

#endif
