/* Reading, and telling apart plain, zstd (RFC 8878) and gzip (RFC 1952) by their magic numbers. */
#include "ingest/file_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "engine/base/alloc.h"
#include "engine/base/compress.h"

enum { IN_BYTES = 1 << 17, MAGIC_BYTES = 4, SKIP_BYTES = 1 << 16, GZIP_WINDOW = 15 + 16 };

typedef enum stream_kind { STREAM_UNKNOWN, STREAM_PLAIN, STREAM_ZSTD, STREAM_GZIP } stream_kind;

struct wendi_file_stream {
    char *path;
    int fd;
    bool owns_fd;
    bool regular;
    stream_kind kind;
    wendi_decompress_stream *zstd;
    z_stream gzip;
    bool at_boundary; /* no frame or member is under way */
    bool more_out;    /* the decompressor may have more without new input */
    bool in_ended;
    uint8_t *in; /* what was read and not given on or decompressed yet */
    size_t in_at;
    size_t in_length;
};

static wend_status fail_io(const wendi_file_stream *stream, const char *what, wend_error *error)
{
    wend_status status = errno == ENOENT ? WEND_NOT_FOUND : WEND_IO;
    wendi_fail(error, status, "cannot %s %s: %s", what, stream->path, strerror(errno));
    return status;
}

wend_status wendi_file_stream_open(const char *path, int fd, wendi_file_stream **stream_out, wend_error *error)
{
    struct stat info;
    wend_status status = WEND_OK;
    wendi_file_stream *stream = wendi_alloc_zero(1, sizeof *stream);
    *stream_out = NULL;
    if (stream == NULL) {
        return wendi_fail_nomem(error, "a file to read", sizeof *stream);
    }
    stream->fd = fd;
    stream->at_boundary = true;
    stream->path = wendi_strdup(path);
    stream->in = wendi_alloc(IN_BYTES);
    if (stream->path == NULL || stream->in == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "a file to read", IN_BYTES));
    }
    if (fd == -1) {
        stream->fd = open(path, O_RDONLY | O_CLOEXEC);
        stream->owns_fd = true;
    }
    if (stream->fd < 0 || fstat(stream->fd, &info) != 0) {
        WEND_TRY(fail_io(stream, "open", error));
    }
    if (S_ISDIR(info.st_mode)) {
        errno = EISDIR;
        WEND_TRY(fail_io(stream, "read", error));
    }
    stream->regular = S_ISREG(info.st_mode);
    if (stream->regular) {
        (void)posix_fadvise(stream->fd, 0, 0, POSIX_FADV_SEQUENTIAL); /* only a hint */
    }
    *stream_out = stream;
    stream = NULL;
cleanup:
    wendi_file_stream_close(stream);
    return status;
}

void wendi_file_stream_close(wendi_file_stream *stream)
{
    if (stream == NULL) {
        return;
    }
    if (stream->kind == STREAM_GZIP) {
        inflateEnd(&stream->gzip);
    }
    wendi_decompress_stream_close(stream->zstd);
    if (stream->owns_fd && stream->fd >= 0) {
        close(stream->fd);
    }
    wendi_free(stream->in);
    wendi_free(stream->path);
    wendi_free(stream);
}

/* One read; *length 0 and !*ended when nothing came in time. */
static wend_status read_some(wendi_file_stream *stream, void *buffer, size_t capacity, int timeout_ms, size_t *length,
                             bool *ended, wend_error *error)
{
    *length = 0;
    *ended = false;
    if (!stream->regular) {
        struct pollfd ready = {.fd = stream->fd, .events = POLLIN};
        int count = poll(&ready, 1, timeout_ms);
        if (count == 0 || (count < 0 && errno == EINTR)) {
            return WEND_OK;
        }
        if (count < 0) {
            return fail_io(stream, "wait for", error);
        }
    }
    ssize_t got = read(stream->fd, buffer, capacity);
    if (got < 0) {
        return errno == EINTR || errno == EAGAIN ? WEND_OK : fail_io(stream, "read", error);
    }
    *length = (size_t)got;
    *ended = got == 0;
    return WEND_OK;
}

static wend_status refill(wendi_file_stream *stream, int timeout_ms, bool *waiting, wend_error *error)
{
    size_t length;
    bool ended;
    if (stream->in_at != 0) {
        memmove(stream->in, stream->in + stream->in_at, stream->in_length - stream->in_at);
        stream->in_length -= stream->in_at;
        stream->in_at = 0;
    }
    wend_status status = read_some(stream, stream->in + stream->in_length, IN_BYTES - stream->in_length, timeout_ms, &length,
                                   &ended, error);
    stream->in_length += length;
    stream->in_ended = ended;
    *waiting = length == 0 && !ended;
    return status;
}

static wend_status begin_gzip(wendi_file_stream *stream, wend_error *error)
{
    if (inflateInit2(&stream->gzip, GZIP_WINDOW) != Z_OK) {
        return wendi_fail_nomem(error, "decompressing gzip", 1 << 16);
    }
    stream->kind = STREAM_GZIP;
    return WEND_OK;
}

/* Enough bytes to know what they are; undecided while an empty file may still grow. */
static wend_status recognise(wendi_file_stream *stream, int timeout_ms, wend_error *error)
{
    bool waiting = false;
    stream->in_ended = false; /* an empty file may have grown */
    while (stream->in_length < MAGIC_BYTES && !stream->in_ended && !waiting) {
        wend_status status = refill(stream, timeout_ms, &waiting, error);
        if (status != WEND_OK) {
            return status;
        }
    }
    if (waiting || stream->in_length == 0) {
        return WEND_OK;
    }
    if (stream->in_length >= MAGIC_BYTES && memcmp(stream->in, "\x28\xb5\x2f\xfd", MAGIC_BYTES) == 0) {
        stream->kind = STREAM_ZSTD;
        return wendi_decompress_stream_open(&stream->zstd, error);
    }
    if (stream->in_length >= MAGIC_BYTES && memcmp(stream->in, "\x1f\x8b", 2) == 0) {
        return begin_gzip(stream, error);
    }
    stream->kind = STREAM_PLAIN;
    return WEND_OK;
}

static wend_status fail_corrupt(const wendi_file_stream *stream, const char *what, wend_error *error)
{
    wendi_fail(error, WEND_CORRUPT, "%s: %s", stream->path, what);
    wendi_error_hint(error, "what could be read up to there is taken; get the file again and ingest it anew");
    return WEND_CORRUPT;
}

static wend_status inflate_some(wendi_file_stream *stream, uint8_t *buffer, size_t capacity, size_t *length, wend_error *error)
{
    z_stream *gzip = &stream->gzip;
    if (stream->at_boundary && stream->in_at == stream->in_length) {
        return WEND_OK;
    }
    gzip->next_in = stream->in + stream->in_at;
    gzip->avail_in = (uInt)(stream->in_length - stream->in_at);
    gzip->next_out = buffer;
    gzip->avail_out = (uInt)(capacity < 1u << 30 ? capacity : 1u << 30);
    uInt room = gzip->avail_out;
    int code = inflate(gzip, Z_NO_FLUSH);
    stream->in_at = stream->in_length - gzip->avail_in;
    *length = room - gzip->avail_out;
    stream->at_boundary = code == Z_STREAM_END;
    stream->more_out = gzip->avail_out == 0;
    if (code == Z_STREAM_END) {
        stream->more_out = false;
        return inflateReset(gzip) == Z_OK ? WEND_OK : fail_corrupt(stream, "gzip data are damaged", error);
    }
    return code == Z_OK || code == Z_BUF_ERROR ? WEND_OK : fail_corrupt(stream, "gzip data are damaged", error);
}

static wend_status unzstd_some(wendi_file_stream *stream, void *buffer, size_t capacity, size_t *length, wend_error *error)
{
    bool frame_done = false;
    if (stream->at_boundary && stream->in_at == stream->in_length) {
        return WEND_OK;
    }
    wend_status status = wendi_decompress_stream_next(stream->zstd, stream->in, stream->in_length, &stream->in_at, buffer,
                                                      capacity, length, &frame_done);
    stream->at_boundary = frame_done;
    stream->more_out = !frame_done && *length == capacity;
    return status == WEND_OK ? WEND_OK : fail_corrupt(stream, "zstd data are damaged", error);
}

static wend_status read_compressed(wendi_file_stream *stream, void *buffer, size_t capacity, int timeout_ms, size_t *length,
                                   bool *ended, wend_error *error)
{
    bool waiting = false;
    wend_status status = WEND_OK;
    while (status == WEND_OK && *length == 0 && !*ended && !waiting) {
        if (stream->in_at == stream->in_length && !stream->more_out && !stream->in_ended) {
            WEND_TRY(refill(stream, timeout_ms, &waiting, error));
        }
        size_t in_before = stream->in_at;
        WEND_TRY(stream->kind == STREAM_ZSTD ? unzstd_some(stream, buffer, capacity, length, error)
                                             : inflate_some(stream, buffer, capacity, length, error));
        *ended = *length == 0 && stream->in_at == in_before && stream->in_ended;
    }
    if (*ended && (!stream->at_boundary || stream->in_at != stream->in_length)) {
        WEND_TRY(fail_corrupt(stream, "the compressed data end too early", error));
    }
cleanup:
    return status;
}

wend_status wendi_file_stream_read(wendi_file_stream *stream, void *buffer, size_t capacity, int timeout_ms,
                                   size_t *length, bool *ended, wend_error *error)
{
    *length = 0;
    *ended = false;
    if (stream->kind == STREAM_UNKNOWN) {
        wend_status status = recognise(stream, timeout_ms, error);
        if (status != WEND_OK || stream->kind == STREAM_UNKNOWN) {
            *ended = stream->in_ended;
            return status;
        }
    }
    if (stream->kind != STREAM_PLAIN) {
        return read_compressed(stream, buffer, capacity, timeout_ms, length, ended, error);
    }
    size_t held = stream->in_length - stream->in_at;
    if (held != 0) { /* the bytes that were looked at to recognise the file */
        *length = held < capacity ? held : capacity;
        memcpy(buffer, stream->in + stream->in_at, *length);
        stream->in_at += *length;
        return WEND_OK;
    }
    return read_some(stream, buffer, capacity, timeout_ms, length, ended, error);
}

wend_status wendi_file_stream_take(wendi_file_stream *stream, void *buffer, uint64_t length, uint64_t *got,
                                   wend_error *error)
{
    char scratch[SKIP_BYTES];
    bool ended = false;
    *got = 0;
    while (*got < length && !ended) {
        size_t part;
        uint64_t left = length - *got;
        size_t room = buffer == NULL && left > sizeof scratch ? sizeof scratch : (size_t)left;
        void *to = buffer == NULL ? scratch : (char *)buffer + *got;
        wend_status status = wendi_file_stream_read(stream, to, room, 1000, &part, &ended, error);
        if (status != WEND_OK) {
            return status;
        }
        *got += part;
        if (buffer == NULL && stream->kind == STREAM_PLAIN && stream->regular && stream->in_at == stream->in_length) {
            off_t size = (off_t)wendi_file_stream_size(stream); /* the rest of the way in one step */
            off_t here = lseek(stream->fd, 0, SEEK_CUR);
            off_t step = (off_t)(length - *got);
            step = here < 0 || size < here ? 0 : step < size - here ? step : size - here;
            if (step > 0 && lseek(stream->fd, here + step, SEEK_SET) == here + step) {
                *got += (uint64_t)step;
            }
        }
    }
    return WEND_OK;
}

bool wendi_file_stream_is_plain(const wendi_file_stream *stream)
{
    return stream->kind == STREAM_PLAIN || stream->kind == STREAM_UNKNOWN;
}

int64_t wendi_file_stream_size(const wendi_file_stream *stream)
{
    struct stat info;
    return stream->regular && wendi_file_stream_is_plain(stream) && fstat(stream->fd, &info) == 0 ? (int64_t)info.st_size : -1;
}

bool wendi_file_stream_replaced(const wendi_file_stream *stream, int64_t position)
{
    struct stat by_path;
    struct stat by_fd;
    if (!stream->owns_fd || stat(stream->path, &by_path) != 0 || fstat(stream->fd, &by_fd) != 0) {
        return false; /* gone by name: what we hold is read on, the name may come back */
    }
    return by_path.st_dev != by_fd.st_dev || by_path.st_ino != by_fd.st_ino ||
           (wendi_file_stream_is_plain(stream) && (int64_t)by_fd.st_size < position);
}
