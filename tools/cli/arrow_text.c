/* Values of Arrow arrays as text. Layouts: https://arrow.apache.org/docs/format/CDataInterface.html
 */
#include "tools/cli/arrow_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

__extension__ typedef unsigned __int128 uint128;
__extension__ typedef __int128 int128;

static bool has_extension(const struct ArrowSchema *schema, const char *name)
{
    /* Metadata: i32 pair count, then for each i32 key length, key, i32 value length, value; native
     * byte order. */
    const char *at = schema->metadata;
    int32_t pairs = 0;
    if (at == NULL) {
        return false;
    }
    memcpy(&pairs, at, 4);
    at += 4;
    for (int32_t i = 0; i < pairs; i++) {
        int32_t key_length;
        int32_t value_length;
        memcpy(&key_length, at, 4);
        const char *key = at + 4;
        memcpy(&value_length, key + key_length, 4);
        const char *value = key + key_length + 4;
        if (key_length == 20 && memcmp(key, "ARROW:extension:name", 20) == 0 &&
            (size_t)value_length == strlen(name) &&
            memcmp(value, name, (size_t)value_length) == 0) {
            return true;
        }
        at = value + value_length;
    }
    return false;
}

cli_value_kind cli_column_kind(const struct ArrowSchema *schema)
{
    /* A dictionary's codes say nothing of its values: the value's own format does. */
    const char *format = schema->dictionary != NULL ? schema->dictionary->format : schema->format;
    switch (format[0]) {
    case 'b':
        return CLI_VALUE_BOOLEAN;
    case 's':
    case 'i':
    case 'l':
    case 'c':
    case 'S':
    case 'I':
    case 'L':
    case 'C':
    case 'f':
    case 'g':
    case 'd':
        return CLI_VALUE_NUMBER;
    case 'u':
    case 'U':
        return has_extension(schema, "arrow.json") ? CLI_VALUE_JSON : CLI_VALUE_TEXT;
    default:
        return CLI_VALUE_TEXT;
    }
}

bool cli_is_null(const struct ArrowArray *array, int64_t row)
{
    const uint8_t *valid = array->n_buffers > 0 ? array->buffers[0] : NULL;
    int64_t at = row + array->offset;
    if (valid != NULL && (valid[at / 8] >> (at % 8) & 1) == 0) {
        return true;
    }
    return array->n_buffers == 0; /* Arrow's null type */
}

int64_t cli_integer(const struct ArrowSchema *schema, const struct ArrowArray *array, int64_t row)
{
    const void *data = array->buffers[1];
    int64_t at = row + array->offset;
    switch (schema->format[0]) {
    case 'b':
        return ((const uint8_t *)data)[at / 8] >> (at % 8) & 1;
    case 'c':
        return ((const int8_t *)data)[at];
    case 's':
        return ((const int16_t *)data)[at];
    case 'i':
        return ((const int32_t *)data)[at];
    case 'I':
        return ((const uint32_t *)data)[at];
    case 't':
        return schema->format[1] == 'd' ? ((const int32_t *)data)[at] : ((const int64_t *)data)[at];
    default:
        return ((const int64_t *)data)[at];
    }
}

static wend_status append_double(double value, bool single, wendi_buffer *out)
{
    char text[40];
    if (isnan(value)) {
        return wendi_buffer_append(out, "NaN", 3);
    }
    if (isinf(value)) {
        return wendi_buffer_printf(out, value < 0 ? "-Infinity" : "Infinity");
    }
    for (int digits = single ? 6 : 15; digits <= (single ? 9 : 17); digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (single ? strtof(text, NULL) == (float)value : strtod(text, NULL) == value) {
            break;
        }
    }
    return wendi_buffer_append(out, text, strlen(text));
}

static wend_status append_decimal(const char *format, const void *data, int64_t at,
                                  wendi_buffer *out)
{
    int precision = 0;
    int scale = 0;
    int128 value;
    char digits[48];
    int count = 0;
    sscanf(format, "d:%d,%d", &precision, &scale);
    memcpy(&value, (const char *)data + at * 16, sizeof value);
    uint128 rest = value < 0 ? -(uint128)value : (uint128)value;
    while (rest != 0 || count <= scale) {
        digits[count++] = (char)('0' + (int)(rest % 10));
        rest /= 10;
    }
    wend_status status = value < 0 ? wendi_buffer_u8(out, '-') : WEND_OK;
    while (status == WEND_OK && count > 0) {
        status = wendi_buffer_u8(out, (uint8_t)digits[--count]);
        if (status == WEND_OK && count == scale && scale > 0) {
            status = wendi_buffer_u8(out, '.');
        }
    }
    return status;
}

static void civil(int64_t days, int64_t *year, int *month, int *day)
{
    /* Howard Hinnant's days_to_civil, from his paper "chrono-Compatible Low-Level Date Algorithms".
     */
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t of_era = z - era * 146097;
    int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * of_year + 2) / 153;
    *day = (int)(of_year - (153 * shifted + 2) / 5 + 1);
    *month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
    *year = year_of_era + era * 400 + (*month <= 2);
}

static wend_status append_date(int64_t days, wendi_buffer *out)
{
    int64_t year;
    int month;
    int day;
    civil(days, &year, &month, &day);
    if (year <= 0) {
        return wendi_buffer_printf(out, "%04lld-%02d-%02d BC", (long long)(1 - year), month, day);
    }
    return wendi_buffer_printf(out, "%04lld-%02d-%02d", (long long)year, month, day);
}

/* ".5" of 500,000 microseconds: no trailing zeros. */
static wend_status append_fraction(int microseconds, wendi_buffer *out)
{
    char text[16];
    size_t length = (size_t)snprintf(text, sizeof text, ".%06d", microseconds);
    while (text[length - 1] == '0') {
        length--;
    }
    return wendi_buffer_append(out, text, length);
}

static wend_status append_time(int64_t us, const wendi_timezone *zone, wendi_buffer *out)
{
    int64_t local = zone == NULL ? us : wendi_timezone_to_local(zone, us);
    int64_t days = local / 86400000000 - (local % 86400000000 < 0);
    int64_t of_day = local - days * 86400000000;
    int fraction = (int)(of_day % 1000000);
    int64_t seconds = of_day / 1000000;
    wend_status status = append_date(days, out);
    status = status != WEND_OK
                 ? status
                 : wendi_buffer_printf(out, " %02lld:%02lld:%02lld", (long long)(seconds / 3600),
                                       (long long)(seconds / 60 % 60), (long long)(seconds % 60));
    if (status == WEND_OK && fraction != 0) {
        status = append_fraction(fraction, out);
    }
    if (status == WEND_OK && zone != NULL) {
        int64_t offset = (local - us) / 1000000;
        int64_t off = offset < 0 ? -offset : offset;
        status =
            wendi_buffer_printf(out, "%c%02lld", offset < 0 ? '-' : '+', (long long)(off / 3600));
        if (status == WEND_OK && off % 3600 != 0) {
            status = wendi_buffer_printf(out, ":%02lld", (long long)(off / 60 % 60));
        }
    }
    return status;
}

static wend_status append_interval(const void *data, int64_t at, wendi_buffer *out)
{
    int32_t months;
    int32_t days;
    int64_t nanoseconds;
    const char *value = (const char *)data + at * 16;
    memcpy(&months, value, 4);
    memcpy(&days, value + 4, 4);
    memcpy(&nanoseconds, value + 8, 8);
    int64_t us = nanoseconds / 1000;
    const char *space = "";
    wend_status status = WEND_OK;
    struct {
        int64_t count;
        const char *one;
        const char *many;
    } parts[] = {
        {months / 12, "year", "years"}, {months % 12, "mon", "mons"}, {days, "day", "days"}};
    for (size_t i = 0; status == WEND_OK && i < 3; i++) {
        if (parts[i].count != 0) {
            status = wendi_buffer_printf(out, "%s%lld %s", space, (long long)parts[i].count,
                                         parts[i].count == 1 ? parts[i].one : parts[i].many);
            space = " ";
        }
    }
    if (status == WEND_OK && (us != 0 || space[0] == '\0')) {
        int64_t size = us < 0 ? -us : us;
        status =
            wendi_buffer_printf(out, "%s%s%02lld:%02lld:%02lld", space, us < 0 ? "-" : "",
                                (long long)(size / 3600000000), (long long)(size / 60000000 % 60),
                                (long long)(size / 1000000 % 60));
        if (status == WEND_OK && size % 1000000 != 0) {
            status = append_fraction((int)(size % 1000000), out);
        }
    }
    return status;
}

static wend_status append_uuid(const uint8_t *bytes, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    for (int i = 0; status == WEND_OK && i < 16; i++) {
        status = wendi_buffer_printf(out, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x",
                                     bytes[i]);
    }
    return status;
}

static wend_status append_string(const struct ArrowArray *array, int64_t at, bool large,
                                 wendi_buffer *out)
{
    const char *bytes = array->buffers[2];
    if (large) {
        const int64_t *offsets = array->buffers[1];
        return wendi_buffer_append(out, bytes + offsets[at],
                                   (size_t)(offsets[at + 1] - offsets[at]));
    }
    const int32_t *offsets = array->buffers[1];
    return wendi_buffer_append(out, bytes + offsets[at], (size_t)(offsets[at + 1] - offsets[at]));
}

wend_status cli_append_value(const struct ArrowSchema *schema, const struct ArrowArray *array,
                             int64_t row, const wendi_timezone *zone, wendi_buffer *out)
{
    int64_t at = row + array->offset;
    const char *format = schema->format;
    if (cli_is_null(array, row)) {
        return WEND_OK;
    }
    if (schema->dictionary != NULL) {
        return cli_append_value(schema->dictionary, array->dictionary,
                                cli_integer(schema, array, row), zone, out);
    }
    switch (format[0]) {
    case 'b':
        return wendi_buffer_printf(out, cli_integer(schema, array, row) ? "true" : "false");
    case 'c':
    case 's':
    case 'i':
    case 'I':
    case 'l':
        return wendi_buffer_printf(out, "%lld", (long long)cli_integer(schema, array, row));
    case 'f':
        return append_double((double)((const float *)array->buffers[1])[at], true, out);
    case 'g':
        return append_double(((const double *)array->buffers[1])[at], false, out);
    case 'd':
        return append_decimal(format, array->buffers[1], at, out);
    case 'u':
        return append_string(array, at, false, out);
    case 'U':
        return append_string(array, at, true, out);
    case 'w':
        return append_uuid((const uint8_t *)array->buffers[1] + at * 16, out);
    case 't':
        if (strcmp(format, "tdD") == 0) {
            return append_date(cli_integer(schema, array, row), out);
        }
        if (strncmp(format, "tsu:", 4) == 0) {
            return append_time(cli_integer(schema, array, row), format[4] != '\0' ? zone : NULL,
                               out);
        }
        return strcmp(format, "tin") == 0 ? append_interval(array->buffers[1], at, out)
                                          : WEND_UNSUPPORTED;
    default:
        return WEND_UNSUPPORTED;
    }
}
