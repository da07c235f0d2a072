/** Which casts there are, when they happen by themselves, and what types values have in common. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "engine/expr/binder_internal.h"
#include "engine/expr/cast.h"
#include "engine/expr/numeric.h"

enum { NO_CAST = 9, DEFAULT_SCALE = 16 };

static bool is_float(wendi_type type)
{
    return type.kind == WENDI_TYPE_REAL || type.kind == WENDI_TYPE_DOUBLE;
}

static uint32_t number_rank(wendi_type type)
{
    return type.kind == WENDI_TYPE_NUMERIC ? 4 : type.kind <= WENDI_TYPE_BIGINT ? type.kind - 1u : type.kind;
}

/** The weakest kind of cast that goes from `from` to `to`. */
static int cast_strength(wendi_type from, wendi_type to)
{
    if (from.kind == to.kind || from.kind == WENDI_TYPE_NULL) {
        return WENDI_CAST_IMPLICIT;
    }
    if (wendi_type_is_number(from) && wendi_type_is_number(to)) {
        return number_rank(from) < number_rank(to) ? WENDI_CAST_IMPLICIT : WENDI_CAST_ASSIGNMENT;
    }
    if (to.kind == WENDI_TYPE_TEXT) {
        return WENDI_CAST_ASSIGNMENT;
    }
    bool from_time = from.kind == WENDI_TYPE_DATE || from.kind == WENDI_TYPE_TIMESTAMP || from.kind == WENDI_TYPE_TIMESTAMPTZ;
    bool to_time = to.kind == WENDI_TYPE_DATE || to.kind == WENDI_TYPE_TIMESTAMP || to.kind == WENDI_TYPE_TIMESTAMPTZ;
    if (from_time && to_time) {
        bool widens = from.kind == WENDI_TYPE_DATE || to.kind == WENDI_TYPE_TIMESTAMPTZ;
        return widens ? WENDI_CAST_IMPLICIT : WENDI_CAST_ASSIGNMENT;
    }
    return wendi_cast_function(from, to) != NULL ? WENDI_CAST_EXPLICIT : NO_CAST;
}

static bool cast_allowed(wendi_type from, wendi_type to, wendi_cast_kind kind)
{
    return cast_strength(from, to) <= (int)kind;
}

/** A target "numeric" without digits takes them from what is cast. */
static wendi_type resolve_numeric(wendi_type from, wendi_type to)
{
    if (to.kind != WENDI_TYPE_NUMERIC || to.precision != 0) {
        return to;
    }
    if (wendi_type_is_integer(from) || from.kind == WENDI_TYPE_NUMERIC) {
        return wendi_numeric_type_for(from);
    }
    return wendi_numeric_type(WENDI_NUMERIC_PRECISION_MAX, DEFAULT_SCALE);
}

/** Without digits of its own, a numeric literal keeps those it was written with. */
static wendi_type literal_numeric(wendi_string text, wendi_type type)
{
    wendi_int128 value;
    uint32_t scale;

    if (type.kind == WENDI_TYPE_NUMERIC && type.precision == 0 &&
        wendi_numeric_from_text(text.data, text.length, &value, &scale)) {
        uint32_t digits = wendi_numeric_digits(value);
        return wendi_numeric_type(digits < scale ? scale : digits, scale);
    }
    return resolve_numeric(wendi_type_of(WENDI_TYPE_TEXT), type);
}

/** A quoted literal meets its type: parsed here and now, so that an error points at it. */
static wend_status cast_literal(wendi_binder *binder, const wendi_expr *expr, wendi_type type, bool explicit_cast,
                                const wendi_expr **expr_out)
{
    wendi_value value = {.type = type};
    const char *reason = NULL;

    *expr_out = NULL;
    if (expr->constant.null) {
        value.type = resolve_numeric(wendi_type_of(WENDI_TYPE_BIGINT), type);
        value.null = true;
    } else if (type.kind == WENDI_TYPE_TEXT && type.length_max == 0) {
        value.string = expr->constant.string;
    } else if (type.kind == WENDI_TYPE_TEXT) {
        wendi_expr *text = wendi_expr_constant_at(binder->arena, &expr->constant, expr->position);
        if (text == NULL) {
            return wendi_binder_nomem(binder);
        }
        return wendi_binder_cast(binder, text, type, explicit_cast ? WENDI_CAST_EXPLICIT : WENDI_CAST_ASSIGNMENT,
                                 expr->position, expr_out);
    } else {
        type = literal_numeric(expr->constant.string, type);
        wend_status status = wendi_cast_text(type, expr->constant.string, binder->session->zone, &value, &reason);
        if (status != WEND_OK) {
            char message[256];
            wendi_cast_text_message(type, expr->constant.string, reason, message, sizeof message);
            status = wendi_fail_at(binder->error, WEND_INVALID, expr->position, "%s", message);
            if (reason != NULL) {
                wendi_error_hint(binder->error, "%s", reason);
            }
            return status;
        }
        value.type = type;
        value.null = false;
    }
    wendi_expr *constant = wendi_expr_constant_at(binder->arena, &value, expr->position);
    if (constant == NULL) {
        return wendi_binder_nomem(binder);
    }
    if (type.kind == WENDI_TYPE_TIMESTAMPTZ && !value.null) {
        constant->flags |= WENDI_EXPR_SESSION;
    }
    *expr_out = constant;
    return WEND_OK;
}

static bool same_enough(wendi_type from, wendi_type to)
{
    if (from.kind != to.kind) {
        return false;
    }
    if (to.kind == WENDI_TYPE_TEXT) {
        return to.length_max == 0 || (from.length_max != 0 && from.length_max <= to.length_max);
    }
    return wendi_type_equal(from, to);
}

wend_status wendi_binder_cast(wendi_binder *binder, const wendi_expr *expr, wendi_type type, wendi_cast_kind kind,
                              int32_t position, const wendi_expr **expr_out)
{
    char from_name[40];
    char to_name[40];

    if (wendi_is_unknown(expr)) {
        return cast_literal(binder, expr, type, kind == WENDI_CAST_EXPLICIT, expr_out);
    }
    type = resolve_numeric(expr->type, type);
    if (same_enough(expr->type, type)) {
        *expr_out = expr;
        return WEND_OK;
    }
    *expr_out = NULL;
    const wendi_function *function = wendi_cast_function(expr->type, type);
    if (type.kind == WENDI_TYPE_TEXT && expr->type.kind == WENDI_TYPE_TEXT && kind != WENDI_CAST_EXPLICIT) {
        function = wendi_cast_assigned_text();
    }
    if (function == NULL || !cast_allowed(expr->type, type, kind)) {
        wend_status status = wendi_fail_at(binder->error, WEND_INVALID, position, "cannot cast type %s to %s%s",
                                           wendi_type_name(expr->type, from_name), wendi_type_name(type, to_name),
                                           function == NULL ? "" : " without an explicit cast");
        if (function != NULL) {
            wendi_error_hint(binder->error, "write cast(… as %s)", to_name);
        }
        return status;
    }
    return wendi_binder_finish(
        binder, wendi_expr_call(binder->arena, function, type, position, binder->session, &expr, 1), expr_out);
}

bool wendi_type_common(wendi_type a, wendi_type b, wendi_type *common)
{
    *common = a;
    if (a.kind == WENDI_TYPE_NULL || b.kind == WENDI_TYPE_NULL) {
        *common = a.kind == WENDI_TYPE_NULL ? b : a;
        return true;
    }
    if (wendi_type_is_number(a) && wendi_type_is_number(b)) {
        if (is_float(a) || is_float(b)) {
            *common = number_rank(a) > number_rank(b) ? a : b;
        } else if (a.kind == WENDI_TYPE_NUMERIC || b.kind == WENDI_TYPE_NUMERIC) {
            wendi_type x = wendi_numeric_type_for(a);
            wendi_type y = wendi_numeric_type_for(b);
            uint32_t scale = x.scale > y.scale ? x.scale : y.scale;
            uint32_t whole = x.precision - x.scale > y.precision - y.scale ? x.precision - x.scale : y.precision - y.scale;
            *common = wendi_numeric_type(whole + scale, scale);
        } else {
            *common = a.kind > b.kind ? a : b;
        }
        return true;
    }
    if (a.kind == b.kind) {
        if (a.kind == WENDI_TYPE_TEXT && a.length_max != b.length_max) {
            common->length_max = 0;
        }
        return true;
    }
    if (cast_strength(a, b) == WENDI_CAST_IMPLICIT) {
        *common = b;
        return true;
    }
    return cast_strength(b, a) == WENDI_CAST_IMPLICIT;
}

wend_status wendi_binder_unify(wendi_binder *binder, const wendi_expr **args, uint32_t count,
                               const char *what, wendi_type *type)
{
    bool typed = false;
    char a_name[40];
    char b_name[40];

    *type = wendi_type_of(WENDI_TYPE_NULL);
    for (uint32_t i = 0; i < count; i++) {
        wendi_type common;
        if (wendi_is_unknown(args[i])) {
            continue;
        }
        if (!wendi_type_common(*type, args[i]->type, &common)) {
            return wendi_fail_at(binder->error, WEND_INVALID, args[i]->position, "%s types %s and %s cannot be matched",
                                 what, wendi_type_name(*type, a_name), wendi_type_name(args[i]->type, b_name));
        }
        *type = common;
        typed = true;
    }
    for (uint32_t i = 0; !typed && i < count; i++) { /* only literals: text, or a bare NULL */
        if (args[i]->type.kind != WENDI_TYPE_NULL) {
            *type = wendi_type_of(WENDI_TYPE_TEXT);
        }
    }
    for (uint32_t i = 0; type->kind != WENDI_TYPE_NULL && i < count; i++) {
        /* Values of one type already (varchars of several lengths) stay; numerics get one scale. */
        wend_status status =
            wendi_binder_cast(binder, args[i], *type, WENDI_CAST_IMPLICIT, args[i]->position, &args[i]);
        if (status != WEND_OK) {
            return status;
        }
    }
    return WEND_OK;
}
