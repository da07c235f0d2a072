/* The map of a segment as one JSON object, with every row group, column and page. */
#include <inttypes.h>

#include "tools/inspect/map_json.h"

wend_status json_zone(const wendi_zone *zone, FILE *out)
{
    wend_status status = WEND_OK;
    fprintf(out, "\"rows\":%" PRIu64 ",\"nulls\":%" PRIu64, zone->row_count, zone->null_count);
    if (zone->has_min_max) {
        fputs(",\"min\":", out);
        WEND_TRY(json_value(&zone->min, out));
        fputs(",\"max\":", out);
        WEND_TRY(json_value(&zone->max, out));
    }
    if (zone->has_codes) {
        fprintf(out, ",\"code_min\":%" PRIu32 ",\"code_max\":%" PRIu32, zone->code_min,
                zone->code_max);
    }
    if (zone->has_code_mask) {
        fprintf(out, ",\"code_mask\":\"%016" PRIx64 "\"", zone->code_mask);
    }
cleanup:
    return status;
}

void json_parts(const uint64_t *parts, FILE *out)
{
    static const char *const keys[PART_COUNT] = {"values",     "nulls",        "dictionary",
                                                 "prediction", "page_headers", "padding"};
    for (int p = 0; p < PART_COUNT; p++) {
        fprintf(out, "%s\"%s\":%" PRIu64, p == 0 ? "\"parts\":{" : ",", keys[p], parts[p]);
    }
    fputc('}', out);
}

void json_dictionary(const dictionary_map *dictionary, uint64_t entries, FILE *out)
{
    static const char *const keys[DICTIONARY_FORMS] = {"front_coded", "hexadecimal", "decimal"};
    fprintf(out,
            "{\"entries\":%" PRIu64 ",\"ordered\":%s,\"blocks\":%" PRIu32
            ",\"index_bytes\":%" PRIu32 ",\"stored_bytes\":%" PRIu64 ",\"raw_bytes\":%" PRIu64
            ",\"string_bytes\":%" PRIu64 ",\"forms\":{",
            entries, dictionary->ordered ? "true" : "false", dictionary->block_count,
            dictionary->index_bytes, dictionary->stored_bytes, dictionary->raw_bytes,
            dictionary->string_bytes);
    for (int f = 0; f < DICTIONARY_FORMS; f++) {
        fprintf(out, "%s\"%s\":%" PRIu32, f == 0 ? "" : ",", keys[f], dictionary->forms[f]);
    }
    fputs("}}", out);
}

static void print_prediction(const segment_map *map, const prediction_map *prediction, FILE *out)
{
    fputs(",\"prediction\":{\"from\":[", out);
    for (uint32_t d = 0; d < 2 && d < prediction->determinant_count; d++) {
        uint32_t column = wendi_segment_find_column(map->segment, prediction->determinants[d]);
        fputs(d == 0 ? "" : ",", out);
        json_string(column == WENDI_NO_COLUMN ? wendi_string_of("")
                                              : wendi_segment_column_at(map->segment, column)->name,
                    out);
    }
    fprintf(out,
            "],\"row_before\":%s,\"map\":%" PRIu32 ",\"list\":%" PRIu32 ",\"number_bytes\":%" PRIu32
            ",\"stored_bytes\":%" PRIu32 "}",
            prediction->row_before ? "true" : "false", prediction->map_count,
            prediction->list_count, prediction->number_bytes, prediction->stored_bytes);
}

static wend_status print_page(const page_map *page, FILE *out)
{
    char encoding[ENCODING_TEXT_BYTES];
    fprintf(out,
            "{\"offset\":%" PRIu64 ",\"bytes\":%" PRIu32 ",\"payload_bytes\":%" PRIu32
            ",\"padding_bytes\":%" PRIu32 ",\"layout\":\"%s\",\"encoding\":\"%s\",\"streams\":[",
            page->offset, page->bytes, page->payload_bytes,
            page->bytes - WENDI_PAGE_HEADER_BYTES - page->payload_bytes, layout_name(page->layout),
            page_encoding(page, encoding));
    for (int s = 0; s < 2 && page->codecs[s] != 0; s++) {
        fprintf(out, "%s{\"codec\":\"%s\",\"bytes\":%" PRIu32 "}", s == 0 ? "" : ",",
                wendi_codec_find(page->codecs[s])->name, page->stream_bytes[s]);
    }
    fprintf(out, "],\"exceptions\":%" PRIu32 ",\"blocks\":%" PRIu32 ",", page->exception_count,
            page->block_count);
    wend_status status = json_zone(&page->zone, out);
    fputc('}', out);
    return status;
}

static wend_status print_chunk(const segment_map *map, const chunk_map *chunk,
                               const wendi_segment_column *column, FILE *out)
{
    wend_status status = WEND_OK;
    char type[48];
    fprintf(out, "{\"id\":%" PRIu32 ",\"name\":", column->id);
    json_string(column->name, out);
    fprintf(out,
            ",\"type\":\"%s\",\"offset\":%" PRIu64 ",\"page_bytes\":%" PRIu64
            ",\"dictionary_bytes\":%" PRIu64 ",\"dictionary_entries\":%" PRIu32
            ",\"prediction_bytes\":%" PRIu64 ",",
            wendi_type_name(column->type, type), chunk->offset, chunk->page_bytes,
            chunk->dictionary_bytes,
            chunk->dictionary_entries > 0 ? chunk->dictionary_entries - 1 : 0,
            chunk->prediction_bytes);
    json_parts(chunk->parts, out);
    fputc(',', out);
    WEND_TRY(json_zone(&chunk->zone, out));
    if (chunk->dictionary_bytes > 0) {
        fputs(",\"dictionary\":", out);
        json_dictionary(&chunk->dictionary, chunk->dictionary_entries - 1, out);
    }
    if (chunk->prediction_bytes > 0) {
        print_prediction(map, &chunk->prediction, out);
    }
    fputs(",\"pages\":[", out);
    for (uint32_t p = 0; p < chunk->page_count; p++) {
        fputs(p == 0 ? "" : ",", out);
        WEND_TRY(print_page(&chunk->pages[p], out));
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
        const wendi_row_group_entry *entry = &map->segment->footer.row_groups[g];
        fprintf(out,
                "%s{\"rows\":%" PRIu32 ",\"index_offset\":%" PRIu64 ",\"index_bytes\":%" PRIu32
                ",\"user_hash_min\":\"%016" PRIx64 "\",\"user_hash_max\":\"%016" PRIx64
                "\",\"rows_without_user\":%" PRIu64 ",\"columns\":[",
                g == 0 ? "" : ",", info->row_count, entry->index_offset, entry->index_bytes,
                info->user_hash_min, info->user_hash_max, info->null_user_rows);
        for (uint32_t c = 0; c < columns; c++) {
            fputs(c == 0 ? "" : ",", out);
            WEND_TRY(print_chunk(map, segment_map_chunk(map, g, c),
                                 wendi_segment_column_at(map->segment, c), out));
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
    json_string(wendi_string_of(map->path), out);
    fprintf(out,
            ",\"bytes\":%" PRIu64 ",\"rows\":%" PRIu64 ",\"column_bytes\":%" PRIu64
            ",\"dictionary_bytes\":%" PRIu64 ",\"prediction_bytes\":%" PRIu64
            ",\"index_bytes\":%" PRIu64 ",\"footer_bytes\":%" PRIu64 ",\"padding_bytes\":%" PRIu64
            ",\"page_padding_bytes\":%" PRIu64 ",\"footer_offset\":%" PRIu64
            ",\"features\":%" PRIu64 ",\"rows_without_user\":%" PRIu64 ",\"origins\":[",
            summary->file_bytes, summary->row_count, map->column_bytes, map->dictionary_bytes,
            map->prediction_bytes, map->index_bytes, map->footer_bytes, map->padding_bytes,
            map->page_padding_bytes, summary->footer_offset, map->segment->footer.features,
            summary->null_user_rows);
    for (uint32_t i = 0; i < origins; i++) {
        fputs(i == 0 ? "{\"source\":" : ",{\"source\":", out);
        json_string(origin[i].source, out);
        fprintf(out, ",\"partition\":%" PRId32 ",\"from\":%" PRId64 ",\"to\":%" PRId64 "}",
                origin[i].partition, origin[i].from, origin[i].to);
    }
    fputs("],\"row_groups\":[", out);
    wend_status status = print_row_groups(map, out);
    fputc(']', out);
    return status;
}
