/* The POSIX TZ rule in a TZif footer, with the longer hours of RFC 9636 (up to 167 in either direction). */
#include "engine/base/civil.h"
#include "engine/base/tzif.h"

enum { SECONDS_PER_DAY = 86400, RULE_HOURS_MAX = 167 };

typedef struct cursor {
    const char *at;
    const char *end;
} cursor;

static bool take(cursor *text, char wanted)
{
    if (text->at < text->end && *text->at == wanted) {
        text->at++;
        return true;
    }
    return false;
}

static bool is_digit(const cursor *text)
{
    return text->at < text->end && *text->at >= '0' && *text->at <= '9';
}

static bool take_number(cursor *text, int32_t low, int32_t high, int32_t *value)
{
    if (!is_digit(text)) {
        return false;
    }
    int32_t number = 0;
    while (is_digit(text)) {
        number = number * 10 + (*text->at++ - '0');
        if (number > high) {
            return false;
        }
    }
    *value = number;
    return number >= low;
}

/* "CET" or "<+0330>"; the letters mean nothing to us. */
static bool skip_name(cursor *text)
{
    if (take(text, '<')) {
        while (text->at < text->end && *text->at != '>') {
            text->at++;
        }
        return take(text, '>');
    }
    const char *begin = text->at;
    while (text->at < text->end && ((*text->at | 32) >= 'a' && (*text->at | 32) <= 'z')) {
        text->at++;
    }
    return text->at - begin >= 3;
}

/* [+-]hh[:mm[:ss]] */
static bool take_time(cursor *text, int32_t *seconds)
{
    int32_t sign = take(text, '-') ? -1 : (take(text, '+'), 1);
    int32_t hours = 0;
    int32_t minutes = 0;
    int32_t rest = 0;
    if (!take_number(text, 0, RULE_HOURS_MAX, &hours)) {
        return false;
    }
    if (take(text, ':')) {
        if (!take_number(text, 0, 59, &minutes) || (take(text, ':') && !take_number(text, 0, 59, &rest))) {
            return false;
        }
    }
    *seconds = sign * (hours * 3600 + minutes * 60 + rest);
    return true;
}

static bool take_date(cursor *text, wendi_tz_date *date)
{
    date->time_seconds = 2 * 3600;
    if (!take(text, ',')) {
        return false;
    }
    if (take(text, 'M')) {
        date->form = 'M';
        if (!take_number(text, 1, 12, &date->month) || !take(text, '.') || !take_number(text, 1, 5, &date->week) ||
            !take(text, '.') || !take_number(text, 0, 6, &date->day)) {
            return false;
        }
    } else if (take(text, 'J')) {
        date->form = 'J';
        if (!take_number(text, 1, 365, &date->day)) {
            return false;
        }
    } else {
        date->form = 'D';
        if (!take_number(text, 0, 365, &date->day)) {
            return false;
        }
    }
    return !take(text, '/') || take_time(text, &date->time_seconds);
}

bool wendi_tz_rule_parse(wendi_string text, wendi_tz_rule *rule)
{
    cursor at = {text.data, text.data + text.length};
    int32_t west = 0;

    *rule = (wendi_tz_rule){0};
    if (text.length == 0) {
        return true;
    }
    if (!skip_name(&at) || !take_time(&at, &west)) {
        return false;
    }
    rule->present = true;
    rule->standard_offset = -west; /* POSIX counts westward. */
    if (at.at == at.end) {
        return true;
    }
    rule->daylight = true;
    rule->daylight_offset = rule->standard_offset + 3600;
    if (!skip_name(&at)) {
        return false;
    }
    if (at.at < at.end && *at.at != ',') {
        if (!take_time(&at, &west)) {
            return false;
        }
        rule->daylight_offset = -west;
    }
    return take_date(&at, &rule->start) && take_date(&at, &rule->end) && at.at == at.end;
}

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days since 1970 of a rule's date in `year`. */
static int64_t date_in_year(const wendi_tz_date *date, int64_t year)
{
    if (date->form == 'J') {
        int32_t leap_day = is_leap(year) && date->day >= 60;
        return wendi_civil_to_days(year, 1, 1) + date->day - 1 + leap_day;
    }
    if (date->form == 'D') {
        return wendi_civil_to_days(year, 1, 1) + date->day;
    }
    int64_t first = wendi_civil_to_days(year, date->month, 1);
    int64_t next_month = date->month == 12 ? wendi_civil_to_days(year + 1, 1, 1)
                                           : wendi_civil_to_days(year, date->month + 1, 1);
    int64_t weekday = (first + 4) - 7 * wendi_floor_div(first + 4, 7); /* 1970-01-01 was a Thursday. */
    int64_t day = first + (date->day - weekday + 7) % 7 + 7 * (date->week - 1);
    return day >= next_month ? day - 7 : day; /* Week 5 means the last. */
}

void wendi_tz_rule_year(const wendi_tz_rule *rule, int64_t year, int64_t *start, int64_t *end)
{
    *start = date_in_year(&rule->start, year) * SECONDS_PER_DAY + rule->start.time_seconds - rule->standard_offset;
    *end = date_in_year(&rule->end, year) * SECONDS_PER_DAY + rule->end.time_seconds - rule->daylight_offset;
}

int32_t wendi_tz_rule_offset(const wendi_tz_rule *rule, int64_t utc_seconds)
{
    if (!rule->daylight) {
        return rule->standard_offset;
    }
    int64_t year;
    int32_t month;
    int32_t day;
    wendi_civil_of_days(wendi_floor_div(utc_seconds + rule->standard_offset, SECONDS_PER_DAY), &year, &month, &day);

    /* The latest change at or before the instant decides. Where summer time ends as the next one begins
       (all year round), the beginning wins. Rules may reach across New Year, hence the neighbours. */
    int64_t latest = INT64_MIN;
    int32_t offset = rule->standard_offset;
    for (int64_t at = year - 1; at <= year + 1; at++) {
        int64_t start;
        int64_t end;
        wendi_tz_rule_year(rule, at, &start, &end);
        if (end <= utc_seconds && end > latest) {
            latest = end;
            offset = rule->standard_offset;
        }
        if (start <= utc_seconds && start >= latest) {
            latest = start;
            offset = rule->daylight_offset;
        }
    }
    return offset;
}
