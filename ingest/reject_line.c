/*
 * One reject as a line of JSON (docs/FORMAT.md, "Reject files"): writing it when a message is refused, and reading it
 * back when it is shown or replayed. All that the decoder looks at is in the line, so that a replay gives the row
 * that the message would have given. What this file leaves to others: files of such lines (rejects.c).
 */
#include "ingest/rejects.h"

#include <stdlib.h>

#include "ingest/json_scan.h"

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* ---- rendering -------------------------------------------------------------------------------- */

/* The escape of a byte that may not stand in a JSON string as it is; its length, or 0. */
static size_t escape_byte(unsigned char byte, char out[8])
{
    static const char hex[] = "0123456789abcdef";
    static const char letters[] = "btnvfr"; /* 8 … 13; JSON has no \v */
    if (byte == '"' || byte == '\\') {
        out[0] = '\\';
        out[1] = (char)byte;
        return 2;
    }
    if (byte >= 0x20) {
        return 0;
    }
    out[0] = '\\';
    if (byte >= '\b' && byte <= '\r' && byte != '\v') {
        out[1] = letters[byte - '\b'];
        return 2;
    }
    memcpy(out + 1, "u00", 3);
    out[4] = hex[byte >> 4];
    out[5] = hex[byte & 15];
    return 6;
}

wend_status wendi_reject_quote(const char *text, size_t length, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    const char *end = text + length;
    WEND_TRY(wendi_buffer_u8(out, '"'));
    while (text < end) {
        char escape[8];
        const char *at = text;
        size_t escape_length = 0;
        while (at < end && (escape_length = escape_byte((unsigned char)*at, escape)) == 0) {
            at++;
        }
        WEND_TRY(wendi_buffer_append(out, text, (size_t)(at - text)));
        if (at < end) {
            WEND_TRY(wendi_buffer_append(out, escape, escape_length));
            at++;
        }
        text = at;
    }
    WEND_TRY(wendi_buffer_u8(out, '"'));
cleanup:
    return status;
}

static wend_status append_base64(wendi_buffer *out, const uint8_t *bytes, size_t length)
{
    wend_status status = wendi_buffer_reserve(out, (length + 2) / 3 * 4 + 2);
    if (status != WEND_OK) {
        return status;
    }
    char *to = (char *)out->data + out->length;
    *to++ = '"';
    for (size_t i = 0; i < length; i += 3) {
        uint32_t left = (uint32_t)(length - i < 3 ? length - i : 3);
        uint32_t word = (uint32_t)bytes[i] << 16 | (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) | (left > 2 ? bytes[i + 2] : 0);
        *to++ = base64_digits[word >> 18];
        *to++ = base64_digits[word >> 12 & 63];
        *to++ = left > 1 ? base64_digits[word >> 6 & 63] : '=';
        *to++ = left > 2 ? base64_digits[word & 63] : '=';
    }
    *to++ = '"';
    out->length = (size_t)((uint8_t *)to - out->data);
    return WEND_OK;
}

static bool is_text(const char *bytes, size_t length)
{
    return length == 0 || wendi_utf8_check(bytes, bytes + length) == bytes + length;
}

/* ,"name":"text", or ,"name_base64":"…" where it is no UTF-8. */
static wend_status append_member(const char *name, const char *bytes, size_t length, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    bool text = is_text(bytes, length);
    WEND_TRY(wendi_buffer_printf(out, text ? ",\"%s\":" : ",\"%s_base64\":", name));
    WEND_TRY(text ? wendi_reject_quote(bytes, length, out) : append_base64(out, (const uint8_t *)bytes, length));
cleanup:
    return status;
}

/* "text", or {"base64":"…"}. */
static wend_status append_element(wendi_string bytes, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    if (is_text(bytes.data, bytes.length)) {
        return wendi_reject_quote(bytes.data, bytes.length, out);
    }
    WEND_TRY(wendi_buffer_printf(out, "{\"base64\":"));
    WEND_TRY(append_base64(out, (const uint8_t *)bytes.data, bytes.length));
    WEND_TRY(wendi_buffer_u8(out, '}'));
cleanup:
    return status;
}

static wend_status append_headers(const wendi_message *message, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    WEND_TRY(wendi_buffer_printf(out, ",\"headers\":["));
    for (uint32_t i = 0; i < message->header_count; i++) {
        const wendi_message_header *header = &message->headers[i];
        WEND_TRY(wendi_buffer_printf(out, i == 0 ? "[" : ",["));
        WEND_TRY(append_element(header->name, out));
        WEND_TRY(wendi_buffer_u8(out, ','));
        WEND_TRY(header->value.data == NULL ? wendi_buffer_printf(out, "null") : append_element(header->value, out));
        WEND_TRY(wendi_buffer_u8(out, ']'));
    }
    WEND_TRY(wendi_buffer_u8(out, ']'));
cleanup:
    return status;
}

static wend_status render(const wendi_message *message, const wendi_source_partition *origin, const char *reason, bool typed,
                          wendi_buffer *out)
{
    wend_status status = WEND_OK;
    const char *topic = origin != NULL ? origin->topic : "";
    WEND_TRY(wendi_buffer_printf(out, "{\"topic\":"));
    WEND_TRY(wendi_reject_quote(topic, strlen(topic), out));
    WEND_TRY(wendi_buffer_printf(out, ",\"partition\":%d,\"offset\":%lld", origin != NULL ? (int)origin->partition : 0,
                                 (long long)message->position));
    if (strchr(topic, ':') != NULL) { /* which no Kafka topic's name may hold: $topic gives what is shown */
        WEND_TRY(append_member("path", origin->shown, strlen(origin->shown), out));
    }
    if (message->timestamp_us != INT64_MIN) {
        WEND_TRY(wendi_buffer_printf(out, ",\"timestamp\":%lld", (long long)message->timestamp_us));
    }
    if (message->key_present) {
        WEND_TRY(append_member("key", message->key.data, message->key.length, out));
    }
    if (message->header_count != 0) {
        WEND_TRY(append_headers(message, out));
    }
    if (typed) {
        WEND_TRY(wendi_buffer_printf(out, ",\"typed\":true"));
    }
    WEND_TRY(append_member("reason", reason, strlen(reason), out));
    WEND_TRY(append_member("raw", message->payload != NULL ? message->payload : "", message->length, out));
    WEND_TRY(wendi_buffer_printf(out, "}\n"));
cleanup:
    return status;
}

wend_status wendi_reject_render(const wendi_message *message, const wendi_source_partition *origin, const char *reason,
                                wendi_buffer *out)
{
    size_t before = out->length;
    wend_status status = render(message, origin, reason, false, out);
    out->length = status == WEND_OK ? out->length : before;
    return status;
}

wend_status wendi_reject_render_typed(const wendi_message *row, const wendi_source_partition *origin, const char *reason,
                                      wendi_buffer *out)
{
    size_t before = out->length;
    wend_status status = render(row, origin, reason, true, out);
    out->length = status == WEND_OK ? out->length : before;
    return status;
}

/* ---- parsing ---------------------------------------------------------------------------------- */

static int base64_value(char byte)
{
    const char *digit = byte == '\0' ? NULL : strchr(base64_digits, byte);
    return digit == NULL ? -1 : (int)(digit - base64_digits);
}

static bool decode_base64(wendi_string text, wendi_arena *arena, wendi_string *out)
{
    char *to = wendi_arena_alloc(arena, text.length / 4 * 3 + 3 + WENDI_MESSAGE_PADDING);
    uint32_t length = text.length;
    if (to == NULL || length % 4 != 0) {
        return false;
    }
    length -= length > 0 && text.data[length - 1] == '=';
    length -= length > 0 && text.data[length - 1] == '=';
    out->data = to;
    uint32_t word = 0;
    for (uint32_t i = 0; i < length; i++) {
        int value = base64_value(text.data[i]);
        if (value < 0) {
            return false;
        }
        word = word << 6 | (uint32_t)value;
        if (i % 4 != 0) { /* each digit but the first of four completes a byte */
            *to++ = (char)(word >> (6 - 2 * (i % 4)));
        }
    }
    out->length = (uint32_t)(to - out->data);
    return true;
}

static bool take_text(wendi_json_string string, wendi_arena *arena, wendi_string *out)
{
    if (!string.escaped) {
        *out = (wendi_string){string.data, string.length};
        return true;
    }
    char *text = wendi_arena_alloc(arena, string.length + WENDI_MESSAGE_PADDING);
    if (text == NULL) {
        return false;
    }
    *out = (wendi_string){text, wendi_json_unescape(string, text)};
    return true;
}

static bool key_is(wendi_json_string key, const char *name)
{
    return key.length == strlen(name) && memcmp(key.data, name, key.length) == 0;
}

/* A text member under `name`, or under name_base64. */
static bool take_named(wendi_json_string key, wendi_json_string value, const char *name, wendi_arena *arena,
                       wendi_string *out, bool *taken)
{
    size_t length = strlen(name);
    *taken = key.length >= length && memcmp(key.data, name, length) == 0;
    if (*taken && key.length == length) {
        return take_text(value, arena, out);
    }
    *taken = *taken && key_is((wendi_json_string){key.data + length, key.length - (uint32_t)length, false}, "_base64");
    return !*taken || decode_base64((wendi_string){value.data, value.length}, arena, out);
}

static bool take_string_member(wendi_json_string key, wendi_json_string value, wendi_arena *arena, wendi_reject_row *row)
{
    const struct {
        const char *name;
        wendi_string *into;
    } members[] = {{"topic", &row->topic},   {"reason", &row->reason}, {"raw", &row->raw},
                   {"path", &row->path},     {"key", &row->message.key}};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        bool taken;
        if (!take_named(key, value, members[i].name, arena, members[i].into, &taken)) {
            return false;
        }
        if (taken) {
            row->message.key_present |= members[i].into == &row->message.key;
            return true;
        }
    }
    return true; /* a member of times to come */
}

static bool take_number_member(wendi_json_string key, const wendi_json_number *number, wendi_reject_row *row)
{
    int64_t value = (int64_t)(number->negative ? 0 - number->mantissa : number->mantissa);
    bool whole = !number->has_exponent && number->fraction_count == 0 && number->digit_count <= 19;
    if (key_is(key, "partition")) {
        row->partition = (int32_t)value;
        return whole;
    }
    if (key_is(key, "offset")) {
        row->offset = value;
        return whole;
    }
    if (key_is(key, "timestamp")) {
        row->message.timestamp_us = value;
        return whole;
    }
    return true;
}

/* "text", {"base64":"…"} or null: what append_element() and append_headers() write. The byte behind it, or NULL. */
static const char *take_element(const char *at, const char *end, wendi_arena *arena, wendi_string *out)
{
    static const char encoded[] = "{\"base64\":\"";
    wendi_json_error error;
    wendi_json_string text;
    *out = (wendi_string){NULL, 0};
    if (end - at >= 4 && memcmp(at, "null", 4) == 0) {
        return at + 4;
    }
    bool base64 = (size_t)(end - at) >= sizeof encoded - 1 && memcmp(at, encoded, sizeof encoded - 1) == 0;
    at += base64 ? sizeof encoded - 2 : 0;
    if (at >= end || *at != '"' || (at = wendi_json_scan_string(at + 1, end, &text, &error)) == NULL) {
        return NULL;
    }
    bool good = base64 ? decode_base64((wendi_string){text.data, text.length}, arena, out) : take_text(text, arena, out);
    if (good && base64) {
        good = at < end && *at == '}';
        at++;
    }
    return good ? at : NULL;
}

/* `at` is behind the list's bracket; the byte behind the closing one, or NULL. */
static const char *take_headers(const char *at, const char *end, wendi_arena *arena, wendi_message *message)
{
    uint32_t most = 1;
    for (const char *c = at; c < end; c++) {
        most += *c == '[';
    }
    wendi_message_header *headers = wendi_arena_alloc(arena, most * sizeof *headers);
    message->headers = headers;
    while (headers != NULL && at != NULL && at < end && *at == '[') {
        wendi_message_header *header = &headers[message->header_count++];
        at = take_element(at + 1, end, arena, &header->name);
        at = at != NULL && at < end && *at == ',' ? take_element(at + 1, end, arena, &header->value) : NULL;
        at = at != NULL && at < end && *at == ']' ? at + 1 : NULL;
        at += at != NULL && at < end && *at == ',';
    }
    return headers != NULL && at != NULL && at < end && *at == ']' ? at + 1 : NULL;
}

static const char *take_member(const char *at, const char *end, wendi_arena *arena, wendi_reject_row *row)
{
    wendi_json_error error;
    wendi_json_string key;
    wendi_json_string text;
    wendi_json_number number;
    at = at < end && *at == '"' ? wendi_json_scan_string(at + 1, end, &key, &error) : NULL;
    if (at == NULL || at + 1 >= end || *at != ':') {
        return NULL;
    }
    at++;
    if (*at == '"') {
        at = wendi_json_scan_string(at + 1, end, &text, &error);
        return at != NULL && take_string_member(key, text, arena, row) ? at : NULL;
    }
    if (*at == '[' && key_is(key, "headers")) {
        return take_headers(at + 1, end, arena, &row->message);
    }
    if (*at == '-' || (*at >= '0' && *at <= '9')) {
        at = wendi_json_scan_number(at, end, &number, &error);
        return at != NULL && take_number_member(key, &number, row) ? at : NULL;
    }
    row->typed |= *at == 't' && key_is(key, "typed");
    return wendi_json_skip(at, end, 1, &error);
}

wend_status wendi_reject_parse(wendi_string line, wendi_arena *arena, wendi_reject_row *row, wend_error *error)
{
    /* A copy with padding: strings are looked at 32 bytes at a time. */
    char *text = wendi_arena_alloc_zero(arena, line.length + WENDI_MESSAGE_PADDING);
    if (text == NULL) {
        return wendi_fail_nomem(error, "a rejected row", line.length);
    }
    memcpy(text, line.data, line.length);
    const char *at = text;
    const char *end = text + line.length;
    *row = (wendi_reject_row){.line = line, .message.timestamp_us = INT64_MIN};
    char before = '{';
    do {
        at = at < end && *at == before ? take_member(at + 1, end, arena, row) : NULL;
        before = ',';
    } while (at != NULL && at < end && *at == ',');
    if (at == NULL || end - at != 1 || *at != '}') {
        return wendi_fail(error, WEND_CORRUPT, "a line that is no reject");
    }
    row->message.payload = row->raw.data != NULL ? row->raw.data : "";
    row->message.length = row->raw.length;
    row->message.position = row->offset;
    row->message.next = row->offset + 1;
    return WEND_OK;
}
