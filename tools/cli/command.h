/**
 * Commands of the program: one record each, from which dispatch, --help, man pages and shell
 * completion are all made.
 *
 * A command describes its options in a table of cli_option; parsing, its errors and the help text
 * follow from the table, so that none of them can disagree. Exit codes are the program's contract.
 */
#ifndef WEND_CLI_COMMAND_H
#define WEND_CLI_COMMAND_H

#include <stdbool.h>
#include <stdio.h>

#include "wend/wend.h"

enum { EXIT_DONE = 0, EXIT_COULD_NOT = 1, EXIT_USED_WRONGLY = 2, EXIT_DAMAGED = 3 };

typedef enum cli_kind {
    CLI_FLAG,    /* bool *: set to true */
    CLI_TEXT,    /* const char **: the last one given counts */
    CLI_LIST,    /* cli_list *: every one given, in order */
    CLI_INTEGER, /* int64_t *: with an optional k, M or G (and KiB, MiB, GiB for bytes) */
    CLI_DURATION /* int64_t *, microseconds: 500ms, 30s, 5 min, 1h, 7d */
} cli_kind;

enum { CLI_LIST_MAX = 256 };

typedef struct cli_list {
    const char *items[CLI_LIST_MAX];
    size_t count;
} cli_list;

typedef struct cli_option {
    const char *name; /* without the dashes; NULL ends the table */
    char letter;      /* 0: none */
    cli_kind kind;
    void *target;
    const char *argument; /* shown in help: "FILE"; NULL for flags */
    const char *help;
} cli_option;

/** What a command line came to. Words that are no options stand in `words`, in order. */
typedef struct cli_words {
    const char *items[CLI_LIST_MAX];
    size_t count;
} cli_words;

typedef struct cli_command cli_command;
struct cli_command {
    const char *name;
    const char *summary; /* one line */
    const char *usage;   /* behind "wend [-d DIR] " */
    const char *text;    /* paragraphs and examples */
    /** The option table (static storage: one command runs a process), NULL: the command parses for
     * itself. */
    const cli_option *(*options)(void);
    int (*run)(const cli_command *command, int argc, char **argv);
    bool hidden;
};

/** The folder of the store: -d, else $WEND_DIR; NULL when neither was given. */
extern const char *cli_store_path;

/**
 * Parse argv[1..] by the command's table. False: the program is to end with *exit_code at once
 * (help was printed, or a mistake was told). `words_min`/`words_max` bound the words that are no
 * options.
 */
bool cli_parse(const cli_command *command, int argc, char **argv, size_t words_min,
               size_t words_max, cli_words *words, int *exit_code);
/** What an option whose value is "text" or "json" says; `given` NULL: the default. False: the
 * mistake was told. */
bool cli_text_or_json(const cli_command *command, const char *option, const char *given,
                      bool json_by_default, bool *json);
/** Every command has these beside its own. */
extern const cli_option cli_common_options[];
/** One command's page, as text and as roff; and the page of all. */
void cli_help(const cli_command *command, FILE *out);
void cli_man(const cli_command *command, FILE *out);
void cli_help_all(FILE *out);
void cli_man_all(FILE *out);
/** Levenshtein distance of short words, for "did you mean". */
size_t cli_distance(const char *a, size_t a_length, const char *b, size_t b_length);
/** Tell that there is no such command; gives the exit code. */
int cli_unknown_command(const char *name);

/** All commands; the last has a NULL name. */
extern const cli_command *const cli_commands[];
const cli_command *cli_find(const char *name);

/** Print an error (with the SQL underlined when `sql` is given and the error has a position); gives
 * the exit code. */
int cli_fail(const wend_error *error, const char *sql);
/** What an error means for a script: what is wrong within a statement (it has a position) is a use
 * gone wrong. */
int cli_exit_code(const wend_error *error);
/** Bytes [begin, end) of the SQL that will be run came from this option: errors there are shown in
 * it. */
void cli_span_add(const char *option, size_t begin, size_t end);
/** Open the store of -d; on failure prints and returns the exit code, else EXIT_DONE. */
int cli_open_store(bool create, wend_store **store);
/** Parse "30 min", "1h", "500ms" to microseconds; false when it is none. */
bool cli_duration(const char *text, int64_t *microseconds);
/** Read a whole file ("-": standard input) into NUL-terminated memory that the caller frees; NULL
 * after telling why not. */
char *cli_read_file(const char *path);
/** True once the user asked to stop (SIGINT, SIGTERM); cli_catch_signals() must have been called.
 */
bool cli_stopped(void);
void cli_catch_signals(void);

#endif
