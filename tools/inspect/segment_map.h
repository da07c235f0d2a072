/** The map of one segment, collected before anything is printed. */
#ifndef WEND_TOOLS_SEGMENT_MAP_H
#define WEND_TOOLS_SEGMENT_MAP_H

#include <stdio.h>

#include "format/segment.h"

typedef struct page_map {
    uint64_t offset;
    uint32_t bytes;
    uint32_t row_count;
    uint32_t null_count;
    uint8_t layout;
    uint8_t codecs[2]; /* of its streams; 0: none */
    wendi_zone zone;
} page_map;

typedef struct chunk_map {
    page_map *pages;
    uint32_t page_count;
    uint64_t page_bytes;
    uint64_t dictionary_bytes;
    uint32_t dictionary_entries;
    wendi_zone zone;
} chunk_map;

typedef struct segment_map {
    const char *path;
    wendi_segment *segment;
    chunk_map *chunks; /* row group by row group */
    uint64_t column_bytes;
    uint64_t dictionary_bytes;
    uint64_t index_bytes;
    uint64_t footer_bytes; /* header and trailer too */
    uint64_t padding_bytes; /* behind the footer */
    wendi_arena arena;
} segment_map;

/** Open the file and look at every page's header (not its values). */
wend_status segment_map_make(const char *path, const wendi_segment_source *source, segment_map *map, wend_error *error);
void segment_map_free(segment_map *map);
const char *layout_name(uint8_t layout);

/** How a page is encoded, such as "rle" or "strings(for)", into `text`. */
const char *page_encoding(const page_map *page, char *text, size_t bytes);

typedef struct map_detail {
    bool row_groups;
    bool pages;
} map_detail;
wend_status segment_map_print_text(const segment_map *map, map_detail detail, FILE *out);
/** One JSON object, without a newline. */
wend_status segment_map_print_json(const segment_map *map, FILE *out);

#endif
