/* Arrow schemas of result columns. */
#include <stdio.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "query/arrow_export.h"

/** Owns all that a schema points to; `release` frees it as one. */
typedef struct schema_memory {
    char format[24];
    char *name;
    char *metadata;
    struct ArrowSchema **children;
    uint32_t child_count;
} schema_memory;

static void release_schema(struct ArrowSchema *schema)
{
    schema_memory *memory = schema->private_data;

    for (uint32_t i = 0; memory->children != NULL && i < memory->child_count; i++) {
        struct ArrowSchema *child = memory->children[i];
        if (child != NULL && child->release != NULL) {
            child->release(child);
        }
        wendi_free(child);
    }
    if (schema->dictionary != NULL) {
        if (schema->dictionary->release != NULL) {
            schema->dictionary->release(schema->dictionary);
        }
        wendi_free(schema->dictionary);
    }
    wendi_free(memory->children);
    wendi_free(memory->name);
    wendi_free(memory->metadata);
    wendi_free(memory);
    schema->release = NULL;
}

static void format_of(wendi_type type, char *format, size_t size)
{
    static const char *const formats[WENDI_TYPE_KIND_COUNT] = {[WENDI_TYPE_NULL] = "u",
                                                               [WENDI_TYPE_BOOLEAN] = "b",
                                                               [WENDI_TYPE_SMALLINT] = "s",
                                                               [WENDI_TYPE_INTEGER] = "i",
                                                               [WENDI_TYPE_BIGINT] = "l",
                                                               [WENDI_TYPE_REAL] = "f",
                                                               [WENDI_TYPE_DOUBLE] = "g",
                                                               [WENDI_TYPE_NUMERIC] = "d",
                                                               [WENDI_TYPE_TEXT] = "u",
                                                               [WENDI_TYPE_UUID] = "w:16",
                                                               [WENDI_TYPE_INET] = "u",
                                                               [WENDI_TYPE_DATE] = "tdD",
                                                               [WENDI_TYPE_TIMESTAMPTZ] = "tsu:UTC",
                                                               [WENDI_TYPE_JSONB] = "u",
                                                               [WENDI_TYPE_TIMESTAMP] = "tsu:",
                                                               [WENDI_TYPE_INTERVAL] = "tin"};

    if (type.kind == WENDI_TYPE_NUMERIC) {
        snprintf(format, size, "d:%u,%u", type.precision, type.scale);
    } else {
        snprintf(format, size, "%s", formats[type.kind]);
    }
}

/* Arrow's metadata: a count of pairs, then length and bytes of each key and value, in native order.
 */
static char *extension_metadata(const char *name)
{
    static const char key[] = "ARROW:extension:name";
    static const char second[] = "ARROW:extension:metadata";
    int32_t numbers[] = {2, (int32_t)strlen(key), (int32_t)strlen(name), (int32_t)strlen(second),
                         0};
    size_t bytes = 5 * sizeof(int32_t) + strlen(key) + strlen(name) + strlen(second);
    char *out = wendi_alloc(bytes);
    char *at = out;

    if (out == NULL) {
        return NULL;
    }
    memcpy(at, &numbers[0], 8);
    at += 8;
    memcpy(at, key, strlen(key));
    at += strlen(key);
    memcpy(at, &numbers[2], 4);
    at += 4;
    memcpy(at, name, strlen(name));
    at += strlen(name);
    memcpy(at, &numbers[3], 4);
    at += 4;
    memcpy(at, second, strlen(second));
    at += strlen(second);
    memcpy(at, &numbers[4], 4);
    return out;
}

static wend_status new_schema(struct ArrowSchema *schema, wendi_string name, const char *format,
                              uint32_t child_count, wend_error *error)
{
    schema_memory *memory = wendi_alloc_zero(1, sizeof *memory);
    char *name_copy = wendi_alloc((size_t)name.length + 1);
    struct ArrowSchema **children = wendi_alloc_zero(child_count + 1, sizeof(struct ArrowSchema *));

    memset(schema, 0, sizeof *schema);
    if (memory == NULL || name_copy == NULL || children == NULL) {
        wendi_free(memory);
        wendi_free(name_copy);
        wendi_free(children);
        return wendi_fail_nomem(error, "an Arrow schema", sizeof *memory);
    }
    memcpy(name_copy, name.data, name.length);
    name_copy[name.length] = '\0';
    snprintf(memory->format, sizeof memory->format, "%s", format);
    memory->name = name_copy;
    memory->children = children;
    memory->child_count = child_count;
    schema->format = memory->format;
    schema->name = memory->name;
    schema->flags = ARROW_FLAG_NULLABLE;
    schema->n_children = child_count;
    schema->children = children;
    schema->private_data = memory;
    schema->release = release_schema;
    return WEND_OK;
}

static wend_status column_schema(const wendi_output_column *column, struct ArrowSchema *schema,
                                 wend_error *error)
{
    wend_status status = WEND_OK;
    char format[24];

    format_of(column->type, format, sizeof format);
    WEND_TRY(new_schema(schema, column->name, column->dictionary ? "I" : format, 0, error));
    if (column->type.kind == WENDI_TYPE_UUID || column->type.kind == WENDI_TYPE_JSONB) {
        schema_memory *memory = schema->private_data;
        memory->metadata =
            extension_metadata(column->type.kind == WENDI_TYPE_UUID ? "arrow.uuid" : "arrow.json");
        if (memory->metadata == NULL) {
            return wendi_fail_nomem(error, "an Arrow schema", 64);
        }
        schema->metadata = memory->metadata;
    }
    if (column->dictionary) {
        schema->dictionary = wendi_alloc_zero(1, sizeof *schema->dictionary);
        if (schema->dictionary == NULL) {
            return wendi_fail_nomem(error, "an Arrow schema", sizeof *schema->dictionary);
        }
        WEND_TRY(new_schema(schema->dictionary, (wendi_string){"", 0}, format, 0, error));
    }
cleanup:
    return status;
}

wend_status wendi_arrow_schema(const wendi_output_column *columns, uint32_t column_count,
                               struct ArrowSchema *schema_out, wend_error *error)
{
    wend_status status = WEND_OK;

    WEND_TRY(new_schema(schema_out, (wendi_string){"", 0}, "+s", column_count, error));
    schema_out->flags = 0;
    for (uint32_t i = 0; i < column_count; i++) {
        schema_out->children[i] = wendi_alloc_zero(1, sizeof(struct ArrowSchema));
        if (schema_out->children[i] == NULL) {
            WEND_TRY(wendi_fail_nomem(error, "an Arrow schema", sizeof(struct ArrowSchema)));
        }
        WEND_TRY(column_schema(&columns[i], schema_out->children[i], error));
    }
cleanup:
    if (status != WEND_OK && schema_out->release != NULL) {
        schema_out->release(schema_out);
    }
    return status;
}
