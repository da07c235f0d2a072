/* Filling error records. The only place that knows how messages are cut to size. */
#include "engine/base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *wend_status_name(wend_status status)
{
    static const char *const names[] = {
        "ok",       "end",     "invalid", "not found", "exists", "busy",        "fenced",
        "conflict", "corrupt", "io",      "kafka",     "nomem",  "unsupported", "cancelled"};
    size_t index = (size_t)status;
    return index < sizeof names / sizeof names[0] ? names[index] : "unknown";
}

static void fill(wend_error *error, wend_status status, int32_t position, const char *format, va_list arguments)
{
    if (error == NULL) {
        return;
    }
    error->status = status;
    error->position = position;
    error->hint[0] = '\0';
    vsnprintf(error->message, sizeof error->message, format, arguments);
}

wend_status wendi_fail(wend_error *error, wend_status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fill(error, status, -1, format, arguments);
    va_end(arguments);
    return status;
}

wend_status wendi_fail_at(wend_error *error, wend_status status, int32_t position, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fill(error, status, position, format, arguments);
    va_end(arguments);
    return status;
}

void wendi_error_hint(wend_error *error, const char *format, ...)
{
    if (error == NULL) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->hint, sizeof error->hint, format, arguments);
    va_end(arguments);
}

void wendi_error_context(wend_error *error, const char *format, ...)
{
    if (error == NULL) {
        return;
    }
    char before[WEND_ERROR_MESSAGE_BYTES];
    char joined[2 * WEND_ERROR_MESSAGE_BYTES + 2];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(before, sizeof before, format, arguments);
    va_end(arguments);
    snprintf(joined, sizeof joined, "%s: %s", before, error->message);
    memcpy(error->message, joined, sizeof error->message - 1);
    error->message[sizeof error->message - 1] = '\0';
}

wend_status wendi_fail_nomem(wend_error *error, const char *what, size_t bytes)
{
    return wendi_fail(error, WEND_NOMEM, "no memory for %s (%zu bytes)", what, bytes);
}

void wendi_require_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "wend: internal invariant broken at %s:%d: %s\n", file, line, condition);
    abort();
}
