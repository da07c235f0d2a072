/* A table as an operator: what EXPLAIN shows and what pipes read. */
#include <inttypes.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "query/operators.h"

wend_status wendi_scan_operator_open(wendi_query_context *context, wendi_arena *arena,
                                     const wendi_plan *plan, const uint32_t *columns,
                                     uint32_t column_count, const wendi_expr *filter,
                                     wendi_scan_operator **operator_out, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_scan_options options = {
        .columns = columns, .column_count = column_count, .filter = filter};
    wendi_output_column *outputs =
        wendi_arena_alloc_zero(arena, (column_count + 1) * sizeof *outputs);
    wendi_scan_operator *scan = wendi_alloc_zero(1, sizeof *scan);

    *operator_out = NULL;
    if (scan == NULL || outputs == NULL) {
        wendi_free(scan);
        return wendi_fail_nomem(error, "a scan", sizeof *scan);
    }
    for (uint32_t i = 0; i < column_count; i++) {
        outputs[i] = plan->columns[columns[i]];
    }
    scan->head = (wendi_operator){.class_of = &wendi_scan_operator_class,
                                  .context = context,
                                  .columns = outputs,
                                  .column_count = column_count};
    scan->table = plan->table;
    scan->schema = wendi_snapshot_schema(plan->snapshot);
    scan->columns = columns;
    scan->filtered = filter != NULL;
    WEND_TRY(wendi_scan_open(context, plan->snapshot, &options, &scan->scan, error));
    *operator_out = scan;
    scan = NULL;
cleanup:
    wendi_operator_close(scan == NULL ? NULL : &scan->head);
    return status;
}

wend_status wendi_scan_operator_pull(wendi_scan_operator *scan, wendi_batch *batch,
                                     wendi_selection *selection, wend_error *error)
{
    wend_status status = WEND_OK;
    uint32_t unit_count = 0;
    uint32_t first_row = 0;
    const wendi_scan_unit *units = wendi_scan_units(scan->scan, &unit_count);

    if (scan->reader == NULL) {
        WEND_TRY(wendi_scan_reader_open(scan->scan, &scan->reader, error));
    }
    for (; scan->unit < unit_count; scan->unit++, scan->started = false) {
        if (!scan->started) {
            WEND_TRY(wendi_scan_reader_start(scan->reader, &units[scan->unit], error));
            scan->started = true;
        }
        status = wendi_scan_reader_next(scan->reader, batch, selection, &first_row, error);
        if (status != WEND_END) {
            return status;
        }
    }
    status = WEND_END;
cleanup:
    return status;
}

/* Only pipes read scans, by pulling with a selection or by morsels. */
static wend_status scan_next(wendi_operator *self, wendi_batch *batch, wend_error *error)
{
    (void)self;
    (void)batch;
    return wendi_fail(error, WEND_UNSUPPORTED, "a scan is read through a pipe");
}

static wend_status scan_describe(const wendi_operator *self, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    const wendi_scan_operator *scan = (const wendi_scan_operator *)self;
    const wendi_query_counters *counters = wendi_scan_counters(scan->scan);

    WEND_TRY(wendi_buffer_printf(out, " %.*s (", (int)scan->table.length, scan->table.data));
    for (uint32_t i = 0; i < self->column_count; i++) {
        WEND_TRY(wendi_buffer_printf(out, "%s%.*s", i == 0 ? "" : ", ",
                                     (int)self->columns[i].name.length,
                                     self->columns[i].name.data));
    }
    WEND_TRY(wendi_buffer_printf(
        out,
        ")%s: segments %" PRIu64 " of %" PRIu64 " (opened %" PRIu64 "), row groups %" PRIu64
        " of %" PRIu64 ", pages %" PRIu64 " of %" PRIu64 ", rows %" PRIu64,
        scan->filtered ? " filtered" : "", counters->segments_total - counters->segments_skipped,
        counters->segments_total, counters->segments_opened,
        counters->row_groups_total - counters->row_groups_skipped, counters->row_groups_total,
        counters->pages_total - counters->pages_skipped, counters->pages_total,
        wendi_scan_row_count(scan->scan)));
    if (counters->vectors_total > 0) {
        WEND_TRY(wendi_buffer_printf(
            out,
            "; vectors %" PRIu64 " of %" PRIu64 ", rows looked at %" PRIu64 ", passed %" PRIu64,
            counters->vectors_total - counters->vectors_skipped, counters->vectors_total,
            counters->rows_scanned, counters->rows_passed));
    }
cleanup:
    return status;
}

static void scan_close(wendi_operator *self)
{
    wendi_scan_operator *scan = (wendi_scan_operator *)self;

    wendi_scan_reader_close(scan->reader);
    wendi_scan_close(scan->scan);
    wendi_free(scan);
}

const wendi_operator_class wendi_scan_operator_class = {"Scan", scan_next, scan_describe,
                                                        scan_close};
