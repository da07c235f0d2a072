/* The table of columns: bytes by part, encodings, dictionary, prediction, bounds. */
#include <inttypes.h>

#include "engine/base/alloc.h"
#include "tools/inspect/html_page.h"

static void print_bar(const column_total *column, uint64_t widest, FILE *out)
{
    char number[32];
    fprintf(out, "<div class=\"bar\" style=\"width:%.2f%%\">",
            widest == 0 ? 0.0 : 100.0 * (double)column_total_bytes(column) / (double)widest);
    for (int part = 0; part < PART_COUNT; part++) {
        if (column->parts[part] > 0) {
            fprintf(out,
                    "<i class=\"%s\" style=\"flex-grow:%" PRIu64 "\" title=\"%s: %s bytes\"></i>",
                    html_part_classes[part], column->parts[part], map_part_names[part],
                    html_number(column->parts[part], number));
        }
    }
    fputs("</div>", out);
}

static void print_encodings(const column_total *column, FILE *out)
{
    for (int k = 0; k < ENCODING_KINDS_MAX && column->encodings[k].count > 0; k++) {
        fputs("<span class=\"chip\">", out);
        html_text(column->encodings[k].name, out);
        if (column->page_count > 1) {
            fprintf(out, "<b>%" PRIu32 "</b>", column->encodings[k].count);
        }
        fputs("</span> ", out);
    }
}

static void print_extras(const column_total *column, FILE *out)
{
    const dictionary_map *dictionary = &column->dictionary;
    char number[32];
    char size[32];
    if (column->dictionary_chunks > 0) {
        fprintf(out,
                "<div class=\"extra\">dictionary: %s entries in %" PRIu32 " block%s, %s of text",
                html_number(column->dictionary_entries, number), dictionary->block_count,
                dictionary->block_count == 1 ? "" : "s", html_size(dictionary->string_bytes, size));
        fprintf(out, " in %s%s", html_size(dictionary->stored_bytes, size),
                dictionary->ordered ? ", ordered" : "");
        for (int f = 1; f < DICTIONARY_FORMS; f++) {
            if (dictionary->forms[f] > 0) {
                fprintf(out, ", %" PRIu32 " %s", dictionary->forms[f], dictionary_form_names[f]);
            }
        }
        fputs("</div>", out);
    }
    if (column->prediction.chunk_count > 0) {
        char from[200];
        fputs("<div class=\"extra\">predicted from ", out);
        html_text(prediction_text(&column->prediction, from), out);
        fprintf(out, ": map of %" PRIu32 ", list of %" PRIu32 "</div>",
                column->prediction.first.map_count, column->prediction.first.list_count);
    }
}

static wend_status print_row(const map_total *total, const column_total *column, uint64_t widest,
                             FILE *out)
{
    wend_status status = WEND_OK;
    wendi_buffer bounds = {.length = 0};
    wendi_zone zone = column->zone;
    char type[48];
    char number[32];
    double rows = total->row_count == 0 ? 1 : (double)total->row_count;
    uint64_t all = total->column_bytes + total->dictionary_bytes + total->prediction_bytes;
    zone.has_min_max = zone.has_min_max && column->bounds_known;
    WEND_TRY(zone_text(&zone, &bounds));
    fputs("<tr><td><strong>", out);
    html_cut(column->name, 60, out);
    fprintf(out, "</strong><div class=\"extra\">%s</div></td><td class=\"wide\">",
            wendi_type_name(column->type, type));
    print_bar(column, widest, out);
    fprintf(out,
            "</td><td class=\"n\">%s</td><td class=\"n\">%.3f</td><td "
            "class=\"n\">%.1f&#8201;%%</td><td>",
            html_number(column_total_bytes(column), number),
            (double)column_total_bytes(column) / rows,
            all == 0 ? 0.0 : 100.0 * (double)column_total_bytes(column) / (double)all);
    print_encodings(column, out);
    print_extras(column, out);
    fprintf(out, "</td><td class=\"n\">%.4g&#8201;%%</td><td class=\"bounds\">",
            zone.row_count == 0 ? 0.0 : 100.0 * (double)zone.null_count / (double)zone.row_count);
    html_string((wendi_string){(const char *)bounds.data, (uint32_t)bounds.length}, out);
    fputs("</td></tr>\n", out);
cleanup:
    wendi_buffer_free(&bounds);
    return status;
}

wend_status html_columns(const map_total *total, FILE *out)
{
    wend_status status = WEND_OK;
    uint32_t *order = html_by_size(total);
    if (order == NULL) {
        return WEND_NOMEM;
    }
    fputs("<div class=\"scroll\"><table><thead><tr><th>column</th><th>where its bytes are</th><th "
          "class=\"n\">bytes</th>"
          "<th class=\"n\">B/row</th><th class=\"n\">share</th><th>encodings (pages)</th><th "
          "class=\"n\">null</th>"
          "<th>least .. greatest</th></tr></thead><tbody>\n",
          out);
    for (uint32_t i = 0; i < total->column_count; i++) {
        WEND_TRY(print_row(total, &total->columns[order[i]],
                           column_total_bytes(&total->columns[order[0]]), out));
    }
    fputs("</tbody></table></div>\n", out);
cleanup:
    wendi_free(order);
    return status;
}

static void print_options(const char *what, const why_options *options, const why_column *column,
                          FILE *out)
{
    char number[32];
    double rows = column->row_count == 0 ? 1 : (double)column->row_count;
    for (uint32_t i = 0; i < options->count; i++) {
        const why_option *option = &options->items[i];
        double ratio = option->instead_bytes == 0
                           ? 0
                           : 100.0 * ((double)option->bytes / (double)option->instead_bytes - 1);
        fprintf(out, "<tr%s><td>%s</td><td>", option->taken > 0 ? " class=\"taken\"" : "",
                i == 0 ? what : "");
        html_text(option->name, out);
        fprintf(out, "</td><td class=\"n\">%s</td><td class=\"n\">%.3f</td>",
                html_number(option->bytes, number), (double)option->bytes / rows);
        fprintf(out,
                "<td class=\"n\">%s</td><td class=\"n\">%+.1f&#8201;%%</td><td class=\"n\">%" PRIu32
                " of %" PRIu32 "</td></tr>\n",
                html_number(option->cost, number), ratio, option->taken, option->count);
    }
}

void html_why(const why_report *reasons, FILE *out)
{
    for (uint32_t c = 0; c < reasons->column_count; c++) {
        const why_column *column = reasons->columns[c];
        char number[32];
        char from[200];
        fputs("<details><summary><strong>", out);
        html_cut(column->name, 60, out);
        fprintf(out, "</strong> %s bytes", html_number(column->bytes, number));
        if (column->prediction.chunk_count > 0) {
            fputs(", predicted from ", out);
            html_text(prediction_text(&column->prediction, from), out);
            fprintf(out, ": %.2f&#8201;%% of rows right",
                    100 * (double)column->right_rows /
                        (column->predicted_rows == 0 ? 1 : (double)column->predicted_rows));
        }
        fputs("</summary><table><thead><tr><th></th><th></th><th class=\"n\">bytes</th><th "
              "class=\"n\">B/row</th>"
              "<th class=\"n\">cost</th><th class=\"n\">against written</th><th class=\"n\">taken "
              "of possible</th></tr>"
              "</thead><tbody>\n",
              out);
        print_options("whole row groups", &column->forms, column, out);
        print_options("codecs of pages", &column->codecs, column, out);
        fputs("</tbody></table></details>\n", out);
    }
}
