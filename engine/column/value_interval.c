/*
 * Intervals from text: PostgreSQL's words ("1 day 02:00:00", "1h30m", "2 weeks ago"), ISO 8601 ("P1DT2H") and
 * the SQL standard's "years-months". A fraction of a unit spills into the next smaller ones
 * as in PostgreSQL: of a month into days, of a day into time.
 */
#include <strings.h>

#include "engine/column/value_text.h"

static const char not_an_interval[] = "not an interval";
static const char out_of_range[] = "interval out of range";

enum { FRACTION_DIGITS = 9, FRACTION_ONE = 1000000000, DAYS_PER_MONTH = 30 };

/* The three parts with room to overflow in. */
typedef struct sums {
    wendi_int128 months, days, microseconds;
    uint32_t parts_taken;
} sums;

typedef struct quantity {
    bool negative;
    bool has_sign;
    int64_t whole;
    int64_t fraction; /* of FRACTION_ONE */
} quantity;

static bool take_quantity(wendi_cursor *at, quantity *amount)
{
    *amount = (quantity){0};
    amount->has_sign = at->at < at->end && (*at->at == '-' || *at->at == '+');
    amount->negative = at->at < at->end && *at->at == '-';
    at->at += amount->has_sign;
    const char *begin = at->at;
    for (; at->at < at->end && wendi_is_digit(*at->at); at->at++) {
        if (amount->whole > INT64_MAX / 100) {
            return false;
        }
        amount->whole = amount->whole * 10 + (*at->at - '0');
    }
    bool any = at->at > begin;
    if (wendi_cursor_take(at, '.')) {
        int64_t weight = FRACTION_ONE / 10;
        for (; at->at < at->end && wendi_is_digit(*at->at); at->at++, weight /= 10) {
            amount->fraction += weight * (*at->at - '0');
            any = true;
        }
    }
    return any;
}

/* fraction × unit, rounded to the nearest whole. */
static int64_t share(int64_t fraction, int64_t unit)
{
    return (int64_t)(((wendi_int128)fraction * unit + FRACTION_ONE / 2) / FRACTION_ONE);
}

static void add_days(sums *sum, int64_t fraction, int sign)
{
    sum->microseconds += (wendi_int128)sign * share(fraction, WENDI_US_PER_DAY);
}

/* `fraction` of `days` days: whole days first, what is left as time. */
static void add_part_of_days(sums *sum, int64_t fraction, int64_t days, int sign)
{
    int64_t scaled = fraction * days;
    sum->days += (wendi_int128)sign * (scaled / FRACTION_ONE);
    add_days(sum, scaled % FRACTION_ONE, sign);
}

static bool add_quantity(sums *sum, const quantity *amount, wendi_field unit)
{
    int sign = amount->negative ? -1 : 1;
    wendi_int128 whole = (wendi_int128)sign * amount->whole;
    int64_t months = unit == WENDI_FIELD_YEAR         ? 12
                     : unit == WENDI_FIELD_DECADE     ? 120
                     : unit == WENDI_FIELD_CENTURY    ? 1200
                     : unit == WENDI_FIELD_MILLENNIUM ? 12000
                     : unit == WENDI_FIELD_QUARTER    ? 3
                                                      : 0;
    int64_t us = unit == WENDI_FIELD_HOUR           ? 3600 * WENDI_US_PER_SECOND
                 : unit == WENDI_FIELD_MINUTE       ? 60 * WENDI_US_PER_SECOND
                 : unit == WENDI_FIELD_SECOND       ? WENDI_US_PER_SECOND
                 : unit == WENDI_FIELD_MILLISECONDS ? 1000
                 : unit == WENDI_FIELD_MICROSECONDS ? 1
                                                    : 0;
    sum->parts_taken++;
    if (months != 0) {
        sum->months += whole * months + (wendi_int128)sign * share(amount->fraction, months);
    } else if (us != 0) {
        sum->microseconds += whole * us + (wendi_int128)sign * share(amount->fraction, us);
    } else if (unit == WENDI_FIELD_MONTH) {
        sum->months += whole;
        add_part_of_days(sum, amount->fraction, DAYS_PER_MONTH, sign);
    } else if (unit == WENDI_FIELD_WEEK) {
        sum->days += whole * 7;
        add_part_of_days(sum, amount->fraction, 7, sign);
    } else if (unit == WENDI_FIELD_DAY) {
        sum->days += whole;
        add_days(sum, amount->fraction, sign);
    } else {
        return false;
    }
    return true;
}

/* The rest of hh:mm[:ss[.f]], whose hours are in `hours`. */
static bool take_clock(wendi_cursor *at, const quantity *hours, sums *sum)
{
    int32_t minutes = 0;
    int32_t seconds = 0;
    int32_t fraction = 0;
    if (hours->fraction != 0 || !wendi_cursor_number(at, 2, 2, &minutes) || minutes > 59) {
        return false;
    }
    if (wendi_cursor_take(at, ':')) {
        if (!wendi_cursor_number(at, 2, 2, &seconds) || seconds > 59) {
            return false;
        }
        if (wendi_cursor_take(at, '.') && !wendi_cursor_fraction(at, &fraction)) {
            return false;
        }
    }
    wendi_int128 us = ((wendi_int128)hours->whole * 3600 + minutes * 60 + seconds) * WENDI_US_PER_SECOND + fraction;
    sum->microseconds += hours->negative ? -us : us;
    sum->parts_taken++;
    return true;
}

static wendi_string take_letters(wendi_cursor *at)
{
    const char *begin = at->at;
    while (at->at < at->end && wendi_is_letter(*at->at)) {
        at->at++;
    }
    return (wendi_string){begin, (uint32_t)(at->at - begin)};
}

/* P[nY][nM][nW][nD][T[nH][nM][nS]] behind its P. */
static bool parse_iso(wendi_cursor *at, sums *sum)
{
    bool time = false;
    while (!wendi_cursor_done(at)) {
        quantity amount;
        if (!time && wendi_cursor_take(at, 'T')) {
            time = true;
            continue;
        }
        if (!take_quantity(at, &amount) || wendi_cursor_done(at)) {
            return false;
        }
        char letter = *at->at++;
        wendi_field unit = letter == 'Y' && !time   ? WENDI_FIELD_YEAR
                           : letter == 'M' && !time ? WENDI_FIELD_MONTH
                           : letter == 'W' && !time ? WENDI_FIELD_WEEK
                           : letter == 'D' && !time ? WENDI_FIELD_DAY
                           : letter == 'H' && time  ? WENDI_FIELD_HOUR
                           : letter == 'M' && time  ? WENDI_FIELD_MINUTE
                           : letter == 'S' && time  ? WENDI_FIELD_SECOND
                                                    : WENDI_FIELD_UNKNOWN;
        if (!add_quantity(sum, &amount, unit)) {
            return false;
        }
    }
    return sum->parts_taken != 0;
}

/* One "3 days", "02:00", "1-2" or a bare number of seconds; a sign there holds for this part alone. */
static bool take_part(wendi_cursor *at, sums *sum)
{
    quantity amount;
    if (!take_quantity(at, &amount)) {
        return false;
    }
    if (wendi_cursor_take(at, ':')) {
        return take_clock(at, &amount, sum);
    }
    int32_t months = 0;
    if (amount.fraction == 0 && at->at < at->end && *at->at == '-' && wendi_cursor_take(at, '-')) {
        if (!wendi_cursor_number(at, 1, 2, &months) || months > 11) {
            return false;
        }
        wendi_int128 all = (wendi_int128)amount.whole * 12 + months;
        sum->months += amount.negative ? -all : all;
        sum->parts_taken++;
        return true;
    }
    wendi_cursor_skip_spaces(at);
    wendi_string unit = take_letters(at);
    return add_quantity(sum, &amount, unit.length == 0 ? WENDI_FIELD_SECOND : wendi_field_of(unit));
}

static bool parse_words(wendi_cursor *at, sums *sum)
{
    if (wendi_cursor_take(at, '@')) {
        wendi_cursor_skip_spaces(at);
    }
    while (!wendi_cursor_done(at)) {
        wendi_cursor word = *at;
        wendi_string letters = take_letters(&word);
        if (sum->parts_taken != 0 && letters.length == 3 && strncasecmp(letters.data, "ago", 3) == 0 &&
            wendi_cursor_done(&word)) {
            sum->months = -sum->months;
            sum->days = -sum->days;
            sum->microseconds = -sum->microseconds;
            return true;
        }
        if (!take_part(at, sum)) {
            return false;
        }
        wendi_cursor_skip_spaces(at);
    }
    return sum->parts_taken != 0;
}

wend_status wendi_parse_interval(wendi_string text, wendi_interval *value, const char **reason)
{
    wendi_string trimmed = wendi_trim(text);
    wendi_cursor at = wendi_cursor_of(trimmed);
    sums sum = {0};
    bool parsed = wendi_cursor_take(&at, 'P') ? parse_iso(&at, &sum) : parse_words(&at, &sum);
    if (!parsed) {
        return wendi_refuse(not_an_interval, reason);
    }
    if (sum.months > INT32_MAX || sum.months < INT32_MIN || sum.days > INT32_MAX || sum.days < INT32_MIN ||
        sum.microseconds > INT64_MAX || sum.microseconds < INT64_MIN) {
        return wendi_refuse(out_of_range, reason);
    }
    *value = (wendi_interval){(int32_t)sum.months, (int32_t)sum.days, (int64_t)sum.microseconds};
    return WEND_OK;
}
