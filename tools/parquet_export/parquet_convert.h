/** Fixed-width values from Arrow's layout to Parquet's PLAIN bytes, and intervals to text. */
#ifndef PARQUET_CONVERT_H
#define PARQUET_CONVERT_H

#include <stddef.h>
#include <stdint.h>

#include "tools/parquet_export/parquet_column.h"

/** A page, and so a value in it, must stay below 2 GiB with some room for its neighbours. */
#define PARQUET_VALUE_BYTES_MAX ((int64_t)1 << 30)

#define PARQUET_INTERVAL_TEXT_BYTES 128

/**
 * Convert `row_count` values at `raw` into `slots`, row by row; rows whose `valid` byte is 0 are
 * passed over or copied unlooked at. WEND_INVALID names a value that does not fit the type.
 */
WEND_MUST_USE wend_status parquet_convert(const parquet_column *column, const uint8_t *raw,
                                          const uint8_t *valid, size_t row_count, uint8_t *slots,
                                          int64_t first_row, wend_error *error);

/**
 * Arrow's months, days and nanoseconds as text that PostgreSQL, DuckDB and Spark cast to an
 * interval: "1 years 2 months 3 days 4 hours 5 minutes 6.5 seconds", parts of 0 left out, each with
 * its own sign. Returns its length; no NUL is counted.
 */
uint32_t parquet_interval_text(const uint8_t *interval, char text[PARQUET_INTERVAL_TEXT_BYTES]);

#endif
