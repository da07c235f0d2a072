/*
 * Chunks of numbers, times and sixteen-byte values: gather the values that are not null page by page,
 * take their bounds, encode.
 */
#include "format/chunk_writer.h"

#include <math.h>

#include "engine/base/alloc.h"

wend_status wendi_chunk_writer_init(wendi_chunk_writer *writer, const uint8_t *uuid, int zstd_level)
{
    *writer = (wendi_chunk_writer){.out_offset = 0};
    if (wendi_page_encoder_init(&writer->encoder) != WEND_OK) {
        return WEND_NOMEM;
    }
    memcpy(writer->encoder.place.uuid, uuid, 16);
    writer->encoder.zstd_level = zstd_level;
    writer->strings = wendi_alloc(WENDI_PAGE_ROWS * sizeof *writer->strings);
    writer->b16 = wendi_alloc(WENDI_PAGE_ROWS * sizeof *writer->b16);
    writer->nulls = wendi_alloc(WENDI_PAGE_ROWS);
    if (writer->strings == NULL || writer->b16 == NULL || writer->nulls == NULL) {
        wendi_chunk_writer_free(writer);
        return WEND_NOMEM;
    }
    return WEND_OK;
}

void wendi_chunk_writer_free(wendi_chunk_writer *writer)
{
    wendi_page_encoder_free(&writer->encoder);
    wendi_free(writer->codes);
    wendi_free(writer->remap);
    wendi_free(writer->kept);
    wendi_free(writer->strings);
    wendi_free(writer->b16);
    wendi_free(writer->nulls);
    *writer = (wendi_chunk_writer){.out_offset = 0};
}

void wendi_chunk_writer_begin_page(wendi_chunk_writer *writer, uint32_t page, wendi_page_entry *entry)
{
    writer->encoder.place.page = page;
    *entry = (wendi_page_entry){.offset = writer->out_offset + writer->encoder.out->length};
}

void wendi_chunk_writer_end_page(wendi_chunk_writer *writer, wendi_page_rows rows, wendi_page_entry *entry,
                                 wendi_chunk_entry *chunk)
{
    entry->bytes = (uint32_t)(writer->out_offset + writer->encoder.out->length - entry->offset);
    entry->null_count = rows.row_count - rows.value_count;
    chunk->null_count += entry->null_count;
    chunk->page_bytes += entry->bytes;
}

/* The null flags of rows first.. of a vector: its own, or a page of ones for a null constant. */
static wendi_page_rows page_rows(wendi_chunk_writer *writer, const wendi_vector *vector, uint32_t first, uint32_t count)
{
    wendi_page_rows rows = {.row_count = count, .value_count = count};
    if (vector->nulls == NULL) {
        return rows;
    }
    if (vector->form == WENDI_FORM_CONSTANT) {
        rows.value_count = vector->nulls[0] != 0 ? 0 : count;
        memset(writer->nulls, vector->nulls[0], count);
        rows.nulls = writer->nulls;
        return rows;
    }
    rows.nulls = vector->nulls + first;
    for (uint32_t i = 0; i < count; i++) {
        rows.value_count -= rows.nulls[i] != 0;
    }
    return rows;
}

/* Values of the rows that are not null, behind each other; 8-byte values of either kind. */
static const int64_t *gather_u64(const wendi_vector *vector, uint32_t first, wendi_page_rows rows, int64_t *dense)
{
    const int64_t *values = vector->i64 + (vector->form == WENDI_FORM_CONSTANT ? 0 : first);
    uint32_t taken = 0;
    if (vector->form == WENDI_FORM_CONSTANT) {
        for (uint32_t i = 0; i < rows.value_count; i++) {
            dense[i] = values[0];
        }
        return dense;
    }
    if (rows.value_count == rows.row_count) {
        return values;
    }
    for (uint32_t i = 0; i < rows.row_count && taken < rows.value_count; i++) {
        dense[taken] = values[i];
        taken += rows.nulls[i] == 0;
    }
    return dense;
}

static const wendi_b16 *gather_b16(const wendi_vector *vector, uint32_t first, wendi_page_rows rows, wendi_b16 *dense)
{
    const wendi_b16 *values = vector->b16 + (vector->form == WENDI_FORM_CONSTANT ? 0 : first);
    uint32_t taken = 0;
    if (vector->form == WENDI_FORM_CONSTANT) {
        for (uint32_t i = 0; i < rows.value_count; i++) {
            dense[i] = values[0];
        }
        return dense;
    }
    if (rows.value_count == rows.row_count) {
        return values;
    }
    for (uint32_t i = 0; i < rows.row_count && taken < rows.value_count; i++) {
        dense[taken] = values[i];
        taken += rows.nulls[i] == 0;
    }
    return dense;
}

static wend_status write_integers(wendi_chunk_writer *writer, const wendi_vector *vector, uint32_t first,
                                  wendi_page_rows rows, wendi_page_entry *page, wendi_chunk_entry *chunk)
{
    const int64_t *values = gather_u64(vector, first, rows, writer->encoder.integers);
    if (rows.value_count > 0) {
        int64_t min;
        int64_t max;
        wendi_kernels_get()->min_max_i64(values, rows.value_count, &min, &max);
        page->has_min_max = true;
        page->min = (uint64_t)min;
        page->max = (uint64_t)max;
        chunk->min = !chunk->has_min_max || min < (int64_t)chunk->min ? page->min : chunk->min;
        chunk->max = !chunk->has_min_max || max > (int64_t)chunk->max ? page->max : chunk->max;
        chunk->has_min_max = true;
    }
    return wendi_page_encode_integers(&writer->encoder, rows, values, WENDI_LAYOUT_INTEGER);
}

/* NaN is above all doubles and equal to itself. */
static bool double_below(double a, double b)
{
    return isnan(b) ? !isnan(a) : a < b;
}

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static double double_of(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static wend_status write_doubles(wendi_chunk_writer *writer, const wendi_vector *vector, uint32_t first,
                                 wendi_page_rows rows, bool real, wendi_page_entry *page, wendi_chunk_entry *chunk)
{
    /* Gathered into the b16 page, since encoding doubles uses the integers. */
    const double *values = (const double *)gather_u64(vector, first, rows, (int64_t *)writer->b16);
    if (rows.value_count > 0) {
        double min = values[0];
        double max = values[0];
        for (uint32_t i = 1; i < rows.value_count; i++) {
            min = double_below(values[i], min) ? values[i] : min;
            max = double_below(max, values[i]) ? values[i] : max;
        }
        page->has_min_max = true;
        page->min = bits_of(min);
        page->max = bits_of(max);
        chunk->min = !chunk->has_min_max || double_below(min, double_of(chunk->min)) ? page->min : chunk->min;
        chunk->max = !chunk->has_min_max || double_below(double_of(chunk->max), max) ? page->max : chunk->max;
        chunk->has_min_max = true;
    }
    return wendi_page_encode_doubles(&writer->encoder, rows, values, real);
}

static wend_status write_b16(wendi_chunk_writer *writer, const wendi_vector *vector, uint32_t first,
                             wendi_page_rows rows, bool uuid, wendi_chunk_entry *chunk, wendi_b16 *bounds)
{
    const wendi_b16 *values = gather_b16(vector, first, rows, writer->b16);
    for (uint32_t i = 0; i < rows.value_count; i++) {
        if (!chunk->has_min_max) {
            bounds[0] = bounds[1] = values[i];
            chunk->has_min_max = true;
        } else if (memcmp(&values[i], &bounds[0], sizeof *values) < 0) {
            bounds[0] = values[i];
        } else if (memcmp(&values[i], &bounds[1], sizeof *values) > 0) {
            bounds[1] = values[i];
        }
    }
    return wendi_page_encode_b16(&writer->encoder, rows, values, uuid);
}

static wend_status write_pages(wendi_chunk_writer *writer, const wendi_segment_column *column,
                               const wendi_vector *vector, wendi_arena *arena, wendi_chunk_entry *entry,
                               wendi_page_entry *pages)
{
    wend_status status = WEND_OK;
    wendi_b16 bounds[2];
    wendi_physical physical = wendi_type_physical(column->type);
    for (uint32_t first = 0; first < vector->row_count; first += WENDI_PAGE_ROWS, pages++) {
        uint32_t left = vector->row_count - first;
        wendi_page_rows rows = page_rows(writer, vector, first, left < WENDI_PAGE_ROWS ? left : WENDI_PAGE_ROWS);
        wendi_chunk_writer_begin_page(writer, first / WENDI_PAGE_ROWS, pages);
        if (physical == WENDI_PHYSICAL_I64) {
            WEND_TRY(write_integers(writer, vector, first, rows, pages, entry));
        } else if (physical == WENDI_PHYSICAL_F64) {
            WEND_TRY(write_doubles(writer, vector, first, rows, column->type.kind == WENDI_TYPE_REAL, pages, entry));
        } else {
            WEND_TRY(write_b16(writer, vector, first, rows, column->type.kind == WENDI_TYPE_UUID, entry, bounds));
        }
        wendi_chunk_writer_end_page(writer, rows, pages, entry);
    }
    if (physical == WENDI_PHYSICAL_B16 && entry->has_min_max) {
        char *copy = wendi_arena_copy(arena, (const char *)bounds, sizeof bounds);
        if (copy == NULL) {
            return WEND_NOMEM;
        }
        entry->low = (wendi_string){copy, 16};
        entry->high = (wendi_string){copy + 16, 16};
    }
cleanup:
    return status;
}

wend_status wendi_chunk_writer_write(wendi_chunk_writer *writer, const wendi_segment_column *column,
                                     const wendi_vector *vector, bool keep_order, uint32_t row_group,
                                     wendi_arena *arena, wendi_chunk_entry *entry, wendi_page_entry *pages,
                                     wend_error *error)
{
    wend_status status;
    writer->encoder.place.row_group = row_group;
    writer->encoder.place.column_id = column->id;
    *entry = (wendi_chunk_entry){.offset = writer->out_offset + writer->encoder.out->length, .low = {"", 0}, .high = {"", 0}};
    if (wendi_type_physical(column->type) == WENDI_PHYSICAL_STRING) {
        status = wendi_chunk_write_strings(writer, vector, keep_order, arena, entry, pages, error);
    } else {
        status = write_pages(writer, column, vector, arena, entry, pages);
    }
    if (status == WEND_NOMEM) {
        return wendi_fail_nomem(error, "encoding a column chunk", vector->row_count);
    }
    if (status == WEND_INVALID) {
        return wendi_fail(error, status, "column %.*s: a string is longer than 1 GiB, or those of a row group than 4 GiB",
                          (int)column->name.length, column->name.data);
    }
    return status;
}
