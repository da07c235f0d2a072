/*
 * The segment format: rows encoded and decoded per second by column kind, and bytes a row, on one
 * core. Rows are made like sorted clickstream columns. bench_stream and bench_kernel measure below.
 *
 *   bench_format [shared options]
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/harness.h"
#include "engine/base/alloc.h"
#include "engine/base/hash.h"
#include "engine/column/value.h"
#include "format/segment_reader.h"
#include "format/segment_writer.h"

enum { COLUMNS = 9 };

static const wendi_segment_column schema[COLUMNS] = {
    {1, {.kind = WENDI_TYPE_BIGINT}, {"user_id", 7}},
    {2, {.kind = WENDI_TYPE_TIMESTAMPTZ}, {"ts", 2}},
    {3, {.kind = WENDI_TYPE_TEXT}, {"event_type", 10}},
    {4, {.kind = WENDI_TYPE_TEXT}, {"page", 4}},
    {5, {.kind = WENDI_TYPE_TEXT}, {"country", 7}},
    {6, {.kind = WENDI_TYPE_NUMERIC, .precision = 12, .scale = 2}, {"price", 5}},
    {7, {.kind = WENDI_TYPE_DOUBLE}, {"ratio", 5}},
    {8, {.kind = WENDI_TYPE_UUID}, {"event_id", 8}},
    {9, {.kind = WENDI_TYPE_BIGINT}, {"product", 7}},
};

typedef struct bench_file {
    uint8_t *bytes;
    size_t length;
    size_t capacity;
} bench_file;

static wend_status sink_write(void *context, const void *bytes, size_t length, wend_error *error)
{
    bench_file *file = context;
    if (length > file->capacity - file->length) {
        return wendi_fail(error, WEND_IO, "the benchmark's file is full");
    }
    memcpy(file->bytes + file->length, bytes, length);
    file->length += length;
    return WEND_OK;
}

static wend_status source_read(void *context, uint64_t offset, void *buffer, size_t length,
                               wend_error *error)
{
    const bench_file *file = context;
    (void)error;
    memcpy(buffer, file->bytes + offset, length);
    return WEND_OK;
}

static uint64_t random_next(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    return wendi_mix64(*state);
}

/* `entries` ordered names; a column of codes over them in runs of about `run` rows. */
static wendi_vector make_text(const char *format, uint32_t entries, uint32_t rows, uint32_t run,
                              uint64_t seed)
{
    uint32_t *offsets = wendi_alloc((entries + 2) * sizeof *offsets);
    char *bytes = wendi_alloc((size_t)entries * 64 + 64);
    uint32_t *codes = wendi_alloc_aligned(64, rows * sizeof *codes + 64);
    offsets[0] = offsets[1] = 0;
    for (uint32_t i = 0; i < entries; i++) {
        char name[64];
        int length = snprintf(name, sizeof name, format, i);
        memcpy(bytes + offsets[i + 1], name, (size_t)length);
        offsets[i + 2] = offsets[i + 1] + (uint32_t)length;
    }
    for (uint32_t i = 0; i < rows; i++) {
        uint64_t draw = random_next(&seed);
        uint64_t skewed = (draw >> 32) % entries * ((draw & 0xffff) + 1) >> 16;
        codes[i] = i > 0 && draw % run != 0 ? codes[i - 1] : 1 + (uint32_t)skewed;
    }
    return (wendi_vector){.type = wendi_type_of(WENDI_TYPE_TEXT),
                          .form = WENDI_FORM_DICTIONARY,
                          .row_count = rows,
                          .codes = codes,
                          .dictionary = wendi_dictionary_new(entries + 1, offsets, bytes, true)};
}

typedef struct keyed_user {
    uint64_t hash;
    int64_t user;
} keyed_user;

static int compare_keys(const void *a, const void *b)
{
    const keyed_user *left = a;
    const keyed_user *right = b;
    return (left->hash > right->hash) - (left->hash < right->hash);
}

static void make_users(int64_t *users, uint32_t rows)
{
    uint32_t count = rows / 8 + 1;
    keyed_user *keys = wendi_alloc(count * sizeof *keys);
    for (uint32_t i = 0; i < count; i++) {
        wendi_value value = {.type = wendi_type_of(WENDI_TYPE_BIGINT), .i64 = i};
        keys[i] = (keyed_user){wendi_value_hash(&value), i};
    }
    qsort(keys, count, sizeof *keys, compare_keys);
    for (uint32_t i = 0; i < rows; i++) {
        users[i] = keys[i / 8].user;
    }
    wendi_free(keys);
}

static void make_columns(wendi_vector *columns, uint32_t rows)
{
    uint64_t seed = 42;
    for (uint32_t c = 0; c < COLUMNS; c++) {
        columns[c] =
            (wendi_vector){.type = schema[c].type, .form = WENDI_FORM_FLAT, .row_count = rows};
        if (wendi_type_physical(schema[c].type) != WENDI_PHYSICAL_STRING) {
            columns[c].data = wendi_alloc_aligned(64, (size_t)rows * 16 + 64);
        }
    }
    int64_t *users = (int64_t *)(uintptr_t)columns[0].data;
    int64_t *times = (int64_t *)(uintptr_t)columns[1].data;
    int64_t *prices = (int64_t *)(uintptr_t)columns[5].data;
    double *ratios = (double *)(uintptr_t)columns[6].data;
    uint64_t *ids = (uint64_t *)(uintptr_t)columns[7].data;
    int64_t *products = (int64_t *)(uintptr_t)columns[8].data;
    uint8_t *nulls = wendi_alloc_aligned(64, rows + 64);
    make_users(users, rows);
    for (uint32_t i = 0; i < rows; i++) {
        uint64_t draw = random_next(&seed);
        bool same = i > 0 && users[i] == users[i - 1];
        times[i] = same ? times[i - 1] + (int64_t)(draw % 90000) * 1000
                        : INT64_C(1700000000000000) + (int64_t)(draw % 86400000) * 1000;
        nulls[i] = draw % 10 != 0;
        prices[i] = nulls[i] != 0 ? 0 : (int64_t)(draw >> 20) % 100000;
        ratios[i] = (double)(draw % 10000) / 100.0;
        ids[2 * i] = random_next(&seed);
        ids[2 * i + 1] = random_next(&seed);
        products[i] = (int64_t)(random_next(&seed) % 60000);
    }
    columns[5].nulls = nulls;
    columns[2] = make_text("event_type_%02u", 14, rows, 1, 1);
    columns[3] = make_text("https://shop.example/product/%08u/reviews", 60000, rows, 2, 2);
    columns[4] = make_text("C%03u", 200, rows, 8, 3);
}

static void write_columns(const wendi_vector *columns, const wendi_segment_column *of,
                          uint32_t count, uint32_t rows, bench_file *file)
{
    wendi_segment_sink sink = {file, sink_write};
    wendi_segment_writer_options options = {.columns = of,
                                            .column_count = count,
                                            .user_column = WENDI_NO_COLUMN,
                                            .time_column = WENDI_NO_COLUMN,
                                            .zstd_level = 1};
    wendi_segment_writer *writer;
    wendi_segment_summary summary;
    wend_error error;
    file->length = 0;
    if (wendi_segment_writer_open(&sink, &options, &writer, &error) != WEND_OK ||
        wendi_segment_writer_row_group(writer, columns, rows, &error) != WEND_OK ||
        wendi_segment_writer_finish(writer, &summary, &error) != WEND_OK) {
        fprintf(stderr, "%s\n", error.message);
        exit(1);
    }
    wendi_segment_writer_close(writer);
}

/* Decode a column of a segment once in steps of `step` rows; the sum keeps the compiler honest. */
static uint64_t read_column(wendi_segment *segment, uint32_t rows, uint32_t step)
{
    wendi_chunk *chunk;
    wendi_vector vector;
    wend_error error;
    uint64_t sum = 0;
    if (wendi_chunk_open(segment, 0, 0, &chunk, &error) != WEND_OK) {
        fprintf(stderr, "%s\n", error.message);
        exit(1);
    }
    for (uint32_t first = 0; first < rows; first += step) {
        uint32_t count = rows - first < step ? rows - first : step;
        if (wendi_chunk_read(chunk, first, count, &vector, &error) != WEND_OK) {
            fprintf(stderr, "%s\n", error.message);
            exit(1);
        }
        sum += *(const uint8_t *)vector.data;
    }
    wendi_chunk_close(chunk);
    return sum;
}

typedef struct encoding {
    const wendi_vector *columns;
    const wendi_segment_column *of;
    uint32_t column_count, rows;
    bench_file *file;
} encoding;

static void encode(void *context)
{
    const encoding *work = context;
    write_columns(work->columns, work->of, work->column_count, work->rows, work->file);
}

typedef struct decoding {
    wendi_segment *segment;
    uint32_t rows;
} decoding;

static volatile uint64_t kept; /* so that no result is optimised away */

static void decode(void *context)
{
    const decoding *work = context;
    kept += read_column(work->segment, work->rows, WENDI_BATCH_ROWS);
}

static void bench_column(wendi_bench *bench, const wendi_vector *column, uint32_t c, uint32_t rows,
                         bench_file *file)
{
    encoding written = {column, &schema[c], 1, rows, file};
    decoding read = {NULL, rows};
    wend_error error = {.message = ""};
    char name[64];
    snprintf(name, sizeof name, "%s, encode", schema[c].name.data);
    wendi_bench_case in = {name, encode, &written, rows, "rows", 0};
    (void)wendi_bench_measure(bench, &in);
    wendi_segment_source source = {file, NULL, file->length, source_read};
    wendi_bench_must(wendi_segment_open(&source, NULL, &read.segment, &error), "opening a segment",
                     &error);
    snprintf(name, sizeof name, "%s, decode", schema[c].name.data);
    wendi_bench_case out = {name, decode, &read, rows, "rows", 0};
    (void)wendi_bench_measure(bench, &out);
    snprintf(name, sizeof name, "%s, size", schema[c].name.data);
    wendi_bench_value(bench, name, (double)file->length / rows, "bytes/row");
    wendi_segment_close(read.segment);
}

int main(int argc, char **argv)
{
    wendi_bench bench;
    if (wendi_bench_open(&bench, "bench_format", argc, argv) > 1) {
        wendi_bench_fail("usage: bench_format [--rows N] [--runs N] [--json FILE]");
    }
    uint64_t asked = bench.rows > 0 ? bench.rows : WENDI_ROW_GROUP_ROWS_MAX;
    uint32_t rows = asked > WENDI_ROW_GROUP_ROWS_MAX ? WENDI_ROW_GROUP_ROWS_MAX : (uint32_t)asked;
    wendi_vector columns[COLUMNS];
    bench_file file = {.capacity = (size_t)rows * 128 + (1 << 20)};
    file.bytes = wendi_alloc(file.capacity);
    make_columns(columns, rows);
    wendi_bench_heading(&bench, "Segment writer and reader, by column");
    for (uint32_t c = 0; c < COLUMNS; c++) {
        bench_column(&bench, &columns[c], c, rows, &file);
    }
    encoding all = {columns, schema, COLUMNS, rows, &file};
    wendi_bench_case of = {"all columns, encode", encode, &all, rows, "rows", 0};
    (void)wendi_bench_measure(&bench, &of);
    wendi_bench_value(&bench, "all columns, size", (double)file.length / rows, "bytes/row");
    wendi_bench_close(&bench);
    return 0;
}
