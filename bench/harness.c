/*
 * Timing of benchmark cases and their output. Wall time is the monotonic clock's, processor time
 * what getrusage() counts for the process (user and system, all threads), for children what wait4()
 * says.
 */
#include "bench/harness.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SHORTEST_RUN_S 0.005
enum { RUNS_DEFAULT = 7, RUNS_QUICK = 5, REPEATS_MAX = 1 << 20 };

/* The seconds of all runs of one case, run by run. */
typedef struct series {
    double wall[WENDI_BENCH_RUNS_MAX];
    double cpu[WENDI_BENCH_RUNS_MAX];
    uint64_t rss[WENDI_BENCH_RUNS_MAX];
    uint32_t count;
} series;

_Noreturn void wendi_bench_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("bench: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

void wendi_bench_must(wend_status status, const char *what, const wend_error *error)
{
    if (status != WEND_OK) {
        wendi_bench_fail("%s: %s", what, error == NULL ? wend_status_name(status) : error->message);
    }
}

/* ---- options --------------------------------------------------------------------------------- */

static uint64_t number_of(const char *option, const char *text)
{
    char *end = NULL;
    unsigned long long value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || value == 0) {
        wendi_bench_fail("%s takes a number of at least 1, not '%s'", option, text);
    }
    return value;
}

/* Take one option; false when it is not the harness's. */
static bool take_option(wendi_bench *bench, const char *option, const char *value)
{
    if (strcmp(option, "--json") == 0) {
        bench->json = fopen(value, "ae");
        if (bench->json == NULL) {
            wendi_bench_fail("cannot write %s", value);
        }
    } else if (strcmp(option, "--runs") == 0) {
        uint64_t runs = number_of(option, value);
        bench->runs = (uint32_t)(runs >= WENDI_BENCH_RUNS_MAX ? WENDI_BENCH_RUNS_MAX : runs | 1);
    } else if (strcmp(option, "--rows") == 0) {
        bench->rows = number_of(option, value);
    } else if (strcmp(option, "--threads") == 0) {
        bench->threads = (uint32_t)number_of(option, value);
    } else {
        return false;
    }
    return true;
}

int wendi_bench_open(wendi_bench *bench, const char *program, int argc, char **argv)
{
    static const char *const valued[] = {"--json", "--runs", "--rows", "--threads"};
    int kept = 1;
    *bench = (wendi_bench){.program = program, .threads = 1};
    for (int i = 1; i < argc; i++) {
        bool takes_value = false;
        for (size_t v = 0; v < sizeof valued / sizeof *valued; v++) {
            takes_value = takes_value || strcmp(argv[i], valued[v]) == 0;
        }
        if (takes_value && i + 1 == argc) {
            wendi_bench_fail("%s needs a value", argv[i]);
        }
        if (takes_value && take_option(bench, argv[i], argv[i + 1])) {
            i++;
        } else if (strcmp(argv[i], "--quick") == 0) {
            bench->quick = true;
        } else {
            argv[kept++] = argv[i];
        }
    }
    if (bench->runs == 0) {
        bench->runs = bench->quick ? RUNS_QUICK : RUNS_DEFAULT;
    }
    return kept;
}

void wendi_bench_close(wendi_bench *bench)
{
    if (bench->json != NULL && fclose(bench->json) != 0) {
        wendi_bench_fail("the JSON results could not be written");
    }
    bench->json = NULL;
}

/* ---- clocks and medians ---------------------------------------------------------------------- */

static double wall_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double rusage_seconds(const struct rusage *usage)
{
    return (double)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) +
           (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) / 1e6;
}

static double cpu_now(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0) {
        wendi_bench_fail("getrusage failed");
    }
    return rusage_seconds(&usage);
}

static int compare_doubles(const void *a, const void *b)
{
    const double *left = a;
    const double *right = b;
    return (*left > *right) - (*left < *right);
}

static void spread(const double *values, uint32_t count, double *median, double *min, double *max)
{
    double sorted[WENDI_BENCH_RUNS_MAX];
    memcpy(sorted, values, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, compare_doubles);
    *median = sorted[count / 2];
    *min = sorted[0];
    *max = sorted[count - 1];
}

static wendi_bench_time time_of(const series *runs)
{
    wendi_bench_time time = {.runs = runs->count};
    spread(runs->wall, runs->count, &time.wall, &time.wall_min, &time.wall_max);
    spread(runs->cpu, runs->count, &time.cpu, &time.cpu_min, &time.cpu_max);
    for (uint32_t i = 0; i < runs->count; i++) {
        time.peak_rss_bytes =
            runs->rss[i] > time.peak_rss_bytes ? runs->rss[i] : time.peak_rss_bytes;
    }
    return time;
}

/* ---- output ---------------------------------------------------------------------------------- */

static void json_string(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < ' ') {
            fprintf(out, "\\u%04x", (unsigned)*text);
        } else {
            if (*text == '"' || *text == '\\') {
                fputc('\\', out);
            }
            fputc(*text, out);
        }
    }
    fputc('"', out);
}

static void json_member(FILE *out, const char *name, const char *value)
{
    fprintf(out, ",\"%s\":", name);
    json_string(out, value == NULL ? "" : value);
}

static void json_begin(const wendi_bench *bench, const char *kind, const char *name)
{
    fprintf(bench->json, "{\"kind\":\"%s\"", kind);
    json_member(bench->json, "program", bench->program);
    json_member(bench->json, "group", bench->group);
    json_member(bench->json, "name", name);
}

void wendi_bench_heading(wendi_bench *bench, const char *group)
{
    bench->group = group;
    printf("\n### %s\n\n| case | median | min … max | CPU | per unit | rate a core | rate | |\n"
           "|---|--:|--:|--:|--:|--:|--:|---|\n",
           group);
    fflush(stdout);
}

/* "12.3 ms": seconds in the unit that leaves one to three digits before the point. */
static const char *shown(double seconds, char *text, size_t size)
{
    if (seconds >= 1) {
        snprintf(text, size, "%.3f s", seconds);
    } else if (seconds >= 1e-3) {
        snprintf(text, size, "%.3f ms", seconds * 1e3);
    } else if (seconds >= 1e-6) {
        snprintf(text, size, "%.3f µs", seconds * 1e6);
    } else {
        snprintf(text, size, "%.3f ns", seconds * 1e9);
    }
    return text;
}

static void show_rate(double per_second, const char *unit)
{
    if (per_second >= 1e6) {
        printf(" %.1f M %s/s |", per_second / 1e6, unit);
    } else {
        printf(" %.0f %s/s |", per_second, unit);
    }
}

static void show_time(const wendi_bench *bench, const wendi_bench_case *work,
                      const wendi_bench_time *time)
{
    char text[4][32];
    double cpu = time->cpu > 0 ? time->cpu : time->wall; /* less than the clock can tell */
    printf("| %s | %s | %s … %s | %s |", work->name, shown(time->wall, text[0], 32),
           shown(time->wall_min, text[1], 32), shown(time->wall_max, text[2], 32),
           shown(time->cpu, text[3], 32));
    printf(" %s |", shown(cpu / work->units, text[0], 32));
    show_rate(work->units / cpu, work->unit);
    show_rate(work->units / time->wall, work->unit);
    if (work->bytes > 0) {
        printf(" %.2f GB/s a core", work->bytes / cpu / 1e9);
    }
    if (time->peak_rss_bytes > 0) {
        printf("%s peak %.0f MiB", work->bytes > 0 ? "," : "",
               (double)time->peak_rss_bytes / 1048576);
    }
    puts(" |");
    fflush(stdout);
    if (bench->json != NULL) {
        json_begin(bench, "time", work->name);
        json_member(bench->json, "unit", work->unit);
        fprintf(bench->json,
                ",\"units\":%.0f,\"bytes\":%.0f,\"runs\":%u,\"threads\":%u,\"wall_s\":%.9f,\"wall_"
                "min_s\":%.9f,"
                "\"wall_max_s\":%.9f,\"cpu_s\":%.9f,\"cpu_min_s\":%.9f,\"cpu_max_s\":%.9f,\"peak_"
                "rss_bytes\":%llu}\n",
                work->units, work->bytes, time->runs, bench->threads, time->wall, time->wall_min,
                time->wall_max, time->cpu, time->cpu_min, time->cpu_max,
                (unsigned long long)time->peak_rss_bytes);
        fflush(bench->json);
    }
}

void wendi_bench_value(wendi_bench *bench, const char *name, double value, const char *unit)
{
    printf("| %s | %.4g %s | | | | | | |\n", name, value, unit);
    fflush(stdout);
    if (bench->json != NULL) {
        json_begin(bench, "value", name);
        json_member(bench->json, "unit", unit);
        fprintf(bench->json, ",\"value\":%.17g}\n", value);
        fflush(bench->json);
    }
}

/* ---- measuring ------------------------------------------------------------------------------- */

/* One run of `repeats` times the work; seconds of one of them. */
static void run_once(const wendi_bench_case *work, uint32_t repeats, series *into)
{
    double cpu = cpu_now();
    double wall = wall_now();
    for (uint32_t i = 0; i < repeats; i++) {
        work->run(work->context);
    }
    if (into != NULL) {
        into->wall[into->count] = (wall_now() - wall) / repeats;
        into->cpu[into->count] = (cpu_now() - cpu) / repeats;
        into->rss[into->count++] = 0;
    }
}

/* Warm up, and find how often to repeat the work so that a run is long enough to be timed. */
static uint32_t calibrate(const wendi_bench_case *work)
{
    uint32_t repeats = 1;
    work->run(work->context);
    for (;;) {
        double begin = wall_now();
        run_once(work, repeats, NULL);
        double took = wall_now() - begin;
        if (took >= SHORTEST_RUN_S || repeats >= REPEATS_MAX) {
            return repeats;
        }
        repeats *= took < SHORTEST_RUN_S / 8 ? 4 : 2;
    }
}

wendi_bench_time wendi_bench_measure(wendi_bench *bench, const wendi_bench_case *work)
{
    series runs = {.count = 0};
    uint32_t repeats = calibrate(work);
    while (runs.count < bench->runs) {
        run_once(work, repeats, &runs);
    }
    wendi_bench_time time = time_of(&runs);
    show_time(bench, work, &time);
    return time;
}

double wendi_bench_compare(wendi_bench *bench, const wendi_bench_case *a, const wendi_bench_case *b)
{
    const wendi_bench_case *const sides[2] = {a, b};
    series runs[2] = {{.count = 0}, {.count = 0}};
    uint32_t repeats[2] = {calibrate(a), calibrate(b)};
    for (uint32_t i = 0; i < 2 * bench->runs; i++) {
        uint32_t side = ((i + 1) / 2) % 2; /* a b b a a b b a: neither always follows the other */
        run_once(sides[side], repeats[side], &runs[side]);
    }
    wendi_bench_time times[2] = {time_of(&runs[0]), time_of(&runs[1])};
    char name[256];
    show_time(bench, a, &times[0]);
    show_time(bench, b, &times[1]);
    snprintf(name, sizeof name, "%s / %s", b->name, a->name);
    double ratio = (times[1].cpu > 0 ? times[1].cpu : times[1].wall) /
                   (times[0].cpu > 0 ? times[0].cpu : times[0].wall);
    wendi_bench_value(bench, name, ratio, "×");
    return ratio;
}

static void run_child(const wendi_bench_case *work, series *into)
{
    struct rusage usage;
    int status = 0;
    fflush(NULL); /* else the child would print again what is buffered */
    double wall = wall_now();
    pid_t child = fork();
    if (child == 0) {
        work->run(work->context);
        _exit(0);
    }
    if (child < 0 || wait4(child, &status, 0, &usage) != child || !WIFEXITED(status) ||
        WEXITSTATUS(status) != 0) {
        wendi_bench_fail("%s failed in its process", work->name);
    }
    into->wall[into->count] = wall_now() - wall;
    into->cpu[into->count] = rusage_seconds(&usage);
    into->rss[into->count++] = (uint64_t)usage.ru_maxrss * 1024;
}

wendi_bench_time wendi_bench_measure_child(wendi_bench *bench, const wendi_bench_case *work)
{
    series runs = {.count = 0};
    while (runs.count < bench->runs) {
        run_child(work, &runs);
    }
    wendi_bench_time time = time_of(&runs);
    show_time(bench, work, &time);
    return time;
}
