/* Records made up of random fields, with the extremes more often than chance would have them. */
#include "tests/support/record_cases.h"

#include <string.h>

#include "tests/support/segment_fixture.h"

static uint64_t random_number(uint64_t *random)
{
    static const uint64_t extremes[] = {0, 1, UINT64_MAX, INT64_MAX, UINT64_C(1) << 63};
    uint64_t choice = random_below(random, 10);
    return choice < 5 ? extremes[choice] : random_next(random);
}

static void random_bytes(uint64_t *random, uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        bytes[i] = (uint8_t)random_next(random);
    }
}

static wendi_string random_text(wendi_arena *arena, uint64_t *random)
{
    char text[40];
    uint32_t length = (uint32_t)random_below(random, sizeof text);
    random_bytes(random, (uint8_t *)text, length);
    return (wendi_string){wendi_arena_copy(arena, text, length), length};
}

static wendi_segment_entry *make_segments(wendi_arena *arena, uint64_t *random, uint32_t count)
{
    wendi_segment_entry *entries = wendi_arena_alloc_zero(arena, count * sizeof *entries);
    for (uint32_t i = 0; i < count; i++) {
        random_bytes(random, entries[i].uuid, WENDI_UUID_BYTES);
        entries[i].file_bytes = random_number(random);
        entries[i].footer_offset = random_number(random);
        entries[i].footer_checksum = random_number(random);
        entries[i].row_count = random_number(random);
        entries[i].time_min = (int64_t)random_number(random);
        entries[i].time_max = (int64_t)random_number(random);
        entries[i].user_hash_min = random_number(random);
        entries[i].user_hash_max = random_number(random);
        entries[i].null_user_rows = random_number(random);
        entries[i].commit_first = random_number(random);
        entries[i].commit_last = random_number(random);
        entries[i].ordinal = (uint32_t)random_number(random);
        entries[i].level = (uint32_t)random_number(random);
    }
    return entries;
}

static wendi_source_state *make_sources(wendi_arena *arena, uint64_t *random, uint32_t count)
{
    wendi_source_state *sources = wendi_arena_alloc_zero(arena, count * sizeof *sources);
    for (uint32_t i = 0; i < count; i++) {
        sources[i].topic = random_text(arena, random);
        sources[i].partition = (int32_t)i; /* one record never moves a source twice */
        sources[i].leader_epoch = (int32_t)random_number(random);
        sources[i].next = (int64_t)random_number(random);
        sources[i].fingerprint = random_number(random);
        sources[i].shown = random_text(arena, random);
        sources[i].taken = (int64_t)random_number(random);
        sources[i].stored = (int64_t)random_number(random);
        sources[i].rejected = (int64_t)random_number(random);
        sources[i].deduplicated = (int64_t)random_number(random);
        sources[i].tombstones = (int64_t)random_number(random);
        sources[i].gap = (int64_t)random_number(random);
    }
    return sources;
}

static wendi_schema_record *make_schema(wendi_arena *arena, uint64_t *random)
{
    wendi_schema_record *schema = wendi_arena_alloc_zero(arena, sizeof *schema);
    schema->ddl = random_text(arena, random);
    schema->column_count = (uint32_t)random_below(random, 6);
    schema->next_column_id = (uint32_t)random_number(random);
    schema->column_ids = wendi_arena_alloc(arena, schema->column_count * sizeof(uint32_t));
    for (uint32_t i = 0; i < schema->column_count; i++) {
        schema->column_ids[i] = (uint32_t)random_number(random);
    }
    return schema;
}

static void make_rejects(wendi_arena *arena, uint64_t *random, wendi_record *record)
{
    record->reject_count = (uint32_t)random_below(random, 3);
    wendi_reject_entry *rejects =
        wendi_arena_alloc_zero(arena, record->reject_count * sizeof *rejects);
    for (uint32_t i = 0; i < record->reject_count; i++) {
        random_bytes(random, rejects[i].uuid, WENDI_UUID_BYTES);
        rejects[i].file_bytes = random_number(random);
        rejects[i].checksum = random_number(random);
        rejects[i].row_count = random_number(random);
        rejects[i].commit = random_number(random);
    }
    record->rejects = rejects;
    record->dropped_reject_count = (uint32_t)random_below(random, 3);
    size_t bytes = record->dropped_reject_count * (size_t)WENDI_UUID_BYTES;
    uint8_t *drops = wendi_arena_alloc(arena, bytes);
    random_bytes(random, drops, bytes);
    record->dropped_rejects = (const uint8_t(*)[WENDI_UUID_BYTES])(void *)drops;
}

static void make_key_files(wendi_arena *arena, uint64_t *random, wendi_record *record)
{
    record->key_file_count = (uint32_t)random_below(random, 3);
    wendi_key_entry *files = wendi_arena_alloc_zero(arena, record->key_file_count * sizeof *files);
    for (uint32_t i = 0; i < record->key_file_count; i++) {
        random_bytes(random, files[i].uuid, WENDI_UUID_BYTES);
        files[i].file_bytes = random_number(random);
        files[i].checksum = random_number(random);
        files[i].key_count = random_number(random);
        files[i].commit_first = random_number(random);
        files[i].commit_last = random_number(random);
    }
    record->key_files = files;
    record->dropped_key_file_count = (uint32_t)random_below(random, 3);
    size_t bytes = record->dropped_key_file_count * (size_t)WENDI_UUID_BYTES;
    uint8_t *drops = wendi_arena_alloc(arena, bytes);
    random_bytes(random, drops, bytes);
    record->dropped_key_files = (const uint8_t(*)[WENDI_UUID_BYTES])(void *)drops;
}

wendi_record record_make(wendi_arena *arena, uint64_t *random, wendi_record_kind kind,
                         uint64_t version)
{
    wendi_record record = {.kind = (uint8_t)kind,
                           .version = version,
                           .previous_checksum = random_number(random),
                           .epoch = random_number(random),
                           .commit_us = (int64_t)random_number(random)};
    random_bytes(random, record.writer, WENDI_UUID_BYTES);
    record.cluster_id = random_text(arena, random);
    if (random_below(random, 2) == 0) {
        record.schema = make_schema(arena, random);
    }
    record.added_segment_count = (uint32_t)random_below(random, 4);
    record.added_segments = make_segments(arena, random, record.added_segment_count);
    record.dropped_segment_count = (uint32_t)random_below(random, 3);
    uint8_t *drops =
        wendi_arena_alloc(arena, record.dropped_segment_count * (size_t)WENDI_UUID_BYTES);
    random_bytes(random, drops, record.dropped_segment_count * (size_t)WENDI_UUID_BYTES);
    record.dropped_segments = (const uint8_t(*)[WENDI_UUID_BYTES])(void *)drops;
    record.source_count = (uint32_t)random_below(random, 4);
    record.sources = make_sources(arena, random, record.source_count);
    make_rejects(arena, random, &record);
    make_key_files(arena, random, &record);
    return record;
}

static bool segments_equal(const wendi_segment_entry *a, const wendi_segment_entry *b)
{
    return memcmp(a->uuid, b->uuid, WENDI_UUID_BYTES) == 0 && a->file_bytes == b->file_bytes &&
           a->footer_offset == b->footer_offset && a->footer_checksum == b->footer_checksum &&
           a->row_count == b->row_count && a->time_min == b->time_min &&
           a->time_max == b->time_max && a->user_hash_min == b->user_hash_min &&
           a->user_hash_max == b->user_hash_max && a->null_user_rows == b->null_user_rows &&
           a->commit_first == b->commit_first && a->commit_last == b->commit_last &&
           a->ordinal == b->ordinal && a->level == b->level;
}

static bool sources_equal(const wendi_source_state *a, const wendi_source_state *b)
{
    return wendi_string_equal(a->topic, b->topic) && a->partition == b->partition &&
           a->leader_epoch == b->leader_epoch && a->next == b->next &&
           a->fingerprint == b->fingerprint && wendi_string_equal(a->shown, b->shown) &&
           a->taken == b->taken && a->stored == b->stored && a->rejected == b->rejected &&
           a->deduplicated == b->deduplicated && a->tombstones == b->tombstones && a->gap == b->gap;
}

static bool rejects_equal(const wendi_reject_entry *a, const wendi_reject_entry *b)
{
    return memcmp(a->uuid, b->uuid, WENDI_UUID_BYTES) == 0 && a->file_bytes == b->file_bytes &&
           a->checksum == b->checksum && a->row_count == b->row_count && a->commit == b->commit;
}

static bool key_files_equal(const wendi_record *a, const wendi_record *b)
{
    bool equal = a->key_file_count == b->key_file_count &&
                 a->dropped_key_file_count == b->dropped_key_file_count;
    for (uint32_t i = 0; equal && i < a->key_file_count; i++) {
        const wendi_key_entry *x = &a->key_files[i];
        const wendi_key_entry *y = &b->key_files[i];
        equal = memcmp(x->uuid, y->uuid, WENDI_UUID_BYTES) == 0 && x->file_bytes == y->file_bytes &&
                x->checksum == y->checksum && x->key_count == y->key_count &&
                x->commit_first == y->commit_first && x->commit_last == y->commit_last;
    }
    for (uint32_t i = 0; equal && i < a->dropped_key_file_count; i++) {
        equal = memcmp(a->dropped_key_files[i], b->dropped_key_files[i], WENDI_UUID_BYTES) == 0;
    }
    return equal;
}

static bool schemas_equal(const wendi_schema_record *a, const wendi_schema_record *b)
{
    if (a == NULL || b == NULL) {
        return a == b;
    }
    return wendi_string_equal(a->ddl, b->ddl) && a->next_column_id == b->next_column_id &&
           a->column_count == b->column_count &&
           (a->column_count == 0 ||
            memcmp(a->column_ids, b->column_ids, a->column_count * sizeof *a->column_ids) == 0);
}

bool records_equal(const wendi_record *a, const wendi_record *b)
{
    bool equal = a->kind == b->kind && a->version == b->version &&
                 a->previous_checksum == b->previous_checksum && a->epoch == b->epoch &&
                 memcmp(a->writer, b->writer, WENDI_UUID_BYTES) == 0 &&
                 a->commit_us == b->commit_us && wendi_string_equal(a->cluster_id, b->cluster_id) &&
                 schemas_equal(a->schema, b->schema) &&
                 a->added_segment_count == b->added_segment_count &&
                 a->dropped_segment_count == b->dropped_segment_count &&
                 a->source_count == b->source_count && a->reject_count == b->reject_count &&
                 a->dropped_reject_count == b->dropped_reject_count;
    for (uint32_t i = 0; equal && i < a->added_segment_count; i++) {
        equal = segments_equal(&a->added_segments[i], &b->added_segments[i]);
    }
    for (uint32_t i = 0; equal && i < a->dropped_segment_count; i++) {
        equal = memcmp(a->dropped_segments[i], b->dropped_segments[i], WENDI_UUID_BYTES) == 0;
    }
    for (uint32_t i = 0; equal && i < a->source_count; i++) {
        equal = sources_equal(&a->sources[i], &b->sources[i]);
    }
    for (uint32_t i = 0; equal && i < a->reject_count; i++) {
        equal = rejects_equal(&a->rejects[i], &b->rejects[i]);
    }
    for (uint32_t i = 0; equal && i < a->dropped_reject_count; i++) {
        equal = memcmp(a->dropped_rejects[i], b->dropped_rejects[i], WENDI_UUID_BYTES) == 0;
    }
    return equal && key_files_equal(a, b);
}

bool states_equal(const wendi_owned_state *left, const wendi_owned_state *right)
{
    wendi_record a = wendi_state_checkpoint(left);
    wendi_record b = wendi_state_checkpoint(right);
    return records_equal(&a, &b);
}
