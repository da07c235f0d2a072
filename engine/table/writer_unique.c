/*
 * What a table's writer does for UNIQUE: the window and the batches that it takes in, what flushes
 * leave out because old segments have it, and the numbers of it. The window itself: unique_window.h;
 * the search in old segments: old_repeats.h.
 */
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/table/old_repeats.h"
#include "engine/table/row_key.h"
#include "engine/table/window_rebuild.h"
#include "engine/table/writer_state.h"

#define UNIQUE_WINDOW_BYTES_DEFAULT ((size_t)256 << 20)

/* ---- the window ---- */

static wend_status fill_window(wendi_table_writer *writer, wendi_unique_window *window,
                               wend_error *error)
{
    return wendi_table_writer_schema(writer)->id_column == WENDI_NO_COLUMN
               ? wendi_window_rebuild(writer->snapshot, window, error)
               : wendi_commit_keys_rebuild(writer->table->io, writer->table->folder,
                                           wendi_snapshot_state(writer->snapshot), window, error);
}

/* Put another window (or none) in place of the one there is. */
static void set_window(wendi_table_writer *writer, wendi_unique_window *window)
{
    pthread_mutex_lock(&writer->lock);
    wendi_unique_window *replaced = writer->window;
    writer->window = window;
    pthread_mutex_unlock(&writer->lock);
    wendi_unique_window_close(replaced);
}

/* Make the window that the schema asks for out of what the table holds. */
wend_status wendi_writer_open_window(wendi_table_writer *writer, wend_error *error)
{
    const wendi_schema *schema = wendi_table_writer_schema(writer);
    wendi_unique_window *window = NULL;
    wend_status status = WEND_OK;
    writer->key_rules = wendi_row_key_rules(schema);
    set_window(writer, NULL); /* never two of them in memory */
    if (writer->key_rules == 0 || writer->options.takes_no_rows) {
        return WEND_OK;
    }
    size_t bytes = writer->options.unique_window_bytes != 0 ? writer->options.unique_window_bytes
                                                            : UNIQUE_WINDOW_BYTES_DEFAULT;
    uint64_t keys = schema->unique_window_keys != 0 ? schema->unique_window_keys
                                                    : bytes / WENDI_UNIQUE_KEY_BYTES;
    WEND_TRY(wendi_unique_window_open(keys, &window, error));
    WEND_TRY(fill_window(writer, window, error));
    set_window(writer, window);
    window = NULL;
cleanup:
    wendi_unique_window_close(window);
    return status;
}

/* ---- batches that the window takes in ---- */

/* Forget the oldest batch of `builder`; its number, or 0 when there is none. Under the lock. */
uint64_t wendi_writer_end_batch(wendi_table_writer *writer, const wendi_row_builder *builder)
{
    wendi_open_batch **oldest = NULL;
    for (wendi_open_batch **link = &writer->batches; *link != NULL; link = &(*link)->next) {
        oldest = (*link)->builder == builder ? link : oldest;
    }
    if (oldest == NULL) {
        return 0;
    }
    wendi_open_batch *batch = *oldest;
    uint64_t number = batch->number;
    *oldest = batch->next;
    wendi_free(batch);
    return number;
}

/* The number of the batch that `builder` collects now. Under the lock. */
static wend_status need_batch(wendi_table_writer *writer, const wendi_row_builder *builder,
                              uint64_t *number, wend_error *error)
{
    if (writer->batches != NULL && writer->batches->builder == builder) {
        *number = writer->batches->number;
        return WEND_OK;
    }
    while (wendi_writer_end_batch(writer, builder) != 0) { /* left without rows, and so never flushed */
    }
    wendi_open_batch *batch = wendi_alloc_zero(1, sizeof *batch);
    if (batch == NULL) {
        return wendi_fail_nomem(error, "a batch", sizeof *batch);
    }
    *batch = (wendi_open_batch){writer->batches, builder, ++writer->batch_count};
    writer->batches = batch;
    *number = batch->number;
    return WEND_OK;
}

/* ---- rows that old segments have ---- */

/* One more row of a partition was left out. */
static wend_status count_repeat(wendi_pending_segment *pending, uint32_t partition,
                                wend_error *error)
{
    wendi_segment_repeats one = {partition, 1};
    size_t count = pending->repeats.length / sizeof one;
    wendi_segment_repeats *repeats = (wendi_segment_repeats *)(void *)pending->repeats.data;
    size_t at = 0;
    while (at < count && repeats[at].partition < partition) {
        at++;
    }
    if (at < count && repeats[at].partition == partition) {
        repeats[at].row_count++;
        return WEND_OK;
    }
    if (wendi_buffer_append(&pending->repeats, &one, sizeof one) != WEND_OK) {
        return wendi_fail_nomem(error, "counting repeats", pending->repeats.length);
    }
    repeats = (wendi_segment_repeats *)(void *)pending->repeats.data;
    memmove(repeats + at + 1, repeats + at, (count - at) * sizeof one);
    repeats[at] = one;
    return WEND_OK;
}

/* A row that was found leaves, and its keys the window, unless another one was refused for its sake
 * that only it stands for. */
wend_status wendi_writer_drop_repeats(void *context, const wendi_row_builder *builder,
                                      const wendi_row_order *order, uint8_t *drop,
                                      uint32_t *drop_count, wend_error *error)
{
    wendi_repeat_filter *filter = context;
    wendi_table_writer *writer = filter->writer;
    wendi_repeat_scope scope = {.io = writer->table->io,
                                .folder = writer->table->folder,
                                .state = wendi_snapshot_state(filter->snapshot),
                                .stored = wendi_snapshot_schema(filter->snapshot),
                                .covered_from = filter->covered_from};
    wendi_old_repeats repeats;
    wend_status status = WEND_OK;
    *drop_count = 0;
    WEND_TRY(wendi_old_repeats_find(&scope, builder, order, &repeats, error));
    pthread_mutex_lock(&writer->lock);
    for (uint32_t i = 0; i < repeats.count; i++) {
        size_t at = (size_t)i * repeats.rules;
        uint32_t place = repeats.places[i];
        drop[place] = wendi_unique_window_withdraw(writer->window, repeats.keys + at,
                                                   repeats.stored + at, repeats.rules);
        *drop_count += drop[place];
    }
    pthread_mutex_unlock(&writer->lock);
    for (uint32_t i = 0; status == WEND_OK && i < repeats.count; i++) {
        if (drop[repeats.places[i]]) {
            uint32_t row = order->rows[repeats.places[i]];
            status = count_repeat(filter->pending, builder->partitions[row], error);
        }
    }
    wendi_old_repeats_free(&repeats);
cleanup:
    return status;
}

/* The window's batches up to `batch` are committed; so are the repeats that flushes found. */
wend_status wendi_writer_commit_window(wendi_table_writer *writer,
                                       const wendi_commit_request *request, uint64_t version,
                                       uint64_t batch, wend_error *error)
{
    wend_status status = WEND_OK;
    pthread_mutex_lock(&writer->lock);
    for (uint32_t i = 0; i < request->segment_count; i++) {
        uint32_t count;
        const wendi_segment_repeats *repeats =
            wendi_pending_segment_repeats(request->segments[i], &count);
        for (uint32_t k = 0; k < count; k++) {
            writer->repeats_merged += repeats[k].row_count;
        }
    }
    if (writer->window != NULL) {
        int64_t commit_us = wendi_table_writer_state(writer)->commit_us;
        status = wendi_unique_window_commit(writer->window, version, commit_us, batch, error);
    }
    pthread_mutex_unlock(&writer->lock);
    return status;
}

/* ---- rows that come in ---- */

wend_status wendi_table_writer_unique(wendi_table_writer *writer, const wendi_row_builder *batch,
                                      const wendi_hash128 *keys, uint32_t count, uint8_t *keep,
                                      uint32_t *duplicate_count, wend_error *error)
{
    uint32_t rules = wendi_row_key_rules(batch->schema);
    uint64_t number = 0;
    wend_status status = WEND_OK;

    *duplicate_count = 0;
    if (rules == 0 || count == 0) {
        return WEND_OK;
    }
    WEND_REQUIRE(!writer->options.takes_no_rows);
    pthread_mutex_lock(&writer->lock);
    WEND_TRY(need_batch(writer, batch, &number, error));
    WEND_TRY(wendi_unique_window_take(writer->window, number, keys, rules, count, keep,
                                      duplicate_count, error));
cleanup:
    pthread_mutex_unlock(&writer->lock);
    return status;
}

const wendi_segment_repeats *wendi_pending_segment_repeats(const wendi_pending_segment *pending,
                                                           uint32_t *count)
{
    *count = (uint32_t)(pending->repeats.length / sizeof(wendi_segment_repeats));
    return *count == 0 ? NULL : (const wendi_segment_repeats *)(const void *)pending->repeats.data;
}

uint64_t wendi_pending_segment_rows(const wendi_pending_segment *pending)
{
    return pending->entry.row_count;
}

/* When a commit was made, as its record says; -1 when that is gone or cannot be read. */
static int64_t time_of_commit(const wendi_table_writer *writer, uint64_t version)
{
    wendi_arena arena = {0};
    wendi_record record;
    uint64_t checksum;
    wend_status status = wendi_log_read(writer->table->io, writer->table->folder,
                                        WENDI_RECORD_COMMIT, version, &arena, &record, &checksum,
                                        NULL);
    int64_t commit_us = status == WEND_OK ? record.commit_us : -1;
    wendi_arena_free(&arena);
    return commit_us;
}

wendi_unique_report wendi_table_writer_unique_report(wendi_table_writer *writer)
{
    wendi_unique_report report = {0};
    wendi_window_commit oldest = {0};
    pthread_mutex_lock(&writer->lock);
    report.repeats_merged = writer->repeats_merged;
    if (writer->window != NULL) {
        report.keys = wendi_unique_window_keys(writer->window);
        report.keys_max = wendi_unique_window_keys_max(writer->window);
        report.memory_bytes = wendi_unique_window_bytes(writer->window);
        if (wendi_unique_window_commits(writer->window) != 0) {
            oldest = wendi_unique_window_at(writer->window, 0);
        }
    }
    pthread_mutex_unlock(&writer->lock);
    if (oldest.version != 0 && oldest.commit_us == 0) { /* the window was rebuilt: ask the log, once */
        oldest.commit_us = time_of_commit(writer, oldest.version);
        pthread_mutex_lock(&writer->lock);
        if (writer->window != NULL && wendi_unique_window_commits(writer->window) != 0 &&
            wendi_unique_window_at(writer->window, 0).version == oldest.version) {
            wendi_unique_window_set_time(writer->window, 0, oldest.commit_us);
        }
        pthread_mutex_unlock(&writer->lock);
    }
    report.oldest_commit = oldest.version;
    report.oldest_us = oldest.commit_us > 0 ? oldest.commit_us : 0;
    return report;
}
