/**
 * The partitions of a Kafka source: which there are, where each begins, what to do when its log
 * does not continue what the table holds. Private to this folder.
 *
 * Invariants: slots[i] and states[i] describe the same partition; states[i].next is the offset
 * behind the last message handed out; a slot that `holds` gives nothing until begun again. With a
 * group, a slot gives messages only while it has its claim (`claim` set) and is `placed`.
 */
#ifndef WENDI_KAFKA_PARTITION_H
#define WENDI_KAFKA_PARTITION_H

#include <stdatomic.h>

#include "ingest/kafka/kafka_client.h"
#include "ingest/kafka/kafka_group.h"
#include "ingest/kafka/kafka_source.h"
#include "ingest/kafka/kafka_watch.h"

enum { WENDI_KAFKA_NO_ORDINAL = 0xffffffffu };

/** A topic and the way from its partition numbers to ordinals. It is librdkafka's topic opaque. */
typedef struct wendi_kafka_topic {
    rd_kafka_topic_t *handle;
    char *name;
    uint32_t *ordinals; /* by partition number; WENDI_KAFKA_NO_ORDINAL: not read */
    int32_t partition_count;
    bool known; /* some partition of it was read before: one without a position was added since */
} wendi_kafka_topic;

typedef struct wendi_kafka_slot {
    wendi_kafka_topic *topic;
    int64_t end_wanted;  /* a bounded run stops here; -1: none */
    int64_t retry_at_ms; /* when a holding slot may begin again */
    int64_t begun_at_ms; /* when it did so last */
    int64_t gone_before; /* the message before this `next` is no longer there to be compared; -1 */
    int64_t heard_at_ms; /* when something of it came last */
    bool at_end;         /* what came last was the log's end: nothing of it waits in any queue */
    int64_t told_at_ms;  /* when somebody was told last that it waits */
    int64_t gap_first, gap_end; /* offsets left out that are being read again: -1: none */
    int64_t gap_largest;        /* the most offsets left out that a second reading confirmed */
    int64_t committed_next;     /* up to here everything handed out is committed */
    void *claim;                /* of a group: ours, as shards->claim() gave it */
    uint32_t tries;             /* faults since the last message taken */
    uint32_t last_frame_bytes;  /* what was taken off the front of last_taken's payload */
    bool started;               /* librdkafka fetches it */
    bool placed;                /* where it begins and ends is decided */
    bool begins_anew;           /* no shard has read it before: the options say where */
    bool topic_missing;         /* told, and counted in missing_partition_count */
    bool holds;                 /* nothing is taken from it: a fault, or a lost connection */
    bool range_doubted;         /* the broker said that our offset is outside of its log */
    bool topic_doubted; /* the broker no longer knew the topic: look before beginning again */
    bool verifying;     /* the first message must be the one before `next`, with our fingerprint */
    uint32_t
        last_taken; /* slot in the current block of its last message, or WENDI_KAFKA_NO_ORDINAL */
} wendi_kafka_slot;

typedef struct wendi_kafka_waiting {
    const char *topic; /* a name of source->topics */
    int32_t partition;
    int64_t told_ms; /* when somebody was told last */
} wendi_kafka_waiting;

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
    bool until_caught_up, accept_gap, follow_growth, commits_group;
    atomic_bool headers; /* are read: librdkafka allocates for every message that it is asked about */
    wendi_kafka_from from;
    int64_t from_us, until_us;
    wendi_kafka_framing framing;
    void (*notice)(void *context, const char *text);
    void *notice_context;
    void (*observe)(void *context, const struct wendi_kafka_source_state *state);
    void *observe_context;
    int64_t observed_at_ms;
    wendi_kafka_group *group; /* NULL: all partitions are ours */
    const wendi_kafka_shards *shards;
    uint64_t group_changes_seen;
    int64_t share_at_ms;          /* when claims were looked at last */
    int64_t until_at_ms;          /* when the ends by time were looked at last */
    int64_t asked_at_ms;          /* when next() was called last */
    wendi_kafka_waiting *waiting; /* assigned to us, claimed by another */
    uint32_t waiting_count;
    int connect_timeout_ms, metadata_interval_ms;
    uint32_t tries_max;
    wendi_kafka_source_state state;
    wendi_kafka_watch watch;
    uint64_t lost_connections_seen, missing_topics_seen, stops_seen;
    int64_t fetched_at_ms; /* when what is in `pending` was taken from librdkafka */
    uint64_t most_waiting; /* messages in librdkafka's queue since it was woken last, and when */
    int64_t woken_at_ms;
    int64_t marks_at_ms, metadata_at_ms;
    uint32_t finished_count;
    uint32_t unplaced_count; /* without a group: added, and not begun yet */
    int64_t idle_at_ms;      /* when idle partitions were looked for last */
    int64_t added_at_ms;     /* when these were tried last */
    bool opened;
    uint32_t commits_under_way;
    rd_kafka_message_t **pending; /* taken from librdkafka, not yet handed out */
    uint32_t pending_at, pending_count;
    wend_status failure; /* told once the messages before it are handed out */
    wend_error failure_error;
} wendi_kafka_source;

/** Whether a slot gives messages: ours to read and not at its end. */
static inline bool wendi_kafka_slot_reads(const wendi_kafka_source *source, uint32_t ordinal)
{
    return source->slots[ordinal].placed && !source->states[ordinal].finished &&
           !source->states[ordinal].draining;
}

/** Whether the last message taken can be read again to know the topic by it. */
static inline bool wendi_kafka_slot_verifies(const wendi_kafka_source *source, uint32_t ordinal)
{
    const wendi_source_partition *state = &source->states[ordinal];
    return state->fingerprint != 0 && state->next > 0 &&
           source->slots[ordinal].gone_before != state->next;
}

/** Tell whoever listens what is news and no fault. */
void wendi_kafka_source_tell(wendi_kafka_source *source, const char *format, ...) WEND_PRINTF(2, 3);
/** Tell whoever listens, and keep it as the newest fault to show. */
void wendi_kafka_source_say(wendi_kafka_source *source, const char *format, ...) WEND_PRINTF(2, 3);

/** Find topics and, without a group, their partitions, and decide where each begins. As
 *  wendi_kafka_source_open(). */
wend_status wendi_kafka_partitions_find(wendi_kafka_source *source,
                                        const wendi_kafka_source_options *options,
                                        wend_error *error) WEND_MUST_USE;
/** The topic of that name, or NULL. */
wendi_kafka_topic *wendi_kafka_topic_find(wendi_kafka_source *source, const char *name);
/** The ordinal of a partition, made with nothing known of it when it is new. */
wend_status wendi_kafka_partition_make(wendi_kafka_source *source, wendi_kafka_topic *topic,
                                       int32_t partition, uint32_t *ordinal,
                                       wend_error *error) WEND_MUST_USE;
/**
 * Decide where a partition begins and ends: at `start` (NULL or next < 0: where the options say) if
 * the log still has it. WEND_KAFKA: no answer, ask again; WEND_CONFLICT as
 * wendi_kafka_source_open().
 */
wend_status wendi_kafka_partition_place(wendi_kafka_source *source, uint32_t ordinal,
                                        const wendi_kafka_start *start,
                                        wend_error *error) WEND_MUST_USE;
/** Now that until_us has passed: partitions without a message of that time end at their log's end.
 */
void wendi_kafka_partitions_settle_until(wendi_kafka_source *source);
/** Fetch nothing more of it. */
wend_status wendi_kafka_partition_stop(wendi_kafka_source *source, uint32_t ordinal,
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
/** Begin partitions that were added and not begun yet; a broker that does not answer is asked again
 * later: source->unplaced_count says how many are left. */
wend_status wendi_kafka_partitions_begin_added(wendi_kafka_source *source,
                                               wend_error *error) WEND_MUST_USE;
/** Mark as finished, once. */
void wendi_kafka_partition_finish(wendi_kafka_source *source, uint32_t ordinal);
void wendi_kafka_partitions_free(wendi_kafka_source *source);

#endif
