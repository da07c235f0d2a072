/**
 * Exact decimals in 128 bits: an integer and a scale that the type states.
 *
 * Values lie within ±(10^38 - 1). Every operation is exact or rounds half away from zero at the
 * result's scale, as PostgreSQL's numeric does; what does not fit is refused, never wrapped. The
 * result scales are those of the _type functions: static, since a column has one scale. Sum, product
 * and remainder have PostgreSQL's scale; a product's is cut at 20 unless an operand has more, a
 * quotient has 20 (PostgreSQL: 16 significant digits, between 12 and 20 in practice).
 */
#ifndef WENDI_EXPR_NUMERIC_H
#define WENDI_EXPR_NUMERIC_H

#include "engine/column/type.h"

enum { WENDI_NUMERIC_QUOTIENT_SCALE = 20 };

wendi_type wendi_numeric_type(uint32_t precision, uint32_t scale); /* clipped to 38 */
/** The numeric type that holds any value of an integer type; a numeric type is itself. */
wendi_type wendi_numeric_type_for(wendi_type type);
wendi_type wendi_numeric_add_type(wendi_type a, wendi_type b); /* also of - */
wendi_type wendi_numeric_multiply_type(wendi_type a, wendi_type b);
wendi_type wendi_numeric_divide_type(wendi_type a, wendi_type b);
wendi_type wendi_numeric_modulo_type(wendi_type a, wendi_type b);

/** 10^exponent for 0..38. */
wendi_int128 wendi_power_of_ten(uint32_t exponent);
/** Is it within ±(10^precision - 1)? */
bool wendi_numeric_fits(wendi_int128 value, uint32_t precision);
/** Change the scale, rounding half away from zero; false: beyond 38 digits. */
bool wendi_numeric_rescale(wendi_int128 value, uint32_t scale, uint32_t new_scale, wendi_int128 *result);
/** Change the scale by cutting digits. */
bool wendi_numeric_truncate(wendi_int128 value, uint32_t scale, uint32_t new_scale, wendi_int128 *result);
/** a·b at `scale`. */
bool wendi_numeric_multiply(wendi_int128 a, uint32_t a_scale, wendi_int128 b, uint32_t b_scale, uint32_t scale,
                            wendi_int128 *result);
/** a/b at `scale`; b is not 0. For avg() too. */
bool wendi_numeric_divide(wendi_int128 a, uint32_t a_scale, wendi_int128 b, uint32_t b_scale, uint32_t scale,
                          wendi_int128 *result);
/**
 * Digits with an optional sign, point and exponent (spaces around them allowed) to an integer and the scale
 * as written; false when it is no number or beyond 38 digits.
 */
bool wendi_numeric_from_text(const char *text, uint32_t length, wendi_int128 *value, uint32_t *scale);
/** The least precision that holds `value`: at least 1. */
uint32_t wendi_numeric_digits(wendi_int128 value);
/** Nearest double. */
double wendi_numeric_to_double(wendi_int128 value, uint32_t scale);
/** By 15 significant digits as PostgreSQL does, then rounded to `scale`; false: NaN, infinite or too large. */
bool wendi_numeric_from_double(double value, uint32_t scale, wendi_int128 *result);

#endif
