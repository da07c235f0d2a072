/*
 * wend: the program. Finds the command, and holds what all commands share: the store's folder, errors
 * as people see them, exit codes, signals.
 */
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/bytes.h"
#include "tools/cli/cmd_produce.h"
#include "tools/cli/commands.h"

const char *cli_store_path;

static const cli_command sql_command = {
    "sql", "ask in SQL", "sql [SELECT …] [--format FORMAT]",
    "Runs one statement, or without one reads standard input; on a terminal it is a prompt with history.\n"
    "The SQL is PostgreSQL's over one table, with the table functions funnel, funnel_users, sessions, paths,\n"
    "top_paths and retention. docs/SQL.md has all of it.\n\n"
    "  wend -d store sql \"select event_type, count(*) from events group by 1 order by 2 desc\"",
    cli_sql_options, cli_sql, false};
static const cli_command funnel_command = {
    "funnel", "who took the steps, and where they gave up", "funnel TABLE --step PREDICATE … --within TIME",
    "Counts the users whose best chain of rows reaches each step. docs/SEMANTICS.md says what a chain is.\n\n"
    "  wend -d store funnel events --step \"event_type = 'page_view'\" --step \"event_type = 'purchase'\" --within 1h --by country",
    cli_funnel_options, cli_funnel, false};
static const cli_command sessions_command = {
    "sessions", "how people visit", "sessions TABLE [--gap 30m] [--list]",
    "Cuts each user's rows into sessions and sums them up; --list prints each.\n\n"
    "  wend -d store sessions events --gap 30m --by country",
    cli_sessions_options, cli_sessions, false};
static const cli_command paths_command = {
    "paths", "how people walk from node to node, edge by edge", "paths TABLE [--node EXPRESSION] [--steps K]",
    "For every step the edges from node to node, with the sessions and users that took them.\n\n"
    "  wend -d store paths events --node page --steps 5",
    cli_paths_options, cli_paths, false};
static const cli_command top_paths_command = {
    "top-paths", "the most taken whole paths", "top-paths TABLE [--node EXPRESSION] [--steps K]",
    "  wend -d store top-paths events --node event_type --steps 4 --limit 10", cli_paths_options, cli_top_paths, false};
static const cli_command retention_command = {
    "retention", "who comes back", "retention TABLE [--birth PREDICATE] [--return-on PREDICATE] [--period day] [--periods 7]",
    "Cohorts by the period of each user's first matching row, and how many returned in each later period.\n"
    "On a terminal a matrix in percent; incomplete periods are left empty there.\n\n"
    "  wend -d store retention events --birth \"event_type = 'page_view'\" --return-on \"true\" --period day --periods 7",
    cli_retention_options, cli_retention, false};
static const cli_command create_command = {
    "create", "make a table from a CREATE TABLE statement", "create -f FILE | create \"CREATE TABLE …\"",
    "Makes the store when there is none. docs/SQL.md has the statement.\n\n  wend -d store create -f events.sql",
    cli_create_options, cli_create, false};
static const cli_command infer_command = {
    "infer", "guess a CREATE TABLE statement from JSON lines", "infer FILE [--table NAME]",
    "Reads a sample and prints a statement to edit, with what was guessed as comments. FILE may be - or compressed.\n\n"
    "  wend infer clicks.ndjson --table events > events.sql",
    cli_infer_options, cli_infer, false};
static const cli_command tables_command = {"tables", "list the store's tables", "tables", "One name a line.", NULL, cli_tables, false};
static const cli_command describe_command = {
    "describe", "print a table's CREATE TABLE statement", "describe TABLE", "The statement gives exactly this table.", NULL, cli_describe, false};
static const cli_command drop_command = {"drop", "remove a table and its files", "drop TABLE [--yes]",
                                         "Refused while an ingestor writes the table.", cli_drop_options, cli_drop, false};
static const cli_command alter_command = {
    "alter", "add columns to a table", "alter TABLE add column NAME TYPE … | alter \"ALTER TABLE …\"",
    "A live ingestor carries it out at its next commit, and the command waits for that.\n\n"
    "  wend -d store alter events add column campaign text",
    cli_alter_options, cli_alter, false};
static const cli_command ingest_command = {
    "ingest", "load events, exactly once", "ingest TABLE --file FILE … | --stdin | --brokers B --topic T …",
    "May be killed at any moment: the next run goes on where the last commit stood. A file is known by its\n"
    "content, so that a renamed or grown one is not loaded twice. SIGTERM drains and commits.\n\n"
    "  wend -d store ingest events --file clicks.ndjson.zst\n"
    "  wend -d store ingest events --brokers localhost:9092 --topic clicks",
    cli_ingest_options, cli_ingest, false};
static const cli_command verify_command = {
    "verify", "check every byte of a table", "verify TABLE",
    "Reads the log, every segment and every reject file; names file and place of each fault. Exit code 3 when there is one.", NULL,
    cli_verify, false};
static const cli_command status_command = {
    "status", "where a table stands", "status TABLE [--reconcile] [--format json]",
    "With --reconcile one line a partition or file: taken = stored + rejected + deduplicated + tombstones.", cli_status_options,
    cli_status, false};
static const cli_command rejects_command = {
    "rejects", "what was refused, and why", "rejects TABLE [--reasons] [--limit N]",
    "Every refused message is kept as it came, with its place and the reason.", cli_rejects_options, cli_rejects, false};
static const cli_command export_command = {
    "export", "write Parquet files", "export TABLE -o FILE|DIR/ [--where …] [--partition-by …] | export --sql SELECT -o …",
    "The target appears or is replaced as a whole. docs/EXPORT.md says how types map.\n\n"
    "  wend -d store export events -o events.parquet --where \"country = 'DE'\"",
    cli_export_options, cli_export, false};
static const cli_command demo_command = {
    "demo", "see all of it in a minute, without set-up", "demo [--events N] [--seed S] [--keep]",
    "Starts a broker of its own, produces a seeded clickstream with real dirt in it, ingests it, kills the\n"
    "ingestor half-way and starts it again, shows that nothing was lost or repeated, and prints reports.",
    cli_demo_options, cli_demo, false};

static int run_inspect(const cli_command *command, int argc, char **argv);
static int run_help(const cli_command *command, int argc, char **argv);
static const cli_command inspect_command = {
    "inspect", "the map of a table's segments", "inspect TABLE [--json]", "Row groups, columns, encodings, sizes, dictionaries and zone maps.",
    NULL, run_inspect, false};
static bool man_asked;
static bool completion_asked;
static const cli_option *help_options(void)
{
    static const cli_option options[] = {{"man", 0, CLI_FLAG, &man_asked, NULL, "print the manual page of a command"},
                                         {"completion", 0, CLI_FLAG, &completion_asked, NULL, "print completion for bash"},
                                         {NULL, 0, CLI_FLAG, NULL, NULL, NULL}};
    return options;
}
static const cli_command help_command = {"help", "explain a command", "help [COMMAND]", "Without a command: the list of all.", help_options,
                                         run_help, false};

const cli_command *const cli_commands[] = {
    &demo_command,     &infer_command,     &create_command,    &ingest_command,  &sql_command,    &funnel_command,
    &sessions_command, &paths_command,     &top_paths_command, &retention_command, &export_command, &status_command,
    &rejects_command,  &verify_command,    &inspect_command,   &tables_command,  &describe_command, &alter_command,
    &drop_command,     &cli_produce_command, &cli_mock_broker_command, &help_command,    NULL};

const cli_command *cli_find(const char *name)
{
    for (size_t i = 0; cli_commands[i] != NULL; i++) {
        if (strcmp(cli_commands[i]->name, name) == 0) {
            return cli_commands[i];
        }
    }
    return NULL;
}

int wend_cmd_inspect(int argc, char **argv);

/* inspect parses for itself, but the store is ours: hand it on as -d. */
static int run_inspect(const cli_command *command, int argc, char **argv)
{
    char *words[CLI_LIST_MAX + 4];
    int count = 0;
    (void)command;
    words[count++] = argv[0];
    if (cli_store_path != NULL) {
        static char dash_d[] = "-d";
        words[count++] = dash_d;
        words[count++] = (char *)(uintptr_t)cli_store_path;
    }
    for (int i = 1; i < argc && count < CLI_LIST_MAX + 3; i++) {
        words[count++] = argv[i];
    }
    words[count] = NULL;
    return wend_cmd_inspect(count, words);
}

static void print_commands(FILE *out)
{
    fprintf(out, "wend %s: a clickstream engine in one program\n\nusage: wend [-d DIR] COMMAND …\n\n", wend_version());
    for (size_t i = 0; cli_commands[i] != NULL; i++) {
        if (!cli_commands[i]->hidden) {
            fprintf(out, "  %-12s %s\n", cli_commands[i]->name, cli_commands[i]->summary);
        }
    }
    fprintf(out, "\n-d DIR names the store, a folder (default: $WEND_DIR). wend COMMAND --help says more.\n"
                 "Exit codes: 0 done, 1 could not, 2 used wrongly, 3 data damaged.\n");
}

static void print_completion(void)
{
    printf("complete -W \"");
    for (size_t i = 0; cli_commands[i] != NULL; i++) {
        if (!cli_commands[i]->hidden) {
            printf("%s ", cli_commands[i]->name);
        }
    }
    printf("\" -o default wend\n");
}

static int run_help(const cli_command *command, int argc, char **argv)
{
    cli_words words;
    int code;
    if (!cli_parse(command, argc, argv, 0, 1, &words, &code)) {
        return code;
    }
    if (completion_asked) {
        print_completion();
        return EXIT_DONE;
    }
    if (words.count == 0) {
        print_commands(stdout);
        return EXIT_DONE;
    }
    const cli_command *asked = cli_find(words.items[0]);
    if (asked == NULL) {
        fprintf(stderr, "wend: there is no command %s; wend help lists all\n", words.items[0]);
        return EXIT_USED_WRONGLY;
    }
    (man_asked ? cli_man : cli_help)(asked, stdout);
    return EXIT_DONE;
}

/* ---- what commands share ---- */

int cli_exit_code(wend_status status)
{
    switch (status) {
    case WEND_OK:
    case WEND_END:
        return EXIT_DONE;
    case WEND_INVALID:
    case WEND_UNSUPPORTED:
        return EXIT_USED_WRONGLY;
    case WEND_CORRUPT:
        return EXIT_DAMAGED;
    default:
        return EXIT_COULD_NOT;
    }
}

/* The line of `sql` that holds byte `position`, and a caret under it. */
static void underline(const char *sql, int32_t position)
{
    const char *at = sql + position;
    const char *begin = at;
    while (begin > sql && begin[-1] != '\n') {
        begin--;
    }
    int line = 1;
    for (const char *c = sql; c < begin; c++) {
        line += *c == '\n';
    }
    if (at - begin > 100) { /* long lines are cut before the place */
        begin = at - 100;
        while (((unsigned char)*begin & 0xc0) == 0x80) {
            begin++;
        }
    }
    size_t length = strcspn(begin, "\n");
    int prefix = fprintf(stderr, "LINE %d: ", line);
    fprintf(stderr, "%.*s\n%*s", (int)(length < 160 ? length : 160), begin, prefix, "");
    for (const char *c = begin; c < at; c++) {
        if (((unsigned char)*c & 0xc0) != 0x80) { /* one column a code point */
            fputc(*c == '\t' ? '\t' : ' ', stderr);
        }
    }
    fputs("^\n", stderr);
}

int cli_fail(const wend_error *error, const char *sql)
{
    fprintf(stderr, "wend: %s\n", error->message);
    if (sql != NULL && error->position >= 0 && (size_t)error->position <= strlen(sql)) {
        underline(sql, error->position);
    }
    if (error->hint[0] != '\0') {
        fprintf(stderr, "hint: %s\n", error->hint);
    }
    return cli_exit_code(error->status);
}

int cli_open_store(bool create, wend_store **store)
{
    wend_error error;
    const char *path = cli_store_path != NULL ? cli_store_path : getenv("WEND_DIR");
    if (path == NULL || path[0] == '\0') {
        fprintf(stderr, "wend: which store? Give -d DIR or set WEND_DIR\n");
        return EXIT_USED_WRONGLY;
    }
    return wend_store_open(path, create, store, &error) == WEND_OK ? EXIT_DONE : cli_fail(&error, NULL);
}

char *cli_read_file(const char *path)
{
    bool standard_input = strcmp(path, "-") == 0;
    FILE *file = standard_input ? stdin : fopen(path, "rb");
    wendi_buffer text = {0};
    char piece[65536];
    size_t got;
    char *copy = NULL;
    if (file == NULL) {
        fprintf(stderr, "wend: cannot open %s: %s\n", path, strerror(errno));
        return NULL;
    }
    wend_status status = WEND_OK;
    while (status == WEND_OK && (got = fread(piece, 1, sizeof piece, file)) > 0) {
        status = wendi_buffer_append(&text, piece, got);
    }
    if (ferror(file)) {
        fprintf(stderr, "wend: cannot read %s: %s\n", path, strerror(errno));
    } else if (status != WEND_OK || (copy = malloc(text.length + 1)) == NULL) {
        fprintf(stderr, "wend: no memory to read %s\n", path);
    } else {
        if (text.length != 0) {
            memcpy(copy, text.data, text.length);
        }
        copy[text.length] = '\0';
    }
    if (!standard_input) {
        fclose(file);
    }
    wendi_buffer_free(&text);
    return copy;
}

static volatile sig_atomic_t stop_asked;

static void ask_to_stop(int signal_number)
{
    (void)signal_number;
    stop_asked = 1;
}

bool cli_stopped(void)
{
    return stop_asked != 0;
}

void cli_catch_signals(void)
{
    struct sigaction action = {.sa_handler = ask_to_stop};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

bool cli_user_column(const char *ddl, char *name, size_t capacity)
{
    const char *at = strstr(ddl, "user_column");
    const char *begin = at == NULL ? NULL : strchr(at, '\'');
    const char *end = begin == NULL ? NULL : strchr(begin + 1, '\'');
    if (end == NULL || (size_t)(end - begin) + 2 > capacity) {
        return false;
    }
    snprintf(name, capacity, "\"%.*s\"", (int)(end - begin - 1), begin + 1);
    return true;
}

/* ---- dispatch ---- */

/* Options before the command: -d DIR, --version, --help. Gives the index of the command's name, or 0. */
static int skip_globals(int argc, char **argv, int *exit_code)
{
    int at = 1;
    *exit_code = EXIT_USED_WRONGLY;
    while (at < argc && argv[at][0] == '-') {
        const char *word = argv[at];
        if (strcmp(word, "--version") == 0) {
            printf("wend %s\n", wend_version());
            *exit_code = EXIT_DONE;
            return 0;
        }
        if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
            print_commands(stdout);
            *exit_code = EXIT_DONE;
            return 0;
        }
        bool apart = strcmp(word, "-d") == 0 || strcmp(word, "--dir") == 0;
        if (apart && at + 1 < argc) {
            cli_store_path = argv[at + 1];
            at += 2;
        } else if (strncmp(word, "--dir=", 6) == 0) {
            cli_store_path = word + 6;
            at++;
        } else if (word[1] == 'd' && word[2] != '\0') {
            cli_store_path = word + 2;
            at++;
        } else {
            fprintf(stderr, apart ? "wend: %s needs a folder\n" : "wend: there is no option %s before the command; wend help lists the commands\n", word);
            return 0;
        }
    }
    if (at == argc) {
        print_commands(stderr);
        return 0;
    }
    return at;
}

int main(int argc, char **argv)
{
    int exit_code;
    setlocale(LC_CTYPE, "C.UTF-8");
    signal(SIGPIPE, SIG_DFL);
    int at = skip_globals(argc, argv, &exit_code);
    if (at == 0) {
        return exit_code;
    }
    const cli_command *command = cli_find(argv[at]);
    if (command == NULL) {
        fprintf(stderr, "wend: there is no command %s; wend help lists all\n", argv[at]);
        return EXIT_USED_WRONGLY;
    }
    return command->run(command, argc - at, argv + at);
}
