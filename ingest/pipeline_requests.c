/*
 * Requests of other commands: a live ingestor carries them out, since only it may write to the table. They may change
 * the schema, so that is done when no row waits under the old one.
 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/clock.h"
#include "ingest/pipeline.h"

enum { REQUEST_INTERVAL_MS = 250, PATH_BYTES = 4096 };

/* Whether some command left a request; only a look at names, since it is asked four times a second. */
static bool requests_wait(const wendi_pipeline *self)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/requests", wendi_table_folder(self->table));
    DIR *folder = opendir(path);
    bool found = false;
    if (folder != NULL) {
        for (struct dirent *entry = readdir(folder); entry != NULL && !found; entry = readdir(folder)) {
            const char *suffix = strrchr(entry->d_name, '.');
            found = suffix != NULL && strcmp(suffix, ".request") == 0;
        }
        closedir(folder);
    }
    return found;
}

static wend_status reopen_intakes(wendi_pipeline *self, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_pipeline_free_rows(self);
    self->row_capacity = wendi_pipeline_row_capacity(self);
    for (uint32_t i = 0; i < self->worker_count; i++) {
        WEND_TRY(wendi_intake_reopen(self->intakes[i], error));
    }
cleanup:
    return status;
}

/* Headers cost, so they are read only for a table that has a column of them. */
void wendi_pipeline_ask_for_headers(wendi_pipeline *self)
{
    const wendi_schema *schema = wendi_table_writer_schema(self->writer);
    bool wanted = false;
    for (uint32_t i = 0; i < schema->column_count; i++) {
        wanted |= schema->columns[i].origin == WENDI_ORIGIN_HEADER;
    }
    if (self->source->want_headers != NULL) {
        self->source->want_headers(self->source, wanted);
    }
}

/* No worker is at work, and nothing waits for its commit. */
static wend_status carry_out(wendi_pipeline *self, wend_error *error)
{
    bool schema_changed = false;
    wend_status status = WEND_OK;
    WEND_TRY(wendi_table_writer_requests(self->writer, &schema_changed, error));
    if (schema_changed) {
        self->stats.schema_changes++;
        WEND_TRY(reopen_intakes(self, error));
    }
cleanup:
    return status;
}

static void pause_workers(wendi_pipeline *self, bool paused)
{
    pthread_mutex_lock(&self->lock);
    self->paused = paused;
    pthread_cond_broadcast(&self->work);
    pthread_mutex_unlock(&self->lock);
}

wend_status wendi_pipeline_serve_requests(wendi_pipeline *self, wend_error *error)
{
    int64_t now = wendi_clock_monotonic_us();
    wend_status status = WEND_OK;
    if (now - self->requests_us < REQUEST_INTERVAL_MS * 1000) {
        return WEND_OK;
    }
    self->requests_us = now;
    if (!requests_wait(self)) {
        return WEND_OK;
    }
    if (self->source->want_headers != NULL) { /* a column of them may come: whoever asked for it sends them from its
                                                 answer on */
        self->source->want_headers(self->source, true);
    }
    pause_workers(self, true);
    if (wendi_pipeline_drain(self)) { /* else the failure is told by who finds it */
        status = carry_out(self, error);
    }
    wendi_pipeline_ask_for_headers(self);
    if (status == WEND_OK) { /* else decoders, rows and the window of keys may be of two schemas: nobody goes on */
        pause_workers(self, false);
    }
    return status;
}
