/* Collecting the map of a segment: footer and trailer, indexes, and the header and streams of every
 * page. */
#include "tools/inspect/segment_map.h"

#include <stdlib.h>

#include "engine/base/alloc.h"
#include "engine/base/hash.h"

const char *const map_part_names[PART_COUNT] = {"values",     "nulls",        "dictionary",
                                                "prediction", "page headers", "padding"};

static const char *const layout_names[] = {"null",    "integer",   "codes", "double",
                                           "float",   "decimal",   "raw16", "split16",
                                           "strings", "predicted", "uuid4"};

const char *layout_name(uint8_t layout)
{
    return layout < sizeof layout_names / sizeof *layout_names ? layout_names[layout] : "unknown";
}

static const char *codec_name(uint8_t id)
{
    const wendi_codec *codec = wendi_codec_find(id);
    return codec == NULL ? "none" : codec->name;
}

const char *encoding_text(uint8_t layout, const uint8_t *codecs, char *text)
{
    if (codecs[0] == 0) {
        snprintf(text, ENCODING_TEXT_BYTES, "%s", layout_name(layout));
    } else if (codecs[1] == 0) {
        snprintf(text, ENCODING_TEXT_BYTES, "%s(%s)", layout_name(layout), codec_name(codecs[0]));
    } else {
        snprintf(text, ENCODING_TEXT_BYTES, "%s(%s,%s)", layout_name(layout), codec_name(codecs[0]),
                 codec_name(codecs[1]));
    }
    return text;
}

const char *page_encoding(const page_map *page, char *text)
{
    return encoding_text(page->layout, page->codecs, text);
}

void encodings_count(const chunk_map *chunk, encoding_count counts[ENCODING_KINDS_MAX])
{
    for (uint32_t p = 0; p < chunk->page_count; p++) {
        char name[ENCODING_TEXT_BYTES];
        int k = 0;
        page_encoding(&chunk->pages[p], name);
        while (k < ENCODING_KINDS_MAX - 1 && counts[k].count > 0 &&
               strcmp(counts[k].name, name) != 0) {
            k++;
        }
        if (counts[k].count == 0) {
            snprintf(counts[k].name, sizeof counts[k].name, "%s",
                     k < ENCODING_KINDS_MAX - 1 ? name : "others");
        }
        counts[k].count++;
    }
}

static int compare_counts(const void *a, const void *b)
{
    uint32_t left = ((const encoding_count *)a)->count;
    uint32_t right = ((const encoding_count *)b)->count;
    return (left < right) - (left > right);
}

void encodings_sort(encoding_count counts[ENCODING_KINDS_MAX])
{
    qsort(counts, ENCODING_KINDS_MAX, sizeof *counts, compare_counts);
}

wend_status map_read(const wendi_segment *segment, uint64_t offset, size_t length,
                     uint8_t **bytes_out, wend_error *error)
{
    uint8_t *bytes = wendi_alloc_aligned(64, length + 64);
    if (bytes == NULL) {
        return wendi_fail_nomem(error, "a map", length);
    }
    memset(bytes + length, 0, 64);
    wend_status status =
        segment->source.read(segment->source.context, offset, bytes, length, error);
    if (status != WEND_OK) {
        wendi_free(bytes);
        return status;
    }
    *bytes_out = bytes;
    return WEND_OK;
}

/* A page's own account: what of it are streams, nulls, header, padding. */
static void take_page(const wendi_page *page, const wendi_page_entry *entry, const uint8_t *bytes,
                      page_map *to, uint64_t *parts)
{
    to->offset = entry->offset;
    to->bytes = entry->bytes;
    to->payload_bytes = wendi_load_u32(bytes + 8);
    to->row_count = page->row_count;
    to->value_count = page->value_count;
    to->null_count = entry->null_count;
    to->null_bytes = page->null_form == WENDI_NULLS_BITMAP ? (page->row_count + 63) / 64 * 8 : 0;
    to->layout = page->layout;
    to->exception_count = page->exception_count;
    to->block_count = page->block_count;
    for (int s = 0; s < 2; s++) {
        const wendi_stream *stream = &page->streams[s];
        to->codecs[s] = stream->codec == NULL ? 0 : stream->codec->id;
        to->stream_bytes[s] = stream->codec == NULL ? 0 : (uint32_t)stream->encoded_bytes;
    }
    parts[PART_PAGE_HEADERS] += WENDI_PAGE_HEADER_BYTES;
    parts[PART_NULLS] += to->null_bytes;
    parts[PART_VALUES] += to->payload_bytes - to->null_bytes;
    parts[PART_PADDING] += to->bytes - WENDI_PAGE_HEADER_BYTES - to->payload_bytes;
}

static wend_status map_page(segment_map *map, wendi_chunk *chunk, uint32_t p, chunk_map *to,
                            wend_error *error)
{
    wend_status status = WEND_OK;
    const wendi_segment *segment = map->segment;
    const wendi_page_entry *entry = &chunk->pages[p];
    wendi_place place = {.row_group = chunk->row_group,
                         .column_id = segment->footer.columns[chunk->column].id,
                         .page = p};
    wendi_arena arena = {.blocks = NULL};
    wendi_page page;
    uint8_t *bytes = NULL;
    const char *reason = NULL;
    memcpy(place.uuid, segment->footer.uuid, sizeof place.uuid);
    WEND_TRY(map_read(segment, entry->offset, entry->bytes, &bytes, error));
    status = wendi_page_open(&page, bytes, entry->bytes, &place, wendi_chunk_page_rows(chunk, p),
                             &arena, &reason);
    if (status != WEND_OK) {
        status = wendi_segment_damage(segment, status, chunk->row_group, chunk->column, p,
                                      entry->offset, reason, error);
        goto cleanup;
    }
    take_page(&page, entry, bytes, &to->pages[p], to->parts);
    wendi_chunk_page_zone(chunk, p, &to->pages[p].zone);
cleanup:
    wendi_arena_free(&arena);
    wendi_free(bytes);
    return status;
}

static wend_status map_chunk(segment_map *map, uint32_t group, uint32_t column, chunk_map *to,
                             wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_chunk *chunk = NULL;
    const wendi_chunk_entry *entry = wendi_segment_chunk(map->segment, group, column);
    WEND_TRY(wendi_chunk_open(map->segment, group, column, &chunk, error));
    to->page_count = wendi_pages_of(chunk->row_count);
    to->offset = entry->offset;
    to->page_bytes = entry->page_bytes;
    to->dictionary_bytes = entry->dictionary_bytes;
    to->prediction_bytes = entry->prediction_bytes;
    to->dictionary_entries = entry->dictionary_entries;
    wendi_row_group_zone(map->segment, group, column, &to->zone);
    to->pages = wendi_arena_alloc_zero(&map->arena, to->page_count * sizeof *to->pages);
    if (to->pages == NULL) {
        status = wendi_fail_nomem(error, "a map", 0);
        goto cleanup;
    }
    for (uint32_t p = 0; p < to->page_count; p++) {
        WEND_TRY(map_page(map, chunk, p, to, error));
    }
    if (to->dictionary_bytes > 0) {
        WEND_TRY(map_dictionary(map->segment, group, column, to, error));
    }
    if (to->prediction_bytes > 0) {
        WEND_TRY(map_prediction(map->segment, group, column, to, error));
    }
    map->column_bytes += to->page_bytes;
    map->dictionary_bytes += to->dictionary_bytes;
    map->prediction_bytes += to->prediction_bytes;
    map->page_padding_bytes += to->parts[PART_PADDING];
cleanup:
    wendi_chunk_close(chunk);
    return status;
}

/* What the segment's parsed footer does not keep: its own length. */
static wend_status map_footer(segment_map *map, wend_error *error)
{
    wend_status status = WEND_OK;
    const wendi_footer *footer = &map->segment->footer;
    uint64_t at = footer->summary.footer_offset;
    uint64_t length = footer->summary.file_bytes - at;
    uint8_t *bytes = NULL;
    WEND_TRY(map_read(map->segment, at, (size_t)length, &bytes, error));
    uint64_t footer_bytes = wendi_load_u32(bytes + length - WENDI_TRAILER_BYTES + 8);
    map->footer_bytes = WENDI_SEGMENT_HEADER_BYTES + footer_bytes + WENDI_TRAILER_BYTES;
    map->padding_bytes = length - footer_bytes - WENDI_TRAILER_BYTES;
cleanup:
    wendi_free(bytes);
    return status;
}

wend_status segment_map_make(const char *path, const wendi_segment_source *source, segment_map *map,
                             wend_error *error)
{
    wend_status status = WEND_OK;
    *map = (segment_map){.path = NULL};
    WEND_TRY(wendi_segment_open(source, NULL, &map->segment, error));
    const wendi_footer *footer = &map->segment->footer;
    size_t chunks = (size_t)footer->row_group_count * footer->column_count;
    map->chunks = wendi_arena_alloc_zero(&map->arena, chunks * sizeof *map->chunks);
    map->path = wendi_arena_copy(&map->arena, path, strlen(path));
    if (map->chunks == NULL || map->path == NULL) {
        status = wendi_fail_nomem(error, "a map", 0);
        goto cleanup;
    }
    WEND_TRY(map_footer(map, error));
    for (uint32_t g = 0; g < footer->row_group_count; g++) {
        for (uint32_t c = 0; c < footer->column_count; c++) {
            WEND_TRY(
                map_chunk(map, g, c, &map->chunks[(size_t)g * footer->column_count + c], error));
        }
        map->index_bytes += footer->row_groups[g].index_bytes;
    }
    uint64_t bytes = map->column_bytes + map->dictionary_bytes + map->prediction_bytes +
                     map->index_bytes + map->footer_bytes + map->padding_bytes;
    if (bytes != footer->summary.file_bytes) {
        status = wendi_segment_damage(
            map->segment, WEND_CORRUPT, WENDI_PLACE_NONE, WENDI_PLACE_NONE, WENDI_PLACE_NONE,
            footer->summary.footer_offset, "parts of the file overlap or leave gaps", error);
    }
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
