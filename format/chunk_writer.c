/*
 * Chunks of numbers, times and sixteen-byte values: gather the values that are not null page by page,
 * take their bounds, encode. And what all chunks share: the prediction, if there is one.
 */
#include "format/chunk_writer.h"

#include <math.h>

#include "engine/base/alloc.h"

enum { MAP_LEVEL_MAX = 6 };

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
    if (writer->strings == NULL || writer->b16 == NULL || writer->nulls == NULL ||
        wendi_prediction_builder_new(&writer->predictions) != WEND_OK) {
        wendi_chunk_writer_free(writer);
        return WEND_NOMEM;
    }
    return WEND_OK;
}

void wendi_chunk_writer_free(wendi_chunk_writer *writer)
{
    wendi_page_encoder_free(&writer->encoder);
    wendi_free(writer->strings);
    wendi_free(writer->b16);
    wendi_free(writer->nulls);
    wendi_prediction_builder_free(writer->predictions);
    wendi_buffer_free(&writer->prediction);
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
                                  wendi_page_rows rows, const int64_t *residuals, wendi_page_entry *page,
                                  wendi_chunk_entry *chunk)
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
    return residuals != NULL ? wendi_page_encode_residuals(&writer->encoder, rows.row_count, residuals, false)
                             : wendi_page_encode_integers(&writer->encoder, rows, values, WENDI_LAYOUT_INTEGER);
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
                                 wendi_page_rows rows, bool real, const int64_t *residuals, wendi_page_entry *page,
                                 wendi_chunk_entry *chunk)
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
    return residuals != NULL ? wendi_page_encode_residuals(&writer->encoder, rows.row_count, residuals, false)
                             : wendi_page_encode_doubles(&writer->encoder, rows, values, real);
}

/* Bytewise, by two numbers. */
static bool b16_below(const wendi_b16 *a, const wendi_b16 *b)
{
    const uint64_t high_a = __builtin_bswap64(a->word[0]);
    const uint64_t high_b = __builtin_bswap64(b->word[0]);
    return high_a != high_b ? high_a < high_b
                            : __builtin_bswap64(a->word[1]) < __builtin_bswap64(b->word[1]);
}

static wend_status write_b16(wendi_chunk_writer *writer, const wendi_vector *vector, uint32_t first,
                             wendi_page_rows rows, bool uuid, wendi_page_entry *page, wendi_chunk_entry *chunk,
                             wendi_b16 *bounds)
{
    const wendi_b16 *values = gather_b16(vector, first, rows, writer->b16);
    if (rows.value_count > 0) {
        wendi_b16 least = values[0];
        wendi_b16 greatest = values[0];
        for (uint32_t i = 1; i < rows.value_count; i++) {
            least = b16_below(&values[i], &least) ? values[i] : least;
            greatest = b16_below(&greatest, &values[i]) ? values[i] : greatest;
        }
        page->has_min_max = page->first_bytes = true;
        page->min = wendi_first_bytes(&least, sizeof least);
        page->max = wendi_first_bytes(&greatest, sizeof greatest);
        bounds[0] = !chunk->has_min_max || b16_below(&least, &bounds[0]) ? least : bounds[0];
        bounds[1] = !chunk->has_min_max || b16_below(&bounds[1], &greatest) ? greatest : bounds[1];
        chunk->has_min_max = true;
    }
    return wendi_page_encode_b16(&writer->encoder, rows, values, uuid);
}

static wend_status write_pages(wendi_chunk_writer *writer, const wendi_segment_column *column,
                               const wendi_vector *vector, const int64_t *residuals, wendi_arena *arena,
                               wendi_chunk_entry *entry, wendi_page_entry *pages)
{
    wend_status status = WEND_OK;
    wendi_b16 bounds[2];
    wendi_physical physical = wendi_type_physical(column->type);
    for (uint32_t first = 0; first < vector->row_count; first += WENDI_PAGE_ROWS, pages++) {
        uint32_t left = vector->row_count - first;
        wendi_page_rows rows = page_rows(writer, vector, first, left < WENDI_PAGE_ROWS ? left : WENDI_PAGE_ROWS);
        const int64_t *remaining = residuals == NULL ? NULL : residuals + first;
        wendi_chunk_writer_begin_page(writer, first / WENDI_PAGE_ROWS, pages);
        if (physical == WENDI_PHYSICAL_I64) {
            WEND_TRY(write_integers(writer, vector, first, rows, remaining, pages, entry));
        } else if (physical == WENDI_PHYSICAL_F64) {
            bool real = column->type.kind == WENDI_TYPE_REAL;
            WEND_TRY(write_doubles(writer, vector, first, rows, real, remaining, pages, entry));
        } else {
            WEND_TRY(write_b16(writer, vector, first, rows, column->type.kind == WENDI_TYPE_UUID, pages, entry, bounds));
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

/* Maps are numbers: levels above 6 take three times as long over them and gain next to nothing. */
static int map_level(const wendi_chunk_writer *writer)
{
    return writer->encoder.zstd_level < MAP_LEVEL_MAX ? writer->encoder.zstd_level : MAP_LEVEL_MAX;
}

/*
 * Build the prediction that was chosen and keep its stored form. It is given up when map and list turn out to be
 * so large that nothing would be saved: then *predicted stays NULL.
 */
static wend_status predict(wendi_chunk_writer *writer, const wendi_chunk_input *inputs, uint32_t at,
                           const wendi_prediction_column *columns, const wendi_prediction_built **predicted)
{
    wend_status status = WEND_OK;
    const wendi_prediction_built *built;
    const wendi_prediction_choice *choice = &inputs[at].choice;
    wendi_prediction_rule by_id = choice->rule;
    *predicted = NULL;
    if (!choice->predicted) {
        return WEND_OK;
    }
    for (uint32_t d = 0; d < by_id.determinant_count; d++) {
        by_id.determinants[d] = inputs[choice->rule.determinants[d]].column->id;
    }
    WEND_TRY(wendi_prediction_build(writer->predictions, columns, at, &choice->rule, inputs[at].vector->row_count,
                                    &built));
    writer->prediction.length = 0;
    WEND_TRY(wendi_prediction_store(&by_id, columns[at].base, built->map, built->map_count, built->list,
                                    built->list_count, writer->encoder.place, map_level(writer), &writer->prediction));
    if ((double)writer->prediction.length < choice->map_bytes + choice->saving) {
        *predicted = built;
    }
cleanup:
    return status;
}

wend_status wendi_chunk_writer_write(wendi_chunk_writer *writer, const wendi_chunk_input *inputs, uint32_t at,
                                     const wendi_prediction_column *columns, uint32_t row_group, wendi_arena *arena,
                                     wendi_chunk_entry *entry, wendi_page_entry *pages, wend_error *error)
{
    wend_status status = WEND_OK;
    const wendi_chunk_input *input = &inputs[at];
    const wendi_segment_column *column = input->column;
    const wendi_prediction_built *predicted;
    wendi_buffer *out = writer->encoder.out;
    writer->encoder.place.row_group = row_group;
    writer->encoder.place.column_id = column->id;
    *entry = (wendi_chunk_entry){.offset = writer->out_offset + out->length, .low = {"", 0}, .high = {"", 0}};
    WEND_TRY(predict(writer, inputs, at, columns, &predicted));
    if (wendi_type_physical(column->type) == WENDI_PHYSICAL_STRING) {
        WEND_TRY(wendi_chunk_write_strings(writer, input, predicted == NULL ? NULL : predicted->code_residuals, arena,
                                           entry, pages));
    } else {
        WEND_TRY(write_pages(writer, column, input->vector, predicted == NULL ? NULL : predicted->residuals, arena, entry,
                             pages));
    }
    if (predicted != NULL) {
        WEND_TRY(wendi_buffer_append(out, writer->prediction.data, writer->prediction.length));
        entry->prediction_bytes = (uint32_t)writer->prediction.length;
    }
cleanup:
    if (status == WEND_NOMEM) {
        return wendi_fail_nomem(error, "encoding a column chunk", input->vector->row_count);
    }
    if (status == WEND_INVALID) {
        return wendi_fail(error, status, "column %.*s: a string is longer than 1 GiB, or those of a row group than 4 GiB",
                          (int)column->name.length, column->name.data);
    }
    return status;
}

/* Bounds of the values as signed numbers; false when there are none or they span too much to be counted from the least. */
static bool span_of(const wendi_vector *vector, int64_t *least, uint64_t *span)
{
    const wendi_kernels *kernels = wendi_kernels_get();
    int64_t max;
    if (vector->nulls == NULL) {
        kernels->min_max_i64(vector->i64, vector->row_count, least, &max);
    } else {
        kernels->min_max_present_i64(vector->i64, vector->nulls, vector->row_count, least, &max);
    }
    *span = (uint64_t)max - (uint64_t)*least;
    return *least <= max && *span < UINT64_MAX / 2 - WENDI_PREDICTION_LIST_MAX;
}

static wendi_prediction_column as_numbers(const wendi_chunk_input *input)
{
    wendi_prediction_column numbers = {.never = input->keep_order};
    const wendi_vector *vector = input->vector;
    uint64_t span = 0;
    switch (wendi_type_physical(input->column->type)) {
    case WENDI_PHYSICAL_STRING:
        numbers.codes = input->strings.stored;
        numbers.code_count = numbers.codes != NULL ? input->strings.kept_count + 1 : 0;
        break;
    case WENDI_PHYSICAL_I64:
    case WENDI_PHYSICAL_F64:
        numbers.doubles = wendi_type_physical(input->column->type) == WENDI_PHYSICAL_F64;
        if (vector->form == WENDI_FORM_FLAT && span_of(vector, &numbers.base, &span)) {
            numbers.values = vector->i64;
            numbers.nulls = vector->nulls;
            numbers.code_count = !numbers.doubles && span + 2 <= WENDI_PREDICTION_MAP_MAX ? (uint32_t)span + 2 : 0;
        }
        numbers.real = input->column->type.kind == WENDI_TYPE_REAL;
        break;
    case WENDI_PHYSICAL_B16:
        break;
    }
    numbers.code_count = input->apart ? 0 : numbers.code_count;
    return numbers;
}

/* Integers that determine something get their codes, for all rows. */
static wend_status code_determinants(const wendi_chunk_input *input, uint32_t row_count,
                                     wendi_prediction_column *columns)
{
    for (uint32_t d = 0; input->choice.predicted && d < input->choice.rule.determinant_count; d++) {
        wendi_prediction_column *of = &columns[input->choice.rule.determinants[d]];
        if (of->codes != NULL || of->own_codes != NULL) {
            continue;
        }
        of->own_codes = wendi_alloc((size_t)row_count * sizeof *of->own_codes);
        if (of->own_codes == NULL) {
            return WEND_NOMEM;
        }
        for (uint32_t row = 0; row < row_count; row++) {
            of->own_codes[row] = (uint32_t)wendi_prediction_number(of, row);
        }
    }
    return WEND_OK;
}

wend_status wendi_chunk_choose_predictions(wendi_chunk_input *inputs, uint32_t count, uint32_t row_count,
                                           int zstd_level, wendi_prediction_memory *memory,
                                           wendi_prediction_column *columns)
{
    wendi_prediction_choice *choices = wendi_alloc_zero(count, sizeof *choices);
    if (choices == NULL) {
        return WEND_NOMEM;
    }
    for (uint32_t c = 0; c < count; c++) {
        columns[c] = as_numbers(&inputs[c]);
    }
    wend_status status = wendi_prediction_find(columns, count, row_count, zstd_level, memory, choices);
    for (uint32_t c = 0; c < count && status == WEND_OK; c++) {
        inputs[c].choice = choices[c];
        status = code_determinants(&inputs[c], row_count, columns);
    }
    wendi_free(choices);
    return status;
}
