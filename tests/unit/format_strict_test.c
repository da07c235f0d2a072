/*
 * What a segment says twice, or says where it does not apply, must hold: features of what is in it, totals of the
 * footer, fields of page headers, values within their types. Files are whole but for one field, with all checksums
 * made to hold again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/hash.h"
#include "format/footer.h"
#include "format/page.h"
#include "tests/support/segment_fixture.h"

static char last_fault[512];

static void note_fault(void *context, const wendi_segment_fault *fault)
{
    (void)context;
    snprintf(last_fault, sizeof last_fault, "%s", fault->message);
}

static uint8_t *trailer_of(segment_bytes *file)
{
    return file->bytes.data + file->bytes.length - WENDI_TRAILER_BYTES;
}

static uint8_t *footer_of(segment_bytes *file)
{
    return file->bytes.data + wendi_load_u64(trailer_of(file));
}

/* Checksums of header, footer and trailer. */
static void seal(segment_bytes *file)
{
    uint8_t *trailer = trailer_of(file);
    wendi_store_u64(file->bytes.data + 56, wendi_hash64(file->bytes.data, 56));
    wendi_store_u64(trailer + 16, wendi_hash64_seed(footer_of(file), wendi_load_u32(trailer + 8),
                                                    wendi_footer_seed(trailer + 32)));
    wendi_store_u64(trailer + 48, wendi_hash64(trailer, 48));
}

/* Verify; a file that is refused must be so for a reason with `word` in it, NULL: it must hold. */
static void expect(segment_bytes *file, const char *word)
{
    wendi_segment_source source = segment_bytes_source(file);
    wendi_segment_verified verified;
    wend_error error;
    last_fault[0] = 0;
    wend_status status = wendi_segment_verify(&source, NULL, note_fault, NULL, &verified, &error);
    if (status != (word == NULL ? WEND_OK : WEND_CORRUPT) || (word != NULL && strstr(last_fault, word) == NULL)) {
        fail_msg("wanted %s, got %s", word == NULL ? "no fault" : word, last_fault);
    }
}

static void read_golden(const char *name, segment_bytes *file)
{
    char path[1024];
    char block[4096];
    size_t got;
    const char *source = getenv("WEND_TEST_SOURCE");
    snprintf(path, sizeof path, "%s/tests/golden/%s.wseg", source != NULL ? source : ".", name);
    FILE *from = fopen(path, "rb");
    if (from == NULL) {
        fail_msg("%s is missing", path);
    }
    while ((got = fread(block, 1, sizeof block, from)) > 0) {
        assert_int_equal(wendi_buffer_append(&file->bytes, block, got), WEND_OK);
    }
    fclose(from);
}

/* Files with something of every feature, each of which must be named. */
static void what_needs_a_feature_names_it(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        unsigned bit;
        const char *word;
    } cases[] = {
        {"made/vectors", 0, "feature that the footer does not name"},
        {"made/vectors", 1, "feature that the footer does not name"},
        {"made/vectors", 2, "feature that the footer does not name"},
        {"made/vectors", 3, "feature that the footer does not name"},
        {"made/vectors", 4, "feature that the footer does not name"},
        {"made/first_bytes", 5, "statistics of a page that its column does not have"},
        {"segments/mixed", 0, "feature that the footer does not name"},
        {"segments/mixed", 1, "feature that the footer does not name"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        segment_bytes file = {.read_calls = 0};
        read_golden(cases[i].file, &file);
        expect(&file, NULL);
        uint64_t features = wendi_load_u64(file.bytes.data + 32) & ~(UINT64_C(1) << cases[i].bit);
        wendi_store_u64(file.bytes.data + 32, features);
        wendi_store_u64(footer_of(&file) + 80, features);
        seal(&file);
        expect(&file, cases[i].word);
        wendi_buffer_free(&file.bytes);
    }
}

enum { ROWS = 500, COLUMNS = 3, WIDE = 0, PRICE = 1, SCORE = 2 };

/* A time that is wide, a double and a real that are decimals; the time column is the first. */
static void write_file(segment_bytes *file)
{
    static int64_t wide[ROWS];
    static double price[ROWS];
    static double score[ROWS];
    wend_error error;
    for (uint32_t i = 0; i < ROWS; i++) {
        wide[i] = (INT64_C(1) << 40) + i;
        price[i] = i / 100.0;
        score[i] = (double)((float)i / 4);
    }
    wendi_segment_column of[COLUMNS] = {{1, wendi_type_of(WENDI_TYPE_TIMESTAMPTZ), {"at", 2}},
                                        {2, wendi_type_of(WENDI_TYPE_DOUBLE), {"price", 5}},
                                        {3, wendi_type_of(WENDI_TYPE_REAL), {"score", 5}}};
    wendi_vector vectors[COLUMNS] = {{.type = of[0].type, .row_count = ROWS, .data = wide},
                                     {.type = of[1].type, .row_count = ROWS, .data = price},
                                     {.type = of[2].type, .row_count = ROWS, .data = score}};
    wendi_segment_sink sink = segment_bytes_sink(file);
    wendi_segment_writer_options options = {.columns = of, .column_count = COLUMNS, .user_column = WENDI_NO_COLUMN,
                                            .time_column = WIDE, .zstd_level = 1};
    wendi_segment_writer *writer = NULL;
    wendi_segment_summary summary;
    assert_int_equal(wendi_segment_writer_open(&sink, &options, &writer, &error), WEND_OK);
    assert_int_equal(wendi_segment_writer_row_group(writer, vectors, ROWS, &error), WEND_OK);
    assert_int_equal(wendi_segment_writer_finish(writer, &summary, &error), WEND_OK);
    wendi_segment_writer_close(writer);
    expect(file, NULL);
}

static uint8_t *column_entry(segment_bytes *file, uint32_t column)
{
    return footer_of(file) + WENDI_FOOTER_HEADER_BYTES + (size_t)column * WENDI_FOOTER_COLUMN_BYTES;
}

static uint8_t *chunk_entry(segment_bytes *file, uint32_t column)
{
    return column_entry(file, COLUMNS) + WENDI_FOOTER_ROW_GROUP_BYTES + (size_t)column * WENDI_FOOTER_CHUNK_BYTES;
}

/* `byte` at `at` of the footer. */
static void refuse_in_footer(size_t at, uint8_t byte, const char *word)
{
    segment_bytes file = {.read_calls = 0};
    write_file(&file);
    footer_of(&file)[at] = byte;
    seal(&file);
    expect(&file, word);
    wendi_buffer_free(&file.bytes);
}

static void the_footer_agrees_with_itself(void **state)
{
    (void)state;
    segment_bytes file = {.read_calls = 0};
    write_file(&file);
    const uint8_t *footer = footer_of(&file);
    const size_t flags = (size_t)(chunk_entry(&file, PRICE) + 32 - footer);
    static const size_t totals[] = {40, 48, 72}; /* times, rows without a user */
    for (size_t i = 0; i < sizeof totals / sizeof *totals; i++) {
        refuse_in_footer(totals[i], footer[totals[i]] ^ 2, "not those of its row groups");
    }
    refuse_in_footer(32, footer[32] ^ 2, "row counts");
    refuse_in_footer(flags, footer[flags] | 8, "impossible dictionary");
    refuse_in_footer(flags, footer[flags] | 2, "bounds of a column chunk");
    wendi_buffer_free(&file.bytes);
}

/* `byte` at `at` of the header of the column's one page. */
static void refuse_in_page(uint32_t column, size_t at, uint8_t byte, const char *word)
{
    segment_bytes file = {.read_calls = 0};
    write_file(&file);
    const uint8_t *entry = chunk_entry(&file, column);
    uint8_t *page = file.bytes.data + wendi_load_u64(entry);
    wendi_place place = {.column_id = wendi_load_u32(column_entry(&file, column))};
    memcpy(place.uuid, file.bytes.data + 16, 16);
    assert_int_not_equal(page[at], byte);
    page[at] = byte;
    wendi_store_u64(page, wendi_hash64_seed(page + 8, wendi_load_u64(entry + 8) - 8, wendi_place_seed(&place)));
    expect(&file, word);
    wendi_buffer_free(&file.bytes);
}

static void page_headers_say_what_applies(void **state)
{
    (void)state;
    refuse_in_page(WIDE, 22, 1, "header does not fit");
    refuse_in_page(WIDE, 23, 1, "layout does not fit");
    refuse_in_page(PRICE, 22, 16, "header does not fit");
    refuse_in_page(PRICE, 23, 1, "layout does not fit");
    refuse_in_page(SCORE, 23, 0, "layout does not fit");
    refuse_in_page(SCORE, 23, 2, "header does not fit");
}

/* Of the one page of each column, in the index. */
static void statistics_are_those_of_the_type(void **state)
{
    (void)state;
    static const uint8_t wrong[] = {2, 3, 4, 5, 7, 8, 9, 16, 17, 255};
    segment_bytes file = {.read_calls = 0};
    write_file(&file);
    uint8_t *group = column_entry(&file, COLUMNS);
    uint8_t *index = file.bytes.data + wendi_load_u64(group);
    for (uint32_t c = 0; c < COLUMNS; c++) {
        uint8_t *flags = index + (size_t)c * WENDI_PAGE_ENTRY_BYTES + 16;
        for (size_t i = 0; i <= sizeof wrong; i++) {
            *flags = i < sizeof wrong ? wrong[i] : 1;
            wendi_store_u64(group + 16, wendi_hash64_seed(index, wendi_load_u32(group + 8),
                                                          wendi_index_seed(file.bytes.data + 16, 0)));
            seal(&file);
            expect(&file, i < sizeof wrong ? "of a page" : NULL);
        }
    }
    wendi_buffer_free(&file.bytes);
}

/* The same bits are no value of a smaller type. */
static void values_are_in_range(void **state)
{
    (void)state;
    static const uint8_t kinds[] = {WENDI_TYPE_BOOLEAN, WENDI_TYPE_SMALLINT, WENDI_TYPE_INTEGER, WENDI_TYPE_DATE};
    segment_bytes file = {.read_calls = 0};
    write_file(&file);
    const size_t kind = (size_t)(column_entry(&file, WIDE) + 4 - footer_of(&file));
    for (size_t i = 0; i < sizeof kinds; i++) {
        refuse_in_footer(kind, kinds[i], "out of the range");
    }
    refuse_in_footer(kind, WENDI_TYPE_BIGINT, NULL);
    wendi_buffer_free(&file.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_needs_a_feature_names_it),
        cmocka_unit_test(the_footer_agrees_with_itself),
        cmocka_unit_test(page_headers_say_what_applies),
        cmocka_unit_test(statistics_are_those_of_the_type),
        cmocka_unit_test(values_are_in_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
