/*
 * Conjuncts that are decided on pages as they are encoded. In each row group a conjunct of one text column becomes the set
 * of dictionary codes for which it is true, and a comparison of integers an interval; pages then give bitmaps
 * (format/chunk_filter.c), joined in one. What cannot be decided so keeps its way by rows, behind.
 *
 * A conjunct that may raise an error stays with the rows: it is to be computed for those alone that are left to it.
 */
#include <assert.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "query/scan_internal.h"

void wendi_scan_free_filters(wendi_scan_reader *reader)
{
    for (uint32_t c = 0; reader->filters != NULL && c < reader->scan->conjunct_count; c++) {
        wendi_free(reader->filters[c].words);
    }
    wendi_free(reader->filters);
    wendi_free(reader->filter_order);
    wendi_free(reader->entry_codes);
}

/* ---- planning ---- */

/* Entries as the rows of a batch, and room for those that pass behind them. */
static wend_status make_entry_codes(wendi_scan_reader *reader, wend_error *error)
{
    const size_t bytes = 2 * (SCAN_FILTER_CODES_MAX + 16) * sizeof(uint32_t);
    if (reader->entry_codes != NULL) {
        return WEND_OK;
    }
    reader->entry_codes = wendi_alloc_aligned(64, bytes);
    if (reader->entry_codes == NULL) {
        return wendi_fail_nomem(error, "the entries of a dictionary", bytes);
    }
    for (uint32_t i = 0; i < SCAN_FILTER_CODES_MAX + 16; i++) {
        reader->entry_codes[i] = i;
    }
    return WEND_OK;
}

/* The codes for which the conjunct is true, found by evaluating it over the dictionary's entries, null's among them. */
static wend_status set_of_entries(wendi_scan_reader *reader, uint32_t c, wendi_dictionary *dictionary,
                                  wend_error *error)
{
    wend_status status = WEND_OK;
    scan_filter *filter = &reader->filters[c];
    const uint32_t entries = dictionary->entry_count;
    const size_t bytes = SCAN_FILTER_CODES_MAX / 8;
    uint32_t passed = 0;
    wendi_batch batch = {entries, reader->scan->internal_count, reader->vectors};

    WEND_TRY(make_entry_codes(reader, error));
    if (filter->words == NULL) {
        filter->words = wendi_alloc_aligned(64, bytes);
        if (filter->words == NULL) {
            return wendi_fail_nomem(error, "a set of codes", bytes);
        }
    }
    uint32_t *rows = reader->entry_codes + SCAN_FILTER_CODES_MAX + 16;
    reader->vectors[filter->slot] = (wendi_vector){.type = reader->scan->slots[filter->slot].type,
                                                   .form = WENDI_FORM_DICTIONARY,
                                                   .row_count = entries,
                                                   .codes = reader->entry_codes,
                                                   .dictionary = dictionary};
    WEND_TRY(wendi_evaluate_filter(reader->evaluator, reader->scan->conjuncts[c].expr, &batch, NULL,
                                   rows, &passed, error));
    memset(filter->words, 0, bytes);
    for (uint32_t i = 0; i < passed; i++) {
        filter->words[rows[i] / 64] |= (uint64_t)1 << (rows[i] % 64);
    }
    filter->set = wendi_code_set_of(filter->words, entries);
    filter->kind = SCAN_FILTER_CODES;
cleanup:
    return status;
}

static wend_status plan_codes(wendi_scan_reader *reader, uint32_t c, wend_error *error)
{
    wend_status status = WEND_OK;
    const scan_conjunct *conjunct = &reader->scan->conjuncts[c];
    scan_filter *filter = &reader->filters[c];
    wendi_chunk *chunk = reader->chunks[filter->slot];

    if (conjunct->equal != NULL) {
        uint32_t code = 0;
        WEND_TRY(wendi_chunk_find(chunk, conjunct->equal->string, &code, error));
        filter->set = code == 0 ? wendi_code_set_between(1, 0) : wendi_code_set_between(code, code);
        filter->kind = SCAN_FILTER_CODES;
    } else if (wendi_chunk_code_count(chunk) <= SCAN_FILTER_CODES_MAX &&
               (!reader->scan->few_rows || wendi_chunk_dictionary_at_hand(chunk))) {
        wendi_dictionary *dictionary;
        WEND_TRY(wendi_chunk_dictionary(chunk, &dictionary, error));
        WEND_TRY(set_of_entries(reader, c, dictionary, error));
    }
    filter->share = (double)filter->set.members / (double)wendi_chunk_code_count(chunk);
cleanup:
    return status;
}

/* The interval of a comparison, both ends included; an empty one is low > high. */
static void plan_range(const wendi_scan_reader *reader, const wendi_range *range, scan_filter *filter)
{
    wendi_zone zone;
    filter->kind = SCAN_FILTER_RANGE;
    filter->low = range->low == NULL ? INT64_MIN : range->low->i64;
    filter->high = range->high == NULL ? INT64_MAX : range->high->i64;
    bool none = (range->low != NULL && !range->low_inclusive && filter->low == INT64_MAX) ||
                (range->high != NULL && !range->high_inclusive && filter->high == INT64_MIN);
    if (none) {
        filter->low = 1;
        filter->high = 0;
        return;
    }
    filter->low += range->low != NULL && !range->low_inclusive;
    filter->high -= range->high != NULL && !range->high_inclusive;
    memset(&zone, 0, sizeof zone);
    wendi_row_group_zone(reader->segment, reader->row_group, reader->segment_columns[filter->slot], &zone);
    filter->share = 1;
    if (zone.has_min_max) {
        int64_t low = filter->low > zone.min.i64 ? filter->low : zone.min.i64;
        int64_t high = filter->high < zone.max.i64 ? filter->high : zone.max.i64;
        filter->share = low > high ? 0
                                   : ((double)high - (double)low + 1) /
                                         ((double)zone.max.i64 - (double)zone.min.i64 + 1);
    }
}

static wend_status plan_filter(wendi_scan_reader *reader, uint32_t c, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_scan *scan = reader->scan;
    const scan_conjunct *conjunct = &scan->conjuncts[c];
    const wendi_range *range = &conjunct->range;
    scan_filter *filter = &reader->filters[c];
    const uint32_t slot = conjunct->expr->single_slot;

    filter->kind = SCAN_FILTER_ROWS;
    filter->share = 1;
    if (slot >= scan->column_count || reader->segment_columns[slot] == WENDI_NO_COLUMN ||
        (conjunct->expr->flags & WENDI_EXPR_RAISES) != 0) {
        return WEND_OK;
    }
    WEND_TRY(wendi_scan_reader_chunk(reader, slot, error));
    filter->slot = slot;
    filter->predicted = wendi_chunk_is_predicted(reader->chunks[slot]);
    const bool ranged = conjunct->has_range && range->slot == slot && range->exact;
    if (ranged && (range->kind == WENDI_RANGE_IS_NULL || range->kind == WENDI_RANGE_NOT_NULL)) {
        filter->kind = SCAN_FILTER_NULL;
        filter->null = range->kind == WENDI_RANGE_IS_NULL;
    } else if (wendi_chunk_has_dictionary(reader->chunks[slot])) {
        WEND_TRY(plan_codes(reader, c, error));
    } else if (ranged && range->kind == WENDI_RANGE_BETWEEN &&
               wendi_type_physical(scan->slots[slot].type) == WENDI_PHYSICAL_I64) {
        plan_range(reader, range, filter);
    }
cleanup:
    return status;
}

static bool comes_before(const scan_filter *a, const scan_filter *b)
{
    return a->predicted != b->predicted ? b->predicted : a->share < b->share;
}

wend_status wendi_scan_plan_filters(wendi_scan_reader *reader, wend_error *error)
{
    wend_status status = WEND_OK;
    if (reader->filters_planned) {
        return WEND_OK;
    }
    reader->filter_count = 0;
    for (uint32_t c = 0; c < reader->scan->conjunct_count; c++) {
        if (c == reader->scan->user_conjunct) {
            reader->filters[c].kind = SCAN_FILTER_ROWS; /* every row of the units satisfies it */
            continue;
        }
        WEND_TRY(plan_filter(reader, c, error));
        if (reader->filters[c].kind == SCAN_FILTER_ROWS) {
            continue;
        }
        uint32_t at = reader->filter_count++;
        while (at > 0 && comes_before(&reader->filters[c], &reader->filters[reader->filter_order[at - 1]])) {
            reader->filter_order[at] = reader->filter_order[at - 1];
            at--;
        }
        reader->filter_order[at] = c;
    }
    reader->filters_planned = true;
cleanup:
    return status;
}

/* ---- bitmaps ---- */

static void set_rows(uint64_t *bitmap, uint32_t from, uint32_t to)
{
    while (from < to) {
        const uint32_t bit = from % 64;
        const uint32_t some = to - from < 64 - bit ? to - from : 64 - bit;
        bitmap[from / 64] |= (some == 64 ? UINT64_MAX : ((uint64_t)1 << some) - 1) << bit;
        from += some;
    }
}

uint32_t wendi_scan_begin_bitmap(wendi_scan_reader *reader, uint32_t first, uint32_t count,
                                 const uint8_t *live)
{
    const uint32_t skip = reader->row > first ? reader->row - first : 0;
    uint32_t rows = 0;

    assert(count <= WENDI_PAGE_ROWS);
    /* Whole vectors, since that is how they are looked through afterwards. */
    const size_t words = ((size_t)count + WENDI_VECTOR_ROWS - 1) / WENDI_VECTOR_ROWS * WENDI_VECTOR_ROWS / 64;
    const bool all = memchr(live, 0, (count + WENDI_VECTOR_ROWS - 1) / WENDI_VECTOR_ROWS) == NULL;
    if (all && skip == 0) {
        memset(reader->bitmap, 0xff, count / 64 * 8);
        memset(reader->bitmap + count / 64, 0, (words - count / 64) * 8);
        set_rows(reader->bitmap, count / 64 * 64, count);
        return count;
    }
    memset(reader->bitmap, 0, words * 8);
    for (uint32_t begin = 0; begin < count; begin += WENDI_VECTOR_ROWS) {
        uint32_t from = begin < skip ? skip : begin;
        uint32_t to = begin + WENDI_VECTOR_ROWS < count ? begin + WENDI_VECTOR_ROWS : count;
        if (live[begin / WENDI_VECTOR_ROWS] && from < to) {
            set_rows(reader->bitmap, from, to);
            rows += to - from;
        }
    }
    return rows;
}

wend_status wendi_scan_filter_bitmap(wendi_scan_reader *reader, uint32_t first, uint32_t count,
                                     uint32_t *left, wend_error *error)
{
    wend_status status = WEND_OK;

    for (uint32_t i = 0; i < reader->filter_count && *left > 0; i++) {
        const scan_filter *filter = &reader->filters[reader->filter_order[i]];
        wendi_chunk *chunk = reader->chunks[filter->slot];
        if (filter->kind == SCAN_FILTER_CODES) {
            WEND_TRY(wendi_chunk_select_codes(chunk, first, count, &filter->set, reader->bitmap, error));
        } else if (filter->kind == SCAN_FILTER_RANGE) {
            WEND_TRY(wendi_chunk_select_range(chunk, first, count, filter->low, filter->high, reader->bitmap,
                                              error));
        } else {
            WEND_TRY(wendi_chunk_select_null(chunk, first, count, filter->null, reader->bitmap, error));
        }
        *left = (uint32_t)wendi_kernels_get()->bitmap_count(reader->bitmap, (count + 63) / 64);
    }
cleanup:
    return status;
}
