/*
 * The writer of segments: order of the parts, bookkeeping for the footer, and the sink.
 *
 * Bytes gather in one buffer that goes to the sink when a column chunk is done and it holds more than 1 MiB, so memory
 * is bounded by a chunk. Every part begins at a multiple of 64.
 */
#include "format/segment_writer.h"

#include "engine/base/alloc.h"
#include "engine/base/hash.h"
#include "engine/column/value.h"
#include "format/chunk_writer.h"

enum { SINK_BYTES = 1 << 20 };

struct wendi_segment_writer {
    wendi_segment_sink sink;
    wendi_arena arena; /* footer content */
    wendi_footer footer;
    wendi_chunk_writer chunks;
    wendi_buffer out;
    wendi_prediction_memory *predictions;
    uint32_t apart_count; /* of the last columns */
    wendi_page_entry *pages; /* of the row group under way, column by column */
    uint32_t page_capacity;
    uint32_t row_group_capacity;
};

static wendi_string copy_string(wendi_arena *arena, wendi_string text)
{
    return (wendi_string){wendi_arena_copy(arena, text.data, text.length), text.length};
}

static wend_status copy_options(wendi_segment_writer *writer, const wendi_segment_writer_options *options)
{
    wendi_footer *footer = &writer->footer;
    writer->predictions = options->predictions;
    writer->apart_count = options->apart_count;
    memcpy(footer->uuid, options->uuid, 16);
    footer->features = WENDI_FEATURES_KNOWN;
    footer->column_count = options->column_count;
    footer->origin_count = options->origin_count;
    footer->user_column = options->user_column;
    footer->time_column = options->time_column;
    footer->columns = wendi_arena_alloc(&writer->arena, options->column_count * sizeof *footer->columns);
    footer->origins = wendi_arena_alloc(&writer->arena, options->origin_count * sizeof *footer->origins);
    if (footer->columns == NULL || footer->origins == NULL) {
        return WEND_NOMEM;
    }
    for (uint32_t c = 0; c < options->column_count; c++) {
        footer->columns[c] = options->columns[c];
        footer->columns[c].name = copy_string(&writer->arena, options->columns[c].name);
        if (footer->columns[c].name.data == NULL) {
            return WEND_NOMEM;
        }
    }
    for (uint32_t i = 0; i < options->origin_count; i++) {
        footer->origins[i] = options->origins[i];
        footer->origins[i].source = copy_string(&writer->arena, options->origins[i].source);
        if (footer->origins[i].source.data == NULL) {
            return WEND_NOMEM;
        }
    }
    footer->summary = (wendi_segment_summary){.time_min = INT64_MAX, .time_max = INT64_MIN,
                                              .user_hash_min = UINT64_MAX, .user_hash_max = 0};
    return WEND_OK;
}

wend_status wendi_segment_writer_open(const wendi_segment_sink *sink, const wendi_segment_writer_options *options,
                                      wendi_segment_writer **writer_out, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_segment_writer *writer = wendi_alloc_zero(1, sizeof *writer);
    *writer_out = NULL;
    if (writer == NULL) {
        return wendi_fail_nomem(error, "a segment writer", sizeof *writer);
    }
    writer->sink = *sink;
    wendi_arena_init(&writer->arena, 4096);
    WEND_TRY(copy_options(writer, options));
    WEND_TRY(wendi_chunk_writer_init(&writer->chunks, options->uuid, options->zstd_level == 0 ? 1 : options->zstd_level));
    writer->chunks.encoder.out = &writer->out;
    WEND_TRY(wendi_header_encode(options->uuid, writer->footer.features, &writer->out));
    *writer_out = writer;
    writer = NULL;
cleanup:
    wendi_segment_writer_close(writer);
    return status == WEND_NOMEM ? wendi_fail_nomem(error, "a segment writer", 0) : status;
}

void wendi_segment_writer_close(wendi_segment_writer *writer)
{
    if (writer == NULL) {
        return;
    }
    wendi_chunk_writer_free(&writer->chunks);
    wendi_buffer_free(&writer->out);
    wendi_free(writer->pages);
    wendi_free(writer->footer.row_groups);
    wendi_free(writer->footer.chunks);
    wendi_arena_free(&writer->arena);
    wendi_free(writer);
}

static wend_status flush(wendi_segment_writer *writer, wend_error *error)
{
    size_t length = writer->out.length;
    if (length == 0) {
        return WEND_OK;
    }
    wend_status status = writer->sink.write(writer->sink.context, writer->out.data, length, error);
    writer->chunks.out_offset += length;
    writer->out.length = 0;
    return status;
}

static wend_status reserve_row_group(wendi_segment_writer *writer, uint32_t row_count)
{
    wendi_footer *footer = &writer->footer;
    uint32_t pages = wendi_pages_of(row_count) * footer->column_count;
    if (pages > writer->page_capacity) {
        wendi_page_entry *larger = wendi_realloc(writer->pages, pages * sizeof *larger);
        if (larger == NULL) {
            return WEND_NOMEM;
        }
        writer->pages = larger;
        writer->page_capacity = pages;
    }
    if (footer->row_group_count == writer->row_group_capacity) {
        uint32_t capacity = writer->row_group_capacity == 0 ? 4 : writer->row_group_capacity * 2;
        wendi_row_group_entry *groups = wendi_realloc(footer->row_groups, capacity * sizeof *groups);
        footer->row_groups = groups != NULL ? groups : footer->row_groups;
        wendi_chunk_entry *chunks =
            wendi_realloc(footer->chunks, (size_t)capacity * footer->column_count * sizeof *chunks);
        footer->chunks = chunks != NULL ? chunks : footer->chunks;
        if (groups == NULL || chunks == NULL) {
            return WEND_NOMEM;
        }
        writer->row_group_capacity = capacity;
    }
    return WEND_OK;
}

static uint64_t user_hash(const wendi_vector *users, uint32_t row)
{
    wendi_value value = {.type = users->type};
    uint32_t at = wendi_vector_index(users, row);
    switch (wendi_type_physical(users->type)) {
    case WENDI_PHYSICAL_I64:
        value.i64 = users->i64[at];
        break;
    case WENDI_PHYSICAL_F64:
        value.f64 = users->f64[at];
        break;
    case WENDI_PHYSICAL_B16:
        value.b16 = users->b16[at];
        break;
    case WENDI_PHYSICAL_STRING:
        value.string = wendi_vector_string(users, row);
        break;
    }
    return wendi_value_hash(&value);
}

/* Users are sorted and nulls are last, so the first and the last tell all. */
static void describe_users(const wendi_vector *users, wendi_row_group_info *info, uint32_t null_count)
{
    info->null_user_rows = null_count;
    info->user_hash_min = UINT64_MAX;
    info->user_hash_max = 0;
    if (null_count < info->row_count) {
        info->user_hash_min = user_hash(users, 0);
        info->user_hash_max = user_hash(users, info->row_count - null_count - 1);
    }
}

static void describe_row_group(const wendi_footer *footer, const wendi_vector *columns,
                               const wendi_chunk_entry *chunks, wendi_row_group_info *info)
{
    info->time_min = INT64_MAX;
    info->time_max = INT64_MIN;
    if (footer->time_column != WENDI_NO_COLUMN && chunks[footer->time_column].has_min_max) {
        info->time_min = (int64_t)chunks[footer->time_column].min;
        info->time_max = (int64_t)chunks[footer->time_column].max;
    }
    info->user_hash_min = UINT64_MAX;
    info->null_user_rows = info->row_count;
    if (footer->user_column != WENDI_NO_COLUMN) {
        describe_users(&columns[footer->user_column], info, chunks[footer->user_column].null_count);
    }
}

static void add_to_summary(const wendi_row_group_info *info, wendi_segment_summary *summary)
{
    summary->row_count += info->row_count;
    summary->null_user_rows += info->null_user_rows;
    summary->time_min = info->time_min < summary->time_min ? info->time_min : summary->time_min;
    summary->time_max = info->time_max > summary->time_max ? info->time_max : summary->time_max;
    summary->user_hash_min =
        info->user_hash_min < summary->user_hash_min ? info->user_hash_min : summary->user_hash_min;
    summary->user_hash_max =
        info->user_hash_max > summary->user_hash_max ? info->user_hash_max : summary->user_hash_max;
}

static wend_status write_index(wendi_segment_writer *writer, uint32_t row_group, uint32_t page_count,
                               wendi_row_group_entry *entry)
{
    wend_status status = WEND_OK;
    size_t begin = writer->out.length;
    entry->index_offset = writer->chunks.out_offset + begin;
    for (uint32_t i = 0; i < page_count; i++) {
        WEND_TRY(wendi_page_entry_encode(&writer->pages[i], &writer->out));
    }
    WEND_TRY(wendi_buffer_append_zero(&writer->out, (64 - writer->out.length % 64) % 64));
    entry->index_bytes = (uint32_t)(writer->out.length - begin);
    entry->index_checksum = wendi_hash64_seed(writer->out.data + begin, entry->index_bytes,
                                              wendi_index_seed(writer->footer.uuid, row_group));
cleanup:
    return status;
}

/** The columns of the row group under way; what predictions work on beside what chunks are made from. */
typedef struct row_group_inputs {
    wendi_chunk_input *chunks;
    wendi_prediction_column *numbers;
} row_group_inputs;

static void close_inputs(row_group_inputs *inputs, uint32_t column_count)
{
    for (uint32_t c = 0; inputs->chunks != NULL && c < column_count; c++) {
        wendi_coded_strings_free(&inputs->chunks[c].strings);
    }
    for (uint32_t c = 0; inputs->numbers != NULL && c < column_count; c++) {
        wendi_free(inputs->numbers[c].own_codes);
    }
    wendi_free(inputs->chunks);
    wendi_free(inputs->numbers);
}

/* All text gets its codes before anything is written, since columns are predicted from each other's codes. */
static wend_status open_inputs(const wendi_segment_writer *writer, const wendi_vector *columns, uint32_t row_count,
                               row_group_inputs *inputs, wend_error *error)
{
    const wendi_footer *footer = &writer->footer;
    wend_status status = WEND_OK;
    inputs->chunks = wendi_alloc_zero(footer->column_count, sizeof *inputs->chunks);
    inputs->numbers = wendi_alloc_zero(footer->column_count, sizeof *inputs->numbers);
    if (inputs->chunks == NULL || inputs->numbers == NULL) {
        return WEND_NOMEM;
    }
    for (uint32_t c = 0; c < footer->column_count; c++) {
        wendi_chunk_input *input = &inputs->chunks[c];
        WEND_REQUIRE(columns[c].row_count == row_count);
        *input = (wendi_chunk_input){.column = &footer->columns[c], .vector = &columns[c],
                                     .keep_order = c == footer->user_column,
                                     .apart = c + writer->apart_count >= footer->column_count};
        if (wendi_type_physical(columns[c].type) == WENDI_PHYSICAL_STRING) {
            WEND_TRY(wendi_chunk_code_strings(&columns[c], input->keep_order, &input->strings, error));
        }
    }
    WEND_TRY(wendi_chunk_choose_predictions(inputs->chunks, footer->column_count, row_count,
                                            writer->chunks.encoder.zstd_level, writer->predictions, inputs->numbers));
cleanup:
    return status;
}

wend_status wendi_segment_writer_row_group(wendi_segment_writer *writer, const wendi_vector *columns, uint32_t row_count,
                                           wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_footer *footer = &writer->footer;
    uint32_t row_group = footer->row_group_count;
    uint32_t pages = wendi_pages_of(row_count);
    row_group_inputs inputs = {.chunks = NULL};
    WEND_REQUIRE(row_count >= 1 && row_count <= WENDI_ROW_GROUP_ROWS_MAX);
    WEND_TRY(reserve_row_group(writer, row_count));
    wendi_chunk_entry *chunks = footer->chunks + (size_t)row_group * footer->column_count;
    wendi_row_group_entry *entry = &footer->row_groups[row_group];
    *entry = (wendi_row_group_entry){.info = {.first_row = footer->summary.row_count, .row_count = row_count}};
    WEND_TRY(open_inputs(writer, columns, row_count, &inputs, error));
    for (uint32_t c = 0; c < footer->column_count; c++) {
        WEND_TRY(wendi_chunk_writer_write(&writer->chunks, inputs.chunks, c, inputs.numbers, row_group, &writer->arena,
                                          &chunks[c], writer->pages + (size_t)c * pages, error));
        if (writer->out.length >= SINK_BYTES) {
            WEND_TRY(flush(writer, error));
        }
    }
    WEND_TRY(write_index(writer, row_group, pages * footer->column_count, entry));
    describe_row_group(footer, columns, chunks, &entry->info);
    add_to_summary(&entry->info, &footer->summary);
    footer->row_group_count++;
cleanup:
    close_inputs(&inputs, footer->column_count);
    return status == WEND_NOMEM ? wendi_fail_nomem(error, "writing a row group", row_count) : status;
}

wend_status wendi_segment_writer_finish(wendi_segment_writer *writer, wendi_segment_summary *summary, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_trailer trailer = {.footer_offset = writer->chunks.out_offset + writer->out.length};
    size_t begin = writer->out.length;
    WEND_TRY(wendi_footer_encode(&writer->footer, &writer->out));
    if (writer->out.length - begin > UINT32_MAX) {
        status = wendi_fail(error, WEND_INVALID, "too many row groups and columns for one segment");
        goto cleanup;
    }
    memcpy(trailer.uuid, writer->footer.uuid, 16);
    trailer.footer_bytes = (uint32_t)(writer->out.length - begin);
    trailer.footer_checksum =
        wendi_hash64_seed(writer->out.data + begin, trailer.footer_bytes, wendi_footer_seed(trailer.uuid));
    uint64_t end = trailer.footer_offset + trailer.footer_bytes + WENDI_TRAILER_BYTES;
    trailer.file_bytes = (end + WENDI_FILE_ALIGNMENT - 1) / WENDI_FILE_ALIGNMENT * WENDI_FILE_ALIGNMENT;
    WEND_TRY(wendi_buffer_append_zero(&writer->out, trailer.file_bytes - end));
    WEND_TRY(wendi_trailer_encode(&trailer, &writer->out));
    WEND_TRY(flush(writer, error));
    *summary = writer->footer.summary;
    summary->file_bytes = trailer.file_bytes;
    summary->footer_offset = trailer.footer_offset;
    summary->footer_checksum = trailer.footer_checksum;
cleanup:
    return status == WEND_NOMEM ? wendi_fail_nomem(error, "writing a footer", 0) : status;
}
