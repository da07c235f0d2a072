/*
 * The RLE / bit-packing hybrid. A run of equal values becomes an RLE run where that is shorter than
 * leaving it among the bit-packed ones, which depends on the width; bit-packed runs hold whole
 * groups of eight, so a following RLE run first gives them what the last group lacks.
 */
#include "tools/parquet_export/parquet_rle.h"

#include <assert.h>
#include <string.h>

/* Longer runs are legal, but 2^31 values a run is where readers stop. */
#define RUN_VALUES_MAX ((size_t)1 << 30)

unsigned parquet_bits(uint64_t largest)
{
    return largest == 0 ? 0 : 64u - (unsigned)__builtin_clzll(largest);
}

static uint8_t *put_varint(uint8_t *out, uint64_t value)
{
    while (value >= 0x80) {
        *out++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *out++ = (uint8_t)value;
    return out;
}

/* Pack values of at most 32 bits, lowest bit first; `count` is filled up to eights with zeros. */
static uint8_t *pack(uint8_t *out, const uint32_t *values, size_t count, unsigned width)
{
    uint64_t held = 0;
    unsigned held_bits = 0;
    size_t padded = (count + 7) / 8 * 8;

    for (size_t i = 0; i < padded; i++) {
        held |= (uint64_t)(i < count ? values[i] : 0) << held_bits;
        held_bits += width;
        while (held_bits >= 8) {
            *out++ = (uint8_t)held;
            held >>= 8;
            held_bits -= 8;
        }
    }
    return out;
}

static wend_status append_packed(parquet_bytes *out, const uint32_t *values, size_t count,
                                 unsigned width)
{
    size_t groups = (count + 7) / 8;
    wend_status status;
    uint8_t *end;

    if (count == 0) {
        return WEND_OK;
    }
    status = parquet_bytes_reserve(out, 10 + groups * width);
    if (status != WEND_OK) {
        return status;
    }
    end = put_varint(out->data + out->length, (uint64_t)groups << 1 | 1);
    if (width == 8) {
        for (size_t i = 0; i < groups * 8; i++) {
            *end++ = i < count ? (uint8_t)values[i] : 0;
        }
    } else {
        end = pack(end, values, count, width);
    }
    out->length = (size_t)(end - out->data);
    return WEND_OK;
}

static wend_status append_run(parquet_bytes *out, uint32_t value, size_t count, unsigned width)
{
    wend_status status = parquet_bytes_reserve(out, 10 + 4);
    uint8_t *end;

    if (status != WEND_OK) {
        return status;
    }
    end = put_varint(out->data + out->length, (uint64_t)count << 1);
    for (unsigned bits = 0; bits < width; bits += 8) {
        *end++ = (uint8_t)(value >> bits);
    }
    out->length = (size_t)(end - out->data);
    return WEND_OK;
}

/* From how many equal values an RLE run pays for its own head and the next packed run's. */
static size_t shortest_run(unsigned width)
{
    size_t bytes = 2 + (width + 7) / 8;
    size_t values = (8 * bytes / width + 8) / 8 * 8;

    return values < 8 ? 8 : values;
}

wend_status parquet_rle_append(parquet_bytes *out, const uint32_t *values, size_t count,
                               unsigned width)
{
    wend_status status = WEND_OK;
    size_t run_min = shortest_run(width);
    size_t packed_from = 0;
    size_t i = 0;

    assert(width >= 1 && width <= 32);
    while (i < count) {
        size_t run = 1;
        size_t fill;

        while (i + run < count && values[i + run] == values[i] && run < RUN_VALUES_MAX) {
            run++;
        }
        fill = (8 - (i - packed_from) % 8) % 8;
        if (run >= fill + run_min) {
            PARQUET_TRY(append_packed(out, values + packed_from, i + fill - packed_from, width));
            PARQUET_TRY(append_run(out, values[i], run - fill, width));
            packed_from = i + run;
        }
        i += run;
    }
    PARQUET_TRY(append_packed(out, values + packed_from, count - packed_from, width));
cleanup:
    return status;
}
