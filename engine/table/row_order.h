/**
 * The one sort order of rows: (user is null, xxh3(user), user, time, order column, partition,
 * arrival).
 *
 * Two rows of one builder with equal keys keep their order, which is arrival. A null time or order
 * value stands last in its run.
 */
#ifndef WENDI_TABLE_ROW_ORDER_H
#define WENDI_TABLE_ROW_ORDER_H

#include "engine/column/builder.h"

/**
 * Made by wendi_row_order_make() any number of times, which grows the arrays as it needs them; freed by
 * wendi_row_order_free(). Zero-filled is a valid one that holds nothing.
 */
typedef struct wendi_row_order {
    uint32_t *rows; /* rows[i] is the builder's row that stands at place i */
    uint32_t row_count;
    /* The distinct users that occur, in their order; for a text user column also their codes. */
    uint32_t user_count;
    bool text_users;
    uint32_t *user_rank;  /* text: per interner code, 1.. in user order; 0 for null and unused codes */
    uint32_t *user_codes; /* text: user_codes[rank] is the interner code, 1..user_count */
    struct {              /* memory for making it */
        uint32_t *ranks;  /* per slot of the builder */
        uint32_t *starts; /* per rank */
        int64_t *times;   /* per row, in the order of `rows`; whoever made the order may use it for something else */
        struct wendi_ranked_user *users;
    } scratch;
    struct { /* what the arrays have room for */
        uint32_t rows;
        uint32_t codes;
        uint32_t ranks;
        uint32_t starts;
        uint32_t times;
        uint32_t users;
    } capacity;
} wendi_row_order;

/** Cost: O(rows + users log users) but for long runs of one user whose times jump about. */
wend_status wendi_row_order_make(const wendi_row_builder *builder, wendi_row_order *order,
                                 wend_error *error);
/** Take out the places whose drop[] is 1, and the users that have no row any more. */
void wendi_row_order_drop(const wendi_row_builder *builder, wendi_row_order *order,
                          const uint8_t *drop);
void wendi_row_order_free(wendi_row_order *order);
/** Memory that the arrays take. */
size_t wendi_row_order_bytes(const wendi_row_order *order);

#endif
