/*
 * What lies where in the files: each file a strip from its first byte to its last, or one file cut
 * into several lines. What would be narrower than half a unit is drawn together with what follows
 * it.
 */
#include <inttypes.h>

#include "tools/inspect/html_page.h"

enum {
    WIDTH = 1200,
    LINE_HEIGHT = 26,
    LINE_STEP = 34,
    LINES_MAX = 40,
    CUTS = 8,
    CUT_BYTES_MIN = 65536,
    LABEL = 150
};
static const double narrowest = 0.5;

/** A stretch of the file of one kind. */
typedef struct piece {
    const char *class;
    const char *what;
    uint64_t offset;
    uint64_t bytes;
    uint32_t group; /* WENDI_PLACE_NONE: of the file */
    wendi_string column;
    uint32_t count; /* pieces drawn as this one */
} piece;

typedef struct strip {
    FILE *out;
    uint64_t line_bytes; /* that a full line shows */
    uint64_t base;       /* offset at which line 0 begins */
    double top;
    piece pending; /* too narrow to be drawn alone; bytes 0: none */
    uint64_t pending_widest;
} strip;

/* The column's name where it fits, in each of its lines. */
static void label_box(const strip *to, const piece *at, double x, double y, double width)
{
    if (at->count == 1 && at->column.length > 0 && width >= 40) {
        fprintf(to->out, "<text class=\"name\" x=\"%.1f\" y=\"%.1f\">", x + 5, y + 17);
        html_cut(at->column, (uint32_t)((width - 8) / 8), to->out);
        fputs("</text>", to->out);
    }
}

static void draw_box(const strip *to, const piece *at, uint64_t offset, uint64_t bytes)
{
    uint64_t line = (offset - to->base) / to->line_bytes;
    double x = LABEL + (double)(offset - to->base - line * to->line_bytes) /
                           (double)to->line_bytes * (WIDTH - LABEL);
    double width = (double)bytes / (double)to->line_bytes * (WIDTH - LABEL);
    fprintf(to->out, "<rect class=\"%s\" x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" height=\"%d\"/>",
            at->class, x, to->top + (double)line * LINE_STEP, width, LINE_HEIGHT);
    label_box(to, at, x, to->top + (double)line * LINE_STEP, width);
}

static void draw(const strip *to, const piece *at)
{
    char number[32];
    char end[32];
    char size[32];
    fputs("<g><title>", to->out);
    if (at->count > 1) {
        fprintf(to->out, "%" PRIu32 " parts, from ", at->count);
    }
    if (at->group != WENDI_PLACE_NONE) {
        fprintf(to->out, "row group %" PRIu32, at->group);
        fputs(at->column.length > 0 ? ", " : "", to->out);
        html_cut(at->column, 80, to->out);
        fputs(": ", to->out);
    }
    fprintf(to->out, "%s\nbytes %s to %s (%s)</title>", at->what, html_number(at->offset, number),
            html_number(at->offset + at->bytes, end), html_size(at->bytes, size));
    uint64_t offset = at->offset;
    uint64_t left = at->bytes;
    while (left > 0) { /* A piece may go on in the next lines. */
        uint64_t room = to->line_bytes - (offset - to->base) % to->line_bytes;
        uint64_t bytes = left < room ? left : room;
        draw_box(to, at, offset, bytes);
        offset += bytes;
        left -= bytes;
    }
    fputs("</g>\n", to->out);
}

static void flush(strip *to)
{
    if (to->pending.bytes > 0) {
        draw(to, &to->pending);
    }
    to->pending.bytes = 0;
    to->pending_widest = 0;
}

static void add(strip *to, piece at)
{
    at.count = 1;
    if (at.bytes == 0) {
        return;
    }
    bool narrow = (double)at.bytes * (WIDTH - LABEL) < narrowest * (double)to->line_bytes;
    if (!narrow) {
        flush(to);
        draw(to, &at);
        return;
    }
    if (to->pending.bytes == 0) {
        to->pending = at;
        to->pending_widest = at.bytes;
        return;
    }
    if (at.bytes > to->pending_widest) { /* The widest gives the colour. */
        to->pending.class = at.class;
        to->pending_widest = at.bytes;
    }
    to->pending.bytes += at.bytes;
    to->pending.count++;
    if ((double)to->pending.bytes * (WIDTH - LABEL) >= narrowest * (double)to->line_bytes) {
        flush(to);
    }
}

static void add_chunk(strip *to, const segment_map *map, uint32_t g, uint32_t c)
{
    const chunk_map *chunk = segment_map_chunk(map, g, c);
    piece at = {.group = g,
                .column = wendi_segment_column_at(map->segment, c)->name,
                .offset = chunk->offset};
    at.class = c % 2 == 0 ? "values" : "values odd";
    at.what = "pages";
    at.bytes = chunk->page_bytes;
    add(to, at);
    at.offset += at.bytes;
    at.class = "dict";
    at.what = "dictionary";
    at.bytes = chunk->dictionary_bytes;
    add(to, at);
    at.offset += at.bytes;
    at.class = "pred";
    at.what = "prediction";
    at.bytes = chunk->prediction_bytes;
    add(to, at);
}

static void add_file(strip *to, const segment_map *map)
{
    const wendi_footer *footer = &map->segment->footer;
    uint64_t end = footer->summary.file_bytes - WENDI_TRAILER_BYTES;
    uint64_t footer_bytes = map->footer_bytes - WENDI_SEGMENT_HEADER_BYTES - WENDI_TRAILER_BYTES;
    piece at = {.class = "foot",
                .group = WENDI_PLACE_NONE,
                .what = "header",
                .bytes = WENDI_SEGMENT_HEADER_BYTES};
    add(to, at);
    for (uint32_t g = 0; g < footer->row_group_count; g++) {
        for (uint32_t c = 0; c < footer->column_count; c++) {
            add_chunk(to, map, g, c);
        }
        add(to, (piece){.class = "index",
                        .what = "index of pages",
                        .group = g,
                        .offset = footer->row_groups[g].index_offset,
                        .bytes = footer->row_groups[g].index_bytes});
    }
    at.what = "footer";
    at.offset = footer->summary.footer_offset;
    at.bytes = footer_bytes;
    add(to, at);
    add(to, (piece){.class = "pad",
                    .group = WENDI_PLACE_NONE,
                    .what = "zeros up to a multiple of 4096",
                    .offset = at.offset + footer_bytes,
                    .bytes = map->padding_bytes});
    at.what = "trailer";
    at.offset = end;
    at.bytes = WENDI_TRAILER_BYTES;
    add(to, at);
    flush(to);
}

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

static void label_line(FILE *out, double top, const char *name, const char *beside)
{
    fprintf(out, "<text class=\"label\" x=\"0\" y=\"%.1f\">", top + 11);
    html_cut(wendi_string_of(name), 20, out);
    fprintf(out, "</text><text class=\"faint\" x=\"0\" y=\"%.1f\">", top + 23);
    html_text(beside, out);
    fputs("</text>\n", out);
}

static void draw_one(const segment_map *map, FILE *out)
{
    uint64_t bytes = wendi_segment_summary_of(map->segment)->file_bytes;
    uint32_t lines = bytes >= CUT_BYTES_MIN ? CUTS : 1;
    strip to = {.out = out, .line_bytes = (bytes + lines - 1) / lines};
    fprintf(
        out,
        "<svg class=\"files\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"what lies where\">\n",
        WIDTH, (int)lines * LINE_STEP);
    for (uint32_t line = 0; line < lines; line++) {
        char number[32];
        label_line(out, line * LINE_STEP, "from byte", html_number(line * to.line_bytes, number));
    }
    add_file(&to, map);
    fputs("</svg>\n", out);
}

static void draw_many(const html_page *page, FILE *out)
{
    uint32_t lines = page->map_count < LINES_MAX ? page->map_count : LINES_MAX;
    uint64_t longest = 1;
    for (uint32_t i = 0; i < lines; i++) {
        uint64_t bytes = wendi_segment_summary_of(page->maps[i].segment)->file_bytes;
        longest = bytes > longest ? bytes : longest;
    }
    fprintf(
        out,
        "<svg class=\"files\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"what lies where\">\n",
        WIDTH, (int)lines * LINE_STEP);
    for (uint32_t i = 0; i < lines; i++) {
        const segment_map *map = &page->maps[i];
        strip to = {.out = out, .line_bytes = longest, .top = i * LINE_STEP};
        char size[32];
        label_line(out, to.top, file_name(map->path),
                   html_size(wendi_segment_summary_of(map->segment)->file_bytes, size));
        add_file(&to, map);
    }
    fputs("</svg>\n", out);
    if (lines < page->map_count) {
        fprintf(out, "<p class=\"note\">The first %" PRIu32 " of %" PRIu32 " files.</p>\n", lines,
                page->map_count);
    }
}

wend_status html_files(const html_page *page, FILE *out)
{
    if (page->map_count == 1) {
        draw_one(&page->maps[0], out);
    } else if (page->map_count > 1) {
        draw_many(page, out);
    }
    return WEND_OK;
}
