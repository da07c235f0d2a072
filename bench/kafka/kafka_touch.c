/*
 * The floor that an ingestor from Kafka stands on: a consumer that takes every message of a topic
 * and touches it, one byte of each cache line, and does nothing else. Settings and way of taking
 * are those of ingest/kafka, but for the queue's limit, which it never reaches: one queue of all
 * partitions, batches of 4,096, checksums of the broker's batches compared.
 *
 *   kafka_touch BROKERS TOPIC [KEY=VALUE ...]      librdkafka's settings
 *
 * Reads from the earliest message to the end that the topic has at the start, and prints one JSON
 * object: messages, bytes, sum (so that touching cannot be left out by the compiler), elapsed_s
 * from the first fetch on. Processor time and peak memory are for the caller to ask of the kernel
 * (wait4), as it does of the ingestor.
 */
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BATCH = 4096, WAIT_MS = 20, CONNECT_MS = 15000, LINE_BYTES = 64, TEXT_BYTES = 512 };

typedef struct touch_counts {
    uint64_t messages, bytes, sum;
    int32_t partition_count, finished_count;
} touch_counts;

_Noreturn static void fail(const char *what, const char *why)
{
    fprintf(stderr, "kafka_touch: %s: %s\n", what, why);
    exit(1);
}

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void set(rd_kafka_conf_t *conf, const char *key, const char *value)
{
    char reason[TEXT_BYTES];
    if (rd_kafka_conf_set(conf, key, value, reason, sizeof reason) != RD_KAFKA_CONF_OK) {
        fail(key, reason);
    }
}

static rd_kafka_t *open_consumer(const char *brokers, char **settings, int count)
{
    static const char *const own[][2] = {{"check.crcs", "true"},
                                         {"isolation.level", "read_committed"},
                                         {"socket.nagle.disable", "true"},
                                         {"fetch.wait.max.ms", "50"},
                                         {"queued.min.messages", "1000000"},
                                         {"queued.max.messages.kbytes", "524288"},
                                         {"enable.auto.commit", "false"},
                                         {"enable.auto.offset.store", "false"},
                                         {"auto.offset.reset", "error"},
                                         {"enable.partition.eof", "true"}};
    char reason[TEXT_BYTES];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", brokers);
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        set(conf, own[i][0], own[i][1]);
    }
    for (int i = 0; i < count; i++) {
        char *equals = strchr(settings[i], '=');
        if (equals == NULL) {
            fail(settings[i], "write KEY=VALUE");
        }
        *equals = '\0';
        set(conf, settings[i], equals + 1);
    }
    rd_kafka_t *consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason);
    if (consumer == NULL) {
        fail("a consumer", reason);
    }
    return consumer;
}

static int32_t count_partitions(rd_kafka_t *consumer, rd_kafka_topic_t *topic)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t code = rd_kafka_metadata(consumer, 0, topic, &metadata, CONNECT_MS);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        fail("metadata", rd_kafka_err2str(code));
    }
    int32_t count = metadata->topic_cnt == 1 ? metadata->topics[0].partition_cnt : 0;
    rd_kafka_metadata_destroy(metadata);
    if (count == 0) {
        fail(rd_kafka_topic_name(topic), "no such topic");
    }
    return count;
}

static void touch(const rd_kafka_message_t *message, touch_counts *counts)
{
    const unsigned char *bytes = message->payload;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        counts->finished_count++;
        return;
    }
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        fail("a message", rd_kafka_message_errstr(message));
    }
    counts->messages++;
    counts->bytes += message->len;
    for (size_t at = 0; at < message->len; at += LINE_BYTES) {
        counts->sum += bytes[at];
    }
}

int main(int argc, char **argv)
{
    touch_counts counts = {0};
    rd_kafka_message_t *batch[BATCH];
    if (argc < 3) {
        fprintf(stderr, "usage: kafka_touch BROKERS TOPIC [KEY=VALUE ...]\n");
        return 2;
    }
    rd_kafka_t *consumer = open_consumer(argv[1], argv + 3, argc - 3);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(consumer, argv[2], NULL);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(consumer);
    double begun = now_s();

    counts.partition_count = count_partitions(consumer, topic);
    for (int32_t k = 0; k < counts.partition_count; k++) {
        if (rd_kafka_consume_start_queue(topic, k, RD_KAFKA_OFFSET_BEGINNING, queue) != 0) {
            fail("consume", rd_kafka_err2str(rd_kafka_last_error()));
        }
    }
    while (counts.finished_count < counts.partition_count) {
        ssize_t got = rd_kafka_consume_batch_queue(queue, WAIT_MS, batch, BATCH);
        if (got < 0) {
            fail("taking messages", rd_kafka_err2str(rd_kafka_last_error()));
        }
        for (ssize_t i = 0; i < got; i++) {
            touch(batch[i], &counts);
            rd_kafka_message_destroy(batch[i]);
        }
        rd_kafka_poll(consumer, 0);
    }
    printf("{\"messages\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"sum\":%" PRIu64
           ",\"elapsed_s\":%.6f}\n",
           counts.messages, counts.bytes, counts.sum, now_s() - begun);
    for (int32_t k = 0; k < counts.partition_count; k++) {
        rd_kafka_consume_stop(topic, k);
    }
    rd_kafka_queue_destroy(queue);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(consumer);
    return 0;
}
