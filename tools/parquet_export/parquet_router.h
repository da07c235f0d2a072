/**
 * Which Hive folder a row belongs to: the values of its partition columns give a tuple, the tuple a
 * folder's name. Values that render alike (a null and an empty string) share a folder.
 */
#ifndef PARQUET_ROUTER_H
#define PARQUET_ROUTER_H

#include <stddef.h>
#include <stdint.h>

#include "tools/parquet_export/parquet_stage.h"

typedef struct parquet_router {
    parquet_stage **stages; /* borrowed; their pools are never reset during the export */
    parquet_pool *values;   /* of fixed-width columns, beside the stages */
    size_t column_count;
    int64_t folder_count_max;
    parquet_pool tuples;                  /* of value codes */
    parquet_bytes routes;                 /* an array, beside the tuples */
    parquet_pool folders;                 /* names: a folder's number is its code */
    uint32_t *codes;                      /* scratch: column_count codes of a row */
    uint32_t targets[PARQUET_SLICE_ROWS]; /* folder numbers of the rows routed last */
    int64_t empty_as_null_row_count;
} parquet_router;

WEND_MUST_USE wend_status parquet_router_open(parquet_router **router_out, parquet_stage **stages,
                                              size_t column_count, int64_t folder_count_max);
void parquet_router_close(parquet_router *router); /* accepts NULL */

/** Fill `targets` for the rows now staged. */
WEND_MUST_USE wend_status parquet_router_route(parquet_router *router, size_t row_count,
                                               wend_error *error);

#endif
