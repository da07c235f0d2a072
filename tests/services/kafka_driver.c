/*
 * A hand on a Kafka broker for scripts: makes and changes topics, produces, runs transactions.
 *
 *   kafka_driver BROKERS [KEY=VALUE ...]       librdkafka settings of the producer
 *
 * Reads commands from standard input, one a line, fields parted by tabs. Each answers with one
 * line, `ok ...` or `error ...`, except S and T, which answer with their acknowledgement: `flush`
 * counts those.
 *
 *   S topic partition key payload    send; no key when it is empty
 *   T topic partition key            send a tombstone
 *   flush timeout_ms                 ok ACKNOWLEDGED FAILED LEFT (of all sent so far), and the last
 * failure begin | commit | abort           a transaction, when transactional.id is among the
 * settings create topic partitions [key=value ...] delete topic | grow topic partitions | alter
 * topic key=value ... trim topic partition offset      DeleteRecords: the log begins there marks
 * topic                      ok LOW:HIGH of each partition
 *
 * The producer is idempotent and patient (five minutes), so a broker that is killed and comes back
 * costs nothing and doubles nothing. Ends at the end of its input, dropping what was not flushed.
 */
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIELDS_MAX = 32,
    TEXT_BYTES = 512,
    ADMIN_TIMEOUT_MS = 20000,
    PARTITIONS_MAX = 1024,
    TRIES_MAX = 10000
};

static rd_kafka_t *client;
static uint64_t acknowledged, failed;
static char last_failure[TEXT_BYTES];

/* ---- answers ---- */

static void answer_error(const char *what, const char *why)
{
    printf("error %s: %s\n", what, why != NULL ? why : "unknown");
}

static void answer_code(const char *what, rd_kafka_resp_err_t code)
{
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        printf("ok\n");
    } else {
        answer_error(what, rd_kafka_err2str(code));
    }
}

static void answer_object(const char *what, rd_kafka_error_t *error)
{
    if (error == NULL) {
        printf("ok\n");
    } else {
        answer_error(what, rd_kafka_error_string(error));
        rd_kafka_error_destroy(error);
    }
}

/* ---- producing ---- */

static void on_delivery(rd_kafka_t *handle, const rd_kafka_message_t *message, void *opaque)
{
    (void)handle, (void)opaque;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        acknowledged++;
        return;
    }
    failed++;
    snprintf(last_failure, sizeof last_failure, "%s", rd_kafka_err2str(message->err));
}

/* How many partitions the broker says the topic has; -1 when it does not say. */
static int partition_count(const char *topic)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(client, topic, NULL);
    int count = -1;
    if (handle != NULL &&
        rd_kafka_metadata(client, 0, handle, &metadata, 5000) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        count = metadata->topic_cnt == 1 && metadata->topics[0].err == RD_KAFKA_RESP_ERR_NO_ERROR
                    ? metadata->topics[0].partition_cnt
                    : -1;
        rd_kafka_metadata_destroy(metadata);
    }
    if (handle != NULL) {
        rd_kafka_topic_destroy(handle);
    }
    return count;
}

/* `fields`: topic, partition, key and, unless it is a tombstone, payload. */
static void send_message(char **fields, int count)
{
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
    const char *payload = count > 3 ? fields[3] : NULL;
    if (count < 3) {
        failed++;
        snprintf(last_failure, sizeof last_failure,
                 "a message needs a topic, a partition and a key");
        return;
    }
    size_t key_bytes = strlen(fields[2]);
    size_t payload_bytes = payload != NULL ? strlen(payload) : 0;
    for (int tries = 0; tries < TRIES_MAX; tries++) {
        code = rd_kafka_producev(client, RD_KAFKA_V_TOPIC(fields[0]),
                                 RD_KAFKA_V_PARTITION(atoi(fields[1])),
                                 RD_KAFKA_V_KEY(key_bytes != 0 ? fields[2] : NULL, key_bytes),
                                 RD_KAFKA_V_VALUE((void *)(uintptr_t)payload, payload_bytes),
                                 RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
        if (code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION) {
            (void)partition_count(fields[0]); /* the topic has grown: the client has to see it */
        } else if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            break;
        }
        rd_kafka_poll(client, 20);
    }
    rd_kafka_poll(client, 0);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        failed++;
        snprintf(last_failure, sizeof last_failure, "%s", rd_kafka_err2str(code));
    }
}

static void flush_all(int timeout_ms)
{
    rd_kafka_flush(client, timeout_ms);
    printf("ok %" PRIu64 " %" PRIu64 " %d %s\n", acknowledged, failed, rd_kafka_outq_len(client),
           last_failure);
}

/* ---- topics ---- */

/* The fault told by the only topic of an admin result, or by the result as a whole. */
static rd_kafka_resp_err_t topic_code(rd_kafka_event_t *event)
{
    const rd_kafka_topic_result_t **topics = NULL;
    size_t count = 0;
    if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return rd_kafka_event_error(event);
    }
    switch (rd_kafka_event_type(event)) {
    case RD_KAFKA_EVENT_CREATETOPICS_RESULT:
        topics =
            rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
        break;
    case RD_KAFKA_EVENT_DELETETOPICS_RESULT:
        topics =
            rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &count);
        break;
    case RD_KAFKA_EVENT_CREATEPARTITIONS_RESULT:
        topics = rd_kafka_CreatePartitions_result_topics(
            rd_kafka_event_CreatePartitions_result(event), &count);
        break;
    case RD_KAFKA_EVENT_ALTERCONFIGS_RESULT: {
        const rd_kafka_ConfigResource_t **resources = rd_kafka_AlterConfigs_result_resources(
            rd_kafka_event_AlterConfigs_result(event), &count);
        return count == 1 ? rd_kafka_ConfigResource_error(resources[0]) : RD_KAFKA_RESP_ERR_UNKNOWN;
    }
    case RD_KAFKA_EVENT_DELETERECORDS_RESULT: {
        const rd_kafka_topic_partition_list_t *offsets =
            rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event));
        return offsets->cnt == 1 ? offsets->elems[0].err : RD_KAFKA_RESP_ERR_UNKNOWN;
    }
    default:
        return RD_KAFKA_RESP_ERR_UNKNOWN;
    }
    return count == 1 ? rd_kafka_topic_result_error(topics[0]) : RD_KAFKA_RESP_ERR_UNKNOWN;
}

static rd_kafka_resp_err_t wait_for(rd_kafka_queue_t *queue)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, ADMIN_TIMEOUT_MS);
    rd_kafka_resp_err_t code = event != NULL ? topic_code(event) : RD_KAFKA_RESP_ERR__TIMED_OUT;
    if (event != NULL) {
        rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(queue);
    return code;
}

static rd_kafka_AdminOptions_t *admin_options(void)
{
    char text[TEXT_BYTES];
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_ANY);
    rd_kafka_AdminOptions_set_request_timeout(options, ADMIN_TIMEOUT_MS, text, sizeof text);
    return options;
}

/* An acknowledged change may take a moment until it can be seen. */
static rd_kafka_resp_err_t wait_until_seen(const char *topic, int wanted)
{
    for (int tries = 0; tries < 200; tries++) {
        if (partition_count(topic) == wanted) {
            return RD_KAFKA_RESP_ERR_NO_ERROR;
        }
        rd_kafka_poll(client, 25);
    }
    return RD_KAFKA_RESP_ERR__TIMED_OUT;
}

static rd_kafka_resp_err_t create_topic(char **fields, int count)
{
    char text[TEXT_BYTES];
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_NewTopic_t *topic =
        rd_kafka_NewTopic_new(fields[0], atoi(fields[1]), 1, text, sizeof text);
    rd_kafka_AdminOptions_t *options = admin_options();
    for (int k = 2; k < count; k++) {
        char *equals = strchr(fields[k], '=');
        if (equals != NULL) {
            *equals = '\0';
            rd_kafka_NewTopic_set_config(topic, fields[k], equals + 1);
        }
    }
    rd_kafka_CreateTopics(client, &topic, 1, options, queue);
    rd_kafka_resp_err_t code = wait_for(queue);
    rd_kafka_NewTopic_destroy(topic);
    rd_kafka_AdminOptions_destroy(options);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? wait_until_seen(fields[0], atoi(fields[1])) : code;
}

static rd_kafka_resp_err_t delete_topic(const char *name)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_DeleteTopic_t *topic = rd_kafka_DeleteTopic_new(name);
    rd_kafka_AdminOptions_t *options = admin_options();
    rd_kafka_DeleteTopics(client, &topic, 1, options, queue);
    rd_kafka_resp_err_t code = wait_for(queue);
    rd_kafka_DeleteTopic_destroy(topic);
    rd_kafka_AdminOptions_destroy(options);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? wait_until_seen(name, -1) : code;
}

static rd_kafka_resp_err_t grow_topic(const char *name, int wanted)
{
    char text[TEXT_BYTES];
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_NewPartitions_t *grown =
        rd_kafka_NewPartitions_new(name, (size_t)wanted, text, sizeof text);
    rd_kafka_AdminOptions_t *options = admin_options();
    rd_kafka_CreatePartitions(client, &grown, 1, options, queue);
    rd_kafka_resp_err_t code = wait_for(queue);
    rd_kafka_NewPartitions_destroy(grown);
    rd_kafka_AdminOptions_destroy(options);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? wait_until_seen(name, wanted) : code;
}

static rd_kafka_resp_err_t alter_topic(char **fields, int count)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, fields[0]);
    rd_kafka_AdminOptions_t *options = admin_options();
    for (int k = 1; k < count; k++) {
        char *equals = strchr(fields[k], '=');
        if (equals != NULL) {
            *equals = '\0';
            rd_kafka_ConfigResource_set_config(resource, fields[k], equals + 1);
        }
    }
    rd_kafka_AlterConfigs(client, &resource, 1, options, queue);
    rd_kafka_resp_err_t code = wait_for(queue);
    rd_kafka_ConfigResource_destroy(resource);
    rd_kafka_AdminOptions_destroy(options);
    return code;
}

static rd_kafka_resp_err_t trim_partition(const char *topic, int partition, int64_t offset)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_topic_partition_list_t *offsets = rd_kafka_topic_partition_list_new(1);
    rd_kafka_AdminOptions_t *options = admin_options();
    rd_kafka_topic_partition_list_add(offsets, topic, partition)->offset = offset;
    rd_kafka_DeleteRecords_t *records = rd_kafka_DeleteRecords_new(offsets);
    rd_kafka_DeleteRecords(client, &records, 1, options, queue);
    rd_kafka_resp_err_t code = wait_for(queue);
    rd_kafka_DeleteRecords_destroy(records);
    rd_kafka_topic_partition_list_destroy(offsets);
    rd_kafka_AdminOptions_destroy(options);
    return code;
}

/* A partition made a moment ago may not have its leader yet. */
static rd_kafka_resp_err_t ask_marks(const char *topic, int partition, int64_t *low, int64_t *high)
{
    rd_kafka_resp_err_t code;
    for (int tries = 0;; tries++) {
        code =
            rd_kafka_query_watermark_offsets(client, topic, partition, low, high, ADMIN_TIMEOUT_MS);
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR || tries == 100) {
            return code;
        }
        rd_kafka_poll(client, 50);
    }
}

static void tell_marks(const char *topic)
{
    int64_t low[PARTITIONS_MAX], high[PARTITIONS_MAX];
    int count = partition_count(topic);
    if (count < 0 || count > PARTITIONS_MAX) {
        answer_error("marks", "the topic is not there");
        return;
    }
    for (int k = 0; k < count; k++) {
        rd_kafka_resp_err_t code = ask_marks(topic, k, &low[k], &high[k]);
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
            answer_code("marks", code);
            return;
        }
    }
    printf("ok");
    for (int k = 0; k < count; k++) {
        printf(" %" PRId64 ":%" PRId64, low[k], high[k]);
    }
    printf("\n");
}

/* ---- commands ---- */

static int split(char *line, char **fields)
{
    int count = 0;
    line[strcspn(line, "\n")] = '\0';
    for (char *at = line; at != NULL && count < FIELDS_MAX; count++) {
        fields[count] = at;
        at = strchr(at, '\t');
        if (at != NULL) {
            *at++ = '\0';
        }
    }
    return count;
}

static void carry_out(const char *command, char **fields, int count)
{
    if (strcmp(command, "flush") == 0 && count == 1) {
        flush_all(atoi(fields[0]));
    } else if (strcmp(command, "begin") == 0) {
        answer_object(command, rd_kafka_begin_transaction(client));
    } else if (strcmp(command, "commit") == 0) {
        answer_object(command, rd_kafka_commit_transaction(client, ADMIN_TIMEOUT_MS));
    } else if (strcmp(command, "abort") == 0) {
        answer_object(command, rd_kafka_abort_transaction(client, ADMIN_TIMEOUT_MS));
    } else if (strcmp(command, "create") == 0 && count >= 2) {
        answer_code(command, create_topic(fields, count));
    } else if (strcmp(command, "delete") == 0 && count == 1) {
        answer_code(command, delete_topic(fields[0]));
    } else if (strcmp(command, "grow") == 0 && count == 2) {
        answer_code(command, grow_topic(fields[0], atoi(fields[1])));
    } else if (strcmp(command, "alter") == 0 && count >= 2) {
        answer_code(command, alter_topic(fields, count));
    } else if (strcmp(command, "trim") == 0 && count == 3) {
        answer_code(command, trim_partition(fields[0], atoi(fields[1]), atoll(fields[2])));
    } else if (strcmp(command, "marks") == 0 && count == 1) {
        tell_marks(fields[0]);
    } else {
        answer_error(command, "no such command, or too few fields");
    }
    fflush(stdout);
}

static int open_client(int argc, char **argv)
{
    const char *const defaults[][2] = {{"enable.idempotence", "true"},
                                       {"compression.type", "lz4"},
                                       {"linger.ms", "5"},
                                       {"message.timeout.ms", "300000"},
                                       {"reconnect.backoff.ms", "20"},
                                       {"reconnect.backoff.max.ms", "300"},
                                       {"log_level", "0"}};
    char text[TEXT_BYTES];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_res_t result =
        rd_kafka_conf_set(conf, "bootstrap.servers", argv[1], text, sizeof text);
    for (size_t k = 0; k < sizeof defaults / sizeof *defaults && result == RD_KAFKA_CONF_OK; k++) {
        result = rd_kafka_conf_set(conf, defaults[k][0], defaults[k][1], text, sizeof text);
    }
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    for (int k = 2; k < argc && result == RD_KAFKA_CONF_OK; k++) {
        char *equals = strchr(argv[k], '=');
        if (equals == NULL) {
            fprintf(stderr, "kafka_driver: %s is not KEY=VALUE\n", argv[k]);
            return 2;
        }
        *equals = '\0';
        result = rd_kafka_conf_set(conf, argv[k], equals + 1, text, sizeof text);
    }
    client = result == RD_KAFKA_CONF_OK ? rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text)
                                        : NULL;
    if (client == NULL) {
        fprintf(stderr, "kafka_driver: %s\n", text);
        return 2;
    }
    return 0;
}

/* Transactions need the producer to be known to the broker first. */
static int prepare_transactions(int argc, char **argv)
{
    for (int k = 2; k < argc; k++) { /* open_client() has cut the settings at their signs */
        if (strcmp(argv[k], "transactional.id") == 0) {
            rd_kafka_error_t *error = rd_kafka_init_transactions(client, ADMIN_TIMEOUT_MS);
            if (error != NULL) {
                fprintf(stderr, "kafka_driver: %s\n", rd_kafka_error_string(error));
                rd_kafka_error_destroy(error);
                return 1;
            }
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    char *line = NULL;
    char *fields[FIELDS_MAX];
    size_t capacity = 0;
    if (argc < 2) {
        fprintf(stderr, "usage: kafka_driver BROKERS [KEY=VALUE ...] < commands\n");
        return 2;
    }
    int code = open_client(argc, argv);
    code = code == 0 ? prepare_transactions(argc, argv) : code;
    while (code == 0 && getline(&line, &capacity, stdin) > 0) {
        int count = split(line, fields);
        bool sends = (strcmp(fields[0], "S") == 0 && count == 5) ||
                     (strcmp(fields[0], "T") == 0 && count == 4);
        if (sends) {
            send_message(fields + 1, count - 1);
        } else {
            carry_out(fields[0], fields + 1, count - 1);
        }
    }
    free(line);
    if (client != NULL) {
        rd_kafka_purge(client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_destroy(client);
    }
    return code;
}
