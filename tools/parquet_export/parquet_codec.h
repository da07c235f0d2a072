/** Page compression (the only file that sees zstd and snappy) and the page checksum. */
#ifndef PARQUET_CODEC_H
#define PARQUET_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "tools/parquet_export/parquet_export.h"
#include "tools/parquet_export/parquet_memory.h"

typedef struct parquet_codec parquet_codec;

/** One per export, for one thread. */
WEND_MUST_USE wend_status parquet_codec_open(parquet_codec **codec_out, int32_t zstd_level,
                                             wend_error *error);
void parquet_codec_close(parquet_codec *codec); /* accepts NULL */

/** Append `data` compressed by `compression` (as it is for NONE) to `out`. */
WEND_MUST_USE wend_status parquet_codec_append(parquet_codec *codec,
                                               parquet_compression compression, const void *data,
                                               size_t count, parquet_bytes *out, wend_error *error);

/** CRC-32 with gzip's polynomial, as page headers carry it. */
uint32_t parquet_crc32(const void *data, size_t count);

#endif
