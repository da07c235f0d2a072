/*
 * Entries that are a prefix and digits, to numbers and back. Hexadecimal digits are paired into bytes; decimal ones
 * become integers, stored byte by byte of all entries, which leaves compression the bytes that hardly vary.
 */
#include "format/dictionary_digits.h"

enum { PREFIX_MAX = 255, HEXADECIMAL_MAX = 255, DECIMAL_MAX = 18 };

/** What a character may be; and of a block, what all its digits are. */
enum { DECIMAL = 1, LOWER = 2, UPPER = 4 };

#define DIGIT(value) (uint8_t)((value) << 4 | DECIMAL | LOWER | UPPER)
#define LETTER(value, set) (uint8_t)((value) << 4 | (set))
/** Value in the upper half, what it may be in the lower; 0 for what is no digit. */
static const uint8_t digit_kinds[256] = {
    ['0'] = DIGIT(0), ['1'] = DIGIT(1), ['2'] = DIGIT(2), ['3'] = DIGIT(3), ['4'] = DIGIT(4),
    ['5'] = DIGIT(5), ['6'] = DIGIT(6), ['7'] = DIGIT(7), ['8'] = DIGIT(8), ['9'] = DIGIT(9),
    ['a'] = LETTER(10, LOWER), ['b'] = LETTER(11, LOWER), ['c'] = LETTER(12, LOWER), ['d'] = LETTER(13, LOWER),
    ['e'] = LETTER(14, LOWER), ['f'] = LETTER(15, LOWER), ['A'] = LETTER(10, UPPER), ['B'] = LETTER(11, UPPER),
    ['C'] = LETTER(12, UPPER), ['D'] = LETTER(13, UPPER), ['E'] = LETTER(14, UPPER), ['F'] = LETTER(15, UPPER)};

/** What all entries of a block have in common. */
typedef struct digits_shape {
    uint32_t prefix;   /* bytes */
    uint32_t digits;   /* 0: of different lengths */
    unsigned kinds;    /* what all digits are; 0: some are none */
    bool leading_zero; /* some number has one; "0" has not */
} digits_shape;

static inline unsigned digit_value(char digit)
{
    return digit_kinds[(uint8_t)digit] >> 4;
}

/* Mostly all of `most` bytes, which are few; strings can be read 64 bytes beyond their ends. */
static uint32_t shared_prefix(wendi_string a, wendi_string b, uint32_t most)
{
    uint32_t i = 0;
    uint64_t left;
    uint64_t right;
    memcpy(&left, a.data, sizeof left);
    memcpy(&right, b.data, sizeof right);
    if (most < 8 && most <= b.length && (left ^ right) << (63 - 8 * most) << 1 == 0) {
        return most;
    }
    while (i < most && i < b.length && a.data[i] == b.data[i]) {
        i++;
    }
    return i;
}

static void look_at(wendi_string text, digits_shape *shape)
{
    uint32_t digits = text.length - shape->prefix;
    const uint8_t *at = (const uint8_t *)text.data + shape->prefix;
    unsigned kinds = shape->kinds;
    shape->digits = shape->digits == digits ? digits : 0;
    if (digits == 0 || digits > HEXADECIMAL_MAX) {
        shape->kinds = 0;
        return;
    }
    shape->leading_zero |= digits > 1 && at[0] == '0';
    for (uint32_t i = 0; i < digits; i++) {
        kinds &= digit_kinds[at[i]];
    }
    shape->kinds = digits > DECIMAL_MAX ? kinds & ~(unsigned)DECIMAL : kinds;
}

/* Does the entry end in a digit at all? Most texts do not, and need no closer look. */
static bool ends_in_digit(wendi_string text)
{
    return text.length > 0 && digit_kinds[(uint8_t)text.data[text.length - 1]] != 0;
}

/* The prefix is what all share, but no digit of the first entry's tail: lengths would look alike where they are not. */
static digits_shape shape_of(const wendi_dictionary *dictionary, const uint32_t *codes, uint32_t count)
{
    wendi_string first = wendi_dictionary_at(dictionary, codes[0]);
    digits_shape shape = {.prefix = first.length, .kinds = DECIMAL | LOWER | UPPER};
    for (uint32_t i = 0; i < count; i++) {
        wendi_string entry = wendi_dictionary_at(dictionary, codes[i]);
        if (!ends_in_digit(entry)) {
            shape.kinds = 0;
            return shape;
        }
        shape.prefix = shared_prefix(first, entry, shape.prefix);
    }
    while (shape.prefix > 0 && first.data[shape.prefix - 1] >= '0' && first.data[shape.prefix - 1] <= '9') {
        shape.prefix--;
    }
    shape.digits = first.length - shape.prefix;
    for (uint32_t i = 0; i < count && shape.kinds != 0; i++) {
        look_at(wendi_dictionary_at(dictionary, codes[i]), &shape);
    }
    return shape;
}

static wend_status encode_hexadecimal(const wendi_dictionary *dictionary, const uint32_t *codes, uint32_t count,
                                      const digits_shape *shape, wendi_buffer *out)
{
    size_t each = (shape->digits + 1) / 2;
    size_t begin = out->length;
    wend_status status = wendi_buffer_append_zero(out, each * count);
    if (status != WEND_OK) {
        return status;
    }
    for (uint32_t i = 0; i < count; i++) {
        const char *digits = wendi_dictionary_at(dictionary, codes[i]).data + shape->prefix;
        uint8_t *to = out->data + begin + each * i;
        uint32_t d = 0;
        for (; d + 1 < shape->digits; d += 2) {
            to[d / 2] = (uint8_t)(digit_value(digits[d]) << 4 | digit_value(digits[d + 1]));
        }
        if (d < shape->digits) {
            to[d / 2] = (uint8_t)(digit_value(digits[d]) << 4);
        }
    }
    return WEND_OK;
}

static uint64_t number_of(wendi_string text, uint32_t prefix)
{
    uint64_t number = 0;
    for (uint32_t i = prefix; i < text.length; i++) {
        number = number * 10 + digit_value(text.data[i]);
    }
    return number;
}

/* Numbers as they are stored: differences in an ordered dictionary. False when one would be negative. */
static bool next_number(const wendi_dictionary *dictionary, const uint32_t *codes, uint32_t i, uint32_t prefix,
                        bool ordered, uint64_t *before, uint64_t *stored)
{
    uint64_t number = number_of(wendi_dictionary_at(dictionary, codes[i]), prefix);
    *stored = ordered && i > 0 ? number - *before : number;
    bool rises = i == 0 || !ordered || number > *before;
    *before = number;
    return rises;
}

/* Bytes of the widest stored number; 0 when numbers of an ordered dictionary do not rise. */
static uint32_t number_bytes(const wendi_dictionary *dictionary, const uint32_t *codes, uint32_t count,
                             uint32_t prefix, bool ordered)
{
    uint64_t any = 0;
    uint64_t before = 0;
    uint64_t stored;
    uint32_t bytes = 1;
    for (uint32_t i = 0; i < count; i++) {
        if (!next_number(dictionary, codes, i, prefix, ordered, &before, &stored)) {
            return 0;
        }
        any |= stored;
    }
    while (bytes < 8 && any >> (8 * bytes) != 0) {
        bytes++;
    }
    return bytes;
}

static wend_status encode_decimal(const wendi_dictionary *dictionary, const uint32_t *codes, uint32_t count,
                                  uint32_t prefix, bool ordered, uint32_t bytes, wendi_buffer *out)
{
    uint64_t before = 0;
    uint64_t stored;
    size_t begin = out->length;
    wend_status status = wendi_buffer_append_zero(out, (size_t)bytes * count);
    for (uint32_t i = 0; i < count && status == WEND_OK; i++) {
        (void)next_number(dictionary, codes, i, prefix, ordered, &before, &stored);
        for (uint32_t b = 0; b < bytes; b++) {
            out->data[begin + (size_t)b * count + i] = (uint8_t)(stored >> (8 * b));
        }
    }
    return status;
}

wend_status wendi_dictionary_digits_encode(const wendi_dictionary *dictionary, const uint32_t *codes, uint32_t count,
                                           bool ordered, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    digits_shape shape = shape_of(dictionary, codes, count);
    const char *prefix = wendi_dictionary_at(dictionary, codes[0]).data;
    uint32_t bytes = 0;
    out->length = 0;
    if (shape.prefix > PREFIX_MAX) {
        return WEND_OK;
    }
    if ((shape.kinds & DECIMAL) != 0 && (shape.digits != 0 || !shape.leading_zero)) {
        bytes = number_bytes(dictionary, codes, count, shape.prefix, ordered);
    }
    if (bytes != 0) {
        uint8_t head[4] = {WENDI_DICTIONARY_DECIMAL, (uint8_t)shape.prefix,
                           (uint8_t)shape.digits, (uint8_t)bytes};
        WEND_TRY(wendi_buffer_append(out, head, sizeof head));
        WEND_TRY(wendi_buffer_append(out, prefix, shape.prefix));
        WEND_TRY(encode_decimal(dictionary, codes, count, shape.prefix, ordered, bytes, out));
    } else if ((shape.kinds & (LOWER | UPPER)) != 0 && shape.digits != 0) {
        uint8_t head[4] = {WENDI_DICTIONARY_HEXADECIMAL, (uint8_t)shape.prefix, (uint8_t)shape.digits,
                           (shape.kinds & LOWER) == 0};
        WEND_TRY(wendi_buffer_append(out, head, sizeof head));
        WEND_TRY(wendi_buffer_append(out, prefix, shape.prefix));
        WEND_TRY(encode_hexadecimal(dictionary, codes, count, &shape, out));
    }
cleanup:
    return status;
}

/* ---- decoding ---- */

/** The part of a block before its numbers. */
typedef struct digits_head {
    uint32_t prefix_bytes;
    uint32_t digits;
    uint32_t last; /* hexadecimal: case; decimal: bytes of a number */
    const uint8_t *prefix;
    const uint8_t *numbers;
} digits_head;

static const char *decode_hexadecimal(const digits_head *head, const uint8_t *end, uint32_t count,
                                      uint32_t string_bytes, uint32_t *offsets, char *bytes)
{
    const char *alphabet = head->last == 0 ? "0123456789abcdef" : "0123456789ABCDEF";
    size_t each = (head->digits + 1) / 2;
    uint64_t length = head->prefix_bytes + head->digits;
    if (head->digits == 0 || head->last > 1 || (size_t)(end - head->numbers) != each * count ||
        length * count != string_bytes) {
        return "hexadecimal dictionary block of the wrong length";
    }
    const uint8_t *from = head->numbers;
    char *to = bytes + offsets[0];
    for (uint32_t i = 0; i < count; i++, from += each) {
        memcpy(to, head->prefix, head->prefix_bytes);
        to += head->prefix_bytes;
        for (uint32_t d = 0; d + 1 < head->digits; d += 2) {
            to[d] = alphabet[from[d / 2] >> 4];
            to[d + 1] = alphabet[from[d / 2] & 15];
        }
        if (head->digits % 2 != 0) {
            to[head->digits - 1] = alphabet[from[each - 1] >> 4];
            if ((from[each - 1] & 15) != 0) {
                return "bits behind the last hexadecimal digit are not zero";
            }
        }
        to += head->digits;
        offsets[i + 1] = offsets[i] + (uint32_t)length;
    }
    return NULL;
}

static uint32_t digits_of(uint64_t number, char *text)
{
    char reversed[20];
    uint32_t length = 0;
    do {
        reversed[length++] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    for (uint32_t i = 0; i < length; i++) {
        text[i] = reversed[length - 1 - i];
    }
    return length;
}

static uint64_t stored_number(const digits_head *head, uint32_t count, uint32_t i)
{
    uint64_t number = 0;
    for (uint32_t b = 0; b < head->last; b++) {
        number |= (uint64_t)head->numbers[(size_t)b * count + i] << (8 * b);
    }
    return number;
}

static const char *decode_decimal(const digits_head *head, const uint8_t *end, uint32_t count, bool ordered,
                                  uint32_t string_bytes, uint32_t *offsets, char *bytes)
{
    uint64_t at = offsets[0];
    const uint64_t limit = at + string_bytes;
    uint64_t number = 0;
    char text[20];
    if (head->last < 1 || head->last > 8 || head->digits > DECIMAL_MAX ||
        (size_t)(end - head->numbers) != (size_t)head->last * count) {
        return "decimal dictionary block of the wrong length";
    }
    for (uint32_t i = 0; i < count; i++) {
        uint64_t stored = stored_number(head, count, i);
        number = ordered && i > 0 ? number + stored : stored;
        if (stored > INT64_MAX || number > INT64_MAX) {
            return "number of a dictionary entry too large";
        }
        uint32_t length = digits_of(number, text);
        uint32_t zeros = head->digits > length ? head->digits - length : 0;
        if ((head->digits != 0 && length > head->digits) || head->prefix_bytes + zeros + length > limit - at) {
            return "dictionary entry beyond its block";
        }
        memcpy(bytes + at, head->prefix, head->prefix_bytes);
        memset(bytes + at + head->prefix_bytes, '0', zeros);
        memcpy(bytes + at + head->prefix_bytes + zeros, text, length);
        at += head->prefix_bytes + zeros + length;
        offsets[i + 1] = (uint32_t)at;
    }
    return at == limit ? NULL : "dictionary block has bytes left over";
}

const char *wendi_dictionary_digits_decode(const uint8_t *raw, size_t raw_bytes, uint32_t count, bool ordered,
                                           uint32_t string_bytes, uint32_t *offsets, char *bytes)
{
    const uint8_t *end = raw + raw_bytes;
    if (raw_bytes < 4 || raw[1] > raw_bytes - 4) {
        return "dictionary block cut short";
    }
    digits_head head = {.prefix_bytes = raw[1], .digits = raw[2], .last = raw[3], .prefix = raw + 4,
                        .numbers = raw + 4 + raw[1]};
    switch (raw[0]) {
    case WENDI_DICTIONARY_HEXADECIMAL:
        return decode_hexadecimal(&head, end, count, string_bytes, offsets, bytes);
    case WENDI_DICTIONARY_DECIMAL:
        return decode_decimal(&head, end, count, ordered, string_bytes, offsets, bytes);
    default:
        return "dictionary block of an unknown form";
    }
}
