/**
 * The list of files that an export wrote into a directory ("_wend_export"), and the walk over such
 * a directory that removes, or only looks for, what is on it.
 */
#ifndef PARQUET_LISTING_H
#define PARQUET_LISTING_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/parquet_export/parquet_memory.h"

#define PARQUET_LISTING_NAME "_wend_export"
#define PARQUET_LISTING_HEAD "wend export 1\n"

/** `is_pattern`: no list was read; whatever is named as our files are named counts as ours. */
typedef struct parquet_listing {
    bool is_pattern;
    char *text;
    char **paths; /* sorted, pointing into `text` */
    size_t path_count;
} parquet_listing;

/** Read the list of the directory `dir_fd`. WEND_NOT_FOUND when it has none. */
WEND_MUST_USE wend_status parquet_listing_read(parquet_listing *listing, int dir_fd,
                                               wend_error *error);
void parquet_listing_free(parquet_listing *listing);

/**
 * Walk the directory `dir_fd`, whose name for messages is `path`. With `is_removing` everything
 * that is ours is removed and the rest left. Returns WEND_EXISTS, naming it in `error`, when there
 * is something that is not ours.
 */
WEND_MUST_USE wend_status parquet_listing_sweep(const parquet_listing *listing, int dir_fd,
                                                const char *path, bool is_removing,
                                                wend_error *error);

/** Sync the directory `dir_fd` and every one below it. */
WEND_MUST_USE wend_status parquet_listing_sync(int dir_fd, const char *path, wend_error *error);

#endif
