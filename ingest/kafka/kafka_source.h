/**
 * Kafka topics as a source of messages (see ingest/message.h for what every source does).
 *
 * Promises: each partition's messages come in offset order, each once, none left out in silence.
 * Where the table stands is what the caller passes as `starts`; nothing is read from Kafka's group
 * offsets. On a fault in a partition nothing more of it is taken: reading begins again at our own
 * next offset, and after `error_tries_max` faults without progress the source ends with the error.
 * A hash of the last message taken (the fingerprint) is compared with that message read again, at
 * start and after a lost connection, because brokers reuse the name and the offsets of a topic
 * that was deleted and created again.
 *
 * Only the files of this folder see librdkafka.
 */
#ifndef WENDI_KAFKA_SOURCE_H
#define WENDI_KAFKA_SOURCE_H

#include "ingest/kafka/kafka_properties.h"
#include "ingest/message.h"

/** Where the table stands in one partition. */
typedef struct wendi_kafka_start {
    const char *topic;
    int32_t partition;
    int64_t next; /* first offset that the table has not taken */
    uint64_t
        fingerprint; /* wendi_source_partition.fingerprint as committed; 0: unknown, not checked */
    int32_t leader_epoch; /* -1 unknown */
    int64_t gap;          /* gaps accepted so far; carried on in wendi_source_partition.gap */
} wendi_kafka_start;

struct wendi_kafka_source_state;

/** Where to begin in a partition that the table has never read. */
typedef enum wendi_kafka_from {
    WENDI_KAFKA_FROM_EARLIEST,
    WENDI_KAFKA_FROM_LATEST,
    WENDI_KAFKA_FROM_TIME /* first message at or after from_us; the end when there is none */
} wendi_kafka_from;

/** What stands around the JSON of a payload. */
typedef enum wendi_kafka_framing {
    WENDI_KAFKA_FRAMING_NONE, /* a payload that looks framed all the same is refused with a hint */
    WENDI_KAFKA_FRAMING_CONFLUENT_JSON /* a zero byte and the four of a schema's id come first and
                                          are taken off; a payload without them is refused */
} wendi_kafka_framing;

/**
 * What the tables ("shards") that share topics by a consumer group know of each other; implemented
 * over a store by ingest/shard_claims.h. Kafka's group says which shard *shall* read a partition,
 * the claim says which one *may*, and where it begins is what the shards' tables hold together.
 * All from the thread that calls the source.
 */
typedef struct wendi_kafka_shards {
    void *context;
    /** Take the partition for this process. WEND_BUSY (naming the holder) while another has it. */
    wend_status (*claim)(void *context, const char *topic, int32_t partition, void **claim_out,
                         wend_error *error);
    /** Everything taken under the claim is committed: let another shard have the partition. */
    void (*release)(void *context, void *claim);
    /**
     * Where all shards together stand in `count` partitions that are claimed: starts[i].topic and
     * .partition are given; next is set to the greatest offset that any of their tables holds, -1
     * when none has read it, with that table's fingerprint; gap is this shard's own.
     */
    wend_status (*stand)(void *context, wendi_kafka_start *starts, uint32_t count,
                         wend_error *error);
} wendi_kafka_shards;

/** Borrowed for the call of open() only, but for shards and the two contexts. Zero-filled but for
 *  brokers and topics is a valid choice. */
typedef struct wendi_kafka_source_options {
    const char *brokers; /* bootstrap.servers; NULL when the properties have it */
    const char *const *topics;
    uint32_t topic_count;
    const int32_t *partitions; /* these partitions of every topic; NULL: all */
    uint32_t partition_count;
    const wendi_kafka_properties *properties; /* NULL: none */
    const wendi_kafka_start *starts;
    uint32_t start_count;
    wendi_kafka_from from;
    int64_t from_us;
    bool until_caught_up; /* stop at the end marks read by open(): the last stable offsets, so what
                             an open transaction hides is for the next run */
    int64_t until_us;     /* stop each partition before its first message of this time or later; one
                             without such a message ends where its log ends once the clock has
                             passed this time. 0: no such end. With until_caught_up: what comes first */
    wendi_kafka_framing framing;
    const char
        *group; /* share the topics with other shards by this consumer group; NULL: read all
                   of them. Needs `shards`; starts are not used, positions come from shards */
    const wendi_kafka_shards *shards;                /* lives as long as the source */
    void (*notice)(void *context, const char *text); /* called, from the thread that calls the
                             source, with each thing that somebody should know: a missing topic,
                             another shard's claim waited for, a fault retried. May be NULL */
    void *notice_context;
    /* Called from next() about five times a second. May be NULL */
    void (*observe)(void *context, const struct wendi_kafka_source_state *state);
    void *observe_context;
    bool accept_gap;    /* go on behind lost messages, counting them, instead of WEND_CONFLICT */
    bool headers;       /* fill wendi_message.headers */
    bool follow_growth; /* read partitions that are added later (appended to partitions()) */
    const char *expected_cluster_id; /* WEND_CONFLICT when the cluster is another; NULL: any */
    size_t queue_bytes;              /* of large messages, in librdkafka's queue; 0: 512 MiB */
    int connect_timeout_ms;          /* for open(); 0: 15 s */
    int metadata_interval_ms;        /* how often to look for new partitions; 0: 60 s */
    uint32_t error_tries_max;        /* 0: 5 */
} wendi_kafka_source_options;

/** How the source is doing, for progress lines and `status`. */
typedef struct wendi_kafka_source_state {
    uint64_t message_count; /* handed out, tombstones included */
    uint64_t payload_bytes;
    uint64_t tombstone_count;
    uint64_t retry_count;             /* partitions begun again after a fault */
    uint64_t verified_count;          /* fingerprints compared and found equal */
    uint64_t unverified_count;        /* fingerprints whose message is no longer there to compare */
    int64_t lag;                      /* messages known to wait, all partitions */
    uint32_t brokers_down;            /* 1 while no broker answers */
    uint32_t unread_partition_count;  /* partitions that appeared since open() and are not read */
    uint32_t missing_partition_count; /* partitions whose topic is gone now: waited for */
    uint32_t assigned_count;          /* partitions that the group wants us to read */
    uint32_t claimed_count;           /* of a group: partitions whose claim we have */
    uint32_t waiting_count;           /* assigned, but another shard still has the claim */
    uint32_t draining_count;          /* no longer ours, but messages of it are not committed yet */
    char last_error[256];             /* newest fault told by librdkafka, "" when none */
} wendi_kafka_source_state;

/**
 * Connect, find the partitions and their marks, and begin to fetch. The caller closes
 * `*source_out` by its close(). partitions() is ordered by topic name, then partition number.
 * Returns WEND_OK
 *         WEND_INVALID   options or properties are wrong, or a setting that is ours was overridden
 *         WEND_NOT_FOUND a topic or partition does not exist
 *         WEND_CONFLICT  another cluster; messages between the table's offset and the log are gone
 *                        (and no accept_gap); the log ends before the table's offset
 *         WEND_KAFKA     no broker answered in time, or it refused; WEND_NOMEM
 * next() adds WEND_CONFLICT (fingerprint differs: deleted and created again; log truncated) and
 * WEND_KAFKA (a partition kept failing; fatal client errors). While brokers are unreachable, or a
 * topic is gone, next() returns WEND_OK with no messages and wendi_kafka_source_state_of() tells.
 *
 * With a group: open() returns before any partition is assigned; partitions() lists those that this
 * shard has ever claimed, in the order in which it first did. A partition taken away gives no more
 * messages; it shows as `draining` until committed() has told that all of it that was handed out
 * is committed, and only then is its claim released. A bounded run ends when the partitions
 * assigned to this shard have reached their ends.
 */
wend_status wendi_kafka_source_open(const wendi_kafka_source_options *options,
                                    wendi_source **source_out, wend_error *error) WEND_MUST_USE;
/** The cluster's id as the broker told it; "" when it has none. Lives as long as the source. */
const char *wendi_kafka_source_cluster_id(const wendi_source *source);
/** From the thread that calls next(). */
void wendi_kafka_source_state_of(wendi_source *source, wendi_kafka_source_state *state);
/** Refuse settings that only the source may choose: WEND_INVALID naming the key. */
wend_status wendi_kafka_properties_check(const wendi_kafka_properties *properties,
                                         wend_error *error) WEND_MUST_USE;

#endif
