/* What an ingestor left of itself, for other processes. */
#include <string.h>

#include "engine/api/api_internal.h"
#include "engine/api/ingest_numbers.h"
#include "engine/base/alloc.h"
#include "engine/base/clock.h"
#include "ingest/operations/live_status.h"

/* The public record and what its pointers point to. */
typedef struct kept_live {
    wend_live live; /* first: the caller's pointer is the whole's */
    wendi_arena arena;
    wendi_live_status left;
} kept_live;

static wend_status fill(kept_live *kept)
{
    const wendi_live_status *left = &kept->left;
    int64_t now_us = wendi_clock_wall_us();
    kept->live = (wend_live){.pid = left->pid,
                             .host = left->host,
                             .stale = wendi_live_status_stale(left, now_us),
                             .stuck = left->stuck,
                             .age_us = now_us - left->written_us,
                             .started_us = left->view.started_us,
                             .updated_us = left->view.updated_us,
                             .phase = wendi_run_phase_name(left->view.phase),
                             .metrics = left->metrics,
                             .version = left->version};
    return wendi_numbers_show(&left->view, &kept->arena, &kept->live.stats);
}

wend_status wend_table_live(wend_store *store, const char *table, wend_live **live_out,
                            wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_table *opened = NULL;
    kept_live *kept = NULL;
    WEND_TRY(wendi_api_argument(live_out, "live_out", error));
    *live_out = NULL;
    WEND_TRY(wendi_api_argument(store, "store", error));
    WEND_TRY(wendi_api_argument(table, "table", error));
    kept = wendi_alloc_zero(1, sizeof *kept);
    if (kept == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "the live status", sizeof *kept));
    }
    WEND_TRY(wendi_table_open(store->path, wendi_string_of(table), &opened, error));
    WEND_TRY(wendi_live_status_read(wendi_table_folder(opened), &kept->arena, &kept->left, error));
    if (fill(kept) != WEND_OK) {
        WEND_TRY(wendi_fail_nomem(error, "the live status", sizeof *kept));
    }
    *live_out = &kept->live;
    kept = NULL;
cleanup:
    if (opened != NULL) {
        wendi_table_close(opened);
    }
    wend_live_free(kept != NULL ? &kept->live : NULL);
    return status;
}

void wend_live_free(wend_live *live)
{
    if (live != NULL) {
        kept_live *kept = (kept_live *)(void *)live;
        wendi_arena_free(&kept->arena);
        wendi_free(kept);
    }
}
