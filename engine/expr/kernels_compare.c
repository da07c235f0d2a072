/**
 * Comparisons: six operators for each way to hold a value, as columns of booleans and as filters.
 * Doubles order NaN above everything and equal to itself; text goes by bytes.
 *
 * Each loop is written once for all operators with the operator as a constant argument, and inlined
 * into six kernels.
 */
#include "engine/expr/kernel_loops.h"

#include <assert.h>
#include <string.h>

#include "engine/column/calendar.h"

#define ALWAYS_INLINE static inline __attribute__((always_inline))

typedef enum compare_op { EQ, NE, LT, LE, GT, GE } compare_op;

ALWAYS_INLINE int64_t holds_i64(compare_op op, int64_t a, int64_t b)
{
    switch (op) {
    case EQ:
        return a == b;
    case NE:
        return a != b;
    case LT:
        return a < b;
    case LE:
        return a <= b;
    case GT:
        return a > b;
    case GE:
        return a >= b;
    }
    return 0;
}

ALWAYS_INLINE int64_t below_f64(double a, double b)
{
    return (a < b) | ((a == a) & (b != b));
}

ALWAYS_INLINE int64_t same_f64(double a, double b)
{
    return (a == b) | ((a != a) & (b != b));
}

ALWAYS_INLINE int64_t holds_f64(compare_op op, double a, double b)
{
    switch (op) {
    case EQ:
        return same_f64(a, b);
    case NE:
        return !same_f64(a, b);
    case LT:
        return below_f64(a, b);
    case LE:
        return !below_f64(b, a);
    case GT:
        return below_f64(b, a);
    case GE:
        return !below_f64(a, b);
    }
    return 0;
}

int wendi_b16_compare(wendi_type_kind kind, wendi_b16 a, wendi_b16 b)
{
    if (kind == WENDI_TYPE_NUMERIC) {
        wendi_int128 x; /* wendi_value_compare() would ask for the precision, which is not at hand */
        wendi_int128 y;
        memcpy(&x, &a, sizeof x);
        memcpy(&y, &b, sizeof y);
        return (x > y) - (x < y);
    }
    const wendi_value left = {.type = wendi_type_of(kind), .b16 = a};
    const wendi_value right = {.type = wendi_type_of(kind), .b16 = b};
    return wendi_value_compare(&left, &right);
}

/** Strings and sixteen bytes: one comparison a row decides all operators. */
static int order_slow(const wendi_call *call, uint32_t row)
{
    if (wendi_type_physical(call->args[0].type) == WENDI_PHYSICAL_STRING) {
        return wendi_string_compare(wendi_arg_string(call, 0, row), wendi_arg_string(call, 1, row));
    }
    return wendi_b16_compare((wendi_type_kind)call->args[0].type.kind, wendi_arg_b16(call, 0, row),
                             wendi_arg_b16(call, 1, row));
}

ALWAYS_INLINE void compare_i64(wendi_call *call, compare_op op)
{
    const int64_t *const a = call->args[0].i64;
    const int64_t *const b = call->args[1].i64;
    int64_t *const restrict out = call->out.i64;
#define BODY(row, ia, ib) out[row] = holds_i64(op, a[ia], b[ib]);
    WENDI_LOOP_2(call, BODY);
#undef BODY
}

ALWAYS_INLINE void compare_f64(wendi_call *call, compare_op op)
{
    const double *const a = call->args[0].f64;
    const double *const b = call->args[1].f64;
    int64_t *const restrict out = call->out.i64;
#define BODY(row, ia, ib) out[row] = holds_f64(op, a[ia], b[ib]);
    WENDI_LOOP_2(call, BODY);
#undef BODY
}

ALWAYS_INLINE void compare_slow(wendi_call *call, compare_op op)
{
    WENDI_CALL_ROWS(call, row)
    {
        call->out.i64[row] = holds_i64(op, order_slow(call, row), 0);
    }
}

static bool without_nulls(const wendi_call *call)
{
    return call->args[0].nulls == NULL && call->args[1].nulls == NULL;
}

static bool null_at(const wendi_call *call, uint32_t row)
{
    return wendi_vector_is_null(&call->args[0], row) || wendi_vector_is_null(&call->args[1], row);
}

ALWAYS_INLINE uint32_t select_i64(const wendi_call *call, uint32_t *indices_out, compare_op op)
{
    const int64_t *const a = call->args[0].i64;
    const int64_t *const b = call->args[1].i64;
    uint32_t count = 0;
#define BODY(row, ia, ib)                                                                          \
    indices_out[count] = row;                                                                      \
    count += (uint32_t)holds_i64(op, a[ia], b[ib]);
#define NULLS_BODY(row, ia, ib)                                                                    \
    indices_out[count] = row;                                                                      \
    count += (uint32_t)holds_i64(op, a[ia], b[ib]) & !null_at(call, row);
    if (without_nulls(call)) {
        WENDI_LOOP_2(call, BODY);
    } else {
        WENDI_LOOP_2(call, NULLS_BODY);
    }
    return count;
#undef BODY
#undef NULLS_BODY
}

ALWAYS_INLINE uint32_t select_f64(const wendi_call *call, uint32_t *indices_out, compare_op op)
{
    const double *const a = call->args[0].f64;
    const double *const b = call->args[1].f64;
    uint32_t count = 0;
#define BODY(row, ia, ib)                                                                          \
    indices_out[count] = row;                                                                      \
    count += (uint32_t)holds_f64(op, a[ia], b[ib]);
#define NULLS_BODY(row, ia, ib)                                                                    \
    indices_out[count] = row;                                                                      \
    count += (uint32_t)holds_f64(op, a[ia], b[ib]) & !null_at(call, row);
    if (without_nulls(call)) {
        WENDI_LOOP_2(call, BODY);
    } else {
        WENDI_LOOP_2(call, NULLS_BODY);
    }
    return count;
#undef BODY
#undef NULLS_BODY
}

ALWAYS_INLINE uint32_t select_slow(const wendi_call *call, uint32_t *indices_out, compare_op op)
{
    uint32_t count = 0;

    WENDI_CALL_ROWS(call, row)
    {
        indices_out[count] = row;
        count += !null_at(call, row) && holds_i64(op, order_slow(call, row), 0);
    }
    return count;
}

#define COMPARE(HOLD, OP)                                                                          \
    static wend_status HOLD##_##OP(wendi_call *call)                                               \
    {                                                                                              \
        compare_##HOLD(call, OP);                                                                  \
        return WEND_OK;                                                                            \
    }                                                                                              \
    static uint32_t HOLD##_##OP##_select(const wendi_call *call, uint32_t *indices_out)            \
    {                                                                                              \
        return select_##HOLD(call, indices_out, OP);                                               \
    }
#define COMPARE_ALL(HOLD)                                                                          \
    COMPARE(HOLD, EQ)                                                                              \
    COMPARE(HOLD, NE)                                                                              \
    COMPARE(HOLD, LT)                                                                              \
    COMPARE(HOLD, LE)                                                                              \
    COMPARE(HOLD, GT)                                                                              \
    COMPARE(HOLD, GE)

COMPARE_ALL(i64)
COMPARE_ALL(f64)
COMPARE_ALL(slow)

#define ENTRY(NAME, HOLD, OP, FLAGS)                                                               \
    {.name = NAME, .args = "11", .result = "b", .flags = FLAGS, .kernel = HOLD##_##OP, .select = HOLD##_##OP##_select}
#define ENTRIES(HOLD, FLAGS)                                                                       \
    {ENTRY("=", HOLD, EQ, FLAGS), ENTRY("<>", HOLD, NE, FLAGS), ENTRY("<", HOLD, LT, FLAGS),       \
     ENTRY("<=", HOLD, LE, FLAGS), ENTRY(">", HOLD, GT, FLAGS), ENTRY(">=", HOLD, GE, FLAGS)}

static const wendi_function compare_functions[3][6] = {
    ENTRIES(i64, WENDI_FUNCTION_TOTAL), ENTRIES(f64, WENDI_FUNCTION_TOTAL), ENTRIES(slow, 0)};

const wendi_function *wendi_compare_function(const char *operator_name, wendi_type type)
{
    wendi_physical physical = wendi_type_physical(type);
    int hold = physical == WENDI_PHYSICAL_I64 ? 0 : physical == WENDI_PHYSICAL_F64 ? 1 : 2;

    for (int i = 0; i < 6; i++) {
        if (strcmp(compare_functions[hold][i].name, operator_name) == 0) {
            return &compare_functions[hold][i];
        }
    }
    return NULL;
}
