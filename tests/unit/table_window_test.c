/*
 * The deduplication window against lists of keys, over random histories: what it holds, what leaves
 * it, what is withdrawn before its commit, that one rebuilt newest commit first is the one that
 * lived on, and what all that takes of memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/table/unique_window.h"
#include "tests/support/segment_fixture.h"

enum { BATCHES_MAX = 400, ROWS_MAX = 3000, RULES_MAX = 3, OPEN_MAX = 3 };

/* What was accepted of a batch: rows of `rules` keys. A row that was withdrawn has no keys. */
typedef struct naive_batch {
    wendi_hash128 *keys; /* row after row */
    uint32_t rows;
    uint64_t version; /* 0: not committed */
} naive_batch;

typedef struct naive_window {
    naive_batch batches[BATCHES_MAX + OPEN_MAX];
    uint32_t first;     /* oldest that is held */
    uint32_t committed; /* the first that is not */
    uint32_t last;      /* the one being taken in; they are numbered from 1 */
    uint32_t rules;
    uint64_t keys_max;
} naive_window;

static bool same(wendi_hash128 a, wendi_hash128 b)
{
    return a.low == b.low && a.high == b.high;
}

static bool is_none(wendi_hash128 key)
{
    return (key.low | key.high) == 0;
}

static uint64_t keys_of(const naive_window *naive, uint32_t batch)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < naive->batches[batch].rows * naive->rules; i++) {
        count += !is_none(naive->batches[batch].keys[i]);
    }
    return count;
}

static bool naive_holds(const naive_window *naive, wendi_hash128 key)
{
    for (uint32_t batch = naive->first; batch <= naive->last; batch++) {
        for (uint32_t i = 0; i < naive->batches[batch].rows * naive->rules; i++) {
            if (same(naive->batches[batch].keys[i], key)) {
                return !is_none(key);
            }
        }
    }
    return false;
}

static uint64_t naive_sum(const naive_window *naive, uint32_t end)
{
    uint64_t sum = 0;
    for (uint32_t batch = naive->first; batch < end; batch++) {
        sum += keys_of(naive, batch);
    }
    return sum;
}

static void naive_commit(naive_window *naive, uint32_t batch, uint64_t version)
{
    for (; naive->committed <= batch; naive->committed++) {
        naive->batches[naive->committed].version = version;
    }
    for (;;) { /* whole commits leave, but for the newest that has keys */
        uint32_t of = naive->first;
        while (of < naive->committed && keys_of(naive, of) == 0) {
            of++;
        }
        uint32_t next = of;
        uint64_t rest = naive_sum(naive, naive->committed);
        while (next < naive->committed &&
               naive->batches[next].version == naive->batches[of].version) {
            rest -= keys_of(naive, next++);
        }
        if (of == naive->committed || rest == 0 ||
            naive_sum(naive, naive->committed) <= naive->keys_max) {
            return;
        }
        naive->first = next;
    }
}

/* Keys that collide: of many the tags are equal, or their homes next to each other. */
static wendi_hash128 make_key(uint64_t number, bool collide)
{
    return collide ? (wendi_hash128){(number % 13) | (number % 7) << 60, number + 1}
                   : (wendi_hash128){wendi_mix64(number + 1), wendi_mix64(number ^ 77)};
}

static void check_equal(const wendi_unique_window *window, const naive_window *naive,
                        uint64_t key_space, bool collide)
{
    uint64_t oldest = 0;
    assert_int_equal(wendi_unique_window_keys(window), naive_sum(naive, naive->last + 1));
    for (uint64_t number = 0; number < key_space; number++) {
        assert_int_equal(wendi_unique_window_holds(window, make_key(number, collide)),
                         naive_holds(naive, make_key(number, collide)));
    }
    for (uint32_t batch = naive->first; batch < naive->committed && oldest == 0; batch++) {
        oldest = keys_of(naive, batch) != 0 ? naive->batches[batch].version : 0;
    }
    assert_int_equal(wendi_unique_window_oldest(window), oldest);
}

/* The keys of commit `version`, from the batches of the history. */
static wendi_hash128 *keys_of_commit(const naive_window *naive, uint64_t version, uint64_t *count)
{
    wendi_hash128 *keys = malloc((size_t)OPEN_MAX * 2 * ROWS_MAX * RULES_MAX * sizeof *keys);
    *count = 0;
    for (uint32_t batch = 1; batch < naive->committed; batch++) {
        const naive_batch *one = &naive->batches[batch];
        for (uint32_t i = 0; one->version == version && i < one->rows * naive->rules; i++) {
            if (!is_none(one->keys[i])) {
                keys[(*count)++] = one->keys[i];
            }
        }
    }
    return keys;
}

/* Commits are listed with their keys in order; one rebuilt from the whole history holds the same. */
static void rebuild_and_compare(const wendi_unique_window *window, const naive_window *naive,
                                uint64_t newest, uint64_t key_space, bool collide)
{
    wendi_unique_window *rebuilt;
    bool full = false;
    uint64_t held = 0;
    assert_int_equal(wendi_unique_window_open(naive->keys_max, &rebuilt, NULL), WEND_OK);
    for (uint64_t version = newest; version > 0 && !full; version--) {
        uint64_t count;
        wendi_hash128 *keys = keys_of_commit(naive, version, &count);
        assert_int_equal(wendi_unique_window_prepend(rebuilt, version, keys, count, &full, NULL),
                         WEND_OK);
        free(keys);
    }
    assert_int_equal(wendi_unique_window_commits(rebuilt), wendi_unique_window_commits(window));
    for (uint32_t i = 0; i < wendi_unique_window_commits(window); i++) {
        wendi_window_commit one = wendi_unique_window_at(window, i);
        wendi_window_commit other = wendi_unique_window_at(rebuilt, i);
        uint64_t count;
        wendi_hash128 *expected = keys_of_commit(naive, one.version, &count);
        wendi_hash128 *copies = calloc(2 * (size_t)count + 1, sizeof *copies);
        assert_int_equal(one.commit_us, (int64_t)one.version * 1000);
        assert_int_equal(other.commit_us, 0);
        assert_int_equal(other.version, one.version);
        assert_int_equal(one.key_count, count);
        assert_int_equal(other.key_count, count);
        wendi_unique_window_copy(window, i, copies);
        wendi_unique_window_copy(rebuilt, i, copies + count);
        assert_memory_equal(copies, expected, count * sizeof *copies);
        assert_memory_equal(copies + count, expected, count * sizeof *copies);
        held += count;
        free(expected);
        free(copies);
    }
    assert_int_equal(wendi_unique_window_keys(rebuilt), held);
    if (naive->committed > naive->last) { /* nothing is under way */
        check_equal(rebuilt, naive, key_space, collide);
    }
    wendi_unique_window_close(rebuilt);
}

/* A block of rows into batch naive->last, compared row by row. */
static void take_rows(wendi_unique_window *window, naive_window *naive, uint32_t count,
                      uint64_t key_space, bool collide, uint64_t *random)
{
    naive_batch *batch = &naive->batches[naive->last];
    wendi_hash128 *keys = malloc((size_t)count * naive->rules * sizeof *keys);
    uint8_t *keep = malloc(count + 1u);
    uint8_t *asked = malloc(count + 1u);
    uint32_t duplicates = 0;
    uint32_t expected = 0;
    for (uint32_t row = 0; row < count; row++) {
        asked[row] = keep[row] = random_below(random, 20) != 0;
        for (uint32_t rule = 0; rule < naive->rules; rule++) {
            bool none = random_below(random, 30) == 0;
            wendi_hash128 key = make_key(random_below(random, key_space), collide);
            key.high ^= naive->rules == 1 ? 0 : (uint64_t)(rule + 1) << 60;
            keys[(size_t)rule * count + row] = none ? (wendi_hash128){0, 0} : key;
        }
    }
    assert_int_equal(wendi_unique_window_take(window, naive->last, keys, naive->rules, count, keep,
                                              &duplicates, NULL),
                     WEND_OK);
    for (uint32_t row = 0; row < count; row++) {
        bool held = false;
        for (uint32_t rule = 0; rule < naive->rules; rule++) {
            held |= naive_holds(naive, keys[(size_t)rule * count + row]);
        }
        assert_int_equal(keep[row], asked[row] && !held);
        expected += asked[row] && held;
        for (uint32_t rule = 0; keep[row] && rule < naive->rules; rule++) {
            batch->keys[batch->rows * naive->rules + rule] = keys[(size_t)rule * count + row];
        }
        batch->rows += keep[row];
    }
    assert_int_equal(duplicates, expected);
    free(keys);
    free(keep);
    free(asked);
}

/* Some rows of a batch are not stored after all: all their keys are stored elsewhere. */
static void withdraw_rows(wendi_unique_window *window, naive_window *naive, uint32_t number,
                          uint32_t one_in, uint64_t *random)
{
    static const uint8_t stored[RULES_MAX] = {1, 1, 1};
    naive_batch *batch = &naive->batches[number];
    for (uint32_t row = 0; row < batch->rows; row++) {
        if (random_below(random, one_in) == 0) {
            wendi_hash128 *keys = batch->keys + row * naive->rules;
            assert_true(wendi_unique_window_withdraw(window, keys, stored, naive->rules));
            memset(keys, 0, naive->rules * sizeof *keys);
        }
    }
}

static void random_history(uint64_t *random, uint32_t batches, uint32_t batch_rows,
                           uint64_t keys_max, uint64_t key_space, bool collide, uint32_t rules)
{
    naive_window *naive = calloc(1, sizeof *naive);
    wendi_unique_window *window;
    uint64_t version = 0;
    naive->keys_max = keys_max;
    naive->rules = rules;
    naive->first = naive->committed = 1;
    assert_int_equal(wendi_unique_window_open(keys_max, &window, NULL), WEND_OK);
    for (uint32_t number = 1; number <= batches; number++) {
        naive->last = number;
        naive->batches[number].keys = malloc((size_t)batch_rows * rules * sizeof(wendi_hash128));
        for (uint32_t left = (uint32_t)random_below(random, batch_rows + 1); left > 0;) {
            uint32_t count = 1 + (uint32_t)random_below(random, left);
            take_rows(window, naive, count, key_space, collide, random);
            left -= count;
        }
        if (random_below(random, 3) == 0) {
            uint32_t of = naive->committed +
                          (uint32_t)random_below(random, number - naive->committed + 1);
            withdraw_rows(window, naive, of, 1 + (uint32_t)random_below(random, 4), random);
        }
        bool under_way = number - naive->committed + 1 < OPEN_MAX && random_below(random, 2) == 0;
        if (!under_way || number == batches) {
            uint32_t until = number == batches ? number
                                               : naive->committed + (uint32_t)random_below(
                                                     random, number - naive->committed + 1);
            version++;
            assert_int_equal(wendi_unique_window_commit(window, version, (int64_t)version * 1000,
                                                        until, NULL),
                             WEND_OK);
            naive_commit(naive, until, version);
        }
        if (number % 16 == 0 || number == batches) {
            check_equal(window, naive, key_space, collide);
            rebuild_and_compare(window, naive, version, key_space, collide);
        }
    }
    for (uint32_t number = 1; number <= batches; number++) {
        free(naive->batches[number].keys);
    }
    wendi_unique_window_close(window);
    free(naive);
}

static void random_histories_equal_the_naive_set(void **state)
{
    uint64_t random = 21;
    (void)state;
    for (int round = 0; round < 20; round++) {
        uint64_t keys_max =
            round % 5 == 0 ? 1 + random_below(&random, 20) : 20 + random_below(&random, 800);
        random_history(&random, 50 + (uint32_t)random_below(&random, 100), 60, keys_max,
                       100 + random_below(&random, 1200), round % 2 == 0,
                       1 + (uint32_t)round % RULES_MAX);
    }
}

/* So many that chunks come and go, and withdrawn ones are squeezed out. */
static void long_histories_equal_the_naive_set(void **state)
{
    uint64_t random = 22;
    (void)state;
    for (int round = 0; round < 2; round++) {
        random_history(&random, 16, ROWS_MAX, 2000 + random_below(&random, 12000), 20000, false,
                       1 + (uint32_t)round % 2);
    }
}

static void take_one(wendi_unique_window *window, uint64_t batch, uint64_t number, bool kept)
{
    wendi_hash128 key = make_key(number, false);
    uint8_t keep = 1;
    uint32_t duplicates;
    assert_int_equal(wendi_unique_window_take(window, batch, &key, 1, 1, &keep, &duplicates, NULL),
                     WEND_OK);
    assert_int_equal(keep, kept);
    assert_int_equal(duplicates, !kept);
}

static void a_row_that_others_were_refused_for_stays(void **state)
{
    wendi_unique_window *window;
    wendi_hash128 keys[2] = {make_key(1, false), make_key(2, false)};
    wendi_hash128 other[2] = {make_key(3, false), make_key(2, false)};
    uint8_t keep = 1;
    uint32_t duplicates;
    (void)state;
    assert_int_equal(wendi_unique_window_open(10, &window, NULL), WEND_OK);
    assert_int_equal(wendi_unique_window_take(window, 1, keys, 2, 1, &keep, &duplicates, NULL),
                     WEND_OK);
    assert_int_equal(wendi_unique_window_take(window, 1, other, 2, 1, &keep, &duplicates, NULL),
                     WEND_OK);
    assert_int_equal(duplicates, 1); /* for the sake of its second key */
    assert_false(wendi_unique_window_withdraw(window, keys, (const uint8_t[]){1, 0}, 2));
    assert_true(wendi_unique_window_holds(window, keys[0]) &&
                wendi_unique_window_holds(window, keys[1]));
    assert_true(wendi_unique_window_withdraw(window, keys, (const uint8_t[]){0, 1}, 2));
    assert_false(wendi_unique_window_holds(window, keys[0]) ||
                 wendi_unique_window_holds(window, keys[1]));
    wendi_unique_window_close(window);
}

/* A reload: batch after batch comes in and is withdrawn. The commits that are held stay, and the
 * memory of what was withdrawn is used again. */
static void what_is_withdrawn_takes_no_memory_for_long(void **state)
{
    enum { HELD = 20000, BATCH = 10000 };
    wendi_unique_window *window;
    uint64_t highest = 0;
    (void)state;
    assert_int_equal(wendi_unique_window_open(HELD, &window, NULL), WEND_OK);
    for (uint64_t number = 0; number < HELD; number++) {
        take_one(window, 1, number, true);
    }
    assert_int_equal(wendi_unique_window_commit(window, 1, 1, 1, NULL), WEND_OK);
    for (uint64_t batch = 2; batch < 60; batch++) {
        for (uint64_t i = 0; i < BATCH; i++) {
            take_one(window, batch, batch * BATCH + i + HELD, true);
        }
        if (batch > 2) { /* the batch before, while this one is under way */
            for (uint64_t i = 0; i < BATCH; i++) {
                wendi_hash128 key = make_key((batch - 1) * BATCH + i + HELD, false);
                assert_true(wendi_unique_window_withdraw(window, &key, (const uint8_t[]){1}, 1));
            }
            assert_int_equal(wendi_unique_window_commit(window, batch, 1, batch - 1, NULL), WEND_OK);
        }
        uint64_t bytes = wendi_unique_window_bytes(window);
        highest = bytes > highest ? bytes : highest;
        assert_int_equal(wendi_unique_window_keys(window), HELD + BATCH);
        assert_int_equal(wendi_unique_window_oldest(window), 1);
    }
    assert_true(highest < (HELD + 3 * BATCH) * 40 + 64 * 70000);
    for (uint64_t number = 0; number < HELD; number++) {
        assert_true(wendi_unique_window_holds(window, make_key(number, false)));
    }
    wendi_unique_window_close(window);
}

static void a_window_with_room_forgets_nothing(void **state)
{
    wendi_unique_window *window;
    (void)state;
    assert_int_equal(wendi_unique_window_open(1000000, &window, NULL), WEND_OK);
    for (uint64_t number = 0; number < 200000; number++) {
        take_one(window, number / 1000 + 1, number, true);
        if (number % 1000 == 999) {
            assert_int_equal(wendi_unique_window_commit(window, number / 1000 + 1, 1,
                                                        number / 1000 + 1, NULL),
                             WEND_OK);
        }
    }
    for (uint64_t number = 0; number < 200000; number++) {
        take_one(window, 201, number, false);
    }
    assert_false(wendi_unique_window_holds(window, make_key(200001, false)));
    assert_int_equal(wendi_unique_window_oldest(window), 1);
    assert_true(wendi_unique_window_bytes(window) < 200000 * WENDI_UNIQUE_KEY_BYTES + 100000);
    wendi_unique_window_close(window);
}

static void rows_without_a_key_are_never_duplicates(void **state)
{
    wendi_unique_window *window;
    wendi_hash128 none[3] = {{0, 0}, {0, 0}, {0, 0}};
    uint8_t keep[3] = {1, 1, 1};
    uint32_t duplicates;
    (void)state;
    assert_int_equal(wendi_unique_window_open(10, &window, NULL), WEND_OK);
    assert_int_equal(wendi_unique_window_take(window, 1, none, 1, 3, keep, &duplicates, NULL),
                     WEND_OK);
    assert_int_equal(duplicates, 0);
    assert_true(keep[0] && keep[1] && keep[2]);
    assert_false(wendi_unique_window_holds(window, none[0]));
    assert_int_equal(wendi_unique_window_keys(window), 0);
    assert_int_equal(wendi_unique_window_commit(window, 1, 1, 1, NULL), WEND_OK);
    assert_int_equal(wendi_unique_window_oldest(window), 0);
    wendi_unique_window_close(window);
}

static wend_status small_life(wend_error *error)
{
    wendi_unique_window *window = NULL;
    wendi_hash128 keys[40];
    bool full;
    wend_status status = wendi_unique_window_open(100, &window, error);
    for (uint64_t i = 0; i < 40; i++) {
        keys[i] = make_key(500000 + i, false);
    }
    for (uint64_t version = 21; status == WEND_OK && version < 60; version++) {
        status = wendi_unique_window_prepend(window, 60 - version, keys, version % 2 == 0 ? 1 : 0,
                                             &full, error);
        keys[0] = make_key(600000 + version, false);
    }
    for (uint64_t batch = 1; status == WEND_OK && batch < 300; batch++) {
        uint8_t keep[40];
        uint32_t duplicates;
        memset(keep, 1, sizeof keep);
        for (uint64_t i = 0; i < 40; i++) {
            keys[i] = make_key(batch * 40 + i, false);
        }
        status = wendi_unique_window_take(window, batch, keys, 1, 40, keep, &duplicates, error);
        if (status == WEND_OK && batch % 30 == 29) {
            status = wendi_unique_window_commit(window, 100 + batch, 1, batch - 3, error);
        }
    }
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
        cmocka_unit_test(long_histories_equal_the_naive_set),
        cmocka_unit_test(a_row_that_others_were_refused_for_stays),
        cmocka_unit_test(what_is_withdrawn_takes_no_memory_for_long),
        cmocka_unit_test(a_window_with_room_forgets_nothing),
        cmocka_unit_test(rows_without_a_key_are_never_duplicates),
        cmocka_unit_test(memory_may_be_refused_at_every_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
