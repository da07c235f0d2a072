/**
 * Inside of an open table and its snapshots: shared by table.c (reading) and writer.c (writing)
 * only.
 */
#ifndef WENDI_TABLE_TABLE_HANDLE_H
#define WENDI_TABLE_TABLE_HANDLE_H

#include <pthread.h>
#include <stdatomic.h>

#include "engine/table/commit_log.h"
#include "engine/table/segment_cache.h"

/** A schema that states with the same DDL and ids share. */
typedef struct wendi_shared_schema {
    _Atomic uint32_t references;
    wendi_schema *schema;
} wendi_shared_schema;

struct wendi_table {
    char folder[WENDI_PATH_BYTES];
    wendi_io *io;
    bool owns_io; /* false: the opener's, and it closes it */
    wendi_segment_cache *cache;
    bool owns_cache; /* false: all open tables of the store share it */
    wendi_segment_home home;
    pthread_mutex_t lock;   /* over `newest` */
    wendi_snapshot *newest; /* one reference; the table's view of the log's end */
};

/**
 * A commit's state, and the segments that were opened through this very handle.
 * wendi_table_snapshot() gives a handle of its own to each caller (`base` set: the state is that
 * one's), so that segments are let go when the caller ends and not when the table does.
 */
struct wendi_snapshot {
    _Atomic uint32_t references;
    wendi_table *table;
    wendi_snapshot *base; /* one reference; NULL: `owned` is ours */
    wendi_owned_state owned;
    wendi_shared_schema *shared;
    _Atomic(wendi_cached_segment *) *segments; /* per segment of the state; NULL until used */
};

/**
 * A snapshot of `owned`, which it takes over, also on failure. The schema is shared with `previous`
 * (may be NULL) when it is the same.
 */
wend_status wendi_snapshot_make(wendi_table *table, wendi_owned_state *owned,
                                const wendi_snapshot *previous, wendi_snapshot **snapshot_out,
                                wend_error *error);
/** As wendi_table_open_io(), with segments in `cache`, which outlives the table; NULL: in one of
 * its own. */
wend_status wendi_table_open_cached(wendi_io *io, wendi_segment_cache *cache, const char *store,
                                    wendi_string name, wendi_table **table_out, wend_error *error);
/** Another handle of the same state. */
wend_status wendi_snapshot_view(wendi_snapshot *of, wendi_snapshot **view_out, wend_error *error);
/** Make `snapshot` the table's newest; takes over one reference of the caller. */
void wendi_table_set_newest(wendi_table *table, wendi_snapshot *snapshot);

#endif
