/* help: the list of commands, their pages as text or roff, completion for bash. */
#include <string.h>

#include "tools/cli/commands.h"

static bool man_asked;
static bool completion_asked;

const cli_option *cli_help_options(void)
{
    static const cli_option options[] = {
        {"man", 0, CLI_FLAG, &man_asked, NULL, "print the manual page instead, for man -l"},
        {"completion", 0, CLI_FLAG, &completion_asked, NULL, "print completion for bash"},
        {NULL, 0, CLI_FLAG, NULL, NULL, NULL}};
    return options;
}

int cli_unknown_command(const char *name)
{
    const char *nearest = NULL;
    size_t least = 3;
    for (size_t i = 0; cli_commands[i] != NULL; i++) {
        const char *other = cli_commands[i]->name;
        size_t apart = cli_distance(name, strlen(name), other, strlen(other));
        if (apart < least && !cli_commands[i]->hidden) {
            least = apart;
            nearest = other;
        }
    }
    fprintf(stderr, "wend: there is no command %s; ", name);
    if (nearest != NULL) {
        fprintf(stderr, "did you mean %s? ", nearest);
    }
    fprintf(stderr, "wend help lists all\n");
    return EXIT_USED_WRONGLY;
}

void cli_help_all(FILE *out)
{
    fprintf(out,
            "wend %s: a clickstream engine in one program\n\nusage: wend [-d DIR] COMMAND …\n\n",
            wend_version());
    for (size_t i = 0; cli_commands[i] != NULL; i++) {
        if (!cli_commands[i]->hidden) {
            fprintf(out, "  %-12s %s\n", cli_commands[i]->name, cli_commands[i]->summary);
        }
    }
    fprintf(out,
            "\n-d DIR names the store, a folder (default: $WEND_DIR). wend COMMAND --help says "
            "more.\nExit status: 0 done, 1 could not, 2 used wrongly, 3 data damaged.\n");
}

/* Words of a table's options, in both lengths. */
static void print_option_words(const cli_option *options)
{
    for (; options != NULL && options->name != NULL; options++) {
        printf(" --%s", options->name);
        if (options->letter != 0) {
            printf(" -%c", options->letter);
        }
    }
}

/* A bash function: commands first, then the command's options, files otherwise. */
static void print_completion(void)
{
    printf(
        "_wend()\n{\n    local word=${COMP_WORDS[COMP_CWORD]} command= skip= i\n"
        "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
        "        case ${COMP_WORDS[i]} in\n"
        "        -d | --dir) skip=$((i + 1)) ;;\n"
        "        -*) ;;\n"
        "        *) if [ \"$i\" != \"$skip\" ]; then command=${COMP_WORDS[i]}; break; fi ;;\n"
        "        esac\n    done\n    COMPREPLY=()\n    case $command in\n"
        "    '') [ \"$COMP_CWORD\" = \"$skip\" ] || COMPREPLY=($(compgen -W \"-d --version --help");
    for (size_t i = 0; cli_commands[i] != NULL; i++) {
        if (!cli_commands[i]->hidden) {
            printf(" %s", cli_commands[i]->name);
        }
    }
    printf("\" -- \"$word\")) ;;\n");
    for (size_t i = 0; cli_commands[i] != NULL; i++) {
        if (!cli_commands[i]->hidden) {
            printf("    %s) [[ $word != -* ]] || COMPREPLY=($(compgen -W \"--help --dir",
                   cli_commands[i]->name);
            print_option_words(cli_commands[i]->options == NULL ? NULL
                                                                : cli_commands[i]->options());
            printf("\" -- \"$word\")) ;;\n");
        }
    }
    printf("    esac\n}\ncomplete -o default -F _wend wend\n");
}

int cli_help_run(const cli_command *command, int argc, char **argv)
{
    cli_words words;
    int code;
    if (!cli_parse(command, argc, argv, 0, 1, &words, &code)) {
        return code;
    }
    if (completion_asked) {
        print_completion();
    } else if (words.count == 0) {
        (man_asked ? cli_man_all : cli_help_all)(stdout);
    } else {
        const cli_command *asked = cli_find(words.items[0]);
        if (asked == NULL) {
            return cli_unknown_command(words.items[0]);
        }
        (man_asked ? cli_man : cli_help)(asked, stdout);
    }
    return EXIT_DONE;
}
