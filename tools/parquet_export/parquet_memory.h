/**
 * The exporter's heap: checked allocation behind one door, and a growable run of bytes.
 *
 * A program that links the exporter need not link the engine, so this room has its own door. Tests
 * close it at the n-th call to see that every refusal is survived.
 */
#ifndef PARQUET_MEMORY_H
#define PARQUET_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "wend/status.h"

/** Run a call; on anything but WEND_OK keep its status in the local `status` and go to `cleanup`.
 */
#define PARQUET_TRY(call)                                                                          \
    do {                                                                                           \
        status = (call);                                                                           \
        if (status != WEND_OK) {                                                                   \
            goto cleanup;                                                                          \
        }                                                                                          \
    } while (0)

/** All accept a size of 0 (asked for as 1), so that NULL always means refused. */
void *parquet_alloc(size_t bytes) __attribute__((malloc));
void *parquet_alloc_zero(size_t count, size_t bytes_each) __attribute__((malloc));
void *parquet_realloc(void *memory, size_t bytes);
char *parquet_format(const char *format, ...) WEND_PRINTF(1, 2); /* a new string, or NULL */
void parquet_free(void *memory);

/** Test only: refuse the call after `calls` more have passed, and all later ones; -1 ends that. */
WEND_API void parquet_alloc_refuse_at(int64_t calls);

/** A growable run of bytes; all zero is an empty one. The first `length` of `capacity` are set. */
typedef struct parquet_bytes {
    uint8_t *data;
    size_t length;
    size_t capacity;
} parquet_bytes;

/** Make room for `more` bytes after the current length. WEND_OK or WEND_NOMEM. */
WEND_MUST_USE wend_status parquet_bytes_reserve(parquet_bytes *bytes, size_t more);
WEND_MUST_USE wend_status parquet_bytes_append(parquet_bytes *bytes, const void *data,
                                               size_t count);
void parquet_bytes_free(parquet_bytes *bytes);

/** Fill `error` (may be NULL) with one line and return `status`. */
wend_status parquet_fail(wend_error *error, wend_status status, const char *format, ...)
    WEND_PRINTF(3, 4);
/** What to do instead, of an error already filled (NULL is accepted). */
void parquet_hint(wend_error *error, const char *format, ...) WEND_PRINTF(2, 3);

#endif
