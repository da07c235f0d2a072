/* Preparing a scan: which columns come from where, and the filter cut into conjuncts. */
#include "query/scan_internal.h"

#include <inttypes.h>
#include <string.h>

#include "engine/base/alloc.h"

enum { FEW_ROWS = 4096 };

static wend_status nomem(wend_error *error, size_t bytes)
{
    return wendi_fail_nomem(error, "a scan", bytes);
}

/* Does any segment that is read lack the column? (Segments are open by now.) */
static bool column_absent(const wendi_scan *scan, uint32_t position)
{
    uint32_t id = scan->schema->columns[position].id;
    uint32_t segment_count = wendi_snapshot_state(scan->snapshot)->segment_count;

    for (uint32_t i = 0; i < segment_count; i++) {
        if (scan->segments[i] != NULL &&
            wendi_segment_find_column(scan->segments[i], id) == WENDI_NO_COLUMN) {
            return true;
        }
    }
    return false;
}

static wend_status absent_dictionary(scan_slot *slot, wend_error *error)
{
    uint32_t length = slot->absent.null ? 0 : slot->absent.string.length;
    uint32_t *offsets = wendi_alloc_zero(3, sizeof *offsets);
    char *bytes = wendi_alloc_zero(1, (size_t)length + 64);

    if (offsets == NULL || bytes == NULL) {
        wendi_free(offsets);
        wendi_free(bytes);
        return nomem(error, length);
    }
    if (length > 0) {
        memcpy(bytes, slot->absent.string.data, length);
    }
    offsets[2] = length;
    slot->dictionary = wendi_dictionary_new(slot->absent.null ? 1 : 2, offsets, bytes, true);
    return slot->dictionary == NULL ? nomem(error, sizeof *slot->dictionary) : WEND_OK;
}

static wend_status slot_init(wendi_scan *scan, uint32_t index, uint32_t position, wend_error *error)
{
    wend_status status = WEND_OK;
    const wendi_column *column = &scan->schema->columns[position];
    scan_slot *slot = &scan->slots[index];
    const char *reason = NULL;

    *slot = (scan_slot){
        .position = position, .type = column->type, .absent = {.type = column->type, .null = true}};
    if (column->has_default) {
        status = wendi_value_parse(column->type, column->default_value, scan->context->session.zone,
                                   &slot->absent, &reason);
        if (status != WEND_OK) {
            return wendi_fail(
                error, status, "the default of column \"%.*s\" is no value of its type: %s",
                (int)column->name.length, column->name.data, reason == NULL ? "" : reason);
        }
    }
    if (wendi_type_physical(column->type) == WENDI_PHYSICAL_STRING) {
        status = absent_dictionary(slot, error);
    }
    return status;
}

/* The internal slot of a schema column, added when it has none. */
static wend_status slot_of(wendi_scan *scan, uint32_t position, uint32_t *slot_out,
                           wend_error *error)
{
    for (uint32_t i = 0; i < scan->internal_count; i++) {
        if (scan->slots[i].position == position) {
            *slot_out = i;
            return WEND_OK;
        }
    }
    *slot_out = scan->internal_count++;
    return slot_init(scan, *slot_out, position, error);
}

/* Generated columns that some segment lacks get an expression; its inputs get slots, and so on
 * down. */
static wend_status bind_generated(wendi_scan *scan, wend_error *error)
{
    wend_status status = WEND_OK;
    uint32_t column_count = scan->schema->column_count;
    uint32_t *map = wendi_arena_alloc(&scan->arena, column_count * sizeof *map);
    uint8_t *used = wendi_arena_alloc(&scan->arena, column_count);

    if (map == NULL || used == NULL) {
        return nomem(error, column_count * sizeof *map);
    }
    for (uint32_t i = 0; i < scan->internal_count; i++) {
        uint32_t position = scan->slots[i].position;
        if (scan->schema->columns[position].generated.length == 0 ||
            !column_absent(scan, position)) {
            continue;
        }
        if (scan->rules == NULL) {
            WEND_TRY(wendi_schema_rules_open(scan->schema, &scan->rules, error));
        }
        const wendi_expr *expr = scan->rules->generated[position];
        memset(used, 0, column_count);
        memset(map, 0xff, column_count * sizeof *map);
        wendi_expr_slots(expr, used, column_count);
        for (uint32_t c = 0; c < column_count; c++) {
            if (used[c]) {
                WEND_TRY(slot_of(scan, c, &map[c], error));
            }
        }
        WEND_TRY(wendi_expr_remap(expr, map, column_count, &scan->arena, &scan->slots[i].generated,
                                  error));
    }
    for (uint32_t i = 0; i < scan->internal_count; i++) {
        scan_slot *slot = &scan->slots[i];
        if (slot->generated != NULL) {
            slot->inputs = wendi_arena_alloc_zero(&scan->arena, scan->internal_count);
            if (slot->inputs == NULL) {
                return nomem(error, scan->internal_count);
            }
            wendi_expr_slots(slot->generated, slot->inputs, scan->internal_count);
        }
    }
cleanup:
    return status;
}

/* Fixed-width and dictionary comparisons of one column come before what reads several or computes.
 */
static uint32_t conjunct_cost(const scan_conjunct *conjunct)
{
    if (conjunct->has_range) {
        return wendi_type_physical(conjunct->expr->type) == WENDI_PHYSICAL_STRING ? 1 : 0;
    }
    return conjunct->expr->single_slot != WENDI_EXPR_NO_SLOT ? 2 : 3;
}

static wend_status cut_filter(wendi_scan *scan, const wendi_expr *filter, wend_error *error)
{
    const wendi_expr *one = NULL;
    uint32_t count = filter == NULL ? 0 : wendi_expr_conjuncts(filter, &one, 1);
    const wendi_expr **all =
        wendi_arena_alloc(&scan->arena, (count + 1) * sizeof(const wendi_expr *));

    scan->conjuncts = wendi_arena_alloc_zero(&scan->arena, (count + 1) * sizeof *scan->conjuncts);
    if (all == NULL || scan->conjuncts == NULL) {
        return nomem(error, count * sizeof *scan->conjuncts);
    }
    if (count > 0) {
        wendi_expr_conjuncts(filter, all, count);
    }
    for (uint32_t i = 0; i < count; i++) {
        scan_conjunct *conjunct = &scan->conjuncts[i];
        conjunct->expr = all[i];
        conjunct->has_range = wendi_expr_range(all[i], &scan->arena, &conjunct->range);
        if (conjunct->has_range && conjunct->range.kind == WENDI_RANGE_NEVER) {
            scan->never = true;
        }
        if (conjunct->has_range && conjunct->range.exact &&
            conjunct->range.kind == WENDI_RANGE_BETWEEN && conjunct->range.low != NULL &&
            conjunct->range.low == conjunct->range.high &&
            conjunct->range.low->type.kind == WENDI_TYPE_TEXT) {
            conjunct->equal = conjunct->range.low;
        }
        conjunct->slots = wendi_arena_alloc_zero(&scan->arena, scan->column_count + 1);
        if (conjunct->slots == NULL) {
            return nomem(error, scan->column_count);
        }
        wendi_expr_slots(all[i], conjunct->slots, scan->column_count);
    }
    /* What may raise an error keeps its place behind everything written before it: it may be
     * guarded. */
    for (uint32_t i = 1; i < count; i++) {
        scan_conjunct moved = scan->conjuncts[i];
        uint32_t at = i;
        if ((moved.expr->flags & WENDI_EXPR_RAISES) != 0) {
            continue;
        }
        while (at > 0 && conjunct_cost(&scan->conjuncts[at - 1]) > conjunct_cost(&moved)) {
            scan->conjuncts[at] = scan->conjuncts[at - 1];
            at--;
        }
        scan->conjuncts[at] = moved;
    }
    scan->conjunct_count = count;
    return WEND_OK;
}

/* Does the commit log already say that no row of the segment can pass? */
static bool entry_skipped(const wendi_scan *scan, const wendi_segment_entry *entry)
{
    if (scan->never || entry->row_count == 0) {
        return true;
    }
    for (uint32_t i = 0; i < scan->conjunct_count; i++) {
        const scan_conjunct *conjunct = &scan->conjuncts[i];
        if (!conjunct->has_range || conjunct->range.slot == WENDI_EXPR_NO_SLOT ||
            conjunct->range.kind == WENDI_RANGE_IS_NULL) {
            continue;
        }
        uint32_t position = scan->slots[conjunct->range.slot].position;
        if (position != scan->schema->time_column) {
            continue;
        }
        wendi_type type = scan->schema->columns[position].type;
        if (type.kind != WENDI_TYPE_TIMESTAMPTZ) {
            continue;
        }
        wendi_value least = {.type = type, .i64 = entry->time_min};
        wendi_value greatest = {.type = type, .i64 = entry->time_max};
        if (entry->time_min > entry->time_max ||
            !wendi_range_overlaps(&conjunct->range, &least, &greatest, true)) {
            return true;
        }
    }
    return !wendi_scan_hash_passes(scan, entry->user_hash_min, entry->user_hash_max);
}

static wend_status open_segments(wendi_scan *scan, wend_error *error)
{
    wend_status status = WEND_OK;
    const wendi_table_state *state = wendi_snapshot_state(scan->snapshot);

    scan->segments =
        wendi_arena_alloc_zero(&scan->arena, (state->segment_count + 1) * sizeof(wendi_segment *));
    if (scan->segments == NULL) {
        return nomem(error, state->segment_count * sizeof(wendi_segment *));
    }
    scan->counters.segments_total = state->segment_count;
    for (uint32_t i = 0; i < state->segment_count; i++) {
        if (entry_skipped(scan, &state->segments[i])) {
            scan->counters.segments_skipped++;
            continue;
        }
        scan->counters.segments_opened++;
        status = wendi_snapshot_segment(scan->snapshot, i, &scan->segments[i], error);
        if (status != WEND_OK) {
            scan->segments[i] = NULL;
            WEND_TRY(wendi_scan_skip_corrupt(scan, status, state->segments[i].row_count, error));
        }
    }
cleanup:
    return status;
}

wend_status wendi_scan_skip_corrupt(wendi_scan *scan, wend_status status, uint64_t rows,
                                    wend_error *error)
{
    if (status != WEND_CORRUPT || !scan->context->skip_corrupt) {
        return status;
    }
    scan->counters.corrupt_pages++;
    scan->counters.corrupt_rows += rows;
    status = wendi_query_note(scan->context, error, "%" PRIu64 " rows were left out as damaged: %s",
                              rows, error == NULL ? "" : error->message);
    if (status == WEND_OK && error != NULL) { /* a note from here on, and no failure of the query */
        *error = (wend_error){.status = WEND_OK, .position = -1};
    }
    return status;
}

wend_status wendi_scan_open(wendi_query_context *context, wendi_snapshot *snapshot,
                            const wendi_scan_options *options, wendi_scan **scan_out,
                            wend_error *error)
{
    wend_status status = WEND_OK;
    wend_error ignored;
    wendi_scan *scan = wendi_alloc_zero(1, sizeof *scan);

    *scan_out = NULL;
    error = error == NULL ? &ignored : error;
    if (scan == NULL) {
        return nomem(error, sizeof *scan);
    }
    scan->context = context;
    scan->snapshot = snapshot;
    scan->schema = wendi_snapshot_schema(snapshot);
    scan->whole_row_groups = options->whole_row_groups;
    /* Every schema column may become an internal slot. */
    scan->slots =
        wendi_alloc_zero(options->column_count + scan->schema->column_count, sizeof *scan->slots);
    if (scan->slots == NULL) {
        WEND_TRY(nomem(error, sizeof *scan->slots));
    }
    scan->column_count = scan->internal_count = options->column_count;
    for (uint32_t i = 0; i < options->column_count; i++) {
        WEND_TRY(slot_init(scan, i, options->columns[i], error));
    }
    WEND_TRY(cut_filter(scan, options->filter, error));
    WEND_TRY(open_segments(scan, error));
    WEND_TRY(bind_generated(scan, error));
    WEND_TRY(wendi_scan_plan_units(scan, error));
    scan->few_rows = !scan->whole_row_groups && scan->row_count <= FEW_ROWS;
    *scan_out = scan;
    scan = NULL;
cleanup:
    wendi_scan_close(scan);
    return status;
}

static void add_counters(wendi_query_counters *total, const wendi_query_counters *part)
{
    total->segments_total += part->segments_total;
    total->segments_skipped += part->segments_skipped;
    total->segments_opened += part->segments_opened;
    total->row_groups_total += part->row_groups_total;
    total->row_groups_skipped += part->row_groups_skipped;
    total->pages_total += part->pages_total;
    total->pages_skipped += part->pages_skipped;
    total->vectors_total += part->vectors_total;
    total->vectors_skipped += part->vectors_skipped;
    total->rows_scanned += part->rows_scanned;
    total->rows_passed += part->rows_passed;
    total->corrupt_pages += part->corrupt_pages;
    total->corrupt_rows += part->corrupt_rows;
}

void wendi_scan_close(wendi_scan *scan)
{
    if (scan == NULL) {
        return;
    }
    add_counters(&scan->context->counters, &scan->counters);
    for (uint32_t i = 0; scan->slots != NULL && i < scan->internal_count; i++) {
        wendi_dictionary_release(scan->slots[i].dictionary);
    }
    wendi_schema_rules_close(scan->rules);
    wendi_free(scan->slots);
    wendi_free(scan->units);
    wendi_arena_free(&scan->arena);
    wendi_free(scan);
}

const wendi_scan_unit *wendi_scan_units(const wendi_scan *scan, uint32_t *count)
{
    *count = scan->unit_count;
    return scan->units;
}

uint64_t wendi_scan_row_count(const wendi_scan *scan)
{
    return scan->row_count;
}

wendi_segment *wendi_scan_segment(const wendi_scan *scan, uint32_t segment)
{
    return scan->segments[segment];
}

const wendi_query_counters *wendi_scan_counters(const wendi_scan *scan)
{
    return &scan->counters;
}

bool wendi_scan_has_dictionary(wendi_scan *scan, uint32_t slot)
{
    uint32_t id = scan->schema->columns[scan->slots[slot].position].id;
    const wendi_scan_unit *previous = NULL;

    if (scan->slots[slot].dictionary == NULL || scan->slots[slot].generated != NULL ||
        scan->few_rows) {
        return false;
    }
    for (uint32_t i = 0; i < scan->unit_count; previous = &scan->units[i++]) {
        const wendi_scan_unit *unit = &scan->units[i];
        wendi_chunk *chunk = NULL;
        if (previous != NULL && previous->segment == unit->segment &&
            previous->row_group == unit->row_group) {
            continue;
        }
        uint32_t column = wendi_segment_find_column(scan->segments[unit->segment], id);
        if (column == WENDI_NO_COLUMN) {
            continue;
        }
        if (wendi_chunk_open(scan->segments[unit->segment], unit->row_group, column, &chunk,
                             NULL) != WEND_OK) {
            return false; /* The reader will meet the fault and report it. */
        }
        bool has = wendi_chunk_has_dictionary(chunk);
        wendi_chunk_close(chunk);
        if (!has) {
            return false;
        }
    }
    return true;
}
