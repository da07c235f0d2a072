/*
 * Digits and strings many bytes at a time, for json_members_body.h: by AVX2 where the including file is
 * compiled for it, else in plain C, with equal results. What is behind the end may be read, up to 64 bytes, and never
 * decides.
 */
#ifdef __AVX2__
#include <immintrin.h>
#endif

/* The loop with its usual values is one function: left to itself the compiler cuts it where registers are dear. */
#define WEND_ALWAYS_INLINE inline __attribute__((always_inline))
#define ONES UINT64_C(0x0101010101010101)
#define US_PER_SECOND INT64_C(1000000)

/* ---- digits ----------------------------------------------------------------------------------- */

/* How many of the eight bytes at `at` are digits, up to the first that is none; `*digits`: their values, byte by byte. */
static inline uint32_t count_digits(const char *at, uint64_t *digits)
{
    uint64_t word = wendi_load_u64(at) ^ '0' * ONES;
    uint64_t other = ((word + 0x76 * ONES) | word) & 0x80 * ONES; /* above the first of them, carries may err */
    *digits = word;
    return other == 0 ? 8 : (uint32_t)__builtin_ctzll(other) / 8;
}

/* The first `count` (1..8) of digits found by count_digits() as a number. */
static inline uint64_t sum_digits(uint64_t digits, uint32_t count)
{
    uint64_t low = digits << (64 - 8 * count); /* leading zeros in front */
    low = low * 10 + (low >> 8);
    return ((low & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x000f424000000064) +
            (low >> 16 & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x0000271000000001)) >>
           32;
}

static inline bool ends_value(const char *at, const char *end)
{
    return at < end && (*at == ',' || *at == '}');
}

typedef struct plain_number {
    uint64_t mantissa;
    uint32_t whole_count;
    uint32_t fraction_count;
} plain_number;

/* At most seven digits before and behind the point, no sign, no exponent, and the member ends right behind it. */
static inline const char *scan_plain_number(const char *at, const char *end, plain_number *number)
{
    uint64_t digits;
    uint32_t count = count_digits(at, &digits);
    if (count - 1 > 6 || (*at == '0' && count > 1)) {
        return NULL;
    }
    number->mantissa = sum_digits(digits, count);
    number->whole_count = count;
    number->fraction_count = 0;
    at += count;
    if (*at == '.') {
        static const uint32_t tens[8] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000};
        count = count_digits(at + 1, &digits);
        if (count - 1 > 6) {
            return NULL;
        }
        number->mantissa = number->mantissa * tens[count] + sum_digits(digits, count);
        number->fraction_count = count;
        at += 1 + count;
    }
    return ends_value(at, end) ? at : NULL;
}

/* ---- strings ---------------------------------------------------------------------------------- */

#ifdef __AVX2__
/* Bit i: byte i ends what is plain in a string: a quote, a backslash, a control character, or none of ASCII. */
static inline uint32_t stops_32(const char *at)
{
    __m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)at);
    __m256i quote = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('"'));
    __m256i slash = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\\'));
    __m256i control = _mm256_cmpgt_epi8(_mm256_set1_epi8(0x20), bytes); /* as signed bytes, so also from 0x80 on */
    return (uint32_t)_mm256_movemask_epi8(_mm256_or_si256(_mm256_or_si256(quote, slash), control));
}

/* Are the first `count` bytes the same? At most 32. */
static inline bool same_32(const char *a, const char *b, uint32_t count)
{
    __m256i same = _mm256_cmpeq_epi8(_mm256_loadu_si256((const __m256i *)(const void *)a),
                                     _mm256_loadu_si256((const __m256i *)(const void *)b));
    return _bzhi_u32(~(uint32_t)_mm256_movemask_epi8(same), count) == 0;
}

/* Bit i: lane i has this tag. */
static inline uint32_t match_tag(const wendi_interner_bucket *bucket, uint32_t tag)
{
    __m128i tags = _mm_loadu_si128((const __m128i *)(const void *)bucket->tags);
    return (uint32_t)_mm_movemask_ps(_mm_castsi128_ps(_mm_cmpeq_epi32(tags, _mm_set1_epi32((int)tag))));
}

/* Does the slot's literal stand at `at`? What is behind the end is not looked at. */
static inline bool is_literal(const wendi_key_slot *slot, const char *at)
{
    __m256i text = _mm256_loadu_si256((const __m256i *)(const void *)at);
    __m256i literal = _mm256_loadu_si256((const __m256i *)(const void *)slot->literal);
    __m256i mask = _mm256_loadu_si256((const __m256i *)(const void *)slot->mask);
    __m256i differ = _mm256_xor_si256(_mm256_and_si256(text, mask), literal);
    return _mm256_testz_si256(differ, differ);
}
#else
static inline uint32_t stops_32(const char *at)
{
    uint32_t high;
    uint32_t special = wendi_json_special(at, &high);
    return special | high;
}

/* 32 bytes may be read on both sides. */
static inline bool same_32(const char *a, const char *b, uint32_t count)
{
    for (; count >= 8; count -= 8, a += 8, b += 8) {
        if (wendi_load_u64(a) != wendi_load_u64(b)) {
            return false;
        }
    }
    return count == 0 || (wendi_load_u64(a) ^ wendi_load_u64(b)) << (64 - 8 * count) == 0;
}

static inline uint32_t match_tag(const wendi_interner_bucket *bucket, uint32_t tag)
{
    uint32_t matches = 0;
    for (uint32_t i = 0; i < WENDI_INTERNER_LANES; i++) {
        matches |= (uint32_t)(bucket->tags[i] == tag) << i;
    }
    return matches;
}

static inline bool is_literal(const wendi_key_slot *slot, const char *at)
{
    return wendi_key_matches(slot, at);
}
#endif

/* The closing quote of the string that begins at `at`, if it is ASCII throughout and needs no unescaping; else NULL. */
static inline const char *find_quote(const char *at, const char *end)
{
    uint32_t stops = stops_32(at);
    while (stops == 0) {
        at += 32;
        if (at >= end) {
            return NULL;
        }
        stops = stops_32(at);
    }
    at += __builtin_ctz(stops);
    return *at == '"' && at < end ? at : NULL;
}

/* 64 bytes behind both may be read, as behind messages, dictionaries and runs. */
static inline bool is_same(const char *a, const char *b, uint32_t length)
{
    for (; length > 32; length -= 32, a += 32, b += 32) {
        if (!same_32(a, b, 32)) {
            return false;
        }
    }
    return same_32(a, b, length);
}

/* Is entry `code`, if there is such a one, this text? */
static inline bool is_entry(const wendi_interner *interner, uint32_t code, const char *text, uint32_t length)
{
    if (code == 0 || code >= interner->entry_count) {
        return false;
    }
    uint32_t begin = interner->offsets[code];
    return interner->offsets[code + 1] - begin == length && is_same(text, (const char *)interner->bytes.data + begin, length);
}
