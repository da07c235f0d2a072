/**
 * A stretch of instants over which a zone's offset is constant, so that a column of times mostly
 * needs no look into the zone's transitions.
 *
 * The stretch grows by a day at a time: no zone in the tz database changes its offset and back
 * within 24 hours, so equal offsets at both ends of a day mean the same offset between.
 */
#ifndef WENDI_EXPR_ZONE_WINDOW_H
#define WENDI_EXPR_ZONE_WINDOW_H

#include "engine/column/calendar.h"

typedef struct wendi_zone_window {
    const wendi_timezone *zone;
    int64_t low;    /* instants low..high have this offset; low > high: nothing known yet */
    int64_t high;
    int64_t offset; /* local = utc + offset */
} wendi_zone_window;

static inline wendi_zone_window wendi_zone_window_of(const wendi_timezone *zone)
{
    if (zone == wendi_timezone_utc()) {
        return (wendi_zone_window){zone, INT64_MIN, INT64_MAX, 0};
    }
    return (wendi_zone_window){zone, 1, 0, 0};
}

static inline int64_t wendi_zone_offset(const wendi_zone_window *window, int64_t us)
{
    return wendi_timezone_to_local(window->zone, us) - us;
}

/** Take `us` in: widen the window by up to a month either way, or begin a new one. */
static inline void wendi_zone_window_move(wendi_zone_window *window, int64_t us)
{
    int64_t offset = wendi_zone_offset(window, us);

    window->offset = offset;
    window->low = window->high = us;
    for (int day = 0; day < 32 && wendi_zone_offset(window, window->high + WENDI_US_PER_DAY) == offset; day++) {
        window->high += WENDI_US_PER_DAY;
    }
    for (int day = 0; day < 32 && wendi_zone_offset(window, window->low - WENDI_US_PER_DAY) == offset; day++) {
        window->low -= WENDI_US_PER_DAY;
    }
}

static inline int64_t wendi_zone_window_local(wendi_zone_window *window, int64_t us)
{
    if (us < window->low || us > window->high) {
        wendi_zone_window_move(window, us);
    }
    return us + window->offset;
}

/** The instant of a wall time: by the window when it lies well inside, where no other reading exists. */
static inline int64_t wendi_zone_window_utc(wendi_zone_window *window, int64_t local_us)
{
    int64_t us = local_us - window->offset;

    if (window->low <= window->high && us / 2 > window->low / 2 + WENDI_US_PER_DAY && us / 2 < window->high / 2 - WENDI_US_PER_DAY) {
        return us;
    }
    return wendi_timezone_to_utc(window->zone, local_us);
}

#endif
