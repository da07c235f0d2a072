/**
 * The deduplication window: the keys of the newest commits, up to a number of keys.
 *
 * Keys leave by whole commits, oldest first, so that the window after a restart, rebuilt from
 * segments or key files, is exactly the one that the process before it had. A hash set of 16-byte
 * keys with linear probing; no tombstones, removal closes the gap (Knuth, TAOCP 3, 6.4, algorithm
 * R). Which accepted keys go with which commit is the caller's to know: rows of the next commit may
 * come in while one is being written.
 */
#ifndef WENDI_TABLE_UNIQUE_WINDOW_H
#define WENDI_TABLE_UNIQUE_WINDOW_H

#include "engine/base/hash.h"
#include <stdbool.h>

#include "engine/base/bytes.h"
#include "engine/base/status.h"

typedef struct wendi_unique_window wendi_unique_window;

wend_status wendi_unique_window_open(uint64_t keys_max, wendi_unique_window **window_out,
                                     wend_error *error);
void wendi_unique_window_close(wendi_unique_window *window); /* accepts NULL */
/**
 * Add a key to the set and to `gathered`, which becomes a commit's keys; *added is false when the
 * window holds it already. {0,0} is no key: *added, and not kept.
 */
wend_status wendi_unique_window_add(wendi_unique_window *window, wendi_hash128 key,
                                    wendi_buffer *gathered, bool *added, wend_error *error);
bool wendi_unique_window_holds(const wendi_unique_window *window, wendi_hash128 key);
/**
 * `gathered` (wendi_hash128s that were added; taken over, left empty) belongs to commit `version`;
 * then the oldest commits go while those committed have more keys than the window may hold.
 */
wend_status wendi_unique_window_commit(wendi_unique_window *window, uint64_t version,
                                       wendi_buffer *gathered, wend_error *error);
/**
 * Rebuilding, newest commit first: the keys of one commit older than all so far. *full: they did
 * not fit, nothing was added and there is no place for older ones.
 */
wend_status wendi_unique_window_prepend(wendi_unique_window *window, uint64_t version,
                                        const wendi_hash128 *keys, uint64_t key_count, bool *full,
                                        wend_error *error);
/** The commits that the window holds, oldest first, with their keys in order of arrival; borrowed
 * until the next change. */
uint32_t wendi_unique_window_commits(const wendi_unique_window *window);
const wendi_hash128 *wendi_unique_window_of(const wendi_unique_window *window, uint32_t index,
                                            uint64_t *version, uint64_t *key_count);
uint64_t wendi_unique_window_keys(const wendi_unique_window *window);
uint64_t wendi_unique_window_bytes(const wendi_unique_window *window);
uint64_t wendi_unique_window_oldest(const wendi_unique_window *window); /* commit; 0: empty */

#endif
