/**
 * jsonb: values are the text of a JSON document, read in place. -> gives a member or element as JSON,
 * ->> as text (a string without its quotes, null as null).
 *
 * Documents were checked when they were stored or cast, so this only finds its way through them; on
 * anything unexpected it stops at the end of the text and finds nothing.
 */
#include <string.h>

#include "engine/expr/function.h"
#include "engine/expr/text_case.h"

enum { RAISES = WENDI_EXPR_RAISES, MAY_NULL = WENDI_FUNCTION_MAY_NULL };

typedef struct cursor {
    const char *at;
    const char *end;
} cursor;

static void skip_space(cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\t' || *c->at == '\r')) {
        c->at++;
    }
}

static void skip_string(cursor *c)
{
    for (c->at++; c->at < c->end && *c->at != '"'; c->at++) {
        c->at += *c->at == '\\' && c->at + 1 < c->end;
    }
    c->at += c->at < c->end;
}

/** Over one value; brackets are counted, strings stepped over as a whole. */
static void skip_value(cursor *c)
{
    uint32_t depth = 0;

    skip_space(c);
    do {
        char first = c->at < c->end ? *c->at : '\0';
        if (c->at >= c->end) {
            return;
        }
        if (first == '"') {
            skip_string(c);
        } else if (first == '{' || first == '[') {
            depth++;
            c->at++;
        } else if (first == '}' || first == ']') {
            depth--;
            c->at++;
        } else if (first == ',' || first == ':' || first == ' ' || first == '\n' || first == '\t' || first == '\r') {
            c->at++;
        } else {
            while (c->at < c->end && strchr(",:]} \n\t\r", *c->at) == NULL) {
                c->at++;
            }
        }
    } while (depth > 0);
}

static uint32_t hex4(const char *at)
{
    uint32_t value = 0;

    for (int i = 0; i < 4; i++) {
        char c = at[i];
        value = value << 4 | (uint32_t)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
    }
    return value & 0xffff;
}

/** The text of a JSON string (quotes included) into `out`, which has as many bytes; the length is returned. */
static uint32_t unescape(const char *at, const char *end, char *out)
{
    static const char from[] = "bfnrt";
    static const char to[] = "\b\f\n\r\t";
    uint32_t n = 0;

    for (at++; at < end && *at != '"'; at++) {
        if (*at != '\\' || at + 1 >= end) {
            out[n++] = *at;
            continue;
        }
        at++;
        const char *known = strchr(from, *at);
        if (known != NULL) {
            out[n++] = to[known - from];
        } else if (*at == 'u' && end - at > 4) {
            uint32_t code = hex4(at + 1);
            at += 4;
            if (code >= 0xd800 && code < 0xdc00 && end - at > 6 && at[1] == '\\' && at[2] == 'u') {
                uint32_t low = hex4(at + 3);
                if (low >= 0xdc00 && low < 0xe000) {
                    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
                    at += 6;
                }
            }
            code = code >= 0xd800 && code < 0xe000 ? 0xfffd : code; /* half a pair stands for nothing */
            n += wendi_utf8_encode(code, out + n);
        } else {
            out[n++] = *at;
        }
    }
    return n;
}

static bool key_is(wendi_string written, wendi_string key, char *scratch)
{
    if (memchr(written.data, '\\', written.length) == NULL) {
        return written.length == key.length + 2 && memcmp(written.data + 1, key.data, key.length) == 0;
    }
    uint32_t length = unescape(written.data, written.data + written.length, scratch);
    return length == key.length && memcmp(scratch, key.data, length) == 0;
}

/** The member of an object; of repeated keys the last one counts, as in PostgreSQL's jsonb. */
static bool find_member(const wendi_call *call, wendi_string json, wendi_string key, wendi_string *value)
{
    cursor c = {json.data, json.data + json.length};
    bool found = false;

    skip_space(&c);
    if (c.at >= c.end || *c.at != '{') {
        return false;
    }
    char *scratch = memchr(json.data, '\\', json.length) == NULL ? NULL : wendi_call_bytes(call, json.length);
    for (c.at++;;) {
        skip_space(&c);
        if (c.at >= c.end || *c.at != '"') {
            return found;
        }
        wendi_string name = {c.at, 0};
        skip_string(&c);
        name.length = (uint32_t)(c.at - name.data);
        skip_space(&c);
        c.at += c.at < c.end; /* the colon */
        skip_space(&c);
        const char *start = c.at;
        skip_value(&c);
        if (key_is(name, key, scratch)) {
            *value = (wendi_string){start, (uint32_t)(c.at - start)};
            found = true;
        }
        skip_space(&c);
        if (c.at >= c.end || *c.at != ',') {
            return found;
        }
        c.at++;
    }
}

/** The element of an array, from the end when the index is negative. */
static bool find_element(wendi_string json, int64_t index, wendi_string *value)
{
    for (int pass = 0; pass < 2; pass++) {
        cursor c = {json.data, json.data + json.length};
        int64_t count = 0;
        skip_space(&c);
        if (c.at >= c.end || *c.at != '[') {
            return false;
        }
        c.at++;
        skip_space(&c);
        while (c.at < c.end && *c.at != ']') {
            skip_space(&c);
            const char *start = c.at;
            skip_value(&c);
            if (count == index) {
                *value = (wendi_string){start, (uint32_t)(c.at - start)};
                return true;
            }
            count++;
            skip_space(&c);
            c.at += c.at < c.end && *c.at == ',';
        }
        if (index >= 0 || index + count < 0) {
            return false;
        }
        index += count;
    }
    return false;
}

static wend_status give(const wendi_call *call, uint32_t row, bool found, wendi_string value, bool as_text)
{
    call->out.strings[row] = (wendi_string){"", 0};
    if (!found || (as_text && value.length == 4 && memcmp(value.data, "null", 4) == 0)) {
        call->nulls[row] = 1;
        return WEND_OK;
    }
    if (!as_text || value.data[0] != '"') {
        call->out.strings[row] = value;
        return WEND_OK;
    }
    if (memchr(value.data, '\\', value.length) == NULL) {
        call->out.strings[row] = (wendi_string){value.data + 1, value.length - 2};
        return WEND_OK;
    }
    char *bytes = wendi_call_bytes(call, value.length);
    if (bytes == NULL) {
        return WEND_NOMEM;
    }
    call->out.strings[row] = (wendi_string){bytes, unescape(value.data, value.data + value.length, bytes)};
    return WEND_OK;
}

static wend_status get(wendi_call *call, bool by_key, bool as_text)
{
    WENDI_CALL_ROWS(call, row)
    {
        wendi_string json = wendi_arg_string(call, 0, row);
        wendi_string value = {"", 0};
        bool found = by_key ? find_member(call, json, wendi_arg_string(call, 1, row), &value)
                            : find_element(json, wendi_arg_i64(call, 1, row), &value);
        wend_status status = give(call, row, found, value, as_text);
        if (status != WEND_OK) {
            return status;
        }
    }
    return WEND_OK;
}

static wend_status get_key(wendi_call *call)
{
    return get(call, true, false);
}

static wend_status get_key_text(wendi_call *call)
{
    return get(call, true, true);
}

static wend_status get_index(wendi_call *call)
{
    return get(call, false, false);
}

static wend_status get_index_text(wendi_call *call)
{
    return get(call, false, true);
}

static wend_status jsonb_typeof(wendi_call *call)
{
    WENDI_CALL_ROWS(call, row)
    {
        wendi_string json = wendi_arg_string(call, 0, row);
        cursor c = {json.data, json.data + json.length};
        skip_space(&c);
        char first = c.at < c.end ? *c.at : 'n';
        call->out.strings[row] = wendi_string_of(first == '{'                   ? "object"
                                                 : first == '['                 ? "array"
                                                 : first == '"'                 ? "string"
                                                 : first == 't' || first == 'f' ? "boolean"
                                                 : first == 'n'                 ? "null"
                                                                                : "number");
    }
    return WEND_OK;
}

static wend_status jsonb_array_length(wendi_call *call)
{
    WENDI_CALL_ROWS(call, row)
    {
        wendi_string json = wendi_arg_string(call, 0, row);
        cursor c = {json.data, json.data + json.length};
        int64_t count = 0;
        skip_space(&c);
        if (c.at >= c.end || *c.at != '[') {
            return wendi_call_fail(call, "cannot get array length of %s", c.at < c.end && *c.at == '{' ? "a non-array" : "a scalar");
        }
        c.at++;
        skip_space(&c);
        while (c.at < c.end && *c.at != ']') {
            skip_value(&c);
            count++;
            skip_space(&c);
            c.at += c.at < c.end && *c.at == ',';
            skip_space(&c);
        }
        call->out.i64[row] = count;
    }
    return WEND_OK;
}

/** Addresses: the text without a prefix length, and the family. */
static wend_status host(wendi_call *call)
{
    wendi_buffer buffer = {.data = NULL};
    wend_status status = WEND_OK;

    WENDI_CALL_ROWS(call, row)
    {
        wendi_value value = {.type = call->args[0].type, .b16 = wendi_arg_b16(call, 0, row)};
        buffer.length = 0;
        if (wendi_value_format(&value, NULL, &buffer) != WEND_OK) {
            status = wendi_fail_nomem(call->error, "a string", WENDI_VALUE_TEXT_MAX);
            break;
        }
        WEND_TRY(wendi_call_string(call, row, (const char *)buffer.data, buffer.length));
    }
cleanup:
    wendi_buffer_free(&buffer);
    return status;
}

static wend_status family(wendi_call *call)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

    WENDI_CALL_ROWS(call, row)
    {
        wendi_b16 address = wendi_arg_b16(call, 0, row);
        call->out.i64[row] = memcmp(&address, mapped, sizeof mapped) == 0 ? 4 : 6;
    }
    return WEND_OK;
}

#define FUNCTION(NAME, ARGS, RESULT, FLAGS, KERNEL) {.name = NAME, .args = ARGS, .result = RESULT, .flags = FLAGS, .kernel = KERNEL}
const wendi_function wendi_json_functions[] = {
    FUNCTION("->", "jt", "j", MAY_NULL, get_key),
    FUNCTION("->", "ji", "j", MAY_NULL, get_index),
    FUNCTION("->>", "jt", "t", MAY_NULL, get_key_text),
    FUNCTION("->>", "ji", "t", MAY_NULL, get_index_text),
    FUNCTION("family", "a", "4", 0, family),
    FUNCTION("host", "a", "t", 0, host),
    FUNCTION("jsonb_array_length", "j", "4", RAISES, jsonb_array_length),
    FUNCTION("jsonb_typeof", "j", "t", 0, jsonb_typeof),
    {.name = NULL}};
