/**
 * A schema guessed from a sample of JSON lines, written as DDL that a person reads, edits and gives
 * to `wend create`: `wend infer FILE --table NAME`.
 *
 * Lines are fed one by one; what is kept of them is a tree of keys with counts, never the lines, so
 * memory is bounded whatever the sample. Whatever was guessed stands beside it as an SQL comment.
 * The text is checked by wendi_schema_parse() before it is given out.
 *
 * What is guessed is what will hold for the rows to come, so types are wide: whole numbers are
 * bigint (stored as narrow as they are), text is text unless every value agrees on more, and
 * nothing but the time column is NOT NULL.
 */
#ifndef WENDI_INGEST_INFER_H
#define WENDI_INGEST_INFER_H

#include "engine/base/bytes.h"

typedef struct wendi_infer wendi_infer;

enum {
    WENDI_INFER_LINES_DEFAULT =
        200000, /* a good sample: what `wend infer` reads unless told otherwise */
    WENDI_INFER_COLUMNS_DEFAULT = 120
};

typedef struct wendi_infer_options {
    wendi_string table;   /* the table's name in the DDL */
    wendi_string source;  /* shown in the first comment, such as the file's name; may be empty */
    uint32_t columns_max; /* beyond it the deepest subtrees become jsonb; 0:
                             WENDI_INFER_COLUMNS_DEFAULT */
} wendi_infer_options;

typedef struct wendi_infer_counts {
    uint64_t lines;   /* fed, blank ones not counted */
    uint64_t broken;  /* not one JSON object */
    uint32_t columns; /* after wendi_infer_write() */
} wendi_infer_counts;

/** `options` is copied. Close with wendi_infer_close(). */
wend_status wendi_infer_open(const wendi_infer_options *options, wendi_infer **infer_out,
                             wend_error *error);
/**
 * Take one line, without its line break. A line that is no JSON object is counted and else ignored:
 * ingest will reject it with a reason.
 * Returns: WEND_OK, WEND_NOMEM.
 */
wend_status wendi_infer_line(wendi_infer *infer, const char *line, size_t length);
wendi_infer_counts wendi_infer_count(const wendi_infer *infer);
/** Append the CREATE TABLE with its comments. WEND_INVALID when no line was an object: there is
 * nothing to guess from. */
wend_status wendi_infer_write(wendi_infer *infer, wendi_buffer *out, wend_error *error);
void wendi_infer_close(wendi_infer *infer); /* accepts NULL */

#endif
