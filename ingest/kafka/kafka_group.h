/**
 * Membership in a consumer group: which partitions Kafka's group wants this process to read.
 * Private to this folder.
 *
 * A client of its own that fetches nothing: it joins, heartbeats, and keeps the list of partitions
 * assigned to us up to date. What to do about that list is kafka_share.c's business; here is only
 * what the group says. A revocation is answered at once: what holds a partition until its messages
 * are committed is the claim in the store, not the group. The list changes when the next one comes,
 * or when none has come for long.
 *
 * One thread at a time.
 */
#ifndef WENDI_KAFKA_GROUP_H
#define WENDI_KAFKA_GROUP_H

#include "ingest/kafka/kafka_client.h"

typedef struct wendi_kafka_assigned {
    char *topic; /* owned */
    int32_t partition;
} wendi_kafka_assigned;

typedef struct wendi_kafka_group {
    wendi_kafka_client client; /* first: the callbacks' opaque */
    wendi_kafka_assigned *assigned;
    uint32_t count, capacity;
    uint64_t change_count;    /* rises with every change of `assigned` */
    int64_t taken_back_at_ms; /* the group has taken all back and not dealt again yet; 0: it has */
    bool joined;              /* an assignment, perhaps an empty one, was given */
    bool out_of_memory;       /* an assignment could not be kept: told by the next serve() */
    uint32_t commits_under_way;
} wendi_kafka_group;

/** Join the group `name` for `topics`. Returns before anything is assigned. */
wend_status wendi_kafka_group_open(const char *name, const char *brokers,
                                   const wendi_kafka_properties *properties,
                                   const char *const *topics, uint32_t topic_count,
                                   int metadata_interval_ms, wendi_kafka_group **group_out,
                                   wend_error *error) WEND_MUST_USE;
/** Let the group speak; never waits. WEND_KAFKA when it refuses us for good. */
wend_status wendi_kafka_group_serve(wendi_kafka_group *group, wend_error *error) WEND_MUST_USE;
/**
 * The offset that the group has for a partition; -1: none. WEND_KAFKA when it does not answer
 * within `timeout_ms`.
 */
wend_status wendi_kafka_group_offset(wendi_kafka_group *group, const char *topic, int32_t partition,
                                     int timeout_ms, int64_t *offset,
                                     wend_error *error) WEND_MUST_USE;
/** Tell the group offsets, for lag tools. Does not wait; a failure is noted in the client. */
void wendi_kafka_group_commit(wendi_kafka_group *group,
                              const rd_kafka_topic_partition_list_t *offsets);
/** Leave the group, telling it, and wait a little for commits under way. Accepts NULL. */
void wendi_kafka_group_close(wendi_kafka_group *group);

#endif
