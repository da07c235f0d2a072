/* Growable buffers. Capacity grows by half and always leaves 64 readable bytes behind the end. */
#include "engine/base/bytes.h"

#include <stdarg.h>
#include <stdio.h>

#include "engine/base/alloc.h"

enum { BUFFER_PADDING = 64 };

wend_status wendi_buffer_reserve(wendi_buffer *buffer, size_t extra)
{
    if (extra > SIZE_MAX / 4 - buffer->length) {
        return WEND_NOMEM;
    }
    size_t needed = buffer->length + extra + BUFFER_PADDING;
    if (needed <= buffer->capacity) {
        return WEND_OK;
    }
    size_t capacity = buffer->capacity + buffer->capacity / 2;
    capacity = capacity < needed ? needed : capacity;
    uint8_t *data = wendi_realloc(buffer->data, capacity);
    if (data == NULL) {
        return WEND_NOMEM;
    }
    buffer->data = data;
    buffer->capacity = capacity;
    return WEND_OK;
}

wend_status wendi_buffer_append(wendi_buffer *buffer, const void *bytes, size_t length)
{
    wend_status status = wendi_buffer_reserve(buffer, length);
    if (status == WEND_OK && length != 0) {
        memcpy(buffer->data + buffer->length, bytes, length);
        buffer->length += length;
    }
    return status;
}

wend_status wendi_buffer_append_zero(wendi_buffer *buffer, size_t length)
{
    wend_status status = wendi_buffer_reserve(buffer, length);
    if (status == WEND_OK && length != 0) {
        memset(buffer->data + buffer->length, 0, length);
        buffer->length += length;
    }
    return status;
}

wend_status wendi_buffer_printf(wendi_buffer *buffer, const char *format, ...)
{
    va_list arguments;
    va_list again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    wend_status status = length < 0 ? WEND_INVALID : wendi_buffer_reserve(buffer, (size_t)length + 1);
    if (status == WEND_OK) {
        vsnprintf((char *)buffer->data + buffer->length, (size_t)length + 1, format, again);
        buffer->length += (size_t)length;
    }
    va_end(again);
    return status;
}

wend_status wendi_buffer_u8(wendi_buffer *buffer, uint8_t value)
{
    return wendi_buffer_append(buffer, &value, 1);
}

wend_status wendi_buffer_u32(wendi_buffer *buffer, uint32_t value)
{
    uint8_t bytes[4];
    wendi_store_u32(bytes, value);
    return wendi_buffer_append(buffer, bytes, sizeof bytes);
}

wend_status wendi_buffer_u64(wendi_buffer *buffer, uint64_t value)
{
    uint8_t bytes[8];
    wendi_store_u64(bytes, value);
    return wendi_buffer_append(buffer, bytes, sizeof bytes);
}

void wendi_buffer_free(wendi_buffer *buffer)
{
    wendi_free(buffer->data);
    *buffer = (wendi_buffer){0};
}
