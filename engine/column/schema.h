/**
 * A table's schema: its columns, rules and options. Made from DDL (engine/expr/table_ddl.h), kept
 * in commits as the DDL's own text plus column ids, and read by every layer.
 *
 * Column ids are table-wide, start at 1 and are never reused; position is the place in `columns`.
 * Expressions (CHECK, GENERATED) are kept as SQL text and bound by engine/expr.
 */
#ifndef WENDI_COLUMN_SCHEMA_H
#define WENDI_COLUMN_SCHEMA_H

#include "engine/base/arena.h"
#include "engine/base/bytes.h"
#include "engine/base/status.h"
#include "engine/column/type.h"

typedef enum wendi_time_format {
    WENDI_TIME_ISO = 0, /* RFC 3339, with a zone unless `timezone` is given */
    WENDI_TIME_EPOCH_S,
    WENDI_TIME_EPOCH_MS,
    WENDI_TIME_EPOCH_US,
    WENDI_TIME_EPOCH_NS,
    WENDI_TIME_PATTERN /* strptime-like text in time_pattern, such as %d/%b/%Y:%H:%M:%S %z */
} wendi_time_format;

typedef enum wendi_on_error { WENDI_ON_ERROR_REJECT = 0, WENDI_ON_ERROR_NULL } wendi_on_error;
typedef enum wendi_rounding { WENDI_ROUND_REJECT = 0, WENDI_ROUND_HALF_EVEN } wendi_rounding;

/** Where a column's value comes from when it is not the message's JSON. */
typedef enum wendi_origin {
    WENDI_ORIGIN_JSON = 0,
    WENDI_ORIGIN_TOPIC,
    WENDI_ORIGIN_PARTITION,
    WENDI_ORIGIN_OFFSET,
    WENDI_ORIGIN_KEY,
    WENDI_ORIGIN_TIMESTAMP,
    WENDI_ORIGIN_HEADER,   /* paths[0] is the header's name */
    WENDI_ORIGIN_GENERATED, /* computed from `generated` */
    WENDI_ORIGIN_REST       /* what no other column takes: the column _rest, which DDL does not list */
} wendi_origin;

/** One way into a document: object keys from the root, as in $.geo.country -> {"geo", "country"}. */
typedef struct wendi_path {
    wendi_string *keys;
    uint32_t key_count;
} wendi_path;

typedef struct wendi_column {
    uint32_t id;
    wendi_string name;
    wendi_type type;
    bool not_null;
    uint8_t origin;      /* wendi_origin */
    uint8_t on_error;    /* wendi_on_error */
    uint8_t rounding;    /* wendi_rounding */
    uint8_t time_format; /* wendi_time_format */
    wendi_string time_pattern;
    wendi_string timezone;   /* zone name for texts without one; empty: such texts are refused */
    wendi_path *paths;       /* tried left to right; at least one for ORIGIN_JSON */
    uint32_t path_count;
    wendi_string generated;  /* SQL expression text; empty: none */
    wendi_string default_value; /* text form of the value absent segments read as; has_default says whether */
    bool has_default;
} wendi_column;

typedef struct wendi_check {
    wendi_string name;       /* given or made up: events_price_check */
    wendi_string expression; /* SQL text */
} wendi_check;

typedef struct wendi_unique {
    uint32_t *columns; /* positions */
    uint32_t column_count;
} wendi_unique;

enum { WENDI_NO_COLUMN = 0xffffffffu };

typedef enum wendi_duplicate_key { WENDI_DUPLICATE_KEY_REJECT = 0, WENDI_DUPLICATE_KEY_FIRST, WENDI_DUPLICATE_KEY_LAST } wendi_duplicate_key;
/**
 * How the one UNIQUE column is stored. HASH: as the bigint wendi_value_hash() of its value. DROP: not at all.
 * With either, commits carry the keys of the deduplication window in key files.
 */
typedef enum wendi_event_id_policy { WENDI_EVENT_ID_KEEP = 0, WENDI_EVENT_ID_HASH, WENDI_EVENT_ID_DROP } wendi_event_id_policy;
/** What becomes of JSON that no column takes. Statements of before there was a choice drop it. */
typedef enum wendi_rest_policy { WENDI_REST_UNSAID = 0, WENDI_REST_KEEP, WENDI_REST_DROP } wendi_rest_policy;

#define WENDI_REST_NAME "_rest"

/** All memory is in `arena`; immutable once made. One owner: make a copy by parsing its DDL again. */
typedef struct wendi_schema {
    wendi_arena arena;
    wendi_string table_name;
    wendi_string ddl; /* the CREATE TABLE text that gives exactly this schema (alters folded in) */
    wendi_column *columns;
    uint32_t column_count;
    uint32_t next_column_id;
    wendi_check *checks;
    uint32_t check_count;
    wendi_unique *uniques;
    uint32_t unique_count;
    bool unique_rows;      /* WITH (unique_rows=true): a whole row is its own key */
    uint32_t user_column;  /* positions, or WENDI_NO_COLUMN */
    uint32_t time_column;
    uint32_t event_column;
    uint32_t order_column;
    int64_t retention_us;  /* 0: forever */
    int64_t max_future_us; /* default one day */
    uint8_t duplicate_keys; /* wendi_duplicate_key */
    uint8_t event_id_policy;
    uint64_t unique_window_keys; /* 0: default by memory */
    uint8_t rest_policy;   /* wendi_rest_policy */
    uint32_t rest_column;  /* position of the column _rest, which is the last one; or WENDI_NO_COLUMN */
    uint32_t id_column;    /* position of the UNIQUE column under HASH or DROP, else WENDI_NO_COLUMN */
    wendi_string dropped_name; /* in a reading schema: the name of the column that is not stored; else empty */
    const struct wendi_schema *reading; /* NULL: readers see the same; else see wendi_schema_reading() */
} wendi_schema;

/**
 * The schema as segments have it and queries see it. Under event_id 'hash' the column is a bigint whose type
 * knows what it is a hash of (type.hash_of); under 'drop' it is not there, and `dropped_name` says what it was
 * called. Rules of arrival (CHECK, UNIQUE) are not part of it. Everything else, ids too, is the same; positions
 * behind a dropped column are one less. Lives as long as `schema`.
 */
const wendi_schema *wendi_schema_reading(const wendi_schema *schema);
/** Make schema->reading anew, after ids were set. WEND_NOMEM. */
wend_status wendi_schema_make_reading(wendi_schema *schema, wend_error *error);

/** Position of the column named `name` (exact bytes), or WENDI_NO_COLUMN. */
uint32_t wendi_schema_find(const wendi_schema *schema, wendi_string name);
/** Frees a schema that was made on the heap by its parser. Accepts NULL. */
void wendi_schema_free(wendi_schema *schema);

#endif
