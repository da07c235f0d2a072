/** Removing what crashes left behind. */
#ifndef WENDI_TABLE_TABLE_SWEEP_H
#define WENDI_TABLE_TABLE_SWEEP_H

#include "engine/table/commit_log.h"

/**
 * Remove files in tmp/, seg/ and rejects/ that `state`, the newest one, does not name and that are
 * 15 minutes old, and answers to requests that nobody collected in seven days. Only the holder of
 * the table's lock may call it.
 */
wend_status wendi_table_sweep(wendi_io *io, const char *folder, const wendi_table_state *state,
                              wend_error *error);

#endif
