/*
 * Clocks. WEND_NOW is looked at once, when the wall clock is first asked; a value that cannot be read
 * ends the process, since a test that runs on the real time without knowing would prove nothing.
 */
#include "engine/base/clock.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/base/civil.h"

static pthread_once_t fixed_once = PTHREAD_ONCE_INIT;
static bool fixed;
static int64_t fixed_us;

/* "2026-01-31T10:00:00[.digits]Z"; the general parser lives above this room. */
static bool read_rfc3339(const char *text, int64_t *us)
{
    int year;
    int month;
    int day;
    int hour;
    int minute;
    int second;
    int used = 0;
    if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d%n", &year, &month, &day, &hour, &minute, &second, &used) != 6) {
        return false;
    }
    if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60) {
        return false;
    }
    int64_t fraction = 0;
    const char *at = text + used;
    if (*at == '.') {
        at++;
        for (int64_t weight = 100000; *at >= '0' && *at <= '9'; at++, weight /= 10) {
            fraction += weight * (*at - '0');
        }
    }
    if (strcmp(at, "Z") != 0) {
        return false;
    }
    int64_t seconds = wendi_civil_to_days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    *us = seconds * 1000000 + fraction;
    return true;
}

static void read_fixed(void)
{
    const char *text = getenv("WEND_NOW");
    if (text == NULL || *text == '\0') {
        return;
    }
    char *end = NULL;
    fixed_us = strtoll(text, &end, 10);
    if (*end != '\0' && !read_rfc3339(text, &fixed_us)) {
        fprintf(stderr, "wend: WEND_NOW is neither a time such as 2026-01-31T10:00:00Z nor microseconds: %s\n", text);
        exit(2);
    }
    fixed = true;
}

static int64_t read_clock(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t wendi_clock_wall_us(void)
{
    pthread_once(&fixed_once, read_fixed);
    return fixed ? fixed_us : read_clock(CLOCK_REALTIME);
}

int64_t wendi_clock_monotonic_us(void)
{
    return read_clock(CLOCK_MONOTONIC);
}
