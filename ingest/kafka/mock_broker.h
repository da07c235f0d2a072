/**
 * A broker without Kafka: librdkafka's mock cluster on loopback ports, for the demo and for tests.
 *
 * It keeps at most 5 MiB or 100,000 batches a partition and drops older ones in silence, so a
 * producer must be paced (kafka_producer.h). It isolates no transactions and knows no deletion of
 * topics. All is gone when it ends.
 *
 * wendi_mock_broker_serve() is the body of the hidden command `wend mock-broker`: a process of its
 * own that outlives the ingestor and ends by itself when its parent does.
 */
#ifndef WENDI_MOCK_BROKER_H
#define WENDI_MOCK_BROKER_H

#include <stdint.h>

#include "engine/base/status.h"

typedef struct wendi_mock_broker wendi_mock_broker;

/** Start brokers 1..broker_count within this process. WEND_KAFKA, WEND_NOMEM. */
wend_status wendi_mock_broker_open(int broker_count, wendi_mock_broker **broker_out,
                                   wend_error *error) WEND_MUST_USE;
/** "127.0.0.1:41234,…". Lives as long as the broker. */
const char *wendi_mock_broker_servers(const wendi_mock_broker *broker);
wend_status wendi_mock_broker_create_topic(wendi_mock_broker *broker, const char *topic,
                                           int32_t partition_count,
                                           wend_error *error) WEND_MUST_USE;
/** The next `count` requests of Kafka's `api_key` (1: fetch, 2: list offsets, 0: produce) fail with
    `kafka_error`, a code of the protocol; -195 (transport) drops the connection instead. */
void wendi_mock_broker_fail_requests(wendi_mock_broker *broker, int16_t api_key,
                                     int16_t kafka_error, uint32_t count);
/** Take all brokers off the network, or back. */
void wendi_mock_broker_set_down(wendi_mock_broker *broker, int down);
void wendi_mock_broker_close(wendi_mock_broker *broker);

typedef struct wendi_mock_broker_topic {
    const char *name;
    int32_t partition_count;
} wendi_mock_broker_topic;

/**
 * Be a broker until `life_fd` reads end of file or the process gets SIGTERM: creates the topics,
 * writes the bootstrap servers and '\n' to `ready_fd`, then waits. Returns when told to end.
 * The caller must be single-threaded before the call if it came from fork().
 */
wend_status wendi_mock_broker_serve(const wendi_mock_broker_topic *topics, uint32_t topic_count,
                                    int ready_fd, int life_fd, wend_error *error) WEND_MUST_USE;

/** A broker in a process of its own. */
typedef struct wendi_mock_broker_process {
    int pid;
    int life_fd; /* closing it ends the broker */
    char servers[256];
} wendi_mock_broker_process;

/**
 * Run `program mock-broker --topic NAME:PARTITIONS …` (program NULL: /proc/self/exe) and wait until
 * it answers with its servers. It ends when `life_fd` is closed, by us or by our death.
 * WEND_IO, WEND_KAFKA when it ended at once.
 */
wend_status wendi_mock_broker_spawn(const char *program, const wendi_mock_broker_topic *topics,
                                    uint32_t topic_count, wendi_mock_broker_process *process,
                                    wend_error *error) WEND_MUST_USE;
/** End it and wait for its end. */
void wendi_mock_broker_process_end(wendi_mock_broker_process *process);

#endif
