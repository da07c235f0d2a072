/**
 * Kernels: the loops that pages are packed and unpacked with, one table of them per instruction set.
 *
 * Every table is compiled from the one text in kernel_body.h; scalar is the meaning and the others
 * equal it bit for bit (tests/kernel). Kernels cannot fail or allocate and touch exactly the values
 * their contract names. Pointers are aligned to 8 unless said otherwise. Little-endian hosts only.
 *
 * The packed layout of 1024 values of `width` bits: lanes of B bits, B the least of 8, 16, 32, 64 that
 * is not below width. The values stand in B rows of 1024 / B lanes, value i in row
 * i / (1024 / B), lane i % (1024 / B). Each lane is a stream of its B values, width bits each, lowest bits
 * first, cut into `width` words of B bits; word k of all lanes stands together. So 1024 values take
 * exactly 128 * width bytes, and the loop over lanes is one that compilers turn into vectors.
 */
#ifndef WENDI_FORMAT_KERNEL_KERNELS_H
#define WENDI_FORMAT_KERNEL_KERNELS_H

#include <stddef.h>
#include <stdint.h>

enum { WENDI_KERNEL_VALUES = 1024 };

typedef struct wendi_kernels {
    const char *name;
    /** 1024 values, each below 2^width; width 0..64; writes 128 * width bytes. */
    void (*pack_u64)(const uint64_t *values, unsigned width, void *packed);
    /** 1024 values; values[i] = base + unpacked[i] (mod 2^64). */
    void (*unpack_u64)(const void *packed, unsigned width, uint64_t base, uint64_t *values);
    /** The same for width 0..32 into 32-bit values. */
    void (*unpack_u32)(const void *packed, unsigned width, uint32_t base, uint32_t *values);
    /** values[i] = base + values[i] * factor. */
    void (*multiply_add_u64)(uint64_t *values, size_t count, uint64_t factor, uint64_t base);
    void (*multiply_add_u32)(uint32_t *values, size_t count, uint32_t factor, uint32_t base);
    /** values[i] = (values[i] >> 1) ^ -(values[i] & 1). */
    void (*unzigzag_u64)(uint64_t *values, size_t count);
    void (*unzigzag_u32)(uint32_t *values, size_t count);
    /** values[i] becomes start + values[0] + ... + values[i]. */
    void (*prefix_sum_u64)(uint64_t *values, size_t count, uint64_t start);
    void (*prefix_sum_u32)(uint32_t *values, size_t count, uint32_t start);
    void (*fill_u64)(uint64_t *values, size_t count, uint64_t value);
    void (*fill_u32)(uint32_t *values, size_t count, uint32_t value);
    /**
     * Rows from..to-1 of runs: run r covers rows ends[r-1]..ends[r]-1 and `run` is the one that holds `from`.
     * values[row - from] = run_values[its run].
     */
    void (*expand_runs_u64)(const uint64_t *run_values, const uint32_t *ends, uint32_t run, uint32_t from, uint32_t to,
                            uint64_t *values);
    void (*expand_runs_u32)(const uint32_t *run_values, const uint32_t *ends, uint32_t run, uint32_t from, uint32_t to,
                            uint32_t *values);
    /** Least and greatest of count >= 1 values. */
    void (*min_max_i64)(const int64_t *values, size_t count, int64_t *min, int64_t *max);
    uint32_t (*max_u32)(const uint32_t *values, size_t count); /* 0 for none */
    /** The number of i >= 1 with values[i] != values[i - 1]. */
    size_t (*changes_u64)(const uint64_t *values, size_t count);
    /** doubles[i] = integers[i] / divisor, correctly rounded. May work in place. */
    void (*decimal_f64)(const int64_t *integers, size_t count, double divisor, double *doubles);
    /** doubles[i] = the float whose bits are the low half of bits[i]. May work in place. */
    void (*float_bits_f64)(const uint64_t *bits, size_t count, double *doubles);
    /** pairs[2i] = byte-swapped high[i], pairs[2i + 1] = byte-swapped low[i]. */
    void (*join_b16)(const uint64_t *high, const uint64_t *low, size_t count, uint64_t *pairs);
    /**
     * Spread dense values over rows: bit i of `bitmap` (lowest first) set means row i is null. nulls[i] gets the bit,
     * values[i] the next dense value or 0. `dense` has one readable value beyond its last. Returns the values taken.
     */
    size_t (*expand_nulls_u64)(const uint8_t *bitmap, const uint64_t *dense, size_t count, uint8_t *nulls,
                               uint64_t *values);
} wendi_kernels;

/** The table of this machine, or what WEND_ISA (scalar, avx2, avx512) forces; chosen at the first call. */
const wendi_kernels *wendi_kernels_get(void);
/** Table number `index` of those this machine can run (0 is scalar), or NULL beyond the last. */
const wendi_kernels *wendi_kernels_at(unsigned index);

extern const wendi_kernels wendi_kernels_scalar;
#if defined(__x86_64__)
extern const wendi_kernels wendi_kernels_avx2;
extern const wendi_kernels wendi_kernels_avx512;
#endif

#endif
