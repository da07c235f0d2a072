/* Sums by column for people: a table of columns, then what there is to say of dictionaries and
 * predictions. */
#include <inttypes.h>

#include "tools/inspect/map_total.h"

enum { BOUND_CHARACTERS = 40, NAME_WIDTH_MAX = 40 };

wend_status value_text(const wendi_value *value, wendi_buffer *text)
{
    wend_status status = WEND_OK;
    wendi_buffer whole = {.length = 0};
    WEND_TRY(wendi_value_format(value, NULL, &whole));
    size_t shown = whole.length < BOUND_CHARACTERS ? whole.length : BOUND_CHARACTERS;
    while (shown < whole.length && shown > 0 && (whole.data[shown] & 0xc0) == 0x80) {
        shown--; /* Not within a character. */
    }
    for (size_t i = 0; i < shown; i++) {
        uint8_t byte = whole.data[i];
        WEND_TRY(wendi_buffer_u8(text, byte < 32 || byte == 127 ? '?' : byte));
    }
    WEND_TRY(shown < whole.length ? wendi_buffer_append(text, "...", 3) : WEND_OK);
cleanup:
    wendi_buffer_free(&whole);
    return status;
}

wend_status zone_text(const wendi_zone *zone, wendi_buffer *text)
{
    wend_status status = WEND_OK;
    if (zone->null_count == zone->row_count && zone->row_count > 0) {
        WEND_TRY(wendi_buffer_printf(text, "all null"));
    } else if (zone->has_min_max) {
        WEND_TRY(value_text(&zone->min, text));
        WEND_TRY(wendi_buffer_printf(text, " .. "));
        WEND_TRY(value_text(&zone->max, text));
    } else if (zone->has_codes) {
        WEND_TRY(wendi_buffer_printf(text, "codes %" PRIu32 " .. %" PRIu32, zone->code_min,
                                     zone->code_max));
    }
cleanup:
    return status;
}

const char *prediction_text(const prediction_total *prediction, char *text)
{
    const prediction_map *first = &prediction->first;
    const wendi_string *names = prediction->names;
    if (!prediction->alike) {
        return strcpy(text, "different columns");
    }
    if (first->determinant_count == 0) {
        return strcpy(text, "nothing (one value and exceptions)");
    }
    snprintf(text, 200, "%.*s%s%.*s%s", names[0].length < 64 ? (int)names[0].length : 64,
             names[0].data, first->determinant_count == 2 ? " and " : "",
             first->determinant_count < 2 ? 0
             : names[1].length < 64       ? (int)names[1].length
                                          : 64,
             first->determinant_count < 2 ? "" : names[1].data,
             first->row_before ? " of the row before" : "");
    return text;
}

static int name_width(const map_total *total)
{
    uint32_t widest = 6;
    for (uint32_t c = 0; c < total->column_count; c++) {
        widest = total->columns[c].name.length > widest ? total->columns[c].name.length : widest;
    }
    return widest < NAME_WIDTH_MAX ? (int)widest : NAME_WIDTH_MAX;
}

static void print_encodings(const column_total *column, FILE *out)
{
    for (int k = 0; k < ENCODING_KINDS_MAX && column->encodings[k].count > 0; k++) {
        fprintf(out, k == 0 ? "%s" : " %s", column->encodings[k].name);
        if (column->encodings[k].count > 1) {
            fprintf(out, "*%" PRIu32, column->encodings[k].count);
        }
    }
}

void print_name(wendi_string name, int width, FILE *out)
{
    for (uint32_t i = 0; i < name.length; i++) {
        uint8_t byte = (uint8_t)name.data[i];
        fputc(byte < 32 || byte == 127 ? '?' : byte, out);
    }
    fprintf(out, "%*s", name.length < (uint32_t)width ? width - (int)name.length : 0, "");
}

static wend_status print_column(const map_total *total, const column_total *column, int indent,
                                int width, FILE *out)
{
    wend_status status = WEND_OK;
    wendi_buffer zone = {.length = 0};
    wendi_zone bounds = column->zone;
    char type[48];
    double rows = total->row_count == 0 ? 1 : (double)total->row_count;
    bounds.has_min_max = bounds.has_min_max && column->bounds_known;
    WEND_TRY(zone_text(&bounds, &zone));
    fprintf(out, "%*s", indent, "");
    print_name(column->name, width, out);
    fprintf(out,
            " %-16s %12" PRIu64 " %11" PRIu64 " %11" PRIu64 " %9" PRIu64 " %9" PRIu64
            " %8.3f %10" PRIu64 "  ",
            wendi_type_name(column->type, type), column->page_bytes, column->dictionary_bytes,
            column->prediction_bytes, column->parts[PART_PADDING], column->dictionary_entries,
            (double)column_total_bytes(column) / rows, column->zone.null_count);
    print_encodings(column, out);
    fprintf(out, "%s%.*s\n", zone.length > 0 ? "  " : "", (int)zone.length,
            (const char *)zone.data);
cleanup:
    wendi_buffer_free(&zone);
    return status;
}

static void print_sum(const map_total *total, int indent, int width, FILE *out)
{
    uint64_t pages = 0;
    uint64_t dictionaries = 0;
    uint64_t predictions = 0;
    uint64_t padding = 0;
    for (uint32_t c = 0; c < total->column_count; c++) {
        pages += total->columns[c].page_bytes;
        dictionaries += total->columns[c].dictionary_bytes;
        predictions += total->columns[c].prediction_bytes;
        padding += total->columns[c].parts[PART_PADDING];
    }
    double rows = total->row_count == 0 ? 1 : (double)total->row_count;
    fprintf(out, "%*s%-*s %-16s %12" PRIu64 " %11" PRIu64 " %11" PRIu64 " %9" PRIu64 " %9s %8.3f\n",
            indent, "", width, "all columns", "", pages, dictionaries, predictions, padding, "",
            (double)(pages + dictionaries + predictions) / rows);
}

static void print_dictionaries(const map_total *total, int indent, int width, FILE *out)
{
    for (uint32_t c = 0; c < total->column_count; c++) {
        const column_total *column = &total->columns[c];
        const dictionary_map *dictionary = &column->dictionary;
        if (column->dictionary_chunks == 0) {
            continue;
        }
        fprintf(out, "%*s", indent, "");
        print_name(column->name, width, out);
        fprintf(out,
                " dictionary: %" PRIu64 " entries%s in %" PRIu32 " blocks, strings of %" PRIu64
                " bytes are %" PRIu64 " before zstd, %" PRIu64 " stored",
                column->dictionary_entries, dictionary->ordered ? ", ordered" : "",
                dictionary->block_count, dictionary->string_bytes, dictionary->raw_bytes,
                dictionary->stored_bytes);
        for (int f = 1; f < DICTIONARY_FORMS; f++) {
            if (dictionary->forms[f] > 0) {
                fprintf(out, "; %" PRIu32 " blocks %s", dictionary->forms[f],
                        dictionary_form_names[f]);
            }
        }
        fputc('\n', out);
    }
}

static void print_predictions(const map_total *total, int indent, int width, FILE *out)
{
    for (uint32_t c = 0; c < total->column_count; c++) {
        const prediction_total *prediction = &total->columns[c].prediction;
        char from[200];
        if (prediction->chunk_count == 0) {
            continue;
        }
        fprintf(out, "%*s", indent, "");
        print_name(total->columns[c].name, width, out);
        fprintf(out,
                " predicted from %s: map of %" PRIu32 ", list of %" PRIu32 ", %" PRIu64 " bytes\n",
                prediction_text(prediction, from), prediction->first.map_count,
                prediction->first.list_count, total->columns[c].prediction_bytes);
    }
}

wend_status map_total_print_text(const map_total *total, int indent, FILE *out)
{
    wend_status status = WEND_OK;
    int width = name_width(total);
    fprintf(out, "%*s%-*s %-16s %12s %11s %11s %9s %9s %8s %10s  %s\n", indent, "", width, "column",
            "type", "page bytes", "dict bytes", "pred bytes", "padding", "entries", "B/row",
            "nulls", "encodings, least .. greatest");
    for (uint32_t c = 0; c < total->column_count; c++) {
        WEND_TRY(print_column(total, &total->columns[c], indent, width, out));
    }
    print_sum(total, indent, width, out);
    print_dictionaries(total, indent, width, out);
    print_predictions(total, indent, width, out);
cleanup:
    return status;
}
