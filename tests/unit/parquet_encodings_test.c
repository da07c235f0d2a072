/*
 * Do the exporter's encoders say what the specifications say? Round trips through decoders that
 * share no code with them, at every width and around every block border, and known examples.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/parquet_naive.h"
#include "tools/parquet_export/parquet_bounds.h"
#include "tools/parquet_export/parquet_codec.h"
#include "tools/parquet_export/parquet_convert.h"
#include "tools/parquet_export/parquet_path.h"
#include "tools/parquet_export/parquet_rle.h"
#include "tools/parquet_export/parquet_thrift.h"

#define VALUES_MAX 2000

static uint64_t seed;

static uint64_t next_random(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return seed >> 17 ^ seed << 29;
}

static void rle_round_trip(const uint32_t *values, size_t count, unsigned width)
{
    parquet_bytes out = {0};
    uint32_t back[VALUES_MAX];

    assert_int_equal(parquet_rle_append(&out, values, count, width), WEND_OK);
    assert_int_equal(parquet_naive_rle(out.data, out.length, width, back, count), out.length);
    assert_memory_equal(back, values, count * sizeof(*values));
    parquet_bytes_free(&out);
}

static void test_rle_at_every_width(void **state)
{
    (void)state;
    for (unsigned width = 1; width <= 32; width++) {
        uint64_t mask = ((uint64_t)1 << width) - 1;

        for (int round = 0; round < 60; round++) {
            uint32_t values[VALUES_MAX];
            size_t count = next_random() % VALUES_MAX;
            size_t longest_run = 1 + next_random() % 40;

            for (size_t i = 0; i < count;) {
                size_t run = 1 + next_random() % longest_run;
                uint32_t value = (uint32_t)(next_random() & mask);

                for (; run > 0 && i < count; run--) {
                    values[i++] = value;
                }
            }
            rle_round_trip(values, count, width);
        }
    }
}

static void test_rle_makes_runs_short(void **state)
{
    uint32_t values[VALUES_MAX] = {0};
    parquet_bytes out = {0};

    (void)state;
    assert_int_equal(parquet_rle_append(&out, values, VALUES_MAX, 1), WEND_OK);
    assert_int_equal(out.length, 3); /* a two-byte count and a value */
    out.length = 0;
    values[0] = 7;
    assert_int_equal(parquet_rle_append(&out, values, VALUES_MAX, 20), WEND_OK);
    assert_int_equal(out.length, 1 + 20 + 2 + 3); /* one packed group, then the run */
    parquet_bytes_free(&out);
}

static void test_rle_example_of_the_specification(void **state)
{
    const uint32_t values[] = {0, 1, 2, 3, 4, 5, 6, 7};
    const uint8_t expected[] = {0x03, 0x88, 0xC6, 0xFA};
    parquet_bytes out = {0};

    (void)state;
    assert_int_equal(parquet_rle_append(&out, values, 8, 3), WEND_OK);
    assert_int_equal(out.length, sizeof(expected));
    assert_memory_equal(out.data, expected, sizeof(expected));
    parquet_bytes_free(&out);
}

static void fill(int64_t *values, size_t count, int style)
{
    uint64_t value = next_random();

    for (size_t i = 0; i < count; i++) {
        value = style == 0   ? next_random() << 20 ^ next_random()
                : style == 1 ? value + 3
                : style == 2 ? value + next_random() % 1000
                : style == 3
                    ? ((next_random() & 1) != 0 ? (uint64_t)INT64_MAX : (uint64_t)INT64_MIN)
                    : 42;
        values[i] = (int64_t)value;
    }
}

static void delta_round_trip(const int64_t *values, size_t count)
{
    parquet_bytes out = {0};
    int64_t back[VALUES_MAX];
    int32_t narrow[VALUES_MAX];

    assert_int_equal(parquet_delta_append_i64(&out, values, count), WEND_OK);
    assert_int_equal(parquet_naive_delta(out.data, out.length, false, back, count), out.length);
    assert_memory_equal(back, values, count * sizeof(*values));
    for (size_t i = 0; i < count; i++) {
        narrow[i] = (int32_t)(values[i] >> 31);
    }
    out.length = 0;
    assert_int_equal(parquet_delta_append_i32(&out, narrow, count), WEND_OK);
    assert_int_equal(parquet_naive_delta(out.data, out.length, true, back, count), out.length);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(back[i], narrow[i]);
    }
    parquet_bytes_free(&out);
}

static void test_delta_around_every_border(void **state)
{
    const size_t counts[] = {0,   1,   2,   31,  32,  33,  34,   64,  65,
                             128, 129, 130, 160, 161, 257, 1000, 1999};

    (void)state;
    for (int style = 0; style < 5; style++) {
        for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
            int64_t values[VALUES_MAX];

            fill(values, counts[c], style);
            delta_round_trip(values, counts[c]);
        }
    }
}

static void test_delta_of_a_constant_step(void **state)
{
    int64_t values[1 + 128 * 4];
    parquet_bytes out = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        values[i] = (int64_t)i * 1000;
    }
    assert_int_equal(parquet_delta_append_i64(&out, values, sizeof(values) / sizeof(values[0])),
                     WEND_OK);
    /* head: 128, 4, 513, 0; a block: the step in two bytes and four widths of 0 */
    assert_int_equal(out.length, 2 + 1 + 2 + 1 + 4 * (2 + 4));
    parquet_bytes_free(&out);
}

static void test_thrift(void **state)
{
    parquet_bytes out = {0};
    parquet_thrift thrift;
    char text[512];

    (void)state;
    parquet_thrift_begin(&thrift, &out);
    parquet_thrift_i8(&thrift, 1, -7);
    parquet_thrift_i32(&thrift, 2, INT32_MIN);
    parquet_thrift_i64(&thrift, 18, INT64_MIN); /* a jump that the nibble cannot hold */
    parquet_thrift_bool(&thrift, 19, true);
    parquet_thrift_bool(&thrift, 20, false);
    parquet_thrift_struct(&thrift, 21);
    parquet_thrift_i16(&thrift, 1, 300);
    parquet_thrift_struct(&thrift, 3);
    parquet_thrift_struct_end(&thrift);
    parquet_thrift_string(&thrift, 4, "in");
    parquet_thrift_struct_end(&thrift);
    parquet_thrift_list(&thrift, 22, PARQUET_THRIFT_I32, 15); /* the first long count */
    for (int i = 0; i < 15; i++) {
        parquet_thrift_item_integer(&thrift, i - 7);
    }
    parquet_thrift_list(&thrift, 23, PARQUET_THRIFT_TRUE, 2);
    parquet_thrift_item_bool(&thrift, true);
    parquet_thrift_item_bool(&thrift, false);
    parquet_thrift_list(&thrift, 24, PARQUET_THRIFT_STRUCT, 2);
    for (int i = 0; i < 2; i++) {
        parquet_thrift_item_struct(&thrift);
        parquet_thrift_i32(&thrift, 1, i);
        parquet_thrift_struct_end(&thrift);
    }
    parquet_thrift_binary(&thrift, 25, "", 0);
    parquet_thrift_struct_end(&thrift);
    assert_int_equal(thrift.status, WEND_OK);
    assert_int_equal(parquet_naive_thrift(out.data, out.length, text, sizeof(text)), out.length);
    assert_string_equal(text,
                        "{1:-7,2:-2147483648,18:-9223372036854775808,19:T,20:F,21:{1:300,3:{},"
                        "4:'in'},22:[-7,-6,-5,-4,-3,-2,-1,0,1,2,3,4,5,6,7],23:[T,F],"
                        "24:[{1:0},{1:1}],25:''}");
    parquet_bytes_free(&out);
}

static void test_checksum(void **state)
{
    uint8_t bytes[64];
    uint32_t expected = 0xFFFFFFFFu;

    (void)state;
    assert_int_equal(parquet_crc32("123456789", 9),
                     0xCBF43926u); /* the CRC catalogue's check value */
    assert_int_equal(parquet_crc32("", 0), 0);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)next_random();
        expected ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            expected = (expected >> 1) ^ ((expected & 1) != 0 ? 0xEDB88320u : 0);
        }
        assert_int_equal(parquet_crc32(bytes, i + 1), ~expected);
    }
}

/* The largest bound of one string in a text or binary column; its length, and whether it is exact.
 */
static size_t bound_of(const char *text, bool is_text, bool is_largest, uint8_t *out,
                       bool *is_exact)
{
    parquet_column column = {.physical = PARQUET_BYTE_ARRAY,
                             .order = PARQUET_ORDER_UNSIGNED,
                             .is_text = is_text,
                             .slot_bytes = 4};
    parquet_entry entry = {.data = (const uint8_t *)text, .length = (uint32_t)strlen(text)};
    parquet_bounds bounds = {.is_present = true, .smallest = entry, .largest = entry};
    parquet_bytes bytes = {0};
    size_t length;

    assert_int_equal(parquet_bounds_write(&bounds, is_largest, &column, &bytes, is_exact), WEND_OK);
    length = bytes.length;
    memcpy(out, bytes.data, length);
    parquet_bytes_free(&bytes);
    return length;
}

static void repeat(char *out, const char *piece, size_t count)
{
    out[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        strcat(out, piece);
    }
}

static void test_bounds_are_cut(void **state)
{
    char text[512];
    char expected[512];
    uint8_t bound[512];
    bool is_exact;
    size_t length;

    (void)state;
    repeat(text, "a", PARQUET_BOUND_BYTES);
    assert_int_equal(bound_of(text, true, true, bound, &is_exact), PARQUET_BOUND_BYTES);
    assert_true(is_exact);
    repeat(text, "a", PARQUET_BOUND_BYTES + 1);
    length = bound_of(text, true, true, bound, &is_exact);
    repeat(expected, "a", PARQUET_BOUND_BYTES - 1);
    strcat(expected, "b");
    assert_false(is_exact);
    assert_int_equal(length, PARQUET_BOUND_BYTES);
    assert_memory_equal(bound, expected, length);
    length = bound_of(text, true, false, bound, &is_exact);
    assert_false(is_exact);
    assert_memory_equal(bound, text, length);

    /* Three-byte characters: 21 of them fit; the last before the surrogates is followed by U+E000.
     */
    repeat(text, "\xED\x9F\xBF", 30);
    length = bound_of(text, true, true, bound, &is_exact);
    repeat(expected, "\xED\x9F\xBF", 20);
    strcat(expected, "\xEE\x80\x80");
    assert_int_equal(length, 63);
    assert_memory_equal(bound, expected, length);

    /* Nothing comes after the last character: the value is written whole. */
    repeat(text, "\xF4\x8F\xBF\xBF", 30);
    assert_int_equal(bound_of(text, true, true, bound, &is_exact), 120);
    assert_true(is_exact);

    /* Bytes: trailing 0xFF are dropped and the one before raised. */
    repeat(text, "k", 10);
    memset(text + 10, 0xFF, 90);
    text[100] = '\0';
    length = bound_of(text, false, true, bound, &is_exact);
    assert_int_equal(length, 10);
    assert_memory_equal(bound, "kkkkkkkkkl", 10);
    assert_false(is_exact);
}

static void test_folder_names(void **state)
{
    parquet_column column = {.physical = PARQUET_BYTE_ARRAY, .is_text = true, .slot_bytes = 4};
    char name[] = "a:b";
    const char value[] = "x/y=50% \"z\"\n\x7F{}[]^\xC3\xA9";
    const char expected[] = "a%3Ab=x%2Fy%3D50%25 %22z%22%0A%7F%7B%7D%5B%5D%5E\xC3\xA9";
    parquet_bytes out = {0};

    (void)state;
    column.name = name;
    assert_int_equal(parquet_path_append(&out, &column, (const uint8_t *)value, strlen(value)),
                     WEND_OK);
    assert_int_equal(out.length, strlen(expected));
    assert_memory_equal(out.data, expected, out.length);
    out.length = 0;
    assert_int_equal(parquet_path_append(&out, &column, NULL, 0), WEND_OK);
    assert_memory_equal(out.data, "a%3Ab=__HIVE_DEFAULT_PARTITION__", out.length);
    parquet_bytes_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rle_at_every_width),
        cmocka_unit_test(test_rle_makes_runs_short),
        cmocka_unit_test(test_rle_example_of_the_specification),
        cmocka_unit_test(test_delta_around_every_border),
        cmocka_unit_test(test_delta_of_a_constant_step),
        cmocka_unit_test(test_thrift),
        cmocka_unit_test(test_checksum),
        cmocka_unit_test(test_bounds_are_cut),
        cmocka_unit_test(test_folder_names),
    };

    seed = 20260101;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
