/* Inserting, removing and growing; looking up is in the header, since it is done for every row. */
#include "engine/table/key_index.h"

#include <string.h>

#include "engine/base/alloc.h"

enum { BUCKETS_MIN = 2, ALL_LANES = (1 << WENDI_KEY_LANES) - 1 };

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
           ~wendi_key_lanes_gone(bucket->places, index->begin);
}

static uint64_t count_there(const wendi_key_index *index, const wendi_key_part *part)
{
    uint64_t count = 0;
    for (uint32_t at = 0; at < part->bucket_count; at++) {
        count += (uint32_t)__builtin_popcount(lanes_there(index, &part->buckets[at]));
    }
    return count;
}

/* The next size of a table: half as large again, but what the keys expected need is met, and beyond
 * that it grows by little. */
static uint64_t next_size(const wendi_key_index *index, const wendi_key_part *part)
{
    uint64_t expected = index->keys_expected / WENDI_KEY_INDEX_PARTS * 10 / 7 / WENDI_KEY_LANES;
    uint64_t next = part->bucket_count + (uint64_t)part->bucket_count / 2;
    if (part->bucket_count < BUCKETS_MIN) {
        return BUCKETS_MIN;
    }
    if (expected != 0 && part->bucket_count >= expected) {
        return part->bucket_count + (uint64_t)part->bucket_count / 8 + 1;
    }
    return expected != 0 && next + next / 4 >= expected ? expected : next;
}

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

/* Make a table anew, of what is there. */
static wend_status rebuild(wendi_key_index *index, wendi_key_part *part, uint64_t bucket_count)
{
    size_t bytes = (size_t)bucket_count * sizeof *part->buckets;
    wend_status status = WEND_NOMEM;
    wendi_key_part made = {.bucket_count = (uint32_t)bucket_count};
    uint8_t *counts = wendi_alloc_zero((size_t)bucket_count, sizeof *counts);
    made.buckets = bucket_count <= UINT32_MAX / WENDI_KEY_LANES ? wendi_alloc_large(bytes) : NULL;
    if (counts != NULL && made.buckets != NULL) {
        memset(made.buckets, 0, bytes);
        copy_lanes(index, part, &made, counts);
        index->bytes += (bucket_count - part->bucket_count) * sizeof *part->buckets;
        wendi_free(part->buckets);
        *part = made;
        made.buckets = NULL;
        status = WEND_OK;
    }
    wendi_free(made.buckets);
    wendi_free(counts);
    return status;
}

/* Up to four fifths of a table are used; when seven tenths are by places that are there, it grows. */
static wend_status make_room(wendi_key_index *index, wendi_key_part *part)
{
    bool is_larger = count_there(index, part) * 10 >= lane_count(part) * 7;
    return rebuild(index, part, is_larger ? next_size(index, part) : part->bucket_count);
}

wend_status wendi_key_index_reserve(wendi_key_index *index, wendi_hash128 key)
{
    wendi_key_part *part = part_of(index, key);
    bool full = ((uint64_t)part->used + 1) * 5 > lane_count(part) * 4;
    return full ? make_room(index, part) : WEND_OK;
}

/* Into the first bucket from its home on that has a lane for it. Those of places that are gone come
 * first, so that fewer are used. */
void wendi_key_index_insert(wendi_key_index *index, wendi_hash128 key, uint32_t place)
{
    wendi_key_part *part = part_of(index, key);
    WEND_REQUIRE(part->used + 1 < lane_count(part));
    for (uint32_t at = wendi_key_home(part, wendi_key_tag(key));;
         at = wendi_key_bucket_after(part, at)) {
        wendi_key_bucket *bucket = &part->buckets[at];
        uint32_t unused = wendi_key_lanes_equal(bucket->tags, 0);
        uint32_t gone = wendi_key_lanes_gone(bucket->places, index->begin) & ~unused;
        uint32_t lanes = gone != 0 ? gone : unused;
        if (lanes != 0) {
            uint32_t lane = (uint32_t)__builtin_ctz(lanes);
            bucket->tags[lane] = wendi_key_tag(key);
            bucket->places[lane] = place;
            part->used += gone == 0;
            return;
        }
    }
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
    memset(index, 0, sizeof *index);
}
