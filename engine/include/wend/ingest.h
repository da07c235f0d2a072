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
    const int32_t *partitions; /* of every topic; NULL: all */
    size_t partition_count;
    const char *const *properties; /* "key=value" for librdkafka */
    size_t property_count;
    const char *properties_file;
    wend_from from;  /* for partitions the table has never read */
    int64_t from_us; /* WEND_FROM_TIME */
    bool until_caught_up;
    bool accept_gap;
    /* Both: */
    int64_t commit_rows;          /* 0: 1,048,576 */
    int64_t commit_interval_ms;   /* 0: 5,000 */
    int64_t memory_limit_bytes;   /* 0: 1 GiB */
    int64_t message_count_max;    /* 0: no limit */
    int64_t progress_interval_ms; /* 0: 500 */
} wend_ingest_options;

typedef struct wend_ingest_count {
    const char *text;
    uint64_t count;
} wend_ingest_count;

/** Numbers of a run; arrays live for the call that shows them, or until wend_ingest_close(). */
typedef struct wend_ingest_stats {
    int64_t elapsed_us;
    uint64_t taken, stored, rejected, deduplicated, tombstones;
    uint64_t payload_bytes;
    uint64_t taken_committed;
    uint64_t commit_count, segment_count;
    int64_t lag; /* messages (Kafka) or bytes (files) that wait; -1 unknown */
    double events_per_s, bytes_per_s;
    uint64_t memory_bytes;
    uint64_t unique_keys;
    uint64_t coerced, nulled, time_cut, unknown_values;
    const wend_ingest_count *reasons; /* of rejects, most frequent first */
    size_t reason_count;
    const wend_ingest_count *unknown_keys; /* JSON keys that no column takes, most frequent first */
    size_t unknown_key_count;
    const char *io_backend; /* "io_uring" or "posix" */
} wend_ingest_stats;

typedef struct wend_ingest wend_ingest;

/** Check the options; nothing is read or locked yet. */
WEND_API WEND_MUST_USE wend_status wend_ingest_open(wend_store *store, const char *table, const wend_ingest_options *options,
                                                    wend_ingest **ingest_out, wend_error *error);
/**
 * Ingest until the source ends, stop is asked for or something fails; what was decoded is committed before WEND_OK.
 * `progress` (may be NULL) is called from time to time on this thread.
 */
WEND_API WEND_MUST_USE wend_status wend_ingest_run(wend_ingest *ingest,
                                                   void (*progress)(void *context, const wend_ingest_stats *stats),
                                                   void *context, wend_error *error);
/** Ask run() to drain, commit and return. From any thread or a signal handler. */
WEND_API void wend_ingest_stop(wend_ingest *ingest);
/** After run(), whatever it returned. */
WEND_API const wend_ingest_stats *wend_ingest_result(const wend_ingest *ingest);
WEND_API void wend_ingest_close(wend_ingest *ingest);

/**
 * Guess a CREATE TABLE from the first `lines` (0: 200,000) lines of a file of JSON lines ("-": standard input). The text is
 * freed by wend_strings_free().
 */
WEND_API WEND_MUST_USE wend_status wend_infer_table(const char *file, const char *table, uint64_t lines, wend_strings *ddl,
                                                    wend_error *error);

/**
 * Run ALTER TABLE … ADD COLUMN. A live writer carries it out at its next commit and this call waits for it, unless `wait`
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

#ifdef __cplusplus
}
#endif

#endif
