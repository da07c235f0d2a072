#include "tests/support/ingest_schema.h"

#include <stdlib.h>

static wendi_string copy(wendi_schema *schema, const char *text)
{
    return text == NULL ? (wendi_string){"", 0}
                        : (wendi_string){wendi_arena_copy(&schema->arena, text, strlen(text)), (uint32_t)strlen(text)};
}

static void add_path(wendi_schema *schema, wendi_column *column, const char *text, size_t length)
{
    wendi_path *path = &column->paths[column->path_count++];
    path->keys = wendi_arena_alloc_zero(&schema->arena, 64 * sizeof *path->keys);
    for (const char *end = text + length; text < end;) {
        text += text[0] == '$';
        text += text[0] == '.';
        const char *dot = text;
        while (dot < end && *dot != '.') {
            dot++;
        }
        path->keys[path->key_count++] = (wendi_string){wendi_arena_copy(&schema->arena, text, (size_t)(dot - text)),
                                                       (uint32_t)(dot - text)};
        text = dot;
    }
}

static void set_paths(wendi_schema *schema, wendi_column *column, const char *paths)
{
    column->paths = wendi_arena_alloc_zero(&schema->arena, 8 * sizeof *column->paths);
    while (paths != NULL && *paths != '\0') {
        size_t length = strcspn(paths, "|");
        add_path(schema, column, paths, length);
        paths += length + (paths[length] == '|');
    }
    if (column->path_count == 0) {
        column->paths[0].keys = wendi_arena_alloc_zero(&schema->arena, sizeof(wendi_string));
        column->paths[0].keys[0] = column->name;
        column->paths[0].key_count = 1;
        column->path_count = 1;
    }
}

void test_schema_make(wendi_schema *schema, const test_column *columns, uint32_t count)
{
    *schema = (wendi_schema){.column_count = count,
                             .next_column_id = count + 1,
                             .user_column = WENDI_NO_COLUMN,
                             .time_column = WENDI_NO_COLUMN,
                             .event_column = WENDI_NO_COLUMN,
                             .order_column = WENDI_NO_COLUMN,
                             .rest_column = WENDI_NO_COLUMN,
                             .id_column = WENDI_NO_COLUMN,
                             .max_future_us = INT64_C(86400) * 1000000};
    schema->table_name = copy(schema, "events");
    schema->columns = wendi_arena_alloc_zero(&schema->arena, count * sizeof *schema->columns);
    for (uint32_t i = 0; i < count; i++) {
        const test_column *from = &columns[i];
        wendi_column *column = &schema->columns[i];
        column->id = i + 1;
        column->name = copy(schema, from->name);
        column->type = from->type;
        column->not_null = from->not_null;
        column->origin = from->origin;
        column->on_error = from->on_error;
        column->rounding = from->rounding;
        column->time_format = from->time_format;
        column->time_pattern = copy(schema, from->time_pattern);
        column->timezone = copy(schema, from->timezone);
        column->generated = copy(schema, NULL);
        column->default_value = copy(schema, from->default_value);
        column->has_default = from->default_value != NULL;
        set_paths(schema, column, from->paths);
        if (schema->time_column == WENDI_NO_COLUMN && from->type.kind == WENDI_TYPE_TIMESTAMPTZ &&
            from->origin == WENDI_ORIGIN_JSON) {
            schema->time_column = i;
        }
    }
}

void test_schema_clicks(wendi_schema *schema)
{
    static const test_column columns[] = {
        {.name = "event_id", .type = TEST_TYPE(WENDI_TYPE_UUID)},
        {.name = "session_id", .type = TEST_TYPE(WENDI_TYPE_TEXT)},
        {.name = "user_id", .type = TEST_TYPE(WENDI_TYPE_TEXT)},
        {.name = "ts", .type = TEST_TYPE(WENDI_TYPE_TIMESTAMPTZ), .not_null = true},
        {.name = "event_type", .type = TEST_TYPE(WENDI_TYPE_TEXT), .not_null = true},
        {.name = "page", .type = TEST_TYPE(WENDI_TYPE_TEXT)},
        {.name = "referrer", .type = TEST_TYPE(WENDI_TYPE_TEXT)},
        {.name = "product_id", .type = TEST_TYPE(WENDI_TYPE_TEXT)},
        {.name = "price", .type = TEST_NUMERIC(12, 2)},
        {.name = "quantity", .type = TEST_TYPE(WENDI_TYPE_SMALLINT)},
        {.name = "currency", .type = TEST_TYPE(WENDI_TYPE_TEXT)},
        {.name = "payment_method", .type = TEST_TYPE(WENDI_TYPE_TEXT)},
        {.name = "ip", .type = TEST_TYPE(WENDI_TYPE_INET)},
        {.name = "user_agent", .type = TEST_TYPE(WENDI_TYPE_TEXT)},
        {.name = "os", .type = TEST_TYPE(WENDI_TYPE_TEXT)},
        {.name = "device", .type = TEST_TYPE(WENDI_TYPE_TEXT)},
        {.name = "browser", .type = TEST_TYPE(WENDI_TYPE_TEXT)},
        {.name = "country", .type = TEST_TYPE(WENDI_TYPE_TEXT)},
        {.name = "city", .type = TEST_TYPE(WENDI_TYPE_TEXT)},
        {.name = "language", .type = TEST_TYPE(WENDI_TYPE_TEXT)},
    };
    test_schema_make(schema, columns, sizeof columns / sizeof columns[0]);
    schema->user_column = 2;
    schema->event_column = 4;
}
