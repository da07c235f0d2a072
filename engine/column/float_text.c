/*
 * The shortest digits of a floating-point number. Numbers with few decimals, which is what prices and
 * durations are, are found by trying to scale them to an integer; the rest by printing with more and more
 * digits until the text reads back. Fifteen digits (six for real) of any normal number survive the way there and
 * back, so a shorter text is never missed by beginning with those and dropping zeros.
 */
#include "engine/column/float_text.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/column/value.h"

enum { DIGITS_MAX = 17, SCALED_DECIMALS_MAX = 6 };

/* 0.d1d2d3… × 10^point */
typedef struct decimal {
    char digits[24];
    int count;
    int point;
} decimal;

static void drop_zeros(decimal *number)
{
    while (number->count > 1 && number->digits[number->count - 1] == '0') {
        number->count--;
    }
}

static int write_digits(uint64_t value, char *out)
{
    char reversed[20];
    int count = 0;
    do {
        reversed[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    for (int i = 0; i < count; i++) {
        out[i] = reversed[count - 1 - i];
    }
    return count;
}

/*
 * Exact when it answers: both operands of the division are exact, so the quotient is the double nearest to the
 * decimal, and with at most 15 digits no shorter or nearer text can be another one.
 */
static bool by_scaling(double magnitude, decimal *number)
{
    static const double powers[SCALED_DECIMALS_MAX + 1] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};
    for (int decimals = 0; decimals <= SCALED_DECIMALS_MAX; decimals++) {
        double scaled = magnitude * powers[decimals];
        if (scaled >= 1e15) {
            return false;
        }
        uint64_t whole = (uint64_t)(scaled + 0.5);
        if ((double)whole / powers[decimals] == magnitude && whole != 0) {
            number->count = write_digits(whole, number->digits);
            number->point = number->count - decimals;
            drop_zeros(number);
            return true;
        }
    }
    return false;
}

static double read_back(const decimal *number, bool single)
{
    char text[48];
    double value = 0;
    int exponent = number->point - number->count;
    int length = number->count;
    memcpy(text, number->digits, (size_t)number->count);
    text[length++] = 'e';
    text[length++] = exponent < 0 ? '-' : '+';
    length += write_digits((uint64_t)abs(exponent), text + length);
    wendi_string whole = {text, (uint32_t)length};
    wend_status status = single ? wendi_parse_f32(whole, &value, NULL) : wendi_parse_f64(whole, &value, NULL);
    return status == WEND_OK ? value : (double)INFINITY; /* The largest numbers may round up and out of range. */
}

/* `count` digits of the exact value, correctly rounded. */
static void print_digits(double magnitude, int count, decimal *number)
{
    char text[48];
    int length = snprintf(text, sizeof text, "%.*e", count - 1, magnitude);
    const char *mark = memchr(text, 'e', (size_t)length);
    assert(mark != NULL);
    number->count = 0;
    for (const char *at = text; at < mark; at++) { /* The locale decides what the point looks like. */
        if (*at >= '0' && *at <= '9') {
            number->digits[number->count++] = *at;
        }
    }
    assert(number->count == count);
    number->point = atoi(mark + 1) + 1;
    drop_zeros(number);
}

static bool bump_last_digit(decimal *number)
{
    if (number->digits[number->count - 1] == '9') {
        return false;
    }
    number->digits[number->count - 1]++;
    return true;
}

/*
 * Cut 17 digits to `count`, to the nearest. False at what looks like a tie, since the last digit was
 * rounded itself, and where the carry would run on.
 */
static bool shorten(const decimal *exact, int count, decimal *number)
{
    char half[DIGITS_MAX] = {'5', '0'};
    memset(half + 1, '0', sizeof half - 1);
    int order = memcmp(exact->digits + count, half, (size_t)(DIGITS_MAX - count));
    *number = *exact;
    number->count = count;
    if (order == 0 || (order > 0 && !bump_last_digit(number))) {
        return false;
    }
    return true;
}

/* Print once, with the 17 digits that are always enough, and take digits away while the rest reads back. */
static bool by_rounding(double magnitude, decimal *number)
{
    decimal exact;
    decimal shorter;
    print_digits(magnitude, DIGITS_MAX, &exact);
    memset(exact.digits + exact.count, '0', (size_t)(DIGITS_MAX - exact.count));
    exact.count = DIGITS_MAX;
    *number = exact;
    for (int count = DIGITS_MAX - 1; count >= DBL_DIG; count--) {
        if (!shorten(&exact, count, &shorter)) {
            return false;
        }
        if (read_back(&shorter, false) != magnitude) {
            break; /* Fewer digits cannot do what more could not. */
        }
        *number = shorter;
    }
    drop_zeros(number);
    return true;
}

static void by_printing(double magnitude, bool single, decimal *number)
{
    bool normal = magnitude >= (single ? (double)FLT_MIN : DBL_MIN);
    int exponent;
    int last = single ? FLT_DECIMAL_DIG : DBL_DECIMAL_DIG;
    /* Below a power of two doubles lie closer than above, so the nearest text of a length may
       belong to the neighbour below while the next one up is ours. */
    bool power_of_two = frexp(magnitude, &exponent) == 0.5;
    if (!single && normal && !power_of_two && by_rounding(magnitude, number)) {
        return;
    }
    for (int count = normal ? (single ? FLT_DIG : DBL_DIG) : 1;; count++) {
        print_digits(magnitude, count, number);
        if (count == last || read_back(number, single) == magnitude) {
            return;
        }
        if (power_of_two && number->count == count && bump_last_digit(number) &&
            read_back(number, single) == magnitude) {
            return;
        }
    }
}

static char *put(char *out, const char *bytes, int count)
{
    memcpy(out, bytes, (size_t)count);
    return out + count;
}

static char *put_zeros(char *out, int count)
{
    memset(out, '0', (size_t)count);
    return out + count;
}

static char *layout(const decimal *number, bool single, char *out)
{
    int exponent = number->point - 1;
    if (exponent < -4 || exponent >= (single ? FLT_DIG : DBL_DIG)) {
        *out++ = number->digits[0];
        if (number->count > 1) {
            *out++ = '.';
            out = put(out, number->digits + 1, number->count - 1);
        }
        return out + sprintf(out, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
    }
    if (number->point <= 0) {
        out = put(out, "0.", 2);
        out = put_zeros(out, -number->point);
        return put(out, number->digits, number->count);
    }
    if (number->count <= number->point) {
        out = put(out, number->digits, number->count);
        return put_zeros(out, number->point - number->count);
    }
    out = put(out, number->digits, number->point);
    *out++ = '.';
    return put(out, number->digits + number->point, number->count - number->point);
}

size_t wendi_float_text(double value, bool single, char *text)
{
    char *out = text;
    decimal number;
    char built[2 * WENDI_FLOAT_TEXT_MAX];
    if (isnan(value)) {
        return (size_t)(put(out, "NaN", 3) - text);
    }
    if (signbit(value)) {
        *out++ = '-';
        value = -value;
    }
    if (isinf(value)) {
        return (size_t)(put(out, "Infinity", 8) - text);
    }
    if (value == 0) {
        *out++ = '0';
        return (size_t)(out - text);
    }
    if (single || !by_scaling(value, &number)) {
        by_printing(value, single, &number);
    }
    size_t length = (size_t)(layout(&number, single, built) - built);
    memcpy(out, built, length);
    assert((size_t)(out - text) + length <= WENDI_FLOAT_TEXT_MAX);
    return (size_t)(out - text) + length;
}
