/** XXH3 with the vectors of one instruction set more; between hash.c and the files that are compiled for it. */
#ifndef WENDI_BASE_HASH_WIDE_H
#define WENDI_BASE_HASH_WIDE_H

#include <stddef.h>
#include <stdint.h>

/** As wendi_hash64_seed(). Only where the processor has AVX2, unless the file was compiled without. */
uint64_t wendi_hash64_seed_avx2(const void *bytes, size_t length, uint64_t seed);

#endif
