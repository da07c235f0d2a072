/** Random commit and checkpoint records for tests of the table's log. */
#ifndef TEST_RECORD_CASES_H
#define TEST_RECORD_CASES_H

#include "engine/table/table_state.h"

/** A record with everything in random number and content, in `arena`; `random` is random_next()'s
 * state. */
wendi_record record_make(wendi_arena *arena, uint64_t *random, wendi_record_kind kind,
                         uint64_t version);
/** Whether two records say the same, field by field. */
bool records_equal(const wendi_record *left, const wendi_record *right);
/** Whether two states hold the same, whatever way they came to it. */
bool states_equal(const wendi_owned_state *left, const wendi_owned_state *right);

#endif
