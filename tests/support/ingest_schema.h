/**
 * Schemas for ingest's tests, made without DDL, so that these tests do not hang on the SQL parser.
 */
#ifndef WEND_TESTS_INGEST_SCHEMA_H
#define WEND_TESTS_INGEST_SCHEMA_H

#include "engine/column/schema.h"

typedef struct test_column {
    const char *name;
    wendi_type type;
    const char *paths; /* "$.a.b|$.c"; NULL: the name is the one key */
    bool not_null;
    uint8_t origin;
    uint8_t on_error;
    uint8_t rounding;
    uint8_t time_format;
    const char *time_pattern;
    const char *timezone;
    const char *default_value;
} test_column;

#define TEST_NUMERIC(p, s) ((wendi_type){.kind = WENDI_TYPE_NUMERIC, .precision = (p), .scale = (s)})
#define TEST_VARCHAR(n) ((wendi_type){.kind = WENDI_TYPE_TEXT, .length_max = (n)})
#define TEST_TYPE(kind_) ((wendi_type){.kind = (kind_)})

/** Into `schema`, whose arena owns all; the first timestamptz column is the time column. Free with wendi_arena_free(). */
void test_schema_make(wendi_schema *schema, const test_column *columns, uint32_t count);
/** The clickstream of bench/clickgen: its 20 columns. */
void test_schema_clicks(wendi_schema *schema);

#endif
