/*
 * Numbers from text. One scan finds the parts of a number and what is wrong with it; the rest is
 * arithmetic on those parts, exact or correctly rounded, never dependent on the locale.
 *
 * Doubles: a mantissa of at most 2^53 times or over a power of ten of at most 10^22 is exact in both
 * operands, so one rounding gives the right double (W. Clinger, "How to Read Floating Point Numbers Accurately",
 * 1990). Up to 19 digits are otherwise multiplied by 128 bits of a power of five; everything else goes to strtod_l on
 * a copy that has been shortened to the digits that can matter.
 */
#include <float.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "engine/column/digits.h"
#include "engine/column/value_text.h"

enum {
    EXPONENT_LIMIT = 100000000, /* further digits of an exponent change nothing */
    DIGITS_THAT_MATTER = 800,   /* 767 decide any double; one more says whether anything follows */
    EXACT_POWER_MAX = 22
};

static const char not_a_number[] = "not a number";
static const char number_too_large[] = "number too large";
static const char not_an_integer[] = "not an integer";
static const char integer_too_large[] = "integer out of range";
static const char too_many_digits[] = "more digits before the decimal point than the column holds";
static const char too_many_decimals[] = "more decimals than the column holds";

/* The parts of [+-]digits[.digits][e[+-]digits]. */
typedef struct number_parts {
    bool negative;
    const char *whole; /* digits before the point */
    const char *fraction;
    uint32_t whole_length;
    uint32_t fraction_length;
    int64_t exponent; /* clipped to ±EXPONENT_LIMIT */
    uint64_t mantissa; /* of all digits when there are at most 19 significant ones, else of the first 19 */
    bool mantissa_whole;
} number_parts;

static const char *scan_exponent(const char *at, const char *end, int64_t *exponent)
{
    bool negative = at < end && *at == '-';
    at += at < end && (*at == '-' || *at == '+');
    if (at == end || !wendi_is_digit(*at)) {
        return NULL;
    }
    int64_t sum = 0;
    for (; at < end && wendi_is_digit(*at); at++) {
        sum = sum < EXPONENT_LIMIT ? sum * 10 + (*at - '0') : EXPONENT_LIMIT;
    }
    sum = sum < EXPONENT_LIMIT ? sum : EXPONENT_LIMIT;
    *exponent = negative ? -sum : sum;
    return at;
}

/* The mantissa may have wrapped round when there were many digits: leading zeros do not count as digits. */
static void settle_mantissa(number_parts *parts)
{
    uint64_t digits = (uint64_t)parts->whole_length + parts->fraction_length;
    if (digits > 19) {
        uint32_t i = 0;
        while (i < parts->whole_length && parts->whole[i] == '0') {
            i++;
            digits--;
        }
        for (uint32_t k = 0; i == parts->whole_length && k < parts->fraction_length && parts->fraction[k] == '0'; k++) {
            digits--;
        }
    }
    parts->mantissa_whole = digits <= 19;
}

static inline bool scan_number(wendi_string text, number_parts *parts)
{
    const char *at = text.data;
    const char *end = wendi_text_end(text);

    if (text.length == 0) {
        return false;
    }
    parts->mantissa = 0;
    parts->exponent = 0;
    parts->negative = at < end && *at == '-';
    at += at < end && (*at == '-' || *at == '+');
    parts->whole = at;
    at = wendi_scan_digits(at, end, &parts->mantissa);
    parts->whole_length = (uint32_t)(at - parts->whole);
    parts->fraction = at;
    parts->fraction_length = 0;
    if (at < end && *at == '.') {
        parts->fraction = ++at;
        at = wendi_scan_digits(at, end, &parts->mantissa);
        parts->fraction_length = (uint32_t)(at - parts->fraction);
    }
    if (parts->whole_length == 0 && parts->fraction_length == 0) {
        return false;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at = scan_exponent(at + 1, end, &parts->exponent);
    }
    settle_mantissa(parts);
    return at == end;
}

/* ---- integers ------------------------------------------------------------------------------- */

wend_status wendi_parse_i64(wendi_string text, int64_t *value, const char **reason)
{
    const char *at = text.data;
    const char *end = wendi_text_end(text);
    if (text.length == 0) {
        return wendi_refuse(not_an_integer, reason);
    }
    bool negative = *at == '-';
    at += *at == '-' || *at == '+';
    if (at == end) {
        return wendi_refuse(not_an_integer, reason);
    }
    if (end - at <= 18) { /* cannot overflow */
        uint64_t sum = 0;
        if (wendi_scan_digits(at, end, &sum) != end) {
            return wendi_refuse(not_an_integer, reason);
        }
        *value = negative ? -(int64_t)sum : (int64_t)sum;
        return WEND_OK;
    }
    uint64_t sum = 0;
    bool over = false;
    for (; at < end; at++) {
        if (!wendi_is_digit(*at)) {
            return wendi_refuse(not_an_integer, reason);
        }
        over |= __builtin_mul_overflow(sum, UINT64_C(10), &sum);
        over |= __builtin_add_overflow(sum, (uint64_t)(*at - '0'), &sum);
    }
    if (over || sum > (uint64_t)INT64_MAX + negative) {
        return wendi_refuse(integer_too_large, reason);
    }
    *value = (int64_t)(negative ? 0 - sum : sum);
    return WEND_OK;
}

/* ---- doubles -------------------------------------------------------------------------------- */

/*
 * The method of D. Lemire, "Number Parsing at a Gigabyte per Second" (2021): 64 bits of mantissa times 128 bits of
 * a power of five give the double's bits, unless the product lies too close to a boundary, which it can only do
 * in cases that are told. Restricted here to powers whose 128 bits are exact, or nearest above or below
 * as the proof wants them; all others go to strtod.
 */
enum { FIVES_MAX = 55 }; /* 5^55 is the last below 2^128 */

static uint64_t fives[2 * FIVES_MAX + 1][2]; /* upper and lower half of 5^(i - FIVES_MAX), top bit set */
static pthread_once_t fives_once = PTHREAD_ONCE_INIT;

/* The first 128 bits of 1 / divisor, by long division; the remainder may pass 2^128 for a moment. */
static wendi_uint128 reciprocal(wendi_uint128 divisor)
{
    wendi_uint128 remainder = 1;
    wendi_uint128 quotient = 0;
    while (quotient >> 127 == 0) {
        bool over = remainder >> 127 != 0;
        remainder <<= 1;
        quotient <<= 1;
        if (over || remainder >= divisor) {
            remainder -= divisor;
            quotient |= 1;
        }
    }
    return quotient;
}

static void make_fives(void)
{
    const int exact_reciprocals = 27; /* up to here the bits are to be the next above */
    wendi_uint128 power = 1;
    for (int i = 0; i <= FIVES_MAX; i++, power *= i <= FIVES_MAX ? 5 : 1) {
        wendi_uint128 up = power;
        while (up >> 127 == 0) {
            up <<= 1;
        }
        fives[FIVES_MAX + i][0] = (uint64_t)(up >> 64);
        fives[FIVES_MAX + i][1] = (uint64_t)up;
        if (i != 0) {
            wendi_uint128 down = reciprocal(power) + (i <= exact_reciprocals);
            fives[FIVES_MAX - i][0] = (uint64_t)(down >> 64);
            fives[FIVES_MAX - i][1] = (uint64_t)down;
        }
    }
}

/* mantissa × 10^power to the nearest double; false when this method does not say. */
static bool convert_by_fives(uint64_t mantissa, int64_t power, double *value)
{
    enum { SHIFT = 64 - 52 - 3, BIAS = 1023, INFINITE = 2047 };
    const uint64_t close_mask = (UINT64_C(1) << SHIFT) - 1;
    if (mantissa == 0 || power < -FIVES_MAX || power > FIVES_MAX) {
        return false;
    }
    pthread_once(&fives_once, make_fives);
    const uint64_t *five = fives[power + FIVES_MAX];
    int zeros = __builtin_clzll(mantissa);
    uint64_t top = mantissa << zeros;
    wendi_uint128 product = (wendi_uint128)top * five[0];
    if (((uint64_t)(product >> 64) & close_mask) == close_mask) {
        product += (uint64_t)((wendi_uint128)top * five[1] >> 64); /* cannot overflow: see the paper's lemma 1 */
    }
    uint64_t high = (uint64_t)(product >> 64);
    uint64_t low = (uint64_t)product;
    int upper = (int)(high >> 63);
    uint64_t bits = high >> (upper + SHIFT);
    int64_t exponent = ((217706 * power) >> 16) + 63 + upper - zeros + BIAS; /* 217706 / 2^16 is log2(10) */
    if (exponent <= 0 || exponent >= INFINITE - 1) {
        return false;
    }
    /* Exactly half-way between two doubles, which only these powers can be: to even. */
    if (low <= 1 && power >= -4 && power <= 23 && (bits & 3) == 1 && bits << (upper + SHIFT) == high) {
        bits &= ~UINT64_C(1);
    }
    bits = (bits + (bits & 1)) >> 1;
    if (bits == UINT64_C(1) << 53) {
        bits >>= 1;
        exponent++;
    }
    uint64_t word = (bits & ~(UINT64_C(1) << 52)) | (uint64_t)exponent << 52;
    memcpy(value, &word, sizeof word);
    return true;
}

static pthread_once_t c_locale_once = PTHREAD_ONCE_INIT;
static locale_t c_locale;

static void make_c_locale(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    WEND_REQUIRE(c_locale != (locale_t)0);
}

/*
 * Write the number anew as "ddd…e±x", with no more digits than can matter, all others being summed up in one last
 * digit that only says whether they were all zero. strtod then has a short text with its own end.
 */
static void write_short(const number_parts *parts, char *out)
{
    uint32_t digits = 0;
    int64_t exponent = parts->exponent;
    bool more = false;
    if (parts->negative) {
        *out++ = '-';
    }
    for (int part = 0; part < 2; part++) {
        const char *text = part == 0 ? parts->whole : parts->fraction;
        uint32_t length = part == 0 ? parts->whole_length : parts->fraction_length;
        for (uint32_t i = 0; i < length; i++) {
            bool leading_zero = digits == 0 && text[i] == '0';
            if (leading_zero || digits == DIGITS_THAT_MATTER) {
                more |= text[i] != '0';
                exponent += part == 0 && !leading_zero;
                exponent -= part == 1 && leading_zero;
            } else {
                *out++ = text[i];
                digits++;
                exponent -= part == 1;
            }
        }
    }
    if (digits == 0) {
        *out++ = '0';
    }
    if (more) {
        *out++ = '1';
        exponent--;
    }
    sprintf(out, "e%lld", (long long)exponent);
}

static void convert_slowly(const number_parts *parts, bool single, double *value)
{
    char text[DIGITS_THAT_MATTER + 32];
    pthread_once(&c_locale_once, make_c_locale);
    write_short(parts, text);
    *value = single ? (double)strtof_l(text, NULL, c_locale) : strtod_l(text, NULL, c_locale);
}

/* NaN, Infinity, inf, with a sign, in any case: PostgreSQL's words. */
static bool parse_word(wendi_string text, double *value)
{
    static const struct {
        const char *word;
        double value;
    } words[] = {{"nan", NAN}, {"infinity", INFINITY}, {"inf", INFINITY}};
    bool negative = text.length != 0 && text.data[0] == '-';
    uint32_t skip = text.length != 0 && (text.data[0] == '-' || text.data[0] == '+');
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strlen(words[i].word) == text.length - skip &&
            strncasecmp(words[i].word, text.data + skip, text.length - skip) == 0) {
            *value = negative && i != 0 ? -words[i].value : words[i].value;
            return true;
        }
    }
    return false;
}

static const double powers_of_ten[EXACT_POWER_MAX + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                          1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                          1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static inline bool convert_fast(const number_parts *parts, double *value)
{
    int64_t power = parts->exponent - parts->fraction_length;
    double magnitude;
    if (!parts->mantissa_whole) {
        return false;
    }
    if (parts->mantissa <= UINT64_C(1) << 53 && power >= -EXACT_POWER_MAX && power <= EXACT_POWER_MAX) {
        magnitude = (double)parts->mantissa;
        magnitude = power < 0 ? magnitude / powers_of_ten[-power] : magnitude * powers_of_ten[power];
    } else if (!convert_by_fives(parts->mantissa, power, &magnitude)) {
        return false;
    }
    *value = parts->negative ? -magnitude : magnitude;
    return true;
}

wend_status wendi_parse_f64(wendi_string text, double *value, const char **reason)
{
    number_parts parts;
    if (!scan_number(text, &parts)) {
        return parse_word(text, value) ? WEND_OK : wendi_refuse(not_a_number, reason);
    }
    if (!convert_fast(&parts, value)) {
        convert_slowly(&parts, false, value);
        if (isinf(*value)) {
            return wendi_refuse(number_too_large, reason);
        }
    }
    return WEND_OK;
}

wend_status wendi_parse_f32(wendi_string text, double *value, const char **reason)
{
    enum { BITS_BELOW_FLOAT = 29 };
    number_parts parts;
    if (!scan_number(text, &parts)) {
        return parse_word(text, value) ? WEND_OK : wendi_refuse(not_a_number, reason);
    }
    uint64_t bits = 0;
    bool fast = convert_fast(&parts, value);
    memcpy(&bits, value, sizeof bits);
    uint64_t below = bits & ((UINT64_C(1) << BITS_BELOW_FLOAT) - 1);
    /* Rounding twice is right unless the double lies half-way between two floats or the float is subnormal. */
    if (fast && below != UINT64_C(1) << (BITS_BELOW_FLOAT - 1) && (fabs(*value) >= (double)FLT_MIN || *value == 0)) {
        *value = (double)(float)*value;
    } else {
        convert_slowly(&parts, true, value);
    }
    return isinf(*value) ? wendi_refuse(number_too_large, reason) : WEND_OK;
}

/* ---- exact decimals ------------------------------------------------------------------------- */

static inline char digit_at(const number_parts *parts, uint64_t index)
{
    return index < parts->whole_length ? parts->whole[index] : parts->fraction[index - parts->whole_length];
}

/* Whether the digits from `index` on round the kept value up: half to even. */
static bool rounds_up(const number_parts *parts, uint64_t index, uint64_t digits, bool odd)
{
    char first = digit_at(parts, index);
    if (first != '5') {
        return first > '5';
    }
    for (index++; index < digits; index++) {
        if (digit_at(parts, index) != '0') {
            return true;
        }
    }
    return odd;
}

wend_status wendi_parse_numeric(wendi_string text, uint8_t precision, uint8_t scale, bool round_half_even,
                                wendi_int128 *value, const char **reason)
{
    number_parts parts;
    if (!scan_number(text, &parts)) {
        return wendi_refuse(not_a_number, reason);
    }
    uint64_t digits = (uint64_t)parts.whole_length + parts.fraction_length;
    uint64_t begin = 0;
    while (begin < digits && digit_at(&parts, begin) == '0') {
        begin++;
    }
    while (digits > begin && digit_at(&parts, digits - 1) == '0') { /* Zeros at the end only shift. */
        digits--;
    }
    wendi_int128 sum = 0;
    *value = 0;
    if (begin == digits) {
        return WEND_OK;
    }
    /* The value is digits begin..digits-1 with the point behind whole_length + exponent of them; `kept` of
       them, counted from the first, stand before the last place of the scale. */
    int64_t kept = (int64_t)parts.whole_length + parts.exponent + scale - (int64_t)begin;
    int64_t have = (int64_t)(digits - begin);
    if (kept > precision) {
        return wendi_refuse(too_many_digits, reason);
    }
    if (kept < have && !round_half_even) {
        return wendi_refuse(too_many_decimals, reason);
    }
    for (int64_t i = 0; i < kept; i++) {
        sum = sum * 10 + (i < have ? digit_at(&parts, begin + (uint64_t)i) - '0' : 0);
    }
    if (kept >= 0 && kept < have && rounds_up(&parts, begin + (uint64_t)kept, digits, (sum & 1) != 0)) {
        wendi_int128 limit = 1;
        for (uint8_t i = 0; i < precision; i++) {
            limit *= 10;
        }
        if (++sum == limit) {
            return wendi_refuse(too_many_digits, reason);
        }
    }
    *value = parts.negative ? -sum : sum;
    return WEND_OK;
}
