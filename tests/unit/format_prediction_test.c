/*
 * Columns that are functions of others, all but some rows: whatever is predicted must come out as it went in, at any
 * place and in any order of reads; what is plainly a function must be found and cost next to nothing; and
 * predictions that lie are refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "engine/base/hash.h"
#include "format/prediction.h"
#include "format/segment.h"
#include "tests/support/segment_fixture.h"

enum { SESSION, TYPE, PRODUCT, PAGE, REFERRER, PRICE, RATIO, SCORE, QUANTITY, COLUMNS };

static const wendi_segment_column schema[COLUMNS] = {
    {1, {.kind = WENDI_TYPE_TEXT}, {"session", 7}},
    {2, {.kind = WENDI_TYPE_TEXT}, {"type", 4}},
    {3, {.kind = WENDI_TYPE_TEXT}, {"product", 7}},
    {4, {.kind = WENDI_TYPE_TEXT}, {"page", 4}},
    {5, {.kind = WENDI_TYPE_TEXT}, {"referrer", 8}},
    {6, {.kind = WENDI_TYPE_NUMERIC, .precision = 12, .scale = 2}, {"price", 5}},
    {7, {.kind = WENDI_TYPE_DOUBLE}, {"ratio", 5}},
    {8, {.kind = WENDI_TYPE_REAL}, {"score", 5}},
    {9, {.kind = WENDI_TYPE_BIGINT}, {"quantity", 8}},
};
static const uint8_t uuid[16] = {7, 7, 7};

typedef struct shop {
    uint32_t row_count;
    uint32_t noise_percent; /* rows that break each rule */
    wendi_vector vectors[COLUMNS];
    void *values[COLUMNS];
    uint8_t *nulls[COLUMNS];
    char (*text)[5][40];
    segment_bytes file;
} shop;

static void put_text(shop *s, uint32_t column, uint32_t row, const char *text)
{
    wendi_string *strings = s->values[column];
    s->nulls[column][row] = text == NULL;
    snprintf(s->text[row][column], sizeof s->text[row][column], "%s", text == NULL ? "" : text);
    strings[row] = (wendi_string){s->text[row][column], (uint32_t)strlen(s->text[row][column])};
}

static void put_number(shop *s, uint32_t column, uint32_t row, bool null, int64_t integer, double number)
{
    s->nulls[column][row] = null;
    if (column == RATIO || column == SCORE) {
        ((double *)s->values[column])[row] = null ? 0 : number;
    } else {
        ((int64_t *)s->values[column])[row] = null ? 0 : integer;
    }
}

static void fill_row(shop *s, uint32_t row, uint64_t *random)
{
    char text[40];
    bool noisy = random_below(random, 100) < s->noise_percent;
    uint64_t session = row / 9 * UINT64_C(0x9e3779b97f4a7c15);
    uint32_t type = (uint32_t)random_below(random, 6);
    uint32_t product = (uint32_t)random_below(random, 300);
    snprintf(text, sizeof text, "s_%016llx", (unsigned long long)session);
    put_text(s, SESSION, row, text);
    snprintf(text, sizeof text, "type-%u", type);
    put_text(s, TYPE, row, text);
    snprintf(text, sizeof text, "P%u", 10000 + product * 7);
    put_text(s, PRODUCT, row, type < 3 ? text : NULL);
    snprintf(text, sizeof text, "/p/%u", noisy ? (uint32_t)random_below(random, 4000) : product);
    put_text(s, PAGE, row, type < 2 || noisy ? text : type == 2 ? "/cart" : "/");
    bool follows = row % 9 != 0 && !noisy;
    put_text(s, REFERRER, row, follows ? s->text[row - 1][PAGE] : row % 2 == 0 ? NULL : "https://elsewhere.example");
    put_number(s, PRICE, row, type >= 3, noisy ? (int64_t)random_below(random, 100000) : product * 31 + 199, 0);
    put_number(s, RATIO, row, false, 0, noisy ? (double)random_below(random, 1000) / 3 : type * 1.75 + 0.5);
    put_number(s, SCORE, row, type == 5, 0, (double)((float)type / 3.0F));
    put_number(s, QUANTITY, row, row % 5 == 0, noisy ? INT64_MAX - (int64_t)row : (int64_t)type, 0);
}

static void shop_open(shop *s, uint32_t row_count, uint32_t noise_percent, uint64_t seed)
{
    *s = (shop){.row_count = row_count, .noise_percent = noise_percent};
    s->text = calloc(row_count, sizeof *s->text);
    assert_non_null(s->text);
    for (uint32_t c = 0; c < COLUMNS; c++) {
        size_t each = wendi_type_physical(schema[c].type) == WENDI_PHYSICAL_STRING ? sizeof(wendi_string) : 8;
        s->values[c] = calloc(row_count, each);
        s->nulls[c] = calloc(row_count, 1);
        assert_non_null(s->values[c]);
        assert_non_null(s->nulls[c]);
        s->vectors[c] = (wendi_vector){.type = schema[c].type, .form = WENDI_FORM_FLAT, .row_count = row_count,
                                       .data = s->values[c], .nulls = s->nulls[c]};
    }
    for (uint32_t row = 0; row < row_count; row++) {
        fill_row(s, row, &seed);
    }
}

static void shop_close(shop *s)
{
    for (uint32_t c = 0; c < COLUMNS; c++) {
        free(s->values[c]);
        free(s->nulls[c]);
    }
    free(s->text);
    wendi_buffer_free(&s->file.bytes);
}

static void shop_write_with(shop *s, wendi_prediction_memory *memory)
{
    wendi_segment_writer_options options = {.columns = schema, .column_count = COLUMNS, .predictions = memory,
                                            .user_column = WENDI_NO_COLUMN, .time_column = WENDI_NO_COLUMN};
    wendi_segment_writer *writer;
    wendi_segment_summary summary;
    wend_error error;
    wendi_segment_sink sink = segment_bytes_sink(&s->file);
    memcpy(options.uuid, uuid, sizeof uuid);
    assert_int_equal(wendi_segment_writer_open(&sink, &options, &writer, &error), WEND_OK);
    assert_int_equal(wendi_segment_writer_row_group(writer, s->vectors, s->row_count, &error), WEND_OK);
    assert_int_equal(wendi_segment_writer_finish(writer, &summary, &error), WEND_OK);
    wendi_segment_writer_close(writer);
}

static void shop_write(shop *s)
{
    shop_write_with(s, NULL);
}

static void compare(shop *s, wendi_chunk *chunk, uint32_t column, uint32_t first, uint32_t count)
{
    wendi_vector vector;
    wend_error error = {.message = ""};
    if (wendi_chunk_read(chunk, first, count, &vector, &error) != WEND_OK) {
        fail_msg("%s", error.message);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!rows_equal(&s->vectors[column], first + i, &vector, i)) {
            fail_msg("column %s, row %u differs", schema[column].name.data, first + i);
        }
    }
}

/* The whole column in order, then ranges anywhere. */
static void compare_column(shop *s, wendi_segment *segment, uint32_t column, uint64_t seed)
{
    wendi_chunk *chunk;
    wend_error error;
    assert_int_equal(wendi_chunk_open(segment, 0, column, &chunk, &error), WEND_OK);
    for (uint32_t first = 0; first < s->row_count; first += WENDI_PAGE_ROWS) {
        uint32_t left = s->row_count - first;
        compare(s, chunk, column, first, left < WENDI_PAGE_ROWS ? left : WENDI_PAGE_ROWS);
    }
    for (int i = 0; i < 20; i++) {
        uint32_t first = (uint32_t)random_below(&seed, s->row_count) / WENDI_VECTOR_ROWS * WENDI_VECTOR_ROWS;
        uint32_t end = (first / WENDI_PAGE_ROWS + 1) * WENDI_PAGE_ROWS;
        end = end < s->row_count ? end : s->row_count;
        compare(s, chunk, column, first, 1 + (uint32_t)random_below(&seed, end - first));
    }
    wendi_chunk_close(chunk);
}

static wendi_segment *shop_read(shop *s)
{
    wendi_segment *segment;
    wend_error error = {.message = ""};
    wendi_segment_source source = segment_bytes_source(&s->file);
    wendi_segment_verified verified;
    if (wendi_segment_verify(&source, NULL, NULL, NULL, &verified, &error) != WEND_OK) {
        fail_msg("%s", error.message);
    }
    assert_int_equal(wendi_segment_open(&source, NULL, &segment, &error), WEND_OK);
    return segment;
}

static void what_goes_in_comes_out(void **state)
{
    (void)state;
    static const uint32_t counts[] = {1, 2, 1023, 1024, 1025, 5000, 65536, 65537, 150000};
    for (uint32_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        for (uint32_t noise = 0; noise <= 60; noise += 20) {
            shop s;
            shop_open(&s, counts[i], noise, i * 100 + noise);
            shop_write(&s);
            wendi_segment *segment = shop_read(&s);
            for (uint32_t c = 0; c < COLUMNS; c++) {
                compare_column(&s, segment, c, i + c);
            }
            wendi_segment_close(segment);
            shop_close(&s);
        }
    }
}

static void functions_are_found_and_cost_nothing(void **state)
{
    (void)state;
    shop s;
    shop_open(&s, 200000, 1, 5);
    shop_write(&s);
    wendi_segment *segment = shop_read(&s);
    static const struct { uint32_t column; double bytes_a_row; } most[] = {
        {PAGE, 0.12}, {REFERRER, 0.40}, {PRICE, 0.12}, {RATIO, 0.2}, {SCORE, 0.01}};
    for (uint32_t i = 0; i < sizeof most / sizeof most[0]; i++) {
        const wendi_chunk_entry *entry = wendi_segment_chunk(segment, 0, most[i].column);
        double bytes = (double)(entry->page_bytes + entry->prediction_bytes) / s.row_count;
        if (entry->prediction_bytes == 0 || bytes > most[i].bytes_a_row) {
            fail_msg("column %s: %u bytes of prediction, %.3f bytes a row", schema[most[i].column].name.data,
                     entry->prediction_bytes, bytes);
        }
    }
    const wendi_chunk_entry *sessions = wendi_segment_chunk(segment, 0, SESSION);
    assert_false(sessions->ordered); /* in the order they begin, */
    assert_in_range(sessions->page_bytes, 1, s.row_count / 20); /* so their codes are hardly there, */
    assert_in_range(sessions->dictionary_bytes, 1, s.row_count / 9 * 81 / 10); /* and 16 digits are 8 bytes */
    wendi_segment_close(segment);
    shop_close(&s);
}

/*
 * Row groups alike, and then one whose rules hold no longer, few rows and many: what is remembered is never worse by
 * much than looking again, and what is read is what was written.
 */
static void what_was_found_before_serves_again(void **state)
{
    (void)state;
    static const struct { uint32_t rows, noise; } groups[] = {{50000, 1}, {50000, 1}, {60000, 2}, {45000, 90},
                                                              {45000, 1}, {700, 1},   {90000, 1}};
    wendi_prediction_memory *memory;
    assert_int_equal(wendi_prediction_memory_new(&memory), WEND_OK);
    for (uint32_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        shop anew;
        shop again;
        shop_open(&anew, groups[i].rows, groups[i].noise, i);
        shop_open(&again, groups[i].rows, groups[i].noise, i);
        shop_write(&anew);
        shop_write_with(&again, memory);
        assert_in_range(again.file.bytes.length, 1, anew.file.bytes.length * 108 / 100);
        wendi_segment *segment = shop_read(&again);
        for (uint32_t c = 0; c < COLUMNS; c++) {
            compare_column(&again, segment, c, i);
        }
        wendi_segment_close(segment);
        shop_close(&anew);
        shop_close(&again);
    }
    wendi_prediction_memory_free(memory);
}

/* A memory of other rules, such as no search would give, does no harm. */
static void a_wrong_memory_is_seen_through(void **state)
{
    (void)state;
    wendi_prediction_choice choices[COLUMNS] = {{.predicted = false}};
    wendi_prediction_memory *memory;
    shop anew;
    shop again;
    assert_int_equal(wendi_prediction_memory_new(&memory), WEND_OK);
    for (uint32_t c = 0; c < COLUMNS; c++) { /* in a circle, and from columns that have no codes */
        choices[c] = (wendi_prediction_choice){true, {1, {(c + 1) % COLUMNS, WENDI_PREDICTION_NONE}, c % 2 == 1}, 1e6, 9};
    }
    wendi_prediction_memory_keep(memory, choices, COLUMNS, 50000);
    shop_open(&anew, 50000, 1, 3);
    shop_open(&again, 50000, 1, 3);
    shop_write(&anew);
    shop_write_with(&again, memory);
    assert_int_equal(again.file.bytes.length, anew.file.bytes.length);
    assert_memory_equal(again.file.bytes.data, anew.file.bytes.data, anew.file.bytes.length);
    shop_close(&anew);
    shop_close(&again);
    wendi_prediction_memory_free(memory);
}

/* Change one byte of the prediction and mend its checksum: rows or WEND_CORRUPT, never anything else. */
static void hostile_predictions_are_refused(void **state)
{
    (void)state;
    shop s;
    wend_error error;
    uint64_t refused = 0;
    shop_open(&s, 3000, 10, 9);
    shop_write(&s);
    wendi_segment *segment = shop_read(&s);
    for (uint32_t c = 0; c < COLUMNS; c++) {
        const wendi_chunk_entry *entry = wendi_segment_chunk(segment, 0, c);
        uint8_t *at = s.file.bytes.data + entry->offset + entry->page_bytes + entry->dictionary_bytes;
        wendi_place place = {.column_id = schema[c].id, .page = WENDI_PLACE_PREDICTION};
        memcpy(place.uuid, uuid, sizeof uuid);
        for (uint32_t i = 8; i < entry->prediction_bytes; i++) {
            for (uint32_t flip = 1; flip < 256; flip = flip * 5 + 2) {
                at[i] ^= (uint8_t)flip;
                wendi_store_u64(at, wendi_hash64_seed(at + 8, entry->prediction_bytes - 8, wendi_place_seed(&place)));
                wendi_segment *damaged;
                wendi_chunk *chunk;
                wendi_vector vector;
                wendi_segment_source source = segment_bytes_source(&s.file);
                assert_int_equal(wendi_segment_open(&source, NULL, &damaged, &error), WEND_OK);
                assert_int_equal(wendi_chunk_open(damaged, 0, c, &chunk, &error), WEND_OK);
                wend_status status = wendi_chunk_read(chunk, 0, s.row_count, &vector, &error);
                assert_true(status == WEND_OK || status == WEND_CORRUPT);
                refused += status == WEND_CORRUPT;
                wendi_chunk_close(chunk);
                wendi_segment_close(damaged);
                at[i] ^= (uint8_t)flip;
            }
        }
        if (entry->prediction_bytes != 0) {
            wendi_store_u64(at, wendi_hash64_seed(at + 8, entry->prediction_bytes - 8, wendi_place_seed(&place)));
        }
    }
    assert_true(refused > 100);
    wendi_segment_close(segment);
    shop_close(&s);
}

/* Two columns that claim to be predicted from each other must end, and be refused. */
static void circles_end(void **state)
{
    (void)state;
    shop s;
    wend_error error;
    shop_open(&s, 5000, 0, 11);
    shop_write(&s);
    wendi_segment *segment = shop_read(&s);
    const wendi_chunk_entry *entry = wendi_segment_chunk(segment, 0, REFERRER);
    assert_int_not_equal(entry->prediction_bytes, 0);
    const wendi_chunk_entry *page = wendi_segment_chunk(segment, 0, PAGE);
    assert_int_not_equal(page->prediction_bytes, 0);
    uint8_t *at = s.file.bytes.data + page->offset + page->page_bytes + page->dictionary_bytes;
    wendi_place place = {.column_id = schema[PAGE].id, .page = WENDI_PLACE_PREDICTION};
    memcpy(place.uuid, uuid, sizeof uuid);
    at[16] = 1;
    wendi_store_u32(at + 20, schema[REFERRER].id);
    wendi_store_u32(at + 24, WENDI_PREDICTION_NONE);
    wendi_store_u64(at, wendi_hash64_seed(at + 8, page->prediction_bytes - 8, wendi_place_seed(&place)));
    wendi_chunk *chunk;
    wendi_vector vector;
    wendi_segment *damaged;
    wendi_segment_source source = segment_bytes_source(&s.file);
    assert_int_equal(wendi_segment_open(&source, NULL, &damaged, &error), WEND_OK);
    assert_int_equal(wendi_chunk_open(damaged, 0, REFERRER, &chunk, &error), WEND_OK);
    assert_int_equal(wendi_chunk_read(chunk, 0, 1024, &vector, &error), WEND_CORRUPT);
    wendi_chunk_close(chunk);
    wendi_segment_close(damaged);
    wendi_segment_close(segment);
    shop_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_in_comes_out),
        cmocka_unit_test(functions_are_found_and_cost_nothing),
        cmocka_unit_test(what_was_found_before_serves_again),
        cmocka_unit_test(a_wrong_memory_is_seen_through),
        cmocka_unit_test(hostile_predictions_are_refused),
        cmocka_unit_test(circles_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
