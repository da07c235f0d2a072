/**
 * Aggregate functions: their names and types, and their state for many groups at once.
 *
 * States of parallel workers are merged, and every function's answer is independent of the order
 * and the division of its rows: integers and numerics are summed in 128 bits, doubles exactly (see
 * exact_sum.h), ordered-set functions sort what they collected.
 */
#ifndef WENDI_QUERY_AGGREGATE_H
#define WENDI_QUERY_AGGREGATE_H

#include "engine/column/vector.h"
#include "engine/expr/binder.h"
#include "query/rows.h"

typedef enum wendi_aggregate_kind {
    WENDI_AGGREGATE_COUNT_ROWS, /* count(*) */
    WENDI_AGGREGATE_COUNT,
    WENDI_AGGREGATE_SUM,
    WENDI_AGGREGATE_AVG,
    WENDI_AGGREGATE_MIN,
    WENDI_AGGREGATE_MAX,
    WENDI_AGGREGATE_BOOL_AND,
    WENDI_AGGREGATE_BOOL_OR,
    WENDI_AGGREGATE_VAR_SAMP,
    WENDI_AGGREGATE_VAR_POP,
    WENDI_AGGREGATE_STDDEV_SAMP,
    WENDI_AGGREGATE_STDDEV_POP,
    WENDI_AGGREGATE_PERCENTILE_CONT,
    WENDI_AGGREGATE_PERCENTILE_DISC,
    WENDI_AGGREGATE_MODE
} wendi_aggregate_kind;

/** A bound aggregate; expressions are over the scope it was bound in. */
typedef struct wendi_aggregate {
    wendi_aggregate_kind kind;
    const char *name;
    bool distinct;
    bool descending;          /* ordered-set functions: the direction of WITHIN GROUP */
    double fraction;          /* percentiles */
    const wendi_expr *arg;    /* NULL for count(*) */
    const wendi_expr *filter; /* FILTER (WHERE …) or NULL */
    wendi_type type;          /* of the result */
} wendi_aggregate;

/** Is it an aggregate's name? (Those that are known but refused count too, so that they get a good
 * error.) */
bool wendi_aggregate_named(wendi_string name);
/** Bind a call whose name wendi_aggregate_named() knows; its arguments are bound with `scope`. */
wend_status wendi_aggregate_bind(const wendi_sql_expr *node, const wendi_scope *scope,
                                 wendi_arena *arena, wendi_aggregate *aggregate, wend_error *error);
/** The same function over the same arguments. */
bool wendi_aggregate_equal(const wendi_aggregate *a, const wendi_aggregate *b);

typedef struct wendi_aggregate_state wendi_aggregate_state;

/** State of no groups yet. `aggregate` is borrowed for the state's life. */
wend_status wendi_aggregate_state_open(wendi_query_context *context,
                                       const wendi_aggregate *aggregate,
                                       wendi_aggregate_state **state_out, wend_error *error);
void wendi_aggregate_state_close(wendi_aggregate_state *state); /* accepts NULL */
/** Groups 0..group_count-1 exist from now on; new ones are empty. */
wend_status wendi_aggregate_state_grow(wendi_aggregate_state *state, uint32_t group_count,
                                       wend_error *error);
/**
 * Take in the selected rows: row r belongs to groups[r] (NULL: all to group 0). `arg` is the
 * argument's vector (NULL for count(*)). The filter has been applied to the selection by the
 * caller.
 */
wend_status wendi_aggregate_state_update(wendi_aggregate_state *state, const uint32_t *groups,
                                         const wendi_selection *selection, const wendi_vector *arg,
                                         wend_error *error);
/** count(*) only: add `count` rows to `group`. */
void wendi_aggregate_state_count(wendi_aggregate_state *state, uint32_t group, uint64_t count);
/** Add the groups of `other`: its group g is map[g] here (grown to before). */
wend_status wendi_aggregate_state_merge(wendi_aggregate_state *state, wendi_aggregate_state *other,
                                        const uint32_t *map, uint32_t other_group_count,
                                        wend_error *error);
/** Write the results of groups 0..group_count-1 into `column` of `rows`. To be called once. */
wend_status wendi_aggregate_state_finish(wendi_aggregate_state *state, uint32_t group_count,
                                         wendi_rows *rows, uint32_t column, wend_error *error);

#endif
