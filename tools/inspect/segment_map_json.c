/* The map of a segment as one JSON object, with every row group, column and page. */
#include <inttypes.h>

#include "tools/inspect/segment_map.h"

/* Bytes that are no UTF-8 would be no JSON: everything beyond ASCII is written as it is only when valid. */
static size_t utf8_length(const uint8_t *at, size_t left)
{
    size_t length = at[0] < 0x80 ? 1 : at[0] >= 0xc2 && at[0] < 0xe0 ? 2 : at[0] >= 0xe0 && at[0] < 0xf0 ? 3
                    : at[0] >= 0xf0 && at[0] < 0xf5 ? 4 : 0;
    for (size_t i = 1; i < length; i++) {
        if (i >= left || (at[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    bool bad = (at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] >= 0xa0) ||
               (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] >= 0x90);
    return length > 1 && bad ? 0 : length;
}

static void print_string(const char *data, size_t length, FILE *out)
{
    const uint8_t *bytes = (const uint8_t *)data;
    fputc('"', out);
    for (size_t i = 0; i < length;) {
        size_t step = utf8_length(bytes + i, length - i);
        if (step == 0) {
            fputs("\\ufffd", out);
            step = 1;
        } else if (bytes[i] == '"' || bytes[i] == '\\') {
            fprintf(out, "\\%c", bytes[i]);
        } else if (bytes[i] < 32) {
            fprintf(out, "\\u%04x", bytes[i]);
        } else {
            fwrite(bytes + i, 1, step, out);
        }
        i += step;
    }
    fputc('"', out);
}

static wend_status print_value(const wendi_value *value, FILE *out)
{
    wendi_buffer text = {.length = 0};
    wend_status status = wendi_value_format(value, NULL, &text);
    if (status == WEND_OK) {
        print_string((const char *)text.data, text.length, out);
    }
    wendi_buffer_free(&text);
    return status;
}

static wend_status print_zone(const wendi_zone *zone, FILE *out)
{
    wend_status status = WEND_OK;
    fprintf(out, "\"rows\":%" PRIu64 ",\"nulls\":%" PRIu64, zone->row_count, zone->null_count);
    if (zone->has_min_max) {
        fputs(",\"min\":", out);
        WEND_TRY(print_value(&zone->min, out));
        fputs(",\"max\":", out);
        WEND_TRY(print_value(&zone->max, out));
    }
    if (zone->has_codes) {
        fprintf(out, ",\"code_min\":%" PRIu32 ",\"code_max\":%" PRIu32, zone->code_min, zone->code_max);
    }
    if (zone->has_code_mask) {
        fprintf(out, ",\"code_mask\":\"%016" PRIx64 "\"", zone->code_mask);
    }
cleanup:
    return status;
}

static wend_status print_chunk(const chunk_map *chunk, const wendi_segment_column *column, FILE *out)
{
    wend_status status = WEND_OK;
    char type[48];
    fprintf(out, "{\"id\":%" PRIu32 ",\"name\":", column->id);
    print_string(column->name.data, column->name.length, out);
    fprintf(out, ",\"type\":\"%s\",\"page_bytes\":%" PRIu64 ",\"dictionary_bytes\":%" PRIu64
                 ",\"dictionary_entries\":%" PRIu32 ",", wendi_type_name(column->type, type), chunk->page_bytes,
            chunk->dictionary_bytes, chunk->dictionary_entries > 0 ? chunk->dictionary_entries - 1 : 0);
    WEND_TRY(print_zone(&chunk->zone, out));
    fputs(",\"pages\":[", out);
    for (uint32_t p = 0; p < chunk->page_count; p++) {
        const page_map *page = &chunk->pages[p];
        char encoding[40];
        fprintf(out, "%s{\"offset\":%" PRIu64 ",\"bytes\":%" PRIu32 ",\"encoding\":\"%s\",", p == 0 ? "" : ",",
                page->offset, page->bytes, page_encoding(page, encoding, sizeof encoding));
        WEND_TRY(print_zone(&page->zone, out));
        fputc('}', out);
    }
    fputs("]}", out);
cleanup:
    return status;
}

static wend_status print_row_groups(const segment_map *map, FILE *out)
{
    wend_status status = WEND_OK;
    uint32_t columns = wendi_segment_column_count(map->segment);
    for (uint32_t g = 0; g < wendi_segment_row_group_count(map->segment); g++) {
        const wendi_row_group_info *info = wendi_segment_row_group(map->segment, g);
        fprintf(out, "%s{\"rows\":%" PRIu32 ",\"user_hash_min\":\"%016" PRIx64 "\",\"user_hash_max\":\"%016" PRIx64
                     "\",\"rows_without_user\":%" PRIu64 ",\"columns\":[", g == 0 ? "" : ",", info->row_count,
                info->user_hash_min, info->user_hash_max, info->null_user_rows);
        for (uint32_t c = 0; c < columns; c++) {
            fputs(c == 0 ? "" : ",", out);
            WEND_TRY(print_chunk(&map->chunks[(size_t)g * columns + c], wendi_segment_column_at(map->segment, c), out));
        }
        fputs("]}", out);
    }
cleanup:
    return status;
}

wend_status segment_map_print_json(const segment_map *map, FILE *out)
{
    const wendi_segment_summary *summary = wendi_segment_summary_of(map->segment);
    uint32_t origins;
    const wendi_segment_origin *origin = wendi_segment_origins(map->segment, &origins);
    fputs("{\"file\":", out);
    print_string(map->path, strlen(map->path), out);
    fprintf(out, ",\"bytes\":%" PRIu64 ",\"rows\":%" PRIu64 ",\"column_bytes\":%" PRIu64 ",\"dictionary_bytes\":%" PRIu64
                 ",\"index_bytes\":%" PRIu64 ",\"footer_bytes\":%" PRIu64 ",\"padding_bytes\":%" PRIu64
                 ",\"rows_without_user\":%" PRIu64 ",\"origins\":[", summary->file_bytes, summary->row_count,
            map->column_bytes, map->dictionary_bytes, map->index_bytes, map->footer_bytes, map->padding_bytes,
            summary->null_user_rows);
    for (uint32_t i = 0; i < origins; i++) {
        fputs(i == 0 ? "{\"source\":" : ",{\"source\":", out);
        print_string(origin[i].source.data, origin[i].source.length, out);
        fprintf(out, ",\"partition\":%" PRId32 ",\"from\":%" PRId64 ",\"to\":%" PRId64 "}", origin[i].partition,
                origin[i].from, origin[i].to);
    }
    fputs("],\"row_groups\":[", out);
    wend_status status = print_row_groups(map, out);
    fputs("]}", out);
    return status;
}
