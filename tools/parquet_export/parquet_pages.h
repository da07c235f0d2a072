/**
 * A column chunk as pages: each way of encoding it is tried whole, and the smallest is kept.
 */
#ifndef PARQUET_PAGES_H
#define PARQUET_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/parquet_export/parquet_chunk.h"
#include "tools/parquet_export/parquet_codec.h"
#include "tools/parquet_export/parquet_dictionary.h"

/** The format's own numbers. */
typedef enum parquet_encoding {
    PARQUET_PLAIN = 0,
    PARQUET_RLE = 3,
    PARQUET_DELTA_BINARY_PACKED = 5,
    PARQUET_DELTA_LENGTH_BYTE_ARRAY = 6,
    PARQUET_DELTA_BYTE_ARRAY = 7,
    PARQUET_RLE_DICTIONARY = 8
} parquet_encoding;

/** What one data page holds, and where it is among the chunk's bytes. */
typedef struct parquet_page {
    size_t first_row;
    size_t row_count;
    size_t first_value;
    size_t value_count;
    size_t offset;
    size_t byte_count; /* header included */
} parquet_page;

/** A chunk in one encoding: the dictionary page if any, then the data pages, ready to be written.
 */
typedef struct parquet_encoded {
    parquet_encoding encoding;
    parquet_compression compression;
    parquet_bytes bytes;
    size_t dictionary_page_bytes; /* header included; 0: none */
    parquet_bytes pages;          /* an array of parquet_page */
    int64_t uncompressed_bytes;   /* headers included */
    int64_t body_bytes;           /* of page bodies before and after compression */
    int64_t stored_body_bytes;
} parquet_encoded;

/** Scratch for encoding, kept from chunk to chunk. */
typedef struct parquet_page_encoder {
    const struct parquet_export_options *options;
    parquet_codec *codec;
    parquet_bytes body;
    parquet_bytes packed;
    parquet_bytes numbers; /* levels, lengths */
    parquet_encoded best;
    parquet_encoded trial;
    parquet_encoded dictionary_page; /* the chunk's, for all its trials */
} parquet_page_encoder;

/**
 * Encode `chunk` every way that its type and `dictionary` allow and leave the smallest in
 * `encoder->best`, which stays valid until the next call. `plain_bytes` is the chunk's size as
 * PLAIN.
 */
WEND_MUST_USE wend_status parquet_pages_encode(parquet_page_encoder *encoder,
                                               const parquet_chunk *chunk, const parquet_pool *pool,
                                               const parquet_dictionary *dictionary,
                                               size_t plain_bytes, wend_error *error);
void parquet_page_encoder_free(parquet_page_encoder *encoder);

static inline size_t parquet_encoded_page_count(const parquet_encoded *encoded)
{
    return encoded->pages.length / sizeof(parquet_page);
}

static inline const parquet_page *parquet_encoded_page(const parquet_encoded *encoded, size_t at)
{
    return (const parquet_page *)(const void *)encoded->pages.data + at;
}

#endif
