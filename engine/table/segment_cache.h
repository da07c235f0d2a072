/**
 * Opened segments of a table, shared by its snapshots and found by uuid.
 *
 * A segment is opened at first use and stays open after its last snapshot has gone, so that the
 * next one finds it, unless many unused ones stand open already.
 */
#ifndef WENDI_TABLE_SEGMENT_CACHE_H
#define WENDI_TABLE_SEGMENT_CACHE_H

#include "engine/table/commit_log.h"
#include "format/segment_reader.h"

typedef struct wendi_segment_cache wendi_segment_cache;
typedef struct wendi_cached_segment wendi_cached_segment;

/** `io` and `folder` are borrowed for the cache's life. */
wend_status wendi_segment_cache_open(wendi_io *io, const char *folder,
                                     wendi_segment_cache **cache_out, wend_error *error);
void wendi_segment_cache_close(wendi_segment_cache *cache); /* nothing may be acquired */
/** Thread safe. One reference for the caller. */
wend_status wendi_segment_cache_acquire(wendi_segment_cache *cache,
                                        const wendi_segment_entry *entry,
                                        wendi_cached_segment **cached_out, wend_error *error);
void wendi_segment_cache_release(wendi_segment_cache *cache, wendi_cached_segment *cached);
wendi_segment *wendi_cached_segment_of(const wendi_cached_segment *cached);
wendi_table_counters wendi_segment_cache_counters(const wendi_segment_cache *cache);

#endif
