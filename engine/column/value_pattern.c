/*
 * Timestamps by a pattern in the manner of strptime, with English names whatever the locale. White space in
 * a pattern matches any white space, also none; every other byte matches itself.
 */
#include <strings.h>

#include "engine/base/civil.h"
#include "engine/column/value_text.h"

static const char not_by_pattern[] = "not a timestamp of the column's format";
static const char out_of_range[] = "date or time out of range";
static const char unknown_field[] = "the format has a % field that wend does not know";
static const char no_date[] = "the format gives no date: it needs %Y or %y, or %s";

typedef struct fields {
    wendi_time_parts parts;
    bool has_year;
    bool has_epoch;
    bool has_meridiem;
    bool afternoon;
    bool has_day_of_year;
    int32_t day_of_year;
    int64_t epoch;
} fields;

static const char *const month_names[] = {"january", "february", "march",     "april",   "may",      "june",
                                          "july",    "august",   "september", "october", "november", "december"};
static const char *const day_names[] = {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"};

/* The whole name or its first three letters; the index, or -1. */
static int take_name(wendi_cursor *at, const char *const *names, int count)
{
    for (int i = 0; i < count; i++) {
        size_t lengths[2] = {strlen(names[i]), 3};
        for (int k = 0; k < 2; k++) {
            if ((size_t)(at->end - at->at) >= lengths[k] && strncasecmp(at->at, names[i], lengths[k]) == 0) {
                at->at += lengths[k];
                return i;
            }
        }
    }
    return -1;
}

static bool take_epoch(wendi_cursor *at, int64_t *seconds)
{
    const char *begin = at->at;
    wendi_cursor_take(at, '-');
    while (at->at < at->end && wendi_is_digit(*at->at)) {
        at->at++;
    }
    return wendi_parse_i64((wendi_string){begin, (uint32_t)(at->at - begin)}, seconds, NULL) == WEND_OK;
}

static bool take_meridiem(wendi_cursor *at, fields *got)
{
    if (at->end - at->at < 2 || (at->at[1] | 32) != 'm' || ((*at->at | 32) != 'a' && (*at->at | 32) != 'p')) {
        return false;
    }
    got->has_meridiem = true;
    got->afternoon = (*at->at | 32) == 'p';
    at->at += 2;
    return true;
}

static bool take_short_year(wendi_cursor *at, wendi_civil *civil)
{
    if (!wendi_cursor_number(at, 1, 2, &civil->year)) {
        return false;
    }
    civil->year += civil->year < 69 ? 2000 : 1900; /* POSIX */
    return true;
}

static bool take_zone(wendi_cursor *at, wendi_time_parts *parts)
{
    parts->has_zone = wendi_cursor_offset(at, &parts->offset_seconds);
    return parts->has_zone;
}

static bool take_month_name(wendi_cursor *at, wendi_civil *civil)
{
    civil->month = take_name(at, month_names, 12) + 1;
    return civil->month != 0;
}

/* strptime's meaning of each letter; space before a number is allowed as there. */
static wend_status take_field(char letter, wendi_cursor *at, fields *got, const char **reason)
{
    wendi_civil *civil = &got->parts.civil;
    bool taken;
    if (strchr("eYmdHIMSj", letter) != NULL) {
        wendi_cursor_skip_spaces(at);
    }
    switch (letter) {
    case 'Y':
        taken = wendi_cursor_number(at, 1, 4, &civil->year);
        break;
    case 'y':
        taken = take_short_year(at, civil);
        break;
    case 'm':
        taken = wendi_cursor_number(at, 1, 2, &civil->month);
        break;
    case 'b':
    case 'B':
    case 'h':
        taken = take_month_name(at, civil);
        break;
    case 'd':
    case 'e':
        taken = wendi_cursor_number(at, 1, 2, &civil->day);
        break;
    case 'j':
        taken = wendi_cursor_number(at, 1, 3, &got->day_of_year);
        got->has_day_of_year = taken;
        break;
    case 'H':
    case 'I':
        taken = wendi_cursor_number(at, 1, 2, &civil->hour);
        break;
    case 'M':
        taken = wendi_cursor_number(at, 1, 2, &civil->minute);
        break;
    case 'S':
        taken = wendi_cursor_number(at, 1, 2, &civil->second);
        break;
    case 'f':
        taken = wendi_cursor_fraction(at, &civil->microsecond);
        break;
    case 's':
        taken = take_epoch(at, &got->epoch);
        got->has_epoch = taken;
        break;
    case 'z':
        taken = take_zone(at, &got->parts);
        break;
    case 'a':
    case 'A':
        taken = take_name(at, day_names, 7) >= 0;
        break;
    case 'p':
        taken = take_meridiem(at, got);
        break;
    case '%':
        taken = wendi_cursor_take(at, '%');
        break;
    default:
        return wendi_refuse(unknown_field, reason);
    }
    got->has_year |= letter == 'Y' || letter == 'y';
    return taken ? WEND_OK : wendi_refuse(not_by_pattern, reason);
}

static const char *composite(char letter)
{
    switch (letter) {
    case 'T':
        return "%H:%M:%S";
    case 'R':
        return "%H:%M";
    case 'D':
        return "%m/%d/%y";
    case 'F':
        return "%Y-%m-%d";
    default:
        return NULL;
    }
}

static wend_status take_pattern(wendi_string pattern, wendi_cursor *at, fields *got, const char **reason)
{
    for (uint32_t i = 0; i < pattern.length; i++) {
        char byte = pattern.data[i];
        wend_status status = WEND_OK;
        if (wendi_is_space(byte)) {
            wendi_cursor_skip_spaces(at);
        } else if (byte != '%') {
            status = wendi_cursor_take(at, byte) ? WEND_OK : wendi_refuse(not_by_pattern, reason);
        } else {
            char letter = ++i < pattern.length ? pattern.data[i] : '\0';
            const char *parts = composite(letter);
            status = parts != NULL ? take_pattern(wendi_string_of(parts), at, got, reason)
                                   : take_field(letter, at, got, reason);
        }
        if (status != WEND_OK) {
            return status;
        }
    }
    return WEND_OK;
}

static bool settle(fields *got)
{
    wendi_civil *civil = &got->parts.civil;
    if (got->has_meridiem) {
        if (civil->hour < 1 || civil->hour > 12) {
            return false;
        }
        civil->hour = civil->hour % 12 + (got->afternoon ? 12 : 0);
    }
    if (got->has_day_of_year) {
        int32_t year = civil->year;
        int32_t day = got->day_of_year;
        if (day < 1 || day > 366) {
            return false;
        }
        wendi_civil_from_days(wendi_days_from_civil(year, 1, 1) + day - 1, &civil->year, &civil->month, &civil->day);
        if (civil->year != year) {
            return false;
        }
    }
    if (civil->second == 60) {
        civil->second = 59;
        got->parts.extra_seconds = 1;
    }
    return wendi_civil_valid(civil) && civil->year > 0;
}

wend_status wendi_parse_timestamp_pattern(wendi_string text, wendi_string pattern, const wendi_timezone *zone,
                                          int64_t *utc_us, const char **reason)
{
    wendi_cursor at = wendi_cursor_of(text);
    fields got = {.parts.civil = {.month = 1, .day = 1}};
    wend_status status = take_pattern(pattern, &at, &got, reason);
    if (status != WEND_OK) {
        return status;
    }
    if (!wendi_cursor_done(&at)) {
        return wendi_refuse(not_by_pattern, reason);
    }
    if (got.has_epoch) {
        if (__builtin_mul_overflow(got.epoch, WENDI_US_PER_SECOND, utc_us) ||
            __builtin_add_overflow(*utc_us, (int64_t)got.parts.civil.microsecond, utc_us)) {
            return wendi_refuse(out_of_range, reason);
        }
        return WEND_OK;
    }
    if (!got.has_year) {
        return wendi_refuse(no_date, reason);
    }
    return settle(&got) ? wendi_time_instant(&got.parts, zone, utc_us, reason) : wendi_refuse(out_of_range, reason);
}

wend_status wendi_check_time_pattern(wendi_string pattern, wendi_string *fault, const char **reason)
{
    bool dated = false;
    for (uint32_t i = 0; i < pattern.length; i++) {
        if (pattern.data[i] != '%') {
            continue;
        }
        char letter = ++i < pattern.length ? pattern.data[i] : '\0';
        if (letter == '\0' || strchr("YymbBhdejHIMSfszaAp%TRDF", letter) == NULL) {
            if (fault != NULL) {
                *fault = (wendi_string){&pattern.data[i - 1], letter == '\0' ? 1 : 2};
            }
            return wendi_refuse(unknown_field, reason);
        }
        dated |= strchr("YysDF", letter) != NULL;
    }
    if (!dated && fault != NULL) {
        *fault = (wendi_string){"", 0};
    }
    return dated ? WEND_OK : wendi_refuse(no_date, reason);
}
