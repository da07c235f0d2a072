/*
 * Appending staged rows. The validity bits come into being at the first null, since most columns of
 * most row groups have none.
 */
#include "tools/parquet_export/parquet_chunk.h"

#include <string.h>

static size_t row_at(const uint32_t *rows, size_t i)
{
    return rows == NULL ? i : rows[i];
}

/* Bits up to `row_count` set, the rest of the last byte clear. */
static wend_status set_all_valid(parquet_chunk *chunk)
{
    size_t bytes = (chunk->row_count + 7) / 8;
    wend_status status = parquet_bytes_reserve(&chunk->validity, bytes + 1);

    if (status != WEND_OK) {
        return status;
    }
    memset(chunk->validity.data, 0xFF, bytes);
    if (chunk->row_count % 8 != 0) {
        chunk->validity.data[bytes - 1] = (uint8_t)((1u << (chunk->row_count % 8)) - 1);
    }
    chunk->validity.length = bytes;
    return WEND_OK;
}

static wend_status append_validity(parquet_chunk *chunk, const parquet_stage *stage,
                                   const uint32_t *rows, size_t count)
{
    size_t bytes = (chunk->row_count + count + 7) / 8;
    wend_status status = WEND_OK;

    if (chunk->validity.length == 0) {
        if (stage->null_count == 0) {
            return WEND_OK;
        }
        PARQUET_TRY(set_all_valid(chunk));
    }
    PARQUET_TRY(parquet_bytes_reserve(&chunk->validity, bytes - chunk->validity.length));
    memset(chunk->validity.data + chunk->validity.length, 0, bytes - chunk->validity.length);
    chunk->validity.length = bytes;
    for (size_t i = 0; i < count; i++) {
        size_t at = chunk->row_count + i;
        unsigned valid = stage->valid[row_at(rows, i)];

        chunk->validity.data[at >> 3] |= (uint8_t)(valid << (at & 7));
    }
cleanup:
    return status;
}

/* Constant widths let the compiler turn each copy into one load and store. */
static uint8_t *gather(uint8_t *out, const parquet_stage *stage, const uint32_t *rows, size_t count,
                       size_t width)
{
    for (size_t i = 0; i < count; i++) {
        size_t row = row_at(rows, i);

        if (stage->valid[row] != 0) {
            memcpy(out, stage->slots + row * width, width);
            out += width;
        }
    }
    return out;
}

static uint8_t *append_values(uint8_t *out, const parquet_stage *stage, const uint32_t *rows,
                              size_t count)
{
    size_t width = stage->column->slot_bytes;

    if (rows == NULL && stage->null_count == 0) {
        memcpy(out, stage->slots, count * width);
        return out + count * width;
    }
    switch (width) {
    case 1:
        return gather(out, stage, rows, count, 1);
    case 4:
        return gather(out, stage, rows, count, 4);
    case 8:
        return gather(out, stage, rows, count, 8);
    default:
        return gather(out, stage, rows, count, width);
    }
}

wend_status parquet_chunk_append(parquet_chunk *chunk, const parquet_stage *stage,
                                 const uint32_t *rows, size_t count)
{
    wend_status status = WEND_OK;
    uint8_t *end;

    PARQUET_TRY(parquet_bytes_reserve(&chunk->values, count * chunk->column->slot_bytes));
    PARQUET_TRY(append_validity(chunk, stage, rows, count));
    end = append_values(chunk->values.data + chunk->values.length, stage, rows, count);
    chunk->values.length = (size_t)(end - chunk->values.data);
    chunk->value_count = chunk->values.length / chunk->column->slot_bytes;
    chunk->row_count += count;
cleanup:
    return status;
}

void parquet_chunk_reset(parquet_chunk *chunk)
{
    parquet_bytes_free(&chunk->validity);
    parquet_bytes_free(&chunk->values);
    chunk->row_count = 0;
    chunk->value_count = 0;
}

size_t parquet_chunk_bytes(const parquet_chunk *chunk)
{
    return chunk->validity.capacity + chunk->values.capacity;
}
