/* Guessing and altering schemas, and showing rejects. */
#include <string.h>

#include "engine/api/api_internal.h"
#include "engine/base/alloc.h"
#include "engine/sql/sql.h"
#include "engine/table/table_change.h"
#include "ingest/file_source.h"
#include "ingest/infer.h"
#include "ingest/rejects.h"
#include "wend/ingest.h"

static wend_status feed_lines(wendi_source *source, wendi_infer *infer, uint64_t lines_max, wend_error *error)
{
    wendi_message_block block;
    uint64_t lines = 0;
    wend_status status = wendi_message_block_init(&block, error);
    while (status == WEND_OK && lines < lines_max) {
        wendi_message_block_reset(&block);
        status = source->next(source, &block, 1000, error);
        for (uint32_t i = 0; status == WEND_OK && i < block.count && lines < lines_max; i++, lines++) {
            status = wendi_infer_line(infer, block.messages[i].payload, block.messages[i].length);
            if (status != WEND_OK) {
                wendi_fail_nomem(error, "a sample", block.messages[i].length);
            }
        }
    }
    wendi_message_block_free(&block);
    return status == WEND_END ? WEND_OK : status;
}

wend_status wend_infer_table(const char *file, const char *table, uint64_t lines, wend_strings *ddl, wend_error *error)
{
    bool standard_input = false;
    wendi_source *source = NULL;
    wendi_infer *infer = NULL;
    wendi_buffer text = {0};
    wend_status status = WEND_OK;
    WEND_TRY(wendi_api_argument(ddl, "ddl", error));
    memset(ddl, 0, sizeof *ddl);
    WEND_TRY(wendi_api_argument(file, "file", error));
    WEND_TRY(wendi_api_argument(table, "table", error));
    standard_input = strcmp(file, "-") == 0;
    wendi_file_source_options files = {.paths = &file, .path_count = standard_input ? 0 : 1, .use_stdin = standard_input};
    wendi_infer_options options = {.table = wendi_string_of(table), .source = wendi_string_of(file)};
    WEND_TRY(wendi_file_source_open(&files, &source, error));
    WEND_TRY(wendi_infer_open(&options, &infer, error));
    WEND_TRY(feed_lines(source, infer, lines != 0 ? lines : WENDI_INFER_LINES_DEFAULT, error));
    WEND_TRY(wendi_infer_write(infer, &text, error));
    ddl->items = wendi_alloc_zero(1, sizeof *ddl->items);
    if (ddl->items == NULL || (ddl->items[0] = wendi_api_copy((wendi_string){(const char *)text.data, (uint32_t)text.length})) == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "the schema's text", text.length));
    }
    ddl->count = 1;
cleanup:
    if (source != NULL) {
        source->close(source);
    }
    wendi_infer_close(infer);
    wendi_buffer_free(&text);
    return status;
}

wend_status wend_alter_table(wend_store *store, const char *sql, bool wait, char *request, wend_error *error)
{
    wendi_arena arena = {0};
    const wendi_sql_statement *statement;
    wendi_table *table = NULL;
    char name[64] = "";
    wend_status status = WEND_OK;
    WEND_TRY(wendi_api_argument(store, "store", error));
    WEND_TRY(wendi_api_argument(sql, "sql", error));
    WEND_TRY(wendi_sql_parse_one(sql, strlen(sql), &arena, &statement, error));
    if (statement->kind != WENDI_SQL_STATEMENT_ADD_COLUMN && statement->kind != WENDI_SQL_STATEMENT_ALTER_RULES) {
        WEND_TRY(wendi_fail_at(error, WEND_INVALID, statement->span.start, "this is not ALTER TABLE"));
    }
    WEND_TRY(wendi_table_open(store->path, statement->table, &table, error));
    WEND_TRY(wendi_table_alter(table, sql, wait, name, error));
    if (request != NULL) {
        memcpy(request, name, sizeof name);
    }
cleanup:
    wendi_table_close(table);
    wendi_arena_free(&arena);
    return status;
}

typedef struct reject_bridge {
    bool (*each)(void *context, const wend_reject *reject);
    void *context;
} reject_bridge;

static wend_status forward_reject(void *context, const wendi_reject_row *row)
{
    const reject_bridge *bridge = context;
    wend_reject reject = {.commit = row->commit,
                          .topic = row->topic.data,
                          .topic_length = row->topic.length,
                          .partition = row->partition,
                          .offset = row->offset,
                          .reason = row->reason.data,
                          .reason_length = row->reason.length,
                          .raw = row->raw.data,
                          .raw_length = row->raw.length,
                          .line = row->line.data,
                          .line_length = row->line.length};
    return bridge->each(bridge->context, &reject) ? WEND_OK : WEND_END;
}

wend_status wend_table_rejects(wend_store *store, const char *table, bool (*each)(void *context, const wend_reject *reject),
                               void *context, wend_error *error)
{
    reject_bridge bridge = {each, context};
    wendi_table *opened = NULL;
    wend_status status = WEND_OK;
    WEND_TRY(wendi_api_argument(store, "store", error));
    WEND_TRY(wendi_api_argument(table, "table", error));
    WEND_TRY(wendi_table_open(store->path, wendi_string_of(table), &opened, error));
    WEND_TRY(wendi_rejects_read(opened, forward_reject, &bridge, error));
cleanup:
    wendi_table_close(opened);
    return status;
}
