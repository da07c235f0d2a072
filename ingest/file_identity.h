/**
 * Which file is this? Recognising content by the hash of its head and of the bytes before a position.
 *
 * A file's topic is "file:", the hash of its head in hex, "+n" when the head has only n bytes (less than 64 KiB), and
 * "~n" for the n-th file with that head that is not the first one's continuation.
 */
#ifndef WENDI_INGEST_FILE_IDENTITY_H
#define WENDI_INGEST_FILE_IDENTITY_H

#include "ingest/file_source.h"
#include "ingest/file_stream.h"

enum { WENDI_FILE_TOPIC_BYTES = 64 };

/** The last bytes before a position, as they go by. */
typedef struct wendi_file_tail {
    uint8_t bytes[WENDI_FILE_TAIL_BYTES];
    uint32_t length;
} wendi_file_tail;

void wendi_file_tail_add(wendi_file_tail *tail, const void *bytes, size_t length);
uint64_t wendi_file_tail_hash(const wendi_file_tail *tail);

/** Whether a file that begins with `head` may be the one named `topic`. */
bool wendi_file_topic_fits(const char *topic, const uint8_t *head, size_t head_length);
/** The `nth` (1, 2, …) topic for a file with that head. */
void wendi_file_topic_make(const uint8_t *head, size_t head_length, uint32_t nth, char topic[WENDI_FILE_TOPIC_BYTES]);

typedef enum wendi_file_match {
    WENDI_FILE_DIFFERS,  /* other bytes before the position */
    WENDI_FILE_CONTINUES, /* `*stream_out` stands at the position, `tail` holds what is before it */
    WENDI_FILE_TOO_SHORT /* ends before the position */
} wendi_file_match;

/** Whether the file at `path` is the one that was read up to `next` with this fingerprint. */
wend_status wendi_file_match_at(const char *path, int64_t next, uint64_t fingerprint, wendi_file_match *match,
                                wendi_file_stream **stream_out, wendi_file_tail *tail, wend_error *error);

#endif
