/*
 * Reading keys back. Segments stand in commit order, so walking them backwards and gathering those
 * of one commit gives the window's generations from the newest on.
 */
#include "engine/table/window_rebuild.h"

#include <string.h>

#include "engine/base/alloc.h"
#include "engine/column/value.h"
#include "engine/table/row_key.h"
#include "format/segment_reader.h"

typedef struct key_reader {
    const wendi_schema *schema;
    wendi_segment *segment;
    wendi_chunk **chunks;  /* per schema position; NULL where no rule needs it or the segment has no
                              such column */
    wendi_vector *vectors; /* per schema position */
    wendi_value *defaults; /* per schema position: what a segment without the column reads as */
    wendi_hash128 *keys;   /* of one batch */
    uint32_t rules;
} key_reader;

static void close_chunks(key_reader *reader)
{
    for (uint32_t i = 0; i < reader->schema->column_count; i++) {
        wendi_chunk_close(reader->chunks[i]);
        reader->chunks[i] = NULL;
    }
}

static wend_status open_chunks(key_reader *reader, uint32_t row_group, wend_error *error)
{
    for (uint32_t i = 0; i < reader->schema->column_count; i++) {
        uint32_t column = wendi_segment_find_column(reader->segment, reader->schema->columns[i].id);
        if (column == WENDI_NO_COLUMN || !wendi_row_key_uses(reader->schema, i)) {
            continue;
        }
        wend_status status =
            wendi_chunk_open(reader->segment, row_group, column, &reader->chunks[i], error);
        if (status != WEND_OK) {
            return status;
        }
    }
    return WEND_OK;
}

/* A column that the segment lacks has its default there, or null. The vector borrows `value`. */
static wendi_vector absent_column(const wendi_value *value, uint32_t row_count)
{
    static const uint8_t one_null = 1;
    wendi_vector vector = {.type = value->type,
                           .form = WENDI_FORM_CONSTANT,
                           .row_count = row_count,
                           .data = &value->i64};
    switch (wendi_type_physical(value->type)) {
    case WENDI_PHYSICAL_STRING:
        vector.data = &value->string;
        break;
    case WENDI_PHYSICAL_B16:
        vector.data = &value->b16;
        break;
    case WENDI_PHYSICAL_F64:
        vector.data = &value->f64;
        break;
    default:
        break;
    }
    vector.nulls = value->null ? &one_null : NULL;
    return vector;
}

static wend_status read_defaults(const wendi_schema *schema, wendi_value *defaults,
                                 wend_error *error)
{
    for (uint32_t i = 0; i < schema->column_count; i++) {
        const wendi_column *column = &schema->columns[i];
        const char *reason = "";
        if (column->has_default &&
            wendi_value_parse(column->type, column->default_value, wendi_timezone_utc(),
                              &defaults[i], &reason) != WEND_OK) {
            return wendi_fail(error, WEND_CORRUPT, "the default of column %.*s cannot be read: %s",
                              (int)column->name.length, column->name.data, reason);
        }
        defaults[i].type = column->type;
        defaults[i].null = !column->has_default;
    }
    return WEND_OK;
}

static wend_status read_batch(key_reader *reader, uint32_t first, uint32_t count,
                              wendi_buffer *keys, wend_error *error)
{
    for (uint32_t i = 0; i < reader->schema->column_count; i++) {
        if (reader->chunks[i] == NULL) {
            reader->vectors[i] = absent_column(&reader->defaults[i], count);
            continue;
        }
        wend_status status =
            wendi_chunk_read(reader->chunks[i], first, count, &reader->vectors[i], error);
        if (status != WEND_OK) {
            return status;
        }
    }
    wend_status status =
        wendi_row_keys(reader->schema, reader->vectors, count, reader->keys, error);
    for (uint64_t i = 0; status == WEND_OK && i < (uint64_t)count * reader->rules; i++) {
        if ((reader->keys[i].low | reader->keys[i].high) != 0) {
            status = wendi_buffer_append(keys, &reader->keys[i], sizeof reader->keys[i]);
        }
    }
    return status;
}

static wend_status read_segment_keys(key_reader *reader, wendi_buffer *keys, wend_error *error)
{
    wend_status status = WEND_OK;
    for (uint32_t group = 0; group < wendi_segment_row_group_count(reader->segment); group++) {
        uint32_t rows = wendi_segment_row_group(reader->segment, group)->row_count;
        WEND_TRY(open_chunks(reader, group, error));
        for (uint32_t first = 0; first < rows; first += WENDI_BATCH_ROWS) {
            uint32_t count = rows - first < WENDI_BATCH_ROWS ? rows - first : WENDI_BATCH_ROWS;
            WEND_TRY(read_batch(reader, first, count, keys, error));
        }
        close_chunks(reader);
    }
cleanup:
    close_chunks(reader);
    return status;
}

/* All keys of the commit whose last segment is `last`; `*first` is where its segments begin. */
static wend_status read_commit_keys(key_reader *reader, wendi_snapshot *snapshot, uint32_t last,
                                    uint32_t *first, wendi_buffer *keys, wend_error *error)
{
    const wendi_table_state *state = wendi_snapshot_state(snapshot);
    uint32_t index = last + 1;
    while (index > 0 &&
           state->segments[index - 1].commit_last == state->segments[last].commit_last) {
        index--;
        wend_status status = wendi_snapshot_segment(snapshot, index, &reader->segment, error);
        if (status == WEND_OK) {
            status = read_segment_keys(reader, keys, error);
        }
        if (status != WEND_OK) {
            return status;
        }
    }
    *first = index;
    return WEND_OK;
}

wend_status wendi_window_rebuild(wendi_snapshot *snapshot, wendi_unique_window *window,
                                 wend_error *error)
{
    const wendi_table_state *state = wendi_snapshot_state(snapshot);
    const wendi_schema *schema = wendi_snapshot_schema(snapshot);
    uint32_t rules = wendi_row_key_rules(schema);
    wendi_buffer keys = {0};
    bool full = false;
    wend_status status = WEND_OK;
    key_reader reader = {
        .schema = schema,
        .chunks = wendi_alloc_zero(schema->column_count, sizeof(wendi_chunk *)),
        .vectors = wendi_alloc_zero(schema->column_count, sizeof(wendi_vector)),
        .defaults = wendi_alloc_zero(schema->column_count, sizeof(wendi_value)),
        .keys = wendi_alloc((size_t)WENDI_BATCH_ROWS * (rules + 1) * sizeof(wendi_hash128)),
        .rules = rules};
    if (reader.chunks == NULL || reader.vectors == NULL || reader.defaults == NULL ||
        reader.keys == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "reading keys",
                                  (size_t)WENDI_BATCH_ROWS * rules * sizeof(wendi_hash128)));
    }
    WEND_TRY(read_defaults(schema, reader.defaults, error));
    for (uint32_t end = state->segment_count; end > 0 && !full;) {
        uint64_t version = state->segments[end - 1].commit_last;
        keys.length = 0;
        WEND_TRY(read_commit_keys(&reader, snapshot, end - 1, &end, &keys, error));
        WEND_TRY(wendi_unique_window_prepend(window, version,
                                             (const wendi_hash128 *)(const void *)keys.data,
                                             keys.length / sizeof(wendi_hash128), &full, error));
    }
cleanup:
    wendi_buffer_free(&keys);
    wendi_free(reader.chunks);
    wendi_free(reader.vectors);
    wendi_free(reader.defaults);
    wendi_free(reader.keys);
    return status;
}
