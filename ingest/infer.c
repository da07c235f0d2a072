/* Schema inference: lines into the tree, the tree into columns and roles, those into DDL that
 * parses. */
#include "ingest/infer.h"

#include <inttypes.h>

#include "engine/base/alloc.h"
#include "engine/expr/table_ddl.h"
#include "engine/sql/sql.h"
#include "ingest/infer_column.h"

enum { KEYS_MAX = 64 };

struct wendi_infer {
    wendi_arena arena;
    wendi_string table;
    wendi_string source;
    uint32_t columns_max;
    uint32_t column_count;
    wendi_infer_tree tree;
};

static wend_status copy(wendi_arena *arena, wendi_string text, wendi_string *out)
{
    char *bytes = wendi_arena_copy(arena, text.data, text.length);
    *out = (wendi_string){bytes, text.length};
    return bytes == NULL ? WEND_NOMEM : WEND_OK;
}

wend_status wendi_infer_open(const wendi_infer_options *options, wendi_infer **infer_out,
                             wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_infer *infer = wendi_alloc_zero(1, sizeof *infer);
    *infer_out = NULL;
    if (infer == NULL) {
        return wendi_fail_nomem(error, "schema inference", sizeof *infer);
    }
    infer->columns_max =
        options->columns_max != 0 ? options->columns_max : WENDI_INFER_COLUMNS_DEFAULT;
    WEND_TRY(copy(&infer->arena, options->table, &infer->table));
    WEND_TRY(copy(&infer->arena, options->source, &infer->source));
    WEND_TRY(wendi_infer_tree_init(&infer->tree));
    *infer_out = infer;
    infer = NULL;
cleanup:
    if (status != WEND_OK) {
        wendi_fail_nomem(error, "schema inference", 0);
    }
    wendi_infer_close(infer);
    return status;
}

void wendi_infer_close(wendi_infer *infer)
{
    if (infer != NULL) {
        wendi_infer_tree_free(&infer->tree);
        wendi_arena_free(&infer->arena);
        wendi_free(infer);
    }
}

wend_status wendi_infer_line(wendi_infer *infer, const char *line, size_t length)
{
    return wendi_infer_tree_line(&infer->tree, line, length);
}

wendi_infer_counts wendi_infer_count(const wendi_infer *infer)
{
    return (wendi_infer_counts){infer->tree.lines, infer->tree.broken, infer->column_count};
}

static wend_status text(wendi_buffer *out, const char *words)
{
    return wendi_buffer_append(out, words, strlen(words));
}

/* A comment ends at its line's end, so names with line breaks must not bring one in. */
static wend_status write_flat(wendi_string words, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    for (uint32_t i = 0; i < words.length && status == WEND_OK; i++) {
        status = wendi_buffer_u8(out, (unsigned char)words.data[i] < 0x20 ? ' '
                                                                          : (uint8_t)words.data[i]);
    }
    return status;
}

static wend_status write_path(const wendi_infer_tree *tree, uint32_t index, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    wendi_string keys[KEYS_MAX];
    wendi_buffer path = {0};
    uint32_t count = tree->nodes[index].depth;
    for (uint32_t at = index; at != 0; at = tree->nodes[at].parent) {
        keys[tree->nodes[at].depth - 1] = tree->nodes[at].key;
    }
    WEND_TRY(wendi_path_write(&(wendi_path){keys, count}, &path));
    WEND_TRY(wendi_sql_print_string((wendi_string){(const char *)path.data, (uint32_t)path.length},
                                    out));
cleanup:
    wendi_buffer_free(&path);
    return status;
}

static wend_status write_options(const wendi_infer_tree *tree, const wendi_infer_column *column,
                                 wendi_buffer *out)
{
    wend_status status = WEND_OK;
    const char *before = " OPTIONS (";
    if (column->explicit_path) {
        WEND_TRY(wendi_buffer_printf(out, "%spath ", before));
        WEND_TRY(write_path(tree, column->node, out));
        before = ", ";
    }
    if (column->guess.time_format != NULL) {
        WEND_TRY(wendi_buffer_printf(out, "%sformat '%s'", before, column->guess.time_format));
        before = ", ";
    }
    if (column->guess.zoneless) {
        WEND_TRY(wendi_buffer_printf(out, "%stimezone 'UTC'", before));
        before = ", ";
    }
    WEND_TRY(text(out, before[0] == ',' ? ")" : ""));
cleanup:
    return status;
}

/* Why this type, and how often the key is there. */
static wend_status write_column_comment(const wendi_infer_tree *tree,
                                        const wendi_infer_column *column, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    uint64_t events = tree->lines - tree->broken;
    uint64_t present = wendi_infer_present(&tree->nodes[column->node]);
    bool partial = present < events;
    if (column->guess.why == NULL && !partial) {
        return WEND_OK;
    }
    WEND_TRY(wendi_buffer_printf(out, " -- %s", column->guess.why != NULL ? column->guess.why : ""));
    if (partial) {
        WEND_TRY(wendi_buffer_printf(out, "%sin %" PRIu64 " of %" PRIu64 " events",
                                     column->guess.why != NULL ? "; " : "", present, events));
    }
    if (partial && column->not_null) {
        WEND_TRY(
            wendi_buffer_printf(out, ": the other %" PRIu64 " will be rejected", events - present));
    }
cleanup:
    return status;
}

static wend_status write_columns(const wendi_infer_tree *tree, const wendi_infer_columns *columns,
                                 wendi_buffer *out)
{
    wend_status status = WEND_OK;
    for (uint32_t i = 0; i < columns->count; i++) {
        const wendi_infer_column *column = &columns->items[i];
        WEND_TRY(text(out, "    "));
        WEND_TRY(wendi_sql_print_name(column->name, out));
        WEND_TRY(wendi_buffer_printf(out, " %s", column->guess.type));
        WEND_TRY(write_options(tree, column, out));
        WEND_TRY(text(out, column->not_null ? " NOT NULL" : ""));
        WEND_TRY(text(out, column->unique ? " UNIQUE" : ""));
        WEND_TRY(text(out, i + 1 < columns->count ? "," : ""));
        WEND_TRY(write_column_comment(tree, column, out));
        WEND_TRY(text(out, "\n"));
    }
cleanup:
    return status;
}

static wend_status write_head(const wendi_infer *infer, const wendi_infer_columns *columns,
                              wendi_buffer *out)
{
    wend_status status = WEND_OK;
    const wendi_infer_tree *tree = &infer->tree;
    WEND_TRY(wendi_buffer_printf(out, "-- Guessed from %" PRIu64 " lines", tree->lines));
    if (infer->source.length > 0) {
        WEND_TRY(text(out, " of "));
        WEND_TRY(write_flat(infer->source, out));
    }
    WEND_TRY(text(out, "; edit what is wrong, then run wend create.\n"));
    if (tree->broken > 0) {
        WEND_TRY(wendi_buffer_printf(
            out, "-- %" PRIu64 " of them hold no JSON object: ingest will reject such lines.\n",
            tree->broken));
    }
    if (tree->repeated_lines > 0) {
        WEND_TRY(wendi_buffer_printf(
            out,
            "-- %" PRIu64
            " of them repeat an earlier line exactly: unique_rows = true in WITH drops repeats.\n",
            tree->repeated_lines));
    }
    if (tree->nodes[0].overflow) {
        WEND_TRY(wendi_buffer_printf(
            out, "-- There are more keys than the %u told apart; the others have no column.\n",
            columns->count));
    }
    if (columns->time_column == WENDI_INFER_NONE) {
        WEND_TRY(text(out, "-- No key was recognised as the event's time: set time_column in WITH "
                           "to a timestamptz NOT NULL column.\n"));
    }
    if (columns->user_column == WENDI_INFER_NONE) {
        WEND_TRY(text(out, "-- No key was recognised as the user: set user_column in WITH for "
                           "sessions, funnels, paths, retention.\n"));
    }
    if (columns->event_column == WENDI_INFER_NONE) {
        WEND_TRY(text(out, "-- No key was recognised as the kind of event: set event_column in "
                           "WITH if there is one.\n"));
    }
cleanup:
    return status;
}

static wend_status write_roles(const wendi_infer_columns *columns, wendi_buffer *out)
{
    const struct {
        const char *name;
        uint32_t column;
    } roles[] = {{"user_column", columns->user_column},
                 {"time_column", columns->time_column},
                 {"event_column", columns->event_column}};
    wend_status status = WEND_OK;
    uint32_t count = 0;
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        if (roles[i].column == WENDI_INFER_NONE) {
            continue;
        }
        WEND_TRY(wendi_buffer_printf(out, "%s%s = ", count++ == 0 ? " WITH (\n    " : ",\n    ",
                                     roles[i].name));
        WEND_TRY(wendi_sql_print_string(columns->items[roles[i].column].name, out));
    }
    WEND_TRY(text(out, count > 0 ? "\n)" : ""));
cleanup:
    return status;
}

/* What we print must be what we read: anything else is our own fault, and said so. */
static wend_status check_ddl(const wendi_buffer *out, size_t begin, wendi_arena *arena,
                             wend_error *error)
{
    wendi_schema *schema = NULL;
    const char *ddl = wendi_arena_copy(arena, (const char *)out->data + begin, out->length - begin);
    if (ddl == NULL) {
        return wendi_fail_nomem(error, "schema inference", out->length);
    }
    wend_status status = wendi_schema_parse(ddl, &schema, error);
    wendi_schema_free(schema);
    if (status != WEND_OK) {
        wendi_error_context(error,
                            "the guessed schema is not valid, which is a fault of wend infer");
    }
    return status;
}

wend_status wendi_infer_write(wendi_infer *infer, wendi_buffer *out, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_infer_columns columns;
    wendi_arena arena = {0};
    size_t begin = out->length;
    if (infer->tree.nodes[0].child_count == 0) {
        wendi_fail(error, WEND_INVALID,
                   "no line of the sample is a JSON object with keys (%" PRIu64 " lines read)",
                   infer->tree.lines);
        wendi_error_hint(error, "give newline-delimited JSON: one object a line");
        return WEND_INVALID;
    }
    WEND_TRY(wendi_infer_guess_columns(&infer->tree, infer->columns_max, &arena, &columns));
    wendi_infer_guess_roles(&infer->tree, &columns);
    infer->column_count = columns.count;
    WEND_TRY(write_head(infer, &columns, out));
    WEND_TRY(text(out, "CREATE TABLE "));
    WEND_TRY(wendi_sql_print_name(infer->table, out));
    WEND_TRY(text(out, " (\n"));
    WEND_TRY(write_columns(&infer->tree, &columns, out));
    WEND_TRY(text(out, ")"));
    WEND_TRY(write_roles(&columns, out));
    WEND_TRY(text(out, ";\n"));
    WEND_TRY(check_ddl(out, begin, &arena, error));
cleanup:
    if (status == WEND_NOMEM) {
        wendi_fail_nomem(error, "schema inference", out->length);
    }
    wendi_arena_free(&arena);
    return status;
}
