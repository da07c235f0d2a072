/**
 * Log lines on standard error: "2026-01-31T10:00:00.123Z info ingest: text", or JSON lines.
 * Thread safe; one write per line. The library logs nothing unless a program sets the level.
 */
#ifndef WENDI_BASE_LOG_H
#define WENDI_BASE_LOG_H

#include "wend/status.h"

typedef enum wendi_log_level { WENDI_LOG_OFF, WENDI_LOG_ERROR, WENDI_LOG_WARNING, WENDI_LOG_INFO, WENDI_LOG_DEBUG } wendi_log_level;

void wendi_log_configure(wendi_log_level level, int json);
void wendi_log(wendi_log_level level, const char *room, const char *format, ...) WEND_PRINTF(3, 4);

#endif
