/*
 * The deduplication window against a list of sets, over random histories: what it holds, what
 * leaves it, and that one rebuilt newest commit first is the one that lived on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "engine/base/alloc.h"
#include "engine/table/unique_window.h"
#include "tests/support/segment_fixture.h"

enum { COMMITS_MAX = 400, KEYS_PER_COMMIT = 60 };

typedef struct naive_window {
    wendi_hash128 keys[COMMITS_MAX][KEYS_PER_COMMIT];
    uint64_t version[COMMITS_MAX];
    uint32_t count[COMMITS_MAX];
    uint32_t first; /* oldest commit that is held */
    uint32_t last;  /* the one being gathered */
    uint64_t keys_max;
} naive_window;

static bool same(wendi_hash128 a, wendi_hash128 b)
{
    return a.low == b.low && a.high == b.high;
}

static bool naive_holds(const naive_window *naive, wendi_hash128 key)
{
    for (uint32_t commit = naive->first; commit <= naive->last; commit++) {
        for (uint32_t i = 0; i < naive->count[commit]; i++) {
            if (same(naive->keys[commit][i], key)) {
                return true;
            }
        }
    }
    return false;
}

static uint64_t naive_keys(const naive_window *naive)
{
    uint64_t sum = 0;
    for (uint32_t commit = naive->first; commit <= naive->last; commit++) {
        sum += naive->count[commit];
    }
    return sum;
}

/* Commits without keys are no generation: they are written over. */
static void naive_commit(naive_window *naive, uint64_t version)
{
    if (naive->count[naive->last] == 0) {
        return;
    }
    naive->version[naive->last] = version;
    while (naive_keys(naive) > naive->keys_max && naive->first < naive->last) {
        naive->first++;
    }
    naive->last++;
    naive->count[naive->last] = 0;
}

/* Keys whose slots collide: few low bits differ, so that removal has gaps to close. */
static wendi_hash128 make_key(uint64_t number, bool collide)
{
    return collide ? (wendi_hash128){(number % 13) | 1024 * (number / 600), number + 1}
                   : (wendi_hash128){wendi_mix64(number), wendi_mix64(number ^ 77)};
}

static void check_equal(const wendi_unique_window *window, const naive_window *naive,
                        uint64_t key_space, bool collide)
{
    assert_int_equal(wendi_unique_window_keys(window), naive_keys(naive));
    for (uint64_t number = 0; number < key_space; number++) {
        assert_int_equal(wendi_unique_window_holds(window, make_key(number, collide)),
                         naive_holds(naive, make_key(number, collide)));
    }
    assert_int_equal(wendi_unique_window_oldest(window),
                     naive->first == naive->last ? 0 : naive->version[naive->first]);
}

static void rebuild_and_compare(const naive_window *history, uint64_t key_space, bool collide)
{
    wendi_unique_window *rebuilt;
    bool full = false;
    assert_int_equal(wendi_unique_window_open(history->keys_max, &rebuilt, NULL), WEND_OK);
    for (uint32_t commit = history->last; commit > 0 && !full;
         commit--) { /* from the newest, beyond what is held */
        assert_int_equal(wendi_unique_window_prepend(rebuilt, history->version[commit - 1],
                                                     history->keys[commit - 1],
                                                     history->count[commit - 1], &full, NULL),
                         WEND_OK);
    }
    check_equal(rebuilt, history, key_space, collide);
    wendi_unique_window_close(rebuilt);
}

static void random_history(uint64_t *random, uint32_t commits, uint64_t keys_max,
                           uint64_t key_space, bool collide)
{
    naive_window *naive = calloc(1, sizeof *naive);
    wendi_unique_window *window;
    wendi_buffer gathered = {0};
    naive->keys_max = keys_max;
    assert_int_equal(wendi_unique_window_open(keys_max, &window, NULL), WEND_OK);
    for (uint32_t version = 1; version <= commits; version++) {
        uint64_t attempts = random_below(random, KEYS_PER_COMMIT + 1);
        for (uint64_t i = 0; i < attempts; i++) {
            wendi_hash128 key = make_key(random_below(random, key_space), collide);
            bool added;
            bool known = naive_holds(naive, key);
            assert_int_equal(wendi_unique_window_add(window, key, &gathered, &added, NULL), WEND_OK);
            assert_int_equal(added, !known);
            if (!known) {
                naive->keys[naive->last][naive->count[naive->last]++] = key;
            }
        }
        assert_int_equal(wendi_unique_window_commit(window, version * 3, &gathered, NULL), WEND_OK);
        naive_commit(naive, version * 3);
        if (version % 16 == 0 || version == commits) {
            check_equal(window, naive, key_space, collide);
            rebuild_and_compare(naive, key_space, collide);
        }
    }
    wendi_buffer_free(&gathered);
    wendi_unique_window_close(window);
    free(naive);
}

static void random_histories_equal_the_naive_set(void **state)
{
    uint64_t random = 21;
    (void)state;
    for (int round = 0; round < 40; round++) {
        uint64_t keys_max =
            round % 5 == 0 ? 1 + random_below(&random, 20) : 20 + random_below(&random, 800);
        random_history(&random, 50 + (uint32_t)random_below(&random, 100), keys_max,
                       100 + random_below(&random, 1200), round % 2 == 0);
    }
}

static void a_window_with_room_forgets_nothing(void **state)
{
    wendi_unique_window *window;
    wendi_buffer gathered = {0};
    (void)state;
    assert_int_equal(wendi_unique_window_open(1000000, &window, NULL), WEND_OK);
    for (uint64_t number = 0; number < 200000; number++) {
        bool added;
        assert_int_equal(wendi_unique_window_add(window, make_key(number, false), &gathered, &added, NULL),
                         WEND_OK);
        assert_true(added);
        if (number % 1000 == 999) {
            assert_int_equal(wendi_unique_window_commit(window, number / 1000 + 1, &gathered, NULL), WEND_OK);
        }
    }
    for (uint64_t number = 0; number < 200000; number++) {
        assert_true(wendi_unique_window_holds(window, make_key(number, false)));
    }
    assert_false(wendi_unique_window_holds(window, make_key(200001, false)));
    assert_int_equal(wendi_unique_window_oldest(window), 1);
    wendi_buffer_free(&gathered);
    wendi_unique_window_close(window);
}

static void rows_without_a_key_are_never_duplicates(void **state)
{
    wendi_unique_window *window;
    wendi_buffer gathered = {0};
    bool added = false;
    (void)state;
    assert_int_equal(wendi_unique_window_open(10, &window, NULL), WEND_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(wendi_unique_window_add(window, (wendi_hash128){0, 0}, &gathered, &added, NULL),
                         WEND_OK);
        assert_true(added);
    }
    assert_false(wendi_unique_window_holds(window, (wendi_hash128){0, 0}));
    assert_int_equal(wendi_unique_window_keys(window), 0);
    wendi_buffer_free(&gathered);
    wendi_unique_window_close(window);
}

static wend_status small_life(wend_error *error)
{
    wendi_unique_window *window = NULL;
    wendi_buffer gathered = {0};
    wendi_hash128 keys[40];
    bool added, full;
    wend_status status = wendi_unique_window_open(100, &window, error);
    for (uint64_t i = 0; i < 40; i++) {
        keys[i] = make_key(5000 + i, false);
    }
    for (uint64_t version = 21; status == WEND_OK && version < 60; version++) {
        status = wendi_unique_window_prepend(window, 60 - version, keys, version % 2 == 0 ? 1 : 0,
                                             &full, error);
        keys[0] = make_key(6000 + version, false);
    }
    for (uint64_t number = 0; status == WEND_OK && number < 1500; number++) {
        status = wendi_unique_window_add(window, make_key(number, false), &gathered, &added,
                                         error);
        if (status == WEND_OK && number % 50 == 49) {
            status = wendi_unique_window_commit(window, 100 + number, &gathered, error);
        }
    }
    wendi_buffer_free(&gathered);
    wendi_unique_window_close(window);
    return status;
}

static void memory_may_be_refused_at_every_call(void **state)
{
    (void)state;
    for (int64_t calls = 0;; calls++) {
        wend_error error = {0};
        wendi_alloc_refuse_at(calls);
        wend_status status = small_life(&error);
        wendi_alloc_refuse_at(-1);
        if (status == WEND_OK) {
            assert_true(calls > 10);
            return;
        }
        assert_int_equal(status, WEND_NOMEM);
        assert_int_equal(error.status, WEND_NOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_histories_equal_the_naive_set),
        cmocka_unit_test(a_window_with_room_forgets_nothing),
        cmocka_unit_test(rows_without_a_key_are_never_duplicates),
        cmocka_unit_test(memory_may_be_refused_at_every_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
