/**
 * Reading a segment: open it, prune by its zone maps, decode its columns.
 *
 * A wendi_segment is immutable once open and shared by all threads; what it loads lazily (row group
 * indexes, dictionaries, user runs) is loaded once and then found without a lock. A wendi_chunk reads
 * one column of one row group and belongs to one thread at a time. docs/FORMAT.md, part 1, has the bytes.
 *
 * No length is believed before the checksum over it holds, and content is checked even when its
 * checksum holds: any bytes give WEND_CORRUPT, with segment, row group, column, page and byte named,
 * or rows - never anything else. WEND_UNSUPPORTED: written by a newer version; names the feature.
 */
#ifndef WENDI_FORMAT_SEGMENT_READER_H
#define WENDI_FORMAT_SEGMENT_READER_H

#include "engine/column/value.h"
#include "engine/column/vector.h"
#include "format/segment_writer.h" /* wendi_segment_column, wendi_segment_origin */

/** Bytes to read from. `read` fills all of `buffer` or fails, and may be called by many threads at once. */
typedef struct wendi_segment_source {
    void *context;
    const char *name; /* file name for messages, or NULL; borrowed for the segment's life */
    uint64_t length;
    wend_status (*read)(void *context, uint64_t offset, void *buffer, size_t length, wend_error *error);
} wendi_segment_source;

/** What the commit log says: then opening is one exact read and another file under the same name is refused. */
typedef struct wendi_segment_expected {
    uint8_t uuid[16];
    uint64_t file_bytes;
    uint64_t footer_offset;
    uint64_t footer_checksum;
} wendi_segment_expected;

typedef struct wendi_segment wendi_segment;
typedef struct wendi_chunk wendi_chunk;

/** `expected` may be NULL: then trailer and footer are two reads. Copies `source`; its context must outlive the segment. */
wend_status wendi_segment_open(const wendi_segment_source *source, const wendi_segment_expected *expected,
                               wendi_segment **segment_out, wend_error *error);
/** All chunks must be closed. Dictionaries that others acquired live on. Accepts NULL. */
void wendi_segment_close(wendi_segment *segment);

/* ---- memory ---- */
/**
 * Let somebody count what the open segment holds: `hold` is told of all that is there now and of what is loaded later
 * (needed), and is asked about what only saves work (not needed): false refuses. Call it before the segment is shared.
 */
void wendi_segment_count_memory(wendi_segment *segment, void *context,
                                bool (*hold)(void *context, uint64_t bytes, bool needed));
/** Where to say what will be read soon, so that it can be fetched meanwhile. Before the segment is shared. */
void wendi_segment_read_ahead(wendi_segment *segment, void *context,
                              void (*will_need)(void *context, uint64_t offset, uint64_t length));
/** All that `hold` was told of and granted, less what was trimmed. */
uint64_t wendi_segment_memory(const wendi_segment *segment);
/** A clock of the caller's that only rises: what is used from now on is marked with `round`. */
void wendi_segment_set_round(wendi_segment *segment, uint32_t round);
/**
 * Forget what was loaded lazily and last used before `before_round`; it is loaded again when it is wanted. Nobody may
 * use the segment meanwhile. Returns the bytes given back, which `hold` is not told.
 */
uint64_t wendi_segment_trim(wendi_segment *segment, uint32_t before_round);

/* ---- what the footer says; no reads, borrowed from the segment ---- */
uint64_t wendi_segment_row_count(const wendi_segment *segment);
uint32_t wendi_segment_column_count(const wendi_segment *segment);
const wendi_segment_column *wendi_segment_column_at(const wendi_segment *segment, uint32_t column);
/** Index of the column with this table-wide id, or WENDI_NO_COLUMN: then it reads as its default or null. */
uint32_t wendi_segment_find_column(const wendi_segment *segment, uint32_t column_id);
uint32_t wendi_segment_user_column(const wendi_segment *segment); /* index or WENDI_NO_COLUMN */
const wendi_segment_origin *wendi_segment_origins(const wendi_segment *segment, uint32_t *count);
const wendi_segment_summary *wendi_segment_summary_of(const wendi_segment *segment);

typedef struct wendi_row_group_info {
    uint64_t first_row; /* within the segment */
    uint32_t row_count;
    int64_t time_min; /* min > max: no non-null time */
    int64_t time_max;
    uint64_t user_hash_min; /* min > max: no user */
    uint64_t user_hash_max;
    uint64_t null_user_rows; /* they are the last ones */
} wendi_row_group_info;
uint32_t wendi_segment_row_group_count(const wendi_segment *segment);
const wendi_row_group_info *wendi_segment_row_group(const wendi_segment *segment, uint32_t row_group);

/* ---- zone maps ---- */
/**
 * What is known of some rows of a column. min and max have the column's type and bound the non-null
 * values (strings may be bounds that do not occur themselves; NaN is above all doubles). Without
 * has_min_max nothing is known of the values and nothing may be skipped for them.
 */
typedef struct wendi_zone {
    uint64_t row_count;
    uint64_t null_count; /* == row_count: all null. At vector level an upper bound (see there) */
    bool null_count_exact;
    bool has_min_max;
    wendi_value min; /* string: borrowed from the segment */
    wendi_value max;
    bool has_codes; /* dictionary columns, page and vector level: non-null codes lie in code_min..code_max */
    uint32_t code_min;
    uint32_t code_max;
    bool has_code_mask; /* page level, dictionaries of at most 64 entries: bit c is set when code c occurs (0: null) */
    uint64_t code_mask;
} wendi_zone;

/** Over the whole segment, and over a row group: from the footer, no reads. */
void wendi_segment_zone(const wendi_segment *segment, uint32_t column, wendi_zone *zone);
void wendi_row_group_zone(const wendi_segment *segment, uint32_t row_group, uint32_t column, wendi_zone *zone);
/** Of page `page` (rows page * WENDI_PAGE_ROWS ...): from the chunk's index, no reads. */
void wendi_chunk_page_zone(const wendi_chunk *chunk, uint32_t page, wendi_zone *zone);
/**
 * Of the WENDI_VECTOR_ROWS rows at `first_row` (a multiple): loads the page (not decoding it), since bounds come with
 * its encoding. null_count is exact only when 0 or all.
 */
wend_status wendi_chunk_vector_zone(wendi_chunk *chunk, uint32_t first_row, wendi_zone *zone, wend_error *error);

/* ---- users ---- */
/**
 * The runs of equal users of a row group, in row order: run r is rows first_row[r]..first_row[r+1]-1.
 * When null_run, the last run has no user. Without a user column: one null run. Shared, immutable.
 */
typedef struct wendi_user_runs {
    uint32_t run_count;
    bool null_run;
    const uint32_t *first_row; /* run_count + 1 */
} wendi_user_runs;
/** Loaded from the user column's pages at first use; cached in the segment. */
wend_status wendi_segment_user_runs(wendi_segment *segment, uint32_t row_group, const wendi_user_runs **runs_out,
                                    wend_error *error);
/**
 * hashes[run] rises (equal for different users whose hashes collide); the null run has UINT64_MAX, which says nothing
 * about being null: see null_run. Computed from the user dictionary at first use; cached.
 */
wend_status wendi_segment_user_hashes(wendi_segment *segment, uint32_t row_group, const uint64_t **hashes_out,
                                      wend_error *error);
/** The first run (null run left out) whose hash is >= `hash`, by binary search; their count when none is. */
uint32_t wendi_user_runs_lower_bound(const wendi_user_runs *runs, const uint64_t *hashes, uint64_t hash);

/**
 * The rows of one user (not null) of a row group: *row_begin .. *row_end - 1, none when both are equal. `*exact`: they
 * are all this user's; else users of the same hash may be among them. Takes what a few lookups need, not all users.
 * Only with a user column.
 */
wend_status wendi_segment_find_user(wendi_segment *segment, uint32_t row_group, const wendi_value *user,
                                    uint32_t *row_begin, uint32_t *row_end, bool *exact, wend_error *error);

/* ---- columns ---- */
/** Reads the row group's index at first use. */
wend_status wendi_chunk_open(wendi_segment *segment, uint32_t row_group, uint32_t column, wendi_chunk **chunk_out,
                             wend_error *error);
void wendi_chunk_close(wendi_chunk *chunk); /* accepts NULL */

/** All of the chunk will be read soon, its dictionary too if `dictionary`: what is not in memory is asked for. */
void wendi_chunk_will_need(const wendi_chunk *chunk, bool dictionary);

/** Whether reads give DICTIONARY (or CONSTANT) vectors; false for other types and for text kept in blocks. */
bool wendi_chunk_has_dictionary(const wendi_chunk *chunk);
/**
 * The chunk's dictionary, loaded once per row group and column, shared by all threads; borrowed from the
 * segment (acquire it to keep it longer). `*dictionary_out` is NULL when there is none. The user column's has ordered = false.
 */
wend_status wendi_chunk_dictionary(wendi_chunk *chunk, wendi_dictionary **dictionary_out, wend_error *error);

/**
 * Decode rows first_row..first_row+row_count-1 of the row group. first_row is a multiple of
 * WENDI_VECTOR_ROWS, row_count at least 1, and the rows lie within one page, i.e. do not cross a multiple of
 * WENDI_PAGE_ROWS.
 *
 * Gives CONSTANT when all rows are known to be equal (also all null), DICTIONARY with the shared
 * dictionary for text columns that have one, else FLAT. A CONSTANT of a column with a dictionary has no `dictionary`.
 *
 * Ownership: buffers belong to the chunk and are valid until its next read or close.
 * Cost:      no allocation after the first page but for larger pages; pages are read ahead in one go.
 */
wend_status wendi_chunk_read(wendi_chunk *chunk, uint32_t first_row, uint32_t row_count, wendi_vector *vector,
                             wend_error *error);
/**
 * Spare decoding twice: when predicted pages need codes of another column that one of `chunks` (`count` of them, NULL
 * for none) read last for these very rows, they are taken from there. The array is looked at in every read, so
 * it and its chunks must live as long as `chunk`, and belong to the same thread.
 */
void wendi_chunk_lend(wendi_chunk *chunk, wendi_chunk *const *chunks, uint32_t count);
/**
 * The same rows as dictionary codes (0: null), checked, without loading the dictionary. Only where
 * wendi_chunk_has_dictionary(). `*codes_out` is the chunk's buffer, valid until its next read or close.
 */
wend_status wendi_chunk_read_codes(wendi_chunk *chunk, uint32_t first_row, uint32_t row_count,
                                   const uint32_t **codes_out, wend_error *error);

/* ---- filters and counts on pages as they are encoded ---- */
/*
 * Rows as in wendi_chunk_read(). `bitmap` (one of kernels.h over row_count rows) says which rows still take part and
 * loses those that do not pass: filters are joined by calling them one after the other. Vectors that have lost all rows
 * are not looked at, and neither are whole pages and vectors that statistics or bounds decide. Damage in what was not
 * looked at is not met. Buffers that reads gave out may be written over.
 */

/** A set of dictionary codes, 0 (null) among them or not. Make it with one of the two functions below. */
typedef struct wendi_code_set {
    const uint64_t *words; /* bit c % 64 of words[c / 64] for c < count; not looked at for an interval; borrowed */
    uint32_t count;
    uint32_t least; /* the bounds of the codes in it; least > most: none is */
    uint32_t most;
    uint32_t members;
    bool interval; /* all codes from least to most are in it */
} wendi_code_set;
wendi_code_set wendi_code_set_of(const uint64_t *words, uint32_t count);
/** The codes least..most; none when least > most. */
wendi_code_set wendi_code_set_between(uint32_t least, uint32_t most);

/**
 * Keep rows whose dictionary code is in the set: a null only if code 0 is, so IS NULL is the set 0..0 and IS NOT NULL
 * 1..UINT32_MAX. Only where wendi_chunk_has_dictionary(), which is not loaded. Codes that the dictionary does not
 * have are in no set made of its entries.
 */
wend_status wendi_chunk_select_codes(wendi_chunk *chunk, uint32_t first_row, uint32_t row_count,
                                     const wendi_code_set *set, uint64_t *bitmap, wend_error *error);
/** Keep rows whose value lies in low..high, both included; never a null. Types of 64-bit integers only. */
wend_status wendi_chunk_select_range(wendi_chunk *chunk, uint32_t first_row, uint32_t row_count, int64_t low,
                                     int64_t high, uint64_t *bitmap, wend_error *error);
/** Keep rows that are null, or those that are not. Any type. */
wend_status wendi_chunk_select_null(wendi_chunk *chunk, uint32_t first_row, uint32_t row_count, bool null,
                                    uint64_t *bitmap, wend_error *error);
enum { WENDI_COUNT_CODES_MAX = 256 };
/**
 * counts[c] += the rows of code c that are set in `bitmap` (NULL: of all). Only for dictionaries of at most
 * WENDI_COUNT_CODES_MAX entries, see wendi_chunk_code_count(), of which `counts` has one each. Counts of a failed call
 * are undefined.
 */
wend_status wendi_chunk_count_codes(wendi_chunk *chunk, uint32_t first_row, uint32_t row_count,
                                    const uint64_t *bitmap, uint32_t *counts, wend_error *error);
/** Entries of the dictionary, null's among them; 0: there is none. No reads. */
uint32_t wendi_chunk_code_count(const wendi_chunk *chunk);
/** Whether pages may be predicted from other columns: then filters decode what they look at. */
bool wendi_chunk_is_predicted(const wendi_chunk *chunk);

/* ---- a few strings of a dictionary, without all of it; only where wendi_chunk_has_dictionary() ---- */
/** Whether the whole dictionary is loaded, or so small that single blocks of it save nothing. */
bool wendi_chunk_dictionary_at_hand(const wendi_chunk *chunk);
/** Whether wendi_chunk_find() takes a few blocks of the dictionary (it is searched by halves) or all of it. */
bool wendi_chunk_find_is_cheap(const wendi_chunk *chunk);
/** The code of `text` in the chunk's dictionary; 0: it is not there. */
wend_status wendi_chunk_find(wendi_chunk *chunk, wendi_string text, uint32_t *code_out, wend_error *error);
/**
 * strings[i] of codes[rows[i]], i < count (rows NULL: of codes[i]), empty for code 0. Loads the blocks they are
 * in, unless the whole dictionary is there. Borrowed from the segment.
 */
wend_status wendi_chunk_strings(wendi_chunk *chunk, const uint32_t *codes, const uint32_t *rows, uint32_t count,
                                wendi_string *strings, wend_error *error);

/* ---- verification ---- */
/** One fault found; `place` such as "row group 0, column 3 (price), page 2", `offset` the byte where that thing begins. */
typedef struct wendi_segment_fault {
    wend_status status; /* WEND_CORRUPT, WEND_IO or WEND_UNSUPPORTED */
    uint64_t offset;
    const char *message; /* the whole sentence: file, place, byte and what is wrong */
} wendi_segment_fault;
typedef void (*wendi_segment_fault_report)(void *context, const wendi_segment_fault *fault);
typedef struct wendi_segment_verified {
    uint64_t bytes; /* looked at */
    uint64_t row_count;
    uint64_t faults;
} wendi_segment_verified;
/**
 * Check everything: every byte of the file lies under a checksum that holds or is padding that is zero, every page and
 * dictionary decodes, statistics and order hold. Goes on after a fault where it can. WEND_OK: no
 * faults; WEND_CORRUPT: `verified->faults` were reported; WEND_NOMEM. `expected` and `report` may be NULL.
 */
wend_status wendi_segment_verify(const wendi_segment_source *source, const wendi_segment_expected *expected,
                                 wendi_segment_fault_report report, void *context, wendi_segment_verified *verified,
                                 wend_error *error);

#endif
