/*
 * Checked allocation, growable bytes and error records: what every other file of the exporter
 * stands on. Nothing here knows of Parquet.
 */
#include "tools/parquet_export/parquet_memory.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Large blocks are moved by remapping, not copying: small steps keep the memory near its use. */
#define GROWTH_BYTES_MAX ((size_t)4 << 20)

static _Atomic int64_t calls_until_refusal = -1;

static bool is_refused(void)
{
    int64_t left = atomic_load_explicit(&calls_until_refusal, memory_order_relaxed);

    if (left < 0) {
        return false;
    }
    if (left > 0) {
        atomic_store_explicit(&calls_until_refusal, left - 1, memory_order_relaxed);
        return false;
    }
    return true;
}

void parquet_alloc_refuse_at(int64_t calls)
{
    atomic_store_explicit(&calls_until_refusal, calls, memory_order_relaxed);
}

void *parquet_alloc(size_t bytes)
{
    return is_refused() ? NULL : malloc(bytes == 0 ? 1 : bytes);
}

void *parquet_alloc_zero(size_t count, size_t bytes_each)
{
    if (is_refused()) {
        return NULL;
    }
    return count == 0 || bytes_each == 0 ? calloc(1, 1) : calloc(count, bytes_each);
}

void *parquet_realloc(void *memory, size_t bytes)
{
    return is_refused() ? NULL : realloc(memory, bytes == 0 ? 1 : bytes);
}

void parquet_free(void *memory)
{
    free(memory);
}

char *parquet_format(const char *format, ...)
{
    va_list arguments;
    char *text = NULL;
    int length;

    va_start(arguments, format);
    length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0) {
        return NULL;
    }
    text = parquet_alloc((size_t)length + 1);
    if (text != NULL) {
        va_start(arguments, format);
        (void)vsnprintf(text, (size_t)length + 1, format, arguments);
        va_end(arguments);
    }
    return text;
}

wend_status parquet_bytes_reserve(parquet_bytes *bytes, size_t more)
{
    size_t wanted = bytes->length + more;
    size_t step = bytes->capacity / 2;
    size_t capacity = bytes->capacity + (step > GROWTH_BYTES_MAX ? GROWTH_BYTES_MAX : step);
    uint8_t *data;

    if (more > SIZE_MAX - bytes->length) {
        return WEND_NOMEM;
    }
    if (wanted <= bytes->capacity && bytes->data != NULL) {
        return WEND_OK;
    }
    if (capacity < wanted) {
        capacity = wanted;
    }
    if (capacity < 64) {
        capacity = 64;
    }
    data = parquet_realloc(bytes->data, capacity);
    if (data == NULL) {
        return WEND_NOMEM;
    }
    bytes->data = data;
    bytes->capacity = capacity;
    return WEND_OK;
}

wend_status parquet_bytes_append(parquet_bytes *bytes, const void *data, size_t count)
{
    wend_status status = parquet_bytes_reserve(bytes, count);

    if (status == WEND_OK && count > 0) {
        memcpy(bytes->data + bytes->length, data, count);
        bytes->length += count;
    }
    return status;
}

void parquet_bytes_free(parquet_bytes *bytes)
{
    parquet_free(bytes->data);
    *bytes = (parquet_bytes){0};
}

wend_status parquet_fail(wend_error *error, wend_status status, const char *format, ...)
{
    va_list arguments;

    if (error != NULL) {
        error->status = status;
        error->position = -1;
        error->hint[0] = '\0';
        va_start(arguments, format);
        (void)vsnprintf(error->message, sizeof(error->message), format, arguments);
        va_end(arguments);
    }
    return status;
}

void parquet_hint(wend_error *error, const char *format, ...)
{
    va_list arguments;

    if (error != NULL) {
        va_start(arguments, format);
        (void)vsnprintf(error->hint, sizeof(error->hint), format, arguments);
        va_end(arguments);
    }
}
