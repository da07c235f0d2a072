/*
 * The metadata structures. Optional fields are written where some reader uses them: ConvertedType
 * for old ones, encoding_stats for those that filter on dictionaries, nan_count since 2.12 of the
 * format. What readers ignore by the specification's own advice (min, max) is left out.
 */
#include "tools/parquet_export/parquet_metadata.h"

#include <string.h>

#include "tools/parquet_export/parquet_thrift.h"

#ifndef WEND_VERSION
#error "WEND_VERSION names the writer in every file"
#endif

enum { PAGE_DATA = 0, PAGE_DICTIONARY = 2 };
enum { REPETITION_REQUIRED = 0, REPETITION_OPTIONAL = 1 };
enum { CODEC_UNCOMPRESSED = 0, CODEC_SNAPPY = 1, CODEC_ZSTD = 6 };
enum { BOUNDARY_UNORDERED = 0, BOUNDARY_ASCENDING = 1, BOUNDARY_DESCENDING = 2 };
enum { FORMAT_VERSION = 1 }; /* what the specification asks of all writers */

wend_status parquet_metadata_page_header(const parquet_page_head *head, parquet_bytes *out)
{
    parquet_thrift thrift;

    parquet_thrift_begin(&thrift, out);
    parquet_thrift_i32(&thrift, 1, head->is_dictionary ? PAGE_DICTIONARY : PAGE_DATA);
    parquet_thrift_i32(&thrift, 2, (int32_t)head->uncompressed_bytes);
    parquet_thrift_i32(&thrift, 3, (int32_t)head->stored_bytes);
    if (head->has_checksum) {
        parquet_thrift_i32(&thrift, 4, (int32_t)head->checksum);
    }
    if (head->is_dictionary) {
        parquet_thrift_struct(&thrift, 7);
        parquet_thrift_i32(&thrift, 1, (int32_t)head->value_count);
        parquet_thrift_i32(&thrift, 2, PARQUET_PLAIN);
    } else {
        parquet_thrift_struct(&thrift, 5);
        parquet_thrift_i32(&thrift, 1, (int32_t)head->value_count);
        parquet_thrift_i32(&thrift, 2, (int32_t)head->encoding);
        parquet_thrift_i32(&thrift, 3, PARQUET_RLE);
        parquet_thrift_i32(&thrift, 4, PARQUET_RLE);
    }
    parquet_thrift_struct_end(&thrift);
    parquet_thrift_struct_end(&thrift);
    return thrift.status;
}

/* Statistics ---------------------------------------------------------------------------------- */

static wend_status write_statistics(const parquet_bounds *bounds, int64_t null_count,
                                    const parquet_column *column, parquet_bytes *out)
{
    parquet_bytes largest = {0};
    parquet_bytes smallest = {0};
    bool is_largest_exact = false;
    bool is_smallest_exact = false;
    wend_status status = WEND_OK;
    parquet_thrift thrift;

    if (bounds->is_present) {
        PARQUET_TRY(parquet_bounds_write(bounds, true, column, &largest, &is_largest_exact));
        PARQUET_TRY(parquet_bounds_write(bounds, false, column, &smallest, &is_smallest_exact));
    }
    parquet_thrift_begin(&thrift, out);
    parquet_thrift_i64(&thrift, 3, null_count);
    if (bounds->is_present) {
        parquet_thrift_binary(&thrift, 5, largest.data, largest.length);
        parquet_thrift_binary(&thrift, 6, smallest.data, smallest.length);
        parquet_thrift_bool(&thrift, 7, is_largest_exact);
        parquet_thrift_bool(&thrift, 8, is_smallest_exact);
    }
    if (column->order == PARQUET_ORDER_FLOAT) {
        parquet_thrift_i64(&thrift, 9, bounds->nan_count);
    }
    parquet_thrift_struct_end(&thrift);
    status = thrift.status;
cleanup:
    parquet_bytes_free(&largest);
    parquet_bytes_free(&smallest);
    return status;
}

/* The page index ------------------------------------------------------------------------------ */

/* One page's line of the ColumnIndex; bounds are offsets into a shared run of bytes. */
typedef struct index_line {
    size_t smallest_at;
    size_t smallest_length;
    size_t largest_at;
    size_t largest_length;
    int64_t null_count;
    int64_t nan_count;
    bool is_null_page;
} index_line;

typedef struct index_draft {
    parquet_bytes lines; /* an array of index_line */
    parquet_bytes bounds;
    bool is_writable; /* false: a page of values without bounds; no index may be written then */
} index_draft;

static const index_line *line_at(const index_draft *draft, size_t at)
{
    return (const index_line *)(const void *)draft->lines.data + at;
}

static wend_status draft_page(index_draft *draft, const parquet_bounds *bounds,
                              const parquet_page *page, const parquet_column *column)
{
    index_line line = {.is_null_page = page->value_count == 0,
                       .null_count = (int64_t)(page->row_count - page->value_count),
                       .nan_count = bounds->nan_count};
    wend_status status = WEND_OK;
    bool is_exact = false;

    line.smallest_at = draft->bounds.length;
    if (bounds->is_present) {
        PARQUET_TRY(parquet_bounds_write(bounds, false, column, &draft->bounds, &is_exact));
    }
    line.largest_at = draft->bounds.length;
    line.smallest_length = line.largest_at - line.smallest_at;
    if (bounds->is_present) {
        PARQUET_TRY(parquet_bounds_write(bounds, true, column, &draft->bounds, &is_exact));
    }
    line.largest_length = draft->bounds.length - line.largest_at;
    if (!line.is_null_page && !bounds->is_present) {
        draft->is_writable = false;
    }
    PARQUET_TRY(parquet_bytes_append(&draft->lines, &line, sizeof(line)));
cleanup:
    return status;
}

/* How bounds as written go from page to page, null pages aside. */
static int boundary_order(const index_draft *draft, size_t page_count, const parquet_column *column)
{
    bool is_rising = true;
    bool is_falling = true;
    const index_line *before = NULL;

    for (size_t i = 0; i < page_count; i++) {
        const index_line *line = line_at(draft, i);

        if (line->is_null_page) {
            continue;
        }
        if (before != NULL) {
            const uint8_t *data = draft->bounds.data;
            parquet_entry low_a = {data + before->smallest_at, (uint32_t)before->smallest_length,
                                   0};
            parquet_entry low_b = {data + line->smallest_at, (uint32_t)line->smallest_length, 0};
            parquet_entry high_a = {data + before->largest_at, (uint32_t)before->largest_length, 0};
            parquet_entry high_b = {data + line->largest_at, (uint32_t)line->largest_length, 0};
            int low = parquet_bounds_compare(column, &low_a, &low_b);
            int high = parquet_bounds_compare(column, &high_a, &high_b);

            is_rising = is_rising && low <= 0 && high <= 0;
            is_falling = is_falling && low >= 0 && high >= 0;
        }
        before = line;
    }
    return is_rising ? BOUNDARY_ASCENDING : is_falling ? BOUNDARY_DESCENDING : BOUNDARY_UNORDERED;
}

static wend_status write_column_index(const index_draft *draft, size_t page_count,
                                      const parquet_column *column, parquet_bytes *out)
{
    parquet_thrift thrift;

    parquet_thrift_begin(&thrift, out);
    parquet_thrift_list(&thrift, 1, PARQUET_THRIFT_TRUE, page_count);
    for (size_t i = 0; i < page_count; i++) {
        parquet_thrift_item_bool(&thrift, line_at(draft, i)->is_null_page);
    }
    parquet_thrift_list(&thrift, 2, PARQUET_THRIFT_BINARY, page_count);
    for (size_t i = 0; i < page_count; i++) {
        const index_line *line = line_at(draft, i);

        parquet_thrift_item_binary(&thrift, draft->bounds.data + line->smallest_at,
                                   line->smallest_length);
    }
    parquet_thrift_list(&thrift, 3, PARQUET_THRIFT_BINARY, page_count);
    for (size_t i = 0; i < page_count; i++) {
        const index_line *line = line_at(draft, i);

        parquet_thrift_item_binary(&thrift, draft->bounds.data + line->largest_at,
                                   line->largest_length);
    }
    parquet_thrift_i32(&thrift, 4, boundary_order(draft, page_count, column));
    parquet_thrift_list(&thrift, 5, PARQUET_THRIFT_I64, page_count);
    for (size_t i = 0; i < page_count; i++) {
        parquet_thrift_item_integer(&thrift, line_at(draft, i)->null_count);
    }
    if (column->order == PARQUET_ORDER_FLOAT) {
        parquet_thrift_list(&thrift, 8, PARQUET_THRIFT_I64, page_count);
        for (size_t i = 0; i < page_count; i++) {
            parquet_thrift_item_integer(&thrift, line_at(draft, i)->nan_count);
        }
    }
    parquet_thrift_struct_end(&thrift);
    return thrift.status;
}

static wend_status write_offset_index(const parquet_encoded *encoded, int64_t chunk_offset,
                                      parquet_bytes *out)
{
    size_t page_count = parquet_encoded_page_count(encoded);
    parquet_thrift thrift;

    parquet_thrift_begin(&thrift, out);
    parquet_thrift_list(&thrift, 1, PARQUET_THRIFT_STRUCT, page_count);
    for (size_t i = 0; i < page_count; i++) {
        const parquet_page *page = parquet_encoded_page(encoded, i);

        parquet_thrift_item_struct(&thrift);
        parquet_thrift_i64(&thrift, 1, chunk_offset + (int64_t)page->offset);
        parquet_thrift_i32(&thrift, 2, (int32_t)page->byte_count);
        parquet_thrift_i64(&thrift, 3, (int64_t)page->first_row);
        parquet_thrift_struct_end(&thrift);
    }
    parquet_thrift_struct_end(&thrift);
    return thrift.status;
}

wend_status parquet_metadata_record(parquet_chunk_record *record, const parquet_encoded *encoded,
                                    const parquet_chunk *chunk, const parquet_pool *pool,
                                    const parquet_dictionary *dictionary)
{
    size_t page_count = parquet_encoded_page_count(encoded);
    index_draft draft = {.is_writable = chunk->column->order != PARQUET_ORDER_NONE};
    parquet_bounds whole = {0};
    wend_status status = WEND_OK;

    record->column = chunk->column;
    record->encoding = encoded->encoding;
    record->compression = encoded->compression;
    record->value_count = (int64_t)chunk->row_count;
    record->null_count = (int64_t)(chunk->row_count - chunk->value_count);
    record->data_page_count = page_count;
    record->uncompressed_bytes = encoded->uncompressed_bytes;
    record->stored_bytes = (int64_t)encoded->bytes.length;
    record->dictionary_page_bytes = (int64_t)encoded->dictionary_page_bytes;
    for (size_t i = 0; i < page_count; i++) {
        const parquet_page *page = parquet_encoded_page(encoded, i);
        parquet_bounds bounds;

        parquet_bounds_find(&bounds, chunk, pool, dictionary, page->first_value, page->value_count);
        parquet_bounds_widen(&whole, &bounds, chunk->column);
        PARQUET_TRY(draft_page(&draft, &bounds, page, chunk->column));
    }
    PARQUET_TRY(write_statistics(&whole, record->null_count, chunk->column, &record->statistics));
    if (draft.is_writable) {
        PARQUET_TRY(write_column_index(&draft, page_count, chunk->column, &record->column_index));
    }
    PARQUET_TRY(write_offset_index(encoded, record->offset, &record->offset_index));
cleanup:
    parquet_bytes_free(&draft.lines);
    parquet_bytes_free(&draft.bounds);
    return status;
}

void parquet_chunk_record_free(parquet_chunk_record *record)
{
    parquet_bytes_free(&record->statistics);
    parquet_bytes_free(&record->column_index);
    parquet_bytes_free(&record->offset_index);
}

/* Row groups ---------------------------------------------------------------------------------- */

static int32_t codec_number(parquet_compression compression)
{
    switch (compression) {
    case PARQUET_COMPRESSION_ZSTD:
        return CODEC_ZSTD;
    case PARQUET_COMPRESSION_SNAPPY:
        return CODEC_SNAPPY;
    case PARQUET_COMPRESSION_NONE:
        break;
    }
    return CODEC_UNCOMPRESSED;
}

static void put_page_count(parquet_thrift *thrift, int32_t page_type, int32_t encoding,
                           size_t count)
{
    parquet_thrift_item_struct(thrift);
    parquet_thrift_i32(thrift, 1, page_type);
    parquet_thrift_i32(thrift, 2, encoding);
    parquet_thrift_i32(thrift, 3, (int32_t)count);
    parquet_thrift_struct_end(thrift);
}

static void put_encodings(parquet_thrift *thrift, const parquet_chunk_record *record)
{
    bool has_dictionary = record->dictionary_page_bytes > 0;
    bool has_levels = record->column->is_nullable;

    parquet_thrift_list(thrift, 2, PARQUET_THRIFT_I32, 1u + has_dictionary + has_levels);
    parquet_thrift_item_integer(thrift, (int32_t)record->encoding);
    if (has_dictionary) {
        parquet_thrift_item_integer(thrift, PARQUET_PLAIN);
    }
    if (has_levels) {
        parquet_thrift_item_integer(thrift, PARQUET_RLE);
    }
}

static void put_column_metadata(parquet_thrift *thrift, const parquet_chunk_record *record)
{
    bool has_dictionary = record->dictionary_page_bytes > 0;

    parquet_thrift_struct(thrift, 3);
    parquet_thrift_i32(thrift, 1, (int32_t)record->column->physical);
    put_encodings(thrift, record);
    parquet_thrift_list(thrift, 3, PARQUET_THRIFT_BINARY, 1);
    parquet_thrift_item_binary(thrift, record->column->name, strlen(record->column->name));
    parquet_thrift_i32(thrift, 4, codec_number(record->compression));
    parquet_thrift_i64(thrift, 5, record->value_count);
    parquet_thrift_i64(thrift, 6, record->uncompressed_bytes);
    parquet_thrift_i64(thrift, 7, record->stored_bytes);
    parquet_thrift_i64(thrift, 9, record->offset + record->dictionary_page_bytes);
    if (has_dictionary) {
        parquet_thrift_i64(thrift, 11, record->offset);
    }
    parquet_thrift_ready_struct(thrift, 12, record->statistics.data, record->statistics.length);
    parquet_thrift_list(thrift, 13, PARQUET_THRIFT_STRUCT, 1u + has_dictionary);
    if (has_dictionary) {
        put_page_count(thrift, PAGE_DICTIONARY, PARQUET_PLAIN, 1);
    }
    put_page_count(thrift, PAGE_DATA, (int32_t)record->encoding, record->data_page_count);
    parquet_thrift_struct_end(thrift);
}

wend_status parquet_metadata_row_group(const parquet_chunk_record *records, size_t record_count,
                                       int64_t row_count, int64_t ordinal, parquet_bytes *out)
{
    parquet_thrift thrift;
    int64_t uncompressed_bytes = 0;
    int64_t stored_bytes = 0;

    parquet_thrift_begin(&thrift, out);
    parquet_thrift_list(&thrift, 1, PARQUET_THRIFT_STRUCT, record_count);
    for (size_t i = 0; i < record_count; i++) {
        uncompressed_bytes += records[i].uncompressed_bytes;
        stored_bytes += records[i].stored_bytes;
        parquet_thrift_item_struct(&thrift);
        parquet_thrift_i64(&thrift, 2, 0);
        put_column_metadata(&thrift, &records[i]);
        parquet_thrift_i64(&thrift, 4, records[i].offset_index_offset);
        parquet_thrift_i32(&thrift, 5, (int32_t)records[i].offset_index.length);
        if (records[i].column_index.length > 0) {
            parquet_thrift_i64(&thrift, 6, records[i].column_index_offset);
            parquet_thrift_i32(&thrift, 7, (int32_t)records[i].column_index.length);
        }
        parquet_thrift_struct_end(&thrift);
    }
    parquet_thrift_i64(&thrift, 2, uncompressed_bytes);
    parquet_thrift_i64(&thrift, 3, row_count);
    parquet_thrift_i64(&thrift, 5, record_count > 0 ? records[0].offset : 0);
    parquet_thrift_i64(&thrift, 6, stored_bytes);
    if (ordinal <= INT16_MAX) {
        parquet_thrift_i16(&thrift, 7, (int16_t)ordinal);
    }
    parquet_thrift_struct_end(&thrift);
    return thrift.status;
}

/* The footer ---------------------------------------------------------------------------------- */

static void put_unit(parquet_thrift *thrift, const parquet_column *column, bool is_utc)
{
    parquet_thrift_bool(thrift, 1, is_utc);
    parquet_thrift_struct(thrift, 2);
    parquet_thrift_struct(thrift, (int16_t)column->unit);
    parquet_thrift_struct_end(thrift);
    parquet_thrift_struct_end(thrift);
}

static void put_logical_type(parquet_thrift *thrift, const parquet_column *column)
{
    if (column->logical == PARQUET_LOGICAL_NONE) {
        return;
    }
    parquet_thrift_struct(thrift, 10);
    parquet_thrift_struct(thrift, (int16_t)column->logical);
    if (column->logical == PARQUET_LOGICAL_DECIMAL) {
        parquet_thrift_i32(thrift, 1, column->scale);
        parquet_thrift_i32(thrift, 2, column->precision);
    } else if (column->logical == PARQUET_LOGICAL_TIME) {
        put_unit(thrift, column, false);
    } else if (column->logical == PARQUET_LOGICAL_TIMESTAMP) {
        put_unit(thrift, column, column->is_utc);
    } else if (column->logical == PARQUET_LOGICAL_INTEGER) {
        parquet_thrift_i8(thrift, 1, column->integer_bits);
        parquet_thrift_bool(thrift, 2, column->is_signed);
    }
    parquet_thrift_struct_end(thrift);
    parquet_thrift_struct_end(thrift);
}

static void put_schema_element(parquet_thrift *thrift, const parquet_column *column)
{
    parquet_thrift_item_struct(thrift);
    parquet_thrift_i32(thrift, 1, (int32_t)column->physical);
    if (column->physical == PARQUET_FIXED) {
        parquet_thrift_i32(thrift, 2, column->type_length);
    }
    parquet_thrift_i32(thrift, 3, column->is_nullable ? REPETITION_OPTIONAL : REPETITION_REQUIRED);
    parquet_thrift_string(thrift, 4, column->name);
    if (column->converted >= 0) {
        parquet_thrift_i32(thrift, 6, column->converted);
    }
    if (column->logical == PARQUET_LOGICAL_DECIMAL) {
        parquet_thrift_i32(thrift, 7, column->scale);
        parquet_thrift_i32(thrift, 8, column->precision);
    }
    put_logical_type(thrift, column);
    parquet_thrift_struct_end(thrift);
}

static void put_schema(parquet_thrift *thrift, const parquet_column *const *columns,
                       size_t column_count)
{
    parquet_thrift_list(thrift, 2, PARQUET_THRIFT_STRUCT, column_count + 1);
    parquet_thrift_item_struct(thrift);
    parquet_thrift_string(thrift, 4, "schema");
    parquet_thrift_i32(thrift, 5, (int32_t)column_count);
    parquet_thrift_struct_end(thrift);
    for (size_t i = 0; i < column_count; i++) {
        put_schema_element(thrift, columns[i]);
    }
}

wend_status parquet_metadata_footer(const parquet_column *const *columns, size_t column_count,
                                    int64_t row_count, const parquet_bytes *row_groups,
                                    size_t row_group_count, parquet_bytes *out)
{
    parquet_thrift thrift;

    parquet_thrift_begin(&thrift, out);
    parquet_thrift_i32(&thrift, 1, FORMAT_VERSION);
    put_schema(&thrift, columns, column_count);
    parquet_thrift_i64(&thrift, 3, row_count);
    parquet_thrift_list(&thrift, 4, PARQUET_THRIFT_STRUCT, row_group_count);
    parquet_thrift_raw(&thrift, row_groups->data, row_groups->length);
    parquet_thrift_string(&thrift, 6, "wend version " WEND_VERSION);
    parquet_thrift_list(&thrift, 7, PARQUET_THRIFT_STRUCT, column_count);
    for (size_t i = 0; i < column_count; i++) {
        parquet_thrift_item_struct(&thrift);
        parquet_thrift_struct(&thrift, 1); /* TypeDefinedOrder */
        parquet_thrift_struct_end(&thrift);
        parquet_thrift_struct_end(&thrift);
    }
    parquet_thrift_struct_end(&thrift);
    return thrift.status;
}
