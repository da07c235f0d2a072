/*
 * Hostile predictions: the first byte says whether they are of codes, the rest is the prediction:
 * once as it is, once with place and checksum made right. Of what loads, every number is read.
 */
#include <stdlib.h>

#include "engine/base/alloc.h"
#include "format/prediction.h"
#include "tests/support/fuzz_repair.h"
#include "tests/support/heap_bound.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

enum { HEAD = 1, INPUT_MAX = 1 << 20 };

static const wendi_place place = {.row_group = 1, .column_id = 2, .page = WENDI_PLACE_PREDICTION};

static void load(const uint8_t *bytes, size_t length, uint32_t lane_bytes)
{
    wendi_prediction *prediction = NULL;
    const char *reason = NULL;
    volatile uint64_t sum = 0;
    if (wendi_prediction_load(bytes, length, lane_bytes, place, &prediction, &reason) == WEND_OK) {
        if (prediction->map_count > WENDI_PREDICTION_MAP_MAX ||
            prediction->list_count > WENDI_PREDICTION_LIST_MAX ||
            prediction->rule.determinant_count > WENDI_PREDICTION_DETERMINANTS_MAX) {
            abort();
        }
        for (uint32_t i = 0; i < prediction->map_count; i++) {
            sum = sum + (lane_bytes == 4 ? ((uint32_t *)prediction->map)[i]
                                         : ((uint64_t *)prediction->map)[i]);
        }
        for (uint32_t i = 0; i < prediction->list_count; i++) {
            sum = sum + (lane_bytes == 4 ? ((uint32_t *)prediction->list)[i]
                                         : ((uint64_t *)prediction->list)[i]);
        }
    } else if (reason == NULL) {
        abort();
    }
    wendi_prediction_free(prediction);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < HEAD || size > INPUT_MAX) {
        return 0;
    }
    size_t length = size - HEAD;
    uint32_t lane_bytes = data[0] % 2 == 0 ? 8 : 4;
    uint8_t *bytes = wendi_alloc(length); /* of its exact size */
    if (bytes == NULL) {
        return 0;
    }
    memcpy(bytes, data + HEAD, length);
    heap_bound_begin(heap_bound_of(length));
    load(bytes, length, lane_bytes);
    repair_prediction(bytes, length, place);
    load(bytes, length, lane_bytes);
    (void)heap_bound_end();
    wendi_free(bytes);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
    size = mutate_any(data, size, max_size);
    if (seed % 4 != 0 && size > HEAD) {
        size_t length = (size - HEAD) / 64 * 64;
        mend_prediction(data + HEAD, length);
        if (data[0] % 2 == 1 && length >= WENDI_PREDICTION_HEADER_BYTES) {
            memset(data + HEAD + 32, 0, 8); /* the base of codes */
        }
        return HEAD + length;
    }
    return size;
}
