/**
 * Segment files for reading with a bounded number of descriptors: a table may have more segments
 * than the process may have open files.
 *
 * A pooled file is opened by its first read and closed again when others are wanted more; a read
 * keeps it open. Since segments never change, another open finds the same bytes; its length is
 * compared all the same.
 */
#ifndef WENDI_TABLE_FILE_POOL_H
#define WENDI_TABLE_FILE_POOL_H

#include "engine/table/commit_log.h"

typedef struct wendi_file_pool wendi_file_pool;
typedef struct wendi_pooled_file wendi_pooled_file;

/** `files_max` descriptors at most, but for those that reads under way hold; 0: a share of what the
 * process may have. */
wend_status wendi_file_pool_open(uint32_t files_max, wendi_file_pool **pool_out, wend_error *error);
void wendi_file_pool_close(wendi_file_pool *pool); /* its files must be closed; accepts NULL */
/** Descriptors that are open now. */
uint32_t wendi_file_pool_count(wendi_file_pool *pool);

/** The segment file of `entry` in the table's `folder`; opens nothing. `io` and `folder` are
 * borrowed. */
wend_status wendi_pooled_file_new(wendi_file_pool *pool, wendi_io *io, const char *folder,
                                  const wendi_segment_entry *entry, wendi_pooled_file **file_out,
                                  wend_error *error);
/** No read may be under way. Accepts NULL. */
void wendi_pooled_file_free(wendi_pooled_file *file);
/** All of `length` bytes. Any number of threads at once. WEND_CORRUPT when the file is missing or
 * of another length. */
wend_status wendi_pooled_file_read(wendi_pooled_file *file, uint64_t offset, void *buffer,
                                   size_t length, wend_error *error);
/** These bytes will be read soon: see wendi_file_will_need(). */
void wendi_pooled_file_will_need(wendi_pooled_file *file, uint64_t offset, uint64_t length);

#endif
