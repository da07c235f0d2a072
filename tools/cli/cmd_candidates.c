/* candidates: keys that a table keeps in _rest, and the columns that they could be. */
#include <inttypes.h>
#include <string.h>

#include "engine/base/bytes.h"
#include "tools/cli/commands.h"
#include "tools/cli/result_print.h"

static const char *format_name;
static int64_t row_count = 0;
static int64_t limit_count = -1;

const cli_option *cli_candidates_options(void)
{
    static const cli_option options[] = {
        {"format", 'f', CLI_TEXT, &format_name, "FORMAT", "text (default), sql or json"},
        {"limit", 'n', CLI_INTEGER, &limit_count, "N", "show at most N"},
        {"rows", 0, CLI_INTEGER, &row_count, "N", "look at the newest N rows or so; default a million"},
        {NULL, 0, CLI_FLAG, NULL, NULL, NULL}};
    return options;
}

typedef struct candidate_list {
    bool json;
    bool sql;
    int64_t left; /* -1: all */
    uint64_t shown;
    wendi_buffer out; /* reused */
} candidate_list;

static wend_status append_member(const char *name, const char *text, wendi_buffer *out)
{
    wend_status status = wendi_buffer_printf(out, ",\"%s\":", name);
    return status == WEND_OK ? cli_json_string(text, strlen(text), out) : status;
}

static void print_json(candidate_list *list, const wend_candidate *candidate)
{
    wendi_buffer *out = &list->out;
    out->length = 0;
    wend_status status = wendi_buffer_printf(out, "{\"count\":%" PRIu64 ",\"rows\":%" PRIu64,
                                             candidate->count, candidate->row_count);
    status = status == WEND_OK ? append_member("path", candidate->path, out) : status;
    status = status == WEND_OK ? append_member("type", candidate->type, out) : status;
    status = status == WEND_OK ? append_member("example", candidate->example, out) : status;
    status = status == WEND_OK ? append_member("ddl", candidate->ddl, out) : status;
    if (status == WEND_OK) {
        printf("%.*s}\n", (int)out->length, (const char *)out->data);
    }
}

static bool show_candidate(void *context, const wend_candidate *candidate)
{
    candidate_list *list = context;
    if (list->left == 0) {
        return false;
    }
    list->left -= list->left > 0;
    list->shown++;
    if (list->json) {
        print_json(list, candidate);
    } else if (list->sql) {
        printf("%s\n", candidate->ddl);
    } else {
        if (list->shown == 1) {
            printf("of %" PRIu64 " rows:\n", candidate->row_count);
        }
        printf("%10" PRIu64 "  %-32s %-18s %s\n", candidate->count, candidate->path,
               candidate->type, candidate->example);
    }
    return true;
}

int cli_candidates(const cli_command *command, int argc, char **argv)
{
    candidate_list list = {.left = 0};
    cli_words words;
    wend_store *store;
    wend_error error;
    int code;
    if (!cli_parse(command, argc, argv, 1, 1, &words, &code)) {
        return code;
    }
    list.sql = format_name != NULL && strcmp(format_name, "sql") == 0;
    list.json = format_name != NULL && strcmp(format_name, "json") == 0;
    if ((format_name != NULL && !list.sql && !list.json && strcmp(format_name, "text") != 0) ||
        row_count < 0) {
        fprintf(stderr, "wend candidates: --format is text, sql or json, --rows is a number of rows\n");
        return EXIT_USED_WRONGLY;
    }
    list.left = limit_count;
    code = cli_open_store(false, &store);
    if (code != EXIT_DONE) {
        return code;
    }
    if (wend_table_candidates(store, words.items[0], (uint64_t)row_count, show_candidate, &list,
                              &error) != WEND_OK) {
        code = cli_fail(&error, NULL);
    } else if (list.shown == 0 && !list.json && !list.sql) {
        printf("no key is without a column\n");
    }
    wendi_buffer_free(&list.out);
    wend_store_close(store);
    return code;
}
