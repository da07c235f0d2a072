/**
 * Exact decimals: see numeric.h. Intermediate products have 256 bits, so that a result which fits
 * is never refused because the way to it did not.
 */
#include "engine/expr/numeric.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** An unsigned 256-bit integer, least word first. */
typedef struct wide {
    uint64_t word[4];
} wide;

static const uint64_t powers64[20] = {UINT64_C(1),
                                      UINT64_C(10),
                                      UINT64_C(100),
                                      UINT64_C(1000),
                                      UINT64_C(10000),
                                      UINT64_C(100000),
                                      UINT64_C(1000000),
                                      UINT64_C(10000000),
                                      UINT64_C(100000000),
                                      UINT64_C(1000000000),
                                      UINT64_C(10000000000),
                                      UINT64_C(100000000000),
                                      UINT64_C(1000000000000),
                                      UINT64_C(10000000000000),
                                      UINT64_C(100000000000000),
                                      UINT64_C(1000000000000000),
                                      UINT64_C(10000000000000000),
                                      UINT64_C(100000000000000000),
                                      UINT64_C(1000000000000000000),
                                      UINT64_C(10000000000000000000)};

wendi_int128 wendi_power_of_ten(uint32_t exponent)
{
    assert(exponent <= 38);
    wendi_uint128 power = powers64[exponent < 19 ? exponent : 19];
    return (wendi_int128)(exponent < 19 ? power : power * powers64[exponent - 19]);
}

bool wendi_numeric_fits(wendi_int128 value, uint32_t precision)
{
    wendi_int128 limit = wendi_power_of_ten(precision);
    return value > -limit && value < limit;
}

static wendi_uint128 magnitude_of(wendi_int128 value)
{
    return value < 0 ? -(wendi_uint128)value : (wendi_uint128)value;
}

static wide multiply_wide(wendi_uint128 a, wendi_uint128 b)
{
    uint64_t x[2] = {(uint64_t)a, (uint64_t)(a >> 64)};
    uint64_t y[2] = {(uint64_t)b, (uint64_t)(b >> 64)};
    wide product = {{0, 0, 0, 0}};

    for (int i = 0; i < 2; i++) {
        uint64_t carry = 0;
        for (int j = 0; j < 2; j++) {
            wendi_uint128 sum = (wendi_uint128)x[i] * y[j] + product.word[i + j] + carry;
            product.word[i + j] = (uint64_t)sum;
            carry = (uint64_t)(sum >> 64);
        }
        product.word[i + 2] = carry;
    }
    return product;
}

/** value /= divisor; the remainder is returned. */
static uint64_t divide_word(wide *value, uint64_t divisor)
{
    wendi_uint128 rest = 0;

    for (int i = 3; i >= 0; i--) {
        wendi_uint128 part = rest << 64 | value->word[i];
        value->word[i] = (uint64_t)(part / divisor);
        rest = part % divisor;
    }
    return (uint64_t)rest;
}

static bool wide_to_signed(const wide *value, bool negative, wendi_int128 *result)
{
    wendi_uint128 low = (wendi_uint128)value->word[1] << 64 | value->word[0];

    if (value->word[3] != 0 || value->word[2] != 0 || low >= (wendi_uint128)wendi_power_of_ten(38)) {
        return false;
    }
    *result = negative ? -(wendi_int128)low : (wendi_int128)low;
    return true;
}

/** value / 10^digits, rounded half up (of a magnitude: away from zero). */
static void divide_power_round(wide *value, uint32_t digits)
{
    uint64_t last = 0;

    /* Only the first digit that falls away decides, so the last division is by ten alone. */
    while (digits > 0) {
        uint32_t step = digits == 1 ? 1 : (digits - 1 < 19 ? digits - 1 : 19);
        last = divide_word(value, powers64[step]);
        digits -= step;
    }
    if (last >= 5) {
        for (int i = 0; i < 4 && ++value->word[i] == 0; i++) {
        }
    }
}

/** value / divisor by shift and subtract; the remainder is returned. Needs value < divisor << 128. */
static wendi_uint128 divide_wide(wide *value, wendi_uint128 divisor)
{
    wendi_uint128 rest = 0;

    for (int i = 255; i >= 0; i--) {
        bool carry = rest >> 127 != 0;
        rest = rest << 1 | (value->word[i / 64] >> (i % 64) & 1);
        value->word[i / 64] &= ~(UINT64_C(1) << (i % 64));
        if (carry || rest >= divisor) {
            rest -= divisor;
            value->word[i / 64] |= UINT64_C(1) << (i % 64);
        }
    }
    return rest;
}

bool wendi_numeric_rescale(wendi_int128 value, uint32_t scale, uint32_t new_scale, wendi_int128 *result)
{
    if (new_scale >= scale) {
        wendi_int128 scaled;
        if (__builtin_mul_overflow(value, wendi_power_of_ten(new_scale - scale), &scaled)) {
            return false;
        }
        *result = scaled;
        return wendi_numeric_fits(scaled, 38);
    }
    wendi_int128 divisor = wendi_power_of_ten(scale - new_scale);
    wendi_int128 quotient = value / divisor;
    wendi_int128 rest = value % divisor;
    wendi_int128 half = divisor / 2;
    if (rest >= half) {
        quotient++;
    } else if (rest <= -half) {
        quotient--;
    }
    *result = quotient;
    return true;
}

bool wendi_numeric_truncate(wendi_int128 value, uint32_t scale, uint32_t new_scale, wendi_int128 *result)
{
    if (new_scale >= scale) {
        return wendi_numeric_rescale(value, scale, new_scale, result);
    }
    *result = value / wendi_power_of_ten(scale - new_scale);
    return true;
}

bool wendi_numeric_multiply(wendi_int128 a, uint32_t a_scale, wendi_int128 b, uint32_t b_scale, uint32_t scale,
                            wendi_int128 *result)
{
    uint32_t full_scale = a_scale + b_scale;
    wendi_int128 product;

    assert(scale <= full_scale);
    if (scale == full_scale && !__builtin_mul_overflow(a, b, &product)) {
        *result = product;
        return wendi_numeric_fits(product, 38);
    }
    wide exact = multiply_wide(magnitude_of(a), magnitude_of(b));
    divide_power_round(&exact, full_scale - scale);
    return wide_to_signed(&exact, (a < 0) != (b < 0), result);
}

bool wendi_numeric_divide(wendi_int128 a, uint32_t a_scale, wendi_int128 b, uint32_t b_scale, uint32_t scale,
                          wendi_int128 *result)
{
    int32_t shift = (int32_t)scale + (int32_t)b_scale - (int32_t)a_scale;
    wendi_int128 dividend;

    assert(b != 0);
    if (shift < 0) {
        wendi_int128 divisor;
        if (__builtin_mul_overflow(b, wendi_power_of_ten((uint32_t)-shift), &divisor)) {
            *result = 0;
            return true;
        }
        b = divisor;
        shift = 0;
    }
    wendi_uint128 divisor = magnitude_of(b);
    wide quotient;
    wendi_uint128 rest;
    if (shift <= 38 && !__builtin_mul_overflow(a, wendi_power_of_ten((uint32_t)shift), &dividend)) {
        wendi_uint128 whole = magnitude_of(dividend) / divisor;
        rest = magnitude_of(dividend) % divisor;
        quotient = (wide){{(uint64_t)whole, (uint64_t)(whole >> 64), 0, 0}};
    } else {
        if (shift > 38) {
            wendi_int128 first;
            if (__builtin_mul_overflow(a, wendi_power_of_ten((uint32_t)shift - 38), &first)) {
                return false;
            }
            quotient = multiply_wide(magnitude_of(first), (wendi_uint128)wendi_power_of_ten(38));
        } else {
            quotient = multiply_wide(magnitude_of(a), (wendi_uint128)wendi_power_of_ten((uint32_t)shift));
        }
        rest = divide_wide(&quotient, divisor);
    }
    if (rest >= divisor - rest) {
        for (int i = 0; i < 4 && ++quotient.word[i] == 0; i++) {
        }
    }
    return wide_to_signed(&quotient, (a < 0) != (b < 0), result);
}

double wendi_numeric_to_double(wendi_int128 value, uint32_t scale)
{
    /* Below 2^53 and 10^22 both are exact doubles, so one division rounds once. */
    if (scale <= 22 && value > -(INT64_C(1) << 53) && value < INT64_C(1) << 53) {
        static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                        1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
        return (double)(int64_t)value / powers[scale];
    }
    char text[64];
    char digits[48];
    wendi_uint128 rest = magnitude_of(value);
    int at = (int)sizeof digits;
    do {
        digits[--at] = (char)('0' + (int)(rest % 10));
        rest /= 10;
    } while (rest != 0);
    snprintf(text, sizeof text, "%s%.*se-%u", value < 0 ? "-" : "", (int)sizeof digits - at, digits + at, scale);
    return strtod(text, NULL); /* no decimal point in it: the same in every locale */
}

bool wendi_numeric_from_double(double value, uint32_t scale, wendi_int128 *result)
{
    char text[40];

    if (!isfinite(value)) {
        return false;
    }
    snprintf(text, sizeof text, "%.14e", value);
    int64_t mantissa = 0;
    const char *at = text;
    bool negative = *at == '-';
    for (at += negative; *at != 'e'; at++) {
        if (*at >= '0' && *at <= '9') { /* skips the point, whatever the locale writes there */
            mantissa = mantissa * 10 + (*at - '0');
        }
    }
    int exponent = atoi(at + 1) - 14;
    wendi_int128 number = negative ? -mantissa : mantissa;
    if (exponent >= 0) {
        return exponent <= 38 - 15 + 1 + 14 && (mantissa == 0 || exponent <= 24) &&
               wendi_numeric_rescale(number, 0, (uint32_t)exponent, &number) &&
               wendi_numeric_rescale(number, 0, scale, result);
    }
    if (-exponent > 38) {
        *result = 0; /* below 10^-23: nothing of it is left at any scale that 38 digits allow beside it */
        return scale < 24 || -exponent - 14 > (int)scale;
    }
    return wendi_numeric_rescale(number, (uint32_t)-exponent, scale, result);
}

uint32_t wendi_numeric_digits(wendi_int128 value)
{
    uint32_t digits = 1;

    while (digits < 38 && !wendi_numeric_fits(value, digits)) {
        digits++;
    }
    return digits;
}

/** The exponent at `at` ("e+7"), clipped to ±1000; false when there are no digits. */
static bool parse_exponent(const char *at, const char *end, int32_t *exponent)
{
    bool negative = at < end && *at == '-';

    at += at < end && (*at == '-' || *at == '+');
    if (at == end) {
        return false;
    }
    *exponent = 0;
    for (; at < end; at++) {
        if (*at < '0' || *at > '9') {
            return false;
        }
        *exponent = *exponent > 1000 ? 1000 : *exponent * 10 + (*at - '0');
    }
    *exponent = negative ? -*exponent : *exponent;
    return true;
}

bool wendi_numeric_from_text(const char *text, uint32_t length, wendi_int128 *value, uint32_t *scale)
{
    const char *at = text;
    const char *end = text + length;
    wendi_int128 number = 0;
    int32_t fraction = 0;
    int32_t exponent = 0;
    bool point = false;
    bool any = false;

    while (at < end && (*at == ' ' || (*at >= '\t' && *at <= '\r'))) {
        at++;
    }
    while (end > at && (end[-1] == ' ' || (end[-1] >= '\t' && end[-1] <= '\r'))) {
        end--;
    }
    bool negative = at < end && *at == '-';
    at += at < end && (*at == '-' || *at == '+');
    for (; at < end && (*at == '.' || (*at >= '0' && *at <= '9')); at++) {
        if (*at == '.') {
            if (point) {
                return false;
            }
            point = true;
            continue;
        }
        any = true;
        if (number >= wendi_power_of_ten(37)) {
            return false;
        }
        number = number * 10 + (*at - '0');
        fraction += point;
    }
    if (!any || (at < end && *at != 'e' && *at != 'E') || (at < end && !parse_exponent(at + 1, end, &exponent))) {
        return false;
    }
    fraction -= exponent;
    if (number == 0 && fraction > 38) {
        fraction = 38;
    }
    if (fraction > 38 || fraction < -38) {
        return false;
    }
    if (fraction < 0 && !wendi_numeric_rescale(number, 0, (uint32_t)-fraction, &number)) {
        return false;
    }
    *value = negative ? -number : number;
    *scale = fraction < 0 ? 0 : (uint32_t)fraction;
    return true;
}

wendi_type wendi_numeric_type(uint32_t precision, uint32_t scale)
{
    wendi_type type = wendi_type_of(WENDI_TYPE_NUMERIC);
    scale = scale > WENDI_NUMERIC_PRECISION_MAX ? WENDI_NUMERIC_PRECISION_MAX : scale;
    precision = precision > WENDI_NUMERIC_PRECISION_MAX ? WENDI_NUMERIC_PRECISION_MAX : precision;
    type.precision = (uint8_t)(precision < scale ? scale : precision == 0 ? 1 : precision);
    type.scale = (uint8_t)scale;
    return type;
}

wendi_type wendi_numeric_type_for(wendi_type type)
{
    switch (type.kind) {
    case WENDI_TYPE_SMALLINT:
        return wendi_numeric_type(5, 0);
    case WENDI_TYPE_INTEGER:
        return wendi_numeric_type(10, 0);
    case WENDI_TYPE_BIGINT:
        return wendi_numeric_type(19, 0);
    default:
        assert(type.kind == WENDI_TYPE_NUMERIC);
        return type;
    }
}

static uint32_t greater(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

wendi_type wendi_numeric_add_type(wendi_type a, wendi_type b)
{
    uint32_t scale = greater(a.scale, b.scale);
    return wendi_numeric_type(greater(a.precision - a.scale, b.precision - b.scale) + scale + 1, scale);
}

wendi_type wendi_numeric_multiply_type(wendi_type a, wendi_type b)
{
    uint32_t scale = (uint32_t)a.scale + b.scale;
    uint32_t cut = greater(WENDI_NUMERIC_QUOTIENT_SCALE, greater(a.scale, b.scale));
    uint32_t whole = (uint32_t)(a.precision - a.scale) + (uint32_t)(b.precision - b.scale);
    scale = scale < cut ? scale : cut;
    return wendi_numeric_type(whole + scale, scale);
}

wendi_type wendi_numeric_divide_type(wendi_type a, wendi_type b)
{
    uint32_t scale = greater(WENDI_NUMERIC_QUOTIENT_SCALE, greater(a.scale, b.scale));
    return wendi_numeric_type(WENDI_NUMERIC_PRECISION_MAX, scale);
}

wendi_type wendi_numeric_modulo_type(wendi_type a, wendi_type b)
{
    uint32_t scale = greater(a.scale, b.scale);
    uint32_t whole = greater(a.precision - a.scale, b.precision - b.scale);
    return wendi_numeric_type(whole + scale, scale);
}
