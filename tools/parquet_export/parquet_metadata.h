/**
 * Parquet's Thrift structures, as bytes: page headers, the page index, row groups, the file footer.
 * Field numbers are those of parquet.thrift in the format's specification.
 */
#ifndef PARQUET_METADATA_H
#define PARQUET_METADATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/parquet_export/parquet_bounds.h"
#include "tools/parquet_export/parquet_pages.h"

typedef struct parquet_page_head {
    bool is_dictionary;
    size_t value_count; /* nulls included */
    parquet_encoding encoding;
    size_t uncompressed_bytes;
    size_t stored_bytes;
    bool has_checksum;
    uint32_t checksum;
} parquet_page_head;

/** What a row group remembers of one written chunk until its metadata is written. */
typedef struct parquet_chunk_record {
    const parquet_column *column;
    parquet_encoding encoding;
    parquet_compression compression;
    int64_t value_count; /* nulls included */
    int64_t null_count;
    size_t data_page_count;
    int64_t uncompressed_bytes;
    int64_t stored_bytes;
    int64_t offset; /* of the first page in the file */
    int64_t dictionary_page_bytes;
    parquet_bytes statistics;   /* a Statistics struct, ready */
    parquet_bytes column_index; /* empty: none can be written */
    parquet_bytes offset_index;
    int64_t column_index_offset;
    int64_t offset_index_offset;
} parquet_chunk_record;

WEND_MUST_USE wend_status parquet_metadata_page_header(const parquet_page_head *head,
                                                       parquet_bytes *out);
/**
 * Fill the record of a chunk that begins at `record->offset` from its encoded form: sizes,
 * statistics and both indexes.
 */
WEND_MUST_USE wend_status parquet_metadata_record(parquet_chunk_record *record,
                                                  const parquet_encoded *encoded,
                                                  const parquet_chunk *chunk,
                                                  const parquet_pool *pool,
                                                  const parquet_dictionary *dictionary);
void parquet_chunk_record_free(parquet_chunk_record *record);

/** Append a RowGroup struct, as an element of the footer's list. */
WEND_MUST_USE wend_status parquet_metadata_row_group(const parquet_chunk_record *records,
                                                     size_t record_count, int64_t row_count,
                                                     int64_t ordinal, parquet_bytes *out);
/** Append FileMetaData; `row_groups` holds `row_group_count` RowGroup elements. */
WEND_MUST_USE wend_status parquet_metadata_footer(const parquet_column *const *columns,
                                                  size_t column_count, int64_t row_count,
                                                  const parquet_bytes *row_groups,
                                                  size_t row_group_count, parquet_bytes *out);

#endif
