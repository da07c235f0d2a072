/**
 * Sends messages to Kafka and answers for every one of them: acknowledged, or the call fails.
 *
 * For `wend produce`, the demo and tests. Partitions are chosen here (hash of the key), so that the
 * producer knows what each partition holds and can be held back: with `settled` set it stays at
 * most `ahead_bytes_max` a partition ahead of what the table has committed, which is what makes a
 * broker with little memory (the mock one keeps 5 MiB a partition) safe to use.
 */
#ifndef WENDI_KAFKA_PRODUCER_H
#define WENDI_KAFKA_PRODUCER_H

#include "ingest/kafka/kafka_properties.h"
#include "ingest/message.h"

/**
 * The offset up to which the table has committed `partition` of `topic`: the `next` of its commit,
 * or 0 when it has none. A negative answer gives up: the waiting call returns WEND_CANCELLED.
 * Called from within send(), every 20 ms at most while it waits.
 */
typedef int64_t (*wendi_kafka_settled)(void *context, const char *topic, int32_t partition);

typedef struct wendi_kafka_producer_options {
    const char *brokers;
    const char *const *topics; /* must exist, or be creatable when partition_count is set */
    uint32_t topic_count;
    const wendi_kafka_properties *properties; /* NULL: none */
    int32_t create_partition_count;           /* create missing topics with so many; 0: do not */
    wendi_kafka_settled settled;              /* NULL: not held back */
    void *settled_context;
    size_t ahead_bytes_max;  /* 0: 4 MiB */
    int connect_timeout_ms;  /* 0: 15 s */
    int delivery_timeout_ms; /* 0: 60 s */
} wendi_kafka_producer_options;

typedef struct wendi_kafka_outgoing {
    const char *payload; /* NULL: a tombstone */
    size_t length;
    const char *key; /* NULL: none, and partitions take turns */
    size_t key_length;
    int64_t timestamp_us; /* 0: now */
    int32_t partition;    /* -1: by key */
    const wendi_message_header *headers;
    uint32_t header_count;
} wendi_kafka_outgoing;

typedef struct wendi_kafka_producer_counts {
    uint64_t sent_count;
    uint64_t acknowledged_count;
    uint64_t failed_count;
    uint64_t sent_bytes; /* payloads */
} wendi_kafka_producer_counts;

typedef struct wendi_kafka_producer wendi_kafka_producer;

/** WEND_INVALID, WEND_NOT_FOUND (a topic), WEND_KAFKA, WEND_NOMEM. One thread at a time. */
wend_status wendi_kafka_producer_open(const wendi_kafka_producer_options *options,
                                      wendi_kafka_producer **producer_out,
                                      wend_error *error) WEND_MUST_USE;
/**
 * Hand over one message for the topic number `topic`; bytes are copied. Waits while librdkafka's
 * queue is full or the table is too far behind. WEND_KAFKA as soon as any message has failed.
 */
wend_status wendi_kafka_producer_send(wendi_kafka_producer *producer, uint32_t topic,
                                      const wendi_kafka_outgoing *message,
                                      wend_error *error) WEND_MUST_USE;
/** Let delivery reports in without sending; call it while pausing. */
void wendi_kafka_producer_serve(wendi_kafka_producer *producer, int timeout_ms);
/** Wait until every message is acknowledged: WEND_OK means all of them; WEND_KAFKA says how many
 * not. */
wend_status wendi_kafka_producer_flush(wendi_kafka_producer *producer, int timeout_ms,
                                       wend_error *error) WEND_MUST_USE;
int32_t wendi_kafka_producer_partition_count(const wendi_kafka_producer *producer, uint32_t topic);
wendi_kafka_producer_counts wendi_kafka_producer_counts_of(const wendi_kafka_producer *producer);
/** Delete a topic and wait until the broker has done it (tests); the mock broker cannot. */
wend_status wendi_kafka_producer_delete_topic(wendi_kafka_producer *producer, uint32_t topic,
                                              wend_error *error) WEND_MUST_USE;
/** Drops what was not flushed. Accepts NULL. */
void wendi_kafka_producer_close(wendi_kafka_producer *producer);

#endif
