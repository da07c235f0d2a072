/* compact: merge a table's segments, and say what became of them. */
#include "tools/cli/commands.h"

static int64_t target_bytes;
static int64_t memory_bytes;
static int64_t level;
static bool all;
static bool dry_run;
static bool json;
static const char *format_name;

const cli_option *cli_compact_options(void)
{
    static const cli_option options[] = {
        {"target-size", 0, CLI_INTEGER, &target_bytes, "BYTES",
         "about the size of a file that holds a whole window (default: 1GiB)"},
        {"level", 0, CLI_INTEGER, &level, "N", "of zstd for texts, 1 to 19 (default: 12)"},
        {"all", 0, CLI_FLAG, &all, NULL, "rewrite finished files, too, that have little news"},
        {"dry-run", 'n', CLI_FLAG, &dry_run, NULL, "say what would be done, and do nothing"},
        {"memory-limit", 0, CLI_INTEGER, &memory_bytes, "BYTES",
         "about the most memory to use (default: 1GiB)"},
        {"format", 'f', CLI_TEXT, &format_name, "FORMAT", "text (default) or json"},
        {NULL, 0, CLI_FLAG, NULL, NULL, NULL}};
    return options;
}

typedef struct compact_report {
    uint64_t steps;
    wend_compact_step total;
} compact_report;

static void print_numbers(const wend_compact_step *step)
{
    if (json) {
        printf("{\"rows\":%llu,\"files_before\":%llu,\"bytes_before\":%llu,\"files_after\":%llu,"
               "\"bytes_after\":%llu,\"partial\":%s,\"seconds\":%.3f}",
               (unsigned long long)step->row_count, (unsigned long long)step->files_before,
               (unsigned long long)step->bytes_before, (unsigned long long)step->files_after,
               (unsigned long long)step->bytes_after, step->partial ? "true" : "false",
               step->seconds);
        return;
    }
    printf("%llu rows: %llu file%s of %.1f MB %s %llu of %s%.1f MB",
           (unsigned long long)step->row_count, (unsigned long long)step->files_before,
           step->files_before == 1 ? "" : "s", (double)step->bytes_before / 1e6,
           dry_run ? "would become" : "became", (unsigned long long)step->files_after,
           dry_run ? "at most some " : "", (double)step->bytes_after / 1e6);
    if (!dry_run) {
        printf(", %.2f bytes a row, in %.2f s",
               step->row_count != 0 ? (double)step->bytes_after / (double)step->row_count : 0.0,
               step->seconds);
    }
    printf("%s\n", step->partial ? "; to be merged further" : "");
}

static void print_step(void *context, const wend_compact_step *step)
{
    compact_report *report = context;
    if (json) {
        printf("%s", report->steps == 0 ? "" : ",");
    }
    print_numbers(step);
    fflush(stdout);
    report->steps++;
    report->total.seconds += step->seconds;
}

static int compact_table(wend_store *store, const char *table)
{
    wend_compact_options options;
    wend_error error;
    compact_report report = {0};
    wend_compact_options_init(&options);
    options.target_bytes = (uint64_t)target_bytes;
    options.memory_bytes = (uint64_t)memory_bytes;
    options.level = (int)level;
    options.all = all;
    options.dry_run = dry_run;
    if (json) {
        printf("{\"table\":\"%s\",\"dry_run\":%s,\"steps\":[", table, dry_run ? "true" : "false");
    }
    wend_status status = wend_compact_table(store, table, &options, print_step, &report, &error);
    if (json) {
        printf("],\"done\":%s}\n", status == WEND_OK ? "true" : "false");
    } else if (status == WEND_OK && report.steps == 0) {
        printf("%s: nothing to merge\n", table);
    }
    return status == WEND_OK ? EXIT_DONE : cli_fail(&error, NULL);
}

int cli_compact(const cli_command *command, int argc, char **argv)
{
    cli_words words;
    wend_store *store;
    int code;
    if (!cli_parse(command, argc, argv, 1, 1, &words, &code)) {
        return code;
    }
    if (!cli_text_or_json(command, "format", format_name, false, &json)) {
        return EXIT_USED_WRONGLY;
    }
    if (target_bytes < 0 || memory_bytes < 0 || level < 0 || level > 100) {
        fprintf(stderr, "wend compact: sizes and the level are positive numbers\n");
        return EXIT_USED_WRONGLY;
    }
    code = cli_open_store(false, &store);
    if (code == EXIT_DONE) {
        code = compact_table(store, words.items[0]);
        wend_store_close(store);
    }
    return code;
}
