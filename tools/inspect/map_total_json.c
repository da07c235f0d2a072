/* Sums by column as one JSON object, with the keys that maps of segments have. */
#include <inttypes.h>

#include "tools/inspect/map_json.h"

static wend_status print_column(const column_total *column, FILE *out)
{
    wend_status status = WEND_OK;
    char type[48];
    wendi_zone bounds = column->zone;
    bounds.has_min_max = bounds.has_min_max && column->bounds_known;
    fprintf(out, "{\"id\":%" PRIu32 ",\"name\":", column->id);
    json_string(column->name, out);
    fprintf(out,
            ",\"type\":\"%s\",\"page_count\":%" PRIu64 ",\"page_bytes\":%" PRIu64
            ",\"dictionary_bytes\":%" PRIu64 ",\"dictionary_entries\":%" PRIu64
            ",\"prediction_bytes\":%" PRIu64 ",",
            wendi_type_name(column->type, type), column->page_count, column->page_bytes,
            column->dictionary_bytes, column->dictionary_entries, column->prediction_bytes);
    json_parts(column->parts, out);
    fputc(',', out);
    WEND_TRY(json_zone(&bounds, out));
    if (column->dictionary_chunks > 0) {
        fputs(",\"dictionary\":", out);
        json_dictionary(&column->dictionary, column->dictionary_entries, out);
    }
    fputs(",\"encodings\":{", out);
    for (int k = 0; k < ENCODING_KINDS_MAX && column->encodings[k].count > 0; k++) {
        fprintf(out, "%s\"%s\":%" PRIu32, k == 0 ? "" : ",", column->encodings[k].name,
                column->encodings[k].count);
    }
    fputs("}}", out);
cleanup:
    return status;
}

wend_status map_total_print_json(const map_total *total, FILE *out)
{
    wend_status status = WEND_OK;
    fprintf(
        out,
        "{\"segments\":%" PRIu32 ",\"row_groups\":%" PRIu64 ",\"bytes\":%" PRIu64
        ",\"rows\":%" PRIu64 ",\"column_bytes\":%" PRIu64 ",\"dictionary_bytes\":%" PRIu64
        ",\"prediction_bytes\":%" PRIu64 ",\"index_bytes\":%" PRIu64 ",\"footer_bytes\":%" PRIu64
        ",\"padding_bytes\":%" PRIu64 ",\"page_padding_bytes\":%" PRIu64 ",\"columns\":[",
        total->segment_count, total->row_group_count, total->file_bytes, total->row_count,
        total->column_bytes, total->dictionary_bytes, total->prediction_bytes, total->index_bytes,
        total->footer_bytes, total->padding_bytes, total->page_padding_bytes);
    for (uint32_t c = 0; c < total->column_count; c++) {
        fputs(c == 0 ? "" : ",", out);
        WEND_TRY(print_column(&total->columns[c], out));
    }
    fputs("]", out);
cleanup:
    return status;
}
