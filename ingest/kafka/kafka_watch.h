/**
 * Waking the reader, and noticing that nobody could be awake. Private to this folder.
 *
 * A queue of librdkafka is waited for by its own means until a time of the wall clock, so a clock
 * that is set back makes 20 ms last hours. Here it writes to a descriptor instead, and we wait for
 * that by the monotonic clock; a waiting reader is also woken by the first message, not by a full
 * batch.
 *
 * A thread looks at the clock ten times a second. When it slept much longer, the whole process was
 * stopped (a signal, a frozen machine): brokers may have answered nobody meanwhile.
 */
#ifndef WENDI_KAFKA_WATCH_H
#define WENDI_KAFKA_WATCH_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <librdkafka/rdkafka.h>

#include "engine/base/status.h"

typedef struct wendi_kafka_watch {
    rd_kafka_queue_t *queue; /* borrowed */
    int woken_fd;            /* librdkafka writes when the queue has something */
    int end_fd;              /* ends the thread */
    pthread_t thread;
    bool running;
    _Atomic uint64_t stop_count; /* times that the process was found to have been stopped */
} wendi_kafka_watch;

/** Watch `queue`. `watch` must stay where it is until close(). */
wend_status wendi_kafka_watch_open(wendi_kafka_watch *watch, rd_kafka_queue_t *queue,
                                   wend_error *error) WEND_MUST_USE;
/** Wait until the queue has something, at most `timeout_ms`. */
void wendi_kafka_watch_wait(wendi_kafka_watch *watch, int timeout_ms);
/** Before the queue goes. Accepts one that was never opened, if it is zero-filled. */
void wendi_kafka_watch_close(wendi_kafka_watch *watch);

#endif
