/* The thread pool and what threads share in base: compression contexts and clocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/clock.h"
#include "engine/base/compress.h"
#include "engine/base/hash.h"
#include "engine/base/thread_pool.h"

enum { TASKS = 5000, WORKERS_MAX = 5 };

typedef struct tally {
    _Atomic uint32_t done[TASKS];
    uint64_t by_worker[WORKERS_MAX]; /* each worker writes its own without a lock: TSan would tell */
    uint32_t fails_from;             /* tasks from here on fail */
} tally;

static wend_status count_task(void *context, uint32_t worker, uint32_t task, wend_error *error)
{
    tally *sum = context;
    atomic_fetch_add(&sum->done[task], 1);
    sum->by_worker[worker]++;
    return task >= sum->fails_from ? wendi_fail(error, WEND_CORRUPT, "task %u", task) : WEND_OK;
}

static void every_task_runs_once(void **unused)
{
    (void)unused;
    for (uint32_t workers = 1; workers <= WORKERS_MAX; workers++) {
        wendi_thread_pool *pool = NULL;
        assert_int_equal(wendi_thread_pool_open(workers, &pool, NULL), WEND_OK);
        assert_int_equal(wendi_thread_pool_workers(pool), workers);
        for (uint32_t tasks = 0; tasks <= TASKS; tasks = tasks * 3 + 1) {
            tally *sum = calloc(1, sizeof *sum);
            uint64_t total = 0;
            sum->fails_from = UINT32_MAX;
            assert_int_equal(wendi_thread_pool_run(pool, tasks, count_task, sum, NULL), WEND_OK);
            for (uint32_t i = 0; i < TASKS; i++) {
                assert_int_equal(atomic_load(&sum->done[i]), i < tasks);
            }
            for (uint32_t i = 0; i < WORKERS_MAX; i++) {
                total += sum->by_worker[i];
            }
            assert_int_equal(total, tasks);
            free(sum);
        }
        wendi_thread_pool_close(pool);
    }
    tally *sum = calloc(1, sizeof *sum);
    sum->fails_from = UINT32_MAX;
    assert_int_equal(wendi_thread_pool_workers(NULL), 1);
    assert_int_equal(wendi_thread_pool_run(NULL, 10, count_task, sum, NULL), WEND_OK);
    assert_int_equal(sum->by_worker[0], 10);
    free(sum);
    wendi_thread_pool_close(NULL);
    assert_true(wendi_cpu_count() >= 1);
    wendi_thread_pool *pool = NULL;
    assert_int_equal(wendi_thread_pool_open(0, &pool, NULL), WEND_INVALID);
}

static void the_first_failure_is_told(void **unused)
{
    (void)unused;
    wendi_thread_pool *pool = NULL;
    assert_int_equal(wendi_thread_pool_open(4, &pool, NULL), WEND_OK);
    for (int i = 0; i < 200; i++) {
        tally *sum = calloc(1, sizeof *sum);
        wend_error error = {0};
        sum->fails_from = 100;
        assert_int_equal(wendi_thread_pool_run(pool, TASKS, count_task, sum, &error), WEND_CORRUPT);
        assert_int_equal(error.status, WEND_CORRUPT);
        uint32_t named = 0;
        assert_int_equal(sscanf(error.message, "task %u", &named), 1);
        assert_true(named >= 100 && named < 100 + 4);
        for (uint32_t task = 0; task < 100; task++) {
            assert_int_equal(atomic_load(&sum->done[task]), 1); /* drawn in order, and finished */
        }
        free(sum);
    }
    wendi_thread_pool_close(pool);
}

static wend_status round_trip(void *context, uint32_t worker, uint32_t task, wend_error *error)
{
    (void)context;
    (void)worker;
    size_t length = wendi_mix64(task) % 20000;
    size_t capacity = wendi_compress_bound(length);
    uint8_t *plain = malloc(length + 1);
    uint8_t *packed = malloc(capacity);
    uint8_t *back = malloc(length + 1);
    size_t packed_length = 0;
    for (size_t i = 0; i < length; i++) {
        plain[i] = (uint8_t)(wendi_mix64(task + i) % 7 + 'a');
    }
    wend_status status = wendi_compress(plain, length, 1, packed, capacity, &packed_length);
    bool ok = status == WEND_OK && wendi_decompress(packed, packed_length, back, length) == WEND_OK &&
              memcmp(plain, back, length) == 0;
    ok = ok && wendi_decompress(packed, packed_length, back, length + 1) == WEND_CORRUPT;
    ok = ok && (length == 0 || wendi_decompress(packed, packed_length, back, length - 1) == WEND_CORRUPT);
    ok = ok && wendi_decompress(packed, packed_length - 1, back, length) == WEND_CORRUPT;
    free(plain);
    free(packed);
    free(back);
    return ok ? WEND_OK : wendi_fail(error, WEND_CORRUPT, "length %zu", length);
}

static void compression_goes_there_and_back(void **unused)
{
    (void)unused;
    wendi_thread_pool *pool = NULL;
    wend_error error = {0};
    assert_int_equal(wendi_thread_pool_open(4, &pool, NULL), WEND_OK);
    if (wendi_thread_pool_run(pool, 400, round_trip, NULL, &error) != WEND_OK) {
        fail_msg("%s", error.message);
    }
    wendi_thread_pool_close(pool);
}

static void streams_take_any_pieces(void **unused)
{
    (void)unused;
    enum { FRAMES = 3, PLAIN = 30000 };
    static uint8_t plain[FRAMES * PLAIN];
    static uint8_t packed[FRAMES * (PLAIN + 1000)];
    static uint8_t back[FRAMES * PLAIN + 10];
    size_t packed_length = 0;
    for (size_t i = 0; i < sizeof plain; i++) {
        plain[i] = (uint8_t)(wendi_mix64(i / 3) % 11);
    }
    for (size_t f = 0; f < FRAMES; f++) {
        size_t made = 0;
        assert_int_equal(wendi_compress(plain + f * PLAIN, PLAIN, 3, packed + packed_length, PLAIN + 1000, &made), WEND_OK);
        packed_length += made;
    }
    wendi_decompress_stream *stream = NULL;
    assert_int_equal(wendi_decompress_stream_open(&stream, NULL), WEND_OK);
    size_t in_at = 0;
    size_t out_at = 0;
    int frames = 0;
    for (uint64_t i = 0; in_at < packed_length || out_at < sizeof plain; i++) {
        size_t in_end = in_at + wendi_mix64(i) % 100;
        size_t out_end = out_at + wendi_mix64(i + 77) % 500;
        bool done = false;
        in_end = in_end < packed_length ? in_end : packed_length;
        out_end = out_end < sizeof plain ? out_end : sizeof plain;
        assert_int_equal(wendi_decompress_stream_next(stream, packed, in_end, &in_at, back, out_end, &out_at, &done), WEND_OK);
        frames += done;
    }
    assert_true(frames >= FRAMES);
    assert_memory_equal(plain, back, sizeof plain);
    wendi_decompress_stream_close(stream);
}

static void clocks_go_on_unless_told(void **unused)
{
    (void)unused;
    pid_t child = fork();
    if (child == 0) {
        setenv("WEND_NOW", "2026-01-31T10:00:00.123Z", 1);
        _exit(wendi_clock_wall_us() != INT64_C(1769853600123000));
    }
    int status = 0;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    int64_t before_us = wendi_clock_monotonic_us();
    assert_true(before_us > 0 && wendi_clock_monotonic_us() >= before_us);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_task_runs_once),            cmocka_unit_test(the_first_failure_is_told),
        cmocka_unit_test(compression_goes_there_and_back), cmocka_unit_test(streams_take_any_pieces),
        cmocka_unit_test(clocks_go_on_unless_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
