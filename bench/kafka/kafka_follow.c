/*
 * An ingestor from Kafka that tells how it is doing once a second, for graphs: the library's own
 * wend_ingest_run(), as `wend ingest` calls it, with a line of numbers for each call of its
 * progress.
 *
 *   kafka_follow STORE TABLE BROKERS TOPIC COMMIT_INTERVAL_MS
 *
 * Lines, fields parted by tabs, under a line of names: elapsed_us, taken, taken_committed, commits,
 * lag (messages known to wait; -1 unknown), payload_bytes, rss_bytes, window_bytes (keys of
 * deduplication, which fill up to their share of the memory limit), cpu_us (user and system, all
 * threads). Ends like `wend ingest` when it gets SIGTERM: drains, commits, and writes a last line.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "wend/ingest.h"

static wend_ingest *volatile running;

static void stop_running(int number)
{
    wend_ingest *ingest = running;
    (void)number;
    if (ingest != NULL) {
        wend_ingest_stop(ingest);
    }
}

static uint64_t resident_bytes(void)
{
    unsigned long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file != NULL) {
        if (fscanf(file, "%*u %llu", &pages) != 1) {
            pages = 0;
        }
        fclose(file);
    }
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static int64_t used_cpu_us(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (int64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
           usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

static void show(void *context, const wend_ingest_stats *stats)
{
    (void)context;
    printf("%" PRId64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRId64 "\t%" PRIu64 "\t%" PRIu64
           "\t%" PRIu64 "\t%" PRId64 "\n",
           stats->elapsed_us, stats->taken, stats->taken_committed, stats->commit_count, stats->lag,
           stats->payload_bytes, resident_bytes(), stats->memory_window, used_cpu_us());
    fflush(stdout);
}

static int fail(const wend_error *error)
{
    fprintf(stderr, "kafka_follow: %s\n", error->message);
    return 1;
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = stop_running};
    wend_ingest_options options = {.progress_interval_ms = 1000};
    wend_error error;
    wend_store *store;
    wend_ingest *ingest;
    if (argc != 6) {
        fprintf(stderr, "usage: kafka_follow STORE TABLE BROKERS TOPIC COMMIT_INTERVAL_MS\n");
        return 2;
    }
    const char *topic = argv[4];
    options.brokers = argv[3];
    options.topics = &topic;
    options.topic_count = 1;
    options.commit_interval_ms = strtoll(argv[5], NULL, 10);
    if (wend_store_open(argv[1], false, &store, &error) != WEND_OK) {
        return fail(&error);
    }
    if (wend_ingest_open(store, argv[2], &options, &ingest, &error) != WEND_OK) {
        wend_store_close(store);
        return fail(&error);
    }
    running = ingest;
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    printf("elapsed_us\ttaken\ttaken_committed\tcommits\tlag\tpayload_bytes\trss_bytes\twindow_"
           "bytes\tcpu_us\n");
    fflush(stdout);
    wend_status status = wend_ingest_run(ingest, show, NULL, &error);
    show(NULL, wend_ingest_result(ingest));
    running = NULL;
    wend_ingest_close(ingest);
    wend_store_close(store);
    return status == WEND_OK ? 0 : fail(&error);
}
