/** Removing what crashes left behind, and segments that were merged away. */
#ifndef WENDI_TABLE_TABLE_SWEEP_H
#define WENDI_TABLE_TABLE_SWEEP_H

#include "engine/table/commit_log.h"

/** How long a file stays that nobody needs: since it was written, or since a commit dropped it. */
#define WENDI_SWEEP_GRACE_US (INT64_C(15) * 60 * 1000000)

/**
 * Remove files in tmp/, seg/, rejects/ and keys/ that `state`, the newest one, does not name, that are
 * 15 minutes old, and that no commit of the last 15 minutes dropped: readers of the state before it
 * may still open those. Also answers to requests that nobody collected in seven days. Only the
 * holder of the table's lock may call it.
 */
wend_status wendi_table_sweep(wendi_io *io, const char *folder, const wendi_table_state *state,
                              wend_error *error);

#endif
