/* Hashes of heads and tails, and the topics made of them. */
#include "ingest/file_identity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/hash.h"

void wendi_file_tail_add(wendi_file_tail *tail, const void *bytes, size_t length)
{
    const uint8_t *from = bytes;
    if (length >= sizeof tail->bytes) {
        memcpy(tail->bytes, from + length - sizeof tail->bytes, sizeof tail->bytes);
        tail->length = sizeof tail->bytes;
        return;
    }
    size_t keep = sizeof tail->bytes - length;
    keep = keep < tail->length ? keep : tail->length;
    memmove(tail->bytes, tail->bytes + tail->length - keep, keep);
    memcpy(tail->bytes + keep, from, length);
    tail->length = (uint32_t)(keep + length);
}

uint64_t wendi_file_tail_hash(const wendi_file_tail *tail)
{
    return wendi_hash64(tail->bytes, tail->length);
}

bool wendi_file_topic_fits(const char *topic, const uint8_t *head, size_t head_length)
{
    char *end;
    size_t length = WENDI_FILE_HEAD_BYTES;
    if (strncmp(topic, "file:", 5) != 0) {
        return false;
    }
    uint64_t hash = strtoull(topic + 5, &end, 16);
    if (*end == '+') {
        length = strtoul(end + 1, NULL, 10);
    }
    return length != 0 && length <= head_length && wendi_hash64(head, length) == hash;
}

void wendi_file_topic_make(const uint8_t *head, size_t head_length, uint32_t nth, char topic[WENDI_FILE_TOPIC_BYTES])
{
    size_t length = head_length < WENDI_FILE_HEAD_BYTES ? head_length : WENDI_FILE_HEAD_BYTES;
    int at = snprintf(topic, WENDI_FILE_TOPIC_BYTES, "file:%016llx", (unsigned long long)wendi_hash64(head, length));
    if (length < WENDI_FILE_HEAD_BYTES) {
        at += snprintf(topic + at, WENDI_FILE_TOPIC_BYTES - (size_t)at, "+%zu", length);
    }
    if (nth > 1) {
        snprintf(topic + at, WENDI_FILE_TOPIC_BYTES - (size_t)at, "~%u", nth);
    }
}

wend_status wendi_file_match_at(const char *path, int64_t next, uint64_t fingerprint, wendi_file_match *match,
                                wendi_file_stream **stream_out, wendi_file_tail *tail, wend_error *error)
{
    wendi_file_stream *stream = NULL;
    uint64_t tail_bytes = (uint64_t)next < WENDI_FILE_TAIL_BYTES ? (uint64_t)next : WENDI_FILE_TAIL_BYTES;
    uint64_t got;
    wend_status status = WEND_OK;
    *stream_out = NULL;
    *match = WENDI_FILE_TOO_SHORT;
    WEND_TRY(wendi_file_stream_open(path, -1, &stream, error));
    WEND_TRY(wendi_file_stream_take(stream, NULL, (uint64_t)next - tail_bytes, &got, error));
    if (got != (uint64_t)next - tail_bytes) {
        goto cleanup;
    }
    WEND_TRY(wendi_file_stream_take(stream, tail->bytes, tail_bytes, &got, error));
    tail->length = (uint32_t)got;
    if (got == tail_bytes) {
        bool same = wendi_file_tail_hash(tail) == fingerprint;
        *match = same ? WENDI_FILE_CONTINUES : WENDI_FILE_DIFFERS;
        *stream_out = same ? stream : NULL;
        stream = same ? NULL : stream;
    }
cleanup:
    wendi_file_stream_close(stream);
    return status;
}
