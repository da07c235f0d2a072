/**
 * Tables of a store that stay open from query to query, with one segment cache for all of them.
 *
 * A query asks for a table's newest snapshot, which reads only the commits that came since the last
 * one was asked for, and finds segments, dictionaries and pages that earlier queries loaded. A
 * table that was dropped, also when another one was made under its name since, is noticed then.
 *
 * Threads: any number at once.
 */
#ifndef WENDI_TABLE_OPEN_TABLES_H
#define WENDI_TABLE_OPEN_TABLES_H

#include "engine/table/segment_cache.h"
#include "engine/table/table.h"

typedef struct wendi_open_tables wendi_open_tables;
typedef struct wendi_open_table wendi_open_table;

/** Opens no table. `limits` as of wendi_segment_cache_open(). `store` is copied. */
wend_status wendi_open_tables_new(const char *store, const wendi_segment_cache_limits *limits,
                                  wendi_open_tables **tables_out, wend_error *error);
/** Everything that was acquired must have been released. Accepts NULL. */
void wendi_open_tables_free(wendi_open_tables *tables);

/**
 * The newest snapshot of table `name` for the caller, and a reference of the table that it needs:
 * release the snapshot first. WEND_NOT_FOUND lists the tables there are.
 */
wend_status wendi_open_tables_acquire(wendi_open_tables *tables, wendi_string name,
                                      wendi_open_table **table_out, wendi_snapshot **snapshot_out,
                                      wend_error *error);
void wendi_open_tables_release(wendi_open_tables *tables, wendi_open_table *table);
wendi_segment_cache_use wendi_open_tables_use(wendi_open_tables *tables);

#endif
