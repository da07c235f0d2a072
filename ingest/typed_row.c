/* Rows of typed values as objects of column names and values. Values are in SQL's text form: as exact as they were. */
#include "ingest/typed_row.h"

#include "engine/base/alloc.h"
#include "engine/base/timezone.h"
#include "engine/column/value.h"
#include "ingest/json_scan.h"
#include "ingest/rejects.h"

/* ---- writing ---------------------------------------------------------------------------------- */

static wend_status append_value(wendi_buffer *out, const wendi_value *value)
{
    wendi_buffer text = {0};
    wend_status status = WEND_OK;
    bool bare = wendi_type_is_number(value->type) || value->type.kind == WENDI_TYPE_BOOLEAN ||
                value->type.kind == WENDI_TYPE_JSONB;
    if (value->null) {
        return wendi_buffer_printf(out, "null");
    }
    WEND_TRY(wendi_value_format(value, wendi_timezone_utc(), &text));
    const char *last = (const char *)text.data + text.length - 1;
    if (bare && text.length != 0 && (value->type.kind == WENDI_TYPE_JSONB || (*text.data != 'N' && *last != 'y'))) {
        WEND_TRY(wendi_buffer_append(out, text.data, text.length));
    } else { /* of numbers NaN and Infinity */
        WEND_TRY(wendi_reject_quote((const char *)text.data, text.length, out));
    }
cleanup:
    wendi_buffer_free(&text);
    return status;
}

wend_status wendi_typed_row_write(const wendi_row_builder *builder, uint32_t row, wendi_buffer *out)
{
    const char *before = "";
    wend_status status = wendi_buffer_u8(out, '{');
    for (uint32_t i = 0; i < builder->column_count && status == WEND_OK; i++) {
        const wendi_column *column = &builder->schema->columns[i];
        if (column->origin == WENDI_ORIGIN_GENERATED) {
            continue;
        }
        wendi_value value = wendi_column_builder_value(&builder->columns[i], row);
        WEND_TRY(wendi_buffer_printf(out, "%s", before));
        WEND_TRY(wendi_reject_quote(column->name.data, column->name.length, out));
        WEND_TRY(wendi_buffer_u8(out, ':'));
        WEND_TRY(append_value(out, &value));
        before = ",";
    }
    WEND_TRY(wendi_buffer_u8(out, '}'));
cleanup:
    return status;
}

/* ---- reading ---------------------------------------------------------------------------------- */

static wend_status set_defaults(wendi_row_builder *builder, wend_error *error)
{
    for (uint32_t i = 0; i < builder->column_count; i++) {
        const wendi_column *column = &builder->schema->columns[i];
        const char *reason = "";
        wendi_value value = {.type = column->type, .null = true};
        wend_status status = WEND_OK;
        if (column->has_default && column->origin != WENDI_ORIGIN_GENERATED) {
            status = wendi_value_parse(column->type, column->default_value, wendi_timezone_utc(), &value, &reason);
            value.type = column->type;
        }
        if (status == WEND_OK) {
            status = wendi_row_builder_set(builder, i, &value);
        }
        if (status != WEND_OK) {
            return wendi_fail(error, status, "column %.*s: %s", (int)column->name.length, column->name.data, reason);
        }
    }
    return WEND_OK;
}

/* What a string means; false: no memory. */
static bool plain(wendi_json_string string, wendi_arena *arena, wendi_string *text)
{
    *text = (wendi_string){string.data, string.length};
    if (string.escaped) {
        char *copy = wendi_arena_alloc(arena, string.length);
        text->data = copy;
        text->length = copy != NULL ? wendi_json_unescape(string, copy) : 0;
    }
    return text->data != NULL;
}

/* `json`: the value as it stands; `text`: what it means, of strings. */
static wend_status set_value(wendi_row_builder *builder, wendi_string name, wendi_string json, wendi_string text,
                             wend_error *error)
{
    uint32_t index = wendi_schema_find(builder->schema, name);
    const char *reason = "there is no such column";
    wend_status status = index == WENDI_NO_COLUMN ? WEND_INVALID : WEND_OK;
    if (status == WEND_OK && builder->schema->columns[index].origin != WENDI_ORIGIN_GENERATED) {
        wendi_type type = builder->schema->columns[index].type;
        wendi_value value = {.type = type, .null = true};
        if (json.data[0] != 'n') {
            bool whole = type.kind == WENDI_TYPE_JSONB;
            status = wendi_value_parse(type, whole ? json : text, wendi_timezone_utc(), &value, &reason);
            value.type = type;
        }
        status = status == WEND_OK ? wendi_row_builder_set(builder, index, &value) : status;
    }
    if (status != WEND_OK) {
        return wendi_fail(error, status == WEND_NOMEM ? status : WEND_INVALID, "column %.*s: %s", (int)name.length, name.data,
                          reason);
    }
    return WEND_OK;
}

/* A member at `*at`, which is then behind it. */
static wend_status read_member(wendi_row_builder *builder, wendi_arena *arena, const char **at, const char *end,
                               wend_error *error)
{
    wendi_json_error fault;
    wendi_json_string key;
    wendi_json_string string;
    wendi_string name;
    wendi_string text;
    const char *value = **at == '"' ? wendi_json_scan_string(*at + 1, end, &key, &fault) : NULL;
    if (value == NULL || value + 1 >= end || *value != ':') {
        return wendi_fail(error, WEND_INVALID, "no object of columns and values");
    }
    value++;
    *at = *value == '"' ? wendi_json_scan_string(value + 1, end, &string, &fault) : wendi_json_skip(value, end, 1, &fault);
    if (*at == NULL) {
        return wendi_fail(error, WEND_INVALID, "no object of columns and values");
    }
    text = (wendi_string){value, (uint32_t)(*at - value)};
    if (!plain(key, arena, &name) || (*value == '"' && !plain(string, arena, &text))) {
        return wendi_fail_nomem(error, "a row", (size_t)(*at - value));
    }
    return set_value(builder, name, (wendi_string){value, (uint32_t)(*at - value)}, text, error);
}

wend_status wendi_typed_row_read(wendi_string object, wendi_row_builder *builder, wendi_arena *arena, wend_error *error)
{
    const char *at = object.data;
    const char *end = object.data + object.length;
    char before = '{';
    wend_status status = set_defaults(builder, error);
    if (status == WEND_OK && object.length == 2 && memcmp(at, "{}", 2) == 0) {
        return WEND_OK;
    }
    while (status == WEND_OK && at + 1 < end && *at == before) {
        at++;
        before = ',';
        status = read_member(builder, arena, &at, end, error);
    }
    if (status == WEND_OK && (end - at != 1 || *at != '}')) {
        status = wendi_fail(error, WEND_INVALID, "no object of columns and values");
    }
    return status;
}
