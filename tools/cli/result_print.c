/*
 * Results as tables, CSV (RFC 4180), JSON, NDJSON and Markdown. Tables need all rows before the
 * first is printed, since columns are as wide as their widest value; the others stream.
 */
#define _XOPEN_SOURCE 700
#include "tools/cli/result_print.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include "tools/cli/arrow_text.h"
#include "tools/cli/run_query.h"

typedef struct printer {
    const cli_print_options *options;
    struct ArrowSchema schema;
    wendi_buffer line;
    uint64_t row_count;
    wendi_buffer cells;   /* tables: all texts, one after the other */
    wendi_buffer offsets; /* tables: uint64_t, begin of each cell; row by row */
    wend_status status;
} printer;

bool cli_format_of(const char *name, cli_format *format)
{
    static const char *const names[] = {"table", "csv", "json", "ndjson", "markdown"};
    if (name == NULL) {
        *format = isatty(STDOUT_FILENO) ? CLI_FORMAT_TABLE : CLI_FORMAT_CSV;
        return true;
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0) {
            *format = (cli_format)i;
            return true;
        }
    }
    fprintf(stderr, "wend: there is no format %s; formats are table, csv, json, ndjson, markdown\n",
            name);
    return false;
}

static void put(printer *to, const char *text, size_t length)
{
    if (to->status == WEND_OK) {
        to->status = wendi_buffer_append(&to->line, text, length);
    }
}

static void put_text(printer *to, const char *text)
{
    put(to, text, strlen(text));
}

static void flush(printer *to)
{
    if (to->line.length > 0) {
        fwrite(to->line.data, 1, to->line.length, to->options->out);
    }
    to->line.length = 0;
}

wend_status cli_json_string(const char *text, size_t length, wendi_buffer *out)
{
    wend_status status = wendi_buffer_u8(out, '"');
    for (size_t i = 0; status == WEND_OK && i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\') {
            status = wendi_buffer_printf(out, "\\%c", c);
        } else if (c == '\n') {
            status = wendi_buffer_append(out, "\\n", 2);
        } else if (c == '\t') {
            status = wendi_buffer_append(out, "\\t", 2);
        } else if (c < 0x20) {
            status = wendi_buffer_printf(out, "\\u%04x", c);
        } else {
            status = wendi_buffer_u8(out, c);
        }
    }
    return status == WEND_OK ? wendi_buffer_u8(out, '"') : status;
}

/* The value's own text, in a buffer that the next call reuses. */
static wendi_string value_text(printer *to, const struct ArrowArray *column, int64_t index,
                               int64_t row, wendi_buffer *scratch)
{
    scratch->length = 0;
    if (to->status == WEND_OK) {
        to->status =
            cli_append_value(to->schema.children[index], column, row, to->options->zone, scratch);
    }
    return (wendi_string){(const char *)scratch->data, (uint32_t)scratch->length};
}

/* ---- CSV ---- */

static void put_csv(printer *to, wendi_string text)
{
    bool quote = text.length == 0;
    for (uint32_t i = 0; i < text.length && !quote; i++) {
        quote = text.data[i] == ',' || text.data[i] == '"' || text.data[i] == '\n' ||
                text.data[i] == '\r';
    }
    if (!quote) {
        put(to, text.data, text.length);
        return;
    }
    put(to, "\"", 1);
    for (uint32_t i = 0; i < text.length; i++) {
        put(to, text.data[i] == '"' ? "\"\"" : &text.data[i], text.data[i] == '"' ? 2 : 1);
    }
    put(to, "\"", 1);
}

static void csv_header(printer *to)
{
    for (int64_t i = 0; i < to->schema.n_children; i++) {
        put(to, ",", i > 0);
        put_csv(to, wendi_string_of(to->schema.children[i]->name));
    }
    put(to, "\n", 1);
}

static void csv_row(printer *to, const struct ArrowArray *batch, int64_t row, wendi_buffer *scratch)
{
    for (int64_t i = 0; i < batch->n_children; i++) {
        put(to, ",", i > 0);
        if (!cli_is_null(batch->children[i], row)) { /* null is nothing, an empty text is "" */
            put_csv(to, value_text(to, batch->children[i], i, row, scratch));
        }
    }
    put(to, "\n", 1);
}

/* ---- JSON ---- */

/* jsonb is kept as it was written, and a row of NDJSON is one line: line breaks, which JSON has
 * only between its tokens, become blanks. */
static void put_json_in_a_line(printer *to, wendi_string text)
{
    size_t from = 0;
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] == '\n' || text.data[i] == '\r') {
            put(to, text.data + from, i - from);
            put(to, " ", 1);
            from = i + 1;
        }
    }
    put(to, text.data + from, text.length - from);
}

static void json_value(printer *to, const struct ArrowArray *column, int64_t index, int64_t row,
                       wendi_buffer *scratch)
{
    cli_value_kind kind = cli_column_kind(to->schema.children[index]);
    if (cli_is_null(column, row)) {
        put_text(to, "null");
        return;
    }
    wendi_string text = value_text(to, column, index, row, scratch);
    bool finite =
        text.length > 0 && text.data[text.length - 1] != 'y' && text.data[text.length - 1] != 'N';
    if (kind == CLI_VALUE_TEXT || (kind == CLI_VALUE_NUMBER && !finite)) {
        if (to->status == WEND_OK) {
            to->status = cli_json_string(text.data, text.length, &to->line);
        }
    } else if (kind == CLI_VALUE_JSON) {
        put_json_in_a_line(to, text);
    } else {
        put(to, text.data, text.length);
    }
}

static void json_row(printer *to, const struct ArrowArray *batch, int64_t row,
                     wendi_buffer *scratch)
{
    bool array = to->options->format == CLI_FORMAT_JSON;
    put_text(to, array ? (to->row_count == 0 ? "[\n  {" : ",\n  {") : "{");
    for (int64_t i = 0; i < batch->n_children; i++) {
        const char *name = to->schema.children[i]->name;
        put(to, ", ", i > 0 ? 2 : 0);
        if (to->status == WEND_OK) {
            to->status = cli_json_string(name, strlen(name), &to->line);
        }
        put(to, ": ", 2);
        json_value(to, batch->children[i], i, row, scratch);
    }
    put_text(to, array ? "}" : "}\n");
}

/* ---- tables ---- */

static void table_row(printer *to, const struct ArrowArray *batch, int64_t row,
                      wendi_buffer *scratch)
{
    for (int64_t i = 0; i < batch->n_children && to->status == WEND_OK; i++) {
        uint64_t begin = to->cells.length;
        const char *null_text = to->options->null_text != NULL ? to->options->null_text : "null";
        wendi_string text = cli_is_null(batch->children[i], row)
                                ? wendi_string_of(null_text)
                                : value_text(to, batch->children[i], i, row, scratch);
        if (wendi_buffer_append(&to->offsets, &begin, sizeof begin) != WEND_OK ||
            wendi_buffer_append(&to->cells, text.data, text.length) != WEND_OK) {
            to->status = WEND_NOMEM;
        }
    }
}

int cli_width(wendi_string text)
{
    int width = 0;
    mbstate_t state = {0};
    for (uint32_t at = 0; at < text.length;) {
        wchar_t wide;
        size_t used = mbrtowc(&wide, text.data + at, text.length - at, &state);
        if (used == (size_t)-1 || used == (size_t)-2 || used == 0) {
            memset(&state, 0, sizeof state);
            used = 1;
            wide = L'.';
        }
        int columns = wcwidth(wide);
        width += columns < 0 ? 1 : columns;
        at += (uint32_t)used;
    }
    return width;
}

/* C0, delete, and C1 as UTF-8 (C2 80 to C2 9F), which some terminals obey, too. */
static uint32_t control_length(wendi_string text, uint32_t at)
{
    unsigned char c = (unsigned char)text.data[at];
    if (c < 0x20 || c == 0x7f) {
        return 1;
    }
    bool c1 =
        c == 0xc2 && at + 1 < text.length && ((unsigned char)text.data[at + 1] & 0xe0) == 0x80;
    return c1 ? 2 : 0;
}

wend_status cli_append_shown(wendi_string text, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    for (uint32_t i = 0; i < text.length && status == WEND_OK;) {
        uint32_t control = control_length(text, i);
        status = wendi_buffer_append(out, control > 0 ? "." : &text.data[i], 1);
        i += control > 0 ? control : 1;
    }
    return status;
}

static void put_shown(printer *to, wendi_string text)
{
    bool markdown = to->options->format == CLI_FORMAT_MARKDOWN;
    while (text.length > 0) { /* in Markdown a bar would end the cell */
        const char *bar = markdown ? memchr(text.data, '|', text.length) : NULL;
        uint32_t length = bar == NULL ? text.length : (uint32_t)(bar - text.data);
        if (to->status == WEND_OK) {
            to->status = cli_append_shown((wendi_string){text.data, length}, &to->line);
        }
        put(to, "\\|", bar == NULL ? 0 : 2);
        length += bar != NULL;
        text = (wendi_string){text.data + length, text.length - length};
    }
}

static void put_padded(printer *to, wendi_string text, int width, bool right)
{
    int pad = width - cli_width(text);
    for (int i = 0; right && i < pad; i++) {
        put(to, " ", 1);
    }
    put_shown(to, text);
    for (int i = 0; !right && i < pad; i++) {
        put(to, " ", 1);
    }
}

static wendi_string cell_text(const printer *to, uint64_t cell)
{
    const uint64_t *offsets = (const uint64_t *)(const void *)to->offsets.data;
    uint64_t count = to->offsets.length / sizeof *offsets;
    uint64_t end = cell + 1 < count ? offsets[cell + 1] : to->cells.length;
    return (wendi_string){(const char *)to->cells.data + offsets[cell],
                          (uint32_t)(end - offsets[cell])};
}

static void table_rule(printer *to, const int *widths)
{
    bool markdown = to->options->format == CLI_FORMAT_MARKDOWN;
    for (int64_t i = 0; i < to->schema.n_children; i++) {
        bool right = cli_column_kind(to->schema.children[i]) == CLI_VALUE_NUMBER;
        put_text(to, markdown ? (i == 0 ? "| " : " | ") : (i == 0 ? "" : "-+-"));
        for (int w = 0; w < widths[i]; w++) {
            put(to, markdown && right && w == widths[i] - 1 ? ":" : "-", 1);
        }
    }
    put_text(to, markdown ? " |\n" : "\n");
}

static void table_line(printer *to, const int *widths, uint64_t row, bool header)
{
    bool markdown = to->options->format == CLI_FORMAT_MARKDOWN;
    int64_t columns = to->schema.n_children;
    for (int64_t i = 0; i < columns; i++) {
        bool right = cli_column_kind(to->schema.children[i]) == CLI_VALUE_NUMBER;
        bool last = i + 1 == columns && !markdown && !right;
        wendi_string text = header ? wendi_string_of(to->schema.children[i]->name)
                                   : cell_text(to, row * (uint64_t)columns + (uint64_t)i);
        put_text(to, markdown ? (i == 0 ? "| " : " | ") : (i == 0 ? "" : " | "));
        put_padded(to, text, last ? 0 : widths[i], right);
    }
    put_text(to, markdown ? " |\n" : "\n");
}

static void print_table(printer *to)
{
    int64_t columns = to->schema.n_children;
    int *widths = calloc((size_t)columns + 1, sizeof *widths);
    if (widths == NULL) {
        to->status = WEND_NOMEM;
        return;
    }
    for (int64_t i = 0; i < columns; i++) {
        widths[i] = cli_width(wendi_string_of(to->schema.children[i]->name));
        widths[i] = widths[i] < 3 ? 3 : widths[i];
        for (uint64_t row = 0; row < to->row_count; row++) {
            int width = cli_width(cell_text(to, row * (uint64_t)columns + (uint64_t)i));
            widths[i] = width > widths[i] ? width : widths[i];
        }
    }
    table_line(to, widths, 0, true);
    table_rule(to, widths);
    flush(to);
    for (uint64_t row = 0; row < to->row_count && !cli_query_interrupted(); row++) {
        table_line(to, widths, row, false);
        flush(to);
    }
    if (to->options->row_count && to->options->format == CLI_FORMAT_TABLE) {
        fprintf(to->options->out, "(%llu row%s)\n", (unsigned long long)to->row_count,
                to->row_count == 1 ? "" : "s");
    }
    flush(to);
    free(widths);
}

/* ---- all ---- */

static void print_row(printer *to, const struct ArrowArray *batch, int64_t row,
                      wendi_buffer *scratch)
{
    switch (to->options->format) {
    case CLI_FORMAT_CSV:
        csv_row(to, batch, row, scratch);
        break;
    case CLI_FORMAT_JSON:
    case CLI_FORMAT_NDJSON:
        json_row(to, batch, row, scratch);
        break;
    default:
        table_row(to, batch, row, scratch);
        break;
    }
    to->row_count++;
    if (to->line.length > 1 << 16) {
        flush(to);
    }
}

static int print_batches(printer *to, struct ArrowArrayStream *stream)
{
    wendi_buffer scratch = {0};
    int code = 0;
    while (code == 0 && to->status == WEND_OK) {
        struct ArrowArray batch;
        code = stream->get_next(stream, &batch);
        if (code != 0 || batch.release == NULL) {
            break;
        }
        for (int64_t row = 0; row < batch.length && to->status == WEND_OK; row++) {
            print_row(to, &batch, row, &scratch);
        }
        batch.release(&batch);
    }
    wendi_buffer_free(&scratch);
    return code;
}

static void finish(printer *to)
{
    if (to->options->format == CLI_FORMAT_JSON) {
        put_text(to, to->row_count == 0 ? "[]\n" : "\n]\n");
    } else if (to->options->format == CLI_FORMAT_TABLE ||
               to->options->format == CLI_FORMAT_MARKDOWN) {
        print_table(to);
    }
    flush(to);
    fflush(to->options->out);
}

int cli_print_stream(struct ArrowArrayStream *stream, const cli_print_options *options,
                     uint64_t *rows)
{
    printer to = {.options = options, .status = WEND_OK};
    int code = stream->get_schema(stream, &to.schema);
    if (code == 0) {
        if (options->format == CLI_FORMAT_CSV) {
            csv_header(&to);
        }
        code = print_batches(&to, stream);
        if (code == 0 && to.status == WEND_OK) {
            finish(&to);
        } else {
            flush(&to);
        }
        to.schema.release(&to.schema);
    }
    if (rows != NULL) {
        *rows = to.row_count;
    }
    wendi_buffer_free(&to.line);
    wendi_buffer_free(&to.cells);
    wendi_buffer_free(&to.offsets);
    if (to.status != WEND_OK) {
        fprintf(stderr, "wend: the result could not be printed: %s\n", wend_status_name(to.status));
        return EXIT_COULD_NOT;
    }
    return code == 0 ? EXIT_DONE : EXIT_COULD_NOT;
}
