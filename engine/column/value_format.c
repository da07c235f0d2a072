/* Values as text, in PostgreSQL's output forms (ISO dates, interval style "postgres"). */
#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/column/float_text.h"
#include "engine/column/value.h"

enum { NUMERIC_DIGITS = 40 };

static const uint8_t ipv4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static char *put_text(char *out, const char *text)
{
    size_t length = strlen(text);
    memcpy(out, text, length);
    return out + length;
}

/* At least `width` digits. */
static char *put_number(char *out, uint64_t number, int width)
{
    char digits[24];
    char *begin = digits + sizeof digits;
    do {
        *--begin = (char)('0' + number % 10);
        number /= 10;
        width--;
    } while (number != 0 || width > 0);
    size_t length = (size_t)(digits + sizeof digits - begin);
    memcpy(out, begin, length);
    return out + length;
}

static inline char *put_two(char *out, int32_t number)
{
    out[0] = (char)('0' + number / 10);
    out[1] = (char)('0' + number % 10);
    return out + 2;
}

static char *put_i64(char *out, int64_t number)
{
    if (number < 0) {
        *out++ = '-';
    }
    return put_number(out, number < 0 ? 0 - (uint64_t)number : (uint64_t)number, 1);
}

static char *put_numeric(char *out, wendi_int128 number, int scale)
{
    char digits[NUMERIC_DIGITS];
    char *begin = digits + sizeof digits;
    wendi_uint128 magnitude = number < 0 ? -(wendi_uint128)number : (wendi_uint128)number;
    for (int place = 0; magnitude != 0 || place <= scale; place++) {
        if (place == scale && scale != 0) {
            *--begin = '.';
        }
        *--begin = (char)('0' + (int)(magnitude % 10));
        magnitude /= 10;
    }
    if (number < 0) {
        *out++ = '-';
    }
    size_t length = (size_t)(digits + sizeof digits - begin);
    memcpy(out, begin, length);
    return out + length;
}

static char *put_uuid(char *out, const wendi_b16 *value)
{
    static const char hex[] = "0123456789abcdef";
    uint8_t bytes[sizeof *value];
    memcpy(bytes, value, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *out++ = '-';
        }
        *out++ = hex[bytes[i] >> 4];
        *out++ = hex[bytes[i] & 15];
    }
    return out;
}

static char *put_inet(char *out, const wendi_b16 *value)
{
    uint8_t bytes[sizeof *value];
    char text[INET6_ADDRSTRLEN];
    memcpy(bytes, value, sizeof bytes);
    bool ipv4 = memcmp(bytes, ipv4_prefix, sizeof ipv4_prefix) == 0;
    const char *printed = inet_ntop(ipv4 ? AF_INET : AF_INET6, ipv4 ? bytes + 12 : bytes, text, sizeof text);
    assert(printed != NULL);
    return put_text(out, printed);
}

/* Years before 1 are written as PostgreSQL does, with BC behind everything else. */
static char *put_date(char *out, const wendi_civil *civil)
{
    int32_t year = civil->year > 0 ? civil->year : 1 - civil->year;
    if (year <= 9999) {
        out = put_two(put_two(out, year / 100), year % 100);
    } else {
        out = put_number(out, (uint64_t)year, 4);
    }
    *out++ = '-';
    out = put_two(out, civil->month);
    *out++ = '-';
    return put_two(out, civil->day);
}

/* .123, without zeros at the end; nothing for 0. */
static char *put_fraction(char *out, uint64_t microseconds)
{
    if (microseconds != 0) {
        *out++ = '.';
        out = put_number(out, microseconds, 6);
        while (out[-1] == '0') {
            out--;
        }
    }
    return out;
}

static char *put_offset(char *out, int64_t seconds)
{
    uint64_t distance = (uint64_t)llabs(seconds);
    *out++ = seconds < 0 ? '-' : '+';
    out = put_number(out, distance / 3600, 2);
    if (distance % 3600 != 0) {
        *out++ = ':';
        out = put_number(out, distance / 60 % 60, 2);
    }
    if (distance % 60 != 0) {
        *out++ = ':';
        out = put_number(out, distance % 60, 2);
    }
    return out;
}

/* `zone` NULL: a wall time without an offset. */
static char *put_timestamp(char *out, int64_t us, const wendi_timezone *zone)
{
    int64_t local = zone != NULL ? wendi_timezone_to_local(zone, us) : us;
    wendi_civil civil = wendi_civil_from_us(local);
    out = put_date(out, &civil);
    *out++ = ' ';
    out = put_two(out, civil.hour);
    *out++ = ':';
    out = put_two(out, civil.minute);
    *out++ = ':';
    out = put_two(out, civil.second);
    out = put_fraction(out, (uint64_t)civil.microsecond);
    if (zone != NULL) {
        out = put_offset(out, (local - us) / WENDI_US_PER_SECOND);
    }
    return civil.year > 0 ? out : put_text(out, " BC");
}

/* "1 year", "-2 mons": a positive part behind a negative one shows its sign. */
static char *put_interval_part(char *out, int64_t number, const char *unit, bool *first, bool *behind_negative)
{
    if (number == 0) {
        return out;
    }
    if (!*first) {
        *out++ = ' ';
    }
    if (*behind_negative && number > 0) {
        *out++ = '+';
    }
    out = put_i64(out, number);
    *out++ = ' ';
    out = put_text(out, unit);
    if (number != 1) {
        *out++ = 's';
    }
    *first = false;
    *behind_negative = number < 0;
    return out;
}

static char *put_interval(char *out, wendi_interval interval)
{
    bool first = true;
    bool behind_negative = false;
    out = put_interval_part(out, interval.months / 12, "year", &first, &behind_negative);
    out = put_interval_part(out, interval.months % 12, "mon", &first, &behind_negative);
    out = put_interval_part(out, interval.days, "day", &first, &behind_negative);
    if (!first && interval.microseconds == 0) {
        return out;
    }
    if (!first) {
        *out++ = ' ';
    }
    if (interval.microseconds < 0) {
        *out++ = '-';
    } else if (behind_negative) {
        *out++ = '+';
    }
    uint64_t us = interval.microseconds < 0 ? 0 - (uint64_t)interval.microseconds : (uint64_t)interval.microseconds;
    uint64_t seconds = us / 1000000;
    out = put_number(out, seconds / 3600, 2);
    *out++ = ':';
    out = put_number(out, seconds / 60 % 60, 2);
    *out++ = ':';
    out = put_number(out, seconds % 60, 2);
    return put_fraction(out, us % 1000000);
}

static char *put_value(char *out, const wendi_value *value, const wendi_timezone *zone)
{
    switch ((wendi_type_kind)value->type.kind) {
    case WENDI_TYPE_BOOLEAN:
        return put_text(out, value->i64 != 0 ? "true" : "false");
    case WENDI_TYPE_SMALLINT:
    case WENDI_TYPE_INTEGER:
    case WENDI_TYPE_BIGINT:
        return put_i64(out, value->i64);
    case WENDI_TYPE_REAL:
    case WENDI_TYPE_DOUBLE:
        return out + wendi_float_text(value->f64, value->type.kind == WENDI_TYPE_REAL, out);
    case WENDI_TYPE_NUMERIC: {
        bool narrow = wendi_type_physical(value->type) == WENDI_PHYSICAL_I64;
        return put_numeric(out, narrow ? value->i64 : value->i128, value->type.scale);
    }
    case WENDI_TYPE_UUID:
        return put_uuid(out, &value->b16);
    case WENDI_TYPE_INET:
        return put_inet(out, &value->b16);
    case WENDI_TYPE_DATE: {
        wendi_civil civil = {0};
        wendi_civil_from_days(value->i64, &civil.year, &civil.month, &civil.day);
        out = put_date(out, &civil);
        return civil.year > 0 ? out : put_text(out, " BC");
    }
    case WENDI_TYPE_TIMESTAMPTZ:
        return put_timestamp(out, value->i64, zone != NULL ? zone : wendi_timezone_utc());
    case WENDI_TYPE_TIMESTAMP:
        return put_timestamp(out, value->i64, NULL);
    case WENDI_TYPE_INTERVAL:
        return put_interval(out, value->interval);
    case WENDI_TYPE_NULL:
    case WENDI_TYPE_TEXT:
    case WENDI_TYPE_JSONB:
        break;
    }
    return out;
}

wend_status wendi_value_format(const wendi_value *value, const wendi_timezone *zone, wendi_buffer *out)
{
    if (value->null || value->type.kind == WENDI_TYPE_NULL) {
        return WEND_OK;
    }
    if (wendi_type_physical(value->type) == WENDI_PHYSICAL_STRING) {
        return wendi_buffer_append(out, value->string.data, value->string.length);
    }
    wend_status status = wendi_buffer_reserve(out, WENDI_VALUE_TEXT_MAX);
    if (status == WEND_OK) {
        char *begin = (char *)out->data + out->length;
        size_t length = (size_t)(put_value(begin, value, zone) - begin);
        WEND_REQUIRE(length <= WENDI_VALUE_TEXT_MAX);
        out->length += length;
    }
    return status;
}
