/**
 * Numbered messages to and from Kafka, for tests: what goes in can be told from what comes out.
 *
 * Message `number` has the key "k<number>", a payload that begins with its number in decimal and is
 * filled up by a function of it, so that a wrong, lost, repeated or damaged one shows.
 */
#ifndef WENDI_TEST_KAFKA_FEED_H
#define WENDI_TEST_KAFKA_FEED_H

#include "ingest/kafka/kafka_producer.h"
#include "ingest/kafka/kafka_source.h"

enum { WENDI_TEST_PAYLOAD_MAX = 4096 };

typedef struct wendi_test_feed {
    const char *brokers;
    const char *topic;
    const char *compression; /* NULL: lz4 */
    uint32_t payload_bytes;  /* at least 24 */
    int64_t timestamp_us;    /* of message 0, one millisecond more for each; 0: now */
    int32_t create_partition_count;
    int32_t partition; /* -1: in turn by number */
} wendi_test_feed;

/** Produce numbers [first, end) and wait for every acknowledgement; fails the test otherwise. */
void wendi_test_feed_send(const wendi_test_feed *feed, uint64_t first, uint64_t end);
/** The number of a message, or UINT64_MAX when its bytes are not what that number has. */
uint64_t wendi_test_feed_number(const wendi_test_feed *feed, const wendi_message *message);

/** What a run over a source has seen. */
typedef struct wendi_test_taken {
    uint8_t *seen; /* how often each number came, capacity of them */
    uint64_t capacity, count, bad_count, order_fault_count;
    int64_t *last;      /* last position per ordinal, 64 of them */
    wend_status status; /* what ended the run: WEND_END, a fault, or WEND_OK when `limit` was met */
    wend_error error;
} wendi_test_taken;

void wendi_test_taken_init(wendi_test_taken *taken, uint64_t capacity);
void wendi_test_taken_free(wendi_test_taken *taken);
/** Take messages until the source ends, `limit` have come in all, or `wait_ms` pass without any. */
void wendi_test_take(wendi_source *source, const wendi_test_feed *feed, wendi_test_taken *taken,
                     uint64_t limit, int wait_ms);
/** Whether each number of [0, end) came exactly once, whole and in order. */
bool wendi_test_taken_all_once(const wendi_test_taken *taken, uint64_t end);

/** Where the source stands, as a table would have committed it. The caller frees it with free(). */
wendi_kafka_start *wendi_test_starts_of(wendi_source *source, uint32_t *count);
/** Open a source on the feed's topic; asserts success. NULL options: until caught up. */
wendi_source *wendi_test_source_open(const wendi_test_feed *feed,
                                     const wendi_kafka_source_options *options);

#endif
