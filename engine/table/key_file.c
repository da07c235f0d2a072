/*
 * The bytes of key files, and the files. A file is only ever written whole and under a new name;
 * what is read back is checked against itself and against what the log says of it.
 */
#include "engine/table/key_file.h"

#include <string.h>

#include "engine/base/alloc.h"

enum {
    FILE_VERSION = 1,
    HEADER_BYTES = 64,
    RUN_BYTES = 16,
    KEY_BYTES = 16,
    RUNS_MAX = 1 << 26,
    SETTLE_MS = 60000
};
#define FILE_BYTES_MAX ((size_t)1 << 34)

static const uint64_t file_magic = UINT64_C(0x5359454b444e4557); /* "WENDKEYS" */

/* ---- bytes ---- */

wend_status wendi_key_file_encode(const uint8_t uuid[WENDI_UUID_BYTES], const wendi_key_run *runs,
                                  uint32_t run_count, wendi_buffer *out)
{
    uint64_t key_count = 0;
    wend_status status = WEND_OK;
    WEND_REQUIRE(run_count > 0 && run_count <= RUNS_MAX);
    for (uint32_t i = 0; i < run_count; i++) {
        WEND_REQUIRE(runs[i].key_count > 0 && (i == 0 || runs[i].commit > runs[i - 1].commit));
        key_count += runs[i].key_count;
    }
    size_t begin = out->length;
    WEND_TRY(wendi_buffer_reserve(out, HEADER_BYTES + (size_t)run_count * RUN_BYTES +
                                           (size_t)key_count * KEY_BYTES));
    WEND_TRY(wendi_buffer_append_zero(out, HEADER_BYTES));
    for (uint32_t i = 0; i < run_count; i++) {
        WEND_TRY(wendi_buffer_u64(out, runs[i].commit));
        WEND_TRY(wendi_buffer_u64(out, runs[i].key_count));
    }
    for (uint32_t i = 0; i < run_count; i++) {
        for (uint64_t k = 0; k < runs[i].key_count; k++) {
            WEND_TRY(wendi_buffer_u64(out, runs[i].keys[k].low));
            WEND_TRY(wendi_buffer_u64(out, runs[i].keys[k].high));
        }
    }
    uint8_t *header = out->data + begin;
    wendi_store_u64(header, file_magic);
    wendi_store_u32(header + 8, FILE_VERSION);
    wendi_store_u32(header + 12, run_count);
    memcpy(header + 16, uuid, WENDI_UUID_BYTES);
    wendi_store_u64(header + 32, key_count);
    wendi_store_u64(header + 48, wendi_hash64_seed(header + HEADER_BYTES,
                                                   out->length - begin - HEADER_BYTES, key_count));
    wendi_store_u64(header + 56, wendi_hash64(header, 56));
cleanup:
    return status;
}

static wend_status damaged(wend_error *error, const char *what)
{
    return wendi_fail(error, WEND_CORRUPT, "%s", what);
}

/* The fixed part: what it promises must be exactly what is there. */
static wend_status read_header(const uint8_t *bytes, size_t length,
                               const uint8_t uuid[WENDI_UUID_BYTES], uint32_t *run_count,
                               uint64_t *key_count, wend_error *error)
{
    if (length < HEADER_BYTES) {
        return damaged(error, "is shorter than a key file's header");
    }
    if (wendi_load_u64(bytes + 56) != wendi_hash64(bytes, 56)) {
        return damaged(error, "its header does not match its checksum (offset 56)");
    }
    if (wendi_load_u64(bytes) != file_magic) {
        return damaged(error, "does not begin as a key file does");
    }
    if (wendi_load_u32(bytes + 8) != FILE_VERSION) {
        wendi_fail(error, WEND_UNSUPPORTED, "is a key file of version %u; this wend reads %d",
                   wendi_load_u32(bytes + 8), FILE_VERSION);
        return WEND_UNSUPPORTED;
    }
    if (memcmp(bytes + 16, uuid, WENDI_UUID_BYTES) != 0) {
        return damaged(error, "is another key file than its name says");
    }
    *run_count = wendi_load_u32(bytes + 12);
    *key_count = wendi_load_u64(bytes + 32);
    uint64_t left = length - HEADER_BYTES;
    bool fits = *run_count > 0 && *run_count <= left / RUN_BYTES &&
                *key_count == (left - (uint64_t)*run_count * RUN_BYTES) / KEY_BYTES &&
                left % KEY_BYTES == 0;
    if (!fits || wendi_load_u64(bytes + 40) != 0) {
        return damaged(error, "its header and its length do not agree");
    }
    if (wendi_load_u64(bytes + 48) != wendi_hash64_seed(bytes + HEADER_BYTES, left, *key_count)) {
        return damaged(error, "its keys do not match their checksum (offset 64 to its end)");
    }
    return WEND_OK;
}

/* Commits rise, and their keys are together as many as there are. */
static wend_status read_runs(const uint8_t *at, uint64_t key_count, const wendi_hash128 *keys,
                             wendi_key_run *runs, uint32_t run_count, wend_error *error)
{
    uint64_t left = key_count;
    for (uint32_t i = 0; i < run_count; i++, at += RUN_BYTES) {
        runs[i] =
            (wendi_key_run){wendi_load_u64(at), keys + (key_count - left), wendi_load_u64(at + 8)};
        bool rises = runs[i].commit > (i == 0 ? 0 : runs[i - 1].commit);
        if (!rises || runs[i].key_count == 0 || runs[i].key_count > left) {
            return damaged(error, "its list of commits cannot be");
        }
        left -= runs[i].key_count;
    }
    return left == 0 ? WEND_OK : damaged(error, "it has keys of no commit");
}

wend_status wendi_key_file_decode(const void *bytes, size_t length,
                                  const uint8_t uuid[WENDI_UUID_BYTES], wendi_arena *arena,
                                  wendi_key_run **runs, uint32_t *run_count, wend_error *error)
{
    uint64_t key_count = 0;
    wend_status status = WEND_OK;
    *run_count = 0;
    WEND_TRY(read_header(bytes, length, uuid, run_count, &key_count, error));
    wendi_hash128 *keys = wendi_arena_alloc(arena, (size_t)key_count * sizeof *keys);
    *runs = wendi_arena_alloc(arena, *run_count * sizeof **runs);
    if (keys == NULL || *runs == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "a key file", length));
    }
    const uint8_t *at = (const uint8_t *)bytes + HEADER_BYTES;
    const uint8_t *key = at + (size_t)*run_count * RUN_BYTES;
    for (uint64_t i = 0; i < key_count; i++, key += KEY_BYTES) {
        keys[i] = (wendi_hash128){wendi_load_u64(key), wendi_load_u64(key + 8)};
        if ((keys[i].low | keys[i].high) == 0) {
            WEND_TRY(damaged(error, "it has a key that is none"));
        }
    }
    WEND_TRY(read_runs(at, key_count, keys, *runs, *run_count, error));
cleanup:
    return status;
}

/* ---- files ---- */

wend_status wendi_key_file_write(wendi_io *io, const char *folder, const wendi_key_run *runs,
                                 uint32_t run_count, wendi_key_entry *entry, wend_error *error)
{
    char from[WENDI_PATH_BYTES];
    char to[WENDI_PATH_BYTES];
    wendi_buffer bytes = {0};
    wend_status status = WEND_OK;
    *entry = (wendi_key_entry){.commit_first = runs[0].commit,
                               .commit_last = runs[run_count - 1].commit};
    wendi_uuid_make(entry->uuid);
    status = wendi_key_file_encode(entry->uuid, runs, run_count, &bytes);
    if (status != WEND_OK) {
        WEND_TRY(wendi_fail_nomem(error, "a key file", bytes.length));
    }
    entry->file_bytes = bytes.length;
    entry->checksum = wendi_hash64(bytes.data, bytes.length);
    for (uint32_t i = 0; i < run_count; i++) {
        entry->key_count += runs[i].key_count;
    }
    WEND_TRY(wendi_table_uuid_path(from, folder, "tmp", entry->uuid, ".keys", error));
    WEND_TRY(wendi_table_uuid_path(to, folder, "keys", entry->uuid, ".keys", error));
    WEND_TRY(wendi_io_write_file(io, from, bytes.data, bytes.length, error));
    WEND_TRY(wendi_io_settled(io, from, bytes.length, SETTLE_MS, error));
    WEND_TRY(wendi_io_rename_new(io, from, to, error));
    WEND_TRY(wendi_table_path(to, folder, "keys", "", error));
    WEND_TRY(wendi_io_sync_folder(io, to, error));
cleanup:
    wendi_buffer_free(&bytes);
    return status;
}

static wend_status check_entry(const wendi_buffer *bytes, const wendi_key_entry *entry,
                               wend_error *error)
{
    if (bytes->length != entry->file_bytes) {
        return damaged(error, "has another length than the log says");
    }
    if (wendi_hash64(bytes->data, bytes->length) != entry->checksum) {
        return damaged(error,
                       "its bytes do not match the checksum in the log (offset 0 to its end)");
    }
    return WEND_OK;
}

static wend_status check_runs(const wendi_key_run *runs, uint32_t run_count,
                              const wendi_key_entry *entry, wend_error *error)
{
    uint64_t key_count = 0;
    for (uint32_t i = 0; i < run_count; i++) {
        key_count += runs[i].key_count;
    }
    bool as_said = key_count == entry->key_count && runs[0].commit == entry->commit_first &&
                   runs[run_count - 1].commit == entry->commit_last;
    return as_said ? WEND_OK : damaged(error, "has keys of other commits than the log says");
}

wend_status wendi_key_file_read(wendi_io *io, const char *folder, const wendi_key_entry *entry,
                                wendi_arena *arena, wendi_key_run **runs, uint32_t *run_count,
                                wend_error *error)
{
    char path[WENDI_PATH_BYTES];
    wendi_buffer bytes = {0};
    wend_status status = WEND_OK;
    WEND_TRY(wendi_table_uuid_path(path, folder, "keys", entry->uuid, ".keys", error));
    status = wendi_io_read_file(io, path, FILE_BYTES_MAX, &bytes, error);
    if (status == WEND_NOT_FOUND) {
        WEND_TRY(wendi_fail(error, WEND_CORRUPT, "%s is named by the log but missing", path));
    }
    WEND_TRY(status);
    status = check_entry(&bytes, entry, error);
    if (status == WEND_OK) {
        status = wendi_key_file_decode(bytes.data, bytes.length, entry->uuid, arena, runs,
                                       run_count, error);
    }
    if (status == WEND_OK) {
        status = check_runs(*runs, *run_count, entry, error);
    }
    if (status != WEND_OK && status != WEND_NOMEM) {
        wendi_error_context(error, "%s", path);
    }
cleanup:
    wendi_buffer_free(&bytes);
    return status;
}
