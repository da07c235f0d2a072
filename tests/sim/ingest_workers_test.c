/*
 * The pipeline with one, two and four workers against a naive model: what is stored, repeated and rejected must follow
 * from the order of the blocks alone.
 *
 * A plan is a list of blocks of messages of three partitions, with dirt and repeats; the model walks through it once.
 * Runs differ in workers, sizes of blocks, memory, failures of the source, and a column that comes in the middle.
 *
 * WEND_SIM_SEED and WEND_SIM_ROUNDS choose other and more plans.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/base/alloc.h"
#include "engine/table/table_change.h"
#include "engine/table/writer.h"
#include "ingest/ingest.h"
#include "ingest/rejects.h"
#include "tests/support/segment_rows.h"
#include "tests/support/table_fixture.h"

enum { PARTITIONS = 3, TEXT_BYTES = 200, IDS_MAX = 60000, NO_FAILURE = -1, NO_CHANGE = -1, ASKED_MAX = 150, DRAIN_TRIES_MAX = 20000, CHANGE_TRIES_MAX = 20000 };

/* `ref` says which message a row is of, so that it is seen which one of several repeats was stored. */
static const char ddl[] =
    "CREATE TABLE events (shard bigint OPTIONS (path '$partition'), ref bigint OPTIONS (path '$offset'), id bigint UNIQUE, "
    "user_id text, ts timestamptz NOT NULL, page text, amount numeric(8,2) CHECK (amount >= 0), "
    "big boolean GENERATED ALWAYS AS (amount > 50) STORED) WITH (user_column='user_id', time_column='ts', rest='drop')";

static uint64_t random_state;

static uint64_t next_random(void)
{
    random_state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = random_state;
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static uint32_t below(uint32_t limit)
{
    return (uint32_t)(next_random() % limit);
}

/* ---- plan and model --------------------------------------------------------------------------- */

typedef enum message_fate { FATE_STORED, FATE_REJECTED, FATE_REPEATED, FATE_TOMBSTONE } message_fate;

typedef struct planned {
    char text[TEXT_BYTES];
    uint32_t partition;
    int64_t offset; /* within the partition */
    int64_t id;     /* -1: null, never a repeat */
    uint32_t amount;
    message_fate fate; /* filled in by the model */
} planned;

typedef struct plan {
    planned *messages;
    uint32_t message_count;
    uint32_t *block_ends; /* messages up to the end of each block */
    uint32_t block_count;
    int64_t partition_counts[PARTITIONS];
    planned **of_partition[PARTITIONS]; /* by offset */
} plan;

static void plan_message(planned *message, uint32_t id_range)
{
    static const char *const good = "{\"id\":%s,\"user_id\":\"u%u\",\"ts\":\"2025-01-%02uT00:00:00Z\",\"page\":\"/p%u\",\"amount\":%u.25,\"extra\":%u}";
    static const char *const below_zero = "{\"id\":%s,\"user_id\":\"u%u\",\"ts\":\"2025-01-%02uT00:00:00Z\",\"page\":\"/p%u\",\"amount\":-%u.25}";
    static const char *const timeless = "{\"id\":%s,\"user_id\":\"u%u\",\"day\":%u,\"page\":\"/p%u\",\"amount\":%u.25}";
    static const char *const broken = "{\"id\":%s,\"user_id\":\"u%u\",\"ts\":\"2025-01-%02uT00:00:00Z\",\"page\":\"/p%u\",\"amount\":%u.2";
    char id[24];
    uint32_t dirt = below(40);
    message->id = below(30) == 0 ? -1 : (int64_t)below(id_range);
    message->amount = 1 + below(100);
    message->fate = dirt < 3 ? FATE_REJECTED : dirt == 3 ? FATE_TOMBSTONE : FATE_STORED;
    snprintf(id, sizeof id, message->id < 0 ? "null" : "%lld", (long long)message->id);
    uint32_t user = below(500);
    uint32_t day = 1 + below(28);
    uint32_t page = below(3) == 0 ? below(100000) : below(50);
    if (dirt >= 3) {
        snprintf(message->text, TEXT_BYTES, good, id, user, day, page, message->amount, message->amount * 3);
    } else {
        snprintf(message->text, TEXT_BYTES, dirt == 0 ? below_zero : dirt == 1 ? timeless : broken, id, user, day, page,
                 message->amount);
    }
}

/* The one truth: the first good message of an id is stored. */
static void decide(plan *of)
{
    uint8_t *seen = calloc(IDS_MAX, 1);
    for (uint32_t i = 0; i < of->message_count; i++) {
        planned *message = &of->messages[i];
        if (message->fate == FATE_STORED && message->id >= 0) {
            message->fate = seen[message->id] ? FATE_REPEATED : FATE_STORED;
            seen[message->id] = 1;
        }
    }
    free(seen);
}

static void make_plan(plan *of, uint32_t message_count, uint32_t block_max)
{
    uint32_t id_range = 1 + below(IDS_MAX);
    *of = (plan){.message_count = message_count};
    of->messages = calloc(message_count, sizeof *of->messages);
    of->block_ends = calloc(message_count, sizeof *of->block_ends);
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        of->of_partition[p] = calloc(message_count, sizeof(planned *));
    }
    for (uint32_t i = 0; i < message_count; i++) {
        planned *message = &of->messages[i];
        plan_message(message, id_range);
        message->partition = below(PARTITIONS);
        message->offset = of->partition_counts[message->partition]++;
        of->of_partition[message->partition][message->offset] = message;
    }
    for (uint32_t end = 0; end < message_count;) {
        uint32_t more = 1 + below(block_max);
        end = message_count - end < more ? message_count : end + more;
        of->block_ends[of->block_count++] = end;
    }
    decide(of);
}

static void free_plan(plan *of)
{
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        free(of->of_partition[p]);
    }
    free(of->messages);
    free(of->block_ends);
}

/* ---- a source of it --------------------------------------------------------------------------- */

typedef struct planned_source {
    wendi_source base;
    const plan *of;
    const char *store;
    wendi_source_partition partitions[PARTITIONS];
    uint32_t next_block;
    int64_t fails_at;  /* block in whose place it fails, or NO_FAILURE */
    int64_t changes_at; /* block before which the table gets a column, or NO_CHANGE */
    uint32_t change_tries;
    bool asks;         /* for that column in the middle, without waiting for it: */
    uint32_t asked;    /* so many calls ago, */
    int64_t refused_after; /* and memory is refused after so many calls of the allocator */
    uint32_t drains_at;    /* block before which partition 0 is given up; 0: never */
    uint32_t drain_tries;
    int64_t committed_next; /* of partition 0 */
} planned_source;

/* Leave the request and give nothing until the live ingestor has carried it out. False: that is done. */
static bool is_waiting_for_column(planned_source *source)
{
    wendi_table *table;
    wendi_snapshot *snapshot;
    char request[64];
    bool done = false;
    if (wendi_table_open(source->store, wendi_string_of("events"), &table, NULL) != WEND_OK) {
        return false;
    }
    if (source->change_tries == 0) {
        done = wendi_table_alter(table, "ALTER TABLE events ADD COLUMN extra bigint", false, request, NULL) != WEND_OK;
    }
    if (!done && wendi_table_snapshot(table, &snapshot, NULL) == WEND_OK) {
        done = wendi_snapshot_schema(snapshot)->column_count == 9;
        wendi_snapshot_release(snapshot);
    }
    wendi_table_close(table);
    usleep(2000);
    return !done && source->change_tries++ < CHANGE_TRIES_MAX;
}

/* Leave a request for a column; from then on memory is refused after some calls. False: that was long enough ago. */
static bool is_asking(planned_source *source)
{
    wendi_table *table = NULL;
    char request[64];
    if (source->asked == 0) {
        (void)(wendi_table_open(source->store, wendi_string_of("events"), &table, NULL) == WEND_OK &&
               wendi_table_alter(table, "ALTER TABLE events ADD COLUMN extra bigint", false, request, NULL) == WEND_OK);
        wendi_table_close(table);
        wendi_alloc_refuse_at(source->refused_after);
    }
    usleep(2000);
    return source->asked++ < ASKED_MAX;
}

/* Give nothing until what was given of partition 0 is committed. False: it was. */
static bool is_draining(planned_source *source)
{
    wendi_source_partition *partition = &source->partitions[0];
    partition->draining = source->committed_next < partition->next;
    usleep(1000);
    return partition->draining && source->drain_tries++ < DRAIN_TRIES_MAX;
}

static void planned_committed(wendi_source *self, const wendi_source_partition *partitions, uint32_t count)
{
    planned_source *source = (planned_source *)(void *)self;
    source->committed_next = count != 0 ? partitions[0].next : 0;
}

static wend_status give_block(planned_source *source, wendi_message_block *block, wend_error *error)
{
    const plan *of = source->of;
    uint32_t begin = source->next_block == 0 ? 0 : of->block_ends[source->next_block - 1];
    for (uint32_t i = begin; i < of->block_ends[source->next_block]; i++) {
        const planned *message = &of->messages[i];
        wendi_source_partition *partition = &source->partitions[message->partition];
        bool tombstone = message->fate == FATE_TOMBSTONE;
        uint32_t length = (uint32_t)strlen(message->text);
        if (message->offset < partition->next) { /* committed by a run before */
            continue;
        }
        char *space = wendi_message_block_space(block, length);
        if (space == NULL) {
            return wendi_fail_nomem(error, "a message", length);
        }
        memcpy(space, message->text, length);
        block->messages[block->count++] = (wendi_message){.payload = tombstone ? NULL : space,
                                                          .length = tombstone ? 0 : length,
                                                          .partition = message->partition,
                                                          .position = message->offset,
                                                          .next = message->offset + 1,
                                                          .timestamp_us = INT64_MIN};
        partition->next = message->offset + 1;
    }
    source->next_block++;
    return WEND_OK;
}

static wend_status planned_next(wendi_source *self, wendi_message_block *block, int timeout_ms, wend_error *error)
{
    planned_source *source = (planned_source *)(void *)self;
    (void)timeout_ms;
    wendi_message_block_reset(block);
    if (source->next_block == source->of->block_count) {
        return WEND_END;
    }
    if ((int64_t)source->next_block == source->fails_at) {
        return wendi_fail(error, WEND_CANCELLED, "the source fails here");
    }
    if ((int64_t)source->next_block == source->changes_at && is_waiting_for_column(source)) {
        return WEND_OK;
    }
    if (source->change_tries >= CHANGE_TRIES_MAX) {
        return wendi_fail(error, WEND_INVALID, "no column came");
    }
    if (source->asks && source->next_block == source->of->block_count / 2 && is_asking(source)) {
        return WEND_OK;
    }
    if (source->drains_at != 0 && source->next_block == source->drains_at && is_draining(source)) {
        return WEND_OK;
    }
    if (source->drain_tries >= DRAIN_TRIES_MAX) {
        return wendi_fail(error, WEND_INVALID, "nobody committed what a shard waits for");
    }
    return give_block(source, block, error);
}

static const wendi_source_partition *planned_partitions(wendi_source *self, uint32_t *count)
{
    *count = PARTITIONS;
    return ((planned_source *)(void *)self)->partitions;
}

static void planned_close(wendi_source *self)
{
    free(self);
}

static wend_status open_planned(void *context, const wendi_table_state *state, wendi_source **source_out,
                                wendi_string *cluster_id, wend_error *error)
{
    planned_source *source = calloc(1, sizeof *source);
    (void)error;
    (void)cluster_id;
    *source = *(const planned_source *)context;
    source->base = (wendi_source){.next = planned_next, .partitions = planned_partitions, .committed = planned_committed, .close = planned_close};
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        source->partitions[p] = (wendi_source_partition){.topic = "t", .partition = (int32_t)p, .shown = "t", .end = -1};
        for (uint32_t i = 0; i < state->source_count; i++) {
            if (state->sources[i].partition == (int32_t)p) {
                source->partitions[p].next = state->sources[i].next;
            }
        }
    }
    *source_out = &source->base;
    return WEND_OK;
}

/* ---- what came out ---------------------------------------------------------------------------- */

typedef struct reject_walk {
    const plan *of;
    uint8_t *found;
    uint32_t count;
    uint32_t block; /* of the last reject */
} reject_walk;

/* Rejects stand in the order of the blocks; within a block those that rules refuse come last. */
static wend_status walk_reject(void *context, const wendi_reject_row *row)
{
    reject_walk *walk = context;
    const planned *message = walk->of->of_partition[row->partition][row->offset];
    uint32_t index = (uint32_t)(message - walk->of->messages);
    assert_int_equal(message->fate, FATE_REJECTED);
    assert_int_equal(walk->found[index]++, 0);
    assert_int_equal(row->raw.length, strlen(message->text));
    assert_memory_equal(row->raw.data, message->text, row->raw.length);
    assert_true(walk->block == 0 || index >= walk->of->block_ends[walk->block - 1]);
    while (index >= walk->of->block_ends[walk->block]) {
        walk->block++;
    }
    walk->count++;
    return WEND_OK;
}

static void check_rejects(const plan *of, wendi_table *table)
{
    reject_walk walk = {.of = of, .found = calloc(of->message_count, 1)};
    uint32_t meant = 0;
    wend_error error;
    assert_int_equal(wendi_rejects_read(table, walk_reject, &walk, &error), WEND_OK);
    for (uint32_t i = 0; i < of->message_count; i++) {
        meant += of->messages[i].fate == FATE_REJECTED;
    }
    assert_int_equal(walk.count, meant);
    free(walk.found);
}

static void check_accounts(const plan *of, const wendi_table_state *state)
{
    int64_t counts[PARTITIONS][4] = {{0}};
    for (uint32_t i = 0; i < of->message_count; i++) {
        counts[of->messages[i].partition][of->messages[i].fate]++;
    }
    for (uint32_t i = 0; i < state->source_count; i++) {
        const wendi_source_state *source = &state->sources[i];
        const int64_t *meant = counts[source->partition];
        assert_int_equal(source->next, of->partition_counts[source->partition]);
        assert_int_equal(source->taken, source->next);
        assert_int_equal(source->stored, meant[FATE_STORED]);
        assert_int_equal(source->rejected, meant[FATE_REJECTED]);
        assert_int_equal(source->deduplicated, meant[FATE_REPEATED]);
        assert_int_equal(source->tombstones, meant[FATE_TOMBSTONE]);
    }
}

/*
 * Each row is a message that was to be stored, with its values; each such message is there once. Where a column came in
 * the middle it has no value up to some message and all values from there on: at the latest from `extra_from`, earlier
 * when blocks were still waiting to be decoded.
 */
static void check_rows(const plan *of, const test_segment_rows *rows, uint32_t extra_from)
{
    uint8_t *found = calloc(of->message_count, 1);
    uint64_t meant = 0;
    int64_t last_without = -1;
    int64_t first_with = INT64_MAX;
    for (uint64_t row = 0; row < rows->row_count; row++) {
        const wendi_value *amount = test_segment_value(rows, row, 6);
        const planned *message =
            of->of_partition[test_segment_value(rows, row, 0)->i64][test_segment_value(rows, row, 1)->i64];
        uint32_t index = (uint32_t)(message - of->messages);
        assert_int_equal(message->fate, FATE_STORED);
        assert_int_equal(found[index]++, 0);
        assert_int_equal(test_segment_value(rows, row, 2)->null, message->id < 0);
        assert_true(message->id < 0 || test_segment_value(rows, row, 2)->i64 == message->id);
        assert_int_equal(amount->i64, message->amount * 100 + 25);
        assert_int_equal(test_segment_value(rows, row, 7)->i64, amount->i64 > 5000);
        const wendi_value *page = test_segment_value(rows, row, 5);
        assert_non_null(memmem(message->text, strlen(message->text), page->string.data, page->string.length));
        if (rows->column_count > 8) {
            const wendi_value *extra = test_segment_value(rows, row, 8);
            assert_true(extra->null || extra->i64 == message->amount * 3);
            last_without = extra->null && (int64_t)index > last_without ? index : last_without;
            first_with = !extra->null && (int64_t)index < first_with ? index : first_with;
        }
    }
    for (uint32_t i = 0; i < of->message_count; i++) {
        meant += of->messages[i].fate == FATE_STORED;
    }
    assert_int_equal(rows->row_count, meant);
    assert_true(last_without < first_with);
    assert_true(extra_from == UINT32_MAX || last_without < (int64_t)extra_from);
    free(found);
}

/* The rows in the order of their segments, as bytes to compare; *length of them, to be freed. */
static void *rows_as_bytes(const test_segment_rows *rows, size_t *length)
{
    int64_t *places = calloc(rows->row_count + 1, 2 * sizeof *places);
    for (uint64_t row = 0; row < rows->row_count; row++) {
        places[2 * row] = test_segment_value(rows, row, 0)->i64;
        places[2 * row + 1] = test_segment_value(rows, row, 1)->i64;
    }
    *length = rows->row_count * 2 * sizeof *places;
    return places;
}

static void *check_table(const char *store, const plan *of, uint32_t extra_from, size_t *length)
{
    wendi_table *table;
    wendi_snapshot *snapshot;
    test_segment_rows rows;
    wend_error error;
    assert_int_equal(wendi_table_open(store, wendi_string_of("events"), &table, &error), WEND_OK);
    assert_int_equal(wendi_table_snapshot(table, &snapshot, &error), WEND_OK);
    check_rejects(of, table);
    check_accounts(of, wendi_snapshot_state(snapshot));
    test_segment_rows_read(snapshot, &rows);
    check_rows(of, &rows, extra_from);
    void *bytes = rows_as_bytes(&rows, length);
    test_segment_rows_free(&rows);
    wendi_snapshot_release(snapshot);
    wendi_table_close(table);
    return bytes;
}

/* ---- runs ------------------------------------------------------------------------------------- */

static void make_store(char store[64])
{
    fixture_folder_make(store);
    fixture_create(store, ddl);
}

/* What is told must add up whenever it is told. */
static void check_progress(void *context, const wendi_ingest_stats *stats)
{
    uint32_t *calls = context;
    (*calls)++;
    assert_int_equal(stats->taken, stats->stored + stats->rejected + stats->deduplicated + stats->tombstones);
    assert_true(stats->taken_committed <= stats->taken || stats->taken == 0);
    for (uint32_t i = 0; i < stats->partition_count; i++) {
        assert_true(stats->partitions[i].committed_next <= stats->partitions[i].next);
    }
}

static wend_status run(const char *store, planned_source like, wendi_ingest_options options, wendi_ingest_stats *stats)
{
    wendi_table *table;
    wend_error error = {0};
    uint32_t calls = 0;
    like.store = store;
    options.progress = check_progress;
    options.progress_context = &calls;
    options.progress_interval_ms = 1;
    assert_int_equal(wendi_table_open(store, wendi_string_of("events"), &table, &error), WEND_OK);
    wend_status status = wendi_ingest_run(table, open_planned, &like, &options, stats, &error);
    if (status != WEND_OK && status != WEND_CANCELLED) {
        fail_msg("%s", error.message);
    }
    assert_int_equal(stats->taken, stats->taken_committed);
    wendi_table_close(table);
    return status;
}

static uint64_t seed_of(uint64_t otherwise)
{
    const char *seed = getenv("WEND_SIM_SEED");
    return seed != NULL ? strtoull(seed, NULL, 10) : otherwise;
}

static uint32_t rounds(uint32_t otherwise)
{
    const char *count = getenv("WEND_SIM_ROUNDS");
    return count != NULL ? (uint32_t)strtoul(count, NULL, 10) : otherwise;
}

static const uint32_t workers[] = {1, 2, 4};

/* Batches made by rows alone: the same rows stand in the same segments in the same order, whoever decoded them. */
static void test_same_table(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < rounds(4); round++) {
        plan of;
        void *first = NULL;
        size_t first_length = 0;
        uint64_t commits = 0;
        random_state = seed_of(7) + round;
        make_plan(&of, 5000 + below(40000), round % 2 == 0 ? 900 : WENDI_MESSAGE_BLOCK_MAX);
        uint32_t commit_rows = WENDI_MESSAGE_BLOCK_MAX + below(9000);
        for (uint32_t i = 0; i < sizeof workers / sizeof *workers; i++) {
            char store[64];
            wendi_ingest_stats stats;
            size_t length;
            make_store(store);
            wendi_ingest_options options = {
                .worker_count = workers[i], .commit_rows = commit_rows, .commit_interval_ms = 1000000};
            assert_int_equal(run(store, (planned_source){.of = &of, .fails_at = NO_FAILURE, .changes_at = NO_CHANGE}, options,
                                 &stats),
                             WEND_OK);
            assert_int_equal(stats.worker_count, workers[i]);
            assert_int_equal(stats.taken, of.message_count);
            void *bytes = check_table(store, &of, UINT32_MAX, &length);
            if (i == 0) {
                first = bytes;
                first_length = length;
                commits = stats.commit_count;
                assert_true(commits >= of.message_count / commit_rows);
            } else {
                assert_int_equal(stats.commit_count, commits);
                assert_int_equal(length, first_length);
                assert_memory_equal(bytes, first, length);
                free(bytes);
            }
            fixture_folder_remove(store);
        }
        free(first);
        free_plan(&of);
    }
}

/* Blocks of one message, commits by time, the least memory. */
static void test_small_blocks(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < sizeof workers / sizeof *workers; i++) {
        plan of;
        char store[64];
        wendi_ingest_stats stats;
        size_t length;
        random_state = seed_of(70) + i;
        make_plan(&of, 6000, 1);
        make_store(store);
        wendi_ingest_options options = {
            .worker_count = workers[i], .commit_interval_ms = 20, .memory_limit_bytes = (size_t)64 << 20};
        assert_int_equal(
            run(store, (planned_source){.of = &of, .fails_at = NO_FAILURE, .changes_at = NO_CHANGE}, options, &stats), WEND_OK);
        assert_int_equal(stats.memory.limit, (size_t)64 << 20);
        free(check_table(store, &of, UINT32_MAX, &length));
        fixture_folder_remove(store);
        free_plan(&of);
    }
}

/* The source fails again and again: what it gave is committed, and the next run goes on from there. */
static void test_failing_source(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < sizeof workers / sizeof *workers; i++) {
        plan of;
        char store[64];
        wendi_ingest_stats stats;
        size_t length;
        random_state = seed_of(700) + i;
        make_plan(&of, 30000, 700);
        make_store(store);
        wendi_ingest_options options = {
            .worker_count = workers[i], .commit_interval_ms = 5, .commit_rows = WENDI_MESSAGE_BLOCK_MAX};
        for (uint32_t failures = 0; failures < 5; failures++) {
            planned_source like = {.of = &of, .fails_at = below(of.block_count), .changes_at = NO_CHANGE};
            assert_int_equal(run(store, like, options, &stats), WEND_CANCELLED);
        }
        assert_int_equal(
            run(store, (planned_source){.of = &of, .fails_at = NO_FAILURE, .changes_at = NO_CHANGE}, options, &stats), WEND_OK);
        free(check_table(store, &of, UINT32_MAX, &length));
        fixture_folder_remove(store);
        free_plan(&of);
    }
}

/* A partition is given up: its messages are committed at once, however long the interval is. */
static void test_partition_given_up(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < sizeof workers / sizeof *workers; i++) {
        plan of;
        char store[64];
        wendi_ingest_stats stats;
        size_t length;
        random_state = seed_of(900) + i;
        make_plan(&of, 20000, 700);
        make_store(store);
        planned_source like = {
            .of = &of, .fails_at = NO_FAILURE, .changes_at = NO_CHANGE, .drains_at = 1 + below(of.block_count - 1)};
        wendi_ingest_options options = {.worker_count = workers[i], .commit_interval_ms = 3600000};
        assert_int_equal(run(store, like, options, &stats), WEND_OK);
        assert_true(stats.commit_count >= 2);
        free(check_table(store, &of, UINT32_MAX, &length));
        fixture_folder_remove(store);
        free_plan(&of);
    }
}

/* A column comes while messages are on their way. */
static void test_column_in_the_middle(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < sizeof workers / sizeof *workers; i++) {
        plan of;
        char store[64];
        wendi_ingest_stats stats;
        size_t length;
        random_state = seed_of(7000) + i;
        make_plan(&of, 30000, 2000);
        make_store(store);
        wendi_ingest_options options = {
            .worker_count = workers[i], .commit_interval_ms = 50, .commit_rows = 2 * WENDI_MESSAGE_BLOCK_MAX};
        uint32_t changes_at = 1 + below(of.block_count - 1);
        planned_source like = {.of = &of, .fails_at = NO_FAILURE, .changes_at = changes_at};
        assert_int_equal(run(store, like, options, &stats), WEND_OK);
        assert_int_equal(stats.schema_changes, 1);
        free(check_table(store, &of, of.block_ends[changes_at - 1], &length));
        fixture_folder_remove(store);
        free_plan(&of);
    }
}

/* A column is asked for and memory refused from some call on: a run when it is there again makes all whole. */
static void test_refused_memory(void **state)
{
    uint32_t refused = 0;
    uint32_t changed = 0;
    (void)state;
    for (uint32_t i = 0; i < rounds(24); i++) {
        plan of;
        char store[64];
        wendi_table *table;
        wendi_ingest_stats stats;
        size_t length;
        wend_error error = {0};
        random_state = seed_of(70000) + i;
        make_plan(&of, 6000, 300);
        make_store(store);
        assert_int_equal(wendi_table_open(store, wendi_string_of("events"), &table, &error), WEND_OK);
        wendi_ingest_options options = {
            .worker_count = 1 + i % 4, .commit_interval_ms = 5, .commit_rows = WENDI_MESSAGE_BLOCK_MAX};
        planned_source like = {.of = &of,
                               .store = store,
                               .fails_at = NO_FAILURE,
                               .changes_at = NO_CHANGE,
                               .asks = true,
                               .refused_after = below(2500)};
        wend_status status = wendi_ingest_run(table, open_planned, &like, &options, &stats, &error);
        wendi_alloc_refuse_at(-1);
        if (status != WEND_OK && status != WEND_NOMEM) {
            fail_msg("%s", error.message);
        }
        refused += status == WEND_NOMEM;
        changed += stats.schema_changes != 0;
        wendi_table_close(table);
        like.asks = false;
        assert_int_equal(run(store, like, options, &stats), WEND_OK);
        free(check_table(store, &of, UINT32_MAX, &length));
        fixture_folder_remove(store);
        free_plan(&of);
    }
    print_message("%u runs were refused memory, the column had come in %u\n", refused, changed);
    assert_true(getenv("WEND_SIM_ROUNDS") != NULL || (refused > 5 && changed > 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_table),
        cmocka_unit_test(test_small_blocks),
        cmocka_unit_test(test_failing_source),
        cmocka_unit_test(test_partition_given_up),
        cmocka_unit_test(test_column_in_the_middle),
        cmocka_unit_test(test_refused_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
