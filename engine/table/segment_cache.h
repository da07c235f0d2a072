/**
 * Opened segments of one table or of all tables of a store: found by table and uuid, shared by
 * threads.
 *
 * A segment is opened at first use and stays, with what was loaded of it (indexes, dictionaries,
 * user runs, pages read more than once), when nobody uses it any more, so that the next query finds
 * it. When all of them hold more memory than the limit, what was not used for the longest time goes
 * first; nothing goes that is in use.
 */
#ifndef WENDI_TABLE_SEGMENT_CACHE_H
#define WENDI_TABLE_SEGMENT_CACHE_H

#include <stdatomic.h>

#include "engine/table/commit_log.h"
#include "format/segment_reader.h"

typedef struct wendi_segment_cache wendi_segment_cache;
typedef struct wendi_cached_segment wendi_cached_segment;

/** Where a table's segments are, and what was read of them. Borrowed until
 * wendi_segment_cache_forget(). */
typedef struct wendi_segment_home {
    wendi_io *io;
    const char *folder;
    _Atomic uint64_t segments_opened;
    _Atomic uint64_t bytes_read;
    _Atomic uint64_t reads;
} wendi_segment_home;

typedef struct wendi_segment_cache_limits {
    uint64_t memory_bytes; /* 0: WEND_CACHE_BYTES of the environment, else an eighth of the memory
                              there is */
    uint32_t files;        /* descriptors; 0: a quarter of what the process may have */
} wendi_segment_cache_limits;

/** `limits` may be NULL for the defaults. WEND_INVALID: WEND_CACHE_BYTES is no number. */
wend_status wendi_segment_cache_open(const wendi_segment_cache_limits *limits,
                                     wendi_segment_cache **cache_out, wend_error *error);
void wendi_segment_cache_close(
    wendi_segment_cache *cache); /* nothing may be acquired; accepts NULL */
/** Thread safe. One reference for the caller. */
wend_status wendi_segment_cache_acquire(wendi_segment_cache *cache, wendi_segment_home *home,
                                        const wendi_segment_entry *entry,
                                        wendi_cached_segment **cached_out, wend_error *error);
void wendi_segment_cache_release(wendi_segment_cache *cache, wendi_cached_segment *cached);
/** After releasing: bring memory back under the limit. Cost: nothing while it is under it. */
void wendi_segment_cache_make_room(wendi_segment_cache *cache);
/** Close all segments of `home`, none of which may be acquired. */
void wendi_segment_cache_forget(wendi_segment_cache *cache, wendi_segment_home *home);
/** Another query begins: what it uses counts as used later than what queries before it did. */
void wendi_segment_cache_next_round(wendi_segment_cache *cache);
wendi_segment *wendi_cached_segment_of(const wendi_cached_segment *cached);

/** What is there now. */
typedef struct wendi_segment_cache_use {
    uint32_t segments;
    uint32_t files;
    uint64_t memory_bytes;
    uint64_t memory_limit_bytes;
} wendi_segment_cache_use;
wendi_segment_cache_use wendi_segment_cache_use_now(wendi_segment_cache *cache);

#endif
