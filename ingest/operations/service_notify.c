/* The protocol of sd_notify(3), by its documentation. */
#include "ingest/operations/service_notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* $WATCHDOG_USEC, unless $WATCHDOG_PID says that it is meant for another process. */
static int64_t watchdog_asked(void)
{
    const char *usec = getenv("WATCHDOG_USEC");
    const char *pid = getenv("WATCHDOG_PID");
    if (usec == NULL || (pid != NULL && strtoll(pid, NULL, 10) != (long long)getpid())) {
        return 0;
    }
    long long microseconds = strtoll(usec, NULL, 10);
    return microseconds > 0 ? microseconds : 0;
}

void wendi_service_notify_open(wendi_service_notify *notify)
{
    const char *name = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = name != NULL ? strlen(name) : 0;
    *notify = (wendi_service_notify){.socket = -1};
    if (length < 2 || length >= sizeof address.sun_path || (name[0] != '/' && name[0] != '@')) {
        return;
    }
    memcpy(address.sun_path, name, length);
    bool abstract = name[0] == '@';
    if (abstract) {
        address.sun_path[0] = '\0';
    }
    socklen_t bytes =
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (abstract ? 0 : 1));
    int made = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (made >= 0 && connect(made, (struct sockaddr *)&address, bytes) == 0) {
        notify->socket = made;
        notify->watchdog_us = watchdog_asked();
    } else if (made >= 0) {
        close(made);
    }
}

bool wendi_service_notify_send(const wendi_service_notify *notify, const char *text)
{
    if (notify->socket < 0) {
        return false;
    }
    ssize_t sent;
    do {
        sent = send(notify->socket, text, strlen(text), MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent >= 0;
}

void wendi_service_notify_close(wendi_service_notify *notify)
{
    if (notify->socket >= 0) {
        close(notify->socket);
        notify->socket = -1;
    }
}
