/* Booleans, UUIDs and addresses from text, and the one entry for any type. */
#include <arpa/inet.h>
#include <strings.h>

#include "engine/column/value_text.h"

static const char not_a_boolean[] = "not a boolean";
static const char not_a_uuid[] = "not a UUID";
static const char not_an_address[] = "not an IP address";
static const char shortened_address[] = "a network, where wend keeps single addresses";
static const char integer_too_large[] = "integer out of range";
static const char text_too_long[] = "text longer than the column's limit";
static const char null_has_no_text[] = "a value of unknown type";

wend_status wendi_parse_boolean(wendi_string text, int64_t *value, const char **reason)
{
    /* PostgreSQL takes every beginning of these that is not the beginning of another one. */
    static const struct {
        const char *word;
        uint32_t length_min;
        int64_t value;
    } words[] = {{"true", 1, 1}, {"false", 1, 0}, {"yes", 1, 1}, {"no", 1, 0}, {"on", 2, 1}, {"off", 2, 0},
                 {"1", 1, 1},    {"0", 1, 0}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (text.length >= words[i].length_min && text.length <= strlen(words[i].word) &&
            strncasecmp(text.data, words[i].word, text.length) == 0) {
            *value = words[i].value;
            return WEND_OK;
        }
    }
    return wendi_refuse(not_a_boolean, reason);
}

/* The value of a hexadecimal digit, or something above 15. */
static inline uint32_t hex_value(char byte)
{
    uint32_t digit = (uint32_t)(unsigned char)byte - '0';
    uint32_t letter = ((uint32_t)(unsigned char)byte | 32) - 'a';
    return digit < 10 ? digit : letter < 6 ? letter + 10 : 255;
}

/* Eight hexadecimal digits to four bytes, all at once; false when one of them is none. */
static inline bool eight_hex(uint64_t text, uint32_t *bytes)
{
    const uint64_t tops = UINT64_C(0x8080808080808080);
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t lower = text | 0x20 * ones;
    /* The top bit of each byte says whether the byte is at least something; with it set before, nothing is borrowed. */
    uint64_t digit = ((text | tops) - '0' * ones) & ~((text | tops) - ('9' + 1) * ones);
    uint64_t letter = ((lower | tops) - 'a' * ones) & ~((lower | tops) - ('f' + 1) * ones);
    if (((digit | letter) & ~text & tops) != tops) {
        return false;
    }
    uint64_t nibbles = (text & 0x0f * ones) + 9 * (text >> 6 & ones);
    uint64_t pairs = (nibbles << 4 | nibbles >> 8) & UINT64_C(0x00ff00ff00ff00ff);
    pairs = (pairs | pairs >> 8) & UINT64_C(0x0000ffff0000ffff);
    *bytes = (uint32_t)(pairs | pairs >> 16);
    return true;
}

/* The one form that nearly all have. */
static inline bool parse_canonical_uuid(wendi_string text, uint8_t *bytes)
{
    const char *s = text.data;
    uint32_t parts[4];
    if (text.length != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-') {
        return false;
    }
    if (!eight_hex(wendi_load_u64(s), &parts[0]) ||
        !eight_hex(wendi_load_u32(s + 9) | (uint64_t)wendi_load_u32(s + 14) << 32, &parts[1]) ||
        !eight_hex(wendi_load_u32(s + 19) | (uint64_t)wendi_load_u32(s + 24) << 32, &parts[2]) ||
        !eight_hex(wendi_load_u64(s + 28), &parts[3])) {
        return false;
    }
    for (int i = 0; i < 4; i++) {
        wendi_store_u32(bytes + 4 * i, parts[i]);
    }
    return true;
}

/* 8-4-4-4-12 digits; hyphens may stand behind any four digits or nowhere, braces around. */
wend_status wendi_parse_uuid(wendi_string text, wendi_b16 *value, const char **reason)
{
    uint8_t bytes[sizeof *value];
    if (parse_canonical_uuid(text, bytes)) {
        memcpy(value, bytes, sizeof bytes);
        return WEND_OK;
    }
    wendi_cursor at = wendi_cursor_of(text);
    bool braced = wendi_cursor_take(&at, '{');
    for (uint32_t i = 0; i < sizeof bytes; i++) {
        if (i != 0 && i % 2 == 0) {
            wendi_cursor_take(&at, '-');
        }
        if (at.end - at.at < 2) {
            return wendi_refuse(not_a_uuid, reason);
        }
        uint32_t high = hex_value(at.at[0]);
        uint32_t low = hex_value(at.at[1]);
        if ((high | low) > 15) {
            return wendi_refuse(not_a_uuid, reason);
        }
        bytes[i] = (uint8_t)(high << 4 | low);
        at.at += 2;
    }
    if ((braced && !wendi_cursor_take(&at, '}')) || !wendi_cursor_done(&at)) {
        return wendi_refuse(not_a_uuid, reason);
    }
    memcpy(value, bytes, sizeof bytes);
    return WEND_OK;
}

static bool parse_ipv4(wendi_string text, uint8_t *bytes)
{
    wendi_cursor at = wendi_cursor_of(text);
    for (int i = 0; i < 4; i++) {
        int32_t part = 0;
        const char *begin = at.at;
        if ((i != 0 && !wendi_cursor_take(&at, '.'))) {
            return false;
        }
        begin = at.at;
        if (!wendi_cursor_number(&at, 1, 3, &part) || part > 255 || (*begin == '0' && at.at - begin > 1)) {
            return false; /* A leading zero would mean octal to some readers. */
        }
        bytes[i] = (uint8_t)part;
    }
    return wendi_cursor_done(&at);
}

static bool parse_ipv6(wendi_string text, uint8_t *bytes)
{
    char copy[INET6_ADDRSTRLEN];
    if (text.length >= sizeof copy || memchr(text.data, '\0', text.length) != NULL) {
        return false;
    }
    memcpy(copy, text.data, text.length);
    copy[text.length] = '\0';
    return inet_pton(AF_INET6, copy, bytes) == 1;
}

wend_status wendi_parse_inet(wendi_string text, wendi_b16 *value, const char **reason)
{
    uint8_t bytes[sizeof *value] = {[10] = 0xff, [11] = 0xff};
    int32_t prefix = -1;
    const char *slash = text.length == 0 ? NULL : memchr(text.data, '/', text.length);
    if (slash != NULL) {
        wendi_cursor at = {slash + 1, text.data + text.length};
        if (!wendi_cursor_number(&at, 1, 3, &prefix) || !wendi_cursor_done(&at) || prefix > 128) {
            return wendi_refuse(not_an_address, reason);
        }
        text.length = (uint32_t)(slash - text.data);
    }
    int32_t whole = 32;
    if (text.length == 0) {
        return wendi_refuse(not_an_address, reason);
    }
    if (!parse_ipv4(text, bytes + 12)) {
        whole = 128;
        if (!parse_ipv6(text, bytes)) {
            return wendi_refuse(not_an_address, reason);
        }
    }
    if (prefix >= 0 && prefix != whole) {
        return wendi_refuse(prefix > whole ? not_an_address : shortened_address, reason);
    }
    memcpy(value, bytes, sizeof bytes);
    return WEND_OK;
}

bool wendi_text_fits(wendi_string text, uint32_t length_max)
{
    if (length_max == 0 || text.length <= length_max) {
        return true;
    }
    uint32_t points = 0;
    for (uint32_t i = 0; i < text.length; i++) {
        points += ((unsigned char)text.data[i] & 0xc0) != 0x80;
    }
    return points <= length_max;
}

static wend_status parse_integer(wendi_type_kind kind, wendi_string text, int64_t *value, const char **reason)
{
    wend_status status = wendi_parse_i64(text, value, reason);
    bool fits = status != WEND_OK || kind == WENDI_TYPE_BIGINT ||
                (kind == WENDI_TYPE_INTEGER ? *value == (int32_t)*value : *value == (int16_t)*value);
    return fits ? status : wendi_refuse(integer_too_large, reason);
}

static wend_status parse_numeric(wendi_type type, wendi_string text, wendi_value *value, const char **reason)
{
    wendi_int128 wide = 0;
    wend_status status = wendi_parse_numeric(text, type.precision, type.scale, true, &wide, reason);
    if (wendi_type_physical(type) == WENDI_PHYSICAL_I64) {
        value->i64 = (int64_t)wide;
    } else {
        value->i128 = wide;
    }
    return status;
}

wend_status wendi_value_parse(wendi_type type, wendi_string text, const wendi_timezone *zone, wendi_value *value,
                              const char **reason)
{
    wendi_string trimmed = wendi_trim(text);
    *value = (wendi_value){.type = type};
    switch ((wendi_type_kind)type.kind) {
    case WENDI_TYPE_BOOLEAN:
        return wendi_parse_boolean(trimmed, &value->i64, reason);
    case WENDI_TYPE_SMALLINT:
    case WENDI_TYPE_INTEGER:
    case WENDI_TYPE_BIGINT:
        return parse_integer((wendi_type_kind)type.kind, trimmed, &value->i64, reason);
    case WENDI_TYPE_REAL:
        return wendi_parse_f32(trimmed, &value->f64, reason);
    case WENDI_TYPE_DOUBLE:
        return wendi_parse_f64(trimmed, &value->f64, reason);
    case WENDI_TYPE_NUMERIC:
        return parse_numeric(type, trimmed, value, reason);
    case WENDI_TYPE_UUID:
        return wendi_parse_uuid(trimmed, &value->b16, reason);
    case WENDI_TYPE_INET:
        return wendi_parse_inet(trimmed, &value->b16, reason);
    case WENDI_TYPE_DATE:
        return wendi_parse_date(trimmed, &value->i64, reason);
    case WENDI_TYPE_TIMESTAMPTZ:
        return wendi_parse_timestamp(trimmed, zone, &value->i64, reason);
    case WENDI_TYPE_TIMESTAMP:
        return wendi_parse_timestamp_local(trimmed, &value->i64, reason);
    case WENDI_TYPE_INTERVAL:
        return wendi_parse_interval(trimmed, &value->interval, reason);
    case WENDI_TYPE_JSONB:
        value->string = text;
        return wendi_check_json(text, reason);
    case WENDI_TYPE_TEXT:
        value->string = text;
        return wendi_text_fits(text, type.length_max) ? WEND_OK : wendi_refuse(text_too_long, reason);
    case WENDI_TYPE_NULL:
        break;
    }
    return wendi_refuse(null_has_no_text, reason);
}
