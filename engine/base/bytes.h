/**
 * Bytes: views of text, growable buffers, and little-endian fields read within bounds.
 *
 * Stored bytes are only ever read through wendi_reader, which remembers the first read beyond its
 * end: a parser reads a whole structure and checks `failed` once.
 */
#ifndef WENDI_BASE_BYTES_H
#define WENDI_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "engine/base/status.h"

/** A view of `length` bytes that somebody else owns; not NUL-terminated, may hold NULs. */
typedef struct wendi_string {
    const char *data;
    uint32_t length;
} wendi_string;

static inline wendi_string wendi_string_of(const char *text)
{
    return (wendi_string){text, (uint32_t)strlen(text)};
}

static inline bool wendi_string_equal(wendi_string a, wendi_string b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

/** Bytewise ("C" collation): negative, 0 or positive. */
static inline int wendi_string_compare(wendi_string a, wendi_string b)
{
    uint32_t shorter = a.length < b.length ? a.length : b.length;
    int order = shorter == 0 ? 0 : memcmp(a.data, b.data, shorter);
    return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

/** A growable byte buffer that owns its memory. Zero-filled is a valid empty one. */
typedef struct wendi_buffer {
    uint8_t *data;
    size_t length;
    size_t capacity;
} wendi_buffer;

/** Make room for `extra` more bytes beyond length (and 64 of padding after them). */
wend_status wendi_buffer_reserve(wendi_buffer *buffer, size_t extra);
wend_status wendi_buffer_append(wendi_buffer *buffer, const void *bytes, size_t length);
wend_status wendi_buffer_append_zero(wendi_buffer *buffer, size_t length);
wend_status wendi_buffer_printf(wendi_buffer *buffer, const char *format, ...) WEND_PRINTF(2, 3);
wend_status wendi_buffer_u8(wendi_buffer *buffer, uint8_t value);
wend_status wendi_buffer_u32(wendi_buffer *buffer, uint32_t value);
wend_status wendi_buffer_u64(wendi_buffer *buffer, uint64_t value);
void wendi_buffer_free(wendi_buffer *buffer);

static inline uint16_t wendi_load_u16(const void *at)
{
    const uint8_t *b = at;
    return (uint16_t)(b[0] | b[1] << 8);
}
static inline uint32_t wendi_load_u32(const void *at)
{
    const uint8_t *b = at;
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}
static inline uint64_t wendi_load_u64(const void *at)
{
    return (uint64_t)wendi_load_u32(at) | (uint64_t)wendi_load_u32((const uint8_t *)at + 4) << 32;
}
static inline void wendi_store_u16(void *at, uint16_t value)
{
    uint8_t *b = at;
    b[0] = (uint8_t)value;
    b[1] = (uint8_t)(value >> 8);
}
static inline void wendi_store_u32(void *at, uint32_t value)
{
    wendi_store_u16(at, (uint16_t)value);
    wendi_store_u16((uint8_t *)at + 2, (uint16_t)(value >> 16));
}
static inline void wendi_store_u64(void *at, uint64_t value)
{
    wendi_store_u32(at, (uint32_t)value);
    wendi_store_u32((uint8_t *)at + 4, (uint32_t)(value >> 32));
}

/** A bounded cursor over borrowed bytes. After a read beyond the end every read gives 0. */
typedef struct wendi_reader {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
} wendi_reader;

static inline wendi_reader wendi_reader_of(const void *bytes, size_t length)
{
    return (wendi_reader){bytes, (const uint8_t *)bytes + length, false};
}
static inline size_t wendi_reader_left(const wendi_reader *reader)
{
    return (size_t)(reader->end - reader->at);
}
/** The next `length` bytes in place, or NULL (and failed) when fewer are left. */
static inline const uint8_t *wendi_reader_bytes(wendi_reader *reader, size_t length)
{
    if (reader->failed || length > wendi_reader_left(reader)) {
        reader->failed = true;
        return NULL;
    }
    const uint8_t *here = reader->at;
    reader->at += length;
    return here;
}
static inline uint8_t wendi_reader_u8(wendi_reader *reader)
{
    const uint8_t *at = wendi_reader_bytes(reader, 1);
    return at == NULL ? 0 : *at;
}
static inline uint16_t wendi_reader_u16(wendi_reader *reader)
{
    const uint8_t *at = wendi_reader_bytes(reader, 2);
    return at == NULL ? 0 : wendi_load_u16(at);
}
static inline uint32_t wendi_reader_u32(wendi_reader *reader)
{
    const uint8_t *at = wendi_reader_bytes(reader, 4);
    return at == NULL ? 0 : wendi_load_u32(at);
}
static inline uint64_t wendi_reader_u64(wendi_reader *reader)
{
    const uint8_t *at = wendi_reader_bytes(reader, 8);
    return at == NULL ? 0 : wendi_load_u64(at);
}
/** A u32 length and that many bytes; an empty view when they are not there. */
static inline wendi_string wendi_reader_string(wendi_reader *reader)
{
    uint32_t length = wendi_reader_u32(reader);
    const uint8_t *at = wendi_reader_bytes(reader, length);
    return at == NULL ? (wendi_string){"", 0} : (wendi_string){(const char *)at, length};
}

#endif
