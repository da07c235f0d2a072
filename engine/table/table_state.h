/**
 * The state of a table as a value: made by replaying commits, turned into checkpoints, compared by
 * tests. No files here; commit_log.h reads and publishes the records that carry it.
 *
 * A record is one commit or one checkpoint; docs/FORMAT.md, part 2, gives its bytes.
 */
#ifndef WENDI_TABLE_TABLE_STATE_H
#define WENDI_TABLE_TABLE_STATE_H

#include "engine/table/table.h"

enum { WENDI_UUID_BYTES = 16, WENDI_UUID_TEXT_BYTES = 37 };

/** A random version-4 UUID from the system's generator. */
void wendi_uuid_make(uint8_t uuid[WENDI_UUID_BYTES]);
/** Lower-case text with dashes, NUL-terminated, into WENDI_UUID_TEXT_BYTES bytes; returns `text`.
 */
const char *wendi_uuid_text(const uint8_t uuid[WENDI_UUID_BYTES], char *text);

typedef enum wendi_record_kind {
    WENDI_RECORD_COMMIT = 1,
    WENDI_RECORD_CHECKPOINT = 2
} wendi_record_kind;

/** The schema as commits carry it: DDL text and what DDL does not say. */
typedef struct wendi_schema_record {
    wendi_string ddl;
    uint32_t *column_ids;
    uint32_t column_count;
    uint32_t next_column_id;
} wendi_schema_record;

/** What one commit changes, or (checkpoint) all that the table holds. All pointers are borrowed. */
typedef struct wendi_record {
    uint8_t kind; /* wendi_record_kind */
    uint64_t version;
    uint64_t previous_checksum; /* commit: of commit version-1 (0 for the first); checkpoint: of
                                   commit `version` */
    uint64_t epoch;
    uint8_t writer[WENDI_UUID_BYTES];
    int64_t commit_us;
    wendi_string cluster_id;
    const wendi_schema_record *schema; /* NULL: unchanged */
    const wendi_segment_entry *added_segments;
    uint32_t added_segment_count;
    const uint8_t (*dropped_segments)[WENDI_UUID_BYTES];
    uint32_t dropped_segment_count;
    const wendi_source_state *sources;
    uint32_t source_count;
    const wendi_reject_entry *rejects;
    uint32_t reject_count;
    const wendi_key_entry *key_files;
    uint32_t key_file_count;
    const uint8_t (*dropped_key_files)[WENDI_UUID_BYTES];
    uint32_t dropped_key_file_count;
    const uint8_t (*dropped_rejects)[WENDI_UUID_BYTES]; /* reject files: replayed, none is left in them */
    uint32_t dropped_reject_count;
} wendi_record;

/** Append the record's bytes to `out`; `*checksum` is what the next commit names as its previous.
 */
wend_status wendi_record_encode(const wendi_record *record, wendi_buffer *out, uint64_t *checksum);
/**
 * Read a record of `kind` that must have number `version`. Checks the checksum before anything
 * else. Arrays and strings are in `arena`. WEND_CORRUPT says what is wrong; WEND_UNSUPPORTED names
 * an unknown action or version.
 */
wend_status wendi_record_decode(const void *bytes, size_t length, wendi_record_kind kind,
                                uint64_t version, wendi_arena *arena, wendi_record *record,
                                uint64_t *checksum, wend_error *error);

/** A state that owns its memory, with the schema it has. */
typedef struct wendi_owned_state {
    wendi_arena arena;
    wendi_table_state state;
    wendi_schema_record schema;
    uint64_t head_checksum; /* of commit state.version */
} wendi_owned_state;

/** `next` (uninitialised) becomes `previous` (NULL: an empty table) changed by `record`; previous
 * is untouched. */
wend_status wendi_state_apply(const wendi_owned_state *previous, const wendi_record *record,
                              uint64_t checksum, wendi_owned_state *next, wend_error *error);
/** The checkpoint record of a state; borrows from it. */
wendi_record wendi_state_checkpoint(const wendi_owned_state *owned);
void wendi_state_free(wendi_owned_state *owned);
const wendi_source_state *wendi_state_source(const wendi_table_state *state, wendi_string topic,
                                             int32_t partition);

#endif
