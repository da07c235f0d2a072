/** Case of code points, and UTF-8 in steps of one. Simple mappings only: one code point to one. */
#ifndef WENDI_EXPR_TEXT_CASE_H
#define WENDI_EXPR_TEXT_CASE_H

#include "engine/base/bytes.h"

/** Latin, Greek, Cyrillic, Armenian and full-width letters; others are themselves. */
uint32_t wendi_lower_code_point(uint32_t code_point);
uint32_t wendi_upper_code_point(uint32_t code_point);
/** The code point at `at` (< end) and, in *next, where the following one starts. A bad byte is taken as U+DC00 + byte. */
uint32_t wendi_utf8_decode(const char *at, const char *end, const char **next);
/** Write a code point (or give a bad byte back as it was); the number of bytes, at most 4. */
uint32_t wendi_utf8_encode(uint32_t code_point, char *out);
/** Code points in `text`. */
uint32_t wendi_utf8_length(wendi_string text);
/** The byte at which the code point number `index` starts; the text's length when it has fewer. */
uint32_t wendi_utf8_offset(wendi_string text, uint64_t index);
/** Lower- or upper-case `text` into `out` (at least 3 bytes for each of text); the bytes written. */
uint32_t wendi_utf8_change_case(wendi_string text, bool upper, char *out);

#endif
