/**
 * Dictionary blocks whose entries are one prefix and digits behind it: s_9f3c41d2…, u0033351, P20417. The
 * digits are stored as numbers (docs/FORMAT.md, Dictionaries, forms 1 and 2).
 */
#ifndef WENDI_FORMAT_DICTIONARY_DIGITS_H
#define WENDI_FORMAT_DICTIONARY_DIGITS_H

#include "engine/base/bytes.h"
#include "engine/column/vector.h"

typedef enum wendi_dictionary_form { /* stored: never renumber */
    WENDI_DICTIONARY_FRONT_CODED = 0,
    WENDI_DICTIONARY_HEXADECIMAL = 1,
    WENDI_DICTIONARY_DECIMAL = 2
} wendi_dictionary_form;

/**
 * Fill `out` (emptied first) with the block's raw bytes from the form byte on, if entries codes[0..count-1] are such;
 * else it stays empty. `ordered`: they rise bytewise.
 */
wend_status wendi_dictionary_digits_encode(const wendi_dictionary *dictionary, const uint32_t *codes, uint32_t count,
                                           bool ordered, wendi_buffer *out);
/**
 * The strings of `count` entries from the raw bytes, which begin with form 1 or 2: entry i becomes bytes[offsets[i] ..
 * offsets[i + 1]). offsets[0] is given, and exactly `string_bytes` must follow from it. NULL, or what is wrong.
 */
const char *wendi_dictionary_digits_decode(const uint8_t *raw, size_t raw_bytes, uint32_t count, bool ordered,
                                           uint32_t string_bytes, uint32_t *offsets, char *bytes);

#endif
