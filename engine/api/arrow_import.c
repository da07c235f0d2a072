/* Arrow arrays to values, one at a time. */
#include "engine/api/arrow_import.h"

#include <stdio.h>
#include <string.h>

#include "engine/base/status.h"
#include "engine/expr/numeric.h"

static bool is_text(const char *format)
{
    return strcmp(format, "u") == 0 || strcmp(format, "U") == 0;
}

/* Can values laid out as `format` go into `type` as they are? */
static bool layout_fits(const char *format, wendi_type type)
{
    switch (type.kind) {
    case WENDI_TYPE_BOOLEAN:
        return strcmp(format, "b") == 0;
    case WENDI_TYPE_SMALLINT:
        return format[1] == '\0' && strchr("csC", format[0]) != NULL;
    case WENDI_TYPE_INTEGER:
        return format[1] == '\0' && strchr("csiCS", format[0]) != NULL;
    case WENDI_TYPE_BIGINT:
        return format[1] == '\0' && strchr("csilCSI", format[0]) != NULL;
    case WENDI_TYPE_REAL:
        return strcmp(format, "f") == 0;
    case WENDI_TYPE_DOUBLE:
        return strcmp(format, "g") == 0 || strcmp(format, "f") == 0;
    case WENDI_TYPE_NUMERIC: {
        unsigned precision = 0, scale = 0;
        char rest = '\0';
        return sscanf(format, "d:%u,%u%c", &precision, &scale, &rest) == 2 && scale == type.scale;
    }
    case WENDI_TYPE_UUID:
        return strcmp(format, "w:16") == 0;
    case WENDI_TYPE_DATE:
        return strcmp(format, "tdD") == 0;
    case WENDI_TYPE_TIMESTAMPTZ:
        return strncmp(format, "tsu:", 4) == 0 && format[4] != '\0';
    default:
        return false;
    }
}

wend_status wendi_arrow_field_open(const struct ArrowSchema *schema, const struct ArrowArray *array,
                                   int64_t row_offset, wendi_type type, wendi_arrow_field *field,
                                   wend_error *error)
{
    char name[64];
    const char *format = schema->format;

    *field = (wendi_arrow_field){
        .schema = schema, .array = array, .type = type, .row_offset = row_offset};
    if (schema->dictionary != NULL) {
        if (array->dictionary == NULL || format[1] != '\0' ||
            strchr("cCsSiIlL", format[0]) == NULL) {
            return wendi_fail(error, WEND_INVALID,
                              "field \"%s\" is no well-formed dictionary array", schema->name);
        }
        field->coded = true;
        field->index_format = format[0];
        format = schema->dictionary->format;
    }
    field->layout = format[0];
    field->text = is_text(format);
    if (field->text || (!field->coded && layout_fits(format, type))) {
        return WEND_OK;
    }
    wendi_fail(error, WEND_INVALID,
               "field \"%s\" has Arrow format \"%s\", which does not go into %s", schema->name,
               format, wendi_type_name(type, name));
    wendi_error_hint(error, "Cast it first, or hand it in as text.");
    return WEND_INVALID;
}

static bool bit(const void *bits, int64_t at)
{
    return (((const uint8_t *)bits)[at / 8] >> at % 8 & 1) != 0;
}

static bool is_null(const struct ArrowArray *array, int64_t at)
{
    return array->null_count != 0 && array->n_buffers > 0 && array->buffers[0] != NULL &&
           !bit(array->buffers[0], at);
}

static int64_t whole(char format, const void *buffer, int64_t at)
{
    switch (format) {
    case 'c':
        return ((const int8_t *)buffer)[at];
    case 'C':
        return ((const uint8_t *)buffer)[at];
    case 's':
        return ((const int16_t *)buffer)[at];
    case 'S':
        return ((const uint16_t *)buffer)[at];
    case 'i':
        return ((const int32_t *)buffer)[at];
    case 'I':
        return ((const uint32_t *)buffer)[at];
    default:
        return ((const int64_t *)buffer)[at];
    }
}

static wend_status text_at(const struct ArrowArray *array, char layout, int64_t at,
                           wendi_string *text, const char **reason)
{
    int64_t begin, end;

    if (layout == 'U') {
        begin = ((const int64_t *)array->buffers[1])[at];
        end = ((const int64_t *)array->buffers[1])[at + 1];
    } else {
        begin = ((const int32_t *)array->buffers[1])[at];
        end = ((const int32_t *)array->buffers[1])[at + 1];
    }
    if (begin < 0 || end < begin || end - begin > (INT64_C(1) << 30)) {
        *reason = "a text longer than 1 GiB, or offsets that do not rise";
        return WEND_INVALID;
    }
    *text = (wendi_string){end == begin ? "" : (const char *)array->buffers[2] + begin,
                           (uint32_t)(end - begin)};
    return WEND_OK;
}

static wend_status parse(const wendi_arrow_field *field, wendi_string text, wendi_value *value,
                         const char **reason)
{
    wend_status status = wendi_value_parse(field->type, text, wendi_timezone_utc(), value, reason);

    value->type = field->type;
    return status;
}

static wend_status numeric_at(const wendi_arrow_field *field, int64_t at, wendi_value *value,
                              const char **reason)
{
    wendi_int128 number;

    memcpy(&number, (const uint8_t *)field->array->buffers[1] + (size_t)at * 16, sizeof number);
    if (!wendi_numeric_fits(number, field->type.precision)) {
        *reason = "more digits than the column holds";
        return WEND_INVALID;
    }
    if (wendi_type_physical(field->type) == WENDI_PHYSICAL_B16) {
        memcpy(&value->b16, &number, sizeof number);
    } else {
        value->i64 = (int64_t)number;
    }
    return WEND_OK;
}

/* Values laid out as the column wants them. */
static wend_status plain_at(const wendi_arrow_field *field, int64_t at, wendi_value *value,
                            const char **reason)
{
    const void *buffer = field->array->buffers[1];

    switch (field->type.kind) {
    case WENDI_TYPE_BOOLEAN:
        value->i64 = bit(buffer, at);
        return WEND_OK;
    case WENDI_TYPE_REAL:
    case WENDI_TYPE_DOUBLE:
        value->f64 = field->layout == 'f' ? (double)((const float *)buffer)[at]
                                          : ((const double *)buffer)[at];
        return WEND_OK;
    case WENDI_TYPE_NUMERIC:
        return numeric_at(field, at, value, reason);
    case WENDI_TYPE_UUID:
        memcpy(&value->b16, (const uint8_t *)buffer + (size_t)at * 16, 16);
        return WEND_OK;
    case WENDI_TYPE_DATE:
        value->i64 = ((const int32_t *)buffer)[at];
        return WEND_OK;
    case WENDI_TYPE_TIMESTAMPTZ:
        value->i64 = ((const int64_t *)buffer)[at];
        return WEND_OK;
    default:
        value->i64 = whole(field->layout, buffer, at);
        return WEND_OK;
    }
}

wend_status wendi_arrow_field_value(const wendi_arrow_field *field, int64_t row, wendi_value *value,
                                    const char **reason)
{
    const struct ArrowArray *array = field->array;
    int64_t at = array->offset + field->row_offset + row;
    wendi_string text;

    *value = (wendi_value){.type = field->type};
    if (is_null(array, at)) {
        value->null = true;
        return WEND_OK;
    }
    if (field->coded) {
        int64_t index = whole(field->index_format, array->buffers[1], at);
        array = array->dictionary;
        if (index < 0 || index >= array->length) {
            *reason = "an index beyond its dictionary";
            return WEND_INVALID;
        }
        at = index + array->offset;
        if (is_null(array, at)) {
            value->null = true;
            return WEND_OK;
        }
    }
    if (!field->text) {
        return plain_at(field, at, value, reason);
    }
    wend_status status = text_at(array, field->layout, at, &text, reason);
    return status == WEND_OK ? parse(field, text, value, reason) : status;
}
