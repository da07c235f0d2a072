/*
 * Which files of a table folder nobody needs any more. Names tell: segments and rejects begin with
 * the uuid that a commit would name; requests and answers with the time they were left.
 */
#include "engine/table/table_sweep.h"

#include <string.h>

#include "engine/base/clock.h"

#define SWEEP_GRACE_US (INT64_C(15) * 60 * 1000000)
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
    return false;
}

/* Files that a crash left and no commit names; young ones stay, a reader of an older snapshot may
 * have them open. */
static wend_status sweep_part(wendi_io *io, const char *folder, const wendi_table_state *state,
                              const char *part, int64_t grace_us, wend_error *error)
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
        if (wendi_io_stat(io, path, &info, NULL) == WEND_OK && now - info.modified_us >= grace_us) {
            status = wendi_io_unlink(io, path, error);
            status = status == WEND_NOT_FOUND ? WEND_OK : status;
            WEND_TRY(status);
        }
    }
cleanup:
    wendi_arena_free(&arena);
    return status;
}

wend_status wendi_table_sweep(wendi_io *io, const char *folder, const wendi_table_state *state,
                              wend_error *error)
{
    wend_status status = WEND_OK;
    WEND_TRY(sweep_part(io, folder, state, "tmp", SWEEP_GRACE_US, error));
    WEND_TRY(sweep_part(io, folder, state, "seg", SWEEP_GRACE_US, error));
    WEND_TRY(sweep_part(io, folder, state, "rejects", SWEEP_GRACE_US, error));
    WEND_TRY(sweep_part(io, folder, state, "requests", ANSWER_GRACE_US,
                        error)); /* answers that nobody collected */
cleanup:
    return status;
}
