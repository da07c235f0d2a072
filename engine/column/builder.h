/**
 * Row builders: columns that rows are appended to, in arrival order, before they become a segment.
 *
 * Filled by the JSON decoder and typed appends; read as vectors by rules (CHECK,
 * GENERATED), deduplication and the table's writer. Strings become interner codes at once.
 *
 * A row is a transaction: write the values of row `row_count` into every column's arrays at index
 * row_count, then raise row_count. Anything written beyond row_count does not exist. Arrays are
 * allocated for row_capacity rows at init, so appending never moves them and never fails but for
 * the interner. One thread at a time.
 *
 * Several threads fill one builder through *lanes*: a lane is a row builder of its own thread that writes
 * into the same arrays, at slots that no other lane has, and codes strings by interners of its own.
 *
 *   builder: init -> { lanes: begin, rows … | strips, in the order of arrival }* -> unify -> read -> reset
 *
 * A *strip* says which slots hold rows that live; slots between strips are dead and nobody looks at them. unify()
 * makes one interner a column out of the lanes' and gives every strip the codes of it. A builder without strips
 * has the rows 0..row_count-1.
 */
#ifndef WENDI_COLUMN_BUILDER_H
#define WENDI_COLUMN_BUILDER_H

#include "engine/column/schema.h"
#include "engine/column/value.h"
#include "engine/column/vector.h"

typedef struct wendi_column_builder {
    wendi_type type;
    uint8_t physical; /* wendi_physical */
    uint8_t *nulls;   /* every column but strings; 1 = null, value must be 0 then */
    union {
        int64_t *i64;
        double *f64;
        wendi_b16 *b16;
        uint32_t *codes; /* strings: interner codes, 0 = null */
        void *data;
    };
    wendi_interner interner;
    wendi_dictionary view; /* of the interner, made by wendi_row_builder_vectors() */
} wendi_column_builder;

/** Slots first..first+count-1 hold rows that live, coded by the lane's interners until unify(). */
typedef struct wendi_row_strip {
    uint32_t first;
    uint32_t count;
    uint32_t lane;
} wendi_row_strip;

typedef struct wendi_row_builder {
    const wendi_schema *schema; /* borrowed; columns[] stand in schema order */
    wendi_column_builder *columns;
    uint32_t column_count;
    uint32_t row_count; /* rows 0..row_count-1; with strips: how many rows live in them */
    uint32_t row_capacity;
    uint32_t *partitions; /* per row: ordinal of its source partition, which orders arrival */
    bool is_lane;         /* the arrays are another builder's */
    void *arrays;         /* all of them, behind each other */
    wendi_row_strip *strips; /* ascending, none empty; NULL: no lanes were made */
    uint32_t strip_count;
    uint32_t strip_capacity;
} wendi_row_builder;

/** `row_capacity` at most WENDI_ROW_GROUP_ROWS_MAX. */
wend_status wendi_row_builder_init(wendi_row_builder *builder, const wendi_schema *schema, uint32_t row_capacity,
                                   wend_error *error);
/** Set column `column` of the row being written (index row_count) to a value of the column's type, or null. */
wend_status wendi_row_builder_set(wendi_row_builder *builder, uint32_t column, const wendi_value *value);
/** Is the value of a row null? */
static inline bool wendi_column_builder_is_null(const wendi_column_builder *column, uint32_t row)
{
    return column->physical == WENDI_PHYSICAL_STRING ? column->codes[row] == 0 : column->nulls[row] != 0;
}
/** The value of a row. A string is borrowed until the next append; that of null is empty. */
wendi_value wendi_column_builder_value(const wendi_column_builder *column, uint32_t row);
/**
 * `vectors` (column_count of them, caller's memory) become views of rows first..first+count-1, valid until the
 * next append. Strings are DICTIONARY vectors over the interner's entries (not ordered).
 */
void wendi_row_builder_vectors(wendi_row_builder *builder, uint32_t first, uint32_t count, wendi_vector *vectors);
/** Keep only the rows of first..row_count-1 whose flag keep[row - first] is 1, in order. */
void wendi_row_builder_keep(wendi_row_builder *builder, uint32_t first, const uint8_t *keep);
/** Bytes of memory that the rows and interners hold (not capacity). */
size_t wendi_row_builder_bytes(const wendi_row_builder *builder);
/** Of the interners alone; of a lane, what it adds to its builder. */
size_t wendi_row_builder_string_bytes(const wendi_row_builder *builder);
/** What one row takes in the arrays of a builder of `schema`. */
size_t wendi_row_builder_row_bytes(const wendi_schema *schema);

/** `lane` becomes a lane of `builder`, which must outlive it; freed by wendi_row_builder_free(). Any number of them. */
wend_status wendi_row_builder_lane(wendi_row_builder *builder, wendi_row_builder *lane, wend_error *error);
/** The lane's next rows stand in slots first..first+count-1, which are its own from now on. */
void wendi_row_lane_begin(wendi_row_builder *lane, uint32_t first, uint32_t count);
/** Slots behind all strips so far hold rows that live. An empty strip is none. One thread at a time. */
wend_status wendi_row_builder_strip(wendi_row_builder *builder, wendi_row_strip strip, wend_error *error);
/**
 * One interner a column: that of the lane with the most strings, which takes in the others' entries; the other
 * lanes' strips get its codes. The lanes are left without rows; strips that touch become one. No lane is written
 * to meanwhile. Cost: a look-up for every entry of the other lanes, one pass over their codes.
 */
wend_status wendi_row_builder_unify(wendi_row_builder *builder, wendi_row_builder *lanes, uint32_t lane_count,
                                    wend_error *error);
/** The strips with the rows of `builder`, *count of them; `whole` is memory for the one of a builder without lanes. */
const wendi_row_strip *wendi_row_builder_strips(const wendi_row_builder *builder, wendi_row_strip *whole, uint32_t *count);

/** Forget all rows, strips and strings; keep the memory. Lanes are reset apart. */
void wendi_row_builder_reset(wendi_row_builder *builder);
void wendi_row_builder_free(wendi_row_builder *builder);

#endif
