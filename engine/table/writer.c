/*
 * The writer's life: lock, epoch, flushes, commits, requests. Invariants: what `snapshot` says is
 * what the newest record of the log says; the window holds exactly the keys of committed rows and
 * of rows accepted since. What it does for UNIQUE is in writer_unique.c.
 */
#include "engine/table/writer_state.h"

#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/clock.h"
#include "engine/base/compress.h"
#include "engine/base/hash.h"
#include "engine/expr/table_ddl.h"
#include "engine/table/requests.h"
#include "engine/table/table_sweep.h"

enum { REJECT_ZSTD_LEVEL = 3 };

/* ---- records ---- */

/* Publish a record that changes the state, and step the writer's snapshot onto it. */
static wend_status publish(wendi_table_writer *writer, wendi_record *record, wend_error *error)
{
    wendi_table *table = writer->table;
    const wendi_owned_state *before = &writer->snapshot->owned;
    wendi_owned_state after;
    wendi_snapshot *snapshot = NULL;
    uint64_t checksum;
    wend_status status = WEND_OK;

    if (writer->failed) {
        wendi_fail(error, WEND_IO, "%s: an earlier commit of this writer failed", table->folder);
        wendi_error_hint(error, "open the table anew: what was committed is there");
        return WEND_IO;
    }
    record->kind = WENDI_RECORD_COMMIT;
    record->version = before->state.version + 1;
    record->previous_checksum = before->head_checksum;
    record->epoch = writer->epoch;
    record->commit_us = wendi_clock_wall_us();
    memcpy(record->writer, writer->uuid, WENDI_UUID_BYTES);
    WEND_TRY(wendi_log_publish(table->io, table->folder, record, &checksum, error));
    WEND_TRY(wendi_state_apply(before, record, checksum, &after, error));
    WEND_TRY(wendi_snapshot_make(table, &after, writer->snapshot, &snapshot, error));
    const wendi_schema *schema = wendi_snapshot_arrival_schema(snapshot);
    if (schema != writer->schema) { /* else left alone: other threads may read it */
        writer->schema = schema;
    }
    pthread_mutex_lock(&writer->lock);
    wendi_snapshot *replaced = writer->snapshot;
    writer->snapshot = snapshot;
    pthread_mutex_unlock(&writer->lock);
    wendi_snapshot_release(replaced);
    wendi_table_set_newest(table, wendi_snapshot_acquire(snapshot));
    if (record->version % WENDI_CHECKPOINT_COMMITS == 0) {
        WEND_TRY(wendi_log_checkpoint(table->io, table->folder, &snapshot->owned, record->commit_us,
                                      error));
    }
cleanup:
    writer->failed = status != WEND_OK;
    return status;
}

/* ---- open and close ---- */

wend_status wendi_table_writer_open(wendi_table *table, const wendi_writer_options *options,
                                    wendi_table_writer **writer_out, wend_error *error)
{
    char lock_path[WENDI_PATH_BYTES];
    wendi_record epoch_commit = {0};
    wend_status status = WEND_OK;
    wendi_table_writer *writer = wendi_alloc_zero(1, sizeof *writer);
    *writer_out = NULL;
    if (writer == NULL) {
        return wendi_fail_nomem(error, "a table's writer", sizeof *writer);
    }
    pthread_mutex_init(&writer->lock, NULL);
    writer->table = table;
    writer->options = options != NULL ? *options : (wendi_writer_options){0};
    wendi_flush_shelf_init(&writer->shelf, writer->options.flush_memory_bytes);
    wendi_uuid_make(writer->uuid);
    WEND_TRY(wendi_table_path(lock_path, table->folder, "LOCK", "", error));
    WEND_TRY(wendi_io_lock_acquire(table->io, lock_path, &writer->table_lock, error));
    WEND_TRY(wendi_table_snapshot(table, &writer->snapshot, error));
    writer->epoch = writer->snapshot->owned.state.epoch + 1;
    WEND_TRY(publish(writer, &epoch_commit, error));
    WEND_TRY(
        wendi_table_sweep(table->io, table->folder, wendi_snapshot_state(writer->snapshot), error));
    WEND_TRY(wendi_writer_open_window(writer, error));
    *writer_out = writer;
    writer = NULL;
cleanup:
    wendi_table_writer_close(writer);
    return status;
}

static void free_pending(wendi_pending_segment *pending)
{
    wendi_buffer_free(&pending->repeats);
    wendi_free(pending);
}

static void remove_pending(wendi_table_writer *writer, wendi_pending_segment *pending)
{
    char path[WENDI_PATH_BYTES];
    if (pending->entry.row_count != 0 &&
        wendi_table_uuid_path(path, writer->table->folder, "seg", pending->entry.uuid, ".wseg",
                              NULL) == WEND_OK) {
        (void)wendi_io_unlink(writer->table->io, path, NULL); /* what stays is swept later */
    }
    free_pending(pending);
}

void wendi_table_writer_close(wendi_table_writer *writer)
{
    if (writer == NULL) {
        return;
    }
    while (writer->pending != NULL) {
        wendi_pending_segment *pending = writer->pending;
        writer->pending = pending->next;
        remove_pending(writer, pending);
    }
    while (writer->batches != NULL) {
        wendi_open_batch *batch = writer->batches;
        writer->batches = batch->next;
        wendi_free(batch);
    }
    wendi_retired_keys_free(&writer->retired_keys);
    wendi_unique_window_close(writer->window);
    wendi_snapshot_release(writer->snapshot);
    wendi_snapshot_release(writer->retired);
    wendi_io_lock_release(writer->table_lock);
    pthread_mutex_destroy(&writer->lock);
    wendi_flush_shelf_free(&writer->shelf);
    wendi_free(writer);
}

const wendi_schema *wendi_table_writer_schema(const wendi_table_writer *writer)
{
    return writer->schema;
}

const wendi_table_state *wendi_table_writer_state(const wendi_table_writer *writer)
{
    return wendi_snapshot_state(writer->snapshot);
}

wendi_snapshot *wendi_table_writer_snapshot(wendi_table_writer *writer)
{
    return writer->snapshot;
}

/* ---- flush and commit ---- */

wend_status wendi_table_writer_flush(wendi_table_writer *writer, wendi_row_builder *builder,
                                     wendi_pending_segment **pending_out, wend_error *error)
{
    *pending_out = NULL;
    wendi_pending_segment *pending = wendi_alloc_zero(1, sizeof *pending);
    if (pending == NULL) {
        return wendi_fail_nomem(error, "a pending segment", sizeof *pending);
    }
    /* All rows of the builder were compared with what the window holds now and with what has come
     * since: only commits that have left it by now are looked at, all of which the snapshot has. */
    pthread_mutex_lock(&writer->lock);
    pending->batch = wendi_writer_end_batch(writer, builder);
    wendi_repeat_filter filter = {
        .writer = writer,
        .pending = pending,
        .snapshot = wendi_snapshot_acquire(writer->snapshot),
        .covered_from = writer->window == NULL ? 0 : wendi_unique_window_oldest(writer->window)};
    pthread_mutex_unlock(&writer->lock);
    wend_status status = WEND_OK;
    if (builder->row_count != 0) {
        wendi_flush_filter hook = {wendi_writer_drop_repeats, &filter};
        status = wendi_segment_flush(writer->table->io, writer->table->folder, builder,
                                     writer->window == NULL ? NULL : &hook, &writer->shelf,
                                     writer->options.zstd_level, &pending->entry, error);
    }
    wendi_snapshot_release(filter.snapshot);
    if (status != WEND_OK || builder->row_count == 0) {
        free_pending(pending);
        return status;
    }
    pthread_mutex_lock(&writer->lock);
    pending->next = writer->pending;
    writer->pending = pending;
    pthread_mutex_unlock(&writer->lock);
    *pending_out = pending;
    return WEND_OK;
}

size_t wendi_table_writer_flush_bytes(wendi_table_writer *writer)
{
    return wendi_flush_shelf_bytes(&writer->shelf);
}

static wend_status check_sources(const wendi_table_writer *writer,
                                 const wendi_commit_request *request, wend_error *error)
{
    const wendi_table_state *state = wendi_table_writer_state(writer);
    for (uint32_t i = 0; i < request->source_count; i++) {
        const wendi_source_state *moved = &request->sources[i];
        const wendi_source_state *known = wendi_state_source(state, moved->topic, moved->partition);
        WEND_REQUIRE(moved->taken ==
                     moved->stored + moved->rejected + moved->deduplicated + moved->tombstones);
        if (known != NULL && moved->next < known->next) {
            return wendi_fail(error, WEND_CONFLICT, "%.*s would go back from position %lld to %lld",
                              (int)moved->shown.length, moved->shown.data, (long long)known->next,
                              (long long)moved->next);
        }
    }
    if (request->cluster_id.length != 0 && state->cluster_id.length != 0 &&
        !wendi_string_equal(request->cluster_id, state->cluster_id)) {
        wendi_fail(error, WEND_CONFLICT,
                   "the table holds offsets of Kafka cluster %.*s, but this one is %.*s",
                   (int)state->cluster_id.length, state->cluster_id.data,
                   (int)request->cluster_id.length, request->cluster_id.data);
        wendi_error_hint(
            error,
            "offsets of one cluster mean nothing in another: ingest it into a table of its own");
        return WEND_CONFLICT;
    }
    return WEND_OK;
}

static wend_status write_rejects(wendi_table_writer *writer, const wendi_reject_block *block,
                                 wendi_reject_entry *entry, wend_error *error)
{
    char from[WENDI_PATH_BYTES];
    char to[WENDI_PATH_BYTES];
    const char *folder = writer->table->folder;
    size_t capacity = wendi_compress_bound(block->length);
    size_t length = 0;
    wend_status status = WEND_OK;
    void *bytes = wendi_alloc(capacity);
    if (bytes == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "rejected rows", capacity));
    }
    status =
        wendi_compress(block->ndjson, block->length, REJECT_ZSTD_LEVEL, bytes, capacity, &length);
    if (status != WEND_OK) {
        WEND_TRY(wendi_fail(error, status, "rejected rows could not be compressed"));
    }
    *entry = (wendi_reject_entry){.file_bytes = length,
                                  .checksum = wendi_hash64(bytes, length),
                                  .row_count = block->row_count,
                                  .commit = wendi_table_writer_state(writer)->version + 1};
    wendi_uuid_make(entry->uuid);
    WEND_TRY(wendi_table_uuid_path(from, folder, "tmp", entry->uuid, ".ndjson.zst", error));
    WEND_TRY(wendi_table_uuid_path(to, folder, "rejects", entry->uuid, ".ndjson.zst", error));
    WEND_TRY(wendi_io_write_file(writer->table->io, from, bytes, length, error));
    WEND_TRY(wendi_io_settled(writer->table->io, from, length, 60000, error));
    WEND_TRY(wendi_io_rename_new(writer->table->io, from, to, error));
    WEND_TRY(wendi_table_path(to, folder, "rejects", "", error));
    WEND_TRY(wendi_io_sync_folder(writer->table->io, to, error));
cleanup:
    wendi_free(bytes);
    return status;
}

/* Take the request's segments out of the pending list; they are this commit's now. */
static void unlink_pending(wendi_table_writer *writer, const wendi_commit_request *request)
{
    pthread_mutex_lock(&writer->lock);
    for (uint32_t i = 0; i < request->segment_count; i++) {
        wendi_pending_segment **link = &writer->pending;
        while (*link != NULL && *link != request->segments[i]) {
            link = &(*link)->next;
        }
        WEND_REQUIRE(*link != NULL);
        *link = (*link)->next;
    }
    pthread_mutex_unlock(&writer->lock);
}

wend_status wendi_table_writer_commit(wendi_table_writer *writer,
                                      const wendi_commit_request *request, wend_error *error)
{
    wendi_reject_entry reject;
    wendi_commit_keys key_files = {.added_count = 0};
    wendi_arena arena = {0};
    uint64_t batch = 0;
    bool has_rejects = request->rejects != NULL && request->rejects->row_count != 0;
    bool tried = false;
    wend_status status = WEND_OK;
    wendi_segment_entry *entries = wendi_alloc_zero(request->segment_count, sizeof *entries);

    unlink_pending(writer, request);
    if (entries == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "a commit", request->segment_count * sizeof *entries));
    }
    WEND_TRY(check_sources(writer, request, error));
    if (has_rejects) {
        WEND_TRY(write_rejects(writer, request->rejects, &reject, error));
    }
    uint64_t version = wendi_table_writer_state(writer)->version + 1;
    for (uint32_t i = 0; i < request->segment_count; i++) {
        const wendi_pending_segment *segment = request->segments[i];
        batch = segment->batch > batch ? segment->batch : batch;
    }
    if (wendi_table_writer_schema(writer)->id_column != WENDI_NO_COLUMN) {
        WEND_TRY(wendi_commit_keys_write(writer->table->io, writer->table->folder,
                                         wendi_table_writer_state(writer), writer->window,
                                         &writer->lock, version, batch, &arena, &key_files, error));
    }
    uint32_t added = 0;
    for (uint32_t i = 0; i < request->segment_count; i++) {
        if (request->segments[i]->entry.row_count == 0) {
            continue;
        }
        entries[added] = request->segments[i]->entry;
        entries[added].commit_first = version;
        entries[added].commit_last = version;
        entries[added].ordinal = added;
        added++;
    }
    wendi_record record = {.cluster_id = request->cluster_id,
                           .added_segments = entries,
                           .added_segment_count = added,
                           .sources = request->sources,
                           .source_count = request->source_count,
                           .rejects = has_rejects ? &reject : NULL,
                           .reject_count = has_rejects ? 1 : 0,
                           .dropped_rejects = request->dropped_rejects,
                           .dropped_reject_count = request->dropped_reject_count,
                           .key_files = &key_files.added,
                           .key_file_count = key_files.added_count,
                           .dropped_key_files =
                               (const uint8_t(*)[WENDI_UUID_BYTES])key_files.dropped,
                           .dropped_key_file_count = key_files.dropped_count};
    tried = true;
    WEND_TRY(publish(writer, &record, error));
    WEND_TRY(wendi_writer_commit_window(writer, request, version, batch, error));
    wendi_retired_keys_add(&writer->retired_keys, writer->table->io, writer->table->folder,
                           &key_files, wendi_table_writer_state(writer)->commit_us);
cleanup:
    wendi_arena_free(&arena);
    for (uint32_t i = 0; i < request->segment_count; i++) {
        if (tried) { /* the record may be there even if publishing failed: only a sweep may remove
                        its files */
            free_pending(request->segments[i]);
        } else {
            remove_pending(writer, request->segments[i]);
        }
    }
    wendi_free(entries);
    return status;
}

static bool has_segment(const wendi_table_state *state, const uint8_t uuid[WENDI_UUID_BYTES])
{
    for (uint32_t i = 0; i < state->segment_count; i++) {
        if (memcmp(state->segments[i].uuid, uuid, WENDI_UUID_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

wend_status wendi_table_writer_replace(wendi_table_writer *writer,
                                       const uint8_t (*dropped)[WENDI_UUID_BYTES],
                                       uint32_t dropped_count, wendi_segment_entry *added,
                                       uint32_t added_count, wend_error *error)
{
    for (uint32_t i = 0; i < dropped_count; i++) {
        if (!has_segment(wendi_table_writer_state(writer), dropped[i])) {
            return wendi_fail(error, WEND_CONFLICT,
                              "%s: a segment that was merged is no longer in the table",
                              writer->table->folder);
        }
    }
    for (uint32_t i = 0; i < added_count; i++) {
        added[i].ordinal = i;
    }
    wendi_record record = {.added_segments = added,
                           .added_segment_count = added_count,
                           .dropped_segments = dropped,
                           .dropped_segment_count = dropped_count};
    return publish(writer, &record, error);
}

/* ---- requests ---- */

wend_status wendi_table_writer_alter(wendi_table_writer *writer, wendi_string sql,
                                     wend_error *error)
{
    wendi_schema *schema = NULL;
    wendi_arena arena = {0};
    wend_status status = WEND_OK;
    char *text = wendi_arena_copy(&arena, sql.data, sql.length);
    if (text == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "a request", sql.length));
    }
    WEND_TRY(wendi_schema_alter(wendi_table_writer_schema(writer), text, &schema, error));
    wendi_schema_record stored = {
        .ddl = schema->ddl,
        .column_ids = wendi_arena_alloc(&arena, schema->column_count * sizeof(uint32_t)),
        .column_count = schema->column_count,
        .next_column_id = schema->next_column_id};
    if (stored.column_ids == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "the schema", schema->column_count * sizeof(uint32_t)));
    }
    for (uint32_t i = 0; i < schema->column_count; i++) {
        stored.column_ids[i] = schema->columns[i].id;
    }
    wendi_record record = {.schema = &stored};
    WEND_TRY(publish(writer, &record, error));
    if (schema->unique_rows) { /* whole rows have one more value now, and so other keys */
        WEND_TRY(wendi_writer_open_window(writer, error));
    }
cleanup:
    wendi_schema_free(schema);
    wendi_arena_free(&arena);
    return status;
}

wend_status wendi_table_writer_requests(wendi_table_writer *writer, bool *schema_changed,
                                        wend_error *error)
{
    wendi_table *table = writer->table;
    wendi_arena arena = {0};
    wendi_request *requests = NULL;
    uint32_t count = 0;
    wend_status status = WEND_OK;
    *schema_changed = false;
    wendi_snapshot_release(writer->retired);
    writer->retired = wendi_snapshot_acquire(writer->snapshot);
    WEND_TRY(wendi_request_list(table->io, table->folder, &arena, &requests, &count, error));
    for (uint32_t i = 0; i < count; i++) {
        wend_error why = {0};
        wend_status outcome;
        if (wendi_string_equal(requests[i].kind, wendi_string_of("alter"))) {
            outcome = wendi_table_writer_alter(writer, requests[i].text, &why);
        } else {
            outcome =
                wendi_fail(&why, WEND_UNSUPPORTED, "the writer does not know the request \"%.*s\"",
                           (int)requests[i].kind.length, requests[i].kind.data);
        }
        if (outcome == WEND_FENCED || outcome == WEND_IO || outcome == WEND_NOMEM ||
            outcome == WEND_CORRUPT) { /* ours to fail with, not the asker's fault; the window of
                                          keys may not have been rebuilt, so nobody writes on */
            if (error != NULL) {
                *error = why;
            }
            WEND_TRY(outcome);
        }
        WEND_TRY(
            wendi_request_answer(table->io, table->folder, &requests[i], outcome, &why, error));
    }
    *schema_changed = writer->snapshot->shared != writer->retired->shared;
cleanup:
    wendi_arena_free(&arena);
    return status;
}
