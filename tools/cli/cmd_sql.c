/*
 * sql: one statement, or a prompt with history when there is a terminal and no statement.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <editline/readline.h>

#include "tools/cli/commands.h"
#include "tools/cli/run_query.h"

/* ---- sql ---- */

static const char *sql_file;

const cli_option *cli_sql_options(void)
{
    static const cli_option options[] = {
        {"file", 0, CLI_TEXT, &sql_file, "FILE", "read the SQL from a file (-: standard input)"},
        CLI_QUERY_OPTIONS,
        {NULL, 0, CLI_FLAG, NULL, NULL, NULL}};
    return options;
}

/* First word of a statement, lower case, to send CREATE, ALTER and DROP to where they belong. */
static bool begins_with(const char *sql, const char *word)
{
    while (*sql == ' ' || *sql == '\n' || *sql == '\t') {
        sql++;
    }
    return strncasecmp(sql, word, strlen(word)) == 0;
}

static int run_statement(wend_store *store, const char *sql)
{
    wend_error error;
    wend_status status;
    if (begins_with(sql, "create")) {
        status = wend_create_table(store, sql, false, &error);
    } else if (begins_with(sql, "alter")) {
        status = wend_alter_table(store, sql, true, NULL, &error);
    } else {
        return cli_run_query(store, sql, stdout);
    }
    return status == WEND_OK ? EXIT_DONE : cli_fail(&error, sql);
}

static int list_tables(wend_store *store)
{
    wend_strings names;
    wend_error error;
    if (wend_list_tables(store, &names, &error) != WEND_OK) {
        return cli_fail(&error, NULL);
    }
    for (size_t i = 0; i < names.count; i++) {
        printf("%s\n", names.items[i]);
    }
    wend_strings_free(&names);
    return EXIT_DONE;
}

static int describe(wend_store *store, const char *table)
{
    wend_strings ddl;
    wend_error error;
    if (wend_describe_table(store, table, &ddl, &error) != WEND_OK) {
        return cli_fail(&error, NULL);
    }
    fputs(ddl.items[0], stdout);
    wend_strings_free(&ddl);
    return EXIT_DONE;
}

static const char prompt_help[] = "\\dt          tables\n"
                                  "\\d TABLE     a table's definition\n"
                                  "\\timing      say how long statements take, or stop saying it\n"
                                  "\\format F    table, csv, json, ndjson or markdown\n"
                                  "\\q           leave\n"
                                  "A statement ends with a semicolon.\n";

/* A line that begins with a backslash. False: leave. */
static bool run_meta(wend_store *store, char *line)
{
    char *argument = line + strcspn(line, " ");
    if (*argument != '\0') {
        *argument++ = '\0';
    }
    if (strcmp(line, "\\q") == 0) {
        return false;
    }
    if (strcmp(line, "\\dt") == 0 || (strcmp(line, "\\d") == 0 && *argument == '\0')) {
        (void)list_tables(store);
    } else if (strcmp(line, "\\d") == 0) {
        (void)describe(store, argument);
    } else if (strcmp(line, "\\timing") == 0) {
        cli_query.timing = !cli_query.timing;
        printf("timing is %s\n", cli_query.timing ? "on" : "off");
    } else if (strcmp(line, "\\format") == 0) {
        static char kept[16];
        cli_format format;
        if (strlen(argument) < sizeof kept && cli_format_of(argument, &format)) {
            strcpy(kept, argument);
            cli_query.format = kept;
        }
    } else {
        fputs(prompt_help, stdout);
    }
    return true;
}

/* Behind the comment that begins at `text`, if one does. */
static const char *skip_comment(const char *text)
{
    if (text[0] == '-' && text[1] == '-') {
        return text + strcspn(text, "\n");
    }
    if (text[0] == '/' && text[1] == '*') {
        const char *end = strstr(text + 2, "*/");
        return end == NULL ? text + strlen(text) : end + 2;
    }
    return text;
}

/* Does the text end a statement: a semicolon outside of quotes and comments, then blanks only? */
static bool is_complete(const char *text)
{
    bool ended = false;
    char quote = '\0';
    for (; *text != '\0'; text++) {
        if (quote == '\0' && (text = skip_comment(text))[0] == '\0') {
            break;
        }
        if (quote != '\0') {
            quote = *text == quote ? '\0' : quote;
        } else if (*text == '\'' || *text == '"') {
            quote = *text;
            ended = false;
        } else if (*text == ';') {
            ended = true;
        } else if (*text != ' ' && *text != '\n' && *text != '\t') {
            ended = false;
        }
    }
    return ended;
}

enum { HISTORY_MAX = 1000 };

/* Without a home there is no history. */
static bool history_path(char *path, size_t capacity)
{
    const char *home = getenv("HOME");
    if (home == NULL || home[0] == '\0') {
        return false;
    }
    int length = snprintf(path, capacity, "%s/.wend_history", home);
    return length > 0 && (size_t)length < capacity;
}

static sigjmp_buf line_begin;

/* Ctrl-C while a line is typed: it is given up, as in psql. readline() waits in read() then, where
 * it may be left. */
static void give_up_line(int signal_number)
{
    (void)signal_number;
    siglongjmp(line_begin, 1);
}

/* The next line, NULL at the end of input; Ctrl-C empties `statement` and begins again. */
static char *next_line(wendi_buffer *statement)
{
    struct sigaction action = {.sa_handler = give_up_line};
    struct sigaction before;
    sigaction(SIGINT, NULL, &before);
    if (sigsetjmp(line_begin, 1) != 0) {
        statement->length = 0;
        fputs("^C\n", stdout);
    }
    sigaction(SIGINT, &action, NULL);
    char *line = readline(statement->length == 0 ? "wend> " : "   -> ");
    sigaction(SIGINT, &before, NULL);
    return line;
}

static int prompt(wend_store *store)
{
    char history[4096];
    wendi_buffer statement = {0};
    bool remembered = history_path(history, sizeof history);
    using_history();
    stifle_history(HISTORY_MAX);
    if (remembered) {
        read_history(history);
    }
    printf("wend %s; \\? for help, \\q to leave\n", wend_version());
    for (;;) {
        char *line = next_line(&statement);
        if (line == NULL) {
            putchar('\n');
            break;
        }
        bool stay = true;
        if (statement.length == 0 && line[0] == '\\') {
            stay = run_meta(store, line);
        } else if (line[0] != '\0' &&
                   wendi_buffer_printf(&statement, "%s%s", statement.length == 0 ? "" : "\n",
                                       line) == WEND_OK &&
                   wendi_buffer_u8(&statement, 0) == WEND_OK) {
            statement.length--;
            if (is_complete((const char *)statement.data)) {
                add_history((const char *)statement.data);
                if (remembered) {
                    write_history(history);
                }
                (void)run_statement(store, (const char *)statement.data);
                statement.length = 0;
            }
        }
        free(line);
        if (!stay) {
            break;
        }
    }
    wendi_buffer_free(&statement);
    return EXIT_DONE;
}

int cli_sql(const cli_command *command, int argc, char **argv)
{
    cli_words words;
    wend_store *store;
    int code;
    if (!cli_parse(command, argc, argv, 0, 1, &words, &code)) {
        return code;
    }
    code = cli_open_store(false, &store);
    if (code != EXIT_DONE) {
        return code;
    }
    bool from_terminal = words.count == 0 && sql_file == NULL && isatty(STDIN_FILENO);
    if (from_terminal) {
        code = prompt(store);
    } else {
        char *text = words.count == 1 ? strdup(words.items[0])
                                      : cli_read_file(sql_file != NULL ? sql_file : "-");
        code = text == NULL ? EXIT_COULD_NOT : run_statement(store, text);
        free(text);
    }
    wend_store_close(store);
    return code;
}
