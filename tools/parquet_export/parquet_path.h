/** Names of Hive partition folders, "column=value", as Hive, Spark and others read them back. */
#ifndef PARQUET_PATH_H
#define PARQUET_PATH_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/parquet_export/parquet_column.h"

/** Whether values of this column have a text that can name a folder. */
bool parquet_path_can_name(const parquet_column *column);

/**
 * Append "column=value", escaped, to `out`. `value` is a slot's bytes, or a string's; NULL is the
 * null value, which has Hive's own name, and so has the empty string, which Hive cannot tell from
 * it.
 */
WEND_MUST_USE wend_status parquet_path_append(parquet_bytes *out, const parquet_column *column,
                                              const uint8_t *value, size_t length);

#endif
