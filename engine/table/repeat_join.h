/**
 * Rows of a flush joined with a row group of a stored segment: both are in row order (user, time), so
 * that rows of equal user and time are found by walking through both, and only of these the keys
 * are compared.
 *
 * Memory: about 40 bytes a row of the flush and 12 a row of the row group that has a user and time of
 * the flush, besides the row group's users and one page of each column read.
 */
#ifndef WENDI_TABLE_REPEAT_JOIN_H
#define WENDI_TABLE_REPEAT_JOIN_H

#include "engine/column/builder.h"
#include "engine/table/key_index.h"
#include "engine/table/row_order.h"
#include "engine/table/segment_columns.h"

/** Rows of one user. They end where those of the next run begin. */
typedef struct wendi_repeat_run {
    uint64_t hash;
    uint32_t first;
} wendi_repeat_run;

/** The rows of a flush that may be repeats, in row order. */
typedef struct wendi_repeat_rows {
    const wendi_row_builder *builder;
    const wendi_schema *schema; /* the builder's */
    uint32_t rules;             /* keys a row has */
    uint32_t count;
    uint32_t *places; /* in the flush's order */
    uint32_t *rows;   /* in the builder */
    int64_t *times;   /* every row has one */
    wendi_repeat_run *runs; /* run_count, and one more for the end */
    uint32_t run_count;
    bool null_run;         /* the last one is of rows without a user */
    uint8_t *found;        /* found[rule * count + i]: the key of row i is stored */
    wendi_hash128 *keys;   /* the same way; NULL until they are wanted */
    wendi_key_index index; /* over `keys`, used where many rows share user and time */
    bool indexed;
} wendi_repeat_rows;

/**
 * The keys by which rows are compared: those of the window, but with event_id = 'hash', where the
 * segments have no more, the 64-bit hash of the id.
 */
wend_status wendi_repeat_keys(wendi_repeat_rows *rows, wend_error *error);
/** The window's keys of builder rows: keys[rule * count + i]. */
wend_status wendi_repeat_window_keys(const wendi_row_builder *builder, const uint32_t *rows,
                                     uint32_t count, wendi_hash128 *keys, wend_error *error);
/** Compare the runs run_begin..run_end-1 with a row group, whose columns are open, and set `found`. */
wend_status wendi_repeat_join(wendi_repeat_rows *rows, uint32_t run_begin, uint32_t run_end,
                              wendi_segment_columns *columns, wend_error *error);

#endif
