/**
 * Bound scalar expressions: a typed tree over the columns of a batch, made by engine/expr/binder.h
 * and computed by engine/expr/evaluator.h.
 *
 * A tree lives in the arena it was bound in and never changes afterwards, so any number of threads
 * may evaluate it at once, each with an evaluator of its own. Every operator's operands have been
 * brought to the types its kernel wants: nothing is left to decide by value at run time except
 * nulls, which follow SQL's three-valued logic.
 */
#ifndef WENDI_EXPR_EXPR_H
#define WENDI_EXPR_EXPR_H

#include "engine/base/arena.h"
#include "engine/base/status.h"
#include "engine/base/timezone.h"
#include "engine/column/type.h"
#include "engine/column/value.h"

typedef struct wendi_expr wendi_expr;
typedef struct wendi_function wendi_function; /* an entry of the registry in function.h */

/** What an expression means by "here" and "now": fixed once a statement, borrowed by whoever has it. */
typedef struct wendi_session {
    const wendi_timezone *zone; /* never NULL: wendi_timezone_utc() by default */
    int64_t now_us;             /* now(), current_timestamp, and current_date by way of `zone` */
} wendi_session;

typedef enum wendi_expr_kind {
    WENDI_EXPR_CONSTANT,    /* `constant` */
    WENDI_EXPR_COLUMN,      /* the batch's column at `slot` */
    WENDI_EXPR_CALL,        /* `function` over args: operators, casts and functions alike */
    WENDI_EXPR_AND,         /* two or more boolean args, left to right, guarded */
    WENDI_EXPR_OR,
    WENDI_EXPR_NOT,
    WENDI_EXPR_IS_NULL,     /* negated: IS NOT NULL */
    WENDI_EXPR_IS_BOOLEAN,  /* IS TRUE / IS FALSE (constant.i64 says which), negated: IS NOT … */
    WENDI_EXPR_IS_DISTINCT, /* args[0] IS DISTINCT FROM args[1], equal by `function`; negated: IS NOT … */
    WENDI_EXPR_IN,          /* args[0] in `list`; negated: NOT IN; a null in the list has list_null */
    WENDI_EXPR_CASE,        /* condition, result, condition, result, …, else (always there) */
    WENDI_EXPR_COALESCE     /* first non-null arg */
} wendi_expr_kind;

enum {
    WENDI_EXPR_RAISES = 1,  /* may fail for some rows (division, overflow, casts): never run where guarded */
    WENDI_EXPR_SESSION = 2, /* the answer depends on the session's zone */
    WENDI_EXPR_NOW = 4,     /* the answer depends on now(): not for CHECK or GENERATED */
    WENDI_EXPR_UNKNOWN = 8  /* a quoted literal or NULL that has not met a type yet (binder only) */
};

enum { WENDI_EXPR_NO_SLOT = 0xffffffffu, WENDI_EXPR_SEVERAL_SLOTS = 0xfffffffeu };

struct wendi_expr {
    uint8_t kind;    /* wendi_expr_kind */
    uint8_t flags;   /* of this node and all below */
    bool negated;
    bool list_null;
    wendi_type type; /* WENDI_TYPE_NULL only for a bare NULL */
    int32_t position; /* byte offset in the SQL text, -1: unknown */
    uint32_t arg_count;
    uint32_t list_count;
    uint32_t slot;        /* COLUMN */
    uint32_t single_slot; /* the one column of the whole subtree; NO_SLOT: none, SEVERAL_SLOTS: more */
    const wendi_expr **args;
    const wendi_function *function; /* CALL, IS_DISTINCT */
    wendi_value constant;           /* CONSTANT; its type equals `type` */
    const wendi_value *list;        /* IN: non-null constants of args[0]'s type, sorted, without repeats */
    const wendi_session *session;   /* CALL that needs it; lives as long as the arena */
};

/** Nodes made by hand, for planners. NULL when the arena is refused memory. */
const wendi_expr *wendi_expr_column(wendi_arena *arena, uint32_t slot, wendi_type type);
const wendi_expr *wendi_expr_constant(wendi_arena *arena, const wendi_value *value);
/** `a AND b`; either may be NULL, giving the other. */
const wendi_expr *wendi_expr_and(wendi_arena *arena, const wendi_expr *a, const wendi_expr *b);

/** The same tree: equal kinds, types, columns, constants and functions. Positions do not matter. */
bool wendi_expr_equal(const wendi_expr *a, const wendi_expr *b);
/** used[slot] = 1 for every column below `expr` with slot < slot_count; others are left as they are. */
void wendi_expr_slots(const wendi_expr *expr, uint8_t *used, uint32_t slot_count);
/**
 * A copy whose column at slot s stands at slots[s]. WENDI_INVALID when a column has no new slot
 * (slots[s] = WENDI_EXPR_NO_SLOT or s >= slot_count): such a tree would read the wrong column.
 */
wend_status wendi_expr_remap(const wendi_expr *expr, const uint32_t *slots, uint32_t slot_count, wendi_arena *arena,
                             const wendi_expr **expr_out, wend_error *error);
/** The value of a constant tree, or NULL when it is not a constant. */
const wendi_value *wendi_expr_value(const wendi_expr *expr);

#endif
