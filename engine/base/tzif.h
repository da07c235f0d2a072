/**
 * Inside of time zones: what a TZif file (RFC 9636) and its POSIX footer say, as arrays to search.
 * Only engine/base/timezone.c and the two files that fill these structures include it.
 */
#ifndef WENDI_BASE_TZIF_H
#define WENDI_BASE_TZIF_H

#include "engine/base/bytes.h"

/** When in a year a POSIX rule changes the clock. */
typedef struct wendi_tz_date {
    uint8_t form;         /* 'J': day 1..365 without 29 February; 'D': day 0..365; 'M': month, week, weekday */
    int32_t month, week;  /* 'M' */
    int32_t day;          /* the day of the year, or 'M': the weekday, 0 is Sunday */
    int32_t time_seconds; /* of the wall clock, may be negative or beyond a day */
} wendi_tz_date;

/** The footer: how the clock goes on for ever after the last transition written down. */
typedef struct wendi_tz_rule {
    bool present;
    bool daylight; /* has a summer time; else only standard_offset means anything */
    int32_t standard_offset; /* seconds east of UTC */
    int32_t daylight_offset;
    wendi_tz_date start; /* of summer time, in standard time */
    wendi_tz_date end;   /* in summer time */
} wendi_tz_rule;

enum { WENDI_TZ_BUCKET_BITS = 23 }; /* 97 days: seldom more than one transition in it */

/**
 * offsets[i] holds from transitions[i-1] (seconds) up to transitions[i]; offsets has one element more.
 * Neighbouring offsets differ. buckets[b] counts the transitions at or before the beginning of bucket b,
 * b = (t - bucket_base) >> WENDI_TZ_BUCKET_BITS, for instants between the first transition and the last.
 */
typedef struct wendi_tz_data {
    int64_t *transitions;
    int32_t *offsets;
    uint32_t transition_count;
    int64_t bucket_base;
    uint32_t *buckets;
    uint32_t bucket_count;
    wendi_tz_rule rule;
} wendi_tz_data;

/** Read a footer such as "CET-1CEST,M3.5.0,M10.5.0/3". False when it is not one. Empty: no rule, true. */
bool wendi_tz_rule_parse(wendi_string text, wendi_tz_rule *rule);
/** The two changes of `year`: instants (seconds) at which summer time begins and ends. Only if rule->daylight. */
void wendi_tz_rule_year(const wendi_tz_rule *rule, int64_t year, int64_t *start, int64_t *end);
/** Seconds east of UTC at an instant by the rule alone. */
int32_t wendi_tz_rule_offset(const wendi_tz_rule *rule, int64_t utc_seconds);

/**
 * Fill `data` from a whole TZif file of version 2 or later. WEND_INVALID when it is not one, WEND_CORRUPT when
 * it is damaged, WEND_UNSUPPORTED when it counts leap seconds. On failure nothing stays allocated.
 */
wend_status wendi_tzif_parse(const void *bytes, size_t length, wendi_tz_data *data);
void wendi_tzif_free(wendi_tz_data *data);

#endif
