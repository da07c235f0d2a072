/* Collecting the map of a segment: footer, indexes, and the header of every page. */
#include "tools/inspect/segment_map.h"

static const char *const layout_names[WENDI_LAYOUT_COUNT] = {
    "null", "integer", "codes", "double", "float", "decimal", "raw16", "split16", "strings"};

const char *layout_name(uint8_t layout)
{
    return layout < WENDI_LAYOUT_COUNT ? layout_names[layout] : "unknown";
}

static const char *codec_name(uint8_t id)
{
    const wendi_codec *codec = wendi_codec_find(id);
    return codec == NULL ? "none" : codec->name;
}

const char *page_encoding(const page_map *page, char *text, size_t bytes)
{
    if (page->codecs[1] != 0) {
        snprintf(text, bytes, "%s(%s,%s)", layout_name(page->layout), codec_name(page->codecs[0]),
                 codec_name(page->codecs[1]));
    } else if (page->codecs[0] == 0) {
        snprintf(text, bytes, "%s", layout_name(page->layout));
    } else {
        snprintf(text, bytes, "%s(%s)", layout_name(page->layout), codec_name(page->codecs[0]));
    }
    return text;
}

static wend_status map_chunk(segment_map *map, uint32_t group, uint32_t column, chunk_map *to, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_chunk *chunk = NULL;
    const wendi_chunk_entry *entry = wendi_segment_chunk(map->segment, group, column);
    WEND_TRY(wendi_chunk_open(map->segment, group, column, &chunk, error));
    to->page_count = wendi_pages_of(chunk->row_count);
    to->page_bytes = entry->page_bytes;
    to->dictionary_bytes = entry->dictionary_bytes;
    to->dictionary_entries = entry->dictionary_entries;
    wendi_row_group_zone(map->segment, group, column, &to->zone);
    to->pages = wendi_arena_alloc_zero(&map->arena, to->page_count * sizeof *to->pages);
    if (to->pages == NULL) {
        status = wendi_fail_nomem(error, "a map", 0);
        goto cleanup;
    }
    for (uint32_t p = 0; p < to->page_count; p++) {
        page_map *page = &to->pages[p];
        WEND_TRY(wendi_chunk_load_page(chunk, p, error));
        page->offset = chunk->pages[p].offset;
        page->bytes = chunk->pages[p].bytes;
        page->row_count = chunk->page.row_count;
        page->null_count = chunk->pages[p].null_count;
        page->layout = chunk->page.layout;
        for (int s = 0; s < 2; s++) {
            page->codecs[s] = chunk->page.streams[s].codec == NULL ? 0 : chunk->page.streams[s].codec->id;
        }
        wendi_chunk_page_zone(chunk, p, &page->zone);
    }
    map->column_bytes += to->page_bytes;
    map->dictionary_bytes += to->dictionary_bytes;
cleanup:
    wendi_chunk_close(chunk);
    return status;
}

wend_status segment_map_make(const char *path, const wendi_segment_source *source, segment_map *map, wend_error *error)
{
    wend_status status = WEND_OK;
    *map = (segment_map){.path = path};
    WEND_TRY(wendi_segment_open(source, NULL, &map->segment, error));
    const wendi_footer *footer = &map->segment->footer;
    map->chunks = wendi_arena_alloc_zero(&map->arena,
                                         (size_t)footer->row_group_count * footer->column_count * sizeof *map->chunks);
    if (map->chunks == NULL) {
        status = wendi_fail_nomem(error, "a map", 0);
        goto cleanup;
    }
    uint64_t used = WENDI_SEGMENT_HEADER_BYTES;
    for (uint32_t g = 0; g < footer->row_group_count; g++) {
        for (uint32_t c = 0; c < footer->column_count; c++) {
            WEND_TRY(map_chunk(map, g, c, &map->chunks[(size_t)g * footer->column_count + c], error));
        }
        map->index_bytes += footer->row_groups[g].index_bytes;
    }
    used += map->column_bytes + map->dictionary_bytes + map->index_bytes;
    uint64_t names = 0;
    for (uint32_t c = 0; c < footer->column_count; c++) {
        names += footer->columns[c].name.length;
    }
    for (size_t i = 0; i < (size_t)footer->row_group_count * footer->column_count; i++) {
        names += footer->chunks[i].low.length + footer->chunks[i].high.length;
    }
    for (uint32_t i = 0; i < footer->origin_count; i++) {
        names += footer->origins[i].source.length;
    }
    map->footer_bytes = WENDI_SEGMENT_HEADER_BYTES + WENDI_TRAILER_BYTES + WENDI_FOOTER_HEADER_BYTES + names +
                        (uint64_t)footer->column_count * WENDI_FOOTER_COLUMN_BYTES +
                        (uint64_t)footer->row_group_count * WENDI_FOOTER_ROW_GROUP_BYTES +
                        (uint64_t)footer->row_group_count * footer->column_count * WENDI_FOOTER_CHUNK_BYTES +
                        (uint64_t)footer->origin_count * WENDI_FOOTER_ORIGIN_BYTES;
    map->padding_bytes = footer->summary.file_bytes - (used - WENDI_SEGMENT_HEADER_BYTES) - map->footer_bytes;
cleanup:
    if (status != WEND_OK) {
        segment_map_free(map);
    }
    return status;
}

void segment_map_free(segment_map *map)
{
    wendi_segment_close(map->segment);
    wendi_arena_free(&map->arena);
    map->segment = NULL;
}
