/**
 * The map as one self-contained HTML page: where the bytes are, what lies where in the files, how
 * each column is encoded, what its zone maps say. No scripts, nothing from elsewhere; light and
 * dark.
 *
 * Names and values come from users: everything goes through html_text() or html_string(). Pictures
 * are bounded: what would be narrower than a fraction of a pixel is drawn as one, and the caption
 * says so.
 */
#ifndef WEND_TOOLS_HTML_PAGE_H
#define WEND_TOOLS_HTML_PAGE_H

#include "tools/inspect/why.h"

typedef struct html_page {
    const char *const *words; /* what was asked for */
    size_t word_count;
    segment_map *maps;
    uint32_t map_count;
    uint32_t map_capacity;
} html_page;

wend_status html_page_new(const char *const *words, size_t word_count, html_page **page_out);
void html_page_free(html_page *page); /* accepts NULL */
/** Takes the map over, also when it fails; *map is empty then. */
wend_status html_page_add(html_page *page, segment_map *map, wend_error *error);
/** Write the page to `path`; removed again when it could not be written whole. `reasons` may be
 * NULL. */
wend_status html_page_write(const html_page *page, const map_total *total,
                            const why_report *reasons, const char *path, wend_error *error);

/* ---- parts of the page, a file each ---- */

extern const char html_style[];
void html_treemap(const map_total *total, FILE *out);
wend_status html_columns(const map_total *total, FILE *out);
wend_status html_files(const html_page *page, FILE *out);
wend_status html_zones(const html_page *page, const map_total *total, FILE *out);
void html_why(const why_report *reasons, FILE *out);

/* ---- words ---- */

/** Class names of parts, in step with map_part_names. */
extern const char *const html_part_classes[PART_COUNT];
void html_string(wendi_string text, FILE *out);
void html_text(const char *text, FILE *out);
/** At most `characters` of the text, with an ellipsis for the rest. */
void html_cut(wendi_string text, uint32_t characters, FILE *out);
/** 12,345 */
const char *html_number(uint64_t number, char text[32]);
/** 12.3 MB */
const char *html_size(uint64_t bytes, char text[32]);
/** Columns with the most bytes first: indexes into total->columns; free with wendi_free(). NULL: no
 * memory. */
uint32_t *html_by_size(const map_total *total);

#endif
