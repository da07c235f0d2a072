/**
 * The hash of strings in an interner. It folds 128-bit products as wyhash does
 * (https://github.com/wangyi-fudan/wyhash), is keyed per table, and never leaves memory.
 */
#ifndef WENDI_COLUMN_INTERNER_HASH_H
#define WENDI_COLUMN_INTERNER_HASH_H

#include "engine/base/bytes.h"
#include "engine/column/type.h"

#define WENDI_HASH_SECRET UINT64_C(0xa0761d6478bd642f)

static inline uint64_t wendi_hash_fold(uint64_t a, uint64_t b)
{
    wendi_uint128 product = (wendi_uint128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/** All bytes of a string of more than sixteen but its last sixteen, folded into the seed. */
static inline uint64_t wendi_hash_beginning(const char *data, uint32_t length, uint64_t seed)
{
    for (const char *last = data + length - 16; data < last; data += 16) {
        seed = wendi_hash_fold(wendi_load_u64(data) ^ WENDI_HASH_SECRET, wendi_load_u64(data + 8) ^ seed);
    }
    return seed;
}

static inline uint64_t wendi_hash_end(uint64_t a, uint64_t b, uint32_t length, uint64_t seed)
{
    return wendi_hash_fold(WENDI_HASH_SECRET ^ length, wendi_hash_fold(a ^ WENDI_HASH_SECRET, b ^ seed));
}

static inline uint64_t wendi_interner_hash(const char *data, uint32_t length, uint64_t seed)
{
    uint64_t a = 0;
    uint64_t b = 0;
    if (length > 16) {
        seed = wendi_hash_beginning(data, length, seed);
        a = wendi_load_u64(data + length - 16);
        b = wendi_load_u64(data + length - 8);
    } else if (length >= 8) {
        a = wendi_load_u64(data);
        b = wendi_load_u64(data + length - 8);
    } else if (length >= 4) { /* all bytes, with zeros behind, as the one below reads them */
        a = wendi_load_u32(data) | (uint64_t)wendi_load_u32(data + length - 4) << 8 * (length - 4);
    } else if (length > 0) {
        a = (uint64_t)(uint8_t)data[0] | (uint64_t)(uint8_t)data[length >> 1] << 8 * (length >> 1) |
            (uint64_t)(uint8_t)data[length - 1] << 8 * (length - 1);
    }
    return wendi_hash_end(a, b, length, seed);
}

/** The same where eight bytes may be read in any case: lengths that differ from call to call cost no branch. */
static inline uint64_t wendi_interner_hash_padded(const char *data, uint32_t length, uint64_t seed)
{
    if (length > 16) {
        seed = wendi_hash_beginning(data, length, seed);
        return wendi_hash_end(wendi_load_u64(data + length - 16), wendi_load_u64(data + length - 8), length, seed);
    }
    uint64_t whole = 0 - (uint64_t)(length >= 8);
    uint64_t a = wendi_load_u64(data) & (whole | ((UINT64_C(1) << 8 * (length & 7)) - 1));
    uint64_t b = wendi_load_u64(data + (length - 8) * (length >= 8)) & whole;
    return wendi_hash_end(a, b, length, seed);
}

#endif
