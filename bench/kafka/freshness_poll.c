/*
 * When does a reader see what was taken from Kafka? Asks a table again and again, as a dashboard
 * would: each time that its positions have moved, opens a snapshot, counts the rows and finds the
 * newest of them, and only then writes down the time.
 *
 *   freshness_poll STORE TABLE TIME_COLUMN [POLL_MS]      (default 10 ms); SIGTERM ends it
 *
 * Lines, fields parted by tabs: seen_us (wall time once the query has answered), rows, newest_us
 * (the greatest TIME_COLUMN), then for each partition NUMBER:NEXT, the position that the table had
 * before the query began. So every message of that partition below NEXT could be queried at seen_us
 * at the latest.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "wend/wend.h"

enum { PARTITIONS_MAX = 256, SQL_BYTES = 512, POLL_MS = 10 };

typedef struct positions {
    int64_t next[PARTITIONS_MAX];
    int32_t count; /* partitions are numbered from 0 */
} positions;

static volatile sig_atomic_t stop_asked;

static void ask_to_stop(int number)
{
    (void)number;
    stop_asked = 1;
}

_Noreturn static void fail(const char *what, const char *why)
{
    fprintf(stderr, "freshness_poll: %s: %s\n", what, why);
    exit(1);
}

static void take_position(void *context, const wend_source_status *source)
{
    positions *now = context;
    if (source->partition < 0 || source->partition >= PARTITIONS_MAX) {
        fail("a partition", "its number is too large");
    }
    now->next[source->partition] = source->next;
    now->count = source->partition >= now->count ? source->partition + 1 : now->count;
}

/* The whole number in the first row of column `index`; 0 for null. */
static int64_t first_value(const struct ArrowArray *rows, int64_t index)
{
    const struct ArrowArray *column = rows->children[index];
    if (column->length != 1 || column->n_buffers != 2 || column->dictionary != NULL) {
        fail("a result", "it is not one whole number a column");
    }
    const uint8_t *valid = column->buffers[0];
    const int64_t *values = column->buffers[1];
    int64_t at = column->offset;
    return valid == NULL || ((valid[at / 8] >> (at % 8)) & 1) != 0 ? values[at] : 0;
}

static void ask(wend_store *store, const char *sql, int64_t *rows, int64_t *newest_us)
{
    wend_error error;
    wend_query *query;
    struct ArrowArrayStream stream;
    struct ArrowArray batch;
    if (wend_query_open(store, sql, NULL, &query, &error) != WEND_OK ||
        wend_query_stream(query, &stream, &error) != WEND_OK) {
        fail(sql, error.message);
    }
    if (stream.get_next(&stream, &batch) != 0 || batch.release == NULL) {
        fail(sql, wend_query_error(query)->message);
    }
    *rows = first_value(&batch, 0);
    *newest_us = first_value(&batch, 1);
    batch.release(&batch);
    stream.release(&stream);
    wend_query_close(query);
}

static int64_t wall_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void tell(const positions *seen, int64_t rows, int64_t newest_us)
{
    printf("%" PRId64 "\t%" PRId64 "\t%" PRId64, wall_us(), rows, newest_us);
    for (int32_t k = 0; k < seen->count; k++) {
        printf("\t%" PRId32 ":%" PRId64, k, seen->next[k]);
    }
    printf("\n");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    char sql[SQL_BYTES];
    static positions seen, now;
    wend_error error;
    wend_store *store;
    struct sigaction action = {.sa_handler = ask_to_stop};
    if (argc < 4) {
        fprintf(stderr, "usage: freshness_poll STORE TABLE TIME_COLUMN [POLL_MS]\n");
        return 2;
    }
    long poll_ms = argc > 4 ? strtol(argv[4], NULL, 10) : POLL_MS;
    struct timespec pause = {poll_ms / 1000, poll_ms % 1000 * 1000000};
    snprintf(sql, sizeof sql, "select count(*), max(%s) from %s", argv[3], argv[2]);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    if (wend_store_open(argv[1], false, &store, &error) != WEND_OK) {
        fail(argv[1], error.message);
    }
    while (!stop_asked) {
        int64_t rows, newest_us;
        now.count = 0;
        if (wend_table_sources(store, argv[2], take_position, &now, &error) != WEND_OK) {
            fail(argv[2], error.message);
        }
        if (now.count != seen.count || memcmp(now.next, seen.next, sizeof now.next) != 0) {
            ask(store, sql, &rows, &newest_us);
            tell(&now, rows, newest_us);
            seen = now;
        }
        nanosleep(&pause, NULL);
    }
    wend_store_close(store);
    return 0;
}
