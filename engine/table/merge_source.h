/**
 * A row group of an input as a merge sees it: user after user, with the keys rows are ordered by.
 *
 * Opened when the merge comes to its first user and closed behind its last row, each with a file
 * and a segment of its own, so that what it loaded (runs, dictionaries) goes with it.
 */
#ifndef WENDI_TABLE_MERGE_SOURCE_H
#define WENDI_TABLE_MERGE_SOURCE_H

#include "engine/table/commit_log.h"
#include "engine/table/segment_columns.h"

/** What all sources of a merge share. */
typedef struct wendi_merge_scope {
    wendi_io *io;
    const char *folder;
    const wendi_absent_columns *absent; /* with the schema */
    int64_t time_begin;                 /* rows with time_begin <= time < time_end take part; */
    int64_t time_end;                   /* INT64_MAX: no end */
    uint64_t hash_begin;                /* users with hash_begin <= hash <= hash_last; */
    uint64_t hash_last;                 /* UINT64_MAX: rows without a user too */
} wendi_merge_scope;

/** Some rows of a key column, decoded; moves forward with the merge. */
typedef struct wendi_key_window {
    uint32_t first;
    uint32_t end;
    uint32_t mask; /* 0: the vector is constant */
    wendi_vector vector;
} wendi_key_window;

typedef struct wendi_merge_source {
    const wendi_merge_scope *scope;
    const wendi_segment_entry *entry;
    uint32_t row_group;
    uint32_t row_count;
    bool narrowed;       /* some rows may lie outside the scope's times */
    bool takes_timeless; /* rows without a time take part */
    /* The user of the next run; before opening a bound of it. */
    bool null_user;
    uint64_t hash;
    /* While open: */
    wendi_file *file;                      /* NULL: not open */
    char name[WENDI_UUID_TEXT_BYTES + 16]; /* for messages */
    wendi_segment *segment;
    wendi_segment_columns columns; /* for gathering */
    wendi_segment_columns keys;    /* for ordering: other chunks, since they run ahead */
    wendi_chunk *commits;          /* of merged files; may be NULL */
    const wendi_user_runs *runs;
    const uint64_t *hashes;
    wendi_dictionary *users; /* text users: of run r the entry r + 1 */
    uint32_t run;
    uint32_t run_end;
    wendi_key_window times;
    wendi_key_window orders;
    wendi_key_window user_values; /* users that are not text */
    /* Rows of it in the row group under way: */
    uint32_t used_first;
    uint32_t used_end; /* 0: none */
} wendi_merge_source;

/** Open file and segment alone, to read the footer. */
wend_status wendi_merge_source_look(wendi_merge_source *source, wend_error *error);
/** Open the row group and stand at the first run within the scope. */
wend_status wendi_merge_source_open(wendi_merge_source *source, wend_error *error);
void wendi_merge_source_close(wendi_merge_source *source); /* accepts one that is not open */

/** Is there a run left? Only of an open one. */
static inline bool wendi_merge_source_has_run(const wendi_merge_source *source)
{
    return source->run < source->run_end;
}
/** Step to the next run; sets null_user and hash. */
void wendi_merge_source_step(wendi_merge_source *source);
/** The user of the current run, which is not the one without a user; text is borrowed. */
wend_status wendi_merge_source_user(wendi_merge_source *source, wendi_value *user,
                                    wend_error *error);
/** The rows of the current run that take part: *begin == *end when none does. */
wend_status wendi_merge_source_rows(wendi_merge_source *source, uint32_t *begin, uint32_t *end,
                                    wend_error *error);

/** Decode the column's rows around `row` into the window. */
wend_status wendi_key_window_move(wendi_merge_source *source, wendi_key_window *window,
                                  uint32_t position, uint32_t row, wend_error *error);
static inline bool wendi_key_window_holds(const wendi_key_window *window, uint32_t row)
{
    return row >= window->first && row < window->end;
}
static inline uint32_t wendi_key_window_index(const wendi_key_window *window, uint32_t row)
{
    return (row - window->first) & window->mask;
}

#endif
