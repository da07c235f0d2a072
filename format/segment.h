/** An open segment and an open chunk, as the reader's own files see them. Not for other rooms. */
#ifndef WENDI_FORMAT_SEGMENT_H
#define WENDI_FORMAT_SEGMENT_H

#include <pthread.h>
#include <stdatomic.h>

#include "format/footer.h"
#include "format/prediction.h"

/** The user runs of a row group with what hashes are computed from. */
typedef struct wendi_loaded_runs {
    wendi_user_runs runs; /* first */
    uint32_t *first_row;  /* owned */
    wendi_b16 *keys;      /* owned; users that are not text, by run; else NULL: run r is code r + 1 */
} wendi_loaded_runs;

/** A page whose bytes stay in memory; kept_pages.c. */
typedef struct wendi_kept_page wendi_kept_page;

/** A dictionary of which some blocks are loaded; dictionary_part.h. */
typedef struct wendi_dictionary_part wendi_dictionary_part;

/** What is loaded lazily of a row group; set once under the lock, then read without it. */
typedef struct wendi_row_group_state {
    pthread_mutex_t lock;
    _Atomic(wendi_kept_page *) *kept; /* by page, as `pages`, and there when they are */
    _Atomic(wendi_dictionary_part *) *dictionary_parts; /* a column each, of those not loaded as a whole */
    _Atomic uint32_t *dictionary_rounds; /* a column each: when its dictionary was used last */
    _Atomic uint32_t users_round;        /* and runs or hashes */
    _Atomic(wendi_page_entry *) pages; /* column by column */
    _Atomic(wendi_loaded_runs *) runs;
    _Atomic(uint64_t *) hashes;
    _Atomic(wendi_dictionary *) *dictionaries; /* a column each */
    _Atomic(wendi_prediction *) *predictions;  /* a column each */
} wendi_row_group_state;

struct wendi_segment {
    wendi_segment_source source;
    wendi_arena arena;
    wendi_footer footer;
    wendi_row_group_state *row_groups;
    uint32_t lock_count; /* row groups whose lock was made */
    /* Who counts the memory of what is loaded; NULL: nobody, and nothing is kept that need not be. */
    bool (*hold)(void *context, uint64_t bytes, bool needed);
    void *hold_context;
    void (*will_need)(void *context, uint64_t offset, uint64_t length); /* NULL: nobody */
    void *will_need_context;
    _Atomic uint64_t held_bytes;
    _Atomic uint32_t round; /* the user's clock, see wendi_segment_set_round() */
    char name[128];         /* for messages */
};

struct wendi_chunk {
    wendi_segment *segment;
    uint32_t row_group;
    uint32_t column;
    const wendi_chunk_entry *entry;
    const wendi_page_entry *pages;
    uint32_t row_count; /* of the row group */
    wendi_dictionary *dictionary; /* borrowed from the segment once loaded */
    /* Predicted chunks, from their first predicted page on: borrowed from the segment; chunks of the determinants, owned. */
    const wendi_prediction *prediction;
    wendi_chunk *determinants[WENDI_PREDICTION_DETERMINANTS_MAX];
    uint32_t determinant_columns[WENDI_PREDICTION_DETERMINANTS_MAX];
    uint32_t second_entries; /* codes of the second determinant; 1 without one */
    uint32_t depth;          /* of this chunk in a tree of determinants */
    wendi_chunk *const *lenders; /* see wendi_chunk_lend() */
    uint32_t lender_count;
    uint32_t codes_first; /* `values` holds the codes of codes_count rows from this one on */
    uint32_t codes_count; /* 0: it does not */
    /* Bytes read ahead: [window_offset, window_offset + window_bytes) of the file. */
    uint8_t *window;
    size_t window_capacity;
    uint64_t window_offset;
    size_t window_bytes;
    /* The page that is open. */
    wendi_page page;
    wendi_arena page_arena;
    uint32_t page_number; /* WENDI_PLACE_NONE: none */
    /* What reads give out; each holds `room` values and 64 bytes more. */
    uint32_t room;
    void *values;    /* 16 bytes each */
    uint64_t *dense; /* room + 2048 */
    uint64_t *more_dense;
    uint8_t *nulls;
    wendi_string constant_string;
};

/** Fill `error` with "segment NAME, row group R, column ID (NAME), page P at byte B: reason". */
wend_status wendi_segment_damage(const wendi_segment *segment, wend_status status, uint32_t row_group, uint32_t column,
                                 uint32_t page, uint64_t offset, const char *reason, wend_error *error);
/** Read into new memory: aligned to 64 with 64 zero bytes behind; the caller frees it. */
wend_status wendi_segment_read(const wendi_segment *segment, uint64_t offset, size_t length, uint8_t **bytes_out,
                               wend_error *error);
const wendi_chunk_entry *wendi_segment_chunk(const wendi_segment *segment, uint32_t row_group, uint32_t column);
/** The row group's page entries, loaded at first use. */
wend_status wendi_segment_pages(wendi_segment *segment, uint32_t row_group, const wendi_page_entry **pages_out,
                                wend_error *error);
wend_status wendi_segment_dictionary(wendi_segment *segment, uint32_t row_group, uint32_t column,
                                     wendi_dictionary **dictionary_out, wend_error *error);
void wendi_loaded_runs_free(wendi_loaded_runs *runs);
/** The prediction of a chunk that has one, loaded at first use. */
wend_status wendi_segment_prediction(wendi_segment *segment, uint32_t row_group, uint32_t column,
                                     const wendi_prediction **prediction_out, wend_error *error);

/** Users that are not text: the hash of a run but the null one, and the first run whose hash is not below `hash`. */
uint64_t wendi_loaded_run_hash(const wendi_segment *segment, const wendi_user_runs *runs, uint32_t run);
uint32_t wendi_loaded_runs_lower_bound(const wendi_segment *segment, const wendi_user_runs *runs, uint64_t hash);
/** Free runs and hashes of a row group that nobody uses; how many bytes that was. */
uint64_t wendi_row_group_forget_users(wendi_segment *segment, uint32_t row_group);

/** Count memory that was taken; false: it is not needed and there is no room for it. */
bool wendi_segment_hold(wendi_segment *segment, uint64_t bytes, bool needed);
/** The opposite, of what turned out not to be needed. */
void wendi_segment_give_back(wendi_segment *segment, uint64_t bytes);

bool wendi_kept_page_is(const wendi_segment *segment, uint32_t row_group, uint32_t column, uint32_t page);
/** The checked bytes of a page that is kept, 64 readable ones behind them; NULL: read it. */
const uint8_t *wendi_kept_page_find(wendi_segment *segment, uint32_t row_group, uint32_t column, uint32_t page);
/** These bytes of a page were read and checked: keep a copy if they were read before. */
void wendi_kept_page_offer(wendi_segment *segment, uint32_t row_group, uint32_t column, uint32_t page,
                           const uint8_t *bytes, uint32_t length);
/** Free the row group's kept pages that were not used since `before_round`; how many bytes that was. */
uint64_t wendi_kept_pages_trim(wendi_segment *segment, uint32_t row_group, uint32_t before_round);

/** Set by bench_open alone, to measure what checking pages costs; never elsewhere. */
extern bool wendi_page_checks_off;
/** Make page `page` the open one. */
wend_status wendi_chunk_load_page(wendi_chunk *chunk, uint32_t page, wend_error *error);
uint32_t wendi_chunk_page_rows(const wendi_chunk *chunk, uint32_t page);
/** Room for `count` output values; count is rounded up to vectors. */
wend_status wendi_chunk_reserve(wendi_chunk *chunk, uint32_t count, wend_error *error);
wend_status wendi_chunk_damage(const wendi_chunk *chunk, const char *reason, wend_error *error);
/** Predicted pages: codes, not checked against the dictionary, or 8-byte values with nulls. `codes` and `values` have room for whole vectors. */
wend_status wendi_chunk_predicted_codes(wendi_chunk *chunk, uint32_t first_row, uint32_t row_count, uint32_t *codes,
                                        wend_error *error);
wend_status wendi_chunk_predicted_values(wendi_chunk *chunk, uint32_t first_row, uint32_t row_count, uint64_t *values,
                                         uint8_t *nulls, bool *any_null, wend_error *error);
void wendi_chunk_close_determinants(wendi_chunk *chunk);
/* Filters on encoded pages; chunk_filter.c. */
/** The run of an RLE stream that holds row `row` of it. */
uint32_t wendi_stream_find_run(const wendi_stream *stream, uint32_t row);
/** The numbers of a vector of a FOR stream whose width is at most 8: all 1024, or as many as it has. */
void wendi_unpack_numbers_u8(const wendi_stream *stream, uint32_t vector, uint8_t base, uint8_t *numbers);
/** Rows of a vector of a FOR stream, at most 32 wide, whose number is low..high, into a bitmap of `rows` rows. */
void wendi_select_numbers(const wendi_stream *stream, uint32_t vector, uint32_t rows, uint32_t low, uint32_t high,
                          uint64_t *bitmap);
bool wendi_bitmap_is_empty(const uint64_t *bitmap, uint32_t row_count);
void wendi_bitmap_clear(uint64_t *bitmap, uint32_t from, uint32_t to);
/** From the first to the end of the last vector that has a row left; false: none has. */
bool wendi_bitmap_span(const uint64_t *bitmap, uint32_t row_count, uint32_t *begin, uint32_t *end);

/** Codes must lie below the number of entries before they are used. */
bool wendi_chunk_codes_hold(const wendi_chunk *chunk, const uint32_t *codes, uint32_t count);

#endif
