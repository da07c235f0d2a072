/*
 * The pages of a command, as text for --help and as roff for manual pages, both from its record and
 * its option table (command.h).
 */
#include <ctype.h>
#include <string.h>

#include "tools/cli/commands.h"

enum { HELP_COLUMN = 30, HELP_WIDTH = 88 };

static const char exit_status[] =
    "0 done; 1 could not: something is missing, busy, refused or full;\n"
    "2 used wrongly: options, SQL or DDL; 3 stored data is damaged.\n";

/* ---- text ---- */

/* `help` behind its column, broken between words. */
static void print_wrapped(const char *help, FILE *out)
{
    int column = HELP_COLUMN;
    while (*help != '\0') {
        size_t word = strcspn(help, " ");
        if (column > HELP_COLUMN && column + 1 + (int)word > HELP_WIDTH) {
            fprintf(out, "\n%*s", HELP_COLUMN, "");
            column = HELP_COLUMN;
        } else if (column > HELP_COLUMN) {
            fputc(' ', out);
            column++;
        }
        fprintf(out, "%.*s", (int)word, help);
        column += (int)word;
        help += word + (help[word] == ' ');
    }
    fputc('\n', out);
}

static void print_options(const cli_option *options, FILE *out)
{
    for (; options != NULL && options->name != NULL; options++) {
        char left[96];
        char letter[5] = "   ";
        if (options->letter) {
            snprintf(letter, sizeof letter, "-%c,", options->letter);
        }
        int length = snprintf(left, sizeof left, "  %s --%s %s", letter, options->name,
                              options->argument ? options->argument : "");
        int columns = cli_width((wendi_string){left, (uint32_t)length});
        if (columns >= HELP_COLUMN) { /* too long for its column: the help goes on the next line */
            fprintf(out, "%s\n%*s", left, HELP_COLUMN, "");
        } else {
            fprintf(out, "%s%*s", left, HELP_COLUMN - columns, "");
        }
        print_wrapped(options->help, out);
    }
}

void cli_help(const cli_command *command, FILE *out)
{
    fprintf(out, "wend %s - %s\n\nusage: wend [-d DIR] %s\n\n%s\n\noptions:\n", command->name,
            command->summary, command->usage, command->text);
    print_options(command->options == NULL ? NULL : command->options(), out);
    print_options(cli_common_options, out);
    fprintf(out, "\nexit status:\n%s", exit_status);
}

/* ---- roff ---- */

/* roff wants its dashes, backslashes and leading dots told apart from its own. */
static void print_roff(const char *text, size_t length, FILE *out)
{
    for (size_t i = 0; i < length; i++) {
        if (i == 0 && (text[i] == '.' || text[i] == '\'')) {
            fputs("\\&", out);
        }
        if (text[i] == '\\') {
            fputs("\\e", out);
        } else if (text[i] == '-') {
            fputs("\\-", out);
        } else {
            fputc(text[i], out);
        }
    }
}

/* Paragraphs are filled; lines that begin with two spaces stand as they are. */
static void print_roff_text(const char *text, FILE *out)
{
    bool verbatim = false;
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");
        bool indented = strncmp(text, "  ", 2) == 0;
        if (verbatim != indented) {
            fputs(indented ? ".PP\n.nf\n.RS 4\n" : ".RE\n.fi\n", out);
            verbatim = indented;
        }
        if (length == 0) {
            const char *next = text + 1;
            fputs(*next == '\0' || strncmp(next, "  ", 2) == 0 || verbatim ? "" : ".PP\n", out);
        } else {
            print_roff(text + (indented ? 2 : 0), length - (indented ? 2 : 0), out);
            fputc('\n', out);
        }
        text += length + (text[length] == '\n');
    }
    if (verbatim) {
        fputs(".RE\n.fi\n", out);
    }
}

static void print_roff_options(const cli_option *options, FILE *out)
{
    for (; options != NULL && options->name != NULL; options++) {
        fputs(".TP\n", out);
        if (options->letter) {
            fprintf(out, "\\fB\\-%c\\fR, ", options->letter);
        }
        fputs("\\fB\\-\\-", out);
        print_roff(options->name, strlen(options->name), out);
        fputs("\\fR", out);
        if (options->argument != NULL) {
            fputs(" \\fI", out);
            print_roff(options->argument, strlen(options->argument), out);
            fputs("\\fR", out);
        }
        fputc('\n', out);
        print_roff(options->help, strlen(options->help), out);
        fputc('\n', out);
    }
}

static void print_title(const char *name, FILE *out)
{
    fputs(".TH WEND", out);
    if (name[0] != '\0') {
        fputc('-', out);
    }
    for (; *name != '\0'; name++) {
        fputc(toupper((unsigned char)*name), out);
    }
    fprintf(out, " 1 \"\" \"wend %s\" \"wend manual\"\n.SH NAME\n", wend_version());
}

void cli_man(const cli_command *command, FILE *out)
{
    print_title(command->name, out);
    fputs("wend\\-", out);
    print_roff(command->name, strlen(command->name), out);
    fputs(" \\- ", out);
    print_roff(command->summary, strlen(command->summary), out);
    fputs("\n.SH SYNOPSIS\n\\fBwend\\fR [\\fB\\-d\\fR \\fIDIR\\fR] ", out);
    print_roff(command->usage, strlen(command->usage), out);
    fputs("\n.SH DESCRIPTION\n", out);
    print_roff_text(command->text, out);
    fputs(".SH OPTIONS\n", out);
    print_roff_options(command->options == NULL ? NULL : command->options(), out);
    print_roff_options(cli_common_options, out);
    fprintf(out, ".SH EXIT STATUS\n%s.SH SEE ALSO\n.BR wend (1)\n", exit_status);
}

static const char environment[] =
    ".TP\n\\fBWEND_DIR\\fR\nThe store, when \\-d is not given.\n"
    ".TP\n\\fBWEND_IO\\fR\nuring or posix: how files are read and written. Without it io_uring "
    "is "
    "taken where the system has it.\n"
    ".TP\n\\fBWEND_ISA\\fR\nscalar, avx2, avx512 or, on aarch64, neon: the instruction set of "
    "inner loops. All give the same answers. One that the machine cannot run is an error.\n"
    ".TP\n\\fBWEND_CACHE_BYTES\\fR\nMemory that may be kept of opened tables between queries. Without "
    "it an eighth of the machine's memory; 0 keeps nothing.\n"
    ".TP\n\\fBWEND_NOW\\fR\nWhat now() and the check of future times take for the present, for "
    "runs that repeat: an RFC 3339 time.\n"
    ".TP\n\\fBTZDIR\\fR\nThe folder of time zones, /usr/share/zoneinfo unless set.\n";

void cli_man_all(FILE *out)
{
    print_title("", out);
    fputs("wend \\- a clickstream engine in one program\n.SH SYNOPSIS\n\\fBwend\\fR [\\fB\\-d\\fR "
          "\\fIDIR\\fR] \\fICOMMAND\\fR …\n.SH DESCRIPTION\n"
          "Takes JSON events from Kafka or files, exactly once, keeps them in compressed columnar\n"
          "segments in a folder, and answers questions about them: counts, sessions, funnels, "
          "paths,\nretention. A store is a folder (\\-d) with one folder a table.\n"
          ".SH COMMANDS\n",
          out);
    for (size_t i = 0; cli_commands[i] != NULL; i++) {
        if (!cli_commands[i]->hidden) {
            fputs(".TP\n\\fBwend\\-", out);
            print_roff(cli_commands[i]->name, strlen(cli_commands[i]->name), out);
            fputs("\\fR(1)\n", out);
            print_roff(cli_commands[i]->summary, strlen(cli_commands[i]->summary), out);
            fputc('\n', out);
        }
    }
    fprintf(out, ".SH ENVIRONMENT\n%s.SH EXIT STATUS\n%s", environment, exit_status);
}
