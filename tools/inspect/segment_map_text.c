/* The map of a segment for people: a few lines about the file, then a table of its columns. */
#include <inttypes.h>

#include "tools/inspect/map_total.h"

static wend_status print_zone(const wendi_zone *zone, FILE *out)
{
    wendi_buffer text = {.length = 0};
    wend_status status = zone_text(zone, &text);
    if (status == WEND_OK && text.length > 0) {
        fwrite(text.data, 1, text.length, out);
    }
    wendi_buffer_free(&text);
    return status;
}

static wend_status print_pages(const segment_map *map, uint32_t group, FILE *out)
{
    wend_status status = WEND_OK;
    for (uint32_t c = 0; c < wendi_segment_column_count(map->segment); c++) {
        const chunk_map *chunk = segment_map_chunk(map, group, c);
        const wendi_segment_column *column = wendi_segment_column_at(map->segment, c);
        fputs("    ", out);
        print_name(column->name, 0, out);
        fputc('\n', out);
        for (uint32_t p = 0; p < chunk->page_count; p++) {
            const page_map *page = &chunk->pages[p];
            char encoding[ENCODING_TEXT_BYTES];
            fprintf(out,
                    "      page %-3" PRIu32 " at %-12" PRIu64 " %9" PRIu32 " bytes, %2" PRIu32
                    " padding, %6" PRIu32 " rows %6" PRIu32 " nulls  %-24s ",
                    p, page->offset, page->bytes,
                    page->bytes - WENDI_PAGE_HEADER_BYTES - page->payload_bytes, page->row_count,
                    page->null_count, page_encoding(page, encoding));
            WEND_TRY(print_zone(&page->zone, out));
            fputc('\n', out);
        }
    }
cleanup:
    return status;
}

static wend_status print_time(int64_t us, FILE *out)
{
    wendi_zone zone = {.row_count = 1,
                       .has_min_max = true,
                       .min = {.type = wendi_type_of(WENDI_TYPE_TIMESTAMPTZ), .i64 = us}};
    wendi_buffer text = {.length = 0};
    wend_status status = value_text(&zone.min, &text);
    if (status == WEND_OK) {
        fwrite(text.data, 1, text.length, out);
    }
    wendi_buffer_free(&text);
    return status;
}

static wend_status print_head(const segment_map *map, FILE *out)
{
    wend_status status = WEND_OK;
    const wendi_segment_summary *summary = wendi_segment_summary_of(map->segment);
    double rows = summary->row_count == 0 ? 1 : (double)summary->row_count;
    uint32_t origins;
    const wendi_segment_origin *origin = wendi_segment_origins(map->segment, &origins);
    fprintf(out,
            "%s\n  %" PRIu64 " bytes, %" PRIu64 " rows, %" PRIu32 " row groups, %.2f bytes a row\n",
            map->path, summary->file_bytes, summary->row_count,
            wendi_segment_row_group_count(map->segment), (double)summary->file_bytes / rows);
    fprintf(out,
            "  pages %" PRIu64 ", dictionaries %" PRIu64 ", predictions %" PRIu64
            ", indexes %" PRIu64 ", header, footer and trailer %" PRIu64
            ", zeros behind the footer %" PRIu64 "; padding in pages %" PRIu64 "\n",
            map->column_bytes, map->dictionary_bytes, map->prediction_bytes, map->index_bytes,
            map->footer_bytes, map->padding_bytes, map->page_padding_bytes);
    if (summary->time_min <= summary->time_max) {
        fputs("  times ", out);
        WEND_TRY(print_time(summary->time_min, out));
        fputs(" .. ", out);
        WEND_TRY(print_time(summary->time_max, out));
        fputc('\n', out);
    }
    fprintf(out,
            "  user hashes %016" PRIx64 " .. %016" PRIx64 ", %" PRIu64 " rows without a user\n",
            summary->user_hash_min, summary->user_hash_max, summary->null_user_rows);
    for (uint32_t i = 0; i < origins; i++) {
        fprintf(out, "  from %.*s partition %" PRId32 ": %" PRId64 " .. %" PRId64 "\n",
                (int)origin[i].source.length, origin[i].source.data, origin[i].partition,
                origin[i].from, origin[i].to);
    }
cleanup:
    return status;
}

static wend_status print_groups(const segment_map *map, uint32_t begin, uint32_t end, FILE *out)
{
    map_total total = {.columns = NULL};
    wend_status status = map_total_add_groups(&total, map, begin, end);
    if (status == WEND_OK) {
        status = map_total_print_text(&total, 2, out);
    }
    map_total_free(&total);
    return status;
}

wend_status segment_map_print_text(const segment_map *map, map_detail detail, FILE *out)
{
    wend_status status = WEND_OK;
    uint32_t groups = wendi_segment_row_group_count(map->segment);
    WEND_TRY(print_head(map, out));
    if (!detail.row_groups && !detail.pages) {
        WEND_TRY(print_groups(map, 0, groups, out));
    }
    for (uint32_t g = 0; g < groups && (detail.row_groups || detail.pages); g++) {
        const wendi_row_group_info *info = wendi_segment_row_group(map->segment, g);
        fprintf(out,
                "  row group %" PRIu32 ": %" PRIu32 " rows, user hashes %016" PRIx64
                " .. %016" PRIx64 "\n",
                g, info->row_count, info->user_hash_min, info->user_hash_max);
        WEND_TRY(print_groups(map, g, g + 1, out));
        if (detail.pages) {
            WEND_TRY(print_pages(map, g, out));
        }
    }
cleanup:
    return status;
}
