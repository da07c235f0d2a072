/*
 * Values as text, and text as folder names. The set of escaped characters is the one of Hive's
 * FileUtils.escapePathName: what file systems, shells or Hive itself give a meaning to.
 */
#include "tools/parquet_export/parquet_path.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HIVE_NULL "__HIVE_DEFAULT_PARTITION__"
#define TEXT_BYTES 96

bool parquet_path_can_name(const parquet_column *column)
{
    if (column->physical == PARQUET_BYTE_ARRAY) {
        return column->is_text;
    }
    return column->physical != PARQUET_FIXED || column->logical == PARQUET_LOGICAL_UUID ||
           column->logical == PARQUET_LOGICAL_DECIMAL;
}

static wend_status append_escaped(parquet_bytes *out, const uint8_t *text, size_t length)
{
    static const char special[] = "\"#%'*/:=?\\{}[]^";
    wend_status status = parquet_bytes_reserve(out, 3 * length);

    for (size_t i = 0; status == WEND_OK && i < length; i++) {
        uint8_t byte = text[i];

        if (byte < 0x20 || byte == 0x7F || memchr(special, byte, sizeof(special) - 1) != NULL) {
            static const char digits[] = "0123456789ABCDEF";

            out->data[out->length++] = '%';
            out->data[out->length++] = (uint8_t)digits[byte >> 4];
            out->data[out->length++] = (uint8_t)digits[byte & 15];
        } else {
            out->data[out->length++] = byte;
        }
    }
    return status;
}

/* The civil date of a day since 1970 (after Howard Hinnant's "chrono-compatible low-level date
 * algorithms"): eras of 400 years that begin on the first of March. */
static int put_date(char *text, size_t size, int64_t days)
{
    int64_t shifted = days + 719468;
    int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int64_t day_of_era = shifted - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    int64_t day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    int64_t year = year_of_era + era * 400 + (month <= 2);

    return snprintf(text, size, "%04" PRId64 "-%02" PRId64 "-%02" PRId64, year, month, day);
}

/* "12:34:56", with as many digits of the second's fraction as are not zero. */
static int put_time(char *text, size_t size, int64_t ticks, int64_t ticks_a_second)
{
    int64_t seconds = ticks / ticks_a_second;
    int length = snprintf(text, size, "%02" PRId64 ":%02" PRId64 ":%02" PRId64, seconds / 3600,
                          seconds / 60 % 60, seconds % 60);
    int64_t fraction = ticks % ticks_a_second;

    if (fraction != 0) {
        text[length++] = '.';
        while (fraction != 0) {
            ticks_a_second /= 10;
            text[length++] = (char)('0' + fraction / ticks_a_second);
            fraction %= ticks_a_second;
        }
    }
    return length;
}

static int put_timestamp(char *text, size_t size, int64_t ticks, int64_t ticks_a_second)
{
    int64_t ticks_a_day = 86400 * ticks_a_second;
    int64_t days = ticks / ticks_a_day - (ticks % ticks_a_day < 0);
    int length = put_date(text, size, days);

    text[length++] = ' ';
    /* The remainder first: days * ticks_a_day could overflow at the range's lower end. */
    ticks %= ticks_a_day;
    return length + put_time(text + length, size - (size_t)length,
                             ticks < 0 ? ticks + ticks_a_day : ticks, ticks_a_second);
}

static int put_decimal(char *text, __int128 value, int32_t scale)
{
    char digits[48];
    int count = 0;
    int length = 0;
    unsigned __int128 rest = value < 0 ? -(unsigned __int128)value : (unsigned __int128)value;

    do {
        digits[count++] = (char)('0' + (int)(rest % 10));
        rest /= 10;
    } while (rest != 0 || count <= scale);
    if (value < 0) {
        text[length++] = '-';
    }
    while (count > 0) {
        if (count == scale) {
            text[length++] = '.';
        }
        text[length++] = digits[--count];
    }
    return length;
}

static __int128 read_big_endian(const uint8_t *bytes, size_t count)
{
    unsigned __int128 value = bytes[0] >= 128 ? ~(unsigned __int128)0 : 0;

    for (size_t i = 0; i < count; i++) {
        value = value << 8 | bytes[i];
    }
    return (__int128)value;
}

static int put_uuid(char *text, const uint8_t *bytes)
{
    int length = 0;

    for (int i = 0; i < 16; i++) {
        length += snprintf(text + length, 4, "%s%02x",
                           i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", bytes[i]);
    }
    return length;
}

/* The fewest digits that read back as the same number. */
static int put_float(char *text, size_t size, double value, bool is_single)
{
    int most = is_single ? 9 : 17;

    if (isnan(value)) {
        return snprintf(text, size, "NaN");
    }
    if (isinf(value)) {
        return snprintf(text, size, value < 0 ? "-Infinity" : "Infinity");
    }
    for (int digits = 1; digits < most; digits++) {
        double back;

        (void)snprintf(text, size, "%.*g", digits, value);
        back = is_single ? (double)strtof(text, NULL) : strtod(text, NULL);
        if (back == value) {
            return (int)strlen(text);
        }
    }
    return snprintf(text, size, "%.*g", most, value);
}

static int put_integer(char *text, size_t size, const parquet_column *column, int64_t value)
{
    static const int64_t ticks_a_second[] = {
        [PARQUET_MILLIS] = 1000, [PARQUET_MICROS] = 1000000, [PARQUET_NANOS] = 1000000000};

    switch (column->logical) {
    case PARQUET_LOGICAL_DATE:
        return put_date(text, size, value);
    case PARQUET_LOGICAL_TIME:
        return put_time(text, size, value, ticks_a_second[column->unit]);
    case PARQUET_LOGICAL_TIMESTAMP:
        return put_timestamp(text, size, value, ticks_a_second[column->unit]);
    case PARQUET_LOGICAL_DECIMAL:
        return put_decimal(text, value, column->scale);
    default:
        break;
    }
    if (column->order == PARQUET_ORDER_UNSIGNED) {
        return snprintf(text, size, "%" PRIu64,
                        column->slot_bytes == 4 ? (uint64_t)(uint32_t)value : (uint64_t)value);
    }
    return snprintf(text, size, "%" PRId64, value);
}

static int put_slot(char text[TEXT_BYTES], const parquet_column *column, const uint8_t *slot)
{
    int32_t narrow;
    int64_t wide;
    float single;
    double value;

    switch (column->physical) {
    case PARQUET_BOOLEAN:
        return snprintf(text, TEXT_BYTES, "%s", slot[0] != 0 ? "true" : "false");
    case PARQUET_INT32:
        memcpy(&narrow, slot, 4);
        return put_integer(text, TEXT_BYTES, column, narrow);
    case PARQUET_INT64:
        memcpy(&wide, slot, 8);
        return put_integer(text, TEXT_BYTES, column, wide);
    case PARQUET_FLOAT:
        memcpy(&single, slot, 4);
        return put_float(text, TEXT_BYTES, (double)single, true);
    case PARQUET_DOUBLE:
        memcpy(&value, slot, 8);
        return put_float(text, TEXT_BYTES, value, false);
    default:
        break;
    }
    if (column->logical == PARQUET_LOGICAL_UUID) {
        return put_uuid(text, slot);
    }
    return put_decimal(text, read_big_endian(slot, column->slot_bytes), column->scale);
}

wend_status parquet_path_append(parquet_bytes *out, const parquet_column *column,
                                const uint8_t *value, size_t length)
{
    char text[TEXT_BYTES];
    wend_status status = WEND_OK;

    PARQUET_TRY(append_escaped(out, (const uint8_t *)column->name, strlen(column->name)));
    PARQUET_TRY(parquet_bytes_append(out, "=", 1));
    if (value == NULL || length == 0) {
        return parquet_bytes_append(out, HIVE_NULL, strlen(HIVE_NULL));
    }
    if (column->physical != PARQUET_BYTE_ARRAY) {
        length = (size_t)put_slot(text, column, value);
        value = (const uint8_t *)text;
    }
    PARQUET_TRY(append_escaped(out, value, length));
cleanup:
    return status;
}
