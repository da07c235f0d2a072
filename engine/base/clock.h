/** Clocks. Wall time can be fixed by tests through WEND_NOW (RFC 3339 or microseconds), read once. */
#ifndef WENDI_BASE_CLOCK_H
#define WENDI_BASE_CLOCK_H

#include <stdint.h>

int64_t wendi_clock_wall_us(void);      /* microseconds since 1970-01-01 UTC */
int64_t wendi_clock_monotonic_us(void); /* for durations only */

#endif
