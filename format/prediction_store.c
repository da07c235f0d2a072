/* A prediction's bytes: header, then map and list as numbers of one width, compressed together. */
#include "format/prediction.h"

#include "engine/base/alloc.h"
#include "engine/base/compress.h"
#include "engine/base/hash.h"

void wendi_prediction_free(wendi_prediction *prediction)
{
    if (prediction != NULL) {
        wendi_free(prediction->map);
        wendi_free(prediction);
    }
}

static unsigned bytes_of(const uint64_t *numbers, uint32_t count, unsigned least)
{
    uint64_t any = 0;
    for (uint32_t i = 0; i < count; i++) {
        any |= numbers[i];
    }
    unsigned bytes = least;
    while (bytes < 8 && any >> (8 * bytes) != 0) {
        bytes++;
    }
    return bytes;
}

static uint8_t *put_numbers(uint8_t *at, const uint64_t *numbers, uint32_t count, unsigned bytes)
{
    for (uint32_t i = 0; i < count; i++, at += bytes) {
        for (unsigned b = 0; b < bytes; b++) {
            at[b] = (uint8_t)(numbers[i] >> (8 * b));
        }
    }
    return at;
}

static wend_status append_compressed(const uint8_t *raw, size_t length, int zstd_level, wendi_buffer *out,
                                     size_t *stored_out)
{
    wend_status status = WEND_OK;
    size_t bound = wendi_compress_bound(length);
    WEND_TRY(wendi_buffer_reserve(out, bound));
    uint8_t *to = out->data + out->length;
    WEND_TRY(wendi_compress(raw, length, zstd_level, to, bound, stored_out));
    if (*stored_out >= length) {
        memcpy(to, raw, length);
        *stored_out = length;
    }
    out->length += *stored_out;
cleanup:
    return status;
}

wend_status wendi_prediction_store(const wendi_prediction_rule *rule, int64_t base, const uint64_t *map,
                                   uint32_t map_count, const uint64_t *list, uint32_t list_count, wendi_place place,
                                   int zstd_level, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    size_t begin = out->length;
    size_t stored = 0;
    unsigned bytes = bytes_of(list, list_count, bytes_of(map, map_count, 1));
    size_t raw_bytes = ((size_t)map_count + list_count) * bytes;
    uint8_t *raw = wendi_alloc(raw_bytes);
    place.page = WENDI_PLACE_PREDICTION;
    if (raw == NULL) {
        return WEND_NOMEM;
    }
    put_numbers(put_numbers(raw, map, map_count, bytes), list, list_count, bytes);
    WEND_TRY(wendi_buffer_append_zero(out, WENDI_PREDICTION_HEADER_BYTES));
    WEND_TRY(append_compressed(raw, raw_bytes, zstd_level, out, &stored));
    WEND_TRY(wendi_buffer_append_zero(out, (64 - stored % 64) % 64));
    uint8_t *header = out->data + begin;
    wendi_store_u32(header + 8, place.column_id);
    wendi_store_u32(header + 12, place.row_group);
    header[16] = (uint8_t)rule->determinant_count;
    header[17] = rule->row_before;
    header[18] = (uint8_t)bytes;
    for (uint32_t d = 0; d < WENDI_PREDICTION_DETERMINANTS_MAX; d++) {
        wendi_store_u32(header + 20 + 4 * d,
                        d < rule->determinant_count ? rule->determinants[d] : WENDI_PREDICTION_NONE);
    }
    wendi_store_u32(header + 28, map_count);
    wendi_store_u64(header + 32, (uint64_t)base);
    wendi_store_u32(header + 40, list_count);
    wendi_store_u32(header + 44, (uint32_t)stored);
    wendi_store_u64(header, wendi_hash64_seed(header + 8, out->length - begin - 8, wendi_place_seed(&place)));
cleanup:
    wendi_free(raw);
    return status;
}

static const char *read_header(const uint8_t *bytes, size_t length, const wendi_place *place, uint32_t lane_bytes,
                               wendi_prediction *prediction)
{
    if (length < WENDI_PREDICTION_HEADER_BYTES || length % 64 != 0) {
        return "prediction of impossible length";
    }
    if (wendi_load_u64(bytes) != wendi_hash64_seed(bytes + 8, length - 8, wendi_place_seed(place))) {
        return "checksum of the prediction does not match";
    }
    prediction->rule.determinant_count = bytes[16];
    prediction->rule.row_before = bytes[17] != 0;
    prediction->rule.determinants[0] = wendi_load_u32(bytes + 20);
    prediction->rule.determinants[1] = wendi_load_u32(bytes + 24);
    prediction->base = (int64_t)wendi_load_u64(bytes + 32);
    prediction->map_count = wendi_load_u32(bytes + 28);
    prediction->list_count = wendi_load_u32(bytes + 40);
    prediction->stored_bytes = wendi_load_u32(bytes + 44);
    prediction->lane_bytes = lane_bytes;
    const wendi_prediction_rule *rule = &prediction->rule;
    if (wendi_load_u32(bytes + 8) != place->column_id || wendi_load_u32(bytes + 12) != place->row_group) {
        return "prediction belongs elsewhere";
    }
    if (rule->determinant_count > WENDI_PREDICTION_DETERMINANTS_MAX || bytes[17] > 1 ||
        (rule->determinants[0] != WENDI_PREDICTION_NONE) != (rule->determinant_count > 0) ||
        (rule->determinants[1] != WENDI_PREDICTION_NONE) != (rule->determinant_count > 1) ||
        (rule->determinant_count > 1 && rule->determinants[0] == rule->determinants[1]) ||
        (rule->row_before && rule->determinant_count == 0)) {
        return "prediction with impossible determinants";
    }
    if (bytes[18] < 1 || bytes[18] > lane_bytes || bytes[19] != 0 || prediction->map_count < 1 ||
        prediction->map_count > WENDI_PREDICTION_MAP_MAX || prediction->list_count > WENDI_PREDICTION_LIST_MAX ||
        (lane_bytes == 4 && prediction->base != 0)) {
        return "prediction with impossible sizes";
    }
    for (size_t i = 48; i < WENDI_PREDICTION_HEADER_BYTES; i++) {
        if (bytes[i] != 0) {
            return "reserved bytes of a prediction are not zero";
        }
    }
    size_t left = length - WENDI_PREDICTION_HEADER_BYTES;
    if (prediction->stored_bytes > left || left - prediction->stored_bytes >= 64) {
        return "prediction does not fill its place";
    }
    for (size_t i = WENDI_PREDICTION_HEADER_BYTES + prediction->stored_bytes; i < length; i++) {
        if (bytes[i] != 0) {
            return "padding of a prediction is not zero";
        }
    }
    return NULL;
}

/* Numbers of `bytes` bytes each into lanes, which are wider or equal. */
static void widen(const uint8_t *raw, size_t count, unsigned bytes, uint32_t lane_bytes, void *lanes)
{
    for (size_t i = 0; i < count; i++, raw += bytes) {
        uint64_t number = 0;
        for (unsigned b = 0; b < bytes; b++) {
            number |= (uint64_t)raw[b] << (8 * b);
        }
        if (lane_bytes == 4) {
            ((uint32_t *)lanes)[i] = (uint32_t)number;
        } else {
            ((uint64_t *)lanes)[i] = number;
        }
    }
}

static wend_status read_numbers(const uint8_t *stored, unsigned bytes, wendi_prediction *prediction,
                                const char **reason)
{
    wend_status status = WEND_OK;
    size_t count = (size_t)prediction->map_count + prediction->list_count;
    size_t raw_bytes = count * bytes;
    uint8_t *raw = NULL;
    if (prediction->stored_bytes > raw_bytes || raw_bytes > wendi_raw_bytes_max(prediction->stored_bytes)) {
        *reason = "prediction with impossible sizes";
        return WEND_CORRUPT;
    }
    prediction->map = wendi_alloc_aligned(64, count * prediction->lane_bytes + 64);
    if (prediction->map == NULL) {
        return WEND_NOMEM;
    }
    prediction->list = (uint8_t *)prediction->map + (size_t)prediction->map_count * prediction->lane_bytes;
    if (prediction->stored_bytes < raw_bytes) {
        raw = wendi_alloc(raw_bytes);
        if (raw == NULL) {
            return WEND_NOMEM;
        }
        status = wendi_decompress(stored, prediction->stored_bytes, raw, raw_bytes);
        if (status != WEND_OK) {
            *reason = "prediction does not decompress";
            goto cleanup;
        }
        stored = raw;
    }
    widen(stored, count, bytes, prediction->lane_bytes, prediction->map);
cleanup:
    wendi_free(raw);
    return status;
}

wend_status wendi_prediction_load(const uint8_t *bytes, size_t length, uint32_t lane_bytes, wendi_place place,
                                  wendi_prediction **prediction_out, const char **reason)
{
    wend_status status = WEND_OK;
    wendi_prediction *prediction = wendi_alloc_zero(1, sizeof *prediction);
    *prediction_out = NULL;
    if (prediction == NULL) {
        return WEND_NOMEM;
    }
    place.page = WENDI_PLACE_PREDICTION;
    *reason = read_header(bytes, length, &place, lane_bytes, prediction);
    if (*reason != NULL) {
        status = WEND_CORRUPT;
        goto cleanup;
    }
    WEND_TRY(read_numbers(bytes + WENDI_PREDICTION_HEADER_BYTES, bytes[18], prediction, reason));
    *prediction_out = prediction;
    prediction = NULL;
cleanup:
    wendi_prediction_free(prediction);
    return status;
}
