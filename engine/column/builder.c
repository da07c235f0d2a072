/*
 * Row builders. One allocation for all arrays at init, and none afterwards but the interners', so that a row
 * either fits entirely or leaves no trace: raising row_count is its commit. Lanes and strips: builder_lanes.c.
 */
#include "engine/column/builder.h"

#include <assert.h>

#include "engine/base/alloc.h"

enum { ARRAY_ALIGNMENT = 64, ARRAY_PADDING = 64 };

static size_t value_bytes(wendi_physical physical)
{
    switch (physical) {
    case WENDI_PHYSICAL_I64:
        return sizeof(int64_t);
    case WENDI_PHYSICAL_F64:
        return sizeof(double);
    case WENDI_PHYSICAL_B16:
        return sizeof(wendi_b16);
    case WENDI_PHYSICAL_STRING:
        break;
    }
    return sizeof(uint32_t);
}

/* Room for `count` values and padding, as part of one allocation. */
static size_t array_bytes(size_t count, size_t each)
{
    return (count * each + ARRAY_PADDING + ARRAY_ALIGNMENT - 1) & ~(size_t)(ARRAY_ALIGNMENT - 1);
}

static size_t all_array_bytes(const wendi_schema *schema, size_t row_capacity)
{
    size_t bytes = array_bytes(row_capacity, sizeof(uint32_t));
    for (uint32_t i = 0; i < schema->column_count; i++) {
        wendi_physical physical = wendi_type_physical(schema->columns[i].type);
        bytes += array_bytes(row_capacity, value_bytes(physical));
        bytes += physical != WENDI_PHYSICAL_STRING ? array_bytes(row_capacity, 1) : 0;
    }
    return bytes;
}

/* The next array of `count` values; its padding is zeroed. */
static void *cut_array(char **at, size_t count, size_t each)
{
    void *array = *at;
    memset(*at + count * each, 0, ARRAY_PADDING);
    *at += array_bytes(count, each);
    return array;
}

static wend_status init_column(wendi_column_builder *column, wendi_type type, uint32_t row_capacity, char **at)
{
    column->type = type;
    column->physical = (uint8_t)wendi_type_physical(type);
    column->data = cut_array(at, row_capacity, value_bytes((wendi_physical)column->physical));
    if (column->physical == WENDI_PHYSICAL_STRING) {
        return wendi_interner_reserve(&column->interner, 0);
    }
    column->nulls = cut_array(at, row_capacity, 1);
    return WEND_OK;
}

wend_status wendi_row_builder_init(wendi_row_builder *builder, const wendi_schema *schema, uint32_t row_capacity,
                                   wend_error *error)
{
    wend_status status = WEND_OK;

    assert(row_capacity >= 1 && row_capacity <= WENDI_ROW_GROUP_ROWS_MAX);
    *builder = (wendi_row_builder){.schema = schema, .row_capacity = row_capacity};
    builder->columns = wendi_alloc_zero(schema->column_count, sizeof *builder->columns);
    builder->arrays = wendi_alloc_aligned(ARRAY_ALIGNMENT, all_array_bytes(schema, row_capacity));
    if (builder->columns == NULL || builder->arrays == NULL) {
        WEND_TRY(WEND_NOMEM);
    }
    char *at = builder->arrays;
    builder->partitions = cut_array(&at, row_capacity, sizeof(uint32_t));
    memset(builder->partitions, 0, row_capacity * sizeof(uint32_t)); /* who has one source need not name it */
    builder->column_count = schema->column_count;
    for (uint32_t i = 0; i < schema->column_count; i++) {
        WEND_TRY(init_column(&builder->columns[i], schema->columns[i].type, row_capacity, &at));
    }
cleanup:
    if (status != WEND_OK) {
        wendi_row_builder_free(builder);
        wendi_fail(error, status, "no memory for a batch of %u rows", row_capacity);
        wendi_error_hint(error, "let batches have fewer rows, or give the process more memory");
    }
    return status;
}

wend_status wendi_row_builder_set(wendi_row_builder *builder, uint32_t column, const wendi_value *value)
{
    assert(column < builder->column_count && builder->row_count < builder->row_capacity);
    wendi_column_builder *into = &builder->columns[column];
    uint32_t row = builder->row_count;
    assert(value->null || wendi_type_physical(value->type) == (wendi_physical)into->physical);

    if (into->physical == WENDI_PHYSICAL_STRING) {
        into->codes[row] = 0;
        return value->null ? WEND_OK : wendi_interner_code(&into->interner, value->string, &into->codes[row]);
    }
    into->nulls[row] = value->null;
    if (into->physical == WENDI_PHYSICAL_I64) {
        into->i64[row] = value->null ? 0 : value->i64;
    } else if (into->physical == WENDI_PHYSICAL_F64) {
        into->f64[row] = value->null ? 0 : value->f64;
    } else {
        into->b16[row] = value->null ? (wendi_b16){{0, 0}} : value->b16;
    }
    return WEND_OK;
}

wendi_value wendi_column_builder_value(const wendi_column_builder *column, uint32_t row)
{
    wendi_value value = {.type = column->type, .null = wendi_column_builder_is_null(column, row)};
    switch ((wendi_physical)column->physical) {
    case WENDI_PHYSICAL_I64:
        value.i64 = column->i64[row];
        break;
    case WENDI_PHYSICAL_F64:
        value.f64 = column->f64[row];
        break;
    case WENDI_PHYSICAL_B16:
        value.b16 = column->b16[row];
        break;
    case WENDI_PHYSICAL_STRING:
        value.string = value.null ? (wendi_string){"", 0} : wendi_interner_at(&column->interner, column->codes[row]);
        break;
    }
    return value;
}

/* The interner's entries as a dictionary that borrows them. */
static wendi_dictionary *view_interner(wendi_column_builder *column)
{
    atomic_init(&column->view.references, 1);
    column->view.entry_count = column->interner.entry_count;
    column->view.ordered = false;
    column->view.offsets = column->interner.offsets;
    column->view.bytes = (char *)column->interner.bytes.data;
    return &column->view;
}

void wendi_row_builder_vectors(wendi_row_builder *builder, uint32_t first, uint32_t count, wendi_vector *vectors)
{
    assert(first <= builder->row_capacity && count <= builder->row_capacity - first);
    for (uint32_t i = 0; i < builder->column_count; i++) {
        wendi_column_builder *column = &builder->columns[i];
        wendi_vector *vector = &vectors[i];
        *vector = (wendi_vector){.type = column->type, .form = WENDI_FORM_FLAT, .row_count = count};
        if (column->physical == WENDI_PHYSICAL_STRING) {
            vector->form = WENDI_FORM_DICTIONARY;
            vector->dictionary = view_interner(column);
        } else {
            vector->nulls = column->nulls + first;
        }
        vector->data = (const char *)column->data + first * value_bytes((wendi_physical)column->physical);
    }
}

void wendi_row_builder_keep(wendi_row_builder *builder, uint32_t first, const uint8_t *keep)
{
    uint32_t count = builder->row_count - first;
    uint32_t kept = 0;
    while (kept < count && keep[kept] != 0) { /* Mostly all are kept, and then nothing is to be moved. */
        kept++;
    }
    uint32_t begin = kept;
    for (uint32_t i = begin; i < count; i++) {
        kept += keep[i] != 0;
    }
    if (kept == count) {
        return;
    }
    for (uint32_t c = 0; c <= builder->column_count; c++) {
        bool partitions = c == builder->column_count;
        wendi_column_builder *column = partitions ? NULL : &builder->columns[c];
        size_t bytes = partitions ? sizeof(uint32_t) : value_bytes((wendi_physical)column->physical);
        char *values = (partitions ? (char *)builder->partitions : (char *)column->data) + first * bytes;
        uint8_t *nulls = partitions || column->nulls == NULL ? NULL : column->nulls + first;
        uint32_t to = begin;
        for (uint32_t i = begin; i < count; i++) {
            if (keep[i] != 0) {
                memmove(values + to * bytes, values + i * bytes, bytes);
                if (nulls != NULL) {
                    nulls[to] = nulls[i];
                }
                to++;
            }
        }
    }
    builder->row_count = first + kept;
}

size_t wendi_row_builder_row_bytes(const wendi_schema *schema)
{
    size_t bytes = sizeof(uint32_t);
    for (uint32_t i = 0; i < schema->column_count; i++) {
        wendi_physical physical = wendi_type_physical(schema->columns[i].type);
        bytes += value_bytes(physical) + (physical != WENDI_PHYSICAL_STRING);
    }
    return bytes;
}

size_t wendi_row_builder_string_bytes(const wendi_row_builder *builder)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < builder->column_count; i++) {
        const wendi_interner *interner = &builder->columns[i].interner;
        bytes += interner->bytes.length + interner->bucket_count * sizeof *interner->buckets +
                 interner->entry_count * (sizeof *interner->offsets + sizeof *interner->hashes);
    }
    return bytes;
}

size_t wendi_row_builder_bytes(const wendi_row_builder *builder)
{
    return builder->row_count * wendi_row_builder_row_bytes(builder->schema) + wendi_row_builder_string_bytes(builder);
}

void wendi_row_builder_reset(wendi_row_builder *builder)
{
    builder->row_count = 0;
    builder->strip_count = 0;
    for (uint32_t i = 0; i < builder->column_count; i++) {
        wendi_interner_reset(&builder->columns[i].interner);
    }
}

void wendi_row_builder_free(wendi_row_builder *builder)
{
    for (uint32_t i = 0; i < builder->column_count; i++) {
        wendi_interner_free(&builder->columns[i].interner);
    }
    wendi_free(builder->arrays);
    wendi_free(builder->columns);
    wendi_free(builder->strips);
    *builder = (wendi_row_builder){0};
}
