/*
 * Whatever goes into a segment comes out of it: every type in every shape, with and without nulls,
 * over row counts on both sides of a vector's, a page's and a row group's edges, in any order of reads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "tests/support/segment_fixture.h"

enum { COLUMNS = 13, USER = 0, TIME = 1 };

static const uint8_t uuid[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

static wendi_segment_column schema[COLUMNS] = {
    {1, {.kind = WENDI_TYPE_TEXT}, {"user_id", 7}},       {2, {.kind = WENDI_TYPE_TIMESTAMPTZ}, {"ts", 2}},
    {3, {.kind = WENDI_TYPE_TEXT}, {"page", 4}},          {4, {.kind = WENDI_TYPE_TEXT}, {"note", 4}},
    {5, {.kind = WENDI_TYPE_BIGINT}, {"amount", 6}},      {6, {.kind = WENDI_TYPE_DOUBLE}, {"ratio", 5}},
    {7, {.kind = WENDI_TYPE_REAL}, {"score", 5}},         {8, {.kind = WENDI_TYPE_UUID}, {"id", 2}},
    {9, {.kind = WENDI_TYPE_INET}, {"ip", 2}},            {10, {.kind = WENDI_TYPE_BOOLEAN}, {"flag", 4}},
    {11, {.kind = WENDI_TYPE_NUMERIC, .precision = 12, .scale = 2}, {"price", 5}},
    {12, {.kind = WENDI_TYPE_DATE}, {"day", 3}},          {20, {.kind = WENDI_TYPE_JSONB}, {"rest", 4}},
};

typedef struct fixture {
    segment_bytes bytes;
    column_data columns[COLUMNS];
    wendi_vector vectors[COLUMNS];
    uint32_t row_count;
    wendi_segment_summary summary;
} fixture;

static void make_columns(fixture *f, uint32_t row_count, column_shape shape, uint32_t null_percent, uint64_t seed)
{
    f->row_count = row_count;
    f->columns[USER] = column_make_users(row_count, row_count / 7 + 1, row_count / 10, seed);
    for (uint32_t c = 1; c < COLUMNS; c++) {
        f->columns[c] = column_make(schema[c].type, shape, row_count, c == TIME ? 0 : null_percent, c != 3, seed + c);
    }
    for (uint32_t c = 0; c < COLUMNS; c++) {
        f->vectors[c] = f->columns[c].vector;
    }
}

static void write_segment(fixture *f, uint32_t row_groups)
{
    wendi_segment_origin origin = {{"clicks", 6}, 3, 100, 200};
    wendi_segment_writer_options options = {.columns = schema, .column_count = COLUMNS, .user_column = USER,
                                            .time_column = TIME, .origins = &origin, .origin_count = 1};
    wendi_segment_writer *writer;
    wend_error error;
    wendi_segment_sink sink = segment_bytes_sink(&f->bytes);
    memcpy(options.uuid, uuid, sizeof uuid);
    assert_int_equal(wendi_segment_writer_open(&sink, &options, &writer, &error), WEND_OK);
    for (uint32_t g = 0; g < row_groups; g++) {
        assert_int_equal(wendi_segment_writer_row_group(writer, f->vectors, f->row_count, &error), WEND_OK);
    }
    assert_int_equal(wendi_segment_writer_finish(writer, &f->summary, &error), WEND_OK);
    wendi_segment_writer_close(writer);
    assert_int_equal(f->summary.file_bytes, f->bytes.bytes.length);
    assert_int_equal(f->summary.file_bytes % 4096, 0);
}

static void free_fixture(fixture *f)
{
    for (uint32_t c = 0; c < COLUMNS; c++) {
        column_free(&f->columns[c]);
    }
    wendi_buffer_free(&f->bytes.bytes);
    memset(f, 0, sizeof *f);
}

static void compare_rows(const fixture *f, uint32_t column, uint32_t first, const wendi_vector *vector)
{
    for (uint32_t i = 0; i < vector->row_count; i++) {
        if (!rows_equal(&f->vectors[column], first + i, vector, i)) {
            fail_msg("column %u differs at row %u", column, first + i);
        }
    }
}

static void check_zone(const fixture *f, uint32_t column, uint32_t first, uint32_t count, const wendi_zone *zone)
{
    uint64_t nulls = 0;
    for (uint32_t i = first; i < first + count; i++) {
        const wendi_vector *vector = &f->vectors[column];
        bool null = wendi_vector_is_null(vector, i);
        nulls += null;
        if (null || !zone->has_min_max) {
            continue;
        }
        wendi_value value = {.type = vector->type};
        if (wendi_type_physical(vector->type) == WENDI_PHYSICAL_STRING) {
            value.string = wendi_vector_string(vector, i);
        } else if (wendi_type_physical(vector->type) == WENDI_PHYSICAL_B16) {
            value.b16 = vector->b16[i];
        } else {
            value.i64 = vector->i64[i];
        }
        assert_true(wendi_value_compare(&zone->min, &value) <= 0);
        assert_true(wendi_value_compare(&zone->max, &value) >= 0);
    }
    assert_int_equal(zone->row_count, count);
    if (zone->null_count_exact) {
        assert_int_equal(zone->null_count, nulls);
    } else {
        assert_true(zone->null_count >= nulls);
    }
}

static void check_codes(const wendi_zone *zone, const wendi_vector *vector)
{
    for (uint32_t i = 0; vector->form == WENDI_FORM_DICTIONARY && i < vector->row_count; i++) {
        uint32_t code = vector->codes[i];
        if (zone->has_codes && code != 0) {
            assert_true(code >= zone->code_min && code <= zone->code_max);
        }
        if (zone->has_code_mask) {
            assert_true(zone->code_mask >> code & 1);
        }
    }
}

static void read_chunk(const fixture *f, wendi_segment *segment, uint32_t group, uint32_t column, uint32_t step)
{
    wendi_chunk *chunk;
    wendi_vector vector;
    wendi_zone zone;
    wend_error error;
    assert_int_equal(wendi_chunk_open(segment, group, column, &chunk, &error), WEND_OK);
    for (uint32_t first = 0; first < f->row_count;) {
        uint32_t page_left = WENDI_PAGE_ROWS - first % WENDI_PAGE_ROWS;
        uint32_t count = f->row_count - first;
        count = count < step ? count : step;
        count = count < page_left ? count : page_left;
        if (wendi_chunk_read(chunk, first, count, &vector, &error) != WEND_OK) {
            fail_msg("%s", error.message);
        }
        assert_int_equal(vector.row_count, count);
        compare_rows(f, column, first, &vector);
        wendi_chunk_page_zone(chunk, first / WENDI_PAGE_ROWS, &zone);
        check_codes(&zone, &vector);
        assert_int_equal(wendi_chunk_vector_zone(chunk, first, &zone, &error), WEND_OK);
        check_zone(f, column, first, count < WENDI_VECTOR_ROWS ? count : WENDI_VECTOR_ROWS, &zone);
        first += count;
    }
    for (uint32_t page = 0; page * WENDI_PAGE_ROWS < f->row_count; page++) {
        uint32_t left = f->row_count - page * WENDI_PAGE_ROWS;
        wendi_chunk_page_zone(chunk, page, &zone);
        check_zone(f, column, page * WENDI_PAGE_ROWS, left < WENDI_PAGE_ROWS ? left : WENDI_PAGE_ROWS, &zone);
    }
    wendi_row_group_zone(segment, group, column, &zone);
    check_zone(f, column, 0, f->row_count, &zone);
    wendi_chunk_close(chunk);
}

static void check_users(const fixture *f, wendi_segment *segment, uint32_t group)
{
    const wendi_user_runs *runs;
    const uint64_t *hashes;
    wend_error error;
    const uint32_t *codes = f->vectors[USER].codes;
    assert_int_equal(wendi_segment_user_runs(segment, group, &runs, &error), WEND_OK);
    assert_int_equal(wendi_segment_user_hashes(segment, group, &hashes, &error), WEND_OK);
    uint32_t run = 0;
    for (uint32_t i = 0; i < f->row_count; i++) {
        bool begins = i == 0 || codes[i] != codes[i - 1];
        if (begins) {
            assert_int_equal(runs->first_row[run], i);
            if (codes[i] != 0) {
                wendi_value user = {.type = wendi_type_of(WENDI_TYPE_TEXT), .string = wendi_vector_string(&f->vectors[USER], i)};
                assert_true(hashes[run] == wendi_value_hash(&user));
                assert_int_equal(wendi_user_runs_lower_bound(runs, hashes, hashes[run]), run);
            }
            run++;
        }
    }
    assert_int_equal(runs->run_count, run);
    assert_int_equal(runs->first_row[run], f->row_count);
    assert_int_equal(runs->null_run, codes[f->row_count - 1] == 0);
}

static void report_fault(void *context, const wendi_segment_fault *fault)
{
    (void)context;
    print_message("%s\n", fault->message);
}

static void read_segment(fixture *f, uint32_t row_groups, uint32_t step)
{
    wendi_segment *segment;
    wend_error error = {.message = ""};
    wendi_segment_source source = segment_bytes_source(&f->bytes);
    wendi_segment_expected expected = segment_bytes_expected(&f->summary, uuid);
    wendi_segment_verified verified;
    f->bytes.read_calls = 0;
    assert_int_equal(wendi_segment_open(&source, &expected, &segment, &error), WEND_OK);
    assert_int_equal(f->bytes.read_calls, 1);
    assert_int_equal(wendi_segment_row_group_count(segment), row_groups);
    assert_int_equal(wendi_segment_row_count(segment), (uint64_t)row_groups * f->row_count);
    for (uint32_t g = 0; g < row_groups; g++) {
        for (uint32_t c = 0; c < COLUMNS; c++) {
            read_chunk(f, segment, g, c, step);
        }
        check_users(f, segment, g);
    }
    wendi_segment_close(segment);
    assert_int_equal(wendi_segment_verify(&source, &expected, report_fault, NULL, &verified, &error), WEND_OK);
    assert_int_equal(verified.bytes, f->bytes.bytes.length);
}

static void all_shapes_round_trip(void **state)
{
    (void)state;
    for (column_shape shape = 0; shape < SHAPE_COUNT; shape++) {
        for (uint32_t nulls = 0; nulls <= 100; nulls += nulls == 0 ? 3 : 97) {
            fixture f = {.row_count = 0};
            make_columns(&f, 5000 + shape, shape, nulls, 77 + shape);
            write_segment(&f, 1);
            read_segment(&f, 1, 2048);
            free_fixture(&f);
        }
    }
}

static void edges_round_trip(void **state)
{
    (void)state;
    static const uint32_t counts[] = {1, 2, 63, 1023, 1024, 1025, 65535, 65536, 65537, 140000};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        fixture f = {.row_count = 0};
        make_columns(&f, counts[i], i % 2 == 0 ? SHAPE_STEPS : SHAPE_RUNS, 40, 5 + i);
        write_segment(&f, 1);
        read_segment(&f, 1, i % 2 == 0 ? 65536 : 8192);
        free_fixture(&f);
    }
}

static void a_segment_without_rows(void **state)
{
    (void)state;
    fixture f = {.row_count = 0};
    write_segment(&f, 0);
    read_segment(&f, 0, 1024);
    assert_int_equal(f.summary.row_count, 0);
    assert_true(f.summary.time_min > f.summary.time_max);
    wendi_buffer_free(&f.bytes.bytes);
}

static void equal_input_gives_equal_bytes(void **state)
{
    (void)state;
    fixture a = {.row_count = 0};
    fixture b = {.row_count = 0};
    make_columns(&a, 3000, SHAPE_SKEWED, 20, 9);
    make_columns(&b, 3000, SHAPE_SKEWED, 20, 9);
    write_segment(&a, 1);
    write_segment(&b, 1);
    assert_int_equal(a.bytes.bytes.length, b.bytes.bytes.length);
    assert_memory_equal(a.bytes.bytes.data, b.bytes.bytes.data, a.bytes.bytes.length);
    free_fixture(&a);
    free_fixture(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_segment_without_rows),
        cmocka_unit_test(all_shapes_round_trip),
        cmocka_unit_test(edges_round_trip),
        cmocka_unit_test(equal_input_gives_equal_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
