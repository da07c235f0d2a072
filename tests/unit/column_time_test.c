/* The calendar and all texts of times, against libc where it has an answer and against written cases elsewhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "engine/base/hash.h"
#include "engine/column/value.h"

static uint64_t state = 4711;

static uint64_t draw(void)
{
    state += UINT64_C(0x9e3779b97f4a7c15);
    return wendi_mix64(state);
}

/* Any microsecond of the years 1 to 9999. */
static int64_t draw_us(void)
{
    int64_t first = wendi_days_from_civil(1, 1, 1) * WENDI_US_PER_DAY;
    int64_t last = wendi_days_from_civil(10000, 1, 1) * WENDI_US_PER_DAY;
    return first + (int64_t)(draw() % (uint64_t)(last - first));
}

static const wendi_timezone *zone_of(const char *name)
{
    const wendi_timezone *zone = NULL;
    wend_error error;
    if (wendi_timezone_find(wendi_string_of(name), &zone, &error) != WEND_OK) {
        print_message("%s: skipped\n", error.message);
        skip();
    }
    return zone;
}

static const char *format(wendi_type_kind kind, int64_t number, const wendi_timezone *zone)
{
    static wendi_buffer buffers[4];
    static unsigned next;
    wendi_buffer *buffer = &buffers[next++ % 4];
    wendi_value value = {.type = wendi_type_of(kind), .i64 = number};
    buffer->length = 0;
    assert_int_equal(wendi_value_format(&value, zone, buffer), WEND_OK);
    assert_int_equal(wendi_buffer_u8(buffer, 0), WEND_OK);
    return (const char *)buffer->data;
}

static int64_t at(const char *text)
{
    int64_t us = 0;
    const char *reason = "";
    if (wendi_parse_timestamp(wendi_string_of(text), NULL, &us, &reason) != WEND_OK) {
        fail_msg("%s: %s", text, reason);
    }
    return us;
}

static void days_match_libc(void **unused)
{
    (void)unused;
    for (int i = 0; i < 300000; i++) {
        int64_t us = draw_us();
        time_t seconds = (time_t)(us / WENDI_US_PER_SECOND - (us % WENDI_US_PER_SECOND < 0));
        struct tm parts;
        assert_non_null(gmtime_r(&seconds, &parts));
        wendi_civil civil = wendi_civil_from_us(us);
        assert_int_equal(civil.year, parts.tm_year + 1900);
        assert_int_equal(civil.month, parts.tm_mon + 1);
        assert_int_equal(civil.day, parts.tm_mday);
        assert_int_equal(civil.hour, parts.tm_hour);
        assert_int_equal(civil.minute, parts.tm_min);
        assert_int_equal(civil.second, parts.tm_sec);
        assert_true(wendi_civil_valid(&civil));
        assert_true(wendi_us_from_civil(&civil) == us);
        int64_t doy = us - wendi_date_trunc(WENDI_FIELD_YEAR, us);
        assert_int_equal(doy / WENDI_US_PER_DAY, parts.tm_yday);
        int64_t week = wendi_date_trunc(WENDI_FIELD_WEEK, us);
        assert_int_equal((us - week) / WENDI_US_PER_DAY, (parts.tm_wday + 6) % 7);
    }
    /* Every day of eight centuries follows the one before. */
    for (int64_t day = -150000; day < 150000; day++) {
        int32_t year;
        int32_t month;
        int32_t of_month;
        wendi_civil_from_days(day, &year, &month, &of_month);
        assert_true(wendi_days_from_civil(year, month, of_month) == day);
    }
}

static void truncation_floors(void **unused)
{
    (void)unused;
    static const wendi_field fields[] = {WENDI_FIELD_MICROSECONDS, WENDI_FIELD_MILLISECONDS, WENDI_FIELD_SECOND,
                                         WENDI_FIELD_MINUTE, WENDI_FIELD_HOUR, WENDI_FIELD_DAY, WENDI_FIELD_MONTH,
                                         WENDI_FIELD_QUARTER, WENDI_FIELD_YEAR, WENDI_FIELD_DECADE};
    for (int i = 0; i < 100000; i++) {
        int64_t us = draw_us();
        int64_t before = us;
        for (size_t f = 0; f < sizeof fields / sizeof fields[0]; f++) {
            int64_t floored = wendi_date_trunc(fields[f], us);
            assert_true(floored <= before); /* coarser fields lie within each other */
            assert_true(wendi_date_trunc(fields[f], floored) == floored);
            assert_true(wendi_date_trunc(fields[f], before) == floored);
            before = floored;
        }
    }
    static const struct {
        wendi_field field;
        const char *of;
        const char *is;
    } cases[] = {{WENDI_FIELD_CENTURY, "2000-12-31T23:59:59Z", "1901-01-01T00:00:00Z"},
                 {WENDI_FIELD_CENTURY, "2001-01-01T00:00:00Z", "2001-01-01T00:00:00Z"},
                 {WENDI_FIELD_MILLENNIUM, "2000-06-01T00:00:00Z", "1001-01-01T00:00:00Z"},
                 {WENDI_FIELD_DECADE, "2029-06-01T00:00:00Z", "2020-01-01T00:00:00Z"},
                 {WENDI_FIELD_WEEK, "2024-03-03T23:00:00Z", "2024-02-26T00:00:00Z"},
                 {WENDI_FIELD_WEEK, "1969-12-28T00:00:00Z", "1969-12-22T00:00:00Z"},
                 {WENDI_FIELD_QUARTER, "2024-06-30T23:59:59.999999Z", "2024-04-01T00:00:00Z"},
                 {WENDI_FIELD_HOUR, "1969-12-31T23:30:00Z", "1969-12-31T23:00:00Z"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_string_equal(format(WENDI_TYPE_TIMESTAMPTZ, wendi_date_trunc(cases[i].field, at(cases[i].of)), NULL),
                            format(WENDI_TYPE_TIMESTAMPTZ, at(cases[i].is), NULL));
    }
    assert_int_equal(wendi_field_of(wendi_string_of("Weeks")), WENDI_FIELD_WEEK);
    assert_int_equal(wendi_field_of(wendi_string_of("isodow")), WENDI_FIELD_ISODOW);
    assert_int_equal(wendi_field_of(wendi_string_of("fortnight")), WENDI_FIELD_UNKNOWN);
}

static void bins_hold_their_times(void **unused)
{
    (void)unused;
    for (int i = 0; i < 100000; i++) {
        int64_t stride = (int64_t)(draw() % 100000000000) + 1;
        int64_t origin = (int64_t)(draw() >> (draw() % 30));
        int64_t us = (int64_t)((draw() >> (draw() % 30)) - (UINT64_C(1) << 62));
        int64_t bin = wendi_date_bin(stride, us, origin);
        if (bin != INT64_MIN) {
            wendi_int128 inside = (wendi_int128)us - bin;
            assert_true(inside >= 0 && inside < stride);
            assert_true(((wendi_int128)bin - origin) % stride == 0);
        }
    }
}

static void fixed_layouts_agree_with_general_ones(void **unused)
{
    (void)unused;
    for (int i = 0; i < 200000; i++) {
        int64_t us = draw_us();
        wendi_civil civil = wendi_civil_from_us(us);
        int zone = (int)(draw() % 1900) - 950;
        char text[80];
        char tail[16];
        snprintf(tail, sizeof tail, zone == 0 ? "Z" : "%c%02d:%02d", zone < 0 ? '-' : '+', abs(zone) / 60, abs(zone) % 60);
        snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%06d%s", civil.year, civil.month, civil.day, civil.hour,
                 civil.minute, civil.second, civil.microsecond, tail);
        int64_t wanted = us - zone * INT64_C(60000000);
        assert_true(at(text) == wanted);
        text[10] = ' ';
        assert_true(at(text) == wanted);
        snprintf(text, sizeof text, "%04d-%d-%d  %d:%02d:%02d,%06d999 %s", civil.year, civil.month, civil.day, civil.hour,
                 civil.minute, civil.second, civil.microsecond, tail); /* only the general path reads this */
        assert_true(at(text) == wanted);

        int64_t back = 0;
        const wendi_timezone *berlin = zone_of("Europe/Berlin");
        assert_int_equal(wendi_parse_timestamp(wendi_string_of(format(WENDI_TYPE_TIMESTAMPTZ, us, berlin)), NULL, &back,
                                               NULL),
                         WEND_OK);
        assert_true(back == us);
        assert_int_equal(wendi_parse_timestamp_local(wendi_string_of(format(WENDI_TYPE_TIMESTAMP, us, NULL)), &back, NULL),
                         WEND_OK);
        assert_true(back == us);
    }
}

/* One byte changed anywhere: the fast path must not take what the general one refuses, nor read it otherwise. */
static void damaged_layouts_are_not_believed(void **unused)
{
    (void)unused;
    const char original[] = "2024-02-28T23:59:59.250+05:30";
    for (size_t place = 0; place < sizeof original - 1; place++) {
        for (int byte = 1; byte < 256; byte++) {
            char text[64];
            char spaced[80];
            int64_t fast = 0;
            int64_t general = 0;
            strcpy(text, original);
            text[place] = (char)byte;
            snprintf(spaced, sizeof spaced, "%s ", text); /* a space at the end is the general path's */
            wend_status a = wendi_parse_timestamp(wendi_string_of(text), NULL, &fast, NULL);
            wend_status b = wendi_parse_timestamp(wendi_string_of(spaced), NULL, &general, NULL);
            if (a != b || (a == WEND_OK && fast != general)) {
                fail_msg("%s: %s and %s", text, wend_status_name(a), wend_status_name(b));
            }
        }
    }
}

static void timestamps_are_read(void **unused)
{
    (void)unused;
    static const struct {
        const char *text;
        const char *is; /* NULL: refused */
    } cases[] = {
        {"2024-01-31T10:00:00.123Z", "2024-01-31 10:00:00.123+00"},
        {"2024-01-31 10:00+05:30", "2024-01-31 04:30:00+00"},
        {"2024-01-31T10:00:00-0800", "2024-01-31 18:00:00+00"},
        {"2024-01-31T10:00:00+9", "2024-01-31 01:00:00+00"},
        {"2024-01-31T10:00:00.1234567890123Z", "2024-01-31 10:00:00.123456+00"},
        {"20240131T10:00:00Z", "2024-01-31 10:00:00+00"},
        {"2016-12-31T23:59:60Z", "2017-01-01 00:00:00+00"},
        {"2024-02-29T24:00:00Z", "2024-03-01 00:00:00+00"},
        {"2024-07-01 12:00 Europe/Berlin", "2024-07-01 10:00:00+00"},
        {"0044-03-15 12:00:00Z BC", "0044-03-15 12:00:00+00 BC"},
        {"12024-01-31T10:00:00Z", "12024-01-31 10:00:00+00"},
        {"294246-12-31T23:59:59.999999Z", "294246-12-31 23:59:59.999999+00"}, {"294276-01-01T00:00:00Z", NULL},
        {"2024-01-31t10:00:00z", "2024-01-31 10:00:00+00"},
        {"2023-02-29T00:00:00Z", NULL}, {"2024-13-01T00:00:00Z", NULL}, {"2024-00-01T00:00:00Z", NULL},
        {"2024-01-31T25:00:00Z", NULL}, {"2024-01-31T10:60:00Z", NULL}, {"2024-01-31T10:00:61Z", NULL},
        {"2024-01-31T24:00:01Z", NULL}, {"2024-01-31T10:00:00", NULL}, {"2024-01-31", NULL},
        {"2024-01-31T10:00:00+16:00", NULL}, {"2024-01-31T10:00:00+05:60", NULL}, {"2024-01-31T10:00:00.Z", NULL},
        {"2024-01-31T10:00:00Zx", NULL}, {"2024-01-31T10:00:00 Mars/Phobos", NULL}, {"", NULL}, {"now", NULL},
        {"2024-1-1T1:1:1Z", NULL}, {"2024-01-31T10:00:00ZZ", NULL}, {"300000-01-01T00:00:00Z", NULL},
        {"0000-01-01T00:00:00Z", NULL}, {"1e3", NULL}, {"99999999999", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t us = 0;
        const char *reason = NULL;
        wend_status status = wendi_parse_timestamp(wendi_string_of(cases[i].text), NULL, &us, &reason);
        if (cases[i].is == NULL) {
            if (status != WEND_INVALID || reason == NULL) {
                fail_msg("%s was taken", cases[i].text);
            }
        } else {
            assert_string_equal(status == WEND_OK ? format(WENDI_TYPE_TIMESTAMPTZ, us, NULL) : reason, cases[i].is);
        }
    }
    int64_t us = 0;
    assert_int_equal(wendi_parse_timestamp(wendi_string_of("2024-07-01 12:00"), zone_of("Asia/Kolkata"), &us, NULL),
                     WEND_OK);
    assert_string_equal(format(WENDI_TYPE_TIMESTAMPTZ, us, NULL), "2024-07-01 06:30:00+00");
    assert_string_equal(format(WENDI_TYPE_TIMESTAMPTZ, us, zone_of("Asia/Kolkata")), "2024-07-01 12:00:00+05:30");
    assert_string_equal(format(WENDI_TYPE_TIMESTAMPTZ, us, zone_of("America/St_Johns")), "2024-07-01 04:00:00-02:30");
    assert_int_equal(wendi_parse_timestamp_local(wendi_string_of("2024-07-01 12:00+09"), &us, NULL), WEND_OK);
    assert_string_equal(format(WENDI_TYPE_TIMESTAMP, us, NULL), "2024-07-01 12:00:00");
}

static void dates_are_read(void **unused)
{
    (void)unused;
    int64_t days = 0;
    for (int i = 0; i < 100000; i++) {
        int64_t day = (int64_t)(draw() % 106000000) - 2400000;
        assert_int_equal(wendi_parse_date(wendi_string_of(format(WENDI_TYPE_DATE, day, NULL)), &days, NULL), WEND_OK);
        assert_true(days == day);
    }
    assert_int_equal(wendi_parse_date(wendi_string_of("20240229"), &days, NULL), WEND_OK);
    assert_int_equal(days, 19782);
    assert_int_equal(wendi_parse_date(wendi_string_of("2024-02-29T10:00:00Z"), &days, NULL), WEND_OK);
    assert_int_equal(days, 19782);
    static const char *const refused[] = {"", "2024-02-30", "2024-2", "24-02-01", "2024/02/01", "2024-02-01x", "yesterday"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        assert_int_equal(wendi_parse_date(wendi_string_of(refused[i]), &days, NULL), WEND_INVALID);
    }
}

static void patterns_are_followed(void **unused)
{
    (void)unused;
    static const struct {
        const char *pattern;
        const char *text;
        const char *is;
    } cases[] = {
        {"%d/%b/%Y:%H:%M:%S %z", "10/Oct/2000:13:55:36 -0700", "2000-10-10 20:55:36+00"},
        {"%Y-%m-%d %H:%M:%S.%f", "2024-01-31 10:00:00.5", "2024-01-31 10:00:00.5+00"},
        {"%a, %d %B %Y %T %z", "Wed, 31 January 2024 10:00:00 +0530", "2024-01-31 04:30:00+00"},
        {"%D %I:%M %p", "01/31/24 12:05 AM", "2024-01-31 00:05:00+00"},
        {"%D %I:%M%p", "01/31/69 12:05pm", "1969-01-31 12:05:00+00"},
        {"%Y%j", "2024366", "2024-12-31 00:00:00+00"},
        {"%s.%f", "1700000000.25", "2023-11-14 22:13:20.25+00"},
        {"%s", "-1", "1969-12-31 23:59:59+00"},
        {"%F%%%R", "2024-01-31%10:05", "2024-01-31 10:05:00+00"},
        {"%e. %B %Y", " 1. March 2024", "2024-03-01 00:00:00+00"},
        {"%Y-%m-%d", "2024-01-31 ", NULL}, {"%Y-%m-%d", "2024-02-30", NULL}, {"%H:%M", "10:00", NULL},
        {"%Y%j", "2023366", NULL}, {"%I %p %Y", "13 PM 2024", NULL}, {"%Y %Q", "2024 1", NULL}, {"%Y-%m", "2024", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t us = 0;
        const char *reason = "";
        wend_status status = wendi_parse_timestamp_pattern(wendi_string_of(cases[i].text), wendi_string_of(cases[i].pattern),
                                                           wendi_timezone_utc(), &us, &reason);
        if (cases[i].is == NULL) {
            assert_int_equal(status, WEND_INVALID);
        } else {
            assert_string_equal(status == WEND_OK ? format(WENDI_TYPE_TIMESTAMPTZ, us, NULL) : reason, cases[i].is);
        }
    }
    int64_t us;
    assert_int_equal(wendi_parse_timestamp_pattern(wendi_string_of("2024"), wendi_string_of("%Y"), NULL, &us, NULL),
                     WEND_INVALID); /* no zone */
    wendi_string fault;
    assert_int_equal(wendi_check_time_pattern(wendi_string_of("%d/%b/%Y:%H:%M:%S %z"), NULL, NULL), WEND_OK);
    assert_int_equal(wendi_check_time_pattern(wendi_string_of("%H:%M"), &fault, NULL), WEND_INVALID);
    assert_int_equal(fault.length, 0);
    assert_int_equal(wendi_check_time_pattern(wendi_string_of("%Y %Q"), &fault, NULL), WEND_INVALID);
    assert_true(wendi_string_equal(fault, wendi_string_of("%Q")));
    assert_int_equal(wendi_check_time_pattern(wendi_string_of("%Y %"), &fault, NULL), WEND_INVALID);
    assert_true(wendi_string_equal(fault, wendi_string_of("%")));
}

static const char *format_interval(wendi_interval interval)
{
    static wendi_buffer buffer;
    wendi_value value = {.type = wendi_type_of(WENDI_TYPE_INTERVAL), .interval = interval};
    buffer.length = 0;
    assert_int_equal(wendi_value_format(&value, NULL, &buffer), WEND_OK);
    assert_int_equal(wendi_buffer_u8(&buffer, 0), WEND_OK);
    return (const char *)buffer.data;
}

static void intervals_are_read(void **unused)
{
    (void)unused;
    static const struct {
        const char *text;
        const char *is;
    } cases[] = {
        {"1 day 02:00:00", "1 day 02:00:00"}, {"30 min", "00:30:00"}, {"1h", "01:00:00"}, {"7d", "7 days"},
        {"P1DT2H", "1 day 02:00:00"}, {"1 month", "1 mon"}, {"P1Y2M3W4DT5H6M7.5S", "1 year 2 mons 25 days 05:06:07.5"},
        {"1h30m", "01:30:00"}, {"-1 day 2 hours", "-1 days +02:00:00"}, {"1 day ago", "-1 days"},
        {"@ 2 weeks 1 hour ago", "-14 days -01:00:00"}, {"1.5 days", "1 day 12:00:00"}, {"1.5 months", "1 mon 15 days"},
        {"1.5 years", "1 year 6 mons"}, {"0.5 weeks", "3 days 12:00:00"}, {"1-2", "1 year 2 mons"}, {"-1-2", "-1 years -2 mons"},
        {"90", "00:01:30"}, {"500ms", "00:00:00.5"}, {"1 quarter", "3 mons"}, {"  3 s ", "00:00:03"},
        {"1 mon -1 day", "1 mon -1 days"}, {"-00:00:01", "-00:00:01"}, {"100:00:00", "100:00:00"}, {"0 s", "00:00:00"},
        {"1 century", "100 years"}, {"0.000001s", "00:00:00.000001"}, {"", NULL}, {"day", NULL}, {"1 fortnight", NULL},
        {"P", NULL}, {"1 day ago 2 days", NULL}, {"1:2:3", NULL}, {"3000000000 days", NULL}, {"1 .", NULL},
        {"99999999999999999999 s", NULL}, {"PT1D", NULL}, {"P1H", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        wendi_interval interval;
        const char *reason = "";
        wend_status status = wendi_parse_interval(wendi_string_of(cases[i].text), &interval, &reason);
        if (cases[i].is == NULL) {
            if (status != WEND_INVALID) {
                fail_msg("%s was taken", cases[i].text);
            }
        } else {
            assert_string_equal(status == WEND_OK ? format_interval(interval) : reason, cases[i].is);
        }
    }
    for (int i = 0; i < 100000; i++) {
        wendi_interval interval = {(int32_t)(draw() >> (32 + draw() % 30)), -(int32_t)(draw() >> (34 + draw() % 30)),
                                   (int64_t)(draw() >> (8 + draw() % 40))};
        wendi_interval back;
        interval.months = i % 2 == 0 ? -(interval.months & 0xffff) : interval.months & 0xffff;
        interval.microseconds = i % 3 == 0 ? -interval.microseconds : interval.microseconds;
        assert_int_equal(wendi_parse_interval(wendi_string_of(format_interval(interval)), &back, NULL), WEND_OK);
        assert_memory_equal(&interval, &back, sizeof back);
    }
}

static void intervals_are_added(void **unused)
{
    (void)unused;
    static const struct {
        const char *to;
        const char *interval;
        int sign;
        const char *zone;
        const char *is;
    } cases[] = {
        {"2024-01-31T10:00:00Z", "1 month", 1, "UTC", "2024-02-29T10:00:00Z"},
        {"2024-03-31T10:00:00Z", "1 month", -1, "UTC", "2024-02-29T10:00:00Z"},
        {"2023-02-28T00:00:00Z", "1 year", 1, "UTC", "2024-02-28T00:00:00Z"},
        {"2024-02-29T00:00:00Z", "12 months", 1, "UTC", "2025-02-28T00:00:00Z"},
        {"2024-01-31T00:00:00Z", "1 month 1 day", 1, "UTC", "2024-03-01T00:00:00Z"},
        {"2024-03-30T12:00:00Z", "1 day", 1, "Europe/Berlin", "2024-03-31T11:00:00Z"}, /* a day of 23 hours */
        {"2024-03-30T12:00:00Z", "24 hours", 1, "Europe/Berlin", "2024-03-31T12:00:00Z"},
        {"2024-10-26T12:00:00Z", "1 day", 1, "Europe/Berlin", "2024-10-27T13:00:00Z"},
        {"2024-11-27T12:00:00Z", "1 month", -1, "Europe/Berlin", "2024-10-27T12:00:00Z"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        wendi_interval interval;
        assert_int_equal(wendi_parse_interval(wendi_string_of(cases[i].interval), &interval, NULL), WEND_OK);
        int64_t got = wendi_add_interval_zone(at(cases[i].to), interval, cases[i].sign, zone_of(cases[i].zone));
        assert_string_equal(format(WENDI_TYPE_TIMESTAMPTZ, got, NULL), format(WENDI_TYPE_TIMESTAMPTZ, at(cases[i].is), NULL));
    }
    wendi_interval huge = {INT32_MAX, INT32_MAX, INT64_MAX};
    assert_true(wendi_add_interval(INT64_MAX, huge, 1) == INT64_MAX);
    assert_true(wendi_add_interval(INT64_MIN, huge, -1) == INT64_MIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_match_libc),         cmocka_unit_test(truncation_floors),
        cmocka_unit_test(bins_hold_their_times),   cmocka_unit_test(fixed_layouts_agree_with_general_ones),
        cmocka_unit_test(damaged_layouts_are_not_believed), cmocka_unit_test(timestamps_are_read),
        cmocka_unit_test(dates_are_read),          cmocka_unit_test(patterns_are_followed),
        cmocka_unit_test(intervals_are_read),      cmocka_unit_test(intervals_are_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
