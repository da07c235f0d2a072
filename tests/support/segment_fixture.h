/** Segments in memory for tests: a sink that keeps the bytes, a source that gives them back, random columns. */
#ifndef WENDI_TESTS_SEGMENT_FIXTURE_H
#define WENDI_TESTS_SEGMENT_FIXTURE_H

#include "format/segment_reader.h"
#include "format/segment_writer.h"

typedef struct segment_bytes {
    wendi_buffer bytes;
    uint64_t read_calls;
    uint64_t read_from; /* least and greatest byte that reads touched */
    uint64_t read_to;
    bool refuse; /* the next read fails with WEND_IO */
} segment_bytes;

wendi_segment_sink segment_bytes_sink(segment_bytes *bytes);
wendi_segment_source segment_bytes_source(segment_bytes *bytes);
/** A `read` for the source's context that counts nothing, for many threads at once. */
wend_status segment_bytes_read_quietly(void *context, uint64_t offset, void *buffer, size_t length, wend_error *error);
wendi_segment_expected segment_bytes_expected(const wendi_segment_summary *summary, const uint8_t *uuid);

/** A deterministic generator (SplitMix64). */
uint64_t random_next(uint64_t *state);
uint64_t random_below(uint64_t *state, uint64_t limit);

/** How values of a column spread. */
typedef enum column_shape {
    SHAPE_CONSTANT, SHAPE_SMALL, SHAPE_SKEWED, SHAPE_RISING, SHAPE_STEPS, SHAPE_RUNS, SHAPE_RARE, SHAPE_RANDOM,
    SHAPE_MULTIPLES, SHAPE_EXTREME, SHAPE_FALLS, SHAPE_MIXED, SHAPE_COUNT
} column_shape;
int64_t shaped_value(column_shape shape, uint64_t *state, int64_t before, uint32_t row);

/** A column with its own memory; free with column_free(). */
typedef struct column_data {
    wendi_vector vector;
    void *values;
    uint8_t *nulls;
    char *bytes; /* of FLAT strings */
    wendi_dictionary *dictionary;
} column_data;
/** `null_percent` 0..100. Strings: DICTIONARY when `coded`, else FLAT. */
column_data column_make(wendi_type type, column_shape shape, uint32_t row_count, uint32_t null_percent, bool coded,
                        uint64_t seed);
/** The user column: sorted by (hash, bytes), nulls last, some `users` of them. */
column_data column_make_users(uint32_t row_count, uint32_t users, uint32_t null_rows, uint64_t seed);
void column_free(column_data *column);
/** Whether row `a` of one vector and row `b` of another are the same value, bit for bit, or both null. */
bool rows_equal(const wendi_vector *left, uint32_t a, const wendi_vector *right, uint32_t b);

#endif
