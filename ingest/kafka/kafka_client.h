/**
 * What the source and the producer share: opening a librdkafka client from settings, and keeping
 * what librdkafka tells about its connections. Private to this folder.
 *
 * librdkafka calls back on its own threads for logs, so last_error is behind a mutex; its events
 * come on the thread that polls. The client must be the first member of its owner: it is the
 * opaque pointer of every callback.
 */
#ifndef WENDI_KAFKA_CLIENT_H
#define WENDI_KAFKA_CLIENT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <librdkafka/rdkafka.h>

#include "ingest/kafka/kafka_properties.h"

enum { WENDI_KAFKA_CONNECT_TIMEOUT_MS = 15000 };

typedef struct wendi_kafka_client {
    rd_kafka_t *handle;
    pthread_mutex_t mutex;
    bool mutex_made;
    bool verbose;         /* the user asked librdkafka to log: its lines go to standard error */
    char last_error[256]; /* guarded by mutex */
    /* What makes a partition's past doubtful: the source compares fingerprints again when they
     * rise. */
    _Atomic uint64_t lost_connections; /* established connections that broke, and times that no
                                          broker was left */
    _Atomic uint64_t missing_topics;   /* times that a topic or partition was no longer there */
    bool brokers_down;
    bool settled; /* it has worked once: from then on a refusal is borne for a while, since brokers
                     that start refuse log-ins that they accept moments later */
    rd_kafka_resp_err_t
        refusal; /* an error that no retry mends, such as a failed log-in; 0: none */
    int64_t refused_at_ms;
    char refusal_text[256];
    wendi_kafka_properties log_in; /* of a consumer: what the user gave of sasl.username and sasl.password */
} wendi_kafka_client;

typedef struct wendi_kafka_setting {
    const char *key;
    const char *value;
    bool optional; /* not known to every version of librdkafka: then left out */
} wendi_kafka_setting;

/**
 * Open `client` (zeroed): `defaults` first, then the user's properties over them, then `fixed`.
 * `configure` may be NULL; it sets callbacks. WEND_INVALID names a setting that librdkafka refuses.
 */
wend_status wendi_kafka_client_open(wendi_kafka_client *client, rd_kafka_type_t type,
                                    const char *brokers, const wendi_kafka_properties *properties,
                                    const wendi_kafka_setting *defaults,
                                    const wendi_kafka_setting *fixed,
                                    void (*configure)(rd_kafka_conf_t *),
                                    wend_error *error) WEND_MUST_USE;
/** Whether `brokers` or the properties name any broker. */
bool wendi_kafka_brokers_named(const char *brokers, const wendi_kafka_properties *properties);
void wendi_kafka_client_close(wendi_kafka_client *client);
/** Keep `text` as the newest fault to show. Any thread. */
void wendi_kafka_client_note(wendi_kafka_client *client, const char *format, ...) WEND_PRINTF(2, 3);
void wendi_kafka_client_last_error(wendi_kafka_client *client, char *text, size_t bytes);
/** Serve callbacks; WEND_KAFKA once the client is beyond use. */
wend_status wendi_kafka_client_serve(wendi_kafka_client *client, int timeout_ms, wend_error *error);
/** How many partitions `topic` has. WEND_NOT_FOUND, WEND_KAFKA. */
wend_status wendi_kafka_client_partition_count(wendi_kafka_client *client, rd_kafka_topic_t *topic,
                                               int timeout_ms, int32_t *count,
                                               wend_error *error) WEND_MUST_USE;
/**
 * Have librdkafka's threads look at once whether there is room in their queues. Before 2.2, one that
 * has found its queue full looks again only when something else happens, or after a second; from
 * then on `fetch.queue.backoff.ms` says when, and this does nothing. Cost: a few microseconds.
 */
void wendi_kafka_client_wake(const wendi_kafka_client *client);
/** It has worked just now: forget a refusal. */
void wendi_kafka_client_works(wendi_kafka_client *client);
/** Milliseconds of the monotonic clock. */
int64_t wendi_kafka_now_ms(void);
/** Microseconds since 1970. */
int64_t wendi_kafka_wall_us(void);

#endif
