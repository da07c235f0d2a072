/** Filling a deduplication window from what the table holds, so that a restart forgets nothing. */
#ifndef WENDI_TABLE_WINDOW_REBUILD_H
#define WENDI_TABLE_WINDOW_REBUILD_H

#include "engine/table/table.h"
#include "engine/table/unique_window.h"

/** Reads the UNIQUE columns of the newest commits' segments, newest first, until the window is
 * full. */
wend_status wendi_window_rebuild(wendi_snapshot *snapshot, wendi_unique_window *window,
                                 wend_error *error);

#endif
