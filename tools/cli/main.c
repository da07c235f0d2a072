/*
 * wend: the program. Finds the command, and holds what all commands share: the store's folder,
 * whole files, signals, and that what was printed did arrive.
 */
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/bytes.h"
#include "tools/cli/commands.h"

const char *cli_store_path;

int cli_open_store(bool create, wend_store **store)
{
    wend_error error;
    const char *path = cli_store_path != NULL ? cli_store_path : getenv("WEND_DIR");
    if (path == NULL || path[0] == '\0') {
        fprintf(stderr, "wend: which store? Give -d DIR or set WEND_DIR\n");
        return EXIT_USED_WRONGLY;
    }
    return wend_store_open(path, create, store, &error) == WEND_OK ? EXIT_DONE
                                                                   : cli_fail(&error, NULL);
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

/* Options before the command: -d DIR, --version, --help. Gives the index of the command's name, or
 * 0: the program is to end with *exit_code. */
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
            cli_help_all(stdout);
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
            fprintf(stderr,
                    apart ? "wend: %s needs a folder\n"
                          : "wend: there is no option %s before the command; wend help lists the "
                            "commands\n",
                    word);
            return 0;
        }
    }
    if (at == argc) {
        cli_help_all(stderr);
        return 0;
    }
    return at;
}

/* A full disk or a closed pipe behind standard output is a failure, whatever else went well. */
static int end(int exit_code)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "wend: cannot write to standard output: %s\n", strerror(errno));
        return exit_code == EXIT_DONE ? EXIT_COULD_NOT : exit_code;
    }
    return exit_code;
}

int main(int argc, char **argv)
{
    int exit_code;
    setlocale(LC_CTYPE, "C.UTF-8");
    signal(SIGPIPE, SIG_DFL);
    int at = skip_globals(argc, argv, &exit_code);
    if (at == 0) {
        return end(exit_code);
    }
    const cli_command *command = cli_find(argv[at]);
    if (command == NULL) {
        return cli_unknown_command(argv[at]);
    }
    return end(command->run(command, argc - at, argv + at));
}
