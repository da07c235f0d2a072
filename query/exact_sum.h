/**
 * Sums of doubles without rounding until the end, so that no order of adding changes the answer.
 *
 * A sum is an integer of units of 2^-75 in 128 bits (most data never leaves it) and, for values or
 * totals beyond it, a fixed-point number wide enough for every finite double (the long accumulator
 * of Kulisch and Miranker, "Computer Arithmetic in Theory and Practice", 1981, with carries kept
 * back as in Neal, "Fast exact summation using small and large superaccumulators", 2015). It is
 * rounded once, to nearest even, when it is read.
 */
#ifndef WENDI_QUERY_EXACT_SUM_H
#define WENDI_QUERY_EXACT_SUM_H

#include "engine/base/status.h"
#include "engine/column/type.h"

typedef struct wendi_exact_wide wendi_exact_wide;

/** Zero-filled is a valid sum of nothing. It owns `wide`. */
typedef struct wendi_exact_sum {
    wendi_int128 window; /* units of 2^-75 */
    wendi_exact_wide *wide;
    uint8_t specials; /* infinities and NaNs seen */
} wendi_exact_sum;

/** WEND_NOMEM only, and only the first time a value beyond the window comes. */
wend_status wendi_exact_sum_add(wendi_exact_sum *sum, double value);
/** `sum` += `other`, which is left as it is. */
wend_status wendi_exact_sum_merge(wendi_exact_sum *sum, const wendi_exact_sum *other);
/** The nearest double (infinite when beyond range), and in `*rest` (may be NULL) the nearest double
 * of what is missing. */
wend_status wendi_exact_sum_value(const wendi_exact_sum *sum, double *value, double *rest);
void wendi_exact_sum_free(wendi_exact_sum *sum);

#endif
