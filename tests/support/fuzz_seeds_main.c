/*
 * Seeds for fuzzing the decoders of stored bytes: `fuzz_seeds FOLDER` writes
 * FOLDER/<target>/<name>, small inputs that together have every layout, codec, dictionary form and
 * kind of prediction. Equal on every run.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "engine/base/alloc.h"
#include "format/dictionary_store.h"
#include "format/prediction.h"
#include "tests/support/segment_fixture.h"

enum { COLUMNS = 7 };

static const wendi_place place = {.row_group = 1, .column_id = 2, .page = 3};
static const char *folder;

static void require(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "fuzz_seeds: %s\n", what);
        exit(1);
    }
}

/* `head`, then the bytes, as a seed of the target. */
static void put(const char *target, const char *name, const void *head, size_t head_bytes,
                const wendi_buffer *bytes)
{
    char path[4096];
    require(snprintf(path, sizeof path, "%s/%s", folder, target) < (int)sizeof path, "path");
    mkdir(path, 0777);
    require(snprintf(path, sizeof path, "%s/%s/%s", folder, target, name) < (int)sizeof path,
            "path");
    FILE *file = fopen(path, "wb");
    require(file != NULL && (head_bytes == 0 || fwrite(head, 1, head_bytes, file) == head_bytes) &&
                fwrite(bytes->data, 1, bytes->length, file) == bytes->length && fclose(file) == 0,
            "writing");
}

static void fill(int64_t *values, uint32_t count, column_shape shape)
{
    uint64_t state = shape;
    int64_t before = 0;
    for (uint32_t i = 0; i < count; i++) {
        values[i] = before = shaped_value(shape, &state, before, i);
    }
}

/* ---- streams and pages ---- */

static void write_streams(wendi_stream_scratch *scratch, const int64_t *values, uint32_t count,
                          column_shape shape)
{
    for (uint8_t id = 1; id < WENDI_CODEC_COUNT; id++) {
        wendi_buffer out = {.length = 0};
        const wendi_codec *codec;
        char name[64];
        uint8_t head[5] = {0, 0, (uint8_t)(count - 1), (uint8_t)((count - 1) >> 8),
                           id}; /* see fuzz_stream.c */
        const wendi_stream_input *input = wendi_stream_analyse(scratch, values, count);
        require(wendi_stream_encode(input, (wendi_codec_wish){.forced = id}, &out, &codec) ==
                    WEND_OK,
                "stream");
        snprintf(name, sizeof name, "%s_%d_%u", codec->name, shape, count);
        out.length = WENDI_STREAM_HEADER_BYTES + wendi_load_u32(out.data + 8);
        memmove(out.data, out.data + WENDI_STREAM_HEADER_BYTES,
                out.length - WENDI_STREAM_HEADER_BYTES);
        out.length -= WENDI_STREAM_HEADER_BYTES;
        if (codec->id == id) {
            put("stream", name, head, sizeof head, &out);
        }
        wendi_buffer_free(&out);
    }
}

/* A page of integers by every codec that takes them. */
static void write_integer_pages(wendi_page_encoder *encoder, const int64_t *values, uint32_t count,
                                column_shape shape)
{
    static const wendi_page_layout layouts[] = {WENDI_LAYOUT_INTEGER, WENDI_LAYOUT_CODES};
    uint8_t nulls[4096];
    wendi_page_rows rows = {.row_count = count + count / 3, .value_count = count, .nulls = nulls};
    memset(nulls, 0, sizeof nulls);
    for (uint32_t i = 0; i < count / 3; i++) {
        nulls[i * 4] = 1;
    }
    for (uint8_t id = 0; id < WENDI_CODEC_COUNT; id++) {
        char name[64];
        wendi_page_layout layout = layouts[shape % 2];
        if (layout == WENDI_LAYOUT_CODES) {
            rows = (wendi_page_rows){.row_count = count, .value_count = count};
        }
        encoder->forced_codec = id;
        encoder->out->length = 0;
        require(wendi_page_encode_integers(encoder, rows, values, layout) == WEND_OK, "page");
        snprintf(name, sizeof name, "integers_%d_%d_%u", id, shape, count);
        put("page", name, NULL, 0, encoder->out);
        encoder->out->length = 0;
        require(wendi_page_encode_residuals(encoder, count, values, shape % 2 == 0) == WEND_OK,
                "residuals");
        snprintf(name, sizeof name, "residuals_%d_%d_%u", id, shape, count);
        put("page", name, NULL, 0, encoder->out);
    }
    encoder->forced_codec = 0;
}

static void write_other_pages(wendi_page_encoder *encoder, const int64_t *values, uint32_t count,
                              column_shape shape)
{
    static double doubles[4096];
    static wendi_b16 wide[4096];
    static wendi_string strings[4096];
    static char text[4096 * 8];
    char name[64];
    wendi_page_rows rows = {.row_count = count, .value_count = count};
    for (uint32_t i = 0; i < count; i++) {
        doubles[i] = i % 19 == 3 ? 1.0 / 3 : (double)(values[i] % 100000) / 100;
        wide[i] = (wendi_b16){
            {__builtin_bswap64((uint64_t)values[i] * 65537), __builtin_bswap64((uint64_t)i << 32)}};
        strings[i] = (wendi_string){text + i * 8, (uint32_t)snprintf(text + i * 8, 8, "%" PRIx32,
                                                                     (uint32_t)values[i] >> 8)};
    }
    for (int real = 0; real < 2; real++) {
        for (int decimal = 0; decimal < 2; decimal++) {
            for (uint32_t i = 0; i < count; i++) {
                double value =
                    decimal != 0 ? doubles[i] : (double)(values[i] ^ 0x5555) * 1.0e-17 / 3;
                doubles[i] = real != 0 ? (double)(float)value : value;
            }
            encoder->out->length = 0;
            require(wendi_page_encode_doubles(encoder, rows, doubles, real != 0) == WEND_OK,
                    "doubles");
            snprintf(name, sizeof name, "doubles_%d_%d_%d", real, decimal, shape);
            put("page", name, NULL, 0, encoder->out);
        }
    }
    for (uint8_t id = 0; id < WENDI_CODEC_COUNT; id += 2) {
        encoder->out->length = 0;
        encoder->forced_codec = id;
        require(wendi_page_encode_b16(encoder, rows, wide, false) == WEND_OK, "b16");
        snprintf(name, sizeof name, "sixteen_%d_%d", id, shape);
        put("page", name, NULL, 0, encoder->out);
    }
    encoder->forced_codec = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t high = ((uint64_t)values[i] & ~UINT64_C(0xf000)) | 0x4000;
        wide[i] = (wendi_b16){{__builtin_bswap64(high), __builtin_bswap64((uint64_t)2 << 62 | i)}};
    }
    encoder->out->length = 0;
    require(wendi_page_encode_b16(encoder, rows, wide, true) == WEND_OK, "uuids");
    snprintf(name, sizeof name, "uuids_%d", shape);
    put("page", name, NULL, 0, encoder->out);
    encoder->out->length = 0;
    require(wendi_page_encode_strings(encoder, rows, strings) == WEND_OK, "strings");
    snprintf(name, sizeof name, "strings_%d", shape);
    put("page", name, NULL, 0, encoder->out);
}

static void write_pages(void)
{
    static const uint32_t counts[] = {5, 70, 1100};
    static int64_t values[4096];
    wendi_stream_scratch *scratch;
    wendi_page_encoder encoder;
    wendi_buffer out = {.length = 0};
    require(wendi_stream_scratch_new(&scratch) == WEND_OK &&
                wendi_page_encoder_init(&encoder) == WEND_OK,
            "memory");
    encoder.out = &out;
    encoder.place = place;
    for (int shape = 0; shape < SHAPE_COUNT; shape++) {
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
            bool wide = shape == SHAPE_RANDOM || shape == SHAPE_EXTREME;
            uint32_t count = wide && counts[c] > 100 ? 200 : counts[c];
            fill(values, count, (column_shape)shape);
            write_streams(scratch, values, count, (column_shape)shape);
            write_integer_pages(&encoder, values, count, (column_shape)shape);
            if (c == 1) {
                write_other_pages(&encoder, values, count, (column_shape)shape);
            }
        }
    }
    wendi_page_encoder_free(&encoder);
    wendi_buffer_free(&out);
    wendi_stream_scratch_free(scratch);
}

/* ---- dictionaries and predictions ---- */

static void write_dictionary(const char *name, const char *format, uint32_t count, uint32_t step,
                             bool ordered)
{
    wendi_interner interner = {.entry_count = 0};
    wendi_dictionary *dictionary;
    wendi_buffer out = {.length = 0};
    uint32_t codes[4096];
    uint32_t remap[4096];
    uint8_t head[5];
    require(wendi_interner_reserve(&interner, 16) == WEND_OK, "interner");
    for (uint32_t i = 0; i < count; i++) {
        char text[256];
        int length = snprintf(text, sizeof text, format, i * step + 1);
        require(wendi_interner_code(&interner, (wendi_string){text, (uint32_t)length}, &codes[i]) ==
                    WEND_OK,
                "interner");
    }
    require(wendi_interner_ordered(&interner, NULL, remap, &dictionary, NULL) == WEND_OK,
            "dictionary");
    for (uint32_t i = 0; i < count; i++) {
        codes[i] = ordered ? i + 1 : count - i;
    }
    require(wendi_dictionary_store_encode(dictionary, codes, count, ordered, place, 1, &out) ==
                WEND_OK,
            "store");
    wendi_store_u32(head, count + 1);
    head[4] = ordered;
    put("dictionary", name, head, sizeof head, &out);
    wendi_buffer_free(&out);
    wendi_dictionary_release(dictionary);
    wendi_interner_free(&interner);
}

static void write_dictionaries(void)
{
    write_dictionary("few", "entry %u", 5, 7, true);
    write_dictionary("urls", "https://shop.example/page/%u/index.html", 300, 37, true);
    write_dictionary("hexadecimal", "s_%08x", 120, 2654435761u, true);
    write_dictionary("hexadecimal_odd", "%07x", 60, 2654435, false);
    write_dictionary("upper", "ID-%08X", 60, 2654435761u, true);
    write_dictionary("decimal", "P%u", 200, 13, true);
    write_dictionary("decimal_zeros", "user%09u", 200, 12345, true);
    write_dictionary("decimal_unordered", "%u", 90, 77, false);
    write_dictionary("long", "%0200u", 40, 1, true);
    write_dictionary("one", "x%u", 1, 1, true);
    write_dictionary("none", "%u", 0, 1, true);
}

static void write_prediction(const char *name, uint32_t determinants, bool row_before, int64_t base,
                             uint64_t greatest, uint32_t map_count, uint32_t list_count, bool codes)
{
    wendi_buffer out = {.length = 0};
    uint64_t map[512];
    uint64_t list[512];
    uint8_t head = codes;
    uint64_t state = map_count;
    wendi_prediction_rule rule = {
        .determinant_count = determinants, .determinants = {4, 5}, .row_before = row_before};
    for (uint32_t i = 0; i < 512; i++) {
        map[i] = i % 3 == 0 ? greatest : random_below(&state, greatest + 1);
        list[i] = random_below(&state, greatest + 1);
    }
    require(wendi_prediction_store(&rule, base, map, map_count, list, list_count, place, 1, &out) ==
                WEND_OK,
            "store");
    put("prediction", name, &head, 1, &out);
    wendi_buffer_free(&out);
}

static void write_predictions(void)
{
    write_prediction("one", 1, false, 0, 9, 40, 3, true);
    write_prediction("two", 2, false, 0, 3000, 300, 30, true);
    write_prediction("before", 1, true, 0, 200, 200, 0, true);
    write_prediction("none", 0, false, -5, 70000, 1, 20, false);
    write_prediction("values", 1, false, INT64_C(-900000000000), UINT64_C(1) << 61, 60, 5, false);
}

/* ---- segments ---- */

static const wendi_segment_column schema[COLUMNS] = {
    {1, {.kind = WENDI_TYPE_TEXT}, {"user_id", 7}},
    {2, {.kind = WENDI_TYPE_TIMESTAMPTZ}, {"ts", 2}},
    {3, {.kind = WENDI_TYPE_TEXT}, {"page", 4}},
    {4, {.kind = WENDI_TYPE_TEXT}, {"title", 5}},
    {5, {.kind = WENDI_TYPE_BIGINT}, {"price", 5}},
    {6, {.kind = WENDI_TYPE_DOUBLE}, {"weight", 6}},
    {7, {.kind = WENDI_TYPE_UUID}, {"id", 2}},
};

/* Titles, prices and weights that follow from the page, all but some. */
static void write_predicted_segment(const char *name, uint32_t rows, uint32_t pages,
                                    uint32_t exceptions)
{
    segment_bytes bytes = {.read_calls = 0};
    column_data columns[COLUMNS];
    wendi_vector vectors[COLUMNS];
    wendi_segment_writer *writer;
    wendi_segment_summary summary;
    uint8_t head = 1;
    uint64_t state = rows;
    wendi_segment_writer_options options = {
        .columns = schema, .column_count = COLUMNS, .time_column = 1, .zstd_level = 1};
    wendi_segment_sink sink = segment_bytes_sink(&bytes);
    memset(options.uuid, 7, sizeof options.uuid);
    columns[0] = column_make_users(rows, rows / 6 + 1, rows / 9, 3);
    columns[1] = column_make(schema[1].type, SHAPE_RISING, rows, 0, true, 4);
    for (uint32_t c = 2; c < COLUMNS; c++) {
        columns[c] =
            column_make(schema[c].type, c < 4 ? SHAPE_SMALL : SHAPE_RANDOM, rows, 0, c < 4, 5);
        vectors[c] = columns[c].vector;
    }
    vectors[0] = columns[0].vector;
    vectors[1] = columns[1].vector;
    uint32_t entries = columns[2].dictionary->entry_count - 1;
    for (uint32_t i = 0; i < rows; i++) {
        uint32_t page = (uint32_t)random_below(&state, pages < entries ? pages : entries) + 1;
        bool odd = random_below(&state, 100) < exceptions;
        ((uint32_t *)columns[2].values)[i] = page;
        ((uint32_t *)columns[3].values)[i] = odd ? 1 : (page * 5 % entries) + 1;
        ((int64_t *)columns[4].values)[i] = odd ? (int64_t)i * 1000003 : page * 777;
        ((double *)columns[5].values)[i] = odd ? 1.0 / (i + 3) : page * 0.37 / 3;
    }
    require(wendi_segment_writer_open(&sink, &options, &writer, NULL) == WEND_OK, "open");
    require(wendi_segment_writer_row_group(writer, vectors, rows, NULL) == WEND_OK, "row group");
    require(wendi_segment_writer_finish(writer, &summary, NULL) == WEND_OK, "finish");
    wendi_segment_writer_close(writer);
    put("segment", name, &head, 1, &bytes.bytes);
    for (uint32_t c = 0; c < COLUMNS; c++) {
        column_free(&columns[c]);
    }
    wendi_buffer_free(&bytes.bytes);
}

int main(int argc, char **argv)
{
    require(argc == 2, "usage: fuzz_seeds FOLDER");
    folder = argv[1];
    mkdir(folder, 0777);
    write_pages();
    write_dictionaries();
    write_predictions();
    write_predicted_segment("predicted_few", 300, 12, 2);
    write_predicted_segment("predicted_more", 1500, 12, 10);
    return 0;
}
