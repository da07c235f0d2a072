/**
 * Staging: a slice of an Arrow column brought into the exporter's own form, one slot a row.
 *
 * A slot has the column's slot_bytes: the value's PLAIN bytes, or the code of its entry in the
 * column's pool. Here, and only here, Arrow's offsets, bitmaps, index widths and dictionaries are
 * understood and checked.
 */
#ifndef PARQUET_STAGE_H
#define PARQUET_STAGE_H

#include <stdint.h>

#include "tools/parquet_export/parquet_column.h"
#include "tools/parquet_export/parquet_pool.h"

/** Rows a slice has at most: what is checked against the memory limits at once. */
#define PARQUET_SLICE_ROWS 4096

/**
 * The codes that a dictionary's entries have in the pool, found at the first use of each. An Arrow
 * dictionary is known again by its buffers' addresses, which is sound only while the batch that it
 * was seen in last is not released: the caller holds it until the next one has come.
 */
typedef struct parquet_known_dictionary {
    const void *buffers[3];
    int64_t length;
    int64_t offset;
    uint64_t generation;
    uint32_t *codes;
    size_t capacity;
} parquet_known_dictionary;

typedef struct parquet_stage {
    const parquet_column *column;
    parquet_pool pool;
    parquet_known_dictionary known;
    uint8_t *valid;    /* a byte a row */
    uint32_t *indices; /* scratch: dictionary indices */
    uint8_t *raw;      /* scratch: values gathered from a dictionary */
    uint8_t *slots;    /* row i at i * slot_bytes; that of a null row is undefined */
    size_t row_count;
    size_t null_count;
} parquet_stage;

WEND_MUST_USE wend_status parquet_stage_open(parquet_stage *stage, const parquet_column *column);
void parquet_stage_close(parquet_stage *stage);

/**
 * Say that the rows to come are `array`'s. To be called for every batch, empty ones too, before the
 * batch before it is released: a dictionary known by address must not outlive its memory.
 */
WEND_MUST_USE wend_status parquet_stage_begin_batch(parquet_stage *stage,
                                                    const struct ArrowArray *array);

/**
 * Stage rows [start, start + row_count) of `array`, at most PARQUET_SLICE_ROWS; `first_row` is the
 * export's number of the first, for messages.
 */
WEND_MUST_USE wend_status parquet_stage_load(parquet_stage *stage, const struct ArrowArray *array,
                                             int64_t start, size_t row_count, int64_t first_row,
                                             wend_error *error);

#endif
