/*
 * Rows that a program hands in, on its own thread. One batch; when its builder is full the rows become a
 * pending segment, and all pending segments are published by the next commit.
 */
#include "ingest/appender.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/table/table_state.h"
#include "ingest/intake.h"

enum { TOPIC_BYTES = 256, LINES_MAX = WENDI_MESSAGE_BLOCK_MAX, SEGMENTS_MIN = 8, BATCH_BYTES_MAX = 256 << 20 };

struct wendi_appender {
    wendi_table_writer *writer;
    wendi_intake *intake;
    wendi_intake_batch batch;
    wendi_source_partition origin; /* the one partition */
    char topic[TOPIC_BYTES];
    wendi_pending_segment **segments; /* flushed since the last commit */
    uint32_t segment_count;
    uint32_t segment_capacity;
    wendi_message *messages; /* LINES_MAX */
    wendi_buffer text;       /* a copy of the lines, with padding */
    bool failed;             /* rows may be gone while the accounts still count them: nothing is taken any more */
    int64_t row_count;       /* rows handed in so far: the offsets that rejects show */
    int64_t repeats;         /* rows that the intake counts as stored and flushes found in old segments */
    uint32_t typed_first;    /* first of the typed rows that await settle() */
    wendi_arena arena;
};

static wend_status fail_segments(wend_error *error)
{
    return wendi_fail_nomem(error, "a list of segments", SEGMENTS_MIN * sizeof(void *));
}

/* A commit that came after a failure could move the position past rows that no segment holds. */
static wend_status refuse_failed(const wendi_appender *appender, wend_error *error)
{
    if (!appender->failed) {
        return WEND_OK;
    }
    wendi_fail(error, WEND_CONFLICT, "an earlier call of this writer failed, so that rows since its last commit may be lost");
    wendi_error_hint(error, "close it, open it again and append from its position on");
    return WEND_CONFLICT;
}

/* ---- life ------------------------------------------------------------------------------------- */

static wend_status set_source(wendi_appender *appender, const char *source, wend_error *error)
{
    if (source[0] == '\0' || strlen(source) + sizeof "append:" > TOPIC_BYTES) {
        return wendi_fail(error, WEND_INVALID, "a source's name has 1 to %zu bytes", TOPIC_BYTES - sizeof "append:");
    }
    snprintf(appender->topic, sizeof appender->topic, "append:%s", source);
    const wendi_source_state *known =
        wendi_state_source(wendi_table_writer_state(appender->writer), wendi_string_of(appender->topic), 0);
    appender->origin = (wendi_source_partition){.topic = appender->topic,
                                                .shown = appender->topic + strlen("append:"),
                                                .next = known != NULL ? known->next : 0,
                                                .end = -1,
                                                .leader_epoch = -1};
    appender->row_count = known != NULL ? known->taken : 0;
    return WEND_OK;
}

wend_status wendi_appender_open(wendi_table *table, const char *source, const wendi_appender_options *options,
                                wendi_appender **appender_out, wend_error *error)
{
    uint32_t rows = options != NULL && options->flush_rows != 0 ? options->flush_rows : WENDI_ROW_GROUP_ROWS_MAX;
    wendi_writer_options writer_options = {0};
    wend_status status = WEND_OK;
    wendi_appender *appender = wendi_alloc_zero(1, sizeof *appender);
    *appender_out = NULL;
    if (appender == NULL) {
        return wendi_fail_nomem(error, "an appender", sizeof *appender);
    }
    if (rows > WENDI_ROW_GROUP_ROWS_MAX) {
        WEND_TRY(wendi_fail(error, WEND_INVALID, "a flush may have at most %d rows", WENDI_ROW_GROUP_ROWS_MAX));
    }
    rows = rows < WENDI_PAGE_ROWS ? WENDI_PAGE_ROWS : rows; /* room for the largest call of rows() */
    if (options != NULL) {
        writer_options.zstd_level = options->zstd_level;
        writer_options.unique_window_bytes = options->unique_window_bytes;
    }
    appender->messages = wendi_alloc_zero(LINES_MAX, sizeof *appender->messages);
    if (appender->messages == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "an appender", LINES_MAX * sizeof *appender->messages));
    }
    WEND_TRY(wendi_table_writer_open(table, &writer_options, &appender->writer, error));
    WEND_TRY(set_source(appender, source, error));
    WEND_TRY(wendi_intake_open(appender->writer, rows, &appender->intake, error));
    WEND_TRY(wendi_intake_batch_ready(appender->intake, &appender->batch, error));
    *appender_out = appender;
    appender = NULL;
cleanup:
    wendi_appender_close(appender);
    return status;
}

void wendi_appender_close(wendi_appender *appender)
{
    if (appender == NULL) {
        return;
    }
    wendi_intake_batch_free(&appender->batch);
    wendi_intake_close(appender->intake);
    wendi_table_writer_close(appender->writer);
    wendi_free(appender->segments);
    wendi_free(appender->messages);
    wendi_buffer_free(&appender->text);
    wendi_arena_free(&appender->arena);
    wendi_free(appender);
}

int64_t wendi_appender_position(const wendi_appender *appender)
{
    return appender->origin.next;
}

const wendi_schema *wendi_appender_schema(const wendi_appender *appender)
{
    return wendi_table_writer_schema(appender->writer);
}

wendi_appender_counts wendi_appender_counts_now(const wendi_appender *appender)
{
    wendi_ingest_stats *stats = wendi_alloc(sizeof *stats);
    wendi_appender_counts counts = {0};
    if (stats != NULL) {
        wendi_intake_stats(appender->intake, stats);
        counts = (wendi_appender_counts){.taken = (int64_t)stats->taken,
                                         .stored = (int64_t)stats->stored - appender->repeats,
                                         .rejected = (int64_t)stats->rejected,
                                         .deduplicated = (int64_t)stats->deduplicated + appender->repeats};
    }
    wendi_free(stats);
    return counts;
}

/* ---- rows ------------------------------------------------------------------------------------- */

/* Rows that the flush left out were counted as stored. All of them are of the one partition. */
static void account_repeats(wendi_appender *appender, const wendi_pending_segment *segment)
{
    uint32_t count;
    const wendi_segment_repeats *repeats = wendi_pending_segment_repeats(segment, &count);
    for (uint32_t i = 0; i < count; i++) {
        appender->batch.accounts[0].stored -= repeats[i].row_count;
        appender->batch.accounts[0].deduplicated += repeats[i].row_count;
        appender->repeats += repeats[i].row_count;
    }
}

static wend_status flush(wendi_appender *appender, wend_error *error)
{
    wendi_row_builder *builder = &appender->batch.builder;
    wend_status status = WEND_OK;
    if (builder->row_count == 0) {
        return WEND_OK;
    }
    if (appender->segment_count == appender->segment_capacity) {
        uint32_t capacity = appender->segment_capacity == 0 ? SEGMENTS_MIN : 2 * appender->segment_capacity;
        wendi_pending_segment **more = wendi_realloc(appender->segments, capacity * sizeof *more);
        if (more == NULL) {
            return fail_segments(error);
        }
        appender->segments = more;
        appender->segment_capacity = capacity;
    }
    WEND_TRY(wendi_table_writer_flush(appender->writer, builder, &appender->segments[appender->segment_count], error));
    account_repeats(appender, appender->segments[appender->segment_count]);
    appender->segment_count++;
    wendi_row_builder_reset(builder);
    if (wendi_row_builder_bytes(builder) > BATCH_BYTES_MAX / 2) { /* tables of many strings outlive a reset */
        wendi_row_builder_free(builder);
        WEND_TRY(wendi_intake_batch_ready(appender->intake, &appender->batch, error));
    }
cleanup:
    return status;
}

static wend_status make_room(wendi_appender *appender, uint32_t count, wend_error *error)
{
    const wendi_row_builder *builder = &appender->batch.builder;
    bool large = wendi_row_builder_bytes(builder) >= BATCH_BYTES_MAX;
    return large || builder->row_capacity - builder->row_count < count ? flush(appender, error) : WEND_OK;
}

static bool is_blank(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\r')) {
        at++;
    }
    return at == end;
}

static wend_status take_messages(wendi_appender *appender, uint32_t count, wend_error *error)
{
    wend_status status = WEND_OK;
    WEND_TRY(make_room(appender, count, error));
    WEND_TRY(wendi_intake_messages(appender->intake, &appender->batch, appender->messages, count, &appender->origin, 1, error));
cleanup:
    return status;
}

static wend_status append_lines(wendi_appender *appender, const char *lines, size_t length, wend_error *error)
{
    wend_status status = WEND_OK;
    uint32_t count = 0;
    appender->text.length = 0;
    if (wendi_buffer_append(&appender->text, lines, length) != WEND_OK ||
        wendi_buffer_append_zero(&appender->text, WENDI_MESSAGE_PADDING) != WEND_OK) {
        return wendi_fail_nomem(error, "lines to append", length);
    }
    const char *at = (const char *)appender->text.data;
    const char *end = at + length;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop == NULL ? end : stop;
        const char *line_end = stop > at && stop[-1] == '\r' ? stop - 1 : stop;
        if (!is_blank(at, line_end)) {
            size_t line_length = (size_t)(line_end - at);
            appender->messages[count++] = (wendi_message){
                .payload = at,
                .length = line_length > UINT32_MAX ? UINT32_MAX : (uint32_t)line_length,
                .position = appender->row_count,
                .next = appender->row_count + 1,
                .timestamp_us = INT64_MIN};
            appender->row_count++;
        }
        at = stop + (stop < end);
        if (count == LINES_MAX || (at == end && count != 0)) {
            WEND_TRY(take_messages(appender, count, error));
            count = 0;
        }
    }
cleanup:
    return status;
}

wend_status wendi_appender_json(wendi_appender *appender, const char *lines, size_t length, wend_error *error)
{
    wend_status status = refuse_failed(appender, error);
    if (status == WEND_OK) {
        status = append_lines(appender, lines, length, error);
        appender->failed = status != WEND_OK;
    }
    return status;
}

wend_status wendi_appender_rows(wendi_appender *appender, uint32_t count_max, wendi_row_builder **builder_out,
                                wend_error *error)
{
    assert(count_max <= WENDI_PAGE_ROWS);
    wend_status status = refuse_failed(appender, error);
    if (status == WEND_OK) {
        status = make_room(appender, count_max, error);
        appender->failed = status != WEND_OK;
    }
    *builder_out = &appender->batch.builder;
    appender->typed_first = appender->batch.builder.row_count;
    return status;
}

wend_status wendi_appender_settle(wendi_appender *appender, wend_error *error)
{
    uint32_t count = appender->batch.builder.row_count - appender->typed_first;
    wend_status status = wendi_intake_rows(appender->intake, &appender->batch, appender->typed_first, appender->row_count,
                                           &appender->origin, error);
    appender->row_count += count;
    appender->failed = status != WEND_OK;
    return status;
}

/* ---- commit ----------------------------------------------------------------------------------- */

static wend_status publish(wendi_appender *appender, wend_error *error)
{
    wendi_source_state *sources;
    uint32_t source_count;
    wend_status status = WEND_OK;
    wendi_arena_reset(&appender->arena);
    WEND_TRY(wendi_intake_batch_stand(&appender->batch, &appender->origin, 1, error));
    WEND_TRY(wendi_intake_sources(wendi_table_writer_state(appender->writer), &appender->batch, &appender->arena, &sources,
                                  &source_count, error));
    if (source_count != 0) {
        const wendi_intake_batch *batch = &appender->batch;
        wendi_reject_block rejects = {batch->rejects.data, batch->rejects.length, batch->reject_count};
        wendi_commit_request request = {.segments = appender->segments,
                                        .segment_count = appender->segment_count,
                                        .sources = sources,
                                        .source_count = source_count,
                                        .rejects = batch->reject_count != 0 ? &rejects : NULL};
        appender->segment_count = 0; /* taken over, also on failure */
        WEND_TRY(wendi_table_writer_commit(appender->writer, &request, error));
    }
    wendi_intake_batch_reset(&appender->batch);
cleanup:
    return status;
}

static wend_status commit_at(wendi_appender *appender, int64_t position, wend_error *error)
{
    int64_t before = appender->origin.next;
    bool schema_changed = false;
    wend_status status = WEND_OK;
    WEND_TRY(flush(appender, error));
    appender->origin.next = position;
    status = publish(appender, error);
    if (status != WEND_OK) {
        appender->origin.next = before;
        return status;
    }
    WEND_TRY(wendi_table_writer_requests(appender->writer, &schema_changed, error));
    if (schema_changed) {
        wendi_intake_batch_free(&appender->batch);
        WEND_TRY(wendi_intake_reopen(appender->intake, error));
        WEND_TRY(wendi_intake_batch_ready(appender->intake, &appender->batch, error));
    }
cleanup:
    return status;
}

wend_status wendi_appender_commit(wendi_appender *appender, int64_t position, wend_error *error)
{
    wend_status status = refuse_failed(appender, error);
    if (status != WEND_OK) {
        return status;
    }
    if (position < appender->origin.next) {
        return wendi_fail(error, WEND_CONFLICT, "position %lld lies before %lld, which is committed", (long long)position,
                          (long long)appender->origin.next);
    }
    status = commit_at(appender, position, error);
    appender->failed = status != WEND_OK;
    return status;
}
