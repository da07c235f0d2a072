/**
 * The map of one segment: what lies where and how it is encoded, collected before anything is
 * printed.
 *
 * Every byte of the file is counted once: column_bytes + dictionary_bytes + prediction_bytes +
 * index_bytes + footer_bytes + padding_bytes is its length, and the parts of a chunk add up to its
 * pages, dictionary and prediction. Collecting checks every checksum on its way.
 */
#ifndef WEND_TOOLS_SEGMENT_MAP_H
#define WEND_TOOLS_SEGMENT_MAP_H

#include <stdio.h>

#include "format/segment.h"

/** What bytes of a column are for. */
typedef enum map_part {
    PART_VALUES, /* streams, strings, exceptions */
    PART_NULLS,  /* bitmaps */
    PART_DICTIONARY,
    PART_PREDICTION,
    PART_PAGE_HEADERS,
    PART_PADDING, /* waste: zeros up to multiples of 64 */
    PART_COUNT
} map_part;
extern const char *const map_part_names[PART_COUNT];

typedef struct page_map {
    uint64_t offset;
    uint32_t bytes;
    uint32_t payload_bytes;
    uint32_t row_count;
    uint32_t value_count;
    uint32_t null_count;
    uint32_t null_bytes;      /* the bitmap */
    uint32_t exception_count; /* decimals */
    uint32_t block_count;     /* strings */
    uint8_t layout;
    uint8_t codecs[2]; /* of its streams; 0: none */
    uint32_t stream_bytes[2];
    wendi_zone zone;
} page_map;

enum { DICTIONARY_FORMS = 3 };
extern const char *const dictionary_form_names[DICTIONARY_FORMS];

typedef struct dictionary_map {
    uint32_t block_count;
    uint32_t
        forms[DICTIONARY_FORMS]; /* blocks of each; all are of form 0 where blocks do not say */
    uint32_t index_bytes;        /* header too */
    uint64_t stored_bytes;       /* of the blocks */
    uint64_t raw_bytes;
    uint64_t string_bytes;
    bool ordered;
} dictionary_map;

typedef struct prediction_map {
    uint32_t determinant_count;
    uint32_t determinants[2]; /* column ids */
    bool row_before;
    uint32_t map_count;
    uint32_t list_count;
    uint32_t number_bytes;
    uint32_t stored_bytes;
} prediction_map;

typedef struct chunk_map {
    page_map *pages;
    uint32_t page_count;
    uint64_t offset;
    uint64_t page_bytes;
    uint64_t dictionary_bytes;
    uint64_t prediction_bytes;
    uint64_t parts[PART_COUNT];
    uint32_t dictionary_entries; /* null included; 0: no dictionary */
    dictionary_map dictionary;
    prediction_map prediction;
    wendi_zone zone;
} chunk_map;

typedef struct segment_map {
    const char *path; /* in the arena */
    wendi_segment *segment;
    chunk_map *chunks; /* row group by row group */
    uint64_t column_bytes;
    uint64_t dictionary_bytes;
    uint64_t prediction_bytes;
    uint64_t index_bytes;
    uint64_t footer_bytes;       /* header and trailer too */
    uint64_t padding_bytes;      /* behind the footer */
    uint64_t page_padding_bytes; /* within pages, dictionaries and predictions */
    wendi_arena arena;
} segment_map;

/** Open the segment and look at every page, dictionary and prediction. `source` must outlive only
 * this call. */
wend_status segment_map_make(const char *path, const wendi_segment_source *source, segment_map *map,
                             wend_error *error);
void segment_map_free(segment_map *map);
static inline const chunk_map *segment_map_chunk(const segment_map *map, uint32_t group,
                                                 uint32_t column)
{
    return &map->chunks[(size_t)group * map->segment->footer.column_count + column];
}

enum { ENCODING_TEXT_BYTES = 48 };
const char *layout_name(uint8_t layout);
/** How a page is encoded, such as "codes(rle)", into ENCODING_TEXT_BYTES of `text`; returns it. */
const char *encoding_text(uint8_t layout, const uint8_t *codecs, char *text);
const char *page_encoding(const page_map *page, char *text);

/** How often each encoding occurs, most frequent first. */
typedef struct encoding_count {
    char name[ENCODING_TEXT_BYTES];
    uint32_t count;
} encoding_count;
enum { ENCODING_KINDS_MAX = 24 };
/** Zero-filled counts are empty; kinds beyond the last are counted as "others". */
void encodings_count(const chunk_map *chunk, encoding_count counts[ENCODING_KINDS_MAX]);
void encodings_sort(encoding_count counts[ENCODING_KINDS_MAX]);

/* ---- parts read by segment_map_make(): dictionary_map.c ---- */

/** Bytes [offset, offset + length) of the file, aligned to 64 with 64 zeros behind; free with
 * wendi_free(). */
wend_status map_read(const wendi_segment *segment, uint64_t offset, size_t length,
                     uint8_t **bytes_out, wend_error *error);
wend_status map_dictionary(const wendi_segment *segment, uint32_t group, uint32_t column,
                           chunk_map *chunk, wend_error *error);
wend_status map_prediction(const wendi_segment *segment, uint32_t group, uint32_t column,
                           chunk_map *chunk, wend_error *error);

/* ---- printing ---- */

typedef struct map_detail {
    bool row_groups;
    bool pages;
} map_detail;
wend_status segment_map_print_text(const segment_map *map, map_detail detail, FILE *out);

#endif
