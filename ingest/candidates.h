/**
 * Columns that a table could have: what its `_rest` keeps, gone into as schema inference goes into a sample.
 *
 * Documents are fed one by one and not kept, so memory is bounded whatever there are (infer_tree.h).
 */
#ifndef WENDI_INGEST_CANDIDATES_H
#define WENDI_INGEST_CANDIDATES_H

#include "engine/base/bytes.h"
#include "engine/column/schema.h"

typedef struct wendi_candidates wendi_candidates;

/** A key that no column takes, and the column it could have. Strings live for the call. */
typedef struct wendi_candidate {
    wendi_string path; /* as in OPTIONS (path '…') */
    uint64_t count;    /* documents that have it, null or not */
    const char *type;  /* as SQL writes it */
    const char *example; /* a value as JSON; "" when all were null */
    wendi_string ddl;  /* ALTER TABLE … ADD COLUMN …; ends with a NUL, too */
} wendi_candidate;

/** `schema` (of the table, borrowed) says the table's name and which names of columns are taken. */
wend_status wendi_candidates_open(const wendi_schema *schema, wendi_candidates **candidates_out, wend_error *error);
/** Look at one value of `_rest`. WEND_NOMEM. */
wend_status wendi_candidates_add(wendi_candidates *candidates, wendi_string document, wend_error *error);
/** Show them, the most frequent first, until `each` returns false. */
wend_status wendi_candidates_show(wendi_candidates *candidates, bool (*each)(void *context, const wendi_candidate *candidate),
                                  void *context, wend_error *error);
void wendi_candidates_close(wendi_candidates *candidates); /* accepts NULL */

#endif
