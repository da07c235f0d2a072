/* export: a table, or any query's result, as Parquet. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/bytes.h"
#include "tools/cli/commands.h"
#include "tools/cli/run_query.h"
#include "tools/parquet_export/parquet_export.h"

static struct {
    const char *output, *where, *sql, *partition_by, *compression;
    int64_t zstd_level, row_group_rows, row_group_bytes, file_bytes;
    bool quiet;
} given;

const cli_option *cli_export_options(void)
{
    static const cli_option options[] = {
        {"output", 'o', CLI_TEXT, &given.output, "FILE|DIR",
         "where to; a name that ends in / is a folder"},
        {"where", 0, CLI_TEXT, &given.where, "PREDICATE", "only rows that match"},
        {"sql", 0, CLI_TEXT, &given.sql, "SELECT", "this query's result instead of a table"},
        {"partition-by", 0, CLI_TEXT, &given.partition_by, "COLUMN,…",
         "a folder a value (column=value/), as Hive and Spark read them"},
        {"compression", 0, CLI_TEXT, &given.compression, "NAME", "zstd (default), snappy or none"},
        {"zstd-level", 0, CLI_INTEGER, &given.zstd_level, "N", "1 to 22 (default: 3)"},
        {"row-group-rows", 0, CLI_INTEGER, &given.row_group_rows, "N",
         "most rows of a row group (default: 1,048,576)"},
        {"row-group-bytes", 0, CLI_INTEGER, &given.row_group_bytes, "BYTES",
         "most bytes of a row group before encoding (default: 128MiB)"},
        {"file-bytes", 0, CLI_INTEGER, &given.file_bytes, "BYTES",
         "folders: begin another file beyond this size"},
        {"quiet", 'q', CLI_FLAG, &given.quiet, NULL, "no progress line"},
        {"threads", 0, CLI_INTEGER, &cli_query.threads, "N", "threads (default: all processors)"},
        {"skip-corrupt", 0, CLI_FLAG, &cli_query.skip_corrupt, NULL,
         "leave damaged pages out and say so, instead of failing"},
        {NULL, 0, CLI_FLAG, NULL, NULL, NULL}};
    return options;
}

/* Ctrl-C and SIGTERM are heard here, so it is called whether there is a terminal or not. */
static int show_progress(void *context, const parquet_export_stats *so_far)
{
    (void)context;
    if (given.quiet || !isatty(STDERR_FILENO)) {
        return cli_stopped();
    }
    fprintf(stderr, "\r\033[K%lld rows, %lld files, %.1f MB", (long long)so_far->row_count,
            (long long)so_far->file_count, (double)so_far->byte_count / 1e6);
    fflush(stderr);
    return cli_stopped();
}

/* Split "a,b" in place; false when there are too many. */
static bool split_columns(char *text, const char **columns, size_t capacity, size_t *count)
{
    *count = 0;
    for (char *at = text; at != NULL && *at != '\0';) {
        char *comma = strchr(at, ',');
        if (*count == capacity) {
            return false;
        }
        if (comma != NULL) {
            *comma = '\0';
        }
        columns[(*count)++] = at;
        at = comma == NULL ? NULL : comma + 1;
    }
    return true;
}

static bool fill_options(parquet_export_options *options, char *partition_by, const char **columns,
                         size_t capacity)
{
    parquet_export_options_init(options);
    options->output = given.output;
    if (given.compression != NULL &&
        !parquet_compression_from_name(given.compression, &options->compression)) {
        fprintf(stderr,
                "wend export: there is no compression %s; there are zstd, snappy and none\n",
                given.compression);
        return false;
    }
    if (!split_columns(partition_by, columns, capacity, &options->partition_by_count)) {
        fprintf(stderr, "wend export: more than %zu partition columns\n", capacity);
        return false;
    }
    options->partition_by = columns;
    options->zstd_level = given.zstd_level != 0 ? (int32_t)given.zstd_level : options->zstd_level;
    options->row_group_rows =
        given.row_group_rows != 0 ? given.row_group_rows : options->row_group_rows;
    options->row_group_bytes =
        given.row_group_bytes != 0 ? given.row_group_bytes : options->row_group_bytes;
    options->file_bytes = given.file_bytes != 0 ? given.file_bytes : options->file_bytes;
    options->on_progress = show_progress;
    return true;
}

static int export_query(wend_store *store, const char *sql, const parquet_export_options *options)
{
    wend_query *query;
    struct ArrowArrayStream stream;
    parquet_export_stats stats;
    wend_error error;
    int code = cli_open_query(store, sql, &query, &stream);
    if (code != EXIT_DONE) {
        return code;
    }
    wend_status status = parquet_export(&stream, options, &stats, &error);
    if (!given.quiet && isatty(STDERR_FILENO)) {
        fprintf(stderr, "\r\033[K");
    }
    bool from_query =
        wend_query_error(query)->status != WEND_OK; /* told once, by closing the query */
    code = status == WEND_OK ? EXIT_DONE
           : from_query      ? cli_exit_code(wend_query_error(query))
                             : cli_fail(&error, NULL);
    code = cli_close_query(query, &stream, sql, code);
    if (code == EXIT_DONE) {
        printf("%lld rows, %lld file%s, %lld bytes: %s\n", (long long)stats.row_count,
               (long long)stats.file_count, stats.file_count == 1 ? "" : "s",
               (long long)stats.byte_count, options->output);
        if (stats.empty_as_null_row_count != 0) {
            fprintf(stderr,
                    "note: %lld rows with an empty partition text lie in the folder for null, as "
                    "Hive has it\n",
                    (long long)stats.empty_as_null_row_count);
        }
    }
    return code;
}

/* A whole table is exported with what no column took, though * leaves that out. */
static bool keeps_rest(wend_store *store, const char *table)
{
    wendi_buffer sql = {0};
    wend_query *query = NULL;
    wend_error ignored;
    bool keeps = wendi_buffer_printf(&sql, "select _rest from \"%s\" limit 0", table) == WEND_OK &&
                 wendi_buffer_u8(&sql, 0) == WEND_OK &&
                 wend_query_open(store, (const char *)sql.data, NULL, &query, &ignored) == WEND_OK;
    wend_query_close(query);
    wendi_buffer_free(&sql);
    return keeps;
}

static wend_status write_query(wend_store *store, const cli_words *words, wendi_buffer *sql)
{
    if (given.sql != NULL) {
        return wendi_buffer_printf(sql, "%s", given.sql);
    }
    return wendi_buffer_printf(sql, "select *%s from \"%s\"%s%s",
                               keeps_rest(store, words->items[0]) ? ", _rest" : "", words->items[0],
                               given.where != NULL ? " where " : "",
                               given.where != NULL ? given.where : "");
}

int cli_export(const cli_command *command, int argc, char **argv)
{
    cli_words words;
    wend_store *store;
    wendi_buffer sql = {0};
    parquet_export_options options;
    const char *columns[16];
    int code;
    if (!cli_parse(command, argc, argv, 0, 1, &words, &code)) {
        return code;
    }
    if (given.output == NULL || (words.count == 1) == (given.sql != NULL) ||
        (given.sql != NULL && given.where != NULL)) {
        fprintf(stderr,
                given.output == NULL
                    ? "wend export: give -o FILE or -o DIR/\n"
                    : "wend export: give a table (with --where or not) or --sql, one of them\n");
        return EXIT_USED_WRONGLY;
    }
    char *partition_by = strdup(given.partition_by != NULL ? given.partition_by : "");
    if (partition_by == NULL ||
        !fill_options(&options, partition_by, columns, sizeof columns / sizeof columns[0])) {
        free(partition_by);
        return EXIT_USED_WRONGLY;
    }
    cli_catch_signals();
    code = cli_open_store(false, &store);
    if (code == EXIT_DONE) {
        if (write_query(store, &words, &sql) == WEND_OK && wendi_buffer_u8(&sql, 0) == WEND_OK) {
            code = export_query(store, (const char *)sql.data, &options);
        } else {
            fprintf(stderr, "wend export: no memory\n");
            code = EXIT_COULD_NOT;
        }
        wend_store_close(store);
    }
    wendi_buffer_free(&sql);
    free(partition_by);
    return code;
}
