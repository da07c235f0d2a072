/**
 * Key files: the deduplication window's keys of some commits, where segments cannot give them back.
 *
 * Under event_id 'hash' or 'drop' the UNIQUE column is not in the segments as it arrived, so every
 * commit that adds rows also names a file with the keys of these rows (docs/FORMAT.md, part 2).
 * Only writers read them. The bytes here; when files are written, joined and dropped:
 * commit_keys.h.
 */
#ifndef WENDI_TABLE_KEY_FILE_H
#define WENDI_TABLE_KEY_FILE_H

#include "engine/base/hash.h"
#include "engine/table/commit_log.h"

/** The keys of one commit. */
typedef struct wendi_key_run {
    uint64_t commit;
    const wendi_hash128 *keys; /* in the order of arrival; none is {0, 0} */
    uint64_t key_count;        /* at least 1 */
} wendi_key_run;

/** Append the file's bytes: runs in rising order of commits, at least one. WEND_NOMEM. */
wend_status wendi_key_file_encode(const uint8_t uuid[WENDI_UUID_BYTES], const wendi_key_run *runs,
                                  uint32_t run_count, wendi_buffer *out);
/**
 * Read a file that must be `uuid`. Runs and keys are copied to `arena`. WEND_CORRUPT says what is
 * wrong; nothing is believed before its checksum held, and memory is bounded by `length`.
 */
wend_status wendi_key_file_decode(const void *bytes, size_t length,
                                  const uint8_t uuid[WENDI_UUID_BYTES], wendi_arena *arena,
                                  wendi_key_run **runs, uint32_t *run_count, wend_error *error);

/** Write keys/<uuid>.keys under a new uuid so that it is durable, and fill `entry`. After a failure
 * nothing is left but what a sweep removes. */
wend_status wendi_key_file_write(wendi_io *io, const char *folder, const wendi_key_run *runs,
                                 uint32_t run_count, wendi_key_entry *entry, wend_error *error);
/** Read the file that `entry` names and check all that the log says of it. WEND_CORRUPT, also when
 * it is missing, names the file. */
wend_status wendi_key_file_read(wendi_io *io, const char *folder, const wendi_key_entry *entry,
                                wendi_arena *arena, wendi_key_run **runs, uint32_t *run_count,
                                wend_error *error);

#endif
