/**
 * The bytes of a file or descriptor, decompressed when its first bytes say zstd or gzip.
 *
 * Several zstd frames or gzip members one after the other are one stream. One thread at a time.
 */
#ifndef WENDI_INGEST_FILE_STREAM_H
#define WENDI_INGEST_FILE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/status.h"

typedef struct wendi_file_stream wendi_file_stream;

/** Open `path` (WEND_NOT_FOUND, WEND_IO), or take `fd` (not closed with the stream) when it is not -1. */
wend_status wendi_file_stream_open(const char *path, int fd, wendi_file_stream **stream_out, wend_error *error);
void wendi_file_stream_close(wendi_file_stream *stream); /* accepts NULL */

/**
 * Up to `capacity` decompressed bytes, waiting at most `timeout_ms` for a pipe. *length 0 with *ended
 * false: nothing came in time. *ended: the end was met; a plain file that grew gives more at a later call.
 * WEND_CORRUPT: compressed data are damaged, or end within a frame.
 */
wend_status wendi_file_stream_read(wendi_file_stream *stream, void *buffer, size_t capacity, int timeout_ms,
                                   size_t *length, bool *ended, wend_error *error);
/** Read exactly `length` bytes or less where the stream ends; *got says how many. `buffer` NULL: pass them over. */
wend_status wendi_file_stream_take(wendi_file_stream *stream, void *buffer, uint64_t length, uint64_t *got,
                                   wend_error *error);

bool wendi_file_stream_is_plain(const wendi_file_stream *stream); /* known after the first bytes */
/** Size of a plain regular file now, else -1. */
int64_t wendi_file_stream_size(const wendi_file_stream *stream);
/** Whether the path names another file by now, or this one was cut below `position`. */
bool wendi_file_stream_replaced(const wendi_file_stream *stream, int64_t position);

#endif
