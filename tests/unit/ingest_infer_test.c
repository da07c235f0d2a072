/* Guessed schemas: types and roles of made-up lines, limits, and the real streams, whose guessed
 * tables must take every event. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/base/alloc.h"
#include "engine/base/compress.h"
#include "engine/column/builder.h"
#include "engine/expr/table_ddl.h"
#include "ingest/infer.h"
#include "ingest/json_decoder.h"

typedef struct guess {
    wendi_schema *schema;
    char *ddl;
    wendi_infer_counts counts;
} guess;

/* The guess from these lines, read back: whatever is written must parse. */
static guess guess_lines(const char *const *lines, size_t count, uint32_t columns_max)
{
    guess result = {0};
    wend_error error = {.message = ""};
    wendi_infer *infer = NULL;
    wendi_buffer out = {0};
    wendi_infer_options options = {.table = wendi_string_of("events"),
                                   .source = wendi_string_of("a\nb"),
                                   .columns_max = columns_max};
    assert_int_equal(wendi_infer_open(&options, &infer, &error), WEND_OK);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(wendi_infer_line(infer, lines[i], strlen(lines[i])), WEND_OK);
    }
    if (wendi_infer_write(infer, &out, &error) != WEND_OK) {
        fail_msg("%s", error.message);
    }
    assert_int_equal(wendi_buffer_u8(&out, 0), WEND_OK);
    result.ddl = (char *)out.data;
    if (wendi_schema_parse(result.ddl, &result.schema, &error) != WEND_OK) {
        fail_msg("%s\n%s", result.ddl, error.message);
    }
    result.counts = wendi_infer_count(infer);
    wendi_infer_close(infer);
    return result;
}

static void drop(guess *result)
{
    wendi_schema_free(result->schema);
    wendi_free(result->ddl);
}

static const wendi_column *find(const guess *result, const char *name)
{
    uint32_t index = wendi_schema_find(result->schema, wendi_string_of(name));
    if (index == WENDI_NO_COLUMN) {
        fail_msg("no column %s in\n%s", name, result->ddl);
    }
    return &result->schema->columns[index];
}

static void assert_type(const guess *result, const char *column, const char *type)
{
    char name[40];
    wendi_type_name(find(result, column)->type, name);
    if (strcmp(name, type) != 0) {
        fail_msg("%s is %s, not %s", column, name, type);
    }
}

static void types_follow_the_values(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "{\"b\":true,\"i\":1,\"big\":123456789012345678901234567890,\"f\":1.5,\"price\":12.5,\"s\":"
        "\"x\",\"u\":\"550e8400-e29b-41d4-a716-446655440000\","
        "\"client_ip\":\"10.0.0.1\",\"version\":\"1.2.3.4\",\"d\":\"2024-01-31\",\"when\":\"2024-"
        "01-31T10:00:00Z\",\"local_time\":\"2024-01-31 10:00:00\","
        "\"log\":\"10/Oct/2000:13:55:36 "
        "-0700\",\"arr\":[1,2],\"o\":{\"x\":1,\"y\":{\"z\":\"q\"}},\"none\":null,\"mixed\":1,"
        "\"odd\":1,\"e\":{},"
        "\"int_then_real\":1,\"ms\":1700000000000,\"event_ms_time\":1700000000000,\"us_ts\":"
        "1700000000000000,\"s_epoch\":1700000000.25,"
        "\"empty_or_uuid\":\"550e8400-e29b-41d4-a716-446655440000\",\"ts_str\":\"1700000000\","
        "\"exp\":1e3,\"small_time\":12,\"num_id\":\"17\"}",
        "{\"b\":false,\"i\":-7,\"big\":1,\"f\":-2,\"price\":3,\"s\":\"\",\"u\":\"00000000-0000-"
        "0000-0000-000000000000\",\"client_ip\":\"::1\","
        "\"version\":\"1.2.3.5\",\"d\":\"2024-02-29\",\"when\":\"2024-01-31T10:00:00.5+02:00\","
        "\"local_time\":\"2024-01-31T10:00:00Z\","
        "\"log\":\"11/Oct/2000:13:55:36 "
        "+0000\",\"arr\":[],\"o\":{\"x\":2,\"y\":{\"z\":null}},\"none\":null,\"mixed\":\"a\","
        "\"odd\":[1],\"e\":{},"
        "\"int_then_real\":0.5,\"ms\":1700000000001,\"event_ms_time\":1700000000001,\"us_ts\":"
        "1700000000000001,\"s_epoch\":1700000001,"
        "\"empty_or_uuid\":\"\",\"ts_str\":\"1700000001\",\"exp\":2,\"small_time\":13,\"num_id\":"
        "\"18\"}",
    };
    static const char *const types[][2] = {{"b", "boolean"},
                                           {"i", "bigint"},
                                           {"big", "text"},
                                           {"f", "double precision"},
                                           {"price", "numeric(18,2)"},
                                           {"s", "text"},
                                           {"u", "uuid"},
                                           {"client_ip", "inet"},
                                           {"version", "text"},
                                           {"d", "date"},
                                           {"when", "timestamptz"},
                                           {"local_time", "timestamptz"},
                                           {"log", "timestamptz"},
                                           {"arr", "jsonb"},
                                           {"o.x", "bigint"},
                                           {"o.y.z", "text"},
                                           {"none", "jsonb"},
                                           {"mixed", "text"},
                                           {"odd", "jsonb"},
                                           {"e", "jsonb"},
                                           {"int_then_real", "double precision"},
                                           {"ms", "bigint"},
                                           {"event_ms_time", "timestamptz"},
                                           {"us_ts", "timestamptz"},
                                           {"s_epoch", "timestamptz"},
                                           {"empty_or_uuid", "text"},
                                           {"ts_str", "text"},
                                           {"exp", "double precision"},
                                           {"small_time", "bigint"},
                                           {"num_id", "text"}};
    guess result = guess_lines(lines, 2, 0);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        assert_type(&result, types[i][0], types[i][1]);
    }
    assert_int_equal(result.counts.columns, sizeof types / sizeof types[0]);
    assert_int_equal(find(&result, "event_ms_time")->time_format, WENDI_TIME_EPOCH_MS);
    assert_int_equal(find(&result, "us_ts")->time_format, WENDI_TIME_EPOCH_US);
    assert_int_equal(find(&result, "s_epoch")->time_format, WENDI_TIME_EPOCH_S);
    assert_int_equal(find(&result, "log")->time_format, WENDI_TIME_PATTERN);
    assert_int_equal(find(&result, "local_time")->timezone.length, 3);
    drop(&result);
}

static void roles_are_recognised(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "{\"eventId\":\"a\",\"userId\":1,\"sent_at\":\"2024-01-31T10:00:00Z\",\"timestamp\":\"2024-"
        "01-31T10:00:00Z\",\"event_type\":\"x\"}",
        "{\"eventId\":\"b\",\"userId\":1,\"sent_at\":\"2024-01-31T10:00:00Z\",\"timestamp\":\"2024-"
        "01-31T10:00:01Z\",\"event_type\":\"y\"}",
        "{\"eventId\":\"b\",\"userId\":1,\"sent_at\":\"2024-01-31T10:00:00Z\",\"event_type\":"
        "\"y\"}",
    };
    guess result = guess_lines(lines, 2, 0);
    const wendi_schema *schema = result.schema;
    assert_ptr_equal(&schema->columns[schema->time_column], find(&result, "timestamp"));
    assert_true(schema->columns[schema->time_column].not_null);
    assert_ptr_equal(&schema->columns[schema->user_column], find(&result, "userId"));
    assert_ptr_equal(&schema->columns[schema->event_column], find(&result, "event_type"));
    assert_int_equal(schema->unique_count, 0); /* two lines prove nothing */
    drop(&result);
    result = guess_lines(lines, 3, 0);
    assert_non_null(strstr(result.ddl, "the other 1 will be rejected"));
    drop(&result);
}

static void unique_ids_are_recognised(void **state)
{
    (void)state;
    char *lines[40];
    for (int i = 0; i < 40; i++) {
        lines[i] = malloc(96);
        snprintf(lines[i], 96, "{\"event_id\":\"e%d\",\"id\":%d,\"page_id\":%d}", i, i, i / 2);
    }
    guess result = guess_lines((const char *const *)lines, 40, 0);
    assert_int_equal(result.schema->unique_count, 1);
    assert_int_equal(result.schema->uniques[0].columns[0], 0);
    assert_non_null(strstr(result.ddl, "add UNIQUE"));
    drop(&result);
    snprintf(lines[39], 64, "{\"event_id\":\"e1\",\"id\":1,\"page_id\":2}");
    result = guess_lines((const char *const *)lines, 40, 0);
    assert_int_equal(result.schema->unique_count, 0);
    drop(&result);
    for (int i = 0; i < 40; i++) {
        free(lines[i]);
    }
}

static void names_and_paths_survive(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "{\"order\":1,\"User\":2,\"a.b\":3,\"a\":{\"b\":4,\"c\":5,\"\":6},\"\":7,\"q\\\"\\\\\":8,"
        "\"$set\":9,\"it's|y\":10,\"n\\nl\":11,\"ünï\":12,"
        "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\""
        ":13,"
        "\"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\":{\"cccccccccccccccccccccccccccccccccccccc\":14},"
        "\"\\u0074s\":15}"};
    wend_error error;
    guess result = guess_lines(lines, 1, 0);
    wendi_row_builder builder;
    wendi_json_decoder *decoder = NULL;
    wendi_decode_outcome outcome = WENDI_DECODE_REJECTED;
    char *padded = calloc(1, strlen(lines[0]) + WENDI_MESSAGE_PADDING);
    memcpy(padded, lines[0], strlen(lines[0]));
    wendi_message message = {
        .payload = padded, .length = (uint32_t)strlen(lines[0]), .timestamp_us = INT64_MIN};
    assert_int_equal(result.schema->column_count, 15);
    assert_int_equal(wendi_row_builder_init(&builder, result.schema, 16, &error), WEND_OK);
    assert_int_equal(wendi_json_decoder_open(result.schema, &decoder, &error), WEND_OK);
    assert_int_equal(wendi_json_decode(decoder, &message, NULL, &builder, &outcome, &error),
                     WEND_OK);
    assert_int_equal(outcome, WENDI_DECODE_ROW);
    assert_int_equal(wendi_json_decoder_counters(decoder).unknown_values, 0);
    for (uint32_t i = 0; i < result.schema->column_count; i++) {
        assert_int_equal(builder.columns[i].i64[0], i + 1); /* each path leads to its own value */
    }
    wendi_json_decoder_close(decoder);
    wendi_row_builder_free(&builder);
    free(padded);
    drop(&result);
}

static void data_keys_stay_together(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "{\"zones\":{\"a.example.org\":{\"n\":1},\"b.example.org\":{\"n\":2}},\"by_id\":{\"17\":1,"
        "\"18\":2},\"plain\":{\"x\":1,\"y-z\":2}}"};
    guess result = guess_lines(lines, 1, 0);
    assert_type(&result, "zones", "jsonb");
    assert_type(&result, "by_id", "jsonb");
    assert_type(&result, "plain.x", "bigint");
    assert_type(&result, "plain.y-z", "bigint");
    drop(&result);
}

static void columns_are_bounded(void **state)
{
    (void)state;
    wendi_buffer line = {0};
    assert_int_equal(wendi_buffer_printf(&line, "{\"top\":1"), WEND_OK);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(
            wendi_buffer_printf(
                &line, ",\"o%c\":{\"a\":1,\"b\":2,\"deep\":{\"c\":1,\"d\":2,\"e\":3}}", 'a' + i),
            WEND_OK);
    }
    assert_int_equal(wendi_buffer_append(&line, "}\0", 2), WEND_OK);
    const char *text = (const char *)line.data;
    guess result = guess_lines(&text, 1, 0);
    assert_int_equal(result.schema->column_count, 101);
    drop(&result);
    result = guess_lines(&text, 1, 70);
    assert_in_range(result.schema->column_count, 60, 70);
    assert_type(&result, "oa.deep", "jsonb");
    assert_type(&result, "oa.a", "bigint");
    drop(&result);
    result = guess_lines(&text, 1, 5); /* the document itself has 21 keys */
    assert_int_equal(result.schema->column_count, 21);
    drop(&result);
    wendi_buffer_free(&line);
}

static void many_keys_do_not_grow_without_end(void **state)
{
    (void)state;
    wendi_buffer line = {0};
    assert_int_equal(wendi_buffer_printf(&line, "{\"map\":{\"k\":0"), WEND_OK);
    for (int i = 0; i < 30000; i++) {
        assert_int_equal(wendi_buffer_printf(&line, ",\"key%c%c%c%c\":%d", 'a' + i % 26,
                                             'a' + i / 26 % 26, 'a' + i / 676 % 26, 'a' + i / 17576,
                                             i),
                         WEND_OK);
    }
    assert_int_equal(wendi_buffer_printf(&line, "}"), WEND_OK);
    for (int i = 0; i < 3000; i++) {
        assert_int_equal(wendi_buffer_printf(&line, ",\"r%d\":1", i), WEND_OK);
    }
    assert_int_equal(wendi_buffer_append(&line, "}\0", 2), WEND_OK);
    const char *text = (const char *)line.data;
    guess result = guess_lines(&text, 1, 0);
    assert_type(&result, "map", "jsonb");
    assert_in_range(result.schema->column_count, 900, 1000);
    assert_non_null(strstr(result.ddl, "the others have no column"));
    drop(&result);
    wendi_buffer_free(&line);
}

static void broken_lines_are_counted(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "{\"a\":1}", "", "  ", "{\"a\":", "[1]", "nonsense", "{\"a\":1} x", "{\"a\":1}"};
    guess result = guess_lines(lines, sizeof lines / sizeof lines[0], 0);
    assert_int_equal(result.counts.lines, 6);
    assert_int_equal(result.counts.broken, 4);
    assert_non_null(strstr(result.ddl, "-- 4 of them hold no JSON object"));
    assert_non_null(strstr(result.ddl, "-- 1 of them repeat an earlier line"));
    drop(&result);
    wendi_infer *infer = NULL;
    wend_error error;
    wendi_buffer out = {0};
    assert_int_equal(
        wendi_infer_open(&(wendi_infer_options){.table = wendi_string_of("t")}, &infer, &error),
        WEND_OK);
    assert_int_equal(wendi_infer_line(infer, "[]", 2), WEND_OK);
    assert_int_equal(wendi_infer_line(infer, "{}", 2), WEND_OK);
    assert_int_equal(wendi_infer_write(infer, &out, &error), WEND_INVALID);
    wendi_infer_close(infer);
    wendi_buffer_free(&out);
}

static void refused_memory_is_reported(void **state)
{
    (void)state;
    wend_status status = WEND_NOMEM;
    const char *line = "{\"a\":1,\"b\":{\"c\":\"x\\n\",\"d\":[1]},\"ts\":\"2024-01-01T00:00:00Z\","
                       "\"user_id\":\"u\"}";
    for (int64_t calls = 0; status != WEND_OK; calls++) {
        wendi_infer *infer = NULL;
        wendi_buffer out = {0};
        wend_error error;
        wendi_alloc_refuse_at(calls);
        status =
            wendi_infer_open(&(wendi_infer_options){.table = wendi_string_of("t")}, &infer, &error);
        if (status == WEND_OK) {
            status = wendi_infer_line(infer, line, strlen(line));
        }
        if (status == WEND_OK) {
            status = wendi_infer_write(infer, &out, &error);
        }
        wendi_alloc_refuse_at(-1);
        assert_true(status == WEND_OK || status == WEND_NOMEM);
        wendi_infer_close(infer);
        wendi_buffer_free(&out);
    }
}

/* ---- real streams
 * -------------------------------------------------------------------------------- */

static char *read_zst(const char *name, size_t *length)
{
    const char *shared = getenv("WEND_TEST_SHARED");
    char path[4096];
    snprintf(path, sizeof path, "%s/data/%s.ndjson.zst", shared != NULL ? shared : "../shared",
             name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        printf("skipped: %s is not there\n", path);
        return NULL;
    }
    size_t capacity = 64u << 20;
    char *text = malloc(capacity + WENDI_MESSAGE_PADDING);
    char *packed = malloc(8u << 20);
    size_t packed_length = fread(packed, 1, 8u << 20, file);
    size_t in_at = 0;
    wendi_decompress_stream *stream = NULL;
    bool done = false;
    fclose(file);
    *length = 0;
    assert_int_equal(wendi_decompress_stream_open(&stream, NULL), WEND_OK);
    while (in_at < packed_length) {
        assert_int_equal(wendi_decompress_stream_next(stream, packed, packed_length, &in_at, text,
                                                      capacity, length, &done),
                         WEND_OK);
    }
    wendi_decompress_stream_close(stream);
    free(packed);
    memset(text + *length, 0, WENDI_MESSAGE_PADDING);
    return text;
}

typedef struct stream_case {
    const char *name;
    uint64_t lines;
    uint64_t broken;
    uint64_t without_time;
    const char *user; /* expected roles; NULL: none */
    const char *time;
    const char *event;
} stream_case;

static const stream_case STREAMS[] = {
    {"usagov-clicks", 120000, 1, 3166, NULL, "t", NULL},
    {"wikipedia-edits", 39244, 0, 0, "user", "time", NULL},
    {"mobile-app", 30943, 0, 0, "user_pseudo_id", "event_timestamp", "event_name"},
    {"github-events", 800, 0, 0, "actor.id", "created_at", "type"},
    {"nginx-plus", 500, 0, 0, NULL, "timestamp", NULL},
};

static void assert_role(const wendi_schema *schema, uint32_t column, const char *name)
{
    assert_int_equal(column == WENDI_NO_COLUMN, name == NULL);
    if (name != NULL) {
        assert_true(wendi_string_equal(schema->columns[column].name, wendi_string_of(name)));
    }
}

/* Every line through the decoder: only broken lines and those without a time may be refused. */
static void take_all(const stream_case *stream, const wendi_schema *schema, const char *text,
                     size_t length)
{
    wend_error error;
    wendi_row_builder builder;
    wendi_json_decoder *decoder = NULL;
    uint64_t broken = 0;
    uint64_t without_time = 0;
    assert_int_equal(wendi_row_builder_init(&builder, schema, 1024, &error), WEND_OK);
    assert_int_equal(wendi_json_decoder_open(schema, &decoder, &error), WEND_OK);
    for (const char *at = text; at < text + length;) {
        const char *end = memchr(at, '\n', (size_t)(text + length - at));
        end = end != NULL ? end : text + length;
        wendi_message message = {
            .payload = at, .length = (uint32_t)(end - at), .timestamp_us = INT64_MIN};
        wendi_decode_outcome outcome;
        if (builder.row_count == 1024) {
            wendi_row_builder_reset(&builder);
        }
        assert_int_equal(wendi_json_decode(decoder, &message, NULL, &builder, &outcome, &error),
                         WEND_OK);
        if (outcome == WENDI_DECODE_REJECTED) {
            const wendi_reject *reject = wendi_json_decoder_reject(decoder);
            broken += reject->kind == WENDI_REJECT_JSON;
            without_time +=
                reject->kind == WENDI_REJECT_NOT_NULL && reject->column == schema->time_column;
            if (reject->kind != WENDI_REJECT_JSON && reject->kind != WENDI_REJECT_NOT_NULL) {
                fail_msg("%s: %s", stream->name, reject->reason);
            }
        }
        at = end + 1;
    }
    assert_int_equal(broken, stream->broken);
    assert_int_equal(without_time, stream->without_time);
    assert_int_equal(wendi_json_decoder_counters(decoder).rows,
                     stream->lines - broken - without_time);
    assert_int_equal(wendi_json_decoder_counters(decoder).unknown_values, 0);
    wendi_json_decoder_close(decoder);
    wendi_row_builder_free(&builder);
}

static void guess_stream(const stream_case *stream)
{
    size_t length = 0;
    wend_error error = {.message = ""};
    wendi_infer *infer = NULL;
    wendi_buffer out = {0};
    wendi_schema *schema = NULL;
    char *text = read_zst(stream->name, &length);
    if (text == NULL) {
        skip();
    }
    assert_int_equal(wendi_infer_open(&(wendi_infer_options){.table = wendi_string_of("events")},
                                      &infer, &error),
                     WEND_OK);
    for (const char *at = text; at < text + length;) {
        const char *end = memchr(at, '\n', (size_t)(text + length - at));
        end = end != NULL ? end : text + length;
        assert_int_equal(wendi_infer_line(infer, at, (size_t)(end - at)), WEND_OK);
        at = end + 1;
    }
    if (wendi_infer_write(infer, &out, &error) != WEND_OK) {
        fail_msg("%s: %s", stream->name, error.message);
    }
    assert_int_equal(wendi_buffer_u8(&out, 0), WEND_OK);
    assert_int_equal(wendi_infer_count(infer).lines, stream->lines);
    assert_int_equal(wendi_infer_count(infer).broken, stream->broken);
    assert_int_equal(wendi_schema_parse((const char *)out.data, &schema, &error), WEND_OK);
    assert_true(schema->column_count <= WENDI_INFER_COLUMNS_DEFAULT);
    assert_role(schema, schema->user_column, stream->user);
    assert_role(schema, schema->time_column, stream->time);
    assert_role(schema, schema->event_column, stream->event);
    take_all(stream, schema, text, length);
    wendi_schema_free(schema);
    wendi_infer_close(infer);
    wendi_buffer_free(&out);
    free(text);
}

static void usagov(void **state)
{
    (void)state;
    guess_stream(&STREAMS[0]);
}

static void wikipedia(void **state)
{
    (void)state;
    guess_stream(&STREAMS[1]);
}

static void mobile_app(void **state)
{
    (void)state;
    guess_stream(&STREAMS[2]);
}

static void github(void **state)
{
    (void)state;
    guess_stream(&STREAMS[3]);
}

static void nginx(void **state)
{
    (void)state;
    guess_stream(&STREAMS[4]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_follow_the_values),
        cmocka_unit_test(roles_are_recognised),
        cmocka_unit_test(unique_ids_are_recognised),
        cmocka_unit_test(names_and_paths_survive),
        cmocka_unit_test(data_keys_stay_together),
        cmocka_unit_test(columns_are_bounded),
        cmocka_unit_test(many_keys_do_not_grow_without_end),
        cmocka_unit_test(broken_lines_are_counted),
        cmocka_unit_test(refused_memory_is_reported),
        cmocka_unit_test(usagov),
        cmocka_unit_test(wikipedia),
        cmocka_unit_test(mobile_app),
        cmocka_unit_test(github),
        cmocka_unit_test(nginx),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
