/*
 * Making, listing and removing table folders. A table appears whole: it is built under a hidden
 * name and renamed into place; it disappears by one rename too, before its files go.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/clock.h"
#include "engine/table/commit_log.h"

static const char *const table_parts[] = {"log", "seg", "rejects", "requests", "tmp"};
#define CREATING_PREFIX ".creating-"
#define DROPPED_PREFIX ".dropped-"
#define STORE_SWEEP_GRACE_US (INT64_C(15) * 60 * 1000000)
enum { TABLE_PARTS = sizeof table_parts / sizeof table_parts[0], TABLE_NAME_MAX = 63 };

/* A table's name is a folder's: letters, digits, _ and - only, so that no name leaves the store. */
static wend_status check_name(wendi_string name, wend_error *error)
{
    bool good = name.length > 0 && name.length <= TABLE_NAME_MAX;
    for (uint32_t i = 0; good && i < name.length; i++) {
        unsigned char c = (unsigned char)name.data[i];
        good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-' || c >= 0x80;
    }
    if (!good) {
        wendi_fail(error, WEND_INVALID, "\"%.*s\" cannot name a table", (int)name.length,
                   name.data);
        wendi_error_hint(error, "use letters, digits, _ and -, at most %d bytes", TABLE_NAME_MAX);
        return WEND_INVALID;
    }
    return WEND_OK;
}

wend_status wendi_table_find_folder(const char *store, wendi_string table,
                                    char folder[WENDI_PATH_BYTES], wend_error *error)
{
    char name[TABLE_NAME_MAX + 1];
    wend_status status = check_name(table, error);
    if (status == WEND_OK) {
        snprintf(name, sizeof name, "%.*s", (int)table.length, table.data);
        status = wendi_table_path(folder, store, name, "", error);
    }
    return status;
}

/* mkdir -p of the store. */
static wend_status make_store(wendi_io *io, const char *store, wend_error *error)
{
    char path[WENDI_PATH_BYTES];
    wend_status status = wendi_table_path(path, store, "", "", error);
    for (char *slash = path + 1; status == WEND_OK; slash++) {
        slash = strchr(slash, '/');
        if (slash != NULL) {
            *slash = '\0';
        }
        wendi_io_info info;
        if (wendi_io_stat(io, path, &info, error) != WEND_OK) {
            status = wendi_io_mkdir(io, path, error);
            status = status == WEND_EXISTS ? WEND_OK : status;
        }
        if (slash == NULL) {
            break;
        }
        *slash = '/';
    }
    return status;
}

static wend_status make_parts(wendi_io *io, const char *folder, wend_error *error)
{
    char path[WENDI_PATH_BYTES];
    wend_status status = wendi_io_mkdir(io, folder, error);
    for (int i = 0; status == WEND_OK && i < TABLE_PARTS; i++) {
        status = wendi_table_path(path, folder, table_parts[i], "", error);
        if (status == WEND_OK) {
            status = wendi_io_mkdir(io, path, error);
        }
    }
    return status;
}

static wend_status write_first_commit(wendi_io *io, const char *folder, const wendi_schema *schema,
                                      wend_error *error)
{
    wendi_arena arena = {0};
    wend_status status = WEND_OK;
    uint64_t checksum;
    wendi_schema_record stored = {
        .ddl = schema->ddl,
        .column_ids = wendi_arena_alloc(&arena, schema->column_count * sizeof(uint32_t)),
        .column_count = schema->column_count,
        .next_column_id = schema->next_column_id};
    if (stored.column_ids == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "the schema", schema->column_count * sizeof(uint32_t)));
    }
    for (uint32_t i = 0; i < schema->column_count; i++) {
        stored.column_ids[i] = schema->columns[i].id;
    }
    wendi_record record = {.kind = WENDI_RECORD_COMMIT,
                           .version = 1,
                           .commit_us = wendi_clock_wall_us(),
                           .schema = &stored};
    wendi_uuid_make(record.writer);
    WEND_TRY(wendi_log_publish(io, folder, &record, &checksum, error));
cleanup:
    wendi_arena_free(&arena);
    return status;
}

/* Remove a folder and all in it. Tables are two levels deep; deeper things are not ours and stay,
 * and say so. */
static wend_status remove_tree(wendi_io *io, const char *folder, int depth, wend_error *error)
{
    char path[WENDI_PATH_BYTES];
    wendi_arena arena = {0};
    wendi_io_entry *entries = NULL;
    uint32_t count = 0;
    wend_status status = wendi_io_list(io, folder, &arena, &entries, &count, error);
    for (uint32_t i = 0; status == WEND_OK && i < count; i++) {
        status = wendi_table_path(path, folder, entries[i].name.data, "", error);
        if (status != WEND_OK) {
            break;
        }
        if (entries[i].folder && depth > 0) {
            status = remove_tree(io, path, depth - 1, error);
        } else if (!entries[i].folder) {
            status = wendi_io_unlink(io, path, error);
        }
    }
    wendi_arena_free(&arena);
    return status == WEND_OK ? wendi_io_rmdir(io, folder, error) : status;
}

static wend_status hidden_folder(char path[WENDI_PATH_BYTES], const char *store, const char *prefix,
                                 wend_error *error)
{
    char text[WENDI_UUID_TEXT_BYTES];
    char name[WENDI_UUID_TEXT_BYTES + 16];
    uint8_t uuid[WENDI_UUID_BYTES];
    wendi_uuid_make(uuid);
    snprintf(name, sizeof name, "%s%s", prefix, wendi_uuid_text(uuid, text));
    return wendi_table_path(path, store, name, "", error);
}

/* Half-made and half-removed tables that a crash left: those old enough that nobody works on them
 * any more. */
static void sweep_store(wendi_io *io, const char *store)
{
    wendi_arena arena = {0};
    wendi_io_entry *entries = NULL;
    uint32_t count = 0;
    char path[WENDI_PATH_BYTES];
    int64_t now = wendi_clock_wall_us();
    wend_error ignored;
    if (wendi_io_list(io, store, &arena, &entries, &count, &ignored) != WEND_OK) {
        count = 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        const char *name = entries[i].name.data;
        wendi_io_info info;
        bool ours = strncmp(name, CREATING_PREFIX, sizeof CREATING_PREFIX - 1) == 0 ||
                    strncmp(name, DROPPED_PREFIX, sizeof DROPPED_PREFIX - 1) == 0;
        if (ours && entries[i].folder &&
            wendi_table_path(path, store, name, "", &ignored) == WEND_OK &&
            wendi_io_stat(io, path, &info, &ignored) == WEND_OK &&
            now - info.modified_us >= STORE_SWEEP_GRACE_US) {
            (void)remove_tree(io, path, 1, &ignored); /* the next create tries again */
        }
    }
    wendi_arena_free(&arena);
}

wend_status wendi_table_create(const char *store, const wendi_schema *schema, wend_error *error)
{
    wendi_io *io = NULL;
    wend_status status = wendi_io_open(NULL, &io, error);
    if (status == WEND_OK) {
        status = wendi_table_create_io(io, store, schema, error);
    }
    wendi_io_close(io);
    return status;
}

wend_status wendi_table_create_io(wendi_io *io, const char *store, const wendi_schema *schema,
                                  wend_error *error)
{
    char folder[WENDI_PATH_BYTES];
    char hidden[WENDI_PATH_BYTES] = "";
    char keys[WENDI_PATH_BYTES];
    wendi_io_info info;
    wend_error ignored;
    wend_status status = WEND_OK;

    WEND_TRY(wendi_table_find_folder(store, schema->table_name, folder, error));
    WEND_TRY(make_store(io, store, error));
    sweep_store(io, store);
    status = wendi_io_stat(io, folder, &info, error);
    if (status == WEND_OK) {
        WEND_TRY(wendi_fail(error, WEND_EXISTS, "the table %.*s exists already in %s",
                            (int)schema->table_name.length, schema->table_name.data, store));
    }
    WEND_TRY(status == WEND_NOT_FOUND ? WEND_OK : status);
    WEND_TRY(hidden_folder(hidden, store, CREATING_PREFIX, error));
    WEND_TRY(make_parts(io, hidden, error));
    if (schema->id_column != WENDI_NO_COLUMN) { /* its segments cannot give their keys back */
        WEND_TRY(wendi_table_path(keys, hidden, "keys", "", error));
        WEND_TRY(wendi_io_mkdir(io, keys, error));
    }
    WEND_TRY(write_first_commit(io, hidden, schema, error));
    WEND_TRY(wendi_io_rename_new(io, hidden, folder, error));
    hidden[0] = '\0';
    WEND_TRY(wendi_io_sync_folder(io, store, error));
cleanup:
    if (status != WEND_OK && hidden[0] != '\0') {
        (void)remove_tree(io, hidden, 1, &ignored);
    }
    return status;
}

wend_status wendi_table_drop(const char *store, wendi_string table, wend_error *error)
{
    wendi_io *io = NULL;
    wend_status status = wendi_io_open(NULL, &io, error);
    if (status == WEND_OK) {
        status = wendi_table_drop_io(io, store, table, error);
    }
    wendi_io_close(io);
    return status;
}

wend_status wendi_table_drop_io(wendi_io *io, const char *store, wendi_string table,
                                wend_error *error)
{
    char folder[WENDI_PATH_BYTES];
    char hidden[WENDI_PATH_BYTES];
    char lock_path[WENDI_PATH_BYTES];
    wendi_io_lock *lock = NULL;
    wendi_io_info info;
    wend_status status = WEND_OK;

    WEND_TRY(wendi_table_find_folder(store, table, folder, error));
    WEND_TRY(wendi_table_path(lock_path, folder, "LOCK", "", error));
    WEND_TRY(hidden_folder(hidden, store, DROPPED_PREFIX, error));
    status = wendi_io_stat(io, folder, &info, error);
    if (status != WEND_OK) {
        WEND_TRY(wendi_fail(error, status, "there is no table %.*s in %s", (int)table.length,
                            table.data, store));
    }
    WEND_TRY(wendi_io_lock_acquire(io, lock_path, &lock, error));
    WEND_TRY(wendi_io_rename_new(io, folder, hidden, error));
    WEND_TRY(wendi_io_sync_folder(io, store, error));
    wendi_io_lock_release(lock);
    lock = NULL;
    WEND_TRY(remove_tree(io, hidden, 1, error));
cleanup:
    wendi_io_lock_release(lock);
    return status;
}

wend_status wendi_table_list(const char *store, wendi_arena *arena, wendi_string **names,
                             uint32_t *count, wend_error *error)
{
    wendi_io *io = NULL;
    wend_status status = wendi_io_open(NULL, &io, error);
    *count = 0;
    if (status == WEND_OK) {
        status = wendi_table_list_io(io, store, arena, names, count, error);
    }
    wendi_io_close(io);
    return status;
}

wend_status wendi_table_list_io(wendi_io *io, const char *store, wendi_arena *arena,
                                wendi_string **names, uint32_t *count, wend_error *error)
{
    char path[WENDI_PATH_BYTES];
    wendi_io_entry *entries = NULL;
    uint32_t entry_count = 0;
    wend_status status = WEND_OK;

    *count = 0;
    status = wendi_io_list(io, store, arena, &entries, &entry_count, error);
    if (status != WEND_OK) {
        wendi_error_hint(error,
                         "the store is the folder given by -d or WEND_DIR; `wend create` makes it");
        goto cleanup;
    }
    *names = wendi_arena_alloc(arena, (entry_count + 1) * sizeof **names);
    if (*names == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "the list of tables", entry_count * sizeof **names));
    }
    for (uint32_t i = 0; i < entry_count; i++) {
        wendi_io_info info;
        if (!entries[i].folder || entries[i].name.data[0] == '.') {
            continue;
        }
        WEND_TRY(wendi_table_path(path, store, entries[i].name.data, "log", error));
        wend_error ignored;
        if (wendi_io_stat(io, path, &info, &ignored) == WEND_OK && info.folder) {
            (*names)[(*count)++] = entries[i].name;
        }
    }
cleanup:
    return status;
}
