/* /metrics and /healthz by libmicrohttpd: its own polling thread, small answers made at each
 * request. */
#include "ingest/operations/metrics_server.h"

#include <microhttpd.h>

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/clock.h"
#include "ingest/operations/metrics_text.h"

enum { HOST_BYTES = 256, URL_BYTES = 320, CONNECTIONS_MAX = 64, IDLE_TIMEOUT_S = 15 };

struct wendi_metrics_server {
    wendi_run_board *board;
    int64_t patience_us;
    struct MHD_Daemon *daemon;
    int listener; /* MHD's once it has started */
    char url[URL_BYTES];
};

/* ---- the address ------------------------------------------------------------------------------
 */

typedef struct address {
    char host[HOST_BYTES];
    char port[16];
} address;

static wend_status bad_address(wend_error *error, const char *text)
{
    wendi_fail(error, WEND_INVALID, "\"%s\" is no address to serve metrics at", text);
    wendi_error_hint(error, "write PORT, HOST:PORT or [IPV6]:PORT, such as 9187 or 0.0.0.0:9187");
    return WEND_INVALID;
}

static wend_status parse_address(const char *text, address *out, wend_error *error)
{
    const char *colon = strrchr(text, ':');
    const char *port = colon != NULL ? colon + 1 : text;
    const char *host = colon != NULL ? text : "127.0.0.1";
    size_t host_length = colon != NULL ? (size_t)(colon - text) : strlen(host);
    if (colon != NULL && host[0] == '[') {
        if (host_length < 3 || host[host_length - 1] != ']') {
            return bad_address(error, text);
        }
        host++;
        host_length -= 2;
    } else if (memchr(host, ':', host_length) != NULL) {
        return bad_address(error, text);
    }
    size_t digits = strspn(port, "0123456789");
    long number = digits > 0 && digits <= 5 && port[digits] == '\0' ? strtol(port, NULL, 10) : -1;
    if (number < 0 || number > 65535 || host_length == 0 || host_length >= HOST_BYTES) {
        return bad_address(error, text);
    }
    snprintf(out->host, sizeof out->host, "%.*s", (int)host_length, host);
    snprintf(out->port, sizeof out->port, "%ld", number);
    return WEND_OK;
}

/* Listen at the first of the host's addresses that allows it. */
static wend_status listen_at(wendi_metrics_server *server, const char *text, wend_error *error)
{
    address at;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found = NULL;
    wend_status status = WEND_OK;
    int fault = 0;
    WEND_TRY(parse_address(text, &at, error));
    int code = getaddrinfo(at.host, at.port, &hints, &found);
    if (code != 0) {
        WEND_TRY(wendi_fail(error, WEND_INVALID, "cannot serve metrics at %s: %s", text,
                            gai_strerror(code)));
    }
    for (struct addrinfo *next = found; next != NULL && server->listener < 0;
         next = next->ai_next) {
        int on = 1;
        int listener = socket(next->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (listener >= 0 && setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
            bind(listener, next->ai_addr, next->ai_addrlen) == 0 && listen(listener, 16) == 0) {
            server->listener = listener;
        } else {
            fault = errno;
            if (listener >= 0) {
                close(listener);
            }
        }
    }
    if (server->listener < 0) {
        wendi_fail(error, WEND_IO, "cannot serve metrics at %s: %s", text, strerror(fault));
        wendi_error_hint(error, fault == EADDRINUSE
                                    ? "choose another port; 0 takes a free one"
                                    : "an address of this machine is wanted, and a port "
                                      "that one may listen at");
        WEND_TRY(WEND_IO);
    }
cleanup:
    if (found != NULL) {
        freeaddrinfo(found);
    }
    return status;
}

static void name_url(wendi_metrics_server *server)
{
    struct sockaddr_storage bound;
    socklen_t length = sizeof bound;
    char host[HOST_BYTES] = "?";
    char port[16] = "?";
    if (getsockname(server->listener, (struct sockaddr *)&bound, &length) == 0) {
        (void)getnameinfo((struct sockaddr *)&bound, length, host, sizeof host, port, sizeof port,
                          NI_NUMERICHOST | NI_NUMERICSERV);
    }
    snprintf(server->url, sizeof server->url,
             strchr(host, ':') != NULL ? "http://[%s]:%s/metrics" : "http://%s:%s/metrics", host,
             port);
}

/* ---- answers ----------------------------------------------------------------------------------
 */

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned int code,
                              const char *type, const void *text, size_t length)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(length, (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
    if (response == NULL) {
        return MHD_NO;
    }
    enum MHD_Result result = MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    if (result == MHD_YES) {
        result = MHD_queue_response(connection, code, response);
    }
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result answer_plain(struct MHD_Connection *connection, unsigned int code,
                                    const char *text)
{
    return answer(connection, code, "text/plain; charset=utf-8", text, strlen(text));
}

static enum MHD_Result answer_metrics(wendi_metrics_server *server,
                                      struct MHD_Connection *connection)
{
    wendi_buffer text = {0};
    enum MHD_Result result =
        wendi_metrics_text(server->board, &text) == WEND_OK
            ? answer(connection, MHD_HTTP_OK, WENDI_METRICS_CONTENT_TYPE, text.data, text.length)
            : answer_plain(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory\n");
    wendi_buffer_free(&text);
    return result;
}

/* One line for each table that does not get on, else "ok". */
static enum MHD_Result answer_health(wendi_metrics_server *server,
                                     struct MHD_Connection *connection)
{
    wendi_buffer text = {0};
    wendi_arena arena = {0};
    int64_t now_us = wendi_clock_monotonic_us();
    wend_status status = WEND_OK;
    for (uint32_t i = 0; status == WEND_OK && i < wendi_run_board_count(server->board); i++) {
        wendi_run_view view;
        wendi_arena_reset(&arena);
        status = wendi_run_board_read(server->board, i, &arena, &view);
        bool gets_on =
            status != WEND_OK || wendi_run_view_gets_on(&view, now_us, server->patience_us);
        if (status == WEND_OK && (!gets_on || view.phase == WENDI_RUN_FAILED)) {
            status = wendi_buffer_printf(&text, "%s: %s%s\n", view.table,
                                         gets_on ? "failed: " : "does not get on", view.message);
        }
    }
    unsigned int code =
        text.length == 0 && status == WEND_OK ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
    enum MHD_Result result =
        text.length != 0
            ? answer(connection, code, "text/plain; charset=utf-8", text.data, text.length)
            : answer_plain(connection, code, code == MHD_HTTP_OK ? "ok\n" : "out of memory\n");
    wendi_buffer_free(&text);
    wendi_arena_free(&arena);
    return result;
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **request)
{
    wendi_metrics_server *server = context;
    (void)version;
    (void)upload;
    (void)request;
    if (*upload_size != 0) { /* what somebody sends with a request is not for us */
        *upload_size = 0;
        return MHD_YES;
    }
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
        return answer_plain(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
    }
    if (strcmp(url, "/metrics") == 0) {
        return answer_metrics(server, connection);
    }
    if (strcmp(url, "/healthz") == 0) {
        return answer_health(server, connection);
    }
    return answer_plain(connection, MHD_HTTP_NOT_FOUND, "there are /metrics and /healthz\n");
}

/* ---- life -------------------------------------------------------------------------------------
 */

wend_status wendi_metrics_server_open(const char *text, wendi_run_board *board, int64_t patience_us,
                                      wendi_metrics_server **server_out, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_metrics_server *server = wendi_alloc_zero(1, sizeof *server);
    *server_out = NULL;
    if (server == NULL) {
        return wendi_fail_nomem(error, "the metrics", sizeof *server);
    }
    server->board = board;
    server->patience_us = patience_us;
    server->listener = -1;
    WEND_TRY(listen_at(server, text, error));
    name_url(server);
    server->daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_ITC, 0, NULL, NULL,
                                      handle, server, MHD_OPTION_LISTEN_SOCKET, server->listener,
                                      MHD_OPTION_CONNECTION_LIMIT, (unsigned int)CONNECTIONS_MAX,
                                      MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)IDLE_TIMEOUT_S,
                                      MHD_OPTION_END);
    if (server->daemon == NULL) {
        WEND_TRY(
            wendi_fail(error, WEND_IO, "cannot serve metrics at %s: %s", text, strerror(errno)));
    }
    *server_out = server;
    server = NULL;
cleanup:
    wendi_metrics_server_close(server);
    return status;
}

const char *wendi_metrics_server_url(const wendi_metrics_server *server)
{
    return server->url;
}

void wendi_metrics_server_close(wendi_metrics_server *server)
{
    if (server == NULL) {
        return;
    }
    if (server->daemon != NULL) {
        MHD_stop_daemon(server->daemon); /* closes the listener, too */
    } else if (server->listener >= 0) {
        close(server->listener);
    }
    wendi_free(server);
}
