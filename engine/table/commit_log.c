/*
 * Reading and publishing the records of a table's log. Invariant: version v+1 is only ever
 * published by a writer that has read v, and names v's checksum, so the log is one chain.
 */
#include "engine/table/commit_log.h"

#include <stdio.h>
#include <string.h>

enum { RECORD_BYTES_MAX = 1 << 30, SETTLE_MS = 60000, VERSION_DIGITS = 20 };

wend_status wendi_table_path(char path[WENDI_PATH_BYTES], const char *folder, const char *part,
                             const char *name, wend_error *error)
{
    int length = snprintf(path, WENDI_PATH_BYTES, "%s%s%s%s%s", folder, part[0] != '\0' ? "/" : "",
                          part, name[0] != '\0' ? "/" : "", name);
    if (length < 0 || length >= WENDI_PATH_BYTES) {
        return wendi_fail(error, WEND_INVALID, "the path %s/%s/%s is too long", folder, part, name);
    }
    return WEND_OK;
}

wend_status wendi_table_uuid_path(char path[WENDI_PATH_BYTES], const char *folder, const char *part,
                                  const uint8_t uuid[WENDI_UUID_BYTES], const char *suffix,
                                  wend_error *error)
{
    char text[WENDI_UUID_TEXT_BYTES];
    char name[WENDI_UUID_TEXT_BYTES + 32];
    snprintf(name, sizeof name, "%s%s", wendi_uuid_text(uuid, text), suffix);
    return wendi_table_path(path, folder, part, name, error);
}

static const char *suffix_of(wendi_record_kind kind)
{
    return kind == WENDI_RECORD_COMMIT ? ".commit" : ".checkpoint";
}

static wend_status record_path(char path[WENDI_PATH_BYTES], const char *folder,
                               wendi_record_kind kind, uint64_t version, wend_error *error)
{
    char name[64];
    snprintf(name, sizeof name, "%0*llu%s", VERSION_DIGITS, (unsigned long long)version,
             suffix_of(kind));
    return wendi_table_path(path, folder, "log", name, error);
}

bool wendi_log_name_parse(wendi_string name, wendi_record_kind *kind, uint64_t *version)
{
    if (name.length <= VERSION_DIGITS) {
        return false;
    }
    *version = 0;
    for (uint32_t i = 0; i < VERSION_DIGITS; i++) {
        if (name.data[i] < '0' || name.data[i] > '9') {
            return false;
        }
        uint64_t digit = (uint64_t)(name.data[i] - '0');
        if (*version > (UINT64_MAX - digit) / 10) {
            return false;
        }
        *version = *version * 10 + digit;
    }
    wendi_string suffix = {name.data + VERSION_DIGITS, name.length - VERSION_DIGITS};
    *kind = wendi_string_equal(suffix, wendi_string_of(".commit")) ? WENDI_RECORD_COMMIT
                                                                   : WENDI_RECORD_CHECKPOINT;
    return wendi_string_equal(suffix, wendi_string_of(suffix_of(*kind)));
}

wend_status wendi_log_read(wendi_io *io, const char *folder, wendi_record_kind kind,
                           uint64_t version, wendi_arena *arena, wendi_record *record,
                           uint64_t *checksum, wend_error *error)
{
    char path[WENDI_PATH_BYTES];
    wendi_buffer bytes = {0};
    wend_status status = WEND_OK;
    WEND_TRY(record_path(path, folder, kind, version, error));
    WEND_TRY(wendi_io_read_file(io, path, RECORD_BYTES_MAX, &bytes, error));
    status = wendi_record_decode(bytes.data, bytes.length, kind, version, arena, record, checksum,
                                 error);
    if (status != WEND_OK) {
        wendi_error_context(error, "%s", path);
    }
cleanup:
    wendi_buffer_free(&bytes);
    return status;
}

/* The newest checkpoint and the newest commit that a listing shows. */
static wend_status list_log(wendi_io *io, const char *folder, uint64_t *checkpoint,
                            uint64_t *newest, wend_error *error)
{
    char path[WENDI_PATH_BYTES];
    wendi_arena arena = {0};
    wendi_io_entry *entries = NULL;
    uint32_t count = 0;
    wend_status status = WEND_OK;
    *checkpoint = 0;
    *newest = 0;
    WEND_TRY(wendi_table_path(path, folder, "log", "", error));
    WEND_TRY(wendi_io_list(io, path, &arena, &entries, &count, error));
    for (uint32_t i = 0; i < count; i++) {
        wendi_record_kind kind;
        uint64_t version;
        if (!wendi_log_name_parse(entries[i].name, &kind, &version)) {
            continue;
        }
        uint64_t *most = kind == WENDI_RECORD_COMMIT ? newest : checkpoint;
        *most = version > *most ? version : *most;
    }
cleanup:
    wendi_arena_free(&arena);
    return status;
}

static wend_status load_checkpoint(wendi_io *io, const char *folder, uint64_t version,
                                   wendi_owned_state *state, wend_error *error)
{
    wendi_arena arena = {0};
    wendi_record record;
    uint64_t checksum;
    wend_status status = WEND_OK;
    WEND_TRY(wendi_log_read(io, folder, WENDI_RECORD_CHECKPOINT, version, &arena, &record,
                            &checksum, error));
    WEND_TRY(wendi_state_apply(NULL, &record, checksum, state, error));
cleanup:
    wendi_arena_free(&arena);
    return status;
}

/* Read commit version+1 and apply it. WEND_END: there is none. */
static wend_status follow_one(wendi_io *io, const char *folder, const wendi_owned_state *state,
                              wendi_owned_state *next, wend_error *error)
{
    wendi_arena arena = {0};
    wendi_record record;
    uint64_t checksum;
    uint64_t version = state->state.version + 1;
    wend_status status =
        wendi_log_read(io, folder, WENDI_RECORD_COMMIT, version, &arena, &record, &checksum, error);
    if (status == WEND_NOT_FOUND) {
        status = WEND_END;
    } else if (status == WEND_OK && record.previous_checksum != state->head_checksum) {
        status = wendi_fail(error, WEND_CORRUPT,
                            "%s/log: commit %llu does not follow the commit before it", folder,
                            (unsigned long long)version);
    } else if (status == WEND_OK) {
        status = wendi_state_apply(state, &record, checksum, next, error);
    }
    wendi_arena_free(&arena);
    return status;
}

wend_status wendi_log_follow(wendi_io *io, const char *folder, const wendi_owned_state *state,
                             wendi_owned_state *next, bool *changed, wend_error *error)
{
    wendi_owned_state newer;
    *changed = false;
    for (;;) {
        wend_status status = follow_one(io, folder, *changed ? next : state, &newer, error);
        if (status == WEND_END) {
            return WEND_OK;
        }
        if (*changed) {
            wendi_state_free(next);
        }
        *changed = status == WEND_OK;
        if (status != WEND_OK) {
            return status;
        }
        *next = newer;
    }
}

wend_status wendi_log_load(wendi_io *io, const char *folder, wendi_owned_state *state,
                           wend_error *error)
{
    uint64_t checkpoint;
    uint64_t newest;
    wendi_owned_state next;
    bool changed = false;
    wend_status status = WEND_OK;
    memset(state, 0, sizeof *state);
    WEND_TRY(list_log(io, folder, &checkpoint, &newest, error));
    if (checkpoint != 0) {
        WEND_TRY(load_checkpoint(io, folder, checkpoint, state, error));
    }
    WEND_TRY(wendi_log_follow(io, folder, state, &next, &changed, error));
    if (changed) {
        wendi_state_free(state);
        *state = next;
    }
    if (state->state.version == 0) {
        WEND_TRY(wendi_fail(error, WEND_CORRUPT, "%s/log holds no commit", folder));
    }
    if (state->state.version <
        newest) { /* a later file is there, so the one between them has gone */
        WEND_TRY(wendi_fail(
            error, WEND_CORRUPT, "%s/log: commit %llu is missing, though %llu is there", folder,
            (unsigned long long)state->state.version + 1, (unsigned long long)newest));
    }
cleanup:
    if (status != WEND_OK) {
        wendi_state_free(state);
    }
    return status;
}

/* Publishing may fail after it has happened; what stands under the name tells whose it is. */
static wend_status whose(wendi_io *io, const char *folder, const wendi_record *record,
                         uint64_t checksum, wend_error *error)
{
    wendi_arena arena = {0};
    wendi_record there;
    uint64_t there_checksum = 0;
    wend_status status = wendi_log_read(
        io, folder,
        record->kind == WENDI_RECORD_COMMIT ? WENDI_RECORD_COMMIT : WENDI_RECORD_CHECKPOINT,
        record->version, &arena, &there, &there_checksum, error);
    if (status == WEND_OK && there_checksum != checksum) {
        status = wendi_fail(error, WEND_FENCED,
                            "%s: another writer (epoch %llu) published commit %llu first", folder,
                            (unsigned long long)there.epoch, (unsigned long long)record->version);
        wendi_error_hint(
            error, "only one ingestor may write a table; this one stops, nothing of it is lost");
    }
    wendi_arena_free(&arena);
    return status;
}

/* Renaming failed with `status`: the name was taken, or only the answer got lost. What stands there
 * tells. */
static wend_status settle(wendi_io *io, const char *folder, const wendi_record *record,
                          uint64_t checksum, wend_status status, wend_error *error)
{
    wend_error why = {0};
    wend_status there = whose(io, folder, record, checksum, &why);
    if (there != WEND_OK && there != WEND_FENCED && status != WEND_EXISTS) {
        return status; /* nothing is there that could be read: the first error says more */
    }
    if (there != WEND_OK && error != NULL) {
        *error = why;
    }
    return there;
}

wend_status wendi_log_publish(wendi_io *io, const char *folder, const wendi_record *record,
                              uint64_t *checksum, wend_error *error)
{
    char from[WENDI_PATH_BYTES];
    char to[WENDI_PATH_BYTES];
    char log_folder[WENDI_PATH_BYTES];
    uint8_t uuid[WENDI_UUID_BYTES];
    wendi_buffer bytes = {0};
    wendi_record_kind kind =
        record->kind == WENDI_RECORD_COMMIT ? WENDI_RECORD_COMMIT : WENDI_RECORD_CHECKPOINT;
    wend_status status = WEND_OK;

    wendi_uuid_make(uuid);
    WEND_TRY(wendi_table_uuid_path(from, folder, "tmp", uuid, suffix_of(kind), error));
    WEND_TRY(record_path(to, folder, kind, record->version, error));
    WEND_TRY(wendi_table_path(log_folder, folder, "log", "", error));
    status = wendi_record_encode(record, &bytes, checksum);
    if (status != WEND_OK) {
        WEND_TRY(wendi_fail_nomem(error, "a commit record", bytes.length));
    }
    WEND_TRY(wendi_io_write_file(io, from, bytes.data, bytes.length, error));
    WEND_TRY(wendi_io_settled(io, from, bytes.length, SETTLE_MS, error));
    status = wendi_io_rename_new(io, from, to, error);
    if (status != WEND_OK) {
        wend_error ignored;
        status = settle(io, folder, record, *checksum, status, error);
        (void)wendi_io_unlink(io, from, &ignored);
    }
    WEND_TRY(status);
    WEND_TRY(wendi_io_sync_folder(io, log_folder, error));
cleanup:
    wendi_buffer_free(&bytes);
    return status;
}

/* Old records go only when a checkpoint before the newest one also covers them, so one is always
 * spare. */
static wend_status drop_history(wendi_io *io, const char *folder, uint64_t before, int64_t now_us,
                                wend_error *error)
{
    char path[WENDI_PATH_BYTES];
    wendi_arena arena = {0};
    wendi_io_entry *entries = NULL;
    uint32_t count = 0;
    wend_status status = WEND_OK;
    WEND_TRY(wendi_table_path(path, folder, "log", "", error));
    WEND_TRY(wendi_io_list(io, path, &arena, &entries, &count, error));
    for (uint32_t i = 0; i < count; i++) {
        wendi_record_kind kind;
        uint64_t version;
        wendi_io_info info;
        if (!wendi_log_name_parse(entries[i].name, &kind, &version) || version >= before) {
            continue;
        }
        WEND_TRY(wendi_table_path(path, folder, "log", entries[i].name.data, error));
        if (wendi_io_stat(io, path, &info, error) == WEND_OK &&
            now_us - info.modified_us > WENDI_LOG_HISTORY_US) {
            WEND_TRY(wendi_io_unlink(io, path, error));
        }
    }
cleanup:
    wendi_arena_free(&arena);
    return status;
}

wend_status wendi_log_checkpoint(wendi_io *io, const char *folder, const wendi_owned_state *state,
                                 int64_t now_us, wend_error *error)
{
    wendi_record record = wendi_state_checkpoint(state);
    uint64_t checksum;
    wend_status status = wendi_log_publish(io, folder, &record, &checksum, error);
    if (status == WEND_OK && record.version > 2 * WENDI_CHECKPOINT_COMMITS) {
        status = drop_history(io, folder, record.version - WENDI_CHECKPOINT_COMMITS, now_us, error);
    }
    return status;
}
