/* The tables of json_recall.h; how they are used is in json_members_body.h. */
#include "ingest/json_recall.h"

#include "engine/base/alloc.h"

enum { CACHE_LINE_BYTES = 64, CACHE_LINE_CODES = CACHE_LINE_BYTES / sizeof(uint32_t) };

static bool is_recalled(const wendi_column *column)
{
    return column->origin == WENDI_ORIGIN_JSON && column->type.kind == WENDI_TYPE_TEXT;
}

wend_status wendi_json_recall_init(wendi_json_recall *recall, const wendi_schema *schema)
{
    uint16_t count = 0;
    *recall = (wendi_json_recall){.user_column = WENDI_NO_COLUMN};
    recall->columns = wendi_alloc_zero(schema->column_count, sizeof *recall->columns);
    if (recall->columns == NULL) {
        return WEND_NOMEM;
    }
    for (uint32_t i = 0; i < schema->column_count; i++) {
        bool taken = is_recalled(&schema->columns[i]) && count < WENDI_RECALL_COLUMNS_MAX;
        recall->columns[i].place = taken ? count++ : WENDI_RECALL_NONE;
    }
    if (schema->user_column != WENDI_NO_COLUMN && is_recalled(&schema->columns[schema->user_column])) {
        recall->user_column = schema->user_column;
    }
    recall->line_codes = (uint32_t)((count + CACHE_LINE_CODES - 1) / CACHE_LINE_CODES * CACHE_LINE_CODES);
    size_t line_bytes = (size_t)recall->line_codes * sizeof *recall->lines * WENDI_RECALL_LINES;
    recall->lines = wendi_alloc_aligned(CACHE_LINE_BYTES, line_bytes + CACHE_LINE_BYTES);
    recall->chains = wendi_alloc_zero((size_t)(count + 1) * WENDI_RECALL_CHAIN, sizeof *recall->chains);
    if (recall->lines == NULL || recall->chains == NULL) {
        return WEND_NOMEM;
    }
    memset(recall->lines, 0, line_bytes);
    for (uint32_t i = 0; i < schema->column_count; i++) {
        wendi_recall_column *column = &recall->columns[i];
        if (column->place != WENDI_RECALL_NONE) {
            column->chain = recall->chains + (size_t)column->place * WENDI_RECALL_CHAIN;
        }
    }
    return WEND_OK;
}

void wendi_json_recall_free(wendi_json_recall *recall)
{
    wendi_free(recall->columns);
    wendi_free(recall->lines);
    wendi_free(recall->chains);
    *recall = (wendi_json_recall){0};
}
