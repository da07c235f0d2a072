/*
 * Gathering. The wanted order is turned round once a row group: for each row that is read of a
 * source, the place it goes to. Columns are then read forward and their values dealt to places;
 * rows that lie between wanted ones go to one place behind the last, which nobody reads.
 */
#include "engine/table/merge_columns.h"

#include <string.h>

#include "engine/base/alloc.h"
#include "engine/table/merge_dictionary.h"

enum { PIECE_ROWS = 2048 };

/* The memory of one output column. */
typedef struct output_column {
    wendi_type type;
    wendi_physical physical;
    void *values;          /* integers, doubles, sixteen bytes, codes */
    wendi_string *strings; /* made when a row group's texts have no dictionary */
    uint8_t *nulls;
    wendi_merge_dictionary *dictionary; /* text, but for the users */
} output_column;

struct wendi_merge_columns {
    wendi_merge_columns_options options;
    uint32_t column_count; /* the commits included */
    output_column *outputs;
    wendi_vector *vectors;
    wendi_dictionary *users; /* of the row group */
    wendi_arena texts;       /* of the row group */
    /* Sources of the row group, in order, with the rows read of each. */
    uint32_t *active;
    uint32_t active_count;
    uint32_t *begin; /* per source */
    uint32_t *end;   /* per source; 0: not active */
    size_t *base;    /* per source: where its rows begin in `places` */
    uint32_t *places;
    size_t place_capacity;
    uint32_t row_count;
};

/* A piece of one source's column, and where its rows go. */
typedef struct gather_piece {
    const wendi_vector *vector;
    uint32_t skip; /* rows of the vector before the first wanted */
    uint32_t count;
    const uint32_t *places;
} gather_piece;

static size_t value_bytes(wendi_type type)
{
    switch (wendi_type_physical(type)) {
    case WENDI_PHYSICAL_B16:
        return sizeof(wendi_b16);
    case WENDI_PHYSICAL_STRING:
        return sizeof(uint32_t);
    default:
        return sizeof(int64_t);
    }
}

size_t wendi_merge_columns_row_bytes(const wendi_schema *schema)
{
    /* Order: source, row, user; place, of rows read in part, too; the writer's scratch. */
    size_t bytes = 3 * sizeof(uint32_t) + 4 * sizeof(uint32_t) + 64;
    for (uint32_t i = 0; i < schema->column_count; i++) {
        bytes += value_bytes(schema->columns[i].type) + 1;
    }
    return bytes;
}

/* ---- opening ---- */

static wend_status open_output(wendi_merge_columns *columns, uint32_t index, wend_error *error)
{
    const wendi_schema *schema = columns->options.schema;
    output_column *output = &columns->outputs[index];
    size_t rows = (size_t)columns->options.row_capacity + 1; /* and the place nobody reads */
    bool commits = index == schema->column_count;
    output->type = commits ? wendi_type_of(WENDI_TYPE_BIGINT) : schema->columns[index].type;
    output->physical = (uint8_t)wendi_type_physical(output->type);
    if (output->physical == WENDI_PHYSICAL_STRING && index == schema->user_column) {
        return WEND_OK; /* the order has the codes already */
    }
    output->values = wendi_alloc_aligned(64, rows * value_bytes(output->type) + 64);
    output->nulls = wendi_alloc_aligned(64, rows + 64);
    if (output->values == NULL || output->nulls == NULL) {
        return wendi_fail_nomem(error, "the columns of a merge", rows * value_bytes(output->type));
    }
    return output->physical == WENDI_PHYSICAL_STRING
               ? wendi_merge_dictionary_open(columns->options.source_count, &output->dictionary,
                                             error)
               : WEND_OK;
}

wend_status wendi_merge_columns_open(const wendi_merge_columns_options *options,
                                     wendi_merge_columns **columns_out, wend_error *error)
{
    wend_status status = WEND_OK;
    uint32_t sources = options->source_count;
    wendi_merge_columns *columns = wendi_alloc_zero(1, sizeof *columns);
    *columns_out = NULL;
    if (columns == NULL) {
        return wendi_fail_nomem(error, "the columns of a merge", sizeof *columns);
    }
    columns->options = *options;
    columns->column_count = options->schema->column_count + (options->with_commits ? 1 : 0);
    columns->outputs = wendi_alloc_zero(columns->column_count, sizeof *columns->outputs);
    columns->vectors = wendi_alloc_zero(columns->column_count, sizeof *columns->vectors);
    columns->active = wendi_alloc_zero(sources, sizeof *columns->active);
    columns->begin = wendi_alloc_zero(sources, sizeof *columns->begin);
    columns->end = wendi_alloc_zero(sources, sizeof *columns->end);
    columns->base = wendi_alloc_zero(sources, sizeof *columns->base);
    if (columns->outputs == NULL || columns->vectors == NULL || columns->active == NULL ||
        columns->begin == NULL || columns->end == NULL || columns->base == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "the columns of a merge", sources * sizeof(size_t)));
    }
    for (uint32_t i = 0; i < columns->column_count; i++) {
        WEND_TRY(open_output(columns, i, error));
    }
    *columns_out = columns;
    columns = NULL;
cleanup:
    wendi_merge_columns_close(columns);
    return status;
}

void wendi_merge_columns_close(wendi_merge_columns *columns)
{
    if (columns == NULL) {
        return;
    }
    for (uint32_t i = 0; columns->outputs != NULL && i < columns->column_count; i++) {
        wendi_merge_dictionary_close(columns->outputs[i].dictionary);
        wendi_free(columns->outputs[i].values);
        wendi_free(columns->outputs[i].strings);
        wendi_free(columns->outputs[i].nulls);
    }
    wendi_dictionary_release(columns->users);
    wendi_arena_free(&columns->texts);
    wendi_free(columns->outputs);
    wendi_free(columns->vectors);
    wendi_free(columns->active);
    wendi_free(columns->begin);
    wendi_free(columns->end);
    wendi_free(columns->base);
    wendi_free(columns->places);
    wendi_free(columns);
}

void wendi_merge_columns_source_closed(void *context, uint32_t source)
{
    wendi_merge_columns *columns = context;
    for (uint32_t i = 0; i < columns->column_count; i++) {
        if (columns->outputs[i].dictionary != NULL) {
            wendi_merge_dictionary_forget(columns->outputs[i].dictionary, source);
        }
    }
}

/* ---- places ---- */

/* Which rows of which sources are read, and where each row goes. */
static wend_status make_places(wendi_merge_columns *columns, const wendi_merge_rows *rows,
                               uint32_t first, uint32_t count, wend_error *error)
{
    size_t total = 0;
    columns->active_count = 0;
    columns->row_count = count;
    memset(columns->end, 0, columns->options.source_count * sizeof *columns->end);
    for (uint32_t i = first; i < first + count; i++) {
        uint32_t source = rows->sources[i];
        if (columns->end[source] == 0) {
            columns->begin[source] = rows->rows[i];
        }
        columns->end[source] = rows->rows[i] + 1; /* rows of a source rise */
    }
    for (uint32_t source = 0; source < columns->options.source_count; source++) {
        if (columns->end[source] != 0) {
            columns->active[columns->active_count++] = source;
            columns->base[source] = total;
            total += columns->end[source] - columns->begin[source];
        }
    }
    if (total > columns->place_capacity) {
        wendi_free(columns->places);
        columns->place_capacity = 0;
        columns->places = wendi_alloc(total * sizeof *columns->places);
        if (columns->places == NULL) {
            return wendi_fail_nomem(error, "the order of rows", total * sizeof *columns->places);
        }
        columns->place_capacity = total;
    }
    if (total > count) {
        for (size_t i = 0; i < total; i++) {
            columns->places[i] = count;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t source = rows->sources[first + i];
        columns->places[columns->base[source] + (rows->rows[first + i] - columns->begin[source])] =
            i;
    }
    return WEND_OK;
}

/* The next piece of a source's rows from `row` on: how many rows to read from where. */
static uint32_t piece_of(const wendi_merge_columns *columns, uint32_t source, uint32_t row,
                         uint32_t *first)
{
    uint32_t end = columns->end[source];
    *first = row / WENDI_VECTOR_ROWS * WENDI_VECTOR_ROWS;
    uint32_t page_end = (*first / WENDI_PAGE_ROWS + 1) * WENDI_PAGE_ROWS;
    uint32_t limit = *first + PIECE_ROWS < page_end ? *first + PIECE_ROWS : page_end;
    return (limit < end ? limit : end) - *first;
}

/* ---- values ---- */

#define DEAL(type, field)                                                                          \
    do {                                                                                           \
        type *to = output->values;                                                                 \
        const type *from = piece->vector->field + (constant ? 0 : piece->skip);                    \
        const type one = *from;                                                                    \
        for (uint32_t i = 0; constant && i < count; i++) {                                         \
            to[places[i]] = one;                                                                   \
        }                                                                                          \
        for (uint32_t i = 0; !constant && i < count; i++) {                                        \
            to[places[i]] = from[i];                                                               \
        }                                                                                          \
    } while (0)

static void deal_fixed(output_column *output, const gather_piece *piece)
{
    bool constant = piece->vector->form == WENDI_FORM_CONSTANT;
    const uint32_t *places = piece->places;
    const uint32_t count = piece->count;
    if (output->physical == WENDI_PHYSICAL_B16) {
        DEAL(wendi_b16, b16);
    } else {
        DEAL(int64_t, i64); /* doubles too: the same eight bytes */
    }
}

/* Marks null rows; true when there are any. */
static bool deal_nulls(output_column *output, const gather_piece *piece)
{
    const uint8_t *nulls = piece->vector->nulls;
    uint8_t any = 0;
    if (nulls == NULL) {
        return false;
    }
    bool constant = piece->vector->form == WENDI_FORM_CONSTANT;
    const uint32_t *places = piece->places;
    const uint32_t count = piece->count;
    uint8_t *to = output->nulls;
    nulls += constant ? 0 : piece->skip;
    for (uint32_t i = 0; i < count; i++) {
        uint8_t null = nulls[constant ? 0 : i];
        to[places[i]] = null;
        any |= null;
    }
    return any != 0;
}

/* Texts that come without a dictionary of the source: defaults, one value a page, generated ones.
 */
static wend_status deal_texts(output_column *output, const gather_piece *piece, wend_error *error)
{
    const wendi_vector *vector = piece->vector;
    uint32_t *to = output->values;
    uint32_t code = 0;
    for (uint32_t i = 0; i < piece->count; i++) {
        if (i == 0 || vector->form != WENDI_FORM_CONSTANT) {
            uint32_t row = piece->skip + i;
            wendi_string text = wendi_vector_string(vector, row);
            wend_status status = wendi_merge_dictionary_code(
                output->dictionary, wendi_vector_is_null(vector, row) ? NULL : &text, &code, error);
            if (status != WEND_OK) {
                return status;
            }
        }
        to[piece->places[i]] = code;
    }
    return WEND_OK;
}

static wend_status deal_strings(wendi_merge_columns *columns, output_column *output,
                                const gather_piece *piece, wend_error *error)
{
    const wendi_vector *vector = piece->vector;
    bool lasting = vector->form == WENDI_FORM_DICTIONARY;
    for (uint32_t i = 0; i < piece->count; i++) {
        uint32_t row = piece->skip + i;
        bool null = wendi_vector_is_null(vector, row);
        wendi_string text = null ? (wendi_string){"", 0} : wendi_vector_string(vector, row);
        if (!lasting && text.length > 0) {
            const char *copy = piece->places[i] == columns->row_count
                                   ? ""
                                   : wendi_arena_copy(&columns->texts, text.data, text.length);
            if (copy == NULL) {
                return wendi_fail_nomem(error, "texts of a merge", text.length);
            }
            text.data = copy;
            text.length = piece->places[i] == columns->row_count ? 0 : text.length;
        }
        output->strings[piece->places[i]] = text;
        output->nulls[piece->places[i]] = null;
    }
    return WEND_OK;
}

/* ---- columns ---- */

/* One column being gathered, and what dealing its pieces found. */
typedef struct gathering {
    wendi_merge_columns *columns;
    output_column *output;
    uint32_t position;
    bool any_null;
} gathering;

/* Deals a piece of a source; WEND_END: no more is wanted. */
typedef wend_status (*deal_piece)(gathering *gather, uint32_t source, const gather_piece *piece,
                                  wend_error *error);

/* Read the column of every source of the row group forward, piece by piece. */
static wend_status deal_pieces(gathering *gather, deal_piece deal, wend_error *error)
{
    wendi_merge_columns *columns = gather->columns;
    for (uint32_t a = 0; a < columns->active_count; a++) {
        uint32_t number = columns->active[a];
        wendi_merge_source *source = &columns->options.sources[number];
        for (uint32_t row = columns->begin[number]; row < columns->end[number];) {
            wendi_vector vector;
            uint32_t first;
            uint32_t count = piece_of(columns, number, row, &first);
            wend_status status = wendi_segment_columns_read(&source->columns, gather->position,
                                                            first, count, &vector, error);
            gather_piece piece = {&vector, row - first, first + count - row,
                                  columns->places + columns->base[number] +
                                      (row - columns->begin[number])};
            status = status == WEND_OK ? deal(gather, number, &piece, error) : status;
            if (status != WEND_OK) {
                return status;
            }
            row = first + count;
        }
        if (!columns->options.keep_open) {
            wendi_segment_columns_drop(&source->columns, gather->position);
        }
    }
    return WEND_OK;
}

static wend_status deal_fixed_piece(gathering *gather, uint32_t source, const gather_piece *piece,
                                    wend_error *error)
{
    (void)source;
    (void)error;
    deal_fixed(gather->output, piece);
    gather->any_null |= deal_nulls(gather->output, piece);
    return WEND_OK;
}

static wend_status gather_fixed(wendi_merge_columns *columns, uint32_t position, wend_error *error)
{
    output_column *output = &columns->outputs[position];
    gathering gather = {columns, output, position, false};
    memset(output->nulls, 0, columns->row_count + 1u);
    wend_status status = deal_pieces(&gather, deal_fixed_piece, error);
    columns->vectors[position] = (wendi_vector){.type = output->type,
                                                .form = WENDI_FORM_FLAT,
                                                .row_count = columns->row_count,
                                                .nulls = gather.any_null ? output->nulls : NULL,
                                                .data = output->values};
    return status;
}

static wend_status deal_coded_piece(gathering *gather, uint32_t source, const gather_piece *piece,
                                    wend_error *error)
{
    output_column *output = gather->output;
    const wendi_vector *vector = piece->vector;
    wendi_merge_source *from = &gather->columns->options.sources[source];
    return vector->form == WENDI_FORM_DICTIONARY &&
                   wendi_segment_columns_has(&from->columns, gather->position)
               ? wendi_merge_dictionary_map(output->dictionary, source, vector->dictionary,
                                            vector->codes + piece->skip, piece->count,
                                            piece->places, output->values, error)
               : deal_texts(output, piece, error);
}

static wend_status gather_coded(wendi_merge_columns *columns, uint32_t position, wend_error *error)
{
    output_column *output = &columns->outputs[position];
    gathering gather = {columns, output, position, false};
    wend_status status = WEND_OK;
    WEND_TRY(deal_pieces(&gather, deal_coded_piece, error));
    columns->vectors[position] = (wendi_vector){.type = output->type,
                                                .form = WENDI_FORM_DICTIONARY,
                                                .row_count = columns->row_count,
                                                .codes = output->values};
    WEND_TRY(wendi_merge_dictionary_finish(output->dictionary, output->values, columns->row_count,
                                           &columns->vectors[position].dictionary, error));
cleanup:
    return status;
}

static wend_status deal_string_piece(gathering *gather, uint32_t source, const gather_piece *piece,
                                     wend_error *error)
{
    wendi_merge_columns *columns = gather->columns;
    (void)source;
    wend_status status = deal_strings(columns, gather->output, piece, error);
    bool too_wide = columns->texts.used_bytes > columns->options.text_bytes_max &&
                    columns->row_count > 1;
    return status == WEND_OK && too_wide ? WEND_END : status;
}

static wend_status gather_strings(wendi_merge_columns *columns, uint32_t position, bool *too_wide,
                                  wend_error *error)
{
    output_column *output = &columns->outputs[position];
    gathering gather = {columns, output, position, false};
    if (output->strings == NULL) {
        size_t bytes = ((size_t)columns->options.row_capacity + 1) * sizeof *output->strings + 64;
        output->strings = wendi_alloc_aligned(64, bytes);
        if (output->strings == NULL) {
            return wendi_fail_nomem(error, "the columns of a merge", bytes);
        }
    }
    wend_status status = deal_pieces(&gather, deal_string_piece, error);
    if (status == WEND_END) {
        *too_wide = true;
        return WEND_OK;
    }
    columns->vectors[position] = (wendi_vector){.type = output->type,
                                                .form = WENDI_FORM_FLAT,
                                                .row_count = columns->row_count,
                                                .nulls = output->nulls,
                                                .strings = output->strings};
    return status;
}

/* Whether all sources of the row group have a dictionary for the text column, or lack the column.
 */
static wend_status all_coded(wendi_merge_columns *columns, uint32_t position, bool *coded,
                             wend_error *error)
{
    *coded = true;
    for (uint32_t a = 0; a < columns->active_count && *coded; a++) {
        wendi_merge_source *source = &columns->options.sources[columns->active[a]];
        wendi_chunk *chunk;
        if (!wendi_segment_columns_has(&source->columns, position)) {
            continue;
        }
        wend_status status = wendi_segment_columns_chunk(&source->columns, position, &chunk, error);
        if (status != WEND_OK) {
            return status;
        }
        *coded = wendi_chunk_has_dictionary(chunk);
    }
    return WEND_OK;
}

/* The users are numbered in the order of the rows: the dictionary that the format wants. */
static wend_status make_users(wendi_merge_columns *columns, const wendi_merge_rows *rows,
                              uint32_t first, uint32_t position, wend_error *error)
{
    uint32_t entries = rows->user_count + 1;
    size_t offset_bytes = ((size_t)entries + 1) * sizeof(uint32_t);
    uint32_t *offsets = wendi_alloc(offset_bytes);
    char *bytes = wendi_alloc(rows->user_bytes.length + 64);
    wendi_dictionary_release(columns->users);
    columns->users = NULL;
    if (offsets == NULL || bytes == NULL || rows->user_bytes.length > UINT32_MAX) {
        wendi_free(offsets);
        wendi_free(bytes);
        return wendi_fail_nomem(error, "the user dictionary", rows->user_bytes.length);
    }
    memcpy(offsets, rows->user_offsets.data, offset_bytes);
    if (rows->user_bytes.length != 0) {
        memcpy(bytes, rows->user_bytes.data, rows->user_bytes.length);
    }
    memset(bytes + rows->user_bytes.length, 0, 64);
    columns->users = wendi_dictionary_new(entries, offsets, bytes, false);
    if (columns->users == NULL) {
        return wendi_fail_nomem(error, "the user dictionary", rows->user_bytes.length);
    }
    columns->vectors[position] = (wendi_vector){.type = columns->outputs[position].type,
                                                .form = WENDI_FORM_DICTIONARY,
                                                .row_count = columns->row_count,
                                                .codes = rows->users + first,
                                                .dictionary = columns->users};
    return WEND_OK;
}

/* ---- commits ---- */

static void deal_commits(const wendi_merge_columns *columns, output_column *output,
                         const gather_piece *piece)
{
    int64_t *to = output->values;
    for (uint32_t i = 0; i < piece->count; i++) {
        uint32_t row = piece->skip + i;
        bool null = wendi_vector_is_null(piece->vector, row);
        int64_t commit = null ? 0 : piece->vector->i64[wendi_vector_index(piece->vector, row)];
        null |= (uint64_t)commit < columns->options.commit_floor;
        to[piece->places[i]] = null ? 0 : commit;
        output->nulls[piece->places[i]] = null;
    }
}

static wend_status gather_commits(wendi_merge_columns *columns, wend_error *error)
{
    static const uint8_t one_null = 1;
    uint32_t position = columns->options.schema->column_count;
    output_column *output = &columns->outputs[position];
    for (uint32_t a = 0; a < columns->active_count; a++) {
        uint32_t number = columns->active[a];
        wendi_merge_source *source = &columns->options.sources[number];
        const wendi_segment_entry *entry = source->entry;
        int64_t commit = (int64_t)entry->commit_first;
        for (uint32_t row = columns->begin[number]; row < columns->end[number];) {
            uint32_t first;
            uint32_t count = piece_of(columns, number, row, &first);
            wendi_vector vector = {.type = output->type,
                                   .form = WENDI_FORM_CONSTANT,
                                   .row_count = count,
                                   .i64 = &commit};
            vector.nulls = entry->commit_first != entry->commit_last ? &one_null : NULL;
            if (source->commits != NULL) {
                wend_status status =
                    wendi_chunk_read(source->commits, first, count, &vector, error);
                if (status != WEND_OK) {
                    return status;
                }
            }
            gather_piece piece = {&vector, row - first, first + count - row,
                                  columns->places + columns->base[number] +
                                      (row - columns->begin[number])};
            deal_commits(columns, output, &piece);
            row = first + count;
        }
    }
    columns->vectors[position] = (wendi_vector){.type = output->type,
                                                .form = WENDI_FORM_FLAT,
                                                .row_count = columns->row_count,
                                                .nulls = output->nulls,
                                                .data = output->values};
    return WEND_OK;
}

static wend_status gather_column(wendi_merge_columns *columns, const wendi_merge_rows *rows,
                                 uint32_t first, uint32_t position, bool *too_wide,
                                 wend_error *error)
{
    bool coded = false;
    if (position == columns->options.schema->column_count) {
        return gather_commits(columns, error);
    }
    if (columns->outputs[position].physical != WENDI_PHYSICAL_STRING) {
        return gather_fixed(columns, position, error);
    }
    if (position == columns->options.schema->user_column) {
        return make_users(columns, rows, first, position, error);
    }
    wend_status status = all_coded(columns, position, &coded, error);
    if (status != WEND_OK) {
        return status;
    }
    return coded ? gather_coded(columns, position, error)
                 : gather_strings(columns, position, too_wide, error);
}

wend_status wendi_merge_columns_gather(wendi_merge_columns *columns, const wendi_merge_rows *rows,
                                       uint32_t first, uint32_t count, const wendi_vector **vectors,
                                       bool *too_wide, wend_error *error)
{
    wend_status status = WEND_OK;
    *too_wide = false;
    *vectors = columns->vectors;
    wendi_arena_reset(&columns->texts);
    WEND_TRY(make_places(columns, rows, first, count, error));
    for (uint32_t position = 0; position < columns->column_count && !*too_wide; position++) {
        WEND_TRY(gather_column(columns, rows, first, position, too_wide, error));
    }
cleanup:
    return status;
}
