/*
 * Random histories of ingest against a naive model: messages with dirt from several partitions (and files),
 * small commits, deaths at random moments in one process (everything but the folder is dropped), resuming.
 *
 * The model knows every message: exactly the first good one of each key is stored, the others are rejected,
 * repeated or tombstones. At the end the table's accounts and rows, and its rejects, must be the model's.
 *
 * WEND_SIM_SEED and WEND_SIM_ROUNDS choose other and more histories.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/base/alloc.h"
#include "engine/table/writer.h"
#include "format/segment_reader.h"
#include "ingest/appender.h"
#include "ingest/ingest.h"
#include "ingest/rejects.h"
#include "tests/support/segment_rows.h"
#include "tests/support/table_fixture.h"

enum { PARTITIONS = 3, MESSAGES_MAX = 6000, TEXT_BYTES = 160, SOURCE_FAILS = 1 << 20 };

/* Rows can be told by `twin` when their id is stored as a hash or not at all. */
static const char ddl[] =
    "CREATE TABLE events (twin bigint OPTIONS (path '$.id'), user_id text, ts timestamptz NOT NULL, amount numeric(8,2) "
    "CHECK (amount >= 0), big boolean GENERATED ALWAYS AS (amount > 50) STORED, place bigint OPTIONS (path '$offset'), "
    "id text UNIQUE) WITH (user_column='user_id', time_column='ts', event_id = '%s', rest = 'keep')";
static const char *const policies[] = {"keep", "hash", "drop"};

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

/* ---- the history ------------------------------------------------------------------------------ */

typedef enum message_fate { FATE_GOOD, FATE_REJECTED, FATE_TOMBSTONE } message_fate;

typedef struct planned {
    char text[TEXT_BYTES];
    int64_t id; /* -1: null, never a repeat */
    message_fate fate;
} planned;

typedef struct sim_history {
    planned *messages[PARTITIONS];
    uint32_t counts[PARTITIONS];
} sim_history;

static void plan_message(planned *message, uint32_t id_range)
{
    char id[32];
    message->id = below(20) == 0 ? -1 : (int64_t)below(id_range);
    snprintf(id, sizeof id, message->id < 0 ? "null" : "%lld", (long long)message->id);
    const char *format = "{\"id\":%s,\"user_id\":\"u%u\",\"ts\":\"2025-01-%02uT00:00:00Z\",\"amount\":%u.25}";
    message->fate = FATE_GOOD;
    switch (below(24)) {
    case 0:
        format = "{\"id\":%s,\"user_id\":\"u%u\",\"ts\":\"2025-01-%02uT00:00:00Z\",\"amount\":-%u.25}";
        message->fate = FATE_REJECTED;
        break;
    case 1:
        format = "{\"id\":%s,\"user_id\":\"u%u\",\"amount\":%u,\"x\":%u}";
        message->fate = FATE_REJECTED;
        break;
    case 2:
        format = "{\"id\":%s,\"user_id\":\"u%u\",\"ts\":\"2025-01-%02uT00:00:00Z\",\"amount\":%u.2";
        message->fate = FATE_REJECTED;
        break;
    case 3:
        message->fate = FATE_TOMBSTONE;
        break;
    default:
        break;
    }
    snprintf(message->text, sizeof message->text, format, id, below(30), 1 + below(28), below(100));
}

static void plan(sim_history *history, bool tombstones)
{
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        history->counts[p] = 200 + below(MESSAGES_MAX - 200);
        history->messages[p] = calloc(history->counts[p], sizeof(planned));
        for (uint32_t i = 0; i < history->counts[p]; i++) {
            do {
                plan_message(&history->messages[p][i], 20000);
            } while (!tombstones && history->messages[p][i].fate == FATE_TOMBSTONE);
        }
    }
}

static void forget(sim_history *history)
{
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        free(history->messages[p]);
    }
}

/* ---- a source of it --------------------------------------------------------------------------- */

typedef struct fake_source {
    wendi_source base;
    const sim_history *history;
    wendi_source_partition partitions[PARTITIONS];
    uint32_t blocks_left; /* then it fails, as if the process had died */
    uint32_t block_max;
} fake_source;

static wend_status fake_next(wendi_source *self, wendi_message_block *block, int timeout_ms, wend_error *error)
{
    fake_source *source = (fake_source *)(void *)self;
    (void)timeout_ms;
    wendi_message_block_reset(block);
    if (source->blocks_left-- == 0) {
        return wendi_fail(error, WEND_CANCELLED, "the process dies here");
    }
    uint32_t want = 1 + below(source->block_max);
    if (below(3) == 0) {
        usleep(below(4000)); /* long enough for a commit by time */
    }
    bool any = false;
    for (uint32_t tries = 0; tries < 20 * PARTITIONS && block->count < want; tries++) {
        uint32_t p = below(PARTITIONS);
        wendi_source_partition *partition = &source->partitions[p];
        if (partition->next >= source->history->counts[p]) {
            partition->finished = true;
            continue;
        }
        const planned *message = &source->history->messages[p][partition->next];
        uint32_t length = (uint32_t)strlen(message->text);
        char *space = wendi_message_block_space(block, length);
        if (space == NULL) {
            return wendi_fail_nomem(error, "a message", length);
        }
        memcpy(space, message->text, length);
        block->messages[block->count++] = (wendi_message){
            .payload = message->fate == FATE_TOMBSTONE ? NULL : space,
            .length = message->fate == FATE_TOMBSTONE ? 0 : length,
            .partition = p,
            .position = partition->next,
            .next = partition->next + 1,
            .timestamp_us = INT64_MIN};
        partition->next++;
        partition->fingerprint = (uint64_t)partition->next * 31;
    }
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        any |= source->partitions[p].next < source->history->counts[p];
    }
    return block->count == 0 && !any ? WEND_END : WEND_OK;
}

static const wendi_source_partition *fake_partitions(wendi_source *self, uint32_t *count)
{
    *count = PARTITIONS;
    return ((fake_source *)(void *)self)->partitions;
}

static void fake_close(wendi_source *self)
{
    free(self);
}

static wend_status open_fake(void *context, const wendi_table_state *state, wendi_source **source_out,
                             wendi_string *cluster_id, wend_error *error)
{
    const fake_source *like = context;
    fake_source *source = calloc(1, sizeof *source);
    (void)error;
    *source = *like;
    source->base = (wendi_source){.next = fake_next, .partitions = fake_partitions, .close = fake_close};
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        source->partitions[p] = (wendi_source_partition){.topic = "clicks", .partition = (int32_t)p, .shown = "clicks", .end = -1};
        for (uint32_t i = 0; i < state->source_count; i++) {
            if (state->sources[i].partition == (int32_t)p) {
                source->partitions[p].next = state->sources[i].next;
                assert_int_equal(state->sources[i].fingerprint, (uint64_t)state->sources[i].next * 31);
            }
        }
    }
    *cluster_id = wendi_string_of("cluster-1");
    *source_out = &source->base;
    return WEND_OK;
}

/* ---- the model -------------------------------------------------------------------------------- */

typedef struct reject_tally {
    const sim_history *history;
    uint32_t seen[PARTITIONS];
    int64_t last_offset[PARTITIONS];
} reject_tally;

static wend_status tally_reject(void *context, const wendi_reject_row *row)
{
    reject_tally *tally = context;
    assert_in_range(row->partition, 0, PARTITIONS - 1);
    assert_in_range(row->offset, 0, tally->history->counts[row->partition] - 1);
    const planned *message = &tally->history->messages[row->partition][row->offset];
    assert_int_equal(message->fate, FATE_REJECTED);
    assert_int_equal(row->raw.length, strlen(message->text));
    assert_memory_equal(row->raw.data, message->text, row->raw.length);
    assert_true(row->reason.length > 5);
    tally->seen[row->partition]++;
    return WEND_OK;
}

static void check_accounts(const sim_history *history, const wendi_table_state *state, reject_tally *tally, uint64_t row_count)
{
    int64_t stored = 0;
    assert_int_equal(state->source_count, PARTITIONS);
    for (uint32_t i = 0; i < state->source_count; i++) {
        const wendi_source_state *source = &state->sources[i];
        uint32_t p = (uint32_t)source->partition;
        int64_t rejected = 0;
        int64_t tombstones = 0;
        for (uint32_t k = 0; k < history->counts[p]; k++) {
            rejected += history->messages[p][k].fate == FATE_REJECTED;
            tombstones += history->messages[p][k].fate == FATE_TOMBSTONE;
        }
        assert_int_equal(source->next, history->counts[p]);
        assert_int_equal(source->taken, history->counts[p]);
        assert_int_equal(source->rejected, rejected);
        assert_int_equal(source->tombstones, tombstones);
        assert_int_equal(source->taken, source->stored + source->rejected + source->deduplicated + source->tombstones);
        assert_int_equal(tally->seen[p], rejected);
        stored += source->stored;
    }
    assert_int_equal(stored, row_count);
}

/* Each id once, each null id as often as it came; the row's own message says what it must hold. */
static void check_rows(const sim_history *history, const test_segment_rows *rows)
{
    uint8_t *stored = calloc(20000, 1);
    uint32_t null_ids = 0;
    uint32_t null_planned = 0;
    uint32_t distinct = 0;
    for (uint64_t row = 0; row < rows->row_count; row++) {
        const wendi_value *id = test_segment_value(rows, row, 0);
        const wendi_value *amount = test_segment_value(rows, row, 3);
        const wendi_value *big = test_segment_value(rows, row, 4);
        assert_false(big->null);
        assert_int_equal(big->i64, amount->i64 > 5000);
        if (id->null) {
            null_ids++;
            continue;
        }
        assert_int_equal(stored[id->i64], 0);
        stored[id->i64] = 1;
    }
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        for (uint32_t i = 0; i < history->counts[p]; i++) {
            const planned *message = &history->messages[p][i];
            null_planned += message->fate == FATE_GOOD && message->id < 0;
            if (message->fate == FATE_GOOD && message->id >= 0) {
                assert_int_not_equal(stored[message->id], 0);
                distinct += stored[message->id] == 1;
                stored[message->id] = 2;
            }
        }
    }
    assert_int_equal(null_ids, null_planned);
    assert_int_equal(distinct + null_ids, rows->row_count);
    free(stored);
}

static void check_all(const char *store, const sim_history *history)
{
    wendi_table *table;
    wendi_snapshot *snapshot;
    wend_error error;
    reject_tally tally = {.history = history};
    assert_int_equal(wendi_table_open(store, wendi_string_of("events"), &table, &error), WEND_OK);
    assert_int_equal(wendi_table_snapshot(table, &snapshot, &error), WEND_OK);
    assert_int_equal(wendi_rejects_read(table, tally_reject, &tally, &error), WEND_OK);
    test_segment_rows rows;
    test_segment_rows_read(snapshot, &rows);
    check_accounts(history, wendi_snapshot_state(snapshot), &tally, rows.row_count);
    check_rows(history, &rows);
    test_segment_rows_free(&rows);
    wendi_snapshot_release(snapshot);
    wendi_table_close(table);
}

/* ---- histories -------------------------------------------------------------------------------- */

static void make_table(char store[64], const char *policy)
{
    char text[sizeof ddl + 8];
    snprintf(text, sizeof text, ddl, policy);
    fixture_folder_make(store);
    fixture_create(store, text);
}

static wend_status ingest_once(const char *store, const sim_history *history, bool die, wend_error *error)
{
    wendi_table *table;
    wendi_ingest_stats stats;
    fake_source like = {.history = history, .block_max = 1 + below(400), .blocks_left = die ? 1 + below(25) : SOURCE_FAILS};
    wendi_ingest_options options = {.commit_rows = 4096 + below(4096), .commit_interval_ms = 1 + below(30)};
    assert_int_equal(wendi_table_open(store, wendi_string_of("events"), &table, error), WEND_OK);
    wend_status status = wendi_ingest_run(table, open_fake, &like, &options, &stats, error);
    assert_int_equal(stats.taken, stats.stored + stats.rejected + stats.deduplicated + stats.tombstones);
    wendi_table_close(table);
    return status;
}

static void test_histories(void **state)
{
    const char *seed = getenv("WEND_SIM_SEED");
    const char *rounds = getenv("WEND_SIM_ROUNDS");
    (void)state;
    for (long round = 0; round < (rounds != NULL ? atol(rounds) : 6); round++) {
        char store[64];
        sim_history history;
        wend_error error = {0};
        random_state = (seed != NULL ? strtoull(seed, NULL, 10) : 42) + (uint64_t)round;
        plan(&history, true);
        make_table(store, policies[round % 3]);
        for (int deaths = 0; deaths < 6; deaths++) {
            wend_status status = ingest_once(store, &history, true, &error);
            if (status != WEND_OK && status != WEND_CANCELLED) {
                fail_msg("round %ld: %s", round, error.message);
            }
        }
        if (ingest_once(store, &history, false, &error) != WEND_OK) {
            fail_msg("round %ld: %s", round, error.message);
        }
        check_all(store, &history);
        if (ingest_once(store, &history, false, &error) != WEND_OK) { /* nothing is left to do */
            fail_msg("round %ld: %s", round, error.message);
        }
        check_all(store, &history);
        forget(&history);
        fixture_folder_remove(store);
    }
}

/* Memory refused at the n-th call, for many n: the run fails or not, and a later one makes it whole. */
static void test_refused_memory(void **state)
{
    char store[64];
    sim_history history;
    wend_error error = {0};
    uint32_t refused = 0;
    (void)state;
    random_state = 99;
    plan(&history, true);
    make_table(store, "drop");
    for (int64_t calls = 0; calls < 1500; calls += 1 + calls / 6) {
        wendi_table *table;
        wendi_ingest_stats stats;
        fake_source like = {.history = &history, .block_max = 200, .blocks_left = 4};
        wendi_ingest_options options = {.commit_rows = 4096, .commit_interval_ms = 5};
        assert_int_equal(wendi_table_open(store, wendi_string_of("events"), &table, &error), WEND_OK);
        wendi_alloc_refuse_at(calls);
        wend_status status = wendi_ingest_run(table, open_fake, &like, &options, &stats, &error);
        wendi_alloc_refuse_at(-1);
        refused += status == WEND_NOMEM;
        if (status != WEND_NOMEM && status != WEND_OK && status != WEND_CANCELLED) {
            fail_msg("after %lld calls: %s: %s", (long long)calls, wend_status_name(status), error.message);
        }
        wendi_table_close(table);
    }
    assert_true(refused > 5);
    if (ingest_once(store, &history, false, &error) != WEND_OK) {
        fail_msg("%s", error.message);
    }
    check_all(store, &history);
    forget(&history);
    fixture_folder_remove(store);
}

/* The same through files: one a partition, killed and resumed; positions are bytes, so only counts are compared. */
static void test_files(void **state)
{
    char store[64];
    char paths[PARTITIONS][128];
    const char *list[PARTITIONS];
    sim_history history;
    wend_error error = {0};
    int64_t planned_lines = 0;
    (void)state;
    random_state = 7;
    plan(&history, false);
    make_table(store, "keep");
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        snprintf(paths[p], sizeof paths[p], "%s/part%u.ndjson", store, p);
        list[p] = paths[p];
        FILE *file = fopen(paths[p], "w");
        assert_non_null(file);
        for (uint32_t i = 0; i < history.counts[p]; i++) {
            fprintf(file, "%s\n", history.messages[p][i].text);
        }
        fclose(file);
        planned_lines += history.counts[p];
    }
    for (int turn = 0; turn < 8; turn++) {
        wendi_ingest_stats stats;
        wendi_file_source_options files = {.paths = list, .path_count = PARTITIONS, .read_bytes = 65536};
        wendi_ingest_options options = {.commit_rows = 4096, .message_count_max = turn < 6 ? 700 : 0};
        if (wendi_ingest_files(store, "events", &files, &options, &stats, &error) != WEND_OK) {
            fail_msg("%s", error.message);
        }
        assert_int_equal(stats.taken, stats.taken_committed);
        planned_lines -= (int64_t)stats.taken;
    }
    assert_int_equal(planned_lines, 0);
    forget(&history);
    fixture_folder_remove(store);
}

/* The appender gives what the pipeline gives, and its position survives with the rows. */
static void test_appender(void **state)
{
    char store[64];
    sim_history history;
    wend_error error = {0};
    wendi_table *table;
    wendi_appender *appender;
    (void)state;
    random_state = 11;
    plan(&history, false);
    make_table(store, "keep");
    uint32_t at = 0;
    int64_t rejected = 0;
    for (int turn = 0; turn < 5; turn++) {
        assert_int_equal(wendi_table_open(store, wendi_string_of("events"), &table, &error), WEND_OK);
        assert_int_equal(wendi_appender_open(table, "test", NULL, &appender, &error), WEND_OK);
        assert_int_equal(wendi_appender_position(appender), at);
        uint32_t begin = at;
        int64_t rejected_before = rejected;
        while (at < history.counts[0] && at < begin + 150) {
            const planned *message = &history.messages[0][at];
            char line[TEXT_BYTES + 2];
            int length = snprintf(line, sizeof line, "%s\n", message->text);
            assert_int_equal(wendi_appender_json(appender, line, (size_t)length, &error), WEND_OK);
            rejected += message->fate == FATE_REJECTED;
            at++;
        }
        wendi_appender_counts counts = wendi_appender_counts_now(appender);
        assert_int_equal(counts.taken, at - begin);
        assert_int_equal(counts.rejected, rejected - rejected_before);
        assert_int_equal(counts.taken, counts.stored + counts.rejected + counts.deduplicated);
        if (turn % 2 == 0) {
            assert_int_equal(wendi_appender_commit(appender, at, &error), WEND_OK);
        } else { /* dies: all of it is to be done again */
            at = begin;
            rejected = rejected_before;
        }
        wendi_appender_close(appender);
        wendi_table_close(table);
    }
    assert_int_equal(wendi_table_open(store, wendi_string_of("events"), &table, &error), WEND_OK);
    wendi_snapshot *snapshot;
    assert_int_equal(wendi_table_snapshot(table, &snapshot, &error), WEND_OK);
    const wendi_table_state *table_state = wendi_snapshot_state(snapshot);
    assert_int_equal(table_state->source_count, 1);
    assert_int_equal(table_state->sources[0].taken, at);
    assert_int_equal(table_state->sources[0].rejected, rejected);
    wendi_snapshot_release(snapshot);
    wendi_table_close(table);
    forget(&history);
    fixture_folder_remove(store);
}

/* Typed rows: NOT NULL, CHECK and UNIQUE judge them too, and a refused row is shown as JSON. */
static wend_status count_typed_rejects(void *context, const wendi_reject_row *row)
{
    uint32_t *count = context;
    if (*count == 0) {
        assert_non_null(memmem(row->raw.data, row->raw.length, "\"amount\":-1.00", 14));
    }
    (*count)++;
    return WEND_OK;
}

static void test_typed_rows(void **state)
{
    char store[64];
    wend_error error = {0};
    wendi_table *table;
    wendi_appender *appender;
    wendi_row_builder *builder;
    (void)state;
    make_table(store, "keep");
    assert_int_equal(wendi_table_open(store, wendi_string_of("events"), &table, &error), WEND_OK);
    assert_int_equal(wendi_appender_open(table, "typed", NULL, &appender, &error), WEND_OK);
    assert_int_equal(wendi_appender_rows(appender, 5, &builder, &error), WEND_OK);
    const int64_t ids[] = {1, 2, 2, 3, 4};
    const int64_t amounts[] = {100, -100, 200, 300, 6000};
    for (uint32_t i = 0; i < 5; i++) {
        for (uint32_t c = 0; c < builder->column_count; c++) {
            wendi_value value = {.type = builder->columns[c].type, .null = true};
            assert_int_equal(wendi_row_builder_set(builder, c, &value), WEND_OK);
        }
        builder->columns[0].i64[i] = ids[i];
        builder->columns[0].nulls[i] = 0;
        builder->columns[3].i64[i] = amounts[i];
        builder->columns[3].nulls[i] = 0;
        builder->columns[2].nulls[i] = i == 3; /* ts: null in row 3 */
        builder->partitions[i] = 0;
        builder->row_count++;
    }
    assert_int_equal(wendi_appender_settle(appender, &error), WEND_OK);
    wendi_appender_counts counts = wendi_appender_counts_now(appender);
    assert_int_equal(counts.taken, 5);
    assert_int_equal(counts.rejected, 2); /* the CHECK, then the null; id 2 is free for its second row */
    assert_int_equal(counts.stored, 3);
    assert_int_equal(wendi_appender_commit(appender, 1, &error), WEND_OK);
    uint32_t rejects = 0;
    assert_int_equal(wendi_rejects_read(table, count_typed_rejects, &rejects, &error), WEND_OK);
    assert_int_equal(rejects, 2);
    wendi_appender_close(appender);
    wendi_table_close(table);
    fixture_folder_remove(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_histories),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_appender),
        cmocka_unit_test(test_typed_rows),
        cmocka_unit_test(test_refused_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
