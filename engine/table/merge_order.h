/**
 * The order of rows of a merge: users by (null, hash, user), within one by (time, order column),
 * ties by source. Row groups of the output are filled one after the other.
 */
#ifndef WENDI_TABLE_MERGE_ORDER_H
#define WENDI_TABLE_MERGE_ORDER_H

#include "engine/table/merge_source.h"

/** Which row stands at each place of a row group of the output, and whose it is. */
typedef struct wendi_merge_rows {
    uint32_t capacity;
    uint32_t count;
    uint32_t *sources; /* index into the order's sources */
    uint32_t *rows;    /* within the source's row group */
    uint32_t *users;   /* number of its user in this row group, from 1; 0: none */
    uint32_t user_count;
    /* Text users: entry `number` is bytes[offsets[number] .. offsets[number + 1]). */
    wendi_buffer user_offsets; /* u32 each; two more than users */
    wendi_buffer user_bytes;
} wendi_merge_rows;

typedef struct wendi_merge_order wendi_merge_order;

/**
 * `sources` (borrowed) stand in order of arrival. The order opens them when their users come and
 * closes them one row group later than their last row; the caller closes what is left open.
 */
wend_status wendi_merge_order_open(wendi_merge_source *sources, uint32_t source_count,
                                   wendi_merge_order **order_out, wend_error *error);
void wendi_merge_order_close(wendi_merge_order *order); /* accepts NULL */

wend_status wendi_merge_rows_init(wendi_merge_rows *rows, uint32_t capacity, wend_error *error);
void wendi_merge_rows_free(wendi_merge_rows *rows);

/**
 * Fill `rows` with the next row group, at most its capacity, ending between users unless one has
 * more rows than that. `closed` (may be NULL) is told of each source before it is closed. WEND_END:
 * no rows are left.
 */
wend_status wendi_merge_order_next(wendi_merge_order *order, wendi_merge_rows *rows,
                                   void (*closed)(void *context, uint32_t source), void *context,
                                   wend_error *error);

#endif
