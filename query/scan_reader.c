/*
 * Reading the rows of a scan: per batch, skip dead vectors, evaluate the filter conjunct by
 * conjunct on as few columns as needed, then decode the rest.
 */
#include <assert.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "query/scan_internal.h"

enum { VECTORS_PER_BATCH = WENDI_BATCH_ROWS / WENDI_VECTOR_ROWS, CONSTANT_BYTES = 128 };

/** Memory for the one value of a column that the segment lacks; readable beyond its end as vectors
 * must be. */
typedef struct reader_constant {
    _Alignas(64) uint8_t value[CONSTANT_BYTES];
    _Alignas(64) uint8_t null[64];
} reader_constant;

struct wendi_scan_reader {
    wendi_scan *scan;
    wendi_evaluator *evaluator;
    wendi_segment *segment; /* of the open chunks; NULL: none */
    uint32_t segment_index;
    uint32_t row_group;
    wendi_chunk **chunks;       /* by internal slot; NULL: absent, or not opened yet */
    uint32_t *segment_columns;  /* by internal slot; WENDI_NO_COLUMN: absent */
    reader_constant *constants; /* by internal slot */
    wendi_vector *vectors;      /* by internal slot, of the batch */
    uint8_t *loaded;            /* by internal slot */
    uint32_t row;               /* next row to look at */
    uint32_t row_end;
    uint32_t *indices; /* WENDI_BATCH_ROWS */
};

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
    reader->indices = wendi_alloc_aligned(64, WENDI_BATCH_ROWS * sizeof(uint32_t) + 64);
    if (reader->chunks == NULL || reader->segment_columns == NULL || reader->constants == NULL ||
        reader->vectors == NULL || reader->loaded == NULL || reader->indices == NULL) {
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
    wendi_free(reader->indices);
    wendi_free(reader);
}

wendi_evaluator *wendi_scan_reader_evaluator(wendi_scan_reader *reader)
{
    return reader->evaluator;
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
    return WEND_OK;
}

static wend_status open_chunk(wendi_scan_reader *reader, uint32_t slot, wend_error *error)
{
    if (reader->chunks[slot] != NULL) {
        return WEND_OK;
    }
    return wendi_chunk_open(reader->segment, reader->row_group, reader->segment_columns[slot],
                            &reader->chunks[slot], error);
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
        WEND_TRY(open_chunk(reader, slot, error));
        WEND_TRY(
            wendi_chunk_read(reader->chunks[slot], first, count, &reader->vectors[slot], error));
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

/* Which vectors of the rows may have a row that passes, by the bounds within their pages. */
static wend_status live_vectors(wendi_scan_reader *reader, uint32_t first, uint32_t count,
                                uint8_t *live, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_scan *scan = reader->scan;
    uint32_t vectors = (count + WENDI_VECTOR_ROWS - 1) / WENDI_VECTOR_ROWS;

    memset(live, 1, VECTORS_PER_BATCH);
    for (uint32_t c = 0; c < scan->conjunct_count; c++) {
        const wendi_range *range = &scan->conjuncts[c].range;
        if (!scan->conjuncts[c].has_range || range->slot == WENDI_EXPR_NO_SLOT ||
            reader->segment_columns[range->slot] == WENDI_NO_COLUMN) {
            continue;
        }
        WEND_TRY(open_chunk(reader, range->slot, error));
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

/* Row numbers within the batch of rows that lie in the range asked for and in live vectors. */
static uint32_t first_selection(const wendi_scan_reader *reader, uint32_t first, uint32_t count,
                                const uint8_t *live, uint32_t *indices)
{
    uint32_t selected = 0;
    uint32_t skip = reader->row - first;

    for (uint32_t v = 0; v * WENDI_VECTOR_ROWS < count; v++) {
        uint32_t begin = v * WENDI_VECTOR_ROWS;
        uint32_t end = begin + WENDI_VECTOR_ROWS < count ? begin + WENDI_VECTOR_ROWS : count;
        begin = begin < skip ? skip : begin;
        for (uint32_t row = begin; live[v] && row < end; row++) {
            indices[selected++] = row;
        }
    }
    return selected;
}

static wend_status filter_rows(wendi_scan_reader *reader, uint32_t first, uint32_t count,
                               wendi_selection *selection, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_scan *scan = reader->scan;

    for (uint32_t c = 0; c < scan->conjunct_count && selection->count > 0; c++) {
        const scan_conjunct *conjunct = &scan->conjuncts[c];
        wendi_batch batch = {count, scan->internal_count, reader->vectors};
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

/* The batch at `first`; *count of it are looked at. An empty selection: nothing here. */
static wend_status read_batch(wendi_scan_reader *reader, uint32_t *first, uint32_t *count,
                              wendi_selection *selection, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_scan *scan = reader->scan;
    uint8_t live[VECTORS_PER_BATCH];
    uint32_t low = 0;
    uint32_t high = (*count + WENDI_VECTOR_ROWS - 1) / WENDI_VECTOR_ROWS;

    wendi_evaluator_reset(reader->evaluator);
    memset(reader->loaded, 0, scan->internal_count);
    *selection = (wendi_selection){NULL, *count};
    scan->counters.vectors_total += high;
    if (scan->conjunct_count > 0) {
        uint32_t dead = 0;
        WEND_TRY(live_vectors(reader, *first, *count, live, error));
        for (uint32_t v = 0; v < high; v++) {
            dead += !live[v];
        }
        scan->counters.vectors_skipped += dead;
        while (low < high && !live[low]) {
            low++;
        }
        while (high > low && !live[high - 1]) {
            high--;
        }
        if (low == high) {
            selection->count = 0;
            return WEND_OK;
        }
        uint32_t end = high * WENDI_VECTOR_ROWS < *count ? high * WENDI_VECTOR_ROWS : *count;
        *first += low * WENDI_VECTOR_ROWS;
        *count = end - low * WENDI_VECTOR_ROWS;
        reader->row = reader->row < *first ? *first : reader->row;
        if (dead > low || reader->row > *first) {
            selection->count = first_selection(reader, *first, *count, live + low, reader->indices);
            selection->indices = reader->indices;
        } else {
            selection->count = *count;
        }
    } else if (reader->row > *first) {
        memset(live, 1, sizeof live);
        selection->count = first_selection(reader, *first, *count, live, reader->indices);
        selection->indices = reader->indices;
    }
    scan->counters.rows_scanned += selection->count;
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
    wend_status status = open_chunk(reader, slot, error);
    return status != WEND_OK ? status
                             : wendi_chunk_dictionary(reader->chunks[slot], dictionary_out, error);
}
