/*
 * Does the Kafka source hand out every message once, in order, whatever the broker does? Against
 * librdkafka's mock cluster, in this process. The mock isolates no transactions and cannot delete
 * topics; tests/services/real_broker_test.py asks a real broker about those.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "ingest/kafka/mock_broker.h"
#include "tests/support/kafka_feed.h"

enum {
    API_FETCH = 1,
    CODE_UNKNOWN = -1,
    CODE_OUT_OF_RANGE = 1,
    CODE_CORRUPT = 2,
    CODE_NOT_LEADER = 6,
    CODE_TRANSPORT = -195
};

static wendi_mock_broker *broker;
static int topic_number;
static char topic_name[32];

static int open_broker(void **state)
{
    (void)state;
    return wendi_mock_broker_open(1, &broker, NULL) != WEND_OK;
}

static int close_broker(void **state)
{
    (void)state;
    wendi_mock_broker_close(broker);
    return 0;
}

/* A topic of its own for each test. */
static wendi_test_feed new_feed(int32_t partition_count)
{
    snprintf(topic_name, sizeof topic_name, "feed-%d", ++topic_number);
    assert_int_equal(wendi_mock_broker_create_topic(broker, topic_name, partition_count, NULL),
                     WEND_OK);
    return (wendi_test_feed){.brokers = wendi_mock_broker_servers(broker),
                             .topic = topic_name,
                             .payload_bytes = 200,
                             .partition = -1};
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void free_starts(wendi_kafka_start *starts, uint32_t count)
{
    for (uint32_t k = 0; k < count; k++) {
        free((void *)(uintptr_t)starts[k].topic);
    }
    free(starts);
}

static void all_messages_come_once_under_every_codec(void **state)
{
    (void)state;
    static const char *const codecs[] = {"none", "gzip", "snappy", "lz4", "zstd"};
    for (size_t k = 0; k < sizeof codecs / sizeof *codecs; k++) {
        wendi_test_feed feed = new_feed(3);
        wendi_test_taken taken;
        feed.compression = codecs[k];
        wendi_test_feed_send(&feed, 0, 20000);
        wendi_source *source = wendi_test_source_open(&feed, NULL);
        wendi_test_taken_init(&taken, 20010);
        wendi_test_take(source, &feed, &taken, UINT64_MAX, 10000);
        assert_int_equal(taken.status, WEND_END);
        assert_true(wendi_test_taken_all_once(&taken, 20000));
        wendi_kafka_source_state seen;
        wendi_kafka_source_state_of(source, &seen);
        assert_int_equal(seen.message_count, 20000);
        assert_int_equal(seen.lag, 0);
        assert_true(strncmp(wendi_kafka_source_cluster_id(source), "mockCluster", 11) == 0);
        source->close(source);
        wendi_test_taken_free(&taken);
    }
}

static void a_restart_goes_on_where_the_table_stands(void **state)
{
    (void)state;
    wendi_test_feed feed = new_feed(4);
    wendi_test_taken taken;
    uint32_t start_count = 0;
    wendi_kafka_start *starts = NULL;

    wendi_test_taken_init(&taken, 30000);
    for (uint64_t round = 1; round <= 6; round++) {
        wendi_test_feed_send(&feed, (round - 1) * 5000, round * 5000);
        wendi_kafka_source_options options = {
            .starts = starts, .start_count = start_count, .until_caught_up = round == 6};
        wendi_source *source = wendi_test_source_open(&feed, &options);
        wendi_test_take(source, &feed, &taken,
                        round == 6 ? UINT64_MAX : round * 5000 - 777 * (round % 3), 5000);
        free_starts(starts, start_count);
        starts = wendi_test_starts_of(source, &start_count);
        assert_int_equal(start_count, 4);
        wendi_kafka_source_state seen;
        wendi_kafka_source_state_of(source, &seen);
        assert_int_equal(seen.verified_count, round == 1 ? 0 : 4);
        assert_int_equal(seen.unverified_count, 0);
        source->close(source);
    }
    assert_int_equal(taken.status, WEND_END);
    assert_true(wendi_test_taken_all_once(&taken, 30000));
    /* Caught up already: nothing comes, but the fingerprints are compared all the same. */
    wendi_kafka_source_options options = {
        .starts = starts, .start_count = start_count, .until_caught_up = true};
    wendi_source *source = wendi_test_source_open(&feed, &options);
    wendi_test_take(source, &feed, &taken, UINT64_MAX, 5000);
    assert_int_equal(taken.status, WEND_END);
    assert_int_equal(taken.count, 30000);
    wendi_kafka_source_state seen;
    wendi_kafka_source_state_of(source, &seen);
    assert_int_equal(seen.verified_count, 4);
    source->close(source);
    free_starts(starts, start_count);
    wendi_test_taken_free(&taken);
}

static void a_topic_made_anew_is_noticed(void **state)
{
    (void)state;
    wendi_test_feed feed = new_feed(1);
    wendi_test_taken taken;
    wendi_test_feed_send(&feed, 0, 500);
    for (int which = 0; which < 2; which++) {
        /* Another message than the one taken, at the end of what was taken and in the middle of the
         * log. */
        wendi_kafka_start start = {
            .topic = feed.topic, .next = which == 0 ? 500 : 100, .fingerprint = 12345};
        wendi_kafka_source_options options = {
            .starts = &start, .start_count = 1, .until_caught_up = which == 0};
        wendi_source *source = wendi_test_source_open(&feed, &options);
        wendi_test_taken_init(&taken, 500);
        wendi_test_take(source, &feed, &taken, UINT64_MAX, 5000);
        assert_int_equal(taken.status, WEND_CONFLICT);
        assert_int_equal(taken.count, 0);
        assert_non_null(strstr(taken.error.message, "created again"));
        wendi_message_block block;
        assert_int_equal(wendi_message_block_init(&block, NULL), WEND_OK);
        assert_int_equal(source->next(source, &block, 10, NULL), WEND_CONFLICT); /* and stays so */
        wendi_message_block_free(&block);
        source->close(source);
        wendi_test_taken_free(&taken);
    }
}

static void a_log_that_ends_before_the_table_is_a_conflict(void **state)
{
    (void)state;
    wendi_test_feed feed = new_feed(1);
    wend_error error;
    wendi_source *source = NULL;
    wendi_test_feed_send(&feed, 0, 100);
    wendi_kafka_start start = {.topic = feed.topic, .next = 101, .fingerprint = 7};
    wendi_kafka_source_options options = {.brokers = feed.brokers,
                                          .topics = &feed.topic,
                                          .topic_count = 1,
                                          .starts = &start,
                                          .start_count = 1,
                                          .accept_gap = true};
    assert_int_equal(wendi_kafka_source_open(&options, &source, &error), WEND_CONFLICT);
    assert_non_null(strstr(error.message, "offset 100"));
    assert_null(source);
}

/* The mock drops what is older than 5 MiB a partition: messages are truly gone. */
static void lost_messages_are_told_and_counted(void **state)
{
    (void)state;
    wendi_test_feed feed = new_feed(1);
    wendi_test_taken taken;
    wend_error error;
    wendi_source *source = NULL;

    feed.compression = "none";
    feed.payload_bytes = 1000;
    wendi_test_feed_send(&feed, 0, 12000);
    wendi_kafka_start start = {.topic = feed.topic, .next = 10, .fingerprint = 99, .gap = 3};
    wendi_kafka_source_options options = {
        .starts = &start, .start_count = 1, .until_caught_up = true};
    options.brokers = feed.brokers;
    options.topics = &feed.topic;
    options.topic_count = 1;
    assert_int_equal(wendi_kafka_source_open(&options, &source, &error), WEND_CONFLICT);
    assert_non_null(strstr(error.message, "are gone"));
    assert_non_null(strstr(error.hint, "--accept-gap"));

    options.accept_gap = true;
    source = wendi_test_source_open(&feed, &options);
    wendi_test_taken_init(&taken, 12000);
    wendi_test_take(source, &feed, &taken, UINT64_MAX, 5000);
    assert_int_equal(taken.status, WEND_END);
    uint32_t count = 0;
    const wendi_source_partition *partition = source->partitions(source, &count);
    assert_int_equal(partition->next, 12000);
    assert_true(partition->gap > 3);
    assert_int_equal((uint64_t)(partition->gap - 3) + 10 + taken.count, 12000);
    assert_int_equal(taken.bad_count + taken.order_fault_count, 0);
    source->close(source);
    wendi_test_taken_free(&taken);
}

/* A log start that overtakes a running source: told by the broker in the middle of reading. */
static void a_source_that_is_overtaken_stops(void **state)
{
    (void)state;
    wendi_test_feed feed = new_feed(1);
    wendi_test_taken taken;
    for (int accept = 0; accept < 2; accept++) {
        wendi_kafka_source_options options = {.queue_bytes = 65536, .accept_gap = accept == 1};
        feed = new_feed(1);
        feed.compression = "none";
        feed.payload_bytes = 1000;
        wendi_test_feed_send(&feed, 0, 100);
        wendi_source *source = wendi_test_source_open(&feed, &options);
        wendi_test_taken_init(&taken, 20000);
        wendi_test_take(source, &feed, &taken, 100, 5000);
        assert_int_equal(taken.count, 100);
        wendi_mock_broker_set_down(broker, 1);
        usleep(300000);
        wendi_mock_broker_set_down(broker, 0);
        wendi_test_feed_send(&feed, 100, 20000);
        wendi_test_take(source, &feed, &taken, 20000, 2000);
        uint32_t count = 0;
        const wendi_source_partition *partition = source->partitions(source, &count);
        if (taken.status == WEND_CONFLICT) {
            assert_false(accept);
            assert_non_null(strstr(taken.error.message, "are gone"));
        } else {
            assert_int_equal(taken.status, WEND_OK);
            assert_int_equal(partition->next, 20000);
            assert_int_equal(taken.count + (uint64_t)partition->gap, 20000);
        }
        assert_int_equal(taken.bad_count + taken.order_fault_count, 0);
        source->close(source);
        wendi_test_taken_free(&taken);
    }
}

static void faults_of_fetching_lose_nothing(void **state)
{
    (void)state;
    static const int16_t codes[] = {CODE_UNKNOWN, CODE_CORRUPT, CODE_NOT_LEADER, CODE_OUT_OF_RANGE,
                                    CODE_TRANSPORT};
    for (size_t k = 0; k < sizeof codes / sizeof *codes; k++) {
        wendi_test_feed feed = new_feed(2);
        wendi_test_taken taken;
        wendi_kafka_source_options options = {.queue_bytes = 65536};
        wendi_test_feed_send(&feed, 0, 10000);
        wendi_source *source = wendi_test_source_open(&feed, &options);
        wendi_test_taken_init(&taken, 10000);
        for (uint64_t limit = 1500; limit <= 9000; limit += 2500) {
            wendi_test_take(source, &feed, &taken, limit, 5000);
            wendi_mock_broker_fail_requests(broker, API_FETCH, codes[k], 1);
        }
        wendi_test_take(source, &feed, &taken, 10000, 10000);
        if (taken.status != WEND_OK) {
            fail_msg("code %d: %s", codes[k], taken.error.message);
        }
        assert_true(wendi_test_taken_all_once(&taken, 10000));
        source->close(source);
        wendi_test_taken_free(&taken);
    }
}

static void a_partition_that_keeps_failing_ends_loudly(void **state)
{
    (void)state;
    wendi_test_feed feed = new_feed(1);
    wendi_test_taken taken;
    wendi_kafka_source_options options = {.error_tries_max = 2};
    wendi_test_feed_send(&feed, 0, 1000);
    wendi_test_taken_init(&taken, 1000);
    wendi_mock_broker_fail_requests(broker, API_FETCH, CODE_OUT_OF_RANGE, 200);
    wendi_source *source = wendi_test_source_open(&feed, &options);
    wendi_test_take(source, &feed, &taken, 1000, 10000);
    wendi_mock_broker_fail_requests(broker, API_FETCH, 0, 0);
    assert_int_equal(taken.status, WEND_KAFKA);
    assert_non_null(strstr(taken.error.message, topic_name));
    assert_non_null(strstr(taken.error.message, "tried 3 times"));
    source->close(source);
    wendi_test_taken_free(&taken);
}

static void a_broker_that_is_away_is_waited_for(void **state)
{
    (void)state;
    wendi_test_feed feed = new_feed(2);
    wendi_test_taken taken;
    wendi_kafka_source_options options = {0};
    wendi_kafka_source_state seen;

    wendi_test_feed_send(&feed, 0, 2000);
    wendi_source *source = wendi_test_source_open(&feed, &options);
    wendi_test_taken_init(&taken, 4000);
    wendi_test_take(source, &feed, &taken, 2000, 5000);
    assert_int_equal(taken.count, 2000);
    wendi_mock_broker_set_down(broker, 1);
    wendi_test_take(source, &feed, &taken, UINT64_MAX, 1500);
    assert_int_equal(taken.status, WEND_OK);
    wendi_kafka_source_state_of(source, &seen);
    assert_int_equal(seen.brokers_down, 1);
    assert_true(seen.last_error[0] != 0);
    wendi_mock_broker_set_down(broker, 0);
    wendi_test_feed_send(&feed, 2000, 4000);
    wendi_test_take(source, &feed, &taken, 4000, 15000);
    assert_true(wendi_test_taken_all_once(&taken, 4000));
    wendi_kafka_source_state_of(source, &seen);
    assert_int_equal(seen.brokers_down, 0);
    assert_true(seen.verified_count >= 2); /* compared after the connection was lost */
    source->close(source);
    wendi_test_taken_free(&taken);
}

static void nobody_at_the_address_is_an_error_in_time(void **state)
{
    (void)state;
    const char *topic = "t";
    wendi_source *source = NULL;
    wend_error error;
    wendi_kafka_source_options options = {
        .brokers = "127.0.0.1:1", .topics = &topic, .topic_count = 1, .connect_timeout_ms = 1200};
    assert_int_equal(wendi_kafka_source_open(&options, &source, &error), WEND_KAFKA);
    assert_non_null(strstr(error.message, "127.0.0.1:1"));
}

static void send_special(const wendi_test_feed *feed)
{
    wendi_kafka_producer *producer = NULL;
    wendi_kafka_producer_options options = {
        .brokers = feed->brokers, .topics = &feed->topic, .topic_count = 1};
    wendi_message_header headers[] = {{wendi_string_of("trace"), wendi_string_of("abc")},
                                      {wendi_string_of("trace"), {"\0x", 2}},
                                      {wendi_string_of("none"), {NULL, 0}}};
    wendi_kafka_outgoing messages[] = {
        {.payload = NULL, .key = "gone", .key_length = 4},
        {.payload = "", .key = NULL},
        {.payload = "{}",
         .length = 2,
         .key = "",
         .key_length = 0,
         .timestamp_us = 1700000000123000},
        {.payload = "h", .length = 1, .headers = headers, .header_count = 3}};
    assert_int_equal(wendi_kafka_producer_open(&options, &producer, NULL), WEND_OK);
    for (size_t k = 0; k < 4; k++) {
        assert_int_equal(wendi_kafka_producer_send(producer, 0, &messages[k], NULL), WEND_OK);
    }
    assert_int_equal(wendi_kafka_producer_flush(producer, 10000, NULL), WEND_OK);
    wendi_kafka_producer_close(producer);
}

static void tombstones_keys_times_and_headers_come_through(void **state)
{
    (void)state;
    wendi_test_feed feed = new_feed(1);
    wendi_message_block block;
    uint32_t taken = 0;

    send_special(&feed);
    wendi_kafka_source_options options = {.until_caught_up = true, .headers = true};
    wendi_source *source = wendi_test_source_open(&feed, &options);
    assert_int_equal(wendi_message_block_init(&block, NULL), WEND_OK);
    while (source->next(source, &block, 100, NULL) == WEND_OK) {
        for (uint32_t k = 0; k < block.count; k++, taken++) {
            const wendi_message *message = &block.messages[k];
            assert_int_equal(message->position, taken);
            assert_int_equal(message->payload == NULL, taken == 0);
            assert_int_equal(message->key_present, taken == 0 || taken == 2);
            assert_int_equal(message->header_count, taken == 3 ? 3 : 0);
            if (taken == 1) {
                assert_int_equal(message->length, 0);
            } else if (taken == 2) {
                assert_int_equal(message->timestamp_us, 1700000000123000);
                assert_int_equal(message->key.length, 0);
            } else if (taken == 3) {
                assert_true(wendi_string_equal(message->headers[0].name, wendi_string_of("trace")));
                assert_true(
                    wendi_string_equal(message->headers[1].value, (wendi_string){"\0x", 2}));
                assert_null(message->headers[2].value.data);
            }
        }
    }
    assert_int_equal(taken, 4);
    wendi_kafka_source_state seen;
    wendi_kafka_source_state_of(source, &seen);
    assert_int_equal(seen.tombstone_count, 1);
    wendi_message_block_free(&block);
    source->close(source);
}

static void beginnings_can_be_chosen(void **state)
{
    (void)state;
    wendi_test_feed feed = new_feed(3);
    wendi_test_taken taken;
    wendi_test_feed_send(&feed, 0, 300);

    wendi_kafka_source_options latest = {.from = WENDI_KAFKA_FROM_LATEST};
    wendi_source *source = wendi_test_source_open(&feed, &latest);
    wendi_test_feed_send(&feed, 300, 600);
    wendi_test_taken_init(&taken, 600);
    wendi_test_take(source, &feed, &taken, 300, 5000);
    assert_int_equal(taken.count, 300);
    assert_int_equal(taken.seen[299], 0);
    assert_int_equal(taken.seen[300], 1);
    source->close(source);
    wendi_test_taken_free(&taken);

    const int32_t second = 1, none = 7;
    wendi_kafka_source_options one = {
        .partitions = &second, .partition_count = 1, .until_caught_up = true};
    source = wendi_test_source_open(&feed, &one);
    wendi_test_taken_init(&taken, 600);
    wendi_test_take(source, &feed, &taken, UINT64_MAX, 5000);
    assert_int_equal(taken.count, 200);
    for (uint64_t number = 0; number < 600; number++) {
        assert_int_equal(taken.seen[number], number % 3 == 1);
    }
    uint32_t count = 0;
    assert_string_equal(source->partitions(source, &count)->shown + strlen(topic_name), "[1]");
    assert_int_equal(count, 1);
    source->close(source);
    wendi_test_taken_free(&taken);

    wend_error error;
    one.partitions = &none;
    one.brokers = feed.brokers;
    one.topics = &feed.topic;
    one.topic_count = 1;
    assert_int_equal(wendi_kafka_source_open(&one, &source, &error), WEND_NOT_FOUND);
    one.partitions = NULL;
    one.expected_cluster_id = "another";
    assert_int_equal(wendi_kafka_source_open(&one, &source, &error), WEND_CONFLICT);
    assert_non_null(strstr(error.message, "another"));
}

/* librdkafka, before 2.2, looks only once a second whether a queue that was full has room again: here after each
   batch, so that a source which does not wake it would take half a minute. */
static void a_full_queue_is_filled_again_when_there_is_room(void **state)
{
    (void)state;
    enum { BATCHES = 30, BATCH = 100, PATIENCE_MS = 10000 };
    wendi_test_feed feed = new_feed(1);
    wendi_test_taken taken;
    wendi_kafka_properties properties = {0};
    wendi_kafka_source_options options = {.until_caught_up = true, .properties = &properties};
    assert_int_equal(wendi_kafka_properties_set(&properties, "queued.min.messages", "50", NULL), WEND_OK);
    for (uint64_t i = 0; i < BATCHES; i++) {
        wendi_test_feed_send(&feed, i * BATCH, (i + 1) * BATCH);
    }
    wendi_source *source = wendi_test_source_open(&feed, &options);
    wendi_test_taken_init(&taken, BATCHES * BATCH);
    int64_t begin_ms = now_ms();
    wendi_test_take(source, &feed, &taken, UINT64_MAX, PATIENCE_MS);
    assert_int_equal(taken.status, WEND_END);
    assert_true(wendi_test_taken_all_once(&taken, BATCHES * BATCH));
    assert_true(now_ms() - begin_ms < PATIENCE_MS);
    source->close(source);
    wendi_test_taken_free(&taken);
    wendi_kafka_properties_free(&properties);
}

/* What comes after open() belongs to the next run. */
static void a_bounded_run_ends_at_the_marks_of_its_start(void **state)
{
    (void)state;
    wendi_test_feed feed = new_feed(2);
    wendi_test_taken taken;
    wendi_kafka_source_options options = {.until_caught_up = true, .queue_bytes = 4096};

    wendi_test_feed_send(&feed, 0, 10001);
    wendi_source *source = wendi_test_source_open(&feed, &options);
    wendi_test_feed_send(&feed, 10001, 12000);
    wendi_test_taken_init(&taken, 12000);
    wendi_test_take(source, &feed, &taken, UINT64_MAX, 5000);
    assert_int_equal(taken.status, WEND_END);
    assert_true(wendi_test_taken_all_once(&taken, 10001));
    uint32_t count = 0;
    const wendi_source_partition *partitions = source->partitions(source, &count);
    assert_int_equal(partitions[0].next, 5001);
    assert_int_equal(partitions[1].next, 5000);
    assert_true(partitions[0].finished && partitions[1].finished);
    source->close(source);
    wendi_test_taken_free(&taken);
}

static void topics_are_numbered_by_name(void **state)
{
    (void)state;
    wendi_test_feed b = new_feed(2);
    char later[32];
    snprintf(later, sizeof later, "%s", topic_name);
    assert_int_equal(wendi_mock_broker_create_topic(broker, "a-topic", 1, NULL), WEND_OK);
    wendi_test_feed a = b;
    a.topic = "a-topic";
    b.topic = later;
    wendi_test_feed_send(&a, 0, 100);
    wendi_test_feed_send(&b, 100, 200);
    const char *topics[] = {later, "a-topic"};
    wendi_kafka_source_options options = {
        .brokers = a.brokers, .topics = topics, .topic_count = 2, .until_caught_up = true};
    wendi_source *source = NULL;
    wendi_test_taken taken;
    assert_int_equal(wendi_kafka_source_open(&options, &source, NULL), WEND_OK);
    uint32_t count = 0;
    const wendi_source_partition *partitions = source->partitions(source, &count);
    assert_int_equal(count, 3);
    assert_string_equal(partitions[0].topic, "a-topic");
    assert_string_equal(partitions[1].topic, later);
    assert_int_equal(partitions[2].partition, 1);
    wendi_test_taken_init(&taken, 200);
    wendi_test_take(source, &a, &taken, UINT64_MAX, 5000);
    assert_true(wendi_test_taken_all_once(&taken, 200));
    source->close(source);
    wendi_test_taken_free(&taken);
    topics[1] = later;
    wend_error error;
    assert_int_equal(wendi_kafka_source_open(&options, &source, &error), WEND_INVALID);
}

/* ---- ends by time -----------------------------------------------------------------------------
 */

static int64_t wall_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Message n of a feed has the time begin + n ms; so the first one at or after `until` is known. */
static void a_run_can_end_at_a_time(void **state)
{
    (void)state;
    wendi_test_feed feed = new_feed(3);
    wendi_test_taken taken;
    const int64_t begin = wall_us() / 1000000 * 1000000 - 3600 * INT64_C(1000000);
    feed.timestamp_us = begin;
    wendi_test_feed_send(&feed, 0, 3000);

    static const uint64_t ends[] = {0, 1, 1500, 2999, 100000};
    for (size_t k = 0; k < sizeof ends / sizeof *ends; k++) {
        wendi_kafka_source_options options = {.until_us = begin + (int64_t)ends[k] * 1000};
        wendi_source *source = wendi_test_source_open(&feed, &options);
        wendi_test_taken_init(&taken, 3000);
        wendi_test_take(source, &feed, &taken, UINT64_MAX, 5000);
        assert_int_equal(taken.status, WEND_END);
        assert_true(wendi_test_taken_all_once(&taken, ends[k] < 3000 ? ends[k] : 3000));
        source->close(source);
        wendi_test_taken_free(&taken);
    }
}

/* A time that is still to come: what arrives before it is read, what has it or a later one is not.
 */
static void a_time_to_come_ends_a_run_when_it_has_come(void **state)
{
    (void)state;
    wendi_test_feed feed = new_feed(2);
    wendi_test_taken taken;
    const int64_t until = wall_us() / 1000 * 1000 + 2500000; /* brokers count milliseconds */
    feed.timestamp_us = wall_us() - 1000000;
    wendi_test_feed_send(&feed, 0, 500);
    wendi_kafka_source_options options = {.until_us = until};
    wendi_source *source = wendi_test_source_open(&feed, &options);
    wendi_test_taken_init(&taken, 2000);
    wendi_test_take(source, &feed, &taken, 500, 2000);
    assert_int_equal(taken.status, WEND_OK);
    feed.partition = 0; /* partition 1 sees no message of that time: the clock ends it */
    feed.timestamp_us = until - 500 - 600 * 1000;
    wendi_test_feed_send(&feed, 500,
                         1500); /* number 500 + k has the time until - 0.5 ms + (k - 100) ms */
    wendi_test_take(source, &feed, &taken, UINT64_MAX, 8000);
    assert_int_equal(taken.status, WEND_END);
    assert_true(wall_us() >= until);
    assert_int_equal(taken.count, 601);
    assert_int_equal(taken.seen[600], 1);
    assert_int_equal(taken.seen[601], 0);
    assert_int_equal(taken.order_fault_count, 0);
    source->close(source);
    wendi_test_taken_free(&taken);
}

/* ---- framing ----------------------------------------------------------------------------------
 */

static void framing_is_taken_off_or_told(void **state)
{
    (void)state;
    wendi_test_feed feed = new_feed(1);
    wendi_kafka_producer *producer = NULL;
    wendi_kafka_producer_options sending = {
        .brokers = feed.brokers, .topics = &feed.topic, .topic_count = 1};
    static const wendi_kafka_outgoing messages[] = {
        {.payload = "\0\0\0\0\7{\"a\":1}", .length = 12},
        {.payload = "{\"a\":2}", .length = 7},
        {.payload = "\0\0\0", .length = 3},
        {.payload = NULL},
        {.payload = "\0\0\0\1\7{\"a\":3}", .length = 12}};
    assert_int_equal(wendi_kafka_producer_open(&sending, &producer, NULL), WEND_OK);
    for (size_t k = 0; k < 5; k++) {
        assert_int_equal(wendi_kafka_producer_send(producer, 0, &messages[k], NULL), WEND_OK);
    }
    assert_int_equal(wendi_kafka_producer_flush(producer, 10000, NULL), WEND_OK);
    wendi_kafka_producer_close(producer);

    wendi_kafka_start *starts = NULL;
    uint32_t start_count = 0;
    for (int framed = 0; framed < 2; framed++) {
        wendi_kafka_source_options options = {.until_caught_up = true};
        options.framing = framed ? WENDI_KAFKA_FRAMING_CONFLUENT_JSON : WENDI_KAFKA_FRAMING_NONE;
        wendi_source *source = wendi_test_source_open(&feed, &options);
        wendi_message_block block;
        uint32_t taken = 0;
        assert_int_equal(wendi_message_block_init(&block, NULL), WEND_OK);
        while (source->next(source, &block, 100, NULL) == WEND_OK) {
            for (uint32_t k = 0; k < block.count; k++, taken++) {
                const wendi_message *message = &block.messages[k];
                bool enveloped = taken == 0 || taken == 4;
                bool stripped = framed && enveloped;
                if (taken == 3) {
                    assert_null(message->payload);
                    assert_null(message->refused);
                    continue;
                }
                assert_int_equal(message->length, messages[taken].length - (stripped ? 5 : 0));
                assert_memory_equal(message->payload,
                                    (const char *)messages[taken].payload + (stripped ? 5 : 0),
                                    message->length);
                bool refused = framed ? !enveloped : enveloped;
                assert_int_equal(message->refused != NULL, refused);
                if (refused) {
                    assert_non_null(strstr(message->refused, "--framing confluent-json"));
                }
            }
        }
        assert_int_equal(taken, 5);
        free_starts(starts, start_count);
        starts = wendi_test_starts_of(source, &start_count);
        wendi_message_block_free(&block);
        source->close(source);
    }
    /* The fingerprint is of what the broker has: the same with and without the option. */
    wendi_kafka_source_options options = {
        .until_caught_up = true, .starts = starts, .start_count = start_count};
    wendi_source *source = wendi_test_source_open(&feed, &options);
    wendi_test_taken taken;
    wendi_test_taken_init(&taken, 1);
    wendi_test_take(source, &feed, &taken, UINT64_MAX, 5000);
    assert_int_equal(taken.status, WEND_END);
    wendi_kafka_source_state seen;
    wendi_kafka_source_state_of(source, &seen);
    assert_int_equal(seen.verified_count, 1);
    source->close(source);
    wendi_test_taken_free(&taken);
    free_starts(starts, start_count);
}

/* A partition that was added while nobody read begins at its first message, whatever --from says.
 */
static void a_partition_added_meanwhile_is_read_whole(void **state)
{
    (void)state;
    wendi_test_feed feed = new_feed(2);
    wendi_test_taken taken;
    wendi_test_feed_send(&feed, 0, 200);
    wendi_kafka_start known = {
        .topic = feed.topic, .partition = 0, .next = 100, .leader_epoch = -1};
    wendi_kafka_source_options options = {.starts = &known,
                                          .start_count = 1,
                                          .from = WENDI_KAFKA_FROM_LATEST,
                                          .until_caught_up = true};
    wendi_source *source = wendi_test_source_open(&feed, &options);
    wendi_test_taken_init(&taken, 200);
    wendi_test_take(source, &feed, &taken, UINT64_MAX, 5000);
    assert_int_equal(taken.status, WEND_END);
    assert_int_equal(taken.count, 100);
    assert_int_equal(taken.seen[1], 1);
    source->close(source);
    wendi_test_taken_free(&taken);
}

/* Asked for nothing for long: a full queue fetched nothing, so the past is compared again. */
static void a_stall_makes_the_past_doubtful(void **state)
{
    (void)state;
    wendi_test_feed feed = new_feed(1);
    wendi_test_taken taken;
    wendi_kafka_source_options options = {0};
    wendi_kafka_source_state seen;
    wendi_test_feed_send(&feed, 0, 100);
    wendi_source *source = wendi_test_source_open(&feed, &options);
    wendi_test_taken_init(&taken, 200);
    wendi_test_take(source, &feed, &taken, 100, 5000);
    usleep(5200000);
    wendi_test_feed_send(&feed, 100, 200);
    wendi_test_take(source, &feed, &taken, 200, 5000);
    assert_true(wendi_test_taken_all_once(&taken, 200));
    wendi_kafka_source_state_of(source, &seen);
    assert_int_equal(seen.verified_count, 1);
    source->close(source);
    wendi_test_taken_free(&taken);
}

/* ---- a producer held back by its table ------------------------------------------------------- */

typedef struct slow_table {
    wendi_source *source;
    const wendi_test_feed *feed;
    wendi_test_taken *taken;
    uint64_t question_count;
    bool stop;
} slow_table;

/* Reads some more whenever it is asked, and answers with what it has. */
static int64_t settle(void *context, const char *topic, int32_t partition)
{
    slow_table *table = context;
    uint32_t count = 0;
    table->question_count++;
    assert_string_equal(topic, table->feed->topic);
    wendi_test_take(table->source, table->feed, table->taken, table->taken->count + 500, 100);
    const wendi_source_partition *partitions = table->source->partitions(table->source, &count);
    return table->stop ? -1 : partitions[partition].next;
}

static wend_status produce_paced(slow_table *table, uint64_t end, wend_error *error)
{
    wendi_kafka_producer *producer = NULL;
    wendi_kafka_properties properties = {0};
    char payload[WENDI_TEST_PAYLOAD_MAX], key[32];
    wend_status status = WEND_OK;

    assert_int_equal(wendi_kafka_properties_set(&properties, "compression.type", "none", NULL),
                     WEND_OK);
    wendi_kafka_producer_options options = {.brokers = table->feed->brokers,
                                            .topics = &table->feed->topic,
                                            .topic_count = 1,
                                            .properties = &properties,
                                            .settled = settle,
                                            .settled_context = table};
    assert_int_equal(wendi_kafka_producer_open(&options, &producer, NULL), WEND_OK);
    for (uint64_t number = 0; number < end && status == WEND_OK; number++) {
        snprintf(payload, sizeof payload, "%" PRIu64 ":", number);
        memset(payload + strlen(payload), 'x', 1000);
        wendi_kafka_outgoing message = {
            .payload = payload, .length = 1000, .key = key, .partition = -1};
        message.key_length = (size_t)snprintf(key, sizeof key, "k%" PRIu64, number);
        status = wendi_kafka_producer_send(producer, 0, &message, error);
    }
    if (status == WEND_OK) {
        status = wendi_kafka_producer_flush(producer, 20000, error);
    }
    wendi_kafka_producer_close(producer);
    wendi_kafka_properties_free(&properties);
    return status;
}

/* 30 MB through a broker that keeps 5 MiB a partition: none may be dropped. */
static void a_producer_waits_for_its_table(void **state)
{
    (void)state;
    wendi_test_feed feed = new_feed(2);
    wendi_test_taken taken;
    wend_error error = {.message = ""};
    wendi_kafka_source_options options = {0};
    wendi_test_taken_init(&taken, 1);
    slow_table table = {
        .source = wendi_test_source_open(&feed, &options), .feed = &feed, .taken = &taken};

    if (produce_paced(&table, 30000, &error) != WEND_OK) {
        fail_msg("%s", error.message);
    }
    wendi_test_take(table.source, &feed, &taken, 30000, 3000);
    assert_int_equal(taken.count, 30000);
    assert_int_equal(taken.order_fault_count, 0);
    uint32_t count = 0;
    const wendi_source_partition *partitions = table.source->partitions(table.source, &count);
    assert_int_equal(partitions[0].next + partitions[1].next, 30000);
    assert_int_equal(partitions[0].gap + partitions[1].gap, 0);
    assert_true(table.question_count > 10);
    table.stop = true;
    assert_int_equal(produce_paced(&table, 30000, &error), WEND_CANCELLED);
    table.source->close(table.source);
    wendi_test_taken_free(&taken);
}

static void an_unreachable_broker_fails_the_producer(void **state)
{
    (void)state;
    wendi_test_feed feed = new_feed(1);
    wendi_kafka_producer *producer = NULL;
    wend_error error;
    wendi_kafka_producer_options options = {.brokers = feed.brokers,
                                            .topics = &feed.topic,
                                            .topic_count = 1,
                                            .delivery_timeout_ms = 1500};
    assert_int_equal(wendi_kafka_producer_open(&options, &producer, NULL), WEND_OK);
    wendi_mock_broker_set_down(broker, 1);
    wendi_kafka_outgoing message = {.payload = "x", .length = 1};
    for (int k = 0; k < 10; k++) {
        assert_int_equal(wendi_kafka_producer_send(producer, 0, &message, NULL), WEND_OK);
    }
    assert_int_equal(wendi_kafka_producer_flush(producer, 8000, &error), WEND_KAFKA);
    assert_non_null(strstr(error.message, "10 of 10"));
    wendi_kafka_producer_close(producer);
    wendi_mock_broker_set_down(broker, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_messages_come_once_under_every_codec),
        cmocka_unit_test(a_restart_goes_on_where_the_table_stands),
        cmocka_unit_test(a_topic_made_anew_is_noticed),
        cmocka_unit_test(a_log_that_ends_before_the_table_is_a_conflict),
        cmocka_unit_test(lost_messages_are_told_and_counted),
        cmocka_unit_test(a_source_that_is_overtaken_stops),
        cmocka_unit_test(faults_of_fetching_lose_nothing),
        cmocka_unit_test(a_broker_that_is_away_is_waited_for),
        cmocka_unit_test(nobody_at_the_address_is_an_error_in_time),
        cmocka_unit_test(tombstones_keys_times_and_headers_come_through),
        cmocka_unit_test(beginnings_can_be_chosen),
        cmocka_unit_test(a_bounded_run_ends_at_the_marks_of_its_start),
        cmocka_unit_test(a_full_queue_is_filled_again_when_there_is_room),
        cmocka_unit_test(topics_are_numbered_by_name),
        cmocka_unit_test(a_run_can_end_at_a_time),
        cmocka_unit_test(a_time_to_come_ends_a_run_when_it_has_come),
        cmocka_unit_test(framing_is_taken_off_or_told),
        cmocka_unit_test(a_partition_added_meanwhile_is_read_whole),
        cmocka_unit_test(a_stall_makes_the_past_doubtful),
        cmocka_unit_test(a_producer_waits_for_its_table),
        cmocka_unit_test(an_unreachable_broker_fails_the_producer),
        cmocka_unit_test(
            a_partition_that_keeps_failing_ends_loudly), /* last: leaves faults queued */
    };
    if (argc > 1) {
        cmocka_set_test_filter(argv[1]);
    }
    return cmocka_run_group_tests(tests, open_broker, close_broker);
}
