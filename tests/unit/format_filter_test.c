/*
 * Filters and counts on encoded pages against decoded values, row by row: every shape of column (so every codec),
 * with and without nulls, whole and cut vectors, rows that are out already, sets and intervals of all kinds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "format/segment.h"
#include "tests/support/segment_fixture.h"

enum { COLUMNS = 9, USER = 0, TIME = 1, WORDS = WENDI_PAGE_ROWS / 64, SET_WORDS = 4096 };

static const wendi_segment_column schema[COLUMNS] = {
    {1, {.kind = WENDI_TYPE_TEXT}, {"user_id", 7}},  {2, {.kind = WENDI_TYPE_TIMESTAMPTZ}, {"ts", 2}},
    {3, {.kind = WENDI_TYPE_TEXT}, {"page", 4}},     {4, {.kind = WENDI_TYPE_TEXT}, {"note", 4}},
    {5, {.kind = WENDI_TYPE_BIGINT}, {"amount", 6}}, {6, {.kind = WENDI_TYPE_BOOLEAN}, {"flag", 4}},
    {7, {.kind = WENDI_TYPE_UUID}, {"id", 2}},       {8, {.kind = WENDI_TYPE_DATE}, {"day", 3}},
    {9, {.kind = WENDI_TYPE_TEXT}, {"kind", 4}},
};

static uint32_t codecs_of_codes; /* a bit each that was met */
static uint32_t codecs_of_integers;
static bool predicted_codes;
static uint64_t seed = 20;

typedef struct fixture {
    segment_bytes bytes;
    column_data columns[COLUMNS];
    wendi_vector vectors[COLUMNS];
    uint32_t row_count;
    wendi_segment_summary summary;
    uint32_t *kinds;
} fixture;

/* Few codes of which one is common: what MASKED and SPARSE are for. `kind` follows from `page` now and then. */
static void make_kinds(fixture *f, uint32_t one_in)
{
    const wendi_vector *page = &f->vectors[2];
    wendi_dictionary *dictionary = page->dictionary;
    f->kinds = calloc(f->row_count + 1024, sizeof *f->kinds);
    for (uint32_t i = 0; i < f->row_count; i++) {
        uint32_t other = (uint32_t)random_below(&seed, dictionary->entry_count);
        f->kinds[i] = one_in == 0 ? page->codes[i] : random_below(&seed, one_in) == 0 ? other : 1 % dictionary->entry_count;
    }
    f->vectors[8] = *page;
    f->vectors[8].codes = f->kinds;
}

static void make(fixture *f, uint32_t row_count, column_shape shape, uint32_t null_percent, uint32_t one_in, int level)
{
    wendi_segment_origin origin = {{"clicks", 6}, 3, 100, 200};
    wendi_segment_writer_options options = {.columns = schema, .column_count = COLUMNS, .user_column = USER,
                                            .time_column = TIME, .zstd_level = level, .origins = &origin,
                                            .origin_count = 1};
    wendi_segment_writer *writer;
    wend_error error;
    *f = (fixture){.row_count = row_count};
    f->columns[USER] = column_make_users(row_count, row_count / 7 + 1, row_count / 10, seed);
    for (uint32_t c = 1; c < COLUMNS - 1; c++) {
        f->columns[c] =
            column_make(schema[c].type, shape, row_count, c == TIME ? 0 : null_percent, c != 3, random_next(&seed));
    }
    for (uint32_t c = 0; c < COLUMNS - 1; c++) {
        f->vectors[c] = f->columns[c].vector;
    }
    make_kinds(f, one_in);
    wendi_segment_sink sink = segment_bytes_sink(&f->bytes);
    assert_int_equal(wendi_segment_writer_open(&sink, &options, &writer, &error), WEND_OK);
    assert_int_equal(wendi_segment_writer_row_group(writer, f->vectors, row_count, &error), WEND_OK);
    assert_int_equal(wendi_segment_writer_finish(writer, &f->summary, &error), WEND_OK);
    wendi_segment_writer_close(writer);
}

static void drop(fixture *f)
{
    for (uint32_t c = 0; c < COLUMNS - 1; c++) {
        column_free(&f->columns[c]);
    }
    free(f->kinds);
    wendi_buffer_free(&f->bytes.bytes);
}

typedef struct rows {
    uint32_t first;
    uint32_t count;
    uint64_t before[WORDS + 1];
    uint64_t bitmap[WORDS + 1];
} rows;

static bool bit(const uint64_t *words, uint32_t i)
{
    return words[i / 64] >> (i % 64) & 1;
}

/* Some rows of some page, some of them out, some vectors wholly; what lies behind the bitmap is to stay. */
static void draw_rows(rows *r, uint32_t row_count)
{
    uint32_t pages = (row_count + WENDI_PAGE_ROWS - 1) / WENDI_PAGE_ROWS;
    uint32_t page = (uint32_t)random_below(&seed, pages);
    uint32_t left = row_count - page * WENDI_PAGE_ROWS;
    left = left < WENDI_PAGE_ROWS ? left : WENDI_PAGE_ROWS;
    uint32_t begin = (uint32_t)random_below(&seed, (left + 1023) / 1024) * 1024;
    r->first = page * WENDI_PAGE_ROWS + begin;
    r->count = random_below(&seed, 2) == 0 ? left - begin : 1 + (uint32_t)random_below(&seed, left - begin);
    unsigned kind = (unsigned)random_below(&seed, 3);
    memset(r->before, 0, sizeof r->before);
    for (uint32_t i = 0; i < r->count; i++) {
        bool in = kind == 0 || (kind == 1 ? random_below(&seed, 2) == 0 : i / 1024 % 3 == 1);
        r->before[i / 64] |= (uint64_t)in << (i % 64);
    }
    r->before[(r->count + 63) / 64] = 0x5555;
    memcpy(r->bitmap, r->before, sizeof r->bitmap);
}

static void check_row(const rows *r, uint32_t i, bool pass, const char *what, uint32_t column)
{
    if (bit(r->bitmap, i) != (bit(r->before, i) && pass)) {
        fail_msg("%s: column %u, row %u (of %u from %u) should %s", what, column, i, r->count, r->first,
                 pass ? "pass" : "fail");
    }
}

static void check_behind(const rows *r)
{
    for (uint32_t i = r->count; i < (r->count + 63) / 64 * 64; i++) {
        assert_false(bit(r->bitmap, i));
    }
    assert_int_equal(r->bitmap[(r->count + 63) / 64], 0x5555);
}

static void note_codec(const wendi_chunk *chunk, uint32_t *met)
{
    if (chunk->page_number != WENDI_PLACE_NONE && chunk->page.layout != WENDI_LAYOUT_NULL &&
        chunk->page.layout != WENDI_LAYOUT_PREDICTED) {
        *met |= 1u << chunk->page.streams[0].codec->id;
    }
    predicted_codes |= chunk->page_number != WENDI_PLACE_NONE && chunk->page.layout == WENDI_LAYOUT_PREDICTED;
}

static void check_codes(wendi_chunk *chunk, wendi_chunk *other, uint32_t column, rows *r)
{
    static uint64_t words[SET_WORDS];
    const uint32_t entries = wendi_chunk_code_count(chunk);
    const uint32_t *codes;
    wend_error error;
    wendi_code_set set;
    uint32_t low = (uint32_t)random_below(&seed, entries + 2);
    uint32_t high = low + (uint32_t)random_below(&seed, entries / 2 + 2);
    bool interval = random_below(&seed, 3) == 0;
    memset(words, 0, sizeof words);
    assert_true(entries <= SET_WORDS * 64);
    if (interval) {
        low += random_below(&seed, 20) == 0 ? high + 1 : 0; /* an empty one */
        set = wendi_code_set_between(low, high);
    } else {
        uint64_t one_in = 1 + random_below(&seed, 8);
        for (uint32_t c = 0; c < entries; c++) {
            words[c / 64] |= (uint64_t)(random_below(&seed, one_in) == 0) << (c % 64);
        }
        set = wendi_code_set_of(words, entries);
    }
    assert_int_equal(wendi_chunk_select_codes(chunk, r->first, r->count, &set, r->bitmap, &error), WEND_OK);
    note_codec(chunk, &codecs_of_codes);
    assert_int_equal(wendi_chunk_read_codes(other, r->first, r->count, &codes, &error), WEND_OK);
    for (uint32_t i = 0; i < r->count; i++) {
        check_row(r, i, interval ? codes[i] >= low && codes[i] <= high : bit(words, codes[i]), "codes", column);
    }
    check_behind(r);
    if (entries <= WENDI_COUNT_CODES_MAX) {
        uint32_t counts[WENDI_COUNT_CODES_MAX] = {0};
        uint32_t expected[WENDI_COUNT_CODES_MAX] = {0};
        bool all = random_below(&seed, 2) == 0;
        assert_int_equal(
            wendi_chunk_count_codes(chunk, r->first, r->count, all ? NULL : r->bitmap, counts, &error), WEND_OK);
        for (uint32_t i = 0; i < r->count; i++) {
            expected[codes[i]] += all || bit(r->bitmap, i);
        }
        assert_memory_equal(counts, expected, sizeof counts);
    }
}

static void check_range(wendi_chunk *chunk, const wendi_vector *vector, uint32_t column, rows *r)
{
    wend_error error;
    int64_t low = vector->i64[r->first + random_below(&seed, r->count)];
    int64_t high = vector->i64[r->first + random_below(&seed, r->count)];
    unsigned kind = (unsigned)random_below(&seed, 6);
    low = kind == 0 ? INT64_MIN : kind == 1 && low < INT64_MAX ? low + 1 : kind == 5 ? high : low;
    high = kind == 2 ? INT64_MAX : kind == 3 && high > INT64_MIN ? high - 1 : high;
    assert_int_equal(wendi_chunk_select_range(chunk, r->first, r->count, low, high, r->bitmap, &error), WEND_OK);
    note_codec(chunk, &codecs_of_integers);
    for (uint32_t i = 0; i < r->count; i++) {
        uint32_t row = r->first + i;
        check_row(r, i,
                  !wendi_vector_is_null(vector, row) && vector->i64[row] >= low && vector->i64[row] <= high, "range",
                  column);
    }
    check_behind(r);
}

static void check_null(wendi_chunk *chunk, const wendi_vector *vector, uint32_t column, rows *r)
{
    wend_error error;
    bool null = random_below(&seed, 2) == 0;
    assert_int_equal(wendi_chunk_select_null(chunk, r->first, r->count, null, r->bitmap, &error), WEND_OK);
    for (uint32_t i = 0; i < r->count; i++) {
        check_row(r, i, wendi_vector_is_null(vector, r->first + i) == null, "null", column);
    }
    check_behind(r);
}

static void check_segment(fixture *f, uint32_t rounds)
{
    static rows r;
    wendi_segment_source source = segment_bytes_source(&f->bytes);
    wendi_segment *segment;
    wend_error error;
    assert_int_equal(wendi_segment_open(&source, NULL, &segment, &error), WEND_OK);
    for (uint32_t c = 0; c < COLUMNS; c++) {
        wendi_chunk *chunk;
        wendi_chunk *other;
        assert_int_equal(wendi_chunk_open(segment, 0, c, &chunk, &error), WEND_OK);
        assert_int_equal(wendi_chunk_open(segment, 0, c, &other, &error), WEND_OK);
        for (uint32_t i = 0; i < rounds; i++) {
            draw_rows(&r, f->row_count);
            if (wendi_chunk_has_dictionary(chunk)) {
                check_codes(chunk, other, c, &r);
            } else if (wendi_type_physical(schema[c].type) == WENDI_PHYSICAL_I64) {
                check_range(chunk, &f->vectors[c], c, &r);
            }
            draw_rows(&r, f->row_count);
            check_null(chunk, &f->vectors[c], c, &r);
        }
        wendi_chunk_close(chunk);
        wendi_chunk_close(other);
    }
    wendi_segment_close(segment);
}

static void filters_agree_with_values(void **state)
{
    static const uint32_t counts[] = {1, 700, 1024, 5000, 12345};
    static const uint32_t one_in[] = {0, 3, 60, 400};
    (void)state;
    for (column_shape shape = 0; shape < SHAPE_COUNT; shape++) {
        for (uint32_t i = 0; i < 12; i++) {
            fixture f;
            make(&f, counts[random_below(&seed, 5)], shape, i % 3 == 0 ? 0 : i % 3 == 1 ? 20 : 100, one_in[i % 4],
                 i % 2 == 0 ? 1 : 6);
            check_segment(&f, 6);
            drop(&f);
        }
    }
}

static void several_pages_agree(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 6; i++) {
        fixture f;
        make(&f, 150000, i % 2 == 0 ? SHAPE_SKEWED : SHAPE_RUNS, i == 0 ? 0 : 5, i < 3 ? 3 : 30, i < 4 ? 6 : 1);
        check_segment(&f, 5);
        drop(&f);
    }
}

/* Each way through the code was gone: else the shapes must be chosen anew. */
static void codecs_were_met(void **state)
{
    (void)state;
    const uint32_t wanted = 1u << WENDI_CODEC_CONSTANT | 1u << WENDI_CODEC_FOR | 1u << WENDI_CODEC_RLE |
                            1u << WENDI_CODEC_SPARSE | 1u << WENDI_CODEC_MASKED;
    print_message("codes 0x%x integers 0x%x predicted %d\n", codecs_of_codes, codecs_of_integers, predicted_codes);
    assert_int_equal(codecs_of_codes & wanted, wanted);
    assert_true((codecs_of_integers & 1u << WENDI_CODEC_FOR) != 0);
    assert_true((codecs_of_integers & 1u << WENDI_CODEC_RLE) != 0);
    assert_true((codecs_of_integers & ~wanted) != 0); /* patched ones or steps */
    assert_true(predicted_codes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters_agree_with_values),
        cmocka_unit_test(several_pages_agree),
        cmocka_unit_test(codecs_were_met),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
