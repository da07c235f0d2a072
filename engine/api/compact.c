/* Compaction of the public API. */
#include "engine/api/api_internal.h"
#include "engine/base/status.h"
#include "engine/table/compaction.h"

enum { LEVEL_MAX = 19 };
#define MEMORY_MIN (UINT64_C(64) << 20)
#define TARGET_MIN UINT64_C(65536)

typedef struct compact_bridge {
    void (*report)(void *context, const wend_compact_step *step);
    void *context;
} compact_bridge;

WEND_API void wend_compact_options_init(wend_compact_options *options)
{
    *options = (wend_compact_options){0};
}

static wend_status check_options(const wend_compact_options *options, wend_error *error)
{
    if (options->level < 0 || options->level > LEVEL_MAX) {
        return wendi_fail(error, WEND_INVALID, "the level must lie between 1 and %d", LEVEL_MAX);
    }
    if (options->memory_bytes != 0 && options->memory_bytes < MEMORY_MIN) {
        return wendi_fail(error, WEND_INVALID, "compaction needs at least 64 MiB of memory");
    }
    if (options->target_bytes != 0 && options->target_bytes < TARGET_MIN) {
        return wendi_fail(error, WEND_INVALID, "the target size must be at least 64 KiB");
    }
    return WEND_OK;
}

static void tell_step(const compact_bridge *bridge, const wendi_compaction_plan *plan,
                      const wendi_compaction_step *step, wend_compact_step *out)
{
    out->row_count = step->input_rows;
    out->files_before = step->input_count;
    out->bytes_before = step->input_bytes;
    out->partial = plan->jobs[step->first_job].level == WENDI_LEVEL_MERGED && plan->partial;
    if (bridge->report != NULL) {
        bridge->report(bridge->context, out);
    }
}

static void forward(void *context, const wendi_compaction_result *result)
{
    wend_compact_step out = {.files_after = result->output_count, .seconds = result->seconds};
    for (uint32_t i = 0; i < result->output_count; i++) {
        out.bytes_after += result->outputs[i].file_bytes;
    }
    tell_step(context, result->plan, result->step, &out);
}

static wend_status tell_plan(wendi_table *table, const wendi_compaction_options *options,
                             const compact_bridge *bridge, wend_error *error)
{
    wendi_snapshot *snapshot = NULL;
    wendi_compaction_plan *plan = NULL;
    wend_status status = WEND_OK;

    WEND_TRY(wendi_table_snapshot(table, &snapshot, error));
    WEND_TRY(wendi_compaction_plan_make(snapshot, options, &plan, error));
    for (uint32_t i = 0; i < plan->step_count; i++) {
        const wendi_compaction_step *step = &plan->steps[i];
        wend_compact_step out = {.files_after = step->job_count};
        for (uint32_t j = 0; j < step->job_count; j++) {
            out.bytes_after += plan->jobs[step->first_job + j].estimated_bytes;
        }
        tell_step(bridge, plan, step, &out);
    }
cleanup:
    wendi_compaction_plan_free(plan);
    wendi_snapshot_release(snapshot);
    return status;
}

WEND_API wend_status wend_compact_table(
    wend_store *store, const char *table, const wend_compact_options *options,
    void (*report)(void *context, const wend_compact_step *step), void *context, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_table *opened = NULL;
    wendi_table_writer *writer = NULL;
    wendi_writer_options writer_options = {.takes_no_rows = true};
    compact_bridge bridge = {report, context};
    wend_compact_options defaults;

    wend_compact_options_init(&defaults);
    options = options != NULL ? options : &defaults;
    wendi_compaction_options inner = {.target_file_bytes = options->target_bytes,
                                      .memory_bytes = (size_t)options->memory_bytes,
                                      .zstd_level = options->level,
                                      .all = options->all};
    WEND_TRY(wendi_api_argument(store, "store", error));
    WEND_TRY(wendi_api_argument(table, "table", error));
    WEND_TRY(check_options(options, error));
    WEND_TRY(wendi_table_open(store->path, wendi_string_of(table), &opened, error));
    if (options->dry_run) {
        WEND_TRY(tell_plan(opened, &inner, &bridge, error));
    } else {
        WEND_TRY(wendi_table_writer_open(opened, &writer_options, &writer, error));
        WEND_TRY(wendi_table_writer_compact(writer, &inner, forward, &bridge, error));
    }
cleanup:
    wendi_table_writer_close(writer);
    wendi_table_close(opened);
    return status;
}
