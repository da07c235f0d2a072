/*
 * Zone maps hold in the order that filters compare by: of the segment, the row group, every page and every vector,
 * for every type, with IPv4 and IPv6 addresses mixed, which bytes do not order as SQL does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "engine/column/vector_value.h"
#include "tests/support/segment_fixture.h"

enum { COLUMNS = 7, ROWS = 140000 };

static const wendi_segment_column schema[COLUMNS] = {
    {1, {.kind = WENDI_TYPE_INET}, {"ip", 2}},      {2, {.kind = WENDI_TYPE_UUID}, {"id", 2}},
    {3, {.kind = WENDI_TYPE_TEXT}, {"note", 4}},    {4, {.kind = WENDI_TYPE_BIGINT}, {"n", 1}},
    {5, {.kind = WENDI_TYPE_DOUBLE}, {"ratio", 5}}, {6, {.kind = WENDI_TYPE_TEXT}, {"page", 4}},
    {7, {.kind = WENDI_TYPE_REAL}, {"score", 5}},
};

static void assert_within(const wendi_zone *zone, const wendi_value *value, const char *what, uint32_t row)
{
    if (!zone->has_min_max || value->null) {
        return;
    }
    if (wendi_value_compare(&zone->min, value) > 0 || wendi_value_compare(value, &zone->max) > 0) {
        fail_msg("row %u is outside the bounds of its %s", row, what);
    }
}

static void check_column(wendi_segment *segment, uint32_t c, const wendi_vector *expected)
{
    wendi_chunk *chunk;
    wendi_zone whole;
    wendi_zone group;
    wendi_zone page;
    wendi_zone vector;
    wend_error error;
    assert_int_equal(wendi_chunk_open(segment, 0, c, &chunk, &error), WEND_OK);
    wendi_segment_zone(segment, c, &whole);
    wendi_row_group_zone(segment, 0, c, &group);
    for (uint32_t row = 0; row < expected->row_count; row++) {
        if (row % WENDI_PAGE_ROWS == 0) {
            wendi_chunk_page_zone(chunk, row / WENDI_PAGE_ROWS, &page);
        }
        if (row % WENDI_VECTOR_ROWS == 0) {
            assert_int_equal(wendi_chunk_vector_zone(chunk, row, &vector, &error), WEND_OK);
        }
        wendi_value value = wendi_vector_value(expected, row);
        assert_within(&whole, &value, "segment", row);
        assert_within(&group, &value, "row group", row);
        assert_within(&page, &value, "page", row);
        assert_within(&vector, &value, "vector", row);
    }
    wendi_chunk_close(chunk);
}

/* Addresses of a kind: only IPv4, only below or above those, or everything. */
static void fill_addresses(column_data *column, unsigned kind, uint64_t *seed)
{
    wendi_b16 *values = column->values;
    for (uint32_t row = 0; row < ROWS; row++) {
        uint8_t bytes[16] = {0};
        unsigned of = kind < 3 ? kind : (unsigned)random_below(seed, 3);
        uint64_t random = random_next(seed);
        memcpy(bytes + 12, &random, 4);
        if (of == 0) {
            bytes[10] = bytes[11] = 0xff;
        } else if (of == 1) {
            bytes[11] = (uint8_t)(random >> 40);
        } else {
            memcpy(bytes, &random, 8);
        }
        memcpy(&values[row], bytes, sizeof bytes);
    }
}

static void zones_hold_all_values(void **state)
{
    (void)state;
    uint64_t seed = 5;
    static const column_shape shapes[] = {SHAPE_RANDOM, SHAPE_RUNS, SHAPE_EXTREME, SHAPE_SKEWED, SHAPE_RISING};
    for (unsigned round = 0; round < 5; round++) {
        segment_bytes file = {.read_calls = 0};
        column_data columns[COLUMNS];
        wendi_vector vectors[COLUMNS];
        wendi_segment_writer_options options = {.columns = schema, .column_count = COLUMNS,
                                                .user_column = WENDI_NO_COLUMN, .time_column = WENDI_NO_COLUMN};
        wendi_segment_writer *writer;
        wendi_segment_summary summary;
        wendi_segment *segment;
        wend_error error;
        wendi_segment_sink sink = segment_bytes_sink(&file);
        for (uint32_t c = 0; c < COLUMNS; c++) {
            columns[c] = column_make(schema[c].type, shapes[round], ROWS, c == 0 ? 0 : 10, c == 5, seed + c);
            vectors[c] = columns[c].vector;
        }
        if (round != 1) { /* runs stay runs */
            fill_addresses(&columns[0], round == 0 ? 3 : round - 2, &seed);
        }
        assert_int_equal(wendi_segment_writer_open(&sink, &options, &writer, &error), WEND_OK);
        assert_int_equal(wendi_segment_writer_row_group(writer, vectors, ROWS, &error), WEND_OK);
        assert_int_equal(wendi_segment_writer_finish(writer, &summary, &error), WEND_OK);
        wendi_segment_writer_close(writer);
        wendi_segment_source source = segment_bytes_source(&file);
        assert_int_equal(wendi_segment_open(&source, NULL, &segment, &error), WEND_OK);
        for (uint32_t c = 0; c < COLUMNS; c++) {
            check_column(segment, c, &vectors[c]);
            column_free(&columns[c]);
        }
        wendi_segment_close(segment);
        wendi_buffer_free(&file.bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(zones_hold_all_values)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
