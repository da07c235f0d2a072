/*
 * Batches as Arrow arrays. What is exported owns its memory, since it may outlive the query; only
 * dictionaries are shared, by reference: every array of one row group points at the same buffers.
 */
#include "query/arrow_export.h"

#include <assert.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/column/value.h"

/** One column being gathered. Arrow's layout from the start, so that finishing copies nothing. */
typedef struct export_column {
    wendi_type type;
    uint8_t width; /* bytes a value; 0: boolean bits or text */
    bool text;
    bool coded;         /* indices into `dictionary` */
    uint8_t *validity;  /* bits */
    uint8_t *values;    /* values, bits, or offsets of text */
    wendi_buffer bytes; /* text */
    int64_t null_count;
    wendi_dictionary *dictionary; /* a reference */
} export_column;

struct wendi_arrow_builder {
    export_column *columns;
    uint32_t column_count;
    uint32_t row_count;
};

/** Owns the buffers of one exported array. */
typedef struct array_memory {
    const void *buffers[3];
    void *owned[3];
    wendi_dictionary *dictionary;
    struct ArrowArray **children;
    uint32_t child_count;
} array_memory;

static uint8_t width_of(wendi_type type)
{
    switch (type.kind) {
    case WENDI_TYPE_SMALLINT:
        return 2;
    case WENDI_TYPE_INTEGER:
    case WENDI_TYPE_REAL:
    case WENDI_TYPE_DATE:
        return 4;
    case WENDI_TYPE_NUMERIC:
    case WENDI_TYPE_UUID:
    case WENDI_TYPE_INTERVAL:
        return 16;
    case WENDI_TYPE_BIGINT:
    case WENDI_TYPE_DOUBLE:
    case WENDI_TYPE_TIMESTAMPTZ:
    case WENDI_TYPE_TIMESTAMP:
        return 8;
    default:
        return 0;
    }
}

static void column_free(export_column *column)
{
    wendi_free(column->validity);
    wendi_free(column->values);
    wendi_buffer_free(&column->bytes);
    wendi_dictionary_release(column->dictionary);
    column->validity = column->values = NULL;
    column->dictionary = NULL;
    column->null_count = 0;
}

wend_status wendi_arrow_builder_open(const wendi_output_column *columns, uint32_t column_count,
                                     wendi_arrow_builder **builder_out, wend_error *error)
{
    wendi_arrow_builder *builder = wendi_alloc_zero(1, sizeof *builder);
    export_column *exports = wendi_alloc_zero(column_count + 1, sizeof *exports);

    *builder_out = NULL;
    if (builder == NULL || exports == NULL) {
        wendi_free(builder);
        wendi_free(exports);
        return wendi_fail_nomem(error, "an Arrow export", column_count * sizeof *exports);
    }
    for (uint32_t i = 0; i < column_count; i++) {
        wendi_type type = columns[i].type;
        exports[i].type = type;
        exports[i].coded = columns[i].dictionary;
        exports[i].width = columns[i].dictionary ? 4 : width_of(type);
        exports[i].text =
            !columns[i].dictionary && exports[i].width == 0 && type.kind != WENDI_TYPE_BOOLEAN;
    }
    builder->columns = exports;
    builder->column_count = column_count;
    *builder_out = builder;
    return WEND_OK;
}

void wendi_arrow_builder_close(wendi_arrow_builder *builder)
{
    if (builder == NULL) {
        return;
    }
    for (uint32_t i = 0; i < builder->column_count; i++) {
        column_free(&builder->columns[i]);
    }
    wendi_free(builder->columns);
    wendi_free(builder);
}

uint32_t wendi_arrow_builder_rows(const wendi_arrow_builder *builder)
{
    return builder->row_count;
}

bool wendi_arrow_builder_accepts(const wendi_arrow_builder *builder, const wendi_batch *batch)
{
    if (builder->row_count == 0) {
        return true;
    }
    if (builder->row_count + batch->row_count > WENDI_PAGE_ROWS) {
        return false;
    }
    for (uint32_t i = 0; i < builder->column_count; i++) {
        const export_column *column = &builder->columns[i];
        if (column->coded && column->dictionary != batch->columns[i].dictionary) {
            return false;
        }
        if (column->text && column->bytes.length > (UINT32_C(1) << 30)) {
            return false; /* 32-bit offsets: well below their end */
        }
    }
    return true;
}

/* ---- appending ---- */

static wend_status column_room(export_column *column, wend_error *error)
{
    size_t bytes = column->text         ? (WENDI_PAGE_ROWS + 1) * sizeof(int32_t)
                   : column->width == 0 ? WENDI_PAGE_ROWS / 8
                                        : (size_t)WENDI_PAGE_ROWS * column->width;

    if (column->values != NULL) {
        return WEND_OK;
    }
    column->validity = wendi_alloc_aligned(64, WENDI_PAGE_ROWS / 8);
    column->values = wendi_alloc_aligned(64, (bytes + 63) & ~(size_t)63);
    if (column->validity == NULL || column->values == NULL) {
        return wendi_fail_nomem(error, "an Arrow export", bytes);
    }
    memset(column->validity, 0xff, WENDI_PAGE_ROWS / 8);
    memset(column->values, 0,
           column->text         ? sizeof(int32_t)
           : column->width == 0 ? WENDI_PAGE_ROWS / 8
                                : 0);
    return WEND_OK;
}

static void set_null(export_column *column, uint32_t at)
{
    column->validity[at / 8] &= (uint8_t) ~(1u << at % 8);
    column->null_count++;
}

static wend_status append_codes(export_column *column, uint32_t base, const wendi_vector *vector,
                                uint32_t count, wend_error *error)
{
    uint32_t *out = (uint32_t *)(void *)column->values + base;

    assert(vector->form == WENDI_FORM_DICTIONARY);
    if (column->dictionary == NULL) {
        column->dictionary = wendi_dictionary_acquire(vector->dictionary);
    }
    if (column->dictionary->offsets[column->dictionary->entry_count] > INT32_MAX) {
        return wendi_fail(error, WEND_UNSUPPORTED,
                          "a dictionary of more than 2 GiB cannot be exported");
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t code = vector->codes[i];
        out[i] = code == 0 ? 0 : code - 1; /* Arrow's dictionary has no entry for null. */
        if (code == 0) {
            set_null(column, base + i);
        }
    }
    return WEND_OK;
}

static wend_status append_inet(export_column *column, const wendi_vector *vector, uint32_t row)
{
    wendi_value value = {.type = vector->type, .b16 = vector->b16[wendi_vector_index(vector, row)]};
    return wendi_value_format(&value, wendi_timezone_utc(), &column->bytes);
}

static wend_status append_text(export_column *column, uint32_t base, const wendi_vector *vector,
                               uint32_t count, wend_error *error)
{
    wend_status status = WEND_OK;
    int32_t *offsets = (int32_t *)(void *)column->values + base;

    for (uint32_t i = 0; i < count; i++) {
        if (wendi_vector_is_null(vector, i)) {
            set_null(column, base + i);
        } else if (vector->type.kind == WENDI_TYPE_INET) {
            WEND_TRY(append_inet(column, vector, i));
        } else {
            wendi_string text = wendi_vector_string(vector, i);
            WEND_TRY(wendi_buffer_append(&column->bytes, text.data, text.length));
        }
        if (column->bytes.length > INT32_MAX) {
            WEND_TRY(wendi_fail(error, WEND_UNSUPPORTED,
                                "a batch with more than 2 GiB of text cannot be exported"));
        }
        offsets[i + 1] = (int32_t)column->bytes.length;
    }
cleanup:
    return status == WEND_NOMEM ? wendi_fail_nomem(error, "an Arrow export", column->bytes.length)
                                : status;
}

static void put_value(const export_column *column, const wendi_vector *vector, uint32_t at,
                      uint8_t *out)
{
    if (column->type.kind == WENDI_TYPE_NUMERIC) {
        wendi_int128 number;
        if (wendi_type_physical(column->type) == WENDI_PHYSICAL_B16) {
            memcpy(&number, &vector->b16[at], sizeof number);
        } else {
            number = vector->i64[at];
        }
        memcpy(out, &number, sizeof number);
    } else if (column->width == 16) {
        memcpy(out, &vector->b16[at],
               16); /* uuid bytes as written; an interval's three parts as Arrow lays them */
    } else if (column->type.kind == WENDI_TYPE_REAL) {
        float value = (float)vector->f64[at];
        memcpy(out, &value, sizeof value);
    } else {
        memcpy(out, &vector->i64[at], column->width); /* little-endian: the low bytes */
    }
}

/* Arrow's month_day_nano counts nanoseconds; ours are microseconds. */
static wend_status put_interval(const wendi_vector *vector, uint32_t at, uint8_t *out,
                                wend_error *error)
{
    wendi_interval interval;
    int64_t nanoseconds;

    memcpy(&interval, &vector->b16[at], sizeof interval);
    if (__builtin_mul_overflow(interval.microseconds, INT64_C(1000), &nanoseconds)) {
        return wendi_fail(error, WEND_UNSUPPORTED,
                          "an interval beyond 292 years of microseconds cannot be exported");
    }
    interval.microseconds = nanoseconds;
    memcpy(out, &interval, sizeof interval);
    return WEND_OK;
}

static wend_status append_fixed(export_column *column, uint32_t base, const wendi_vector *vector,
                                uint32_t count, wend_error *error)
{
    wend_status status = WEND_OK;

    if (column->width == 8 && vector->form == WENDI_FORM_FLAT && vector->nulls == NULL) {
        memcpy(column->values + (size_t)base * 8, vector->i64, (size_t)count * 8);
        return WEND_OK;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = wendi_vector_index(vector, i);
        uint8_t *out = column->values + (size_t)(base + i) * column->width;
        if (wendi_vector_is_null(vector, i)) {
            memset(out, 0, column->width);
            set_null(column, base + i);
        } else if (column->type.kind == WENDI_TYPE_INTERVAL) {
            WEND_TRY(put_interval(vector, at, out, error));
        } else {
            put_value(column, vector, at, out);
        }
    }
cleanup:
    return status;
}

static void append_bits(export_column *column, uint32_t base, const wendi_vector *vector,
                        uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t to = base + i;
        if (wendi_vector_is_null(vector, i)) {
            set_null(column, to);
        } else if (vector->i64[wendi_vector_index(vector, i)] != 0) {
            column->values[to / 8] |= (uint8_t)(1u << to % 8);
        }
    }
}

wend_status wendi_arrow_builder_append(wendi_arrow_builder *builder, const wendi_batch *batch,
                                       wend_error *error)
{
    wend_status status = WEND_OK;
    uint32_t base = builder->row_count;
    uint32_t count = batch->row_count;

    assert(wendi_arrow_builder_accepts(builder, batch));
    for (uint32_t i = 0; i < builder->column_count; i++) {
        export_column *column = &builder->columns[i];
        WEND_TRY(column_room(column, error));
        if (column->coded) {
            WEND_TRY(append_codes(column, base, &batch->columns[i], count, error));
        } else if (column->text) {
            WEND_TRY(append_text(column, base, &batch->columns[i], count, error));
        } else if (column->width == 0) {
            append_bits(column, base, &batch->columns[i], count);
        } else {
            WEND_TRY(append_fixed(column, base, &batch->columns[i], count, error));
        }
    }
    builder->row_count += count;
cleanup:
    return status;
}

/* ---- handing over ---- */

static void release_array(struct ArrowArray *array)
{
    array_memory *memory = array->private_data;

    for (uint32_t i = 0; memory->children != NULL && i < memory->child_count; i++) {
        struct ArrowArray *child = memory->children[i];
        if (child != NULL && child->release != NULL) {
            child->release(child);
        }
        wendi_free(child);
    }
    if (array->dictionary != NULL) {
        if (array->dictionary->release != NULL) {
            array->dictionary->release(array->dictionary);
        }
        wendi_free(array->dictionary);
    }
    for (uint32_t i = 0; i < 3; i++) {
        wendi_free(memory->owned[i]);
    }
    wendi_dictionary_release(memory->dictionary);
    wendi_free(memory->children);
    wendi_free(memory);
    array->release = NULL;
}

static wend_status new_array(struct ArrowArray *array, int64_t length, int64_t buffer_count,
                             uint32_t child_count, wend_error *error)
{
    array_memory *memory = wendi_alloc_zero(1, sizeof *memory);
    struct ArrowArray **children = wendi_alloc_zero(child_count + 1, sizeof(struct ArrowArray *));

    memset(array, 0, sizeof *array);
    if (memory == NULL || children == NULL) {
        wendi_free(memory);
        wendi_free(children);
        return wendi_fail_nomem(error, "an Arrow array", sizeof *memory);
    }
    memory->children = children;
    memory->child_count = child_count;
    array->length = length;
    array->n_buffers = buffer_count;
    array->n_children = child_count;
    array->buffers = memory->buffers;
    array->children = children;
    array->private_data = memory;
    array->release = release_array;
    return WEND_OK;
}

/* Entries 1… of the dictionary, in place. */
static wend_status dictionary_array(wendi_dictionary *dictionary, struct ArrowArray **array_out,
                                    wend_error *error)
{
    struct ArrowArray *array = wendi_alloc_zero(1, sizeof *array);

    *array_out = array;
    if (array == NULL) {
        return wendi_fail_nomem(error, "an Arrow array", sizeof *array);
    }
    wend_status status = new_array(array, (int64_t)dictionary->entry_count - 1, 3, 0, error);
    if (status == WEND_OK) {
        array_memory *memory = array->private_data;
        memory->dictionary = wendi_dictionary_acquire(dictionary);
        memory->buffers[1] = dictionary->offsets + 1;
        memory->buffers[2] = dictionary->bytes;
    }
    return status;
}

static wend_status finish_column(export_column *column, uint32_t rows, struct ArrowArray *array,
                                 wend_error *error)
{
    wend_status status = WEND_OK;

    WEND_TRY(new_array(array, rows, column->text ? 3 : 2, 0, error));
    array_memory *memory = array->private_data;
    if (column->coded) {
        WEND_TRY(dictionary_array(column->dictionary, &array->dictionary, error));
    }
    array->null_count = column->null_count;
    memory->owned[0] = column->validity;
    memory->owned[1] = column->values;
    memory->owned[2] = column->bytes.data;
    memory->buffers[0] = column->null_count == 0 ? NULL : column->validity;
    memory->buffers[1] = column->values;
    memory->buffers[2] = column->bytes.data == NULL ? column->values : column->bytes.data;
    column->validity = column->values = NULL; /* The array owns them now. */
    memset(&column->bytes, 0, sizeof column->bytes);
    column_free(column);
cleanup:
    return status;
}

wend_status wendi_arrow_builder_finish(wendi_arrow_builder *builder, struct ArrowArray *array_out,
                                       wend_error *error)
{
    wend_status status = WEND_OK;

    WEND_TRY(new_array(array_out, builder->row_count, 1, builder->column_count, error));
    for (uint32_t i = 0; i < builder->column_count; i++) {
        array_out->children[i] = wendi_alloc_zero(1, sizeof(struct ArrowArray));
        if (array_out->children[i] == NULL) {
            WEND_TRY(wendi_fail_nomem(error, "an Arrow array", sizeof(struct ArrowArray)));
        }
        WEND_TRY(
            finish_column(&builder->columns[i], builder->row_count, array_out->children[i], error));
    }
    builder->row_count = 0;
cleanup:
    if (status != WEND_OK && array_out->release != NULL) {
        array_out->release(array_out);
    }
    return status;
}
