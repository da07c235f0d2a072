/** Inside of the text forms: doubles and floats as their shortest digits. */
#ifndef WENDI_COLUMN_FLOAT_TEXT_H
#define WENDI_COLUMN_FLOAT_TEXT_H

#include <stdbool.h>
#include <stddef.h>

enum { WENDI_FLOAT_TEXT_MAX = 32 };

/**
 * Write the fewest digits that read back as the same double (or, `single`, as the same float), the nearest of them,
 * as PostgreSQL prints them: fixed while the exponent is from -4 to 14 (real: to 5), else 1e+20; NaN, Infinity.
 * Not NUL-terminated. Returns the length, at most WENDI_FLOAT_TEXT_MAX.
 */
size_t wendi_float_text(double value, bool single, char *text);

#endif
