/**
 * Casts between all types, with PostgreSQL's rounding and refusals: doubles to integers round half to
 * even, numerics to integers and to fewer digits round half away from zero.
 */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/column/calendar.h"
#include "engine/column/vector_value.h"
#include "engine/expr/cast.h"
#include "engine/expr/function.h"
#include "engine/expr/kernel_loops.h"
#include "engine/expr/numeric.h"

static wend_status out_of_range(const wendi_call *call)
{
    char name[40];
    return wendi_call_fail(call, "%s out of range", wendi_type_name(call->node->type, name));
}

static wend_status field_overflow(const wendi_call *call)
{
    wendi_type type = call->node->type;
    wend_status status = wendi_call_fail(call, "numeric field overflow");

    wendi_error_hint(call->error, "a field with precision %u, scale %u must round to an absolute value less than 10^%u",
                     type.precision, type.scale, type.precision - type.scale);
    return status;
}

static wend_status integer_to_integer(wendi_call *call)
{
    WENDI_CALL_ROWS(call, row)
    {
        call->out.i64[row] = wendi_arg_i64(call, 0, row);
        if (!wendi_integer_fits(call->node->type, call->out.i64[row])) {
            return out_of_range(call);
        }
    }
    return WEND_OK;
}

static wend_status integer_to_boolean(wendi_call *call)
{
    WENDI_CALL_ROWS(call, row)
    {
        call->out.i64[row] = wendi_arg_i64(call, 0, row) != 0;
    }
    return WEND_OK;
}

static wend_status integer_to_double(wendi_call *call)
{
    const int64_t *const a = call->args[0].i64;
    double *const restrict out = call->out.f64;
#define BODY(row) out[row] = (double)a[row];
    if (call->node->type.kind == WENDI_TYPE_REAL) {
        WENDI_CALL_ROWS(call, row)
        {
            out[row] = (double)(float)wendi_arg_i64(call, 0, row);
        }
    } else {
        WENDI_LOOP_1(call, BODY);
    }
#undef BODY
    return WEND_OK;
}

/** Integers (a scale of 0) and numerics to a numeric. */
static wend_status to_numeric(wendi_call *call)
{
    wendi_type type = call->node->type;
    uint32_t scale = call->args[0].type.kind == WENDI_TYPE_NUMERIC ? call->args[0].type.scale : 0;
    bool from_wide = wendi_type_physical(call->args[0].type) == WENDI_PHYSICAL_B16;
    bool wide = wendi_type_physical(type) == WENDI_PHYSICAL_B16;

    /* The same scale and no fewer digits: nothing can fail. */
    uint32_t digits = call->args[0].type.kind == WENDI_TYPE_NUMERIC ? call->args[0].type.precision
                      : call->args[0].type.kind == WENDI_TYPE_SMALLINT ? 5
                      : call->args[0].type.kind == WENDI_TYPE_INTEGER  ? 10
                                                                       : 19;
    if (!from_wide && !wide && scale == type.scale && digits <= type.precision) {
        const int64_t *const a = call->args[0].i64;
        int64_t *const restrict out = call->out.i64;
#define BODY(row) out[row] = a[row];
        WENDI_LOOP_1(call, BODY);
#undef BODY
        return WEND_OK;
    }
    WENDI_CALL_ROWS(call, row)
    {
        wendi_int128 value = from_wide ? wendi_arg_numeric(call, 0, row) : wendi_arg_i64(call, 0, row);
        if (!wendi_numeric_rescale(value, scale, type.scale, &value) || !wendi_numeric_fits(value, type.precision)) {
            return field_overflow(call);
        }
        wendi_out_numeric(call, row, value, wide);
    }
    return WEND_OK;
}

static wend_status numeric_to_integer(wendi_call *call)
{
    WENDI_CALL_ROWS(call, row)
    {
        wendi_int128 value;
        wendi_numeric_rescale(wendi_arg_numeric(call, 0, row), call->args[0].type.scale, 0, &value);
        if (value < INT64_MIN || value > INT64_MAX || !wendi_integer_fits(call->node->type, (int64_t)value)) {
            return out_of_range(call);
        }
        call->out.i64[row] = (int64_t)value;
    }
    return WEND_OK;
}

static wend_status numeric_to_double(wendi_call *call)
{
    bool narrow = call->node->type.kind == WENDI_TYPE_REAL;

    WENDI_CALL_ROWS(call, row)
    {
        double value = wendi_numeric_to_double(wendi_arg_numeric(call, 0, row), call->args[0].type.scale);
        call->out.f64[row] = narrow ? (double)(float)value : value;
    }
    return WEND_OK;
}

static wend_status double_to_integer(wendi_call *call)
{
    WENDI_CALL_ROWS(call, row)
    {
        double value = rint(wendi_arg_f64(call, 0, row)); /* half to even: the default rounding */
        if (!(value >= -0x1p63 && value < 0x1p63) || !wendi_integer_fits(call->node->type, (int64_t)value)) {
            return out_of_range(call);
        }
        call->out.i64[row] = (int64_t)value;
    }
    return WEND_OK;
}

static wend_status double_to_numeric(wendi_call *call)
{
    wendi_type type = call->node->type;

    WENDI_CALL_ROWS(call, row)
    {
        wendi_int128 value;
        if (!wendi_numeric_from_double(wendi_arg_f64(call, 0, row), type.scale, &value) ||
            !wendi_numeric_fits(value, type.precision)) {
            return field_overflow(call);
        }
        wendi_out_numeric(call, row, value, wendi_type_physical(type) == WENDI_PHYSICAL_B16);
    }
    return WEND_OK;
}

static wend_status double_to_real(wendi_call *call)
{
    WENDI_CALL_ROWS(call, row)
    {
        double value = wendi_arg_f64(call, 0, row);
        float narrow = (float)value;
        if (isinf(narrow) && !isinf(value)) {
            return wendi_call_fail(call, "value out of range: overflow");
        }
        if (narrow == 0 && value != 0) {
            return wendi_call_fail(call, "value out of range: underflow");
        }
        call->out.f64[row] = (double)narrow;
    }
    return WEND_OK;
}

/** Bytes of the first `characters` code points; *more tells whether something follows them. */
static uint32_t prefix_bytes(wendi_string text, uint32_t characters, bool *more)
{
    uint32_t at = 0;

    while (at < text.length && (characters > 0 || ((uint8_t)text.data[at] & 0xc0) == 0x80)) {
        if (((uint8_t)text.data[at] & 0xc0) != 0x80) {
            characters--;
        }
        at++;
    }
    /* The loop stops before the first code point too many, behind its last continuation byte. */
    *more = at < text.length;
    return at;
}

static wend_status fit_text(const wendi_call *call, uint32_t row, bool refuse)
{
    wendi_string text = call->out.strings[row];
    uint32_t limit = call->node->type.length_max;
    bool more;

    if (limit == 0 || text.length <= limit) {
        return WEND_OK;
    }
    uint32_t length = prefix_bytes(text, limit, &more);
    for (uint32_t i = length; refuse && more && i < text.length; i++) {
        if (text.data[i] != ' ') {
            return wendi_call_fail(call, "value too long for type character varying(%u)", limit);
        }
    }
    call->out.strings[row].length = length;
    return WEND_OK;
}

static wend_status to_text(wendi_call *call)
{
    const wendi_timezone *zone = call->node->session == NULL ? NULL : call->node->session->zone;
    wendi_buffer buffer = {.data = NULL};
    wend_status status = WEND_OK;

    WENDI_CALL_ROWS(call, row)
    {
        wendi_value value = wendi_vector_value(&call->args[0], row);
        buffer.length = 0;
        if (wendi_type_physical(value.type) == WENDI_PHYSICAL_STRING) {
            call->out.strings[row] = value.string;
        } else if (wendi_value_format(&value, zone, &buffer) != WEND_OK) {
            status = wendi_fail_nomem(call->error, "a string", WENDI_VALUE_TEXT_MAX);
        } else {
            status = wendi_call_string(call, row, (const char *)buffer.data, buffer.length);
        }
        if (status == WEND_OK) {
            status = fit_text(call, row, false);
        }
        if (status != WEND_OK) {
            break;
        }
    }
    wendi_buffer_free(&buffer);
    return status;
}

/** Into a varchar column: what does not fit is refused, unless it is spaces. */
static wend_status text_assigned(wendi_call *call)
{
    WENDI_CALL_ROWS(call, row)
    {
        call->out.strings[row] = wendi_arg_string(call, 0, row);
        wend_status status = fit_text(call, row, true);
        if (status != WEND_OK) {
            return status;
        }
    }
    return WEND_OK;
}

static wendi_string trimmed(wendi_string text)
{
    while (text.length > 0 && (text.data[0] == ' ' || (text.data[0] >= '\t' && text.data[0] <= '\r'))) {
        text.data++;
        text.length--;
    }
    while (text.length > 0 &&
           (text.data[text.length - 1] == ' ' ||
            (text.data[text.length - 1] >= '\t' && text.data[text.length - 1] <= '\r'))) {
        text.length--;
    }
    return text;
}

/** numeric from text rounds half away from zero, which the ingest parser does not. */
static wend_status numeric_from_text(wendi_type type, wendi_string text, wendi_value *value, const char **reason)
{
    wendi_int128 number;
    uint32_t scale;

    *reason = NULL;
    if (!wendi_numeric_from_text(text.data, text.length, &number, &scale)) {
        return WEND_INVALID;
    }
    if (!wendi_numeric_rescale(number, scale, type.scale, &number) || !wendi_numeric_fits(number, type.precision)) {
        *reason = "numeric field overflow";
        return WEND_INVALID;
    }
    *value = (wendi_value){.type = type};
    if (wendi_type_physical(type) == WENDI_PHYSICAL_B16) {
        value->i128 = number;
    } else {
        value->i64 = (int64_t)number;
    }
    return WEND_OK;
}

wend_status wendi_cast_text(wendi_type type, wendi_string text, const wendi_timezone *zone, wendi_value *value,
                            const char **reason)
{
    *reason = NULL;
    if (type.kind == WENDI_TYPE_NUMERIC) {
        return numeric_from_text(type, text, value, reason);
    }
    wendi_string whole = type.kind == WENDI_TYPE_TEXT || type.kind == WENDI_TYPE_JSONB ? text : trimmed(text);
    if (type.kind == WENDI_TYPE_TIMESTAMP) {
        /* A wall clock ignores an offset in the text; without one, UTC leaves the reading as it is. */
        return wendi_value_parse(type, whole, wendi_timezone_utc(), value, reason);
    }
    wend_status status = wendi_value_parse(type, whole, zone, value, reason);
    if (status == WEND_OK && wendi_type_is_integer(type) && !wendi_integer_fits(type, value->i64)) {
        *reason = "out of range";
        return WEND_INVALID;
    }
    return status;
}

void wendi_cast_text_message(wendi_type type, wendi_string text, const char *reason, char *message, size_t bytes)
{
    char name[40];
    const char *type_name = wendi_type_name(wendi_type_of((wendi_type_kind)type.kind), name);
    int shown = text.length > 80 ? 80 : (int)text.length;
    int64_t integer;
    wendi_string whole = trimmed(text);
    bool number = wendi_parse_i64(whole, &integer, NULL) == WEND_OK;

    if (wendi_type_is_integer(type) && number) {
        snprintf(message, bytes, "value \"%.*s\" is out of range for type %s", shown, text.data, type_name);
    } else if (reason != NULL && strcmp(reason, "numeric field overflow") == 0) {
        snprintf(message, bytes, "%s: \"%.*s\"", reason, shown, text.data);
    } else {
        snprintf(message, bytes, "invalid input syntax for type %s: \"%.*s\"", type_name, shown, text.data);
    }
}

static wend_status store(const wendi_call *call, uint32_t row, const wendi_value *value)
{
    switch (wendi_type_physical(call->node->type)) {
    case WENDI_PHYSICAL_I64:
        call->out.i64[row] = value->i64;
        break;
    case WENDI_PHYSICAL_F64:
        call->out.f64[row] = value->f64;
        break;
    case WENDI_PHYSICAL_B16:
        call->out.b16[row] = value->b16;
        break;
    case WENDI_PHYSICAL_STRING:
        call->out.strings[row] = value->string;
        break;
    }
    return WEND_OK;
}

static wend_status parse_into(const wendi_call *call, uint32_t row, wendi_string text)
{
    wendi_type type = call->node->type;
    char message[256];
    wendi_value value;
    const char *reason;

    if (wendi_cast_text(type, text, call->node->session->zone, &value, &reason) == WEND_OK) {
        return store(call, row, &value);
    }
    wendi_cast_text_message(type, text, reason, message, sizeof message);
    wend_status status = wendi_call_fail(call, "%s", message);
    if (reason != NULL) {
        wendi_error_hint(call->error, "%s", reason);
    }
    return status;
}

static wend_status from_text(wendi_call *call)
{
    WENDI_CALL_ROWS(call, row)
    {
        wend_status status = parse_into(call, row, wendi_arg_string(call, 0, row));
        if (status != WEND_OK) {
            return status;
        }
    }
    return WEND_OK;
}

/** A JSON number or boolean; null is SQL's null, and strings, arrays and objects are refused. */
static wend_status from_json(wendi_call *call)
{
    WENDI_CALL_ROWS(call, row)
    {
        wendi_string text = trimmed(wendi_arg_string(call, 0, row));
        char first = text.length == 0 ? '\0' : text.data[0];
        char name[40];
        bool boolean = first == 't' || first == 'f';
        if (first == 'n') {
            call->nulls[row] = 1;
            continue;
        }
        if (first == '"' || first == '[' || first == '{' || first == '\0' ||
            boolean != (call->node->type.kind == WENDI_TYPE_BOOLEAN)) {
            const char *what = first == '"'   ? "string"
                               : first == '[' ? "array"
                               : first == '{' ? "object"
                               : boolean      ? "boolean"
                                              : "numeric";
            wend_status status = wendi_call_fail(call, "cannot cast jsonb %s to type %s", what,
                                                 wendi_type_name(call->node->type, name));
            wendi_error_hint(call->error, "take the text first: value ->> 'key'");
            return status;
        }
        if (!wendi_type_is_integer(call->node->type)) {
            wend_status status = parse_into(call, row, text);
            if (status != WEND_OK) {
                return status;
            }
            continue;
        }
        wendi_value value; /* 2.5 rounds, as numeric does */
        const char *reason;
        if (numeric_from_text(wendi_numeric_type(38, 0), text, &value, &reason) != WEND_OK ||
            value.i128 < INT64_MIN || value.i128 > INT64_MAX ||
            !wendi_integer_fits(call->node->type, (int64_t)value.i128)) {
            return out_of_range(call);
        }
        call->out.i64[row] = (int64_t)value.i128;
    }
    return WEND_OK;
}

static wend_status date_to_timestamp(wendi_call *call)
{
    const wendi_timezone *zone = call->node->session->zone;
    bool instant = call->node->type.kind == WENDI_TYPE_TIMESTAMPTZ;

    WENDI_CALL_ROWS(call, row)
    {
        int64_t us;
        if (__builtin_mul_overflow(wendi_arg_i64(call, 0, row), WENDI_US_PER_DAY, &us)) {
            return wendi_call_fail(call, "date out of range for timestamp");
        }
        wend_status status = wendi_call_check_time(call, us);
        if (status != WEND_OK) {
            return status;
        }
        call->out.i64[row] = instant ? wendi_timezone_to_utc(zone, us) : us;
    }
    return WEND_OK;
}

static int64_t floor_days(int64_t us)
{
    return us / WENDI_US_PER_DAY - (us % WENDI_US_PER_DAY < 0);
}

static wend_status timestamp_to_date(wendi_call *call)
{
    const wendi_timezone *zone = call->node->session->zone;
    bool instant = call->args[0].type.kind == WENDI_TYPE_TIMESTAMPTZ;

    WENDI_CALL_ROWS(call, row)
    {
        int64_t us = wendi_arg_i64(call, 0, row);
        call->out.i64[row] = floor_days(instant ? wendi_timezone_to_local(zone, us) : us);
    }
    return WEND_OK;
}

static wend_status timestamp_to_instant(wendi_call *call)
{
    WENDI_CALL_ROWS(call, row)
    {
        call->out.i64[row] = wendi_timezone_to_utc(call->node->session->zone, wendi_arg_i64(call, 0, row));
    }
    return WEND_OK;
}

static wend_status instant_to_timestamp(wendi_call *call)
{
    WENDI_CALL_ROWS(call, row)
    {
        call->out.i64[row] = wendi_timezone_to_local(call->node->session->zone, wendi_arg_i64(call, 0, row));
    }
    return WEND_OK;
}

enum { RAISES = WENDI_EXPR_RAISES, SESSION = WENDI_EXPR_SESSION };
#define CAST(NAME, KERNEL, FLAGS) static const wendi_function NAME = {.name = "cast", .args = "x", .flags = FLAGS, .kernel = KERNEL}
CAST(cast_integer, integer_to_integer, RAISES);
CAST(cast_integer_boolean, integer_to_boolean, WENDI_FUNCTION_TOTAL);
CAST(cast_integer_double, integer_to_double, WENDI_FUNCTION_TOTAL);
CAST(cast_numeric, to_numeric, RAISES);
CAST(cast_numeric_integer, numeric_to_integer, RAISES);
CAST(cast_numeric_double, numeric_to_double, 0);
CAST(cast_double_integer, double_to_integer, RAISES);
CAST(cast_double_numeric, double_to_numeric, RAISES);
CAST(cast_double_real, double_to_real, RAISES);
CAST(cast_to_text, to_text, 0);
CAST(cast_to_text_session, to_text, SESSION);
CAST(cast_assigned, text_assigned, RAISES);
CAST(cast_from_text, from_text, RAISES);
CAST(cast_from_text_session, from_text, RAISES | SESSION);
CAST(cast_from_json, from_json, RAISES | WENDI_FUNCTION_MAY_NULL);
CAST(cast_date_timestamp, date_to_timestamp, RAISES);
CAST(cast_date_timestamptz, date_to_timestamp, RAISES | SESSION);
CAST(cast_timestamp_date, timestamp_to_date, 0);
CAST(cast_timestamptz_date, timestamp_to_date, SESSION);
CAST(cast_timestamp_instant, timestamp_to_instant, SESSION);
CAST(cast_instant_timestamp, instant_to_timestamp, SESSION);

static const wendi_function *cast_number(wendi_type from, wendi_type to)
{
    bool from_integer = wendi_type_is_integer(from);
    bool from_numeric = from.kind == WENDI_TYPE_NUMERIC;

    if (wendi_type_is_integer(to)) {
        return from_integer ? &cast_integer : from_numeric ? &cast_numeric_integer : &cast_double_integer;
    }
    if (to.kind == WENDI_TYPE_NUMERIC) {
        return from_integer || from_numeric ? &cast_numeric : &cast_double_numeric;
    }
    return from_integer ? &cast_integer_double : from_numeric ? &cast_numeric_double : &cast_double_real;
}

static const wendi_function *cast_time(wendi_type from, wendi_type to)
{
    switch (from.kind * WENDI_TYPE_KIND_COUNT + to.kind) {
    case WENDI_TYPE_DATE * WENDI_TYPE_KIND_COUNT + WENDI_TYPE_TIMESTAMP:
        return &cast_date_timestamp;
    case WENDI_TYPE_DATE * WENDI_TYPE_KIND_COUNT + WENDI_TYPE_TIMESTAMPTZ:
        return &cast_date_timestamptz;
    case WENDI_TYPE_TIMESTAMP * WENDI_TYPE_KIND_COUNT + WENDI_TYPE_DATE:
        return &cast_timestamp_date;
    case WENDI_TYPE_TIMESTAMPTZ * WENDI_TYPE_KIND_COUNT + WENDI_TYPE_DATE:
        return &cast_timestamptz_date;
    case WENDI_TYPE_TIMESTAMP * WENDI_TYPE_KIND_COUNT + WENDI_TYPE_TIMESTAMPTZ:
        return &cast_timestamp_instant;
    case WENDI_TYPE_TIMESTAMPTZ * WENDI_TYPE_KIND_COUNT + WENDI_TYPE_TIMESTAMP:
        return &cast_instant_timestamp;
    default:
        return NULL;
    }
}

const wendi_function *wendi_cast_assigned_text(void)
{
    return &cast_assigned;
}

const wendi_function *wendi_cast_function(wendi_type from, wendi_type to)
{
    if (wendi_type_is_number(from) && wendi_type_is_number(to)) {
        return cast_number(from, to);
    }
    if (to.kind == WENDI_TYPE_TEXT) {
        return from.kind == WENDI_TYPE_TIMESTAMPTZ ? &cast_to_text_session : &cast_to_text;
    }
    if (from.kind == WENDI_TYPE_TEXT) {
        return to.kind == WENDI_TYPE_TIMESTAMPTZ ? &cast_from_text_session : &cast_from_text;
    }
    if (from.kind == WENDI_TYPE_JSONB && (wendi_type_is_number(to) || to.kind == WENDI_TYPE_BOOLEAN)) {
        return &cast_from_json;
    }
    if (from.kind == WENDI_TYPE_BOOLEAN && to.kind == WENDI_TYPE_INTEGER) {
        return &cast_integer;
    }
    if (from.kind == WENDI_TYPE_INTEGER && to.kind == WENDI_TYPE_BOOLEAN) {
        return &cast_integer_boolean;
    }
    return cast_time(from, to);
}
