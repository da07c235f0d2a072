/*
 * DELTA_BINARY_PACKED: blocks of 128 differences above the block's smallest, in four miniblocks of
 * 32, each with the bits that its largest needs (after Lemire and Boytsov, "Decoding billions of
 * integers per second through vectorization", 2012). All arithmetic wraps in the unsigned domain of
 * the physical type, so that no miniblock is wider than the type itself.
 */
#include <string.h>

#include "tools/parquet_export/parquet_rle.h"

#define BLOCK_VALUES 128
#define MINIBLOCKS 4
#define MINIBLOCK_VALUES (BLOCK_VALUES / MINIBLOCKS)
/* smallest difference, widths, and all miniblocks at 64 bits */
#define BLOCK_BYTES_MAX (10 + MINIBLOCKS + BLOCK_VALUES * 8)

static uint8_t *put_varint(uint8_t *out, uint64_t value)
{
    while (value >= 0x80) {
        *out++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *out++ = (uint8_t)value;
    return out;
}

static uint8_t *put_zigzag(uint8_t *out, int64_t value)
{
    return put_varint(out, ((uint64_t)value << 1) ^ (uint64_t)(value >> 63));
}

static uint8_t *pack_miniblock(uint8_t *out, const uint64_t *values, unsigned width)
{
    unsigned __int128 held = 0;
    unsigned held_bits = 0;

    for (int i = 0; i < MINIBLOCK_VALUES; i++) {
        held |= (unsigned __int128)values[i] << held_bits;
        held_bits += width;
        while (held_bits >= 8) {
            *out++ = (uint8_t)held;
            held >>= 8;
            held_bits -= 8;
        }
    }
    return out;
}

/* `deltas` holds `count` differences above the smallest, and zeros up to the block's end. */
static uint8_t *put_block(uint8_t *out, int64_t smallest, const uint64_t *deltas, size_t count)
{
    uint8_t *widths;

    out = put_zigzag(out, smallest);
    widths = out;
    out += MINIBLOCKS;
    for (size_t m = 0; m < MINIBLOCKS; m++) {
        uint64_t all = 0;

        widths[m] = 0;
        if (m * MINIBLOCK_VALUES >= count) {
            continue;
        }
        for (size_t i = 0; i < MINIBLOCK_VALUES; i++) {
            all |= deltas[m * MINIBLOCK_VALUES + i];
        }
        widths[m] = (uint8_t)parquet_bits(all);
        out = pack_miniblock(out, deltas + m * MINIBLOCK_VALUES, widths[m]);
    }
    return out;
}

static wend_status put_head(parquet_bytes *out, size_t count, int64_t first)
{
    wend_status status = parquet_bytes_reserve(out, 32);
    uint8_t *end;

    if (status == WEND_OK) {
        end = put_varint(out->data + out->length, BLOCK_VALUES);
        end = put_varint(end, MINIBLOCKS);
        end = put_varint(end, count);
        end = put_zigzag(end, first);
        out->length = (size_t)(end - out->data);
    }
    return status;
}

wend_status parquet_delta_append_i64(parquet_bytes *out, const int64_t *values, size_t count)
{
    wend_status status = put_head(out, count, count == 0 ? 0 : values[0]);

    for (size_t start = 1; status == WEND_OK && start < count; start += BLOCK_VALUES) {
        size_t in_block = count - start < BLOCK_VALUES ? count - start : BLOCK_VALUES;
        uint64_t deltas[BLOCK_VALUES] = {0};
        int64_t smallest = INT64_MAX;

        for (size_t i = 0; i < in_block; i++) {
            deltas[i] = (uint64_t)values[start + i] - (uint64_t)values[start + i - 1];
            smallest = (int64_t)deltas[i] < smallest ? (int64_t)deltas[i] : smallest;
        }
        for (size_t i = 0; i < in_block; i++) {
            deltas[i] -= (uint64_t)smallest;
        }
        status = parquet_bytes_reserve(out, BLOCK_BYTES_MAX);
        if (status == WEND_OK) {
            uint8_t *end = put_block(out->data + out->length, smallest, deltas, in_block);

            out->length = (size_t)(end - out->data);
        }
    }
    return status;
}

wend_status parquet_delta_append_i32(parquet_bytes *out, const int32_t *values, size_t count)
{
    wend_status status = put_head(out, count, count == 0 ? 0 : values[0]);

    for (size_t start = 1; status == WEND_OK && start < count; start += BLOCK_VALUES) {
        size_t in_block = count - start < BLOCK_VALUES ? count - start : BLOCK_VALUES;
        uint64_t deltas[BLOCK_VALUES] = {0};
        int32_t smallest = INT32_MAX;

        for (size_t i = 0; i < in_block; i++) {
            deltas[i] = (uint32_t)values[start + i] - (uint32_t)values[start + i - 1];
            smallest = (int32_t)deltas[i] < smallest ? (int32_t)deltas[i] : smallest;
        }
        for (size_t i = 0; i < in_block; i++) {
            deltas[i] = (uint32_t)deltas[i] - (uint32_t)smallest;
        }
        status = parquet_bytes_reserve(out, BLOCK_BYTES_MAX);
        if (status == WEND_OK) {
            uint8_t *end = put_block(out->data + out->length, smallest, deltas, in_block);

            out->length = (size_t)(end - out->data);
        }
    }
    return status;
}
