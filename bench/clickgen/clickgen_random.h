/* Random numbers of the generator: fixed for ever, because seeds in tests and papers name streams.
 */
#ifndef WENDI_CLICKGEN_RANDOM_H
#define WENDI_CLICKGEN_RANDOM_H

#include <stdint.h>

/** The finalizer of SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number
 * Generators). */
static inline uint64_t wendi_clickgen_mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

typedef struct wendi_clickgen_random {
    uint64_t state;
} wendi_clickgen_random;

static inline uint64_t wendi_clickgen_draw(wendi_clickgen_random *random)
{
    random->state += 0x9e3779b97f4a7c15u;
    return wendi_clickgen_mix(random->state);
}

/** 0 … limit-1 from 32 random bits; limit is at least 1. The bias is below limit / 2^32. */
static inline uint32_t wendi_clickgen_scale(uint32_t bits, uint32_t limit)
{
    return (uint32_t)((uint64_t)bits * limit >> 32);
}

static inline uint32_t wendi_clickgen_below(wendi_clickgen_random *random, uint32_t limit)
{
    return wendi_clickgen_scale((uint32_t)(wendi_clickgen_draw(random) >> 32), limit);
}

#endif
