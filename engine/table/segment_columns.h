/**
 * A row group read as the table's schema has it today: columns that the segment lacks come as their
 * default, as null, or, when generated, computed from their inputs. What queries see, for those who
 * rewrite rows or take keys from them.
 */
#ifndef WENDI_TABLE_SEGMENT_COLUMNS_H
#define WENDI_TABLE_SEGMENT_COLUMNS_H

#include "engine/column/schema.h"
#include "engine/expr/schema_rules.h"
#include "format/segment_reader.h"

/** The column of merged files that says with which commit a row arrived (docs/FORMAT.md, part 2).
 */
enum { WENDI_COMMIT_COLUMN_ID = 0 };

/** What absent columns read as: made once a schema, shared by threads. */
typedef struct wendi_absent_columns {
    const wendi_schema *schema; /* borrowed */
    wendi_value *values;        /* per position: the default, or null */
    wendi_schema_rules *rules;  /* NULL: no generated columns */
} wendi_absent_columns;

wend_status wendi_absent_columns_open(const wendi_schema *schema, wendi_absent_columns *absent,
                                      wend_error *error);
void wendi_absent_columns_close(wendi_absent_columns *absent);

/** Columns of one row group; one thread. Chunks are opened at their first read. */
typedef struct wendi_segment_columns {
    const wendi_absent_columns *absent;
    wendi_segment *segment;
    uint32_t row_group;
    uint32_t *columns;    /* per position: the segment's column, or WENDI_NO_COLUMN */
    wendi_chunk **chunks; /* per position; NULL until read */
    wendi_vector *vectors;
    wendi_evaluator *evaluator; /* opened when a generated column is absent */
} wendi_segment_columns;

/** `absent` and `segment` outlive it. WEND_UNSUPPORTED: a column has another type than stored. */
wend_status wendi_segment_columns_open(const wendi_absent_columns *absent, wendi_segment *segment,
                                       uint32_t row_group, wendi_segment_columns *columns,
                                       wend_error *error);
void wendi_segment_columns_close(wendi_segment_columns *columns); /* zero-filled is fine */

/** Does the segment itself hold the column? */
static inline bool wendi_segment_columns_has(const wendi_segment_columns *columns,
                                             uint32_t position)
{
    return columns->columns[position] != WENDI_NO_COLUMN;
}
/** The column's chunk, opened; only of columns that the segment has. Borrowed. */
wend_status wendi_segment_columns_chunk(wendi_segment_columns *columns, uint32_t position,
                                        wendi_chunk **chunk_out, wend_error *error);
/** Give the chunk's memory back; the next read opens it again. */
void wendi_segment_columns_drop(wendi_segment_columns *columns, uint32_t position);
/**
 * Rows first_row.. of the column, as wendi_chunk_read(): first_row a multiple of WENDI_VECTOR_ROWS,
 * no page crossed. Valid until the next read of this position, or of any absent generated column.
 */
wend_status wendi_segment_columns_read(wendi_segment_columns *columns, uint32_t position,
                                       uint32_t first_row, uint32_t row_count, wendi_vector *vector,
                                       wend_error *error);

#endif
