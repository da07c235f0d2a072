/**
 * What the kernel tests share: lengths around those of vectors and words, a seeded generator. Needs
 * nothing but the kernels, so that the tests can be cross-compiled alone (aarch64_test.sh).
 */
#ifndef WENDI_TESTS_KERNEL_CASES_H
#define WENDI_TESTS_KERNEL_CASES_H

#include "format/kernel/kernels.h"

static const size_t kernel_lengths[] = {1,  2,  3,   7,   8,   9,    15,   16,  17,
                                        31, 63, 64,  65,  127, 128,  1000, 1023, 1024, 4097};
enum {
    KERNEL_LENGTHS = sizeof kernel_lengths / sizeof *kernel_lengths,
    KERNEL_LONGEST = 4097
};

/** SplitMix64 (Steele, Lea, Flood 2014). */
static inline uint64_t kernel_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

#endif
