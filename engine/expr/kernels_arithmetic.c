/**
 * + - * / % of integers, doubles and numerics. A result out of its type's range is an error, and so is
 * division by zero; the loops only collect whether it happened, so that they stay branchless.
 */
#include "engine/expr/kernel_loops.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "engine/expr/numeric.h"

static wend_status out_of_range(const wendi_call *call)
{
    char name[40];
    return wendi_call_fail(call, "%s out of range", wendi_type_name(call->node->type, name));
}

#define CHECKED_INTEGER(NAME, BUILTIN, NARROW)                                                     \
    static wend_status NAME(wendi_call *call)                                                      \
    {                                                                                              \
        const int64_t *const a = call->args[0].i64;                                                \
        const int64_t *const b = call->args[1].i64;                                                \
        int64_t *const restrict out = call->out.i64;                                               \
        uint64_t bad = 0;                                                                          \
        WENDI_LOOP_2(call, BUILTIN##_##NARROW);                                                    \
        return bad ? out_of_range(call) : WEND_OK;                                                 \
    }
/* Operands of the narrow types lie in int32, so int64 holds every result and one comparison checks it. */
#define NARROW_BODY(NARROW, OPERATION)                                                             \
    int64_t result = OPERATION;                                                                    \
    out[row] = result;                                                                             \
    bad |= (uint64_t)(result ^ (NARROW)result);
#define WIDE_BODY(BUILTIN, ia, ib)                                                                 \
    int64_t result;                                                                                \
    bad |= BUILTIN(a[ia], b[ib], &result);                                                         \
    out[row] = result;
#define ADD_int16_t(row, ia, ib) NARROW_BODY(int16_t, a[ia] + b[ib])
#define ADD_int32_t(row, ia, ib) NARROW_BODY(int32_t, a[ia] + b[ib])
#define ADD_int64_t(row, ia, ib) WIDE_BODY(__builtin_add_overflow, ia, ib)
#define SUB_int16_t(row, ia, ib) NARROW_BODY(int16_t, a[ia] - b[ib])
#define SUB_int32_t(row, ia, ib) NARROW_BODY(int32_t, a[ia] - b[ib])
#define SUB_int64_t(row, ia, ib) WIDE_BODY(__builtin_sub_overflow, ia, ib)
#define MUL_int16_t(row, ia, ib) NARROW_BODY(int16_t, a[ia] * b[ib])
#define MUL_int32_t(row, ia, ib) NARROW_BODY(int32_t, a[ia] * b[ib])
#define MUL_int64_t(row, ia, ib) WIDE_BODY(__builtin_mul_overflow, ia, ib)

CHECKED_INTEGER(add_i16, ADD, int16_t)
CHECKED_INTEGER(add_i32, ADD, int32_t)
CHECKED_INTEGER(add_i64, ADD, int64_t)
CHECKED_INTEGER(subtract_i16, SUB, int16_t)
CHECKED_INTEGER(subtract_i32, SUB, int32_t)
CHECKED_INTEGER(subtract_i64, SUB, int64_t)
CHECKED_INTEGER(multiply_i16, MUL, int16_t)
CHECKED_INTEGER(multiply_i32, MUL, int32_t)
CHECKED_INTEGER(multiply_i64, MUL, int64_t)

static wend_status divide_integer(wendi_call *call)
{
    WENDI_CALL_ROWS(call, row)
    {
        int64_t a = wendi_arg_i64(call, 0, row);
        int64_t b = wendi_arg_i64(call, 1, row);
        if (b == 0) {
            return wendi_call_fail(call, "division by zero");
        }
        if (b == -1) {
            int64_t result;
            if (__builtin_sub_overflow(0, a, &result) || !wendi_integer_fits(call->node->type, result)) {
                return out_of_range(call);
            }
            call->out.i64[row] = result;
        } else {
            call->out.i64[row] = a / b;
        }
    }
    return WEND_OK;
}

wend_status wendi_modulo_integer(wendi_call *call)
{
    WENDI_CALL_ROWS(call, row)
    {
        int64_t b = wendi_arg_i64(call, 1, row);
        if (b == 0) {
            return wendi_call_fail(call, "division by zero");
        }
        call->out.i64[row] = b == -1 ? 0 : wendi_arg_i64(call, 0, row) % b;
    }
    return WEND_OK;
}

/** Infinite from finite operands, in the precision of the result's type. */
#define FLOATING(NAME, OPERATION, VANISHES)                                                        \
    static wend_status NAME(wendi_call *call)                                                      \
    {                                                                                              \
        const double *const a = call->args[0].f64;                                                 \
        const double *const b = call->args[1].f64;                                                 \
        double *const restrict out = call->out.f64;                                                \
        const bool narrow = call->node->type.kind == WENDI_TYPE_REAL;                              \
        int over = 0;                                                                              \
        int under = 0;                                                                             \
        WENDI_LOOP_2(call, FLOATING_BODY_##OPERATION##_##VANISHES);                                \
        return over ? wendi_call_fail(call, "value out of range: overflow")                        \
               : under ? wendi_call_fail(call, "value out of range: underflow")                    \
                       : WEND_OK;                                                                  \
    }
#define FLOATING_BODY(EXPRESSION, ia, ib)                                                          \
    double result = EXPRESSION;                                                                    \
    result = narrow ? (double)(float)result : result;                                              \
    out[row] = result;                                                                             \
    over |= (fabs(result) == (double)INFINITY) & (fabs(a[ia]) != (double)INFINITY) &               \
            (fabs(b[ib]) != (double)INFINITY);
#define FLOATING_BODY_add_never(row, ia, ib) FLOATING_BODY(a[ia] + b[ib], ia, ib)
#define FLOATING_BODY_subtract_never(row, ia, ib) FLOATING_BODY(a[ia] - b[ib], ia, ib)
#define FLOATING_BODY_multiply_may(row, ia, ib)                                                    \
    FLOATING_BODY(a[ia] * b[ib], ia, ib)                                                           \
    under |= (result == 0) & (a[ia] != 0) & (b[ib] != 0);

FLOATING(add_f64, add, never)
FLOATING(subtract_f64, subtract, never)
FLOATING(multiply_f64, multiply, may)

static wend_status divide_f64(wendi_call *call)
{
    bool narrow = call->node->type.kind == WENDI_TYPE_REAL;

    WENDI_CALL_ROWS(call, row)
    {
        double a = wendi_arg_f64(call, 0, row);
        double b = wendi_arg_f64(call, 1, row);
        if (b == 0 && !isnan(a)) {
            return wendi_call_fail(call, "division by zero");
        }
        double result = isnan(a) ? a : a / b;
        result = narrow ? (double)(float)result : result;
        if (isinf(result) && !isinf(a)) {
            return wendi_call_fail(call, "value out of range: overflow");
        }
        if (result == 0 && a != 0 && !isinf(b)) {
            return wendi_call_fail(call, "value out of range: underflow");
        }
        call->out.f64[row] = result;
    }
    return WEND_OK;
}

static wend_status overflow(const wendi_call *call)
{
    wend_status status = wendi_call_fail(call, "numeric overflow");
    wendi_error_hint(call->error, "numeric holds 38 digits here: cast an operand to double precision or to fewer digits");
    return status;
}

/** a·10^x ± b·10^y where the result's precision says that 64 bits hold it. */
static wend_status add_narrow(wendi_call *call, int sign)
{
    const int64_t *const a = call->args[0].i64;
    const int64_t *const b = call->args[1].i64;
    int64_t *const restrict out = call->out.i64;
    uint32_t scale = call->node->type.scale;
    const int64_t a_factor = (int64_t)wendi_power_of_ten(scale - call->args[0].type.scale);
    const int64_t b_factor = (int64_t)wendi_power_of_ten(scale - call->args[1].type.scale) * sign;
#define BODY(row, ia, ib) out[row] = a[ia] * a_factor + b[ib] * b_factor;
    WENDI_LOOP_2(call, BODY);
#undef BODY
    return WEND_OK;
}

static wend_status add_numeric_signed(wendi_call *call, int sign)
{
    uint32_t scale = call->node->type.scale;
    bool wide = wendi_type_physical(call->node->type) == WENDI_PHYSICAL_B16;

    if (!wide) {
        return add_narrow(call, sign);
    }
    WENDI_CALL_ROWS(call, row)
    {
        wendi_int128 a;
        wendi_int128 b;
        wendi_int128 sum;
        if (!wendi_numeric_rescale(wendi_arg_numeric(call, 0, row), call->args[0].type.scale, scale, &a) ||
            !wendi_numeric_rescale(wendi_arg_numeric(call, 1, row), call->args[1].type.scale, scale, &b) ||
            __builtin_add_overflow(a, b * sign, &sum) || !wendi_numeric_fits(sum, WENDI_NUMERIC_PRECISION_MAX)) {
            return overflow(call);
        }
        wendi_out_numeric(call, row, sum, wide);
    }
    return WEND_OK;
}

static wend_status add_numeric(wendi_call *call)
{
    return add_numeric_signed(call, 1);
}

static wend_status subtract_numeric(wendi_call *call)
{
    return add_numeric_signed(call, -1);
}

static wend_status multiply_numeric(wendi_call *call)
{
    wendi_type type = call->node->type;
    bool wide = wendi_type_physical(type) == WENDI_PHYSICAL_B16;

    if (!wide) {
        const int64_t *const a = call->args[0].i64;
        const int64_t *const b = call->args[1].i64;
        int64_t *const restrict out = call->out.i64;
#define BODY(row, ia, ib) out[row] = a[ia] * b[ib];
        WENDI_LOOP_2(call, BODY);
#undef BODY
        return WEND_OK;
    }
    bool narrow_args = wendi_type_physical(call->args[0].type) == WENDI_PHYSICAL_I64 &&
                       wendi_type_physical(call->args[1].type) == WENDI_PHYSICAL_I64;
    if (narrow_args && type.scale == call->args[0].type.scale + call->args[1].type.scale) {
        const int64_t *const a = call->args[0].i64;
        const int64_t *const b = call->args[1].i64;
        wendi_b16 *const out = call->out.b16;
#define BODY(row, ia, ib)                                                                          \
    wendi_int128 product = (wendi_int128)a[ia] * b[ib]; /* of 18 digits each: it fits */           \
    memcpy(&out[row], &product, sizeof product);
        WENDI_LOOP_2(call, BODY);
#undef BODY
        return WEND_OK;
    }
    WENDI_CALL_ROWS(call, row)
    {
        wendi_int128 product;
        if (!wendi_numeric_multiply(wendi_arg_numeric(call, 0, row), call->args[0].type.scale,
                                    wendi_arg_numeric(call, 1, row), call->args[1].type.scale, type.scale, &product)) {
            return overflow(call);
        }
        wendi_out_numeric(call, row, product, wide);
    }
    return WEND_OK;
}

static wend_status divide_numeric(wendi_call *call)
{
    wendi_type type = call->node->type;

    assert(wendi_type_physical(type) == WENDI_PHYSICAL_B16);
    WENDI_CALL_ROWS(call, row)
    {
        wendi_int128 quotient;
        wendi_int128 divisor = wendi_arg_numeric(call, 1, row);
        if (divisor == 0) {
            return wendi_call_fail(call, "division by zero");
        }
        if (!wendi_numeric_divide(wendi_arg_numeric(call, 0, row), call->args[0].type.scale, divisor,
                                  call->args[1].type.scale, type.scale, &quotient)) {
            return overflow(call);
        }
        wendi_out_numeric(call, row, quotient, true);
    }
    return WEND_OK;
}

wend_status wendi_modulo_numeric(wendi_call *call)
{
    wendi_type type = call->node->type;
    bool wide = wendi_type_physical(type) == WENDI_PHYSICAL_B16;

    WENDI_CALL_ROWS(call, row)
    {
        wendi_int128 a;
        wendi_int128 b;
        if (!wendi_numeric_rescale(wendi_arg_numeric(call, 0, row), call->args[0].type.scale, type.scale, &a) ||
            !wendi_numeric_rescale(wendi_arg_numeric(call, 1, row), call->args[1].type.scale, type.scale, &b)) {
            return overflow(call);
        }
        if (b == 0) {
            return wendi_call_fail(call, "division by zero");
        }
        wendi_out_numeric(call, row, a % b, wide);
    }
    return WEND_OK;
}

#define ARITHMETIC(NAME, KERNEL, FLAGS) {.name = NAME, .args = "11", .flags = FLAGS, .kernel = KERNEL}
#define RAISES WENDI_EXPR_RAISES
static const wendi_function integer_functions[3][5] = {
    {ARITHMETIC("+", add_i16, RAISES), ARITHMETIC("-", subtract_i16, RAISES), ARITHMETIC("*", multiply_i16, RAISES),
     ARITHMETIC("/", divide_integer, RAISES), ARITHMETIC("%", wendi_modulo_integer, RAISES)},
    {ARITHMETIC("+", add_i32, RAISES), ARITHMETIC("-", subtract_i32, RAISES), ARITHMETIC("*", multiply_i32, RAISES),
     ARITHMETIC("/", divide_integer, RAISES), ARITHMETIC("%", wendi_modulo_integer, RAISES)},
    {ARITHMETIC("+", add_i64, RAISES), ARITHMETIC("-", subtract_i64, RAISES), ARITHMETIC("*", multiply_i64, RAISES),
     ARITHMETIC("/", divide_integer, RAISES), ARITHMETIC("%", wendi_modulo_integer, RAISES)}};
static const wendi_function double_functions[4] = {
    ARITHMETIC("+", add_f64, RAISES), ARITHMETIC("-", subtract_f64, RAISES), ARITHMETIC("*", multiply_f64, RAISES),
    ARITHMETIC("/", divide_f64, RAISES)};
static const wendi_function numeric_functions[5] = {
    ARITHMETIC("+", add_numeric, RAISES), ARITHMETIC("-", subtract_numeric, RAISES),
    ARITHMETIC("*", multiply_numeric, RAISES), ARITHMETIC("/", divide_numeric, RAISES),
    ARITHMETIC("%", wendi_modulo_numeric, RAISES)};

const wendi_function *wendi_arithmetic_function(char operator_name, wendi_type result)
{
    const char *all = "+-*/%";
    const char *at = strchr(all, operator_name);

    if (at == NULL) {
        return NULL;
    }
    switch (result.kind) {
    case WENDI_TYPE_SMALLINT:
    case WENDI_TYPE_INTEGER:
    case WENDI_TYPE_BIGINT:
        return &integer_functions[result.kind - WENDI_TYPE_SMALLINT][at - all];
    case WENDI_TYPE_REAL:
    case WENDI_TYPE_DOUBLE:
        return operator_name == '%' ? NULL : &double_functions[at - all];
    case WENDI_TYPE_NUMERIC:
        return &numeric_functions[at - all];
    default:
        return NULL;
    }
}
