/* The page's frame: what was looked at, the sums, and its sections in order. */
#include "tools/inspect/html_page.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "engine/base/alloc.h"

wend_status html_page_new(const char *const *words, size_t word_count, html_page **page_out)
{
    *page_out = wendi_alloc_zero(1, sizeof **page_out);
    if (*page_out == NULL) {
        return WEND_NOMEM;
    }
    (*page_out)->words = words;
    (*page_out)->word_count = word_count;
    return WEND_OK;
}

void html_page_free(html_page *page)
{
    if (page == NULL) {
        return;
    }
    for (uint32_t i = 0; i < page->map_count; i++) {
        segment_map_free(&page->maps[i]);
    }
    wendi_free(page->maps);
    wendi_free(page);
}

wend_status html_page_add(html_page *page, segment_map *map, wend_error *error)
{
    if (page->map_count == page->map_capacity) {
        uint32_t capacity = page->map_capacity * 2 + 8;
        segment_map *maps = wendi_realloc(page->maps, capacity * sizeof *maps);
        if (maps == NULL) {
            segment_map_free(map);
            return wendi_fail_nomem(error, "a page of maps", capacity * sizeof *maps);
        }
        page->maps = maps;
        page->map_capacity = capacity;
    }
    page->maps[page->map_count++] = *map;
    *map = (segment_map){.segment = NULL};
    return WEND_OK;
}

static void print_words(const html_page *page, FILE *out)
{
    for (size_t i = 0; i < page->word_count && i < 3; i++) {
        const char *slash = strrchr(page->words[i], '/');
        fputs(i > 0 ? ", " : "", out);
        html_cut(wendi_string_of(slash == NULL ? page->words[i] : slash + 1), 120, out);
    }
    if (page->word_count > 3) {
        fprintf(out, " and %zu more", page->word_count - 3);
    }
}

static void print_tile(const char *text, const char *what, FILE *out)
{
    fprintf(out, "<div class=\"tile\"><b>%s</b><span>%s</span></div>", text, what);
}

static void print_tiles(const map_total *total, FILE *out)
{
    char text[32];
    double rows = total->row_count == 0 ? 1 : (double)total->row_count;
    fputs("<div class=\"tiles\">", out);
    print_tile(html_size(total->file_bytes, text), "in files", out);
    print_tile(html_number(total->row_count, text), "rows", out);
    snprintf(text, sizeof text, "%.2f", (double)total->file_bytes / rows);
    print_tile(total->row_count == 0 ? "\u2013" : text, "bytes a row", out);
    print_tile(html_number(total->segment_count, text),
               total->segment_count == 1 ? "segment" : "segments", out);
    print_tile(html_number(total->row_group_count, text),
               total->row_group_count == 1 ? "row group" : "row groups", out);
    print_tile(html_number(total->column_count, text), "columns", out);
    fputs("</div>\n", out);
}

/** One share of all bytes. */
typedef struct share {
    const char *class;
    const char *name;
    uint64_t bytes;
} share;
enum { SHARES = PART_COUNT + 3 };

static void sum_shares(const map_total *total, share *shares)
{
    for (int part = 0; part < PART_COUNT; part++) {
        shares[part] = (share){html_part_classes[part], map_part_names[part], 0};
        for (uint32_t c = 0; c < total->column_count; c++) {
            shares[part].bytes += total->columns[c].parts[part];
        }
    }
    shares[PART_COUNT] = (share){"index", "indexes of pages", total->index_bytes};
    shares[PART_COUNT + 1] = (share){"foot", "headers, footers, trailers", total->footer_bytes};
    shares[PART_COUNT + 2] = (share){"pad", "zeros at the files\u2019 ends", total->padding_bytes};
}

static void print_sum(const map_total *total, FILE *out)
{
    share shares[SHARES];
    char number[32];
    sum_shares(total, shares);
    fputs("<div class=\"sum\">", out);
    for (int i = 0; i < SHARES; i++) {
        if (shares[i].bytes > 0) {
            fprintf(out,
                    "<i class=\"%s\" style=\"flex:%" PRIu64 " 1 0\" title=\"%s: %s bytes\"></i>",
                    shares[i].class, shares[i].bytes, shares[i].name,
                    html_number(shares[i].bytes, number));
        }
    }
    fputs("</div>\n<ul class=\"legend\">", out);
    for (int i = 0; i < SHARES; i++) {
        if (shares[i].bytes > 0) {
            fprintf(out, "<li><i class=\"%s\"></i>%s <span>%s, %.1f&#8201;%%</span></li>",
                    shares[i].class, shares[i].name, html_size(shares[i].bytes, number),
                    total->file_bytes == 0
                        ? 0.0
                        : 100.0 * (double)shares[i].bytes / (double)total->file_bytes);
        }
    }
    fputs("</ul>\n", out);
}

static wend_status print_sections(const html_page *page, const map_total *total,
                                  const why_report *reasons, FILE *out)
{
    wend_status status = WEND_OK;
    fputs(
        "<h2>Bytes by column</h2><p class=\"note\">Each column\u2019s area is its share of the "
        "bytes, cut into values, "
        "dictionary, prediction and what else its pages need. Point at one for its numbers.</p>\n",
        out);
    html_treemap(total, out);
    fputs("<h2>Columns</h2><p class=\"note\">The largest first. Of encodings, how many pages have "
          "each.</p>\n",
          out);
    WEND_TRY(html_columns(total, out));
    if (reasons != NULL && reasons->column_count > 0) {
        fputs("<h2>Why</h2><p class=\"note\">What was chosen, marked, and what else it could have "
              "been: exact bytes of "
              "whole pages, with dictionaries and predictions where those differ. Cost is bytes "
              "and a rating of slower "
              "decoding. What goes through zstd is taken at level 1.</p>\n",
              out);
        html_why(reasons, out);
    }
    fputs("<h2>What lies where</h2><p class=\"note\">From a file\u2019s first byte to its last. "
          "Neighbouring columns\u2019 pages "
          "differ in shade; what would be too narrow to see is drawn together.</p>\n",
          out);
    WEND_TRY(html_files(page, out));
    fputs("<h2>Zone maps</h2><p class=\"note\">Rows from left to right; each bar reaches from the "
          "least to the greatest "
          "value of a page (of several, where there are many). The lower the bars, the more of the "
          "column a filter can "
          "skip. Text with a dictionary is shown by its codes within the row group, pale bars have "
          "no bounds of their "
          "own, and a thin line at the bottom is null throughout. The last column is how much of "
          "the range a page covers "
          "on average.</p>\n",
          out);
    WEND_TRY(html_zones(page, total, out));
cleanup:
    return status;
}

static wend_status print_page(const html_page *page, const map_total *total,
                              const why_report *reasons, FILE *out)
{
    wend_status status = WEND_OK;
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>",
          out);
    print_words(page, out);
    fputs(": where the bytes are</title>\n<style>\n", out);
    fputs(html_style, out);
    fputs("</style>\n</head>\n<body><main>\n<h1>", out);
    print_words(page, out);
    fputs("</h1><div class=\"note\">wend inspect: where the bytes are</div>\n", out);
    print_tiles(total, out);
    if (total->segment_count == 0) {
        fputs("<p>There are no segments yet.</p>\n", out);
    } else {
        print_sum(total, out);
    }
    if (total->row_count > 0) {
        status = print_sections(page, total, reasons, out);
    }
    fputs("</main></body>\n</html>\n", out);
    return status;
}

wend_status html_page_write(const html_page *page, const map_total *total,
                            const why_report *reasons, const char *path, wend_error *error)
{
    FILE *out = fopen(path, "w");
    if (out == NULL) {
        return wendi_fail(error, WEND_IO, "cannot write %s: %s", path, strerror(errno));
    }
    wend_status status = print_page(page, total, reasons, out);
    bool failed = ferror(out) != 0;
    int reason = errno;
    failed = fclose(out) != 0 || failed;
    if (status != WEND_OK) {
        status = wendi_fail_nomem(error, "a page of maps", 0);
    } else if (failed) {
        status = wendi_fail(error, WEND_IO, "cannot write %s: %s", path,
                            strerror(reason != 0 ? reason : EIO));
    }
    if (status != WEND_OK) {
        unlink(path);
    }
    return status;
}
