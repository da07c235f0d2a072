/* Adding maps up; see map_total.h. */
#include "tools/inspect/map_total.h"

#include "engine/base/alloc.h"

static column_total *find_column(map_total *total, const wendi_segment_column *column)
{
    for (uint32_t i = 0; i < total->column_count; i++) {
        column_total *at = &total->columns[i];
        if (at->id == column->id && at->type.kind == column->type.kind &&
            wendi_string_equal(at->name, column->name)) {
            return at;
        }
    }
    if (total->column_count == total->column_capacity) {
        uint32_t capacity = total->column_capacity * 2 + 16;
        column_total *columns = wendi_realloc(total->columns, capacity * sizeof *columns);
        if (columns == NULL) {
            return NULL;
        }
        total->columns = columns;
        total->column_capacity = capacity;
    }
    char *name = wendi_arena_copy(&total->arena, column->name.data, column->name.length);
    if (name == NULL) {
        return NULL;
    }
    column_total *made = &total->columns[total->column_count++];
    *made = (column_total){.id = column->id,
                           .type = column->type,
                           .name = {name, column->name.length},
                           .bounds_known = true,
                           .dictionary = {.ordered = true}};
    return made;
}

/* A bound that outlives its segment. */
static wend_status keep_value(map_total *total, const wendi_value *value, wendi_value *to)
{
    *to = *value;
    if (wendi_type_physical(value->type) == WENDI_PHYSICAL_STRING) {
        to->string.data = wendi_arena_copy(&total->arena, value->string.data, value->string.length);
        return to->string.data == NULL ? WEND_NOMEM : WEND_OK;
    }
    return WEND_OK;
}

static wend_status add_zone(map_total *total, column_total *column, const wendi_zone *zone)
{
    wend_status status = WEND_OK;
    wendi_zone *to = &column->zone;
    to->row_count += zone->row_count;
    to->null_count += zone->null_count;
    if (!zone->has_min_max) {
        column->bounds_known = column->bounds_known && zone->null_count == zone->row_count;
        return WEND_OK;
    }
    if (!to->has_min_max || wendi_value_compare(&zone->min, &to->min) < 0) {
        WEND_TRY(keep_value(total, &zone->min, &to->min));
    }
    if (!to->has_min_max || wendi_value_compare(&zone->max, &to->max) > 0) {
        WEND_TRY(keep_value(total, &zone->max, &to->max));
    }
    to->has_min_max = true;
cleanup:
    return status;
}

static void add_dictionary(column_total *column, const chunk_map *chunk)
{
    if (chunk->dictionary_bytes == 0) {
        return;
    }
    column->dictionary_chunks++;
    column->dictionary_entries += chunk->dictionary_entries - 1;
    column->dictionary.block_count += chunk->dictionary.block_count;
    column->dictionary.index_bytes += chunk->dictionary.index_bytes;
    column->dictionary.stored_bytes += chunk->dictionary.stored_bytes;
    column->dictionary.raw_bytes += chunk->dictionary.raw_bytes;
    column->dictionary.string_bytes += chunk->dictionary.string_bytes;
    column->dictionary.ordered = column->dictionary.ordered && chunk->dictionary.ordered;
    for (int f = 0; f < DICTIONARY_FORMS; f++) {
        column->dictionary.forms[f] += chunk->dictionary.forms[f];
    }
}

static wend_status name_determinants(wendi_arena *arena, const segment_map *map,
                                     prediction_total *to)
{
    for (uint32_t d = 0; d < 2 && d < to->first.determinant_count; d++) {
        uint32_t column = wendi_segment_find_column(map->segment, to->first.determinants[d]);
        wendi_string name = wendi_string_of("?");
        if (column != WENDI_NO_COLUMN) {
            name = wendi_segment_column_at(map->segment, column)->name;
        }
        to->names[d] = (wendi_string){wendi_arena_copy(arena, name.data, name.length), name.length};
        if (to->names[d].data == NULL) {
            return WEND_NOMEM;
        }
    }
    return WEND_OK;
}

wend_status prediction_total_add(prediction_total *to, const segment_map *map,
                                 const chunk_map *chunk, wendi_arena *arena)
{
    const prediction_map *from = &chunk->prediction;
    if (chunk->prediction_bytes == 0) {
        return WEND_OK;
    }
    if (to->chunk_count++ == 0) {
        to->first = *from;
        to->alike = true;
        return name_determinants(arena, map, to);
    }
    to->alike = to->alike && to->first.determinant_count == from->determinant_count &&
                to->first.row_before == from->row_before &&
                memcmp(to->first.determinants, from->determinants, sizeof from->determinants) == 0;
    to->first.map_count += from->map_count;
    to->first.list_count += from->list_count;
    to->first.stored_bytes += from->stored_bytes;
    return WEND_OK;
}

static void add_encodings(column_total *column, const chunk_map *chunk)
{
    encodings_count(chunk, column->encodings);
    column->page_count += chunk->page_count;
}

wend_status map_total_add_groups(map_total *total, const segment_map *map, uint32_t begin,
                                 uint32_t end)
{
    wend_status status = WEND_OK;
    for (uint32_t c = 0; c < wendi_segment_column_count(map->segment); c++) {
        column_total *column = find_column(total, wendi_segment_column_at(map->segment, c));
        if (column == NULL) {
            return WEND_NOMEM;
        }
        for (uint32_t g = begin; g < end; g++) {
            const chunk_map *chunk = segment_map_chunk(map, g, c);
            column->row_count += chunk->zone.row_count;
            column->page_bytes += chunk->page_bytes;
            column->dictionary_bytes += chunk->dictionary_bytes;
            column->prediction_bytes += chunk->prediction_bytes;
            for (int part = 0; part < PART_COUNT; part++) {
                column->parts[part] += chunk->parts[part];
            }
            add_dictionary(column, chunk);
            WEND_TRY(prediction_total_add(&column->prediction, map, chunk, &total->arena));
            add_encodings(column, chunk);
            WEND_TRY(add_zone(total, column, &chunk->zone));
        }
        encodings_sort(column->encodings);
    }
    for (uint32_t g = begin; g < end; g++) {
        total->row_count += wendi_segment_row_group(map->segment, g)->row_count;
        total->row_group_count++;
    }
cleanup:
    return status;
}

wend_status map_total_add(map_total *total, const segment_map *map)
{
    wend_status status =
        map_total_add_groups(total, map, 0, wendi_segment_row_group_count(map->segment));
    if (status != WEND_OK) {
        return status;
    }
    total->segment_count++;
    total->file_bytes += wendi_segment_summary_of(map->segment)->file_bytes;
    total->column_bytes += map->column_bytes;
    total->dictionary_bytes += map->dictionary_bytes;
    total->prediction_bytes += map->prediction_bytes;
    total->index_bytes += map->index_bytes;
    total->footer_bytes += map->footer_bytes;
    total->padding_bytes += map->padding_bytes;
    total->page_padding_bytes += map->page_padding_bytes;
    return WEND_OK;
}

void map_total_free(map_total *total)
{
    wendi_free(total->columns);
    wendi_arena_free(&total->arena);
    *total = (map_total){.columns = NULL};
}
