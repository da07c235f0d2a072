/**
 * Logical plans: a SELECT with all names resolved, before anything is opened.
 *
 * Every node gives columns 0..column_count-1; expressions of a node are over the columns of its
 * first input (slot = column). A SCAN gives every column of its table; what is really read is found
 * when operators are built (query/build.c). Nodes live in the query's arena.
 */
#ifndef WENDI_QUERY_PLAN_H
#define WENDI_QUERY_PLAN_H

#include "engine/sql/ast.h"
#include "query/aggregate.h"
#include "query/operator.h"

typedef enum wendi_plan_kind {
    WENDI_PLAN_ROWS,      /* VALUES and SELECT without FROM: constants */
    WENDI_PLAN_SCAN,      /* a table */
    WENDI_PLAN_FUNCTION,  /* a table function, bound already */
    WENDI_PLAN_PROJECT,   /* exprs */
    WENDI_PLAN_FILTER,    /* predicate */
    WENDI_PLAN_AGGREGATE, /* keys, then aggregates, are its columns */
    WENDI_PLAN_SORT,      /* by sort keys; the first column_count columns of its input go on */
    WENDI_PLAN_LIMIT,
    WENDI_PLAN_SET /* UNION, INTERSECT, EXCEPT of two inputs with equal types */
} wendi_plan_kind;

typedef struct wendi_sort_key {
    uint32_t column; /* of the input */
    bool descending;
    bool nulls_first;
} wendi_sort_key;

typedef struct wendi_plan wendi_plan;
struct wendi_plan {
    wendi_plan_kind kind;
    wendi_output_column *columns;
    uint32_t column_count;
    const wendi_plan *inputs[2];
    /* SCAN */
    wendi_snapshot *snapshot;
    wendi_string table;
    /* FUNCTION: owned by the planner until it is built into operators */
    struct wendi_function_cell *function;
    /* PROJECT: column_count exprs; ROWS: row_count * column_count, row by row */
    const wendi_expr **exprs;
    uint32_t row_count;
    /* FILTER */
    const wendi_expr *predicate;
    /* AGGREGATE */
    const wendi_expr **keys;
    uint32_t key_count;
    wendi_aggregate *aggregates;
    uint32_t aggregate_count;
    /* SORT */
    wendi_sort_key *sort_keys;
    uint32_t sort_key_count;
    /* LIMIT */
    uint64_t offset;
    uint64_t limit; /* UINT64_MAX: none */
    /* SET */
    uint8_t set_kind; /* wendi_sql_select_kind */
    bool set_all;
};

enum { WENDI_QUERY_DEPTH_MAX = 64 };

/** A common table expression in sight, innermost first. */
typedef struct wendi_plan_cte {
    const struct wendi_plan_cte *next;
    const wendi_sql_with *with;
} wendi_plan_cte;

/** A table function bound while planning; `operator_of` becomes NULL when operators take it over.
 */
typedef struct wendi_function_cell {
    struct wendi_function_cell *next;
    wendi_operator *operator_of;
} wendi_function_cell;

/** What binding one statement shares. */
typedef struct wendi_planner {
    wendi_query_context *context;
    wendi_arena *arena;
    const char *text; /* the statement, for the names of predicates */
    wendi_function_cell *functions;
    uint32_t depth;
    bool in_set; /* the SELECT being bound is an operand of UNION, INTERSECT or EXCEPT */
} wendi_planner;

/** Bind a SELECT. `ctes` are those in sight around it. */
wend_status wendi_plan_select(wendi_planner *planner, const wendi_sql_select *select,
                              const wendi_plan_cte *ctes, const wendi_plan **plan_out,
                              wend_error *error);
/** Close the table functions that no operator took over. */
void wendi_planner_free(wendi_planner *planner);

/** Run a plan to its end, for subqueries: at most `row_max` rows, more are WEND_INVALID. `rows` is
 * to be freed. */
wend_status wendi_plan_run(wendi_planner *planner, const wendi_plan *plan, uint64_t row_max,
                           wendi_rows *rows, wend_error *error);

/** Operators of a plan. Takes the table functions it uses over from the planner. build.c. */
wend_status wendi_plan_build(wendi_query_context *context, wendi_arena *arena,
                             const wendi_plan *plan, wendi_operator **operator_out,
                             wend_error *error);

/** A new node with room for `column_count` columns; NULL when refused. */
wendi_plan *wendi_plan_new(wendi_arena *arena, wendi_plan_kind kind, const wendi_plan *input,
                           uint32_t column_count);
/** A copy of `expr` whose column s is replaced by replacements[s]. NULL when the arena is refused
 * memory. */
const wendi_expr *wendi_plan_substitute(const wendi_expr *expr,
                                        const wendi_expr *const *replacements, wendi_arena *arena);

#endif
