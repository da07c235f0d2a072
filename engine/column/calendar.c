/*
 * Calendar arithmetic on days and microseconds. All floors are towards the past, so that times before
 * 1970 truncate as those after do. Results beyond 64 bits stay at its ends.
 */
#include "engine/column/calendar.h"

#include <assert.h>
#include <strings.h>

#include "engine/base/civil.h"

enum { YEAR_MIN = -4713, YEAR_MAX = 294276, MONTHS_PER_YEAR = 12 };

static const int64_t us_per_minute = 60 * WENDI_US_PER_SECOND;
static const int64_t us_per_hour = 3600 * WENDI_US_PER_SECOND;

int64_t wendi_days_from_civil(int32_t year, int32_t month, int32_t day)
{
    return wendi_civil_to_days(year, month, day);
}

void wendi_civil_from_days(int64_t days, int32_t *year, int32_t *month, int32_t *day)
{
    int64_t wide;
    wendi_civil_of_days(days, &wide, month, day);
    *year = (int32_t)wide;
}

/* By remainder: the first day's beginning may lie beyond what 64 bits hold. */
static int64_t time_in_day(int64_t local_us)
{
    int64_t rest = local_us % WENDI_US_PER_DAY;
    return rest < 0 ? rest + WENDI_US_PER_DAY : rest;
}

wendi_civil wendi_civil_from_us(int64_t local_us)
{
    wendi_civil civil;
    int64_t days = wendi_floor_div(local_us, WENDI_US_PER_DAY);
    int64_t in_day = time_in_day(local_us);
    wendi_civil_from_days(days, &civil.year, &civil.month, &civil.day);
    int32_t seconds = (int32_t)(in_day / WENDI_US_PER_SECOND);
    civil.hour = seconds / 3600;
    civil.minute = seconds / 60 % 60;
    civil.second = seconds % 60;
    civil.microsecond = (int32_t)(in_day - seconds * WENDI_US_PER_SECOND);
    return civil;
}

static int64_t clamp(wendi_int128 wide)
{
    return wide > INT64_MAX ? INT64_MAX : wide < INT64_MIN ? INT64_MIN : (int64_t)wide;
}

int64_t wendi_us_from_civil(const wendi_civil *civil)
{
    int64_t days = wendi_civil_to_days(civil->year, civil->month, civil->day);
    int64_t seconds = civil->hour * 3600 + civil->minute * 60 + civil->second;
    return clamp((wendi_int128)days * WENDI_US_PER_DAY + seconds * WENDI_US_PER_SECOND + civil->microsecond);
}

static int32_t days_in_month(int64_t year, int32_t month)
{
    static const int8_t days[MONTHS_PER_YEAR] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

bool wendi_civil_valid(const wendi_civil *civil)
{
    if (civil->year < YEAR_MIN || civil->year > YEAR_MAX || civil->month < 1 || civil->month > MONTHS_PER_YEAR ||
        civil->day < 1 || civil->day > days_in_month(civil->year, civil->month)) {
        return false;
    }
    return civil->hour >= 0 && civil->hour <= 23 && civil->minute >= 0 && civil->minute <= 59 && civil->second >= 0 &&
           civil->second <= 59 && civil->microsecond >= 0 && civil->microsecond <= 999999;
}

wendi_field wendi_field_of(wendi_string name)
{
    static const struct {
        const char *name;
        wendi_field field;
    } fields[] = {
        {"microseconds", WENDI_FIELD_MICROSECONDS}, {"microsecond", WENDI_FIELD_MICROSECONDS},
        {"us", WENDI_FIELD_MICROSECONDS},           {"usec", WENDI_FIELD_MICROSECONDS},
        {"usecs", WENDI_FIELD_MICROSECONDS},        {"useconds", WENDI_FIELD_MICROSECONDS},
        {"milliseconds", WENDI_FIELD_MILLISECONDS}, {"millisecond", WENDI_FIELD_MILLISECONDS},
        {"ms", WENDI_FIELD_MILLISECONDS},           {"msec", WENDI_FIELD_MILLISECONDS},
        {"msecs", WENDI_FIELD_MILLISECONDS},        {"mseconds", WENDI_FIELD_MILLISECONDS},
        {"second", WENDI_FIELD_SECOND},             {"seconds", WENDI_FIELD_SECOND},
        {"sec", WENDI_FIELD_SECOND},                {"secs", WENDI_FIELD_SECOND},
        {"s", WENDI_FIELD_SECOND},                  {"minute", WENDI_FIELD_MINUTE},
        {"minutes", WENDI_FIELD_MINUTE},            {"min", WENDI_FIELD_MINUTE},
        {"mins", WENDI_FIELD_MINUTE},               {"m", WENDI_FIELD_MINUTE},
        {"hour", WENDI_FIELD_HOUR},                 {"hours", WENDI_FIELD_HOUR},
        {"hr", WENDI_FIELD_HOUR},                   {"hrs", WENDI_FIELD_HOUR},
        {"h", WENDI_FIELD_HOUR},                    {"day", WENDI_FIELD_DAY},
        {"days", WENDI_FIELD_DAY},                  {"d", WENDI_FIELD_DAY},
        {"week", WENDI_FIELD_WEEK},                 {"weeks", WENDI_FIELD_WEEK},
        {"w", WENDI_FIELD_WEEK},                    {"month", WENDI_FIELD_MONTH},
        {"months", WENDI_FIELD_MONTH},              {"mon", WENDI_FIELD_MONTH},
        {"mons", WENDI_FIELD_MONTH},                {"quarter", WENDI_FIELD_QUARTER},
        {"quarters", WENDI_FIELD_QUARTER},          {"qtr", WENDI_FIELD_QUARTER},
        {"year", WENDI_FIELD_YEAR},                 {"years", WENDI_FIELD_YEAR},
        {"yr", WENDI_FIELD_YEAR},                   {"yrs", WENDI_FIELD_YEAR},
        {"y", WENDI_FIELD_YEAR},                    {"decade", WENDI_FIELD_DECADE},
        {"decades", WENDI_FIELD_DECADE},            {"dec", WENDI_FIELD_DECADE},
        {"decs", WENDI_FIELD_DECADE},               {"century", WENDI_FIELD_CENTURY},
        {"centuries", WENDI_FIELD_CENTURY},         {"cent", WENDI_FIELD_CENTURY},
        {"c", WENDI_FIELD_CENTURY},                 {"millennium", WENDI_FIELD_MILLENNIUM},
        {"millennia", WENDI_FIELD_MILLENNIUM},      {"mil", WENDI_FIELD_MILLENNIUM},
        {"mils", WENDI_FIELD_MILLENNIUM},           {"dow", WENDI_FIELD_DOW},
        {"isodow", WENDI_FIELD_ISODOW},             {"doy", WENDI_FIELD_DOY},
        {"isoyear", WENDI_FIELD_ISOYEAR},           {"epoch", WENDI_FIELD_EPOCH},
        {"julian", WENDI_FIELD_JULIAN},             {"timezone", WENDI_FIELD_TIMEZONE},
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (strlen(fields[i].name) == name.length && strncasecmp(fields[i].name, name.data, name.length) == 0) {
            return fields[i].field;
        }
    }
    return WENDI_FIELD_UNKNOWN;
}

static int64_t floor_to(int64_t us, int64_t unit)
{
    int64_t rest = us % unit;
    int64_t floored;
    if (rest < 0) {
        rest += unit;
    }
    return __builtin_sub_overflow(us, rest, &floored) ? INT64_MIN : floored;
}

/* A year as PostgreSQL truncates it: centuries and millennia begin with a year 1, decades with a year 0. */
static int64_t floor_year(wendi_field field, int64_t year)
{
    switch (field) {
    case WENDI_FIELD_DECADE:
        return wendi_floor_div(year, 10) * 10;
    case WENDI_FIELD_CENTURY:
        return wendi_floor_div(year - 1, 100) * 100 + 1;
    case WENDI_FIELD_MILLENNIUM:
        return wendi_floor_div(year - 1, 1000) * 1000 + 1;
    default:
        return year;
    }
}

static int64_t floor_to_calendar(wendi_field field, int64_t local_us)
{
    int64_t days = wendi_floor_div(local_us, WENDI_US_PER_DAY);
    int64_t year;
    int32_t month;
    int32_t day;
    wendi_civil_of_days(days, &year, &month, &day);
    if (field == WENDI_FIELD_WEEK) {
        days -= days + 3 - 7 * wendi_floor_div(days + 3, 7); /* 1970-01-01 was a Thursday. */
    } else if (field == WENDI_FIELD_MONTH) {
        days -= day - 1;
    } else if (field == WENDI_FIELD_QUARTER) {
        days = wendi_civil_to_days(year, (month - 1) / 3 * 3 + 1, 1);
    } else {
        days = wendi_civil_to_days(floor_year(field, year), 1, 1);
    }
    return clamp((wendi_int128)days * WENDI_US_PER_DAY);
}

int64_t wendi_date_trunc(wendi_field field, int64_t local_us)
{
    switch (field) {
    case WENDI_FIELD_MICROSECONDS:
        return local_us;
    case WENDI_FIELD_MILLISECONDS:
        return floor_to(local_us, 1000);
    case WENDI_FIELD_SECOND:
        return floor_to(local_us, WENDI_US_PER_SECOND);
    case WENDI_FIELD_MINUTE:
        return floor_to(local_us, us_per_minute);
    case WENDI_FIELD_HOUR:
        return floor_to(local_us, us_per_hour);
    case WENDI_FIELD_DAY:
        return floor_to(local_us, WENDI_US_PER_DAY);
    default:
        assert(field >= WENDI_FIELD_WEEK && field <= WENDI_FIELD_MILLENNIUM);
        return floor_to_calendar(field, local_us);
    }
}

int64_t wendi_date_bin(int64_t stride_us, int64_t us, int64_t origin_us)
{
    assert(stride_us > 0);
    int64_t distance;
    if (!__builtin_sub_overflow(us, origin_us, &distance)) {
        return clamp((wendi_int128)origin_us + (wendi_int128)wendi_floor_div(distance, stride_us) * stride_us);
    }
    wendi_int128 wide = (wendi_int128)us - origin_us;
    wendi_int128 rest = wide % stride_us;
    return clamp(us - (rest < 0 ? rest + stride_us : rest));
}

int64_t wendi_add_interval(int64_t local_us, wendi_interval interval, int sign)
{
    wendi_int128 us = local_us;
    if (interval.months != 0) {
        int64_t days = wendi_floor_div(local_us, WENDI_US_PER_DAY);
        int64_t in_day = time_in_day(local_us);
        int64_t year;
        int32_t month;
        int32_t day;
        wendi_civil_of_days(days, &year, &month, &day);
        int64_t months = year * MONTHS_PER_YEAR + month - 1 + (int64_t)sign * interval.months;
        year = wendi_floor_div(months, MONTHS_PER_YEAR);
        month = (int32_t)(months - year * MONTHS_PER_YEAR) + 1;
        int32_t last = days_in_month(year, month);
        days = wendi_civil_to_days(year, month, day < last ? day : last);
        us = (wendi_int128)days * WENDI_US_PER_DAY + in_day;
    }
    us += (wendi_int128)sign * interval.days * WENDI_US_PER_DAY;
    us += (wendi_int128)sign * interval.microseconds;
    return clamp(us);
}

int64_t wendi_add_interval_zone(int64_t utc_us, wendi_interval interval, int sign, const wendi_timezone *zone)
{
    if (interval.months != 0 || interval.days != 0) {
        /* PostgreSQL goes through wall time once for the months and once more for the days. */
        wendi_interval months = {interval.months, 0, 0};
        wendi_interval days = {0, interval.days, 0};
        if (interval.months != 0) {
            utc_us = wendi_timezone_to_utc(
                zone, wendi_add_interval(wendi_timezone_to_local(zone, utc_us), months, sign));
        }
        if (interval.days != 0) {
            utc_us = wendi_timezone_to_utc(
                zone, wendi_add_interval(wendi_timezone_to_local(zone, utc_us), days, sign));
        }
    }
    return clamp(utc_us + (wendi_int128)sign * interval.microseconds);
}

wendi_int128 wendi_interval_us(wendi_interval interval)
{
    return ((wendi_int128)interval.months * 30 + interval.days) * WENDI_US_PER_DAY + interval.microseconds;
}
