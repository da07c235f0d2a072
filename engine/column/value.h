/**
 * One value of any type, and the text forms of all types: the single place where text becomes a
 * value and back, shared by JSON ingest, SQL casts and literals, DDL defaults and result printing.
 *
 * Parsers take the whole of `text` and never read beyond its end. They are independent of the
 * process's locale and time zone. On refusal they return WEND_INVALID and set `*reason` (may be NULL) to a
 * constant sentence such as "not a number" - they fill no error record, since refusing a row must be cheap.
 */
#ifndef WENDI_COLUMN_VALUE_H
#define WENDI_COLUMN_VALUE_H

#include "engine/base/arena.h"
#include "engine/column/calendar.h"
#include "engine/column/type.h"

/** A scalar. `string` is borrowed. */
typedef struct wendi_value {
    wendi_type type;
    bool null;
    union {
        int64_t i64;
        double f64;
        wendi_b16 b16;
        wendi_string string;
        wendi_interval interval;
        wendi_int128 i128; /* numeric with precision > 18 */
    };
} wendi_value;

/**
 * inet as sixteen bytes that order and compare as PostgreSQL's inet does within a family, IPv4 first:
 * held as the 16-byte IPv6 form, IPv4 mapped as ::ffff:a.b.c.d. A prefix length shorter than the address is
 * refused on input ("wend keeps single addresses"), so the text form has no slash.
 */
typedef wendi_b16 wendi_inet;

/** Digits only ("1.0" and "1e3" are wendi_parse_numeric()'s with scale 0). */
wend_status wendi_parse_i64(wendi_string text, int64_t *value, const char **reason);
/** Correctly rounded for every input (exact fast path, else strtod in the C locale). Beyond range: refused. */
wend_status wendi_parse_f64(wendi_string text, double *value, const char **reason);
/** The same for real: the nearest float, held as a double. Not wendi_parse_f64() and a cast, which would round twice. */
wend_status wendi_parse_f32(wendi_string text, double *value, const char **reason);
/** Digits to an integer scaled by 10^scale; too many digits before the point or (unless rounding
    half-even is asked for) behind it are refused. Accepts an exponent. */
wend_status wendi_parse_numeric(wendi_string text, uint8_t precision, uint8_t scale, bool round_half_even,
                                wendi_int128 *value, const char **reason);
/** PostgreSQL's words true, yes, on, 1, false, no, off, 0 and their unambiguous beginnings, in any case. */
wend_status wendi_parse_boolean(wendi_string text, int64_t *value, const char **reason);
/** 32 hexadecimal digits; a hyphen may stand behind any four, braces around all. */
wend_status wendi_parse_uuid(wendi_string text, wendi_b16 *value, const char **reason);
/** One IPv4 or IPv6 address (see wendi_inet); a prefix length only when it is the whole address. */
wend_status wendi_parse_inet(wendi_string text, wendi_b16 *value, const char **reason);
wend_status wendi_parse_date(wendi_string text, int64_t *days, const char **reason);
/**
 * RFC 3339 and PostgreSQL's ISO forms ("2024-01-31T10:00:00.123Z", "2024-01-31 10:00+05:30", date only).
 * `zone` is used for text without an offset; NULL then refuses it. Fractions beyond 1 us are cut.
 */
wend_status wendi_parse_timestamp(wendi_string text, const wendi_timezone *zone, int64_t *utc_us, const char **reason);
/** As wendi_parse_timestamp() for a wall clock: an offset in the text is read and ignored, as PostgreSQL does. */
wend_status wendi_parse_timestamp_local(wendi_string text, int64_t *local_us, const char **reason);
/**
 * Whether wendi_parse_timestamp_pattern() knows every field of `pattern` and they make a date. On refusal `*fault`
 * (may be NULL) becomes the unknown field, such as "%q", within the pattern; empty when a date is what is missing.
 */
wend_status wendi_check_time_pattern(wendi_string pattern, wendi_string *fault, const char **reason);
/** By a strptime-like pattern (%Y %m %d %H %M %S %f %z %b %B %h %e %y %T %D %F %R %j %s %a %A %p %I %%). */
wend_status wendi_parse_timestamp_pattern(wendi_string text, wendi_string pattern, const wendi_timezone *zone,
                                          int64_t *utc_us, const char **reason);
/** "1 day 02:00:00", "30 min", "1h", "7d", "P1DT2H", "1 month" … */
wend_status wendi_parse_interval(wendi_string text, wendi_interval *value, const char **reason);

/** Exactly one JSON value (RFC 8259), nested at most 64 deep, in valid UTF-8. */
wend_status wendi_check_json(wendi_string text, const char **reason);
/** Whether `text` has at most `length_max` code points (0: no limit). */
bool wendi_text_fits(wendi_string text, uint32_t length_max);

/** Any type from its SQL text form, as a cast from text does: spaces around all but text are
    ignored. `zone`: the session's. Strings are borrowed from text. A text too long for varchar(n) is refused. */
wend_status wendi_value_parse(wendi_type type, wendi_string text, const wendi_timezone *zone, wendi_value *value,
                              const char **reason);
/** Append the SQL text form (PostgreSQL's output form; timestamptz in `zone` with its offset; shortest
    digits that round-trip for real and double; t/f as "true"/"false"). Null appends nothing. */
wend_status wendi_value_format(const wendi_value *value, const wendi_timezone *zone, wendi_buffer *out);

enum { WENDI_VALUE_TEXT_MAX = 80 }; /* enough for the text of every type that is not a string */

/** -1, 0, 1 of two non-null values of the same type; NaN equals NaN and is above all, as in PostgreSQL. */
int wendi_value_compare(const wendi_value *a, const wendi_value *b);
/** The hash that orders users: of the 8-byte little-endian integer or double, the 16 bytes, or the string's
    bytes. Stored order depends on it: never change. */
uint64_t wendi_value_hash(const wendi_value *value);

#endif
