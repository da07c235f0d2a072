/*
 * Every single byte of a small segment, damaged in turn: verify finds it and names the place; reads of
 * each column either fail with that kind of error or give what they gave before; nothing else.
 * Also: files cut short, pages exchanged, memory refused at every allocation, reads refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "engine/base/alloc.h"
#include "tests/support/segment_fixture.h"

enum { COLUMNS = 8, ROWS = 1100 };

static const uint8_t uuid[16] = {9, 8, 7, 6, 5, 4, 3, 2, 1};
static const wendi_segment_column schema[COLUMNS] = {
    {1, {.kind = WENDI_TYPE_TEXT}, {"user_id", 7}},  {2, {.kind = WENDI_TYPE_TIMESTAMPTZ}, {"ts", 2}},
    {3, {.kind = WENDI_TYPE_TEXT}, {"page", 4}},     {4, {.kind = WENDI_TYPE_TEXT}, {"note", 4}},
    {5, {.kind = WENDI_TYPE_BIGINT}, {"amount", 6}}, {6, {.kind = WENDI_TYPE_DOUBLE}, {"ratio", 5}},
    {7, {.kind = WENDI_TYPE_UUID}, {"id", 2}},       {8, {.kind = WENDI_TYPE_BOOLEAN}, {"flag", 4}},
};
static const column_shape shapes[COLUMNS] = {SHAPE_RUNS,   SHAPE_RISING, SHAPE_RUNS,   SHAPE_RANDOM,
                                             SHAPE_SKEWED, SHAPE_STEPS,  SHAPE_RANDOM, SHAPE_RARE};

static column_data columns[COLUMNS];
static wendi_vector vectors[COLUMNS];
static segment_bytes file;
static wendi_segment_summary summary;
static wendi_segment_expected expected;

static wend_status write_file(segment_bytes *to, wend_error *error)
{
    wendi_segment_writer_options options = {.columns = schema, .column_count = COLUMNS, .user_column = 0,
                                            .time_column = 1};
    wendi_segment_writer *writer = NULL;
    wendi_segment_sink sink = segment_bytes_sink(to);
    memcpy(options.uuid, uuid, sizeof uuid);
    wend_status status = wendi_segment_writer_open(&sink, &options, &writer, error);
    if (status == WEND_OK) {
        status = wendi_segment_writer_row_group(writer, vectors, ROWS, error);
    }
    if (status == WEND_OK) {
        status = wendi_segment_writer_finish(writer, &summary, error);
    }
    wendi_segment_writer_close(writer);
    return status;
}

static int make_file(void **state)
{
    (void)state;
    wend_error error;
    columns[0] = column_make_users(ROWS, 300, 100, 3);
    for (uint32_t c = 1; c < COLUMNS; c++) {
        columns[c] = column_make(schema[c].type, shapes[c], ROWS, c == 1 ? 0 : 10, c != 3, 50 + c);
    }
    for (uint32_t c = 0; c < COLUMNS; c++) {
        vectors[c] = columns[c].vector;
    }
    if (write_file(&file, &error) != WEND_OK) {
        return -1;
    }
    expected = segment_bytes_expected(&summary, uuid);
    return 0;
}

static int free_file(void **state)
{
    (void)state;
    for (uint32_t c = 0; c < COLUMNS; c++) {
        column_free(&columns[c]);
    }
    wendi_buffer_free(&file.bytes);
    return 0;
}

/* Read one column; WEND_OK only when every row is what was written. */
static wend_status read_column(wendi_segment *segment, uint32_t column, wend_error *error)
{
    wendi_chunk *chunk = NULL;
    wendi_vector vector;
    wend_status status = wendi_chunk_open(segment, 0, column, &chunk, error);
    if (status == WEND_OK) {
        status = wendi_chunk_read(chunk, 0, ROWS, &vector, error);
    }
    for (uint32_t i = 0; status == WEND_OK && i < ROWS; i++) {
        if (!rows_equal(&vectors[column], i, &vector, i)) {
            fail_msg("column %u gave another value at row %u", column, i);
        }
    }
    wendi_chunk_close(chunk);
    return status;
}

/* How many columns can be read; all errors must be of the kinds allowed. */
static uint32_t readable_columns(bool from_log, wend_status allowed)
{
    wendi_segment *segment;
    wend_error error;
    uint32_t readable = 0;
    const wendi_user_runs *runs;
    const uint64_t *hashes;
    wendi_segment_source source = segment_bytes_source(&file);
    wend_status status = wendi_segment_open(&source, from_log ? &expected : NULL, &segment, &error);
    if (status != WEND_OK) {
        assert_true(status == allowed || status == WEND_CORRUPT);
        return 0;
    }
    for (uint32_t c = 0; c < COLUMNS; c++) {
        status = read_column(segment, c, &error);
        assert_true(status == WEND_OK || status == allowed || status == WEND_CORRUPT);
        if (status == WEND_CORRUPT) {
            assert_non_null(strstr(error.message, "test.wseg"));
            assert_non_null(strstr(error.message, "at byte"));
        }
        readable += status == WEND_OK;
    }
    status = wendi_segment_user_runs(segment, 0, &runs, &error);
    if (status == WEND_OK) {
        status = wendi_segment_user_hashes(segment, 0, &hashes, &error);
    }
    assert_true(status == WEND_OK || status == allowed || status == WEND_CORRUPT);
    wendi_segment_close(segment);
    return readable;
}

static void count_fault(void *context, const wendi_segment_fault *fault)
{
    uint64_t *offset = context;
    *offset = fault->offset;
    assert_non_null(strstr(fault->message, "test.wseg"));
}

static void every_flip_is_found(void **state)
{
    (void)state;
    wend_error error;
    wendi_segment_verified verified;
    uint32_t spared = 0; /* flips that no column's reader meets: header and padding at most */
    assert_int_equal(readable_columns(true, WEND_OK), COLUMNS);
    for (size_t at = 0; at < file.bytes.length; at++) {
        uint64_t place = UINT64_MAX;
        uint8_t kept = file.bytes.data[at];
        file.bytes.data[at] = (uint8_t)(kept ^ (1u << (at % 8)));
        wendi_segment_source source = segment_bytes_source(&file);
        wend_status status = wendi_segment_verify(&source, &expected, count_fault, &place, &verified, &error);
        if (status != WEND_CORRUPT || verified.faults == 0) {
            fail_msg("byte %zu: flip not found", at);
        }
        if (place > at && at < summary.footer_offset) {
            fail_msg("byte %zu: fault placed at %llu, behind it", at, (unsigned long long)place);
        }
        uint32_t readable = readable_columns(at % 2 == 0, WEND_OK);
        spared += readable == COLUMNS;
        if (at >= 64 && at < summary.footer_offset) {
            assert_true(readable >= COLUMNS - 1 || readable == 0);
        }
        file.bytes.data[at] = kept;
    }
    assert_int_equal(spared, 64); /* only the header is not read */
    assert_int_equal(readable_columns(true, WEND_OK), COLUMNS);
}

static void every_length_is_refused(void **state)
{
    (void)state;
    wendi_segment *segment;
    wend_error error;
    size_t whole = file.bytes.length;
    for (size_t length = 0; length < whole; length += length % 4096 == 0 ? 1 : 97) {
        file.bytes.length = length;
        wendi_segment_source source = segment_bytes_source(&file);
        assert_int_equal(wendi_segment_open(&source, NULL, &segment, &error), WEND_CORRUPT);
        assert_int_equal(wendi_segment_open(&source, &expected, &segment, &error), WEND_CORRUPT);
        length = length / 4096 * 4096 + 4096 - length < 97 && length % 4096 != 0 ? length / 4096 * 4096 + 4095 : length;
    }
    file.bytes.length = whole;
}

static void another_file_is_refused(void **state)
{
    (void)state;
    wendi_segment *segment;
    wend_error error;
    wendi_segment_source source = segment_bytes_source(&file);
    wendi_segment_expected other = expected;
    other.uuid[3] ^= 1;
    assert_int_equal(wendi_segment_open(&source, &other, &segment, &error), WEND_CORRUPT);
    other = expected;
    other.footer_checksum++;
    assert_int_equal(wendi_segment_open(&source, &other, &segment, &error), WEND_CORRUPT);
    other = expected;
    other.footer_offset += 64;
    assert_int_equal(wendi_segment_open(&source, &other, &segment, &error), WEND_CORRUPT);
}

static void refused_memory_is_reported(void **state)
{
    (void)state;
    for (int64_t call = 0;; call++) {
        segment_bytes other = {.read_calls = 0};
        wend_error error;
        wendi_alloc_refuse_at(call);
        wend_status status = write_file(&other, &error);
        wendi_alloc_refuse_at(-1);
        if (status == WEND_OK) {
            assert_int_equal(other.bytes.length, file.bytes.length);
            assert_memory_equal(other.bytes.data, file.bytes.data, file.bytes.length);
            wendi_buffer_free(&other.bytes);
            break;
        }
        assert_int_equal(status, WEND_NOMEM);
        wendi_buffer_free(&other.bytes);
    }
    for (int64_t call = 0;; call++) {
        wendi_alloc_refuse_at(call);
        uint32_t readable = readable_columns(true, WEND_NOMEM);
        wendi_alloc_refuse_at(-1);
        if (readable == COLUMNS) {
            break;
        }
        assert_true(call < 10000);
    }
    for (int64_t call = 0;; call++) {
        wend_error error;
        wendi_segment_verified verified;
        wendi_segment_source source = segment_bytes_source(&file);
        wendi_alloc_refuse_at(call);
        wend_status status = wendi_segment_verify(&source, &expected, NULL, NULL, &verified, &error);
        wendi_alloc_refuse_at(-1);
        if (status == WEND_OK) {
            break;
        }
        assert_int_equal(status, WEND_NOMEM);
        assert_int_equal(verified.faults, 0);
    }
}

static void refused_reads_are_reported(void **state)
{
    (void)state;
    wend_error error;
    wendi_segment *segment;
    wendi_segment_source source = segment_bytes_source(&file);
    assert_int_equal(wendi_segment_open(&source, &expected, &segment, &error), WEND_OK);
    file.refuse = true;
    assert_int_equal(read_column(segment, 2, &error), WEND_IO);
    file.refuse = false;
    assert_int_equal(read_column(segment, 2, &error), WEND_OK);
    wendi_segment_close(segment);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_flip_is_found),       cmocka_unit_test(every_length_is_refused),
        cmocka_unit_test(another_file_is_refused),   cmocka_unit_test(refused_memory_is_reported),
        cmocka_unit_test(refused_reads_are_reported),
    };
    return cmocka_run_group_tests(tests, make_file, free_file);
}
