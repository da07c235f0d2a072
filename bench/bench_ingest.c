/*
 * Files of JSON lines into a table, committed and durable: each run makes a new store and loads the
 * file in a process of its own, so that processor time and peak memory are those of one load. The
 * file is read once before, so that it lies in the page cache where it fits. Deduplication is on.
 *
 *   bench_ingest FILE [--workers N[,N…]] [--memory-limit MIB] [--keep STORE] [shared options]
 *
 * --workers measures each number of workers in turn, and how the others compare with the first; without it
 * ingest chooses. --keep leaves the last run's store in that folder. The events are those of the generator.
 */
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/clickgen/clickgen.h"
#include "bench/harness.h"
#include "wend/ingest.h"

typedef struct load {
    const char *file;
    const char *store;
    int64_t workers; /* 0: ingest's choice */
    int64_t memory_bytes;
} load;

enum { WORKER_CASES_MAX = 16 };

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

static void remove_folder(const char *path)
{
    if (access(path, F_OK) == 0 && nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) != 0) {
        wendi_bench_fail("cannot remove %s", path);
    }
}

/* Read the file, for the page cache's sake; gives its lines. */
static uint64_t count_lines(const char *path, uint64_t *bytes)
{
    static char block[1 << 20];
    uint64_t lines = 0;
    ssize_t got;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        wendi_bench_fail("cannot read %s", path);
    }
    *bytes = 0;
    while ((got = read(file, block, sizeof block)) > 0) {
        *bytes += (uint64_t)got;
        for (const char *at = block; (at = memchr(at, '\n', (size_t)(block + got - at))) != NULL;
             at++) {
            lines++;
        }
    }
    close(file);
    if (got < 0 || lines == 0) {
        wendi_bench_fail("%s has no lines", path);
    }
    return lines;
}

static void create_store(const load *work)
{
    wend_error error = {.message = ""};
    wend_store *store = NULL;
    remove_folder(work->store);
    wendi_bench_must(wend_store_open(work->store, true, &store, &error), "making a store", &error);
    wendi_bench_must(wend_create_table(store, wendi_clickgen_ddl(false, WENDI_CLICKGEN_CLICKSTREAM),
                                       false, &error),
                     "making a table", &error);
    wend_store_close(store);
}

/* In the child. */
static void run(void *context)
{
    const load *work = context;
    const wend_ingest_options options = {.files = &work->file,
                                         .file_count = 1,
                                         .worker_count = work->workers,
                                         .memory_limit_bytes = work->memory_bytes};
    wend_error error = {.message = ""};
    wend_store *store = NULL;
    wend_ingest *ingest = NULL;

    create_store(work);
    wendi_bench_must(wend_store_open(work->store, false, &store, &error), "opening the store",
                     &error);
    wendi_bench_must(wend_ingest_open(store, "events", &options, &ingest, &error), "ingest",
                     &error);
    wendi_bench_must(wend_ingest_run(ingest, NULL, NULL, &error), "ingest", &error);
    wend_ingest_close(ingest);
    wend_store_close(store);
}

/* What the store says of the last run: nothing may be missing. */
static void account(wendi_bench *bench, const load *work, uint64_t lines)
{
    wend_store *store = NULL;
    wend_table_status status;
    wend_error error = {.message = ""};
    wendi_bench_must(wend_store_open(work->store, false, &store, &error), "opening the store",
                     &error);
    wendi_bench_must(wend_table_status_of(store, "events", &status, &error), "table events",
                     &error);
    if (status.row_count == 0 || status.row_count + status.reject_row_count > lines) {
        wendi_bench_fail("%llu lines gave %llu rows", (unsigned long long)lines,
                         (unsigned long long)status.row_count);
    }
    wendi_bench_value(bench, "stored", (double)status.row_count, "rows");
    wendi_bench_value(bench, "segments", (double)status.segment_bytes / (double)status.row_count,
                      "bytes/row");
    wend_store_close(store);
}

/* "1,2,4" to numbers; gives how many. */
static uint32_t parse_workers(const char *text, int64_t workers[WORKER_CASES_MAX])
{
    uint32_t count = 0;
    for (const char *at = text; *at != '\0' && count < WORKER_CASES_MAX;) {
        char *end;
        workers[count] = strtoll(at, &end, 10);
        if (end == at || workers[count] < 1 || (*end != ',' && *end != '\0')) {
            wendi_bench_fail("--workers takes numbers with commas between them, such as 1,2");
        }
        count++;
        at = *end == ',' ? end + 1 : end;
    }
    return count;
}

static void measure(wendi_bench *bench, load *work, const int64_t *workers, uint32_t case_count,
                    uint64_t lines, uint64_t bytes)
{
    double first_seconds = 0;
    for (uint32_t i = 0; i < case_count; i++) {
        char name[64] = "ingest, sorted and committed";
        work->workers = workers[i];
        if (workers[i] != 0) {
            snprintf(name, sizeof name, "ingest, %lld worker%s", (long long)workers[i],
                     workers[i] == 1 ? "" : "s");
        }
        wendi_bench_case of = {name, run, work, (double)lines, "events", (double)bytes};
        wendi_bench_time time = wendi_bench_measure_child(bench, &of);
        account(bench, work, lines);
        if (i == 0) {
            first_seconds = time.wall;
        } else {
            snprintf(name, sizeof name, "%lld workers over %lld", (long long)workers[i],
                     (long long)workers[0]);
            wendi_bench_value(bench, name, first_seconds / time.wall, "times");
        }
    }
}

int main(int argc, char **argv)
{
    wendi_bench bench;
    char folder[] = "/tmp/wend-bench-XXXXXX";
    char heading[128];
    load work = {.file = NULL, .store = NULL};
    int64_t workers[WORKER_CASES_MAX] = {0};
    uint32_t case_count = 1;
    uint64_t bytes = 0;

    argc = wendi_bench_open(&bench, "bench_ingest", argc, argv);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--keep") == 0 && i + 1 < argc) {
            work.store = argv[++i];
        } else if (strcmp(argv[i], "--workers") == 0 && i + 1 < argc) {
            case_count = parse_workers(argv[++i], workers);
        } else if (strcmp(argv[i], "--memory-limit") == 0 && i + 1 < argc) {
            work.memory_bytes = strtoll(argv[++i], NULL, 10) << 20;
        } else if (work.file == NULL && argv[i][0] != '-') {
            work.file = argv[i];
        } else {
            wendi_bench_fail("usage: bench_ingest FILE [--workers N[,N...]] [--memory-limit MIB] "
                             "[--keep STORE] [--runs N] [--json FILE]");
        }
    }
    if (work.file == NULL) {
        wendi_bench_fail("which file?");
    }
    bool keep = work.store != NULL;
    if (!keep && mkdtemp(folder) == NULL) {
        wendi_bench_fail("no temporary folder");
    }
    work.store = keep ? work.store : folder;
    uint64_t lines = count_lines(work.file, &bytes);
    snprintf(heading, sizeof heading, "Ingest of %llu events from a file",
             (unsigned long long)lines);
    wendi_bench_heading(&bench, heading);
    measure(&bench, &work, workers, case_count, lines, bytes);
    if (!keep) {
        remove_folder(work.store);
    }
    wendi_bench_close(&bench);
    return 0;
}
