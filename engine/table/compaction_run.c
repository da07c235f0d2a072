/*
 * Carrying plans out, for whoever holds the writer. A step's files are written before its commit
 * and taken away again when one of them fails; once the commit was tried only a sweep may do that.
 */
#include "engine/table/compaction.h"

#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/clock.h"
#include "engine/table/segment_output.h"
#include "engine/table/table_handle.h"

typedef struct step_run {
    const wendi_compaction_plan *plan;
    const wendi_compaction_step *step;
    wendi_segment_entry *outputs;
    uint32_t output_count;
    uint8_t (*dropped)[WENDI_UUID_BYTES];
} step_run;

static wend_status step_open(step_run *run, const wendi_compaction_plan *plan, uint32_t step,
                             wend_error *error)
{
    *run = (step_run){.plan = plan, .step = &plan->steps[step]};
    run->outputs = wendi_alloc_zero(run->step->job_count, sizeof *run->outputs);
    run->dropped = wendi_alloc_zero(run->step->input_count, sizeof *run->dropped);
    if (run->outputs == NULL || run->dropped == NULL) {
        return wendi_fail_nomem(error, "a compaction",
                                run->step->input_count * sizeof *run->dropped);
    }
    for (uint32_t i = 0; i < run->step->input_count; i++) {
        memcpy(run->dropped[i], run->step->inputs[i]->uuid, WENDI_UUID_BYTES);
    }
    return WEND_OK;
}

/* All jobs; every row of the inputs must have come out, else nothing may be dropped. */
static wend_status merge_jobs(step_run *run, const wendi_compaction_options *options,
                              wend_error *error)
{
    uint64_t rows = 0;
    for (uint32_t i = 0; i < run->step->job_count; i++) {
        wendi_segment_entry *output = &run->outputs[run->output_count];
        wend_status status =
            wendi_compaction_merge(run->plan, run->step->first_job + i, options, output, error);
        if (status != WEND_OK) {
            return status;
        }
        rows += output->row_count;
        run->output_count += output->row_count != 0;
    }
    return rows == run->step->input_rows
               ? WEND_OK
               : wendi_fail(error, WEND_CORRUPT,
                            "%llu rows were to be merged and %llu came out: nothing was changed",
                            (unsigned long long)run->step->input_rows, (unsigned long long)rows);
}

wend_status wendi_table_writer_compact_step(wendi_table_writer *writer,
                                            const wendi_compaction_plan *plan, uint32_t step,
                                            const wendi_compaction_options *options,
                                            void (*report)(void *context,
                                                           const wendi_compaction_result *result),
                                            void *context, wend_error *error)
{
    int64_t begun = wendi_clock_monotonic_us();
    bool tried = false;
    step_run run;
    wend_status status = WEND_OK;
    WEND_TRY(step_open(&run, plan, step, error));
    WEND_TRY(merge_jobs(&run, options, error));
    tried = true;
    WEND_TRY(wendi_table_writer_replace(writer, (const uint8_t(*)[WENDI_UUID_BYTES])run.dropped,
                                        run.step->input_count, run.outputs, run.output_count,
                                        error));
    if (report != NULL) {
        wendi_compaction_result result = {.plan = plan,
                                          .step = run.step,
                                          .outputs = run.outputs,
                                          .output_count = run.output_count,
                                          .seconds =
                                              (double)(wendi_clock_monotonic_us() - begun) / 1e6};
        report(context, &result);
    }
cleanup:
    for (uint32_t i = 0; !tried && i < run.output_count; i++) {
        const wendi_table *table = plan->snapshot->table;
        wendi_segment_output_remove(table->io, table->folder, run.outputs[i].uuid);
    }
    wendi_free(run.outputs);
    wendi_free(run.dropped);
    return status;
}

wend_status
wendi_table_writer_compact(wendi_table_writer *writer, const wendi_compaction_options *options,
                           void (*report)(void *context, const wendi_compaction_result *result),
                           void *context, wend_error *error)
{
    static const wendi_compaction_options defaults;
    wend_status status = WEND_OK;
    bool again = true;
    options = options != NULL ? options : &defaults;
    while (status == WEND_OK && again) {
        wendi_compaction_plan *plan;
        status =
            wendi_compaction_plan_make(wendi_table_writer_snapshot(writer), options, &plan, error);
        if (status != WEND_OK) {
            break;
        }
        again = plan->partial;
        for (uint32_t i = 0; status == WEND_OK && i < plan->step_count; i++) {
            status =
                wendi_table_writer_compact_step(writer, plan, i, options, report, context, error);
        }
        wendi_compaction_plan_free(plan);
    }
    return status;
}
