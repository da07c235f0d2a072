/* Numbered messages to and from Kafka: see kafka_feed.h. */
#include "tests/support/kafka_feed.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/hash.h"

enum { ORDINALS_MAX = 64 };

static void make_payload(const wendi_test_feed *feed, uint64_t number, char *payload)
{
    int length = snprintf(payload, WENDI_TEST_PAYLOAD_MAX, "%" PRIu64 ":", number);
    for (uint32_t at = (uint32_t)length; at < feed->payload_bytes; at++) {
        payload[at] = (char)('a' + (wendi_mix64(number + at / 8) >> at % 8 * 8) % 26);
    }
}

void wendi_test_feed_send(const wendi_test_feed *feed, uint64_t first, uint64_t end)
{
    wendi_kafka_properties properties = {0};
    wendi_kafka_producer *producer = NULL;
    wend_error error = {.message = ""};
    char payload[WENDI_TEST_PAYLOAD_MAX], key[32];

    const char *compression = feed->compression != NULL ? feed->compression : "lz4";
    assert_int_equal(wendi_kafka_properties_set(&properties, "compression.type", compression, NULL),
                     WEND_OK);
    wendi_kafka_producer_options options = {.brokers = feed->brokers,
                                            .topics = &feed->topic,
                                            .topic_count = 1,
                                            .properties = &properties,
                                            .create_partition_count = feed->create_partition_count};
    if (wendi_kafka_producer_open(&options, &producer, &error) != WEND_OK) {
        fail_msg("producer: %s", error.message);
    }
    for (uint64_t number = first; number < end; number++) {
        make_payload(feed, number, payload);
        wendi_kafka_outgoing message = {.payload = payload,
                                        .length = feed->payload_bytes,
                                        .key = key,
                                        .partition = feed->partition};
        message.key_length = (size_t)snprintf(key, sizeof key, "k%" PRIu64, number);
        if (feed->partition < 0) {
            message.partition =
                (int32_t)(number % (uint64_t)wendi_kafka_producer_partition_count(producer, 0));
        }
        message.timestamp_us =
            feed->timestamp_us == 0 ? 0 : feed->timestamp_us + (int64_t)number * 1000;
        if (wendi_kafka_producer_send(producer, 0, &message, &error) != WEND_OK) {
            fail_msg("send: %s", error.message);
        }
    }
    if (wendi_kafka_producer_flush(producer, 60000, &error) != WEND_OK) {
        fail_msg("flush: %s", error.message);
    }
    assert_int_equal(wendi_kafka_producer_counts_of(producer).acknowledged_count, end - first);
    wendi_kafka_producer_close(producer);
    wendi_kafka_properties_free(&properties);
}

uint64_t wendi_test_feed_number(const wendi_test_feed *feed, const wendi_message *message)
{
    char payload[WENDI_TEST_PAYLOAD_MAX], key[32];
    uint64_t number = 0;
    uint32_t at = 0;

    if (message->payload == NULL || message->length != feed->payload_bytes) {
        return UINT64_MAX;
    }
    for (; at < message->length && message->payload[at] >= '0' && message->payload[at] <= '9';
         at++) {
        number = number * 10 + (uint64_t)(message->payload[at] - '0');
    }
    make_payload(feed, number, payload);
    int key_length = snprintf(key, sizeof key, "k%" PRIu64, number);
    bool same = memcmp(payload, message->payload, message->length) == 0 && message->key_present &&
                message->key.length == (uint32_t)key_length &&
                memcmp(message->key.data, key, message->key.length) == 0;
    return same ? number : UINT64_MAX;
}

void wendi_test_taken_init(wendi_test_taken *taken, uint64_t capacity)
{
    *taken = (wendi_test_taken){.capacity = capacity};
    taken->seen = calloc(capacity + 1, 1);
    taken->last = malloc(ORDINALS_MAX * sizeof *taken->last);
    for (int k = 0; k < ORDINALS_MAX; k++) {
        taken->last[k] = -1;
    }
}

void wendi_test_taken_free(wendi_test_taken *taken)
{
    free(taken->seen);
    free(taken->last);
}

static void take_one(const wendi_test_feed *feed, wendi_test_taken *taken,
                     const wendi_message *message)
{
    uint64_t number = wendi_test_feed_number(feed, message);
    volatile char over_read = 0;

    assert_true(message->partition < ORDINALS_MAX);
    taken->order_fault_count += message->position <= taken->last[message->partition];
    taken->last[message->partition] = message->position;
    taken->bad_count += number >= taken->capacity || message->next != message->position + 1;
    for (uint32_t i = 0; i < WENDI_MESSAGE_PADDING; i++) { /* a sanitizer sees whether it may be read */
        over_read = message->payload[message->length + i];
    }
    (void)over_read;
    if (number < taken->capacity) {
        taken->seen[number] = (uint8_t)(taken->seen[number] + (taken->seen[number] < 255));
    }
    taken->count++;
}

void wendi_test_take(wendi_source *source, const wendi_test_feed *feed, wendi_test_taken *taken,
                     uint64_t limit, int wait_ms)
{
    wendi_message_block block;
    int waited_ms = 0;

    assert_int_equal(wendi_message_block_init(&block, NULL), WEND_OK);
    taken->status = WEND_OK;
    while (taken->count < limit && waited_ms < wait_ms) {
        taken->status = source->next(source, &block, 50, &taken->error);
        if (taken->status != WEND_OK) {
            break;
        }
        for (uint32_t k = 0; k < block.count; k++) {
            take_one(feed, taken, &block.messages[k]);
        }
        waited_ms = block.count > 0 ? 0 : waited_ms + 50;
    }
    wendi_message_block_free(&block);
}

bool wendi_test_taken_all_once(const wendi_test_taken *taken, uint64_t end)
{
    for (uint64_t number = 0; number < taken->capacity; number++) {
        if (taken->seen[number] != (number < end)) {
            print_error("number %" PRIu64 " came %u times\n", number, taken->seen[number]);
            return false;
        }
    }
    return taken->bad_count == 0 && taken->order_fault_count == 0 && taken->count == end;
}

wendi_kafka_start *wendi_test_starts_of(wendi_source *source, uint32_t *count)
{
    const wendi_source_partition *states = source->partitions(source, count);
    wendi_kafka_start *starts = calloc(*count, sizeof *starts);
    for (uint32_t k = 0; k < *count; k++) {
        starts[k] = (wendi_kafka_start){.topic = strdup(states[k].topic),
                                        .partition = states[k].partition,
                                        .next = states[k].next,
                                        .fingerprint = states[k].fingerprint,
                                        .leader_epoch = states[k].leader_epoch,
                                        .gap = states[k].gap};
    }
    return starts;
}

wendi_source *wendi_test_source_open(const wendi_test_feed *feed,
                                     const wendi_kafka_source_options *options)
{
    wendi_kafka_source_options chosen = {.until_caught_up = true};
    wendi_source *source = NULL;
    wend_error error = {.message = ""};

    if (options != NULL) {
        chosen = *options;
    }
    chosen.brokers = feed->brokers;
    chosen.topics = &feed->topic;
    chosen.topic_count = 1;
    if (wendi_kafka_source_open(&chosen, &source, &error) != WEND_OK) {
        fail_msg("source: %s (%s)", error.message, error.hint);
    }
    return source;
}
