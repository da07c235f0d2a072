/*
 * Reading command lines by option tables, and the three texts made from the same tables: --help,
 * man pages, and the message for a mistake.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli/command.h"

/* Every command has these beside its own. */
static bool help_asked;
static const cli_option common_options[] = {
    {"dir", 'd', CLI_TEXT, &cli_store_path, "DIR", "the store: a folder, one folder a table in it (default: $WEND_DIR)"},
    {"help", 'h', CLI_FLAG, &help_asked, NULL, "print this"},
    {NULL, 0, CLI_FLAG, NULL, NULL, NULL}};

static const cli_option *find_in(const cli_option *options, const char *name, size_t length, char letter)
{
    for (; options != NULL && options->name != NULL; options++) {
        bool named = name != NULL && strlen(options->name) == length && strncmp(options->name, name, length) == 0;
        if (named || (letter != 0 && options->letter == letter)) {
            return options;
        }
    }
    return NULL;
}

static const cli_option *find_option(const cli_command *command, const char *name, size_t length, char letter)
{
    const cli_option *found = command->options == NULL ? NULL : find_in(command->options(), name, length, letter);
    return found != NULL ? found : find_in(common_options, name, length, letter);
}

/* Levenshtein distance of short words, for "did you mean". */
static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length)
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
    const cli_option *tables[] = {command->options == NULL ? NULL : command->options(), common_options};
    for (size_t t = 0; t < 2; t++) {
        for (const cli_option *option = tables[t]; option != NULL && option->name != NULL; option++) {
            size_t apart = distance(name, length, option->name, strlen(option->name));
            if (apart < least) {
                least = apart;
                nearest = option->name;
            }
        }
    }
    fprintf(stderr, "wend %s: there is no option --%.*s", command->name, (int)length, name);
    fprintf(stderr, nearest != NULL ? "; did you mean --%s?\n" : "; see wend %s --help\n", nearest != NULL ? nearest : command->name);
}

bool cli_duration(const char *text, int64_t *microseconds)
{
    static const struct {
        const char *unit;
        double microseconds;
    } units[] = {{"us", 1}, {"ms", 1e3}, {"s", 1e6}, {"sec", 1e6}, {"second", 1e6}, {"seconds", 1e6}, {"m", 6e7}, {"min", 6e7},
                 {"minute", 6e7}, {"minutes", 6e7}, {"h", 3.6e9}, {"hour", 3.6e9}, {"hours", 3.6e9}, {"d", 8.64e10},
                 {"day", 8.64e10}, {"days", 8.64e10}, {"w", 6.048e11}, {"week", 6.048e11}, {"weeks", 6.048e11}};
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
    } units[] = {{"", 1}, {"k", 1000}, {"K", 1000}, {"M", 1000000}, {"G", 1000000000},
                 {"KiB", 1024}, {"MiB", 1 << 20}, {"GiB", 1 << 30}};
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
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
        wanted = parse_integer(value, option->target) ? NULL : "a whole number";
        break;
    default:
        wanted = cli_duration(value, option->target) ? NULL : "a duration such as 30s, 5min, 1h or 7d";
        break;
    }
    if (wanted != NULL) {
        fprintf(stderr, "wend %s: --%s %s: wanted is %s\n", command->name, option->name, value, wanted);
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
            fprintf(stderr, "wend %s: there is no option -%c; see wend %s --help\n", command->name, word[1], command->name);
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
            fprintf(stderr, "wend %s: --%s needs a value: %s\n", command->name, option->name, option->argument);
            return false;
        }
        value = argv[++*at];
    }
    return take_value(command, option, value);
}

bool cli_parse(const cli_command *command, int argc, char **argv, size_t words_min, size_t words_max, cli_words *words,
               int *exit_code)
{
    bool options_over = false;
    words->count = 0;
    *exit_code = EXIT_USED_WRONGLY;
    for (int i = 1; i < argc; i++) {
        if (!options_over && strcmp(argv[i], "--") == 0) {
            options_over = true;
        } else if (!options_over && argv[i][0] == '-' && argv[i][1] != '\0') {
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
            fprintf(stderr, "wend %s: \"%s\" is one argument too many\n", command->name, words->items[words_max]);
        }
        fprintf(stderr, "usage: wend [-d DIR] %s\n       wend %s --help says more\n", command->usage, command->name);
        return false;
    }
    return true;
}

static void print_options(const cli_option *options, FILE *out)
{
    enum { HELP_COLUMN = 30 };
    for (; options != NULL && options->name != NULL; options++) {
        char left[96];
        char letter[5] = "   ";
        if (options->letter) {
            snprintf(letter, sizeof letter, "-%c,", options->letter);
        }
        int length = snprintf(left, sizeof left, "  %s --%s %s", letter, options->name, options->argument ? options->argument : "");
        if (length >= HELP_COLUMN) { /* too long for its column: the help goes on the next line */
            fprintf(out, "%s\n", left);
            length = 0;
            left[0] = '\0';
        }
        fprintf(out, "%s%*s%s\n", left, HELP_COLUMN - length, "", options->help);
    }
}

void cli_help(const cli_command *command, FILE *out)
{
    fprintf(out, "wend %s - %s\n\nusage: wend [-d DIR] %s\n\n%s\n\noptions:\n", command->name, command->summary, command->usage,
            command->text);
    print_options(command->options == NULL ? NULL : command->options(), out);
    print_options(common_options, out);
}

/* roff wants its dashes and leading dots told apart from its own. */
static void print_roff(const char *text, FILE *out)
{
    bool line_start = true;
    for (; *text != '\0'; text++) {
        if (line_start && (*text == '.' || *text == '\'')) {
            fputs("\\&", out);
        }
        line_start = *text == '\n';
        if (*text == '\\') {
            fputs("\\e", out);
        } else if (*text == '-') {
            fputs("\\-", out);
        } else {
            fputc(*text, out);
        }
    }
}

void cli_man(const cli_command *command, FILE *out)
{
    fprintf(out, ".TH WEND-%s 1 \"\" \"wend %s\" \"wend manual\"\n.SH NAME\nwend\\-%s \\- ", command->name, wend_version(), command->name);
    print_roff(command->summary, out);
    fprintf(out, "\n.SH SYNOPSIS\n.nf\nwend [\\-d DIR] ");
    print_roff(command->usage, out);
    fprintf(out, "\n.fi\n.SH DESCRIPTION\n.nf\n");
    print_roff(command->text, out);
    fprintf(out, "\n.fi\n.SH OPTIONS\n");
    const cli_option *tables[] = {command->options == NULL ? NULL : command->options(), common_options};
    for (size_t t = 0; t < 2; t++) {
        for (const cli_option *option = tables[t]; option != NULL && option->name != NULL; option++) {
            fprintf(out, ".TP\n");
            if (option->letter) {
                fprintf(out, "\\-%c, ", option->letter);
            }
            fprintf(out, "\\-\\-");
            print_roff(option->name, out);
            fprintf(out, " %s\n", option->argument ? option->argument : "");
            print_roff(option->help, out);
            fputc('\n', out);
        }
    }
    fprintf(out, ".SH EXIT STATUS\n0 done, 1 could not, 2 used wrongly, 3 data damaged\n");
}
