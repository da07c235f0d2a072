/**
 * The registry of functions: one line a function, one kernel each. Operators and casts are entries
 * too, found by the binder through functions of their own instead of by name.
 *
 * A kernel computes whole columns. What all functions share happens around it (evaluator_call.c):
 * arguments are evaluated, calls of constants run once, a null argument gives null without
 * bothering the kernel, outputs are allocated.
 */
#ifndef WENDI_EXPR_FUNCTION_H
#define WENDI_EXPR_FUNCTION_H

#include "engine/column/vector.h"
#include "engine/expr/evaluator.h"
#include "engine/expr/expr.h"

enum { /* beyond WENDI_EXPR_RAISES, _SESSION and _NOW, which mean the same here */
    WENDI_FUNCTION_TOTAL = 16,    /* safe on the zero values of null rows: runs over them without looking */
    WENDI_FUNCTION_NULLS = 32,    /* sees null arguments itself and writes call->nulls */
    WENDI_FUNCTION_MAY_NULL = 64  /* null for null arguments as usual, and writes call->nulls for others */
};

/**
 * One run of a kernel. `args` have any form (strings may be DICTIONARY: read them with
 * wendi_vector_string()); their row_count covers the rows. Results go to out at the row's index.
 * Unless flagged TOTAL or NULLS no row of `rows` has a null argument.
 */
typedef struct wendi_call {
    wendi_evaluator *evaluator;
    const wendi_expr *node;
    const wendi_vector *args;
    uint32_t arg_count;
    wendi_selection rows;
    union {
        int64_t *i64;
        double *f64;
        wendi_b16 *b16;
        wendi_string *strings;
        void *data;
    } out;
    uint8_t *nulls; /* NULLS and MAY_NULL: zero for all rows at the start */
    wend_error *error;
} wendi_call;

typedef wend_status (*wendi_kernel)(wendi_call *call);
/** The rows of call->rows for which a boolean kernel would say true; the array may be theirs. Cannot fail. */
typedef uint32_t (*wendi_select_kernel)(const wendi_call *call, uint32_t *indices_out);

/**
 * `args` is a letter an argument: b boolean, i integers (any width), d double, n numeric, t text,
 * u uuid, a inet, D date, T timestamptz, S timestamp, I interval, j jsonb, x anything. A question
 * mark makes the argument before it and all later ones optional, a star lets the last one repeat (one or more).
 * `result` is one of those letters (i: bigint, 4: integer), or digits of an argument: "1" = the type of
 * the first. NULL: `result_type` decides.
 */
struct wendi_function {
    const char *name;
    const char *args;
    const char *result;
    uint32_t flags;
    wendi_kernel kernel;
    wendi_type (*result_type)(const wendi_expr *const *args, uint32_t arg_count);
    wendi_select_kernel select; /* comparisons: filters without a boolean column between; may be NULL */
    wend_status (*check)(const wendi_expr *call, wend_error *error); /* of constant arguments, at binding; may be NULL */
};

/** PostgreSQL's range of timestamps as far as 64 bits from 1970 reach: 4714-11-24 BC to the end of 294246. */
#define WENDI_TIMESTAMP_LEAST INT64_C(-210866803200000000)
#define WENDI_TIMESTAMP_GREATEST INT64_C(9223371331199999999)

/** Tables end with an entry whose name is NULL. */
extern const wendi_function wendi_math_functions[];
extern const wendi_function wendi_text_functions[];
extern const wendi_function wendi_pattern_functions[];
extern const wendi_function wendi_time_functions[];
extern const wendi_function wendi_json_functions[];
/** greatest and least of two or more of one type; nulls are passed over. */
const wendi_function *wendi_extreme_function(bool greatest, wendi_type type);

/** Comparison kernels: `operator_name` one of = <> < <= > >=; both sides have this type. */
const wendi_function *wendi_compare_function(const char *operator_name, wendi_type type);
/** + - * / % of two operands of one family: integers (range-checked to `result`), double, or numeric. */
const wendi_function *wendi_arithmetic_function(char operator_name, wendi_type result);
/** Date, time and interval arithmetic: NULL when there is no such operator. `result` gets its type. */
const wendi_function *wendi_time_operator(char operator_name, wendi_type left, wendi_type right, wendi_type *result);
/** The kernel of a cast; NULL when values need none (bigint to numeric(19,0) does, varchar to text does not). */
const wendi_function *wendi_cast_function(wendi_type from, wendi_type to);
/** Rows of a call, densely or by its selection. For kernels that do real work a row. */
#define WENDI_CALL_ROWS(call, row)                                                               \
    for (uint32_t row##_k = 0, row = 0;                                                          \
         row##_k < (call)->rows.count &&                                                         \
         (row = (call)->rows.indices == NULL ? row##_k : (call)->rows.indices[row##_k], true);   \
         row##_k++)

static inline int64_t wendi_arg_i64(const wendi_call *call, uint32_t arg, uint32_t row)
{
    return call->args[arg].i64[wendi_vector_index(&call->args[arg], row)];
}
static inline double wendi_arg_f64(const wendi_call *call, uint32_t arg, uint32_t row)
{
    return call->args[arg].f64[wendi_vector_index(&call->args[arg], row)];
}
static inline wendi_b16 wendi_arg_b16(const wendi_call *call, uint32_t arg, uint32_t row)
{
    return call->args[arg].b16[wendi_vector_index(&call->args[arg], row)];
}
static inline wendi_string wendi_arg_string(const wendi_call *call, uint32_t arg, uint32_t row)
{
    return wendi_vector_string(&call->args[arg], row);
}
static inline wendi_interval wendi_arg_interval(const wendi_call *call, uint32_t arg, uint32_t row)
{
    wendi_interval interval;
    wendi_b16 bytes = wendi_arg_b16(call, arg, row);

    memcpy(&interval, &bytes, sizeof interval);
    return interval;
}
static inline void wendi_out_interval(const wendi_call *call, uint32_t row, wendi_interval interval)
{
    memcpy(&call->out.b16[row], &interval, sizeof interval);
}
/** The session's time zone; only for functions flagged SESSION. */
static inline const wendi_timezone *wendi_call_zone(const wendi_call *call)
{
    return call->node->session->zone;
}
/** Does `value` fit the width of the integer type? */
static inline bool wendi_integer_fits(wendi_type type, int64_t value)
{
    return type.kind == WENDI_TYPE_SMALLINT  ? value == (int16_t)value
           : type.kind == WENDI_TYPE_INTEGER ? value == (int32_t)value
                                             : true;
}
/** A numeric of either width. */
static inline wendi_int128 wendi_arg_numeric(const wendi_call *call, uint32_t arg, uint32_t row)
{
    wendi_int128 value;
    wendi_b16 bytes;

    if (wendi_type_physical(call->args[arg].type) == WENDI_PHYSICAL_I64) {
        return wendi_arg_i64(call, arg, row);
    }
    bytes = wendi_arg_b16(call, arg, row);
    memcpy(&value, &bytes, sizeof value);
    return value;
}
/** Store a numeric in the width of the node's type; the caller has checked its precision. */
static inline void wendi_out_numeric(const wendi_call *call, uint32_t row, wendi_int128 value, bool wide)
{
    if (wide) {
        memcpy(&call->out.b16[row], &value, sizeof value);
    } else {
        call->out.i64[row] = (int64_t)value;
    }
}

/** The kernels of %, which mod() shares. */
wend_status wendi_modulo_integer(wendi_call *call);
wend_status wendi_modulo_numeric(wendi_call *call);

/** WEND_INVALID at the node's position. */
wend_status wendi_call_fail(const wendi_call *call, const char *format, ...) WEND_PRINTF(2, 3);
/** Refuse microseconds beyond the range of timestamps. */
wend_status wendi_call_check_time(const wendi_call *call, int64_t us);
/** Memory for a result string, until the evaluator is reset; NULL and a filled error when refused. */
char *wendi_call_bytes(const wendi_call *call, size_t bytes);
/** A result string that is a copy of `text`. */
wend_status wendi_call_string(const wendi_call *call, uint32_t row, const char *text, size_t length);
/** Compare the sixteen bytes of two values of `kind`: uuid, inet, interval or a wide numeric. */
int wendi_b16_compare(wendi_type_kind kind, wendi_b16 a, wendi_b16 b);

#endif
