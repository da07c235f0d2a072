/*
 * From Arrow's format strings (the C data interface's) to Parquet's types. The table in
 * docs/EXPORT.md is this file in prose: change both.
 */
#include "tools/parquet_export/parquet_column.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CONVERTED_UTF8 = 0,
    CONVERTED_DECIMAL = 5,
    CONVERTED_DATE = 6,
    CONVERTED_TIME_MILLIS = 7,
    CONVERTED_TIME_MICROS = 8,
    CONVERTED_TIMESTAMP_MILLIS = 9,
    CONVERTED_TIMESTAMP_MICROS = 10,
    CONVERTED_UINT_8 = 11,
    CONVERTED_INT_8 = 15,
    CONVERTED_JSON = 19
};

#define FIXED_BYTES_MAX 65536

static void set_physical(parquet_column *column, parquet_physical physical, parquet_order order)
{
    static const size_t slot_bytes[] = {
        [PARQUET_BOOLEAN] = 1, [PARQUET_INT32] = 4,  [PARQUET_INT64] = 8,
        [PARQUET_FLOAT] = 4,   [PARQUET_DOUBLE] = 8, [PARQUET_BYTE_ARRAY] = 4,
    };

    column->physical = physical;
    column->order = order;
    column->slot_bytes =
        physical == PARQUET_FIXED ? (size_t)column->type_length : slot_bytes[physical];
}

static void bind_integer(parquet_column *column, parquet_arrow arrow, int8_t bits, bool is_signed)
{
    int8_t power = (int8_t)(bits == 8 ? 0 : bits == 16 ? 1 : bits == 32 ? 2 : 3);

    column->arrow = arrow;
    column->arrow_bytes = (size_t)bits / 8;
    set_physical(column, bits == 64 ? PARQUET_INT64 : PARQUET_INT32,
                 is_signed ? PARQUET_ORDER_SIGNED : PARQUET_ORDER_UNSIGNED);
    if (is_signed && bits >= 32) {
        return; /* The physical type says it all. */
    }
    column->logical = PARQUET_LOGICAL_INTEGER;
    column->integer_bits = bits;
    column->is_signed = is_signed;
    column->converted = (is_signed ? CONVERTED_INT_8 : CONVERTED_UINT_8) + power;
}

static void bind_bytes(parquet_column *column, parquet_arrow arrow, bool is_text)
{
    column->arrow = arrow;
    column->is_text = is_text;
    set_physical(column, PARQUET_BYTE_ARRAY, PARQUET_ORDER_UNSIGNED);
    if (is_text) {
        column->logical = PARQUET_LOGICAL_STRING;
        column->converted = CONVERTED_UTF8;
    }
}

/* One-letter formats; false when it is none of them. */
static bool bind_simple(parquet_column *column, char letter)
{
    switch (letter) {
    case 'n':
        bind_integer(column, PARQUET_ARROW_NULL, 32, true);
        column->logical = PARQUET_LOGICAL_UNKNOWN;
        column->order = PARQUET_ORDER_NONE;
        column->is_nullable = true;
        return true;
    case 'b':
        column->arrow = PARQUET_ARROW_BOOL;
        set_physical(column, PARQUET_BOOLEAN, PARQUET_ORDER_UNSIGNED);
        return true;
    case 'c':
        bind_integer(column, PARQUET_ARROW_I8, 8, true);
        return true;
    case 'C':
        bind_integer(column, PARQUET_ARROW_U8, 8, false);
        return true;
    case 's':
        bind_integer(column, PARQUET_ARROW_I16, 16, true);
        return true;
    case 'S':
        bind_integer(column, PARQUET_ARROW_U16, 16, false);
        return true;
    case 'i':
        bind_integer(column, PARQUET_ARROW_I32, 32, true);
        return true;
    case 'I':
        bind_integer(column, PARQUET_ARROW_U32, 32, false);
        return true;
    case 'l':
        bind_integer(column, PARQUET_ARROW_I64, 64, true);
        return true;
    case 'L':
        bind_integer(column, PARQUET_ARROW_U64, 64, false);
        return true;
    case 'f':
        column->arrow = PARQUET_ARROW_FLOAT;
        column->arrow_bytes = 4;
        set_physical(column, PARQUET_FLOAT, PARQUET_ORDER_FLOAT);
        return true;
    case 'g':
        column->arrow = PARQUET_ARROW_DOUBLE;
        column->arrow_bytes = 8;
        set_physical(column, PARQUET_DOUBLE, PARQUET_ORDER_FLOAT);
        return true;
    case 'u':
        bind_bytes(column, PARQUET_ARROW_BYTES, true);
        return true;
    case 'U':
        bind_bytes(column, PARQUET_ARROW_LARGE_BYTES, true);
        return true;
    case 'z':
        bind_bytes(column, PARQUET_ARROW_BYTES, false);
        return true;
    case 'Z':
        bind_bytes(column, PARQUET_ARROW_LARGE_BYTES, false);
        return true;
    default:
        return false;
    }
}

/* The bytes that a two's complement number of this many decimal digits needs. */
static int32_t decimal_bytes(int32_t precision)
{
    unsigned __int128 largest = 1;
    int32_t bytes = 1;

    for (int32_t i = 0; i < precision; i++) {
        largest *= 10;
    }
    while (bytes < 16 && (largest - 1) >> (8 * bytes - 1) != 0) {
        bytes++;
    }
    return bytes;
}

/* "d:precision,scale" with an optional width of 128 bits. */
static bool bind_decimal(parquet_column *column, const char *format)
{
    int precision = 0;
    int scale = 0;
    int bits = 128;
    int end = 0;
    size_t length = strlen(format);

    if (!(sscanf(format, "d:%d,%d%n", &precision, &scale, &end) == 2 && (size_t)end == length) &&
        !(sscanf(format, "d:%d,%d,%d%n", &precision, &scale, &bits, &end) == 3 &&
          (size_t)end == length)) {
        return false;
    }
    if (bits != 128 || precision < 1 || precision > 38 || scale < 0 || scale > precision) {
        return false;
    }
    column->arrow = PARQUET_ARROW_DECIMAL;
    column->arrow_bytes = 16;
    column->precision = precision;
    column->scale = scale;
    column->logical = PARQUET_LOGICAL_DECIMAL;
    column->converted = CONVERTED_DECIMAL;
    if (precision > 18) {
        column->type_length = decimal_bytes(precision);
    }
    set_physical(column,
                 precision <= 9    ? PARQUET_INT32
                 : precision <= 18 ? PARQUET_INT64
                                   : PARQUET_FIXED,
                 PARQUET_ORDER_SIGNED);
    return true;
}

static bool bind_fixed(parquet_column *column, const char *format)
{
    char *end = NULL;
    long bytes = strtol(format + 2, &end, 10);

    if (format[1] != ':' || end == format + 2 || *end != '\0' || bytes < 1 ||
        bytes > FIXED_BYTES_MAX) {
        return false;
    }
    column->arrow = PARQUET_ARROW_FIXED;
    column->arrow_bytes = (size_t)bytes;
    column->type_length = (int32_t)bytes;
    set_physical(column, PARQUET_FIXED, PARQUET_ORDER_UNSIGNED);
    return true;
}

static void bind_unit(parquet_column *column, char unit)
{
    column->multiply = unit == 's' ? 1000 : 1;
    column->unit = unit == 'u' ? PARQUET_MICROS : unit == 'n' ? PARQUET_NANOS : PARQUET_MILLIS;
}

/* "ts<unit>:<zone>": an instant when it has a zone, a wall clock's reading when it has none. */
static bool bind_timestamp(parquet_column *column, const char *format)
{
    if (format[2] == '\0' || strchr("smun", format[2]) == NULL || format[3] != ':') {
        return false;
    }
    bind_integer(column, PARQUET_ARROW_I64, 64, true);
    bind_unit(column, format[2]);
    column->logical = PARQUET_LOGICAL_TIMESTAMP;
    column->is_utc = format[4] != '\0';
    column->converted = column->unit == PARQUET_MILLIS   ? CONVERTED_TIMESTAMP_MILLIS
                        : column->unit == PARQUET_MICROS ? CONVERTED_TIMESTAMP_MICROS
                                                         : -1;
    return true;
}

static bool bind_time(parquet_column *column, char unit)
{
    bool is_long = unit == 'u' || unit == 'n';

    if (unit == '\0' || strchr("smun", unit) == NULL) {
        return false;
    }
    bind_integer(column, is_long ? PARQUET_ARROW_I64 : PARQUET_ARROW_I32, is_long ? 64 : 32, true);
    bind_unit(column, unit);
    column->logical = PARQUET_LOGICAL_TIME;
    column->converted = column->unit == PARQUET_MILLIS   ? CONVERTED_TIME_MILLIS
                        : column->unit == PARQUET_MICROS ? CONVERTED_TIME_MICROS
                                                         : -1;
    return true;
}

static bool bind_date(parquet_column *column, char unit)
{
    if (unit != 'D' && unit != 'm') {
        return false;
    }
    bind_integer(column, PARQUET_ARROW_I32, 32, true);
    if (unit == 'm') {
        column->arrow = PARQUET_ARROW_I64;
        column->arrow_bytes = 8;
        column->divide = 86400000;
    }
    column->logical = PARQUET_LOGICAL_DATE;
    column->converted = CONVERTED_DATE;
    return true;
}

static bool bind_temporal(parquet_column *column, const char *format)
{
    size_t length = strlen(format);

    if (format[1] == 's') {
        return bind_timestamp(column, format);
    }
    if (length != 3) {
        return false;
    }
    if (format[1] == 'd') {
        return bind_date(column, format[2]);
    }
    if (format[1] == 't') {
        return bind_time(column, format[2]);
    }
    if (format[1] == 'D' && strchr("smun", format[2]) != NULL) {
        bind_integer(column, PARQUET_ARROW_I64, 64, true); /* A count; no type of Parquet's own. */
        return true;
    }
    if (strcmp(format, "tin") == 0) {
        /* Parquet's own INTERVAL has neither a sign nor microseconds, and Spark refuses to open a
         * file that has one; text loses nothing and casts back. */
        bind_bytes(column, PARQUET_ARROW_INTERVAL, true);
        column->arrow_bytes = 16;
        return true;
    }
    return false;
}

static bool bind_format(parquet_column *column, const char *format)
{
    if (format[0] != '\0' && format[1] == '\0') {
        return bind_simple(column, format[0]);
    }
    switch (format[0]) {
    case 'd':
        return bind_decimal(column, format);
    case 'w':
        return bind_fixed(column, format);
    case 't':
        return bind_temporal(column, format);
    default:
        return false;
    }
}

static int32_t read_i32(const char *bytes)
{
    int32_t value;

    memcpy(&value, bytes, sizeof(value)); /* The interface says: native byte order, unaligned. */
    return value;
}

/* Whether Arrow's packed key-value metadata says that `key` is `value`. */
static bool has_metadata(const char *metadata, const char *key, const char *value)
{
    int32_t pair_count = metadata == NULL ? 0 : read_i32(metadata);
    const char *at = metadata == NULL ? NULL : metadata + 4;

    for (int32_t i = 0; i < pair_count; i++) {
        size_t key_length = (size_t)read_i32(at);
        const char *found_key = at + 4;
        size_t value_length = (size_t)read_i32(found_key + key_length);
        const char *found_value = found_key + key_length + 4;

        if (key_length == strlen(key) && memcmp(found_key, key, key_length) == 0 &&
            value_length == strlen(value) && memcmp(found_value, value, value_length) == 0) {
            return true;
        }
        at = found_value + value_length;
    }
    return false;
}

static void bind_extension(parquet_column *column, const char *metadata)
{
    if (column->arrow == PARQUET_ARROW_FIXED && column->type_length == 16 &&
        has_metadata(metadata, "ARROW:extension:name", "arrow.uuid")) {
        column->logical = PARQUET_LOGICAL_UUID;
    }
    if (column->logical == PARQUET_LOGICAL_STRING &&
        has_metadata(metadata, "ARROW:extension:name", "arrow.json")) {
        column->logical = PARQUET_LOGICAL_JSON;
        column->converted = CONVERTED_JSON;
    }
}

static wend_status bind_column(parquet_column *column, const struct ArrowSchema *arrow,
                               wend_error *error)
{
    const struct ArrowSchema *value = arrow->dictionary != NULL ? arrow->dictionary : arrow;
    const char *name = arrow->name == NULL ? "" : arrow->name;

    *column = (parquet_column){.converted = -1, .multiply = 1, .divide = 1};
    column->name = parquet_format("%s", name);
    if (column->name == NULL) {
        return WEND_NOMEM;
    }
    column->is_nullable = (arrow->flags & ARROW_FLAG_NULLABLE) != 0;
    if (name[0] == '\0') {
        parquet_fail(error, WEND_INVALID, "a column has no name");
        parquet_hint(error, "name it with AS");
        return WEND_INVALID;
    }
    if (!bind_format(column, value->format) || value->dictionary != NULL) {
        parquet_fail(error, WEND_UNSUPPORTED,
                     "column \"%s\" has the Arrow type \"%s\", which has no "
                     "mapping to Parquet here",
                     name, value->format);
        parquet_hint(error, "cast it, for example to text or jsonb");
        return WEND_UNSUPPORTED;
    }
    bind_extension(column, value->metadata);
    bind_extension(column, arrow->metadata);
    if (arrow->dictionary != NULL) {
        parquet_column index = {.converted = -1};

        column->has_dictionary = true;
        if (strlen(arrow->format) != 1 || strchr("cCsSiIlL", arrow->format[0]) == NULL ||
            !bind_simple(&index, arrow->format[0])) {
            return parquet_fail(error, WEND_CORRUPT,
                                "column \"%s\" has dictionary indices of the "
                                "Arrow type \"%s\"",
                                name, arrow->format);
        }
        column->index = index.arrow;
    }
    return WEND_OK;
}

static wend_status check_names(const parquet_schema *schema, wend_error *error)
{
    for (size_t i = 0; i < schema->column_count; i++) {
        if (parquet_schema_find(schema, schema->columns[i].name) != (int64_t)i) {
            parquet_fail(error, WEND_INVALID, "two columns are named \"%s\"",
                         schema->columns[i].name);
            parquet_hint(error, "give each its own name with AS");
            return WEND_INVALID;
        }
    }
    return WEND_OK;
}

wend_status parquet_schema_bind(parquet_schema *schema, const struct ArrowSchema *arrow,
                                wend_error *error)
{
    wend_status status = WEND_OK;

    *schema = (parquet_schema){0};
    if (arrow->format == NULL || strcmp(arrow->format, "+s") != 0) {
        return parquet_fail(error, WEND_CORRUPT,
                            "the stream's schema is \"%s\", not a struct of columns",
                            arrow->format == NULL ? "" : arrow->format);
    }
    if (arrow->n_children <= 0) {
        return parquet_fail(error, WEND_INVALID, "there are no columns to export");
    }
    schema->columns = parquet_alloc_zero((size_t)arrow->n_children, sizeof(*schema->columns));
    if (schema->columns == NULL) {
        return WEND_NOMEM;
    }
    for (int64_t i = 0; i < arrow->n_children; i++) {
        schema->column_count = (size_t)i + 1;
        PARQUET_TRY(bind_column(&schema->columns[i], arrow->children[i], error));
    }
    PARQUET_TRY(check_names(schema, error));
    return WEND_OK;
cleanup:
    parquet_schema_free(schema);
    return status;
}

void parquet_schema_free(parquet_schema *schema)
{
    for (size_t i = 0; i < schema->column_count; i++) {
        parquet_free(schema->columns[i].name);
    }
    parquet_free(schema->columns);
    *schema = (parquet_schema){0};
}

int64_t parquet_schema_find(const parquet_schema *schema, const char *name)
{
    for (size_t i = 0; i < schema->column_count; i++) {
        if (strcmp(schema->columns[i].name, name) == 0) {
            return (int64_t)i;
        }
    }
    return -1;
}
