/**
 * Rows of a flush that the table has already, in segments whose keys have left the deduplication
 * window: equal under a UNIQUE rule, in user and in time.
 *
 * What holds: a null user equals a null user, since it is the key that says that rows are the same;
 * a row without a key repeats nothing. Tables without a time column and with event_id = 'drop' have
 * no such search: there is nothing to find rows by, or no key.
 *
 * Cost: a look at the times of the flush when no segment that left the window is as young as they
 * are. Otherwise, for each such segment that has times and users of the flush, the users and times
 * of its row groups are read, and the key columns around rows of equal user and time. Memory: see
 * repeat_join.h; one segment is open at a time, and not in the cache that queries use.
 */
#ifndef WENDI_TABLE_OLD_REPEATS_H
#define WENDI_TABLE_OLD_REPEATS_H

#include "engine/base/hash.h"
#include "engine/table/commit_log.h"
#include "engine/table/row_order.h"

/** Where to look. */
typedef struct wendi_repeat_scope {
    wendi_io *io;
    const char *folder;
    const wendi_table_state *state; /* a snapshot's that is held meanwhile */
    const wendi_schema *stored;     /* as segments have it: of the same snapshot */
    uint64_t covered_from; /* the window has the keys of all commits from this one on; 0: of none */
} wendi_repeat_scope;

/** Rows that were found, by rising place. */
typedef struct wendi_old_repeats {
    uint32_t count;
    uint32_t rules;
    uint32_t *places;    /* in the flush's order */
    wendi_hash128 *keys; /* keys[i * rules + rule]: as the window knows them */
    uint8_t *stored;     /* stored[i * rules + rule]: 1 for the keys that were found */
} wendi_old_repeats;

/** Any thread. WEND_CORRUPT and WEND_IO name the segment. */
wend_status wendi_old_repeats_find(const wendi_repeat_scope *scope, const wendi_row_builder *builder,
                                   const wendi_row_order *order, wendi_old_repeats *repeats,
                                   wend_error *error);
void wendi_old_repeats_free(wendi_old_repeats *repeats);

#endif
