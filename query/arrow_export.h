/**
 * Columns as Arrow: types, schemas and batches for the C data interface.
 *
 * Type mapping: boolean b, smallint s, integer i, bigint l, real f, double g, numeric(p,s) d:p,s,
 * text u (or dictionary<uint32, u> where a table's dictionary reaches the result), uuid w:16 with
 * the extension arrow.uuid, inet u, date tdD, timestamptz tsu:UTC, timestamp tsu:, interval tin,
 * jsonb u with the extension arrow.json.
 */
#ifndef WENDI_QUERY_ARROW_EXPORT_H
#define WENDI_QUERY_ARROW_EXPORT_H

#include "query/operator.h"
#include "wend/arrow.h"

/** A struct schema of the columns, all nullable. Released by the caller. */
wend_status wendi_arrow_schema(const wendi_output_column *columns, uint32_t column_count,
                               struct ArrowSchema *schema_out, wend_error *error);

/** Gathers batches into one Arrow array of at most WENDI_PAGE_ROWS rows. Zero-filled is a valid one
 * to free. */
typedef struct wendi_arrow_builder wendi_arrow_builder;

wend_status wendi_arrow_builder_open(const wendi_output_column *columns, uint32_t column_count,
                                     wendi_arrow_builder **builder_out, wend_error *error);
void wendi_arrow_builder_close(wendi_arrow_builder *builder); /* accepts NULL */
uint32_t wendi_arrow_builder_rows(const wendi_arrow_builder *builder);
/** Would `batch` still fit: rows, and the same dictionaries as what is there? */
bool wendi_arrow_builder_accepts(const wendi_arrow_builder *builder, const wendi_batch *batch);
/** Copy the rows of `batch`, which must be accepted. */
wend_status wendi_arrow_builder_append(wendi_arrow_builder *builder, const wendi_batch *batch,
                                       wend_error *error);
/** Hand the rows over as a struct array (released by its holder) and begin anew. */
wend_status wendi_arrow_builder_finish(wendi_arrow_builder *builder, struct ArrowArray *array_out,
                                       wend_error *error);

#endif
