/*
 * Is a partition claimed by one process at a time, does its claim end with the process, do the
 * shards of a group stand where the furthest of their tables stands, and is every doubt about who
 * belongs together refused?
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "ingest/shard_claims.h"
#include "tests/support/table_fixture.h"

static char store[64];
static wend_error error;

static void must(wend_status status)
{
    if (status != WEND_OK) {
        fail_msg("%s (%s)", error.message, error.hint);
    }
}

static int make_store(void **state)
{
    (void)state;
    fixture_folder_make(store);
    static const char *const names[] = {"east", "west", "other", "alone"};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        char ddl[64];
        snprintf(ddl, sizeof ddl, "CREATE TABLE %s (x bigint)", names[k]);
        fixture_create(store, ddl);
    }
    return 0;
}

static int remove_store(void **state)
{
    (void)state;
    fixture_folder_remove(store);
    return 0;
}

/* A commit that moves a table to `next` in a partition. */
static void move(const char *table, const char *topic, int32_t partition, int64_t next,
                 uint64_t fingerprint, int64_t gap)
{
    wendi_table *opened = NULL;
    wendi_table_writer *writer = NULL;
    wendi_writer_options options = {0};
    must(wendi_table_open(store, wendi_string_of(table), &opened, &error));
    must(wendi_table_writer_open(opened, &options, &writer, &error));
    wendi_source_state moved = {.topic = wendi_string_of(topic),
                                .shown = wendi_string_of(topic),
                                .partition = partition,
                                .leader_epoch = 7,
                                .next = next,
                                .fingerprint = fingerprint,
                                .gap = gap};
    wendi_commit_request request = {
        .sources = &moved, .source_count = 1, .cluster_id = wendi_string_of("c")};
    must(wendi_table_writer_commit(writer, &request, &error));
    wendi_table_writer_close(writer);
    wendi_table_close(opened);
}

static void claims_exclude_each_other(void **state)
{
    (void)state;
    wendi_shard_claims *east = NULL, *west = NULL, *strangers = NULL;
    void *first = NULL, *second = NULL, *third = NULL;
    must(wendi_shard_claims_open(store, "east", "g", &east, &error));
    must(wendi_shard_claims_open(store, "west", "g", &west, &error));
    must(wendi_shard_claims_open(store, "other", "h", &strangers, &error));
    const wendi_kafka_shards *a = wendi_shard_claims_calls(east);
    const wendi_kafka_shards *b = wendi_shard_claims_calls(west);
    const wendi_kafka_shards *c = wendi_shard_claims_calls(strangers);
    must(a->claim(a->context, "t", 0, &first, &error));
    assert_int_equal(b->claim(b->context, "t", 0, &second, &error), WEND_BUSY);
    assert_null(second);
    char pid[16];
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    assert_non_null(strstr(error.message, pid)); /* who has it */
    must(b->claim(b->context, "t", 1, &second, &error));
    must(c->claim(c->context, "t", 0, &third, &error)); /* another group */
    a->release(a->context, first);
    b->release(b->context, second);
    must(b->claim(b->context, "t", 0, &second, &error));
    b->release(b->context, second);
    c->release(c->context, third);
    wendi_shard_claims_close(east);
    wendi_shard_claims_close(west);
    wendi_shard_claims_close(strangers);
}

static void a_claim_ends_with_its_process(void **state)
{
    (void)state;
    int told[2];
    void *held = NULL;
    wendi_shard_claims *east = NULL;
    assert_int_equal(pipe(told), 0);
    pid_t child = fork();
    if (child == 0) {
        wendi_shard_claims *west = NULL;
        wend_status status = wendi_shard_claims_open(store, "west", "g", &west, &error);
        if (status == WEND_OK) {
            const wendi_kafka_shards *calls = wendi_shard_claims_calls(west);
            status = calls->claim(calls->context, "t", 5, &held, &error);
        }
        if (write(told[1], status == WEND_OK ? "+" : "-", 1) == 1) {
            pause();
        }
        _exit(1);
    }
    char answer = 0;
    assert_int_equal(read(told[0], &answer, 1), 1);
    assert_int_equal(answer, '+');
    must(wendi_shard_claims_open(store, "east", "g", &east, &error));
    const wendi_kafka_shards *calls = wendi_shard_claims_calls(east);
    assert_int_equal(calls->claim(calls->context, "t", 5, &held, &error), WEND_BUSY);
    kill(child, SIGSTOP); /* asleep is not dead */
    assert_int_equal(calls->claim(calls->context, "t", 5, &held, &error), WEND_BUSY);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    must(calls->claim(calls->context, "t", 5, &held, &error));
    calls->release(calls->context, held);
    wendi_shard_claims_close(east);
    close(told[0]);
    close(told[1]);
}

static void shards_stand_where_the_furthest_stands(void **state)
{
    (void)state;
    wendi_shard_claims *east = NULL, *west = NULL;
    must(wendi_shard_claims_open(store, "east", "g", &east, &error));
    must(wendi_shard_claims_open(store, "west", "g", &west, &error));
    move("east", "t", 0, 100, 11, 3);
    move("west", "t", 0, 250, 22, 0);
    move("west", "t", 1, 40, 33, 5);
    move("other", "t", 0, 9000, 44, 0); /* a shard of the group h, from the first test */
    for (int which = 0; which < 2; which++) {
        const wendi_kafka_shards *calls = wendi_shard_claims_calls(which == 0 ? east : west);
        wendi_kafka_start starts[] = {{.topic = "t", .partition = 0},
                                      {.topic = "t", .partition = 1},
                                      {.topic = "t", .partition = 2},
                                      {.topic = "u", .partition = 0}};
        must(calls->stand(calls->context, starts, 4, &error));
        assert_int_equal(starts[0].next, 250);
        assert_int_equal(starts[0].fingerprint, 22);
        assert_int_equal(starts[0].leader_epoch, 7);
        assert_int_equal(starts[0].gap, which == 0 ? 3 : 0); /* each table tells its own */
        assert_int_equal(starts[1].next, 40);
        assert_int_equal(starts[1].gap, which == 0 ? 0 : 5);
        assert_int_equal(starts[2].next, -1);
        assert_int_equal(starts[3].next, -1);
    }
    move("alone", "t", 3, 70, 55, 0); /* of no group */
    const wendi_kafka_shards *calls = wendi_shard_claims_calls(east);
    wendi_kafka_start start = {.topic = "t", .partition = 0};
    must(calls->stand(calls->context, &start, 1,
                      &error)); /* not in doubt: it has not read this one */
    start.partition = 3;
    assert_int_equal(calls->stand(calls->context, &start, 1, &error), WEND_CONFLICT);
    assert_non_null(strstr(error.message, "alone"));
    wendi_shard_claims_close(east);
    wendi_shard_claims_close(west);
}

static void a_table_belongs_to_one_group(void **state)
{
    (void)state;
    wendi_shard_claims *claims = NULL;
    assert_int_equal(wendi_shard_claims_open(store, "east", "h", &claims, &error), WEND_CONFLICT);
    assert_non_null(strstr(error.message, "g"));
    assert_int_equal(wendi_shard_claims_check_alone(store, "east", &error), WEND_CONFLICT);
    assert_non_null(strstr(error.hint, "--group g"));
    must(wendi_shard_claims_check_alone(store, "alone", &error));
    static const char *const bad[] = {"", ".hidden", "a/b", "a b", "x\n"};
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        assert_int_equal(wendi_shard_claims_open(store, "alone", bad[k], &claims, &error),
                         WEND_INVALID);
        assert_null(claims);
    }
    must(wendi_shard_claims_open(store, "east", "g", &claims, &error)); /* again: nothing changes */
    wendi_shard_claims_close(claims);
    fixture_shell("printf 'a b' > '%s/east/GROUP'", store);
    assert_int_equal(wendi_shard_claims_open(store, "east", "g", &claims, &error), WEND_CORRUPT);
    fixture_shell("printf 'g\\n' > '%s/east/GROUP'", store);
    must(wendi_shard_claims_leave(store, "east", &error)); /* it has read nothing, says the caller */
    must(wendi_shard_claims_check_alone(store, "east", &error));
    must(wendi_shard_claims_leave(store, "east", &error));
    must(wendi_shard_claims_open(store, "east", "h", &claims, &error));
    wendi_shard_claims_close(claims);
    must(wendi_table_drop(store, wendi_string_of("east"), &error)); /* with its file of the group */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(claims_exclude_each_other),
        cmocka_unit_test(a_claim_ends_with_its_process),
        cmocka_unit_test(shards_stand_where_the_furthest_stands),
        cmocka_unit_test(a_table_belongs_to_one_group),
    };
    return cmocka_run_group_tests(tests, make_store, remove_store);
}
