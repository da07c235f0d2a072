/**
 * Kernels: the loops that pages are packed, unpacked and filtered with, one table of them per
 * instruction set.
 *
 * Every table is compiled from the same text (kernel_*.h); scalar is the meaning and the others
 * equal it bit for bit (tests/kernel). Kernels cannot fail or allocate, and touch exactly the values
 * their contract names: nothing beyond `count` is read or written. Arrays are aligned to their own
 * lanes, packed bytes, bitmaps and what unpack_*() writes to 8; arrays aligned to 64 are fastest.
 * Inputs and outputs do not overlap unless said. Little-endian hosts only.
 *
 * A bitmap over `count` rows is (count + 63) / 64 words, row i in bit i % 64 of word i / 64. What
 * writes one writes all its words, with zeros beyond `count`; what reads one relies on those zeros.
 *
 * The packed layout of 1024 values of `width` bits: lanes of B bits, B the least of 8, 16, 32, 64 that
 * is not below width. The values stand in B rows of 1024 / B lanes, value i in row
 * i / (1024 / B), lane i % (1024 / B). Each lane is a stream of its B values, width bits each, lowest bits
 * first, cut into `width` words of B bits; word k of all lanes stands together. So 1024 values take
 * exactly 128 * width bytes, and the loop over lanes is one that compilers turn into vectors.
 */
#ifndef WENDI_FORMAT_KERNEL_KERNELS_H
#define WENDI_FORMAT_KERNEL_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wend/status.h"

enum { WENDI_KERNEL_VALUES = 1024 };

typedef struct wendi_kernels {
    const char *name;
    /** 1024 values, each below 2^width; width 0..64; writes 128 * width bytes. */
    void (*pack_u64)(const uint64_t *values, unsigned width, void *packed);
    /** 1024 values; values[i] = base + unpacked[i] (mod 2^64). */
    void (*unpack_u64)(const void *packed, unsigned width, uint64_t base, uint64_t *values);
    /** The same for width 0..32 into 32-bit values. */
    void (*unpack_u32)(const void *packed, unsigned width, uint32_t base, uint32_t *values);
    /** The same into the lanes of codes: width 0..8 into 8 bits (mod 2^8), 0..16 into 16. */
    void (*unpack_u8)(const void *packed, unsigned width, uint8_t base, uint8_t *values);
    void (*unpack_u16)(const void *packed, unsigned width, uint16_t base, uint16_t *values);
    /**
     * 1024 values from packed steps: values[0] = first, values[i] = values[i - 1] + (step + unpacked[i]) * factor
     * (mod 2^64, or 2^32 with width 0..32). unpacked[0] is ignored.
     */
    void (*unpack_steps_u64)(const void *packed, unsigned width, uint64_t step, uint64_t first, uint64_t factor,
                             uint64_t *values);
    void (*unpack_steps_u32)(const void *packed, unsigned width, uint32_t step, uint32_t first, uint32_t factor,
                             uint32_t *values);
    /** values[i] = base + values[i] * factor. */
    void (*multiply_add_u64)(uint64_t *values, size_t count, uint64_t factor, uint64_t base);
    void (*multiply_add_u32)(uint32_t *values, size_t count, uint32_t factor, uint32_t base);
    /** values[i] = (values[i] >> 1) ^ -(values[i] & 1). */
    void (*unzigzag_u64)(uint64_t *values, size_t count);
    void (*unzigzag_u32)(uint32_t *values, size_t count);
    /** values[i] becomes start + (values[0] + ... + values[i]) * factor. */
    void (*prefix_sum_u64)(uint64_t *values, size_t count, uint64_t start, uint64_t factor);
    void (*prefix_sum_u32)(uint32_t *values, size_t count, uint32_t start, uint32_t factor);
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
    /** Of those whose nulls[i] is 0; INT64_MAX and INT64_MIN when there is none. */
    void (*min_max_present_i64)(const int64_t *values, const uint8_t *nulls, size_t count, int64_t *min, int64_t *max);
    uint32_t (*max_u32)(const uint32_t *values, size_t count); /* 0 for none */
    /** The number of i >= 1 with values[i] != values[i - 1]. */
    size_t (*changes_u64)(const uint64_t *values, size_t count);
    size_t (*changes_u32)(const uint32_t *values, size_t count);
    void (*widen_u32)(const uint32_t *values, size_t count, uint64_t *wide);
    /** Several narrow numbers in a word: add one at bit `shift`, where zeros are; take one of `width` bits, 1..32. */
    void (*add_lane_u32)(const uint32_t *values, size_t count, unsigned shift, uint64_t *words);
    void (*take_lane_u32)(const uint64_t *words, size_t count, unsigned shift, unsigned width, uint32_t *values);
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

    /* ---- patched and masked streams, packed UUIDs ---- */

    /** values[i] becomes base + (values[i] & mask) * factor. */
    void (*wrap_multiply_add_u64)(uint64_t *values, size_t count, uint64_t mask, uint64_t factor, uint64_t base);
    void (*wrap_multiply_add_u32)(uint32_t *values, size_t count, uint32_t mask, uint32_t factor, uint32_t base);
    /**
     * values[i] = the next dense value where row i is set in the bitmap, else `common`. `dense` has one readable
     * value beyond its last; bits beyond `count` are not looked at. Returns the values taken.
     */
    size_t (*expand_masked_u64)(const uint64_t *bitmap, const uint64_t *dense, size_t count, uint64_t common,
                                uint64_t *values);
    size_t (*expand_masked_u32)(const uint64_t *bitmap, const uint32_t *dense, size_t count, uint32_t common,
                                uint32_t *values);
    /**
     * values[i] = base + number i of a bit string (format/codec/bit_string.h), width 0..64. Whole words are read and
     * written: 32 bytes behind the string are readable, and values has room for count rounded up to 8.
     */
    void (*unpack_string_u64)(const uint8_t *string, size_t count, unsigned width, uint64_t base, uint64_t *values);
    void (*unpack_string_u32)(const uint8_t *string, size_t count, unsigned width, uint32_t base, uint32_t *values);
    /** values[i] += the next dense value << shift (below 64) where row i is set in the bitmap; none beyond `count`. */
    void (*add_masked_u64)(const uint64_t *bitmap, const uint64_t *dense, size_t count, unsigned shift,
                           uint64_t *values);
    void (*add_masked_u32)(const uint64_t *bitmap, const uint32_t *dense, size_t count, unsigned shift,
                           uint32_t *values);
    /** join_b16() of UUIDs of version 4 from their 60 and 62 free bits; higher bits are ignored. */
    void (*join_uuid4)(const uint64_t *high, const uint64_t *low, size_t count, uint64_t *pairs);

    /* ---- statistics of a stream ---- */

    /** Bounds of count >= 1 values, and of their steps, as INT64_MAX and INT64_MIN where there is none. */
    void (*step_bounds_u64)(const uint64_t *values, size_t count, uint64_t *min, uint64_t *max, int64_t *step_min,
                            int64_t *step_max);
    /**
     * counts[w] (w 0..64) += how many numbers, of at most 1024 values, are w bits wide: values[i] - base; or of
     * count >= 1 values those behind the first: the zigzag of the step from the value before; that step & mask.
     */
    void (*offset_widths_u64)(const uint64_t *values, size_t count, uint64_t base, uint16_t *counts);
    void (*step_widths_u64)(const uint64_t *values, size_t count, uint16_t *counts);
    void (*rise_widths_u64)(const uint64_t *values, size_t count, uint64_t mask, uint16_t *counts);
    size_t (*equal_u64)(const uint64_t *values, size_t count, uint64_t value);
    /** Value and end (the row behind its last) of each run of count >= 1 values; both have room for as many as there are. */
    size_t (*collect_runs_u64)(const uint64_t *values, size_t count, uint64_t *run_values, uint64_t *ends);
    size_t (*collect_runs_u32)(const uint32_t *values, size_t count, uint64_t *run_values, uint64_t *ends);
    /** Of count >= 1 codes: how many are 0, bounds of the others (*greatest 0 when there are none). */
    void (*code_bounds_u32)(const uint32_t *codes, size_t count, uint32_t *zeros, uint32_t *least, uint32_t *greatest);
    /** Which codes occur, a bit each, of codes below 64. */
    uint64_t (*code_mask_u32)(const uint32_t *codes, size_t count);
    /**
     * With a divisor odd << shift, inverse * odd = 1 mod 2^64 and limit = UINT64_MAX / divisor: the first i of which
     * values[i] - base is no multiple of the divisor, or count (Granlund and Montgomery 1994).
     */
    size_t (*indivisible_u64)(const uint64_t *values, size_t count, uint64_t base, uint64_t inverse, unsigned shift,
                              uint64_t limit);
    /** quotients[i] = (values[i] - base) / that divisor, which divides all of them. */
    void (*divide_exactly_u64)(const uint64_t *values, size_t count, uint64_t base, uint64_t inverse, unsigned shift,
                               uint64_t *quotients);

    /* ---- predictions: see format/prediction.h ---- */

    /** keys[i] = first[i] * second_codes + second[i]. */
    void (*pair_keys_u32)(const uint32_t *first, const uint32_t *second, uint32_t second_codes, size_t count,
                          uint32_t *keys);
    /** codes[i] = low half of values[i] - least, plus 1. Returns the greatest values[i] - least, 0 for none. */
    uint64_t (*offset_codes_u32)(const uint64_t *values, uint64_t least, size_t count, uint32_t *codes);
    /**
     * numbers[i] from residual r: map[keys[i]] when 0, list[r - 1] up to list_count, else r - list_count - 1. Keys lie
     * within the map; `list` is not touched when list_count is 0. Arrays do not overlap.
     */
    void (*predict_u32)(const uint32_t *map, const uint32_t *keys, const uint32_t *residuals, const uint32_t *list,
                        uint32_t list_count, size_t count, uint32_t *numbers);
    void (*predict_u64)(const uint64_t *map, const uint32_t *keys, const uint64_t *residuals, const uint64_t *list,
                        uint32_t list_count, size_t count, uint64_t *numbers);
    /** nulls[i] is 1 for number 0, whose value is 0; else numbers[i] becomes base + numbers[i] - 1. Any null? */
    bool (*numbers_to_values_u64)(uint64_t *numbers, uint64_t base, size_t count, uint8_t *nulls);

    /* ---- filters on codes and values: each writes a bitmap ---- */

    /** Rows whose value is low..high, both included; none when low > high. */
    void (*select_range_u8)(const uint8_t *values, size_t count, uint8_t low, uint8_t high, uint64_t *bitmap);
    void (*select_range_u16)(const uint16_t *values, size_t count, uint16_t low, uint16_t high, uint64_t *bitmap);
    void (*select_range_u32)(const uint32_t *values, size_t count, uint32_t low, uint32_t high, uint64_t *bitmap);
    void (*select_range_i64)(const int64_t *values, size_t count, int64_t low, int64_t high, uint64_t *bitmap);
    /**
     * Rows whose code is in a set: bit c % 64 of set[c / 64] for c below `set_count`; codes from there on
     * are not in it. `set` has (set_count + 63) / 64 words. Sets of at most 16 codes of 8 bits are the
     * cheapest, then any of 8 bits, then wider codes, where each row looks up a word.
     */
    void (*select_set_u8)(const uint8_t *codes, size_t count, const uint64_t *set, uint32_t set_count,
                          uint64_t *bitmap);
    void (*select_set_u16)(const uint16_t *codes, size_t count, const uint64_t *set, uint32_t set_count,
                           uint64_t *bitmap);
    void (*select_set_u32)(const uint32_t *codes, size_t count, const uint64_t *set, uint32_t set_count,
                           uint64_t *bitmap);
    /** into &= other; into |= other; into &= ~other. Words, not rows. */
    void (*bitmap_and)(uint64_t *into, const uint64_t *other, size_t word_count);
    void (*bitmap_or)(uint64_t *into, const uint64_t *other, size_t word_count);
    void (*bitmap_and_not)(uint64_t *into, const uint64_t *other, size_t word_count);
    /**
     * out[i]: each bit set in mask[i], lowest first, becomes the next bit of `dense`, whose first stands in bit 0 of word
     * 0; other bits are 0. `dense` has one readable word beyond those that its bits need.
     */
    void (*bitmap_spread)(const uint64_t *mask, const uint64_t *dense, size_t word_count, uint64_t *out);
    /** The rows set. */
    size_t (*bitmap_count)(const uint64_t *bitmap, size_t word_count);
    /**
     * The rows set, rising, as first + their index; returns their number. `rows` has room for
     * 64 * word_count, all of which may be written over. For u16 the last index must fit.
     */
    size_t (*bitmap_rows_u16)(const uint64_t *bitmap, size_t word_count, uint16_t first, uint16_t *rows);
    size_t (*bitmap_rows_u32)(const uint64_t *bitmap, size_t word_count, uint32_t first, uint32_t *rows);
    /**
     * counts[c] += the rows of code c, for c below `code_count` (at most 256); other codes are not counted.
     * With a `bitmap` only of the rows set in it; NULL: of all. count is at most 2^31.
     */
    void (*histogram_u8)(const uint8_t *codes, size_t count, const uint64_t *bitmap, unsigned code_count,
                         uint32_t *counts);
} wendi_kernels;

/**
 * The table of this machine, or the one that WEND_ISA (scalar, avx2, avx512, neon) forces; chosen at
 * the first call. A WEND_ISA that names no table or one this machine cannot run gives scalar here:
 * whatever a user opens asks wendi_kernels_check() first, so that nobody measures by mistake what they
 * did not ask for.
 */
const wendi_kernels *wendi_kernels_get(void);
/** WEND_INVALID, naming what would do, when WEND_ISA asks for what cannot be had. Cheap to repeat. */
wend_status wendi_kernels_check(wend_error *error);
/** Table number `index` of those this machine can run (0 is scalar), or NULL beyond the last. */
const wendi_kernels *wendi_kernels_at(unsigned index);

extern const wendi_kernels wendi_kernels_scalar;
#if defined(__x86_64__)
extern const wendi_kernels wendi_kernels_avx2;
extern const wendi_kernels wendi_kernels_avx512;
#elif defined(__aarch64__)
extern const wendi_kernels wendi_kernels_neon;
#endif

#endif
