/* Stores and tables of the public API: arguments are checked, then one call down. */
#include <string.h>

#include "engine/api/api_internal.h"
#include "engine/base/alloc.h"
#include "engine/base/status.h"
#include "engine/expr/table_ddl.h"
#include "engine/sql/sql.h"
#include "engine/table/table.h"

WEND_API const char *wend_version(void)
{
    return WEND_VERSION;
}

wend_status wendi_api_argument(const void *value, const char *what, wend_error *error)
{
    return value != NULL ? WEND_OK : wendi_fail(error, WEND_INVALID, "%s must not be NULL", what);
}

char *wendi_api_copy(wendi_string text)
{
    char *copy = wendi_alloc((size_t)text.length + 1);

    if (copy != NULL) {
        memcpy(copy, text.data == NULL ? "" : text.data, text.length);
        copy[text.length] = '\0';
    }
    return copy;
}

static wend_status make_folder(const char *path, bool create, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_io *io = NULL;
    wendi_io_info info;

    WEND_TRY(wendi_io_open(NULL, &io, error));
    status = wendi_io_stat(io, path, &info, error);
    if (status == WEND_NOT_FOUND && create) {
        status = wendi_io_mkdir(io, path, error);
        status = status == WEND_EXISTS ? WEND_OK : status; /* Somebody was faster. */
        goto cleanup;
    }
    if (status == WEND_NOT_FOUND) {
        wendi_fail(error, WEND_NOT_FOUND, "there is no store at %s", path);
        wendi_error_hint(error, "Create a table in it first, or give another folder.");
    }
    WEND_TRY(status);
    if (!info.folder) {
        status = wendi_fail(error, WEND_INVALID, "%s is a file, not the folder of a store", path);
    }
cleanup:
    wendi_io_close(io);
    return status;
}

WEND_API wend_status wend_store_open(const char *path, bool create, wend_store **store_out,
                                     wend_error *error)
{
    wend_status status = WEND_OK;
    wend_store *store = NULL;

    WEND_TRY(wendi_api_argument(store_out, "store_out", error));
    *store_out = NULL;
    WEND_TRY(wendi_api_argument(path, "path", error));
    WEND_TRY(make_folder(path, create, error));
    store = wendi_alloc_zero(1, sizeof *store);
    if (store == NULL || (store->path = wendi_strdup(path)) == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "a store", sizeof *store));
    }
    WEND_TRY(wendi_open_tables_new(path, NULL, &store->open_tables, error));
    *store_out = store;
    store = NULL;
cleanup:
    wend_store_close(store);
    return status;
}

WEND_API void wend_store_close(wend_store *store)
{
    if (store != NULL) {
        wendi_open_tables_free(store->open_tables);
        wendi_free(store->path);
        wendi_free(store);
    }
}

WEND_API wend_status wend_create_table(wend_store *store, const char *ddl, bool if_not_exists,
                                       wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_schema *schema = NULL;
    wendi_arena arena = {0};
    const wendi_sql_statement *statement = NULL;

    WEND_TRY(wendi_api_argument(store, "store", error));
    WEND_TRY(wendi_api_argument(ddl, "ddl", error));
    WEND_TRY(wendi_sql_parse_one(ddl, strlen(ddl), &arena, &statement, error));
    if (statement->kind != WENDI_SQL_STATEMENT_CREATE_TABLE) {
        WEND_TRY(wendi_fail_at(error, WEND_INVALID, statement->span.start,
                               "the statement is no CREATE TABLE"));
    }
    WEND_TRY(wendi_schema_from_statement(statement, &schema, error));
    status = wendi_table_create(store->path, schema, error);
    if (status == WEND_EXISTS && (if_not_exists || statement->if_exists)) {
        status = WEND_OK;
    }
cleanup:
    wendi_schema_free(schema);
    wendi_arena_free(&arena);
    return status;
}

WEND_API wend_status wend_drop_table(wend_store *store, const char *table, wend_error *error)
{
    wend_status status = WEND_OK;

    WEND_TRY(wendi_api_argument(store, "store", error));
    WEND_TRY(wendi_api_argument(table, "table", error));
    WEND_TRY(wendi_table_drop(store->path, wendi_string_of(table), error));
cleanup:
    return status;
}

WEND_API void wend_strings_free(wend_strings *strings)
{
    if (strings == NULL) {
        return;
    }
    for (size_t i = 0; i < strings->count; i++) {
        wendi_free(strings->items[i]);
    }
    wendi_free(strings->items);
    *strings = (wend_strings){NULL, 0};
}

static wend_status copy_strings(const wendi_string *from, uint32_t count, wend_strings *to,
                                wend_error *error)
{
    to->items = wendi_alloc_zero((size_t)count + 1, sizeof(char *));
    for (uint32_t i = 0; to->items != NULL && i < count; i++) {
        to->items[i] = wendi_api_copy(from[i]);
        if (to->items[i] == NULL) {
            break;
        }
        to->count++;
    }
    if (to->items == NULL || to->count != count) {
        wend_strings_free(to);
        return wendi_fail_nomem(error, "a list of names", count * sizeof(char *));
    }
    return WEND_OK;
}

WEND_API wend_status wend_list_tables(wend_store *store, wend_strings *names, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_arena arena = {0};
    wendi_string *found = NULL;
    uint32_t count = 0;

    WEND_TRY(wendi_api_argument(names, "names", error));
    *names = (wend_strings){NULL, 0};
    WEND_TRY(wendi_api_argument(store, "store", error));
    WEND_TRY(wendi_table_list(store->path, &arena, &found, &count, error));
    WEND_TRY(copy_strings(found, count, names, error));
cleanup:
    wendi_arena_free(&arena);
    return status;
}

WEND_API wend_status wend_describe_table(wend_store *store, const char *table, wend_strings *ddl,
                                         wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_table *opened = NULL;
    wendi_snapshot *snapshot = NULL;

    WEND_TRY(wendi_api_argument(ddl, "ddl", error));
    *ddl = (wend_strings){NULL, 0};
    WEND_TRY(wendi_api_argument(store, "store", error));
    WEND_TRY(wendi_api_argument(table, "table", error));
    WEND_TRY(wendi_table_open(store->path, wendi_string_of(table), &opened, error));
    WEND_TRY(wendi_table_snapshot(opened, &snapshot, error));
    WEND_TRY(copy_strings(&wendi_snapshot_schema(snapshot)->ddl, 1, ddl, error));
cleanup:
    wendi_snapshot_release(snapshot);
    wendi_table_close(opened);
    return status;
}
