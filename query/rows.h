/**
 * Rows kept in memory, column by column: what sorts, groups and set operations hold.
 *
 * Values are held flat by physical type. Strings are views: of dictionaries, which are pinned by a
 * reference each, or of copies in the rows' own arena. Every byte is accounted to the query. One
 * thread at a time while appending; readers may share afterwards.
 */
#ifndef WENDI_QUERY_ROWS_H
#define WENDI_QUERY_ROWS_H

#include "engine/column/value.h"
#include "engine/column/vector.h"
#include "query/context.h"

typedef struct wendi_rows_column {
    wendi_type type;
    uint8_t physical; /* wendi_physical */
    bool has_nulls;   /* some row is null */
    uint8_t *nulls;   /* one byte a row */
    union {
        int64_t *i64;
        double *f64;
        wendi_b16 *b16;
        wendi_string *strings;
        void *data;
    };
} wendi_rows_column;

typedef struct wendi_rows {
    wendi_query_context *context;
    wendi_rows_column *columns;
    uint32_t column_count;
    uint32_t row_count;
    uint32_t row_capacity;
    wendi_arena strings;
    wendi_dictionary **pinned; /* distinct; a reference each */
    uint32_t pinned_count;
    uint32_t pinned_capacity;
    uint64_t reserved_bytes;
    const char *what; /* who holds the rows, for the memory limit's message */
} wendi_rows;

/** Zero-filled is a valid empty one to free. `what` is borrowed for ever: a literal. */
wend_status wendi_rows_init(wendi_rows *rows, wendi_query_context *context, const char *what,
                            const wendi_type *types, uint32_t column_count, wend_error *error);
void wendi_rows_free(wendi_rows *rows);
/** Room for `extra` rows more. WEND_NOMEM beyond 2^32 - 2 rows or the query's limit. */
wend_status wendi_rows_reserve(wendi_rows *rows, uint64_t extra, wend_error *error);
/** Append rows indices[0..count-1] (NULL: 0..count-1) of vectors whose types have the columns'
 * physical types. */
wend_status wendi_rows_append(wendi_rows *rows, const wendi_vector *vectors,
                              const uint32_t *indices, uint32_t count, wend_error *error);
/** Append rows of other rows with the same types. Its strings are copied unless `borrow`: then
 * `from` must live on. */
wend_status wendi_rows_append_rows(wendi_rows *rows, const wendi_rows *from,
                                   const uint32_t *indices, uint32_t count, bool borrow,
                                   wend_error *error);
/** Write one value at (row, column); the row must be below row_capacity. Strings are copied. */
wend_status wendi_rows_set(wendi_rows *rows, uint32_t row, uint32_t column,
                           const wendi_value *value, wend_error *error);
/** The value at (row, column); strings are borrowed. */
wendi_value wendi_rows_value(const wendi_rows *rows, uint32_t row, uint32_t column);
/** Views of rows first..first+count-1 of the first `column_count` columns. */
void wendi_rows_view(const wendi_rows *rows, uint32_t first, uint32_t count, wendi_vector *vectors,
                     uint32_t column_count);

#endif
