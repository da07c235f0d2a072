/** The inside of the binder, shared by the files binder*.c only. */
#ifndef WENDI_EXPR_BINDER_INTERNAL_H
#define WENDI_EXPR_BINDER_INTERNAL_H

#include "engine/expr/binder.h"
#include "engine/expr/evaluator.h"
#include "engine/expr/expr_node.h"
#include "engine/expr/function.h"

/** One run of the binder. `evaluator` computes constants and is opened when first needed. */
typedef struct wendi_binder {
    const wendi_scope *scope; /* NULL in runs that resolve no names */
    const wendi_session *session;
    wendi_arena *arena;
    wendi_evaluator *evaluator;
    wend_error *error;
} wendi_binder;

/** Checks a node just made for memory, computes it when it is constant, and stores it. */
wend_status wendi_binder_finish(wendi_binder *binder, wendi_expr *expr, const wendi_expr **expr_out);
wend_status wendi_binder_nomem(const wendi_binder *binder);

/** A quoted literal or NULL that has not met a type yet. */
static inline bool wendi_is_unknown(const wendi_expr *expr)
{
    return (expr->flags & WENDI_EXPR_UNKNOWN) != 0 || expr->type.kind == WENDI_TYPE_NULL;
}

wend_status wendi_binder_expr(wendi_binder *binder, const wendi_sql_expr *node, const wendi_expr **expr_out);
wend_status wendi_binder_boolean(wendi_binder *binder, const wendi_sql_expr *node, const char *what,
                                 const wendi_expr **expr_out);
wend_status wendi_binder_not(wendi_binder *binder, const wendi_expr *expr, int32_t position,
                             const wendi_expr **expr_out);

wend_status wendi_binder_cast(wendi_binder *binder, const wendi_expr *expr, wendi_type type, wendi_cast_kind kind,
                              int32_t position, const wendi_expr **expr_out);
/** Give every unknown and every other of `args` the common type of all; "<what> types a and b cannot be matched". */
wend_status wendi_binder_unify(wendi_binder *binder, const wendi_expr **args, uint32_t count,
                               const char *what, wendi_type *type);

wend_status wendi_binder_compare(wendi_binder *binder, const char *op, const wendi_expr *a, const wendi_expr *b,
                                 int32_t position, const wendi_expr **expr_out);
/**
 * Where `hashed` is a column of hashes (type.hash_of), turn `other` into a hash too, if it is a quoted literal or
 * of the type that was hashed. Anything but equality is then refused; `op` is for that message.
 */
wend_status wendi_binder_hash_operand(wendi_binder *binder, const char *op, const wendi_expr *hashed,
                                      const wendi_expr **other, int32_t position);
/** The casts alone that a comparison needs; `op` is for the message. */
wend_status wendi_binder_compare_operands(wendi_binder *binder, const char *op, const wendi_expr **a,
                                          const wendi_expr **b, int32_t position);
wend_status wendi_binder_binary(wendi_binder *binder, const wendi_sql_expr *node, const wendi_expr **expr_out);
wend_status wendi_binder_unary(wendi_binder *binder, const wendi_sql_expr *node, const wendi_expr **expr_out);

wend_status wendi_binder_in(wendi_binder *binder, const wendi_sql_expr *node, const wendi_expr **expr_out);
wend_status wendi_binder_between(wendi_binder *binder, const wendi_sql_expr *node, const wendi_expr **expr_out);
wend_status wendi_binder_case(wendi_binder *binder, const wendi_sql_expr *node, const wendi_expr **expr_out);

wend_status wendi_binder_call(wendi_binder *binder, const wendi_sql_expr *node, const wendi_expr **expr_out);
/** A function of `table` that is known to fit, its arguments cast to what it wants. */
wend_status wendi_binder_apply(wendi_binder *binder, const char *name, const wendi_expr **args, uint32_t arg_count,
                               int32_t position, const wendi_expr **expr_out);

#endif
