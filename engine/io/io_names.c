/*
 * Names: renaming, removing, listing, and making all of that durable, with the differences between file
 * systems settled here. What each of them really does was measured; docs/FORMAT.md and docs/OPERATIONS.md say it.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/io/io_backend.h"

enum { STATFS_FUSE = 0x65735546, STATFS_NFS = 0x6969 };

bool wendi_io_is_mount(wendi_io *io, const char *path)
{
    wendi_file_system info = {0};
    return io->table->file_system(io, path, &info) == 0 && (info.type == STATFS_FUSE || info.type == STATFS_NFS);
}

void wendi_io_folder_of(const char *path, char *folder, size_t capacity)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash == NULL ? 1 : slash == path ? 1 : (size_t)(slash - path);
    snprintf(folder, capacity, "%.*s", (int)length, slash == NULL ? "." : path);
}

static wend_status fail_rename(int result, const char *from, const char *to, wend_error *error)
{
    wend_status status = wendi_io_fail(result, "rename", from, error);
    wendi_fail(error, status, "cannot rename %s to %s: %s", from, to, strerror(-result));
    if (result == -EIO) {
        wendi_error_hint(error, "some mounts refuse to rename over an existing file, or have lost the upload of the "
                                "file: write it again under a new name");
    }
    return status;
}

/* Look by opening: listings and attributes of a mount may be old. */
static int rename_looking_first(wendi_io *io, const char *from, const char *to)
{
    int handle = io->table->open_read(io, to);
    if (handle >= 0) {
        io->table->close_file(io, handle);
        return -EEXIST;
    }
    return handle == -ENOENT ? io->table->rename(io, from, to, false) : handle;
}

static int rename_by_link(wendi_io *io, const char *from, const char *to)
{
    int result = io->table->link(io, from, to);
    return result < 0 ? result : io->table->unlink(io, from);
}

wend_status wendi_io_rename_new(wendi_io *io, const char *from, const char *to, wend_error *error)
{
    char folder[PATH_MAX];
    int result = io->table->rename(io, from, to, true);
    if (result == -EINVAL || result == -ENOSYS || result == -EOPNOTSUPP) {
        wendi_io_folder_of(to, folder, sizeof folder);
        result = wendi_io_is_mount(io, folder) ? rename_looking_first(io, from, to) : rename_by_link(io, from, to);
    }
    return result < 0 ? fail_rename(result, from, to, error) : WEND_OK;
}

wend_status wendi_io_rename_replace(wendi_io *io, const char *from, const char *to, wend_error *error)
{
    int result = io->table->rename(io, from, to, false);
    return result < 0 ? fail_rename(result, from, to, error) : WEND_OK;
}

wend_status wendi_io_unlink(wendi_io *io, const char *path, wend_error *error)
{
    int result = io->table->unlink(io, path);
    return result < 0 ? wendi_io_fail(result, "remove", path, error) : WEND_OK;
}

wend_status wendi_io_mkdir(wendi_io *io, const char *path, wend_error *error)
{
    int result = io->table->mkdir(io, path);
    return result < 0 ? wendi_io_fail(result, "make folder", path, error) : WEND_OK;
}

wend_status wendi_io_rmdir(wendi_io *io, const char *path, wend_error *error)
{
    int result = io->table->rmdir(io, path);
    return result < 0 ? wendi_io_fail(result, "remove folder", path, error) : WEND_OK;
}

wend_status wendi_io_sync_folder(wendi_io *io, const char *path, wend_error *error)
{
    int result = io->table->sync_folder(io, path);
    atomic_fetch_add_explicit(&io->syncs, 1, memory_order_relaxed);
    if (result < 0 && result != -ENOENT && wendi_io_is_mount(io, path)) {
        return WEND_OK;
    }
    return result < 0 ? wendi_io_fail(result, "sync folder", path, error) : WEND_OK;
}

wend_status wendi_io_stat(wendi_io *io, const char *path, wendi_io_info *info, wend_error *error)
{
    int result = io->table->stat(io, path, info);
    return result < 0 ? wendi_io_fail(result, "look at", path, error) : WEND_OK;
}

/* ---- listing -------------------------------------------------------------------------------- */

typedef struct listing {
    wendi_arena *arena;
    wendi_io_entry *entries; /* on the heap while it grows */
    uint32_t count;
    uint32_t capacity;
    bool refused;
} listing;

static void add_entry(void *context, const char *name, bool folder)
{
    listing *list = context;
    size_t length = strlen(name);
    if (list->count == list->capacity) {
        uint32_t capacity = list->capacity == 0 ? 64 : list->capacity * 2;
        wendi_io_entry *entries = wendi_realloc(list->entries, capacity * sizeof *entries);
        if (entries == NULL) {
            list->refused = true;
            return;
        }
        list->entries = entries;
        list->capacity = capacity;
    }
    char *copy = wendi_arena_copy(list->arena, name, length);
    if (copy == NULL) {
        list->refused = true;
        return;
    }
    list->entries[list->count++] = (wendi_io_entry){{copy, (uint32_t)length}, folder};
}

static int compare_names(const void *a, const void *b)
{
    const wendi_io_entry *left = a;
    const wendi_io_entry *right = b;
    return wendi_string_compare(left->name, right->name);
}

wend_status wendi_io_list(wendi_io *io, const char *path, wendi_arena *arena, wendi_io_entry **entries, uint32_t *count,
                          wend_error *error)
{
    listing list = {.arena = arena};
    wend_status status = WEND_OK;
    *entries = NULL;
    *count = 0;
    int result = io->table->list(io, path, add_entry, &list);
    wendi_io_entry *kept = NULL;
    if (result < 0) {
        status = wendi_io_fail(result, "list", path, error);
    } else if (!list.refused) {
        kept = wendi_arena_alloc(arena, (list.count + 1) * sizeof *kept);
    }
    if (status == WEND_OK && kept == NULL) {
        status = wendi_fail_nomem(error, "listing a folder", list.count * sizeof *kept);
    } else if (status == WEND_OK) {
        if (list.count != 0) {
            memcpy(kept, list.entries, list.count * sizeof *kept);
            qsort(kept, list.count, sizeof *kept, compare_names);
        }
        *entries = kept;
        *count = list.count;
    }
    wendi_free(list.entries);
    return status;
}
