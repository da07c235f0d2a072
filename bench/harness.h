/**
 * What every benchmark shares: options, timing, and results as a Markdown table on standard output
 * and as JSON lines in a file.
 *
 * A measurement is the median of several runs after one that only warms up, with the fastest and
 * the slowest beside it, in wall time and in processor time of the whole process. The machine may
 * be shared: processor time, and ratios of runs that took turns, are what to compare.
 *
 * Threads: one thread calls the harness; what it measures may use more. A failure ends the program:
 * a benchmark that could not do its work has no numbers to show.
 */
#ifndef WENDI_BENCH_HARNESS_H
#define WENDI_BENCH_HARNESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "engine/base/status.h"

enum { WENDI_BENCH_RUNS_MAX = 101 };

typedef struct wendi_bench {
    const char *program;
    FILE *json;        /* NULL: no JSON asked for */
    uint32_t runs;     /* measured runs of each case, odd */
    bool quick;        /* smaller inputs wherever a program has a choice */
    uint32_t threads;  /* --threads, 1 unless said */
    uint64_t rows;     /* --rows, 0 unless said: the program's own choice */
    const char *group; /* heading under which cases stand now; borrowed */
} wendi_bench;

/**
 * Read the options that all programs share and take them out of argv: --json FILE (appended to),
 * --runs N, --quick, --rows N, --threads N. Returns the new argc; what is left is the program's.
 */
int wendi_bench_open(wendi_bench *bench, const char *program, int argc, char **argv);
void wendi_bench_close(wendi_bench *bench);

/** End the program when `status` is not WEND_OK; `what` says what was tried. */
void wendi_bench_must(wend_status status, const char *what, const wend_error *error);
/** End the program with a message. */
_Noreturn void wendi_bench_fail(const char *format, ...) WEND_PRINTF(1, 2);

/** A new table of results under a heading. `group` is borrowed until the next heading. */
void wendi_bench_heading(wendi_bench *bench, const char *group);

/** One thing to time. */
typedef struct wendi_bench_case {
    const char *name;
    void (*run)(void *context); /* does the whole work once */
    void *context;
    double units;     /* done by one run: rows, events, values */
    const char *unit; /* "rows"; in the plural */
    double bytes;     /* handled by one run; 0: of no interest */
} wendi_bench_case;

/** Medians are of one run; seconds. */
typedef struct wendi_bench_time {
    double wall, wall_min, wall_max;
    double cpu, cpu_min, cpu_max;
    uint32_t runs;
    uint64_t peak_rss_bytes; /* of a child; 0: not measured */
} wendi_bench_time;

/**
 * Time a case and show it. Work that takes less than about 5 ms is repeated within each run until
 * it takes that long, so that clocks and interrupts do not decide.
 */
wendi_bench_time wendi_bench_measure(wendi_bench *bench, const wendi_bench_case *work);
/**
 * Time two cases that take turns (a b b a a b …) and show both and the ratio of b's median
 * processor time to a's.
 */
double wendi_bench_compare(wendi_bench *bench, const wendi_bench_case *a,
                           const wendi_bench_case *b);
/**
 * Time a case in a process of its own for each run, so that its peak memory is its own and nothing
 * is left of the run before. No repetition within a run; nothing warms up but the page cache.
 */
wendi_bench_time wendi_bench_measure_child(wendi_bench *bench, const wendi_bench_case *work);

/** Show a number that is no time: `value` in `unit`, such as bytes an event. */
void wendi_bench_value(wendi_bench *bench, const char *name, double value, const char *unit);

/** One JSON line and a few of Markdown about processor, instruction sets, kernel and compiler. */
void wendi_bench_machine(wendi_bench *bench);

#endif
