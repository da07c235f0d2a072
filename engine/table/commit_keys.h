/**
 * Which key files a table has: what a commit adds to them and drops, and the window read back from
 * them. Only for tables whose segments do not have the UNIQUE column as it arrived (id_column).
 *
 * A commit's keys go into a new file. Small files before it are taken into it, so that the files of
 * a window are few however small its commits are: sizes fall from file to file until one has
 * WENDI_KEY_FILE_FULL keys, which is never written again.
 */
#ifndef WENDI_TABLE_COMMIT_KEYS_H
#define WENDI_TABLE_COMMIT_KEYS_H

#include <pthread.h>

#include "engine/table/key_file.h"
#include "engine/table/unique_window.h"

enum { WENDI_KEY_FILE_FULL = 1 << 16 };

/** What one commit changes. Arrays are in the arena given. */
typedef struct wendi_commit_keys {
    wendi_key_entry added;
    uint32_t added_count; /* 0 or 1 */
    uint8_t (*dropped)[WENDI_UUID_BYTES];
    uint32_t dropped_count;
} wendi_commit_keys;

/**
 * Write the key file of commit `version`, whose rows are those of batches up to `batch` (no keys: no
 * file), and say which files it takes the place of and which have left the window. `window` holds
 * all commits before it; it is read under `lock`, and not while files are written.
 */
wend_status wendi_commit_keys_write(wendi_io *io, const char *folder,
                                    const wendi_table_state *state,
                                    const wendi_unique_window *window, pthread_mutex_t *lock,
                                    uint64_t version, uint64_t batch, wendi_arena *arena,
                                    wendi_commit_keys *out, wend_error *error);
/** Fill an empty window from the newest key files on, until it is full. */
wend_status wendi_commit_keys_rebuild(wendi_io *io, const char *folder,
                                      const wendi_table_state *state, wendi_unique_window *window,
                                      wend_error *error);

/** Dropped key files wait for their grace time here, since somebody may be verifying them. */
typedef struct wendi_retired_keys {
    wendi_buffer items;
} wendi_retired_keys;

/** Note the files that a commit dropped just now, and remove those whose time has come. What cannot
 * be noted or removed is swept when the next writer opens. */
void wendi_retired_keys_add(wendi_retired_keys *retired, wendi_io *io, const char *folder,
                            const wendi_commit_keys *commit, int64_t now_us);
void wendi_retired_keys_free(wendi_retired_keys *retired);

#endif
