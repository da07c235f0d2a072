/*
 * Flushing: put the builder's columns into row order and hand them to the segment writer. Strings
 * get ordered dictionaries here; the user column's follows the order of users instead of bytes.
 */
#include "engine/table/segment_flush.h"

#include <string.h>

#include "engine/base/alloc.h"
#include "engine/table/row_order.h"
#include "engine/table/segment_output.h"

enum { UNSORTED_ENTRIES_MIN = 1024 }; /* smaller dictionaries are sorted at once */

typedef struct flush { /* what one flush holds; all of it goes at the end */
    const wendi_row_builder *builder;
    wendi_row_order order;
    wendi_vector *vectors;
    void **memory; /* per column: values; then nulls */
    wendi_dictionary **dictionaries;
} flush;

static bool any_null(const wendi_column_builder *column, uint32_t row_count)
{
    return row_count != 0 && memchr(column->nulls, 1, row_count) != NULL;
}

#define GATHER(type, from)                                                                         \
    do {                                                                                           \
        type *to = values;                                                                         \
        for (uint32_t i = 0; i < row_count; i++) {                                                 \
            to[i] = (from)[rows[i]];                                                               \
        }                                                                                          \
    } while (0)

/* The builder's column that column `position` of the segment comes from. */
static uint32_t source_of(const flush *work, uint32_t position)
{
    const wendi_schema *schema = work->builder->schema;
    bool behind = schema->event_id_policy == WENDI_EVENT_ID_DROP && position >= schema->id_column;
    return position + behind;
}

static wend_status gather_fixed(flush *work, uint32_t position, wend_error *error)
{
    const wendi_column_builder *column = &work->builder->columns[source_of(work, position)];
    const uint32_t *rows = work->order.rows;
    uint32_t row_count = work->order.row_count;
    size_t each = column->physical == WENDI_PHYSICAL_B16 ? sizeof(wendi_b16) : sizeof(int64_t);
    void *values = wendi_alloc_aligned(64, row_count * each + 64);
    work->memory[position] = values;
    if (values == NULL) {
        return wendi_fail_nomem(error, "sorting a column", row_count * each);
    }
    if (column->physical == WENDI_PHYSICAL_B16) {
        GATHER(wendi_b16, column->b16);
    } else {
        GATHER(int64_t, column->i64); /* doubles too: the same eight bytes */
    }
    uint8_t *nulls = NULL;
    if (any_null(column, work->builder->row_count)) {
        nulls = wendi_alloc_aligned(64, row_count + 64u);
        work->memory[work->builder->column_count + position] = nulls;
        if (nulls == NULL) {
            return wendi_fail_nomem(error, "sorting a column", row_count);
        }
        for (uint32_t i = 0; i < row_count; i++) {
            nulls[i] = column->nulls[rows[i]];
        }
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
    const wendi_column_builder *column = &work->builder->columns[source_of(work, position)];
    uint32_t row_count = work->order.row_count;
    int64_t *hashes = wendi_alloc_aligned(64, row_count * sizeof *hashes + 64);
    uint8_t *nulls = wendi_alloc_aligned(64, row_count + 64u);
    bool any = false;
    work->memory[position] = hashes;
    work->memory[work->builder->column_count + position] = nulls;
    if (hashes == NULL || nulls == NULL) {
        return wendi_fail_nomem(error, "sorting a column", row_count * sizeof *hashes);
    }
    for (uint32_t i = 0; i < row_count; i++) {
        uint32_t row = work->order.rows[i];
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

/* The user dictionary: entries in the order of user ranks, which is (hash, bytes). */
static wend_status user_dictionary(const flush *work, const wendi_column_builder *column,
                                   wendi_dictionary **dictionary_out, wend_error *error)
{
    const wendi_row_order *order = &work->order;
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
static bool mostly_new(const flush *work, const wendi_column_builder *column)
{
    const uint32_t *rows = work->order.rows;
    uint32_t entries = column->interner.entry_count;
    uint32_t runs = 0;
    uint32_t before = 0;
    for (uint32_t i = 0; i < work->order.row_count; i++) {
        uint32_t code = column->codes[rows[i]];
        runs += code != before;
        before = code;
    }
    return runs <= entries + entries / 8;
}

static wend_status ordered_dictionary(const flush *work, const wendi_column_builder *column,
                                      uint32_t *remap, wendi_dictionary **dictionary_out,
                                      wend_error *error)
{
    uint32_t entries = column->interner.entry_count > 0 ? column->interner.entry_count : 1;
    uint8_t *used = wendi_alloc_zero(entries, 1);
    if (used == NULL) {
        return wendi_fail_nomem(error, "a dictionary", entries);
    }
    for (uint32_t i = 0; i < work->order.row_count; i++) {
        used[column->codes[work->order.rows[i]]] = 1;
    }
    wend_status status =
        wendi_interner_ordered(&column->interner, used, remap, dictionary_out, error);
    wendi_free(used);
    return status;
}

static wend_status other_dictionary(const flush *work, const wendi_column_builder *column,
                                    uint32_t *remap, wendi_dictionary **dictionary_out,
                                    wend_error *error)
{
    uint32_t entries = column->interner.entry_count;
    if (entries < UNSORTED_ENTRIES_MIN || !mostly_new(work, column)) {
        return ordered_dictionary(work, column, remap, dictionary_out, error);
    }
    for (uint32_t code = 0; code < entries; code++) {
        remap[code] = code;
    }
    return wendi_interner_dictionary(&column->interner, dictionary_out) == WEND_OK
               ? WEND_OK
               : wendi_fail_nomem(error, "a dictionary", column->interner.bytes.length);
}

static wend_status gather_strings(flush *work, uint32_t position, wend_error *error)
{
    const wendi_column_builder *column = &work->builder->columns[source_of(work, position)];
    const uint32_t *rows = work->order.rows;
    uint32_t row_count = work->order.row_count;
    uint32_t entries = column->interner.entry_count > 0 ? column->interner.entry_count : 1;
    bool user = source_of(work, position) == work->builder->schema->user_column;
    wend_status status = WEND_OK;
    uint32_t *remap = user ? work->order.user_rank : wendi_alloc_zero(entries, sizeof *remap);
    uint32_t *codes = wendi_alloc_aligned(64, row_count * sizeof *codes + 64);
    work->memory[position] = codes;
    if (remap == NULL || codes == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "sorting a column", row_count * sizeof *codes));
    }
    WEND_TRY(
        user ? user_dictionary(work, column, &work->dictionaries[position], error)
             : other_dictionary(work, column, remap, &work->dictionaries[position], error));
    for (uint32_t i = 0; i < row_count; i++) {
        codes[i] = remap[column->codes[rows[i]]];
    }
    work->vectors[position] = (wendi_vector){.type = column->type,
                                             .form = WENDI_FORM_DICTIONARY,
                                             .row_count = row_count,
                                             .codes = codes,
                                             .dictionary = work->dictionaries[position]};
cleanup:
    if (!user) {
        wendi_free(remap);
    }
    return status;
}

/* Leave out the rows that the filter does not let through. */
static wend_status filter_rows(flush *work, const wendi_flush_filter *filter, wend_error *error)
{
    uint32_t dropped = 0;
    wend_status status = WEND_OK;
    if (filter == NULL) {
        return WEND_OK;
    }
    uint8_t *drop = wendi_alloc_zero(work->order.row_count, 1);
    if (drop == NULL) {
        return wendi_fail_nomem(error, "sorting rows", work->order.row_count);
    }
    status = filter->drop(filter->context, work->builder, &work->order, drop, &dropped, error);
    if (status == WEND_OK && dropped != 0) {
        wendi_row_order_drop(work->builder, &work->order, drop);
    }
    wendi_free(drop);
    return status;
}

static wend_status flush_open(flush *work, const wendi_row_builder *builder,
                              const wendi_flush_filter *filter, wend_error *error)
{
    uint32_t columns = builder->column_count;
    *work = (flush){.builder = builder,
                    .vectors = wendi_alloc_zero(columns, sizeof(wendi_vector)),
                    .memory = wendi_alloc_zero(2 * (size_t)columns, sizeof(void *)),
                    .dictionaries = wendi_alloc_zero(columns, sizeof(wendi_dictionary *))};
    wend_status status = WEND_OK;
    if (work->vectors == NULL || work->memory == NULL || work->dictionaries == NULL) {
        return wendi_fail_nomem(error, "sorting rows", columns * sizeof(wendi_vector));
    }
    WEND_TRY(wendi_row_order_make(builder, &work->order, error));
    WEND_TRY(filter_rows(work, filter, error));
    if (work->order.row_count == 0) {
        goto cleanup;
    }
    const wendi_schema *stored = wendi_schema_reading(builder->schema);
    for (uint32_t position = 0; position < stored->column_count; position++) {
        bool text = wendi_type_physical(stored->columns[position].type) == WENDI_PHYSICAL_STRING;
        WEND_TRY(stored->columns[position].type.hash_of != 0 ? gather_hashes(work, position, error)
                 : text                                      ? gather_strings(work, position, error)
                                                             : gather_fixed(work, position, error));
    }
cleanup:
    return status;
}

static void flush_close(flush *work)
{
    uint32_t columns = work->builder->column_count;
    for (uint32_t i = 0; work->memory != NULL && i < 2 * columns; i++) {
        wendi_free(work->memory[i]);
    }
    for (uint32_t i = 0; work->dictionaries != NULL && i < columns; i++) {
        wendi_dictionary_release(work->dictionaries[i]);
    }
    wendi_free(work->memory);
    wendi_free(work->dictionaries);
    wendi_free(work->vectors);
    wendi_row_order_free(&work->order);
}

static wend_status write_segment(const flush *work, wendi_io *io, const char *folder,
                                 int zstd_level, wendi_segment_entry *entry, wend_error *error)
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
        columns[i] = (wendi_segment_column){schema->columns[i].id, schema->columns[i].type,
                                            schema->columns[i].name};
    }
    wendi_segment_writer_options options = {.columns = columns,
                                            .column_count = schema->column_count,
                                            .user_column = schema->user_column,
                                            .time_column = schema->time_column,
                                            .zstd_level = zstd_level};
    WEND_TRY(wendi_segment_output_open(io, folder, &options, &output, error));
    WEND_TRY(wendi_segment_writer_row_group(output.writer, work->vectors,
                                            work->order.row_count, error));
    WEND_TRY(wendi_segment_output_finish(&output, entry, error));
cleanup:
    wendi_segment_output_close(&output);
    wendi_free(columns);
    return status;
}

wend_status wendi_segment_flush(wendi_io *io, const char *folder, const wendi_row_builder *builder,
                                const wendi_flush_filter *filter, int zstd_level,
                                wendi_segment_entry *entry, wend_error *error)
{
    flush work = {.builder = builder};
    wend_status status = flush_open(&work, builder, filter, error);
    entry->row_count = 0;
    if (status == WEND_OK && work.order.row_count != 0) {
        status = write_segment(&work, io, folder, zstd_level, entry, error);
    }
    flush_close(&work);
    return status;
}
