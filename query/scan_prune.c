/*
 * Skipping by statistics: segment, row group and page, before anything is decoded. Vectors are
 * skipped by the reader, since their bounds come with their page.
 */
#include <string.h>

#include "engine/base/alloc.h"
#include "query/scan_internal.h"

bool wendi_scan_zone_passes(const wendi_scan *scan, uint32_t slot, const wendi_zone *zone)
{
    bool all_null = zone->null_count_exact && zone->null_count == zone->row_count;
    bool no_null = zone->null_count_exact && zone->null_count == 0;

    for (uint32_t i = 0; i < scan->conjunct_count; i++) {
        const scan_conjunct *conjunct = &scan->conjuncts[i];
        if (!conjunct->has_range || conjunct->range.slot != slot) {
            continue;
        }
        if (conjunct->range.kind == WENDI_RANGE_IS_NULL) {
            if (no_null) {
                return false;
            }
            continue;
        }
        if (all_null) {
            return false;
        }
        if (zone->has_min_max &&
            !wendi_range_overlaps(&conjunct->range, &zone->min, &zone->max, !no_null)) {
            return false;
        }
    }
    return true;
}

/* Equality on the user column against the hashes that rows are ordered by. */
bool wendi_scan_hash_passes(const wendi_scan *scan, uint64_t hash_min, uint64_t hash_max)
{
    for (uint32_t i = 0; i < scan->conjunct_count; i++) {
        const wendi_range *range = &scan->conjuncts[i].range;
        if (!scan->conjuncts[i].has_range || range->slot == WENDI_EXPR_NO_SLOT ||
            scan->slots[range->slot].position != scan->schema->user_column) {
            continue;
        }
        const wendi_value *values = range->values;
        uint32_t count = range->kind == WENDI_RANGE_IN ? range->value_count : 0;
        if (range->kind == WENDI_RANGE_BETWEEN && range->low != NULL && range->high != NULL &&
            wendi_value_compare(range->low, range->high) == 0) {
            values = range->low;
            count = 1;
        }
        bool found = count == 0;
        for (uint32_t v = 0; v < count && !found; v++) {
            uint64_t hash = wendi_value_hash(&values[v]);
            found = hash >= hash_min && hash <= hash_max;
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

static bool has_ranges(const wendi_scan *scan, uint32_t slot)
{
    for (uint32_t i = 0; i < scan->conjunct_count; i++) {
        if (scan->conjuncts[i].has_range && scan->conjuncts[i].range.slot == slot) {
            return true;
        }
    }
    return false;
}

/* A column that the segment lacks is its default in every row: a zone of one value. */
static bool absent_passes(const wendi_scan *scan, uint32_t slot)
{
    const scan_slot *of = &scan->slots[slot];
    wendi_zone zone = {.row_count = 1, .null_count = of->absent.null, .null_count_exact = true};

    if (of->generated != NULL) {
        return true;
    }
    zone.has_min_max = !of->absent.null;
    zone.min = zone.max = of->absent;
    return wendi_scan_zone_passes(scan, slot, &zone);
}

/* Segment (row_group = WENDI_NO_COLUMN) or row group by the zones in the footer. */
static bool footer_passes(const wendi_scan *scan, wendi_segment *segment, uint32_t row_group)
{
    for (uint32_t slot = 0; slot < scan->column_count; slot++) {
        wendi_zone zone;
        if (!has_ranges(scan, slot)) {
            continue;
        }
        uint32_t id = scan->schema->columns[scan->slots[slot].position].id;
        uint32_t column = wendi_segment_find_column(segment, id);
        if (column == WENDI_NO_COLUMN) {
            if (!absent_passes(scan, slot)) {
                return false;
            }
            continue;
        }
        memset(&zone, 0, sizeof zone);
        if (row_group == WENDI_NO_COLUMN) {
            wendi_segment_zone(segment, column, &zone);
        } else {
            wendi_row_group_zone(segment, row_group, column, &zone);
        }
        if (!wendi_scan_zone_passes(scan, slot, &zone)) {
            return false;
        }
    }
    return true;
}

static wend_status add_unit(wendi_scan *scan, wendi_scan_unit unit, wend_error *error)
{
    if (scan->unit_count == scan->unit_capacity) {
        uint32_t capacity = scan->unit_capacity == 0 ? 64 : scan->unit_capacity * 2;
        wendi_scan_unit *units = wendi_realloc(scan->units, capacity * sizeof *units);
        if (units == NULL) {
            return wendi_fail_nomem(error, "a scan's units", capacity * sizeof *units);
        }
        scan->units = units;
        scan->unit_capacity = capacity;
    }
    scan->units[scan->unit_count++] = unit;
    scan->row_count += unit.row_end - unit.row_begin;
    return WEND_OK;
}

/* Clear the flags of pages in which no row can pass. A damaged index skips nothing: the reader
 * reports it. */
static void prune_pages(const wendi_scan *scan, wendi_segment *segment, uint32_t row_group,
                        uint8_t *live, uint32_t page_count)
{
    for (uint32_t slot = 0; slot < scan->column_count; slot++) {
        wendi_chunk *chunk = NULL;
        if (!has_ranges(scan, slot)) {
            continue;
        }
        uint32_t id = scan->schema->columns[scan->slots[slot].position].id;
        uint32_t column = wendi_segment_find_column(segment, id);
        if (column == WENDI_NO_COLUMN ||
            wendi_chunk_open(segment, row_group, column, &chunk, NULL) != WEND_OK) {
            continue;
        }
        for (uint32_t page = 0; page < page_count; page++) {
            wendi_zone zone;
            memset(&zone, 0, sizeof zone);
            if (live[page]) {
                wendi_chunk_page_zone(chunk, page, &zone);
                live[page] = wendi_scan_zone_passes(scan, slot, &zone);
            }
        }
        wendi_chunk_close(chunk);
    }
}

/*
 * Equalities of text by the row group's dictionary: false when it does not have the text; else
 * pages without its code lose their flags. Damage skips nothing: the reader reports it, at its
 * place.
 */
static bool prune_codes(const wendi_scan *scan, wendi_segment *segment, uint32_t row_group,
                        uint8_t *live, uint32_t page_count)
{
    bool found = true;
    for (uint32_t i = 0; i < scan->conjunct_count && found; i++) {
        const scan_conjunct *conjunct = &scan->conjuncts[i];
        wendi_chunk *chunk = NULL;
        uint32_t code = 0;
        if (conjunct->equal == NULL) {
            continue;
        }
        uint32_t id = scan->schema->columns[scan->slots[conjunct->range.slot].position].id;
        uint32_t column = wendi_segment_find_column(segment, id);
        if (column == WENDI_NO_COLUMN ||
            wendi_chunk_open(segment, row_group, column, &chunk, NULL) != WEND_OK) {
            continue;
        }
        if (wendi_chunk_has_dictionary(chunk) && wendi_chunk_find_is_cheap(chunk) &&
            wendi_chunk_find(chunk, conjunct->equal->string, &code, NULL) == WEND_OK) {
            found = code != 0;
            for (uint32_t page = 0; page < page_count && found; page++) {
                wendi_zone zone;
                wendi_chunk_page_zone(chunk, page, &zone);
                bool outside = zone.has_codes && (code < zone.code_min || code > zone.code_max);
                bool masked =
                    zone.has_code_mask && (code >= 64 || (zone.code_mask >> code & 1) == 0);
                live[page] = live[page] && !outside && !masked;
            }
        }
        wendi_chunk_close(chunk);
    }
    return found;
}

/* The conjunct that asks for one user, or WENDI_EXPR_NO_SLOT. */
static uint32_t user_conjunct(const wendi_scan *scan)
{
    for (uint32_t i = 0; i < scan->conjunct_count; i++) {
        const wendi_range *range = &scan->conjuncts[i].range;
        if (scan->conjuncts[i].has_range && range->slot != WENDI_EXPR_NO_SLOT &&
            scan->slots[range->slot].position == scan->schema->user_column &&
            range->kind == WENDI_RANGE_BETWEEN && range->low != NULL && range->high != NULL &&
            wendi_value_compare(range->low, range->high) == 0) {
            return i;
        }
    }
    return WENDI_EXPR_NO_SLOT;
}

/*
 * Rows are ordered by the user's hash, so one user's rows of a row group are found by search. False
 * when that cannot be said (then all rows are looked at); *begin == *end when there are none.
 * Damage is reported by the reader, at its place.
 */
static bool rows_of_user(wendi_scan *scan, wendi_segment *segment, uint32_t row_group,
                         uint32_t *begin, uint32_t *end)
{
    uint32_t conjunct = user_conjunct(scan);
    bool exact = false;
    bool known = conjunct != WENDI_EXPR_NO_SLOT &&
                 wendi_segment_user_column(segment) != WENDI_NO_COLUMN &&
                 wendi_segment_find_user(segment, row_group, scan->conjuncts[conjunct].range.low,
                                         begin, end, &exact, NULL) == WEND_OK;
    if (!known || !exact) {
        scan->user_conjunct = WENDI_EXPR_NO_SLOT;
    }
    return known;
}

static wend_status skip_row_group(wendi_scan *scan, uint32_t page_count)
{
    scan->counters.row_groups_skipped++;
    scan->counters.pages_skipped += page_count;
    return WEND_OK;
}

static wend_status plan_row_group(wendi_scan *scan, uint32_t segment_index, uint32_t row_group,
                                  wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_segment *segment = scan->segments[segment_index];
    const wendi_row_group_info *info = wendi_segment_row_group(segment, row_group);
    uint32_t page_count = (info->row_count + WENDI_PAGE_ROWS - 1) / WENDI_PAGE_ROWS;
    uint8_t live[WENDI_ROW_GROUP_ROWS_MAX / WENDI_PAGE_ROWS];

    scan->counters.row_groups_total++;
    scan->counters.pages_total += page_count;
    if (!wendi_scan_hash_passes(scan, info->user_hash_min, info->user_hash_max) ||
        !footer_passes(scan, segment, row_group)) {
        return skip_row_group(scan, page_count);
    }
    memset(live, 1, sizeof live);
    if (!prune_codes(scan, segment, row_group, live, page_count)) {
        return skip_row_group(scan, page_count);
    }
    if (scan->whole_row_groups) {
        return add_unit(scan, (wendi_scan_unit){segment_index, row_group, 0, info->row_count},
                        error);
    }
    uint32_t begin_row, end_row;
    if (rows_of_user(scan, segment, row_group, &begin_row, &end_row)) {
        if (begin_row == end_row) {
            return skip_row_group(scan, page_count);
        }
        uint32_t pages = (end_row - 1) / WENDI_PAGE_ROWS - begin_row / WENDI_PAGE_ROWS + 1;
        scan->counters.pages_skipped += page_count - pages;
        return add_unit(scan, (wendi_scan_unit){segment_index, row_group, begin_row, end_row},
                        error);
    }
    prune_pages(scan, segment, row_group, live, page_count);
    for (uint32_t page = 0; page < page_count; page++) {
        uint32_t begin = page * WENDI_PAGE_ROWS;
        uint32_t end =
            begin + WENDI_PAGE_ROWS < info->row_count ? begin + WENDI_PAGE_ROWS : info->row_count;
        if (!live[page]) {
            scan->counters.pages_skipped++;
            continue;
        }
        WEND_TRY(add_unit(scan, (wendi_scan_unit){segment_index, row_group, begin, end}, error));
    }
cleanup:
    return status;
}

wend_status wendi_scan_plan_units(wendi_scan *scan, wend_error *error)
{
    wend_status status = WEND_OK;
    uint32_t segment_count = wendi_snapshot_state(scan->snapshot)->segment_count;

    scan->user_conjunct = WENDI_EXPR_NO_SLOT;
    if (!scan->whole_row_groups) {
        scan->user_conjunct = user_conjunct(scan);
    }
    if (scan->user_conjunct != WENDI_EXPR_NO_SLOT &&
        scan->conjuncts[scan->user_conjunct].equal == NULL) {
        scan->user_conjunct = WENDI_EXPR_NO_SLOT;
    }
    for (uint32_t i = 0; i < segment_count; i++) {
        if (scan->segments[i] == NULL) {
            continue;
        }
        if (!footer_passes(scan, scan->segments[i], WENDI_NO_COLUMN)) {
            scan->counters.segments_skipped++;
            continue;
        }
        uint32_t row_groups = wendi_segment_row_group_count(scan->segments[i]);
        for (uint32_t row_group = 0; row_group < row_groups; row_group++) {
            WEND_TRY(plan_row_group(scan, i, row_group, error));
        }
    }
cleanup:
    return status;
}

bool wendi_scan_min_max(const wendi_scan *scan, uint32_t slot, wendi_value *least,
                        wendi_value *greatest, bool *any)
{
    const scan_slot *of = &scan->slots[slot];
    uint32_t id = scan->schema->columns[of->position].id;
    const wendi_scan_unit *previous = NULL;

    *any = false;
    if (scan->conjunct_count > 0 || wendi_type_physical(of->type) == WENDI_PHYSICAL_STRING) {
        return false;
    }
    for (uint32_t i = 0; i < scan->unit_count; previous = &scan->units[i++]) {
        const wendi_scan_unit *unit = &scan->units[i];
        wendi_zone zone;
        if (previous != NULL && previous->segment == unit->segment &&
            previous->row_group == unit->row_group) {
            continue;
        }
        uint32_t column = wendi_segment_find_column(scan->segments[unit->segment], id);
        if (column == WENDI_NO_COLUMN) {
            return false;
        }
        memset(&zone, 0, sizeof zone);
        wendi_row_group_zone(scan->segments[unit->segment], unit->row_group, column, &zone);
        if (zone.null_count_exact && zone.null_count == zone.row_count) {
            continue;
        }
        if (!zone.has_min_max) {
            return false;
        }
        *least = !*any || wendi_value_compare(&zone.min, least) < 0 ? zone.min : *least;
        *greatest = !*any || wendi_value_compare(&zone.max, greatest) > 0 ? zone.max : *greatest;
        *any = true;
    }
    return true;
}
