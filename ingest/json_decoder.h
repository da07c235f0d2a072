/**
 * From JSON objects to typed rows of a builder, without a tree in between.
 *
 * The schema's paths are compiled into a tree of keys; values are converted where they stand and
 * written straight into the builder's columns. The order of keys is learnt: after each key the
 * decoder knows what usually follows and compares that literal first; a miss looks up that key alone.
 *
 * A row is a transaction: a message is stored as a whole or not at all. docs/SQL.md lists by type
 * what is accepted; in short: duplicate keys as WITH (duplicate_keys) says, in every object that a path
 * reaches into (values kept or skipped as a whole are not looked into for repeats); numbers and true/false
 * into text as their literal text; numeric strings into numbers, 0/1/"true"/"false" into boolean,
 * counted as coerced; 1.0 and 1e3 into integers when exactly integral. With several paths the
 * leftmost that is present wins, whatever the order of keys; the others are only validated.
 * A key that is present with null is present. A missing key takes the column's DEFAULT.
 *
 * If the schema has a column _rest, it gets what no other column takes, as one object (json_rest.h): values
 * under unknown keys, values that on_error 'null' made null, values at paths that another alternative won over, and
 * whatever is not an object where paths go on. Null when nothing is left over.
 *
 * Columns from Kafka: $topic, $partition, $offset, $key, $timestamp, $headers.x. For files and standard
 * input $topic is the file's path (or the source's name), $partition 0, $offset the byte at which the
 * line begins; $key, $timestamp and headers are null.
 *
 * One thread per decoder. GENERATED columns and CHECKs are not the decoder's business.
 */
#ifndef WENDI_INGEST_JSON_DECODER_H
#define WENDI_INGEST_JSON_DECODER_H

#include "engine/column/builder.h"
#include "ingest/json_validate.h"
#include "ingest/message.h"
#include "ingest/value_guess.h"

enum {
    WENDI_MESSAGE_BYTES_MAX = 16 << 20, /* longer messages are rejected */
    WENDI_REJECT_REASON_BYTES = 256,
    WENDI_UNKNOWN_KEYS_MAX = 1024, /* told apart and counted; further ones are counted together */
    WENDI_UNKNOWN_KEYS_SHOWN = 32,
    WENDI_UNKNOWN_KEY_BYTES = 160
};

/** Why a row was refused: the classes by which rejects are counted. */
typedef enum wendi_reject_kind {
    WENDI_REJECT_JSON,          /* not a JSON document; the fault says why */
    WENDI_REJECT_NOT_OBJECT,    /* a document, but no object */
    WENDI_REJECT_TOO_LONG,      /* longer than WENDI_MESSAGE_BYTES_MAX */
    WENDI_REJECT_DUPLICATE_KEY,
    WENDI_REJECT_TYPE,          /* wrong type for a column */
    WENDI_REJECT_VALUE,         /* right type, but does not fit: range, decimals, length, not a date */
    WENDI_REJECT_NOT_NULL,
    WENDI_REJECT_FUTURE,        /* later than now + max_future */
    WENDI_REJECT_EXPIRED,       /* older than the retention */
    WENDI_REJECT_CHECK,         /* a CHECK is false */
    WENDI_REJECT_GENERATED,     /* a GENERATED value or CHECK cannot be computed */
    WENDI_REJECT_FRAMING,       /* the source refused it: what stands around the JSON is not what was announced */
    WENDI_REJECT_KIND_COUNT
} wendi_reject_kind;

/** Why the last message was refused. */
typedef struct wendi_reject {
    wendi_reject_kind kind;
    uint32_t column;          /* position in the schema, or WENDI_NO_COLUMN */
    wendi_json_fault fault;   /* for WENDI_REJECT_JSON */
    uint32_t position;        /* byte in the payload */
    char reason[WENDI_REJECT_REASON_BYTES]; /* a sentence with column, value and byte */
} wendi_reject;

typedef enum wendi_decode_outcome {
    WENDI_DECODE_ROW,      /* one row more in the builder */
    WENDI_DECODE_REJECTED, /* nothing; see wendi_json_decoder_reject() */
    WENDI_DECODE_TOMBSTONE /* nothing: the message has no payload */
} wendi_decode_outcome;

/** A key that no column takes: a candidate for ALTER TABLE … ADD COLUMN. */
typedef struct wendi_unknown_key {
    char path[WENDI_UNKNOWN_KEY_BYTES]; /* $.a.b or $."a.b" as in OPTIONS (path …) */
    bool cut;                           /* to fit, or no path at all: "(further keys)" */
    uint64_t count;                     /* values */
    wendi_value_guess guess;            /* of those that were looked at: value_guess.h says which */
} wendi_unknown_key;

typedef struct wendi_decoder_counters {
    uint64_t rows;
    uint64_t rejected;
    uint64_t tombstones;
    uint64_t coerced;        /* values accepted in another JSON type than the column's */
    uint64_t nulled;         /* wrong values in columns with on_error 'null' */
    uint64_t time_cut;       /* times finer than a microsecond */
    uint64_t unknown_values; /* values under keys that no column takes */
    uint64_t key_hits;       /* keys that came as predicted */
    uint64_t key_misses;
} wendi_decoder_counters;

typedef struct wendi_json_decoder wendi_json_decoder;

/** `schema` is borrowed for the decoder's life. WEND_INVALID when a DEFAULT or time zone of it is wrong. */
wend_status wendi_json_decoder_open(const wendi_schema *schema, wendi_json_decoder **decoder_out, wend_error *error);
void wendi_json_decoder_close(wendi_json_decoder *decoder); /* accepts NULL */

/** The time against which max_future and retention are judged from now on; open() takes the wall clock's. */
void wendi_json_decoder_set_now(wendi_json_decoder *decoder, int64_t now_us);

/**
 * Decode one message into row builder->row_count (which must be below the capacity) and raise it. `origin`
 * is the message's partition (for $topic …); NULL when there is none. The row's partitions[] entry is set.
 *
 * Returns: WEND_OK with *outcome; WEND_NOMEM (the message may be given again, to another builder).
 * Cost:    no allocation once warm, but for new strings.
 */
wend_status wendi_json_decode(wendi_json_decoder *decoder, const wendi_message *message,
                              const wendi_source_partition *origin, wendi_row_builder *builder,
                              wendi_decode_outcome *outcome, wend_error *error);
/** Valid after WENDI_DECODE_REJECTED until the next message. */
const wendi_reject *wendi_json_decoder_reject(const wendi_json_decoder *decoder);

wendi_decoder_counters wendi_json_decoder_counters(const wendi_json_decoder *decoder);
/** The most frequent unknown keys, at most `capacity`; returns how many. */
uint32_t wendi_json_decoder_unknown_keys(const wendi_json_decoder *decoder, wendi_unknown_key *keys, uint32_t capacity);

/** Fill `reject` in the one wording that rejects have; `detail` is what stands behind the class. */
void wendi_reject_set(wendi_reject *reject, wendi_reject_kind kind, uint32_t column, uint32_t position,
                      const char *format, ...) WEND_PRINTF(5, 6);

/** Test only: switch the learnt order of keys off, so that the general path can be compared with it. */
void wendi_json_decoder_set_prediction(wendi_json_decoder *decoder, bool on);

#endif
