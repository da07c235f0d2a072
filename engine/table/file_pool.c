/*
 * Open descriptors in a list from the least to the most recently used one, under one mutex that is
 * not held while the system is asked for anything.
 */
#include "engine/table/file_pool.h"

#include <pthread.h>
#include <string.h>
#include <sys/resource.h>

#include "engine/base/alloc.h"

enum { FILES_MIN = 8, FILES_MAX = 1024, FILES_SHARE = 4 };

struct wendi_pooled_file {
    wendi_pooled_file *older; /* in the pool's list while a file is open */
    wendi_pooled_file *newer;
    wendi_file_pool *pool;
    wendi_io *io;
    const char *folder;
    wendi_file *file; /* NULL: closed */
    uint32_t readers; /* the file stays open while there are any */
    uint8_t uuid[WENDI_UUID_BYTES];
    uint64_t file_bytes; /* that the log knows */
};

struct wendi_file_pool {
    pthread_mutex_t lock;
    wendi_pooled_file *oldest;
    wendi_pooled_file *newest;
    uint32_t open_count;
    uint32_t files_max;
};

/* A quarter of what the process may open: queries share it with sockets, logs and other tables. */
static uint32_t files_allowed(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ||
        limit.rlim_cur / FILES_SHARE > FILES_MAX) {
        return FILES_MAX;
    }
    return limit.rlim_cur / FILES_SHARE < FILES_MIN ? FILES_MIN
                                                    : (uint32_t)(limit.rlim_cur / FILES_SHARE);
}

wend_status wendi_file_pool_open(uint32_t files_max, wendi_file_pool **pool_out, wend_error *error)
{
    wendi_file_pool *pool = wendi_alloc_zero(1, sizeof *pool);
    *pool_out = pool;
    if (pool == NULL) {
        return wendi_fail_nomem(error, "a pool of files", sizeof *pool);
    }
    pool->files_max = files_max != 0 ? files_max : files_allowed();
    pthread_mutex_init(&pool->lock, NULL);
    return WEND_OK;
}

void wendi_file_pool_close(wendi_file_pool *pool)
{
    if (pool != NULL) {
        WEND_REQUIRE(pool->open_count == 0);
        pthread_mutex_destroy(&pool->lock);
        wendi_free(pool);
    }
}

uint32_t wendi_file_pool_count(wendi_file_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    uint32_t count = pool->open_count;
    pthread_mutex_unlock(&pool->lock);
    return count;
}

wend_status wendi_pooled_file_new(wendi_file_pool *pool, wendi_io *io, const char *folder,
                                  const wendi_segment_entry *entry, wendi_pooled_file **file_out,
                                  wend_error *error)
{
    wendi_pooled_file *file = wendi_alloc_zero(1, sizeof *file);
    *file_out = file;
    if (file == NULL) {
        return wendi_fail_nomem(error, "a segment's file", sizeof *file);
    }
    file->pool = pool;
    file->io = io;
    file->folder = folder;
    file->file_bytes = entry->file_bytes;
    memcpy(file->uuid, entry->uuid, WENDI_UUID_BYTES);
    return WEND_OK;
}

/* ---- the list; the lock is held ---- */

static void unlink_file(wendi_pooled_file *file)
{
    wendi_file_pool *pool = file->pool;
    *(file->older != NULL ? &file->older->newer : &pool->oldest) = file->newer;
    *(file->newer != NULL ? &file->newer->older : &pool->newest) = file->older;
    file->older = file->newer = NULL;
}

static void link_newest(wendi_pooled_file *file)
{
    wendi_file_pool *pool = file->pool;
    file->older = pool->newest;
    file->newer = NULL;
    *(pool->newest != NULL ? &pool->newest->newer : &pool->oldest) = file;
    pool->newest = file;
}

/* Take the handle out of the pool, for the caller to close. */
static wendi_file *take_handle(wendi_pooled_file *file)
{
    wendi_file *handle = file->file;
    unlink_file(file);
    file->file = NULL;
    file->pool->open_count--;
    return handle;
}

/* The least recently used handle that nobody reads, when there are too many; else NULL. */
static wendi_file *take_surplus(wendi_file_pool *pool)
{
    wendi_pooled_file *file = pool->oldest;
    while (pool->open_count > pool->files_max && file != NULL) {
        if (file->readers == 0) {
            return take_handle(file);
        }
        file = file->newer;
    }
    return NULL;
}

/* ---- opening and reading ---- */

void wendi_pooled_file_free(wendi_pooled_file *file)
{
    wendi_file *handle = NULL;
    if (file == NULL) {
        return;
    }
    pthread_mutex_lock(&file->pool->lock);
    WEND_REQUIRE(file->readers == 0);
    if (file->file != NULL) {
        handle = take_handle(file);
    }
    pthread_mutex_unlock(&file->pool->lock);
    wendi_file_abandon(handle);
    wendi_free(file);
}

static wend_status open_handle(const wendi_pooled_file *file, wendi_file **handle_out,
                               wend_error *error)
{
    char path[WENDI_PATH_BYTES];
    wend_status status = WEND_OK;
    *handle_out = NULL;
    WEND_TRY(wendi_table_uuid_path(path, file->folder, "seg", file->uuid, ".wseg", error));
    status = wendi_file_open(file->io, path, handle_out, error);
    if (status == WEND_NOT_FOUND) {
        status = wendi_fail(error, WEND_CORRUPT, "%s is named by the log but missing", path);
    }
    WEND_TRY(status);
    if (wendi_file_bytes(*handle_out) != file->file_bytes) {
        status = wendi_fail(error, WEND_CORRUPT,
                            "segment %s: the file has %llu bytes, not the %llu that were committed",
                            path, (unsigned long long)wendi_file_bytes(*handle_out),
                            (unsigned long long)file->file_bytes);
        wendi_file_abandon(*handle_out);
        *handle_out = NULL;
    }
cleanup:
    return status;
}

/* Make sure that the file is open and stays so until release(). */
static wend_status hold(wendi_pooled_file *file, wend_error *error)
{
    wendi_file_pool *pool = file->pool;
    wendi_file *mine = NULL;
    pthread_mutex_lock(&pool->lock);
    file->readers++;
    if (file->file == NULL) {
        pthread_mutex_unlock(&pool->lock);
        wend_status status = open_handle(file, &mine, error);
        pthread_mutex_lock(&pool->lock);
        if (status != WEND_OK) {
            file->readers--;
            pthread_mutex_unlock(&pool->lock);
            return status;
        }
        if (file->file == NULL) { /* else another thread was faster */
            file->file = mine;
            mine = NULL;
            pool->open_count++;
            link_newest(file);
        }
        wendi_file *surplus;
        while ((surplus = take_surplus(pool)) != NULL) {
            pthread_mutex_unlock(&pool->lock);
            wendi_file_abandon(surplus);
            pthread_mutex_lock(&pool->lock);
        }
    } else if (pool->newest != file) {
        unlink_file(file);
        link_newest(file);
    }
    pthread_mutex_unlock(&pool->lock);
    wendi_file_abandon(mine);
    return WEND_OK;
}

static void release(wendi_pooled_file *file)
{
    pthread_mutex_lock(&file->pool->lock);
    file->readers--;
    pthread_mutex_unlock(&file->pool->lock);
}

wend_status wendi_pooled_file_read(wendi_pooled_file *file, uint64_t offset, void *buffer,
                                   size_t length, wend_error *error)
{
    wend_status status = hold(file, error);
    if (status == WEND_OK) {
        status = wendi_file_read_at(file->file, offset, buffer, length, error);
        release(file);
    }
    return status;
}

void wendi_pooled_file_will_need(wendi_pooled_file *file, uint64_t offset, uint64_t length)
{
    if (hold(file, NULL) == WEND_OK) { /* else the read will say what is wrong */
        wendi_file_will_need(file->file, offset, length);
        release(file);
    }
}
