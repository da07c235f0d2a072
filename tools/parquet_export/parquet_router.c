/*
 * Routing rows. Only a tuple that was not seen before is rendered; a row like the one before it,
 * which is most rows of a sorted stream, costs one comparison.
 */
#include "tools/parquet_export/parquet_router.h"

#include <inttypes.h>
#include <string.h>

#include "tools/parquet_export/parquet_path.h"

#define NAME_BYTES_MAX 255 /* of one folder's name, on every file system that matters */

typedef struct route {
    uint32_t folder;
    bool has_empty_text;
} route;

wend_status parquet_router_open(parquet_router **router_out, parquet_stage **stages,
                                size_t column_count, int64_t folder_count_max)
{
    parquet_router *router = parquet_alloc_zero(1, sizeof(*router));

    *router_out = NULL;
    if (router == NULL) {
        return WEND_NOMEM;
    }
    router->stages = stages;
    router->column_count = column_count;
    router->folder_count_max = folder_count_max;
    router->values = parquet_alloc_zero(column_count, sizeof(*router->values));
    router->codes = parquet_alloc_zero(column_count, 2 * sizeof(*router->codes));
    if (router->values == NULL || router->codes == NULL) {
        parquet_router_close(router);
        return WEND_NOMEM;
    }
    *router_out = router;
    return WEND_OK;
}

void parquet_router_close(parquet_router *router)
{
    if (router == NULL) {
        return;
    }
    for (size_t i = 0; router->values != NULL && i < router->column_count; i++) {
        parquet_pool_reset(&router->values[i]);
    }
    parquet_free(router->values);
    parquet_free(router->codes);
    parquet_pool_reset(&router->tuples);
    parquet_pool_reset(&router->folders);
    parquet_bytes_free(&router->routes);
    parquet_free(router);
}

static wend_status code_of(parquet_router *router, size_t column, size_t row, uint32_t *code)
{
    const parquet_stage *stage = router->stages[column];
    size_t width = stage->column->slot_bytes;

    if (stage->valid[row] == 0) {
        *code = PARQUET_POOL_NONE;
        return WEND_OK;
    }
    if (stage->column->physical == PARQUET_BYTE_ARRAY) {
        memcpy(code, stage->slots + row * width, sizeof(*code));
        return WEND_OK;
    }
    return parquet_pool_intern(&router->values[column], stage->slots + row * width, (uint32_t)width,
                               code);
}

/* Add "column=value" of a code to the name being made. */
static wend_status append_level(parquet_router *router, size_t column, uint32_t code, route *made,
                                parquet_bytes *name, wend_error *error)
{
    const parquet_stage *stage = router->stages[column];
    bool is_string = stage->column->physical == PARQUET_BYTE_ARRAY;
    const parquet_pool *pool = is_string ? &stage->pool : &router->values[column];
    parquet_entry value = {0};
    size_t from;
    wend_status status = WEND_OK;

    if (code != PARQUET_POOL_NONE) {
        value = pool->entries[code];
        made->has_empty_text = made->has_empty_text || value.length == 0;
    }
    if (column > 0) {
        PARQUET_TRY(parquet_bytes_append(name, "/", 1));
    }
    from = name->length;
    PARQUET_TRY(parquet_path_append(name, stage->column, value.data, value.length));
    if (name->length - from > NAME_BYTES_MAX) {
        status = parquet_fail(error, WEND_UNSUPPORTED,
                              "a value of the partition column \"%s\" gives a "
                              "folder name of %zu bytes; file systems hold %d",
                              stage->column->name, name->length - from, NAME_BYTES_MAX);
    }
cleanup:
    return status;
}

static wend_status add_tuple(parquet_router *router, const uint32_t *codes, wend_error *error)
{
    parquet_bytes name = {0};
    route made = {0};
    wend_status status = WEND_OK;

    for (size_t i = 0; i < router->column_count; i++) {
        PARQUET_TRY(append_level(router, i, codes[i], &made, &name, error));
    }
    PARQUET_TRY(
        parquet_pool_intern(&router->folders, name.data, (uint32_t)name.length, &made.folder));
    if (router->folders.count > router->folder_count_max) {
        parquet_fail(error, WEND_UNSUPPORTED,
                     "the partition columns make more than %" PRId64
                     " folders, the last of them %.*s",
                     router->folder_count_max, (int)name.length, (const char *)name.data);
        parquet_hint(error, "partition by columns with fewer values, such as a date");
        status = WEND_UNSUPPORTED;
        goto cleanup;
    }
    PARQUET_TRY(parquet_bytes_append(&router->routes, &made, sizeof(made)));
cleanup:
    parquet_bytes_free(&name);
    return status;
}

wend_status parquet_router_route(parquet_router *router, size_t row_count, wend_error *error)
{
    uint32_t *codes = router->codes;
    uint32_t *before = router->codes + router->column_count;
    size_t bytes = router->column_count * sizeof(*codes);
    uint32_t tuple = PARQUET_POOL_NONE;
    wend_status status = WEND_OK;

    for (size_t row = 0; row < row_count; row++) {
        const route *found;

        for (size_t i = 0; i < router->column_count; i++) {
            PARQUET_TRY(code_of(router, i, row, &codes[i]));
        }
        if (tuple == PARQUET_POOL_NONE || memcmp(codes, before, bytes) != 0) {
            PARQUET_TRY(parquet_pool_intern(&router->tuples, codes, (uint32_t)bytes, &tuple));
            if (tuple >= router->routes.length / sizeof(route)) {
                PARQUET_TRY(add_tuple(router, codes, error));
            }
            memcpy(before, codes, bytes);
        }
        found = (const route *)(const void *)router->routes.data + tuple;
        router->targets[row] = found->folder;
        router->empty_as_null_row_count += found->has_empty_text;
    }
cleanup:
    return status;
}
