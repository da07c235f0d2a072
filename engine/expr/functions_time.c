/**
 * Times: truncation, fields, zones, and arithmetic with intervals, as PostgreSQL defines them.
 *
 * date_trunc of an instant truncates its wall time: to hours and less by the instant's own offset, to days and
 * more through the zone again, so that a day begins at its midnight also when the clocks change.
 */
#include "engine/expr/kernel_loops.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/column/calendar.h"
#include "engine/expr/numeric.h"
#include "engine/expr/time_format.h"
#include "engine/expr/zone_window.h"

enum { RAISES = WENDI_EXPR_RAISES, SESSION = WENDI_EXPR_SESSION, TOTAL = WENDI_FUNCTION_TOTAL };

static wend_status find_zone(const wendi_call *call, uint32_t arg, uint32_t row, const wendi_timezone **zone)
{
    wendi_string name = wendi_arg_string(call, arg, row);
    wend_status status = wendi_timezone_find(name, zone, call->error);

    if (status != WEND_OK && call->error != NULL) {
        call->error->position = call->node->args[arg]->position;
    }
    return status;
}

/** Unit names of date_trunc and extract, at binding when they are constants. */
static bool truncates(wendi_field field)
{
    return field <= WENDI_FIELD_MILLENNIUM;
}

static wend_status unknown_unit(int32_t position, wendi_string name, const char *what, wend_error *error)
{
    wend_status status = wendi_fail_at(error, WEND_INVALID, position, "unit \"%.*s\" not recognized for %s",
                                       (int)(name.length > 80 ? 80 : name.length), name.data, what);
    wendi_error_hint(error, "units are microseconds, milliseconds, second, minute, hour, day, week, month, quarter, "
                            "year, decade, century, millennium; extract also takes dow, isodow, doy, isoyear, epoch");
    return status;
}

static wend_status check_unit(const wendi_expr *call, bool trunc, wend_error *error)
{
    const wendi_value *unit = wendi_expr_value(call->args[0]);
    const wendi_value *zone = trunc && call->arg_count == 3 ? wendi_expr_value(call->args[2]) : NULL;
    const wendi_timezone *found;

    if (unit != NULL && !unit->null) {
        wendi_field field = wendi_field_of(unit->string);
        if (field == WENDI_FIELD_UNKNOWN || (trunc && !truncates(field))) {
            return unknown_unit(call->args[0]->position, unit->string, trunc ? "date_trunc" : "extract", error);
        }
    }
    if (zone != NULL && !zone->null) {
        wend_status status = wendi_timezone_find(zone->string, &found, error);
        if (status != WEND_OK && error != NULL) {
            error->position = call->args[2]->position;
        }
        return status;
    }
    return WEND_OK;
}

static wend_status check_trunc(const wendi_expr *call, wend_error *error)
{
    return check_unit(call, true, error);
}

static wend_status check_extract(const wendi_expr *call, wend_error *error)
{
    return check_unit(call, false, error);
}

static wend_status check_timezone(const wendi_expr *call, wend_error *error)
{
    const wendi_value *zone = wendi_expr_value(call->args[0]);
    const wendi_timezone *found;

    if (zone == NULL || zone->null) {
        return WEND_OK;
    }
    wend_status status = wendi_timezone_find(zone->string, &found, error);
    if (status != WEND_OK && error != NULL) {
        error->position = call->args[0]->position;
    }
    return status;
}

/** Units whose length never changes: floor by it, `shift` putting weeks on Mondays. 0: no such unit. */
static int64_t fixed_unit(wendi_field field, int64_t *shift)
{
    *shift = 0;
    switch (field) {
    case WENDI_FIELD_MICROSECONDS:
        return 1;
    case WENDI_FIELD_MILLISECONDS:
        return 1000;
    case WENDI_FIELD_SECOND:
        return WENDI_US_PER_SECOND;
    case WENDI_FIELD_MINUTE:
        return 60 * WENDI_US_PER_SECOND;
    case WENDI_FIELD_HOUR:
        return 3600 * WENDI_US_PER_SECOND;
    case WENDI_FIELD_DAY:
        return WENDI_US_PER_DAY;
    case WENDI_FIELD_WEEK:
        *shift = 3 * WENDI_US_PER_DAY; /* 1970-01-01 was a Thursday */
        return 7 * WENDI_US_PER_DAY;
    default:
        return 0;
    }
}

/** Floor to a multiple of a unit. Inlined with a constant unit the division is a multiplication. */
static inline __attribute__((always_inline)) int64_t floor_unit(int64_t us, int64_t unit, int64_t shift)
{
    int64_t rest = (us + shift) % unit;
    return us - (rest < 0 ? rest + unit : rest);
}

#define FLOOR_LOOP(UNIT, SHIFT)                                                                    \
    do {                                                                                           \
        for (uint32_t k = 0; k < count; k++) {                                                     \
            uint32_t row = rows == NULL ? k : rows[k];                                             \
            out[row] = floor_unit(us[row], UNIT, SHIFT);                                           \
        }                                                                                          \
    } while (0)

/** Wall times, or instants of a zone without an offset, by a unit of fixed length. */
static bool trunc_fixed(wendi_call *call, wendi_field field)
{
    const int64_t *const us = call->args[1].i64;
    int64_t *const restrict out = call->out.i64;
    const uint32_t *const rows = call->rows.indices;
    const uint32_t count = call->rows.count;

    switch (field) {
    case WENDI_FIELD_SECOND:
        FLOOR_LOOP(WENDI_US_PER_SECOND, 0);
        return true;
    case WENDI_FIELD_MINUTE:
        FLOOR_LOOP(60 * WENDI_US_PER_SECOND, 0);
        return true;
    case WENDI_FIELD_HOUR:
        FLOOR_LOOP(3600 * WENDI_US_PER_SECOND, 0);
        return true;
    case WENDI_FIELD_DAY:
        FLOOR_LOOP(WENDI_US_PER_DAY, 0);
        return true;
    case WENDI_FIELD_WEEK:
        FLOOR_LOOP(7 * WENDI_US_PER_DAY, 3 * WENDI_US_PER_DAY);
        return true;
    default:
        return false;
    }
}

static int64_t trunc_local(wendi_field field, int64_t local)
{
    int64_t shift;
    int64_t unit = fixed_unit(field, &shift);

    return unit != 0 ? floor_unit(local, unit, shift) : wendi_date_trunc(field, local);
}

static int64_t trunc_instant(wendi_field field, int64_t us, wendi_zone_window *window)
{
    int64_t local = wendi_zone_window_local(window, us);
    int64_t floor = trunc_local(field, local);

    return field <= WENDI_FIELD_HOUR ? us - (local - floor) : wendi_zone_window_utc(window, floor);
}

static wend_status unit_at(const wendi_call *call, uint32_t row, bool trunc, wendi_field *field)
{
    wendi_string name = wendi_arg_string(call, 0, row);

    *field = wendi_field_of(name);
    if (*field == WENDI_FIELD_UNKNOWN || (trunc && !truncates(*field))) {
        return unknown_unit(call->node->position, name, trunc ? "date_trunc" : "extract", call->error);
    }
    return WEND_OK;
}

static wend_status date_trunc(wendi_call *call)
{
    bool instants = call->node->type.kind == WENDI_TYPE_TIMESTAMPTZ;
    bool fixed = call->args[0].form == WENDI_FORM_CONSTANT && (call->arg_count < 3 || call->args[2].form == WENDI_FORM_CONSTANT);
    const wendi_timezone *zone = call->arg_count < 3 && instants ? wendi_call_zone(call) : wendi_timezone_utc();
    wendi_zone_window window = wendi_zone_window_of(zone);
    wendi_field field = WENDI_FIELD_UNKNOWN;
    wend_status status = WEND_OK;
    bool first = true;

    WENDI_CALL_ROWS(call, row)
    {
        if (first || !fixed) {
            WEND_TRY(unit_at(call, row, true, &field));
            if (call->arg_count == 3) {
                WEND_TRY(find_zone(call, 2, row, &zone));
                window = wendi_zone_window_of(zone);
            }
            if (fixed && zone == wendi_timezone_utc() && call->args[1].form == WENDI_FORM_FLAT && trunc_fixed(call, field)) {
                return WEND_OK;
            }
            first = false;
        }
        int64_t us = wendi_arg_i64(call, 1, row);
        call->out.i64[row] = instants ? trunc_instant(field, us, &window) : trunc_local(field, us);
    }
cleanup:
    return status;
}

static wend_status date_bin(wendi_call *call)
{
    WENDI_CALL_ROWS(call, row)
    {
        wendi_interval stride = wendi_arg_interval(call, 0, row);
        int64_t us = wendi_arg_i64(call, 1, row);
        int64_t origin = wendi_arg_i64(call, 2, row);
        int64_t step;
        int64_t distance;
        if (stride.months != 0) {
            return wendi_call_fail(call, "timestamps cannot be binned into intervals containing months or years");
        }
        if (__builtin_mul_overflow((int64_t)stride.days, WENDI_US_PER_DAY, &step) ||
            __builtin_add_overflow(step, stride.microseconds, &step) || __builtin_sub_overflow(us, origin, &distance)) {
            return wendi_call_fail(call, "interval out of range");
        }
        if (step <= 0) {
            return wendi_call_fail(call, "stride must be greater than zero");
        }
        call->out.i64[row] = wendi_date_bin(step, us, origin);
    }
    return WEND_OK;
}

/** Digits that extract gives: seconds have six behind the point, milliseconds three, others none. */
static wendi_type extract_type(const wendi_expr *const *args, uint32_t arg_count)
{
    const wendi_value *unit = wendi_expr_value(args[0]);
    wendi_field field = unit == NULL || unit->null ? WENDI_FIELD_UNKNOWN : wendi_field_of(unit->string);

    (void)arg_count;
    switch (field) {
    case WENDI_FIELD_EPOCH:
    case WENDI_FIELD_UNKNOWN:
        return wendi_numeric_type(18, 6);
    case WENDI_FIELD_SECOND:
        return wendi_numeric_type(9, 6);
    case WENDI_FIELD_MILLISECONDS:
        return wendi_numeric_type(9, 3);
    default:
        return wendi_numeric_type(12, 0);
    }
}

static int64_t iso_week(int64_t days, int64_t *iso_year)
{
    /* The week's Thursday decides its year (ISO 8601). */
    int64_t weekday = ((days + 3) % 7 + 7) % 7;
    int64_t thursday = days - weekday + 3;
    int32_t year;
    int32_t month;
    int32_t day;

    wendi_civil_from_days(thursday, &year, &month, &day);
    *iso_year = year;
    return (thursday - wendi_days_from_civil(year, 1, 1)) / 7 + 1;
}

/** Century or millennium of a year of the calendar, where 1 BC is 0; SQL counts without a 0. */
static int64_t era(int64_t year, int64_t length)
{
    return year > 0 ? (year + length - 1) / length : -((length - 1 - (year - 1)) / length);
}

/** Fields that the day's number and the time in it give, without the calendar: the ones asked for most. */
static bool field_of_day(wendi_field field, int64_t local, int64_t offset, wendi_int128 *micro)
{
    int64_t in_day = local % WENDI_US_PER_DAY;
    in_day += in_day < 0 ? WENDI_US_PER_DAY : 0;
    int64_t days = (local - in_day) / WENDI_US_PER_DAY;
    int64_t value;

    switch (field) {
    case WENDI_FIELD_HOUR:
        value = in_day / (3600 * WENDI_US_PER_SECOND);
        break;
    case WENDI_FIELD_MINUTE:
        value = in_day / (60 * WENDI_US_PER_SECOND) % 60;
        break;
    case WENDI_FIELD_DOW:
        value = ((days + 4) % 7 + 7) % 7;
        break;
    case WENDI_FIELD_ISODOW:
        value = ((days + 3) % 7 + 7) % 7 + 1;
        break;
    case WENDI_FIELD_EPOCH:
        *micro = (wendi_int128)local - offset;
        return true;
    default:
        return false;
    }
    *micro = (wendi_int128)value * 1000000;
    return true;
}

/** A field of a wall time in millionths; false for fields that a wall time has not. */
static bool field_of_local(wendi_field field, int64_t local, int64_t offset, wendi_int128 *micro)
{
    wendi_civil civil = wendi_civil_from_us(local);
    int64_t days = local / WENDI_US_PER_DAY - (local % WENDI_US_PER_DAY < 0);
    int64_t second_us = (int64_t)civil.second * WENDI_US_PER_SECOND + civil.microsecond;
    int64_t year = civil.year > 0 ? civil.year : civil.year - 1; /* 1 BC is year 0 of the calendar, -1 in SQL */
    int64_t iso_year;
    int64_t week = iso_week(days, &iso_year);
    int64_t value = 0;

    switch (field) {
    case WENDI_FIELD_MICROSECONDS:
        value = second_us;
        break;
    case WENDI_FIELD_MILLISECONDS:
        *micro = (wendi_int128)second_us * 1000;
        return true;
    case WENDI_FIELD_SECOND:
        *micro = second_us;
        return true;
    case WENDI_FIELD_DAY:
        value = civil.day;
        break;
    case WENDI_FIELD_WEEK:
        value = week;
        break;
    case WENDI_FIELD_MONTH:
        value = civil.month;
        break;
    case WENDI_FIELD_QUARTER:
        value = (civil.month + 2) / 3;
        break;
    case WENDI_FIELD_YEAR:
        value = year;
        break;
    case WENDI_FIELD_DECADE:
        value = civil.year >= 0 ? civil.year / 10 : -((9 - civil.year) / 10);
        break;
    case WENDI_FIELD_CENTURY:
        value = era(civil.year, 100);
        break;
    case WENDI_FIELD_MILLENNIUM:
        value = era(civil.year, 1000);
        break;
    case WENDI_FIELD_DOY:
        value = days - wendi_days_from_civil(civil.year, 1, 1) + 1;
        break;
    case WENDI_FIELD_ISOYEAR:
        value = iso_year > 0 ? iso_year : iso_year - 1;
        break;
    case WENDI_FIELD_JULIAN:
        value = days + 2440588;
        break;
    case WENDI_FIELD_TIMEZONE:
        value = offset / WENDI_US_PER_SECOND;
        break;
    default: /* those of field_of_day() */
        return false;
    }
    *micro = (wendi_int128)value * 1000000;
    return true;
}

static bool field_of_interval(wendi_field field, wendi_interval interval, wendi_int128 *micro)
{
    int64_t us = interval.microseconds;
    int64_t value;

    switch (field) {
    case WENDI_FIELD_EPOCH:
        /* Years count 365.25 days here and months 30, as PostgreSQL has it. */
        *micro = (wendi_int128)(interval.months / 12) * 31557600 * 1000000 +
                 (wendi_int128)(interval.months % 12) * 2592000 * 1000000 + (wendi_int128)interval.days * WENDI_US_PER_DAY + us;
        return true;
    case WENDI_FIELD_SECOND:
        *micro = us % (60 * WENDI_US_PER_SECOND);
        return true;
    case WENDI_FIELD_MILLISECONDS:
        *micro = (wendi_int128)(us % (60 * WENDI_US_PER_SECOND)) * 1000;
        return true;
    case WENDI_FIELD_MICROSECONDS:
        value = us % (60 * WENDI_US_PER_SECOND);
        break;
    case WENDI_FIELD_MINUTE:
        value = us / (60 * WENDI_US_PER_SECOND) % 60;
        break;
    case WENDI_FIELD_HOUR:
        value = us / (3600 * WENDI_US_PER_SECOND);
        break;
    case WENDI_FIELD_DAY:
        value = interval.days;
        break;
    case WENDI_FIELD_MONTH:
        value = interval.months % 12;
        break;
    case WENDI_FIELD_QUARTER:
        value = interval.months % 12 / 3 + 1;
        break;
    case WENDI_FIELD_YEAR:
        value = interval.months / 12;
        break;
    case WENDI_FIELD_DECADE:
        value = interval.months / 120;
        break;
    case WENDI_FIELD_CENTURY:
        value = interval.months / 1200;
        break;
    case WENDI_FIELD_MILLENNIUM:
        value = interval.months / 12000;
        break;
    default:
        return false;
    }
    *micro = (wendi_int128)value * 1000000;
    return true;
}

/** The value of a row's field in millionths, for all kinds of times. */
static wend_status extract_micro(wendi_call *call, uint32_t row, wendi_field field, wendi_zone_window *window,
                                 wendi_int128 *micro)
{
    wendi_type_kind kind = (wendi_type_kind)call->args[1].type.kind;
    bool known;

    if (kind == WENDI_TYPE_INTERVAL) {
        known = field_of_interval(field, wendi_arg_interval(call, 1, row), micro);
    } else {
        int64_t us = wendi_arg_i64(call, 1, row);
        bool date = kind == WENDI_TYPE_DATE;
        int64_t local = date ? us * WENDI_US_PER_DAY : us;
        int64_t offset = 0;
        if (kind == WENDI_TYPE_TIMESTAMPTZ) {
            local = wendi_zone_window_local(window, us);
            offset = local - us;
        }
        bool clock = field <= WENDI_FIELD_HOUR || field == WENDI_FIELD_TIMEZONE;
        bool zoned = field == WENDI_FIELD_TIMEZONE && kind != WENDI_TYPE_TIMESTAMPTZ;
        bool fraction = field == WENDI_FIELD_JULIAN && !date; /* would be no whole number */
        known = !(date && clock) && !zoned && !fraction &&
                (field_of_day(field, local, offset, micro) || field_of_local(field, local, offset, micro));
    }
    if (known) {
        return WEND_OK;
    }
    char name[40];
    wendi_string unit = wendi_arg_string(call, 0, row);
    return wendi_call_fail(call, "unit \"%.*s\" not supported for type %s", (int)unit.length, unit.data,
                           wendi_type_name(call->args[1].type, name));
}

static wend_status extract_rows(wendi_call *call, bool as_double)
{
    bool fixed = call->args[0].form == WENDI_FORM_CONSTANT;
    wendi_zone_window window = wendi_zone_window_of(wendi_call_zone(call));
    wendi_field field = WENDI_FIELD_UNKNOWN;
    wend_status status = WEND_OK;
    wendi_type type = call->node->type;
    bool first = true;

    WENDI_CALL_ROWS(call, row)
    {
        wendi_int128 micro;
        if (first || !fixed) {
            WEND_TRY(unit_at(call, row, false, &field));
            first = false;
        }
        WEND_TRY(extract_micro(call, row, field, &window, &micro));
        if (as_double) {
            call->out.f64[row] = wendi_numeric_to_double(micro, 6);
        } else if (type.scale == 0 && micro == (int64_t)micro) {
            call->out.i64[row] = (int64_t)micro / 1000000; /* whole by construction */
        } else if (!wendi_numeric_rescale(micro, 6, type.scale, &micro) || !wendi_numeric_fits(micro, type.precision)) {
            return wendi_call_fail(call, "numeric overflow");
        } else {
            call->out.i64[row] = (int64_t)micro;
        }
    }
cleanup:
    return status;
}

static wend_status extract(wendi_call *call)
{
    return extract_rows(call, false);
}

static wend_status date_part(wendi_call *call)
{
    return extract_rows(call, true);
}

/** timezone(zone, x): the wall time of an instant there, or the instant of a wall time there. */
static wend_status at_zone(wendi_call *call)
{
    bool to_wall = call->node->type.kind == WENDI_TYPE_TIMESTAMP;
    bool fixed = call->args[0].form == WENDI_FORM_CONSTANT;
    wendi_zone_window window = wendi_zone_window_of(wendi_timezone_utc());
    wend_status status = WEND_OK;
    bool first = true;

    WENDI_CALL_ROWS(call, row)
    {
        int64_t us = wendi_arg_i64(call, 1, row);
        if (first || !fixed) {
            const wendi_timezone *zone;
            WEND_TRY(find_zone(call, 0, row, &zone));
            window = wendi_zone_window_of(zone);
            first = false;
        }
        call->out.i64[row] = to_wall ? wendi_zone_window_local(&window, us) : wendi_timezone_to_utc(window.zone, us);
    }
cleanup:
    return status;
}

static wend_status to_timestamp(wendi_call *call)
{
    WENDI_CALL_ROWS(call, row)
    {
        double seconds = wendi_arg_f64(call, 0, row);
        double us = rint(seconds * 1e6);
        if (!(us > (double)WENDI_TIMESTAMP_LEAST && us < 9.2233713e18)) {
            return wendi_call_fail(call, "timestamp out of range");
        }
        call->out.i64[row] = (int64_t)us;
    }
    return WEND_OK;
}

static wend_status make_date(wendi_call *call)
{
    WENDI_CALL_ROWS(call, row)
    {
        int64_t parts[3] = {wendi_arg_i64(call, 0, row), wendi_arg_i64(call, 1, row), wendi_arg_i64(call, 2, row)};
        bool small = parts[0] >= -4713 && parts[0] <= 294276 && parts[0] != 0 && parts[1] >= 1 && parts[1] <= 12 &&
                     parts[2] >= 1 && parts[2] <= 31;
        wendi_civil civil = {.year = (int32_t)(parts[0] < 0 ? parts[0] + 1 : parts[0]), .month = (int32_t)parts[1], .day = (int32_t)parts[2]};
        if (!small || !wendi_civil_valid(&civil)) {
            return wendi_call_fail(call, "date field value out of range: %lld-%02lld-%02lld", (long long)parts[0],
                                   (long long)parts[1], (long long)parts[2]);
        }
        call->out.i64[row] = wendi_days_from_civil(civil.year, civil.month, civil.day);
    }
    return WEND_OK;
}

/** date(x) is a cast under another name. */
static wend_status date_of(wendi_call *call)
{
    wendi_zone_window window = wendi_zone_window_of(wendi_call_zone(call));
    bool instants = call->args[0].type.kind == WENDI_TYPE_TIMESTAMPTZ;

    WENDI_CALL_ROWS(call, row)
    {
        int64_t us = wendi_arg_i64(call, 0, row);
        int64_t local = instants ? wendi_zone_window_local(&window, us) : us;
        call->out.i64[row] = floor_unit(local, WENDI_US_PER_DAY, 0) / WENDI_US_PER_DAY;
    }
    return WEND_OK;
}

/** age(a, b): years, months and days between two wall times, as a person counts them. */
static wendi_interval age_between(int64_t a, int64_t b)
{
    int sign = a < b ? -1 : 1;
    wendi_civil from = wendi_civil_from_us(a < b ? a : b);
    wendi_civil to = wendi_civil_from_us(a < b ? b : a);
    int64_t from_clock = (a < b ? a : b) - floor_unit(a < b ? a : b, WENDI_US_PER_DAY, 0);
    int64_t to_clock = (a < b ? b : a) - floor_unit(a < b ? b : a, WENDI_US_PER_DAY, 0);
    int64_t us = to_clock - from_clock;
    int32_t days = to.day - from.day;
    int32_t months = (to.year - from.year) * 12 + to.month - from.month;

    if (us < 0) {
        us += WENDI_US_PER_DAY;
        days--;
    }
    while (days < 0) { /* borrow the length of the month that the later side's earlier time lies in */
        int64_t month_start = wendi_days_from_civil(from.year, from.month, 1);
        int64_t next = from.month == 12 ? wendi_days_from_civil(from.year + 1, 1, 1)
                                        : wendi_days_from_civil(from.year, from.month + 1, 1);
        days += (int32_t)(next - month_start);
        months--;
    }
    return (wendi_interval){sign * months, sign * days, sign * us};
}

static wend_status age(wendi_call *call)
{
    bool instants = call->args[0].type.kind == WENDI_TYPE_TIMESTAMPTZ;
    wendi_zone_window window = wendi_zone_window_of(wendi_call_zone(call));

    WENDI_CALL_ROWS(call, row)
    {
        int64_t a = wendi_arg_i64(call, 0, row);
        int64_t b = wendi_arg_i64(call, 1, row);
        if (instants) {
            a = wendi_zone_window_local(&window, a);
            b = wendi_zone_window_local(&window, b);
        }
        wendi_out_interval(call, row, age_between(a, b));
    }
    return WEND_OK;
}

static wend_status to_char(wendi_call *call)
{
    wendi_type_kind kind = (wendi_type_kind)call->args[0].type.kind;
    wendi_zone_window window = wendi_zone_window_of(wendi_call_zone(call));
    wendi_buffer buffer = {.data = NULL};
    wend_status status = WEND_OK;

    WENDI_CALL_ROWS(call, row)
    {
        int64_t us = wendi_arg_i64(call, 0, row);
        int64_t local = kind == WENDI_TYPE_DATE          ? us * WENDI_US_PER_DAY
                        : kind == WENDI_TYPE_TIMESTAMPTZ ? wendi_zone_window_local(&window, us)
                                                         : us;
        const wendi_timezone *zone = kind == WENDI_TYPE_TIMESTAMPTZ ? wendi_call_zone(call) : NULL;
        buffer.length = 0;
        if (wendi_time_format(local, local - us, zone, wendi_arg_string(call, 1, row), &buffer) != WEND_OK) {
            status = wendi_fail_nomem(call->error, "a string", buffer.length);
            break;
        }
        WEND_TRY(wendi_call_string(call, row, buffer.data == NULL ? "" : (const char *)buffer.data, buffer.length));
    }
cleanup:
    wendi_buffer_free(&buffer);
    return status;
}

#define FUNCTION(NAME, ARGS, RESULT, FLAGS, KERNEL) {.name = NAME, .args = ARGS, .result = RESULT, .flags = FLAGS, .kernel = KERNEL}
#define CHECKED(NAME, ARGS, RESULT, FLAGS, KERNEL, CHECK)                                          \
    {.name = NAME, .args = ARGS, .result = RESULT, .flags = FLAGS, .kernel = KERNEL, .check = CHECK}

const wendi_function wendi_time_functions[] = {
    FUNCTION("age", "TT", "I", SESSION, age),
    FUNCTION("age", "SS", "I", 0, age),
    FUNCTION("date", "T", "D", SESSION, date_of),
    FUNCTION("date", "S", "D", 0, date_of),
    FUNCTION("date_bin", "ITT", "T", RAISES, date_bin),
    FUNCTION("date_bin", "ISS", "S", RAISES, date_bin),
    CHECKED("date_part", "tT", "d", RAISES | SESSION, date_part, check_extract),
    CHECKED("date_part", "tS", "d", RAISES, date_part, check_extract),
    CHECKED("date_part", "tD", "d", RAISES, date_part, check_extract),
    CHECKED("date_part", "tI", "d", RAISES, date_part, check_extract),
    CHECKED("date_trunc", "tT", "T", RAISES | SESSION, date_trunc, check_trunc),
    CHECKED("date_trunc", "tTt", "T", RAISES, date_trunc, check_trunc),
    CHECKED("date_trunc", "tS", "S", RAISES, date_trunc, check_trunc),
    {.name = "extract", .args = "tT", .flags = RAISES | SESSION, .kernel = extract, .result_type = extract_type, .check = check_extract},
    {.name = "extract", .args = "tS", .flags = RAISES, .kernel = extract, .result_type = extract_type, .check = check_extract},
    {.name = "extract", .args = "tD", .flags = RAISES, .kernel = extract, .result_type = extract_type, .check = check_extract},
    {.name = "extract", .args = "tI", .flags = RAISES, .kernel = extract, .result_type = extract_type, .check = check_extract},
    FUNCTION("make_date", "iii", "D", RAISES, make_date),
    CHECKED("timezone", "tT", "S", RAISES, at_zone, check_timezone),
    CHECKED("timezone", "tS", "T", RAISES, at_zone, check_timezone),
    FUNCTION("to_char", "Tt", "t", SESSION, to_char),
    FUNCTION("to_char", "St", "t", 0, to_char),
    FUNCTION("to_timestamp", "d", "T", RAISES, to_timestamp),
    {.name = NULL}};
