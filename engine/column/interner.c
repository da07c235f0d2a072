/*
 * The growing dictionary of one column while rows arrive.
 *
 * Invariants: a tag is the upper half of its entry's hash, its bucket follows from the lower half, and the bucket
 * knows where the entry's bytes stand, so that a probe touches one cache line of buckets and then those bytes. At most
 * two thirds of the lanes are taken. Whatever can be refused is asked for before anything is changed.
 */
#include <assert.h>
#include <time.h>

#include "engine/base/alloc.h"
#include "engine/column/dictionary.h"
#include "engine/column/interner_hash.h"

enum { ENTRY_CAPACITY_MIN = 16, BUCKET_COUNT_MIN = 8, ENTRY_COUNT_MAX_BITS = 31 };

/* Are `length` bytes the same? Most strings are short, so this is a few loads that may overlap and no call. */
static inline bool bytes_equal(const char *a, const char *b, uint32_t length)
{
    if (length > 16) {
        const char *last = a + length - 16;
        for (; a < last; a += 16, b += 16) {
            if (((wendi_load_u64(a) ^ wendi_load_u64(b)) | (wendi_load_u64(a + 8) ^ wendi_load_u64(b + 8))) != 0) {
                return false;
            }
        }
        b += last - a;
        return ((wendi_load_u64(last) ^ wendi_load_u64(b)) | (wendi_load_u64(last + 8) ^ wendi_load_u64(b + 8))) == 0;
    }
    if (length >= 8) {
        return ((wendi_load_u64(a) ^ wendi_load_u64(b)) |
                (wendi_load_u64(a + length - 8) ^ wendi_load_u64(b + length - 8))) == 0;
    }
    if (length >= 4) {
        return ((wendi_load_u32(a) ^ wendi_load_u32(b)) |
                (wendi_load_u32(a + length - 4) ^ wendi_load_u32(b + length - 4))) == 0;
    }
    return length == 0 || (a[0] == b[0] && a[length >> 1] == b[length >> 1] && a[length - 1] == b[length - 1]);
}

/* Not secret from somebody who can read our memory, but nothing that can be guessed from outside. */
static uint64_t draw_seed(const wendi_interner *interner)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t seed = (uint64_t)(uintptr_t)interner->offsets ^ (uint64_t)now.tv_nsec << 32 ^ (uint64_t)now.tv_sec;
    return wendi_mix64(wendi_mix64(seed) + (uint64_t)(uintptr_t)&draw_seed);
}

static uint64_t next_epoch(void)
{
    static _Atomic uint64_t last;
    return atomic_fetch_add_explicit(&last, 1, memory_order_relaxed) + 1;
}

/* Free lanes are the last ones of a bucket. */
static void place(wendi_interner *interner, uint64_t hash, uint32_t code)
{
    uint32_t lane = 0;
    uint32_t home = wendi_interner_home(interner, hash);
    for (; interner->buckets[home].tags[lane] != 0; lane++) {
        if (lane == WENDI_INTERNER_LANES - 1) {
            lane = UINT32_MAX;
            home = (home + 1) & (interner->bucket_count - 1);
        }
    }
    wendi_interner_bucket *bucket = &interner->buckets[home];
    bucket->tags[lane] = wendi_interner_tag(hash);
    bucket->codes[lane] = code;
    bucket->begins[lane] = interner->offsets[code];
    bucket->lengths[lane] = interner->offsets[code + 1] - interner->offsets[code];
}

static wend_status grow_buckets(wendi_interner *interner, uint32_t bucket_count)
{
    wendi_interner_bucket *buckets = wendi_alloc_large(bucket_count * sizeof *buckets);
    if (buckets == NULL) {
        return WEND_NOMEM;
    }
    memset(buckets, 0, bucket_count * sizeof *buckets);
    wendi_free(interner->buckets);
    interner->buckets = buckets;
    interner->bucket_count = bucket_count;
    for (uint32_t code = 1; code < interner->entry_count; code++) {
        place(interner, interner->hashes[code], code);
    }
    return WEND_OK;
}

static wend_status grow_entries(wendi_interner *interner, uint32_t capacity)
{
    uint32_t *offsets = wendi_realloc(interner->offsets, ((size_t)capacity + 1) * sizeof *offsets);
    if (offsets == NULL) {
        return WEND_NOMEM;
    }
    interner->offsets = offsets;
    uint64_t *hashes = wendi_realloc(interner->hashes, (size_t)capacity * sizeof *hashes);
    if (hashes == NULL) {
        return WEND_NOMEM;
    }
    interner->hashes = hashes;
    interner->entry_capacity = capacity;
    if (interner->entry_count == 0) {
        interner->offsets[0] = 0;
        interner->offsets[1] = 0;
        interner->hashes[0] = 0;
        interner->entry_count = 1;
        interner->seed = draw_seed(interner);
        interner->epoch = next_epoch();
    }
    return WEND_OK;
}

/* How many entries, null included, so many buckets are for. */
static uint32_t room_of(uint32_t bucket_count)
{
    return (uint32_t)((uint64_t)bucket_count * WENDI_INTERNER_LANES * 2 / 3);
}

wend_status wendi_interner_reserve(wendi_interner *interner, uint32_t entries)
{
    wend_status status = WEND_OK;

    if (entries > 1u << (ENTRY_COUNT_MAX_BITS - 1)) {
        return WEND_NOMEM;
    }
    entries = entries < ENTRY_CAPACITY_MIN ? ENTRY_CAPACITY_MIN : entries;
    if (entries > interner->entry_capacity) {
        uint64_t doubled = 2 * (uint64_t)interner->entry_capacity;
        WEND_TRY(grow_entries(interner, doubled > entries ? (uint32_t)doubled : entries));
    }
    uint32_t bucket_count = interner->bucket_count == 0 ? BUCKET_COUNT_MIN : interner->bucket_count;
    while (room_of(bucket_count) < entries) {
        bucket_count *= 2;
    }
    if (bucket_count != interner->bucket_count) {
        WEND_TRY(grow_buckets(interner, bucket_count));
    }
    WEND_TRY(wendi_buffer_reserve(&interner->bytes, 0)); /* padding that views may read exists from now on */
cleanup:
    return status;
}

/* The code at the probe's end, or 0; the text's bytes are compared only when the tags agree. */
static inline uint32_t probe(const wendi_interner *interner, wendi_string text, uint64_t hash)
{
    const uint32_t tag = wendi_interner_tag(hash);
    for (uint32_t at = wendi_interner_home(interner, hash);; at = (at + 1) & (interner->bucket_count - 1)) {
        const wendi_interner_bucket *bucket = &interner->buckets[at];
        for (uint32_t i = 0; i < WENDI_INTERNER_LANES; i++) {
            if (bucket->tags[i] == tag && bucket->lengths[i] == text.length &&
                bytes_equal((const char *)interner->bytes.data + bucket->begins[i], text.data, text.length)) {
                return bucket->codes[i];
            }
        }
        if (bucket->tags[WENDI_INTERNER_LANES - 1] == 0) {
            return 0;
        }
    }
}

static wend_status add(wendi_interner *interner, wendi_string text, uint64_t hash, uint32_t *code)
{
    if (text.length > UINT32_MAX - interner->offsets[interner->entry_count]) {
        return WEND_NOMEM;
    }
    wend_status status = WEND_OK;
    if (interner->entry_count == interner->entry_capacity || interner->entry_count >= room_of(interner->bucket_count)) {
        WEND_TRY(wendi_interner_reserve(interner, interner->entry_count + 1));
    }
    WEND_TRY(wendi_buffer_append(&interner->bytes, text.data, text.length));
    uint32_t added = interner->entry_count++;
    interner->hashes[added] = hash;
    interner->offsets[added + 1] = interner->offsets[added] + text.length;
    place(interner, hash, added);
    *code = added;
cleanup:
    return status;
}

wend_status wendi_interner_code(wendi_interner *interner, wendi_string text, uint32_t *code)
{
    if (interner->bucket_count == 0) {
        wend_status status = wendi_interner_reserve(interner, ENTRY_CAPACITY_MIN);
        if (status != WEND_OK) {
            return status;
        }
    }
    return wendi_interner_code_hashed(interner, text, wendi_interner_hash(text.data, text.length, interner->seed), code);
}

wend_status wendi_interner_code_hashed(wendi_interner *interner, wendi_string text, uint64_t hash, uint32_t *code)
{
    uint32_t found = probe(interner, text, hash);
    if (found != 0) {
        *code = found;
        return WEND_OK;
    }
    return add(interner, text, hash, code);
}

uint32_t wendi_interner_find(const wendi_interner *interner, wendi_string text)
{
    return interner->bucket_count == 0 ? 0 : probe(interner, text, wendi_interner_hash(text.data, text.length, interner->seed));
}

void wendi_interner_reset(wendi_interner *interner)
{
    interner->bytes.length = 0;
    interner->epoch = next_epoch();
    interner->entry_count = interner->entry_count != 0 ? 1 : 0;
    if (interner->bucket_count != 0) {
        memset(interner->buckets, 0, interner->bucket_count * sizeof *interner->buckets);
    }
}

void wendi_interner_free(wendi_interner *interner)
{
    wendi_buffer_free(&interner->bytes);
    wendi_free(interner->offsets);
    wendi_free(interner->hashes);
    wendi_free(interner->buckets);
    *interner = (wendi_interner){0};
}
