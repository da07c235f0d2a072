/**
 * Why columns are encoded as they are: what each codec and each other form would have cost.
 *
 * Computed from the decoded pages with the writer's own statistics, so the bytes are exact; only
 * what goes through zstd depends on a level that files do not keep, and is taken at level 1.
 * Alternatives are compared on the pages (or chunks) to which they apply: `bytes` is what they
 * would take there, `instead_bytes` what was written.
 */
#ifndef WEND_TOOLS_WHY_H
#define WEND_TOOLS_WHY_H

#include "tools/inspect/map_total.h"

typedef struct why_option {
    char name[64];
    uint32_t count; /* pages or chunks that could be so */
    uint32_t taken; /* that are so */
    uint64_t bytes;
    uint64_t cost; /* bytes and what slower decoding is rated at, as the chooser weighs them */
    uint64_t instead_bytes;
} why_option;

enum { WHY_OPTIONS_MAX = 48 };
typedef struct why_options {
    why_option items[WHY_OPTIONS_MAX];
    uint32_t count;
} why_options;

typedef struct why_column {
    uint32_t id;
    wendi_type type;
    wendi_string name;
    uint64_t row_count;
    uint64_t bytes; /* pages, dictionary and prediction as they are */
    uint32_t page_count;
    uint32_t chunk_count;
    why_options
        forms; /* of whole chunks: dictionary or blocks, predicted or plain, decimals or bits … */
    why_options codecs;      /* of streams, as whole pages */
    uint64_t predicted_rows; /* in PREDICTED pages; of these */
    uint64_t right_rows;     /* were as the map says */
    uint64_t listed_rows;    /* are in the list of frequent exceptions */
    uint64_t prediction_bytes;
    prediction_total prediction;
} why_column;

typedef struct why_report {
    why_column **columns; /* in order of first appearance */
    uint32_t column_count;
    uint64_t row_count;
    wendi_arena arena;
} why_report;

/** Add row groups [begin, end) of a segment whose source is still open. */
wend_status why_add(why_report *to, const segment_map *map, uint32_t begin, uint32_t end,
                    wend_error *error);
void why_free(why_report *to);
void why_print_text(const why_report *from, int indent, FILE *out);
/** "why":[…] */
void why_print_json(const why_report *from, FILE *out);

/* ---- parts ---- */

/** What one chunk is decoded with. */
typedef struct why_scratch {
    wendi_chunk *chunk;
    const chunk_map *map;
    wendi_type type;
    wendi_stream_scratch *streams;
    wendi_page_encoder encoder; /* writes to `out`, which is emptied for each page */
    wendi_buffer out;
    int64_t *values; /* a page each, with room behind */
    int64_t *integers;
    wendi_string *strings;
} why_scratch;

void why_count(why_options *options, const char *name, bool taken, uint64_t bytes, uint64_t cost,
               uint64_t instead_bytes);
/** Bytes of a page with such a payload. */
static inline uint64_t why_page_bytes(uint64_t payload_bytes)
{
    return WENDI_PAGE_HEADER_BYTES +
           (payload_bytes + WENDI_PAGE_ALIGNMENT - 1) / WENDI_PAGE_ALIGNMENT * WENDI_PAGE_ALIGNMENT;
}
/** Bytes of a stream with such a body. */
static inline uint64_t why_stream_bytes(uint64_t body_bytes)
{
    return WENDI_STREAM_HEADER_BYTES + (body_bytes + 7) / 8 * 8;
}
/** Bytes of the stream that the chooser would make of the values. */
uint64_t why_best_stream(why_scratch *scratch, const int64_t *values, uint32_t count);
/** Weigh the forms that the chunk as a whole could have had. */
wend_status why_forms(why_scratch *scratch, why_column *column, wend_error *error);
/** The form of a chunk of text that is in blocks or has a dictionary. */
wend_status why_text_forms(why_scratch *scratch, why_column *column, wend_error *error);
/** Bytes that a page takes whose values are decimals, with the exponent that has the fewest
 * exceptions, or bits. */
void why_double_page(why_scratch *scratch, const double *values, uint32_t count, bool real,
                     uint64_t null_bytes, uint64_t *decimal_bytes, uint64_t *bits_bytes);

#endif
