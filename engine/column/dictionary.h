/**
 * Dictionaries: the distinct strings of a column, so that rows carry 32-bit codes.
 *
 * Code 0 is null and has no bytes. Two forms: an immutable, reference-counted `wendi_dictionary`
 * that batches share across threads, and a `wendi_interner` that grows while values arrive.
 */
#ifndef WENDI_COLUMN_DICTIONARY_H
#define WENDI_COLUMN_DICTIONARY_H

#include <stdatomic.h>
#include <stdbool.h>

#include "engine/base/bytes.h"
#include "engine/base/hash.h"

/**
 * Entries 1..entry_count-1 are distinct strings; entry 0 is null. offsets has entry_count + 1
 * elements: entry i is bytes[offsets[i] .. offsets[i+1]). offsets[0] = offsets[1] = 0.
 * Immutable once shared. 32-bit offsets: at most 4 GiB of bytes.
 */
typedef struct wendi_dictionary {
    _Atomic uint32_t references;
    uint32_t entry_count; /* null included: at least 1 */
    bool ordered;         /* entries 1.. rise bytewise, so ranges and prefixes are code intervals */
    uint32_t *offsets;
    char *bytes; /* padded by 64 readable bytes */
} wendi_dictionary;

/** A dictionary with one reference that takes over `offsets` and `bytes` (from wendi_alloc) even on failure. */
wendi_dictionary *wendi_dictionary_new(uint32_t entry_count, uint32_t *offsets, char *bytes, bool ordered);
wendi_dictionary *wendi_dictionary_acquire(wendi_dictionary *dictionary);
void wendi_dictionary_release(wendi_dictionary *dictionary); /* accepts NULL */

static inline wendi_string wendi_dictionary_at(const wendi_dictionary *dictionary, uint32_t code)
{
    uint32_t begin = dictionary->offsets[code];
    return (wendi_string){dictionary->bytes + begin, dictionary->offsets[code + 1] - begin};
}

/** The code of an equal entry, or 0. Ordered: binary search; else a scan of all entries. */
uint32_t wendi_dictionary_find(const wendi_dictionary *dictionary, wendi_string text);
/** Ordered only: the first code whose entry is not below `text`; entry_count when all are below. */
uint32_t wendi_dictionary_lower_bound(const wendi_dictionary *dictionary, wendi_string text);

enum { WENDI_INTERNER_LANES = 4 };

/** Where a probe looks: one cache line holds all that decides whether an entry's bytes are worth a look. */
typedef struct wendi_interner_bucket {
    uint32_t tags[WENDI_INTERNER_LANES]; /* from the upper half of the entries' hashes; 0: free, as are all lanes behind */
    uint32_t codes[WENDI_INTERNER_LANES];
    uint32_t begins[WENDI_INTERNER_LANES];
    uint32_t lengths[WENDI_INTERNER_LANES];
} wendi_interner_bucket;

/**
 * Strings to codes in order of first appearance: 1, 2, 3, … Zero-filled is a valid empty one. One thread.
 * entry_count counts null too, once there is a table: 0 or 1 when empty.
 */
typedef struct wendi_interner {
    wendi_buffer bytes;
    uint32_t *offsets; /* entry_count + 1, as in a dictionary */
    uint64_t *hashes;  /* per entry */
    wendi_interner_bucket *buckets; /* aligned to cache lines; what a full one has no room for is in the next */
    uint64_t seed;     /* of the hash; drawn when the table is made, so that no input can aim at collisions */
    uint64_t epoch;    /* codes mean the same while this is the same: no two tables, nor one before and after a reset, share it */
    uint32_t entry_count;
    uint32_t entry_capacity;
    uint32_t bucket_count; /* a power of two */
} wendi_interner;

/** Of an entry with this hash: never 0. */
static inline uint32_t wendi_interner_tag(uint64_t hash)
{
    return (uint32_t)(hash >> 32) | 1;
}

/** Where its probe begins. */
static inline uint32_t wendi_interner_home(const wendi_interner *interner, uint64_t hash)
{
    return (uint32_t)hash & (interner->bucket_count - 1);
}

/** Make room for `entries` in all, so that a table and entry 0 exist even before the first string. */
wend_status wendi_interner_reserve(wendi_interner *interner, uint32_t entries);
/** The code of `text`, adding it when new. WEND_NOMEM also beyond 4 GiB of bytes or 2^30 entries. */
wend_status wendi_interner_code(wendi_interner *interner, wendi_string text, uint32_t *code);
/** The same for who has the hash (interner_hash.h), which holds until the interner is freed; of a reserved interner. */
wend_status wendi_interner_code_hashed(wendi_interner *interner, wendi_string text, uint64_t hash, uint32_t *code);
/** The code of `text`, or 0 when it is not there. */
uint32_t wendi_interner_find(const wendi_interner *interner, wendi_string text);
static inline wendi_string wendi_interner_at(const wendi_interner *interner, uint32_t code)
{
    uint32_t begin = interner->offsets[code];
    return (wendi_string){(const char *)interner->bytes.data + begin, interner->offsets[code + 1] - begin};
}
/** Forget all entries, keep the memory. */
void wendi_interner_reset(wendi_interner *interner);
void wendi_interner_free(wendi_interner *interner);
/** The interner's entries as they are, code by code: a dictionary in no order, of its own memory. WEND_NOMEM. */
wend_status wendi_interner_dictionary(const wendi_interner *interner, wendi_dictionary **dictionary_out);
/**
 * An ordered dictionary of the interner's entries, and `remap` (entry_count codes, caller's memory):
 * remap[old code] = new code, remap[0] = 0. Entries whose `used` flag is 0 are left out (remap 0);
 * used may be NULL for all. Cost: one radix/comparison sort of the entries.
 */
wend_status wendi_interner_ordered(const wendi_interner *interner, const uint8_t *used, uint32_t *remap,
                                   wendi_dictionary **dictionary_out, wend_error *error);

#endif
