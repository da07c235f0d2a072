/*
 * What a run tells of itself: every number survives the live status, damaged ones are refused, the
 * metrics escape what they must, and a pipeline that holds messages and stands still is known from
 * one that has nothing to do.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/clock.h"
#include "ingest/operations/live_status.h"
#include "ingest/operations/metrics_server.h"
#include "ingest/operations/metrics_text.h"
#include "ingest/operations/run_log.h"
#include "ingest/operations/run_numbers.h"

static const char odd[] = "new\nline, \"quotes\", 100 %, back\\slash, umläut\t";

/* A view in which every number is another one. */
static void fill_view(wendi_run_view *view, wendi_ingest_partition partitions[2])
{
    memset(view, 0, sizeof *view);
    view->table = "ev\"ents\\1";
    view->phase = WENDI_RUN_READING;
    view->message = "";
    view->kafka_known = true;
    snprintf(view->kafka.last_error, sizeof view->kafka.last_error, "%s", odd);
    for (uint32_t i = 0; i < wendi_run_number_count; i++) {
        char number[32];
        snprintf(number, sizeof number, "%u", 1000003 + i * 17);
        assert_true(wendi_run_number_parse(&wendi_run_numbers[i], number, view));
    }
    view->stats.lag = -1;
    view->events_per_s = 12345.678901234567;
    view->stats.io_backend = "posix";
    partitions[0] = (wendi_ingest_partition){odd, "clicks[7]", 7, INT64_MAX, -1, 12, 3};
    partitions[1] = (wendi_ingest_partition){"b", "b[0]", 0, 5, 4, 9, 0};
    view->stats.partitions = partitions;
    view->stats.partition_count = 2;
    view->stats.reason_count = 2;
    snprintf(view->stats.reasons[0].text, WENDI_INGEST_REASON_BYTES, "%s", odd);
    view->stats.reasons[0].count = 9;
    snprintf(view->stats.reasons[1].text, WENDI_INGEST_REASON_BYTES, "null in column ts");
    view->stats.reasons[1].count = 1;
    view->stats.unknown_key_count = 1;
    snprintf(view->stats.unknown_keys[0].path, sizeof view->stats.unknown_keys[0].path, "$.a b%%c");
    view->stats.unknown_keys[0].count = 77;
    view->stats.unknown_keys[0].guess = (wendi_value_guess){.nulls = 1,
                                                            .booleans = 2,
                                                            .integers = 3,
                                                            .fractions = 4,
                                                            .strings = 5,
                                                            .objects = 6,
                                                            .arrays = 7,
                                                            .least = INT64_MIN,
                                                            .greatest = INT64_MAX,
                                                            .real_least = -0.1,
                                                            .real_greatest = 1e300,
                                                            .fraction_digits = 8,
                                                            .exponent = true,
                                                            .not_forms = 9,
                                                            .example_bytes = 9,
                                                            .example = "{\"a\": 1%}"};
}

static void encode(wendi_buffer *text)
{
    static wendi_live_status live;
    static wendi_ingest_partition partitions[2];
    wendi_arena arena = {0};
    fill_view(&live.view, partitions);
    assert_int_equal(wendi_live_status_self(&arena, &live), WEND_OK);
    live.written_us = 1795281451911554;
    live.interval_ms = 1000;
    live.metrics = "http://[::1]:1/metrics";
    live.stuck = true;
    assert_int_equal(wendi_live_status_encode(&live, text), WEND_OK);
    wendi_arena_free(&arena);
}

static void test_live_status_says_everything(void **state)
{
    static wendi_live_status got;
    static wendi_run_view wanted;
    static wendi_ingest_partition partitions[2];
    wendi_buffer text = {0};
    wendi_arena arena = {0};
    wend_error error;
    (void)state;
    encode(&text);
    fill_view(&wanted, partitions);
    assert_int_equal(
        wendi_live_status_decode((const char *)text.data, text.length, &arena, &got, &error),
        WEND_OK);
    assert_int_equal(got.pid, getpid());
    assert_int_equal(got.written_us, 1795281451911554);
    assert_true(got.stuck && got.view.kafka_known);
    assert_string_equal(got.metrics, "http://[::1]:1/metrics");
    assert_string_equal(got.view.table, wanted.table);
    assert_string_equal(got.view.kafka.last_error, odd);
    assert_string_equal(got.view.stats.io_backend, "posix");
    for (uint32_t i = 0; i < wendi_run_number_count; i++) {
        char a[32];
        char b[32];
        wendi_run_number_print(&wendi_run_numbers[i], &wanted, a);
        wendi_run_number_print(&wendi_run_numbers[i], &got.view, b);
        assert_string_equal(a, b);
    }
    assert_int_equal(got.view.stats.partition_count, 2);
    for (uint32_t i = 0; i < 2; i++) {
        const wendi_ingest_partition *a = &partitions[i];
        const wendi_ingest_partition *b = &got.view.stats.partitions[i];
        assert_string_equal(a->topic, b->topic);
        assert_string_equal(a->shown, b->shown);
        assert_true(a->partition == b->partition && a->next == b->next && a->end == b->end &&
                    a->committed_next == b->committed_next && a->gap == b->gap);
    }
    assert_int_equal(got.view.stats.reason_count, 2);
    assert_string_equal(got.view.stats.reasons[0].text, odd);
    assert_int_equal(got.view.stats.reasons[0].count, 9);
    assert_string_equal(got.view.stats.unknown_keys[0].path, "$.a b%c");
    assert_memory_equal(&got.view.stats.unknown_keys[0].guess, &wanted.stats.unknown_keys[0].guess,
                        sizeof(wendi_value_guess));
    wendi_arena_free(&arena);
    wendi_buffer_free(&text);
}

/* Cut anywhere it is refused; any byte changed, it is refused or read, and nothing worse. */
static void test_damaged_live_status(void **state)
{
    static wendi_live_status got;
    wendi_buffer text = {0};
    wendi_arena arena = {0};
    (void)state;
    encode(&text);
    for (size_t length = 0; length < text.length; length++) {
        wendi_arena_reset(&arena);
        assert_int_equal(
            wendi_live_status_decode((const char *)text.data, length, &arena, &got, NULL),
            WEND_CORRUPT);
    }
    for (size_t at = 0; at < text.length; at++) {
        uint8_t was = text.data[at];
        for (int change = 1; change < 256; change += 23) {
            wendi_arena_reset(&arena);
            text.data[at] = (uint8_t)(was ^ change);
            wend_status status =
                wendi_live_status_decode((const char *)text.data, text.length, &arena, &got, NULL);
            assert_true(status == WEND_OK || status == WEND_CORRUPT);
        }
        text.data[at] = was;
    }
    wendi_arena_free(&arena);
    wendi_buffer_free(&text);
}

static void test_live_status_file(void **state)
{
    char folder[] = "/tmp/wend-live-XXXXXX";
    char tmp[64];
    static wendi_live_status live;
    static wendi_live_status got;
    static wendi_ingest_partition partitions[2];
    wendi_arena arena = {0};
    wend_error error;
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(tmp, sizeof tmp, "%s/tmp", folder);
    assert_int_equal(mkdir(tmp, 0700), 0);
    assert_int_equal(wendi_live_status_read(folder, &arena, &got, &error), WEND_NOT_FOUND);
    fill_view(&live.view, partitions);
    live.metrics = "";
    live.interval_ms = 1000;
    assert_int_equal(wendi_live_status_self(&arena, &live), WEND_OK);
    live.written_us = wendi_clock_wall_us();
    assert_int_equal(wendi_live_status_write(folder, &live, &error), WEND_OK);
    assert_int_equal(wendi_live_status_write(folder, &live, &error), WEND_OK);
    assert_int_equal(wendi_live_status_read(folder, &arena, &got, &error), WEND_OK);
    assert_false(wendi_live_status_stale(&got, live.written_us + 1000000));
    assert_true(wendi_live_status_stale(&got, live.written_us + 60000000));
    got.pid = 4194305; /* beyond the kernel's largest */
    assert_true(wendi_live_status_stale(&got, live.written_us));
    live.pid++; /* another process's file is not ours to remove */
    assert_int_equal(wendi_live_status_write(folder, &live, &error), WEND_OK);
    wendi_live_status_remove(folder);
    assert_int_equal(wendi_live_status_read(folder, &arena, &got, &error), WEND_OK);
    live.pid--;
    assert_int_equal(wendi_live_status_write(folder, &live, &error), WEND_OK);
    wendi_live_status_remove(folder);
    assert_int_equal(wendi_live_status_read(folder, &arena, &got, &error), WEND_NOT_FOUND);
    assert_int_equal(rmdir(tmp), 0);
    assert_int_equal(rmdir(folder), 0);
    wendi_arena_free(&arena);
}

/* Memory refused at any call: a status, no crash, nothing left behind (the sanitizer counts). */
static void test_memory_refused(void **state)
{
    static const char *const tables[] = {"a", "b"};
    static wendi_run_view view;
    static wendi_live_status live;
    static wendi_ingest_partition partitions[2];
    bool whole = false;
    (void)state;
    fill_view(&view, partitions);
    for (int64_t refused = 0; !whole; refused++) {
        wendi_run_board *board = NULL;
        wendi_buffer page = {0};
        wendi_buffer text = {0};
        wendi_arena arena = {0};
        wendi_alloc_refuse_at(refused);
        wend_status status = wendi_run_board_open(tables, 2, &board, NULL);
        if (status == WEND_OK) {
            wendi_run_board_tell(board, 1, &view.stats);
            status = wendi_metrics_text(board, &page);
        }
        if (status == WEND_OK) {
            live.metrics = "";
            live.interval_ms = 1000;
            status = wendi_run_board_read(board, 1, &arena, &live.view);
        }
        status = status == WEND_OK ? wendi_live_status_self(&arena, &live) : status;
        status = status == WEND_OK ? wendi_live_status_encode(&live, &text) : status;
        if (status == WEND_OK) {
            status =
                wendi_live_status_decode((const char *)text.data, text.length, &arena, &live, NULL);
        }
        wendi_alloc_refuse_at(-1);
        assert_true(status == WEND_OK || status == WEND_NOMEM);
        whole = status == WEND_OK;
        assert_true(refused < 10000);
        wendi_buffer_free(&page);
        wendi_buffer_free(&text);
        wendi_arena_free(&arena);
        wendi_run_board_close(board);
    }
}

static void test_metrics_escape_labels(void **state)
{
    static const char *const tables[] = {"ev\"ents\\1"};
    static wendi_run_view view;
    static wendi_ingest_partition partitions[2];
    wendi_run_board *board;
    wendi_buffer text = {0};
    (void)state;
    fill_view(&view, partitions);
    assert_int_equal(wendi_run_board_open(tables, 1, &board, NULL), WEND_OK);
    wendi_run_board_tell(board, 0, &view.stats);
    assert_int_equal(wendi_metrics_text(board, &text), WEND_OK);
    assert_int_equal(wendi_buffer_u8(&text, 0), WEND_OK);
    const char *page = (const char *)text.data;
    assert_non_null(strstr(page, "wend_ingest_rejects_by_reason_total{table=\"ev\\\"ents\\\\1\","
                                 "reason=\"new\\nline, \\\"quotes\\\", 100 %, back\\\\slash, "
                                 "umläut\t\"} 9\n"));
    assert_non_null(strstr(page, "wend_ingest_partition_lag{table=\"ev\\\"ents\\\\1\",topic=\"b\","
                                 "partition=\"0\"} 4\n"));
    assert_null(strstr(page, "wend_ingest_kafka_brokers_down")); /* nothing known of Kafka */
    wendi_buffer_free(&text);
    wendi_run_board_close(board);
}

static void test_who_gets_on(void **state)
{
    static const char *const tables[] = {"events"};
    static wendi_ingest_stats stats;
    wendi_run_board *board;
    wendi_run_view view;
    wendi_arena arena = {0};
    const int64_t patience_us = 1000000;
    (void)state;
    assert_int_equal(wendi_run_board_open(tables, 1, &board, NULL), WEND_OK);
    assert_int_equal(wendi_run_board_read(board, 0, &arena, &view), WEND_OK);
    int64_t later_us = wendi_clock_monotonic_us() + 2 * patience_us;
    assert_true(wendi_run_view_gets_on(&view, later_us, patience_us)); /* it opens */
    stats.taken = 10;
    wendi_run_board_tell(board, 0, &stats);
    assert_int_equal(wendi_run_board_read(board, 0, &arena, &view), WEND_OK);
    assert_int_equal(view.phase, WENDI_RUN_READING);
    assert_true(wendi_run_view_gets_on(&view, view.moved_us, patience_us));
    assert_false(wendi_run_view_gets_on(&view, later_us, patience_us));
    int64_t moved_us = view.moved_us;
    usleep(2000);
    wendi_run_board_tell(board, 0, &stats); /* it speaks, and nothing has become of the ten */
    assert_int_equal(wendi_run_board_read(board, 0, &arena, &view), WEND_OK);
    assert_int_equal(view.moved_us, moved_us);
    stats.taken_committed = 10; /* all is committed: from now on it may rest */
    stats.commit_count = 1;
    wendi_run_board_tell(board, 0, &stats);
    usleep(2000);
    wendi_run_board_tell(board, 0, &stats);
    assert_int_equal(wendi_run_board_read(board, 0, &arena, &view), WEND_OK);
    assert_true(view.moved_us >= moved_us + 4000);
    moved_us = view.moved_us;
    stats.memory.blocks = 1; /* a block waits and is not decoded */
    usleep(2000);
    wendi_run_board_tell(board, 0, &stats);
    assert_int_equal(wendi_run_board_read(board, 0, &arena, &view), WEND_OK);
    assert_int_equal(view.moved_us, moved_us);
    wend_error error = {.message = "the disk is full", .hint = "make room"};
    wendi_run_board_end(board, 0, WEND_IO, &error, &stats);
    assert_int_equal(wendi_run_board_read(board, 0, &arena, &view), WEND_OK);
    assert_true(wendi_run_view_gets_on(&view, later_us, patience_us)); /* it is over */
    assert_string_equal(view.message, "the disk is full; make room");
    wendi_arena_free(&arena);
    wendi_run_board_close(board);
}

typedef struct heard {
    uint32_t commits, rejects, gaps, ends, faults, others;
} heard;

static void hear(void *context, const wendi_log_line *line)
{
    heard *of = context;
    uint32_t *count = strcmp(line->what, "commit") == 0    ? &of->commits
                      : strcmp(line->what, "rejects") == 0 ? &of->rejects
                      : strcmp(line->what, "gap") == 0     ? &of->gaps
                      : strcmp(line->what, "end") == 0     ? &of->ends
                      : strcmp(line->what, "kafka") == 0   ? &of->faults
                                                           : &of->others;
    assert_true(line->text[0] != '\0' && line->field_count <= WENDI_LOG_FIELDS_MAX);
    ++*count;
}

/* Ten commits and rejects within a second are one line each; the end tells the rest, once. */
static void test_log_is_held_back(void **state)
{
    static wendi_run_view view;
    static wendi_ingest_partition partitions[2];
    wendi_run_log *log;
    heard of = {0};
    (void)state;
    fill_view(&view, partitions);
    view.kafka.last_error[0] = '\0';
    view.kafka.brokers_down = 0;
    view.kafka.retry_count = 0;
    assert_int_equal(wendi_run_log_open(1, hear, &of, &log, NULL), WEND_OK);
    for (int i = 0; i < 10; i++) {
        view.stats.commit_count++;
        view.stats.rejected++;
        wendi_run_log_look(log, 0, &view, true);
    }
    assert_int_equal(of.commits, 1);
    assert_int_equal(of.rejects, 1);
    assert_int_equal(of.gaps, 1); /* the 3 of the first partition */
    uint32_t faults = of.faults;
    view.kafka.brokers_down = 1;
    wendi_run_log_look(log, 0, &view, true);
    wendi_run_log_look(log, 0, &view, true);
    view.kafka.brokers_down = 0;
    wendi_run_log_look(log, 0, &view, true);
    assert_int_equal(of.faults, faults + 2);
    view.phase = WENDI_RUN_DONE;
    wendi_run_log_look(log, 0, &view, true);
    wendi_run_log_look(log, 0, &view, true);
    assert_int_equal(of.commits, 2);
    assert_int_equal(of.rejects, 2);
    assert_int_equal(of.ends, 1);
    wendi_run_log_close(log);
}

static void test_addresses(void **state)
{
    static const char *const bad[] = {"",     "x",  "1:2:3", "127.0.0.1:",   ":80",     "[::1]",
                                      "[]:1", "-1", "65536", "127.0.0.1:9x", "::1:9187"};
    static const char *const tables[] = {"events"};
    wendi_metrics_server *server;
    wendi_run_board *board;
    wend_error error;
    (void)state;
    assert_int_equal(wendi_run_board_open(tables, 1, &board, NULL), WEND_OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(wendi_metrics_server_open(bad[i], board, 1, &server, &error),
                         WEND_INVALID);
        assert_null(server);
    }
    assert_int_equal(wendi_metrics_server_open("0", board, 1, &server, &error), WEND_OK);
    const char *url = wendi_metrics_server_url(server);
    assert_memory_equal(url, "http://127.0.0.1:", 17);
    char taken[64];
    wendi_metrics_server *second;
    snprintf(taken, sizeof taken, "%.*s", (int)strcspn(url + 7, "/"), url + 7);
    assert_int_equal(wendi_metrics_server_open(taken, board, 1, &second, &error), WEND_IO);
    wendi_metrics_server_close(server);
    wendi_run_board_close(board);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_live_status_says_everything),
                                       cmocka_unit_test(test_damaged_live_status),
                                       cmocka_unit_test(test_live_status_file),
                                       cmocka_unit_test(test_memory_refused),
                                       cmocka_unit_test(test_metrics_escape_labels),
                                       cmocka_unit_test(test_who_gets_on),
                                       cmocka_unit_test(test_log_is_held_back),
                                       cmocka_unit_test(test_addresses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
