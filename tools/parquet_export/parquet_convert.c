/*
 * Conversions of fixed-width values. Integers are widened to Parquet's two integer types, seconds
 * become milliseconds, decimals shrink to the fewest bytes that their precision needs and turn
 * big-endian where they are byte arrays.
 */
#include "tools/parquet_export/parquet_convert.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static wend_status fail_row(const parquet_column *column, int64_t row, const char *what,
                            wend_error *error)
{
    return parquet_fail(error, WEND_INVALID, "column \"%s\", row %" PRId64 ": %s", column->name,
                        row, what);
}

/* Sign or zero extension of 8 and 16 bits to INT32. */
static void widen(const parquet_column *column, const uint8_t *raw, size_t row_count,
                  uint8_t *slots)
{
    int32_t *out = (int32_t *)(void *)slots;

    for (size_t i = 0; i < row_count; i++) {
        int16_t narrow = 0;

        switch (column->arrow) {
        case PARQUET_ARROW_I8:
            out[i] = (int8_t)raw[i];
            break;
        case PARQUET_ARROW_U8:
            out[i] = raw[i];
            break;
        case PARQUET_ARROW_I16:
            memcpy(&narrow, raw + 2 * i, 2);
            out[i] = narrow;
            break;
        default:
            memcpy(&narrow, raw + 2 * i, 2);
            out[i] = (uint16_t)narrow;
            break;
        }
    }
}

static wend_status scale_i64(const parquet_column *column, const uint8_t *raw, const uint8_t *valid,
                             size_t row_count, uint8_t *slots, int64_t first_row, wend_error *error)
{
    int64_t *out = (int64_t *)(void *)slots;

    for (size_t i = 0; i < row_count; i++) {
        int64_t value;

        if (valid[i] == 0) {
            continue;
        }
        memcpy(&value, raw + 8 * i, 8);
        if (__builtin_mul_overflow(value, column->multiply, &out[i])) {
            return fail_row(column, first_row + (int64_t)i,
                            "a time in seconds that milliseconds "
                            "cannot hold",
                            error);
        }
    }
    return WEND_OK;
}

static wend_status scale_i32(const parquet_column *column, const uint8_t *raw, const uint8_t *valid,
                             size_t row_count, uint8_t *slots, int64_t first_row, wend_error *error)
{
    int32_t *out = (int32_t *)(void *)slots;

    for (size_t i = 0; i < row_count; i++) {
        int32_t value;

        if (valid[i] == 0) {
            continue;
        }
        memcpy(&value, raw + 4 * i, 4);
        if (__builtin_mul_overflow(value, (int32_t)column->multiply, &out[i])) {
            return fail_row(column, first_row + (int64_t)i,
                            "a time in seconds that milliseconds "
                            "cannot hold",
                            error);
        }
    }
    return WEND_OK;
}

/* Milliseconds of date64 to days. */
static wend_status divide_to_days(const parquet_column *column, const uint8_t *raw,
                                  const uint8_t *valid, size_t row_count, uint8_t *slots,
                                  int64_t first_row, wend_error *error)
{
    int32_t *out = (int32_t *)(void *)slots;

    for (size_t i = 0; i < row_count; i++) {
        int64_t value;

        if (valid[i] == 0) {
            continue;
        }
        memcpy(&value, raw + 8 * i, 8);
        if (value % column->divide != 0 || value / column->divide > INT32_MAX ||
            value / column->divide < INT32_MIN) {
            return fail_row(column, first_row + (int64_t)i,
                            "a date64 that is no whole day in range", error);
        }
        out[i] = (int32_t)(value / column->divide);
    }
    return WEND_OK;
}

static __int128 power_of_ten(int32_t exponent)
{
    __int128 power = 1;

    for (int32_t i = 0; i < exponent; i++) {
        power *= 10;
    }
    return power;
}

static wend_status convert_decimals(const parquet_column *column, const uint8_t *raw,
                                    const uint8_t *valid, size_t row_count, uint8_t *slots,
                                    int64_t first_row, wend_error *error)
{
    __int128 limit = power_of_ten(column->precision);
    size_t width = column->slot_bytes;

    for (size_t i = 0; i < row_count; i++) {
        __int128 value;
        uint8_t *out = slots + i * width;

        if (valid[i] == 0) {
            continue;
        }
        memcpy(&value, raw + 16 * i, 16);
        if (value >= limit || value <= -limit) {
            return fail_row(column, first_row + (int64_t)i,
                            "a decimal with more digits than its "
                            "precision",
                            error);
        }
        if (column->physical != PARQUET_FIXED) {
            memcpy(out, &value, width); /* little-endian: the low bytes come first */
            continue;
        }
        for (size_t b = 0; b < width; b++) {
            out[b] = (uint8_t)((unsigned __int128)value >> (8 * (width - 1 - b)));
        }
    }
    return WEND_OK;
}

wend_status parquet_convert(const parquet_column *column, const uint8_t *raw, const uint8_t *valid,
                            size_t row_count, uint8_t *slots, int64_t first_row, wend_error *error)
{
    if (column->arrow == PARQUET_ARROW_DECIMAL) {
        return convert_decimals(column, raw, valid, row_count, slots, first_row, error);
    }
    if (column->divide != 1) {
        return divide_to_days(column, raw, valid, row_count, slots, first_row, error);
    }
    if (column->multiply != 1) {
        return (column->slot_bytes == 8 ? scale_i64 : scale_i32)(column, raw, valid, row_count,
                                                                 slots, first_row, error);
    }
    if (column->arrow_bytes < column->slot_bytes) {
        widen(column, raw, row_count, slots);
    } else {
        memcpy(slots, raw, row_count * column->slot_bytes);
    }
    return WEND_OK;
}

/* Append a part such as "3 days" unless it is 0. */
static char *put_part(char *at, const char *end, int64_t count, const char *unit)
{
    if (count != 0) {
        at += snprintf(at, (size_t)(end - at), "%" PRId64 " %s ", count, unit);
    }
    return at;
}

static char *put_seconds(char *at, const char *end, uint64_t nanos, bool is_negative)
{
    char fraction[16];
    size_t length = 9;

    if (nanos == 0) {
        return at;
    }
    at +=
        snprintf(at, (size_t)(end - at), "%s%" PRIu64, is_negative ? "-" : "", nanos / 1000000000u);
    if (nanos % 1000000000u != 0) {
        (void)snprintf(fraction, sizeof(fraction), "%09" PRIu64, nanos % 1000000000u);
        while (fraction[length - 1] == '0') {
            length--;
        }
        at += snprintf(at, (size_t)(end - at), ".%.*s", (int)length, fraction);
    }
    at += snprintf(at, (size_t)(end - at), " seconds ");
    return at;
}

uint32_t parquet_interval_text(const uint8_t *interval, char text[PARQUET_INTERVAL_TEXT_BYTES])
{
    const uint64_t minute = (uint64_t)60 * 1000000000;
    char *at = text;
    const char *end = text + PARQUET_INTERVAL_TEXT_BYTES;
    int32_t months;
    int32_t days;
    int64_t nanos;
    uint64_t size;
    int64_t sign;

    memcpy(&months, interval, 4);
    memcpy(&days, interval + 4, 4);
    memcpy(&nanos, interval + 8, 8);
    size = nanos < 0 ? -(uint64_t)nanos : (uint64_t)nanos;
    sign = nanos < 0 ? -1 : 1;
    at = put_part(at, end, months / 12, "years");
    at = put_part(at, end, months % 12, "months");
    at = put_part(at, end, days, "days");
    at = put_part(at, end, sign * (int64_t)(size / (60 * minute)), "hours");
    at = put_part(at, end, sign * (int64_t)(size / minute % 60), "minutes");
    at = put_seconds(at, end, size % minute, nanos < 0);
    if (at == text) {
        at += snprintf(at, (size_t)(end - at), "0 seconds ");
    }
    return (uint32_t)(at - text) - 1; /* but for the space at the end */
}
