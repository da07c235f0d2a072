/** All rows of a snapshot as plain values, for tests that compare what is stored with what was meant. */
#ifndef WEND_TESTS_SEGMENT_ROWS_H
#define WEND_TESTS_SEGMENT_ROWS_H

#include "engine/column/value.h"
#include "engine/table/table.h"

typedef struct test_segment_rows {
    uint64_t row_count;
    uint32_t column_count;
    wendi_value *values; /* row after row; strings are in `arena` */
    wendi_arena arena;
} test_segment_rows;

/** Fails the test when anything cannot be read. Rows in segment order; columns that came after a segment are null in it. */
void test_segment_rows_read(wendi_snapshot *snapshot, test_segment_rows *rows);
void test_segment_rows_free(test_segment_rows *rows);

static inline const wendi_value *test_segment_value(const test_segment_rows *rows, uint64_t row, uint32_t column)
{
    return &rows->values[row * rows->column_count + column];
}

#endif
