/*
 * The rarer tokens of JSON: escapes, text that is not ASCII, and values skipped as a whole. The common
 * ones are in the header, to be part of the loops that use them.
 */
#include "ingest/json_scan.h"

/* Plain ASCII is passed eight bytes at a time; sequences follow the table of RFC 3629, section 4. */
const char *wendi_utf8_check(const char *at, const char *end)
{
    while (at < end) {
        uint64_t word;
        if (end - at >= 8) {
            memcpy(&word, at, sizeof word);
            if ((word & UINT64_C(0x8080808080808080)) == 0) {
                at += 8;
                continue;
            }
        }
        unsigned char first = (unsigned char)*at;
        if (first < 0x80) {
            at++;
            continue;
        }
        ptrdiff_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
        if (first < 0xc2 || first > 0xf4 || end - at < length) {
            return at;
        }
        unsigned char second = (unsigned char)at[1];
        unsigned char low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
        unsigned char high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
        if (second < low || second > high) {
            return at;
        }
        for (ptrdiff_t i = 2; i < length; i++) {
            if (((unsigned char)at[i] & 0xc0) != 0x80) {
                return at;
            }
        }
        at += length;
    }
    return end;
}

/* ---- escapes ---------------------------------------------------------------------------------- */

static int hex_digit(char byte)
{
    if ((unsigned char)(byte - '0') < 10) {
        return byte - '0';
    }
    char lower = (char)(byte | 32);
    return (unsigned char)(lower - 'a') < 6 ? lower - 'a' + 10 : -1;
}

/* The four digits behind \u, or -1; `*bad` is the byte that is none (or the end). */
static int32_t four_digits(const char *at, const char *end, const char **bad)
{
    int32_t unit = 0;
    for (int i = 0; i < 4; i++) {
        int digit = at + i < end ? hex_digit(at[i]) : -1;
        if (digit < 0) {
            *bad = at + i;
            return -1;
        }
        unit = unit << 4 | digit;
    }
    return unit;
}

static const char *scan_unicode(const char *at, const char *end, wendi_json_error *error)
{
    const char *bad = NULL;
    int32_t unit = four_digits(at + 2, end, &bad);
    if (unit < 0) {
        return wendi_json_fail(error, bad >= end ? WENDI_JSON_TRUNCATED : WENDI_JSON_ESCAPE, bad);
    }
    if (unit < 0xd800 || unit > 0xdfff) {
        return at + 6;
    }
    if (unit > 0xdbff) {
        return wendi_json_fail(error, WENDI_JSON_SURROGATE, at);
    }
    if (end - at < 12 && memcmp(at + 6, "\\u", (size_t)(end - at < 8 ? end - at - 6 : 2)) == 0) {
        return wendi_json_fail(error, WENDI_JSON_TRUNCATED, end);
    }
    int32_t low = end - at < 12 || at[6] != '\\' || at[7] != 'u' ? -1 : four_digits(at + 8, end, &bad);
    return low >= 0xdc00 && low <= 0xdfff ? at + 12 : wendi_json_fail(error, WENDI_JSON_SURROGATE, at);
}

const char *wendi_json_scan_escape(const char *at, const char *end, wendi_json_error *error)
{
    if (end - at < 2) {
        return wendi_json_fail(error, WENDI_JSON_TRUNCATED, end);
    }
    switch (at[1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        return at + 2;
    case 'u':
        return scan_unicode(at, end, error);
    default:
        return wendi_json_fail(error, WENDI_JSON_ESCAPE, at);
    }
}

static char *write_utf8(char *out, uint32_t point)
{
    if (point < 0x80) {
        *out++ = (char)point;
    } else if (point < 0x800) {
        *out++ = (char)(0xc0 | point >> 6);
        *out++ = (char)(0x80 | (point & 0x3f));
    } else if (point < 0x10000) {
        *out++ = (char)(0xe0 | point >> 12);
        *out++ = (char)(0x80 | (point >> 6 & 0x3f));
        *out++ = (char)(0x80 | (point & 0x3f));
    } else {
        *out++ = (char)(0xf0 | point >> 18);
        *out++ = (char)(0x80 | (point >> 12 & 0x3f));
        *out++ = (char)(0x80 | (point >> 6 & 0x3f));
        *out++ = (char)(0x80 | (point & 0x3f));
    }
    return out;
}

static char unescaped_byte(char byte)
{
    switch (byte) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return byte;
    }
}

uint32_t wendi_json_unescape(wendi_json_string string, char *out)
{
    const char *at = string.data;
    const char *end = at + string.length;
    const char *bad = NULL;
    char *begin = out;
    while (at < end) {
        const char *slash = memchr(at, '\\', (size_t)(end - at));
        size_t plain = (size_t)((slash == NULL ? end : slash) - at);
        memmove(out, at, plain);
        out += plain;
        at += plain;
        if (slash == NULL) {
            break;
        }
        if (at[1] != 'u') {
            *out++ = unescaped_byte(at[1]);
            at += 2;
            continue;
        }
        uint32_t point = (uint32_t)four_digits(at + 2, end, &bad);
        at += 6;
        if (point >= 0xd800 && point <= 0xdbff) {
            point = 0x10000 + ((point - 0xd800) << 10) + ((uint32_t)four_digits(at + 2, end, &bad) - 0xdc00);
            at += 6;
        }
        out = write_utf8(out, point);
    }
    return (uint32_t)(out - begin);
}

/* ---- whole values ----------------------------------------------------------------------------- */

static const char *skip_scalar(const char *at, const char *end, wendi_json_error *error)
{
    wendi_json_string string;
    wendi_json_number number;
    switch (*at) {
    case '"':
        return wendi_json_scan_string(at + 1, end, &string, error);
    case 't':
        return wendi_json_scan_word(at, end, "true", 4, error);
    case 'f':
        return wendi_json_scan_word(at, end, "false", 5, error);
    case 'n':
        return wendi_json_scan_word(at, end, "null", 4, error);
    default:
        if (*at == '-' || (unsigned char)(*at - '0') < 10) {
            return wendi_json_scan_number(at, end, &number, error);
        }
        return wendi_json_fail(error, *at == '+' || *at == '.' ? WENDI_JSON_NUMBER : WENDI_JSON_UNEXPECTED, at);
    }
}

/* From a key's place to the place of its value. */
static const char *skip_key(const char *at, const char *end, wendi_json_error *error)
{
    wendi_json_string key;
    at = wendi_json_blanks(at, end);
    if (at >= end || *at != '"') {
        return wendi_json_fail_here(error, at, end);
    }
    at = wendi_json_scan_string(at + 1, end, &key, error);
    if (at == NULL) {
        return NULL;
    }
    at = wendi_json_blanks(at, end);
    if (at >= end || *at != ':') {
        return wendi_json_fail_here(error, at, end);
    }
    return at + 1;
}

/*
 * The brackets that are open are kept as bits, a brace being 1, so that nothing recurses. Each turn
 * of the outer loop takes one value or opens one bracket; the inner loop closes what ends behind it.
 */
const char *wendi_json_skip(const char *at, const char *end, uint32_t outer_depth, wendi_json_error *error)
{
    uint64_t braces = 0;
    uint32_t depth = 0;
    for (;;) {
        at = wendi_json_blanks(at, end);
        if (at >= end) {
            return wendi_json_fail(error, WENDI_JSON_TRUNCATED, end);
        }
        bool opened = *at == '{' || *at == '[';
        if (opened) {
            if (outer_depth + depth >= WENDI_JSON_DEPTH_MAX) {
                return wendi_json_fail(error, WENDI_JSON_DEPTH, at);
            }
            braces = braces << 1 | (*at == '{');
            depth++;
            at = wendi_json_blanks(at + 1, end);
            if (at < end && *at != (braces & 1 ? '}' : ']')) {
                at = braces & 1 ? skip_key(at, end, error) : at;
                if (at == NULL) {
                    return NULL;
                }
                continue;
            }
        } else {
            at = skip_scalar(at, end, error);
            if (at == NULL) {
                return NULL;
            }
        }
        for (;; depth--, braces >>= 1) {
            if (depth == 0) {
                return at;
            }
            at = wendi_json_blanks(at, end);
            if (at >= end || (*at != ',' && *at != (braces & 1 ? '}' : ']'))) {
                return wendi_json_fail_here(error, at, end);
            }
            if (*at++ == ',') {
                break;
            }
        }
        at = braces & 1 ? skip_key(at, end, error) : at;
        if (at == NULL) {
            return NULL;
        }
    }
}
