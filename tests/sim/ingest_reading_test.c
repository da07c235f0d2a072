/*
 * Reading the source is a role of the workers: its hard cases, each with a source that is written for it.
 *
 * Every source here notices when two threads call it at once, and every run is checked by what the table holds then:
 * each number that was given once, as often as it was given.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/base/clock.h"
#include "engine/table/table_change.h"
#include "engine/table/writer.h"
#include "ingest/ingest.h"
#include "tests/support/segment_rows.h"
#include "tests/support/table_fixture.h"

enum { TEXT_BYTES = 96, TRIES_MAX = 20000, TRY_US = 1000, WAIT_MAX_MS = 100, INTERVAL_MS = 30 };

static const char ddl[] = "CREATE TABLE events (id bigint, user_id text, ts timestamptz NOT NULL) "
                          "WITH (user_column='user_id', time_column='ts', rest='drop')";

typedef struct script script;

/** What next() does on its `call`-th call (from 0): give `give()` messages, and return `*status`. */
typedef wend_status (*script_step)(script *self, uint32_t call, int timeout_ms, wendi_message_block *block, wend_error *error);

struct script {
    wendi_source base;
    script_step step;
    wendi_source_partition partition;
    const char *store;
    atomic_int *stop;
    atomic_int inside; /* threads that are in one of its calls */
    bool shared;       /* two were */
    uint32_t calls;
    int64_t told_next; /* by committed() */
    uint32_t told_at;  /* after so many calls of next() */
    int timeout_max_ms;
    int filling_timeout_ms; /* of a call while a batch was filling; 0: none is known to have been so */
    bool waited_in_vain;
};

/* ---- a source ---------------------------------------------------------------------------------- */

static void enter(script *self)
{
    self->shared |= atomic_fetch_add(&self->inside, 1) != 0;
}

static void leave(script *self)
{
    atomic_fetch_sub(&self->inside, 1);
}

static void give(script *self, wendi_message_block *block, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        int64_t number = self->partition.next++;
        char *text = wendi_message_block_space(block, TEXT_BYTES);
        assert_non_null(text);
        int length = snprintf(text, TEXT_BYTES, "{\"id\":%lld,\"user_id\":\"u%lld\",\"ts\":\"2025-01-01T00:00:00Z\"}",
                              (long long)number, (long long)number % 97);
        block->messages[block->count++] = (wendi_message){
            .payload = text, .length = (uint32_t)length, .position = number, .next = number + 1, .timestamp_us = INT64_MIN};
        block->payload_bytes += (size_t)length;
    }
}

static wend_status script_next(wendi_source *base, wendi_message_block *block, int timeout_ms, wend_error *error)
{
    script *self = (script *)(void *)base;
    enter(self);
    wendi_message_block_reset(block);
    self->timeout_max_ms = timeout_ms > self->timeout_max_ms ? timeout_ms : self->timeout_max_ms;
    wend_status status = self->step(self, self->calls++, timeout_ms, block, error);
    leave(self);
    return status;
}

static const wendi_source_partition *script_partitions(wendi_source *base, uint32_t *count)
{
    script *self = (script *)(void *)base;
    enter(self);
    *count = 1;
    leave(self);
    return &self->partition;
}

static void script_committed(wendi_source *base, const wendi_source_partition *partitions, uint32_t count)
{
    script *self = (script *)(void *)base;
    enter(self);
    assert_int_equal(count, 1);
    self->told_next = partitions[0].next;
    self->told_at = self->calls;
    leave(self);
}

static void script_close(wendi_source *base)
{
    (void)base;
}

static wend_status open_script(void *context, const wendi_table_state *state, wendi_source **source_out,
                               wendi_string *cluster_id, wend_error *error)
{
    script *self = context;
    (void)cluster_id;
    (void)error;
    self->base = (wendi_source){
        .next = script_next, .partitions = script_partitions, .committed = script_committed, .close = script_close};
    self->partition = (wendi_source_partition){.topic = "t", .shown = "t", .end = -1, .leader_epoch = -1};
    self->partition.next = state->source_count != 0 ? state->sources[0].next : 0;
    *source_out = &self->base;
    return WEND_OK;
}

/* ---- tables ------------------------------------------------------------------------------------ */

static void make_store(char store[64])
{
    fixture_folder_make(store);
    fixture_create(store, ddl);
}

/* Where the table stands, as another process would see it now. */
static int64_t committed_next(const char *store)
{
    wendi_table *table;
    wendi_snapshot *snapshot;
    int64_t next = 0;
    assert_int_equal(wendi_table_open(store, wendi_string_of("events"), &table, NULL), WEND_OK);
    assert_int_equal(wendi_table_snapshot(table, &snapshot, NULL), WEND_OK);
    const wendi_table_state *state = wendi_snapshot_state(snapshot);
    next = state->source_count != 0 ? state->sources[0].next : 0;
    wendi_snapshot_release(snapshot);
    wendi_table_close(table);
    return next;
}

/* Every number below `count` is there once. */
static void check_rows(const char *store, int64_t count)
{
    wendi_table *table;
    wendi_snapshot *snapshot;
    test_segment_rows rows;
    uint8_t *found = calloc((size_t)count + 1, 1);
    assert_int_equal(wendi_table_open(store, wendi_string_of("events"), &table, NULL), WEND_OK);
    assert_int_equal(wendi_table_snapshot(table, &snapshot, NULL), WEND_OK);
    test_segment_rows_read(snapshot, &rows);
    assert_int_equal(rows.row_count, count);
    for (uint64_t row = 0; row < rows.row_count; row++) {
        int64_t id = test_segment_value(&rows, row, 0)->i64;
        assert_true(id >= 0 && id < count);
        assert_int_equal(found[id]++, 0);
    }
    test_segment_rows_free(&rows);
    wendi_snapshot_release(snapshot);
    wendi_table_close(table);
    free(found);
    assert_int_equal(committed_next(store), count);
}

/* Run the script into a new table, which is checked and removed. */
static wend_status run(script *self, wendi_ingest_options options, wendi_ingest_stats *stats)
{
    char store[64];
    wendi_table *table;
    wend_error error = {0};
    make_store(store);
    self->store = store;
    assert_int_equal(wendi_table_open(store, wendi_string_of("events"), &table, &error), WEND_OK);
    wend_status status = wendi_ingest_run(table, open_script, self, &options, stats, &error);
    if (status != WEND_OK && status != WEND_CANCELLED) {
        fail_msg("%s", error.message);
    }
    wendi_table_close(table);
    assert_false(self->shared);
    assert_false(self->waited_in_vain);
    check_rows(store, self->partition.next);
    assert_int_equal(stats->taken_committed, self->partition.next);
    assert_int_equal(self->told_next, self->partition.next); /* the last commit, too */
    fixture_folder_remove(store);
    return status;
}

static const uint32_t workers[] = {1, 2, 4};
enum { WORKER_CASES = sizeof workers / sizeof *workers };

/* ---- cases ------------------------------------------------------------------------------------- */

/* Nothing comes for as long as it may; gives the end once the table holds what was given. */
static wend_status wait_politely(script *self, uint32_t call, int timeout_ms, wendi_message_block *block, wend_error *error)
{
    (void)error;
    if (call == 0) {
        give(self, block, 100);
        return WEND_OK;
    }
    if (committed_next(self->store) == self->partition.next) {
        return WEND_END;
    }
    self->filling_timeout_ms = call == 1 ? timeout_ms : self->filling_timeout_ms;
    usleep((useconds_t)(timeout_ms < WAIT_MAX_MS ? timeout_ms : WAIT_MAX_MS) * 1000);
    self->waited_in_vain = call > TRIES_MAX;
    return self->waited_in_vain ? WEND_END : WEND_OK;
}

/* A batch becomes due while the source waits: it is committed before anything more comes, with one worker, too. */
static void test_due_while_the_source_waits(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < WORKER_CASES; i++) {
        script self = {.step = wait_politely};
        wendi_ingest_stats stats;
        wendi_ingest_options options = {.worker_count = workers[i], .commit_interval_ms = INTERVAL_MS};
        assert_int_equal(run(&self, options, &stats), WEND_OK);
        assert_true(self.timeout_max_ms <= WAIT_MAX_MS);
        assert_true(workers[i] > 1 || self.filling_timeout_ms <= INTERVAL_MS); /* nobody else can flush then */
        assert_true(stats.commit_count >= 1);
    }
}

/* Does not return until others have committed: flushing and committing need no thread that reads. */
static wend_status wait_for_others(script *self, uint32_t call, int timeout_ms, wendi_message_block *block, wend_error *error)
{
    (void)timeout_ms;
    (void)error;
    if (call == 3) {
        return WEND_END;
    }
    for (uint32_t tries = 0; committed_next(self->store) < self->partition.next; tries++) {
        if (tries == TRIES_MAX) {
            self->waited_in_vain = true;
            return WEND_END;
        }
        usleep(TRY_US);
    }
    give(self, block, 500);
    return WEND_OK;
}

static void test_others_flush_while_one_reads(void **state)
{
    (void)state;
    for (uint32_t i = 1; i < WORKER_CASES; i++) {
        script self = {.step = wait_for_others};
        wendi_ingest_stats stats;
        wendi_ingest_options options = {.worker_count = workers[i], .commit_interval_ms = 20};
        assert_int_equal(run(&self, options, &stats), WEND_OK);
        assert_int_equal(self.partition.next, 1500);
        assert_true(stats.commit_count >= 3);
    }
}

/* Each block fills a batch: what is read next is refused until that one is flushed. */
static wend_status fill_batches(script *self, uint32_t call, int timeout_ms, wendi_message_block *block, wend_error *error)
{
    (void)timeout_ms;
    (void)error;
    give(self, block, call % 3 == 2 ? 1 : WENDI_MESSAGE_BLOCK_MAX);
    return call == 20 ? WEND_END : WEND_OK; /* the end comes with messages */
}

static void test_refused_block_waits(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < WORKER_CASES; i++) {
        script self = {.step = fill_batches};
        wendi_ingest_stats stats;
        wendi_ingest_options options = {.worker_count = workers[i],
                                        .commit_interval_ms = 3600000,
                                        .commit_rows = WENDI_MESSAGE_BLOCK_MAX,
                                        .memory_limit_bytes = (size_t)64 << 20};
        assert_int_equal(run(&self, options, &stats), WEND_OK);
        assert_int_equal(stats.commit_count, 21); /* no two blocks fit into one batch */
        assert_int_equal(self.calls, 21);
        assert_int_equal(stats.memory.blocks, 0);
    }
}

/* Fails while what it gave before is still decoded by others: all of that is committed. */
static wend_status fail_at_once(script *self, uint32_t call, int timeout_ms, wendi_message_block *block, wend_error *error)
{
    (void)timeout_ms;
    give(self, block, WENDI_MESSAGE_BLOCK_MAX);
    if (call == 9) {
        self->partition.next -= WENDI_MESSAGE_BLOCK_MAX; /* what comes with a failure is not given */
        return wendi_fail(error, WEND_CANCELLED, "the source fails here");
    }
    return WEND_OK;
}

static void test_failing_while_others_decode(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < WORKER_CASES; i++) {
        script self = {.step = fail_at_once};
        wendi_ingest_stats stats;
        wendi_ingest_options options = {.worker_count = workers[i], .commit_interval_ms = 3600000};
        assert_int_equal(run(&self, options, &stats), WEND_CANCELLED);
        assert_int_equal(self.calls, 10); /* and it is left alone then */
        assert_int_equal(self.partition.next, 9 * WENDI_MESSAGE_BLOCK_MAX);
    }
}

/* Told to stop in the midst of next(): what that call still gives is taken, and it is the last one. */
static wend_status stop_inside(script *self, uint32_t call, int timeout_ms, wendi_message_block *block, wend_error *error)
{
    (void)timeout_ms;
    (void)error;
    give(self, block, 300);
    if (call == 4) {
        atomic_store(self->stop, 1);
        usleep(5 * TRY_US);
        give(self, block, 7);
    }
    return WEND_OK;
}

static void test_stop_while_reading(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < WORKER_CASES; i++) {
        atomic_int stop = 0;
        script self = {.step = stop_inside, .stop = &stop};
        wendi_ingest_stats stats;
        wendi_ingest_options options = {.worker_count = workers[i], .commit_interval_ms = 3600000, .stop = &stop};
        assert_int_equal(run(&self, options, &stats), WEND_OK);
        assert_int_equal(self.calls, 5);
        assert_int_equal(self.partition.next, 5 * 300 + 7);
        assert_int_equal(self.told_at, 5);
    }
}

/* So many messages and no more are asked for; the block that reaches the count is taken whole. */
static wend_status give_forever(script *self, uint32_t call, int timeout_ms, wendi_message_block *block, wend_error *error)
{
    (void)call;
    (void)timeout_ms;
    (void)error;
    give(self, block, 250);
    return WEND_OK;
}

static void test_message_count(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < WORKER_CASES; i++) {
        script self = {.step = give_forever};
        wendi_ingest_stats stats;
        wendi_ingest_options options = {.worker_count = workers[i], .message_count_max = 1001};
        assert_int_equal(run(&self, options, &stats), WEND_OK);
        assert_int_equal(self.calls, 5);
        assert_int_equal(self.partition.next, 1250);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_due_while_the_source_waits), cmocka_unit_test(test_others_flush_while_one_reads),
        cmocka_unit_test(test_refused_block_waits),        cmocka_unit_test(test_failing_while_others_decode),
        cmocka_unit_test(test_stop_while_reading),         cmocka_unit_test(test_message_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
