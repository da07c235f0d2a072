/**
 * The tokens of JSON, found and validated in place.
 *
 * Every function takes the byte to begin at and the text's end, and gives the byte behind the token or NULL with the
 * fault filled in. 64 bytes behind the end may be read, so that strings are looked at 32 bytes at a
 * time, but what stands there never decides anything.
 */
#ifndef WENDI_INGEST_JSON_SCAN_H
#define WENDI_INGEST_JSON_SCAN_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "engine/base/bytes.h"
#include "engine/column/digits.h"
#include "ingest/json_validate.h"

typedef struct wendi_json_error {
    wendi_json_fault fault;
    const char *at;
} wendi_json_error;

/** A string between its quotes, as it is written. */
typedef struct wendi_json_string {
    const char *data;
    uint32_t length;
    bool escaped; /* has a backslash: wendi_json_unescape() gives what it means */
} wendi_json_string;

/** A number and what its digits come to. */
typedef struct wendi_json_number {
    const char *data;
    uint32_t length;
    uint32_t digit_count;    /* before and behind the point, leading zeros included */
    uint32_t fraction_count; /* of them behind the point */
    uint64_t mantissa;       /* all digits as one integer; meaningless beyond 19 digits */
    bool negative;
    bool has_exponent;
} wendi_json_number;

static inline const char *wendi_json_fail(wendi_json_error *error, wendi_json_fault fault, const char *at)
{
    error->fault = fault;
    error->at = at;
    return NULL;
}

/** What is wrong where `at` holds no byte that may stand there. */
static inline const char *wendi_json_fail_here(wendi_json_error *error, const char *at, const char *end)
{
    return wendi_json_fail(error, at >= end ? WENDI_JSON_TRUNCATED : WENDI_JSON_UNEXPECTED, at >= end ? end : at);
}

/** Where the bytes stop being UTF-8 (RFC 3629), or `end`. */
const char *wendi_utf8_check(const char *at, const char *end);
/** `at` is a backslash: the byte behind its escape. */
const char *wendi_json_scan_escape(const char *at, const char *end, wendi_json_error *error);
/** Write what an escaped string means to `out` (at least string.length bytes); the bytes written. */
uint32_t wendi_json_unescape(wendi_json_string string, char *out);
/** Skip one value of any kind that begins inside `depth` brackets. */
const char *wendi_json_skip(const char *at, const char *end, uint32_t depth, wendi_json_error *error);

static inline bool wendi_json_is_blank(char byte)
{
    return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

static inline const char *wendi_json_blanks(const char *at, const char *end)
{
    while (at < end && wendi_json_is_blank(*at)) {
        at++;
    }
    return at;
}

enum { WENDI_JSON_SCAN_BYTES = 32 };

/** Bit i: byte i is a quote, a backslash or a control character; `*high`: byte i is no ASCII. */
#if defined(__SSE2__)
static inline uint32_t wendi_json_special_16(const char *at, uint32_t *high)
{
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
    __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
    __m128i slash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
    __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
    *high = (uint32_t)_mm_movemask_epi8(bytes);
    return (uint32_t)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, slash), control));
}
static inline uint32_t wendi_json_special(const char *at, uint32_t *high)
{
    uint32_t high_first;
    uint32_t high_second;
    uint32_t first = wendi_json_special_16(at, &high_first);
    uint32_t second = wendi_json_special_16(at + 16, &high_second);
    *high = high_first | high_second << 16;
    return first | second << 16;
}
#else
static inline uint32_t wendi_json_special(const char *at, uint32_t *high)
{
    uint32_t special = 0;
    *high = 0;
    for (uint32_t i = 0; i < WENDI_JSON_SCAN_BYTES; i++) {
        unsigned char byte = (unsigned char)at[i];
        special |= (uint32_t)(byte == '"' || byte == '\\' || byte < 0x20) << i;
        *high |= (uint32_t)(byte >> 7) << i;
    }
    return special;
}
#endif

/** `at` is behind the opening quote; gives the byte behind the closing one. */
static inline const char *wendi_json_scan_string(const char *at, const char *end, wendi_json_string *string,
                                                 wendi_json_error *error)
{
    const char *begin = at;
    uint32_t seen_high = 0;
    bool escaped = false;

    for (;;) {
        uint32_t high;
        uint32_t special = wendi_json_special(at, &high);
        if (special == 0) {
            seen_high |= high;
            at += WENDI_JSON_SCAN_BYTES;
            if (at >= end) {
                return wendi_json_fail(error, WENDI_JSON_TRUNCATED, end);
            }
            continue;
        }
        uint32_t ahead = (uint32_t)__builtin_ctz(special);
        seen_high |= high & ((1u << ahead) - 1);
        at += ahead;
        if (at >= end) {
            return wendi_json_fail(error, WENDI_JSON_TRUNCATED, end);
        }
        if (*at == '"') {
            break;
        }
        if (*at != '\\') {
            return wendi_json_fail(error, WENDI_JSON_CONTROL, at);
        }
        escaped = true;
        at = wendi_json_scan_escape(at, end, error);
        if (at == NULL) {
            return NULL;
        }
    }
    if (seen_high != 0) {
        const char *bad = wendi_utf8_check(begin, at);
        if (bad != at) {
            return wendi_json_fail(error, WENDI_JSON_UTF8, bad);
        }
    }
    *string = (wendi_json_string){begin, (uint32_t)(at - begin), escaped};
    return at + 1;
}

static inline bool wendi_json_is_digit(const char *at, const char *end)
{
    return at < end && (unsigned char)(*at - '0') < 10;
}

/** `at` is a minus sign or a digit. What follows the number is not looked at. */
static inline const char *wendi_json_scan_number(const char *at, const char *end, wendi_json_number *number,
                                                 wendi_json_error *error)
{
    const char *begin = at;
    uint64_t mantissa = 0;
    number->negative = *at == '-';
    number->fraction_count = 0;
    number->has_exponent = false;
    at += number->negative;
    const char *whole = at;
    at = wendi_scan_digits(at, end, &mantissa);
    if (at == whole || (*whole == '0' && at - whole > 1)) {
        return at == whole && at < end ? wendi_json_fail(error, WENDI_JSON_NUMBER, at)
               : at == whole           ? wendi_json_fail(error, WENDI_JSON_TRUNCATED, end)
                                       : wendi_json_fail(error, WENDI_JSON_NUMBER, whole);
    }
    number->digit_count = (uint32_t)(at - whole);
    if (at < end && *at == '.') {
        const char *fraction = ++at;
        at = wendi_scan_digits(at, end, &mantissa);
        if (at == fraction) {
            return wendi_json_fail(error, at < end ? WENDI_JSON_NUMBER : WENDI_JSON_TRUNCATED, at);
        }
        number->fraction_count = (uint32_t)(at - fraction);
        number->digit_count += number->fraction_count;
    }
    if (at < end && (*at | 32) == 'e') {
        at++;
        at += at < end && (*at == '+' || *at == '-');
        if (!wendi_json_is_digit(at, end)) {
            return wendi_json_fail(error, at < end ? WENDI_JSON_NUMBER : WENDI_JSON_TRUNCATED, at);
        }
        while (wendi_json_is_digit(at, end)) {
            at++;
        }
        number->has_exponent = true;
    }
    number->mantissa = mantissa;
    number->data = begin;
    number->length = (uint32_t)(at - begin);
    return at;
}

/** `word` (true, false, null) stands at `at`, or is cut short by the end, or something else stands there. */
static inline const char *wendi_json_scan_word(const char *at, const char *end, const char *word, uint32_t length,
                                               wendi_json_error *error)
{
    if ((size_t)(end - at) >= length && memcmp(at, word, length) == 0) {
        return at + length;
    }
    const char *begin = at;
    while (at < end && at - begin < (ptrdiff_t)length && *at == word[at - begin]) {
        at++;
    }
    return wendi_json_fail_here(error, at, end);
}

#endif
