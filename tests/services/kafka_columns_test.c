/*
 * What Kafka says of a message, as columns: key, headers, topic, partition, offset and time, whatever bytes they are; and a
 * column of a header that is added while messages come. Against librdkafka's mock cluster, through the whole ingest.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/table/table_change.h"
#include "ingest/ingest_kafka.h"
#include "ingest/kafka/kafka_producer.h"
#include "ingest/kafka/mock_broker.h"
#include "tests/support/table_fixture.h"

enum { TEXT_BYTES = 1 << 20, BEFORE = 3000, AFTER = 2000 };

static char base[64];
static wendi_mock_broker *broker;

/* ---- sending and asking ----------------------------------------------------------------------- */

static wendi_kafka_producer *producer_of(const char *topic)
{
    wendi_kafka_producer *producer;
    wendi_kafka_producer_options options = {
        .brokers = wendi_mock_broker_servers(broker), .topics = &topic, .topic_count = 1, .create_partition_count = 2};
    assert_int_equal(wendi_mock_broker_create_topic(broker, topic, 2, NULL), WEND_OK);
    assert_int_equal(wendi_kafka_producer_open(&options, &producer, NULL), WEND_OK);
    return producer;
}

typedef struct outgoing {
    const char *payload;
    wendi_string key; /* data NULL: none */
    wendi_message_header headers[3];
    uint32_t header_count;
} outgoing;

static void send_message(wendi_kafka_producer *producer, const outgoing *message, int64_t timestamp_us)
{
    wendi_kafka_outgoing out = {.payload = message->payload,
                                .length = strlen(message->payload),
                                .key = message->key.data,
                                .key_length = message->key.length,
                                .timestamp_us = timestamp_us,
                                .partition = 1,
                                .headers = message->headers,
                                .header_count = message->header_count};
    assert_int_equal(wendi_kafka_producer_send(producer, 0, &out, NULL), WEND_OK);
}

/* What the program prints; the test ends when it fails. */
static const char *program(const char *store, const char *words)
{
    static char text[TEXT_BYTES];
    char command[2048];
    const char *path = getenv("WEND_TEST_PROGRAM");
    snprintf(command, sizeof command, "'%s' -d '%s' %s", path != NULL ? path : "build/dev/wend", store, words);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    size_t length = fread(text, 1, sizeof text - 1, pipe);
    text[length] = '\0';
    assert_int_equal(pclose(pipe), 0);
    return text;
}

typedef struct ingest_run {
    char store[80];
    const char *topic;
    bool until_caught_up;
    atomic_int stop;
    wend_status status;
    wend_error error;
    wendi_ingest_stats stats;
} ingest_run;

static void *run_ingest(void *context)
{
    ingest_run *run = context;
    wendi_kafka_source_options kafka = {.brokers = wendi_mock_broker_servers(broker),
                                        .topics = &run->topic,
                                        .topic_count = 1,
                                        .until_caught_up = run->until_caught_up};
    wendi_ingest_options options = {.commit_interval_ms = 100, .stop = &run->stop};
    run->status = wendi_ingest_kafka(run->store, "t", &kafka, &options, &run->stats, &run->error);
    return NULL;
}

static void check_run(const ingest_run *run)
{
    if (run->status != WEND_OK) {
        fail_msg("%s", run->error.message);
    }
}

/* ---- tests ------------------------------------------------------------------------------------ */

#define BYTES(text) {text, sizeof text - 1}

static void columns_have_what_kafka_says(void **state)
{
    static const outgoing messages[] = {
        {"{\"n\":0}", BYTES("k0"), {{BYTES("trace"), BYTES("t0")}, {BYTES("x.y"), BYTES("ü")}}, 2},
        {"{\"n\":1}", {NULL, 0}, {{BYTES("other"), BYTES("t1")}}, 1},
        {"{\"n\":2}", BYTES(""), {{BYTES("trace"), {NULL, 0}}}, 1},
        {"{\"n\":3}", BYTES("k3"), {{BYTES("trace"), BYTES("first")}, {BYTES("trace"), BYTES("")}}, 2},
        {"{\"n\":4}", BYTES("k4"), {{BYTES("x.y"), BYTES("\xff\xfe")}}, 1},
        {"{\"n\":5}", BYTES("\xc3("), {{BYTES("trace"), BYTES("t5")}, {BYTES("x.y"), BYTES("\x80")}}, 2},
        {"{\"n\":6,\"drop\":true}", BYTES("k6"), {{BYTES("trace"), BYTES("t6")}}, 1},
        {"{\"n\":7}", BYTES("k7"), {{BYTES("trace"), BYTES("\xfft")}}, 1},
    };
    static const char expected[] =
        "{\"n\": 0, \"key\": \"k0\", \"trace\": \"t0\", \"odd\": \"ü\", \"topic\": \"columns\", \"part\": 1, \"place\": 0, \"kafka_time\": "
        "\"2024-05-01 00:00:00+00\"}\n"
        "{\"n\": 1, \"key\": null, \"trace\": \"none\", \"odd\": null, \"topic\": \"columns\", \"part\": 1, \"place\": 1, \"kafka_time\": "
        "\"2024-05-01 00:00:01+00\"}\n"
        "{\"n\": 2, \"key\": \"\", \"trace\": null, \"odd\": null, \"topic\": \"columns\", \"part\": 1, \"place\": 2, \"kafka_time\": "
        "\"2024-05-01 00:00:02+00\"}\n"
        "{\"n\": 3, \"key\": \"k3\", \"trace\": \"\", \"odd\": null, \"topic\": \"columns\", \"part\": 1, \"place\": 3, \"kafka_time\": "
        "\"2024-05-01 00:00:03+00\"}\n"
        "{\"n\": 4, \"key\": \"k4\", \"trace\": \"none\", \"odd\": null, \"topic\": \"columns\", \"part\": 1, \"place\": 4, \"kafka_time\": "
        "\"2024-05-01 00:00:04+00\"}\n";
    static const char replayed[] =
        "{\"n\": 5, \"key\": null, \"trace\": \"t5\", \"odd\": null, \"place\": 5, \"kafka_time\": \"2024-05-01 00:00:05+00\"}\n"
        "{\"n\": 6, \"key\": \"k6\", \"trace\": \"t6\", \"odd\": null, \"place\": 6, \"kafka_time\": \"2024-05-01 00:00:06+00\"}\n"
        "{\"n\": 7, \"key\": \"k7\", \"trace\": null, \"odd\": null, \"place\": 7, \"kafka_time\": \"2024-05-01 00:00:07+00\"}\n";
    ingest_run run = {.topic = "columns", .until_caught_up = true};
    wendi_kafka_producer *producer = producer_of("columns");
    (void)state;
    snprintf(run.store, sizeof run.store, "%s/columns", base);
    fixture_create(run.store,
                   "CREATE TABLE t (n bigint, key text OPTIONS (path '$key'), trace text OPTIONS (path '$headers.trace') DEFAULT "
                   "'none', odd text OPTIONS (path '$headers.\"x.y\"', on_error 'null'), topic text OPTIONS (path '$topic'), "
                   "part integer OPTIONS (path '$partition'), place bigint OPTIONS (path '$offset'), kafka_time timestamptz "
                   "OPTIONS (path '$timestamp') NOT NULL, drop boolean, CONSTRAINT kept CHECK (drop IS NOT true)) "
                   "WITH (time_column = 'kafka_time')");
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        send_message(producer, &messages[i], INT64_C(1714521600000000) + (int64_t)i * 1000000);
    }
    assert_int_equal(wendi_kafka_producer_flush(producer, 30000, NULL), WEND_OK);
    wendi_kafka_producer_close(producer);
    run_ingest(&run);
    check_run(&run);
    assert_int_equal(run.stats.rejected, 3);
    assert_string_equal(program(run.store, "sql --format ndjson 'select n, key, trace, odd, topic, part, place, kafka_time "
                                           "from t order by n'"),
                        expected);
    program(run.store, "alter \"alter table t drop constraint kept, alter column key options (on_error 'null'), alter column "
                       "trace options (on_error 'null')\"");
    program(run.store, "rejects t --replay");
    assert_string_equal(program(run.store, "sql --format ndjson 'select n, key, trace, odd, place, kafka_time from t where n "
                                           ">= 5 order by n'"),
                        replayed);
    program(run.store, "status t --reconcile");
}

static void send_numbers(wendi_kafka_producer *producer, int from, int to)
{
    for (int n = from; n < to; n++) {
        char payload[64];
        char trace[32];
        snprintf(payload, sizeof payload, "{\"ts\":%d,\"n\":%d}", 1700000000 + n, n);
        snprintf(trace, sizeof trace, "t%d", n);
        outgoing message = {payload, {NULL, 0}, {{BYTES("trace"), {trace, (uint32_t)strlen(trace)}}}, 1};
        send_message(producer, &message, 0);
    }
    assert_int_equal(wendi_kafka_producer_flush(producer, 30000, NULL), WEND_OK);
}

static int64_t rows_in(const char *store)
{
    const char *answer = strchr(program(store, "sql --format csv 'select count(*) from t'"), '\n');
    return answer == NULL ? -1 : strtoll(answer + 1, NULL, 10);
}

static void a_column_of_headers_is_added_while_messages_come(void **state)
{
    ingest_run run = {.topic = "added"};
    wendi_kafka_producer *producer = producer_of("added");
    wendi_table *table;
    pthread_t thread;
    char request[64];
    (void)state;
    snprintf(run.store, sizeof run.store, "%s/added", base);
    fixture_create(run.store, "CREATE TABLE t (ts timestamptz OPTIONS (format 'epoch_s') NOT NULL, n bigint) WITH "
                              "(time_column = 'ts')");
    assert_int_equal(pthread_create(&thread, NULL, run_ingest, &run), 0);
    send_numbers(producer, 0, BEFORE);
    for (int tries = 0; tries < 600 && rows_in(run.store) == 0; tries++) {
        usleep(50000);
    }
    assert_int_equal(wendi_table_open(run.store, wendi_string_of("t"), &table, NULL), WEND_OK);
    assert_int_equal(wendi_table_alter(table, "ALTER TABLE t ADD COLUMN trace text OPTIONS (path '$headers.trace')", true,
                                       request, NULL),
                     WEND_OK);
    send_numbers(producer, BEFORE, BEFORE + AFTER);
    for (int tries = 0; tries < 600 && rows_in(run.store) < BEFORE + AFTER; tries++) {
        usleep(50000);
    }
    atomic_store(&run.stop, 1);
    pthread_join(thread, NULL);
    check_run(&run);
    wendi_table_close(table);
    wendi_kafka_producer_close(producer);
    assert_int_equal(run.stats.stored, BEFORE + AFTER);
    char question[256];
    snprintf(question, sizeof question,
             "sql --format csv 'select count(*), count(distinct n), sum(case when trace <> $$t$$ || n::text then 1 else 0 end), "
             "sum(case when trace is null and n >= %d then 1 else 0 end) from t'",
             BEFORE);
    const char *answer = strchr(program(run.store, question), '\n');
    assert_non_null(answer);
    assert_string_equal(answer + 1, "5000,5000,0,0\n");
}

static int begin_group(void **state)
{
    (void)state;
    fixture_folder_make(base);
    return wendi_mock_broker_open(1, &broker, NULL) == WEND_OK ? 0 : 1;
}

static int end_group(void **state)
{
    (void)state;
    wendi_mock_broker_close(broker);
    fixture_folder_remove(base);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_have_what_kafka_says),
        cmocka_unit_test(a_column_of_headers_is_added_while_messages_come),
    };
    return cmocka_run_group_tests(tests, begin_group, end_group);
}
