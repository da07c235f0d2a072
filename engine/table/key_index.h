/**
 * A hash index over 128-bit keys that somebody else keeps: from a key to the numbers of the places
 * that may hold it.
 *
 * Sixteen keys share a bucket: a line of the cache with 32 bits of each (its tag), and the line
 * beside it with the numbers of their places. All tags are compared at once, and a bucket is passed
 * by only when all of its lanes are used, which with so many is rare: so a key that is not there is
 * nearly always known, and put there, with these two lines and nothing else. Keys are taken for
 * well mixed, which hashes are. The index is 16 tables, and each grows by itself: there are never
 * an old and a new table of all keys at once. A tag's home is its share of the table (tag * buckets
 * / 2^32), so a table's buckets are nearly in the order of tags, and walking through old and new
 * table touches memory in order. A large table gets memory for all keys expected, which costs
 * nothing before it is touched; what one leaves when it grows, the next one grows into.
 *
 * Places below `begin` are gone all at once, without a look at their lanes: new keys take these
 * over, and a table that is full of them is swept. A pair that is removed gets a place that is
 * gone.
 */
#ifndef WENDI_TABLE_KEY_INDEX_H
#define WENDI_TABLE_KEY_INDEX_H

#include <stdbool.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "engine/base/hash.h"
#include "engine/base/status.h"

enum { WENDI_KEY_INDEX_PARTS = 16, WENDI_KEY_INDEX_PART_BITS = 4, WENDI_KEY_LANES = 16 };
/** Places are numbers modulo 2^32, and lie in begin .. begin + WENDI_KEY_INDEX_SPAN - 1. */
#define WENDI_KEY_INDEX_SPAN (UINT32_C(1) << 31)

typedef struct wendi_key_bucket {
    _Alignas(16) uint32_t tags[WENDI_KEY_LANES]; /* 0: free */
    uint32_t places[WENDI_KEY_LANES];
} wendi_key_bucket;

typedef struct wendi_key_part {
    wendi_key_bucket *buckets;
    uint32_t bucket_count;
    uint32_t bucket_room; /* for so many there is memory, */
    uint32_t touched;     /* of which so many were used at some time */
    uint32_t used;        /* lanes, also those whose places are gone */
} wendi_key_part;

/** Zero-filled is an empty one. */
typedef struct wendi_key_index {
    wendi_key_part parts[WENDI_KEY_INDEX_PARTS];
    wendi_key_part spare; /* memory for the next table that grows */
    uint64_t bytes;       /* of buckets that were touched */
    uint64_t keys_expected; /* the caller's to set, or 0: tables for so many are not made larger */
    uint32_t begin;         /* the caller's to set */
} wendi_key_index;

/** Make room for one more of this key, so that the next insert of it cannot fail. WEND_NOMEM. */
wend_status wendi_key_index_reserve(wendi_key_index *index, wendi_hash128 key);
/** After wendi_key_index_reserve(). The same pair is not inserted twice. */
void wendi_key_index_insert(wendi_key_index *index, wendi_hash128 key, uint32_t place);
/** Take out the pair, which must be there. */
void wendi_key_index_remove(wendi_key_index *index, wendi_hash128 key, uint32_t place);
/** The pair, which must be there, now has another place. */
void wendi_key_index_move(wendi_key_index *index, wendi_hash128 key, uint32_t from, uint32_t to);
void wendi_key_index_free(wendi_key_index *index); /* leaves an empty one */

/* ---- lanes: bit n of what is returned is about lane n ---- */

#if defined(__SSE2__)
/* Packing saturates, which keeps the sign. */
static inline uint32_t wendi_key_signs(__m128i a, __m128i b, __m128i c, __m128i d)
{
    __m128i words = _mm_packs_epi16(_mm_packs_epi32(a, b), _mm_packs_epi32(c, d));
    return (uint32_t)_mm_movemask_epi8(words);
}
#endif

/** Those that are `value`. */
static inline uint32_t wendi_key_lanes_equal(const uint32_t *lanes, uint32_t value)
{
#if defined(__SSE2__)
    const __m128i *four = (const __m128i *)(const void *)lanes;
    __m128i wanted = _mm_set1_epi32((int)value);
    return wendi_key_signs(_mm_cmpeq_epi32(_mm_load_si128(four), wanted),
                           _mm_cmpeq_epi32(_mm_load_si128(four + 1), wanted),
                           _mm_cmpeq_epi32(_mm_load_si128(four + 2), wanted),
                           _mm_cmpeq_epi32(_mm_load_si128(four + 3), wanted));
#else
    uint32_t mask = 0;
    for (uint32_t lane = 0; lane < WENDI_KEY_LANES; lane++) {
        mask |= (uint32_t)(lanes[lane] == value) << lane;
    }
    return mask;
#endif
}

/** Those that lie below `begin`, modulo 2^32: the highest bit of the distance to it is set. */
static inline uint32_t wendi_key_lanes_below(const uint32_t *lanes, uint32_t begin)
{
#if defined(__SSE2__)
    const __m128i *four = (const __m128i *)(const void *)lanes;
    __m128i first = _mm_set1_epi32((int)begin);
    return wendi_key_signs(_mm_sub_epi32(_mm_load_si128(four), first),
                           _mm_sub_epi32(_mm_load_si128(four + 1), first),
                           _mm_sub_epi32(_mm_load_si128(four + 2), first),
                           _mm_sub_epi32(_mm_load_si128(four + 3), first));
#else
    uint32_t mask = 0;
    for (uint32_t lane = 0; lane < WENDI_KEY_LANES; lane++) {
        mask |= (lanes[lane] - begin) >> 31 << lane;
    }
    return mask;
#endif
}

/* ---- looking up, which is done for every row ---- */

static inline uint32_t wendi_key_tag(wendi_hash128 key)
{
    uint32_t tag = (uint32_t)key.low;
    return tag != 0 ? tag : 1;
}

static inline uint32_t wendi_key_part_number(wendi_hash128 key)
{
    return (uint32_t)(key.low >> (64 - WENDI_KEY_INDEX_PART_BITS));
}

static inline uint32_t wendi_key_home(const wendi_key_part *part, uint32_t tag)
{
    return (uint32_t)((uint64_t)tag * part->bucket_count >> 32);
}

static inline uint32_t wendi_key_bucket_after(const wendi_key_part *part, uint32_t at)
{
    return at + 1 == part->bucket_count ? 0 : at + 1;
}

/**
 * Where looking the key up begins, to be asked for ahead by __builtin_prefetch(), both lines of it:
 * some dozens of keys are a good distance. (Not in a function of ours: gcc 12 takes one that only
 * prefetches for one that does nothing.) NULL while there is no key in its table.
 */
static inline const wendi_key_bucket *wendi_key_index_bucket(const wendi_key_index *index,
                                                             wendi_hash128 key)
{
    const wendi_key_part *part = &index->parts[wendi_key_part_number(key)];
    return part->buckets == NULL ? NULL
                                 : part->buckets + wendi_key_home(part, wendi_key_tag(key));
}

/** Where a look-up stands. */
typedef struct wendi_key_probe {
    const wendi_key_part *part;
    uint32_t begin;
    uint32_t tag;
    uint32_t at;      /* bucket */
    uint32_t matches; /* its lanes that were not told yet */
} wendi_key_probe;

static inline uint32_t wendi_key_probe_matches(const wendi_key_probe *probe)
{
    const wendi_key_bucket *bucket = &probe->part->buckets[probe->at];
    uint32_t equal = wendi_key_lanes_equal(bucket->tags, probe->tag);
    return equal == 0 ? 0 : equal & ~wendi_key_lanes_below(bucket->places, probe->begin);
}

static inline wendi_key_probe wendi_key_index_probe(const wendi_key_index *index, wendi_hash128 key)
{
    const wendi_key_part *part = &index->parts[wendi_key_part_number(key)];
    uint32_t tag = wendi_key_tag(key);
    wendi_key_probe probe = {part, index->begin, tag, wendi_key_home(part, tag), 0};
    if (part->bucket_count != 0) {
        probe.matches = wendi_key_probe_matches(&probe);
    }
    return probe;
}

/** The next place that may hold the key: whoever keeps the keys compares. False: there is none. */
static inline bool wendi_key_index_next(wendi_key_probe *probe, uint32_t *place)
{
    const wendi_key_part *part = probe->part;
    if (part->bucket_count == 0) {
        return false;
    }
    while (probe->matches == 0) {
        if (wendi_key_lanes_equal(part->buckets[probe->at].tags, 0) != 0) {
            return false;
        }
        probe->at = wendi_key_bucket_after(part, probe->at);
        probe->matches = wendi_key_probe_matches(probe);
    }
    *place = part->buckets[probe->at].places[__builtin_ctz(probe->matches)];
    probe->matches &= probe->matches - 1;
    return true;
}

#endif
