/*
 * Key files: their bytes, which of them a table has, and that deduplication under event_id 'hash'
 * and 'drop' answers as it does under 'keep', whose window comes back from segments, through random
 * histories with restarts and with rows of the next commit already taken in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/expr/table_ddl.h"
#include "engine/table/commit_keys.h"
#include "engine/table/verify.h"
#include "tests/support/segment_fixture.h"
#include "tests/support/table_fixture.h"

enum { POLICIES = 3, BATCH_MAX = 60, STEPS = 220, ID_RANGE = 900 };

static const char *const policies[POLICIES] = {"keep", "hash", "drop"};
static wend_error error;

static void must(wend_status status)
{
    if (status != WEND_OK) {
        fail_msg("%s: %s (%s)", wend_status_name(status), error.message, error.hint);
    }
}

/* ---- bytes ---- */

static void fill_runs(wendi_arena *arena, uint64_t *random, wendi_key_run *runs, uint32_t count)
{
    uint64_t commit = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t keys = 1 + random_below(random, 9);
        wendi_hash128 *of = wendi_arena_alloc(arena, keys * sizeof *of);
        commit += 1 + random_below(random, 3);
        for (uint64_t k = 0; k < keys; k++) {
            of[k] = (wendi_hash128){random_next(random), random_next(random) | 1};
        }
        runs[i] = (wendi_key_run){commit, of, keys};
    }
}

static void check_runs(const wendi_key_run *a, const wendi_key_run *b, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        assert_true(a[i].commit == b[i].commit && a[i].key_count == b[i].key_count);
        assert_memory_equal(a[i].keys, b[i].keys, a[i].key_count * sizeof(wendi_hash128));
    }
}

static wend_status decode(const void *bytes, size_t length, const uint8_t uuid[WENDI_UUID_BYTES])
{
    wendi_arena arena = {0};
    wendi_key_run *runs = NULL;
    uint32_t count = 0;
    wend_status status = wendi_key_file_decode(bytes, length, uuid, &arena, &runs, &count, &error);
    wendi_arena_free(&arena);
    return status;
}

static void bytes_come_back_or_are_refused(void **state)
{
    uint64_t random = 5;
    (void)state;
    for (uint32_t count = 1; count < 12; count++) {
        wendi_arena arena = {0};
        wendi_buffer bytes = {0};
        wendi_key_run runs[12];
        wendi_key_run *back = NULL;
        uint32_t back_count = 0;
        uint8_t uuid[WENDI_UUID_BYTES];
        wendi_uuid_make(uuid);
        fill_runs(&arena, &random, runs, count);
        must(wendi_key_file_encode(uuid, runs, count, &bytes));
        must(wendi_key_file_decode(bytes.data, bytes.length, uuid, &arena, &back, &back_count,
                                   &error));
        assert_int_equal(back_count, count);
        check_runs(runs, back, count);
        for (size_t at = 0; at < bytes.length; at++) {
            bytes.data[at] ^= (uint8_t)(1u << random_below(&random, 8));
            assert_int_not_equal(decode(bytes.data, bytes.length, uuid), WEND_OK);
            must(wendi_key_file_encode(uuid, runs, count, (bytes.length = 0, &bytes)));
        }
        for (size_t length = 0; length < bytes.length; length++) {
            assert_int_equal(decode(bytes.data, length, uuid), WEND_CORRUPT);
        }
        uuid[3] ^= 1;
        assert_int_equal(decode(bytes.data, bytes.length, uuid), WEND_CORRUPT);
        wendi_buffer_free(&bytes);
        wendi_arena_free(&arena);
    }
}

/* ---- tables ---- */

/* One table of each policy, driven alike. */
typedef struct keyed_table {
    char store[64];
    wendi_table *table;
    wendi_table_writer *writer;
    wendi_row_builder builders[2]; /* they take turns */
    uint32_t turn;                 /* the one that is filled */
    wendi_pending_segment *pending;
    int64_t taken;
    int64_t clock; /* no time comes twice: what has left the window is not found again by it */
} keyed_table;

static void open_keyed(keyed_table *of)
{
    must(wendi_table_open(of->store, wendi_string_of("t"), &of->table, &error));
    must(wendi_table_writer_open(of->table, NULL, &of->writer, &error));
    for (int i = 0; i < 2; i++) {
        must(wendi_row_builder_init(&of->builders[i], wendi_table_writer_schema(of->writer), 4096,
                                    &error));
    }
}

static wendi_row_builder *filling(keyed_table *of)
{
    return &of->builders[of->turn];
}

/* What is not committed is forgotten, as in a crash. */
static void close_keyed(keyed_table *of)
{
    wendi_row_builder_free(&of->builders[0]);
    wendi_row_builder_free(&of->builders[1]);
    wendi_table_writer_close(of->writer);
    wendi_table_close(of->table);
    of->writer = NULL;
    of->table = NULL;
    of->pending = NULL;
}

static void make_keyed(keyed_table *of, const char *policy, uint32_t window)
{
    char ddl[300];
    *of = (keyed_table){.taken = 0};
    fixture_folder_make(of->store);
    snprintf(
        ddl, sizeof ddl,
        "CREATE TABLE t (n bigint, id text UNIQUE, user_id text, ts timestamptz NOT NULL) WITH "
        "(user_column = 'user_id', time_column = 'ts', event_id = '%s', unique_window = %u)",
        policy, window);
    fixture_create(of->store, ddl);
    open_keyed(of);
}

static void remove_keyed(keyed_table *of)
{
    close_keyed(of);
    fixture_folder_remove(of->store);
}

/* Append the rows of `ids` (negative: no id) and ask which of them are new. */
static void take_rows(keyed_table *of, const int64_t *ids, uint32_t count, uint8_t *keep)
{
    uint32_t first = filling(of)->row_count;
    uint32_t duplicates = 0;
    for (uint32_t i = 0; i < count; i++) {
        char text[32];
        wendi_value n = {.type = wendi_type_of(WENDI_TYPE_BIGINT), .i64 = ids[i]};
        wendi_value id = {.type = wendi_type_of(WENDI_TYPE_TEXT), .null = ids[i] < 0};
        wendi_value user = {.type = wendi_type_of(WENDI_TYPE_TEXT)};
        wendi_value ts = {.type = wendi_type_of(WENDI_TYPE_TIMESTAMPTZ), .i64 = ++of->clock};
        id.string = (wendi_string){
            text, (uint32_t)snprintf(text, sizeof text, "event-%lld", (long long)ids[i])};
        user.string = (wendi_string){text, 7};
        must(wendi_row_builder_set(filling(of), 0, &n));
        must(wendi_row_builder_set(filling(of), 1, &id));
        must(wendi_row_builder_set(filling(of), 2, &user));
        must(wendi_row_builder_set(filling(of), 3, &ts));
        filling(of)->partitions[filling(of)->row_count++] = 0;
    }
    memset(keep, 1, count);
    must(fixture_unique(of->writer, filling(of), first, keep, &duplicates, &error));
    wendi_row_builder_keep(filling(of), first, keep);
}

static void flush_rows(keyed_table *of)
{
    of->taken += filling(of)->row_count;
    must(wendi_table_writer_flush(of->writer, filling(of), &of->pending, &error));
    wendi_row_builder_reset(filling(of));
}

static void commit_rows(keyed_table *of)
{
    wendi_string topic = wendi_string_of("s");
    const wendi_source_state *known =
        wendi_state_source(wendi_table_writer_state(of->writer), topic, 0);
    wendi_source_state source =
        known == NULL ? (wendi_source_state){.topic = topic, .shown = topic} : *known;
    source.next++;
    wendi_commit_request request = {.segments = &of->pending,
                                    .segment_count = of->pending != NULL ? 1 : 0,
                                    .sources = &source,
                                    .source_count = 1};
    must(wendi_table_writer_commit(of->writer, &request, &error));
    of->pending = NULL;
}

static void check_alike(const keyed_table *tables)
{
    wendi_unique_report first = wendi_table_writer_unique_report(tables[0].writer);
    for (int p = 1; p < POLICIES; p++) {
        wendi_unique_report report = wendi_table_writer_unique_report(tables[p].writer);
        assert_true(report.keys == first.keys && report.oldest_commit == first.oldest_commit);
    }
}

static void take_alike(keyed_table *tables, uint64_t *random)
{
    int64_t ids[BATCH_MAX];
    uint8_t keep[POLICIES][BATCH_MAX];
    uint32_t count = 1 + (uint32_t)random_below(random, BATCH_MAX);
    for (uint32_t i = 0; i < count; i++) {
        ids[i] = random_below(random, 15) == 0 ? -1 : (int64_t)random_below(random, ID_RANGE);
    }
    for (int p = 0; p < POLICIES; p++) {
        take_rows(&tables[p], ids, count, keep[p]);
        assert_memory_equal(keep[p], keep[0], count);
    }
}

static void turn_over(keyed_table *tables)
{
    for (int p = 0; p < POLICIES; p++) {
        tables[p].turn ^= 1;
    }
}

/* Rows come, are flushed, more rows come, the flushed ones are committed; now and then all dies. */
static void histories_answer_alike(uint64_t seed, uint32_t window)
{
    keyed_table tables[POLICIES];
    uint64_t random = seed;
    for (int p = 0; p < POLICIES; p++) {
        make_keyed(&tables[p], policies[p], window);
    }
    for (int step = 0; step < STEPS; step++) {
        take_alike(tables, &random);
        turn_over(tables);
        if (random_below(&random, 2) == 0) { /* of the commit after, while the flush is under way */
            take_alike(tables, &random);
        }
        for (int p = 0; p < POLICIES; p++) {
            tables[p].turn ^= 1;
            flush_rows(&tables[p]);
        }
        turn_over(tables);
        if (random_below(&random, 3) > 0) {
            take_alike(tables, &random);
        }
        for (int p = 0; p < POLICIES; p++) {
            commit_rows(&tables[p]);
        }
        if (random_below(&random, 6) == 0) {
            for (int p = 0; p < POLICIES; p++) {
                close_keyed(&tables[p]);
                open_keyed(&tables[p]);
            }
            check_alike(tables);
        }
    }
    for (int p = 0; p < POLICIES; p++) {
        fixture_verify(tables[p].store);
        remove_keyed(&tables[p]);
    }
}

static void policies_deduplicate_alike(void **state)
{
    (void)state;
    histories_answer_alike(11, 400);
    histories_answer_alike(12, 60); /* hardly more than a commit */
    histories_answer_alike(13, 1000000);
}

/* The row was taken in before the commit of others, and died with the process: it is new again. */
static void rows_that_were_not_committed_are_not_known(void **state)
{
    (void)state;
    for (int p = 0; p < POLICIES; p++) {
        keyed_table of;
        int64_t ids[2] = {1, 2};
        uint8_t keep[1];
        make_keyed(&of, policies[p], 1000);
        take_rows(&of, &ids[0], 1, keep);
        of.turn = 1;
        take_rows(&of, &ids[1], 1, keep);
        assert_int_equal(keep[0], 1);
        of.turn = 0;
        flush_rows(&of);
        commit_rows(&of);
        close_keyed(&of);
        open_keyed(&of);
        take_rows(&of, &ids[0], 1, keep);
        assert_int_equal(keep[0], 0);
        take_rows(&of, &ids[1], 1, keep);
        assert_int_equal(keep[0], 1);
        remove_keyed(&of);
    }
}

static const wendi_table_state *state_of(const keyed_table *of)
{
    return wendi_table_writer_state(of->writer);
}

static void take_range(keyed_table *of, int64_t from, uint32_t count)
{
    int64_t ids[BATCH_MAX];
    uint8_t keep[BATCH_MAX];
    for (uint32_t i = 0; i < count; i++) {
        ids[i] = from + i;
    }
    take_rows(of, ids, count, keep);
    flush_rows(of);
    commit_rows(of);
}

static void small_commits_make_few_files(void **state)
{
    keyed_table of;
    (void)state;
    make_keyed(&of, "drop", 100000);
    for (int64_t commit = 0; commit < 300; commit++) {
        uint64_t keys = 0;
        take_range(&of, commit * 3, 3);
        for (uint32_t i = 0; i < state_of(&of)->key_file_count; i++) {
            const wendi_key_entry *file = &state_of(&of)->key_files[i];
            keys += file->key_count;
            assert_true(i == 0 || file[-1].commit_last < file->commit_first);
        }
        assert_int_equal(keys, commit * 3 + 3);
        assert_true(state_of(&of)->key_file_count <= 10);
    }
    fixture_verify(of.store);
    remove_keyed(&of);
}

static void files_go_when_their_commits_have_left(void **state)
{
    keyed_table of;
    int64_t old[1] = {7};
    uint8_t keep[1];
    (void)state;
    make_keyed(&of, "hash", 100);
    for (int64_t commit = 0; commit < 200; commit++) {
        take_range(&of, commit * 10, 10);
        uint64_t keys = 0;
        for (uint32_t i = 0; i < state_of(&of)->key_file_count; i++) {
            keys += state_of(&of)->key_files[i].key_count;
        }
        assert_true(keys <= 400); /* of a window of 100, and what shares a file with it */
    }
    take_rows(&of, old, 1, keep);
    assert_int_equal(keep[0], 1);
    fixture_verify(of.store);
    remove_keyed(&of);
}

/* Files as large as can be are not taken in by later ones: they go by themselves. */
static void full_files_go_too(void **state)
{
    enum { KEYS = WENDI_KEY_FILE_FULL + 1000 };
    keyed_table of;
    int64_t *ids = calloc(KEYS, sizeof *ids);
    uint8_t *keep = calloc(KEYS, 1);
    (void)state;
    make_keyed(&of, "drop", KEYS + 10);
    wendi_row_builder_free(filling(&of));
    must(wendi_row_builder_init(filling(&of), wendi_table_writer_schema(of.writer), KEYS, &error));
    for (int64_t commit = 0; commit < 4; commit++) {
        for (int64_t i = 0; i < KEYS; i++) {
            ids[i] = commit * KEYS + i;
        }
        take_rows(&of, ids, KEYS, keep);
        flush_rows(&of);
        commit_rows(&of);
        assert_true(state_of(&of)->key_file_count <= 2);
    }
    assert_int_equal(state_of(&of)->key_file_count,
                     2); /* the window's, and one that the next commit drops */
    fixture_verify(of.store);
    remove_keyed(&of);
    free(ids);
    free(keep);
}

/* ---- damage ---- */

static void note_fault(void *context, const wendi_table_fault *fault)
{
    *(uint32_t *)context += strncmp(fault->path, "keys/", 5) == 0;
}

static void expect_damage(const keyed_table *of, const char *path, size_t at)
{
    uint32_t faults = 0;
    wendi_table_verified verified;
    wendi_table *table = NULL;
    wendi_table_writer *writer = NULL;
    wend_status status =
        wendi_table_verify(of->store, wendi_string_of("t"), note_fault, &faults, &verified, &error);
    if (status != WEND_CORRUPT || faults != 1) {
        fail_msg("%s, byte %zu: verify says %s, %u faults", path, at, wend_status_name(status),
                 faults);
    }
    must(wendi_table_open(of->store, wendi_string_of("t"), &table, &error));
    status = wendi_table_writer_open(table, NULL, &writer, &error);
    if (status == WEND_OK || strstr(error.message, "keys/") == NULL) {
        fail_msg("%s, byte %zu: a writer opens: %s", path, at, error.message);
    }
    wendi_table_close(table);
}

static void damage_is_found(void **state)
{
    keyed_table of;
    char path[256];
    char uuid[WENDI_UUID_TEXT_BYTES];
    (void)state;
    make_keyed(&of, "drop", 1000);
    take_range(&of, 0, 8);
    take_range(&of, 8, 3);
    assert_int_equal(state_of(&of)->key_file_count, 2);
    snprintf(path, sizeof path, "%s/t/keys/%s.keys", of.store,
             wendi_uuid_text(state_of(&of)->key_files[0].uuid, uuid));
    close_keyed(&of);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    for (long at = 0; at < 64 + 16 + 8 * 16; at++) {
        assert_int_equal(fseek(file, at, SEEK_SET), 0);
        int byte = fgetc(file);
        assert_int_not_equal(byte, EOF);
        fseek(file, at, SEEK_SET);
        fputc(byte ^ 0x20, file);
        fflush(file);
        expect_damage(&of, path, (size_t)at);
        fseek(file, at, SEEK_SET);
        fputc(byte, file);
        fflush(file);
    }
    fclose(file);
    fixture_verify(of.store);
    fixture_shell("cp '%s' '%s.kept' && echo >> '%s'", path, path, path);
    expect_damage(&of, path, 0);
    fixture_shell("rm '%s'", path);
    expect_damage(&of, path, 0);
    fixture_shell("mv '%s.kept' '%s'", path, path);
    fixture_verify(of.store);
    open_keyed(&of);
    remove_keyed(&of);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_back_or_are_refused),
        cmocka_unit_test(policies_deduplicate_alike),
        cmocka_unit_test(rows_that_were_not_committed_are_not_known),
        cmocka_unit_test(small_commits_make_few_files),
        cmocka_unit_test(files_go_when_their_commits_have_left),
        cmocka_unit_test(full_files_go_too),
        cmocka_unit_test(damage_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
