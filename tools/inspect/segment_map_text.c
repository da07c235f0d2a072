/* The map of a segment for people: a few lines about the file, then a table of its columns. */
#include <inttypes.h>

#include "tools/inspect/segment_map.h"

enum { BOUND_CHARACTERS = 40, KINDS_MAX = 24 };

/** How often each encoding occurs among pages. */
typedef struct encoding_count {
    char name[40];
    uint32_t count;
} encoding_count;

static void count_encodings(const chunk_map *chunk, encoding_count *counts)
{
    for (uint32_t p = 0; p < chunk->page_count; p++) {
        char name[40];
        page_encoding(&chunk->pages[p], name, sizeof name);
        for (int k = 0; k < KINDS_MAX; k++) {
            if (counts[k].count == 0) {
                snprintf(counts[k].name, sizeof counts[k].name, "%s", name);
            }
            if (strcmp(counts[k].name, name) == 0) {
                counts[k].count++;
                break;
            }
        }
    }
}

static void print_encodings(const encoding_count *counts, FILE *out)
{
    for (int k = 0; k < KINDS_MAX && counts[k].count > 0; k++) {
        fprintf(out, k == 0 ? "%s" : " %s", counts[k].name);
        if (counts[k].count > 1) {
            fprintf(out, "*%" PRIu32, counts[k].count);
        }
    }
}

static wend_status print_bound(const wendi_value *value, FILE *out)
{
    wendi_buffer text = {.length = 0};
    wend_status status = wendi_value_format(value, NULL, &text);
    if (status == WEND_OK) {
        size_t shown = text.length < BOUND_CHARACTERS ? text.length : BOUND_CHARACTERS;
        for (size_t i = 0; i < shown; i++) {
            uint8_t byte = text.data[i];
            fputc(byte < 32 || byte == 127 ? '?' : byte, out);
        }
        fputs(shown < text.length ? "..." : "", out);
    }
    wendi_buffer_free(&text);
    return status;
}

static wend_status print_zone(const wendi_zone *zone, FILE *out)
{
    wend_status status = WEND_OK;
    if (zone->null_count == zone->row_count && zone->row_count > 0) {
        fputs("all null", out);
        return WEND_OK;
    }
    if (zone->has_min_max) {
        WEND_TRY(print_bound(&zone->min, out));
        fputs(" .. ", out);
        WEND_TRY(print_bound(&zone->max, out));
    } else if (zone->has_codes) {
        fprintf(out, "codes %" PRIu32 " .. %" PRIu32, zone->code_min, zone->code_max);
    }
cleanup:
    return status;
}

static wend_status print_column(const segment_map *map, uint32_t column, uint32_t group_begin, uint32_t group_end,
                                FILE *out)
{
    wend_status status = WEND_OK;
    const wendi_segment_column *of = wendi_segment_column_at(map->segment, column);
    encoding_count counts[KINDS_MAX] = {{.count = 0}};
    chunk_map sum = {.page_count = 0};
    char type[48];
    for (uint32_t g = group_begin; g < group_end; g++) {
        const chunk_map *chunk = &map->chunks[(size_t)g * wendi_segment_column_count(map->segment) + column];
        count_encodings(chunk, counts);
        sum.page_bytes += chunk->page_bytes;
        sum.dictionary_bytes += chunk->dictionary_bytes;
        sum.dictionary_entries += chunk->dictionary_entries;
        sum.zone = chunk->zone;
    }
    if (group_end - group_begin != 1) {
        wendi_segment_zone(map->segment, column, &sum.zone);
    }
    double rows = sum.zone.row_count == 0 ? 1 : (double)sum.zone.row_count;
    fprintf(out, "  %-20.*s %-16s %12" PRIu64 " %12" PRIu64 " %9" PRIu32 " %7.3f %10" PRIu64 "  ",
            (int)of->name.length, of->name.data, wendi_type_name(of->type, type), sum.page_bytes, sum.dictionary_bytes,
            sum.dictionary_entries > 0 ? sum.dictionary_entries - (group_end - group_begin) : 0,
            (double)(sum.page_bytes + sum.dictionary_bytes) / rows, sum.zone.null_count);
    print_encodings(counts, out);
    fputs("  ", out);
    status = print_zone(&sum.zone, out);
    fputc('\n', out);
    return status;
}

static wend_status print_pages(const segment_map *map, uint32_t group, uint32_t column, FILE *out)
{
    wend_status status = WEND_OK;
    const chunk_map *chunk = &map->chunks[(size_t)group * wendi_segment_column_count(map->segment) + column];
    for (uint32_t p = 0; p < chunk->page_count; p++) {
        const page_map *page = &chunk->pages[p];
        char encoding[40];
        fprintf(out, "    page %-3" PRIu32 " at %-12" PRIu64 " %9" PRIu32 " bytes %6" PRIu32 " rows %6" PRIu32
                     " nulls  %-24s ", p, page->offset, page->bytes, page->row_count, page->null_count,
                page_encoding(page, encoding, sizeof encoding));
        WEND_TRY(print_zone(&page->zone, out));
        fputc('\n', out);
    }
cleanup:
    return status;
}

static wend_status print_table(const segment_map *map, uint32_t group_begin, uint32_t group_end, bool pages, FILE *out)
{
    wend_status status = WEND_OK;
    fprintf(out, "  %-20s %-16s %12s %12s %9s %7s %10s  %s\n", "column", "type", "page bytes", "dict bytes", "entries",
            "B/row", "nulls", "encodings, least .. greatest");
    for (uint32_t c = 0; c < wendi_segment_column_count(map->segment); c++) {
        WEND_TRY(print_column(map, c, group_begin, group_end, out));
        for (uint32_t g = group_begin; g < group_end && pages; g++) {
            WEND_TRY(print_pages(map, g, c, out));
        }
    }
cleanup:
    return status;
}

static wend_status print_time(int64_t us, FILE *out)
{
    wendi_value value = {.type = wendi_type_of(WENDI_TYPE_TIMESTAMPTZ), .i64 = us};
    return print_bound(&value, out);
}

static wend_status print_head(const segment_map *map, FILE *out)
{
    wend_status status = WEND_OK;
    const wendi_segment_summary *summary = wendi_segment_summary_of(map->segment);
    double rows = summary->row_count == 0 ? 1 : (double)summary->row_count;
    uint32_t origins;
    const wendi_segment_origin *origin = wendi_segment_origins(map->segment, &origins);
    fprintf(out, "%s\n  %" PRIu64 " bytes, %" PRIu64 " rows, %" PRIu32 " row groups, %.2f bytes a row\n", map->path,
            summary->file_bytes, summary->row_count, wendi_segment_row_group_count(map->segment),
            (double)summary->file_bytes / rows);
    fprintf(out, "  pages %" PRIu64 ", dictionaries %" PRIu64 ", indexes %" PRIu64 ", header, footer and trailer %" PRIu64
                 ", padding %" PRIu64 "\n", map->column_bytes, map->dictionary_bytes, map->index_bytes,
            map->footer_bytes, map->padding_bytes);
    if (summary->time_min <= summary->time_max) {
        fputs("  times ", out);
        WEND_TRY(print_time(summary->time_min, out));
        fputs(" .. ", out);
        WEND_TRY(print_time(summary->time_max, out));
        fputc('\n', out);
    }
    fprintf(out, "  user hashes %016" PRIx64 " .. %016" PRIx64 ", %" PRIu64 " rows without a user\n",
            summary->user_hash_min, summary->user_hash_max, summary->null_user_rows);
    for (uint32_t i = 0; i < origins; i++) {
        fprintf(out, "  from %.*s partition %" PRId32 ": %" PRId64 " .. %" PRId64 "\n", (int)origin[i].source.length,
                origin[i].source.data, origin[i].partition, origin[i].from, origin[i].to);
    }
cleanup:
    return status;
}

wend_status segment_map_print_text(const segment_map *map, map_detail detail, FILE *out)
{
    wend_status status = WEND_OK;
    uint32_t groups = wendi_segment_row_group_count(map->segment);
    WEND_TRY(print_head(map, out));
    if (!detail.row_groups && !detail.pages) {
        WEND_TRY(print_table(map, 0, groups, false, out));
    }
    for (uint32_t g = 0; g < groups && (detail.row_groups || detail.pages); g++) {
        const wendi_row_group_info *info = wendi_segment_row_group(map->segment, g);
        fprintf(out, "  row group %" PRIu32 ": %" PRIu32 " rows, user hashes %016" PRIx64 " .. %016" PRIx64 "\n", g,
                info->row_count, info->user_hash_min, info->user_hash_max);
        WEND_TRY(print_table(map, g, g + 1, detail.pages, out));
    }
cleanup:
    return status;
}
