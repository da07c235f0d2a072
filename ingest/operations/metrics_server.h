/**
 * /metrics and /healthz over HTTP. The only file that sees libmicrohttpd is metrics_server.c.
 *
 * One thread of the library's own serves both; it only reads the board. There is no TLS and no
 * password: it listens on loopback unless told otherwise, and tells nothing but numbers, names of
 * tables, topics and reasons.
 */
#ifndef WENDI_METRICS_SERVER_H
#define WENDI_METRICS_SERVER_H

#include "ingest/operations/run_board.h"

typedef struct wendi_metrics_server wendi_metrics_server;

/**
 * Serve `board` at "[HOST:]PORT" (an IPv6 host in brackets, host names are resolved, port 0 takes a
 * free one) until close(). /healthz is 200 while every table gets on within `patience_us`, else 503
 * with the names of those that do not.
 * Returns: WEND_INVALID the address is none; WEND_IO it cannot be listened at (taken, not ours).
 */
wend_status wendi_metrics_server_open(const char *address, wendi_run_board *board,
                                      int64_t patience_us, wendi_metrics_server **server_out,
                                      wend_error *error) WEND_MUST_USE;
/** Where it listens: "http://127.0.0.1:9187/metrics". */
const char *wendi_metrics_server_url(const wendi_metrics_server *server);
/** Waits for answers under way. Accepts NULL. */
void wendi_metrics_server_close(wendi_metrics_server *server);

#endif
