/*
 * Staging: validity first, then dictionary indices, then the values. Values of null rows are never
 * looked at, since Arrow leaves their bytes undefined.
 */
#include "tools/parquet_export/parquet_stage.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/parquet_export/parquet_convert.h"

wend_status parquet_stage_open(parquet_stage *stage, const parquet_column *column)
{
    size_t raw_bytes = column->arrow_bytes == 0 ? 1 : column->arrow_bytes;

    *stage = (parquet_stage){.column = column};
    stage->valid = parquet_alloc(PARQUET_SLICE_ROWS);
    stage->indices = parquet_alloc(PARQUET_SLICE_ROWS * sizeof(*stage->indices));
    stage->raw = parquet_alloc(column->has_dictionary ? PARQUET_SLICE_ROWS * raw_bytes : 1);
    stage->slots = parquet_alloc(PARQUET_SLICE_ROWS * column->slot_bytes);
    if (stage->valid == NULL || stage->indices == NULL || stage->raw == NULL ||
        stage->slots == NULL) {
        parquet_stage_close(stage);
        return WEND_NOMEM;
    }
    return WEND_OK;
}

void parquet_stage_close(parquet_stage *stage)
{
    parquet_pool_reset(&stage->pool);
    parquet_free(stage->known.codes);
    parquet_free(stage->valid);
    parquet_free(stage->indices);
    parquet_free(stage->raw);
    parquet_free(stage->slots);
    *stage = (parquet_stage){0};
}

static bool bit_at(const uint8_t *bits, int64_t at)
{
    return (bits[at >> 3] >> (at & 7) & 1) != 0;
}

static void load_validity(parquet_stage *stage, const struct ArrowArray *array, int64_t first)
{
    const uint8_t *bits = array->n_buffers > 0 ? array->buffers[0] : NULL;

    stage->null_count = 0;
    if (stage->column->arrow == PARQUET_ARROW_NULL && !stage->column->has_dictionary) {
        memset(stage->valid, 0, stage->row_count);
        stage->null_count = stage->row_count;
        return;
    }
    memset(stage->valid, 1, stage->row_count);
    if (array->null_count == 0 || bits == NULL) {
        return;
    }
    for (size_t i = 0; i < stage->row_count; i++) {
        stage->valid[i] = bit_at(bits, first + (int64_t)i);
        stage->null_count += stage->valid[i] == 0;
    }
}

static uint64_t index_at(const void *data, parquet_arrow type, int64_t at)
{
    switch (type) {
    case PARQUET_ARROW_I8:
        return (uint64_t)((const int8_t *)data)[at];
    case PARQUET_ARROW_U8:
        return ((const uint8_t *)data)[at];
    case PARQUET_ARROW_I16:
        return (uint64_t)((const int16_t *)data)[at];
    case PARQUET_ARROW_U16:
        return ((const uint16_t *)data)[at];
    case PARQUET_ARROW_I32:
        return (uint64_t)((const int32_t *)data)[at];
    case PARQUET_ARROW_U32:
        return ((const uint32_t *)data)[at];
    default:
        return ((const uint64_t *)data)[at];
    }
}

/* Read the indices; a row whose entry is itself null becomes a null row. */
static wend_status load_indices(parquet_stage *stage, const struct ArrowArray *array, int64_t first,
                                int64_t first_row, wend_error *error)
{
    const struct ArrowArray *dictionary = array->dictionary;
    uint64_t length = (uint64_t)dictionary->length;
    const uint8_t *entry_valid =
        dictionary->n_buffers > 0 && dictionary->null_count != 0 ? dictionary->buffers[0] : NULL;

    if (length > UINT32_MAX) {
        return parquet_fail(error, WEND_UNSUPPORTED,
                            "the dictionary of column \"%s\" has %" PRIu64 " entries",
                            stage->column->name, length);
    }
    for (size_t i = 0; i < stage->row_count; i++) {
        uint64_t index;

        if (stage->valid[i] == 0) {
            continue;
        }
        index = index_at(array->buffers[1], stage->column->index, first + (int64_t)i);
        if (index >= length) {
            return parquet_fail(error, WEND_CORRUPT,
                                "column \"%s\", row %" PRId64 ": dictionary "
                                "index %" PRId64 " is outside the %" PRIu64 " entries",
                                stage->column->name, first_row + (int64_t)i, (int64_t)index,
                                length);
        }
        if ((entry_valid != NULL && !bit_at(entry_valid, dictionary->offset + (int64_t)index)) ||
            stage->column->arrow == PARQUET_ARROW_NULL) {
            stage->valid[i] = 0;
            stage->null_count++;
            continue;
        }
        stage->indices[i] = (uint32_t)index;
    }
    return WEND_OK;
}

/* Where entry `at` of an array of byte strings begins, and how long it is. */
static wend_status bytes_at(const parquet_stage *stage, const struct ArrowArray *array, int64_t at,
                            const uint8_t **data, uint32_t *length, wend_error *error)
{
    int64_t from;
    int64_t to;

    if (stage->column->arrow == PARQUET_ARROW_BYTES) {
        from = ((const int32_t *)array->buffers[1])[at];
        to = ((const int32_t *)array->buffers[1])[at + 1];
    } else {
        from = ((const int64_t *)array->buffers[1])[at];
        to = ((const int64_t *)array->buffers[1])[at + 1];
    }
    if (from < 0 || to < from) {
        return parquet_fail(error, WEND_CORRUPT,
                            "column \"%s\": a string from byte %" PRId64 " to byte %" PRId64,
                            stage->column->name, from, to);
    }
    if (to - from > PARQUET_VALUE_BYTES_MAX) {
        return parquet_fail(error, WEND_UNSUPPORTED,
                            "column \"%s\": a value of %" PRId64 " bytes; a "
                            "Parquet page holds at most 2 GiB",
                            stage->column->name, to - from);
    }
    *data = to == from ? (const uint8_t *)"" : (const uint8_t *)array->buffers[2] + from;
    *length = (uint32_t)(to - from);
    return WEND_OK;
}

static wend_status intern_at(parquet_stage *stage, const struct ArrowArray *array, int64_t at,
                             uint32_t *code, wend_error *error)
{
    char text[PARQUET_INTERVAL_TEXT_BYTES];
    const uint8_t *data = NULL;
    uint32_t length = 0;
    wend_status status = WEND_OK;

    if (stage->column->arrow == PARQUET_ARROW_INTERVAL) {
        length = parquet_interval_text((const uint8_t *)array->buffers[1] + 16 * at, text);
        data = (const uint8_t *)text;
    } else {
        PARQUET_TRY(bytes_at(stage, array, at, &data, &length, error));
    }
    PARQUET_TRY(parquet_pool_intern(&stage->pool, data, length, code));
cleanup:
    return status;
}

/* Make `known` speak of this dictionary, with no code found yet unless it is the one from before.
 */
static wend_status recognise(parquet_stage *stage, const struct ArrowArray *dictionary)
{
    parquet_known_dictionary *known = &stage->known;
    size_t length = (size_t)dictionary->length;
    bool is_same = known->codes != NULL && known->length == dictionary->length &&
                   known->offset == dictionary->offset &&
                   known->generation == stage->pool.generation;

    for (int64_t b = 0; b < 3; b++) {
        const void *buffer = b < dictionary->n_buffers ? dictionary->buffers[b] : NULL;

        is_same = is_same && known->buffers[b] == buffer;
        known->buffers[b] = buffer;
    }
    if (is_same) {
        return WEND_OK;
    }
    if (known->codes == NULL || known->capacity < length) {
        uint32_t *codes = parquet_alloc(length * sizeof(*codes));

        if (codes == NULL) {
            return WEND_NOMEM;
        }
        parquet_free(known->codes);
        known->codes = codes;
        known->capacity = length;
    }
    memset(known->codes, 0xFF, length * sizeof(*known->codes));
    known->length = dictionary->length;
    known->offset = dictionary->offset;
    known->generation = stage->pool.generation;
    return WEND_OK;
}

wend_status parquet_stage_begin_batch(parquet_stage *stage, const struct ArrowArray *array)
{
    if (!stage->column->has_dictionary || stage->column->physical != PARQUET_BYTE_ARRAY ||
        array->dictionary == NULL) {
        return WEND_OK;
    }
    return recognise(stage, array->dictionary);
}

static wend_status load_codes_of_dictionary(parquet_stage *stage,
                                            const struct ArrowArray *dictionary, wend_error *error)
{
    wend_status status = WEND_OK;
    uint32_t *slots = (uint32_t *)(void *)stage->slots;
    uint32_t *codes;

    PARQUET_TRY(recognise(stage, dictionary)); /* Again: a flush may have reset the pool. */
    codes = stage->known.codes;
    for (size_t i = 0; i < stage->row_count; i++) {
        uint32_t index;

        if (stage->valid[i] == 0) {
            continue;
        }
        index = stage->indices[i];
        if (codes[index] == PARQUET_POOL_NONE) {
            PARQUET_TRY(
                intern_at(stage, dictionary, dictionary->offset + index, &codes[index], error));
        }
        slots[i] = codes[index];
    }
cleanup:
    return status;
}

static wend_status load_codes(parquet_stage *stage, const struct ArrowArray *array, int64_t first,
                              wend_error *error)
{
    wend_status status = WEND_OK;
    uint32_t *slots = (uint32_t *)(void *)stage->slots;

    for (size_t i = 0; i < stage->row_count; i++) {
        if (stage->valid[i] != 0) {
            PARQUET_TRY(intern_at(stage, array, first + (int64_t)i, &slots[i], error));
        }
    }
cleanup:
    return status;
}

static void load_booleans(parquet_stage *stage, const struct ArrowArray *array, int64_t first)
{
    const struct ArrowArray *dictionary = stage->column->has_dictionary ? array->dictionary : NULL;
    const uint8_t *bits = dictionary != NULL ? dictionary->buffers[1] : array->buffers[1];

    for (size_t i = 0; i < stage->row_count; i++) {
        int64_t at =
            dictionary != NULL ? dictionary->offset + stage->indices[i] : first + (int64_t)i;

        if (stage->valid[i] != 0) {
            stage->slots[i] = bit_at(bits, at);
        }
    }
}

/* Fixed-width values: straight from the array's buffer, or gathered from its dictionary's. */
static wend_status load_fixed(parquet_stage *stage, const struct ArrowArray *array, int64_t first,
                              int64_t first_row, wend_error *error)
{
    const struct ArrowArray *dictionary = stage->column->has_dictionary ? array->dictionary : NULL;
    size_t width = stage->column->arrow_bytes;
    const uint8_t *raw;

    if (dictionary == NULL) {
        raw = (const uint8_t *)array->buffers[1] + (size_t)first * width;
    } else {
        const uint8_t *values =
            (const uint8_t *)dictionary->buffers[1] + (size_t)dictionary->offset * width;

        for (size_t i = 0; i < stage->row_count; i++) {
            if (stage->valid[i] != 0) {
                memcpy(stage->raw + i * width, values + stage->indices[i] * width, width);
            }
        }
        raw = stage->raw;
    }
    return parquet_convert(stage->column, raw, stage->valid, stage->row_count, stage->slots,
                           first_row, error);
}

static wend_status check_nulls(const parquet_stage *stage, int64_t first_row, wend_error *error)
{
    size_t row = 0;

    if (stage->null_count == 0 || stage->column->is_nullable) {
        return WEND_OK;
    }
    while (stage->valid[row] != 0) {
        row++;
    }
    return parquet_fail(error, WEND_INVALID,
                        "column \"%s\" is declared without nulls and has one in "
                        "row %" PRId64,
                        stage->column->name, first_row + (int64_t)row);
}

wend_status parquet_stage_load(parquet_stage *stage, const struct ArrowArray *array, int64_t start,
                               size_t row_count, int64_t first_row, wend_error *error)
{
    wend_status status = WEND_OK;
    int64_t first = array->offset + start;

    stage->row_count = row_count;
    load_validity(stage, array, first);
    if (stage->column->has_dictionary) {
        if (array->dictionary == NULL) {
            return parquet_fail(error, WEND_CORRUPT,
                                "column \"%s\": a batch without the dictionary",
                                stage->column->name);
        }
        PARQUET_TRY(load_indices(stage, array, first, first_row, error));
    }
    PARQUET_TRY(check_nulls(stage, first_row, error));
    if (stage->null_count == row_count) {
        return WEND_OK; /* Buffers of nothing but nulls may be missing. */
    }
    if (stage->column->physical == PARQUET_BYTE_ARRAY) {
        if (stage->column->has_dictionary) {
            PARQUET_TRY(load_codes_of_dictionary(stage, array->dictionary, error));
        } else {
            PARQUET_TRY(load_codes(stage, array, first, error));
        }
    } else if (stage->column->arrow == PARQUET_ARROW_BOOL) {
        load_booleans(stage, array, first);
    } else {
        PARQUET_TRY(load_fixed(stage, array, first, first_row, error));
    }
cleanup:
    return status;
}
