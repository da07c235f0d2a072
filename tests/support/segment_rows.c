#include "tests/support/segment_rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "format/segment_reader.h"

static void store(test_segment_rows *rows, uint64_t row, uint32_t column, const wendi_vector *vector, uint32_t i)
{
    wendi_value *value = &rows->values[row * rows->column_count + column];
    uint32_t index = wendi_vector_index(vector, i);
    *value = (wendi_value){.type = vector->type, .null = wendi_vector_is_null(vector, i)};
    if (value->null) {
        return;
    }
    switch (wendi_type_physical(vector->type)) {
    case WENDI_PHYSICAL_STRING: {
        wendi_string text = vector->form == WENDI_FORM_CONSTANT ? vector->strings[0] : wendi_vector_string(vector, i);
        value->string = (wendi_string){wendi_arena_copy(&rows->arena, text.data, text.length), text.length};
        break;
    }
    case WENDI_PHYSICAL_F64:
        value->f64 = vector->f64[index];
        break;
    case WENDI_PHYSICAL_B16:
        value->b16 = vector->b16[index];
        break;
    default:
        value->i64 = vector->i64[index];
        break;
    }
}

static void read_column(wendi_segment *segment, uint32_t group, uint32_t column, uint64_t first, test_segment_rows *rows)
{
    uint32_t row_count = wendi_segment_row_group(segment, group)->row_count;
    wendi_chunk *chunk;
    wend_error error;
    assert_int_equal(wendi_chunk_open(segment, group, column, &chunk, &error), WEND_OK);
    for (uint32_t at = 0; at < row_count; at += WENDI_VECTOR_ROWS) {
        uint32_t count = row_count - at < WENDI_VECTOR_ROWS ? row_count - at : WENDI_VECTOR_ROWS;
        wendi_vector vector;
        assert_int_equal(wendi_chunk_read(chunk, at, count, &vector, &error), WEND_OK);
        for (uint32_t i = 0; i < count; i++) {
            store(rows, first + at + i, column, &vector, i);
        }
    }
    wendi_chunk_close(chunk);
}

static void leave_null(test_segment_rows *rows, uint64_t first, uint64_t count, uint32_t column)
{
    for (uint64_t row = first; row < first + count; row++) {
        rows->values[row * rows->column_count + column].null = true;
    }
}

void test_segment_rows_read(wendi_snapshot *snapshot, test_segment_rows *rows)
{
    const wendi_table_state *state = wendi_snapshot_state(snapshot);
    const wendi_schema *schema = wendi_snapshot_schema(snapshot);
    uint64_t first = 0;
    *rows = (test_segment_rows){.column_count = schema->column_count};
    for (uint32_t i = 0; i < state->segment_count; i++) {
        rows->row_count += state->segments[i].row_count;
    }
    rows->values = calloc(rows->row_count * rows->column_count + 1, sizeof *rows->values);
    for (uint32_t i = 0; i < state->segment_count; i++) {
        wendi_segment *segment;
        wend_error error;
        if (wendi_snapshot_segment(snapshot, i, &segment, &error) != WEND_OK) {
            fail_msg("%s", error.message);
        }
        for (uint32_t group = 0; group < wendi_segment_row_group_count(segment); group++) {
            for (uint32_t c = 0; c < schema->column_count; c++) {
                uint32_t column = wendi_segment_find_column(segment, schema->columns[c].id);
                if (column == WENDI_NO_COLUMN) { /* added later */
                    leave_null(rows, first, wendi_segment_row_group(segment, group)->row_count, c);
                    continue;
                }
                assert_int_equal(column, c);
                read_column(segment, group, column, first, rows);
            }
            first += wendi_segment_row_group(segment, group)->row_count;
        }
    }
    assert_int_equal(first, rows->row_count);
}

void test_segment_rows_free(test_segment_rows *rows)
{
    free(rows->values);
    wendi_arena_free(&rows->arena);
}
