/* Small segments of every kind, and what they hold as text; see segment_cases.h. */
#include "tests/support/segment_cases.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/hash.h"

enum { COLUMNS = 12 };

const segment_case segment_cases[] = {
    {"empty", 0, 0, SHAPE_CONSTANT, 0, true},    {"one_row", 1, 1, SHAPE_SMALL, 0, true},
    {"constant", 1500, 1, SHAPE_CONSTANT, 0, true}, {"all_null", 1100, 1, SHAPE_SMALL, 100, true},
    {"small", 1500, 1, SHAPE_SMALL, 10, true},   {"skewed", 2500, 1, SHAPE_SKEWED, 0, true},
    {"rising", 1200, 1, SHAPE_RISING, 0, false}, {"steps", 1100, 1, SHAPE_STEPS, 0, true},
    {"runs", 2500, 2, SHAPE_RUNS, 0, false},     {"rare", 3000, 1, SHAPE_RARE, 2, true},
    {"random", 300, 1, SHAPE_RANDOM, 30, true},  {"multiples", 700, 1, SHAPE_MULTIPLES, 5, true},
    {"extreme", 400, 1, SHAPE_EXTREME, 5, true}, {"falls", 2500, 1, SHAPE_FALLS, 5, true},
    {"mixed", 2500, 1, SHAPE_MIXED, 5, true},
};
const uint32_t segment_case_count = sizeof segment_cases / sizeof *segment_cases;

static const wendi_segment_column schema[COLUMNS] = {
    {1, {.kind = WENDI_TYPE_TEXT}, {"user_id", 7}},      {2, {.kind = WENDI_TYPE_TIMESTAMPTZ}, {"ts", 2}},
    {3, {.kind = WENDI_TYPE_TEXT}, {"page", 4}},         {4, {.kind = WENDI_TYPE_TEXT}, {"note", 4}},
    {5, {.kind = WENDI_TYPE_BIGINT}, {"amount", 6}},     {6, {.kind = WENDI_TYPE_DOUBLE}, {"ratio", 5}},
    {7, {.kind = WENDI_TYPE_REAL}, {"score", 5}},        {8, {.kind = WENDI_TYPE_UUID}, {"id", 2}},
    {9, {.kind = WENDI_TYPE_INET}, {"ip", 2}},           {10, {.kind = WENDI_TYPE_BOOLEAN}, {"flag", 4}},
    {11, {.kind = WENDI_TYPE_NUMERIC, .precision = 12, .scale = 2}, {"price", 5}},
    {12, {.kind = WENDI_TYPE_JSONB}, {"rest", 4}},
};

static void require(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "segment case: %s\n", what);
        abort();
    }
}

void segment_case_write(const segment_case *which, segment_bytes *bytes)
{
    column_data columns[COLUMNS];
    wendi_vector vectors[COLUMNS];
    wendi_segment_origin origin = {{"clicks", 6}, 2, 1000, 4000};
    wendi_segment_writer_options options = {.columns = schema, .column_count = COLUMNS,
                                            .user_column = which->users ? 0 : WENDI_NO_COLUMN, .time_column = 1,
                                            .zstd_level = 1, .origins = &origin, .origin_count = 1};
    wendi_segment_sink sink = segment_bytes_sink(bytes);
    wendi_segment_writer *writer;
    wendi_segment_summary summary;
    uint32_t number = (uint32_t)(which - segment_cases);
    for (uint8_t i = 0; i < 16; i++) {
        options.uuid[i] = (uint8_t)(number * 16 + i);
    }
    require(wendi_segment_writer_open(&sink, &options, &writer, NULL) == WEND_OK, "open");
    for (uint32_t c = 0; c < COLUMNS && which->row_count > 0; c++) {
        bool users = c == 0 && which->users;
        columns[c] = users ? column_make_users(which->row_count, which->row_count / 6 + 1, which->row_count / 9, number)
                           : column_make(schema[c].type, which->shape, which->row_count, c == 1 ? 0 : which->null_percent,
                                         c != 3 && c != 11, number * 100 + c);
        vectors[c] = columns[c].vector;
    }
    for (uint32_t g = 0; g < which->row_groups; g++) {
        require(wendi_segment_writer_row_group(writer, vectors, which->row_count, NULL) == WEND_OK, "row group");
    }
    require(wendi_segment_writer_finish(writer, &summary, NULL) == WEND_OK, "finish");
    wendi_segment_writer_close(writer);
    for (uint32_t c = 0; c < COLUMNS && which->row_count > 0; c++) {
        column_free(&columns[c]);
    }
}

/* One value as text: integers in decimal, doubles as the hex of their bits, bytes as hex, strings as they are. */
static void dump_value(const wendi_vector *vector, uint32_t row, wendi_buffer *out)
{
    uint32_t at = wendi_vector_index(vector, row);
    wendi_string text;
    if (wendi_vector_is_null(vector, row)) {
        require(wendi_buffer_printf(out, "null") == WEND_OK, "memory");
        return;
    }
    switch (wendi_type_physical(vector->type)) {
    case WENDI_PHYSICAL_I64:
        require(wendi_buffer_printf(out, "%" PRId64, vector->i64[at]) == WEND_OK, "memory");
        break;
    case WENDI_PHYSICAL_F64:
        require(wendi_buffer_printf(out, "%016" PRIx64, (uint64_t)vector->i64[at]) == WEND_OK, "memory");
        break;
    case WENDI_PHYSICAL_B16:
        require(wendi_buffer_printf(out, "%016" PRIx64 "%016" PRIx64, __builtin_bswap64(vector->b16[at].word[0]),
                                    __builtin_bswap64(vector->b16[at].word[1])) == WEND_OK, "memory");
        break;
    case WENDI_PHYSICAL_STRING:
        text = wendi_vector_string(vector, row);
        require(wendi_buffer_printf(out, "'%.*s'", (int)text.length, text.data) == WEND_OK, "memory");
        break;
    }
}

static wend_status dump_chunk(wendi_segment *segment, uint32_t group, uint32_t column, wendi_buffer *text,
                              wend_error *error)
{
    wendi_chunk *chunk = NULL;
    wendi_buffer values = {.length = 0};
    uint32_t rows = wendi_segment_row_group(segment, group)->row_count;
    size_t shown = 0;
    wend_status status = wendi_chunk_open(segment, group, column, &chunk, error);
    for (uint32_t first = 0; status == WEND_OK && first < rows; first += WENDI_PAGE_ROWS) {
        wendi_vector vector;
        uint32_t count = rows - first < WENDI_PAGE_ROWS ? rows - first : WENDI_PAGE_ROWS;
        status = wendi_chunk_read(chunk, first, count, &vector, error);
        for (uint32_t i = 0; status == WEND_OK && i < count; i++) {
            dump_value(&vector, i, &values);
            require(wendi_buffer_append(&values, "\n", 1) == WEND_OK, "memory");
            shown = first + i < 3 ? values.length : shown;
        }
    }
    if (status == WEND_OK) {
        wendi_string name = wendi_segment_column_at(segment, column)->name;
        status = wendi_buffer_printf(text, "group %u column %.*s rows %u xxh3 %016" PRIx64 "\n%.*s", group,
                                     (int)name.length, name.data, rows, wendi_hash64(values.data, values.length),
                                     (int)shown, (const char *)values.data);
    }
    wendi_chunk_close(chunk);
    wendi_buffer_free(&values);
    return status;
}

wend_status segment_dump(const wendi_segment_source *source, wendi_buffer *text, wend_error *error)
{
    wendi_segment *segment;
    wend_status status = wendi_segment_open(source, NULL, &segment, error);
    if (status != WEND_OK) {
        return status;
    }
    const wendi_segment_summary *summary = wendi_segment_summary_of(segment);
    status = wendi_buffer_printf(text, "rows %" PRIu64 " times %" PRId64 "..%" PRId64 " hashes %016" PRIx64 "..%016" PRIx64
                                 " without user %" PRIu64 "\n", summary->row_count, summary->time_min, summary->time_max,
                                 summary->user_hash_min, summary->user_hash_max, summary->null_user_rows);
    for (uint32_t g = 0; status == WEND_OK && g < wendi_segment_row_group_count(segment); g++) {
        for (uint32_t c = 0; status == WEND_OK && c < wendi_segment_column_count(segment); c++) {
            status = dump_chunk(segment, g, c, text, error);
        }
    }
    wendi_segment_close(segment);
    return status;
}
