/** Text as JSON (RFC 8259): strings with whatever bytes, values in their SQL text form. */
#ifndef WEND_TOOLS_JSON_TEXT_H
#define WEND_TOOLS_JSON_TEXT_H

#include <stdio.h>

#include "engine/column/value.h"

/** With its quotes; bytes that are no UTF-8 become U+FFFD. */
void json_string(wendi_string text, FILE *out);
wend_status json_value(const wendi_value *value, FILE *out);
/** Length of the UTF-8 character at the begin of `at`, of which `left` bytes are there; 0: it is
 * none. */
size_t utf8_length(const uint8_t *at, size_t left);

#endif
