/*
 * Verification walks the log from its first record, so that damage in old commits and in every
 * checkpoint is found too, then the files that the newest state names. It goes on after a fault:
 * one damaged record breaks the chain, and then the newest good checkpoint gives the state.
 */
#include "engine/table/verify.h"

#include <stdio.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/compress.h"
#include "engine/base/hash.h"
#include "engine/table/key_file.h"
#include "format/segment_reader.h"

enum { REJECT_FILE_BYTES_MAX = 1 << 30, GAP_FAULTS_MAX = 1000 };

typedef struct verification {
    wendi_io *io;
    char folder[WENDI_PATH_BYTES];
    void (*report)(void *context, const wendi_table_fault *fault);
    void *context;
    wendi_table_verified *verified;
    wendi_owned_state state; /* the newest that could be replayed */
    bool has_state;
} verification;

static void tell(verification *run, const char *path, const char *message)
{
    wendi_table_fault fault = {path, message};
    run->verified->faults++;
    if (run->report != NULL) {
        run->report(run->context, &fault);
    }
}

static void count_file(verification *run, const char *path)
{
    wendi_io_info info;
    if (wendi_io_stat(run->io, path, &info, NULL) == WEND_OK) {
        run->verified->files++;
        run->verified->bytes += info.bytes;
    }
}

/* ---- the log ---- */

static bool states_equal(const wendi_owned_state *a, const wendi_owned_state *b)
{
    wendi_buffer left = {0};
    wendi_buffer right = {0};
    uint64_t checksum;
    wendi_record of_a = wendi_state_checkpoint(a);
    wendi_record of_b = wendi_state_checkpoint(b);
    bool equal = wendi_record_encode(&of_a, &left, &checksum) == WEND_OK &&
                 wendi_record_encode(&of_b, &right, &checksum) == WEND_OK &&
                 left.length == right.length && memcmp(left.data, right.data, left.length) == 0;
    wendi_buffer_free(&left);
    wendi_buffer_free(&right);
    return equal;
}

static void replace_state(verification *run, wendi_owned_state *next)
{
    if (run->has_state) {
        wendi_state_free(&run->state);
    }
    run->state = *next;
    run->has_state = true;
}

/*
 * After a fault in an older record the replay goes on from what there is, so that the files of
 * later commits are looked at all the same.
 */
static void verify_commit(verification *run, const char *path, const wendi_record *record,
                          uint64_t checksum)
{
    wendi_owned_state next;
    wend_error why;
    const wendi_owned_state *before = run->has_state ? &run->state : NULL;
    if (before == NULL && record->version != 1) {
        return; /* older history is gone, as it should be; the checkpoint at hand starts the replay
                 */
    }
    if (before != NULL && record->version <= before->state.version) {
        return;
    }
    if (before != NULL && record->version == before->state.version + 1 &&
        record->previous_checksum != before->head_checksum) {
        tell(run, path, "does not follow the commit before it: the chain of checksums is broken");
    }
    if (wendi_state_apply(before, record, checksum, &next, &why) != WEND_OK) {
        tell(run, path, why.message);
        return;
    }
    replace_state(run, &next);
}

static void verify_checkpoint(verification *run, const char *path, const wendi_record *record,
                              uint64_t checksum)
{
    wendi_owned_state state;
    wend_error why;
    if (wendi_state_apply(NULL, record, checksum, &state, &why) != WEND_OK) {
        tell(run, path, why.message);
        return;
    }
    if (run->has_state && run->state.state.version == record->version) {
        if (!states_equal(&run->state, &state)) {
            tell(run, path, "differs from the state that the commits before it give");
        }
        wendi_state_free(&state);
    } else {
        replace_state(run, &state);
    }
}

static wend_status verify_record(verification *run, wendi_record_kind kind, uint64_t version,
                                 const char *shown, wend_error *error)
{
    char path[WENDI_PATH_BYTES];
    wendi_arena arena = {0};
    wendi_record record;
    uint64_t checksum;
    wend_error why;
    wend_status status = WEND_OK;
    WEND_TRY(wendi_table_path(path, run->folder, shown, "", error));
    count_file(run, path);
    status = wendi_log_read(run->io, run->folder, kind, version, &arena, &record, &checksum, &why);
    if (status == WEND_NOMEM) {
        WEND_TRY(wendi_fail_nomem(error, "a commit record", 0));
    }
    if (status == WEND_OK) {
        (kind == WENDI_RECORD_COMMIT ? verify_commit : verify_checkpoint)(run, shown, &record,
                                                                          checksum);
    } else if (status == WEND_NOT_FOUND && kind == WENDI_RECORD_COMMIT && run->has_state) {
        tell(run, shown, "is missing, though a later commit is there");
    } else if (status != WEND_NOT_FOUND) { /* swept meanwhile */
        tell(run, shown, why.message);
    }
    status = WEND_OK;
cleanup:
    wendi_arena_free(&arena);
    return status;
}

/*
 * A listing may miss a name that was made while it ran, and show a later one: so commits between
 * two that it shows are asked for by name before they are called missing.
 */
static wend_status verify_between(verification *run, uint64_t after, uint64_t before,
                                  wend_error *error)
{
    char shown[64];
    wend_status status = WEND_OK;
    for (uint64_t version = after + 1; status == WEND_OK && version < before; version++) {
        snprintf(shown, sizeof shown, "log/%020llu.commit", (unsigned long long)version);
        status = verify_record(run, WENDI_RECORD_COMMIT, version, shown, error);
        if (run->verified->faults >= GAP_FAULTS_MAX) {
            break;
        }
    }
    return status;
}

static wend_status verify_entry(verification *run, const wendi_io_entry *entry, uint64_t *newest,
                                wend_error *error)
{
    char shown[300];
    wendi_record_kind kind;
    uint64_t version;
    wend_status status = WEND_OK;
    snprintf(shown, sizeof shown, "log/%s", entry->name.data);
    if (entry->folder || !wendi_log_name_parse(entry->name, &kind, &version)) {
        tell(run, shown, "is not a file of the log");
        return WEND_OK;
    }
    if (kind == WENDI_RECORD_COMMIT && *newest != 0) {
        WEND_TRY(verify_between(run, *newest, version, error));
    }
    *newest = version > *newest ? version : *newest;
    WEND_TRY(verify_record(run, kind, version, shown, error));
cleanup:
    return status;
}

static wend_status verify_log(verification *run, wend_error *error)
{
    char path[WENDI_PATH_BYTES];
    wendi_arena arena = {0};
    wendi_io_entry *entries = NULL;
    uint32_t count = 0;
    uint64_t newest = 0;
    wend_status status = WEND_OK;
    WEND_TRY(wendi_table_path(path, run->folder, "log", "", error));
    WEND_TRY(wendi_io_list(run->io, path, &arena, &entries, &count, error));
    for (uint32_t i = 0; i < count;
         i++) { /* names sort by version, a commit before its checkpoint */
        WEND_TRY(verify_entry(run, &entries[i], &newest, error));
    }
    if (!run->has_state) {
        tell(run, "log", "no commit or checkpoint gives a state of the table");
    }
cleanup:
    wendi_arena_free(&arena);
    return status;
}

/* ---- segments, rejects and key files ---- */

typedef struct segment_file {
    verification *run;
    wendi_file *file;
    const char *shown;
} segment_file;

static wend_status read_segment_file(void *context, uint64_t offset, void *buffer, size_t length,
                                     wend_error *error)
{
    segment_file *segment = context;
    return wendi_file_read_at(segment->file, offset, buffer, length, error);
}

static void tell_segment(void *context, const wendi_segment_fault *fault)
{
    segment_file *segment = context;
    tell(segment->run, segment->shown, fault->message);
}

static wend_status verify_segment(verification *run, const wendi_segment_entry *entry,
                                  wend_error *error)
{
    char path[WENDI_PATH_BYTES];
    char uuid[WENDI_UUID_TEXT_BYTES];
    char shown[WENDI_UUID_TEXT_BYTES + 16];
    wend_error why;
    segment_file segment = {.run = run, .shown = shown};
    wend_status status = WEND_OK;
    snprintf(shown, sizeof shown, "seg/%s.wseg", wendi_uuid_text(entry->uuid, uuid));
    WEND_TRY(wendi_table_uuid_path(path, run->folder, "seg", entry->uuid, ".wseg", error));
    status = wendi_file_open(run->io, path, &segment.file, &why);
    if (status != WEND_OK) {
        tell(run, shown,
             status == WEND_NOT_FOUND ? "is named by the log but missing" : why.message);
        status = WEND_OK;
        goto cleanup;
    }
    count_file(run, path);
    wendi_segment_source source = {&segment, shown, wendi_file_bytes(segment.file),
                                   read_segment_file};
    wendi_segment_expected expected = {.file_bytes = entry->file_bytes,
                                       .footer_offset = entry->footer_offset,
                                       .footer_checksum = entry->footer_checksum};
    wendi_segment_verified verified;
    memcpy(expected.uuid, entry->uuid, WENDI_UUID_BYTES);
    status = wendi_segment_verify(&source, &expected, tell_segment, &segment, &verified, error);
    run->verified->rows += entry->row_count;
    if (status == WEND_OK && verified.row_count != entry->row_count) {
        tell(run, shown, "has another number of rows than the log says");
    }
    status = status == WEND_CORRUPT ? WEND_OK : status;
cleanup:
    wendi_file_abandon(segment.file);
    return status;
}

static wend_status verify_rejects(verification *run, const wendi_reject_entry *entry,
                                  wend_error *error)
{
    char path[WENDI_PATH_BYTES];
    char uuid[WENDI_UUID_TEXT_BYTES];
    char shown[WENDI_UUID_TEXT_BYTES + 32];
    wendi_buffer bytes = {0};
    wend_error why;
    wend_status status = WEND_OK;
    snprintf(shown, sizeof shown, "rejects/%s.ndjson.zst", wendi_uuid_text(entry->uuid, uuid));
    WEND_TRY(
        wendi_table_uuid_path(path, run->folder, "rejects", entry->uuid, ".ndjson.zst", error));
    status = wendi_io_read_file(run->io, path, REJECT_FILE_BYTES_MAX, &bytes, &why);
    if (status == WEND_NOMEM) {
        WEND_TRY(wendi_fail_nomem(error, "a reject file", entry->file_bytes));
    }
    count_file(run, path);
    if (status != WEND_OK) {
        tell(run, shown,
             status == WEND_NOT_FOUND ? "is named by the log but missing" : why.message);
    } else if (bytes.length != entry->file_bytes) {
        tell(run, shown, "has another length than the log says");
    } else if (wendi_hash64(bytes.data, bytes.length) != entry->checksum) {
        tell(run, shown, "its bytes do not match the checksum in the log (offset 0 to its end)");
    }
    status = WEND_OK;
cleanup:
    wendi_buffer_free(&bytes);
    return status;
}

/* A writer drops key files while it works, and readers do not wait for them: so a missing one is a
 * fault only if the newest state still names it. */
static bool still_named(verification *run, const wendi_key_entry *entry)
{
    wendi_owned_state now;
    bool named = true;
    if (wendi_log_load(run->io, run->folder, &now, NULL) == WEND_OK) {
        named = false;
        for (uint32_t i = 0; i < now.state.key_file_count; i++) {
            named |= memcmp(now.state.key_files[i].uuid, entry->uuid, WENDI_UUID_BYTES) == 0;
        }
        wendi_state_free(&now);
    }
    return named;
}

static wend_status verify_key_file(verification *run, const wendi_key_entry *entry,
                                   wend_error *error)
{
    char path[WENDI_PATH_BYTES];
    char uuid[WENDI_UUID_TEXT_BYTES];
    char shown[WENDI_UUID_TEXT_BYTES + 16];
    wendi_arena arena = {0};
    wendi_key_run *runs = NULL;
    uint32_t run_count = 0;
    wend_error why;
    wendi_io_info info;
    wend_status status = WEND_OK;
    snprintf(shown, sizeof shown, "keys/%s.keys", wendi_uuid_text(entry->uuid, uuid));
    WEND_TRY(wendi_table_uuid_path(path, run->folder, "keys", entry->uuid, ".keys", error));
    count_file(run, path);
    status = wendi_key_file_read(run->io, run->folder, entry, &arena, &runs, &run_count, &why);
    if (status == WEND_NOMEM) {
        WEND_TRY(wendi_fail_nomem(error, "a key file", entry->file_bytes));
    }
    bool gone = wendi_io_stat(run->io, path, &info, NULL) == WEND_NOT_FOUND;
    if (status != WEND_OK && (!gone || still_named(run, entry))) {
        tell(run, shown, gone ? "is named by the log but missing" : why.message);
    }
    status = WEND_OK;
cleanup:
    wendi_arena_free(&arena);
    return status;
}

static wend_status count_unreferenced(verification *run, const char *part, uint64_t referenced,
                                      wend_error *error)
{
    char path[WENDI_PATH_BYTES];
    wendi_arena arena = {0};
    wendi_io_entry *entries = NULL;
    uint32_t count = 0;
    wend_status status = WEND_OK;
    WEND_TRY(wendi_table_path(path, run->folder, part, "", error));
    WEND_TRY(wendi_io_list(run->io, path, &arena, &entries, &count, error));
    run->verified->unreferenced += count > referenced ? count - referenced : 0;
cleanup:
    wendi_arena_free(&arena);
    return status;
}

static wend_status verify_files(verification *run, wend_error *error)
{
    const wendi_table_state *state = &run->state.state;
    wend_status status = WEND_OK;
    for (uint32_t i = 0; i < state->segment_count; i++) {
        WEND_TRY(verify_segment(run, &state->segments[i], error));
    }
    for (uint32_t i = 0; i < state->reject_count; i++) {
        WEND_TRY(verify_rejects(run, &state->rejects[i], error));
    }
    for (uint32_t i = 0; i < state->key_file_count; i++) {
        WEND_TRY(verify_key_file(run, &state->key_files[i], error));
    }
    if (state->key_file_count != 0) {
        WEND_TRY(count_unreferenced(run, "keys", state->key_file_count, error));
    }
    WEND_TRY(count_unreferenced(run, "seg", state->segment_count, error));
    WEND_TRY(count_unreferenced(run, "rejects", state->reject_count, error));
    WEND_TRY(count_unreferenced(run, "tmp", 0, error));
cleanup:
    return status;
}

wend_status wendi_table_verify(const char *store, wendi_string table,
                               void (*report)(void *context, const wendi_table_fault *fault),
                               void *context, wendi_table_verified *verified, wend_error *error)
{
    wendi_io_info info;
    verification *run = wendi_alloc_zero(1, sizeof *run);
    wend_status status = WEND_OK;
    memset(verified, 0, sizeof *verified);
    if (run == NULL) {
        return wendi_fail_nomem(error, "verification", sizeof *run);
    }
    run->report = report;
    run->context = context;
    run->verified = verified;
    WEND_TRY(wendi_table_find_folder(store, table, run->folder, error));
    WEND_TRY(wendi_io_open(NULL, &run->io, error));
    status = wendi_io_stat(run->io, run->folder, &info, error);
    if (status == WEND_NOT_FOUND) {
        wendi_fail(error, WEND_NOT_FOUND, "there is no table %.*s in %s", (int)table.length,
                   table.data, store);
    }
    WEND_TRY(status);
    WEND_TRY(verify_log(run, error));
    if (run->has_state) {
        WEND_TRY(verify_files(run, error));
    }
    if (verified->faults != 0) {
        status = wendi_fail(error, WEND_CORRUPT, "%llu fault%s found in %s",
                            (unsigned long long)verified->faults,
                            verified->faults == 1 ? " was" : "s were", run->folder);
    }
cleanup:
    if (run->has_state) {
        wendi_state_free(&run->state);
    }
    wendi_io_close(run->io);
    wendi_free(run);
    return status;
}
