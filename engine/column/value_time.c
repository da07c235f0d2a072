/*
 * Dates and times from text. The layout that almost every event has, YYYY-MM-DDTHH:MM:SS[.f…](Z|±hh:mm), is read by
 * place; every other form, and every fault, goes through the general path, which must agree with it.
 */
#include <assert.h>
#include <strings.h>

#include "engine/base/civil.h"
#include "engine/column/value_text.h"

static const char not_a_date[] = "not a date";
static const char not_a_time[] = "not a timestamp";
static const char out_of_range[] = "date or time out of range";
static const char unknown_zone[] = "unknown time zone";
static const char no_zone[] = "a time without a zone, and the column has no timezone option";

enum { SECONDS_PER_DAY = 86400, OFFSET_HOURS_MAX = 15 };

bool wendi_cursor_offset(wendi_cursor *cursor, int32_t *offset_seconds)
{
    wendi_cursor at = *cursor;
    int32_t hours = 0;
    int32_t minutes = 0;
    int32_t seconds = 0;
    *offset_seconds = 0;
    if (at.at < at.end && (*at.at == 'Z' || *at.at == 'z')) {
        cursor->at++;
        return true;
    }
    int32_t sign = wendi_cursor_take(&at, '-') ? -1 : wendi_cursor_take(&at, '+') ? 1 : 0;
    if (sign == 0 || !wendi_cursor_number(&at, 1, 2, &hours) || hours > OFFSET_HOURS_MAX) {
        return false;
    }
    if (wendi_cursor_take(&at, ':')) {
        if (!wendi_cursor_number(&at, 2, 2, &minutes)) {
            return false;
        }
        if (wendi_cursor_take(&at, ':') && !wendi_cursor_number(&at, 2, 2, &seconds)) {
            return false;
        }
    } else if (at.at < at.end && wendi_is_digit(*at.at) && !wendi_cursor_number(&at, 2, 2, &minutes)) {
        return false;
    }
    if (minutes > 59 || seconds > 59) {
        return false;
    }
    *offset_seconds = sign * (hours * 3600 + minutes * 60 + seconds);
    *cursor = at;
    return true;
}

/* ---- the general path ----------------------------------------------------------------------- */

/* YYYY-MM-DD, with more digits for later years, or YYYYMMDD. */
static bool take_date(wendi_cursor *at, wendi_civil *civil)
{
    const char *begin = at->at;
    if (!wendi_cursor_number(at, 4, 8, &civil->year)) {
        return false;
    }
    if (at->at - begin == 8 && (at->at == at->end || *at->at != '-')) {
        civil->day = civil->year % 100;
        civil->month = civil->year / 100 % 100;
        civil->year /= 10000;
        return true;
    }
    return wendi_cursor_take(at, '-') && wendi_cursor_number(at, 1, 2, &civil->month) && wendi_cursor_take(at, '-') &&
           wendi_cursor_number(at, 1, 2, &civil->day);
}

/* hh:mm[:ss[.f…]] */
static bool take_clock(wendi_cursor *at, wendi_civil *civil)
{
    if (!wendi_cursor_number(at, 1, 2, &civil->hour) || !wendi_cursor_take(at, ':') ||
        !wendi_cursor_number(at, 2, 2, &civil->minute)) {
        return false;
    }
    if (wendi_cursor_take(at, ':')) {
        if (!wendi_cursor_number(at, 2, 2, &civil->second)) {
            return false;
        }
        if (wendi_cursor_take(at, '.') || wendi_cursor_take(at, ',')) {
            return wendi_cursor_fraction(at, &civil->microsecond);
        }
    }
    return true;
}

static bool take_word(wendi_cursor *at, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(at->end - at->at) < length || strncasecmp(at->at, word, length) != 0) {
        return false;
    }
    at->at += length;
    return true;
}

/* A zone's name reaches to the next space. */
static wend_status take_zone(wendi_cursor *at, wendi_time_parts *parts, const char **reason)
{
    if (wendi_cursor_offset(at, &parts->offset_seconds)) {
        parts->has_zone = true;
        return WEND_OK;
    }
    const char *begin = at->at;
    while (at->at < at->end && !wendi_is_space(*at->at)) {
        at->at++;
    }
    wendi_string name = {begin, (uint32_t)(at->at - begin)};
    if (name.length == 0 || !wendi_is_letter(*begin)) {
        return wendi_refuse(not_a_time, reason);
    }
    parts->has_zone = true;
    return wendi_timezone_find(name, &parts->zone, NULL) == WEND_OK ? WEND_OK : wendi_refuse(unknown_zone, reason);
}

/* Check, and move what a clock shows only at a day's or a minute's very end out of the fields. */
static bool settle_civil(wendi_time_parts *parts, bool before_christ)
{
    wendi_civil *civil = &parts->civil;
    if (before_christ) {
        if (civil->year == 0) {
            return false;
        }
        civil->year = 1 - civil->year;
    } else if (civil->year == 0) {
        return false; /* As in PostgreSQL there is none; 1 BC comes before 1. */
    }
    if (civil->second == 60) {
        civil->second = 59;
        parts->extra_seconds = 1;
    }
    if (civil->hour == 24 && civil->minute == 0 && civil->second == 0 && civil->microsecond == 0) {
        civil->hour = 0;
        parts->extra_seconds = SECONDS_PER_DAY;
    }
    return wendi_civil_valid(civil);
}

static wend_status parse_parts(wendi_string text, wendi_time_parts *parts, const char **reason)
{
    wendi_cursor at = wendi_cursor_of(text);
    bool before_christ = false;

    *parts = (wendi_time_parts){0};
    if (!take_date(&at, &parts->civil)) {
        return wendi_refuse(not_a_time, reason);
    }
    bool clock_follows = wendi_cursor_take(&at, 'T') || wendi_cursor_take(&at, 't');
    if (!clock_follows) {
        const char *gap = at.at;
        wendi_cursor_skip_spaces(&at);
        clock_follows = at.at > gap && at.at < at.end && wendi_is_digit(*at.at);
    }
    if (clock_follows && !take_clock(&at, &parts->civil)) {
        return wendi_refuse(not_a_time, reason);
    }
    for (wendi_cursor_skip_spaces(&at); !wendi_cursor_done(&at); wendi_cursor_skip_spaces(&at)) {
        if (!before_christ && take_word(&at, "BC") && (wendi_cursor_done(&at) || wendi_is_space(*at.at))) {
            before_christ = true;
            continue;
        }
        wend_status status = parts->has_zone ? wendi_refuse(not_a_time, reason) : take_zone(&at, parts, reason);
        if (status != WEND_OK) {
            return status;
        }
    }
    return settle_civil(parts, before_christ) ? WEND_OK : wendi_refuse(out_of_range, reason);
}

/* Days first: the very ends of the range must not overflow on the way. */
static wend_status add_up(const wendi_time_parts *parts, int64_t seconds_more, int64_t *us, const char **reason)
{
    const wendi_civil *civil = &parts->civil;
    int64_t days = wendi_civil_to_days(civil->year, civil->month, civil->day);
    int64_t seconds = days * SECONDS_PER_DAY + civil->hour * 3600 + civil->minute * 60 + civil->second;
    seconds += parts->extra_seconds + seconds_more;
    if (__builtin_mul_overflow(seconds, WENDI_US_PER_SECOND, us) ||
        __builtin_add_overflow(*us, (int64_t)civil->microsecond, us)) {
        return wendi_refuse(out_of_range, reason);
    }
    return WEND_OK;
}

wend_status wendi_time_instant(const wendi_time_parts *parts, const wendi_timezone *zone, int64_t *utc_us,
                               const char **reason)
{
    if (!parts->has_zone && zone == NULL) {
        return wendi_refuse(no_zone, reason);
    }
    const wendi_timezone *through = parts->has_zone ? parts->zone : zone;
    wend_status status = add_up(parts, through == NULL ? -(int64_t)parts->offset_seconds : 0, utc_us, reason);
    if (status == WEND_OK && through != NULL) {
        *utc_us = wendi_timezone_to_utc(through, *utc_us);
    }
    return status;
}

/* ---- the fast path -------------------------------------------------------------------------- */

/* Two digits, or something above 99. */
static inline uint32_t two_digits(const char *at)
{
    uint32_t tens = (uint32_t)(unsigned char)at[0] - '0';
    uint32_t ones = (uint32_t)(unsigned char)at[1] - '0';
    return tens > 9 || ones > 9 ? 1000 : tens * 10 + ones;
}

static inline bool parse_fast(wendi_string text, int64_t *utc_us)
{
    static const uint8_t month_days[13] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const char *s = text.data;
    const char *end = wendi_text_end(text);
    if (text.length < 20 || s[4] != '-' || s[7] != '-' || (s[10] != 'T' && s[10] != ' ') || s[13] != ':' ||
        s[16] != ':') {
        return false;
    }
    uint32_t century = two_digits(s);
    uint32_t year_of_century = two_digits(s + 2);
    uint32_t year = century * 100 + year_of_century;
    uint32_t month = two_digits(s + 5);
    uint32_t day = two_digits(s + 8);
    uint32_t hour = two_digits(s + 11);
    uint32_t minute = two_digits(s + 14);
    uint32_t second = two_digits(s + 17);
    if (year_of_century > 99 || year - 1 > 9998 || month - 1 > 11 || hour > 23 || minute > 59 || second > 59 || day - 1 > 30) {
        return false;
    }
    if (day > month_days[month] && (month != 2 || day != 29 || year % 4 != 0 || (year % 100 == 0 && year % 400 != 0))) {
        return false;
    }
    const char *at = s + 19;
    int32_t fraction = 0;
    if (*at == '.') {
        const char *begin = ++at;
        for (int32_t weight = 100000; at < end && wendi_is_digit(*at); at++, weight /= 10) {
            fraction += weight * (*at - '0');
        }
        if (at == begin) {
            return false;
        }
    }
    int64_t offset_seconds = 0;
    if (end - at == 6 && (*at == '+' || *at == '-') && at[3] == ':') {
        uint32_t hours = two_digits(at + 1);
        uint32_t minutes = two_digits(at + 4);
        if (hours > OFFSET_HOURS_MAX || minutes > 59) {
            return false;
        }
        offset_seconds = (int64_t)(hours * 3600 + minutes * 60);
        offset_seconds = *at == '-' ? -offset_seconds : offset_seconds;
    } else if (end - at != 1 || *at != 'Z') {
        return false;
    }
    int64_t days = wendi_civil_to_days((int64_t)year, (int32_t)month, (int32_t)day);
    int64_t seconds = days * SECONDS_PER_DAY + (int64_t)(hour * 3600 + minute * 60 + second) - offset_seconds;
    *utc_us = seconds * WENDI_US_PER_SECOND + fraction;
    return true;
}

/* ---- entry points --------------------------------------------------------------------------- */

wend_status wendi_parse_timestamp(wendi_string text, const wendi_timezone *zone, int64_t *utc_us, const char **reason)
{
    if (parse_fast(text, utc_us)) {
        return WEND_OK;
    }
    wendi_time_parts parts;
    wend_status status = parse_parts(text, &parts, reason);
    return status != WEND_OK ? status : wendi_time_instant(&parts, zone, utc_us, reason);
}

wend_status wendi_parse_timestamp_local(wendi_string text, int64_t *local_us, const char **reason)
{
    wendi_time_parts parts;
    wend_status status = parse_parts(text, &parts, reason);
    return status != WEND_OK ? status : add_up(&parts, 0, local_us, reason);
}

wend_status wendi_parse_date(wendi_string text, int64_t *days, const char **reason)
{
    wendi_time_parts parts;
    wend_status status = parse_parts(text, &parts, reason);
    if (status != WEND_OK) {
        return wendi_refuse(reason != NULL && *reason == out_of_range ? out_of_range : not_a_date, reason);
    }
    /* PostgreSQL takes a timestamp for a date too, and keeps the day as it is written. */
    *days = wendi_civil_to_days(parts.civil.year, parts.civil.month, parts.civil.day);
    *days += parts.extra_seconds == SECONDS_PER_DAY;
    return WEND_OK;
}
