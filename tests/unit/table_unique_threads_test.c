/*
 * Deduplication as ingest runs it: keys are made by several threads, taken in by one in order, flushes
 * join with old segments on several threads at once, another one commits in order, and one asks for
 * numbers. What comes out is each event once, and how many were left out is known. For the thread
 * sanitizer above all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "engine/table/row_key.h"
#include "engine/table/table_state.h"
#include "tests/support/table_fixture.h"

enum { BATCHES = 60, ROWS = 150, FLUSHERS = 3, AHEAD_MAX = 6 };

typedef enum phase { EMPTY, TAKEN, FLUSHING, FLUSHED, COMMITTED } phase;

typedef struct batch {
    phase now;
    wendi_row_builder builder;
    wendi_pending_segment *pending;
} batch;

typedef struct shared {
    wendi_table_writer *writer;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    batch batches[BATCHES];
    const int64_t *first; /* of each batch: its rows are first .. first + ROWS - 1 */
    uint64_t duplicates;
    uint64_t repeats;
    _Atomic bool stop;
} shared;

static void must(wend_status status, const wend_error *error)
{
    if (status != WEND_OK) {
        print_error("%s\n", error->message);
        abort();
    }
}

static void step(shared *all, batch *of, phase next)
{
    pthread_mutex_lock(&all->lock);
    of->now = next;
    pthread_cond_broadcast(&all->changed);
    pthread_mutex_unlock(&all->lock);
}

static void await(shared *all, const batch *of, phase wanted)
{
    pthread_mutex_lock(&all->lock);
    while (of->now < wanted) {
        pthread_cond_wait(&all->changed, &all->lock);
    }
    pthread_mutex_unlock(&all->lock);
}

typedef struct half { /* of a builder's rows, of which a thread makes keys */
    shared *all;
    wendi_row_builder *builder;
    wendi_hash128 keys[ROWS / 2];
} half;

static void *make_keys(void *context)
{
    half *of = context;
    wend_error error = {0};
    must(wendi_row_builder_keys(of->builder, 0, ROWS / 2, of->keys, &error),
         &error);
    return NULL;
}

/* Two builders of half a batch each give the keys, on two threads; the rows stand in a third. */
static void take_batch(shared *all, uint32_t number)
{
    batch *of = &all->batches[number];
    const wendi_schema *schema = wendi_table_writer_schema(all->writer);
    half *halves = calloc(2, sizeof *halves);
    wendi_row_builder parts[2];
    pthread_t threads[2];
    uint8_t keep[ROWS];
    wend_error error = {0};
    for (int i = 0; i < 2; i++) {
        int64_t first = all->first[number] + i * (ROWS / 2);
        must(fixture_fill(&parts[i], schema, first, first + ROWS / 2), &error);
        halves[i].all = all;
        halves[i].builder = &parts[i];
        pthread_create(&threads[i], NULL, make_keys, &halves[i]);
    }
    must(fixture_fill(&of->builder, schema, all->first[number], all->first[number] + ROWS), &error);
    memset(keep, 1, sizeof keep);
    for (int i = 0; i < 2; i++) {
        uint32_t duplicates;
        pthread_join(threads[i], NULL);
        must(wendi_table_writer_unique(all->writer, &of->builder, halves[i].keys, ROWS / 2,
                                            keep + i * (ROWS / 2), &duplicates, &error),
             &error);
        all->duplicates += duplicates;
        wendi_row_builder_free(&parts[i]);
    }
    wendi_row_builder_keep(&of->builder, 0, keep);
    free(halves);
}

static void *take(void *context)
{
    shared *all = context;
    for (uint32_t i = 0; i < BATCHES; i++) {
        if (i >= AHEAD_MAX) {
            await(all, &all->batches[i - AHEAD_MAX], COMMITTED);
        }
        take_batch(all, i);
        step(all, &all->batches[i], TAKEN);
    }
    return NULL;
}

/* Any batch that is taken in and not flushed; NULL: all are. */
static batch *choose(shared *all)
{
    batch *chosen = NULL;
    pthread_mutex_lock(&all->lock);
    for (bool left = true; left && chosen == NULL;) {
        left = false;
        for (uint32_t i = 0; i < BATCHES && chosen == NULL; i++) {
            left |= all->batches[i].now < FLUSHING;
            chosen = all->batches[i].now == TAKEN ? &all->batches[i] : NULL;
        }
        if (chosen != NULL) {
            chosen->now = FLUSHING;
        } else if (left) {
            pthread_cond_wait(&all->changed, &all->lock);
        }
    }
    pthread_mutex_unlock(&all->lock);
    return chosen;
}

static void *flush(void *context)
{
    shared *all = context;
    wend_error error = {0};
    for (batch *of = choose(all); of != NULL; of = choose(all)) {
        must(wendi_table_writer_flush(all->writer, &of->builder, &of->pending, &error), &error);
        wendi_row_builder_free(&of->builder);
        step(all, of, FLUSHED);
    }
    return NULL;
}

static void *commit(void *context)
{
    shared *all = context;
    wendi_string topic = wendi_string_of("s");
    wendi_source_state source = {.topic = topic, .shown = topic};
    wend_error error = {0};
    for (uint32_t i = 0; i < BATCHES; i++) {
        uint32_t count = 0;
        batch *of = &all->batches[i];
        await(all, of, FLUSHED);
        wendi_commit_request request = {.segments = &of->pending,
                                        .segment_count = of->pending != NULL,
                                        .sources = &source,
                                        .source_count = 1};
        source.next++;
        if (of->pending != NULL) {
            const wendi_segment_repeats *repeats = wendi_pending_segment_repeats(of->pending, &count);
            all->repeats += count != 0 ? repeats[0].row_count : 0;
        }
        must(wendi_table_writer_commit(all->writer, &request, &error), &error);
        step(all, of, COMMITTED);
    }
    return NULL;
}

static void *ask(void *context)
{
    shared *all = context;
    while (!atomic_load(&all->stop)) {
        wendi_unique_report report = wendi_table_writer_unique_report(all->writer);
        if (report.memory_bytes == 0 || report.keys > BATCHES * ROWS) {
            abort();
        }
    }
    return NULL;
}

static void run_all(shared *all)
{
    pthread_t taker, committer, asker, flushers[FLUSHERS];
    pthread_create(&taker, NULL, take, all);
    pthread_create(&committer, NULL, commit, all);
    pthread_create(&asker, NULL, ask, all);
    for (int i = 0; i < FLUSHERS; i++) {
        pthread_create(&flushers[i], NULL, flush, all);
    }
    pthread_join(taker, NULL);
    for (int i = 0; i < FLUSHERS; i++) {
        pthread_join(flushers[i], NULL);
    }
    pthread_join(committer, NULL);
    atomic_store(&all->stop, true);
    pthread_join(asker, NULL);
}

/* New rows, some of the batch before again, and every third batch wholly old. */
static void threads_store_every_row_once(void **state)
{
    char store[64];
    int64_t first[BATCHES];
    int64_t end = 0;
    uint64_t count = 0;
    int64_t sum = 0;
    wendi_table *table = NULL;
    wendi_snapshot *snapshot = NULL;
    wend_error error = {0};
    shared *all = calloc(1, sizeof *all);
    (void)state;
    for (int64_t i = 0; i < BATCHES; i++) {
        bool old = i % 3 == 2;
        first[i] = old ? i * 37 % (end - ROWS + 1) : end < 20 ? 0 : end - 20;
        end = old ? end : first[i] + ROWS;
    }
    fixture_folder_make(store);
    fixture_create(store, "CREATE TABLE t (id bigint UNIQUE, user_id text, ts timestamptz NOT NULL, page "
                          "text, amount numeric(12,2)) WITH (user_column='user_id', time_column='ts', "
                          "unique_window = 200)");
    must(wendi_table_open(store, wendi_string_of("t"), &table, &error), &error);
    must(wendi_table_writer_open(table, NULL, &all->writer, &error), &error);
    pthread_mutex_init(&all->lock, NULL);
    pthread_cond_init(&all->changed, NULL);
    all->first = first;
    run_all(all);
    must(wendi_table_snapshot(table, &snapshot, &error), &error);
    must(fixture_read(snapshot, &count, &sum, &error), &error);
    assert_int_equal(count, end);
    assert_int_equal(sum, end * (end - 1) / 2);
    assert_int_equal(all->duplicates + all->repeats, BATCHES * ROWS - end);
    assert_true(all->repeats > 1000);
    assert_int_equal(wendi_table_writer_unique_report(all->writer).repeats_merged, all->repeats);
    wendi_snapshot_release(snapshot);
    wendi_table_writer_close(all->writer);
    wendi_table_close(table);
    fixture_verify(store);
    fixture_folder_remove(store);
    pthread_cond_destroy(&all->changed);
    pthread_mutex_destroy(&all->lock);
    free(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_store_every_row_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
