/* verify: read every byte of a table and say which are not as they were written. */
#include "tools/cli/commands.h"

static void print_finding(void *context, const wend_finding *finding)
{
    (void)context;
    printf("%s: %s\n", finding->path, finding->message);
}

int cli_verify(const cli_command *command, int argc, char **argv)
{
    cli_words words;
    wend_store *store;
    wend_error error;
    int code;
    if (!cli_parse(command, argc, argv, 1, 1, &words, &code)) {
        return code;
    }
    code = cli_open_store(false, &store);
    if (code != EXIT_DONE) {
        return code;
    }
    if (wend_verify_table(store, words.items[0], print_finding, NULL, &error) == WEND_OK) {
        printf("%s: every byte is as it was written\n", words.items[0]);
    } else {
        code = cli_fail(&error, NULL);
        if (code == EXIT_DAMAGED) {
            fprintf(stderr, "hint: put these files back from a copy, or ask with --skip-corrupt; "
                            "docs/OPERATIONS.md says more\n");
        }
    }
    wend_store_close(store);
    return code;
}
