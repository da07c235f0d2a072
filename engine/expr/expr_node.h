/** Making nodes of bound expressions: for the binder and its kin only; readers include expr.h. */
#ifndef WENDI_EXPR_EXPR_NODE_H
#define WENDI_EXPR_EXPR_NODE_H

#include "engine/expr/expr.h"

/**
 * A node with a copy of `args`; flags and single_slot follow from them. The caller fills what its
 * kind needs and, if that adds flags, sets them. NULL when memory is refused.
 */
wendi_expr *wendi_expr_node(wendi_arena *arena, wendi_expr_kind kind, wendi_type type, int32_t position,
                            const wendi_expr *const *args, uint32_t arg_count);
/** A CALL; the function's own flags are added. */
wendi_expr *wendi_expr_call(wendi_arena *arena, const wendi_function *function, wendi_type type, int32_t position,
                            const wendi_session *session, const wendi_expr *const *args, uint32_t arg_count);
/** A constant whose string is copied to the arena. */
wendi_expr *wendi_expr_constant_at(wendi_arena *arena, const wendi_value *value, int32_t position);

#endif
