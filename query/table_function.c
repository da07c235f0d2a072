/* Finding table functions, and the scope their predicates are bound in. */
#include "query/table_function.h"
#include "query/name_hint.h"

#include <string.h>

const wendi_table_function *wendi_table_function_find(const wendi_query_context *context,
                                                      wendi_string name)
{
    for (uint32_t i = 0; i < context->function_count; i++) {
        if (wendi_string_equal(name, wendi_string_of(context->functions[i]->name))) {
            return context->functions[i];
        }
    }
    return NULL;
}

uint32_t wendi_table_scope_slot(wendi_table_scope *scope, uint32_t position)
{
    for (uint32_t i = 0; i < scope->column_count; i++) {
        if (scope->columns[i] == position) {
            return i;
        }
    }
    scope->columns[scope->column_count] = position;
    return scope->column_count++;
}

static wend_status resolve(void *context, wendi_string qualifier, wendi_string name,
                           int32_t position, uint32_t *slot, wendi_type *type, wend_error *error)
{
    wendi_table_scope *scope = context;
    uint32_t column = wendi_schema_find(scope->schema, name);

    if (qualifier.length > 0 && !wendi_string_equal(qualifier, scope->name)) {
        return wendi_fail_at(error, WEND_NOT_FOUND, position,
                             "missing FROM-clause entry for table \"%.*s\"", (int)qualifier.length,
                             qualifier.data);
    }
    if (column == WENDI_NO_COLUMN) {
        wend_status status = wendi_name_dropped(scope->schema, name, position, error);
        if (status != WEND_OK) {
            return status;
        }
        wendi_name_hint hint = {.wanted = name};
        wendi_fail_at(error, WEND_NOT_FOUND, position,
                      "column \"%.*s\" of table \"%.*s\" does not exist", (int)name.length,
                      name.data, (int)scope->name.length, scope->name.data);
        for (uint32_t i = 0; i < scope->schema->column_count; i++) {
            wendi_name_hint_offer(&hint, scope->schema->columns[i].name);
        }
        wendi_name_hint_tell(&hint, error);
        return WEND_NOT_FOUND;
    }
    *slot = wendi_table_scope_slot(scope, column);
    *type = scope->schema->columns[column].type;
    return WEND_OK;
}

wend_status wendi_table_scope_init(wendi_table_scope *scope, const wendi_query_context *context,
                                   const wendi_schema *schema, wendi_string name,
                                   wendi_arena *arena, wend_error *error)
{
    *scope = (wendi_table_scope){
        .scope = {.context = scope, .column = resolve, .session = &context->session},
        .schema = schema,
        .name = name};
    scope->columns = wendi_arena_alloc(arena, (schema->column_count + 1) * sizeof *scope->columns);
    return scope->columns == NULL
               ? wendi_fail_nomem(error, "a scope", schema->column_count * sizeof *scope->columns)
               : WEND_OK;
}
