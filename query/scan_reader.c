/*
 * Reading the rows of a scan: per batch, skip dead vectors, decide what can be decided on encoded pages by bitmaps
 * (scan_filter.c), evaluate the other conjuncts one by one on as few columns as needed, then decode the rest.
 */
#include <assert.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "query/scan_internal.h"

enum { VECTORS_PER_BATCH = WENDI_BATCH_ROWS / WENDI_VECTOR_ROWS };

wend_status wendi_scan_reader_open(wendi_scan *scan, wendi_scan_reader **reader_out,
                                   wend_error *error)
{
    wend_status status = WEND_OK;
    uint32_t slots = scan->internal_count + 1;
    wendi_scan_reader *reader = wendi_alloc_zero(1, sizeof *reader);

    *reader_out = NULL;
    if (reader == NULL) {
        return wendi_fail_nomem(error, "a scan's reader", sizeof *reader);
    }
    reader->scan = scan;
    reader->chunks = wendi_alloc_zero(slots, sizeof(wendi_chunk *));
    reader->segment_columns = wendi_alloc_zero(slots, sizeof *reader->segment_columns);
    reader->constants = wendi_alloc_aligned(64, slots * sizeof *reader->constants);
    reader->vectors = wendi_alloc_zero(slots, sizeof *reader->vectors);
    reader->loaded = wendi_alloc_zero(slots, 1);
    reader->strings = wendi_alloc_zero(slots, sizeof(wendi_string *));
    reader->string_nulls = wendi_alloc_zero(slots, sizeof(uint8_t *));
    reader->only = wendi_alloc_zero(slots, sizeof(reader_constant *));
    reader->filters = wendi_alloc_zero(scan->conjunct_count + 1, sizeof *reader->filters);
    reader->filter_order = wendi_alloc_zero(scan->conjunct_count + 1, sizeof(uint32_t));
    reader->bitmap = wendi_alloc_aligned(64, WENDI_PAGE_ROWS / 8);
    reader->equal_values =
        wendi_alloc_aligned(64, (scan->conjunct_count + 1) * sizeof *reader->equal_values);
    reader->indices = wendi_alloc_aligned(64, WENDI_BATCH_ROWS * sizeof(uint32_t) + 64);
    if (reader->strings == NULL || reader->string_nulls == NULL || reader->only == NULL ||
        reader->filters == NULL || reader->filter_order == NULL || reader->bitmap == NULL ||
        reader->equal_values == NULL || reader->chunks == NULL ||
        reader->segment_columns == NULL || reader->constants == NULL || reader->vectors == NULL ||
        reader->loaded == NULL || reader->indices == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "a scan's reader", slots * sizeof *reader->vectors));
    }
    memset(reader->constants, 0, slots * sizeof *reader->constants);
    for (uint32_t i = 0; i < scan->internal_count; i++) {
        const wendi_value *absent = &scan->slots[i].absent;
        memset(reader->constants[i].null, absent->null, sizeof reader->constants[i].null);
        if (!absent->null) {
            bool wide = wendi_type_physical(absent->type) == WENDI_PHYSICAL_STRING ||
                        wendi_type_physical(absent->type) == WENDI_PHYSICAL_B16;
            memcpy(reader->constants[i].value, &absent->b16, wide ? 16 : 8);
        }
    }
    memset(reader->equal_values, 0, (scan->conjunct_count + 1) * sizeof *reader->equal_values);
    for (uint32_t c = 0; c < scan->conjunct_count; c++) {
        if (scan->conjuncts[c].equal != NULL) {
            memcpy(reader->equal_values[c].value, &scan->conjuncts[c].equal->string,
                   sizeof(wendi_string));
        }
    }
    WEND_TRY(wendi_evaluator_open(&reader->evaluator, error));
    *reader_out = reader;
    reader = NULL;
cleanup:
    wendi_scan_reader_close(reader);
    return status;
}

static void close_chunks(wendi_scan_reader *reader)
{
    for (uint32_t i = 0; reader->chunks != NULL && i < reader->scan->internal_count; i++) {
        wendi_chunk_close(reader->chunks[i]);
        reader->chunks[i] = NULL;
    }
    reader->segment = NULL;
    reader->filters_planned = false;
}

void wendi_scan_reader_close(wendi_scan_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    close_chunks(reader);
    wendi_evaluator_close(reader->evaluator);
    wendi_free(reader->chunks);
    wendi_free(reader->segment_columns);
    wendi_free(reader->constants);
    wendi_free(reader->vectors);
    wendi_free(reader->loaded);
    for (uint32_t i = 0; reader->strings != NULL && reader->string_nulls != NULL &&
                         i < reader->scan->internal_count;
         i++) {
        wendi_free(reader->strings[i]);
        wendi_free(reader->string_nulls[i]);
    }
    wendi_free(reader->strings);
    wendi_free(reader->string_nulls);
    wendi_free(reader->only);
    wendi_scan_free_filters(reader);
    wendi_free(reader->bitmap);
    wendi_free(reader->equal_values);
    wendi_free(reader->indices);
    wendi_free(reader);
}

wendi_evaluator *wendi_scan_reader_evaluator(wendi_scan_reader *reader)
{
    return reader->evaluator;
}

wend_status wendi_scan_reader_chunk(wendi_scan_reader *reader, uint32_t slot, wend_error *error)
{
    if (reader->chunks[slot] != NULL) {
        return WEND_OK;
    }
    wend_status status = wendi_chunk_open(reader->segment, reader->row_group,
                                          reader->segment_columns[slot], &reader->chunks[slot], error);
    if (status == WEND_OK) { /* predicted columns take what others of the batch have decoded */
        wendi_chunk_lend(reader->chunks[slot], reader->chunks, reader->scan->internal_count);
    }
    return status;
}

/*
 * Ask for what the row group's batches will read: the columns of the filter, or all when there is
 * none, since then every row is wanted. Not for few rows: they need few pages.
 */
static void ask_ahead(wendi_scan_reader *reader)
{
    wendi_scan *scan = reader->scan;
    if (scan->few_rows) {
        return;
    }
    for (uint32_t slot = 0; slot < scan->column_count; slot++) {
        bool wanted = scan->conjunct_count == 0;
        bool dictionary = wanted; /* an equality needs a block or two of it */
        for (uint32_t c = 0; c < scan->conjunct_count; c++) {
            wanted = wanted || scan->conjuncts[c].slots[slot] != 0;
            dictionary = dictionary ||
                         (scan->conjuncts[c].slots[slot] != 0 && scan->conjuncts[c].equal == NULL);
        }
        if (wanted && reader->segment_columns[slot] != WENDI_NO_COLUMN &&
            wendi_scan_reader_chunk(reader, slot, NULL) == WEND_OK) { /* else it is told when it is read */
            wendi_chunk_will_need(reader->chunks[slot], dictionary);
        }
    }
}

wend_status wendi_scan_reader_start(wendi_scan_reader *reader, const wendi_scan_unit *unit,
                                    wend_error *error)
{
    wendi_scan *scan = reader->scan;
    (void)error;

    assert(unit->row_begin <= unit->row_end);
    reader->row = unit->row_begin;
    reader->row_end = unit->row_end;
    if (reader->segment != NULL && reader->segment_index == unit->segment &&
        reader->row_group == unit->row_group) {
        return WEND_OK;
    }
    close_chunks(reader);
    reader->segment = scan->segments[unit->segment];
    reader->segment_index = unit->segment;
    reader->row_group = unit->row_group;
    for (uint32_t i = 0; i < scan->internal_count; i++) {
        uint32_t id = scan->schema->columns[scan->slots[i].position].id;
        reader->segment_columns[i] = wendi_segment_find_column(reader->segment, id);
    }
    ask_ahead(reader);
    return WEND_OK;
}

/*
 * The strings of the selected rows alone, from the dictionary blocks that they are in. Other rows
 * have what rows before them had: it stays readable as long as the segment is.
 */
static wend_status load_few_strings(wendi_scan_reader *reader, uint32_t slot, uint32_t first,
                                    uint32_t count, const wendi_selection *selection,
                                    wend_error *error)
{
    wend_status status = WEND_OK;
    const uint32_t *codes;
    wendi_string found[64];
    if (reader->strings[slot] == NULL) {
        reader->strings[slot] =
            wendi_alloc_aligned(64, WENDI_BATCH_ROWS * sizeof(wendi_string) + 64);
        reader->string_nulls[slot] = wendi_alloc_aligned(64, WENDI_BATCH_ROWS + 64);
        if (reader->strings[slot] == NULL || reader->string_nulls[slot] == NULL) {
            wendi_free(reader->strings[slot]);
            reader->strings[slot] = NULL;
            return wendi_fail_nomem(error, "strings of a batch", WENDI_BATCH_ROWS * sizeof *found);
        }
        for (uint32_t i = 0; i < WENDI_BATCH_ROWS; i++) {
            reader->strings[slot][i] = (wendi_string){"", 0};
        }
        memset(reader->string_nulls[slot], 0, WENDI_BATCH_ROWS + 64);
    }
    WEND_TRY(wendi_chunk_read_codes(reader->chunks[slot], first, count, &codes, error));
    for (uint32_t begin = 0; begin < selection->count; begin += 64) {
        uint32_t some = selection->count - begin < 64 ? selection->count - begin : 64;
        const uint32_t *rows = selection->indices == NULL ? NULL : selection->indices + begin;
        WEND_TRY(wendi_chunk_strings(reader->chunks[slot], rows == NULL ? codes + begin : codes,
                                     rows, some, found, error));
        for (uint32_t i = 0; i < some; i++) {
            uint32_t row = rows == NULL ? begin + i : rows[i];
            reader->strings[slot][row] = found[i];
            reader->string_nulls[slot][row] = codes[row] == 0;
        }
    }
    reader->vectors[slot] = (wendi_vector){.type = reader->scan->slots[slot].type,
                                           .form = WENDI_FORM_FLAT,
                                           .row_count = count,
                                           .nulls = reader->string_nulls[slot]};
    reader->vectors[slot].data = reader->strings[slot];
cleanup:
    return status;
}

static wend_status load_stored(wendi_scan_reader *reader, uint32_t slot, uint32_t first,
                               uint32_t count, const wendi_selection *selection, wend_error *error)
{
    if (reader->only[slot] != NULL) {
        reader->vectors[slot] = (wendi_vector){.type = reader->scan->slots[slot].type,
                                               .form = WENDI_FORM_CONSTANT,
                                               .row_count = count};
        reader->vectors[slot].data = reader->only[slot]->value;
        return WEND_OK;
    }
    wend_status status = wendi_scan_reader_chunk(reader, slot, error);
    if (status != WEND_OK) {
        return status;
    }
    wendi_chunk *chunk = reader->chunks[slot];
    if (reader->scan->few_rows && wendi_chunk_has_dictionary(chunk) &&
        !wendi_chunk_dictionary_at_hand(chunk)) {
        return load_few_strings(reader, slot, first, count, selection, error);
    }
    return wendi_chunk_read(chunk, first, count, &reader->vectors[slot], error);
}

/* Make the column's values of rows first..first+count-1 available to expressions over internal
 * slots. */
static wend_status load(wendi_scan_reader *reader, uint32_t slot, uint32_t first, uint32_t count,
                        const wendi_selection *selection, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_scan *scan = reader->scan;
    const scan_slot *of = &scan->slots[slot];

    if (reader->loaded[slot]) {
        return WEND_OK;
    }
    if (reader->segment_columns[slot] != WENDI_NO_COLUMN) {
        WEND_TRY(load_stored(reader, slot, first, count, selection, error));
    } else if (of->generated == NULL) {
        reader->vectors[slot] =
            (wendi_vector){.type = of->type,
                           .form = WENDI_FORM_CONSTANT,
                           .row_count = count,
                           .nulls = of->absent.null ? reader->constants[slot].null : NULL};
        reader->vectors[slot].data = reader->constants[slot].value;
    } else {
        for (uint32_t i = 0; i < scan->internal_count; i++) {
            if (of->inputs[i]) {
                WEND_TRY(load(reader, i, first, count, selection, error));
            }
        }
        wendi_batch batch = {count, scan->internal_count, reader->vectors};
        WEND_TRY(wendi_evaluate(reader->evaluator, of->generated, &batch, selection,
                                &reader->vectors[slot], error));
    }
    reader->loaded[slot] = 1;
cleanup:
    return status;
}

wend_status wendi_scan_live_vectors(wendi_scan_reader *reader, uint32_t first, uint32_t count,
                                    uint8_t *live, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_scan *scan = reader->scan;
    uint32_t vectors = (count + WENDI_VECTOR_ROWS - 1) / WENDI_VECTOR_ROWS;

    memset(live, 1, vectors);
    for (uint32_t c = 0; c < scan->conjunct_count; c++) {
        const wendi_range *range = &scan->conjuncts[c].range;
        if (!scan->conjuncts[c].has_range || range->slot == WENDI_EXPR_NO_SLOT ||
            reader->segment_columns[range->slot] == WENDI_NO_COLUMN) {
            continue;
        }
        if (reader->filters[c].kind == SCAN_FILTER_CODES) {
            continue; /* looks at the bounds itself */
        }
        WEND_TRY(wendi_scan_reader_chunk(reader, range->slot, error));
        for (uint32_t v = 0; v < vectors; v++) {
            wendi_zone zone;
            if (!live[v]) {
                continue;
            }
            memset(&zone, 0, sizeof zone);
            WEND_TRY(wendi_chunk_vector_zone(reader->chunks[range->slot],
                                             first + v * WENDI_VECTOR_ROWS, &zone, error));
            live[v] = wendi_scan_zone_passes(scan, range->slot, &zone);
        }
    }
cleanup:
    return status;
}

static wend_status filter_rows(wendi_scan_reader *reader, uint32_t first, uint32_t count,
                               wendi_selection *selection, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_scan *scan = reader->scan;

    for (uint32_t c = 0; c < scan->conjunct_count && selection->count > 0; c++) {
        const scan_conjunct *conjunct = &scan->conjuncts[c];
        wendi_batch batch = {count, scan->internal_count, reader->vectors};
        if (c == scan->user_conjunct || reader->filters[c].kind != SCAN_FILTER_ROWS) {
            continue;
        }
        for (uint32_t slot = 0; slot < scan->column_count; slot++) {
            if (conjunct->slots[slot]) {
                WEND_TRY(load(reader, slot, first, count, selection, error));
            }
        }
        uint32_t passed = 0;
        WEND_TRY(wendi_evaluate_filter(reader->evaluator, conjunct->expr, &batch, selection,
                                       reader->indices, &passed, error));
        *selection = (wendi_selection){reader->indices, passed};
    }
cleanup:
    return status;
}

/*
 * The rows that pass what bitmaps decide. The batch shrinks to the vectors between the first and the last of them, so
 * that nothing else is decoded; its rows become a selection last of all.
 */
static wend_status select_by_bitmap(wendi_scan_reader *reader, uint32_t *first, uint32_t *count,
                                    wendi_selection *selection, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_scan *scan = reader->scan;
    const wendi_kernels *kernels = wendi_kernels_get();
    uint8_t live[VECTORS_PER_BATCH];
    const uint32_t vectors = (*count + WENDI_VECTOR_ROWS - 1) / WENDI_VECTOR_ROWS;
    const uint32_t words = WENDI_VECTOR_ROWS / 64;
    uint32_t begin = 0;
    uint32_t end = vectors;

    *selection = (wendi_selection){NULL, 0};
    WEND_TRY(wendi_scan_live_vectors(reader, *first, *count, live, error));
    uint32_t left = wendi_scan_begin_bitmap(reader, *first, *count, live);
    scan->counters.vectors_total += vectors;
    for (uint32_t v = 0; v < vectors; v++) {
        scan->counters.vectors_skipped += !live[v];
    }
    scan->counters.rows_scanned += left;
    WEND_TRY(wendi_scan_filter_bitmap(reader, *first, *count, &left, error));
    if (left == 0) {
        return WEND_OK;
    }
    while (kernels->bitmap_count(reader->bitmap + begin * words, words) == 0) {
        begin++;
    }
    while (kernels->bitmap_count(reader->bitmap + (end - 1) * words, words) == 0) {
        end--;
    }
    *count = (end * WENDI_VECTOR_ROWS < *count ? end * WENDI_VECTOR_ROWS : *count) - begin * WENDI_VECTOR_ROWS;
    *first += begin * WENDI_VECTOR_ROWS;
    selection->count = left;
    if (left < *count) {
        (void)kernels->bitmap_rows_u32(reader->bitmap + begin * words, (*count + 63) / 64, 0, reader->indices);
        selection->indices = reader->indices;
    }
cleanup:
    return status;
}

/* The batch at `first`; *count of it are looked at. An empty selection: nothing here. */
static wend_status read_batch(wendi_scan_reader *reader, uint32_t *first, uint32_t *count,
                              wendi_selection *selection, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_scan *scan = reader->scan;

    wendi_evaluator_reset(reader->evaluator);
    WEND_TRY(wendi_scan_plan_filters(reader, error));
    memset(reader->loaded, 0, scan->internal_count);
    memset(reader->only, 0, scan->internal_count * sizeof *reader->only);
    if (scan->user_conjunct != WENDI_EXPR_NO_SLOT) {
        reader->only[scan->conjuncts[scan->user_conjunct].range.slot] =
            &reader->equal_values[scan->user_conjunct];
    }
    for (uint32_t c = 0; c < scan->conjunct_count; c++) {
        if (scan->conjuncts[c].equal != NULL && reader->filters[c].kind == SCAN_FILTER_CODES) {
            reader->only[scan->conjuncts[c].range.slot] = &reader->equal_values[c];
        }
    }
    WEND_TRY(select_by_bitmap(reader, first, count, selection, error));
    WEND_TRY(filter_rows(reader, *first, *count, selection, error));
    for (uint32_t slot = 0; slot < scan->column_count && selection->count > 0; slot++) {
        WEND_TRY(load(reader, slot, *first, *count, selection, error));
    }
    scan->counters.rows_passed += selection->count;
cleanup:
    return status;
}

wend_status wendi_scan_reader_next(wendi_scan_reader *reader, wendi_batch *batch,
                                   wendi_selection *selection, uint32_t *first_row,
                                   wend_error *error)
{
    wend_status status = WEND_OK;
    wend_error ignored;

    error = error == NULL ? &ignored : error;
    while (reader->row < reader->row_end) {
        uint32_t begin = reader->row;
        uint32_t first = begin - begin % WENDI_VECTOR_ROWS;
        uint32_t limit = begin - begin % WENDI_BATCH_ROWS + WENDI_BATCH_ROWS;
        limit = limit < reader->row_end ? limit : reader->row_end;
        uint32_t count = limit - first;
        WEND_TRY(wendi_query_check(reader->scan->context, error));
        status = read_batch(reader, &first, &count, selection, error);
        if (status != WEND_OK) {
            /* What is damaged is a page of some column: its rows are gone for this query. */
            limit = begin - begin % WENDI_PAGE_ROWS + WENDI_PAGE_ROWS;
            limit = limit < reader->row_end ? limit : reader->row_end;
            reader->row = limit;
            WEND_TRY(wendi_scan_skip_corrupt(reader->scan, status, limit - begin, error));
            continue;
        }
        reader->row = limit;
        if (selection->count > 0) {
            *batch = (wendi_batch){count, reader->scan->column_count, reader->vectors};
            *first_row = first;
            return WEND_OK;
        }
    }
    status = WEND_END;
cleanup:
    return status;
}

wend_status wendi_scan_reader_dictionary(wendi_scan_reader *reader, uint32_t slot,
                                         wendi_dictionary **dictionary_out, wend_error *error)
{
    *dictionary_out = NULL;
    if (reader->segment_columns[slot] == WENDI_NO_COLUMN) {
        *dictionary_out = reader->scan->slots[slot].dictionary;
        return WEND_OK;
    }
    wend_status status = wendi_scan_reader_chunk(reader, slot, error);
    return status != WEND_OK ? status
                             : wendi_chunk_dictionary(reader->chunks[slot], dictionary_out, error);
}

/* ---- counting ---- */

/* What becomes the scan's counters when all of a range could be counted. */
typedef struct scan_seen {
    uint64_t vectors;
    uint64_t skipped;
    uint64_t rows;
} scan_seen;

/* One page's part of the range: how many rows pass, and of each code of the column. */
static wend_status count_page(wendi_scan_reader *reader, uint32_t slot, uint32_t first, uint32_t count,
                              wendi_scan_counts *counts, scan_seen *seen, wend_error *error)
{
    wend_status status = WEND_OK;
    uint8_t live[WENDI_PAGE_ROWS / WENDI_VECTOR_ROWS];
    const uint32_t vectors = (count + WENDI_VECTOR_ROWS - 1) / WENDI_VECTOR_ROWS;

    WEND_TRY(wendi_scan_live_vectors(reader, first, count, live, error));
    uint32_t left = wendi_scan_begin_bitmap(reader, first, count, live);
    seen->vectors += vectors;
    for (uint32_t v = 0; v < vectors; v++) {
        seen->skipped += !live[v];
    }
    seen->rows += left;
    WEND_TRY(wendi_scan_filter_bitmap(reader, first, count, &left, error));
    counts->row_count += left;
    if (left > 0 && slot != WENDI_EXPR_NO_SLOT) {
        WEND_TRY(wendi_chunk_count_codes(reader->chunks[slot], first, count,
                                         left == count ? NULL : reader->bitmap, counts->codes, error));
    }
cleanup:
    return status;
}

/* Can rows be counted without values? Opens the column's chunk and dictionary. */
static wend_status can_count(wendi_scan_reader *reader, uint32_t slot, wendi_scan_counts *counts,
                             bool *can, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_scan *scan = reader->scan;

    *can = false;
    wendi_evaluator_reset(reader->evaluator);
    WEND_TRY(wendi_scan_plan_filters(reader, error));
    for (uint32_t c = 0; c < scan->conjunct_count; c++) {
        if (c != scan->user_conjunct && reader->filters[c].kind == SCAN_FILTER_ROWS) {
            return WEND_OK;
        }
    }
    if (slot != WENDI_EXPR_NO_SLOT) {
        if (reader->segment_columns[slot] == WENDI_NO_COLUMN) {
            return WEND_OK;
        }
        WEND_TRY(wendi_scan_reader_chunk(reader, slot, error));
        uint32_t entries = wendi_chunk_code_count(reader->chunks[slot]);
        if (entries == 0 || entries > WENDI_COUNT_CODES_MAX) {
            return WEND_OK;
        }
        WEND_TRY(wendi_chunk_dictionary(reader->chunks[slot], &counts->dictionary, error));
    }
    *can = true;
cleanup:
    return status;
}

wend_status wendi_scan_reader_count(wendi_scan_reader *reader, uint32_t slot,
                                    wendi_scan_counts *counts, bool *done, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_scan *scan = reader->scan;
    scan_seen seen = {0};
    uint32_t row = reader->row;
    const uint32_t begin = row;

    memset(counts, 0, sizeof *counts);
    WEND_TRY(can_count(reader, slot, counts, done, error));
    while (*done && row < reader->row_end) {
        uint32_t first = row - row % WENDI_VECTOR_ROWS;
        uint32_t limit = row - row % WENDI_PAGE_ROWS + WENDI_PAGE_ROWS;
        limit = limit < reader->row_end ? limit : reader->row_end;
        WEND_TRY(wendi_query_check(scan->context, error));
        reader->row = row; /* where the bitmap begins */
        WEND_TRY(count_page(reader, slot, first, limit - first, counts, &seen, error));
        row = limit;
    }
    if (*done) {
        reader->row = row;
        scan->counters.vectors_total += seen.vectors;
        scan->counters.vectors_skipped += seen.skipped;
        scan->counters.rows_scanned += seen.rows;
        scan->counters.rows_passed += counts->row_count;
    }
cleanup:
    if (status == WEND_CORRUPT && scan->context->skip_corrupt) { /* batches leave out what is damaged, and say it */
        *done = false;
        reader->row = begin;
        status = WEND_OK;
    }
    return status;
}
