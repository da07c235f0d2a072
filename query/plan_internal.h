/** What the files of the planner share: scopes, grouping, FROM. */
#ifndef WENDI_QUERY_PLAN_INTERNAL_H
#define WENDI_QUERY_PLAN_INTERNAL_H

#include "query/plan.h"

/** What the planner's files share about the place an expression stands in. */
typedef struct wendi_plan_scope {
    wendi_scope scope; /* its context is this struct */
    wendi_planner *planner;
    const wendi_plan_cte *ctes;
    const wendi_plan *from; /* columns that names mean; NULL: none */
    wendi_string qualifier; /* the relation's name; empty: none */
    const char *clause;     /* where aggregates are refused: "WHERE"; NULL: they are collected */
    struct wendi_plan_groups *groups; /* of an aggregated SELECT, else NULL */
} wendi_plan_scope;

/** GROUP BY and the aggregates met so far. */
typedef struct wendi_plan_groups {
    const wendi_plan_scope *input; /* to bind keys and arguments */
    const wendi_sql_expr **key_asts;
    const wendi_expr **keys;
    uint32_t key_count;
    wendi_aggregate *aggregates;
    uint32_t aggregate_count;
    uint32_t aggregate_capacity;
} wendi_plan_groups;

void wendi_plan_scope_init(wendi_plan_scope *scope, wendi_planner *planner,
                           const wendi_plan_cte *ctes, const wendi_plan *from,
                           wendi_string qualifier, const char *clause);
/** Does the expression hold an aggregate (outside of subqueries)? */
bool wendi_plan_has_aggregate(const wendi_sql_expr *expr);
/** Is there a column of this name? */
bool wendi_plan_has_column(const wendi_plan *from, wendi_string name);
/** Scalar, EXISTS and IN subqueries: run now, they become constants. plan_subquery.c. */
wend_status wendi_plan_subquery(const wendi_plan_scope *scope, const wendi_sql_expr *node,
                                wendi_arena *arena, const wendi_expr **expr_out, wend_error *error);
/** FROM as a plan, and the name that qualifies its columns. plan_from.c. */
wend_status wendi_plan_from(wendi_planner *planner, const wendi_sql_from *from,
                            const wendi_plan_cte *ctes, const wendi_plan **plan_out,
                            wendi_string *qualifier, wend_error *error);
/** UNION, INTERSECT, EXCEPT without their trailing clauses. plan_set.c. */
wend_status wendi_plan_set(wendi_planner *planner, const wendi_sql_select *select,
                           const wendi_plan_cte *ctes, const wendi_plan **plan_out,
                           wend_error *error);
/** VALUES. plan_set.c. */
wend_status wendi_plan_values(wendi_planner *planner, const wendi_sql_select *select,
                              const wendi_plan_cte *ctes, const wendi_plan **plan_out,
                              wend_error *error);
/** A projection that casts every column to `types`; the input itself when nothing changes.
 * plan_set.c. */
wend_status wendi_plan_cast(wendi_planner *planner, const wendi_plan *input,
                            const wendi_type *types, const wendi_plan **plan_out,
                            wend_error *error);
/** Column `index` of `plan` as an expression. NULL when refused memory. */
const wendi_expr *wendi_plan_column(wendi_arena *arena, const wendi_plan *plan, uint32_t index);
/** An AGGREGATE that keeps each different row once. plan_select.c. */
wend_status wendi_plan_distinct(wendi_planner *planner, const wendi_plan *input,
                                const wendi_plan **plan_out, wend_error *error);

#endif
