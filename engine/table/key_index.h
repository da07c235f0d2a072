/**
 * A hash index over 128-bit keys that somebody else keeps: from a key to the numbers of the places
 * that may hold it.
 *
 * A slot is 8 bytes: 32 bits of the key (the tag) and the number of its place, so that a key that is
 * not there is nearly always known from the index alone. Keys are taken for well mixed, which hashes
 * are. The index is 256 tables, each with linear probing, and each grows by itself: there are never
 * an old and a new table of all keys at once, and growing never takes long. A tag's home is its share
 * of the table (tag * slots / 2^32), so the slots of a table are nearly in the order of tags, and
 * walking through old and new table touches memory in order.
 *
 * Places below `begin` are gone all at once, without a look at their slots: new keys take these
 * over, and a table that is full of them is swept. A single pair is removed without a tombstone, by
 * closing the gap (Knuth, TAOCP 3, 6.4, algorithm R).
 */
#ifndef WENDI_TABLE_KEY_INDEX_H
#define WENDI_TABLE_KEY_INDEX_H

#include <stdbool.h>

#include "engine/base/hash.h"
#include "engine/base/status.h"

enum { WENDI_KEY_INDEX_PARTS = 256 };
/** Places are numbers modulo 2^32, and lie in begin .. begin + WENDI_KEY_INDEX_SPAN - 1. */
#define WENDI_KEY_INDEX_SPAN (UINT32_C(1) << 31)

typedef struct wendi_key_part {
    uint64_t *slots; /* tag in the upper half, never 0; 0: free */
    uint32_t slot_count;
    uint32_t used; /* also by places that are gone */
} wendi_key_part;

/** Zero-filled is an empty one. */
typedef struct wendi_key_index {
    wendi_key_part parts[WENDI_KEY_INDEX_PARTS];
    uint64_t bytes;
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

static inline uint32_t wendi_key_tag(wendi_hash128 key)
{
    uint32_t tag = (uint32_t)key.low;
    return tag != 0 ? tag : 1;
}

static inline uint32_t wendi_key_home(const wendi_key_part *part, uint32_t tag)
{
    return (uint32_t)((uint64_t)tag * part->slot_count >> 32);
}

static inline bool wendi_key_slot_gone(const wendi_key_index *index, uint64_t slot)
{
    return (uint32_t)slot - index->begin >= WENDI_KEY_INDEX_SPAN;
}

static inline wendi_key_part *wendi_key_part_of(wendi_key_index *index, wendi_hash128 key)
{
    return &index->parts[key.low >> 56];
}

/**
 * Where looking the key up begins, to be asked for ahead by __builtin_prefetch(): a dozen keys is a
 * good distance. (Not in a function of ours: gcc 12 takes one that only prefetches for one that
 * does nothing.) May be NULL.
 */
static inline const uint64_t *wendi_key_index_slot(const wendi_key_index *index, wendi_hash128 key)
{
    const wendi_key_part *part = &index->parts[key.low >> 56];
    return part->slot_count != 0 ? part->slots + wendi_key_home(part, wendi_key_tag(key)) : NULL;
}

/** Where a look-up stands. */
typedef struct wendi_key_probe {
    const wendi_key_index *index;
    const wendi_key_part *part;
    uint32_t tag;
    uint32_t slot;
} wendi_key_probe;

static inline wendi_key_probe wendi_key_index_probe(const wendi_key_index *index, wendi_hash128 key)
{
    const wendi_key_part *part = &index->parts[key.low >> 56];
    uint32_t tag = wendi_key_tag(key);
    return (wendi_key_probe){index, part, tag, wendi_key_home(part, tag)};
}

/** The next place that may hold the key: whoever keeps the keys compares. False: there is none. */
static inline bool wendi_key_index_next(wendi_key_probe *probe, uint32_t *place)
{
    const wendi_key_part *part = probe->part;
    if (part->slot_count == 0) {
        return false;
    }
    for (;;) {
        uint64_t slot = part->slots[probe->slot];
        if (slot == 0) {
            return false;
        }
        probe->slot = probe->slot + 1 == part->slot_count ? 0 : probe->slot + 1;
        if ((uint32_t)(slot >> 32) == probe->tag && !wendi_key_slot_gone(probe->index, slot)) {
            *place = (uint32_t)slot;
            return true;
        }
    }
}

#endif
