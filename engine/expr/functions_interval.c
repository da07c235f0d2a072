/** Arithmetic of dates, times and intervals: the operators + - * / and the table that picks their kernels. */
#include <math.h>
#include <string.h>

#include "engine/column/calendar.h"
#include "engine/expr/function.h"

enum { RAISES = WENDI_EXPR_RAISES, SESSION = WENDI_EXPR_SESSION };
#define DATE_GREATEST INT64_C(2145042905) /* 5874897-12-31, the last day that PostgreSQL has */

static wend_status date_shift(wendi_call *call, uint32_t date_arg, int sign)
{
    WENDI_CALL_ROWS(call, row)
    {
        int64_t days = wendi_arg_i64(call, date_arg, row);
        int64_t by = wendi_arg_i64(call, 1 - date_arg, row);
        if (sign > 0 ? __builtin_add_overflow(days, by, &days) : __builtin_sub_overflow(days, by, &days)) {
            return wendi_call_fail(call, "date out of range");
        }
        if (days < WENDI_TIMESTAMP_LEAST / WENDI_US_PER_DAY || days > DATE_GREATEST) {
            return wendi_call_fail(call, "date out of range");
        }
        call->out.i64[row] = days;
    }
    return WEND_OK;
}

static wend_status date_plus_days(wendi_call *call)
{
    return date_shift(call, 0, 1);
}

static wend_status days_plus_date(wendi_call *call)
{
    return date_shift(call, 1, 1);
}

static wend_status date_minus_days(wendi_call *call)
{
    return date_shift(call, 0, -1);
}

static wend_status date_minus_date(wendi_call *call)
{
    WENDI_CALL_ROWS(call, row)
    {
        int64_t days;
        if (__builtin_sub_overflow(wendi_arg_i64(call, 0, row), wendi_arg_i64(call, 1, row), &days) || days != (int32_t)days) {
            return wendi_call_fail(call, "integer out of range");
        }
        call->out.i64[row] = days;
    }
    return WEND_OK;
}

/** Months within ±2^31, days within ±2^31 beside a time in range can overflow nothing in the calendar's 64 bits but the clock part. */
static wend_status shift_time(wendi_call *call, uint32_t time_arg, int sign)
{
    wendi_type_kind kind = (wendi_type_kind)call->args[time_arg].type.kind;
    const wendi_timezone *zone = wendi_call_zone(call);

    WENDI_CALL_ROWS(call, row)
    {
        int64_t us = wendi_arg_i64(call, time_arg, row);
        wendi_interval interval = wendi_arg_interval(call, 1 - time_arg, row);
        int64_t sum;
        if (kind == WENDI_TYPE_DATE && __builtin_mul_overflow(us, WENDI_US_PER_DAY, &us)) {
            return wendi_call_fail(call, "date out of range for timestamp");
        }
        /* Beyond any pair of valid times, before the calendar is asked: it does not check. */
        double estimate = (double)us + sign * ((double)interval.months * 30.4375 + (double)interval.days) * 86400e6 +
                          sign * (double)interval.microseconds;
        if (!(estimate > -2.2e17 && estimate < 9.2233e18)) {
            return wendi_call_fail(call, "timestamp out of range");
        }
        if (interval.months == 0 && interval.days == 0) {
            if (sign > 0 ? __builtin_add_overflow(us, interval.microseconds, &sum)
                         : __builtin_sub_overflow(us, interval.microseconds, &sum)) {
                return wendi_call_fail(call, "timestamp out of range");
            }
        } else {
            sum = kind == WENDI_TYPE_TIMESTAMPTZ ? wendi_add_interval_zone(us, interval, sign, zone)
                                                 : wendi_add_interval(us, interval, sign);
        }
        wend_status status = wendi_call_check_time(call, sum);
        if (status != WEND_OK) {
            return status;
        }
        call->out.i64[row] = sum;
    }
    return WEND_OK;
}

static wend_status time_plus_interval(wendi_call *call)
{
    return shift_time(call, 0, 1);
}

static wend_status interval_plus_time(wendi_call *call)
{
    return shift_time(call, 1, 1);
}

static wend_status time_minus_interval(wendi_call *call)
{
    return shift_time(call, 0, -1);
}

/** Whole days and the rest, as PostgreSQL shows a difference of times. */
static wend_status time_minus_time(wendi_call *call)
{
    WENDI_CALL_ROWS(call, row)
    {
        int64_t us;
        if (__builtin_sub_overflow(wendi_arg_i64(call, 0, row), wendi_arg_i64(call, 1, row), &us)) {
            return wendi_call_fail(call, "interval out of range");
        }
        wendi_out_interval(call, row, (wendi_interval){0, (int32_t)(us / WENDI_US_PER_DAY), us % WENDI_US_PER_DAY});
    }
    return WEND_OK;
}

static wend_status add_intervals(wendi_call *call, int sign)
{
    WENDI_CALL_ROWS(call, row)
    {
        wendi_interval a = wendi_arg_interval(call, 0, row);
        wendi_interval b = wendi_arg_interval(call, 1, row);
        wendi_interval sum = {0, 0, 0};
        bool bad = sign > 0 ? __builtin_add_overflow(a.months, b.months, &sum.months) ||
                                  __builtin_add_overflow(a.days, b.days, &sum.days) ||
                                  __builtin_add_overflow(a.microseconds, b.microseconds, &sum.microseconds)
                            : __builtin_sub_overflow(a.months, b.months, &sum.months) ||
                                  __builtin_sub_overflow(a.days, b.days, &sum.days) ||
                                  __builtin_sub_overflow(a.microseconds, b.microseconds, &sum.microseconds);
        if (bad) {
            return wendi_call_fail(call, "interval out of range");
        }
        wendi_out_interval(call, row, sum);
    }
    return WEND_OK;
}

static wend_status interval_plus_interval(wendi_call *call)
{
    return add_intervals(call, 1);
}

static wend_status interval_minus_interval(wendi_call *call)
{
    return add_intervals(call, -1);
}

/** Fractions of a month become days of 30, fractions of a day become clock time. */
static wend_status scale_interval(const wendi_call *call, uint32_t row, wendi_interval from, double factor)
{
    double months = from.months * factor;
    double whole_months = trunc(months);
    double days = from.days * factor;
    double whole_days = trunc(days);
    double month_days = rint((months - whole_months) * 30 * 1e6) / 1e6;
    double seconds = (days - whole_days + month_days - trunc(month_days)) * 86400;
    seconds = rint(seconds * 1e6) / 1e6;
    if (fabs(seconds) >= 86400) {
        whole_days += trunc(seconds / 86400);
        seconds -= trunc(seconds / 86400) * 86400;
    }
    whole_days += trunc(month_days);
    double us = rint((double)from.microseconds * factor + seconds * 1e6);
    if (!(fabs(whole_months) < 2147483647.0 && fabs(whole_days) < 2147483647.0 && fabs(us) < 9.2e18)) {
        return wendi_call_fail(call, "interval out of range");
    }
    wendi_out_interval(call, row, (wendi_interval){(int32_t)whole_months, (int32_t)whole_days, (int64_t)us});
    return WEND_OK;
}

static wend_status interval_times(wendi_call *call)
{
    uint32_t interval_arg = call->args[0].type.kind == WENDI_TYPE_INTERVAL ? 0 : 1;

    WENDI_CALL_ROWS(call, row)
    {
        wend_status status = scale_interval(call, row, wendi_arg_interval(call, interval_arg, row),
                                            wendi_arg_f64(call, 1 - interval_arg, row));
        if (status != WEND_OK) {
            return status;
        }
    }
    return WEND_OK;
}

static wend_status interval_divided(wendi_call *call)
{
    WENDI_CALL_ROWS(call, row)
    {
        double divisor = wendi_arg_f64(call, 1, row);
        if (divisor == 0) {
            return wendi_call_fail(call, "division by zero");
        }
        wend_status status = scale_interval(call, row, wendi_arg_interval(call, 0, row), 1 / divisor);
        if (status != WEND_OK) {
            return status;
        }
    }
    return WEND_OK;
}

/** An operator between kinds of types ('#' stands for any integer, '1' for any number). */
typedef struct time_operator {
    char op;
    char left;
    char right;
    wendi_type_kind result;
    wendi_function function;
} time_operator;

#define OPERATOR(OP, LEFT, RIGHT, RESULT, FLAGS, KERNEL)                                           \
    {(OP)[0], LEFT, RIGHT, RESULT, {.name = OP, .args = "xx", .result = "I", .flags = RAISES | (FLAGS), .kernel = KERNEL}}

static const time_operator operators[] = {
    OPERATOR("+", 'D', '#', WENDI_TYPE_DATE, 0, date_plus_days),
    OPERATOR("+", '#', 'D', WENDI_TYPE_DATE, 0, days_plus_date),
    OPERATOR("-", 'D', '#', WENDI_TYPE_DATE, 0, date_minus_days),
    OPERATOR("-", 'D', 'D', WENDI_TYPE_INTEGER, 0, date_minus_date),
    OPERATOR("+", 'D', 'I', WENDI_TYPE_TIMESTAMP, 0, time_plus_interval),
    OPERATOR("+", 'I', 'D', WENDI_TYPE_TIMESTAMP, 0, interval_plus_time),
    OPERATOR("-", 'D', 'I', WENDI_TYPE_TIMESTAMP, 0, time_minus_interval),
    OPERATOR("+", 'S', 'I', WENDI_TYPE_TIMESTAMP, 0, time_plus_interval),
    OPERATOR("+", 'I', 'S', WENDI_TYPE_TIMESTAMP, 0, interval_plus_time),
    OPERATOR("-", 'S', 'I', WENDI_TYPE_TIMESTAMP, 0, time_minus_interval),
    OPERATOR("+", 'T', 'I', WENDI_TYPE_TIMESTAMPTZ, SESSION, time_plus_interval),
    OPERATOR("+", 'I', 'T', WENDI_TYPE_TIMESTAMPTZ, SESSION, interval_plus_time),
    OPERATOR("-", 'T', 'I', WENDI_TYPE_TIMESTAMPTZ, SESSION, time_minus_interval),
    OPERATOR("-", 'S', 'S', WENDI_TYPE_INTERVAL, 0, time_minus_time),
    OPERATOR("-", 'T', 'T', WENDI_TYPE_INTERVAL, 0, time_minus_time),
    OPERATOR("+", 'I', 'I', WENDI_TYPE_INTERVAL, 0, interval_plus_interval),
    OPERATOR("-", 'I', 'I', WENDI_TYPE_INTERVAL, 0, interval_minus_interval),
    OPERATOR("*", 'I', '1', WENDI_TYPE_INTERVAL, 0, interval_times),
    OPERATOR("*", '1', 'I', WENDI_TYPE_INTERVAL, 0, interval_times),
    OPERATOR("/", 'I', '1', WENDI_TYPE_INTERVAL, 0, interval_divided)};

static bool fits_letter(wendi_type type, char letter)
{
    return letter == '#'   ? wendi_type_is_integer(type)
           : letter == '1' ? wendi_type_is_number(type)
           : letter == 'D' ? type.kind == WENDI_TYPE_DATE
           : letter == 'S' ? type.kind == WENDI_TYPE_TIMESTAMP
           : letter == 'T' ? type.kind == WENDI_TYPE_TIMESTAMPTZ
                           : type.kind == WENDI_TYPE_INTERVAL;
}

const wendi_function *wendi_time_operator(char operator_name, wendi_type left, wendi_type right, wendi_type *result)
{
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        if (operators[i].op == operator_name && fits_letter(left, operators[i].left) && fits_letter(right, operators[i].right)) {
            *result = wendi_type_of(operators[i].result);
            return &operators[i].function;
        }
    }
    return NULL;
}
