/*
 * Whether a text is one JSON value (RFC 8259). It keeps nothing but a bit per open bracket, so that
 * the depth of nesting, not the stack, is the limit. Decoding documents is ingest's.
 */
#include "engine/column/value_text.h"

enum { NESTING_MAX = 64 };

static const char not_json[] = "not a JSON value";
static const char too_deep[] = "JSON nested more than 64 deep";

static bool take_hex4(wendi_cursor *at, uint32_t *value)
{
    *value = 0;
    for (int i = 0; i < 4; i++) {
        if (wendi_cursor_done(at)) {
            return false;
        }
        char byte = *at->at++;
        char lower = (char)(byte | 32);
        if (wendi_is_digit(byte)) {
            *value = *value * 16 + (uint32_t)(byte - '0');
        } else if (lower >= 'a' && lower <= 'f') {
            *value = *value * 16 + (uint32_t)(lower - 'a' + 10);
        } else {
            return false;
        }
    }
    return true;
}

static bool take_escape(wendi_cursor *at)
{
    uint32_t unit;
    if (wendi_cursor_done(at)) {
        return false;
    }
    char byte = *at->at++;
    if (byte != 'u') {
        return byte != '\0' && strchr("\"\\/bfnrt", byte) != NULL;
    }
    if (!take_hex4(at, &unit)) {
        return false;
    }
    if (unit >= 0xdc00 && unit <= 0xdfff) {
        return false;
    }
    if (unit >= 0xd800 && unit <= 0xdbff) {
        return wendi_cursor_take(at, '\\') && wendi_cursor_take(at, 'u') && take_hex4(at, &unit) && unit >= 0xdc00 &&
               unit <= 0xdfff;
    }
    return true;
}

/* One code point of two to four bytes, in its shortest form and no surrogate (Unicode 15, table 3-7). */
static bool take_utf8(wendi_cursor *at, unsigned char lead)
{
    uint32_t more = lead >= 0xc2 && lead <= 0xdf ? 1 : lead >= 0xe0 && lead <= 0xef ? 2 : lead >= 0xf0 && lead <= 0xf4 ? 3 : 0;
    if (more == 0 || (size_t)(at->end - at->at) < more) {
        return false;
    }
    unsigned char low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    unsigned char high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    for (uint32_t i = 0; i < more; i++, low = 0x80, high = 0xbf) {
        unsigned char byte = (unsigned char)*at->at++;
        if (byte < low || byte > high) {
            return false;
        }
    }
    return true;
}

/* A string behind its opening quote. */
static bool take_string(wendi_cursor *at)
{
    while (!wendi_cursor_done(at)) {
        unsigned char byte = (unsigned char)*at->at++;
        if (byte == '"') {
            return true;
        }
        if (byte < 0x20 || (byte == '\\' && !take_escape(at)) || (byte >= 0x80 && !take_utf8(at, byte))) {
            return false;
        }
    }
    return false;
}

static bool take_digits(wendi_cursor *at)
{
    const char *begin = at->at;
    while (at->at < at->end && wendi_is_digit(*at->at)) {
        at->at++;
    }
    return at->at > begin;
}

static bool take_number(wendi_cursor *at)
{
    wendi_cursor_take(at, '-');
    if (!wendi_cursor_take(at, '0') && !take_digits(at)) {
        return false;
    }
    if (wendi_cursor_take(at, '.') && !take_digits(at)) {
        return false;
    }
    if (wendi_cursor_take(at, 'e') || wendi_cursor_take(at, 'E')) {
        if (!wendi_cursor_take(at, '-')) {
            wendi_cursor_take(at, '+');
        }
        return take_digits(at);
    }
    return true;
}

static bool take_literal(wendi_cursor *at, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(at->end - at->at) < length || memcmp(at->at, word, length) != 0) {
        return false;
    }
    at->at += length;
    return true;
}

static bool take_scalar(wendi_cursor *at)
{
    if (wendi_cursor_take(at, '"')) {
        return take_string(at);
    }
    return take_literal(at, "true") || take_literal(at, "false") || take_literal(at, "null") || take_number(at);
}

static void skip_blanks(wendi_cursor *at)
{
    while (at->at < at->end && (*at->at == ' ' || *at->at == '\t' || *at->at == '\n' || *at->at == '\r')) {
        at->at++;
    }
}

static bool take_key(wendi_cursor *at)
{
    skip_blanks(at);
    if (!wendi_cursor_take(at, '"') || !take_string(at)) {
        return false;
    }
    skip_blanks(at);
    return wendi_cursor_take(at, ':');
}

wend_status wendi_check_json(wendi_string text, const char **reason)
{
    wendi_cursor at = wendi_cursor_of(text);
    uint64_t objects = 0; /* bit n: the bracket open at depth n is a brace */
    uint32_t depth = 0;

    for (;;) {
        skip_blanks(&at);
        bool object = !wendi_cursor_done(&at) && *at.at == '{';
        if (object || (!wendi_cursor_done(&at) && *at.at == '[')) {
            if (depth == NESTING_MAX) {
                return wendi_refuse(too_deep, reason);
            }
            at.at++;
            objects = (objects & ~(UINT64_C(1) << depth)) | (uint64_t)object << depth;
            depth++;
            skip_blanks(&at);
            if (wendi_cursor_done(&at) || *at.at != (object ? '}' : ']')) {
                if (object && !take_key(&at)) {
                    return wendi_refuse(not_json, reason);
                }
                continue; /* Its first member follows. */
            }
        } else if (!take_scalar(&at)) {
            return wendi_refuse(not_json, reason);
        }
        /* A value has ended, or an empty bracket stands before its closing one. */
        for (;; depth--) {
            skip_blanks(&at);
            if (depth == 0) {
                return wendi_cursor_done(&at) ? WEND_OK : wendi_refuse(not_json, reason);
            }
            bool in_object = (objects >> (depth - 1) & 1) != 0;
            if (wendi_cursor_take(&at, ',')) {
                if (in_object && !take_key(&at)) {
                    return wendi_refuse(not_json, reason);
                }
                break;
            }
            if (!wendi_cursor_take(&at, in_object ? '}' : ']')) {
                return wendi_refuse(not_json, reason);
            }
        }
    }
}
