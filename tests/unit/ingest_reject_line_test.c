/*
 * Lines of rejects: whatever a message came with comes back from its line, byte for byte, and lines of other times
 * are read, too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "ingest/json_scan.h"
#include "ingest/rejects.h"
#include "tests/support/segment_fixture.h"

enum { ROUNDS = 4000, BYTES_MAX = 60, HEADERS_MAX = 4 };

/* Any bytes, or text, or text that JSON has to escape. */
static wendi_string random_bytes_of(wendi_arena *arena, uint64_t *random)
{
    static const char *const pieces[] = {"a", "é", "\"", "\\", "\n", "\x01", "𝄞", "null", "{", "]"};
    uint32_t length = (uint32_t)random_below(random, BYTES_MAX);
    bool text = random_below(random, 2) == 0;
    wendi_buffer out = {0};
    while (out.length < length) {
        const char *piece = pieces[random_below(random, sizeof pieces / sizeof pieces[0])];
        char byte = (char)random_below(random, 256);
        assert_int_equal(text ? wendi_buffer_append(&out, piece, strlen(piece)) : wendi_buffer_append(&out, &byte, 1),
                         WEND_OK);
    }
    char *copy = wendi_arena_copy(arena, (const char *)out.data, out.length);
    wendi_string result = {copy, (uint32_t)out.length};
    wendi_buffer_free(&out);
    return result;
}

static wendi_message random_message(wendi_arena *arena, uint64_t *random)
{
    wendi_string payload = random_bytes_of(arena, random);
    wendi_message message = {.payload = payload.data,
                             .length = payload.length,
                             .position = (int64_t)(random_next(random) >> 1),
                             .timestamp_us = INT64_MIN};
    if (random_below(random, 2) == 0) {
        message.timestamp_us = (int64_t)(random_next(random) >> 2) * (random_below(random, 2) == 0 ? 1 : -1);
    }
    if (random_below(random, 2) == 0) {
        message.key_present = true;
        message.key = random_bytes_of(arena, random);
    }
    message.header_count = (uint32_t)random_below(random, HEADERS_MAX);
    wendi_message_header *headers = wendi_arena_alloc(arena, HEADERS_MAX * sizeof *headers);
    for (uint32_t i = 0; i < message.header_count; i++) {
        headers[i].name = random_bytes_of(arena, random);
        headers[i].value = random_below(random, 4) == 0 ? (wendi_string){NULL, 0} : random_bytes_of(arena, random);
    }
    message.headers = headers;
    return message;
}

static void check_same(const wendi_message *sent, const wendi_message *read)
{
    assert_int_equal(read->length, sent->length);
    assert_memory_equal(read->payload, sent->payload, sent->length);
    assert_true(read->position == sent->position && read->timestamp_us == sent->timestamp_us);
    assert_int_equal(read->key_present, sent->key_present);
    assert_true(wendi_string_equal(read->key, sent->key));
    assert_int_equal(read->header_count, sent->header_count);
    for (uint32_t i = 0; i < sent->header_count; i++) {
        assert_true(wendi_string_equal(read->headers[i].name, sent->headers[i].name));
        assert_true(wendi_string_equal(read->headers[i].value, sent->headers[i].value));
        assert_int_equal(read->headers[i].value.data == NULL, sent->headers[i].value.data == NULL);
    }
}

static void what_a_message_came_with_comes_back(void **state)
{
    uint64_t random = 20260521;
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        wendi_arena arena = {0};
        wendi_buffer line = {0};
        wend_error error;
        wendi_reject_row row;
        bool typed = random_below(&random, 2) == 0;
        bool file = random_below(&random, 2) == 0;
        wendi_source_partition origin = {.topic = file ? "file:0011" : "clicks", .shown = "a \"b\".json", .partition = round};
        wendi_message message = random_message(&arena, &random);
        assert_int_equal(typed ? wendi_reject_render_typed(&message, &origin, "\"why\"", &line)
                               : wendi_reject_render(&message, &origin, "\"why\"", &line),
                         WEND_OK);
        assert_int_equal(line.data[line.length - 1], '\n');
        assert_null(memchr(line.data, '\n', line.length - 1));
        wendi_string text = {(const char *)line.data, (uint32_t)line.length - 1};
        assert_int_equal(wendi_reject_parse(text, &arena, &row, &error), WEND_OK);
        check_same(&message, &row.message);
        assert_true(wendi_string_equal(row.topic, wendi_string_of(origin.topic)));
        assert_int_equal(row.partition, round);
        assert_int_equal(row.typed, typed);
        assert_true(wendi_string_equal(row.path, wendi_string_of(file ? "a \"b\".json" : "")));
        assert_true(wendi_string_equal(row.reason, wendi_string_of("\"why\"")));
        wendi_buffer_free(&line);
        wendi_arena_free(&arena);
    }
}

static void lines_of_other_times_are_read(void **state)
{
    static const char old[] = "{\"topic\":\"clicks\",\"partition\":3,\"offset\":12,\"reason\":\"r\",\"raw_base64\":\"AP8=\"}";
    static const char later[] = "{\"colour\":[1,{\"x\":null}],\"topic\":\"t\",\"raw\":\"{}\",\"weight\":1.5,\"mood\":\"good\","
                                "\"offset\":1,\"partition\":0,\"reason\":\"\",\"typed\":false,\"none\":null}";
    wendi_arena arena = {0};
    wendi_reject_row row;
    (void)state;
    assert_int_equal(wendi_reject_parse(wendi_string_of(old), &arena, &row, NULL), WEND_OK);
    assert_int_equal(row.raw.length, 2);
    assert_memory_equal(row.raw.data, "\0\xff", 2);
    assert_true(row.message.timestamp_us == INT64_MIN && !row.message.key_present && row.message.header_count == 0);
    assert_int_equal(wendi_reject_parse(wendi_string_of(later), &arena, &row, NULL), WEND_OK);
    assert_false(row.typed);
    assert_int_equal(row.offset, 1);
    wendi_arena_free(&arena);
}

static void damaged_lines_are_refused(void **state)
{
    static const char *const lines[] = {
        "",
        "{",
        "{}x",
        "{\"offset\":1.5}",
        "{\"raw_base64\":\"A\"}",
        "{\"raw_base64\":\"A=A=\"}",
        "{\"headers\":[[\"a\",\"b\"]}",
        "{\"headers\":[[\"a\"]]}",
        "{\"headers\":[[\"a\",{\"base64\":\"AA\"}]]}",
        "{\"headers\":[[\"a\",{\"base64\":\"AAAA\"]]}",
        "{\"headers\":[[\"a\",nul]]}",
        "{\"topic\":\"a\"",
    };
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        wendi_arena arena = {0};
        wendi_reject_row row;
        if (wendi_reject_parse(wendi_string_of(lines[i]), &arena, &row, NULL) != WEND_CORRUPT) {
            fail_msg("taken: %s", lines[i]);
        }
        wendi_arena_free(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_message_came_with_comes_back),
        cmocka_unit_test(lines_of_other_times_are_read),
        cmocka_unit_test(damaged_lines_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
