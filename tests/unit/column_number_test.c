/* Numbers from text and back: bit-exact conformance, round trips, and exact decimals against 128-bit arithmetic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/compress.h"
#include "engine/base/hash.h"
#include "engine/column/value.h"

static uint64_t state = 20260121;

static uint64_t draw(void)
{
    state += UINT64_C(0x9e3779b97f4a7c15);
    return wendi_mix64(state);
}

static double double_of(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static const char *format(wendi_value value)
{
    static wendi_buffer buffer;
    buffer.length = 0;
    assert_int_equal(wendi_value_format(&value, NULL, &buffer), WEND_OK);
    assert_int_equal(wendi_buffer_u8(&buffer, 0), WEND_OK);
    return (const char *)buffer.data;
}

static wendi_value double_value(double number)
{
    return (wendi_value){.type = wendi_type_of(WENDI_TYPE_DOUBLE), .f64 = number};
}

static wendi_value real_value(float number)
{
    return (wendi_value){.type = wendi_type_of(WENDI_TYPE_REAL), .f64 = (double)number};
}

/* ---- conformance ---------------------------------------------------------------------------- */

static wendi_buffer read_zst(const char *path)
{
    wendi_buffer packed = {0};
    wendi_buffer plain = {0};
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return plain;
    }
    char piece[65536];
    for (size_t got; (got = fread(piece, 1, sizeof piece, file)) != 0;) {
        assert_int_equal(wendi_buffer_append(&packed, piece, got), WEND_OK);
    }
    fclose(file);
    wendi_decompress_stream *stream = NULL;
    assert_int_equal(wendi_decompress_stream_open(&stream, NULL), WEND_OK);
    size_t in_at = 0;
    for (bool done = false; in_at < packed.length || !done;) {
        size_t out_at = 0;
        assert_int_equal(wendi_decompress_stream_next(stream, packed.data, packed.length, &in_at, piece, sizeof piece,
                                                      &out_at, &done),
                         WEND_OK);
        assert_int_equal(wendi_buffer_append(&plain, piece, out_at), WEND_OK);
    }
    wendi_decompress_stream_close(stream);
    wendi_buffer_free(&packed);
    return plain;
}

static void check_line(const char *line, size_t length, uint64_t *checked)
{
    uint32_t half;
    uint32_t single;
    uint64_t wide;
    char copy[40];
    double value = 0;
    if (length < 32) {
        return;
    }
    memcpy(copy, line, 31);
    copy[31] = '\0';
    assert_int_equal(sscanf(copy, "%4" SCNx32 " %8" SCNx32 " %16" SCNx64, &half, &single, &wide), 3);
    wendi_string text = {line + 31, (uint32_t)(length - 31)};
    const char *reason = NULL;
    wend_status status = wendi_parse_f64(text, &value, &reason);
    bool word = (text.data[text.length - 1] | 32) == 'y' || (text.data[text.length - 1] | 32) == 'f';
    if (isinf(double_of(wide)) && !word) {
        assert_int_equal(status, WEND_INVALID);
        assert_non_null(reason);
    } else if (isnan(double_of(wide))) {
        assert_true(status == WEND_OK && isnan(value));
    } else if (status != WEND_OK || bits_of(value) != wide) {
        fail_msg("%.*s: %016" PRIx64 " is wanted, not %016" PRIx64, (int)text.length, text.data, wide, bits_of(value));
    }
    status = wendi_parse_f32(text, &value, &reason);
    if (isinf(float_of(single)) && !word) {
        assert_int_equal(status, WEND_INVALID);
    } else if (!isnan(float_of(single)) && (status != WEND_OK || value != (double)float_of(single))) {
        fail_msg("%.*s: the float %08" PRIx32 " is wanted, not %a", (int)text.length, text.data, single, value);
    }
    (*checked)++;
}

static void numbers_conform(void **unused)
{
    (void)unused;
    char path[4096];
    const char *shared = getenv("WEND_TEST_SHARED");
    snprintf(path, sizeof path, "%s/conformance/parse-number.tar.zst", shared != NULL ? shared : "../shared");
    wendi_buffer tar = read_zst(path);
    if (tar.length == 0) {
        print_message("no %s: skipped\n", path);
        skip();
    }
    uint64_t checked = 0;
    for (size_t at = 0; at + 512 <= tar.length && tar.data[at] != 0;) { /* ustar: 512-byte blocks */
        size_t bytes = strtoul((const char *)tar.data + at + 124, NULL, 8);
        const char *text = (const char *)tar.data + at + 512;
        const char *end = text + bytes;
        assert_true(at + 512 + bytes <= tar.length);
        bool regular = tar.data[at + 156] == '0' || tar.data[at + 156] == 0;
        while (regular && text < end) {
            const char *stop = memchr(text, '\n', (size_t)(end - text));
            stop = stop == NULL ? end : stop;
            if (memchr(text, '\0', (size_t)(stop - text)) == NULL && stop - text > 31 && text[4] == ' ' &&
                text[13] == ' ' && text[30] == ' ') {
                check_line(text, (size_t)(stop - text), &checked);
            }
            text = stop + 1;
        }
        at += 512 + (bytes + 511) / 512 * 512;
    }
    print_message("%" PRIu64 " numbers are bit-exact\n", checked);
    assert_true(checked > 50000);
    wendi_buffer_free(&tar);
}

/* ---- properties ----------------------------------------------------------------------------- */

static void doubles_survive_their_text(void **unused)
{
    (void)unused;
    for (int i = 0; i < 200000; i++) {
        double number = double_of(draw());
        if (i % 4 == 1) {
            number = (double)(int64_t)(draw() % 2000000000) / 100;
        } else if (i % 4 == 2) {
            number = ldexp(1, (int)(draw() % 2098) - 1074); /* powers of two, where neighbours are uneven */
        } else if (i % 4 == 3) {
            number = double_of(draw() >> (draw() % 64)); /* small and subnormal */
        }
        if (isnan(number)) {
            continue;
        }
        const char *text = format(double_value(number));
        double back = 0;
        assert_int_equal(wendi_parse_f64(wendi_string_of(text), &back, NULL), WEND_OK);
        if (bits_of(back) != bits_of(number)) {
            fail_msg("%a became %s", number, text);
        }
        assert_true(strtod(text, NULL) == number);
    }
}

/* Random digits at random places, and decimals exactly on or beside the middle of two doubles, against libc. */
static void doubles_match_libc(void **unused)
{
    (void)unused;
    for (int i = 0; i < 500000; i++) {
        char text[64];
        uint64_t digits = draw() >> (draw() % 40);
        int exponent = (int)(draw() % 130) - 65;
        if (i % 4 == 0) {
            /* 2^53 … 2^63: the middle between two neighbours is an integer, and it or the next ones are written. */
            uint64_t step = UINT64_C(2) << (draw() % 10);
            uint64_t middle = ((draw() >> 11 | UINT64_C(1) << 52) * step) + step / 2;
            digits = middle + draw() % 3 - 1;
            exponent = 0;
        } else if (i % 4 == 1) {
            exponent = -(int)(draw() % 20);
        }
        snprintf(text, sizeof text, "%" PRIu64 "e%d", digits, exponent);
        double value = 0;
        assert_int_equal(wendi_parse_f64(wendi_string_of(text), &value, NULL), WEND_OK);
        if (bits_of(value) != bits_of(strtod(text, NULL))) {
            fail_msg("%s is %a, not %a", text, strtod(text, NULL), value);
        }
        assert_int_equal(wendi_parse_f32(wendi_string_of(text), &value, NULL), isinf(strtof(text, NULL)) ? WEND_INVALID : WEND_OK);
        assert_true((float)value == strtof(text, NULL));
    }
}

/* The significant digits of a text, without zeros on either side; returns how many. */
static size_t digits_of(const char *text, char *digits)
{
    size_t count = 0;
    for (const char *at = text; *at != '\0' && *at != 'e'; at++) {
        if (*at >= '0' && *at <= '9' && (count != 0 || *at != '0')) {
            digits[count++] = *at;
        }
    }
    while (count > 1 && digits[count - 1] == '0') {
        count--;
    }
    digits[count] = '\0';
    return count;
}

/* The shortest text: nothing with fewer digits reads back, and the nearest of its length, if that does, is ours. */
static void no_shorter_text_would_do(void **unused)
{
    (void)unused;
    for (int i = 0; i < 30000; i++) {
        double number = i % 3 == 0 ? (double)(draw() >> 11) / 9007199254740992.0 : fabs(double_of(draw()));
        if (i % 3 == 1) {
            number = ldexp(1.0 + (double)(draw() % 4) * 0x1p-52, (int)(draw() % 2000) - 1000);
        }
        if (!isfinite(number) || number == 0) {
            continue;
        }
        char ours[400];
        char theirs[400];
        char text[64];
        int count = (int)digits_of(format(double_value(number)), ours);
        for (int fewer = 1; fewer < count; fewer++) {
            snprintf(text, sizeof text, "%.*e", fewer - 1, number);
            if (strtod(text, NULL) == number) {
                fail_msg("%s would do for %s", text, ours);
            }
        }
        snprintf(text, sizeof text, "%.*e", count - 1, number);
        digits_of(text, theirs);
        if (strtod(text, NULL) == number) {
            assert_string_equal(ours, theirs);
        }
    }
}

static void reals_survive_their_text(void **unused)
{
    (void)unused;
    for (int i = 0; i < 200000; i++) {
        float number = float_of((uint32_t)draw());
        if (isnan(number)) {
            continue;
        }
        const char *text = format(real_value(number));
        double back = 0;
        assert_int_equal(wendi_parse_f32(wendi_string_of(text), &back, NULL), WEND_OK);
        assert_true((float)back == number && strtof(text, NULL) == number);
    }
}

static void texts_are_the_shortest(void **unused)
{
    (void)unused;
    static const struct {
        double number;
        const char *text;
    } cases[] = {{0, "0"}, {-0.0, "-0"}, {1, "1"}, {0.1, "0.1"}, {1e14, "100000000000000"}, {1e15, "1e+15"},
                 {1e20, "1e+20"}, {123456789012345678.0, "1.2345678901234568e+17"}, {0.0001, "0.0001"},
                 {0.00001, "1e-05"}, {5e-324, "5e-324"}, {1.7976931348623157e308, "1.7976931348623157e+308"},
                 {2.2250738585072014e-308, "2.2250738585072014e-308"}, {0.3, "0.3"}, {0.1 + 0.2, "0.30000000000000004"},
                 {9007199254740993.0, "9.007199254740992e+15"}, {5.684341886080802e-14, "5.684341886080802e-14"},
                 {-1234.5678, "-1234.5678"}, {INFINITY, "Infinity"}, {-INFINITY, "-Infinity"}, {19.99, "19.99"},
                 {1.5e300, "1.5e+300"}, {123456789.123456789, "123456789.12345679"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_string_equal(format(double_value(cases[i].number)), cases[i].text);
    }
    assert_string_equal(format(double_value(NAN)), "NaN");
    assert_string_equal(format(real_value(0.1f)), "0.1");
    assert_string_equal(format(real_value(1e6f)), "1e+06");
    assert_string_equal(format(real_value(123456.0f)), "123456");
    assert_string_equal(format(real_value(16777216.0f)), "1.6777216e+07");
    assert_string_equal(format(real_value(1e-45f)), "1e-45");
    assert_string_equal(format(real_value(3.4028235e38f)), "3.4028235e+38");
}

static void integers_are_exact(void **unused)
{
    (void)unused;
    char text[64];
    int64_t value = 0;
    for (int i = 0; i < 100000; i++) {
        int64_t number = (int64_t)(draw() >> (draw() % 64));
        number = i % 2 == 0 ? number : -number;
        snprintf(text, sizeof text, "%" PRId64, number);
        assert_int_equal(wendi_parse_i64(wendi_string_of(text), &value, NULL), WEND_OK);
        assert_int_equal(value, number);
        assert_string_equal(format((wendi_value){.type = wendi_type_of(WENDI_TYPE_BIGINT), .i64 = number}), text);
    }
    assert_int_equal(wendi_parse_i64(wendi_string_of("-9223372036854775808"), &value, NULL), WEND_OK);
    assert_true(value == INT64_MIN);
    assert_int_equal(wendi_parse_i64(wendi_string_of("0000000000000000000000000007"), &value, NULL), WEND_OK);
    assert_int_equal(value, 7);
    static const char *const refused[] = {"", "-", "+", "1x", "x", "1 ", " 1", "--1", "1.0", "1e3", "9223372036854775808",
                                          "-9223372036854775809", "18446744073709551617", "123456789:123456789",
                                          "12345678/", "/2345678", "12345678901234567890123456789x"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        const char *reason = NULL;
        assert_int_equal(wendi_parse_i64(wendi_string_of(refused[i]), &value, &reason), WEND_INVALID);
        assert_non_null(reason);
    }
}

static void numbers_are_refused(void **unused)
{
    (void)unused;
    double value = 0;
    static const char *const refused[] = {"", ".", "-", "e5", "1e", "1e+", "1.2.3", "0x10", "1f", "nano", "infinit", "1,5",
                                          "1e999", "-1e309", "1 2"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        assert_int_equal(wendi_parse_f64(wendi_string_of(refused[i]), &value, NULL), WEND_INVALID);
    }
    assert_int_equal(wendi_parse_f64(wendi_string_of("1e-999"), &value, NULL), WEND_OK);
    assert_true(value == 0);
    assert_int_equal(wendi_parse_f64(wendi_string_of("-Infinity"), &value, NULL), WEND_OK);
    assert_true(isinf(value) && value < 0);
}

/* A decimal long enough that only its very last digit decides: half-way between two doubles, plus a bit. */
static void endless_digits_round_right(void **unused)
{
    (void)unused;
    enum { LENGTH = 100000 };
    static char text[LENGTH + 64];
    double value = 0;
    int head = sprintf(text, "9007199254740993.");
    memset(text + head, '0', LENGTH);
    text[head + LENGTH] = '\0';
    assert_int_equal(wendi_parse_f64(wendi_string_of(text), &value, NULL), WEND_OK);
    assert_true(value == 9007199254740992.0); /* a tie: to even */
    text[head + LENGTH - 1] = '1';
    assert_int_equal(wendi_parse_f64(wendi_string_of(text), &value, NULL), WEND_OK);
    assert_true(value == 9007199254740994.0);
    memset(text, '0', LENGTH);
    strcpy(text + LENGTH, "1.5e-1");
    assert_int_equal(wendi_parse_f64(wendi_string_of(text), &value, NULL), WEND_OK);
    assert_true(value == 0.15);
    memset(text, '1', LENGTH);
    strcpy(text + LENGTH, "e-99990");
    assert_int_equal(wendi_parse_f64(wendi_string_of(text), &value, NULL), WEND_OK);
    assert_true(value == 1111111111.1111111);
}

/* ---- exact decimals ------------------------------------------------------------------------- */

static wendi_int128 power_of_ten(int exponent)
{
    wendi_int128 power = 1;
    while (exponent-- > 0) {
        power *= 10;
    }
    return power;
}

/* value = digits × 10^-decimals is written with an exponent that moves the point about; the same value must come back. */
static void numerics_match_wide_arithmetic(void **unused)
{
    (void)unused;
    for (int i = 0; i < 200000; i++) {
        int64_t digits = (int64_t)(draw() >> (draw() % 60 + 4));
        int decimals = (int)(draw() % 10);
        int moved = (int)(draw() % 13) - 6;
        uint8_t scale = (uint8_t)(draw() % 8);
        bool negative = draw() % 2 == 0;
        char plain[64];
        char text[128];
        snprintf(plain, sizeof plain, "%0*" PRId64, decimals + 1, digits);
        size_t point = strlen(plain) - (size_t)decimals;
        snprintf(text, sizeof text, "%s%.*s.%se%d", negative ? "-" : "", (int)point, plain, plain + point, moved);

        int shift = moved - decimals + scale; /* wanted = digits × 10^shift, half to even */
        wendi_int128 wanted = digits;
        bool exact = true;
        if (shift >= 0) {
            wanted *= power_of_ten(shift);
        } else {
            wendi_int128 by = power_of_ten(-shift);
            wendi_int128 rest = wanted % by;
            wanted /= by;
            exact = rest == 0;
            wanted += rest * 2 > by || (rest * 2 == by && (wanted & 1) != 0);
        }
        wanted = negative ? -wanted : wanted;
        wendi_int128 value = 0;
        assert_int_equal(wendi_parse_numeric(wendi_string_of(text), 38, scale, true, &value, NULL), WEND_OK);
        if (value != wanted) {
            fail_msg("%s at scale %d", text, scale);
        }
        wend_status strict = wendi_parse_numeric(wendi_string_of(text), 38, scale, false, &value, NULL);
        assert_int_equal(strict, exact ? WEND_OK : WEND_INVALID);

        wendi_type type = {.kind = WENDI_TYPE_NUMERIC, .precision = 38, .scale = scale};
        wendi_value printed = {.type = type, .i128 = wanted};
        wendi_value back;
        assert_int_equal(wendi_value_parse(type, wendi_string_of(format(printed)), NULL, &back, NULL), WEND_OK);
        assert_true(back.i128 == wanted);
    }
}

static void numerics_keep_their_bounds(void **unused)
{
    (void)unused;
    static const struct {
        const char *text;
        uint8_t precision;
        uint8_t scale;
        bool round;
        wend_status status;
        int64_t value;
    } cases[] = {{"9.99", 3, 2, false, WEND_OK, 999},      {"10", 3, 2, false, WEND_INVALID, 0},
                 {"9.995", 3, 2, true, WEND_INVALID, 0},   {"9.994", 3, 2, true, WEND_OK, 999},
                 {"9.985", 3, 2, true, WEND_OK, 998},      {"9.975", 3, 2, true, WEND_OK, 998},
                 {"9.9750000001", 3, 2, true, WEND_OK, 998}, {"9.9650000001", 3, 2, true, WEND_OK, 997},
                 {"1.0", 10, 0, false, WEND_OK, 1},        {"1e3", 10, 0, false, WEND_OK, 1000},
                 {"1000e-3", 10, 0, false, WEND_OK, 1},    {"1.5", 10, 0, false, WEND_INVALID, 0},
                 {"0.005", 5, 2, true, WEND_OK, 0},        {"0.0051", 5, 2, true, WEND_OK, 1},
                 {"0.015", 5, 2, true, WEND_OK, 2},        {"0e999999999999", 5, 2, false, WEND_OK, 0},
                 {"1e999999999999", 5, 2, true, WEND_INVALID, 0}, {"1e-999999999999", 5, 2, true, WEND_OK, 0},
                 {"-0", 5, 2, false, WEND_OK, 0},          {"NaN", 5, 2, false, WEND_INVALID, 0},
                 {"", 5, 2, false, WEND_INVALID, 0},       {"0.00000", 1, 0, false, WEND_OK, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        wendi_int128 value = 0;
        wend_status status = wendi_parse_numeric(wendi_string_of(cases[i].text), cases[i].precision, cases[i].scale,
                                                 cases[i].round, &value, NULL);
        if (status != cases[i].status || (status == WEND_OK && value != cases[i].value)) {
            fail_msg("%s as numeric(%d,%d): %s, %" PRId64, cases[i].text, cases[i].precision, cases[i].scale,
                     wend_status_name(status), (int64_t)value);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_conform),           cmocka_unit_test(doubles_survive_their_text),
        cmocka_unit_test(doubles_match_libc),        cmocka_unit_test(no_shorter_text_would_do),
        cmocka_unit_test(reals_survive_their_text),  cmocka_unit_test(texts_are_the_shortest),
        cmocka_unit_test(integers_are_exact),        cmocka_unit_test(numbers_are_refused),
        cmocka_unit_test(endless_digits_round_right), cmocka_unit_test(numerics_match_wide_arithmetic),
        cmocka_unit_test(numerics_keep_their_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
