/**
 * Ingest and schema work as the program does it: files, standard input and Kafka into a table.
 *
 * For programs that append rows themselves wend.h is enough. The rules of wend.h hold here too.
 */
#ifndef WEND_INGEST_H
#define WEND_INGEST_H

#include "wend/wend.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum wend_from { WEND_FROM_EARLIEST, WEND_FROM_LATEST, WEND_FROM_TIME } wend_from;
/** What stands around the JSON of a Kafka message. */
typedef enum wend_framing {
    WEND_FRAMING_NONE,
    WEND_FRAMING_CONFLUENT_JSON /* a schema registry's: a zero byte and the schema's number, 4 bytes, come before it */
} wend_framing;

/** A topic and the table that takes it. */
typedef struct wend_topic_map {
    const char *topic;
    const char *table;
} wend_topic_map;

typedef enum wend_log_level { WEND_LOG_INFO, WEND_LOG_WARNING, WEND_LOG_ERROR } wend_log_level;

typedef struct wend_log_field {
    const char *name;
    const char *text; /* NULL: a number */
    int64_t number;
} wend_log_field;

/** Something that an operator may want to know. Everything is borrowed for the call. */
typedef struct wend_log_line {
    int64_t time_us;
    wend_log_level level;
    const char *table; /* NULL: about the whole run */
    const char *what;  /* start, ready, commit, rejects, kafka, alter, gap, stuck, drain, end, failed, metrics, status */
    const char *text;  /* a sentence; the fields say the same to programs */
    const wend_log_field *fields;
    size_t field_count;
} wend_log_line;

/** Zero-filled but for the source is a valid choice. Everything is borrowed until wend_ingest_close(). */
typedef struct wend_ingest_options {
    /* Files or standard input: */
    const char *const *files;
    size_t file_count;
    bool standard_input;
    const char *source_name; /* name by which standard input can be resumed; NULL: each run is new */
    bool follow;             /* wait for more at the files' ends */
    bool reload;             /* read from the beginning what was read before */
    /* Kafka: */
    const char *brokers; /* NULL when the properties have them */
    const char *const *topics;
    size_t topic_count;
    const wend_topic_map *maps; /* several tables; then no topics, and no table in wend_ingest_open() */
    size_t map_count;
    const int32_t *partitions; /* of every topic; NULL: all */
    size_t partition_count;
    const char *group; /* consumer group that deals the partitions; NULL: they are as said above */
    const char *const *properties; /* "key=value" for librdkafka */
    size_t property_count;
    const char *properties_file;
    wend_framing framing;
    wend_from from;  /* for partitions the table has never read */
    int64_t from_us; /* WEND_FROM_TIME */
    bool until_caught_up;
    int64_t until_us; /* stop before the first message of this time or later in each partition; 0: none */
    bool accept_gap;
    /* Both: */
    int64_t commit_rows;          /* 0: 262,144; at most 1,048,576 */
    int64_t commit_interval_ms;   /* 0: 5,000 */
    int64_t memory_limit_bytes;   /* 0: a quarter of the machine, at most 4 GiB; divided among tables */
    int64_t worker_count;         /* 0: one for each processor; divided among tables */
    int64_t message_count_max;    /* 0: no limit; of each table */
    int64_t progress_interval_ms; /* 0: 500 */
    /* Operations: */
    const char *metrics_address; /* "[HOST:]PORT" to serve /metrics and /healthz at; the host is 127.0.0.1 if left out,
                                    port 0 takes a free one; NULL: none */
    bool no_live_status; /* do not leave for wend_table_live() what the run does */
    bool notify_service; /* tell the service manager ($NOTIFY_SOCKET) of readiness, life and end */
    void (*log)(void *context, const wend_log_line *line); /* on the thread of wend_ingest_run(); NULL: none */
    void *log_context;
} wend_ingest_options;

typedef struct wend_ingest_count {
    const char *text;
    uint64_t count;
} wend_ingest_count;

/** A JSON key that no column takes, and what its values were like. */
typedef struct wend_ingest_key {
    const char *path; /* as in OPTIONS (path '…'): $.geo.city; of several tables with the table's name before it */
    uint64_t count;   /* values */
    const char *type; /* that a column would need, as SQL writes it; "" when it is not known */
    const char *example; /* a value as JSON, cut to fit; "" when all were null */
} wend_ingest_key;

/** One partition (Kafka) or file as a run sees it. */
typedef struct wend_ingest_partition {
    const char *topic;
    const char *shown; /* for people */
    int32_t partition;
    int64_t next;           /* behind the last message taken */
    int64_t committed_next; /* behind the last one committed; -1: none yet */
    int64_t end;            /* high-water mark, or size in bytes; -1 unknown */
    int64_t gap;            /* messages lost before they could be read, accepted */
} wend_ingest_partition;

/** How Kafka is doing, as far as a run has seen. */
typedef struct wend_ingest_kafka {
    uint64_t retries;           /* partitions begun again after a fault */
    uint64_t verified;          /* fingerprints of the last message taken that were compared, and equal */
    uint64_t unverified;        /* those whose message is no longer there */
    bool brokers_down;          /* no broker answers */
    uint32_t unread_partitions;   /* that appeared since and are not read */
    uint32_t missing_partitions;  /* whose topic is gone now: waited for */
    uint32_t assigned_partitions; /* of a group: that it wants this run to read, */
    uint32_t claimed_partitions;  /* that this run has, */
    uint32_t waiting_partitions;  /* that another process still has */
    const char *last_fault;     /* "": none */
} wend_ingest_kafka;

/** Numbers of a run; arrays live for the call that shows them, or until wend_ingest_close(). */
typedef struct wend_ingest_stats {
    int64_t elapsed_us;
    uint64_t taken, stored, rejected, deduplicated, tombstones;
    uint64_t payload_bytes;
    uint64_t taken_committed;
    uint64_t commit_count, segment_count;
    int64_t lag; /* messages (Kafka) or bytes (files) that wait; -1 unknown */
    double events_per_s, bytes_per_s;
    uint64_t memory_bytes; /* the sum of the next three */
    uint64_t memory_blocks, memory_batches, memory_window, memory_limit;
    uint64_t unique_keys, unique_keys_max; /* in the window of deduplication; as many as it takes */
    int64_t unique_since_us;               /* time of the oldest commit in it; 0: it is empty */
    uint64_t repeats_merged;               /* of deduplicated: found behind the window */
    int64_t committed_us;                  /* time of the last commit; 0: none */
    int64_t commit_latency_us;             /* of that commit, from its batch's end to its publication */
    uint64_t source_waits;                 /* times that reading had to wait for the workers */
    uint32_t worker_count;
    uint64_t coerced, nulled, time_cut, unknown_values;
    uint64_t schema_changes; /* columns were added while the run went on */
    const wend_ingest_partition *partitions;
    size_t partition_count;
    const wend_ingest_count *reasons; /* of rejects, most frequent first */
    size_t reason_count;
    const wend_ingest_key *unknown_keys; /* JSON keys that no column takes, most frequent first */
    size_t unknown_key_count;
    const wend_ingest_kafka *kafka; /* NULL: not from Kafka, or nothing known yet */
    const char *io_backend;         /* "io_uring" or "posix" */
} wend_ingest_stats;

/** What became of one table of a run. */
typedef struct wend_ingest_outcome {
    const char *table;
    wend_status status;
    const char *message; /* "" when it went well */
    wend_ingest_stats stats;
} wend_ingest_outcome;

typedef struct wend_ingest wend_ingest;

/**
 * Check the options; nothing is read or locked yet. `table` is NULL when `maps` name the tables. For each table its own
 * consumer, pipeline, positions and commits: they share nothing but the limits.
 */
WEND_API WEND_MUST_USE wend_status wend_ingest_open(wend_store *store, const char *table, const wend_ingest_options *options,
                                                    wend_ingest **ingest_out, wend_error *error);
/**
 * Ingest until the source ends, stop is asked for or something fails; what was decoded is committed before WEND_OK.
 * `progress` (may be NULL) is called from time to time on this thread, with the sums when there are several tables.
 * When a table fails the others are drained and committed, too; the error is the first one's and names its table,
 * wend_ingest_outcomes() has all.
 */
WEND_API WEND_MUST_USE wend_status wend_ingest_run(wend_ingest *ingest,
                                                   void (*progress)(void *context, const wend_ingest_stats *stats),
                                                   void *context, wend_error *error);
/** Ask run() to drain, commit and return. From any thread or a signal handler. */
WEND_API void wend_ingest_stop(wend_ingest *ingest);
/** After run(), whatever it returned: the table's numbers, or the sums over several. */
WEND_API const wend_ingest_stats *wend_ingest_result(const wend_ingest *ingest);
/** After run(): what became of each table, in the order in which they were named first. */
WEND_API const wend_ingest_outcome *wend_ingest_outcomes(const wend_ingest *ingest, size_t *count);
WEND_API void wend_ingest_close(wend_ingest *ingest);

/** An ingestor as it described itself last; see wend_table_live(). */
typedef struct wend_live {
    int64_t pid;
    const char *host;
    bool stale;          /* it is not at work any more: these are its last words */
    bool stuck;          /* its pipeline neither gets on nor says that it has nothing to do */
    int64_t age_us;      /* how old they are */
    int64_t started_us;  /* wall time */
    int64_t updated_us;
    const char *phase;   /* opening, reading, draining, done, failed */
    const char *metrics; /* URL at which it serves metrics, "" none */
    const char *version; /* of the program */
    wend_ingest_stats stats; /* rates are over the last ten seconds or so */
} wend_live;

/**
 * What the ingestor of a table is doing, from what it leaves in the table's folder once a second.
 * Returns WEND_NOT_FOUND when there is none (it removes the file when it ends in good order). The caller frees *live_out.
 */
WEND_API WEND_MUST_USE wend_status wend_table_live(wend_store *store, const char *table, wend_live **live_out,
                                                   wend_error *error);
WEND_API void wend_live_free(wend_live *live);

/**
 * Guess a CREATE TABLE from the first `lines` (0: 200,000) lines of a file of JSON lines ("-": standard input). The text is
 * freed by wend_strings_free().
 */
WEND_API WEND_MUST_USE wend_status wend_infer_table(const char *file, const char *table, uint64_t lines, wend_strings *ddl,
                                                    wend_error *error);

/**
 * Run ALTER TABLE (ADD COLUMN, or a form that loosens rules: docs/SQL.md). A live writer carries it out at its next commit and this call waits for it, unless `wait`
 * is false: then `request` (64 bytes, may be NULL) gets the request's name, or "" when it was done at once.
 */
WEND_API WEND_MUST_USE wend_status wend_alter_table(wend_store *store, const char *sql, bool wait, char *request,
                                                    wend_error *error);

/** One rejected message; strings live for the call and may hold NULs where a length stands beside them. */
typedef struct wend_reject {
    uint64_t commit;
    const char *topic;
    size_t topic_length;
    int32_t partition;
    int64_t offset;
    const char *reason;
    size_t reason_length;
    const char *raw; /* the message as it came */
    size_t raw_length;
    const char *line; /* all of it as a JSON object */
    size_t line_length;
} wend_reject;
/** Show the rejects, oldest first, until `each` returns false. */
WEND_API WEND_MUST_USE wend_status wend_table_rejects(wend_store *store, const char *table,
                                                      bool (*each)(void *context, const wend_reject *reject), void *context,
                                                      wend_error *error);

/** Zero-filled: all rejects of the table. */
typedef struct wend_replay_options {
    const char *reason;   /* only rejects whose reason holds this text; NULL: whatever it is */
    const char *source;   /* only those of this topic, or of the file of this name; NULL: of all */
    bool dry_run;         /* say what would become of them, and change nothing */
    wend_framing framing; /* what stands before the JSON in messages that were kept with it */
} wend_replay_options;

/** What became of rejects: rejects = not_chosen + stored + deduplicated + rejected. */
typedef struct wend_replay {
    uint64_t rejects; /* there were */
    uint64_t not_chosen;
    uint64_t stored;
    uint64_t deduplicated;
    uint64_t rejected; /* again, for these reasons: */
    const wend_ingest_count *reasons; /* most frequent first */
    size_t reason_count;
    uint64_t commit_count;
} wend_replay;

/**
 * Put rejected messages through the decoder and the rules that the table has now, once its schema was mended or the
 * cause is gone. What is accepted is stored, once, and is no reject any more; what is not stays one, for the reason it
 * has now. Killed anywhere, it has replayed some rejects wholly and the others not at all.
 * `replay_out` (may be NULL) is freed by wend_replay_free(). WEND_BUSY while somebody writes to the table.
 */
WEND_API WEND_MUST_USE wend_status wend_replay_rejects(wend_store *store, const char *table,
                                                       const wend_replay_options *options, wend_replay **replay_out,
                                                       wend_error *error);
WEND_API void wend_replay_free(wend_replay *replay); /* accepts NULL */

/** A key of the events that no column takes, and the column that it could have. Strings live for the call. */
typedef struct wend_candidate {
    const char *path;    /* as in OPTIONS (path '…'): $.geo.city */
    uint64_t count;      /* rows that have it */
    uint64_t row_count;  /* rows that were looked at */
    const char *type;    /* that fits the values seen, as SQL writes it */
    const char *example; /* a value, as JSON, cut to fit; "" when all were null */
    const char *ddl;     /* ALTER TABLE … ADD COLUMN …; */
} wend_candidate;
/**
 * Candidates from what `_rest` of the table keeps: most frequent first, until `each` returns false. Objects are gone
 * into as `wend infer` does. Looks at the newest rows, at most `row_count_max` of them (0: a million).
 * Returns WEND_INVALID when the table keeps no _rest.
 */
WEND_API WEND_MUST_USE wend_status wend_table_candidates(wend_store *store, const char *table, uint64_t row_count_max,
                                                         bool (*each)(void *context, const wend_candidate *candidate),
                                                         void *context, wend_error *error);

#ifdef __cplusplus
}
#endif

#endif
