/**
 * The partitions of a Kafka source: which there are, where each begins, what to do when its log
 * does not continue what the table holds. Private to this folder.
 *
 * Invariants: slots[i] and states[i] describe the same partition; states[i].next is the offset
 * behind the last message handed out; a slot that `holds` gives nothing until begun again.
 */
#ifndef WENDI_KAFKA_PARTITION_H
#define WENDI_KAFKA_PARTITION_H

#include "ingest/kafka/kafka_client.h"
#include "ingest/kafka/kafka_source.h"

enum { WENDI_KAFKA_NO_ORDINAL = 0xffffffffu };

/** A topic and the way from its partition numbers to ordinals. It is librdkafka's topic opaque. */
typedef struct wendi_kafka_topic {
    rd_kafka_topic_t *handle;
    char *name;
    uint32_t *ordinals; /* by partition number; WENDI_KAFKA_NO_ORDINAL: not read */
    int32_t partition_count;
} wendi_kafka_topic;

typedef struct wendi_kafka_slot {
    wendi_kafka_topic *topic;
    int64_t end_wanted;  /* a bounded run stops here; -1: none */
    int64_t retry_at_ms; /* when a holding slot may begin again */
    uint32_t tries;      /* faults since the last message taken */
    bool started;        /* librdkafka fetches it */
    bool holds;          /* nothing is taken from it: a fault, or a lost connection */
    bool range_doubted;  /* the broker said that our offset is outside of its log */
    bool topic_doubted;  /* the broker no longer knew the topic: look before beginning again */
    bool verifying;      /* the first message must be the one before `next`, with our fingerprint */
    uint32_t
        last_taken; /* slot in the current block of its last message, or WENDI_KAFKA_NO_ORDINAL */
} wendi_kafka_slot;

typedef struct wendi_kafka_source {
    wendi_kafka_client client; /* first: the callbacks' opaque */
    wendi_source base;
    rd_kafka_queue_t *queue; /* all partitions' messages */
    wendi_kafka_topic *topics;
    uint32_t topic_count;
    wendi_kafka_slot *slots;
    wendi_source_partition *states;
    char **shown; /* owned texts of states[i].shown */
    uint32_t count, capacity;
    char *cluster_id;
    bool until_caught_up, accept_gap, headers, follow_growth, commits_group;
    int connect_timeout_ms, metadata_interval_ms;
    uint32_t tries_max;
    wendi_kafka_source_state state;
    uint64_t lost_connections_seen, missing_topics_seen;
    int64_t marks_at_ms, metadata_at_ms;
    uint32_t finished_count;
    uint32_t commits_under_way;
    rd_kafka_message_t **pending; /* taken from librdkafka, not yet handed out */
    uint32_t pending_at, pending_count;
    wend_status failure; /* told once the messages before it are handed out */
    wend_error failure_error;
} wendi_kafka_source;

/** Find topics and partitions and decide where each begins. As wendi_kafka_source_open(). */
wend_status wendi_kafka_partitions_find(wendi_kafka_source *source,
                                        const wendi_kafka_source_options *options,
                                        wend_error *error) WEND_MUST_USE;
/** Fetch from the slot's own next offset (or the message before it, to verify), from scratch. */
wend_status wendi_kafka_partition_begin(wendi_kafka_source *source, uint32_t ordinal,
                                        wend_error *error) WEND_MUST_USE;
/** The broker doubts our offset: go on, accept a gap, or WEND_CONFLICT. */
wend_status wendi_kafka_partition_settle_range(wendi_kafka_source *source, uint32_t ordinal,
                                               wend_error *error) WEND_MUST_USE;
/** The topic was missing: WEND_NOT_FOUND when it still is (told to last_error), or WEND_OK. */
wend_status wendi_kafka_partition_look_for_topic(wendi_kafka_source *source, uint32_t ordinal,
                                                 wend_error *error) WEND_MUST_USE;
/** Look for partitions added since; read them if the source follows growth. */
wend_status wendi_kafka_partitions_look_for_growth(wendi_kafka_source *source,
                                                   wend_error *error) WEND_MUST_USE;
/** Mark as finished, once. */
void wendi_kafka_partition_finish(wendi_kafka_source *source, uint32_t ordinal);
void wendi_kafka_partitions_free(wendi_kafka_source *source);

#endif
