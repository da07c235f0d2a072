/*
 * Zone maps as pictures: a strip a column, rows from left to right, and at each page a bar from its
 * least to its greatest value within all that the column has. Short bars prune well. Pages too many
 * to be seen are joined.
 */
#include <inttypes.h>
#include <math.h>

#include "engine/base/alloc.h"
#include "tools/inspect/html_page.h"

enum {
    WIDTH = 900,
    HEIGHT = 30,
    MARKS_MAX = 240,
    MARKS_MAX_OF_MANY = 80,
    MANY_COLUMNS = 50,
    TEXT_PREFIX = 8
};

/** A stretch of rows and the part of the range, 0 to 1, that its values lie in. */
typedef struct mark {
    double row;
    double rows;
    double low;
    double high;
    bool known;
    bool null;               /* all rows are */
    const wendi_zone *first; /* for the tooltip */
    uint32_t pages;
} mark;

/** A column's values on a line from 0 to 1. */
typedef struct scale {
    wendi_value min;
    wendi_value max;
    bool known;
    uint32_t shared; /* bytes that all strings begin with */
} scale;

/* The bytes behind the shared ones as a number: enough to see where a string lies. */
static double string_position(wendi_string text, uint32_t shared)
{
    double position = 0;
    double unit = 1;
    for (uint32_t i = shared; i < shared + TEXT_PREFIX; i++) {
        unit /= 256;
        position += i < text.length ? (double)(uint8_t)text.data[i] * unit : 0;
    }
    return position;
}

static double raw_position(const wendi_value *value, uint32_t shared)
{
    switch (wendi_type_physical(value->type)) {
    case WENDI_PHYSICAL_I64:
        return (double)value->i64;
    case WENDI_PHYSICAL_F64:
        return value->f64;
    case WENDI_PHYSICAL_B16:
        return string_position((wendi_string){(const char *)&value->b16, sizeof value->b16},
                               shared);
    default:
        return string_position(value->string, shared);
    }
}

static uint32_t shared_prefix(const wendi_value *min, const wendi_value *max)
{
    wendi_physical physical = wendi_type_physical(min->type);
    wendi_string a = min->string;
    wendi_string b = max->string;
    uint32_t shared = 0;
    if (physical == WENDI_PHYSICAL_B16) {
        a = (wendi_string){(const char *)&min->b16, sizeof min->b16};
        b = (wendi_string){(const char *)&max->b16, sizeof max->b16};
    } else if (physical != WENDI_PHYSICAL_STRING) {
        return 0;
    }
    while (shared < a.length && shared < b.length && a.data[shared] == b.data[shared]) {
        shared++;
    }
    return shared;
}

static double position_of(const scale *of, const wendi_value *value)
{
    double least = raw_position(&of->min, of->shared);
    double greatest = raw_position(&of->max, of->shared);
    double here = (raw_position(value, of->shared) - least) / (greatest - least);
    return !(here >= 0) ? (isnan(here) && greatest > least ? 1 : 0) : here > 1 ? 1 : here;
}

static scale scale_of(const column_total *column)
{
    scale made = {.known = column->zone.has_min_max && column->bounds_known};
    if (made.known) {
        made.min = column->zone.min;
        made.max = column->zone.max;
        made.shared = shared_prefix(&made.min, &made.max);
    }
    return made;
}

/* Codes tell pages of a row group apart; a page that is all of it is known better by its bounds. */
static bool shows_codes(const chunk_map *chunk)
{
    return chunk->dictionary_entries > 1 && chunk->page_count > 1;
}

/* One page: by its own bounds, by its codes among those of the row group, else by the row group's
 * bounds. */
static mark mark_page(const scale *of, const chunk_map *chunk, const page_map *page, double row)
{
    const wendi_zone *zone = &page->zone;
    mark made = {.row = row,
                 .rows = page->row_count,
                 .first = zone,
                 .pages = 1,
                 .null = zone->null_count == zone->row_count};
    if (made.null) {
        return made;
    }
    if (zone->has_codes && shows_codes(chunk)) {
        double entries = (double)chunk->dictionary_entries - 1;
        made.low = ((double)zone->code_min - 1) / entries;
        made.high = (double)zone->code_max / entries;
        made.known = true;
        return made;
    }
    const wendi_zone *bounds = zone->has_min_max ? zone : &chunk->zone;
    if (of->known && bounds->has_min_max) {
        made.low = position_of(of, &bounds->min);
        made.high = position_of(of, &bounds->max);
        made.known = true;
    }
    return made;
}

static void join(mark *to, const mark *from)
{
    if (from->null) {
        to->rows += from->rows;
        to->pages += from->pages;
        return;
    }
    if (to->null) {
        double row = to->row;
        double rows = to->rows;
        uint32_t pages = to->pages;
        *to = *from;
        to->row = row;
        to->rows += rows;
        to->pages += pages;
        return;
    }
    to->low = from->low < to->low ? from->low : to->low;
    to->high = from->high > to->high ? from->high : to->high;
    to->known = to->known && from->known;
    to->rows += from->rows;
    to->pages += from->pages;
}

static void draw_mark(const mark *at, double row_count, FILE *out)
{
    char number[32];
    wendi_buffer bounds = {.length = 0};
    double x = at->row / row_count * WIDTH;
    double width = at->rows / row_count * WIDTH;
    double low = at->known ? at->low : 0;
    double high = at->known ? at->high : 1;
    double height = (high - low) * (HEIGHT - 2);
    height = height < 2 ? 2 : height;
    double y = HEIGHT - 1 - low * (HEIGHT - 2) - height;
    fprintf(out,
            "<rect class=\"%s\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\"><title>rows "
            "from %s, %" PRIu32 " page%s",
            at->null    ? "zn"
            : at->known ? "z"
                        : "zu",
            x,
            at->null ? HEIGHT - 3.0
            : y < 0  ? 0
                     : y,
            width > 1.2 ? width - 0.4 : width, at->null ? 2.0 : height,
            html_number((uint64_t)at->row, number), at->pages, at->pages == 1 ? "" : "s");
    if (at->null) {
        fputs(": all null", out);
    } else if (!at->known) {
        fputs(": bounds are not kept", out);
    } else if (at->pages == 1 && zone_text(at->first, &bounds) == WEND_OK && bounds.length > 0) {
        fputs(": ", out);
        html_string((wendi_string){(const char *)bounds.data, (uint32_t)bounds.length}, out);
    } else {
        fprintf(out, ": %.1f to %.1f %% of the range", 100 * at->low, 100 * at->high);
    }
    fputs("</title></rect>", out);
    wendi_buffer_free(&bounds);
}

/* Index of the column in the map's segment, or WENDI_NO_COLUMN. */
static uint32_t find_in(const segment_map *map, const column_total *column)
{
    uint32_t c = wendi_segment_find_column(map->segment, column->id);
    return c != WENDI_NO_COLUMN &&
                   wendi_string_equal(wendi_segment_column_at(map->segment, c)->name, column->name)
               ? c
               : WENDI_NO_COLUMN;
}

/** Draws the marks of one column as its pages come by. */
typedef struct drawing {
    FILE *out;
    double row_count;
    double rows_least; /* of a mark */
    mark pending;      /* pages 0: none */
    double covered;    /* rows times the part of the range they cover */
    double covered_rows;
} drawing;

static void draw_pending(drawing *to)
{
    if (to->pending.pages > 0) {
        draw_mark(&to->pending, to->row_count, to->out);
    }
    to->pending.pages = 0;
}

static void draw_segment(drawing *to, const scale *of, const segment_map *map, uint32_t column,
                         double row)
{
    for (uint32_t g = 0; g < wendi_segment_row_group_count(map->segment); g++) {
        const chunk_map *chunk = segment_map_chunk(map, g, column);
        for (uint32_t p = 0; p < chunk->page_count; p++) {
            mark here = mark_page(of, chunk, &chunk->pages[p], row);
            row += here.rows;
            if (!here.null) {
                to->covered += here.rows * (here.known ? here.high - here.low : 1);
                to->covered_rows += here.rows;
            }
            if (to->pending.pages == 0) {
                to->pending = here;
            } else {
                join(&to->pending, &here);
            }
            if (to->pending.rows >= to->rows_least) {
                draw_pending(to);
            }
        }
    }
}

static bool has_codes(const html_page *page, const column_total *column)
{
    for (uint32_t i = 0; i < page->map_count; i++) {
        uint32_t c = find_in(&page->maps[i], column);
        if (c != WENDI_NO_COLUMN && wendi_segment_row_group_count(page->maps[i].segment) > 0) {
            return shows_codes(segment_map_chunk(&page->maps[i], 0, c));
        }
    }
    return false;
}

static void draw_column(const html_page *page, const map_total *total, const column_total *column,
                        FILE *out)
{
    double marks = total->column_count > MANY_COLUMNS ? MARKS_MAX_OF_MANY : MARKS_MAX;
    drawing to = {.out = out,
                  .row_count = (double)total->row_count,
                  .rows_least = (double)total->row_count / marks};
    scale of = scale_of(column);
    double row = 0;
    fputs("<tr><td><strong>", out);
    html_cut(column->name, 60, out);
    fprintf(out,
            "</strong>%s</td><td class=\"strip\"><svg viewBox=\"0 0 %d %d\" "
            "preserveAspectRatio=\"none\">",
            has_codes(page, column) ? "<div class=\"extra\">codes</div>" : "", WIDTH, HEIGHT);
    for (uint32_t i = 0; i < page->map_count; i++) {
        uint32_t c = find_in(&page->maps[i], column);
        if (c != WENDI_NO_COLUMN) {
            draw_segment(&to, &of, &page->maps[i], c, row);
        }
        draw_pending(&to);
        row += (double)wendi_segment_row_count(page->maps[i].segment);
    }
    fprintf(out, "</svg></td><td class=\"n\">%.1f&#8201;%%</td></tr>\n",
            to.covered_rows > 0 ? 100 * to.covered / to.covered_rows : 0);
}

wend_status html_zones(const html_page *page, const map_total *total, FILE *out)
{
    uint32_t *order = html_by_size(total);
    if (order == NULL) {
        return WEND_NOMEM;
    }
    fputs("<div class=\"scroll\"><table class=\"zones\"><thead><tr><th>column</th><th>rows in "
          "their order &#8594;, values "
          "&#8593;</th><th class=\"n\">a page covers</th></tr></thead><tbody>\n",
          out);
    for (uint32_t i = 0; i < total->column_count && total->row_count > 0; i++) {
        draw_column(page, total, &total->columns[order[i]], out);
    }
    fputs("</tbody></table></div>\n", out);
    wendi_free(order);
    return WEND_OK;
}
