/* Inserting, removing and growing; looking up is in the header, since it is done for every row. */
#include "engine/table/key_index.h"

#include <string.h>

#include "engine/base/alloc.h"

enum {
    BUCKETS_MIN = 2,
    LARGE_BUCKETS = (2 << 20) / sizeof(wendi_key_bucket), /* a huge page; then all room */
    ALL_LANES = (1 << WENDI_KEY_LANES) - 1
};

_Static_assert(1 << WENDI_KEY_INDEX_PART_BITS == WENDI_KEY_INDEX_PARTS, "a part for each number");

static wendi_key_part *part_of(wendi_key_index *index, wendi_hash128 key)
{
    return &index->parts[wendi_key_part_number(key)];
}

static uint64_t lane_count(const wendi_key_part *part)
{
    return (uint64_t)part->bucket_count * WENDI_KEY_LANES;
}

/* Lanes whose places are there. */
static uint32_t lanes_there(const wendi_key_index *index, const wendi_key_bucket *bucket)
{
    return ALL_LANES & ~wendi_key_lanes_equal(bucket->tags, 0) &
           ~wendi_key_lanes_below(bucket->places, index->begin);
}

static uint64_t count_there(const wendi_key_index *index, const wendi_key_part *part)
{
    uint64_t count = 0;
    for (uint32_t at = 0; at < part->bucket_count; at++) {
        count += (uint32_t)__builtin_popcount(lanes_there(index, &part->buckets[at]));
    }
    return count;
}

/* The size of a table for its share of the keys expected. */
static uint64_t expected_size(const wendi_key_index *index)
{
    return index->keys_expected / WENDI_KEY_INDEX_PARTS * 10 / 7 / WENDI_KEY_LANES;
}

/* The next size of a table: half as large again, but what the keys expected need is met, and beyond
 * that it grows by little. */
static uint64_t next_size(const wendi_key_index *index, const wendi_key_part *part)
{
    uint64_t expected = expected_size(index);
    uint64_t next = part->bucket_count + (uint64_t)part->bucket_count / 2;
    if (part->bucket_count < BUCKETS_MIN) {
        return BUCKETS_MIN;
    }
    if (expected != 0 && part->bucket_count >= expected) {
        return part->bucket_count + (uint64_t)part->bucket_count / 8 + 1;
    }
    return expected != 0 && next + next / 4 >= expected ? expected : next;
}

/* ---- sweeping ---- */

/* Into the first bucket from its home on that has a lane for it. Lanes whose places are gone come
 * first, so that fewer are used. */
static void put(const wendi_key_index *index, wendi_key_part *part, uint32_t tag, uint32_t place)
{
    for (uint32_t at = wendi_key_home(part, tag);; at = wendi_key_bucket_after(part, at)) {
        wendi_key_bucket *bucket = &part->buckets[at];
        uint32_t unused = wendi_key_lanes_equal(bucket->tags, 0);
        uint32_t gone = wendi_key_lanes_below(bucket->places, index->begin) & ~unused;
        uint32_t lanes = gone != 0 ? gone : unused;
        if (lanes != 0) {
            uint32_t lane = (uint32_t)__builtin_ctz(lanes);
            bucket->tags[lane] = tag;
            bucket->places[lane] = place;
            part->used += gone == 0;
            return;
        }
    }
}

/* The lowest tag whose home is the bucket; modulo 2^32, for the one after the last. */
static uint32_t first_tag(const wendi_key_part *part, uint32_t at)
{
    return (uint32_t)((((uint64_t)at << 32) + part->bucket_count - 1) / part->bucket_count);
}

/* Free the lanes of a bucket that are gone; and take those that are not at home out and put them
 * anew, which puts them no later. */
static void sweep_bucket(const wendi_key_index *index, wendi_key_part *part, uint32_t at)
{
    wendi_key_bucket *bucket = &part->buckets[at];
    uint32_t used = ALL_LANES & ~wendi_key_lanes_equal(bucket->tags, 0);
    uint32_t there = lanes_there(index, bucket);
    uint32_t at_home = ~wendi_key_lanes_below(bucket->tags, first_tag(part, at)) &
                       wendi_key_lanes_below(bucket->tags, first_tag(part, at + 1));
    uint32_t leaving = used & ~(there & at_home);
    wendi_key_bucket before = *bucket;
    for (uint32_t lanes = leaving; lanes != 0; lanes &= lanes - 1) {
        bucket->tags[__builtin_ctz(lanes)] = 0;
        part->used--;
    }
    for (uint32_t lanes = leaving & there; lanes != 0; lanes &= lanes - 1) {
        uint32_t lane = (uint32_t)__builtin_ctz(lanes);
        put(index, part, before.tags[lane], before.places[lane]);
    }
}

/* Begins behind a bucket that no look-up passes by, and ends with it: so what lies between a lane
 * and its home was swept before the lane is. */
static void sweep(const wendi_key_index *index, wendi_key_part *part)
{
    uint32_t last = 0;
    while (wendi_key_lanes_equal(part->buckets[last].tags, 0) == 0) {
        last++;
    }
    uint32_t at = last;
    do {
        at = wendi_key_bucket_after(part, at);
        sweep_bucket(index, part, at);
    } while (at != last);
}

/* ---- growing ---- */

/* Into an empty table. What it counts spares looking at lanes that were written just now, and a
 * processor waiting until they can be read. */
static void copy_lanes(const wendi_key_index *index, const wendi_key_part *from, wendi_key_part *to,
                       uint8_t *counts)
{
    for (uint32_t i = 0; i < from->bucket_count; i++) {
        const wendi_key_bucket *bucket = &from->buckets[i];
        for (uint32_t there = lanes_there(index, bucket); there != 0; there &= there - 1) {
            uint32_t lane = (uint32_t)__builtin_ctz(there);
            uint32_t at = wendi_key_home(to, bucket->tags[lane]);
            while (counts[at] == WENDI_KEY_LANES) {
                at = wendi_key_bucket_after(to, at);
            }
            to->buckets[at].tags[counts[at]] = bucket->tags[lane];
            to->buckets[at].places[counts[at]] = bucket->places[lane];
            counts[at]++;
            to->used++;
        }
    }
}

/* Buckets that have memory when the first `count` are used: large tables have it in huge pages. */
static uint64_t touched_by(const wendi_key_part *part, uint64_t count)
{
    uint64_t pages = (count + LARGE_BUCKETS - 1) / LARGE_BUCKETS * LARGE_BUCKETS;
    return part->bucket_room < pages ? count : pages;
}

/* An empty table of a size, in the spare memory if that is enough. */
static wend_status make_table(wendi_key_index *index, uint64_t count, wendi_key_part *made)
{
    if (count > UINT32_MAX / WENDI_KEY_LANES) {
        return WEND_NOMEM;
    }
    if (count <= index->spare.bucket_room) {
        *made = index->spare;
        index->spare = (wendi_key_part){0};
    } else {
        uint64_t expected = expected_size(index);
        uint64_t room = count >= LARGE_BUCKETS && count < expected ? expected : count;
        *made = (wendi_key_part){.buckets = wendi_alloc_large((size_t)room * sizeof *made->buckets),
                                 .bucket_room = (uint32_t)room};
        if (made->buckets == NULL) {
            return WEND_NOMEM;
        }
    }
    uint64_t touched = touched_by(made, count);
    if (made->touched < touched) {
        index->bytes += (touched - made->touched) * sizeof *made->buckets;
        made->touched = (uint32_t)touched;
    }
    made->bucket_count = (uint32_t)count;
    made->used = 0;
    memset(made->buckets, 0, (size_t)count * sizeof *made->buckets);
    return WEND_OK;
}

static void free_table(wendi_key_index *index, wendi_key_part *part)
{
    index->bytes -= part->touched * sizeof *part->buckets;
    wendi_free(part->buckets);
    *part = (wendi_key_part){0};
}

/* What a table left is kept while there are others that will need as much. */
static void leave_table(wendi_key_index *index, wendi_key_part *part)
{
    uint64_t expected = expected_size(index);
    bool is_needed = false;
    for (uint32_t i = 0; i < WENDI_KEY_INDEX_PARTS; i++) {
        is_needed = is_needed || index->parts[i].bucket_count < expected;
    }
    free_table(index, &index->spare);
    if (is_needed && part->bucket_room >= LARGE_BUCKETS) {
        index->spare = *part;
    } else {
        free_table(index, part);
    }
}

static wend_status grow(wendi_key_index *index, wendi_key_part *part)
{
    uint64_t count = next_size(index, part);
    wendi_key_part old = *part;
    wendi_key_part made;
    wend_status status = WEND_NOMEM;
    uint8_t *counts = wendi_alloc_zero((size_t)count, sizeof *counts);
    if (counts != NULL && make_table(index, count, &made) == WEND_OK) {
        copy_lanes(index, &old, &made, counts);
        *part = made;
        leave_table(index, &old);
        status = WEND_OK;
    }
    wendi_free(counts);
    return status;
}

/* Up to four fifths of a table are used; when seven tenths are, by places that are there, it
 * grows. */
static wend_status make_room(wendi_key_index *index, wendi_key_part *part)
{
    if (count_there(index, part) * 10 >= lane_count(part) * 7) {
        return grow(index, part);
    }
    sweep(index, part);
    return WEND_OK;
}

wend_status wendi_key_index_reserve(wendi_key_index *index, wendi_hash128 key)
{
    wendi_key_part *part = part_of(index, key);
    bool full = ((uint64_t)part->used + 1) * 5 > lane_count(part) * 4;
    return full ? make_room(index, part) : WEND_OK;
}

void wendi_key_index_insert(wendi_key_index *index, wendi_hash128 key, uint32_t place)
{
    wendi_key_part *part = part_of(index, key);
    WEND_REQUIRE(part->used + 1 < lane_count(part));
    put(index, part, wendi_key_tag(key), place);
}

/* Where the pair has its place. */
static uint32_t *find(wendi_key_index *index, wendi_hash128 key, uint32_t place)
{
    wendi_key_part *part = part_of(index, key);
    uint32_t tag = wendi_key_tag(key);
    WEND_REQUIRE(part->bucket_count != 0);
    for (uint32_t at = wendi_key_home(part, tag);; at = wendi_key_bucket_after(part, at)) {
        wendi_key_bucket *bucket = &part->buckets[at];
        uint32_t lanes = wendi_key_lanes_equal(bucket->tags, tag) &
                         wendi_key_lanes_equal(bucket->places, place);
        if (lanes != 0) {
            return &bucket->places[__builtin_ctz(lanes)];
        }
        WEND_REQUIRE(wendi_key_lanes_equal(bucket->tags, 0) == 0);
    }
}

void wendi_key_index_remove(wendi_key_index *index, wendi_hash128 key, uint32_t place)
{
    *find(index, key, place) = index->begin - 1;
}

void wendi_key_index_move(wendi_key_index *index, wendi_hash128 key, uint32_t from, uint32_t to)
{
    *find(index, key, from) = to;
}

void wendi_key_index_free(wendi_key_index *index)
{
    for (uint32_t i = 0; i < WENDI_KEY_INDEX_PARTS; i++) {
        wendi_free(index->parts[i].buckets);
    }
    wendi_free(index->spare.buckets);
    memset(index, 0, sizeof *index);
}
