/*
 * Thrift's compact protocol, writing only. Integers are zigzag ULEB128; a boolean field carries its
 * value in the type nibble; lists carry their count in the head's high nibble when it is below 15.
 */
#include "tools/parquet_export/parquet_thrift.h"

#include <assert.h>
#include <string.h>

void parquet_thrift_begin(parquet_thrift *thrift, parquet_bytes *out)
{
    *thrift = (parquet_thrift){.out = out, .status = WEND_OK};
}

void parquet_thrift_raw(parquet_thrift *thrift, const void *data, size_t count)
{
    if (thrift->status == WEND_OK) {
        thrift->status = parquet_bytes_append(thrift->out, data, count);
    }
}

static void put_byte(parquet_thrift *thrift, unsigned value)
{
    uint8_t byte = (uint8_t)value;

    parquet_thrift_raw(thrift, &byte, 1);
}

static void put_varint(parquet_thrift *thrift, uint64_t value)
{
    uint8_t bytes[10];
    size_t count = 0;

    while (value >= 0x80) {
        bytes[count++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    bytes[count++] = (uint8_t)value;
    parquet_thrift_raw(thrift, bytes, count);
}

static void put_zigzag(parquet_thrift *thrift, int64_t value)
{
    put_varint(thrift, ((uint64_t)value << 1) ^ (uint64_t)(value >> 63));
}

static void put_field(parquet_thrift *thrift, int16_t id, parquet_thrift_type type)
{
    int delta = id - thrift->last_id[thrift->depth];

    assert(delta > 0 && "fields are written in rising order");
    if (delta <= 15) {
        put_byte(thrift, (unsigned)delta << 4 | (unsigned)type);
    } else {
        put_byte(thrift, (unsigned)type);
        put_zigzag(thrift, id);
    }
    thrift->last_id[thrift->depth] = id;
}

void parquet_thrift_i8(parquet_thrift *thrift, int16_t id, int8_t value)
{
    put_field(thrift, id, PARQUET_THRIFT_I8);
    put_byte(thrift, (uint8_t)value);
}

void parquet_thrift_i16(parquet_thrift *thrift, int16_t id, int16_t value)
{
    put_field(thrift, id, PARQUET_THRIFT_I16);
    put_zigzag(thrift, value);
}

void parquet_thrift_i32(parquet_thrift *thrift, int16_t id, int32_t value)
{
    put_field(thrift, id, PARQUET_THRIFT_I32);
    put_zigzag(thrift, value);
}

void parquet_thrift_i64(parquet_thrift *thrift, int16_t id, int64_t value)
{
    put_field(thrift, id, PARQUET_THRIFT_I64);
    put_zigzag(thrift, value);
}

void parquet_thrift_bool(parquet_thrift *thrift, int16_t id, bool value)
{
    put_field(thrift, id, value ? PARQUET_THRIFT_TRUE : PARQUET_THRIFT_FALSE);
}

void parquet_thrift_binary(parquet_thrift *thrift, int16_t id, const void *data, size_t count)
{
    put_field(thrift, id, PARQUET_THRIFT_BINARY);
    parquet_thrift_item_binary(thrift, data, count);
}

void parquet_thrift_string(parquet_thrift *thrift, int16_t id, const char *text)
{
    parquet_thrift_binary(thrift, id, text, strlen(text));
}

void parquet_thrift_struct(parquet_thrift *thrift, int16_t id)
{
    put_field(thrift, id, PARQUET_THRIFT_STRUCT);
    parquet_thrift_item_struct(thrift);
}

void parquet_thrift_ready_struct(parquet_thrift *thrift, int16_t id, const void *data, size_t count)
{
    put_field(thrift, id, PARQUET_THRIFT_STRUCT);
    parquet_thrift_raw(thrift, data, count);
}

void parquet_thrift_item_struct(parquet_thrift *thrift)
{
    assert(thrift->depth + 1 < PARQUET_THRIFT_DEPTH_MAX);
    thrift->depth++;
    thrift->last_id[thrift->depth] = 0;
}

void parquet_thrift_struct_end(parquet_thrift *thrift)
{
    put_byte(thrift, 0);
    if (thrift->depth > 0) {
        thrift->depth--;
    }
}

void parquet_thrift_list(parquet_thrift *thrift, int16_t id, parquet_thrift_type type, size_t count)
{
    put_field(thrift, id, PARQUET_THRIFT_LIST);
    if (count < 15) {
        put_byte(thrift, (unsigned)count << 4 | (unsigned)type);
    } else {
        put_byte(thrift, 0xF0u | (unsigned)type);
        put_varint(thrift, count);
    }
}

void parquet_thrift_item_integer(parquet_thrift *thrift, int64_t value)
{
    put_zigzag(thrift, value);
}

void parquet_thrift_item_bool(parquet_thrift *thrift, bool value)
{
    put_byte(thrift, value ? PARQUET_THRIFT_TRUE : PARQUET_THRIFT_FALSE);
}

void parquet_thrift_item_binary(parquet_thrift *thrift, const void *data, size_t count)
{
    put_varint(thrift, count);
    parquet_thrift_raw(thrift, data, count);
}
