/**
 * Sums by column, over some row groups of a segment or over many segments. What is summed is
 * copied: maps may be freed after they were added.
 */
#ifndef WEND_TOOLS_MAP_TOTAL_H
#define WEND_TOOLS_MAP_TOTAL_H

#include "tools/inspect/segment_map.h"

/** Whether prediction is by the same columns wherever it occurs. */
typedef struct prediction_total {
    uint32_t chunk_count; /* 0: never predicted */
    bool alike;
    prediction_map first; /* as in the first chunk; counts and bytes are sums */
    wendi_string names[2];
} prediction_total;

typedef struct column_total {
    uint32_t id;
    wendi_type type;
    wendi_string name;
    uint64_t row_count; /* of segments that have the column */
    uint64_t page_count;
    uint64_t page_bytes;
    uint64_t dictionary_bytes;
    uint64_t prediction_bytes;
    uint64_t dictionary_entries; /* null not counted */
    uint64_t parts[PART_COUNT];
    dictionary_map dictionary; /* sums; ordered when all are */
    uint32_t dictionary_chunks;
    prediction_total prediction;
    encoding_count encodings[ENCODING_KINDS_MAX];
    wendi_zone zone; /* null_count and bounds; no bounds when some chunk with values has none */
    bool bounds_known;
} column_total;

typedef struct map_total {
    column_total *columns; /* in order of first appearance */
    uint32_t column_count;
    uint32_t column_capacity;
    uint32_t segment_count;
    uint64_t row_group_count;
    uint64_t row_count;
    uint64_t file_bytes; /* the sums below, and map.h's names */
    uint64_t column_bytes;
    uint64_t dictionary_bytes;
    uint64_t prediction_bytes;
    uint64_t index_bytes;
    uint64_t footer_bytes;
    uint64_t padding_bytes;
    uint64_t page_padding_bytes;
    wendi_arena arena;
} map_total;

static inline uint64_t column_total_bytes(const column_total *column)
{
    return column->page_bytes + column->dictionary_bytes + column->prediction_bytes;
}

/** Add a whole segment. */
wend_status map_total_add(map_total *total, const segment_map *map);
/** Add the columns of row groups [begin, end) alone; the segment's own bytes are not counted. */
wend_status map_total_add_groups(map_total *total, const segment_map *map, uint32_t begin,
                                 uint32_t end);
void map_total_free(map_total *total);

/** The table of columns for people; `indent` spaces in front. */
wend_status map_total_print_text(const map_total *total, int indent, FILE *out);
/** A JSON object without its closing brace. */
wend_status map_total_print_json(const map_total *total, FILE *out);
/** A name on a terminal: control characters become '?'; filled up to `width`. */
void print_name(wendi_string name, int width, FILE *out);

/** Add a chunk; names are copied to the arena. Nothing where the chunk has no prediction. */
wend_status prediction_total_add(prediction_total *to, const segment_map *map,
                                 const chunk_map *chunk, wendi_arena *arena);
/** The determinants as text, such as "user_agent" or "price and product of the row before"; `text`
 * has room for 200. */
const char *prediction_text(const prediction_total *prediction, char *text);
/** Least and greatest value of a zone as text for people, cut; "" when nothing is known. */
wend_status zone_text(const wendi_zone *zone, wendi_buffer *text);
/** One value, cut to some 40 characters and freed of control characters. */
wend_status value_text(const wendi_value *value, wendi_buffer *text);

#endif
