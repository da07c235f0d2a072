/**
 * Telling the service manager: readiness, life, what is being done, the end. The protocol is that
 * of sd_notify(3): datagrams of NAME=VALUE lines to the socket that $NOTIFY_SOCKET names (a path,
 * or a name in the abstract namespace when it begins with @), which needs no library.
 */
#ifndef WENDI_SERVICE_NOTIFY_H
#define WENDI_SERVICE_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

typedef struct wendi_service_notify {
    int socket;          /* -1: no manager listens; every call does nothing */
    int64_t watchdog_us; /* the manager wants a sign of life within so long; 0: none */
} wendi_service_notify;

/** Read $NOTIFY_SOCKET and $WATCHDOG_USEC. That nobody listens is no fault. */
void wendi_service_notify_open(wendi_service_notify *notify);
/** Send one datagram, such as "READY=1\nSTATUS=…"; never blocks, and what cannot be sent is left.
 */
bool wendi_service_notify_send(const wendi_service_notify *notify, const char *text);
void wendi_service_notify_close(wendi_service_notify *notify);

#endif
