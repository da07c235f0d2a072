/**
 * Text: counting, cutting, joining and padding, in characters (code points) as SQL counts. Results
 * that are part of an argument point into it; only new text is allocated.
 */
#include <string.h>

#include "engine/base/hash.h"
#include "engine/column/vector_value.h"
#include "engine/expr/function.h"
#include "engine/expr/text_case.h"

enum { RAISES = WENDI_EXPR_RAISES, TEXT_BYTES_MAX = 64 << 20 };

static void give(const wendi_call *call, uint32_t row, wendi_string text, uint32_t from, uint32_t to)
{
    call->out.strings[row] = (wendi_string){text.data + from, to > from ? to - from : 0};
}

static wend_status too_long(const wendi_call *call)
{
    return wendi_call_fail(call, "requested length too large");
}

static wend_status concatenate(wendi_call *call)
{
    WENDI_CALL_ROWS(call, row)
    {
        wendi_string a = wendi_arg_string(call, 0, row);
        wendi_string b = wendi_arg_string(call, 1, row);
        char *bytes = wendi_call_bytes(call, (size_t)a.length + b.length);
        if (bytes == NULL) {
            return WEND_NOMEM;
        }
        memcpy(bytes, a.data, a.length);
        memcpy(bytes + a.length, b.data, b.length);
        call->out.strings[row] = (wendi_string){bytes, a.length + b.length};
    }
    return WEND_OK;
}

/** The SQL text of any argument, appended. */
static wend_status append_arg(const wendi_call *call, uint32_t arg, uint32_t row, wendi_buffer *out)
{
    const wendi_vector *vector = &call->args[arg];
    wendi_value value = wendi_vector_value(vector, row);

    if (wendi_type_physical(vector->type) == WENDI_PHYSICAL_STRING) {
        return wendi_buffer_append(out, value.string.data, value.string.length);
    }
    if (value.type.kind == WENDI_TYPE_BOOLEAN) { /* concat() writes booleans as the output function does */
        return wendi_buffer_append(out, value.i64 ? "t" : "f", 1);
    }
    return wendi_value_format(&value, call->node->session->zone, out);
}

/** concat and concat_ws: nulls are passed over; a null separator makes null. */
static wend_status concatenate_any(wendi_call *call, bool separated)
{
    wendi_buffer buffer = {.data = NULL};
    wend_status status = WEND_OK;

    WENDI_CALL_ROWS(call, row)
    {
        bool first = true;
        buffer.length = 0;
        call->nulls[row] = separated && wendi_vector_is_null(&call->args[0], row);
        for (uint32_t i = separated; status == WEND_OK && i < call->arg_count && !call->nulls[row]; i++) {
            if (wendi_vector_is_null(&call->args[i], row)) {
                continue;
            }
            if (separated && !first) {
                status = append_arg(call, 0, row, &buffer);
            }
            first = false;
            status = status == WEND_OK ? append_arg(call, i, row, &buffer) : status;
        }
        if (status == WEND_OK) {
            status = wendi_call_string(call, row, buffer.data == NULL ? "" : (const char *)buffer.data, buffer.length);
        } else {
            wendi_fail_nomem(call->error, "a string", buffer.length);
        }
        if (status != WEND_OK) {
            break;
        }
    }
    wendi_buffer_free(&buffer);
    return status;
}

static wend_status concat(wendi_call *call)
{
    return concatenate_any(call, false);
}

static wend_status concat_ws(wendi_call *call)
{
    return concatenate_any(call, true);
}

static wend_status length(wendi_call *call)
{
    WENDI_CALL_ROWS(call, row)
    {
        call->out.i64[row] = wendi_utf8_length(wendi_arg_string(call, 0, row));
    }
    return WEND_OK;
}

static wend_status octet_length(wendi_call *call)
{
    WENDI_CALL_ROWS(call, row)
    {
        call->out.i64[row] = wendi_arg_string(call, 0, row).length;
    }
    return WEND_OK;
}

static wend_status change_case(wendi_call *call, bool upper)
{
    WENDI_CALL_ROWS(call, row)
    {
        wendi_string text = wendi_arg_string(call, 0, row);
        char *bytes = wendi_call_bytes(call, (size_t)text.length * 3);
        if (bytes == NULL) {
            return WEND_NOMEM;
        }
        call->out.strings[row] = (wendi_string){bytes, wendi_utf8_change_case(text, upper, bytes)};
    }
    return WEND_OK;
}

static wend_status lower(wendi_call *call)
{
    return change_case(call, false);
}

static wend_status upper(wendi_call *call)
{
    return change_case(call, true);
}

static bool is_word(uint32_t code_point)
{
    return code_point - '0' < 10 || wendi_lower_code_point(code_point) != wendi_upper_code_point(code_point);
}

static wend_status initcap(wendi_call *call)
{
    WENDI_CALL_ROWS(call, row)
    {
        wendi_string text = wendi_arg_string(call, 0, row);
        char *bytes = wendi_call_bytes(call, (size_t)text.length * 3);
        uint32_t written = 0;
        bool inside = false;
        if (bytes == NULL) {
            return WEND_NOMEM;
        }
        for (const char *at = text.data, *end = at + text.length; at < end;) {
            uint32_t code_point = wendi_utf8_decode(at, end, &at);
            written += wendi_utf8_encode(inside ? wendi_lower_code_point(code_point) : wendi_upper_code_point(code_point),
                                         bytes + written);
            inside = is_word(code_point);
        }
        call->out.strings[row] = (wendi_string){bytes, written};
    }
    return WEND_OK;
}

/** Does the character of `text` that starts at `at` occur in `set`? *size gets its bytes. */
static bool in_set(wendi_string text, uint32_t at, wendi_string set, uint32_t *size)
{
    const char *next;
    uint32_t code_point = wendi_utf8_decode(text.data + at, text.data + text.length, &next);

    *size = (uint32_t)(next - text.data) - at;
    for (const char *s = set.data, *end = set.data + set.length; s < end;) {
        if (wendi_utf8_decode(s, end, &s) == code_point) {
            return true;
        }
    }
    return false;
}

static wend_status trim(wendi_call *call, bool left, bool right)
{
    WENDI_CALL_ROWS(call, row)
    {
        wendi_string text = wendi_arg_string(call, 0, row);
        wendi_string set = call->arg_count < 2 ? wendi_string_of(" ") : wendi_arg_string(call, 1, row);
        uint32_t from = 0;
        uint32_t to = text.length;
        uint32_t size;
        while (left && from < to && in_set(text, from, set, &size)) {
            from += size;
        }
        while (right && to > from) {
            uint32_t last = to - 1;
            while (last > from && ((uint8_t)text.data[last] & 0xc0) == 0x80) {
                last--;
            }
            if (!in_set((wendi_string){text.data, to}, last, set, &size)) {
                break;
            }
            to = last;
        }
        give(call, row, text, from, to);
    }
    return WEND_OK;
}

static wend_status btrim(wendi_call *call)
{
    return trim(call, true, true);
}

static wend_status ltrim(wendi_call *call)
{
    return trim(call, true, false);
}

static wend_status rtrim(wendi_call *call)
{
    return trim(call, false, true);
}

/** Characters from..from+count-1, counted from 1; what lies before the first counts but is not there. */
static wend_status substring(wendi_call *call)
{
    WENDI_CALL_ROWS(call, row)
    {
        wendi_string text = wendi_arg_string(call, 0, row);
        int64_t from = wendi_arg_i64(call, 1, row);
        int64_t end = INT64_MAX;
        if (call->arg_count == 3) {
            int64_t count = wendi_arg_i64(call, 2, row);
            if (count < 0) {
                return wendi_call_fail(call, "negative substring length not allowed");
            }
            if (__builtin_add_overflow(from, count, &end)) {
                end = INT64_MAX;
            }
        }
        from = from < 1 ? 1 : from;
        if (end <= from) {
            give(call, row, text, 0, 0);
            continue;
        }
        uint32_t begin = wendi_utf8_offset(text, (uint64_t)from - 1);
        wendi_string rest = {text.data + begin, text.length - begin};
        give(call, row, rest, 0, wendi_utf8_offset(rest, (uint64_t)(end - from)));
    }
    return WEND_OK;
}

/** The first n characters, or all but the last -n. */
static wend_status left(wendi_call *call)
{
    WENDI_CALL_ROWS(call, row)
    {
        wendi_string text = wendi_arg_string(call, 0, row);
        int64_t n = wendi_arg_i64(call, 1, row);
        n = n >= 0 ? n : n < -(int64_t)text.length ? 0 : wendi_utf8_length(text) + n;
        give(call, row, text, 0, n <= 0 ? 0 : wendi_utf8_offset(text, (uint64_t)n));
    }
    return WEND_OK;
}

static wend_status right(wendi_call *call)
{
    WENDI_CALL_ROWS(call, row)
    {
        wendi_string text = wendi_arg_string(call, 0, row);
        int64_t n = wendi_arg_i64(call, 1, row);
        int64_t all = wendi_utf8_length(text);
        int64_t skip = n >= 0 ? (n > all ? 0 : all - n) : n < -all ? all : -n;
        give(call, row, text, wendi_utf8_offset(text, (uint64_t)skip), text.length);
    }
    return WEND_OK;
}

static const char *find(wendi_string text, wendi_string part)
{
    return part.length == 0 ? text.data : memmem(text.data, text.length, part.data, part.length);
}

static wend_status strpos(wendi_call *call)
{
    WENDI_CALL_ROWS(call, row)
    {
        wendi_string text = wendi_arg_string(call, 0, row);
        const char *at = find(text, wendi_arg_string(call, 1, row));
        call->out.i64[row] = at == NULL ? 0 : 1 + wendi_utf8_length((wendi_string){text.data, (uint32_t)(at - text.data)});
    }
    return WEND_OK;
}

static wend_status starts_with(wendi_call *call)
{
    WENDI_CALL_ROWS(call, row)
    {
        wendi_string text = wendi_arg_string(call, 0, row);
        wendi_string part = wendi_arg_string(call, 1, row);
        call->out.i64[row] = part.length <= text.length && memcmp(text.data, part.data, part.length) == 0;
    }
    return WEND_OK;
}

static wend_status ends_with(wendi_call *call)
{
    WENDI_CALL_ROWS(call, row)
    {
        wendi_string text = wendi_arg_string(call, 0, row);
        wendi_string part = wendi_arg_string(call, 1, row);
        call->out.i64[row] = part.length <= text.length &&
                             memcmp(text.data + text.length - part.length, part.data, part.length) == 0;
    }
    return WEND_OK;
}

static wend_status replace(wendi_call *call)
{
    wendi_buffer buffer = {.data = NULL};
    wend_status status = WEND_OK;

    WENDI_CALL_ROWS(call, row)
    {
        wendi_string text = wendi_arg_string(call, 0, row);
        wendi_string from = wendi_arg_string(call, 1, row);
        wendi_string to = wendi_arg_string(call, 2, row);
        const char *at = from.length == 0 ? NULL : find(text, from);
        if (at == NULL) {
            call->out.strings[row] = text;
            continue;
        }
        buffer.length = 0;
        for (; at != NULL && status == WEND_OK; at = find(text, from)) {
            uint32_t before = (uint32_t)(at - text.data);
            status = wendi_buffer_append(&buffer, text.data, before);
            status = status == WEND_OK ? wendi_buffer_append(&buffer, to.data, to.length) : status;
            text = (wendi_string){at + from.length, text.length - before - from.length};
        }
        status = status == WEND_OK ? wendi_buffer_append(&buffer, text.data, text.length) : status;
        if (status != WEND_OK || buffer.length > TEXT_BYTES_MAX) {
            status = status != WEND_OK ? wendi_fail_nomem(call->error, "a string", buffer.length) : too_long(call);
            break;
        }
        WEND_TRY(wendi_call_string(call, row, (const char *)buffer.data, buffer.length));
    }
cleanup:
    wendi_buffer_free(&buffer);
    return status;
}

/** The n-th field between separators, from the end when n is negative; empty when there is none. */
static wend_status split_part(wendi_call *call)
{
    WENDI_CALL_ROWS(call, row)
    {
        wendi_string text = wendi_arg_string(call, 0, row);
        wendi_string separator = wendi_arg_string(call, 1, row);
        int64_t n = wendi_arg_i64(call, 2, row);
        if (n == 0) {
            return wendi_call_fail(call, "field position must not be zero");
        }
        int64_t fields = 1;
        wendi_string rest = text;
        for (const char *at; n < 0 && separator.length > 0 && (at = find(rest, separator)) != NULL; fields++) {
            uint32_t used = (uint32_t)(at - rest.data) + separator.length;
            rest = (wendi_string){rest.data + used, rest.length - used};
        }
        n = n < 0 ? fields + 1 + n : n;
        rest = text;
        const char *end = NULL;
        for (int64_t field = 1; field <= n; field++) {
            end = separator.length == 0 ? NULL : find(rest, separator);
            if (field == n) {
                break;
            }
            if (end == NULL) {
                rest = (wendi_string){"", 0};
                break;
            }
            uint32_t used = (uint32_t)(end - rest.data) + separator.length;
            rest = (wendi_string){rest.data + used, rest.length - used};
        }
        rest.length = n < 1 ? 0 : end != NULL ? (uint32_t)(end - rest.data) : rest.length;
        call->out.strings[row] = rest;
    }
    return WEND_OK;
}

static wend_status reverse(wendi_call *call)
{
    WENDI_CALL_ROWS(call, row)
    {
        wendi_string text = wendi_arg_string(call, 0, row);
        char *bytes = wendi_call_bytes(call, text.length);
        if (bytes == NULL) {
            return WEND_NOMEM;
        }
        uint32_t left_bytes = text.length;
        for (const char *at = text.data, *end = at + text.length; at < end;) {
            const char *here = at;
            wendi_utf8_decode(at, end, &at);
            left_bytes -= (uint32_t)(at - here);
            memcpy(bytes + left_bytes, here, (size_t)(at - here));
        }
        call->out.strings[row] = (wendi_string){bytes, text.length};
    }
    return WEND_OK;
}

static wend_status repeat(wendi_call *call)
{
    WENDI_CALL_ROWS(call, row)
    {
        wendi_string text = wendi_arg_string(call, 0, row);
        int64_t times = wendi_arg_i64(call, 1, row);
        times = times < 0 || text.length == 0 ? 0 : times;
        if (times > TEXT_BYTES_MAX / (int64_t)(text.length == 0 ? 1 : text.length)) {
            return too_long(call);
        }
        char *bytes = wendi_call_bytes(call, (size_t)times * text.length);
        if (bytes == NULL) {
            return WEND_NOMEM;
        }
        for (int64_t i = 0; i < times; i++) {
            memcpy(bytes + i * text.length, text.data, text.length);
        }
        call->out.strings[row] = (wendi_string){bytes, (uint32_t)(times * text.length)};
    }
    return WEND_OK;
}

/** `count` characters of `fill`, over and over. */
static uint32_t fill_with(wendi_string fill, uint64_t count, char *out)
{
    uint32_t written = 0;
    const char *end = fill.data + fill.length;

    for (const char *at = fill.data; count > 0; count--) {
        const char *next;
        at = at == end ? fill.data : at;
        wendi_utf8_decode(at, end, &next);
        memcpy(out + written, at, (size_t)(next - at));
        written += (uint32_t)(next - at);
        at = next;
    }
    return written;
}

static wend_status pad(wendi_call *call, bool before)
{
    WENDI_CALL_ROWS(call, row)
    {
        wendi_string text = wendi_arg_string(call, 0, row);
        int64_t wanted = wendi_arg_i64(call, 1, row);
        wendi_string fill = call->arg_count < 3 ? wendi_string_of(" ") : wendi_arg_string(call, 2, row);
        uint32_t have = wendi_utf8_length(text);
        wanted = wanted < 0 ? 0 : wanted;
        if (wanted > TEXT_BYTES_MAX / 4) {
            return too_long(call);
        }
        if (wanted <= have || fill.length == 0) {
            give(call, row, text, 0, wanted < have ? wendi_utf8_offset(text, (uint64_t)wanted) : text.length);
            continue;
        }
        uint64_t missing = (uint64_t)wanted - have;
        char *bytes = wendi_call_bytes(call, text.length + missing * 4);
        if (bytes == NULL) {
            return WEND_NOMEM;
        }
        uint32_t used = before ? fill_with(fill, missing, bytes) : 0;
        memcpy(bytes + used, text.data, text.length);
        used += text.length;
        used += before ? 0 : fill_with(fill, missing, bytes + used);
        call->out.strings[row] = (wendi_string){bytes, used};
    }
    return WEND_OK;
}

static wend_status lpad(wendi_call *call)
{
    return pad(call, true);
}

static wend_status rpad(wendi_call *call)
{
    return pad(call, false);
}

/** Each character that is in the second text becomes the one at its place in the third, or goes. */
static wend_status translate(wendi_call *call)
{
    WENDI_CALL_ROWS(call, row)
    {
        wendi_string text = wendi_arg_string(call, 0, row);
        wendi_string from = wendi_arg_string(call, 1, row);
        wendi_string to = wendi_arg_string(call, 2, row);
        char *bytes = wendi_call_bytes(call, (size_t)text.length * 4);
        uint32_t written = 0;
        if (bytes == NULL) {
            return WEND_NOMEM;
        }
        for (const char *at = text.data, *end = at + text.length; at < end;) {
            uint32_t code_point = wendi_utf8_decode(at, end, &at);
            uint64_t place = 0;
            bool found = false;
            for (const char *f = from.data, *f_end = f + from.length; f < f_end && !found; place += !found) {
                found = wendi_utf8_decode(f, f_end, &f) == code_point;
            }
            if (found) {
                uint32_t offset = wendi_utf8_offset(to, place);
                const char *next;
                if (offset >= to.length) {
                    continue;
                }
                code_point = wendi_utf8_decode(to.data + offset, to.data + to.length, &next);
            }
            written += wendi_utf8_encode(code_point, bytes + written);
        }
        call->out.strings[row] = (wendi_string){bytes, written};
    }
    return WEND_OK;
}

/** overlay(x, y, from [, for]): replaces characters from..from+for-1 of x. */
static wend_status overlay(wendi_call *call)
{
    WENDI_CALL_ROWS(call, row)
    {
        wendi_string text = wendi_arg_string(call, 0, row);
        wendi_string with = wendi_arg_string(call, 1, row);
        int64_t from = wendi_arg_i64(call, 2, row);
        int64_t count = call->arg_count < 4 ? wendi_utf8_length(with) : wendi_arg_i64(call, 3, row);
        if (from <= 0 || from > TEXT_BYTES_MAX || count < -TEXT_BYTES_MAX || count > TEXT_BYTES_MAX) {
            return wendi_call_fail(call, from <= 0 ? "negative substring length not allowed" : "requested length too large");
        }
        int64_t resume = from - 1 + count;
        uint32_t head = wendi_utf8_offset(text, (uint64_t)from - 1);
        uint32_t tail = resume < 0 ? 0 : wendi_utf8_offset(text, (uint64_t)resume);
        size_t total = (size_t)head + with.length + (text.length - tail);
        char *bytes = wendi_call_bytes(call, total);
        if (bytes == NULL) {
            return WEND_NOMEM;
        }
        memcpy(bytes, text.data, head);
        memcpy(bytes + head, with.data, with.length);
        memcpy(bytes + head + with.length, text.data + tail, text.length - tail);
        call->out.strings[row] = (wendi_string){bytes, (uint32_t)total};
    }
    return WEND_OK;
}

static wend_status ascii(wendi_call *call)
{
    WENDI_CALL_ROWS(call, row)
    {
        wendi_string text = wendi_arg_string(call, 0, row);
        const char *next;
        call->out.i64[row] = text.length == 0 ? 0 : wendi_utf8_decode(text.data, text.data + text.length, &next);
    }
    return WEND_OK;
}

static wend_status chr(wendi_call *call)
{
    WENDI_CALL_ROWS(call, row)
    {
        int64_t code_point = wendi_arg_i64(call, 0, row);
        char bytes[4];
        if (code_point <= 0 || code_point > 0x10ffff || (code_point >= 0xd800 && code_point <= 0xdfff)) {
            return wendi_call_fail(call, code_point == 0 ? "null character not permitted"
                                                         : "requested character is not a valid Unicode code point");
        }
        wend_status status = wendi_call_string(call, row, bytes, wendi_utf8_encode((uint32_t)code_point, bytes));
        if (status != WEND_OK) {
            return status;
        }
    }
    return WEND_OK;
}

/** Stable 64 bits of a value, for sampling, bucketing and event_id = 'hash': XXH3, as the engine orders its users. */
static wend_status hash64(wendi_call *call)
{
    WENDI_CALL_ROWS(call, row)
    {
        wendi_value value = wendi_vector_value(&call->args[0], row);
        call->out.i64[row] = (int64_t)wendi_value_hash(&value);
    }
    return WEND_OK;
}

#define FUNCTION(NAME, ARGS, RESULT, FLAGS, KERNEL) {.name = NAME, .args = ARGS, .result = RESULT, .flags = FLAGS, .kernel = KERNEL}
#define NULLS WENDI_FUNCTION_NULLS
const wendi_function wendi_text_functions[] = {
    FUNCTION("||", "tt", "t", 0, concatenate),
    FUNCTION("ascii", "t", "4", 0, ascii),
    FUNCTION("btrim", "tt?", "t", 0, btrim),
    FUNCTION("char_length", "t", "4", 0, length),
    FUNCTION("character_length", "t", "4", 0, length),
    FUNCTION("chr", "i", "t", RAISES, chr),
    FUNCTION("concat", "x*", "t", NULLS, concat),
    FUNCTION("concat_ws", "tx*", "t", NULLS, concat_ws),
    FUNCTION("ends_with", "tt", "b", 0, ends_with),
    FUNCTION("hash64", "x", "i", 0, hash64),
    FUNCTION("initcap", "t", "t", 0, initcap),
    FUNCTION("left", "ti", "t", 0, left),
    FUNCTION("length", "t", "4", 0, length),
    FUNCTION("lower", "t", "t", 0, lower),
    FUNCTION("lpad", "tit?", "t", RAISES, lpad),
    FUNCTION("ltrim", "tt?", "t", 0, ltrim),
    FUNCTION("octet_length", "t", "4", 0, octet_length),
    FUNCTION("overlay", "ttii?", "t", RAISES, overlay),
    FUNCTION("position", "tt", "4", 0, strpos),
    FUNCTION("repeat", "ti", "t", RAISES, repeat),
    FUNCTION("replace", "ttt", "t", RAISES, replace),
    FUNCTION("reverse", "t", "t", 0, reverse),
    FUNCTION("right", "ti", "t", 0, right),
    FUNCTION("rpad", "tit?", "t", RAISES, rpad),
    FUNCTION("rtrim", "tt?", "t", 0, rtrim),
    FUNCTION("split_part", "tti", "t", RAISES, split_part),
    FUNCTION("starts_with", "tt", "b", 0, starts_with),
    FUNCTION("strpos", "tt", "4", 0, strpos),
    FUNCTION("substr", "tii?", "t", RAISES, substring),
    FUNCTION("substring", "tii?", "t", RAISES, substring),
    FUNCTION("translate", "ttt", "t", 0, translate),
    FUNCTION("trim", "tt?", "t", 0, btrim),
    FUNCTION("upper", "t", "t", 0, upper),
    {.name = NULL}};
