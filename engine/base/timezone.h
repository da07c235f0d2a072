/**
 * Time zones from the system's tz database (TZif, RFC 9636), independent of the process's TZ.
 *
 * Zones are loaded once, cached for the life of the process and immutable; all functions are
 * thread safe. Names: IANA names, UTC, GMT, and fixed offsets as PostgreSQL writes them (+05:30;
 * ISO sign: east is positive). Times are microseconds; wall times are microseconds of a clock
 * that reads like UTC.
 */
#ifndef WENDI_BASE_TIMEZONE_H
#define WENDI_BASE_TIMEZONE_H

#include "engine/base/bytes.h"

typedef struct wendi_timezone wendi_timezone;

/** Borrowed for ever. WEND_INVALID names the zone and says where zones are looked for. */
wend_status wendi_timezone_find(wendi_string name, const wendi_timezone **zone_out, wend_error *error);
const wendi_timezone *wendi_timezone_utc(void);
const char *wendi_timezone_name(const wendi_timezone *zone);
/** Wall time of an instant. */
int64_t wendi_timezone_to_local(const wendi_timezone *zone, int64_t utc_us);
/**
 * Instant of a wall time, by PostgreSQL's rule: one that did not happen is read with the offset before the gap, and so
 * moves forward; of one that happened twice the later instant is meant, with the offset after the change.
 */
int64_t wendi_timezone_to_utc(const wendi_timezone *zone, int64_t local_us);

#endif
