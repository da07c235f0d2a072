/*
 * The table of operations by plain system calls. Nothing is retried here but EINTR; a queue carries out each
 * transfer when it is submitted and hands it back when asked.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/io/io_backend.h"

enum { TRANSFER_BYTES_MAX = 1 << 30, FILE_MODE = 0644, FOLDER_MODE = 0755 };

static int answer(int result)
{
    return result < 0 ? -errno : result;
}

static void posix_close(wendi_io *io)
{
    wendi_free(io);
}

static int open_retrying(const char *path, int flags)
{
    int handle;
    do {
        handle = open(path, flags | O_CLOEXEC, FILE_MODE);
    } while (handle < 0 && errno == EINTR);
    return answer(handle);
}

static int posix_open_read(wendi_io *io, const char *path)
{
    (void)io;
    return open_retrying(path, O_RDONLY);
}

static int posix_create(wendi_io *io, const char *path, bool *direct)
{
    (void)io;
    int flags = O_WRONLY | O_CREAT | O_EXCL;
    if (*direct) {
        int handle = open_retrying(path, flags | O_DIRECT);
        if (handle != -EINVAL && handle != -EOPNOTSUPP) {
            return handle;
        }
        unlink(path); /* Some kernels make the file before they find that they cannot open it so. */
        *direct = false;
    }
    return open_retrying(path, flags);
}

static int posix_make_buffered(wendi_io *io, int handle)
{
    (void)io;
    int flags = fcntl(handle, F_GETFL);
    return flags < 0 ? -errno : answer(fcntl(handle, F_SETFL, flags & ~O_DIRECT));
}

static int posix_close_file(wendi_io *io, int handle)
{
    (void)io;
    /* On Linux the descriptor is gone even after EINTR: closing it again could hit another file. */
    int result = answer(close(handle));
    return result == -EINTR ? 0 : result;
}

static int64_t posix_read(wendi_io *io, int handle, void *buffer, size_t length, uint64_t offset)
{
    (void)io;
    ssize_t got;
    size_t asked = length < TRANSFER_BYTES_MAX ? length : TRANSFER_BYTES_MAX;
    do {
        got = pread(handle, buffer, asked, (off_t)offset);
    } while (got < 0 && errno == EINTR);
    return got < 0 ? -errno : got;
}

static int posix_size(wendi_io *io, int handle, uint64_t *bytes)
{
    (void)io;
    struct stat info;
    if (fstat(handle, &info) != 0) {
        return -errno;
    }
    *bytes = (uint64_t)info.st_size;
    return S_ISDIR(info.st_mode) ? -EISDIR : 0;
}

static int posix_rename(wendi_io *io, const char *from, const char *to, bool noreplace)
{
    (void)io;
    return answer(renameat2(AT_FDCWD, from, AT_FDCWD, to, noreplace ? RENAME_NOREPLACE : 0));
}

static int posix_link(wendi_io *io, const char *from, const char *to)
{
    (void)io;
    return answer(link(from, to));
}

static int posix_unlink(wendi_io *io, const char *path)
{
    (void)io;
    return answer(unlink(path));
}

static int posix_mkdir(wendi_io *io, const char *path)
{
    (void)io;
    return answer(mkdir(path, FOLDER_MODE));
}

static int posix_rmdir(wendi_io *io, const char *path)
{
    (void)io;
    return answer(rmdir(path));
}

static int posix_sync_folder(wendi_io *io, const char *path)
{
    (void)io;
    int handle = open_retrying(path, O_RDONLY | O_DIRECTORY);
    if (handle < 0) {
        return handle;
    }
    int result = answer(fsync(handle));
    close(handle);
    return result;
}

static bool is_folder(int folder, const struct dirent *entry)
{
    struct stat info;
    if (entry->d_type != DT_UNKNOWN && entry->d_type != DT_LNK) {
        return entry->d_type == DT_DIR;
    }
    return fstatat(folder, entry->d_name, &info, 0) == 0 && S_ISDIR(info.st_mode);
}

static int posix_list(wendi_io *io, const char *path, wendi_io_visit visit, void *context)
{
    (void)io;
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return -errno;
    }
    int result = 0;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(folder);
        if (entry == NULL) {
            result = -errno;
            break;
        }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            visit(context, entry->d_name, is_folder(dirfd(folder), entry));
        }
    }
    closedir(folder);
    return result;
}

static int posix_stat(wendi_io *io, const char *path, wendi_io_info *info)
{
    (void)io;
    struct stat from;
    if (stat(path, &from) != 0) {
        return -errno;
    }
    info->bytes = (uint64_t)from.st_size;
    info->modified_us = (int64_t)from.st_mtim.tv_sec * 1000000 + from.st_mtim.tv_nsec / 1000;
    info->folder = S_ISDIR(from.st_mode);
    return 0;
}

static int posix_file_system(wendi_io *io, const char *path, wendi_file_system *file_system)
{
    (void)io;
    struct statfs info;
    int result;
    do {
        result = statfs(path, &info);
    } while (result != 0 && errno == EINTR);
    if (result != 0) {
        return -errno;
    }
    file_system->type = (uint32_t)info.f_type;
    file_system->free_bytes = (uint64_t)info.f_bavail * (uint64_t)info.f_bsize;
    file_system->total_bytes = (uint64_t)info.f_blocks * (uint64_t)info.f_bsize;
    return 0;
}

/* ---- the queue ------------------------------------------------------------------------------ */

typedef struct posix_queue {
    wendi_io_queue base;
    wendi_transfer *done; /* oldest first */
    wendi_transfer **last;
} posix_queue;

static int64_t carry_out(const wendi_transfer *transfer)
{
    ssize_t moved;
    size_t length = transfer->length < TRANSFER_BYTES_MAX ? transfer->length : TRANSFER_BYTES_MAX;
    if (transfer->kind == WENDI_TRANSFER_SYNC) {
        return answer(fdatasync(transfer->handle));
    }
    do {
        moved = transfer->kind == WENDI_TRANSFER_READ
                    ? pread(transfer->handle, transfer->buffer, length, (off_t)transfer->offset)
                    : pwrite(transfer->handle, transfer->buffer, length, (off_t)transfer->offset);
    } while (moved < 0 && errno == EINTR);
    return moved < 0 ? -errno : moved;
}

static int posix_submit(wendi_io_queue *queue, wendi_transfer *transfer)
{
    posix_queue *own = (posix_queue *)queue;
    transfer->result = carry_out(transfer);
    transfer->next = NULL;
    *own->last = transfer;
    own->last = &transfer->next;
    return 0;
}

static wendi_transfer *posix_wait(wendi_io_queue *queue)
{
    posix_queue *own = (posix_queue *)queue;
    wendi_transfer *first = own->done;
    WEND_REQUIRE(first != NULL);
    own->done = first->next;
    if (own->done == NULL) {
        own->last = &own->done;
    }
    return first;
}

static void posix_queue_close(wendi_io_queue *queue)
{
    wendi_free(queue);
}

int wendi_posix_queue_open(wendi_io *io, wendi_io_queue **queue_out)
{
    static const wendi_io_queue_table table = {posix_submit, posix_wait, posix_queue_close};
    (void)io;
    posix_queue *queue = wendi_alloc(sizeof *queue);
    if (queue == NULL) {
        return -ENOMEM;
    }
    queue->base.table = &table;
    queue->done = NULL;
    queue->last = &queue->done;
    *queue_out = &queue->base;
    return 0;
}

static void posix_will_need(wendi_io *io, int handle, uint64_t offset, uint64_t length)
{
    (void)io;
    (void)posix_fadvise(handle, (off_t)offset, (off_t)length, POSIX_FADV_WILLNEED);
}

const wendi_io_table wendi_posix_io_table = {
    .close = posix_close,
    .open_read = posix_open_read,
    .create = posix_create,
    .make_buffered = posix_make_buffered,
    .close_file = posix_close_file,
    .read = posix_read,
    .size = posix_size,
    .queue_open = wendi_posix_queue_open,
    .rename = posix_rename,
    .link = posix_link,
    .unlink = posix_unlink,
    .mkdir = posix_mkdir,
    .rmdir = posix_rmdir,
    .sync_folder = posix_sync_folder,
    .list = posix_list,
    .stat = posix_stat,
    .will_need = posix_will_need,
    .file_system = posix_file_system,
};

int wendi_posix_io_new(wendi_io **io_out)
{
    wendi_io *io = wendi_alloc_zero(1, sizeof *io);
    if (io == NULL) {
        return -ENOMEM;
    }
    io->table = &wendi_posix_io_table;
    io->name = "posix";
    *io_out = io;
    return 0;
}
