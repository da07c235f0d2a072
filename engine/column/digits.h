/**
 * Runs of ASCII digits, eight at a time: what both the JSON scanner and the text forms of numbers begin with.
 */
#ifndef WENDI_COLUMN_DIGITS_H
#define WENDI_COLUMN_DIGITS_H

#include <stdint.h>
#include <string.h>

/** The eight digits at `at` as a number, or -1 when one is none: all bytes are checked and summed at once. */
static inline int64_t wendi_eight_digits(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    uint64_t low = word - UINT64_C(0x3030303030303030);
    if ((((word + UINT64_C(0x4646464646464646)) | low) & UINT64_C(0x8080808080808080)) != 0) {
        return -1;
    }
    low = low * 10 + (low >> 8);
    return (int64_t)(((low & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x000f424000000064) +
                      (low >> 16 & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x0000271000000001)) >>
                     32);
}

/**
 * Append the digits from `at` on to `*value` and return where they end. Nothing is read at `end` or behind
 * it. `*value` wraps beyond 2^64: a caller that may meet more than 19 digits counts them.
 */
static inline const char *wendi_scan_digits(const char *at, const char *end, uint64_t *value)
{
    uint64_t sum = *value;
    while (end - at >= 8) {
        int64_t eight = wendi_eight_digits(at);
        if (eight < 0) {
            break;
        }
        sum = sum * 100000000 + (uint64_t)eight;
        at += 8;
    }
    for (; at < end && (unsigned char)(*at - '0') < 10; at++) {
        sum = sum * 10 + (uint64_t)(*at - '0');
    }
    *value = sum;
    return at;
}

#endif
