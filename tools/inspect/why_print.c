/* Why columns are encoded as they are, for people and as JSON. */
#include <inttypes.h>
#include <stdlib.h>

#include "tools/inspect/map_json.h"
#include "tools/inspect/why.h"

static double ratio(const why_option *option)
{
    return option->instead_bytes == 0 ? 1 : (double)option->bytes / (double)option->instead_bytes;
}

/* What was taken most often first, then the cheapest. */
static int compare_options(const void *a, const void *b)
{
    const why_option *left = a;
    const why_option *right = b;
    if ((left->taken > 0) != (right->taken > 0)) {
        return left->taken > 0 ? -1 : 1;
    }
    if (left->taken != right->taken) {
        return left->taken > right->taken ? -1 : 1;
    }
    return (ratio(left) > ratio(right)) - (ratio(left) < ratio(right));
}

static why_options *sorted(const why_options *options, why_options *copy)
{
    *copy = *options;
    qsort(copy->items, copy->count, sizeof *copy->items, compare_options);
    return copy;
}

static void print_option(const why_option *option, const why_column *column, const char *unit,
                         uint32_t units, bool costs, int indent, FILE *out)
{
    double rows = column->row_count == 0 ? 1 : (double)column->row_count;
    fprintf(out, "%*s%c %-30s %12" PRIu64 " %8.3f", indent, "", option->taken > 0 ? '*' : ' ',
            option->name, option->bytes, (double)option->bytes / rows);
    if (costs) {
        fprintf(out, " %12" PRIu64, option->cost);
    } else {
        fprintf(out, " %12s", "");
    }
    fprintf(out, " %+8.1f %%", (ratio(option) - 1) * 100);
    if (option->taken > 0 && option->taken < units) {
        fprintf(out, "   taken by %" PRIu32 " of %" PRIu32 " %s", option->taken, units, unit);
    }
    if (option->count < units) {
        fprintf(out, "   possible for %" PRIu32 " of %" PRIu32 " %s, which take %" PRIu64,
                option->count, units, unit, option->instead_bytes);
    }
    fputc('\n', out);
}

static void print_prediction(const why_column *column, int indent, FILE *out)
{
    char from[200];
    double rows = column->predicted_rows == 0 ? 1 : (double)column->predicted_rows;
    if (column->prediction.chunk_count == 0) {
        return;
    }
    fprintf(out,
            "%*spredicted from %s: %.2f %% of rows right, %.2f %% in the list of frequent "
            "exceptions; map of %" PRIu32 " and list of %" PRIu32 " take %" PRIu64 " bytes\n",
            indent, "", prediction_text(&column->prediction, from),
            100 * (double)column->right_rows / rows, 100 * (double)column->listed_rows / rows,
            column->prediction.first.map_count, column->prediction.first.list_count,
            column->prediction_bytes);
}

static void print_column(const why_column *column, int indent, FILE *out)
{
    char type[48];
    why_options copy;
    double rows = column->row_count == 0 ? 1 : (double)column->row_count;
    fprintf(out, "%*s", indent, "");
    print_name(column->name, 0, out);
    fprintf(out, "  %s  %" PRIu64 " bytes, %.3f a row, %" PRIu32 " pages\n",
            wendi_type_name(column->type, type), column->bytes, (double)column->bytes / rows,
            column->page_count);
    print_prediction(column, indent + 2, out);
    if (column->forms.count > 0 || column->codecs.count > 0) {
        fprintf(out, "%*s  %-30s %12s %8s %12s %10s\n", indent + 2, "", "", "bytes", "B/row",
                "cost", "against");
    }
    sorted(&column->forms, &copy);
    for (uint32_t i = 0; i < copy.count; i++) {
        print_option(&copy.items[i], column, "row groups", column->chunk_count, false, indent + 2,
                     out);
    }
    sorted(&column->codecs, &copy);
    for (uint32_t i = 0; i < copy.count; i++) {
        print_option(&copy.items[i], column, "pages", column->page_count, true, indent + 2, out);
    }
}

void why_print_text(const why_report *from, int indent, FILE *out)
{
    fprintf(out,
            "%*sWhat was chosen (*), and what else it could have been. Bytes are of whole pages, "
            "and of dictionaries "
            "and predictions where those differ;\n%*scost is bytes and a rating of slower "
            "decoding; the last number "
            "compares with what was written; zstd is taken at level 1.\n",
            indent, "", indent, "");
    for (uint32_t c = 0; c < from->column_count; c++) {
        print_column(from->columns[c], indent, out);
    }
}

static void print_options_json(const why_options *options, FILE *out)
{
    why_options copy;
    sorted(options, &copy);
    fputc('[', out);
    for (uint32_t i = 0; i < copy.count; i++) {
        const why_option *option = &copy.items[i];
        fprintf(out,
                "%s{\"name\":\"%s\",\"taken\":%" PRIu32 ",\"possible\":%" PRIu32
                ",\"bytes\":%" PRIu64 ",\"cost\":%" PRIu64 ",\"written_bytes\":%" PRIu64 "}",
                i == 0 ? "" : ",", option->name, option->taken, option->count, option->bytes,
                option->cost, option->instead_bytes);
    }
    fputc(']', out);
}

void why_print_json(const why_report *from, FILE *out)
{
    fputs("\"why\":[", out);
    for (uint32_t c = 0; c < from->column_count; c++) {
        const why_column *column = from->columns[c];
        fprintf(out, "%s{\"id\":%" PRIu32 ",\"name\":", c == 0 ? "" : ",", column->id);
        json_string(column->name, out);
        fprintf(out,
                ",\"rows\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"page_count\":%" PRIu32
                ",\"chunk_count\":%" PRIu32 ",\"predicted_rows\":%" PRIu64
                ",\"right_rows\":%" PRIu64 ",\"listed_rows\":%" PRIu64
                ",\"prediction_bytes\":%" PRIu64 ",\"forms\":",
                column->row_count, column->bytes, column->page_count, column->chunk_count,
                column->predicted_rows, column->right_rows, column->listed_rows,
                column->prediction_bytes);
        print_options_json(&column->forms, out);
        fputs(",\"codecs\":", out);
        print_options_json(&column->codecs, out);
        fputc('}', out);
    }
    fputc(']', out);
}
