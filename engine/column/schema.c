/* Looking things up in a schema, and its end. Schemas are made by engine/expr from DDL. */
#include "engine/column/schema.h"

#include <string.h>

#include "engine/base/alloc.h"

uint32_t wendi_schema_find(const wendi_schema *schema, wendi_string name)
{
    for (uint32_t i = 0; i < schema->column_count; i++) {
        if (wendi_string_equal(schema->columns[i].name, name)) {
            return i;
        }
    }
    return WENDI_NO_COLUMN;
}

const wendi_schema *wendi_schema_reading(const wendi_schema *schema)
{
    return schema->reading != NULL ? schema->reading : schema;
}

/* Where position `of` has gone once the column at `dropped` is not there. */
static uint32_t moved(uint32_t of, uint32_t dropped)
{
    return of == WENDI_NO_COLUMN || of < dropped ? of : of - 1;
}

static void drop_column(wendi_schema *view, uint32_t dropped)
{
    view->dropped_name = view->columns[dropped].name;
    view->column_count--;
    for (uint32_t i = dropped; i < view->column_count; i++) {
        view->columns[i] = view->columns[i + 1];
    }
    view->user_column = moved(view->user_column, dropped);
    view->time_column = moved(view->time_column, dropped);
    view->event_column = moved(view->event_column, dropped);
    view->order_column = moved(view->order_column, dropped);
    view->rest_column = moved(view->rest_column, dropped);
}

static void hash_column(wendi_column *column)
{
    uint8_t kind = column->type.kind;
    column->type = wendi_type_of(WENDI_TYPE_BIGINT);
    column->type.hash_of = kind;
    column->origin = WENDI_ORIGIN_JSON; /* whatever it was: what is stored is no longer computed */
    column->generated = (wendi_string){"", 0};
    column->has_default = false; /* no segment lacks the column, since UNIQUE ones are never added */
}

wend_status wendi_schema_make_reading(wendi_schema *schema, wend_error *error)
{
    schema->reading = NULL;
    if (schema->id_column == WENDI_NO_COLUMN) {
        return WEND_OK;
    }
    size_t bytes = schema->column_count * sizeof *schema->columns;
    wendi_schema *view = wendi_arena_alloc(&schema->arena, sizeof *view);
    wendi_column *columns = wendi_arena_alloc(&schema->arena, bytes);
    if (view == NULL || columns == NULL) {
        return wendi_fail_nomem(error, "a schema", bytes);
    }
    memcpy(columns, schema->columns, bytes);
    *view = *schema;
    memset(&view->arena, 0, sizeof view->arena); /* the memory stays the schema's */
    view->columns = columns;
    view->check_count = 0;
    view->unique_count = 0;
    view->id_column = WENDI_NO_COLUMN;
    if (schema->event_id_policy == WENDI_EVENT_ID_DROP) {
        drop_column(view, schema->id_column);
    } else {
        hash_column(&columns[schema->id_column]);
    }
    schema->reading = view;
    return WEND_OK;
}

void wendi_schema_free(wendi_schema *schema)
{
    if (schema != NULL) {
        wendi_arena_free(&schema->arena);
        wendi_free(schema);
    }
}
