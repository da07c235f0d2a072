/* Replaying rejects, across the library's border. */
#include "wend/ingest.h"

#include <string.h>

#include "engine/api/api_internal.h"
#include "engine/base/alloc.h"
#include "ingest/replay.h"

/* What the caller gets begins with the public part, whose arrays point into the rest. */
typedef struct replay_result {
    wend_replay shown;
    wendi_replay_stats stats;
    wend_ingest_count reasons[WENDI_INGEST_REASONS_MAX];
} replay_result;

static void show(replay_result *result)
{
    const wendi_replay_stats *stats = &result->stats;
    for (uint32_t i = 0; i < stats->reason_count; i++) {
        result->reasons[i] = (wend_ingest_count){stats->reasons[i].text, stats->reasons[i].count};
    }
    result->shown = (wend_replay){.rejects = stats->rejects,
                                  .not_chosen = stats->not_chosen,
                                  .stored = stats->stored,
                                  .deduplicated = stats->deduplicated,
                                  .rejected = stats->rejected,
                                  .reasons = result->reasons,
                                  .reason_count = stats->reason_count,
                                  .commit_count = stats->commit_count};
}

wend_status wend_replay_rejects(wend_store *store, const char *table, const wend_replay_options *options,
                                wend_replay **replay_out, wend_error *error)
{
    wendi_replay_options given = {.reason = wendi_string_of("")};
    wendi_table *opened = NULL;
    replay_result *result = NULL;
    wend_status status = WEND_OK;
    if (replay_out != NULL) {
        *replay_out = NULL;
    }
    WEND_TRY(wendi_api_argument(store, "store", error));
    WEND_TRY(wendi_api_argument(table, "table", error));
    if (options != NULL) {
        given.reason = wendi_string_of(options->reason != NULL ? options->reason : "");
        given.source = wendi_string_of(options->source != NULL ? options->source : "");
        given.dry_run = options->dry_run;
        given.unframe = options->framing == WEND_FRAMING_CONFLUENT_JSON;
    }
    result = wendi_alloc_zero(1, sizeof *result);
    if (result == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "a replay", sizeof *result));
    }
    WEND_TRY(wendi_table_open(store->path, wendi_string_of(table), &opened, error));
    WEND_TRY(wendi_replay_run(opened, &given, &result->stats, error));
    show(result);
    if (replay_out != NULL) {
        *replay_out = &result->shown;
        result = NULL;
    }
cleanup:
    wendi_table_close(opened);
    wendi_free(result);
    return status;
}

void wend_replay_free(wend_replay *replay)
{
    wendi_free(replay);
}
