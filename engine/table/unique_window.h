/**
 * The deduplication window: the keys of the newest commits, up to a number of keys.
 *
 * Keys leave by whole commits, oldest first, so that the window after a restart, rebuilt from
 * segments or key files, is exactly the one that the process before it had. Keys of rows that are
 * not committed yet are in it too, and do not count against its limit.
 *
 * The keys lie in the order in which they came, which is that of commits, in chunks that are given
 * back when their commits leave; a key index says where a key lies. Rows come in batches, numbered
 * in rising order, and batches are committed in that order. One thread at a time.
 */
#ifndef WENDI_TABLE_UNIQUE_WINDOW_H
#define WENDI_TABLE_UNIQUE_WINDOW_H

#include <stdbool.h>

#include "engine/base/hash.h"
#include "engine/base/status.h"

/** Memory of a key: 16 bytes of its own, 8 of the index at a load of three fifths to three quarters,
 * and an eighth more of keys that were withdrawn and lie there still. */
enum { WENDI_UNIQUE_KEY_BYTES = 32 };

typedef struct wendi_unique_window wendi_unique_window;

wend_status wendi_unique_window_open(uint64_t keys_max, wendi_unique_window **window_out,
                                     wend_error *error);
void wendi_unique_window_close(wendi_unique_window *window); /* accepts NULL */

/**
 * Rows of batch `batch`, whose keys are keys[rule * count + row]; {0, 0} is no key. keep[row]
 * becomes 0 for rows one of whose keys is held, *duplicate_count of them; the keys of the others
 * enter. Rows with keep[row] = 0 are not looked at. WEND_NOMEM: only close() is meaningful.
 */
wend_status wendi_unique_window_take(wendi_unique_window *window, uint64_t batch,
                                     const wendi_hash128 *keys, uint32_t rules, uint32_t count,
                                     uint8_t *keep, uint32_t *duplicate_count, wend_error *error);
/**
 * A row that was taken and not committed will not be stored: its keys (one a rule) leave the
 * window. False, and nothing happens, when another row was refused because of one of its keys that
 * is not stored elsewhere (stored[rule] = 0): then this row has to be stored.
 */
bool wendi_unique_window_withdraw(wendi_unique_window *window, const wendi_hash128 *keys,
                                  const uint8_t *stored, uint32_t rules);
/**
 * All batches up to `batch` are commit `version`, made at `commit_us`. Then the oldest commits go
 * while those committed have more keys than the window may hold.
 */
wend_status wendi_unique_window_commit(wendi_unique_window *window, uint64_t version,
                                       int64_t commit_us, uint64_t batch, wend_error *error);
/**
 * Rebuilding, newest commit first, before any row is taken: the keys of one commit older than all so
 * far. *full: they did not fit, nothing was added and there is no place for older ones.
 */
wend_status wendi_unique_window_prepend(wendi_unique_window *window, uint64_t version,
                                        const wendi_hash128 *keys, uint64_t key_count, bool *full,
                                        wend_error *error);

bool wendi_unique_window_holds(const wendi_unique_window *window, wendi_hash128 key);

/** The commits that the window holds, oldest first. */
typedef struct wendi_window_commit {
    uint64_t version;
    int64_t commit_us; /* 0: not known, since it was rebuilt */
    uint64_t key_count;
} wendi_window_commit;
uint32_t wendi_unique_window_commits(const wendi_unique_window *window);
wendi_window_commit wendi_unique_window_at(const wendi_unique_window *window, uint32_t index);
/** Say when the commit at `index` was made. */
void wendi_unique_window_set_time(wendi_unique_window *window, uint32_t index, int64_t commit_us);
/** Copy its keys in order of arrival; room for its key_count. */
void wendi_unique_window_copy(const wendi_unique_window *window, uint32_t index,
                              wendi_hash128 *keys);
/** How many keys batches up to `batch` have that are no commit's yet, and their copy. */
uint64_t wendi_unique_window_pending(const wendi_unique_window *window, uint64_t batch);
void wendi_unique_window_copy_pending(const wendi_unique_window *window, uint64_t batch,
                                      wendi_hash128 *keys);

uint64_t wendi_unique_window_keys(const wendi_unique_window *window); /* committed or not */
uint64_t wendi_unique_window_keys_max(const wendi_unique_window *window);
uint64_t wendi_unique_window_bytes(const wendi_unique_window *window);
uint64_t wendi_unique_window_oldest(const wendi_unique_window *window); /* commit; 0: empty */

#endif
