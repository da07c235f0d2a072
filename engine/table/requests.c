/* Files of the requests folder. Each is written under tmp/ and renamed, so none is ever seen in
 * part. */
#include "engine/table/requests.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/clock.h"

enum { REQUEST_BYTES_MAX = 1 << 24 };

static wend_status request_path(char path[WENDI_PATH_BYTES], const char *folder, wendi_string name,
                                const char *suffix, wend_error *error)
{
    char file[256];
    snprintf(file, sizeof file, "%.*s%s", (int)name.length, name.data, suffix);
    return wendi_table_path(path, folder, "requests", file, error);
}

static wend_status place(wendi_io *io, const char *folder, wendi_string name, const char *suffix,
                         const wendi_buffer *bytes, wend_error *error)
{
    char from[WENDI_PATH_BYTES];
    char to[WENDI_PATH_BYTES];
    uint8_t uuid[WENDI_UUID_BYTES];
    wend_status status = WEND_OK;
    wendi_uuid_make(uuid);
    WEND_TRY(wendi_table_uuid_path(from, folder, "tmp", uuid, suffix, error));
    WEND_TRY(request_path(to, folder, name, suffix, error));
    WEND_TRY(wendi_io_write_file(io, from, bytes->data, bytes->length, error));
    WEND_TRY(wendi_io_rename_new(io, from, to, error));
cleanup:
    return status;
}

wend_status wendi_request_leave(wendi_io *io, const char *folder, const char *kind,
                                const char *text, wendi_arena *arena, wendi_string *name,
                                wend_error *error)
{
    uint8_t uuid[WENDI_UUID_BYTES];
    char uuid_text[WENDI_UUID_TEXT_BYTES];
    wendi_buffer bytes = {0};
    wend_status status = WEND_OK;
    wendi_uuid_make(uuid);
    const char *made = wendi_arena_printf(arena, "%020lld-%s", (long long)wendi_clock_wall_us(),
                                          wendi_uuid_text(uuid, uuid_text));
    if (made == NULL || wendi_buffer_printf(&bytes, "%s\n%s", kind, text) != WEND_OK) {
        WEND_TRY(wendi_fail_nomem(error, "a request", strlen(text)));
    }
    *name = wendi_string_of(made);
    WEND_TRY(place(io, folder, *name, ".request", &bytes, error));
cleanup:
    wendi_buffer_free(&bytes);
    return status;
}

static wend_status read_request(wendi_io *io, const char *folder, wendi_string name,
                                wendi_arena *arena, wendi_request *request, wend_error *error)
{
    char path[WENDI_PATH_BYTES];
    wendi_buffer bytes = {0};
    wend_status status = WEND_OK;
    WEND_TRY(request_path(path, folder, name, ".request", error));
    WEND_TRY(wendi_io_read_file(io, path, REQUEST_BYTES_MAX, &bytes, error));
    char *copy = wendi_arena_copy(arena, (const char *)bytes.data, bytes.length);
    if (copy == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "a request", bytes.length));
    }
    char *line_end = memchr(copy, '\n', bytes.length);
    size_t kind_length = line_end == NULL ? bytes.length : (size_t)(line_end - copy);
    size_t text_begin = line_end == NULL ? bytes.length : kind_length + 1;
    request->name = name;
    request->kind = (wendi_string){copy, (uint32_t)kind_length};
    request->text = (wendi_string){copy + text_begin, (uint32_t)(bytes.length - text_begin)};
cleanup:
    wendi_buffer_free(&bytes);
    return status;
}

/* Names are sorted, so an answer stands just before its request. */
static bool is_answered(wendi_string name, const wendi_io_entry *entries, uint32_t index)
{
    static const char suffix[] = ".answer";
    if (index == 0) {
        return false;
    }
    wendi_string before = entries[index - 1].name;
    return before.length == name.length + sizeof suffix - 1 &&
           memcmp(before.data, name.data, name.length) == 0 &&
           memcmp(before.data + name.length, suffix, sizeof suffix - 1) == 0;
}

/* Remove a request, if it is still there. */
static wend_status take_away(wendi_io *io, const char *folder, wendi_string name, wend_error *error)
{
    wend_status status = wendi_request_withdraw(io, folder, name, error);
    return status == WEND_NOT_FOUND ? WEND_OK : status;
}

wend_status wendi_request_list(wendi_io *io, const char *folder, wendi_arena *arena,
                               wendi_request **requests, uint32_t *count, wend_error *error)
{
    static const char suffix[] = ".request";
    char path[WENDI_PATH_BYTES];
    wendi_io_entry *entries = NULL;
    uint32_t entry_count = 0;
    wend_status status = WEND_OK;
    *count = 0;
    WEND_TRY(wendi_table_path(path, folder, "requests", "", error));
    WEND_TRY(wendi_io_list(io, path, arena, &entries, &entry_count, error));
    *requests = wendi_arena_alloc(arena, (entry_count + 1) * sizeof **requests);
    if (*requests == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "the list of requests", entry_count * sizeof **requests));
    }
    for (uint32_t i = 0; i < entry_count; i++) {
        wendi_string name = entries[i].name;
        size_t tail = sizeof suffix - 1;
        if (name.length <= tail || memcmp(name.data + name.length - tail, suffix, tail) != 0) {
            continue;
        }
        name.length -= (uint32_t)tail;
        if (is_answered(name, entries,
                        i)) { /* and a writer died before taking it away: once is enough */
            WEND_TRY(take_away(io, folder, name, error));
            continue;
        }
        status = read_request(io, folder, name, arena, &(*requests)[*count], error);
        if (status == WEND_NOT_FOUND) { /* withdrawn meanwhile */
            status = WEND_OK;
            continue;
        }
        WEND_TRY(status);
        (*count)++;
    }
cleanup:
    return status;
}

wend_status wendi_request_answer(wendi_io *io, const char *folder, const wendi_request *request,
                                 wend_status outcome, const wend_error *why, wend_error *error)
{
    wendi_buffer bytes = {0};
    wend_status status = WEND_OK;
    bool failed = outcome != WEND_OK;
    if (wendi_buffer_printf(&bytes, "%d\n%d\n%s\n%s\n", (int)outcome, failed ? why->position : -1,
                            failed ? why->message : "", failed ? why->hint : "") != WEND_OK) {
        WEND_TRY(wendi_fail_nomem(error, "an answer", 0));
    }
    status = place(io, folder, request->name, ".answer", &bytes, error);
    WEND_TRY(status == WEND_EXISTS
                 ? WEND_OK
                 : status); /* a writer that died here had answered already: its word stands */
    WEND_TRY(take_away(io, folder, request->name,
                       error)); /* unless it was collected or withdrawn meanwhile */
cleanup:
    wendi_buffer_free(&bytes);
    return status;
}

/* Copy the text up to the next line's end into `out`, and step over it. */
static const char *take_line(const char *at, char *out, size_t capacity)
{
    const char *end = strchr(at, '\n');
    size_t length = end == NULL ? strlen(at) : (size_t)(end - at);
    snprintf(out, capacity, "%.*s", (int)length, at);
    return end == NULL ? at + length : end + 1;
}

static void parse_answer(const char *text, wend_status *outcome, wend_error *why)
{
    char number[32];
    const char *at = take_line(text, number, sizeof number);
    long code = strtol(number, NULL, 10);
    *outcome = code >= 0 && code <= WEND_CANCELLED ? (wend_status)code : WEND_INVALID;
    at = take_line(at, number, sizeof number);
    why->status = *outcome;
    why->position = (int32_t)strtol(number, NULL, 10);
    at = take_line(at, why->message, sizeof why->message);
    take_line(at, why->hint, sizeof why->hint);
}

wend_status wendi_request_collect(wendi_io *io, const char *folder, wendi_string name,
                                  bool *answered, wend_status *outcome, wend_error *why,
                                  wend_error *error)
{
    char path[WENDI_PATH_BYTES];
    wendi_buffer bytes = {0};
    wend_status status = WEND_OK;
    *answered = false;
    WEND_TRY(request_path(path, folder, name, ".answer", error));
    status = wendi_io_read_file(io, path, REQUEST_BYTES_MAX, &bytes, error);
    if (status == WEND_NOT_FOUND) {
        status = WEND_OK;
        goto cleanup;
    }
    WEND_TRY(status);
    if (wendi_buffer_u8(&bytes, 0) != WEND_OK) {
        WEND_TRY(wendi_fail_nomem(error, "an answer", bytes.length));
    }
    parse_answer((const char *)bytes.data, outcome, why);
    *answered = true;
    WEND_TRY(take_away(io, folder, name, error)); /* its writer may have died before doing so */
    WEND_TRY(wendi_io_unlink(io, path, error));
cleanup:
    wendi_buffer_free(&bytes);
    return status;
}

wend_status wendi_request_withdraw(wendi_io *io, const char *folder, wendi_string name,
                                   wend_error *error)
{
    char path[WENDI_PATH_BYTES];
    wend_status status = request_path(path, folder, name, ".request", error);
    return status == WEND_OK ? wendi_io_unlink(io, path, error) : status;
}
