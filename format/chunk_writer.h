/** Encoding one column of a row group: pages, dictionary, and what is known of them. Internal to the writer. */
#ifndef WENDI_FORMAT_CHUNK_WRITER_H
#define WENDI_FORMAT_CHUNK_WRITER_H

#include "format/footer.h"

typedef struct wendi_chunk_writer {
    wendi_page_encoder encoder; /* its `out` is where the bytes go */
    uint64_t out_offset;        /* in the file, of encoder.out->data[0] */
    /* Strings of the chunk under way: codes and the entries that stay. */
    uint32_t *codes;            /* WENDI_ROW_GROUP_ROWS_MAX, allocated at first use */
    uint32_t *remap;
    uint32_t *kept;
    uint32_t code_capacity;
    wendi_string *strings; /* a page */
    wendi_b16 *b16;        /* a page */
    uint8_t *nulls;        /* a page */
} wendi_chunk_writer;

wend_status wendi_chunk_writer_init(wendi_chunk_writer *writer, const uint8_t *uuid, int zstd_level);
void wendi_chunk_writer_free(wendi_chunk_writer *writer);

/**
 * Append the chunk of `vector`; fill `entry` (its bounds in `arena`) and one of `pages` per page.
 * `keep_order`: the dictionary's order is the user's order, not bytewise.
 */
wend_status wendi_chunk_writer_write(wendi_chunk_writer *writer, const wendi_segment_column *column,
                                     const wendi_vector *vector, bool keep_order, uint32_t row_group,
                                     wendi_arena *arena, wendi_chunk_entry *entry, wendi_page_entry *pages,
                                     wend_error *error);

/* The parts, each in a file of its own. */
wend_status wendi_chunk_write_strings(wendi_chunk_writer *writer, const wendi_vector *vector, bool keep_order,
                                      wendi_arena *arena, wendi_chunk_entry *entry, wendi_page_entry *pages,
                                      wend_error *error);
void wendi_chunk_writer_begin_page(wendi_chunk_writer *writer, uint32_t page, wendi_page_entry *entry);
void wendi_chunk_writer_end_page(wendi_chunk_writer *writer, wendi_page_rows rows, wendi_page_entry *entry,
                                 wendi_chunk_entry *chunk);

#endif
