/*
 * Verifying a segment: every byte, every page, every statistic. Goes on after a fault where it can.
 *
 * The parts must lie one behind the other from the header to the trailer, so no byte is outside of
 * what is checked: pages, dictionaries, indexes and footer have checksums, all padding is zero.
 */
#include "format/segment.h"

#include <math.h>

#include "engine/base/alloc.h"

typedef struct verifier {
    const wendi_segment_source *source;
    wendi_segment *segment;
    wendi_segment_fault_report report;
    void *context;
    wendi_segment_verified *verified;
    wend_error error; /* of the fault under way */
} verifier;

/** What the values of a chunk turned out to be, against what is stored of them. */
typedef struct chunk_check {
    wendi_chunk *chunk;
    uint32_t row_group;
    uint32_t column;
    uint64_t null_count;
    bool incomplete; /* some page could not be read: totals say nothing */
} chunk_check;

static bool fatal(wend_status status)
{
    return status == WEND_NOMEM;
}

/* Report what `error` says. A refusal of memory is no fault of the file. */
static wend_status note(verifier *v, wend_status status, uint64_t offset)
{
    if (fatal(status)) {
        return status;
    }
    wendi_segment_fault fault = {.status = status, .offset = offset, .message = v->error.message};
    v->verified->faults++;
    if (v->report != NULL) {
        v->report(v->context, &fault);
    }
    return WEND_OK;
}

static wend_status fault_at(verifier *v, uint32_t row_group, uint32_t column, uint32_t page, uint64_t offset,
                            const char *reason)
{
    wend_status status =
        wendi_segment_damage(v->segment, WEND_CORRUPT, row_group, column, page, offset, reason, &v->error);
    return note(v, status, offset);
}

static wend_status verify_header(verifier *v)
{
    uint8_t bytes[WENDI_SEGMENT_HEADER_BYTES];
    const char *reason = NULL;
    wend_status status = v->source->read(v->source->context, 0, bytes, sizeof bytes, &v->error);
    if (status == WEND_OK) {
        status = wendi_header_check(bytes, v->segment->footer.uuid, v->segment->footer.features, &reason);
        if (status == WEND_OK) {
            return WEND_OK;
        }
        wendi_segment_damage(v->segment, status, WENDI_PLACE_NONE, WENDI_PLACE_NONE, WENDI_PLACE_NONE, 0, reason,
                             &v->error);
    }
    return note(v, status, 0);
}

/* The parts follow on each other without a gap. */
static wend_status verify_places(verifier *v)
{
    const wendi_footer *footer = &v->segment->footer;
    uint64_t at = WENDI_SEGMENT_HEADER_BYTES;
    for (uint32_t g = 0; g < footer->row_group_count; g++) {
        for (uint32_t c = 0; c < footer->column_count; c++) {
            const wendi_chunk_entry *chunk = wendi_segment_chunk(v->segment, g, c);
            if (chunk->offset != at) {
                return fault_at(v, g, c, WENDI_PLACE_NONE, at, "bytes that belong to nothing");
            }
            at += chunk->page_bytes + chunk->dictionary_bytes + chunk->prediction_bytes;
        }
        if (footer->row_groups[g].index_offset != at) {
            return fault_at(v, g, WENDI_PLACE_NONE, WENDI_PLACE_NONE, at, "bytes that belong to nothing");
        }
        at += footer->row_groups[g].index_bytes;
    }
    if (at != footer->summary.footer_offset) {
        return fault_at(v, WENDI_PLACE_NONE, WENDI_PLACE_NONE, WENDI_PLACE_NONE, at, "bytes that belong to nothing");
    }
    return WEND_OK;
}

static double double_of(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static bool double_within(double value, double min, double max)
{
    if (isnan(value)) {
        return isnan(max);
    }
    return !isnan(min) && value >= min && (isnan(max) || value <= max);
}

static bool string_within(wendi_string text, const wendi_chunk_entry *chunk)
{
    return wendi_string_compare(chunk->low, text) <= 0 && wendi_string_compare(text, chunk->high) <= 0;
}

static bool first_bytes_within(const void *data, size_t length, const wendi_page_entry *page)
{
    uint64_t first = wendi_first_bytes(data, length);
    return first >= page->min && first <= page->max;
}

/* Does row `row` keep to what the page's and the chunk's statistics say? */
static bool value_within(const wendi_vector *vector, uint32_t row, const wendi_page_entry *page,
                         const wendi_chunk_entry *chunk)
{
    uint32_t at = wendi_vector_index(vector, row);
    if (vector->form == WENDI_FORM_DICTIONARY) {
        uint32_t code = vector->codes[row];
        return (!page->has_mask || (code < 64 && page->mask >> code & 1)) &&
               (code == 0 || !page->has_min_max || (code >= page->min && code <= page->max));
    }
    switch (wendi_type_physical(vector->type)) {
    case WENDI_PHYSICAL_I64:
        return (!page->has_min_max ||
                (vector->i64[at] >= (int64_t)page->min && vector->i64[at] <= (int64_t)page->max)) &&
               (!chunk->has_min_max ||
                (vector->i64[at] >= (int64_t)chunk->min && vector->i64[at] <= (int64_t)chunk->max));
    case WENDI_PHYSICAL_F64:
        return (!page->has_min_max || double_within(vector->f64[at], double_of(page->min), double_of(page->max))) &&
               (!chunk->has_min_max || double_within(vector->f64[at], double_of(chunk->min), double_of(chunk->max)));
    case WENDI_PHYSICAL_B16:
        if (page->first_bytes && !first_bytes_within(&vector->b16[at], 16, page)) {
            return false;
        }
        return !chunk->has_min_max ||
               string_within((wendi_string){(const char *)&vector->b16[at], 16}, chunk);
    case WENDI_PHYSICAL_STRING:
        if (page->first_bytes && !first_bytes_within(vector->strings[at].data, vector->strings[at].length, page)) {
            return false;
        }
        return !chunk->has_min_max || string_within(vector->strings[at], chunk);
    }
    return false;
}

/* Can a column of the vector's type have the value of row `row`? Decoding takes whatever 64 bits there are. */
static bool value_in_range(const wendi_vector *vector, uint32_t row)
{
    uint32_t at = wendi_vector_index(vector, row);
    switch ((wendi_type_kind)vector->type.kind) {
    case WENDI_TYPE_BOOLEAN:
        return vector->i64[at] == 0 || vector->i64[at] == 1;
    case WENDI_TYPE_SMALLINT:
        return vector->i64[at] == (int16_t)vector->i64[at];
    case WENDI_TYPE_INTEGER:
    case WENDI_TYPE_DATE:
        return vector->i64[at] == (int32_t)vector->i64[at];
    case WENDI_TYPE_REAL:
        return isnan(vector->f64[at]) || (double)(float)vector->f64[at] == vector->f64[at];
    default:
        return true;
    }
}

static wend_status verify_page(verifier *v, chunk_check *check, uint32_t page)
{
    const wendi_page_entry *entry = &check->chunk->pages[page];
    wendi_vector vector;
    uint32_t nulls = 0;
    bool within = true;
    bool in_range = true;
    uint32_t rows = wendi_chunk_page_rows(check->chunk, page);
    wend_status status = wendi_chunk_read(check->chunk, page * WENDI_PAGE_ROWS, rows, &vector, &v->error);
    if (status != WEND_OK) {
        check->incomplete = true;
        return note(v, status, entry->offset);
    }
    for (uint32_t i = 0; i < rows; i++) {
        bool null = wendi_vector_is_null(&vector, i);
        nulls += null;
        within = within && ((null && vector.form != WENDI_FORM_DICTIONARY) ||
                            value_within(&vector, i, entry, check->chunk->entry));
        in_range = in_range && (null || value_in_range(&vector, i));
    }
    check->null_count += nulls;
    v->verified->row_count += check->column == 0 ? rows : 0;
    if (nulls != entry->null_count || !within) {
        return fault_at(v, check->row_group, check->column, page, entry->offset,
                        "statistics do not hold for the values");
    }
    if (!in_range) {
        return fault_at(v, check->row_group, check->column, page, entry->offset,
                        "a value out of the range of the column's type");
    }
    return WEND_OK;
}

static wend_status verify_dictionary(verifier *v, chunk_check *check)
{
    wendi_dictionary *dictionary;
    const wendi_chunk_entry *entry = check->chunk->entry;
    uint64_t offset = entry->offset + entry->page_bytes;
    wend_status status = wendi_chunk_dictionary(check->chunk, &dictionary, &v->error);
    if (status != WEND_OK) {
        check->incomplete = true;
        return note(v, status, offset);
    }
    for (uint32_t code = 1; code < dictionary->entry_count && entry->has_min_max; code++) {
        if (!string_within(wendi_dictionary_at(dictionary, code), entry)) {
            return fault_at(v, check->row_group, check->column, WENDI_PLACE_DICTIONARY, offset,
                            "entries outside their bounds");
        }
    }
    return WEND_OK;
}

static wend_status verify_prediction(verifier *v, chunk_check *check)
{
    const wendi_prediction *prediction;
    const wendi_chunk_entry *entry = check->chunk->entry;
    wend_status status =
        wendi_segment_prediction(v->segment, check->row_group, check->column, &prediction, &v->error);
    if (status != WEND_OK) {
        check->incomplete = true;
        return note(v, status, entry->offset + entry->page_bytes + entry->dictionary_bytes);
    }
    return WEND_OK;
}

/* The codes of a page whose dictionary is damaged: its checksum and structure at least. */
static wend_status verify_page_alone(verifier *v, chunk_check *check, uint32_t page)
{
    wend_status status = wendi_chunk_load_page(check->chunk, page, &v->error);
    return status == WEND_OK ? WEND_OK : note(v, status, check->chunk->pages[page].offset);
}

static wend_status verify_chunk(verifier *v, uint32_t row_group, uint32_t column)
{
    chunk_check check = {.row_group = row_group, .column = column};
    wend_status status = wendi_chunk_open(v->segment, row_group, column, &check.chunk, &v->error);
    if (status != WEND_OK) {
        return status; /* The index was read before: only memory can be refused. */
    }
    if (check.chunk->entry->dictionary_bytes != 0) {
        WEND_TRY(verify_dictionary(v, &check));
    }
    if (check.chunk->entry->prediction_bytes != 0) {
        WEND_TRY(verify_prediction(v, &check));
    }
    bool alone = check.incomplete;
    for (uint32_t page = 0; page < wendi_pages_of(check.chunk->row_count); page++) {
        WEND_TRY(alone ? verify_page_alone(v, &check, page) : verify_page(v, &check, page));
    }
    if (!check.incomplete && check.null_count != check.chunk->entry->null_count) {
        status = fault_at(v, row_group, column, WENDI_PLACE_NONE, check.chunk->entry->offset,
                          "the column chunk's null count does not hold");
    }
cleanup:
    wendi_chunk_close(check.chunk);
    return status;
}

static bool users_hold(const wendi_row_group_info *info, const wendi_user_runs *runs, const uint64_t *hashes)
{
    uint32_t users = runs->run_count - runs->null_run;
    uint64_t nulls = runs->null_run ? info->row_count - runs->first_row[users] : 0;
    if (nulls != info->null_user_rows) {
        return false;
    }
    if (users == 0) {
        return info->user_hash_min > info->user_hash_max;
    }
    return info->user_hash_min == hashes[0] && info->user_hash_max == hashes[users - 1];
}

static bool times_hold(const wendi_segment *segment, uint32_t row_group, const wendi_row_group_info *info)
{
    uint32_t column = segment->footer.time_column;
    if (column == WENDI_NO_COLUMN) {
        return info->time_min > info->time_max;
    }
    const wendi_chunk_entry *chunk = wendi_segment_chunk(segment, row_group, column);
    if (!chunk->has_min_max) {
        return info->time_min > info->time_max;
    }
    return info->time_min == (int64_t)chunk->min && info->time_max == (int64_t)chunk->max;
}

static wend_status verify_order(verifier *v, uint32_t row_group)
{
    const wendi_user_runs *runs;
    const uint64_t *hashes;
    const wendi_row_group_info *info = wendi_segment_row_group(v->segment, row_group);
    uint64_t offset = v->segment->footer.summary.footer_offset;
    wend_status status = wendi_segment_user_hashes(v->segment, row_group, &hashes, &v->error);
    if (status == WEND_OK) {
        status = wendi_segment_user_runs(v->segment, row_group, &runs, &v->error);
    }
    if (status != WEND_OK) {
        return note(v, status, offset);
    }
    if (!users_hold(info, runs, hashes) || !times_hold(v->segment, row_group, info)) {
        return fault_at(v, row_group, WENDI_PLACE_NONE, WENDI_PLACE_NONE, offset,
                        "the row group's users or times are not what the footer says");
    }
    return WEND_OK;
}

static wend_status verify_row_group(verifier *v, uint32_t row_group)
{
    const wendi_page_entry *pages;
    wend_status status = wendi_segment_pages(v->segment, row_group, &pages, &v->error);
    uint64_t faults = v->verified->faults;
    if (status != WEND_OK) {
        return note(v, status, v->segment->footer.row_groups[row_group].index_offset);
    }
    for (uint32_t c = 0; c < v->segment->footer.column_count; c++) {
        WEND_TRY(verify_chunk(v, row_group, c));
    }
    if (v->verified->faults == faults) { /* else it would only be said twice */
        status = verify_order(v, row_group);
    }
cleanup:
    return status;
}

wend_status wendi_segment_verify(const wendi_segment_source *source, const wendi_segment_expected *expected,
                                 wendi_segment_fault_report report, void *context, wendi_segment_verified *verified,
                                 wend_error *error)
{
    wend_status status = WEND_OK;
    verifier v = {.source = source, .report = report, .context = context, .verified = verified};
    *verified = (wendi_segment_verified){.bytes = source->length};
    status = wendi_segment_open(source, expected, &v.segment, &v.error);
    if (status != WEND_OK) {
        WEND_TRY(note(&v, status, expected != NULL ? expected->footer_offset : 0));
        goto cleanup;
    }
    WEND_TRY(verify_header(&v));
    WEND_TRY(verify_places(&v));
    for (uint32_t g = 0; g < v.segment->footer.row_group_count; g++) {
        WEND_TRY(verify_row_group(&v, g));
    }
cleanup:
    wendi_segment_close(v.segment);
    if (status != WEND_OK) {
        return wendi_fail_nomem(error, "verifying a segment", 0);
    }
    return verified->faults == 0 ? WEND_OK
                                 : wendi_fail(error, WEND_CORRUPT, "%llu faults found",
                                              (unsigned long long)verified->faults);
}
