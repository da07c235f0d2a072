/*
 * Conversions, one function a JSON type. Numbers that are written plainly are taken from their digits;
 * whatever is unusual (exponents, many digits) goes through the parsers of engine/column/value.h, which must
 * agree. Nothing here reads beyond the message but within its padding.
 */
#include "ingest/json_convert.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/civil.h"
#include "engine/base/timezone.h"

enum { EXCERPT_BYTES = 40, PLAIN_DIGITS = 18, EXACT_DIGITS = 15, EXACT_POWER = 22, US_DIGITS = 6 };
#define US_PER_DAY (INT64_C(86400) * 1000000)

static const int64_t powers[19] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000,
                                   INT64_C(10000000000), INT64_C(100000000000), INT64_C(1000000000000),
                                   INT64_C(10000000000000), INT64_C(100000000000000), INT64_C(1000000000000000),
                                   INT64_C(10000000000000000), INT64_C(100000000000000000),
                                   INT64_C(1000000000000000000)};
static const double exact_powers[EXACT_POWER + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                     1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                     1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* ---- plans ------------------------------------------------------------------------------------ */

static void plan_time(wendi_convert_column *plan, const wendi_column *column)
{
    static const uint8_t digits[] = {[WENDI_TIME_EPOCH_S] = 6, [WENDI_TIME_EPOCH_MS] = 3, [WENDI_TIME_EPOCH_US] = 0,
                                     [WENDI_TIME_EPOCH_NS] = 9};
    switch (column->time_format) {
    case WENDI_TIME_ISO:
        plan->kind = plan->is_date ? WENDI_CONVERT_DATE : WENDI_CONVERT_TIME;
        break;
    case WENDI_TIME_PATTERN:
        plan->kind = WENDI_CONVERT_TIME;
        plan->pattern = column->time_pattern;
        break;
    default:
        plan->kind = WENDI_CONVERT_EPOCH;
        plan->epoch_digits = digits[column->time_format];
        break;
    }
    if (plan->is_date && plan->zone == NULL) {
        plan->zone = wendi_timezone_utc();
    }
}

static void plan_integer(wendi_convert_column *plan, int64_t low, int64_t high)
{
    plan->kind = WENDI_CONVERT_INTEGER;
    plan->low = low;
    plan->high = high;
}

static void plan_kind(wendi_convert_column *plan, const wendi_column *column)
{
    switch (column->type.kind) {
    case WENDI_TYPE_BOOLEAN:
        plan->kind = WENDI_CONVERT_BOOLEAN;
        break;
    case WENDI_TYPE_SMALLINT:
        plan_integer(plan, INT16_MIN, INT16_MAX);
        break;
    case WENDI_TYPE_INTEGER:
        plan_integer(plan, INT32_MIN, INT32_MAX);
        break;
    case WENDI_TYPE_BIGINT:
        plan_integer(plan, INT64_MIN, INT64_MAX);
        break;
    case WENDI_TYPE_REAL:
        plan->kind = WENDI_CONVERT_REAL;
        break;
    case WENDI_TYPE_DOUBLE:
        plan->kind = WENDI_CONVERT_DOUBLE;
        break;
    case WENDI_TYPE_NUMERIC:
        plan->kind = WENDI_CONVERT_NUMERIC;
        break;
    case WENDI_TYPE_UUID:
        plan->kind = WENDI_CONVERT_UUID;
        break;
    case WENDI_TYPE_INET:
        plan->kind = WENDI_CONVERT_INET;
        break;
    case WENDI_TYPE_DATE:
        plan->is_date = true;
        plan_time(plan, column);
        break;
    case WENDI_TYPE_TIMESTAMPTZ:
        plan_time(plan, column);
        break;
    case WENDI_TYPE_JSONB:
        plan->kind = WENDI_CONVERT_JSONB;
        break;
    default:
        plan->kind = WENDI_CONVERT_TEXT;
        break;
    }
}

static wendi_convert_quick quick_of(const wendi_convert_column *plan)
{
    switch (plan->kind) {
    case WENDI_CONVERT_TEXT:
        return plan->type.length_max == 0 ? WENDI_QUICK_TEXT : WENDI_QUICK_OTHER;
    case WENDI_CONVERT_TIME:
        return plan->pattern.length == 0 && !plan->is_date ? WENDI_QUICK_TIME : WENDI_QUICK_OTHER;
    case WENDI_CONVERT_UUID:
        return WENDI_QUICK_UUID;
    case WENDI_CONVERT_INET:
        return WENDI_QUICK_INET;
    case WENDI_CONVERT_INTEGER:
        return WENDI_QUICK_INTEGER;
    case WENDI_CONVERT_NUMERIC:
        return WENDI_QUICK_NUMERIC;
    case WENDI_CONVERT_DOUBLE:
        return WENDI_QUICK_DOUBLE;
    default:
        return WENDI_QUICK_OTHER;
    }
}

wend_status wendi_convert_column_init(wendi_convert_column *plan, const wendi_schema *schema, uint32_t position,
                                      wend_error *error)
{
    const wendi_column *column = &schema->columns[position];
    const char *reason = NULL;
    *plan = (wendi_convert_column){.type = column->type,
                                   .null_on_error = column->on_error == WENDI_ON_ERROR_NULL,
                                   .keeps_unfit = column->on_error == WENDI_ON_ERROR_NULL &&
                                                  schema->rest_column != WENDI_NO_COLUMN,
                                   .half_even = column->rounding == WENDI_ROUND_HALF_EVEN,
                                   .judged = position == schema->time_column,
                                   .default_value = {.type = column->type, .null = true}};
    if (column->timezone.length != 0) {
        wend_status status = wendi_timezone_find(column->timezone, &plan->zone, error);
        if (status != WEND_OK) {
            wendi_error_context(error, "column %.*s", (int)column->name.length, column->name.data);
            return status;
        }
    }
    plan_kind(plan, column);
    plan->quick = (uint8_t)quick_of(plan);
    if (column->has_default) {
        wend_status status = wendi_value_parse(column->type, column->default_value, wendi_timezone_utc(),
                                               &plan->default_value, &reason);
        if (status != WEND_OK) {
            return wendi_fail(error, status, "the default of column %.*s: %s", (int)column->name.length, column->name.data,
                              reason);
        }
        plan->default_value.null = false;
    }
    return WEND_OK;
}

/* ---- refusing --------------------------------------------------------------------------------- */

void wendi_reject_set(wendi_reject *reject, wendi_reject_kind kind, uint32_t column, uint32_t position,
                      const char *format, ...)
{
    va_list arguments;
    reject->kind = kind;
    reject->column = column;
    reject->position = position;
    reject->fault = WENDI_JSON_GOOD;
    va_start(arguments, format);
    int length = vsnprintf(reject->reason, sizeof reject->reason, format, arguments);
    va_end(arguments);
    if (length >= (int)sizeof reject->reason) { /* Cut: not within a character. */
        const char *end = reject->reason + sizeof reject->reason - 1;
        reject->reason[wendi_utf8_check(reject->reason, end) - reject->reason] = '\0';
    }
}

const char *wendi_convert_fault(wendi_convert_row *row, const wendi_json_error *error)
{
    uint32_t position = (uint32_t)(error->at - row->message_begin);
    wendi_reject_set(row->reject, WENDI_REJECT_JSON, WENDI_NO_COLUMN, position, "%s (byte %u)",
                     wendi_json_fault_text(error->fault), position);
    row->reject->fault = error->fault;
    return NULL;
}

/* The beginning of a value for a reason: no control characters, no character cut in two. */
static void excerpt(wendi_string text, char out[EXCERPT_BYTES + 4])
{
    uint32_t length = text.length <= EXCERPT_BYTES ? text.length : EXCERPT_BYTES;
    while (length > 0 && length < text.length && ((unsigned char)text.data[length] & 0xc0) == 0x80) {
        length--;
    }
    for (uint32_t i = 0; i < length; i++) {
        out[i] = (unsigned char)text.data[i] < 0x20 ? ' ' : text.data[i];
    }
    snprintf(out + length, 4, "%s", length < text.length ? "..." : "");
}

/*
 * A value that the column cannot hold: refuse the row, or make the value null where the column asks for
 * that. `what` is the JSON type, `why` (may be NULL) what a parser said. True: go on with null.
 */
static bool unfit(wendi_convert_row *row, const wendi_convert_column *plan, uint32_t column, wendi_reject_kind kind,
                  const char *what, wendi_string text, const char *why)
{
    char shown[EXCERPT_BYTES + 4];
    char type[40];
    const wendi_string name = row->schema->columns[column].name;
    if (plan->null_on_error) {
        row->counters->nulled++;
        wendi_convert_null(row, column);
        return true;
    }
    excerpt(text, shown);
    const char *quote = what[0] == 's' ? "\"" : "";
    bool inside = text.data >= row->message_begin && text.data <= row->message_end;
    uint32_t position = inside ? (uint32_t)(text.data - row->message_begin) : 0;
    wendi_reject_set(row->reject, kind, column, position, "wrong %s for column %.*s: %s%s%s%s%s where %s is wanted%s%s (byte %u)",
                     kind == WENDI_REJECT_TYPE ? "type" : "value", (int)name.length, name.data, what,
                     text.length != 0 || quote[0] != '\0' ? " " : "", quote, shown, quote, wendi_type_name(plan->type, type),
                     why != NULL ? ": " : "", why != NULL ? why : "", position);
    return false;
}

static bool no_memory(wendi_convert_row *row)
{
    row->out_of_memory = true;
    return false;
}

/* ---- setting ---------------------------------------------------------------------------------- */

void wendi_convert_null(wendi_convert_row *row, uint32_t column)
{
    wendi_convert_mark(row->given, column);
    wendi_convert_mark(row->nulls, column);
    wendi_convert_set_null(row, column);
}

static inline bool set_i64(wendi_convert_row *row, uint32_t column, int64_t value)
{
    wendi_column_builder *into = &row->builder->columns[column];
    into->i64[row->row] = value;
    into->nulls[row->row] = 0;
    wendi_convert_mark(row->given, column);
    return true;
}

static inline bool set_f64(wendi_convert_row *row, uint32_t column, double value)
{
    wendi_column_builder *into = &row->builder->columns[column];
    into->f64[row->row] = value;
    into->nulls[row->row] = 0;
    wendi_convert_mark(row->given, column);
    return true;
}

static inline bool set_string(wendi_convert_row *row, uint32_t column, wendi_string text)
{
    wendi_column_builder *into = &row->builder->columns[column];
    wendi_convert_mark(row->given, column);
    return wendi_interner_code(&into->interner, text, &into->codes[row->row]) == WEND_OK || no_memory(row);
}

/* The table's time column is held against the clock; a wrong time is the row's fault, not the value's. */
static bool set_time(wendi_convert_row *row, const wendi_convert_column *plan, uint32_t column, int64_t us)
{
    const wendi_string name = row->schema->columns[column].name;
    if (plan->judged && (us > row->time_high || us < row->time_low)) {
        bool future = us > row->time_high;
        wendi_reject_set(row->reject, future ? WENDI_REJECT_FUTURE : WENDI_REJECT_EXPIRED, column, 0,
                         future ? "time in column %.*s is later than now and max_future allow"
                                : "time in column %.*s is older than the table's retention",
                         (int)name.length, name.data);
        return false;
    }
    if (plan->is_date) {
        us = us / US_PER_DAY - (us % US_PER_DAY < 0);
    }
    return set_i64(row, column, us);
}

bool wendi_convert_missing(wendi_convert_row *row, const wendi_convert_column *plan, uint32_t column)
{
    if (plan->default_value.null) {
        wendi_convert_null(row, column);
        return true;
    }
    wendi_convert_mark(row->given, column);
    return wendi_row_builder_set(row->builder, column, &plan->default_value) == WEND_OK || no_memory(row);
}

/* ---- numbers ---------------------------------------------------------------------------------- */

static bool integer_unusual(wendi_convert_row *row, const wendi_convert_column *plan, uint32_t column, wendi_string text,
                            const char *what)
{
    wendi_int128 wide;
    const char *why = NULL;
    if (wendi_parse_numeric(text, WENDI_NUMERIC_PRECISION_MAX, 0, false, &wide, &why) != WEND_OK) {
        return unfit(row, plan, column, WENDI_REJECT_TYPE, what, text, NULL);
    }
    if (wide < plan->low || wide > plan->high) {
        return unfit(row, plan, column, WENDI_REJECT_TYPE, what, text, "out of range");
    }
    return set_i64(row, column, (int64_t)wide);
}

static bool numeric_unusual(wendi_convert_row *row, const wendi_convert_column *plan, uint32_t column, wendi_string text,
                            const char *what)
{
    wendi_int128 wide;
    const char *why = NULL;
    if (wendi_parse_numeric(text, plan->type.precision, plan->type.scale, plan->half_even, &wide, &why) != WEND_OK) {
        wendi_int128 any;
        bool number = wendi_parse_numeric(text, WENDI_NUMERIC_PRECISION_MAX, plan->type.scale, true, &any, NULL) == WEND_OK;
        return unfit(row, plan, column, number ? WENDI_REJECT_VALUE : WENDI_REJECT_TYPE, what, text, number ? why : NULL);
    }
    return set_i64(row, column, (int64_t)wide);
}

static bool float_unusual(wendi_convert_row *row, const wendi_convert_column *plan, uint32_t column, wendi_string text,
                          const char *what)
{
    double value;
    const char *why = NULL;
    wend_status status = plan->kind == WENDI_CONVERT_REAL ? wendi_parse_f32(text, &value, &why)
                                                          : wendi_parse_f64(text, &value, &why);
    return status == WEND_OK ? set_f64(row, column, value)
                             : unfit(row, plan, column, WENDI_REJECT_TYPE, what, text, why);
}

/* Digits since 1970 in the column's unit, written in any way that JSON has; what is finer than 1 us is cut. */
static bool epoch_unusual(wendi_convert_row *row, const wendi_convert_column *plan, uint32_t column, wendi_string text,
                          const char *what)
{
    uint8_t scale = plan->epoch_digits == 9 ? 0 : plan->epoch_digits;
    wendi_int128 wide;
    const char *why = NULL;
    wend_status status = wendi_parse_numeric(text, WENDI_NUMERIC_PRECISION_MAX, scale, false, &wide, &why);
    if (status != WEND_OK) { /* Finer digits: read some more of them, then cut toward the past. */
        status = wendi_parse_numeric(text, WENDI_NUMERIC_PRECISION_MAX, (uint8_t)(scale + 6), true, &wide, &why);
        if (status != WEND_OK) {
            return unfit(row, plan, column, WENDI_REJECT_TYPE, what, text, "not a time");
        }
        wide = wide / 1000000 - (wide % 1000000 < 0);
        row->counters->time_cut++;
    }
    if (plan->epoch_digits == 9) {
        row->counters->time_cut += wide % 1000 != 0;
        wide = wide / 1000 - (wide % 1000 < 0);
    }
    if (wide < INT64_MIN + US_PER_DAY || wide > INT64_MAX - US_PER_DAY) {
        return unfit(row, plan, column, WENDI_REJECT_VALUE, what, text, "out of range");
    }
    return set_time(row, plan, column, (int64_t)wide);
}

static bool epoch_number(wendi_convert_row *row, const wendi_convert_column *plan, uint32_t column,
                         const wendi_json_number *number)
{
    if (number->fraction_count != 0 || plan->epoch_digits == 9 ||
        number->digit_count + plan->epoch_digits > PLAIN_DIGITS) {
        return epoch_unusual(row, plan, column, (wendi_string){number->data, number->length}, "number");
    }
    int64_t us = (int64_t)number->mantissa * powers[plan->epoch_digits];
    return set_time(row, plan, column, number->negative ? -us : us);
}

static bool boolean_number(wendi_convert_row *row, const wendi_convert_column *plan, uint32_t column, wendi_string text)
{
    if (text.length == 1 && (text.data[0] == '0' || text.data[0] == '1')) {
        row->counters->coerced++;
        return set_i64(row, column, text.data[0] - '0');
    }
    return unfit(row, plan, column, WENDI_REJECT_TYPE, "number", text, NULL);
}

static bool from_number(wendi_convert_row *row, const wendi_convert_column *plan, uint32_t column,
                        const wendi_json_number *number)
{
    wendi_string text = {number->data, number->length};
    bool plain = !number->has_exponent && number->digit_count <= PLAIN_DIGITS;
    int64_t value = (int64_t)(number->negative ? 0 - number->mantissa : number->mantissa); /* if plain */

    switch (plan->kind) {
    case WENDI_CONVERT_TEXT:
        if (plan->type.length_max != 0 && number->length > plan->type.length_max) {
            return unfit(row, plan, column, WENDI_REJECT_VALUE, "number", text, "too long");
        }
        row->counters->coerced++;
        return set_string(row, column, text);
    case WENDI_CONVERT_INTEGER:
        if (!plain || number->fraction_count != 0 || value < plan->low || value > plan->high) {
            return integer_unusual(row, plan, column, text, "number");
        }
        return set_i64(row, column, value);
    case WENDI_CONVERT_NUMERIC: {
        uint32_t scale = plan->type.scale;
        uint32_t whole = number->digit_count - number->fraction_count;
        if (!plain || number->fraction_count > scale || whole + scale > plan->type.precision) {
            return numeric_unusual(row, plan, column, text, "number");
        }
        return set_i64(row, column, value * powers[scale - number->fraction_count]);
    }
    case WENDI_CONVERT_DOUBLE:
        if (!plain || number->digit_count > EXACT_DIGITS || number->mantissa == 0) {
            return float_unusual(row, plan, column, text, "number");
        }
        return set_f64(row, column, (double)value / exact_powers[number->fraction_count]);
    case WENDI_CONVERT_REAL:
        return float_unusual(row, plan, column, text, "number");
    case WENDI_CONVERT_EPOCH:
        return plain ? epoch_number(row, plan, column, number) : epoch_unusual(row, plan, column, text, "number");
    case WENDI_CONVERT_BOOLEAN:
        return boolean_number(row, plan, column, text);
    case WENDI_CONVERT_JSONB:
        return set_string(row, column, text);
    default:
        return unfit(row, plan, column, WENDI_REJECT_TYPE, "number", text, NULL);
    }
}

bool wendi_convert_i64(wendi_convert_row *row, const wendi_convert_column *plan, uint32_t column, int64_t value)
{
    char text[24];
    switch (plan->kind) {
    case WENDI_CONVERT_INTEGER:
        if (value >= plan->low && value <= plan->high) {
            return set_i64(row, column, value);
        }
        break;
    case WENDI_CONVERT_TIME: /* already microseconds, whatever unit the column's messages have */
    case WENDI_CONVERT_EPOCH:
    case WENDI_CONVERT_DATE:
        return set_time(row, plan, column, value);
    default:
        break;
    }
    int length = snprintf(text, sizeof text, "%lld", (long long)value);
    return wendi_convert_text(row, plan, column, (wendi_string){text, (uint32_t)length});
}

/* ---- texts ------------------------------------------------------------------------------------ */

static bool text_value(wendi_convert_row *row, const wendi_convert_column *plan, uint32_t column, wendi_string text)
{
    uint32_t limit = plan->type.length_max;
    if (limit != 0 && text.length > limit && !wendi_text_fits(text, limit)) {
        return unfit(row, plan, column, WENDI_REJECT_VALUE, "string", text, "too long");
    }
    return set_string(row, column, text);
}

/* More than six digits behind the seconds' point are cut; that is counted, which needs a look only at long texts. */
static bool finer_than_us(wendi_string text)
{
    const char *point = text.length <= 26 ? NULL : memchr(text.data, '.', text.length);
    const char *end = text.data + text.length;
    uint32_t digits = 0;
    while (point != NULL && point + 1 + digits < end && (unsigned char)(point[1 + digits] - '0') < 10) {
        digits++;
    }
    return digits > US_DIGITS;
}

static bool time_text(wendi_convert_row *row, const wendi_convert_column *plan, uint32_t column, wendi_string text)
{
    int64_t us;
    const char *why = NULL;
    wend_status status = plan->pattern.length != 0
                             ? wendi_parse_timestamp_pattern(text, plan->pattern, plan->zone, &us, &why)
                             : wendi_parse_timestamp(text, plan->zone, &us, &why);
    if (status != WEND_OK) {
        return unfit(row, plan, column, WENDI_REJECT_VALUE, "string", text, why);
    }
    row->counters->time_cut += plan->pattern.length == 0 && finer_than_us(text);
    return set_time(row, plan, column, us);
}

static bool date_text(wendi_convert_row *row, const wendi_convert_column *plan, uint32_t column, wendi_string text)
{
    int64_t days;
    const char *why = NULL;
    if (wendi_parse_date(text, &days, &why) != WEND_OK) {
        return unfit(row, plan, column, WENDI_REJECT_VALUE, "string", text, why);
    }
    if (plan->judged && days > -100000000 && days < 100000000) {
        return set_time(row, plan, column, days * US_PER_DAY);
    }
    return set_i64(row, column, days);
}

static bool boolean_text(wendi_convert_row *row, const wendi_convert_column *plan, uint32_t column, wendi_string text)
{
    bool yes = text.length == 4 && memcmp(text.data, "true", 4) == 0;
    if (!yes && !(text.length == 5 && memcmp(text.data, "false", 5) == 0)) {
        return unfit(row, plan, column, WENDI_REJECT_TYPE, "string", text, NULL);
    }
    row->counters->coerced++;
    return set_i64(row, column, yes);
}

static bool b16_text(wendi_convert_row *row, const wendi_convert_column *plan, uint32_t column, wendi_string text)
{
    wendi_column_builder *into = &row->builder->columns[column];
    const char *why = NULL;
    wend_status status = plan->kind == WENDI_CONVERT_UUID ? wendi_parse_uuid(text, &into->b16[row->row], &why)
                                                          : wendi_parse_inet(text, &into->b16[row->row], &why);
    if (status != WEND_OK) {
        return unfit(row, plan, column, WENDI_REJECT_VALUE, "string", text, why);
    }
    into->nulls[row->row] = 0;
    wendi_convert_mark(row->given, column);
    return true;
}

/* A number in quotes. Blanks and words such as "NaN" make it no number. */
static bool number_text(wendi_convert_row *row, const wendi_convert_column *plan, uint32_t column, wendi_string text)
{
    uint32_t i = text.length > 0 && (text.data[0] == '-' || text.data[0] == '+');
    if (i >= text.length || ((unsigned char)(text.data[i] - '0') > 9 && text.data[i] != '.')) {
        return unfit(row, plan, column, WENDI_REJECT_TYPE, "string", text, NULL);
    }
    uint64_t nulled = row->counters->nulled;
    bool fits;
    switch (plan->kind) {
    case WENDI_CONVERT_INTEGER:
        fits = integer_unusual(row, plan, column, text, "string");
        break;
    case WENDI_CONVERT_NUMERIC:
        fits = numeric_unusual(row, plan, column, text, "string");
        break;
    case WENDI_CONVERT_EPOCH:
        fits = epoch_unusual(row, plan, column, text, "string");
        break;
    default:
        fits = float_unusual(row, plan, column, text, "string");
        break;
    }
    row->counters->coerced += fits && row->counters->nulled == nulled;
    return fits;
}

bool wendi_convert_text(wendi_convert_row *row, const wendi_convert_column *plan, uint32_t column, wendi_string text)
{
    switch (plan->kind) {
    case WENDI_CONVERT_TEXT:
        return text_value(row, plan, column, text);
    case WENDI_CONVERT_TIME:
        return time_text(row, plan, column, text);
    case WENDI_CONVERT_DATE:
        return date_text(row, plan, column, text);
    case WENDI_CONVERT_UUID:
    case WENDI_CONVERT_INET:
        return b16_text(row, plan, column, text);
    case WENDI_CONVERT_BOOLEAN:
        return boolean_text(row, plan, column, text);
    case WENDI_CONVERT_JSONB:
        return unfit(row, plan, column, WENDI_REJECT_TYPE, "string", text, NULL);
    default:
        return number_text(row, plan, column, text);
    }
}

static bool from_string(wendi_convert_row *row, const wendi_convert_column *plan, uint32_t column,
                        wendi_json_string string)
{
    wendi_string text = {string.data, string.length};
    if (plan->kind == WENDI_CONVERT_JSONB) {
        return set_string(row, column, (wendi_string){string.data - 1, string.length + 2});
    }
    if (string.escaped) {
        row->scratch.length = 0;
        if (wendi_buffer_reserve(&row->scratch, string.length) != WEND_OK) {
            return no_memory(row);
        }
        text = (wendi_string){(const char *)row->scratch.data,
                              wendi_json_unescape(string, (char *)row->scratch.data)};
    }
    return wendi_convert_text(row, plan, column, text);
}

/* ---- values ----------------------------------------------------------------------------------- */

static bool from_word(wendi_convert_row *row, const wendi_convert_column *plan, uint32_t column, wendi_string word)
{
    switch (plan->kind) {
    case WENDI_CONVERT_BOOLEAN:
        return set_i64(row, column, word.length == 4);
    case WENDI_CONVERT_JSONB:
        return set_string(row, column, word);
    case WENDI_CONVERT_TEXT:
        row->counters->coerced++;
        return text_value(row, plan, column, word);
    default:
        return unfit(row, plan, column, WENDI_REJECT_TYPE, "boolean", word, NULL);
    }
}

static const char *convert_subtree(wendi_convert_row *row, const wendi_convert_column *plan, uint32_t column,
                                   const char *at, uint32_t depth, wendi_json_error *error)
{
    const char *begin = at;
    const char *what = *at == '{' ? "object" : "array";
    at = wendi_json_skip(at, row->message_end, depth, error);
    if (at == NULL) {
        return wendi_convert_fault(row, error);
    }
    wendi_string text = {begin, (uint32_t)(at - begin)};
    bool fits = plan->kind == WENDI_CONVERT_JSONB ? set_string(row, column, text)
                                                  : unfit(row, plan, column, WENDI_REJECT_TYPE, what, text, NULL);
    return fits ? at : NULL;
}

static const char *convert_word(wendi_convert_row *row, const wendi_convert_column *plan, uint32_t column,
                                const char *at, wendi_json_error *error)
{
    const char *word = *at == 't' ? "true" : *at == 'f' ? "false" : "null";
    uint32_t length = (uint32_t)strlen(word);
    const char *behind = wendi_json_scan_word(at, row->message_end, word, length, error);
    if (behind == NULL) {
        return wendi_convert_fault(row, error);
    }
    if (*at == 'n') {
        wendi_convert_null(row, column);
        return behind;
    }
    return from_word(row, plan, column, (wendi_string){at, length}) ? behind : NULL;
}

const char *wendi_convert_value(wendi_convert_row *row, const wendi_convert_column *plan, uint32_t column, const char *at,
                                uint32_t depth)
{
    wendi_json_error error;
    wendi_json_string string;
    wendi_json_number number;

    if (at >= row->message_end) {
        wendi_json_fail_here(&error, at, row->message_end);
        return wendi_convert_fault(row, &error);
    }
    switch (*at) {
    case '"':
        at = wendi_json_scan_string(at + 1, row->message_end, &string, &error);
        if (at == NULL) {
            return wendi_convert_fault(row, &error);
        }
        return from_string(row, plan, column, string) ? at : NULL;
    case '{':
    case '[':
        return convert_subtree(row, plan, column, at, depth, &error);
    case 't':
    case 'f':
    case 'n':
        return convert_word(row, plan, column, at, &error);
    default:
        if (*at != '-' && (unsigned char)(*at - '0') > 9) {
            wendi_json_fail(&error, *at == '+' || *at == '.' ? WENDI_JSON_NUMBER : WENDI_JSON_UNEXPECTED, at);
            return wendi_convert_fault(row, &error);
        }
        at = wendi_json_scan_number(at, row->message_end, &number, &error);
        if (at == NULL) {
            return wendi_convert_fault(row, &error);
        }
        return from_number(row, plan, column, &number) ? at : NULL;
    }
}
