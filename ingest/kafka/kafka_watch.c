/* See kafka_watch.h. Descriptors 0 mean that there is none: they are never given out here. */
#include "ingest/kafka/kafka_watch.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum {
    LOOK_MS = 100,
    STOPPED_MS = 700 /* a sleep of LOOK_MS that took longer was no sleep */
};

static int64_t boot_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now); /* goes on while the machine is suspended */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void *look(void *context)
{
    wendi_kafka_watch *watch = context;
    struct pollfd end = {.fd = watch->end_fd, .events = POLLIN};
    int64_t before_ms = boot_ms();

    while (poll(&end, 1, LOOK_MS) <= 0) {
        int64_t now_ms = boot_ms();
        if (now_ms - before_ms >= STOPPED_MS) {
            watch->stop_count++;
        }
        before_ms = now_ms;
    }
    return NULL;
}

wend_status wendi_kafka_watch_open(wendi_kafka_watch *watch, rd_kafka_queue_t *queue,
                                   wend_error *error)
{
    static const uint64_t one = 1;

    watch->queue = queue;
    watch->woken_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    watch->end_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (watch->woken_fd < 0 || watch->end_fd < 0) {
        wend_status status =
            wendi_fail(error, WEND_IO, "cannot make an event descriptor: %s", strerror(errno));
        watch->woken_fd = watch->woken_fd < 0 ? 0 : watch->woken_fd;
        watch->end_fd = watch->end_fd < 0 ? 0 : watch->end_fd;
        return status;
    }
    rd_kafka_queue_io_event_enable(queue, watch->woken_fd, &one, sizeof one);
    int code = pthread_create(&watch->thread, NULL, look, watch);
    watch->running = code == 0;
    return code == 0 ? WEND_OK
                     : wendi_fail(error, WEND_IO, "cannot start a thread: %s", strerror(code));
}

void wendi_kafka_watch_wait(wendi_kafka_watch *watch, int timeout_ms)
{
    struct pollfd woken = {.fd = watch->woken_fd, .events = POLLIN};
    uint64_t count = 0;

    if (poll(&woken, 1, timeout_ms) > 0) {
        (void)!read(watch->woken_fd, &count, sizeof count);
    }
}

void wendi_kafka_watch_close(wendi_kafka_watch *watch)
{
    static const uint64_t one = 1;

    if (watch->running) {
        (void)!write(watch->end_fd, &one, sizeof one);
        pthread_join(watch->thread, NULL);
    }
    if (watch->queue != NULL && watch->woken_fd > 0) {
        rd_kafka_queue_io_event_enable(watch->queue, -1, NULL, 0);
    }
    if (watch->woken_fd > 0) {
        close(watch->woken_fd);
    }
    if (watch->end_fd > 0) {
        close(watch->end_fd);
    }
    *watch = (wendi_kafka_watch){0};
}
