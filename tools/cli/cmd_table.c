/* Commands about tables: create, infer, tables, describe, drop, alter. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/bytes.h"
#include "tools/cli/commands.h"

static const char *ddl_file;
static const char *table_name;
static bool if_not_exists;
static bool no_wait;
static bool yes;
static int64_t sample_lines;

const cli_option *cli_create_options(void)
{
    static const cli_option options[] = {
        {"file", 'f', CLI_TEXT, &ddl_file, "FILE",
         "read the CREATE TABLE statement from a file (-: standard input)"},
        {"if-not-exists", 0, CLI_FLAG, &if_not_exists, NULL, "a table of that name is no error"},
        {NULL, 0, CLI_FLAG, NULL, NULL, NULL}};
    return options;
}

const cli_option *cli_infer_options(void)
{
    static const cli_option options[] = {
        {"table", 't', CLI_TEXT, &table_name, "NAME", "the table's name (default: events)"},
        {"lines", 'n', CLI_INTEGER, &sample_lines, "N", "lines to look at (default: 200,000)"},
        {NULL, 0, CLI_FLAG, NULL, NULL, NULL}};
    return options;
}

const cli_option *cli_drop_options(void)
{
    static const cli_option options[] = {{"yes", 'y', CLI_FLAG, &yes, NULL, "do not ask"},
                                         {NULL, 0, CLI_FLAG, NULL, NULL, NULL}};
    return options;
}

const cli_option *cli_alter_options(void)
{
    static const cli_option options[] = {
        {"no-wait", 0, CLI_FLAG, &no_wait, NULL,
         "leave the request with a live writer and print its name"},
        {NULL, 0, CLI_FLAG, NULL, NULL, NULL}};
    return options;
}

int cli_create(const cli_command *command, int argc, char **argv)
{
    cli_words words;
    wend_store *store;
    wend_error error;
    int code;
    if (!cli_parse(command, argc, argv, 0, 1, &words, &code)) {
        return code;
    }
    if ((ddl_file == NULL) == (words.count == 0)) {
        fprintf(stderr, "wend create: give the statement either as an argument or by -f FILE\n");
        return EXIT_USED_WRONGLY;
    }
    char *ddl = ddl_file == NULL ? strdup(words.items[0]) : cli_read_file(ddl_file);
    if (ddl == NULL) {
        return EXIT_COULD_NOT;
    }
    code = cli_open_store(true, &store);
    if (code == EXIT_DONE) {
        if (wend_create_table(store, ddl, if_not_exists, &error) != WEND_OK) {
            code = cli_fail(&error, ddl);
        }
        wend_store_close(store);
    }
    free(ddl);
    return code;
}

int cli_infer(const cli_command *command, int argc, char **argv)
{
    cli_words words;
    wend_strings ddl;
    wend_error error;
    int code;
    if (!cli_parse(command, argc, argv, 1, 1, &words, &code)) {
        return code;
    }
    if (wend_infer_table(words.items[0], table_name != NULL ? table_name : "events",
                         (uint64_t)sample_lines, &ddl, &error) != WEND_OK) {
        return cli_fail(&error, NULL);
    }
    fputs(ddl.items[0], stdout);
    wend_strings_free(&ddl);
    return EXIT_DONE;
}

int cli_tables(const cli_command *command, int argc, char **argv)
{
    cli_words words;
    wend_store *store;
    wend_strings names;
    wend_error error;
    int code;
    if (!cli_parse(command, argc, argv, 0, 0, &words, &code)) {
        return code;
    }
    code = cli_open_store(false, &store);
    if (code != EXIT_DONE) {
        return code;
    }
    if (wend_list_tables(store, &names, &error) != WEND_OK) {
        code = cli_fail(&error, NULL);
    } else {
        for (size_t i = 0; i < names.count; i++) {
            printf("%s\n", names.items[i]);
        }
        wend_strings_free(&names);
    }
    wend_store_close(store);
    return code;
}

int cli_describe(const cli_command *command, int argc, char **argv)
{
    cli_words words;
    wend_store *store;
    wend_strings ddl;
    wend_error error;
    int code;
    if (!cli_parse(command, argc, argv, 1, 1, &words, &code)) {
        return code;
    }
    code = cli_open_store(false, &store);
    if (code != EXIT_DONE) {
        return code;
    }
    if (wend_describe_table(store, words.items[0], &ddl, &error) != WEND_OK) {
        code = cli_fail(&error, NULL);
    } else {
        fputs(ddl.items[0], stdout);
        wend_strings_free(&ddl);
    }
    wend_store_close(store);
    return code;
}

static int confirm(const char *table)
{
    char answer[16] = "";
    if (yes) {
        return EXIT_DONE;
    }
    if (!isatty(STDIN_FILENO)) {
        fprintf(stderr, "wend drop: add --yes to drop %s for good\n", table);
        return EXIT_USED_WRONGLY;
    }
    fprintf(stderr, "Drop the table %s and all its data for good? [y/N] ", table);
    if (fgets(answer, sizeof answer, stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y')) {
        return EXIT_DONE;
    }
    fprintf(stderr, "wend drop: %s stays\n", table);
    return EXIT_COULD_NOT;
}

int cli_drop(const cli_command *command, int argc, char **argv)
{
    cli_words words;
    wend_store *store;
    wend_error error;
    int code;
    if (!cli_parse(command, argc, argv, 1, 1, &words, &code)) {
        return code;
    }
    code = confirm(words.items[0]);
    if (code != EXIT_DONE) {
        return code;
    }
    code = cli_open_store(false, &store);
    if (code == EXIT_DONE) {
        if (wend_drop_table(store, words.items[0], &error) != WEND_OK) {
            code = cli_fail(&error, NULL);
        }
        wend_store_close(store);
    }
    return code;
}

/* alter TABLE add column …, or the whole statement as one argument. */
int cli_alter(const cli_command *command, int argc, char **argv)
{
    cli_words words;
    wend_store *store;
    wend_error error;
    char request[64] = "";
    wendi_buffer sql = {0};
    int code;
    if (!cli_parse(command, argc, argv, 1, CLI_LIST_MAX, &words, &code)) {
        return code;
    }
    bool whole = words.count == 1 && strchr(words.items[0], ' ') != NULL;
    if (words.count < 3 && !whole) {
        fprintf(stderr, "wend alter: write wend alter TABLE add column NAME TYPE\n");
        return EXIT_USED_WRONGLY;
    }
    wend_status status = whole ? WEND_OK : wendi_buffer_printf(&sql, "alter table");
    for (size_t i = 0; status == WEND_OK && i < words.count; i++) {
        status = wendi_buffer_printf(&sql, "%s%s", whole ? "" : " ", words.items[i]);
    }
    if (status != WEND_OK || wendi_buffer_u8(&sql, 0) != WEND_OK) {
        fprintf(stderr, "wend alter: no memory\n");
        return EXIT_COULD_NOT;
    }
    code = cli_open_store(false, &store);
    if (code == EXIT_DONE) {
        if (wend_alter_table(store, (const char *)sql.data, !no_wait, request, &error) != WEND_OK) {
            code = cli_fail(&error, (const char *)sql.data);
        } else if (request[0] != '\0') {
            printf("%s\n", request);
        }
        wend_store_close(store);
    }
    wendi_buffer_free(&sql);
    return code;
}
