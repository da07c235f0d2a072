/*
 * Bounds for statistics and the page index, by the rules that the format's specification sets for
 * TypeDefinedOrder: strings by unsigned bytes, NaN nowhere, zeros written so that either zero is
 * inside. A string is cut to a prefix (downwards) or to the successor of one (upwards), which stays
 * valid UTF-8 where the column is text.
 */
#include "tools/parquet_export/parquet_bounds.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* One scan a type: find the places of the smallest and the largest. */
#define SCAN(NAME, TYPE)                                                                           \
    static void NAME(const uint8_t *data, size_t count, size_t *smallest, size_t *largest)         \
    {                                                                                              \
        const TYPE *values = (const TYPE *)(const void *)data;                                     \
        size_t low = 0;                                                                            \
        size_t high = 0;                                                                           \
                                                                                                   \
        for (size_t i = 1; i < count; i++) {                                                       \
            low = values[i] < values[low] ? i : low;                                               \
            high = values[i] > values[high] ? i : high;                                            \
        }                                                                                          \
        *smallest = low;                                                                           \
        *largest = high;                                                                           \
    }

SCAN(scan_u8, uint8_t)
SCAN(scan_u32, uint32_t)
SCAN(scan_i32, int32_t)
SCAN(scan_u64, uint64_t)
SCAN(scan_i64, int64_t)

static double float_at(const parquet_column *column, const uint8_t *data)
{
    if (column->slot_bytes == 4) {
        float value;

        memcpy(&value, data, 4);
        return (double)value;
    } else {
        double value;

        memcpy(&value, data, 8);
        return value;
    }
}

/* Returns false when there is nothing but NaN. */
static bool scan_floats(const parquet_column *column, const uint8_t *data, size_t count,
                        size_t *smallest, size_t *largest, int64_t *nan_count)
{
    bool is_any = false;
    double low = 0;
    double high = 0;

    *nan_count = 0;
    for (size_t i = 0; i < count; i++) {
        double value = float_at(column, data + i * column->slot_bytes);

        if (isnan(value)) {
            (*nan_count)++;
            continue;
        }
        if (!is_any || value < low) {
            low = value;
            *smallest = i;
        }
        if (!is_any || value > high) {
            high = value;
            *largest = i;
        }
        is_any = true;
    }
    return is_any;
}

int parquet_bounds_compare(const parquet_column *column, const parquet_entry *a,
                           const parquet_entry *b)
{
    if (column->physical == PARQUET_BYTE_ARRAY ||
        (column->physical == PARQUET_FIXED && column->order == PARQUET_ORDER_UNSIGNED)) {
        return parquet_entry_compare(a, b);
    }
    if (column->physical == PARQUET_FIXED) { /* big-endian two's complement of one length */
        int sign = (a->data[0] < 128) - (b->data[0] < 128);

        return sign != 0 ? sign : parquet_entry_compare(a, b);
    }
    if (column->order == PARQUET_ORDER_FLOAT) {
        double x = float_at(column, a->data);
        double y = float_at(column, b->data);

        return (x > y) - (x < y);
    }
    uint64_t x = 0;
    uint64_t y = 0;

    memcpy(&x, a->data, a->length);
    memcpy(&y, b->data, b->length);
    if (column->order == PARQUET_ORDER_SIGNED) { /* Shift the sign up, then flip it. */
        x = (x << (64 - 8 * a->length)) ^ (uint64_t)1 << 63;
        y = (y << (64 - 8 * b->length)) ^ (uint64_t)1 << 63;
    }
    return (x > y) - (x < y);
}

static void scan_fixed(const parquet_column *column, const uint8_t *data, size_t count,
                       size_t *smallest, size_t *largest)
{
    size_t width = column->slot_bytes;

    *smallest = 0;
    *largest = 0;
    for (size_t i = 1; i < count; i++) {
        parquet_entry value = {.data = data + i * width, .length = (uint32_t)width};
        parquet_entry low = {.data = data + *smallest * width, .length = (uint32_t)width};
        parquet_entry high = {.data = data + *largest * width, .length = (uint32_t)width};

        if (parquet_bounds_compare(column, &value, &low) < 0) {
            *smallest = i;
        } else if (parquet_bounds_compare(column, &value, &high) > 0) {
            *largest = i;
        }
    }
}

static void find_strings(parquet_bounds *bounds, const parquet_chunk *chunk,
                         const parquet_pool *pool, const parquet_dictionary *dictionary,
                         size_t first, size_t count)
{
    const uint32_t *codes = parquet_chunk_codes(chunk) + first;
    size_t low = 0;
    size_t high = 0;

    if (dictionary != NULL && dictionary->is_usable) {
        scan_u32((const uint8_t *)(dictionary->places + first), count, &low, &high);
    } else {
        for (size_t i = 1; i < count; i++) {
            const parquet_entry *entry = &pool->entries[codes[i]];

            if (parquet_entry_compare(entry, &pool->entries[codes[low]]) < 0) {
                low = i;
            } else if (parquet_entry_compare(entry, &pool->entries[codes[high]]) > 0) {
                high = i;
            }
        }
    }
    bounds->smallest = pool->entries[codes[low]];
    bounds->largest = pool->entries[codes[high]];
}

void parquet_bounds_find(parquet_bounds *bounds, const parquet_chunk *chunk,
                         const parquet_pool *pool, const parquet_dictionary *dictionary,
                         size_t first, size_t count)
{
    const parquet_column *column = chunk->column;
    bool is_signed = column->order == PARQUET_ORDER_SIGNED;
    const uint8_t *data;
    size_t low = 0;
    size_t high = 0;

    *bounds = (parquet_bounds){0};
    if (count == 0 || column->order == PARQUET_ORDER_NONE ||
        (column->physical == PARQUET_FIXED && column->type_length > PARQUET_BOUND_BYTES)) {
        return; /* Fixed-width bytes cannot be cut, and long ones are not worth their place. */
    }
    bounds->is_present = true;
    if (column->physical == PARQUET_BYTE_ARRAY) {
        find_strings(bounds, chunk, pool, dictionary, first, count);
        return;
    }
    data = chunk->values.data + first * column->slot_bytes;
    if (column->order == PARQUET_ORDER_FLOAT) {
        bounds->is_present = scan_floats(column, data, count, &low, &high, &bounds->nan_count);
    } else if (column->physical == PARQUET_BOOLEAN) {
        scan_u8(data, count, &low, &high);
    } else if (column->physical == PARQUET_INT32) {
        (is_signed ? scan_i32 : scan_u32)(data, count, &low, &high);
    } else if (column->physical == PARQUET_INT64) {
        (is_signed ? scan_i64 : scan_u64)(data, count, &low, &high);
    } else {
        scan_fixed(column, data, count, &low, &high);
    }
    bounds->smallest = (parquet_entry){.data = data + low * column->slot_bytes,
                                       .length = (uint32_t)column->slot_bytes};
    bounds->largest = (parquet_entry){.data = data + high * column->slot_bytes,
                                      .length = (uint32_t)column->slot_bytes};
}

void parquet_bounds_widen(parquet_bounds *bounds, const parquet_bounds *more,
                          const parquet_column *column)
{
    int64_t nan_count = bounds->nan_count + more->nan_count;

    if (more->is_present && !bounds->is_present) {
        *bounds = *more;
    } else if (more->is_present) {
        if (parquet_bounds_compare(column, &more->smallest, &bounds->smallest) < 0) {
            bounds->smallest = more->smallest;
        }
        if (parquet_bounds_compare(column, &more->largest, &bounds->largest) > 0) {
            bounds->largest = more->largest;
        }
    }
    bounds->nan_count = nan_count;
}

static bool is_character_start(uint8_t byte)
{
    return (byte & 0xC0) != 0x80;
}

/* The length of a prefix of at most PARQUET_BOUND_BYTES that ends between characters. */
static uint32_t cut_length(const parquet_column *column, const parquet_entry *value)
{
    uint32_t length = PARQUET_BOUND_BYTES;

    if (column->is_text) {
        while (length > PARQUET_BOUND_BYTES - 4 && !is_character_start(value->data[length])) {
            length--;
        }
    }
    return length;
}

static uint32_t put_character(uint8_t *out, uint32_t character)
{
    if (character < 0x80) {
        out[0] = (uint8_t)character;
        return 1;
    }
    if (character < 0x800) {
        out[0] = (uint8_t)(0xC0 | character >> 6);
        out[1] = (uint8_t)(0x80 | (character & 0x3F));
        return 2;
    }
    if (character < 0x10000) {
        out[0] = (uint8_t)(0xE0 | character >> 12);
        out[1] = (uint8_t)(0x80 | (character >> 6 & 0x3F));
        out[2] = (uint8_t)(0x80 | (character & 0x3F));
        return 3;
    }
    out[0] = (uint8_t)(0xF0 | character >> 18);
    out[1] = (uint8_t)(0x80 | (character >> 12 & 0x3F));
    out[2] = (uint8_t)(0x80 | (character >> 6 & 0x3F));
    out[3] = (uint8_t)(0x80 | (character & 0x3F));
    return 4;
}

/* Decode the character at the end of `length` bytes; its size, or 0 when it is not UTF-8 in its
 * one valid form: what is not would be followed by something that sorts before it. */
static uint32_t last_character(const uint8_t *data, uint32_t length, uint32_t *character)
{
    static const uint8_t heads[] = {0, 0x00, 0xC0, 0xE0, 0xF0};
    static const uint8_t masks[] = {0, 0x80, 0xE0, 0xF0, 0xF8};
    uint8_t again[4];
    uint32_t size = 1;

    while (size < 4 && size < length && !is_character_start(data[length - size])) {
        size++;
    }
    if ((data[length - size] & masks[size]) != heads[size]) {
        return 0;
    }
    *character = data[length - size] & (uint8_t)~masks[size];
    for (uint32_t i = 1; i < size; i++) {
        *character = *character << 6 | (data[length - size + i] & 0x3F);
    }
    return put_character(again, *character) == size &&
                   memcmp(again, data + length - size, size) == 0
               ? size
               : 0;
}

/* Turn a prefix into the least text above all that begin with it; 0 when there is none. */
static uint32_t succeed_text(uint8_t *data, uint32_t length)
{
    while (length > 0) {
        uint32_t character = 0;
        uint32_t size = last_character(data, length, &character);

        if (size == 0) {
            return 0;
        }
        length -= size;
        if (character < 0x10FFFF) {
            character = character == 0xD7FF ? 0xE000 : character + 1; /* over the surrogates */
            return length + put_character(data + length, character);
        }
    }
    return 0;
}

static uint32_t succeed_bytes(uint8_t *data, uint32_t length)
{
    while (length > 0 && data[length - 1] == 0xFF) {
        length--;
    }
    if (length > 0) {
        data[length - 1]++;
    }
    return length;
}

/* A string too long for statistics. */
static wend_status write_cut(const parquet_entry *value, bool is_largest,
                             const parquet_column *column, parquet_bytes *out, bool *is_exact)
{
    uint8_t prefix[PARQUET_BOUND_BYTES + 8];
    uint32_t length = cut_length(column, value);

    memcpy(prefix, value->data, length);
    if (is_largest) {
        length = column->is_text ? succeed_text(prefix, length) : succeed_bytes(prefix, length);
    }
    if (length == 0) { /* Nothing shorter is above it: write it whole. */
        *is_exact = true;
        return parquet_bytes_append(out, value->data, value->length);
    }
    *is_exact = false;
    return parquet_bytes_append(out, prefix, length);
}

wend_status parquet_bounds_write(const parquet_bounds *bounds, bool is_largest,
                                 const parquet_column *column, parquet_bytes *out, bool *is_exact)
{
    const parquet_entry *value = is_largest ? &bounds->largest : &bounds->smallest;

    assert(bounds->is_present);
    *is_exact = true;
    if (column->physical == PARQUET_BYTE_ARRAY && value->length > PARQUET_BOUND_BYTES) {
        return write_cut(value, is_largest, column, out, is_exact);
    }
    if (column->order == PARQUET_ORDER_FLOAT && float_at(column, value->data) == 0) {
        uint8_t zero[8] = {0};

        zero[column->slot_bytes - 1] = is_largest ? 0x00 : 0x80; /* +0 above, -0 below */
        return parquet_bytes_append(out, zero, column->slot_bytes);
    }
    return parquet_bytes_append(out, value->data, value->length);
}
