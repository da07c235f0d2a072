/* What the footer and the indexes say: columns, row groups, origins, zone maps. No reads. */
#include "format/segment.h"

const wendi_chunk_entry *wendi_segment_chunk(const wendi_segment *segment, uint32_t row_group, uint32_t column)
{
    return &segment->footer.chunks[(size_t)row_group * segment->footer.column_count + column];
}

uint64_t wendi_segment_row_count(const wendi_segment *segment)
{
    return segment->footer.summary.row_count;
}

uint32_t wendi_segment_column_count(const wendi_segment *segment)
{
    return segment->footer.column_count;
}

const wendi_segment_column *wendi_segment_column_at(const wendi_segment *segment, uint32_t column)
{
    return &segment->footer.columns[column];
}

uint32_t wendi_segment_find_column(const wendi_segment *segment, uint32_t column_id)
{
    for (uint32_t c = 0; c < segment->footer.column_count; c++) {
        if (segment->footer.columns[c].id == column_id) {
            return c;
        }
    }
    return WENDI_NO_COLUMN;
}

uint32_t wendi_segment_user_column(const wendi_segment *segment)
{
    return segment->footer.user_column;
}

const wendi_segment_origin *wendi_segment_origins(const wendi_segment *segment, uint32_t *count)
{
    *count = segment->footer.origin_count;
    return segment->footer.origins;
}

const wendi_segment_summary *wendi_segment_summary_of(const wendi_segment *segment)
{
    return &segment->footer.summary;
}

uint32_t wendi_segment_row_group_count(const wendi_segment *segment)
{
    return segment->footer.row_group_count;
}

const wendi_row_group_info *wendi_segment_row_group(const wendi_segment *segment, uint32_t row_group)
{
    return &segment->footer.row_groups[row_group].info;
}

/* min and max of a stored bound as values of the column's type. */
static void set_bounds(wendi_zone *zone, wendi_type type, uint64_t min, uint64_t max)
{
    zone->has_min_max = true;
    zone->min = (wendi_value){.type = type};
    zone->max = (wendi_value){.type = type};
    if (wendi_type_physical(type) == WENDI_PHYSICAL_F64) {
        memcpy(&zone->min.f64, &min, sizeof min);
        memcpy(&zone->max.f64, &max, sizeof max);
    } else {
        zone->min.i64 = (int64_t)min;
        zone->max.i64 = (int64_t)max;
    }
}

/*
 * Bounds of addresses are kept bytewise, but IPv4 addresses compare below all others: bounds that have them in their
 * midst become such as hold in that order.
 */
static void order_addresses(wendi_zone *zone)
{
    static const uint8_t first_ipv4[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    static const uint8_t last_below[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfe, 0xff, 0xff, 0xff, 0xff};
    if (zone->min.type.kind != WENDI_TYPE_INET || memcmp(&zone->min.b16, first_ipv4, 16) >= 0 ||
        memcmp(&zone->max.b16, first_ipv4, 16) < 0) {
        return;
    }
    const bool ends_there = memcmp(&zone->max.b16, first_ipv4, 12) == 0;
    memcpy(&zone->min.b16, first_ipv4, 16);
    if (ends_there) {
        memcpy(&zone->max.b16, last_below, 16);
    }
}

void wendi_row_group_zone(const wendi_segment *segment, uint32_t row_group, uint32_t column, wendi_zone *zone)
{
    const wendi_chunk_entry *chunk = wendi_segment_chunk(segment, row_group, column);
    wendi_type type = segment->footer.columns[column].type;
    *zone = (wendi_zone){.row_count = segment->footer.row_groups[row_group].info.row_count,
                         .null_count = chunk->null_count, .null_count_exact = true};
    if (!chunk->has_min_max) {
        return;
    }
    switch (wendi_type_physical(type)) {
    case WENDI_PHYSICAL_I64:
    case WENDI_PHYSICAL_F64:
        set_bounds(zone, type, chunk->min, chunk->max);
        return;
    case WENDI_PHYSICAL_B16:
        zone->min = (wendi_value){.type = type};
        zone->max = (wendi_value){.type = type};
        memcpy(&zone->min.b16, chunk->low.data, sizeof zone->min.b16);
        memcpy(&zone->max.b16, chunk->high.data, sizeof zone->max.b16);
        order_addresses(zone);
        break;
    case WENDI_PHYSICAL_STRING:
        zone->min = (wendi_value){.type = type, .string = chunk->low};
        zone->max = (wendi_value){.type = type, .string = chunk->high};
        break;
    }
    zone->has_min_max = true;
}

void wendi_segment_zone(const wendi_segment *segment, uint32_t column, wendi_zone *zone)
{
    *zone = (wendi_zone){.null_count_exact = true};
    bool known = true; /* all row groups with values have bounds */
    for (uint32_t g = 0; g < segment->footer.row_group_count; g++) {
        wendi_zone part;
        wendi_row_group_zone(segment, g, column, &part);
        zone->row_count += part.row_count;
        zone->null_count += part.null_count;
        known = known && (part.has_min_max || part.null_count == part.row_count);
        if (!part.has_min_max) {
            continue;
        }
        if (!zone->has_min_max || wendi_value_compare(&part.min, &zone->min) < 0) {
            zone->min = part.min;
        }
        if (!zone->has_min_max || wendi_value_compare(&part.max, &zone->max) > 0) {
            zone->max = part.max;
        }
        zone->has_min_max = true;
    }
    zone->has_min_max = zone->has_min_max && known;
}

/*
 * Bounds from first bytes: all 16 byte values between the least that begins so and the greatest; strings from the least,
 * with no zeros behind it, to one above all that begin as the greatest does.
 */
static void set_first_bytes(wendi_zone *zone, wendi_type type, const wendi_page_entry *entry)
{
    zone->min = (wendi_value){.type = type};
    zone->max = (wendi_value){.type = type};
    if (wendi_type_physical(type) == WENDI_PHYSICAL_B16) {
        zone->has_min_max = true;
        zone->min.b16 = (wendi_b16){{__builtin_bswap64(entry->min), 0}};
        zone->max.b16 = (wendi_b16){{__builtin_bswap64(entry->max), UINT64_MAX}};
        order_addresses(zone);
        return;
    }
    uint32_t length = 8;
    while (length > 0 && entry->first[0][length - 1] == 0) {
        length--;
    }
    zone->has_min_max = entry->max != UINT64_MAX;
    zone->min.string = (wendi_string){entry->first[0], length};
    zone->max.string = (wendi_string){entry->first[1], 8};
}

void wendi_chunk_page_zone(const wendi_chunk *chunk, uint32_t page, wendi_zone *zone)
{
    const wendi_page_entry *entry = &chunk->pages[page];
    *zone = (wendi_zone){.row_count = wendi_chunk_page_rows(chunk, page), .null_count = entry->null_count,
                         .null_count_exact = true};
    if (entry->has_codes && chunk->entry->dictionary_entries != 0) {
        zone->has_codes = entry->has_min_max;
        zone->code_min = (uint32_t)entry->min;
        zone->code_max = (uint32_t)entry->max;
        zone->has_code_mask = entry->has_mask;
        zone->code_mask = entry->mask;
    } else if (entry->has_min_max) {
        wendi_type type = chunk->segment->footer.columns[chunk->column].type;
        wendi_physical physical = wendi_type_physical(type);
        if (entry->first_bytes) {
            set_first_bytes(zone, type, entry);
        } else if (physical == WENDI_PHYSICAL_I64 || physical == WENDI_PHYSICAL_F64) {
            set_bounds(zone, type, entry->min, entry->max);
        }
    }
}

wend_status wendi_chunk_vector_zone(wendi_chunk *chunk, uint32_t first_row, wendi_zone *zone, wend_error *error)
{
    uint32_t vector = first_row % WENDI_PAGE_ROWS / WENDI_VECTOR_ROWS;
    wend_status status = wendi_chunk_load_page(chunk, first_row / WENDI_PAGE_ROWS, error);
    if (status != WEND_OK) {
        return status;
    }
    const wendi_page *page = &chunk->page;
    uint32_t left = page->row_count - vector * WENDI_VECTOR_ROWS;
    uint32_t rows = left < WENDI_VECTOR_ROWS ? left : WENDI_VECTOR_ROWS;
    int64_t min;
    int64_t max;
    *zone = (wendi_zone){.row_count = rows, .null_count_exact = page->layout != WENDI_LAYOUT_CODES &&
                                                                 page->layout != WENDI_LAYOUT_PREDICTED};
    if (page->null_form == WENDI_NULLS_ALL) {
        zone->null_count = rows;
    } else if (page->null_form == WENDI_NULLS_BITMAP) {
        zone->null_count = rows - (page->value_at[vector + 1] - page->value_at[vector]);
    } else if (page->layout == WENDI_LAYOUT_INTEGER &&
               page->streams[0].codec->bounds(&page->streams[0], vector, &min, &max)) {
        set_bounds(zone, chunk->segment->footer.columns[chunk->column].type, (uint64_t)min, (uint64_t)max);
    } else if (page->layout == WENDI_LAYOUT_CODES || page->layout == WENDI_LAYOUT_PREDICTED) {
        zone->null_count = chunk->pages[chunk->page_number].null_count < rows
                               ? chunk->pages[chunk->page_number].null_count : rows;
        if (page->layout == WENDI_LAYOUT_CODES &&
            page->streams[0].codec->bounds(&page->streams[0], vector, &min, &max) && min >= 0 && max <= UINT32_MAX) {
            zone->has_codes = true;
            zone->code_min = (uint32_t)min;
            zone->code_max = (uint32_t)max;
        }
    }
    return WEND_OK;
}
