/*
 * The key index against a list of all its pairs: random pairs, many with equal tags or homes beside
 * each other, are inserted, moved and removed, and places go below `begin`; and what it says of a
 * bucket's lanes at once against asking them one by one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/table/key_index.h"
#include "tests/support/segment_fixture.h"

enum { PLACES = 6000, STEPS = 30000 };

typedef struct pair {
    wendi_hash128 key;
    bool there;
} pair;

/* Pairs of places first..end-1 are there or were removed; the index says modulo 2^32. */
typedef struct model {
    pair *pairs; /* of place p: pairs[p - origin] */
    uint64_t origin;
    uint64_t first;
    uint64_t end;
    wendi_key_index index;
    uint32_t tag_bits; /* of the keys' 32 random ones; the others are 0 */
    uint64_t random;
} model;

static wendi_hash128 make_key(model *it)
{
    uint64_t tag = random_next(&it->random) >> 32 >> (32 - it->tag_bits);
    if (random_below(&it->random, 2) == 0) { /* homes at the end of a table, and at its begin */
        tag = UINT32_MAX - tag;
    }
    return (wendi_hash128){random_below(&it->random, 16) << 60 | tag, random_next(&it->random)};
}

/* Every place that the index tells for the key, which are all the key's and no other tag's. */
static void check_key(const model *it, wendi_hash128 key)
{
    uint64_t expected = 0;
    uint64_t told = 0;
    uint32_t place;
    for (uint64_t i = it->first; i < it->end; i++) {
        const pair *one = &it->pairs[i - it->origin];
        expected += one->there && one->key.low == key.low && one->key.high == key.high;
    }
    wendi_key_probe probe = wendi_key_index_probe(&it->index, key);
    while (wendi_key_index_next(&probe, &place)) {
        uint64_t i = it->first + (uint32_t)(place - (uint32_t)it->first);
        assert_true(i < it->end);
        const pair *one = &it->pairs[i - it->origin];
        assert_true(one->there && wendi_key_tag(one->key) == wendi_key_tag(key));
        told += one->key.low == key.low && one->key.high == key.high;
    }
    assert_int_equal(told, expected);
}

static uint64_t random_place(model *it)
{
    return it->first + random_below(&it->random, it->end - it->first);
}

static void insert(model *it)
{
    wendi_hash128 key = make_key(it);
    uint64_t place = it->end++;
    it->pairs[place - it->origin] = (pair){key, true};
    assert_int_equal(wendi_key_index_reserve(&it->index, key), WEND_OK);
    wendi_key_index_insert(&it->index, key, (uint32_t)place);
}

static void remove_one(model *it, uint64_t place)
{
    pair *one = &it->pairs[place - it->origin];
    if (one->there) {
        wendi_key_index_remove(&it->index, one->key, (uint32_t)place);
        one->there = false;
        check_key(it, one->key);
    }
}

/* To a place where no pair is any more, and back: what is squeezed does no more. */
static void move_one(model *it, uint64_t from, uint64_t to)
{
    pair *one = &it->pairs[from - it->origin];
    pair *other = &it->pairs[to - it->origin];
    if (one->there && !other->there) {
        wendi_key_index_move(&it->index, one->key, (uint32_t)from, (uint32_t)to);
        *other = *one;
        one->there = false;
        check_key(it, other->key);
    }
}

static void begin_later(model *it, uint64_t by)
{
    it->first = it->first + by < it->end ? it->first + by : it->end - 1;
    it->index.begin = (uint32_t)it->first;
}

static void check_all(const model *it)
{
    uint64_t bytes = 0;
    for (uint64_t i = it->origin; i < it->end; i++) { /* those that are gone, too */
        check_key(it, it->pairs[i - it->origin].key);
    }
    for (uint32_t i = 0; i < WENDI_KEY_INDEX_PARTS; i++) {
        bytes += it->index.parts[i].bucket_count * sizeof(wendi_key_bucket);
    }
    assert_int_equal(it->index.bytes, bytes);
}

static void random_steps(uint64_t origin, uint32_t tag_bits, uint64_t expected, uint64_t seed)
{
    model it = {.origin = origin, .first = origin, .end = origin, .tag_bits = tag_bits,
                .random = seed, .index = {.begin = (uint32_t)origin, .keys_expected = expected}};
    it.pairs = calloc(PLACES, sizeof *it.pairs);
    insert(&it);
    for (uint32_t step = 0; step < STEPS && it.end < origin + PLACES; step++) {
        uint64_t what = random_below(&it.random, 400);
        if (what < 100) {
            insert(&it);
        } else if (what < 130) {
            remove_one(&it, random_place(&it));
        } else if (what < 200) {
            move_one(&it, random_place(&it), random_place(&it));
        } else if (what == 399) {
            begin_later(&it, random_below(&it.random, 200));
        }
    }
    check_all(&it);
    assert_true(it.index.bytes <= 200000); /* what is gone or removed is room for others */
    wendi_key_index_free(&it.index);
    assert_int_equal(it.index.bytes, 0);
    free(it.pairs);
}

static void random_steps_equal_the_list(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        random_steps(0, 32, 0, seed);
        random_steps(UINT32_MAX - 1500, 32, 3000, seed); /* places go round */
        random_steps(UINT64_C(1) << 40, 9, 0, seed);
        random_steps((UINT64_C(1) << 40) + (UINT64_C(1) << 31) - 1000, 3, 400, seed);
    }
}

static void lanes_at_once_are_lanes_one_by_one(void **state)
{
    uint64_t random = 7;
    (void)state;
    for (int round = 0; round < 100000; round++) {
        wendi_key_bucket bucket;
        uint32_t value = (uint32_t)random_next(&random);
        uint32_t equal = 0;
        uint32_t below = 0;
        for (uint32_t lane = 0; lane < WENDI_KEY_LANES; lane++) {
            uint32_t near = value + (uint32_t)random_below(&random, 3) - 1;
            uint32_t far = (uint32_t)random_next(&random);
            bucket.tags[lane] = random_below(&random, 2) == 0 ? near : far;
            bucket.places[lane] =
                random_below(&random, 2) == 0 ? near + WENDI_KEY_INDEX_SPAN : bucket.tags[lane];
            equal |= (uint32_t)(bucket.tags[lane] == value) << lane;
            below |= (uint32_t)(bucket.places[lane] - value >= WENDI_KEY_INDEX_SPAN) << lane;
        }
        assert_int_equal(wendi_key_lanes_equal(bucket.tags, value), equal);
        assert_int_equal(wendi_key_lanes_below(bucket.places, value), below);
    }
}

static bool tells(const wendi_key_index *index, wendi_hash128 key, uint32_t wanted)
{
    wendi_key_probe probe = wendi_key_index_probe(index, key);
    uint32_t place = ~wanted;
    while (place != wanted && wendi_key_index_next(&probe, &place)) {
    }
    return place == wanted;
}

/* One of the tables gets so many that it is given all the room it will need; some hundred of them
 * have their homes at its end, and are found at its begin. */
static wendi_hash128 key_of_large(uint32_t number)
{
    uint64_t tag = number % 1024 == 0 ? UINT32_MAX - number / 1024 : wendi_mix64(number) >> 32;
    return (wendi_hash128){UINT64_C(3) << 60 | tag, number};
}

static void a_large_table_keeps_all(void **state)
{
    enum { KEYS = 700000, KEPT = 500000, STEP = 50000 };
    wendi_key_index index = {.keys_expected = UINT64_C(600000) * WENDI_KEY_INDEX_PARTS};
    (void)state;
    for (uint32_t number = 0; number < KEYS; number++) {
        wendi_hash128 key = key_of_large(number);
        index.begin = number < KEPT ? 0 : number - KEPT;
        assert_int_equal(wendi_key_index_reserve(&index, key), WEND_OK);
        wendi_key_index_insert(&index, key, number);
        for (uint32_t i = index.begin; number % STEP == 0 && i <= number; i++) {
            assert_true(tells(&index, key_of_large(i), i));
        }
    }
    for (uint32_t i = 0; i < KEYS; i++) {
        assert_int_equal(tells(&index, key_of_large(i), i), i >= index.begin);
    }
    uint64_t expected = UINT64_C(600000) * 8 * 10 / 7;
    assert_true(index.bytes <= 2 * expected); /* its own, and what it left for the next table */
    wendi_key_index_free(&index);
}

static void growing_may_be_refused(void **state)
{
    model it = {.tag_bits = 32, .random = 3};
    (void)state;
    it.pairs = calloc(PLACES, sizeof *it.pairs);
    for (int64_t calls = 0; it.end < 1000; calls = (calls + 1) % 3) {
        wendi_hash128 key = make_key(&it);
        wendi_alloc_refuse_at(calls);
        wend_status status = wendi_key_index_reserve(&it.index, key);
        wendi_alloc_refuse_at(-1);
        if (status == WEND_OK) {
            it.pairs[it.end] = (pair){key, true};
            wendi_key_index_insert(&it.index, key, (uint32_t)it.end++);
        } else {
            assert_int_equal(status, WEND_NOMEM);
        }
        check_key(&it, key);
    }
    check_all(&it);
    wendi_key_index_free(&it.index);
    free(it.pairs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_steps_equal_the_list),
        cmocka_unit_test(lanes_at_once_are_lanes_one_by_one),
        cmocka_unit_test(a_large_table_keeps_all),
        cmocka_unit_test(growing_may_be_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
