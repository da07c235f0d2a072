/*
 * The commands that ask: sql (with its prompt), and sessions, funnel, paths, top-paths and retention,
 * which write the SQL that they run and show it with --explain.
 */
#include <errno.h>
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
    static const cli_option options[] = {{"file", 0, CLI_TEXT, &sql_file, "FILE", "read the SQL from a file (-: standard input)"},
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

/* Does the text end a statement: a semicolon outside of quotes, then blanks only? */
static bool is_complete(const char *text)
{
    bool ended = false;
    char quote = '\0';
    for (; *text != '\0'; text++) {
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

static void history_path(char *path, size_t capacity)
{
    const char *home = getenv("HOME");
    snprintf(path, capacity, "%s/.wend_history", home != NULL ? home : ".");
}

static int prompt(wend_store *store)
{
    char history[4096];
    wendi_buffer statement = {0};
    history_path(history, sizeof history);
    using_history();
    read_history(history);
    printf("wend %s; \\? for help, \\q to leave\n", wend_version());
    for (;;) {
        char *line = readline(statement.length == 0 ? "wend> " : "   -> ");
        if (line == NULL) {
            putchar('\n');
            break;
        }
        bool stay = true;
        if (statement.length == 0 && line[0] == '\\') {
            stay = run_meta(store, line);
        } else if (line[0] != '\0' && wendi_buffer_printf(&statement, "%s%s", statement.length == 0 ? "" : "\n", line) == WEND_OK &&
                   wendi_buffer_u8(&statement, 0) == WEND_OK) {
            statement.length--;
            if (is_complete((const char *)statement.data)) {
                add_history((const char *)statement.data);
                write_history(history);
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
        char *text = words.count == 1 ? strdup(words.items[0]) : cli_read_file(sql_file != NULL ? sql_file : "-");
        code = text == NULL ? EXIT_COULD_NOT : run_statement(store, text);
        free(text);
    }
    wend_store_close(store);
    return code;
}

/* ---- SQL from options ---- */

static struct {
    cli_list steps, extras;
    const char *within, *by, *where, *since, *until, *zone_of_report, *as_of;
    const char *ordering, *exclude, *count, *entry, *step_gap, *at;
    const char *gap, *session_key, *node, *view, *interaction, *split, *split_on;
    const char *birth, *return_on, *period, *buckets, *mode, *week_start;
    const char *start_at, *end_at, *per;
    int64_t step_count, period_count, top, limit;
    bool strict, reuse, explain, list, keep_repeats;
} sugar;

#define COMMON_OPTIONS                                                                                                     \
    {"by", 0, CLI_TEXT, &sugar.by, "EXPRESSION", "break down by this value"},                                              \
    {"where", 0, CLI_TEXT, &sugar.where, "PREDICATE", "use only rows that match"},                                          \
    {"since", 0, CLI_TEXT, &sugar.since, "TIME", "count only what starts at or after this date or time"},                   \
    {"until", 0, CLI_TEXT, &sugar.until, "TIME", "count only what starts before this date or time"},                        \
    {"as-of", 0, CLI_TEXT, &sugar.as_of, "TIME", "judge completeness as of this time"},                                     \
    {"set", 0, CLI_LIST, &sugar.extras, "NAME=VALUE", "any other option of the table function, as in SQL"},                 \
    {"explain", 0, CLI_FLAG, &sugar.explain, NULL, "print the SQL instead of running it"},                                  \
    CLI_QUERY_OPTIONS

#define SESSION_OPTIONS                                                                                                    \
    {"gap", 0, CLI_TEXT, &sugar.gap, "TIME", "a pause longer than this ends a session (default: 30m)"},                     \
    {"session-key", 0, CLI_TEXT, &sugar.session_key, "COLUMN", "sessions are named by this column"},                        \
    {"split", 0, CLI_TEXT, &sugar.split, "day", "end sessions at midnight, too"},                                           \
    {"split-on", 0, CLI_TEXT, &sugar.split_on, "EXPRESSION", "end sessions where this value changes, too"}

#define END_OF_OPTIONS {NULL, 0, CLI_FLAG, NULL, NULL, NULL}

const cli_option *cli_funnel_options(void)
{
    static const cli_option options[] = {
        {"step", 's', CLI_LIST, &sugar.steps, "PREDICATE", "a step; give as many as there are, in order"},
        {"within", 'w', CLI_TEXT, &sugar.within, "TIME", "how long a chain may take from first to last step"},
        {"ordering", 0, CLI_TEXT, &sugar.ordering, "WORD", "loose (default), sequence, adjacent or any"},
        {"strict-increase", 0, CLI_FLAG, &sugar.strict, NULL, "each step later than the one before"},
        {"reuse-rows", 0, CLI_FLAG, &sugar.reuse, NULL, "one row may fill several steps"},
        {"step-gap", 0, CLI_TEXT, &sugar.step_gap, "TIME", "most time between neighbouring steps"},
        {"exclude", 0, CLI_TEXT, &sugar.exclude, "PREDICATE", "no such row between the steps"},
        {"entry", 0, CLI_TEXT, &sugar.entry, "WORD", "best (default) or first"},
        {"count", 0, CLI_TEXT, &sugar.count, "WORD", "users (default), sessions or attempts"},
        {"at", 0, CLI_TEXT, &sugar.at, "WORD", "take --by at the first (default) or last row"},
        COMMON_OPTIONS, END_OF_OPTIONS};
    return options;
}

const cli_option *cli_sessions_options(void)
{
    static const cli_option options[] = {
        SESSION_OPTIONS,
        {"node", 0, CLI_TEXT, &sugar.node, "EXPRESSION", "what entry and exit are told of (default: the event column)"},
        {"view", 0, CLI_TEXT, &sugar.view, "PREDICATE", "a bounce has exactly one such row (default: any row)"},
        {"interaction", 0, CLI_TEXT, &sugar.interaction, "PREDICATE", "a bounce has no such row"},
        {"list", 0, CLI_FLAG, &sugar.list, NULL, "one line a session instead of the summary"},
        {"limit", 0, CLI_INTEGER, &sugar.limit, "N", "at most N lines"},
        COMMON_OPTIONS, END_OF_OPTIONS};
    return options;
}

const cli_option *cli_paths_options(void)
{
    static const cli_option options[] = {
        {"node", 0, CLI_TEXT, &sugar.node, "EXPRESSION", "what a path steps through (default: the event column)"},
        {"steps", 0, CLI_INTEGER, &sugar.step_count, "K", "longest path that is followed (default: 5)"},
        {"top", 0, CLI_INTEGER, &sugar.top, "N", "nodes kept a step; the others become (other) (default: 20)"},
        {"per", 0, CLI_TEXT, &sugar.per, "WORD", "session (default) or user"},
        {"start-at", 0, CLI_TEXT, &sugar.start_at, "PREDICATE", "begin at the first such row"},
        {"end-at", 0, CLI_TEXT, &sugar.end_at, "PREDICATE", "end at the first such row after"},
        {"keep-repeats", 0, CLI_FLAG, &sugar.keep_repeats, NULL, "do not collapse equal neighbours"},
        {"limit", 0, CLI_INTEGER, &sugar.limit, "N", "at most N lines"},
        SESSION_OPTIONS, COMMON_OPTIONS, END_OF_OPTIONS};
    return options;
}

const cli_option *cli_retention_options(void)
{
    static const cli_option options[] = {
        {"birth", 0, CLI_TEXT, &sugar.birth, "PREDICATE", "the first such row is a user's birth (default: any row)"},
        {"return-on", 0, CLI_TEXT, &sugar.return_on, "PREDICATE", "a later row like this is a return (default: any row)"},
        {"period", 0, CLI_TEXT, &sugar.period, "WORD", "day (default), week or month"},
        {"periods", 0, CLI_INTEGER, &sugar.period_count, "N", "periods after the first (default: 7)"},
        {"buckets", 0, CLI_TEXT, &sugar.buckets, "WORD", "calendar (default) or rolling"},
        {"mode", 0, CLI_TEXT, &sugar.mode, "WORD", "on (default) or on_or_after"},
        {"week-start", 0, CLI_TEXT, &sugar.week_start, "WORD", "monday (default) or sunday"},
        {"list", 0, CLI_FLAG, &sugar.list, NULL, "one line a cohort and period instead of the matrix"},
        COMMON_OPTIONS, END_OF_OPTIONS};
    return options;
}

/* A call that is being written. */
typedef struct call_text {
    wendi_buffer sql;
    bool failed;
} call_text;

static void add(call_text *to, const char *format, const char *value)
{
    if (value != NULL && !to->failed) {
        to->failed = wendi_buffer_printf(&to->sql, format, value) != WEND_OK;
    }
}

static void add_expression(call_text *to, const char *name, const char *value)
{
    if (value != NULL) {
        add(to, ", %s => ", name);
        add(to, "%s", value);
    }
}

/* 'value' with its quotes doubled, behind `name =>` and a type name if there is one. */
static void add_quoted(call_text *to, const char *name, const char *type, const char *value)
{
    if (value == NULL) {
        return;
    }
    add(to, ", %s => ", name);
    add(to, "%s'", type);
    for (; *value != '\0'; value++) {
        char one[3] = {*value, *value == '\'' ? '\'' : '\0', '\0'};
        add(to, "%s", one);
    }
    add(to, "%s", "'");
}

/* Durations may be short (30m, 1h), which SQL does not know: written as seconds. */
static bool add_duration(call_text *to, const cli_command *command, const char *name, const char *value)
{
    int64_t us;
    if (value == NULL) {
        return true;
    }
    if (!cli_duration(value, &us)) {
        fprintf(stderr, "wend %s: \"%s\" is not a duration; write 30s, 5min, 1h or 7d\n", command->name, value);
        return false;
    }
    if (!to->failed) {
        to->failed = wendi_buffer_printf(&to->sql, ", %s => interval '%lld.%06lld seconds'", name, (long long)(us / 1000000),
                                         (long long)(us % 1000000)) != WEND_OK;
    }
    return true;
}

static void add_integer(call_text *to, const char *name, int64_t value)
{
    if (value != 0 && !to->failed) {
        to->failed = wendi_buffer_printf(&to->sql, ", %s => %lld", name, (long long)value) != WEND_OK;
    }
}

static bool add_common(call_text *to, const cli_command *command)
{
    add_expression(to, "by", sugar.by);
    add_expression(to, "filter", sugar.where);
    add_quoted(to, "since", "", sugar.since);
    add_quoted(to, "until", "", sugar.until);
    add_quoted(to, "as_of", "", sugar.as_of);
    add_quoted(to, "tz", "", cli_query.zone);
    for (size_t i = 0; i < sugar.extras.count; i++) {
        const char *text = sugar.extras.items[i];
        const char *equals = strchr(text, '=');
        if (equals == NULL || equals == text) {
            fprintf(stderr, "wend %s: --set %s: write NAME=VALUE\n", command->name, text);
            return false;
        }
        if (!to->failed) {
            to->failed = wendi_buffer_printf(&to->sql, ", %.*s => %s", (int)(equals - text), text, equals + 1) != WEND_OK;
        }
    }
    return true;
}

static bool add_sessions(call_text *to, const cli_command *command)
{
    if (!add_duration(to, command, "gap", sugar.gap)) {
        return false;
    }
    add_expression(to, "session_key", sugar.session_key);
    add_quoted(to, "split", "", sugar.split);
    add_expression(to, "split_on", sugar.split_on);
    return true;
}

/* The table's name as SQL reads it back: always quoted. */
static void begin_call(call_text *to, const char *before, const char *function, const char *table)
{
    add(to, "%s", before);
    add(to, "%s(\"", function);
    for (; *table != '\0'; table++) {
        char one[3] = {*table, *table == '"' ? '"' : '\0', '\0'};
        add(to, "%s", one);
    }
    add(to, "%s", "\"");
}

static int run_written(call_text *to, const char *after)
{
    wend_store *store;
    int code = EXIT_COULD_NOT;
    add(to, "%s", after);
    if (to->failed || wendi_buffer_u8(&to->sql, 0) != WEND_OK) {
        fprintf(stderr, "wend: no memory for the query's text\n");
    } else if (sugar.explain) {
        printf("%s\n", (const char *)to->sql.data);
        code = EXIT_DONE;
    } else {
        code = cli_open_store(false, &store);
        if (code == EXIT_DONE) {
            code = cli_run_query(store, (const char *)to->sql.data, stdout);
            wend_store_close(store);
        }
    }
    wendi_buffer_free(&to->sql);
    return code;
}

static int give_up(call_text *to)
{
    wendi_buffer_free(&to->sql);
    return EXIT_USED_WRONGLY;
}

int cli_funnel(const cli_command *command, int argc, char **argv)
{
    cli_words words;
    call_text to = {.failed = false};
    int code;
    if (!cli_parse(command, argc, argv, 1, 1, &words, &code)) {
        return code;
    }
    if (sugar.steps.count == 0 || sugar.within == NULL) {
        fprintf(stderr, "wend funnel: %s\n", sugar.steps.count == 0 ? "give at least one --step" : "give --within, such as --within 1h");
        return EXIT_USED_WRONGLY;
    }
    begin_call(&to, "select * from ", "funnel", words.items[0]);
    for (size_t i = 0; i < sugar.steps.count; i++) {
        add(&to, ", %s", sugar.steps.items[i]);
    }
    if (!add_duration(&to, command, "within", sugar.within) || !add_duration(&to, command, "step_gap", sugar.step_gap)) {
        return give_up(&to);
    }
    add_quoted(&to, "ordering", "", sugar.ordering);
    add_expression(&to, "strict_increase", sugar.strict ? "true" : NULL);
    add_expression(&to, "reuse_rows", sugar.reuse ? "true" : NULL);
    add_expression(&to, "exclude", sugar.exclude);
    add_quoted(&to, "entry", "", sugar.entry);
    add_quoted(&to, "count", "", sugar.count);
    add_quoted(&to, "at", "", sugar.at);
    return add_common(&to, command) ? run_written(&to, ")") : give_up(&to);
}

static const char sessions_summary[] =
    "count(*) as sessions, count(distinct %s) as users, sum(events) as events, "
    "round(avg(events), 2) as events_per_session, round((avg(duration_s))::numeric, 1) as mean_duration_s, "
    "percentile_cont(0.5) within group (order by duration_s) as median_duration_s, "
    "round(avg(case when bounce then 1.0 else 0.0 end), 4) as bounce_rate from ";

int cli_sessions(const cli_command *command, int argc, char **argv)
{
    cli_words words;
    call_text to = {.failed = false};
    char limit[48] = ")";
    int code;
    if (!cli_parse(command, argc, argv, 1, 1, &words, &code)) {
        return code;
    }
    if (sugar.list) {
        begin_call(&to, "select * from ", "sessions", words.items[0]);
    } else {
        /* The user column's name is the table's; a session row holds it last before start_time, so ask the table. */
        wend_store *store;
        wend_strings ddl;
        wend_error error;
        char user[256];
        code = cli_open_store(false, &store);
        if (code != EXIT_DONE) {
            return code;
        }
        if (wend_describe_table(store, words.items[0], &ddl, &error) != WEND_OK) {
            wend_store_close(store);
            return cli_fail(&error, NULL);
        }
        bool found = cli_user_column(ddl.items[0], user, sizeof user);
        wend_strings_free(&ddl);
        wend_store_close(store);
        if (!found) {
            fprintf(stderr, "wend sessions: the table %s has no user column; create it with WITH (user_column = '…')\n", words.items[0]);
            return EXIT_COULD_NOT;
        }
        add(&to, "%s", sugar.by != NULL ? "select \"by\", " : "select ");
        add(&to, sessions_summary, user);
        begin_call(&to, "", "sessions", words.items[0]);
    }
    if (!add_sessions(&to, command)) {
        return give_up(&to);
    }
    add_expression(&to, "node", sugar.node);
    add_expression(&to, "view", sugar.view);
    add_expression(&to, "interaction", sugar.interaction);
    if (sugar.limit != 0) {
        snprintf(limit, sizeof limit, ") limit %lld", (long long)sugar.limit);
    } else if (!sugar.list && sugar.by != NULL) {
        snprintf(limit, sizeof limit, ") group by 1 order by 1");
    }
    return add_common(&to, command) ? run_written(&to, limit) : give_up(&to);
}

static int run_paths(const cli_command *command, const char *function, int argc, char **argv)
{
    cli_words words;
    call_text to = {.failed = false};
    char limit[48] = ")";
    int code;
    if (!cli_parse(command, argc, argv, 1, 1, &words, &code)) {
        return code;
    }
    begin_call(&to, "select * from ", function, words.items[0]);
    add_expression(&to, "node", sugar.node);
    add_integer(&to, "steps", sugar.step_count);
    add_integer(&to, "top", sugar.top);
    add_quoted(&to, "per", "", sugar.per);
    add_expression(&to, "start_at", sugar.start_at);
    add_expression(&to, "end_at", sugar.end_at);
    add_expression(&to, "collapse", sugar.keep_repeats ? "false" : NULL);
    if (sugar.limit != 0) {
        snprintf(limit, sizeof limit, ") limit %lld", (long long)sugar.limit);
    }
    return add_sessions(&to, command) && add_common(&to, command) ? run_written(&to, limit) : give_up(&to);
}

int cli_paths(const cli_command *command, int argc, char **argv)
{
    return run_paths(command, "paths", argc, argv);
}

int cli_top_paths(const cli_command *command, int argc, char **argv)
{
    return run_paths(command, "top_paths", argc, argv);
}

/* A matrix on a terminal: one column a period. */
static void write_matrix(call_text *to, const char *table)
{
    int64_t periods = sugar.period_count != 0 ? sugar.period_count : 7;
    add(to, "%s", sugar.by != NULL ? "select \"by\", cohort, max(size) as size" : "select cohort, max(size) as size");
    for (int64_t k = 0; k <= periods && k <= 31; k++) {
        char column[160];
        snprintf(column, sizeof column, ", round((100 * max(rate) filter (where period = %lld and (complete or period = 0)))::numeric, 1) as \"%lld\"",
                 (long long)k, (long long)k);
        add(to, "%s", column);
    }
    begin_call(to, " from ", "retention", table);
}

int cli_retention(const cli_command *command, int argc, char **argv)
{
    cli_words words;
    call_text to = {.failed = false};
    int code;
    if (!cli_parse(command, argc, argv, 1, 1, &words, &code)) {
        return code;
    }
    bool matrix = !sugar.list && cli_query.format == NULL && isatty(STDOUT_FILENO);
    if (matrix) {
        write_matrix(&to, words.items[0]);
    } else {
        begin_call(&to, "select * from ", "retention", words.items[0]);
    }
    add_expression(&to, "birth", sugar.birth);
    add_expression(&to, "return_on", sugar.return_on);
    add_quoted(&to, "period", "", sugar.period);
    add_integer(&to, "periods", sugar.period_count);
    add_quoted(&to, "buckets", "", sugar.buckets);
    add_quoted(&to, "mode", "", sugar.mode);
    add_quoted(&to, "week_start", "", sugar.week_start);
    const char *end = !matrix ? ")" : sugar.by != NULL ? ") group by 1, 2 order by 1, 2" : ") group by 1 order by 1";
    return add_common(&to, command) ? run_written(&to, end) : give_up(&to);
}
