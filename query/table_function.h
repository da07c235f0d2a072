/**
 * Table functions: what FROM may call, such as funnel(events, …) and sessions(events, …).
 *
 * A function is a constant record; the caller of the query lists those it offers in
 * wendi_query_context.functions. Binding checks every argument (an unknown name or an option
 * without effect is an error that points at it) and makes an operator; nothing is read before its
 * first next().
 */
#ifndef WENDI_QUERY_TABLE_FUNCTION_H
#define WENDI_QUERY_TABLE_FUNCTION_H

#include "engine/expr/binder.h"
#include "engine/sql/ast.h"
#include "query/operator.h"

/** What a function is bound with. Everything is borrowed; `arena` lives as long as the operator. */
typedef struct wendi_table_call {
    const wendi_sql_call *call; /* as written in FROM; its first argument names the table */
    int32_t position;           /* of the call, for errors */
    const char *text; /* the statement, to quote predicates from (wendi_sql_expression_text) */
    wendi_query_context *context;
    wendi_arena *arena; /* names, expressions and options go here */
} wendi_table_call;

struct wendi_table_function {
    const char *name;
    const char *usage; /* one line for errors: "funnel(table, step, …, within => interval, …)" */
    wend_status (*bind)(const wendi_table_call *call, wendi_operator **operator_out,
                        wend_error *error);
};

/** The function named so among the context's, or NULL. */
const wendi_table_function *wendi_table_function_find(const wendi_query_context *context,
                                                      wendi_string name);

/**
 * A table's columns as a scope to bind predicates over: each column that is used gets the next
 * slot. After binding, `columns` (schema positions by slot) is what wendi_scan_options.columns
 * wants.
 */
typedef struct wendi_table_scope {
    wendi_scope scope; /* give this to wendi_bind() */
    const wendi_schema *schema;
    wendi_string name; /* qualifier that columns may have: the table's name */
    uint32_t *columns; /* schema->column_count long, in the arena */
    uint32_t column_count;
} wendi_table_scope;

wend_status wendi_table_scope_init(wendi_table_scope *scope, const wendi_query_context *context,
                                   const wendi_schema *schema, wendi_string name,
                                   wendi_arena *arena, wend_error *error);
/** The slot of the schema's column at `position`, given the next one when it has none yet. */
uint32_t wendi_table_scope_slot(wendi_table_scope *scope, uint32_t position);

#endif
