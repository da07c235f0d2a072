/* The only file that sees xxhash, with hash_avx2.c, which is the same for wider vectors. */
#include "engine/base/hash.h"

#include "engine/base/hash_wide.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wcast-qual"
#define XXH_INLINE_ALL
#include <xxhash.h>
#pragma GCC diagnostic pop

uint64_t wendi_hash64(const void *bytes, size_t length)
{
    return XXH3_64bits(bytes, length);
}

enum { WIDE_BYTES = 512 }; /* shorter ones gain nothing from vectors */

uint64_t wendi_hash64_seed(const void *bytes, size_t length, uint64_t seed)
{
#if defined(__x86_64__)
    if (length >= WIDE_BYTES && __builtin_cpu_supports("avx2")) {
        return wendi_hash64_seed_avx2(bytes, length, seed);
    }
#endif
    return XXH3_64bits_withSeed(bytes, length, seed);
}

wendi_hash128 wendi_hash128_of(const void *bytes, size_t length)
{
    XXH128_hash_t hash = XXH3_128bits(bytes, length);
    return (wendi_hash128){hash.low64, hash.high64};
}
