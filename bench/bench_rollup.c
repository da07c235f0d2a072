/*
 * The questions of bench/rollups.sql over a store that holds table `events`, through the public
 * interface: planning, reading and draining the Arrow stream count, opening the store does not.
 *
 *   bench_rollup STORE [--queries FILE] [--serve] [shared options]
 *
 * --serve answers instead of measuring: for each line on standard input, the name of a query, it
 * runs the query once and prints "wall_s cpu_s rows". A peer's driver uses that to take turns with
 * us.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "bench/harness.h"
#include "engine/base/alloc.h"
#include "engine/base/bytes.h"
#include "wend/wend.h"

enum { QUERIES_MAX = 64, NAME_MAX_BYTES = 80, LINE_BYTES = 4096 };

typedef struct rollup {
    char name[NAME_MAX_BYTES];
    wendi_buffer sql; /* NUL-terminated once the file is read */
    wend_store *store;
    uint32_t threads;
    uint64_t rows; /* of the last answer */
} rollup;

typedef struct rollups {
    rollup items[QUERIES_MAX];
    uint32_t count;
} rollups;

static void append(wendi_buffer *buffer, const char *text, size_t length)
{
    wendi_bench_must(wendi_buffer_append(buffer, text, length), "reading queries", NULL);
}

/* One line of the file; `foreign` is set inside a text that is not for us. */
static void take_line(rollups *all, const char *line, bool *foreign)
{
    static const char query[] = "-- query: ";
    if (strncmp(line, query, sizeof query - 1) == 0) {
        if (all->count == QUERIES_MAX) {
            wendi_bench_fail("more than %d queries", QUERIES_MAX);
        }
        rollup *next = &all->items[all->count++];
        snprintf(next->name, sizeof next->name, "%.*s", (int)strcspn(line + sizeof query - 1, "\n"),
                 line + sizeof query - 1);
        *foreign = false;
    } else if (strncmp(line, "-- wend:", 8) == 0) {
        *foreign = false;
    } else if (strncmp(line, "-- duckdb:", 10) == 0) {
        *foreign = true;
    } else if (strncmp(line, "--", 2) != 0 && !*foreign && all->count > 0) {
        append(&all->items[all->count - 1].sql, line, strlen(line));
    }
}

static void read_queries(rollups *all, const char *path)
{
    char line[LINE_BYTES];
    bool foreign = false;
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        wendi_bench_fail("cannot read %s", path);
    }
    while (fgets(line, sizeof line, file) != NULL) {
        take_line(all, line, &foreign);
    }
    fclose(file);
    for (uint32_t i = 0; i < all->count; i++) {
        append(&all->items[i].sql, "", 1);
    }
}

static void run(void *context)
{
    rollup *query = context;
    wend_query_options options;
    wend_query *handle = NULL;
    wend_error error = {.message = ""};
    struct ArrowArrayStream stream;

    wend_query_options_init(&options);
    options.thread_count = query->threads;
    wendi_bench_must(
        wend_query_open(query->store, (const char *)query->sql.data, &options, &handle, &error),
        query->name, &error);
    wendi_bench_must(wend_query_stream(handle, &stream, &error), query->name, &error);
    query->rows = 0;
    for (;;) {
        struct ArrowArray array;
        if (stream.get_next(&stream, &array) != 0) {
            wendi_bench_fail("%s: %s", query->name, wend_query_error(handle)->message);
        }
        if (array.release == NULL) {
            break;
        }
        query->rows += (uint64_t)array.length;
        array.release(&array);
    }
    stream.release(&stream);
    wend_query_close(handle);
}

static double wall_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double cpu_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void serve(rollups *all)
{
    char line[LINE_BYTES];
    while (fgets(line, sizeof line, stdin) != NULL) {
        rollup *found = NULL;
        line[strcspn(line, "\n")] = '\0';
        for (uint32_t i = 0; i < all->count; i++) {
            found = strcmp(all->items[i].name, line) == 0 ? &all->items[i] : found;
        }
        if (found == NULL) {
            wendi_bench_fail("no query is named '%s'", line);
        }
        double wall = wall_now();
        double cpu = cpu_now();
        run(found);
        printf("%.9f %.9f %llu\n", wall_now() - wall, cpu_now() - cpu,
               (unsigned long long)found->rows);
        fflush(stdout);
    }
}

static uint64_t table_rows(wend_store *store)
{
    wend_table_status status;
    wend_error error = {.message = ""};
    wendi_bench_must(wend_table_status_of(store, "events", &status, &error), "table events",
                     &error);
    return status.row_count;
}

static void measure(wendi_bench *bench, rollups *all, uint64_t rows)
{
    char heading[128];
    snprintf(heading, sizeof heading, "Rollups over %llu rows, %u thread%s",
             (unsigned long long)rows, bench->threads, bench->threads == 1 ? "" : "s");
    wendi_bench_heading(bench, heading);
    for (uint32_t i = 0; i < all->count; i++) {
        wendi_bench_case work = {all->items[i].name, run, &all->items[i], (double)rows, "rows", 0};
        (void)wendi_bench_measure(bench, &work);
    }
}

int main(int argc, char **argv)
{
    static rollups all;
    wendi_bench bench;
    wend_store *store = NULL;
    wend_error error = {.message = ""};
    const char *folder = NULL;
    const char *queries = "bench/rollups.sql";
    bool serving = false;

    argc = wendi_bench_open(&bench, "bench_rollup", argc, argv);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--serve") == 0) {
            serving = true;
        } else if (strcmp(argv[i], "--queries") == 0 && i + 1 < argc) {
            queries = argv[++i];
        } else if (folder == NULL && argv[i][0] != '-') {
            folder = argv[i];
        } else {
            wendi_bench_fail("usage: bench_rollup STORE [--queries FILE] [--serve] [--threads N] "
                             "[--runs N] [--json FILE]");
        }
    }
    if (folder == NULL) {
        wendi_bench_fail("which store?");
    }
    read_queries(&all, queries);
    wendi_bench_must(wend_store_open(folder, false, &store, &error), folder, &error);
    for (uint32_t i = 0; i < all.count; i++) {
        all.items[i].store = store;
        all.items[i].threads = bench.threads;
    }
    if (serving) {
        serve(&all);
    } else {
        measure(&bench, &all, table_rows(store));
    }
    for (uint32_t i = 0; i < all.count; i++) {
        wendi_buffer_free(&all.items[i].sql);
    }
    wend_store_close(store);
    wendi_bench_close(&bench);
    return 0;
}
