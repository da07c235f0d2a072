/**
 * Columns of codes into the order of rows, many in one walk.
 *
 * Rows of one user lie anywhere in the builder, so a walk in row order finds each in another cache line, column after
 * column. Codes are small: those of a dozen columns share a 64-bit word a row, put together and taken apart in order,
 * and only words are fetched from all over the place.
 */
#ifndef WENDI_TABLE_FLUSH_GATHER_H
#define WENDI_TABLE_FLUSH_GATHER_H

#include "engine/table/row_order.h"

typedef struct wendi_code_lane {
    const uint32_t *codes; /* by the builder's slots */
    uint32_t code_count;   /* all are below */
    uint32_t *ordered;     /* gets codes[rows[i]] at i */
    uint32_t word;         /* for wendi_gather_codes() itself: which word, and where in it */
    unsigned shift;
    unsigned width;
} wendi_code_lane;

/** Fill `ordered` of every lane. `words` has room for one of each of the builder's slots. */
void wendi_gather_codes(const wendi_row_builder *builder, const wendi_row_order *order, wendi_code_lane *lanes,
                        uint32_t lane_count, uint64_t *words);

/** How many rows ahead a walk in row order asks for memory. */
enum { WENDI_GATHER_AHEAD = 32 };
/** to[i] = from[rows[i]] for row_count rows, of one type. */
#define WENDI_GATHER(to, from, rows, row_count)                                                    \
    do {                                                                                           \
        const uint32_t ahead_ = (row_count) > WENDI_GATHER_AHEAD ? (row_count) - WENDI_GATHER_AHEAD : 0; \
        for (uint32_t i_ = 0; i_ < ahead_; i_++) {                                                 \
            __builtin_prefetch(&(from)[(rows)[i_ + WENDI_GATHER_AHEAD]]);                          \
            (to)[i_] = (from)[(rows)[i_]];                                                         \
        }                                                                                          \
        for (uint32_t i_ = ahead_; i_ < (row_count); i_++) {                                       \
            (to)[i_] = (from)[(rows)[i_]];                                                         \
        }                                                                                          \
    } while (0)

#endif
