/*
 * Reading the rows of a scan: per batch, skip dead vectors, evaluate the filter conjunct by
 * conjunct on as few columns as needed, then decode the rest.
 */
#include <assert.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "query/scan_internal.h"

enum { VECTORS_PER_BATCH = WENDI_BATCH_ROWS / WENDI_VECTOR_ROWS, CONSTANT_BYTES = 128 };

/** What is known of a conjunct that asks for one text, in the row group being read. */
typedef struct reader_equality {
    enum { EQUALITY_UNKNOWN, EQUALITY_BY_CODE, EQUALITY_BY_VALUE } kind;
    uint32_t code; /* BY_CODE: of the text; 0: no row has it */
} reader_equality;

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
    wendi_string **strings;     /* by internal slot; of few rows; NULL until used */
    uint8_t **string_nulls;
    reader_equality *equalities;   /* by conjunct */
    reader_constant *equal_values; /* by conjunct that has one */
    const reader_constant *
        *only;    /* by internal slot: the value of all rows that are still selected, or NULL */
    uint32_t row; /* next row to look at */
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
    reader->strings = wendi_alloc_zero(slots, sizeof(wendi_string *));
    reader->string_nulls = wendi_alloc_zero(slots, sizeof(uint8_t *));
    reader->only = wendi_alloc_zero(slots, sizeof(reader_constant *));
    reader->equalities = wendi_alloc_zero(scan->conjunct_count + 1, sizeof *reader->equalities);
    reader->equal_values =
        wendi_alloc_aligned(64, (scan->conjunct_count + 1) * sizeof *reader->equal_values);
    reader->indices = wendi_alloc_aligned(64, WENDI_BATCH_ROWS * sizeof(uint32_t) + 64);
    if (reader->strings == NULL || reader->string_nulls == NULL || reader->only == NULL ||
        reader->equalities == NULL || reader->equal_values == NULL || reader->chunks == NULL ||
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
    if (reader->equalities != NULL) {
        memset(reader->equalities, 0, reader->scan->conjunct_count * sizeof *reader->equalities);
    }
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
    wendi_free(reader->equalities);
    wendi_free(reader->equal_values);
    wendi_free(reader->indices);
    wendi_free(reader);
}

wendi_evaluator *wendi_scan_reader_evaluator(wendi_scan_reader *reader)
{
    return reader->evaluator;
}

static wend_status open_chunk(wendi_scan_reader *reader, uint32_t slot, wend_error *error)
{
    if (reader->chunks[slot] != NULL) {
        return WEND_OK;
    }
    return wendi_chunk_open(reader->segment, reader->row_group, reader->segment_columns[slot],
                            &reader->chunks[slot], error);
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
            open_chunk(reader, slot, NULL) == WEND_OK) { /* else it is told when it is read */
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
    wend_status status = open_chunk(reader, slot, error);
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

/* How the conjunct is decided in this row group: by one code, or like any other. */
static wend_status equality_of(wendi_scan_reader *reader, uint32_t c,
                               reader_equality **equality_out, wend_error *error)
{
    wend_status status = WEND_OK;
    const scan_conjunct *conjunct = &reader->scan->conjuncts[c];
    reader_equality *equality = &reader->equalities[c];
    *equality_out = equality;
    if (equality->kind != EQUALITY_UNKNOWN) {
        return WEND_OK;
    }
    equality->kind = EQUALITY_BY_VALUE;
    uint32_t slot = conjunct->equal == NULL ? WENDI_EXPR_NO_SLOT : conjunct->range.slot;
    if (slot == WENDI_EXPR_NO_SLOT || reader->segment_columns[slot] == WENDI_NO_COLUMN) {
        return WEND_OK;
    }
    WEND_TRY(open_chunk(reader, slot, error));
    if (wendi_chunk_has_dictionary(reader->chunks[slot])) {
        WEND_TRY(wendi_chunk_find(reader->chunks[slot], conjunct->equal->string, &equality->code,
                                  error));
        equality->kind = EQUALITY_BY_CODE;
    }
cleanup:
    return status;
}

/* Keep the rows with one code. */
static wend_status filter_by_code(wendi_scan_reader *reader, uint32_t slot, uint32_t code,
                                  uint32_t first, uint32_t count, wendi_selection *selection,
                                  wend_error *error)
{
    uint32_t *indices = reader->indices;
    uint32_t passed = 0;
    const uint32_t *codes;
    if (code == 0) {
        *selection = (wendi_selection){indices, 0};
        return WEND_OK;
    }
    wend_status status = wendi_chunk_read_codes(reader->chunks[slot], first, count, &codes, error);
    if (status != WEND_OK) {
        return status;
    }
    for (uint32_t i = 0; i < selection->count; i++) {
        uint32_t row = selection->indices == NULL ? i : selection->indices[i];
        indices[passed] = row; /* at or before the place it is read from */
        passed += codes[row] == code;
    }
    *selection = (wendi_selection){indices, passed};
    return WEND_OK;
}

static wend_status filter_rows(wendi_scan_reader *reader, uint32_t first, uint32_t count,
                               wendi_selection *selection, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_scan *scan = reader->scan;

    for (uint32_t c = 0; c < scan->conjunct_count && selection->count > 0; c++) {
        const scan_conjunct *conjunct = &scan->conjuncts[c];
        wendi_batch batch = {count, scan->internal_count, reader->vectors};
        reader_equality *equality;
        if (c == scan->user_conjunct) {
            continue;
        }
        WEND_TRY(equality_of(reader, c, &equality, error));
        if (equality->kind == EQUALITY_BY_CODE && !reader->loaded[conjunct->range.slot]) {
            WEND_TRY(filter_by_code(reader, conjunct->range.slot, equality->code, first, count,
                                    selection, error));
            reader->only[conjunct->range.slot] = &reader->equal_values[c];
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
    memset(reader->only, 0, scan->internal_count * sizeof *reader->only);
    if (scan->user_conjunct != WENDI_EXPR_NO_SLOT) {
        reader->only[scan->conjuncts[scan->user_conjunct].range.slot] =
            &reader->equal_values[scan->user_conjunct];
    }
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
