/* The map of segments: options for tools/inspect, which does the work. */
#include "tools/cli/commands.h"
#include "tools/inspect/inspect.h"

static wend_inspect_request request;
static const char *format_name;
static bool json_asked;

const cli_option *cli_inspect_options(void)
{
    static const cli_option options[] = {
        {"why", 0, CLI_FLAG, &request.why, NULL,
         "for each column, what was chosen, what else it could have been and what that would cost"},
        {"html", 0, CLI_TEXT, &request.html, "FILE", "write a page with pictures instead"},
        {"row-groups", 0, CLI_FLAG, &request.row_groups, NULL, "each row group by itself"},
        {"pages", 0, CLI_FLAG, &request.pages, NULL, "each page"},
        {"total", 0, CLI_FLAG, &request.total, NULL, "the sum over all segments alone"},
        {"segment", 0, CLI_TEXT, &request.segment, "UUID", "of the table's segments, this one"},
        {"format", 'f', CLI_TEXT, &format_name, "FORMAT", "text (default) or json"},
        {"json", 0, CLI_FLAG, &json_asked, NULL, "the same as --format json"},
        {NULL, 0, CLI_FLAG, NULL, NULL, NULL}};
    return options;
}

int cli_inspect(const cli_command *command, int argc, char **argv)
{
    cli_words words;
    int code;
    if (!cli_parse(command, argc, argv, 1, CLI_LIST_MAX, &words, &code)) {
        return code;
    }
    if (!cli_text_or_json(command, "format", format_name, false, &request.json)) {
        return EXIT_USED_WRONGLY;
    }
    request.json |= json_asked;
    if (request.html != NULL &&
        (request.json || request.pages || request.row_groups || request.total)) {
        fprintf(stderr, "wend inspect: --html writes a page of everything; of the other options "
                        "only --why and --segment go with it\n");
        return EXIT_USED_WRONGLY;
    }
    if (request.total && (request.row_groups || request.pages)) {
        fprintf(stderr, "wend inspect: --total has no row groups or pages\n");
        return EXIT_USED_WRONGLY;
    }
    request.store = cli_store_path;
    request.words = words.items;
    request.word_count = words.count;
    return wend_inspect(&request);
}
