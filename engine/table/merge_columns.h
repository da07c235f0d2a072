/**
 * The columns of a merge's row group: values gathered from the sources in the order that was found.
 *
 * One column after the other, one source after the other, each read forward once. Text stays codes:
 * of each source's dictionary an entry is looked up the first time a row needs it, rows are mapped.
 */
#ifndef WENDI_TABLE_MERGE_COLUMNS_H
#define WENDI_TABLE_MERGE_COLUMNS_H

#include "engine/table/merge_order.h"

typedef struct wendi_merge_columns wendi_merge_columns;

typedef struct wendi_merge_columns_options {
    wendi_merge_source *sources; /* borrowed, as all here */
    uint32_t source_count;
    const wendi_schema *schema;
    uint32_t row_capacity;
    bool with_commits;     /* a last column: the commit a row came with */
    uint64_t commit_floor; /* null for rows of older commits */
    size_t text_bytes_max; /* of a row group's texts without a dictionary */
    bool keep_open; /* chunks stay open between row groups, else they give their memory back */
} wendi_merge_columns_options;

/** Bytes of memory that each row of the capacity costs. */
size_t wendi_merge_columns_row_bytes(const wendi_schema *schema);

wend_status wendi_merge_columns_open(const wendi_merge_columns_options *options,
                                     wendi_merge_columns **columns_out, wend_error *error);
void wendi_merge_columns_close(wendi_merge_columns *columns); /* accepts NULL */

/**
 * Gather places first..first+count-1 of `rows` into `*vectors`, one a schema column and the commits
 * last, which live until the next call. `*too_wide`: the texts are more than text_bytes_max,
 * nothing was gathered; ask for fewer rows. Never set for a single row.
 */
wend_status wendi_merge_columns_gather(wendi_merge_columns *columns, const wendi_merge_rows *rows,
                                       uint32_t first, uint32_t count, const wendi_vector **vectors,
                                       bool *too_wide, wend_error *error);
/** The source is about to be closed. `context` is the wendi_merge_columns. */
void wendi_merge_columns_source_closed(void *context, uint32_t source);

#endif
