/** What the files of the aggregates share: the state's arrays. */
#ifndef WENDI_QUERY_AGGREGATE_INTERNAL_H
#define WENDI_QUERY_AGGREGATE_INTERNAL_H

#include "query/aggregate.h"
#include "query/exact_sum.h"
#include "query/group_table.h"

/** A string kept for min() or max(); grown in the state's arena by powers of two. */
typedef struct kept_string {
    char *data;
    uint32_t length;
    uint32_t capacity;
} kept_string;

/** Arrays have one element a group; which of them exist depends on the aggregate. */
struct wendi_aggregate_state {
    wendi_query_context *context;
    const wendi_aggregate *aggregate;
    uint8_t physical; /* of the argument */
    uint32_t group_count;
    uint32_t group_capacity;
    int64_t *counts;            /* rows taken in, all but min, max, bool: those use it as "seen" */
    wendi_int128 *sums;         /* whole and exact numbers */
    wendi_exact_sum *exact;     /* doubles */
    wendi_exact_sum *squares;   /* of doubles, for variances */
    wendi_b16 *values;          /* min, max, bool: the value's bits */
    kept_string *strings;       /* min, max of text */
    wendi_arena arena;          /* bytes of `strings` */
    wendi_rows collected;       /* ordered-set functions: one column of values … */
    uint32_t *collected_groups; /* … and the group of each */
    uint32_t collected_capacity;
    wendi_group_table *
        distinct; /* DISTINCT: keys (group, value); of text: keys (value), numbering the values … */
    uint64_t *pairs; /* … and a set of group << 32 | value, open addressing, PAIR_FREE: free */
    uint32_t pair_count;
    uint32_t pair_slots;
    int64_t *group_keys; /* scratch for it: a batch's groups as a bigint column */
    uint32_t *group_ids;
    uint64_t reserved_bytes;
};

/** Grow one array of the state to hold `capacity` elements, the new ones zero. aggregate_state.c.
 */
wend_status wendi_aggregate_take(wendi_aggregate_state *state, void **array, size_t each,
                                 uint32_t old_capacity, uint32_t capacity, wend_error *error);
/** The plain update, without DISTINCT. aggregate_update.c. */
wend_status wendi_aggregate_update_plain(wendi_aggregate_state *state, const uint32_t *groups,
                                         const wendi_selection *selection, const wendi_vector *arg,
                                         wend_error *error);
/** Keep `text` as the group's min() or max(). */
wend_status wendi_aggregate_keep_string(wendi_aggregate_state *state, uint32_t group,
                                        wendi_string text, wend_error *error);
/** Make group_keys and group_ids (two page's worth). aggregate_distinct.c. */
wend_status wendi_aggregate_scratch(wendi_aggregate_state *state, wend_error *error);
/** The selected rows that are not null; `indices` has room for the selection. Their number is
 * returned. */
uint32_t wendi_aggregate_present(const wendi_selection *selection, const wendi_vector *arg,
                                 uint32_t *indices);
/** Values of ordered-set functions. aggregate_collect.c. */
wend_status wendi_aggregate_collect(wendi_aggregate_state *state, const uint32_t *groups,
                                    const wendi_selection *selection, const wendi_vector *arg,
                                    wend_error *error);
wend_status wendi_aggregate_collect_merge(wendi_aggregate_state *state,
                                          const wendi_aggregate_state *other, const uint32_t *map,
                                          wend_error *error);
wend_status wendi_aggregate_collect_finish(wendi_aggregate_state *state, uint32_t group_count,
                                           wendi_rows *rows, uint32_t column, wend_error *error);
/** DISTINCT of every function but count(). aggregate_distinct.c. */
wend_status wendi_aggregate_distinct(wendi_aggregate_state *state, const uint32_t *groups,
                                     const wendi_selection *selection, const wendi_vector *arg,
                                     wend_error *error);
wend_status wendi_aggregate_distinct_merge(wendi_aggregate_state *state,
                                           const wendi_aggregate_state *other, const uint32_t *map,
                                           wend_error *error);
/** Feed the distinct values to the plain aggregate. */
wend_status wendi_aggregate_distinct_finish(wendi_aggregate_state *state, wend_error *error);

/** count(DISTINCT …), the usual question: values are numbered, pairs of small numbers are kept.
 * aggregate_distinct.c. */
wend_status wendi_aggregate_pairs(wendi_aggregate_state *state, const uint32_t *groups,
                                  const wendi_selection *selection, const wendi_vector *arg,
                                  wend_error *error);
wend_status wendi_aggregate_pairs_merge(wendi_aggregate_state *state,
                                        const wendi_aggregate_state *other, const uint32_t *map,
                                        wend_error *error);
void wendi_aggregate_pairs_finish(wendi_aggregate_state *state);

static inline bool wendi_aggregate_uses_pairs(const wendi_aggregate_state *state)
{
    return state->distinct != NULL && state->aggregate->kind == WENDI_AGGREGATE_COUNT;
}

static inline bool wendi_aggregate_is_ordered_set(const wendi_aggregate *aggregate)
{
    return aggregate->kind >= WENDI_AGGREGATE_PERCENTILE_CONT;
}

#endif
