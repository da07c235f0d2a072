/**
 * Bit strings: numbers of one width behind each other, lowest bits first, number i from bit i * width on.
 * So stand the numbers of a vector that is not full, and the upper parts of patched ones. Kernels read many at once:
 * unpack_string_u64() and _u32().
 */
#ifndef WENDI_FORMAT_CODEC_BIT_STRING_H
#define WENDI_FORMAT_CODEC_BIT_STRING_H

#include "engine/base/bytes.h"

static inline uint64_t wendi_low_bits(unsigned width)
{
    return width >= 64 ? UINT64_MAX : ((uint64_t)1 << width) - 1;
}

/** Bits that the value needs; 0 needs none. */
static inline unsigned wendi_bit_width(uint64_t value)
{
    return value == 0 ? 0 : 64 - (unsigned)__builtin_clzll(value);
}

/** A number of 0 to 8 whole bytes. */
static inline uint64_t wendi_load_bytes(const uint8_t *at, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++) {
        value |= (uint64_t)at[i] << (8 * i);
    }
    return value;
}

/** Write the low `bytes` of a number; the place behind them. */
static inline uint8_t *wendi_store_bytes(uint8_t *at, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        *at++ = (uint8_t)(value >> (8 * i));
    }
    return at;
}

static inline size_t wendi_bit_string_bytes(uint32_t count, unsigned width)
{
    return ((size_t)count * width + 7) / 8;
}

/**
 * Number `index` of the string at `bytes`. `end` is where readable bytes end, at the string's end or behind it:
 * a word is read at once where one fits before it.
 */
static inline uint64_t wendi_bit_string_get(const uint8_t *bytes, const uint8_t *end, uint32_t index, unsigned width)
{
    const size_t bit = (size_t)index * width;
    const uint8_t *at = bytes + bit / 8;
    const unsigned shift = (unsigned)(bit % 8);
    uint64_t value = 0;
    if (end - at >= 8) {
        value = wendi_load_u64(at) >> shift;
        if (shift + width > 64) { /* The number ends in a ninth byte, which then is the string's. */
            value |= (uint64_t)at[8] << (64 - shift);
        }
        return value & wendi_low_bits(width);
    }
    for (unsigned i = 0; at + i < end; i++) {
        value |= (uint64_t)at[i] << (8 * i);
    }
    return value >> shift & wendi_low_bits(width);
}

/** Write `count` numbers below 2^width as a string; returns the place behind its bytes, and writes nothing from there. */
static inline uint8_t *wendi_bit_string_write(const uint64_t *numbers, uint32_t count, unsigned width, uint8_t *out)
{
    uint64_t word = 0;
    unsigned filled = 0;
    for (uint32_t i = 0; i < count; i++) {
        word |= numbers[i] << filled;
        filled += width;
        if (filled >= 64) {
            wendi_store_u64(out, word);
            out += 8;
            filled -= 64;
            word = filled == 0 ? 0 : numbers[i] >> (width - filled);
        }
    }
    for (; filled > 0; filled -= filled < 8 ? filled : 8) {
        *out++ = (uint8_t)word;
        word >>= 8;
    }
    return out;
}

/** Whether the bits behind the last number, up to the string's last byte, are zero. */
static inline bool wendi_bit_string_ends_clean(const uint8_t *bytes, uint32_t count, unsigned width)
{
    const size_t bits = (size_t)count * width;
    return bits % 8 == 0 || bytes[bits / 8] >> (bits % 8) == 0;
}

/** Whether the first number of a packed vector, interleaved or a bit string, is zero: both begin with its bits. */
static inline bool wendi_packed_first_is_zero(const uint8_t *packed, unsigned width)
{
    for (unsigned bit = 0; bit < width; bit += 8) {
        const unsigned left = width - bit;
        if ((packed[bit / 8] & (left < 8 ? (1u << left) - 1 : 255u)) != 0) {
            return false;
        }
    }
    return true;
}

#endif
