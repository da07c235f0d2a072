/*
 * Reading command lines by option tables, and the messages for mistakes in them. The pages made
 * from the same tables are in command_pages.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli/command.h"

/* Every command has these beside its own. */
static bool help_asked;
const cli_option cli_common_options[] = {
    {"dir", 'd', CLI_TEXT, &cli_store_path, "DIR",
     "the store: a folder, one folder a table in it (default: $WEND_DIR)"},
    {"help", 'h', CLI_FLAG, &help_asked, NULL, "print this"},
    {NULL, 0, CLI_FLAG, NULL, NULL, NULL}};

static const cli_option *find_in(const cli_option *options, const char *name, size_t length,
                                 char letter)
{
    for (; options != NULL && options->name != NULL; options++) {
        bool named = name != NULL && strlen(options->name) == length &&
                     strncmp(options->name, name, length) == 0;
        if (named || (letter != 0 && options->letter == letter)) {
            return options;
        }
    }
    return NULL;
}

static const cli_option *find_option(const cli_command *command, const char *name, size_t length,
                                     char letter)
{
    const cli_option *found =
        command->options == NULL ? NULL : find_in(command->options(), name, length, letter);
    return found != NULL ? found : find_in(cli_common_options, name, length, letter);
}

size_t cli_distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t row[64];
    if (b_length >= 64) {
        return 64;
    }
    for (size_t j = 0; j <= b_length; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t above = row[j];
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            best = above + 1 < best ? above + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            diagonal = above;
            row[j] = best;
        }
    }
    return row[b_length];
}

static void tell_unknown(const cli_command *command, const char *name, size_t length)
{
    const char *nearest = NULL;
    size_t least = 3;
    const cli_option *tables[] = {command->options == NULL ? NULL : command->options(),
                                  cli_common_options};
    for (size_t t = 0; t < 2; t++) {
        for (const cli_option *option = tables[t]; option != NULL && option->name != NULL;
             option++) {
            size_t apart = cli_distance(name, length, option->name, strlen(option->name));
            if (apart < least) {
                least = apart;
                nearest = option->name;
            }
        }
    }
    fprintf(stderr, "wend %s: there is no option --%.*s", command->name, (int)length, name);
    fprintf(stderr, nearest != NULL ? "; did you mean --%s?\n" : "; see wend %s --help\n",
            nearest != NULL ? nearest : command->name);
}

bool cli_duration(const char *text, int64_t *microseconds)
{
    static const struct {
        const char *unit;
        double microseconds;
    } units[] = {{"us", 1},        {"ms", 1e3},        {"s", 1e6},         {"sec", 1e6},
                 {"second", 1e6},  {"seconds", 1e6},   {"m", 6e7},         {"min", 6e7},
                 {"minute", 6e7},  {"minutes", 6e7},   {"h", 3.6e9},       {"hour", 3.6e9},
                 {"hours", 3.6e9}, {"d", 8.64e10},     {"day", 8.64e10},   {"days", 8.64e10},
                 {"w", 6.048e11},  {"week", 6.048e11}, {"weeks", 6.048e11}};
    char *end;
    double number = strtod(text, &end);
    while (*end == ' ') {
        end++;
    }
    if (end == text || number < 0) {
        return false;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(end, units[i].unit) == 0 && number * units[i].microseconds < 9e18) {
            *microseconds = (int64_t)(number * units[i].microseconds);
            return true;
        }
    }
    return false;
}

static bool parse_integer(const char *text, int64_t *value)
{
    static const struct {
        const char *unit;
        int64_t factor;
    } units[] = {{"", 1},          {"k", 1000},      {"K", 1000},       {"M", 1000000},
                 {"G", 1000000000}, {"kB", 1000},     {"KB", 1000},      {"MB", 1000000},
                 {"GB", 1000000000}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}};
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (number < 0) {
        return false;
    }
    for (size_t i = 0; end != text && errno == 0 && i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(end, units[i].unit) == 0) {
            return !__builtin_mul_overflow((int64_t)number, units[i].factor, value);
        }
    }
    return false;
}

static bool take_value(const cli_command *command, const cli_option *option, const char *value)
{
    const char *wanted = NULL;
    cli_list *list = option->target;
    switch (option->kind) {
    case CLI_FLAG:
        *(bool *)option->target = true;
        break;
    case CLI_TEXT:
        *(const char **)option->target = value;
        break;
    case CLI_LIST:
        if (list->count == CLI_LIST_MAX) {
            wanted = "given fewer times";
        } else {
            list->items[list->count++] = value;
        }
        break;
    case CLI_INTEGER:
        wanted = parse_integer(value, option->target)
                     ? NULL
                     : "a whole number, not below 0, such as 20000, 20k or 512MiB";
        break;
    default:
        wanted =
            cli_duration(value, option->target) ? NULL : "a duration such as 30s, 5min, 1h or 7d";
        break;
    }
    if (wanted != NULL) {
        fprintf(stderr, "wend %s: --%s %s: wanted is %s\n", command->name, option->name, value,
                wanted);
    }
    return wanted == NULL;
}

/* One argument that begins with a dash; `*at` moves over a value that stands apart. */
static bool take_option(const cli_command *command, int argc, char **argv, int *at)
{
    const char *word = argv[*at];
    const char *value = NULL;
    const cli_option *option;
    if (word[1] == '-') {
        const char *name = word + 2;
        size_t length = strcspn(name, "=");
        value = name[length] == '=' ? name + length + 1 : NULL;
        option = find_option(command, name, length, 0);
        if (option == NULL) {
            tell_unknown(command, name, length);
            return false;
        }
    } else {
        option = find_option(command, NULL, 0, word[1]);
        if (option == NULL) {
            fprintf(stderr, "wend %s: there is no option -%c; see wend %s --help\n", command->name,
                    word[1], command->name);
            return false;
        }
        value = word[2] != '\0' ? word + 2 : NULL;
    }
    if (option->kind == CLI_FLAG && value != NULL) {
        fprintf(stderr, "wend %s: --%s takes no value\n", command->name, option->name);
        return false;
    }
    if (option->kind != CLI_FLAG && value == NULL) {
        if (*at + 1 >= argc) {
            fprintf(stderr, "wend %s: --%s needs a value: %s\n", command->name, option->name,
                    option->argument);
            return false;
        }
        value = argv[++*at];
    }
    return take_value(command, option, value);
}

bool cli_parse(const cli_command *command, int argc, char **argv, size_t words_min,
               size_t words_max, cli_words *words, int *exit_code)
{
    bool options_over = false;
    words->count = 0;
    *exit_code = EXIT_USED_WRONGLY;
    for (int i = 1; i < argc; i++) {
        if (!options_over && strcmp(argv[i], "--") == 0) {
            options_over = true;
        } else if (!options_over && argv[i][0] == '-' && argv[i][1] != '\0' &&
                   strncmp(argv[i], "-- ", 3) != 0) { /* that begins SQL by a comment */
            if (!take_option(command, argc, argv, &i)) {
                return false;
            }
        } else if (words->count == CLI_LIST_MAX) {
            fprintf(stderr, "wend %s: too many arguments\n", command->name);
            return false;
        } else {
            words->items[words->count++] = argv[i];
        }
    }
    if (help_asked) {
        cli_help(command, stdout);
        *exit_code = EXIT_DONE;
        return false;
    }
    if (words->count < words_min || words->count > words_max) {
        if (words->count > words_max) {
            fprintf(stderr, "wend %s: \"%s\" is one argument too many\n", command->name,
                    words->items[words_max]);
        }
        fprintf(stderr, "usage: wend [-d DIR] %s\n       wend %s --help says more\n",
                command->usage, command->name);
        return false;
    }
    return true;
}

bool cli_text_or_json(const cli_command *command, const char *option, const char *given,
                      bool json_by_default, bool *json)
{
    *json = given == NULL ? json_by_default : strcmp(given, "json") == 0;
    if (given != NULL && !*json && strcmp(given, "text") != 0) {
        fprintf(stderr, "wend %s: --%s is text or json\n", command->name, option);
        return false;
    }
    return true;
}
