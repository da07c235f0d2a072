/**
 * From a scalar syntax tree to a bound expression: names become slots, operators and functions are
 * chosen by their operands' types, and casts are made explicit, by PostgreSQL's rules.
 *
 * Quoted literals take the type they meet ('2024-01-01' against a date is a date). Numbers rise
 * smallint < integer < bigint < numeric < real < double precision; numeric stays exact. What is
 * constant is computed here when that succeeds; when it fails it is left for the rows that need it.
 * Errors have PostgreSQL's wording and point at the place in the SQL text.
 */
#ifndef WENDI_EXPR_BINDER_H
#define WENDI_EXPR_BINDER_H

#include "engine/expr/expr.h"
#include "engine/sql/ast.h"

typedef struct wendi_scope wendi_scope;

/** Where names come from. The scope is used during binding only; `session` must live as long as the arena. */
struct wendi_scope {
    void *context;
    /**
     * Resolve a column: `qualifier` is empty for a bare name. WEND_NOT_FOUND with a message when there is
     * none. NULL: no column may be used at all.
     */
    wend_status (*column)(void *context, wendi_string qualifier, wendi_string name, int32_t position, uint32_t *slot,
                          wendi_type *type, wend_error *error);
    /**
     * Seen first for every node, the root included (may be NULL). Sets *expr_out to take the node over
     * (an aggregate's output column, a group key); leaves it NULL to have it bound as usual. It may call
     * wendi_bind() for the node's children, with this scope or another.
     */
    wend_status (*hook)(const wendi_scope *scope, const wendi_sql_expr *node, wendi_arena *arena,
                        const wendi_expr **expr_out, wend_error *error);
    const wendi_session *session;
};

/**
 * Bind `node`. The result has a type other than "unknown": a lone quoted literal is text, a lone NULL
 * stays WENDI_TYPE_NULL.
 *
 * Ownership: the expression is in `arena` and borrows nothing from the syntax tree.
 * Returns:   WEND_INVALID (types, literals), WEND_NOT_FOUND (column, function), WEND_UNSUPPORTED, WEND_NOMEM.
 */
wend_status wendi_bind(const wendi_sql_expr *node, const wendi_scope *scope, wendi_arena *arena,
                       const wendi_expr **expr_out, wend_error *error);
/** Bind a condition: as wendi_bind(), and anything but boolean is refused, naming `clause` ("WHERE", "filter"). */
wend_status wendi_bind_condition(const wendi_sql_expr *node, const wendi_scope *scope, const char *clause,
                                 wendi_arena *arena, const wendi_expr **expr_out, wend_error *error);

typedef enum wendi_cast_kind {
    WENDI_CAST_IMPLICIT,   /* in expressions: widening only */
    WENDI_CAST_ASSIGNMENT, /* into a column: narrowing with a check, anything to text */
    WENDI_CAST_EXPLICIT    /* CAST and :: */
} wendi_cast_kind;

/** `expr` as `type`, which may be itself. Refused with PostgreSQL's wording when there is no such cast. */
wend_status wendi_bind_cast(const wendi_expr *expr, wendi_type type, wendi_cast_kind kind,
                            const wendi_session *session, wendi_arena *arena, const wendi_expr **expr_out,
                            wend_error *error);
/** The type that values of both types are brought to (CASE, COALESCE, IN, UNION); false: there is none. */
bool wendi_type_common(wendi_type a, wendi_type b, wendi_type *common);
/** Bring both to their common type, literals adapting to the other side. */
wend_status wendi_bind_common(const wendi_expr **a, const wendi_expr **b, const char *what,
                              const wendi_session *session, wendi_arena *arena, wend_error *error);
/** `a op b` for op one of = <> < <= > >=, both brought to a common type first. */
wend_status wendi_bind_compare(const char *operator_name, const wendi_expr *a, const wendi_expr *b,
                               const wendi_session *session, wendi_arena *arena, const wendi_expr **expr_out,
                               wend_error *error);

#endif
