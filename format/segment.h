/** An open segment and an open chunk, as the reader's own files see them. Not for other rooms. */
#ifndef WENDI_FORMAT_SEGMENT_H
#define WENDI_FORMAT_SEGMENT_H

#include <pthread.h>
#include <stdatomic.h>

#include "format/footer.h"

/** The user runs of a row group with what hashes are computed from. */
typedef struct wendi_loaded_runs {
    wendi_user_runs runs; /* first */
    uint32_t *first_row;  /* owned */
    wendi_b16 *keys;      /* owned; users that are not text, by run; else NULL: run r is code r + 1 */
} wendi_loaded_runs;

/** What is loaded lazily of a row group; set once under the lock, then read without it. */
typedef struct wendi_row_group_state {
    pthread_mutex_t lock;
    _Atomic(wendi_page_entry *) pages; /* column by column */
    _Atomic(wendi_loaded_runs *) runs;
    _Atomic(uint64_t *) hashes;
    _Atomic(wendi_dictionary *) *dictionaries; /* a column each */
} wendi_row_group_state;

struct wendi_segment {
    wendi_segment_source source;
    wendi_arena arena;
    wendi_footer footer;
    wendi_row_group_state *row_groups;
    uint32_t lock_count; /* row groups whose lock was made */
    char name[128];      /* for messages */
};

struct wendi_chunk {
    wendi_segment *segment;
    uint32_t row_group;
    uint32_t column;
    const wendi_chunk_entry *entry;
    const wendi_page_entry *pages;
    uint32_t row_count; /* of the row group */
    wendi_dictionary *dictionary; /* borrowed from the segment once loaded */
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
const wendi_chunk_entry *wendi_segment_chunk(const wendi_segment *segment, uint32_t row_group, uint32_t column);
/** The row group's page entries, loaded at first use. */
wend_status wendi_segment_pages(wendi_segment *segment, uint32_t row_group, const wendi_page_entry **pages_out,
                                wend_error *error);
wend_status wendi_segment_dictionary(wendi_segment *segment, uint32_t row_group, uint32_t column,
                                     wendi_dictionary **dictionary_out, wend_error *error);
void wendi_loaded_runs_free(wendi_loaded_runs *runs);

/** Make page `page` the open one. */
wend_status wendi_chunk_load_page(wendi_chunk *chunk, uint32_t page, wend_error *error);
uint32_t wendi_chunk_page_rows(const wendi_chunk *chunk, uint32_t page);
/** Room for `count` output values; count is rounded up to vectors. */
wend_status wendi_chunk_reserve(wendi_chunk *chunk, uint32_t count, wend_error *error);
wend_status wendi_chunk_damage(const wendi_chunk *chunk, const char *reason, wend_error *error);
/** Codes must lie below the number of entries before they are used. */
bool wendi_chunk_codes_hold(const wendi_chunk *chunk, const uint32_t *codes, uint32_t count);

#endif
