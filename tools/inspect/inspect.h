/** `wend inspect`: what a segment's bytes are spent on, and why they are encoded as they are. */
#ifndef WEND_TOOLS_INSPECT_H
#define WEND_TOOLS_INSPECT_H

#include <stdbool.h>
#include <stddef.h>

typedef struct wend_inspect_request {
    const char *store;        /* for tables; may be NULL when all words are files */
    const char *const *words; /* tables of the store, or names that end in .wseg */
    size_t word_count;
    const char *segment; /* of the tables' segments the one with this uuid; NULL: all */
    bool json;
    bool row_groups; /* each by itself */
    bool pages;
    bool total;       /* the sum over all segments alone */
    bool why;         /* what else the encodings could have been */
    const char *html; /* file to write the page to; NULL: print instead */
} wend_inspect_request;

/**
 * Print to standard output, or write the page. A segment that cannot be read is told on standard
 * error and left out; the others are shown.
 *
 * Returns: the program's exit code: 0 done, 1 could not, 2 used wrongly, 3 data damaged.
 * Cost:    reads every byte of the segments, since each page's header says how it is encoded; with
 *          `why` it decodes them too and weighs every codec for every page.
 */
int wend_inspect(const wend_inspect_request *request);

#endif
