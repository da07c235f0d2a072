/*
 * A wall clock that jumps, for one process: preload it (LD_PRELOAD) and name a file by
 * WEND_TEST_CLOCK.
 *
 * The file holds one int64, in the machine's byte order: microseconds that this process's wall
 * clock is ahead of the true one. Whoever changes it makes the clock jump, at once and in all
 * threads. As with a real jump, waits until a time of the wall clock end by the clock as it is
 * then; the monotonic clock never jumps.
 *
 * Files' times, timers and other processes keep the true time. Not for programs linked statically.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

enum { NANOS = 1000000000, SLICE_NANOS = 20000000 };
/* A deadline of the monotonic clock counts from the machine's start, so it is smaller than this. */
#define WALL_SECONDS_LEAST 1000000000

static const volatile int64_t *ahead_us;

__attribute__((constructor)) static void open_clock(void)
{
    const char *path = getenv("WEND_TEST_CLOCK");
    int handle = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *mapped =
        handle >= 0 ? mmap(NULL, sizeof *ahead_us, PROT_READ, MAP_SHARED, handle, 0) : MAP_FAILED;
    if (mapped == MAP_FAILED) { /* a test on the true clock would prove nothing */
        fprintf(stderr, "clock_jumps: WEND_TEST_CLOCK does not name a file of eight bytes\n");
        _exit(2);
    }
    ahead_us = mapped;
    close(handle);
}

static void shift(struct timespec *time, int64_t microseconds)
{
    int64_t nanos = time->tv_nsec + microseconds % 1000000 * 1000;
    int64_t seconds = time->tv_sec + microseconds / 1000000;
    seconds += nanos < 0 ? -1 : nanos / NANOS;
    nanos = nanos < 0 ? nanos + NANOS : nanos % NANOS;
    time->tv_sec = (time_t)seconds;
    time->tv_nsec = (long)nanos;
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
    int result = (int)syscall(SYS_clock_gettime, clock, time);
    if (result == 0 && ahead_us != NULL &&
        (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        shift(time, *ahead_us);
    }
    return result;
}

int timespec_get(struct timespec *time, int base)
{
    return base == TIME_UTC && clock_gettime(CLOCK_REALTIME, time) == 0 ? base : 0;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    time->tv_sec = now.tv_sec;
    time->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *out)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out != NULL) {
        *out = now.tv_sec;
    }
    return now.tv_sec;
}

/* Whether our wall clock has come to `deadline`; if not, `*slice` is a true time a little ahead. */
static bool reached(const struct timespec *deadline, struct timespec *slice)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t left =
        ((int64_t)deadline->tv_sec - now.tv_sec) * NANOS + deadline->tv_nsec - now.tv_nsec;
    if (left <= 0) {
        return true;
    }
    syscall(SYS_clock_gettime, CLOCK_REALTIME, slice);
    shift(slice, (left < SLICE_NANOS ? left : SLICE_NANOS) / 1000 + 1);
    return false;
}

typedef int wait_function(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);

/* In slices, since a jump wakes nobody; waking without a reason is allowed to every wait. */
int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict deadline)
{
    static wait_function *real;
    struct timespec slice;
    if (real == NULL) {
        *(void **)&real = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
    }
    if (deadline->tv_sec < WALL_SECONDS_LEAST) {
        return real(condition, mutex, deadline);
    }
    while (!reached(deadline, &slice)) {
        int result = real(condition, mutex, &slice);
        if (result != ETIMEDOUT) {
            return result;
        }
    }
    return ETIMEDOUT;
}

/* glibc's cnd_t and mtx_t are its pthread types. */
int cnd_timedwait(cnd_t *restrict condition, mtx_t *restrict mutex,
                  const struct timespec *restrict deadline)
{
    int result =
        pthread_cond_timedwait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex, deadline);
    return result == 0 ? thrd_success : result == ETIMEDOUT ? thrd_timedout : thrd_error;
}
