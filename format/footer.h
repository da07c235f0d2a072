/**
 * The parts of a segment that describe it: header, row group indexes, footer, trailer. One structure
 * in memory for what the footer says, filled by the writer and by the reader.
 */
#ifndef WENDI_FORMAT_FOOTER_H
#define WENDI_FORMAT_FOOTER_H

#include "engine/base/arena.h"
#include "engine/base/bytes.h"
#include "format/page.h"
#include "format/segment_reader.h"

enum {
    WENDI_SEGMENT_VERSION = 1,
    WENDI_SEGMENT_HEADER_BYTES = 64,
    WENDI_TRAILER_BYTES = 64,
    WENDI_FILE_ALIGNMENT = 4096,
    WENDI_FOOTER_HEADER_BYTES = 128,
    WENDI_FOOTER_COLUMN_BYTES = 24,
    WENDI_FOOTER_ROW_GROUP_BYTES = 64,
    WENDI_FOOTER_CHUNK_BYTES = 72,
    WENDI_FOOTER_ORIGIN_BYTES = 32,
    WENDI_PAGE_ENTRY_BYTES = 48,
    WENDI_BOUND_BYTES = 64 /* longer string bounds are cut */
};
/** Incompatible features of version 1: what a file may contain. A segment's header and footer have the same. */
#define WENDI_FEATURE_PATCHED (UINT64_C(1) << 0)           /* codecs PATCHED, PATCHED_DELTA, MASKED */
#define WENDI_FEATURE_UUID4 (UINT64_C(1) << 1)             /* pages of that layout */
#define WENDI_FEATURE_PREDICTED (UINT64_C(1) << 2)         /* pages of that layout, and predictions */
#define WENDI_FEATURE_DICTIONARY_FORMS (UINT64_C(1) << 3)  /* dictionary blocks begin with a form */
#define WENDI_FEATURE_DICTIONARY_ORDERS (UINT64_C(1) << 4) /* dictionaries in other orders than bytewise */
#define WENDI_FEATURE_FIRST_BYTES (UINT64_C(1) << 5)       /* first bytes as bounds of a page */
#define WENDI_FEATURES_KNOWN                                                                                  \
    (WENDI_FEATURE_PATCHED | WENDI_FEATURE_UUID4 | WENDI_FEATURE_PREDICTED | WENDI_FEATURE_DICTIONARY_FORMS | \
     WENDI_FEATURE_DICTIONARY_ORDERS | WENDI_FEATURE_FIRST_BYTES)

/** Seeds of the checksums that belong to no page. */
enum { WENDI_PLACE_NONE = 0xffffffffu, WENDI_PLACE_INDEX = 0xfffffffeu, WENDI_PLACE_FOOTER = 0xfffffffdu };

/** What is known of a chunk's values; stored in the footer. */
typedef struct wendi_chunk_entry {
    uint64_t offset; /* of the first page; the dictionary follows the last */
    uint64_t page_bytes;
    uint64_t dictionary_bytes; /* 0: none */
    uint32_t prediction_bytes; /* behind the dictionary; 0: none */
    uint32_t dictionary_entries; /* null included */
    uint32_t null_count;
    bool has_min_max;
    bool ordered;       /* the dictionary is */
    uint64_t min;       /* integers and bits of doubles */
    uint64_t max;
    wendi_string low;   /* strings, and 16-byte values as their bytes */
    wendi_string high;
} wendi_chunk_entry;

typedef struct wendi_row_group_entry {
    wendi_row_group_info info;
    uint64_t index_offset;
    uint32_t index_bytes;
    uint64_t index_checksum;
} wendi_row_group_entry;

/** What is known of a page; stored in its row group's index. */
typedef struct wendi_page_entry {
    uint64_t offset;
    uint32_t bytes;
    uint32_t null_count;
    bool has_min_max;
    bool has_codes;   /* min and max are codes */
    bool has_mask;
    bool first_bytes; /* min and max are the first 8 bytes of values, as big-endian numbers */
    uint64_t min;
    uint64_t max;
    uint64_t mask;
    char first[2][8]; /* of first_bytes, in their order again: what zones of strings borrow; filled by the reader */
} wendi_page_entry;

typedef struct wendi_footer {
    uint8_t uuid[16];
    uint64_t features;
    uint32_t column_count;
    uint32_t row_group_count;
    uint32_t origin_count;
    uint32_t user_column;
    uint32_t time_column;
    wendi_segment_summary summary;
    wendi_segment_column *columns;
    wendi_row_group_entry *row_groups;
    wendi_chunk_entry *chunks; /* row group by row group */
    wendi_segment_origin *origins;
} wendi_footer;

/** Where the footer is; the trailer. */
typedef struct wendi_trailer {
    uint8_t uuid[16];
    uint64_t footer_offset;
    uint32_t footer_bytes;
    uint64_t footer_checksum;
    uint64_t file_bytes;
} wendi_trailer;

static inline uint32_t wendi_pages_of(uint32_t row_count)
{
    return (row_count + WENDI_PAGE_ROWS - 1) / WENDI_PAGE_ROWS;
}
uint64_t wendi_footer_seed(const uint8_t *uuid);
uint64_t wendi_index_seed(const uint8_t *uuid, uint32_t row_group);

/** The first 8 bytes of a value, zeros behind a shorter one, as a big-endian number: orders as the bytes do. */
static inline uint64_t wendi_first_bytes(const void *data, size_t length)
{
    uint8_t bytes[8] = {0};
    memcpy(bytes, data, length < 8 ? length : 8);
    return __builtin_bswap64(wendi_load_u64(bytes));
}

/* Writing: bytes are appended. */
wend_status wendi_header_encode(const uint8_t *uuid, uint64_t features, wendi_buffer *out);
wend_status wendi_footer_encode(const wendi_footer *footer, wendi_buffer *out);
wend_status wendi_trailer_encode(const wendi_trailer *trailer, wendi_buffer *out);
wend_status wendi_page_entry_encode(const wendi_page_entry *entry, wendi_buffer *out);

/* Reading: `*reason` is constant text, or for WEND_UNSUPPORTED written to `arena`. */
/** `features`: the footer's, which the header's must equal. */
wend_status wendi_header_check(const uint8_t *bytes, const uint8_t *uuid, uint64_t features, const char **reason);
wend_status wendi_trailer_decode(const uint8_t *bytes, uint64_t file_bytes, wendi_trailer *trailer, const char **reason);
/** The checksum has been checked. Everything in `footer` is in `arena`, strings included. */
wend_status wendi_footer_decode(const uint8_t *bytes, const wendi_trailer *trailer, wendi_arena *arena,
                                wendi_footer *footer, const char **reason);
wendi_page_entry wendi_page_entry_decode(const uint8_t *bytes);

#endif
