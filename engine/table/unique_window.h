/**
 * The deduplication window: the keys of the newest commits, up to a number of keys.
 *
 * Keys leave by whole commits, oldest first, so that the window after a restart, rebuilt from
 * segments, is exactly the one that the process before it had. A hash set of 16-byte keys with
 * linear probing; no tombstones, removal closes the gap (Knuth, TAOCP 3, 6.4, algorithm R).
 */
#ifndef WENDI_TABLE_UNIQUE_WINDOW_H
#define WENDI_TABLE_UNIQUE_WINDOW_H

#include "engine/base/hash.h"
#include <stdbool.h>

#include "engine/base/status.h"

typedef struct wendi_unique_window wendi_unique_window;

wend_status wendi_unique_window_open(uint64_t keys_max, wendi_unique_window **window_out,
                                     wend_error *error);
void wendi_unique_window_close(wendi_unique_window *window); /* accepts NULL */
/** Add a key to the commit being gathered; *added is false when the window holds it already. {0,0}
 * is not a key. */
wend_status wendi_unique_window_add(wendi_unique_window *window, wendi_hash128 key, bool *added,
                                    wend_error *error);
bool wendi_unique_window_holds(const wendi_unique_window *window, wendi_hash128 key);
/** What was gathered since the last call belongs to this commit; then the oldest commits go while
 * there are too many keys. */
wend_status wendi_unique_window_commit(wendi_unique_window *window, uint64_t version,
                                       wend_error *error);
/**
 * Rebuilding, newest commit first: the keys of one commit older than all so far. *full: they did
 * not fit, nothing was added and there is no place for older ones.
 */
wend_status wendi_unique_window_prepend(wendi_unique_window *window, uint64_t version,
                                        const wendi_hash128 *keys, uint64_t key_count, bool *full,
                                        wend_error *error);
uint64_t wendi_unique_window_keys(const wendi_unique_window *window);
uint64_t wendi_unique_window_bytes(const wendi_unique_window *window);
uint64_t wendi_unique_window_oldest(const wendi_unique_window *window); /* commit; 0: empty */

#endif
