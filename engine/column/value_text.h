/** Inside of the text forms: a cursor over text, and the pieces that several of them are made of. */
#ifndef WENDI_COLUMN_VALUE_TEXT_H
#define WENDI_COLUMN_VALUE_TEXT_H

#include "engine/column/value.h"

typedef struct wendi_cursor {
    const char *at;
    const char *end;
} wendi_cursor;

/** The byte behind the text. An empty view may have no memory, and C knows no NULL + 0. */
static inline const char *wendi_text_end(wendi_string text)
{
    return text.length == 0 ? text.data : text.data + text.length;
}
static inline wendi_cursor wendi_cursor_of(wendi_string text)
{
    return (wendi_cursor){text.data, wendi_text_end(text)};
}
static inline bool wendi_cursor_done(const wendi_cursor *cursor)
{
    return cursor->at == cursor->end;
}
static inline bool wendi_is_digit(char byte)
{
    return (unsigned char)(byte - '0') < 10;
}
static inline bool wendi_is_letter(char byte)
{
    return (unsigned char)((byte | 32) - 'a') < 26;
}
static inline bool wendi_is_space(char byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}
static inline bool wendi_cursor_take(wendi_cursor *cursor, char wanted)
{
    if (cursor->at < cursor->end && *cursor->at == wanted) {
        cursor->at++;
        return true;
    }
    return false;
}
static inline void wendi_cursor_skip_spaces(wendi_cursor *cursor)
{
    while (cursor->at < cursor->end && wendi_is_space(*cursor->at)) {
        cursor->at++;
    }
}
/** From `digits_min` to `digits_max` (at most 9) digits as a number; nothing is taken on refusal. */
static inline bool wendi_cursor_number(wendi_cursor *cursor, uint32_t digits_min, uint32_t digits_max, int32_t *value)
{
    int32_t sum = 0;
    uint32_t count = 0;
    const char *at = cursor->at;
    for (; count < digits_max && at < cursor->end && wendi_is_digit(*at); at++, count++) {
        sum = sum * 10 + (*at - '0');
    }
    if (count < digits_min) {
        return false;
    }
    cursor->at = at;
    *value = sum;
    return true;
}
/** Any number of digits behind a point as microseconds, the rest cut; at least one. */
static inline bool wendi_cursor_fraction(wendi_cursor *cursor, int32_t *microseconds)
{
    const char *begin = cursor->at;
    int32_t sum = 0;
    for (int32_t weight = 100000; cursor->at < cursor->end && wendi_is_digit(*cursor->at); weight /= 10) {
        sum += weight * (*cursor->at++ - '0');
    }
    *microseconds = sum;
    return cursor->at > begin;
}

/** Set `*reason` (may be NULL) and return WEND_INVALID. */
static inline wend_status wendi_refuse(const char *why, const char **reason)
{
    if (reason != NULL) {
        *reason = why;
    }
    return WEND_INVALID;
}

static inline wendi_string wendi_trim(wendi_string text)
{
    while (text.length != 0 && wendi_is_space(text.data[0])) {
        text.data++;
        text.length--;
    }
    while (text.length != 0 && wendi_is_space(text.data[text.length - 1])) {
        text.length--;
    }
    return text;
}

/**
 * An offset from UTC in seconds, east positive: Z, ±h, ±hh, ±hhmm, ±hh:mm, ±hh:mm:ss. Nothing is taken
 * on refusal. At most 15:59:59 either way, as in PostgreSQL.
 */
bool wendi_cursor_offset(wendi_cursor *cursor, int32_t *offset_seconds);

/** A wall time with what its text said of its place: the zone column of a timestamp. */
typedef struct wendi_time_parts {
    wendi_civil civil;     /* checked; hour 24 and second 60 are in extra_seconds */
    int32_t extra_seconds; /* to add to the civil time */
    bool has_zone;
    int32_t offset_seconds;
    const wendi_timezone *zone; /* instead of an offset, when the text names one */
} wendi_time_parts;

/** The instant of `parts`; `zone` for texts without one, NULL refuses. */
wend_status wendi_time_instant(const wendi_time_parts *parts, const wendi_timezone *zone, int64_t *utc_us,
                               const char **reason);

#endif
