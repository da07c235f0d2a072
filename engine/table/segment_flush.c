/*
 * Flushing: put the builder's columns into row order and hand them to the segment writer. Strings
 * get ordered dictionaries here; the user column's follows the order of users instead of bytes.
 *
 * What is as large as the batch lies in the scratch, which the next flush uses again. A column is gathered once,
 * in one walk through the builder's rows; what else is to be known of it is read from what was gathered.
 */
#include "engine/table/segment_flush.h"

#include <string.h>

#include "engine/base/alloc.h"
#include "engine/table/flush_gather.h"
#include "engine/table/row_order.h"
#include "engine/table/segment_output.h"
#include "format/kernel/kernels.h"

enum {
    ROWS_AN_ENTRY = 8,
    UNSORTED_ENTRIES_MIN = 1024, /* smaller dictionaries are sorted at once */
    /* Arrays of the scratch: what all columns take turns with, then two for each of them. */
    ARRAY_DROP = 0,
    ARRAY_REMAP,
    ARRAY_USED,
    ARRAYS_SHARED
};

typedef struct flush { /* what one flush holds; all of it goes at the end */
    const wendi_row_builder *builder;
    wendi_flush_scratch *scratch;
    wendi_row_order *order; /* the scratch's */
    wendi_vector *vectors;
    wendi_dictionary **dictionaries; /* that were made here */
    wendi_dictionary *views;         /* of interners, where these serve as they are */
} flush;

/* The builder's column that column `position` of the segment comes from. */
static uint32_t source_of(const flush *work, uint32_t position)
{
    const wendi_schema *schema = work->builder->schema;
    bool behind = schema->event_id_policy == WENDI_EVENT_ID_DROP && position >= schema->id_column;
    return position + behind;
}

static const wendi_column_builder *column_of(const flush *work, uint32_t position)
{
    return &work->builder->columns[source_of(work, position)];
}

/* Arrays are as long as the builder's, so that the next batch finds them long enough whatever it has. */
static void *array_of_values(const flush *work, uint32_t position, size_t each)
{
    return wendi_flush_scratch_array(work->scratch, ARRAYS_SHARED + 2 * position,
                                     work->builder->row_capacity * each);
}

static uint8_t *array_of_nulls(const flush *work, uint32_t position)
{
    return wendi_flush_scratch_array(work->scratch, ARRAYS_SHARED + 2 * position + 1,
                                     work->builder->row_capacity);
}

static wend_status refused(size_t bytes, wend_error *error)
{
    return wendi_fail_nomem(error, "sorting a column", bytes);
}

/* ---- values ---- */

static bool any_null(const flush *work, const wendi_column_builder *column)
{
    wendi_row_strip whole;
    uint32_t count;
    const wendi_row_strip *strips = wendi_row_builder_strips(work->builder, &whole, &count);
    for (uint32_t i = 0; i < count; i++) {
        if (memchr(column->nulls + strips[i].first, 1, strips[i].count) != NULL) {
            return true;
        }
    }
    return false;
}

static wend_status gather_fixed(flush *work, uint32_t position, wend_error *error)
{
    const wendi_column_builder *column = column_of(work, position);
    const uint32_t *rows = work->order->rows;
    uint32_t row_count = work->order->row_count;
    size_t each = column->physical == WENDI_PHYSICAL_B16 ? sizeof(wendi_b16) : sizeof(int64_t);
    void *values = array_of_values(work, position, each);
    if (values == NULL) {
        return refused(row_count * each, error);
    }
    if (column->physical == WENDI_PHYSICAL_B16) {
        WENDI_GATHER((wendi_b16 *)values, column->b16, rows, row_count);
    } else {
        WENDI_GATHER((int64_t *)values, column->i64, rows, row_count); /* doubles too: the same eight bytes */
    }
    uint8_t *nulls = NULL;
    if (any_null(work, column)) {
        nulls = array_of_nulls(work, position);
        if (nulls == NULL) {
            return refused(row_count, error);
        }
        WENDI_GATHER(nulls, column->nulls, rows, row_count);
    }
    work->vectors[position] = (wendi_vector){.type = column->type,
                                             .form = WENDI_FORM_FLAT,
                                             .row_count = row_count,
                                             .nulls = nulls,
                                             .data = values};
    return WEND_OK;
}

/* A column of which only hashes are stored. */
static wend_status gather_hashes(flush *work, uint32_t position, wend_error *error)
{
    const wendi_column_builder *column = column_of(work, position);
    uint32_t row_count = work->order->row_count;
    int64_t *hashes = array_of_values(work, position, sizeof *hashes);
    uint8_t *nulls = array_of_nulls(work, position);
    bool any = false;
    if (hashes == NULL || nulls == NULL) {
        return refused(row_count * sizeof *hashes, error);
    }
    for (uint32_t i = 0; i < row_count; i++) {
        uint32_t row = work->order->rows[i];
        bool null = wendi_column_builder_is_null(column, row);
        wendi_value value = wendi_column_builder_value(column, row);
        hashes[i] = null ? 0 : (int64_t)wendi_value_hash(&value);
        nulls[i] = null;
        any |= null;
    }
    work->vectors[position] = (wendi_vector){.type = wendi_type_of(WENDI_TYPE_BIGINT),
                                             .form = WENDI_FORM_FLAT,
                                             .row_count = row_count,
                                             .nulls = any ? nulls : NULL,
                                             .data = hashes};
    return WEND_OK;
}

/* ---- strings ---- */

/* The user dictionary: entries in the order of user ranks, which is (hash, bytes). */
static wend_status user_dictionary(const flush *work, const wendi_column_builder *column,
                                   wendi_dictionary **dictionary_out, wend_error *error)
{
    const wendi_row_order *order = work->order;
    size_t bytes = 0;
    for (uint32_t rank = 1; rank <= order->user_count; rank++) {
        bytes += wendi_interner_at(&column->interner, order->user_codes[rank]).length;
    }
    uint32_t *offsets = wendi_alloc(((size_t)order->user_count + 2) * sizeof *offsets);
    char *text = wendi_alloc(bytes + 64);
    if (offsets == NULL || text == NULL) {
        wendi_free(offsets);
        wendi_free(text);
        return wendi_fail_nomem(error, "the user dictionary", bytes);
    }
    uint32_t at = 0;
    offsets[0] = 0;
    for (uint32_t rank = 1; rank <= order->user_count; rank++) {
        wendi_string user = wendi_interner_at(&column->interner, order->user_codes[rank]);
        offsets[rank] = at;
        memcpy(text + at, user.data, user.length);
        at += user.length;
    }
    offsets[order->user_count + 1] = at;
    memset(text + at, 0, 64);
    *dictionary_out = wendi_dictionary_new(order->user_count + 1, offsets, text, false);
    return *dictionary_out == NULL ? wendi_fail_nomem(error, "the user dictionary", bytes)
                                   : WEND_OK;
}

/*
 * Hardly a text comes back once another has begun, as with sessions: their dictionary is stored in the order of
 * its entries' first rows, and sorting it here would be in vain.
 */
static bool mostly_new(const uint32_t *codes, uint32_t row_count, uint32_t entries)
{
    const uint32_t runs_max = entries + entries / 8;
    size_t runs = 1;
    for (uint32_t first = 0; first < row_count && runs <= runs_max; first += WENDI_VECTOR_ROWS) {
        const uint32_t left = row_count - first;
        runs += wendi_kernels_get()->changes_u32(codes + first, left <= WENDI_VECTOR_ROWS ? left : WENDI_VECTOR_ROWS + 1);
    }
    return runs <= runs_max;
}

/* The interner's entries as they are: read here, and by the segment's writer, before the builder is reset. */
static void view_interner(const wendi_interner *interner, wendi_dictionary *view)
{
    union {
        const uint8_t *kept;
        char *borrowed;
    } bytes = {.kept = interner->bytes.data};
    atomic_init(&view->references, 1);
    view->entry_count = interner->entry_count;
    view->ordered = false;
    view->offsets = interner->offsets;
    view->bytes = bytes.borrowed;
}

static void recode(uint32_t *codes, uint32_t row_count, const uint32_t *remap)
{
    for (uint32_t i = 0; i < row_count; i++) {
        codes[i] = remap[codes[i]];
    }
}

/*
 * The entries that rows use: repeats and rejects left strings behind that no row has. NULL where entries are few beside
 * the rows, so that there is little to gain from knowing.
 */
static wend_status mark_used(const flush *work, uint32_t entries, const uint32_t *codes, uint8_t **used_out)
{
    const uint32_t row_count = work->order->row_count;
    *used_out = NULL;
    if (entries < row_count / ROWS_AN_ENTRY) {
        return WEND_OK;
    }
    uint8_t *used = wendi_flush_scratch_array(work->scratch, ARRAY_USED, entries);
    if (used == NULL) {
        return WEND_NOMEM;
    }
    memset(used, 0, entries);
    for (uint32_t i = 0; i < row_count; i++) {
        used[codes[i]] = 1;
    }
    *used_out = used;
    return WEND_OK;
}

/* A dictionary that rises bytewise; `codes` become its codes. Who writes it leaves out what no row uses. */
static wend_status ordered_dictionary(const flush *work, const wendi_column_builder *column,
                                      uint32_t *codes, wendi_dictionary **dictionary_out,
                                      wend_error *error)
{
    uint32_t entries = column->interner.entry_count > 0 ? column->interner.entry_count : 1;
    uint8_t *used = NULL;
    uint32_t *remap =
        wendi_flush_scratch_array(work->scratch, ARRAY_REMAP, entries * sizeof *remap);
    if (remap == NULL || mark_used(work, entries, codes, &used) != WEND_OK) {
        return wendi_fail_nomem(error, "a dictionary", entries * sizeof *remap);
    }
    wend_status status =
        wendi_interner_ordered(&column->interner, used, remap, dictionary_out, error);
    if (status == WEND_OK) {
        recode(codes, work->order->row_count, remap);
    }
    return status;
}

static bool is_text(const wendi_schema *stored, uint32_t position)
{
    wendi_type type = stored->columns[position].type;
    return type.hash_of == 0 && wendi_type_physical(type) == WENDI_PHYSICAL_STRING;
}

/* The builder's codes of all text, in row order. */
static wend_status gather_codes(flush *work, const wendi_schema *stored, wend_error *error)
{
    uint32_t count = 0;
    size_t bytes = stored->column_count * sizeof(wendi_code_lane);
    wendi_code_lane *lanes = wendi_alloc(bytes);
    bool full = lanes == NULL;
    for (uint32_t position = 0; position < stored->column_count && !full; position++) {
        if (is_text(stored, position)) {
            const wendi_column_builder *column = column_of(work, position);
            lanes[count] = (wendi_code_lane){.codes = column->codes,
                                             .code_count = column->interner.entry_count,
                                             .ordered = array_of_values(work, position, sizeof(uint32_t))};
            full = lanes[count++].ordered == NULL;
        }
    }
    if (!full) {
        /* Times have done their work in sorting: their memory, a word for each of the builder's slots, serves here. */
        wendi_gather_codes(work->builder, work->order, lanes, count, (uint64_t *)work->order->scratch.times);
    }
    wendi_free(lanes);
    return full ? wendi_fail_nomem(error, "sorting columns", work->builder->row_capacity * sizeof(uint32_t)) : WEND_OK;
}

static wend_status order_strings(flush *work, uint32_t position, wend_error *error)
{
    const wendi_column_builder *column = column_of(work, position);
    uint32_t row_count = work->order->row_count;
    uint32_t entries = column->interner.entry_count;
    bool user = source_of(work, position) == work->builder->schema->user_column;
    wendi_dictionary *dictionary = NULL;
    wend_status status = WEND_OK;
    uint32_t *values = array_of_values(work, position, sizeof *values);
    if (values == NULL) {
        return refused(row_count * sizeof *values, error);
    }
    if (user) {
        WEND_TRY(user_dictionary(work, column, &work->dictionaries[position], error));
        recode(values, row_count, work->order->user_rank);
    } else if (entries >= UNSORTED_ENTRIES_MIN && mostly_new(values, row_count, entries)) {
        dictionary = &work->views[position];
        view_interner(&column->interner, dictionary);
    } else {
        WEND_TRY(
            ordered_dictionary(work, column, values, &work->dictionaries[position], error));
    }
    work->vectors[position] = (wendi_vector){
        .type = column->type,
        .form = WENDI_FORM_DICTIONARY,
        .row_count = row_count,
        .codes = values,
        .dictionary = dictionary != NULL ? dictionary : work->dictionaries[position]};
cleanup:
    return status;
}

/* ---- one flush ---- */

/* Let the filter say which places are not to be stored, and take them out. */
static wend_status filter_rows(flush *work, const wendi_flush_filter *filter, wend_error *error)
{
    uint32_t dropped = 0;
    wend_status status = WEND_OK;
    if (filter == NULL) {
        return WEND_OK;
    }
    uint8_t *drop = wendi_flush_scratch_array(work->scratch, ARRAY_DROP, work->builder->row_capacity);
    if (drop == NULL) {
        return wendi_fail_nomem(error, "sorting rows", work->order->row_count);
    }
    memset(drop, 0, work->order->row_count);
    status = filter->drop(filter->context, work->builder, work->order, drop, &dropped, error);
    if (status == WEND_OK && dropped != 0) {
        wendi_row_order_drop(work->builder, work->order, drop);
    }
    return status;
}

static wend_status flush_open(flush *work, wendi_flush_shelf *shelf,
                              const wendi_flush_filter *filter, wend_error *error)
{
    const wendi_row_builder *builder = work->builder;
    uint32_t columns = builder->column_count;
    wend_status status = WEND_OK;
    work->scratch = wendi_flush_shelf_take(shelf, ARRAYS_SHARED + 2 * columns);
    work->vectors = wendi_alloc_zero(columns, sizeof(wendi_vector));
    work->dictionaries = wendi_alloc_zero(columns, sizeof(wendi_dictionary *));
    work->views = wendi_alloc_zero(columns, sizeof(wendi_dictionary));
    if (work->scratch == NULL || work->vectors == NULL || work->dictionaries == NULL ||
        work->views == NULL) {
        return wendi_fail_nomem(error, "sorting rows", columns * sizeof(wendi_vector));
    }
    work->order = &work->scratch->order;
    WEND_TRY(wendi_row_order_make(builder, work->order, error));
    WEND_TRY(filter_rows(work, filter, error));
    if (work->order->row_count == 0) {
        goto cleanup;
    }
    const wendi_schema *stored = wendi_schema_reading(builder->schema);
    WEND_TRY(gather_codes(work, stored, error));
    for (uint32_t position = 0; position < stored->column_count; position++) {
        WEND_TRY(stored->columns[position].type.hash_of != 0 ? gather_hashes(work, position, error)
                 : is_text(stored, position)                 ? order_strings(work, position, error)
                                                             : gather_fixed(work, position, error));
    }
cleanup:
    return status;
}

static void flush_close(flush *work, wendi_flush_shelf *shelf)
{
    for (uint32_t i = 0; work->dictionaries != NULL && i < work->builder->column_count; i++) {
        wendi_dictionary_release(work->dictionaries[i]);
    }
    wendi_free(work->dictionaries);
    wendi_free(work->views);
    wendi_free(work->vectors);
    wendi_flush_shelf_put(shelf, work->scratch);
}

static wend_status write_segment(const flush *work, wendi_io *io, const char *folder,
                                 wendi_prediction_memory *predictions, int zstd_level,
                                 wendi_segment_entry *entry, wend_error *error)
{
    const wendi_schema *schema = wendi_schema_reading(work->builder->schema);
    wendi_segment_output output = {.io = NULL};
    wendi_segment_column *columns = wendi_alloc_zero(schema->column_count, sizeof *columns);
    wend_status status = WEND_OK;
    if (columns == NULL) {
        WEND_TRY(
            wendi_fail_nomem(error, "a segment's columns", schema->column_count * sizeof *columns));
    }
    for (uint32_t i = 0; i < schema->column_count; i++) {
        columns[i] = (wendi_segment_column){.id = schema->columns[i].id,
                                            .type = schema->columns[i].type,
                                            .name = schema->columns[i].name};
    }
    wendi_segment_writer_options options = {.columns = columns,
                                            .column_count = schema->column_count,
                                            .user_column = schema->user_column,
                                            .time_column = schema->time_column,
                                            .zstd_level = zstd_level,
                                            .predictions = predictions};
    WEND_TRY(wendi_segment_output_open(io, folder, &options, &output, error));
    WEND_TRY(wendi_segment_writer_row_group(output.writer, work->vectors,
                                            work->order->row_count, error));
    WEND_TRY(wendi_segment_output_finish(&output, entry, error));
cleanup:
    wendi_segment_output_close(&output);
    wendi_free(columns);
    return status;
}

wend_status wendi_segment_flush(wendi_io *io, const char *folder, const wendi_row_builder *builder,
                                const wendi_flush_filter *filter, wendi_flush_shelf *shelf,
                                int zstd_level, wendi_segment_entry *entry, wend_error *error)
{
    flush work = {.builder = builder};
    wend_status status = flush_open(&work, shelf, filter, error);
    entry->row_count = 0;
    if (status == WEND_OK && work.order->row_count != 0) {
        status = write_segment(&work, io, folder, shelf->predictions, zstd_level, entry, error);
    }
    flush_close(&work, shelf);
    return status;
}
