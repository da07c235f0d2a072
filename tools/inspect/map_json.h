/** Maps and sums as JSON. Each function writes one object or its members, without a newline. */
#ifndef WEND_TOOLS_MAP_JSON_H
#define WEND_TOOLS_MAP_JSON_H

#include "tools/inspect/json_text.h"
#include "tools/inspect/map_total.h"

/** The members of a segment's object, without the closing brace. */
wend_status segment_map_print_json(const segment_map *map, FILE *out);
/** "rows":…,"nulls":… and what is known of bounds. */
wend_status json_zone(const wendi_zone *zone, FILE *out);
/** "parts":{…} */
void json_parts(const uint64_t *parts, FILE *out);
/** {"entries":…} */
void json_dictionary(const dictionary_map *dictionary, uint64_t entries, FILE *out);

#endif
