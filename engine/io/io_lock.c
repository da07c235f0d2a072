/*
 * The lock of a table: flock() on a file opened for reading only, because a file held open for writing is an unfinished
 * upload on a mount. NFS wants a descriptor for writing there and gets one. The note that names the
 * holder is written by a descriptor of its own; losing it costs a name in a message, never the lock.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/civil.h"
#include "engine/base/clock.h"
#include "engine/io/io_backend.h"

enum { NOTE_BYTES = 256, TRIES = 6, PAUSE_MS = 20, FILE_MODE = 0644 };

struct wendi_io_lock {
    wendi_io *io;
    int handle;
    char *path;
};

static void read_note(const char *path, char *note, size_t capacity)
{
    ssize_t got = -1;
    int handle = open(path, O_RDONLY | O_CLOEXEC);
    if (handle >= 0) {
        got = read(handle, note, capacity - 1);
        close(handle);
    }
    note[got > 0 ? got : 0] = '\0';
    note[strcspn(note, "\n")] = '\0';
}

static void write_note(const char *path, const char *note)
{
    int handle = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    if (handle < 0) {
        return;
    }
    ssize_t written = write(handle, note, strlen(note));
    (void)written;
    close(handle);
}

static void compose_note(char *note, size_t capacity)
{
    char host[64] = "?";
    int64_t seconds = wendi_floor_div(wendi_clock_wall_us(), 1000000);
    int64_t days = wendi_floor_div(seconds, 86400);
    int in_day = (int)(seconds - days * 86400);
    int64_t year;
    int32_t month;
    int32_t day;
    gethostname(host, sizeof host - 1);
    wendi_civil_of_days(days, &year, &month, &day);
    snprintf(note, capacity, "process %ld on %s since %04lld-%02d-%02dT%02d:%02d:%02dZ\n", (long)getpid(), host,
             (long long)year, (int)month, (int)day, in_day / 3600, in_day / 60 % 60, in_day % 60);
}

/*
 * The file may have been removed and made anew between open and flock; then we hold nothing. Mounts make up inode
 * numbers as they like, so there the name is believed.
 */
static bool still_there(wendi_io *io, int handle, const char *path)
{
    struct stat ours;
    struct stat named;
    if (wendi_io_is_mount(io, path)) {
        return true;
    }
    return fstat(handle, &ours) == 0 && stat(path, &named) == 0 && ours.st_ino == named.st_ino &&
           ours.st_dev == named.st_dev;
}

/* 0, -EWOULDBLOCK, -ESTALE when the file was swapped under us, or another -errno. */
static int try_lock(wendi_io *io, const char *path, int flags, int *handle_out)
{
    int handle = open(path, flags | O_CREAT | O_CLOEXEC, FILE_MODE);
    if (handle < 0) {
        return -errno;
    }
    int result = flock(handle, LOCK_EX | LOCK_NB) == 0 ? 0 : -errno;
    if (result == 0 && !still_there(io, handle, path)) {
        result = -ESTALE;
    }
    if (result < 0) {
        close(handle);
        return result;
    }
    *handle_out = handle;
    return 0;
}

/* A look at the lock holds it for an instant, so being refused once means little. */
static int lock_patiently(wendi_io *io, const char *path, int *handle)
{
    int result = -EWOULDBLOCK;
    for (int i = 0; i < TRIES; i++) {
        result = try_lock(io, path, O_RDONLY, handle);
        if (result == -EBADF || result == -EINVAL) {
            result = try_lock(io, path, O_RDWR, handle);
        }
        if (result != -EWOULDBLOCK && result != -ESTALE && result != -EINTR) {
            break;
        }
        struct timespec pause = {0, PAUSE_MS * 1000000L};
        nanosleep(&pause, NULL);
    }
    return result;
}

wend_status wendi_io_lock_acquire(wendi_io *io, const char *path, wendi_io_lock **lock_out, wend_error *error)
{
    char note[NOTE_BYTES];
    *lock_out = NULL;
    wendi_io_lock *lock = wendi_alloc_zero(1, sizeof *lock);
    char *name = wendi_strdup(path);
    if (lock == NULL || name == NULL) {
        wendi_free(lock);
        wendi_free(name);
        return wendi_fail_nomem(error, path, sizeof *lock);
    }
    int result = lock_patiently(io, path, &lock->handle);
    if (result < 0) {
        wendi_free(lock);
        wendi_free(name);
        if (result != -EWOULDBLOCK && result != -ESTALE) {
            return wendi_io_fail(result, "lock", path, error);
        }
        read_note(path, note, sizeof note);
        wendi_fail(error, WEND_BUSY, "%s is held by %s", path, note[0] != '\0' ? note : "another process");
        wendi_error_hint(error, "one process at a time may write a table: wait for it, or stop it");
        return WEND_BUSY;
    }
    lock->io = io;
    lock->path = name;
    compose_note(note, sizeof note);
    write_note(path, note);
    *lock_out = lock;
    return WEND_OK;
}

void wendi_io_lock_release(wendi_io_lock *lock)
{
    if (lock == NULL) {
        return;
    }
    if (still_there(lock->io, lock->handle, lock->path)) {
        write_note(lock->path, "");
    }
    close(lock->handle);
    wendi_free(lock->path);
    wendi_free(lock);
}

wend_status wendi_io_lock_holder(wendi_io *io, const char *path, bool *held, char *note, size_t capacity,
                                 wend_error *error)
{
    (void)io;
    *held = false;
    note[0] = '\0';
    int handle = open(path, O_RDONLY | O_CLOEXEC);
    if (handle < 0) {
        return errno == ENOENT ? WEND_OK : wendi_io_fail(-errno, "look at the lock", path, error);
    }
    int result = flock(handle, LOCK_SH | LOCK_NB) == 0 ? 0 : -errno;
    close(handle);
    if (result < 0 && result != -EWOULDBLOCK) {
        return wendi_io_fail(result, "look at the lock", path, error);
    }
    *held = result < 0;
    if (*held) {
        read_note(path, note, capacity);
    }
    return WEND_OK;
}
