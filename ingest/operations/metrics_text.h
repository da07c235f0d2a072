/** The metrics page: the board in Prometheus's text exposition format, version 0.0.4. */
#ifndef WENDI_METRICS_TEXT_H
#define WENDI_METRICS_TEXT_H

#include "ingest/operations/run_board.h"

#define WENDI_METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/** Append the page. Any thread. WEND_OK or WEND_NOMEM. */
wend_status wendi_metrics_text(wendi_run_board *board, wendi_buffer *out) WEND_MUST_USE;

#endif
