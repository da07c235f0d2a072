/** Nodes of bound expressions: making, comparing and copying them. */
#include "engine/expr/expr.h"

#include <assert.h>
#include <string.h>

#include "engine/expr/expr_node.h"
#include "engine/expr/function.h"

static void absorb(wendi_expr *expr, const wendi_expr *arg)
{
    expr->flags |= (uint8_t)(arg->flags & ~WENDI_EXPR_UNKNOWN);
    if (arg->single_slot == WENDI_EXPR_NO_SLOT || arg->single_slot == expr->single_slot) {
        return;
    }
    expr->single_slot = expr->single_slot == WENDI_EXPR_NO_SLOT ? arg->single_slot : WENDI_EXPR_SEVERAL_SLOTS;
}

wendi_expr *wendi_expr_node(wendi_arena *arena, wendi_expr_kind kind, wendi_type type, int32_t position,
                            const wendi_expr *const *args, uint32_t arg_count)
{
    wendi_expr *expr = wendi_arena_alloc_zero(arena, sizeof *expr);

    if (expr == NULL) {
        return NULL;
    }
    expr->kind = (uint8_t)kind;
    expr->type = type;
    expr->position = position;
    expr->slot = WENDI_EXPR_NO_SLOT;
    expr->single_slot = WENDI_EXPR_NO_SLOT;
    expr->arg_count = arg_count;
    if (arg_count == 0) {
        return expr;
    }
    expr->args = wendi_arena_alloc(arena, arg_count * sizeof(*expr->args));
    if (expr->args == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < arg_count; i++) {
        expr->args[i] = args[i];
        absorb(expr, args[i]);
    }
    return expr;
}

wendi_expr *wendi_expr_call(wendi_arena *arena, const wendi_function *function, wendi_type type, int32_t position,
                            const wendi_session *session, const wendi_expr *const *args, uint32_t arg_count)
{
    wendi_expr *expr = wendi_expr_node(arena, WENDI_EXPR_CALL, type, position, args, arg_count);

    if (expr != NULL) {
        expr->function = function;
        expr->session = session;
        expr->flags |= (uint8_t)(function->flags & (WENDI_EXPR_RAISES | WENDI_EXPR_SESSION | WENDI_EXPR_NOW));
    }
    return expr;
}

wendi_expr *wendi_expr_constant_at(wendi_arena *arena, const wendi_value *value, int32_t position)
{
    wendi_expr *expr = wendi_expr_node(arena, WENDI_EXPR_CONSTANT, value->type, position, NULL, 0);

    if (expr == NULL) {
        return NULL;
    }
    expr->constant = *value;
    if (value->null) {
        memset(&expr->constant.b16, 0, sizeof expr->constant.b16);
        expr->constant.string = (wendi_string){"", 0};
    } else if (wendi_type_physical(value->type) == WENDI_PHYSICAL_STRING) {
        expr->constant.string.data = wendi_arena_copy(arena, value->string.data, value->string.length);
        if (expr->constant.string.data == NULL) {
            return NULL;
        }
    }
    return expr;
}

const wendi_expr *wendi_expr_constant(wendi_arena *arena, const wendi_value *value)
{
    return wendi_expr_constant_at(arena, value, -1);
}

const wendi_expr *wendi_expr_column(wendi_arena *arena, uint32_t slot, wendi_type type)
{
    wendi_expr *expr = wendi_expr_node(arena, WENDI_EXPR_COLUMN, type, -1, NULL, 0);

    assert(slot < WENDI_EXPR_SEVERAL_SLOTS);
    if (expr != NULL) {
        expr->slot = slot;
        expr->single_slot = slot;
    }
    return expr;
}

const wendi_expr *wendi_expr_and(wendi_arena *arena, const wendi_expr *a, const wendi_expr *b)
{
    if (a == NULL || b == NULL) {
        return a == NULL ? b : a;
    }
    const wendi_expr *pair[2] = {a, b};
    return wendi_expr_node(arena, WENDI_EXPR_AND, wendi_type_of(WENDI_TYPE_BOOLEAN), a->position, pair, 2);
}

static bool value_equal(const wendi_value *a, const wendi_value *b)
{
    if (a->null != b->null || !wendi_type_equal(a->type, b->type)) {
        return false;
    }
    return a->null || wendi_value_compare(a, b) == 0;
}

static bool list_equal(const wendi_expr *a, const wendi_expr *b)
{
    if (a->list_count != b->list_count || a->list_null != b->list_null) {
        return false;
    }
    for (uint32_t i = 0; i < a->list_count; i++) {
        if (!value_equal(&a->list[i], &b->list[i])) {
            return false;
        }
    }
    return true;
}

bool wendi_expr_equal(const wendi_expr *a, const wendi_expr *b)
{
    if (a == b) {
        return true;
    }
    if (a->kind != b->kind || !wendi_type_equal(a->type, b->type) || a->negated != b->negated ||
        a->slot != b->slot || a->function != b->function || a->arg_count != b->arg_count || !list_equal(a, b)) {
        return false;
    }
    if ((a->kind == WENDI_EXPR_CONSTANT || a->kind == WENDI_EXPR_IS_BOOLEAN) &&
        !value_equal(&a->constant, &b->constant)) {
        return false;
    }
    for (uint32_t i = 0; i < a->arg_count; i++) {
        if (!wendi_expr_equal(a->args[i], b->args[i])) {
            return false;
        }
    }
    return true;
}

void wendi_expr_slots(const wendi_expr *expr, uint8_t *used, uint32_t slot_count)
{
    if (expr->kind == WENDI_EXPR_COLUMN && expr->slot < slot_count) {
        used[expr->slot] = 1;
    }
    for (uint32_t i = 0; i < expr->arg_count; i++) {
        wendi_expr_slots(expr->args[i], used, slot_count);
    }
}

wend_status wendi_expr_remap(const wendi_expr *expr, const uint32_t *slots, uint32_t slot_count, wendi_arena *arena,
                             const wendi_expr **expr_out, wend_error *error)
{
    wendi_expr *copy = wendi_arena_alloc(arena, sizeof *copy);

    *expr_out = NULL;
    if (copy == NULL) {
        return wendi_fail_nomem(error, "an expression", sizeof *copy);
    }
    *copy = *expr;
    if (expr->kind == WENDI_EXPR_COLUMN) {
        if (expr->slot >= slot_count || slots[expr->slot] >= WENDI_EXPR_SEVERAL_SLOTS) {
            return wendi_fail_at(error, WEND_INVALID, expr->position, "column %u has no place in the batch", expr->slot);
        }
        copy->slot = copy->single_slot = slots[expr->slot];
    } else if (expr->arg_count > 0) {
        copy->single_slot = WENDI_EXPR_NO_SLOT;
        copy->args = wendi_arena_alloc(arena, expr->arg_count * sizeof(*copy->args));
        if (copy->args == NULL) {
            return wendi_fail_nomem(error, "an expression", expr->arg_count * sizeof(*copy->args));
        }
        for (uint32_t i = 0; i < expr->arg_count; i++) {
            wend_status status = wendi_expr_remap(expr->args[i], slots, slot_count, arena, &copy->args[i], error);
            if (status != WEND_OK) {
                return status;
            }
            absorb(copy, copy->args[i]);
        }
    }
    *expr_out = copy;
    return WEND_OK;
}

const wendi_value *wendi_expr_value(const wendi_expr *expr)
{
    return expr->kind == WENDI_EXPR_CONSTANT ? &expr->constant : NULL;
}
