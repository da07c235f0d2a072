/**
 * A row of typed values as an object of column names and values, and back: how rejects keep rows that a program handed
 * in with types, where no path and no format of time may come between.
 */
#ifndef WENDI_INGEST_TYPED_ROW_H
#define WENDI_INGEST_TYPED_ROW_H

#include "engine/column/builder.h"

/**
 * Read `object` (64 readable bytes behind it) into row builder->row_count, which the caller then counts. A column that it does not
 * name gets its DEFAULT, a GENERATED one null. `arena` takes texts.
 * Returns: WEND_INVALID a value is none of its column's, or it is no such object; WEND_NOMEM.
 */
wend_status wendi_typed_row_read(wendi_string object, wendi_row_builder *builder, wendi_arena *arena, wend_error *error);
/** Append row `row` of `builder` as such an object. WEND_NOMEM. */
wend_status wendi_typed_row_write(const wendi_row_builder *builder, uint32_t row, wendi_buffer *out);

#endif
