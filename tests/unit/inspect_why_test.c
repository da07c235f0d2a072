/*
 * What `wend inspect` says of segments in memory: parts add up whatever the encodings are, and what
 * it says another codec would have cost is what a page made with that codec takes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "tests/support/segment_cases.h"
#include "tools/inspect/html_page.h"

/* The page's integers encoded by a codec: its length, or 0 when the codec does not apply. */
static uint64_t forced_page_bytes(wendi_page_encoder *encoder, const wendi_vector *vector,
                                  int64_t *values, uint8_t codec)
{
    uint8_t nulls[4096];
    wendi_page_rows rows = {.row_count = vector->row_count, .nulls = nulls};
    for (uint32_t i = 0; i < vector->row_count; i++) {
        nulls[i] = wendi_vector_is_null(vector, i);
        values[rows.value_count] = vector->i64[wendi_vector_index(vector, i)];
        rows.value_count += nulls[i] == 0;
    }
    encoder->out->length = 0;
    encoder->forced_codec = codec;
    encoder->codecs[0] = 0;
    assert_int_equal(wendi_page_encode_integers(encoder, rows, values, WENDI_LAYOUT_INTEGER),
                     WEND_OK);
    return encoder->out->length;
}

static const why_option *find_option(const why_options *options, const char *name)
{
    for (uint32_t i = 0; i < options->count; i++) {
        if (strcmp(options->items[i].name, name) == 0) {
            return &options->items[i];
        }
    }
    return NULL;
}

/* Every codec of a column of integers: what why says against a page made so. Gives how many were
 * compared. */
static uint32_t compare_codecs(const segment_map *map, uint32_t column, const why_column *reasons)
{
    wendi_page_encoder encoder;
    wendi_buffer out = {.length = 0};
    wendi_chunk *chunk;
    wendi_vector vector;
    int64_t *values = wendi_alloc_aligned(64, WENDI_PAGE_ROWS * sizeof *values);
    uint32_t rows = (uint32_t)wendi_segment_row_count(map->segment);
    uint32_t compared = 0;
    assert_int_equal(wendi_page_encoder_init(&encoder), WEND_OK);
    encoder.out = &out;
    assert_int_equal(wendi_chunk_open(map->segment, 0, column, &chunk, NULL), WEND_OK);
    assert_int_equal(wendi_chunk_read(chunk, 0, rows, &vector, NULL), WEND_OK);
    for (uint8_t id = 1; id < WENDI_CODEC_COUNT; id++) {
        char name[ENCODING_TEXT_BYTES];
        const uint8_t codecs[2] = {id, 0};
        const why_option *option =
            find_option(&reasons->codecs, encoding_text(WENDI_LAYOUT_INTEGER, codecs, name));
        if (option != NULL) {
            assert_int_equal(option->bytes, forced_page_bytes(&encoder, &vector, values, id));
            compared++;
        }
    }
    wendi_chunk_close(chunk);
    wendi_page_encoder_free(&encoder);
    wendi_buffer_free(&out);
    wendi_free(values);
    return compared;
}

static void check_parts(const segment_map *map)
{
    const wendi_segment_summary *summary = wendi_segment_summary_of(map->segment);
    uint64_t sum = map->index_bytes + map->footer_bytes + map->padding_bytes;
    for (uint32_t g = 0; g < wendi_segment_row_group_count(map->segment); g++) {
        for (uint32_t c = 0; c < wendi_segment_column_count(map->segment); c++) {
            const chunk_map *chunk = segment_map_chunk(map, g, c);
            for (int part = 0; part < PART_COUNT; part++) {
                sum += chunk->parts[part];
            }
        }
    }
    assert_int_equal(sum, summary->file_bytes);
}

static uint32_t check_why(const segment_map *map)
{
    why_report reasons = {.columns = NULL};
    uint32_t groups = wendi_segment_row_group_count(map->segment);
    uint32_t compared = 0;
    assert_int_equal(why_add(&reasons, map, 0, groups, NULL), WEND_OK);
    for (uint32_t c = 0; c < reasons.column_count && groups == 1; c++) {
        const why_column *column = reasons.columns[c];
        const page_map *page = &segment_map_chunk(map, 0, c)->pages[0];
        uint64_t bytes = 0;
        for (uint32_t i = 0; i < column->codecs.count; i++) {
            bytes += column->codecs.items[i].taken;
        }
        assert_int_equal(bytes, (page->codecs[0] != 0) + (page->codecs[1] != 0));
        if (page->layout == WENDI_LAYOUT_INTEGER) {
            compared += compare_codecs(map, c, column);
        }
    }
    why_free(&reasons);
    return compared;
}

static void maps_of_every_kind_of_segment(void **state)
{
    uint32_t compared = 0;
    (void)state;
    for (uint32_t i = 0; i < segment_case_count; i++) {
        segment_bytes bytes = {.read_calls = 0};
        segment_map map;
        segment_case_write(&segment_cases[i], &bytes);
        wendi_segment_source source = segment_bytes_source(&bytes);
        assert_int_equal(segment_map_make(segment_cases[i].name, &source, &map, NULL), WEND_OK);
        check_parts(&map);
        compared += check_why(&map);
        segment_map_free(&map);
        wendi_buffer_free(&bytes.bytes);
    }
    assert_true(compared > 40);
}

static void pages_of_all_of_them(void **state)
{
    html_page *page;
    map_total total = {.columns = NULL};
    why_report reasons = {.columns = NULL};
    const char *words[] = {"a<b", "c&d"};
    char path[] = "/tmp/wend-inspect-XXXXXX";
    (void)state;
    assert_int_equal(html_page_new(words, 2, &page), WEND_OK);
    for (uint32_t i = 0; i < segment_case_count; i++) {
        segment_bytes bytes = {.read_calls = 0};
        segment_map map;
        segment_case_write(&segment_cases[i], &bytes);
        wendi_segment_source source = segment_bytes_source(&bytes);
        assert_int_equal(segment_map_make(segment_cases[i].name, &source, &map, NULL), WEND_OK);
        assert_int_equal(map_total_add(&total, &map), WEND_OK);
        assert_int_equal(
            why_add(&reasons, &map, 0, wendi_segment_row_group_count(map.segment), NULL), WEND_OK);
        assert_int_equal(html_page_add(page, &map, NULL), WEND_OK);
        wendi_buffer_free(&bytes.bytes);
    }
    int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
    assert_int_equal(html_page_write(page, &total, &reasons, path, NULL), WEND_OK);
    FILE *null = fopen("/dev/null", "w");
    why_print_text(&reasons, 0, null);
    why_print_json(&reasons, null);
    assert_int_equal(map_total_print_text(&total, 0, null), WEND_OK);
    fclose(null);
    unlink(path);
    why_free(&reasons);
    map_total_free(&total);
    html_page_free(page);
}

/* A byte that flips anywhere is told as damage, or lies in no part that the map looks at (none
 * does). */
static void damage_is_told(void **state)
{
    segment_bytes bytes = {.read_calls = 0};
    (void)state;
    segment_case_write(&segment_cases[4], &bytes);
    wendi_segment_source source = segment_bytes_source(&bytes);
    for (size_t at = 0; at < bytes.bytes.length; at += 97) {
        segment_map map;
        wend_error error;
        if (at < WENDI_SEGMENT_HEADER_BYTES) {
            continue; /* The header is for people and `file`: readers begin at the end. */
        }
        bytes.bytes.data[at] ^= 0x10;
        wend_status status = segment_map_make("flipped", &source, &map, &error);
        if (status == WEND_OK) {
            why_report reasons = {.columns = NULL};
            status = why_add(&reasons, &map, 0, wendi_segment_row_group_count(map.segment), &error);
            why_free(&reasons);
            segment_map_free(&map);
        }
        assert_int_equal(status, WEND_CORRUPT);
        bytes.bytes.data[at] ^= 0x10;
    }
    wendi_buffer_free(&bytes.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_of_every_kind_of_segment),
        cmocka_unit_test(pages_of_all_of_them),
        cmocka_unit_test(damage_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
