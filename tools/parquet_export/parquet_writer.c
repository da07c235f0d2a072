/*
 * From staged rows to row groups in files.
 */
#include "tools/parquet_export/parquet_writer.h"

wend_status parquet_writer_open(parquet_writer *writer, const parquet_writer_context *context,
                                const uint8_t *folder, size_t folder_length)
{
    *writer = (parquet_writer){0};
    writer->folder = parquet_format("%.*s", (int)folder_length, (const char *)folder);
    writer->chunks = parquet_alloc_zero(context->column_count, sizeof(*writer->chunks));
    if (writer->folder == NULL || writer->chunks == NULL) {
        parquet_writer_close(writer, context);
        return WEND_NOMEM;
    }
    for (size_t i = 0; i < context->column_count; i++) {
        writer->chunks[i].column = context->columns[i];
    }
    return WEND_OK;
}

void parquet_writer_close(parquet_writer *writer, const parquet_writer_context *context)
{
    for (size_t i = 0; writer->chunks != NULL && i < context->column_count; i++) {
        parquet_chunk_reset(&writer->chunks[i]);
    }
    parquet_free(writer->chunks);
    parquet_free(writer->folder);
    parquet_file_abandon(&writer->file);
    *writer = (parquet_writer){0};
}

wend_status parquet_writer_append(parquet_writer *writer, const parquet_writer_context *context,
                                  const uint32_t *rows, size_t count)
{
    wend_status status = WEND_OK;

    writer->buffered_bytes = 0;
    for (size_t i = 0; i < context->column_count; i++) {
        PARQUET_TRY(parquet_chunk_append(&writer->chunks[i], context->stages[i], rows, count));
        writer->buffered_bytes += parquet_chunk_bytes(&writer->chunks[i]);
    }
    writer->row_count += count;
cleanup:
    return status;
}

static wend_status begin_file(parquet_writer *writer, parquet_writer_context *context,
                              wend_error *error)
{
    char *path = NULL;
    wend_status status = WEND_OK;

    if (writer->file.path != NULL) {
        return WEND_OK;
    }
    PARQUET_TRY(
        parquet_output_part(context->output, writer->folder, writer->part_count, &path, error));
    writer->part_count++;
    PARQUET_TRY(parquet_file_begin(&writer->file, path, error));
cleanup:
    return status;
}

static wend_status finish_file(parquet_writer *writer, parquet_writer_context *context,
                               wend_error *error)
{
    wend_status status =
        parquet_file_finish(&writer->file, context->columns, context->column_count, error);

    if (status == WEND_OK) {
        context->stats->file_count++;
        context->stats->byte_count += writer->file.length;
    }
    return status;
}

wend_status parquet_writer_flush(parquet_writer *writer, parquet_writer_context *context,
                                 wend_error *error)
{
    parquet_file_column *columns = NULL;
    wend_status status = WEND_OK;

    if (writer->row_count == 0) {
        return WEND_OK;
    }
    columns = parquet_alloc(context->column_count * sizeof(*columns));
    if (columns == NULL) {
        return WEND_NOMEM;
    }
    for (size_t i = 0; i < context->column_count; i++) {
        columns[i] =
            (parquet_file_column){.chunk = &writer->chunks[i], .pool = &context->stages[i]->pool};
    }
    PARQUET_TRY(begin_file(writer, context, error));
    PARQUET_TRY(parquet_file_append(&writer->file, &context->encoder, columns,
                                    context->column_count, (int64_t)writer->row_count, error));
    context->stats->row_group_count++;
    for (size_t i = 0; i < context->column_count; i++) {
        parquet_chunk_reset(&writer->chunks[i]);
    }
    writer->row_count = 0;
    writer->buffered_bytes = 0;
    if (context->options->file_bytes > 0 && writer->file.length >= context->options->file_bytes) {
        PARQUET_TRY(finish_file(writer, context, error));
    }
cleanup:
    parquet_free(columns);
    return status;
}

wend_status parquet_writer_finish(parquet_writer *writer, parquet_writer_context *context,
                                  wend_error *error)
{
    wend_status status = WEND_OK;

    PARQUET_TRY(parquet_writer_flush(writer, context, error));
    if (writer->part_count == 0) {
        PARQUET_TRY(begin_file(writer, context, error));
    }
    if (writer->file.path != NULL) {
        PARQUET_TRY(finish_file(writer, context, error));
    }
cleanup:
    return status;
}
