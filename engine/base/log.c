/* Log lines. A line is put together in one buffer and leaves in one write, so lines never mix. */
#include "engine/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "engine/base/civil.h"
#include "engine/base/clock.h"

enum { LOG_TEXT_BYTES = 2048, LOG_LINE_BYTES = 6 * LOG_TEXT_BYTES + 256 };

static _Atomic int configured_level = WENDI_LOG_OFF;
static _Atomic int configured_json = 0;

void wendi_log_configure(wendi_log_level level, int json)
{
    atomic_store(&configured_level, (int)level);
    atomic_store(&configured_json, json != 0);
}

static const char *level_name(wendi_log_level level)
{
    static const char *const names[] = {"off", "error", "warning", "info", "debug"};
    return names[level];
}

static void format_time(char *text, size_t capacity)
{
    int64_t now_us = wendi_clock_wall_us();
    int64_t seconds = wendi_floor_div(now_us, 1000000);
    int64_t days = wendi_floor_div(seconds, 86400);
    int in_day = (int)(seconds - days * 86400);
    int64_t year;
    int32_t month;
    int32_t day;
    wendi_civil_of_days(days, &year, &month, &day);
    snprintf(text, capacity, "%04lld-%02d-%02dT%02d:%02d:%02d.%03dZ", (long long)year, month, day, in_day / 3600,
             in_day / 60 % 60, in_day % 60, (int)((now_us - seconds * 1000000) / 1000));
}

/* `text` as the inside of a JSON string (RFC 8259); `out` has room for six bytes for each. */
static void escape_json(const char *text, char *out)
{
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte == '"' || byte == '\\') {
            *out++ = '\\';
            *out++ = (char)byte;
        } else if (byte < 0x20) {
            out += sprintf(out, "\\u%04x", byte);
        } else {
            *out++ = (char)byte;
        }
    }
    *out = '\0';
}

static void write_line(const char *line, size_t length)
{
    while (length != 0) {
        ssize_t written = write(STDERR_FILENO, line, length);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return; /* Nobody is left to tell. */
        }
        line += written;
        length -= (size_t)written;
    }
}

void wendi_log(wendi_log_level level, const char *room, const char *format, ...)
{
    if (level == WENDI_LOG_OFF || (int)level > atomic_load_explicit(&configured_level, memory_order_relaxed)) {
        return;
    }
    int saved_errno = errno;
    char text[LOG_TEXT_BYTES];
    char time[64];
    char line[LOG_LINE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    format_time(time, sizeof time);

    int length;
    if (atomic_load_explicit(&configured_json, memory_order_relaxed) != 0) {
        char escaped[6 * LOG_TEXT_BYTES];
        escape_json(text, escaped);
        length = snprintf(line, sizeof line, "{\"time\":\"%s\",\"level\":\"%s\",\"room\":\"%s\",\"message\":\"%s\"}\n",
                          time, level_name(level), room, escaped);
    } else {
        length = snprintf(line, sizeof line, "%s %s %s: %s\n", time, level_name(level), room, text);
    }
    write_line(line, (size_t)length < sizeof line ? (size_t)length : sizeof line - 1);
    errno = saved_errno;
}
