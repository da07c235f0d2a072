/**
 * The integer encodings of Parquet pages: the RLE / bit-packing hybrid of dictionary indices and
 * definition levels, and DELTA_BINARY_PACKED of integers and lengths (Encodings.md of the format's
 * specification). Both append to `out` and fail only with WEND_NOMEM.
 */
#ifndef PARQUET_RLE_H
#define PARQUET_RLE_H

#include <stddef.h>
#include <stdint.h>

#include "tools/parquet_export/parquet_memory.h"

/** The bits that the largest value needs; 0 for 0. */
unsigned parquet_bits(uint64_t largest);

/**
 * Append `count` values as hybrid runs of `width` bits (1 to 32; every value fits). No length in
 * front: a v1 page's levels have one, its dictionary indices have not.
 */
WEND_MUST_USE wend_status parquet_rle_append(parquet_bytes *out, const uint32_t *values,
                                             size_t count, unsigned width);

/** Append `count` values as DELTA_BINARY_PACKED, differences wrapping in the type's own width. */
WEND_MUST_USE wend_status parquet_delta_append_i32(parquet_bytes *out, const int32_t *values,
                                                   size_t count);
WEND_MUST_USE wend_status parquet_delta_append_i64(parquet_bytes *out, const int64_t *values,
                                                   size_t count);

#endif
