/*
 * What only a real broker can answer: transactions, deleted and re-created topics, records deleted
 * by the broker, groups, growing topics, a broker killed in the middle. Started by
 * real_broker_test.py, which names the broker in WEND_TEST_BROKERS and starts it again when killed.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <librdkafka/rdkafka.h>

#include "tests/support/kafka_feed.h"

static const char *brokers;
static int topic_number;
static char topic_name[64];

/* A topic of its own for each test, created by the first send. */
static wendi_test_feed new_feed(int32_t partition_count)
{
    snprintf(topic_name, sizeof topic_name, "feed-%d-%d", (int)getpid(), ++topic_number);
    return (wendi_test_feed){.brokers = brokers,
                             .topic = topic_name,
                             .payload_bytes = 300,
                             .partition = -1,
                             .create_partition_count = partition_count};
}

static void free_starts(wendi_kafka_start *starts, uint32_t count)
{
    for (uint32_t k = 0; k < count; k++) {
        free((void *)(uintptr_t)starts[k].topic);
    }
    free(starts);
}

/* A plain client for what the engine itself has no use for. */
static rd_kafka_t *open_client(const char *const settings[][2], rd_kafka_type_t type)
{
    char reason[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    assert_int_equal(rd_kafka_conf_set(conf, "bootstrap.servers", brokers, reason, sizeof reason),
                     RD_KAFKA_CONF_OK);
    for (; settings != NULL && settings[0][0] != NULL; settings++) {
        assert_int_equal(
            rd_kafka_conf_set(conf, settings[0][0], settings[0][1], reason, sizeof reason),
            RD_KAFKA_CONF_OK);
    }
    rd_kafka_t *client = rd_kafka_new(type, conf, reason, sizeof reason);
    assert_non_null(client);
    return client;
}

static void two_hundred_thousand_come_once(void **state)
{
    (void)state;
    wendi_test_feed feed = new_feed(4);
    wendi_test_taken taken;
    wendi_kafka_start *starts = NULL;
    uint32_t start_count = 0;

    wendi_test_feed_send(&feed, 0, 200000);
    wendi_test_taken_init(&taken, 200000);
    for (int round = 0; round < 5; round++) { /* ended and started again four times on the way */
        wendi_kafka_source_options options = {
            .starts = starts, .start_count = start_count, .until_caught_up = true};
        wendi_source *source = wendi_test_source_open(&feed, &options);
        wendi_test_take(source, &feed, &taken,
                        round == 4 ? UINT64_MAX : (uint64_t)(round + 1) * 40000, 10000);
        free_starts(starts, start_count);
        starts = wendi_test_starts_of(source, &start_count);
        source->close(source);
    }
    assert_int_equal(taken.status, WEND_END);
    assert_true(wendi_test_taken_all_once(&taken, 200000));
    free_starts(starts, start_count);
    wendi_test_taken_free(&taken);
}

static void delete_topic(const wendi_test_feed *feed)
{
    wendi_kafka_producer *producer = NULL;
    wendi_kafka_producer_options options = {
        .brokers = brokers, .topics = &feed->topic, .topic_count = 1};
    wend_error error = {.message = ""};
    assert_int_equal(wendi_kafka_producer_open(&options, &producer, &error), WEND_OK);
    if (wendi_kafka_producer_delete_topic(producer, 0, &error) != WEND_OK) {
        fail_msg("%s", error.message);
    }
    wendi_kafka_producer_close(producer);
}

/* The same payloads again, and more of them than we had taken: only the fingerprint can tell. */
static void a_topic_created_again_is_noticed_at_start(void **state)
{
    (void)state;
    wendi_test_feed feed = new_feed(1);
    wendi_test_taken taken;
    uint32_t count = 0;

    feed.timestamp_us = 1700000000000000;
    wendi_test_feed_send(&feed, 0, 100);
    wendi_source *source = wendi_test_source_open(&feed, NULL);
    wendi_test_taken_init(&taken, 1000);
    wendi_test_take(source, &feed, &taken, UINT64_MAX, 5000);
    assert_int_equal(taken.count, 100);
    wendi_kafka_start *starts = wendi_test_starts_of(source, &count);
    source->close(source);

    delete_topic(&feed);
    usleep(500000);
    feed.timestamp_us = 1700000500000000;
    wendi_test_feed_send(&feed, 0, 240);
    wendi_kafka_source_options options = {
        .starts = starts, .start_count = count, .until_caught_up = true};
    source = wendi_test_source_open(&feed, &options);
    wendi_test_take(source, &feed, &taken, UINT64_MAX, 5000);
    assert_int_equal(taken.status, WEND_CONFLICT);
    assert_non_null(strstr(taken.error.message, "created again"));
    assert_int_equal(taken.count, 100);
    source->close(source);
    free_starts(starts, count);
    wendi_test_taken_free(&taken);
}

/* Under a running source: it must end with an error, whether the new topic is shorter or longer. */
static void a_topic_created_again_under_a_source_is_noticed(void **state)
{
    (void)state;
    for (uint64_t again = 40; again <= 240; again += 200) {
        wendi_test_feed feed = new_feed(1);
        wendi_test_taken taken;
        wendi_kafka_source_options options = {0};

        wendi_test_feed_send(&feed, 0, 100);
        wendi_source *source = wendi_test_source_open(&feed, &options);
        wendi_test_taken_init(&taken, 1000);
        wendi_test_take(source, &feed, &taken, 100, 5000);
        assert_int_equal(taken.count, 100);
        delete_topic(&feed);
        usleep(200000);
        wendi_test_feed_send(&feed, 500, 500 + again);
        wendi_test_take(source, &feed, &taken, UINT64_MAX, 15000);
        print_message("%" PRIu64 " messages in the new topic: %s: %s\n", again,
                      wend_status_name(taken.status),
                      taken.status == WEND_OK ? "" : taken.error.message);
        assert_int_equal(taken.status, WEND_CONFLICT);
        assert_int_equal(taken.count, 100);
        source->close(source);
        wendi_test_taken_free(&taken);
    }
}

static char last_notice[512];

static void keep_notice(void *context, const char *text)
{
    (void)context;
    if (strstr(text, "was deleted") != NULL) {
        snprintf(last_notice, sizeof last_notice, "%s", text);
    }
}

/* It is waited for, and said; what comes back under its name is another topic. A bounded run cannot
   wait for what may never come. */
static void a_topic_deleted_under_a_source_is_waited_for(void **state)
{
    (void)state;
    wendi_test_feed feed = new_feed(2);
    wendi_test_taken taken;
    wendi_kafka_source_options options = {.notice = keep_notice};
    wendi_kafka_source_state seen;

    wendi_test_feed_send(&feed, 0, 100);
    wendi_source *source = wendi_test_source_open(&feed, &options);
    wendi_test_taken_init(&taken, 1000);
    wendi_test_take(source, &feed, &taken, 100, 5000);
    delete_topic(&feed);
    last_notice[0] = 0;
    wendi_test_take(source, &feed, &taken, UINT64_MAX, 9000);
    assert_int_equal(taken.status, WEND_OK);
    assert_non_null(strstr(last_notice, feed.topic));
    wendi_kafka_source_state_of(source, &seen);
    assert_int_equal(seen.missing_partition_count, 2);
    wendi_test_feed_send(&feed, 500, 900);
    wendi_test_take(source, &feed, &taken, UINT64_MAX, 10000);
    assert_int_equal(taken.status, WEND_CONFLICT);
    assert_int_equal(taken.count, 100);
    source->close(source);
    wendi_test_taken_free(&taken);
}

/* Nothing is asked for while the topic is made anew, and a full queue fetches nothing: no request
   meets the change, and the new topic has a message at each offset that we could ask for. */
static void a_topic_created_again_unseen_is_noticed(void **state)
{
    (void)state;
    wendi_test_feed feed = new_feed(1);
    wendi_test_taken taken;
    wendi_kafka_source_options options = {.queue_bytes = 4096};

    wendi_test_feed_send(&feed, 0, 3000);
    wendi_source *source = wendi_test_source_open(&feed, &options);
    wendi_test_taken_init(&taken, 20000);
    wendi_test_take(source, &feed, &taken, 100, 5000);
    delete_topic(&feed);
    usleep(500000);
    wendi_test_feed_send(&feed, 10000, 19000);
    usleep(5000000);
    wendi_test_take(source, &feed, &taken, UINT64_MAX, 5000);
    assert_int_equal(taken.status, WEND_CONFLICT);
    for (uint64_t number = 10000; number < 19000; number++) {
        assert_int_equal(taken.seen[number], 0);
    }
    source->close(source);
    wendi_test_taken_free(&taken);
}

/* ---- log-ins -------------------------------------------------------------------------------- */

typedef struct log_in {
    const char *password;
    const char *authority; /* NULL: the system's */
    const char *protocol;
    wend_status expected;
    const char *told; /* within the message */
    const char *hinted;
} log_in;

static wend_status try_log_in(const wendi_test_feed *feed, const log_in *with, wend_error *error)
{
    wendi_kafka_properties properties = {0};
    wendi_source *source = NULL;
    assert_int_equal(setenv("WEND_TEST_PASSWORD", with->password, 1), 0);
    assert_int_equal(
        wendi_kafka_properties_set(&properties, "security.protocol", with->protocol, NULL),
        WEND_OK);
    assert_int_equal(
        wendi_kafka_properties_set(&properties, "sasl.mechanisms", "SCRAM-SHA-512", NULL), WEND_OK);
    assert_int_equal(wendi_kafka_properties_set(&properties, "sasl.username", "wend", NULL),
                     WEND_OK);
    assert_int_equal(
        wendi_kafka_properties_add(&properties, "sasl.password=${WEND_TEST_PASSWORD}", NULL),
        WEND_OK);
    if (with->authority != NULL) {
        assert_int_equal(
            wendi_kafka_properties_set(&properties, "ssl.ca.location", with->authority, NULL),
            WEND_OK);
    }
    wendi_kafka_source_options options = {.brokers = getenv("WEND_TEST_SECURE_BROKERS"),
                                          .topics = &feed->topic,
                                          .topic_count = 1,
                                          .properties = &properties,
                                          .until_caught_up = true};
    wend_status status = wendi_kafka_source_open(&options, &source, error);
    if (status == WEND_OK) {
        wendi_test_taken taken;
        wendi_test_taken_init(&taken, 500);
        wendi_test_take(source, feed, &taken, UINT64_MAX, 5000);
        assert_true(wendi_test_taken_all_once(&taken, 500));
        wendi_test_taken_free(&taken);
        source->close(source);
    }
    wendi_kafka_properties_free(&properties);
    return status;
}

/* Right ones are let in; each kind of wrong one is told as what it is, soon, and without the
 * password. */
static void log_ins_are_judged_clearly_and_soon(void **state)
{
    (void)state;
    const char *authority = getenv("WEND_TEST_SECURE_CA");
    if (getenv("WEND_TEST_SECURE_BROKERS") == NULL || authority == NULL) {
        skip();
    }
    const log_in log_ins[] = {
        {"loopback-only", authority, "sasl_ssl", WEND_OK, "", ""},
        {"wrong-secret", authority, "sasl_ssl", WEND_KAFKA, "refused us", "sasl.password"},
        {"loopback-only", NULL, "sasl_ssl", WEND_KAFKA, "certificate", "ssl.ca.location"},
        {"loopback-only", authority, "ssl", WEND_KAFKA, "within", "security.protocol"},
        {"loopback-only", authority, "plaintext", WEND_KAFKA, "security.protocol", ""},
    };
    wendi_test_feed feed = new_feed(2);
    wendi_test_feed_send(&feed, 0, 500);
    for (size_t k = 0; k < sizeof log_ins / sizeof *log_ins; k++) {
        wend_error error = {.message = ""};
        time_t begin = time(NULL);
        wend_status status = try_log_in(&feed, &log_ins[k], &error);
        print_message("%zu: %s after %d s: %s (%s)\n", k, wend_status_name(status),
                      (int)(time(NULL) - begin), error.message, error.hint);
        assert_int_equal(status, log_ins[k].expected);
        assert_true(time(NULL) - begin <= 16);
        if (status != WEND_OK) {
            assert_non_null(strstr(error.message, log_ins[k].told));
            assert_non_null(strstr(error.hint, log_ins[k].hinted));
            assert_null(strstr(error.message, log_ins[k].password));
            assert_null(strstr(error.hint, log_ins[k].password));
        }
    }
}

static void send_in_transaction(rd_kafka_t *client, const wendi_test_feed *feed, uint64_t first,
                                int commit)
{
    assert_null(rd_kafka_begin_transaction(client));
    for (uint64_t number = first; number < first + 100; number++) {
        char text[32];
        int length = snprintf(text, sizeof text, "%" PRIu64, number);
        assert_int_equal(rd_kafka_producev(client, RD_KAFKA_V_TOPIC(feed->topic),
                                           RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                           RD_KAFKA_V_VALUE(text, (size_t)length), RD_KAFKA_V_END),
                         RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    assert_int_equal(rd_kafka_flush(client, 10000), RD_KAFKA_RESP_ERR_NO_ERROR);
    if (commit >= 0) {
        assert_null(commit ? rd_kafka_commit_transaction(client, 10000)
                           : rd_kafka_abort_transaction(client, 10000));
    }
}

/* All that comes until the source ends; adds up the numbers sent. */
static uint64_t take_plain(wendi_source *source, uint64_t *sum)
{
    wendi_message_block block;
    wend_status status = WEND_OK;
    uint64_t count = 0;
    assert_int_equal(wendi_message_block_init(&block, NULL), WEND_OK);
    while ((status = source->next(source, &block, 200, NULL)) == WEND_OK) {
        for (uint32_t k = 0; k < block.count; k++, count++) {
            for (uint64_t number = 0, at = 0; at < block.messages[k].length; at++) {
                number = number * 10 + (uint64_t)(block.messages[k].payload[at] - '0');
                *sum += at + 1 == block.messages[k].length ? number : 0;
            }
        }
    }
    assert_int_equal(status, WEND_END);
    wendi_message_block_free(&block);
    return count;
}

static void aborted_transactions_are_not_seen(void **state)
{
    (void)state;
    static const char *const settings[][2] = {{"transactional.id", "wend-test"}, {NULL, NULL}};
    wendi_test_feed feed = new_feed(1);
    uint64_t sum = 0;

    wendi_test_feed_send(&feed, 0, 0); /* creates it */
    rd_kafka_t *client = open_client(settings, RD_KAFKA_PRODUCER);
    assert_null(rd_kafka_init_transactions(client, 20000));
    send_in_transaction(client, &feed, 0, 1);
    send_in_transaction(client, &feed, 1000000, 0);
    send_in_transaction(client, &feed, 100, 1);
    send_in_transaction(client, &feed, 2000000,
                        -1); /* left open: hidden, and the end of what can be read */

    wendi_source *source = wendi_test_source_open(&feed, NULL);
    assert_int_equal(take_plain(source, &sum), 200);
    assert_int_equal(sum, 199 * 200 / 2);
    uint32_t count = 0;
    wendi_kafka_start *starts = wendi_test_starts_of(source, &count);
    assert_int_equal(source->partitions(source, &count)->end, 303); /* not 403: the stable end */
    source->close(source);

    assert_null(rd_kafka_commit_transaction(client, 10000));
    wendi_kafka_source_options options = {
        .starts = starts, .start_count = count, .until_caught_up = true};
    wendi_kafka_source_state seen;
    uint64_t shown = 0;
    for (int tries = 0; tries < 50 && shown == 0;
         tries++) { /* a commit is answered before it shows */
        source = wendi_test_source_open(&feed, &options);
        shown = take_plain(source, &sum);
        wendi_kafka_source_state_of(source, &seen);
        source->close(source);
        usleep(50000);
    }
    assert_int_equal(shown, 100);
    assert_int_equal(seen.verified_count,
                     2); /* at the start, and as a gap was read a second time */
    free_starts(starts, count);
    rd_kafka_destroy(client);
}

static void delete_records(const wendi_test_feed *feed, int64_t before)
{
    rd_kafka_t *client = open_client(NULL, RD_KAFKA_PRODUCER);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, feed->topic, 0)->offset = before;
    rd_kafka_DeleteRecords_t *request = rd_kafka_DeleteRecords_new(list);
    rd_kafka_DeleteRecords(client, &request, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 10000);
    assert_non_null(event);
    assert_int_equal(rd_kafka_event_error(event), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_event_destroy(event);
    rd_kafka_DeleteRecords_destroy(request);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(client);
}

static void records_deleted_by_the_broker_are_a_gap(void **state)
{
    (void)state;
    wendi_test_feed feed = new_feed(1);
    wendi_test_taken taken;
    wendi_source *source = NULL;
    wend_error error;

    wendi_test_feed_send(&feed, 0, 1000);
    wendi_test_taken_init(&taken, 2000);
    source = wendi_test_source_open(&feed, NULL);
    wendi_test_take(source, &feed, &taken, UINT64_MAX, 5000);
    uint32_t count = 0;
    wendi_kafka_start *starts = wendi_test_starts_of(source, &count);
    source->close(source);
    wendi_test_feed_send(&feed, 1000, 2000);

    /* Exactly up to where we stand: nothing is lost, and there is nothing left to compare. */
    delete_records(&feed, 1000);
    wendi_kafka_source_options options = {.brokers = brokers,
                                          .topics = &feed.topic,
                                          .topic_count = 1,
                                          .starts = starts,
                                          .start_count = count,
                                          .until_caught_up = true};
    assert_int_equal(wendi_kafka_source_open(&options, &source, &error), WEND_OK);
    wendi_kafka_source_state seen;
    wendi_kafka_source_state_of(source, &seen);
    assert_int_equal(seen.unverified_count, 1);
    source->close(source);

    delete_records(&feed, 1300);
    assert_int_equal(wendi_kafka_source_open(&options, &source, &error), WEND_CONFLICT);
    assert_non_null(strstr(error.message, "(300) are gone"));
    options.accept_gap = true;
    source = wendi_test_source_open(&feed, &options);
    wendi_test_take(source, &feed, &taken, UINT64_MAX, 5000);
    assert_int_equal(taken.status, WEND_END);
    assert_int_equal(taken.count, 1700);
    assert_int_equal(source->partitions(source, &count)->gap, 300);
    source->close(source);
    free_starts(starts, 1);
    wendi_test_taken_free(&taken);
}

/* All that was taken is deleted: there is nothing to compare any more, and nothing is missing. */
static void a_log_emptied_behind_a_source_is_no_fault(void **state)
{
    (void)state;
    wendi_test_feed feed = new_feed(1);
    wendi_test_taken taken;
    wendi_kafka_source_options options = {0};
    wendi_kafka_source_state seen;

    wendi_test_feed_send(&feed, 0, 100);
    wendi_source *source = wendi_test_source_open(&feed, &options);
    wendi_test_taken_init(&taken, 300);
    wendi_test_take(source, &feed, &taken, 100, 5000);
    delete_records(&feed, 100);
    for (uint64_t end = 200; end <= 300; end += 100) {
        usleep(5200000); /* long enough to doubt the past */
        wendi_test_take(source, &feed, &taken, UINT64_MAX, 1500);
        wendi_test_feed_send(&feed, end - 100, end);
        wendi_test_take(source, &feed, &taken, end, 10000);
        assert_true(wendi_test_taken_all_once(&taken, end));
        wendi_kafka_source_state_of(source, &seen);
        assert_int_equal(seen.unverified_count, 1);
        assert_int_equal(seen.verified_count >= 1, end == 300); /* there is a last message again */
        assert_int_equal(seen.retry_count, 1);
    }
    source->close(source);
    wendi_test_taken_free(&taken);
}

static void a_time_can_be_the_beginning(void **state)
{
    (void)state;
    wendi_test_feed feed = new_feed(2);
    wendi_test_taken taken;
    feed.timestamp_us = 1790000000000000;
    wendi_test_feed_send(&feed, 0, 1000);
    wendi_kafka_source_options options = {.from = WENDI_KAFKA_FROM_TIME,
                                          .from_us = feed.timestamp_us + 600 * 1000,
                                          .until_caught_up = true};
    wendi_source *source = wendi_test_source_open(&feed, &options);
    wendi_test_taken_init(&taken, 1000);
    wendi_test_take(source, &feed, &taken, UINT64_MAX, 5000);
    assert_int_equal(taken.count, 400);
    assert_int_equal(taken.seen[599], 0);
    assert_int_equal(taken.seen[600], 1);
    source->close(source);
    wendi_test_taken_free(&taken);
    options.from_us = feed.timestamp_us + INT64_C(3600000000);
    source = wendi_test_source_open(&feed, &options);
    wendi_test_taken_init(&taken, 1000);
    wendi_test_take(source, &feed, &taken, UINT64_MAX, 5000);
    assert_int_equal(taken.count, 0);
    assert_int_equal(taken.status, WEND_END);
    source->close(source);
    wendi_test_taken_free(&taken);
}

static void the_group_learns_what_the_table_has(void **state)
{
    (void)state;
    static const char *const settings[][2] = {{"group.id", "wend-lag"}, {NULL, NULL}};
    wendi_test_feed feed = new_feed(2);
    wendi_test_taken taken;
    wendi_kafka_properties properties = {0};
    uint32_t count = 0;

    wendi_test_feed_send(&feed, 0, 500);
    assert_int_equal(wendi_kafka_properties_add(&properties, "group.id=wend-lag", NULL), WEND_OK);
    wendi_kafka_source_options options = {.properties = &properties, .until_caught_up = true};
    wendi_source *source = wendi_test_source_open(&feed, &options);
    wendi_test_taken_init(&taken, 500);
    wendi_test_take(source, &feed, &taken, UINT64_MAX, 5000);
    const wendi_source_partition *partitions = source->partitions(source, &count);
    source->committed(source, partitions, count);
    source->close(source);

    rd_kafka_t *client = open_client(settings, RD_KAFKA_CONSUMER);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(2);
    rd_kafka_topic_partition_list_add(list, feed.topic, 0);
    rd_kafka_topic_partition_list_add(list, feed.topic, 1);
    assert_int_equal(rd_kafka_committed(client, list, 10000), RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(list->elems[0].offset, 250);
    assert_int_equal(list->elems[1].offset, 250);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(client);
    wendi_kafka_properties_free(&properties);
    wendi_test_taken_free(&taken);
}

static void grow(const wendi_test_feed *feed, size_t partition_count)
{
    char reason[256];
    rd_kafka_t *client = open_client(NULL, RD_KAFKA_PRODUCER);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_NewPartitions_t *request =
        rd_kafka_NewPartitions_new(feed->topic, partition_count, reason, sizeof reason);
    rd_kafka_CreatePartitions(client, &request, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 10000);
    assert_non_null(event);
    assert_int_equal(rd_kafka_event_error(event), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_event_destroy(event);
    rd_kafka_NewPartitions_destroy(request);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(client);
    usleep(500000);
}

static void added_partitions_are_told_or_followed(void **state)
{
    (void)state;
    wendi_test_feed feed = new_feed(1);
    wendi_test_taken taken;
    wendi_test_feed_send(&feed, 0, 100);
    wendi_kafka_source_options options = {.metadata_interval_ms = 100};
    wendi_source *told = wendi_test_source_open(&feed, &options);
    options.follow_growth = true;
    wendi_source *follows = wendi_test_source_open(&feed, &options);
    grow(&feed, 3);
    feed.create_partition_count = 0;
    wendi_test_feed_send(&feed, 100, 400);

    wendi_test_taken_init(&taken, 400);
    wendi_test_take(told, &feed, &taken, UINT64_MAX, 2000);
    wendi_kafka_source_state seen;
    wendi_kafka_source_state_of(told, &seen);
    assert_int_equal(seen.unread_partition_count, 2);
    assert_int_equal(taken.count, 200);
    told->close(told);
    wendi_test_taken_free(&taken);

    wendi_test_taken_init(&taken, 400);
    wendi_test_take(follows, &feed, &taken, 400, 5000);
    assert_true(wendi_test_taken_all_once(&taken, 400));
    uint32_t count = 0;
    follows->partitions(follows, &count);
    assert_int_equal(count, 3);
    follows->close(follows);
    wendi_test_taken_free(&taken);
}

/* The place in the broker's log file of partition 0 at which the payload of `number` begins; -1:
 * not there. */
static long find_payload(const wendi_test_feed *feed, uint64_t number, char *path,
                         size_t path_bytes)
{
    static char bytes[1 << 20];
    char wanted[32];
    const char *data = getenv("WEND_TEST_BROKER_DATA");
    snprintf(path, path_bytes, "%s/%s-0/00000000000000000000.log", data != NULL ? data : "",
             feed->topic);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t length = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    snprintf(wanted, sizeof wanted, "%" PRIu64 ":", number);
    const char *found = memmem(bytes, length, wanted, strlen(wanted));
    return found == NULL ? -1 : (long)(found - bytes);
}

static void flip_byte(const char *path, long at)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    int byte = fgetc(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    assert_true(fputc(byte ^ 1, file) != EOF);
    assert_int_equal(fclose(file), 0);
}

/*
 * A byte of the broker's disk turns over. librdkafka reports the batch, then jumps over it; nothing
 * behind it may be taken. Once the byte is right again, all of it is there.
 */
static void a_damaged_batch_is_not_jumped_over(void **state)
{
    (void)state;
    wendi_test_feed feed = new_feed(1);
    wendi_test_taken taken;
    wendi_kafka_source_options options = {.error_tries_max = 2};
    char path[512];

    feed.compression = "none";
    for (uint64_t first = 0; first < 1000; first += 100) {
        wendi_test_feed_send(&feed, first, first + 100); /* ten batches */
    }
    long at = find_payload(&feed, 550, path, sizeof path);
    assert_true(at > 0);
    flip_byte(path, at + 20);
    wendi_source *source = wendi_test_source_open(&feed, &options);
    wendi_test_taken_init(&taken, 1000);
    wendi_test_take(source, &feed, &taken, UINT64_MAX, 15000);
    wendi_kafka_source_state seen;
    wendi_kafka_source_state_of(source, &seen);
    print_message("%s after %" PRIu64 " messages: %s\n", wend_status_name(taken.status),
                  taken.count, taken.status == WEND_OK ? seen.last_error : taken.error.message);
    assert_int_equal(taken.status, WEND_KAFKA);
    assert_non_null(strstr(taken.error.message, "offset 500"));
    assert_true(wendi_test_taken_all_once(&taken, 500));
    uint32_t count = 0;
    wendi_kafka_start *starts = wendi_test_starts_of(source, &count);
    source->close(source);

    options = (wendi_kafka_source_options){
        .starts = starts, .start_count = count, .until_caught_up = true};
    source = wendi_test_source_open(&feed, &options);
    wendi_test_take(source, &feed, &taken, taken.count + 1, 1500); /* meets the damage again */
    flip_byte(path, at + 20);
    wendi_test_take(source, &feed, &taken, UINT64_MAX, 15000);
    assert_int_equal(taken.status, WEND_END);
    assert_true(wendi_test_taken_all_once(&taken, 1000));
    source->close(source);
    free_starts(starts, count);
    wendi_test_taken_free(&taken);
}

static void kill_broker(void)
{
    const char *path = getenv("WEND_TEST_BROKER_PID");
    int pid = 0;
    FILE *file = fopen(path != NULL ? path : "", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%d", &pid), 1);
    fclose(file);
    assert_int_equal(kill(pid, SIGKILL), 0);
}

static void a_killed_broker_costs_nothing(void **state)
{
    (void)state;
    wendi_test_feed feed = new_feed(4);
    wendi_test_taken taken;
    wendi_kafka_source_options options = {.queue_bytes = 1 << 20};

    wendi_test_feed_send(&feed, 0, 300000);
    wendi_source *source = wendi_test_source_open(&feed, &options);
    wendi_test_taken_init(&taken, 300000);
    wendi_test_take(source, &feed, &taken, 100000, 10000);
    kill_broker();
    wendi_test_take(source, &feed, &taken, 300000, 40000);
    if (taken.status != WEND_OK) {
        fail_msg("%s", taken.error.message);
    }
    assert_true(wendi_test_taken_all_once(&taken, 300000));
    wendi_kafka_source_state seen;
    wendi_kafka_source_state_of(source, &seen);
    print_message("%" PRIu64 " compared after the kill, %" PRIu64 " begun again: %s\n",
                  seen.verified_count, seen.retry_count, seen.last_error);
    assert_true(seen.verified_count >= 1);
    source->close(source);
    wendi_test_taken_free(&taken);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_hundred_thousand_come_once),
        cmocka_unit_test(a_topic_created_again_is_noticed_at_start),
        cmocka_unit_test(a_topic_created_again_under_a_source_is_noticed),
        cmocka_unit_test(a_topic_deleted_under_a_source_is_waited_for),
        cmocka_unit_test(a_topic_created_again_unseen_is_noticed),
        cmocka_unit_test(log_ins_are_judged_clearly_and_soon),
        cmocka_unit_test(aborted_transactions_are_not_seen),
        cmocka_unit_test(records_deleted_by_the_broker_are_a_gap),
        cmocka_unit_test(a_log_emptied_behind_a_source_is_no_fault),
        cmocka_unit_test(a_time_can_be_the_beginning),
        cmocka_unit_test(the_group_learns_what_the_table_has),
        cmocka_unit_test(added_partitions_are_told_or_followed),
        cmocka_unit_test(a_damaged_batch_is_not_jumped_over),
        cmocka_unit_test(a_killed_broker_costs_nothing),
    };
    brokers = getenv("WEND_TEST_BROKERS");
    if (brokers == NULL) {
        puts("skipped: WEND_TEST_BROKERS names no broker; services.real_broker runs this with one");
        return 77;
    }
    if (argc > 1) {
        cmocka_set_test_filter(argv[1]);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
