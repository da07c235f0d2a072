/*
 * The writer's contracts on real files: tables come and go whole, snapshots stand still, there is
 * one writer, requests reach it, the window lives through a restart, leftovers are swept.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/hash.h"
#include "engine/expr/table_ddl.h"
#include "engine/table/commit_log.h"
#include "engine/table/requests.h"
#include "engine/table/table_change.h"
#include "engine/table/table_state.h"
#include "tests/support/table_fixture.h"

static char store[64];
static wendi_table *table;
static wendi_table_writer *writer;
static wend_error error;

static void must(wend_status status)
{
    if (status != WEND_OK) {
        fail_msg("%s: %s (%s)", wend_status_name(status), error.message, error.hint);
    }
}

static int begin(void **state)
{
    (void)state;
    fixture_folder_make(store);
    fixture_create(store, TABLE_FIXTURE_DDL);
    table = NULL;
    writer = NULL;
    return 0;
}

static int end(void **state)
{
    (void)state;
    wendi_table_writer_close(writer);
    wendi_table_close(table);
    fixture_folder_remove(store);
    return 0;
}

static void open_table(void)
{
    must(wendi_table_open(store, wendi_string_of("t"), &table, &error));
}

static void open_writer(void)
{
    must(wendi_table_writer_open(table, NULL, &writer, &error));
}

static void close_all(void)
{
    wendi_table_writer_close(writer);
    wendi_table_close(table);
    writer = NULL;
    table = NULL;
}

static void check_rows(wendi_snapshot *snapshot, uint64_t count_wanted, int64_t sum_wanted)
{
    uint64_t count;
    int64_t sum;
    must(fixture_read(snapshot, &count, &sum, &error));
    assert_int_equal(count, count_wanted);
    assert_int_equal(sum, sum_wanted);
}

static void check_newest(uint64_t count, int64_t sum)
{
    wendi_snapshot *snapshot;
    must(wendi_table_snapshot(table, &snapshot, &error));
    check_rows(snapshot, count, sum);
    wendi_snapshot_release(snapshot);
}

static uint32_t count_files(const char *part)
{
    char command[200];
    unsigned count = 0;
    snprintf(command, sizeof command, "ls -A '%s/t/%s' | wc -l", store, part);
    FILE *pipe = popen(command, "r");
    assert_int_equal(fscanf(pipe, "%u", &count), 1);
    pclose(pipe);
    return count;
}

static void tables_are_made_listed_and_dropped_whole(void **state)
{
    wendi_arena arena = {0};
    wendi_string *names;
    uint32_t count;
    wendi_schema *schema;
    (void)state;
    fixture_create(store, "CREATE TABLE a (x bigint)");
    fixture_shell("mkdir '%s/other' '%s/.creating-old' && touch -d '2 days ago' '%s/.creating-old'",
                  store, store, store);
    fixture_create(store, "CREATE TABLE b (x bigint)");
    fixture_shell("test ! -e '%s/.creating-old'",
                  store); /* a crash left it; the next create swept it */
    must(wendi_table_list(store, &arena, &names, &count, &error));
    assert_int_equal(count, 3);
    assert_true(wendi_string_equal(names[0], wendi_string_of("a")) &&
                wendi_string_equal(names[2], wendi_string_of("t")));
    must(wendi_schema_parse("CREATE TABLE a (x bigint)", &schema, &error));
    assert_int_equal(wendi_table_create(store, schema, &error), WEND_EXISTS);
    wendi_schema_free(schema);
    must(wendi_table_drop(store, wendi_string_of("a"), &error));
    assert_int_equal(wendi_table_drop(store, wendi_string_of("a"), &error), WEND_NOT_FOUND);
    assert_int_equal(wendi_table_open(store, wendi_string_of("a"), &table, &error), WEND_NOT_FOUND);
    assert_non_null(strstr(error.hint, "b, t"));
    assert_int_equal(wendi_table_open(store, wendi_string_of("../x"), &table, &error),
                     WEND_INVALID);
    open_table();
    open_writer();
    assert_int_equal(wendi_table_drop(store, wendi_string_of("t"), &error), WEND_BUSY);
    wendi_arena_free(&arena);
}

static void what_is_committed_is_there_after_reopening(void **state)
{
    (void)state;
    open_table();
    open_writer();
    must(fixture_commit(writer, 0, 100, 2, &error));
    must(fixture_commit(writer, 100, 100, 0, &error)); /* nothing but the source's place */
    must(fixture_commit(writer, 100, 250, 0, &error));
    close_all();
    open_table();
    check_newest(250, 250 * 249 / 2);
    wendi_snapshot *snapshot;
    must(wendi_table_snapshot(table, &snapshot, &error));
    const wendi_table_state *now = wendi_snapshot_state(snapshot);
    assert_int_equal(now->version, 5);
    assert_int_equal(now->segment_count, 2);
    assert_int_equal(now->segments[0].commit_first, 3);
    assert_int_equal(now->segments[1].commit_last, 5);
    assert_int_equal(now->reject_count, 1);
    assert_int_equal(now->rejects[0].row_count, 2);
    assert_int_equal(now->sources[0].next, 250);
    assert_int_equal(now->sources[0].taken, 252);
    wendi_snapshot_release(snapshot);
    fixture_verify(store);
}

static void many_commits_pass_checkpoints(void **state)
{
    (void)state;
    open_table();
    for (int64_t i = 0; i < 200; i++) {
        if (i % 50 == 0) {
            wendi_table_writer_close(writer);
            open_writer();
        }
        must(fixture_commit(writer, i * 3, i * 3 + 3, i % 40 == 0, &error));
    }
    check_newest(600, 600 * 599 / 2);
    fixture_verify(store);
    close_all();
    open_table(); /* from the newest checkpoint */
    check_newest(600, 600 * 599 / 2);
    fixture_shell("test $(ls '%s'/t/log/*.checkpoint | wc -l) = 3", store);
    /* Without the commits that the last checkpoint covers, as after their time, all is still there.
     */
    fixture_shell("rm '%s'/t/log/0000000000000000000*.commit '%s'/t/log/*064.checkpoint", store,
                  store);
    close_all();
    open_table();
    check_newest(600, 600 * 599 / 2);
    fixture_verify(store);
}

static void snapshots_do_not_move(void **state)
{
    wendi_snapshot *before, *between;
    (void)state;
    open_table();
    open_writer();
    must(wendi_table_snapshot(table, &before, &error));
    must(fixture_commit(writer, 0, 10, 0, &error));
    wendi_table *reader;
    must(wendi_table_open(store, wendi_string_of("t"), &reader, &error));
    must(wendi_table_snapshot(reader, &between, &error));
    must(fixture_commit(writer, 10, 30, 0, &error));
    check_rows(before, 0, 0);
    check_rows(between, 10, 45);
    check_newest(30, 435);
    wendi_snapshot *after;
    must(wendi_table_snapshot(reader, &after, &error)); /* another process's view follows the log */
    check_rows(after, 30, 435);
    check_rows(between, 10, 45);
    wendi_snapshot_release(after);
    wendi_snapshot_release(before);
    wendi_snapshot_release(between);
    wendi_table_close(reader);
}

static void uncommitted_segments_are_nowhere(void **state)
{
    wendi_pending_segment *pending;
    (void)state;
    open_table();
    open_writer();
    must(fixture_commit(writer, 0, 10, 0, &error));
    must(fixture_flush(writer, 10, 20, &pending, &error));
    must(fixture_flush(writer, 20, 20, &pending, &error));
    assert_null(pending); /* of an empty builder */
    check_newest(10, 45);
    assert_int_equal(count_files("seg"), 2);
    wendi_table_writer_close(writer);
    writer = NULL;
    assert_int_equal(count_files("seg"), 1);
    fixture_verify(store);
}

static void there_is_one_writer(void **state)
{
    wendi_table_writer *second;
    (void)state;
    open_table();
    open_writer();
    assert_int_equal(wendi_table_writer_open(table, NULL, &second, &error), WEND_BUSY);
    assert_null(second);
    must(fixture_commit(writer, 0, 10, 0, &error));
    wendi_table_writer_close(writer);
    open_writer();
    must(fixture_commit(writer, 10, 20, 0, &error));
    check_newest(20, 190);
}

/* Where locks do not reach (another host), a second writer publishes the next commit: the first one
 * must stop. */
static void a_writer_that_was_overtaken_stops(void **state)
{
    wendi_io *io;
    char folder[WENDI_PATH_BYTES];
    wendi_owned_state now;
    uint64_t checksum;
    (void)state;
    open_table();
    open_writer();
    must(fixture_commit(writer, 0, 10, 0, &error));
    must(wendi_io_open("posix", &io, &error));
    must(wendi_table_find_folder(store, wendi_string_of("t"), folder, &error));
    must(wendi_log_load(io, folder, &now, &error));
    wendi_record takeover = {.kind = WENDI_RECORD_COMMIT,
                             .version = now.state.version + 1,
                             .previous_checksum = now.head_checksum,
                             .epoch = now.state.epoch + 1};
    must(wendi_log_publish(io, folder, &takeover, &checksum, &error));
    assert_int_equal(fixture_commit(writer, 10, 20, 0, &error), WEND_FENCED);
    assert_int_not_equal(fixture_commit(writer, 10, 20, 0, &error),
                         WEND_OK); /* and stays stopped */
    check_newest(10, 45);
    /* Publishing the very same record again is not being overtaken: it is there, and that is what
     * was wanted. */
    must(wendi_log_publish(io, folder, &takeover, &checksum, &error));
    wendi_state_free(&now);
    wendi_io_close(io);
    close_all();
    open_table();
    open_writer();
    must(fixture_commit(writer, 10, 20, 0, &error));
    check_newest(20, 190);
    fixture_verify(store);
}

static void sources_and_clusters_do_not_go_back(void **state)
{
    wendi_source_state source = {
        .topic = wendi_string_of("s"), .shown = wendi_string_of("s"), .next = 9};
    wendi_commit_request request = {
        .sources = &source, .source_count = 1, .cluster_id = wendi_string_of("one")};
    (void)state;
    open_table();
    open_writer();
    must(fixture_commit(writer, 0, 10, 0, &error));
    assert_int_equal(wendi_table_writer_commit(writer, &request, &error), WEND_CONFLICT);
    source.next = source.taken = source.stored = 10;
    must(wendi_table_writer_commit(
        writer, &request, &error)); /* where it stands is fine, and so is a first cluster */
    request.cluster_id = wendi_string_of("two");
    assert_int_equal(wendi_table_writer_commit(writer, &request, &error), WEND_CONFLICT);
    request.cluster_id = wendi_string_of("");
    must(wendi_table_writer_commit(writer, &request, &error)); /* the writer lives on */
    must(fixture_commit(writer, 10, 12, 0, &error));
    assert_true(
        wendi_string_equal(wendi_table_writer_state(writer)->cluster_id, wendi_string_of("one")));
}

static void leftovers_are_swept_when_old(void **state)
{
    (void)state;
    open_table();
    open_writer();
    must(fixture_commit(writer, 0, 10, 1, &error));
    wendi_table_writer_close(writer);
    fixture_shell("cd '%s/t' && cp seg/*.wseg seg/11111111-1111-4111-8111-111111111111.wseg && "
                  "touch tmp/a rejects/b seg/young"
                  " && touch -d '1 hour ago' tmp/a rejects/b seg/* && touch seg/young && cd "
                  "requests && touch 1.answer 2.answer"
                  " 3.request && touch -d '8 days ago' 1.answer 3.request",
                  store);
    open_writer();
    assert_int_equal(count_files("tmp"), 0);
    assert_int_equal(count_files("rejects"), 1);
    assert_int_equal(count_files("requests"),
                     2); /* the request however old, the answer if it is young */
    assert_int_equal(count_files("seg"), 2); /* the one that counts, and the young one */
    check_newest(10, 45);
}

static uint32_t keep_new(wendi_row_builder *builder, int64_t from, int64_t to)
{
    uint8_t keep[1000];
    uint32_t duplicates;
    must(fixture_fill(builder, wendi_table_writer_schema(writer), from, to));
    memset(keep, 1, sizeof keep);
    must(fixture_unique(writer, builder, 0, keep, &duplicates, &error));
    wendi_row_builder_keep(builder, 0, keep);
    return duplicates;
}

/* Deduplicate, flush and commit events from..to-1; returns how many were known. */
static uint32_t commit_new(int64_t from, int64_t to)
{
    wendi_row_builder builder = {0};
    wendi_pending_segment *pending[1];
    uint32_t duplicates = keep_new(&builder, from, to);
    must(wendi_table_writer_flush(writer, &builder, &pending[0], &error));
    wendi_commit_request request = {.segments = pending, .segment_count = pending[0] != NULL};
    must(wendi_table_writer_commit(writer, &request, &error));
    wendi_row_builder_free(&builder);
    return duplicates;
}

static void the_window_lives_through_a_restart(void **state)
{
    (void)state;
    open_table();
    open_writer();
    assert_int_equal(commit_new(0, 300), 0);
    assert_int_equal(commit_new(200, 500), 100);
    wendi_unique_report before = wendi_table_writer_unique_report(writer);
    close_all();
    open_table();
    open_writer();
    wendi_unique_report after = wendi_table_writer_unique_report(writer);
    assert_int_equal(after.keys, 500);
    assert_int_equal(before.keys, after.keys);
    assert_int_equal(before.oldest_commit, after.oldest_commit);
    assert_int_equal(commit_new(0, 500), 500);
    assert_int_equal(commit_new(499, 501), 1);
    check_newest(501, 501 * 500 / 2);
}

static void whole_rows_stay_known_when_a_column_comes(void **state)
{
    static const char *const alters[] = {"ALTER TABLE t ADD COLUMN extra text",
                                         "ALTER TABLE t ADD COLUMN level bigint DEFAULT 7"};
    (void)state;
    wendi_table_drop(store, wendi_string_of("t"), NULL);
    fixture_create(store, "CREATE TABLE t (id bigint, user_id text, ts timestamptz NOT NULL, page "
                          "text, amount numeric(12,2)) "
                          "WITH (user_column='user_id', time_column='ts', unique_rows=true)");
    open_table();
    open_writer();
    assert_int_equal(commit_new(0, 100), 0);
    assert_int_equal(commit_new(0, 100), 100);
    must(wendi_table_writer_alter(writer, wendi_string_of(alters[0]), &error));
    assert_int_equal(commit_new(0, 120), 100); /* the new column is null in both */
    close_all();
    open_table();
    open_writer();
    assert_int_equal(commit_new(0, 130), 120);
    must(wendi_table_writer_alter(writer, wendi_string_of(alters[1]), &error));
    assert_int_equal(wendi_table_writer_unique_report(writer).keys, 130);
    assert_int_equal(commit_new(0, 10), 0); /* null is not 7, which the stored ones read as now */
    check_newest(140, 130 * 129 / 2 + 45);
}

typedef struct server {
    atomic_bool stop;
    int changes;
} server;

static void *serve(void *context)
{
    server *self = context;
    while (!atomic_load(&self->stop)) {
        bool changed;
        wend_error why;
        if (wendi_table_writer_requests(writer, &changed, &why) != WEND_OK) {
            fprintf(stderr, "requests: %s\n", why.message);
            return NULL;
        }
        self->changes += changed;
        struct timespec pause = {0, 2000000};
        nanosleep(&pause, NULL);
    }
    return NULL;
}

static void requests_reach_a_live_writer(void **state)
{
    server self = {.changes = 0};
    pthread_t thread;
    char request[64];
    wendi_table *asker;
    (void)state;
    open_table();
    open_writer();
    must(fixture_commit(writer, 0, 10, 0, &error));
    must(wendi_table_open(store, wendi_string_of("t"), &asker, &error));
    assert_int_equal(pthread_create(&thread, NULL, serve, &self), 0);
    static const char *const alters[] = {
        "ALTER TABLE t ADD COLUMN extra text", "ALTER TABLE t ADD COLUMN extra text",
        "ALTER TABLE t ADD COLUMN y nonsense", "ALTER TABLE t ADD COLUMN more bigint"};
    wend_status outcomes[4];
    wend_error why[4] = {0};
    for (int i = 0; i < 4; i++) {
        outcomes[i] = wendi_table_alter(asker, alters[i], i != 3, request, &why[i]);
    }
    for (int i = 0; i < 5000 && count_files("requests") != 1;
         i++) { /* the last one's answer, which nobody takes away */
        usleep(1000);
    }
    atomic_store(&self.stop, true);
    pthread_join(thread, NULL); /* before anything may fail: the thread uses the writer */
    assert_int_equal(outcomes[0], WEND_OK);
    assert_int_equal(outcomes[1], WEND_EXISTS);
    assert_non_null(strstr(why[1].message, "column of this name"));
    assert_int_not_equal(outcomes[2], WEND_OK);
    assert_true(why[2].position >= 0);
    assert_int_equal(outcomes[3], WEND_OK);
    assert_true(strlen(request) > 40);
    assert_int_equal(self.changes, 2);
    assert_int_equal(wendi_table_writer_schema(writer)->column_count, 7);
    must(fixture_commit(writer, 10, 20, 0,
                        &error)); /* rows of the new shape beside those of the old */
    wendi_table_close(asker);
    check_newest(20, 190);
    fixture_verify(store);
}

static void without_a_writer_the_command_does_it(void **state)
{
    char request[64];
    wendi_snapshot *snapshot;
    (void)state;
    open_table();
    must(wendi_table_alter(table, "ALTER TABLE t ADD COLUMN extra text", true, request, &error));
    assert_string_equal(request, "");
    must(wendi_table_snapshot(table, &snapshot, &error));
    assert_int_equal(wendi_snapshot_schema(snapshot)->column_count, 6);
    wendi_snapshot_release(snapshot);
    assert_int_equal(count_files("requests"), 0);
}

/* A process takes the lock and dies without looking at requests: the command notices and does it
 * itself. */
static void a_dead_writer_is_noticed(void **state)
{
    char request[64];
    int ready[2];
    char byte;
    (void)state;
    open_table();
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        wendi_table *its_table;
        wendi_table_writer *its_writer;
        if (wendi_table_open(store, wendi_string_of("t"), &its_table, NULL) != WEND_OK ||
            wendi_table_writer_open(its_table, NULL, &its_writer, NULL) != WEND_OK ||
            write(ready[1], "x", 1) != 1) {
            _exit(1);
        }
        usleep(300000);
        _exit(0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    must(wendi_table_alter(table, "ALTER TABLE t ADD COLUMN extra text", true, request, &error));
    assert_int_equal(waitpid(child, NULL, 0), child);
    close(ready[0]);
    close(ready[1]);
    assert_int_equal(count_files("requests"), 0);
    open_writer();
    assert_int_equal(wendi_table_writer_schema(writer)->column_count, 6);
}

/* A writer that died after answering and before taking the request away: the next one must not do
 * it again. */
static void an_answered_request_is_not_carried_out_again(void **state)
{
    wendi_io *io;
    wendi_arena arena = {0};
    wendi_string name;
    wendi_request *requests;
    uint32_t count;
    bool changed, answered;
    wend_status outcome;
    wend_error why;
    (void)state;
    open_table();
    open_writer();
    must(wendi_io_open("posix", &io, &error));
    must(wendi_request_leave(io, wendi_table_folder(table), "alter",
                             "ALTER TABLE t ADD COLUMN extra text", &arena, &name, &error));
    fixture_shell("cp '%s/t/requests/%s.request' '%s/copy'", store, name.data, store);
    must(wendi_table_writer_requests(writer, &changed, &error));
    assert_true(changed);
    fixture_shell("cp '%s/copy' '%s/t/requests/%s.request'", store, store, name.data);
    must(wendi_table_writer_requests(writer, &changed, &error));
    assert_false(changed);
    must(wendi_request_collect(io, wendi_table_folder(table), name, &answered, &outcome, &why,
                               &error));
    assert_true(answered);
    assert_int_equal(outcome, WEND_OK);
    must(wendi_request_leave(io, wendi_table_folder(table), "dance", "", &arena, &name, &error));
    must(wendi_table_writer_requests(writer, &changed, &error));
    must(wendi_request_collect(io, wendi_table_folder(table), name, &answered, &outcome, &why,
                               &error));
    assert_int_equal(outcome, WEND_UNSUPPORTED);
    must(wendi_request_list(io, wendi_table_folder(table), &arena, &requests, &count, &error));
    assert_int_equal(count, 0);
    wendi_io_close(io);
    wendi_arena_free(&arena);
}

enum { FLUSHERS = 4, FLUSHES = 6, FLUSH_ROWS = 500 };

static wendi_pending_segment *flushed[FLUSHERS * FLUSHES];

static void *flush_some(void *context)
{
    size_t self = (size_t)(uintptr_t)context;
    for (size_t i = 0; i < FLUSHES; i++) {
        size_t number = self * FLUSHES + i;
        int64_t from = (int64_t)number * FLUSH_ROWS;
        if (fixture_flush(writer, from, from + FLUSH_ROWS, &flushed[number], NULL) != WEND_OK) {
            return NULL;
        }
    }
    return context;
}

static void many_threads_flush_and_read_at_once(void **state)
{
    pthread_t threads[FLUSHERS];
    (void)state;
    open_table();
    open_writer();
    for (size_t i = 0; i < FLUSHERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, flush_some, (void *)(uintptr_t)(i)), 0);
    }
    for (int i = 0; i < 20; i++) {
        check_newest(0, 0);
    }
    for (size_t i = 0; i < FLUSHERS; i++) {
        pthread_join(threads[i], NULL);
    }
    wendi_commit_request request = {.segments = flushed, .segment_count = FLUSHERS * FLUSHES};
    must(wendi_table_writer_commit(writer, &request, &error));
    int64_t rows = FLUSHERS * FLUSHES * FLUSH_ROWS;
    check_newest((uint64_t)rows, rows * (rows - 1) / 2);
}

#define WITH_TABLE(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_TABLE(tables_are_made_listed_and_dropped_whole),
        WITH_TABLE(what_is_committed_is_there_after_reopening),
        WITH_TABLE(many_commits_pass_checkpoints),
        WITH_TABLE(snapshots_do_not_move),
        WITH_TABLE(uncommitted_segments_are_nowhere),
        WITH_TABLE(there_is_one_writer),
        WITH_TABLE(a_writer_that_was_overtaken_stops),
        WITH_TABLE(sources_and_clusters_do_not_go_back),
        WITH_TABLE(leftovers_are_swept_when_old),
        WITH_TABLE(the_window_lives_through_a_restart),
        WITH_TABLE(whole_rows_stay_known_when_a_column_comes),
        WITH_TABLE(requests_reach_a_live_writer),
        WITH_TABLE(without_a_writer_the_command_does_it),
        WITH_TABLE(a_dead_writer_is_noticed),
        WITH_TABLE(an_answered_request_is_not_carried_out_again),
        WITH_TABLE(many_threads_flush_and_read_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
