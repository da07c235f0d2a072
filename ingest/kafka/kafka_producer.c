/*
 * The producer. Every message is counted when handed over and again when its delivery report comes;
 * the first failed one is kept and ends the producer, so that "sent" never means less than stored.
 *
 * Holding back: for each partition the sizes of messages not yet settled stand in a ring, oldest
 * first. The k-th message since open() has offset base + k, because nobody else writes to the
 * topic while we are paced; so the table's offset says how many of the ring's sizes to drop.
 */
#include "ingest/kafka/kafka_producer.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/hash.h"
#include "ingest/kafka/kafka_client.h"

enum {
    DELIVERY_TIMEOUT_MS = 60000,
    AHEAD_BYTES = 4 << 20,
    AHEAD_COUNT = 1 << 15, /* a power of two; far below the mock broker's 100,000 batches */
    OVERHEAD_BYTES = 70,   /* of a message in Kafka's format, beside key and payload, generously */
    SETTLED_INTERVAL_MS = 20 /* between questions to the table while waiting */
};

typedef struct wendi_kafka_lane {
    uint32_t *sizes; /* ring of AHEAD_COUNT; NULL when not held back */
    uint64_t first;  /* number of the oldest message not settled */
    uint64_t next;   /* number of the next message */
    size_t ahead_bytes;
    int64_t base; /* offset of message 0 */
} wendi_kafka_lane;

typedef struct wendi_kafka_outlet {
    rd_kafka_topic_t *handle;
    const char *name;
    wendi_kafka_lane *lanes;
    int32_t lane_count;
    uint32_t turn; /* for messages without a key */
} wendi_kafka_outlet;

struct wendi_kafka_producer {
    wendi_kafka_client client; /* first: the callbacks' opaque */
    wendi_kafka_outlet *outlets;
    uint32_t outlet_count;
    wendi_kafka_settled settled;
    void *settled_context;
    size_t ahead_bytes_max;
    int connect_timeout_ms;
    wendi_kafka_producer_counts counts;
    char failure[256]; /* of the first message that was not delivered */
};

static void on_delivery(rd_kafka_t *handle, const rd_kafka_message_t *message, void *opaque)
{
    wendi_kafka_producer *producer = opaque;
    (void)handle;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        producer->counts.acknowledged_count++;
        producer->client.brokers_down = false;
        return;
    }
    if (producer->counts.failed_count++ == 0) {
        snprintf(producer->failure, sizeof producer->failure, "%s[%d]: %s",
                 rd_kafka_topic_name(message->rkt), message->partition,
                 rd_kafka_err2str(message->err));
    }
}

static void configure(rd_kafka_conf_t *conf)
{
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
}

/* Wait for the one result of an admin request; fills `error` unless it is `accepted`. */
static wend_status await_topic_result(rd_kafka_queue_t *queue, int timeout_ms, bool deletion,
                                      rd_kafka_resp_err_t accepted, const char *topic,
                                      wend_error *error)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, timeout_ms);
    size_t count = 0;
    const rd_kafka_topic_result_t **results = NULL;
    wend_status status = WEND_OK;

    if (event == NULL) {
        return wendi_fail(error, WEND_KAFKA, "topic %s: no broker answered within %d ms", topic,
                          timeout_ms);
    }
    if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        status = wendi_fail(error, WEND_KAFKA, "topic %s: %s", topic,
                            rd_kafka_event_error_string(event));
    } else {
        results = deletion ? rd_kafka_DeleteTopics_result_topics(
                                 rd_kafka_event_DeleteTopics_result(event), &count)
                           : rd_kafka_CreateTopics_result_topics(
                                 rd_kafka_event_CreateTopics_result(event), &count);
        rd_kafka_resp_err_t code =
            count == 1 ? rd_kafka_topic_result_error(results[0]) : RD_KAFKA_RESP_ERR__FAIL;
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR && code != accepted) {
            status = wendi_fail(error, WEND_KAFKA, "topic %s: %s", topic, rd_kafka_err2str(code));
        }
    }
    rd_kafka_event_destroy(event);
    return status;
}

static wend_status create_topic(wendi_kafka_producer *producer, const char *topic,
                                int32_t partition_count, wend_error *error)
{
    char reason[256];
    rd_kafka_queue_t *queue = rd_kafka_queue_new(producer->client.handle);
    rd_kafka_NewTopic_t *request =
        rd_kafka_NewTopic_new(topic, partition_count, -1, reason, sizeof reason);
    wend_status status = WEND_OK;

    if (request == NULL) {
        status = wendi_fail(error, WEND_INVALID, "topic %s: %s", topic, reason);
    } else {
        rd_kafka_CreateTopics(producer->client.handle, &request, 1, NULL, queue);
        status = await_topic_result(queue, producer->connect_timeout_ms, false,
                                    RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS, topic, error);
        rd_kafka_NewTopic_destroy(request);
    }
    rd_kafka_queue_destroy(queue);
    return status;
}

/* A topic made a moment ago is not yet known to every broker. */
static wend_status find_partitions(wendi_kafka_producer *producer, wendi_kafka_outlet *outlet,
                                   bool patient, wend_error *error)
{
    int64_t deadline_ms = wendi_kafka_now_ms() + (patient ? producer->connect_timeout_ms : 0);
    for (;;) {
        wend_status status = wendi_kafka_client_partition_count(&producer->client, outlet->handle,
                                                                producer->connect_timeout_ms,
                                                                &outlet->lane_count, error);
        bool usable = status == WEND_OK && outlet->lane_count > 0;
        if (usable || (status != WEND_OK && status != WEND_NOT_FOUND) ||
            wendi_kafka_now_ms() >= deadline_ms) {
            return status == WEND_OK && !usable
                       ? wendi_fail(error, WEND_KAFKA, "topic %s has no partitions", outlet->name)
                       : status;
        }
        rd_kafka_poll(producer->client.handle, 50);
    }
}

static wend_status open_lanes(wendi_kafka_producer *producer, wendi_kafka_outlet *outlet,
                              wend_error *error)
{
    outlet->lanes = wendi_alloc_zero((size_t)outlet->lane_count, sizeof *outlet->lanes);
    if (outlet->lanes == NULL) {
        return wendi_fail_nomem(error, "a producer",
                                (size_t)outlet->lane_count * sizeof *outlet->lanes);
    }
    for (int32_t k = 0; producer->settled != NULL && k < outlet->lane_count; k++) {
        wendi_kafka_lane *lane = &outlet->lanes[k];
        int64_t low = 0;
        rd_kafka_resp_err_t code =
            rd_kafka_query_watermark_offsets(producer->client.handle, outlet->name, k, &low,
                                             &lane->base, producer->connect_timeout_ms);
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
            return wendi_fail(error, WEND_KAFKA, "cannot ask for the offsets of %s[%d]: %s",
                              outlet->name, k, rd_kafka_err2str(code));
        }
        lane->sizes = wendi_alloc(AHEAD_COUNT * sizeof *lane->sizes);
        if (lane->sizes == NULL) {
            return wendi_fail_nomem(error, "a producer", AHEAD_COUNT * sizeof *lane->sizes);
        }
    }
    return WEND_OK;
}

static wend_status open_outlet(wendi_kafka_producer *producer, wendi_kafka_outlet *outlet,
                               const char *topic, int32_t create_count, wend_error *error)
{
    wend_status status = WEND_OK;

    outlet->handle = rd_kafka_topic_new(producer->client.handle, topic, NULL);
    if (outlet->handle == NULL) {
        return wendi_fail(error, WEND_INVALID, "topic %s: %s", topic,
                          rd_kafka_err2str(rd_kafka_last_error()));
    }
    outlet->name = rd_kafka_topic_name(outlet->handle);
    status = find_partitions(producer, outlet, false, error);
    if (status == WEND_NOT_FOUND && create_count > 0) {
        WEND_TRY(create_topic(producer, topic, create_count, error));
        status = find_partitions(producer, outlet, true, error);
    }
    WEND_TRY(status);
    WEND_TRY(open_lanes(producer, outlet, error));
cleanup:
    return status;
}

static wend_status connect_client(wendi_kafka_producer *producer,
                                  const wendi_kafka_producer_options *options, wend_error *error)
{
    char timeout_ms[32];
    const wendi_kafka_setting defaults[] = {{"client.id", "wend-produce", false},
                                            {"compression.type", "lz4", false},
                                            {"linger.ms", "20", false},
                                            {"queue.buffering.max.messages", "1000000", false},
                                            {"queue.buffering.max.kbytes", "131072", false},
                                            {"socket.nagle.disable", "true", false},
                                            {"reconnect.backoff.max.ms", "2000", false},
                                            {"delivery.timeout.ms", timeout_ms, false},
                                            {NULL, NULL, false}};
    /* Idempotence keeps order and lets no retry store a message twice. */
    const wendi_kafka_setting fixed[] = {
        {"enable.idempotence", "true", false}, {"acks", "all", false}, {NULL, NULL, false}};

    snprintf(timeout_ms, sizeof timeout_ms, "%d",
             options->delivery_timeout_ms > 0 ? options->delivery_timeout_ms : DELIVERY_TIMEOUT_MS);
    return wendi_kafka_client_open(&producer->client, RD_KAFKA_PRODUCER, options->brokers,
                                   options->properties, defaults, fixed, configure, error);
}

wend_status wendi_kafka_producer_open(const wendi_kafka_producer_options *options,
                                      wendi_kafka_producer **producer_out, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_kafka_producer *producer = NULL;

    *producer_out = NULL;
    if (options->topic_count == 0 ||
        !wendi_kafka_brokers_named(options->brokers, options->properties)) {
        return wendi_fail(error, WEND_INVALID, "no Kafka %s named",
                          options->topic_count == 0 ? "topic was" : "brokers were");
    }
    producer = wendi_alloc_zero(1, sizeof *producer);
    if (producer == NULL) {
        return wendi_fail_nomem(error, "a producer", sizeof *producer);
    }
    producer->settled = options->settled;
    producer->settled_context = options->settled_context;
    producer->ahead_bytes_max =
        options->ahead_bytes_max != 0 ? options->ahead_bytes_max : AHEAD_BYTES;
    producer->connect_timeout_ms = options->connect_timeout_ms > 0 ? options->connect_timeout_ms
                                                                   : WENDI_KAFKA_CONNECT_TIMEOUT_MS;
    producer->outlets = wendi_alloc_zero(options->topic_count, sizeof *producer->outlets);
    if (producer->outlets == NULL) {
        status =
            wendi_fail_nomem(error, "a producer", options->topic_count * sizeof *producer->outlets);
        goto cleanup;
    }
    WEND_TRY(connect_client(producer, options, error));
    for (uint32_t k = 0; k < options->topic_count; k++) {
        producer->outlet_count++;
        WEND_TRY(open_outlet(producer, &producer->outlets[k], options->topics[k],
                             options->create_partition_count, error));
    }
    *producer_out = producer;
    producer = NULL;
cleanup:
    wendi_kafka_producer_close(producer);
    return status;
}

/* ---- holding back ---------------------------------------------------------------------------- */

static wend_status ask_settled(wendi_kafka_producer *producer, const wendi_kafka_outlet *outlet,
                               int32_t partition, wend_error *error)
{
    wendi_kafka_lane *lane = &outlet->lanes[partition];
    int64_t next = producer->settled(producer->settled_context, outlet->name, partition);

    if (next < 0) {
        return wendi_fail(error, WEND_CANCELLED, "told to stop while the table is behind");
    }
    uint64_t settled = next > lane->base ? (uint64_t)(next - lane->base) : 0;
    settled = settled < lane->next ? settled : lane->next;
    for (; lane->first < settled; lane->first++) {
        lane->ahead_bytes -= lane->sizes[lane->first % AHEAD_COUNT];
    }
    return WEND_OK;
}

static wend_status check_failure(wendi_kafka_producer *producer, wend_error *error)
{
    if (producer->counts.failed_count > 0) {
        return wendi_fail(error, WEND_KAFKA,
                          "%" PRIu64 " of %" PRIu64 " messages were not delivered; the first: %s",
                          producer->counts.failed_count, producer->counts.sent_count,
                          producer->failure);
    }
    return WEND_OK;
}

/* Wait until `bytes` more may be sent to the partition. */
static wend_status hold_back(wendi_kafka_producer *producer, const wendi_kafka_outlet *outlet,
                             int32_t partition, size_t bytes, wend_error *error)
{
    wendi_kafka_lane *lane = &outlet->lanes[partition];
    wend_status status = WEND_OK;

    while (lane->next > lane->first && (lane->ahead_bytes + bytes > producer->ahead_bytes_max ||
                                        lane->next - lane->first >= AHEAD_COUNT)) {
        WEND_TRY(ask_settled(producer, outlet, partition, error));
        bool room = lane->ahead_bytes + bytes <= producer->ahead_bytes_max &&
                    lane->next - lane->first < AHEAD_COUNT;
        WEND_TRY(
            wendi_kafka_client_serve(&producer->client, room ? 0 : SETTLED_INTERVAL_MS, error));
        WEND_TRY(check_failure(producer, error));
    }
cleanup:
    return status;
}

/* ---- sending --------------------------------------------------------------------------------- */

static rd_kafka_headers_t *headers_of(const wendi_kafka_outgoing *message)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(message->header_count);
    for (uint32_t k = 0; k < message->header_count; k++) {
        const wendi_message_header *header = &message->headers[k];
        rd_kafka_header_add(headers, header->name.data, header->name.length, header->value.data,
                            header->value.length);
    }
    return headers;
}

static rd_kafka_resp_err_t hand_over(wendi_kafka_producer *producer,
                                     const wendi_kafka_outlet *outlet, int32_t partition,
                                     const wendi_kafka_outgoing *message)
{
    void *payload = (void *)(uintptr_t)message->payload; /* copied, not changed */
    void *key = (void *)(uintptr_t)message->key;

    if (message->timestamp_us == 0 && message->header_count == 0) {
        int result = rd_kafka_produce(outlet->handle, partition, RD_KAFKA_MSG_F_COPY, payload,
                                      message->length, key, message->key_length, NULL);
        return result == 0 ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_last_error();
    }
    rd_kafka_headers_t *headers = message->header_count > 0 ? headers_of(message) : NULL;
    rd_kafka_resp_err_t code = rd_kafka_producev(
        producer->client.handle, RD_KAFKA_V_RKT(outlet->handle), RD_KAFKA_V_PARTITION(partition),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_VALUE(payload, message->length),
        RD_KAFKA_V_KEY(key, message->key_length),
        RD_KAFKA_V_TIMESTAMP(message->timestamp_us / 1000), RD_KAFKA_V_HEADERS(headers),
        RD_KAFKA_V_END);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR && headers != NULL) {
        rd_kafka_headers_destroy(headers);
    }
    return code;
}

static int32_t choose_partition(wendi_kafka_outlet *outlet, const wendi_kafka_outgoing *message)
{
    if (message->partition >= 0) {
        return message->partition;
    }
    uint32_t count = (uint32_t)outlet->lane_count;
    return (int32_t)(message->key == NULL
                         ? outlet->turn++ % count
                         : wendi_hash64(message->key, message->key_length) % count);
}

wend_status wendi_kafka_producer_send(wendi_kafka_producer *producer, uint32_t topic,
                                      const wendi_kafka_outgoing *message, wend_error *error)
{
    wend_status status = WEND_OK;
    assert(topic < producer->outlet_count);
    wendi_kafka_outlet *outlet = &producer->outlets[topic];
    int32_t partition = choose_partition(outlet, message);
    size_t bytes = message->length + message->key_length + OVERHEAD_BYTES;
    rd_kafka_resp_err_t code;

    if (partition >= outlet->lane_count) {
        return wendi_fail(error, WEND_NOT_FOUND, "topic %s has no partition %d", outlet->name,
                          partition);
    }
    if (producer->settled != NULL) {
        WEND_TRY(hold_back(producer, outlet, partition, bytes, error));
    }
    while ((code = hand_over(producer, outlet, partition, message)) ==
           RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        WEND_TRY(wendi_kafka_client_serve(&producer->client, 20, error));
        WEND_TRY(check_failure(producer, error));
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return wendi_fail(error, WEND_KAFKA, "cannot send to %s[%d]: %s", outlet->name, partition,
                          rd_kafka_err2str(code));
    }
    if (producer->settled != NULL) {
        wendi_kafka_lane *lane = &outlet->lanes[partition];
        lane->sizes[lane->next++ % AHEAD_COUNT] = (uint32_t)bytes;
        lane->ahead_bytes += bytes;
    }
    producer->counts.sent_bytes += message->length;
    if ((++producer->counts.sent_count & 1023) == 0) {
        WEND_TRY(wendi_kafka_client_serve(&producer->client, 0, error));
        WEND_TRY(check_failure(producer, error));
    }
cleanup:
    return status;
}

void wendi_kafka_producer_serve(wendi_kafka_producer *producer, int timeout_ms)
{
    rd_kafka_poll(producer->client.handle, timeout_ms);
}

wend_status wendi_kafka_producer_flush(wendi_kafka_producer *producer, int timeout_ms,
                                       wend_error *error)
{
    wend_status status = WEND_OK;
    rd_kafka_resp_err_t code = rd_kafka_flush(producer->client.handle, timeout_ms);

    WEND_TRY(check_failure(producer, error));
    WEND_TRY(wendi_kafka_client_serve(&producer->client, 0, error));
    uint64_t open_count = producer->counts.sent_count - producer->counts.acknowledged_count;
    if (open_count > 0) {
        char text[256];
        wendi_kafka_client_last_error(&producer->client, text, sizeof text);
        status = wendi_fail(error, WEND_KAFKA,
                            "%" PRIu64 " of %" PRIu64
                            " messages were not acknowledged within %d ms (%s)%s%s",
                            open_count, producer->counts.sent_count, timeout_ms,
                            rd_kafka_err2str(code), text[0] != 0 ? ": " : "", text);
    }
cleanup:
    return status;
}

int32_t wendi_kafka_producer_partition_count(const wendi_kafka_producer *producer, uint32_t topic)
{
    return producer->outlets[topic].lane_count;
}

wendi_kafka_producer_counts wendi_kafka_producer_counts_of(const wendi_kafka_producer *producer)
{
    return producer->counts;
}

wend_status wendi_kafka_producer_delete_topic(wendi_kafka_producer *producer, uint32_t topic,
                                              wend_error *error)
{
    const char *name = producer->outlets[topic].name;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(producer->client.handle);
    rd_kafka_DeleteTopic_t *request = rd_kafka_DeleteTopic_new(name);

    rd_kafka_DeleteTopics(producer->client.handle, &request, 1, NULL, queue);
    wend_status status = await_topic_result(queue, producer->connect_timeout_ms, true,
                                            RD_KAFKA_RESP_ERR_NO_ERROR, name, error);
    rd_kafka_DeleteTopic_destroy(request);
    rd_kafka_queue_destroy(queue);
    return status;
}

void wendi_kafka_producer_close(wendi_kafka_producer *producer)
{
    if (producer == NULL) {
        return;
    }
    if (producer->client.handle != NULL) {
        rd_kafka_purge(producer->client.handle, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    }
    for (uint32_t k = 0; k < producer->outlet_count; k++) {
        wendi_kafka_outlet *outlet = &producer->outlets[k];
        for (int32_t lane = 0; outlet->lanes != NULL && lane < outlet->lane_count; lane++) {
            wendi_free(outlet->lanes[lane].sizes);
        }
        wendi_free(outlet->lanes);
        if (outlet->handle != NULL) {
            rd_kafka_topic_destroy(outlet->handle);
        }
    }
    wendi_kafka_client_close(&producer->client);
    wendi_free(producer->outlets);
    wendi_free(producer);
}
