/*
 * Joining a group and listening to what it assigns: see kafka_group.h.
 *
 * librdkafka wants every rebalance answered by an assignment. Ours is always empty, so that this
 * client never fetches; the list that the callback brings is kept aside.
 *
 * The protocol is eager: at every rebalance the group takes all partitions back and deals them
 * again. Nobody notices, since the old list is good until the new one comes: whoever shall have one
 * of its partitions next waits for its claim. (The cooperative protocol would do, but librdkafka
 * 2.0.2's assignor of it ends the process when a client is closed while it leads a group that has
 * not settled.)
 */
#include "ingest/kafka/kafka_group.h"

#include <stdio.h>
#include <string.h>

#include "engine/base/alloc.h"

enum {
    COMMIT_WAIT_MS = 2000,
    REASSIGN_MS = 30000 /* how long what was taken back may be dealt to us again */
};

static bool reserve(wendi_kafka_group *group, uint32_t more)
{
    uint32_t wanted = group->count + more;
    if (wanted <= group->capacity) {
        return true;
    }
    wendi_kafka_assigned *grown = wendi_realloc(group->assigned, wanted * sizeof *grown);
    group->assigned = grown != NULL ? grown : group->assigned;
    group->capacity = grown != NULL ? wanted : group->capacity;
    return grown != NULL;
}

static wendi_kafka_assigned *find(wendi_kafka_group *group, const char *topic, int32_t partition)
{
    for (uint32_t k = 0; k < group->count; k++) {
        if (group->assigned[k].partition == partition &&
            strcmp(group->assigned[k].topic, topic) == 0) {
            return &group->assigned[k];
        }
    }
    return NULL;
}

static void add(wendi_kafka_group *group, const rd_kafka_topic_partition_list_t *list)
{
    if (!reserve(group, (uint32_t)list->cnt)) {
        group->out_of_memory = true;
        return;
    }
    for (int k = 0; k < list->cnt; k++) {
        const rd_kafka_topic_partition_t *given = &list->elems[k];
        if (find(group, given->topic, given->partition) != NULL) {
            continue;
        }
        char *topic = wendi_strdup(given->topic);
        group->out_of_memory |= topic == NULL;
        if (topic != NULL) {
            group->assigned[group->count++] = (wendi_kafka_assigned){topic, given->partition};
        }
    }
}

static void forget_assigned(wendi_kafka_group *group)
{
    for (uint32_t k = 0; k < group->count; k++) {
        wendi_free(group->assigned[k].topic);
    }
    group->count = 0;
}

static void on_rebalance(rd_kafka_t *handle, rd_kafka_resp_err_t code,
                         rd_kafka_topic_partition_list_t *list, void *opaque)
{
    wendi_kafka_group *group = opaque;

    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        rd_kafka_topic_partition_list_t *none = rd_kafka_topic_partition_list_new(1);
        forget_assigned(group);
        add(group, list);
        group->joined = true;
        group->taken_back_at_ms = 0;
        group->change_count++;
        rd_kafka_assign(handle, none);
        rd_kafka_topic_partition_list_destroy(none);
        return;
    }
    if (code != RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS) {
        wendi_kafka_client_note(&group->client, "group: %s", rd_kafka_err2str(code));
    }
    group->taken_back_at_ms = wendi_kafka_now_ms();
    rd_kafka_assign(handle, NULL);
}

static void on_commit(rd_kafka_t *handle, rd_kafka_resp_err_t code,
                      rd_kafka_topic_partition_list_t *offsets, void *opaque)
{
    wendi_kafka_group *group = opaque;
    (void)handle, (void)offsets;
    group->commits_under_way -= group->commits_under_way > 0;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        wendi_kafka_client_note(&group->client, "group offsets: %s", rd_kafka_err2str(code));
    }
}

static void configure(rd_kafka_conf_t *conf)
{
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    rd_kafka_conf_set_offset_commit_cb(conf, on_commit);
}

static wend_status subscribe(wendi_kafka_group *group, const char *const *topics,
                             uint32_t topic_count, wend_error *error)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)topic_count);
    for (uint32_t k = 0; k < topic_count; k++) {
        rd_kafka_topic_partition_list_add(list, topics[k], RD_KAFKA_PARTITION_UA);
    }
    rd_kafka_resp_err_t code = rd_kafka_subscribe(group->client.handle, list);
    rd_kafka_topic_partition_list_destroy(list);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR
               ? WEND_OK
               : wendi_fail(error, WEND_KAFKA, "cannot join the group: %s", rd_kafka_err2str(code));
}

wend_status wendi_kafka_group_open(const char *name, const char *brokers,
                                   const wendi_kafka_properties *properties,
                                   const char *const *topics, uint32_t topic_count,
                                   int metadata_interval_ms, wendi_kafka_group **group_out,
                                   wend_error *error)
{
    char refresh_ms[16];
    const wendi_kafka_setting defaults[] = {
        {"client.id", "wend", false},
        {"session.timeout.ms", "10000", false},   /* how long a killed shard's partitions wait */
        {"heartbeat.interval.ms", "1000", false}, /* how soon a rebalance is heard of */
        {"reconnect.backoff.max.ms", "2000", false},
        {NULL, NULL, false}};
    const wendi_kafka_setting fixed[] = {
        {"group.id", name, false},
        {"enable.auto.commit", "false", false},
        {"enable.auto.offset.store", "false", false},
        {"partition.assignment.strategy", "roundrobin", false},
        {"topic.metadata.refresh.interval.ms", refresh_ms, false}, /* new partitions show by it */
        {NULL, NULL, false}};
    wend_status status = WEND_OK;
    wendi_kafka_group *group = wendi_alloc_zero(1, sizeof *group);

    *group_out = NULL;
    if (group == NULL) {
        return wendi_fail_nomem(error, "a consumer group", sizeof *group);
    }
    snprintf(refresh_ms, sizeof refresh_ms, "%d", metadata_interval_ms);
    WEND_TRY(wendi_kafka_client_open(&group->client, RD_KAFKA_CONSUMER, brokers, properties,
                                     defaults, fixed, configure, error));
    rd_kafka_poll_set_consumer(group->client.handle);
    WEND_TRY(subscribe(group, topics, topic_count, error));
    *group_out = group;
    group = NULL;
cleanup:
    wendi_kafka_group_close(group);
    return status;
}

/* Errors of a group that waiting does not mend. */
static bool is_final(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED ||
           code == RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL ||
           code == RD_KAFKA_RESP_ERR_INVALID_GROUP_ID ||
           code == RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT || code == RD_KAFKA_RESP_ERR__FATAL;
}

static wend_status take_error(wendi_kafka_group *group, const rd_kafka_message_t *event,
                              wend_error *error)
{
    const char *detail = rd_kafka_message_errstr(event);
    detail = detail != NULL ? detail : rd_kafka_err2str(event->err);
    wendi_kafka_client_note(&group->client, "group: %s", detail);
    if (!is_final(event->err)) {
        return WEND_OK;
    }
    wendi_fail(error, WEND_KAFKA, "the consumer group refused us: %s", detail);
    if (event->err == RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL) {
        wendi_error_hint(error, "other programs are members of this group: choose another name");
    }
    return WEND_KAFKA;
}

wend_status wendi_kafka_group_serve(wendi_kafka_group *group, wend_error *error)
{
    wend_status status = WEND_OK;
    rd_kafka_message_t *event = NULL;

    while (status == WEND_OK && (event = rd_kafka_consumer_poll(group->client.handle, 0)) != NULL) {
        if (event->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            status = take_error(group, event, error);
        }
        rd_kafka_message_destroy(event);
    }
    if (group->taken_back_at_ms != 0 &&
        wendi_kafka_now_ms() - group->taken_back_at_ms >= REASSIGN_MS) {
        wendi_kafka_client_note(&group->client, "group: nothing assigned for %d s",
                                REASSIGN_MS / 1000);
        forget_assigned(group);
        group->taken_back_at_ms = 0;
        group->change_count++;
    }
    if (status == WEND_OK && group->out_of_memory) {
        status = wendi_fail_nomem(error, "assigned partitions", group->count);
    }
    return status;
}

wend_status wendi_kafka_group_offset(wendi_kafka_group *group, const char *topic, int32_t partition,
                                     int timeout_ms, int64_t *offset, wend_error *error)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *entry = rd_kafka_topic_partition_list_add(list, topic, partition);
    rd_kafka_resp_err_t code = rd_kafka_committed(group->client.handle, list, timeout_ms);
    wend_status status = WEND_OK;

    code = code != RD_KAFKA_RESP_ERR_NO_ERROR ? code : entry->err;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        status = wendi_fail(error, WEND_KAFKA, "the group does not tell its offset of %s[%d]: %s",
                            topic, partition, rd_kafka_err2str(code));
    }
    *offset = status == WEND_OK && entry->offset >= 0 ? entry->offset : -1;
    rd_kafka_topic_partition_list_destroy(list);
    return status;
}

void wendi_kafka_group_commit(wendi_kafka_group *group,
                              const rd_kafka_topic_partition_list_t *offsets)
{
    rd_kafka_resp_err_t code = rd_kafka_commit(group->client.handle, offsets, 1);
    group->commits_under_way += code == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        wendi_kafka_client_note(&group->client, "group offsets: %s", rd_kafka_err2str(code));
    }
}

void wendi_kafka_group_close(wendi_kafka_group *group)
{
    if (group == NULL) {
        return;
    }
    if (group->client.handle != NULL) {
        int64_t deadline_ms = wendi_kafka_now_ms() + COMMIT_WAIT_MS;
        while (group->commits_under_way > 0 && wendi_kafka_now_ms() < deadline_ms) {
            rd_kafka_message_t *event = rd_kafka_consumer_poll(group->client.handle, 50);
            if (event != NULL) {
                rd_kafka_message_destroy(event);
            }
        }
        rd_kafka_consumer_close(group->client.handle);
    }
    wendi_kafka_client_close(&group->client);
    forget_assigned(group);
    wendi_free(group->assigned);
    wendi_free(group);
}
