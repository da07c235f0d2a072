/** Encoding one column of a row group: pages, dictionary, prediction, and what is known of them. Internal to the writer. */
#ifndef WENDI_FORMAT_CHUNK_WRITER_H
#define WENDI_FORMAT_CHUNK_WRITER_H

#include "format/footer.h"
#include "format/prediction.h"

/** A text column as codes: of what came in, and of the dictionary that will be stored. */
typedef struct wendi_coded_strings {
    const uint32_t *codes; /* a row each, or one for a constant: entries of `dictionary` */
    bool constant;
    const wendi_dictionary *dictionary;
    uint32_t *kept;       /* owned; entries of `dictionary` that are stored, in the stored order */
    uint32_t *remap;      /* owned; stored code of each entry, 0 for null and for those that do not occur */
    uint32_t kept_count;
    bool ordered;         /* the stored dictionary rises bytewise */
    bool coded;           /* worth a dictionary; else the strings go into blocks */
    const uint32_t *stored; /* coded and not constant: the stored code of each row */
    wendi_dictionary *own_dictionary;
    uint32_t *own_codes;
    uint32_t *own_stored;
} wendi_coded_strings;

/** A column of the row group under way. */
typedef struct wendi_chunk_input {
    const wendi_segment_column *column;
    const wendi_vector *vector;
    bool keep_order; /* the user column: its dictionary's order is that of the users */
    bool apart;      /* no column is predicted from it */
    wendi_coded_strings strings;
    wendi_prediction_choice choice;
} wendi_chunk_input;

typedef struct wendi_chunk_writer {
    wendi_page_encoder encoder; /* its `out` is where the bytes go */
    uint64_t out_offset;        /* in the file, of encoder.out->data[0] */
    wendi_string *strings; /* a page */
    wendi_b16 *b16;        /* a page */
    uint8_t *nulls;        /* a page */
    wendi_prediction_builder *predictions;
    wendi_buffer prediction; /* of the column under way, stored form */
} wendi_chunk_writer;

wend_status wendi_chunk_writer_init(wendi_chunk_writer *writer, const uint8_t *uuid, int zstd_level);
void wendi_chunk_writer_free(wendi_chunk_writer *writer);

/** Give text its codes and find out whether it gets a dictionary. WEND_NOMEM. `strings` is freed by the caller in any case. */
wend_status wendi_chunk_code_strings(const wendi_vector *vector, bool keep_order, wendi_coded_strings *strings,
                                     wend_error *error);
void wendi_coded_strings_free(wendi_coded_strings *strings);
/** Decide what is predicted from what: fills `choice` of each input, and `columns`, whose own_codes the caller frees.
 * `memory` may be NULL. */
wend_status wendi_chunk_choose_predictions(wendi_chunk_input *inputs, uint32_t count, uint32_t row_count,
                                           int zstd_level, wendi_prediction_memory *memory,
                                           wendi_prediction_column *columns);

/**
 * Append the chunk of inputs[at]; fill `entry` (its bounds in `arena`) and one of `pages` per page. `columns` are
 * the inputs as numbers, as choose_predictions() left them.
 */
wend_status wendi_chunk_writer_write(wendi_chunk_writer *writer, const wendi_chunk_input *inputs, uint32_t at,
                                     const wendi_prediction_column *columns, uint32_t row_group, wendi_arena *arena,
                                     wendi_chunk_entry *entry, wendi_page_entry *pages, wend_error *error);

/* The parts, each in a file of its own. `residuals`: what is predicted of the column, or NULL. */
wend_status wendi_chunk_write_strings(wendi_chunk_writer *writer, const wendi_chunk_input *input,
                                      const uint32_t *residuals, wendi_arena *arena, wendi_chunk_entry *entry,
                                      wendi_page_entry *pages);
void wendi_chunk_writer_begin_page(wendi_chunk_writer *writer, uint32_t page, wendi_page_entry *entry);
void wendi_chunk_writer_end_page(wendi_chunk_writer *writer, wendi_page_rows rows, wendi_page_entry *entry,
                                 wendi_chunk_entry *chunk);

#endif
