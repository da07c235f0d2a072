/* Exact sums of doubles: the window for common magnitudes, the long accumulator for all others. */
#include "query/exact_sum.h"

#include <math.h>
#include <string.h>

#include "engine/base/alloc.h"

enum {
    WINDOW_SHIFT = 75,    /* the window counts units of 2^-75 */
    WINDOW_TOP = 40,      /* and takes values below 2^40 */
    UNIT_EXPONENT = 1074, /* the wide form counts units of 2^-1074 */
    LIMB_BITS = 32,
    LIMB_COUNT = 68, /* (1074 + 1024 + 64) / 32, rounded up */
    ADDS_MAX =
        1 << 28 /* before carries must be moved on: each add puts less than 2^32 into a limb */
};
enum { SEEN_NAN = 1, SEEN_PLUS_INFINITY = 2, SEEN_MINUS_INFINITY = 4 };

/** Sum of limbs[i] * 2^(32 i - 1074); limbs carry a sign and may exceed 32 bits between
 * normalisations. */
struct wendi_exact_wide {
    int64_t limbs[LIMB_COUNT];
    uint32_t adds;
};

static void wide_normalize(wendi_exact_wide *wide)
{
    int64_t carry = 0;

    for (int i = 0; i < LIMB_COUNT - 1; i++) {
        int64_t limb = wide->limbs[i] + carry;
        carry = limb >> LIMB_BITS; /* Rounds down, so what stays is within 0..2^32-1. */
        wide->limbs[i] = limb & 0xffffffff;
    }
    wide->limbs[LIMB_COUNT - 1] += carry;
    wide->adds = 0;
}

/* Add ±magnitude * 2^(shift - 1074), magnitude below 2^96. */
static void wide_add(wendi_exact_wide *wide, wendi_uint128 magnitude, uint32_t shift, bool negative)
{
    uint32_t limb = shift / LIMB_BITS;
    uint64_t low = (uint64_t)magnitude & 0xffffffff;
    uint32_t bits = shift % LIMB_BITS;
    wendi_uint128 rest = (magnitude >> LIMB_BITS) << bits;
    uint64_t first = low << bits;

    if (++wide->adds >= ADDS_MAX) {
        wide_normalize(wide);
    }
    rest += first >> LIMB_BITS;
    int64_t parts[4] = {(int64_t)(first & 0xffffffff), (int64_t)((uint64_t)rest & 0xffffffff),
                        (int64_t)((uint64_t)(rest >> 32) & 0xffffffff),
                        (int64_t)(uint64_t)(rest >> 64)};
    for (uint32_t i = 0; i < 4 && limb + i < LIMB_COUNT; i++) {
        wide->limbs[limb + i] += negative ? -parts[i] : parts[i];
    }
}

static wend_status wide_of(wendi_exact_sum *sum)
{
    if (sum->wide == NULL) {
        sum->wide = wendi_alloc_zero(1, sizeof *sum->wide);
    }
    return sum->wide == NULL ? WEND_NOMEM : WEND_OK;
}

/* Put the window's 128 bits into the wide form and empty it. */
static wend_status flush_window(wendi_exact_sum *sum)
{
    bool negative = sum->window < 0;
    wendi_uint128 magnitude = negative ? -(wendi_uint128)sum->window : (wendi_uint128)sum->window;

    if (wide_of(sum) != WEND_OK) {
        return WEND_NOMEM;
    }
    wide_add(sum->wide, (uint64_t)magnitude, UNIT_EXPONENT - WINDOW_SHIFT, negative);
    wide_add(sum->wide, (uint64_t)(magnitude >> 64), UNIT_EXPONENT - WINDOW_SHIFT + 64, negative);
    sum->window = 0;
    return WEND_OK;
}

static wend_status window_add(wendi_exact_sum *sum, wendi_int128 units)
{
    wendi_int128 total;

    if (__builtin_add_overflow(sum->window, units, &total)) {
        if (flush_window(sum) != WEND_OK) {
            return WEND_NOMEM;
        }
        total = units;
    }
    sum->window = total;
    return WEND_OK;
}

wend_status wendi_exact_sum_add(wendi_exact_sum *sum, double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    bool negative = bits >> 63 != 0;
    int exponent = (int)(bits >> 52 & 0x7ff);
    uint64_t mantissa = bits & ((UINT64_C(1) << 52) - 1);
    if (exponent == 0x7ff) {
        sum->specials |= mantissa != 0 ? SEEN_NAN
                         : negative    ? SEEN_MINUS_INFINITY
                                       : SEEN_PLUS_INFINITY;
        return WEND_OK;
    }
    if (exponent == 0) {
        exponent = 1; /* Subnormal: the same unit, no hidden bit. */
    } else {
        mantissa |= UINT64_C(1) << 52;
    }
    /* The value is mantissa * 2^(exponent - 1075). */
    int window_shift = exponent - 1075 + WINDOW_SHIFT;
    if (window_shift >= 0 && exponent - 1023 < WINDOW_TOP) {
        wendi_int128 units = (wendi_int128)mantissa << window_shift;
        return window_add(sum, negative ? -units : units);
    }
    if (window_shift < 0 && window_shift > -53 &&
        (mantissa & ((UINT64_C(1) << -window_shift) - 1)) == 0) {
        wendi_int128 units = (wendi_int128)(mantissa >> -window_shift);
        return window_add(sum, negative ? -units : units);
    }
    if (mantissa == 0) {
        return WEND_OK;
    }
    if (wide_of(sum) != WEND_OK) {
        return WEND_NOMEM;
    }
    wide_add(sum->wide, mantissa, (uint32_t)(exponent - 1), negative);
    return WEND_OK;
}

wend_status wendi_exact_sum_merge(wendi_exact_sum *sum, const wendi_exact_sum *other)
{
    sum->specials |= other->specials;
    if (window_add(sum, other->window) != WEND_OK) {
        return WEND_NOMEM;
    }
    if (other->wide != NULL) {
        if (wide_of(sum) != WEND_OK) {
            return WEND_NOMEM;
        }
        wendi_exact_wide copy = *other->wide;
        wide_normalize(&copy);
        wide_normalize(sum->wide);
        for (int i = 0; i < LIMB_COUNT; i++) {
            sum->wide->limbs[i] += copy.limbs[i];
        }
        wide_normalize(sum->wide);
    }
    return WEND_OK;
}

/* Round magnitude * 2^exponent (top bit of magnitude set, `sticky`: bits below were cut) to nearest
 * even. */
static double round_to_double(wendi_uint128 magnitude, int exponent, bool sticky)
{
    int top = exponent + 127;
    int keep = top >= -1022 ? 53 : top + UNIT_EXPONENT + 1;

    if (keep <= 0) {
        return 0.0; /* Cannot be: every summand is a multiple of 2^-1074. */
    }
    int drop = 128 - keep;
    wendi_uint128 half = (wendi_uint128)1 << (drop - 1);
    wendi_uint128 cut = magnitude & ((half << 1) - 1);
    uint64_t mantissa = (uint64_t)(magnitude >> drop);
    if (cut > half || (cut == half && (sticky || (mantissa & 1) != 0))) {
        mantissa++;
    }
    return ldexp((double)mantissa, exponent + drop);
}

/* The value of a normalised, non-negative wide sum. */
static double wide_round(const wendi_exact_wide *wide)
{
    int high = LIMB_COUNT - 1;
    bool sticky = false;
    wendi_uint128 magnitude = 0;

    while (high >= 0 && wide->limbs[high] == 0) {
        high--;
    }
    if (high < 0) {
        return 0.0;
    }
    for (int i = high; i > high - 4; i--) {
        magnitude = magnitude << LIMB_BITS | (uint64_t)(i >= 0 ? wide->limbs[i] : 0);
    }
    for (int i = high - 4; i >= 0; i--) {
        sticky |= wide->limbs[i] != 0;
    }
    int exponent = LIMB_BITS * (high - 3) - UNIT_EXPONENT;
    while (magnitude >> 127 == 0) {
        magnitude <<= 1;
        exponent--;
    }
    return round_to_double(magnitude, exponent, sticky);
}

static double wide_value(const wendi_exact_wide *wide)
{
    wendi_exact_wide copy = *wide;

    wide_normalize(&copy);
    bool negative = copy.limbs[LIMB_COUNT - 1] < 0;
    if (negative) {
        for (int i = 0; i < LIMB_COUNT; i++) {
            copy.limbs[i] = -copy.limbs[i];
        }
        wide_normalize(&copy);
    }
    double magnitude = wide_round(&copy);
    return negative ? -magnitude : magnitude;
}

wend_status wendi_exact_sum_value(const wendi_exact_sum *sum, double *value, double *rest)
{
    wendi_exact_sum copy = {.window = sum->window};
    wendi_exact_wide wide = {.adds = 0};

    if (rest != NULL) {
        *rest = 0.0;
    }
    if (sum->specials != 0) {
        bool both = (sum->specials & (SEEN_PLUS_INFINITY | SEEN_MINUS_INFINITY)) ==
                    (SEEN_PLUS_INFINITY | SEEN_MINUS_INFINITY);
        *value = both || (sum->specials & SEEN_NAN) != 0     ? (double)NAN
                 : (sum->specials & SEEN_PLUS_INFINITY) != 0 ? (double)INFINITY
                                                             : -(double)INFINITY;
        return WEND_OK;
    }
    if (sum->wide != NULL) {
        wide = *sum->wide;
    }
    wide_normalize(&wide);
    copy.wide = &wide;
    wend_status status = flush_window(&copy);
    *value = wide_value(&wide);
    if (rest != NULL && isfinite(*value)) {
        /* What is left after taking the rounded value away, itself rounded. */
        copy.window = 0;
        uint64_t bits;
        double taken = -*value;
        memcpy(&bits, &taken, sizeof bits);
        int exponent = (int)(bits >> 52 & 0x7ff);
        uint64_t mantissa = bits & ((UINT64_C(1) << 52) - 1);
        mantissa |= exponent == 0 ? 0 : UINT64_C(1) << 52;
        wide_add(&wide, mantissa, (uint32_t)(exponent == 0 ? 0 : exponent - 1), bits >> 63 != 0);
        *rest = wide_value(&wide);
    }
    return status;
}

void wendi_exact_sum_free(wendi_exact_sum *sum)
{
    wendi_free(sum->wide);
    memset(sum, 0, sizeof *sum);
}
