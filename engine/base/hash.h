/**
 * Hashing and checksums: XXH3 (https://github.com/Cyan4973/xxHash). The values are stored on disk
 * and order rows, so neither function nor seed of an existing use may ever change.
 */
#ifndef WENDI_BASE_HASH_H
#define WENDI_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

typedef struct wendi_hash128 {
    uint64_t low;
    uint64_t high;
} wendi_hash128;

uint64_t wendi_hash64(const void *bytes, size_t length);
uint64_t wendi_hash64_seed(const void *bytes, size_t length, uint64_t seed);
wendi_hash128 wendi_hash128_of(const void *bytes, size_t length);

/** A bijective mix of one 64-bit key (the finalizer of SplitMix64): for hash tables, never stored. */
static inline uint64_t wendi_mix64(uint64_t key)
{
    key ^= key >> 30;
    key *= 0xbf58476d1ce4e5b9u;
    key ^= key >> 27;
    key *= 0x94d049bb133111ebu;
    return key ^ key >> 31;
}

#endif
