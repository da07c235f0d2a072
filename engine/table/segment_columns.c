/*
 * Columns by the schema of today. Values that a segment lacks are one constant a schema; generated
 * ones are computed batch by batch from the same row group's columns, which may be absent in turn:
 * a rule reads only columns that stand before it, so that ends.
 */
#include "engine/table/segment_columns.h"

#include <string.h>

#include "engine/base/alloc.h"

/* ---- what absent columns read as ---- */

wend_status wendi_absent_columns_open(const wendi_schema *schema, wendi_absent_columns *absent,
                                      wend_error *error)
{
    wend_status status = WEND_OK;
    bool generated = false;
    *absent = (wendi_absent_columns){
        .schema = schema, .values = wendi_alloc_zero(schema->column_count, sizeof *absent->values)};
    if (absent->values == NULL) {
        return wendi_fail_nomem(error, "defaults", schema->column_count * sizeof *absent->values);
    }
    for (uint32_t i = 0; i < schema->column_count; i++) {
        const wendi_column *column = &schema->columns[i];
        wendi_value *value = &absent->values[i];
        const char *reason = "";
        if (column->has_default &&
            wendi_value_parse(column->type, column->default_value, wendi_timezone_utc(), value,
                              &reason) != WEND_OK) {
            WEND_TRY(wendi_fail(error, WEND_CORRUPT,
                                "the default of column %.*s cannot be read: %s",
                                (int)column->name.length, column->name.data, reason));
        }
        value->type = column->type;
        value->null = !column->has_default;
        generated |= column->generated.length != 0;
    }
    if (generated) {
        WEND_TRY(wendi_schema_rules_open(schema, &absent->rules, error));
    }
cleanup:
    if (status != WEND_OK) {
        wendi_absent_columns_close(absent);
    }
    return status;
}

void wendi_absent_columns_close(wendi_absent_columns *absent)
{
    wendi_free(absent->values);
    wendi_schema_rules_close(absent->rules);
    memset(absent, 0, sizeof *absent);
}

/* ---- one row group ---- */

static wend_status check_type(const wendi_segment_columns *columns, uint32_t position,
                              wend_error *error)
{
    char stored[40];
    char wanted[40];
    const wendi_column *column = &columns->absent->schema->columns[position];
    const wendi_segment_column *there =
        wendi_segment_column_at(columns->segment, columns->columns[position]);
    if (wendi_type_physical(there->type) == wendi_type_physical(column->type) &&
        there->type.kind == column->type.kind && there->type.scale == column->type.scale) {
        return WEND_OK;
    }
    return wendi_fail(error, WEND_UNSUPPORTED,
                      "column %.*s is %s in the schema and %s in a segment",
                      (int)column->name.length, column->name.data,
                      wendi_type_name(column->type, wanted), wendi_type_name(there->type, stored));
}

wend_status wendi_segment_columns_open(const wendi_absent_columns *absent, wendi_segment *segment,
                                       uint32_t row_group, wendi_segment_columns *columns,
                                       wend_error *error)
{
    const wendi_schema *schema = absent->schema;
    wend_status status = WEND_OK;
    *columns = (wendi_segment_columns){
        .absent = absent,
        .segment = segment,
        .row_group = row_group,
        .columns = wendi_alloc_zero(schema->column_count, sizeof *columns->columns),
        .chunks = wendi_alloc_zero(schema->column_count, sizeof(wendi_chunk *)),
        .vectors = wendi_alloc_zero(schema->column_count, sizeof *columns->vectors)};
    if (columns->columns == NULL || columns->chunks == NULL || columns->vectors == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "columns of a row group",
                                  schema->column_count * sizeof *columns->vectors));
    }
    for (uint32_t i = 0; i < schema->column_count; i++) {
        columns->columns[i] = wendi_segment_find_column(segment, schema->columns[i].id);
        if (wendi_segment_columns_has(columns, i)) {
            WEND_TRY(check_type(columns, i, error));
        }
    }
cleanup:
    if (status != WEND_OK) {
        wendi_segment_columns_close(columns);
    }
    return status;
}

void wendi_segment_columns_close(wendi_segment_columns *columns)
{
    if (columns->chunks != NULL) {
        for (uint32_t i = 0; i < columns->absent->schema->column_count; i++) {
            wendi_chunk_close(columns->chunks[i]);
        }
    }
    wendi_evaluator_close(columns->evaluator);
    wendi_free(columns->columns);
    wendi_free(columns->chunks);
    wendi_free(columns->vectors);
    memset(columns, 0, sizeof *columns);
}

wend_status wendi_segment_columns_chunk(wendi_segment_columns *columns, uint32_t position,
                                        wendi_chunk **chunk_out, wend_error *error)
{
    wend_status status = WEND_OK;
    if (columns->chunks[position] == NULL) {
        status = wendi_chunk_open(columns->segment, columns->row_group, columns->columns[position],
                                  &columns->chunks[position], error);
    }
    *chunk_out = columns->chunks[position];
    return status;
}

void wendi_segment_columns_drop(wendi_segment_columns *columns, uint32_t position)
{
    wendi_chunk_close(columns->chunks[position]);
    columns->chunks[position] = NULL;
}

/* The vector borrows the value. */
static wendi_vector constant_of(const wendi_value *value, uint32_t row_count)
{
    static const uint8_t one_null = 1;
    wendi_vector vector = {.type = value->type,
                           .form = WENDI_FORM_CONSTANT,
                           .row_count = row_count,
                           .nulls = value->null ? &one_null : NULL};
    switch (wendi_type_physical(value->type)) {
    case WENDI_PHYSICAL_STRING:
        vector.strings = &value->string;
        break;
    case WENDI_PHYSICAL_B16:
        vector.b16 = &value->b16;
        break;
    case WENDI_PHYSICAL_F64:
        vector.f64 = &value->f64;
        break;
    case WENDI_PHYSICAL_I64:
        vector.i64 = &value->i64;
        break;
    }
    return vector;
}

static const wendi_expr *rule_of(const wendi_segment_columns *columns, uint32_t position)
{
    const wendi_schema_rules *rules = columns->absent->rules;
    return rules == NULL ? NULL : rules->generated[position];
}

static wend_status read_one(wendi_segment_columns *columns, uint32_t position, uint32_t first_row,
                            uint32_t row_count, wend_error *error);

/* Compute an absent generated column; its inputs' vectors are made first. */
static wend_status generate(wendi_segment_columns *columns, uint32_t position, uint32_t first_row,
                            uint32_t row_count, wend_error *error)
{
    const wendi_schema *schema = columns->absent->schema;
    const wendi_expr *rule = rule_of(columns, position);
    wend_status status = WEND_OK;
    uint8_t *used = wendi_alloc_zero(schema->column_count, 1);
    if (used == NULL) {
        return wendi_fail_nomem(error, "a generated column", schema->column_count);
    }
    wendi_expr_slots(rule, used, schema->column_count);
    for (uint32_t i = 0; i < schema->column_count; i++) {
        if (used[i]) {
            WEND_TRY(read_one(columns, i, first_row, row_count, error));
        }
    }
    wendi_batch batch = {row_count, schema->column_count, columns->vectors};
    WEND_TRY(
        wendi_evaluate(columns->evaluator, rule, &batch, NULL, &columns->vectors[position], error));
cleanup:
    if (status == WEND_INVALID) {
        wendi_error_context(error, "column %.*s of rows that were stored before it was added",
                            (int)schema->columns[position].name.length,
                            schema->columns[position].name.data);
    }
    wendi_free(used);
    return status;
}

static wend_status read_one(wendi_segment_columns *columns, uint32_t position, uint32_t first_row,
                            uint32_t row_count, wend_error *error)
{
    if (wendi_segment_columns_has(columns, position)) {
        wendi_chunk *chunk;
        wend_status status = wendi_segment_columns_chunk(columns, position, &chunk, error);
        return status != WEND_OK ? status
                                 : wendi_chunk_read(chunk, first_row, row_count,
                                                    &columns->vectors[position], error);
    }
    if (rule_of(columns, position) != NULL) {
        return generate(columns, position, first_row, row_count, error);
    }
    columns->vectors[position] = constant_of(&columns->absent->values[position], row_count);
    return WEND_OK;
}

wend_status wendi_segment_columns_read(wendi_segment_columns *columns, uint32_t position,
                                       uint32_t first_row, uint32_t row_count, wendi_vector *vector,
                                       wend_error *error)
{
    wend_status status = WEND_OK;
    if (!wendi_segment_columns_has(columns, position) && rule_of(columns, position) != NULL) {
        if (columns->evaluator == NULL) {
            WEND_TRY(wendi_evaluator_open(&columns->evaluator, error));
        }
        wendi_evaluator_reset(columns->evaluator);
    }
    WEND_TRY(read_one(columns, position, first_row, row_count, error));
    *vector = columns->vectors[position];
cleanup:
    return status;
}
