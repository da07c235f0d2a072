/* Appending through the public API. */
#include <string.h>

#include "engine/api/api_internal.h"
#include "engine/api/arrow_import.h"
#include "engine/base/alloc.h"
#include "engine/base/status.h"
#include "ingest/appender.h"

struct wend_writer {
    wendi_table *table;
    wendi_appender *appender;
};

WEND_API wend_status wend_writer_open(wend_store *store, const char *table, const char *source,
                                      wend_writer **writer_out, wend_error *error)
{
    wend_status status = WEND_OK;
    wend_writer *writer = NULL;

    WEND_TRY(wendi_api_argument(writer_out, "writer_out", error));
    *writer_out = NULL;
    WEND_TRY(wendi_api_argument(store, "store", error));
    WEND_TRY(wendi_api_argument(table, "table", error));
    WEND_TRY(wendi_api_argument(source, "source", error));
    writer = wendi_alloc_zero(1, sizeof *writer);
    if (writer == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "a writer", sizeof *writer));
    }
    WEND_TRY(wendi_table_open(store->path, wendi_string_of(table), &writer->table, error));
    WEND_TRY(wendi_appender_open(writer->table, source, NULL, &writer->appender, error));
    *writer_out = writer;
    writer = NULL;
cleanup:
    wend_writer_close(writer);
    return status;
}

WEND_API int64_t wend_writer_position(const wend_writer *writer)
{
    return wendi_appender_position(writer->appender);
}

WEND_API wend_status wend_writer_append_json(wend_writer *writer, const char *lines, size_t length,
                                             wend_error *error)
{
    wend_status status = WEND_OK;

    WEND_TRY(wendi_api_argument(writer, "writer", error));
    WEND_TRY(wendi_api_argument(lines, "lines", error));
    WEND_TRY(wendi_appender_json(writer->appender, lines, length, error));
cleanup:
    return status;
}

/* For each column of the table the field that fills it; array NULL: none does. */
static wend_status match_fields(const wendi_schema *schema, const struct ArrowSchema *fields,
                                const struct ArrowArray *array, wendi_arrow_field *matched,
                                wend_error *error)
{
    wend_status status = WEND_OK;

    for (int64_t i = 0; i < fields->n_children; i++) {
        const struct ArrowSchema *field = fields->children[i];
        wendi_string name = wendi_string_of(field->name == NULL ? "" : field->name);
        uint32_t column = wendi_schema_find(schema, name);
        if (column == WENDI_NO_COLUMN) {
            return wendi_fail(error, WEND_INVALID, "field \"%s\" is no column of table \"%.*s\"",
                              name.data, (int)schema->table_name.length, schema->table_name.data);
        }
        if (schema->columns[column].origin == WENDI_ORIGIN_GENERATED ||
            matched[column].array != NULL) {
            return wendi_fail(error, WEND_INVALID, "field \"%s\" is %s", name.data,
                              matched[column].array != NULL ? "there twice" : "a generated column");
        }
        WEND_TRY(wendi_arrow_field_open(field, array->children[i], array->offset,
                                        schema->columns[column].type, &matched[column], error));
    }
cleanup:
    return status;
}

static wend_status cell(const wendi_column *column, const wendi_arrow_field *field, int64_t row,
                        wendi_value *value, wend_error *error)
{
    const char *reason = "";
    wend_status status = WEND_OK;

    if (field->array != NULL) {
        status = wendi_arrow_field_value(field, row, value, &reason);
    } else {
        *value = (wendi_value){.type = column->type, .null = true};
        if (column->has_default && column->origin != WENDI_ORIGIN_GENERATED) {
            status = wendi_value_parse(column->type, column->default_value, wendi_timezone_utc(),
                                       value, &reason);
            value->type = column->type;
        }
    }
    if (status != WEND_OK) {
        return wendi_fail(error, status, "row %lld, column \"%.*s\": %s", (long long)row,
                          (int)column->name.length, column->name.data, reason);
    }
    return WEND_OK;
}

static wend_status fill_rows(const wendi_schema *schema, const wendi_arrow_field *fields,
                             int64_t row_count, wendi_row_builder *builder, wend_error *error)
{
    wend_status status = WEND_OK;
    uint32_t first = builder->row_count;

    for (int64_t row = 0; row < row_count; row++) {
        for (uint32_t column = 0; column < schema->column_count; column++) {
            wendi_value value;
            WEND_TRY(cell(&schema->columns[column], &fields[column], row, &value, error));
            if (wendi_row_builder_set(builder, column, &value) != WEND_OK) {
                WEND_TRY(wendi_fail_nomem(error, "a row", sizeof value));
            }
        }
        builder->row_count++;
    }
cleanup:
    if (status != WEND_OK) {
        builder->row_count = first; /* Nothing of a batch that failed is taken. */
    }
    return status;
}

static wend_status check_batch(const struct ArrowSchema *schema, const struct ArrowArray *array,
                               wend_error *error)
{
    wend_status status = WEND_OK;

    WEND_TRY(wendi_api_argument(schema, "schema", error));
    WEND_TRY(wendi_api_argument(array, "array", error));
    if (strcmp(schema->format, "+s") != 0 || schema->n_children != array->n_children) {
        WEND_TRY(wendi_fail(error, WEND_INVALID,
                            "the batch must be a struct array with the schema's fields"));
    }
    if (array->length > WENDI_PAGE_ROWS) {
        WEND_TRY(wendi_fail(error, WEND_INVALID,
                            "the batch has %lld rows; append at most %d at once",
                            (long long)array->length, (int)WENDI_PAGE_ROWS));
    }
    if (array->null_count != 0 && array->n_buffers > 0 && array->buffers[0] != NULL) {
        WEND_TRY(wendi_fail(error, WEND_INVALID, "rows of the batch are null as a whole"));
    }
cleanup:
    return status;
}

WEND_API wend_status wend_writer_append_arrow(wend_writer *writer, const struct ArrowSchema *schema,
                                              const struct ArrowArray *array, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_arrow_field *fields = NULL;
    wendi_row_builder *builder = NULL;

    WEND_TRY(wendi_api_argument(writer, "writer", error));
    WEND_TRY(check_batch(schema, array, error));
    if (array->length == 0) {
        return WEND_OK;
    }
    const wendi_schema *table = wendi_appender_schema(writer->appender);
    fields = wendi_alloc_zero(table->column_count, sizeof *fields);
    if (fields == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "a batch's fields", table->column_count * sizeof *fields));
    }
    WEND_TRY(match_fields(table, schema, array, fields, error));
    WEND_TRY(wendi_appender_rows(writer->appender, (uint32_t)array->length, &builder, error));
    WEND_TRY(fill_rows(table, fields, array->length, builder, error));
    WEND_TRY(wendi_appender_settle(writer->appender, error));
cleanup:
    wendi_free(fields);
    return status;
}

WEND_API wend_status wend_writer_commit(wend_writer *writer, int64_t position, wend_error *error)
{
    wend_status status = WEND_OK;

    WEND_TRY(wendi_api_argument(writer, "writer", error));
    WEND_TRY(wendi_appender_commit(writer->appender, position, error));
cleanup:
    return status;
}

WEND_API wend_writer_counts wend_writer_counts_now(const wend_writer *writer)
{
    wendi_appender_counts counts = wendi_appender_counts_now(writer->appender);

    return (wend_writer_counts){counts.taken, counts.stored, counts.rejected, counts.deduplicated};
}

WEND_API void wend_writer_close(wend_writer *writer)
{
    if (writer != NULL) {
        wendi_appender_close(writer->appender);
        wendi_table_close(writer->table);
        wendi_free(writer);
    }
}
