/** Numbers: rounding, roots, logarithms, angles, and the greatest and least of several values. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/expr/function.h"
#include "engine/expr/numeric.h"

enum { RAISES = WENDI_EXPR_RAISES, TOTAL = WENDI_FUNCTION_TOTAL };

static bool is_wide(wendi_type type)
{
    return wendi_type_physical(type) == WENDI_PHYSICAL_B16;
}

static wend_status overflow(const wendi_call *call)
{
    return wendi_call_fail(call, "numeric overflow");
}

static wend_status abs_integer(wendi_call *call)
{
    WENDI_CALL_ROWS(call, row)
    {
        int64_t value = wendi_arg_i64(call, 0, row);
        char name[40];
        wendi_type type = call->node->type;
        bool least = value == INT64_MIN || (type.kind == WENDI_TYPE_INTEGER && value == INT32_MIN) ||
                     (type.kind == WENDI_TYPE_SMALLINT && value == INT16_MIN);
        if (least) {
            return wendi_call_fail(call, "%s out of range", wendi_type_name(type, name));
        }
        call->out.i64[row] = value < 0 ? -value : value;
    }
    return WEND_OK;
}

static wend_status abs_numeric(wendi_call *call)
{
    WENDI_CALL_ROWS(call, row)
    {
        wendi_int128 value = wendi_arg_numeric(call, 0, row);
        wendi_out_numeric(call, row, value < 0 ? -value : value, is_wide(call->node->type));
    }
    return WEND_OK;
}

static wend_status sign_numeric(wendi_call *call)
{
    WENDI_CALL_ROWS(call, row)
    {
        wendi_int128 value = wendi_arg_numeric(call, 0, row);
        wendi_out_numeric(call, row, (value > 0) - (value < 0), is_wide(call->node->type));
    }
    return WEND_OK;
}

/** Digits that a rounding function is asked to keep: its second argument, 0 without one. */
static int64_t digits_at(const wendi_call *call, uint32_t row)
{
    int64_t digits = call->arg_count < 2 ? 0 : wendi_arg_i64(call, 1, row);
    return digits > 38 ? 38 : digits < -38 ? -38 : digits;
}

typedef bool (*rescale_function)(wendi_int128, uint32_t, uint32_t, wendi_int128 *);

/** To `digits` behind the point (or before it, when negative), at the node's scale. */
static bool round_to(const wendi_call *call, wendi_int128 value, int64_t digits, rescale_function rescale,
                     wendi_int128 *result)
{
    uint32_t scale = call->args[0].type.scale;

    if (digits < 0) {
        int64_t drop = (int64_t)scale - digits;
        if (drop > 38) {
            *result = 0;
            return true;
        }
        rescale(value, (uint32_t)drop, 0, &value);
        return wendi_numeric_rescale(value, 0, (uint32_t)-digits, &value) &&
               wendi_numeric_rescale(value, 0, call->node->type.scale, result);
    }
    if (digits < scale) {
        rescale(value, scale, (uint32_t)digits, &value);
        scale = (uint32_t)digits;
    }
    return wendi_numeric_rescale(value, scale, call->node->type.scale, result);
}

static wend_status round_with(wendi_call *call, rescale_function rescale)
{
    wendi_type type = call->node->type;

    WENDI_CALL_ROWS(call, row)
    {
        wendi_int128 value;
        if (!round_to(call, wendi_arg_numeric(call, 0, row), digits_at(call, row), rescale, &value) ||
            !wendi_numeric_fits(value, type.precision)) {
            return overflow(call);
        }
        wendi_out_numeric(call, row, value, is_wide(type));
    }
    return WEND_OK;
}

static wend_status round_numeric(wendi_call *call)
{
    return round_with(call, wendi_numeric_rescale);
}

static wend_status trunc_numeric(wendi_call *call)
{
    return round_with(call, wendi_numeric_truncate);
}

/** Of doubles to decimal places: by the decimal text of the value, which is what a reader expects. */
static wend_status round_places(wendi_call *call)
{
    WENDI_CALL_ROWS(call, row)
    {
        double value = wendi_arg_f64(call, 0, row);
        int64_t digits = wendi_arg_i64(call, 1, row);
        char text[400];
        if (!isfinite(value) || digits > 300 || digits < -300) {
            call->out.f64[row] = digits < -300 ? 0.0 : value;
        } else if (digits < 0) {
            double unit = pow(10, (double)-digits);
            call->out.f64[row] = rint(value / unit) * unit;
        } else if (fabs(value) >= 0x1p53) {
            call->out.f64[row] = value;
        } else {
            snprintf(text, sizeof text, "%.*f", (int)digits, value);
            call->out.f64[row] = strtod(text, NULL);
        }
    }
    return WEND_OK;
}

static wend_status floor_numeric(wendi_call *call)
{
    WENDI_CALL_ROWS(call, row)
    {
        wendi_int128 unit = wendi_power_of_ten(call->args[0].type.scale);
        wendi_int128 value = wendi_arg_numeric(call, 0, row);
        wendi_out_numeric(call, row, value / unit - (value % unit < 0), is_wide(call->node->type));
    }
    return WEND_OK;
}

static wend_status ceil_numeric(wendi_call *call)
{
    WENDI_CALL_ROWS(call, row)
    {
        wendi_int128 unit = wendi_power_of_ten(call->args[0].type.scale);
        wendi_int128 value = wendi_arg_numeric(call, 0, row);
        wendi_out_numeric(call, row, value / unit + (value % unit > 0), is_wide(call->node->type));
    }
    return WEND_OK;
}

static wendi_type whole_type(const wendi_expr *const *args, uint32_t arg_count)
{
    (void)arg_count;
    return wendi_numeric_type((uint32_t)(args[0]->type.precision - args[0]->type.scale) + 1, 0);
}

static wendi_type sign_type(const wendi_expr *const *args, uint32_t arg_count)
{
    (void)args;
    (void)arg_count;
    return wendi_numeric_type(1, 0);
}

/** round(x, 2) has two digits behind the point when the 2 is a constant, else those of x. */
static wendi_type rounded_type(const wendi_expr *const *args, uint32_t arg_count)
{
    wendi_type from = args[0]->type;
    uint32_t scale = 0;

    if (arg_count == 2) {
        const wendi_value *digits = wendi_expr_value(args[1]);
        scale = from.scale;
        if (digits != NULL && !digits->null) {
            scale = digits->i64 < 0 ? 0 : digits->i64 > 38 ? 38 : (uint32_t)digits->i64;
        }
    }
    return wendi_numeric_type((uint32_t)(from.precision - from.scale) + 1 + scale, scale);
}

static wendi_type wider_type(const wendi_expr *const *args, uint32_t arg_count)
{
    (void)arg_count;
    return args[0]->type.kind > args[1]->type.kind ? args[0]->type : args[1]->type;
}

static wendi_type modulo_type(const wendi_expr *const *args, uint32_t arg_count)
{
    (void)arg_count;
    return wendi_numeric_modulo_type(args[0]->type, args[1]->type);
}

#define DOUBLE_FUNCTION(NAME, REFUSED, MESSAGE, EXPRESSION)                                        \
    static wend_status NAME(wendi_call *call)                                                      \
    {                                                                                              \
        WENDI_CALL_ROWS(call, row)                                                                 \
        {                                                                                          \
            double x = wendi_arg_f64(call, 0, row);                                                \
            if (REFUSED) {                                                                         \
                return wendi_call_fail(call, "%s", MESSAGE);                                       \
            }                                                                                      \
            call->out.f64[row] = EXPRESSION;                                                       \
        }                                                                                          \
        return WEND_OK;                                                                            \
    }

#define LOG_REFUSED (x == 0 ? "cannot take logarithm of zero" : "cannot take logarithm of a negative number")
DOUBLE_FUNCTION(abs_double, false, "", fabs(x))
DOUBLE_FUNCTION(round_double, false, "", rint(x))
DOUBLE_FUNCTION(trunc_double, false, "", trunc(x))
DOUBLE_FUNCTION(floor_double, false, "", floor(x))
DOUBLE_FUNCTION(ceil_double, false, "", ceil(x))
DOUBLE_FUNCTION(sign_double, false, "", isnan(x) ? x : (double)((x > 0) - (x < 0)))
DOUBLE_FUNCTION(sqrt_double, x < 0, "cannot take square root of a negative number", sqrt(x))
DOUBLE_FUNCTION(cbrt_double, false, "", cbrt(x))
DOUBLE_FUNCTION(ln_double, x <= 0, LOG_REFUSED, log(x))
DOUBLE_FUNCTION(log10_double, x <= 0, LOG_REFUSED, log10(x))
DOUBLE_FUNCTION(exp_double, isfinite(x) && isinf(exp(x)), "value out of range: overflow", exp(x))
DOUBLE_FUNCTION(sin_double, isinf(x), "input is out of range", sin(x))
DOUBLE_FUNCTION(cos_double, isinf(x), "input is out of range", cos(x))
DOUBLE_FUNCTION(tan_double, isinf(x), "input is out of range", tan(x))
DOUBLE_FUNCTION(asin_double, x < -1 || x > 1, "input is out of range", asin(x))
DOUBLE_FUNCTION(acos_double, x < -1 || x > 1, "input is out of range", acos(x))
DOUBLE_FUNCTION(atan_double, false, "", atan(x))
DOUBLE_FUNCTION(degrees_double, false, "", x * (180.0 / M_PI))
DOUBLE_FUNCTION(radians_double, false, "", x * (M_PI / 180.0))

static wend_status power_double(wendi_call *call)
{
    WENDI_CALL_ROWS(call, row)
    {
        double x = wendi_arg_f64(call, 0, row);
        double y = wendi_arg_f64(call, 1, row);
        if (x == 0 && y < 0) {
            return wendi_call_fail(call, "zero raised to a negative power is undefined");
        }
        if (x < 0 && isfinite(y) && floor(y) != y) {
            return wendi_call_fail(call, "a negative number raised to a non-integer power yields a complex result");
        }
        double result = pow(x, y);
        if (isinf(result) && isfinite(x) && isfinite(y)) {
            return wendi_call_fail(call, "value out of range: overflow");
        }
        call->out.f64[row] = result;
    }
    return WEND_OK;
}

static wend_status log_base(wendi_call *call)
{
    WENDI_CALL_ROWS(call, row)
    {
        double base = wendi_arg_f64(call, 0, row);
        double x = wendi_arg_f64(call, 1, row);
        if (base <= 0 || x <= 0) {
            return wendi_call_fail(call, base == 0 || x == 0 ? "cannot take logarithm of zero"
                                                             : "cannot take logarithm of a negative number");
        }
        if (base == 1) {
            return wendi_call_fail(call, "division by zero");
        }
        call->out.f64[row] = log(x) / log(base);
    }
    return WEND_OK;
}

static wend_status atan2_double(wendi_call *call)
{
    WENDI_CALL_ROWS(call, row)
    {
        call->out.f64[row] = atan2(wendi_arg_f64(call, 0, row), wendi_arg_f64(call, 1, row));
    }
    return WEND_OK;
}

static wend_status pi_double(wendi_call *call)
{
    WENDI_CALL_ROWS(call, row)
    {
        call->out.f64[row] = M_PI;
    }
    return WEND_OK;
}

/** Is the value of arg `a` at the row above that of arg `b`? NaN is above all. */
static bool above(const wendi_call *call, uint32_t a, uint32_t b, uint32_t row)
{
    wendi_type type = call->node->type;

    switch (wendi_type_physical(type)) {
    case WENDI_PHYSICAL_I64:
        return wendi_arg_i64(call, a, row) > wendi_arg_i64(call, b, row);
    case WENDI_PHYSICAL_F64: {
        double x = wendi_arg_f64(call, a, row);
        double y = wendi_arg_f64(call, b, row);
        return x > y || (isnan(x) && !isnan(y));
    }
    case WENDI_PHYSICAL_B16:
        return wendi_b16_compare((wendi_type_kind)type.kind, wendi_arg_b16(call, a, row), wendi_arg_b16(call, b, row)) > 0;
    case WENDI_PHYSICAL_STRING:
        break;
    }
    return wendi_string_compare(wendi_arg_string(call, a, row), wendi_arg_string(call, b, row)) > 0;
}

static wend_status extreme(wendi_call *call, bool greatest)
{
    WENDI_CALL_ROWS(call, row)
    {
        int64_t best = -1;
        for (uint32_t i = 0; i < call->arg_count; i++) {
            if (wendi_vector_is_null(&call->args[i], row)) {
                continue;
            }
            if (best < 0 || (greatest ? above(call, i, (uint32_t)best, row) : above(call, (uint32_t)best, i, row))) {
                best = i;
            }
        }
        uint32_t arg = best < 0 ? 0 : (uint32_t)best;
        call->nulls[row] = best < 0;
        switch (wendi_type_physical(call->node->type)) {
        case WENDI_PHYSICAL_I64:
            call->out.i64[row] = wendi_arg_i64(call, arg, row);
            break;
        case WENDI_PHYSICAL_F64:
            call->out.f64[row] = wendi_arg_f64(call, arg, row);
            break;
        case WENDI_PHYSICAL_B16:
            call->out.b16[row] = wendi_arg_b16(call, arg, row);
            break;
        case WENDI_PHYSICAL_STRING:
            call->out.strings[row] = wendi_arg_string(call, arg, row);
            break;
        }
    }
    return WEND_OK;
}

static wend_status greatest_kernel(wendi_call *call)
{
    return extreme(call, true);
}

static wend_status least_kernel(wendi_call *call)
{
    return extreme(call, false);
}

const wendi_function *wendi_extreme_function(bool greatest, wendi_type type)
{
    static const wendi_function functions[2] = {
        {.name = "least", .args = "x*", .result = "1", .flags = WENDI_FUNCTION_NULLS, .kernel = least_kernel},
        {.name = "greatest", .args = "x*", .result = "1", .flags = WENDI_FUNCTION_NULLS, .kernel = greatest_kernel}};

    (void)type;
    return &functions[greatest];
}

#define FUNCTION(NAME, ARGS, RESULT, FLAGS, KERNEL) {.name = NAME, .args = ARGS, .result = RESULT, .flags = FLAGS, .kernel = KERNEL}
#define TYPED(NAME, ARGS, TYPE, FLAGS, KERNEL) {.name = NAME, .args = ARGS, .flags = FLAGS, .kernel = KERNEL, .result_type = TYPE}

const wendi_function wendi_math_functions[] = {
    FUNCTION("abs", "i", "1", RAISES, abs_integer),
    FUNCTION("abs", "n", "1", 0, abs_numeric),
    FUNCTION("abs", "d", "d", TOTAL, abs_double),
    FUNCTION("acos", "d", "d", RAISES, acos_double),
    FUNCTION("asin", "d", "d", RAISES, asin_double),
    FUNCTION("atan", "d", "d", TOTAL, atan_double),
    FUNCTION("atan2", "dd", "d", TOTAL, atan2_double),
    FUNCTION("cbrt", "d", "d", TOTAL, cbrt_double),
    FUNCTION("ceil", "d", "d", TOTAL, ceil_double),
    TYPED("ceil", "n", whole_type, 0, ceil_numeric),
    FUNCTION("ceiling", "d", "d", TOTAL, ceil_double),
    TYPED("ceiling", "n", whole_type, 0, ceil_numeric),
    FUNCTION("cos", "d", "d", RAISES, cos_double),
    FUNCTION("degrees", "d", "d", TOTAL, degrees_double),
    FUNCTION("exp", "d", "d", RAISES, exp_double),
    FUNCTION("floor", "d", "d", TOTAL, floor_double),
    TYPED("floor", "n", whole_type, 0, floor_numeric),
    FUNCTION("ln", "d", "d", RAISES, ln_double),
    FUNCTION("log", "d", "d", RAISES, log10_double),
    FUNCTION("log", "dd", "d", RAISES, log_base),
    FUNCTION("log10", "d", "d", RAISES, log10_double),
    TYPED("mod", "ii", wider_type, RAISES, wendi_modulo_integer),
    TYPED("mod", "nn", modulo_type, RAISES, wendi_modulo_numeric),
    FUNCTION("pi", "", "d", 0, pi_double),
    FUNCTION("pow", "dd", "d", RAISES, power_double),
    FUNCTION("power", "dd", "d", RAISES, power_double),
    FUNCTION("radians", "d", "d", TOTAL, radians_double),
    FUNCTION("round", "d", "d", TOTAL, round_double),
    TYPED("round", "n", rounded_type, RAISES, round_numeric),
    TYPED("round", "ni", rounded_type, RAISES, round_numeric),
    FUNCTION("round", "di", "d", TOTAL, round_places),
    FUNCTION("sign", "d", "d", TOTAL, sign_double),
    TYPED("sign", "n", sign_type, 0, sign_numeric),
    FUNCTION("sin", "d", "d", RAISES, sin_double),
    FUNCTION("sqrt", "d", "d", RAISES, sqrt_double),
    FUNCTION("tan", "d", "d", RAISES, tan_double),
    FUNCTION("trunc", "d", "d", TOTAL, trunc_double),
    TYPED("trunc", "n", rounded_type, RAISES, trunc_numeric),
    TYPED("trunc", "ni", rounded_type, RAISES, trunc_numeric),
    {.name = NULL}};
