/** The smallest and largest value of a run of values, and how statistics write them. */
#ifndef PARQUET_BOUNDS_H
#define PARQUET_BOUNDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/parquet_export/parquet_chunk.h"
#include "tools/parquet_export/parquet_dictionary.h"

/** Longer strings are cut in statistics: the smallest down, the largest up. */
#define PARQUET_BOUND_BYTES 64

/** Values are borrowed from the chunk or the pool. Not present: no value that has an order. */
typedef struct parquet_bounds {
    bool is_present;
    parquet_entry smallest;
    parquet_entry largest;
    int64_t nan_count; /* of floats; they have no place in the order */
} parquet_bounds;

/** Bounds of values [first, first + count). `dictionary` may be NULL; `pool` only for BYTE_ARRAY.
 */
void parquet_bounds_find(parquet_bounds *bounds, const parquet_chunk *chunk,
                         const parquet_pool *pool, const parquet_dictionary *dictionary,
                         size_t first, size_t count);
/** Widen `bounds` by `more`, of the same column. */
void parquet_bounds_widen(parquet_bounds *bounds, const parquet_bounds *more,
                          const parquet_column *column);

/** Append the smallest (largest) as statistics hold it; `is_exact`: not cut. */
WEND_MUST_USE wend_status parquet_bounds_write(const parquet_bounds *bounds, bool is_largest,
                                               const parquet_column *column, parquet_bytes *out,
                                               bool *is_exact);

/** Order two values in their PLAIN bytes as the column is ordered. */
int parquet_bounds_compare(const parquet_column *column, const parquet_entry *a,
                           const parquet_entry *b);

#endif
