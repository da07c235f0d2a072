/*
 * Looking up single strings and single users: the same answers as from whole dictionaries and runs, from few bytes,
 * with and without the whole being loaded, and damage is told where it lies.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "tests/support/segment_fixture.h"

enum { ROWS = 200000, USERS = 60000, NULL_ROWS = 70000, PAGES = 50000 };

#define OK(call)                                                                                   \
    do {                                                                                           \
        wend_error error = {.message = ""};                                                        \
        if ((call) != WEND_OK) {                                                                   \
            fail_msg("%s: %s", #call, error.message);                                              \
        }                                                                                          \
    } while (0)

static segment_bytes file;
static uint64_t bytes_read;

static wend_status read_counting(void *context, uint64_t offset, void *buffer, size_t length, wend_error *error)
{
    bytes_read += length;
    return segment_bytes_read_quietly(context, offset, buffer, length, error);
}

static wendi_segment *open_file(void)
{
    wendi_segment *segment = NULL;
    wendi_segment_source source = segment_bytes_source(&file);
    source.read = read_counting;
    OK(wendi_segment_open(&source, NULL, &segment, &error));
    return segment;
}

/* A text column over PAGES ordered strings in random order. */
static column_data make_pages(void)
{
    column_data column = {.vector = {.type = wendi_type_of(WENDI_TYPE_TEXT), .row_count = ROWS}};
    uint32_t *offsets = wendi_alloc((PAGES + 2) * sizeof *offsets);
    char *bytes = wendi_alloc(PAGES * 40 + 64);
    uint32_t *codes = wendi_alloc_aligned(64, ROWS * sizeof *codes + 64);
    uint64_t state = 5;
    offsets[0] = offsets[1] = 0;
    for (uint32_t i = 0; i < PAGES; i++) {
        int length = sprintf(bytes + offsets[i + 1], "/shop/%06u/%llx", i * 7,
                             (unsigned long long)random_next(&state));
        offsets[i + 2] = offsets[i + 1] + (uint32_t)length;
    }
    for (uint32_t i = 0; i < ROWS; i++) {
        codes[i] = i < PAGES ? i + 1 : (uint32_t)random_below(&state, PAGES + 1);
    }
    column.values = codes;
    column.dictionary = wendi_dictionary_new(PAGES + 1, offsets, bytes, true);
    column.vector.form = WENDI_FORM_DICTIONARY;
    column.vector.codes = codes;
    column.vector.dictionary = column.dictionary;
    return column;
}

static void write_file(const wendi_vector *columns, wendi_type user_type)
{
    wendi_segment_column of[2] = {{1, user_type, {"user_id", 7}},
                                  {2, wendi_type_of(WENDI_TYPE_TEXT), {"page", 4}}};
    wendi_segment_sink sink = segment_bytes_sink(&file);
    wendi_segment_writer_options options = {
        .columns = of, .column_count = 2, .user_column = 0, .time_column = WENDI_NO_COLUMN, .zstd_level = 1};
    wendi_segment_writer *writer = NULL;
    wendi_segment_summary summary;
    OK(wendi_segment_writer_open(&sink, &options, &writer, &error));
    OK(wendi_segment_writer_row_group(writer, columns, ROWS, &error));
    OK(wendi_segment_writer_finish(writer, &summary, &error));
    wendi_segment_writer_close(writer);
}

static int make_file(void **unused)
{
    (void)unused;
    column_data users = column_make_users(ROWS, USERS, NULL_ROWS, 3);
    column_data pages = make_pages();
    wendi_vector columns[2] = {users.vector, pages.vector};
    write_file(columns, users.vector.type);
    column_free(&users);
    column_free(&pages);
    return 0;
}

static int free_file(void **unused)
{
    (void)unused;
    wendi_buffer_free(&file.bytes);
    memset(&file, 0, sizeof file);
    return 0;
}

static wendi_dictionary *whole(wendi_segment *segment, uint32_t column, wendi_chunk **chunk)
{
    wendi_dictionary *dictionary = NULL;
    OK(wendi_chunk_open(segment, 0, column, chunk, &error));
    OK(wendi_chunk_dictionary(*chunk, &dictionary, &error));
    return dictionary;
}

static void check_codes(wendi_segment *reference, uint32_t column, bool preload)
{
    wendi_segment *segment = open_file();
    wendi_chunk *chunk = NULL, *reference_chunk = NULL;
    wendi_dictionary *dictionary = whole(reference, column, &reference_chunk);
    wendi_dictionary *loaded = NULL;
    uint64_t state = column + 1;
    OK(wendi_chunk_open(segment, 0, column, &chunk, &error));
    assert_true(wendi_chunk_find_is_cheap(chunk));
    if (preload) {
        OK(wendi_chunk_dictionary(chunk, &loaded, &error));
    }
    for (uint32_t i = 0; i < 3000; i++) {
        uint32_t code = i == 0   ? 1
                        : i == 1 ? dictionary->entry_count - 1
                                 : 1 + (uint32_t)random_below(&state, dictionary->entry_count - 1);
        uint32_t codes[3] = {code, 0, code};
        const uint32_t rows[2] = {2, 1};
        uint32_t found = 0;
        wendi_string text = wendi_dictionary_at(dictionary, code);
        wendi_string strings[3];
        char other[128];
        OK(wendi_chunk_find(chunk, text, &found, &error));
        assert_int_equal(found, code);
        snprintf(other, sizeof other, "%.*s%c", (int)text.length - (int)(i % 2), text.data, i % 3 == 0 ? '!' : 'z');
        OK(wendi_chunk_find(chunk, wendi_string_of(other), &found, &error));
        uint32_t expected = 0;
        for (uint32_t c = code < 3 ? 1 : code - 2; column == 1 && c < dictionary->entry_count && c < code + 3; c++) {
            expected = wendi_string_equal(wendi_dictionary_at(dictionary, c), wendi_string_of(other)) ? c : expected;
        }
        assert_int_equal(found, expected);
        OK(wendi_chunk_strings(chunk, codes, NULL, 3, strings, &error));
        assert_true(wendi_string_equal(strings[0], text) && strings[1].length == 0);
        assert_true(wendi_string_equal(strings[2], text));
        OK(wendi_chunk_strings(chunk, codes, rows, 2, strings, &error));
        assert_true(wendi_string_equal(strings[0], text) && strings[1].length == 0);
    }
    OK(wendi_chunk_find(chunk, wendi_string_of(""), &(uint32_t){0}, &error));
    wendi_chunk_close(chunk);
    wendi_chunk_close(reference_chunk);
    wendi_segment_close(segment);
}

static void codes_and_strings_are_those_of_the_whole(void **unused)
{
    (void)unused;
    wendi_segment *reference = open_file();
    for (uint32_t column = 0; column < 2; column++) {
        check_codes(reference, column, false);
        check_codes(reference, column, true);
    }
    wendi_segment_close(reference);
}

static void a_lookup_reads_little(void **unused)
{
    (void)unused;
    wendi_segment *reference = open_file();
    wendi_chunk *chunk = NULL;
    wendi_value user = {.type = wendi_type_of(WENDI_TYPE_TEXT)};
    user.string = wendi_dictionary_at(whole(reference, 0, &chunk), USERS / 3);
    wendi_segment *segment = open_file();
    uint32_t begin, end;
    bool exact;
    bytes_read = 0;
    OK(wendi_segment_find_user(segment, 0, &user, &begin, &end, &exact, &error));
    assert_true(exact && end > begin);
    assert_true(bytes_read < file.bytes.length / 3);
    wendi_segment_close(segment);
    wendi_chunk_close(chunk);
    wendi_segment_close(reference);
}

static void check_users(bool preload, wendi_type type, const int64_t *numbers)
{
    wendi_segment *reference = open_file();
    wendi_segment *segment = open_file();
    const wendi_user_runs *runs = NULL, *loaded = NULL;
    wendi_chunk *chunk = NULL;
    wendi_dictionary *dictionary = NULL;
    uint64_t state = 11;
    uint32_t begin, end;
    bool exact = false;
    OK(wendi_segment_user_runs(reference, 0, &runs, &error));
    if (numbers == NULL) {
        dictionary = whole(reference, 0, &chunk);
    }
    if (preload) {
        OK(wendi_segment_user_runs(segment, 0, &loaded, &error));
    }
    uint32_t users = runs->run_count - runs->null_run;
    for (uint32_t i = 0; i < 2000; i++) {
        uint32_t run = i == 0 ? 0 : i == 1 ? users - 1 : (uint32_t)random_below(&state, users);
        wendi_value user = {.type = type};
        if (numbers == NULL) {
            user.string = wendi_dictionary_at(dictionary, run + 1);
        } else {
            user.i64 = numbers[runs->first_row[run]];
        }
        OK(wendi_segment_find_user(segment, 0, &user, &begin, &end, &exact, &error));
        assert_int_equal(exact, numbers == NULL);
        assert_int_equal(begin, runs->first_row[run]);
        assert_int_equal(end, runs->first_row[run + 1]);
    }
    wendi_value nobody = {.type = type};
    if (numbers == NULL) {
        nobody.string = wendi_string_of("nobody at all");
    } else {
        nobody.i64 = -77;
    }
    OK(wendi_segment_find_user(segment, 0, &nobody, &begin, &end, &exact, &error));
    assert_int_equal(begin, end);
    wendi_chunk_close(chunk);
    wendi_segment_close(segment);
    wendi_segment_close(reference);
}

static void users_are_found_where_the_runs_say(void **unused)
{
    (void)unused;
    check_users(false, wendi_type_of(WENDI_TYPE_TEXT), NULL);
    check_users(true, wendi_type_of(WENDI_TYPE_TEXT), NULL);
}

typedef struct keyed {
    uint64_t hash;
    int64_t user;
} keyed;

static int compare_keys(const void *a, const void *b)
{
    const keyed *left = a;
    const keyed *right = b;
    return (left->hash > right->hash) - (left->hash < right->hash);
}

static void users_that_are_numbers_are_found(void **unused)
{
    (void)unused;
    wendi_type type = wendi_type_of(WENDI_TYPE_BIGINT);
    column_data pages = make_pages();
    keyed *keys = wendi_alloc(USERS * sizeof *keys);
    int64_t *numbers = wendi_alloc_aligned(64, ROWS * sizeof *numbers + 64);
    for (uint32_t i = 0; i < USERS; i++) {
        wendi_value value = {.type = type, .i64 = i};
        keys[i] = (keyed){wendi_value_hash(&value), i};
    }
    qsort(keys, USERS, sizeof *keys, compare_keys);
    for (uint32_t row = 0; row < ROWS; row++) {
        numbers[row] = keys[(uint64_t)row * USERS / ROWS].user;
    }
    wendi_vector columns[2] = {
        {.type = type, .form = WENDI_FORM_FLAT, .row_count = ROWS, .i64 = numbers}, pages.vector};
    write_file(columns, type);
    check_users(false, type, numbers);
    check_users(true, type, numbers);
    wendi_free(keys);
    wendi_free(numbers);
    column_free(&pages);
}

/* Every damaged byte of a dictionary is met by a search that touches its block, and by no other. */
static void damage_is_told(void **unused)
{
    (void)unused;
    wendi_segment *reference = open_file();
    wendi_chunk *chunk = NULL;
    wendi_dictionary *dictionary = whole(reference, 1, &chunk);
    uint64_t state = 2;
    uint32_t failed = 0, passed = 0;
    for (uint32_t i = 0; i < 300; i++) {
        uint64_t at = file.bytes.length / 2 + random_below(&state, file.bytes.length / 3);
        uint32_t code = 1 + (uint32_t)random_below(&state, dictionary->entry_count - 1);
        uint32_t found = 0;
        wend_error refusal = {.message = ""};
        wendi_chunk *other = NULL;
        file.bytes.data[at] ^= 0x40;
        wendi_segment *segment = open_file();
        wend_status status = wendi_chunk_open(segment, 0, 1, &other, &refusal);
        if (status == WEND_OK) {
            status = wendi_chunk_find(other, wendi_dictionary_at(dictionary, code), &found, &refusal);
        }
        if (status == WEND_OK) {
            assert_int_equal(found, code);
            passed++;
        } else {
            assert_int_equal(status, WEND_CORRUPT);
            assert_non_null(strstr(refusal.message, "page"));
            failed++;
        }
        wendi_chunk_close(other);
        wendi_segment_close(segment);
        file.bytes.data[at] ^= 0x40;
    }
    assert_true(failed > 0 && passed > 0);
    wendi_chunk_close(chunk);
    wendi_segment_close(reference);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(codes_and_strings_are_those_of_the_whole, make_file, free_file),
        cmocka_unit_test_setup_teardown(a_lookup_reads_little, make_file, free_file),
        cmocka_unit_test_setup_teardown(users_are_found_where_the_runs_say, make_file, free_file),
        cmocka_unit_test_setup_teardown(users_that_are_numbers_are_found, NULL, free_file),
        cmocka_unit_test_setup_teardown(damage_is_told, make_file, free_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
