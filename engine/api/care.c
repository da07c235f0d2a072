/* Looking after tables: verification and status. */
#include <stdio.h>
#include <string.h>

#include "engine/api/api_internal.h"
#include "engine/base/alloc.h"
#include "engine/base/status.h"
#include "engine/table/compaction.h"
#include "engine/table/table.h"
#include "engine/table/verify.h"

typedef struct verify_bridge {
    const char *table;
    void (*report)(void *context, const wend_finding *finding);
    void *context;
} verify_bridge;

static void forward(void *context, const wendi_table_fault *fault)
{
    const verify_bridge *bridge = context;
    char path[1024];

    if (bridge->report == NULL) {
        return;
    }
    wend_finding finding = {.path = path, .message = fault->message};

    snprintf(path, sizeof path, "%s/%s", bridge->table, fault->path);
    bridge->report(bridge->context, &finding);
}

WEND_API wend_status wend_verify_table(wend_store *store, const char *table,
                                       void (*report)(void *context, const wend_finding *finding),
                                       void *context, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_table_verified verified;
    verify_bridge bridge = {table, report, context};

    WEND_TRY(wendi_api_argument(store, "store", error));
    WEND_TRY(wendi_api_argument(table, "table", error));
    WEND_TRY(wendi_table_verify(store->path, wendi_string_of(table), forward, &bridge, &verified,
                                error));
cleanup:
    return status;
}

static void fill_status(const wendi_table_state *state, wend_table_status *out)
{
    *out = (wend_table_status){.version = state->version,
                               .commit_us = state->commit_us,
                               .segment_count = state->segment_count,
                               .time_min_us = INT64_MAX,
                               .time_max_us = INT64_MIN,
                               .source_count = state->source_count};
    for (uint32_t i = 0; i < state->segment_count; i++) {
        const wendi_segment_entry *entry = &state->segments[i];
        out->row_count += entry->row_count;
        out->segment_bytes += entry->file_bytes;
        out->null_user_rows += entry->null_user_rows;
        uint32_t level = entry->level < WENDI_LEVEL_FINISHED ? entry->level : WENDI_LEVEL_FINISHED;
        out->level_segments[level]++;
        out->level_bytes[level] += entry->file_bytes;
        out->time_min_us = entry->time_min < out->time_min_us ? entry->time_min : out->time_min_us;
        out->time_max_us = entry->time_max > out->time_max_us ? entry->time_max : out->time_max_us;
    }
    for (uint32_t i = 0; i < state->reject_count; i++) {
        out->reject_row_count += state->rejects[i].row_count;
    }
}

WEND_API wend_status wend_table_status_of(wend_store *store, const char *table,
                                          wend_table_status *status_out, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_table *opened = NULL;
    wendi_snapshot *snapshot = NULL;

    WEND_TRY(wendi_api_argument(store, "store", error));
    WEND_TRY(wendi_api_argument(table, "table", error));
    WEND_TRY(wendi_api_argument(status_out, "status_out", error));
    WEND_TRY(wendi_table_open(store->path, wendi_string_of(table), &opened, error));
    WEND_TRY(wendi_table_snapshot(opened, &snapshot, error));
    fill_status(wendi_snapshot_state(snapshot), status_out);
cleanup:
    wendi_snapshot_release(snapshot);
    wendi_table_close(opened);
    return status;
}

static wend_status tell_source(const wendi_source_state *source,
                               void (*each)(void *context, const wend_source_status *source),
                               void *context, wend_error *error)
{
    wend_status status = WEND_OK;
    char *topic = wendi_api_copy(source->topic);
    char *shown = wendi_api_copy(source->shown);
    wend_source_status out = {.topic = topic,
                              .shown = shown,
                              .partition = source->partition,
                              .next = source->next,
                              .taken = source->taken,
                              .stored = source->stored,
                              .rejected = source->rejected,
                              .deduplicated = source->deduplicated,
                              .tombstones = source->tombstones,
                              .gap = source->gap};

    if (topic == NULL || shown == NULL) {
        status = wendi_fail_nomem(error, "a source's name", source->topic.length);
    } else {
        each(context, &out);
    }
    wendi_free(topic);
    wendi_free(shown);
    return status;
}

WEND_API wend_status wend_table_sources(wend_store *store, const char *table,
                                        void (*each)(void *context,
                                                     const wend_source_status *source),
                                        void *context, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_table *opened = NULL;
    wendi_snapshot *snapshot = NULL;

    WEND_TRY(wendi_api_argument(store, "store", error));
    WEND_TRY(wendi_api_argument(table, "table", error));
    WEND_TRY(wendi_api_argument((const void *)(uintptr_t)each, "each", error));
    WEND_TRY(wendi_table_open(store->path, wendi_string_of(table), &opened, error));
    WEND_TRY(wendi_table_snapshot(opened, &snapshot, error));
    const wendi_table_state *state = wendi_snapshot_state(snapshot);
    for (uint32_t i = 0; i < state->source_count; i++) {
        WEND_TRY(tell_source(&state->sources[i], each, context, error));
    }
cleanup:
    wendi_snapshot_release(snapshot);
    wendi_table_close(opened);
    return status;
}
