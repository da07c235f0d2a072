/*
 * Joining a group and listening to what it assigns: see kafka_group.h.
 *
 * librdkafka wants every rebalance answered by an assignment. Ours is always empty, so that this
 * client never fetches; the list that the callback brings is kept aside. The protocol is
 * cooperative-sticky: few partitions move, and the others go on meanwhile.
 */
#include "ingest/kafka/kafka_group.h"

#include <stdio.h>
#include <string.h>

#include "engine/base/alloc.h"

enum { COMMIT_WAIT_MS = 2000 };

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

static void take_away(wendi_kafka_group *group, const rd_kafka_topic_partition_list_t *list)
{
    for (int k = 0; k < list->cnt; k++) {
        wendi_kafka_assigned *gone = find(group, list->elems[k].topic, list->elems[k].partition);
        if (gone != NULL) {
            wendi_free(gone->topic);
            *gone = group->assigned[--group->count];
        }
    }
}

/* Answer with nothing to fetch, in the words that the protocol wants. */
static void answer(wendi_kafka_group *group, rd_kafka_t *handle, bool assigns)
{
    rd_kafka_topic_partition_list_t *none = rd_kafka_topic_partition_list_new(1);
    bool cooperative = strcmp(rd_kafka_rebalance_protocol(handle), "COOPERATIVE") == 0;
    rd_kafka_error_t *refused = NULL;

    if (cooperative) {
        refused = assigns ? rd_kafka_incremental_assign(handle, none)
                          : rd_kafka_incremental_unassign(handle, none);
    } else {
        rd_kafka_assign(handle, assigns ? none : NULL);
    }
    if (refused != NULL) {
        wendi_kafka_client_note(&group->client, "group: %s", rd_kafka_error_string(refused));
        rd_kafka_error_destroy(refused);
    }
    rd_kafka_topic_partition_list_destroy(none);
}

static void on_rebalance(rd_kafka_t *handle, rd_kafka_resp_err_t code,
                         rd_kafka_topic_partition_list_t *list, void *opaque)
{
    wendi_kafka_group *group = opaque;
    bool assigns = code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;

    if (assigns) {
        add(group, list);
        group->joined = true;
    } else {
        take_away(group, list);
        if (code != RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS) {
            wendi_kafka_client_note(&group->client, "group: %s", rd_kafka_err2str(code));
        }
    }
    group->change_count++;
    answer(group, handle, assigns);
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
        {"session.timeout.ms", "10000", false}, /* how long a killed shard's partitions wait */
        {"heartbeat.interval.ms", "1000", false}, /* how soon a rebalance is heard of */
        {"reconnect.backoff.max.ms", "2000", false},
        {NULL, NULL, false}};
    const wendi_kafka_setting fixed[] = {
        {"group.id", name, false},
        {"enable.auto.commit", "false", false},
        {"enable.auto.offset.store", "false", false},
        {"partition.assignment.strategy", "cooperative-sticky", false},
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
    for (uint32_t k = 0; k < group->count; k++) {
        wendi_free(group->assigned[k].topic);
    }
    wendi_free(group->assigned);
    wendi_free(group);
}
