/* EXPLAIN as an operator over the tree it shows. */
#include "query/explain.h"

#include <inttypes.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "query/rows.h"

typedef struct explain_operator {
    wendi_operator head;
    wendi_operator *root;
    bool analyze;
    bool done;
    wendi_rows lines;
    uint32_t next_row;
} explain_operator;

static const wendi_output_column explain_column = {
    .name = {"QUERY PLAN", 10}, .type = {.kind = WENDI_TYPE_TEXT}, .dictionary = false};

static void explain_close(wendi_operator *self)
{
    explain_operator *explain = (explain_operator *)self;

    wendi_operator_close(explain->root);
    wendi_rows_free(&explain->lines);
    wendi_free(explain);
}

static wend_status add_line(explain_operator *explain, const wendi_buffer *line, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_value value = {.type = wendi_type_of(WENDI_TYPE_TEXT),
                         .string = {(const char *)line->data, (uint32_t)line->length}};

    WEND_TRY(wendi_rows_reserve(&explain->lines, 1, error));
    WEND_TRY(wendi_rows_set(&explain->lines, explain->lines.row_count, 0, &value, error));
    explain->lines.row_count++;
cleanup:
    return status;
}

static wend_status show(explain_operator *explain, const wendi_operator *node, uint32_t depth,
                        wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_buffer line = {0};

    for (uint32_t i = 0; i < depth; i++) {
        WEND_TRY(wendi_buffer_printf(&line, "  "));
    }
    WEND_TRY(wendi_buffer_printf(&line, "%s%s", depth == 0 ? "" : "-> ", node->class_of->name));
    if (node->class_of->describe != NULL) {
        WEND_TRY(node->class_of->describe(node, &line));
    }
    if (explain->analyze) {
        WEND_TRY(wendi_buffer_printf(&line, " (rows %" PRIu64, node->rows_out));
        if (node->spent_us > 0) {
            WEND_TRY(wendi_buffer_printf(&line, ", %" PRId64 ".%03" PRId64 " ms",
                                         node->spent_us / 1000, node->spent_us % 1000));
        }
        WEND_TRY(wendi_buffer_printf(&line, ")"));
    }
    WEND_TRY(add_line(explain, &line, error));
    for (uint32_t i = 0; i < node->input_count; i++) {
        WEND_TRY(show(explain, node->inputs[i], depth + 1, error));
    }
cleanup:
    wendi_buffer_free(&line);
    return status;
}

static wend_status run(explain_operator *explain, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_buffer line = {0};
    wendi_vector *vectors = wendi_alloc_zero(explain->root->column_count + 1, sizeof *vectors);

    if (vectors == NULL) {
        return wendi_fail_nomem(error, "EXPLAIN", explain->root->column_count * sizeof *vectors);
    }
    while (explain->analyze && status == WEND_OK) {
        wendi_batch batch = {.columns = vectors};
        status = wendi_operator_next(explain->root, &batch, error);
    }
    status = status == WEND_END ? WEND_OK : status;
    WEND_TRY(status);
    WEND_TRY(show(explain, explain->root, 0, error));
    if (explain->analyze) {
        WEND_TRY(wendi_buffer_printf(&line, "Threads: %u, peak memory: %" PRIu64 " bytes",
                                     wendi_thread_pool_workers(explain->head.context->pool),
                                     (uint64_t)explain->head.context->memory.peak_bytes));
        WEND_TRY(add_line(explain, &line, error));
    }
    explain->done = true;
cleanup:
    wendi_buffer_free(&line);
    wendi_free(vectors);
    return status;
}

static wend_status explain_next(wendi_operator *self, wendi_batch *batch, wend_error *error)
{
    wend_status status = WEND_OK;
    explain_operator *explain = (explain_operator *)self;

    if (!explain->done) {
        WEND_TRY(run(explain, error));
    }
    uint32_t left = explain->lines.row_count - explain->next_row;
    if (left == 0) {
        return WEND_END;
    }
    batch->row_count = left;
    batch->column_count = 1;
    wendi_rows_view(&explain->lines, explain->next_row, left, batch->columns, 1);
    explain->next_row += left;
cleanup:
    return status;
}

static const wendi_operator_class explain_class = {"Explain", explain_next, NULL, explain_close};

wend_status wendi_explain_open(wendi_query_context *context, wendi_operator *root, bool analyze,
                               wendi_operator **operator_out, wend_error *error)
{
    wend_status status = WEND_OK;
    explain_operator *explain = wendi_alloc_zero(1, sizeof *explain);

    *operator_out = NULL;
    if (explain == NULL) {
        wendi_operator_close(root);
        return wendi_fail_nomem(error, "EXPLAIN", sizeof *explain);
    }
    explain->head = (wendi_operator){.class_of = &explain_class,
                                     .context = context,
                                     .columns = &explain_column,
                                     .column_count = 1};
    explain->root = root;
    explain->analyze = analyze;
    WEND_TRY(wendi_rows_init(&explain->lines, context, "EXPLAIN", &explain_column.type, 1, error));
    *operator_out = &explain->head;
    explain = NULL;
cleanup:
    wendi_operator_close(explain == NULL ? NULL : &explain->head);
    return status;
}
