/*
 * sessions, funnel, paths, top-paths and retention: each writes a call of the table function of its
 * name from its options, shows it with --explain, and runs it. Which bytes of the call came from
 * which option is registered, so that errors point into what the user wrote.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/cli/commands.h"
#include "tools/cli/run_query.h"

static struct {
    cli_list steps, extras;
    const char *within, *by, *where, *since, *until, *zone_of_report, *as_of;
    const char *ordering, *exclude, *count, *entry, *step_gap, *at;
    const char *gap, *session_key, *node, *view, *interaction, *split, *split_on;
    const char *birth, *return_on, *period, *buckets, *mode, *week_start;
    const char *start_at, *end_at, *per;
    int64_t step_count, period_count, top, limit;
    bool strict, reuse, explain, list, keep_repeats;
} sugar = {.step_count = -1, .period_count = -1, .top = -1, .limit = -1}; /* -1: not given */

#define COMMON_OPTIONS                                                                             \
    {"by", 0, CLI_TEXT, &sugar.by, "EXPRESSION", "break down by this value"},                      \
        {"where", 0, CLI_TEXT, &sugar.where, "PREDICATE", "use only rows that match"},             \
        {"since",      0,      CLI_TEXT,                                                           \
         &sugar.since, "TIME", "count only what starts at or after this date or time"},            \
        {"until",      0,      CLI_TEXT,                                                           \
         &sugar.until, "TIME", "count only what starts before this date or time"},                 \
        {"as-of", 0, CLI_TEXT, &sugar.as_of, "TIME", "judge completeness as of this time"},        \
        {"set",        0,                                                                          \
         CLI_LIST,     &sugar.extras,                                                              \
         "NAME=VALUE", "any other option of the table function, as in SQL"},                       \
        {"explain", 0, CLI_FLAG, &sugar.explain, NULL, "print the SQL instead of running it"},     \
        CLI_QUERY_OPTIONS

#define SESSION_OPTIONS                                                                            \
    {"gap",      0,      CLI_TEXT,                                                                 \
     &sugar.gap, "TIME", "a pause longer than this ends a session (default: 30m)"},                \
        {"session-key",      0,        CLI_TEXT,                                                   \
         &sugar.session_key, "COLUMN", "sessions are named by this column"},                       \
        {"split", 0, CLI_TEXT, &sugar.split, "day", "end sessions at midnight, too"},              \
    {                                                                                              \
        "split-on", 0, CLI_TEXT, &sugar.split_on, "EXPRESSION",                                    \
            "end sessions where this value changes, too"                                           \
    }

#define END_OF_OPTIONS                                                                             \
    {                                                                                              \
        NULL, 0, CLI_FLAG, NULL, NULL, NULL                                                        \
    }

const cli_option *cli_funnel_options(void)
{
    static const cli_option options[] = {
        {"step", 's', CLI_LIST, &sugar.steps, "PREDICATE",
         "a step; give as many as there are, in order"},
        {"within", 'w', CLI_TEXT, &sugar.within, "TIME",
         "how long a chain may take from first to last step"},
        {"ordering", 0, CLI_TEXT, &sugar.ordering, "WORD",
         "loose (default), sequence, adjacent or any"},
        {"strict-increase", 0, CLI_FLAG, &sugar.strict, NULL,
         "each step later than the one before"},
        {"reuse-rows", 0, CLI_FLAG, &sugar.reuse, NULL, "one row may fill several steps"},
        {"step-gap", 0, CLI_TEXT, &sugar.step_gap, "TIME", "most time between neighbouring steps"},
        {"exclude", 0, CLI_TEXT, &sugar.exclude, "PREDICATE", "no such row between the steps"},
        {"entry", 0, CLI_TEXT, &sugar.entry, "WORD", "best (default) or first"},
        {"count", 0, CLI_TEXT, &sugar.count, "WORD", "users (default), sessions or attempts"},
        {"at", 0, CLI_TEXT, &sugar.at, "WORD", "take --by at the first (default) or last row"},
        COMMON_OPTIONS,
        END_OF_OPTIONS};
    return options;
}

const cli_option *cli_sessions_options(void)
{
    static const cli_option options[] = {
        SESSION_OPTIONS,
        {"node", 0, CLI_TEXT, &sugar.node, "EXPRESSION",
         "what entry and exit are told of (default: the event column)"},
        {"view", 0, CLI_TEXT, &sugar.view, "PREDICATE",
         "a bounce has exactly one such row (default: any row)"},
        {"interaction", 0, CLI_TEXT, &sugar.interaction, "PREDICATE", "a bounce has no such row"},
        {"list", 0, CLI_FLAG, &sugar.list, NULL, "one line a session instead of the summary"},
        {"limit", 0, CLI_INTEGER, &sugar.limit, "N", "at most N lines"},
        COMMON_OPTIONS,
        END_OF_OPTIONS};
    return options;
}

const cli_option *cli_paths_options(void)
{
    static const cli_option options[] = {
        {"node", 0, CLI_TEXT, &sugar.node, "EXPRESSION",
         "what a path steps through (default: the event column)"},
        {"steps", 0, CLI_INTEGER, &sugar.step_count, "K",
         "longest path that is followed (default: 5)"},
        {"top", 0, CLI_INTEGER, &sugar.top, "N",
         "nodes kept a step; the others become (other) (default: 20)"},
        {"per", 0, CLI_TEXT, &sugar.per, "WORD", "session (default) or user"},
        {"start-at", 0, CLI_TEXT, &sugar.start_at, "PREDICATE", "begin at the first such row"},
        {"end-at", 0, CLI_TEXT, &sugar.end_at, "PREDICATE", "end at the first such row after"},
        {"keep-repeats", 0, CLI_FLAG, &sugar.keep_repeats, NULL,
         "do not collapse equal neighbours"},
        {"limit", 0, CLI_INTEGER, &sugar.limit, "N", "at most N lines"},
        SESSION_OPTIONS,
        COMMON_OPTIONS,
        END_OF_OPTIONS};
    return options;
}

const cli_option *cli_retention_options(void)
{
    static const cli_option options[] = {
        {"birth", 0, CLI_TEXT, &sugar.birth, "PREDICATE",
         "the first such row is a user's birth (default: any row)"},
        {"return-on", 0, CLI_TEXT, &sugar.return_on, "PREDICATE",
         "a later row like this is a return (default: any row)"},
        {"period", 0, CLI_TEXT, &sugar.period, "WORD", "day (default), week or month"},
        {"periods", 0, CLI_INTEGER, &sugar.period_count, "N",
         "periods after the first (default: 7)"},
        {"buckets", 0, CLI_TEXT, &sugar.buckets, "WORD", "calendar (default) or rolling"},
        {"mode", 0, CLI_TEXT, &sugar.mode, "WORD", "on (default) or on_or_after"},
        {"week-start", 0, CLI_TEXT, &sugar.week_start, "WORD", "monday (default) or sunday"},
        {"list", 0, CLI_FLAG, &sugar.list, NULL,
         "one line a cohort and period instead of the matrix"},
        COMMON_OPTIONS,
        END_OF_OPTIONS};
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

/* Text as it was given to --`option`; errors within it are shown there. */
static void add_given(call_text *to, const char *option, const char *value)
{
    size_t begin = to->sql.length;
    add(to, "%s", value);
    cli_span_add(option, begin, to->sql.length);
}

static void add_expression(call_text *to, const char *name, const char *option, const char *value)
{
    if (value != NULL) {
        add(to, ", %s => ", name);
        add_given(to, option, value);
    }
}

static void add_flag(call_text *to, const char *text, bool given)
{
    add(to, "%s", given ? text : NULL);
}

/* 'value' with its quotes doubled, behind `name =>`. */
static void add_quoted(call_text *to, const char *name, const char *option, const char *value)
{
    if (value == NULL) {
        return;
    }
    add(to, ", %s => ", name);
    size_t begin = to->sql.length;
    add(to, "%s", "'");
    for (; *value != '\0'; value++) {
        char one[3] = {*value, *value == '\'' ? '\'' : '\0', '\0'};
        add(to, "%s", one);
    }
    add(to, "%s", "'");
    cli_span_add(option, begin, to->sql.length);
}

/* Durations may be short (30m, 1h), which SQL does not know: written as seconds. */
static bool add_duration(call_text *to, const cli_command *command, const char *name,
                         const char *value)
{
    int64_t us;
    char text[64];
    if (value == NULL) {
        return true;
    }
    if (!cli_duration(value, &us)) {
        fprintf(stderr, "wend %s: \"%s\" is not a duration; write 30s, 5min, 1h or 7d\n",
                command->name, value);
        return false;
    }
    if (us % 1000000 == 0) {
        snprintf(text, sizeof text, "interval '%lld seconds'", (long long)(us / 1000000));
    } else {
        snprintf(text, sizeof text, "interval '%lld.%06lld seconds'", (long long)(us / 1000000),
                 (long long)(us % 1000000));
    }
    add(to, ", %s => ", name);
    add(to, "%s", text);
    return true;
}

static void add_integer(call_text *to, const char *name, int64_t value)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)value);
    if (value >= 0) {
        add(to, ", %s => ", name);
        add(to, "%s", text);
    }
}

static void add_limit(call_text *to)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)sugar.limit);
    add(to, " limit %s", sugar.limit >= 0 ? text : NULL);
}

/* --set NAME=VALUE: any option of the function, as SQL has it. */
static bool add_extras(call_text *to, const cli_command *command)
{
    for (size_t i = 0; i < sugar.extras.count; i++) {
        char name[64];
        const char *text = sugar.extras.items[i];
        size_t length = strcspn(text, "=");
        if (text[length] == '\0' || length == 0 || length >= sizeof name) {
            fprintf(stderr, "wend %s: --set %s: write NAME=VALUE\n", command->name, text);
            return false;
        }
        snprintf(name, sizeof name, "%.*s", (int)length, text);
        add_expression(to, name, "set", text + length + 1);
    }
    return true;
}

/* The options that all functions have, and the end of the call. */
static bool add_common(call_text *to, const cli_command *command)
{
    add_expression(to, "by", "by", sugar.by);
    add_expression(to, "filter", "where", sugar.where);
    add_quoted(to, "since", "since", sugar.since);
    add_quoted(to, "until", "until", sugar.until);
    add_quoted(to, "as_of", "as-of", sugar.as_of);
    add_quoted(to, "tz", "tz", cli_query.zone);
    bool good = add_extras(to, command);
    add(to, "%s", ")");
    return good;
}

static bool add_sessions(call_text *to, const cli_command *command)
{
    if (!add_duration(to, command, "gap", sugar.gap)) {
        return false;
    }
    add_expression(to, "session_key", "session-key", sugar.session_key);
    add_quoted(to, "split", "split", sugar.split);
    add_expression(to, "split_on", "split-on", sugar.split_on);
    return true;
}

/* The table's name as SQL reads it back: always quoted. */
static void begin_call(call_text *to, const char *before, const char *function, const char *table)
{
    add(to, "%s", before);
    add(to, " from %s(\"", function);
    for (; *table != '\0'; table++) {
        char one[3] = {*table, *table == '"' ? '"' : '\0', '\0'};
        add(to, "%s", one);
    }
    add(to, "%s", "\"");
}

/* A table that is not there is told of as such, not as a mistake in SQL that the user never wrote.
 */
static int run_on_table(const char *table, const char *sql)
{
    wend_store *store;
    wend_strings ddl;
    wend_error error;
    int code = cli_open_store(false, &store);
    if (code != EXIT_DONE) {
        return code;
    }
    if (wend_describe_table(store, table, &ddl, &error) != WEND_OK) {
        code = cli_fail(&error, NULL);
    } else {
        wend_strings_free(&ddl);
        code = cli_run_query(store, sql, stdout);
    }
    wend_store_close(store);
    return code;
}

/* Run the text, or show it with --explain; `good` is false when it could not be written. */
static int run_written(call_text *to, const char *table, bool good)
{
    int code = EXIT_USED_WRONGLY;
    if (good && (to->failed || wendi_buffer_u8(&to->sql, 0) != WEND_OK)) {
        fprintf(stderr, "wend: no memory for the query's text\n");
        code = EXIT_COULD_NOT;
    } else if (good && sugar.explain) {
        printf("%s\n", (const char *)to->sql.data);
        code = EXIT_DONE;
    } else if (good) {
        code = run_on_table(table, (const char *)to->sql.data);
    }
    wendi_buffer_free(&to->sql);
    return code;
}

/* People at a terminal who chose no format get fewer digits; scripts get all of them. */
static bool is_for_people(void)
{
    return cli_query.format == NULL && isatty(STDOUT_FILENO);
}

/* ---- funnel ---- */

static const char funnel_for_people[] =
    "step, name, users, round(100 * of_first::numeric, 1) as percent, "
    "round(100 * of_previous::numeric, 1) as percent_of_previous, dropped, immature, "
    "round(median_s::numeric, 1) as median_s, round(p90_s::numeric, 1) as p90_s";

int cli_funnel(const cli_command *command, int argc, char **argv)
{
    cli_words words;
    call_text to = {.failed = false};
    int code;
    if (!cli_parse(command, argc, argv, 1, 1, &words, &code)) {
        return code;
    }
    if (sugar.steps.count == 0 || sugar.within == NULL) {
        fprintf(stderr, "wend funnel: %s\n",
                sugar.steps.count == 0 ? "give at least one --step"
                                       : "give --within, such as --within 1h");
        return EXIT_USED_WRONGLY;
    }
    if (is_for_people() && sugar.count == NULL) {
        add(&to, "%s", sugar.by != NULL ? "select \"by\", " : "select ");
        begin_call(&to, funnel_for_people, "funnel", words.items[0]);
    } else {
        begin_call(&to, "select *", "funnel", words.items[0]);
    }
    for (size_t i = 0; i < sugar.steps.count; i++) {
        add(&to, "%s", ", ");
        add_given(&to, "step", sugar.steps.items[i]);
    }
    bool good = add_duration(&to, command, "within", sugar.within) &&
                add_duration(&to, command, "step_gap", sugar.step_gap);
    add_quoted(&to, "ordering", "ordering", sugar.ordering);
    add_flag(&to, ", strict_increase => true", sugar.strict);
    add_flag(&to, ", reuse_rows => true", sugar.reuse);
    add_expression(&to, "exclude", "exclude", sugar.exclude);
    add_quoted(&to, "entry", "entry", sugar.entry);
    add_quoted(&to, "count", "count", sugar.count);
    add_quoted(&to, "at", "at", sugar.at);
    good = good && add_common(&to, command);
    return run_written(&to, words.items[0], good);
}

/* ---- sessions ---- */

static const char sessions_summary[] =
    "count(*) as sessions, count(distinct %s) as users, sum(events) as events, "
    "round(avg(events), 2) as events_per_session, "
    "round((avg(duration_s))::numeric, 1) as mean_duration_s, "
    "percentile_cont(0.5) within group (order by duration_s) as median_duration_s, "
    "round(avg(case when bounce then 1.0 else 0.0 end), 4) as bounce_rate";

/* The table's user column, quoted for SQL. It stands in WITH, at the end of the table's statement,
 * as user_column = 'name' with quotes doubled. */
static bool user_column_in(const char *ddl, char *name, size_t capacity)
{
    static const char key[] = "user_column = '";
    const char *at = NULL;
    size_t length = 0;
    for (const char *next = strstr(ddl, key); next != NULL; next = strstr(next + 1, key)) {
        at = next + sizeof key - 1;
    }
    if (at == NULL) {
        return false;
    }
    name[length++] = '"';
    while (length + 4 < capacity && (at[0] != '\'' || at[1] == '\'')) {
        if (*at == '"') {
            name[length++] = '"';
        }
        at += *at == '\'';
        name[length++] = *at++;
    }
    name[length++] = '"';
    name[length] = '\0';
    return true;
}

/* The user column is named as in the table: ask the table. */
static int find_user_column(const char *table, char *name, size_t capacity)
{
    wend_store *store;
    wend_strings ddl;
    wend_error error;
    int code = cli_open_store(false, &store);
    if (code != EXIT_DONE) {
        return code;
    }
    if (wend_describe_table(store, table, &ddl, &error) != WEND_OK) {
        code = cli_fail(&error, NULL);
    } else {
        if (!user_column_in(ddl.items[0], name, capacity)) {
            fprintf(stderr,
                    "wend sessions: the table %s has no user column; create it with "
                    "WITH (user_column = '…')\n",
                    table);
            code = EXIT_COULD_NOT;
        }
        wend_strings_free(&ddl);
    }
    wend_store_close(store);
    return code;
}

int cli_sessions(const cli_command *command, int argc, char **argv)
{
    cli_words words;
    call_text to = {.failed = false};
    char user[300];
    int code;
    if (!cli_parse(command, argc, argv, 1, 1, &words, &code)) {
        return code;
    }
    if (sugar.list) {
        begin_call(&to, "select *", "sessions", words.items[0]);
    } else {
        code = find_user_column(words.items[0], user, sizeof user);
        if (code != EXIT_DONE) {
            return code;
        }
        add(&to, "%s", sugar.by != NULL ? "select \"by\", " : "select ");
        add(&to, sessions_summary, user);
        begin_call(&to, "", "sessions", words.items[0]);
    }
    bool good = add_sessions(&to, command);
    add_expression(&to, "node", "node", sugar.node);
    add_expression(&to, "view", "view", sugar.view);
    add_expression(&to, "interaction", "interaction", sugar.interaction);
    good = good && add_common(&to, command);
    add_flag(&to, " group by 1 order by 1", !sugar.list && sugar.by != NULL);
    add_limit(&to);
    return run_written(&to, words.items[0], good);
}

/* ---- paths ---- */

static int run_paths(const cli_command *command, const char *function, int argc, char **argv)
{
    cli_words words;
    call_text to = {.failed = false};
    int code;
    if (!cli_parse(command, argc, argv, 1, 1, &words, &code)) {
        return code;
    }
    begin_call(&to, "select *", function, words.items[0]);
    add_expression(&to, "node", "node", sugar.node);
    add_integer(&to, "steps", sugar.step_count);
    add_integer(&to, "top", sugar.top);
    add_quoted(&to, "per", "per", sugar.per);
    add_expression(&to, "start_at", "start-at", sugar.start_at);
    add_expression(&to, "end_at", "end-at", sugar.end_at);
    add_flag(&to, ", collapse => false", sugar.keep_repeats);
    bool good = add_sessions(&to, command) && add_common(&to, command);
    add_limit(&to);
    return run_written(&to, words.items[0], good);
}

int cli_paths(const cli_command *command, int argc, char **argv)
{
    return run_paths(command, "paths", argc, argv);
}

int cli_top_paths(const cli_command *command, int argc, char **argv)
{
    return run_paths(command, "top_paths", argc, argv);
}

/* ---- retention ---- */

enum { MATRIX_PERIODS_MAX = 31 }; /* more do not fit a terminal: --list shows them */

/* One row a cohort, one column a period. */
static void begin_matrix(call_text *to, const char *table)
{
    int64_t periods = sugar.period_count >= 0 ? sugar.period_count : 7;
    add(to, "%s", sugar.by != NULL ? "select \"by\", " : "select ");
    add(to, "%s", "cohort, max(size) as users");
    for (int64_t k = 0; k <= periods; k++) {
        char column[160];
        snprintf(column, sizeof column,
                 ", round((100 * max(rate) filter (where period = %lld and (complete or period = "
                 "0)))::numeric, 1) as \"%lld\"",
                 (long long)k, (long long)k);
        add(to, "%s", column);
    }
    begin_call(to, "", "retention", table);
}

int cli_retention(const cli_command *command, int argc, char **argv)
{
    cli_words words;
    call_text to = {.failed = false};
    int code;
    if (!cli_parse(command, argc, argv, 1, 1, &words, &code)) {
        return code;
    }
    bool matrix = !sugar.list && is_for_people() && sugar.period_count <= MATRIX_PERIODS_MAX;
    if (matrix) {
        begin_matrix(&to, words.items[0]);
        cli_null_text = "";
    } else {
        begin_call(&to, "select *", "retention", words.items[0]);
    }
    add_expression(&to, "birth", "birth", sugar.birth);
    add_expression(&to, "return_on", "return-on", sugar.return_on);
    add_quoted(&to, "period", "period", sugar.period);
    add_integer(&to, "periods", sugar.period_count);
    add_quoted(&to, "buckets", "buckets", sugar.buckets);
    add_quoted(&to, "mode", "mode", sugar.mode);
    add_quoted(&to, "week_start", "week-start", sugar.week_start);
    bool good = add_common(&to, command);
    add_flag(&to, sugar.by != NULL ? " group by 1, 2 order by 1, 2" : " group by 1 order by 1",
             matrix);
    return run_written(&to, words.items[0], good);
}
