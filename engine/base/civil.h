/**
 * Days against years, months and days of the proleptic Gregorian calendar: the two lines of arithmetic that
 * clocks and time zones need below engine/column/calendar.h, which is where everybody else looks.
 *
 * The method counts years from 1 March, so that the leap day is a year's last
 * (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", 2013).
 */
#ifndef WENDI_BASE_CIVIL_H
#define WENDI_BASE_CIVIL_H

#include <stdint.h>

/** Days since 1970-01-01. `month` 1..12; `day` may lie outside its month. */
static inline int64_t wendi_civil_to_days(int64_t year, int32_t month, int32_t day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

static inline void wendi_civil_of_days(int64_t days, int64_t *year, int32_t *month, int32_t *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    uint32_t day_of_era = (uint32_t)(days - era * 146097);
    uint32_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    uint32_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint32_t from_march = (5 * day_of_year + 2) / 153;
    *day = (int32_t)(day_of_year - (153 * from_march + 2) / 5 + 1);
    *month = (int32_t)(from_march < 10 ? from_march + 3 : from_march - 9);
    *year = (int64_t)year_of_era + era * 400 + (*month <= 2);
}

static inline int64_t wendi_floor_div(int64_t value, int64_t by)
{
    return value / by - (value % by != 0 && (value < 0) != (by < 0));
}

#endif
