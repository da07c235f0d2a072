/*
 * The growing dictionary of one column while rows arrive.
 *
 * Invariants: a slot's tag is the upper half of its entry's hash, its place follows from the lower
 * half, and it knows where the entry's bytes stand, so that a probe touches one cache line of slots and then those
 * bytes. At most two thirds of the slots are taken. Whatever can be refused is asked for before anything is changed.
 *
 * The hash folds 128-bit products as wyhash does (https://github.com/wangyi-fudan/wyhash); it is
 * keyed per table and never leaves memory.
 */
#include <assert.h>
#include <time.h>

#include "engine/base/alloc.h"
#include "engine/column/dictionary.h"
#include "engine/column/type.h"

enum { ENTRY_CAPACITY_MIN = 16, ENTRY_COUNT_MAX_BITS = 31 };

static inline uint64_t fold(uint64_t a, uint64_t b)
{
    wendi_uint128 product = (wendi_uint128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t load_8(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

static inline uint64_t load_4(const char *at)
{
    uint32_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

static inline uint64_t hash_of(const char *data, uint32_t length, uint64_t seed)
{
    const uint64_t secret = UINT64_C(0xa0761d6478bd642f);
    uint64_t a = 0;
    uint64_t b = 0;
    if (length > 16) {
        const char *last = data + length - 16;
        for (; data < last; data += 16) {
            seed = fold(load_8(data) ^ secret, load_8(data + 8) ^ seed);
        }
        a = load_8(last);
        b = load_8(last + 8);
    } else if (length >= 8) {
        a = load_8(data);
        b = load_8(data + length - 8);
    } else if (length >= 4) { /* all bytes, with zeros behind, as hash_of_padded() reads them */
        a = load_4(data) | load_4(data + length - 4) << 8 * (length - 4);
    } else if (length > 0) {
        a = (uint64_t)(uint8_t)data[0] | (uint64_t)(uint8_t)data[length >> 1] << 8 * (length >> 1) |
            (uint64_t)(uint8_t)data[length - 1] << 8 * (length - 1);
    }
    return fold(secret ^ length, fold(a ^ secret, b ^ seed));
}

/* The same where eight bytes may be read in any case: lengths that differ from call to call cost no branch. */
static inline uint64_t hash_of_padded(const char *data, uint32_t length, uint64_t seed)
{
    const uint64_t secret = UINT64_C(0xa0761d6478bd642f);
    if (length > 16) {
        return hash_of(data, length, seed);
    }
    uint64_t whole = 0 - (uint64_t)(length >= 8);
    uint64_t a = load_8(data) & (whole | ((UINT64_C(1) << 8 * (length & 7)) - 1));
    uint64_t b = load_8(data + (length - 8) * (length >= 8)) & whole;
    return fold(secret ^ length, fold(a ^ secret, b ^ seed));
}

/* Are `length` bytes the same? Most strings are short, so this is a few loads that may overlap and no call. */
static inline bool bytes_equal(const char *a, const char *b, uint32_t length)
{
    if (length > 16) {
        const char *last = a + length - 16;
        for (; a < last; a += 16, b += 16) {
            if (((load_8(a) ^ load_8(b)) | (load_8(a + 8) ^ load_8(b + 8))) != 0) {
                return false;
            }
        }
        b += last - a;
        return ((load_8(last) ^ load_8(b)) | (load_8(last + 8) ^ load_8(b + 8))) == 0;
    }
    if (length >= 8) {
        return ((load_8(a) ^ load_8(b)) | (load_8(a + length - 8) ^ load_8(b + length - 8))) == 0;
    }
    if (length >= 4) {
        return ((load_4(a) ^ load_4(b)) | (load_4(a + length - 4) ^ load_4(b + length - 4))) == 0;
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

static void place(wendi_interner *interner, uint64_t hash, uint32_t code)
{
    uint32_t mask = interner->slot_count - 1;
    uint32_t at = (uint32_t)hash & mask;
    while (interner->slots[at].code != 0) {
        at = (at + 1) & mask;
    }
    uint32_t begin = interner->offsets[code];
    interner->slots[at] =
        (wendi_interner_slot){(uint32_t)(hash >> 32), code, begin, interner->offsets[code + 1] - begin};
}

static wend_status grow_slots(wendi_interner *interner, uint32_t slot_count)
{
    wendi_interner_slot *slots = wendi_alloc_zero(slot_count, sizeof *slots);
    if (slots == NULL) {
        return WEND_NOMEM;
    }
    wendi_free(interner->slots);
    interner->slots = slots;
    interner->slot_count = slot_count;
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

/* How many entries, null included, so many slots are for. */
static uint32_t room_of(uint32_t slot_count)
{
    return (uint32_t)((uint64_t)slot_count * 2 / 3);
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
    uint32_t slot_count = interner->slot_count == 0 ? 2 * ENTRY_CAPACITY_MIN : interner->slot_count;
    while (room_of(slot_count) < entries) {
        slot_count *= 2;
    }
    if (slot_count != interner->slot_count) {
        WEND_TRY(grow_slots(interner, slot_count));
    }
    WEND_TRY(wendi_buffer_reserve(&interner->bytes, 0)); /* padding that views may read exists from now on */
cleanup:
    return status;
}

/* The code at the probe's end, or 0; the text's bytes are compared only when 32 bits of hash agree. */
static inline uint32_t probe(const wendi_interner *interner, wendi_string text, uint64_t hash)
{
    uint32_t mask = interner->slot_count - 1;
    uint32_t tag = (uint32_t)(hash >> 32);
    for (uint32_t at = (uint32_t)hash & mask;; at = (at + 1) & mask) {
        const wendi_interner_slot *slot = &interner->slots[at];
        if (slot->tag == tag && slot->length == text.length && slot->code != 0 &&
            bytes_equal((const char *)interner->bytes.data + slot->begin, text.data, text.length)) {
            return slot->code;
        }
        if (slot->code == 0) {
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
    if (interner->entry_count == interner->entry_capacity || interner->entry_count >= room_of(interner->slot_count)) {
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
    if (interner->slot_count == 0) {
        wend_status status = wendi_interner_reserve(interner, ENTRY_CAPACITY_MIN);
        if (status != WEND_OK) {
            return status;
        }
    }
    return wendi_interner_code_hashed(interner, text, hash_of(text.data, text.length, interner->seed), code);
}

uint64_t wendi_interner_hash(const wendi_interner *interner, wendi_string text)
{
    assert(interner->slot_count != 0);
    uint64_t hash = hash_of_padded(text.data, text.length, interner->seed);
    __builtin_prefetch(&interner->slots[(uint32_t)hash & (interner->slot_count - 1)]);
    return hash;
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
    return interner->slot_count == 0 ? 0 : probe(interner, text, hash_of(text.data, text.length, interner->seed));
}

void wendi_interner_reset(wendi_interner *interner)
{
    interner->bytes.length = 0;
    interner->epoch = next_epoch();
    interner->entry_count = interner->entry_count != 0 ? 1 : 0;
    if (interner->slot_count != 0) {
        memset(interner->slots, 0, interner->slot_count * sizeof *interner->slots);
    }
}

void wendi_interner_free(wendi_interner *interner)
{
    wendi_buffer_free(&interner->bytes);
    wendi_free(interner->offsets);
    wendi_free(interner->hashes);
    wendi_free(interner->slots);
    *interner = (wendi_interner){0};
}
