/*
 * Replaying records into states. A state is a value: applying a record copies what stays and leaves
 * the previous state untouched, so that snapshots may keep it.
 */
#include "engine/table/table_state.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "engine/base/clock.h"
#include "engine/base/hash.h"

void wendi_uuid_make(uint8_t uuid[WENDI_UUID_BYTES])
{
    if (getrandom(uuid, WENDI_UUID_BYTES, 0) != WENDI_UUID_BYTES) { /* never, for so few bytes */
        wendi_require_failed("getrandom", __FILE__, __LINE__);
    }
    uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x40);
    uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
}

const char *wendi_uuid_text(const uint8_t uuid[WENDI_UUID_BYTES], char *text)
{
    static const char digits[] = "0123456789abcdef";
    char *at = text;
    for (int i = 0; i < WENDI_UUID_BYTES; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *at++ = '-';
        }
        *at++ = digits[uuid[i] >> 4];
        *at++ = digits[uuid[i] & 15];
    }
    *at = '\0';
    return text;
}

const wendi_source_state *wendi_state_source(const wendi_table_state *state, wendi_string topic,
                                             int32_t partition)
{
    for (uint32_t i = 0; i < state->source_count; i++) {
        if (state->sources[i].partition == partition &&
            wendi_string_equal(state->sources[i].topic, topic)) {
            return &state->sources[i];
        }
    }
    return NULL;
}

static bool copy_string(wendi_arena *arena, wendi_string *text)
{
    char *copy = wendi_arena_copy(arena, text->data, text->length);
    text->data = copy;
    return copy != NULL;
}

/* Is `uuid` among those that a record drops? */
static bool is_dropped(const uint8_t (*dropped)[WENDI_UUID_BYTES], uint32_t count,
                       const uint8_t uuid[WENDI_UUID_BYTES])
{
    for (uint32_t i = 0; i < count; i++) {
        if (memcmp(dropped[i], uuid, WENDI_UUID_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

/* Put a segment behind all whose last commit is not later than its own: what ingest adds comes last,
 * what was merged stands where its newest input stood. */
static void insert_segment(wendi_segment_entry *segments, uint32_t count,
                           const wendi_segment_entry *added)
{
    uint32_t at = count;
    while (at > 0 && segments[at - 1].commit_last > added->commit_last) {
        at--;
    }
    memmove(segments + at + 1, segments + at, (count - at) * sizeof *segments);
    segments[at] = *added;
}

static wend_status apply_segments(const wendi_table_state *before, const wendi_record *record,
                                  wendi_owned_state *next, wend_error *error)
{
    size_t most = (size_t)before->segment_count + record->added_segment_count;
    wendi_segment_entry *segments = wendi_arena_alloc(&next->arena, most * sizeof *segments);
    if (segments == NULL) {
        return wendi_fail_nomem(error, "the list of segments", most * sizeof *segments);
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < before->segment_count; i++) {
        if (!is_dropped(record->dropped_segments, record->dropped_segment_count,
                        before->segments[i].uuid)) {
            segments[count++] = before->segments[i];
        }
    }
    if (before->segment_count - count != record->dropped_segment_count) {
        return wendi_fail(error, WEND_CORRUPT,
                          "commit %llu drops a segment that the table does not have",
                          (unsigned long long)record->version);
    }
    for (uint32_t i = 0; i < record->added_segment_count; i++) {
        insert_segment(segments, count++, &record->added_segments[i]);
    }
    next->state.segments = segments;
    next->state.segment_count = count;
    return WEND_OK;
}

static wend_status apply_sources(const wendi_table_state *before, const wendi_record *record,
                                 wendi_owned_state *next, wend_error *error)
{
    size_t most = (size_t)before->source_count + record->source_count;
    wendi_source_state *sources = wendi_arena_alloc(&next->arena, most * sizeof *sources);
    if (sources == NULL) {
        return wendi_fail_nomem(error, "the list of sources", most * sizeof *sources);
    }
    if (before->source_count != 0) {
        memcpy(sources, before->sources, before->source_count * sizeof *sources);
    }
    next->state.sources = sources;
    next->state.source_count = before->source_count;
    for (uint32_t i = 0; i < record->source_count; i++) {
        const wendi_source_state *moved = &record->sources[i];
        const wendi_source_state *known =
            wendi_state_source(&next->state, moved->topic, moved->partition);
        uint32_t place = known != NULL ? (uint32_t)(known - sources) : next->state.source_count++;
        sources[place] = *moved;
    }
    for (uint32_t i = 0; i < next->state.source_count; i++) {
        if (!copy_string(&next->arena, &sources[i].topic) ||
            !copy_string(&next->arena, &sources[i].shown)) {
            return wendi_fail_nomem(error, "the names of sources", 0);
        }
    }
    return WEND_OK;
}

static wend_status apply_rejects(const wendi_table_state *before, const wendi_record *record,
                                 wendi_owned_state *next, wend_error *error)
{
    size_t most = (size_t)before->reject_count + record->reject_count;
    wendi_reject_entry *rejects = wendi_arena_alloc(&next->arena, most * sizeof *rejects);
    if (rejects == NULL) {
        return wendi_fail_nomem(error, "the list of reject files", most * sizeof *rejects);
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < before->reject_count; i++) {
        if (!is_dropped(record->dropped_rejects, record->dropped_reject_count,
                        before->rejects[i].uuid)) {
            rejects[count++] = before->rejects[i];
        }
    }
    if (before->reject_count - count != record->dropped_reject_count) {
        return wendi_fail(error, WEND_CORRUPT,
                          "commit %llu drops a reject file that the table does not have",
                          (unsigned long long)record->version);
    }
    if (record->reject_count != 0) {
        memcpy(rejects + count, record->rejects, record->reject_count * sizeof *rejects);
    }
    next->state.rejects = rejects;
    next->state.reject_count = count + record->reject_count;
    return WEND_OK;
}

static wend_status apply_key_files(const wendi_table_state *before, const wendi_record *record,
                                   wendi_owned_state *next, wend_error *error)
{
    size_t most = (size_t)before->key_file_count + record->key_file_count;
    wendi_key_entry *files = wendi_arena_alloc(&next->arena, most * sizeof *files);
    uint32_t count = 0;
    if (files == NULL) {
        return wendi_fail_nomem(error, "the list of key files", most * sizeof *files);
    }
    for (uint32_t i = 0; i < before->key_file_count; i++) {
        if (!is_dropped(record->dropped_key_files, record->dropped_key_file_count,
                        before->key_files[i].uuid)) {
            files[count++] = before->key_files[i];
        }
    }
    if (before->key_file_count - count != record->dropped_key_file_count) {
        return wendi_fail(error, WEND_CORRUPT,
                          "commit %llu drops a key file that the table does not have",
                          (unsigned long long)record->version);
    }
    if (record->key_file_count != 0) {
        memcpy(files + count, record->key_files, record->key_file_count * sizeof *files);
    }
    next->state.key_files = files;
    next->state.key_file_count = count + record->key_file_count;
    return WEND_OK;
}

static wend_status apply_schema(const wendi_owned_state *previous, const wendi_record *record,
                                wendi_owned_state *next, wend_error *error)
{
    const wendi_schema_record *schema = record->schema != NULL ? record->schema : &previous->schema;
    size_t bytes = schema->column_count * sizeof *schema->column_ids;
    next->schema = *schema;
    next->schema.column_ids = wendi_arena_alloc(&next->arena, bytes);
    if (next->schema.column_ids == NULL || !copy_string(&next->arena, &next->schema.ddl)) {
        return wendi_fail_nomem(error, "the schema", bytes);
    }
    if (bytes != 0) {
        memcpy(next->schema.column_ids, schema->column_ids, bytes);
    }
    return WEND_OK;
}

wend_status wendi_state_apply(const wendi_owned_state *previous, const wendi_record *record,
                              uint64_t checksum, wendi_owned_state *next, wend_error *error)
{
    static const wendi_owned_state empty;
    wend_status status = WEND_OK;
    if (previous == NULL) {
        previous = &empty;
    }
    memset(next, 0, sizeof *next);
    wendi_arena_init(&next->arena, 4096);
    next->state.version = record->version;
    next->state.epoch = record->epoch;
    next->state.commit_us = record->commit_us;
    next->state.cluster_id =
        record->cluster_id.length != 0 ? record->cluster_id : previous->state.cluster_id;
    next->head_checksum =
        record->kind == WENDI_RECORD_CHECKPOINT ? record->previous_checksum : checksum;
    if (!copy_string(&next->arena, &next->state.cluster_id)) {
        WEND_TRY(wendi_fail_nomem(error, "the cluster's name", next->state.cluster_id.length));
    }
    WEND_TRY(apply_schema(previous, record, next, error));
    WEND_TRY(apply_segments(&previous->state, record, next, error));
    WEND_TRY(apply_sources(&previous->state, record, next, error));
    WEND_TRY(apply_rejects(&previous->state, record, next, error));
    WEND_TRY(apply_key_files(&previous->state, record, next, error));
cleanup:
    if (status != WEND_OK) {
        wendi_state_free(next);
    }
    return status;
}

wendi_record wendi_state_checkpoint(const wendi_owned_state *owned)
{
    const wendi_table_state *state = &owned->state;
    return (wendi_record){.kind = WENDI_RECORD_CHECKPOINT,
                          .version = state->version,
                          .previous_checksum = owned->head_checksum,
                          .epoch = state->epoch,
                          .commit_us = state->commit_us,
                          .cluster_id = state->cluster_id,
                          .schema = &owned->schema,
                          .added_segments = state->segments,
                          .added_segment_count = state->segment_count,
                          .sources = state->sources,
                          .source_count = state->source_count,
                          .rejects = state->rejects,
                          .reject_count = state->reject_count,
                          .key_files = state->key_files,
                          .key_file_count = state->key_file_count};
}

void wendi_state_free(wendi_owned_state *owned)
{
    wendi_arena_free(&owned->arena);
    memset(owned, 0, sizeof *owned);
}
