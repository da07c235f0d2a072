/*
 * Any bytes as a message: the decoder stores or refuses, agrees with itself without prediction and with the two
 * validators, and reads nothing beyond the padding. The first byte chooses what to do with duplicate keys.
 */
#include <stdlib.h>

#include "engine/column/value.h"
#include "ingest/json_decoder.h"
#include "tests/support/ingest_schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const test_column columns[] = {
    {.name = "t", .type = TEST_TYPE(WENDI_TYPE_TEXT)},
    {.name = "v", .type = TEST_VARCHAR(3)},
    {.name = "i", .type = TEST_TYPE(WENDI_TYPE_INTEGER), .on_error = WENDI_ON_ERROR_NULL},
    {.name = "d", .type = TEST_TYPE(WENDI_TYPE_DOUBLE)},
    {.name = "n", .type = TEST_NUMERIC(6, 2)},
    {.name = "o", .type = TEST_TYPE(WENDI_TYPE_BOOLEAN)},
    {.name = "u", .type = TEST_TYPE(WENDI_TYPE_UUID)},
    {.name = "ip", .type = TEST_TYPE(WENDI_TYPE_INET)},
    {.name = "ts", .type = TEST_TYPE(WENDI_TYPE_TIMESTAMPTZ)},
    {.name = "es", .type = TEST_TYPE(WENDI_TYPE_TIMESTAMPTZ), .time_format = WENDI_TIME_EPOCH_S},
    {.name = "j", .type = TEST_TYPE(WENDI_TYPE_JSONB)},
    {.name = "alt", .type = TEST_TYPE(WENDI_TYPE_INTEGER), .paths = "$.x.y|$.z|$.w"},
    {.name = "geo", .type = TEST_TYPE(WENDI_TYPE_JSONB)},
    {.name = "country", .type = TEST_TYPE(WENDI_TYPE_TEXT), .paths = "$.geo.country"},
};
enum { COLUMN_COUNT = sizeof columns / sizeof columns[0], ROWS = 4 };

typedef struct fuzz_side {
    wendi_schema schema;
    wendi_json_decoder *decoder;
    wendi_row_builder builder;
} fuzz_side;

static void require(int condition)
{
    if (!condition) {
        abort();
    }
}

static void open_side(fuzz_side *side, uint8_t duplicates, int predict)
{
    test_schema_make(&side->schema, columns, COLUMN_COUNT);
    side->schema.duplicate_keys = duplicates;
    require(wendi_json_decoder_open(&side->schema, &side->decoder, NULL) == WEND_OK);
    require(wendi_row_builder_init(&side->builder, &side->schema, ROWS, NULL) == WEND_OK);
    wendi_json_decoder_set_now(side->decoder, INT64_C(1767225600) * 1000000);
    wendi_json_decoder_set_prediction(side->decoder, predict != 0);
}

static void close_side(fuzz_side *side)
{
    wendi_row_builder_free(&side->builder);
    wendi_json_decoder_close(side->decoder);
    wendi_arena_free(&side->schema.arena);
}

static void compare_rows(const fuzz_side *a, const fuzz_side *b, uint32_t row)
{
    for (uint32_t c = 0; c < COLUMN_COUNT; c++) {
        const wendi_column_builder *left = &a->builder.columns[c];
        const wendi_column_builder *right = &b->builder.columns[c];
        if (left->physical == WENDI_PHYSICAL_STRING) {
            require((left->codes[row] == 0) == (right->codes[row] == 0));
            require(left->codes[row] == 0 ||
                    wendi_string_equal(wendi_interner_at(&left->interner, left->codes[row]),
                                       wendi_interner_at(&right->interner, right->codes[row])));
        } else {
            size_t bytes = left->physical == WENDI_PHYSICAL_B16 ? 16 : 8;
            require(left->nulls[row] == right->nulls[row]);
            require(memcmp((const char *)left->data + row * bytes, (const char *)right->data + row * bytes, bytes) == 0);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_side learnt;
    fuzz_side general;
    const char *reason;
    if (size == 0) {
        return 0;
    }
    open_side(&learnt, data[0] % 3, 1);
    open_side(&general, data[0] % 3, 0);
    size_t length = size - 1;
    char *text = malloc(length + WENDI_MESSAGE_PADDING); /* a sanitizer guards what is behind the padding */
    memcpy(text, data + 1, length);
    memset(text + length, data[0], WENDI_MESSAGE_PADDING);
    wendi_message message = {.payload = text, .length = (uint32_t)length, .timestamp_us = INT64_MIN};
    wendi_json_fault fault = wendi_json_validate(text, length, NULL);
    require((fault == WENDI_JSON_GOOD) == (wendi_check_json((wendi_string){text, (uint32_t)length}, &reason) == WEND_OK));
    for (int round = 0; round < 2; round++) { /* the second time with what the first has taught */
        wendi_decode_outcome one;
        wendi_decode_outcome other;
        require(wendi_json_decode(learnt.decoder, &message, NULL, &learnt.builder, &one, NULL) == WEND_OK);
        require(wendi_json_decode(general.decoder, &message, NULL, &general.builder, &other, NULL) == WEND_OK);
        require(one == other);
        require(one == WENDI_DECODE_REJECTED || fault == WENDI_JSON_GOOD);
        if (one == WENDI_DECODE_ROW) {
            compare_rows(&learnt, &general, learnt.builder.row_count - 1);
        } else {
            require(strcmp(wendi_json_decoder_reject(learnt.decoder)->reason, wendi_json_decoder_reject(general.decoder)->reason) == 0);
        }
    }
    free(text);
    close_side(&learnt);
    close_side(&general);
    return 0;
}
