/** to_char() for times: a table of patterns, longest first, and one function that writes each. */
#include "engine/expr/time_format.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

typedef enum pattern_kind {
    HH24, HH12, MI, SS, MS, US, SSSS, MERIDIEM, MERIDIEM_DOTS, YEAR_COMMA, YEAR, ISO_YEAR, MONTH_NAME, MONTH_SHORT,
    MONTH, ROMAN, DAY_NAME, DAY_SHORT, DAY_OF_YEAR, ISO_DAY_OF_YEAR, DAY, WEEKDAY, ISO_WEEKDAY, WEEK_OF_MONTH,
    WEEK_OF_YEAR, ISO_WEEK, CENTURY, JULIAN, QUARTER, ERA, ZONE, ZONE_HOURS, ZONE_MINUTES, OFFSET
} pattern_kind;

typedef struct pattern_name {
    const char *name; /* matched without case */
    uint8_t kind;
    uint8_t width;
} pattern_name;

/* A name that begins with another stands before it. */
static const pattern_name names[] = {
    {"HH24", HH24, 2}, {"HH12", HH12, 2}, {"HH", HH12, 2}, {"MI", MI, 2}, {"SSSSS", SSSS, 0}, {"SSSS", SSSS, 0},
    {"SS", SS, 2}, {"MS", MS, 3}, {"US", US, 6}, {"A.M.", MERIDIEM_DOTS, 0}, {"P.M.", MERIDIEM_DOTS, 0},
    {"AM", MERIDIEM, 0}, {"PM", MERIDIEM, 0}, {"AD", ERA, 0}, {"BC", ERA, 0}, {"Y,YYY", YEAR_COMMA, 0},
    {"YYYY", YEAR, 4}, {"YYY", YEAR, 3}, {"YY", YEAR, 2}, {"Y", YEAR, 1}, {"IYYY", ISO_YEAR, 4}, {"IYY", ISO_YEAR, 3},
    {"IY", ISO_YEAR, 2}, {"IDDD", ISO_DAY_OF_YEAR, 3}, {"ID", ISO_WEEKDAY, 1}, {"IW", ISO_WEEK, 2}, {"I", ISO_YEAR, 1},
    {"MONTH", MONTH_NAME, 9}, {"MON", MONTH_SHORT, 0}, {"MM", MONTH, 2}, {"RM", ROMAN, 4}, {"DAY", DAY_NAME, 9},
    {"DY", DAY_SHORT, 0}, {"DDD", DAY_OF_YEAR, 3}, {"DD", DAY, 2}, {"D", WEEKDAY, 1}, {"WW", WEEK_OF_YEAR, 2},
    {"W", WEEK_OF_MONTH, 1}, {"CC", CENTURY, 2}, {"J", JULIAN, 0}, {"Q", QUARTER, 1}, {"TZH", ZONE_HOURS, 0},
    {"TZM", ZONE_MINUTES, 2}, {"TZ", ZONE, 0}, {"OF", OFFSET, 0}};

typedef struct moment {
    wendi_civil civil;
    int64_t days;
    int64_t weekday; /* Monday 0 */
    int64_t iso_week;
    int64_t iso_year;
    int64_t iso_day; /* of the ISO year, from 1 */
    int64_t offset_us;
    const wendi_timezone *zone;
} moment;

static moment moment_of(int64_t local_us, int64_t offset_us, const wendi_timezone *zone)
{
    moment at = {.civil = wendi_civil_from_us(local_us), .offset_us = offset_us, .zone = zone};
    int32_t year;
    int32_t month;
    int32_t day;

    at.days = local_us / WENDI_US_PER_DAY - (local_us % WENDI_US_PER_DAY < 0);
    at.weekday = ((at.days + 3) % 7 + 7) % 7;
    int64_t thursday = at.days - at.weekday + 3;
    wendi_civil_from_days(thursday, &year, &month, &day);
    at.iso_year = year;
    at.iso_week = (thursday - wendi_days_from_civil(year, 1, 1)) / 7 + 1;
    at.iso_day = (at.iso_week - 1) * 7 + at.weekday + 1;
    return at;
}

/** Names take the case of the pattern: ALL, First, or none. */
static void apply_case(char *text, const char *written)
{
    bool upper = isupper((unsigned char)written[0]) != 0;
    bool all = upper && isupper((unsigned char)written[1]) != 0;

    for (size_t i = 0; text[i] != '\0'; i++) {
        bool capital = all || (upper && i == 0);
        text[i] = (char)(capital ? toupper((unsigned char)text[i]) : tolower((unsigned char)text[i]));
    }
}

static int write_name(char *out, size_t size, const char *name, int width, int shown, const char *written, bool fill)
{
    char text[16];

    snprintf(text, sizeof text, "%.*s", shown, name);
    apply_case(text, written);
    return snprintf(out, size, "%-*s", fill ? width : 0, text);
}

static int write_number(char *out, size_t size, int64_t value, int width, bool fill)
{
    return snprintf(out, size, "%0*lld", fill ? width + (value < 0) : 0, (long long)value);
}

static int write_year(char *out, size_t size, int64_t year, int width, bool fill)
{
    static const int64_t units[] = {1, 10, 100, 1000};
    int64_t shown = year > 0 ? year : 1 - year; /* before Christ the era says so */

    return write_number(out, size, width < 4 ? shown % units[width] : shown, width, fill);
}

static int write_zone(char *out, size_t size, const moment *at, pattern_kind kind, const char *written)
{
    int64_t minutes = at->offset_us / (60 * WENDI_US_PER_SECOND);
    int64_t magnitude = minutes < 0 ? -minutes : minutes;
    char sign = minutes < 0 ? '-' : '+';

    if (at->zone == NULL) {
        return kind == ZONE ? 0 : kind == ZONE_MINUTES ? snprintf(out, size, "00") : snprintf(out, size, "+00");
    }
    if (kind == ZONE_MINUTES) {
        return snprintf(out, size, "%02d", (int)(magnitude % 60));
    }
    if (kind == ZONE && at->zone == wendi_timezone_utc()) {
        return snprintf(out, size, "%s", isupper((unsigned char)written[0]) ? "UTC" : "utc");
    }
    if (kind != ZONE_HOURS && magnitude % 60 != 0) {
        return snprintf(out, size, "%c%02d:%02d", sign, (int)(magnitude / 60), (int)(magnitude % 60));
    }
    return snprintf(out, size, "%c%02d", sign, (int)(magnitude / 60));
}

static int write_era(char *out, size_t size, const moment *at, pattern_kind kind, const char *written)
{
    bool upper = isupper((unsigned char)written[0]) != 0;
    bool after_noon = at->civil.hour >= 12;

    if (kind == ERA) {
        return snprintf(out, size, "%s", at->civil.year > 0 ? (upper ? "AD" : "ad") : (upper ? "BC" : "bc"));
    }
    if (kind == MERIDIEM) {
        return snprintf(out, size, "%s", after_noon ? (upper ? "PM" : "pm") : (upper ? "AM" : "am"));
    }
    return snprintf(out, size, "%s", after_noon ? (upper ? "P.M." : "p.m.") : (upper ? "A.M." : "a.m."));
}

static const char *const months[] = {"January", "February", "March", "April", "May", "June", "July", "August",
                                     "September", "October", "November", "December"};
static const char *const days[] = {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};
static const char *const romans[] = {"I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"};

static int64_t number_of(const moment *at, pattern_kind kind)
{
    const wendi_civil *c = &at->civil;
    int64_t day_of_year = at->days - wendi_days_from_civil(c->year, 1, 1) + 1;

    switch (kind) {
    case HH24:
        return c->hour;
    case HH12:
        return c->hour % 12 == 0 ? 12 : c->hour % 12;
    case MI:
        return c->minute;
    case SS:
        return c->second;
    case MS:
        return c->microsecond / 1000;
    case US:
        return c->microsecond;
    case SSSS:
        return c->hour * 3600 + c->minute * 60 + c->second;
    case MONTH:
        return c->month;
    case DAY_OF_YEAR:
        return day_of_year;
    case ISO_DAY_OF_YEAR:
        return at->iso_day;
    case DAY:
        return c->day;
    case WEEKDAY:
        return (at->weekday + 1) % 7 + 1; /* Sunday 1 */
    case ISO_WEEKDAY:
        return at->weekday + 1;
    case WEEK_OF_MONTH:
        return (c->day - 1) / 7 + 1;
    case WEEK_OF_YEAR:
        return (day_of_year - 1) / 7 + 1;
    case ISO_WEEK:
        return at->iso_week;
    case CENTURY:
        return c->year > 0 ? (c->year + 99) / 100 : -((99 - (c->year - 1)) / 100);
    case JULIAN:
        return at->days + 2440588;
    default:
        return (c->month + 2) / 3; /* QUARTER */
    }
}

/** Write one pattern; `written` is how it stood in the template. The length is returned. */
static int write_pattern(char *out, size_t size, const moment *at, const pattern_name *pattern, const char *written, bool fill)
{
    const char *month = months[at->civil.month - 1];
    const char *day = days[at->weekday];

    switch ((pattern_kind)pattern->kind) {
    case MERIDIEM:
    case MERIDIEM_DOTS:
    case ERA:
        return write_era(out, size, at, (pattern_kind)pattern->kind, written);
    case YEAR_COMMA:
        return snprintf(out, size, "%d,%03d", at->civil.year / 1000, at->civil.year % 1000);
    case YEAR:
        return write_year(out, size, at->civil.year, pattern->width, fill);
    case ISO_YEAR:
        return write_year(out, size, at->iso_year, pattern->width, fill);
    case MONTH_NAME:
        return write_name(out, size, month, 9, 9, written, fill);
    case MONTH_SHORT:
        return write_name(out, size, month, 0, 3, written, fill);
    case ROMAN:
        return snprintf(out, size, "%-*s", fill ? 4 : 0, romans[at->civil.month - 1]);
    case DAY_NAME:
        return write_name(out, size, day, 9, 9, written, fill);
    case DAY_SHORT:
        return write_name(out, size, day, 0, 3, written, fill);
    case ZONE:
    case ZONE_HOURS:
    case ZONE_MINUTES:
    case OFFSET:
        return write_zone(out, size, at, (pattern_kind)pattern->kind, written);
    default:
        return write_number(out, size, number_of(at, (pattern_kind)pattern->kind), pattern->width, fill);
    }
}

/** 1st 2nd 3rd 4th … 11th, by the last digits of what was just written. */
static const char *ordinal(const char *text, int length, bool upper)
{
    char last = length > 0 ? text[length - 1] : '0';
    bool teen = length > 1 && text[length - 2] == '1';
    int which = teen || last < '1' || last > '3' ? 0 : last - '0';
    static const char *const small[] = {"th", "st", "nd", "rd"};
    static const char *const large[] = {"TH", "ST", "ND", "RD"};

    return upper ? large[which] : small[which];
}

static const pattern_name *pattern_at(wendi_string text, uint32_t at)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t length = strlen(names[i].name);
        if (length <= text.length - at && strncasecmp(text.data + at, names[i].name, length) == 0) {
            return &names[i];
        }
    }
    return NULL;
}

/** "…": written as it stands; a backslash keeps the quote behind it. The byte behind the closing quote is returned. */
static uint32_t write_quoted(wendi_string pattern, uint32_t at, wendi_buffer *out, wend_status *status)
{
    for (at++; at < pattern.length && pattern.data[at] != '"' && *status == WEND_OK; at++) {
        at += pattern.data[at] == '\\' && at + 1 < pattern.length;
        *status = wendi_buffer_append(out, pattern.data + at, 1);
    }
    return at + 1;
}

wend_status wendi_time_format(int64_t local_us, int64_t offset_us, const wendi_timezone *zone, wendi_string pattern,
                              wendi_buffer *out)
{
    moment at = moment_of(local_us, offset_us, zone);
    wend_status status = WEND_OK;
    bool fill = true;

    for (uint32_t i = 0; i < pattern.length && status == WEND_OK;) {
        if (pattern.data[i] == '"') {
            i = write_quoted(pattern, i, out, &status);
            continue;
        }
        if (pattern.length - i > 2 && strncasecmp(pattern.data + i, "FM", 2) == 0 && pattern_at(pattern, i + 2) != NULL) {
            fill = false;
            i += 2;
        }
        const pattern_name *found = pattern_at(pattern, i);
        if (found == NULL) {
            status = wendi_buffer_append(out, pattern.data + i, 1);
            i++;
            continue;
        }
        char text[64];
        int length = write_pattern(text, sizeof text, &at, found, pattern.data + i, fill);
        fill = true;
        i += (uint32_t)strlen(found->name);
        status = wendi_buffer_append(out, text, (size_t)length);
        bool numeric = length > 0 && text[length - 1] >= '0' && text[length - 1] <= '9';
        if (status == WEND_OK && numeric && pattern.length - i >= 2 && strncasecmp(pattern.data + i, "TH", 2) == 0) {
            status = wendi_buffer_append(out, ordinal(text, length, pattern.data[i] == 'T'), 2);
            i += 2;
        }
    }
    return status;
}
