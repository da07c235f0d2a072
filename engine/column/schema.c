/* Looking things up in a schema, and its end. Schemas are made by engine/expr from DDL. */
#include "engine/column/schema.h"

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

void wendi_schema_free(wendi_schema *schema)
{
    if (schema != NULL) {
        wendi_arena_free(&schema->arena);
        wendi_free(schema);
    }
}
