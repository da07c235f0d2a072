/*
 * The decoder's rules, one table row a hazard: what a document gives, or why it is refused. Then what must
 * hold for any document: learnt order and general path agree, refused rows leave nothing, memory may be
 * refused anywhere.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/base/alloc.h"
#include "engine/base/timezone.h"
#include "ingest/json_decoder.h"
#include "tests/support/ingest_schema.h"

static const test_column columns[] = {
    {.name = "t", .type = TEST_TYPE(WENDI_TYPE_TEXT)},
    {.name = "v", .type = TEST_VARCHAR(3)},
    {.name = "s", .type = TEST_TYPE(WENDI_TYPE_SMALLINT)},
    {.name = "i", .type = TEST_TYPE(WENDI_TYPE_INTEGER)},
    {.name = "b", .type = TEST_TYPE(WENDI_TYPE_BIGINT)},
    {.name = "d", .type = TEST_TYPE(WENDI_TYPE_DOUBLE)},
    {.name = "r", .type = TEST_TYPE(WENDI_TYPE_REAL)},
    {.name = "n", .type = TEST_NUMERIC(6, 2)},
    {.name = "h", .type = TEST_NUMERIC(6, 2), .rounding = WENDI_ROUND_HALF_EVEN},
    {.name = "o", .type = TEST_TYPE(WENDI_TYPE_BOOLEAN)},
    {.name = "u", .type = TEST_TYPE(WENDI_TYPE_UUID)},
    {.name = "ip", .type = TEST_TYPE(WENDI_TYPE_INET)},
    {.name = "day", .type = TEST_TYPE(WENDI_TYPE_DATE)},
    {.name = "ts", .type = TEST_TYPE(WENDI_TYPE_TIMESTAMPTZ)},
    {.name = "local", .type = TEST_TYPE(WENDI_TYPE_TIMESTAMPTZ), .timezone = "Asia/Kolkata"},
    {.name = "es", .type = TEST_TYPE(WENDI_TYPE_TIMESTAMPTZ), .time_format = WENDI_TIME_EPOCH_S},
    {.name = "ems", .type = TEST_TYPE(WENDI_TYPE_TIMESTAMPTZ), .time_format = WENDI_TIME_EPOCH_MS},
    {.name = "eus", .type = TEST_TYPE(WENDI_TYPE_TIMESTAMPTZ), .time_format = WENDI_TIME_EPOCH_US},
    {.name = "ens", .type = TEST_TYPE(WENDI_TYPE_TIMESTAMPTZ), .time_format = WENDI_TIME_EPOCH_NS},
    {.name = "pat", .type = TEST_TYPE(WENDI_TYPE_TIMESTAMPTZ), .time_format = WENDI_TIME_PATTERN,
     .time_pattern = "%d/%b/%Y:%H:%M:%S %z"},
    {.name = "j", .type = TEST_TYPE(WENDI_TYPE_JSONB)},
    {.name = "alt", .type = TEST_TYPE(WENDI_TYPE_INTEGER), .paths = "$.x.y|$.z|$.w"},
    {.name = "geo", .type = TEST_TYPE(WENDI_TYPE_JSONB)},
    {.name = "country", .type = TEST_TYPE(WENDI_TYPE_TEXT), .paths = "$.geo.country"},
    {.name = "city", .type = TEST_TYPE(WENDI_TYPE_TEXT), .paths = "$.deep.a.b.city"},
    {.name = "soft", .type = TEST_TYPE(WENDI_TYPE_INTEGER), .on_error = WENDI_ON_ERROR_NULL},
    {.name = "dflt", .type = TEST_TYPE(WENDI_TYPE_INTEGER), .default_value = "7"},
    {.name = "_rest", .type = TEST_TYPE(WENDI_TYPE_JSONB), .origin = WENDI_ORIGIN_REST},
};
enum { COLUMNS = sizeof columns / sizeof columns[0] };

typedef struct decoder_fixture {
    wendi_schema schema;
    wendi_json_decoder *decoder;
    wendi_row_builder builder;
} decoder_fixture;

static void open_fixture(decoder_fixture *fixture, wendi_duplicate_key duplicates)
{
    test_schema_make(&fixture->schema, columns, COLUMNS);
    fixture->schema.rest_column = COLUMNS - 1;
    fixture->schema.duplicate_keys = (uint8_t)duplicates;
    assert_int_equal(wendi_json_decoder_open(&fixture->schema, &fixture->decoder, NULL), WEND_OK);
    assert_int_equal(wendi_row_builder_init(&fixture->builder, &fixture->schema, 64, NULL), WEND_OK);
    wendi_json_decoder_set_now(fixture->decoder, INT64_C(1767225600) * 1000000); /* 2026-01-01 */
}

static void close_fixture(decoder_fixture *fixture)
{
    wendi_row_builder_free(&fixture->builder);
    wendi_json_decoder_close(fixture->decoder);
    wendi_arena_free(&fixture->schema.arena);
}

/* A copy at the very end of its block but for the padding, so that a sanitizer sees a read too far. */
static char *padded(const char *text, size_t length)
{
    char *copy = malloc(length + WENDI_MESSAGE_PADDING);
    memcpy(copy, text, length);
    memset(copy + length, '"', WENDI_MESSAGE_PADDING); /* what stands there must not matter */
    return copy;
}

static wendi_decode_outcome decode(decoder_fixture *fixture, const char *text, size_t length)
{
    wendi_decode_outcome outcome;
    char *copy = padded(text, length);
    wendi_message message = {.payload = copy, .length = (uint32_t)length, .timestamp_us = INT64_MIN};
    uint32_t before = fixture->builder.row_count;
    assert_int_equal(wendi_json_decode(fixture->decoder, &message, NULL, &fixture->builder, &outcome, NULL), WEND_OK);
    assert_int_equal(fixture->builder.row_count, before + (outcome == WENDI_DECODE_ROW));
    free(copy);
    return outcome;
}

static wendi_decode_outcome decode_text(decoder_fixture *fixture, const char *text)
{
    return decode(fixture, text, strlen(text));
}

/* Column `name` of the newest row as text; "null" for null. */
static void show(decoder_fixture *fixture, const char *name, char out[512])
{
    uint32_t column = wendi_schema_find(&fixture->schema, wendi_string_of(name));
    const wendi_column_builder *values = &fixture->builder.columns[column];
    uint32_t row = fixture->builder.row_count - 1;
    wendi_value value = {.type = values->type};
    wendi_buffer text = {0};
    if (values->physical == WENDI_PHYSICAL_STRING) {
        value.null = values->codes[row] == 0;
        value.string = value.null ? (wendi_string){"", 0} : wendi_interner_at(&values->interner, values->codes[row]);
    } else {
        value.null = values->nulls[row] != 0;
        if (values->physical == WENDI_PHYSICAL_B16) {
            value.b16 = values->b16[row];
        } else if (values->physical == WENDI_PHYSICAL_F64) {
            value.f64 = values->f64[row];
        } else {
            value.i64 = values->i64[row];
        }
        if (value.null) {
            assert_true(values->physical == WENDI_PHYSICAL_B16 ? value.b16.word[0] == 0 && value.b16.word[1] == 0
                                                               : value.i64 == 0);
        }
    }
    if (value.null) {
        strcpy(out, "null");
        return;
    }
    assert_int_equal(wendi_value_format(&value, wendi_timezone_utc(), &text), WEND_OK);
    snprintf(out, 512, "%.*s", (int)text.length, text.length != 0 ? (const char *)text.data : "");
    wendi_buffer_free(&text);
}

typedef struct hazard_case {
    const char *document;
    const char *column; /* NULL: refused, and `want` is part of the reason */
    const char *want;
} hazard_case;

static const hazard_case hazards[] = {
    /* text */
    {"{\"t\":\"abc\"}", "t", "abc"},
    {"{\"t\":\"\"}", "t", ""},
    {"{\"t\":null}", "t", "null"},
    {"{}", "t", "null"},
    {" { \"t\" : \"a\" , \"i\" : 5 } ", "i", "5"},
    {"{\"t\":1.50}", "t", "1.50"},
    {"{\"t\":-1e5}", "t", "-1e5"},
    {"{\"t\":true}", "t", "true"},
    {"{\"t\":\"a\\u0041\\n\\\"\\u00e9\\ud83d\\ude00\"}", "t", "aA\n\"\xc3\xa9\xf0\x9f\x98\x80"},
    {"{\"\\u0074\":\"escaped key\"}", "t", "escaped key"},
    {"{\"t\":{}}", NULL, "wrong type for column t: object {} where text is wanted"},
    {"{\"t\":[1]}", NULL, "wrong type for column t: array [1]"},
    {"{\"t\":\"\\ud800\"}", NULL, "lone surrogate"},
    {"{\"t\":\"\\ud800\\u0041\"}", NULL, "lone surrogate"},
    {"{\"t\":\"\\udc00\"}", NULL, "lone surrogate"},
    {"{\"t\":\"\xff\"}", NULL, "invalid UTF-8"},
    {"{\"t\":\"\xc0\x80\"}", NULL, "invalid UTF-8"},
    {"{\"t\":\"\xed\xa0\x80\"}", NULL, "invalid UTF-8"},
    {"{\"t\":\"a\tb\"}", NULL, "raw control character"},
    {"{\"t\":\"\\x\"}", NULL, "unknown escape"},
    {"{\"v\":\"abc\"}", "v", "abc"},
    {"{\"v\":\"\xc3\xa9\xc3\xa9\xc3\xa9\"}", "v", "\xc3\xa9\xc3\xa9\xc3\xa9"},
    {"{\"v\":\"abcd\"}", NULL, "wrong value for column v"},
    /* integers */
    {"{\"s\":32767}", "s", "32767"},
    {"{\"s\":-32768}", "s", "-32768"},
    {"{\"s\":32768}", NULL, "wrong type for column s: number 32768 where smallint is wanted"},
    {"{\"i\":2147483648}", NULL, "wrong type for column i"},
    {"{\"b\":9223372036854775807}", "b", "9223372036854775807"},
    {"{\"b\":-9223372036854775808}", "b", "-9223372036854775808"},
    {"{\"b\":9007199254740993}", "b", "9007199254740993"},
    {"{\"b\":9223372036854775808}", NULL, "wrong type for column b"},
    {"{\"i\":1.0}", "i", "1"},
    {"{\"i\":1e3}", "i", "1000"},
    {"{\"i\":1.5}", NULL, "wrong type for column i: number 1.5"},
    {"{\"i\":\"12\"}", "i", "12"},
    {"{\"i\":\"12x\"}", NULL, "wrong type for column i: string \"12x\" where integer is wanted"},
    {"{\"i\":\" 12\"}", NULL, "wrong type"},
    {"{\"i\":\"\"}", NULL, "wrong type"},
    {"{\"i\":true}", NULL, "wrong type for column i: boolean true"},
    {"{\"i\":01}", NULL, "invalid JSON number"},
    {"{\"i\":+1}", NULL, "invalid JSON number"},
    {"{\"i\":.5}", NULL, "invalid JSON number"},
    {"{\"i\":1.}", NULL, "invalid JSON number"},
    {"{\"i\":-}", NULL, "invalid JSON number"},
    {"{\"i\":-0}", "i", "0"},
    /* floating point */
    {"{\"d\":0.1}", "d", "0.1"},
    {"{\"d\":1e308}", "d", "1e+308"},
    {"{\"d\":1e999}", NULL, "wrong type for column d: number 1e999"},
    {"{\"d\":1e-999}", "d", "0"},
    {"{\"d\":123456789012345678}", "d", "1.2345678901234568e+17"},
    {"{\"d\":\"2.5\"}", "d", "2.5"},
    {"{\"d\":\"NaN\"}", NULL, "wrong type for column d"},
    {"{\"r\":0.1}", "r", "0.1"},
    {"{\"r\":1e39}", NULL, "wrong type for column r"},
    /* numeric */
    {"{\"n\":1234.56}", "n", "1234.56"},
    {"{\"n\":-0.5}", "n", "-0.50"},
    {"{\"n\":7}", "n", "7.00"},
    {"{\"n\":1.230}", "n", "1.23"},
    {"{\"n\":1.5e2}", "n", "150.00"},
    {"{\"n\":\"12.34\"}", "n", "12.34"},
    {"{\"n\":\"abc\"}", NULL, "wrong type for column n: string \"abc\" where numeric(6,2) is wanted"},
    {"{\"n\":1.234}", NULL, "wrong value for column n"},
    {"{\"n\":12345}", NULL, "wrong value for column n"},
    {"{\"h\":1.235}", "h", "1.24"},
    {"{\"h\":1.245}", "h", "1.24"},
    /* boolean */
    {"{\"o\":true}", "o", "true"},
    {"{\"o\":false}", "o", "false"},
    {"{\"o\":1}", "o", "true"},
    {"{\"o\":0}", "o", "false"},
    {"{\"o\":\"true\"}", "o", "true"},
    {"{\"o\":\"false\"}", "o", "false"},
    {"{\"o\":\"yes\"}", NULL, "wrong type for column o"},
    {"{\"o\":2}", NULL, "wrong type for column o"},
    {"{\"o\":tru}", NULL, "invalid JSON"},
    {"{\"o\":tru", NULL, "truncated JSON"},
    /* uuid, inet */
    {"{\"u\":\"123e4567-E89B-12d3-a456-426614174000\"}", "u", "123e4567-e89b-12d3-a456-426614174000"},
    {"{\"u\":\"123e4567\"}", NULL, "wrong value for column u: string \"123e4567\" where uuid is wanted"},
    {"{\"u\":5}", NULL, "wrong type for column u"},
    {"{\"ip\":\"192.168.0.1\"}", "ip", "192.168.0.1"},
    {"{\"ip\":\"2001:db8::1\"}", "ip", "2001:db8::1"},
    {"{\"ip\":\"300.1.1.1\"}", NULL, "wrong value for column ip"},
    /* times */
    {"{\"ts\":\"2025-01-31T10:00:00Z\"}", "ts", "2025-01-31 10:00:00+00"},
    {"{\"ts\":\"2025-01-31T10:00:00.123456789+05:30\"}", "ts", "2025-01-31 04:30:00.123456+00"},
    {"{\"ts\":\"2025-01-31T10:00:00\"}", NULL, "wrong value for column ts"},
    {"{\"ts\":\"hello\"}", NULL, "wrong value for column ts: string \"hello\" where timestamptz is wanted: not a timestamp (byte 7)"},
    {"{\"ts\":1735689600}", NULL, "wrong type for column ts"},
    {"{\"ts\":\"2026-01-01T23:59:59Z\"}", "ts", "2026-01-01 23:59:59+00"},
    {"{\"ts\":\"2026-01-03T00:00:00Z\"}", NULL, "later than now and max_future"},
    {"{\"local\":\"2025-01-31T10:00:00\"}", "local", "2025-01-31 04:30:00+00"},
    {"{\"es\":1735689600}", "es", "2025-01-01 00:00:00+00"},
    {"{\"es\":1735689600.1234567}", "es", "2025-01-01 00:00:00.123456+00"},
    {"{\"es\":1.7356896e9}", "es", "2025-01-01 00:00:00+00"},
    {"{\"es\":-1.5}", "es", "1969-12-31 23:59:58.5+00"},
    {"{\"es\":\"1735689600\"}", "es", "2025-01-01 00:00:00+00"},
    {"{\"es\":\"soon\"}", NULL, "wrong type for column es"},
    {"{\"es\":1e30}", NULL, "column es"},
    {"{\"ems\":1735689600123}", "ems", "2025-01-01 00:00:00.123+00"},
    {"{\"eus\":1735689600123456}", "eus", "2025-01-01 00:00:00.123456+00"},
    {"{\"ens\":1735689600123456789}", "ens", "2025-01-01 00:00:00.123456+00"},
    {"{\"ens\":-1}", "ens", "1969-12-31 23:59:59.999999+00"},
    {"{\"pat\":\"31/Jan/2025:10:00:00 +0530\"}", "pat", "2025-01-31 04:30:00+00"},
    {"{\"pat\":\"2025-01-31\"}", NULL, "wrong value for column pat"},
    {"{\"day\":\"2025-01-31\"}", "day", "2025-01-31"},
    {"{\"day\":\"2025-02-31\"}", NULL, "wrong value for column day"},
    /* jsonb and paths */
    {"{\"j\":{\"a\":[1,{\"b\":\"\\u00e9\"}]}}", "j", "{\"a\":[1,{\"b\":\"\\u00e9\"}]}"},
    {"{\"j\":[ 1, 2 ]}", "j", "[ 1, 2 ]"},
    {"{\"j\":\"x\"}", "j", "\"x\""},
    {"{\"j\":1.50}", "j", "1.50"},
    {"{\"j\":null}", "j", "null"},
    {"{\"j\":{\"a\":}}", NULL, "invalid JSON"},
    {"{\"geo\":{\"country\":\"IN\",\"x\":1}}", "country", "IN"},
    {"{\"geo\":{\"country\":\"IN\",\"x\":1}}", "geo", "{\"country\":\"IN\",\"x\":1}"},
    {"{\"geo\":{}}", "country", "null"},
    {"{\"geo\":5}", "country", "null"},
    {"{\"geo\":5}", "geo", "5"},
    {"{\"deep\":{\"a\":{\"b\":{\"city\":\"Pune\"}},\"k\":[]}}", "city", "Pune"},
    {"{\"deep\":{\"a\":[{\"b\":1}]}}", "city", "null"},
    {"{\"x\":{\"y\":1},\"z\":2,\"w\":3}", "alt", "1"},
    {"{\"w\":3,\"z\":2,\"x\":{\"y\":1}}", "alt", "1"},
    {"{\"w\":3,\"z\":2}", "alt", "2"},
    {"{\"w\":3}", "alt", "3"},
    {"{\"w\":\"bad\",\"z\":2}", "alt", "2"},
    {"{\"w\":\"bad\"}", NULL, "wrong type for column alt"},
    {"{\"x\":{\"y\":null},\"z\":2}", "alt", "null"},
    {"{\"w\":tru,\"z\":2}", NULL, "invalid JSON"},
    /* options */
    {"{\"soft\":\"bad\"}", "soft", "null"},
    {"{\"soft\":{\"a\":1}}", "soft", "null"},
    {"{\"soft\":{\"a\":}}", NULL, "invalid JSON"},
    {"{\"dflt\":null}", "dflt", "null"},
    {"{}", "dflt", "7"},
    {"{\"dflt\":8}", "dflt", "8"},
    /* structure */
    {"", NULL, "empty"},
    {"  ", NULL, "empty"},
    {"5", NULL, "no object"},
    {"[]", NULL, "no object"},
    {"\"x\"", NULL, "no object"},
    {"{", NULL, "truncated JSON"},
    {"{\"t\"", NULL, "truncated JSON"},
    {"{\"t\":", NULL, "truncated JSON"},
    {"{\"t\":\"a", NULL, "truncated JSON"},
    {"{\"t\":\"a\"", NULL, "truncated JSON"},
    {"{\"t\":\"a\",", NULL, "truncated JSON"},
    {"{\"t\":\"a\\", NULL, "truncated JSON"},
    {"{\"t\":\"\\u00", NULL, "truncated JSON"},
    {"{\"i\":1", NULL, "truncated JSON"},
    {"{\"i\":-", NULL, "truncated JSON"},
    {"{\"i\":1e", NULL, "truncated JSON"},
    {"{\"unknown\":[1,{\"a\":[", NULL, "truncated JSON"},
    {"{\"t\":\"a\",}", NULL, "invalid JSON"},
    {"{,}", NULL, "invalid JSON"},
    {"{\"t\" \"a\"}", NULL, "invalid JSON"},
    {"{t:1}", NULL, "invalid JSON"},
    {"{'t':1}", NULL, "invalid JSON"},
    {"{\"t\":\"a\"}{\"t\":\"b\"}", NULL, "more than one JSON document"},
    {"{\"t\":\"a\"} x", NULL, "more than one JSON document"},
    {"\xef\xbb\xbf{\"t\":\"a\"}", NULL, "byte order mark"},
    {"{\"unknown\":\"\xff\"}", NULL, "invalid UTF-8"},
    {"{\"unknown\":{\"a\":01}}", NULL, "invalid JSON number"},
    {"{\"a\":{\"b\":[{},[],{\"c\":{}}]},\"t\":\"ok\"}", "t", "ok"},
    /* duplicates */
    {"{\"t\":\"a\",\"t\":\"b\"}", NULL, "duplicate key \"t\" (byte 9)"},
    {"{\"t\":\"a\",\"i\":1,\"\\u0074\":\"b\"}", NULL, "duplicate key \"t\" (byte 15)"},
    {"{\"geo\":{\"country\":\"a\",\"country\":\"b\"}}", NULL, "duplicate key \"country\" (byte 22)"},
    {"{\"zzz\":1,\"zzz\":2}", NULL, "duplicate key \"zzz\" (byte 9)"},
    {"{\"deep\":{\"q\":1,\"q\":2}}", NULL, "duplicate key \"q\" (byte 15)"},
    {"{\"t\":\"a\" , \"t\" : \"b\"}", NULL, "duplicate key \"t\" (byte 11)"},
};

static void check_hazard(decoder_fixture *fixture, const hazard_case *hazard)
{
    char shown[512];
    wendi_row_builder_reset(&fixture->builder);
    wendi_decode_outcome outcome = decode(fixture, hazard->document, strlen(hazard->document));
    const char *reason = wendi_json_decoder_reject(fixture->decoder)->reason;
    if (hazard->column == NULL) {
        if (outcome != WENDI_DECODE_REJECTED || strstr(reason, hazard->want) == NULL) {
            fail_msg("%s: wanted \"%s\", got %s", hazard->document, hazard->want,
                     outcome == WENDI_DECODE_ROW ? "a row" : reason);
        }
        return;
    }
    if (outcome != WENDI_DECODE_ROW) {
        fail_msg("%s was refused: %s", hazard->document, reason);
    }
    show(fixture, hazard->column, shown);
    if (strcmp(shown, hazard->want) != 0) {
        fail_msg("%s: column %s is %s, not %s", hazard->document, hazard->column, shown, hazard->want);
    }
}

static void test_hazards(void **state)
{
    (void)state;
    for (int predict = 0; predict < 2; predict++) {
        decoder_fixture fixture;
        open_fixture(&fixture, WENDI_DUPLICATE_KEY_REJECT);
        wendi_json_decoder_set_prediction(fixture.decoder, predict != 0);
        for (int round = 0; round < 2; round++) { /* the second time with what the first one learnt */
            for (size_t i = 0; i < sizeof hazards / sizeof hazards[0]; i++) {
                check_hazard(&fixture, &hazards[i]);
            }
        }
        close_fixture(&fixture);
    }
}

static void test_nul_and_lengths(void **state)
{
    decoder_fixture fixture;
    (void)state;
    open_fixture(&fixture, WENDI_DUPLICATE_KEY_REJECT);
    const char text[] = "{\"t\":\"a\\u0000b\"}";
    assert_int_equal(decode(&fixture, text, sizeof text - 1), WENDI_DECODE_ROW);
    wendi_string got = wendi_interner_at(&fixture.builder.columns[0].interner, fixture.builder.columns[0].codes[0]);
    assert_int_equal(got.length, 3);
    assert_memory_equal(got.data, "a\0b", 3);
    const char raw[] = "{\"t\":\"a\0b\"}";
    assert_int_equal(decode(&fixture, raw, sizeof raw - 1), WENDI_DECODE_REJECTED);
    for (size_t length = 0; length < 200; length++) { /* strings of all lengths around the scan's width */
        char document[256];
        char want[256];
        memset(want, 'x', length);
        int total = snprintf(document, sizeof document, "{\"t\":\"%.*s\"}", (int)length, want);
        wendi_row_builder_reset(&fixture.builder);
        assert_int_equal(decode(&fixture, document, (size_t)total), WENDI_DECODE_ROW);
        got = wendi_interner_at(&fixture.builder.columns[0].interner, fixture.builder.columns[0].codes[0]);
        assert_int_equal(got.length, length);
        assert_memory_equal(got.data, want, length);
        for (int cut = 0; cut < total; cut++) {
            assert_int_equal(decode(&fixture, document, (size_t)cut), WENDI_DECODE_REJECTED);
        }
    }
    close_fixture(&fixture);
}

static void nest(char *out, int depth, const char *inner)
{
    char *at = out + sprintf(out, "{\"deeper\":");
    for (int i = 1; i < depth; i++) {
        *at++ = '[';
    }
    at += sprintf(at, "%s", inner);
    for (int i = 1; i < depth; i++) {
        *at++ = ']';
    }
    strcpy(at, "}");
}

static void test_nesting(void **state)
{
    decoder_fixture fixture;
    char document[512];
    (void)state;
    open_fixture(&fixture, WENDI_DUPLICATE_KEY_REJECT);
    nest(document, 64, "1");
    assert_int_equal(decode(&fixture, document, strlen(document)), WENDI_DECODE_ROW);
    assert_int_equal(wendi_json_validate(document, strlen(document), NULL), WENDI_JSON_GOOD);
    nest(document, 65, "1");
    assert_int_equal(decode(&fixture, document, strlen(document)), WENDI_DECODE_REJECTED);
    assert_non_null(strstr(wendi_json_decoder_reject(fixture.decoder)->reason, "deeper than 64"));
    assert_int_equal(wendi_json_validate(document, strlen(document), NULL), WENDI_JSON_DEPTH);
    close_fixture(&fixture);
}

static void test_duplicate_options(void **state)
{
    static const hazard_case first[] = {
        {"{\"t\":\"a\",\"t\":\"b\"}", "t", "a"},
        {"{\"t\":\"a\",\"t\":{\"any\":1}}", "t", "a"},
        {"{\"t\":\"a\",\"t\":\"\xff\"}", NULL, "invalid UTF-8"},
        {"{\"geo\":{\"country\":\"a\"},\"geo\":{\"country\":\"b\"}}", "country", "a"},
        {"{\"deep\":{},\"deep\":{\"a\":{\"b\":{\"city\":\"x\"}}}}", "city", "null"},
        {"{\"zzz\":1,\"zzz\":2,\"t\":\"x\"}", "t", "x"},
    };
    static const hazard_case last[] = {
        {"{\"t\":\"a\",\"t\":\"b\"}", "t", "b"},
        {"{\"i\":\"bad\",\"i\":2}", "i", "2"},
        {"{\"i\":2,\"i\":\"bad\"}", NULL, "wrong type for column i"},
        {"{\"geo\":{\"country\":\"a\"},\"geo\":{\"x\":1}}", "country", "null"},
        {"{\"geo\":{\"country\":\"a\"},\"geo\":{\"x\":1}}", "geo", "{\"x\":1}"},
        {"{\"geo\":{\"country\":\"a\"},\"geo\":7}", "country", "null"},
        {"{\"geo\":{\"country\":\"a\",\"country\":\"b\"}}", "country", "b"},
        {"{\"x\":{\"y\":1},\"z\":2,\"x\":{}}", "alt", "2"},
        {"{\"zzz\":1,\"zzz\":2,\"t\":\"x\"}", "t", "x"},
    };
    decoder_fixture fixture;
    (void)state;
    open_fixture(&fixture, WENDI_DUPLICATE_KEY_FIRST);
    for (size_t i = 0; i < 2 * sizeof first / sizeof first[0]; i++) {
        check_hazard(&fixture, &first[i / 2]);
    }
    close_fixture(&fixture);
    open_fixture(&fixture, WENDI_DUPLICATE_KEY_LAST);
    for (size_t i = 0; i < 2 * sizeof last / sizeof last[0]; i++) {
        check_hazard(&fixture, &last[i / 2]);
    }
    close_fixture(&fixture);
}

/* What no column takes, by what duplicate_keys says. */
static const hazard_case left_over[] = {
    {"{\"t\":\"x\"}", "_rest", "null"},
    {"{\"b2\" : 1 , \"a2\":{\"y\":[1, 2]}}", "_rest", "{\"a2\":{\"y\":[1, 2]},\"b2\":1}"},
    {"{\"a\":null,\"a.b\":\"\\u0041\",\"A\":1.50}", "_rest", "{\"A\":1.50,\"a\":null,\"a.b\":\"\\u0041\"}"},
    {"{\"\\u00e9\\n\\\"\":1,\"zz\":2}", "_rest", "{\"zz\":2,\"é\\n\\\"\":1}"},
    {"{\"geo\":{\"lat\":1,\"country\":\"IN\"}}", "_rest", "null"}, /* geo is a column as a whole */
    {"{\"deep\":{\"z\":1,\"a\":{\"b\":{\"city\":\"X\",\"q\":0},\"c\":[]}}}", "_rest",
     "{\"deep\":{\"a\":{\"b\":{\"q\":0},\"c\":[]},\"z\":1}}"},
    {"{\"zz\":1,\"deep\":{\"a\":5},\"c\":2}", "_rest", "{\"c\":2,\"deep\":{\"a\":5},\"zz\":1}"},
    {"{\"deep\":null}", "_rest", "{\"deep\":null}"},
    {"{\"deep\":{\"a\":{\"b\":{}}}}", "_rest", "null"},
    {"{\"soft\":\"x\"}", "_rest", "{\"soft\":\"x\"}"},
    {"{\"soft\":{\"a\": 1},\"k\":0}", "_rest", "{\"k\":0,\"soft\":{\"a\": 1}}"},
    {"{\"soft\":null}", "_rest", "null"},
    {"{\"soft\":12}", "_rest", "null"},
    {"{\"x\":{\"y\":1},\"z\":2,\"w\":3}", "_rest", "{\"w\":3,\"z\":2}"},
    {"{\"w\":3,\"z\":2,\"x\":{\"k\":0,\"y\":1}}", "_rest", "{\"w\":3,\"x\":{\"k\":0},\"z\":2}"},
    {"{\"x\":7,\"z\":2}", "_rest", "{\"x\":7}"},
    {"{\"w\":3}", "_rest", "null"},
    {"{\"_rest\":{\"a\":1}}", "_rest", "{\"_rest\":{\"a\":1}}"},
};
static const hazard_case left_over_first[] = {
    {"{\"k\":1,\"k\":2}", "_rest", "{\"k\":1}"},
    {"{\"deep\":{\"q\":1},\"deep\":{\"q\":2,\"r\":3}}", "_rest", "{\"deep\":{\"q\":1}}"},
    {"{\"soft\":\"x\",\"soft\":1}", "_rest", "{\"soft\":\"x\"}"},
};
static const hazard_case left_over_last[] = {
    {"{\"k\":1,\"k\":2}", "_rest", "{\"k\":2}"},
    {"{\"deep\":{\"q\":1},\"deep\":{\"r\":3}}", "_rest", "{\"deep\":{\"r\":3}}"},
    {"{\"deep\":{\"q\":1},\"deep\":5}", "_rest", "{\"deep\":5}"},
    {"{\"deep\":5,\"deep\":{\"q\":1}}", "_rest", "{\"deep\":{\"q\":1}}"},
    {"{\"soft\":\"x\",\"soft\":1}", "_rest", "null"},
    {"{\"soft\":1,\"soft\":\"x\"}", "_rest", "{\"soft\":\"x\"}"},
};

static void check_left_over(wendi_duplicate_key duplicates, bool learning, const hazard_case *cases, size_t count)
{
    decoder_fixture fixture;
    open_fixture(&fixture, duplicates);
    for (int i = 0; i < 2000 && !learning; i++) { /* so many keys that none of the cases' is learnt any more */
        char document[64];
        int length = snprintf(document, sizeof document, "{\"many%d\":1}", i);
        assert_int_equal(decode(&fixture, document, (size_t)length), WENDI_DECODE_ROW);
        wendi_row_builder_reset(&fixture.builder);
    }
    for (size_t i = 0; i < 3 * count; i++) { /* as new, as learnt, and after others */
        check_hazard(&fixture, &cases[i < 2 * count ? i / 2 : 3 * count - 1 - i]);
        wendi_row_builder_reset(&fixture.builder);
    }
    close_fixture(&fixture);
}

static void test_left_over(void **state)
{
    (void)state;
    for (int learning = 0; learning < 2; learning++) {
        size_t count = sizeof left_over / sizeof left_over[0];
        check_left_over(WENDI_DUPLICATE_KEY_REJECT, learning != 0, left_over, count);
        check_left_over(WENDI_DUPLICATE_KEY_FIRST, learning != 0, left_over, count);
        check_left_over(WENDI_DUPLICATE_KEY_LAST, learning != 0, left_over, count);
        check_left_over(WENDI_DUPLICATE_KEY_FIRST, learning != 0, left_over_first,
                        sizeof left_over_first / sizeof left_over_first[0]);
        check_left_over(WENDI_DUPLICATE_KEY_LAST, learning != 0, left_over_last,
                        sizeof left_over_last / sizeof left_over_last[0]);
    }
}

static void test_counters_and_unknown_keys(void **state)
{
    decoder_fixture fixture;
    wendi_unknown_key keys[4];
    char document[64];
    (void)state;
    open_fixture(&fixture, WENDI_DUPLICATE_KEY_REJECT);
    decode_text(&fixture, "{\"i\":\"5\",\"o\":1,\"t\":3,\"soft\":\"x\",\"ts\":\"2025-01-31T10:00:00.1234567Z\"}");
    wendi_decoder_counters counters = wendi_json_decoder_counters(fixture.decoder);
    assert_int_equal(counters.coerced, 3);
    assert_int_equal(counters.nulled, 1);
    assert_int_equal(counters.time_cut, 1);
    for (int i = 0; i < 3; i++) {
        decode_text(&fixture, "{\"extra\":1,\"geo\":{\"lat\":1.5}}");
    }
    decode_text(&fixture, "{\"other\":[1,2]}");
    assert_int_equal(wendi_json_decoder_unknown_keys(fixture.decoder, keys, 4), 3);
    assert_int_equal(keys[0].count, 3);
    assert_string_equal(keys[0].path, "$.extra");
    assert_string_equal(keys[1].path, "$.geo.lat");
    assert_string_equal(keys[2].path, "$.other");
    assert_int_equal(keys[0].guess.integers, 3);
    assert_string_equal(keys[0].guess.example, "1");
    assert_int_equal(keys[1].guess.fractions, 3);
    assert_int_equal(keys[2].guess.arrays, 1);
    assert_string_equal(keys[2].guess.example, "[1,2]");
    assert_false(keys[0].cut);
    for (int i = 0; i < 3000; i++) { /* more than are told apart: still counted, still checked for repeats */
        wendi_row_builder_reset(&fixture.builder);
        int length = snprintf(document, sizeof document, "{\"many%d\":1,\"more%d\":2}", i, i);
        assert_int_equal(decode(&fixture, document, (size_t)length), WENDI_DECODE_ROW);
    }
    assert_int_equal(wendi_json_decoder_unknown_keys(fixture.decoder, keys, 4), 4);
    assert_string_equal(keys[0].path, "(further keys)");
    assert_int_equal(wendi_json_decoder_counters(fixture.decoder).unknown_values, 6007);
    assert_int_equal(decode_text(&fixture, "{\"stray\":1,\"t\":\"x\",\"stray\":2}"), WENDI_DECODE_REJECTED);
    close_fixture(&fixture);
}

/* One value in many is looked at, but no kind of value is missed. */
static void test_kinds_of_unknown_values(void **state)
{
    decoder_fixture fixture;
    wendi_unknown_key keys[2];
    (void)state;
    open_fixture(&fixture, WENDI_DUPLICATE_KEY_REJECT);
    for (int i = 0; i < 5000; i++) {
        wendi_row_builder_reset(&fixture.builder);
        decode_text(&fixture, i == 4999 ? "{\"dotted.key\":\"\\u0041b\"}" : "{\"dotted.key\":7}");
    }
    assert_int_equal(wendi_json_decoder_unknown_keys(fixture.decoder, keys, 2), 1);
    assert_string_equal(keys[0].path, "$.\"dotted.key\"");
    assert_int_equal(keys[0].count, 5000);
    assert_true(keys[0].guess.integers < 500);
    assert_int_equal(keys[0].guess.strings, 1);
    close_fixture(&fixture);
}

static void test_not_null_and_retention(void **state)
{
    static const test_column strict[] = {
        {.name = "ts", .type = TEST_TYPE(WENDI_TYPE_TIMESTAMPTZ), .not_null = true},
        {.name = "soft", .type = TEST_TYPE(WENDI_TYPE_INTEGER), .not_null = true, .on_error = WENDI_ON_ERROR_NULL,
         .default_value = "1"},
    };
    static const hazard_case cases[] = {
        {"{\"ts\":\"2025-12-31T10:00:00Z\"}", "soft", "1"},
        {"{}", NULL, "null in column ts, which is NOT NULL"},
        {"{\"ts\":null}", NULL, "null in column ts"},
        {"{\"ts\":\"2025-12-31T10:00:00Z\",\"soft\":\"x\"}", NULL, "null in column soft"},
        {"{\"ts\":\"2025-11-01T10:00:00Z\"}", NULL, "older than the table's retention"},
    };
    decoder_fixture fixture;
    (void)state;
    test_schema_make(&fixture.schema, strict, 2);
    fixture.schema.retention_us = INT64_C(30) * 86400 * 1000000;
    assert_int_equal(wendi_json_decoder_open(&fixture.schema, &fixture.decoder, NULL), WEND_OK);
    assert_int_equal(wendi_row_builder_init(&fixture.builder, &fixture.schema, 64, NULL), WEND_OK);
    wendi_json_decoder_set_now(fixture.decoder, INT64_C(1767225600) * 1000000);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_hazard(&fixture, &cases[i]);
    }
    close_fixture(&fixture);
}

static void test_kafka_columns(void **state)
{
    static const test_column kafka[] = {
        {.name = "topic", .type = TEST_TYPE(WENDI_TYPE_TEXT), .origin = WENDI_ORIGIN_TOPIC},
        {.name = "partition", .type = TEST_TYPE(WENDI_TYPE_INTEGER), .origin = WENDI_ORIGIN_PARTITION},
        {.name = "offset", .type = TEST_TYPE(WENDI_TYPE_BIGINT), .origin = WENDI_ORIGIN_OFFSET},
        {.name = "key", .type = TEST_TYPE(WENDI_TYPE_TEXT), .origin = WENDI_ORIGIN_KEY},
        {.name = "at", .type = TEST_TYPE(WENDI_TYPE_TIMESTAMPTZ), .origin = WENDI_ORIGIN_TIMESTAMP},
        {.name = "trace", .type = TEST_TYPE(WENDI_TYPE_TEXT), .origin = WENDI_ORIGIN_HEADER, .paths = "$.trace-id"},
        {.name = "t", .type = TEST_TYPE(WENDI_TYPE_TEXT)},
    };
    static const char *const want[] = {"clicks", "3", "1234", "k1", "2025-01-01 00:00:00+00", "second", "x"};
    const wendi_message_header headers[] = {{{"trace-id", 8}, {"first", 5}}, {{"other", 5}, {"o", 1}}, {{"trace-id", 8}, {"second", 6}}};
    wendi_source_partition origin = {.topic = "clicks", .partition = 3, .shown = "clicks[3]"};
    wendi_source_partition file = {.topic = "file:00", .partition = 0, .shown = "logs/a.ndjson"};
    decoder_fixture fixture;
    char shown[512];
    (void)state;
    test_schema_make(&fixture.schema, kafka, sizeof kafka / sizeof kafka[0]);
    assert_int_equal(wendi_json_decoder_open(&fixture.schema, &fixture.decoder, NULL), WEND_OK);
    assert_int_equal(wendi_row_builder_init(&fixture.builder, &fixture.schema, 64, NULL), WEND_OK);
    char *text = padded("{\"t\":\"x\"}", 9);
    wendi_message message = {.payload = text, .length = 9, .partition = 0, .position = 1234,
                             .timestamp_us = INT64_C(1735689600) * 1000000, .key_present = true, .key = {"k1", 2},
                             .headers = headers, .header_count = 3};
    wendi_decode_outcome outcome;
    assert_int_equal(wendi_json_decode(fixture.decoder, &message, &origin, &fixture.builder, &outcome, NULL), WEND_OK);
    assert_int_equal(outcome, WENDI_DECODE_ROW);
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        show(&fixture, kafka[i].name, shown);
        assert_string_equal(shown, want[i]);
    }
    message = (wendi_message){.payload = text, .length = 9, .position = 77, .timestamp_us = INT64_MIN};
    assert_int_equal(wendi_json_decode(fixture.decoder, &message, &file, &fixture.builder, &outcome, NULL), WEND_OK);
    show(&fixture, "topic", shown);
    assert_string_equal(shown, "logs/a.ndjson");
    show(&fixture, "key", shown);
    assert_string_equal(shown, "null");
    show(&fixture, "offset", shown);
    assert_string_equal(shown, "77");
    message.key_present = true;
    message.key = (wendi_string){"\xff", 1};
    assert_int_equal(wendi_json_decode(fixture.decoder, &message, &file, &fixture.builder, &outcome, NULL), WEND_OK);
    assert_int_equal(outcome, WENDI_DECODE_REJECTED);
    message.payload = NULL;
    assert_int_equal(wendi_json_decode(fixture.decoder, &message, &file, &fixture.builder, &outcome, NULL), WEND_OK);
    assert_int_equal(outcome, WENDI_DECODE_TOMBSTONE);
    free(text);
    close_fixture(&fixture);
}

/* ---- any document ----------------------------------------------------------------------------- */

static uint64_t next_random(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = *state;
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* Members in random order, some left out, some broken, some bytes flipped at last. */
static size_t random_document(uint64_t *seed, char *out)
{
    static const char *const members[] = {
        "\"t\":\"abc\"", "\"t\":12", "\"i\":5", "\"i\":\"7\"", "\"i\":1e2", "\"n\":12.5", "\"n\":1.234", "\"d\":2.5e-3",
        "\"o\":true", "\"ts\":\"2025-01-31T10:00:00Z\"", "\"geo\":{\"country\":\"IN\",\"lat\":1}", "\"geo\":{\"lat\":1,\"country\":\"IN\"}",
        "\"x\":{\"y\":1}", "\"z\":2", "\"w\":[3]", "\"j\":{\"k\":[1,2,{}]}", "\"j\":\"s\\n\"", "\"soft\":[]", "\"unknown\":\"zzz\"",
        "\"unknown2\":{\"a\":{\"b\":[]}}", "\"deep\":{\"a\":{\"b\":{\"city\":\"X\",\"q\":0}}}", "\"\\u0074\":\"esc\"", "\"ems\":1735689600123",
        "\"u\":\"123e4567-e89b-12d3-a456-426614174000\"", "\"ip\":\"10.0.0.1\"", "\"r\":0.1", "\"s\":99999", "\"v\":\"toolong\""};
    size_t length = 0;
    uint32_t count = (uint32_t)(next_random(seed) % 9);
    out[length++] = '{';
    for (uint32_t i = 0; i < count; i++) {
        const char *member = members[next_random(seed) % (sizeof members / sizeof members[0])];
        if (i != 0) {
            out[length++] = ',';
        }
        if (next_random(seed) % 8 == 0) {
            out[length++] = ' ';
        }
        memcpy(out + length, member, strlen(member));
        length += strlen(member);
    }
    out[length++] = '}';
    while (next_random(seed) % 4 == 0) {
        out[next_random(seed) % length] = (char)next_random(seed);
    }
    if (next_random(seed) % 16 == 0) {
        length = next_random(seed) % (length + 1);
    }
    return length;
}

static void test_prediction_changes_nothing(void **state)
{
    uint64_t seed = 20260101;
    uint32_t rows = 0;
    uint32_t with_rest = 0;
    (void)state;
    for (int mode = 0; mode < 3; mode++) {
        decoder_fixture learnt;
        decoder_fixture general;
        open_fixture(&learnt, (wendi_duplicate_key)mode);
        open_fixture(&general, (wendi_duplicate_key)mode);
        wendi_json_decoder_set_prediction(general.decoder, false);
        for (int i = 0; i < 40000; i++) {
            char document[2048];
            char left[512];
            char right[512];
            size_t length = random_document(&seed, document);
            wendi_row_builder_reset(&learnt.builder);
            wendi_row_builder_reset(&general.builder);
            wendi_decode_outcome outcome = decode(&learnt, document, length);
            assert_int_equal(outcome, decode(&general, document, length));
            if (outcome == WENDI_DECODE_REJECTED) {
                assert_string_equal(wendi_json_decoder_reject(learnt.decoder)->reason,
                                    wendi_json_decoder_reject(general.decoder)->reason);
                continue;
            }
            rows++;
            char *copy = padded(document, length);
            const char *why;
            assert_int_equal(wendi_json_validate(copy, length, NULL), WENDI_JSON_GOOD);
            assert_int_equal(wendi_check_json((wendi_string){copy, (uint32_t)length}, &why), WEND_OK);
            free(copy);
            for (size_t c = 0; c < COLUMNS; c++) {
                show(&learnt, columns[c].name, left);
                show(&general, columns[c].name, right);
                assert_string_equal(left, right);
            } /* `left` is _rest now */
            assert_int_equal(wendi_check_json(wendi_string_of(left), &why), WEND_OK);
            with_rest += strcmp(left, "null") != 0;
        }
        assert_true(wendi_json_decoder_counters(learnt.decoder).key_hits > 1000);
        assert_int_equal(wendi_json_decoder_counters(general.decoder).key_hits, 0);
        close_fixture(&learnt);
        close_fixture(&general);
    }
    assert_true(rows > 10000);
    assert_true(with_rest > 1000);
}

/* Texts close to valid, judged by the validator and by engine/column's own. */
static void test_validator_against_another(void **state)
{
    static const char alphabet[] = "{}[]\",:0123456789-+.eEtruefalsn \\u/\xc3\xa9\xff\x01";
    uint64_t seed = 7;
    uint32_t good = 0;
    (void)state;
    for (int i = 0; i < 300000; i++) {
        char text[2048];
        size_t length = next_random(&seed) % 2 == 0 ? random_document(&seed, text) : next_random(&seed) % 12;
        if (length < 12 && text[0] != '{') {
            for (size_t k = 0; k < length; k++) {
                text[k] = alphabet[next_random(&seed) % (sizeof alphabet - 1)];
            }
        }
        const char *why = NULL;
        bool theirs = wendi_check_json((wendi_string){text, (uint32_t)length}, &why) == WEND_OK;
        bool ours = wendi_json_validate(text, length, NULL) == WENDI_JSON_GOOD;
        if (ours != theirs) {
            fail_msg("judged differently: %.*s", (int)length, text);
        }
        good += ours;
    }
    assert_true(good > 10000);
}

static void test_refused_memory(void **state)
{
    (void)state;
    const char *document = "{\"t\":\"\\u0041 long enough to need scratch\",\"j\":{\"a\":1},\"new key\":1,\"geo\":{\"country\":\"x\"}}";
    int refused = 0;
    for (int64_t calls = 0; calls < 200; calls++) {
        decoder_fixture fixture;
        wendi_decode_outcome outcome = WENDI_DECODE_ROW;
        test_schema_make(&fixture.schema, columns, COLUMNS);
        fixture.schema.rest_column = COLUMNS - 1;
        assert_int_equal(wendi_row_builder_init(&fixture.builder, &fixture.schema, 8, NULL), WEND_OK);
        char *copy = padded(document, strlen(document));
        wendi_message message = {.payload = copy, .length = (uint32_t)strlen(document), .timestamp_us = INT64_MIN};
        wendi_alloc_refuse_at(calls);
        wend_status status = wendi_json_decoder_open(&fixture.schema, &fixture.decoder, NULL);
        if (status == WEND_OK) {
            status = wendi_json_decode(fixture.decoder, &message, NULL, &fixture.builder, &outcome, NULL);
        }
        wendi_alloc_refuse_at(-1);
        refused += status == WEND_NOMEM;
        assert_true(status == WEND_OK || status == WEND_NOMEM);
        if (status == WEND_NOMEM) {
            assert_int_equal(fixture.builder.row_count, 0);
        }
        if (status == WEND_NOMEM && fixture.decoder != NULL) { /* the same message again, memory being back */
            assert_int_equal(wendi_json_decode(fixture.decoder, &message, NULL, &fixture.builder, &outcome, NULL), WEND_OK);
        }
        if (fixture.decoder != NULL) {
            assert_int_equal(outcome, WENDI_DECODE_ROW);
            assert_int_equal(fixture.builder.row_count, 1);
        }
        free(copy);
        close_fixture(&fixture);
    }
    assert_true(refused > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hazards),
        cmocka_unit_test(test_nul_and_lengths),
        cmocka_unit_test(test_nesting),
        cmocka_unit_test(test_duplicate_options),
        cmocka_unit_test(test_left_over),
        cmocka_unit_test(test_counters_and_unknown_keys),
        cmocka_unit_test(test_kinds_of_unknown_values),
        cmocka_unit_test(test_not_null_and_retention),
        cmocka_unit_test(test_kafka_columns),
        cmocka_unit_test(test_prediction_changes_nothing),
        cmocka_unit_test(test_validator_against_another),
        cmocka_unit_test(test_refused_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
