/*
 * Which files of a table folder nobody needs any more. Names tell: segments and rejects begin with
 * the uuid that a commit would name; requests and answers with the time they were left.
 */
#include "engine/table/table_sweep.h"

#include <string.h>

#include "engine/base/clock.h"

#define ANSWER_GRACE_US (INT64_C(7) * 86400 * 1000000)

/* The uuid that a file's name begins with; false when it begins with none. */
static bool name_uuid(wendi_string name, uint8_t uuid[WENDI_UUID_BYTES])
{
    char text[WENDI_UUID_TEXT_BYTES];
    uint32_t digits = 0;
    memset(uuid, 0, WENDI_UUID_BYTES);
    for (uint32_t i = 0; i < name.length && digits < 2 * WENDI_UUID_BYTES; i++) {
        char c = name.data[i];
        if (c == '-') {
            continue;
        }
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return false;
        }
        uuid[digits / 2] = (uint8_t)(uuid[digits / 2] << 4 | (c <= '9' ? c - '0' : c - 'a' + 10));
        digits++;
    }
    return digits == 2 * WENDI_UUID_BYTES && name.length >= WENDI_UUID_TEXT_BYTES - 1 &&
           memcmp(wendi_uuid_text(uuid, text), name.data, WENDI_UUID_TEXT_BYTES - 1) == 0;
}

/* A request waits for its writer however long that takes. */
static bool is_request(wendi_string name)
{
    static const char suffix[] = ".request";
    size_t tail = sizeof suffix - 1;
    return name.length > tail && memcmp(name.data + name.length - tail, suffix, tail) == 0;
}

static bool is_referenced(const wendi_table_state *state, wendi_string name)
{
    uint8_t uuid[WENDI_UUID_BYTES];
    if (!name_uuid(name, uuid)) {
        return false;
    }
    for (uint32_t i = 0; i < state->segment_count; i++) {
        if (memcmp(state->segments[i].uuid, uuid, WENDI_UUID_BYTES) == 0) {
            return true;
        }
    }
    for (uint32_t i = 0; i < state->reject_count; i++) {
        if (memcmp(state->rejects[i].uuid, uuid, WENDI_UUID_BYTES) == 0) {
            return true;
        }
    }
    for (uint32_t i = 0; i < state->key_file_count; i++) {
        if (memcmp(state->key_files[i].uuid, uuid, WENDI_UUID_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

/* The uuids of segments, key files and reject files that commits of the last 15 minutes dropped, appended to `spared`. The log
 * keeps such commits for days, so the first that is missing is the table's first. */
static wend_status list_dropped(wendi_io *io, const char *folder, const wendi_table_state *state,
                                int64_t now_us, wendi_buffer *spared, wend_error *error)
{
    wendi_arena arena = {0};
    wend_status status = WEND_OK;
    for (uint64_t version = state->version; version > 0; version--) {
        wendi_record record;
        uint64_t checksum;
        wendi_arena_reset(&arena);
        status = wendi_log_read(io, folder, WENDI_RECORD_COMMIT, version, &arena, &record,
                                &checksum, error);
        if (status == WEND_NOT_FOUND || (status == WEND_OK &&
                                         now_us - record.commit_us >= WENDI_SWEEP_GRACE_US)) {
            status = WEND_OK;
            break;
        }
        WEND_TRY(status);
        size_t segments = (size_t)record.dropped_segment_count * WENDI_UUID_BYTES;
        size_t key_files = (size_t)record.dropped_key_file_count * WENDI_UUID_BYTES;
        size_t rejects = (size_t)record.dropped_reject_count * WENDI_UUID_BYTES;
        if ((segments != 0 &&
             wendi_buffer_append(spared, record.dropped_segments, segments) != WEND_OK) ||
            (key_files != 0 &&
             wendi_buffer_append(spared, record.dropped_key_files, key_files) != WEND_OK) ||
            (rejects != 0 &&
             wendi_buffer_append(spared, record.dropped_rejects, rejects) != WEND_OK)) {
            WEND_TRY(wendi_fail_nomem(error, "a list of segments", spared->length));
        }
    }
cleanup:
    wendi_arena_free(&arena);
    return status;
}

static bool is_spared(const wendi_buffer *spared, wendi_string name)
{
    uint8_t uuid[WENDI_UUID_BYTES];
    if (!name_uuid(name, uuid)) {
        return false;
    }
    for (size_t at = 0; at < spared->length; at += WENDI_UUID_BYTES) {
        if (memcmp(spared->data + at, uuid, WENDI_UUID_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

/* Files that no commit names, that are old enough, and that no young commit dropped. The log is read
 * only when there is one that would go: `*listed` says whether it was. */
static wend_status sweep_part(wendi_io *io, const char *folder, const wendi_table_state *state,
                              const char *part, int64_t grace_us, bool *listed,
                              wendi_buffer *spared, wend_error *error)
{
    wendi_arena arena = {0};
    wendi_io_entry *entries = NULL;
    uint32_t count = 0;
    char path[WENDI_PATH_BYTES];
    int64_t now = wendi_clock_wall_us();
    wend_status status = WEND_OK;
    WEND_TRY(wendi_table_path(path, folder, part, "", error));
    WEND_TRY(wendi_io_list(io, path, &arena, &entries, &count, error));
    for (uint32_t i = 0; i < count; i++) {
        wendi_io_info info;
        if (entries[i].folder || is_request(entries[i].name) ||
            is_referenced(state, entries[i].name)) {
            continue;
        }
        WEND_TRY(wendi_table_path(path, folder, part, entries[i].name.data, error));
        if (wendi_io_stat(io, path, &info, NULL) != WEND_OK || now - info.modified_us < grace_us) {
            continue;
        }
        if (!*listed) {
            WEND_TRY(list_dropped(io, folder, state, now, spared, error));
            *listed = true;
        }
        if (!is_spared(spared, entries[i].name)) {
            status = wendi_io_unlink(io, path, error);
            status = status == WEND_NOT_FOUND ? WEND_OK : status;
            WEND_TRY(status);
        }
    }
cleanup:
    wendi_arena_free(&arena);
    return status;
}

/* Only tables that need one have a folder of keys. */
static bool has_part(wendi_io *io, const char *folder, const char *part)
{
    char path[WENDI_PATH_BYTES];
    wendi_io_info info;
    return wendi_table_path(path, folder, part, "", NULL) == WEND_OK &&
           wendi_io_stat(io, path, &info, NULL) == WEND_OK;
}

wend_status wendi_table_sweep(wendi_io *io, const char *folder, const wendi_table_state *state,
                              wend_error *error)
{
    static const char *const parts[] = {"tmp", "seg", "rejects", "requests", "keys"};
    wendi_buffer spared = {0};
    bool listed = false;
    wend_status status = WEND_OK;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (strcmp(parts[i], "keys") == 0 && !has_part(io, folder, parts[i])) {
            continue;
        }
        /* Of requests only answers go, that nobody collected. */
        int64_t grace_us = strcmp(parts[i], "requests") == 0 ? ANSWER_GRACE_US : WENDI_SWEEP_GRACE_US;
        WEND_TRY(sweep_part(io, folder, state, parts[i], grace_us, &listed, &spared, error));
    }
cleanup:
    wendi_buffer_free(&spared);
    return status;
}
