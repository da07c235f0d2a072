/**
 * What a column is: how to read it from Arrow, how Parquet stores and names it, how it is ordered.
 * Bound once from the stream's schema; everything else reads it and nobody changes it.
 */
#ifndef PARQUET_COLUMN_H
#define PARQUET_COLUMN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/parquet_export/parquet_memory.h"
#include "wend/arrow.h"

/** The format's own numbers. */
typedef enum parquet_physical {
    PARQUET_BOOLEAN = 0,
    PARQUET_INT32 = 1,
    PARQUET_INT64 = 2,
    PARQUET_FLOAT = 4,
    PARQUET_DOUBLE = 5,
    PARQUET_BYTE_ARRAY = 6,
    PARQUET_FIXED = 7
} parquet_physical;

/** The field ids of the format's LogicalType union. */
typedef enum parquet_logical {
    PARQUET_LOGICAL_NONE = 0,
    PARQUET_LOGICAL_STRING = 1,
    PARQUET_LOGICAL_DECIMAL = 5,
    PARQUET_LOGICAL_DATE = 6,
    PARQUET_LOGICAL_TIME = 7,
    PARQUET_LOGICAL_TIMESTAMP = 8,
    PARQUET_LOGICAL_INTEGER = 10,
    PARQUET_LOGICAL_UNKNOWN = 11,
    PARQUET_LOGICAL_JSON = 12,
    PARQUET_LOGICAL_UUID = 14
} parquet_logical;

/** The field ids of the format's TimeUnit union. */
typedef enum parquet_unit {
    PARQUET_MILLIS = 1,
    PARQUET_MICROS = 2,
    PARQUET_NANOS = 3
} parquet_unit;

/** How Arrow holds a value, or a dictionary index. */
typedef enum parquet_arrow {
    PARQUET_ARROW_NULL,
    PARQUET_ARROW_BOOL,
    PARQUET_ARROW_I8,
    PARQUET_ARROW_U8,
    PARQUET_ARROW_I16,
    PARQUET_ARROW_U16,
    PARQUET_ARROW_I32,
    PARQUET_ARROW_U32,
    PARQUET_ARROW_I64,
    PARQUET_ARROW_U64,
    PARQUET_ARROW_FLOAT,
    PARQUET_ARROW_DOUBLE,
    PARQUET_ARROW_DECIMAL,
    PARQUET_ARROW_FIXED,
    PARQUET_ARROW_INTERVAL,
    PARQUET_ARROW_BYTES,      /* 32-bit offsets */
    PARQUET_ARROW_LARGE_BYTES /* 64-bit offsets */
} parquet_arrow;

typedef enum parquet_order {
    PARQUET_ORDER_NONE,     /* undefined: no statistics */
    PARQUET_ORDER_UNSIGNED, /* integers, booleans; bytes from the first */
    PARQUET_ORDER_SIGNED,   /* integers; big-endian two's complement bytes */
    PARQUET_ORDER_FLOAT
} parquet_order;

typedef struct parquet_column {
    char *name;
    bool is_nullable;
    bool is_text; /* UTF-8: bounds are cut between characters */

    parquet_arrow arrow; /* of the value; of the dictionary's value when there is one */
    size_t arrow_bytes;  /* of a fixed-width value */
    bool has_dictionary;
    parquet_arrow index; /* with a dictionary: how an index is held */
    int64_t multiply;    /* seconds become milliseconds */
    int64_t divide;      /* milliseconds of date64 become days */

    parquet_physical physical;
    int32_t type_length; /* of PARQUET_FIXED */
    /* A value's bytes in memory: its PLAIN bytes; 1 for booleans; 4 for BYTE_ARRAY, held as the
     * code of an entry in the column's pool. */
    size_t slot_bytes;
    parquet_order order;

    parquet_logical logical;
    int32_t converted; /* -1: none */
    parquet_unit unit;
    bool is_utc;
    int8_t integer_bits;
    bool is_signed;
    int32_t precision;
    int32_t scale;
} parquet_column;

typedef struct parquet_schema {
    parquet_column *columns;
    size_t column_count;
} parquet_schema;

/**
 * Bind the stream's schema, a struct of flat columns. Names must differ.
 * WEND_UNSUPPORTED names the column and Arrow's format of a type that has no mapping.
 */
WEND_MUST_USE wend_status parquet_schema_bind(parquet_schema *schema,
                                              const struct ArrowSchema *arrow, wend_error *error);
void parquet_schema_free(parquet_schema *schema);

/** The position of a column by name, or -1. */
int64_t parquet_schema_find(const parquet_schema *schema, const char *name);

#endif
