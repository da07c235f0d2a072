/* Materialised rows: growth, gathering from vectors of every form, views. */
#include "query/rows.h"

#include <assert.h>
#include <string.h>

#include "engine/base/alloc.h"

enum { ARRAY_ALIGNMENT = 64, ARRAY_PADDING = 64, FIRST_CAPACITY = 1024 };

static size_t value_bytes(uint8_t physical)
{
    return physical == WENDI_PHYSICAL_I64 || physical == WENDI_PHYSICAL_F64 ? 8 : 16;
}

wend_status wendi_rows_init(wendi_rows *rows, wendi_query_context *context, const char *what,
                            const wendi_type *types, uint32_t column_count, wend_error *error)
{
    memset(rows, 0, sizeof *rows);
    rows->context = context;
    rows->what = what;
    rows->columns = wendi_alloc_zero(column_count, sizeof *rows->columns);
    if (rows->columns == NULL) {
        return wendi_fail_nomem(error, what, column_count * sizeof *rows->columns);
    }
    rows->column_count = column_count;
    for (uint32_t i = 0; i < column_count; i++) {
        rows->columns[i].type = types[i];
        rows->columns[i].physical = (uint8_t)wendi_type_physical(types[i]);
    }
    return WEND_OK;
}

static void unpin(wendi_rows *rows)
{
    for (uint32_t i = 0; i < rows->pinned_count; i++) {
        wendi_dictionary_release(rows->pinned[i]);
    }
    rows->pinned_count = 0;
}

void wendi_rows_free(wendi_rows *rows)
{
    for (uint32_t i = 0; i < rows->column_count; i++) {
        wendi_free(rows->columns[i].nulls);
        wendi_free(rows->columns[i].data);
    }
    wendi_free(rows->columns);
    unpin(rows);
    wendi_free(rows->pinned);
    wendi_arena_free(&rows->strings);
    if (rows->context != NULL) {
        wendi_query_unreserve(rows->context, rows->reserved_bytes);
    }
    memset(rows, 0, sizeof *rows);
}

static wend_status grow_array(const wendi_rows *rows, void **array, size_t each, uint32_t capacity,
                              wend_error *error)
{
    size_t bytes = (size_t)capacity * each + ARRAY_PADDING;
    uint8_t *grown = wendi_alloc_aligned(ARRAY_ALIGNMENT, (bytes + ARRAY_ALIGNMENT - 1) &
                                                              ~(size_t)(ARRAY_ALIGNMENT - 1));

    if (grown == NULL) {
        return wendi_fail_nomem(error, rows->what, bytes);
    }
    if (rows->row_count > 0) {
        memcpy(grown, *array, (size_t)rows->row_count * each);
    }
    wendi_free(*array);
    *array = grown;
    return WEND_OK;
}

wend_status wendi_rows_reserve(wendi_rows *rows, uint64_t extra, wend_error *error)
{
    wend_status status = WEND_OK;
    uint64_t wanted = rows->row_count + extra;
    uint64_t row_bytes = 0;

    if (wanted <= rows->row_capacity) {
        return WEND_OK;
    }
    if (wanted > UINT32_MAX - 1) {
        return wendi_fail(error, WEND_NOMEM, "%s would hold more than 4 billion rows", rows->what);
    }
    uint64_t capacity = rows->row_capacity == 0 ? FIRST_CAPACITY : (uint64_t)rows->row_capacity * 2;
    capacity = capacity < wanted ? wanted : capacity;
    capacity = capacity > UINT32_MAX - 1 ? UINT32_MAX - 1 : capacity;
    for (uint32_t i = 0; i < rows->column_count; i++) {
        row_bytes += value_bytes(rows->columns[i].physical) + 1;
    }
    uint64_t more = (capacity - rows->row_capacity) * row_bytes;
    WEND_TRY(wendi_query_reserve(rows->context, more, rows->what, error));
    rows->reserved_bytes += more;
    for (uint32_t i = 0; i < rows->column_count; i++) {
        wendi_rows_column *column = &rows->columns[i];
        void *nulls = column->nulls;
        WEND_TRY(grow_array(rows, &nulls, 1, (uint32_t)capacity, error));
        column->nulls = nulls;
        WEND_TRY(grow_array(rows, &column->data, value_bytes(column->physical), (uint32_t)capacity,
                            error));
    }
    rows->row_capacity = (uint32_t)capacity;
cleanup:
    return status;
}

/* Account for what the string arena took since `before`. */
static wend_status account_strings(wendi_rows *rows, size_t before, wend_error *error)
{
    uint64_t more = rows->strings.used_bytes - before;

    if (more == 0) {
        return WEND_OK;
    }
    wend_status status = wendi_query_reserve(rows->context, more, rows->what, error);
    if (status == WEND_OK) {
        rows->reserved_bytes += more;
    }
    return status;
}

static wend_status pin(wendi_rows *rows, wendi_dictionary *dictionary, wend_error *error)
{
    /* The newest is the likeliest: batches of a row group follow each other. */
    for (uint32_t i = rows->pinned_count; i > 0; i--) {
        if (rows->pinned[i - 1] == dictionary) {
            return WEND_OK;
        }
    }
    if (rows->pinned_count == rows->pinned_capacity) {
        uint32_t capacity = rows->pinned_capacity == 0 ? 8 : rows->pinned_capacity * 2;
        wendi_dictionary **pinned =
            wendi_realloc(rows->pinned, capacity * sizeof(wendi_dictionary *));
        if (pinned == NULL) {
            return wendi_fail_nomem(error, rows->what, capacity * sizeof(wendi_dictionary *));
        }
        rows->pinned = pinned;
        rows->pinned_capacity = capacity;
    }
    rows->pinned[rows->pinned_count++] = wendi_dictionary_acquire(dictionary);
    return WEND_OK;
}

static wend_status copy_string(wendi_rows *rows, wendi_string text, wendi_string *copy,
                               wend_error *error)
{
    char *bytes = wendi_arena_copy(&rows->strings, text.length == 0 ? "" : text.data, text.length);

    if (bytes == NULL) {
        return wendi_fail_nomem(error, rows->what, text.length);
    }
    *copy = (wendi_string){bytes, text.length};
    return WEND_OK;
}

static wend_status append_strings(wendi_rows *rows, wendi_rows_column *column,
                                  const wendi_vector *vector, const uint32_t *indices,
                                  uint32_t count, wend_error *error)
{
    wend_status status = WEND_OK;
    uint32_t base = rows->row_count;
    wendi_string *out = column->strings + base;

    if (vector->form == WENDI_FORM_DICTIONARY) {
        WEND_TRY(pin(rows, vector->dictionary, error));
        for (uint32_t i = 0; i < count; i++) {
            uint32_t code = vector->codes[indices != NULL ? indices[i] : i];
            out[i] = wendi_dictionary_at(vector->dictionary, code);
            column->nulls[base + i] = code == 0;
            column->has_nulls |= code == 0;
        }
        return WEND_OK;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = indices != NULL ? indices[i] : i;
        bool null = wendi_vector_is_null(vector, row);
        column->nulls[base + i] = null;
        column->has_nulls |= null;
        out[i] = (wendi_string){"", 0};
        if (null) {
            continue;
        }
        if (vector->form == WENDI_FORM_CONSTANT && i > 0) {
            out[i] = out[i - 1];
            continue;
        }
        WEND_TRY(copy_string(rows, wendi_vector_string(vector, row), &out[i], error));
    }
cleanup:
    return status;
}

/* Eight or sixteen bytes a value, by the vector's form. */
static void append_fixed(wendi_rows *rows, wendi_rows_column *column, const wendi_vector *vector,
                         const uint32_t *indices, uint32_t count)
{
    uint32_t base = rows->row_count;
    bool constant = vector->form == WENDI_FORM_CONSTANT;

    if (column->physical == WENDI_PHYSICAL_B16) {
        for (uint32_t i = 0; i < count; i++) {
            uint32_t row = constant ? 0 : indices != NULL ? indices[i] : i;
            column->b16[base + i] = vector->b16[row];
        }
    } else {
        for (uint32_t i = 0; i < count; i++) {
            uint32_t row = constant ? 0 : indices != NULL ? indices[i] : i;
            column->i64[base + i] = vector->i64[row]; /* Doubles move as their bits. */
        }
    }
    if (vector->nulls == NULL) {
        memset(column->nulls + base, 0, count);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = constant ? 0 : indices != NULL ? indices[i] : i;
        uint8_t null = vector->nulls[row] != 0;
        column->nulls[base + i] = null;
        column->has_nulls |= null;
    }
}

wend_status wendi_rows_append(wendi_rows *rows, const wendi_vector *vectors,
                              const uint32_t *indices, uint32_t count, wend_error *error)
{
    wend_status status = WEND_OK;
    size_t before = rows->strings.used_bytes;

    WEND_TRY(wendi_rows_reserve(rows, count, error));
    for (uint32_t i = 0; i < rows->column_count; i++) {
        wendi_rows_column *column = &rows->columns[i];
        if (column->physical == WENDI_PHYSICAL_STRING) {
            WEND_TRY(append_strings(rows, column, &vectors[i], indices, count, error));
        } else {
            append_fixed(rows, column, &vectors[i], indices, count);
        }
    }
    rows->row_count += count;
    WEND_TRY(account_strings(rows, before, error));
cleanup:
    return status;
}

static wend_status append_column(wendi_rows *rows, uint32_t index, const wendi_rows_column *from,
                                 const uint32_t *indices, uint32_t count, bool borrow,
                                 wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_rows_column *column = &rows->columns[index];
    uint32_t base = rows->row_count;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = indices != NULL ? indices[i] : i;
        column->nulls[base + i] = from->nulls[row];
        if (column->physical == WENDI_PHYSICAL_STRING && !borrow) {
            WEND_TRY(copy_string(rows, from->strings[row], &column->strings[base + i], error));
        } else if (column->physical == WENDI_PHYSICAL_STRING) {
            column->strings[base + i] = from->strings[row];
        } else if (column->physical == WENDI_PHYSICAL_B16) {
            column->b16[base + i] = from->b16[row];
        } else {
            column->i64[base + i] = from->i64[row];
        }
    }
    column->has_nulls |= from->has_nulls;
cleanup:
    return status;
}

wend_status wendi_rows_append_rows(wendi_rows *rows, const wendi_rows *from,
                                   const uint32_t *indices, uint32_t count, bool borrow,
                                   wend_error *error)
{
    wend_status status = WEND_OK;
    size_t before = rows->strings.used_bytes;

    assert(rows->column_count == from->column_count);
    WEND_TRY(wendi_rows_reserve(rows, count, error));
    for (uint32_t i = 0; i < rows->column_count; i++) {
        WEND_TRY(append_column(rows, i, &from->columns[i], indices, count, borrow, error));
    }
    rows->row_count += count;
    WEND_TRY(account_strings(rows, before, error));
cleanup:
    return status;
}

wend_status wendi_rows_set(wendi_rows *rows, uint32_t row, uint32_t column_index,
                           const wendi_value *value, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_rows_column *column = &rows->columns[column_index];

    assert(row < rows->row_capacity);
    column->nulls[row] = value->null;
    column->has_nulls |= value->null;
    if (column->physical == WENDI_PHYSICAL_STRING) {
        size_t before = rows->strings.used_bytes;
        wendi_string text = value->null ? (wendi_string){"", 0} : value->string;
        WEND_TRY(copy_string(rows, text, &column->strings[row], error));
        WEND_TRY(account_strings(rows, before, error));
    } else if (column->physical == WENDI_PHYSICAL_B16) {
        column->b16[row] = value->null ? (wendi_b16){{0, 0}} : value->b16;
    } else {
        column->i64[row] = value->null ? 0 : value->i64;
    }
cleanup:
    return status;
}

wendi_value wendi_rows_value(const wendi_rows *rows, uint32_t row, uint32_t column_index)
{
    const wendi_rows_column *column = &rows->columns[column_index];
    wendi_value value = {.type = column->type, .null = column->nulls[row] != 0};

    if (column->physical == WENDI_PHYSICAL_STRING) {
        value.string = column->strings[row];
    } else if (column->physical == WENDI_PHYSICAL_B16) {
        value.b16 = column->b16[row];
    } else {
        value.i64 = column->i64[row];
    }
    return value;
}

void wendi_rows_view(const wendi_rows *rows, uint32_t first, uint32_t count, wendi_vector *vectors,
                     uint32_t column_count)
{
    assert(first + count <= rows->row_count && column_count <= rows->column_count);
    for (uint32_t i = 0; i < column_count; i++) {
        const wendi_rows_column *column = &rows->columns[i];
        vectors[i] = (wendi_vector){.type = column->type,
                                    .form = WENDI_FORM_FLAT,
                                    .row_count = count,
                                    .nulls = column->has_nulls ? column->nulls + first : NULL};
        vectors[i].data =
            (const uint8_t *)column->data + (size_t)first * value_bytes(column->physical);
    }
}
