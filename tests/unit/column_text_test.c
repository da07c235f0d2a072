/* The text forms of booleans, identifiers, addresses, JSON and limited text, and values compared and hashed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/hash.h"
#include "engine/column/value.h"

static const char *text_of(wendi_value value)
{
    static wendi_buffer buffers[4];
    static unsigned next;
    wendi_buffer *buffer = &buffers[next++ % 4];
    buffer->length = 0;
    assert_int_equal(wendi_value_format(&value, NULL, buffer), WEND_OK);
    assert_int_equal(wendi_buffer_u8(buffer, 0), WEND_OK);
    return (const char *)buffer->data;
}

static wendi_value parsed(wendi_type type, const char *text)
{
    wendi_value value;
    const char *reason = "";
    if (wendi_value_parse(type, wendi_string_of(text), NULL, &value, &reason) != WEND_OK) {
        fail_msg("%s: %s", text, reason);
    }
    return value;
}

static void check_text(wendi_type_kind kind, const char *text, const char *wanted)
{
    wendi_value value;
    const char *reason = NULL;
    wend_status status = wendi_value_parse(wendi_type_of(kind), wendi_string_of(text), NULL, &value, &reason);
    if (wanted == NULL) {
        if (status != WEND_INVALID || reason == NULL) {
            fail_msg("%s was taken", text);
        }
    } else {
        assert_string_equal(status == WEND_OK ? text_of(value) : reason, wanted);
    }
}

static void booleans(void **unused)
{
    (void)unused;
    static const char *const yes[] = {"t", "TRUE", "tr", "yes", "y", "on", "1", " true "};
    static const char *const no[] = {"f", "False", "fal", "no", "n", "off", "of", "0"};
    static const char *const refused[] = {"", "o", "2", "truee", "01", "yess", "null"};
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        check_text(WENDI_TYPE_BOOLEAN, yes[i], "true");
    }
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++) {
        check_text(WENDI_TYPE_BOOLEAN, no[i], "false");
    }
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        check_text(WENDI_TYPE_BOOLEAN, refused[i], NULL);
    }
}

static void identifiers(void **unused)
{
    (void)unused;
    const char *wanted = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";
    check_text(WENDI_TYPE_UUID, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", wanted);
    check_text(WENDI_TYPE_UUID, "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", wanted);
    check_text(WENDI_TYPE_UUID, "{a0eebc99-9c0b4ef8-bb6d6bb9-bd380a11}", wanted);
    check_text(WENDI_TYPE_UUID, "a0eebc999c0b4ef8bb6d6bb9bd380a11", wanted);
    check_text(WENDI_TYPE_UUID, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1", NULL);
    check_text(WENDI_TYPE_UUID, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a111", NULL);
    check_text(WENDI_TYPE_UUID, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1g", NULL);
    check_text(WENDI_TYPE_UUID, "a0e-ebc99-9c0b-4ef8-bb6d-6bb9bd380a11", NULL);
    check_text(WENDI_TYPE_UUID, "{a0eebc999c0b4ef8bb6d6bb9bd380a11", NULL);
    check_text(WENDI_TYPE_UUID, "", NULL);
    wendi_value value = parsed(wendi_type_of(WENDI_TYPE_UUID), wanted);
    assert_int_equal(((const uint8_t *)&value.b16)[0], 0xa0); /* as written */
    assert_int_equal(((const uint8_t *)&value.b16)[15], 0x11);
}

static void addresses(void **unused)
{
    (void)unused;
    check_text(WENDI_TYPE_INET, "192.168.0.1", "192.168.0.1");
    check_text(WENDI_TYPE_INET, "192.168.0.1/32", "192.168.0.1");
    check_text(WENDI_TYPE_INET, "2001:DB8:0:0:0:0:0:1", "2001:db8::1");
    check_text(WENDI_TYPE_INET, "::1/128", "::1");
    check_text(WENDI_TYPE_INET, "::ffff:1.2.3.4", "1.2.3.4");
    static const char *const refused[] = {"", "1.2.3", "1.2.3.256", "1.2.3.4.5", "01.2.3.4", "1.2.3.4/24", "::1/64",
                                          "::1/129", "1.2.3.4/33", "1.2.3.4/", ":::1", "1.2.3.4x", "g::1", "/32"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        check_text(WENDI_TYPE_INET, refused[i], NULL);
    }
    static const char *const rising[] = {"0.0.0.0", "1.2.3.4", "10.0.0.1", "255.255.255.255", "::", "::1", "::fffe:1.2.3.4",
                                         "2001:db8::1"};
    for (size_t a = 0; a < sizeof rising / sizeof rising[0]; a++) {
        for (size_t b = 0; b < sizeof rising / sizeof rising[0]; b++) {
            wendi_value left = parsed(wendi_type_of(WENDI_TYPE_INET), rising[a]);
            wendi_value right = parsed(wendi_type_of(WENDI_TYPE_INET), rising[b]);
            assert_int_equal(wendi_value_compare(&left, &right), (a > b) - (a < b));
        }
    }
}

static void limited_types(void **unused)
{
    (void)unused;
    wendi_value value;
    wendi_type varchar = {.kind = WENDI_TYPE_TEXT, .length_max = 3};
    char name[40];
    assert_int_equal(wendi_value_parse(varchar, wendi_string_of("äöü"), NULL, &value, NULL), WEND_OK);
    assert_int_equal(wendi_value_parse(varchar, wendi_string_of("abcd"), NULL, &value, NULL), WEND_INVALID);
    check_text(WENDI_TYPE_SMALLINT, "32767", "32767");
    check_text(WENDI_TYPE_SMALLINT, "32768", NULL);
    check_text(WENDI_TYPE_SMALLINT, "-32769", NULL);
    check_text(WENDI_TYPE_INTEGER, " -2147483648 ", "-2147483648");
    check_text(WENDI_TYPE_INTEGER, "2147483648", NULL);
    check_text(WENDI_TYPE_TEXT, " as it is ", " as it is ");
    check_text(WENDI_TYPE_NULL, "x", NULL);
    wendi_type price = {.kind = WENDI_TYPE_NUMERIC, .precision = 12, .scale = 2};
    assert_string_equal(text_of(parsed(price, "-0.05")), "-0.05");
    assert_string_equal(text_of(parsed(price, "1234567890.125")), "1234567890.12");
    assert_string_equal(wendi_type_name(price, name), "numeric(12,2)");
    assert_string_equal(wendi_type_name(varchar, name), "varchar(3)");
    assert_string_equal(wendi_type_name(wendi_type_of(WENDI_TYPE_DOUBLE), name), "double precision");
    wendi_type wide = {.kind = WENDI_TYPE_NUMERIC, .precision = 38, .scale = 0};
    assert_string_equal(text_of(parsed(wide, "-99999999999999999999999999999999999999")),
                        "-99999999999999999999999999999999999999");
    assert_false(wendi_type_equal(price, wide));
    assert_int_equal(wendi_type_physical(price), WENDI_PHYSICAL_I64);
    assert_int_equal(wendi_type_physical(wide), WENDI_PHYSICAL_B16);
}

static void json(void **unused)
{
    (void)unused;
    static const char *const taken[] = {"{}", "[]", "[1,2.5e-3,-0,\"a\\u00e9\\n\"]", " {\"a\":{\"b\":[true,false,null]}} ",
                                        "\"\\ud83d\\ude00\"", "\"äöü😀\"", "[[],{},[{}]]", "0", "-1.5E+10"};
    static const char *const refused[] = {"", "{", "}", "[1,]", "{\"a\"}", "{\"a\":}", "{a:1}", "[1 2]", "01", "1.", ".5",
                                          "+1", "\"", "\"\\x\"", "\"\\ud800\"", "\"\\udc00\"", "\"\\u12g4\"", "nul", "truee",
                                          "[1}", "{\"a\":1]", "\"\t\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"",
                                          "\"\xe4\"", "1 2", "{,}", "[,]", "{\"a\":1,}", "'a'"};
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        check_text(WENDI_TYPE_JSONB, taken[i], taken[i]);
    }
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        check_text(WENDI_TYPE_JSONB, refused[i], NULL);
    }
    char deep[140];
    memset(deep, '[', 65);
    memset(deep + 65, ']', 65);
    assert_int_equal(wendi_check_json((wendi_string){deep, 130}, NULL), WEND_INVALID);
    assert_int_equal(wendi_check_json((wendi_string){deep + 1, 128}, NULL), WEND_OK);
}

static wendi_value number(double value)
{
    return (wendi_value){.type = wendi_type_of(WENDI_TYPE_DOUBLE), .f64 = value};
}

static void order_and_hash(void **unused)
{
    (void)unused;
    const double rising[] = {-INFINITY, -1, 0, 1e-300, 1, INFINITY, NAN};
    for (size_t a = 0; a < 7; a++) {
        for (size_t b = 0; b < 7; b++) {
            wendi_value left = number(rising[a]);
            wendi_value right = number(rising[b]);
            assert_int_equal(wendi_value_compare(&left, &right), (a > b) - (a < b));
        }
    }
    wendi_value minus_zero = number(-0.0);
    wendi_value zero = number(0.0);
    assert_int_equal(wendi_value_compare(&minus_zero, &zero), 0);
    assert_true(wendi_value_hash(&minus_zero) == wendi_value_hash(&zero));
    wendi_value month = parsed(wendi_type_of(WENDI_TYPE_INTERVAL), "1 month");
    wendi_value days = parsed(wendi_type_of(WENDI_TYPE_INTERVAL), "30 days");
    wendi_value hours = parsed(wendi_type_of(WENDI_TYPE_INTERVAL), "719 hours");
    assert_int_equal(wendi_value_compare(&month, &days), 0);
    assert_int_equal(wendi_value_compare(&month, &hours), 1);
    wendi_value text = parsed(wendi_type_of(WENDI_TYPE_TEXT), "u33351");
    wendi_value integer = {.type = wendi_type_of(WENDI_TYPE_BIGINT), .i64 = 33351};
    uint8_t bytes[8];
    wendi_store_u64(bytes, 33351);
    assert_true(wendi_value_hash(&text) == wendi_hash64("u33351", 6)); /* stored order: never to change */
    assert_true(wendi_value_hash(&integer) == wendi_hash64(bytes, 8));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(booleans), cmocka_unit_test(identifiers), cmocka_unit_test(addresses),
        cmocka_unit_test(limited_types), cmocka_unit_test(json), cmocka_unit_test(order_and_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
