/**
 * Writing Thrift's compact protocol: the little of it that Parquet's metadata needs.
 *
 * After the Thrift compact protocol specification (apache/thrift, doc/specs). A struct is a row of
 * fields in rising id order, each one byte of id delta and type where the delta fits, and a 0 byte.
 * The first refusal of memory is kept in `status`, so that a row of calls is checked once.
 */
#ifndef PARQUET_THRIFT_H
#define PARQUET_THRIFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/parquet_export/parquet_memory.h"

#define PARQUET_THRIFT_DEPTH_MAX 8

typedef enum parquet_thrift_type {
    PARQUET_THRIFT_TRUE = 1,
    PARQUET_THRIFT_FALSE = 2,
    PARQUET_THRIFT_I8 = 3,
    PARQUET_THRIFT_I16 = 4,
    PARQUET_THRIFT_I32 = 5,
    PARQUET_THRIFT_I64 = 6,
    PARQUET_THRIFT_BINARY = 8,
    PARQUET_THRIFT_LIST = 9,
    PARQUET_THRIFT_STRUCT = 12
} parquet_thrift_type;

/** `last_id[depth]` is the field written last in the struct at that depth. */
typedef struct parquet_thrift {
    parquet_bytes *out;
    wend_status status;
    int depth;
    int16_t last_id[PARQUET_THRIFT_DEPTH_MAX];
} parquet_thrift;

/** Begin at the top-level struct, whose end is parquet_thrift_struct_end() too. */
void parquet_thrift_begin(parquet_thrift *thrift, parquet_bytes *out);

void parquet_thrift_i8(parquet_thrift *thrift, int16_t id, int8_t value);
void parquet_thrift_i16(parquet_thrift *thrift, int16_t id, int16_t value);
void parquet_thrift_i32(parquet_thrift *thrift, int16_t id, int32_t value);
void parquet_thrift_i64(parquet_thrift *thrift, int16_t id, int64_t value);
void parquet_thrift_bool(parquet_thrift *thrift, int16_t id, bool value);
void parquet_thrift_binary(parquet_thrift *thrift, int16_t id, const void *data, size_t count);
void parquet_thrift_string(parquet_thrift *thrift, int16_t id, const char *text);
void parquet_thrift_struct(parquet_thrift *thrift, int16_t id);
/** A struct field whose bytes, its end included, are there already. */
void parquet_thrift_ready_struct(parquet_thrift *thrift, int16_t id, const void *data,
                                 size_t count);
void parquet_thrift_struct_end(parquet_thrift *thrift);

/** A list's head; its elements follow by the calls below (or struct elements). */
void parquet_thrift_list(parquet_thrift *thrift, int16_t id, parquet_thrift_type type,
                         size_t count);
void parquet_thrift_item_integer(parquet_thrift *thrift, int64_t value);
void parquet_thrift_item_bool(parquet_thrift *thrift, bool value);
void parquet_thrift_item_binary(parquet_thrift *thrift, const void *data, size_t count);
void parquet_thrift_item_struct(parquet_thrift *thrift);
/** `count` bytes that are whole elements already in this encoding. */
void parquet_thrift_raw(parquet_thrift *thrift, const void *data, size_t count);

#endif
