/* Choosing an implementation, words for errors, and whole files at once. */
#include "engine/io/io.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/base/clock.h"
#include "engine/io/io_backend.h"

/* ---- choosing ------------------------------------------------------------------------------- */

static wend_status new_posix(wendi_io **io_out, wend_error *error)
{
    return wendi_posix_io_new(io_out) == 0 ? WEND_OK : wendi_fail_nomem(error, "file access", sizeof(wendi_io));
}

wend_status wendi_io_open(const char *backend, wendi_io **io_out, wend_error *error)
{
    const char *asked_by = "asked for by the caller";
    wend_status status = WEND_OK;

    *io_out = NULL;
    if (backend == NULL || *backend == '\0') {
        backend = getenv("WEND_IO");
        asked_by = "asked for by WEND_IO";
    }
    if (backend != NULL && *backend == '\0') {
        backend = NULL;
    }
    if (backend != NULL && strcmp(backend, "uring") != 0 && strcmp(backend, "posix") != 0) {
        wendi_fail(error, WEND_INVALID, "no file access named \"%s\" (%s)", backend, asked_by);
        wendi_error_hint(error, "write uring or posix, or nothing to take what works");
        return WEND_INVALID;
    }
    if (backend != NULL && strcmp(backend, "posix") == 0) {
        WEND_TRY(new_posix(io_out, error));
        snprintf((*io_out)->reason, sizeof (*io_out)->reason, "%s", asked_by);
        return WEND_OK;
    }
    int refused = wendi_uring_io_new(io_out);
    if (refused == 0) {
        snprintf((*io_out)->reason, sizeof (*io_out)->reason, "%s", backend != NULL ? asked_by : "the kernel allows it");
        return WEND_OK;
    }
    if (backend != NULL) {
        wendi_fail(error, WEND_UNSUPPORTED, "io_uring was %s, but the kernel refuses it: %s", asked_by,
                   strerror(-refused));
        wendi_error_hint(error, "set WEND_IO=posix, or allow io_uring (sysctl kernel.io_uring_disabled, seccomp)");
        return WEND_UNSUPPORTED;
    }
    WEND_TRY(new_posix(io_out, error));
    snprintf((*io_out)->reason, sizeof (*io_out)->reason, "io_uring_queue_init: %s", strerror(-refused));
cleanup:
    return status;
}

void wendi_io_close(wendi_io *io)
{
    if (io != NULL) {
        io->table->close(io);
    }
}

const char *wendi_io_backend_name(const wendi_io *io)
{
    return io->name;
}

const char *wendi_io_backend_reason(const wendi_io *io)
{
    return io->reason;
}

wendi_io_counters wendi_io_counters_now(const wendi_io *io)
{
    return (wendi_io_counters){
        .reads = atomic_load_explicit(&io->reads, memory_order_relaxed),
        .bytes_read = atomic_load_explicit(&io->bytes_read, memory_order_relaxed),
        .writes = atomic_load_explicit(&io->writes, memory_order_relaxed),
        .bytes_written = atomic_load_explicit(&io->bytes_written, memory_order_relaxed),
        .syncs = atomic_load_explicit(&io->syncs, memory_order_relaxed),
    };
}

/* ---- errors --------------------------------------------------------------------------------- */

static const char *hint_of(int code)
{
    switch (code) {
    case ENOSPC:
    case EDQUOT:
        return "make room on that file system; nothing unfinished was published";
    case EACCES:
    case EPERM:
        return "check who owns it and its permissions (and that the mount is not read-only)";
    case EROFS:
        return "the file system is mounted read-only";
    case EMFILE:
    case ENFILE:
        return "raise the limit of open files (ulimit -n)";
    case EIO:
        return "the device or the mount failed: look at the system's log; what was being written must be written again";
    case ESPIPE:
        return "the mount lost its upload: what was being written must be written again under a new name";
    case ENOTCONN:
        return "the process behind the mount has ended: mount it again";
    case ESTALE:
        return "the server forgot the file: open it again";
    case ENOENT:
    case ENOTDIR:
        return "check the path";
    case ENAMETOOLONG:
        return "use a shorter path";
    default:
        return "";
    }
}

wend_status wendi_io_fail(int negated_errno, const char *operation, const char *path, wend_error *error)
{
    int code = -negated_errno;
    wend_status status = code == ENOENT ? WEND_NOT_FOUND : code == EEXIST ? WEND_EXISTS : code == ENOMEM ? WEND_NOMEM : WEND_IO;
    wendi_fail(error, status, "cannot %s %s: %s", operation, path, strerror(code));
    wendi_error_hint(error, "%s", hint_of(code));
    return status;
}

/* ---- whole files ---------------------------------------------------------------------------- */

wend_status wendi_io_write_file(wendi_io *io, const char *path, const void *bytes, size_t length, wend_error *error)
{
    wendi_file *file = NULL;
    wend_status status = wendi_file_create(io, path, WENDI_CREATE_PLAIN, &file, error);
    if (status != WEND_OK) {
        return status;
    }
    WEND_TRY(wendi_file_write(file, bytes, length, error));
    WEND_TRY(wendi_file_sync(file, error));
    status = wendi_file_close(file, error);
    file = NULL;
cleanup:
    wendi_file_abandon(file);
    if (status != WEND_OK) {
        io->table->unlink(io, path);
    }
    return status;
}

wend_status wendi_io_read_file(wendi_io *io, const char *path, size_t bytes_max, wendi_buffer *out, wend_error *error)
{
    wendi_file *file = NULL;
    wend_status status = wendi_file_open(io, path, &file, error);
    if (status != WEND_OK) {
        return status;
    }
    uint64_t bytes = wendi_file_bytes(file);
    if (bytes > bytes_max) {
        status = wendi_fail(error, WEND_CORRUPT, "%s has %llu bytes, more than the %zu it may have", path,
                            (unsigned long long)bytes, bytes_max);
    } else if (wendi_buffer_reserve(out, (size_t)bytes) != WEND_OK) {
        status = wendi_fail_nomem(error, path, (size_t)bytes);
    } else {
        status = wendi_file_read_at(file, 0, out->data + out->length, (size_t)bytes, error);
    }
    if (status == WEND_OK) {
        out->length += (size_t)bytes;
    }
    wend_status closed = wendi_file_close(file, status == WEND_OK ? error : NULL);
    return status != WEND_OK ? status : closed;
}

static void sleep_ms(int64_t duration_ms)
{
    struct timespec pause = {duration_ms / 1000, (duration_ms % 1000) * 1000000};
    nanosleep(&pause, NULL);
}

wend_status wendi_io_settled(wendi_io *io, const char *path, uint64_t bytes, uint32_t timeout_ms, wend_error *error)
{
    wendi_io_info info = {0};
    bool mount = wendi_io_is_mount(io, path);
    int64_t end_us = wendi_clock_monotonic_us() + (int64_t)timeout_ms * 1000;
    int result;
    for (int64_t pause_ms = 2;; pause_ms = pause_ms < 100 ? pause_ms * 2 : pause_ms) {
        result = io->table->stat(io, path, &info);
        if (result == 0 && info.bytes == bytes) {
            return WEND_OK;
        }
        if (!mount || wendi_clock_monotonic_us() >= end_us) {
            break;
        }
        sleep_ms(pause_ms);
    }
    if (result < 0) {
        wendi_io_fail(result, "find the file just written,", path, error);
        return WEND_IO;
    }
    wendi_fail(error, WEND_IO, "%s has %llu bytes after %llu were written and the file was closed", path,
               (unsigned long long)info.bytes, (unsigned long long)bytes);
    wendi_error_hint(error, "the mount did not keep what it took: the file must be written again under a new name");
    return WEND_IO;
}
