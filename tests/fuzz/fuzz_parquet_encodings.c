/*
 * Can any values make the exporter's encoders write what a decoder reads otherwise? The first byte
 * chooses the encoding and width, the rest are the values. The exporter decodes nothing, so it is
 * its output that is put to the test.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/parquet_naive.h"
#include "tools/parquet_export/parquet_bounds.h"
#include "tools/parquet_export/parquet_rle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition) {
        abort();
    }
}

static void check_rle(const uint8_t *data, size_t size, unsigned width)
{
    uint32_t *values = calloc(size + 1, sizeof(*values));
    uint32_t *back = calloc(size + 1, sizeof(*back));
    uint64_t mask = ((uint64_t)1 << width) - 1;
    parquet_bytes out = {0};

    require(values != NULL && back != NULL);
    for (size_t i = 0; i < size;
         i++) { /* One byte a value, spread over the width: runs are likely. */
        values[i] = (uint32_t)((data[i] * UINT64_C(0x01010101)) & mask);
    }
    require(parquet_rle_append(&out, values, size, width) == WEND_OK);
    require(size == 0 || parquet_naive_rle(out.data, out.length, width, back, size) == out.length);
    require(memcmp(values, back, size * sizeof(*values)) == 0);
    parquet_bytes_free(&out);
    free(values);
    free(back);
}

static void check_delta(const uint8_t *data, size_t size, int is_i32)
{
    size_t count = size / (is_i32 ? 4 : 8);
    int64_t *values = calloc(count + 1, sizeof(*values));
    int32_t *narrow = calloc(count + 1, sizeof(*narrow));
    int64_t *back = calloc(count + 1, sizeof(*back));
    parquet_bytes out = {0};

    require(values != NULL && narrow != NULL && back != NULL);
    for (size_t i = 0; i < count; i++) {
        if (is_i32) {
            memcpy(&narrow[i], data + 4 * i, 4);
            values[i] = narrow[i];
        } else {
            memcpy(&values[i], data + 8 * i, 8);
        }
    }
    require((is_i32 ? parquet_delta_append_i32(&out, narrow, count)
                    : parquet_delta_append_i64(&out, values, count)) == WEND_OK);
    require(parquet_naive_delta(out.data, out.length, is_i32, back, count) == out.length);
    require(memcmp(values, back, count * sizeof(*values)) == 0);
    parquet_bytes_free(&out);
    free(values);
    free(narrow);
    free(back);
}

/* A cut bound lies on its side of the value, whatever bytes the value has. */
static void check_bounds(const uint8_t *data, size_t size, bool is_text)
{
    parquet_column column = {.physical = PARQUET_BYTE_ARRAY,
                             .order = PARQUET_ORDER_UNSIGNED,
                             .is_text = is_text,
                             .slot_bytes = 4};
    parquet_entry value = {.data = data, .length = (uint32_t)size};
    parquet_bounds bounds = {.is_present = true, .smallest = value, .largest = value};

    for (int is_largest = 0; is_largest < 2; is_largest++) {
        parquet_bytes out = {0};
        bool is_exact = false;
        parquet_entry bound;
        int order;

        require(parquet_bounds_write(&bounds, is_largest != 0, &column, &out, &is_exact) ==
                WEND_OK);
        bound = (parquet_entry){.data = out.data, .length = (uint32_t)out.length};
        order = parquet_entry_compare(&bound, &value);
        require(is_exact ? order == 0 : is_largest != 0 ? order > 0 : order < 0);
        parquet_bytes_free(&out);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    switch (data[0] >> 6) {
    case 0:
        check_rle(data + 1, size - 1, data[0] % 32 + 1);
        break;
    case 1:
        check_delta(data + 1, size - 1, data[0] & 1);
        break;
    default:
        check_bounds(data + 1, size - 1, (data[0] & 1) != 0);
        break;
    }
    return 0;
}
