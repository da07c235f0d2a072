/*
 * Reading predicted pages: the determinants' codes of the same rows give keys, the map what is predicted
 * at them, the residuals what it is in truth.
 *
 * A chunk with a prediction holds chunks of its determinants, opened at the first predicted page. Those may be
 * predicted, too, so chunks form a tree, whose depth the format bounds: that is also what
 * ends a circle of columns in a file that lies.
 */
#include "format/segment.h"

#include "engine/base/alloc.h"

static wend_status prediction_damage(const wendi_chunk *chunk, const char *reason, wend_error *error)
{
    uint64_t offset = chunk->entry->offset + chunk->entry->page_bytes + chunk->entry->dictionary_bytes;
    return wendi_segment_damage(chunk->segment, WEND_CORRUPT, chunk->row_group, chunk->column, WENDI_PLACE_PREDICTION,
                                offset, reason, error);
}

static wend_status load(wendi_segment *segment, uint32_t row_group, uint32_t column,
                        wendi_prediction **prediction_out, wend_error *error)
{
    const wendi_chunk_entry *chunk = wendi_segment_chunk(segment, row_group, column);
    uint64_t offset = chunk->offset + chunk->page_bytes + chunk->dictionary_bytes;
    bool text = wendi_type_physical(segment->footer.columns[column].type) == WENDI_PHYSICAL_STRING;
    wendi_place place = {.row_group = row_group, .column_id = segment->footer.columns[column].id};
    const char *reason = NULL;
    uint8_t *bytes = wendi_alloc_aligned(64, chunk->prediction_bytes);
    memcpy(place.uuid, segment->footer.uuid, 16);
    if (bytes == NULL) {
        return wendi_fail_nomem(error, "a prediction", chunk->prediction_bytes);
    }
    wend_status status = segment->source.read(segment->source.context, offset, bytes, chunk->prediction_bytes, error);
    if (status == WEND_OK) {
        status = wendi_prediction_load(bytes, chunk->prediction_bytes, text ? 4 : 8, place, prediction_out, &reason);
        if (status != WEND_OK) {
            (void)wendi_segment_damage(segment, status, row_group, column, WENDI_PLACE_PREDICTION, offset, reason,
                                       error);
        }
    }
    wendi_free(bytes);
    return status;
}

wend_status wendi_segment_prediction(wendi_segment *segment, uint32_t row_group, uint32_t column,
                                     const wendi_prediction **prediction_out, wend_error *error)
{
    wendi_row_group_state *state = &segment->row_groups[row_group];
    wendi_prediction *prediction = atomic_load_explicit(&state->predictions[column], memory_order_acquire);
    wend_status status = WEND_OK;
    if (prediction == NULL) {
        pthread_mutex_lock(&state->lock);
        prediction = atomic_load_explicit(&state->predictions[column], memory_order_acquire);
        if (prediction == NULL) {
            status = load(segment, row_group, column, &prediction, error);
            if (status == WEND_OK) {
                uint64_t entries = (uint64_t)prediction->map_count + prediction->list_count;
                (void)wendi_segment_hold(segment, entries * prediction->lane_bytes, true);
            }
            atomic_store_explicit(&state->predictions[column], prediction, memory_order_release);
        }
        pthread_mutex_unlock(&state->lock);
    }
    *prediction_out = prediction;
    return status;
}

/* The codes a determinant may have, null included: of a dictionary, or of integers from the least on. 0: it has none. */
static uint32_t code_count(const wendi_chunk *chunk, uint32_t column)
{
    const wendi_chunk_entry *entry = wendi_segment_chunk(chunk->segment, chunk->row_group, column);
    wendi_type type = chunk->segment->footer.columns[column].type;
    uint64_t span = entry->max - entry->min;
    if (wendi_type_physical(type) == WENDI_PHYSICAL_STRING) {
        return entry->dictionary_entries;
    }
    if (wendi_type_physical(type) != WENDI_PHYSICAL_I64 || !entry->has_min_max ||
        (int64_t)entry->min > (int64_t)entry->max || span > WENDI_PREDICTION_MAP_MAX - 2) {
        return 0;
    }
    return (uint32_t)span + 2;
}

/* Codes of integers, in the determinant's own buffer. */
static wend_status integer_codes(wendi_chunk *determinant, uint32_t first_row, uint32_t row_count,
                                 const uint32_t **codes_out, wend_error *error)
{
    wendi_vector vector;
    const wendi_kernels *kernels = wendi_kernels_get();
    const uint64_t least = determinant->entry->min;
    wend_status status = wendi_chunk_read(determinant, first_row, row_count, &vector, error);
    if (status != WEND_OK) {
        return status;
    }
    uint32_t *codes = (uint32_t *)(void *)determinant->more_dense; /* there since the read */
    const bool constant = vector.form == WENDI_FORM_CONSTANT;
    const bool null = constant && vector.nulls != NULL;
    uint64_t greatest = null ? 0 : kernels->offset_codes_u32(vector.data, least, constant ? 1 : row_count, codes);
    if (constant) {
        kernels->fill_u32(codes, row_count, null ? 0 : codes[0]);
    } else if (vector.nulls != NULL) {
        greatest = 0; /* with what stands at nulls: anew */
        for (uint32_t i = 0; i < row_count; i++) {
            uint64_t offset = vector.nulls[i] != 0 ? 0 : (uint64_t)vector.i64[i] - least;
            greatest = offset > greatest ? offset : greatest;
            codes[i] = vector.nulls[i] != 0 ? 0 : codes[i];
        }
    }
    *codes_out = codes;
    return greatest <= determinant->entry->max - least
               ? WEND_OK
               : wendi_chunk_damage(determinant, "value beyond its bounds", error);
}

/* The codes of a column, if somebody else has just read them; else NULL. */
static const uint32_t *lent_codes(const wendi_chunk *chunk, uint32_t column, uint32_t first_row, uint32_t row_count)
{
    for (uint32_t i = 0; i < chunk->lender_count; i++) {
        const wendi_chunk *lender = chunk->lenders[i];
        if (lender != NULL && lender->column == column && lender->segment == chunk->segment &&
            lender->row_group == chunk->row_group && lender->codes_count != 0 && first_row >= lender->codes_first &&
            first_row + row_count <= lender->codes_first + lender->codes_count) {
            return (const uint32_t *)lender->values + (first_row - lender->codes_first);
        }
    }
    return NULL;
}

/* Codes of determinant `d`: lent ones, or from a chunk of its own, which borrows where this one does. */
static wend_status determinant_codes(wendi_chunk *chunk, uint32_t d, uint32_t first_row, uint32_t row_count,
                                     const uint32_t **codes_out, wend_error *error)
{
    wend_status status = WEND_OK;
    uint32_t column = chunk->determinant_columns[d];
    *codes_out = lent_codes(chunk, column, first_row, row_count);
    if (*codes_out != NULL) {
        return WEND_OK;
    }
    if (chunk->determinants[d] == NULL) {
        WEND_TRY(wendi_chunk_open(chunk->segment, chunk->row_group, column, &chunk->determinants[d], error));
        chunk->determinants[d]->depth = chunk->depth + 1;
        wendi_chunk_lend(chunk->determinants[d], chunk->lenders, chunk->lender_count);
    }
    status = wendi_chunk_has_dictionary(chunk->determinants[d])
                 ? wendi_chunk_read_codes(chunk->determinants[d], first_row, row_count, codes_out, error)
                 : integer_codes(chunk->determinants[d], first_row, row_count, codes_out, error);
cleanup:
    return status;
}

/* Find determinant `d` and how many codes it has. */
static wend_status find_determinant(wendi_chunk *chunk, uint32_t d, uint32_t *entries, wend_error *error)
{
    uint32_t column = wendi_segment_find_column(chunk->segment, chunk->prediction->rule.determinants[d]);
    if (column == WENDI_NO_COLUMN || column == chunk->column) {
        return prediction_damage(chunk, "predicted from a column that cannot be", error);
    }
    if (chunk->depth == WENDI_PREDICTION_DEPTH_MAX) {
        return prediction_damage(chunk, "a chain of predictions has no end", error);
    }
    chunk->determinant_columns[d] = column;
    *entries = code_count(chunk, column);
    return *entries != 0 ? WEND_OK : prediction_damage(chunk, "predicted from a column that has no codes", error);
}

static wend_status open_prediction(wendi_chunk *chunk, wend_error *error)
{
    wend_status status = WEND_OK;
    uint32_t entries[WENDI_PREDICTION_DETERMINANTS_MAX] = {1, 1};
    const wendi_prediction *prediction = NULL;
    WEND_TRY(wendi_segment_prediction(chunk->segment, chunk->row_group, chunk->column, &prediction, error));
    chunk->prediction = prediction;
    for (uint32_t d = 0; d < prediction->rule.determinant_count; d++) {
        WEND_TRY(find_determinant(chunk, d, &entries[d], error));
    }
    if ((uint64_t)entries[0] * entries[1] != prediction->map_count) {
        status = prediction_damage(chunk, "the map does not fit the determinants", error);
    }
    chunk->second_entries = entries[1];
cleanup:
    if (status != WEND_OK) {
        wendi_chunk_close_determinants(chunk);
    }
    return status;
}

void wendi_chunk_lend(wendi_chunk *chunk, wendi_chunk *const *chunks, uint32_t count)
{
    chunk->lenders = chunks;
    chunk->lender_count = count;
}

void wendi_chunk_close_determinants(wendi_chunk *chunk)
{
    for (uint32_t d = 0; d < WENDI_PREDICTION_DETERMINANTS_MAX; d++) {
        wendi_chunk_close(chunk->determinants[d]);
        chunk->determinants[d] = NULL;
    }
    chunk->prediction = NULL;
}

static void take_key_of_row(const wendi_prediction_rule *rule, const uint32_t *const *codes, uint32_t second_entries,
                            uint32_t row_count, uint32_t *keys)
{
    if (rule->row_before) {
        wendi_prediction_keys(rule, codes[0], codes[1], second_entries, row_count, keys);
    } else {
        wendi_kernels_get()->pair_keys_u32(codes[0], codes[1], second_entries, row_count, keys);
    }
}

/* Keys of the rows, in `dense`, which predicted pages need for nothing else. */
static wend_status take_keys(wendi_chunk *chunk, uint32_t first_row, uint32_t row_count, const uint32_t **keys_out,
                             wend_error *error)
{
    wend_status status = WEND_OK;
    const uint32_t *codes[WENDI_PREDICTION_DETERMINANTS_MAX] = {NULL, NULL};
    uint32_t *keys = (uint32_t *)(void *)chunk->dense;
    const wendi_prediction_rule *rule = &chunk->prediction->rule;
    for (uint32_t d = 0; d < rule->determinant_count; d++) {
        WEND_TRY(determinant_codes(chunk, d, first_row, row_count, &codes[d], error));
    }
    if (codes[0] == NULL) {
        memset(keys, 0, row_count * sizeof *keys);
    } else if (rule->determinant_count == 1 && !rule->row_before) {
        keys = NULL;
        *keys_out = codes[0];
        return WEND_OK;
    } else {
        take_key_of_row(rule, codes, chunk->second_entries, row_count, keys);
    }
    *keys_out = keys;
cleanup:
    return status;
}

/* Keys and residuals of the rows, residuals in `more_dense`; lanes as the prediction's. */
static wend_status take_parts(wendi_chunk *chunk, uint32_t first_row, uint32_t row_count, const uint32_t **keys,
                              wend_error *error)
{
    wend_status status = WEND_OK;
    if (chunk->prediction == NULL) {
        WEND_TRY(open_prediction(chunk, error));
    }
    WEND_TRY(take_keys(chunk, first_row, row_count, keys, error));
    wendi_stream_decode(&chunk->page.streams[0], first_row % WENDI_PAGE_ROWS, row_count, chunk->more_dense);
cleanup:
    return status;
}

wend_status wendi_chunk_predicted_codes(wendi_chunk *chunk, uint32_t first_row, uint32_t row_count, uint32_t *codes,
                                        wend_error *error)
{
    const uint32_t *keys = NULL;
    wend_status status = take_parts(chunk, first_row, row_count, &keys, error);
    if (status == WEND_OK) {
        const wendi_prediction *prediction = chunk->prediction;
        wendi_kernels_get()->predict_u32(prediction->map, keys, (const uint32_t *)(const void *)chunk->more_dense,
                                         prediction->list, prediction->list_count, row_count, codes);
    }
    return status;
}

wend_status wendi_chunk_predicted_values(wendi_chunk *chunk, uint32_t first_row, uint32_t row_count, uint64_t *values,
                                         uint8_t *nulls, bool *any_null, wend_error *error)
{
    const uint32_t *keys = NULL;
    wend_status status = take_parts(chunk, first_row, row_count, &keys, error);
    if (status == WEND_OK) {
        const wendi_prediction *prediction = chunk->prediction;
        wendi_kernels_get()->predict_u64(prediction->map, keys, chunk->more_dense, prediction->list,
                                         prediction->list_count, row_count, values);
        *any_null = wendi_kernels_get()->numbers_to_values_u64(values, (uint64_t)prediction->base, row_count, nulls);
    }
    return status;
}

wend_status wendi_chunk_read_codes(wendi_chunk *chunk, uint32_t first_row, uint32_t row_count,
                                   const uint32_t **codes_out, wend_error *error)
{
    wend_status status = WEND_OK;
    chunk->codes_count = 0;
    WEND_TRY(wendi_chunk_load_page(chunk, first_row / WENDI_PAGE_ROWS, error));
    WEND_TRY(wendi_chunk_reserve(chunk, row_count, error));
    uint32_t *codes = chunk->values;
    if (chunk->page.layout == WENDI_LAYOUT_PREDICTED) {
        WEND_TRY(wendi_chunk_predicted_codes(chunk, first_row, row_count, codes, error));
    } else {
        wendi_stream_decode(&chunk->page.streams[0], first_row % WENDI_PAGE_ROWS, row_count, codes);
    }
    if (!wendi_chunk_codes_hold(chunk, codes, row_count)) {
        status = wendi_chunk_damage(chunk, "code beyond the dictionary", error);
    }
    *codes_out = codes;
    chunk->codes_first = first_row;
    chunk->codes_count = status == WEND_OK ? row_count : 0;
cleanup:
    return status;
}
