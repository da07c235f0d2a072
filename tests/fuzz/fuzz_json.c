/*
 * Any bytes as messages, one a line: the decoder stores or refuses, agrees with itself without prediction and
 * by every instruction set, and with the two validators, and reads nothing beyond the padding. The first byte chooses
 * what to do with duplicate keys.
 */
#include <stdlib.h>

#include "engine/column/value.h"
#include "ingest/json_decoder.h"
#include "tests/support/ingest_schema.h"
#include "tests/support/json_sides.h"

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
enum { COLUMN_COUNT = sizeof columns / sizeof columns[0], ROWS = 64, ROUNDS = 3 };

static void require(int condition)
{
    if (!condition) {
        abort();
    }
}

/* What stands behind a message is readable and must not matter; a sanitizer guards what is behind that. */
static int is_json(const uint8_t *data, size_t length, uint8_t padding)
{
    const char *reason;
    char *text = malloc(length + WENDI_MESSAGE_PADDING);
    require(text != NULL);
    memcpy(text, data, length);
    memset(text + length, padding, WENDI_MESSAGE_PADDING);
    int good = wendi_json_validate(text, length, NULL) == WENDI_JSON_GOOD;
    require(good == (wendi_check_json((wendi_string){text, (uint32_t)length}, &reason) == WEND_OK));
    free(text);
    return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wendi_schema schema;
    json_sides sides;
    if (size == 0) {
        return 0;
    }
    test_schema_make(&schema, columns, COLUMN_COUNT);
    schema.duplicate_keys = data[0] % 3;
    schema.user_column = 0;
    json_sides_open(&sides, &schema, ROWS);
    for (int round = 0; round < ROUNDS; round++) { /* the later ones with what the first has taught */
        for (size_t at = 1; at < size;) {
            const uint8_t *end = memchr(data + at, '\n', size - at);
            size_t length = end == NULL ? size - at : (size_t)(end - (data + at));
            int good = is_json(data + at, length, data[0]);
            require(json_sides_decode(&sides, (const char *)data + at, length) == WENDI_DECODE_REJECTED || good);
            at += length + 1;
        }
        json_sides_exchange(&sides, round == 0);
    }
    json_sides_close(&sides);
    wendi_arena_free(&schema.arena);
    return 0;
}
