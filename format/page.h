/**
 * Pages: up to 65,536 rows of one column, encoded, in one checksummed block.
 *
 * A page is a 64-byte header and a payload: the null bitmap, then what the layout says (integer
 * streams, raw bytes, blocks of strings), padded to 64. Its checksum covers all of it, padding too, and is seeded with
 * the page's place, so a page read from elsewhere fails. Only non-null values are stored. docs/FORMAT.md.
 */
#ifndef WENDI_FORMAT_PAGE_H
#define WENDI_FORMAT_PAGE_H

#include "format/codec/codec.h"

enum { WENDI_PAGE_HEADER_BYTES = 64, WENDI_PAGE_ALIGNMENT = 64 };
enum { WENDI_STRING_BYTES_MAX = 1 << 30 };

/** Levels above those of ingest ask for small files: encodings are chosen for size first, text lies in large blocks. */
static inline bool wendi_is_dense(int zstd_level)
{
    return zstd_level > 2;
}
static inline size_t wendi_block_bytes(int zstd_level)
{
    return wendi_is_dense(zstd_level) ? 512 << 10 : 64 << 10;
}

typedef enum wendi_page_layout { /* stored: never renumber */
    WENDI_LAYOUT_NULL = 0,     /* every row is null: no values */
    WENDI_LAYOUT_INTEGER = 1,  /* one stream of 64-bit integers */
    WENDI_LAYOUT_CODES = 2,    /* one stream of dictionary codes, 0 = null */
    WENDI_LAYOUT_DOUBLE = 3,   /* one stream: bits of doubles */
    WENDI_LAYOUT_FLOAT = 4,    /* one stream: bits of floats */
    WENDI_LAYOUT_DECIMAL = 5,  /* one stream: integers to be divided by 10^exponent; then exceptions */
    WENDI_LAYOUT_RAW16 = 6,    /* 16 bytes a value */
    WENDI_LAYOUT_SPLIT16 = 7,  /* two streams: upper and lower 8 bytes, read as big-endian */
    WENDI_LAYOUT_STRINGS = 8,  /* a stream of lengths, then compressed blocks */
    WENDI_LAYOUT_PREDICTED = 9, /* one stream: residuals of a prediction, a row each */
    WENDI_LAYOUT_UUID4 = 10,   /* two streams: 60 and 62 bits of version 4 UUIDs */
    WENDI_LAYOUT_COUNT
} wendi_page_layout;

typedef enum wendi_null_form { WENDI_NULLS_NONE = 0, WENDI_NULLS_BITMAP = 1, WENDI_NULLS_ALL = 2 } wendi_null_form;

/** Where a page belongs; its checksum's seed. Dictionaries use page numbers from WENDI_PLACE_DICTIONARY on. */
typedef struct wendi_place {
    uint8_t uuid[16];
    uint32_t row_group;
    uint32_t column_id;
    uint32_t page;
} wendi_place;
enum { WENDI_PLACE_DICTIONARY = 0x80000000u };
uint64_t wendi_place_seed(const wendi_place *place);

/* ---- encoding ---- */

/** What a chunk's pages are encoded with; scratch memory for one page at a time. */
typedef struct wendi_page_encoder {
    wendi_stream_scratch *scratch;
    wendi_buffer *out; /* pages are appended, each beginning at a multiple of 64 */
    wendi_place place;
    int zstd_level;
    uint8_t forced_codec;  /* test hook; 0: the chooser's */
    uint8_t codecs[2];     /* of the streams of the chunk's page before; 0: none yet */
    uint8_t stream_number; /* the streams begun in the page under way */
    size_t begin;          /* of the page under way */
    int64_t *integers;     /* WENDI_PAGE_ROWS each */
    int64_t *more_integers;
} wendi_page_encoder;

wend_status wendi_page_encoder_init(wendi_page_encoder *encoder);
void wendi_page_encoder_free(wendi_page_encoder *encoder);

/** Values of the rows that are not null, in order; `nulls` (a byte a row) is NULL when none is. */
typedef struct wendi_page_rows {
    uint32_t row_count;
    uint32_t value_count;
    const uint8_t *nulls;
} wendi_page_rows;

wend_status wendi_page_encode_integers(wendi_page_encoder *encoder, wendi_page_rows rows, const int64_t *values,
                                       wendi_page_layout layout);
/** Codes of a dictionary, one a row, or `residuals` of their prediction. */
wend_status wendi_page_encode_codes(wendi_page_encoder *encoder, uint32_t row_count, const uint32_t *codes,
                                    bool residuals);
/** Residuals of a prediction, one a row; `codes`: of dictionary codes. */
wend_status wendi_page_encode_residuals(wendi_page_encoder *encoder, uint32_t row_count, const int64_t *residuals,
                                        bool codes);
/** `real`: values are floats held as doubles. */
wend_status wendi_page_encode_doubles(wendi_page_encoder *encoder, wendi_page_rows rows, const double *values, bool real);
/** `uuid`: values are UUIDs, so they may be packed as such. */
wend_status wendi_page_encode_b16(wendi_page_encoder *encoder, wendi_page_rows rows, const wendi_b16 *values, bool uuid);
wend_status wendi_page_encode_strings(wendi_page_encoder *encoder, wendi_page_rows rows, const wendi_string *values);

/* For the files that encode one layout each: */
wend_status wendi_page_begin(wendi_page_encoder *encoder, wendi_page_rows rows);
wend_status wendi_page_finish(wendi_page_encoder *encoder, wendi_page_rows rows, wendi_page_layout layout,
                              uint8_t exponent, bool real);
wend_status wendi_page_stream(wendi_page_encoder *encoder, const int64_t *values, uint32_t count);

/* ---- decoding ---- */

typedef struct wendi_string_block {
    uint32_t first_value;
    uint32_t stored_bytes;
    uint64_t raw_at; /* into raw */
    const uint8_t *stored;
    bool decoded;
} wendi_string_block;

/** An opened page: everything checked but what only decoding shows (compressed blocks, ranges of codes). */
typedef struct wendi_page {
    uint8_t layout;
    uint8_t null_form;
    uint8_t exponent;
    bool real; /* PREDICTED: residuals are of codes */
    uint32_t row_count;
    uint32_t value_count;
    const uint8_t *null_bitmap;
    uint32_t value_at[WENDI_STREAM_VECTORS_MAX + 1]; /* values before each vector of rows */
    wendi_stream streams[2];
    const uint8_t *raw; /* RAW16 */
    uint32_t exception_count;
    const uint8_t *exception_positions; /* u16 */
    const uint8_t *exception_values;    /* u64 */
    /* STRINGS */
    uint64_t *string_at; /* value_count + 1 offsets into the raw bytes */
    wendi_string_block *blocks;
    uint32_t block_count;
    char *string_bytes; /* raw bytes, filled block by block */
} wendi_page;

/**
 * Check the page of `length` bytes (all of it, from header to padding) and open it. Bytes are borrowed and aligned to
 * 64 with 64 readable bytes behind; memory for what was opened comes from `arena`. WEND_CORRUPT sets *reason.
 */
wend_status wendi_page_open(wendi_page *page, const uint8_t *bytes, size_t length, const wendi_place *place,
                            uint32_t row_count, wendi_arena *arena, const char **reason);
/** The page's length and checksum alone: NULL, or what is wrong. */
const char *wendi_page_check(const uint8_t *bytes, size_t length, const wendi_place *place);
/** As wendi_page_open(), of bytes that stayed in memory since wendi_page_check() accepted them. */
wend_status wendi_page_open_checked(wendi_page *page, const uint8_t *bytes, size_t length, const wendi_place *place,
                                    uint32_t row_count, wendi_arena *arena, const char **reason);
/** Decode the strings of values first..first+count-1 (block by block, each once). */
wend_status wendi_page_load_strings(wendi_page *page, uint32_t first, uint32_t count, const char **reason);
wend_status wendi_page_open_strings(wendi_page *page, wendi_reader *reader, wendi_arena *arena, const char **reason);
/** Most bytes that `stored` compressed bytes can mean; guards allocation against hostile lengths. */
static inline uint64_t wendi_raw_bytes_max(uint64_t stored)
{
    return stored * 40000 + 1024;
}

#endif
