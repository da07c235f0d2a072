/* Rendering rejects as JSON lines, and reading them back from a table's files. */
#include "ingest/rejects.h"

#include <stdlib.h>

#include "engine/base/compress.h"
#include "engine/base/hash.h"
#include "engine/io/io.h"
#include "engine/table/commit_log.h"
#include "ingest/json_scan.h"

enum { REJECT_FILE_BYTES_MAX = 1 << 30, CHUNK_BYTES = 1 << 18 };

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

wend_status wendi_reject_render(const wendi_message *message, const wendi_source_partition *origin, const char *reason,
                                wendi_buffer *out)
{
    size_t before = out->length;
    const char *topic = origin != NULL ? origin->topic : "";
    const char *payload = message->payload != NULL ? message->payload : "";
    const char *end = payload + message->length;
    bool text = wendi_utf8_check(payload, end) == end;
    wend_status status = WEND_OK;
    WEND_TRY(wendi_buffer_printf(out, "{\"topic\":"));
    WEND_TRY(wendi_reject_quote(topic, strlen(topic), out));
    WEND_TRY(wendi_buffer_printf(out, ",\"partition\":%d,\"offset\":%lld,\"reason\":", origin != NULL ? (int)origin->partition : 0,
                                 (long long)message->position));
    WEND_TRY(wendi_reject_quote(reason, strlen(reason), out));
    WEND_TRY(wendi_buffer_printf(out, text ? ",\"raw\":" : ",\"raw_base64\":"));
    WEND_TRY(text ? wendi_reject_quote(payload, message->length, out)
                  : append_base64(out, (const uint8_t *)payload, message->length));
    WEND_TRY(wendi_buffer_printf(out, "}\n"));
cleanup:
    if (status != WEND_OK) {
        out->length = before;
    }
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
    char *to = wendi_arena_alloc(arena, text.length / 4 * 3 + 3);
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
    char *text = wendi_arena_alloc(arena, string.length + 1);
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

static bool take_string_member(wendi_json_string key, wendi_json_string value, wendi_arena *arena, wendi_reject_row *row)
{
    if (key_is(key, "topic")) {
        return take_text(value, arena, &row->topic);
    }
    if (key_is(key, "reason")) {
        return take_text(value, arena, &row->reason);
    }
    if (key_is(key, "raw")) {
        return take_text(value, arena, &row->raw);
    }
    return key_is(key, "raw_base64") && decode_base64((wendi_string){value.data, value.length}, arena, &row->raw);
}

static bool take_number_member(wendi_json_string key, const wendi_json_number *number, wendi_reject_row *row)
{
    int64_t value = (int64_t)(number->negative ? 0 - number->mantissa : number->mantissa);
    if (number->has_exponent || number->fraction_count != 0 || number->digit_count > 19) {
        return false;
    }
    if (key_is(key, "partition")) {
        row->partition = (int32_t)value;
        return true;
    }
    row->offset = value;
    return key_is(key, "offset");
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
    at = wendi_json_scan_number(at, end, &number, &error);
    return at != NULL && take_number_member(key, &number, row) ? at : NULL;
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
    *row = (wendi_reject_row){.line = line};
    char before = '{';
    do {
        at = at < end && *at == before ? take_member(at + 1, end, arena, row) : NULL;
        before = ',';
    } while (at != NULL && at < end && *at == ',');
    if (at == NULL || end - at != 1 || *at != '}') {
        return wendi_fail(error, WEND_CORRUPT, "a line that is no reject");
    }
    return WEND_OK;
}

/* ---- reading ---------------------------------------------------------------------------------- */

typedef struct reject_reader {
    wendi_io *io;
    wendi_arena arena;
    wendi_buffer file;
    wendi_buffer text;
    wend_status (*each)(void *context, const wendi_reject_row *row);
    void *context;
} reject_reader;

static wend_status unpack(reject_reader *reader, const char *path, wend_error *error)
{
    wendi_decompress_stream *stream = NULL;
    size_t in_at = 0;
    bool frame_done = false;
    bool moved = true;
    wend_status status = WEND_OK;
    reader->text.length = 0;
    WEND_TRY(wendi_decompress_stream_open(&stream, error));
    while (moved) {
        size_t out_at = 0;
        size_t in_before = in_at;
        WEND_TRY(wendi_buffer_reserve(&reader->text, CHUNK_BYTES));
        status = wendi_decompress_stream_next(stream, reader->file.data, reader->file.length, &in_at,
                                              reader->text.data + reader->text.length, CHUNK_BYTES, &out_at, &frame_done);
        if (status != WEND_OK) {
            WEND_TRY(wendi_fail(error, status, "%s cannot be decompressed", path));
        }
        reader->text.length += out_at;
        moved = !(frame_done && in_at == reader->file.length) && (out_at != 0 || in_at != in_before);
    }
    if (!frame_done || in_at != reader->file.length) {
        WEND_TRY(wendi_fail(error, WEND_CORRUPT, "%s ends too early", path));
    }
cleanup:
    wendi_decompress_stream_close(stream);
    return status;
}

static wend_status show_lines(reject_reader *reader, const wendi_reject_entry *entry, const char *path, wend_error *error)
{
    const char *at = (const char *)reader->text.data;
    const char *end = at + reader->text.length;
    uint64_t count = 0;
    wend_status status = WEND_OK;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop == NULL ? end : stop;
        wendi_reject_row row;
        wendi_arena_reset(&reader->arena);
        status = wendi_reject_parse((wendi_string){at, (uint32_t)(stop - at)}, &reader->arena, &row, error);
        if (status != WEND_OK) {
            wendi_error_context(error, "%s, line %llu", path, (unsigned long long)count + 1);
            return status;
        }
        row.commit = entry->commit;
        count++;
        WEND_TRY(reader->each(reader->context, &row));
        at = stop + (stop < end);
    }
    if (count != entry->row_count) {
        WEND_TRY(wendi_fail(error, WEND_CORRUPT, "%s has %llu rejects where the log says %llu", path,
                            (unsigned long long)count, (unsigned long long)entry->row_count));
    }
cleanup:
    return status;
}

static wend_status read_entry(reject_reader *reader, const char *folder, const wendi_reject_entry *entry, wend_error *error)
{
    char path[WENDI_PATH_BYTES];
    wend_status status = WEND_OK;
    reader->file.length = 0;
    WEND_TRY(wendi_table_uuid_path(path, folder, "rejects", entry->uuid, ".ndjson.zst", error));
    WEND_TRY(wendi_io_read_file(reader->io, path, REJECT_FILE_BYTES_MAX, &reader->file, error));
    if (reader->file.length != entry->file_bytes || wendi_hash64(reader->file.data, reader->file.length) != entry->checksum) {
        WEND_TRY(wendi_fail(error, WEND_CORRUPT, "%s is damaged: its checksum is not the one in the log", path));
    }
    WEND_TRY(unpack(reader, path, error));
    WEND_TRY(show_lines(reader, entry, path, error));
cleanup:
    return status;
}

wend_status wendi_rejects_read(wendi_table *table, wend_status (*each)(void *context, const wendi_reject_row *row),
                               void *context, wend_error *error)
{
    reject_reader reader = {.each = each, .context = context};
    wendi_snapshot *snapshot = NULL;
    wend_status status = WEND_OK;
    WEND_TRY(wendi_io_open(NULL, &reader.io, error));
    WEND_TRY(wendi_table_snapshot(table, &snapshot, error));
    const wendi_table_state *state = wendi_snapshot_state(snapshot);
    for (uint32_t i = 0; i < state->reject_count; i++) {
        WEND_TRY(read_entry(&reader, wendi_table_folder(table), &state->rejects[i], error));
    }
cleanup:
    if (snapshot != NULL) {
        wendi_snapshot_release(snapshot);
    }
    wendi_io_close(reader.io);
    wendi_arena_free(&reader.arena);
    wendi_buffer_free(&reader.file);
    wendi_buffer_free(&reader.text);
    return status == WEND_END ? WEND_OK : status;
}
