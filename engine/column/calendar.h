/**
 * The proleptic Gregorian calendar: days and microseconds against fields, truncation, intervals.
 * Pure functions. Days count from 1970-01-01; years run from -4713 to 294276 as in
 * PostgreSQL; microseconds in 64 bits, counted from 1970, end in January 294247.
 */
#ifndef WENDI_COLUMN_CALENDAR_H
#define WENDI_COLUMN_CALENDAR_H

#include "engine/base/timezone.h"
#include "engine/column/type.h"

#define WENDI_US_PER_SECOND INT64_C(1000000)
#define WENDI_US_PER_DAY INT64_C(86400000000)

typedef struct wendi_civil {
    int32_t year;
    int32_t month; /* 1..12 */
    int32_t day;   /* 1..31 */
    int32_t hour, minute, second, microsecond;
} wendi_civil;

typedef enum wendi_field { /* of date_trunc and extract */
    WENDI_FIELD_MICROSECONDS, WENDI_FIELD_MILLISECONDS, WENDI_FIELD_SECOND, WENDI_FIELD_MINUTE, WENDI_FIELD_HOUR,
    WENDI_FIELD_DAY, WENDI_FIELD_WEEK, WENDI_FIELD_MONTH, WENDI_FIELD_QUARTER, WENDI_FIELD_YEAR,
    WENDI_FIELD_DECADE, WENDI_FIELD_CENTURY, WENDI_FIELD_MILLENNIUM,
    WENDI_FIELD_DOW, WENDI_FIELD_ISODOW, WENDI_FIELD_DOY, WENDI_FIELD_ISOYEAR, WENDI_FIELD_EPOCH, WENDI_FIELD_JULIAN,
    WENDI_FIELD_TIMEZONE, WENDI_FIELD_UNKNOWN
} wendi_field;

int64_t wendi_days_from_civil(int32_t year, int32_t month, int32_t day);
void wendi_civil_from_days(int64_t days, int32_t *year, int32_t *month, int32_t *day);
wendi_civil wendi_civil_from_us(int64_t local_us);
int64_t wendi_us_from_civil(const wendi_civil *civil);
bool wendi_civil_valid(const wendi_civil *civil);
/** "day", "days", "week" … any case; WENDI_FIELD_UNKNOWN when it is none. */
wendi_field wendi_field_of(wendi_string name);
/** Floor to the field; weeks start on Monday. Only truncating fields. */
int64_t wendi_date_trunc(wendi_field field, int64_t local_us);
/** The k-th stride of `stride_us` from `origin_us` that holds `us` (floor). */
int64_t wendi_date_bin(int64_t stride_us, int64_t us, int64_t origin_us);
/** PostgreSQL's addition: months (clipped to the month's end), then days, then microseconds. */
int64_t wendi_add_interval(int64_t local_us, wendi_interval interval, int sign);
/** The same for an instant: months and days are added to the wall time of `zone`. */
int64_t wendi_add_interval_zone(int64_t utc_us, wendi_interval interval, int sign, const wendi_timezone *zone);
/** For comparison: a month is 30 days, a day 24 hours. */
wendi_int128 wendi_interval_us(wendi_interval interval);

#endif
