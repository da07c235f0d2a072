/*
 * The text forms of all types. The first byte chooses a type, the rest is the text. What is taken must print, and what
 * was printed must read back as an equal value and print the same.
 */
#include <math.h>
#include <stdlib.h>

#include "engine/column/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void print(const wendi_value *value, const wendi_timezone *zone, wendi_buffer *out)
{
    out->length = 0;
    require(wendi_value_format(value, zone, out) == WEND_OK);
}

static void go_there_and_back(wendi_type type, wendi_string text)
{
    wendi_value value;
    wendi_value back;
    wendi_buffer first = {0};
    wendi_buffer second = {0};
    const char *reason = NULL;
    const wendi_timezone *zone = wendi_timezone_utc();
    if (wendi_value_parse(type, text, zone, &value, &reason) != WEND_OK) {
        require(reason != NULL);
        return;
    }
    print(&value, zone, &first);
    require(wendi_value_parse(type, (wendi_string){(const char *)first.data, (uint32_t)first.length}, zone, &back, &reason) ==
            WEND_OK);
    require(wendi_value_compare(&value, &back) == 0);
    require(type.kind == WENDI_TYPE_INTERVAL || wendi_value_hash(&value) == wendi_value_hash(&back));
    print(&back, zone, &second);
    require(first.length == second.length && (first.length == 0 || memcmp(first.data, second.data, first.length) == 0));
    wendi_buffer_free(&first);
    wendi_buffer_free(&second);
}

static void follow_pattern(const uint8_t *data, size_t size)
{
    size_t split = size == 0 ? 0 : data[0] % size;
    wendi_string pattern = {(const char *)data, (uint32_t)split};
    wendi_string text = {(const char *)data + split, (uint32_t)(size - split)};
    int64_t us = 0;
    wend_status known = wendi_check_time_pattern(pattern, NULL, NULL);
    wend_status status = wendi_parse_timestamp_pattern(text, pattern, wendi_timezone_utc(), &us, NULL);
    require(status != WEND_OK || known == WEND_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        go_there_and_back(wendi_type_of(WENDI_TYPE_BIGINT), (wendi_string){NULL, 0});
        return 0;
    }
    uint8_t choice = data[0];
    char *exact = malloc(size); /* so that a read beyond the end is seen */
    memcpy(exact, data + 1, size - 1);
    wendi_string text = {exact, (uint32_t)(size - 1)};
    wendi_type type = wendi_type_of((wendi_type_kind)(choice % WENDI_TYPE_KIND_COUNT));
    if (type.kind == WENDI_TYPE_NUMERIC) {
        type.precision = (uint8_t)(choice / 16 * 2 + 8);
        type.scale = (uint8_t)(choice / 16 % 8);
    } else if (type.kind == WENDI_TYPE_TEXT) {
        type.length_max = choice / 16;
    }
    if (choice == 255) {
        follow_pattern((const uint8_t *)exact, size - 1);
    } else if (type.kind != WENDI_TYPE_NULL) {
        go_there_and_back(type, text);
    }
    free(exact);
    return 0;
}
