/*
 * The bytes of commits and checkpoints (docs/FORMAT.md, part 2). Every byte is under the checksum
 * at the end, and nothing is believed before that checksum has been compared. What this file leaves
 * to others: where records lie (commit_log.c) and what they mean for a state (table_state.c).
 */
#include <string.h>

#include "engine/base/hash.h"
#include "engine/table/table_state.h"

enum {
    RECORD_VERSION = 1,
    RECORD_FIXED_BYTES = 76, /* magic … cluster id's length, and the checksum */
    CHECKSUM_BYTES = 8,
    ACTION_SCHEMA = 1,
    ACTION_ADD_SEGMENT = 2,
    ACTION_DROP_SEGMENT = 3,
    ACTION_SOURCE = 4,
    ACTION_REJECTS = 5,
    ACTION_KEY_FILE = 6,
    ACTION_DROP_KEY_FILE = 7,
    ACTION_DROP_REJECTS = 8
};

static const uint64_t record_magic = UINT64_C(0x474f4c444e455755); /* "UWENDLOG" */

/* Collects the first failure so that encoders read as lists of fields. */
typedef struct field_writer {
    wendi_buffer *out;
    wend_status status;
} field_writer;

static void put_bytes(field_writer *writer, const void *bytes, size_t length)
{
    if (writer->status == WEND_OK) {
        writer->status = wendi_buffer_append(writer->out, bytes, length);
    }
}

static void put_u32(field_writer *writer, uint32_t value)
{
    uint8_t bytes[4];
    wendi_store_u32(bytes, value);
    put_bytes(writer, bytes, sizeof bytes);
}

static void put_u64(field_writer *writer, uint64_t value)
{
    uint8_t bytes[8];
    wendi_store_u64(bytes, value);
    put_bytes(writer, bytes, sizeof bytes);
}

static void put_string(field_writer *writer, wendi_string text)
{
    put_u32(writer, text.length);
    put_bytes(writer, text.data, text.length);
}

/* An action is its kind, the bytes of its body, the body: the length is filled in at the end. */
static size_t begin_action(field_writer *writer, uint32_t kind)
{
    put_u32(writer, kind);
    put_u32(writer, 0);
    return writer->out->length;
}

static void end_action(field_writer *writer, size_t begin)
{
    if (writer->status == WEND_OK) {
        wendi_store_u32(writer->out->data + begin - 4, (uint32_t)(writer->out->length - begin));
    }
}

static void put_schema(field_writer *writer, const wendi_schema_record *schema)
{
    size_t begin = begin_action(writer, ACTION_SCHEMA);
    put_string(writer, schema->ddl);
    put_u32(writer, schema->next_column_id);
    put_u32(writer, schema->column_count);
    for (uint32_t i = 0; i < schema->column_count; i++) {
        put_u32(writer, schema->column_ids[i]);
    }
    end_action(writer, begin);
}

static void put_segment(field_writer *writer, const wendi_segment_entry *entry)
{
    size_t begin = begin_action(writer, ACTION_ADD_SEGMENT);
    put_bytes(writer, entry->uuid, WENDI_UUID_BYTES);
    put_u64(writer, entry->file_bytes);
    put_u64(writer, entry->footer_offset);
    put_u64(writer, entry->footer_checksum);
    put_u64(writer, entry->row_count);
    put_u64(writer, (uint64_t)entry->time_min);
    put_u64(writer, (uint64_t)entry->time_max);
    put_u64(writer, entry->user_hash_min);
    put_u64(writer, entry->user_hash_max);
    put_u64(writer, entry->null_user_rows);
    put_u64(writer, entry->commit_first);
    put_u64(writer, entry->commit_last);
    put_u32(writer, entry->ordinal);
    put_u32(writer, entry->level);
    end_action(writer, begin);
}

static void put_source(field_writer *writer, const wendi_source_state *source)
{
    size_t begin = begin_action(writer, ACTION_SOURCE);
    put_string(writer, source->topic);
    put_u32(writer, (uint32_t)source->partition);
    put_u32(writer, (uint32_t)source->leader_epoch);
    put_u64(writer, (uint64_t)source->next);
    put_u64(writer, source->fingerprint);
    put_string(writer, source->shown);
    put_u64(writer, (uint64_t)source->taken);
    put_u64(writer, (uint64_t)source->stored);
    put_u64(writer, (uint64_t)source->rejected);
    put_u64(writer, (uint64_t)source->deduplicated);
    put_u64(writer, (uint64_t)source->tombstones);
    put_u64(writer, (uint64_t)source->gap);
    end_action(writer, begin);
}

static void put_rejects(field_writer *writer, const wendi_reject_entry *rejects)
{
    size_t begin = begin_action(writer, ACTION_REJECTS);
    put_bytes(writer, rejects->uuid, WENDI_UUID_BYTES);
    put_u64(writer, rejects->file_bytes);
    put_u64(writer, rejects->checksum);
    put_u64(writer, rejects->row_count);
    put_u64(writer, rejects->commit);
    end_action(writer, begin);
}

static void put_key_file(field_writer *writer, const wendi_key_entry *entry)
{
    size_t begin = begin_action(writer, ACTION_KEY_FILE);
    put_bytes(writer, entry->uuid, WENDI_UUID_BYTES);
    put_u64(writer, entry->file_bytes);
    put_u64(writer, entry->checksum);
    put_u64(writer, entry->key_count);
    put_u64(writer, entry->commit_first);
    put_u64(writer, entry->commit_last);
    end_action(writer, begin);
}

static void put_uuid(field_writer *writer, uint32_t kind, const uint8_t uuid[WENDI_UUID_BYTES])
{
    size_t action = begin_action(writer, kind);
    put_bytes(writer, uuid, WENDI_UUID_BYTES);
    end_action(writer, action);
}

wend_status wendi_record_encode(const wendi_record *record, wendi_buffer *out, uint64_t *checksum)
{
    field_writer writer = {out, WEND_OK};
    size_t begin = out->length;
    put_u64(&writer, record_magic);
    put_u32(&writer, RECORD_VERSION);
    put_u32(&writer, record->kind);
    put_u64(&writer, record->version);
    put_u64(&writer, record->previous_checksum);
    put_u64(&writer, record->epoch);
    put_bytes(&writer, record->writer, WENDI_UUID_BYTES);
    put_u64(&writer, (uint64_t)record->commit_us);
    put_string(&writer, record->cluster_id);
    if (record->schema != NULL) {
        put_schema(&writer, record->schema);
    }
    for (uint32_t i = 0; i < record->dropped_segment_count; i++) {
        put_uuid(&writer, ACTION_DROP_SEGMENT, record->dropped_segments[i]);
    }
    for (uint32_t i = 0; i < record->added_segment_count; i++) {
        put_segment(&writer, &record->added_segments[i]);
    }
    for (uint32_t i = 0; i < record->source_count; i++) {
        put_source(&writer, &record->sources[i]);
    }
    for (uint32_t i = 0; i < record->dropped_reject_count; i++) {
        put_uuid(&writer, ACTION_DROP_REJECTS, record->dropped_rejects[i]);
    }
    for (uint32_t i = 0; i < record->reject_count; i++) {
        put_rejects(&writer, &record->rejects[i]);
    }
    for (uint32_t i = 0; i < record->dropped_key_file_count; i++) {
        put_uuid(&writer, ACTION_DROP_KEY_FILE, record->dropped_key_files[i]);
    }
    for (uint32_t i = 0; i < record->key_file_count; i++) {
        put_key_file(&writer, &record->key_files[i]);
    }
    if (writer.status == WEND_OK) {
        *checksum = wendi_hash64_seed(out->data + begin, out->length - begin, record->version);
        put_u64(&writer, *checksum);
    }
    return writer.status;
}

static void read_segment(wendi_reader *body, wendi_segment_entry *entry)
{
    const uint8_t *uuid = wendi_reader_bytes(body, WENDI_UUID_BYTES);
    if (uuid == NULL) {
        return;
    }
    memcpy(entry->uuid, uuid, WENDI_UUID_BYTES);
    entry->file_bytes = wendi_reader_u64(body);
    entry->footer_offset = wendi_reader_u64(body);
    entry->footer_checksum = wendi_reader_u64(body);
    entry->row_count = wendi_reader_u64(body);
    entry->time_min = (int64_t)wendi_reader_u64(body);
    entry->time_max = (int64_t)wendi_reader_u64(body);
    entry->user_hash_min = wendi_reader_u64(body);
    entry->user_hash_max = wendi_reader_u64(body);
    entry->null_user_rows = wendi_reader_u64(body);
    entry->commit_first = wendi_reader_u64(body);
    entry->commit_last = wendi_reader_u64(body);
    entry->ordinal = wendi_reader_u32(body);
    entry->level = wendi_reader_u32(body);
}

static void read_source(wendi_reader *body, wendi_source_state *source)
{
    source->topic = wendi_reader_string(body);
    source->partition = (int32_t)wendi_reader_u32(body);
    source->leader_epoch = (int32_t)wendi_reader_u32(body);
    source->next = (int64_t)wendi_reader_u64(body);
    source->fingerprint = wendi_reader_u64(body);
    source->shown = wendi_reader_string(body);
    source->taken = (int64_t)wendi_reader_u64(body);
    source->stored = (int64_t)wendi_reader_u64(body);
    source->rejected = (int64_t)wendi_reader_u64(body);
    source->deduplicated = (int64_t)wendi_reader_u64(body);
    source->tombstones = (int64_t)wendi_reader_u64(body);
    source->gap = (int64_t)wendi_reader_u64(body);
}

static void read_rejects(wendi_reader *body, wendi_reject_entry *rejects)
{
    const uint8_t *uuid = wendi_reader_bytes(body, WENDI_UUID_BYTES);
    if (uuid == NULL) {
        return;
    }
    memcpy(rejects->uuid, uuid, WENDI_UUID_BYTES);
    rejects->file_bytes = wendi_reader_u64(body);
    rejects->checksum = wendi_reader_u64(body);
    rejects->row_count = wendi_reader_u64(body);
    rejects->commit = wendi_reader_u64(body);
}

static wendi_schema_record *read_schema(wendi_reader *body, wendi_arena *arena)
{
    wendi_schema_record *schema = wendi_arena_alloc_zero(arena, sizeof *schema);
    if (schema == NULL) {
        return NULL;
    }
    schema->ddl = wendi_reader_string(body);
    schema->next_column_id = wendi_reader_u32(body);
    schema->column_count = wendi_reader_u32(body);
    if (schema->column_count > wendi_reader_left(body) / 4) {
        body->failed = true;
        return schema;
    }
    schema->column_ids =
        wendi_arena_alloc(arena, schema->column_count * sizeof *schema->column_ids);
    for (uint32_t i = 0; schema->column_ids != NULL && i < schema->column_count; i++) {
        schema->column_ids[i] = wendi_reader_u32(body);
    }
    return schema->column_ids == NULL ? NULL : schema;
}

/* Where decoded actions go: arrays in the arena, each long enough for every action of the record.
 */
typedef struct action_arrays {
    wendi_schema_record *schema;
    wendi_segment_entry *segments;
    uint8_t (*drops)[WENDI_UUID_BYTES];
    wendi_source_state *sources;
    wendi_reject_entry *rejects;
    wendi_key_entry *key_files;
    uint8_t (*key_drops)[WENDI_UUID_BYTES];
    uint8_t (*reject_drops)[WENDI_UUID_BYTES];
} action_arrays;

static void count_actions(wendi_reader actions, wendi_record *record)
{
    while (!actions.failed && wendi_reader_left(&actions) > 0) {
        uint32_t kind = wendi_reader_u32(&actions);
        uint32_t bytes = wendi_reader_u32(&actions);
        wendi_reader_bytes(&actions, bytes);
        record->added_segment_count += kind == ACTION_ADD_SEGMENT;
        record->dropped_segment_count += kind == ACTION_DROP_SEGMENT;
        record->source_count += kind == ACTION_SOURCE;
        record->reject_count += kind == ACTION_REJECTS;
        record->key_file_count += kind == ACTION_KEY_FILE;
        record->dropped_key_file_count += kind == ACTION_DROP_KEY_FILE;
        record->dropped_reject_count += kind == ACTION_DROP_REJECTS;
    }
}

static void read_key_file(wendi_reader *body, wendi_key_entry *entry)
{
    const uint8_t *uuid = wendi_reader_bytes(body, WENDI_UUID_BYTES);
    if (uuid == NULL) {
        return;
    }
    memcpy(entry->uuid, uuid, WENDI_UUID_BYTES);
    entry->file_bytes = wendi_reader_u64(body);
    entry->checksum = wendi_reader_u64(body);
    entry->key_count = wendi_reader_u64(body);
    entry->commit_first = wendi_reader_u64(body);
    entry->commit_last = wendi_reader_u64(body);
}

static void read_uuid(wendi_reader *body, uint8_t uuid[WENDI_UUID_BYTES])
{
    const uint8_t *bytes = wendi_reader_bytes(body, WENDI_UUID_BYTES);
    if (bytes != NULL) {
        memcpy(uuid, bytes, WENDI_UUID_BYTES);
    }
}

static wend_status read_action(uint32_t kind, wendi_reader *body, wendi_arena *arena,
                               action_arrays *arrays, wend_error *error)
{
    switch (kind) {
    case ACTION_SCHEMA:
        arrays->schema = read_schema(body, arena);
        if (arrays->schema == NULL) {
            return wendi_fail_nomem(error, "a schema", wendi_reader_left(body));
        }
        break;
    case ACTION_ADD_SEGMENT:
        read_segment(body, arrays->segments++);
        break;
    case ACTION_DROP_SEGMENT:
        read_uuid(body, *arrays->drops++);
        break;
    case ACTION_SOURCE:
        read_source(body, arrays->sources++);
        break;
    case ACTION_REJECTS:
        read_rejects(body, arrays->rejects++);
        break;
    case ACTION_KEY_FILE:
        read_key_file(body, arrays->key_files++);
        break;
    case ACTION_DROP_KEY_FILE:
        read_uuid(body, *arrays->key_drops++);
        break;
    case ACTION_DROP_REJECTS:
        read_uuid(body, *arrays->reject_drops++);
        break;
    default:
        wendi_fail(error, WEND_UNSUPPORTED,
                   "the record holds action %u, which this version does not know", kind);
        wendi_error_hint(error, "a newer wend wrote this table; use that version");
        return WEND_UNSUPPORTED;
    }
    if (body->failed || wendi_reader_left(body) != 0) {
        return wendi_fail(error, WEND_CORRUPT, "action %u of the record has a wrong length", kind);
    }
    return WEND_OK;
}

static wend_status read_actions(wendi_reader *reader, wendi_arena *arena, wendi_record *record,
                                wend_error *error)
{
    count_actions(*reader, record);
    action_arrays arrays = {
        .segments = wendi_arena_alloc_zero(arena, record->added_segment_count *
                                                      sizeof(wendi_segment_entry)),
        .drops =
            wendi_arena_alloc_zero(arena, record->dropped_segment_count * (size_t)WENDI_UUID_BYTES),
        .sources = wendi_arena_alloc_zero(arena, record->source_count * sizeof(wendi_source_state)),
        .rejects =
            wendi_arena_alloc_zero(arena, record->reject_count * sizeof(wendi_reject_entry)),
        .key_files =
            wendi_arena_alloc_zero(arena, record->key_file_count * sizeof(wendi_key_entry)),
        .key_drops = wendi_arena_alloc_zero(arena, record->dropped_key_file_count *
                                                       (size_t)WENDI_UUID_BYTES),
        .reject_drops = wendi_arena_alloc_zero(arena, record->dropped_reject_count *
                                                          (size_t)WENDI_UUID_BYTES)};
    if (arrays.segments == NULL || arrays.drops == NULL || arrays.sources == NULL ||
        arrays.rejects == NULL || arrays.key_files == NULL || arrays.key_drops == NULL ||
        arrays.reject_drops == NULL) {
        return wendi_fail_nomem(error, "a commit record", wendi_reader_left(reader));
    }
    record->added_segments = arrays.segments;
    record->dropped_segments = (const uint8_t(*)[WENDI_UUID_BYTES])arrays.drops;
    record->sources = arrays.sources;
    record->rejects = arrays.rejects;
    record->key_files = arrays.key_files;
    record->dropped_key_files = (const uint8_t(*)[WENDI_UUID_BYTES])arrays.key_drops;
    record->dropped_rejects = (const uint8_t(*)[WENDI_UUID_BYTES])arrays.reject_drops;
    while (wendi_reader_left(reader) > 0) {
        uint32_t kind = wendi_reader_u32(reader);
        uint32_t length = wendi_reader_u32(reader);
        const uint8_t *bytes = wendi_reader_bytes(reader, length);
        if (bytes == NULL) {
            return wendi_fail(error, WEND_CORRUPT, "an action of the record ends beyond it");
        }
        wendi_reader body = wendi_reader_of(bytes, length);
        wend_status status = read_action(kind, &body, arena, &arrays, error);
        if (status != WEND_OK) {
            return status;
        }
    }
    record->schema = arrays.schema;
    return WEND_OK;
}

wend_status wendi_record_decode(const void *bytes, size_t length, wendi_record_kind kind,
                                uint64_t version, wendi_arena *arena, wendi_record *record,
                                uint64_t *checksum, wend_error *error)
{
    memset(record, 0, sizeof *record);
    if (length < RECORD_FIXED_BYTES) {
        return wendi_fail(error, WEND_CORRUPT,
                          "the record has %zu bytes, fewer than any record has", length);
    }
    size_t covered = length - CHECKSUM_BYTES;
    *checksum = wendi_load_u64((const uint8_t *)bytes + covered);
    if (*checksum != wendi_hash64_seed(bytes, covered, version)) {
        return wendi_fail(error, WEND_CORRUPT, "the record's checksum does not match its %zu bytes",
                          length);
    }
    char *copy = wendi_arena_copy(arena, bytes, covered);
    if (copy == NULL) {
        return wendi_fail_nomem(error, "a commit record", covered);
    }
    wendi_reader reader = wendi_reader_of(copy, covered);
    if (wendi_reader_u64(&reader) != record_magic) {
        return wendi_fail(error, WEND_CORRUPT, "the record does not begin with the log's magic");
    }
    uint32_t format = wendi_reader_u32(&reader);
    if (format != RECORD_VERSION) {
        return wendi_fail(error, WEND_UNSUPPORTED,
                          "the record has format %u; this version reads %d", format,
                          RECORD_VERSION);
    }
    uint32_t kind_there = wendi_reader_u32(&reader);
    record->version = wendi_reader_u64(&reader);
    if (kind_there != (uint32_t)kind || record->version != version) {
        return wendi_fail(error, WEND_CORRUPT,
                          "the record is of kind %u and number %llu, its name says otherwise",
                          kind_there, (unsigned long long)record->version);
    }
    record->kind = (uint8_t)kind;
    record->previous_checksum = wendi_reader_u64(&reader);
    record->epoch = wendi_reader_u64(&reader);
    const uint8_t *writer = wendi_reader_bytes(&reader, WENDI_UUID_BYTES);
    if (writer != NULL) {
        memcpy(record->writer, writer, WENDI_UUID_BYTES);
    }
    record->commit_us = (int64_t)wendi_reader_u64(&reader);
    record->cluster_id = wendi_reader_string(&reader);
    if (reader.failed) {
        return wendi_fail(error, WEND_CORRUPT, "the record's fixed part is cut short");
    }
    return read_actions(&reader, arena, record, error);
}
