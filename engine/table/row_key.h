/**
 * The keys by which rows are equal under a schema's UNIQUE rules: 128-bit hashes of values.
 *
 * Rules are numbered: the schema's uniques in order, then unique_rows if it is set. A key depends
 * on values only (not on dictionaries, batches or files), so that keys of rows that arrive meet
 * keys of rows read back from segments. Two different rows share a key with probability 2^-128 a
 * pair.
 */
#ifndef WENDI_TABLE_ROW_KEY_H
#define WENDI_TABLE_ROW_KEY_H

#include "engine/base/hash.h"
#include "engine/column/builder.h"

uint32_t wendi_row_key_rules(const wendi_schema *schema);
/** Whether column `position` takes part in any rule (and so must be read to rebuild keys). */
bool wendi_row_key_uses(const wendi_schema *schema, uint32_t position);

/**
 * keys[rule * row_count + row] for rows of `columns` (schema order; only the columns that rules use
 * are read). {0, 0}: the row has no key under that rule, since a null is equal to nothing
 * (unique_rows compares nulls as equal).
 */
wend_status wendi_row_keys(const wendi_schema *schema, const wendi_vector *columns,
                           uint32_t row_count, wendi_hash128 *keys, wend_error *error);

/** The same of rows first..first+count-1 of a builder: keys[rule * count + row]. */
wend_status wendi_row_builder_keys(wendi_row_builder *builder, uint32_t first, uint32_t count,
                                   wendi_hash128 *keys, wend_error *error);

#endif
